package jobs

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// Sources lists the sources of a collection, "" for all, the newest first.
func (s *Service) Sources(ctx context.Context, collection string) ([]seedbed.Source, error) {
	return s.DB.Sources(ctx, collection)
}

// Source is one source.
func (s *Service) Source(ctx context.Context, id string) (seedbed.Source, error) {
	return s.DB.Source(ctx, id)
}

// Passages lists a source's passages as they were cut, skipped ones too.
func (s *Service) Passages(ctx context.Context, source string) ([]seedbed.RunPassage, error) {
	if _, err := s.DB.Source(ctx, source); err != nil {
		return nil, err
	}
	return s.DB.Passages(ctx, source)
}

// Original is the file as it was uploaded.
func (s *Service) Original(ctx context.Context, source string) (io.ReadSeekCloser, error) {
	src, err := s.DB.Source(ctx, source)
	if err != nil {
		return nil, err
	}
	return s.Blobs.Open(ctx, src.SHA256)
}

// Upload takes a file in. When it returns, the file is stored, and the job
// that reads it, and the run, if one was asked for, exist: nothing of it is
// lost whatever happens to the process. A file that is empty becomes a source
// that failed.
func (s *Service) Upload(ctx context.Context, u seedbed.Upload) (seedbed.Uploaded, error) {
	collection, err := collectionName(u.Collection)
	if err != nil {
		return seedbed.Uploaded{}, err
	}
	out := seedbed.Uploaded{Source: seedbed.Source{
		ID:         store.NewID(s.Now()),
		Collection: cmp.Or(collection, seedbed.DefaultCollection),
		Name:       baseName(u.Name),
		State:      seedbed.SourceQueued,
		Created:    s.Now().UTC(),
	}}
	src := &out.Source
	var run *seedbed.Run
	if !u.NoRun {
		r, err := s.newRun(ctx, u.RunOptions)
		if err == nil {
			err = s.canBatch(ctx, r)
		}
		if err != nil {
			return out, err
		}
		run = &r
	}

	body := bufio.NewReaderSize(u.Body, 4096)
	head, err := body.Peek(3072)
	if err != nil && err != io.EOF {
		return out, fmt.Errorf("receive %s: %w", src.Name, err)
	}
	src.MediaType = mimetype.Detect(head).String()
	if src.SHA256, src.Size, err = s.Blobs.Put(ctx, body); err != nil {
		return out, fmt.Errorf("receive %s: %w", src.Name, err)
	}
	received := out
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		out = received
		if src.CollectionID, _, err = tx.AddCollection(ctx, src.Collection); err != nil {
			return err
		}
		if err := tx.Lock(ctx, "source", src.CollectionID, src.SHA256); err != nil {
			return err
		}
		first, err := tx.SourceOf(ctx, src.CollectionID, src.SHA256)
		if err == nil {
			if first, err = tx.Source(ctx, first.ID); err != nil {
				return err
			}
			out.Source, out.Existed = first, true
			if u.OCR && needsOCR(first) {
				if _, err := s.readOCR(ctx, tx, &out.Source); err != nil {
					return err
				}
			}
			return s.joinFirst(ctx, tx, &out, run)
		}
		if seedbed.CodeOf(err) != seedbed.NotFound {
			return err
		}
		if src.Size == 0 {
			src.State = seedbed.SourceFailed
			src.Error = seedbed.Errorf(seedbed.Invalid, "%s is empty: there is nothing to read in it", src.Name)
		}
		if err := s.claim(ctx, tx, src.SHA256); err != nil {
			return err
		}
		if err := tx.AddSource(ctx, *src); err != nil {
			return err
		}
		if run != nil {
			if err := s.addRun(ctx, tx, run, *src); err != nil {
				return err
			}
			out.Run = run
		}
		if src.State == seedbed.SourceFailed {
			return nil
		}
		return s.insert(ctx, tx, readArgs{Source: src.ID, Reading: u.Reading}, nil)
	})
	if err != nil {
		s.discard(ctx, src.SHA256)
		return seedbed.Uploaded{}, fmt.Errorf("take in %s: %w", baseName(u.Name), err)
	}
	if out.Run != nil {
		s.changes.tell(out.Run.ID)
	}
	return out, nil
}

// maxFetches is how many addresses are fetched at once.
const maxFetches = 2

// UploadURL takes in what stands at an address: a file, or the newest state of
// a git repository. u has neither Name nor Body.
func (s *Service) UploadURL(ctx context.Context, address string, u seedbed.Upload) (seedbed.Uploaded, error) {
	if s.Fetch == nil {
		return seedbed.Uploaded{}, seedbed.Errorf(seedbed.Invalid, "this server fetches nothing: download it yourself and upload it")
	}
	select {
	case s.fetches <- struct{}{}:
		defer func() { <-s.fetches }()
	case <-ctx.Done():
		return seedbed.Uploaded{}, context.Cause(ctx)
	}
	dir, err := os.MkdirTemp("", "seedbed-fetch-")
	if err != nil {
		return seedbed.Uploaded{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path, name, err := s.Fetch(ctx, address, dir)
	if err != nil {
		return seedbed.Uploaded{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return seedbed.Uploaded{}, err
	}
	defer func() { _ = f.Close() }()
	u.Name, u.Body = name, f
	return s.Upload(ctx, u)
}

// joinFirst answers an upload of bytes that were there before, with the run
// of the first time, or a new one if there was none.
func (s *Service) joinFirst(ctx context.Context, tx *store.Tx, out *seedbed.Uploaded, run *seedbed.Run) error {
	first, err := tx.FirstRun(ctx, out.Source.ID)
	if err == nil {
		out.Run = &first
		return nil
	}
	if seedbed.CodeOf(err) != seedbed.NotFound || run == nil {
		return ignoreNotFound(err)
	}
	out.Run = run
	return s.addRun(ctx, tx, run, out.Source)
}

func ignoreNotFound(err error) error {
	if seedbed.CodeOf(err) == seedbed.NotFound {
		return nil
	}
	return err
}

// baseName is what is kept of a file's name: no folders, no control
// characters, not longer than file systems allow.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name))
	if ext := path.Ext(name); len(name) > 200 && len(ext) < 20 {
		name = cut(name, 200-len(ext)) + ext
	}
	name = cut(name, 200)
	if strings.Trim(name, "./") == "" {
		return "unnamed"
	}
	return name
}

// cut shortens s to n bytes at most, at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// DeleteSource removes a source, everything made from it, and its bytes
// unless another collection has them too.
func (s *Service) DeleteSource(ctx context.Context, id string) error {
	runs, err := s.DB.Runs(ctx, id)
	for _, run := range runs {
		s.cancelBatches(ctx, run)
	}
	if err != nil {
		return err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if runs, err = tx.Runs(ctx, id); err != nil {
			return err
		}
		return tx.DeleteSource(ctx, id)
	})
	if err != nil {
		return err
	}
	for _, run := range runs {
		s.control(run.ID).abort()
		s.changes.tell(run.ID)
	}
	s.wake()
	if s.isStarted() { // else who works does
		s.sweep(context.WithoutCancel(ctx))
	}
	return nil
}
