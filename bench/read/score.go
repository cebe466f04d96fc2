package main

import (
	"maps"
	"math/bits"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// words are the runs of letters and digits of a text, in lower case.
func words(text string) []string {
	text = strings.ReplaceAll(text, "\u00ad", "")
	text = strings.ToLower(norm.NFKC.String(text))
	return strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

var (
	counter = regexp.MustCompile(`(?i)^((chapter|part|appendix|kapitel|teil)\s+)?(\d+|[ivx]+|[a-z])(\.\d+)*[.:]\s+`)
	bare    = regexp.MustCompile(`^\d+(\.\d+)*\s+`)
)

// heading is a heading as headings are compared: without its number.
func heading(s string) string {
	s = strings.TrimSpace(s)
	s = bare.ReplaceAllString(counter.ReplaceAllString(s, ""), "")
	return strings.Join(words(s), " ")
}

// headings scores the headings found against the true ones. A true one that
// opens with a question mark may be missing: the title, which is set like a
// heading, or the head that a program gives its table of contents.
func headings(got, want []string) float64 {
	must, may := map[string]int{}, map[string]int{}
	n := 0
	for _, h := range want {
		if rest, ok := strings.CutPrefix(h, "?"); ok {
			may[heading(rest)]++
		} else {
			must[heading(h)]++
			n++
		}
	}
	both, counted := 0, 0
	for _, h := range got {
		switch h = heading(h); {
		case must[h] > 0:
			must[h]--
			both++
			counted++
		case may[h] > 0:
		default:
			counted++
		}
	}
	return f1(both, counted, n)
}

// f1 is the harmonic mean of the shares of got and want that are in both.
func f1(both, got, want int) float64 {
	if got+want == 0 {
		return 0
	}
	return 2 * float64(both) / float64(got+want)
}

// common is how many words two bags share.
func common(a, b []string) int {
	counts := map[string]int{}
	for _, w := range a {
		counts[w]++
	}
	n := 0
	for _, w := range b {
		if counts[w] > 0 {
			counts[w]--
			n++
		}
	}
	return n
}

// inOrder is the length of the longest common subsequence of two texts. The
// rows of the usual table are kept as bits (Hyyrö 2004), 64 words at a time.
func inOrder(a, b []string) int {
	at := map[string][]int{}
	for i, w := range a {
		at[w] = append(at[w], i)
	}
	row := make([]uint64, (len(a)+63)/64)
	for i := range row {
		row[i] = ^uint64(0)
	}
	match := make([]uint64, len(row))
	for _, w := range b {
		places := at[w]
		if places == nil {
			continue
		}
		for _, i := range places {
			match[i/64] |= 1 << (i % 64)
		}
		carry := uint64(0)
		for i, v := range row {
			u := v & match[i]
			sum, c := bits.Add64(v, u, carry)
			row[i], carry = sum|(v&^match[i]), c
		}
		for _, i := range places {
			match[i/64] = 0
		}
	}
	n := 0
	for i := range a {
		if row[i/64]&(1<<(i%64)) == 0 {
			n++
		}
	}
	return n
}

// A lexicon is the words, and where known the pairs of neighbours, that a text
// may have.
type lexicon struct {
	words map[string]bool
	pairs map[[2]string]bool // nil where the true text is not known
}

func newLexicon(truth []string) lexicon {
	l := lexicon{map[string]bool{}, map[[2]string]bool{}}
	for i, w := range truth {
		l.words[w] = true
		if i > 0 {
			l.pairs[[2]string{truth[i-1], w}] = true
		}
	}
	return l
}

// add takes up the words that most readers find in a file.
func (l lexicon) add(results []result) {
	in := map[string]int{}
	for _, r := range results {
		seen := map[string]bool{}
		for _, w := range r.words {
			if !seen[w] {
				seen[w] = true
				in[w]++
			}
		}
	}
	for w, n := range in {
		if n >= 2 && n*2 > len(results) {
			l.words[w] = true
		}
	}
}

// glued reports whether a word is two words run together.
func (l lexicon) glued(w string) bool {
	if l.words[w] || len(w) < 6 || !letters(w) {
		return false // "xy" of a formula is none
	}
	for i := 2; i <= len(w)-2; i++ {
		switch a, b := w[:i], w[i:]; {
		case l.pairs != nil:
			if l.pairs[[2]string{a, b}] {
				return true
			}
		case i >= 3 && len(b) >= 3 && l.words[a] && l.words[b]:
			return true
		}
	}
	return false
}

// broken reports whether two neighbours are one word torn apart.
func (l lexicon) broken(a, b string) bool {
	if !l.words[a+b] || !letters(a) || !letters(b) {
		return false
	}
	if l.pairs != nil {
		return !l.pairs[[2]string{a, b}]
	}
	return len(a+b) > 4 && (!l.words[a] || !l.words[b])
}

func letters(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// score fills in the figures of every result.
func score(files []file) {
	in := map[string]int{} // files by word
	for _, f := range files {
		seen := map[string]bool{}
		for _, r := range f.results {
			for _, w := range r.words {
				seen[w] = true
			}
		}
		for w := range seen {
			in[w]++
		}
	}
	usual := lexicon{words: map[string]bool{}}
	for w, n := range in {
		usual.words[w] = n >= 3
	}
	for i, f := range files {
		lex := lexicon{words: maps.Clone(usual.words)}
		if len(f.words) > 0 {
			lex = newLexicon(f.words)
		} else {
			lex.add(f.results)
		}
		for j := range f.results {
			r := &files[i].results[j]
			r.f1 = f1(common(r.words, f.words), len(r.words), len(f.words))
			r.order = f1(inOrder(r.words, f.words), len(r.words), len(f.words))
			r.heads = headings(r.headings, f.headings)
			for k, w := range r.words {
				if lex.glued(w) {
					r.glued++
				}
				if k > 0 && lex.broken(r.words[k-1], w) {
					r.broken++
				}
			}
		}
	}
}
