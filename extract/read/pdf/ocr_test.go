//go:build !nowasm

package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	_ "image/jpeg"
	_ "image/png"

	"seedbed/extract"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

// tesseract is the program, which CI has.
func tesseract(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("tesseract")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("tesseract is not installed (Debian: tesseract-ocr)")
	}
	if err != nil {
		t.Skip("tesseract is not installed")
	}
	return program
}

// photographed is a PDF of one A5 page, which is an image of a page of another.
func photographed(t *testing.T, path string, page, width int) []byte {
	t.Helper()
	data := file(t, path)
	picture, err := pdf.Image(t.Context(), bytes.NewReader(data), int64(len(data)), path, page, width, opts(t))
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	grey := make([]byte, 0, b.Dx()*b.Dy())
	for y := range b.Dy() {
		for x := range b.Dx() {
			r, _, _, _ := img.At(x, y).RGBA()
			grey = append(grey, byte(r>>8))
		}
	}
	return build(catalog, onePage,
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 419.5 595.3] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
		stream("419.5 0 0 595.3 0 0 cm /I Do"),
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Length %d >>\nstream\n%s\nendstream", b.Dx(), b.Dy(), len(grey), grey))
}

// A page that is only an image is read from it, and its blocks stand where the
// text is on the image. Without OCR it is no success.
func TestOCR(t *testing.T) {
	program := tesseract(t)
	data := photographed(t, "testdata/notes.pdf", 4, 1700)
	_, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "scan.pdf", opts(t))
	if !errors.Is(err, readerr.ErrNoText) || !strings.Contains(err.Error(), "needs OCR") {
		t.Errorf("without OCR: %v", err)
	}

	o := opts(t)
	o.OCR = program
	d, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "scan.pdf", o)
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if p := d.Pages[0]; p.Engine != "tesseract" || p.Verdict != "clean" || p.Note != "pdfium found no text." {
		t.Errorf("page report %+v", p)
	}
	heading := slices.IndexFunc(d.Blocks, func(b extract.Block) bool { return b.Kind == "heading" && strings.Contains(b.Text, "The two rules") })
	if heading < 0 {
		t.Fatalf("no heading among the blocks:\n%s", readtest.Outline(d))
	}
	whole := read(t, "testdata/notes.pdf")
	i := slices.IndexFunc(whole.Blocks, func(b extract.Block) bool { return strings.Contains(b.Text, "The two rules") && b.Page == 4 })
	if i < 0 {
		t.Fatalf("the original has no such heading:\n%s", readtest.Outline(whole))
	}
	want, got := whole.Blocks[i].Boxes[0], d.Blocks[heading].Boxes[0]
	if near := func(a, b float64) bool { return a-b < 6 && b-a < 6 }; !near(want.X0, got.X0) || !near(want.Y0, got.Y0) || !near(want.X1, got.X1) || !near(want.Y1, got.Y1) {
		t.Errorf("the heading stands in %v, want %v", got, want)
	}
	known := map[string]bool{}
	for w := range strings.FieldsSeq(whole.Text) {
		known[w] = true
	}
	found, all := 0, 0
	for w := range strings.FieldsSeq(d.Text) {
		all++
		if known[w] {
			found++
		}
	}
	if all < 100 || found*100 < all*90 {
		t.Errorf("%d of %d words are words of the original:\n%s", found, all, d.Text)
	}
}

// A program that fails is told of, and nothing else is lost.
func TestOCRFails(t *testing.T) {
	o := opts(t)
	o.OCR = "/nonexistent/tesseract"
	data := photographed(t, "testdata/notes.pdf", 4, 300)
	_, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "scan.pdf", o)
	if !errors.Is(err, readerr.ErrNoText) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, want that there is no text and no tesseract", err)
	}
}

func TestImage(t *testing.T) {
	data := file(t, paper)
	draw := func(page, width int) ([]byte, error) {
		return pdf.Image(t.Context(), bytes.NewReader(data), int64(len(data)), "paper.pdf", page, width, opts(t))
	}
	picture, err := draw(1, 800)
	if err != nil {
		t.Fatal(err)
	}
	img, kind, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); kind != "png" || b.Dx() < 799 || b.Dx() > 801 || b.Dy() < 1125 || b.Dy() > 1137 {
		t.Errorf("a %s of %v", kind, b)
	}
	// Where the document has a block, the page has ink.
	title := read(t, paper).Blocks[0].Boxes[0]
	scale := 800 / 595.3
	dark := 0
	for y := int(title.Y0 * scale); y < int(title.Y1*scale); y++ {
		for x := int(title.X0 * scale); x < int(title.X1*scale); x++ {
			if r, _, _, _ := img.At(x, y).RGBA(); r < 0x8000 {
				dark++
			}
		}
	}
	if dark < 500 {
		t.Errorf("only %d dark pixels in the title", dark)
	}
	if _, err := draw(4, 800); err == nil || !strings.Contains(err.Error(), "it has 3 pages") {
		t.Errorf("page 4: %v", err)
	}
	if _, err := draw(1, 1_000_000); err != nil {
		t.Errorf("very wide: %v", err)
	}
}
