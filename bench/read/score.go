package main

import (
	"maps"
	"strings"
	"unicode"

	"seedbed/extract/read/readscore"
)

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
			r.f1 = readscore.F1(readscore.Common(r.words, f.words), len(r.words), len(f.words))
			r.order = readscore.F1(readscore.InOrder(r.words, f.words), len(r.words), len(f.words))
			r.heads = readscore.Headings(r.headings, f.headings)
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
