package pdf_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

const picture = "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\nx\nendstream"

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	out := []byte("%PDF-1.7\n")
	for range n {
		out = append(out, byte(r.IntN(256)))
	}
	return out
}

func file(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pdfiumOpens are files that the second engine finds damaged.
var pdfiumOpens = []string{"a million pages", "a box without end", "a font whose letters are pages", "wrong cross references"}

// box is a page with a line in a media box.
func box(corners, line string) []byte {
	return build(catalog, onePage, strings.Replace(page, "[0 0 595 842]", corners, 1), stream("BT /F1 12 Tf 72 700 Td ("+line+") Tj ET"), times)
}

// fonts is a page with one font, and what else the file holds.
func fonts(font, content string, more ...string) []byte {
	return build(append([]string{catalog, onePage, page, stream(content), font}, more...)...)
}

// lines cuts a text into lines that fit on a page.
func lines(s string) (out []string) {
	for line := range slices.Chunk([]byte(s), 80) {
		out = append(out, string(line))
	}
	return out
}

// flated is a stream of so many zeros, compressed.
func flated(size int) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	block := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = w.Write(block) // memory does not fail
	}
	_ = w.Close()
	return fmt.Sprintf("<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", b.Len(), b.String())
}

// hostile files end in the error that fits or in the text there is. The ones
// that no reader can be trusted with are read again in internal/sandbox.
func TestHostile(t *testing.T) {
	whole := file(t, paper)
	zeros := flated(64 << 20)
	scanned := "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>"
	shifted := strings.Map(func(r rune) rune {
		if r > ' ' {
			return r + 3
		}
		return r
	}, strings.Repeat("the quick brown fox jumps over the lazy dog and then it does the same again ", 8))
	for _, c := range []struct {
		name string
		data []byte
		err  error  // what reading fails with, nil where it gives text
		says string // in the error, in the text or in a warning
	}{
		{"empty", nil, readerr.ErrEmpty, "the file is empty"},
		{"noise", noise(4000), readerr.ErrCorrupt, "damaged"},
		{"header only", []byte("%PDF-1.4\n"), readerr.ErrCorrupt, "damaged"},
		{"not a PDF", []byte("hello"), readerr.ErrCorrupt, "damaged"},
		{"truncated early", whole[:len(whole)/8], readerr.ErrCorrupt, "damaged"},
		{"promises a billion objects", []byte("%PDF-1.5\n1 0 obj\n<</Type/XRef/Size 1000000000/W[1 2 1]/Root 2 0 R/Length 4>>stream\nabcd\nendstream\nendobj\nstartxref\n9\n%%EOF\n"), readerr.ErrCorrupt, "damaged"},
		{"kids in a circle", build(catalog, "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"), readerr.ErrCorrupt, "damaged"},
		{"kids in a longer circle", build(catalog, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>"), readerr.ErrCorrupt, "damaged"},
		{"a million pages", bytes.Replace(text("The only page."), []byte("/Count 1 "), []byte("/Count 1000000 "), 1), nil, "The only page."},
		{"unterminated hex string", build(catalog, onePage, page, stream("BT /F1 12 Tf 72 700 Td (Before it.) Tj <41424"), times), nil, "Before it."},
		{"unterminated hex string in an object", []byte("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages <41424"), readerr.ErrCorrupt, "damaged"},
		{"unterminated array", build(catalog, onePage, page, stream("BT /F1 12 Tf 72 700 Td (Before it.) Tj [(a) (b) [[[["), times), nil, "Before it."},
		{"deep nesting", build(catalog, onePage, page, stream("BT /F1 12 Tf 72 700 Td (Before it.) Tj "+strings.Repeat("[", 100_000)), times), nil, "Before it."},
		{"too many Q", build(catalog, onePage, page, stream("Q Q Q BT /F1 12 Tf 72 700 Td (After it.) Tj ET"), times), nil, "After it."},
		{"outline in a circle", build("<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>", onePage, page, stream("BT /F1 12 Tf 72 700 Td (Text.) Tj ET"), times,
			"<< /Type /Outlines /First 7 0 R /Last 7 0 R >>", "<< /Title (A) /Next 7 0 R /First 7 0 R /Parent 6 0 R >>"), nil, "Text."},
		{"form in itself", build(catalog, onePage, strings.Replace(page, "/Font", "/XObject << /X 6 0 R >> /Font", 1), stream("BT /F1 12 Tf 72 700 Td (Text.) Tj ET /X Do"), times,
			"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >> /Length 5 >>\nstream\n/X Do\nendstream"), nil, "Text."},
		{"needs a password, RC4", file(t, "testdata/rc4.pdf"), readerr.ErrEncrypted, "encrypted"},
		{"needs a password, AES-256", file(t, "testdata/aes256.pdf"), readerr.ErrEncrypted, "encrypted"},
		{"opens without a password", file(t, "testdata/owner.pdf"), nil, "may read this"},
		{"an image", build(catalog, onePage, scanned, stream("100 0 0 100 0 0 cm /I Do"), picture), readerr.ErrNoText, "1 page of images without text: it needs OCR"},
		{"an empty page", build(catalog, onePage, page, stream(""), times), readerr.ErrNoText, "its only page is empty"},
		{"shifted letters", text(lines(shifted)...), readerr.ErrNoText, "do not say which letters"},
		{"leading junk", append([]byte("\n\njunk before\n"), text("Text after junk.")...), nil, "Text after junk."},
		{"trailing junk", append(text("Text before junk."), bytes.Repeat([]byte{0}, 3000)...), nil, "Text before junk."},
		{"version 2.0", bytes.Replace(text("A newer file."), []byte("%PDF-1.4"), []byte("%PDF-2.0"), 1), nil, "A newer file."},
		{"a box from the far corner", box("[595 842 0 0]", "Within it."), nil, "Within it."},
		{"a box below nothing", box("[-300 -100 295 742]", "Within it."), nil, "Within it."},
		{"a box of nothing", box("[0 0 0 0]", "Within it."), nil, "Within it."},
		{"a box without end", box("[0 0 1e30 1e30]", "Within it."), nil, "Within it."},
		{"a box of words", box("[(a) null /b 3 0 R]", "Within it."), nil, "Within it."},
		{"a font without widths", fonts("<< /Type /Font /Subtype /TrueType /BaseFont /Nowhere /FirstChar 32 /LastChar 255 >>", "BT /F1 12 Tf 72 700 Td (Letters of no width.) Tj ET"), nil, "Letters of no width."},
		{"a font with one width", fonts("<< /Type /Font /Subtype /TrueType /BaseFont /Nowhere /FirstChar 200 /LastChar 10 /Widths [500] >>", "BT /F1 12 Tf 72 700 Td (width.) Tj ET"), nil, "wi"},
		{"letters that mean themselves in a circle", fonts("<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>", "BT /F1 12 Tf 72 700 Td (Plain.) Tj ET",
			"<< /Length 9 /UseCMap 6 0 R >>\nstream\nusecmap  \nendstream"), nil, "Plain."},
		{"letters that mean all others", fonts("<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>", "BT /F1 12 Tf 72 700 Td (Plain.) Tj ET",
			stream("1 begincodespacerange <00> <FF> endcodespacerange 3 beginbfrange <00> <FFFFFFFF> <0000> <20> <7E> <0020> <80000000> <00000001> [ <0041> ] endbfrange")), nil, "Plain."},
		{"three encodings on a page", build(catalog, onePage, strings.Replace(page, "/F1 5 0 R", "/F1 5 0 R /F2 6 0 R /F3 7 0 R", 1),
			stream("BT 14 TL 72 700 Td /F1 12 Tf (caf\xe9 one) Tj T* /F2 12 Tf (caf\x8e two) Tj T* /F3 12 Tf (caf\x01 three) Tj ET"), times,
			"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /MacRomanEncoding >>",
			"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding << /Type /Encoding /Differences [1 /eacute] >> >>"), nil, "café one café two café three"},
		{"a stream of zeros a thousand times its size", build(catalog, onePage, page, zeros, times), readerr.ErrNoText, ""},
		{"a font whose letters are pages", fonts("3 0 R", "BT /F1 12 Tf 72 700 Td (Plain.) Tj ET"), nil, ""},
		{"wrong cross references", bytes.Replace(text("Found by scanning."), []byte("startxref\n"), []byte("startxref\n9"), 1), nil, "Found by scanning."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if pdf.OnlyEngine && c.name == "opens without a password" {
				t.Skip("the second engine knows no 256-bit keys")
			}
			if pdf.OnlyEngine && slices.Contains(pdfiumOpens, c.name) {
				c.err, c.says = readerr.ErrCorrupt, "damaged"
			}
			d, err := pdf.Read(t.Context(), bytes.NewReader(c.data), int64(len(c.data)), "book.pdf", opts(t))
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err != nil {
				if !strings.HasPrefix(err.Error(), "read book.pdf: ") || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %q, want read book.pdf: … %s …", err, c.says)
				}
				t.Log(err)
				return
			}
			readtest.Check(t, d)
			if !strings.Contains(d.Text+strings.Join(d.Warnings, "\n"), c.says) {
				t.Errorf("text %q, warnings %q: want %q in them", d.Text, d.Warnings, c.says)
			}
		})
	}
}
