package jobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"seedbed/internal/search"
	"seedbed/internal/store"
)

// The outbox holds what the index has not seen. It is written with the seeds
// and emptied here: a row goes when the index has taken over that version.

const feedStep = 100 // changes given to the index at once

// wake tells the feed that there may be something in the outbox.
func (s *Service) wake() {
	select {
	case s.fed <- struct{}{}:
	default:
	}
}

// feed keeps the index up with the database until ctx ends.
func (s *Service) feed(ctx context.Context) {
	if err := s.compare(ctx); err != nil && ctx.Err() == nil {
		s.Log.Warn("the search index could not be compared with the database", "err", err)
	}
	calm := time.NewTicker(time.Second) // for rows that become due, or that another process wrote
	defer calm.Stop()
	wait := time.Duration(0)
	for {
		n, err := s.feedSome(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, search.ErrDamaged):
			s.Log.Warn("the search index is damaged and is built again", "err", err)
			err = s.Reindex(ctx)
		}
		if err != nil {
			wait = min(max(2*wait, 100*time.Millisecond), 30*time.Second)
			s.Log.Warn("the search index is behind", "err", err, "again_in", wait)
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			continue
		}
		wait = 0
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.fed:
		case <-calm.C:
		}
	}
}

// feedSome gives the oldest changes to the index and returns how many.
func (s *Service) feedSome(ctx context.Context) (int, error) {
	pending, err := s.DB.Outbox(ctx, s.Now(), feedStep)
	if err != nil || len(pending) == 0 {
		return 0, err
	}
	applied, refused, err := s.apply(ctx, pending)
	if len(applied) == 0 {
		return 0, err
	}
	// The index is well and does not take these.
	return len(pending), s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, r := range refused {
			wait := min(time.Minute<<min(r.Attempts, 10), 24*time.Hour)
			s.Log.Error("the search index does not take a seed", "seed", r.Seed, "again_in", wait, "err", r.err)
			if err := tx.Postpone(ctx, r.Pending, s.Now().Add(wait), r.err.Error()); err != nil {
				return err
			}
		}
		return tx.Applied(ctx, applied)
	})
}

// A refusal is a change that the index does not take, and why.
type refusal struct {
	store.Pending
	err error
}

// apply gives changes to the index, in halves where it does not take them
// all. The error is the last one, if any.
func (s *Service) apply(ctx context.Context, pending []store.Pending) (applied []store.Pending, refused []refusal, err error) {
	ids := make([]string, len(pending))
	for i, p := range pending {
		ids[i] = p.Seed
	}
	seeds, err := s.DB.SeedsByID(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	changes := make([]search.Change, len(pending))
	for i, p := range pending {
		changes[i] = search.Change{ID: p.Seed, Version: p.Version}
		if seed, ok := seeds[p.Seed]; ok && !p.Deleted {
			changes[i].Version, changes[i].Collection, changes[i].Seed = seed.Version, seed.Collection, &seed.Seed
		}
	}
	err = s.Index.Apply(ctx, changes)
	switch {
	case err == nil:
		return pending, nil, nil
	case ctx.Err() != nil || errors.Is(err, search.ErrDamaged):
		return nil, nil, err
	case len(pending) == 1:
		return nil, []refusal{{pending[0], err}}, err
	}
	for half := range halves(pending) {
		a, r, e := s.apply(ctx, half)
		applied, refused = append(applied, a...), append(refused, r...)
		if e != nil {
			err = e
		}
		if ctx.Err() != nil || errors.Is(e, search.ErrDamaged) {
			return nil, nil, e
		}
	}
	return applied, refused, err
}

func halves[T any](list []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		if yield(list[:len(list)/2]) {
			yield(list[len(list)/2:])
		}
	}
}

// Reindex empties the index and notes every seed for it. Searches find little
// until the feed has caught up.
func (s *Service) Reindex(ctx context.Context) error {
	if err := s.Index.Reset(ctx); err != nil {
		return fmt.Errorf("empty the search index: %w", err)
	}
	for after := ""; ; {
		err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
			after, err = tx.TellIndexAll(ctx, after, 500)
			return err
		})
		if err != nil {
			return err
		}
		s.wake()
		if after == "" {
			return nil
		}
	}
}

// compare notes what the index has missed, or has too much: its file may have
// been lost, or be older than the database.
func (s *Service) compare(ctx context.Context) error {
	next, stop := iter.Pull2(s.Index.Versions(ctx))
	defer stop()
	has, err, more := next()
	var changes []store.Pending
	flush := func() error {
		if len(changes) == 0 {
			return nil
		}
		err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.TellIndex(ctx, changes) })
		changes = changes[:0]
		return err
	}
	note := func(p store.Pending) error {
		if changes = append(changes, p); len(changes) < 200 {
			return nil
		}
		return flush()
	}
	// Both lists are in order of ids: walk them side by side.
	surplus := func(before string) error {
		for ; more && err == nil && (before == "" || has.ID < before); has, err, more = next() {
			if err := note(store.Pending{Seed: has.ID, Version: has.Version + 1, Deleted: true}); err != nil {
				return err
			}
		}
		return err
	}
	for after := ""; ; {
		versions, err2 := s.DB.Versions(ctx, after, 1000)
		if err2 != nil {
			return err2
		}
		for _, v := range versions {
			if err := surplus(v.Seed); err != nil {
				return s.orRebuild(ctx, err)
			}
			if more && has.ID == v.Seed {
				behind := has.Version < v.Version
				if has, err, more = next(); err != nil {
					return s.orRebuild(ctx, err)
				}
				if !behind {
					continue
				}
			}
			if err := note(v); err != nil {
				return err
			}
		}
		if len(versions) == 0 {
			break
		}
		after = versions[len(versions)-1].Seed
	}
	if err := surplus(""); err != nil {
		return s.orRebuild(ctx, err)
	}
	return flush()
}

func (s *Service) orRebuild(ctx context.Context, err error) error {
	if errors.Is(err, search.ErrDamaged) {
		s.Log.Warn("the search index is damaged and is built again", "err", err)
		return s.Reindex(ctx)
	}
	return err
}

// behind is how many changes the index has not seen.
func (s *Service) behind(ctx context.Context) int {
	n, err := s.DB.OutboxCount(ctx)
	if err != nil {
		s.Log.Warn("count the outbox", "err", err)
	}
	return n
}
