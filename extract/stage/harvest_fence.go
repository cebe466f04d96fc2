package stage

import (
	"strings"
	"unicode"

	"seedbed/extract"
)

// fence reads a line of colons that opens or closes a part of a lesson, as
// Pandoc, Quarto and the Carpentries write them:
//
//	::: challenge
//	::: {.solution}
//	:::
//
// mark says that s is such a line. Its label is empty where the part is
// neither an exercise nor a solution.
func (o *outline) fence(s string) (l label, mark bool) {
	s = strings.TrimSpace(s)
	rest := strings.TrimLeft(s, ":")
	if len(s)-len(rest) < 3 {
		return label{}, false
	}
	rest = strings.TrimSpace(strings.TrimRight(rest, ": "))
	if rest == "" {
		n := len(o.fences)
		if n == 0 {
			return label{}, true
		}
		open := o.fences[n-1]
		o.fences = o.fences[:n-1]
		return label{role: roleEnd, word: open.word, fenced: true, since: open.since}, true
	}
	l = fenceLabel(rest)
	if title := fenceTitle(rest); l.role == roleNone && title != "" {
		if named, _, ok := parseLabel(title, true); ok && named.role != roleNumbered {
			l = named
			l.sealed, l.fenced = true, true
		}
	}
	l.since = len(o.pieces)
	o.fences = append(o.fences, l)
	return l, true
}

// fenceTitle is the title that a part is given: {.callout-tip title="Solution"},
// "tip Exercise 3".
func fenceTitle(s string) string {
	if _, title, ok := strings.Cut(s, `title="`); ok {
		title, _, _ = strings.Cut(title, `"`)
		return title
	}
	_, title, _ := strings.Cut(s, " ")
	if strings.ContainsAny(s, "{}=") {
		return ""
	}
	return strings.Trim(title, "[] ")
}

// attribute matches a line of kramdown that gives the block before it a class.
var attribute = lazily(`(?m)^[> \t]*\{: ?[^}\n]*\}[ \t]*(?:\n|$)`)

// quoted is the exercise in quotation signs that the solution at i belongs to,
// as lessons of an older form have it:
//
//	> ## Swapping values
//	> Write a line…
//	> > ## Solution
//	> > …
func (o *outline) quoted(i int) *entry {
	for j := i - 1; j >= 0 && i-j < 12; j-- {
		p := o.pieces[j]
		words := o.text[p.start:p.end]
		if !strings.HasPrefix(words, ">") || p.section != o.pieces[i].section || p.role != roleNone {
			return nil
		}
		line, _, _ := strings.Cut(words, "\n")
		if title := strings.TrimLeft(line, "> "); strings.HasPrefix(title, "#") {
			e := &entry{label: label{role: roleAsk, word: "task", quoted: true}, piece: j, section: p.section}
			o.pieces[j].body = p.start + len(line)
			for k := j; k < i; k++ {
				if o.words(o.pieces[k]) != "" {
					e.body = append(e.body, k)
				}
			}
			return e
		}
	}
	return nil
}

// fenceLabel reads the class or name of a part: "challenge", "{.solution}",
// "{#exr-sum}", "{exercise-start}".
func fenceLabel(s string) label {
	for w := range strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("{}.#", r) }) {
		w, _ = strings.CutSuffix(w, "-start")
		short, _, ref := strings.Cut(w, "-")
		if full, ok := map[string]string{"exr": "exercise", "exm": "example", "sol": "solution", "prb": "problem"}[short]; ok && ref {
			w = full
		}
		w = strings.TrimSuffix(w, "box")
		if r := labelRoles[w]; len(w) > 3 && r != roleNone && r != roleStop {
			return label{role: r, word: w, sealed: true, fenced: true}
		}
		switch w {
		case "callout", "admonition", "dropdown", "note", "tip":
			return label{} // what it holds is no answer by its own name
		}
	}
	return label{}
}

// directive reads a block of code that is an exercise or a solution of MyST:
// the words are in the fence, or between its -start and its -end.
func directive(code string) (label, span, bool) {
	first, _, _ := strings.Cut(code, "\n")
	info := strings.TrimLeft(first, "`~ ")
	name, rest, ok := strings.Cut(strings.TrimPrefix(info, "{"), "}")
	if !ok || !strings.HasPrefix(info, "{") || len(first)-len(info) < 3 {
		return label{}, span{}, false
	}
	at := span{len(code), len(code)}
	if word, ok := strings.CutSuffix(name, "-end"); ok && labelRoles[word] != roleNone {
		return label{role: roleEnd, word: word, fenced: true}, at, true
	}
	l := fenceLabel(name)
	if l.role == roleNone {
		return label{}, span{}, false
	}
	if l.role == roleReply {
		l.target = strings.TrimSpace(rest)
	}
	// Options stand before the words.
	from := len(first)
	for from < len(code) {
		line, _, _ := strings.Cut(code[from+1:], "\n")
		option, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), ":"), ":")
		if !strings.HasPrefix(strings.TrimSpace(line), ":") || !ok {
			break
		}
		if option == "label" && l.role == roleAsk {
			l.target = strings.TrimSpace(value)
		}
		from += 1 + len(line)
	}
	if strings.HasSuffix(name, "-start") {
		return l, at, true
	}
	to := len(strings.TrimRight(strings.TrimRight(code, " \n"), "`~"))
	l.closed = true
	return l, span{min(from, to), to}, true
}

// cell takes what a notebook needs off the fence of a cell:
//
//	```{code-cell} ipython3
//	:tags: [hide-output]
func cell(code string) string {
	first, rest, ok := strings.Cut(code, "\n")
	lead := len(first) - len(strings.TrimLeft(first, "`~"))
	info := first[lead:]
	if !ok || lead < 3 || !strings.HasPrefix(info, "{") {
		return code
	}
	name, lang, _ := strings.Cut(info[1:], "}")
	switch name {
	case "code-cell", "code", "code-block":
		lang = strings.TrimSpace(lang)
	default:
		lang, _, _ = strings.Cut(name, " ") // {python}, {r, echo=FALSE}
		lang = strings.Trim(lang, ",")
	}
	if strings.HasPrefix(lang, "ipython") {
		lang = "python"
	}
	if strings.HasPrefix(rest, "---\n") {
		if _, after, ok := strings.Cut(rest[4:], "\n---\n"); ok {
			rest = after
		}
	}
	for strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "#| ") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return first[:lead] + lang + "\n" + rest
}

// lone reports whether a piece is a heading that only repeats what its fence
// says: "## Solution".
func (o *outline) lone(p piece, e *entry) bool {
	return p.kind == extract.Heading && e != nil && e.fenced && !e.shut && len(e.body) == 0 && p.role == e.role && p.number == ""
}
