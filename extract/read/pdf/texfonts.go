package pdf

import (
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The fonts of mathematical signs that come with TeX name their glyphs in ways
// of their own ("parenleftbigg"), and an engine that does not know a name takes
// the code for a letter: ∑ becomes X. These are the codes, as The TeXbook
// (Knuth 1984, Appendix F) and the AMS fonts have them; a space is nothing to
// be written, a middle dot in the table a code that is left alone.
var (
	cmex = codes(0,
		"()[]⌊⌋⌈⌉{}⟨⟩|‖/\\", "()()[]⌊⌋⌈⌉{}⟨⟩/\\", "()[]⌊⌋⌈⌉{}⟨⟩/\\/\\",
		"()[]        {}  ", "    ⟨⟩  ∮∮⨀⨀⨁⨁⨂⨂", "∑∏∫⋃⋂⨄⋀⋁∑∏∫⋃⋂⨄⋀⋁",
		"∐∐      []⌊⌋⌈⌉{}", "√√√√            ")
	cmsy = codes(0,
		"−·×∗÷⋄±∓⊕⊖⊗⊘⊙◯∘•", "≍≡⊆⊇≤≥⪯⪰∼≈⊂⊃≪≫≺≻", "←→↑↓↔↗↘≃⇐⇒⇑⇓⇔↖↙∝",
		"′∞∈∋△▽\u0338\u21a6∀∃¬∅ℜℑ⊤⊥", "ℵABCDEFGHIJKLMNO", "PQRSTUVWXYZ∪∩⊎∧∨",
		"⊢⊣⌊⌋⌈⌉{}⟨⟩|‖↕⇕\\≀", "√⨿∇∫⊔⊓⊑⊒§†‡¶♣♢♡♠")
	cmmi = codes(0,
		"ΓΔΘΛΞΠΣΥΦΨΩαβγδϵ", "ζηθικλμνξπρστυϕχ", "ψωεϑϖϱςφ↼↽⇀⇁··▹◃", "0123456789.,</>⋆",
		"∂···············", "···········♭♮♯⌣⌢", "ℓ···············", "···········ıȷ℘··")
	msam = map[rune]rune{3: '□', 4: '■', 0x36: '⩽', 0x3e: '⩾', 0x58: '✓'}
	msbm = map[rune]rune{0x28: '⊊', 0x29: '⊋', 0x2d: '∤', 0x3f: '∅', 0x40: '∄'}
	// Ligatures in the two encodings of TeX's text fonts.
	texText = map[rune]rune{
		0x0b: '\uFB00', 0x0c: '\uFB01', 0x0d: '\uFB02', 0x0e: '\uFB03', 0x0f: '\uFB04',
		0x1b: '\uFB00', 0x1c: '\uFB01', 0x1d: '\uFB02', 0x1e: '\uFB03', 0x1f: '\uFB04',
	}
	// Adobe's private codes for the pieces of tall brackets: the top piece
	// stands for all of them.
	tallPieces = map[rune]rune{
		0xf8eb: '(', 0xf8ec: ' ', 0xf8ed: ' ', 0xf8ee: '[', 0xf8ef: ' ', 0xf8f0: ' ',
		0xf8f1: '{', 0xf8f2: ' ', 0xf8f3: ' ', 0xf8f4: ' ', 0xf8f5: ' ',
		0xf8f6: ')', 0xf8f7: ' ', 0xf8f8: ' ', 0xf8f9: ']', 0xf8fa: ' ', 0xf8fb: ' ',
		0xf8fc: '}', 0xf8fd: ' ', 0xf8fe: ' ',
	}
)

// codes reads rows of signs that stand under each other in a table of codes.
func codes(first rune, rows ...string) map[rune]rune {
	m := map[rune]rune{}
	for _, row := range rows {
		for _, r := range row {
			if r != '·' || first == 1 { // in cmsy it is one
				m[first] = r
			}
			first++
		}
	}
	return m
}

// private is what the codes of a font stand for that its name is known for
// though it does not say so itself.
func private(font string) map[rune]rune {
	font = strings.ToLower(whole(font))
	for _, f := range []struct {
		prefix string
		signs  map[rune]rune
	}{
		{"cmex", cmex}, {"lmmathextension", cmex}, {"cmsy", cmsy}, {"cmbsy", cmsy}, {"lmmathsymbols", cmsy},
		{"cmmi", cmmi}, {"cmmib", cmmi}, {"lmmathitalic", cmmi}, {"msam", msam}, {"msbm", msbm},
		{"cmr", texText}, {"cmbx", texText}, {"cmti", texText}, {"cmss", texText}, {"cmsl", texText}, {"cmcsc", texText},
		{"sfrm", texText}, {"sfbx", texText}, {"sfti", texText}, {"lmroman", texText}, {"lmsans", texText},
	} {
		if strings.HasPrefix(font, f.prefix) {
			return f.signs
		}
	}
	return nil
}

// known is the sign that a private code stands for: 0 where it is not known,
// a space where there is nothing to be written.
func known(r rune, signs map[rune]rune, odd bool) rune {
	if s := tallPieces[r]; s != 0 {
		return s
	}
	if odd || r < ' ' {
		return signs[r]
	}
	return 0
}

const negation, barredArrow = '\u0338', '\u21a6'

// composed puts together what TeX draws in pieces: a stroke before the sign
// that it denies, a bar before an arrow, a tall stroke out of short ones.
func composed(glyphs []glyph) []glyph {
	out := glyphs[:0]
	for i, g := range glyphs {
		// Large signs hang from their baseline; they belong to the row that
		// goes through their middle.
		switch {
		case g.style&formula == 0:
		case g.r == '√':
			glyphs[i].base = g.box.Y1 - 0.13*g.size
		case operator(g), stretched(g):
			glyphs[i].base = centre(g.box) + 0.25*g.size
		}
	}
	prev := -1 // the last sign, whatever line it stands on
	for _, g := range glyphs {
		if prev < 0 || !visible(g) {
			if out = append(out, g); visible(g) {
				prev = len(out) - 1
			}
			continue
		}
		last := &out[prev]
		switch {
		case last.r == negation:
			last.box, last.size = union(last.box, g.box), g.size
			s := string([]rune{g.r, negation})
			if one := norm.NFC.String(s); utf8.RuneCountInString(one) == 1 {
				last.r, _ = utf8.DecodeRuneInString(one)
				continue
			}
			last.r, g.r = g.r, negation
		case last.r == barredArrow && g.r == '→',
			g.r == last.r && (g.r == '|' || g.r == '‖') && math.Abs(g.box.X0-last.box.X0) < 0.05*g.size && g.base > last.base+0.1*g.size:
			last.box = union(last.box, g.box)
			continue
		}
		out = append(out, g)
		prev = len(out) - 1
	}
	return out
}
