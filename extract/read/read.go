// Package read turns a file of any supported format into a document. What a
// file is, its content says; its name decides only between kinds of text.
package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/asciidoc"
	"seedbed/extract/read/code"
	"seedbed/extract/read/docx"
	"seedbed/extract/read/epub"
	"seedbed/extract/read/html"
	"seedbed/extract/read/latex"
	"seedbed/extract/read/man"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/notebook"
	"seedbed/extract/read/odt"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/pptx"
	"seedbed/extract/read/pretext"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/repo"
	"seedbed/extract/read/rst"
	"seedbed/extract/read/subtitle"
	"seedbed/extract/read/table"
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
	// PDF is the PDF engine itself, kept from file to file; nil loads it for
	// each.
	PDF *pdf.Runtime
	// OCR is the tesseract program, for the pages of PDFs that are images.
	OCR string
	// WholePage reads of a web page what stands around its article too.
	WholePage bool
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
		return pdf.Read(ctx, r, size, name, pdf.Options{Runtime: opts.PDF, CacheDir: opts.CacheDir, OCR: opts.OCR})
	case formatZip:
		return zipped(ctx, r, size, name, opts, depth)
	case formatPacked:
		return packed(ctx, all, name, opts, depth)
	case formatTar:
		return repo.Tar(ctx, all, name, opts.Limits)
	case formatMarkdown:
		return markdown.Read(ctx, all, name)
	case formatText:
		return text.Read(ctx, all, name)
	case formatHTML:
		if opts.WholePage {
			return html.Whole(ctx, all, name)
		}
		return html.Read(ctx, all, name)
	case formatSaved:
		return html.Archive(ctx, all, name, opts.WholePage)
	case formatLaTeX:
		return latex.Read(ctx, all, name)
	case formatPreTeXt:
		return pretext.Read(ctx, all, name)
	case formatRST:
		return rst.Read(ctx, all, name)
	case formatMan:
		return man.Read(ctx, all, name)
	case formatAsciiDoc:
		return asciidoc.Read(ctx, all, name)
	case formatTable:
		return table.Read(ctx, all, name)
	case formatSubtitle:
		return subtitle.Read(ctx, all, name)
	case formatNotebook:
		return notebook.Read(ctx, all, name)
	case formatCode:
		return code.Read(ctx, all, name, programming(head, name))
	case formatOldOffice:
		if isLocked(r, size) {
			return nil, fmt.Errorf("read %s: %w", name, ErrEncrypted)
		}
		fallthrough
	default:
		return nil, fmt.Errorf("read %s: %w: it is %s; %s can be read", name, ErrUnsupported, f, readerr.Formats)
	}
}

// zipped reads what is packed as zip: a book, a repository, or one document.
func zipped(ctx context.Context, r io.ReaderAt, size int64, name string, opts Options, depth int) (*extract.Document, error) {
	z, err := repo.OpenZip(r, size, name)
	if err != nil {
		return nil, err
	}
	if epub.Is(z) {
		return epub.Read(ctx, r, size, name)
	}
	switch what := office(z); what {
	case "":
	case wordDocument:
		return docx.Read(ctx, r, size, name)
	case presentation:
		return pptx.Read(ctx, r, size, name)
	case openText:
		return odt.Read(ctx, r, size, name)
	default:
		return nil, fmt.Errorf("read %s: %w: it is %s; save it as PDF or HTML; %s can be read", name, ErrUnsupported, what, readerr.Formats)
	}
	f := only(z)
	if f == nil || depth > 0 {
		return repo.Zip(ctx, r, size, name, opts.Limits)
	}
	data, err := unpack(f)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", f.Name, name, err)
	}
	d, err := document(ctx, bytes.NewReader(data), int64(len(data)), path.Base(f.Name), opts, depth+1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range d.Blocks {
		d.Blocks[i].File = f.Name
	}
	return d, nil
}

// packed reads what is packed with gzip or Zstandard: a tar archive or one
// document.
func packed(ctx context.Context, r *io.SectionReader, name string, opts Options, depth int) (*extract.Document, error) {
	damaged := func(err error) error {
		return fmt.Errorf("read %s: %w: the packed file is cut off or broken; pack or download it again: %w", name, ErrCorrupt, err)
	}
	z, err := repo.Unpack(r)
	if err != nil {
		return nil, damaged(err)
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(z, head)
	if isTar(head[:n]) {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		return repo.Tar(ctx, r, name, opts.Limits)
	}
	if err != nil && err != io.EOF && n == 0 {
		return nil, damaged(err)
	}
	if depth > 0 {
		return nil, fmt.Errorf("read %s: %w: an archive inside an archive; unpack it first", name, ErrUnsupported)
	}
	data, err := limited(io.MultiReader(bytes.NewReader(head[:n]), z))
	if errors.Is(err, ErrCorrupt) {
		return nil, damaged(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	d, err := document(ctx, bytes.NewReader(data), int64(len(data)), strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst"), opts, depth+1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
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
	if d.Language = canonical(d.Language); d.Language == "" {
		d.Language = tongue(d)
	}
	return d, nil
}
