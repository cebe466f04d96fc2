package stage

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/code"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/pretext"
	"seedbed/extract/read/text"
)

// The bar that harvest has to reach over all gold sets.
const (
	minPrecision = 0.95
	minRecall    = 0.90
)

// A goldPair is a pair that a reader of the document would take.
type goldPair struct {
	question string
	first    string // how the answer begins
	last     string // and ends, "" is anyhow
}

// TestHarvestGold holds what is found in whole documents against what a
// reader found in them.
func TestHarvestGold(t *testing.T) {
	files, err := filepath.Glob("testdata/gold/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no gold: %v", err)
	}
	found, right, there := 0, 0, 0
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			name, kind, _ := strings.Cut(f.Name, ".")
			var doc *extract.Document
			switch kind {
			case "md":
				doc = markdown.Parse(string(f.Data))
			case "txt":
				doc = text.Parse(string(f.Data))
			case "ptx":
				if doc, err = pretext.Read(t.Context(), bytes.NewReader(f.Data), f.Name); err != nil {
					t.Fatal(err)
				}
			case "go":
				doc = code.Parse(string(f.Data), f.Name, kind)
			default:
				continue
			}
			gold := parseGold(fileOf(ar, name+".gold"))
			seeds := harvestAll(t, doc)
			listPairs(t, doc, seeds) // checks the evidence
			ok := 0
			for _, s := range seeds {
				i := indexGold(gold, s)
				if i < 0 {
					t.Logf("%s %s: not in the gold: %q = %q", filepath.Base(file), f.Name, s.Question, s.Answer)
					continue
				}
				gold = append(gold[:i], gold[i+1:]...)
				ok++
			}
			for _, g := range gold {
				t.Logf("%s %s: not found: %q = %q", filepath.Base(file), f.Name, g.question, g.first)
			}
			found, right, there = found+len(seeds), right+ok, there+ok+len(gold)
			if ok+len(gold) >= 10 && (float64(ok) < minRecall*float64(ok+len(gold)) || float64(ok) < minPrecision*float64(len(seeds))) {
				t.Errorf("%s %s: %d of %d found, %d of %d right", filepath.Base(file), f.Name, ok, ok+len(gold), ok, len(seeds))
			}
		}
	}
	precision, recall := float64(right)/float64(found), float64(right)/float64(there)
	t.Logf("precision %.3f, recall %.3f over %d pairs", precision, recall, there)
	if precision < minPrecision || recall < minRecall {
		t.Errorf("precision %.3f (%d of %d), recall %.3f (%d of %d); want %.2f and %.2f", precision, right, found, recall, right, there, minPrecision, minRecall)
	}
}

func parseGold(s string) []goldPair {
	var out []goldPair
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if q, ok := strings.CutPrefix(line, "? "); ok {
			out = append(out, goldPair{question: squeeze(q)})
		} else if a, ok := strings.CutPrefix(line, "= "); ok {
			first, last, _ := strings.Cut(a, "…")
			out[len(out)-1].first, out[len(out)-1].last = squeeze(first), squeeze(last)
		}
	}
	return out
}

// indexGold is the gold pair that a seed is. A gold question of one or two
// words is a term.
func indexGold(gold []goldPair, s extract.Seed) int {
	q, a := squeeze(s.Question), squeeze(s.Answer)
	for i, g := range gold {
		term := len(strings.Fields(g.question)) <= 2
		asks := q == g.question || !term && strings.Contains(q, g.question) || term && (strings.HasSuffix(strings.Trim(strings.ToLower(q), "?"), " "+strings.ToLower(g.question)) || strings.Contains(strings.ToLower(q), `"`+strings.ToLower(g.question)+`"`))
		if asks && strings.HasPrefix(a, g.first) && strings.HasSuffix(a, g.last) {
			return i
		}
	}
	return -1
}
