package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	lib "github.com/ledongthuc/pdf"

	"seedbed/extract/read/readerr"
)

// objects is the second opinion on a file that PDFium gives up on: the object
// layer of ledongthuc/pdf with an interpreter of our own on top. That layer
// panics on what it does not know, which is recovered, and loops on files
// built for it, which ends the engine after a while; memory is for the
// sandbox to limit.
type objects struct {
	ctx  context.Context
	r    *lib.Reader
	list []lib.Value
	dead bool
}

// patience is how long the object layer may take for one page, or to open.
const patience = 20 * time.Second

// Bounds on a page tree that leads in circles.
const (
	maxTreeDepth = 48
	maxTreeNodes = 200_000
)

func openObjects(ctx context.Context, r io.ReaderAt, size int64) (*objects, error) {
	if err := plausible(r, size); err != nil {
		return nil, err
	}
	fixed, size, err := repaired(r, size)
	if err != nil {
		return nil, err
	}
	o := &objects{ctx: ctx}
	err = o.within(func() error {
		rd, err := lib.NewReader(fixed, size)
		if err != nil {
			return err
		}
		if !rd.Trailer().Key("Encrypt").IsNull() {
			return errors.New("encrypted")
		}
		nodes := 0
		o.r, o.list = rd, walkPages(rd.Trailer().Key("Root").Key("Pages"), 0, &nodes, nil)
		if len(o.list) == 0 {
			return errors.New("no pages found")
		}
		return nil
	})
	if err != nil && strings.Contains(err.Error(), "encrypt") {
		return nil, fmt.Errorf("%w: %w", readerr.ErrEncrypted, err)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// within runs what calls the object layer: panics become errors, and so does
// taking too long, after which the engine is not used again.
func (o *objects) within(do func() error) error {
	if o.dead {
		return errors.New("the file led its reader in circles")
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if x := recover(); x != nil {
				done <- fmt.Errorf("malformed: %v", x)
			}
		}()
		done <- do()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		o.dead = true
		return fmt.Errorf("no end in %s", patience)
	case <-o.ctx.Done():
		o.dead = true
		return o.ctx.Err()
	}
}

// walkPages lists the leaves of a page tree. It believes no /Count.
func walkPages(v lib.Value, depth int, nodes *int, out []lib.Value) []lib.Value {
	if *nodes++; depth > maxTreeDepth || *nodes > maxTreeNodes {
		return out
	}
	kids := v.Key("Kids")
	if kids.Kind() != lib.Array {
		if v.Kind() == lib.Dict && v.Key("Type").Name() != "Pages" {
			out = append(out, v)
		}
		return out
	}
	for i := range kids.Len() {
		out = walkPages(kids.Index(i), depth+1, nodes, out)
	}
	return out
}

// promises are the keys whose numbers the object layer believes.
var promises = [][]byte{[]byte("/Size"), []byte("/Columns"), []byte("/Index"), []byte("/W"), []byte("/Prev"), []byte("/First"), []byte("/N"), []byte("xref")}

// promised are the numbers behind such a key.
var promised = regexp.MustCompile(`^\s*\[?\s*(\d+)(?:\s+(\d+))?`)

// plausible refuses a file that promises more objects than it has room for:
// the object layer believes such numbers and asks for the memory at once.
func plausible(r io.ReaderAt, size int64) error {
	most := size + 100_000
	const overlap = 64
	buf := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(buf)) - overlap {
		n, err := r.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return err
		}
		for _, key := range promises {
			rest := buf[:n]
			for {
				i := bytes.Index(rest, key)
				if i < 0 {
					break
				}
				rest = rest[i+len(key):]
				m := promised.FindSubmatch(rest[:min(len(rest), overlap)])
				for _, d := range m[min(1, len(m)):] {
					if len(d) == 0 {
						continue
					}
					if v, err := strconv.ParseInt(string(d), 10, 64); err != nil || v > most {
						return fmt.Errorf("it promises %s in %d bytes", d, size)
					}
				}
			}
		}
	}
	return nil
}

// overlay shows other first bytes than the file has.
type overlay struct {
	r    io.ReaderAt
	head []byte
}

func (o overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.r.ReadAt(p, off)
	if off < int64(len(o.head)) {
		copy(p[:n], o.head[off:])
	}
	return n, err
}

// repaired shows a file as the object layer wants it: a header it knows at the
// first byte, and nothing after the end mark.
func repaired(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	head := make([]byte, min(size, 4096))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, 0, err
	}
	start := bytes.Index(head, []byte("%PDF-"))
	if start < 0 {
		return nil, 0, errors.New("no PDF header")
	}
	from := max(0, size-8192)
	end := make([]byte, size-from)
	if _, err := r.ReadAt(end, from); err != nil && err != io.EOF {
		return nil, 0, err
	}
	stop := bytes.LastIndex(end, []byte("%%EOF"))
	if stop < 0 {
		return nil, 0, errors.New("no end mark: it is cut off")
	}
	size = from + int64(stop) + int64(len("%%EOF")) - int64(start)
	return overlay{io.NewSectionReader(r, int64(start), size), []byte("%PDF-1.7\n")}, size, nil
}

func (o *objects) name() string { return "ledongthuc" }
func (o *objects) pages() int   { return len(o.list) }
func (o *objects) close()       {}

func (o *objects) info() info {
	var in info
	_ = o.within(func() error {
		meta := o.r.Trailer().Key("Info")
		in.title = strings.TrimSpace(meta.Key("Title").Text())
		in.author = strings.TrimSpace(meta.Key("Author").Text())
		in.language = o.r.Trailer().Key("Root").Key("Lang").Text()
		return nil
	})
	return in
}

func (o *objects) page(i int) (sheet, error) {
	if i >= len(o.list) {
		return sheet{}, errors.New("no such page")
	}
	var s sheet
	err := o.within(func() error {
		var err error
		s, err = drawn(o.list[i])
		return err
	})
	if err != nil {
		return sheet{}, err // s may still be written to
	}
	return s, nil
}

// inherited looks a key up in a page and the nodes above it.
func inherited(v lib.Value, key string) lib.Value {
	for range maxTreeDepth {
		if x := v.Key(key); !x.IsNull() {
			return x
		}
		if v = v.Key("Parent"); v.IsNull() {
			break
		}
	}
	return lib.Value{}
}

// drawn runs a page's content.
func drawn(v lib.Value) (sheet, error) {
	place := placement{right: 612, top: 792}
	box := inherited(v, "CropBox")
	if box.Len() != 4 {
		box = inherited(v, "MediaBox")
	}
	if box.Len() == 4 {
		x0, y0, x1, y1 := box.Index(0).Float64(), box.Index(1).Float64(), box.Index(2).Float64(), box.Index(3).Float64()
		if x0 != x1 && y0 != y1 {
			place.left, place.bottom, place.right, place.top = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
		}
	}
	place.quarters = int(inherited(v, "Rotate").Int64()/90%4+4) % 4
	place.width, place.height = place.right-place.left, place.top-place.bottom
	if place.quarters%2 == 1 {
		place.width, place.height = place.height, place.width
	}
	in := interpreter{place: place, fonts: map[string]*font{}}
	data, err := content(v.Key("Contents"))
	in.run(data, inherited(v, "Resources"), 0)
	s := sheet{width: place.width, height: place.height, glyphs: in.out, pictures: in.pictures}
	if len(in.out) == 0 {
		return s, err
	}
	return s, nil
}

// maxContent is the most a page's content may unpack to.
const maxContent = 64 << 20

// content is a page's stream, or its streams one after the other. What cannot
// be unpacked is left out.
func content(v lib.Value) ([]byte, error) {
	if v.Kind() == lib.Array {
		var out []byte
		var first error
		for i := range v.Len() {
			b, err := content(v.Index(i))
			if err != nil && first == nil {
				first = err
			}
			out = append(append(out, b...), '\n')
		}
		return out, first
	}
	if v.Kind() != lib.Stream {
		return nil, nil
	}
	return unpack(v)
}

func unpack(v lib.Value) (data []byte, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("unpack a stream: %v", x)
		}
	}()
	rd := v.Reader()
	defer func() { _ = rd.Close() }()
	data, err = io.ReadAll(io.LimitReader(rd, maxContent))
	if len(data) > 0 {
		err = nil // a damaged end still leaves its beginning
	}
	return data, err
}
