package code

import (
	"regexp"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/verbatim"
)

// maxDepth is how deep brackets are followed; deeper ones hold nothing that
// anybody documented.
const maxDepth = 100

// A decl is a declaration with the comment above it. Those it holds cut it:
// what stands before the first is its own block.
type decl struct {
	from, to int // in the source
	sym      *extract.Symbol
	members  []decl
}

// scanned adds a block for each declaration of a file in a language of which
// only the grammar of declarations is known.
func scanned(w *verbatim.Writer, src, name, lang string, g *grammar) {
	s := scanner{src: src, lang: lang, g: g, toks: lex(src, g), test: IsTest(name)}
	if g.script {
		s.emit(w, s.statements(0, len(s.toks), "", 0))
	} else {
		s.emit(w, s.declarations(0, len(s.toks), "", 0))
	}
	if s.at < len(src) {
		plain(w, src, s.at, len(src))
	}
}

// testFile is the name of a file with tests: by the habits of all languages.
var testFile = regexp.MustCompile(`(?i)(^|/)(tests?|spec|specs|__tests__|unittests?)/|(^|/)(test|spec)[_-][^/]*$|[._-](test|spec|tests|unit)\.[a-z+]+$|[a-z](?-i:Test|Tests|Spec|TestCase)\.[a-z]+$`)

// IsTest reports whether a file of this name holds tests.
func IsTest(name string) bool { return testFile.MatchString(name) }

// A scanner finds declarations among the tokens of a file.
type scanner struct {
	src, lang string
	g         *grammar
	toks      []lexeme
	test      bool // the file holds tests
	at        int  // bytes that have a block
}

func (s *scanner) text(i int) string { return s.src[s.toks[i].start:s.toks[i].end] }

func (s *scanner) is(i int, kind byte) bool {
	return i >= 0 && i < len(s.toks) && s.toks[i].kind == kind
}

func (s *scanner) isWord(i int, w string) bool { return s.is(i, word) && s.text(i) == w }

// after is the token behind the bracket at i with what it holds.
func (s *scanner) after(i int) int {
	if m := int(s.toks[i].match); m > i {
		return m + 1
	}
	return i + 1
}

// emit adds the blocks of declarations and of what stands between them.
func (s *scanner) emit(w *verbatim.Writer, decls []decl) {
	for _, d := range decls {
		if d.from > s.at {
			plain(w, s.src, s.at, d.from)
			s.at = d.from
		}
		end := d.to
		if len(d.members) > 0 {
			end = d.members[0].from
		}
		if d.sym != nil && end > s.at {
			w.Add(s.at, end, extract.Block{Kind: extract.Code, Symbol: d.sym})
			s.at = end
		}
		if len(d.members) > 0 {
			s.emit(w, d.members)
			if d.to > s.at {
				plain(w, s.src, s.at, d.to)
				s.at = d.to
			}
		}
	}
}

// span is where a declaration of the tokens from first to last stands: with
// the comment above it and to the end of its line, if nothing else stands
// there.
func (s *scanner) span(first, last int) (int, int) {
	from := int(s.toks[first].start)
	if s.toks[first].first {
		if d := s.toks[first].doc; d >= 0 {
			from = int(d)
		}
		from = lineStart(s.src, from)
	}
	to := int(s.toks[last].end)
	next := last + 1
	if s.is(next, ',') && !s.toks[next].first {
		to = int(s.toks[next].end)
		next++
	}
	if next == len(s.toks) || s.toks[next].first {
		to = lineEnd(s.src, to)
	}
	return from, to
}

// doc is what the comments say above the token at i and above the attributes
// that follow it.
func (s *scanner) doc(i, until int) string {
	var docs []string
	for ; i <= until && i < len(s.toks); i++ {
		t := s.toks[i]
		if t.doc >= 0 && t.doc < t.start {
			if d := uncomment(strings.TrimSpace(s.src[t.doc:t.start]), s.lang); d != "" {
				docs = append(docs, d)
			}
		}
	}
	return strings.Join(docs, "\n")
}

// declarations finds those among the tokens from i to end. owner is the type
// around them, "" without one.
func (s *scanner) declarations(i, end int, owner string, depth int) []decl {
	var out []decl
	for i < end {
		next, found := s.declaration(i, end, owner, depth)
		out = append(out, found...)
		i = max(next, i+1)
	}
	return out
}

var access = wordsOf("public private protected signals slots")

// declaration reads one declaration or statement and says where the next
// starts.
func (s *scanner) declaration(i, end int, owner string, depth int) (int, []decl) {
	start := i
	value := false // = was seen: what braces hold is a value
	for j := i; j < end; {
		t := s.toks[j]
		if j > start && t.first && s.onlyMacros(start, j) {
			start = j
		}
		switch t.kind {
		case '(', '[':
			j = s.after(j)
			continue
		case '<':
			if s.is(j-1, word) && !s.isWord(j-1, "operator") {
				if n := s.angle(j, end); n > 0 {
					j = n
					continue
				}
			}
		case '}':
			return j + 1, nil
		case ':':
			if s.g.directive && j == start+1 && access[s.text(start)] || j == start+2 && s.is(start, word) && access[s.text(start)] && access[s.text(start+1)] {
				start = j + 1
			}
		case '=':
			value = value || !s.isOperator(j)
		case fat:
			if !value && s.lang == "c#" {
				if f := s.function(start, j, owner); f.ok {
					return s.expression(f, start, j, end)
				}
			}
			value = true
		case ';':
			if !value {
				if d, ok := s.prototype(start, j, owner); ok {
					return j + 1, []decl{d}
				}
			}
			return j + 1, nil
		case '{':
			if value || s.initialiser(start, j) {
				if j = s.after(j); value && s.ends(start, j) {
					return j, nil
				}
				continue
			}
			return s.braces(start, j, end, owner, depth)
		}
		j++
	}
	return end, nil
}

// expression is a method of C# whose body is one expression.
func (s *scanner) expression(f function, start, j, end int) (int, []decl) {
	for ; j < end && !s.is(j, ';'); j++ {
		if s.is(j, '(') || s.is(j, '{') || s.is(j, '[') {
			j = s.after(j) - 1
		}
	}
	return j + 1, []decl{s.functionDecl(f, start, min(j, end-1), f.sign)}
}

// onlyMacros reports whether the tokens from i to j are lines of macros that
// stand for themselves, as FMT_BEGIN_NAMESPACE and Q_DECLARE(x) do.
func (s *scanner) onlyMacros(i, j int) bool {
	if !s.g.directive || j-i > 50 {
		return false
	}
	between := s.src[s.toks[j-1].end:s.toks[j].start]
	if s.toks[j].doc < 0 && strings.Count(between, "\n") < 2 {
		return false
	}
	for ; i < j; i++ {
		if !s.is(i, word) || !isMacro(s.text(i)) {
			return false
		}
		if s.is(i+1, '(') && int(s.toks[i+1].match) > i {
			i = int(s.toks[i+1].match)
		}
	}
	return true
}

func isMacro(w string) bool {
	return strings.ToUpper(w) == w && strings.ToLower(w) != w && len(w) > 1
}

// isOperator reports whether the = at j belongs to the name of an operator.
func (s *scanner) isOperator(j int) bool {
	return s.isWord(j-1, "operator") || s.isWord(j-2, "operator") || s.is(j-1, '+') || s.is(j-1, '-') || s.is(j-1, '*') || s.is(j-1, '/') || s.is(j-1, '|') || s.is(j-1, '&') || s.is(j-1, '^') || s.is(j-1, '%')
}

// initialiser reports whether the brace at j initialises a member of a C++
// object: X() : a{1}, b{2} {}.
func (s *scanner) initialiser(start, j int) bool {
	if !s.g.structFunc || !s.is(j-1, word) && !s.is(j-1, '>') {
		return false
	}
	params := false
	for i := start; i < j; i++ {
		switch s.toks[i].kind {
		case '(':
			params = true
			i = s.after(i) - 1
		case ':':
			if params {
				return true
			}
		}
	}
	return false
}

// ends reports whether a value that ended before j ends the statement.
func (s *scanner) ends(start, j int) bool {
	return s.g.types["trait"] && s.isWord(start, "macro_rules") || j >= len(s.toks) || s.is(j, '}')
}

// braces reads what the brace at open belongs to.
func (s *scanner) braces(start, open, end int, owner string, depth int) (int, []decl) {
	last := int(s.toks[open].match)
	if last < 0 || last >= end {
		last = end - 1
	}
	next := last + 1
	if f := s.function(start, open, owner); f.ok {
		if s.is(next, ';') && next < end {
			next++
		}
		return next, []decl{s.functionDecl(f, start, last, f.sign)}
	}
	head := s.attributes(start, open)
	kind, at := s.keyword(head, open)
	switch {
	case kind == isType:
		close := last
		if s.g.directive && s.g.structFunc { // } name;
			for next < end && !s.is(next, ';') && !s.is(next, '}') && !s.is(next, '{') {
				next++
			}
		}
		if s.is(next, ';') && next < end {
			close = next
			next++
		}
		d := decl{sym: &extract.Symbol{Name: s.typeName(at, open, start, close), Kind: "type", Doc: s.doc(start, head)}}
		d.from, d.to = s.span(start, close)
		d.sym.Signature = s.signature(head, open)
		if !s.g.leaves[s.text(at)] || s.g.structFunc && s.lang != "c" && s.text(at) != "enum" {
			if depth < maxDepth {
				from := open + 1
				if s.text(at) == "enum" && s.lang == "java" {
					from = s.constants(from, last)
				}
				d.members = s.declarations(from, last, d.sym.Name, depth+1)
			}
		}
		if d.sym.Name == "" {
			d.sym = nil
		}
		return next, []decl{d}
	case kind == isScope && depth < maxDepth:
		name := owner
		if s.text(at) == "impl" {
			name = s.implements(at+1, open)
		}
		from, to := s.span(start, last)
		return next, []decl{{from: from, to: to, members: s.declarations(open+1, last, name, depth+1)}}
	case s.g.blocks && owner == "" && depth < maxDepth:
		return next, s.declarations(open+1, last, owner, depth+1)
	}
	if s.is(next, ';') && next < end {
		next++
	}
	return next, nil
}

// constants is the token behind the constants of a Java enum.
func (s *scanner) constants(i, end int) int {
	for ; i < end; i++ {
		switch s.toks[i].kind {
		case ';':
			return i + 1
		case '(', '{', '[':
			i = s.after(i) - 1
		}
	}
	return end
}

const (
	isNothing = iota
	isType
	isScope
)

// keyword finds the first word that says what the braces behind a head hold.
func (s *scanner) keyword(i, end int) (kind, at int) {
	for ; i < end; i++ {
		switch s.toks[i].kind {
		case '(', '[':
			i = s.after(i) - 1
		case '<':
			if n := s.angle(i, end); n > 0 {
				i = n - 1
			}
		case '=':
			return isNothing, i
		case word:
			w := s.text(i)
			switch {
			case s.g.types[w] && (w != "record" || s.is(i+1, word)):
				return isType, i
			case s.g.scopes[w]:
				return isScope, i
			}
		}
	}
	return isNothing, i
}

// angle is the token behind the > that closes the < at i, 0 if none does.
func (s *scanner) angle(i, end int) int {
	depth := 0
	for j := i; j < min(end, i+400); j++ {
		switch s.toks[j].kind {
		case '<':
			depth++
		case '>':
			if depth--; depth == 0 {
				return j + 1
			}
		case '(', '[', '{':
			j = s.after(j) - 1
		case ';', '}':
			return 0
		}
	}
	return 0
}

// attributes is the token behind the attributes that a head opens with.
func (s *scanner) attributes(i, end int) int {
	for i < end {
		switch {
		case s.g.attributes == "@" && s.is(i, '@') && s.is(i+1, word) && s.text(i+1) != "interface":
			i += 2
			for s.is(i, '.') && s.is(i+1, word) {
				i += 2
			}
			if s.is(i, '(') {
				i = s.after(i)
			}
		case s.g.attributes == "[" && s.is(i, '['), s.g.attributes == "[[" && s.is(i, '[') && s.is(i+1, '['):
			i = s.after(i)
		case s.g.attributes == "#[" && s.is(i, '#') && s.is(i+1, '['):
			i = s.after(i + 1)
		default:
			return i
		}
	}
	return i
}

// typeName is the name of the type whose keyword stands at i.
func (s *scanner) typeName(i, open, start, last int) string {
	if s.g.structFunc && s.isWord(start, "typedef") && last > 0 && s.is(last-1, word) && s.toks[open].match < int32(last-1) {
		return s.text(last - 1) // typedef struct {} name;
	}
	name := ""
	for i++; i < open; i++ {
		switch t := s.toks[i]; {
		case t.kind == '(' || t.kind == '[':
			i = s.after(i) - 1
		case t.kind != word:
			if t.kind == scope {
				continue
			}
			return name
		case s.g.types[s.text(i)], s.text(i) == "final" && name != "":
		default:
			if name = s.text(i); !s.g.structFunc {
				return name
			}
		}
	}
	return name
}

// implements is the type of an impl block of Rust.
func (s *scanner) implements(i, open int) string {
	name := ""
	for ; i < open; i++ {
		switch t := s.toks[i]; {
		case t.kind == '<':
			if n := s.angle(i, open); n > 0 {
				i = n - 1
			}
		case t.kind != word || s.text(i) == "dyn" || s.text(i) == "mut":
		case s.text(i) == "where":
			return name
		case s.text(i) == "for":
			name = ""
		default:
			name = s.text(i)
		}
	}
	return name
}

// A function is what a head says of it.
type function struct {
	ok   bool
	name string // with its type
	kind string
	doc  string
	head int // token behind the attributes
	sign int // token behind the signature
}

// notFunctions are words that parentheses and braces may follow.
var notFunctions = wordsOf("if for while switch catch return sizeof synchronized lock using fixed foreach elseif else do match unless declare isset echo new throw await case with when defined try use static_assert alignas __attribute__ __declspec decltype noexcept throws requires explicit public private protected internal static const async unsafe readonly virtual override abstract sealed extern volatile inline constexpr consteval operator")

// function tells whether the tokens from start to end are the head of one.
func (s *scanner) function(start, end int, owner string) function {
	f := function{head: s.attributes(start, end), sign: end}
	name, params := s.named(f.head, end)
	if params < 0 {
		return f
	}
	f.ok = true
	f.name, f.kind = name, "function"
	f.doc = s.doc(start, max(f.head, params-1))
	if owner != "" && !strings.Contains(name, ".") {
		f.name = owner + "." + name
	}
	if strings.Contains(f.name, ".") {
		f.kind = "method"
	}
	after := s.after(params)
	for i := after; s.g.structFunc && i < end; i++ { // members that are initialised
		if s.is(i, ':') {
			f.sign = i
			break
		}
	}
	s.markTest(&f, name, start, params, after)
	return f
}

var testMacro = regexp.MustCompile(`^([A-Z]+_)*TEST(_[A-Z]+)*$|^SCENARIO$`)

// markTest makes a function a test where it is one, by what its language does
// to mark them.
func (s *scanner) markTest(f *function, name string, start, params, after int) {
	for i := start; i < f.head; i++ {
		if s.is(i, word) && s.g.tests[s.text(i)] {
			f.kind = "test"
		}
	}
	if s.g.structFunc && testMacro.MatchString(name) {
		var args []string
		for i := params + 1; i < after-1; i++ {
			switch s.toks[i].kind {
			case word:
				args = append(args, s.text(i))
			case literal:
				args = append(args, strings.Trim(s.text(i), `"`))
			}
		}
		f.name, f.kind = strings.Join(args, "."), "test"
	}
	lower := strings.ToLower(name)
	if s.test && (strings.HasPrefix(lower, "test") || strings.HasSuffix(name, "Test") && s.lang != "java") || s.lang == "php" && strings.Contains(f.doc, "@test") {
		f.kind = "test"
	}
}

// named finds a function's name and the parenthesis of its parameters, -1 if
// the head is that of no function.
func (s *scanner) named(i, end int) (string, int) {
	if s.g.function != "" {
		for ; i < end; i++ {
			if s.is(i, '=') || s.is(i, '{') {
				return "", -1
			}
			if s.is(i, '(') { // pub(crate)
				i = s.after(i) - 1
				continue
			}
			if !s.isWord(i, s.g.function) {
				continue
			}
			i++
			if s.is(i, '&') {
				i++
			}
			if !s.is(i, word) || i >= end {
				return "", -1
			}
			name := s.text(i)
			if i++; s.is(i, '<') {
				i = max(i, s.angle(i, end))
			}
			if !s.is(i, '(') || i >= end {
				return "", -1
			}
			return name, i
		}
		return "", -1
	}
	name, params := "", -1
	for ; i < end; i++ {
		switch t := s.toks[i]; t.kind {
		case '=':
			if s.isWord(i-1, "operator") || s.isOperator(i) {
				continue
			}
			return name, params
		case '[':
			i = s.after(i) - 1
		case '<':
			if s.g.angles && s.is(i-1, word) && !s.isWord(i-1, "operator") {
				if n := s.angle(i, end); n > 0 {
					i = n - 1
				}
			}
		case word:
			w := s.text(i)
			if params < 0 && s.g.types[w] && !s.g.structFunc && (w != "record" || s.is(i+1, word)) {
				return "", -1
			}
			if w == "operator" {
				return s.operator(i, end)
			}
			if params < 0 && (w == "class" || w == "namespace" || w == "enum") && s.g.structFunc && s.lang != "c" {
				return "", -1
			}
			if s.lang == "c#" && params >= 0 && w == "where" {
				return name, params
			}
		case ':':
			if params >= 0 {
				return name, params
			}
			if s.g.structFunc {
				return "", -1 // struct x : base<f()>
			}
		case arrow:
			if params >= 0 {
				return name, params
			}
		case '(':
			n, ok := s.nameBefore(i)
			after := s.after(i)
			if ok && !s.is(after, scope) {
				switch {
				case params < 0:
					name, params = n, i
				case isMacro(name) && !isMacro(n) && !notFunctions[n]:
					name, params = n, i
				}
			}
			i = after - 1
		}
	}
	return name, params
}

// operator names the operator function whose word stands at i.
func (s *scanner) operator(i, end int) (string, int) {
	from := i
	i++
	if s.is(i, '(') && s.is(i+1, ')') && s.is(i+2, '(') {
		i += 2
	}
	for ; i < end && !s.is(i, '('); i++ {
		if s.is(i, '{') || s.is(i, ';') {
			return "", -1
		}
	}
	if i >= end {
		return "", -1
	}
	name := strings.Join(strings.Fields(s.src[s.toks[from].start:s.toks[i].start]), " ")
	if owner := s.qualifier(from); owner != "" {
		name = owner + "." + name
	}
	return name, i
}

// nameBefore is the name that stands before the parenthesis at i.
func (s *scanner) nameBefore(i int) (string, bool) {
	k := i - 1
	if s.is(k, '>') && s.g.angles { // f<T>(
		depth := 0
		for low := max(0, k-100); k > low; k-- {
			if s.is(k, '>') {
				depth++
			} else if s.is(k, '<') {
				if depth--; depth == 0 {
					break
				}
			}
		}
		k--
	}
	if !s.is(k, word) || notFunctions[s.text(k)] || s.is(k-1, '@') {
		return "", false
	}
	name := s.text(k)
	if s.is(k-1, '~') {
		name = "~" + name
		k--
	}
	if owner := s.qualifier(k); owner != "" {
		name = owner + "." + name
	}
	return name, true
}

// qualifier is the type before the :: before the token at i.
func (s *scanner) qualifier(i int) string {
	if !s.is(i-1, scope) {
		return ""
	}
	k := i - 2
	if s.is(k, '>') {
		depth := 0
		for low := max(0, k-100); k > low; k-- {
			if s.is(k, '>') {
				depth++
			} else if s.is(k, '<') {
				if depth--; depth == 0 {
					break
				}
			}
		}
		k--
	}
	if s.is(k, word) {
		return s.text(k)
	}
	return ""
}

// functionDecl is the declaration of a function from the token at start to
// the one at last.
func (s *scanner) functionDecl(f function, start, last, sign int) decl {
	d := decl{sym: &extract.Symbol{Name: f.name, Kind: f.kind, Signature: s.signature(f.head, sign), Doc: f.doc}}
	d.from, d.to = s.span(start, last)
	return d
}

// prototype is a function without a body, where it is documented.
func (s *scanner) prototype(start, end int, owner string) (decl, bool) {
	if s.toks[start].doc < 0 {
		return decl{}, false
	}
	f := s.function(start, end, owner)
	if !f.ok || f.doc == "" || f.kind == "test" || s.g.structFunc && s.isWord(f.head, "typedef") || s.before(f.head, end) == 0 && s.g.function == "" && owner == "" {
		return decl{}, false
	}
	return s.functionDecl(f, start, end, end), true
}

// before counts the words before the first parenthesis: a call has but one.
func (s *scanner) before(i, end int) int {
	n := -1
	for ; i < end && !s.is(i, '('); i++ {
		if s.is(i, word) || s.is(i, '*') || s.is(i, '&') {
			n++
		}
	}
	return n
}

// signature is the source of a head on one line or as it was written.
func (s *scanner) signature(i, end int) string {
	if i >= end {
		return ""
	}
	sig := strings.TrimRight(strings.TrimSpace(s.src[s.toks[i].start:s.toks[end-1].end]), ",;")
	if len(sig) > maxSignature {
		return firstLine(sig)[:min(len(firstLine(sig)), maxSignature)]
	}
	return dedent(sig)
}

const maxSignature = 2000 // bytes
