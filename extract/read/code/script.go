package code

import (
	"strings"

	"seedbed/extract"
)

// statements finds the functions and classes of JavaScript and TypeScript
// among the tokens from i to end, wherever they stand: in the file, in blocks,
// in objects and in the functions that only wrap a module.
func (s *scanner) statements(i, end int, owner string, depth int) []decl {
	var out []decl
	start, parens := i, 0
	for j := i; j < end; {
		t := s.toks[j]
		if j > start && parens == 0 && t.first && s.newStatement(j) {
			start = j
		}
		switch t.kind {
		case ';':
			start, parens = j+1, 0
		case '(', '[':
			parens++
		case ')', ']':
			parens = max(0, parens-1)
		case '=':
			if name := s.assigned(start, j); name != "" && parens == 0 {
				if next, d, ok := s.value(name, owner, start, j+1, end, depth); ok {
					out = append(out, d...)
					j = next
					continue
				}
			}
		case fat:
			if s.is(j+1, '{') && depth < maxDepth { // a function without a name
				out = append(out, s.statements(j+2, min(end, s.after(j+1)-1), owner, depth+1)...)
				j = s.after(j + 1)
				continue
			}
		case '{':
			next := min(end, s.after(j))
			if depth < maxDepth {
				if s.isObject(start, j) {
					out = append(out, s.members(j+1, next-1, s.objectName(start, j), false, depth+1)...)
				} else {
					out = append(out, s.statements(j+1, next-1, owner, depth+1)...)
					start = next
				}
			}
			j = next
			continue
		case '}':
			start = j + 1
		case word:
			if s.is(j-1, '.') {
				break
			}
			if next, d, ok := s.keywordAt(start, j, end, owner, parens, depth); ok {
				out = append(out, d...)
				if j = next; parens == 0 {
					if s.is(j, ';') {
						j++
					}
					start = j
				}
				continue
			}
		}
		j++
	}
	return out
}

var (
	leads     = wordsOf("export default declare const abstract async")
	testCalls = wordsOf("it test specify")
	goesOn    = wordsOf("in of instanceof as extends implements satisfies is else catch finally")
	waits     = wordsOf("return typeof case in of do else void delete throw new instanceof extends implements export default async const let var function class interface await yield")
)

// newStatement reports whether the token at j, the first of its line, opens a
// statement though no semicolon stands before it.
func (s *scanner) newStatement(j int) bool {
	switch s.toks[j].kind {
	case word:
		if goesOn[s.text(j)] {
			return false
		}
	case literal, '@':
	default:
		return false
	}
	switch s.toks[j-1].kind {
	case word:
		return !waits[s.text(j-1)]
	case literal, ')', ']', '}':
		return !s.decorates(j - 1)
	}
	return false
}

// decorates reports whether the parenthesis at i closes a decorator.
func (s *scanner) decorates(i int) bool {
	k := int(s.toks[i].match)
	if !s.is(i, ')') || k < 0 {
		return false
	}
	for k--; k > 0 && (s.is(k, word) || s.is(k, '.')); k-- {
	}
	return s.is(k, '@')
}

// keywordAt reads the function, class or test whose word stands at j.
func (s *scanner) keywordAt(start, j, end int, owner string, parens, depth int) (int, []decl, bool) {
	switch w := s.text(j); {
	case w == "function":
		name, params := s.functionName(j + 1)
		if params < 0 || params >= end {
			return 0, nil, false
		}
		first := j
		if s.leading(start, j) {
			first = start
			if name == "" {
				name = "default"
			}
		}
		body := s.body(s.after(params), end)
		if name == "" && body >= 0 && depth < maxDepth { // it only wraps what it holds
			next := min(end, s.after(body))
			return next, s.statements(body+1, next-1, owner, depth+1), true
		}
		return s.functionAt(name, first, first, params, body, end, depth)
	case w == "class", s.g.types[w] && s.leading(start, j) && s.is(j+1, word):
		open := s.opens(j+1, end)
		if open < 0 || s.is(j+1, ':') || s.is(j+1, '(') || s.is(j+1, '=') || s.is(j+1, ',') {
			return 0, nil, false
		}
		first, name := j, ""
		if s.leading(start, j) {
			first = start
		} else if name = s.assigned(start, j-1); name != "" && s.is(j-1, '=') {
			first = start
		}
		if s.is(j+1, word) && s.text(j+1) != "extends" && s.text(j+1) != "implements" {
			name = s.text(j + 1)
		}
		if name == "" {
			name = "default"
		}
		next, d := s.class(name, w, first, j, open, end, depth)
		return next, d, true
	case s.g.scopes[w] && s.leading(start, j) && (s.is(j+1, word) || s.is(j+1, literal)):
		open := s.opens(j+1, end)
		if open < 0 || depth >= maxDepth {
			return 0, nil, false
		}
		next := min(end, s.after(open))
		from, to := s.span(start, next-1)
		return next, []decl{{from: from, to: to, members: s.statements(open+1, next-1, "", depth+1)}}, true
	case s.test && j == start && testCalls[w] && parens == 0:
		k := j + 1
		for s.is(k, '.') && s.is(k+1, word) {
			k += 2
		}
		if !s.is(k, '(') || !s.is(k+1, literal) || s.after(k) > end || s.after(k) == k+1 {
			return 0, nil, false
		}
		name := strings.Trim(s.text(k+1), "'\"`")
		d := decl{sym: &extract.Symbol{Name: name, Kind: "test", Doc: s.doc(start, start)}}
		d.from, d.to = s.span(start, s.closed(s.after(k)-1))
		return s.after(k), []decl{d}, true
	}
	return 0, nil, false
}

// closed is the semicolon behind the token at i, or i.
func (s *scanner) closed(i int) int {
	if s.is(i+1, ';') {
		return i + 1
	}
	return i
}

// leading reports whether only words like export stand between i and j.
func (s *scanner) leading(i, j int) bool {
	for i = s.attributes(i, j); i < j; i++ {
		if !s.is(i, word) || !leads[s.text(i)] {
			return false
		}
	}
	return true
}

// functionName is the name behind the word function, and the parenthesis.
func (s *scanner) functionName(i int) (string, int) {
	name := ""
	if s.is(i, '*') {
		i++
	}
	if s.is(i, word) {
		name = s.text(i)
		i++
	}
	if s.is(i, '<') {
		i = max(i, s.angle(i, len(s.toks)))
	}
	if !s.is(i, '(') || s.toks[i].match < 0 {
		return "", -1
	}
	return name, i
}

// body is the brace that opens a function's body behind its parameters and its
// type, -1 if it has none.
func (s *scanner) body(i, end int) int {
	if s.is(i, '{') && i < end {
		return i
	}
	if !s.is(i, ':') {
		return -1
	}
	for j := i + 1; j < min(end, i+400); j++ {
		switch t := s.toks[j]; t.kind {
		case '{':
			switch p := s.toks[j-1]; {
			case p.kind == ':', p.kind == '|', p.kind == '&', p.kind == fat, p.kind == '<', p.kind == ',', p.kind == '?':
			case p.kind == word && (s.text(j-1) == "is" || s.text(j-1) == "extends" || s.text(j-1) == "keyof" || s.text(j-1) == "readonly"):
			default:
				return j
			}
			j = s.after(j) - 1
		case '(', '[':
			j = s.after(j) - 1
		case ';', '}', '=':
			return -1
		case word:
			if t.first && (s.is(j-1, word) || s.is(j-1, ')') || s.is(j-1, ']') || s.is(j-1, '>') || s.is(j-1, '}')) && !goesOn[s.text(j)] {
				return -1
			}
		}
	}
	return -1
}

// opens is the brace of a class or an interface behind its name.
func (s *scanner) opens(i, end int) int {
	for j := i; j < min(end, i+400); j++ {
		switch s.toks[j].kind {
		case '{':
			return j
		case '(', '[':
			j = s.after(j) - 1
		case '<':
			if n := s.angle(j, end); n > 0 {
				j = n - 1
			}
		case ';', '}', '=', ')':
			return -1
		}
	}
	return -1
}

// assigned is the name before the = at j of a statement: that of a variable,
// or of a property with its object.
func (s *scanner) assigned(start, j int) string {
	k := start
	for s.is(k, word) && (leads[s.text(k)] || s.text(k) == "let" || s.text(k) == "var") {
		k++
	}
	for m := j - 1; m > k; m-- { // var a = 1, b = function
		if s.is(m, ',') {
			k = m + 1
			break
		}
		if m < j-30 || s.is(m, ')') || s.is(m, '}') {
			break
		}
	}
	if !s.is(k, word) {
		return ""
	}
	path := []string{s.text(k)}
	for k++; k+1 < j && s.is(k, '.') && (s.is(k+1, word) || s.is(k+1, '#')); k += 2 {
		path = append(path, s.text(k+1))
	}
	if k != j && !s.is(k, ':') && (!s.is(k, '=') || k > j) { // a type, or a = b = function
		return ""
	}
	last := path[len(path)-1]
	for i := len(path) - 2; i >= 0; i-- {
		switch path[i] {
		case "prototype":
			continue
		case "exports", "module", "this", "self", "window", "global", "globalThis":
			return last
		}
		return path[i] + "." + last
	}
	return last
}

// objectName is the name of the object whose brace stands at j.
func (s *scanner) objectName(start, j int) string {
	if s.is(j-1, '=') {
		if name := s.assigned(start, j-1); name != "exports" && name != "module" && name != "" && !strings.HasSuffix(name, "exports") {
			if _, last, ok := strings.Cut(name, "."); ok {
				return last
			}
			return name
		}
	}
	return ""
}

// isObject reports whether the brace at j opens an object, not a block.
func (s *scanner) isObject(start, j int) bool {
	if j == start {
		return false
	}
	switch p := s.toks[j-1]; p.kind {
	case ')', ';', '{', '}', fat:
		return false
	case word:
		switch s.text(j - 1) {
		case "else", "try", "finally", "do", "catch":
			return false
		}
	}
	return true
}

// value reads the function or class at i that is given to a name. It is not
// ok if another value stands there.
func (s *scanner) value(name, owner string, start, i, end, depth int) (int, []decl, bool) {
	if s.isWord(i, "async") && !s.is(i+1, fat) {
		i++
	}
	switch {
	case s.isWord(i, "function"):
		_, params := s.functionName(i + 1)
		if params < 0 || params >= end {
			return 0, nil, false
		}
		return s.functionAt(qualified(owner, name), start, start, params, s.body(s.after(params), end), end, depth)
	case s.is(i, '(') && s.isWord(i+1, "function"): // called at once
		_, params := s.functionName(i + 2)
		if params < 0 || params >= end {
			return 0, nil, false
		}
		_, d, _ := s.functionAt(qualified(owner, name), start, start, params, s.body(s.after(params), end), end, depth)
		last := s.expressionEnd(i, end)
		for k := range d {
			_, d[k].to = s.span(start, last)
		}
		return last + 1, d, true
	case s.is(i, '<'):
		if i = s.angle(i, end); i == 0 || !s.is(i, '(') {
			return 0, nil, false
		}
		fallthrough
	case s.is(i, '('):
		j := s.after(i)
		if s.is(j, ':') {
			for limit := min(end, j+200); j < limit && !s.is(j, fat); j++ {
				switch s.toks[j].kind {
				case '(', '[', '{':
					j = s.after(j) - 1
				case ';', '}', '=':
					return 0, nil, false
				}
			}
		}
		if !s.is(j, fat) || j >= end {
			return 0, nil, false
		}
		return s.arrow(qualified(owner, name), start, i, j, end, depth)
	case s.is(i, word) && s.is(i+1, fat):
		return s.arrow(qualified(owner, name), start, i, i+1, end, depth)
	}
	return 0, nil, false
}

func qualified(owner, name string) string {
	if owner == "" || strings.Contains(name, ".") {
		return name
	}
	return owner + "." + name
}

// arrow reads the function whose => stands at j.
func (s *scanner) arrow(name string, start, params, j, end, depth int) (int, []decl, bool) {
	if s.is(j+1, '{') {
		return s.functionAt(name, start, start, params, j+1, end, depth)
	}
	last := s.expressionEnd(j+1, end)
	d := s.functionDecl(s.scriptFunction(name, start, j), start, last, j)
	return last + 1, []decl{d}, true
}

// expressionEnd is the last token of the expression at i.
func (s *scanner) expressionEnd(i, end int) int {
	for j := i; j < end; j++ {
		t := s.toks[j]
		if j > i && t.first && s.newStatement(j) {
			return j - 1
		}
		switch t.kind {
		case '(', '[', '{':
			j = s.after(j) - 1
		case ';':
			return j
		case ',', ')', ']', '}':
			return j - 1
		}
	}
	return end - 1
}

// functionAt is the function whose body opens at open, -1 if it has none.
func (s *scanner) functionAt(name string, start, first, params, open, end, depth int) (int, []decl, bool) {
	if open < 0 {
		last := s.after(params) - 1
		for last+1 < end && !s.is(last, ';') && !s.toks[last+1].first && !s.is(last+1, '}') {
			last++
		}
		f := s.scriptFunction(name, start, last)
		if f.doc == "" {
			return last + 1, nil, true
		}
		return last + 1, []decl{s.functionDecl(f, start, last, last+1)}, true
	}
	next := min(end, s.after(open))
	d := s.functionDecl(s.scriptFunction(name, start, open), start, s.closed(next-1), open)
	if depth < maxDepth {
		if inner := s.statements(open+1, next-1, "", depth+1); documented(inner) {
			d.members = inner
		}
	}
	return next, []decl{d}, true
}

// documented reports whether a function holds others that have a comment of
// their own, so that it is read like a module.
func documented(decls []decl) bool {
	n := 0
	for _, d := range decls {
		if d.sym != nil && len(strings.Fields(d.sym.Doc)) > 2 && d.sym.Kind != "test" {
			n++
		}
		if documented(d.members) {
			return true
		}
	}
	return n > 0
}

func (s *scanner) scriptFunction(name string, start, sign int) function {
	f := function{ok: true, name: name, kind: "function", head: s.attributes(start, sign), sign: sign}
	f.doc = s.doc(start, f.head)
	if strings.Contains(name, ".") {
		f.kind = "method"
	}
	return f
}

// class is the class or interface whose word stands at j.
func (s *scanner) class(name, kind string, first, j, open, end, depth int) (int, []decl) {
	next := min(end, s.after(open))
	d := decl{sym: &extract.Symbol{Name: name, Kind: "type"}}
	d.sym.Doc = s.doc(first, s.attributes(first, open))
	d.sym.Signature = s.signature(s.attributes(first, open), open)
	d.from, d.to = s.span(first, s.closed(next-1))
	if kind != "enum" && depth < maxDepth {
		d.members = s.members(open+1, next-1, name, true, depth+1)
	}
	return next, []decl{d}
}

var memberModifiers = wordsOf("public private protected static readonly async override abstract declare get set accessor")

// members finds the methods of a class or of an object.
func (s *scanner) members(i, end int, owner string, class bool, depth int) []decl {
	var out []decl
	for i < end {
		next, found := s.member(i, end, owner, class, depth)
		out = append(out, found...)
		i = max(next, i+1)
	}
	return out
}

func (s *scanner) member(start, end int, owner string, class bool, depth int) (int, []decl) {
	i := s.attributes(start, end)
	for i < end && s.is(i, word) && memberModifiers[s.text(i)] && (s.is(i+1, word) || s.is(i+1, literal) || s.is(i+1, '[') || s.is(i+1, '#') || s.is(i+1, '*') || s.is(i+1, '{')) {
		i++
	}
	if s.is(i, '*') {
		i++
	}
	if i >= end {
		return end, nil
	}
	name := ""
	switch s.toks[i].kind {
	case ';', ',':
		return i + 1, nil
	case '{': // static {}
		return s.after(i), nil
	case '#':
		i++
		fallthrough
	case word, literal:
		if i < end {
			name = strings.Trim(s.text(i), `'"`)
		}
		i++
	case '[':
		next := s.after(i)
		name = s.src[s.toks[i].start:s.toks[min(next, len(s.toks))-1].end]
		i = next
	default:
		return s.skipMember(i, end, class, depth)
	}
	if s.is(i, '?') || s.is(i, '!') {
		i++
	}
	if s.is(i, '<') {
		i = max(i, s.angle(i, end))
	}
	name = qualified(owner, name)
	switch {
	case i < end && s.is(i, '('):
		if s.toks[i].match < 0 {
			return i + 1, nil
		}
		next, d, _ := s.functionAt(name, start, start, i, s.body(s.after(i), end), end, depth)
		return next, d
	case i < end && s.is(i, ':') && !class:
		if next, d, ok := s.value(name, "", start, i+1, end, depth); ok {
			return next, d
		}
		if s.is(i+1, '{') && depth < maxDepth {
			next := s.after(i + 1)
			return next, s.members(i+2, min(end, next-1), owner, false, depth+1)
		}
	case i < end && s.is(i, '='), i < end && s.is(i, ':'):
		for j := i; j < min(end, i+100); j++ {
			if s.is(j, '=') {
				if next, d, ok := s.value(name, "", start, j+1, end, depth); ok {
					return next, d
				}
				break
			}
			if s.is(j, ';') || j > i && s.toks[j].first && s.newStatement(j) {
				break
			}
			if s.is(j, '(') || s.is(j, '{') || s.is(j, '[') {
				j = s.after(j) - 1
			}
		}
	}
	return s.skipMember(i, end, class, depth)
}

// skipMember is the member behind the one at i, and what functions it holds.
func (s *scanner) skipMember(i, end int, class bool, depth int) (int, []decl) {
	from := i
	for ; i < end; i++ {
		t := s.toks[i]
		if class && i > from && t.first && (s.newStatement(i) || t.kind == '#' || t.kind == '*') {
			break
		}
		switch t.kind {
		case '(', '[', '{':
			i = s.after(i) - 1
		case ';', ',':
			if t.kind == ';' || !class {
				return i + 1, s.within(from, i, class, depth)
			}
		}
	}
	return i, s.within(from, min(i, end), class, depth)
}

// within finds functions in the value of an object's property.
func (s *scanner) within(from, to int, class bool, depth int) []decl {
	if class || depth >= maxDepth || from >= to {
		return nil
	}
	return s.statements(from, to, "", depth+1)
}
