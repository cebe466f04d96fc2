package read_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"seedbed/extract/read"
)

func Example() {
	dir, err := os.MkdirTemp("", "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "notes.md")
	if err := os.WriteFile(path, []byte("# Trees\n\nA tree is a connected graph without cycles.\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	d, err := read.File(context.Background(), path, read.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := d.Blocks[1]
	fmt.Printf("%s: %s at %d–%d, line %d\n", d.Title, b.Kind, b.Start, b.End, b.Lines[0])
	// Output: Trees: paragraph at 9–52, line 3
}
