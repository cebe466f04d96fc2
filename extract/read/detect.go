package read

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"seedbed/extract/read/charset"
	"seedbed/extract/read/html"
	"seedbed/extract/read/language"
	"seedbed/extract/read/man"
	"seedbed/extract/read/pretext"
	"seedbed/extract/read/repo"
)

// headSize is how much of a file is looked at to tell its format.
const headSize = 64 << 10

// A format is one that can be read, or the words for one that cannot.
type format string

const (
	formatPDF      format = "PDF"
	formatZip      format = "zip"
	formatTar      format = "tar"
	formatPacked   format = "gzip or zstd"
	formatMarkdown format = "Markdown"
	formatText     format = "text"
	formatHTML     format = "HTML"
	formatSaved    format = "a saved page"
	formatNotebook format = "notebook"
	formatLaTeX    format = "LaTeX"
	formatPreTeXt  format = "PreTeXt"
	formatTable    format = "records"
	formatAsciiDoc format = "AsciiDoc"
	formatMan      format = "manual page"
	formatRST      format = "reStructuredText"
	formatSubtitle format = "subtitles"
	formatCode     format = "code"

	formatOldOffice format = "an old Office document: save it as PDF or HTML"
)

// detect tells the format of a file that starts with head.
func detect(head []byte, name string) format {
	ext := strings.ToLower(path.Ext(name))
	switch {
	case bytes.HasPrefix(bytes.TrimLeft(head, "\x00\t\n\r\f \xef\xbb\xbf"), []byte("%PDF-")):
		return formatPDF
	case ext == ".pdf" && bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")):
		return formatPDF // behind some junk, which PDF allows
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formatZip
	case bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return formatPacked
	case isTar(head):
		return formatTar
	}
	if html.IsArchive(head) {
		return formatSaved
	}
	kind := mimetype.Detect(head)
	if !isText(kind) && !charset.IsText(head) || kind.Is("text/rtf") || kind.Is("application/postscript") {
		return foreign(kind)
	}
	return textFormat(head, name, ext, kind)
}

func isTar(head []byte) bool {
	return len(head) > 262 && string(head[257:262]) == "ustar"
}

// isLocked reports whether what looks like an old Office document is a new one
// with a password: those stand in a stream of that name in an old one.
func isLocked(r io.ReaderAt, size int64) bool {
	const far = 1 << 20
	name := []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")
	for _, at := range []int64{0, max(0, size-far)} {
		part, err := io.ReadAll(io.NewSectionReader(r, at, far))
		if err == nil && bytes.Contains(part, name) {
			return true
		}
	}
	return false
}

func isText(m *mimetype.MIME) bool {
	for ; m != nil; m = m.Parent() {
		if m.Is("text/plain") {
			return true
		}
	}
	return false
}

// foreign are words for a format that cannot be read.
func foreign(m *mimetype.MIME) format {
	s := m.String()
	switch {
	case s == "application/octet-stream":
		return "binary data of an unknown kind"
	case strings.HasPrefix(s, "image/"):
		return format("an image (" + s + ")")
	case strings.HasPrefix(s, "audio/"), strings.HasPrefix(s, "video/"):
		return format("a recording (" + s + ")")
	case m.Is("text/rtf"):
		return "an RTF document: save it as PDF or HTML"
	case m.Is("application/x-ole-storage"), strings.Contains(s, "msword"):
		return formatOldOffice
	case m.Is("application/x-7z-compressed"), m.Is("application/x-rar-compressed"), m.Is("application/x-xz"), m.Is("application/x-bzip2"):
		return format("an archive of a kind that is not read (" + s + "): pack it as zip, tar.gz or tar.zst")
	}
	return format(s)
}

var markdownHeading = regexp.MustCompile(`(?m)(^|\n\n)#{1,6} \S.*\n\n`)

// documentClass opens a LaTeX source, whatever it is called: preprint servers
// name them by number.
var documentClass = regexp.MustCompile(`(?m)^\s*\\document(class|style)\s*[\[{]`)

// textFormat tells kinds of text apart.
func textFormat(head []byte, name, ext string, kind *mimetype.MIME) format {
	switch start := strings.ToLower(string(bytes.TrimLeft(head[:min(len(head), 1024)], "\xef\xbb\xbf \t\r\n"))); {
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"),
		strings.HasPrefix(start, "<?xml") && strings.Contains(start, "<html"):
		return formatHTML
	case strings.HasPrefix(start, "{") && bytes.Contains(head, []byte(`"cells"`)) && (ext == ".ipynb" || bytes.Contains(head, []byte(`"cell_type"`))):
		return formatNotebook
	}
	if pretext.Is(head, ext) {
		return formatPreTeXt
	}
	switch ext {
	case ".tex", ".latex", ".ltx":
		return formatLaTeX
	case ".csv", ".tsv", ".json", ".jsonl", ".ndjson":
		return formatTable
	case ".rst", ".rest":
		return formatRST
	case ".adoc", ".asciidoc":
		return formatAsciiDoc
	case ".srt", ".vtt":
		return formatSubtitle
	case ".html", ".htm", ".xhtml":
		return formatHTML
	case ".ipynb":
		return formatNotebook
	case ".md", ".markdown", ".mdown", ".mkd", ".mdx", ".rmd", ".qmd":
		return formatMarkdown
	case ".txt", ".text", "":
		if documentClass.Match(head[:min(len(head), 8<<10)]) {
			return formatLaTeX
		}
		if kind.Is("text/html") {
			return formatHTML
		}
		if len(markdownHeading.FindAllIndex(head, 3)) >= 2 {
			return formatMarkdown
		}
		if ext != "" {
			return formatText
		}
	}
	if documentClass.Match(head[:min(len(head), 8<<10)]) {
		return formatLaTeX
	}
	if len(ext) == 2 && ext[1] >= '1' && ext[1] <= '9' && man.Is(head) {
		return formatMan
	}
	if programming(head, name) != "" {
		return formatCode
	}
	if kind.Is("text/html") {
		return formatHTML
	}
	return formatText
}

// programming is the programming language of a file, "" if it is none.
func programming(head []byte, name string) string {
	lang := language.Of(name, head)
	if language.KindOf(lang) != language.Programming {
		return ""
	}
	return repo.Lang(lang)
}

// Words for office documents.
const (
	wordDocument = "a Word document"
	presentation = "a PowerPoint presentation"
	openText     = "OpenDocument text"
)

// office are the words for an office document, "" for any other zip archive.
func office(z *zip.Reader) string {
	for _, f := range z.File {
		switch f.Name {
		case "[Content_Types].xml":
			for _, f := range z.File {
				switch {
				case strings.HasPrefix(f.Name, "word/"):
					return wordDocument
				case strings.HasPrefix(f.Name, "xl/"):
					return "an Excel workbook"
				case strings.HasPrefix(f.Name, "ppt/"):
					return presentation
				}
			}
			return "an Office document"
		case "mimetype":
			data, err := unpack(f)
			if err == nil && bytes.HasPrefix(data, []byte("application/vnd.oasis.opendocument")) {
				for _, kind := range []string{"text", "presentation"} {
					if strings.HasPrefix(string(data), "application/vnd.oasis.opendocument."+kind) {
						return openText
					}
				}
				return "an OpenDocument file"
			}
		}
	}
	return ""
}

// only is the archive's one document, nil if it holds more files or code.
func only(z *zip.Reader) *zip.File {
	var found *zip.File
	for _, f := range z.File {
		if !f.Mode().IsRegular() || strings.HasPrefix(f.Name, "__MACOSX/") || path.Base(f.Name) == ".DS_Store" {
			continue
		}
		if found != nil {
			return nil
		}
		found = f
	}
	if found == nil || strings.Contains(found.Name, "..") || strings.HasPrefix(found.Name, "/") {
		return nil
	}
	switch strings.ToLower(path.Ext(found.Name)) {
	case ".pdf", ".epub", ".html", ".htm", ".md", ".markdown", ".txt", ".ipynb":
		return found
	}
	return nil
}

// maxUnpacked bounds a single document inside an archive.
const maxUnpacked = 256 << 20

func unpack(f *zip.File) ([]byte, error) {
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("%w: upload an archive without password", ErrEncrypted)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	defer func() { _ = r.Close() }()
	return limited(r)
}

// limited reads a single document out of its archive.
func limited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	case len(data) > maxUnpacked:
		return nil, fmt.Errorf("%w: it unpacks to more than %d MB", ErrTooLarge, maxUnpacked>>20)
	}
	return data, nil
}
