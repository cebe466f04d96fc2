package jobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/riverqueue/river"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/internal/queue"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// readArgs ask for a source to be read and cut into passages.
type readArgs struct {
	Source string `json:"source"`
	seedbed.Reading
}

func (readArgs) Kind() string                 { return "read" }
func (readArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: readQueue} }

type readWorker struct {
	river.WorkerDefaults[readArgs]
	s *Service
}

// A source is read again where that may help, and where the program ended in
// the middle of it; but a file that takes the program down shall not do so for
// ever.
const (
	maxReads  = 3 // that failed
	maxBegins = 5
)

func (w *readWorker) Work(ctx context.Context, job *river.Job[readArgs]) error {
	s := w.s
	src, err := s.DB.Source(ctx, job.Args.Source)
	if err == nil {
		err = s.read(ctx, job, src)
	}
	switch {
	case err == nil || errors.Is(err, queue.ErrLost) || seedbed.CodeOf(err) == seedbed.NotFound && src.ID == "":
		return nil // or it was deleted meanwhile
	case ctx.Err() != nil || s.stopping():
		return river.JobSnooze(0)
	case seedbed.CodeOf(err) == seedbed.Unavailable: // the disk or the blob store: the file is not to blame
		return river.JobSnooze(s.Patience(1))
	case len(job.Errors)+1 < maxReads && passing(err):
		return err
	}
	if _, gone := s.DB.Source(ctx, src.ID); seedbed.CodeOf(gone) == seedbed.NotFound {
		return nil // deleted meanwhile
	}
	s.Log.Info("source not read", "source", src.ID, "name", src.Name, "err", err)
	return s.fail(ctx, job, src, err)
}

// passing reports whether reading again may help.
func passing(err error) bool {
	code := seedbed.CodeOf(err)
	return code == seedbed.Internal || code == seedbed.NotFound
}

func (s *Service) read(ctx context.Context, job *river.Job[readArgs], src seedbed.Source) error {
	if src.Document == "" {
		if job.Attempt > maxBegins {
			return seedbed.Errorf(seedbed.Unreadable, "reading %s was begun %d times and never ended", src.Name, maxBegins)
		}
		if err := s.reading(ctx, job, &src); err != nil {
			return err
		}
		var doc *extract.Document
		err := s.withFile(ctx, src.SHA256, func(path string) (err error) {
			doc, err = s.Read(ctx, path, src.Name, job.Args.Reading)
			return err
		})
		if err != nil {
			return err
		}
		if src.Document, err = s.saveDocument(ctx, doc); err != nil {
			return err
		}
		describe(&src, doc)
		err = s.DB.Update(ctx, func(tx *store.Tx) error {
			if err := queue.Holds(ctx, tx, job); err != nil {
				return err
			}
			if err := s.claim(ctx, tx, src.Document); err != nil {
				return err
			}
			if err := tx.DeletePassages(ctx, src.ID); err != nil {
				return err
			}
			return tx.SaveSource(ctx, src)
		})
		if err != nil {
			s.discard(ctx, src.Document)
			return err
		}
	}

	doc, err := s.document(ctx, src)
	if err != nil {
		return err
	}
	src.Passages, src.Skipped = 0, 0
	n := 0
	// What an earlier attempt has cut stays: the same document is cut alike.
	for some := range groups(chunk.Split(doc, chunk.Options{}), 25) {
		for _, p := range some {
			if p.Skip != "" {
				src.Skipped++
			} else {
				src.Passages++
			}
		}
		err := s.DB.Update(ctx, func(tx *store.Tx) error {
			if err := queue.Holds(ctx, tx, job); err != nil {
				return err
			}
			if _, err := tx.Uncounted(ctx, src.ID); err != nil {
				return err // it was deleted meanwhile
			}
			return tx.AddPassages(ctx, src.ID, n, some)
		})
		if err != nil {
			return err
		}
		n += len(some)
	}
	return s.ready(ctx, job, src)
}

// groups collects up to size passages at a time.
func groups(ps iter.Seq[extract.Passage], size int) iter.Seq[[]extract.Passage] {
	return func(yield func([]extract.Passage) bool) {
		some := make([]extract.Passage, 0, size)
		for p := range ps {
			if some = append(some, p); len(some) == size {
				if !yield(some) {
					return
				}
				some = some[:0]
			}
		}
		if len(some) > 0 {
			yield(some)
		}
	}
}

// describe takes over what reading found out about a source.
func describe(src *seedbed.Source, doc *extract.Document) {
	src.Title, src.Authors, src.Kind = doc.Title, doc.Authors, doc.Kind
	src.Language, src.License = doc.Language, doc.License
	src.Pages = len(doc.Pages)
	src.Warnings = slices.Clone(doc.Warnings)
	for i, f := range doc.Skipped {
		if i == 20 {
			src.Warnings = append(src.Warnings, fmt.Sprintf("and %d more files were left out", len(doc.Skipped)-i))
			break
		}
		src.Warnings = append(src.Warnings, f.File+" was left out: "+f.Reason)
	}
}

// reading marks a source, and the runs that wait for it, as being read.
func (s *Service) reading(ctx context.Context, job *river.Job[readArgs], src *seedbed.Source) error {
	return s.waiting(ctx, job, src, func(tx *store.Tx, runs []seedbed.Run) error {
		src.State, src.Error = seedbed.SourceReading, nil
		for _, run := range runs {
			run.State = seedbed.RunReading
			if err := tx.SaveRun(ctx, run); err != nil {
				return err
			}
		}
		return nil
	})
}

// ready marks a source as read and sends the runs on that waited for it.
func (s *Service) ready(ctx context.Context, job *river.Job[readArgs], src seedbed.Source) error {
	return s.waiting(ctx, job, &src, func(tx *store.Tx, runs []seedbed.Run) error {
		src.State, src.Error = seedbed.SourceReady, nil
		for _, run := range runs {
			if err := s.insert(ctx, tx, planArgs{Run: run.ID, Source: src.ID}, nil); err != nil {
				return err
			}
		}
		return queue.Complete(ctx, tx, job)
	})
}

// fail marks a source as not readable, and the runs that waited for it.
func (s *Service) fail(ctx context.Context, job *river.Job[readArgs], src seedbed.Source, why error) error {
	reason := &seedbed.Error{Code: seedbed.CodeOf(why), Message: why.Error()}
	if known, ok := errors.AsType[*seedbed.Error](why); ok {
		reason.Message = known.Message
	}
	return s.waiting(ctx, job, &src, func(tx *store.Tx, runs []seedbed.Run) error {
		src.State, src.Error = seedbed.SourceFailed, reason
		for _, run := range runs {
			run.State, run.Error, run.Finished = seedbed.RunFailed, reason, s.Now().UTC()
			if err := tx.SaveRun(ctx, run); err != nil {
				return err
			}
		}
		return queue.Complete(ctx, tx, job)
	})
}

// waiting changes a source together with the runs that wait for it.
func (s *Service) waiting(ctx context.Context, job *river.Job[readArgs], src *seedbed.Source, do func(*store.Tx, []seedbed.Run) error) error {
	var changed []string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		changed = []string{""} // for those who watch everything
		if err := queue.Holds(ctx, tx, job); err != nil {
			return err
		}
		// Locked before its runs are listed: a run that is added after this
		// sees what the source has become.
		if _, err := tx.Uncounted(ctx, src.ID); err != nil {
			return err
		}
		runs, err := tx.Waiting(ctx, src.ID)
		if err != nil {
			return err
		}
		for _, run := range runs {
			changed = append(changed, run.ID)
		}
		if err := do(tx, runs); err != nil {
			return err
		}
		return tx.SaveSource(ctx, *src)
	})
	if err == nil {
		s.changes.tell(changed...)
	}
	return err
}
