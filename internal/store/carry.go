package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
)

// carrier carries SQLite's write-ahead log over into the database, on a
// connection of its own. SQLite would do it at the end of whichever
// transaction the log grew too long in, and that one and all behind it had to
// wait. It still does where the log has grown to 64 MB.
type carrier struct {
	conn  *sql.DB
	wrote atomic.Bool
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// carryEvery is how often a log that was written to is carried over.
const carryEvery = time.Second

func carry(path string) *carrier {
	ctx, cancel := context.WithCancel(context.Background())
	// It needs next to no cache of pages.
	c := &carrier{conn: sql.OpenDB(connector{&sqlite.Driver{}, sqliteURL(path, "_pragma=cache_size(-256)")}), stop: cancel}
	c.conn.SetMaxOpenConns(1)
	c.done.Go(func() {
		tick := time.NewTicker(carryEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if c.wrote.Swap(false) {
				c.over(ctx)
			}
		}
	})
	return c
}

// over carries over what there is, and then what was written meanwhile: only
// a log that is carried over whole begins anew. Whatever is in the way, a
// reader or a full disk, may be gone a second later.
func (c *carrier) over(ctx context.Context) {
	for range 3 {
		var busy, frames, carried int
		err := c.conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &frames, &carried)
		if err == nil && carried == frames {
			return
		}
		if err != nil {
			break
		}
	}
	c.wrote.Store(true)
}

func (c *carrier) close() error {
	c.stop()
	c.done.Wait()
	return c.conn.Close()
}
