package pdf_test

import (
	"bytes"
	"strings"
	"testing"

	"seedbed/extract/read/pdf"
)

// Glyphs of several letters that only their names tell of are read as these.
func TestComposedNames(t *testing.T) {
	const font = "<< /Type /Font /Subtype /Type1 /BaseFont /ABCDEF+Times-Roman /Encoding << /Type /Encoding /Differences [27 /f_i /f_f_i 30 /T_h.swash 31 /f_five] >> >>"
	data := build(catalog, onePage, page,
		stream("BT /F1 12 Tf 14 TL 72 770 Td (A di\034cult case in the o\034ce is one to \033nd and \033x.) Tj T* (\036at is all there is, a\037.) Tj T* ET"), font)
	d, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "ligatures.pdf", opts(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A difficult case in the office is one to find and fix.", "That is all there is, a"} {
		if !strings.Contains(d.Text, want) {
			t.Errorf("the text is %q; want %q in it", d.Text, want)
		}
	}
	if strings.Contains(d.Text, "five") {
		t.Errorf("the text is %q; f_five is no ligature", d.Text)
	}
}
