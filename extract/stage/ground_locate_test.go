package stage

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"seedbed/extract"
)

// A quote is found wherever it stands in a long document, and across the
// places where the search goes on.
func TestLocate(t *testing.T) {
	var w extract.Builder
	filler := strings.Repeat("Nothing is said here of größe and weight. ", 400)
	for i := range 150 { // some 2.5 MB
		w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: fmt.Sprintf("%s The heron number %d waits at the water’s edge for what swims by. %s", filler[:i*7%len(filler)/2], i, filler), Locator: extract.Locator{Page: i + 1}})
	}
	doc := w.Done()
	for _, tt := range []struct {
		quote, match, closest string
		page                  int
	}{
		{"The heron number 3 waits", extract.MatchExact, "", 4},
		{"The heron number 149 waits at the water's edge", extract.MatchNormalized, "", 150},
		{" heron number 77 waits at the water's side for what swims by", extract.MatchRepaired, "", 78},
		{"A heron that is hungry waits at the water's edge and for what swims away", "", "waits at the water’s edge for what swims", 0},
		{"Penguins like it cold", "", "", 0},
		{" . ", "", "", 0},
	} {
		e, closest := Locate(doc, tt.quote)
		if e.Match != tt.match || e.Page != tt.page || !strings.Contains(closest, tt.closest) || tt.closest == "" && closest != "" {
			t.Errorf("Locate(%q) gives %q, %q on page %d, closest %q; want %q on page %d, closest %q", tt.quote, e.Quote, e.Match, e.Page, closest, tt.match, tt.page, tt.closest)
		}
		if e.Match != "" && doc.Slice(e.Start, e.End) != e.Quote {
			t.Errorf("Locate(%q) gives %q at %d to %d; the document has %q there", tt.quote, e.Quote, e.Start, e.End, doc.Slice(e.Start, e.End))
		}
	}
	// At every cut the words on both sides of it.
	at := 0
	for range 2 {
		at += windowBytes
		from := at - 40
		for !utf8.RuneStart(doc.Text[from]) {
			from++
		}
		to := at + 40
		for !utf8.RuneStart(doc.Text[to]) {
			to++
		}
		quote := doc.Text[from:to]
		if e, _ := Locate(doc, strings.ReplaceAll(quote, " ", "  ")); e.Match != extract.MatchNormalized || strings.TrimSpace(quote) != e.Quote {
			t.Errorf("Locate(%q) gives %q, %q", quote, e.Quote, e.Match)
		}
		at -= overlap
	}
}
