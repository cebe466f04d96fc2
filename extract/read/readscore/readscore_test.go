package readscore

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	got := Words("The ﬁrst co-op, 2nd  time: nai\u0308ve—Été.")
	want := strings.Fields("the first co op 2nd time naïve été")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestHeadings(t *testing.T) {
	for in, want := range map[string]string{
		"2.1 Results of 1984":   "results of 1984",
		"Kapitel 3: Ad mea":     "ad mea",
		"IV. CLASSES":           "classes",
		"§ 3 Messbare Räume":    "messbare räume",
		"Introduction to Rings": "introduction to rings",
	} {
		if got := heading(in); got != want {
			t.Errorf("heading(%q) = %q, want %q", in, got, want)
		}
	}
	got := Headings([]string{"On Rain", "Contents", "1 Drops", "Figure"}, []string{"?Contents", "?Index", "Drops", "Clouds"})
	if want := F1(1, 3, 2); got != want {
		t.Errorf("headings: got %v, want %v", got, want)
	}
}

// The bits give what the table of textbooks gives.
func TestInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		a, b := some(r), some(r)
		if got, want := InOrder(a, b), slow(a, b); got != want {
			t.Fatalf("InOrder(%v, %v) = %d, want %d", a, b, got, want)
		}
	}
}

func some(r *rand.Rand) []string {
	out := make([]string, r.IntN(200))
	for i := range out {
		out[i] = string(rune('a' + r.IntN(6)))
	}
	return out
}

func slow(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		prev := slices.Clone(row)
		for j, y := range b {
			if row[j+1] = max(prev[j+1], row[j]); x == y {
				row[j+1] = prev[j] + 1
			}
		}
	}
	return row[len(b)]
}
