package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Options of the embedded index. The zero value works.
type Options struct {
	Log *slog.Logger // nil is silent
}

// Embedded is an [Index] in an SQLite file. Several processes may open it.
type Embedded struct {
	path  string
	log   *slog.Logger
	fresh bool

	mu     sync.RWMutex // held for writing only while the file is exchanged
	write  *sql.DB      // one connection
	read   *sql.DB
	closed bool

	tables
}

var _ Index = (*Embedded)(nil)

// The file says what it is: "seed" and the version of the schema below. Any
// other version is made anew.
const (
	application = 0x73656564
	version     = 3
)

// seeds has one row for each seed and for each deletion; n numbers it. texts
// has what is searched, found the engine's index of it, in which a term is a
// word between spaces. vocabulary counts the seeds a word stands in. blocks
// has the facets, packed, see block; words the values they stand for.
const schema = `
CREATE TABLE meta(epoch INTEGER NOT NULL);
INSERT INTO meta VALUES(1);
CREATE TABLE seeds(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, gone INTEGER NOT NULL);
CREATE TABLE texts(n INTEGER PRIMARY KEY, question TEXT, answer TEXT, reasoning TEXT, evidence TEXT, title TEXT, section TEXT, tags TEXT);
CREATE VIRTUAL TABLE found USING fts5(question, answer, reasoning, evidence, title, section, tags,
	content='', contentless_delete=1, tokenize='ascii');
CREATE TABLE vocabulary(word TEXT PRIMARY KEY, stem TEXT NOT NULL, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks(b INTEGER PRIMARY KEY, version INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE words(id INTEGER PRIMARY KEY, field TEXT NOT NULL, value TEXT NOT NULL, label TEXT NOT NULL DEFAULT '', UNIQUE(field, value));
`

const empty = `
DELETE FROM seeds;
DELETE FROM texts;
INSERT INTO found(found) VALUES('delete-all');
DELETE FROM vocabulary;
DELETE FROM blocks;
DELETE FROM words;
UPDATE meta SET epoch = epoch + 1;
`

// Open opens the index at path, and makes it if it is not there. A file that
// is damaged or of another version is deleted and made anew, which is logged;
// [Embedded.Fresh] then says that it has to be fed from the start. A database
// of some other program is an error and left alone.
func Open(path string, opts Options) (*Embedded, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	e := &Embedded{path: path, log: opts.Log, tables: tables{engine: sqliteEngine{}}}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	err = e.open()
	if errors.Is(err, ErrDamaged) {
		e.log.Warn("search index made anew", "path", path, "reason", err)
		err = e.replace()
	}
	if err != nil {
		return nil, fmt.Errorf("open search index %s: %w", path, err)
	}
	return e, nil
}

// Fresh reports whether Open or Reset found nothing that could be kept: the
// index has to be fed with everything.
func (e *Embedded) Fresh() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.fresh
}

// open opens the pools and makes sure that the file can be read.
func (e *Embedded) open() (err error) {
	common := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(normal)"}}
	common.Set("_txlock", "immediate")
	e.write, err = sql.Open("sqlite", dsn(e.path, common))
	if err != nil {
		return err
	}
	e.write.SetMaxOpenConns(1)
	common.Del("_txlock")
	common.Add("_pragma", "query_only(1)")
	e.read, err = sql.Open("sqlite", dsn(e.path, common))
	if err != nil {
		return errors.Join(err, e.write.Close())
	}
	e.read.SetMaxOpenConns(runtime.NumCPU())
	e.words.dictionary, e.blocks = nil, blockCache{}
	if err := e.probe(); err != nil {
		return errors.Join(marked(err), e.read.Close(), e.write.Close())
	}
	return nil
}

// probe makes the tables in an empty file and touches every table of another.
// Damage further inside shows when it is met.
func (e *Embedded) probe() error {
	tx, err := e.write.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var app, ver, tables int
	if err := tx.QueryRow(`SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&app, &ver, &tables); err != nil {
		return err
	}
	if tables == 0 {
		if _, err := tx.Exec(fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, application, version)); err != nil {
			return err
		}
		e.fresh = true
		return tx.Commit()
	}
	if app != application {
		return errors.New("the file is a database, but no search index")
	}
	if ver != version {
		return fmt.Errorf("%w: it has version %d, this program writes version %d", ErrDamaged, ver, version)
	}
	for _, q := range []string{
		`SELECT epoch FROM meta`,
		`SELECT n FROM seeds ORDER BY n DESC LIMIT 1`,
		`SELECT n FROM seeds ORDER BY id LIMIT 1`,
		`SELECT question FROM texts ORDER BY n DESC LIMIT 1`,
		`SELECT rowid FROM found WHERE found MATCH '"a"' LIMIT 1`,
		`SELECT n FROM vocabulary LIMIT 1`,
		`SELECT length(data) FROM blocks ORDER BY b DESC LIMIT 1`,
		`SELECT id FROM words LIMIT 1`,
	} {
		var v any
		if err := tx.QueryRow(q).Scan(&v); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

// replace deletes the file and opens a new one. The pools are closed.
func (e *Embedded) replace() error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(e.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return e.open()
}

func dsn(path string, v url.Values) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

// marked marks errors that say of the file that it is damaged, or that it
// cannot be written or read now. No statement of ours fails for a constraint or
// a missing table while the file is sound.
func marked(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrAway) {
		return err
	}
	switch code := e.Code() & 0xff; {
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_CONSTRAINT,
		code == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such"):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case code == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR, code == sqlite3.SQLITE_BUSY,
		code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

// errClosed is what a closed index answers.
var errClosed = errors.New("the search index is closed")

// use keeps the file from being exchanged until done is called.
func (e *Embedded) use() (done func(), err error) {
	e.mu.RLock()
	if e.closed {
		e.mu.RUnlock()
		return nil, errClosed
	}
	return e.mu.RUnlock, nil
}

// Count implements [Index].
func (e *Embedded) Count(ctx context.Context) (int, error) {
	done, err := e.use()
	if err != nil {
		return 0, err
	}
	defer done()
	n, err := countIn(ctx, e.read)
	if err != nil {
		return 0, fmt.Errorf("count the search index: %w", marked(err))
	}
	return n, nil
}

// Versions implements [Index]. It holds no lock between two steps: the index
// may be changed from within the loop.
func (e *Embedded) Versions(ctx context.Context) iter.Seq2[Version, error] {
	return paged(func(after string) ([]Version, error) {
		done, err := e.use()
		if err != nil {
			return nil, err
		}
		defer done()
		page, err := versionsIn(ctx, e.read, after)
		return page, marked(err)
	})
}

// Reset implements [Index]. A damaged file is deleted and made anew; else it
// is emptied in place, so that other processes see it.
func (e *Embedded) Reset(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	err := e.empty(ctx)
	if errors.Is(marked(err), ErrDamaged) {
		e.log.Warn("search index made anew", "path", e.path, "reason", err)
		if err = errors.Join(e.read.Close(), e.write.Close()); err == nil {
			err = e.replace()
		}
		e.closed = err != nil
	}
	if err != nil {
		return fmt.Errorf("empty the search index: %w", err)
	}
	e.fresh = true
	return nil
}

func (e *Embedded) empty(ctx context.Context) error {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, empty); err != nil {
		return err
	}
	return tx.Commit()
}

// Check reads the whole file and compares its parts: [ErrDamaged] if they do
// not fit.
func (e *Embedded) Check(ctx context.Context) error {
	done, err := e.use()
	if err != nil {
		return err
	}
	defer done()
	var verdict string
	if err := e.write.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return fmt.Errorf("check the search index: %w", marked(err))
	}
	if verdict != "ok" {
		return fmt.Errorf("check the search index: %w: %s", ErrDamaged, verdict)
	}
	if _, err := e.write.ExecContext(ctx, `INSERT INTO found(found) VALUES('integrity-check')`); err != nil {
		return fmt.Errorf("check the search index: %w", marked(err))
	}
	return nil
}

// Close implements [Index]. It waits for what is under way.
func (e *Embedded) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	if err := errors.Join(e.read.Close(), e.write.Close()); err != nil {
		return fmt.Errorf("close search index: %w", err)
	}
	return nil
}
