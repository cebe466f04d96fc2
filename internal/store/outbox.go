package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Pending is a change of a seed that the search index has not seen.
type Pending struct {
	Seed     string
	Version  int64
	Deleted  bool
	Attempts int // that failed
}

// TellIndex notes changes for the index, each in place of an older note of its
// seed.
func (tx *Tx) TellIndex(ctx context.Context, changes []Pending) error {
	var s script
	s.tellIndex(changes)
	return s.run(ctx, tx.q)
}

func (s *script) tellIndex(changes []Pending) {
	var rows [][]any
	for _, p := range changes {
		rows = append(rows, []any{p.Seed, p.Version, flag(p.Deleted)})
	}
	s.insert("note changes of seeds for the index", `outbox (seed, version, deleted)`, rows, noteAnew)
}

// The version in the outbox only grows: a note of an older one must not let
// the feed believe that it has brought the newest.
const noteAnew = `ON CONFLICT (seed) DO UPDATE SET deleted = excluded.deleted, attempts = 0, due = 0, error = '',
	version = CASE WHEN outbox.version > excluded.version THEN outbox.version ELSE excluded.version END`

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

// OutboxEnd is where the outbox ends now, for [reads.OutboxUpTo].
func (r reads) OutboxEnd(ctx context.Context) (int, error) {
	end, err := r.number(ctx, `SELECT COALESCE(MAX(seq), 0) FROM outbox`)
	if err != nil {
		return 0, fmt.Errorf("find the end of the outbox: %w", err)
	}
	return end, nil
}

// OutboxUpTo is how many changes before an end the index has not seen yet,
// without those that it does not take.
func (r reads) OutboxUpTo(ctx context.Context, end int) (int, error) {
	n, err := r.number(ctx, `SELECT count(*) FROM outbox WHERE seq <= $1 AND attempts = 0`, end)
	if err != nil {
		return 0, fmt.Errorf("count the outbox: %w", err)
	}
	return n, nil
}

// Applied takes changes off the outbox that the index has seen. A seed that
// changed again meanwhile stays.
func (tx *Tx) Applied(ctx context.Context, changes []Pending) error {
	for some := range slices.Chunk(changes, 100) {
		var which []string
		var args []any
		for _, p := range padded(some) {
			which = append(which, fmt.Sprintf(`seed = $%d AND version = $%d`, len(args)+1, len(args)+2))
			args = append(args, p.Seed, p.Version)
		}
		if _, err := tx.exec(ctx, `DELETE FROM outbox WHERE `+strings.Join(which, " OR "), args...); err != nil {
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
	out, err := byID[int64](ctx, r.q, ids, `SELECT id, version FROM seeds WHERE id`)
	if err != nil {
		return nil, fmt.Errorf("list versions of seeds: %w", err)
	}
	return out, nil
}

// Noted are the versions of those of some seeds that stand in the outbox, by
// the seeds' ids.
func (r reads) Noted(ctx context.Context, ids []string) (map[string]int64, error) {
	out, err := byID[int64](ctx, r.q, ids, `SELECT seed, version FROM outbox WHERE seed`)
	if err != nil {
		return nil, fmt.Errorf("look into the outbox: %w", err)
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
