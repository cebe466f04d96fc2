package read

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/gabriel-vasile/mimetype"
	"github.com/go-enry/go-enry/v2"

	"seedbed/extract/read/charset"
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
	formatMarkdown format = "Markdown"
	formatText     format = "text"
	formatCode     format = "code"
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
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return formatTar
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return formatTar
	}
	kind := mimetype.Detect(head)
	if !isText(kind) && !charset.IsText(head) || kind.Is("text/rtf") || kind.Is("application/postscript") {
		return foreign(kind, ext)
	}
	return textFormat(head, name, ext)
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
func foreign(m *mimetype.MIME, ext string) format {
	s := m.String()
	switch {
	case s == "application/octet-stream" && ext == "":
		return "binary data of an unknown kind"
	case s == "application/octet-stream":
		return format("binary data that is no " + strings.TrimPrefix(ext, ".") + " file we know")
	case strings.HasPrefix(s, "image/"):
		return format("an image (" + s + ")")
	case strings.HasPrefix(s, "audio/"), strings.HasPrefix(s, "video/"):
		return format("a recording (" + s + ")")
	case m.Is("text/rtf"):
		return "an RTF document: save it as PDF or HTML"
	case m.Is("application/x-ole-storage"), strings.Contains(s, "msword"):
		return "an old Office document: save it as PDF or HTML"
	case m.Is("application/x-7z-compressed"), m.Is("application/x-rar-compressed"), m.Is("application/x-xz"), m.Is("application/x-bzip2"), m.Is("application/zstd"):
		return format("an archive of a kind that is not read (" + s + "): pack it as zip or tar.gz")
	}
	return format(s)
}

var markdownHeading = regexp.MustCompile(`(?m)(^|\n\n)#{1,6} \S.*\n\n`)

// textFormat tells kinds of text apart.
func textFormat(head []byte, name, ext string) format {
	switch ext {
	case ".md", ".markdown", ".mdown", ".mkd", ".mdx", ".rmd", ".qmd":
		return formatMarkdown
	case ".txt", ".text", "":
		if len(markdownHeading.FindAllIndex(head, 3)) >= 2 {
			return formatMarkdown
		}
		if ext != "" {
			return formatText
		}
	}
	if language(head, name) != "" {
		return formatCode
	}
	return formatText
}

// language is the programming language of a file, "" if it is none.
func language(head []byte, name string) string {
	lang := enry.GetLanguage(path.Base(name), head)
	if enry.GetLanguageType(lang) != enry.Programming {
		return ""
	}
	return repo.Lang(lang)
}
