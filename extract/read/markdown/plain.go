package markdown

import (
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

var (
	inlines    = goldmark.DefaultParser()
	attributes = regexp.MustCompile(`\s*\{[#.:][^{}]*\}\s*$`)       // "Title {#id .class}"
	reference  = regexp.MustCompile(`\[([^\[\]]+)\](\[[^\[\]]*\])`) // a link whose definition stands elsewhere
)

// maxInline is the longest text that plain parses: titles and cells are
// shorter, and what is longer is not worth the time.
const maxInline = 4 << 10

// plain is the words of one line of Markdown: "a **b** [c](d)" is "a b c".
func plain(s string) string {
	s = strings.TrimSpace(attributes.ReplaceAllString(s, ""))
	if len(s) > maxInline || !strings.ContainsAny(s, "*_`[]<>\\&!~\n") {
		return strings.Join(strings.Fields(s), " ")
	}
	s = reference.ReplaceAllString(s, "$1")
	s = strings.Join(strings.Fields(s), " ")
	// Behind a word, no block syntax is seen.
	const guard = "x "
	src := []byte(guard + s)
	var out strings.Builder
	_ = ast.Walk(inlines.Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			v := string(n.Segment.Value(src))
			if n.Parent().Kind() != ast.KindCodeSpan && !n.IsRaw() {
				v = html.UnescapeString(unescape(v))
			}
			out.WriteString(v)
		case *ast.AutoLink:
			out.Write(n.Label(src))
		case *ast.RawHTML:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(strings.TrimPrefix(out.String(), guard)), " ")
}

var escaped = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")

func unescape(s string) string { return escaped.ReplaceAllString(s, "$1") }
