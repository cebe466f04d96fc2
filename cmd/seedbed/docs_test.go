package main

import (
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
