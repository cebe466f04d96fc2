package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The archive in the repository holds what the folder holds.
func TestArchiveAgreesWithFolder(t *testing.T) {
	fresh, err := pack(os.DirFS(".."), "stack")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../stack.zip")
	if err != nil {
		t.Fatal(err)
	}
	// Contents and not bytes: another version of Go may pack differently.
	if diff := cmp.Diff(contents(t, fresh), contents(t, kept)); diff != "" {
		t.Errorf("stack.zip differs from stack/, run go run ./examples/pack (-folder +archive):\n%s", diff)
	}
}

func contents(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(text)
	}
	return out
}

func TestSameArchiveTwice(t *testing.T) {
	a, err := pack(os.DirFS(".."), "stack")
	if err != nil {
		t.Fatal(err)
	}
	b, err := pack(os.DirFS(".."), "stack")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("packing the same folder twice gives different archives")
	}
}
