package notebook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"seedbed/extract/read/notebook"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	src := `{"cells":[{"cell_type":"markdown","source":"# Sums"},{"cell_type":"code","source":["1 + 1"]}],"metadata":{"language_info":{"name":"python"}},"nbformat":4}`
	d, err := notebook.Read(context.Background(), strings.NewReader(src), "sums.ipynb")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Lang, b.Text)
	}
	// Output:
	// heading  # Sums
	// code python 1 + 1
}

func TestGolden(t *testing.T) {
	f, err := os.Open("testdata/small.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d, err := notebook.Read(t.Context(), f, "small.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	readtest.Golden(t, "small.golden", readtest.Outline(d))
}

func TestBadInput(t *testing.T) {
	for src, want := range map[string]error{
		"": readerr.ErrEmpty, `{"cells": [`: readerr.ErrCorrupt, `{"cells": []}`: readerr.ErrNoText, `[1]`: readerr.ErrCorrupt,
	} {
		if _, err := notebook.Read(t.Context(), strings.NewReader(src), "x.ipynb"); !errors.Is(err, want) {
			t.Errorf("Read(%q): error %v, want %v", src, err, want)
		}
	}
}

// A log that goes on and on is cut, with a warning.
func TestLongOutput(t *testing.T) {
	src := `{"cells":[{"cell_type":"code","source":"train()","outputs":[{"output_type":"stream","text":"` + strings.Repeat(`loss 0.5\n`, 10_000) + `"}]}]}`
	d, err := notebook.Read(t.Context(), strings.NewReader(src), "x.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if len(d.Text) > 20_000 || len(d.Warnings) != 1 || !strings.HasSuffix(d.Text, "loss 0.5") {
		t.Errorf("Read keeps %d bytes that end with %q, and warns %q; want under 20,000, whole lines and one warning", len(d.Text), d.Text[len(d.Text)-20:], d.Warnings)
	}
}
