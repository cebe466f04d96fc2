package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// loud is a driver that says in other words that a connection was lost. The
// library takes an error that ends in "conn closed" for a sign that it was
// told to stop: a queue whose connection is lost while it begins is then left
// out without a word, and nobody takes its jobs. So is the election of who
// makes scheduled jobs available.
type loud struct{ riverdriver.Driver[pgx.Tx] }

func (d loud) GetExecutor() riverdriver.Executor { return loudExecutor{d.Driver.GetExecutor()} }

func (d loud) GetListener(p *riverdriver.GetListenenerParams) riverdriver.Listener {
	return loudListener{d.Driver.GetListener(p)}
}

type loudExecutor struct{ riverdriver.Executor }

func (e loudExecutor) QueueCreateOrSetUpdatedAt(ctx context.Context, p *riverdriver.QueueCreateOrSetUpdatedAtParams) (*rivertype.Queue, error) {
	q, err := e.Executor.QueueCreateOrSetUpdatedAt(ctx, p)
	return q, aloud(err)
}

type loudListener struct{ riverdriver.Listener }

func (l loudListener) Listen(ctx context.Context, topic string) error {
	return aloud(l.Listener.Listen(ctx, topic))
}

func aloud(err error) error {
	if err != nil && strings.HasSuffix(err.Error(), "conn closed") {
		return fmt.Errorf("%w before the answer", err)
	}
	return err
}
