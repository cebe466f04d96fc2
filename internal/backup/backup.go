// Package backup makes one file of what a data folder holds that cannot be
// made again, and a data folder of that file.
//
// The file is a zip: seedbed.db, the database as it was at one moment; blobs,
// the originals and documents it names; benchmarks; and manifest.json, which
// lists all of them with their hashes. The search index and drawn pages are
// made again.
package backup

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"seedbed/internal/blob"
	"seedbed/internal/store"
)

// ErrThere is the error of a backup or a data folder that would be overwritten.
var ErrThere = errors.New("is there already")

// What a data folder has by these names, a backup has too.
const (
	databaseFile = "seedbed.db"
	blobFolder   = "blobs"
	benchFolder  = "benchmarks"
	manifestFile = "manifest.json"
)

// format is the version of how a backup is laid out.
const format = 1

// A Manifest says what is in a backup.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"`
	Schema  int64     `json:"schema"` // the version of the database's schema
	Created time.Time `json:"created"`

	Sources int   `json:"sources"`
	Runs    int   `json:"runs"`
	Seeds   int   `json:"seeds"`
	Paused  int   `json:"paused_runs"`   // that were under way
	Keys    int   `json:"keys_left_out"` // API keys of model servers
	Blobs   int   `json:"blobs"`         // of the files
	Bytes   int64 `json:"bytes"`         // of all files together

	// LeftOut are the originals and documents that were lost or altered, where
	// a backup without them was asked for.
	LeftOut []Lost `json:"left_out,omitempty"`
	Files   []File `json:"files"`
}

// Lost is a blob that a backup does not have, and which source needs it.
type Lost struct {
	SHA256   string `json:"sha256"`
	Source   string `json:"source"`
	Name     string `json:"name"`
	Document bool   `json:"document"` // what was read, else the original
}

// String says what it was.
func (l Lost) String() string {
	what := "the original"
	if l.Document {
		what = "the document"
	}
	return fmt.Sprintf("%s of source %s, %s", what, l.Source, l.Name)
}

// A File is one of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Options say what to back up.
type Options struct {
	Data    string     // the data folder, with an SQLite database in it
	Blobs   blob.Store // that the database belongs to
	Keys    bool       // keep the API keys of model servers
	Program string     // which makes the backup

	// Incomplete leaves out what is lost or altered. Else there is no backup
	// then.
	Incomplete bool

	Now func() time.Time
}

// Save makes a backup under a name, which it has once it is whole and on disk.
// ErrThere says that there is such a file; with force it is replaced.
func Save(ctx context.Context, name string, force bool, o Options) (m Manifest, err error) {
	there := func() error {
		info, err := os.Lstat(name)
		switch {
		case err == nil && info.IsDir():
			return fmt.Errorf("%s is a folder: name a file in it", name)
		case err == nil && !force:
			return fmt.Errorf("%s %w", name, ErrThere)
		}
		return nil
	}
	if err := there(); err != nil {
		return m, err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part")
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("there is no folder %s: make it first", filepath.Dir(name))
	}
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if m, err = Write(ctx, f, o); err != nil {
		return m, err
	}
	if err := f.Sync(); err != nil {
		return m, err
	}
	if err := f.Close(); err != nil {
		return m, err
	}
	if err := there(); err != nil {
		return m, err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return m, err
	}
	_ = blob.SyncDir(filepath.Dir(name)) // some network drives have no such call
	return m, nil
}

// Write writes a backup while others may work on the data folder.
func Write(ctx context.Context, w io.Writer, o Options) (m Manifest, err error) {
	database := filepath.Join(o.Data, databaseFile)
	// What the snapshot names is there when it is taken, and stays.
	err = store.WhileBlobsStay(ctx, database, func() error {
		m, err = write(ctx, w, o)
		return err
	})
	return m, err
}

func write(ctx context.Context, w io.Writer, o Options) (m Manifest, err error) {
	const temporary = "backup-"
	left, err := filepath.Glob(filepath.Join(o.Data, temporary+"*"))
	if err != nil {
		return m, err
	}
	for _, dir := range left { // by one that was killed: there is no other now
		if err := os.RemoveAll(dir); err != nil {
			return m, err
		}
	}
	dir, err := os.MkdirTemp(o.Data, temporary)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	m = Manifest{Format: format, Program: o.Program, Created: o.Now().UTC().Truncate(time.Second)}
	copied := filepath.Join(dir, databaseFile)
	snap, err := store.TakeSnapshot(ctx, filepath.Join(o.Data, databaseFile), copied, o.Keys)
	if err != nil {
		return m, err
	}
	m.Schema, m.Sources, m.Runs, m.Seeds = snap.Version, snap.Sources, snap.Runs, snap.Seeds
	m.Paused, m.Keys = snap.Paused, snap.Keys

	z := &writer{ctx: ctx, zip: zip.NewWriter(w), m: &m, incomplete: o.Incomplete}
	if err := z.file(databaseFile, copied); err != nil {
		return m, err
	}
	for _, b := range snap.Blobs {
		if err := z.blob(o.Blobs, b); err != nil {
			return m, err
		}
	}
	if err := z.folder(benchFolder, filepath.Join(o.Data, benchFolder)); err != nil {
		return m, err
	}
	return m, z.close()
}

// A writer adds files to a zip and to its manifest.
type writer struct {
	ctx context.Context
	zip *zip.Writer
	m   *Manifest

	incomplete bool
}

func (z *writer) add(name string, method uint16, r io.Reader) (sum string, err error) {
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: z.m.Created})
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), blob.UntilDone(z.ctx, r))
	if err != nil {
		return "", fmt.Errorf("back up %s: %w", name, err)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	z.m.Files = append(z.m.Files, File{Name: name, Size: n, SHA256: sum})
	z.m.Bytes += n
	return sum, nil
}

func (z *writer) file(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = z.add(name, zip.Deflate, f)
	return errors.Join(err, f.Close())
}

// blob adds a blob as it is: many are compressed, and one stored so can be no
// larger than the zip.
func (z *writer) blob(from blob.Store, b store.Needed) error {
	named := Lost{SHA256: b.Sum, Source: b.Source, Name: b.Name, Document: b.Document}
	mend := "upload the file again, or leave it out with --incomplete"
	if b.Document {
		mend = "seedbed check --repair may read it again, or leave it out with --incomplete"
	}
	if z.incomplete {
		err := blob.Check(z.ctx, from, b.Sum)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, blob.ErrAltered) {
			z.m.LeftOut = append(z.m.LeftOut, named)
			return nil
		}
		if err != nil {
			return err
		}
	}
	r, err := from.Open(z.ctx, b.Sum)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s, is lost: %s: %w", named, mend, err)
	}
	if err != nil {
		return err
	}
	sum, err := z.add(blobName(b.Sum), zip.Store, r)
	if err == nil && sum != b.Sum {
		err = fmt.Errorf("%s, was altered: %s: %w", named, mend, blob.ErrAltered)
	}
	z.m.Blobs++
	return errors.Join(err, r.Close())
}

// folder adds what files a folder has, if it is there.
func (z *writer) folder(name, dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == dir {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return z.file(name+"/"+filepath.ToSlash(rel), path)
	})
}

// close adds the manifest, which knows all others.
func (z *writer) close() error {
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: manifestFile, Method: zip.Deflate, Modified: z.m.Created})
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(z.m); err != nil {
		return err
	}
	return z.zip.Close()
}

func blobName(sum string) string { return path.Join(blobFolder, sum[:2], sum) }
