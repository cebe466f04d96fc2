package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"seedbed/internal/store"
)

// TestLogIsCarriedOver waits for what was written to be in the database's own
// file, though it is far too little for SQLite to carry it over by itself.
func TestLogIsCarriedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seedbed.db")
	db := open(t, store.Options{Path: path})
	const title = "the fourteen valves of the old pump"
	update(t, db, func(tx *store.Tx) error {
		_, _, err := tx.AddCollection(t.Context(), title)
		return err
	})
	for {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(title)) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
