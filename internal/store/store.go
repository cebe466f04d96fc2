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
// differs is in engine.go, open.go and postgres.go.
//
// On SQLite transactions that write come one after the other. On PostgreSQL
// they run side by side, each seeing what others have committed: a Tx locks
// the source or the run that it reads until it ends, sources before runs, and
// [Tx.Lock] is there for what has no row.
package store

import (
	"context"
	crypto "crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options say which database to open.
type Options struct {
	Path string           // of the SQLite file; its folder has to be there
	URL  string           // of a PostgreSQL database: postgres://user:password@host/name
	Now  func() time.Time // the clock, nil is time.Now
}

// A DB is an open database. It is safe for concurrent use. While the database
// is away, or has no room, errors are [seedbed.Unavailable].
type DB struct {
	reads
	*engine
	write *sql.DB // on SQLite a pool of one connection
	read  *sql.DB // on PostgreSQL the same
	pool  *pgxpool.Pool
	path  string   // of the SQLite file
	log   *carrier // of the SQLite file
	now   func() time.Time
	ahead atomic.Int64 // the database's clock before ours, as a duration
}

// A Tx is a transaction that may write. It must not outlive [DB.Update].
type Tx struct {
	reads
	tx  *sql.Tx // on SQLite
	now func() time.Time
}

// Writer is the pool that writes. On SQLite whoever writes has to share it.
func (db *DB) Writer() *sql.DB { return db.write }

// Close closes the database.
func (db *DB) Close() error {
	if db.pool != nil {
		defer db.pool.Close()
	}
	var err error
	if db.log != nil {
		err = db.log.close()
	}
	return errors.Join(err, db.read.Close(), db.write.Close())
}

// Update calls do in a transaction that is committed if do returns nil. Keep
// it short: on SQLite there is one writer at a time, on PostgreSQL its locks
// keep others waiting.
//
// Do is called again, in a new transaction, where another transaction was in
// the way or the connection was lost before the end. If it is lost while the
// transaction is being committed, nobody knows whether it was: that is an
// error.
func (db *DB) Update(ctx context.Context, do func(*Tx) error) error {
	const tries = 6
	for try := 1; ; try++ {
		err, sure := db.update(ctx, do)
		if err == nil || !sure || try == tries || ctx.Err() != nil || db.engine != postgres || !again(err) && !lost(err) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(10*time.Millisecond) + 10*time.Millisecond<<try):
		}
	}
}

// update is one try at Update. Sure means that nothing was changed if there
// is an error.
func (db *DB) update(ctx context.Context, do func(*Tx) error) (err error, sure bool) {
	tx, err := db.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", plain(err)), true
	}
	defer tx.end()
	if err := do(tx); err != nil {
		return plain(err), !tx.committing() || again(err) // the job queue's may not be plain yet
	}
	if err := tx.commit(); err != nil {
		return fmt.Errorf("commit a transaction: %w", plain(err)), again(err)
	}
	if db.log != nil {
		db.log.wrote.Store(true)
	}
	return nil, true
}

func (db *DB) begin(ctx context.Context) (*Tx, error) {
	asked := time.Now()
	defer waited(ctx, asked)
	if db.engine == postgres {
		conn, err := db.write.Conn(ctx)
		if err != nil {
			return nil, err
		}
		pg := &pgTx{conn: conn}
		return &Tx{reads: reads{session{on: pg, engine: db.engine, pipe: pg}}, now: db.now}, nil
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &Tx{reads: reads{session{on: tx, engine: db.engine}}, tx: tx, now: db.now}, nil
}

func (tx *Tx) commit() error {
	if tx.tx != nil {
		return tx.tx.Commit()
	}
	return tx.pg().commit()
}

// finish runs the last script of a transaction. PostgreSQL is given the commit
// with it: alone it would be one way there and back more, in which others wait
// for what the transaction has locked.
func (tx *Tx) finish(ctx context.Context, s script) error {
	if tx.tx == nil {
		tx.pg().last = true
	}
	return s.run(ctx, tx.q)
}

// committing reports whether the commit may have reached the database.
func (tx *Tx) committing() bool { return tx.tx == nil && tx.pg().last }

// end rolls back what was not committed.
func (tx *Tx) end() {
	if tx.tx != nil {
		_ = tx.tx.Rollback()
		return
	}
	tx.pg().end()
}

// Lock makes transactions that lock the same words wait for each other: the
// second goes on when the first has ended. On SQLite they do so anyway.
func (tx *Tx) Lock(ctx context.Context, words ...string) error {
	if tx.q.engine != postgres {
		return nil
	}
	var sc script
	sc.lock(ctx, words...)
	return sc.run(ctx, tx.q)
}

// lockKey is what PostgreSQL knows a lock by.
func lockKey(words ...string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(words, "\x00")))
	return int64(h.Sum64())
}

// lock adds a [Tx.Lock] on PostgreSQL.
func (s *script) lock(ctx context.Context, words ...string) {
	s.add("wait for "+strings.Join(words, " "), func(row scanner) error {
		seconds, err := scanOne[float64](row)
		tell(ctx, time.Duration(seconds*float64(time.Second)))
		return err
	}, `SELECT extract(epoch FROM clock_timestamp() - statement_timestamp())::float8
		FROM (SELECT pg_advisory_xact_lock($1) OFFSET 0) AS locked`, lockKey(words...))
}

type waitsKey struct{}

// CountWaits has add told how long what is done in the context has waited for
// a connection, on SQLite that of the one writer, or for a [Tx.Lock].
func CountWaits(ctx context.Context, add func(time.Duration)) context.Context {
	return context.WithValue(ctx, waitsKey{}, add)
}

func tell(ctx context.Context, wait time.Duration) {
	if add, ok := ctx.Value(waitsKey{}).(func(time.Duration)); ok {
		add(wait)
	}
}

// waited tells of a wait that ends now.
func waited(ctx context.Context, since time.Time) { tell(ctx, time.Since(since)) }

// SQL is the transaction beneath on SQLite, nil on PostgreSQL, for a library that has to join it.
func (tx *Tx) SQL() *sql.Tx { return tx.tx }

// exec runs a statement and returns the number of rows it changed.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) (int, error) {
	return tx.q.exec(ctx, query, args...)
}

// reads are the methods that change nothing.
type reads struct{ q session }

// each runs a query and has each row scanned.
func each(ctx context.Context, q session, scan func(scanner) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return plain(err)
		}
	}
	return plain(rows.Err())
}

// list runs a query and gives what scan makes of each row.
func list[T any](ctx context.Context, q session, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var out []T
	err := each(ctx, q, func(row scanner) error {
		v, err := scan(row)
		out = append(out, v)
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// byID asks for the rows with some ids, and gives the second column of each by
// the first, the id. Those that are not there are left out. The query ends
// with the name of the column that is to be among the ids.
func byID[T any](ctx context.Context, q session, ids []string, query string) (map[string]T, error) {
	out := make(map[string]T, len(ids))
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := anys(padded(some))
		err := each(ctx, q, func(row scanner) error {
			var id string
			var v T
			err := row.Scan(&id, &v)
			out[id] = v
			return err
		}, query+` IN (`+marks(1, len(args))+`)`, args...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// idsAtOnce is how many rows are asked for by their ids in one query.
const idsAtOnce = 500

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
	_, _ = crypto.Read(b[6:]) // never fails
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

// padded repeats the last value of a list of those that are looked for until
// there are 1, 2, 4 and so on: each length makes a statement of its own, which
// every connection keeps prepared.
func padded[T any](values []T) []T {
	out := slices.Clone(values)
	for n := len(out); n&(n-1) != 0; n++ {
		out = append(out, out[len(out)-1])
	}
	return out
}

// anys are values as parameters.
func anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
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
