package repo

import (
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"

	"seedbed/extract"
)

// link fills the Tests of symbols: the tests and examples that name them. For
// Go these stand in the same directory, for Python in files that also name
// the symbol's module.
func link(parts []part) {
	methods := map[string]int{} // how many types of a directory have a method of this name
	tests := map[string][]test{}
	imports := map[string]map[string]bool{} // by file
	each(parts, func(p part, place string, s *extract.Symbol, text string) {
		if s.Kind == "test" || s.Kind == "example" {
			t := test{name: s.Name, file: p.name}
			if p.lang == "Go" {
				t.uses = goWords(text)
			} else {
				t.uses = pythonWords(text)
				if imports[p.name] == nil {
					imports[p.name] = pythonWords(p.doc.Text)
				}
				t.imports = imports[p.name]
			}
			tests[place] = append(tests[place], t)
		} else if _, m, ok := strings.Cut(s.Name, "."); ok {
			methods[place+m]++
		}
	})
	each(parts, func(p part, place string, s *extract.Symbol, _ string) {
		if s.Kind == "test" || s.Kind == "example" || strings.HasSuffix(p.name, "_test.go") {
			return
		}
		module := strings.TrimSuffix(path.Base(p.name), ".py")
		if module == "__init__" {
			module = path.Base(path.Dir(p.name))
		}
		for _, t := range tests[place] {
			if t.imports != nil && (t.file == p.name || !t.imports[module] && !t.imports["."+module]) {
				continue
			}
			_, method, _ := strings.Cut(s.Name, ".")
			if t.names(s.Name, methods[place+method] > 1) && !slices.Contains(s.Tests, t.name) {
				s.Tests = append(s.Tests, t.name)
			}
		}
	})
}

// each visits the symbols with the place whose tests may name them.
func each(parts []part, visit func(p part, place string, s *extract.Symbol, text string)) {
	for _, p := range parts {
		place := "python"
		if p.lang == "Go" {
			place = path.Dir(p.name) + "/"
		} else if p.lang != "Python" {
			continue
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
	name    string
	file    string
	uses    map[string]bool // "Push", and ".Push" where it follows a dot
	imports map[string]bool // Python: those of the whole file
}

// names reports whether the test names a symbol. Where several types have a
// method, or any type may, the test has to name the type too.
func (t test) names(symbol string, shared bool) bool {
	owner, method, ok := strings.Cut(symbol, ".")
	if !ok {
		return t.uses[symbol] || t.uses["."+symbol]
	}
	if !t.uses["."+method] {
		return false
	}
	return !shared && method != "Error" && method != "String" ||
		t.uses[owner] || t.uses["."+owner] || t.uses["New"+owner] || t.uses[".New"+owner] || strings.Contains(t.name, owner)
}

// testing are methods that a test calls on the testing package's own values.
var testing = map[string]bool{"Error": true, "Errorf": true, "Fatal": true, "Fatalf": true, "Log": true, "Logf": true, "Run": true,
	"Name": true, "Skip": true, "Skipf": true, "Helper": true, "Cleanup": true, "Context": true, "Loop": true, "Add": true, "Fuzz": true}

// goWords are the identifiers of Go source, without those in comments and
// strings, and without the first, the function's own name.
func goWords(src string) map[string]bool {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile("", -1, len(src)), []byte(src), nil, 0)
	uses := map[string]bool{}
	last, own, before := token.ILLEGAL, true, ""
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return uses
		}
		if tok == token.IDENT {
			switch {
			case own:
				own = false
			case last != token.PERIOD:
				uses[lit] = true
			case !testing[lit] || before != "t" && before != "b" && before != "f" && before != "tb":
				uses["."+lit] = true
			}
			before = lit
		}
		last = tok
	}
}

var pythonWord = regexp.MustCompile(`\.?\b[\pL_][\pL\pN_]*`)

func pythonWords(src string) map[string]bool {
	uses := map[string]bool{}
	for _, w := range pythonWord.FindAllString(src, -1) {
		uses[w] = true
	}
	return uses
}
