package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// incoming is a folder for files that are still being written, or that are
// needed for a moment.
type incoming string

// leftover is how long a file stays in incoming after its last byte. Nobody
// is writing to an older one: its writer was killed.
const leftover = 24 * time.Hour

// open makes the folder, readable by its owner only, and removes leftovers.
func (dir incoming) open() error {
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(string(dir))
	if err != nil {
		return err
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > leftover {
			_ = os.Remove(filepath.Join(string(dir), f.Name()))
		}
	}
	return nil
}

// receive writes r into a file, which is then at its end, and hashes it on the
// way. After an error no file is left.
func (dir incoming) receive(ctx context.Context, r io.Reader) (f *os.File, sum string, size int64, err error) {
	f, err = os.CreateTemp(string(dir), "put-")
	if err != nil {
		return nil, "", 0, err
	}
	h := sha256.New()
	if size, err = io.Copy(io.MultiWriter(f, h), UntilDone(ctx, r)); err != nil {
		return nil, "", 0, errors.Join(err, discard(f))
	}
	return f, hex.EncodeToString(h.Sum(nil)), size, nil
}

// discard closes and removes a file.
func discard(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
