package storetest_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// A disk that is full makes the store say so, and nothing of the transaction
// is left; others are not concerned.
func TestDisk(t *testing.T) {
	var full atomic.Bool
	dir := t.TempDir()
	disk := storetest.NewDisk(t, dir, func(int) int {
		if full.Load() {
			return storetest.DiskFull
		}
		return 0
	})
	open := func(dir string) *store.DB {
		db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "seedbed.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	add := func(db *store.DB, id string) error {
		return db.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveEndpoint(t.Context(), seedbed.Endpoint{ID: id}) })
	}
	db, other := open(dir), open(t.TempDir())
	if disk.Writes() == 0 {
		t.Fatal("no write was seen: the test shows nothing")
	}
	full.Store(true)
	if err := add(db, "a"); seedbed.CodeOf(err) != seedbed.Unavailable {
		t.Errorf("on a full disk SaveEndpoint gives %v, want unavailable", err)
	}
	if err := add(other, "a"); err != nil {
		t.Errorf("on another disk: %v", err)
	}
	full.Store(false)
	if err := add(db, "b"); err != nil {
		t.Errorf("when the disk is not full any more: %v", err)
	}
	all, err := db.Endpoints(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != "b" {
		t.Errorf("Endpoints gives %v, %v; want b, and not what could not be written", all, err)
	}
}
