package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Alone calls do while no other process does something under the same name,
// and reports whether it could. A process that loses its connection in the
// middle goes on, and another may begin: what is done alone has to bear that.
func (db *DB) Alone(ctx context.Context, name string, do func() error) (mine bool, err error) {
	if db.engine != postgres {
		lock := fileLock(db.path, name)
		if mine, err = lock.TryLock(); err != nil {
			return false, fmt.Errorf("lock %s: %w", name, err)
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
		if !mine {
			return false, nil
		}
		return true, do()
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, plain(err))
	}
	defer func() { _ = conn.Close() }()
	key := lockKey("alone", name)
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

// Garbage is the name under which blobs are removed by who does it alone.
const Garbage = "garbage"

// WhileBlobsStay waits until nobody removes blobs that an SQLite database has
// no need of any more, and keeps all from doing so while it calls do.
func WhileBlobsStay(ctx context.Context, path string, do func() error) (err error) {
	lock := fileLock(path, Garbage)
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return fmt.Errorf("wait until no blob is removed: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return do()
}

// fileLock is what processes on one SQLite database lock out each other with:
// a file beside it. The lock goes with the process, the file stays.
func fileLock(path, name string) *flock.Flock {
	return flock.New(path+"."+strings.ReplaceAll(name, " ", "-")+".lock", flock.SetPermissions(0o600))
}
