package stage

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A question as dedupe reads it.
type question struct {
	terms []term
	grams []uint64 // hashes of each three terms in a row, sorted, each once
}

// A term is a word, an ideograph or a symbol, in small letters.
type term struct {
	text string
	mark bool // a number, symbol, identifier or negation: another mark is another question
	name bool // begins with a capital within a sentence
	end  rune // of the sentence that it is the last of: . ! ? or :
}

// Keys are what a question is kept and found under: first one that only the
// same words in the same order give, then pairs of its threes of words, of
// those that are likely to be the rarest. Questions that are alike share some;
// those that differ in a number, symbol or identifier share none but perhaps
// the first. A question without words has no keys. They are the same on every
// machine, so that they can be stored: whoever changes them has to see to what
// is stored.
func Keys(q string) []uint64 { return read(q).keys() }

// Similarity is the Jaccard similarity of two questions' sets of three words
// in a row, 0 where they are two questions by what sets them apart.
func Similarity(a, b string) float64 { return read(a).similarity(read(b)) }

// mostGrams is how many threes of words are paired at most.
const mostGrams = 8

// keys by prefix filtering (Chaudhuri et al. 2006): all sets are put in one
// order. Of two that share at least t of the larger, the first two elements
// that they share are among the first |a| - ⌈t |a|⌉ + 2 of each. Each of these
// is paired with the next two: a single one many questions have.
func (q *question) keys() []uint64 {
	if len(q.terms) == 0 {
		return nil
	}
	exact, marks := newHash(), newHash()
	for _, t := range q.terms {
		exact.add(t.text)
		if t.mark {
			marks.add(t.text)
		}
	}
	grams := q.rarestFirst()
	n := len(grams) - int(math.Ceil(alike*float64(len(grams)))) + 2
	grams = grams[:min(n, len(grams), mostGrams)]
	keys := append(make([]uint64, 0, 2*mostGrams), uint64(exact))
	for i, g := range grams {
		for _, next := range grams[i+1 : min(i+3, len(grams))] {
			h := marks
			h.number(g)
			h.number(next)
			keys = append(keys, uint64(h))
		}
	}
	return keys
}

// rarestFirst are the grams in an order that is the same for all questions:
// first those with the most words that say something, then those with the
// most letters.
func (q *question) rarestFirst() []uint64 {
	type gram struct {
		hash          uint64
		says, letters int
	}
	var grams []gram
	for terms, hash := range q.threes() {
		g := gram{hash: hash}
		for _, t := range terms {
			g.letters += len(t.text)
			if !minor[t.text] {
				g.says++
			}
		}
		grams = append(grams, g)
	}
	slices.SortFunc(grams, func(a, b gram) int {
		return cmp.Or(cmp.Compare(b.says, a.says), cmp.Compare(b.letters, a.letters), cmp.Compare(a.hash, b.hash))
	})
	hashes := make([]uint64, 0, len(grams))
	for _, g := range slices.Compact(grams) {
		hashes = append(hashes, g.hash)
	}
	return hashes
}

func (q *question) similarity(other *question) float64 {
	if slices.EqualFunc(q.terms, other.terms, func(a, b term) bool { return a.text == b.text }) {
		return 1
	}
	if apart(q.terms, other.terms) {
		return 0
	}
	return q.jaccard(other)
}

// jaccard is how many grams two questions have in common, of all they have.
func (q *question) jaccard(other *question) float64 {
	both, i, j := 0, 0, 0
	for i < len(q.grams) && j < len(other.grams) {
		switch a, b := q.grams[i], other.grams[j]; {
		case a == b:
			both++
			i++
			j++
		case a < b:
			i++
		default:
			j++
		}
	}
	return float64(both) / float64(len(q.grams)+len(other.grams)-both)
}

// apart reports whether something sets two questions apart: their marks, in
// order, a name that only one has, or another word in the place of one where
// that is what it asks about: in a short question, in the short sentence that
// asks in a long one, and anywhere in what is to be proved.
func apart(a, b []term) bool {
	isMark := func(t term) bool { return t.mark }
	if !slices.EqualFunc(filter(a, isMark), filter(b, isMark), func(a, b term) bool { return a.text == b.text }) {
		return true
	}
	return hasOwnName(a, b) || hasOwnName(b, a) || swapped(a, b) || askOther(a, b) || proveOther(a, b)
}

// brief is how many terms a question has at most in which one word is much.
const brief = 12

// swapped reports whether two short questions differ in nothing but words that
// stand in the same places: “have assertions” and “have exceptions”. Forms of
// one word are no others, and small words say little.
func swapped(a, b []term) bool {
	if len(a) != len(b) || len(a) > brief {
		return false
	}
	other := false
	for i := range a {
		s, t := a[i].text, b[i].text
		other = other || s != t && !minor[s] && !minor[t] && !sameStem(s, t)
	}
	return other
}

var proves = set("prove|show|verify|demonstrate|disprove|beweise|beweisen|zeige|zeigen|montrer|montrez|démontrer|demostrar|demuestre")

// askOther reports whether sentence by sentence two questions are alike but
// for a short one that asks, or begins, and has other words: “Which are
// symmetric?” and “Which are reflexive?” before the same list.
func askOther(a, b []term) bool {
	sa, sb := inSentences(a), inSentences(b)
	if len(sa) != len(sb) || len(sa) == 1 {
		return false
	}
	for i := range sa {
		asks := i == 0 || sa[i][len(sa[i])-1].end == '?'
		if asks && len(sa[i]) <= brief && len(sb[i]) <= brief && replaced(sa[i], sb[i]) {
			return true
		}
	}
	return false
}

// proveOther reports whether two statements to be proved have other words.
func proveOther(a, b []term) bool {
	return len(a) > 0 && len(b) > 0 && proves[a[0].text] && proves[b[0].text] && replaced(a, b)
}

func inSentences(terms []term) (out [][]term) {
	from := 0
	for i, t := range terms {
		if t.end != 0 || i == len(terms)-1 {
			out = append(out, terms[from:i+1])
			from = i + 1
		}
	}
	return out
}

// replaced reports whether each of two texts has a word that says something
// and that the other does not have in any form.
func replaced(a, b []term) bool { return hasOwnWord(a, b) && hasOwnWord(b, a) }

func hasOwnWord(a, b []term) bool {
	return slices.ContainsFunc(a, func(t term) bool {
		return !t.mark && !minor[t.text] && !slices.ContainsFunc(b, func(u term) bool { return u.text == t.text || sameStem(t.text, u.text) })
	})
}

// sameStem reports whether two words begin alike for most of their length.
func sameStem(a, b string) bool {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n >= 3 && 3*n >= 2*max(len(a), len(b))
}

// minor are words that a question may have others for and ask the same. The
// order of [Keys] depends on them.
var minor = set("a|an|the|this|that|these|those|is|are|was|were|be|been|do|does|did|has|have|had|can|could|may|might|will|would|shall|should|must|" +
	"of|in|on|at|to|for|with|by|from|as|into|and|or|so|it|its|they|their|we|you|one|there|what|which|how|why|when|who|whose|exactly|really|actually|please|" +
	"der|die|das|ein|eine|einer|eines|dem|den|des|ist|sind|war|im|von|zu|und|was|wie|warum|welche|welcher|le|la|les|un|une|de|du|est|sont|el|los|las|una|es|son|il|lo|gli|di|o|os|as|um|uma|het|een|van")

func filter(terms []term, keep func(term) bool) []term {
	var out []term
	for _, t := range terms {
		if keep(t) {
			out = append(out, t)
		}
	}
	return out
}

func hasOwnName(a, b []term) bool {
	return slices.ContainsFunc(a, func(t term) bool {
		return t.name && !slices.ContainsFunc(b, func(u term) bool { return u.text == t.text })
	})
}

// hash64 is FNV-1a: slow but the same everywhere and for ever.
type hash64 uint64

func newHash() hash64 { return 14695981039346656037 }

func (h *hash64) add(s string) {
	for i := range len(s) {
		*h = (*h ^ hash64(s[i])) * 1099511628211
	}
	*h *= 1099511628211 // a byte 0 after it
}

func (h *hash64) number(n uint64) { *h = hash64(scatter(uint64(*h) ^ n)) }

// scatter spreads what numbers differ in over all bits (splitmix64).
func scatter(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// read reads a question.
func read(text string) *question {
	q := &question{}
	n := (&normal{source: text, hyphens: true}).read().text
	first := true // no word of the sentence yet
	for i := 0; i < len(n); {
		r, w := utf8.DecodeRune(n[i:])
		switch {
		case isIdeograph(r):
			q.terms = append(q.terms, term{text: string(r)})
			i += w
		case isOperator(r) || r == '#' || r == '@' || r == '~' || r == '*' && isTimes(n, i) || r == '-' && isMinus(n, i):
			q.terms = append(q.terms, term{text: string(n[i : i+w]), mark: true})
			i += w
		case isWordRune(r):
			end := wordEnd(n, i)
			q.terms = append(q.terms, readWord(string(n[i:end]), first))
			first = false
			i = end
		default:
			if r == '.' || r == '!' || r == '?' || r == ':' {
				first = true
				if n := len(q.terms); n > 0 {
					q.terms[n-1].end = r
				}
			}
			i += w
		}
	}
	for _, hash := range q.threes() {
		q.grams = append(q.grams, hash)
	}
	slices.Sort(q.grams)
	q.grams = slices.Compact(q.grams)
	return q
}

// threes are each three terms in a row, or all of fewer, with their hashes.
func (q *question) threes() iter.Seq2[[]term, uint64] {
	const size = 3
	return func(yield func([]term, uint64) bool) {
		for i := range q.terms {
			three := q.terms[i:min(i+size, len(q.terms))]
			if i > 0 && len(three) < size {
				return
			}
			h := newHash()
			for _, t := range three {
				h.add(t.text)
			}
			if !yield(three, uint64(h)) {
				return
			}
		}
	}
}

// wordEnd is where the word at i ends. Dots, underlines and apostrophes
// between letters or digits belong to it.
func wordEnd(n []byte, i int) int {
	for i < len(n) {
		r, w := utf8.DecodeRune(n[i:])
		if r == '.' || r == '_' || r == '\'' {
			if next, _ := utf8.DecodeRune(n[i+w:]); !unicode.IsLetter(next) && !unicode.IsNumber(next) && next != '_' {
				return i
			}
		} else if !isWordRune(r) || isOperator(r) || isIdeograph(r) {
			return i
		}
		i += w
	}
	return i
}

// readWord tells what kind of word it is; first is whether it begins a
// sentence.
func readWord(word string, first bool) term {
	t := term{text: strings.ToLower(word)}
	letters, capitals, other, inside := 0, 0, 0, 0
	for i, r := range word {
		switch {
		case unicode.IsUpper(r):
			letters++
			capitals++
			if i > 0 {
				inside++
			}
		case unicode.IsLetter(r):
			letters++
		case unicode.IsNumber(r) || r == '_' || r == '.':
			other++
		}
	}
	switch t.text {
	case "not", "no", "never", "without", "except", "nicht", "kein", "keine", "ohne", "nie", "pas", "sans", "sin", "nunca":
		t.mark = true
	case "e.g", "i.e", "z.b", "d.h", "a", "i":
	default:
		t.mark = other > 0 || inside > 0 || letters == 1 && len(t.text) == 1
	}
	t.name = !t.mark && capitals > 0 && !first
	return t
}

// isTimes reports whether the asterisk at i multiplies: what stands on both
// sides is alike. Others make words bold.
func isTimes(n []byte, i int) bool {
	before, after := i > 0 && isAlnum(n[i-1]), i+1 < len(n) && isAlnum(n[i+1])
	spaced := i > 0 && n[i-1] == ' ' && i+1 < len(n) && n[i+1] == ' '
	return before && after || spaced
}

// isMinus reports whether the dash at i stands before a number or a variable,
// a word of one letter, and not after a longer word.
func isMinus(n []byte, i int) bool {
	at := func(i int) byte {
		if i < 0 || i >= len(n) {
			return ' '
		}
		return n[i]
	}
	single := func(c, beyond byte) bool { return c <= '9' || !isAlnum(beyond) }
	before, after := at(i-1), at(i+1)
	return isAlnum(after) && single(after, at(i+2)) && (!isAlnum(before) || single(before, at(i-2)))
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
