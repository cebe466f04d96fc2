package chunk

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/sentences"

	"seedbed/extract"
	"seedbed/extract/tokens"
)

// pieces cuts one block into pieces of at most room tokens. Functions that
// code without symbols seems to have are left whole up to the ceiling.
func (c *cutter) pieces(block part, room int) []part {
	b := &c.doc.Blocks[block.first]
	line, wraps := b.Lines[0], 1
	if strings.Count(b.Text, "\n") != b.Lines[1]-b.Lines[0] {
		wraps = 0 // the text is not the file's lines: all we know is the block's
	}
	var out []part
	at := block
	at.to, at.end = at.from, at.start
	// White space counts with what follows it, as the vocabulary has it, and at
	// the end of the block with the last piece.
	counted, blank := at.from, 0
	size := func(s string) int {
		end := at.to + len(strings.TrimRightFunc(s, unicode.IsSpace))
		if at.to+len(s) == block.to {
			end = c.from[block.last]
		} else if end == at.to {
			end += len(s)
		}
		return c.count(counted, end)
	}
	emit := func(s string, n int) {
		text := strings.TrimSpace(s)
		lead := strings.Index(s, text)
		p := block
		p.tokens = n
		p.from = at.to + lead
		p.to = p.from + len(text)
		p.start = at.end + utf8.RuneCountInString(s[:lead])
		p.end = p.start + utf8.RuneCountInString(text)
		if wraps == 1 && line > 0 {
			p.lines[0] = line + strings.Count(s[:lead], "\n")
			p.lines[1] = p.lines[0] + strings.Count(text, "\n")
			line = p.lines[1] + strings.Count(s[lead+len(text):], "\n")
		}
		at.to += len(s)
		at.end = p.end + utf8.RuneCountInString(s[lead+len(text):])
		if text == "" {
			counted, blank = at.to, blank+n
			return
		}
		p.tokens += blank
		counted, blank = p.to, 0
		out = append(out, p)
	}
	fit := func(s string) {
		if n := size(s); n <= room {
			emit(s, n)
		} else {
			cutWords(s, room, func(s string) { emit(s, size(s)) })
		}
	}
	switch b.Kind {
	case extract.Code:
		cutCode(b.Text, func(s string) {
			if n := size(s); n <= room || n <= ceiling*c.Max {
				emit(s, n)
			} else {
				cutLines(s, fit)
			}
		})
	case extract.Table, extract.Formula:
		cutLines(b.Text, fit)
	default:
		cutSentences(b.Text, fit)
	}
	if n := len(out); n > 0 {
		out[n-1].tokens += blank
	}
	return out
}

// Each cut function hands consecutive pieces of s to emit that are, one after
// the other, all of s.

// cutLines cuts after each line.
func cutLines(s string, emit func(string)) {
	for s != "" {
		n := strings.IndexByte(s, '\n') + 1
		if n == 0 {
			n = len(s)
		}
		emit(s[:n])
		s = s[n:]
	}
}

// cutCode cuts before each line that follows an empty one and begins at the
// margin with something other than a closing bracket: where functions begin
// in most languages.
func cutCode(s string, emit func(string)) {
	from, at, empty := 0, 0, false
	cutLines(s, func(line string) {
		if strings.TrimSpace(line) == "" {
			empty = true
		} else {
			if empty && at > from && !strings.ContainsAny(line[:1], " \t)]}") {
				emit(s[from:at])
				from = at
			}
			empty = false
		}
		at += len(line)
	})
	emit(s[from:])
}

// How much text is looked at for sentences at once, in bytes, and the longest
// run of neither letters nor digits in it. A hostile text cannot make the
// search look ahead farther than that, again and again.
const (
	window  = 8 << 10
	longRun = 100
)

// cutSentences cuts between sentences. A line break inside the text is no
// end of a sentence.
func cutSentences(s string, emit func(string)) {
	cutBytes(s, window, func(s string) {
		if hasLongRun(s) {
			cutBytes(s, longRun, emit)
			return
		}
		flat := strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, s)
		from := 0
		for it := sentences.FromString(flat); it.Next(); {
			if end := it.End(); end == len(s) || !abbreviated(flat[from:end]) {
				emit(s[from:end])
				from = end
			}
		}
	})
}

// overlap lets a part begin with the last sentences of the one before it, as
// many as are asked for and fit, never all of it. They come from a paragraph
// of the same section.
func (c *cutter) overlap(before, p part) part {
	last := before.last - 1
	b := &c.doc.Blocks[last]
	if b.Skip != "" || b.Kind != extract.Paragraph || c.under[p.first] != c.under[last] || c.doc.Blocks[p.first].Kind == extract.Heading {
		return p
	}
	from := max(before.from+1, c.from[last])
	text := c.doc.Text[from:before.to]
	if len(text) > window/2 {
		n := len(text) - window/2
		for !utf8.RuneStart(text[n]) {
			n++
		}
		from, text = from+n, text[n:]
	}
	whole := from == c.from[last]
	var starts []int
	at := 0
	cutSentences(text, func(s string) {
		if whole || at > 0 { // else it may begin within a sentence
			starts = append(starts, at)
		}
		at += len(s)
	})
	room := min(c.Overlap, c.Max-p.tokens)
	best := len(text)
	for _, i := range slices.Backward(starts) {
		if tokens.Count(text[i:]) > room {
			break
		}
		best = i
	}
	if best == len(text) {
		return p
	}
	p.tokens += tokens.Count(text[best:])
	p.first = last
	p.from = from + best
	p.start = before.end - utf8.RuneCountInString(text[best:])
	if before.lines[1] > 0 {
		p.lines[0] = before.lines[1] - strings.Count(text[best:], "\n")
	}
	return p
}

func hasLongRun(s string) bool {
	run := 0
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			run = 0
		} else if run++; run > longRun {
			return true
		}
	}
	return false
}

// abbreviated reports whether s ends in an abbreviation or in an initial.
func abbreviated(s string) bool {
	s, ok := strings.CutSuffix(strings.TrimRight(s, " "), ".")
	if !ok {
		return false
	}
	word := strings.TrimLeft(s[strings.LastIndexAny(s, " (")+1:], "\"'“‘[")
	if utf8.RuneCountInString(word) == 1 && strings.ToUpper(word) == word {
		return true
	}
	return abbreviations[strings.ToLower(word)]
}

var abbreviations = func() map[string]bool {
	m := map[string]bool{}
	for _, word := range strings.Fields(`
		dr mr mrs ms prof st rev gen col capt lt sgt jr sr
		e.g i.e cf vs viz al et approx ca resp incl excl
		fig figs eq eqs sec secs ch chap no nos vol vols p pp ed eds ref refs thm lem prop def cor ex
		jan feb mar apr jun jul aug sep sept oct nov dec
		bzw z.b d.h u.a usw abb kap nr bd s.o vgl
		p.ex m mme chap éd`) {
		m[word] = true
	}
	return m
}()

// cutWords cuts at white space, and between characters in words that are
// longer than fit, into pieces of at most room tokens.
func cutWords(s string, room int, emit func(string)) {
	// No text is more than five tokens in four bytes.
	cutBytes(s, max(room*3/4, utf8.UTFMax), emit)
}

// cutBytes cuts s into pieces of at most limit bytes: after the last white
// space in reach, else between two characters as people see them, else, in a
// letter with a thousand accents, between code points.
func cutBytes(s string, limit int, emit func(string)) {
	for len(s) > limit {
		n := limit
		for !utf8.RuneStart(s[n]) {
			n--
		}
		if i := strings.LastIndexFunc(s[:n], unicode.IsSpace); i > 0 {
			_, w := utf8.DecodeRuneInString(s[i:])
			n = i + w
		} else {
			n = lastCharacter(s, n)
		}
		emit(s[:n])
		s = s[n:]
	}
	emit(s)
}

// lastCharacter is the last boundary between characters in s up to n.
func lastCharacter(s string, n int) int {
	best := 0
	for it := graphemes.FromString(s[:min(len(s), n+64)]); it.Next() && it.End() <= n; {
		best = it.End()
	}
	if best == 0 {
		return n
	}
	return best
}
