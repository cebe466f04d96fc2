package pdf

import (
	"math"
	"strings"
	"unicode"
)

// usual is how often the letters a–z occur in running text of languages
// written in Latin letters, averaged over English, German, French and Spanish,
// in percent. Accented letters count as their base.
var usual = [26]float64{8.9, 1.3, 3.3, 4.4, 15.2, 1.2, 1.5, 3.0, 7.2, 0.4, 0.6, 4.6, 2.6, 8.0, 6.2, 2.2, 0.6, 6.7, 6.9, 7.1, 4.1, 1.1, 1.1, 0.3, 0.9, 0.7}

// legible reports whether characters that their fonts do not vouch for read
// as words and numbers all the same: many programs leave out the table of
// letters where the codes are the letters. Shifted codes mix digits, signs and
// capitals within words, or lack vowels.
func legible(glyphs []glyph) bool {
	var sound, all, vowels, letters int
	var word []rune
	end := func() {
		all += len(word)
		if tidyWord(word) {
			sound += len(word)
		}
		word = word[:0]
	}
	for i, g := range glyphs {
		// Signs between the pieces of a word part it too: 1,406 and co-op.
		apart := i > 0 && g.size > 0 && glyphs[i-1].size > 0 && math.Abs(g.base-glyphs[i-1].base) > 0.5*g.size
		if apart || isSpace(g.r) || g.r == '\n' {
			end()
		}
		switch {
		case isSpace(g.r), g.r == '\n', strings.ContainsRune(".,:;-–/()%€$'’\"", g.r), isLineHyphen(g.r):
			continue
		case strings.ContainsRune("aeiouyäöüáéíóúàèìòùâêîôûąęåæø", unicode.ToLower(g.r)):
			vowels++
			letters++
		case unicode.IsLetter(g.r):
			letters++
		}
		word = append(word, g.r)
	}
	end()
	return sound*10 > all*8 && (letters == 0 || vowels*5 > letters && vowels*10 < letters*7)
}

// tidyWord reports whether a word is a number, or letters with capitals only
// at its head or all through.
func tidyWord(w []rune) bool {
	var lower, upper, digits int
	for i, r := range w {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLower(r):
			lower++
		case unicode.IsUpper(r):
			if i > 0 {
				upper++
			}
		default:
			return false
		}
	}
	return digits == len(w) || digits == 0 && (upper == 0 || lower == 0)
}

// isGarbled reports whether the characters are hardly the page's letters: many
// stand for no letter at all, or the letters are distributed as in no
// language. Fonts without a table of their letters give such text, and it
// looks sound to the program that extracts it.
func isGarbled(glyphs []glyph) bool {
	var chars, odd, latin, letters int
	var counts [26]float64
	for _, g := range glyphs {
		if unicode.IsSpace(g.r) {
			continue
		}
		chars++
		r := unicode.ToLower(g.r)
		switch {
		case g.odd && g.style&formula == 0, g.r == 0xFFFD, unicode.Is(unicode.Co, g.r) && g.style&formula == 0:
			odd++
		case r >= 'a' && r <= 'z':
			counts[r-'a']++
			latin++
			letters++
		case unicode.IsLetter(r):
			letters++
		case unicode.IsControl(r) && r != lineHyphen:
			odd++
		}
	}
	if chars >= 20 && odd*4 > chars && !legible(glyphs) {
		return true
	}
	// Too few letters, another script, or the same few words over and over:
	// nothing to compare with.
	distinct := 0
	for _, n := range counts {
		if n > 0 {
			distinct++
		}
	}
	if latin < 150 || latin*2 < letters || distinct < 12 {
		return false
	}
	return cosine(counts, usual) < 0.6
}

func cosine(a, b [26]float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += a[i] * b[i]
		aa += a[i] * a[i]
		bb += b[i] * b[i]
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
