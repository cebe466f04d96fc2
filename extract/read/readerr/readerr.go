// Package readerr has the reasons why a file cannot be read. Package read
// re-exports them; they stand here so that the format packages beneath it can
// return them too.
package readerr

import "errors"

// Each is wrapped with the file's name, the place and what to do about it.
var (
	ErrEmpty       = errors.New("the file is empty")
	ErrEncrypted   = errors.New("the file is encrypted")
	ErrNoText      = errors.New("no text found")
	ErrUnsupported = errors.New("format not supported")
	ErrCorrupt     = errors.New("the file is damaged")
	ErrTooLarge    = errors.New("too large")
)

// Formats names what can be read, for messages.
const Formats = "PDF, EPUB, Word (.docx), OpenDocument (.odt), PowerPoint (.pptx), HTML (saved pages too: .mhtml), Markdown, reStructuredText, AsciiDoc, LaTeX, PreTeXt, plain text, manual pages, subtitles (.srt, .vtt), records (.csv, .tsv, .json, .jsonl), notebooks (.ipynb), source code, and code repositories as zip, tar, tar.gz, tar.zst or a folder"
