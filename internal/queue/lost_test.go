package queue

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// away is a driver that loses its connection whenever a queue begins.
type away struct{ riverdriver.Driver[pgx.Tx] }

func (d away) GetExecutor() riverdriver.Executor { return awayExecutor{d.Driver.GetExecutor()} }

type awayExecutor struct{ riverdriver.Executor }

func (awayExecutor) QueueCreateOrSetUpdatedAt(context.Context, *riverdriver.QueueCreateOrSetUpdatedAtParams) (*rivertype.Queue, error) {
	return nil, errors.New("conn closed")
}

type noArgs struct{}

func (noArgs) Kind() string { return "no" }

// TestStartFails: a queue that could not begin, for its connection was lost,
// is not passed over in silence.
func TestStartFails(t *testing.T) {
	on := storetest.Fresh(t, "postgres")
	db, err := store.Open(t.Context(), on)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	config := Config(db, "test", slog.New(slog.DiscardHandler))
	config.Workers, config.Queues = river.NewWorkers(), map[string]river.QueueConfig{"a": {MaxWorkers: 1}}
	river.AddWorker(config.Workers, river.WorkFunc(func(context.Context, *river.Job[noArgs]) error { return nil }))
	q, err := queueOn(t.Context(), loud{away{riverpgxv5.New(db.Pool())}}, (*store.Tx).Pgx, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context()); err == nil {
		t.Error("Start says that all is well")
		_ = q.Stop(t.Context())
	}
}
