package epub_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/epub"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	data := pack(txtar.Parse([]byte(small)))
	d, err := epub.Read(context.Background(), bytes.NewReader(data), int64(len(data)), "small.epub")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Title, d.Authors)
	for _, b := range d.Blocks {
		fmt.Println(b.File, b.Kind, b.Text)
	}
	// Output:
	// Small [Ada Example]
	// one.xhtml heading One
	// one.xhtml paragraph Words.
}

const small = `
-- META-INF/container.xml --
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
-- book.opf --
<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Small</dc:title><dc:creator>Ada Example</dc:creator></metadata>
<manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="one"/></spine></package>
-- one.xhtml --
<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><h1>One</h1><p>Words.</p></body></html>
`

// pack makes an EPUB of files.
func pack(a *txtar.Archive) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	put := func(name string, data []byte) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			panic(err) // memory does not fail
		}
	}
	put("mimetype", []byte("application/epub+zip"))
	for _, f := range a.Files {
		put(f.Name, f.Data)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func read(t *testing.T, a *txtar.Archive) (*extract.Document, error) {
	t.Helper()
	data := pack(a)
	return epub.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "book.epub")
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"novel", "older"} {
		a, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		d, err := read(t, a)
		if err != nil {
			t.Fatal(err)
		}
		readtest.Check(t, d)
		readtest.Golden(t, name+".golden", readtest.Outline(d))
	}
}

// change replaces old by new in one file of the small book.
func change(t *testing.T, file, old, new string) *txtar.Archive {
	t.Helper()
	a := txtar.Parse([]byte(small))
	for i, f := range a.Files {
		if f.Name == file {
			if !bytes.Contains(f.Data, []byte(old)) {
				t.Fatalf("%s has no %q", file, old)
			}
			a.Files[i].Data = bytes.ReplaceAll(f.Data, []byte(old), []byte(new))
		}
	}
	return a
}

func with(a *txtar.Archive, name, data string) *txtar.Archive {
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(data)})
	return a
}

func encryption(algorithm, uri string) string {
	return `<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="` +
		algorithm + `"/><enc:CipherData><enc:CipherReference URI="` + uri + `"/></enc:CipherData></enc:EncryptedData></encryption>`
}

func TestBadBooks(t *testing.T) {
	plain := func() *txtar.Archive { return txtar.Parse([]byte(small)) }
	for _, c := range []struct {
		name string
		book *txtar.Archive
		want error
	}{
		{"copy protection", with(plain(), "META-INF/encryption.xml", encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "one.xhtml")), readerr.ErrEncrypted},
		{"obscured font", with(plain(), "META-INF/encryption.xml", encryption("http://www.idpf.org/2008/embedding", "font.otf")), nil},
		{"no package file", change(t, "META-INF/container.xml", "book.opf", "other.opf"), nil}, // found by its ending
		{"package file is no XML", change(t, "book.opf", "<package", "{"), readerr.ErrCorrupt},
		{"version 1.1", change(t, "book.opf", `<package`, `<?xml version="1.1"?><package`), nil},
		{"no list", change(t, "book.opf", `<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>`, ""), readerr.ErrCorrupt},
		{"no chapters", change(t, "book.opf", `application/xhtml+xml`, "image/png"), readerr.ErrNoText},
		{"chapters left out", change(t, "book.opf", `one.xhtml`, "other.xhtml"), readerr.ErrCorrupt},
		{"no text", change(t, "one.xhtml", "Words.", ""), nil},
		{"nothing at all", change(t, "one.xhtml", "<h1>One</h1><p>Words.</p>", "<img src='x'/>"), readerr.ErrNoText},
	} {
		_, err := read(t, c.book)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
		if err != nil && (!strings.Contains(err.Error(), "book.epub") || strings.Contains(err.Error(), "nil")) {
			t.Errorf("%s: error %q does not name the file, or says nothing", c.name, err)
		}
	}
}

func TestNoSpine(t *testing.T) {
	d, err := read(t, change(t, "book.opf", `<itemref idref="one"/>`, ""))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Text, "Words.") || !slices.ContainsFunc(d.Warnings, func(w string) bool { return strings.Contains(w, "no reading order") }) {
		t.Errorf("text %q, warnings %q", d.Text, d.Warnings)
	}
}

func TestMissingChapter(t *testing.T) {
	d, err := read(t, change(t, "book.opf", `<spine>`, `<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/><spine><itemref idref="two"/>`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Text, "Words.") {
		t.Errorf("text %q", d.Text)
	}
}

func TestTruncated(t *testing.T) {
	data := pack(txtar.Parse([]byte(small)))
	for _, n := range []int{10, len(data) / 2, len(data) - 5} {
		if _, err := epub.Read(t.Context(), bytes.NewReader(data[:n]), int64(n), "cut.epub"); !errors.Is(err, readerr.ErrCorrupt) {
			t.Errorf("first %d of %d bytes: error %v, want %v", n, len(data), err, readerr.ErrCorrupt)
		}
	}
}
