package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kinds of token.
const (
	aWord  = iota // a word
	aStop         // punctuation
	aLine         // the end of a line
	aQuote        // what the text quotes: code, a formula, words between quotation marks
)

type token struct {
	text  string
	kind  int
	words int // of what is quoted
}

// A scanned text is its tokens, in small letters.
type scanned struct {
	text   string
	tokens []token
}

// scan reads a text. What it quotes is taken as a whole: rules look only at
// the words around it.
func scan(s string) *scanned {
	t := &scanned{text: strings.ToLower(s)}
	s = t.text
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		if n := quoted(s[i:], r, i == 0 || s[i-1] == ' ' || s[i-1] == '(' || s[i-1] == '\n'); n > 0 {
			t.add(token{text: s[i : i+n], kind: aQuote, words: len(strings.Fields(s[i : i+n]))})
			i += n
			continue
		}
		switch {
		case r == '\n':
			t.add(token{text: "\n", kind: aLine})
		case r == '.' && t.abbreviates():
		case strings.ContainsRune(".,;:?!(：？。，、；（", r):
			t.add(token{text: s[i : i+w], kind: aStop})
		case isWordRune(r) && !isOperator(r):
			end := i + w
			for end < len(s) {
				r, w := utf8.DecodeRuneInString(s[end:])
				if inner := r == '.' || r == '\'' || r == '’' || r == '_'; inner {
					next, _ := utf8.DecodeRuneInString(s[end+w:])
					if !unicode.IsLetter(next) && !unicode.IsNumber(next) {
						break
					}
				} else if !isWordRune(r) || isOperator(r) {
					break
				}
				end += w
			}
			t.add(token{text: strings.ReplaceAll(s[i:end], "’", "'")})
			i = end
			continue
		}
		i += w
	}
	return t
}

// abbreviates reports whether the last word is one that a dot does not end.
func (t *scanned) abbreviates() bool {
	if len(t.tokens) == 0 {
		return false
	}
	switch t.tokens[len(t.tokens)-1].text {
	case "fig", "figs", "eq", "eqs", "eqn", "sec", "ch", "p", "pp", "cf", "no", "abb", "kap", "vgl":
		return true
	}
	return false
}

func (t *scanned) add(tok token) { t.tokens = append(t.tokens, tok) }

// quoted is the length of the quotation that s begins with, which begins with
// r; 0 if none does. A single quotation mark must follow a gap.
func quoted(s string, r rune, gap bool) int {
	until := func(sign string, within int) int {
		body := s[utf8.RuneLen(r):]
		if within < len(body) {
			body = body[:within]
		}
		if n := strings.Index(body, sign); n > 0 {
			return utf8.RuneLen(r) + n + len(sign)
		}
		return 0
	}
	switch r {
	case '`':
		if rest, ok := strings.CutPrefix(s, "```"); ok {
			if n := strings.Index(rest, "```"); n >= 0 {
				return n + 6
			}
			return len(s)
		}
		return until("`", 500)
	case '"':
		return until("\"", 2000)
	case '“', '„':
		if n := until("”", 2000); n > 0 || r == '“' {
			return n
		}
		return until("“", 2000)
	case '«':
		return until("»", 2000)
	case '「':
		return until("」", 2000)
	case '《':
		return until("》", 500)
	case '$':
		return until("$", 500)
	case '‘':
		return until("’", 500)
	case '\'':
		if n := until("'", 500); gap && n > 0 && n < len(s) && !unicode.IsLetter(rune(s[n])) {
			return n
		}
	}
	return 0
}

// brings reports whether the text brings along, after its token i, what it
// speaks of: code, a long quotation, something after a colon or on a new line.
func (t *scanned) brings(i int) bool {
	open, words := false, 0
	for j, tok := range t.tokens {
		switch {
		case tok.kind == aQuote && (tok.words > 2 || strings.HasPrefix(tok.text, "```") || j > i):
			return true
		case j <= i:
		case tok.kind == aLine || tok.text == ":" || tok.text == "：":
			open = true
		case tok.kind == aWord && open:
			words++
		}
	}
	return words > 1
}

// isNumber reports whether a word is a number as headings and captions have
// them: 3, 3.2, 3a, A.1, iv.
func isNumber(word string) bool {
	if word == "" {
		return false
	}
	if c := word[0]; c >= '0' && c <= '9' {
		return true
	}
	if len(word) > 2 && word[1] == '.' && word[2] >= '0' && word[2] <= '9' {
		return true
	}
	return len(word) > 1 && strings.Trim(word, "ivxl") == ""
}
