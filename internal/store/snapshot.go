package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"modernc.org/sqlite"

	"seedbed/internal/seedbed"
)

// A Snapshot says what is in a copy of a database.
type Snapshot struct {
	Version              int64 // of the schema
	Sources, Runs, Seeds int
	Blobs                []Needed // without which the copy is not whole
	Paused               int      // runs that were under way
	Keys                 int      // model servers whose API key was left out
}

// Needed is a blob that a source needs.
type Needed struct {
	Sum          string
	Source, Name string
	Document     bool // what was read, else the original
}

// TakeSnapshot copies the SQLite database at from, as it is at one moment, to a
// file that is not there yet. Others may go on with it, and it stays as it is:
// where its schema is older than this program's, that of the copy is not. The
// error is [seedbed.Conflict] where it is newer.
//
// The copy is there to be begun with elsewhere, later. What only those that
// work now have a use for is not in it, runs that are under way are paused, and
// API keys are blank unless they are wanted.
func TakeSnapshot(ctx context.Context, from, to string, keys bool) (s Snapshot, err error) {
	raw := to + ".raw"
	if err := vacuumInto(ctx, from, raw); err != nil {
		return s, fmt.Errorf("copy the database %s: %w", from, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(raw)) }()
	db, err := Open(ctx, Options{Path: raw})
	if err != nil {
		return s, fmt.Errorf("open the copy of %s: %w", from, err)
	}
	err = db.Update(ctx, func(tx *Tx) error {
		s, err = tx.settle(ctx, keys)
		return err
	})
	if err == nil {
		err = db.Whole(ctx)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return s, fmt.Errorf("the copy of %s: %w", from, err)
	}
	if s.Keys == 0 {
		return s, os.Rename(raw, to)
	}
	// What was overwritten may still stand in the file: it is left behind.
	if err := vacuumInto(ctx, raw, to); err != nil {
		return s, fmt.Errorf("copy the database %s without keys: %w", from, err)
	}
	return s, nil
}

func vacuumInto(ctx context.Context, from, to string) error {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: from}).EscapedPath(), RawQuery: "mode=rw&_pragma=busy_timeout(10000)"}
	db := sql.OpenDB(connector{&sqlite.Driver{}, u.String()})
	_, err := db.ExecContext(ctx, `VACUUM INTO $1`, to)
	return errors.Join(plain(err), db.Close())
}

// settle makes of a copy of a running database one that nobody works on.
func (tx *Tx) settle(ctx context.Context, keys bool) (s Snapshot, err error) {
	for _, statement := range []string{
		`DELETE FROM workers`,
		`DELETE FROM shares`,
		`DELETE FROM answers WHERE status = 0`,
		`DELETE FROM river_leader`,
		// Sources are read, which costs nothing; runs make their jobs anew.
		`DELETE FROM river_job WHERE kind <> 'read' OR state NOT IN ` + open,
		`UPDATE river_job SET state = 'available' WHERE state = 'running'`,
		// There are no blobs and no index beside it yet.
		`DELETE FROM garbage`,
		`DELETE FROM outbox`,
		// Who was logged out since must not be in again.
		`DELETE FROM sessions`,
		`DELETE FROM invitations`,
	} {
		if _, err := tx.exec(ctx, statement); err != nil {
			return s, fmt.Errorf("leave out what only those at work need: %w", err)
		}
	}
	why := seedbed.Errorf(seedbed.Restored, "the run was under way when this was backed up: resume it to go on")
	s.Paused, err = tx.exec(ctx, `UPDATE runs SET state = 'paused', error_code = $1, error = $2 WHERE state IN ('queued', 'reading', 'running')`, why.Code, why.Message)
	if err != nil {
		return s, fmt.Errorf("pause runs: %w", err)
	}
	if !keys {
		if s.Keys, err = tx.exec(ctx, `UPDATE endpoints SET api_key = '' WHERE api_key <> ''`); err != nil {
			return s, fmt.Errorf("leave out API keys: %w", err)
		}
	}
	for _, c := range []struct {
		to    *int
		table string
	}{{&s.Sources, "sources"}, {&s.Runs, "runs"}, {&s.Seeds, "seeds"}} {
		if *c.to, err = tx.number(ctx, `SELECT count(*) FROM `+c.table); err != nil {
			return s, fmt.Errorf("count %s: %w", c.table, err)
		}
	}
	if s.Version, err = scanOne[int64](tx.q.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`)); err != nil {
		return s, fmt.Errorf("look at the database's version: %w", err)
	}
	s.Blobs, err = tx.Blobs(ctx)
	return s, err
}

// Blobs are those that sources need, each once, in order of their sums.
func (r reads) Blobs(ctx context.Context) ([]Needed, error) {
	out, err := list(ctx, r.q, func(row scanner) (Needed, error) {
		var n Needed
		var document int
		err := row.Scan(&n.Sum, &document, &n.Source, &n.Name)
		n.Document = document != 0
		return n, err
	}, `SELECT sum, min(document), min(id), min(name) FROM (
			SELECT sha256 AS sum, 0 AS document, id, name FROM sources UNION ALL
			SELECT document, 1, id, name FROM sources WHERE document <> '') named
		GROUP BY sum ORDER BY sum`)
	if err != nil {
		return nil, fmt.Errorf("list the blobs that sources need: %w", err)
	}
	return out, nil
}

// Whole is an error where an SQLite database's file is damaged.
func (db *DB) Whole(ctx context.Context) error {
	said, err := scanOne[string](db.q.QueryRowContext(ctx, `PRAGMA integrity_check(1)`))
	if err != nil {
		return fmt.Errorf("look whether the database is damaged: %w", err)
	}
	if said != "ok" {
		return fmt.Errorf("the database is damaged: %s", said)
	}
	return nil
}
