package sandbox

import (
	"context"
	"io"

	"seedbed/extract"
	"seedbed/extract/read"
)

// document reads with the reader for the file's format.
func document(ctx context.Context, r io.ReaderAt, size int64, name, cache string) (*extract.Document, error) {
	return read.Document(ctx, r, size, name, read.Options{CacheDir: cache})
}
