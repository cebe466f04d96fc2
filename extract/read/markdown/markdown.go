// Package markdown reads Markdown: CommonMark with tables, footnotes, front
// matter and formulas. Every block is a slice of the source, so what a reader
// quotes is what the author typed.
package markdown

import (
	"context"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/verbatim"
)

// Read reads a Markdown file in any encoding. The document's text is the
// source with "\n" line ends, and its blocks cover it: headings, paragraphs,
// list items (one block each, with the code and tables inside them), tables
// with their cells, code, formulas, footnotes; link definitions, rules and raw
// HTML are of kind Other, and so is front matter, which no model should see.
func Read(_ context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	d := Parse(src)
	d.Warnings = append(warnings, d.Warnings...)
	if d.Title == "" {
		base := path.Base(name)
		d.Title = strings.TrimSuffix(base, path.Ext(base))
	}
	return d, nil
}

// Parse is Read for text that has been decoded. The title stays empty where
// the text has none.
func Parse(src string) *extract.Document {
	w := verbatim.New(src, extract.Other)
	w.Kind = extract.Book
	body := frontMatter(src)
	if body > 0 {
		w.Add(0, body, extract.Block{Kind: extract.Other, Skip: "front matter"})
		describe(&w.Document, src[:body])
	}

	u := units{src: src, base: body, bytes: []byte(src[body:])}
	flatten(u.bytes)
	root := blocks.Parse(text.NewReader(u.bytes))
	u.list = make([]unit, 0, root.ChildCount()*3/2) // with the items of lists
	u.walk(root, 0)
	w.Grow(len(u.list))
	for i, unit := range u.list {
		end := len(src)
		if i+1 < len(u.list) {
			end = u.list[i+1].start
		}
		u.write(w, unit, end)
	}

	d := w.Done()
	if d.Title == "" {
		d.Title = title(d.Blocks)
	}
	return d
}

// title is the first heading of the outermost level there is.
func title(blocks []extract.Block) string {
	best := extract.Block{Level: 100}
	for _, b := range blocks {
		if b.Kind == extract.Heading && b.Level < best.Level {
			best = b
		}
	}
	return best.Title
}

// blocks finds the block structure. It parses no inlines: they are wanted in
// headings and cells only, and on one very long line they cost most.
var blocks = parser.NewParser(
	parser.WithBlockParsers(append(parser.DefaultBlockParsers(),
		util.Prioritized(mathParser{}, 650))...),
	// Link definitions stay in their paragraphs, see write: the parser's own
	// way takes time in the square of their number.
	parser.WithParagraphTransformers(util.Prioritized(extension.NewTableParagraphTransformer(), 200)),
)

// A unit is one block to be. It reaches to the start of the next one, which
// is what makes the blocks cover the source.
type unit struct {
	start int // of its first line
	node  ast.Node
	block extract.Block
}

type units struct {
	src   string
	base  int    // where the parsed text starts in src
	bytes []byte // the parsed text, flattened
	list  []unit
}

// walk lists the units under n; depth counts the lists around it.
func (u *units) walk(n ast.Node, depth int) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Blockquote:
			u.walk(c, depth)
		case *ast.List:
			for item := c.FirstChild(); item != nil; item = item.NextSibling() {
				u.item(item, depth+1)
			}
		default:
			u.add(c, depth)
		}
	}
}

// item is a unit up to its first nested list. What follows that list within
// the same item are units of their own.
func (u *units) item(n ast.Node, depth int) {
	u.start(n.Pos(), n, extract.Block{Kind: extract.ListItem, Level: depth})
	nested := false
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch {
		case c.Kind() == ast.KindList:
			nested = true
			for item := c.FirstChild(); item != nil; item = item.NextSibling() {
				u.item(item, depth+1)
			}
		case nested:
			u.add(c, depth)
		}
	}
}

func (u *units) add(n ast.Node, depth int) {
	b := extract.Block{Kind: extract.Paragraph}
	switch n := n.(type) {
	case *ast.Heading:
		// A heading inside a quote or an item is no part of the outline.
		if depth > 0 || n.Parent().Kind() == ast.KindBlockquote {
			break
		}
		b = extract.Block{Kind: extract.Heading, Level: n.Level}
	case *ast.CodeBlock:
		b.Kind = extract.Code
	case *ast.FencedCodeBlock:
		b.Kind = extract.Code
		b.Lang = language(string(n.Language(u.bytes)))
		if b.Lang == "math" {
			b = extract.Block{Kind: extract.Formula}
		}
	case *mathBlock:
		b.Kind = extract.Formula
	case *tables.Table:
		b.Kind = extract.Table
		// A table's own position is that of the paragraph it was cut from.
		u.start(n.FirstChild().FirstChild().Pos(), n, b)
		return
	case *ast.HTMLBlock, *ast.ThematicBreak:
		b.Kind = extract.Other
	case *ast.Blockquote:
		u.walk(n, depth)
		return
	}
	u.start(n.Pos(), n, b)
}

// start adds a unit that begins on the line of pos. Of several on one line
// ("- - x", "> # x") the innermost stays.
func (u *units) start(pos int, n ast.Node, b extract.Block) {
	if pos < 0 {
		if n.Lines() == nil || n.Lines().Len() == 0 {
			return
		}
		pos = n.Lines().At(0).Start
	}
	pos = min(pos+u.base, len(u.src))
	pos = max(u.base, strings.LastIndexByte(u.src[:pos], '\n')+1)
	if len(u.list) > 0 {
		switch last := &u.list[len(u.list)-1]; {
		case pos < last.start:
			return
		case pos == last.start:
			*last = unit{pos, n, b}
			return
		}
	}
	u.list = append(u.list, unit{pos, n, b})
}

var (
	// "[label]: address" with a title perhaps, on the first lines of a paragraph.
	definitions = regexp.MustCompile(`^( {0,3}\[[^\[\]^\n][^\[\]\n]*\]:[ \t]*\S+([ \t]+("[^"\n]*"|'[^'\n]*'|\([^)\n]*\)))?[ \t]*(\n|$))+`)

	footnote   = regexp.MustCompile(`(?m)^ {0,3}\[\^[^\]\n]+\]:`)
	htmlTitle  = regexp.MustCompile(`(?is)^\s*<h([1-6])\b[^>]*>(.*)</h[1-6]>\s*$`)
	htmlTag    = regexp.MustCompile(`</?[a-zA-Z!][^>]*>`)
	manySpaces = regexp.MustCompile(`\s+`)
)

func (u *units) write(w *verbatim.Writer, it unit, end int) {
	b, s := it.block, u.src[it.start:end]
	switch b.Kind {
	case extract.Heading:
		if b.Title = plain(lines(it.node, u.src[u.base:])); b.Title == "" {
			b = extract.Block{Kind: extract.Other}
		}
	case extract.Table:
		b.Rows = rows(it.node, u.src[u.base:])
	case extract.Other:
		if m := htmlTitle.FindStringSubmatch(s); m != nil && it.node.Kind() == ast.KindHTMLBlock {
			title := strings.TrimSpace(manySpaces.ReplaceAllString(htmlTag.ReplaceAllString(m[2], ""), " "))
			if title != "" {
				b = extract.Block{Kind: extract.Heading, Level: int(m[1][0] - '0'), Title: title}
			}
		}
	case extract.Code:
		// The paragraphs of a footnote after its first are indented.
		last := len(w.Blocks) - 1
		if it.node.Kind() == ast.KindCodeBlock && last >= 0 && w.Blocks[last].Kind == extract.Footnote {
			b.Kind = extract.Footnote
		}
	case extract.Paragraph:
		if !strings.Contains(s, "]:") {
			break
		}
		at := it.start
		if m := definitions.FindString(s); m != "" {
			w.Add(at, at+len(m), extract.Block{Kind: extract.Other})
			at += len(m)
			it.start, s = at, s[len(m):]
		}
		for _, m := range footnote.FindAllStringIndex(s, -1) {
			if m[0] > 0 {
				w.Add(at, it.start+m[0], b)
			}
			at, b.Kind = it.start+m[0], extract.Footnote
		}
		it.start = at
	}
	w.Add(it.start, end, b)
}

// lines joins the lines of a node, which leave out the signs around them.
func lines(n ast.Node, src string) string {
	var s strings.Builder
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		s.WriteString(src[seg.Start:seg.Stop])
	}
	return s.String()
}

// rows are the cells of a table, each without markup, the header first.
func rows(table ast.Node, src string) [][]string {
	var out [][]string
	for r := table.FirstChild(); r != nil; r = r.NextSibling() {
		var row []string
		for c := r.FirstChild(); c != nil; c = c.NextSibling() {
			row = append(row, plain(strings.ReplaceAll(lines(c, src), `\|`, "|")))
		}
		out = append(out, row)
	}
	return out
}

// language is the first word of a fence's info string: "python" in
// "{.python .numberLines}" and in "python title=x".
func language(info string) string {
	info = strings.TrimLeft(info, "{. ")
	info, _, _ = strings.Cut(info, ",")
	return strings.ToLower(strings.TrimRight(info, "}"))
}
