// Package text reads plain text in any encoding: paragraphs at blank lines,
// and headings only where the text leaves no doubt.
package text

import (
	"context"
	"io"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/verbatim"
)

// Read reads a text file. The document's text is the file's, with "\n" line
// ends; its blocks are the paragraphs between blank lines. A paragraph of
// bullets or numbers gives one block for each item. The preamble and licence
// that Project Gutenberg puts around a book are marked to be skipped.
func Read(_ context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	d := Parse(src)
	d.Warnings = warnings
	if d.Title == "" {
		base := path.Base(name)
		d.Title = strings.TrimSuffix(base, path.Ext(base))
	}
	return d, nil
}

// Parse is Read for text that has been decoded. The title stays empty where
// the text states none.
func Parse(src string) *extract.Document {
	w := verbatim.New(src, extract.Paragraph)
	w.Kind = extract.Book
	body, end := 0, len(src)
	if first, last, ok := gutenberg(src); ok {
		describe(&w.Document, src[:first])
		each(src, 0, first, func(p para) {
			w.Add(p.start, p.end, extract.Block{Kind: extract.Other, Skip: "Project Gutenberg's preamble"})
		})
		body, end = first, last
	}

	var under []byte // underline signs in the order of their first use: level 1, 2, …
	each(src, body, end, func(p para) {
		s := src[p.start:p.end]
		if n, sign, title := underlined(s); n > 0 {
			level := strings.IndexByte(string(under), sign) + 1
			if level == 0 {
				under = append(under, sign)
				level = len(under)
			}
			w.Add(p.start, p.start+n, extract.Block{Kind: extract.Heading, Level: level, Title: title})
			if n < len(s) {
				paragraph(w, src, p.start+n, p.end)
			}
			return
		}
		if level, title := heading(s, p.blank); level > 0 {
			w.Add(p.start, p.end, extract.Block{Kind: extract.Heading, Level: level, Title: title})
			return
		}
		paragraph(w, src, p.start, p.end)
	})
	each(src, end, len(src), func(p para) {
		w.Add(p.start, p.end, extract.Block{Kind: extract.Other, Skip: "Project Gutenberg's licence"})
	})

	d := w.Done()
	if d.Title == "" {
		for _, b := range d.Blocks {
			if b.Kind == extract.Heading && b.Level == 1 && !chapter.MatchString(b.Title) && !known[strings.ToLower(b.Title)] {
				d.Title = b.Title
				break
			}
		}
	}
	return d
}

// A para is a run of lines that are not blank.
type para struct {
	start, end int
	blank      int // blank lines before it, at least 2 at the start of the text
}

func each(src string, from, to int, do func(para)) {
	p := para{start: -1, blank: 2}
	for at := from; at < to; {
		end := to
		if i := strings.IndexByte(src[at:to], '\n'); i >= 0 {
			end = at + i + 1
		}
		switch isBlank := strings.TrimSpace(src[at:end]) == ""; {
		case !isBlank && p.start < 0:
			p.start, p.end = at, end
		case !isBlank:
			p.end = end
		case p.start >= 0:
			do(p)
			p = para{start: -1, blank: 1}
		default:
			p.blank++
		}
		at = end
	}
	if p.start >= 0 {
		do(p)
	}
}

var bullet = regexp.MustCompile(`^[ \t]*([-*•‣◦–]|\(?[0-9]{1,3}[.)]|\(?[a-z][.)])[ \t]+\S`)

// paragraph adds the lines as one block, or as items where the first line
// starts one and another line does too.
func paragraph(w *verbatim.Writer, src string, start, end int) {
	first := firstLine(src[start:end])
	if !bullet.MatchString(first) {
		w.Add(start, end, extract.Block{Kind: extract.Paragraph})
		return
	}
	shape := bulletShape(first)
	margins := []int{indent(first)}
	level, from := 1, start
	for at := start + len(first); at < end; {
		line := firstLine(src[at:end])
		if bullet.MatchString(line) && (bulletShape(line) == shape || indent(line) > margins[0]) {
			w.Add(from, at, extract.Block{Kind: extract.ListItem, Level: level})
			from = at
			for len(margins) > 1 && indent(line) <= margins[len(margins)-2] {
				margins = margins[:len(margins)-1]
			}
			if indent(line) > margins[len(margins)-1] {
				margins = append(margins, indent(line))
			}
			level = len(margins)
		}
		at += len(line)
	}
	w.Add(from, end, extract.Block{Kind: extract.ListItem, Level: level})
}

// bulletShape tells apart "-", "1." and "a)".
func bulletShape(line string) string {
	sign := strings.TrimSpace(bullet.FindStringSubmatch(line)[1])
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return -1 // "9." and "10." are one shape
		case unicode.IsLetter(r):
			return 'a'
		}
		return r
	}, sign)
}

func indent(line string) int {
	return len(line) - len(strings.TrimLeft(line, " \t"))
}

func firstLine(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i+1]
	}
	return s
}

// underlined is the length, sign and title of the heading that s starts with:
// a title, and below it a line of one sign that is about as long; perhaps one
// above it too. The length is 0 if s starts otherwise.
func underlined(s string) (int, byte, string) {
	title := firstLine(s)
	above := 0
	if over(s) {
		above = len(title)
		title = firstLine(s[above:])
	}
	line := firstLine(s[above+len(title):])
	sign, n := rule(line)
	width := utf8.RuneCountInString(strings.TrimSpace(title))
	if n < 3 || n*10 < width*7 || n > 2*width+10 || width > maxTitle || !hasLetter(title) || strings.HasSuffix(strings.TrimSpace(title), ",") {
		return 0, 0, ""
	}
	return above + len(title) + len(line), sign, strings.TrimSpace(title)
}

// over reports whether s starts with a line of one sign, a title, and the
// same sign again.
func over(s string) bool {
	first := firstLine(s)
	sign, n := rule(first)
	if n < 3 {
		return false
	}
	title := firstLine(s[len(first):])
	below, m := rule(firstLine(s[len(first)+len(title):]))
	return m >= 3 && below == sign && hasLetter(title)
}

// rule is the sign and length of a line that repeats one sign.
func rule(line string) (byte, int) {
	line = strings.TrimRight(line, " \t\n")
	if line == "" || !strings.ContainsRune("=-~*^\"'#+", rune(line[0])) || strings.Trim(line, line[:1]) != "" {
		return 0, 0
	}
	return line[0], len(line)
}

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }

const maxTitle = 90

var (
	chapter  = regexp.MustCompile(`(?i)^(book|part|chapter|section|appendix|act|scene|lesson|unit|lecture|canto|kapitel|teil|chapitre|partie|cap[ií]tulo|parte)\s+([0-9]+|[ivxlc]+|[a-z]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(the\s+)?(first|second|third|fourth|fifth|last))\b`)
	numbered = regexp.MustCompile(`^[0-9]{1,2}(\.[0-9]{1,2}){1,3}\.?[ \t]+\p{Lu}`)
	atx      = regexp.MustCompile(`^(#{1,6})[ \t]+(\S.*?)[ \t]*#*$`)
)

// known titles stand alone on a line and are never a sentence.
var known = map[string]bool{}

func init() {
	for _, s := range strings.Fields(`preface foreword introduction prologue epilogue contents abstract acknowledgements
		acknowledgments appendix appendices bibliography references index glossary exercises problems solutions answers
		summary conclusion conclusions discussion methods results faq definitions notation notes questions`) {
		known[s] = true
	}
	for _, s := range []string{"table of contents", "frequently asked questions", "answers to exercises", "solutions to exercises",
		"further reading", "review questions", "related work", "list of figures", "list of tables"} {
		known[s] = true
	}
}

// heading is the level and title of a paragraph that is a heading, 0 if it
// may be anything else. blank counts the blank lines before it.
func heading(s string, blank int) (int, string) {
	s = strings.TrimSpace(s)
	if len(s) > 2*maxTitle {
		return 0, ""
	}
	lines := strings.Split(s, "\n")
	if len(lines) > 3 {
		return 0, ""
	}
	title := strings.Join(strings.Fields(s), " ")
	first := strings.TrimSpace(lines[0])
	if m := chapter.FindString(first); m != "" {
		rest := strings.TrimSpace(first[len(m):])
		// "Chapter 3", "CHAPTER I. Down the hole", "Part 2: Trees", but not
		// "Chapter 3 shows that …".
		if len(title) <= maxTitle*3/2 && (rest == "" || strings.ContainsAny(rest[:1], ".:—-–") || upper(first)) && !sentence(rest) && (len(lines) == 1 || len(rest) <= 1) {
			return level(m), title
		}
		return 0, ""
	}
	if len(lines) > 1 || utf8.RuneCountInString(s) > maxTitle {
		return 0, ""
	}
	if m := atx.FindStringSubmatch(s); m != nil {
		return len(m[1]), m[2]
	}
	if known[strings.ToLower(strings.TrimRight(s, ".:"))] && unicode.IsUpper(firstRune(s)) {
		return 1, strings.TrimRight(s, ".:")
	}
	if m := numbered.FindString(s); m != "" && !sentence(s) && !strings.ContainsAny(s, "=;|") {
		return strings.Count(strings.TrimSuffix(strings.Fields(m)[0], "."), ".") + 1, s
	}
	if blank >= 2 && upper(s) && !sentence(s+" x") && strings.Count(s, " ") < 12 && letters(s) >= 4 {
		return 2, s
	}
	return 0, ""
}

func level(s string) int {
	switch strings.ToLower(strings.Fields(s)[0]) {
	case "section", "scene", "lesson":
		return 2
	}
	return 1
}

// sentence reports whether s ends like a sentence or goes on beyond one.
func sentence(s string) bool {
	return strings.Contains(s, ". ") && len(s) > 40 || strings.HasSuffix(s, ",") || strings.HasSuffix(s, ";") ||
		strings.HasSuffix(s, ".") && strings.Count(s, " ") > 6
}

func upper(s string) bool {
	return hasLetter(s) && strings.ToUpper(s) == s && strings.ToLower(s) != s
}

func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

var (
	bookStart = regexp.MustCompile(`(?m)^\*\*\* ?START OF TH(E|IS) PROJECT GUTENBERG.*\n`)
	bookEnd   = regexp.MustCompile(`(?m)^\*\*\* ?END OF TH(E|IS) PROJECT GUTENBERG`)
)

// gutenberg is where a book of Project Gutenberg starts and ends.
func gutenberg(src string) (first, last int, ok bool) {
	head := src[:min(len(src), 64<<10)]
	m := bookStart.FindStringIndex(head)
	if m == nil {
		return 0, 0, false
	}
	first, last = m[1], len(src)
	if e := bookEnd.FindStringIndex(src[first:]); e != nil {
		last = first + e[0]
	}
	return first, last, true
}

func describe(d *extract.Document, preamble string) {
	for line := range strings.Lines(preamble) {
		key, v, _ := strings.Cut(strings.TrimSpace(line), ":")
		v = strings.TrimSpace(v)
		switch key {
		case "Title":
			d.Title = v
		case "Author":
			d.Authors = append(d.Authors, v)
		case "Language":
			d.Language = languages[strings.ToLower(v)]
		}
	}
	d.License = "Project Gutenberg License"
}

var languages = map[string]string{
	"english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
	"dutch": "nl", "latin": "la", "russian": "ru", "chinese": "zh", "japanese": "ja", "finnish": "fi", "swedish": "sv",
}
