package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// documents keeps documents, for runs look into the same ones again and again.
// The zero value is ready.
type documents struct {
	mu     sync.Mutex
	held   []*heldDocument
	coding sync.Mutex // held by who loads or saves one: that takes memory thrice over
}

// documentsHeld is about how many bytes of documents are kept beside those in
// use: a shelf of books.
const documentsHeld = 24 << 20

type heldDocument struct {
	sum  string
	once sync.Once
	doc  *extract.Document
	err  error
	size int // once it is loaded
}

// get is the document in a blob, loaded by load unless it is held.
func (d *documents) get(sum string, load func() (*extract.Document, error)) (*extract.Document, error) {
	d.mu.Lock()
	i := slices.IndexFunc(d.held, func(h *heldDocument) bool { return h.sum == sum })
	if i < 0 {
		i = len(d.held)
		d.held = append(d.held, &heldDocument{sum: sum})
	}
	h := d.held[i]
	d.mu.Unlock()

	h.once.Do(func() {
		d.coding.Lock()
		defer d.coding.Unlock()
		h.doc, h.err = load()
		d.mu.Lock()
		defer d.mu.Unlock()
		if h.err != nil { // not to be remembered
			d.held = slices.DeleteFunc(d.held, func(other *heldDocument) bool { return other == h })
			return
		}
		const block = 400 // bytes that one takes beside its text, which is the document's
		h.size = len(h.doc.Text) + block*len(h.doc.Blocks)
		d.drop(h)
	})
	return h.doc, h.err
}

// drop forgets some, but not one, until the others are few enough. Which ones is
// left to chance: runs take turns, and whichever was not used for longest would
// be the very next.
func (d *documents) drop(but *heldDocument) {
	sum := 0
	for _, h := range d.held {
		sum += h.size
	}
	for _, i := range rand.Perm(len(d.held)) {
		if h := d.held[i]; sum > documentsHeld && h != but && h.size > 0 {
			sum -= h.size
			d.held[i] = nil
		}
	}
	d.held = slices.DeleteFunc(d.held, func(h *heldDocument) bool { return h == nil })
}

// Document is a source as it was read. While it has not been, the error is a
// [seedbed.Conflict], or the reason why it cannot be.
func (s *Service) Document(ctx context.Context, source string) (*extract.Document, error) {
	src, err := s.DB.Source(ctx, source)
	if err != nil {
		return nil, err
	}
	if src.State == seedbed.SourceFailed {
		return nil, &seedbed.Error{Code: seedbed.Conflict, Message: src.Name + " could not be read: " + src.Error.Message}
	}
	if src.Document == "" {
		return nil, seedbed.Errorf(seedbed.Conflict, "%s is not read yet: try again in a moment", src.Name)
	}
	return s.document(ctx, src)
}

func (s *Service) document(ctx context.Context, src seedbed.Source) (*extract.Document, error) {
	doc, err := s.docs.get(src.Document, func() (*extract.Document, error) {
		// Others may wait for it who are not in ctx.
		return s.loadDocument(context.WithoutCancel(ctx), src.Document)
	})
	if err != nil {
		// Not found would mean that the source is gone.
		return nil, unlessAway(err, "load the document of %s: %w", src.Name, err)
	}
	return doc, nil
}

// A document is kept as compressed JSON.
func (s *Service) saveDocument(ctx context.Context, doc *extract.Document) (sum string, err error) {
	s.docs.coding.Lock()
	defer s.docs.coding.Unlock()
	data, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("encode the document: %w", err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return "", err
	}
	sum, _, err = s.Blobs.Put(ctx, bytes.NewReader(enc.EncodeAll(data, nil)))
	return sum, err
}

func (s *Service) loadDocument(ctx context.Context, sum string) (*extract.Document, error) {
	r, err := s.Blobs.Open(ctx, sum)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	packed, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	data, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, err
	}
	return extract.ReadDocument(data)
}

// withFile calls do with the path of a file that has a blob's bytes.
func (s *Service) withFile(ctx context.Context, sum string, do func(path string) error) error {
	path, done, err := s.Blobs.File(ctx, sum)
	if err != nil {
		return unlessAway(err, "fetch the original: %w", err)
	}
	defer done()
	return do(path)
}

// unlessAway is an internal error, for what should be in the blob store is
// not; but a store that is away may come back.
func unlessAway(err error, format string, args ...any) error {
	if seedbed.CodeOf(err) == seedbed.Unavailable {
		return err
	}
	return seedbed.Errorf(seedbed.Internal, format, args...)
}
