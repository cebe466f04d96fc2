package repo

import (
	"path"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/code"
)

// link fills the Tests of symbols: the tests and examples that name them. For
// Go these stand in the same directory, for Python in files that also name
// the symbol's module, in other languages anywhere, as long as their file
// names the symbol's type too.
func link(parts []part) {
	methods := map[string]int{}           // how many types of a place have a method of this name
	tests := map[string][]*test{}         // by place and name used
	files := map[string]map[string]bool{} // names that the files with tests use
	each(parts, func(p part, place string, s *extract.Symbol, text string) {
		if s.Kind != "test" && s.Kind != "example" {
			if _, m, ok := strings.Cut(s.Name, "."); ok {
				methods[place+m]++
			}
			return
		}
		lang := Lang(p.lang)
		t := &test{name: s.Name, file: p.name, uses: code.Names(text, lang)}
		if lang != "go" {
			if files[p.name] == nil {
				files[p.name] = code.Names(p.doc.Text, lang)
			}
			t.around = files[p.name]
		}
		for name := range t.uses {
			tests[place+strings.TrimPrefix(name, ".")] = append(tests[place+strings.TrimPrefix(name, ".")], t)
		}
	})
	each(parts, func(p part, place string, s *extract.Symbol, _ string) {
		if s.Kind == "test" || s.Kind == "example" || p.lang != "Rust" && p.lang != "Python" && code.IsTest(p.name) {
			return
		}
		module := strings.TrimSuffix(path.Base(p.name), ".py")
		if module == "__init__" {
			module = path.Base(path.Dir(p.name))
		}
		owner, method, isMethod := strings.Cut(s.Name, ".")
		candidates := tests[place+s.Name]
		if isMethod {
			candidates = tests[place+method]
			if constructors[method] || method == owner {
				candidates = tests[place+owner]
			}
		}
		for _, t := range candidates {
			if p.lang == "Python" && (t.file == p.name || !t.around[module] && !t.around["."+module]) {
				continue
			}
			if t.names(s.Name, methods[place+method] > 1) && !slices.Contains(s.Tests, t.name) {
				s.Tests = append(s.Tests, t.name)
			}
		}
		slices.Sort(s.Tests)
	})
}

// constructors are methods that a program calls by the name of their type.
var constructors = map[string]bool{"constructor": true, "__init__": true, "__construct": true, "initialize": true}

// each visits the symbols with the place whose tests may name them.
func each(parts []part, visit func(p part, place string, s *extract.Symbol, text string)) {
	for _, p := range parts {
		place := p.lang + ":"
		switch p.lang {
		case "Go":
			place = path.Dir(p.name) + "/"
		case "JavaScript", "TypeScript", "TSX":
			place = "script:"
		case "C", "C++":
			place = "C:"
		}
		for _, b := range p.doc.Blocks {
			if b.Symbol != nil {
				visit(p, place, b.Symbol, b.Text)
			}
		}
	}
}

// A test is a test function and the identifiers it uses.
type test struct {
	name   string
	file   string
	uses   map[string]bool // "Push", and ".Push" where it follows a dot
	around map[string]bool // those of the whole file, nil in Go
}

// names reports whether the test names a symbol. Where several types have a
// method, or any type may, the test has to name the type too.
func (t *test) names(symbol string, shared bool) bool {
	owner, method, ok := strings.Cut(symbol, ".")
	if !ok {
		return t.uses[symbol] || t.uses["."+symbol]
	}
	typed := t.uses[owner] || t.uses["."+owner] || t.uses["New"+owner] || t.uses[".New"+owner] || strings.Contains(t.name, owner)
	if constructors[method] || method == owner {
		return t.uses[owner] || t.uses["."+owner]
	}
	if !t.uses["."+method] && (t.around == nil || !t.uses[method]) {
		return false
	}
	if t.around != nil && !t.around[owner] && !t.around["."+owner] {
		return typed
	}
	return !shared && method != "Error" && method != "String" || typed
}
