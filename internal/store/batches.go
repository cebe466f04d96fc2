package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"seedbed/internal/seedbed"
)

// Batches lists the batches of a run, the first to be sent first.
func (r reads) Batches(ctx context.Context, run string) ([]seedbed.Batch, error) {
	out, err := list(ctx, r.q, func(row scanner) (seedbed.Batch, error) {
		b := seedbed.Batch{Run: run}
		var over int
		var failures []byte
		err := row.Scan(&b.ID, &b.Remote, &b.State, &b.Total, &b.Done, &b.Failed, &over, &failures, stamp{&b.Sent})
		b.Over = over != 0
		return b, errors.Join(err, unpackJSON(failures, &b.Failures))
	}, `SELECT id, remote, state, total, done, failed, over, failures, sent FROM batches WHERE run = $1 ORDER BY id`, run)
	if err != nil {
		return nil, fmt.Errorf("list the batches of run %s: %w", run, err)
	}
	return out, nil
}

// SaveBatch adds or changes a batch.
func (tx *Tx) SaveBatch(ctx context.Context, b seedbed.Batch) error {
	var failures []byte
	if len(b.Failures) > 0 {
		failures = pack([]byte(asJSON(b.Failures)))
	}
	_, err := tx.exec(ctx, `INSERT INTO batches (id, run, remote, state, total, done, failed, over, failures, sent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET remote = excluded.remote, state = excluded.state,
		total = excluded.total, done = excluded.done, failed = excluded.failed, over = excluded.over, failures = excluded.failures`,
		b.ID, b.Run, b.Remote, b.State, b.Total, b.Done, b.Failed, flag(b.Over), failures, millis(b.Sent))
	if err != nil {
		return fmt.Errorf("save a batch of run %s: %w", b.Run, err)
	}
	return nil
}

// DeleteBatch forgets a batch that was never sent.
func (tx *Tx) DeleteBatch(ctx context.Context, id string) error {
	n, err := tx.exec(ctx, `DELETE FROM batches WHERE id = $1`, id)
	return changed(n, err, "batch", id)
}

// Ask keeps what will be asked under a key, for when the reply comes.
func (db *DB) Ask(ctx context.Context, key string, request []byte) error {
	_, err := session{on: db.write, engine: db.engine}.exec(ctx, `INSERT INTO replies (id, request, reply, created) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`,
		key, pack(request), []byte{}, millis(db.now()))
	if err != nil {
		return fmt.Errorf("keep a request: %w", err)
	}
	return nil
}

// Asked is what was asked under a key, if it is kept.
func (r reads) Asked(ctx context.Context, key string) (request []byte, ok bool, err error) {
	request, err = scanOne[[]byte](r.q.QueryRowContext(ctx, `SELECT request FROM replies WHERE id = $1`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err == nil {
		request, err = unpack(request)
	}
	if err != nil {
		return nil, false, fmt.Errorf("look up a request: %w", err)
	}
	return request, len(request) > 0, nil
}

// ForgetAsked removes requests that no batch is going to answer any more.
func (tx *Tx) ForgetAsked(ctx context.Context) error {
	_, err := tx.exec(ctx, `DELETE FROM replies WHERE LENGTH(reply) = 0 AND NOT EXISTS (SELECT 1 FROM batches WHERE over = 0)`)
	if err != nil {
		return fmt.Errorf("remove requests that nobody answers: %w", err)
	}
	return nil
}
