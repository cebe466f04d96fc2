package html

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

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

// linear writes MathML without TeX as TeX, in which signs of Unicode stand for
// themselves.
func linear(n *html.Node) string {
	if n.Type == html.TextNode {
		return strings.TrimSpace(unseen.Replace(n.Data))
	}
	var parts []string
	digits := false // the part before is a number
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s := linear(c)
		// Of a script, none is a part too.
		if s == "" && (c.Type != html.ElementNode || scripts[n.Data] == 0) {
			continue
		}
		number := c.Data == "mn" && scripts[n.Data] == 0
		if number && digits {
			parts[len(parts)-1] += s // some write each digit on its own
		} else {
			parts = append(parts, s)
		}
		digits = number
	}
	if want, ok := scripts[n.Data]; ok && len(parts) == want {
		return scripted(n.Data, parts)
	}
	parts = bracketed(parts)
	all := strings.Join(parts, " ")
	switch n.Data {
	case "annotation", "annotation-xml":
		return ""
	case "mn":
		return special.Replace(all)
	case "mi", "mo":
		switch {
		case functions[all]:
			return `\` + all
		case len([]rune(all)) > 1 && !strings.ContainsFunc(all, notLetter):
			return `\mathrm{` + all + "}"
		}
		return special.Replace(all)
	case "mtext":
		if strings.ContainsFunc(all, unicode.IsLetter) {
			return `\text{` + special.Replace(squeeze(all)) + "}"
		}
		return special.Replace(all)
	case "msqrt":
		return `\sqrt{` + all + "}"
	case "mfenced":
		open, shut := attrOr(n, "open", "("), attrOr(n, "close", ")")
		if len(parts) == 1 {
			if m := matrix(open, parts[0], shut); m != "" {
				return m
			}
		}
		return special.Replace(open) + strings.Join(parts, special.Replace(attrOr(n, "separators", ","))+" ") + special.Replace(shut)
	case "mtr":
		return strings.Join(parts, " & ")
	case "mtable":
		kind := "matrix"
		if aligned(n) {
			kind = "aligned"
		}
		return `\begin{` + kind + `} ` + strings.Join(parts, ` \\ `) + ` \end{` + kind + `}`
	}
	return all
}

// scripted writes an element whose parts have places.
func scripted(kind string, parts []string) string {
	base, first := parts[0], parts[1]
	switch kind {
	case "mfrac":
		return `\frac{` + base + "}{" + first + "}"
	case "mroot":
		return `\sqrt[` + first + "]{" + base + "}"
	case "mover":
		if accent := accents[first]; accent != "" {
			return accent + "{" + base + "}"
		}
	}
	if strings.Contains(base, " ") {
		base = "{" + base + "}"
	}
	switch kind {
	case "msub", "munder":
		return base + "_{" + first + "}"
	case "msup", "mover":
		return base + "^{" + first + "}"
	}
	return base + "_{" + first + "}^{" + parts[2] + "}"
}

// bracketed makes one of a matrix and the brackets around it.
func bracketed(parts []string) []string {
	for i := 1; i+1 < len(parts); i++ {
		if m := matrix(unescaped(parts[i-1]), parts[i], unescaped(parts[i+1])); m != "" {
			parts = slices.Replace(parts, i-1, i+2, m)
		}
	}
	if n := len(parts); n >= 2 {
		if m := matrix(unescaped(parts[n-2]), parts[n-1], ""); m != "" {
			return append(parts[:n-2], m)
		}
	}
	return parts
}

func unescaped(s string) string { return strings.TrimPrefix(s, `\`) }

// matrix is a matrix in brackets, "" where it is no matrix or those are no
// brackets.
func matrix(open, s, shut string) string {
	const begin, end = `\begin{matrix}`, `\end{matrix}`
	kind, ok := brackets[open+shut]
	rows := strings.TrimSuffix(strings.TrimPrefix(s, begin), end)
	if !ok || len(rows) != len(s)-len(begin)-len(end) {
		return ""
	}
	if before, _, ends := strings.Cut(rows, end); ends && !strings.Contains(before, begin) {
		return "" // two
	}
	return `\begin{` + kind + `}` + rows + `\end{` + kind + `}`
}

var brackets = map[string]string{"[]": "bmatrix", "()": "pmatrix", "{}": "Bmatrix", "||": "vmatrix", "‖‖": "Vmatrix", "∥∥": "Vmatrix", "{": "cases"}

// aligned reports whether a table is equations that stand below each other.
func aligned(table *html.Node) bool {
	align := strings.Join(strings.Fields(attr(table, "columnalign")), " ")
	return strings.HasPrefix(align, "right left") || strings.HasPrefix(attr(table, "class"), "align") || strings.HasPrefix(attr(table, "class"), "flalign")
}

// special are the characters that mean something to TeX.
var special = strings.NewReplacer(`\`, `\backslash `, "{", `\{`, "}", `\}`, "%", `\%`, "#", `\#`, "&", `\&`, "$", `\$`, "_", `\_`, "^", `\hat{}`, "~", `\sim `)

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// functions are the names that TeX has commands for.
var functions = func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim limsup liminf sup inf max min det dim ker gcd deg arg hom Pr") {
		names[name] = true
	}
	return names
}()

// accents are the commands for what stands over a letter.
var accents = map[string]string{
	"¯": `\overline`, "‾": `\overline`, "_": `\overline`, "→": `\vec`, "⃗": `\vec`, "˜": `\tilde`, `\sim`: `\tilde`,
	"ˆ": `\hat`, `\hat{}`: `\hat`, "˙": `\dot`, "¨": `\ddot`, "ˇ": `\check`, "˘": `\breve`, "⏞": `\overbrace`,
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
