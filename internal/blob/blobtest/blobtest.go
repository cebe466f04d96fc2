// Package blobtest is the suite that every blob store passes.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"seedbed/internal/blob"
	"seedbed/internal/seedbed"
)

// A Bench is an empty store to test, with a way to damage it.
type Bench struct {
	Store blob.Store

	// Alter changes the bytes kept under sum behind the store's back.
	Alter func(sum string, data []byte)
}

// Run runs the suite; open is called for each test.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	tests := []struct {
		name string
		do   func(t *testing.T, b Bench)
	}{
		{"keeps bytes under their hash", keeps},
		{"keeps the same bytes once", once},
		{"keeps nothing of an interrupted Put", interrupted},
		{"keeps nothing of a cancelled Put", cancelled},
		{"reads at any place", seeks},
		{"gives a file", gives},
		{"deletes", deletes},
		{"refuses names that are no hashes", names},
		{"finds an altered blob", altered},
		{"mends an altered blob that is put again", mends},
		{"takes many at once", many},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.do(t, open(t)) })
	}
}

func put(t *testing.T, s blob.Store, data string) string {
	t.Helper()
	sum, size, err := s.Put(t.Context(), strings.NewReader(data))
	if err != nil {
		t.Fatalf("Put(%.20q): %v", data, err)
	}
	if size != int64(len(data)) {
		t.Errorf("Put(%.20q) wrote %d bytes, want %d", data, size, len(data))
	}
	return sum
}

func get(t *testing.T, s blob.Store, sum string) string {
	t.Helper()
	r, err := s.Open(t.Context(), sum)
	if err != nil {
		t.Fatalf("Open(%s): %v", sum, err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", sum, err)
	}
	return string(data)
}

func list(t *testing.T, s blob.Store) []string {
	t.Helper()
	var sums []string
	for info, err := range s.Each(t.Context()) {
		if err != nil {
			t.Fatalf("Each: %v", err)
		}
		sums = append(sums, info.Sum)
	}
	slices.Sort(sums)
	return sums
}

func hash(data string) string {
	h := sha256.Sum256([]byte(data))
	return hex.EncodeToString(h[:])
}

func keeps(t *testing.T, b Bench) {
	// 9 MiB is more than one part of a multipart upload.
	large := make([]byte, 9<<20)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	var want []string
	for _, data := range []string{"", "a", "hello\x00\xff\n", string(large)} {
		sum := put(t, b.Store, data)
		if sum != hash(data) {
			t.Errorf("Put(%.20q) = %s, want %s", data, sum, hash(data))
		}
		if got := get(t, b.Store, sum); got != data {
			t.Errorf("Open(%s) gives %d bytes %.20q, want %d bytes %.20q", sum, len(got), got, len(data), data)
		}
		info, err := b.Store.Stat(t.Context(), sum)
		if err != nil || info.Sum != sum || info.Size != int64(len(data)) || info.Put.IsZero() {
			t.Errorf("Stat(%s) = %+v, %v, want %d bytes and a time", sum, info, err, len(data))
		}
		if err := blob.Check(t.Context(), b.Store, sum); err != nil {
			t.Errorf("Check(%s): %v", sum, err)
		}
		want = append(want, sum)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, list(t, b.Store)); diff != "" {
		t.Errorf("Each differs (-want +got):\n%s", diff)
	}
}

func once(t *testing.T, b Bench) {
	first := put(t, b.Store, "twice")
	if second := put(t, b.Store, "twice"); second != first {
		t.Errorf("the same bytes got %s and %s", first, second)
	}
	if diff := cmp.Diff([]string{first}, list(t, b.Store)); diff != "" {
		t.Errorf("Each differs (-want +got):\n%s", diff)
	}
}

func interrupted(t *testing.T, b Bench) {
	broken := errors.New("connection lost")
	r := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
	if sum, _, err := b.Store.Put(t.Context(), r); !errors.Is(err, broken) || sum != "" {
		t.Errorf("Put of a broken reader = %q, %v, want %v", sum, err, broken)
	}
	if got := list(t, b.Store); len(got) > 0 {
		t.Errorf("after a broken Put, Each lists %v", got)
	}
	if _, err := b.Store.Stat(t.Context(), hash("half of it")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of the half that was read: %v, want not found", err)
	}
}

func cancelled(t *testing.T, b Bench) {
	ctx, cancel := context.WithCancel(t.Context())
	r := io.MultiReader(strings.NewReader("half of it"), cancelOnRead{cancel})
	if sum, _, err := b.Store.Put(ctx, r); !errors.Is(err, context.Canceled) || sum != "" {
		t.Errorf("cancelled Put = %q, %v, want %v", sum, err, context.Canceled)
	}
	if got := list(t, b.Store); len(got) > 0 {
		t.Errorf("after a cancelled Put, Each lists %v", got)
	}
}

// cancelOnRead cancels and would go on for ever.
type cancelOnRead struct{ cancel func() }

func (c cancelOnRead) Read(p []byte) (int, error) {
	c.cancel()
	return copy(p, "more"), nil
}

func seeks(t *testing.T, b Bench) {
	sum := put(t, b.Store, "0123456789")
	r, err := b.Store.Open(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if n, err := r.Seek(-4, io.SeekEnd); n != 6 || err != nil {
		t.Errorf("Seek(-4, end) = %d, %v, want 6", n, err)
	}
	if got, err := io.ReadAll(r); string(got) != "6789" || err != nil {
		t.Errorf("after Seek(-4, end): %q, %v, want 6789", got, err)
	}
	if n, err := r.Seek(2, io.SeekStart); n != 2 || err != nil {
		t.Errorf("Seek(2, start) = %d, %v, want 2", n, err)
	}
	two := make([]byte, 2)
	if _, err := io.ReadFull(r, two); string(two) != "23" || err != nil {
		t.Errorf("after Seek(2, start): %q, %v, want 23", two, err)
	}
}

func gives(t *testing.T, b Bench) {
	sum := put(t, b.Store, "for a child to read")
	path, done, err := b.Store.File(t.Context(), sum)
	if err != nil {
		t.Fatalf("File(%s): %v", sum, err)
	}
	if got, err := os.ReadFile(path); string(got) != "for a child to read" || err != nil {
		t.Errorf("File(%s) has %q, %v", sum, got, err)
	}
	done()
	if got := get(t, b.Store, sum); got != "for a child to read" {
		t.Errorf("after done, the blob is %q", got)
	}
	if _, _, err := b.Store.File(t.Context(), hash("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("File of a missing blob: %v, want not found", err)
	}
	if _, _, err := b.Store.File(t.Context(), "../x"); seedbed.CodeOf(err) != seedbed.Invalid {
		t.Errorf("File(../x): %v, want an invalid error", err)
	}
}

func deletes(t *testing.T, b Bench) {
	sum, other := put(t, b.Store, "old"), put(t, b.Store, "other")
	for range 2 {
		if err := b.Store.Delete(t.Context(), sum); err != nil {
			t.Errorf("Delete(%s): %v", sum, err)
		}
	}
	if _, err := b.Store.Open(t.Context(), sum); !errors.Is(err, fs.ErrNotExist) || seedbed.CodeOf(err) != seedbed.NotFound {
		t.Errorf("Open of a deleted blob: %v (%s), want not found", err, seedbed.CodeOf(err))
	}
	if _, err := b.Store.Stat(t.Context(), sum); !errors.Is(err, fs.ErrNotExist) || seedbed.CodeOf(err) != seedbed.NotFound {
		t.Errorf("Stat of a deleted blob: %v (%s), want not found", err, seedbed.CodeOf(err))
	}
	if got := get(t, b.Store, other); got != "other" {
		t.Errorf("the other blob is %q", got)
	}
	if again := put(t, b.Store, "old"); get(t, b.Store, again) != "old" {
		t.Errorf("a deleted blob cannot be put again")
	}
}

func names(t *testing.T, b Bench) {
	sum := put(t, b.Store, "here")
	for _, name := range []string{"", "x", "../" + sum, sum + "/", strings.ToUpper(sum), sum[:63] + "g", sum[:63], sum + "0", strings.Repeat(".", 64), sum[:2] + "/" + sum[3:]} {
		_, open := b.Store.Open(t.Context(), name)
		_, stat := b.Store.Stat(t.Context(), name)
		for call, err := range map[string]error{"Open": open, "Stat": stat, "Delete": b.Store.Delete(t.Context(), name)} {
			if seedbed.CodeOf(err) != seedbed.Invalid {
				t.Errorf("%s(%q) = %v, want an invalid error", call, name, err)
			}
		}
	}
	if got := get(t, b.Store, sum); got != "here" {
		t.Errorf("the blob is %q", got)
	}
}

func altered(t *testing.T, b Bench) {
	sum := put(t, b.Store, "the truth")
	b.Alter(sum, []byte("the trust"))
	if err := blob.Check(t.Context(), b.Store, sum); !errors.Is(err, blob.ErrAltered) {
		t.Errorf("Check of altered bytes: %v, want %v", err, blob.ErrAltered)
	}
	b.Alter(sum, []byte("the"))
	if err := blob.Check(t.Context(), b.Store, sum); !errors.Is(err, blob.ErrAltered) {
		t.Errorf("Check of truncated bytes: %v, want %v", err, blob.ErrAltered)
	}
}

func mends(t *testing.T, b Bench) {
	sum := put(t, b.Store, "the truth")
	b.Alter(sum, []byte("the"))
	put(t, b.Store, "the truth")
	if err := blob.Check(t.Context(), b.Store, sum); err != nil {
		t.Errorf("Check after the bytes were put again: %v", err)
	}
}

func many(t *testing.T, b Bench) {
	var wg sync.WaitGroup
	errs := make(chan error, 32)
	for i := range 32 {
		wg.Go(func() {
			data := bytes.Repeat(fmt.Appendf(nil, "blob %d ", i%4), 10_000)
			sum, _, err := b.Store.Put(t.Context(), bytes.NewReader(data))
			if err == nil {
				err = blob.Check(t.Context(), b.Store, sum)
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if got := list(t, b.Store); len(got) != 4 {
		t.Errorf("Each lists %d blobs, want 4", len(got))
	}
}
