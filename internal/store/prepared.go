package store

import (
	"context"
	"database/sql/driver"
	"errors"
)

// connector opens SQLite connections that keep the statements they have
// prepared. The same few dozen come again for every passage, ours and the job
// queue's, and to parse them each time took longer than to run them.
type connector struct {
	driver driver.Driver
	url    string
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.url)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver cannot prepare statements"), opened.Close())
	}
	return &keeping{sqliteConn: conn, prepared: map[string]*kept{}}, nil
}

// sqliteConn is what the driver's connections can do and we need.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keeping is a connection with its prepared statements. It is used by one
// goroutine at a time, like every connection of a pool.
type keeping struct {
	sqliteConn
	prepared map[string]*kept
}

// kept is a prepared statement; busy while its rows are being read.
type kept struct {
	sqliteStmt
	busy bool
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxKept is how many statements a connection keeps. Lists of different
// lengths in them make different statements.
const maxKept = 300

// statement is the prepared statement of a query, nil where it cannot be kept.
func (k *keeping) statement(ctx context.Context, query string) *kept {
	if s := k.prepared[query]; s != nil {
		if s.busy {
			return nil
		}
		return s
	}
	if len(k.prepared) >= maxKept {
		k.drop()
	}
	made, err := k.PrepareContext(ctx, query)
	if err != nil {
		return nil // running it says what is wrong
	}
	s, ok := made.(sqliteStmt)
	if !ok {
		_ = made.Close()
		return nil
	}
	k.prepared[query] = &kept{sqliteStmt: s}
	return k.prepared[query]
}

// drop forgets the statements that are not in use.
func (k *keeping) drop() {
	for query, s := range k.prepared {
		if !s.busy {
			_ = s.Close()
			delete(k.prepared, query)
		}
	}
}

func (k *keeping) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if s := k.statement(ctx, query); s != nil {
		return s.ExecContext(ctx, args)
	}
	return k.sqliteConn.ExecContext(ctx, query, args)
}

func (k *keeping) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s := k.statement(ctx, query)
	if s == nil {
		return k.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return keptRows{rows, s}, nil
}

func (k *keeping) Close() error {
	for _, s := range k.prepared {
		_ = s.Close()
	}
	clear(k.prepared)
	return k.sqliteConn.Close()
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	driver.Rows
	from *kept
}

func (r keptRows) Close() error {
	r.from.busy = false
	return r.Rows.Close()
}
