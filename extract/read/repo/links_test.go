package repo_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/repo"
)

// Files stand in the order of their imports, and symbols know the tests that
// name them, in each language.
func TestLinks(t *testing.T) {
	a, err := txtar.ParseFile("testdata/links.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var items []item
	for _, f := range a.Files {
		items = append(items, item{name: "app/" + f.Name, data: string(f.Data)})
	}
	d, err := readZip(t, zipOf(t, items...), repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	var s strings.Builder
	for _, b := range d.Blocks {
		if b.Kind == extract.Heading && b.Level == 1 {
			fmt.Fprintln(&s, b.Title)
		}
		if b.Symbol != nil && b.Symbol.Tests != nil {
			fmt.Fprintf(&s, "\t%s: %s\n", b.Symbol.Name, strings.Join(b.Symbol.Tests, ", "))
		}
	}
	for _, f := range d.Skipped {
		fmt.Fprintf(&s, "%s: %s\n", f.File, f.Reason)
	}
	readtest.Golden(t, "links.golden", s.String())
}
