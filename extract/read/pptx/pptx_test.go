package pptx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/pptx"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	f, err := os.Open("testdata/memo.pptx")
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
	d, err := pptx.Read(context.Background(), f, info.Size(), "memo.pptx")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Page, b.Kind, b.Text)
	}
	// Output:
	// 1 heading Bread
	// 1 item - knead
	// 1 item - rest
	// 2 heading Cake
	// 2 paragraph Stir.
}

func read(t *testing.T, src string) (*extract.Document, error) {
	t.Helper()
	data := readtest.Pack(t, src)
	return pptx.Read(t.Context(), bytes.NewReader(data), int64(len(data)), "x.pptx")
}

const (
	names = `xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	deck  = `-- ppt/presentation.xml --
<p:presentation ` + names + `><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/></p:sldIdLst></p:presentation>
-- ppt/_rels/presentation.xml.rels --
<R><R Id="r1" Type="x/slide" Target="slides/slide1.xml"/><R Id="r2" Type="x/slide" Target="slides/slide2.xml"/></R>
-- ppt/slides/slide1.xml --
<p:sld ` + names + `><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>Shown last.</a:t></a:r></a:p></p:txBody></p:sp>
<p:sp><p:nvSpPr><p:nvPr><p:ph type="sldNum"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>
-- ppt/slides/_rels/slide2.xml.rels --
<R><R Id="n" Type="x/notesSlide" Target="../notesSlides/n.xml"/></R>
-- ppt/notesSlides/n.xml --
<p:notes ` + names + `><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph type="body"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Say this.</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:notes>
-- ppt/slides/slide2.xml --
<p:sld ` + names + `><p:cSld><p:spTree>
<p:sp><p:nvSpPr><p:nvPr><p:ph idx="1"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>One</a:t></a:r></a:p><a:p><a:pPr lvl="1"><a:buAutoNum/></a:pPr><a:r><a:t>Two</a:t></a:r><a:br/><a:r><a:t>lines</a:t></a:r></a:p></p:txBody></p:sp>
<p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>The title</a:t></a:r></a:p></p:txBody></p:sp>
<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>A</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>B</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>
</p:spTree></p:cSld></p:sld>
`
)

func TestGolden(t *testing.T) {
	d, err := read(t, deck)
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	readtest.Golden(t, "deck.golden", readtest.Outline(d))
}

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want error
	}{
		"no presentation": {"-- x.xml --\n<x/>", readerr.ErrCorrupt},
		"no slides":       {"-- ppt/presentation.xml --\n<p:presentation " + names + "/>", readerr.ErrNoText},
		"broken slide":    {strings.Replace(deck, "<p:cSld>", "<p:cSld><", 1), nil},
		"missing slide":   {strings.Replace(deck, "slides/slide2.xml", "slides/none.xml", 1), nil},
	} {
		d, err := read(t, c.src)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if err == nil {
			readtest.Check(t, d)
		}
	}
}
