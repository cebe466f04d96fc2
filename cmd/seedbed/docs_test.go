package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/faults.md names is there, in the package it names.
func TestFaultsNamesTests(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{} // of the tests, by package
	row := regexp.MustCompile("^\\| .+ \\| `([a-z/]+)` `(Test\\w+)` \\| .+ \\|$")
	named := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| fault |") || strings.HasPrefix(line, "|---") {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("not a fault, a package with its test, and a guarantee: %s", line)
			continue
		}
		pkg, test := m[1], m[2]
		if _, ok := sources[pkg]; !ok {
			files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
			if err != nil || len(files) == 0 {
				t.Errorf("%s has no tests, %v", pkg, err)
			}
			for _, name := range files {
				source, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				sources[pkg] += string(source)
			}
		}
		if named++; !strings.Contains(sources[pkg], "\nfunc "+test+"(t *testing.T) {") {
			t.Errorf("%s has no test %s", pkg, test)
		}
	}
	if named < 20 {
		t.Errorf("docs/faults.md names %d tests: the table was not read", named)
	}
}

// TestMeasureShowsWhatItPrints runs the example of docs/measure.md.
func TestMeasureShowsWhatItPrints(t *testing.T) {
	doc, err := os.ReadFile("../../docs/measure.md")
	if err != nil {
		t.Fatal(err)
	}
	seeds := filepath.Join(t.TempDir(), "seeds.jsonl")
	chapter := "../../examples/chapter.md"
	if code := run(t.Context(), []string{"extract", "--rejected", "-o", seeds, chapter}, t.Output(), t.Output()); code != 0 {
		t.Fatalf("seedbed extract exits with %d", code)
	}
	var card bytes.Buffer
	if code := run(t.Context(), []string{"measure", seeds, "--source", chapter}, &card, t.Output()); code != 0 {
		t.Fatalf("seedbed measure exits with %d", code)
	}
	_, example, _ := strings.Cut(string(doc), "--source examples/chapter.md\n\n")
	example, _, _ = strings.Cut(example, "\n| flag ")
	shown := 0
	for line := range strings.Lines(example) {
		line = strings.TrimSpace(line)
		if line == "" || line == "…" {
			continue
		}
		if shown++; !strings.Contains(card.String(), line) {
			t.Errorf("docs/measure.md shows %q, which seedbed measure does not print:\n%s", line, card.String())
			break
		}
	}
	if shown < 10 {
		t.Errorf("docs/measure.md shows %d lines: the example was not read", shown)
	}
}
