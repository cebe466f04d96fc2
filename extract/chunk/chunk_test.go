package chunk_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/read"
	"seedbed/extract/tokens"
)

func ExampleSplit() {
	var w extract.Builder
	w.Add("", extract.Block{Kind: extract.Heading, Level: 1, Title: "Stones", Text: "# Stones"})
	w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 2, Title: "Granite", Text: "## Granite"})
	w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "Granite cools slowly. Its crystals are large."})
	w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 2, Title: "Basalt", Text: "## Basalt"})
	w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "Basalt cools fast. Its crystals are small."})
	w.Add("\n\n", extract.Block{Kind: extract.Other, Text: "- 17 -", Skip: "page number"})
	for p := range chunk.Split(w.Done(), chunk.Options{Max: 20}) {
		fmt.Printf("%d–%d %q %q\n", p.Start, p.End, p.Path, p.Text)
		if p.Skip != "" {
			fmt.Println("skipped:", p.Skip)
		}
	}
	// Output:
	// 0–67 ["Stones" "Granite"] "# Stones\n\n## Granite\n\nGranite cools slowly. Its crystals are large."
	// 69–122 ["Stones" "Basalt"] "## Basalt\n\nBasalt cools fast. Its crystals are small."
	// 124–130 ["Stones" "Basalt"] "- 17 -"
	// skipped: page number
}

// say is a text of about n tokens in short sentences.
func say(n int) string {
	return strings.TrimSpace(strings.Repeat("Water boils sooner on high mountains. ", (n+6)/7))
}

// doc builds a document from lines: "# Title" opens a heading, "text 300" and
// "item 300" add blocks of so many tokens, "code 300" a function, "skip" a
// block to be skipped.
func doc(lines ...string) *extract.Document {
	var w extract.Builder
	for _, l := range lines {
		kind, rest, _ := strings.Cut(l, " ")
		var n int
		_, _ = fmt.Sscan(rest, &n)
		b := extract.Block{Kind: extract.Paragraph, Text: say(n)}
		switch {
		case kind[0] == '#':
			b = extract.Block{Kind: extract.Heading, Level: len(kind), Title: rest, Text: l}
		case kind == "item":
			b.Kind = extract.ListItem
		case kind == "code":
			b.Kind, b.Symbol = extract.Code, &extract.Symbol{Name: "f"}
		case kind == "caption":
			b.Kind = extract.Caption
		case kind == "table":
			b.Kind = extract.Table
		case kind == "skip":
			b.Kind, b.Text, b.Skip = extract.Other, "- 1 -", "page number"
		}
		w.Add("\n\n", b)
	}
	return w.Done()
}

// What becomes of whole blocks: each passage as its path and the blocks'
// lines, a piece of a block as "…".
func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		name string
		doc  []string
		want []string
	}{
		{
			"a small document is one passage",
			[]string{"# A", "text 50", "## B", "text 50", "## C", "text 50"},
			[]string{"A: # A|text 50|## B|text 50|## C|text 50"},
		},
		{
			"sections that are large enough stand alone",
			[]string{"# A", "## B", "text 650", "## C", "text 700"},
			[]string{"A/B: # A|## B|text 650", "A/C: ## C|text 700"},
		},
		{
			"small neighbours under one heading are joined",
			[]string{"# A", "## B", "text 300", "## C", "text 250", "## D", "text 300", "## E", "text 300"},
			[]string{"A: # A|## B|text 300|## C|text 250|## D|text 300", "A/E: ## E|text 300"},
		},
		{
			"but not under different headings",
			[]string{"# A", "text 800", "## B", "text 300", "# C", "text 300", "## D", "text 800"},
			[]string{"A: # A|text 800", "A/B: ## B|text 300", "C: # C|text 300", "C/D: ## D|text 800"},
		},
		{
			"a long section is cut evenly",
			[]string{"# A", "text 400", "text 400", "text 400", "text 400", "text 10"},
			[]string{"A: # A|text 400|text 400", "A: text 400|text 400|text 10"},
		},
		{
			"headings go with the text they lead to",
			[]string{"# A", "text 900", "## B", "### C", "text 900"},
			[]string{"A: # A|text 900", "A/B/C: ## B|### C|text 900"},
		},
		{
			"a heading without text joins its neighbour",
			[]string{"# Part I", "# A", "text 700", "## B", "text 700", "## See also", "# C", "text 900"},
			[]string{"A: # Part I|# A|text 700", "A/B: ## B|text 700|## See also", "C: # C|text 900"},
		},
		{
			"skipped blocks stand apart",
			[]string{"# A", "text 50", "skip", "skip", "text 50"},
			[]string{"A: # A|text 50", "A: skip|skip (page number)", "A: text 50"},
		},
		{
			"headings alone are skipped",
			[]string{"skip", "# A", "## B", "skip", "text 20"},
			[]string{": skip (page number)", "A: # A|## B (heading without text)", "A/B: skip (page number)", "A/B: text 20"},
		},
		{
			"functions, items and tables are not cut",
			[]string{"# A", "code 1500", "item 1200", "text 20", "table 1100"},
			[]string{"A: # A|code 1500", "A: item 1200", "A: text 20", "A: table 1100"},
		},
		{
			"unless no model could read them",
			[]string{"code 4300"},
			[]string{": …", ": …", ": …", ": …", ": …"},
		},
		{
			"long text is cut",
			[]string{"# A", "text 1500", "text 100"},
			[]string{"A: # A|…", "A: …|text 100"},
		},
		{
			"captions stay with tables",
			[]string{"text 500", "text 290", "caption 20", "table 300", "text 600"},
			[]string{": text 500|text 290", ": caption 20|table 300|text 600"},
		},
	} {
		d := doc(tc.doc...)
		var got []string
		for p := range chunk.Split(d, chunk.Options{}) {
			line := strings.Join(p.Path, "/") + ": "
			for i := p.First; i < p.Last; i++ {
				if i > p.First {
					line += "|"
				}
				if b := d.Blocks[i]; b.Start < p.Start || b.End > p.End {
					line += "…"
				} else {
					line += tc.doc[i]
				}
			}
			if p.Skip != "" {
				line += " (" + p.Skip + ")"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: Split (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestSplitCode(t *testing.T) {
	function := "func f() {\n\tcall()\n\n\tcall()\n}\n"
	var w extract.Builder
	w.Add("", extract.Block{Kind: extract.Code, Lang: "go", Text: strings.Repeat(function+"\n", 40), Locator: extract.Locator{Lines: [2]int{11, 11 + 240}}})
	line := 11
	n := 0
	for p := range chunk.Split(w.Done(), chunk.Options{Max: 100}) {
		if !strings.HasPrefix(p.Text, "func f() {") || !strings.HasSuffix(p.Text, "}") {
			t.Errorf("passage %d cuts a function: %q", n, p.Text)
		}
		if p.Lines[0] != line || p.Lines[1] != line+strings.Count(p.Text, "\n") {
			t.Errorf("passage %d: lines %v, want from %d on", n, p.Lines, line)
		}
		line = p.Lines[1] + 2
		n++
	}
	if n < 5 {
		t.Errorf("%d passages, want more", n)
	}
}

func TestSplitSentences(t *testing.T) {
	text := "Dr. Smith saw it, e.g. in Fig. 3, which J. R. Brown\ndrew. It weighs 3.5 kg. Is it old?\nYes! See p. 7. Done."
	want := []string{
		"Dr. Smith saw it, e.g. in Fig. 3, which J. R. Brown\ndrew.",
		"It weighs 3.5 kg. Is it old?\nYes! See p. 7. Done.",
	}
	var w extract.Builder
	w.Add("", extract.Block{Kind: extract.Paragraph, Text: text})
	var got []string
	for p := range chunk.Split(w.Done(), chunk.Options{Max: 34, Target: 24}) {
		got = append(got, p.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Split (-want +got):\n%s", diff)
	}
}

// A repository's passages never reach over two files; a book's may.
func TestSplitFiles(t *testing.T) {
	for kind, want := range map[string]int{extract.Repository: 3, extract.Book: 1} {
		var w extract.Builder
		w.Kind = kind
		for _, file := range []string{"a", "b", "c"} {
			w.Add("\n", extract.Block{Kind: extract.Heading, Level: 1, Title: file, Text: file, Locator: extract.Locator{File: file}})
			w.Add("\n", extract.Block{Kind: extract.Paragraph, Text: "Text of " + file, Locator: extract.Locator{File: file, Lines: [2]int{1, 1}}})
		}
		got := slices.Collect(chunk.Split(w.Done(), chunk.Options{}))
		if len(got) != want || got[0].File != "a" {
			t.Errorf("%s: %d passages, first of file %q; want %d, of file a", kind, len(got), got[0].File, want)
		}
		if lines := got[0].Lines; (lines == [2]int{1, 1}) != (kind == extract.Repository) {
			t.Errorf("%s: lines %v", kind, lines)
		}
	}
}

func TestSplitNothing(t *testing.T) {
	for p := range chunk.Split(&extract.Document{}, chunk.Options{}) {
		t.Errorf("an empty document has passage %v", p)
	}
}

// TestSplitLosesNothing holds what Split promises for documents of all kinds
// of blocks in any order.
func TestSplitLosesNothing(t *testing.T) {
	n := uint64(300)
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 7))
		d := randomDocument(r)
		if err := d.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		o := chunk.Options{}
		if r.IntN(3) > 0 {
			o.Max = 16 + r.IntN(300)
		}
		holds(t, fmt.Sprintf("seed %d", seed), d, o)
	}
}

// TestSplitCorpus holds the same for every document below the folder that
// SEEDBED_CORPUS names.
func TestSplitCorpus(t *testing.T) {
	corpus := os.Getenv("SEEDBED_CORPUS")
	if corpus == "" {
		t.Skip("SEEDBED_CORPUS names no folder")
	}
	files := 0
	err := filepath.WalkDir(corpus, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		// What cannot be read is no document.
		if doc, err := read.File(t.Context(), name, read.Options{CacheDir: os.TempDir()}); err == nil {
			files++
			holds(t, name, doc, chunk.Options{})
			holds(t, name, doc, chunk.Options{Max: 100})
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d documents below %s: %v", files, corpus, err)
	}
	t.Logf("%d documents", files)
}

// With an overlap, passages are those without one, and some begin earlier:
// with whole sentences of the passage before.
func TestSplitOverlap(t *testing.T) {
	const sentence = "Water boils sooner on high mountains. "
	d := doc("# A", "text 280", "text 280", "# B", "text 280")
	const limit = 120
	plain := slices.Collect(chunk.Split(d, chunk.Options{Max: limit}))
	var shared int
	for i, p := range slices.Collect(chunk.Split(d, chunk.Options{Max: limit, Overlap: 20})) {
		text := d.Slice(p.Start, p.End)
		if text != p.Text || p.ID != extract.PassageID(p.Path, p.Text) || p.Tokens > limit || !slices.Equal(p.Path, plain[i].Path) {
			t.Fatalf("passage %d %d–%d of %d tokens under %q: %.60q, document has %.60q", i, p.Start, p.End, p.Tokens, p.Path, p.Text, text)
		}
		rest, ok := strings.CutSuffix(p.Text, plain[i].Text)
		if !ok {
			t.Fatalf("passage %d is %q, want it to end in %q", i, p.Text, plain[i].Text)
		}
		if rest == "" {
			continue
		}
		shared++
		if i == 0 || p.Start < plain[i-1].Start || tokens.Count(rest) > 20 || strings.TrimSpace(strings.ReplaceAll(strings.TrimSpace(rest)+" ", sentence, "")) != "" {
			t.Errorf("passage %d begins with %q of the one before", i, rest)
		}
		if b := p.Blocks()[0]; b.Start > p.Start || b.End <= p.Start {
			t.Errorf("passage %d starts at %d, its first block is %d–%d", i, p.Start, b.Start, b.End)
		}
	}
	if shared == 0 {
		t.Errorf("no passage of %d begins with words of the one before", len(plain))
	}
}

func holds(t *testing.T, name string, d *extract.Document, o chunk.Options) {
	t.Helper()
	most := o.Max
	if most == 0 {
		most = 1000
	}
	passages := slices.Collect(chunk.Split(d, o))
	again := slices.Collect(chunk.Split(d, o))
	if !slices.EqualFunc(passages, again, func(a, b extract.Passage) bool { return a.ID == b.ID && a.Start == b.Start && a.Skip == b.Skip }) {
		t.Fatalf("%s: Split gave other passages the second time", name)
	}
	sizes := make([]int, len(d.Blocks))
	for i, b := range d.Blocks {
		sizes[i] = tokens.Count(b.Text)
	}
	rest, at := d.Text, 0
	for i, p := range passages {
		gap := strings.Index(rest, p.Text)
		if p.Text == "" || gap < 0 || strings.TrimSpace(rest[:gap]) != "" {
			t.Fatalf("%s: passage %d %.60q is not what comes next: %.60q", name, i, p.Text, rest)
		}
		at += utf8.RuneCountInString(rest[:gap])
		end := at + utf8.RuneCountInString(p.Text)
		if p.Start != at || p.End != end {
			t.Fatalf("%s: passage %d stands at %d–%d but says %d–%d", name, i, at, end, p.Start, p.End)
		}
		rest, at = rest[gap+len(p.Text):], end

		if p.ID != extract.PassageID(p.Path, p.Text) || p.Doc != d {
			t.Fatalf("%s: passage %d: id %s, document %p", name, i, p.ID, p.Doc)
		}
		blocks := p.Blocks()
		if first, last := blocks[0], blocks[len(blocks)-1]; first.End <= p.Start || first.Start > p.Start || last.Start >= p.End || last.End < p.End {
			t.Fatalf("%s: passage %d %d–%d says it covers blocks from %d to %d", name, i, p.Start, p.End, first.Start, last.End)
		}
		long := 0 // tokens of the block that may be too long
		for j, b := range blocks {
			if b.Skip != p.Skip && p.Skip != chunk.Bare {
				t.Fatalf("%s: passage %d (skip %q) holds a block with skip %q", name, i, p.Skip, b.Skip)
			}
			if d.Kind == extract.Repository && b.File != p.File {
				t.Fatalf("%s: passage %d of %s holds a block of %s", name, i, p.File, b.File)
			}
			kept := b.Kind == extract.ListItem || b.Kind == extract.Table || b.Kind == extract.Formula || b.Kind == extract.Code
			if n := sizes[p.First+j]; kept && n < 4*most && b.Kind != extract.Code && (b.Start < p.Start || b.End > p.End) {
				t.Fatalf("%s: passage %d cuts a %s of %d tokens", name, i, b.Kind, n)
			}
			if kept {
				long = max(long, min(sizes[p.First+j], p.Tokens))
			}
		}
		if p.Skip != "" {
			continue
		}
		if n := len(blocks); n > 1 && blocks[n-1].Kind == extract.Heading && i+1 < len(passages) && passages[i+1].Skip == "" &&
			passages[i+1].Blocks()[0].Kind != extract.Heading && passages[i+1].File == p.File && sizes[p.Last-1] < most/4 {
			t.Fatalf("%s: passage %d leaves its last heading %q without its text", name, i, blocks[n-1].Text)
		}
		if o.Max == 0 && p.Tokens < 40 && i > 0 && passages[i-1].Last > p.First && p.Last == p.First+1 &&
			tokens.Count(d.Slice(passages[i-1].Start, p.End)) <= most {
			t.Fatalf("%s: passage %d is a tail of %d tokens: %q", name, i, p.Tokens, p.Text)
		}
		n := tokens.Count(p.Text)
		if n > most && (long == 0 || n-long > most || n > 5*most) {
			t.Fatalf("%s: passage %d has %d tokens, want at most %d: %q", name, i, n, most, p.Text)
		}
		if n > p.Tokens+1 { // one: what begins or ends in odd spaces may come to more without its neighbours
			t.Fatalf("%s: passage %d has %d tokens but says %d: %q", name, i, n, p.Tokens, p.Text)
		}
	}
	if strings.TrimSpace(rest) != "" {
		t.Fatalf("%s: nothing holds %.60q", name, rest)
	}
}

var kinds = []extract.BlockKind{
	extract.Heading, extract.Heading, extract.Paragraph, extract.Paragraph, extract.Paragraph, extract.ListItem,
	extract.Table, extract.Code, extract.Formula, extract.Caption, extract.Footnote, extract.Other,
}

func randomDocument(r *rand.Rand) *extract.Document {
	var w extract.Builder
	w.Kind = []string{extract.Book, extract.Repository}[r.IntN(2)]
	file := ""
	skip := ""
	for range r.IntN(60) {
		b := extract.Block{Kind: kinds[r.IntN(len(kinds))]}
		if r.IntN(8) == 0 {
			file = fmt.Sprint("f", r.IntN(3))
		}
		if r.IntN(6) == 0 {
			skip = []string{"", "", "", "index", "licence"}[r.IntN(5)]
		}
		b.File, b.Skip = file, skip
		size := 1 + r.IntN(60)
		switch r.IntN(12) {
		case 0:
			size = r.IntN(6000)
		case 1, 2:
			size = r.IntN(800)
		}
		switch b.Kind {
		case extract.Heading:
			size = 1 + r.IntN(8)
			if r.IntN(30) == 0 {
				size = r.IntN(2000)
			}
			b.Level = r.IntN(8)
		case extract.Code:
			if r.IntN(2) == 0 {
				b.Symbol = &extract.Symbol{Name: "f"}
			}
		}
		b.Text = randomText(r, size)
		b.Title = b.Text
		if r.IntN(2) == 0 {
			b.Lines[0] = 1 + r.IntN(100)
			b.Lines[1] = b.Lines[0] + strings.Count(b.Text, "\n")
		}
		w.Add([]string{" ", "\n", "\n\n", "", "\u2029\t", "\r\n\r\n"}[r.IntN(6)], b)
	}
	return w.Done()
}

var bits = []string{
	"water", "Boils", "über", "naïve", "Е", "высокой", "漢字", "カタカナ", "한국어", "नमस्ते", "👩‍👩‍👧", "e\u0301", "a\u0300\u0301\u0302\u0303",
	"3.14", "2026", "f(x)", "x_1", "\\frac{1}{2}", "Dr.", "e.g.", "end.", "Why?", "”", "。", "!", ")", "|", "|---|", "func f() {", "}", "\t", "\u00ad", "\u200b", "\u0301",
}

func randomText(r *rand.Rand, words int) string {
	var s strings.Builder
	gap := []string{" ", " ", " ", "\n", "", "\n\n"}
	glued := r.IntN(15) == 0
	for range words {
		s.WriteString(bits[r.IntN(len(bits))])
		if !glued {
			s.WriteString(gap[r.IntN(len(gap))])
		}
	}
	return s.String()
}

// Texts on which a careless cutter never ends, or loses something.
func TestSplitHostile(t *testing.T) {
	const n = 300_000
	for name, text := range map[string]string{
		"one word":        strings.Repeat("x", n),
		"accents":         "a" + strings.Repeat("\u0301", n),
		"closers":         strings.Repeat("."+strings.Repeat(")", 200), n/200),
		"dot and spaces":  "." + strings.Repeat(" ", n) + "x",
		"dots":            strings.Repeat(".", n),
		"numbers":         strings.Repeat("a. 1 ", n/5),
		"lines":           strings.Repeat("x\n", n/2),
		"families":        strings.Repeat("👩‍👩‍👧", n/25),
		"no-break spaces": strings.Repeat("x\u00a0\u2003", n/6),
		"not UTF-8":       strings.ToValidUTF8(strings.Repeat("\xff", n/10), "\ufffd"),
	} {
		for _, kind := range []extract.BlockKind{extract.Paragraph, extract.Code, extract.Table, extract.Heading} {
			var w extract.Builder
			w.Add("", extract.Block{Kind: kind, Text: text})
			holds(t, fmt.Sprint(name, " as ", kind), w.Done(), chunk.Options{})
		}
	}
	var w extract.Builder
	for i := range 20_000 {
		w.Add("\n", extract.Block{Kind: extract.Heading, Level: i, Title: "deep", Text: "deep"})
	}
	holds(t, "headings ever deeper", w.Done(), chunk.Options{})
}

func BenchmarkSplit(b *testing.B) {
	sample, err := os.ReadFile("../tokens/testdata/en.txt")
	if err != nil {
		b.Fatal(err)
	}
	var book extract.Builder
	for i := range 1500 {
		if i%8 == 0 {
			book.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 1 + i/8%3, Title: "A heading", Text: "A heading"})
		}
		book.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: string(sample)})
	}
	var paragraph extract.Builder
	paragraph.Add("", extract.Block{Kind: extract.Paragraph, Text: strings.Repeat(string(sample), 1500)})
	var line extract.Builder
	line.Add("", extract.Block{Kind: extract.Paragraph, Text: strings.Repeat("x", 1<<20)})
	for name, d := range map[string]*extract.Document{"book": book.Done(), "paragraph": paragraph.Done(), "line": line.Done()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(d.Text)))
			b.ReportAllocs()
			for b.Loop() {
				for p := range chunk.Split(d, chunk.Options{}) {
					_ = p
				}
			}
		})
	}
}
