// Package chunk splits a document into passages.
//
// A passage is made of whole blocks under one heading path, 600 to 1,000
// tokens where the document allows it. Tokens are counted, not estimated. The
// passages and what lies between them, white space alone, are the whole
// document: nothing is lost. They overlap only where that is asked for.
package chunk

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/tokens"
)

// Options say how long passages are, in tokens as [tokens.Count] counts them.
// Zero fields take the defaults.
type Options struct {
	Min    int // shorter neighbours are joined, default 600
	Target int // what a long section is cut into, default 800
	Max    int // no passage is longer, default 1000

	// Overlap is how much of the paragraph before it a passage begins with
	// where it goes on with the same section, in whole sentences; 0 is nothing.
	Overlap int
}

// The least Max. Below it a passage could not hold one odd character.
const leastMax = 16

// A block that must stay whole may be this many times Max. Beyond it no model
// could read it, and it is cut like any other.
const ceiling = 4

// Bare is the reason to skip a passage that is nothing but headings.
const Bare = "heading without text"

func (o Options) withDefaults() Options {
	if o.Max <= 0 {
		o.Max = 1000
	}
	o.Max = max(o.Max, leastMax)
	if o.Target <= 0 {
		o.Target = o.Max * 8 / 10
	}
	o.Target = min(o.Target, o.Max)
	if o.Min <= 0 {
		o.Min = o.Max * 6 / 10
	}
	o.Min = min(o.Min, o.Target)
	return o
}

// Split cuts doc, which must pass [extract.Document.Check], into passages, in
// document order. The same document and options give the same passages.
//
// A section with all that stands under it is one passage where it is no
// longer than Max; small neighbours under one parent are joined, and a long
// section is cut into parts of about equal length, each with the heading's
// path and the first with the heading itself. A passage's Path is what the
// headings above all of its text have in common.
//
// Blocks that are to be skipped make passages of their own, as do headings
// with no text below them ([Bare]). No passage reaches over two files of a
// repository, however small they are: code belongs to its file, and so does
// what is asked about it.
//
// Functions, list items, tables and formulas are not cut. One that is longer
// than Max is a passage alone, with its heading; only past four times Max is
// it cut too. Code of which nobody knows the functions is cut before lines
// that begin at the margin after an empty one, other text between sentences,
// a sentence too long between words, and a word too long between characters.
func Split(doc *extract.Document, o Options) iter.Seq[extract.Passage] {
	return func(yield func(extract.Passage) bool) {
		c := newCutter(doc, o.withDefaults())
		for first := 0; first < len(doc.Blocks); {
			last := c.stretch(first)
			var before *part
			for _, p := range c.cut(first, last) {
				whole := p
				if before != nil && c.Overlap > 0 {
					p = c.overlap(*before, p)
				}
				if !yield(c.passage(p)) {
					return
				}
				before = &whole
			}
			first = last
		}
	}
}

// A heading is an open heading with those above it. The nil heading stands
// above all.
type heading struct {
	up    *heading
	title string
	level int
	depth int // headings from the outermost to this one
}

// The deepest level of heading that is told apart.
const deepest = 32

func (h *heading) path() []string {
	if h == nil {
		return nil
	}
	path := make([]string, h.depth)
	for ; h != nil; h = h.up {
		path[h.depth-1] = h.title
	}
	return path
}

// common is the innermost heading above both or equal to both.
func common(a, b *heading) *heading {
	for a != b {
		switch {
		case a == nil || b == nil:
			return nil
		case a.depth > b.depth:
			a = a.up
		case b.depth > a.depth:
			b = b.up
		default:
			a, b = a.up, b.up
		}
	}
	return a
}

// A part is a run of text on its way to become a passage: whole blocks, or a
// piece of one, or pieces and blocks.
type part struct {
	first, last int // blocks, last excluded
	from, to    int // bytes of the document's text
	start, end  int // code points of it
	lines       [2]int
	tokens      int
}

// and is the part from the beginning of a to the end of b, its neighbour.
func (a part) and(b part) part {
	a.last, a.to, a.end = b.last, b.to, b.end
	a.lines[1] = b.lines[1]
	a.tokens += b.tokens
	return a
}

type cutter struct {
	Options
	doc   *extract.Document
	from  []int      // where each block begins in the document's text, in bytes, and the text's end
	under []*heading // the heading each block stands under; a heading stands under itself
	size  []int      // tokens of the text before each block, and of all at the end
}

func newCutter(doc *extract.Document, o Options) *cutter {
	n := len(doc.Blocks)
	c := &cutter{Options: o, doc: doc, from: make([]int, n+1), under: make([]*heading, n), size: make([]int, n+1)}
	var open *heading
	at, runes := 0, 0
	for i := range doc.Blocks {
		b := &doc.Blocks[i]
		for ; runes < b.Start; runes++ {
			_, w := utf8.DecodeRuneInString(doc.Text[at:])
			at += w
		}
		c.from[i] = at
		at, runes = at+len(b.Text), b.End

		if b.Kind == extract.Heading {
			level := min(max(b.Level, 1), deepest)
			for open != nil && open.level >= level {
				open = open.up
			}
			h := &heading{up: open, title: b.Title, level: level, depth: 1}
			if open != nil {
				h.depth = open.depth + 1
			}
			open = h
		}
		c.under[i] = open
	}
	c.from[n] = len(doc.Text)
	for i := range n {
		c.size[i+1] = c.size[i] + c.count(c.from[i], c.from[i+1])
	}
	return c
}

// count is how many tokens a part of the document's text is at most, whatever
// of its neighbours it is joined with. Its first and its last word may come to
// more without the white space around them, and a token may reach from one
// part into the next where no white space parts them, or where a slash leaves
// its word for the line break before it.
func (c *cutter) count(from, to int) int {
	text := c.doc.Text[from:to]
	n := tokens.Count(text)
	if start := strings.TrimLeftFunc(text, unicode.IsSpace); len(start) < len(text) && start != "" {
		word := strings.IndexFunc(start, unicode.IsSpace)
		if word < 0 {
			word = len(start)
		}
		n += max(0, tokens.Count(start[:word])-tokens.Count(text[:len(text)-len(start)+word]))
	}
	if end := strings.TrimRightFunc(text, unicode.IsSpace); len(end) < len(text) {
		word := strings.LastIndexFunc(end, unicode.IsSpace) + 1
		n += max(0, tokens.Count(end[word:])-tokens.Count(text[word:]))
	}
	if r, _ := utf8.DecodeRuneInString(c.doc.Text[to:]); to < len(c.doc.Text) && (r == '/' || !strings.HasSuffix(text, "\n") && !unicode.IsSpace(r)) {
		n++
	}
	return n
}

// stretch is the end of the blocks from first on that may share a passage.
func (c *cutter) stretch(first int) int {
	b := &c.doc.Blocks[first]
	last := first + 1
	for ; last < len(c.doc.Blocks); last++ {
		n := &c.doc.Blocks[last]
		if n.Skip != b.Skip || c.doc.Kind == extract.Repository && n.File != b.File {
			break
		}
	}
	return last
}

// blocks is the part of whole blocks.
func (c *cutter) blocks(first, last int) part {
	b, l := &c.doc.Blocks[first], &c.doc.Blocks[last-1]
	return part{
		first: first, last: last,
		from: c.from[first], to: c.from[last-1] + len(l.Text),
		start: b.Start, end: l.End,
		lines:  [2]int{b.Lines[0], l.Lines[1]},
		tokens: c.size[last] - c.size[first],
	}
}

// bare reports whether the blocks are nothing but headings.
func (c *cutter) bare(first, last int) bool {
	for i := first; i < last; i++ {
		if c.doc.Blocks[i].Kind != extract.Heading {
			return false
		}
	}
	return true
}

func (c *cutter) passage(a part) extract.Passage {
	b := &c.doc.Blocks[a.first]
	if a.tokens > c.Max {
		a.tokens = tokens.Count(c.doc.Text[a.from:a.to]) // without the gaps around it
	}
	p := extract.Passage{
		Path:   c.path(a),
		Text:   c.doc.Text[a.from:a.to],
		Tokens: a.tokens,
		Skip:   b.Skip,
		Locator: extract.Locator{
			Start: a.start, End: a.end,
			File: b.File, Page: b.Page, Label: b.Label,
		},
		First: a.first, Last: a.last,
		Doc: c.doc,
	}
	if b.File == c.doc.Blocks[a.last-1].File {
		p.Lines = c.lines(a)
	}
	if p.Skip == "" && a.tokens < c.Min/4 && c.bare(a.first, a.last) {
		p.Skip = Bare
	}
	p.ID = extract.PassageID(p.Path, p.Text)
	return p
}

// lines are the first and the last line known of a's blocks, which are of one
// file.
func (c *cutter) lines(a part) [2]int {
	for i := a.first; i < a.last && a.lines[0] == 0; i++ {
		a.lines[0] = c.doc.Blocks[i].Lines[0] // no reader gives lines to a heading that is a file's name
	}
	for i := a.last - 1; i >= a.first && a.lines[1] == 0; i-- {
		a.lines[1] = c.doc.Blocks[i].Lines[1]
	}
	return a.lines
}

// path is what the headings above all of a's text have in common. Headings
// count as text only where there is no other.
func (c *cutter) path(a part) []string {
	var h *heading
	any := false
	onlyHeadings := c.bare(a.first, a.last)
	for i := a.first; i < a.last; i++ {
		switch {
		case c.doc.Blocks[i].Kind == extract.Heading && !onlyHeadings:
		case !any:
			h, any = c.under[i], true
		default:
			h = common(h, c.under[i])
		}
	}
	return h.path()
}
