package search

import "bytes"

// stem cuts an English word in lower-case ASCII letters back to its stem, by
// M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.
// Any other word, and one of one or two letters, is its own stem.
func stem(word string) string {
	if len(word) < 3 || len(word) > 64 {
		return word
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	var room [72]byte
	w := append(room[:0], word...)
	w = plural(w)
	w = past(w)
	if n := len(w) - 1; w[n] == 'y' && hasVowel(w[:n]) {
		w[n] = 'i'
	}
	w = replace(w, step2, 0)
	w = replace(w, step3, 0)
	w = drop(w)
	w = finalE(w)
	if n := len(w); n > 1 && w[n-1] == 'l' && w[n-2] == 'l' && measure(w[:n-1]) > 1 {
		w = w[:n-1]
	}
	return string(w)
}

// vowel reports whether w[i] is one; y is a vowel after a consonant.
func vowel(w []byte, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return true
	case 'y':
		return i > 0 && !vowel(w, i-1)
	}
	return false
}

func hasVowel(w []byte) bool {
	for i := range w {
		if vowel(w, i) {
			return true
		}
	}
	return false
}

// measure counts the runs of vowels that a consonant follows.
func measure(w []byte) int {
	n, after := 0, false
	for i := range w {
		v := vowel(w, i)
		if after && !v {
			n++
		}
		after = v
	}
	return n
}

// short reports whether w ends in consonant, vowel, consonant other than
// w, x and y: such a stem lost an e ("hop" from "hoping").
func short(w []byte) bool {
	n := len(w)
	if n < 3 || vowel(w, n-3) || !vowel(w, n-2) || vowel(w, n-1) {
		return false
	}
	return w[n-1] != 'w' && w[n-1] != 'x' && w[n-1] != 'y'
}

func ends(w []byte, suffix string) bool {
	return len(w) > len(suffix) && string(w[len(w)-len(suffix):]) == suffix
}

func plural(w []byte) []byte {
	switch {
	case ends(w, "sses"), ends(w, "ies"):
		return w[:len(w)-2]
	case ends(w, "ss"):
		return w
	case ends(w, "s"):
		return w[:len(w)-1]
	}
	return w
}

func past(w []byte) []byte {
	switch {
	case ends(w, "eed"):
		if measure(w[:len(w)-3]) > 0 {
			w = w[:len(w)-1]
		}
		return w
	case ends(w, "ed") && hasVowel(w[:len(w)-2]):
		w = w[:len(w)-2]
	case ends(w, "ing") && hasVowel(w[:len(w)-3]):
		w = w[:len(w)-3]
	default:
		return w
	}
	n := len(w)
	switch {
	case ends(w, "at"), ends(w, "bl"), ends(w, "iz"):
		return append(w, 'e')
	case n > 1 && w[n-1] == w[n-2] && !vowel(w, n-1) && bytes.IndexByte([]byte("lsz"), w[n-1]) < 0:
		return w[:n-1]
	case measure(w) == 1 && short(w):
		return append(w, 'e')
	}
	return w
}

var step2 = [][2]string{
	{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
	{"logi", "log"}, {"bli", "ble"}, {"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"},
	{"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"}, {"iveness", "ive"},
	{"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"},
}

var step3 = [][2]string{
	{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""},
}

var step4 = []string{
	"al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou",
	"ism", "ate", "iti", "ous", "ive", "ize",
}

// replace exchanges the first suffix that fits, if what stands before it has
// a measure above m.
func replace(w []byte, rules [][2]string, m int) []byte {
	for _, r := range rules {
		if ends(w, r[0]) {
			if rest := w[:len(w)-len(r[0])]; measure(rest) > m {
				return append(rest, r[1]...)
			}
			return w
		}
	}
	return w
}

func drop(w []byte) []byte {
	for _, suffix := range step4 {
		if !ends(w, suffix) {
			continue
		}
		rest := w[:len(w)-len(suffix)]
		if measure(rest) < 2 {
			return w
		}
		if last := rest[len(rest)-1]; suffix == "ion" && last != 's' && last != 't' {
			return w
		}
		return rest
	}
	return w
}

func finalE(w []byte) []byte {
	if !ends(w, "e") {
		return w
	}
	rest := w[:len(w)-1]
	if m := measure(rest); m > 1 || m == 1 && !short(rest) {
		return rest
	}
	return w
}
