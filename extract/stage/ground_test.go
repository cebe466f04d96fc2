package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
)

func ExampleGround() {
	p := extract.Passage{Text: "Granite cools\nslowly, so its crystals are large."}
	p.End = len(p.Text)
	seeds := []extract.Seed{
		{Question: "How does granite cool?", Evidence: []extract.Evidence{{Quote: "granite cools slowly"}}},
		{Question: "What is granite made of?", Evidence: []extract.Evidence{{Quote: "Granite is made of feldspar"}}},
	}
	seeds, err := new(Ground).Do(context.Background(), p, seeds)
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range seeds {
		fmt.Printf("%s %q\n", s.Checks[0].Verdict, s.Evidence[0].Quote)
	}
	fmt.Println(seeds[1].VerdictReason)
	// Output:
	// pass "Granite cools\nslowly"
	// fail "Granite is made of feldspar"
	// ground: quote not in the passage: “Granite is made of feldspar”
}

func TestGround(t *testing.T) {
	files, err := filepath.Glob("testdata/ground/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("cases: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := func(name string) string {
				for _, f := range ar.Files {
					if f.Name == name {
						return string(f.Data)
					}
				}
				t.Fatalf("%s has no %q", file, name)
				return ""
			}
			p := extract.Passage{Text: part("passage")}
			p.Start, p.End = 1000, 1000+len([]rune(p.Text))
			var got strings.Builder
			for _, quote := range strings.Split(strings.TrimSpace(part("quotes")), "\n") {
				e, reason := groundOne(t, p, extract.Evidence{Quote: quote})
				if e.Match == "" {
					fmt.Fprintf(&got, "%s\n\tmissing: %s\n", quote, reason)
					continue
				}
				runes := []rune(p.Text)
				if at := string(runes[e.Start-p.Start : e.End-p.Start]); at != e.Quote {
					t.Errorf("%q: evidence says %q, but there stands %q", quote, e.Quote, at)
				}
				fmt.Fprintf(&got, "%s\n\t%s %d-%d %q %s\n", quote, e.Match, e.Start, e.End, e.Quote, reason)
			}
			text := strings.ReplaceAll(got.String(), " \n", "\n")
			if *update {
				for i := range ar.Files {
					if ar.Files[i].Name == "want" {
						ar.Files[i].Data = []byte(text)
					}
				}
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(part("want"), text); d != "" {
				t.Errorf("Ground (-want +got):\n%s", d)
			}
		})
	}
}

func groundOne(t *testing.T, p extract.Passage, e extract.Evidence) (extract.Evidence, string) {
	t.Helper()
	seeds, err := new(Ground).Do(t.Context(), p, []extract.Seed{{Evidence: []extract.Evidence{e}}})
	if err != nil {
		t.Fatal(err)
	}
	c := seeds[0].Checks[0]
	if (c.Verdict == extract.Pass) != (seeds[0].Evidence[0].Match != "") || seeds[0].Live() != (c.Verdict == extract.Pass) {
		t.Errorf("%q: check %v, evidence %v, verdict %q", e.Quote, c, seeds[0].Evidence[0], seeds[0].Verdict)
	}
	return seeds[0].Evidence[0], c.Reason
}

func TestGroundPlaces(t *testing.T) {
	var w extract.Builder
	add := func(gap, text string, at extract.Locator) {
		w.Add(gap, extract.Block{Kind: extract.Paragraph, Text: text, Locator: at})
	}
	add("", "Überall steht\nText auf\ndrei Zeilen.", extract.Locator{File: "a.md", Page: 3, Lines: [2]int{10, 12}})
	add("\n\n", "Noch einer.", extract.Locator{File: "a.md", Page: 4, Lines: [2]int{14, 14}})
	add("\n\n", "One line that the file\nwraps elsewhere.", extract.Locator{File: "b.md", Lines: [2]int{1, 5}})
	d := w.Done()
	p := extract.Passage{Text: d.Slice(0, d.Blocks[1].End), Doc: d, First: 0, Last: 2, Locator: extract.Locator{End: d.Blocks[1].End, File: "a.md", Page: 3, Lines: [2]int{10, 14}}}
	whole := extract.Passage{Text: d.Text, Doc: d, First: 0, Last: 3, Locator: extract.Locator{End: len([]rune(d.Text))}}
	at := func(quote string) extract.Evidence {
		start := len([]rune(d.Text[:strings.Index(d.Text, quote)]))
		return extract.Evidence{Quote: quote, Start: start, End: start + len([]rune(quote)), Match: extract.MatchExact}
	}
	for _, tc := range []struct {
		name string
		p    extract.Passage
		in   extract.Evidence
		file string
		page int
		line [2]int
	}{
		{"first line", p, extract.Evidence{Quote: "Überall"}, "a.md", 3, [2]int{10, 10}},
		{"over a line break", p, extract.Evidence{Quote: "steht Text"}, "a.md", 3, [2]int{10, 11}},
		{"last line", p, extract.Evidence{Quote: "drei Zeilen"}, "a.md", 3, [2]int{12, 12}},
		{"over two blocks", p, extract.Evidence{Quote: "Zeilen. Noch"}, "a.md", 3, [2]int{12, 14}},
		{"second block", p, extract.Evidence{Quote: "einer"}, "a.md", 4, [2]int{14, 14}},
		{"text that is not lines", whole, extract.Evidence{Quote: "elsewhere"}, "b.md", 0, [2]int{1, 5}},
		{"over two files", whole, extract.Evidence{Quote: "einer. One"}, "a.md", 4, [2]int{}},
		{"outside the passage", p, at("One line"), "b.md", 0, [2]int{1, 5}},
		{"outside, over two blocks", extract.Passage{Doc: d, Locator: extract.Locator{Start: 1000, End: 1000}}, at("drei Zeilen.\n\nNoch einer."), "a.md", 3, [2]int{12, 14}},
		{"inside, located", p, at("Zeilen.\n\nNoch"), "a.md", 3, [2]int{12, 14}},
	} {
		e, reason := groundOne(t, tc.p, tc.in)
		if e.Match == "" || d.Slice(e.Start, e.End) != e.Quote || e.File != tc.file || e.Page != tc.page || e.Lines != tc.line {
			t.Errorf("%s: Ground(%q) = %+v %s; want %s page %d lines %v", tc.name, tc.in.Quote, e, reason, tc.file, tc.page, tc.line)
		}
	}

	wrong := at("One line")
	wrong.Start, wrong.End = wrong.Start+1, wrong.End+1
	for _, e := range []extract.Evidence{
		wrong,
		{Quote: "One line", Start: -5, End: 3, Match: extract.MatchExact},
		{Quote: "One line", Start: 1 << 40, End: 1<<40 + 8, Match: extract.MatchExact},
	} {
		if e, _ := groundOne(t, p, e); e != (extract.Evidence{Quote: "One line"}) {
			t.Errorf("evidence at a wrong place became %+v", e)
		}
	}
	moved := at("einer")
	moved.Start, moved.End = 2, 7
	if e, _ := groundOne(t, p, moved); e.Start != at("einer").Start {
		t.Errorf("evidence in the passage, at a wrong place, became %+v", e)
	}
}

func TestGroundSeeds(t *testing.T) {
	p := extract.Passage{Text: "Granite cools slowly in the deep and is found on all continents of the earth.", Locator: extract.Locator{End: 77}}
	good := extract.Evidence{Quote: "Granite cools slowly"}
	near := extract.Evidence{Quote: "Granite cools slowly in the deep and was found on all continents"}
	bad := extract.Evidence{Quote: "Marble is soft"}
	for _, tc := range []struct {
		name    string
		seed    extract.Seed
		verdict string
		reason  string
	}{
		{"no evidence", extract.Seed{Origin: extract.Derived}, extract.Fail, "no quote supports it"},
		{"a person's", extract.Seed{Origin: extract.Manual}, extract.Skipped, "written by a person"},
		{"one bad of two", extract.Seed{Evidence: []extract.Evidence{bad, good}}, extract.Fail, "quote not in the passage: “Marble is soft”"},
		{"one near of two", extract.Seed{Evidence: []extract.Evidence{near, good}}, extract.Pass, "1 of 12 words of a quote repaired: “Granite cools slowly in the deep and was found on all continents”"},
		{"near and bad", extract.Seed{Evidence: []extract.Evidence{near, good, bad}}, extract.Fail, "quote not in the passage: “Marble is soft”"},
		{"empty", extract.Seed{Evidence: []extract.Evidence{{Quote: " … "}}}, extract.Fail, "a quote is empty"},
	} {
		seeds, err := new(Ground).Do(t.Context(), p, []extract.Seed{tc.seed, {Verdict: extract.Rejected}})
		if err != nil {
			t.Fatal(err)
		}
		if c := seeds[0].Checks[0]; c.Verdict != tc.verdict || c.Reason != tc.reason {
			t.Errorf("%s: Ground = %+v, want %s: %s", tc.name, c, tc.verdict, tc.reason)
		}
		if seeds[1].Checks != nil {
			t.Errorf("%s: a rejected seed was checked: %v", tc.name, seeds[1].Checks)
		}
	}
}

// Whatever the text, a normal text's way back stays inside it and in order.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"", " a ", "ﬁx", "a-\nb", "``x''", "— -", "e\u0301\u00ad\nx", "\xff", "½", "a\u200b\u0301"} {
		f.Add(s, "quote")
	}
	f.Fuzz(func(t *testing.T, s, quote string) {
		n := normalize(s)
		if len(n.from) != len(n.text) || len(n.to) != len(n.text) {
			t.Fatalf("normalize(%q): %d bytes, %d and %d offsets", s, len(n.text), len(n.from), len(n.to))
		}
		last := int32(0)
		for i := range n.text {
			if n.from[i] < last || n.to[i] < n.from[i] || int(n.to[i]) > len(s) {
				t.Fatalf("normalize(%q): byte %d comes from %d–%d after %d", s, i, n.from[i], n.to[i], last)
			}
			last = n.from[i]
		}
		if a := n.words().align(quote, 0.5); a.from < 0 || a.to < a.from || a.to > len(s) {
			t.Fatalf("align(%q in %q) = %+v", quote, s, a)
		}
		if from, to, ok := n.find(quote); ok && (from < 0 || to <= from || to > len(s)) {
			t.Fatalf("find(%q in %q) = %d, %d", quote, s, from, to)
		}
	})
}

func BenchmarkGround(b *testing.B) {
	text := strings.Repeat("Granite cools slowly in the deep, so its crystals are large; basalt cools fast. ", 50)
	text += "Obsidian is a glass, not a crystal, and it breaks into pieces that are sharper than any knife made of steel."
	p := extract.Passage{Text: text, Locator: extract.Locator{End: len(text)}}
	for name, quote := range map[string]string{
		"exact":      "Obsidian is a glass, not a crystal",
		"normalized": "Obsidian is a glass,  not a crystal",
		"repaired":   "it breaks into pieces that are sharper than most knives made of steel",
		"missing":    "Obsidian is a soft metal that is mined in the northern parts of the country",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			seeds := make([]extract.Seed, 1)
			for b.Loop() {
				seeds[0] = extract.Seed{Evidence: []extract.Evidence{{Quote: quote}}, Checks: seeds[0].Checks[:0]}
				if _, err := new(Ground).Do(b.Context(), p, seeds); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
