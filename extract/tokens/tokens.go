// Package tokens counts and estimates how many tokens a text is to a language
// model.
//
// Each family of models has a vocabulary of its own. Count is exact for o200k,
// which OpenAI published for its models; others differ from it by some
// percent. Estimate looks only at the kinds of characters and the lengths of
// words, by weights that were fitted to o200k: it is some times faster still
// and needs no vocabulary.
package tokens

import (
	"math"
	"unicode"
	"unicode/utf8"
)

// What is counted. A word is a run of letters of one script.
const (
	words     = iota // of ASCII letters, not all capitals
	excess           // letters of such words beyond the seventh
	endless          // letters of any word beyond the 24th, which is none: base 32, DNA
	capitals         // words all in capitals
	shouting         // letters of such words beyond the second
	digits           // groups of up to three
	marks            // runs of ASCII punctuation
	moreMarks        // punctuation after the first of a run
	spaces           // runs of white space other than one space
	accented         // words with a letter outside ASCII, Latin script
	accentedLetters
	han
	kana
	hangul
	cyrillic
	letters // of other scripts
	symbols // other characters outside ASCII
	kinds
)

// Estimate is about how many tokens s is. It is 0 only for white space and
// nothing; estimates of parts add up to about that of the whole.
func Estimate(s string) int {
	c := count(s)
	total := 0.0
	for i, n := range c {
		total += float64(n) * weights[i]
	}
	return int(math.Ceil(total))
}

// class of an ASCII byte.
const (
	mark = iota
	lower
	upper
	digit
	space
)

var classes = func() (t [utf8.RuneSelf]uint8) {
	for b := range t {
		switch {
		case 'a' <= b && b <= 'z':
			t[b] = lower
		case 'A' <= b && b <= 'Z':
			t[b] = upper
		case '0' <= b && b <= '9':
			t[b] = digit
		case b == ' ' || '\t' <= b && b <= '\r':
			t[b] = space
		}
	}
	return t
}()

func count(s string) (c [kinds]int) {
	for i := 0; i < len(s); {
		if s[i] >= utf8.RuneSelf {
			i += countWide(s[i:], &c)
			continue
		}
		from := i
		switch classes[s[i]] {
		case lower:
			i = run(s, i, lower)
			i += countWord(s[from:], i-from, &c)
		case upper:
			i = run(s, i, upper)
			if i < len(s) && s[i] < utf8.RuneSelf && classes[s[i]] == lower {
				if i-from > 2 { // "HTTPServer": the last capital belongs to the word
					c[capitals]++
					c[shouting] += i - from - 3
					from = i - 1
				}
				i = run(s, i, lower)
			} else if i-from > 1 && (i == len(s) || s[i] < utf8.RuneSelf) {
				c[capitals]++
				c[shouting] += i - from - 2
				c[endless] += max(0, i-from-24)
				continue
			}
			i += countWord(s[from:], i-from, &c)
		case digit:
			i = run(s, i, digit)
			c[digits] += (i - from + 2) / 3
		case space:
			i = run(s, i, space)
			if i-from > 1 || s[from] != ' ' {
				c[spaces]++
			}
		default:
			i = run(s, i, mark)
			c[marks]++
			c[moreMarks] += i - from - 1
		}
	}
	return c
}

// run is the end of the run of class that begins at i.
func run(s string, i int, class uint8) int {
	for i < len(s) && s[i] < utf8.RuneSelf && classes[s[i]] == class {
		i++
	}
	return i
}

// countWord counts a word of which the first n bytes are ASCII and returns
// how many bytes more it has.
func countWord(s string, n int, c *[kinds]int) int {
	if n < len(s) && s[n] >= utf8.RuneSelf {
		if r, _ := utf8.DecodeRuneInString(s[n:]); isLatin(r) {
			bytes, runes := latinWord(s[n:])
			c[accented]++
			c[accentedLetters] += n + runes
			return bytes
		}
	}
	c[words]++
	c[excess] += max(0, n-7)
	c[endless] += max(0, n-24)
	return 0
}

// latinWord is the length of the letters of the Latin script that s begins with.
func latinWord(s string) (bytes, runes int) {
	for bytes < len(s) {
		r, size := utf8.DecodeRuneInString(s[bytes:])
		if !isLatin(r) {
			break
		}
		bytes += size
		runes++
	}
	return bytes, runes
}

func isLatin(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' ||
		0xC0 <= r && r < 0x250 && r != 0xD7 && r != 0xF7 || 0x1E00 <= r && r < 0x1F00 || 0x300 <= r && r < 0x370
}

// countWide counts the word or the one character outside ASCII that s begins
// with, and returns its length in bytes.
func countWide(s string, c *[kinds]int) int {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case isLatin(r):
		bytes, runes := latinWord(s)
		c[accented]++
		c[accentedLetters] += runes
		return bytes
	case 0x3041 <= r && r < 0x3100:
		c[kana]++
	case 0x4E00 <= r && r < 0xA000 || 0x3400 <= r && r < 0x4DC0 || 0xF900 <= r && r < 0xFB00 || 0x20000 <= r && r < 0x32000:
		c[han]++
	case 0xAC00 <= r && r < 0xD7B0:
		c[hangul]++
	case 0x400 <= r && r < 0x530:
		c[cyrillic]++
	case unicode.IsLetter(r) || unicode.IsMark(r):
		c[letters]++
	case unicode.IsSpace(r):
	default:
		c[symbols]++
	}
	return size
}
