package repo_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/repo"
)

func Example() {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, text := range map[string]string{"pile/README.md": "# Pile\n", "pile/pile.go": "package pile\n", "pile/go.sum": "x"} {
		if w, err := z.Create(name); err == nil {
			_, _ = w.Write([]byte(text))
		}
	}
	_ = z.Close()

	d, err := repo.Zip(context.Background(), bytes.NewReader(buf.Bytes()), int64(buf.Len()), "pile.zip", repo.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range d.Sections() {
		fmt.Println(strings.Join(s.Path, " > "))
	}
	fmt.Println("left out:", d.Skipped[0].File, "–", d.Skipped[0].Reason)
	// Output:
	// README.md
	// README.md > Pile
	// pile.go
	// left out: go.sum – lock file
}

// An item is one entry of an archive made for a test.
type item struct {
	name string
	data string
	mode fs.FileMode
	link string
}

func zipOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, i := range items {
		h := &zip.FileHeader{Name: i.name, Method: zip.Deflate}
		h.SetMode(i.mode | 0o644)
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		data := i.data
		if i.mode&fs.ModeSymlink != 0 {
			data = i.link
		}
		if _, err := w.Write([]byte(data)); err != nil && !strings.HasSuffix(i.name, "/") {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	w := tar.NewWriter(gz)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Mode: 0o644, Size: int64(len(i.data)), Typeflag: tar.TypeReg}
		switch {
		case i.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, i.link, 0
		case i.mode&fs.ModeNamedPipe != 0:
			h.Typeflag, h.Size = tar.TypeFifo, 0
		case strings.HasSuffix(i.name, "/"):
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(i.data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readZip(t testing.TB, data []byte, l repo.Limits) (*extract.Document, error) {
	t.Helper()
	return repo.Zip(t.Context(), bytes.NewReader(data), int64(len(data)), "x.zip", l)
}

func readTar(t testing.TB, data []byte, l repo.Limits) (*extract.Document, error) {
	t.Helper()
	return repo.Tar(t.Context(), bytes.NewReader(data), "x.tar.gz", l)
}

// The same tree as zip, as tar.gz and as folder is the same document.
func TestGolden(t *testing.T) {
	a, err := txtar.ParseFile("testdata/mixed.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mixed")
	var items []item
	for _, f := range a.Files {
		items = append(items, item{name: "mixed/" + f.Name, data: string(f.Data)})
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fromZip, err := readZip(t, zipOf(t, items...), repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(items) // rules on what to ignore come last
	fromTar, err := readTar(t, tarOf(t, items...), repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	fromFolder, err := repo.Folder(t.Context(), dir, repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, fromZip)
	if diff := cmp.Diff(fromZip, fromTar); diff != "" {
		t.Errorf("tar.gz (-zip +tar):\n%s", diff)
	}
	// A pruned folder is not counted file by file.
	for _, d := range []*extract.Document{fromZip, fromFolder} {
		for i := range d.Skipped {
			d.Skipped[i].Reason, _, _ = strings.Cut(d.Skipped[i].Reason, " (")
		}
	}
	if diff := cmp.Diff(fromZip, fromFolder); diff != "" {
		t.Errorf("folder (-zip +folder):\n%s", diff)
	}
	readtest.Golden(t, "mixed.golden", readtest.Outline(fromFolder))
}

func skipped(d *extract.Document) map[string]string {
	out := map[string]string{}
	for _, s := range d.Skipped {
		out[s.File] = s.Reason
	}
	return out
}

func TestHostileNames(t *testing.T) {
	items := []item{
		{name: "ok.md", data: "# fine"},
		{name: "../evil.md", data: "# evil"},
		{name: "a/../../evil.md", data: "# evil"},
		{name: "/etc/evil.md", data: "# evil"},
		{name: `..\evil.md`, data: "# evil"},
		{name: `C:\evil.md`, data: "# evil"},
		{name: "link.md", mode: fs.ModeSymlink, link: "/etc/passwd"},
		{name: "ok.md", data: "# second"},
	}
	want := map[string]string{
		"../evil.md": "path leads out of the archive", "a/../../evil.md": "path leads out of the archive", `..\evil.md`: "path leads out of the archive",
		"/etc/evil.md": "absolute path", `C:\evil.md`: "absolute path",
		"link.md": "link: links are not followed", "ok.md": "a second file of the same name",
	}
	fromZip, err := readZip(t, zipOf(t, items...), repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	fromTar, err := readTar(t, tarOf(t, append(items, item{name: "pipe", mode: fs.ModeNamedPipe})...), repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*extract.Document{"zip": fromZip, "tar": fromTar} {
		w := maps.Clone(want)
		if name == "tar" {
			w["pipe"] = "not a regular file"
		}
		if diff := cmp.Diff(w, skipped(d)); diff != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", name, diff)
		}
		if strings.Contains(d.Text, "evil") || strings.Contains(d.Text, "second") {
			t.Errorf("%s: text %q", name, d.Text)
		}
	}
}

func TestFolderLinks(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.md")
	if err := os.WriteFile(outside, []byte("# secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte("# a"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b.md", ".gitignore"} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "round")); err != nil {
		t.Fatal(err)
	}
	d, err := repo.Folder(t.Context(), dir, repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(d.Text, "secret") {
		t.Errorf("a link was followed: %q", d.Text)
	}
	if got := skipped(d); got["b.md"] == "" || got["round"] == "" {
		t.Errorf("skipped %v", got)
	}
}

func TestLimits(t *testing.T) {
	many := func(n int) []item {
		var items []item
		for i := range n {
			items = append(items, item{name: fmt.Sprintf("f%03d.md", i), data: "# x\n\n" + strings.Repeat(fmt.Sprint(rand.Uint64(), "\n"), 50)})
		}
		return items
	}
	bomb := item{name: "bomb.md", data: strings.Repeat("0", 3<<20)}
	for _, c := range []struct {
		name  string
		items []item
		limit repo.Limits
		want  error
		skip  string // reason of the first skipped file
	}{
		{"entries", many(20), repo.Limits{Entries: 10}, readerr.ErrTooLarge, ""},
		{"files", many(20), repo.Limits{Files: 10}, readerr.ErrTooLarge, ""},
		{"bytes", many(20), repo.Limits{Bytes: 5000}, readerr.ErrTooLarge, ""},
		{"one file", append(many(1), item{name: "a-big.md", data: strings.Repeat("word ", 1000)}), repo.Limits{File: 2000}, nil, "larger than 1 KB"},
		{"within", many(20), repo.Limits{}, nil, ""},
	} {
		for kind, read := range map[string]func() (*extract.Document, error){
			"zip": func() (*extract.Document, error) { return readZip(t, zipOf(t, c.items...), c.limit) },
			"tar": func() (*extract.Document, error) { return readTar(t, tarOf(t, c.items...), c.limit) },
		} {
			d, err := read()
			if !errors.Is(err, c.want) {
				t.Errorf("%s, %s: error %v, want %v", c.name, kind, err, c.want)
			}
			if err == nil && c.skip != "" && (len(d.Skipped) == 0 || d.Skipped[0].Reason != c.skip) {
				t.Errorf("%s, %s: skipped %v, want %q", c.name, kind, d.Skipped, c.skip)
			}
		}
	}
	d, err := readZip(t, zipOf(t, append(many(1), bomb)...), repo.Limits{Ratio: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got := skipped(d)["bomb.md"]; got != "unpacks to more than 10 times its size" {
		t.Errorf("zip bomb: skipped because %q", got)
	}
	stream := tarOf(t, append(many(1), item{name: "big.bin", data: strings.Repeat("0", 70<<20)}, item{name: "z.md", data: "# z"})...)
	if _, err := readTar(t, stream, repo.Limits{Ratio: 10}); !errors.Is(err, readerr.ErrTooLarge) {
		t.Errorf("tar bomb: error %v, want %v", err, readerr.ErrTooLarge)
	}
}

func TestTruncated(t *testing.T) {
	var items []item
	for i := range 30 {
		items = append(items, item{name: fmt.Sprintf("f%02d.md", i), data: fmt.Sprintf("# Heading %d\n\n%d", i, rand.Uint64())})
	}
	z := zipOf(t, items...)
	for _, n := range []int{4, 100, len(z) / 2, len(z) - 1} {
		if _, err := readZip(t, z[:n], repo.Limits{}); !errors.Is(err, readerr.ErrCorrupt) {
			t.Errorf("zip, first %d of %d bytes: error %v, want %v", n, len(z), err, readerr.ErrCorrupt)
		}
	}
	g := tarOf(t, items...)
	d, err := readTar(t, g[:len(g)*2/3], repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Text, "# Heading 0") || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "breaks off after") {
		t.Errorf("tar.gz cut off: warnings %q, text %.60q", d.Warnings, d.Text)
	}
	if _, err := readTar(t, g[:30], repo.Limits{}); !errors.Is(err, readerr.ErrCorrupt) {
		t.Errorf("tar.gz cut off at once: error %v, want %v", err, readerr.ErrCorrupt)
	}
	if _, err := readZip(t, zipOf(t, item{name: "a.png", data: "x"}), repo.Limits{}); !errors.Is(err, readerr.ErrNoText) {
		t.Errorf("zip of pictures: error %v, want %v", err, readerr.ErrNoText)
	}
}

func TestIgnoreRules(t *testing.T) {
	for _, c := range []struct {
		rules, name string
		want        bool
	}{
		{"*.log", "a.log", true},
		{"*.log", "x/y/a.log", true},
		{"/a.md", "a.md", true},
		{"/a.md", "x/a.md", false},
		{"build/", "build/a.md", true},
		{"build/", "x/build/a.md", true},
		{"build/", "build", false},
		{"doc/*.md", "doc/a.md", true},
		{"doc/*.md", "doc/x/a.md", false},
		{"doc/**/a.md", "doc/x/y/a.md", true},
		{"doc/**/a.md", "doc/a.md", true},
		{"**/a.md", "a.md", true},
		{"x/**", "x/y/a.md", true},
		{"*.md\n!keep.md", "keep.md", false},
		{"*.md\n!keep.md", "other.md", true},
		{"x/\n!x/keep.md", "x/keep.md", true},
		{"# comment\n\n\\#a.md", "#a.md", true},
		{"a[0-9].md", "a5.md", true},
		{"a[!0-9].md", "a5.md", false},
		{"a?.md", "ab.md", true},
		{"a?.md", "a.md", false},
		{"a b.md  ", "a b.md", true},
		{"[", "a.md", false},
	} {
		d, err := readZip(t, zipOf(t, item{name: ".gitignore", data: c.rules}, item{name: c.name, data: "# text here"}, item{name: "zz/always.txt", data: "x"}), repo.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		_, got := skipped(d)[c.name]
		if filepath.Ext(c.name) != ".md" { // only to see that the rule does not bite
			got = skipped(d)[c.name] == "ignored by .gitignore"
		}
		if got != c.want {
			t.Errorf("rules %q: %s ignored = %t, want %t", c.rules, c.name, got, c.want)
		}
	}
}

func TestLicences(t *testing.T) {
	apache, err := os.ReadFile("../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	mit, err := os.ReadFile("../../../examples/stack/LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"LICENSE", string(apache), "Apache-2.0"},
		{"LICENSE.txt", string(mit), "MIT"},
		{"COPYING", strings.ReplaceAll(string(mit), "\n", "\r\n  "), "MIT"},
		{"LICENCE", string(mit) + string(apache), ""},
		{"LICENSE", "All rights reserved.", ""},
		{"sub/LICENSE", string(mit), ""},
	} {
		d, err := readZip(t, zipOf(t, item{name: c.name, data: c.text}, item{name: "a.md", data: "# a"}), repo.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if d.License != c.want {
			t.Errorf("%s with %.30q…: licence %q, want %q", c.name, c.text, d.License, c.want)
		}
		for _, b := range d.Blocks {
			if b.File == c.name && b.Kind != extract.Heading && b.Skip != "licence" {
				t.Errorf("%s: block %.30q is not skipped", c.name, b.Text)
			}
		}
	}
}
