package stage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Questions that are alike meet, however long they are and whichever of their
// words are others; and those that share nothing hardly ever.
func TestRecall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		if r.IntN(3) == 0 {
			return []string{"the", "of", "is", "in", "what", "a"}[r.IntN(6)]
		}
		return fmt.Sprintf("w%c%c%c%c", 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26))[:2+r.IntN(4)]
	}
	m := NewMemory()
	var changed []string
	for i := range 20_000 {
		var words []string
		for range 1 + r.IntN(40) {
			words = append(words, word())
		}
		q := strings.Join(words, " ")
		if err := m.Add(t.Context(), fmt.Sprint(i), q, Keys(q)); err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(4) {
			switch at := r.IntN(len(words)); r.IntN(3) {
			case 0:
				words[at] = word()
			case 1:
				words = slices.Insert(words, at, word())
			default:
				words = slices.Delete(words, at, min(at+1, len(words)-1))
			}
		}
		changed = append(changed, strings.Join(words, " "))
	}
	var all, met [2]int // from 0.6 and from 0.7 on
	strangers := 0
	for i, q := range changed {
		candidates, err := m.Candidates(t.Context(), Keys(q))
		if err != nil {
			t.Fatal(err)
		}
		found := slices.IndexFunc(candidates, func(c Candidate) bool { return c.ID == fmt.Sprint(i) })
		same := read(m.questions[i].Question).jaccard(read(q))
		for k, from := range []float64{alike, 0.7} {
			if same >= from {
				all[k]++
				met[k] += min(1, found+1)
			}
		}
		for _, c := range candidates {
			if read(c.Question).jaccard(read(q)) == 0 {
				strangers++
			}
		}
	}
	for k, least := range []float64{0.97, 0.995} {
		if recall := float64(met[k]) / float64(all[k]); recall < least || all[k] < 5000 {
			t.Errorf("%d of %d questions meet the one that they were made from, %.4f, want %v", met[k], all[k], recall, least)
		}
	}
	if strangers > len(changed)/1000 { // half of a key is kept, and that may be another's
		t.Errorf("%d questions met that share nothing", strangers)
	}
}

// What grew is still found, and a key that thousands share yields its newest.
func TestMemoryGrows(t *testing.T) {
	m := NewMemory()
	const n = memoryBlock / 2 // questions of more than two keys
	const shared = 0xabcdef0123456789
	for i := range n {
		q := fmt.Sprintf("what holds bed%d together", i)
		keys := Keys(q)
		keys = append(keys, shared)
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
	found, err := m.Candidates(t.Context(), []uint64{shared})
	if err != nil || len(found) != crowded || found[0].ID != fmt.Sprint(n-crowded) {
		t.Errorf("Candidates under a key that all share = %d from %v, %v; want the newest %d", len(found), found[0], err, crowded)
	}
}
