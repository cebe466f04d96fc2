package pdf_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readtest"
)

// opts shares one compilation of PDFium between the tests of one machine.
func opts(t testing.TB) pdf.Options {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		return pdf.Options{CacheDir: t.TempDir()}
	}
	return pdf.Options{CacheDir: filepath.Join(dir, "seedbed-test")}
}

func read(t testing.TB, path string) *extract.Document {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), filepath.Base(path), opts(t))
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	return d
}

const paper = "../../../examples/paper.pdf"

// The goldens of a paper in two columns, of a web page printed by a browser,
// and of notes in chapters whose metadata is of no use.
func TestGolden(t *testing.T) {
	for name, path := range map[string]string{
		"paper":   paper,
		"handout": "testdata/handout.pdf",
		"notes":   "testdata/notes.pdf",
	} {
		t.Run(name, func(t *testing.T) {
			d := read(t, path)
			if pdf.OnlyEngine && name != "handout" {
				t.Skip("the second engine orders and joins less well")
			}
			readtest.Golden(t, name+".golden", readtest.Outline(d))
			readtest.Golden(t, name+".txt", d.Text)
		})
	}
}

// Boxes lie on their page, and every page is accounted for.
func TestPagesAndBoxes(t *testing.T) {
	d := read(t, paper)
	if len(d.Pages) != 3 {
		t.Fatalf("%d pages reported, want 3", len(d.Pages))
	}
	for i, p := range d.Pages {
		if p.Page != i+1 || (p.Engine == "pdfium") == pdf.OnlyEngine || p.Verdict != "clean" || p.Words < 100 {
			t.Errorf("page report %+v", p)
		}
	}
	for i, b := range d.Blocks {
		if b.Page < 1 || b.Page > 3 || len(b.Boxes) == 0 {
			t.Errorf("block %d: page %d, %d boxes", i, b.Page, len(b.Boxes))
		}
		for _, x := range b.Boxes {
			if x.X0 < 0 || x.Y0 < 0 || x.X1 > 596 || x.Y1 > 842 || x.X0 >= x.X1 || x.Y0 >= x.Y1 {
				t.Errorf("block %d (%.30q): box %v is not on an A4 page", i, b.Text, x)
			}
		}
	}
}

func TestPageLabels(t *testing.T) {
	if pdf.OnlyEngine {
		t.Skip("the second engine reads no labels")
	}
	d := read(t, "testdata/notes.pdf")
	var got []string
	for _, p := range d.Pages {
		got = append(got, p.Label)
	}
	if want := []string{"i", "i", "ii", "1", "2", "3"}; !slices.Equal(got, want) {
		t.Errorf("labels %q, want %q", got, want)
	}
}

func TestHyphens(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"We speak of evaporation when water turns to vapour. The evapo-", "ration of a lake cools it, and so does every other one here."}, "The evaporation of"},
		{[]string{"The half-life of a fact is a time. It is long or short, and a half-", "life that is long is a good one to have in a memory as in life."}, "a half-life that"},
		{[]string{"Every field has names of its own, and so has the theory of Navier-", "Stokes equations, which keep their hyphen wherever a line ends."}, "of Navier-Stokes equations"},
		{[]string{"A word that is broken once and occurs nowhere else, such as rhodo-", "dendron, is joined, since its pieces are no words of their own."}, "as rhododendron, is"},
	} {
		data := text(c.lines...)
		d, err := pdf.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "x.pdf", opts(t))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(d.Text, c.want) {
			t.Errorf("read %q, want %q in it", d.Text, c.want)
		}
	}
}

// BenchmarkPages reads a book of 200 pages; BenchmarkRead a paper of three,
// most of which is starting PDFium.
func BenchmarkPages(b *testing.B) { benchmark(b, book(200)) }
func BenchmarkRead(b *testing.B)  { benchmark(b, file(b, paper)) }

func benchmark(b *testing.B, data []byte) {
	o := opts(b)
	pages := 0
	for b.Loop() {
		d, err := pdf.Read(b.Context(), bytes.NewReader(data), int64(len(data)), "book.pdf", o)
		if err != nil {
			b.Fatal(err)
		}
		pages += len(d.Pages)
	}
	b.ReportMetric(float64(pages)/b.Elapsed().Seconds(), "pages/s")
}
