package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A writer writes prose in which words are as frequent as in real one, so that
// its sentences are alike as seldom as those of real books.
type writer struct {
	*rand.Rand
	zipf  *rand.Zipf
	nouns []string // the most frequent first
}

func newWriter(seed uint64) writer {
	random := rand.New(rand.NewPCG(1, 0)) // the same words for all
	starts := strings.Fields("b br c ch cl d dr f fl g gr h l m n p pl pr qu r s sh st t tr v w")
	middles := strings.Fields("a e i o u ai ea ou oo")
	ends := strings.Fields("n r s l t m nd rk st ll x ng")
	w := writer{nouns: make([]string, 0, 20_000)}
	for known := map[string]bool{}; len(w.nouns) < cap(w.nouns); {
		noun := ""
		for range 1 + random.IntN(3) {
			noun += starts[random.IntN(len(starts))] + middles[random.IntN(len(middles))]
		}
		if noun += ends[random.IntN(len(ends))]; !known[noun] {
			known[noun] = true
			w.nouns = append(w.nouns, noun)
		}
	}
	w.Rand = rand.New(rand.NewPCG(2, seed))
	w.zipf = rand.NewZipf(w.Rand, 1.1, 20, uint64(len(w.nouns)-1))
	return w
}

func (w writer) of(list []string) string { return list[w.IntN(len(list))] }
func (w writer) noun() string            { return w.nouns[w.zipf.Uint64()] }

var (
	adjectives = strings.Fields("small early bright heavy common northern hidden hollow ancient rapid dry narrow public uneven gentle pale costly upper")
	verbs      = strings.Fields("holds makes gives takes carries follows changes limits explains precedes replaces joins surrounds feeds supports")
	ways       = []string{"in most cases", "after the second year", "near the coast", "without further care", "at low pressure", "under the same law", "for several hours"}
	links      = []string{"because", "although", "whenever", "so that", "while"}
)

// thing is a noun with what it needs.
func (w writer) thing() string {
	s := "the "
	if w.IntN(2) == 0 {
		s += w.of(adjectives) + " "
	}
	if s += w.noun(); w.IntN(3) == 0 {
		s += " of the " + w.noun()
	}
	return s
}

func (w writer) sentence() string {
	s := w.thing() + " " + w.of(verbs) + " " + w.thing()
	if w.IntN(2) == 0 {
		s += " " + w.of(ways)
	}
	if w.IntN(2) == 0 {
		s += " " + w.of(links) + " " + w.thing() + " " + w.of(verbs) + " " + w.thing()
	}
	if w.IntN(4) == 0 {
		s += fmt.Sprintf(" and takes %d hours", 2+w.IntN(900))
	}
	return strings.ToUpper(s[:1]) + s[1:] + ". "
}

// shelf is n passages, each a section of its own, in books of at most 500.
func shelf(n int) []string {
	const thick = 500
	var books []string
	for ; n > 0; n -= thick {
		w := newWriter(uint64(len(books)))
		var b strings.Builder
		fmt.Fprintf(&b, "# A book of the %s\n\n", w.noun())
		for i := range min(n, thick) {
			fmt.Fprintf(&b, "## %d. The %s and the %s\n\n", i+1, w.noun(), w.noun())
			for range 4 {
				for range 6 + w.IntN(4) { // 600 to 1,000 tokens in all: neither joined nor cut
					b.WriteString(w.sentence())
				}
				b.WriteString("\n\n")
			}
		}
		books = append(books, b.String())
	}
	return books
}
