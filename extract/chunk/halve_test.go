package chunk_test

import (
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/chunk"
)

// whole is the one passage of a document.
func whole(t *testing.T, blocks ...extract.Block) extract.Passage {
	t.Helper()
	var w extract.Builder
	w.Add("", extract.Block{Kind: extract.Paragraph, Text: "Ünrelated."})
	for _, b := range blocks {
		w.Add("\n\n", b)
	}
	doc := w.Done()
	return extract.Passage{
		Text: doc.Text[strings.Index(doc.Text, blocks[0].Text):], Doc: doc, First: 1, Last: len(doc.Blocks),
		Locator: extract.Locator{Start: doc.Blocks[1].Start, End: doc.Blocks[len(doc.Blocks)-1].End},
	}
}

func TestHalve(t *testing.T) {
	paragraph := func(s string) extract.Block {
		return extract.Block{Kind: extract.Paragraph, Text: strings.TrimSpace(s)}
	}
	sentence := "Thé stone cools slowly in the deep. "
	for _, tc := range []struct {
		name  string
		of    []extract.Block
		first string // the end of the first half
		next  string // the beginning of the second
	}{
		{"between blocks", []extract.Block{paragraph("One is here."), paragraph("Two is here."), paragraph("Three is here."), paragraph("Four is here.")}, "Two is here.", "Three is here."},
		{"not behind a heading", []extract.Block{paragraph(strings.Repeat(sentence, 2) + "End."), {Kind: extract.Heading, Level: 2, Title: "Middle", Text: "## Middle"}, paragraph(strings.Repeat(sentence, 2))}, "End.", "## Middle"},
		{"between sentences", []extract.Block{paragraph(strings.Repeat(sentence, 3) + "Here is the middle, Dr. Stone. " + strings.Repeat(sentence, 3))}, "the deep.", "Here is"},
		{"between lines of code", []extract.Block{{Kind: extract.Code, Text: "a := one()\nb := two()\nc := three()\nd := four()"}}, "b := two()", "c := three()"},
		{"between words", []extract.Block{paragraph(strings.Repeat("word ", 50) + "end")}, "word", "word"},
		{"between characters", []extract.Block{paragraph(strings.Repeat("é", 41))}, "é", "é"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := whole(t, tc.of...)
			a, b, ok := chunk.Halve(p)
			if !ok {
				t.Fatalf("Halve(%q) gives no halves", p.Text)
			}
			if !strings.HasSuffix(a.Text, tc.first) || !strings.HasPrefix(b.Text, tc.next) {
				t.Errorf("Halve cuts …%q | %q…, want …%q | %q…", last(a.Text, 20), b.Text[:min(20, len(b.Text))], tc.first, tc.next)
			}
			for _, half := range []extract.Passage{a, b} {
				if got := p.Doc.Slice(half.Start, half.End); got != half.Text {
					t.Errorf("the text from %d to %d is %q, want %q", half.Start, half.End, got, half.Text)
				}
				if n := len(half.Text); n < len(p.Text)/8 {
					t.Errorf("a half has %d of %d bytes", n, len(p.Text))
				}
				for _, blk := range half.Blocks() {
					if blk.End <= half.Start || blk.Start >= half.End {
						t.Errorf("the block at %d–%d is none of the half at %d–%d", blk.Start, blk.End, half.Start, half.End)
					}
				}
			}
			if gap := strings.TrimSpace(p.Doc.Slice(a.End, b.Start)); gap != "" || a.Start != p.Start || b.End != p.End {
				t.Errorf("halves at %d–%d and %d–%d of %d–%d leave out %q", a.Start, a.End, b.Start, b.End, p.Start, p.End, gap)
			}
		})
	}
	if _, _, ok := chunk.Halve(whole(t, paragraph("é"))); ok {
		t.Error("Halve cuts a single character")
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }
