package store

import (
	"context"
	"fmt"
	"time"
)

// A Share is what a worker may use of the limits of a model server that
// several workers ask.
type Share struct {
	Worker string
	Wants  int     // requests at once
	Places int     // requests that it has in flight at most
	Rate   float64 // of what may be asked in a minute, from 0 to 1
}

// Shares are those of all workers in a server, by worker. Nobody changes them
// until the transaction ends.
func (tx *Tx) Shares(ctx context.Context, server string) ([]Share, error) {
	if err := tx.Lock(ctx, "the shares of model server", server); err != nil {
		return nil, err
	}
	all, err := list(ctx, tx.q, func(row scanner) (Share, error) {
		var s Share
		err := row.Scan(&s.Worker, &s.Wants, &s.Places, &s.Rate)
		return s, err
	}, `SELECT worker, wants, places, rate FROM shares WHERE server = $1 AND until > `+tx.q.clock()+` ORDER BY worker`, server)
	if err != nil {
		return nil, fmt.Errorf("list the shares of a model server: %w", err)
	}
	return all, nil
}

// SaveShare stores a worker's share for a while from now on. One that wants
// and has nothing is forgotten, as are those whose time is over.
func (tx *Tx) SaveShare(ctx context.Context, server string, s Share, lease time.Duration) error {
	_, err := tx.exec(ctx, `DELETE FROM shares WHERE server = $1 AND (until <= `+tx.q.clock()+` OR worker = $2)`, server, s.Worker)
	if err == nil && (s.Wants > 0 || s.Places > 0) {
		_, err = tx.exec(ctx, `INSERT INTO shares (server, worker, wants, places, rate, until) VALUES ($1, $2, $3, $4, $5, `+tx.q.clock()+` + $6)`,
			server, s.Worker, s.Wants, s.Places, s.Rate, lease.Milliseconds())
	}
	if err != nil {
		return fmt.Errorf("save a worker's share of a model server: %w", err)
	}
	return nil
}
