// Package blob keeps bytes under the name of their SHA-256 hash. The same
// bytes are kept once, and what stands under a name never changes.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"seedbed/internal/seedbed"
)

// ErrAltered is what Check finds where bytes no longer match their name.
var ErrAltered = errors.New("blob was altered")

// A Store keeps blobs. Sums are SHA-256 hashes as 64 lower-case hexadecimal
// digits: any other name is a [seedbed.Invalid] error, a hash the store does
// not have a [seedbed.NotFound] one that is also [fs.ErrNotExist]. All methods
// are safe for concurrent use, and blobtest has the suite they all pass.
type Store interface {
	// Put reads r to its end and keeps the bytes. They are durable when it
	// returns. If r or ctx fails, nothing is kept.
	Put(ctx context.Context, r io.Reader) (sum string, size int64, err error)

	// Open reads a blob. It does not verify the bytes: Check does.
	Open(ctx context.Context, sum string) (io.ReadSeekCloser, error)

	// File gives a file on this machine that has a blob's bytes, to be read
	// by another process. It may be removed when done is called.
	File(ctx context.Context, sum string) (path string, done func(), err error)

	// Stat says how large a blob is and when it was last put.
	Stat(ctx context.Context, sum string) (Info, error)

	// Delete removes a blob. One that is not there is no error.
	Delete(ctx context.Context, sum string) error

	// Each lists all blobs, in no order. It ends after the first error.
	Each(ctx context.Context) iter.Seq2[Info, error]
}

// Info describes a blob.
type Info struct {
	Sum  string
	Size int64     // bytes
	Put  time.Time // the last time somebody put these bytes
}

// Check reads a blob whole and compares it with its name: ErrAltered if they
// differ.
func Check(ctx context.Context, s Store, sum string) error {
	r, err := s.Open(ctx, sum)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, UntilDone(ctx, r)); err != nil {
		return fmt.Errorf("check blob %s: %w", sum, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("check blob %s: its bytes have the hash %s: %w", sum, got, ErrAltered)
	}
	return nil
}

// Valid reports whether sum can be the name of a blob.
func Valid(sum string) bool {
	if len(sum) != sha256.Size*2 {
		return false
	}
	for _, c := range []byte(sum) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func checkName(sum string) error {
	if !Valid(sum) {
		return seedbed.Errorf(seedbed.Invalid, "%.80q does not name a blob: a name is 64 hexadecimal digits", sum)
	}
	return nil
}

func missing(sum string) error {
	return seedbed.Errorf(seedbed.NotFound, "blob %s is not in the store: %w", sum, fs.ErrNotExist)
}

// UntilDone reads what r reads until ctx ends, whose error it then gives.
func UntilDone(ctx context.Context, r io.Reader) io.Reader { return untilDone{ctx, r} }

type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
