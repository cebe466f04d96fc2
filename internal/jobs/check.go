package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/riverqueue/river"

	"seedbed/internal/blob"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// A Fault is something that Check found wrong.
type Fault struct {
	Kind   string // a few stable words: "blob missing"
	What   string // which one, and what is known about it
	Mended bool
}

func (f Fault) String() string {
	mended := ""
	if f.Mended {
		mended = " (mended)"
	}
	return f.Kind + ": " + f.What + mended
}

// Checked is how much Check has looked at.
type Checked struct{ Sources, Blobs, Seeds int }

// young is how old a blob is at least that is taken for an orphan: the row of
// a younger one may be about to be written.
const young = 24 * time.Hour

// Check looks whether blobs, database and index fit, and reports each fault as
// it is found. With mend it mends what can be mended without loss: a document
// that is read again to the same bytes, blobs and rows that belong to nothing,
// jobs that are missing, an index that differs. It can run while others work.
func (s *Service) Check(ctx context.Context, mend bool, report func(Fault)) (Checked, error) {
	c := &checker{Service: s, mend: mend, report: report}
	for _, part := range []func(context.Context) error{c.sources, c.orphans, c.rows, c.groups, c.stuck, c.outbox, c.index} {
		if err := part(ctx); err != nil {
			return c.done, err
		}
	}
	if mend {
		s.sweep(ctx)
	}
	return c.done, nil
}

type checker struct {
	*Service
	mend   bool
	report func(Fault)
	done   Checked
}

// found reports a fault, and first mends it where that is wanted and possible.
func (c *checker) found(kind, what string, mend func() error) error {
	f := Fault{Kind: kind, What: what}
	if c.mend && mend != nil {
		if err := mend(); err != nil {
			return fmt.Errorf("mend %s: %s: %w", kind, what, err)
		}
		f.Mended = true
	}
	c.report(f)
	return nil
}

// sources looks at the bytes of every source, and at its document.
func (c *checker) sources(ctx context.Context) error {
	all, err := c.DB.Sources(ctx, "")
	if err != nil {
		return err
	}
	for _, src := range all {
		c.done.Sources++
		named := fmt.Sprintf("%s of source %s, %s", src.SHA256, src.ID, src.Name)
		whole := false
		err := blob.Check(ctx, c.Blobs, src.SHA256)
		switch {
		case err == nil:
			whole = true
		case errors.Is(err, fs.ErrNotExist):
			err = c.found("original missing", named+": upload the file again", nil)
		case errors.Is(err, blob.ErrAltered):
			err = c.found("original altered", named+": upload the file again", nil)
		default:
			return err
		}
		if err != nil {
			return err
		}
		if src.Document == "" {
			continue
		}
		if err := c.document(ctx, src, whole); err != nil {
			return err
		}
	}
	return nil
}

// document looks at a source's document; where it is lost and the original is
// not, reading that again may give the same.
func (c *checker) document(ctx context.Context, src seedbed.Source, readable bool) error {
	kind := ""
	err := blob.Check(ctx, c.Blobs, src.Document)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		kind = "document missing"
	case errors.Is(err, blob.ErrAltered):
		kind = "document altered"
	case err != nil:
		return err
	default:
		if _, err = c.loadDocument(ctx, src.Document); err == nil {
			return nil
		}
		if seedbed.CodeOf(err) == seedbed.Unavailable || ctx.Err() != nil {
			return err
		}
		kind, readable = "document unreadable", false // its bytes are what was written
	}
	what := fmt.Sprintf("%s of source %s, %s", src.Document, src.ID, src.Name)
	if !c.mend || !readable {
		return c.found(kind, what, nil)
	}
	sum, err := c.readAgain(ctx, src)
	switch {
	case err != nil:
		return c.found(kind, fmt.Sprintf("%s: reading it again fails: %v", what, err), nil)
	case sum != src.Document:
		// Passages and evidence point into the other one.
		c.discard(ctx, sum)
		return c.found(kind, what+": read again it differs: delete the source and upload the file again", nil)
	}
	return c.found(kind, what, func() error { return nil })
}

// readAgain reads a source's original and keeps the document. What was asked
// of the reader the first time nobody has noted, so it is read in each way
// until the same comes out.
func (c *checker) readAgain(ctx context.Context, src seedbed.Source) (sum string, err error) {
	err = c.withFile(ctx, src.SHA256, func(path string) error {
		var first error
		for _, how := range []seedbed.Reading{{}, {WholePage: true}, {OCR: true}} {
			doc, err := c.Read(ctx, path, src.Name, how)
			if err != nil {
				first = cmp.Or(first, err)
				continue
			}
			if sum != "" {
				c.discard(ctx, sum)
			}
			if sum, err = c.saveDocument(ctx, doc); err != nil || sum == src.Document {
				return err
			}
		}
		if sum == "" {
			return first
		}
		return nil
	})
	return sum, err
}

// orphans looks for blobs that no row names.
func (c *checker) orphans(ctx context.Context) error {
	for info, err := range c.Blobs.Each(ctx) {
		if err != nil {
			return err
		}
		c.done.Blobs++
		if c.Now().Sub(info.Put) < young {
			continue
		}
		used, err := c.DB.BlobUsed(ctx, info.Sum)
		if err != nil {
			return err
		}
		if used {
			continue
		}
		what := fmt.Sprintf("%s, %d bytes, put %s", info.Sum, info.Size, info.Put.UTC().Format(time.DateOnly))
		err = c.found("blob orphaned", what, func() error {
			return c.DB.Update(ctx, func(tx *store.Tx) error { return tx.AddGarbage(ctx, info.Sum) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rows looks for rows whose source or run is gone.
func (c *checker) rows(ctx context.Context) (err error) {
	if c.done.Seeds, err = c.DB.SeedCount(ctx); err != nil {
		return err
	}
	lost, err := c.DB.Lost(ctx)
	if err != nil {
		return err
	}
	for _, l := range lost {
		what := fmt.Sprintf("%s of %s, which is not there: %d", l.What, l.Of, l.Count)
		err := c.found("rows left over", what, func() error {
			return c.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteLost(ctx, l) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// groups looks for duplicates of what is not there, or is a duplicate itself.
func (c *checker) groups(ctx context.Context) error {
	astray, err := c.DB.Astray(ctx)
	if err != nil || len(astray) == 0 {
		return err
	}
	for _, id := range astray {
		if err := c.found("duplicate astray", "seed "+id+": what it is a duplicate of is gone, or a duplicate itself", func() error {
			return c.DB.Update(ctx, func(tx *store.Tx) error { return tx.MendGroups(ctx) })
		}); err != nil {
			return err
		}
	}
	return nil
}

// stuck looks for sources that are to be read and runs that are to go on, for
// which there is no job.
func (c *checker) stuck(ctx context.Context) error {
	sources, runs, err := c.DB.Stuck(ctx)
	if err != nil {
		return err
	}
	again := func(args river.JobArgs) func() error {
		return func() error {
			return c.DB.Update(ctx, func(tx *store.Tx) error { return c.insert(ctx, tx, args, nil) })
		}
	}
	for _, id := range sources {
		if err := c.found("source stuck", id+": no job reads it", again(readArgs{Source: id})); err != nil {
			return err
		}
	}
	for _, id := range runs {
		run, err := c.DB.Run(ctx, id)
		if seedbed.CodeOf(err) == seedbed.NotFound {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%s, which is %s: no job goes on with it", id, run.State)
		if err := c.found("run stuck", what, again(planArgs{Run: id, Source: run.Source})); err != nil {
			return err
		}
	}
	return nil
}

// outbox looks for changes that the index has refused.
func (c *checker) outbox(ctx context.Context) error {
	refused, err := c.DB.Refused(ctx, 1000)
	if err != nil || len(refused) == 0 {
		return err
	}
	for _, r := range refused {
		what := fmt.Sprintf("seed %s version %d, tried %d times: %s", r.Seed, r.Version, r.Attempts, r.Error)
		if err := c.found("index refuses", what, nil); err != nil {
			return err
		}
	}
	if !c.mend {
		return nil
	}
	return c.DB.Update(ctx, func(tx *store.Tx) error { return tx.RetryRefused(ctx) })
}

// index compares database and index.
func (c *checker) index(ctx context.Context) error {
	found, err := c.differences(ctx)
	if errors.Is(err, search.ErrDamaged) {
		return c.found("index damaged", err.Error(), func() error { return c.Reindex(ctx) })
	}
	if err != nil || len(found) == 0 {
		return err
	}
	if c.mend {
		if err := c.Reindex(ctx); err != nil {
			return err
		}
	}
	for _, d := range found {
		what := fmt.Sprintf("seed %s has version %d in the database and %d in the index", d.ID, d.Database, d.Index)
		switch {
		case d.Database == 0:
			what = fmt.Sprintf("seed %s is in the index only, version %d", d.ID, d.Index)
		case d.Index == 0:
			what = fmt.Sprintf("seed %s is in the database only, version %d", d.ID, d.Database)
		}
		c.report(Fault{"index differs", what, c.mend})
	}
	return nil
}
