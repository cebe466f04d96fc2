package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// picturesKept is how many drawn pages stay in the folder of pictures. The
// oldest make room.
const picturesKept = 2000

// PageImage is a page of a PDF as it looks, as PNG or JPEG. It is drawn when
// it is first asked for.
func (s *Service) PageImage(ctx context.Context, source string, page int) ([]byte, error) {
	src, err := s.DB.Source(ctx, source)
	if err != nil {
		return nil, err
	}
	if page < 1 || page > src.Pages || s.Draw == nil {
		return nil, seedbed.Errorf(seedbed.NotFound, "%s has no page %d that can be drawn", src.Name, page)
	}
	name := fmt.Sprintf("%s-%d", src.SHA256, page)
	if s.Pictures != "" {
		img, err := os.ReadFile(filepath.Join(s.Pictures, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return img, err
		}
	}
	select { // a page full of pages must not start a process for each at once
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	var img []byte
	err = s.withFile(ctx, src.SHA256, func(path string) (err error) {
		img, err = s.Draw(ctx, path, src.Name, page)
		return err
	})
	if err != nil || s.Pictures == "" {
		return img, err
	}
	if err := s.keepPicture(name, img); err != nil {
		s.Log.Warn("page image not kept", "source", src.ID, "page", page, "err", err)
	}
	return img, nil
}

// keepPicture writes a picture under its name, whole or not at all.
func (s *Service) keepPicture(name string, img []byte) error {
	if err := os.MkdirAll(s.Pictures, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.Pictures, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(img)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.Pictures, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return s.thinPictures()
}

// thinPictures removes the oldest tenth when there are too many.
func (s *Service) thinPictures() error {
	entries, err := os.ReadDir(s.Pictures)
	if err != nil || len(entries) <= picturesKept {
		return err
	}
	type aged struct {
		path string
		at   time.Time
	}
	var all []aged
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, aged{filepath.Join(s.Pictures, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return a.at.Compare(b.at) })
	for _, a := range all[:min(picturesKept/10, len(all))] {
		err = errors.Join(err, os.Remove(a.path))
	}
	return err
}

// ReadOCR has a source that has no text read again, from the images of its
// pages. The runs that failed for that go on.
func (s *Service) ReadOCR(ctx context.Context, source string) error {
	var told []string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		src, err := tx.Source(ctx, source)
		if err != nil {
			return err
		}
		if !needsOCR(src) {
			return seedbed.Errorf(seedbed.Conflict, "%s is not waiting for OCR: only a source that could not be read for want of text is", src.Name)
		}
		told, err = s.readOCR(ctx, tx, &src)
		return err
	})
	if err == nil {
		s.changes.tell(append(told, "")...)
	}
	return err
}

func needsOCR(src seedbed.Source) bool {
	return src.State == seedbed.SourceFailed && src.Error != nil && src.Error.Code == seedbed.NoText
}

// readOCR queues the reading and revives the runs, whose ids it returns.
func (s *Service) readOCR(ctx context.Context, tx *store.Tx, src *seedbed.Source) ([]string, error) {
	src.State, src.Error = seedbed.SourceQueued, nil
	if err := tx.SaveSource(ctx, *src); err != nil {
		return nil, err
	}
	runs, err := tx.Runs(ctx, src.ID)
	if err != nil {
		return nil, err
	}
	var revived []string
	for _, run := range runs {
		if run.State != seedbed.RunFailed || run.Error == nil || run.Error.Code != seedbed.NoText {
			continue
		}
		run.State, run.Error, run.Finished = seedbed.RunQueued, nil, time.Time{}
		if err := tx.SaveRun(ctx, run); err != nil {
			return nil, err
		}
		revived = append(revived, run.ID)
	}
	return revived, s.insert(ctx, tx, readArgs{Source: src.ID, Reading: seedbed.Reading{OCR: true}}, nil)
}
