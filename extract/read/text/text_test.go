package text_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/text"
)

func Example() {
	d, err := text.Read(context.Background(), strings.NewReader("CHAPTER I.\nThe Hole\n\nShe fell. And\nfell.\n"), "fall.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range d.Sections() {
		fmt.Printf("%q: %q\n", s.Path, s.Blocks[1].Text)
	}
	// Output: ["CHAPTER I. The Hole"]: "She fell. And\nfell."
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"gutenberg", "manual"} {
		src, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		d, err := text.Read(t.Context(), strings.NewReader(string(src)), name+".txt")
		if err != nil {
			t.Fatal(err)
		}
		readtest.Check(t, d)
		readtest.Same(t, string(src), readtest.Blocks(d))
		readtest.Golden(t, name+".golden", readtest.Outline(d))
	}
}

func TestHeadings(t *testing.T) {
	type heading struct {
		Level int
		Title string
	}
	for _, c := range []struct {
		src  string
		want []heading
	}{
		{"Chapter 3\n\ntext", []heading{{1, "Chapter 3"}}},
		{"Chapter 3: Trees\n\ntext", []heading{{1, "Chapter 3: Trees"}}},
		{"CHAPTER XII.\nThe End of It\n\ntext", []heading{{1, "CHAPTER XII. The End of It"}}},
		{"Chapter 3 shows that trees are graphs.\n\ntext", nil},
		{"Part of the work was done.\n\ntext", nil},
		{"Section A. long talk of things. And another sentence, to be sure of it.\n\ntext", nil},
		{"Trees\n=====\n\nLeaves\n------\ntext", []heading{{1, "Trees"}, {2, "Leaves"}}},
		{"=====\nTrees\n=====\n\ntext", []heading{{1, "Trees"}}},
		{"Trees\n==\ntext", nil},
		{"a -- b\n\nName   Age\n----   ---\nAda    36\n", nil},
		{"2.1 Graphs\n\ntext", []heading{{2, "2.1 Graphs"}}},
		{"2.5 Litres of water are poured, and then some more is added to it.\n\ntext", nil},
		{"1. Graphs\n\ntext", nil},
		{"text\n\nExercises\n\n1. Do it.", []heading{{1, "Exercises"}}},
		{"text\n\nexercises\n\n1. Do it.", nil},
		{"text\n\n\nTHE LONG ROAD\n\ntext", []heading{{2, "THE LONG ROAD"}}},
		{"text\n\nSTOP\n\ntext", nil},
		{"# One\n\ntext\n\n## Two\n\ntext", []heading{{1, "One"}, {2, "Two"}}},
	} {
		var got []heading
		for _, b := range text.Parse(c.src).Blocks {
			if b.Kind == extract.Heading {
				got = append(got, heading{b.Level, b.Title})
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Parse(%q): headings (-want +got):\n%s", c.src, diff)
		}
	}
}

func TestItems(t *testing.T) {
	d := text.Parse("Do:\n\n1. This\n   and so.\n2. That\n  a) first\n  b) second\n10. Last\n\n- only one\nline\n")
	var got []string
	for _, b := range d.Blocks {
		got = append(got, fmt.Sprintf("%s %d %s", b.Kind, b.Level, b.Text))
	}
	want := []string{
		"paragraph 0 Do:", "item 1 1. This\n   and so.", "item 1 2. That", "item 2   a) first", "item 2   b) second",
		"item 1 10. Last", "item 1 - only one\nline",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestNothingLost(t *testing.T) {
	pieces := []string{
		"\n", "\n\n", "\n\n\n", "Chapter 1", "====", "-----", "- ", "1. ", "  a) ", "PREFACE", "Words in a row", "words", ". ",
		"*** START OF THE PROJECT GUTENBERG EBOOK X ***\n", "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n", "2.1 ", "\t", "\f", "\u3000",
		"é", "日本", "\u0085", "\u2028", "Title: x\n", "\r", ",", "#", "# ",
	}
	for seed := range 20000 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		var s strings.Builder
		for range r.IntN(40) {
			s.WriteString(pieces[r.IntN(len(pieces))])
		}
		src := s.String()
		d := text.Parse(src)
		if err := d.Check(); err != nil {
			t.Fatalf("Parse(%q): %v", src, err)
		}
		readtest.Same(t, src, readtest.Blocks(d))
	}
}

func TestEncodings(t *testing.T) {
	const german = "Fünf süße Bäume für die Größe. Die Straße führt über die Brücke zu den schönen Häusern am Fluss.\n\nÜbung macht müde."
	utf16 := func(le bool, mark bool) string {
		var b []byte
		put := func(r rune) {
			if le {
				b = append(b, byte(r), byte(r>>8))
			} else {
				b = append(b, byte(r>>8), byte(r))
			}
		}
		if mark {
			put(0xFEFF)
		}
		for _, r := range german {
			put(r)
		}
		return string(b)
	}
	var latin1 []byte
	for _, r := range german {
		latin1 = append(latin1, byte(r))
	}
	for name, src := range map[string]string{
		"UTF-8": german, "UTF-8 with mark": "\uFEFF" + german, "CRLF": strings.ReplaceAll(german, "\n", "\r\n"), "CR": strings.ReplaceAll(german, "\n", "\r"),
		"UTF-16 LE with mark": utf16(true, true), "UTF-16 BE with mark": utf16(false, true), "UTF-16 LE": utf16(true, false), "UTF-16 BE": utf16(false, false),
		"Latin-1": string(latin1),
	} {
		d, err := text.Read(t.Context(), strings.NewReader(src), "x.txt")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.Text != german {
			t.Errorf("%s: text %q, want %q (warnings %q)", name, d.Text, german, d.Warnings)
		}
	}
}

func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      error
	}{
		{"empty", "", readerr.ErrEmpty},
		{"white space", " \n\t\n", readerr.ErrEmpty},
		{"mark only", "\uFEFF", readerr.ErrEmpty},
		{"zero bytes", strings.Repeat("\x00", 100), readerr.ErrUnsupported},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00\x00\x00rest of it", readerr.ErrUnsupported},
	} {
		_, err := text.Read(t.Context(), strings.NewReader(c.src), c.name)
		if !errors.Is(err, c.want) {
			t.Errorf("Read(%s): error %v, want %v", c.name, err, c.want)
		}
	}
	src := "Good text \xff\xfe and ünïcödé çhàrs ünïcödé çhàrs ünïcödé çhàrs ünïcödé çhàrs ünïcödé çhàrs ünïcödé çhàrs\n"
	d, err := text.Read(t.Context(), strings.NewReader(src), "x.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Text, "text \uFFFD and ünï") || len(d.Warnings) != 1 {
		t.Errorf("Read: %q with warnings %q, want one U+FFFD and one warning", d.Text, d.Warnings)
	}
}

func TestOneLongLine(t *testing.T) {
	src := strings.Repeat("word [after](word) *of* one `line` ", 3<<20)
	d := text.Parse(src)
	if len(d.Blocks) != 1 || d.Blocks[0].Kind != extract.Paragraph {
		t.Fatalf("%d blocks, want one paragraph", len(d.Blocks))
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
}
