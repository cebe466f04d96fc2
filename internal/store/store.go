// Package store keeps what Seedbed knows in a database: collections, sources,
// passages, runs, seeds, model replies, and what the search index has yet to
// see. All SQL of the main database is here.
//
// Reading methods are on [DB] and [Tx] alike; everything that changes
// something is on Tx, so that what belongs together commits together. What is
// not there is a [seedbed.NotFound] error.
//
// The SQL is written once for SQLite and PostgreSQL: numbered parameters,
// times as milliseconds, JSON as text the database need not look into. What
// differs is in open.go and migrate.go.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Options say which database to open.
type Options struct {
	Path string           // of the SQLite file; its folder has to be there
	URL  string           // of another database; not offered yet
	Now  func() time.Time // the clock, nil is time.Now
}

// A DB is an open database. It is safe for concurrent use.
type DB struct {
	reads
	write *sql.DB // on SQLite a pool of one connection
	read  *sql.DB
	path  string // of the SQLite file
	now   func() time.Time
}

// A Tx is a transaction that may write. It must not outlive [DB.Update].
type Tx struct {
	reads
	tx  *sql.Tx
	now func() time.Time
}

// Writer is the pool that writes. On SQLite whoever writes has to share it.
func (db *DB) Writer() *sql.DB { return db.write }

// Close closes the database.
func (db *DB) Close() error { return errors.Join(db.read.Close(), db.write.Close()) }

// Update calls do in a transaction that is committed if do returns nil. Keep
// it short: on SQLite there is one writer at a time.
func (db *DB) Update(ctx context.Context, do func(*Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := do(&Tx{reads: reads{tx}, tx: tx, now: db.now}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	return nil
}

// SQL is the transaction beneath, for a library that has to join it.
func (tx *Tx) SQL() *sql.Tx { return tx.tx }

// exec runs a statement and returns the number of rows it changed.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) (int, error) {
	res, err := tx.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// querier is what *sql.DB and *sql.Tx have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// reads are the methods that change nothing.
type reads struct{ q querier }

// list runs a query and scans each row by scan.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// scanOne scans a row of one column.
func scanOne[T any](row scanner) (T, error) {
	var v T
	err := row.Scan(&v)
	return v, err
}

// number asks for one number.
func (r reads) number(ctx context.Context, query string, args ...any) (int, error) {
	return scanOne[int](r.q.QueryRowContext(ctx, query, args...))
}

// NewID makes an id of 20 letters and digits. Ids sort by the millisecond
// they were made in.
func NewID(now time.Time) string {
	var b [12]byte
	_, _ = rand.Read(b[6:]) // never fails
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	return ids.EncodeToString(b[:])
}

// ids writes small letters and digits in an alphabet that keeps the order.
var ids = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// millis is t as it is stored: 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is a stored time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// stamp scans a stored time.
type stamp struct{ to *time.Time }

func (s stamp) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*s.to = timeOf(ms)
	return nil
}

// asJSON is v as stored in a JSON column.
func asJSON(v any) string {
	b := strings.Builder{}
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only types without a JSON form fail, and we store none
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// fromJSON scans a JSON column into what to points to.
type fromJSON struct{ to any }

func (j fromJSON) Scan(v any) error {
	switch v := v.(type) {
	case string:
		return json.Unmarshal([]byte(v), j.to)
	case []byte:
		return json.Unmarshal(v, j.to)
	}
	return fmt.Errorf("JSON is stored as %T", v)
}

// marks are n parameters from $first on, for an IN list.
func marks(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", first+i)
	}
	return b.String()
}

// rowsOf are n rows of width parameters each, for VALUES.
func rowsOf(n, width int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%s)", marks(i*width+1, width))
	}
	return b.String()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
