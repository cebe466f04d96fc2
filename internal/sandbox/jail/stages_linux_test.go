package jail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read"
	"seedbed/extract/stage"
)

// TestCodeRecipe runs the recipe code over small repositories in Python and
// JavaScript, and over the example in Go: what the stages say of each function
// stands in testdata.
func TestCodeRecipe(t *testing.T) {
	j, err := Open(t.Context(), Options{CacheDir: filepath.Join(os.TempDir(), "seedbed-test-jail"), GoPackages: []string{"errors", "fmt", "strings"}})
	if err != nil {
		open(t) // skips, or fails in its own words
		t.Fatal(err)
	}
	recipe, _ := stage.Lookup("code")
	server := llmtest.New(t, llmtest.Script{})
	for name, folder := range map[string]string{
		"python":     unpack(t, "testdata/repositories/python.txtar"),
		"javascript": unpack(t, "testdata/repositories/javascript.txtar"),
		"go":         "../../../examples/stack",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if j.Interpreter(name) == "" {
				t.Skip("nothing runs " + name)
			}
			doc, err := read.File(t.Context(), folder, read.Options{})
			if err != nil {
				t.Fatal(err)
			}
			client := llm.New(llm.Options{URL: server.URL, Model: "scripted"})
			defer client.Close()
			stages, err := stage.Build(recipe, stage.Tools{Model: client, Runner: j})
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for r := range extract.Run(t.Context(), chunk.Split(doc, chunk.Options{}), stages, extract.Options{}) {
				if r.Err != nil && r.Passage.Skip == "" {
					t.Errorf("passage %v: %v", r.Passage.Path, r.Err)
				}
				for _, s := range r.Seeds {
					if s.Origin != extract.Reversal {
						continue
					}
					e := s.Evidence[0]
					if doc.Slice(e.Start, e.End) != e.Quote {
						t.Errorf("the evidence of %.40q does not stand where it says", s.Question)
					}
					fmt.Fprintf(&got, "%s %d–%d\n", e.File, e.Lines[0], e.Lines[1])
					for _, c := range s.Checks {
						if c.Name != "reverse" && c.Name != "execute" {
							continue
						}
						reason, _, _ := strings.Cut(c.Reason, "\n")
						fmt.Fprintf(&got, "\t%s %s: %s\n", c.Name, c.Verdict, reason)
						if ran := c.Execution; ran != nil && (ran.Interpreter != j.Interpreter(name) || ran.Output == "" && c.Verdict == extract.Pass || !strings.Contains(c.Version, ran.Interpreter)) {
							t.Errorf("%s says version %q and ran %+v", c.Name, c.Version, *ran)
						}
					}
				}
			}
			golden := filepath.Join("testdata", "repositories", name+".golden")
			want, err := os.ReadFile(golden)
			if os.Getenv("UPDATE") != "" {
				err = os.WriteFile(golden, []byte(got.String()), 0o644)
				want = []byte(got.String())
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("%s (-want +got):\n%s", golden, d)
			}
		})
	}
}

// unpack writes the files of an archive into a folder.
func unpack(t *testing.T, name string) string {
	t.Helper()
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range ar.Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAnswers runs answers that are programs by themselves. Tests that the
// scripted model does not know how to write cannot fail, and count for
// nothing.
func TestAnswers(t *testing.T) {
	j := open(t)
	server := llmtest.New(t, llmtest.Script{})
	client := llm.New(llm.Options{URL: server.URL, Model: "scripted"})
	defer client.Close()
	const gcd = "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n"
	for _, c := range []struct{ name, lang, code, origin, verdict, reason string }{
		{"tests that hold", "python", gcd, "", extract.Pass, "2 tests pass, written for it by a model, and fail where the code does nothing"},
		{"tests that fail", "python", strings.Replace(gcd, "return a", "return b", 1), "", extract.Fail, "a test written for it fails"},
		{"tests that fail against a book", "python", strings.Replace(gcd, "return a", "return b", 1), extract.Explicit, extract.Uncertain, "a test written for it fails"},
		{"tests that cannot fail", "python", strings.ReplaceAll(gcd, "gcd", "common"), "", extract.Uncertain, "pass even where the code does nothing"},
		{"tests that cannot fail", "javascript", "const twice = (x) => {\n  return 2 * x;\n};\n", "", extract.Uncertain, "pass even where the code does nothing"},
		{"no function", "python", "print(6 * 7)", "", extract.Uncertain, "it compiles; nothing tests it"},
		{"no Python", "python", "def gcd(a, b)\n    return a", "", extract.Fail, "it does not run: "},
		{"examples that hold", "python", "'''\n>>> 6 * 7\n42\n'''\nx = 1", "", extract.Pass, "the examples in its documentation hold: 1 example"},
		{"examples that do not hold", "python", "'''\n>>> 6 * 7\n43\n'''\nx = 1", "", extract.Fail, "it does not run: "},
		{"endless loop", "python", gcd + "\ndef test_forever():\n    pass\n\nwhile True:\n    pass\n", "", extract.Fail, "it computed for longer than 1s"},
		{"a language nobody runs", "cobol", "DISPLAY 'X'.", "", extract.Skipped, "not run: nothing here runs Cobol"},
		{"something missing", "python", "import numpy_that_is_not_here\n'''\n>>> 1\n1\n'''\n\ndef gcd(a, b):\n    return a\n", "", extract.Skipped, "not run: it needs the Python module numpy_that_is_not_here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.lang != "cobol" && j.Interpreter(c.lang) == "" {
				t.Skip("nothing runs " + c.lang)
			}
			e := stage.Execute{Tests: true, Runner: j, Asking: stage.Asking{Model: client}}
			seed := extract.Seed{Question: "Write it.", Answer: "So:\n\n```" + c.lang + "\n" + c.code + "\n```\n", Type: extract.CodeType, Origin: c.origin}
			seeds, err := e.Do(t.Context(), extract.Passage{}, []extract.Seed{seed})
			if err != nil {
				t.Fatal(err)
			}
			got := seeds[0].Checks[0]
			if got.Verdict != c.verdict || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("%s: %s, want %s: %s", got.Verdict, got.Reason, c.verdict, c.reason)
			}
		})
	}
}
