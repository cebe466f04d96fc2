package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// With this set the test binary opens a database, see opener.
const (
	openPath  = "SEEDBED_STORE_TEST_PATH"
	openURL   = "SEEDBED_STORE_TEST_URL"
	openWrite = "SEEDBED_STORE_TEST_WRITE"
)

// TestOpener is no test but the process that the others kill.
func TestOpener(t *testing.T) {
	o := store.Options{Path: os.Getenv(openPath), URL: os.Getenv(openURL)}
	if o.Path == "" && o.URL == "" {
		t.Skip("for other tests")
	}
	if last, err := strconv.Atoi(os.Getenv(openWrite)); err == nil {
		storetest.NewDisk(t, o.Path[:len(o.Path)-len("/seedbed.db")], func(write int) int {
			if write == last {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // it is on its way
			}
			return 0
		})
	}
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// opener is a process that opens a database. On SQLite it is killed when it
// is about to make a write, 0 for none.
func opener(t *testing.T, o store.Options, write int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOpener$")
	cmd.Env = append(os.Environ(), openPath+"="+o.Path, openURL+"="+o.URL)
	if write > 0 {
		cmd.Env = append(cmd.Env, openWrite+"="+strconv.Itoa(write))
	}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	return cmd
}

// TestKilledMigration kills a process in the middle of bringing a database's
// schema up to date, from one version to the next: whoever opens it next
// finishes, and finds what was in it.
func TestKilledMigration(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	storetest.Each(t, func(t *testing.T, o store.Options) {
		newest, err := store.MigrateTo(t.Context(), o, 0)
		if err != nil {
			t.Fatal(err)
		}
		db := openDB(t, o)
		want := schema(t, db)
		engine := "sqlite"
		if o.URL != "" {
			engine = "postgres"
		}
		// goes kills a process that migrates a database, and reports whether it
		// was still at it.
		goes := func(t *testing.T, version int64, write int) (killed bool) {
			o := storetest.Fresh(t, engine)
			if _, err := store.MigrateTo(t.Context(), o, version); err != nil {
				t.Fatal(err)
			}
			kept := version > 0
			if kept {
				keep(t, o)
			}
			if engine == "postgres" {
				killBlocked(t, o)
				killed = true
			} else {
				err := opener(t, o, write).Run()
				killed = err != nil
				if err != nil && err.Error() != "signal: killed" {
					t.Fatalf("the process that was to be killed ended with %v", err)
				}
			}
			db := openDB(t, o)
			if diff := cmp.Diff(want, schema(t, db)); diff != "" {
				t.Errorf("killed at version %d, write %d, the schema is not that of a new database (-new +killed):\n%s", version, write, diff)
			}
			all, err := db.Endpoints(t.Context())
			if err != nil || kept && (len(all) != 1 || all[0].Key != "kept") {
				t.Errorf("killed at version %d, write %d, Endpoints gives %+v, %v; want what was there", version, write, all, err)
			}
			update(t, db, func(tx *store.Tx) error {
				return tx.SaveEndpoint(t.Context(), seedbed.Endpoint{ID: "new", Name: "new"})
			})
			return killed
		}
		kills, step := 0, int64(1)
		if raceDetector {
			step = 5
		}
		if engine == "postgres" {
			for version := int64(0); version < newest; version += 3 {
				goes(t, version, 0)
				kills++
			}
		} else {
			for version := int64(0); version < newest; version += step {
				for write := 1; goes(t, version, write); write += 3 + 2*write {
					kills++
				}
			}
		}
		t.Logf("%d kills", kills)
		if kills < int(newest)/3 {
			t.Errorf("a migration was killed %d times for %d versions: too few to show anything", kills, newest)
		}
	})
}

func openDB(t *testing.T, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// keep writes a row into a database of whatever version.
func keep(t *testing.T, o store.Options) {
	t.Helper()
	driver, address := "sqlite", o.Path
	if o.URL != "" {
		driver, address = "pgx", o.URL
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO endpoints (id, name, url, api_key, model, concurrency, is_default, created) VALUES ('a', 'a', 'http://localhost', 'kept', '', 1, 0, 1)`); err != nil {
		t.Fatal(err)
	}
}

// killBlocked kills a process that is in the middle of a migration: it has
// changed tables, and waits to note that.
func killBlocked(t *testing.T, o store.Options) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), o.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	exec := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`BEGIN`)
	exec(`LOCK TABLE goose_db_version IN SHARE MODE`)
	child := opener(t, o, 0)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for waits := 0; waits == 0; time.Sleep(2 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'goose_db_version'::regclass`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	exec(`ROLLBACK`)
}

// schema is what a database is made of, and to which version it says it was
// brought.
func schema(t *testing.T, db *store.DB) (out []string) {
	t.Helper()
	queries := []string{
		`SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1`,
		`SELECT 'integrity', integrity_check FROM pragma_integrity_check`,
	}
	if db.Pool() != nil {
		queries = []string{
			`SELECT table_name || '.' || column_name, data_type || coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1`,
			`SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`,
			`SELECT conname || conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1`,
		}
	}
	for _, q := range append(queries, `SELECT 'version', CAST(version_id AS TEXT) FROM goose_db_version ORDER BY version_id`) {
		out = append(out, pairs(t, db, q)...)
	}
	return out
}

// pairs are the rows of a query for two texts.
func pairs(t *testing.T, db *store.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Writer().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, is string
		if err := rows.Scan(&name, &is); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s: %s", name, is))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
