package html

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"seedbed/extract"
)

// Options say how Blocks walks a tree.
type Options struct {
	// Keep keeps what pages have around their text: headers, footers, asides.
	// Books have no menus.
	Keep bool
	// Whole keeps all there is to read, menus and what is hidden at first too.
	Whole bool
	// Headings are texts that are headings though they are marked up as
	// paragraphs, with their level; their keys went through [Key].
	Headings map[string]int
}

// Key is how a heading's words are compared.
func Key(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s))
}

// Formulas prepares a tree for Blocks: it puts TeX in the place of formulas.
func Formulas(root *html.Node) { formulas(root) }

// Blocks adds the blocks of the tree under root to w.
func Blocks(w *extract.Builder, root *html.Node, opts Options) {
	k := walker{w: w, opts: opts, kind: extract.Paragraph}
	k.children(root)
	k.flush()
}

// A walker gathers inline text until a block ends.
type walker struct {
	w     *extract.Builder
	opts  Options
	line  strings.Builder
	space bool // white space is due before the next character
	kind  extract.BlockKind
	depth int // of lists
	skip  string
	label string // of the printed page
	deep  int
}

// maxDepth bounds recursion; what is deeper is read as plain text.
const maxDepth = 400

func (k *walker) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		k.node(c)
	}
}

func (k *walker) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		k.text(n.Data)
		return
	case html.ElementNode, html.DocumentNode:
	default:
		return
	}
	if k.deep++; k.deep > maxDepth {
		k.deep--
		return
	}
	defer func() { k.deep-- }()
	if attr(n, "epub:type") == "pagebreak" || attr(n, "role") == "doc-pagebreak" {
		k.label = strings.TrimPrefix(attr(n, "title")+attr(n, "aria-label"), "Page ")
		return
	}
	if k.drop(n) {
		return
	}
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		k.flush()
		title := squeeze(k.inline(n))
		k.add("\n\n", extract.Block{Kind: extract.Heading, Level: int(n.Data[1] - '0'), Title: title, Text: title})
	case atom.Pre:
		k.flush()
		code := strings.TrimRightFunc(strings.TrimPrefix(rawText(n), "\n"), unicode.IsSpace)
		k.add("\n\n", extract.Block{Kind: extract.Code, Lang: codeLang(n), Text: code})
	case atom.Ul, atom.Ol, atom.Menu:
		k.flush()
		k.list(n)
	case atom.Dl:
		k.flush()
		k.definitions(n)
	case atom.Table:
		k.flush()
		k.table(n)
	case atom.Figcaption, atom.Caption:
		k.as(extract.Caption, n)
	case atom.Br:
		k.newline()
	case atom.Hr:
		k.flush()
	case atom.Sup, atom.Sub:
		k.script(n)
	case atom.A:
		if noteCall(n) {
			k.script(n)
			return
		}
		k.children(n)
	case atom.Svg:
		k.flush()
		k.drawing(n)
		k.flush()
	case atom.Img:
	case atom.Nav:
		k.flush()
		was := k.skip
		k.skip = "table of contents"
		k.children(n)
		k.flush()
		k.skip = was
	default:
		if footnote(n) {
			k.as(extract.Footnote, n)
			return
		}
		if !isBlock(n) {
			k.children(n)
			return
		}
		k.flush()
		k.children(n)
		k.flush()
	}
}

// as walks n with paragraphs of another kind.
func (k *walker) as(kind extract.BlockKind, n *html.Node) {
	k.flush()
	was := k.kind
	k.kind = kind
	k.children(n)
	k.flush()
	k.kind = was
}

// drop reports whether n is not read.
func (k *walker) drop(n *html.Node) bool {
	if k.opts.Whole {
		return unreadable(n)
	}
	if k.opts.Keep {
		switch n.DataAtom {
		case atom.Header, atom.Footer, atom.Aside, atom.Nav:
			return false
		case atom.Svg, atom.Object: // pages that are drawn, and what is said in a picture's stead
			return false
		}
	}
	return dropped(n)
}

// unreadable are elements that hold no text of the page's, or the same again
// as pictures of letters.
func unreadable(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Noscript, atom.Template, atom.Iframe, atom.Canvas, atom.Audio, atom.Video:
		return true
	}
	return hasClass(n, "katex-html")
}

// dropped are elements that are no part of what a page tells.
func dropped(n *html.Node) bool {
	if unreadable(n) {
		return true
	}
	switch n.DataAtom {
	case atom.Svg, atom.Object:
		return true // icons and players
	case atom.Button, atom.Select, atom.Textarea, atom.Input, atom.Nav, atom.Aside, atom.Dialog:
		return !footnote(n) || n.DataAtom != atom.Aside
	case atom.Header, atom.Footer:
		// A header inside an article holds its title.
		for p := n.Parent; p != nil; p = p.Parent {
			if p.DataAtom == atom.Article || p.DataAtom == atom.Main || p.DataAtom == atom.Section || p.DataAtom == atom.Blockquote {
				return false
			}
		}
		return !hasHeading(n) || n.DataAtom == atom.Footer
	}
	switch attr(n, "role") {
	case "navigation", "search", "banner", "contentinfo", "complementary", "menu":
		return true
	}
	if attr(n, "role") == "tabpanel" {
		return false // hidden until its tab is chosen
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "hidden" && a.Val != "until-found", a.Key == "aria-hidden" && a.Val == "true":
			return true
		case a.Key == "style" && strings.Contains(strings.ReplaceAll(a.Val, " ", ""), "display:none"):
			return true
		}
	}
	return hasClass(n, "mw-editsection", "headerlink", "noprint", "navbox")
}

func hasHeading(n *html.Node) bool {
	found := false
	each(n, func(n *html.Node) bool {
		found = found || n.DataAtom == atom.H1
		return !found
	})
	return found
}

func footnote(n *html.Node) bool {
	if n.DataAtom == atom.A || n.DataAtom == atom.Sup {
		return false // a reference to one
	}
	switch t := attr(n, "epub:type"); t {
	case "footnote", "endnote", "rearnote":
		return true
	}
	switch attr(n, "role") {
	case "doc-footnote", "doc-endnote":
		return true
	}
	return hasClass(n, "footnote") && isBlock(n)
}

// text adds inline text with its white space collapsed.
func (k *walker) text(s string) {
	for _, r := range s {
		if unicode.IsSpace(r) && r != '\u00a0' && r != '\u3000' {
			k.space = true
			continue
		}
		if k.space && k.line.Len() > 0 && !strings.HasSuffix(k.line.String(), "\n") {
			k.line.WriteByte(' ')
		}
		k.space = false
		k.line.WriteRune(r)
	}
}

func (k *walker) newline() {
	if k.line.Len() > 0 {
		k.line.WriteByte('\n')
	}
	k.space = false
}

// script writes super- and subscripts so that x² does not become x2.
func (k *walker) script(n *html.Node) {
	s := squeeze(k.inline(n))
	if s == "" {
		return
	}
	sign := "^"
	if n.DataAtom == atom.Sub {
		sign = "_"
	}
	switch {
	case strings.HasPrefix(s, "["), strings.HasPrefix(s, "$"):
	case linked(n), noteCall(n):
		s = "[" + s + "]"
	case ordinal[strings.ToLower(s)]:
	case len([]rune(s)) == 1:
		s = sign + s
	default:
		s = sign + "{" + s + "}"
	}
	k.space = false
	k.line.WriteString(s)
}

var ordinal = map[string]bool{"st": true, "nd": true, "rd": true, "th": true, "e": true, "er": true, "re": true, "tm": true, "®": true, "™": true}

// noteCall reports whether n is the sign that calls a footnote, and would stand
// bare after a word.
func noteCall(n *html.Node) bool {
	return n.DataAtom == atom.A && (attr(n, "epub:type") == "noteref" || attr(n, "role") == "doc-noteref")
}

// drawing reads the text that stands in a picture: a line for each text
// element and for each run of one that starts at another height.
func (k *walker) drawing(n *html.Node) {
	each(n, func(n *html.Node) bool {
		if n.Type != html.ElementNode {
			return true
		}
		switch n.Data {
		case "foreignObject":
			k.flush()
			k.children(n)
			k.flush()
			return false
		case "text":
			y := "0"
			each(n, func(n *html.Node) bool {
				if n.Type == html.TextNode {
					k.text(n.Data)
				} else if at := attr(n, "y"); n.Data == "tspan" && at != y && at != "" || attr(n, "dy") != "" {
					k.newline()
					y = at
				}
				return true
			})
			k.newline()
			return false
		}
		return n.Data == "svg" || n.Data == "g" || n.Data == "a" || n.Data == "switch"
	})
}

// linked reports whether a script is a reference to a footnote.
func linked(n *html.Node) bool {
	found := n.Parent != nil && n.Parent.DataAtom == atom.A
	each(n, func(n *html.Node) bool {
		found = found || n.DataAtom == atom.A
		return !found
	})
	return found
}

// inline is the text under n as one line would show it.
func (k *walker) inline(n *html.Node) string {
	sub := walker{w: &extract.Builder{}, opts: k.opts, deep: k.deep, kind: extract.Paragraph}
	sub.children(n)
	sub.flush()
	var parts []string
	for _, b := range sub.w.Blocks {
		parts = append(parts, b.Text)
	}
	return strings.Join(parts, "\n")
}

// flush ends the paragraph at hand.
func (k *walker) flush() {
	s := strings.TrimFunc(k.line.String(), unicode.IsSpace)
	k.line.Reset()
	k.space = false
	if s == "" {
		return
	}
	b := extract.Block{Kind: k.kind, Text: s}
	if b.Kind == extract.Paragraph {
		if inner := strings.TrimSuffix(strings.TrimPrefix(s, "$$"), "$$"); len(inner) == len(s)-4 && !strings.Contains(inner, "$$") {
			b.Kind = extract.Formula
		}
		if level, ok := k.opts.Headings[Key(s)]; ok {
			b.Kind, b.Level, b.Title = extract.Heading, level, squeeze(s)
		}
	}
	k.add("\n\n", b)
}

func (k *walker) add(gap string, b extract.Block) {
	b.Skip, b.Label = k.skip, k.label
	if b.Kind == extract.Heading && k.skip != "" {
		b = extract.Block{Kind: extract.Paragraph, Text: b.Text, Skip: b.Skip, Locator: b.Locator}
	}
	k.w.Add(gap, b)
}

// list adds one block for each item; what an item holds besides lists is in
// its block.
func (k *walker) list(n *html.Node) {
	k.depth++
	defer func() { k.depth-- }()
	number := 1
	if s := attr(n, "start"); s != "" {
		if v, err := strconv.Atoi(s); err == nil {
			number = v
		}
	}
	first := true
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Li {
			k.node(c) // no list should hold it
			continue
		}
		k.flush()
		if k.drop(c) {
			continue
		}
		if v, err := strconv.Atoi(attr(c, "value")); err == nil {
			number = v
		}
		sign := "- "
		if n.DataAtom == atom.Ol {
			sign = strconv.Itoa(number) + ". "
			number++
		}
		k.item(c, sign, first)
		first = false
	}
	k.flush()
}

// item adds a list item. One that holds headings or tables is no item but a
// box of the page's layout, and is walked like one.
func (k *walker) item(n *html.Node, sign string, first bool) {
	layout := false
	each(n, func(c *html.Node) bool {
		switch c.DataAtom {
		case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table:
			layout = true
		}
		return !layout
	})
	if layout {
		k.children(n)
		k.flush()
		return
	}
	var nested []*html.Node
	own := &html.Node{Type: html.ElementNode, DataAtom: atom.Div, Data: "div"}
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		n.RemoveChild(c)
		if c.DataAtom == atom.Ul || c.DataAtom == atom.Ol {
			nested = append(nested, c)
		} else if len(nested) == 0 || c.Type != html.TextNode || strings.TrimSpace(c.Data) != "" {
			own.AppendChild(c)
		}
		c = next
	}
	margin := strings.Repeat("  ", k.depth-1)
	s := strings.ReplaceAll(k.inline(own), "\n", "\n"+margin+strings.Repeat(" ", len(sign)))
	gap := "\n"
	if first && k.depth == 1 {
		gap = "\n\n"
	}
	if s != "" {
		kind := extract.ListItem
		if footnote(n) || k.kind == extract.Footnote {
			kind = extract.Footnote
		}
		b := extract.Block{Kind: kind, Text: margin + sign + s}
		if kind == extract.ListItem {
			b.Level = k.depth
		}
		k.add(gap, b)
	}
	for _, l := range nested {
		k.list(l)
	}
}

// definitions adds "term: definition" as one item for each term.
func (k *walker) definitions(n *html.Node) {
	term, gap := "", "\n\n"
	var group func(n *html.Node)
	group = func(n *html.Node) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if isBlock(c) {
				k.flush()
			}
			switch c.DataAtom {
			case atom.Dt:
				if t := squeeze(k.inline(c)); term == "" {
					term = t
				} else {
					term += ", " + t
				}
			case atom.Dd:
				s := k.inline(c)
				if term != "" {
					s = strings.TrimSuffix(term, ":") + ": " + s
				}
				k.add(gap, extract.Block{Kind: extract.ListItem, Level: k.depth + 1, Text: s})
				term, gap = "", "\n"
			case atom.Div:
				group(c)
			default:
				k.node(c) // no such list should hold it
			}
		}
	}
	group(n)
	k.flush()
	if term != "" {
		k.add(gap, extract.Block{Kind: extract.ListItem, Level: k.depth + 1, Text: term})
	}
}

// rawText is the text under n with its white space.
func rawText(n *html.Node) string {
	var s strings.Builder
	each(n, func(n *html.Node) bool {
		switch {
		case n.Type == html.TextNode:
			s.WriteString(n.Data)
		case n.DataAtom == atom.Br:
			s.WriteByte('\n')
		}
		return n.DataAtom != atom.Script && n.DataAtom != atom.Style
	})
	return s.String()
}

// codeLang is the language that a listing's classes name.
func codeLang(pre *html.Node) string {
	nodes := []*html.Node{pre}
	if pre.Parent != nil {
		nodes = append(nodes, pre.Parent)
	}
	for c := pre.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Code {
			nodes = append(nodes, c)
		}
	}
	for _, n := range nodes {
		if l := attr(n, "data-lang") + attr(n, "data-language"); l != "" {
			return strings.ToLower(l)
		}
		classes := strings.Fields(attr(n, "class"))
		for i, c := range classes {
			for _, prefix := range []string{"language-", "lang-", "highlight-source-", "highlight-", "brush:"} {
				if l, ok := strings.CutPrefix(c, prefix); ok && l != "" {
					return strings.ToLower(l)
				}
			}
			if c == "sourceCode" && i+1 < len(classes) {
				return strings.ToLower(classes[i+1])
			}
		}
	}
	return ""
}

func isBlock(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Center, atom.Dd, atom.Details, atom.Div, atom.Dt,
		atom.Fieldset, atom.Figure, atom.Footer, atom.Form, atom.Header, atom.Hgroup, atom.Html, atom.Legend, atom.Li, atom.Main, atom.P,
		atom.Section, atom.Summary, atom.Tbody, atom.Td, atom.Tfoot, atom.Th, atom.Thead, atom.Tr, atom.Nav, atom.Option:
		return true
	}
	return false
}
