package pdf_test

import (
	"bytes"
	"os"
	"path/filepath"
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
			readtest.Golden(t, name+".golden", readtest.Outline(d))
			readtest.Golden(t, name+".txt", d.Text)
		})
	}
}
