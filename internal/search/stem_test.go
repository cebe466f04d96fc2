package search

import (
	"database/sql"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestStem(t *testing.T) {
	// Words of one line share a stem.
	for _, line := range []string{
		"connect connected connecting connection connections",
		"caress caresses",
		"pony ponies",
		"hop hops hopped hopping",
		"hope hopes hoped hoping",
		"relate relates related relating relational",
		"generalize generalizes generalization generalizations",
		"happy happiness",
		"theorem theorems",
		"probability probabilities",
	} {
		words := strings.Fields(line)
		for _, w := range words[1:] {
			if stem(w) != stem(words[0]) {
				t.Errorf("stem(%s) = %s, want that of %s, %s", w, stem(w), words[0], stem(words[0]))
			}
		}
	}
	for _, w := range []string{"", "a", "is", "été", "x86", "数学", "Running"} {
		if got := stem(w); got != w {
			t.Errorf("stem(%s) = %s, want it untouched", w, got)
		}
	}
}

// SQLite has a Porter stemmer of its own: ours has to agree with it on words
// put together from everything the rules look at.
func TestStemAgreesWithSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, s := range []string{
		`CREATE VIRTUAL TABLE t USING fts5(w, tokenize='porter ascii')`,
		`CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)`,
	} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	parts := strings.Fields("a e i o u y b l s t z w x k n r ll ss tt zz at bl iz con rel gen hop tr qu " +
		"s es ies sses ed eed ing y ly")
	for _, rule := range append(step2, step3...) {
		parts = append(parts, rule[0], rule[1])
	}
	parts = append(parts, step4...)
	words := make([]string, 20_000)
	for i := range words {
		var w strings.Builder
		for range 1 + r.IntN(4) {
			w.WriteString(parts[r.IntN(len(parts))])
		}
		words[i] = w.String()
	}
	for i, w := range words {
		if _, err := db.Exec(`INSERT INTO t(rowid, w) VALUES(?, ?)`, i, w); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Query(`SELECT doc, term FROM v`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	checked, wrong := 0, 0
	for rows.Next() {
		var i int
		var want string
		if err := rows.Scan(&i, &want); err != nil {
			t.Fatal(err)
		}
		checked++
		if got := stem(words[i]); got != want {
			if wrong++; wrong < 20 {
				t.Errorf("stem(%s) = %s, SQLite has %s", words[i], got, want)
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if checked < 19_000 {
		t.Errorf("checked only %d words", checked)
	}
	t.Logf("%d of %d differ", wrong, checked)
}
