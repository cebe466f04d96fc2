// Package rst reads reStructuredText: sections by their underlines, lists,
// tables, code, formulas and footnotes, and what directives hold.
package rst

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/table"
)

// Read reads a reStructuredText file.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	k := reader{ctx: ctx, levels: map[string]int{}}
	k.w.Kind = extract.Page
	k.w.Warnings = warnings
	var lines []line
	for i, s := range strings.Split(src, "\n") {
		lines = append(lines, line{i + 1, strings.TrimRight(strings.ReplaceAll(s, "\t", "        "), " ")})
	}
	k.blocks(lines, 0, "")
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	d := k.w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: it has only directives and comments", name, readerr.ErrNoText)
	}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type line struct {
	n int
	s string
}

type reader struct {
	ctx    context.Context
	w      extract.Builder
	levels map[string]int // by the signs that underline, and overline
	items  int            // lists that are open
	next   extract.BlockKind
}

const maxDepth = 60

var (
	bullets   = regexp.MustCompile(`^[-*+•] +`)
	numbers   = regexp.MustCompile(`^\(?(?:\d{1,4}|#|[a-zA-Z]|[ivx]{1,5})[.)] +`)
	directive = regexp.MustCompile(`^\.\. (?:\|[^|]*\| )?([A-Za-z][\w:.+-]*)::(?: +(.*))?$`)
	note      = regexp.MustCompile(`^\.\. \[([^\]]+)\](?: +(.*))?$`)
	field     = regexp.MustCompile(`^:([^:\s][^:]{0,60}):(?: +(.*))?$`)
	option    = regexp.MustCompile(`^:[\w-]+:`)
	grid      = regexp.MustCompile(`^\+[-=+]+\+$`)
	simple    = regexp.MustCompile(`^=+( +=+)+$`)
)

// underlined is the sign that a line consists of, 0 if it is none.
func underlined(s string) byte {
	if len(s) < 2 || s[0] >= 0x80 || s[0] <= ' ' || s[0] >= '0' && s[0] <= '9' || s[0] >= 'A' && s[0] <= 'Z' || s[0] >= 'a' && s[0] <= 'z' {
		return 0
	}
	if strings.Trim(s, s[:1]) != "" {
		return 0
	}
	return s[0]
}

func indent(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

func dedent(lines []line) []line {
	least := -1
	for _, l := range lines {
		if l.s != "" && (least < 0 || indent(l.s) < least) {
			least = indent(l.s)
		}
	}
	out := make([]line, len(lines))
	for i, l := range lines {
		out[i] = line{l.n, l.s[min(len(l.s), max(least, 0)):]}
	}
	return out
}

func (k *reader) add(b extract.Block, from, to int) {
	gap := "\n\n"
	if n := len(k.w.Blocks); b.Kind == extract.ListItem && n > 0 && k.w.Blocks[n-1].Kind == extract.ListItem {
		gap = "\n"
	}
	b.Lines = [2]int{from, max(from, to)}
	k.w.Add(gap, b)
}

// indented are the lines from i on that are blank or indented, and the index
// behind them.
func indented(lines []line, i int) ([]line, int) {
	end := i
	for j := i; j < len(lines); j++ {
		if lines[j].s == "" {
			continue
		}
		if lines[j].s[0] != ' ' {
			break
		}
		end = j + 1
	}
	return lines[i:end], end
}

// blocks adds the blocks of lines. The first paragraph begins with sign.
func (k *reader) blocks(lines []line, depth int, sign string) {
	lead := sign
	kind := k.next
	k.next = ""
	emit := func(text string, from, to int) {
		b := extract.Block{Kind: extract.Paragraph, Text: text}
		if kind != "" {
			b.Kind = kind
		}
		if lead != "" {
			b.Text = lead + text
			if k.items > 0 && kind == "" {
				margin := strings.Repeat("  ", k.items-1)
				b.Kind, b.Level = extract.ListItem, k.items
				b.Text = margin + lead + strings.ReplaceAll(text, "\n", "\n"+margin+strings.Repeat(" ", utf8.RuneCountInString(lead)))
			}
			lead = ""
		}
		k.add(b, from, to)
	}
	for i := 0; i < len(lines); {
		if k.ctx.Err() != nil {
			return
		}
		s := lines[i].s
		next := ""
		if i+1 < len(lines) {
			next = lines[i+1].s
		}
		switch {
		case s == "":
			i++
		case depth > maxDepth:
			emit(inline(s), lines[i].n, lines[i].n)
			i++
		case strings.HasPrefix(s, "..") && (len(s) == 2 || s[2] == ' '):
			i = k.explicit(lines, i, depth)
		case underlined(s) != 0 && next != "" && i+2 < len(lines) && underlined(lines[i+2].s) == s[0] && underlined(next) == 0 && !simple.MatchString(s):
			k.heading(strings.TrimSpace(next), s[:1]+s[:1], lines[i].n, lines[i+2].n)
			i += 3
		case underlined(next) != 0 && underlined(s) == 0 && s[0] != ' ' && (len(next) >= utf8.RuneCountInString(s) || len(next) >= 4 && len(next) >= utf8.RuneCountInString(s)-2):
			k.heading(s, next[:1], lines[i].n, lines[i+1].n)
			i += 2
		case len(s) >= 4 && underlined(s) != 0: // a line across the page
			i++
		case grid.MatchString(s):
			i = k.grid(lines, i)
		case simple.MatchString(s):
			i = k.simple(lines, i)
		case strings.HasPrefix(s, ">>> "):
			from := i
			for i < len(lines) && lines[i].s != "" {
				i++
			}
			k.code(lines[from:i], "python")
		case strings.HasPrefix(s, "| "):
			from := i
			var text []string
			for i < len(lines) && (strings.HasPrefix(lines[i].s, "| ") || lines[i].s == "|" || strings.HasPrefix(lines[i].s, "  ") && lines[i].s != "") {
				text = append(text, inline(strings.TrimPrefix(strings.TrimPrefix(lines[i].s, "|"), " ")))
				i++
			}
			emit(strings.Join(text, "\n"), lines[from].n, lines[i-1].n)
		case bullets.MatchString(s) || numbers.MatchString(s):
			m := bullets.FindString(s)
			mark := "- "
			if m == "" {
				m = numbers.FindString(s)
				mark = strings.TrimSpace(m) + " "
			}
			rest, end := indented(lines, i+1)
			body := append([]line{{lines[i].n, s[len(m):]}}, dedent(rest)...)
			if mark == "#. " {
				mark = "- "
			}
			k.items++
			k.blocks(body, depth+1, mark)
			k.items--
			i = max(end, i+1)
		case field.MatchString(s):
			m := field.FindStringSubmatch(s)
			rest, end := indented(lines, i+1)
			switch strings.ToLower(m[1]) {
			case "author", "authors":
				k.w.Authors = append(k.w.Authors, inline(m[2]))
			case "orphan", "nosearch", "tocdepth":
			default:
				body := append([]line{{lines[i].n, m[2]}}, dedent(rest)...)
				k.items++
				k.blocks(body, depth+1, inline(m[1])+": ")
				k.items--
			}
			i = max(end, i+1)
		case s[0] == ' ': // a quotation
			rest, end := indented(lines, i)
			k.blocks(dedent(rest), depth+1, "")
			i = end
		case next != "" && next[0] == ' ' && strings.TrimSpace(next) != "": // a definition
			rest, end := indented(lines, i+1)
			term, _, _ := strings.Cut(s, " : ")
			k.items++
			k.blocks(dedent(rest), depth+1, strings.TrimSuffix(inline(term), ":")+": ")
			k.items--
			i = end
		default:
			from := i
			var text []string
			for i < len(lines) && lines[i].s != "" && (i == from || lines[i].s[0] != ' ') {
				text = append(text, lines[i].s)
				i++
			}
			to := lines[i-1].n
			t := strings.Join(text, " ")
			literal := strings.HasSuffix(t, "::")
			if literal {
				t = strings.TrimSuffix(t, ":")
				if t == ":" || strings.HasSuffix(t, " :") {
					t = strings.TrimSuffix(t, ":")
				}
			}
			if t = inline(t); t != "" {
				emit(t, lines[from].n, to)
			}
			if literal {
				body, end := indented(lines, i)
				k.code(body, "")
				i = max(i, end)
			}
		}
	}
	if lead != "" && k.items > 0 && strings.TrimSpace(strings.TrimLeft(lead, "-")) != "" && len(lines) > 0 {
		emit("", lines[0].n, lines[0].n)
	}
}

func (k *reader) heading(title, style string, from, to int) {
	level, ok := k.levels[style]
	if !ok {
		level = len(k.levels) + 1
		k.levels[style] = level
	}
	if title = inline(title); title == "" {
		return
	}
	if k.w.Title == "" {
		k.w.Title = title
	}
	k.add(extract.Block{Kind: extract.Heading, Level: min(level, 9), Title: title, Text: title}, from, to)
}

func (k *reader) code(lines []line, lang string) {
	for len(lines) > 0 && lines[0].s == "" {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return
	}
	var text []string
	for _, l := range dedent(lines) {
		text = append(text, l.s)
	}
	k.add(extract.Block{Kind: extract.Code, Lang: lang, Text: strings.TrimRight(strings.Join(text, "\n"), "\n ")}, lines[0].n, lines[len(lines)-1].n)
}

// asides are directives whose words are text under a word of their own.
var asides = map[string]string{
	"note": "Note", "warning": "Warning", "tip": "Tip", "hint": "Hint", "important": "Important", "caution": "Caution", "danger": "Danger", "attention": "Attention", "error": "Error",
	"seealso": "See also", "versionadded": "New in version", "versionchanged": "Changed in version", "deprecated": "Deprecated since version", "exercise": "Exercise", "solution": "Solution", "proof": "Proof", "theorem": "Theorem", "question": "Question", "answer": "Answer",
}

// explicit reads what begins with two dots.
func (k *reader) explicit(lines []line, i, depth int) int {
	s := lines[i].s
	body, end := indented(lines, i+1)
	end = max(end, i+1)
	if m := note.FindStringSubmatch(s); m != nil {
		k.next = extract.Footnote
		k.blocks(append([]line{{lines[i].n, m[2]}}, dedent(body)...), depth+1, "["+strings.TrimLeft(m[1], "#*")+"] ")
		k.next = ""
		return end
	}
	m := directive.FindStringSubmatch(s)
	if m == nil {
		return end // a comment or a target
	}
	options := map[string]string{}
	content := dedent(body)
	for len(content) > 0 && option.MatchString(content[0].s) {
		f := field.FindStringSubmatch(content[0].s)
		if f != nil {
			options[f[1]] = f[2]
		}
		content = content[1:]
	}
	switch name := m[1]; {
	case name == "code-block" || name == "code" || name == "sourcecode" || name == "highlight" && len(content) > 0 || name == "parsed-literal" || name == "prompt" || name == "ipython" || name == "testcode" || name == "doctest":
		if options["caption"] != "" {
			k.add(extract.Block{Kind: extract.Caption, Text: inline(options["caption"])}, lines[i].n, lines[i].n)
		}
		k.code(content, strings.ToLower(strings.TrimSpace(m[2])))
	case name == "math":
		text := strings.TrimSpace(m[2])
		for _, l := range content {
			text += "\n" + l.s
		}
		if text = strings.TrimSpace(text); text != "" {
			k.add(extract.Block{Kind: extract.Formula, Text: "$$" + regexp.MustCompile(`\n\s*\n`).ReplaceAllString(text, "\n") + "$$"}, lines[i].n, lines[end-1].n)
		}
	case name == "figure":
		k.next = extract.Caption
		k.blocks(content, depth+1, "")
		k.next = ""
	case name == "csv-table":
		k.caption(m[2], lines[i].n)
		var text []string
		if options["header"] != "" {
			text = append(text, options["header"])
		}
		for _, l := range content {
			text = append(text, l.s)
		}
		c := csv.NewReader(strings.NewReader(strings.TrimSpace(strings.Join(text, "\n"))))
		c.FieldsPerRecord, c.LazyQuotes, c.TrimLeadingSpace = -1, true, true
		if rows, err := c.ReadAll(); err == nil {
			k.add(table.Block(rows), lines[i].n, lines[end-1].n)
		}
	case name == "list-table":
		k.caption(m[2], lines[i].n)
		k.listTable(content, lines[i].n, lines[end-1].n)
	case name == "table":
		k.caption(m[2], lines[i].n)
		k.blocks(content, depth+1, "")
	case name == "rubric" || name == "topic" || name == "sidebar" || name == "admonition":
		if t := inline(m[2]); t != "" {
			k.add(extract.Block{Kind: extract.Paragraph, Text: t}, lines[i].n, lines[i].n)
		}
		k.blocks(content, depth+1, "")
	case asides[name] != "":
		first := append([]line{{lines[i].n, m[2]}}, content...)
		items := k.items
		k.items = 0
		k.blocks(first, depth+1, asides[name]+": ")
		k.items = items
	case name == "image" || name == "toctree" || name == "contents" || name == "include" || name == "literalinclude" || name == "raw" || name == "index" || name == "only" && len(content) == 0 || name == "highlight" || name == "meta" || name == "module" || name == "currentmodule" || name == "default-role" || name == "role" || name == "unicode" || strings.HasPrefix(name, "auto") || name == "sectionauthor" || name == "codeauthor":
	case name == "replace":
	case strings.Contains(name, ":") || name == "function" || name == "class" || name == "method" || name == "attribute" || name == "data" || name == "option" || name == "describe" || name == "glossary" || name == "term":
		if m[2] != "" {
			k.code([]line{{lines[i].n, m[2]}}, "")
		}
		k.blocks(content, depth+1, "")
	default: // the words of a directive not known
		if t := inline(m[2]); t != "" && len(content) > 0 {
			k.add(extract.Block{Kind: extract.Paragraph, Text: t}, lines[i].n, lines[i].n)
		}
		k.blocks(content, depth+1, "")
	}
	return end
}

func (k *reader) caption(s string, n int) {
	if s = inline(s); s != "" {
		k.add(extract.Block{Kind: extract.Caption, Text: s}, n, n)
	}
}

// listTable reads a table that is written as a list of lists.
func (k *reader) listTable(lines []line, from, to int) {
	var rows [][]string
	for _, l := range lines {
		s := strings.TrimSpace(l.s)
		switch {
		case strings.HasPrefix(s, "* -"):
			rows = append(rows, []string{inline(strings.TrimSpace(s[3:]))})
		case len(rows) > 0 && strings.HasPrefix(s, "-") && indent(l.s) > 0 && (len(s) == 1 || s[1] == ' '):
			rows[len(rows)-1] = append(rows[len(rows)-1], inline(strings.TrimSpace(s[1:])))
		case len(rows) > 0 && s != "":
			r := rows[len(rows)-1]
			r[len(r)-1] = strings.TrimSpace(r[len(r)-1] + " " + inline(s))
		}
	}
	k.add(table.Block(rows), from, to)
}

// grid reads a table drawn with + and |.
func (k *reader) grid(lines []line, i int) int {
	end := i
	for end < len(lines) && (strings.HasPrefix(lines[end].s, "+") || strings.HasPrefix(lines[end].s, "|")) {
		end++
	}
	var rows [][]string
	var row []string
	flush := func() {
		if strings.TrimSpace(strings.Join(row, "")) != "" {
			for j, cell := range row {
				row[j] = inline(strings.Join(strings.Fields(cell), " "))
			}
			rows = append(rows, row)
		}
		row = nil
	}
	for _, l := range lines[i:end] {
		if strings.HasPrefix(l.s, "+") {
			flush()
			continue
		}
		for j, cell := range strings.Split(strings.Trim(l.s, "|"), "|") {
			if j >= len(row) {
				row = append(row, "")
			}
			row[j] += " " + cell
		}
	}
	flush()
	k.add(table.Block(rows), lines[i].n, lines[end-1].n)
	return end
}

// simple reads a table whose columns are drawn with =.
func (k *reader) simple(lines []line, i int) int {
	var starts []int
	for j := range len(lines[i].s) {
		if lines[i].s[j] == '=' && (j == 0 || lines[i].s[j-1] == ' ') {
			starts = append(starts, j)
		}
	}
	last := i
	for j := i + 1; j < len(lines); j++ {
		if simple.MatchString(lines[j].s) {
			last = j
			if j+1 >= len(lines) || lines[j+1].s == "" {
				break
			}
		} else if lines[j].s == "" && j+1 < len(lines) && lines[j+1].s == "" {
			break
		}
	}
	if last == i {
		return i + 1
	}
	var rows [][]string
	for _, l := range lines[i+1 : last] {
		if l.s == "" || simple.MatchString(l.s) || strings.Trim(l.s, "- ") == "" {
			continue
		}
		runes := []rune(l.s)
		row := make([]string, len(starts))
		for c, from := range starts {
			to := len(runes)
			if c+1 < len(starts) {
				to = min(starts[c+1], len(runes))
			}
			if from < to {
				row[c] = inline(strings.TrimSpace(string(runes[from:to])))
			}
		}
		if row[0] == "" && len(rows) > 0 { // the line above goes on
			for c, cell := range row {
				rows[len(rows)-1][c] = strings.TrimSpace(rows[len(rows)-1][c] + " " + cell)
			}
			continue
		}
		rows = append(rows, row)
	}
	k.add(table.Block(rows), lines[i].n, lines[last].n)
	return last + 1
}

var (
	literal   = regexp.MustCompile("``([^`]+(?:`[^`]+)*)``")
	role      = regexp.MustCompile(":([a-zA-Z][\\w:.+-]*):`([^`]+)`")
	linked    = regexp.MustCompile("`([^`<>]*?)\\s*<([^<>`]*)>`__?")
	quoted    = regexp.MustCompile("`([^`]+)`(?:__?)?")
	strong    = regexp.MustCompile(`\*\*([^*\s](?:[^*]*[^*\s])?)\*\*`)
	emphasis  = regexp.MustCompile(`(^|[\s("'\[{<-])\*([^*\s](?:[^*]*[^*\s])?)\*`)
	footed    = regexp.MustCompile(`\[([#*]?[\w-]*)\]_`)
	reference = regexp.MustCompile(`\b([A-Za-z0-9][\w.-]*[A-Za-z0-9])__?(\W|$)`)
	replaced  = regexp.MustCompile(`\|([^|\s][^|]*)\|_?`)
	escaped   = regexp.MustCompile(`\\(.|$)`)
)

// inline takes the signs out of a line of text. Literals keep theirs.
func inline(s string) string {
	var held []string
	hold := func(t string) string {
		held = append(held, t)
		return "\x00" + strconv.Itoa(len(held)-1) + "\x00"
	}
	s = strings.ReplaceAll(s, "\x00", "")
	s = literal.ReplaceAllStringFunc(s, func(m string) string { return hold(m[2 : len(m)-2]) })
	s = role.ReplaceAllStringFunc(s, func(m string) string {
		g := role.FindStringSubmatch(m)
		text := g[2]
		if i := strings.LastIndex(text, " <"); i > 0 && strings.HasSuffix(text, ">") {
			text = text[:i]
		}
		if g[1] == "math" {
			return hold("$" + text + "$")
		}
		return hold(strings.TrimLeft(text, "~!"))
	})
	s = linked.ReplaceAllStringFunc(s, func(m string) string {
		g := linked.FindStringSubmatch(m)
		if g[1] == "" {
			return hold(g[2])
		}
		return g[1]
	})
	s = quoted.ReplaceAllString(s, "$1")
	s = strong.ReplaceAllString(s, "$1")
	s = emphasis.ReplaceAllString(s, "$1$2")
	s = footed.ReplaceAllString(s, "[$1]")
	s = reference.ReplaceAllString(s, "$1$2")
	s = replaced.ReplaceAllString(s, "$1")
	s = escaped.ReplaceAllStringFunc(s, func(m string) string { return strings.Trim(m[1:], " ") })
	for i, t := range held {
		s = strings.Replace(s, "\x00"+strconv.Itoa(i)+"\x00", t, 1)
	}
	return strings.TrimSpace(strings.ReplaceAll(s, "\x00", ""))
}
