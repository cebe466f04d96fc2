package stage

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
)

// benchFiles writes the files of an archive whose names begin with bench.
func benchFiles(t testing.TB, ar *txtar.Archive) []string {
	t.Helper()
	var files []string
	dir := t.TempDir()
	for _, f := range ar.Files {
		if strings.HasPrefix(f.Name, "bench") {
			name := filepath.Join(dir, f.Name)
			if err := os.WriteFile(name, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
	}
	return files
}

func TestDecontaminate(t *testing.T) {
	file := filepath.Join("testdata", "decontaminate", "cases.txtar")
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &Decontaminate{Files: benchFiles(t, ar), Reject: 0.5, Flag: 0.2}
	var got strings.Builder
	for i, c := range strings.Split(strings.TrimSpace(fileOf(ar, "seeds")), "\n\n") {
		if i > 0 {
			got.WriteString("\n")
		}
		lines := strings.Split(c, "\n")
		s := extract.Seed{Question: strings.TrimPrefix(lines[0], "? "), Answer: strings.TrimPrefix(lines[1], "= "), Verdict: extract.Draft}
		seeds, err := d.Do(t.Context(), extract.Passage{}, []extract.Seed{s})
		if err != nil {
			t.Fatal(err)
		}
		check := seeds[0].Checks[0]
		fmt.Fprintf(&got, "%s\n%s\n! %s %.2f", lines[0], lines[1], check.Verdict, check.Score)
		if check.Reason != "" {
			fmt.Fprintf(&got, ": %s", check.Reason)
		}
		got.WriteString("\n")
	}
	if *update {
		setFile(ar, "seeds", got.String())
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(fileOf(ar, "seeds"), got.String()); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

// TestDecontaminateNothing checks that without files nothing is vouched for,
// and that what others rejected stays as it is.
func TestDecontaminateNothing(t *testing.T) {
	seeds := []extract.Seed{
		{Question: "Why?", Answer: "So.", Verdict: extract.Draft},
		{Question: "Why?", Answer: "So.", Verdict: extract.Rejected, VerdictReason: "ground: no"},
	}
	got, err := (&Decontaminate{Reject: 0.5, Flag: 0.2}).Do(t.Context(), extract.Passage{}, seeds)
	if err != nil || len(got[0].Checks) != 1 || got[0].Checks[0].Verdict != extract.Skipped || len(got[1].Checks) != 0 {
		t.Errorf("Do = %+v, %v", got, err)
	}
}

// TestDecontaminateFiles reads benchmarks that are none.
func TestDecontaminateFiles(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"empty", " \n", "there is nothing in it"},
		{"pretty", "{\n  \"question\": \"Why?\"\n}\n", "line 1 is no JSON object of its own"},
		{"broken", "{\"text\": \"a\"}\n{\"text\": \"b\"\n", "line 2 is no JSON object of its own"},
		{"other", "{\"q\": \"Why?\"}\n", "line 1 has no text in any of the fields question, prompt and text"},
		{"long", strings.Repeat("x", maxBenchmarkLine+1), "line 1 is longer than 16 MiB"},
		{"big", "one two three\n\nfour five six\n", "line 3: the benchmarks have more than 5 words in all"},
	} {
		name := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(name, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readBenchmark([]string{name}, (&Decontaminate{}).open, 5)
		if err == nil || !strings.Contains(err.Error(), name+": "+c.want) {
			t.Errorf("readBenchmark(%s): %v, want “%s”", c.name, err, c.want)
		}
	}
}

func TestDecontaminateParameters(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.jsonl")
	for params, want := range map[string]string{
		"files: [" + gone + "]":          "benchmark file: open " + gone,
		"files: [" + t.TempDir() + "]":   "is no file",
		"reject: 1.5":                    "reject is 1.5 and has to be above 0 and at most 1",
		"reject: .nan":                   "reject is NaN",
		"reject: 0.3\n      flag: 0.4":   "flag is 0.4, above reject, which is 0.3",
		"file: x":                        `did you mean "files"?`,
		"files: [recipe.go]\n      n: 3": "nothing called \"n\"",
	} {
		r, err := Parse([]byte("name: x\nstages:\n  - decontaminate:\n      " + params + "\n"))
		if err == nil {
			_, err = Build(r, Tools{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse with %q: %v, want “%s”", params, err, want)
		}
	}
}

// TestDecontaminateMended checks that a file that could not be read is read
// once it can.
func TestDecontaminateMended(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bench.jsonl")
	if err := os.WriteFile(name, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &Decontaminate{Files: []string{name}, Reject: 0.5, Flag: 0.2}
	seeds := []extract.Seed{{Question: "What is the capital of Mongolia?", Verdict: extract.Draft}}
	if _, err := d.Do(t.Context(), extract.Passage{}, seeds); err == nil {
		t.Error("a broken file was read")
	}
	if err := os.WriteFile(name, []byte(`{"question": "What is the capital of Mongolia?"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	seeds, err := d.Do(t.Context(), extract.Passage{}, seeds)
	if err != nil || seeds[0].Live() {
		t.Errorf("Do = %+v, %v", seeds, err)
	}
}

// BenchmarkDecontaminate reads a million words, and compares seeds with them.
func BenchmarkDecontaminate(b *testing.B) {
	var w strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&w, "{\"question\": \"")
		for j := range 50 {
			fmt.Fprintf(&w, "word%d ", (i*7919+j*104729)%50_000)
		}
		w.WriteString("\"}\n")
	}
	name := filepath.Join(b.TempDir(), "bench.jsonl")
	if err := os.WriteFile(name, []byte(w.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := readBenchmark([]string{name}, (&Decontaminate{}).open, maxBenchmarkWords); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("seed", func(b *testing.B) {
		d := &Decontaminate{Files: []string{name}, Reject: 0.5, Flag: 0.2}
		s := extract.Seed{Question: strings.Repeat("What follows from this long question? ", 5), Answer: strings.Repeat("A long answer says why. ", 20)}
		for b.Loop() {
			if _, err := d.Do(b.Context(), extract.Passage{}, []extract.Seed{s}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestDecontaminateFolder: a server's recipes come from a browser and reach
// no file but those in the folder it gives.
func TestDecontaminateFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bench.jsonl"), []byte(`{"question": "Why?"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tools := Tools{Benchmarks: func(name string) (fs.File, error) { return os.OpenInRoot(folder, name) }}
	for name, ok := range map[string]bool{"bench.jsonl": true, "gone.jsonl": false, "../" + filepath.Base(folder) + "/bench.jsonl": false, "/etc/passwd": false} {
		r, err := Parse([]byte("name: x\nstages:\n  - decontaminate:\n      files: [" + name + "]\n"))
		if err != nil {
			t.Fatalf("Parse with the file %s: %v; want no word of the file yet", name, err)
		}
		if _, err := Build(r, tools); (err == nil) != ok {
			t.Errorf("Build with the file %s gives %v; want it taken: %t", name, err, ok)
		}
	}
}
