package html_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/html"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	d, err := html.Read(context.Background(), strings.NewReader("<title>Stacks</title><h1>Stacks</h1><ol><li>Push <b>it</b><li>Pop it</ol>"), "stacks.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Text)
	// Output:
	// Stacks
	//
	// 1. Push it
	// 2. Pop it
}

func TestGolden(t *testing.T) {
	f, err := os.Open("testdata/page.html")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d, err := html.Read(t.Context(), f, "page.html")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	for _, no := range []string{"secret", "never", "color", "Home", "Press", "¶", "Emc2"} {
		if strings.Contains(d.Text, no) {
			t.Errorf("text has %q", no)
		}
	}
	readtest.Golden(t, "page.golden", readtest.Outline(d)+"\n"+d.Text+"\n")
}

func sentences(topic string, n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "<p>Sentence %d of a paragraph about %s, which is long enough to be prose, has commas, and goes on for a while, as prose does when it has something to say.</p>\n", i, topic)
	}
	return s.String()
}

func TestArticle(t *testing.T) {
	menu := strings.Repeat(`<li><a href="/x">One of the menu's links</a></li>`, 40)
	page := `<html><head><title>On rivers - The Site</title></head><body><div class="sidebar"><ul>` + menu + `</ul><div class="ad">Buy this now</div></div>
<div class="article"><h1>On rivers</h1>` + sentences("rivers", 30) + `<h2>Springs</h2>` + sentences("springs", 10) + `</div></body></html>`
	d, err := html.Read(t.Context(), strings.NewReader(page), "rivers.html")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if strings.Contains(d.Text, "menu's links") {
		t.Error("the article has the menu in it")
	}
	if n := strings.Count(d.Text, "Sentence"); n != 40 {
		t.Errorf("%d of 40 paragraphs", n)
	}
	if len(d.Sections()) < 2 || d.Blocks[0].Kind != extract.Heading {
		t.Errorf("sections are lost:\n%s", readtest.Outline(d))
	}
}

// A book on one page keeps all its chapters.
func TestBookOnOnePage(t *testing.T) {
	var page strings.Builder
	page.WriteString("<html><body>")
	for i := range 12 {
		fmt.Fprintf(&page, `<div class="chapter"><h2>Chapter %d</h2>%s</div>`, i+1, sentences(fmt.Sprint("topic", i), 10+i))
	}
	d, err := html.Read(t.Context(), strings.NewReader(page.String()), "book.html")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if got, want := strings.Count(d.Text, "Sentence"), 12*10+66; got != want {
		t.Errorf("%d of %d paragraphs", got, want)
	}
	if got := len(d.Sections()); got != 12 {
		t.Errorf("%d of 12 chapters", got)
	}
}

func TestEncodingOfPage(t *testing.T) {
	page := "<html><head><meta charset=\"windows-1251\"></head><body><p>\xcf\xf0\xe8\xe2\xe5\xf2</p></body></html>"
	d, err := html.Read(t.Context(), strings.NewReader(page), "x.html")
	if err != nil {
		t.Fatal(err)
	}
	if d.Text != "Привет" {
		t.Errorf("text %q, want Привет", d.Text)
	}
}

func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      error
	}{
		{"empty", "", readerr.ErrEmpty},
		{"no text", "<html><body><script>x()</script></body></html>", readerr.ErrNoText},
	} {
		if _, err := html.Read(t.Context(), strings.NewReader(c.src), c.name); !errors.Is(err, c.want) {
			t.Errorf("Read(%s): error %v, want %v", c.name, err, c.want)
		}
	}
	deep := strings.Repeat("<div>", 100_000) + "at the bottom"
	d, err := html.Read(t.Context(), strings.NewReader(deep), "deep.html")
	if err != nil {
		t.Fatal(err)
	}
	if d.Text != "at the bottom" || len(d.Warnings) != 1 {
		t.Errorf("deep page: text %.40q, warnings %q", d.Text, d.Warnings)
	}
	wide := "<table>" + strings.Repeat("<tr><td colspan=1000000 rowspan=1000000>x<td>y", 3000) + "</table>"
	if d, err = html.Read(t.Context(), strings.NewReader(wide), "wide.html"); err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
}

func TestWordsStay(t *testing.T) {
	tags := []string{"p", "div", "ul", "ol", "li", "table", "tr", "td", "h2", "pre", "code", "b", "br", "blockquote", "dl", "dt", "dd", "sup", "section", "a", "span"}
	for seed := range 5000 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		var s strings.Builder
		words := 0
		for range r.IntN(40) {
			tag := tags[r.IntN(len(tags))]
			switch r.IntN(3) {
			case 0:
				fmt.Fprintf(&s, "<%s>", tag)
			case 1:
				fmt.Fprintf(&s, "</%s>", tag)
			default:
				fmt.Fprintf(&s, " word%d ", words)
				words++
			}
		}
		if words == 0 {
			continue
		}
		d, err := html.Read(t.Context(), strings.NewReader(s.String()), "x.html")
		if err != nil {
			t.Fatalf("Read(%q): %v", s.String(), err)
		}
		if err := d.Check(); err != nil {
			t.Fatalf("Read(%q): %v", s.String(), err)
		}
		for i := range words {
			if !strings.Contains(d.Text, fmt.Sprint("word", i)) {
				t.Fatalf("Read(%q): word%d is lost in %q", s.String(), i, d.Text)
			}
		}
	}
}

// TestTabs: what a page hides until a tab is chosen is part of what it tells.
func TestTabs(t *testing.T) {
	page := `<h1>Install</h1><div role="tabpanel" hidden><p>On Linux, unpack it.</p></div><div hidden><p>Loading</p></div>`
	d, err := html.Read(t.Context(), strings.NewReader(page), "install.html")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if got, want := d.Text, "Install\n\nOn Linux, unpack it."; got != want {
		t.Errorf("Read(%q) gives %q; want %q", page, got, want)
	}
}

func TestWhole(t *testing.T) {
	page := `<body><nav><a href="/">Home</a></nav><header>The paper</header><article>` + sentences("valves", 12) + `</article>
<aside>See also</aside><div hidden>Later</div><table class="navbox"><tr hidden><td>Tides<td>Valves<tr><td>Locks<td>Weirs</table><svg><text>Inlet</text></svg><button>Send</button><footer>Imprint</footer><script>never()</script>`
	article, err := html.Read(t.Context(), strings.NewReader(page), "page.html")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := html.Whole(t.Context(), strings.NewReader(page), "page.html")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, whole)
	for _, part := range []string{"Home", "The paper", "See also", "Later", "Tides", "Weirs", "Inlet", "Send", "Imprint"} {
		if !strings.Contains(whole.Text, part) {
			t.Errorf("Whole gives %q; want %q in it", whole.Text, part)
		}
		if strings.Contains(article.Text, part) {
			t.Errorf("Read gives %q; want no %q", article.Text, part)
		}
	}
	if strings.Contains(whole.Text, "never()") || !strings.Contains(whole.Text, "Sentence 11") {
		t.Errorf("Whole gives %q; want the article and no script", whole.Text)
	}
}

// TestFormulas reads MathML that brings no TeX, or something else in its place.
func TestFormulas(t *testing.T) {
	for mathml, want := range map[string]string{
		`<math alttext="Alternative text not available"><mi>T</mi><mfenced separators="" open="(" close=")"><mrow><mi>v</mi></mrow></mfenced><mo>=</mo><mi>λ</mi><mi>v</mi></math>`: "T (v) = λ v",
		`<math alttext="x squared"><msup><mi>x</mi><mn>2</mn></msup></math>`:                                                 "x^{2}",
		`<math alttext="x^2"><mi>x</mi></math>`:                                                                              "x^2",
		`<math alttext="one half"></math>`:                                                                                   "one half",
		`<math><mi>f</mi><mo>&#x2061;</mo><mo>(</mo><mi>x</mi><mo>)</mo></math>`:                                             "f ( x )",
		`<math><msub><mrow><mi>a</mi><mi>b</mi></mrow><mn>1</mn></msub><mo>+</mo><mroot><mi>y</mi><mn>3</mn></mroot></math>`: `{a b}_{1} + \sqrt[3]{y}`,
		`<math><munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><msup><mi>x</mi><mrow/></msup></math>`:                 "∑_{i}^{n} x^{}",
		`<math><mfenced open="[" close="]"><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>2</mn></mtd><mtd><mn>3</mn></mtd></mtr></mtable></mfenced></math>`:                               `\begin{bmatrix} 1 & 0 \\ 2 & 3 \end{bmatrix}`,
		`<math><mi>A</mi><mo>=</mo><mrow><mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd></mtr></mtable><mo>)</mo></mrow><mo>+</mo><mo>(</mo><mtable><mtr><mtd><mn>2</mn></mtd></mtr></mtable><mi>x</mi><mo>)</mo></math>`: `A = \begin{pmatrix} 1 \end{pmatrix} + ( \begin{matrix} 2 \end{matrix} x )`,
		`<math><mo>|</mo><mi>x</mi><mo>|</mo><mo>=</mo><mo>{</mo><mtable><mtr><mtd><mi>x</mi></mtd><mtd><mtext>if </mtext><mi>x</mi><mo>&gt;</mo><mn>0</mn></mtd></mtr></mtable></math>`:                               `| x | = \begin{cases} x & \text{if} x > 0 \end{cases}`,
		`<math><mtable columnalign="right left"><mtr><mtd><mi>a</mi></mtd><mtd><mo>=</mo><mi>b</mi></mtd></mtr></mtable></math>`:                                                                                       `\begin{aligned} a & = b \end{aligned}`,
		`<math><mfenced open="{" close="}"><mrow><mi>x</mi><mo>∣</mo><mi>sin</mi><mi>x</mi><mo>&lt;</mo><mn>5</mn><mtext>% &amp; more</mtext></mrow></mfenced></math>`:                                                 `\{x ∣ \sin x < 5 \text{\% \& more}\}`,
		`<math><mover><mi>x</mi><mo>¯</mo></mover><mo>+</mo><mi>rank</mi><mi>A</mi><munder><mo>lim</mo><mi>n</mi></munder><mover><mi>v</mi><mo stretchy="false">→</mo></mover></math>`:                                 `\overline{x} + \mathrm{rank} A \lim_{n} \vec{v}`,
		`<math><mn>1</mn> <mn>3</mn><mi>x</mi><mn>2</mn><mo>=</mo><mfrac><mn>7</mn><mn>5</mn></mfrac></math>`:                                                                                                          `13 x 2 = \frac{7}{5}`,
		`<math><semantics><mi>k</mi><annotation-xml><ci>k</ci></annotation-xml></semantics></math>`:                                                                                                                    "k",
	} {
		d, err := html.Read(t.Context(), strings.NewReader("<p>Say "+mathml+" now.</p>"), "m.html")
		if err != nil {
			t.Fatal(err)
		}
		if got := "Say $" + want + "$ now."; d.Text != got {
			t.Errorf("%s reads\n%s, want\n%s", mathml, d.Text, got)
		}
	}
}
