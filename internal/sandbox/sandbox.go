// Package sandbox reads files, and fetches them from the net, in a child
// process of the same program, with limits on time, memory and output, so that
// no file can take the server down.
//
// The parent calls [Read] or [Fetch]. The program's main function hands over to
// [Child] where [IsChild] says so, before it does anything else.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/internal/fetch"
	"seedbed/internal/seedbed"
)

// Options limit a child. Zero fields take the defaults, which let a few
// children run at once on a laptop.
type Options struct {
	Self      string        // the program to start; "" is the running one
	CacheDir  string        // for what readers compile, see pdf.Options; "" keeps nothing
	OCR       string        // tesseract, to read pages that are images; see FindOCR
	WholePage bool          // of web pages, not the article alone
	WallTime  time.Duration // 0 is two minutes, with OCR twenty
	Memory    int64         // resident bytes, 0 is 1 GiB
	MaxOutput int64         // bytes of the document as it is sent, 0 is 256 MiB
	Pool      *Pool         // keeps children for more files; nil starts one for each

	fileSize int64 // that a child may write
}

func (o Options) withDefaults() Options {
	if o.WallTime == 0 && o.OCR != "" {
		o.WallTime = 20 * time.Minute
	}
	if o.WallTime == 0 {
		o.WallTime = 2 * time.Minute
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.MaxOutput == 0 {
		o.MaxOutput = 256 << 20
	}
	if o.fileSize == 0 {
		o.fileSize = 128 << 20 // the cache is written once, 21 MB
	}
	return o
}

// A CrashError is how a child ended that neither gave a document nor said why.
// It is the Err of the error that Read returns, for the log.
type CrashError struct {
	State  string // "exit status 2", "signal: killed"
	Stderr string // its first and last words
}

func (e *CrashError) Error() string {
	if e.Stderr == "" {
		return "the reading process ended with " + e.State
	}
	return fmt.Sprintf("the reading process ended with %s: %s", e.State, e.Stderr)
}

// A reply is what a child writes to its standard output.
type reply struct {
	Document *extract.Document
	Image    []byte
	Fetched  *fetch.Fetched
	Error    *seedbed.Error // its code and message
}

// Read reads the file or folder at path in a child process. Name is what the
// file is called in messages and what its format is guessed from.
//
// A file that cannot be read gives a *seedbed.Error: limit where it needed
// more time, memory or output than it is given, else what the reader said. A
// cancelled ctx gives its error.
func Read(ctx context.Context, opts Options, path, name string) (*extract.Document, error) {
	opts = opts.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	r, err := run(ctx, opts, order{Name: name, Path: path, OCR: opts.OCR, WholePage: opts.WholePage})
	var e *seedbed.Error
	if errors.As(err, &e) && e.Code == seedbed.NoText && opts.OCR == "" && strings.Contains(e.Message, "needs OCR") {
		e.Message += " " + adviceOCR()
	}
	if err != nil {
		return nil, err
	}
	if r.Document == nil {
		return nil, seedbed.Errorf(seedbed.Internal, "%s: the reading process gave no document", name)
	}
	fill(r.Document)
	if err := r.Document.Check(); err != nil {
		return nil, seedbed.Errorf(seedbed.Internal, "%s: %w", name, err)
	}
	return r.Document, nil
}

// empty takes the blocks' texts out of a document on its way to another
// process: they stand in its own text.
func empty(d *extract.Document) {
	if d == nil {
		return
	}
	for i := range d.Blocks {
		d.Blocks[i].Text = ""
	}
}

// fill puts the blocks' texts back, as stretches of the document's own. Where
// the offsets make no sense, texts stay empty, which no document may have.
func fill(d *extract.Document) {
	at, runes := 0, 0
	pass := func(to int) bool {
		for ; runes < to && at < len(d.Text); runes++ {
			_, w := utf8.DecodeRuneInString(d.Text[at:])
			at += w
		}
		return runes == to
	}
	for i := range d.Blocks {
		b := &d.Blocks[i]
		if !pass(b.Start) {
			return
		}
		from := at
		if !pass(b.End) {
			return
		}
		b.Text = d.Text[from:at]
	}
}

// Draw draws a page of the PDF at path, counted from 1, width pixels wide, as
// PNG or JPEG.
func Draw(ctx context.Context, opts Options, path, name string, page, width int) ([]byte, error) {
	opts = opts.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", name, err)
	}
	r, err := run(ctx, opts, order{Name: name, Path: path, Page: page, Width: width})
	return r.Image, err
}

const installOCR = "Install tesseract (Debian and Ubuntu: apt install tesseract-ocr; macOS: brew install tesseract; languages other than English are packages of their own)"

// adviceOCR says how to get at the text of page images.
func adviceOCR() string {
	const ask = "have it read with OCR (an option of uploading, and of seedbed read --ocr)."
	if _, err := FindOCR(); err != nil {
		return installOCR + " and " + ask
	}
	return "Tesseract is installed: " + ask
}

// FindOCR is the tesseract program on PATH. The error says how to install it.
func FindOCR() (string, error) {
	path, err := exec.LookPath("tesseract")
	if err != nil {
		return "", seedbed.Errorf(seedbed.NoText, "OCR needs tesseract, which is not installed. %s, and try again.", installOCR)
	}
	return filepath.Abs(path)
}

// Warm fills the cache in opts.CacheDir in a child process, which takes
// seconds and 300 MB the first time and next to nothing after it.
func Warm(ctx context.Context, opts Options) error {
	opts = opts.withDefaults()
	opts.Pool = nil // it is larger afterwards than a child should be
	_, err := run(ctx, opts, order{Name: "the reader's cache", Warm: true})
	return err
}

// Fetch brings what stands at an address into the folder dir in a child
// process; see [fetch.To]. Errors are those of Read.
func Fetch(ctx context.Context, opts Options, o fetch.Options, address, dir string) (fetch.Fetched, error) {
	if err := fetch.Check(address, o); err != nil {
		return fetch.Fetched{}, err
	}
	o = o.WithDefaults()
	opts.WallTime = o.Time + 10*time.Second // it gives up by itself before that
	opts = opts.withDefaults()
	opts.Pool, opts.fileSize = nil, 4<<30 // what arrives is bounded by itself
	r, err := run(ctx, opts, order{Name: fetch.Show(address), Fetch: &fetchOrder{address, dir, o}})
	switch {
	case err != nil:
		return fetch.Fetched{}, err
	case r.Fetched == nil:
		return fetch.Fetched{}, seedbed.Errorf(seedbed.Internal, "%s: the fetching process gave nothing", fetch.Show(address))
	}
	return *r.Fetched, nil
}

// An order is what a child is told on its standard input.
type order struct {
	Name string        // what messages call it
	Wall time.Duration // it has

	Path      string // of the file to read
	OCR       string
	WholePage bool

	Page, Width int // draw this page instead, in pixels

	Warm  bool        // fill the cache instead
	Fetch *fetchOrder // bring something instead
}

// A fetchOrder may hold a password, which is not for the process list.
type fetchOrder struct {
	Address string
	Dir     string
	Options fetch.Options
}

// run has an order carried out, by a child of the pool where there is one. What
// a child that was used before fails on, a new one may try.
func run(ctx context.Context, opts Options, o order) (reply, error) {
	o.Wall = opts.WallTime
	p, err := opts.Pool.take(opts.kind())
	if err != nil {
		return reply{}, err
	}
	used := p.used
	r, err := p.do(ctx, opts, o)
	if why := p.stopped.Load(); err != nil && used && (why == 0 || why == tookTooMuchMemory) {
		if p, err = start(p.kind); err != nil {
			return reply{}, err
		}
		r, err = p.do(ctx, opts, o)
	}
	if err != nil {
		return reply{}, err
	}
	opts.Pool.put(p)
	if r.Error != nil {
		return reply{}, r.Error
	}
	return r, nil
}
