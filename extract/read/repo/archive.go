package repo

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
)

// An entry is one name in an archive or folder.
type entry struct {
	name   string
	size   int64 // as the archive says, which may be wrong
	packed int64 // 0 where it is not known
	mode   fs.FileMode
	open   func() (io.ReadCloser, error)
}

// read reads a file up to the limits. Bytes it could not get are a reason to
// skip the file, or an error where the whole archive ends there.
func (c *collector) read(e entry) (data []byte, reason string, err error) {
	r, err := e.open()
	switch {
	case errors.Is(err, zip.ErrAlgorithm):
		return nil, "packed with a method that is not supported", nil
	case errors.Is(err, readerr.ErrEncrypted):
		return nil, "encrypted", nil
	case err != nil:
		return nil, "cannot be opened: " + err.Error(), nil
	}
	defer func() { _ = r.Close() }()
	data, err = io.ReadAll(io.LimitReader(r, c.limits.File+1))
	var brk *brokenError
	switch {
	case errors.As(err, &brk):
		return nil, "", err
	case err != nil:
		return nil, "damaged: " + err.Error(), nil
	case int64(len(data)) > c.limits.File:
		return nil, fmt.Sprintf("larger than %d KB", c.limits.File>>10), nil
	case e.packed > 0 && int64(len(data)) > 1<<20+c.limits.Ratio*e.packed:
		return nil, fmt.Sprintf("unpacks to more than %d times its size", c.limits.Ratio), nil
	}
	return data, "", nil
}

// Zip reads a zip archive.
func Zip(ctx context.Context, r io.ReaderAt, size int64, name string, limits Limits) (*extract.Document, error) {
	z, err := OpenZip(r, size, name)
	if err != nil {
		return nil, err
	}
	locked := 0
	for _, f := range z.File {
		if f.Flags&1 != 0 {
			locked++
		}
	}
	if locked > 0 && locked == count(z) {
		return nil, fmt.Errorf("read %s: %w: upload an archive without password", name, readerr.ErrEncrypted)
	}
	c := collector{limits: limits}
	if err := c.collect(ctx, zipEntries(z)); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c.document(ctx, name, c.root())
}

// OpenZip opens a zip archive and says what is wrong if it cannot.
func OpenZip(r io.ReaderAt, size int64, name string) (*zip.Reader, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("read %s: %w: the zip archive is cut off or its directory is broken; pack or download it again: %w", name, readerr.ErrCorrupt, err)
	}
	return z, nil
}

func count(z *zip.Reader) int {
	n := 0
	for _, f := range z.File {
		if !f.FileInfo().IsDir() {
			n++
		}
	}
	return n
}

func zipEntries(z *zip.Reader) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		// The rules on what to ignore first: an archive has any order.
		for _, rules := range []bool{true, false} {
			for _, f := range z.File {
				if (path.Base(f.Name) == ".gitignore") != rules {
					continue
				}
				e := entry{name: f.Name, size: int64(min(f.UncompressedSize64, 1<<62)), packed: max(1, int64(min(f.CompressedSize64, 1<<50))), mode: f.Mode(), open: f.Open}
				if f.Flags&1 != 0 {
					e.open = func() (io.ReadCloser, error) { return nil, readerr.ErrEncrypted }
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// A brokenError ends a tar archive before its end.
type brokenError struct{ err error }

func (b *brokenError) Error() string { return b.err.Error() }
func (b *brokenError) Unwrap() error { return b.err }

// maxWindow bounds the memory that unpacking Zstandard takes.
const maxWindow = 128 << 20

// Unpack undoes gzip or Zstandard, which it knows by their first bytes, and
// gives anything else as it is.
func Unpack(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, _ := b.Peek(4)
	switch {
	case strings.HasPrefix(string(head), "\x1f\x8b"):
		return gzip.NewReader(b)
	case string(head) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return z, nil // with one decoder there is nothing to close
	}
	return b, nil
}

// Tar reads a tar archive, plain or packed with gzip or Zstandard. One that breaks off
// gives what stands before the break, with a warning.
func Tar(ctx context.Context, r io.Reader, name string, limits Limits) (*extract.Document, error) {
	c := collector{limits: limits}
	packed := &meter{r: r}
	unpacked, err := Unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: the archive is cut off; pack or download it again: %w", name, readerr.ErrCorrupt, err)
	}
	lim := limits.orDefaults()
	stream := &meter{r: unpacked, check: func(n int64) error {
		if n > lim.Stream {
			return fmt.Errorf("%w: it unpacks to more than %d MB", readerr.ErrTooLarge, lim.Stream>>20)
		}
		if n > 64<<20 && n > lim.Ratio*packed.n {
			return fmt.Errorf("%w: it unpacks to more than %d times its size", readerr.ErrTooLarge, lim.Ratio)
		}
		return nil
	}}
	err = c.collect(ctx, tarEntries(stream, &c.commit))
	var brk *brokenError
	switch {
	case err == nil:
	case errors.Is(err, readerr.ErrTooLarge) || !errors.As(err, &brk):
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(c.files) == 0:
		return nil, fmt.Errorf("read %s: %w: the archive breaks off before its first file; pack or download it again: %w", name, readerr.ErrCorrupt, err)
	}
	d, docErr := c.document(ctx, name, c.root())
	if docErr == nil && err != nil {
		d.Warn("%s breaks off after %d files (%v): what follows is missing; pack or download it again", name, len(c.files), err)
	}
	return d, docErr
}

var commitName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

func tarEntries(r io.Reader, commit *string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		t := tar.NewReader(r)
		for {
			h, err := t.Next()
			if err == io.EOF {
				return
			}
			if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
				yield(entry{}, &brokenError{err})
				return
			}
			e := entry{name: h.Name, size: h.Size, mode: h.FileInfo().Mode()}
			if h.Typeflag == tar.TypeLink {
				e.mode |= fs.ModeSymlink
			}
			if h.Typeflag == tar.TypeXGlobalHeader {
				if name := h.PAXRecords["comment"]; commitName.MatchString(name) {
					*commit = name // as git archive puts it there
				}
				continue
			}
			e.open = func() (io.ReadCloser, error) { return io.NopCloser(whole{t}), nil }
			if !yield(e, nil) {
				return
			}
		}
	}
}

// whole marks the errors of reading an entry as the end of the archive.
type whole struct{ r io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		err = &brokenError{err}
	}
	return n, err
}

// A meter counts what is read and stops where check says so.
type meter struct {
	r     io.Reader
	n     int64
	check func(n int64) error
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.check != nil && err == nil {
		err = m.check(m.n)
	}
	return n, err
}

// Folder reads a folder.
func Folder(ctx context.Context, dir string, limits Limits) (*extract.Document, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	c := collector{limits: limits}
	if err := c.collect(ctx, folderEntries(root.FS(), &c.skips)); err != nil {
		return nil, fmt.Errorf("read folder %s: %w", dir, err)
	}
	return c.document(ctx, filepath.Base(abs), "")
}

func folderEntries(fsys fs.FS, skips *skips) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		stop := errors.New("stop")
		give := func(name string, info fs.FileInfo) error {
			e := entry{name: name, size: info.Size(), mode: info.Mode(), open: func() (io.ReadCloser, error) { return fsys.Open(name) }}
			if !yield(e, nil) {
				return stop
			}
			return nil
		}
		err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && name == ".":
				return err
			case err != nil:
				skips.add(name, "cannot be read")
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir():
				if reason, ok := prunable[d.Name()]; ok {
					skips.add(name+"/", reason)
					return fs.SkipDir
				}
				rules := path.Join(name, ".gitignore")
				if info, err := fs.Lstat(fsys, rules); err == nil && info.Mode().IsRegular() {
					return give(rules, info)
				}
				return nil
			case d.Name() == ".gitignore":
				return nil // given with its directory
			}
			if info, err := d.Info(); err == nil {
				return give(name, info)
			}
			skips.add(name, "cannot be read")
			return nil
		})
		if err != nil && err != stop {
			yield(entry{}, err)
		}
	}
}
