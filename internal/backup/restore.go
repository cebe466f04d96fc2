package backup

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seedbed/internal/blob"
	"seedbed/internal/store"
)

// ErrDamaged is the error of a file that is no backup, or not one as it was
// made.
var ErrDamaged = errors.New("the backup is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// Restore makes a data folder of a backup. ErrThere says that the folder holds
// something, ErrDamaged that the backup is not whole; a backup of a newer
// schema gives the error of [store.Open]. After an error the folder is as it
// was.
//
// The data folder is made under another name first, and blobs are put into the
// store that is opened for that. Where they do not lie in it, they stay if
// there is an error.
func Restore(ctx context.Context, name, data string, blobs func(data string) (blob.Store, error)) (m Manifest, err error) {
	file, err := zip.OpenReader(name)
	if errors.Is(err, zip.ErrFormat) {
		return m, damaged("%s is no zip, or its end is missing", name)
	}
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	z := &archive{ctx: ctx}
	if err := z.open(&file.Reader); err != nil {
		return z.m, err
	}

	made, err := empty(data)
	if err != nil {
		return z.m, err
	}
	// All is written into a folder in the data folder, not beside it, for that
	// may be a file system of its own.
	dir, err := os.MkdirTemp(data, "restore-")
	if err != nil {
		return z.m, err
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(dir))
		if err != nil && made {
			_ = os.Remove(data)
		}
	}()
	to, err := blobs(dir)
	if err != nil {
		return z.m, err
	}
	if err := z.unpack(dir, to); err != nil {
		return z.m, err
	}
	return z.m, place(dir, data)
}

// empty makes a folder, or makes sure that nothing is in it.
func empty(dir string) (made bool, err error) {
	if _, err := os.Lstat(filepath.Join(dir, databaseFile)); err == nil {
		return false, fmt.Errorf("%s %w", filepath.Join(dir, databaseFile), ErrThere)
	}
	has, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return false, err
	}
	for _, e := range has {
		if e.Name() != "lost+found" { // which comes with a file system
			return false, fmt.Errorf("%s %w", filepath.Join(dir, e.Name()), ErrThere)
		}
	}
	return false, nil
}

// place moves what was restored to where it belongs, the database last: as
// long as it is not there, nothing is.
func place(from, to string) error {
	parts := []string{blobFolder, benchFolder, databaseFile}
	for _, name := range parts { // we may have looked long ago
		if _, err := os.Lstat(filepath.Join(to, name)); err == nil {
			return fmt.Errorf("%s %w", filepath.Join(to, name), ErrThere)
		}
	}
	for _, name := range parts {
		err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && (name == databaseFile || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	for _, dir := range []string{to, filepath.Dir(to)} {
		_ = blob.SyncDir(dir) // some network drives have no such call
	}
	return nil
}

// An archive is a backup being read.
type archive struct {
	ctx   context.Context
	m     Manifest
	files map[string]*zip.File
}

// maxManifest is how large a manifest is read: that of a million files.
const maxManifest = 256 << 20

// open reads the manifest and compares it with the zip's directory.
func (z *archive) open(from *zip.Reader) error {
	z.files = map[string]*zip.File{}
	for _, f := range from.File {
		if z.files[f.Name] != nil {
			return damaged("%s is there twice", f.Name)
		}
		z.files[f.Name] = f
	}
	about := z.files[manifestFile]
	if about == nil {
		return damaged("there is no %s: seedbed backup did not make this", manifestFile)
	}
	r, err := about.Open()
	if err != nil {
		return damaged("%s: %w", manifestFile, err)
	}
	err = json.NewDecoder(io.LimitReader(blob.UntilDone(z.ctx, r), maxManifest)).Decode(&z.m)
	_ = r.Close()
	if z.ctx.Err() != nil {
		return z.ctx.Err()
	}
	if err != nil {
		return damaged("%s: %w", manifestFile, err)
	}
	if z.m.Format != format {
		return fmt.Errorf("the backup is of format %d, and this Seedbed knows format %d: use the one that made it, %s", z.m.Format, format, z.m.Program)
	}
	return z.fits()
}

// fits makes sure that zip and manifest have the same files, each where one
// belongs.
func (z *archive) fits() error {
	listed := map[string]bool{manifestFile: true}
	for _, f := range z.m.Files {
		in := z.files[f.Name]
		switch {
		case listed[f.Name]:
			return damaged("%q is listed twice", f.Name)
		case !f.belongs():
			return damaged("it has a file %q, for which there is no place", f.Name)
		case in == nil:
			return damaged("%s is missing", f.Name)
		case f.Size < 0 || in.UncompressedSize64 != uint64(f.Size):
			return damaged("%s has %d bytes, not %d", f.Name, in.UncompressedSize64, f.Size)
		}
		listed[f.Name] = true
	}
	for name := range z.files {
		if !listed[name] {
			return damaged("it has a file %q that its manifest does not list", name)
		}
	}
	if !listed[databaseFile] {
		return damaged("%s is missing", databaseFile)
	}
	return nil
}

// belongs reports whether the name is one that a backup has.
func (f File) belongs() bool {
	if f.Name == databaseFile {
		return true
	}
	if blob.Valid(f.SHA256) && f.Name == blobName(f.SHA256) {
		return true
	}
	rest, ok := strings.CutPrefix(f.Name, benchFolder+"/")
	return ok && fs.ValidPath(rest) && rest != "." && !strings.ContainsAny(rest, `\:`) && filepath.IsLocal(filepath.FromSlash(rest))
}

// unpack makes a data folder in dir.
func (z *archive) unpack(dir string, blobs blob.Store) error {
	needed, err := z.database(filepath.Join(dir, databaseFile))
	if err != nil {
		return err
	}
	leftOut := map[string]bool{}
	for _, l := range z.m.LeftOut {
		leftOut[l.SHA256] = true
	}
	for _, b := range needed {
		if z.files[blobName(b.Sum)] == nil && !leftOut[b.Sum] {
			return damaged("%s of source %s, %s, is missing", blobName(b.Sum), b.Source, b.Name)
		}
	}
	for _, f := range z.m.Files {
		switch {
		case f.Name == databaseFile:
		case strings.HasPrefix(f.Name, benchFolder+"/"):
			err = z.write(f, filepath.Join(dir, filepath.FromSlash(f.Name)))
		default:
			err = z.read(f, func(r io.Reader) error {
				_, _, err := blobs.Put(z.ctx, r)
				return err
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// database unpacks the database and looks at it. It gives the blobs without
// which it is not whole.
func (z *archive) database(path string) (needed []store.Needed, err error) {
	for _, f := range z.m.Files {
		if f.Name == databaseFile {
			err = z.write(f, path)
		}
	}
	if err != nil {
		return nil, err
	}
	db, err := store.Open(z.ctx, store.Options{Path: path})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Whole(z.ctx); err != nil {
		return nil, err
	}
	return db.Blobs(z.ctx)
}

// write unpacks a file, which is on disk when it returns.
func (z *archive) write(file File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = z.read(file, func(r io.Reader) error {
		_, err := io.Copy(f, r)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// read calls do with the bytes of a file. Where they are not those that the
// manifest lists reading fails, before the end is told.
func (z *archive) read(f File, do func(io.Reader) error) error {
	r, err := z.files[f.Name].Open()
	if err != nil {
		return damaged("%s: %w", f.Name, err)
	}
	err = do(blob.UntilDone(z.ctx, &verified{r: r, File: f, hash: sha256.New()}))
	_ = r.Close()
	if err != nil {
		return fmt.Errorf("restore %s: %w", f.Name, err)
	}
	return nil
}

// verified reads a file as the manifest lists it.
type verified struct {
	r io.Reader
	File
	hash hash.Hash
	read int64
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.hash.Write(p[:n])
	v.read += int64(n)
	switch {
	case v.read > v.Size:
		return 0, damaged("it has more than %d bytes", v.Size)
	case err == io.EOF && hex.EncodeToString(v.hash.Sum(nil)) != v.SHA256:
		return 0, damaged("its hash is not %s", v.SHA256)
	case err != nil && err != io.EOF:
		return 0, damaged("%w", err)
	}
	return n, err
}
