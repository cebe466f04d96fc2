package search

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"sync"
)

// tables is an index in the tables of a database, [Embedded] in SQLite or
// [Postgres]. Texts are cut into terms, filtered, counted and highlighted
// here, alike for both; the database finds the rows that have terms.
type tables struct {
	engine engine
	words  struct {
		sync.Mutex
		*dictionary
	}
	blocks blockCache
}

// An engine is what the two databases do each in its own way. Both have the
// tables of [schema], but for where they keep terms.
type engine interface {
	empty() string // statements that empty the tables

	// The elements of a JSON list, the first parameter, as rows.
	numbers() string
	strings() string

	hits(ctx context.Context, tx *sql.Tx, q query) (bits, error)
	occurs(ctx context.Context, tx *sql.Tx, c clause) (bool, error)
	rank(ctx context.Context, tx *sql.Tx, q query, among []int64) ([]scored, error) // at most ranked
	flush(ctx context.Context, b *batch) error                                      // seeds, texts, vocabulary and terms of a batch
}

// AtOnce implements [Index]: enough for little to be written twice, and few
// enough not to keep others from the disk for long.
func (*tables) AtOnce() int { return 100 }

// scores reads rows of a number and its score.
func scores(ctx context.Context, tx *sql.Tx, text string, args ...any) ([]scored, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []scored
	for rows.Next() {
		var s scored
		if err := rows.Scan(&s.n, &s.score); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func countIn(ctx context.Context, q querier) (n int, err error) {
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM seeds WHERE gone = 0`).Scan(&n)
	return n, err
}

func versionsIn(ctx context.Context, q querier, after string) ([]Version, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, version FROM seeds WHERE gone = 0 AND id > $1 ORDER BY id LIMIT 1000`, after)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var page []Version
	for rows.Next() {
		var v Version
		if err := rows.Scan(&v.ID, &v.Version); err != nil {
			return nil, err
		}
		page = append(page, v)
	}
	return page, rows.Err()
}

// paged lists page after page, each behind the last id.
func paged(next func(after string) ([]Version, error)) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		last := ""
		for {
			page, err := next(last)
			if err != nil {
				yield(Version{}, fmt.Errorf("list the search index: %w", err))
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
				last = v.ID
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
