package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A term is a word as it stands in the index, and where it was found. Texts
// and queries are cut into terms in the same way, here, and the engine sees
// nothing else; so what is highlighted is exactly what matched.
//
// Scripts that are written without spaces have no words to find. A run of
// them becomes overlapping pairs of characters, and last its final character
// alone: 機械学習 is 機械, 械学, 学習, 習. So each run of two or more is a
// phrase of pairs, and each single character begins some term.
type term struct {
	word  string // lower case, without accents, compatibility forms resolved
	stem  string // what the index holds
	start int    // bytes in the text
	end   int
	pair  bool // of a script without spaces
}

// maxWord is how many bytes of a word tell it apart, longer ones are cut.
const maxWord = 128

// terms cuts text, which has to be valid UTF-8.
func terms(text string) []term {
	out := make([]term, 0, len(text)/6+1)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case unsegmented(r):
			end := i + run(text[i:], func(r rune) bool { return unsegmented(r) || unicode.IsMark(r) })
			out = pairs(out, text, i, end)
			i = end
		case isWord(r):
			end := i + run(text[i:], func(r rune) bool {
				return (isWord(r) || unicode.Is(unicode.Cf, r)) && !unsegmented(r)
			})
			out = word(out, text, i, end)
			i = end
		default:
			i += n
		}
	}
	return out
}

func word(out []term, text string, start, end int) []term {
	w := fold(text[start:end])
	if w == "" {
		return out
	}
	// Newton's is Newton.
	if w == "s" && start > 1 && (text[start-1] == '\'' || strings.HasSuffix(text[:start], "’")) &&
		len(out) > 0 && strings.Trim(text[out[len(out)-1].end:start], "'’") == "" {
		return out
	}
	return append(out, term{word: w, stem: stem(w), start: start, end: end})
}

func pairs(out []term, text string, start, end int) []term {
	type char struct {
		r          rune
		start, end int
	}
	var chars []char
	for i := start; i < end; {
		n := norm.NFKC.NextBoundaryInString(text[i:end], true)
		for _, r := range norm.NFKC.String(text[i : i+n]) {
			if isWord(r) && r > unicode.MaxASCII {
				chars = append(chars, char{r, i, i + n})
			}
		}
		i += n
	}
	for i, c := range chars {
		t := term{word: string(c.r), start: c.start, end: c.end, pair: true}
		if i+1 < len(chars) {
			t.word += string(chars[i+1].r)
			t.end = chars[i+1].end
		}
		t.stem = t.word
		out = append(out, t)
	}
	return out
}

// run is the length of the longest beginning of s that has only fitting runes.
func run(s string, fits func(rune) bool) int {
	for i, r := range s {
		if !fits(r) {
			return i
		}
	}
	return len(s)
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.M)
}

// unsegmented reports whether r is of a script without spaces between words,
// or, in Korean, with spaces that say little about them.
func unsegmented(r rune) bool {
	if r < 0x0E00 {
		return false
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー' || 'ｰ' <= r && r <= '\uFF9F' // signs of length and voice, half width too
}

// fold makes words that people take for the same the same.
func fold(w string) string {
	lower, ascii := true, true
	for i := range len(w) {
		ascii = ascii && w[i] < utf8.RuneSelf
		lower = lower && (w[i] < 'A' || w[i] > 'Z')
	}
	switch {
	case ascii && lower:
	case ascii:
		w = strings.ToLower(w)
	default:
		w = strings.ToLower(norm.NFKD.String(strings.ToLower(w)))
		w = norm.NFC.String(spelling.Replace(strings.Map(bare, w)))
	}
	for len(w) > maxWord {
		_, n := utf8.DecodeLastRuneInString(w)
		w = w[:len(w)-n]
	}
	return w
}

// bare drops accents, vowel points and what is no part of a word.
func bare(r rune) rune {
	switch {
	case r < utf8.RuneSelf && isWord(r):
		return r
	case unicode.In(r, accents), !isWord(r):
		return -1
	}
	return r
}

// accents are marks that writers often leave out. Marks that are vowels of
// their word, as in the scripts of India, are not among them.
var accents = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0300, Hi: 0x036F, Stride: 1}, // Latin, Greek, Cyrillic
	{Lo: 0x0483, Hi: 0x0487, Stride: 1},
	{Lo: 0x0591, Hi: 0x05BD, Stride: 1}, // Hebrew
	{Lo: 0x05BF, Hi: 0x05BF, Stride: 1},
	{Lo: 0x05C1, Hi: 0x05C2, Stride: 1},
	{Lo: 0x05C4, Hi: 0x05C5, Stride: 1},
	{Lo: 0x05C7, Hi: 0x05C7, Stride: 1},
	{Lo: 0x0610, Hi: 0x061A, Stride: 1}, // Arabic, with its lengthening stroke
	{Lo: 0x0640, Hi: 0x0640, Stride: 1},
	{Lo: 0x064B, Hi: 0x065F, Stride: 1},
	{Lo: 0x0670, Hi: 0x0670, Stride: 1},
}}

// spelling replaces letters that have a common spelling without them.
var spelling = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "ς", "σ")
