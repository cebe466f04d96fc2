// Package asciidoc reads AsciiDoc: sections, lists, tables, code and the
// blocks between fences. Nothing is ever included from another file.
package asciidoc

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/table"
)

// Read reads an AsciiDoc file.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	k := reader{lines: strings.Split(src, "\n")}
	k.w.Kind = extract.Page
	k.w.Warnings = warnings
	for k.i < len(k.lines) {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("read %s: %w", name, ctx.Err())
		}
		k.block()
	}
	k.flush()
	d := k.w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: it has only comments and attributes", name, readerr.ErrNoText)
	}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type reader struct {
	w      extract.Builder
	lines  []string
	i      int
	text   []string // of the paragraph or item at hand
	from   int
	item   int    // its depth as an item, 0 is none
	sign   string // what the item begins with
	counts [7]int // of numbered items, by depth
	style  string // "source", "stem", of the block that follows
	lang   string
}

var (
	heading   = regexp.MustCompile(`^(={1,6}|#{1,6}) +(\S.*)$`)
	attribute = regexp.MustCompile(`^:!?[\w-]+!?:( |$)`)
	attrs     = regexp.MustCompile(`^\[([^\[\]]*|\[[^\]]*\])\]$`)
	bullet    = regexp.MustCompile(`^\s*(\*{1,6}|-) +(\S.*)$`)
	ordered   = regexp.MustCompile(`^\s*(\.{1,6}|\d{1,4}\.) +(\S.*)$`)
	term      = regexp.MustCompile(`^(\S.*?)(:{2,4}|;;)(?: +(.*))?$`)
	macro     = regexp.MustCompile(`^(image|video|audio|include|toc|ifdef|ifndef|endif|ifeval)::.*$`)
	aside     = regexp.MustCompile(`^(NOTE|TIP|WARNING|IMPORTANT|CAUTION): +(.*)$`)
)

func (k *reader) add(b extract.Block, from, to int) {
	gap := "\n\n"
	if n := len(k.w.Blocks); b.Kind == extract.ListItem && n > 0 && k.w.Blocks[n-1].Kind == extract.ListItem {
		gap = "\n"
	}
	b.Lines = [2]int{from, max(from, to)}
	k.w.Add(gap, b)
}

func (k *reader) flush() {
	text := inline(strings.Join(k.text, " "))
	b := extract.Block{Kind: extract.Paragraph, Text: k.sign + text}
	if k.item > 0 {
		b = extract.Block{Kind: extract.ListItem, Level: k.item, Text: strings.Repeat("  ", k.item-1) + k.sign + text}
	}
	if text != "" || k.item > 0 {
		k.add(b, k.from, k.from+len(k.text)-1)
	}
	k.text, k.item, k.sign = nil, 0, ""
}

// fenced are the lines up to the one that closes the fence at hand.
func (k *reader) fenced(fence string) (body []string, from int) {
	from = k.i + 1
	end := from
	for end < len(k.lines) && strings.TrimRight(k.lines[end], " ") != fence {
		end++
	}
	k.i = end + 1
	return k.lines[from:min(end, len(k.lines))], from + 1
}

// underlines are the signs below the titles of the older, two-line form, by
// their level.
const underlines = "=-~^+"

// underlined reports whether a line makes a title of the one before it. It
// has its length, as the older form asks for.
func (k *reader) underlined(l string) bool {
	if len(k.text) != 1 || k.item > 0 || k.sign != "" || len(l) < 3 || strings.IndexByte(underlines, l[0]) < 0 || strings.Trim(l, l[:1]) != "" {
		return false
	}
	n := utf8.RuneCountInString(k.text[0])
	r, _ := utf8.DecodeRuneInString(k.text[0])
	return n-len(l) <= 2 && len(l)-n <= 2 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func (k *reader) block() {
	l := strings.TrimRight(k.lines[k.i], " \t")
	n := k.i + 1
	style, lang := k.style, k.lang
	switch {
	case l == "":
		k.flush()
		k.i++
		return
	case k.underlined(l):
		title := inline(k.text[0])
		if k.w.Title == "" && l[0] == '=' {
			k.w.Title = title
		}
		k.add(extract.Block{Kind: extract.Heading, Level: 1 + strings.IndexByte(underlines, l[0]), Title: title, Text: title}, k.from, n)
		k.text = nil
		k.i++
		return
	case l == "+": // the item goes on
		k.flush()
		k.i++
		return
	case strings.HasPrefix(l, "////"):
		k.flush()
		k.fenced(l)
		return
	case strings.HasPrefix(l, "//"), attribute.MatchString(l):
		k.i++
		return
	case macro.MatchString(l):
		k.flush()
		k.i++
		return
	case len(l) >= 4 && (strings.Trim(l, "-") == "" || strings.Trim(l, ".") == "" || strings.Trim(l, "+") == ""), strings.HasPrefix(l, "```"):
		k.flush()
		fence := l
		if strings.HasPrefix(l, "```") {
			fence, lang = "```", strings.TrimPrefix(l, "```")
		}
		body, from := k.fenced(fence)
		b := extract.Block{Kind: extract.Code, Lang: lang, Text: strings.Trim(callout.ReplaceAllString(strings.Join(body, "\n"), ""), "\n")}
		if style == "stem" || style == "latexmath" || style == "asciimath" {
			b = extract.Block{Kind: extract.Formula, Text: "$$" + strings.TrimSpace(strings.Join(body, "\n")) + "$$"}
		}
		k.add(b, from, from+len(body)-1)
		k.style, k.lang = "", ""
		return
	case l == "|===" || l == ",===" || l == "!===":
		k.flush()
		body, from := k.fenced(l)
		k.add(table.Block(cells(body)), from, from+len(body)-1)
		return
	case len(l) >= 4 && (strings.Trim(l, "=") == "" || strings.Trim(l, "*") == "" || strings.Trim(l, "_") == ""), l == "--", l == "'''", l == "<<<":
		k.flush()
		k.i++ // what stands between them is read as it comes
		return
	}
	k.i++
	if m := attrs.FindStringSubmatch(l); m != nil && len(k.text) == 0 {
		parts := strings.Split(m[1], ",")
		k.style, k.lang = strings.TrimSpace(parts[0]), ""
		if len(parts) > 1 && (k.style == "source" || k.style == "") {
			k.lang = strings.ToLower(strings.TrimSpace(parts[1]))
		}
		return
	}
	if m := heading.FindStringSubmatch(l); m != nil && len(k.text) == 0 {
		k.flush()
		title := inline(m[2])
		if k.w.Title == "" && len(m[1]) == 1 {
			k.w.Title = title
			if k.i < len(k.lines) && person.MatchString(k.lines[k.i]) {
				k.w.Authors = []string{strings.TrimSpace(person.FindStringSubmatch(k.lines[k.i])[1])}
				k.i++
			}
		}
		if title != "" {
			k.add(extract.Block{Kind: extract.Heading, Level: len(m[1]), Title: title, Text: title}, n, n)
		}
		return
	}
	if strings.HasPrefix(l, ".") && len(l) > 1 && l[1] != ' ' && l[1] != '.' && len(k.text) == 0 {
		k.flush()
		k.add(extract.Block{Kind: extract.Caption, Text: inline(l[1:])}, n, n)
		return
	}
	begin := func(depth int, sign, rest string) {
		k.flush()
		k.item, k.sign, k.from = depth, sign, n
		k.text = []string{rest}
	}
	if m := bullet.FindStringSubmatch(l); m != nil {
		begin(len(m[1]), "- ", m[2])
		return
	}
	if m := ordered.FindStringSubmatch(l); m != nil {
		if depth := len(m[1]); strings.HasPrefix(m[1], ".") {
			begin(depth, "", m[2])
			if n := len(k.w.Blocks); n == 0 || k.w.Blocks[n-1].Kind != extract.ListItem {
				clear(k.counts[:])
			}
			clear(k.counts[depth+1:])
			k.counts[depth]++
			k.sign = strconv.Itoa(k.counts[depth]) + ". "
		} else {
			begin(1, m[1]+" ", m[2])
		}
		return
	}
	if m := term.FindStringSubmatch(l); m != nil && !strings.Contains(m[1], "://") && (len(k.text) == 0 || k.item > 0) {
		begin(1, inline(m[1])+": ", m[3])
		return
	}
	if m := aside.FindStringSubmatch(l); m != nil && len(k.text) == 0 {
		k.flush()
		k.sign, k.from, k.text = m[1]+": ", n, []string{m[2]}
		return
	}
	if len(k.text) == 0 {
		k.flush()
		k.from = n
		if l[0] == ' ' || style == "source" || style == "listing" { // code without a fence
			from := k.i - 1
			for k.i < len(k.lines) && strings.TrimSpace(k.lines[k.i]) != "" {
				k.i++
			}
			k.add(extract.Block{Kind: extract.Code, Lang: lang, Text: strings.Join(k.lines[from:k.i], "\n")}, n, k.i)
			k.style, k.lang = "", ""
			return
		}
	}
	k.text = append(k.text, strings.TrimSuffix(strings.TrimSpace(l), " +"))
}

var (
	person  = regexp.MustCompile(`^([A-Z][\p{L}.'-]*(?: [\p{L}.'-]+){1,3})(?: <[^>]*>)?$`)
	callout = regexp.MustCompile(`(?m) *(//|#|;;)? *<\d{1,2}>$`)
	spec    = regexp.MustCompile(`(?:^|\s)(?:\d+[*+])?(?:\.\d+\+)?[<^>]?(?:\.[<^>])?[aehlmsvd]?\|`)
)

// cells are the rows of a table. Its first line with cells tells how many a
// row has.
func cells(body []string) [][]string {
	var all []string
	width := 0
	for _, l := range body {
		if strings.TrimSpace(l) == "" || strings.HasPrefix(l, "//") {
			continue
		}
		parts := spec.Split(l, -1)
		if lead := strings.TrimSpace(parts[0]); lead != "" && len(all) > 0 {
			all[len(all)-1] += " " + lead
		}
		all = append(all, parts[1:]...)
		if width == 0 {
			width = len(parts) - 1
		}
	}
	var rows [][]string
	for width > 0 && len(all) > 0 {
		row := all[:min(width, len(all))]
		all = all[len(row):]
		for i, c := range row {
			row[i] = inline(c)
		}
		rows = append(rows, row)
	}
	return rows
}

var (
	link     = regexp.MustCompile(`(?:link:|xref:)?((?:https?|ftp|mailto|irc):?/{0,2}[^\s\[\]<>]+|(?:link|xref):[^\s\[\]]+)\[([^\]]*)\]`)
	ref      = regexp.MustCompile(`<<([^,>]+)(?:,\s*([^>]*))?>>`)
	inlined  = regexp.MustCompile(`(?:image|icon|kbd|btn|indexterm|anchor):[^\s\[]*\[([^\]]*)\]`)
	footnote = regexp.MustCompile(`footnote(?:ref)?:[^\s\[]*\[([^\]]*)\]`)
	stem     = regexp.MustCompile(`(?:stem|latexmath|asciimath):\[([^\]]*)\]`)
	anchor   = regexp.MustCompile(`\[\[[^\]]*\]\]|\(\(\([^)]*\)\)\)|\{(?:nbsp|empty|zwsp|sp)\}`)
	doubled  = regexp.MustCompile("\\*\\*([^*]+)\\*\\*|__([^_]+)__|``([^`]+)``|##([^#]+)##")
	single   = regexp.MustCompile("(^|[^\\w*_`])(?:\\[[^\\]]*\\])?(?:\\*([^*\\s](?:[^*]*[^*\\s])?)\\*|_([^_\\s](?:[^_]*[^_\\s])?)_|`\\+?([^`\\s](?:[^`]*?[^`\\s])?)\\+?`|#([^#\\s](?:[^#]*[^#\\s])?)#)")
)

// inline takes the signs out of a line of text.
func inline(s string) string {
	s = anchor.ReplaceAllString(s, "")
	s = stem.ReplaceAllString(s, "$$${1}$$")
	s = footnote.ReplaceAllString(s, " ($1)")
	s = link.ReplaceAllStringFunc(s, func(m string) string {
		g := link.FindStringSubmatch(m)
		text, _, _ := strings.Cut(strings.TrimSuffix(g[2], "^"), ",")
		if text == "" {
			return g[1]
		}
		return strings.Trim(text, `"`)
	})
	s = ref.ReplaceAllStringFunc(s, func(m string) string {
		g := ref.FindStringSubmatch(m)
		if g[2] != "" {
			return g[2]
		}
		return g[1]
	})
	s = inlined.ReplaceAllString(s, "$1")
	s = doubled.ReplaceAllString(s, "$1$2$3$4")
	s = single.ReplaceAllString(s, "$1$2$3$4$5")
	return strings.TrimSpace(s)
}
