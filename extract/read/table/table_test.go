package table_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/table"
)

func Example() {
	d, err := table.Read(context.Background(), strings.NewReader("port;height\nBrest;6 m\nDover;5 m\n"), "tides.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Rows, b.Lines)
		fmt.Println(b.Text)
	}
	// Output:
	// table [[port height] [Brest 6 m] [Dover 5 m]] [2 3]
	// | port | height |
	// | --- | --- |
	// | Brest | 6 m |
	// | Dover | 5 m |
}

func TestRead(t *testing.T) {
	long := strings.Repeat("long text ", 100)
	for _, c := range []struct{ name, src, want string }{
		{"x.tsv", "a\tb\n1\t2,3\n", "| a | b |\n| --- | --- |\n| 1 | 2,3 |"},
		{"x.csv", "a,b\n\"1\n2\",\"x,y|\"\n", "| a | b |\n| --- | --- |\n| 1 2 | x,y\\| |"},
		{"x.csv", "a,b\n1\n2,3,4\n", "| a | b |\n| --- | --- | --- |\n| 1 |\n| 2 | 3 | 4 |"},
		{"x.csv", "only\n", "| only |\n| --- |"},
		{"x.jsonl", "{\"q\":\"one\",\"n\":1}\n{\"n\":[2, 3],\"z\":null}\n", "| q | n |\n| --- | --- | --- |\n| one | 1 |\n|  | [2,3] |  |"},
		{"x.json", `{"meta":{"v":1},"items":[{"a":"b"}]}`, "| a |\n| --- |\n| b |"},
		{"x.json", `{"a":1}`, "{\n  \"a\": 1\n}"},
		{"x.jsonl", "{\"a\":\"" + long + "\",\"b\":\"x\"}\n", "a: " + strings.TrimSpace(long) + "\nb: x"},
		{"x.jsonl", "{\"a\":\"b\"}\n{broken\n", "| a |\n| --- |\n| b |"},
	} {
		d, err := table.Read(t.Context(), strings.NewReader(c.src), c.name)
		if err != nil {
			t.Errorf("Read(%q): %v", c.src, err)
			continue
		}
		readtest.Check(t, d)
		want := strings.Replace(c.want, "| q | n |\n", "| q | n | z |\n", 1)
		if d.Text != want {
			t.Errorf("Read(%.80q) = %q, want %q", c.src, d.Text, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	d, err := table.Read(t.Context(), strings.NewReader("n,m\n"+strings.Repeat("1,2\n", 120)), "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if len(d.Blocks) != 3 || d.Blocks[2].Lines != [2]int{102, 121} || d.Blocks[2].Rows[0][0] != "n" {
		t.Errorf("%d blocks, the last one at %v: %v", len(d.Blocks), d.Blocks[len(d.Blocks)-1].Lines, d.Blocks[len(d.Blocks)-1].Rows)
	}
}

func TestHuge(t *testing.T) {
	for name, src := range map[string]string{"x.csv": "n,m\n" + strings.Repeat("1,2\n", 100_001), "x.jsonl": strings.Repeat("{\"n\":1}\n", 100_001)} {
		d, err := table.Read(t.Context(), strings.NewReader(src), name)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Warnings) != 1 || len(d.Blocks) != 2000 {
			t.Errorf("%s: %d blocks, warnings %q", name, len(d.Blocks), d.Warnings)
		}
	}
}

func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      error
	}{
		{"x.csv", "", readerr.ErrEmpty},
		{"x.csv", ",,\n,,\n", readerr.ErrNoText},
		{"x.csv", strings.Repeat(",", 2000) + "x\n", readerr.ErrNoText},
		{"x.json", "{", readerr.ErrCorrupt},
		{"x.json", strings.Repeat("[", 100_000), readerr.ErrCorrupt},
	} {
		if _, err := table.Read(t.Context(), strings.NewReader(c.src), c.name); !errors.Is(err, c.want) {
			t.Errorf("Read(%.40q): error %v, want %v", c.src, err, c.want)
		}
	}
}
