// Package pdf reads PDF files: the text of each page in reading order, and the
// structure that its geometry shows.
//
// PDFium, compiled to WebAssembly, does the reading. Files and pages that it
// gives up on or reads badly are read with a small interpreter of our own,
// which is all there is in a build with -tags nowasm. Pages that are images are
// read with tesseract where that is asked for. Each may be made to spin or to
// ask for all memory by a file built for it, so a program that reads strangers'
// files reads them in a child process with limits.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
)

// Options of reading. The zero value works.
type Options struct {
	// Runtime is kept from file to file. Without it each call loads PDFium,
	// which takes longer than reading most papers.
	Runtime *Runtime

	// CacheDir keeps PDFium as compiled for this machine where there is no
	// Runtime, which knows its own. Without it each call compiles it anew,
	// which takes seconds and 300 MB.
	CacheDir string

	// OCR is the tesseract program, which reads the pages that have no text
	// or a garbled one. Without it they are reported and left out.
	OCR string
}

// Warm fills the compilation cache in dir, so that the first document need not
// wait for it.
func Warm(ctx context.Context, dir string) error {
	rt, err := newRuntime(ctx, dir)
	if err != nil {
		return err
	}
	rt.close()
	return nil
}

// Read reads the PDF of size bytes in r. Name is what errors call it.
//
// Errors are readerr.ErrEmpty, ErrEncrypted, ErrNoText (scanned pages, or fonts
// that do not say which letters they show) and ErrCorrupt.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string, opts Options) (*extract.Document, error) {
	if size == 0 {
		return nil, fmt.Errorf("read %s: %w", name, readerr.ErrEmpty)
	}
	rt, done, err := opts.runtime(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer done()
	o, err := open(ctx, rt, r, size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer o.first.close()
	o.ocr = newOCR(ctx, opts.OCR, o.first.info().language)

	f, err := o.readAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := f.hasText(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	d := f.document(name)
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: %s with nothing but page numbers and running heads", name, readerr.ErrNoText, countPages(len(f.pages)))
	}
	if err := d.Check(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return d, nil
}

// open tries PDFium first and then the object layer.
func open(ctx context.Context, rt *runtime, r io.ReaderAt, size int64) (*opened, error) {
	objects := func() (engine, error) { return openObjects(ctx, r, size) }
	o := &opened{second: sync.OnceValues(objects)}
	o.another = func() (engine, error) { return rt.open(ctx, r, size, o.ligatures) }
	var err error
	if o.first, err = o.another(); err == nil && o.first.pages() > 0 {
		return o, nil
	}
	if err == nil {
		o.first.close()
		err = errors.New("no pages found")
	}
	if errors.Is(err, readerr.ErrEncrypted) || ctx.Err() != nil || onlyEngine {
		return nil, corrupt(err)
	}
	second, other := o.second()
	if other != nil {
		return nil, corrupt(fmt.Errorf("%w; read another way: %w", err, other))
	}
	o.first, o.another = second, objects
	o.second = func() (engine, error) { return nil, err }
	return o, nil
}

// corrupt says that a file is damaged, unless it is something else.
func corrupt(err error) error {
	if errors.Is(err, readerr.ErrEncrypted) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", readerr.ErrCorrupt, err)
}

// A file is a PDF with all its lines.
type file struct {
	info  info
	pages []page
	words vocabulary
	lost  string // what could not be read at the end, in words
}

// hasText returns readerr.ErrNoText, in words, where no page can be used.
func (f *file) hasText() error {
	counts := map[string]int{}
	failed := ""
	for _, p := range f.pages {
		counts[p.Verdict]++
		if failed == "" && strings.HasPrefix(p.Note, noOCR) {
			failed = ". " + p.Note
		}
	}
	n := len(f.pages)
	switch {
	case counts[verdictClean] > 0:
		return nil
	case counts[verdictGarbled] > 0:
		return fmt.Errorf("%w: the fonts of %s do not say which letters they show: it needs OCR%s", readerr.ErrNoText, countPages(n), failed)
	case counts[verdictScan] > 0:
		return fmt.Errorf("%w: %s of images without text: it needs OCR%s", readerr.ErrNoText, countPages(n), failed)
	}
	if n == 0 {
		return fmt.Errorf("%w: none of its pages can be read", readerr.ErrCorrupt)
	}
	for _, p := range f.pages {
		if p.err != nil {
			return fmt.Errorf("%w: page %d: %w", readerr.ErrCorrupt, p.Page, p.err)
		}
	}
	if n == 1 {
		return fmt.Errorf("%w: its only page is empty", readerr.ErrNoText)
	}
	return fmt.Errorf("%w: all %d pages are empty", readerr.ErrNoText, n)
}

func countPages(n int) string {
	if n == 1 {
		return "1 page"
	}
	return fmt.Sprintf("%d pages", n)
}
