// Package extract is the library at the heart of Seedbed: the words that
// every reader, stage and program shares.
//
// A reader turns bytes into a [Document]; chunk cuts the document into
// [Passage]s; a recipe's [Stage]s turn each passage into [Seed]s; a [Model]
// answers what the rules alone cannot.
package extract

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kinds of source. A reader sets the one that fits best.
const (
	Book       = "book"
	Paper      = "paper"
	Page       = "page"
	Repository = "repository"
)

// BlockKind says what a block is.
type BlockKind string

// The kinds of block a reader tells apart. Other is text that a reader keeps
// because it is in the source, though it is none of the rest (raw HTML in
// Markdown, front matter, a link definition).
const (
	Heading   BlockKind = "heading"
	Paragraph BlockKind = "paragraph"
	ListItem  BlockKind = "item"
	Table     BlockKind = "table"
	Code      BlockKind = "code"
	Formula   BlockKind = "formula"
	Caption   BlockKind = "caption"
	Footnote  BlockKind = "footnote"
	Other     BlockKind = "other"
)

// A Document is what reading a source yields: one text, and the typed blocks
// that cover it. Blocks stand in reading order and only white space lies
// between them; [Document.Check] holds a reader to that.
type Document struct {
	Title    string        `json:"title"`
	Authors  []string      `json:"authors,omitempty"`
	Language string        `json:"language,omitempty"` // BCP 47, "" when not known
	License  string        `json:"license,omitempty"`  // SPDX identifier, or the words found
	Kind     string        `json:"kind"`               // Book, Paper, Page or Repository
	Commit   string        `json:"commit,omitempty"`   // of a repository, where its archive names it
	Text     string        `json:"text"`
	Blocks   []Block       `json:"blocks"`
	Pages    []PageReport  `json:"pages,omitempty"`
	Skipped  []SkippedFile `json:"skipped,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
}

// A Block is a stretch of the document of one kind.
// Its Text is the document's text from Start to End.
type Block struct {
	Kind    BlockKind  `json:"kind"`
	Level   int        `json:"level,omitempty"`  // headings: 1 is the outermost; list items: depth from 1
	Title   string     `json:"title,omitempty"`  // headings: the words without markup or numbering signs
	Text    string     `json:"text"`             // verbatim
	Lang    string     `json:"lang,omitempty"`   // code: "go", "python", …
	Symbol  *Symbol    `json:"symbol,omitempty"` // code: what is declared here
	Rows    [][]string `json:"rows,omitempty"`   // tables: cells by row, the header first
	Skip    string     `json:"skip,omitempty"`   // why no model should see this block; "" is a normal block
	Locator `json:"at"`
}

// A Locator says where a stretch of text stands. Start and End are offsets
// into the document's text, counted in code points; the rest points into the
// original file and is zero where the format knows no such thing.
type Locator struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	File  string `json:"file,omitempty"`  // path inside an archive or repository
	Page  int    `json:"page,omitempty"`  // from 1
	Label string `json:"label,omitempty"` // the page's printed label: "iv", "A-3"
	Lines [2]int `json:"lines,omitzero"`  // first and last line in the file, from 1
	Boxes []Box  `json:"boxes,omitempty"` // on a PDF page
}

// A Box is a rectangle on a page, in points from the top left corner.
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// A Symbol is a declaration found in code.
type Symbol struct {
	Name      string   `json:"name"` // with its receiver or class: "Stack.Push"
	Kind      string   `json:"kind"` // function, method, type, constant, variable, test, example
	Signature string   `json:"signature,omitempty"`
	Doc       string   `json:"doc,omitempty"`   // the comment's words, without comment signs
	Tests     []string `json:"tests,omitempty"` // names of tests that name this symbol
}

// A PageReport says how one page of a PDF was read.
type PageReport struct {
	Page    int    `json:"page"`            // from 1
	Label   string `json:"label,omitempty"` // the printed label
	Engine  string `json:"engine"`          // pdfium, ledongthuc, tesseract
	Verdict string `json:"verdict"`         // clean, garbled, scan, empty
	Words   int    `json:"words"`           // with those that were dropped

	Width  float64 `json:"width,omitempty"` // in points, as shown: boxes lie within
	Height float64 `json:"height,omitempty"`

	Glued    int    `json:"glued,omitempty"`    // words that are two run together
	Unmapped int    `json:"unmapped,omitempty"` // letters whose font does not say which they are
	Note     string `json:"note,omitempty"`     // why this engine and not the usual one

	// Dropped are the running heads, feet and page numbers that stand on the
	// page and are no part of the text.
	Dropped []string `json:"dropped,omitempty"`
}

// A SkippedFile is a file of an archive that was left out, and why.
type SkippedFile struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// Warn adds a warning that is shown with the source.
func (d *Document) Warn(format string, args ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, args...))
}

// Check reports the first place where the blocks do not cover the text: a
// block whose Text is not the text from Start to End, blocks out of order, or
// something other than white space between two of them.
func (d *Document) Check() error {
	if !utf8.ValidString(d.Text) {
		return fmt.Errorf("document text is not valid UTF-8")
	}
	at, rest := 0, d.Text // code points passed, text still ahead
	for i, b := range d.Blocks {
		gap := strings.Index(rest, b.Text)
		if b.Text == "" || gap < 0 {
			return fmt.Errorf("block %d (%s): its text %.40q is not in the document after offset %d", i, b.Kind, b.Text, at)
		}
		if strings.TrimSpace(rest[:gap]) != "" {
			return fmt.Errorf("block %d (%s): %.40q before it belongs to no block", i, b.Kind, strings.TrimSpace(rest[:gap]))
		}
		at += utf8.RuneCountInString(rest[:gap])
		end := at + utf8.RuneCountInString(b.Text)
		if b.Start != at || b.End != end {
			return fmt.Errorf("block %d (%s): stands at %d–%d but says %d–%d", i, b.Kind, at, end, b.Start, b.End)
		}
		at, rest = end, rest[gap+len(b.Text):]
	}
	if strings.TrimSpace(rest) != "" {
		return fmt.Errorf("after the last block: %.40q belongs to no block", strings.TrimSpace(rest))
	}
	return nil
}

// A Builder writes a document block by block and keeps the offsets.
// The zero value is ready to use.
type Builder struct {
	Document
	text  strings.Builder
	runes int
}

// Add appends b after gap, the white space between it and the block before
// (dropped before the first block). It sets b's Start and End from b.Text;
// a block whose text is only white space is not added. Bytes that are not
// UTF-8 become U+FFFD.
func (w *Builder) Add(gap string, b Block) {
	b.Text = strings.ToValidUTF8(b.Text, "\uFFFD")
	if strings.TrimSpace(b.Text) == "" {
		return
	}
	if len(w.Blocks) > 0 {
		w.text.WriteString(gap)
		w.runes += utf8.RuneCountInString(gap)
	}
	b.Start = w.runes
	w.runes += utf8.RuneCountInString(b.Text)
	b.End = w.runes
	w.text.WriteString(b.Text)
	w.Blocks = append(w.Blocks, b)
}

// Append adds all of d's blocks after gap, with the white space d has between
// them, and takes over its warnings. Each block's File becomes file where
// file is not empty.
func (w *Builder) Append(gap string, d *Document, file string) {
	at := 0 // bytes of d.Text passed
	for _, b := range d.Blocks {
		i := strings.Index(d.Text[at:], b.Text)
		if at > 0 {
			gap = d.Text[at : at+i]
		}
		at += i + len(b.Text)
		if file != "" {
			b.File = file
		}
		w.Add(gap, b)
	}
	w.Warnings = append(w.Warnings, d.Warnings...)
	w.Skipped = append(w.Skipped, d.Skipped...)
}

// Done returns the document. The builder must not be used after it.
func (w *Builder) Done() *Document {
	d := w.Document
	d.Text = w.text.String()
	d.share()
	return &d
}

// share makes the blocks' texts stretches of the document's own text, so that
// it is held in memory once.
func (d *Document) share() {
	rest := d.Text
	for i := range d.Blocks {
		b := &d.Blocks[i]
		at := strings.Index(rest, b.Text)
		if at < 0 {
			return // Check tells where
		}
		b.Text = rest[at : at+len(b.Text)]
		rest = rest[at+len(b.Text):]
	}
}

// A Section is a heading with what stands under it up to the next heading.
// The first section of a document that does not open with a heading has none.
type Section struct {
	Path   []string // titles from the outermost heading to this one
	Level  int      // of its heading, 0 without one
	Blocks []Block  // with the heading first
}

// Sections cuts the document at its headings.
func (d *Document) Sections() []Section {
	var out []Section
	var path []Block // open headings
	first := 0
	cut := func(end int) {
		if end == first {
			return
		}
		s := Section{Blocks: d.Blocks[first:end]}
		for _, h := range path {
			s.Path = append(s.Path, h.Title)
			s.Level = h.Level
		}
		out = append(out, s)
		first = end
	}
	for i, b := range d.Blocks {
		if b.Kind != Heading {
			continue
		}
		cut(i)
		for len(path) > 0 && path[len(path)-1].Level >= b.Level {
			path = path[:len(path)-1]
		}
		path = append(path, b)
	}
	cut(len(d.Blocks))
	return out
}

// Slice returns the document's text from start to end, in code points.
// It walks the text: keep it out of loops.
func (d *Document) Slice(start, end int) string {
	if start < 0 || end < start {
		return ""
	}
	from := byteOffset(d.Text, start)
	return d.Text[from : from+byteOffset(d.Text[from:], end-start)]
}

// byteOffset is the place in s of its n-th code point, len(s) past the end.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// UnmarshalJSON decodes a document whose blocks share the memory of its text.
func (d *Document) UnmarshalJSON(data []byte) error {
	type plain Document
	if err := json.Unmarshal(data, (*plain)(d)); err != nil {
		return err
	}
	d.share()
	return nil
}

// ReadDocument decodes a document that was written as JSON and checks it.
func ReadDocument(data []byte) (*Document, error) {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("decode document: %w", err)
	}
	if err := d.Check(); err != nil {
		return nil, fmt.Errorf("decode document: %w", err)
	}
	return &d, nil
}
