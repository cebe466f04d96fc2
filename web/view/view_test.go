package view_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/view"
	"seedbed/web/webtest"
)

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMarked(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"plain <b>":                  "plain &lt;b&gt;",
		"a \uE000b\uE001 c":          "a <mark>b</mark> c",
		"\uE000<i>\uE001":            "<mark>&lt;i&gt;</mark>",
		"\uE000a\uE001\uE000b\uE001": "<mark>a</mark><mark>b</mark>",
		"never closed \uE000a":       "never closed <mark>a</mark>",
		"never opened\uE001 a":       "never opened a",
		"\uE000a\uE001 b\uE001 c":    "<mark>a</mark> b c",
		"a $\\begin{\uE000matrix\uE001}$ \uE000matrix\uE001": `a <span class="tex">$\begin{matrix}$</span> <mark>matrix</mark>`,
		"\uE000$n$\uE001 <$m_\uE000i$ or\uE001":              `<mark><span class="tex">$n$</span></mark> &lt;$m_<mark>i$ or</mark>`,
		"\u202Eevil \uE000x\u2066\uE001":                     "\uFFFDevil <mark>x\uFFFD</mark>",
	} {
		if got := render(t, view.Marked(in)); got != want {
			t.Errorf("Marked(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMarkedCode(t *testing.T) {
	if got, want := render(t, view.MarkedCode("cp $a/$b <\uE000x\uE001")), "cp $a/$b &lt;<mark>x</mark>"; got != want {
		t.Errorf("MarkedCode gives %q, want %q", got, want)
	}
}

func TestProse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ``},
		{"one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"},
		{"  indented\r\nline", "<p>  indented\nline</p>"},
		{"call `f(x)` now", "<p>call <code>f(x)</code> now</p>"},
		{"a ` alone and `` two", "<p>a ` alone and `` two</p>"},
		{"so:\n```go\nfunc main() {\n\n}\n```\nend", "<p>so:</p><pre tabindex=\"0\"><code>func main() {\n\n}</code></pre><p>end</p>"},
		{"~~~\na\n```\nb\n~~~", "<pre tabindex=\"0\"><code>a\n```\nb</code></pre>"},
		{"````\n```\n````", "<pre tabindex=\"0\"><code>```</code></pre>"},
		{"```\nnever closed", "<pre tabindex=\"0\"><code>never closed</code></pre>"},
		{"```\n</code></pre><script>x</script>\n```", "<pre tabindex=\"0\"><code>&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt;</code></pre>"},
		{"[a](javascript:alert(1)) <b onclick=x>", "<p>[a](javascript:alert(1)) &lt;b onclick=x&gt;</p>"},
		{"$x_1 * y_2 * z$", `<p><span class="tex">$x_1 * y_2 * z$</span></p>`},
		{"if $n$ is $$\\frac<1>2$$ or \\(a\\) and\n\\[b\\]", `<p>if <span class="tex">$n$</span> is <span class="tex">$$\frac&lt;1&gt;2$$</span> or <span class="tex">\(a\)</span> and` + "\n" + `<span class="tex">\[b\]</span></p>`},
		{"from $5 to $10, $5-$7, $20 (or 30$) and US$ or A$", "<p>from $5 to $10, $5-$7, $20 (or 30$) and US$ or A$</p>"},
		{`\$a$ and $\$4 + x$ and $$ and $never`, `<p>\$a$ and <span class="tex">$\$4 + x$</span> and $$ and $never</p>`},
		{"`$a$` and $a`$`b$ and $ {x} $", "<p><code>$a$</code> and $a<code>$</code>b$ and $ {x} $</p>"},
		{"$the price$ and $a\n\nb_1$", "<p>$the price$ and $a</p><p>b_1$</p>"},
	} {
		want := `<div class="prose" dir="auto">` + tt.want + `</div>`
		if got := render(t, view.Prose(tt.in)); got != want {
			t.Errorf("Prose(%q):\n got %s\nwant %s", tt.in, got, want)
		}
	}
}

// Whatever is written, prose is paragraphs and code, and nothing turns around.
func FuzzProse(f *testing.F) {
	f.Add("a `b` <script>\n```\n</pre>\n```\n\u202E")
	f.Add("`` ` ```\n~~~ x\n`")
	f.Add("$a$ $$\\<b>$$ \\(\\) \\[$\\]")
	f.Fuzz(func(t *testing.T, text string) {
		out := render(t, view.Prose(text))
		z := html.NewTokenizer(strings.NewReader(out))
		for {
			kind := z.Next()
			if kind == html.ErrorToken {
				break
			}
			if kind == html.TextToken {
				continue
			}
			tok := z.Token()
			switch tok.Data {
			case "pre":
				if d := cmp.Diff([]html.Attribute{{Key: "tabindex", Val: "0"}}, tok.Attr); kind == html.StartTagToken && d != "" {
					t.Fatalf("Prose(%q) has a pre with other attributes: %s", text, d)
				}
			case "p", "code":
				if len(tok.Attr) > 0 {
					t.Fatalf("Prose(%q) has <%s> with attributes: %s", text, tok.Data, out)
				}
			case "span":
				if d := cmp.Diff([]html.Attribute{{Key: "class", Val: "tex"}}, tok.Attr); kind == html.StartTagToken && d != "" {
					t.Fatalf("Prose(%q) has a span with other attributes: %s", text, d)
				}
			case "div":
			default:
				t.Fatalf("Prose(%q) has %s: %s", text, tok, out)
			}
		}
		if strings.ContainsAny(out, "\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069\x00\x1b") {
			t.Fatalf("Prose(%q) keeps characters that mislead: %q", text, out)
		}
	})
}

func TestPlainKeepsOffsets(t *testing.T) {
	in := "a\u202Eb\x00c\u2066\td\n\u0085é"
	got := view.Plain(in)
	if want := "a\uFFFDb\uFFFDc\uFFFD\td\n\uFFFDé"; got != want {
		t.Errorf("Plain(%q) = %q, want %q", in, got, want)
	}
	if utf8.RuneCountInString(got) != utf8.RuneCountInString(in) {
		t.Errorf("Plain(%q) has another length", in)
	}
}

func TestWords(t *testing.T) {
	now := webtest.Noon
	got := []string{
		view.Bytes(0), view.Bytes(999), view.Bytes(1000), view.Bytes(48_211), view.Bytes(999_700), view.Bytes(3_120_044), view.Bytes(5e9),
		view.Limit(2 << 30), view.Limit(64 << 20), view.Limit(1000),
		view.Number(7), view.Number(1234), view.Number(-1234567),
		view.Count(1, "seed"), view.Count(1204, "seed"),
		view.Tokens(950), view.Tokens(12_300), view.Tokens(12_000), view.Tokens(4_120_000),
		view.Duration(300 * time.Millisecond), view.Duration(32 * time.Second), view.Duration(245 * time.Second), view.Duration(64 * time.Minute),
		view.Ago(now, now), view.Ago(now, now.Add(-time.Minute)), view.Ago(now, now.Add(-5*time.Hour)), view.Ago(now, now.Add(-72*time.Hour)), view.Ago(now, now.Add(-2400*time.Hour)), view.Ago(now, time.Time{}),
	}
	want := []string{
		"0 B", "999 B", "1.0 kB", "48 kB", "1.0 MB", "3.1 MB", "5.0 GB",
		"2 GiB", "64 MiB", "1.0 kB",
		"7", "1,234", "-1,234,567",
		"1 seed", "1,204 seeds",
		"950", "12.3k", "12k", "4.1M",
		"under a second", "32 s", "4 min 5 s", "1 h 4 min",
		"just now", "1 minute ago", "5 hours ago", "3 days ago", "4 December 2025", "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("words (-want +got):\n%s", d)
	}
}

// long is a document whose blocks are short, long, and longer than a page.
func long(blocks int) *extract.Document {
	var w extract.Builder
	for i := range blocks {
		b := extract.Block{Kind: extract.Paragraph, Text: strings.Repeat(fmt.Sprintf("é%d ", i), 1+i*i%977)}
		switch {
		case i == blocks/2:
			b.Text = strings.Repeat("wörter ohne ende ", 9000)
		case i%5 == 0:
			b = extract.Block{Kind: extract.Heading, Level: 1 + i%3, Title: fmt.Sprint("Title ", i), Text: fmt.Sprint("# Title ", i)}
		}
		b.Text = strings.TrimSpace(b.Text)
		w.Add("\n\n", b)
	}
	return w.Done()
}

// Every character of a document is on one page, once, and pages are bounded.
func TestPartsHoldEverything(t *testing.T) {
	doc := long(200)
	parts := view.Parts(doc)
	if len(parts) < 5 {
		t.Fatalf("%d parts of %d characters", len(parts), utf8.RuneCountInString(doc.Text))
	}
	var got, want strings.Builder
	for _, b := range doc.Blocks {
		want.WriteString(b.Text)
	}
	for i, p := range parts {
		size := 0
		for _, b := range view.Blocks(doc, p, 0, 0) {
			for _, s := range b.Spans {
				got.WriteString(s.Text)
				size += utf8.RuneCountInString(s.Text)
			}
		}
		if size > 40_000 {
			t.Errorf("part %d has %d characters", i+1, size)
		}
		if at := view.PartAt(parts, p.Start); at != i {
			t.Errorf("character %d stands in part %d, PartAt says %d", p.Start, i, at)
		}
	}
	if got.String() != want.String() {
		t.Errorf("the parts hold %d bytes of %d", got.Len(), want.Len())
	}
}

// Beside a form all of a document can be come to, forwards and back, from any
// place in it.
func TestBesideLeadsThrough(t *testing.T) {
	doc := long(40)
	end := doc.Blocks[len(doc.Blocks)-1].End
	size := func(p view.Part) (n int) {
		for _, b := range view.Blocks(doc, p, 0, 0) {
			for _, s := range b.Spans {
				n += utf8.RuneCountInString(s.Text)
			}
		}
		return n
	}
	all := 0
	for _, b := range doc.Blocks {
		all += b.End - b.Start
	}
	shown, steps := 0, 0
	p := view.Beside(doc, 0)
	for ; ; p = view.Beside(doc, p.End) {
		n := size(p)
		if n == 0 || n > 6_000 {
			t.Fatalf("from %d on, %d characters are shown", p.Start, n)
		}
		shown += n
		if steps++; p.End == end {
			break
		}
	}
	if shown != all || steps < 5 {
		t.Errorf("in %d steps %d characters are shown of %d", steps, shown, all)
	}
	for p.Start > 0 {
		q := view.Before(doc, p)
		if q.Start >= p.Start || q.End < p.Start-2 { // but for the empty line between
			t.Fatalf("before %d–%d stands %d–%d", p.Start, p.End, q.Start, q.End)
		}
		p = q
	}
	for char := 0; char < end+10; char += 97 {
		p := view.Around(doc, char)
		if at := min(char, end-1); at < p.Start || at >= p.End+2 || at-p.Start > 2_000 {
			t.Errorf("around %d stands %d–%d", char, p.Start, p.End)
		}
	}
	if p := view.Beside(&extract.Document{}, 5); p != (view.Part{}) || len(view.Blocks(&extract.Document{}, p, 0, 0)) != 0 {
		t.Errorf("an empty document has %+v", p)
	}
}

func TestBlocksMarkTheCharactersAsked(t *testing.T) {
	doc := webtest.Book()
	parts := view.Parts(doc)
	quote := "one item, and the last item moves without one. There are log2 n levels"
	start := utf8.RuneCountInString(doc.Text[:strings.Index(doc.Text, quote)])
	end := start + utf8.RuneCountInString(quote)
	for _, to := range []int{end, end + 150} { // within a block, and over three
		var marked string
		first := 0
		for _, b := range view.Blocks(doc, parts[0], start, to) {
			for _, s := range b.Spans {
				if s.Mark {
					marked += s.Text
				}
				if s.At {
					first++
				}
			}
		}
		want := strings.ReplaceAll(doc.Slice(start, to), "\n\n", "")
		if marked != want || first != 1 {
			t.Errorf("Blocks(%d–%d) marks %q, %d times first, want %q once", start, to, marked, first, want)
		}
	}
}

func TestOutline(t *testing.T) {
	doc := webtest.Book()
	list, left := view.Outline(doc, view.Parts(doc))
	var got []string
	for _, c := range list {
		got = append(got, fmt.Sprint(c.Level, " ", c.Title, " ", c.Part))
	}
	want := []string{"1 A Short Course in Sorting 1", "2 1 Comparing 1", "3 1.1 The cost of a comparison 1", "2 2 A lower bound 1", "3 Exercises 1", "3 Solutions 1", "2 Index 1"}
	if d := cmp.Diff(want, got); d != "" || left != 0 {
		t.Errorf("Outline, %d left (-want +got):\n%s", left, d)
	}

	var w extract.Builder
	for i := range 3000 {
		w.Add("\n", extract.Block{Kind: extract.Heading, Level: 1 + min(i%100, 1), Text: fmt.Sprint("h", i)})
	}
	doc = w.Done()
	list, left = view.Outline(doc, view.Parts(doc))
	if len(list) != 30 || left != 2970 || list[1].Title != "h100" {
		t.Errorf("Outline of 3,000 headings lists %d and leaves %d", len(list), left)
	}
}

func TestInContext(t *testing.T) {
	doc := webtest.Book()
	at := func(q string) extract.Evidence {
		start := utf8.RuneCountInString(doc.Text[:strings.Index(doc.Text, q)])
		return extract.Evidence{Quote: q, Start: start, End: start + utf8.RuneCountInString(q)}
	}
	near1, near2 := at("Merge sort halves the list"), at("There are log2 n levels")
	over := extract.Evidence{Start: near1.Start + 6, End: near1.End + 20}
	far := at("bubble sort, 12")
	lost := extract.Evidence{Quote: "not in the text"}
	beyond := extract.Evidence{Quote: "past the end", Start: 1 << 20, End: 1<<20 + 5}

	quotes := view.InContext(doc, []extract.Evidence{far, near2, lost, near1, over, beyond})
	if len(quotes) != 4 {
		t.Fatalf("InContext gives %d quotes, want 4: %+v", len(quotes), quotes)
	}
	if n := len(quotes[0].Evidence); n != 3 || !quotes[0].Found || quotes[1].Evidence[0].Quote != far.Quote || quotes[2].Found || quotes[3].Found {
		t.Errorf("InContext groups wrongly: %+v", quotes)
	}
	for _, q := range quotes[:2] {
		var all, marked strings.Builder
		for _, s := range q.Spans {
			all.WriteString(s.Text)
			if s.Mark {
				marked.WriteString(s.Text)
			}
		}
		text := strings.TrimSuffix(strings.TrimPrefix(all.String(), "… "), " …")
		if !strings.Contains(doc.Text, text) {
			t.Errorf("the context is not the document's text: %q", text)
		}
		if want := doc.Slice(q.Evidence[0].Start, q.Evidence[0].End); !strings.HasPrefix(marked.String(), want) {
			t.Errorf("marked %q, want it to begin with %q", marked.String(), want)
		}
	}
	if q := view.InContext(nil, []extract.Evidence{near1}); len(q) != 1 || q[0].Found || q[0].Spans[0].Text != near1.Quote {
		t.Errorf("InContext without a document: %+v", q)
	}
}

func TestLines(t *testing.T) {
	doc := func(text string) *extract.Document {
		var w extract.Builder
		w.Add("", extract.Block{Kind: extract.Paragraph, Text: text})
		return w.Done()
	}
	long := "a line that was broken where the margin of a page stood"
	for _, tt := range []struct{ in, want string }{
		{"short\nlines of\nverse", "short\nlines of\nverse"},
		{long + "\nand its end", long + " and its end"},
		{long + "\n\n" + long + "\nend", long + "\n\n" + long + " end"},
		{long + "\n- an item\n* another\n1. a third\n2) and", long + "\n- an item\n* another\n1. a third\n2) and"},
		{long + "\n1984 was a year", long + " 1984 was a year"},
		{long + "\n\tcode\n    code\n| table", long + "\n\tcode\n    code\n| table"},
		{long + "\n12", long + " 12"},
	} {
		d := doc(tt.in)
		var got string
		for _, s := range view.Blocks(d, view.Parts(d)[0], 3, 9)[0].Spans {
			got += s.Text
		}
		if got != tt.want {
			t.Errorf("%q is shown as %q, want %q", tt.in, got, tt.want)
		}
		if len(got) != len(tt.in) {
			t.Errorf("%q is shown with another length", tt.in)
		}
	}
}

// A failure of any code and a state of any name have words.
func TestUnknownWords(t *testing.T) {
	p := view.Run{Run: seedbed.Run{ID: "r", State: "dreaming", Passages: seedbed.PassageCounts{Total: 2, Failed: 1}},
		Groups: []view.FailureGroup{{Code: "cosmic_ray", Count: 1, Passages: []seedbed.RunPassage{{Reason: "a bit flipped"}}}}}
	page := webtest.Parse(t, strings.NewReader(render(t, view.RunState(p))))
	if got := page.Text(".group summary"); got != "Cosmic ray 1 passage" {
		t.Errorf("an unknown failure is called %q", got)
	}
	if got := page.Text(".progress-head .chip"); got != "Dreaming" {
		t.Errorf("an unknown state is called %q", got)
	}
}

// Code keeps its white space, and no template adds any.
func TestCodeBlocksAreVerbatim(t *testing.T) {
	doc := webtest.Book()
	p := view.SourceText{Document: doc, Blocks: view.Blocks(doc, view.Parts(doc)[0], 0, 0)}
	page := webtest.Parse(t, strings.NewReader(render(t, view.SourceTextPage(p))))
	code := ""
	for _, b := range doc.Blocks {
		if b.Kind == extract.Code {
			code = b.Text
		}
	}
	if got := page.Raw(".b.code pre"); got != code {
		t.Errorf("code is shown as %q, want %q", got, code)
	}
	if got := page.Raw(".b.paragraph p"); !strings.HasPrefix(got, "This book") {
		t.Errorf("a paragraph begins with %q", got)
	}
	page.Want(".b.table tr", 4)
	page.Want(".b.table th", 3)
	page.Want(".b.skipped .skip-reason", 1)
}

// The history calls checks what the list of checks calls them.
func TestChangedChecks(t *testing.T) {
	checks := func(dedupe string) any {
		return []any{map[string]any{"name": "ground", "verdict": "pass"}, map[string]any{"name": "dedupe", "verdict": dedupe}}
	}
	page := webtest.Parse(t, strings.NewReader(render(t, view.SeedArticle(view.Seed{
		Seed: extract.Seed{ID: "x"},
		History: []view.Revision{{Revision: seedbed.Revision{Version: 2, Changes: []seedbed.FieldChange{
			{Field: "checks", Before: checks("pass"), After: checks("skipped")},
		}}}},
	}))))
	if got, want := page.Text("#history .change"), "Checks Not a duplicate: pass → Not a duplicate: skipped"; got != want {
		t.Errorf("the change reads %q, want %q", got, want)
	}
}

// A text says its language, and what is no language is not said to be one.
func TestLanguages(t *testing.T) {
	for language, said := range map[string]int{"": 0, "en": 1, "pt-BR": 1, "\u202Een": 0, `x" onclick="y`: 0, "-": 0} {
		p := view.Seed{Seed: extract.Seed{ID: "x", Question: "Q?", Answer: "A.", Language: language}}
		page := webtest.Parse(t, strings.NewReader(render(t, view.SeedArticle(p))))
		page.Want(".asked[lang]", said)
		if said > 0 {
			page.Want(".asked[lang='"+language+"']", 1)
		}
	}
}

// News of a run are told when there are any, not with every passage.
func TestRunSays(t *testing.T) {
	says := map[string]bool{}
	for done := range 101 {
		p := view.Run{Run: seedbed.Run{ID: "r", State: seedbed.RunRunning, Passages: seedbed.PassageCounts{Total: 100, Done: done}}}
		page := webtest.Parse(t, strings.NewReader(render(t, view.RunState(p))))
		page.Want("[role=status]", 1)
		says[page.Text("[role=status]")] = true
	}
	for _, want := range []string{"Running", "Running: a quarter done", "Running: half done", "Running: three quarters done"} {
		if !says[want] {
			t.Errorf("a run of 100 passages never says %q", want)
		}
	}
	if len(says) != 4 {
		t.Errorf("a run of 100 passages says %d things: %v", len(says), says)
	}
}

// Where there is no JavaScript, what is being read is looked at again by hand.
func TestLookAgain(t *testing.T) {
	run := func(state string) *seedbed.Run { return &seedbed.Run{ID: "r", State: state} }
	for _, tt := range []struct {
		shelved view.Shelved
		links   int
	}{
		{view.Shelved{Source: seedbed.Source{ID: "s", State: seedbed.SourceReading}}, 1},
		{view.Shelved{Source: seedbed.Source{ID: "s", State: seedbed.SourceReady}, Run: run(seedbed.RunRunning)}, 1},
		{view.Shelved{Source: seedbed.Source{ID: "s", State: seedbed.SourceReady}, Run: run(seedbed.RunDone)}, 0},
		{view.Shelved{Source: seedbed.Source{ID: "s", State: seedbed.SourceFailed}}, 0},
	} {
		p := view.Library{Sources: []view.Shelved{tt.shelved}, Collection: "a b"}
		page := webtest.Parse(t, strings.NewReader(render(t, view.SourceList(p))))
		page.Want(".plain-only a[href='/?collection=a+b']", tt.links)
	}
}

// The tables of a text can be scrolled by keys, and are no landmarks: a paper
// with many would have as many of one name.
func TestTables(t *testing.T) {
	var w extract.Builder
	for range 2 {
		w.Add("\n\n", extract.Block{Kind: extract.Table, Text: "a | b\nc | d", Rows: [][]string{{"a", "b"}, {"c", "d"}}})
	}
	doc := w.Done()
	p := view.SourceText{Document: doc, Blocks: view.Blocks(doc, view.Parts(doc)[0], 0, 0)}
	page := webtest.Parse(t, strings.NewReader(render(t, view.SourceTextPage(p))))
	page.Want(".text .scroll[tabindex='0'][aria-label] table", 2)
	page.Want(".text [role=region]", 0)
}
