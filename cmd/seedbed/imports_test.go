package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mayImport lists, for each part of the tree, the parts of this module it may
// import. The longest matching prefix counts. It is the drawing in doc.go,
// held by a test: cmd → web, internal → internal/seedbed → extract.
var mayImport = map[string][]string{
	"cmd":              {"web", "static", "internal", "extract"},
	"bench":            {"internal", "extract"},
	"examples":         {},
	"static":           {},
	"web":              {"web", "static", "internal/seedbed", "extract"},
	"web/view":         {"web/view", "static", "internal/seedbed", "extract"},
	"web/api":          {"web/api", "web/query", "internal/seedbed", "extract"},
	"internal/seedbed": {"extract"},
	"internal/store":   {"internal/seedbed", "internal/store", "extract"},
	"internal/auth":    {"internal/seedbed", "internal/store"},
	"internal/blob":    {"internal/seedbed", "internal/blob"},
	"internal/search":  {"internal/seedbed", "internal/search", "extract"},
	"internal/heap":    {},
	"internal/fetch":   {"internal/seedbed", "internal/fetch"},
	"internal/sandbox": {"internal/seedbed", "internal/fetch", "internal/sandbox", "extract"},
	"internal/export":  {"internal/seedbed", "internal/export", "extract"},
	"internal/backup":  {"internal/store", "internal/blob"},
	"internal/queue":   {"internal/seedbed", "internal/store"},
	"internal/jobs":    {"internal/seedbed", "internal/store", "internal/queue", "internal/blob", "internal/search", "internal/jobs", "extract"},
	"extract":          {"extract"},
}

func TestImportsPointOneWay(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || rel == "examples/stack") {
				return filepath.SkipDir
			}
			return nil
		}
		// Tests may reach further: they put real parts together.
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := path.Dir(rel)
		allowed, known := allowedFor(from)
		if !known {
			t.Errorf("%s: mayImport has no entry for %s: say what it may import", rel, from)
			return nil
		}
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			to, ours := strings.CutPrefix(p, "seedbed/")
			if ours && !within(to, allowed) {
				t.Errorf("%s imports %s; %s may import only %v", rel, p, from, allowed)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("walked only %d Go files below %s", files, root)
	}
}

func allowedFor(dir string) ([]string, bool) {
	for d := dir; d != "."; d = path.Dir(d) {
		if a, ok := mayImport[d]; ok {
			return a, true
		}
	}
	return nil, false
}

func within(dir string, parts []string) bool {
	for _, p := range parts {
		if dir == p || strings.HasPrefix(dir, p+"/") {
			return true
		}
	}
	return false
}
