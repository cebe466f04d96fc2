package stage

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Of questions at a similarity of 0.7 at least 95 in 100 meet, and those that
// share nothing hardly ever.
func TestRecall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("w%c%c%c", 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26)) }
	const n = 2000
	m := NewMemory()
	changed := make([]string, n)
	for i := range n {
		words := make([]string, 19) // 17 threes
		for j := range words {
			words[j] = word()
		}
		q := strings.Join(words, " ")
		if err := m.Add(t.Context(), fmt.Sprint(i), q, Keys(q)); err != nil {
			t.Fatal(err)
		}
		words[2+r.IntN(15)] = word() // three of the threes are others: 14 of 20
		changed[i] = strings.Join(words, " ")
	}
	met, strangers := 0, 0
	for i, q := range changed {
		candidates, err := m.Candidates(t.Context(), Keys(q))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range candidates {
			if c.ID != fmt.Sprint(i) {
				strangers++
				continue
			}
			met++
			if same := Similarity(q, c.Question); same != 0.7 {
				t.Fatalf("Similarity(%q, %q) = %v, want 0.7", q, c.Question, same)
			}
		}
	}
	if recall := float64(met) / n; recall < 0.95 {
		t.Errorf("%d of %d questions meet the one that they were made from, want 95 in 100", met, n)
	}
	if strangers > n/20 {
		t.Errorf("%d questions met that share nothing", strangers)
	}
}

// What grew is still found, and a key that thousands share yields its newest.
func TestMemoryGrows(t *testing.T) {
	m := NewMemory()
	const n = 3 * memoryBlock / 2
	for i := range n {
		q := fmt.Sprintf("what holds bed%d together", i)
		keys := Keys(q)
		keys[7] = 0xabcdef0123456789
		if err := m.Add(t.Context(), fmt.Sprint(i), q, keys); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		q := fmt.Sprintf("what holds bed%d together", i)
		found, err := m.Candidates(t.Context(), Keys(q)[:1])
		if err != nil || len(found) != 1 || found[0] != (Candidate{fmt.Sprint(i), q}) {
			t.Fatalf("Candidates of question %d = %v, %v; want itself", i, found, err)
		}
	}
	found, err := m.Candidates(t.Context(), []uint64{0xabcdef0123456789})
	if err != nil || len(found) != crowded || found[0].ID != fmt.Sprint(n-crowded) {
		t.Errorf("Candidates under a key that all share = %d from %v, %v; want the newest %d", len(found), found[0], err, crowded)
	}
	if err := m.Add(t.Context(), "short", "why", []uint64{1}); err == nil {
		t.Error("Add takes a question with one key")
	}
}
