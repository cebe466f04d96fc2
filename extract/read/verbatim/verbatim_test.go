package verbatim_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/verbatim"
)

func Example() {
	w := verbatim.New("Title\n\n  words\n\nrest\n", extract.Other)
	w.Add(0, 6, extract.Block{Kind: extract.Heading, Level: 1, Title: "Title"})
	w.Add(6, 15, extract.Block{Kind: extract.Paragraph})
	for _, b := range w.Done().Blocks {
		fmt.Printf("%s %d–%d lines %v %q\n", b.Kind, b.Start, b.End, b.Lines, b.Text)
	}
	// Output:
	// heading 0–5 lines [1 1] "Title"
	// paragraph 7–14 lines [3 3] "  words"
	// other 16–20 lines [5 5] "rest"
}

// However stretches are claimed, in whatever order, the blocks cover the text.
func TestNothingLost(t *testing.T) {
	pieces := []string{"a", "é", "日本", " ", "\n", "\n\n", "\t", "\u3000", "words"}
	for seed := range 5000 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		var s strings.Builder
		for range r.IntN(30) {
			s.WriteString(pieces[r.IntN(len(pieces))])
		}
		src := s.String()
		var cuts []int // at character boundaries
		for i := range src {
			cuts = append(cuts, i)
		}
		cuts = append(cuts, len(src))
		w := verbatim.New(src, extract.Other)
		for range r.IntN(8) {
			w.Add(cuts[r.IntN(len(cuts))], cuts[r.IntN(len(cuts))], extract.Block{Kind: extract.Paragraph})
		}
		d := w.Done()
		if err := d.Check(); err != nil {
			t.Fatalf("%q: %v", src, err)
		}
		readtest.Same(t, src, readtest.Blocks(d))
	}
}
