package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
)

// A Dir keeps blobs as files: ab/abcd… below its folder, and under
// incoming/ what is still being written.
type Dir struct {
	dir string
}

// Folder opens the store in dir, which it makes if need be, readable by its
// owner only.
func Folder(dir string) (*Dir, error) {
	d := &Dir{dir: dir}
	if err := d.incoming().open(); err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	return d, nil
}

func (d *Dir) incoming() incoming { return incoming(filepath.Join(d.dir, "incoming")) }

// Path is the blob's file, "" if sum cannot be a blob's name. The file need
// not exist.
func (d *Dir) Path(sum string) string {
	if !Valid(sum) {
		return ""
	}
	return filepath.Join(d.dir, sum[:2], sum)
}

// Put implements [Store].
func (d *Dir) Put(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	f, sum, size, err := d.incoming().receive(ctx, r)
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	defer func() {
		if err != nil {
			_ = discard(f)
			sum, size, err = "", 0, fmt.Errorf("put blob: %w", err)
		}
	}()
	if err = f.Chmod(0o400); err != nil {
		return
	}
	if err = f.Sync(); err != nil {
		return
	}
	if err = f.Close(); err != nil {
		return
	}
	path := d.Path(sum)
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return
	}
	// The same bytes are renamed over themselves, which also mends a blob
	// that was damaged.
	if err = os.Rename(f.Name(), path); err != nil {
		return
	}
	if err = SyncDir(filepath.Dir(path)); err != nil {
		return
	}
	err = SyncDir(d.dir)
	return
}

// SyncDir makes a rename in dir durable. Windows has no such call.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open implements [Store].
func (d *Dir) Open(_ context.Context, sum string) (io.ReadSeekCloser, error) {
	if err := checkName(sum); err != nil {
		return nil, err
	}
	f, err := os.Open(d.Path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(sum)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", sum, err)
	}
	return f, nil
}

// File implements [Store]: it is the blob's own file.
func (d *Dir) File(ctx context.Context, sum string) (path string, done func(), err error) {
	if _, err := d.Stat(ctx, sum); err != nil {
		return "", nil, err
	}
	return d.Path(sum), func() {}, nil
}

// Stat implements [Store].
func (d *Dir) Stat(_ context.Context, sum string) (Info, error) {
	if err := checkName(sum); err != nil {
		return Info{}, err
	}
	fi, err := os.Stat(d.Path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, missing(sum)
	}
	if err != nil {
		return Info{}, fmt.Errorf("stat blob %s: %w", sum, err)
	}
	return Info{Sum: sum, Size: fi.Size(), Put: fi.ModTime()}, nil
}

// Delete implements [Store].
func (d *Dir) Delete(_ context.Context, sum string) error {
	if err := checkName(sum); err != nil {
		return err
	}
	if err := os.Remove(d.Path(sum)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %s: %w", sum, err)
	}
	return nil
}

// Each implements [Store]. Files that are no blobs are passed over.
func (d *Dir) Each(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if e.IsDir() && path == string(d.incoming()) {
				return fs.SkipDir
			}
			if !e.Type().IsRegular() || path != d.Path(e.Name()) {
				return nil
			}
			fi, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if !yield(Info{Sum: e.Name(), Size: fi.Size(), Put: fi.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}
