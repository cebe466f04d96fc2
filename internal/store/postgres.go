package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
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
	db.reads = reads{session{on: db.read, engine: db.engine, pipe: pool}}
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
	under       *pgx.Conn // under conn
	begun, over bool
}

func joinPostgres(ctx context.Context, db *sql.DB) (*pgTx, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	t := &pgTx{conn: conn}
	err = conn.Raw(func(c any) error {
		t.under = c.(*stdlib.Conn).Conn()
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return t, nil
}

// pg is the transaction on PostgreSQL.
func (tx *Tx) pg() *pgTx { return tx.q.on.(*pgTx) }

func (t *pgTx) begin(ctx context.Context) error {
	if t.begun {
		return nil
	}
	t.begun = true
	_, err := t.under.Exec(ctx, "begin")
	return err
}

func (t *pgTx) commit() error {
	if !t.begun {
		return nil
	}
	t.over = true
	tag, err := t.under.Exec(context.Background(), "commit")
	if err == nil && tag.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

// end gives the connection back. One that cannot be rolled back is closed.
func (t *pgTx) end() {
	if t.begun && !t.over {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = t.under.Exec(ctx, "rollback") // closes it where it fails
	}
	_ = t.conn.Close()
}

func (t *pgTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if !t.begun {
		t.begun = true
		b.QueuedQueries = slices.Insert(b.QueuedQueries, 0, &pgx.QueuedQuery{SQL: "begin"})
	}
	return t.under.SendBatch(ctx, b)
}

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
	return joined{t.under}, t.begin(ctx)
}

type joined struct{ *connection }

type connection = pgx.Conn

var errJoined = errors.New("the transaction is not yours to begin or to end")

func (joined) Begin(context.Context) (pgx.Tx, error) { return nil, errJoined }
func (joined) Commit(context.Context) error          { return errJoined }
func (joined) Rollback(context.Context) error        { return errJoined }
func (joined) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (j joined) Conn() *pgx.Conn                     { return j.connection }
