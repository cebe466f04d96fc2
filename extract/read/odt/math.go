package odt

import (
	"strings"
	"unicode/utf8"

	"seedbed/extract/read/zipxml"
)

// mathml writes a formula that carries no source as TeX.
func mathml(n *zipxml.Node) string {
	var parts []string
	for _, c := range n.Kids {
		if c.Name != "" {
			parts = append(parts, mathml(c))
		}
	}
	part := func(i int) string {
		if i >= len(parts) {
			return ""
		}
		return parts[i]
	}
	group := func(s string) string {
		if utf8.RuneCountInString(s) == 1 {
			return s
		}
		return "{" + s + "}"
	}
	switch strings.TrimPrefix(n.Name, "math:") {
	case "mi", "mn", "mo", "mtext", "ms":
		return strings.TrimSpace(n.Words())
	case "annotation", "annotation-xml":
		return ""
	case "msup", "mover":
		return part(0) + "^" + group(part(1))
	case "msub", "munder":
		return part(0) + "_" + group(part(1))
	case "msubsup", "munderover":
		return part(0) + "_" + group(part(1)) + "^" + group(part(2))
	case "mfrac":
		return `\frac{` + part(0) + "}{" + part(1) + "}"
	case "msqrt":
		return `\sqrt{` + strings.Join(parts, "") + "}"
	case "mroot":
		return `\sqrt[` + part(1) + "]{" + part(0) + "}"
	case "mtr":
		return strings.Join(parts, " & ")
	case "mtable":
		return `\begin{matrix} ` + strings.Join(parts, ` \\ `) + ` \end{matrix}`
	case "mspace":
		return " "
	}
	return strings.Join(parts, "")
}
