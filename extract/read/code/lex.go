package code

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kinds of token. A sign is its own kind: '{', ';' and so on, and where it is
// of two characters one of the last four.
const (
	word      = 'w' // names, keywords and numbers
	literal   = 's' // strings and regular expressions
	comment   = 'c'
	directive = 'd'
	scope     = '2' // ::
	arrow     = 'a' // ->
	fat       = 'f' // =>
	compare   = 'o' // ==, !=, <=, >=
)

// A lexeme is a word, a literal or a sign.
type lexeme struct {
	kind       byte
	first      bool  // of its line
	start, end int32 // in the source
	match      int32 // brackets: the token of the other one, or -1
	doc        int32 // where the comment on the lines right above starts, or -1
}

// lex cuts source into tokens and pairs the brackets. It takes time in
// proportion to the source, whatever that is.
func lex(src string, g *grammar) []lexeme {
	l := lexer{src: src, g: g, first: true, out: make([]lexeme, 0, len(src)/5)}
	if g.heredoc {
		l.at = l.markup(0)
	}
	for l.at < len(src) {
		l.next()
	}
	if g.directive {
		l.branches()
	}
	l.attach()
	pair(l.out)
	return l.out
}

type lexer struct {
	src   string
	g     *grammar
	at    int
	first bool
	out   []lexeme
}

func (l *lexer) add(kind byte, end int) {
	l.out = append(l.out, lexeme{kind: kind, first: l.first, start: int32(l.at), end: int32(end), match: -1, doc: -1})
	l.at, l.first = end, false
}

func (l *lexer) has(s string) bool { return strings.HasPrefix(l.src[l.at:], s) }

func (l *lexer) next() {
	src, g := l.src, l.g
	switch ch := src[l.at]; {
	case ch == '\n':
		l.first = true
		l.at++
	case ch == ' ', ch == '\t', ch == '\r', ch == '\f':
		l.at++
	case l.has("//"):
		l.add(comment, l.lineComment())
	case l.has("/*"):
		l.add(comment, l.blockComment())
	case ch == '#' && g.directive && l.first:
		l.add(directive, l.directiveEnd())
	case ch == '#' && g.hash && !l.has("#["):
		l.add(comment, l.lineComment())
	case g.heredoc && l.has("?>"):
		l.at = l.markup(l.at + 2)
		l.out = append(l.out, lexeme{kind: ';', start: int32(l.at), end: int32(l.at), match: -1, doc: -1})
	case g.heredoc && l.has("<<<"):
		if end := heredocEnd(src, l.at); end > 0 {
			l.add(literal, end)
		} else {
			l.add(ch, l.at+1)
		}
	case ch == '"', ch == '\'', ch == '`' && (g.backtick || g.heredoc):
		l.quoted(ch)
	case (ch == '@' || ch == '$') && g.verbatim && l.interpolated():
	case ch == 'r' || ch == 'b' || ch == 'c' || ch == 'R' || ch == 'u' || ch == 'U' || ch == 'L':
		if end := l.raw(); end > 0 {
			l.add(literal, end)
		} else {
			l.word()
		}
	case isWord(ch):
		l.word()
	case ch == '/' && g.regex && l.valueNext():
		l.add(literal, regexEnd(src, l.at))
	case l.has("::"):
		l.add(scope, l.at+2)
	case l.has("->"), l.has("?->"):
		l.add(arrow, l.at+2)
	case l.has("=>"):
		l.add(fat, l.at+2)
	case l.has("==="), l.has("!=="):
		l.add(compare, l.at+3)
	case l.has("=="), l.has("!="), l.has("<="), l.has(">=") && !g.angles:
		l.add(compare, l.at+2)
	default:
		l.add(ch, l.at+1)
	}
}

// isWord reports whether a byte belongs to a name. Letters beyond ASCII do.
func isWord(ch byte) bool {
	return ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || ch == '_' || ch == '$' || ch >= utf8.RuneSelf
}

func (l *lexer) word() {
	i := l.at
	digit := l.src[i] >= '0' && l.src[i] <= '9'
	for i < len(l.src) && (isWord(l.src[i]) || digit && (l.src[i] == '.' || l.src[i] == '\'' && l.g.rawC) && i+1 < len(l.src) && isWord(l.src[i+1])) {
		i++
	}
	l.add(word, i)
}

// lineComment is the end of the comment at l.at, without its line feed.
func (l *lexer) lineComment() int {
	end := lineFeed(l.src, l.at)
	if l.g.heredoc {
		if i := strings.Index(l.src[l.at:end], "?>"); i >= 0 {
			return l.at + i
		}
	}
	return end
}

func lineFeed(src string, at int) int {
	if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(src)
}

func (l *lexer) blockComment() int {
	depth := 1
	for i := l.at + 2; i < len(l.src); i++ {
		switch {
		case strings.HasPrefix(l.src[i:], "*/"):
			if depth--; depth == 0 {
				return i + 2
			}
			i++
		case l.g.nested && strings.HasPrefix(l.src[i:], "/*"):
			depth++
			i++
		}
	}
	return len(l.src)
}

// directiveEnd is the end of the preprocessor's line at l.at, with the lines
// that backslashes continue it on.
func (l *lexer) directiveEnd() int {
	for end := l.at; ; end++ {
		end = lineFeed(l.src, end)
		if end == len(l.src) || !strings.HasSuffix(strings.TrimSuffix(l.src[l.at:end], "\r"), `\`) {
			return end
		}
	}
}

// quoted adds the literal that opens with the quote at l.at.
func (l *lexer) quoted(quote byte) {
	src, g := l.src, l.g
	switch {
	case quote == '`':
		l.add(literal, templateEnd(src, l.at, 0))
		return
	case quote == '"' && g.long && l.has(`"""`):
		l.add(literal, closing(src, l.at+3, `"""`))
		return
	case quote == '\'' && g.rawRust && !isChar(src[l.at+1:]):
		l.at++ // a lifetime
		return
	}
	l.add(literal, quotedEnd(src, l.at, g.multiline))
}

// quotedEnd is the place behind the string whose quote stands at i. One that
// does not end on its line ends with the line, unless it may be longer.
func quotedEnd(src string, i int, multiline bool) int {
	quote := src[i]
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		case '\n':
			if !multiline {
				return i
			}
		}
	}
	return len(src)
}

func closing(src string, from int, mark string) int {
	if from < len(src) {
		if i := strings.Index(src[from:], mark); i >= 0 {
			return from + i + len(mark)
		}
	}
	return len(src)
}

// isChar reports whether what follows a quote is one character and a quote.
func isChar(s string) bool {
	if strings.HasPrefix(s, `\`) {
		return true
	}
	_, n := utf8.DecodeRuneInString(s)
	return strings.HasPrefix(s[n:], "'")
}

// templateEnd is the place behind the `…` at i, with the code it holds.
func templateEnd(src string, i, depth int) int {
	for i++; i < len(src); i++ {
		switch {
		case src[i] == '\\':
			i++
		case src[i] == '`':
			return i + 1
		case strings.HasPrefix(src[i:], "${") && depth < maxDepth:
			i = holeEnd(src, i+2, depth+1) - 1
		}
	}
	return len(src)
}

// holeEnd is the place behind the } that ends the code inside a string.
func holeEnd(src string, i, depth int) int {
	for open := 1; i < len(src); i++ {
		switch src[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return i + 1
			}
		case '"', '\'':
			i = quotedEnd(src, i, false) - 1
		case '`':
			i = templateEnd(src, i, depth) - 1
		}
	}
	return len(src)
}

// interpolated adds the C# string at l.at that opens with @ or $, if it is one.
func (l *lexer) interpolated() bool {
	i, dollars, at := l.at, 0, false
	for i < len(l.src) && (l.src[i] == '$' || l.src[i] == '@') {
		if l.src[i] == '$' {
			dollars++
		} else {
			at = true
		}
		i++
	}
	if i == len(l.src) || l.src[i] != '"' {
		return false
	}
	if strings.HasPrefix(l.src[i:], `"""`) {
		l.add(literal, closing(l.src, i+3, `"""`))
		return true
	}
	for i++; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '\\' && !at:
			i++
		case c == '"' && at && strings.HasPrefix(l.src[i:], `""`):
			i++
		case c == '"':
			l.add(literal, i+1)
			return true
		case c == '\n' && !at:
			l.add(literal, i)
			return true
		case c == '{' && dollars > 0 && strings.HasPrefix(l.src[i:], "{{"):
			i++
		case c == '{' && dollars > 0:
			i = holeEnd(l.src, i+1, 0) - 1
		}
	}
	l.add(literal, len(l.src))
	return true
}

// raw is the place behind the string at l.at that a letter opens, as r#"…"#
// and R"x(…)x" do, 0 if none does.
func (l *lexer) raw() int {
	s := l.src[l.at:]
	if l.g.rawRust {
		n := 0
		for n < min(len(s), 2) && strings.IndexByte("rbc", s[n]) >= 0 {
			n++
		}
		letters, rest := s[:n], s[n:]
		if !strings.Contains(letters, "r") {
			switch {
			case strings.HasPrefix(rest, `"`):
				return quotedEnd(l.src, l.at+len(letters), true)
			case letters == "b" && strings.HasPrefix(rest, "'") && isChar(rest[1:]):
				return quotedEnd(l.src, l.at+1, false)
			}
			return 0
		}
		marks := len(rest) - len(strings.TrimLeft(rest, "#"))
		if strings.HasPrefix(rest[marks:], `"`) {
			return closing(l.src, l.at+len(letters)+marks+1, `"`+strings.Repeat("#", min(marks, 255)))
		}
		return 0
	}
	if !l.g.rawC {
		return 0
	}
	rest := s
	for _, p := range []string{"u8R", "uR", "UR", "LR", "R"} {
		if strings.HasPrefix(s, p+`"`) {
			rest = s[len(p)+1:]
			break
		}
	}
	if len(rest) == len(s) {
		return 0
	}
	delim, _, ok := strings.Cut(rest[:min(len(rest), 20)], "(")
	if !ok || strings.ContainsAny(delim, " \n\"\\)") {
		return 0
	}
	return closing(l.src, l.at+len(s)-len(rest)+len(delim)+1, ")"+delim+`"`)
}

// valueNext reports whether a value may stand next, so that / opens a regular
// expression.
func (l *lexer) valueNext() bool {
	for i := len(l.out) - 1; i >= 0; i-- {
		t := l.out[i]
		switch t.kind {
		case comment:
			continue
		case word:
			return beforeValue[l.src[t.start:t.end]]
		case literal, ')', ']', '}', '<':
			return false
		}
		return true
	}
	return true
}

var beforeValue = wordsOf("return typeof case in of do else void delete throw new instanceof yield await")

func regexEnd(src string, i int) int {
	class := false
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '\n':
			return i
		case '/':
			if !class {
				return i + 1
			}
		}
	}
	return len(src)
}

// markup is the place behind the next <?php.
func (l *lexer) markup(from int) int {
	for {
		i := strings.Index(l.src[from:], "<?")
		if i < 0 {
			return len(l.src)
		}
		from += i + 2
		switch rest := l.src[from:]; {
		case strings.HasPrefix(rest, "php"):
			return from + 3
		case strings.HasPrefix(rest, "xml"):
		default:
			return from
		}
	}
}

const maxLabel = 200 // bytes of a heredoc's name

// heredocEnd is the place behind the heredoc whose <<< stands at i, 0 if that
// is none.
func heredocEnd(src string, i int) int {
	line := src[i+3 : lineFeed(src[:min(len(src), i+maxLabel)], i)]
	label := strings.Trim(strings.TrimSpace(line), `"'`)
	if label == "" || strings.IndexFunc(label, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) >= 0 {
		return 0
	}
	for at := lineFeed(src, i); at < len(src); {
		next := lineFeed(src, at+1)
		text := src[at+1 : max(at+1, next)]
		trimmed := strings.TrimLeft(text, " \t")
		if rest, ok := strings.CutPrefix(trimmed, label); ok && (rest == "" || !isWord(rest[0])) {
			return at + 1 + len(text) - len(rest)
		}
		at = next
	}
	return len(src)
}

// branches drops what would leave brackets open: where the branches of an #if
// do not each close what they open, only the first is read. Nobody knows which
// of them is compiled, but each alone makes sense.
func (l *lexer) branches() {
	type group struct {
		start    int   // token of the #if
		cuts     []int // tokens of #else and #elif
		balanced bool
		depth    int
	}
	var open []group
	drop := make([]bool, len(l.out))
	dropped := false
	for i, t := range l.out {
		var g *group
		if len(open) > 0 {
			g = &open[len(open)-1]
		}
		switch t.kind {
		case '{', '(':
			if g != nil {
				g.depth++
			}
		case '}', ')':
			if g != nil {
				if g.depth--; g.depth < 0 {
					g.balanced = false
				}
			}
		case directive:
			name := strings.TrimLeft(l.src[t.start+1:t.end], " \t")
			switch {
			case strings.HasPrefix(name, "if"):
				open = append(open, group{start: i, balanced: true})
			case g == nil:
			case strings.HasPrefix(name, "el"):
				g.balanced = g.balanced && g.depth == 0
				g.depth = 0
				g.cuts = append(g.cuts, i)
			case strings.HasPrefix(name, "endif"):
				if (!g.balanced || g.depth != 0) && len(g.cuts) > 0 {
					from, to := g.cuts[0], i
					if zero := strings.Fields(l.src[l.out[g.start].start:l.out[g.start].end]); len(zero) == 2 && zero[1] == "0" {
						from, to = g.start, g.cuts[0]
					}
					for j := from; j < to; j++ {
						drop[j] = true
					}
					dropped = true
				}
				open = open[:len(open)-1]
			}
		}
	}
	if !dropped {
		return
	}
	kept := l.out[:0]
	for i, t := range l.out {
		if !drop[i] {
			kept = append(kept, t)
		}
	}
	l.out = kept
}

// attach takes the comments and the preprocessor's lines out and tells each
// token of the comment right above it.
func (l *lexer) attach() {
	kept := l.out[:0]
	doc, last := int32(-1), int32(0) // the comment that is open, and its end
	for _, t := range l.out {
		near := doc >= 0 && strings.Count(l.src[last:t.start], "\n") <= 1
		switch {
		case t.kind == comment && near && t.first:
			last = t.end
		case t.kind == comment && t.first:
			doc, last = t.start, t.end
		case t.kind == comment:
		case t.kind == directive:
			doc = -1
		default:
			if near && t.first {
				t.doc = doc
			}
			doc = -1
			kept = append(kept, t)
		}
	}
	l.out = kept
}

// pair fills match. A brace closes what stands open inside it; other brackets
// that have no partner stay single.
func pair(tokens []lexeme) {
	opens := map[byte]byte{'}': '{', ')': '(', ']': '['}
	var stack []int32
	braces := 0
	for i := range tokens {
		switch k := tokens[i].kind; k {
		case '{', '(', '[':
			stack = append(stack, int32(i))
			if k == '{' {
				braces++
			}
		case '}', ')', ']':
			if k == '}' && braces == 0 {
				continue
			}
			top := len(stack) - 1
			for k == '}' && tokens[stack[top]].kind != '{' {
				top--
			}
			if top < 0 || tokens[stack[top]].kind != opens[k] {
				continue
			}
			if k == '}' {
				braces--
			}
			tokens[i].match = stack[top]
			tokens[stack[top]].match = int32(i)
			stack = stack[:top]
		}
	}
}
