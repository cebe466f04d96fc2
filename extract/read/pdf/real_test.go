package pdf_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readtest"
)

// drawn is a PDF of pages of 595 by 842 points, each drawn by a content stream
// with Times as F1, Times bold as F2, a font of signs as F3 and Courier as F4.
func drawn(pages ...string) []byte {
	objects := []string{catalog, "", times,
		strings.Replace(times, "Times-Roman", "Times-Bold", 1),
		strings.Replace(times, "Times-Roman", "MSAM10", 1),
		strings.Replace(times, "Times-Roman", "Courier", 1)}
	var kids strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", len(objects)+1)
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R /F4 6 0 R >> >> >>", len(objects)+2),
			stream(p))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), len(pages))
	return build(objects...)
}

// at draws one line of text.
func at(x, y float64, font, size int, text string) string {
	return fmt.Sprintf("BT /F%d %d Tf 1 0 0 1 %g %g Tm (%s) Tj ET\n", font, size, x, y, text)
}

func readBytes(t *testing.T, data []byte) *extract.Document {
	t.Helper()
	d, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "drawn.pdf", opts(t))
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	return d
}

// A page cut out of a larger sheet keeps the text of the whole sheet.
func TestTextOffThePage(t *testing.T) {
	d := readBytes(t, drawn(
		at(72, 700, 1, 12, "This page shows one sentence.")+
			at(700, 700, 1, 12, "Its neighbour on the sheet shows another.")+
			at(72, 900, 1, 12, "Printers write their marks above.")))
	if got, want := d.Text, "This page shows one sentence."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The title may stand behind headings that are joined to one.
func TestTitleBehindChapters(t *testing.T) {
	d := readBytes(t, drawn(
		at(72, 760, 2, 16, "Chapter 1")+at(72, 735, 2, 16, "On Rain")+
			at(72, 680, 2, 24, "Notes on the Weather")+
			at(72, 640, 1, 10, "Rain falls when the air can hold its water no longer, and it falls")+
			at(72, 628, 1, 10, "as drops that are larger the longer they have been on their way.")))
	if d.Title != "Notes on the Weather" {
		t.Errorf("title %q", d.Title)
	}
}

// Letters drawn twice, for a shadow or for weight, are read once; letters that
// are written twice stay.
func TestShadow(t *testing.T) {
	d := readBytes(t, drawn(
		at(72, 700, 1, 12, "A balloon needs a committee.")+
			at(72.4, 699.6, 1, 12, "A balloon needs a committee.")+
			at(72, 680, 1, 12, "The end.")+at(72, 680, 1, 12, "The end.")))
	if got, want := strings.Join(strings.Fields(d.Text), " "), "A balloon needs a committee. The end."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A caption may do without a colon, and a heading in capitals without a line of
// its own; a sentence about a figure is neither.
func TestPlainCaptions(t *testing.T) {
	d := readBytes(t, drawn(prose(770, 3)+
		at(72, 700, 2, 10, "Figure 1 Steps of the Model")+prose(670, 3)+
		at(72, 610, 1, 10, "IV. RULES OF THE MODEL AS IT WAS MADE FOR THE TOWN")+at(72, 598, 1, 10, "ON THE FIRST OF APRIL")+prose(570, 3)+
		at(72, 510, 1, 10, "Figure 1 shows the weather of a day that nobody will forget who has seen it.")))
	got := map[string]extract.BlockKind{}
	for _, b := range d.Blocks {
		got[strings.Join(strings.Fields(b.Text)[:2], " ")] = b.Kind
	}
	want := map[string]extract.BlockKind{"Figure 1": extract.Paragraph, "IV. RULES": extract.Heading, "the weather": extract.Paragraph}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d.Blocks[1].Kind != extract.Caption {
		t.Errorf("%q is a %s", d.Blocks[1].Text, d.Blocks[1].Kind)
	}
}

func headings(d *extract.Document) []string {
	var out []string
	for _, b := range d.Blocks {
		if b.Kind == extract.Heading {
			out = append(out, b.Title)
		}
	}
	return out
}

// prose is n lines of running text from y down.
func prose(y float64, n int) string {
	var s strings.Builder
	for i := range n {
		s.WriteString(at(72, y-12*float64(i), 1, 10, "the weather of the day was such that nobody who had seen it would forget it"))
	}
	return s.String()
}

// Headings without numbers follow the title on its page, behind a list or a
// paragraph; what is bold in the rows of a table, in a list or in a formula is none.
func TestHeadings(t *testing.T) {
	d := readBytes(t, drawn(
		at(72, 770, 2, 18, "Minutes of the Meeting")+at(72, 745, 2, 10, "Jane Doe")+prose(715, 4)+
			at(72, 645, 2, 14, "Weather")+prose(625, 3)+
			at(72, 570, 2, 10, "Subjects of the talk:")+prose(552, 3)+
			at(72, 500, 2, 10, "Monday")+at(300, 500, 2, 10, "Tuesday")+
			at(72, 470, 2, 10, "(1) a + b = c < d")+
			at(72, 440, 2, 10, "Proof.")+prose(420, 3)))
	want := []string{"Minutes of the Meeting", "Weather", "Subjects of the talk:"}
	if diff := cmp.Diff(want, headings(d)); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
}

// Running heads are the lines that pages have in the same place, numbers apart,
// and those that repeat a heading in smaller letters; they are reported and no
// part of the text. A heading that is said once stays, and so does a line in the middle.
func TestRunningHeads(t *testing.T) {
	var pages []string
	for n, said := range []string{"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"} {
		p := at(72, 800, 1, 9, fmt.Sprintf("A History of Rain %d", n+11)) + at(290, 40, 1, 9, fmt.Sprint(n+11)) + prose(740, 6) +
			at(72, 640, 1, 10, "This is said again on each page.") +
			at(72, 600, 1, 10, "Here is what this one says: "+said+".") + prose(560, 6)
		if n == 0 {
			p += at(72, 765, 2, 16, "The First Drops")
		}
		if n == 4 { // a head of two pages only
			p = at(72, 800, 1, 9, "15 The First Drops") + at(290, 40, 1, 9, "15") + prose(740, 6) + at(72, 600, 1, 10, "Here is what this one says: "+said+".")
		}
		pages = append(pages, p)
	}
	d := readBytes(t, drawn(pages...))
	if got, want := headings(d), []string{"The First Drops"}; !slices.Equal(got, want) {
		t.Errorf("headings are %q, want %q", got, want)
	}
	var dropped []string
	for _, p := range d.Pages {
		dropped = append(dropped, strings.Join(p.Dropped, "|"))
	}
	want := []string{"A History of Rain 11|11", "A History of Rain 12|12", "A History of Rain 13|13", "A History of Rain 14|14",
		"15 The First Drops|15", "A History of Rain 16|16", "A History of Rain 17|17"}
	if diff := cmp.Diff(want, dropped); diff != "" {
		t.Errorf("running heads (-want +got):\n%s", diff)
	}
	if n := strings.Count(d.Text, "This is said again on each page."); n != 6 {
		t.Errorf("what stands in the middle of six pages is there %d times", n)
	}
	if strings.Contains(d.Text, "History") {
		t.Errorf("a running head stands in the text: %q", d.Text)
	}
}

// The numbers of a listing's lines are none of its code, and a table's first
// column is no such number.
func TestLineNumbers(t *testing.T) {
	listing := ""
	for i, l := range []string{"for i in range[9]:", "    if i == 3:", "        break", "    print[i]"} {
		y := 700 - 12*float64(i)
		code := strings.TrimLeft(l, " ")
		listing += at(80, y, 1, 7, fmt.Sprint(i+8)) + at(100+5.4*float64(len(l)-len(code)), y, 4, 9, code)
	}
	table := ""
	for i, name := range []string{"Oak", "Elm", "Ash", "Fir"} {
		table += at(80, 540-12*float64(i), 1, 10, fmt.Sprint(i+8)) + at(200, 540-12*float64(i), 1, 10, name)
	}
	d := readBytes(t, drawn(prose(770, 4)+listing+prose(620, 4)+table))
	if want := "for i in range[9]:\n    if i == 3:\n        break\n    print[i]"; !strings.Contains(d.Text, want) {
		t.Errorf("the text is %q; want %q in it", d.Text, want)
	}
	for _, row := range []string{"8\tOak", "11\tFir"} {
		if !strings.Contains(d.Text, row) {
			t.Errorf("the text is %q; want %q in it", d.Text, row)
		}
	}
}

// Older programs draw an ä as an a and two dots.
func TestAccents(t *testing.T) {
	d := readBytes(t, drawn(
		at(72, 700, 1, 12, "L")+at(80.33, 700.3, 1, 12, `\250`)+at(79.33, 700, 1, 12, "osung der Aufgabe, auch")+
			at(72, 680, 1, 12, "Gr")+at(85.66, 680.3, 1, 12, `\250`)+at(84.66, 680, 1, 12, "o")+at(90.66, 680, 1, 12, "ber genannt, eine Seite weiter.")))
	if got, want := d.Text, "Lösung der Aufgabe, auch Gröber genannt, eine Seite weiter."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Numbers and capitals make a heading where size and weight say little. Lines
// of code have numbers too, and what stands in bold over each example heads
// nothing.
func TestNumberedHeadings(t *testing.T) {
	example := func(y float64) string { return at(72, y, 2, 10, "Example") + prose(y-20, 2) }
	d := readBytes(t, drawn(
		at(72, 770, 2, 18, "Notes")+prose(740, 4)+
			at(72, 670, 1, 11, "1.1 First Exercise")+prose(640, 4)+
			at(200, 565, 1, 8, "II. STANDARDS AND RULES")+prose(540, 4)+
			at(72, 470, 2, 9, "12 } else {")+prose(450, 4),
		example(770)+example(710)+example(650)+example(590)+
			at(72, 520, 2, 14, "2 Rain")+at(72, 500, 2, 12, "2.1 Drops")+prose(480, 4)))
	want := []string{"Notes", "1.1 First Exercise", "II. STANDARDS AND RULES", "2 Rain", "2.1 Drops"}
	if diff := cmp.Diff(want, headings(d)); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
}

// Slides that unfold repeat their title; it stands over their text and is no
// running head. A heading follows a heading of nearly its size.
func TestTitlesOfSlides(t *testing.T) {
	slide := func(title string) string {
		return at(72, 790, 1, 16, title) + prose(740, 5)
	}
	d := readBytes(t, drawn(slide("Rain and Snow"), slide("Rain and Snow"), slide("Rain and Snow"), slide("Winds"), slide("Storms"), slide("git workflow"),
		at(72, 700, 1, 13, "1 Clouds")+at(72, 680, 1, 12, "1.1 Their Names")+at(72, 665, 1, 11, "Some are low.")+prose(640, 5)))
	want := []string{"Rain and Snow", "Rain and Snow", "Rain and Snow", "Winds", "Storms", "git workflow", "1 Clouds", "1.1 Their Names"}
	if diff := cmp.Diff(want, headings(d)); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
}

// Bullets may be letters of a font of signs, or drawn: then the items stand in
// lines of their own that end where they like. Text beside a figure does not.
func TestLists(t *testing.T) {
	d := readBytes(t, drawn(
		prose(770, 3)+
			at(80, 710, 3, 10, "I")+at(92, 710, 1, 10, "Build a car that drives itself")+
			at(80, 698, 3, 10, "I")+at(92, 698, 1, 10, "Alice is in the US, Bob in")+at(92, 686, 1, 10, "Germany")+
			prose(650, 3)+
			at(92, 590, 1, 10, "Once a day")+at(92, 578, 1, 10, "Every second day or so")+at(92, 566, 1, 10, "Never")+
			prose(530, 3)+
			at(72, 480, 1, 10, "The text beside a figure")+at(72, 468, 1, 10, "May have names of peopl")+at(72, 456, 1, 10, "Like Alice, who built it.")))
	var got []string
	for _, b := range d.Blocks {
		if !strings.HasPrefix(b.Text, "the weather") {
			got = append(got, string(b.Kind)+": "+b.Text)
		}
	}
	want := []string{
		"item: • Build a car that drives itself",
		"item: • Alice is in the US, Bob in Germany",
		"paragraph: Once a day",
		"paragraph: Every second day or so",
		"paragraph: Never",
		"paragraph: The text beside a figure May have names of peopl Like Alice, who built it.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
}

// The cells of a table may take several lines; what stands under the table in
// the first column is none of its.
func TestWrappedCells(t *testing.T) {
	row := func(y float64, cells ...string) (s string) {
		for i, c := range cells {
			if c != "" {
				s += at([]float64{72, 130, 300}[i], y, 1, 10, c)
			}
		}
		return s
	}
	d := readBytes(t, drawn(prose(770, 3)+
		row(720, "No", "Requirement", "Description")+
		row(700, "1", "Access", "How far the harbour can be reached by")+row(688, "", "", "people who walk.")+
		row(672, "2", "Audit", "Who looks at the books.")+
		row(656, "3", "Availability", "How often the harbour is open, and")+row(644, "", "at all times", "what happens in a storm.")+
		at(72, 624, 1, 10, "A line of its own.")+prose(590, 3)))
	want := "No\tRequirement\tDescription\n" +
		"1\tAccess\tHow far the harbour can be reached by people who walk.\n" +
		"2\tAudit\tWho looks at the books.\n" +
		"3\tAvailability at all times\tHow often the harbour is open, and what happens in a storm."
	for _, b := range d.Blocks {
		if b.Kind == extract.Table {
			if diff := cmp.Diff(want, b.Text); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	t.Errorf("no table in %q", d.Text)
}

// A page whose columns are drawn line by line is read column by column, with
// what reaches across them in its place. The rows of a table stay rows.
func TestColumnsDrawnByLine(t *testing.T) {
	if pdf.OnlyEngine {
		t.Skip("the second engine guesses how wide the letters of this font are")
	}
	left := strings.Fields("harbour master keeps lanes free whatever weather comes along from islands beyond bay")
	right := strings.Fields("ferry leaves early since nobody waits longer than needed before winter storms begin again")
	var s, wantLeft, wantRight strings.Builder
	s.WriteString(at(150, 760, 2, 16, "What the Harbour Is and Is Not Made For"))
	for i := range left {
		l := fmt.Sprintf("the %s of a town by the sea is not always quiet", left[i])
		r := fmt.Sprintf("and a %s is what most of them have come to see", right[i])
		s.WriteString(at(60, 700-13*float64(i), 1, 10, l))
		s.WriteString(at(320, 700-13*float64(i), 1, 10, r))
		wantLeft.WriteString(l + " ")
		wantRight.WriteString(r + " ")
	}
	d := readBytes(t, drawn(s.String()))
	got := strings.Join(strings.Fields(d.Text), " ")
	if want := "What the Harbour Is and Is Not Made For " + wantLeft.String() + strings.TrimSpace(wantRight.String()); got != want {
		t.Errorf("got %q", got)
	}

	s.Reset()
	for i := range 14 {
		s.WriteString(at(60, 700-13*float64(i), 1, 10, left[i%len(left)]))
		s.WriteString(at(320, 700-13*float64(i), 1, 10, fmt.Sprintf("%d.5", i)))
	}
	d = readBytes(t, drawn(prose(770, 3)+s.String()))
	if !slices.ContainsFunc(d.Blocks, func(b extract.Block) bool {
		return b.Kind == extract.Table && strings.Contains(b.Text, "master\t1.5\n")
	}) {
		t.Errorf("the table is read as %q", d.Text)
	}
}
