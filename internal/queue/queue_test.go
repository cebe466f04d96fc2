package queue

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// TestIndexes: of the library's indexes those that nobody uses are not kept,
// and it is not asked to look after any that is not there.
func TestIndexes(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.Fresh(t, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	config := Config(db, "test", slog.New(slog.DiscardHandler))
	for range 2 { // as when it is started again
		if _, err := New(t.Context(), db, config); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Pool().Query(t.Context(), `SELECT indexname::text FROM pg_indexes WHERE tablename = 'river_job'`)
	if err != nil {
		t.Fatal(err)
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range unused {
		if slices.Contains(there, name) {
			t.Errorf("there is an index %s", name)
		}
	}
	for _, name := range config.ReindexerIndexNames {
		if !slices.Contains(there, name) {
			t.Errorf("there is no index %s among %v", name, there)
		}
	}
}
