package html

import (
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
		if source == "" {
			source = attr(n, "alttext")
		}
		if source == "" {
			return squeeze(linear(n)), true
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

// linear writes MathML without TeX in a line: fractions, roots and scripts
// with signs, the rest as its characters.
func linear(n *html.Node) string {
	if n.Type == html.TextNode {
		return strings.TrimSpace(n.Data)
	}
	var parts []string
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if s := linear(c); s != "" {
			parts = append(parts, s)
		}
	}
	switch {
	case n.Data == "mfrac" && len(parts) == 2:
		return "(" + parts[0] + ")/(" + parts[1] + ")"
	case n.Data == "msup" && len(parts) == 2:
		return parts[0] + "^{" + parts[1] + "}"
	case n.Data == "msub" && len(parts) == 2:
		return parts[0] + "_{" + parts[1] + "}"
	case n.Data == "msubsup" && len(parts) == 3:
		return parts[0] + "_{" + parts[1] + "}^{" + parts[2] + "}"
	case n.Data == "msqrt":
		return `\sqrt{` + strings.Join(parts, " ") + "}"
	}
	return strings.Join(parts, " ")
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
