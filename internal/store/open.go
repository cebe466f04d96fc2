package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"

	"seedbed/internal/seedbed"
)

// Open opens the database and brings its schema up to date.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	switch scheme, _, _ := strings.Cut(o.URL, "://"); {
	case o.URL == "":
		return openSQLite(ctx, o)
	case scheme == "postgres" || scheme == "postgresql":
		return openPostgres(ctx, o)
	}
	return nil, seedbed.Errorf(seedbed.Invalid, "the database's address has to begin with postgres://: leave it empty for SQLite in the data folder")
}

func openSQLite(ctx context.Context, o Options) (*DB, error) {
	// The file holds keys: nobody else may read it. SQLite gives its -wal and
	// -shm files the same mode.
	f, err := os.OpenFile(o.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	err = f.Chmod(0o600)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("open the database: %w", err)
	}

	db := &DB{path: o.Path, engine: sqliteEngine, now: o.Now}
	// One connection writes and everybody waits in Go for it: two would only
	// fight for SQLite's lock. A transaction takes the lock when it begins,
	// for one that upgrades later fails if another was faster.
	db.write = sql.OpenDB(connector{&sqlite.Driver{}, sqliteURL(o.Path, "_txlock=immediate")})
	db.write.SetMaxOpenConns(1)
	if err := migrate(ctx, db.write, db.engine); err != nil {
		_ = db.write.Close()
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	db.read = sql.OpenDB(connector{&sqlite.Driver{}, sqliteURL(o.Path, "_pragma=query_only(1)&_pragma=cache_size(-1000)")})
	db.read.SetMaxOpenConns(max(2, runtime.NumCPU()))
	db.read.SetMaxIdleConns(max(2, runtime.NumCPU()))
	db.reads = reads{session{on: db.read, engine: db.engine}}
	db.log = carry(o.Path)
	return db, nil
}

// sqliteURL sets up a connection. The log is carried over into the database
// where it has grown to 64 MB, for what the carrier does, see [carrier], is as
// a rule enough.
func sqliteURL(path, more string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_pragma=wal_autocheckpoint(16000)&" + more
}

// Claim makes this process the only one that works off jobs of an SQLite
// database. It gives a [seedbed.Conflict] error while another process is. The
// claim ends with release, and with the process however it ends. On
// PostgreSQL any number of processes may work.
func (db *DB) Claim() (release func() error, err error) {
	if db.engine == postgres {
		return func() error { return nil }, nil
	}
	lock := flock.New(db.path+".lock", flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", db.path, err)
	}
	if !ok {
		return nil, seedbed.Errorf(seedbed.Conflict, "another seedbed is working on %s: stop it, or choose another data folder", db.path)
	}
	return lock.Close, nil
}
