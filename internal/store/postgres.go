package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
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
	db.reads = reads{session{db.read, db.engine}}
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

// beginPostgres begins a transaction on a connection that the job queue can
// join it on. That ctx ends does not end it, for nobody else may use the
// connection until it is rolled back: its next statement notices.
func (tx *Tx) beginPostgres(ctx context.Context, db *sql.DB) (err error) {
	asked := time.Now()
	tx.conn, err = db.Conn(ctx)
	waited(ctx, asked)
	if err != nil {
		return err
	}
	err = tx.conn.Raw(func(c any) error {
		tx.under = c.(*stdlib.Conn).Conn()
		return nil
	})
	if err == nil {
		tx.tx, err = tx.conn.BeginTx(context.WithoutCancel(ctx), nil)
	}
	if err != nil {
		_ = tx.conn.Close()
	}
	return err
}

// Pgx is the transaction beneath on PostgreSQL, nil on SQLite, for a library
// that has to join it and knows only pgx. The library can neither commit it nor
// nest another.
func (tx *Tx) Pgx() pgx.Tx {
	if tx.under == nil {
		return nil
	}
	return joined{tx.under}
}

type joined struct{ *connection }

type connection = pgx.Conn

var errJoined = errors.New("the transaction is not yours to begin or to end")

func (joined) Begin(context.Context) (pgx.Tx, error) { return nil, errJoined }
func (joined) Commit(context.Context) error          { return errJoined }
func (joined) Rollback(context.Context) error        { return errJoined }
func (joined) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (j joined) Conn() *pgx.Conn                     { return j.connection }
