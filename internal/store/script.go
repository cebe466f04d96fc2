package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A script is statements that need nothing of each other's answers. PostgreSQL
// is given them all at once: one by one, each would take a way there and back,
// and keep those waiting who want the same lock.
type script struct{ todo []statement }

type statement struct {
	what  string // is being done, for errors
	scan  func(scanner) error
	query string
	args  []any
}

// add adds a statement. Scan is called for each row it returns, nil where it
// returns none.
func (s *script) add(what string, scan func(scanner) error, query string, args ...any) {
	s.todo = append(s.todo, statement{what, scan, query, args})
}

func (s *script) run(ctx context.Context, on session) error {
	if len(s.todo) == 0 {
		return nil
	}
	if on.pipe == nil {
		for _, st := range s.todo {
			if err := st.run(ctx, on); err != nil {
				return fmt.Errorf("%s: %w", st.what, err)
			}
		}
		return nil
	}
	var batch pgx.Batch
	at := 0 // what fails is the first that was not answered
	for _, st := range s.todo {
		batch.Queue(st.query, on.clean(st.args)...).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				if err := st.scan(rows); err != nil {
					return err
				}
			}
			at++
			return rows.Err()
		})
	}
	if err := on.pipe.send(ctx, &batch); err != nil {
		return fmt.Errorf("%s: %w", s.todo[min(at, len(s.todo)-1)].what, plain(err))
	}
	return nil
}

func (st statement) run(ctx context.Context, on session) error {
	if st.scan == nil {
		_, err := on.exec(ctx, st.query, st.args...)
		return err
	}
	return each(ctx, on, st.scan, st.query, st.args...)
}
