package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"hash/fnv"
)

// Alone calls do while no other process does something under the same name,
// and reports whether it could. A process that loses its connection in the
// middle goes on, and another may begin: what is done alone has to bear that.
// An SQLite database has one process that works, see [DB.Claim].
func (db *DB) Alone(ctx context.Context, name string, do func() error) (bool, error) {
	if db.engine != postgres {
		return true, do()
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, plain(err))
	}
	defer func() { _ = conn.Close() }()
	h := fnv.New64a()
	_, _ = h.Write([]byte("alone\x00" + name))
	key := int64(h.Sum64())
	var mine bool
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&mine); err != nil {
		return false, fmt.Errorf("lock %s: %w", name, plain(err))
	}
	if !mine {
		return false, nil
	}
	defer func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, key); err != nil {
			// The lock goes with the connection.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	return true, do()
}
