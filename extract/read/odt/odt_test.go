package odt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/odt"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	f, err := os.Open("testdata/memo.odt")
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
	d, err := odt.Read(context.Background(), f, info.Size(), "memo.odt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Text)
	}
	// Output:
	// heading Memo
	// paragraph Bread rises with $2^n$ yeast cells.[1]
	// footnote [1] Or so.
	// item - knead
	// item - rest
}

func read(t *testing.T, src string) (*extract.Document, error) {
	t.Helper()
	data := readtest.Pack(t, src)
	return odt.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "x.odt")
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
	open = "-- content.xml --\n" + `<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:text>`
	shut = `</office:text></office:body></office:document-content>`
)

func TestBadInput(t *testing.T) {
	words := `<text:p>Words.</text:p>`
	for name, c := range map[string]struct {
		src  string
		want error
	}{
		"no content": {"-- other.xml --\n<x/>", readerr.ErrCorrupt},
		"no text":    {open + "<text:p/>" + shut, readerr.ErrNoText},
		"cut off":    {open + words, readerr.ErrCorrupt},
		"entity":     {"-- content.xml --\n<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" + strings.TrimPrefix(open, "-- content.xml --\n") + "<text:p>&x;</text:p>" + shut, readerr.ErrCorrupt},
		"password":   {"-- META-INF/manifest.xml --\n<m:manifest xmlns:m=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>\n" + open + words + shut, readerr.ErrEncrypted},
		"deep":       {open + strings.Repeat("<text:list><text:list-item>", 150) + words + strings.Repeat("</text:list-item></text:list>", 150) + shut, readerr.ErrTooLarge},
		"repeated":   {open + `<table:table><table:table-row><table:table-cell table:number-columns-repeated="2000000000">` + words + `</table:table-cell><table:table-cell/></table:table-row></table:table>` + shut, nil},
		"spaces":     {open + `<text:p>Words.<text:s text:c="2000000000"/>x</text:p>` + shut, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := read(t, c.src)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil {
				if !strings.Contains(err.Error(), "x.odt") {
					t.Errorf("error %q does not name the file", err)
				}
				return
			}
			readtest.Check(t, d)
			if !strings.Contains(d.Text, "Words.") || len(d.Text) > 10_000 {
				t.Errorf("text of %d bytes: %.80q", len(d.Text), d.Text)
			}
		})
	}
}
