package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWordsOf(t *testing.T) {
	for in, want := range map[string][]string{
		"":                      nil,
		"What's a Tree?":        {"what", "s", "a", "tree"},
		"x2 + 10 = ÉTÉ":         {"x2", "10", "été"},
		"什么是树 tree":             {"什", "么", "是", "树", "tree"},
		"मेरा नाम":              {"मेरा", "नाम"},
		"\x00\xff bad \u200b a": {"bad", "a"},
	} {
		if diff := cmp.Diff(want, slices.Collect(wordsOf(in))); diff != "" {
			t.Errorf("wordsOf(%q), −want +got:\n%s", in, diff)
		}
	}
}

func TestNumbersIn(t *testing.T) {
	for in, want := range map[string][]string{
		"":                           nil,
		"no digits, none.":           nil,
		"7 of 12 in 1984.":           {"7", "12", "1984"},
		"about 3.14, or 2.50 or 6.0": {"3.14", "2.5", "6"},
		"1,024 and 1,234,567.80":     {"1024", "1234567.8"},
		"the list 1,2,3":             {"1", "2", "3"},
		"0,125 is not thousands":     {"0", "125"},
		"1,02 neither":               {"1", "02"},
		"version 2.1.3":              {"2.1.3"},
		"x2, sha_256, H2O, but 10ms": {"10"},
		"(n−1)2 5% −3 .5":            {"1", "2", "5", "3", "5"},
	} {
		if diff := cmp.Diff(want, slices.Collect(numbersIn(in))); diff != "" {
			t.Errorf("numbersIn(%q), −want +got:\n%s", in, diff)
		}
	}
}

func TestGini(t *testing.T) {
	tests := []struct {
		name string
		in   []portion
		want float64 // −1 is none
	}{
		{"nothing", nil, -1},
		{"no seeds", []portion{{0, 1}, {0, 1}}, -1},
		{"no weight", []portion{{3, 0}}, -1},
		{"one section", []portion{{3, 1}}, 0},
		{"the same in each", []portion{{2, 1}, {2, 1}, {2, 1}}, 0},
		{"all in one of four", []portion{{0, 1}, {8, 1}, {0, 1}, {0, 1}}, 0.75}, // 1 − 1/n
		{"1 and 3", []portion{{3, 1}, {1, 1}}, 0.25},                            // |1−3|·2 ÷ (2·2²·2)
		{"1, 2, 3", []portion{{2, 1}, {3, 1}, {1, 1}}, 2.0 / 9},                 // 8 ÷ (2·3²·2)
		{"as many as long", []portion{{1, 100}, {3, 300}}, 0},
		{"as many, but longer", []portion{{2, 100}, {2, 300}}, 0.25}, // Lorenz: (¾, ½)
	}
	for _, test := range tests {
		got := gini(test.in)
		switch {
		case got == nil && test.want >= 0 || got != nil && test.want < 0:
			t.Errorf("%s: gini = %v, want %v", test.name, got, test.want)
		case got != nil && math.Abs(*got-test.want) > 1e-12:
			t.Errorf("%s: gini = %v, want %v", test.name, *got, test.want)
		}
	}
}

// Over sections that count alike it is the mean difference of two sections
// over twice the mean.
func TestGiniIsTheMeanDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		in := make([]portion, 1+r.IntN(12))
		sum, difference := 0, 0
		for i := range in {
			in[i] = portion{r.IntN(6), 1}
			sum += in[i].seeds
		}
		for _, a := range in {
			for _, b := range in {
				difference += max(a.seeds-b.seeds, b.seeds-a.seeds)
			}
		}
		got := gini(slices.Clone(in))
		if sum == 0 {
			if got != nil {
				t.Errorf("gini(%v) = %v, want none", in, *got)
			}
			continue
		}
		want := float64(difference) / float64(2*len(in)*sum)
		if got == nil || math.Abs(*got-want) > 1e-9 {
			t.Errorf("gini(%v) = %v, want %v", in, got, want)
		}
	}
}

func TestEntropy(t *testing.T) {
	tests := []struct {
		in   Tally
		most int
		want Entropy
	}{
		{Tally{}, 10, Entropy{}},
		{Tally{"a": 5}, 10, Entropy{Bits: 0, Kinds: 1, Of: 5}},
		{Tally{"a": 4, "b": 4}, 4, Entropy{Bits: 1, Evenness: 0.5, Kinds: 2, Of: 8}},
		{Tally{"a": 2, "b": 1, "c": 1}, 0, Entropy{Bits: 1.5, Evenness: 0.75, Kinds: 3, Of: 4}},
		{Tally{"a": 1, "b": 1, "c": 1}, 2, Entropy{Bits: math.Log2(3), Evenness: 1, Kinds: 3, Of: 3}}, // more kinds than known
	}
	for _, test := range tests {
		got := entropy(test.in, test.most)
		if diff := cmp.Diff(test.want, got, closely); diff != "" {
			t.Errorf("entropy(%v, %d), −want +got:\n%s", test.in, test.most, diff)
		}
	}
}

var closely = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })

func TestDistinct2(t *testing.T) {
	tests := []struct {
		in   []string
		want Share
	}{
		{nil, Share{}},
		{[]string{"Why?", "How?"}, Share{}},
		{[]string{"What is a tree?"}, Share{3, 3}},
		{[]string{"What is a tree?", "What is a leaf?"}, Share{4, 6}}, // no pair across questions
		{[]string{"no no no no"}, Share{1, 3}},
	}
	for _, test := range tests {
		if got := distinct2(slices.Values(test.in)); got != test.want {
			t.Errorf("distinct2(%q) = %v, want %v", test.in, got, test.want)
		}
	}
}

func TestCompression(t *testing.T) {
	if got := compression(slices.Values[[]string](nil)); got != nil {
		t.Errorf("compression of nothing = %v, want none", *got)
	}
	same := compression(slices.Values(slices.Repeat([]string{"What is the capital of France?"}, 100)))
	// gzip of 100 such lines by another program: 3,100 bytes to 76.
	if *same < 35 || *same > 60 {
		t.Errorf("compression of 100 equal questions = %.1f, want about 41", *same)
	}
	r := rand.New(rand.NewPCG(5, 6))
	var noise []string
	for range 100 {
		var b strings.Builder
		for range 30 {
			b.WriteByte(byte(' ' + r.IntN(95)))
		}
		noise = append(noise, b.String())
	}
	if got := *compression(slices.Values(noise)); got > 1.25 {
		t.Errorf("compression of noise = %.2f, want hardly any", got)
	}
}

func TestBitset(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		n := 1 + r.IntN(400)
		set, want := newBitset(n), make([]bool, n)
		for range 3 {
			a, b := r.IntN(n+1), r.IntN(n+1)
			set.fill(a, b)
			for i := a; i < b; i++ {
				want[i] = true
			}
		}
		for i := range n {
			if set.has(i) != want[i] {
				t.Fatalf("of %d: has(%d) = %v, want %v", n, i, set.has(i), want[i])
			}
		}
	}
}

func TestPercent(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0.0 %", 1: "100.0 %", 0.5: "50.0 %", 0.99999: "> 99.9 %", 0.00001: "< 0.1 %",
	} {
		if got := percent(in); got != want {
			t.Errorf("percent(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestGroup(t *testing.T) {
	for in, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := group(in); got != want {
			t.Errorf("group(%d) = %q, want %q", in, got, want)
		}
	}
}
