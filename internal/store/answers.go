package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"seedbed/internal/seedbed"
)

// ClaimAnswer begins a request that has a key, until then: it reports true
// where the caller is to do the work, else what came of it before; nil while
// another is still at it. Who claims is told by owner.
func (tx *Tx) ClaimAnswer(ctx context.Context, key, owner string, now, until time.Time) (bool, *seedbed.Answer, error) {
	if _, err := tx.exec(ctx, `DELETE FROM answers WHERE until < $1`, millis(now)); err != nil {
		return false, nil, fmt.Errorf("forget old answers: %w", err)
	}
	n, err := tx.exec(ctx, `INSERT INTO answers (id, owner, until) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`, key, owner, millis(until))
	if err != nil {
		return false, nil, fmt.Errorf("claim an answer: %w", err)
	}
	if n == 1 {
		return true, nil, nil
	}
	var a seedbed.Answer
	err = tx.q.QueryRowContext(ctx, `SELECT print, status, location, body FROM answers WHERE id = $1`, key).Scan(&a.Print, &a.Status, &a.Location, &a.Body)
	switch {
	case errors.Is(err, sql.ErrNoRows): // given up just now
		return false, nil, nil
	case err != nil:
		return false, nil, fmt.Errorf("load an answer: %w", err)
	case a.Status == 0:
		return false, nil, nil
	}
	return false, &a, nil
}

// HoldAnswer keeps a claim for longer.
func (tx *Tx) HoldAnswer(ctx context.Context, key, owner string, until time.Time) error {
	if _, err := tx.exec(ctx, `UPDATE answers SET until = $3 WHERE id = $1 AND owner = $2 AND status = 0`, key, owner, millis(until)); err != nil {
		return fmt.Errorf("hold an answer: %w", err)
	}
	return nil
}

// SaveAnswer keeps what came of a request that was claimed.
func (tx *Tx) SaveAnswer(ctx context.Context, key, owner string, a seedbed.Answer, until time.Time) error {
	_, err := tx.exec(ctx, `UPDATE answers SET print = $3, status = $4, location = $5, body = $6, until = $7 WHERE id = $1 AND owner = $2`,
		key, owner, a.Print, a.Status, a.Location, a.Body, millis(until))
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

// DropAnswer gives a claim up.
func (tx *Tx) DropAnswer(ctx context.Context, key, owner string) error {
	if _, err := tx.exec(ctx, `DELETE FROM answers WHERE id = $1 AND owner = $2`, key, owner); err != nil {
		return fmt.Errorf("give an answer up: %w", err)
	}
	return nil
}
