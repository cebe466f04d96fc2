package backup_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/internal/backup"
	"seedbed/internal/blob"
	"seedbed/internal/blob/blobtest"
	"seedbed/internal/jobs"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// library makes a data folder with two sources that are yet to be read, a
// model server with a key, and a benchmark.
func library(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "seedbed.db")})
	if err != nil {
		t.Fatal(err)
	}
	index, err := search.Open(filepath.Join(dir, "index.db"), search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := jobs.New(t.Context(), jobs.Options{DB: db, Blobs: folder(t, dir), Index: index, Read: func(context.Context, string, string, seedbed.Reading) (*extract.Document, error) {
		return nil, errors.New("nothing is read here")
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pumps", "wells"} {
		if _, err := s.Upload(t.Context(), seedbed.Upload{Name: name + ".md", Body: strings.NewReader(text(name))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SaveEndpoint(t.Context(), seedbed.Endpoint{URL: "http://models.example/v1", Key: key}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(index.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"known.jsonl": "{}\n", "more/asked.txt": "Why?\n"} {
		path := filepath.Join(dir, "benchmarks", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(body), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const key = "sk-very-secret-0123456789"

func text(name string) string { return "# On " + name + "\n\nThey are deep, and old, and cold.\n" }

func folder(t *testing.T, data string) blob.Store {
	t.Helper()
	d, err := blob.Folder(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func inData(data string) (blob.Store, error) { return blob.Folder(filepath.Join(data, "blobs")) }

func options(t *testing.T, data string) backup.Options {
	return backup.Options{Data: data, Blobs: folder(t, data), Program: "seedbed test", Now: time.Now}
}

// save backs a data folder up.
func save(t *testing.T, data string) (name string, m backup.Manifest) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "backup.zip")
	m, err := backup.Save(t.Context(), name, false, options(t, data))
	if err != nil {
		t.Fatal(err)
	}
	return name, m
}

// tree is what stands in a folder, by name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// without takes out what is not backed up.
func without(files map[string]string) map[string]string {
	out := maps.Clone(files)
	for name := range files {
		if strings.HasPrefix(name, "index.db") || strings.HasPrefix(name, "seedbed.db") {
			delete(out, name)
		}
	}
	return out
}

func TestRestoreGivesWhatWasBackedUp(t *testing.T) {
	data := library(t)
	if err := os.Mkdir(filepath.Join(data, "backup-killed"), 0o700); err != nil { // what one that was killed left
		t.Fatal(err)
	}
	name, m := save(t, data)
	if left, err := filepath.Glob(filepath.Join(data, "backup-*")); err != nil || len(left) > 0 {
		t.Errorf("Save leaves %v in the data folder, %v", left, err)
	}
	if m.Sources != 2 || m.Runs != 2 || m.Paused != 2 || m.Blobs != 2 || m.Keys != 1 || len(m.Files) != 5 {
		t.Errorf("Save: %+v; want 2 sources with their runs paused, 2 blobs, a key left out, 5 files", m)
	}
	if got := tree(t, data); len(without(got)) != 4 {
		t.Errorf("after Save the data folder has %v; want what was there", slices.Sorted(maps.Keys(got)))
	}
	if has, err := os.ReadDir(filepath.Dir(name)); err != nil || len(has) != 1 {
		t.Errorf("beside the backup are %v, %v; want nothing", has, err)
	}

	to := filepath.Join(t.TempDir(), "new")
	again, err := backup.Restore(t.Context(), name, to, inData)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, again); diff != "" {
		t.Errorf("Restore tells of another backup than Save (-save +restore):\n%s", diff)
	}
	if diff := cmp.Diff(without(tree(t, data)), without(tree(t, to))); diff != "" {
		t.Errorf("the restored folder differs (-was +is):\n%s", diff)
	}
	if has, err := os.ReadDir(to); err != nil || len(has) != 3 {
		t.Errorf("the restored folder has %v, %v; want blobs, benchmarks and the database", has, err)
	}
	if info, err := os.Stat(filepath.Join(to, "seedbed.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the restored database is %v, %v; want it for its owner only", info, err)
	}
}

// Keys are in a backup only if they are wanted: no byte of them is.
func TestKeys(t *testing.T) {
	data := library(t)
	if !strings.Contains(tree(t, data)["seedbed.db"], key) {
		t.Fatal("the database does not have the key: the test shows nothing")
	}
	for _, keys := range []bool{false, true} {
		o := options(t, data)
		o.Keys = keys
		var b bytes.Buffer
		m, err := backup.Write(t.Context(), &b, o)
		if err != nil {
			t.Fatal(err)
		}
		_, files := unzip(t, b.Bytes())
		if got := bytes.Contains(files["seedbed.db"], []byte("very-secret")); got != keys || (m.Keys == 0) != keys {
			t.Errorf("with Keys %v: the key is in the backup: %v, and %d are told to be left out", keys, got, m.Keys)
		}
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	data := library(t)
	name, m := save(t, data)
	if _, err := backup.Save(t.Context(), name, false, options(t, data)); !errors.Is(err, backup.ErrThere) {
		t.Errorf("Save over a backup: %v; want ErrThere", err)
	}
	if _, err := backup.Save(t.Context(), name, true, options(t, data)); err != nil {
		t.Errorf("Save over a backup, forced: %v", err)
	}
	if _, err := backup.Save(t.Context(), t.TempDir(), true, options(t, data)); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("Save over a folder: %v; want to be told that it is one", err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := backup.Save(t.Context(), filepath.Join(missing, "a.zip"), false, options(t, data)); err == nil || err.Error() != "there is no folder "+missing+": make it first" {
		t.Errorf("Save into a folder that is missing: %v; want it named", err)
	}
	before := tree(t, data)
	if _, err := backup.Restore(t.Context(), name, data, inData); !errors.Is(err, backup.ErrThere) || !strings.Contains(err.Error(), "seedbed.db") {
		t.Errorf("Restore over a database: %v; want ErrThere that names it", err)
	}
	if diff := cmp.Diff(before, tree(t, data)); diff != "" {
		t.Errorf("Restore over a database changed it (-was +is):\n%s", diff)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), name, other, inData); !errors.Is(err, backup.ErrThere) || !strings.Contains(err.Error(), "letter.txt") {
		t.Errorf("Restore into a folder with a letter: %v; want ErrThere that names it", err)
	}
	if again, err := backup.Restore(t.Context(), name, t.TempDir(), inData); err != nil || again.Sources != m.Sources {
		t.Errorf("Restore into an empty folder: %+v, %v", again, err)
	}
}

// A source whose bytes are gone, or are others, is named; there is no backup,
// unless one without them will do.
func TestBlobsAreLookedAt(t *testing.T) {
	for _, c := range []struct {
		does string
		to   func(path string) error
		says string
	}{
		{"is missing", os.Remove, "is lost: upload the file again"},
		{"is altered", func(path string) error {
			return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte(text("xells")), 0o400))
		}, "was altered: upload the file again"},
	} {
		data := library(t)
		sum := sha256.Sum256([]byte(text("wells")))
		d, err := blob.Folder(filepath.Join(data, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.to(d.Path(hex.EncodeToString(sum[:]))); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		_, err = backup.Save(t.Context(), filepath.Join(dir, "backup.zip"), false, options(t, data))
		if err == nil || !strings.Contains(err.Error(), "wells.md") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Save where a blob %s: %v; want it named", c.does, err)
		}
		if has, err := os.ReadDir(dir); err != nil || len(has) != 0 {
			t.Errorf("Save where a blob %s leaves %v, %v", c.does, has, err)
		}
		if left, err := filepath.Glob(filepath.Join(data, "backup-*")); err != nil || len(left) != 0 {
			t.Errorf("Save where a blob %s leaves %v in the data folder, %v", c.does, left, err)
		}
		o := options(t, data)
		o.Incomplete = true
		name := filepath.Join(dir, "backup.zip")
		m, err := backup.Save(t.Context(), name, false, o)
		if err != nil || m.Blobs != 1 || len(m.LeftOut) != 1 || m.LeftOut[0].Name != "wells.md" {
			t.Fatalf("Save without what is lost, where a blob %s: %+v, %v; want one blob, and the other named", c.does, m, err)
		}
		to := filepath.Join(dir, "restored")
		if again, err := backup.Restore(t.Context(), name, to, inData); err != nil || !cmp.Equal(again, m) {
			t.Errorf("Restore without what is lost: %+v, %v; want %+v", again, err, m)
		}
		if got := tree(t, filepath.Join(to, "blobs")); len(got) != 1 {
			t.Errorf("Restore without what is lost: %d blobs; want 1", len(got))
		}
	}
}

// unzip is what a backup has.
func unzip(t *testing.T, data []byte) (m backup.Manifest, files map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	delete(files, "manifest.json")
	return m, files
}

// rezip makes a backup of files, which its manifest lists as they are.
func rezip(t *testing.T, m backup.Manifest, files map[string][]byte) []byte {
	t.Helper()
	m.Files = nil
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		m.Files = append(m.Files, backup.File{Name: name, Size: int64(len(files[name])), SHA256: hex.EncodeToString(sum[:])})
	}
	return pack(t, m, files)
}

// pack makes a zip of a manifest and files.
func pack(t *testing.T, m backup.Manifest, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name string, body []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name})
		if err == nil {
			_, err = w.Write(body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		put(name, files[name])
	}
	about, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put("manifest.json", about)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is no whole backup is refused with a reason, and nothing is left of it.
func TestDamaged(t *testing.T) {
	name, _ := save(t, library(t))
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, files := unzip(t, good)
	changed := func(change func(m *backup.Manifest, files map[string][]byte)) []byte {
		m, files := m, maps.Clone(files)
		change(&m, files)
		return rezip(t, m, files)
	}
	added := func(name string) []byte {
		return changed(func(_ *backup.Manifest, files map[string][]byte) { files[name] = []byte("evil") })
	}
	wells := sha256.Sum256([]byte(text("wells")))
	sum := hex.EncodeToString(wells[:])
	blobName := "blobs/" + sum[:2] + "/" + sum

	for _, c := range []struct {
		what string
		body []byte
		code string // "" is ErrDamaged
		says string
	}{
		{what: "no zip", body: []byte("a letter"), says: "no zip"},
		{what: "nothing", body: nil, says: "no zip"},
		{what: "another zip", body: zipOf(t, "a.txt", "a letter"), says: "there is no manifest.json"},
		{what: "the first half", body: good[:len(good)/2], says: "its end is missing"},
		{what: "all but the last byte", body: good[:len(good)-1], says: "its end is missing"},
		{what: "a blob's byte changed", body: bytes.Replace(good, []byte("On wells"), []byte("On bells"), 1), says: blobName},
		{what: "a blob changed, checksums and all", body: changed(func(_ *backup.Manifest, files map[string][]byte) {
			files[blobName] = []byte(text("bells"))
		}), says: "there is no place"},
		{what: "a file changed that is listed otherwise", body: func() []byte {
			other := maps.Clone(files)
			other[blobName] = []byte(text("bells"))
			return pack(t, m, other)
		}(), says: "its hash is not"},
		{what: "a blob missing", body: changed(func(_ *backup.Manifest, files map[string][]byte) { delete(files, blobName) }), says: "wells.md, is missing"},
		{what: "a listed file missing", body: func() []byte {
			other := maps.Clone(files)
			delete(other, "benchmarks/known.jsonl")
			return pack(t, m, other)
		}(), says: "benchmarks/known.jsonl is missing"},
		{what: "a file not listed", body: func() []byte {
			other := maps.Clone(files)
			other["benchmarks/new.jsonl"] = []byte("{}")
			return pack(t, m, other)
		}(), says: `"benchmarks/new.jsonl" that its manifest does not list`},
		{what: "no database", body: changed(func(_ *backup.Manifest, files map[string][]byte) { delete(files, "seedbed.db") }), says: "seedbed.db is missing"},
		{what: "a name that leads out", body: added("../evil"), says: "no place"},
		{what: "a name that leads out of a folder", body: added("benchmarks/../../evil"), says: "no place"},
		{what: "an absolute name", body: added("/tmp/evil"), says: "no place"},
		{what: "an absolute name in a folder", body: added("benchmarks//tmp/evil"), says: "no place"},
		{what: "a name with backslashes", body: added(`benchmarks\..\..\evil`), says: "no place"},
		{what: "a drive's name", body: added(`benchmarks/c:evil`), says: "no place"},
		{what: "another file of a data folder", body: added("seedbed.db-wal"), says: "no place"},
		{what: "a bomb", body: bomb(t, m, files), says: "benchmarks/known.jsonl"},
		{what: "a newer format", body: changed(func(m *backup.Manifest, _ map[string][]byte) { m.Format = 2 }), code: seedbed.Internal, says: "format 2"},
		{what: "a newer schema", body: changed(func(_ *backup.Manifest, files map[string][]byte) {
			files["seedbed.db"] = newer(t, files["seedbed.db"])
		}), code: seedbed.Conflict, says: "made by a newer Seedbed"},
		{what: "a damaged database", body: changed(func(_ *backup.Manifest, files map[string][]byte) {
			files["seedbed.db"] = slices.Concat(files["seedbed.db"][:4096], bytes.Repeat([]byte("no page "), len(files["seedbed.db"])/8-512))
		}), code: seedbed.Internal, says: "database"},
	} {
		t.Run(c.what, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "backup.zip")
			if err := os.WriteFile(name, c.body, 0o600); err != nil {
				t.Fatal(err)
			}
			above := t.TempDir()
			to := filepath.Join(above, "data")
			for _, there := range []bool{false, true} {
				_, err := backup.Restore(t.Context(), name, to, inData)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("Restore: %v; want an error with %q", err, c.says)
				}
				if code := seedbed.CodeOf(err); errors.Is(err, backup.ErrDamaged) != (c.code == "") || c.code != "" && code != c.code {
					t.Errorf("Restore: %v is %s; want %q", err, code, c.code)
				}
				if there {
					above = to
				}
				if left, err := os.ReadDir(above); err != nil || len(left) > 0 {
					t.Errorf("Restore leaves %v, %v; want nothing", left, err)
				}
				if err := os.MkdirAll(to, 0o700); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func zipOf(t *testing.T, name, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write([]byte(body))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a backup with a file that says it has 3 bytes, and gives 64 MB.
func bomb(t *testing.T, m backup.Manifest, files map[string][]byte) []byte {
	t.Helper()
	const name = "benchmarks/known.jsonl"
	var squeezed bytes.Buffer
	f, err := flate.NewWriter(&squeezed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros, whole := make([]byte, 1<<20), crc32.NewIEEE()
	for range 64 {
		_, _ = f.Write(zeros)
		_, _ = whole.Write(zeros)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Deflate, CRC32: whole.Sum32(),
		CompressedSize64: uint64(squeezed.Len()), UncompressedSize64: uint64(len(files[name])),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(squeezed.Bytes())
	about, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	rest := maps.Clone(files)
	delete(rest, name)
	rest["manifest.json"] = about
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(rest[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newer is a database of a version to come.
func newer(t *testing.T, database []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seedbed.db")
	if err := os.WriteFile(path, database, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Blobs are backed up from a bucket as from a folder, and restored into either.
func TestBucket(t *testing.T) {
	data := library(t)
	s3 := blobtest.StartS3(t)
	open := func(bucket string) blob.Store {
		s, err := blob.OpenS3(t.Context(), blob.S3Options{URL: s3.Bucket(t, bucket), Incoming: filepath.Join(t.TempDir(), "incoming")})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	from, to := open("old-bucket"), open("new-bucket")
	for _, name := range []string{"pumps", "wells"} {
		if _, _, err := from.Put(t.Context(), strings.NewReader(text(name))); err != nil {
			t.Fatal(err)
		}
	}
	o := options(t, data)
	o.Blobs = from
	name := filepath.Join(t.TempDir(), "backup.zip")
	if _, err := backup.Save(t.Context(), name, false, o); err != nil {
		t.Fatal(err)
	}
	restored := t.TempDir()
	m, err := backup.Restore(t.Context(), name, restored, func(string) (blob.Store, error) { return to, nil })
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for info, err := range to.Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := blob.Check(t.Context(), to, info.Sum); err != nil {
			t.Error(err)
		}
		n++
	}
	if n != m.Blobs || n != 2 {
		t.Errorf("the bucket has %d blobs, the backup %d; want 2", n, m.Blobs)
	}
	if _, err := os.Stat(filepath.Join(restored, "blobs")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder has blobs too: %v", err)
	}
}

// A backup that is broken off leaves nothing under its name.
func TestBrokenOff(t *testing.T) {
	data := library(t)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	o := options(t, data)
	o.Blobs = breaking{o.Blobs, cancel}
	if _, err := backup.Save(ctx, filepath.Join(dir, "backup.zip"), false, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Save that is broken off: %v; want that it was", err)
	}
	for _, in := range []string{filepath.Join(dir, "*"), filepath.Join(data, "backup-*")} {
		if left, err := filepath.Glob(in); err != nil || len(left) > 0 {
			t.Errorf("Save that is broken off leaves %v, %v", left, err)
		}
	}
}

// breaking breaks off when the first blob is opened.
type breaking struct {
	blob.Store
	cancel context.CancelFunc
}

func (b breaking) Open(ctx context.Context, sum string) (io.ReadSeekCloser, error) {
	r, err := b.Store.Open(ctx, sum)
	b.cancel()
	return r, err
}
