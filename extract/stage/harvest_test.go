package stage

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/text"
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

// FuzzHarvest checks that no document makes harvest panic and that every
// quote is the document's text where it says it is.
func FuzzHarvest(f *testing.F) {
	for _, pattern := range []string{"testdata/harvest/*.txtar", "testdata/gold/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, part := range ar.Files {
				f.Add(string(part.Data), true)
				f.Add(string(part.Data), false)
			}
		}
	}
	f.Fuzz(func(t *testing.T, src string, md bool) {
		src = strings.ToValidUTF8(src, "\uFFFD")
		parse := text.Parse
		if md {
			parse = markdown.Parse
		}
		doc := parse(src)
		if doc.Check() != nil {
			t.Skip() // the reader's own affair
		}
		for _, s := range harvest(doc) {
			if !wordy(s.question) || !wordy(s.answer) {
				t.Errorf("%q = %q", s.question, s.answer)
			}
			for _, e := range s.evidence {
				if got := doc.Slice(e.Start, e.End); got != e.Quote || e.Quote == "" {
					t.Errorf("evidence of %q: document says %q, quote says %q", s.question, got, e.Quote)
				}
			}
		}
	})
}

// TestHarvestOnce checks that each pair is yielded by one passage, whichever
// way the document is cut, and by none that does not hold its question.
func TestHarvestOnce(t *testing.T) {
	ar, err := txtar.ParseFile("testdata/gold/mathematics.txtar")
	if err != nil {
		t.Fatal(err)
	}
	doc := text.Parse(fileOf(ar, "doc.txt"))
	all := len(harvestAll(t, doc))
	if all == 0 {
		t.Fatal("nothing found")
	}
	for _, size := range []int{1, 3, 10, len(doc.Blocks)} {
		n := 0
		for first := 0; first < len(doc.Blocks); first += size {
			last := min(first+size, len(doc.Blocks))
			at := extract.Locator{Start: doc.Blocks[first].Start, End: doc.Blocks[last-1].End}
			seeds, err := Harvest{}.Do(t.Context(), extract.Passage{Locator: at, First: first, Last: last, Doc: doc}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range seeds {
				if e := s.Evidence[0]; e.Start < at.Start || e.Start >= at.End {
					t.Errorf("%q stands at %d, its passage from %d to %d", s.Question, e.Start, at.Start, at.End)
				}
			}
			n += len(seeds)
		}
		if n != all {
			t.Errorf("passages of %d blocks yield %d pairs, want %d", size, n, all)
		}
	}
}

// TestHarvestForgets checks that what was found in a document goes with it.
func TestHarvestForgets(t *testing.T) {
	gone := make(chan struct{})
	func() {
		doc := markdown.Parse("## FAQ\n\n### What is a heap?\n\nA tree in an array.\n")
		runtime.AddCleanup(doc, func(done chan struct{}) { close(done) }, gone)
		if len(harvested(doc)) != 1 {
			t.Fatal("nothing found")
		}
	}()
	for range 10 {
		runtime.GC()
		select {
		case <-gone:
			return
		default:
		}
	}
	t.Error("the document is still held")
}

// TestHarvestLines checks where evidence says it stands in its file.
func TestHarvestLines(t *testing.T) {
	var w extract.Builder
	w.Add("", extract.Block{Kind: extract.Heading, Level: 1, Title: "Café", Text: "# Café FAQ", Locator: extract.Locator{File: "a.md", Page: 3, Lines: [2]int{1, 1}}})
	w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "Q: Is the café open?\nA: Yes,\nit is.", Locator: extract.Locator{File: "a.md", Page: 3, Lines: [2]int{3, 5}}})
	doc := w.Done()
	seeds := harvestAll(t, doc)
	want := []extract.Evidence{
		{Quote: "Is the café open?", File: "a.md", Page: 3, Lines: [2]int{3, 3}, Start: 15, End: 32, Match: extract.MatchExact},
		{Quote: "Yes,\nit is.", File: "a.md", Page: 3, Lines: [2]int{4, 5}, Start: 36, End: 47, Match: extract.MatchExact},
	}
	if len(seeds) != 1 {
		t.Fatalf("%d seeds, want 1", len(seeds))
	}
	if diff := cmp.Diff(want, seeds[0].Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
}
