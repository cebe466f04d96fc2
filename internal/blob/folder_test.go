package blob_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seedbed/internal/blob"
	"seedbed/internal/blob/blobtest"
)

func TestFolder(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Bench {
		d, err := blob.Folder(filepath.Join(t.TempDir(), "data", "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		return blobtest.Bench{Store: d, Alter: func(sum string, data []byte) {
			if err := os.Chmod(d.Path(sum), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(d.Path(sum), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

func TestFolderLeavesNoFileOfAnInterruptedPut(t *testing.T) {
	dir := t.TempDir()
	d, err := blob.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := d.Put(ctx, strings.NewReader("never")); err == nil {
		t.Fatal("Put with a cancelled context succeeded")
	}
	if got := files(t, dir); len(got) > 0 {
		t.Errorf("files left: %v", got)
	}
}

func TestFolderSweepsWhatAKilledWriterLeft(t *testing.T) {
	dir := t.TempDir()
	if _, err := blob.Folder(dir); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(dir, "incoming", "put-1"), filepath.Join(dir, "incoming", "put-2")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lastWeek := time.Now().Add(-7 * 24 * time.Hour)
	if err := os.Chtimes(old, lastWeek, lastWeek); err != nil {
		t.Fatal(err)
	}
	d, err := blob.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 1 || got[0] != young {
		t.Errorf("files left: %v, want only %s", got, young)
	}
	for info, err := range d.Each(t.Context()) {
		t.Errorf("Each lists %v, %v though no Put was finished", info, err)
	}
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	d, err := blob.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	sum, _, err := d.Put(t.Context(), strings.NewReader("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, filepath.Dir(d.Path(sum)), d.Path(sum)} {
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v: others can read it", name, fi.Mode())
		}
	}
	if got := d.Path("../../etc/passwd"); got != "" {
		t.Errorf("Path of a name that is no hash = %q, want none", got)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func Example() {
	dir, err := os.MkdirTemp("", "blobs")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	store, err := blob.Folder(dir)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	sum, size, err := store.Put(ctx, strings.NewReader("hello"))
	if err != nil {
		panic(err)
	}
	fmt.Println(sum[:8], size)

	r, err := store.Open(ctx, sum)
	if err != nil {
		panic(err)
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	// Output:
	// 2cf24dba 5
	// hello
}
