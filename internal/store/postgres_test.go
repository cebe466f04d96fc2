package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

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
