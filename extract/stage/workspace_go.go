package stage

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// replaceGo writes source into a file of its own in the folder of file, whose
// text without the declaration is given, and leaves out of it what the
// package declares already. It returns why it could not.
func replaceGo(files map[string]string, file, text, symbol, source string) string {
	name := packageName(files[file])
	if name == "" {
		return "its package is not known"
	}
	if !packageClause.MatchString(source) {
		source = "package " + name + "\n\n" + source
	} else {
		source = packageClause.ReplaceAllString(source, "package "+name)
	}
	fset := gotoken.NewFileSet()
	parsed, err := parser.ParseFile(fset, "source.go", source, parser.SkipObjectResolution)
	if err != nil {
		return "it is not Go: " + err.Error()
	}
	files[file] = pruned(text)
	taken := map[string]bool{}
	for _, other := range names(files) {
		if path.Dir(other) == path.Dir(file) && strings.HasSuffix(other, ".go") && !strings.HasSuffix(other, "_test.go") {
			for _, d := range declared(files[other]) {
				taken[d] = true
			}
		}
	}
	var w strings.Builder
	declares, at := false, 0
	for _, d := range parsed.Decls {
		own := namesOf(d)
		declares = declares || slices.Contains(own, symbol)
		if slices.ContainsFunc(own, func(n string) bool { return taken[n] || n == "main" || strings.HasPrefix(n, "Test") }) {
			from, to := fset.Position(d.Pos()).Offset, fset.Position(d.End()).Offset
			w.WriteString(source[at:from])
			at = to
		}
	}
	w.WriteString(source[at:])
	if !declares {
		return "it does not declare " + symbol
	}
	files[path.Join(path.Dir(file), "zz_written_again.go")] = pruned(w.String())
	return ""
}

var packageClause = lazily(`(?m)^package[ \t]+\w+`)

func packageName(source string) string {
	return strings.TrimSpace(strings.TrimPrefix(packageClause.FindString(source), "package"))
}

// declared are the names that a Go file declares at its top, methods with
// their types.
func declared(source string) []string {
	f, err := parser.ParseFile(gotoken.NewFileSet(), "source.go", source, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	var out []string
	for _, d := range f.Decls {
		out = append(out, namesOf(d)...)
	}
	return out
}

func namesOf(d ast.Decl) []string {
	var out []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil && len(d.Recv.List) > 0 {
			name = typeName(d.Recv.List[0].Type) + "." + name
		}
		if name != "init" && name != "_" {
			out = append(out, name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				out = append(out, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					out = append(out, n.Name)
				}
			}
		}
	}
	return out
}

// typeName is the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return ""
}

// pruned is a Go file without the imports that it does not use: they keep it
// from compiling.
func pruned(source string) string {
	fset := gotoken.NewFileSet()
	f, err := parser.ParseFile(fset, "source.go", source, parser.SkipObjectResolution)
	if err != nil {
		return source
	}
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	out := []byte(source)
	blank := func(n ast.Node) {
		for i := fset.Position(n.Pos()).Offset; i < fset.Position(n.End()).Offset; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != gotoken.IMPORT {
			continue
		}
		for _, spec := range g.Specs {
			imp := spec.(*ast.ImportSpec)
			if used[importName(imp)] || imp.Name != nil && (imp.Name.Name == "_" || imp.Name.Name == ".") {
				continue
			}
			if g.Lparen.IsValid() {
				blank(imp)
			} else {
				blank(g)
			}
		}
	}
	return string(out)
}

// importName is the name an import is used by, as far as its path tells.
func importName(s *ast.ImportSpec) string {
	if s.Name != nil {
		return s.Name.Name
	}
	p, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return ""
	}
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p))
	}
	return strings.TrimPrefix(base, "go-")
}

// stubGo is a Go file in which every function does nothing but fail.
func stubGo(source string) (string, bool) {
	fset := gotoken.NewFileSet()
	f, err := parser.ParseFile(fset, "source.go", source, parser.SkipObjectResolution)
	if err != nil {
		return "", false
	}
	var w strings.Builder
	at, some := 0, false
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || fn.Name.Name == "main" || fn.Name.Name == "init" {
			continue
		}
		some = true
		w.WriteString(source[at:fset.Position(fn.Body.Lbrace).Offset] + "{ panic(\"not implemented\") }")
		at = fset.Position(fn.Body.Rbrace).Offset + 1
	}
	w.WriteString(source[at:])
	return pruned(w.String()), some
}
