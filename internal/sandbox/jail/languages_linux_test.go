package jail

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"seedbed/extract/stage"
)

// TestPrograms runs the programs in testdata. The comment of each says what
// to do, and what is to come of it, a word and its value a line.
func TestPrograms(t *testing.T) {
	j, err := Open(t.Context(), Options{
		Slots:      2,
		CacheDir:   filepath.Join(os.TempDir(), "seedbed-test-jail"),
		GoPackages: []string{"errors", "fmt", "strings"},
	})
	if err != nil {
		open(t) // skips, or fails in its own words
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := stage.Program{Files: map[string]string{}}
			for _, f := range ar.Files {
				p.Files[f.Name] = string(f.Data)
			}
			want := map[string]string{}
			for line := range strings.Lines(string(ar.Comment)) {
				word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				switch word {
				case "lang":
					p.Lang = value
				case "main":
					p.Main = value
				case "test":
					p.Test, p.Tests = true, strings.Fields(value)
				case "":
				default:
					want[word] = value
				}
			}
			if j.Interpreter(p.Lang) == "" {
				t.Skip("nothing runs " + p.Lang)
			}
			r, err := j.Run(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{"missing": r.Missing, "reason": r.Reason, "output": r.Output, "passed": "no", "count": string(rune('0' + r.Count))}
			if r.Passed {
				got["passed"] = "yes"
			}
			for _, word := range slices.Sorted(maps.Keys(want)) {
				if w := want[word]; (w == "") != (got[word] == "") || !strings.Contains(got[word], w) {
					t.Errorf("%s is %q, want %q in it\n%s", word, got[word], w, r.Output)
				}
			}
		})
	}
}
