package jobs

import (
	"cmp"
	"context"
	"slices"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/store"
)

// near looks for alike questions among those of a collection and those added
// to it, and keeps what is added for the transaction's end.
type near struct {
	db interface {
		Alike(ctx context.Context, collection string, keys []uint64) (map[uint64][]store.Alike, error)
	}
	seeds      func(ctx context.Context, ids []string) (map[string]store.Seed, error)
	collection string
	known      map[uint64][]store.Alike // by key, of those looked up ahead
	questions  []stage.Candidate
	added      map[string][]uint64 // keys by id
	gone       map[string]bool     // ids of those that gave way
	unsaved    []store.Outcome     // of the transaction's passages before this one
	yielding   []yielding
}

// A yielding seed is one of the database that gives way to a better one.
type yielding struct {
	seed store.Seed
	to   extract.Seed
}

// ahead takes over what was looked up under keys at once, of what will be asked
// about seeds one by one.
func (n *near) ahead(known map[uint64][]store.Alike, keys []uint64) {
	n.known = known
	for _, key := range keys {
		if n.known[key] == nil {
			n.known[key] = []store.Alike{}
		}
	}
}

// keysOf are those of the seeds that will be compared with others.
func keysOf(made []outcome) []uint64 {
	var keys []uint64
	for _, out := range made {
		for _, s := range out.Found {
			if s.Live() {
				keys = append(keys, stage.Keys(s.Question)...)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

type nearKey struct{}

func (n *near) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, nearKey{}, n)
}

// sharedNear hands over to its context's near: stages are built once and used
// by many transactions.
type sharedNear struct{}

func (sharedNear) Candidates(ctx context.Context, keys []uint64) ([]stage.Candidate, error) {
	n := ctx.Value(nearKey{}).(*near)
	known := n.known
	if slices.ContainsFunc(keys, func(k uint64) bool { return known[k] == nil }) {
		booked := booking(ctx)
		var err error
		known, err = n.db.Alike(ctx, n.collection, keys)
		if booked(); err != nil {
			return nil, err
		}
	}
	var alike []store.Alike
	for _, k := range keys {
		alike = append(alike, known[k]...)
	}
	slices.SortFunc(alike, func(a, b store.Alike) int { return cmp.Compare(a.N, b.N) })
	var out []stage.Candidate
	for _, a := range slices.Compact(alike) {
		if n.gone[a.ID] {
			continue
		}
		out = append(out, stage.Candidate{ID: a.ID, Question: a.Question})
	}
	for _, q := range n.questions {
		if slices.ContainsFunc(n.added[q.ID], func(k uint64) bool { return slices.Contains(keys, k) }) {
			out = append(out, q)
		}
	}
	return out, nil
}

func (sharedNear) Add(ctx context.Context, id, question string, keys []uint64) error {
	n := ctx.Value(nearKey{}).(*near)
	if n.added == nil {
		n.added = map[string][]uint64{}
	}
	n.questions = append(n.questions, stage.Candidate{ID: id, Question: question})
	n.added[id] = slices.Clone(keys)
	return nil
}

// Yield implements [stage.Yielding] for seeds that nobody has changed since
// they were made.
func (sharedNear) Yield(ctx context.Context, ids []string, to extract.Seed) (bool, error) {
	n := ctx.Value(nearKey{}).(*near)
	var unsaved []*extract.Seed
	rest := slices.Clone(ids)
	for _, out := range n.unsaved {
		for i := range out.Found {
			if at := slices.Index(rest, out.Found[i].ID); at >= 0 {
				unsaved = append(unsaved, &out.Found[i])
				rest = slices.Delete(rest, at, at+1)
			}
		}
	}
	booked := booking(ctx)
	stored, err := n.seeds(ctx, rest)
	booked()
	if err != nil {
		return false, err
	}
	for _, s := range unsaved {
		if !stage.Better(to, *s) {
			return false, nil
		}
	}
	for _, id := range rest {
		if s, ok := stored[id]; !ok || s.Version > 1 || s.Verdict != extract.Draft || !stage.Better(to, s.Seed) {
			return false, nil
		}
	}
	if n.gone == nil {
		n.gone = map[string]bool{}
	}
	for _, id := range ids {
		n.gone[id] = true
		delete(n.added, id)
	}
	n.questions = slices.DeleteFunc(n.questions, func(c stage.Candidate) bool { return n.gone[c.ID] })
	for _, s := range unsaved {
		stage.GiveWay(s, to)
		for i := range n.yielding {
			if n.yielding[i].to.ID == s.ID {
				n.yielding[i].to = to
			}
		}
	}
	for _, id := range rest {
		n.yielding = append(n.yielding, yielding{stored[id], to})
	}
	return true, nil
}

// settle has those seeds give way whose better one was kept in the end.
func (n *near) settle(ctx context.Context, tx *store.Tx, made []store.Outcome) error {
	kept := map[string]bool{}
	for _, out := range made {
		for i := range out.Found {
			kept[out.Found[i].ID] = out.Found[i].Live()
		}
	}
	for _, y := range n.yielding {
		if !kept[y.to.ID] {
			continue
		}
		after := y.seed.Seed
		after.Checks = slices.Clone(after.Checks)
		stage.GiveWay(&after, y.to)
		if err := tx.Displace(ctx, y.seed, after); err != nil {
			return err
		}
	}
	return nil
}
