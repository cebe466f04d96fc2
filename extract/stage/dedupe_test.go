package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
)

func ExampleDedupe() {
	seeds := []extract.Seed{
		{ID: "1", Question: "What is the boiling point of water at sea level?"},
		{ID: "2", Question: "What is the boiling-point of water at sea level"},
		{ID: "3", Question: "Compute 3 + 4."},
		{ID: "4", Question: "Compute 3 + 5."},
	}
	seeds, err := new(Dedupe).Do(context.Background(), extract.Passage{}, seeds)
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range seeds {
		fmt.Println(strings.TrimSpace(s.ID + " " + s.Checks[0].Verdict + " " + s.VerdictReason))
	}
	// Output:
	// 1 pass
	// 2 fail dedupe: duplicate of 1: “What is the boiling point of water at sea level?”
	// 3 pass
	// 4 pass
}

func TestDuplicates(t *testing.T) {
	long := "why does the water in a closed kettle on the stove of a mountain hut boil sooner than it does at home"
	const list = "Let them be these relations on the whole numbers: one where the sum is odd, one where the sum is positive, one where the product is."
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"What is a stone?", "What is a stone?", true},
		{"What is a stone?", "what is a  STONE", true},
		{"What is a stone?", "“What is a stone?”", true},
		{"What is the “ﬁnal” well-known rule?", "What is the \"final\" well known rule?", true},
		{"WHAT IS A STONE?", "What is a stone?", true},
		{"Why?", "Why?", true},
		{"Why?", "How?", false},
		{"Why not?", "Why?", false},
		{long, long + " of yours", true},
		{long, strings.Replace(long, "stove", "oven", 1), true},
		{long, strings.Replace(long, "sooner", "not sooner", 1), false},
		{long, strings.Replace(long, "mountain", "Swiss", 1), false},
		{long + " 3", long + " 4", false},
		{"In " + long, "In " + long + "?", true},
		{"What is a stone?", "What is a rock?", false},
		{"Why does Go not have assertions?", "Why does Go not have exceptions?", false},
		{"What is the melting point of iron?", "What is the melting point of zinc?", false},
		{"What is the melting point of crystal?", "What is the melting point of crystals?", true},
		{"What is the melting point of the ice in the far north?", "What was the melting point of the ice in the far north?", true},
		{"Compute 3+4", "Compute 3+5", false},
		{"Compute 3+4", "Compute 3-4", false},
		{"Compute 3-4", "Compute 4-3", false},
		{"Compute 3 − 4.", "Compute 3-4", true},
		{"Compute x·y", "Compute x+y", false},
		{"Solve x^2 = 4 for x over the whole of the real numbers and explain every step of it.", "Solve x^3 = 4 for x over the whole of the real numbers and explain every step of it.", false},
		{"What does the method Stack.Push do with the item that it is given by the caller of it?", "What does the method Stack.Pop do with the item that it is given by the caller of it?", false},
		{"What does max_size mean?", "What does min_size mean?", false},
		{"What is C?", "What is C++?", false},
		{"What is C#?", "What is C++?", false},
		{"What is TCP?", "What is UDP?", false},
		{"What is a **tree**?", "What is a tree?", true},
		{"What is 2 * 3?", "What is 2 / 3?", false},
		{"水は何度で沸騰しますか", "水は何度で沸騰しますか?", true},
		{"水は何度で沸騰しますか", "鉄は何度で融解しますか", false},
		{"Как называется столица?", "как называется столица", true},
		// What asks is another word, before the same list.
		{"Which of the relations are symmetric? " + list, "Which of the relations are reflexive? " + list, false},
		{"Which functions are injective (i.e., one-to-one)? " + list, "Which functions are surjective (i.e., onto)? " + list, false},
		{"Which of the relations are symmetric? " + list, "What of those relations are symmetrical? " + list, true},
		{list + " Are they symmetric?", list + " Are they reflexive?", false},
		{list + " Explain your answer.", list + " Justify your answer.", true},
		{"Prove the following theorem: " + long + " if and only if the kettle is full", "Prove the following theorem: " + long + " if and only if the kettle is empty", false},
		{"Prove that " + long, "Prove that " + long + " indeed", true},
	} {
		for _, q := range [][2]string{{tc.a, tc.b}, {tc.b, tc.a}} {
			seeds := []extract.Seed{{ID: "1", Question: q[0]}, {ID: "2", Question: q[1]}}
			seeds, err := new(Dedupe).Do(t.Context(), extract.Passage{}, seeds)
			if err != nil {
				t.Fatal(err)
			}
			if same := seeds[1].DuplicateOf != nil; same != tc.same || seeds[1].Live() == same {
				t.Errorf("%q after %q: duplicate %v (similarity %.2f), want %v", q[1], q[0], same, Similarity(q[0], q[1]), tc.same)
			}
		}
	}
}

func TestDedupeAgain(t *testing.T) {
	near := NewMemory()
	d := &Dedupe{Near: near}
	do := func(seeds ...extract.Seed) []extract.Seed {
		seeds, err := d.Do(t.Context(), extract.Passage{}, seeds)
		if err != nil {
			t.Fatal(err)
		}
		return seeds
	}
	do(extract.Seed{ID: "1", Question: "What is a stone?"})
	// The passage is done again: its seeds are no duplicates of themselves.
	if s := do(extract.Seed{ID: "1", Question: "What is a stone?"})[0]; !s.Live() {
		t.Errorf("a seed duplicates itself: %s", s.VerdictReason)
	}
	if n := near.Len(); n != 1 {
		t.Errorf("%d questions kept, want 1", n)
	}
	s := do(extract.Seed{ID: "2", Question: "What is a stone?"}, extract.Seed{ID: "3", Question: "?"}, extract.Seed{ID: "4", Question: "What is a rejected stone?", Verdict: extract.Rejected})
	if s[0].DuplicateOf == nil || *s[0].DuplicateOf != "1" {
		t.Errorf("seed 2 = %+v, want a duplicate of 1", s[0])
	}
	if !s[1].Live() || s[1].Checks[0].Verdict != extract.Skipped {
		t.Errorf("a question without words = %+v, want it left alone", s[1])
	}
	if s[2].Checks != nil {
		t.Errorf("a rejected seed was checked: %v", s[2].Checks)
	}
	if s := do(extract.Seed{ID: "5", Question: "What is a rejected stone?"})[0]; !s.Live() {
		t.Errorf("a rejected seed stands in the way: %s", s.VerdictReason)
	}
}

// Keys are stored: where they change, the store needs a migration.
func TestKeysStay(t *testing.T) {
	for _, tt := range []struct {
		question string
		want     []uint64
	}{
		{"What is the boiling point of water at 3,000 m?", []uint64{
			11980763202786749433, 14373547962118006518, 12979199004080391347, 5439560991051807938,
			371939000756085144, 5989719686112359545, 1225193292719966564, 4051540952548005835,
		}},
		{"Warum schwimmt Eis auf dem Wasser eines Teichs?", []uint64{
			9541227718806718899, 7150817564989109539, 10239030373807521491, 9585419205042233071, 10660588607947425442, 6359144825392856884,
		}},
		{"What is ice?", []uint64{7243080838317753598}},
		{" …?", nil},
	} {
		if d := cmp.Diff(tt.want, Keys(tt.question)); d != "" {
			t.Errorf("Keys of %q (-want +got):\n%s", tt.question, d)
		}
	}
}

func BenchmarkDedupe(b *testing.B) {
	const n = 2000
	questions := make([]extract.Seed, n)
	for i := range questions {
		questions[i] = extract.Seed{ID: fmt.Sprint(i), Question: fmt.Sprintf("Why does the %s stone of layer %d cool more slowly than those in the layer above it?", strings.Repeat("very ", i%4), i/8)}
	}
	for b.Loop() {
		d := new(Dedupe)
		for i := range questions {
			seed := questions[i]
			if _, err := d.Do(b.Context(), extract.Passage{}, []extract.Seed{seed}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/seed")
}

// The better of two is kept, wherever it stands in its passage.
func TestBestOfPassage(t *testing.T) {
	const question = "Why does ice float on the water of a pond?"
	checked := func(origin string, verdicts ...string) extract.Seed {
		s := extract.Seed{Question: question, Origin: origin}
		for i, v := range verdicts {
			s.Record(extract.Check{Name: fmt.Sprint(i), Verdict: v})
		}
		return s
	}
	for _, tc := range []struct {
		name string
		a, b extract.Seed
		want string // the better, "" for neither
	}{
		{"alike", checked(extract.Derived, extract.Pass), checked(extract.Derived, extract.Pass), ""},
		{"more checks", checked(extract.Derived, extract.Pass), checked(extract.Derived, extract.Pass, extract.Pass), "b"},
		{"a doubt", checked(extract.Derived, extract.Pass, extract.Uncertain), checked(extract.Derived, extract.Pass), "b"},
		{"nothing found out", checked(extract.Derived, extract.Pass, extract.Skipped), checked(extract.Derived, extract.Pass), ""},
		{"the text's own words", checked(extract.Derived, extract.Pass, extract.Pass), checked(extract.Explicit, extract.Pass), "b"},
		{"both the text's own", checked(extract.Explicit, extract.Pass, extract.Pass), checked(extract.Explicit, extract.Pass), "a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.a.ID, tc.b.ID = "a", "b"
			for _, seeds := range [][]extract.Seed{{tc.a, tc.b}, {tc.b, tc.a}} {
				kept := tc.want
				if kept == "" {
					kept = seeds[0].ID // the first
				}
				got, err := new(Dedupe).Do(t.Context(), extract.Passage{}, slices.Clone(seeds))
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range got {
					if s.Live() != (s.ID == kept) {
						t.Errorf("of %s and %s, %s ends as %q (%s); want %s kept", seeds[0].ID, seeds[1].ID, s.ID, s.Verdict, s.VerdictReason, kept)
					}
				}
				if got[0].ID != seeds[0].ID {
					t.Error("the seeds come in another order")
				}
			}
		})
	}
}

// Of two passages the first keeps its seed: it was handed on.
func TestFirstPassageKeeps(t *testing.T) {
	d := new(Dedupe)
	first := extract.Seed{ID: "1", Question: "Why does ice float?", Origin: extract.Derived}
	better := extract.Seed{ID: "2", Question: "Why does ice float?", Origin: extract.Explicit}
	for i, s := range []extract.Seed{first, better} {
		got, err := d.Do(t.Context(), extract.Passage{}, []extract.Seed{s})
		if err != nil || got[0].Live() != (i == 0) {
			t.Errorf("seed %s of passage %d: %q, %v", s.ID, i+1, got[0].VerdictReason, err)
		}
	}
}
