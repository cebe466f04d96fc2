package pdf

import (
	"math"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// combining is the sign that goes onto a letter, for each accent that stands
// by itself.
var combining = map[rune]rune{
	'¨': 0x308, '´': 0x301, '`': 0x300, 'ˆ': 0x302, '˜': 0x303, 'ˇ': 0x30C, '¸': 0x327,
	'˙': 0x307, '˚': 0x30A, '¯': 0x304, '˘': 0x306, '˝': 0x30B, '˛': 0x328,
}

// accents puts accents that are drawn by themselves onto the letters they
// stand over, as older programs set every ä. An engine may give such an accent
// at the end of its line, with spaces around it that are none.
func accents(glyphs []glyph) []glyph {
	gone := make(map[int]bool)
	for i, g := range glyphs {
		sign, ok := combining[g.r]
		if !ok || !visible(g) {
			continue
		}
		for j, l := range glyphs {
			if !unicode.IsLetter(l.r) || math.Abs(l.base-g.base) > 0.4*l.size ||
				math.Abs(l.box.X0+l.box.X1-g.box.X0-g.box.X1) > 0.3*l.size {
				continue
			}
			letter := l.r
			switch letter {
			case 'ı':
				letter = 'i'
			case 'ȷ':
				letter = 'j'
			}
			if s := norm.NFC.String(string([]rune{letter, sign})); utf8.RuneCountInString(s) == 1 {
				glyphs[j].r, _ = utf8.DecodeRuneInString(s)
				gone[i] = true
				break
			}
		}
	}
	if len(gone) == 0 {
		return glyphs
	}
	out := make([]glyph, 0, len(glyphs))
	for i := 0; i < len(glyphs); {
		// A stretch of spaces and of accents that are gone.
		j, any := i, false
		for j < len(glyphs) && (gone[j] || isSpace(glyphs[j].r)) {
			any = any || gone[j]
			j++
		}
		if !any {
			j = max(j, i+1)
			out = append(out, glyphs[i:j]...)
			i = j
			continue
		}
		if n := len(out); n > 0 && j < len(glyphs) && visible(out[n-1]) && visible(glyphs[j]) {
			a, b := out[n-1], glyphs[j]
			if gap := b.box.X0 - a.box.X1; math.Abs(a.base-b.base) > 0.5*a.size || gap > 0.12*a.size || gap < -a.size {
				out = append(out, glyph{r: ' '})
			}
		}
		i = j
	}
	return out
}
