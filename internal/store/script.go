package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

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
	rows  *rows // that query begins to insert, instead of args
}

// rows are what a statement inserts.
type rows struct {
	of   [][]any
	tail string // of the statement, behind them
}

// add adds a statement. Scan is called for each row it returns, nil where it
// returns none.
func (s *script) add(what string, scan func(scanner) error, query string, args ...any) {
	s.todo = append(s.todo, statement{what: what, scan: scan, query: query, args: args})
}

// insert adds a statement that inserts rows into a table, which is given with
// its columns. Tail ends the statement.
func (s *script) insert(what, table string, of [][]any, tail string) {
	s.todo = append(s.todo, statement{what: what, query: "INSERT INTO " + table, rows: &rows{of, tail}})
}

// on are the statements as they are given to an engine.
func (s *script) on(e *engine) []statement {
	todo := make([]statement, 0, len(s.todo))
	for _, st := range s.todo {
		switch {
		case st.rows == nil:
			todo = append(todo, st)
		case e == postgres:
			if len(st.rows.of) > 0 {
				todo = append(todo, st.unnested(e))
			}
		default:
			for some := range slices.Chunk(st.rows.of, rowsAtOnce) {
				todo = append(todo, statement{
					what: st.what, query: st.query + " VALUES " + rowsOf(len(some), len(some[0])) + " " + st.rows.tail, args: slices.Concat(some...),
				})
			}
		}
	}
	return todo
}

// rowsAtOnce is how many rows SQLite is given at once: connections keep a
// statement for each number of them.
const rowsAtOnce = 8

// unnested is a statement that inserts rows, given by their columns: however
// many there are, it is the same, and connections keep it prepared.
func (st statement) unnested(e *engine) statement {
	var from []string
	var args []any
	for i := range st.rows.of[0] {
		var column any
		kind := "text"
		switch st.rows.of[0][i].(type) {
		case int:
			kind, column = "bigint", columnOf[int](st.rows.of, i)
		case int64:
			kind, column = "bigint", columnOf[int64](st.rows.of, i)
		case float64:
			kind, column = "float8", columnOf[float64](st.rows.of, i)
		case []byte:
			kind, column = "bytea", columnOf[[]byte](st.rows.of, i)
		default:
			texts := make([]string, len(st.rows.of))
			for n, row := range st.rows.of {
				texts[n] = e.text(reflect.ValueOf(row[i]).String())
			}
			column = texts
		}
		from = append(from, fmt.Sprintf("$%d::%s[]", i+1, kind))
		args = append(args, column)
	}
	return statement{what: st.what, query: st.query + " SELECT * FROM unnest(" + strings.Join(from, ", ") + ") " + st.rows.tail, args: args}
}

func columnOf[T any](rows [][]any, i int) []T {
	out := make([]T, len(rows))
	for n, row := range rows {
		out[n] = row[i].(T)
	}
	return out
}

func (s *script) run(ctx context.Context, on session) error {
	todo := s.on(on.engine)
	if len(todo) == 0 {
		return nil
	}
	if on.pipe == nil {
		for _, st := range todo {
			if err := st.run(ctx, on); err != nil {
				return fmt.Errorf("%s: %w", st.what, err)
			}
		}
		return nil
	}
	var batch pgx.Batch
	at := 0 // what fails is the first that was not answered
	for _, st := range todo {
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
		return fmt.Errorf("%s: %w", todo[min(at, len(todo)-1)].what, plain(err))
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
