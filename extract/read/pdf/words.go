package pdf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A vocabulary is the words of a document that stand unbroken in a line.
// It decides whether a hyphen at the end of a line is part of the word.
type vocabulary map[string]bool

// learn takes up the words of a line, in lower case; the pieces at a
// hyphenated end are not words.
func (v vocabulary) learn(l line, afterHyphen bool) (hyphenated bool) {
	words := strings.Fields(strings.ToLower(strings.ReplaceAll(l.text, "\u00ad", "")))
	for i, w := range words {
		if i == len(words)-1 && endsInHyphen(w) {
			return true
		}
		if i == 0 && afterHyphen {
			continue
		}
		w = strings.TrimFunc(strings.ReplaceAll(w, string(lineHyphen), "-"), notLetter)
		v[w] = true
		if a, b, ok := strings.Cut(w, "-"); ok {
			v[a], v[b] = true, true
		}
	}
	return false
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// endsInHyphen reports whether a word ends in a letter and a hyphen.
func endsInHyphen(w string) bool {
	r, n := utf8.DecodeLastRuneInString(w)
	if r != lineHyphen && r != '-' && r != '\u2010' && r != '\u00ad' {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(w[:len(w)-n])
	return unicode.IsLetter(before)
}

// link puts the next line after text: with a space, or, where text ends in a
// hyphen, without one. The hyphen goes if the joined word occurs elsewhere,
// or if nothing speaks for a compound: it does not occur with its hyphen, and
// its parts are not both words of the document.
func (v vocabulary) link(text, next string) string {
	if text == "" {
		return next
	}
	if !endsInHyphen(text) {
		return text + " " + next
	}
	r, n := utf8.DecodeLastRuneInString(text)
	stem := text[:len(text)-n]
	if r == '\u00ad' {
		return stem + next
	}
	first, _ := utf8.DecodeRuneInString(next)
	if !unicode.IsLower(first) {
		return stem + "-" + next
	}
	a := strings.ToLower(stem[strings.LastIndexFunc(stem, notLetter)+1:])
	b, _, _ := strings.Cut(strings.ToLower(next), " ")
	if i := strings.IndexFunc(b, notLetter); i >= 0 {
		b = b[:i]
	}
	switch {
	case v[a+b]:
		return stem + next
	case v[a+"-"+b], v[a] && v[b] && utf8.RuneCountInString(a) > 2:
		return stem + "-" + next
	}
	return stem + next
}

// tidy writes the marks left inside a line as what they stand for.
func tidy(s string) string {
	s = strings.ReplaceAll(s, string(lineHyphen), "-")
	return strings.ReplaceAll(s, "\u00ad", "")
}
