package pretext_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/pretext"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func parse(t testing.TB, src string) *extract.Document {
	t.Helper()
	d, err := pretext.Read(t.Context(), strings.NewReader(src), "garden.ptx")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	return d
}

const garden = `<?xml version="1.0" encoding="UTF-8"?>
<pretext xmlns:xi="http://www.w3.org/2001/XInclude">
<docinfo><macros>\newcommand{\N}{\mathbb N}</macros></docinfo>
<book>
<title>Counting in the garden</title>
<chapter xml:id="ch-beds">
  <title>Beds <ndash/> and rows</title>
  <introduction><p>A bed of <m>n</m> rows has <m>n \amp 1</m> paths<fn>Mud counts.</fn>, and <me>n \lt m</me> holds.</p></introduction>
  <definition><title>Row</title><statement><p>A <term>row</term> is a line of plants.</p></statement></definition>
  <theorem>
    <statement><p>Every bed has a row.</p></statement>
    <proof><p>Look at it.</p></proof>
  </theorem>
  <example>
    <statement><p>How many plants stand in <m>3</m> rows of <m>4</m>?</p></statement>
    <solution><p>There are <m>12</m>.</p></solution>
  </example>
  <exercises>
    <exercise>
      <statement><p>What is wrong with this proof?</p><proof><p>One row is two.</p></proof></statement>
      <hint><p>Count.</p></hint>
      <solution><proof><p>One is not two.</p></proof></solution>
    </exercise>
    <exercise>
      <statement><p>Count the paths of <ol><li><p>one bed,</p></li><li>two beds.</li></ol></p></statement>
      <answer><p><ol><li><p>1.</p></li><li><p>2.</p></li></ol></p></answer>
    </exercise>
    <exercise>
      <introduction><p>A bed has five rows.</p></introduction>
      <task><statement><p>How many are odd?</p></statement><solution><p>Three.</p></solution></task>
      <task><statement><p>How many are even?</p></statement><solution><p>Two.</p></solution></task>
    </exercise>
    <exercise><webwork><statement><p>What is <var name="$a"/> + 1?</p></statement><solution><p>More.</p></solution></webwork></exercise>
    <!-- <exercise><statement><p>Gone?</p></statement><solution><p>Yes.</p></solution></exercise> -->
  </exercises>
  <section><title>Rest</title>
    <p>Say <q>bed</q>, write <c>bed()</c>, and see <xref ref="ch-beds"/>.</p>
    <md><mrow>a \amp= b</mrow><mrow>\amp= c</mrow></md>
    <tabular><row><cell>row</cell><cell>plants</cell></row><row><cell>1</cell><cell><m>4</m></cell></row></tabular>
    <program language="python"><input>
      def beds(n):
          return n + 1
    </input></program>
    <figure><caption>A bed from above.</caption><image><latex-image>\draw (0,0);</latex-image></image></figure>
    <xi:include href="more.ptx"/>
  </section>
</chapter>
</book>
</pretext>
`

const gardenText = `Counting in the garden

Beds – and rows

A bed of $n$ rows has $n & 1$ paths, and

$$n < m$$

holds.

Mud counts.

Definition 1 (Row). A *row* is a line of plants.

Theorem 1. Every bed has a row.

Proof. Look at it.

Example 1. How many plants stand in $3$ rows of $4$?

Solution. There are $12$.

Exercises

Exercise 1. What is wrong with this proof?

One row is two.

Hint. Count.

Solution. One is not two.

Exercise 2. Count the paths of

1. one bed,

2. two beds.

Answer. 1. 1.

2. 2.

Exercise 3. A bed has five rows.

Exercise 3a. How many are odd?

Solution. Three.

Exercise 3b. How many are even?

Solution. Two.

Rest

Say “bed”, write ` + "`bed()`" + `, and see [ch-beds].

$$\begin{aligned} a &= b \\ &= c \end{aligned}$$

| row | plants |
| 1 | $4$ |

def beds(n):
    return n + 1

A bed from above.`

func TestRead(t *testing.T) {
	d := parse(t, garden)
	if diff := cmp.Diff(gardenText, d.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if d.Title != "Counting in the garden" || d.Kind != extract.Book {
		t.Errorf("a %s with the title %q", d.Kind, d.Title)
	}
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "includes other files") {
		t.Errorf("warnings %q, want one about the file that is included", d.Warnings)
	}
	kinds := map[extract.BlockKind]int{}
	lines := strings.Split(garden, "\n")
	for _, b := range d.Blocks {
		kinds[b.Kind]++
		if b.Kind == extract.Paragraph && strings.HasPrefix(b.Text, "Theorem") {
			if line := lines[b.Lines[0]-1]; !strings.Contains(line, "Every bed has a row") {
				t.Errorf("the theorem stands in line %d: %q", b.Lines[0], line)
			}
		}
		if b.Kind == extract.Table && b.Rows[1][1] != "$4$" {
			t.Errorf("rows %q", b.Rows)
		}
		if b.Kind == extract.Code && b.Lang != "python" {
			t.Errorf("code in %q", b.Lang)
		}
	}
	want := map[extract.BlockKind]int{
		extract.Heading: 4, extract.Paragraph: 18, extract.ListItem: 4, extract.Formula: 2,
		extract.Footnote: 1, extract.Table: 1, extract.Code: 1, extract.Caption: 1,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds of block (-want +got):\n%s", diff)
	}
}

func TestIs(t *testing.T) {
	for _, tc := range []struct {
		head, ext string
		want      bool
	}{
		{"<section><title>A</title>", ".ptx", true},
		{"nothing", ".ptx", false},
		{`<?xml version="1.0"?><pretext>`, ".xml", true},
		{`<?xml version="1.0"?><mathbook xml:lang="en">`, ".xml", true},
		{"<project><pretextile/>", ".xml", false},
		{"<pretext>", ".html", false},
	} {
		if got := pretext.Is([]byte(tc.head), tc.ext); got != tc.want {
			t.Errorf("Is(%q, %s) = %v", tc.head, tc.ext, got)
		}
	}
}

func TestHostile(t *testing.T) {
	deep := strings.Repeat("<ol><li>", 500) + "x" + strings.Repeat("</li></ol>", 500)
	if _, err := pretext.Read(t.Context(), strings.NewReader("<section>"+deep+"</section>"), "deep.ptx"); !errors.Is(err, readerr.ErrTooLarge) {
		t.Errorf("500 lists in each other: %v, want %v", err, readerr.ErrTooLarge)
	}
	// Nothing outside is looked at, and an entity is worth no more than it is written with.
	bomb := `<!DOCTYPE a [<!ENTITY x "yyyyyyyyyy"><!ENTITY f SYSTEM "file:///etc/passwd">]><section><title>T</title><p>&x;&f; end.</p></section>`
	if d, err := pretext.Read(t.Context(), strings.NewReader(bomb), "bomb.ptx"); err == nil && (strings.Contains(d.Text, "yyy") || strings.Contains(d.Text, "root:")) {
		t.Errorf("entities were written out: %q", d.Text)
	}
	for _, broken := range []string{"<section><p>never closed", "<p>a</q></p>", "<section><title>T</title></chapter><p>b</p>", "</p><p>c</p>"} {
		d, err := pretext.Read(t.Context(), strings.NewReader(broken), "broken.ptx")
		if err == nil {
			readtest.Check(t, d)
		} else if !errors.Is(err, readerr.ErrCorrupt) {
			t.Errorf("%q: %v, want %v", broken, err, readerr.ErrCorrupt)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(garden)
	f.Add("<exercise><statement>")
	f.Add("<ol><li><p/><ul><li>a</li></ul></li></ol><m>x</m>")
	f.Fuzz(func(t *testing.T, src string) {
		d, err := pretext.Read(t.Context(), strings.NewReader(src), "fuzz.ptx")
		if err == nil {
			readtest.Check(t, d)
		}
	})
}
