package view

import (
	"context"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"

	"seedbed/internal/seedbed"
)

// Plain is s with the characters replaced that would make a reader see
// something else than is there: those that turn the direction of what follows,
// and control characters. One character stands for one, so offsets stay.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r == 0x7F || r >= 0x80 && r < 0xA0,
			r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, s)
}

// escaped is s as text of an HTML element.
func escaped(s string) string { return templ.EscapeString(Plain(s)) }

// html is a component of escaped text and fixed tags only.
func html(write func(b *strings.Builder)) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		write(&b)
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// Marked shows text in which [seedbed.MarkStart] and [seedbed.MarkEnd] stand
// around the words to mark. Formulas are drawn, without marks.
func Marked(text string) templ.Component { return marked(unmarkedFormulas(text), prose) }

// MarkedCode shows code like [Marked]; a dollar in it begins no formula.
func MarkedCode(code string) templ.Component {
	return marked(code, func(b *strings.Builder, s string) { b.WriteString(escaped(s)) })
}

func marked(text string, write func(*strings.Builder, string)) templ.Component {
	return html(func(b *strings.Builder) {
		open := false
		for part := range strings.SplitSeq(text, seedbed.MarkStart) {
			if open {
				b.WriteString("<mark>")
			}
			inside, after, closed := strings.Cut(part, seedbed.MarkEnd)
			write(b, inside)
			if open {
				b.WriteString("</mark>")
			}
			if closed {
				write(b, strings.ReplaceAll(after, seedbed.MarkEnd, ""))
			}
			open = true
		}
	})
}

// Prose shows text as it was written, with its line breaks; fenced code and
// `code` become code, and formulas are drawn: a click shows their TeX. There is
// no other markup, so there is nothing to abuse, and a judge sees every sign
// that an export holds.
func Prose(text string) templ.Component {
	return html(func(b *strings.Builder) {
		b.WriteString(`<div class="prose" dir="auto">`)
		var open []string // lines of the paragraph or the code being read
		fence := ""       // that the code being read ends with
		paragraph := func() {
			if s := strings.TrimRight(strings.Join(open, "\n"), "\n\t "); s != "" {
				b.WriteString("<p>")
				inline(b, unwrap(s))
				b.WriteString("</p>")
			}
			open = open[:0]
		}
		code := func() {
			b.WriteString(`<pre tabindex="0"><code>` + escaped(strings.Join(open, "\n")) + "</code></pre>")
			open, fence = open[:0], ""
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
			mark := fenceOf(line)
			switch {
			case fence != "" && strings.HasPrefix(mark, fence) && strings.TrimSpace(line) == mark:
				code()
			case fence == "" && mark != "":
				paragraph()
				fence = mark
			case fence == "" && strings.TrimSpace(line) == "":
				paragraph()
			default:
				open = append(open, line)
			}
		}
		if fence != "" {
			code()
		}
		paragraph()
		b.WriteString("</div>")
	})
}

// languages are how BCP 47 names them.
var languages = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// spoken says which language a text is in, to who has it read aloud.
func spoken(language string) templ.Attributes {
	if !languages.MatchString(language) {
		return nil
	}
	return templ.Attributes{"lang": language}
}

// fenceOf is the run of three or more backticks or tildes that opens a line.
func fenceOf(line string) string {
	line = strings.TrimLeft(line, " ")
	for _, sign := range []string{"`", "~"} {
		rest := strings.TrimLeft(line, sign)
		if n := len(line) - len(rest); n >= 3 && !strings.Contains(rest, sign) {
			return line[:n]
		}
	}
	return ""
}

// Inline shows a line of text; `code` in it becomes code, and formulas are
// drawn.
func Inline(text string) templ.Component {
	return html(func(b *strings.Builder) { inline(b, text) })
}

// inline writes a paragraph with its formulas and its `code`, which ends with as many backticks
// as it begins with.
func inline(b *strings.Builder, s string) {
	for s != "" {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			break
		}
		prose(b, s[:i])
		s = s[i:]
		sign := s[:ticks(s)]
		s = s[len(sign):]
		end := 0
		for end < len(s) && (s[end] != '`' || ticks(s[end:]) != len(sign)) {
			end += max(1, ticks(s[end:]))
		}
		if end >= len(s) {
			b.WriteString(sign) // never closed
			continue
		}
		b.WriteString("<code>" + escaped(s[:end]) + "</code>")
		s = s[end+len(sign):]
	}
	prose(b, s)
}

// ticks is how many backticks s begins with.
func ticks(s string) int { return len(s) - len(strings.TrimLeft(s, "`")) }

// wrapWidth is how long a line is that a program broke, rather than a writer.
const wrapWidth = 45

// unwrap joins the lines of a paragraph that was broken to a width; lines of
// verse, lists and code stay. One character stands for one, so offsets stay.
func unwrap(s string) string {
	lines := strings.SplitAfter(s, "\n")
	for i := range lines[:len(lines)-1] {
		here, next := lines[i], lines[i+1]
		starts := strings.TrimLeft(next, "0123456789")
		switch {
		case utf8.RuneCountInString(here) <= wrapWidth,
			strings.TrimSpace(next) == "",
			strings.HasPrefix(next, "    "), strings.ContainsAny(next[:1], "\t-*+>#|~`"),
			len(starts) < len(next) && (strings.HasPrefix(starts, ".") || strings.HasPrefix(starts, ")")):
		default:
			lines[i] = strings.TrimSuffix(here, "\n") + " "
		}
	}
	return strings.Join(lines, "")
}

// lead is the first paragraph of a text, and rest what follows it: a question
// may bring code along.
func lead(s string) (first, rest string) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	end := len(s)
	for _, sign := range []string{"\n\n", "\n```", "\n~~~"} {
		if i := strings.Index(s, sign); i >= 0 {
			end = min(end, i)
		}
	}
	return s[:end], strings.TrimSpace(s[end:])
}

// leading is the first paragraph of a text, with dots for the rest.
func leading(s string) string {
	first, rest := lead(s)
	if rest != "" {
		first = strings.TrimRight(first, " .:") + " …"
	}
	return first
}

// snippet is an answer as a list shows it: one that is code, without its fence.
func snippet(answer string) (text string, code bool) {
	answer = strings.TrimSpace(answer)
	first, rest, _ := strings.Cut(answer, "\n")
	if fenceOf(first) == "" || rest == "" {
		return answer, false
	}
	return rest, true
}

// excerpt is the first n characters of s, cut between words.
func excerpt(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	cut := string(r[:n])
	if i := strings.LastIndexByte(cut, ' '); i > n/2 {
		cut = cut[:i]
	}
	return cut + "…"
}
