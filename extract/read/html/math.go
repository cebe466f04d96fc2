package html

import (
	"cmp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// formulas replaces the formulas of a page by their TeX between dollar signs.
// It goes before everything else: pages hide the form that has the TeX and
// show pictures or hundreds of positioned letters.
func formulas(root *html.Node) {
	var found []*html.Node
	each(root, func(n *html.Node) bool {
		if n.Type != html.ElementNode {
			return true
		}
		if _, ok := tex(n); ok {
			found = append(found, n)
			return false
		}
		return true
	})
	for _, n := range found {
		t, _ := tex(n)
		block := isDisplay(n)
		// MediaWiki and KaTeX wrap the element in one that is hidden, beside
		// the picture: the outermost of them is what has to go.
		for n.Parent != nil && mathWrapper(n.Parent) {
			n = n.Parent
			block = block || isDisplay(n)
		}
		if n.Parent == nil {
			continue
		}
		sign := "$"
		if block {
			sign = "$$"
		}
		t = strings.TrimSpace(t)
		if t != "" && !strings.HasPrefix(t, "$") {
			t = sign + t + sign
		}
		n.Parent.InsertBefore(&html.Node{Type: html.TextNode, Data: t}, n)
		n.Parent.RemoveChild(n)
	}
}

// tex is the TeX that an element stands for.
func tex(n *html.Node) (string, bool) {
	switch {
	case n.Data == "math":
		source := ""
		each(n, func(c *html.Node) bool {
			if c.Data == "annotation" && attr(c, "encoding") == "application/x-tex" {
				source = text(c)
			}
			return true
		})
		// What is to be read aloud, or says that there is nothing to read, is
		// no TeX.
		if alt := attr(n, "alttext"); source == "" && strings.ContainsAny(alt, `\^_{}`) {
			source = alt
		}
		if source == "" {
			source = cmp.Or(squeeze(linear(n)), attr(n, "alttext"))
		}
		return unstyle(source), true
	case n.DataAtom == atom.Script && strings.HasPrefix(attr(n, "type"), "math/tex"):
		return text(n), true
	case n.DataAtom == atom.Img && attr(n, "alt") != "" && hasClass(n, "tex", "latex", "math", "mwe-math-fallback-image-inline", "mwe-math-fallback-image-display"):
		return unstyle(attr(n, "alt")), true
	}
	return "", false
}

// unstyle takes off the {\displaystyle …} that MediaWiki puts around all.
func unstyle(s string) string {
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, `{\displaystyle `); ok {
		return strings.TrimSpace(strings.TrimSuffix(inner, "}"))
	}
	return s
}

// linear writes MathML without TeX in a line, in the manner of TeX where the
// characters alone would not do: fractions, roots, scripts, brackets, tables.
func linear(n *html.Node) string {
	if n.Type == html.TextNode {
		return strings.TrimSpace(unseen.Replace(n.Data))
	}
	var parts []string
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s := linear(c)
		// Of a script, none is a part too.
		if s != "" || c.Type == html.ElementNode && scripts[n.Data] > 0 {
			parts = append(parts, s)
		}
	}
	if want, ok := scripts[n.Data]; ok && len(parts) == want {
		base, first := parts[0], parts[1]
		switch n.Data {
		case "mfrac":
			return `\frac{` + base + "}{" + first + "}"
		case "mroot":
			return `\sqrt[` + first + "]{" + base + "}"
		}
		if strings.Contains(base, " ") {
			base = "{" + base + "}"
		}
		switch n.Data {
		case "msub", "munder":
			return base + "_{" + first + "}"
		case "msup", "mover":
			return base + "^{" + first + "}"
		}
		return base + "_{" + first + "}^{" + parts[2] + "}"
	}
	switch n.Data {
	case "annotation", "annotation-xml":
		return ""
	case "msqrt":
		return `\sqrt{` + strings.Join(parts, " ") + "}"
	case "mfenced":
		return attrOr(n, "open", "(") + strings.Join(parts, attrOr(n, "separators", ",")+" ") + attrOr(n, "close", ")")
	case "mtr":
		return strings.Join(parts, " & ")
	case "mtable":
		return `\begin{matrix} ` + strings.Join(parts, ` \\ `) + ` \end{matrix}`
	}
	return strings.Join(parts, " ")
}

// scripts are the elements of MathML whose parts have places, and how many.
var scripts = map[string]int{"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}

// unseen are the signs of applying, multiplying and separating that nobody
// sees.
var unseen = strings.NewReplacer("\u2061", "", "\u2062", "", "\u2063", "", "\u2064", "")

// attrOr is an attribute that has a value where it is not given.
func attrOr(n *html.Node, name, or string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return or
}

func isDisplay(n *html.Node) bool {
	return attr(n, "display") == "block" || strings.Contains(attr(n, "type"), "mode=display") ||
		hasClass(n, "katex-display", "mwe-math-fallback-image-display", "display")
}

// mathWrapper reports whether n holds nothing but one formula in its forms.
func mathWrapper(n *html.Node) bool {
	return hasClass(n, "mwe-math-element", "mwe-math-mathml-inline", "mwe-math-mathml-display", "mwe-math-mathml-a11y",
		"katex", "katex-mathml", "katex-display", "MathJax", "MathJax_Preview", "MJX_Assistive_MathML")
}

func hasClass(n *html.Node, names ...string) bool {
	for c := range strings.FieldsSeq(attr(n, "class")) {
		for _, name := range names {
			if c == name {
				return true
			}
		}
	}
	return false
}
