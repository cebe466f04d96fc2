package stage

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A normal is a text with what typesetting changes set aside, and the way
// back: byte i of text came from bytes from[i] to to[i] of source.
type normal struct {
	source   string
	text     []byte
	from, to []int32

	space   [2]int32 // white space not written yet: where it stands
	hasGap  bool
	noSpace bool // white space is dropped after a dash
	hyphens bool // those inside words are kept
}

// normalize makes s normal:
//   - compatibility forms and ligatures are written out and accents composed
//     (NFKC);
//   - white space is one space, and none at the ends or around dashes;
//   - quotation marks are ' or ", and two ' are one ";
//   - dashes, however many in a row, are one -;
//   - a hyphen between letters is dropped, with the line break after it, and
//     so are soft hyphens and characters without width.
func normalize(s string) *normal { return (&normal{source: s}).read() }

func (n *normal) read() *normal {
	s := n.source
	n.text, n.from, n.to = make([]byte, 0, len(s)), make([]int32, 0, len(s)), make([]int32, 0, len(s))
	for i := 0; i < len(s); {
		c := s[i]
		plain := c < utf8.RuneSelf && (i+1 == len(s) || s[i+1] < utf8.RuneSelf)
		switch {
		case plain && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'):
			n.put(c, i, i+1)
			i++
		case c < utf8.RuneSelf && isSpace(rune(c)):
			n.gap(i, i+1)
			i++
		case c == '-':
			i = n.dash(i)
		case c == '\'' || c == '`':
			n.quote(i, i+1)
			i++
		case plain:
			n.put(c, i, i+1)
			i++
		default:
			i = n.wide(i)
		}
	}
	return n
}

// put writes a byte that came from s[from:to].
func (n *normal) put(c byte, from, to int) {
	if n.hasGap && !n.noSpace && len(n.text) > 0 {
		n.text = append(n.text, ' ')
		n.from = append(n.from, n.space[0])
		n.to = append(n.to, n.space[1])
	}
	n.hasGap, n.noSpace = false, false
	n.text = append(n.text, c)
	n.from = append(n.from, int32(from))
	n.to = append(n.to, int32(to))
}

func (n *normal) gap(from, to int) {
	if !n.hasGap {
		n.space[0] = int32(from)
	}
	n.hasGap, n.space[1] = true, int32(to)
}

func (n *normal) quote(from, to int) {
	if last := len(n.text) - 1; last >= 0 && n.text[last] == '\'' && !n.hasGap {
		n.text[last], n.to[last] = '"', int32(to)
		return
	}
	n.put('\'', from, to)
}

// dash reads the dashes at i and returns where they end.
func (n *normal) dash(i int) int {
	first, _ := utf8.DecodeRuneInString(n.source[i:])
	end, count := i, 0
	for end < len(n.source) {
		r, w := utf8.DecodeRuneInString(n.source[end:])
		if !isDash(r) {
			break
		}
		end += w
		count++
	}
	if count == 1 && (first == '-' || first == '\u2010' || first == '\u2011') && n.afterLetter() {
		if next := afterBreak(n.source[end:]); next > 0 || next == 0 && !n.hyphens {
			return end + next
		}
	}
	n.hasGap = false
	n.put('-', i, end)
	n.noSpace = true
	return end
}

// afterLetter reports whether a letter was written last.
func (n *normal) afterLetter() bool {
	r, _ := utf8.DecodeLastRune(n.text)
	return !n.hasGap && unicode.IsLetter(r)
}

// afterBreak is where the next letter stands in s, right at its beginning or
// after one line break, and -1 if none does.
func afterBreak(s string) int {
	i, breaks := 0, 0
	for i < len(s) {
		r, w := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsLetter(r) && (i == 0 || breaks == 1):
			return i
		case !isSpace(r):
			return -1
		case r == '\n':
			breaks++
		}
		i += w
	}
	return -1
}

// wide reads the character at i and what combines with it, and returns where
// that ends.
func (n *normal) wide(i int) int {
	r, w := utf8.DecodeRuneInString(n.source[i:])
	switch {
	case r == '\u00ad':
		if next := afterBreak(n.source[i+w:]); next > 0 && n.afterLetter() {
			return i + w + next
		}
		return i + w
	case r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff':
		return i + w
	case isSpace(r):
		n.gap(i, i+w)
		return i + w
	case isDash(r):
		return n.dash(i)
	case strings.ContainsRune("‘’‚‛′´", r):
		n.quote(i, i+w)
		return i + w
	case strings.ContainsRune("“”„‟″«»", r):
		n.put('"', i, i+w)
		return i + w
	}
	w = max(1, norm.NFKC.NextBoundaryInString(n.source[i:], true))
	var room [64]byte
	for _, c := range norm.NFKC.AppendString(room[:0], n.source[i:i+w]) {
		n.put(c, i, i+w)
	}
	return i + w
}

func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\u001f'
}

func isDash(r rune) bool {
	return r == '-' || r >= '\u2010' && r <= '\u2015' || r == '\u2212' || r == '\uff0d' || r == '\ufe58' || r == '\ufe63'
}

// find looks for a quote and gives its place in the source. Quotation marks
// and dots around the quote may be the quoter's own.
func (n *normal) find(quote string) (from, to int, ok bool) {
	q := normalize(quote).text
	for _, q := range [][]byte{q, bytes.Trim(q, "\"'. []")} {
		if len(q) == 0 {
			continue
		}
		if i := bytes.Index(n.text, q); i >= 0 {
			return int(n.from[i]), int(n.to[i+len(q)-1]), true
		}
	}
	return 0, 0, false
}
