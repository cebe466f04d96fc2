package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// TestOpenByMany opens an empty database from many sides at once: one of them
// makes the tables, the others wait for it.
func TestOpenByMany(t *testing.T) {
	on := storetest.Fresh(t, "postgres")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(t.Context(), on)
			if err != nil {
				t.Error(err)
				return
			}
			if n, err := db.SeedCount(t.Context()); n != 0 || err != nil {
				t.Errorf("SeedCount gives %d, %v", n, err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpenNoPostgres(t *testing.T) {
	for address, code := range map[string]string{
		"postgres://u:secret@127.0.0.1:1/db?connect_timeout=2": seedbed.Unavailable,
		"postgres://u:secret@host:port/db":                     seedbed.Invalid,
	} {
		_, err := store.Open(t.Context(), store.Options{URL: address})
		if seedbed.CodeOf(err) != code || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open of %s gives %v, code %s; want %s, without the password", address, err, seedbed.CodeOf(err), code)
		}
	}
}

// TestSideBySide reads and changes the same row in many transactions at once:
// no change is lost.
func TestSideBySide(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		_, run := sourceAndRun(t, db, 0)
		const writers, times = 8, 20
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range times {
					if err := db.Update(t.Context(), func(tx *store.Tx) error {
						r, err := tx.Run(t.Context(), run.ID)
						if err != nil {
							return err
						}
						r.Passages.Total++
						return tx.SaveRun(t.Context(), r)
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if r, err := db.Run(t.Context(), run.ID); err != nil || r.Passages.Total != writers*times {
			t.Errorf("%d transactions that add one give %d, %v", writers*times, r.Passages.Total, err)
		}
	})
}

// TestLock adds what is not there in many transactions at once: one of them
// finds that it is not.
func TestLock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		var wg sync.WaitGroup
		var mu sync.Mutex
		first := 0
		for range 16 {
			wg.Go(func() {
				added := false
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					if err := tx.Lock(t.Context(), "setting", "a"); err != nil {
						return err
					}
					v, err := tx.Setting(t.Context(), "a")
					if added = v == ""; err != nil || !added {
						return err
					}
					return tx.SetSetting(t.Context(), "a", "x")
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if added {
					first++
				}
			})
		}
		wg.Wait()
		if first != 1 {
			t.Errorf("%d of 16 transactions were the first; want 1", first)
		}
	})
}

// TestSaveCommits: what became of a passage is there for others with the last
// statement, and nothing can be done in its transaction any more. One that fails
// leaves nothing.
func TestSaveCommits(t *testing.T) {
	db := open(t, storetest.Fresh(t, "postgres"))
	src, run := sourceAndRun(t, db, 2)
	queue(t, db, run, src, 0)
	queue(t, db, run, src, 1)
	save := func(ordinal, calls int, then func(*store.Tx) error) error {
		return db.Update(t.Context(), func(tx *store.Tx) error {
			o := store.Outcome{Found: []extract.Seed{seed(run, ordinal, 0)}}
			o.Ordinal, o.State, o.Spent.Calls = ordinal, seedbed.PassageDone, calls
			if _, err := tx.SaveOutcome(t.Context(), run, o); err != nil {
				return err
			}
			return then(tx)
		})
	}
	err := save(0, 1, func(tx *store.Tx) error {
		if _, err := db.Seed(t.Context(), seed(run, 0, 0).ID); err != nil {
			t.Errorf("others are told: %v", err)
		}
		if _, err := tx.Run(t.Context(), run.ID); !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("reading goes on: %v", err)
		}
		return tx.SetSetting(t.Context(), "a", "b")
	})
	if !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("writing goes on: %v", err)
	}
	if err := save(1, math.MaxInt, func(*store.Tx) error { return nil }); err == nil {
		t.Fatal("more calls are counted than there are numbers")
	}
	if _, err := db.Seed(t.Context(), seed(run, 1, 0).ID); seedbed.CodeOf(err) != seedbed.NotFound {
		t.Errorf("after an error there is a seed: %v", err)
	}
	if now, err := db.Run(t.Context(), run.ID); err != nil || now.Passages.Done != 1 || now.Seeds != 1 {
		t.Errorf("the run is %+v, %v", now, err)
	}
}

// TestInEachOthersWay has two transactions wait for each other for ever: one
// of them is done again.
func TestInEachOthersWay(t *testing.T) {
	db := open(t, storetest.Fresh(t, "postgres"))
	update(t, db, func(tx *store.Tx) error {
		return errors.Join(tx.SetSetting(t.Context(), "a", ""), tx.SetSetting(t.Context(), "b", ""))
	})
	var wg, met sync.WaitGroup
	met.Add(2)
	tries := make([]int, 2)
	for i := range 2 {
		names := []string{"a", "b"}
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				tries[i]++
				if err := tx.SetSetting(t.Context(), names[i], "x"); err != nil {
					return err
				}
				if tries[i] == 1 {
					met.Done()
					met.Wait()
				}
				return tx.SetSetting(t.Context(), names[1-i], "x")
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tries[0]+tries[1] < 3 {
		t.Errorf("the transactions were tried %v times; want one of them again", tries)
	}
}

// TestServerRestarts: while PostgreSQL is away the error says so, and when it
// is back everything goes on with the same DB.
func TestServerRestarts(t *testing.T) {
	server := storetest.New(t)
	db := open(t, store.Options{URL: server.Database(t)})
	set := func(value string) error {
		return db.Update(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(t.Context(), "a", value) })
	}
	if err := set("1"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		server.Halt()
		if err := set("lost"); seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Errorf("Update without a server gives %v; want unavailable", err)
		}
		if _, err := db.Setting(t.Context(), "a"); seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Errorf("Setting without a server gives %v; want unavailable", err)
		}
		if err := db.Put(t.Context(), "k", nil, nil); seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Errorf("Put without a server gives %v; want unavailable", err)
		}
		server.Go(t)
		want := fmt.Sprint(i + 2)
		if err := set(want); err != nil {
			t.Errorf("Update after a restart: %v", err)
		}
		if got, err := db.Setting(t.Context(), "a"); got != want || err != nil {
			t.Errorf("after a restart Setting gives %q, %v; want %s", got, err, want)
		}
	}
	// In the middle of a transaction: it is done again from its beginning.
	tries := 0
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetSetting(t.Context(), "a", "before"); err != nil {
			return err
		}
		if tries++; tries == 1 {
			server.Halt()
			server.Go(t)
		}
		return tx.SetSetting(t.Context(), "b", "after")
	}); err != nil || tries < 2 {
		t.Errorf("Update whose connection is lost ends after %d tries with %v; want it done again", tries, err)
	}
	if a, err := db.Setting(t.Context(), "a"); a != "before" || err != nil {
		t.Errorf("it leaves %q, %v", a, err)
	}
}

// TestPlansOfSmallTables saves passages after the tables were analyzed that had
// next to nothing in them: no statement goes through a whole table for it,
// which it would go on doing when the table has grown.
func TestPlansOfSmallTables(t *testing.T) {
	on := storetest.Fresh(t, "postgres")
	on.URL += map[bool]string{true: "&", false: "?"}[strings.Contains(on.URL, "?")] + "pool_max_conns=1"
	db := open(t, on)
	src, run := sourceAndRun(t, db, 20)
	for n := range 20 {
		queue(t, db, run, src, n)
	}
	do := func(query string) {
		t.Helper()
		if _, err := db.Pool().Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	scanned := func() (out string) {
		t.Helper()
		do(`SELECT pg_stat_force_next_flush()`)
		err := db.Pool().QueryRow(t.Context(), `SELECT string_agg(relname || ' ' || seq_scan, ', ' ORDER BY relname) FROM pg_stat_user_tables
			WHERE relname IN ('bands', 'calls', 'outbox', 'run_passages', 'runs', 'seeds')`).Scan(&out)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	save := func(n int) {
		t.Helper()
		update(t, db, func(tx *store.Tx) error {
			s := seed(run, n, 0)
			keys := []uint64{7, uint64(100 + n)}
			desk, err := tx.Desk(t.Context(), run, 1, false, []int{n}, keys)
			if err != nil {
				return err
			}
			o := store.Outcome{Found: []extract.Seed{s}, Bands: map[string][]uint64{s.ID: keys}}
			o.Ordinal, o.State = n, seedbed.PassageDone
			_, err = desk.Save(t.Context(), []store.Outcome{o})
			return err
		})
	}
	do(`CREATE TABLE river_job (id BIGINT PRIMARY KEY, state TEXT)`)
	do(`INSERT INTO river_job VALUES (1, 'running')`)
	save(0)
	do(`ANALYZE`)
	before := scanned()
	for n := 1; n < 20; n++ { // after a few, a plan is kept
		save(n)
	}
	if after := scanned(); after != before {
		t.Errorf("whole tables were read: %s; it was %s", after, before)
	}
}
