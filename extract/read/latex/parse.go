package latex

import (
	"context"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"seedbed/extract"
)

// Bounds of what a source may make of itself.
const (
	maxNest   = 100      // brackets, environments, files and macros inside each other
	maxMacros = 200_000  // macros expanded
	maxBytes  = 64 << 20 // of text and of macros expanded
	maxFiles  = 1000
)

// A parser walks over a source and writes its blocks.
type parser struct {
	ctx      context.Context
	w        extract.Builder
	main     string
	archive  func(string) (string, bool)
	labels   map[string]string // numbers by label, from the walk before
	found    map[string]string // numbers by label, from this walk
	macros   map[string]macro
	envs     map[string]environment
	theorems map[string]*theorem

	text     strings.Builder // of the block that is being written
	next     extract.Block   // what it will be
	prefix   string          // what it begins with
	from, to int             // the lines it stands on
	notes    []extract.Block // footnotes called in it
	noted    int
	lastEnd  string // the environment that has just ended, if its end matters

	lists    []list
	counts   map[string]int
	resets   map[string][]string // counters set back by a counter
	within   map[string]string   // and the one that sets back a counter
	current  string              // the number that \label names
	depth    int
	inline   int // > 0 inside an argument: nothing is a block of its own
	cells    int // > 0 inside a table: & and \\ divide it
	body     bool
	whole    bool // the source has \begin{document}
	skip     string
	float    string // figure or table
	german   bool
	beamer   bool
	exam     bool
	chapters bool
	parts    bool
	appendix bool
	lang     string // of code
	title    string
	expanded int
	bytes    int
	files    int
	open     map[string]bool // files being read
	missing  map[string]bool
	steps    int
}

type macro struct {
	args     int
	optional bool
	first    string // the optional argument's value where it is left out
	body     string
}

type environment struct {
	macro
	end string
}

type theorem struct {
	name    string // as printed: "Theorem"
	counter string // "" without a number
}

type list struct {
	kind string // itemize, enumerate, description
	n    int
}

func newParser(ctx context.Context, name string, archive func(string) (string, bool), labels map[string]string) *parser {
	p := &parser{
		ctx: ctx, main: name, archive: archive, labels: labels, found: map[string]string{}, macros: map[string]macro{}, envs: map[string]environment{},
		theorems: map[string]*theorem{}, counts: map[string]int{}, resets: map[string][]string{}, within: map[string]string{}, open: map[string]bool{}, missing: map[string]bool{},
	}
	p.w.Kind = extract.Page
	for i, c := range sectionNames[2:] {
		p.count(c, sectionNames[i+1])
	}
	return p
}

// A cursor is a stretch of a source that is being read.
type cursor struct {
	*source
	at, end int
}

var babel = regexp.MustCompile(`\b(n?german|ngermanb|austrian)\b`)

// root reads the main file.
func (p *parser) root(src string) {
	p.whole = strings.Contains(src, `\begin{document}`)
	p.body = !p.whole
	class := src[:min(len(src), 4000)]
	p.beamer = strings.Contains(class, "{beamer}")
	p.exam = strings.Contains(class, "{exam}")
	p.chapters = strings.Contains(src, `\chapter`) || regexp.MustCompile(`\\documentclass[^{]*\{(book|report|scrbook|scrreprt|memoir|amsbook)\}`).MatchString(class)
	p.parts = strings.Contains(src, `\part{`) && !p.exam
	p.german = babel.MatchString(class)
	if p.german {
		p.w.Language = "de"
	}
	if p.chapters && p.whole {
		p.w.Kind = extract.Book
	} else if p.whole && !p.beamer {
		p.w.Kind = extract.Paper
	}
	p.open[p.main] = true
	p.file(src, p.main)
	p.flush()
}

func (p *parser) file(src, name string) {
	src = strings.NewReplacer("\x01", "", "\x02", "", "\x03", "").Replace(src) // signs with a meaning of our own
	s := newSource(src, name, 1, false)
	c := cursor{s, 0, len(s.text)}
	p.parse(&c)
}

// sub reads a part of a source.
func (p *parser) sub(s *source, from, to int) {
	if p.depth >= maxNest || from > to {
		return
	}
	p.depth++
	c := cursor{s, from, to}
	p.parse(&c)
	p.depth--
}

// expand reads what a macro stands for.
func (p *parser) expand(c *cursor, text string) {
	if !p.afford(len(text)) {
		return
	}
	s := newSource(text, c.file, c.lineAt(min(c.at, len(c.text))), true)
	p.sub(s, 0, len(s.text))
}

func (p *parser) afford(n int) bool {
	p.expanded++
	p.bytes += n
	if p.expanded > maxMacros || p.bytes > maxBytes {
		if !p.missing[" macros"] {
			p.missing[" macros"] = true
			p.w.Warn("the macros of %s grow without end: not all of them are told", p.main)
		}
		return false
	}
	return true
}

// words renders a part of a source as a line of text.
func (p *parser) words(s *source, from, to int) string {
	held, prefix, next, line := p.text.String(), p.prefix, p.next, p.from
	p.text.Reset()
	p.inline++
	p.sub(s, from, to)
	p.inline--
	out := p.text.String()
	p.text.Reset()
	p.text.WriteString(held)
	p.prefix, p.next, p.from = prefix, next, line
	return tidy(out)
}

func (p *parser) wordsOf(c *cursor, text string) string {
	if !p.afford(len(text)) {
		return ""
	}
	s := newSource(text, c.file, c.lineAt(min(c.at, len(c.text))), true)
	return p.words(s, 0, len(s.text))
}

var (
	blanks = regexp.MustCompile(`[ \t]+`)
	feeds  = regexp.MustCompile(` ?\n ?`)
)

// tidy makes one blank of several.
func tidy(s string) string {
	return strings.TrimSpace(feeds.ReplaceAllString(blanks.ReplaceAllString(s, " "), "\n"))
}

// parse reads to the end of a cursor.
func (p *parser) parse(c *cursor) {
	t := c.text
	for c.at < c.end {
		if p.steps++; p.steps&0xfff == 0 && p.ctx.Err() != nil {
			return
		}
		b := t[c.at]
		switch b {
		case gone:
			c.at++
			if c.at < c.end && t[c.at] == '\n' {
				c.at++
				for c.at < c.end && (t[c.at] == ' ' || t[c.at] == '\t') {
					c.at++
				}
			}
		case '\\':
			p.command(c)
		case '\n':
			feed := c.at + 1
			for feed < c.end && (t[feed] == ' ' || t[feed] == '\t') {
				feed++
			}
			if feed < c.end && t[feed] == '\n' {
				c.at = feed
				for c.at < c.end && (t[c.at] == '\n' || t[c.at] == ' ' || t[c.at] == '\t') {
					c.at++
				}
				p.paragraph()
				continue
			}
			c.at++
			p.write(c, " ")
		case '$':
			p.dollars(c)
		case '{':
			if shut, ok := c.brace[c.at]; ok && shut < c.end {
				held := p.lang
				p.sub(c.source, c.at+1, shut)
				p.lang = held
				c.at = shut + 1
				continue
			}
			c.at++
		case '}':
			c.at++
		case '~':
			c.at++
			p.write(c, " ")
		case '&':
			c.at++
			if p.cells > 0 {
				p.write(c, "\x02")
			} else {
				p.write(c, " ")
			}
		case '`':
			if strings.HasPrefix(t[c.at:c.end], "``") {
				p.write(c, "“")
				c.at += 2
				continue
			}
			c.at++
			p.write(c, "‘")
		case '\'':
			if strings.HasPrefix(t[c.at:c.end], "''") {
				p.write(c, "”")
				c.at += 2
				continue
			}
			c.at++
			p.write(c, "'")
		case '-':
			switch {
			case strings.HasPrefix(t[c.at:c.end], "---"):
				p.write(c, "—")
				c.at += 3
			case strings.HasPrefix(t[c.at:c.end], "--"):
				p.write(c, "–")
				c.at += 2
			default:
				p.write(c, "-")
				c.at++
			}
		case '"':
			c.at++
			if !p.german || c.at >= c.end {
				p.write(c, `"`)
				continue
			}
			if s, ok := shorthand[t[c.at]]; ok {
				c.at++
				p.write(c, s)
				continue
			}
			p.write(c, `"`)
		default:
			end := strings.IndexAny(t[c.at+1:c.end], "\\\n${}~&`'-\"\x01")
			if end < 0 {
				end = c.end
			} else {
				end += c.at + 1
			}
			p.write(c, t[c.at:end])
			c.at = end
		}
	}
}

var shorthand = map[byte]string{
	'a': "ä", 'o': "ö", 'u': "ü", 'A': "Ä", 'O': "Ö", 'U': "Ü", 's': "ß", 'z': "ß", '`': "„", '\'': "“", '-': "", '=': "-", '~': "-", '|': "", '<': "«", '>': "»",
}

// write adds text to the block at hand.
func (p *parser) write(c *cursor, s string) {
	if !p.body || p.bytes > maxBytes {
		return
	}
	if p.inline == 0 && p.from == 0 && strings.TrimSpace(s) != "" {
		p.from = c.lineAt(c.at)
		p.next.File = c.file
		p.sealed()
	}
	if p.inline == 0 && s != " " {
		p.to = c.lineAt(c.at)
	}
	p.bytes += len(s)
	p.text.WriteString(s)
}

// sealed marks the end of an environment where plain text follows it: without
// the mark a reader would take the text for a part of it.
func (p *parser) sealed() {
	if p.lastEnd == "" || p.prefix != "" {
		p.lastEnd = ""
		return
	}
	env := p.lastEnd
	p.lastEnd = ""
	p.w.Add("\n\n", extract.Block{Kind: extract.Other, Text: `\end{` + env + "}", Locator: extract.Locator{File: p.next.File, Lines: [2]int{p.from, p.from}}})
}

// paragraph ends the paragraph at hand.
func (p *parser) paragraph() {
	if p.inline > 0 {
		p.text.WriteString("\n")
		return
	}
	p.flush()
}

// flush adds the block at hand.
func (p *parser) flush() {
	if p.inline > 0 {
		return
	}
	text := norm.NFC.String(tidy(p.text.String()))
	if text == "" {
		p.text.Reset()
		p.from = 0
		return
	}
	p.text.Reset()
	b := p.next
	if b.Kind == "" {
		b.Kind = extract.Paragraph
	}
	gap := "\n\n"
	if b.Kind == extract.ListItem {
		margin := strings.Repeat("  ", b.Level-1)
		text = strings.ReplaceAll(text, "\n", "\n"+margin+strings.Repeat(" ", len([]rune(p.prefix))-len(margin)))
		if n := len(p.w.Blocks); n > 0 && p.w.Blocks[n-1].Kind == extract.ListItem {
			gap = "\n"
		}
	}
	b.Text = p.prefix + text
	b.Lines = [2]int{p.from, max(p.from, p.to)}
	p.next, p.prefix, p.from = extract.Block{}, "", 0
	p.add(gap, b)
}

// add adds a block and the footnotes called in it.
func (p *parser) add(gap string, b extract.Block) {
	if p.skip != "" {
		b.Skip = p.skip
	}
	if !p.body && b.Kind != extract.Heading {
		return
	}
	p.w.Add(gap, b)
	notes := p.notes
	p.notes = nil
	for _, n := range notes {
		n.File, n.Lines = b.File, b.Lines
		p.w.Add("\n\n", n)
	}
}

// block adds a block that stands between paragraphs.
func (p *parser) block(c *cursor, from, to int, b extract.Block) {
	b.File = c.file
	b.Lines = [2]int{c.lineAt(from), c.lineAt(to)}
	p.flush()
	if p.prefix != "" { // a label, with nothing after it yet
		prefix := strings.TrimRight(p.prefix, " ")
		p.add("\n\n", extract.Block{Kind: extract.Paragraph, Text: prefix, Locator: extract.Locator{File: b.File, Lines: [2]int{b.Lines[0], b.Lines[0]}}})
		p.prefix, p.next = "", extract.Block{}
	}
	p.add("\n\n", b)
}

// space skips blanks, line feeds and comments, but no empty line.
func (c *cursor) space() {
	feed := false
	for c.at < c.end {
		switch c.text[c.at] {
		case ' ', '\t', gone:
		case '\n':
			if feed {
				return
			}
			feed = c.at == 0 || c.text[c.at-1] != gone
		default:
			return
		}
		c.at++
	}
}

// arg is the next argument: where it begins and ends, without brackets.
func (c *cursor) arg() (from, to int, ok bool) {
	was := c.at
	c.space()
	if c.at >= c.end {
		c.at = was
		return 0, 0, false
	}
	switch c.text[c.at] {
	case '{':
		shut, ok := c.brace[c.at]
		if !ok || shut >= c.end {
			c.at = was
			return 0, 0, false
		}
		from, to = c.at+1, shut
		c.at = shut + 1
		return from, to, true
	case '\\':
		from = c.at
		c.at++
		for c.at < c.end && letter(c.text[c.at]) {
			c.at++
		}
		if c.at == from+1 && c.at < c.end {
			c.at++
		}
		return from, c.at, true
	case '}', '\n', '&', '$':
		c.at = was
		return 0, 0, false
	}
	from = c.at
	c.at++
	for c.at < c.end && c.text[c.at]&0xC0 == 0x80 {
		c.at++
	}
	return from, c.at, true
}

// braced is the next argument if it stands in brackets.
func (c *cursor) braced() (string, bool) {
	was := c.at
	c.space()
	if c.at >= c.end || c.text[c.at] != '{' {
		c.at = was
		return "", false
	}
	from, to, ok := c.arg()
	if !ok {
		return "", false
	}
	return c.clean(from, to), true
}

// clean is the text of a stretch without the signs of comments.
func (c *cursor) clean(from, to int) string {
	s := c.text[from:to]
	if strings.IndexByte(s, gone) < 0 {
		return s
	}
	return comments.ReplaceAllString(s, "")
}

var comments = regexp.MustCompile("\x01(\n[ \t]*)?")

// option is the next argument in square brackets.
func (c *cursor) option() (from, to int, ok bool) {
	was := c.at
	c.space()
	if c.at >= c.end || c.text[c.at] != '[' {
		c.at = was
		return 0, 0, false
	}
	for i := c.at + 1; i < min(c.end, c.at+4_000); i++ {
		switch c.text[i] {
		case '\\':
			i++
		case '{':
			if shut, ok := c.brace[i]; ok && shut < c.end {
				i = shut
			}
		case ']':
			from, to = c.at+1, i
			c.at = i + 1
			return from, to, true
		case '\n':
			if i+1 < c.end && c.text[i+1] == '\n' {
				c.at = was
				return 0, 0, false
			}
		}
	}
	c.at = was
	return 0, 0, false
}

func (c *cursor) optionText() string {
	from, to, ok := c.option()
	if !ok {
		return ""
	}
	return c.clean(from, to)
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '@' }

// step counts one on and returns the number as it is printed.
func (p *parser) step(counter string) string {
	p.counts[counter]++
	for _, c := range p.resets[counter] {
		p.reset(c, 1)
	}
	return p.number(counter, 0)
}

// count makes a counter begin anew with each parent.
func (p *parser) count(counter, parent string) {
	if p.within[counter] == "" {
		p.within[counter] = parent
		p.resets[parent] = append(p.resets[parent], counter)
	}
}

func (p *parser) reset(counter string, depth int) {
	p.counts[counter] = 0
	if depth < 10 {
		for _, c := range p.resets[counter] {
			p.reset(c, depth+1)
		}
	}
}

// number is a counter as it is printed, with the section it counts within.
func (p *parser) number(counter string, depth int) string {
	n := strconv.Itoa(p.counts[counter])
	first := "section"
	if p.chapters {
		first = "chapter"
	}
	if counter == first && p.appendix {
		n = string(rune('A' + min(max(p.counts[counter]-1, 0), 25)))
	}
	if counter == "part" || counter == first || depth > 8 {
		return n
	}
	parent := p.within[counter]
	if parent == "" || p.counts[parent] == 0 && sectionLevel(parent) >= 0 && sectionLevel(counter) >= 0 {
		return n
	}
	return p.number(parent, depth+1) + "." + n
}

// input reads a file of the archive in place.
func (p *parser) input(c *cursor, name string, endings ...string) {
	name = strings.Trim(strings.TrimSpace(name), `"`)
	got, src, ok := p.lookup(c.file, name, endings...)
	if !ok {
		if name != "" && !p.missing[name] {
			p.missing[name] = true
			p.w.Warn("%s takes in %q, which is not in the archive: its text is missing", c.file, name)
		}
		return
	}
	if p.open[got] || p.depth >= maxNest || p.files >= maxFiles {
		return
	}
	p.files++
	p.bytes += len(src)
	p.open[got] = true
	p.depth++
	body := p.body
	if strings.Contains(src, `\begin{document}`) {
		p.body = false // what stands before it is settings
	}
	p.file(src, got)
	p.body = body
	p.depth--
	delete(p.open, got)
}

// packages takes in the macros, environments and theorems of packages that
// come with the source. All others are known or none of our business.
func (p *parser) packages(c *cursor, names string) {
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		if _, _, ok := p.lookup(c.file, name, ".sty"); !ok {
			continue
		}
		body := p.body
		p.body = false
		p.input(c, name, ".sty")
		p.body = body
	}
}

// lookup finds a file of the archive as TeX would, from the main file's
// folder or from that of the file that names it. Names that lead out of the
// archive are not there.
func (p *parser) lookup(from, name string, endings ...string) (string, string, bool) {
	if name == "" || strings.ContainsAny(name, "\\\x00|") || path.IsAbs(name) {
		return "", "", false
	}
	for _, dir := range []string{path.Dir(p.main), path.Dir(from)} {
		for _, ending := range endings {
			full := path.Join(dir, name+ending)
			if strings.HasPrefix(full, "../") {
				continue
			}
			if src, ok := p.archive(full); ok {
				return full, src, true
			}
		}
	}
	return "", "", false
}
