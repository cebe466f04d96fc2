package read_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read"
	"seedbed/extract/read/readtest"
)

func Example() {
	dir, err := os.MkdirTemp("", "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "notes.md")
	if err := os.WriteFile(path, []byte("# Trees\n\nA tree is a connected graph without cycles.\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	d, err := read.File(context.Background(), path, read.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := d.Blocks[1]
	fmt.Printf("%s: %s at %d–%d, line %d\n", d.Title, b.Kind, b.Start, b.End, b.Lines[0])
	// Output: Trees: paragraph at 9–52, line 3
}

func document(t testing.TB, data, name string) (*extract.Document, error) {
	t.Helper()
	return read.Document(t.Context(), strings.NewReader(data), int64(len(data)), name, read.Options{})
}

func zipped(t testing.TB, files ...string) string {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func gzipped(t testing.TB, data string) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

const (
	page = "<!DOCTYPE html>\n<html><head><title>T</title></head><body><h1>H</h1><p>Words.</p></body></html>"
	md   = "# Title\n\nText with `code`.\n\n## Second\n\nMore.\n"
	nb   = `{"cells": [{"cell_type": "markdown", "source": "# N"}], "metadata": {}, "nbformat": 4}`
	book = `<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>`
	opf  = `<package><metadata><title>B</title></metadata><manifest><item id="a" href="a.html" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>`
)

// saved is a page as a browser saves it with its pictures.
func saved(encoding, page string) string {
	return strings.ReplaceAll("From: <Saved by a browser>\nSubject: T\nMIME-Version: 1.0\nContent-Type: multipart/related;\n\ttype=\"text/html\";\n\tboundary=\"--x--\"\n\n"+
		"----x--\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n"+
		"----x--\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: "+encoding+"\nContent-Location: https://example.org/\n\n"+page+"\n----x----\n", "\n", "\r\n")
}

// What a file is, its content says, and its name only where content cannot.
func TestFormats(t *testing.T) {
	epub := zipped(t, "mimetype", "application/epub+zip", "META-INF/container.xml", book, "b.opf", opf, "a.html", page)
	for _, c := range []struct {
		name, data string
		first      string // kind and language of the first block
		second     string
	}{
		{"x.md", md, "heading", "paragraph"},
		{"x.txt", md, "heading", "paragraph"}, // Markdown by another name
		{"x", md, "heading", "paragraph"},
		{"x.txt", "Only words.\n\nAnd more.", "paragraph", "paragraph"},
		{"x.md", page, "heading", "paragraph"},
		{"x.txt", page, "heading", "paragraph"},
		{"x.pdf", page, "heading", "paragraph"},
		{"x.html", page, "heading", "paragraph"},
		{"x.html", "<p>Only</p><p>pieces</p>", "paragraph", "paragraph"},
		{"x.mhtml", saved("quoted-printable", strings.ReplaceAll(page, "=", "=3D")), "heading", "paragraph"},
		{"x.html", "\r\n" + saved("base64", base64.StdEncoding.EncodeToString([]byte(page))), "heading", "paragraph"},
		{"x.md", "<div>\n<b>x</b>\n</div>\n\n# Title", "other", "heading"},
		{"x.go", "package x\n\nfunc F() {}\n", "code go", "code go"},
		{"x.py", "import os\n\ndef f(): pass\n", "code python", "code python"},
		{"x.ipynb", nb, "heading", ""},
		{"x.json", nb, "heading", ""},
		{"x.epub", epub, "heading", "paragraph"},
		{"x.zip", epub, "heading", "paragraph"},
		{"x.docx", epub, "heading", "paragraph"},
		{"x.zip", zipped(t, "r/a.md", md, "r/b.md", md), "heading", "heading"},
		{"x.epub", zipped(t, "r/a.md", md, "r/b.md", md), "heading", "heading"}, // no book
		{"x.zip", zipped(t, "notes.md", md), "heading", "paragraph"},            // one document, packed
		{"notes.md.gz", gzipped(t, md), "heading", "paragraph"},
		{"x.csv", "a,b\n1,2\n", "table", ""},
		{"x.ptx", "<section><title>Title</title><p>Text.</p></section>", "heading", "paragraph"},
		{"x.rst", "Title\n=====\n\nText.\n", "heading", "paragraph"},
	} {
		d, err := document(t, c.data, c.name)
		if err != nil {
			t.Errorf("Document(%s, %.20q): %v", c.name, c.data, err)
			continue
		}
		readtest.Check(t, d)
		var got [2]string
		for i, b := range d.Blocks[:min(2, len(d.Blocks))] {
			got[i] = strings.TrimSpace(string(b.Kind) + " " + b.Lang)
		}
		if want := [2]string{c.first, c.second}; got != want {
			t.Errorf("Document(%s, %.20q): blocks %q, want %q", c.name, c.data, got, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	ole := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
	for _, c := range []struct {
		name, data string
		want       error
		says       string // part of the message
	}{
		{"x.md", "", read.ErrEmpty, "x.md"},
		{"x.md", " \n\n", read.ErrEmpty, "white space"},
		{"x.md", png, read.ErrUnsupported, "an image (image/png)"},
		{"x.txt", "ab\x00\x01\x02\x03\x00\x00cd", read.ErrUnsupported, "binary data"},
		{"x.docx", zipped(t, "[Content_Types].xml", "<x/>", "word/document.xml", "<x/>"), read.ErrNoText, "only pictures"},
		{"x.zip", zipped(t, "[Content_Types].xml", "<x/>", "xl/workbook.xml", "<x/>"), read.ErrUnsupported, "an Excel workbook"},
		{"x.odt", zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<x/>"), read.ErrNoText, "only pictures"},
		{"x.ods", zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<x/>"), read.ErrUnsupported, "an OpenDocument file"},
		{"x.mhtml", strings.ReplaceAll(saved("binary", page), "text/html;", "text/css;"), read.ErrCorrupt, "no page"},
		{"x.mhtml", saved("binary", page)[:200], read.ErrCorrupt, "save it again"},
		{"x.docx", ole + strings.Repeat("\x00", 2<<20) + "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00", read.ErrEncrypted, ""},
		{"x.doc", ole + strings.Repeat("\x00", 2<<20), read.ErrUnsupported, "an old Office document"},
		{"x.rtf", `{\rtf1\ansi text}`, read.ErrUnsupported, "RTF"},
		{"x.7z", "7z\xbc\xaf\x27\x1c\x00\x04", read.ErrUnsupported, "pack it as zip"},
		{"x.zip", zipped(t, "a.md", md, "b.md", md)[:40], read.ErrCorrupt, "cut off"},
		{"x.gz", gzipped(t, md)[:12], read.ErrCorrupt, "cut off"},
		{"x.zip", zipped(t), read.ErrNoText, "none of its files"},
		{"x.md.gz", gzipped(t, gzipped(t, md)), read.ErrUnsupported, "inside an archive"},
		{"x.html", "<html><script>1</script></html>", read.ErrNoText, "no text"},
	} {
		_, err := document(t, c.data, c.name)
		if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), c.name) {
			t.Errorf("Document(%s, %.20q): error %v, want %v that names the file and says %q", c.name, c.data, err, c.want, c.says)
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := read.File(t.Context(), filepath.Join(dir, "none.md"), read.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("File(none.md): error %v, want %v", err, os.ErrNotExist)
	}
	if _, err := read.File(t.Context(), dir, read.Options{}); !errors.Is(err, read.ErrNoText) {
		t.Errorf("File(empty folder): error %v, want %v", err, read.ErrNoText)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte(md), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := read.File(t.Context(), dir, read.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != extract.Repository || d.Blocks[0].Title != "a.md" {
		t.Errorf("File(folder): kind %s, first block %+v", d.Kind, d.Blocks[0])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := read.File(ctx, dir, read.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("File with a cancelled context: error %v", err)
	}
}

func TestExamples(t *testing.T) {
	chapter, err := read.File(t.Context(), "../../examples/chapter.md", read.Options{})
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, chapter)
	src, err := os.ReadFile("../../examples/chapter.md")
	if err != nil {
		t.Fatal(err)
	}
	if chapter.Text != string(src) {
		t.Error("the chapter's text is not the file's")
	}
	packed, err := read.File(t.Context(), "../../examples/stack.zip", read.Options{})
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, packed)
	folder, err := read.File(t.Context(), "../../examples/stack", read.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(packed, folder); diff != "" {
		t.Errorf("stack.zip and stack/ differ (-zip +folder):\n%s", diff)
	}
	var undocumented []string
	for _, b := range packed.Blocks {
		if s := b.Symbol; s != nil && !strings.HasSuffix(b.File, "_test.go") && s.Doc == "" && s.Name != "main" {
			undocumented = append(undocumented, s.Name)
		}
	}
	if undocumented != nil {
		t.Errorf("symbols without documentation: %q", undocumented)
	}
}

// hostile are inputs that make careless readers slow: each is a quarter of
// a megabyte.
var hostile = map[string]string{
	"quotes":      strings.Repeat(">", 1<<18),
	"lists":       strings.Repeat("- ", 1<<17),
	"numbers":     strings.Repeat("1. ", 1<<18/3),
	"deep list":   deepList(700),
	"brackets":    strings.Repeat("[", 1<<18),
	"stars":       strings.Repeat("*a_", 1<<18/3),
	"backticks":   strings.Repeat("`a``", 1<<16),
	"formulas":    strings.Repeat("$$\n", 1<<18/3),
	"begins":      strings.Repeat("\\begin{align}\n", 1<<18/14),
	"definitions": strings.Repeat("[a]: b\n", 1<<18/7),
	"open refs":   strings.Repeat("[a]: <b\n", 1<<18/8),
	"pipes":       strings.Repeat("|", 1<<18),
	"wide table":  strings.Repeat("a|", 1<<15) + "\n" + strings.Repeat("-|", 1<<15) + "\n" + strings.Repeat("b|", 1<<15),
	"tall table":  "|a|b|\n|-|-|\n" + strings.Repeat("|1|2|\n", 1<<18/6),
	"comments":    strings.Repeat("<!-- ", 1<<18/5),
	"tags":        strings.Repeat("<a ", 1<<18/3),
	"fences":      strings.Repeat("```\n", 1<<16),
	"headings":    strings.Repeat("# *a* [b](c)\n", 1<<18/13),
	"one heading": "# " + strings.Repeat("*a", 1<<17),
	"footnotes":   strings.Repeat("[^1]: a\n", 1<<15),
	"one line":    strings.Repeat("word ", 1<<18/5),
	"line feeds":  strings.Repeat("\n", 1<<18) + "x",
	"quoted list": strings.Repeat("> - a\n", 1<<18/6),
	"lazy":        "> a\n" + strings.Repeat("b\n", 1<<17),
	"front":       "---\n" + strings.Repeat("a: b\n", 1<<18/5),
	"brackets py": strings.Repeat("(", 1<<18),
	"strings py":  strings.Repeat("'''", 1<<18/3),
	"defs py":     strings.Repeat("def f():\n", 1<<18/9),
	"classes py":  strings.Repeat("class A:\n", 1<<18/9),
	"deep html":   strings.Repeat("<div>", 1<<18/5),
	"spans html":  strings.Repeat("<b>a", 1<<16),
	"tables html": strings.Repeat("<table><tr><td>", 1<<18/15),
	"cells html":  "<table><tr>" + strings.Repeat("<td colspan=99999 rowspan=99999>a", 1<<18/33),
	"lists html":  strings.Repeat("<ul><li>a", 1<<18/9),
	"maths html":  strings.Repeat("<math><mi>a", 1<<18/11),
	"dls html":    strings.Repeat("<dl><dd>a", 1<<18/9),
}

func deepList(depth int) string {
	var s strings.Builder
	for i := range depth {
		s.WriteString(strings.Repeat(" ", i) + "- a\n")
	}
	return s.String()
}

// Every hostile input is read, whole, as every kind of text; the test's own
// time limit tells whether it takes reasonable time.
func TestHostile(t *testing.T) {
	for name, data := range hostile {
		for _, ext := range []string{".md", ".txt", ".html", ".py", ".js", ".tex", ".csv"} {
			t.Run(name+ext, func(t *testing.T) {
				d, err := document(t, data, "x"+ext)
				if err != nil {
					if !errors.Is(err, read.ErrNoText) {
						t.Fatal(err)
					}
					return
				}
				if err := d.Check(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(md, "x.md")
	f.Add(page, "x.html")
	f.Add("class A:\n  def f(): pass\n", "x.py")
	f.Add(nb, "x.ipynb")
	f.Add("package x\nfunc f() {}", "x.go")
	f.Add(zipped(f, "a.md", md, "b/c.py", "def f(): pass"), "x.zip")
	f.Add(gzipped(f, md), "x.gz")
	f.Fuzz(func(t *testing.T, data, name string) {
		if strings.HasPrefix(data, "%PDF") || strings.Contains(data, "%PDF-") {
			t.Skip("read by another package")
		}
		d, err := document(t, data, name)
		if err == nil {
			err = d.Check()
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkLongLine(b *testing.B) {
	data := strings.Repeat("word [after](word) *of* one `line` ", 100<<20/35)
	b.SetBytes(int64(len(data)))
	for _, ext := range []string{".txt", ".md"} {
		b.Run(ext, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				r := io.NewSectionReader(strings.NewReader(data), 0, int64(len(data)))
				if _, err := read.Document(b.Context(), r, r.Size(), "x"+ext, read.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
