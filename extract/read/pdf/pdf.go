// Package pdf reads PDF files: the text of each page in reading order, and the
// structure that its geometry shows.
//
// PDFium, compiled to WebAssembly, does the reading. Files and pages that it
// gives up on are read with a small interpreter of our own. Either may be made
// to spin or to ask for all memory by a file built for it, so a program that
// reads strangers' files reads them in a child process with limits.
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
	// CacheDir keeps PDFium as compiled for this machine. Without it each
	// call compiles it anew, which takes seconds and 300 MB.
	CacheDir string
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
	rt, err := newRuntime(ctx, opts.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer rt.close()
	first, second, err := open(ctx, rt, r, size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer first.close()

	f, err := readPages(ctx, first, second)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := f.hasText(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	d := f.document(name)
	if err := d.Check(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return d, nil
}

// open tries PDFium first and then the object layer. The second engine is for
// pages that the first gives up on; it opens the file when asked.
func open(ctx context.Context, rt *runtime, r io.ReaderAt, size int64) (first engine, second func() (engine, error), err error) {
	second = sync.OnceValues(func() (engine, error) { return openObjects(ctx, r, size) })
	w, err := rt.open(ctx, r, size)
	if err == nil && w.pages() > 0 {
		return w, second, nil
	}
	if err == nil {
		w.close()
		err = errors.New("no pages found")
	}
	if errors.Is(err, readerr.ErrEncrypted) || ctx.Err() != nil {
		return nil, nil, err
	}
	if o, other := second(); other == nil {
		return o, second, nil
	} else if ctx.Err() != nil {
		return nil, nil, other
	} else {
		return nil, nil, fmt.Errorf("%w: %w; read another way: %w", readerr.ErrCorrupt, err, other)
	}
}

// A file is a PDF with all its lines.
type file struct {
	info  info
	pages []page
	words vocabulary
	lost  string // what could not be read at the end, in words
}

// A page is what is kept of a sheet.
type page struct {
	extract.PageReport
	width, height float64
	lines         []line
	err           error
}

// Verdicts on a page.
const (
	verdictClean   = "clean"
	verdictGarbled = "garbled" // the fonts do not say which letters they show
	verdictScan    = "scan"    // pictures and no text
	verdictEmpty   = "empty"
)

// hopeless is the number of pages in a row that may fail before the rest is
// given up: a page tree may promise a million.
const hopeless = 50

// readPages reads page by page, keeping lines and not glyphs.
func readPages(ctx context.Context, first engine, second func() (engine, error)) (*file, error) {
	f := &file{info: first.info(), words: vocabulary{}}
	hyphen := false
	failed := 0
	for i := range first.pages() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := first
		s, err := e.page(i)
		if err != nil {
			if other, no := second(); no == nil && other != first {
				if again, no := other.page(i); no == nil {
					e, s, err = other, again, nil
				}
			}
		}
		if err == nil {
			failed = 0
		} else if failed++; failed == hopeless {
			f.pages = f.pages[:len(f.pages)-hopeless+1]
			f.lost = fmt.Sprintf("The file claims to have %d pages, but after page %d none could be read.", first.pages(), len(f.pages))
			break
		}
		s.glyphs = accents(once(s.glyphs))
		if e == first && isGarbled(s.glyphs) {
			// The engines guess differently where a font is silent.
			if other, no := second(); no == nil && other != first {
				if again, no := other.page(i); no == nil && len(again.glyphs)*2 > len(s.glyphs) && !isGarbled(again.glyphs) {
					e, s = other, again
					s.glyphs = accents(once(s.glyphs))
				}
			}
		}
		p := page{width: s.width, height: s.height, err: err}
		p.Page, p.Label, p.Engine, p.Verdict = i+1, s.label, e.name(), verdictClean
		p.lines = lines(s, i)
		for _, l := range p.lines {
			p.Words += len(strings.Fields(l.text))
		}
		switch {
		case p.Words == 0 && s.pictures:
			p.Verdict = verdictScan
		case p.Words == 0:
			p.Verdict = verdictEmpty
		case isGarbled(s.glyphs):
			p.Verdict = verdictGarbled
		default:
			for _, l := range p.lines {
				hyphen = f.words.learn(l, hyphen)
			}
		}
		f.pages = append(f.pages, p)
	}
	return f, nil
}

// hasText returns readerr.ErrNoText, in words, where no page can be used.
func (f *file) hasText() error {
	counts := map[string]int{}
	for _, p := range f.pages {
		counts[p.Verdict]++
	}
	n := len(f.pages)
	switch {
	case counts[verdictClean] > 0:
		return nil
	case counts[verdictGarbled] > 0:
		return fmt.Errorf("%w: the fonts of %s do not say which letters they show: it needs OCR", readerr.ErrNoText, countPages(n))
	case counts[verdictScan] > 0:
		return fmt.Errorf("%w: %s of images without text: it needs OCR", readerr.ErrNoText, countPages(n))
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
