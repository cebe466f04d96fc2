package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"seedbed/internal/seedbed"
)

// oldestPostgres is the oldest version that is tested, as it numbers itself.
const oldestPostgres = 150000

func openPostgres(ctx context.Context, o Options) (*DB, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil { // which may repeat the password
		return nil, seedbed.Errorf(seedbed.Invalid, "the database's address cannot be understood: it looks like postgres://user:password@host:5432/name")
	}
	if !strings.Contains(o.URL, "pool_max_conns") {
		config.MaxConns = 20
	}
	params := config.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"application_name": "seedbed",
		// A process that was stopped in the middle of a transaction shall not
		// keep its rows from the others for ever.
		"idle_in_transaction_session_timeout": "30s",
	} {
		if _, ok := params[name]; !ok {
			params[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", plain(err))
	}
	db := &DB{pool: pool, write: stdlib.OpenDBFromPool(pool), engine: postgres, now: o.Now}
	db.read = db.write
	db.reads = reads{session{on: db.read, engine: db.engine, pipe: poolPipe{pool}}}
	version, err := db.number(ctx, `SELECT current_setting('server_version_num')::int`)
	switch {
	case err != nil:
		err = fmt.Errorf("open the database at %s: %w", where(o.URL), err)
	case version < oldestPostgres:
		err = seedbed.Errorf(seedbed.Invalid, "the database at %s is PostgreSQL %d: it has to be 15 or newer", where(o.URL), version/10000)
	default:
		if err = migrate(ctx, db.write, postgres); err == nil {
			err = db.SetClock(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// where is an address without its password.
func where(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "its address"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// Pool are the connections to PostgreSQL, nil on SQLite.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// pgTx is a transaction on PostgreSQL, on a connection that the job queue can
// join it on. It begins with its first statement, or in one go with its first
// script: to begin alone would be one way there and back more.
type pgTx struct {
	conn        *sql.Conn
	begun, over bool
	last        bool // the next script ends with the commit
}

// pg is the transaction on PostgreSQL.
func (tx *Tx) pg() *pgTx { return tx.q.on.(*pgTx) }

// under calls do with the connection under conn. A connection that is lost is
// given back when that is noticed, and nobody may touch it any more: then the
// error is sql.ErrConnDone.
func (t *pgTx) under(do func(*pgx.Conn) error) error {
	return t.conn.Raw(func(c any) error { return do(c.(*stdlib.Conn).Conn()) })
}

func (t *pgTx) begin(ctx context.Context) error {
	if t.over {
		return sql.ErrTxDone
	}
	if t.begun {
		return nil
	}
	t.begun = true
	return t.under(func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "begin")
		return err
	})
}

func (t *pgTx) commit() error {
	if !t.begun || t.over {
		return nil
	}
	t.over = true
	return t.under(func(c *pgx.Conn) error {
		tag, err := c.Exec(context.Background(), "commit")
		return cmp.Or(err, committed(tag))
	})
}

// committed is the error of a commit that was answered.
func committed(tag pgconn.CommandTag) error {
	if tag.String() != "COMMIT" {
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// end gives the connection back. One that cannot be rolled back is closed.
func (t *pgTx) end() {
	if t.begun && !t.over {
		_ = t.under(func(c *pgx.Conn) error {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_, err := c.Exec(ctx, "rollback") // closes it where it fails
			return err
		})
	}
	_ = t.conn.Close()
}

func (t *pgTx) send(ctx context.Context, b *pgx.Batch) error {
	if t.over {
		return sql.ErrTxDone
	}
	if !t.begun {
		t.begun = true
		b.QueuedQueries = slices.Insert(b.QueuedQueries, 0, &pgx.QueuedQuery{SQL: "begin"})
	}
	if t.last {
		b.Queue("commit").Exec(committed)
	}
	err := t.under(func(c *pgx.Conn) error { return c.SendBatch(ctx, b).Close() })
	t.over = t.last && err == nil
	return err
}

// poolPipe sends scripts on any connection.
type poolPipe struct{ *pgxpool.Pool }

func (p poolPipe) send(ctx context.Context, b *pgx.Batch) error { return p.SendBatch(ctx, b).Close() }

func (t *pgTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.conn.QueryContext(ctx, query, args...)
}

func (t *pgTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.conn.ExecContext(ctx, query, args...)
}

// Pgx is the transaction beneath on PostgreSQL, for a library that has to join
// it and knows only pgx. The library can neither commit it nor nest another.
func (tx *Tx) Pgx(ctx context.Context) (pgx.Tx, error) {
	t := tx.pg()
	var j joined
	err := t.under(func(c *pgx.Conn) error {
		j.connection = c
		return nil
	})
	return j, errors.Join(err, t.begin(ctx))
}

type joined struct{ *connection }

type connection = pgx.Conn

var errJoined = errors.New("the transaction is not yours to begin or to end")

func (joined) Begin(context.Context) (pgx.Tx, error) { return nil, errJoined }
func (joined) Commit(context.Context) error          { return errJoined }
func (joined) Rollback(context.Context) error        { return errJoined }
func (joined) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (j joined) Conn() *pgx.Conn                     { return j.connection }
