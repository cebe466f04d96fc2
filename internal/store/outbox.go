package store

import (
	"context"
	"fmt"
	"time"
)

// A Pending is a change of a seed that the search index has not seen.
type Pending struct {
	Seed     string
	Version  int64
	Deleted  bool
	Attempts int // that failed
}

// tellIndex notes that a seed changed, in place of an older note.
func (tx *Tx) tellIndex(ctx context.Context, seed string, version int64, deleted bool) error {
	_, err := tx.exec(ctx, `INSERT INTO outbox (seed, version, deleted) VALUES ($1, $2, $3)
		ON CONFLICT (seed) DO UPDATE SET version = excluded.version, deleted = excluded.deleted, attempts = 0, due = 0, error = ''`,
		seed, version, flag(deleted))
	if err != nil {
		return fmt.Errorf("note a change of seed %s for the index: %w", seed, err)
	}
	return nil
}

// Outbox lists the oldest changes that are due, at most limit.
func (r reads) Outbox(ctx context.Context, now time.Time, limit int) ([]Pending, error) {
	out, err := list(ctx, r.q, func(row scanner) (Pending, error) {
		var p Pending
		var deleted int
		err := row.Scan(&p.Seed, &p.Version, &deleted, &p.Attempts)
		p.Deleted = deleted != 0
		return p, err
	}, `SELECT seed, version, deleted, attempts FROM outbox WHERE due <= $1 ORDER BY seq LIMIT $2`, millis(now), limit)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return out, nil
}

// OutboxCount is how many changes the index has not seen.
func (r reads) OutboxCount(ctx context.Context) (int, error) {
	n, err := r.number(ctx, `SELECT count(*) FROM outbox`)
	if err != nil {
		return 0, fmt.Errorf("count the outbox: %w", err)
	}
	return n, nil
}

// Applied takes changes off the outbox that the index has seen. A seed that
// changed again meanwhile stays.
func (tx *Tx) Applied(ctx context.Context, changes []Pending) error {
	for _, p := range changes {
		if _, err := tx.exec(ctx, `DELETE FROM outbox WHERE seed = $1 AND version = $2`, p.Seed, p.Version); err != nil {
			return fmt.Errorf("clear the outbox: %w", err)
		}
	}
	return nil
}

// Postpone leaves a change that the index does not take until due.
func (tx *Tx) Postpone(ctx context.Context, p Pending, due time.Time, reason string) error {
	_, err := tx.exec(ctx, `UPDATE outbox SET attempts = attempts + 1, due = $3, error = $4 WHERE seed = $1 AND version = $2`,
		p.Seed, p.Version, millis(due), reason)
	if err != nil {
		return fmt.Errorf("postpone a change for the index: %w", err)
	}
	return nil
}

// TellIndex notes some changes that the index has missed: seeds as they are
// now, or seeds that are not there.
func (tx *Tx) TellIndex(ctx context.Context, changes []Pending) error {
	for _, p := range changes {
		if err := tx.tellIndex(ctx, p.Seed, p.Version, p.Deleted); err != nil {
			return err
		}
	}
	return nil
}

// Versions lists seeds with their versions in the order of their ids: up to
// limit of those behind after.
func (r reads) Versions(ctx context.Context, after string, limit int) ([]Pending, error) {
	out, err := list(ctx, r.q, func(row scanner) (Pending, error) {
		var p Pending
		err := row.Scan(&p.Seed, &p.Version)
		return p, err
	}, `SELECT id, version FROM seeds WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list versions of seeds: %w", err)
	}
	return out, nil
}

// VersionsOf are the versions of some seeds by their ids. Those that are not
// there are left out.
func (r reads) VersionsOf(ctx context.Context, ids []string) (map[string]int64, error) {
	out := map[string]int64{}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := list(ctx, r.q, func(row scanner) (Pending, error) {
		var p Pending
		err := row.Scan(&p.Seed, &p.Version)
		return p, err
	}, `SELECT id, version FROM seeds WHERE id IN (`+marks(1, len(ids))+`)`, anys(ids)...)
	if err != nil {
		return nil, fmt.Errorf("list versions of seeds: %w", err)
	}
	for _, p := range found {
		out[p.Seed] = p.Version
	}
	return out, nil
}

// Noted are those of some seeds that stand in the outbox.
func (r reads) Noted(ctx context.Context, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := list(ctx, r.q, scanOne[string], `SELECT seed FROM outbox WHERE seed IN (`+marks(1, len(ids))+`)`, anys(ids)...)
	if err != nil {
		return nil, fmt.Errorf("look into the outbox: %w", err)
	}
	for _, id := range found {
		out[id] = true
	}
	return out, nil
}

// A Refused is a change that the index has not taken, and why.
type Refused struct {
	Pending
	Due   time.Time // when it is tried again
	Error string
}

// Refused lists changes that the index has not taken, the oldest first, at
// most limit.
func (r reads) Refused(ctx context.Context, limit int) ([]Refused, error) {
	out, err := list(ctx, r.q, func(row scanner) (Refused, error) {
		var p Refused
		var deleted int
		err := row.Scan(&p.Seed, &p.Version, &deleted, &p.Attempts, stamp{&p.Due}, &p.Error)
		p.Deleted = deleted != 0
		return p, err
	}, `SELECT seed, version, deleted, attempts, due, error FROM outbox WHERE attempts > 0 ORDER BY seq LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list what the index refuses: %w", err)
	}
	return out, nil
}

// RetryRefused makes all changes due that the index has not taken.
func (tx *Tx) RetryRefused(ctx context.Context) error {
	if _, err := tx.exec(ctx, `UPDATE outbox SET due = 0 WHERE attempts > 0`); err != nil {
		return fmt.Errorf("try again what the index refused: %w", err)
	}
	return nil
}
