package sandbox

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	goruntime "runtime"
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
// ones that children are started with.
func IsChild(args []string) bool {
	return len(args) >= 2 && args[0] == "read" && args[1] == "--child"
}

func childArgs(k kind) []string {
	return []string{
		"read", "--child",
		"--memory", strconv.FormatInt(k.memory, 10),
		"--files", strconv.FormatInt(k.fileSize, 10),
		"--cache", k.cache,
	}
}

// A reader reads the file or folder at path.
type reader func(ctx context.Context, path, name string, opts read.Options) (*extract.Document, error)

// Child is what the child process does with its arguments: it limits itself
// and carries out the orders on standard input, one after the other, until
// there are none. For each it writes a reply to standard output. It returns
// the exit status.
func Child(ctx context.Context, args []string) int {
	return child(ctx, args, os.Stdin, os.Stdout, document)
}

func child(ctx context.Context, args []string, in io.Reader, out io.Writer, do reader) int {
	f := flag.NewFlagSet("read --child", flag.ContinueOnError)
	memory := f.Int64("memory", 0, "bytes")
	files := f.Int64("files", 0, "bytes that may be written")
	cache := f.String("cache", "", "folder")
	if err := f.Parse(args[2:]); err != nil {
		return 2
	}
	confine(*memory, *files)
	debug.SetMaxStack(128 << 20) // a file that makes a reader recurse is found out early

	// Memory that is never touched, and so never taken, lets small files do
	// without a collection. For large ones 40 % takes a fifth less memory than
	// the usual 100 for next to no time.
	ballast := make([]byte, 16<<20)
	defer goruntime.KeepAlive(ballast)
	debug.SetGCPercent(40)

	c := worker{cache: *cache, pdf: pdf.NewRuntime(*cache), read: do}
	orders, w := gob.NewDecoder(in), bufio.NewWriterSize(out, 1<<16)
	replies := gob.NewEncoder(w)
	for {
		var o order
		err := orders.Decode(&o)
		if err == io.EOF {
			return 0
		}
		if err == nil {
			confineTime(o.Wall)
			err = replies.Encode(c.carryOut(ctx, o))
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
}

// A worker is what a child keeps from order to order.
type worker struct {
	cache string
	pdf   *pdf.Runtime
	read  reader
}

func (w worker) carryOut(ctx context.Context, o order) (r reply) {
	var err error
	switch {
	case o.Fetch != nil:
		var got fetch.Fetched
		if got, err = fetch.To(ctx, o.Fetch.Options, o.Fetch.Address, o.Fetch.Dir); err != nil {
			r.Error = &seedbed.Error{Code: seedbed.CodeOf(err), Message: err.Error()}
			return r
		}
		r.Fetched = &got
	case o.Warm:
		if err := pdf.Warm(ctx, w.cache); err != nil {
			r.Error = &seedbed.Error{Code: seedbed.Internal, Message: err.Error()}
		}
	case o.Page > 0:
		r.Image, err = draw(ctx, o, w.pdf)
	default:
		r.Document, err = w.read(ctx, o.Path, o.Name, read.Options{CacheDir: w.cache, PDF: w.pdf, OCR: o.OCR, WholePage: o.WholePage})
		empty(r.Document)
	}
	if err != nil {
		r.Error = explain(o.Name, err)
	}
	return r
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
func draw(ctx context.Context, o order, rt *pdf.Runtime) ([]byte, error) {
	f, err := os.Open(o.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return pdf.Image(ctx, f, info.Size(), o.Name, o.Page, o.Width, pdf.Options{Runtime: rt})
}

// explain turns a reader's error into one for people.
func explain(name string, err error) *seedbed.Error {
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
