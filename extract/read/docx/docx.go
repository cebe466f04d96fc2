// Package docx reads Word documents: paragraphs with the roles that their
// styles and outline levels give them, lists with their numbers, tables,
// footnotes, and formulas as TeX.
package docx

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/html"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/table"
	"seedbed/extract/read/text"
	"seedbed/extract/read/zipxml"
)

// Read reads a Word document (.docx, .docm, .dotx).
func Read(ctx context.Context, r io.ReaderAt, size int64, name string) (*extract.Document, error) {
	a, err := zipxml.Open(r, size, name)
	if err != nil {
		return nil, err
	}
	k := reader{ctx: ctx, archive: a, styles: map[string]style{}, notes: map[string]*zipxml.Node{}, counts: map[string][]int{}}
	k.w.Kind = extract.Page
	k.w.Title, k.w.Authors, k.w.Language = a.Properties()
	main := a.Main("word/document.xml")
	k.parts(main)
	err = a.Each(main, "w:body", []string{"w:sdt", "w:sdtContent", "w:customXml", "w:ins"}, func(n *zipxml.Node) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		k.block(n)
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
	ctx     context.Context
	archive *zipxml.Archive
	related map[string]zipxml.Relation
	styles  map[string]style
	numbers numbering
	notes   map[string]*zipxml.Node // "footnote 2", "endnote 1"
	counts  map[string][]int        // by list: the last number on each level
	w       extract.Builder
	title   string   // the words in the style Title
	code    []string // lines of code not yet added
	pending []*zipxml.Node
	after   []extract.Block // footnotes of the paragraph at hand
	noted   int
	depth   int
	list    bool // the last block is an item
}

// A style is what matters of a paragraph style.
type style struct {
	name  string
	level int // of a heading, from 1
	list  string
	ilvl  int
	based string
}

// parts reads the styles, the lists' numbers and the notes. A document does
// without any of them.
func (k *reader) parts(main string) {
	files := map[string]string{}
	k.related = k.archive.Relations(main)
	for _, r := range k.related {
		files[r.Type] = r.Target
	}
	file := func(kind string) string {
		if f, ok := files[kind]; ok {
			return f
		}
		return path.Join(path.Dir(main), kind+".xml")
	}
	if n, err := k.archive.Tree(file("styles")); err == nil {
		k.readStyles(n)
	}
	if n, err := k.archive.Tree(file("numbering")); err == nil {
		k.numbers = readNumbering(n)
	}
	for _, kind := range []string{"footnote", "endnote"} {
		if n, err := k.archive.Tree(file(kind + "s")); err == nil {
			for _, note := range n.Kids {
				if t := note.Get("type"); note.Name == "w:"+kind && (t == "" || t == "normal") {
					k.notes[kind+" "+note.Get("id")] = note
				}
			}
		}
	}
}

var headingName = regexp.MustCompile(`(?i)^(heading|überschrift|titre|título|titolo|kop|rubrik|overskrift)\s*([1-9])$`)

func (k *reader) readStyles(n *zipxml.Node) {
	if k.w.Language == "" {
		k.w.Language = n.Kid("w:docDefaults", "w:rPrDefault", "w:rPr", "w:lang").Get("val")
	}
	for _, s := range n.Kids {
		if s.Name != "w:style" {
			continue
		}
		st := style{name: strings.ToLower(s.Val("w:name")), based: s.Val("w:basedOn")}
		ppr := s.Kid("w:pPr")
		if m := headingName.FindStringSubmatch(st.name); m != nil {
			st.level, _ = strconv.Atoi(m[2])
		} else if lvl := ppr.Val("w:outlineLvl"); lvl != "" {
			if v, err := strconv.Atoi(lvl); err == nil && v >= 0 && v < 9 {
				st.level = v + 1
			} else {
				st.level = -1 // body text, whatever it is based on
			}
		}
		st.list = ppr.Val("w:numPr", "w:numId")
		st.ilvl, _ = strconv.Atoi(ppr.Val("w:numPr", "w:ilvl"))
		k.styles[s.Get("styleId")] = st
	}
	for id, st := range k.styles {
		for base, hops := st.based, 0; base != "" && hops < 20; hops++ {
			b := k.styles[base]
			if st.level == 0 {
				st.level = b.level
			}
			if st.list == "" {
				st.list, st.ilvl = b.list, max(st.ilvl, b.ilvl)
			}
			if kindOf(st.name) == "" && kindOf(b.name) != "" {
				st.name = b.name
			}
			base = b.based
		}
		k.styles[id] = st
	}
}

var (
	tocName  = regexp.MustCompile(`^(toc|table of figures|verzeichnis)\b`)
	codeName = regexp.MustCompile(`\b(source ?code|code( block)?|codeblock|preformatted|verbatim|listing|plain text|macro)\b`)
)

// kindOf is the kind of the blocks of a style, by its name.
func kindOf(name string) extract.BlockKind {
	switch {
	case strings.Contains(name, "caption") && !strings.Contains(name, "captioned"), name == "table of figures caption":
		return extract.Caption
	case codeName.MatchString(name):
		return extract.Code
	case strings.Contains(name, "footnote text"), strings.Contains(name, "endnote text"):
		return extract.Footnote
	}
	return ""
}

// block adds a paragraph or a table of the body.
func (k *reader) block(n *zipxml.Node) {
	if k.depth > 40 {
		return
	}
	k.depth++
	defer func() { k.depth-- }()
	switch n.Name {
	case "w:p":
		k.paragraph(n)
	case "w:tbl":
		k.flush()
		k.table(n)
	case "w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:smartTag", "mc:AlternateContent", "mc:Choice", "w:tc", "w:tr", "w:txbxContent":
		for _, c := range alternatives(n) {
			k.block(c)
		}
	case "w:altChunk":
		k.flush()
		k.chunk(n.Get("id"))
	case "m:oMathPara":
		k.flush()
		k.add("\n\n", extract.Block{Kind: extract.Formula, Text: display(n)})
	}
}

// chunk adds a document of another kind that stands in the archive, as programs
// do that turn web pages into Word documents. Word shows it like the rest.
func (k *reader) chunk(id string) {
	target := k.related[id].Target
	d, err := k.foreign(target)
	if err != nil {
		k.w.Warn("an embedded document was left out: %v", err)
		return
	}
	k.w.Append("\n\n", d, "")
	k.list = false
}

func (k *reader) foreign(name string) (*extract.Document, error) {
	f, err := k.archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	switch path.Ext(name) {
	case ".html", ".htm", ".xhtml":
		return html.Whole(k.ctx, f, name)
	case ".mht", ".mhtml":
		return html.Archive(k.ctx, f, name, true)
	case ".txt":
		return text.Read(k.ctx, f, name)
	}
	return nil, fmt.Errorf("%s: %w", name, readerr.ErrUnsupported)
}

// alternatives are an element's children; of alternative ones, those that
// newer programs show.
func alternatives(n *zipxml.Node) []*zipxml.Node {
	if n.Name != "mc:AlternateContent" {
		return n.Kids
	}
	for _, c := range n.Kids {
		if c.Name == "mc:Choice" {
			return c.Kids
		}
	}
	if c := n.Kid("mc:Fallback"); c != nil {
		return c.Kids
	}
	return nil
}

func (k *reader) add(gap string, b extract.Block) {
	k.w.Add(gap, b)
	k.list = b.Kind == extract.ListItem
}

// flush adds the lines of code gathered so far.
func (k *reader) flush() {
	if code := strings.Trim(strings.Join(k.code, "\n"), "\n"); code != "" {
		k.add("\n\n", extract.Block{Kind: extract.Code, Text: code})
	}
	k.code = nil
}

func (k *reader) paragraph(n *zipxml.Node) {
	ppr := n.Kid("w:pPr")
	st := k.styles[ppr.Val("w:pStyle")]
	text := k.inline(n)
	boxes, notes := k.pending, k.after
	k.pending, k.after = nil, nil
	defer func() {
		for _, b := range notes {
			k.add("\n\n", b)
		}
		for _, box := range boxes {
			for _, c := range box.Kids {
				k.block(c)
			}
		}
	}()
	kind := kindOf(st.name)
	if kind == extract.Code {
		k.code = append(k.code, strings.TrimRight(text, " "))
		return
	}
	k.flush()
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	level := st.level
	if s := ppr.Val("w:outlineLvl"); s != "" {
		if v, err := strconv.Atoi(s); err == nil && v >= 0 && v < 9 {
			level = v + 1
		} else {
			level = 0
		}
	}
	list, ilvl := ppr.Val("w:numPr", "w:numId"), st.ilvl
	if s := ppr.Val("w:numPr", "w:ilvl"); s != "" {
		ilvl, _ = strconv.Atoi(s)
	}
	if list == "" {
		list = st.list
	}
	ilvl = min(max(ilvl, 0), 8)
	switch {
	case tocName.MatchString(st.name):
		k.add("\n", extract.Block{Kind: extract.Other, Text: text, Skip: "table of contents"})
	case st.name == "title":
		title := strings.Join(strings.Fields(text), " ")
		if k.title == "" {
			k.title = title
		}
		k.add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: title, Text: title})
	case level > 0:
		title := strings.Join(strings.Fields(text), " ")
		sign := ""
		if list != "" && list != "0" {
			sign = k.sign(list, ilvl)
		}
		if sign == bullet {
			sign = ""
		}
		k.add("\n\n", extract.Block{Kind: extract.Heading, Level: level, Title: title, Text: sign + title})
	case kind != "":
		k.add("\n\n", extract.Block{Kind: kind, Text: text})
	case list != "" && list != "0":
		gap := "\n"
		if !k.list {
			gap = "\n\n"
		}
		margin := strings.Repeat("  ", ilvl)
		sign := k.sign(list, ilvl)
		text = strings.ReplaceAll(text, "\n", "\n"+margin+strings.Repeat(" ", len(sign)))
		k.add(gap, extract.Block{Kind: extract.ListItem, Level: ilvl + 1, Text: margin + sign + text})
	case strings.HasPrefix(text, "$$") && strings.HasSuffix(text, "$$") && strings.Count(text, "$$") == 2:
		k.add("\n\n", extract.Block{Kind: extract.Formula, Text: text})
	default:
		k.add("\n\n", extract.Block{Kind: extract.Paragraph, Text: text})
	}
}

// inline is the text of a paragraph. Its notes go to after, its text boxes to
// pending.
func (k *reader) inline(n *zipxml.Node) string {
	var s strings.Builder
	k.runs(n, &s, 0)
	return s.String()
}

func (k *reader) runs(n *zipxml.Node, s *strings.Builder, depth int) {
	if depth > 100 {
		return
	}
	for _, c := range alternatives(n) {
		switch c.Name {
		case "w:t":
			s.WriteString(c.Words())
		case "w:tab":
			s.WriteByte('\t')
		case "w:br", "w:cr":
			if t := c.Get("type"); t == "" || t == "textWrapping" {
				s.WriteByte('\n')
			} else {
				s.WriteByte(' ')
			}
		case "w:noBreakHyphen":
			s.WriteByte('-')
		case "w:sym":
			s.WriteString(symbol(c.Get("font"), c.Get("char")))
		case "w:footnoteReference", "w:endnoteReference":
			k.note(strings.TrimSuffix(strings.TrimPrefix(c.Name, "w:"), "Reference")+" "+c.Get("id"), s)
		case "m:oMath":
			if t := tex(c); t != "" {
				s.WriteString("$" + t + "$")
			}
		case "m:oMathPara":
			if t := display(c); t != "" {
				s.WriteString(t)
			}
		case "w:r":
			if c.Kid("w:rPr", "w:vanish") == nil || c.Kid("w:rPr", "w:vanish").Get("val") == "0" {
				k.runs(c, s, depth+1)
			}
		case "w:txbxContent":
			k.pending = append(k.pending, c)
		case "w:pPr", "w:rPr", "w:del", "w:moveFrom", "w:instrText", "w:delText", "w:rt", "w:sdtPr", "":
		default: // links, fields, inserted text, drawings
			k.runs(c, s, depth+1)
		}
	}
}

// note writes a note's number where it is called and keeps its text.
func (k *reader) note(key string, s *strings.Builder) {
	n, ok := k.notes[key]
	if !ok {
		return
	}
	delete(k.notes, key)
	var text []string
	for _, p := range n.Kids {
		t := ""
		switch p.Name {
		case "w:p":
			t = strings.TrimSpace(k.inline(p))
		case "w:tbl":
			t = k.cell(p)
		}
		if t != "" {
			text = append(text, t)
		}
	}
	k.noted++
	sign := fmt.Sprintf("[%d]", k.noted)
	s.WriteString(sign)
	k.after = append(k.after, extract.Block{Kind: extract.Footnote, Text: sign + " " + strings.Join(text, "\n")})
}

// table adds a table. One of a single cell is a frame around its content.
func (k *reader) table(n *zipxml.Node) {
	var rows [][]string
	var cell *zipxml.Node
	cells := 0
	for _, tr := range flat(n, "w:tr") {
		var row []string
		for _, tc := range flat(tr, "w:tc") {
			cells++
			cell = tc
			text := ""
			if m := tc.Kid("w:tcPr", "w:vMerge"); m == nil || m.Get("val") == "restart" {
				text = k.cell(tc)
			}
			row = append(row, text)
			span, _ := strconv.Atoi(tc.Val("w:tcPr", "w:gridSpan"))
			for range min(span, 50) - 1 {
				row = append(row, "")
			}
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	boxes, notes := k.pending, k.after
	k.pending, k.after = nil, nil
	if cells == 1 {
		k.block(cell)
		return
	}
	k.add("\n\n", table.Block(rows))
	for _, b := range notes {
		k.add("\n\n", b)
	}
	for _, box := range boxes {
		k.block(box)
	}
}

// flat are the elements of this name under n, also inside what only wraps
// them.
func flat(n *zipxml.Node, name string) []*zipxml.Node {
	var out []*zipxml.Node
	for _, c := range n.Kids {
		switch c.Name {
		case name:
			out = append(out, c)
		case "w:sdt", "w:sdtContent", "w:customXml", "w:ins":
			out = append(out, flat(c, name)...)
		}
	}
	return out
}

// cell is the text of a table's cell on one line; a table in it is told row
// by row.
func (k *reader) cell(tc *zipxml.Node) string {
	var parts []string
	var walk func(n *zipxml.Node, depth int)
	walk = func(n *zipxml.Node, depth int) {
		for _, c := range n.Kids {
			switch c.Name {
			case "w:p":
				t := strings.TrimSpace(k.inline(c))
				if list := c.Val("w:pPr", "w:numPr", "w:numId"); list != "" && list != "0" && t != "" {
					ilvl, _ := strconv.Atoi(c.Val("w:pPr", "w:numPr", "w:ilvl"))
					t = k.sign(list, min(max(ilvl, 0), 8)) + t
				}
				if t != "" {
					parts = append(parts, t)
				}
			case "w:tbl", "w:tr", "w:tc", "w:sdt", "w:sdtContent", "w:customXml", "w:ins":
				if depth < 40 {
					walk(c, depth+1)
				}
			}
		}
	}
	walk(tc, 0)
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}
