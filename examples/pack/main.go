// Command pack writes examples/stack.zip from examples/stack. Run it in the
// module's root: go run ./examples/pack
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"time"
)

func main() {
	data, err := pack(os.DirFS("examples"), "stack")
	if err == nil {
		err = os.WriteFile("examples/stack.zip", data, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack zips a folder: names in order and one date, so that the same files give
// the same archive.
func pack(fsys fs.FS, dir string) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	err := fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	return out.Bytes(), nil
}
