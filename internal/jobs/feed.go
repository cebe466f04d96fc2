package jobs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"seedbed/internal/search"
	"seedbed/internal/store"
)

// The outbox holds what the index has not seen. It is written with the seeds
// and emptied here: a row goes when the index has taken over that version.

// feedPause is how long it waits for more after some: what comes passage by
// passage is given to the index in few batches, and seen soon enough.
const feedPause = 200 * time.Millisecond

// wake tells the feed that there may be something in the outbox.
func (s *Service) wake() {
	select {
	case s.fed <- struct{}{}:
	default:
	}
}

// feed keeps the index up with the database until ctx ends. Of all processes
// one at a time does.
func (s *Service) feed(ctx context.Context) {
	calm := time.NewTicker(time.Second) // for rows that become due, or that another process wrote
	defer calm.Stop()
	compare := time.NewTicker(s.Reconcile)
	defer compare.Stop()
	wait := time.Duration(0)
	compared := false
	for {
		n := 0
		mine, err := s.DB.Alone(ctx, "search index", func() (err error) {
			if !compared {
				if _, err = s.compare(ctx); err != nil {
					return err
				}
				compared = true
			}
			n, err = s.feedSome(ctx)
			if errors.Is(err, search.ErrDamaged) {
				s.Log.Warn("the search index is built from the database", "because", err)
				err = s.Reindex(ctx)
			}
			return err
		})
		if ctx.Err() != nil {
			return
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
		if mine && n == s.Index.AtOnce() {
			continue
		}
		if n > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(feedPause):
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-compare.C:
			compared = false
		case <-s.fed:
		case <-calm.C:
		}
	}
}

// feedSome gives the oldest changes to the index and returns how many.
func (s *Service) feedSome(ctx context.Context) (int, error) {
	pending, err := s.DB.Outbox(ctx, s.Now(), s.Index.AtOnce())
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
	case ctx.Err() != nil || blameless(err):
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
		if ctx.Err() != nil || blameless(e) {
			return nil, nil, e
		}
	}
	return applied, refused, err
}

// blameless reports whether the changes are not why the index did not take
// them. Those that it did take may be given to it again.
func blameless(err error) bool {
	return errors.Is(err, search.ErrDamaged) || errors.Is(err, search.ErrAway)
}

func halves[T any](list []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		if yield(list[:len(list)/2]) {
			yield(list[len(list)/2:])
		}
	}
}

// Reindex builds the index anew. Searches find what they found before until it
// is done. It may run beside a feed, of this process or another one: what that
// has given to the old index meanwhile is noted once more.
func (s *Service) Reindex(ctx context.Context) error {
	if err := s.Index.Rebuild(ctx, s.everything(ctx)); err != nil {
		return err
	}
	_, err := s.compare(ctx)
	s.wake()
	return err
}

// everything is all seeds as the index wants them.
func (s *Service) everything(ctx context.Context) iter.Seq2[search.Change, error] {
	return func(yield func(search.Change, error) bool) {
		for after := ""; ; {
			seeds, err := s.DB.SeedsAfter(ctx, after, 500)
			if err != nil {
				yield(search.Change{}, err)
				return
			}
			for _, seed := range seeds {
				c := search.Change{ID: seed.ID, Version: seed.Version, Collection: seed.Collection, Seed: &seed.Seed}
				if !yield(c, nil) {
					return
				}
				after = seed.ID
			}
			if len(seeds) == 0 {
				return
			}
		}
	}
}

// A difference is a seed that database and index have in different versions.
// 0 is not at all.
type difference struct {
	ID              string
	Database, Index int64
}

// differences compares all of the index with the database, both ways. What
// stands in the outbox is no difference, nor what changes meanwhile.
func (s *Service) differences(ctx context.Context) ([]difference, error) {
	next, stop := iter.Pull2(s.Index.Versions(ctx))
	defer stop()
	has, err, more := next()
	var found []difference
	// Both lists are in order of ids: walk them side by side.
	for after, done := "", false; !done; {
		versions, err2 := s.DB.Versions(ctx, after, 1000)
		if err2 != nil {
			return nil, err2
		}
		if done = len(versions) == 0; !done {
			after = versions[len(versions)-1].Seed
		}
		for _, v := range versions {
			for ; more && err == nil && has.ID < v.Seed; has, err, more = next() {
				found = append(found, difference{ID: has.ID, Index: has.Version})
			}
			d := difference{ID: v.Seed, Database: v.Version}
			if more && err == nil && has.ID == v.Seed {
				d.Index = has.Version
				has, err, more = next()
			}
			if d.Index != d.Database {
				found = append(found, d)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	for ; more && err == nil; has, err, more = next() {
		found = append(found, difference{ID: has.ID, Index: has.Version})
	}
	if err != nil {
		return nil, err
	}
	return s.settled(ctx, found)
}

// settled are those of differences that will not pass by themselves.
func (s *Service) settled(ctx context.Context, found []difference) ([]difference, error) {
	var out []difference
	for some := range slices.Chunk(found, 500) {
		ids := make([]string, len(some))
		for i, d := range some {
			ids[i] = d.ID
		}
		noted, err := s.DB.Noted(ctx, ids)
		if err != nil {
			return nil, err
		}
		now, err := s.DB.VersionsOf(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, d := range some {
			if _, ok := noted[d.ID]; !ok && now[d.ID] == d.Database {
				out = append(out, d)
			}
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	// What stood in the outbox while the index was read may have reached it
	// since.
	has := map[string]int64{}
	for _, d := range out {
		has[d.ID] = 0
	}
	for v, err := range s.Index.Versions(ctx) {
		if err != nil {
			return nil, err
		}
		if _, ok := has[v.ID]; ok {
			has[v.ID] = v.Version
		}
	}
	return slices.DeleteFunc(out, func(d difference) bool { return has[d.ID] != d.Index }), nil
}

// compare notes what the index has missed, or has too much: its file may have
// been lost, or be older than the database. It returns how many seeds that
// were. Where the index is ahead of a seed, or was told of one before and has
// not taken it, the database is an older copy than the one it followed: then
// the index is built anew.
func (s *Service) compare(ctx context.Context) (int, error) {
	found, err := s.differences(ctx)
	if errors.Is(err, search.ErrDamaged) {
		s.Log.Warn("the search index is built from the database", "because", err)
		return 0, s.Index.Rebuild(ctx, s.everything(ctx))
	}
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	before := s.compared
	s.compared = map[difference]bool{}
	anew := false
	for _, d := range found {
		s.compared[d] = true
		anew = anew || d.Database > 0 && d.Index > d.Database || before[d]
	}
	s.mu.Unlock()
	if anew {
		s.Log.Warn("the search index followed another state of the database and is built again", "seeds", len(found))
		return len(found), s.Index.Rebuild(ctx, s.everything(ctx))
	}
	for some := range slices.Chunk(found, 200) {
		changes := make([]store.Pending, len(some))
		for i, d := range some {
			changes[i] = store.Pending{Seed: d.ID, Version: d.Database}
			if d.Database == 0 {
				changes[i].Version, changes[i].Deleted = d.Index+1, true
			}
		}
		if err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.TellIndex(ctx, changes) }); err != nil {
			return 0, err
		}
	}
	if len(found) > 0 {
		s.Log.Warn("the search index differed from the database", "seeds", len(found))
		s.wake()
	}
	return len(found), nil
}

// behind is how many changes the index has not seen.
func (s *Service) behind(ctx context.Context) int {
	n, err := s.DB.OutboxCount(ctx)
	if err != nil {
		s.Log.Warn("count the outbox", "err", err)
	}
	return n
}
