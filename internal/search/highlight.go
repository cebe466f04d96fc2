package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/internal/seedbed"
)

const (
	window    = 240     // runes shown around the first match
	lead      = 60      // of them before it
	maxScan   = 200_000 // bytes of a field that are looked through
	wholeText = 1_000   // runes up to which a question is shown whole
)

// highlight returns text with marks around what the clauses match, cut to
// about size runes around the first match, and whether there was one. Private
// use characters are taken out: they could pass for marks.
func highlight(text string, clauses []clause, size int) (string, bool) {
	text = clean(text)
	if len(text) > maxScan {
		text = strings.ToValidUTF8(text[:maxScan], "")
	}
	spans := matches(text, clauses)
	if len(spans) == 0 {
		return "", false
	}
	return show(text, spans, size, false, false), true
}

// show marks spans and cuts text to about size runes around the first. Text
// may be a part already, with more of it before or after.
func show(text string, spans []span, size int, before, after bool) string {
	from, to := around(text, spans[0].start, size)
	var b strings.Builder
	if from > 0 || before {
		b.WriteString("…")
	}
	at := from
	for _, s := range spans {
		s.end = min(s.end, to)
		if s.start >= s.end {
			break
		}
		b.WriteString(text[at:s.start])
		b.WriteString(seedbed.MarkStart)
		b.WriteString(text[s.start:s.end])
		b.WriteString(seedbed.MarkEnd)
		at = s.end
	}
	b.WriteString(text[at:to])
	if to < len(text) || after {
		b.WriteString("…")
	}
	return b.String()
}

// clean drops private use characters and mends what is not UTF-8.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Co, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// A span is a stretch of text, in bytes.
type span struct{ start, end int }

// matches are the stretches the clauses match, in order and apart.
func matches(text string, clauses []clause) []span {
	ts := terms(text)
	var spans []span
	for i := range ts {
		for _, c := range clauses {
			for _, p := range c.any {
				n := p.at(ts[i:])
				if n == 0 {
					continue
				}
				last := ts[i+n-1]
				end := last.end
				if p.prefix && last.pair && utf8.RuneCountInString(p.terms[n-1]) == 1 {
					_, size := utf8.DecodeRuneInString(text[last.start:])
					end = last.start + size // one character of the pair
				}
				spans = append(spans, span{ts[i].start, end})
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// around is the stretch of about size runes to show with a match at byte at.
func around(text string, at, size int) (from, to int) {
	if utf8.RuneCountInString(text) <= size {
		return 0, len(text)
	}
	from = at
	for n := 0; from > 0 && n < lead; n++ {
		_, w := utf8.DecodeLastRuneInString(text[:from])
		from -= w
	}
	to = from
	for n := 0; to < len(text) && n < size; n++ {
		_, w := utf8.DecodeRuneInString(text[to:])
		to += w
	}
	// Begin and end between words where there is a gap nearby.
	if from > 0 {
		if i := strings.IndexFunc(text[from:at], unicode.IsSpace); i >= 0 {
			from += i
			from += len(text[from:at]) - len(strings.TrimLeftFunc(text[from:at], unicode.IsSpace))
		}
	}
	if to < len(text) {
		if i := strings.LastIndexFunc(text[at:to], unicode.IsSpace); i > 0 && utf8.RuneCountInString(text[at+i:to]) < lead {
			to = at + i
		}
	}
	return from, to
}
