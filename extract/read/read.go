// Package read turns a file of any supported format into a document. What a
// file is, its content says; its name decides only between kinds of text.
package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"seedbed/extract"
	"seedbed/extract/read/code"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/repo"
	"seedbed/extract/read/text"
)

// Why a file cannot be read. The errors of this package wrap one of these,
// and say what to do.
var (
	ErrEmpty       = readerr.ErrEmpty
	ErrEncrypted   = readerr.ErrEncrypted
	ErrNoText      = readerr.ErrNoText
	ErrUnsupported = readerr.ErrUnsupported
	ErrCorrupt     = readerr.ErrCorrupt
	ErrTooLarge    = readerr.ErrTooLarge
)

// Options say how to read. The zero value works.
type Options struct {
	// CacheDir keeps what is compiled once for this machine (the PDF engine).
	CacheDir string
	// Limits bound what archives unpack to.
	Limits repo.Limits
}

// File reads the file or, as a repository, the folder at path.
func File(ctx context.Context, path string, opts Options) (*extract.Document, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if info.IsDir() {
		return checked(repo.Folder(ctx, path, opts.Limits))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: %w: it is neither a file nor a folder", path, ErrUnsupported)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer func() { _ = f.Close() }()
	return Document(ctx, f, info.Size(), filepath.Base(path), opts)
}

// Document reads a file of size bytes. Its name is used in messages, as the
// title of a document that states none, and to tell apart kinds of text.
func Document(ctx context.Context, r io.ReaderAt, size int64, name string, opts Options) (*extract.Document, error) {
	return checked(document(ctx, r, size, name, opts, 0))
}

func document(ctx context.Context, r io.ReaderAt, size int64, name string, opts Options, depth int) (*extract.Document, error) {
	if size == 0 {
		return nil, fmt.Errorf("read %s: %w", name, ErrEmpty)
	}
	head := make([]byte, min(size, headSize))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	all := io.NewSectionReader(r, 0, size)
	switch f := detect(head, name); f {
	case formatPDF:
		return pdf.Read(ctx, r, size, name, pdf.Options{CacheDir: opts.CacheDir})
	case formatZip:
		return repo.Zip(ctx, r, size, name, opts.Limits)
	case formatTar:
		return repo.Tar(ctx, all, name, opts.Limits)
	case formatMarkdown:
		return markdown.Read(ctx, all, name)
	case formatText:
		return text.Read(ctx, all, name)
	case formatCode:
		return code.Read(ctx, all, name, language(head, name))
	default:
		return nil, fmt.Errorf("read %s: %w: it is %s; %s can be read", name, ErrUnsupported, f, readerr.Formats)
	}
}

// checked holds every reader to what a document promises.
func checked(d *extract.Document, err error) (*extract.Document, error) {
	if err != nil {
		return nil, err
	}
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w", d.Title, ErrNoText)
	}
	if err := d.Check(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: the reader is at fault, please report it: %w", d.Title, err), ErrCorrupt)
	}
	return d, nil
}
