package search_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/internal/search"
	"seedbed/internal/search/searchtest"
	"seedbed/internal/seedbed"
	"seedbed/internal/store/storetest"
)

func open(t testing.TB, path string) *search.Embedded {
	t.Helper()
	e, err := search.Open(path, search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEmbedded(t *testing.T) {
	searchtest.Run(t, func(t *testing.T) search.Index {
		return open(t, filepath.Join(t.TempDir(), "index.db"))
	})
}

func change(id, question string) search.Change {
	return search.Change{ID: id, Version: 1, Seed: &extract.Seed{Question: question}}
}

func total(t *testing.T, e *search.Embedded, query string) int {
	t.Helper()
	page, err := e.Search(t.Context(), seedbed.Filter{Query: query})
	if err != nil {
		t.Fatalf("Search(%s): %v", query, err)
	}
	return page.Total
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	// A name that means something else in a URI.
	path := filepath.Join(t.TempDir(), "a ?mode=memory#%41.db")
	e := open(t, path)
	if !e.Fresh() {
		t.Error("a new index is not fresh")
	}
	if err := e.Apply(t.Context(), []search.Change{change("a", "words")}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Search(t.Context(), seedbed.Filter{}); err == nil {
		t.Error("a closed index still answers")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	e = open(t, path)
	if e.Fresh() {
		t.Error("an index with seeds is fresh")
	}
	if got := total(t, e, "words"); got != 1 {
		t.Errorf("after opening again, %d seeds are found, want 1", got)
	}
}

func TestOpenMakesADamagedFileAnew(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) { overwrite(t, path, 0, []byte("this is no database at all")) },
		"truncated": func(t *testing.T, path string) {
			if err := os.Truncate(path, 6000); err != nil {
				t.Fatal(err)
			}
		},
		"schema page":   func(t *testing.T, path string) { overwrite(t, path, 100, bytes.Repeat([]byte{0xff}, 2000)) },
		"other version": func(t *testing.T, path string) { exec(t, path, `PRAGMA user_version = 999`) },
		"table missing": func(t *testing.T, path string) { exec(t, path, `DROP TABLE vocabulary`) },
		"column missing": func(t *testing.T, path string) {
			exec(t, path, `DROP TABLE texts`, `CREATE TABLE texts(n INTEGER PRIMARY KEY)`)
		},
		"engine's table missing": func(t *testing.T, path string) { exec(t, path, `DROP TABLE found`) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			e := open(t, path)
			if err := e.Apply(t.Context(), []search.Change{change("a", "words")}); err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, path)
			var out strings.Builder
			e, err := search.Open(path, search.Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			defer func() { _ = e.Close() }()
			if !e.Fresh() || !strings.Contains(out.String(), "made anew") {
				t.Errorf("Fresh() = %v, log %q, want a fresh index and a word about it", e.Fresh(), out.String())
			}
			if err := e.Apply(t.Context(), []search.Change{change("b", "words")}); err != nil {
				t.Fatal(err)
			}
			if got := total(t, e, "words"); got != 1 {
				t.Errorf("%d seeds are found, want the new one", got)
			}
		})
	}
}

func TestOpenLeavesAnotherDatabaseAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seedbed.db")
	exec(t, path, `CREATE TABLE precious(x)`)
	if e, err := search.Open(path, search.Options{}); err == nil {
		_ = e.Close()
		t.Error("a database of something else was opened as an index")
	}
	exec(t, path, `INSERT INTO precious VALUES(1)`)
}

func TestResetMendsADamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	e := open(t, path)
	var batch []search.Change
	for i := range 500 {
		batch = append(batch, change(fmt.Sprint(i), fmt.Sprintf("word%d and more %d", i, i)))
	}
	if err := e.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := e.Check(t.Context()); err != nil {
		t.Errorf("Check of a sound index: %v", err)
	}
	for _, damage := range []string{
		`UPDATE found_data SET block = x'ffffffff'`, // Reset can empty it in place
		`DROP TABLE found`,                          // and here it can't
	} {
		exec(t, path, damage)
		if err := e.Check(t.Context()); !errors.Is(err, search.ErrDamaged) {
			t.Errorf("Check after %s: %v, want %v", damage, err, search.ErrDamaged)
		}
		if err := e.Apply(t.Context(), []search.Change{change("new", "word7 again")}); !errors.Is(err, search.ErrDamaged) {
			t.Errorf("Apply after %s: %v, want %v", damage, err, search.ErrDamaged)
		}
		if err := e.Reset(t.Context()); err != nil {
			t.Fatalf("Reset: %v", err)
		}
		if err := e.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if err := e.Check(t.Context()); err != nil {
			t.Errorf("Check after Reset: %v", err)
		}
		if got := total(t, e, "word7"); got == 0 {
			t.Error("after Reset and Apply nothing is found")
		}
	}
}

// Two processes may have the index open, here as two of it in one.
func TestTwoOfOneIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	twoOfOne(t, open(t, path), open(t, path))
}

func twoOfOne(t *testing.T, a, b search.Index) {
	t.Helper()
	tagged := func(id, tag string) search.Change {
		c := change(id, "words")
		c.Seed.Tags = []string{tag}
		return c
	}
	tags := func(e search.Index) string {
		page, err := e.Search(t.Context(), seedbed.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range page.Facets["tag"] {
			out = append(out, f.Value)
		}
		return strings.Join(out, " ")
	}
	if err := a.Apply(t.Context(), []search.Change{tagged("1", "red")}); err != nil {
		t.Fatal(err)
	}
	if got := tags(b); got != "red" {
		t.Errorf("the other sees tags %q, want red", got)
	}
	if err := b.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The same numbers now stand for other words.
	if err := b.Apply(t.Context(), []search.Change{tagged("1", "blue")}); err != nil {
		t.Fatal(err)
	}
	if got := tags(a); got != "blue" {
		t.Errorf("after a reset the first sees tags %q, want blue", got)
	}
	if err := a.Apply(t.Context(), []search.Change{tagged("2", "blue")}); err != nil {
		t.Fatal(err)
	}
	if got := tags(b); got != "blue" {
		t.Errorf("the other sees tags %q, want blue", got)
	}
	again := tagged("1", "green")
	again.Version = 2
	if err := b.Apply(t.Context(), []search.Change{again}); err != nil {
		t.Fatal(err)
	}
	if got := tags(a); got != "blue green" {
		t.Errorf("after a change by the other the first sees tags %q, want blue green", got)
	}
}

func TestStemsAreFoundAndHighlighted(t *testing.T) {
	e := open(t, filepath.Join(t.TempDir(), "index.db"))
	if err := e.Apply(t.Context(), []search.Change{change("a", "Why are runners running on relational models?")}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"run ":     "Why are runners [running] on relational models?",
		"runn":     "Why are [runners] [running] on relational models?", // running is there as run
		"runnin":   "Why are runners [running] on relational models?",
		"relate ":  "Why are runners running on [relational] models?",
		"modeling": "Why are runners running on relational [models]?",
	} {
		page, err := e.Search(t.Context(), seedbed.Filter{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.NewReplacer(seedbed.MarkStart, "[", seedbed.MarkEnd, "]").Replace(page.Highlights["a"]["question"])
		if got != want {
			t.Errorf("Search(%q) highlights %q, want %q", query, got, want)
		}
	}
}

// A vague beginning stands for its most frequent words, a less vague one for
// all of them.
func TestVagueBeginnings(t *testing.T) {
	e := open(t, filepath.Join(t.TempDir(), "index.db"))
	// Words from conaa to conzz, twelve a seed: 24,000 places begin with con.
	const seeds = 2000
	var batch []search.Change
	withA := 0
	for i := range seeds {
		var words []string
		a := false
		for j := range 12 {
			n := (12*i + j) % (26 * 26)
			words = append(words, fmt.Sprintf("con%c%c", 'a'+n/26, 'a'+n%26))
			a = a || n/26 == 0
		}
		if a {
			withA++
		}
		batch = append(batch, change(fmt.Sprint(i), strings.Join(words, " ")))
	}
	if err := e.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"c", "con"} {
		page, err := e.Search(t.Context(), seedbed.Filter{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		if page.Total == 0 || page.Total == seeds {
			t.Errorf("Search(%s) finds %d of %d seeds, want some", query, page.Total, seeds)
		}
		for _, id := range page.IDs {
			if !strings.Contains(page.Highlights[id]["question"], seedbed.MarkStart+"con") {
				t.Errorf("Search(%s) highlights %q", query, page.Highlights[id])
			}
		}
	}
	if got := total(t, e, "cona"); got != withA {
		t.Errorf("Search(cona) finds %d seeds, want all %d", got, withA)
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range searchtest.Queries {
		f.Add(q, "What is the derivative of a product?")
	}
	f.Add("run", "runs \uE000running\uE001 Läufe 机器学习")
	e := open(f, filepath.Join(f.TempDir(), "index.db"))
	version := int64(0)
	f.Fuzz(func(t *testing.T, query, text string) {
		c := change("a", text)
		version++
		c.Version = version
		if err := e.Apply(t.Context(), []search.Change{c, change("b", "other words")}); err != nil {
			t.Fatalf("Apply(%q): %v", text, err)
		}
		page, err := e.Search(t.Context(), seedbed.Filter{Query: query})
		if err != nil {
			t.Fatalf("Search(%q): %v", query, err)
		}
		for _, fields := range page.Highlights {
			for name, s := range fields {
				checkMarks(t, name, s)
			}
		}
		// A text of words finds itself.
		if words := strings.Fields(text); len(words) > 0 && len(words) < 20 && !strings.ContainsAny(text, `"“”„«»-`) && utf8.ValidString(text) {
			page, err := e.Search(t.Context(), seedbed.Filter{Query: text + " "})
			if err != nil {
				t.Fatalf("Search(%q): %v", text, err)
			}
			if !slices.Contains(page.IDs, "a") {
				t.Errorf("the text %q does not find itself", text)
			}
		}
	})
	if err := e.Check(f.Context()); err != nil {
		f.Error(err)
	}
}

// checkMarks wants marks in pairs around something, and valid UTF-8.
func checkMarks(t *testing.T, name, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%s is highlighted as %q: not UTF-8", name, s)
	}
	inside := false
	for _, part := range strings.SplitAfter(s, seedbed.MarkEnd) {
		start := strings.Count(part, seedbed.MarkStart)
		end := strings.Count(part, seedbed.MarkEnd)
		if start != end || strings.Contains(part, seedbed.MarkStart+seedbed.MarkEnd) {
			t.Errorf("%s is highlighted as %q: marks do not come in pairs", name, s)
		}
		inside = inside || start > 0
	}
	if !inside {
		t.Errorf("%s is highlighted as %q: without a mark", name, s)
	}
}

func exec(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func overwrite(t *testing.T, path string, at int64, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt(data, at); err != nil {
		t.Fatal(err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "index")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	index, err := search.Open(filepath.Join(dir, "index.db"), search.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = index.Close() }()

	ctx := context.Background()
	err = index.Apply(ctx, []search.Change{
		{ID: "s1", Version: 1, Seed: &extract.Seed{Question: "What is a group?", Answer: "A set with an associative operation.", Type: extract.Definition}},
		{ID: "s2", Version: 1, Seed: &extract.Seed{Question: "Why is every subgroup of the integers cyclic?", Type: extract.Proof}},
	})
	if err != nil {
		panic(err)
	}
	page, err := index.Search(ctx, seedbed.Filter{Query: "asociative op"})
	if err != nil {
		panic(err)
	}
	marks := strings.NewReplacer(seedbed.MarkStart, "*", seedbed.MarkEnd, "*")
	fmt.Println(page.IDs, marks.Replace(page.Highlights["s1"]["answer"]))
	fmt.Println(page.Facets["type"])
	// Output:
	// [s1] A set with an *associative* *operation*.
	// [{definition  1}]
}

// A disk that is full, or broken, is not the fault of what it was to take.
func TestDiskFails(t *testing.T) {
	var code atomic.Int64
	dir := t.TempDir()
	storetest.NewDisk(t, dir, func(int) int { return int(code.Load()) })
	e := open(t, filepath.Join(dir, "index.db"))
	for _, c := range []int64{storetest.DiskFull, storetest.DiskBroken} {
		code.Store(c)
		if err := e.Apply(t.Context(), []search.Change{change("a", "pears")}); !errors.Is(err, search.ErrAway) {
			t.Errorf("Apply on a disk that fails with %d: %v, want that the index is away", c, err)
		}
	}
	code.Store(0)
	if err := e.Apply(t.Context(), []search.Change{change("a", "pears")}); err != nil {
		t.Error(err)
	}
	if n, err := e.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("Count gives %d, %v; want 1", n, err)
	}
}
