package main

import (
	"context"
	"errors"
	"fmt"

	"seedbed/internal/jobs"
	"seedbed/web/view"
)

type checkCmd struct {
	dataThere
	Repair bool `help:"Mend what can be mended without loss."`
}

// Help says what is looked at.
func (checkCmd) Help() string {
	return `Looks for originals and documents that are missing or altered, documents that
cannot be read, blobs and rows that belong to nothing, sources and runs that no
job moves along, changes that the search index refuses, and seeds in which index
and database differ. Prints a line for
each, and exits with 1 unless there are none or all were mended. The server may
go on meanwhile.`
}

func (c checkCmd) Run(ctx context.Context, s *streams) (err error) {
	o, err := open(ctx, c.Data, s.log, jobs.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	faults, left := 0, 0
	done, err := o.service.Check(ctx, c.Repair, func(f jobs.Fault) {
		if faults++; !f.Mended {
			left++
		}
		_, _ = fmt.Fprintln(s.out, f)
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.err, "looked at %s, %s and %s: %s, %d mended\n",
		view.Count(done.Sources, "source"), view.Count(done.Blobs, "blob"), view.Count(done.Seeds, "seed"), view.Count(faults, "fault"), faults-left)
	switch left {
	case 0:
		return nil
	case 1:
		return errors.New("1 fault is left")
	}
	return fmt.Errorf("%d faults are left", left)
}

type reindexCmd struct {
	dataThere
}

// Help says what happens meanwhile.
func (reindexCmd) Help() string {
	return `Builds the search index anew from the database and then puts it in the place of
the old one. The server may go on meanwhile, and finds what it found before.`
}

func (c reindexCmd) Run(ctx context.Context, s *streams) (err error) {
	o, err := open(ctx, c.Data, s.log, jobs.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.service.Reindex(ctx); err != nil {
		return err
	}
	n, err := o.index.Count(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.err, "the search index has %s\n", view.Count(n, "seed"))
	return err
}
