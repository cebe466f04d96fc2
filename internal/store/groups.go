package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pressly/goose/v3"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
)

// Seeds that ask the same are a group: one stands for all, and is a duplicate
// of none, and the others are duplicates of that one, which is there. It is
// kept so by whoever adds, displaces or deletes seeds, in the same transaction.

// seedsOf is what is locked by who adds seeds to a collection, or takes away
// what they may be found to be duplicates of.
const seedsOf = "the seeds of collection"

// LockSeeds keeps all others from adding seeds to a collection, and from
// deleting any, until the transaction ends.
func (tx *Tx) LockSeeds(ctx context.Context, collection string) error {
	return tx.Lock(ctx, seedsOf, collection)
}

// lockSeeds is LockSeeds of the collections that seeds are in.
func (tx *Tx) lockSeeds(ctx context.Context, ids []string) error {
	if tx.q.engine != postgres {
		return nil
	}
	in := map[string]bool{}
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := anys(padded(some))
		err := each(ctx, tx.q, func(row scanner) error {
			id, err := scanOne[string](row)
			in[id] = true
			return err
		}, `SELECT DISTINCT collection FROM seeds WHERE id IN (`+marks(1, len(args))+`)`, args...)
		if err != nil {
			return fmt.Errorf("look where seeds are: %w", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(in)) {
		if err := tx.LockSeeds(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// roots are the seeds that stand for the groups of some seeds, by the ids of
// these. Those that are not there are left out.
func (r reads) roots(ctx context.Context, ids []string) (map[string]string, error) {
	out := make(map[string]string, len(ids))
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := anys(padded(some))
		err := each(ctx, r.q, func(row scanner) error {
			var id, root string
			err := row.Scan(&id, &root)
			out[id] = root
			return err
		}, `SELECT id, COALESCE(NULLIF(duplicate_of, ''), id) FROM seeds WHERE id IN (`+marks(1, len(args))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look for groups of duplicates: %w", err)
		}
	}
	return out, nil
}

// level has seeds that are about to be added be duplicates of those that stand
// for groups: what they were compared with may itself be a duplicate, or have
// become one in this transaction.
func (tx *Tx) level(ctx context.Context, made []Outcome) error {
	added := map[string]*extract.Seed{}
	var of []string
	for _, o := range made {
		for i := range o.Found {
			s := &o.Found[i]
			added[s.ID] = s
			if s.DuplicateOf != nil {
				of = append(of, *s.DuplicateOf)
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	slices.Sort(of)
	stored, err := tx.roots(ctx, slices.Compact(of))
	if err != nil {
		return err
	}
	for _, root := range stored {
		if stored[root] == "" {
			stored[root] = root
		}
	}
	for _, s := range added {
		if s.DuplicateOf == nil {
			continue
		}
		to := *s.DuplicateOf
		for range len(added) + 1 { // no more can follow each other
			next := stored[to]
			if a := added[to]; a != nil {
				next = a.Group()
			}
			if next == to || next == "" {
				break
			}
			to = next
		}
		s.DuplicateOf = &to
		if to == s.ID || added[to] == nil && stored[to] == "" { // in a circle, or gone
			s.DuplicateOf = nil
		}
	}
	return nil
}

// followers are the duplicates of some seeds, which nobody else changes until
// the transaction ends.
func (tx *Tx) followers(ctx context.Context, of []string) ([]Seed, error) {
	var out []Seed
	for some := range slices.Chunk(of, idsAtOnce) {
		args := anys(padded(some))
		seeds, err := list(ctx, tx.q, scanSeed, `SELECT version, collection, body FROM seeds WHERE duplicate_of <> '' AND duplicate_of IN (`+
			marks(1, len(args))+`) ORDER BY id`+tx.q.locked("seeds"), args...)
		if err != nil {
			return nil, fmt.Errorf("load duplicates: %w", err)
		}
		out = append(out, seeds...)
	}
	return out, nil
}

// follow has seeds be duplicates of another, but for that one itself, which is
// a duplicate of none then. They have to be held.
func (tx *Tx) follow(ctx context.Context, seeds []Seed, to string) error {
	var todo script
	for _, s := range seeds {
		after := s.Seed
		if after.DuplicateOf = &to; s.ID == to {
			after.DuplicateOf = nil
		}
		todo.add("change what a seed is a duplicate of", nil, `UPDATE seeds SET version = version + 1, duplicate_of = $2, body = $3 WHERE id = $1`,
			s.ID, duplicateOf(after), asJSON(after))
		todo.addRevision(s, after, seedbed.ByGroup, "", millis(tx.now()))
		todo.tellIndex([]Pending{{Seed: s.ID, Version: s.Version + 1}})
	}
	return todo.run(ctx, tx.q)
}

// regroup has one of those stand for each group whose first is gone: of seeds
// that were duplicates of the same. They have to be held.
func (tx *Tx) regroup(ctx context.Context, seeds []Seed) error {
	groups := map[string][]Seed{}
	for _, s := range seeds {
		groups[s.Group()] = append(groups[s.Group()], s)
	}
	for _, gone := range slices.Sorted(maps.Keys(groups)) {
		if err := tx.follow(ctx, groups[gone], slices.MinFunc(groups[gone], byRank).ID); err != nil {
			return err
		}
	}
	return nil
}

// byRank puts first who is to stand for a group: what a person accepted, then
// what is not rejected, then the better, then the older.
func byRank(a, b Seed) int {
	rank := func(s Seed) int {
		return slices.Index([]string{extract.Accepted, extract.Draft, extract.Rejected}, s.Verdict)
	}
	if by := cmp.Compare(rank(a), rank(b)); by != 0 {
		return by
	}
	switch {
	case stage.Better(a.Seed, b.Seed):
		return -1
	case stage.Better(b.Seed, a.Seed):
		return 1
	}
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// Astray are duplicates of seeds that are not there, or are duplicates
// themselves.
func (r reads) Astray(ctx context.Context) ([]string, error) {
	out, err := list(ctx, r.q, scanOne[string], `SELECT d.id FROM seeds d LEFT JOIN seeds o ON o.id = d.duplicate_of
		WHERE d.duplicate_of <> '' AND (o.id IS NULL OR o.duplicate_of <> '') ORDER BY d.id`)
	if err != nil {
		return nil, fmt.Errorf("look for groups of duplicates: %w", err)
	}
	return out, nil
}

// MendGroups makes groups of all duplicates, and changes no more than that
// needs.
func (tx *Tx) MendGroups(ctx context.Context) error {
	astray, err := tx.Astray(ctx)
	if err != nil || len(astray) == 0 {
		return err
	}
	of := map[string]string{}
	err = each(ctx, tx.q, func(row scanner) error {
		var id, to string
		err := row.Scan(&id, &to)
		of[id] = to
		return err
	}, `SELECT id, duplicate_of FROM seeds WHERE duplicate_of <> ''`)
	if err != nil {
		return fmt.Errorf("look for groups of duplicates: %w", err)
	}
	ends := map[string]string{} // where the way of each that is astray leads to
	for _, id := range astray {
		at, seen := id, map[string]bool{}
		for of[at] != "" && !seen[at] {
			seen[at] = true
			at = of[at]
		}
		if of[at] != "" { // in a circle: its first stands for them
			first := at
			for next := of[at]; next != at; next = of[next] {
				first = min(first, next)
			}
			at = first
		}
		ends[id] = at
	}
	there, err := tx.roots(ctx, slices.Sorted(maps.Values(ends)))
	if err != nil {
		return err
	}
	groups := map[string][]string{}
	for id, end := range ends {
		groups[end] = append(groups[end], id)
	}
	for _, end := range slices.Sorted(maps.Keys(groups)) {
		held, err := tx.HoldSeeds(ctx, groups[end])
		if err != nil {
			return err
		}
		seeds := slices.SortedFunc(maps.Values(held), func(a, b Seed) int { return cmp.Compare(a.ID, b.ID) })
		if there[end] == "" { // those that follow it straight, and those that follow them
			end = slices.MinFunc(seeds, byRank).ID
		}
		if err := tx.follow(ctx, seeds, end); err != nil {
			return err
		}
	}
	return nil
}

// newGroups is the migration after which groups of duplicates are as this file
// says.
func newGroups(e *engine) *goose.GoFunc {
	return &goose.GoFunc{RunTx: func(ctx context.Context, raw *sql.Tx) error {
		tx := &Tx{reads: reads{q: session{on: raw, engine: e}}, now: time.Now}
		if err := tx.MendGroups(ctx); err != nil {
			return fmt.Errorf("make groups of duplicates: %w", err)
		}
		return nil
	}}
}
