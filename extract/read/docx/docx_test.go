package docx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/docx"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	f, err := os.Open("testdata/memo.docx")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := docx.Read(context.Background(), f, info.Size(), "memo.docx")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Text)
	}
	// Output:
	// heading Memo
	// paragraph Bread rises with $2^n$ yeast cells.
	// item - knead
	// item - rest
}

func read(t *testing.T, src string) (*extract.Document, error) {
	t.Helper()
	data := readtest.Pack(t, src)
	return docx.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "x.docx")
}

func TestGolden(t *testing.T) {
	src, err := os.ReadFile("testdata/report.txtar")
	if err != nil {
		t.Fatal(err)
	}
	d, err := read(t, string(src))
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	readtest.Golden(t, "report.golden", readtest.Outline(d))
}

const (
	open = "-- word/document.xml --\n" + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`
	shut = `</w:body></w:document>`
)

func TestBadInput(t *testing.T) {
	words := `<w:p><w:r><w:t>Words.</w:t></w:r></w:p>`
	for name, c := range map[string]struct {
		src  string
		want error
	}{
		"no document":     {"-- word/other.xml --\n<x/>", readerr.ErrCorrupt},
		"no text":         {open + "<w:p/>" + shut, readerr.ErrNoText},
		"cut off":         {open + words, readerr.ErrCorrupt},
		"foreign entity":  {"-- word/document.xml --\n<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" + strings.TrimPrefix(open, "-- word/document.xml --\n") + `<w:p><w:r><w:t>&x;</w:t></w:r></w:p>` + shut, readerr.ErrCorrupt},
		"own entities":    {"-- word/document.xml --\n<!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>" + strings.TrimPrefix(open, "-- word/document.xml --\n") + `<w:p><w:r><w:t>&b;</w:t></w:r></w:p>` + shut, readerr.ErrCorrupt},
		"deep":            {open + strings.Repeat("<w:tbl><w:tr><w:tc>", 200) + words + strings.Repeat("</w:tc></w:tr></w:tbl>", 200) + shut, readerr.ErrTooLarge},
		"many elements":   {open + "<w:p>" + strings.Repeat("<w:r/>", 600_000) + "</w:p>" + shut, readerr.ErrTooLarge},
		"styles in a row": {"-- word/styles.xml --\n<w:styles xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:style w:styleId=\"A\"><w:basedOn w:val=\"B\"/></w:style><w:style w:styleId=\"B\"><w:basedOn w:val=\"A\"/></w:style></w:styles>\n" + open + words + shut, nil},
		"broken styles":   {"-- word/styles.xml --\n<w:styles\n" + open + words + shut, nil},
		"missing note":    {open + `<w:p><w:r><w:t>Words.</w:t><w:footnoteReference w:id="7"/></w:r></w:p>` + shut, nil},
		"wide cell":       {open + `<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>` + words + `</w:tc><w:tc>` + words + `</w:tc></w:tr></w:tbl>` + shut, nil},
		"strange numbers": {open + `<w:p><w:pPr><w:outlineLvl w:val="-3"/><w:numPr><w:ilvl w:val="99999"/><w:numId w:val="x"/></w:numPr></w:pPr><w:r><w:t>Words.</w:t></w:r></w:p>` + shut, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := read(t, c.src)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil {
				if !strings.Contains(err.Error(), "x.docx") {
					t.Errorf("error %q does not name the file", err)
				}
				return
			}
			readtest.Check(t, d)
			if !strings.Contains(d.Text, "Words.") {
				t.Errorf("text %q", d.Text)
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	data := readtest.Pack(t, open+"<w:p/>"+shut)
	for _, n := range []int{10, len(data) / 2, len(data) - 5} {
		if _, err := docx.Read(t.Context(), bytes.NewReader(data[:n]), int64(n), "cut.docx"); !errors.Is(err, readerr.ErrCorrupt) {
			t.Errorf("first %d of %d bytes: error %v, want %v", n, len(data), err, readerr.ErrCorrupt)
		}
	}
}

// Programs that turn web pages into Word documents put the page in whole.
func TestChunks(t *testing.T) {
	const page = "<html><body><h2>Yeast</h2><p>It rises.</p></body></html>"
	parts := "-- word/_rels/document.xml.rels --\n" + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="a" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk" Target="a.html"/>` +
		`<Relationship Id="b" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk" Target="b.mht"/>` +
		`<Relationship Id="c" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk" Target="c.rtf"/>` +
		"</Relationships>\n-- word/a.html --\n" + page + "\n-- word/c.rtf --\n{}\n" +
		"-- word/b.mht --\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=\"x\"\n\n--x\nContent-Type: text/html\n\n" + strings.ReplaceAll(page, "Yeast", "Salt") + "\n--x--\n"
	chunk := func(id string) string {
		return `<w:altChunk r:id="` + id + `" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/>`
	}
	words := `<w:p><w:r><w:t>Words.</w:t></w:r></w:p>`
	d, err := read(t, parts+open+words+chunk("a")+words+chunk("b")+chunk("c")+chunk("none")+words+shut)
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	want := []string{"Words.", "Yeast", "It rises.", "Words.", "Salt", "It rises.", "Words."}
	var got []string
	for _, b := range d.Blocks {
		got = append(got, b.Text)
	}
	if !slices.Equal(got, want) || d.Blocks[1].Kind != extract.Heading {
		t.Errorf("blocks %q, the second a %s; want %q with headings", got, d.Blocks[1].Kind, want)
	}
	if len(d.Warnings) != 2 {
		t.Errorf("warnings %q; want one for each document that cannot be read", d.Warnings)
	}
}
