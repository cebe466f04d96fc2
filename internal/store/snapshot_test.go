package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// TestSnapshot has a database that others work on copied: the copy has what is
// kept, is begun with by nobody, and is of this version, which the database
// need not be.
func TestSnapshot(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "seedbed.db")
	db := open(t, store.Options{Path: path})
	src, run := sourceAndRun(t, db, 2)
	queue(t, db, run, src, 0)
	update(t, db, func(tx *store.Tx) error {
		src.Document = "document"
		err := errors.Join(tx.SaveSource(ctx, src), tx.Beat(ctx, "worker", true), tx.AddGarbage(ctx, "old"),
			tx.TellIndex(ctx, []store.Pending{{Seed: "gone", Version: 2, Deleted: true}}))
		for _, statement := range []string{
			`CREATE TABLE river_leader (leader_id TEXT)`,
			`INSERT INTO river_leader VALUES ('worker')`,
			`CREATE TABLE river_job (kind TEXT, state TEXT, args JSON)`,
			`INSERT INTO river_job VALUES ('read', 'running', '{}'), ('read', 'completed', '{}'), ('plan', 'available', '{}'), ('passage', 'running', '{}')`,
			`INSERT INTO endpoints (id, name, url, api_key, model, concurrency, is_default, created) VALUES
				('a', 'a', 'u', 'secret-a', '', 1, 0, 0), ('b', 'b', 'u', '', '', 1, 0, 0)`,
			`INSERT INTO users (id, name, password, created) VALUES ('ada', 'ada', 'hash', 1)`,
			`INSERT INTO sessions (id, user_id, until) VALUES ('hash', 'ada', 9999999999999)`,
			`INSERT INTO tokens (id, user_id, name, hash, created) VALUES ('t', 'ada', 'laptop', 'hash', 1)`,
			`INSERT INTO invitations (id, inviter, until) VALUES ('hash', 'ada', 9999999999999)`,
			`INSERT INTO answers (id, owner, until, status) VALUES ('begun', 'worker', 1, 0), ('given', 'worker', 1, 200)`,
		} {
			err = errors.Join(err, store.Exec(ctx, tx, statement))
		}
		return err
	})
	kept := filepath.Join(t.TempDir(), "kept.db")
	if s, err := store.TakeSnapshot(ctx, path, kept, true); err != nil || s.Keys != 0 {
		t.Fatalf("TakeSnapshot with keys: %+v, %v", s, err)
	}
	older := filepath.Join(t.TempDir(), "older.db")
	newest, err := store.MigrateTo(ctx, store.Options{Path: older}, 10)
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{`ATTACH '` + kept + `' AS kept`, `CREATE TABLE river_leader (leader_id TEXT)`, `CREATE TABLE river_job (kind TEXT, state TEXT, args JSON)`}
	for _, table := range []string{"collections", "sources", "passages", "runs", "run_passages", "endpoints", "answers", "river_job"} {
		statements = append(statements, `INSERT INTO main.`+table+` SELECT * FROM kept.`+table)
	}
	raw(t, older, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, strings.Join(statements, "; "))
		return err
	})

	for name, from := range map[string]string{"at work": path, "older": older} {
		to := filepath.Join(t.TempDir(), "copy.db")
		got, err := store.TakeSnapshot(ctx, from, to, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := store.Snapshot{Version: newest, Sources: 1, Runs: 1, Keys: 1, Blobs: []store.Needed{
			{Sum: "document", Source: src.ID, Name: src.Name, Document: true},
			{Sum: src.SHA256, Source: src.ID, Name: src.Name},
		}}
		if from == path {
			want.Paused = 1
		}
		if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b store.Needed) bool { return a.Sum < b.Sum })); diff != "" {
			t.Errorf("%s: TakeSnapshot (-want +got):\n%s", name, diff)
		}
		counts := map[string]int{}
		for what, from := range map[string]string{
			"workers": "workers", "leaders": "river_leader", "garbage": "garbage", "changes": "outbox",
			"answers begun": "answers WHERE status = 0", "answers given": "answers WHERE status > 0",
			"jobs": "river_job", "files to read": "river_job WHERE kind = 'read' AND state = 'available'",
			"accounts": "users", "sessions": "sessions", "tokens": "tokens", "invitations": "invitations",
			"passages to do": "run_passages WHERE state = 'queued'",
		} {
			if n := rows(t, to, from); n > 0 {
				counts[what] = n
			}
		}
		there := map[string]int{"answers given": 1, "jobs": 1, "files to read": 1, "passages to do": 1}
		if from == path {
			there["accounts"], there["tokens"] = 1, 1
		}
		if diff := cmp.Diff(there, counts); diff != "" {
			t.Errorf("%s: the copy has (-want +got):\n%s", name, diff)
		}
		if body, err := os.ReadFile(to); err != nil || strings.Contains(string(body), "secret") {
			t.Errorf("%s: the copy has the key, or %v", name, err)
		}
		if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) != 1 {
			t.Errorf("%s: beside the copy are %v, %v", name, left, err)
		}
		copied := open(t, store.Options{Path: to})
		r, err := copied.Run(ctx, run.ID)
		if err != nil || r.State != seedbed.RunPaused || r.Error == nil || r.Error.Code != seedbed.Restored {
			t.Errorf("%s: the copied run is %+v, %v; want it paused with a reason", name, r, err)
		}
	}
	if n := rows(t, older, "goose_db_version WHERE version_id > 10"); n != 0 {
		t.Error("the database that was copied was migrated")
	}
	if r, err := db.Run(ctx, run.ID); err != nil || r.State != seedbed.RunRunning {
		t.Errorf("the run that was copied is %s, %v; want it running on", r.State, err)
	}
	update(t, db, func(tx *store.Tx) error {
		return store.Exec(ctx, tx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`)
	})
	if _, err := store.TakeSnapshot(ctx, path, filepath.Join(t.TempDir(), "copy.db"), false); seedbed.CodeOf(err) != seedbed.Conflict {
		t.Errorf("TakeSnapshot of a newer database: %v; want a conflict", err)
	}
}

// rows counts rows of a database.
func rows(t *testing.T, path, from string) (n int) {
	t.Helper()
	raw(t, path, func(db *sql.DB) error { return db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+from).Scan(&n) })
	return n
}

// raw calls do with a database that is opened as it is.
func raw(t *testing.T, path string, do func(*sql.DB) error) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}
