package markdown_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/readtest"
)

func Example() {
	d, err := markdown.Read(context.Background(), strings.NewReader("# Stacks\n\nA stack is a *pile*.\n\n- push\n- pop\n"), "stacks.md")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Title)
	for _, b := range d.Blocks {
		fmt.Printf("%s %d–%d %q\n", b.Kind, b.Start, b.End, b.Text)
	}
	// Output:
	// Stacks
	// heading 0–8 "# Stacks"
	// paragraph 10–30 "A stack is a *pile*."
	// item 32–38 "- push"
	// item 39–44 "- pop"
}

func TestGolden(t *testing.T) {
	src, err := os.ReadFile("testdata/everything.md")
	if err != nil {
		t.Fatal(err)
	}
	d, err := markdown.Read(t.Context(), strings.NewReader(string(src)), "everything.md")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	readtest.Same(t, string(src), readtest.Blocks(d))
	readtest.Golden(t, "everything.golden", readtest.Outline(d))
}

func TestTitles(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"# Plain", "Plain"},
		{"# 2.1 Trees  and *forests* #", "2.1 Trees and forests"},
		{"# A [link](http://x.y) and ![image](z.png)", "A link and image"},
		{"# A [reference][r] and `f(x, *y)`", "A reference and f(x, *y)"},
		{`# 1\. Escaped \* star`, "1. Escaped * star"},
		{"# R&amp;D &lt;b&gt; <br> x", "R&D <b> x"},
		{"# Exercise 2.3 {#ex-2-3}", "Exercise 2.3"},
		{"Two\nlines\n===", "Two lines"},
		{"# snake_case_name", "snake_case_name"},
		{"# - not a list", "- not a list"},
	} {
		d := markdown.Parse(c.src)
		if got := d.Blocks[0].Title; got != c.want {
			t.Errorf("Parse(%q): title %q, want %q", c.src, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []extract.BlockKind
	}{
		{"a\n\n---\n\nb", []extract.BlockKind{"paragraph", "other", "paragraph"}},
		{"---\nnot: closed\n", []extract.BlockKind{"other", "paragraph"}},
		{"---\n\ntext\n\n---\n", []extract.BlockKind{"other", "paragraph", "other"}},
		{"+++\ntitle = 'x'\n+++\ntext", []extract.BlockKind{"other", "paragraph"}},
		{"$$ never closed\n\ntext", []extract.BlockKind{"paragraph", "paragraph"}},
		{"> $$\n> x\n> $$\n", []extract.BlockKind{"formula"}},
		{"- a\n- b\n\ntext", []extract.BlockKind{"item", "item", "paragraph"}},
		{"-\n-\n", []extract.BlockKind{"item", "item"}},
		{"[a]: b\n[c]: d 'e'\ntext", []extract.BlockKind{"other", "paragraph"}},
		{"[Note]: these are words", []extract.BlockKind{"paragraph"}},
		{"[a]: b\n[^1]: note\n[^2]: http://x.y", []extract.BlockKind{"other", "footnote", "footnote"}},
		{"text\n| a | b |\n|---|---|\n| 1 | 2 |\n", []extract.BlockKind{"paragraph", "table"}},
		{strings.Repeat("- ", 60), []extract.BlockKind{"other"}},
		{"a\n" + strings.Repeat("-", 200), []extract.BlockKind{"heading"}},
		{"a | b\n" + strings.Repeat("-", 200) + " | -\n1 | 2\n", []extract.BlockKind{"table"}},
		{strings.Repeat("> ", 30) + "a", []extract.BlockKind{"paragraph"}},
		{strings.Repeat("> ", 300) + "a", []extract.BlockKind{"paragraph"}},
		{"#\n\n##", []extract.BlockKind{"other", "other"}},
		{"~~~\nnever closed\n\n# x", []extract.BlockKind{"code"}},
	} {
		d := markdown.Parse(c.src)
		var got []extract.BlockKind
		for _, b := range d.Blocks {
			got = append(got, b.Kind)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Parse(%q): kinds (-want +got):\n%s", c.src, diff)
		}
	}
}

// pieces are what random sources are made of: whatever opens, closes or
// continues a block.
var pieces = []string{
	"# ", "## x\n", "===\n", "---\n", "- ", "* ", "1. ", "10) ", "> ", ">", "```", "```go\n", "~~~\n", "    ", "\t", "  ",
	"\n", "\n\n", "\n", "|", "| a | b |\n", "|---|---|\n", "$$", "$$\n", `\[`, `\]`, `\begin{align}`, `\end{align}`,
	"[a]: b\n", "[^1]: note\n", "[^1]", "<!-- ", " -->", "<div>\n", "</div>\n", "<h1>T</h1>\n", "word", "ü", "日本", "\u00a0", "\u3000",
	`\`, "`", "*", "_", "[", "](x)", "&amp;", "\f", "\v", "\u2028", "\U0001F600", "---\ntitle: x\n---\n", "+++\n", ": ", "\r\n", "'", `"`, "(",
}

func random(r *rand.Rand) string {
	var s strings.Builder
	for range r.IntN(60) {
		s.WriteString(pieces[r.IntN(len(pieces))])
	}
	return s.String()
}

func TestNothingLost(t *testing.T) {
	n := 20000
	if testing.Short() {
		n = 2000
	}
	for seed := range n {
		src := random(rand.New(rand.NewPCG(uint64(seed), 1)))
		d := markdown.Parse(src)
		if err := d.Check(); err != nil {
			t.Fatalf("Parse(%q): %v", src, err)
		}
		readtest.Same(t, src, readtest.Blocks(d))
		checkLines(t, src, d)
	}
}

func checkLines(t *testing.T, src string, d *extract.Document) {
	t.Helper()
	lines := strings.Split(src, "\n")
	for _, b := range d.Blocks {
		got := strings.Join(lines[b.Lines[0]-1:b.Lines[1]], "\n")
		if !strings.Contains(got, b.Text) {
			t.Fatalf("Parse(%q): block %q is not on lines %v", src, b.Text, b.Lines)
		}
	}
}

func FuzzParse(f *testing.F) {
	for seed := range 20 {
		f.Add(random(rand.New(rand.NewPCG(uint64(seed), 2))))
	}
	f.Fuzz(func(t *testing.T, src string) {
		src = strings.ToValidUTF8(src, "\uFFFD")
		d := markdown.Parse(src)
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		readtest.Same(t, src, readtest.Blocks(d))
		checkLines(t, src, d)
	})
}

func BenchmarkParse(b *testing.B) {
	src, err := os.ReadFile("testdata/everything.md")
	if err != nil {
		b.Fatal(err)
	}
	_, body, _ := strings.Cut(string(src), "\n---\n")
	var book strings.Builder
	for book.Len() < 4<<20 {
		book.WriteString(body)
		book.WriteString("\n\n")
		for range 10 {
			book.WriteString(prose)
		}
	}
	b.SetBytes(int64(book.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if d := markdown.Parse(book.String()); len(d.Blocks) == 0 {
			b.Fatal("no blocks")
		}
	}
}

const prose = `A graph is connected when a path joins any two of its vertices. Removing an edge of a
cycle keeps it so, because the rest of the cycle is a way around; removing any *other* edge cuts it
in two. That is why a connected graph with the fewest edges has no cycle, and why we call it a tree.

`
