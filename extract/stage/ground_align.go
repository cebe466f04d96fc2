package stage

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A word of a normal text: letters and digits, or one ideograph, or one
// operator. Other punctuation belongs to no word.
type word struct {
	id       int32 // equal for equal words, whatever their case
	from, to int   // bytes of the normal text
}

// A wordList is a text's words.
type wordList struct {
	*normal
	list []word
	ids  map[string]int32
}

func (n *normal) words() *wordList {
	w := &wordList{normal: n, ids: map[string]int32{}}
	eachWord(n.text, func(from, to int) {
		key := fold(n.text[from:to])
		id, ok := w.ids[key]
		if !ok {
			id = int32(len(w.ids))
			w.ids[key] = id
		}
		w.list = append(w.list, word{id, from, to})
	})
	return w
}

func fold(b []byte) string { return strings.ToLower(string(b)) }

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isAlnum(byte(r)) || isOperator(r)
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || isOperator(r)
}

func isOperator(r rune) bool {
	switch r {
	case '+', '=', '<', '>', '/', '^', '%', '&', '|':
		return true
	}
	return r >= utf8.RuneSelf && unicode.Is(unicode.Sm, r)
}

// isIdeograph reports whether r is of a script without spaces between words.
func isIdeograph(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// eachWord tells where each word of text stands. An apostrophe between
// letters belongs to the word, and so does a minus sign before a number that
// is not the second of two. The target of a Markdown link is no words: who
// quotes the text leaves it out.
func eachWord(text []byte, yield func(from, to int)) {
	from := -1 // of the word being read
	last := ' '
	for i := 0; i < len(text); {
		r, w := utf8.DecodeRune(text[i:])
		next, _ := utf8.DecodeRune(text[i+w:])
		if r == ']' && next == '(' {
			if n := linkTarget(text[i+1:]); n > 0 {
				w += n
			}
		}
		switch {
		case isOperator(r) || isIdeograph(r):
			if from >= 0 {
				yield(from, i)
			}
			from = -1
			yield(i, i+w)
		case isWordRune(r):
			if from < 0 {
				from = i
			}
		case r == '\'' && from >= 0 && unicode.IsLetter(next):
		case r == '-' && from < 0 && unicode.IsNumber(next) && last != ')':
			from = i
		default:
			if from >= 0 {
				yield(from, i)
			}
			from = -1
		}
		last = r
		i += w
	}
	if from >= 0 {
		yield(from, len(text))
	}
}

// linkTarget is the length of the link target in parentheses that text begins
// with, 0 if it is none.
func linkTarget(text []byte) int {
	end := bytes.IndexAny(text[:min(len(text), 1000)], ") \n")
	if end < 0 || text[end] != ')' {
		return 0
	}
	return end + 1
}

// An alignment is the stretch of a source that is most like a quote.
type alignment struct {
	score     float64
	edits, of int // words
	from, to  int // bytes of the source
}

// The most work an alignment may be: words of the text × words of the quote.
const mostWork = 20_000_000

// align finds the words that the fewest edits make the quote's: words put
// in, left out or changed. It gives up early where the score cannot reach
// enough; the score is then an upper bound.
func (w *wordList) align(quote string, enough float64) alignment {
	n := normalize(quote)
	var q []int32
	foreign := 0
	eachWord(n.text, func(from, to int) {
		id, ok := w.ids[fold(n.text[from:to])]
		if !ok {
			id = -1
			foreign++
		}
		q = append(q, id)
	})
	if len(q) == 0 || len(q)*len(w.list) > mostWork {
		return alignment{}
	}
	// Each foreign word is an edit.
	if bound := 1 - float64(foreign)/float64(len(q)); bound < enough {
		return alignment{score: bound}
	}

	// Row j holds, for each word of the text so far, the fewest edits that
	// make a stretch ending there the quote's first j words, and where that
	// stretch begins. We keep one column.
	edits := make([]int32, len(q)+1)
	begin := make([]int32, len(q)+1)
	for j := range edits {
		edits[j] = int32(j)
	}
	best := alignment{of: len(q)}
	first, last := 0, 0
	for i, t := range w.list {
		diagonal, diagonalBegin := edits[0], begin[0]
		edits[0], begin[0] = 0, int32(i+1)
		for j := 1; j <= len(q); j++ {
			cost, at := diagonal, diagonalBegin
			if q[j-1] != t.id {
				cost++
			}
			diagonal, diagonalBegin = edits[j], begin[j]
			if c := edits[j] + 1; c < cost { // a word of the text too many
				cost, at = c, begin[j]
			}
			if c := edits[j-1] + 1; c < cost { // a word of the quote too many
				cost, at = c, begin[j-1]
			}
			edits[j], begin[j] = cost, at
		}
		length := i + 1 - int(begin[len(q)])
		score := 1 - float64(edits[len(q)])/float64(max(len(q), length))
		if score > best.score && length > 0 {
			best.score, best.edits = score, int(edits[len(q)])
			first, last = int(begin[len(q)]), i
		}
	}
	if best.score < enough {
		return best
	}
	best.from = int(w.from[w.list[first].from])
	best.to = int(w.to[w.list[last].to-1])
	best.to += punctuation(w.source[best.to:], quote)
	return best
}

// punctuation is how much of the punctuation that s begins with also ends the
// quote, in bytes.
func punctuation(s, quote string) int {
	tail := quote[len(strings.TrimRightFunc(quote, func(r rune) bool { return !isWordRune(r) })):]
	n := 0
	for n < len(s) {
		r, w := utf8.DecodeRuneInString(s[n:])
		if unicode.IsSpace(r) || !strings.ContainsRune(tail, r) {
			break
		}
		n += w
	}
	return n
}
