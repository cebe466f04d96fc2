package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxClauses is how many words and phrases of a query count, and how many
// terms of a phrase.
const maxClauses = 32

// A query is what a person typed, taken apart.
type query struct {
	must []clause
	not  []clause
}

// A clause is a word or a phrase. It is found where one of its phrases is.
type clause struct {
	any  []phrase
	typ  clauseType
	word string // as it was typed, for whole and partial
}

type clauseType int

const (
	exact   clauseType = iota // a quoted or excluded one
	whole                     // a finished word: its spelling may be corrected
	partial                   // the last word: it may be the beginning of one
)

// A phrase is terms that follow one another. With prefix, the last of them
// only has to begin so.
type phrase struct {
	terms  []string
	prefix bool
}

// parse takes a query apart. It never fails: quotes may be left open, signs
// may stand anywhere.
func parse(s string) query {
	var q query
	s = strings.ToValidUTF8(s, " ")
	for s != "" && len(q.must)+len(q.not) < maxClauses {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		rest, excluded := strings.CutPrefix(s, "-")
		c := clause{}
		if quoted, ok := cutQuote(rest); ok {
			inside, after, closed := cutClose(quoted)
			c = newClause(inside, exact)
			if !closed && !excluded {
				c = newClause(inside, partial)
			}
			s = after
		} else {
			end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || isQuote(r) })
			typ := whole
			if end < 0 {
				end, typ = len(rest), partial
			}
			if excluded {
				typ = exact
			}
			c = newClause(rest[:end], typ)
			s = rest[end:]
		}
		switch {
		case len(c.any) == 0:
		case excluded:
			q.not = append(q.not, c)
		default:
			q.must = append(q.must, c)
		}
	}
	return q
}

func isQuote(r rune) bool {
	return r == '"' || r == '“' || r == '”' || r == '„' || r == '«' || r == '»'
}

func cutQuote(s string) (string, bool) {
	r, n := utf8.DecodeRuneInString(s)
	return s[n:], n > 0 && isQuote(r)
}

func cutClose(s string) (inside, after string, closed bool) {
	i := strings.IndexFunc(s, isQuote)
	if i < 0 {
		return s, "", false
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return s[:i], s[i+n:], true
}

// newClause has no phrase where text has no term.
func newClause(text string, typ clauseType) clause {
	found := terms(text)
	if len(found) == 0 {
		return clause{}
	}
	if len(found) > maxClauses {
		found = found[:maxClauses]
	}
	p := phrase{}
	last := found[len(found)-1]
	if last.pair {
		// The final character alone only stands where the run ends, and
		// the text's run may go on.
		if len(found) > 1 && found[len(found)-2].pair && found[len(found)-2].end == last.end {
			found = found[:len(found)-1]
		} else {
			p.prefix = true
		}
		typ = exact
	}
	for _, t := range found {
		p.terms = append(p.terms, t.stem)
	}
	c := clause{any: []phrase{p}, typ: typ, word: last.word}
	if typ == partial {
		c.any = append(c.any, phrase{terms: append(slices.Clone(p.terms[:len(p.terms)-1]), last.word), prefix: true})
	}
	if len(found) > 1 || strings.ContainsFunc(last.word, func(r rune) bool { return !unicode.IsLetter(r) }) {
		c.typ = exact // there is nothing to correct
	}
	return c
}

// at reports how many of ts the phrase covers from the first on, 0 if it does
// not fit.
func (p phrase) at(ts []term) int {
	if len(ts) < len(p.terms) {
		return 0
	}
	for i, want := range p.terms {
		if p.prefix && i == len(p.terms)-1 {
			if !strings.HasPrefix(ts[i].stem, want) {
				return 0
			}
		} else if ts[i].stem != want {
			return 0
		}
	}
	return len(p.terms)
}
