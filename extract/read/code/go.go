package code

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/read/verbatim"
)

// golang adds a block for each declaration of a Go file, from the line its
// comment starts on to the end of the line it ends on. What stands between
// them, as the package clause with the imports does, are blocks without symbol.
func golang(w *verbatim.Writer, src, name string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	tok := fset.File(file.FileStart)
	offset := func(p token.Pos) int { return min(tok.Offset(p), len(src)) }

	for _, decl := range file.Decls {
		from, sym := symbol(decl, src, offset, strings.HasSuffix(path.Base(name), "_test.go"))
		if sym != nil {
			w.Add(lineStart(src, offset(from)), lineEnd(src, offset(decl.End())), extract.Block{Kind: extract.Code, Symbol: sym})
		}
	}
	return nil
}

// symbol describes a declaration and says where it starts, with its comment.
// It is nil for imports.
func symbol(decl ast.Decl, src string, offset func(token.Pos) int, test bool) (token.Pos, *extract.Symbol) {
	from := decl.Pos()
	sym := &extract.Symbol{}
	var doc *ast.CommentGroup
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		doc = decl.Doc
		sym.Name, sym.Kind = decl.Name.Name, "function"
		end := decl.End()
		if decl.Body != nil {
			end = decl.Body.Lbrace
		}
		sym.Signature = strings.TrimSpace(src[offset(decl.Pos()):offset(end)])
		if decl.Recv != nil && len(decl.Recv.List) > 0 {
			sym.Kind = "method"
			if recv := receiver(decl.Recv.List[0].Type); recv != "" {
				sym.Name = recv + "." + sym.Name
			}
		} else if test {
			sym.Kind = testKind(sym.Name)
		}
	case *ast.GenDecl:
		if decl.Tok == token.IMPORT || len(decl.Specs) == 0 {
			return from, nil
		}
		doc = decl.Doc
		switch spec := decl.Specs[0].(type) {
		case *ast.TypeSpec:
			sym.Name, sym.Kind = spec.Name.Name, "type"
			if doc == nil {
				doc = spec.Doc
			}
		case *ast.ValueSpec:
			sym.Name, sym.Kind = spec.Names[0].Name, "variable"
			if decl.Tok == token.CONST {
				sym.Kind = "constant"
			}
		}
		if !decl.Lparen.IsValid() { // a group has no signature
			sym.Signature = firstLine(src[offset(decl.Pos()):offset(decl.End())])
			sym.Signature = strings.TrimRight(strings.TrimSpace(sym.Signature), " {(")
		}
	default:
		return from, nil
	}
	if doc != nil {
		from = min(from, doc.Pos())
		sym.Doc = strings.TrimSpace(doc.Text())
	}
	return from, sym
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return ""
}

// testKind is what the go tool takes a function of a _test.go file for.
func testKind(name string) string {
	if name == "TestMain" {
		return "function"
	}
	for prefix, kind := range map[string]string{"Test": "test", "Benchmark": "test", "Fuzz": "test", "Example": "example"} {
		rest, ok := strings.CutPrefix(name, prefix)
		if r, _ := utf8.DecodeRuneInString(rest); ok && (rest == "" || !unicode.IsLower(r)) {
			return kind
		}
	}
	return "function"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func lineStart(src string, at int) int { return strings.LastIndexByte(src[:at], '\n') + 1 }

func lineEnd(src string, at int) int {
	if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(src)
}
