package store

import (
	"context"
	"fmt"

	"seedbed/internal/seedbed"
)

// AddGarbage notes blobs that may not be needed any more. A note that is there
// is held, for its blob may just be looked at and found to be needed.
func (tx *Tx) AddGarbage(ctx context.Context, sums ...string) error {
	for _, sum := range sums {
		if sum == "" {
			continue
		}
		if _, err := tx.exec(ctx, `INSERT INTO garbage (sha256) VALUES ($1)
			ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256`, sum); err != nil {
			return fmt.Errorf("note blob %s as garbage: %w", sum, err)
		}
	}
	return nil
}

// ClaimBlob is called in the transaction that names a blob which was put
// before. It holds back who would remove it until the transaction ends, and
// leaves a note in the table of garbage, to be looked at and forgotten. Where
// somebody is removing these bytes just now the error is
// [seedbed.Unavailable]: they have to be put again.
func (tx *Tx) ClaimBlob(ctx context.Context, sum string) error {
	removing, err := scanOne[int](tx.q.QueryRowContext(ctx, `INSERT INTO garbage (sha256) VALUES ($1)
		ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256 RETURNING removing`, sum))
	if err != nil {
		return fmt.Errorf("claim blob %s: %w", sum, err)
	}
	if removing != 0 {
		return seedbed.Errorf(seedbed.Unavailable, "the same bytes are being removed just now: send them again in a moment")
	}
	return nil
}

// garbageStep is how many blobs are looked at in one transaction.
const garbageStep = 200

// Garbage lists some blobs that are noted as garbage.
func (r reads) Garbage(ctx context.Context) ([]string, error) {
	all, err := list(ctx, r.q, scanOne[string], `SELECT sha256 FROM garbage ORDER BY sha256 LIMIT $1`, garbageStep)
	if err != nil {
		return nil, fmt.Errorf("list garbage: %w", err)
	}
	return all, nil
}

// MarkGarbage marks those of some blobs that no source names, and returns
// them: nobody can claim them from when the transaction is committed until
// [Tx.ForgetGarbage]. The others are forgotten. One process at a time may do so.
func (tx *Tx) MarkGarbage(ctx context.Context, sums []string) ([]string, error) {
	in := ` WHERE sha256 IN (` + marks(1, len(sums)) + `)`
	// Whoever claims one of them has committed when this has its rows, and
	// the next statement sees what was committed.
	if _, err := tx.exec(ctx, `UPDATE garbage SET removing = removing`+in, anys(sums)...); err != nil {
		return nil, fmt.Errorf("lock garbage: %w", err)
	}
	unused, err := list(ctx, tx.q, scanOne[string], `UPDATE garbage SET removing = 1`+in+`
		AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.sha256 = garbage.sha256)
		AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.document = garbage.sha256) RETURNING sha256`, anys(sums)...)
	if err == nil {
		_, err = tx.exec(ctx, `DELETE FROM garbage`+in+` AND removing = 0`, anys(sums)...)
	}
	if err != nil {
		return nil, fmt.Errorf("mark garbage: %w", err)
	}
	return unused, nil
}

// ForgetGarbage takes blobs off the list of garbage that are removed.
func (tx *Tx) ForgetGarbage(ctx context.Context, sums []string) error {
	if len(sums) == 0 {
		return nil
	}
	if _, err := tx.exec(ctx, `DELETE FROM garbage WHERE removing = 1 AND sha256 IN (`+marks(1, len(sums))+`)`, anys(sums)...); err != nil {
		return fmt.Errorf("forget garbage: %w", err)
	}
	return nil
}
