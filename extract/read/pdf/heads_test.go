package pdf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
)

// slides is a PDF of wide pages, as drawn makes tall ones.
func slides(pages ...string) []byte {
	return []byte(strings.ReplaceAll(string(drawn(pages...)), "[0 0 595 842]", "[0 0 842 595]"))
}

func titles(d *extract.Document) []string {
	var out []string
	for _, b := range d.Blocks {
		if b.Kind == extract.Heading {
			out = append(out, fmt.Sprint(b.Level, " ", b.Title))
		}
	}
	return out
}

// A talk uncovers a slide line by line, under a frame that is most of its
// letters: the slide is read once, and what stands on it is no heading.
func TestOverlays(t *testing.T) {
	foot := at(40, 20, 1, 6, "Ann Author, A Talk about Ferries, Harbour Conference, Queues and Decks")
	head := at(40, 540, 2, 20, "Why Cars Wait")
	one := at(60, 400, 1, 14, "The deck is full before noon.")
	two := at(60, 360, 1, 14, "The timetable does not know it.")
	d := readBytes(t, slides(
		at(40, 300, 2, 30, "A Talk about Ferries")+foot,
		head+one+foot,
		head+one+two+foot,
		at(40, 540, 2, 20, "What Helps")+at(60, 400, 1, 14, "A bell at the gate.")+foot))
	want := "A Talk about Ferries|Why Cars Wait|The deck is full before noon. The timetable does not know it.|What Helps|A bell at the gate."
	if got := strings.Join(strings.FieldsFunc(d.Text, func(r rune) bool { return r == '\n' }), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := titles(d); len(got) != 3 {
		t.Errorf("headings %q, want the title and two more", got)
	}
}

// The head of most slides is text where it stands first.
func TestHeadOfMostSlides(t *testing.T) {
	head := at(40, 540, 1, 20, "Four Questions")
	var pages []string
	for _, q := range []string{"Who waits at the quay in the rain?", "Who has a lane for the buses?", "Who rings the bell at noon?", "Who pays for the second boat?"} {
		pages = append(pages, head+at(60, 300, 1, 14, q))
	}
	if d := readBytes(t, slides(pages...)); strings.Count(d.Text, "Four Questions") != 1 {
		t.Errorf("want the head once: %q", d.Text)
	}
}

// Headings that differ little from the text: by a letter and italics, by a
// number that goes on, by bold type; and lines that look like headings.
func TestPlainHeadings(t *testing.T) {
	d := readBytes(t, []byte(strings.ReplaceAll(string(drawn(
		at(72, 800, 2, 22, "Waiting for the Ferry")+at(72, 780, 1, 16, "14. April 2013")+
			at(72, 740, 2, 14, "2 Rules")+prose(722, 3)+
			at(72, 660, 2, 12, "2.1 Two Rules")+prose(642, 2)+
			at(72, 600, 1, 10, "2.1.1 Version for Buses")+prose(582, 2)+
			at(72, 540, 3, 10, "A. The Queue of Cars")+at(82, 525, 1, 10, "Rain falls when the air can hold its water no longer, and it falls")+prose(513, 2)+
			at(72, 460, 2, 10, "A subsubsection")+prose(442, 2)+
			at(72, 400, 2, 10, "Folgerung 5.3 (aus 5.2)")+prose(382, 2)+
			at(72, 340, 2, 10, "1. Boats that come late")+prose(322, 2)+
			"BT /F1 10 Tf 72 290 Td [(The quay is 25) -115 (km from the town.)] TJ ET\n")), "MSAM10", "CMTI10")))
	want := []string{"1 Waiting for the Ferry", "2 2 Rules", "3 2.1 Two Rules", "4 2.1.1 Version for Buses",
		"4 A. The Queue of Cars", "4 A subsubsection", "4 1. Boats that come late"}
	if diff := cmp.Diff(want, titles(d)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(d.Text, "25 km") {
		t.Errorf("no space before the unit: %q", d.Text)
	}
}
