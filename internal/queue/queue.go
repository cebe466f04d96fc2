// Package queue is the job queue, River, on either kind of database. Jobs are
// added and completed in transactions of the store: a job exists if and only
// if the rows that ask for it were committed.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"seedbed/internal/store"
)

// A Queue is River on one of the two databases.
type Queue interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Queues() *river.QueueBundle
	// Insert adds jobs, and reports which of them were not there already.
	Insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) (added []bool, err error)
}

// Config is how the queue is run by the process with an id, on top of which
// come its workers.
func Config(db *store.DB, id string, log *slog.Logger) *river.Config {
	return &river.Config{
		ID:     id,
		Logger: quiet(log),
		// The defaults would leave slots empty between two short jobs.
		FetchCooldown:     5 * time.Millisecond,
		FetchPollInterval: 250 * time.Millisecond,
		// Readers and model calls have limits of their own, and the dead are
		// found by their heartbeat.
		JobTimeout:                  -1,
		RescueStuckJobsAfter:        10 * 365 * 24 * time.Hour,
		CompletedJobRetentionPeriod: time.Hour,
		ReindexerIndexNames: slices.DeleteFunc(river.ReindexerIndexNamesDefault(), func(name string) bool {
			return slices.Contains(unused, name)
		}),
		Test: river.TestConfig{Time: databaseClock{db.Now}},
	}
}

// unused are indexes of the library's on PostgreSQL, in which it finds jobs by
// parts of their arguments for those who ask. Nobody does here, and all three
// states of each job would be entered.
var unused = []string{"river_job_args_index", "river_job_metadata_index"}

// New makes a queue, and its tables where they are not there yet.
func New(ctx context.Context, db *store.DB, config *river.Config) (Queue, error) {
	if db.Pool() == nil {
		return queueOn(ctx, riversqlite.New(db.Writer()), sqliteTx, config)
	}
	var q Queue
	// Of many processes that begin, one makes the queue's tables.
	err := db.Update(ctx, func(tx *store.Tx) (err error) {
		if err := tx.Lock(ctx, "the tables of the job queue"); err != nil {
			return err
		}
		if q, err = queueOn(ctx, loud{riverpgxv5.New(db.Pool())}, (*store.Tx).Pgx, config); err != nil {
			return err
		}
		under, err := tx.Pgx(ctx)
		if err != nil {
			return err
		}
		if _, err := under.Exec(ctx, `DROP INDEX IF EXISTS `+strings.Join(unused, ", ")); err != nil {
			return fmt.Errorf("drop indexes of the job queue: %w", err)
		}
		return nil
	})
	return q, err
}

// client is a queue whose library knows transactions as T.
type client[T any] struct {
	*river.Client[T]
	of func(*store.Tx, context.Context) (T, error)
}

func sqliteTx(tx *store.Tx, _ context.Context) (*sql.Tx, error) { return tx.SQL(), nil }

func queueOn[T any](ctx context.Context, driver riverdriver.Driver[T], of func(*store.Tx, context.Context) (T, error), config *river.Config) (Queue, error) {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: config.Logger})
	if err != nil {
		return nil, fmt.Errorf("prepare the job queue: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrate the job queue: %w", err)
	}
	c, err := river.NewClient(driver, config)
	if err != nil {
		return nil, fmt.Errorf("prepare the job queue: %w", err)
	}
	return client[T]{c, of}, nil
}

func (c client[T]) Insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) ([]bool, error) {
	under, err := c.of(tx, ctx)
	if err != nil {
		return nil, fmt.Errorf("add %s jobs: %w", jobs[0].Args.Kind(), err)
	}
	results, err := c.InsertManyTx(ctx, under, jobs)
	if err != nil {
		return nil, fmt.Errorf("add %s jobs: %w", jobs[0].Args.Kind(), err)
	}
	added := make([]bool, len(results))
	for i, r := range results {
		added[i] = !r.UniqueSkippedAsDuplicate
	}
	return added, nil
}

// ErrLost is the end of work on a job that was taken away: the process seemed
// dead, and another one has the job now. What it made may not be saved.
var ErrLost = errors.New("the job was given to another process")

// Complete marks a job as done in the transaction of its results.
func Complete[T river.JobArgs](ctx context.Context, tx *store.Tx, job *river.Job[T]) error {
	done, err := tx.CompleteJob(ctx, job.ID)
	if err == nil && !done {
		return ErrLost
	}
	return err
}

// Holds makes sure that a job is still ours before anything of it is saved.
// A job that is given to another process gets another number.
func Holds[T river.JobArgs](ctx context.Context, tx *store.Tx, job *river.Job[T]) error {
	held, err := tx.HoldsJob(ctx, job.ID)
	if err == nil && !held {
		return ErrLost
	}
	return err
}

// databaseClock has the queue reckon with the clock of the database: the
// machines' own may differ.
type databaseClock struct{ now func() time.Time }

func (c databaseClock) Now() time.Time     { return c.now() }
func (databaseClock) NowOrNil() *time.Time { return nil }

// quiet keeps the queue's own chatter out of the log, and its warnings in.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

func (w warnings) WithAttrs(as []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(as)} }
func (w warnings) WithGroup(name string) slog.Handler    { return warnings{w.Handler.WithGroup(name)} }
