package pretext

import (
	"regexp"
	"strings"
)

// signs are elements that stand for a sign.
var signs = map[string]string{
	"ndash": "–", "mdash": "—", "nbsp": " ", "ellipsis": "…", "lq": "“", "rq": "”", "lsq": "‘", "rsq": "’", "times": "×", "copyright": "©", "section-mark": "§",
	"tex": "TeX", "latex": "LaTeX", "pretext": "PreTeXt", "etal": "et al.", "ie": "i.e.", "eg": "e.g.", "etc": "etc.", "vs": "vs.", "degree": "°", "prime": "′", "minus": "−", "plusminus": "±",
	"ampersand": "&", "less": "<", "greater": ">", "dollar": "$", "percent": "%", "hash": "#", "underscore": "_", "tilde": "~", "asterisk": "*", "backslash": `\`, "fillin": "____", "br": "\n",
}

// around are the signs around what an element marks.
var around = map[string][2]string{
	"em": {"*", "*"}, "term": {"*", "*"}, "alert": {"**", "**"}, "b": {"**", "**"}, "i": {"*", "*"}, "c": {"`", "`"}, "q": {"“", "”"}, "sq": {"‘", "’"}, "foreign": {"*", "*"}, "pubtitle": {"*", "*"},
}

// inline is what an element says, in one line.
func (b *reader) inline(n *node) string {
	if n == nil {
		return ""
	}
	return b.spans(n.kids)
}

func (b *reader) spans(list []*node) string {
	var w strings.Builder
	for _, n := range list {
		b.span(&w, n)
	}
	return squeeze(w.String())
}

func (b *reader) span(w *strings.Builder, n *node) {
	marks, marked := around[n.name]
	switch sign := signs[n.name]; {
	case n.name == "" && n.kids == nil:
		w.WriteString(n.text)
	case sign != "":
		w.WriteString(sign)
	case n.name == "m":
		w.WriteString("$" + formula(n) + "$")
	case n.name == "me" || n.name == "men" || n.name == "md" || n.name == "mdn":
		w.WriteString(" $$" + formula(n) + "$$ ")
	case n.name == "xref":
		if text := b.inline(n); text != "" {
			w.WriteString(text)
		} else {
			w.WriteString("[" + n.attr["ref"] + n.attr["first"] + "]")
		}
	case n.name == "url":
		if text := b.inline(n); text != "" {
			w.WriteString(text)
		} else {
			w.WriteString(n.attr["href"])
		}
	case n.name == "fn" || left[n.name]:
	case marked:
		if text := b.inline(n); text != "" {
			w.WriteString(marks[0] + text + marks[1])
		}
	default:
		for _, k := range n.kids {
			b.span(w, k)
		}
		if n.name == "p" || n.name == "li" || n.name == "line" {
			w.WriteString(" ")
		}
	}
}

var shortText = regexp.MustCompile(`\\lt\b`)

// formula is an element's mathematics as LaTeX. A formula of several lines is
// aligned.
func formula(n *node) string {
	var rows []string
	for _, k := range n.kids {
		if k.name == "mrow" {
			rows = append(rows, squeeze(texOf(k)))
		}
	}
	if rows == nil {
		return squeeze(texOf(n))
	}
	return `\begin{aligned} ` + strings.Join(rows, ` \\ `) + ` \end{aligned}`
}

func texOf(n *node) string {
	var w strings.Builder
	for _, k := range n.kids {
		switch {
		case k.name == "" && k.kids == nil:
			w.WriteString(k.text)
		case k.name == "fillin":
			w.WriteString(`\underline{\quad}`)
		default:
			w.WriteString(texOf(k))
		}
	}
	s := strings.ReplaceAll(w.String(), `\amp`, "&") // PreTeXt's own, as XML has & for itself
	s = strings.ReplaceAll(s, `\gt`, ">")
	return shortText.ReplaceAllString(s, "<")
}
