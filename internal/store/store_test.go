package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

func open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "seedbed.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// update fails the test if the transaction fails.
func update(t testing.TB, db *store.DB, do func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// sourceAndRun stores a source and a running run of total passages.
func sourceAndRun(t testing.TB, db *store.DB, total int) (seedbed.Source, seedbed.Run) {
	t.Helper()
	now := time.UnixMilli(1_700_000_000_000).UTC()
	src := seedbed.Source{
		ID: store.NewID(now), Collection: "default", SHA256: store.NewID(now), Name: "valves.md",
		State: seedbed.SourceReady, Passages: total, Created: now,
	}
	run := seedbed.Run{
		ID: store.NewID(now), Source: src.ID, Collection: src.Collection, SourceTitle: src.Name,
		Recipe: "explicit", RecipeHash: "h", RecipeBody: "b", State: seedbed.RunRunning, Created: now,
	}
	update(t, db, func(tx *store.Tx) error {
		if err := tx.AddCollection(t.Context(), "default", "Default"); err != nil {
			return err
		}
		if err := tx.AddSource(t.Context(), src); err != nil {
			return err
		}
		return tx.AddRun(t.Context(), run)
	})
	return src, run
}

// queue adds a passage and puts it into the run.
func queue(t testing.TB, db *store.DB, run seedbed.Run, src seedbed.Source, ordinal int) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		p := extract.Passage{ID: "p", Text: "text", Locator: extract.Locator{Start: ordinal, End: ordinal + 4}}
		if err := tx.AddPassages(t.Context(), src.ID, ordinal, []extract.Passage{p}); err != nil {
			return err
		}
		_, _, err := tx.Plan(t.Context(), run.ID, src.ID, ordinal, 1)
		return err
	})
}
