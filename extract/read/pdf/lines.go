package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"seedbed/extract"
)

// A hyphen that a line break may have put there. PDFium marks it so; whether
// it stays is decided when all the document's words are known.
const lineHyphen = '\x02'

func isLineHyphen(r rune) bool { return r == lineHyphen || r == 0xFFFE }

// A line is a row of text as a reader sees it.
type line struct {
	page  int // from 0
	text  string
	box   extract.Box
	base  float64
	size  float64 // of most of its letters
	style style   // of most of its letters
	lead  style   // of its first word
	tail  style   // of its last letter
	cells []cell  // more than one where wide gaps stand in the line
}

// A cell is a stretch of a line between wide gaps.
type cell struct {
	text   string
	x0, x1 float64
}

func (l line) width() float64 { return l.box.X1 - l.box.X0 }

// lines puts a page's glyphs together, and gathers the pieces that an engine
// takes for lines of their own though they stand beside each other:
// exponents, the number of an equation.
func lines(s sheet, page int) []line {
	s.glyphs = uninterleaved(s.glyphs)
	var out []line
	for _, r := range pieces(s) {
		r.typeset()
		r.line.page = page
		out = append(out, r.line)
	}
	if rightToLeft(s.glyphs) {
		mirror(out, s.width)
	}
	return out
}

// once leaves out letters that are drawn again where they stand already, which
// makes them look bold or gives them a shadow. A ligature's letters may share
// one place, so letters next to each other stay.
func once(glyphs []glyph) []glyph {
	// A letter and the square point it stands in, in one number: it is hashed
	// for each letter of the document.
	spot := func(r rune, x, y int) uint64 { return uint64(r)<<42 | uint64(x&(1<<21-1))<<21 | uint64(y&(1<<21-1)) }
	seen := make(map[uint64]int, len(glyphs))
	var out []glyph // nil while nothing is left out
	for i, g := range glyphs {
		again := false
		if visible(g) && g.box.X1 > g.box.X0 {
			x, y := int(math.Floor(g.box.X0)), int(math.Floor(g.base))
			for _, d := range [][2]int{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				j, ok := seen[spot(g.r, x+d[0], y+d[1])]
				if ok && i-j > 3 && near(g, glyphs[j]) {
					again = true
					break
				}
			}
			if !again {
				seen[spot(g.r, x, y)] = i
			}
		}
		switch {
		case again && out == nil:
			out = slices.Clone(glyphs[:i])
		case !again && out != nil:
			out = append(out, g)
		}
	}
	if out == nil {
		return glyphs
	}
	return out
}

// near reports whether two letters cover each other.
func near(a, b glyph) bool {
	d := 0.1 * a.size
	return math.Abs(a.box.X0-b.box.X0) < d && math.Abs(a.base-b.base) < d && math.Abs(a.size-b.size) < d
}

// newLine makes a line of glyphs. Most letters decide its size, style and
// baseline. Digits that stand above or below the line are written so: 10³ is
// not 103.
func newLine(glyphs []glyph) (line, bool) {
	sizes := map[float64]int{}
	styles := map[style]int{}
	bases := map[float64]int{}
	for _, g := range glyphs {
		if visible(g) {
			sizes[math.Round(g.size*10)/10] += int(math.Ceil(g.size)) // an exponent weighs less
			styles[g.style]++
		}
	}
	if len(sizes) == 0 {
		return line{}, false
	}
	l := line{size: most(sizes), style: most(styles)}
	fixed, all := 0, 0
	for st, n := range styles {
		if all += n; st&mono != 0 {
			fixed += n
		}
	}
	if fixed*10 < all*9 { // a line with code in it is not a line of code
		l.style &^= mono
	} else {
		l.style |= mono
	}
	for _, g := range glyphs {
		if visible(g) && math.Round(g.size*10)/10 == l.size {
			bases[math.Round(g.base*10)/10]++
		}
	}
	l.base = most(bases)

	var text strings.Builder
	var prev glyph // the last one that is not a space
	start, x0 := 0, 0.0
	space := false
	shifted := shifts(glyphs, l)
	for i, g := range glyphs {
		if isSpace(g.r) {
			space = true
			continue
		}
		r := clean(g.r)
		if r == "" {
			continue
		}
		if shifted[i].r != 0 {
			r = string(shifted[i].r)
		}
		r = shifted[i].before + r + shifted[i].after
		if prev.r == 0 && isBullet(glyphs[i:]) {
			r = "•"
		}
		if g.size == 0 { // a sign the engine made up stands after the last
			g.box, g.base, g.size, g.style = prev.box, prev.base, prev.size, prev.style
			g.box.X0 = g.box.X1
		}
		size := max(g.size, prev.size)
		gap := g.box.X0 - prev.box.X1
		if leftward(g.r) || leftward(prev.r) {
			gap = max(gap, prev.box.X0-g.box.X1)
		}
		switch {
		case prev.r == 0:
			l.lead, x0 = g.style, g.box.X0
		case gap > size && math.Abs(g.base-prev.base) < 0.5*size, gap > 2*size && math.Abs(g.base-prev.base) < size && isWord(g) && isWord(prev):
			l.cells = append(l.cells, cell{text.String()[start:], x0, prev.box.X1})
			text.WriteByte(' ')
			start, x0 = text.Len(), g.box.X0
		case space && !mathWord(prev, g, gap), unit(prev, g, gap):
			text.WriteByte(' ')
		}
		space = false
		text.WriteString(r)
		l.box = union(l.box, g.box)
		prev = g
	}
	if text.Len() == 0 {
		return line{}, false
	}
	l.cells = append(l.cells, cell{text.String()[start:], x0, prev.box.X1})
	l.text, l.tail = text.String(), prev.style
	return l, true
}

// isBullet reports whether a line opens with a letter of a font that has only
// signs, or with a sign that only its font knows: programs draw the bullets of
// lists so.
func isBullet(glyphs []glyph) bool {
	g := glyphs[0]
	if !unicode.Is(unicode.Co, g.r) && (g.style&dingbat == 0 || !unicode.IsLetter(g.r)) {
		return false
	}
	for _, next := range glyphs[1:] {
		if visible(next) {
			return next.style&dingbat == 0 && next.box.X0 > g.box.X1+0.1*next.size
		}
	}
	return false
}

// mathWord reports whether two letters stand close together in a formula, where
// the slant of the first makes a gap that an engine takes for a space.
func mathWord(a, b glyph, gap float64) bool {
	return a.style&b.style&formula != 0 && a.base == b.base && gap > 0 && gap < 0.155*b.size && unicode.IsLetter(a.r) && unicode.IsLetter(b.r)
}

// unit reports whether a letter stands behind a number with the thin space of
// a unit between them.
func unit(a, b glyph, gap float64) bool {
	return unicode.IsDigit(a.r) && unicode.IsLetter(b.r) && a.base == b.base && a.size == b.size && (a.style|b.style)&formula == 0 && gap > 0.1*b.size
}

// isWord reports whether a glyph is of a word or a number, and no sign.
func isWord(g glyph) bool {
	return g.style&formula == 0 && (unicode.IsLetter(g.r) || unicode.IsDigit(g.r))
}

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\u00a0' || r == '\u3000'
}

func visible(g glyph) bool { return g.size > 0 && !isSpace(g.r) && g.r != '\n' }

var (
	superior = letters("0123456789+−-=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
	inferior = letters("0123456789+−-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
)

func letters(from, to string) map[rune]rune {
	m, written := map[rune]rune{}, []rune(to)
	for i, r := range []rune(from) {
		m[r] = written[i]
	}
	return m
}

// A shift is how a glyph above or below the line is written: as a superior or
// inferior letter, or after the marks that say so.
type shift struct {
	r             rune
	before, after string
	off           bool // it does not stand on the line
}

// shifts finds what stands above or below the line. A run is written in small
// letters whole, or, in a formula, with marks around it: x², e^{−x}.
func shifts(glyphs []glyph, l line) []shift {
	out := make([]shift, len(glyphs))
	side := func(g glyph) int {
		if !visible(g) || g.size > 0.85*l.size {
			return 0
		}
		switch shift := l.base - g.base; {
		case shift > 0.2*l.size:
			return 1
		case shift < -0.08*l.size:
			return -1
		}
		return 0
	}
	for i := 0; i < len(glyphs); {
		s := side(glyphs[i])
		j := i + 1
		for s != 0 && j < len(glyphs) && side(glyphs[j]) == s {
			j++
		}
		table := superior
		if s < 0 {
			table = inferior
		}
		written := ""
		for k := i; s != 0 && k < j; k++ {
			if out[k].r = table[glyphs[k].r]; out[k].r == 0 {
				clear(out[i:j])
				mark(out[i:j], glyphs[i:j], s)
				break
			}
			written += string(out[k].r)
		}
		if written == "ˢᵗ" || written == "ⁿᵈ" || written == "ʳᵈ" || written == "ᵗʰ" {
			clear(out[i:j]) // 1st, 2nd
		}
		for k := i; s != 0 && k < j; k++ {
			out[k].off = true
		}
		i = j
	}
	return out
}

// mark puts the marks of an exponent or an index around a run that is part of
// a formula.
func mark(out []shift, run []glyph, side int) {
	if !slices.ContainsFunc(run, func(g glyph) bool {
		return g.style&formula != 0 && unicode.IsLetter(g.r) || unicode.Is(unicode.Sm, g.r)
	}) {
		return
	}
	sign := "^"
	if side < 0 {
		sign = "_"
	}
	if len(run) == 1 {
		out[0].before = sign
		return
	}
	out[0].before, out[len(run)-1].after = sign+"{", "}"
}

// most is the key counted most often, the smaller of two.
func most[K float64 | style](counts map[K]int) K {
	var best K
	n := 0
	for k, c := range counts {
		if c > n || c == n && k < best {
			best, n = k, c
		}
	}
	return best
}

func union(a, b extract.Box) extract.Box {
	if a == (extract.Box{}) {
		return b
	}
	if b == (extract.Box{}) {
		return a
	}
	return extract.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

var equationNumber = regexp.MustCompile(`^[.,;]?\s*\(\d+(\.\d+)*[a-z]?\)$`)

// beside reports whether b goes on where a ends, in the same row: on its
// baseline, or raised or lowered and smaller.
func beside(a, b line) bool {
	if a.style&sideways != b.style&sideways {
		return false
	}
	size := max(a.size, b.size)
	gap := b.box.X0 - a.box.X1
	shift := math.Abs(a.base - b.base)
	if equationNumber.MatchString(b.text) && shift < size && gap > 0 {
		return true
	}
	if gap < -0.6*size || gap > 2*size {
		return false
	}
	if shift < 0.25*size {
		return true
	}
	small := min(a.size, b.size) < 0.85*size
	return small && shift < 0.6*size && gap < 0.6*size
}

// clean is what a character is written as: ligatures in their letters, no
// control characters, no invisible ones.
func clean(r rune) string {
	switch r {
	case 0xFFFE, lineHyphen:
		return string(lineHyphen)
	case 0xFB00:
		return "ff"
	case 0xFB01:
		return "fi"
	case 0xFB02:
		return "fl"
	case 0xFB03:
		return "ffi"
	case 0xFB04:
		return "ffl"
	case 0xFB05, 0xFB06:
		return "st"
	case 0x00AD:
		return "\u00ad"
	case 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF:
		return ""
	}
	if unicode.IsControl(r) {
		return ""
	}
	return string(r)
}
