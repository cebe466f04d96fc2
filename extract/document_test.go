package extract_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
)

func ExampleBuilder() {
	var w extract.Builder
	w.Title = "Trees"
	w.Add("", extract.Block{Kind: extract.Heading, Level: 1, Title: "Trees", Text: "# Trees"})
	w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "A tree is a connected graph without cycles."})
	doc := w.Done()
	b := doc.Blocks[1]
	fmt.Println(b.Start, b.End, doc.Slice(b.Start, b.Start+6), doc.Check())
	// Output: 9 52 A tree <nil>
}

func built(texts ...string) *extract.Document {
	var w extract.Builder
	for _, t := range texts {
		w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: t})
	}
	return w.Done()
}

func TestDocumentJSON(t *testing.T) {
	want := built("Käse – or cheese", "a", "a", "bytes \xff that are no text", "日本語の文。")
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := extract.ReadDocument(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ReadDocument(Marshal(doc)) (-want +got):\n%s", d)
	}
	for _, d := range []*extract.Document{want, got} {
		begin := uintptr(unsafe.Pointer(unsafe.StringData(d.Text)))
		for i, b := range d.Blocks {
			if at := uintptr(unsafe.Pointer(unsafe.StringData(b.Text))); at < begin || at >= begin+uintptr(len(d.Text)) {
				t.Errorf("block %d holds its text a second time", i)
			}
		}
	}
}

func TestCheckFindsWhatIsLost(t *testing.T) {
	for name, spoil := range map[string]func(*extract.Document){
		"lost between blocks": func(d *extract.Document) { d.Text = strings.Replace(d.Text, "\n\ntwo", "\nlost\ntwo", 1) },
		"lost at the end":     func(d *extract.Document) { d.Text += "\n\nlost" },
		"order":               func(d *extract.Document) { d.Blocks[0], d.Blocks[1] = d.Blocks[1], d.Blocks[0] },
		"offset":              func(d *extract.Document) { d.Blocks[1].Start++ },
		"other text":          func(d *extract.Document) { d.Blocks[1].Text = "too" },
		"not UTF-8":           func(d *extract.Document) { d.Text += "\xff" },
	} {
		d := built("one", "two", "three")
		if err := d.Check(); err != nil {
			t.Fatalf("Check of a good document: %v", err)
		}
		spoil(d)
		if err := d.Check(); err == nil {
			t.Errorf("%s: Check found nothing", name)
		}
	}
}

func TestSections(t *testing.T) {
	var w extract.Builder
	add := func(level int, text string) {
		b := extract.Block{Kind: extract.Paragraph, Text: text}
		if level > 0 {
			b = extract.Block{Kind: extract.Heading, Level: level, Title: text, Text: text}
		}
		w.Add("\n\n", b)
	}
	add(0, "before")
	add(1, "A")
	add(3, "deep")
	add(0, "text")
	add(2, "B")
	add(1, "C")
	var got []string
	for _, s := range w.Done().Sections() {
		got = append(got, fmt.Sprint(s.Level, strings.Join(s.Path, "/"), " ", len(s.Blocks)))
	}
	want := []string{"0 1", "1A 1", "3A/deep 2", "2A/B 1", "1C 1"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Sections (-want +got):\n%s", d)
	}
}
