package rst_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/rst"
)

func Example() {
	src := "Tides\n=====\n\nThe *sea* rises ``twice``::\n\n    rise()\n\n- moon\n- sun\n"
	d, err := rst.Read(context.Background(), strings.NewReader(src), "tides.rst")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Text)
	}
	// Output:
	// heading Tides
	// paragraph The sea rises twice:
	// code rise()
	// item - moon
	// item - sun
}

func TestGolden(t *testing.T) {
	f, err := os.Open("testdata/tides.rst")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d, err := rst.Read(t.Context(), f, "tides.rst")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	readtest.Golden(t, "tides.golden", readtest.Outline(d))
}

func TestBadInput(t *testing.T) {
	for src, want := range map[string]error{"": readerr.ErrEmpty, ".. only a comment\n": readerr.ErrNoText} {
		if _, err := rst.Read(t.Context(), strings.NewReader(src), "x.rst"); !errors.Is(err, want) {
			t.Errorf("Read(%q): error %v, want %v", src, err, want)
		}
	}
}

// Sources that a careless reader never finishes.
func TestHostile(t *testing.T) {
	const n = 1 << 16
	var steps strings.Builder
	for i := range 500 {
		steps.WriteString(strings.Repeat(" ", i) + "- a\n")
	}
	for name, src := range map[string]string{
		"quotes": strings.Repeat("`", n), "stars": strings.Repeat("*a", n/2), "bars": strings.Repeat("|a", n/2), "bullets": strings.Repeat("- ", n/2) + "x", "steps": steps.String(),
		"lines": strings.Repeat("==\n", n/3), "grid": strings.Repeat("+-+\n", n/4), "simple": strings.Repeat("== ==\n", n/6), "notes": strings.Repeat(".. [1] a\n", n/9),
		"directives": strings.Repeat(".. note::\n", n/10), "numbers": strings.Repeat("1. ", n/3) + "x", "definitions": strings.Repeat("a\n b\n", n/5), "colons": strings.Repeat("a::\n", n/4), "nulls": "a\x00b ``c``",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := rst.Read(t.Context(), strings.NewReader(src), "x.rst")
			if err == nil {
				readtest.Check(t, d)
			} else if !errors.Is(err, readerr.ErrNoText) && !errors.Is(err, readerr.ErrUnsupported) {
				t.Fatal(err)
			}
		})
	}
}
