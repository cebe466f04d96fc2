package pdf

import (
	"context"
	"fmt"
	goruntime "runtime"
	"sync"
)

// A file that is open in its engines. The first engine reads all pages, and is
// open more than once to read several of them at a time. The second opinion is
// for the pages that the first reads badly.
type opened struct {
	first   engine
	another func() (engine, error) // opens the first engine once more
	second  func() (engine, error) // the same one at each call
	alone   sync.Mutex             // the second engine reads a page at a time
	ocr     *ocr                   // nil where nobody asked for it
}

// Few pages are read sooner than another engine is open.
const pagesWorthAnEngine = 12

// hopeless is the number of pages in a row that may fail before the rest is
// given up: a page tree may promise a million.
const hopeless = 50

// readAll reads page by page, keeping lines and not glyphs.
func (o *opened) readAll(ctx context.Context) (*file, error) {
	f := &file{info: o.first.info()}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := 0
	for p := range o.read(ctx, o.first.pages()) {
		if p.err == nil || p.other != nil && p.other.err == nil {
			failed = 0
		} else if failed++; failed == hopeless {
			f.pages = f.pages[:len(f.pages)-hopeless+1]
			f.lost = fmt.Sprintf("The file claims to have %d pages, but after page %d none could be read.", o.first.pages(), len(f.pages))
			return f, f.settle()
		}
		f.pages = append(f.pages, p)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f, f.settle()
}

// read reads n pages, several at a time, and yields them in their order. It
// waits for all that it started.
func (o *opened) read(ctx context.Context, n int) func(yield func(page) bool) {
	type job struct {
		page int
		done chan<- page
	}
	return func(yield func(page) bool) {
		ctx, stop := context.WithCancel(ctx)
		jobs := make(chan job)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer stop()
		work := func(e engine) {
			for j := range jobs {
				j.done <- o.page(ctx, e, j.page)
			}
		}
		workers.Go(func() { work(o.first) })
		for range min(goruntime.GOMAXPROCS(0), n/pagesWorthAnEngine) - 1 {
			workers.Go(func() {
				e, err := o.another()
				if err != nil {
					return // the first goes on alone
				}
				defer e.close()
				work(e)
			})
		}
		// A page that takes long holds up those behind it, a few of which
		// may be ready.
		order := make(chan (<-chan page), 16)
		workers.Go(func() {
			defer close(order)
			defer close(jobs)
			for i := range n {
				done := make(chan page, 1)
				select {
				case jobs <- job{i, done}:
				case <-ctx.Done():
					return
				}
				select {
				case order <- done:
				case <-ctx.Done():
					return
				}
			}
		})
		for done := range order {
			if !yield(<-done) || ctx.Err() != nil {
				return
			}
		}
	}
}

// page reads a page, and asks for a second opinion where the first is in
// doubt. What neither can read is read from its image where OCR is asked for.
func (o *opened) page(ctx context.Context, e engine, i int) page {
	p := newPage(e, i)
	if p.doubt = p.doubtful(); p.doubt == "" || ctx.Err() != nil {
		return p
	}
	p.other = o.opinion(p)
	if o.ocr == nil || !p.illegible() || p.other != nil && !p.other.illegible() {
		return p
	}
	a, ok := e.(artist)
	if !ok {
		p.Note = noOCR + errNoArtist.Error() + "."
		return p
	}
	q, err := o.ocr.page(ctx, a, p)
	if err != nil {
		p.Note = noOCR + err.Error() + "."
		return p
	}
	p.other = &q
	return p
}

// ligatures are the letters of a page's ligatures that the second engine finds,
// by font name and code.
func (o *opened) ligatures(page int) ligatures {
	o.alone.Lock()
	defer o.alone.Unlock()
	none := ligatures{} // asked once is enough
	second, err := o.second()
	if err != nil {
		return none
	}
	layer, ok := second.(*objects)
	if !ok || page >= layer.pages() {
		return none
	}
	found, err := layer.ligatures(page)
	if err != nil {
		return none
	}
	return found
}

// opinion is a page as the second engine reads it, nil where it cannot.
func (o *opened) opinion(p page) *page {
	o.alone.Lock()
	defer o.alone.Unlock()
	second, err := o.second()
	if err != nil {
		return nil
	}
	q := newPage(second, p.Page-1)
	if q.err != nil {
		return nil
	}
	if q.Label == "" {
		q.Label = p.Label
	}
	return &q
}
