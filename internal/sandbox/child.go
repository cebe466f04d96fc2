package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/extract/read"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readerr"
	"seedbed/internal/fetch"
	"seedbed/internal/seedbed"
)

// IsChild reports whether arguments, those after the program's name, are the
// ones that Read and Warm start a child with.
func IsChild(args []string) bool {
	return len(args) >= 2 && args[0] == "read" && args[1] == "--child"
}

func childArgs(o Options) []string {
	return []string{
		"read", "--child",
		"--memory", strconv.FormatInt(o.Memory, 10),
		"--wall", o.WallTime.String(),
		"--cache", o.CacheDir,
		"--ocr", o.OCR,
		"--whole-page=" + strconv.FormatBool(o.WholePage),
	}
}

// A reader reads the file or folder at path.
type reader func(ctx context.Context, path, name string, opts read.Options) (*extract.Document, error)

// Child is what the child process does with its arguments: it limits itself,
// reads the file and writes the document, or why there is none, to standard
// output. It returns the exit status.
func Child(ctx context.Context, args []string) int {
	return child(ctx, args, os.Stdout, document)
}

func child(ctx context.Context, args []string, out io.Writer, do reader) int {
	f := flag.NewFlagSet("read --child", flag.ContinueOnError)
	memory := f.Int64("memory", 0, "bytes")
	wall := f.Duration("wall", 0, "time")
	cache := f.String("cache", "", "folder")
	name := f.String("name", "", "of the file")
	ocr := f.String("ocr", "", "program")
	whole := f.Bool("whole-page", false, "of HTML")
	warm := f.Bool("warm", false, "only fill the cache")
	page := f.Int("page", 0, "draw this page, and read nothing")
	width := f.Int("width", 0, "of the drawing, in pixels")
	bring := f.Bool("fetch", false, "fetch what standard input says")
	if err := f.Parse(args[2:]); err != nil {
		return 2
	}
	size := int64(128 << 20) // the cache is written once, 21 MB
	if *bring {
		size = 4 << 30 // what arrives is bounded by itself
	}
	confine(*memory, *wall, size)
	debug.SetMaxStack(128 << 20) // a file that makes a reader recurse is found out early

	var r reply
	switch {
	case *bring:
		r = fetched(ctx, os.Stdin)
	case *warm:
		if err := pdf.Warm(ctx, *cache); err != nil {
			r.Error = seedbed.Errorf(seedbed.Internal, "%w", err)
		}
	case *page > 0:
		img, err := draw(ctx, f.Arg(0), *name, *page, *width, *cache)
		r.Image, r.Error = img, explain(*name, err)
	default:
		d, err := do(ctx, f.Arg(0), *name, read.Options{CacheDir: *cache, OCR: *ocr, WholePage: *whole})
		r.Document, r.Error = d, explain(*name, err)
	}
	w := bufio.NewWriterSize(out, 1<<16)
	if err := json.NewEncoder(w).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fetched carries out an order.
func fetched(ctx context.Context, in io.Reader) reply {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return reply{Error: seedbed.Errorf(seedbed.Internal, "understand what to fetch: %w", err)}
	}
	got, err := fetch.To(ctx, o.Options, o.Address, o.Dir)
	if err == nil {
		return reply{Fetched: &got}
	}
	return reply{Error: &seedbed.Error{Code: seedbed.CodeOf(err), Message: err.Error()}}
}

// document reads with the reader for the file's format.
func document(ctx context.Context, path, name string, opts read.Options) (*extract.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return read.File(ctx, path, opts)
	}
	return read.Document(ctx, f, info.Size(), name, opts)
}

// draw draws a page of a PDF.
func draw(ctx context.Context, path, name string, page, width int, cache string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return pdf.Image(ctx, f, info.Size(), name, page, width, pdf.Options{CacheDir: cache})
}

// explain turns a reader's error into one for people, nil into nil.
func explain(name string, err error) *seedbed.Error {
	if err == nil {
		return nil
	}
	code, advice := seedbed.Unreadable, ""
	switch {
	case errors.Is(err, readerr.ErrEmpty):
		code, advice = seedbed.Invalid, "Upload it again; it may have been cut off on the way."
	case errors.Is(err, readerr.ErrEncrypted):
		code, advice = seedbed.Encrypted, "Save a copy without its password and upload that."
	case errors.Is(err, readerr.ErrNoText):
		code = seedbed.NoText
	case errors.Is(err, readerr.ErrTooLarge):
		code = seedbed.TooLarge
	case errors.Is(err, readerr.ErrUnsupported):
	case errors.Is(err, readerr.ErrCorrupt):
		advice = "Save it anew with the program it came from, or upload it again."
	}
	reason := strings.TrimPrefix(err.Error(), "read "+name+": ")
	message := fmt.Sprintf("%s: %s.", name, strings.TrimRight(reason, "."))
	if advice != "" {
		message += " " + advice
	}
	return &seedbed.Error{Code: code, Message: message}
}

// cpuSeconds is the computing time that goes with a wall time, on two cores.
func cpuSeconds(wall time.Duration) uint64 {
	return uint64(2*wall.Seconds()) + 5
}
