package repo

import (
	"go/scanner"
	"go/token"
	"path"
	"slices"
	"strings"

	"seedbed/extract"
)

// link fills Tests of the Go symbols: the tests and examples of the same
// directory that name them.
func link(parts []part) {
	dirs := map[string][]*extract.Symbol{}
	tests := map[string][]test{}
	for _, p := range parts {
		if p.lang != "Go" {
			continue
		}
		dir := path.Dir(p.name)
		for _, b := range p.doc.Blocks {
			switch {
			case b.Symbol == nil:
			case b.Symbol.Kind == "test" || b.Symbol.Kind == "example":
				tests[dir] = append(tests[dir], test{b.Symbol.Name, words(b.Text)})
			case !strings.HasSuffix(p.name, "_test.go"):
				dirs[dir] = append(dirs[dir], b.Symbol)
			}
		}
	}
	for dir, symbols := range dirs {
		methods := map[string]int{} // how many types have a method of this name
		for _, s := range symbols {
			if _, m, ok := strings.Cut(s.Name, "."); ok {
				methods[m]++
			}
		}
		for _, s := range symbols {
			for _, t := range tests[dir] {
				if t.names(s.Name, methods) && !slices.Contains(s.Tests, t.name) {
					s.Tests = append(s.Tests, t.name)
				}
			}
		}
	}
}

// A test is a test function and the identifiers it uses.
type test struct {
	name string
	uses map[string]bool // "Push", and ".Push" where it follows a dot
}

func (t test) names(symbol string, methods map[string]int) bool {
	owner, method, ok := strings.Cut(symbol, ".")
	if !ok {
		return t.uses[symbol] || t.uses["."+symbol]
	}
	if !t.uses["."+method] {
		return false
	}
	// Where two types have the method, or any type may, the test has to name
	// this one.
	return methods[method] == 1 && method != "Error" && method != "String" || t.uses[owner] || t.uses["."+owner] || t.uses["New"+owner] || t.uses[".New"+owner] || strings.Contains(t.name, owner)
}

// words are the identifiers of Go source, without those in comments and
// strings, and without the first, the function's own name.
func words(src string) map[string]bool {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile("", -1, len(src)), []byte(src), nil, 0)
	uses := map[string]bool{}
	last, own := token.ILLEGAL, true
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return uses
		}
		if tok == token.IDENT {
			switch {
			case own:
				own = false
			case last == token.PERIOD:
				uses["."+lit] = true
			default:
				uses[lit] = true
			}
		}
		last = tok
	}
}
