// Package odt reads OpenDocument text (.odt): headings by outline level,
// lists with their numbers, tables, footnotes, and formulas that carry TeX.
// Presentations (.odp) are read the same way, slide by slide.
package odt

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/table"
	"seedbed/extract/read/zipxml"
)

// Read reads an OpenDocument file.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string) (*extract.Document, error) {
	a, err := zipxml.Open(r, size, name)
	if err != nil {
		return nil, err
	}
	k := reader{archive: a, styles: map[string]style{}, ordered: map[string]map[int]bool{}}
	k.w.Kind = extract.Page
	if err := k.locked(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	k.meta()
	for _, file := range []string{"styles.xml", "content.xml"} {
		for _, parent := range []string{"office:styles", "office:automatic-styles"} {
			if a.Has(file) {
				err := a.Each(file, parent, nil, func(n *zipxml.Node) error { k.style(n); return nil })
				if err != nil && file == "content.xml" {
					return nil, fmt.Errorf("read %s: %w", name, err)
				}
			}
		}
	}
	err = a.Each("content.xml", "office:body", []string{"office:text", "office:presentation", "office:drawing", "text:section"}, func(n *zipxml.Node) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		k.block(n, 0)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	k.flush()
	d := k.w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: the document is empty or has only pictures", name, readerr.ErrNoText)
	}
	if d.Title == "" {
		d.Title = k.title
	}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type reader struct {
	archive *zipxml.Archive
	styles  map[string]style
	ordered map[string]map[int]bool // by list style: the levels with numbers
	w       extract.Builder
	title   string
	code    []string
	notes   []extract.Block
	frames  []*zipxml.Node
	noted   int
	depth   int
	list    bool
}

type style struct{ name, parent string }

// locked reports a document that needs a password.
func (k *reader) locked() error {
	locked := false
	// A manifest that cannot be read is no matter: the content says what is
	// wrong.
	if n, err := k.archive.Tree("META-INF/manifest.xml"); err == nil {
		n.All(func(n *zipxml.Node) bool {
			locked = locked || n.Name == "manifest:encryption-data"
			return !locked
		})
	}
	if locked {
		return fmt.Errorf("%w: save it without password", readerr.ErrEncrypted)
	}
	return nil
}

func (k *reader) meta() {
	n, err := k.archive.Tree("meta.xml")
	if err != nil {
		return
	}
	creator := ""
	n.All(func(n *zipxml.Node) bool {
		words := strings.Join(strings.Fields(n.Words()), " ")
		switch n.Name {
		case "dc:title":
			k.w.Title = words
		case "meta:initial-creator":
			creator = words
		case "dc:creator":
			if creator == "" {
				creator = words
			}
		case "dc:language":
			k.w.Language = words
		}
		return true
	})
	if creator != "" {
		k.w.Authors = []string{creator}
	}
}

func (k *reader) style(n *zipxml.Node) {
	name := n.Get("name")
	switch n.Name {
	case "style:style":
		k.styles[name] = style{strings.ToLower(strings.ReplaceAll(n.Get("name"), "_20_", " ")), n.Get("parent-style-name")}
	case "text:list-style":
		levels := map[int]bool{}
		for _, l := range n.Kids {
			if i, err := strconv.Atoi(l.Get("level")); err == nil && l.Name == "text:list-level-style-number" && l.Get("num-format") != "" {
				levels[i] = true
			}
		}
		k.ordered[name] = levels
	}
}

var (
	codeStyle = regexp.MustCompile(`\b(preformatted|source ?code|code|verbatim|listing)\b`)
	caption   = regexp.MustCompile(`^(caption|illustration|table|figure|drawing|text)$`)
)

// named walks from a style to the ones it is derived from, until is says yes.
func (k *reader) named(name string, is func(string) bool) bool {
	for range 20 {
		if name == "" {
			return false
		}
		if is(strings.ToLower(strings.ReplaceAll(name, "_20_", " "))) {
			return true
		}
		name = k.styles[name].parent
	}
	return false
}

// block adds what stands in the body.
func (k *reader) block(n *zipxml.Node, level int) {
	if k.depth > 60 {
		return
	}
	k.depth++
	defer func() { k.depth-- }()
	switch n.Name {
	case "text:h":
		k.flush()
		title := strings.Join(strings.Fields(k.inline(n)), " ")
		if title == "" {
			return
		}
		lvl, err := strconv.Atoi(n.Get("outline-level"))
		if err != nil || lvl < 1 {
			lvl = 1
		}
		k.add("\n\n", extract.Block{Kind: extract.Heading, Level: min(lvl, 9), Title: title, Text: title})
	case "text:p":
		k.paragraph(n)
	case "text:list":
		k.flush()
		k.items(n, n.Get("style-name"), level+1)
	case "table:table":
		k.flush()
		k.table(n)
	case "text:table-of-content", "text:illustration-index", "text:table-index", "text:alphabetical-index", "text:user-index":
		k.flush()
		k.index(n)
	case "text:bibliography":
		k.flush()
		k.index(n)
	case "draw:page":
		k.flush()
		for _, c := range n.Kids {
			if c.Name == "draw:frame" && c.Get("class") == "title" {
				title := strings.Join(strings.Fields(k.words(c)), " ")
				if title != "" {
					k.add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: title, Text: title})
				}
				continue
			}
			k.block(c, 0)
		}
	case "text:tracked-changes", "text:sequence-decls", "office:forms", "text:variable-decls", "text:user-field-decls", "presentation:notes", "":
	default: // sections, frames, text boxes, groups
		for _, c := range n.Kids {
			k.block(c, level)
		}
	}
}

func (k *reader) add(gap string, b extract.Block) {
	k.w.Add(gap, b)
	k.list = b.Kind == extract.ListItem
	notes, frames := k.notes, k.frames
	k.notes, k.frames = nil, nil
	for _, n := range notes {
		k.w.Add("\n\n", n)
		k.list = false
	}
	for _, f := range frames {
		k.block(f, 0)
	}
}

func (k *reader) flush() {
	code := strings.Trim(strings.Join(k.code, "\n"), "\n")
	k.code = nil
	if code != "" {
		k.add("\n\n", extract.Block{Kind: extract.Code, Text: code})
	}
}

func (k *reader) paragraph(n *zipxml.Node) {
	text := k.inline(n)
	style := n.Get("style-name")
	if k.named(style, codeStyle.MatchString) {
		k.code = append(k.code, strings.TrimRight(text, " "))
		return
	}
	k.flush()
	text = strings.TrimSpace(text)
	if text == "" {
		frames := k.frames
		k.frames = nil
		for _, f := range frames {
			k.block(f, 0)
		}
		return
	}
	switch is := func(want string) func(string) bool { return func(s string) bool { return s == want } }; {
	case k.named(style, is("title")):
		title := strings.Join(strings.Fields(text), " ")
		if k.title == "" {
			k.title = title
		}
		k.add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: title, Text: title})
	case k.named(style, caption.MatchString):
		k.add("\n\n", extract.Block{Kind: extract.Caption, Text: text})
	case strings.HasPrefix(text, "$$") && strings.HasSuffix(text, "$$") && strings.Count(text, "$$") == 2:
		k.add("\n\n", extract.Block{Kind: extract.Formula, Text: text})
	default:
		k.add("\n\n", extract.Block{Kind: extract.Paragraph, Text: text})
	}
}

// index adds a table of contents or of references, which no model should see.
func (k *reader) index(n *zipxml.Node) {
	skip := "table of contents"
	if n.Name == "text:bibliography" {
		skip = "references"
	}
	n.All(func(n *zipxml.Node) bool {
		if n.Name == "text:p" || n.Name == "text:h" {
			k.add("\n", extract.Block{Kind: extract.Other, Skip: skip, Text: strings.TrimSpace(k.inline(n))})
			return false
		}
		return !strings.HasSuffix(n.Name, "-source")
	})
}

// items adds the items of a list.
func (k *reader) items(n *zipxml.Node, style string, level int) {
	if level > 30 {
		return
	}
	number := 0
	for _, item := range n.Kids {
		if item.Name != "text:list-item" && item.Name != "text:list-header" {
			continue
		}
		sign := ""
		if item.Name == "text:list-item" {
			sign = "- "
			if start, err := strconv.Atoi(item.Get("start-value")); err == nil {
				number = start - 1
			}
			number++
			if k.ordered[style][level] {
				sign = strconv.Itoa(number) + ". "
			}
		}
		first := true
		for _, c := range item.Kids {
			switch c.Name {
			case "text:list":
				next := c.Get("style-name")
				if next == "" {
					next = style
				}
				k.items(c, next, level+1)
			case "text:p":
				text := strings.TrimSpace(k.inline(c))
				if text == "" {
					continue
				}
				gap, margin := "\n", strings.Repeat("  ", level-1)
				if !k.list {
					gap = "\n\n"
				}
				lead := sign
				if !first {
					lead = strings.Repeat(" ", len(sign))
				}
				first = false
				text = strings.ReplaceAll(text, "\n", "\n"+margin+strings.Repeat(" ", len(sign)))
				k.add(gap, extract.Block{Kind: extract.ListItem, Level: level, Text: margin + lead + text})
			default: // headings that are numbered as a list
				k.block(c, level)
			}
		}
	}
}

func (k *reader) words(n *zipxml.Node) string {
	var s strings.Builder
	n.All(func(n *zipxml.Node) bool {
		if n.Name == "text:p" || n.Name == "text:h" {
			s.WriteString(k.inline(n) + " ")
			return false
		}
		return true
	})
	return s.String()
}

// inline is the text of a paragraph.
func (k *reader) inline(n *zipxml.Node) string {
	var s strings.Builder
	k.runs(n, &s, 0)
	return s.String()
}

var feeds = regexp.MustCompile(`[ \t\r\n]+`)

func (k *reader) runs(n *zipxml.Node, s *strings.Builder, depth int) {
	if depth > 100 {
		return
	}
	for _, c := range n.Kids {
		switch c.Name {
		case "":
			s.WriteString(feeds.ReplaceAllString(c.Text, " "))
		case "text:s":
			times, err := strconv.Atoi(c.Get("c"))
			if err != nil {
				times = 1
			}
			s.WriteString(strings.Repeat(" ", min(max(times, 1), 200)))
		case "text:tab":
			s.WriteByte('\t')
		case "text:line-break":
			s.WriteByte('\n')
		case "text:note":
			k.noted++
			sign := "[" + strconv.Itoa(k.noted) + "]"
			s.WriteString(sign)
			if body := c.Kid("text:note-body"); body != nil {
				k.notes = append(k.notes, extract.Block{Kind: extract.Footnote, Text: sign + " " + strings.TrimSpace(k.words(body))})
			}
		case "draw:frame":
			if f := k.formula(c); f != "" {
				s.WriteString(f)
				continue
			}
			k.frames = append(k.frames, c)
		case "draw:custom-shape", "draw:g", "draw:rect", "draw:text-box":
			k.frames = append(k.frames, c)
		case "office:annotation", "office:annotation-end", "text:tracked-changes", "text:ruby-text", "svg:title", "svg:desc":
		default:
			k.runs(c, s, depth+1)
		}
	}
}

// formula is the TeX or StarMath source of an embedded formula.
func (k *reader) formula(frame *zipxml.Node) string {
	object := frame.Kid("draw:object")
	if object == nil {
		return ""
	}
	math := object.Kid("math:math")
	if math == nil {
		name := path.Join(strings.TrimPrefix(object.Get("href"), "./"), "content.xml")
		if strings.HasPrefix(name, "..") || !k.archive.Has(name) {
			return ""
		}
		n, err := k.archive.Tree(name)
		if err != nil || n.Name != "math:math" {
			return ""
		}
		math = n
	}
	out := ""
	math.All(func(n *zipxml.Node) bool {
		if n.Name == "math:annotation" && out == "" {
			out = strings.TrimSpace(n.Words())
			if !strings.Contains(n.Get("encoding"), "TeX") {
				out = strings.Trim(out, "{} ")
			}
		}
		return true
	})
	if out == "" {
		out = strings.TrimSpace(mathml(math))
	}
	if out == "" {
		return ""
	}
	return "$" + out + "$"
}

const maxRepeat = 50

// table adds a table.
func (k *reader) table(n *zipxml.Node) {
	var rows [][]string
	var cells []*zipxml.Node
	var walk func(n *zipxml.Node, depth int)
	walk = func(n *zipxml.Node, depth int) {
		for _, c := range n.Kids {
			switch c.Name {
			case "table:table-header-rows", "table:table-rows", "table:table-row-group":
				if depth < 20 {
					walk(c, depth+1)
				}
			case "table:table-row":
				var row []string
				for _, cell := range c.Kids {
					if cell.Name != "table:table-cell" && cell.Name != "table:covered-table-cell" {
						continue
					}
					times, err := strconv.Atoi(cell.Get("number-columns-repeated"))
					if err != nil {
						times = 1
					}
					text := strings.Join(strings.Fields(k.words(cell)), " ")
					cells = append(cells, cell)
					for range min(max(times, 1), maxRepeat) {
						row = append(row, text)
					}
				}
				if row != nil {
					rows = append(rows, row)
				}
			}
		}
	}
	walk(n, 0)
	if len(cells) == 1 {
		k.notes, k.frames = nil, nil
		for _, c := range cells[0].Kids {
			k.block(c, 0)
		}
		return
	}
	k.add("\n\n", table.Block(rows))
}
