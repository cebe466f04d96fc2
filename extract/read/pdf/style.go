package pdf

import "strings"

// fontStyle reads a font's name and the flags of its descriptor.
func fontStyle(name string, flags int) style {
	const fixedPitch, slanted, forceBold = 1, 1 << 6, 1 << 18
	if _, tail, ok := strings.Cut(name, "+"); ok {
		name = tail // subset fonts are named ABCDEF+Name
	}
	low := strings.ToLower(name)
	var st style
	if flags&forceBold != 0 || containsAny(low, "bold", "black", "heavy", "-medi", "cmbx", "sfbx", "semibold", "demi") {
		st |= bold
	}
	if flags&slanted != 0 || containsAny(low, "ital", "obli", "cmti", "sfti", "slant") {
		st |= italic
	}
	if flags&fixedPitch != 0 || containsAny(low, "mono", "courier", "consol", "menlo", "cmtt", "sftt", "typewriter", "lmtt", "nimbusmonl", "code") {
		st |= mono
	}
	if containsAny(low, "cmmi", "cmsy", "cmex", "math", "msam", "msbm", "eufm", "symbol", "stix") && !strings.Contains(low, "emoji") {
		st |= formula
	}
	if containsAny(low, "msam", "dingbat", "wingding", "webding", "marvosym", "wasy", "fontawesome") {
		st |= dingbat
	}
	return st
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
