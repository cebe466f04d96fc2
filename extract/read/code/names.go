package code

import (
	"go/parser"
	goscanner "go/scanner"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// Names are the identifiers that source uses: "Push", and ".Push" where it
// follows a dot or what a language has for it. Those in comments and strings
// do not count where the language is known, nor in Go does the first, a
// declaration's own.
func Names(src, lang string) map[string]bool {
	uses := map[string]bool{}
	switch g := grammars[lang]; {
	case lang == "go":
		goNames(src, uses)
	case g != nil:
		if g.heredoc {
			src = "<?php " + src
		}
		toks := lex(src, g)
		for i, t := range toks {
			if t.kind != word {
				continue
			}
			w := src[t.start:t.end]
			if i > 0 && (toks[i-1].kind == '.' || toks[i-1].kind == scope || toks[i-1].kind == arrow) {
				w = "." + w
			}
			uses[w] = true
		}
	default:
		for _, w := range name.FindAllString(src, -1) {
			uses[w] = true
		}
	}
	return uses
}

var name = regexp.MustCompile(`\.?\b[\pL_][\pL\pN_]*`)

// testing are methods that a test calls on the testing package's own values.
var testing = wordsOf("Error Errorf Fatal Fatalf Log Logf Run Name Skip Skipf Helper Cleanup Context Loop Add Fuzz")

func goNames(src string, uses map[string]bool) {
	fset := token.NewFileSet()
	var s goscanner.Scanner
	s.Init(fset.AddFile("", -1, len(src)), []byte(src), nil, 0)
	last, own, before := token.ILLEGAL, true, ""
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return
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

// Imports are the modules that a file of Go, Python, JavaScript or TypeScript
// imports, as it names them, in their order.
func Imports(src, lang string) []string {
	var out []string
	switch lang {
	case "go":
		f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ImportsOnly)
		if err != nil {
			return nil
		}
		for _, i := range f.Imports {
			if p, err := strconv.Unquote(i.Path.Value); err == nil {
				out = append(out, p)
			}
		}
	case "python":
		for _, s := range statements(src) {
			if m := pythonFrom.FindStringSubmatch(s.words); m != nil {
				out = append(out, m[1])
				for _, n := range name.FindAllString(m[2], -1) { // perhaps modules
					out = append(out, m[1]+sep(m[1])+n)
				}
			} else if m := pythonImport.FindStringSubmatch(s.words); m != nil {
				for n := range strings.SplitSeq(m[1], ",") {
					n, _, _ = strings.Cut(strings.TrimSpace(n), " ")
					out = append(out, n)
				}
			}
		}
	case "javascript", "typescript", "tsx", "jsx":
		toks := lex(src, grammars[lang])
		for i, t := range toks {
			if t.kind != literal || i == 0 {
				continue
			}
			before := src[toks[i-1].start:toks[i-1].end]
			if before == "from" || before == "import" || before == "(" && i > 1 && (src[toks[i-2].start:toks[i-2].end] == "require" || src[toks[i-2].start:toks[i-2].end] == "import") {
				out = append(out, strings.Trim(src[t.start:t.end], "'\"`"))
			}
		}
	}
	return out
}

var (
	pythonFrom   = regexp.MustCompile(`^from\s+(\.*[\pL_\pN.]*)\s+import\s+((?s).*)`)
	pythonImport = regexp.MustCompile(`^import\s+(.+)`)
)

// sep stands between a Python package and what is imported from it.
func sep(module string) string {
	if strings.HasSuffix(module, ".") {
		return ""
	}
	return "."
}
