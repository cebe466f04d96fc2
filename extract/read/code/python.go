package code

import (
	"path"
	"regexp"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/verbatim"
)

// python adds a block for each function, class and method, from its
// decorators and the comment above them to its last line. A class is the block
// up to its first method. Everything else is cut at blank lines.
func python(w *verbatim.Writer, src, name string) {
	p := pythonFile{w: w, src: src, lines: statements(src), test: pythonTest.MatchString(path.Base(name))}
	p.block(0, len(p.lines), "")
	p.rest(len(src))
}

var pythonTest = regexp.MustCompile(`^(test_.*|.*_test)\.py$`)

// A statement is one logical line: with the lines that brackets, backslashes
// and long strings continue it on.
type statement struct {
	start, end int
	indent     int    // columns, a tab reaches to the next multiple of 8
	words      string // without indentation; "" is a blank line
}

func (s statement) blank() bool   { return s.words == "" }
func (s statement) comment() bool { return strings.HasPrefix(s.words, "#") }

// statements cuts source into logical lines.
func statements(src string) []statement {
	var out []statement
	for at := 0; at < len(src); {
		end := logicalEnd(src, at)
		s := statement{start: at, end: end}
		line := src[at:end]
		for i := range len(line) {
			if line[i] == ' ' {
				s.indent++
			} else if line[i] == '\t' {
				s.indent = (s.indent/8 + 1) * 8
			} else if line[i] != '\f' {
				break
			}
		}
		s.words = strings.TrimSpace(line)
		out = append(out, s)
		at = end
	}
	return out
}

// logicalEnd is where the logical line that starts at from ends, with its line
// feed.
func logicalEnd(src string, from int) int {
	depth := 0
	for i := from; i < len(src); i++ {
		switch c := src[i]; c {
		case '\n':
			if depth <= 0 {
				return i + 1
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '\\':
			i++ // a line feed behind it does not end the line
		case '#':
			for i+1 < len(src) && src[i+1] != '\n' {
				i++
			}
		case '\'', '"':
			i = stringEnd(src, i) - 1
		}
	}
	return len(src)
}

// stringEnd is the place behind the string literal whose quotes start at i. A
// short string that is not closed ends before its line feed.
func stringEnd(src string, i int) int {
	quote := src[i : i+1]
	long := strings.Repeat(quote, 3)
	if strings.HasPrefix(src[i:], long) {
		quote = long
	}
	for i += len(quote); i < len(src); i++ {
		switch {
		case src[i] == '\\':
			i++
		case strings.HasPrefix(src[i:], quote):
			return i + len(quote)
		case src[i] == '\n' && len(quote) == 1:
			return i
		}
	}
	return len(src)
}

type pythonFile struct {
	w     *verbatim.Writer
	src   string
	lines []statement
	test  bool
	at    int // bytes that have a block
}

var (
	definition = regexp.MustCompile(`^(async\s+def|def|class)\s+([\pL_][\pL\pN_]*)`)
	docstring  = regexp.MustCompile(`^[rRuUbB]{0,2}("""|'''|"|')`)
)

// block adds the definitions among the lines from first to last. class is the
// name of the class around them, "" at the top.
func (p *pythonFile) block(first, last int, class string) {
	margin := -1
	for i := first; i < last; i++ {
		s := p.lines[i]
		if s.blank() || s.comment() {
			continue
		}
		if margin < 0 {
			margin = s.indent
		}
		m := definition.FindStringSubmatch(s.words)
		if s.indent != margin || m == nil {
			continue
		}
		end := p.bodyEnd(i, last)
		sym := &extract.Symbol{Name: m[2], Kind: "function", Signature: header(s.words), Doc: p.doc(i, end)}
		if class != "" {
			sym.Name, sym.Kind = class+"."+m[2], "method"
		}
		if p.test && strings.HasPrefix(m[2], "test") {
			sym.Kind = "test"
		}
		from := p.above(i, first)
		p.rest(from)
		to := p.lines[end-1].end
		if m[1] != "class" {
			p.add(from, to, sym)
		} else {
			sym.Kind = "type"
			head := end
			if class == "" {
				head = p.firstMethod(i+1, end)
			}
			p.add(from, p.lines[head-1].end, sym)
			if head < end {
				p.block(head, end, m[2])
				p.rest(to)
			}
		}
		i = end - 1
	}
}

// bodyEnd is the line behind the definition at line i: the first that is
// indented no deeper, less the blank lines and comments before it.
func (p *pythonFile) bodyEnd(i, last int) int {
	end := i + 1
	for j := i + 1; j < last; j++ {
		s := p.lines[j]
		if s.blank() {
			continue
		}
		if s.indent <= p.lines[i].indent {
			if s.comment() {
				continue // perhaps a comment at the margin within the body
			}
			break
		}
		end = j + 1
	}
	return end
}

// above is where the decorators and comments right above line i start.
func (p *pythonFile) above(i, first int) int {
	from := i
	for from > first {
		s := p.lines[from-1]
		if s.indent != p.lines[i].indent || !s.comment() && !strings.HasPrefix(s.words, "@") {
			break
		}
		from--
	}
	return p.lines[from].start
}

// firstMethod is the line on which the first method of a class body starts,
// with its decorators; last if it has none.
func (p *pythonFile) firstMethod(first, last int) int {
	margin := -1
	for i := first; i < last; i++ {
		s := p.lines[i]
		if s.blank() || s.comment() {
			continue
		}
		if margin < 0 {
			margin = s.indent
		}
		if s.indent == margin && definition.MatchString(s.words) {
			start := p.above(i, first)
			for i > first && p.lines[i].start > start {
				i--
			}
			return i
		}
	}
	return last
}

// header is "def f(a, b) -> int" of a definition's first statement.
func header(words string) string {
	depth := 0
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '\'', '"':
			i = stringEnd(words, i) - 1
		case ':':
			if depth == 0 {
				return strings.TrimSpace(words[:i])
			}
		}
	}
	return words
}

// doc is the docstring of the definition at line i, without its quotes and
// its indentation.
func (p *pythonFile) doc(i, end int) string {
	for _, s := range p.lines[i+1 : end] {
		if s.blank() || s.comment() {
			continue
		}
		m := docstring.FindStringSubmatchIndex(s.words)
		if m == nil || stringEnd(s.words, m[2]) != len(s.words) {
			return ""
		}
		return dedent(strings.TrimSuffix(s.words[m[3]:], s.words[m[2]:m[3]]))
	}
	return ""
}

// dedent takes from all lines but the first the indentation they share.
func dedent(s string) string {
	lines := strings.Split(s, "\n")
	shared := -1
	for _, l := range lines[1:] {
		if n := len(l) - len(strings.TrimLeft(l, " \t")); strings.TrimSpace(l) != "" && (shared < 0 || n < shared) {
			shared = n
		}
	}
	for i, l := range lines[1:] {
		lines[i+1] = strings.TrimRight(l[min(len(l), max(shared, 0)):], " \t")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func (p *pythonFile) add(from, to int, sym *extract.Symbol) {
	p.w.Add(from, to, extract.Block{Kind: extract.Code, Symbol: sym})
	p.at = max(p.at, to)
}

// rest adds what stands before to and has no block yet.
func (p *pythonFile) rest(to int) {
	if to > p.at {
		plain(p.w, p.src, p.at, to)
		p.at = to
	}
}
