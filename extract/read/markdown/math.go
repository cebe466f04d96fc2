package markdown

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// A mathBlock is a displayed formula: $$…$$, \[…\] or \begin{x}…\end{x}.
// Without it, a line "= b" or "- c" of a formula would start a heading or a
// list.
type mathBlock struct {
	ast.BaseBlock
	end int // where its last line ends
}

var kindMath = ast.NewNodeKind("Math")

func (*mathBlock) Kind() ast.NodeKind            { return kindMath }
func (*mathBlock) IsRaw() bool                   { return true }
func (n *mathBlock) Dump(source []byte, lvl int) { ast.DumpHelper(n, source, lvl, nil, nil) }

type mathParser struct{}

func (mathParser) Trigger() []byte                             { return []byte{'$', '\\'} }
func (mathParser) CanInterruptParagraph() bool                 { return true }
func (mathParser) CanAcceptIndentedLine() bool                 { return false }
func (mathParser) Close(ast.Node, text.Reader, parser.Context) {}
func (mathParser) Open(_ ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, seg := r.PeekLine()
	at := pc.BlockOffset()
	if at < 0 || at >= len(line) {
		return nil, parser.NoChildren
	}
	end := formula(r.Source()[seg.Stop-len(line)+at:])
	if end < 0 {
		return nil, parser.NoChildren
	}
	n := &mathBlock{end: seg.Stop - len(line) + at + end}
	n.Lines().Append(seg)
	return n, parser.NoChildren
}

func (mathParser) Continue(node ast.Node, r text.Reader, _ parser.Context) parser.State {
	_, seg := r.PeekLine()
	n := node.(*mathBlock)
	if seg.Start >= n.end {
		return parser.Close
	}
	n.Lines().Append(seg)
	r.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

var (
	environment = regexp.MustCompile(`^\\begin\{(equation|align|aligned|gather|multline|eqnarray|math|displaymath|split|cases)(\*?)\}`)
	// After a formula: its full stop, its number, its label, and nothing else.
	afterMath = regexp.MustCompile(`^[ \t]*[.,;]?[ \t]*(\([\w.]+\))?[ \t]*(\{#[^}\n]*\})?[ \t]*(\n|$)`)
)

// formula is the length of the displayed formula that s starts with, -1 if it
// starts with none. A formula has no blank line.
func formula(s []byte) int {
	var open, shut string
	head := string(s[:min(len(s), 40)])
	switch m := environment.FindStringSubmatch(head); {
	case strings.HasPrefix(head, "$$"):
		open, shut = "$$", "$$"
	case strings.HasPrefix(head, `\[`):
		open, shut = `\[`, `\]`
	case m != nil:
		open, shut = m[0], `\end{`+m[1]+m[2]+`}`
	default:
		return -1
	}
	s = s[:min(len(s), maxFormula)]
	i := bytes.Index(s[len(open):], []byte(shut))
	if i < 0 {
		return -1
	}
	end := len(open) + i + len(shut)
	body := s[len(open) : len(open)+i]
	if len(bytes.TrimSpace(body)) == 0 || blankLine.Match(body) {
		return -1
	}
	after := afterMath.Find(s[end:])
	if after == nil && end < len(s) {
		return -1
	}
	return end + len(bytes.TrimRight(after, "\n"))
}

// maxFormula bounds the search for a formula's end, so that a text full of
// openings without ends is read in linear time.
const maxFormula = 8 << 10

var blankLine = regexp.MustCompile(`\n[ \t>]*\n`)
