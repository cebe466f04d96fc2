package chunk

import (
	"strings"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/tokens"
)

// Halve cuts a passage in two of about equal length, for a model that has no
// room for all of it: between two blocks where there is a place in the middle
// half, else between sentences or lines, between words, or characters. The
// halves stand where they say in the same document. Of a passage of one
// character there are no halves.
func Halve(p extract.Passage) (first, second extract.Passage, ok bool) {
	at := middle(p)
	before, after := strings.TrimSpace(p.Text[:at]), strings.TrimSpace(p.Text[at:])
	if before == "" || after == "" {
		return p, p, false
	}
	lead := strings.Index(p.Text, before)
	rest := at + strings.Index(p.Text[at:], after)
	return within(p, lead, lead+len(before)), within(p, rest, rest+len(after)), true
}

// middle is the byte of p's text at which to cut it.
func middle(p extract.Passage) int {
	mid := len(p.Text) / 2
	best := -1
	offer := func(at int, least int) {
		if at >= least && at <= len(p.Text)-least && (best < 0 || distance(at, mid) < distance(best, mid)) {
			best = at
		}
	}
	blocks, starts := p.Blocks(), blockStarts(p)
	for i, at := range starts {
		if i > 0 && blocks[i-1].Kind != extract.Heading { // a heading stays with what it stands above
			offer(at, max(1, len(p.Text)/4))
		}
	}
	if best >= 0 {
		return best
	}
	// Within the block that holds the middle.
	from, to, kind := 0, len(p.Text), extract.Paragraph
	for i, at := range starts {
		if at <= mid {
			from, kind = at, blocks[i].Kind
		} else {
			to = at
			break
		}
	}
	at := from
	piece := func(s string) {
		at += len(s)
		offer(at, max(1, len(p.Text)/8))
	}
	switch kind {
	case extract.Code, extract.Table, extract.Formula:
		cutLines(p.Text[from:to], piece)
	default:
		cutSentences(p.Text[from:to], piece)
	}
	if best >= 0 {
		return best
	}
	at = 0
	cutBytes(p.Text, max(mid, utf8.UTFMax), piece)
	return max(best, 0)
}

func distance(a, b int) int { return max(a-b, b-a) }

// blockStarts are the bytes of a passage's text where its blocks begin, 0 for
// one that begins before it.
func blockStarts(p extract.Passage) []int {
	var out []int
	at, runes := 0, p.Start
	for _, b := range p.Blocks() {
		for runes < b.Start && at < len(p.Text) {
			_, w := utf8.DecodeRuneInString(p.Text[at:])
			at += w
			runes++
		}
		out = append(out, at)
	}
	return out
}

// within is the part of a passage between two bytes of its text.
func within(p extract.Passage, from, to int) extract.Passage {
	out := p
	out.Text = p.Text[from:to]
	out.Tokens = tokens.Count(out.Text)
	out.Start = p.Start + utf8.RuneCountInString(p.Text[:from])
	out.End = out.Start + utf8.RuneCountInString(out.Text)
	if p.Lines[0] > 0 && p.Lines[1]-p.Lines[0] == strings.Count(p.Text, "\n") {
		out.Lines[0] = p.Lines[0] + strings.Count(p.Text[:from], "\n")
		out.Lines[1] = out.Lines[0] + strings.Count(out.Text, "\n")
	}
	for i, b := range p.Blocks() {
		if b.End <= out.Start {
			out.First = p.First + i + 1
		}
		if b.Start < out.End {
			out.Last = p.First + i + 1
		}
	}
	if b := out.Blocks(); len(b) > 0 && out.First > p.First {
		out.File, out.Page, out.Label = b[0].File, b[0].Page, b[0].Label
	}
	out.ID = extract.PassageID(out.Path, out.Text)
	return out
}
