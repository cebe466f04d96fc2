package stage

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
)

var update = flag.Bool("update", false, "write what the stages do into testdata")

// TestHarvest reads each case's doc.md and compares the pairs found in it.
func TestHarvest(t *testing.T) {
	files, err := filepath.Glob("testdata/harvest/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := range ar.Files {
				name, ok := strings.CutSuffix(ar.Files[i].Name, ".md")
				if !ok {
					continue
				}
				doc := markdown.Parse(string(ar.Files[i].Data))
				got := listPairs(t, doc, harvestAll(t, doc))
				if *update {
					setFile(ar, name+".pairs", got)
					continue
				}
				if diff := cmp.Diff(fileOf(ar, name+".pairs"), got); diff != "" {
					t.Errorf("pairs of %s.md (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// harvestAll harvests a document passage by passage, one passage a block.
func harvestAll(t testing.TB, doc *extract.Document) []extract.Seed {
	t.Helper()
	if err := doc.Check(); err != nil {
		t.Fatalf("document: %v", err)
	}
	var seeds []extract.Seed
	for i, b := range doc.Blocks {
		p := extract.Passage{ID: fmt.Sprint(i), Text: b.Text, Locator: b.Locator, First: i, Last: i + 1, Doc: doc}
		next, err := Harvest{}.Do(t.Context(), p, nil)
		if err != nil {
			t.Fatalf("harvest block %d: %v", i, err)
		}
		seeds = append(seeds, next...)
	}
	return seeds
}

// listPairs writes pairs one after the other and checks their evidence.
func listPairs(t testing.TB, doc *extract.Document, seeds []extract.Seed) string {
	t.Helper()
	var w strings.Builder
	for _, s := range seeds {
		for _, e := range s.Evidence {
			if got := doc.Slice(e.Start, e.End); got != e.Quote || e.Quote == "" {
				t.Errorf("evidence of %q: document says %q from %d to %d, quote says %q", s.Question, got, e.Start, e.End, e.Quote)
			}
		}
		fmt.Fprintf(&w, "[%s %s]\n? %s\n= %s\n", s.Tags[0], s.Type, indent(s.Question), indent(s.Answer))
		if s.ShortAnswer != "" {
			fmt.Fprintf(&w, "~ %s\n", indent(s.ShortAnswer))
		}
	}
	return w.String()
}

func indent(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n", "\n  "), "\n  \n", "\n\n")
}

func fileOf(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setFile(ar *txtar.Archive, name, data string) {
	for i := range ar.Files {
		if ar.Files[i].Name == name {
			ar.Files[i].Data = []byte(data)
			return
		}
	}
	ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(data)})
}
