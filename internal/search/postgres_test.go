package search_test

import (
	"database/sql"
	"errors"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"seedbed/internal/search"
	"seedbed/internal/search/searchtest"
	"seedbed/internal/seedbed"
	"seedbed/internal/store/storetest"
)

func openPostgres(t testing.TB) (*search.Postgres, *sql.DB) {
	t.Helper()
	db, err := sql.Open("pgx", storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p, err := search.OpenPostgres(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return p, db
}

func TestPostgres(t *testing.T) {
	p, _ := openPostgres(t)
	searchtest.Run(t, func(t *testing.T) search.Index {
		if err := p.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		return p
	})
}

func TestTwoOfOnePostgres(t *testing.T) {
	a, db := openPostgres(t)
	b, err := search.OpenPostgres(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	twoOfOne(t, a, b)
	// The tables come back, and the first numbers in them.
	if _, err := db.ExecContext(t.Context(), `DROP SCHEMA seedbed_search_v3 CASCADE`); err != nil {
		t.Fatal(err)
	}
	if err := b.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	twoOfOne(t, a, b)
}

func TestPostgresTablesLost(t *testing.T) {
	for _, statement := range []string{
		`DROP SCHEMA seedbed_search_v3 CASCADE`,
		`DROP TABLE seedbed_search_v3.texts`,
		`ALTER TABLE seedbed_search_v3.blocks RENAME data TO other`,
	} {
		p, db := openPostgres(t)
		if err := p.Apply(t.Context(), []search.Change{change("a", "apples")}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Search(t.Context(), seedbed.Filter{Query: "apples"}); !errors.Is(err, search.ErrDamaged) {
			t.Errorf("after %s, Search says %v, want %v", statement, err, search.ErrDamaged)
		}
		err := p.Rebuild(t.Context(), func(yield func(search.Change, error) bool) { yield(change("b", "apples"), nil) })
		if err != nil {
			t.Errorf("after %s, Rebuild: %v", statement, err)
		}
		page, err := p.Search(t.Context(), seedbed.Filter{Query: "apples"})
		if err != nil || len(page.IDs) != 1 || page.IDs[0] != "b" {
			t.Errorf("after %s and Rebuild, Search finds %v, %v; want b", statement, page.IDs, err)
		}
	}
}
