package pdf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readtest"
)

// drawn is a PDF of pages of 595 by 842 points, each drawn by a content stream
// with Times as F1, Times bold as F2 and Symbol as F3.
func drawn(pages ...string) []byte {
	objects := []string{catalog, "", times,
		strings.Replace(times, "Times-Roman", "Times-Bold", 1),
		"<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>"}
	var kids strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", len(objects)+1)
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R >> >> >>", len(objects)+2),
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
