// Package readtest holds what the tests of all readers share.
package readtest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Check fails the test if the document breaks a promise that every reader
// makes.
func Check(t testing.TB, d *extract.Document) {
	t.Helper()
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	runes := []rune(d.Text)
	for i, b := range d.Blocks {
		if got := string(runes[b.Start:b.End]); got != b.Text {
			t.Fatalf("block %d: text[%d:%d] = %q, but its text is %q", i, b.Start, b.End, got, b.Text)
		}
		if b.Kind == extract.Heading && (b.Title == "" || b.Level < 1) {
			t.Errorf("block %d: heading %q has title %q and level %d", i, b.Text, b.Title, b.Level)
		}
		if b.Lines[1] < b.Lines[0] {
			t.Errorf("block %d: lines %v", i, b.Lines)
		}
	}
	switch d.Kind {
	case extract.Book, extract.Paper, extract.Page, extract.Repository:
	default:
		t.Errorf("document kind %q", d.Kind)
	}
	if d.Title == "" {
		t.Error("document without title")
	}
}

// Same fails the test unless text has the characters of src in their order,
// white space apart.
func Same(t testing.TB, src, text string) {
	t.Helper()
	a, b := squeeze(src), squeeze(text)
	if a == b {
		return
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	t.Fatalf("characters differ from byte %d (white space left out):\nsource   %.80q\ndocument %.80q", i, a[i:], b[i:])
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// Blocks joins the texts of d's blocks.
func Blocks(d *extract.Document) string {
	var s strings.Builder
	for _, b := range d.Blocks {
		s.WriteString(b.Text)
		s.WriteByte('\n')
	}
	return s.String()
}

// Outline prints a document one block a line, for goldens.
func Outline(d *extract.Document) string {
	var s strings.Builder
	fmt.Fprintf(&s, "title    %s\nkind     %s\n", d.Title, d.Kind)
	for _, f := range []struct{ name, value string }{
		{"authors", strings.Join(d.Authors, "; ")}, {"language", d.Language}, {"license", d.License},
	} {
		if f.value != "" {
			fmt.Fprintf(&s, "%-8s %s\n", f.name, f.value)
		}
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(&s, "warning  %s\n", w)
	}
	for _, f := range d.Skipped {
		fmt.Fprintf(&s, "skipped  %s: %s\n", f.File, f.Reason)
	}
	s.WriteByte('\n')
	file := ""
	for _, b := range d.Blocks {
		if b.File != file {
			file = b.File
			fmt.Fprintf(&s, "-- %s --\n", file)
		}
		kind := string(b.Kind)
		if b.Level > 0 {
			kind += fmt.Sprint(" ", b.Level)
		}
		fmt.Fprintf(&s, "%-11s %d–%d", kind, b.Start, b.End)
		if b.Lines[0] > 0 {
			fmt.Fprintf(&s, " lines %d–%d", b.Lines[0], b.Lines[1])
		}
		if b.Title != "" {
			fmt.Fprintf(&s, " title %q", b.Title)
		}
		if b.Lang != "" {
			fmt.Fprintf(&s, " %s", b.Lang)
		}
		if b.Symbol != nil {
			fmt.Fprintf(&s, " %s %s", b.Symbol.Kind, b.Symbol.Name)
			if b.Symbol.Signature != "" {
				fmt.Fprintf(&s, " sig %q", b.Symbol.Signature)
			}
			if b.Symbol.Doc != "" {
				fmt.Fprintf(&s, " doc %q", short(b.Symbol.Doc))
			}
			if b.Symbol.Tests != nil {
				fmt.Fprintf(&s, " tests %v", b.Symbol.Tests)
			}
		}
		if b.Rows != nil {
			fmt.Fprintf(&s, " rows %q", b.Rows)
		}
		if b.Skip != "" {
			fmt.Fprintf(&s, " skip %q", b.Skip)
		}
		fmt.Fprintf(&s, " %q\n", short(b.Text))
	}
	return s.String()
}

func short(s string) string {
	r := []rune(s)
	if len(r) <= 60 {
		return s
	}
	return string(r[:40]) + " … " + string(r[len(r)-16:])
}

// Golden compares got with testdata/name; with -update it writes it.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}
