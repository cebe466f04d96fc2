package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// documents keeps the documents used last, for a run looks into the same one
// again and again. The zero value is ready.
type documents struct {
	mu   sync.Mutex
	held []*heldDocument // the one used last at the end
}

const documentsHeld = 4

type heldDocument struct {
	sum  string
	once sync.Once
	doc  *extract.Document
	err  error
}

// get is the document in a blob, loaded by load unless it is held.
func (d *documents) get(sum string, load func() (*extract.Document, error)) (*extract.Document, error) {
	d.mu.Lock()
	var h *heldDocument
	for i, other := range d.held {
		if other.sum == sum {
			h = other
			d.held = append(d.held[:i], d.held[i+1:]...)
			break
		}
	}
	if h == nil {
		h = &heldDocument{sum: sum}
	}
	d.held = append(d.held, h)
	if len(d.held) > documentsHeld {
		d.held = append(d.held[:0], d.held[1:]...)
	}
	d.mu.Unlock()

	h.once.Do(func() { h.doc, h.err = load() })
	if h.err != nil { // not to be remembered
		d.mu.Lock()
		for i, other := range d.held {
			if other == h {
				d.held = append(d.held[:i], d.held[i+1:]...)
				break
			}
		}
		d.mu.Unlock()
	}
	return h.doc, h.err
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
	data, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("encode the document: %w", err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
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
	dec, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	data, err := io.ReadAll(dec)
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
