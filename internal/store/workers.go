package store

import (
	"context"
	"fmt"
	"time"
)

// Now is the time by the database's clock, as of the last SetClock: machines
// that share a database may disagree by a day, and it is nobody's fault.
func (db *DB) Now() time.Time { return db.now().Add(time.Duration(db.ahead.Load())) }

// SetClock finds out how far the database's clock is ahead of ours.
func (db *DB) SetClock(ctx context.Context) error {
	if db.engine != postgres {
		return nil // it has none of its own
	}
	begun := db.now()
	ms, err := scanOne[int64](db.q.QueryRowContext(ctx, `SELECT `+db.clock()))
	if err != nil {
		return fmt.Errorf("ask the database for the time: %w", err)
	}
	db.ahead.Store(int64(time.UnixMilli(ms).Sub(begun.Round(0))))
	return nil
}

// Beat notes that a worker lives, and whether it has a model server in its
// environment. On SQLite there is one worker, and those of earlier are dead.
func (tx *Tx) Beat(ctx context.Context, worker string, environment bool) error {
	_, err := tx.exec(ctx, `INSERT INTO workers (id, seen, environment) VALUES ($1, `+tx.q.clock()+`, $2)
		ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, environment = excluded.environment`, worker, flag(environment))
	if err == nil && tx.q.engine != postgres {
		_, err = tx.exec(ctx, `DELETE FROM workers WHERE id <> $1`, worker)
	}
	if err != nil {
		return fmt.Errorf("note that a worker lives: %w", err)
	}
	return nil
}

// Workers counts the workers that were seen within a lease, and those of them
// that have a model server in their environment.
func (r reads) Workers(ctx context.Context, lease time.Duration) (all, environment int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(environment), 0) FROM workers WHERE seen >= `+r.q.clock()+` - $1`, lease.Milliseconds()).
		Scan(&all, &environment)
	if err != nil {
		return 0, 0, fmt.Errorf("count the workers: %w", err)
	}
	return all, environment, nil
}

// Leave notes that a worker has ended, and puts back the jobs it leaves.
func (tx *Tx) Leave(ctx context.Context, worker string) error {
	for _, table := range []string{"workers WHERE id", "shares WHERE worker"} {
		if _, err := tx.exec(ctx, `DELETE FROM `+table+` = $1`, worker); err != nil {
			return fmt.Errorf("note that a worker has ended: %w", err)
		}
	}
	_, err := tx.putBack(ctx, tx.q.workerOf()+` = $1`, worker)
	return err
}

// RescueJobs puts back the jobs of workers that have not been seen for a
// lease, and returns how many. They count as tried: one of them may have been
// why.
func (tx *Tx) RescueJobs(ctx context.Context, lease time.Duration) (int, error) {
	if _, err := tx.exec(ctx, `DELETE FROM workers WHERE seen < `+tx.q.clock()+` - $1`, lease.Milliseconds()); err != nil {
		return 0, fmt.Errorf("look for dead workers: %w", err)
	}
	return tx.putBack(ctx, tx.q.workerOf()+` NOT IN (SELECT id FROM workers)`)
}

// ReturnJobs puts jobs back that nobody works on any more.
func (tx *Tx) ReturnJobs(ctx context.Context, ids []int64) error {
	_, err := tx.putBack(ctx, `id IN (`+marks(1, len(ids))+`)`, anys(ids)...)
	return err
}

// putBack lets jobs be begun again that count as being worked on. They get new
// numbers: whoever still works on one without being seen, in another process or
// in this one, where the end of a job may not have been noted while the disk
// was full, finds its old number gone, see HoldsJob, and can neither save what
// it made nor end the job that is another's now.
func (tx *Tx) putBack(ctx context.Context, which string, args ...any) (n int, err error) {
	if tx.q.engine == postgres {
		n, err = tx.exec(ctx, `UPDATE river_job SET id = nextval(pg_get_serial_sequence('river_job', 'id')), state = 'available' WHERE state = 'running' AND `+which, args...)
	} else {
		n, err = tx.renumber(ctx, which, args...)
	}
	if err != nil {
		return 0, fmt.Errorf("put interrupted jobs back: %w", err)
	}
	return n, nil
}

// renumber is putBack on SQLite, whose sequence of numbers is a table.
func (tx *Tx) renumber(ctx context.Context, which string, args ...any) (int, error) {
	ids, err := list(ctx, tx.q, scanOne[int64], `SELECT id FROM river_job WHERE state = 'running' AND `+which, args...)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	last, err := scanOne[int64](tx.q.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'river_job'`))
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		last++
		if _, err := tx.exec(ctx, `UPDATE river_job SET id = $1, state = 'available' WHERE id = $2`, last, id); err != nil {
			return 0, err
		}
	}
	_, err = tx.exec(ctx, `UPDATE sqlite_sequence SET seq = $1 WHERE name = 'river_job'`, last)
	return len(ids), err
}

// HoldsJob reports whether a job with this number is being worked on. It
// stays so until the transaction ends.
func (tx *Tx) HoldsJob(ctx context.Context, id int64) (held bool, err error) {
	var s script
	s.holdsJob(id, tx.q, &held)
	return held, s.run(ctx, tx.q)
}

func (s *script) holdsJob(id int64, e session, held *bool) {
	s.add("look for a job", func(row scanner) error {
		*held = true
		return row.Scan(new(int64))
	}, `SELECT id FROM river_job WHERE id = $1 AND state = 'running'`+e.locked("river_job"), id)
}

// CompleteJob ends a job that is being worked on. It reports false if there is
// none with this number.
func (tx *Tx) CompleteJob(ctx context.Context, id int64) (done bool, err error) {
	var s script
	s.completeJob(id, &done)
	return done, s.run(ctx, tx.q)
}

// completeJob takes a job away. The queue's library would mark it as done, in
// a way there and back of its own, and to do so would enter it anew in all
// indexes of its table; nobody asks for jobs that are done.
func (s *script) completeJob(id int64, done *bool) {
	s.add("complete a job", func(row scanner) error {
		*done = true
		return row.Scan(new(int64))
	}, `DELETE FROM river_job WHERE id = $1 AND state = 'running' RETURNING id`, id)
}

// RunningJobs are the jobs that count as being worked on by a worker.
func (r reads) RunningJobs(ctx context.Context, worker string) ([]int64, error) {
	ids, err := list(ctx, r.q, scanOne[int64], `SELECT id FROM river_job WHERE state = 'running' AND `+r.q.workerOf()+` = $1`, worker)
	if err != nil {
		return nil, fmt.Errorf("list the jobs of a worker: %w", err)
	}
	return ids, nil
}

// clock is the time in milliseconds, in SQL.
func (e *engine) clock() string {
	if e == postgres {
		return `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`
	}
	return `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
}

// workerOf is who last began a job, in SQL.
func (e *engine) workerOf() string {
	if e == postgres {
		return `attempted_by[array_upper(attempted_by, 1)]`
	}
	return `(attempted_by ->> '$[#-1]')`
}
