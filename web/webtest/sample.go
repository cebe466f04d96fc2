package webtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// Noon is when the sample was made: tests and pictures show the same times.
var Noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const book = `# A Short Course in Sorting

This book was written for the second week of a course on algorithms. It asks for patience and for pencil and paper.

## 1 Comparing

To sort is to put things into an order. A sorting algorithm is called stable if two items that compare as equal keep the order in which they came.

### 1.1 The cost of a comparison

Counting comparisons tells how the work grows. Insertion sort compares each item with those before it, so that a list of n items in reverse order costs n(n-1)/2 comparisons.

Merge sort halves the list, sorts both halves and merges them. Merging two lists of n/2 items takes at most n-1 comparisons, because each comparison moves one item, and the last item moves without one. There are log2 n levels of halving, so merge sort needs fewer than n log2 n comparisons.

| algorithm | comparisons at most | stable |
| insertion sort | n(n-1)/2 | yes |
| merge sort | n log2 n | yes |
| heapsort | 2n log2 n | no |

` + "```go\nfunc Insertion(a []int) {\n\tfor i := 1; i < len(a); i++ {\n\t\tfor j := i; j > 0 && a[j] < a[j-1]; j-- {\n\t\t\ta[j], a[j-1] = a[j-1], a[j]\n\t\t}\n\t}\n}\n```" + `

## 2 A lower bound

No algorithm that only compares can sort n items in fewer than log2(n!) comparisons in the worst case. Each comparison has two outcomes; an algorithm that makes k comparisons can therefore tell apart at most 2^k orders, and there are n! of them.

### Exercises

1. Is insertion sort stable? Give a reason.

2. How many comparisons does merge sort need for 1024 items at most?

### Solutions

1. Yes. It swaps neighbours only when the later one is smaller, so equal items never pass each other.

2. Fewer than 1024 × 10 = 10,240, because log2 1024 = 10.

## Index

bubble sort, 12; comparison, 3; heapsort, 7; insertion sort, 4; merge sort, 5; stable, 3
`

// Book is the sample's document.
func Book() *extract.Document {
	var w extract.Builder
	w.Title, w.Kind, w.Authors, w.Language, w.License = "A Short Course in Sorting", extract.Book, []string{"Ada Ferris", "Tomas Lindqvist"}, "en", "CC-BY-4.0"
	for i, p := range strings.Split(strings.TrimSpace(book), "\n\n") {
		b := extract.Block{Kind: extract.Paragraph, Text: p}
		b.Page = 1 + i/6
		switch {
		case strings.HasPrefix(p, "#"):
			b.Kind, b.Level = extract.Heading, strings.Index(p, " ")
			b.Title = p[b.Level+1:]
		case strings.HasPrefix(p, "```"):
			b.Kind, b.Lang = extract.Code, "go"
		case strings.HasPrefix(p, "|"):
			b.Kind = extract.Table
			for _, line := range strings.Split(p, "\n") {
				var row []string
				for _, cell := range strings.Split(strings.Trim(line, "| "), "|") {
					row = append(row, strings.TrimSpace(cell))
				}
				b.Rows = append(b.Rows, row)
			}
		case p[0] >= '1' && p[0] <= '9' && p[1] == '.':
			b.Kind, b.Level = extract.ListItem, 1
		case strings.HasPrefix(p, "bubble"):
			b.Skip = "an index"
		}
		w.Add("\n\n", b)
	}
	return w.Done()
}

// evidence is a quote with its place in doc.
func evidence(doc *extract.Document, quote string) extract.Evidence {
	i := strings.Index(doc.Text, quote)
	if i < 0 {
		panic("webtest: the sample has no such words: " + quote)
	}
	start := utf8.RuneCountInString(doc.Text[:i])
	e := extract.Evidence{Quote: quote, Start: start, End: start + utf8.RuneCountInString(quote), Match: extract.MatchExact}
	for _, b := range doc.Blocks {
		if start >= b.Start && start < b.End {
			e.Page = b.Page
		}
	}
	return e
}

// paged gives a document the pages of a PDF, and its blocks boxes on them.
func paged(d *extract.Document, n int) {
	for i := range n {
		r := extract.PageReport{Page: i + 1, Engine: "pdfium", Verdict: "clean", Words: 300, Width: 595, Height: 842}
		if i == 16 {
			r.Engine, r.Verdict, r.Words, r.Note = "pdfium", "scan", 0, ""
		}
		d.Pages = append(d.Pages, r)
	}
	for i := range d.Blocks {
		if b := &d.Blocks[i]; b.Page > 0 && b.Page <= n {
			b.Boxes = []extract.Box{{X0: 72, Y0: 120, X1: 523, Y1: 180}}
		}
	}
}

// Sample is a library in full use: sources in every state, a run under way,
// one with failures, seeds of every verdict, two model servers.
func Sample() *Fake {
	f := New()
	f.Now = func() time.Time { return Noon }
	f.Models = []string{"qwen3:8b", "llama3.3:70b", "gemma3:12b"}
	doc := Book()
	add := func(s seedbed.Source, ago time.Duration, d *extract.Document) {
		s.Created = Noon.Add(-ago)
		if s.Collection == "" {
			s.Collection = seedbed.DefaultCollection
		}
		s.SHA256 = strings.Repeat(s.ID[:1], 64)
		f.sources = append(f.sources, s)
		f.originals[s.ID] = []byte("the bytes of " + s.Name)
		if d != nil {
			paged(d, s.Pages)
			f.documents[s.ID] = d
		}
	}
	add(seedbed.Source{ID: "locked", Name: "contract-final.pdf", Size: 812_400, State: seedbed.SourceFailed, Error: &seedbed.Error{Code: seedbed.Encrypted, Message: "contract-final.pdf asks for a password"}}, 26*time.Hour, nil)
	add(seedbed.Source{ID: "scanned", Name: "lecture-1974.pdf", Size: 9_812_400, State: seedbed.SourceFailed, Error: &seedbed.Error{Code: seedbed.NoText, Message: "lecture-1974.pdf: no text found: 12 pages of images without text: it needs OCR."}}, 25*time.Hour, nil)
	add(seedbed.Source{ID: "stack", Name: "stack.zip", Title: "stack", Size: 48_211, Kind: extract.Repository, State: seedbed.SourceReady, Passages: 41, Skipped: 3, Language: "en", License: "Apache-2.0", Collection: "code"}, 5*time.Hour, document("# stack\n\nPackage stack is a stack."))
	add(seedbed.Source{
		ID: "book", Name: "sorting.md", Title: doc.Title, Authors: doc.Authors, Language: doc.Language, License: doc.License, Size: 412_981,
		Kind: extract.Book, State: seedbed.SourceReady, Pages: 214, Passages: 388, Skipped: 12,
		Warnings: []string{"page 17 is a picture without text", "2 tables were read as plain text"},
	}, 50*time.Minute, doc)
	add(seedbed.Source{ID: "paper", Name: "2026-lattice-gauge-theories-and-the-limits-of-tensor-networks.pdf", Title: "Lattice Gauge Theories and the Limits of Tensor Networks", Authors: []string{"R. Okafor"}, Size: 3_120_044, Kind: extract.Paper, State: seedbed.SourceReady, Pages: 31, Passages: 57, Language: "en"}, 12*time.Minute, document("# Lattice Gauge Theories\n\nA gauge theory is local."))
	add(seedbed.Source{ID: "reading", Name: "field-guide-to-alpine-plants.epub", Size: 18_400_120, Kind: extract.Book, State: seedbed.SourceReading}, 20*time.Second, nil)

	f.runs = []seedbed.Run{
		{ID: "done", Source: "stack", SourceTitle: "stack", Recipe: "explicit", State: seedbed.RunDone, Passages: seedbed.PassageCounts{Done: 41, Skipped: 3, Total: 44}, Seeds: 63, Rejected: 4, Created: Noon.Add(-5 * time.Hour), Started: Noon.Add(-5 * time.Hour), Finished: Noon.Add(-5*time.Hour + 2*time.Second)},
		{ID: "unread", Source: "locked", SourceTitle: "contract-final.pdf", Recipe: "explicit", State: seedbed.RunFailed, Error: &seedbed.Error{Code: seedbed.Encrypted, Message: "contract-final.pdf asks for a password"}, Created: Noon.Add(-26 * time.Hour)},
		{ID: "failures", Source: "paper", SourceTitle: "Lattice Gauge Theories and the Limits of Tensor Networks", Recipe: "quick", Model: "llama3.3:70b", Endpoint: "e1", State: seedbed.RunDone, Passages: seedbed.PassageCounts{Done: 49, Failed: 8, Total: 57}, Seeds: 91, Rejected: 22, Calls: 61, Cached: 4, Tokens: extract.Tokens{In: 91_422, Out: 40_118}, Created: Noon.Add(-12 * time.Minute), Started: Noon.Add(-12 * time.Minute), Finished: Noon.Add(-3 * time.Minute)},
		{ID: "live", Source: "book", SourceTitle: doc.Title, Recipe: "quick", Model: "qwen3:8b", Endpoint: "env", State: seedbed.RunRunning, Passages: seedbed.PassageCounts{Done: 141, Failed: 2, Skipped: 12, Total: 400}, Seeds: 238, Rejected: 31, Calls: 151, Cached: 12, Tokens: extract.Tokens{In: 212_300, Out: 98_114}, Cost: 0.83, Limits: seedbed.Limits{Cost: 5}, Created: Noon.Add(-4 * time.Minute), Started: Noon.Add(-4 * time.Minute)},
		{ID: "waiting", Source: "stack", SourceTitle: "stack", Recipe: "quick", Model: "qwen3:8b", Endpoint: "env", State: seedbed.RunQueued, Waits: "It waits for a worker, and none is running.", Created: Noon.Add(-3 * time.Minute)},
		{ID: "paused", Source: "stack", SourceTitle: "stack", Recipe: "quick", Model: "qwen3:8b", State: seedbed.RunPaused, Passages: seedbed.PassageCounts{Done: 10, Total: 44}, Seeds: 12, Calls: 10, Tokens: extract.Tokens{In: 16_200, Out: 4_100}, Limits: seedbed.Limits{Tokens: 20_000}, Error: &seedbed.Error{Code: seedbed.Spent, Message: "the run has spent 20300 tokens, and its limit is 20000: raise the limit and resume"}, Created: Noon.Add(-2 * time.Minute), Started: Noon.Add(-2 * time.Minute)},
	}
	path := []string{doc.Title, "1 Comparing", "1.1 The cost of a comparison"}
	f.ledgers["live"] = []extract.Entry{
		{Passage: "p1", Section: path[:1], Start: 0, End: 200, Tokens: 60, Outcome: extract.ScreenedOut, Reason: "front or back matter: about this book"},
		{Passage: "p2", Section: path[:2], Start: 200, End: 900, Tokens: 300, Outcome: extract.GaveSeeds, Seeds: 4, Rejected: 1},
		{Passage: "p3", Section: path, Start: 900, End: 1200, Tokens: 180, Outcome: extract.FailedOut, Reason: "the reply is no JSON"},
		{Passage: "p4", Section: []string{path[0], "2 A lower bound"}, Start: 1200, End: 1500, Tokens: 200, Outcome: extract.AllRejected, Reason: "its one pair: standalone: the question leans on unseen text: “the passage”", Rejected: 1},
		{Passage: "p5", Section: []string{path[0], "Exercises"}, Start: 1500, End: 1700, Tokens: 90, Outcome: extract.NothingMade},
		{Passage: "p6", Section: []string{path[0], "Solutions"}, Start: 1700, End: 1900, Tokens: 90, Outcome: extract.NotYet},
	}
	f.recipes["mine"] = "name: mine\ndescription: Short & to the point, for <b>reading clubs</b>.\ncount: 50\nstages:\n  - derive:\n      model: small\n      prompt: |\n        At most {{.Limit}} of \"these\":\n        {{.Passage}}\n  - ground\n  - dedupe\n"
	f.failures["live"] = []seedbed.RunPassage{
		{Run: "live", Ordinal: 17, Passage: "p17", Path: path, Start: 420, End: 700, Page: 2, Code: "truncated", Reason: "the reply ended after 2,048 tokens", Reply: `{"seeds":[{"question":"How many comparisons`, Attempts: 2},
		{Run: "live", Ordinal: 93, Passage: "p93", Path: path[:2], Start: 900, End: 1200, Page: 3, Code: "malformed", Reason: "the reply is no JSON", Reply: "Sure! Here are <b>five</b> questions:", Attempts: 3},
	}
	asked := &extract.Request{
		Model: "qwen3:8b", SchemaName: "derive", Schema: []byte(`{"type":"object","properties":{"pairs":{"type":"array"}}}`), Temperature: 0.2, TopP: 0.9, Sample: 2,
		Messages: []extract.Message{{Role: "system", Content: "Find what can be asked."}, {Role: "user", Content: "<passage>\nSorting compares.\n</passage>"}},
	}
	f.calls = []seedbed.Call{
		{ID: "live-17-1", Run: "live", Ordinal: 17, N: 1, Stage: "derive", Model: "qwen3:8b", Began: Noon.Add(-time.Minute), Took: 4100, Code: "truncated", Error: "the reply ended after 2,048 tokens", Usage: extract.Usage{In: 812, Out: 2048}, Request: asked, Raw: `{"seeds":[{"question":"How many comparisons`},
		{ID: "live-17-2", Run: "live", Ordinal: 17, N: 2, Stage: "derive", Model: "qwen3:8b", Reply: "9f", Began: Noon.Add(-time.Minute), Took: 3100, Usage: extract.Usage{In: 812, Out: 204, Cached: 640}, Request: asked, Raw: "```json\n{\"pairs\":[]}\n```",
			Answer: &extract.Reply{Raw: "```json\n{\"pairs\":[]}\n```", Text: `{"pairs":[]}`, Reasoning: "Nothing here can be asked.", Mistake: "it holds no JSON", Rejected: "Sure! Here they are:"}},
	}
	for i := range 8 {
		x := seedbed.RunPassage{Run: "failures", Ordinal: i * 7, Passage: fmt.Sprint("p", i), Path: []string{"4 Results", fmt.Sprint("4.", i+1)}, Start: i * 3, End: i*3 + 3, Page: 4 + i, Attempts: 4}
		x.Code, x.Reason = "rate", "429 Too Many Requests: retry after 20 s"
		if i >= 6 {
			x.Code, x.Reason = "timeout", "no reply within 120 s"
		}
		f.failures["failures"] = append(f.failures["failures"], x)
	}
	for i, s := range doc.Sections() {
		x := seedbed.RunPassage{Ordinal: i, Passage: fmt.Sprint("p", i), Path: s.Path, Start: s.Blocks[0].Start, End: s.Blocks[len(s.Blocks)-1].End, Page: s.Blocks[0].Page, Tokens: 640 + 37*i, Seeds: i % 4}
		if s.Blocks[len(s.Blocks)-1].Skip != "" {
			x.State, x.Reason, x.Seeds = seedbed.PassageSkipped, "an index", 0
		}
		f.passages["book"] = append(f.passages["book"], x)
	}
	f.endpoints = []seedbed.Endpoint{
		{ID: "env", Name: "Environment", URL: "http://127.0.0.1:11434/v1", Model: "qwen3:8b", Concurrency: 4, Default: true},
		{ID: "e1", Name: "OpenRouter", URL: "https://openrouter.ai/api/v1", Key: "sk-secret-0123456789", Model: "meta-llama/llama-3.3-70b-instruct", Concurrency: 16},
	}
	for _, s := range sampleSeeds(doc, path) {
		f.AddSeed(s)
	}
	return f
}

func sampleSeeds(doc *extract.Document, path []string) []extract.Seed {
	ref := extract.SourceRef{ID: "book", Title: doc.Title, Kind: doc.Kind, Section: path[1:], License: doc.License}
	pass := func(names ...string) []extract.Check {
		var out []extract.Check
		for _, n := range names {
			out = append(out, extract.Check{Name: n, Verdict: extract.Pass, Score: 1, Version: "1"})
		}
		return out
	}
	base := extract.Seed{Language: "en", Source: ref, Verdict: extract.Draft, Recipe: "quick@9c2e", Model: "qwen3:8b", Run: "live", Created: Noon.Add(-3 * time.Minute), Tokens: extract.Tokens{In: 812, Out: 240}, Origin: extract.Derived}
	merge := base
	merge.ID, merge.Type = "merge", extract.Reasoning
	merge.Question = "Why does merging two sorted lists of n/2 items take at most n−1 comparisons, rather than n?"
	merge.Answer = "Each comparison moves exactly one item into the merged list. Once one list is empty, what is left of the other is moved over without comparing. At least one item — the last — is always moved that way, so at most n−1 of the n moves need a comparison.\n\nIn code, the loop that compares ends as soon as one list is used up:\n\n```go\nfor len(a) > 0 && len(b) > 0 {\n\tif b[0] < a[0] {\n\t\tout, b = append(out, b[0]), b[1:]\n\t} else {\n\t\tout, a = append(out, a[0]), a[1:]\n\t}\n}\nreturn append(append(out, a...), b...)\n```"
	merge.ShortAnswer = "Because the last item is moved without a comparison."
	merge.Reasoning = []string{"Merging moves n items in all.", "Each comparison decides the move of one item, so comparisons ≤ moves.", "When one list runs out, the rest moves without comparisons, and that is at least one item.", "Therefore at most n−1 comparisons are needed."}
	merge.Difficulty = extract.Difficulty{Estimated: 5}
	merge.Evidence = []extract.Evidence{
		evidence(doc, "Merging two lists of n/2 items takes at most n-1 comparisons, because each comparison moves one item, and the last item moves without one."),
		evidence(doc, "Merge sort halves the list, sorts both halves and merges them."),
	}
	merge.Evidence[1].Match = extract.MatchNormalized
	merge.Tags = []string{"sorting", "recurrences"}
	merge.Checks = append(pass("ground", "standalone"), extract.Check{Name: "roundtrip", Verdict: extract.Uncertain, Score: 0.66, Reason: "the answer given without the passage leaves out the last item", Version: "2"}, extract.Check{Name: "dedupe", Verdict: extract.Pass, Score: 1, Version: "1"})

	stable := base
	stable.ID, stable.Type, stable.Origin, stable.Model = "stable", extract.Definition, extract.Explicit, ""
	stable.Question = "When is a sorting algorithm called stable?"
	stable.Answer = "If two items that compare as equal keep the order in which they came."
	stable.Evidence = []extract.Evidence{evidence(doc, "A sorting algorithm is called stable if two items that compare as equal keep the order in which they came.")}
	stable.Checks, stable.Verdict, stable.Difficulty.Estimated = pass("ground", "standalone", "dedupe"), extract.Accepted, 2

	bound := base
	bound.ID, bound.Type = "bound", extract.Proof
	bound.Question = "Show that no comparison sort can sort n items in fewer than log2(n!) comparisons in the worst case."
	bound.Answer = "An algorithm that makes k comparisons tells apart at most 2^k orders. There are n! orders, so 2^k ≥ n!, hence k ≥ log2(n!)."
	bound.Evidence = []extract.Evidence{evidence(doc, "Each comparison has two outcomes; an algorithm that makes k comparisons can therefore tell apart at most 2^k orders, and there are n! of them.")}
	bound.Checks, bound.Difficulty = pass("ground", "standalone", "dedupe"), extract.Difficulty{Estimated: 8, Votes: []int{5, 2, 1}, Agreement: 0.625}

	bound.Checks = append(bound.Checks,
		extract.Check{Name: "vote", Verdict: extract.Pass, Score: 0.625, Reason: "5 of 8 answers agree, and give the seed's", Version: "1"},
		extract.Check{
			Name: "execute", Verdict: extract.Fail, Reason: "a test written for it fails: AssertionError: 4 comparisons are too few", Version: "1 (Python 3.11.2)",
			Execution: &extract.Execution{
				Interpreter: "Python 3.11.2",
				Test:        "def test_bound():\n    assert comparisons(4) == 5, f\"{comparisons(4)} comparisons are too few\"",
				Output:      "FAIL test_bound\nTraceback (most recent call last):\n  File \"/tmp/work/test_answer.py\", line 9, in test_bound\n    assert comparisons(4) == 5, f\"{comparisons(4)} comparisons are too few\"\nAssertionError: 4 comparisons are too few\nseedbed: 1 ran, 1 failed",
			},
		},
	)

	lean := base
	lean.ID, lean.Type = "lean", extract.Factual
	lean.Question = "What does the table in this section say about heapsort?"
	lean.Answer = "That it needs at most 2n log2 n comparisons and is not stable."
	lean.Evidence = []extract.Evidence{evidence(doc, "| heapsort | 2n log2 n | no |")}
	lean.Record(extract.Check{Name: "ground", Verdict: extract.Pass, Score: 1, Version: "1"})
	lean.Record(extract.Check{Name: "standalone", Verdict: extract.Fail, Reason: "the question leans on “the table in this section”", Version: "1"})

	hostile := base
	hostile.ID, hostile.Type = "hostile", extract.CodeType
	hostile.Question = `<script>alert("question")</script> What does <img src=x onerror=alert(1)> do?`
	hostile.Answer = "See [here](javascript:alert(1)) and <a href=\"javascript:alert(2)\">there</a>.\n\n```html\n</code></pre><script>alert(3)</script>\n```\n\nAccess \u202Elevel\u2066 admin"
	hostile.Evidence = []extract.Evidence{{Quote: `"><script>alert(4)</script>`, File: `<b>evil</b>.go`, Lines: [2]int{3, 9}}}
	hostile.Tags = []string{`"><script>alert(5)</script>`}
	hostile.Checks = []extract.Check{{Name: "ground", Verdict: extract.Pass, Score: 1, Reason: "<script>alert(6)</script>"}, {
		Name: "execute", Verdict: extract.Pass, Score: 1, Reason: "1 test passes: test_script", Version: "1",
		Execution: &extract.Execution{Interpreter: "<script>alert(7)</script>", Test: "</code></pre><script>alert(8)</script>", Output: "<script>alert(9)</script>\n\u202Eevil"},
	}}

	out := []extract.Seed{hostile, lean, bound}
	for i := range 27 {
		s := base
		s.ID, s.Type = fmt.Sprintf("more%02d", i), extract.SeedTypes[i%len(extract.SeedTypes)]
		n := 16 << (i % 8)
		s.Question = fmt.Sprintf("How many comparisons does insertion sort need at most for %d items in reverse order?", n+i)
		s.Answer = fmt.Sprintf("%d: each of the n(n-1)/2 pairs is compared once.", (n+i)*(n+i-1)/2)
		s.Evidence = []extract.Evidence{evidence(doc, "a list of n items in reverse order costs n(n-1)/2 comparisons")}
		s.Checks, s.Difficulty.Estimated = pass("ground", "standalone", "dedupe"), 1+i%9
		if i%3 == 0 {
			s.Verdict = extract.Accepted
		}
		if top := 1 + i/2%8; i%2 == 0 {
			s.Checks = append(s.Checks, extract.Check{Name: "roundtrip", Verdict: extract.Pass, Score: 1, Version: "1"}, extract.Check{Name: "vote", Verdict: extract.Pass, Score: float64(top) / 8, Version: "1"})
			s.Difficulty.Votes, s.Difficulty.Agreement, s.Difficulty.ClosedBook = append([]int{top}, slices.Repeat([]int{1}, 8-top)...), float64(top)/8, i%4 == 0
			if top == 8 {
				s.Tags = append(s.Tags, "too easy")
			}
		}
		if i%5 == 0 {
			s.Source = extract.SourceRef{ID: "stack", Title: "stack", Kind: extract.Repository, License: "Apache-2.0"}
			s.Evidence, s.Origin, s.Run = []extract.Evidence{{Quote: "Package stack is a stack.", File: "stack.go", Lines: [2]int{1, 1}, Start: 9, End: 34, Match: extract.MatchExact}}, extract.Explicit, "done"
		}
		out = append(out, s)
	}
	return append(out, stable, merge)
}
