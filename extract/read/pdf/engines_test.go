//go:build !nowasm

package pdf

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The second engine reads the words that PDFium reads, though it joins and
// orders them less well.
func TestEnginesAgree(t *testing.T) {
	for _, c := range []struct {
		path  string
		least float64 // share of PDFium's words
	}{
		{"../../../examples/paper.pdf", 0.95},
		{"testdata/handout.pdf", 0.95},
		{"testdata/notes.pdf", 0.95},
	} {
		data, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		r, size := bytes.NewReader(data), int64(len(data))
		dir, _ := os.UserCacheDir()
		rt, err := newRuntime(t.Context(), filepath.Join(dir, "seedbed-test"))
		if err != nil {
			t.Fatal(err)
		}
		defer rt.close()
		w, err := rt.open(t.Context(), r, size, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		o, err := openObjects(t.Context(), r, size)
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		if w.pages() != o.pages() {
			t.Errorf("%s: %d and %d pages", c.path, w.pages(), o.pages())
		}
		if a, b := w.info(), o.info(); a.title != b.title || a.author != b.author {
			t.Errorf("%s: metadata %q, %q and %q, %q", c.path, a.title, a.author, b.title, b.author)
		}
		want, got := words(t, w), words(t, o)
		n := 0
		for _, s := range want {
			if slices.Contains(got, s) {
				n++
			}
		}
		if share := float64(n) / float64(len(want)); share < c.least {
			t.Errorf("%s: the second engine has %.3f of the words, want %.2f", c.path, share, c.least)
			t.Log(strings.Join(got, " "))
		} else {
			t.Logf("%s: %.3f of %d words", c.path, share, len(want))
		}
	}
}

func words(t *testing.T, e engine) []string {
	t.Helper()
	var out []string
	for i := range e.pages() {
		s, err := e.page(i)
		if err != nil {
			t.Fatalf("%s page %d: %v", e.name(), i+1, err)
		}
		for _, l := range lines(s, i) {
			out = append(out, strings.Fields(tidy(l.text))...)
		}
	}
	return out
}
