package latex

import (
	"regexp"
	"strings"
)

// A source is a piece of TeX whose brackets and environments are paired in
// advance, so that no search runs twice over the same text.
type source struct {
	text  string
	file  string
	line  int         // of the first byte, from 1
	fixed bool        // the text comes from a macro: all of it stands on line
	brace map[int]int // where the bracket opened here is closed
	env   map[int]int // where the \end of the \begin at this place stands
	seen  int         // bytes whose lines are counted
	lines int
}

// gone stands where a comment was: it joins its line to the next.
const gone = '\x01'

// raw are the environments whose words are no TeX.
var raw = map[string]bool{
	"verbatim": true, "verbatim*": true, "Verbatim": true, "BVerbatim": true, "LVerbatim": true, "lstlisting": true, "minted": true, "comment": true,
	"filecontents": true, "filecontents*": true, "alltt": true, "lstcode": true, "pyconsole": true, "pycode": true, "semiverbatim": true, "CCSXML": true,
}

var beginEnd = regexp.MustCompile(`^\\(begin|end)\s*\{([^{}\n]{1,60})\}`)

func newSource(text, file string, line int, fixed bool) *source {
	s := &source{file: file, line: line, fixed: fixed, brace: map[int]int{}, env: map[int]int{}}
	s.text = uncomment(text)
	var braces []int
	open := map[string][]int{}   // by name: the environments not yet closed
	missing := map[string]bool{} // raw ones known to have no end
	t := s.text
	for i := 0; i < len(t); i++ {
		switch t[i] {
		case '\\':
			if n := verbEnd(t, i); n > 0 {
				i = n - 1
				continue
			}
			m := beginEnd.FindStringSubmatch(t[i:min(len(t), i+80)])
			if m == nil {
				i++
				continue
			}
			name := m[2]
			switch {
			case m[1] == "begin" && raw[name] && !missing[name]:
				end := strings.Index(t[i:], `\end{`+name+"}")
				if end < 0 {
					missing[name] = true
					i += len(m[0]) - 1
					continue
				}
				s.env[i] = i + end
				i += end + len(`\end{`+name+"}") - 1
			case m[1] == "begin":
				open[name] = append(open[name], i)
				i += len(m[0]) - 1
			default:
				if o := open[name]; len(o) > 0 {
					s.env[o[len(o)-1]] = i
					open[name] = o[:len(o)-1]
				}
				i += len(m[0]) - 1
			}
		case '{':
			braces = append(braces, i)
		case '}':
			if n := len(braces); n > 0 {
				s.brace[braces[n-1]] = i
				braces = braces[:n-1]
			}
		}
	}
	return s
}

// uncomment takes comments out of a source, but not out of its code.
func uncomment(t string) string {
	var s strings.Builder
	s.Grow(len(t))
	missing := map[string]bool{} // environments known to have no end
	for i := 0; i < len(t); {
		j := strings.IndexAny(t[i:], `\%`)
		if j < 0 {
			s.WriteString(t[i:])
			break
		}
		s.WriteString(t[i : i+j])
		i += j
		if t[i] == '%' {
			end := strings.IndexByte(t[i:], '\n')
			s.WriteByte(gone)
			if end < 0 {
				break
			}
			i += end
			continue
		}
		if n := verbEnd(t, i); n > 0 {
			s.WriteString(t[i:n])
			i = n
			continue
		}
		if m := beginEnd.FindStringSubmatch(t[i:min(len(t), i+80)]); m != nil && m[1] == "begin" && raw[m[2]] && !missing[m[2]] {
			if end := strings.Index(t[i:], `\end{`+m[2]+"}"); end > 0 {
				s.WriteString(t[i : i+end])
				i += end
				continue
			}
			missing[m[2]] = true
		}
		n := min(2, len(t)-i)
		if n == 2 && t[i+1] >= 0x80 {
			n = 1
		}
		s.WriteString(t[i : i+n])
		i += n
	}
	return s.String()
}

// verbEnd is the end of the \verb that stands at i, 0 if none does.
func verbEnd(t string, i int) int {
	rest, ok := strings.CutPrefix(t[i:min(len(t), i+400)], `\verb`)
	at := i + len(`\verb`)
	if !ok {
		if rest, ok = strings.CutPrefix(t[i:min(len(t), i+400)], `\lstinline`); !ok {
			return 0
		}
		at = i + len(`\lstinline`)
		if strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return 0
			}
			rest, at = rest[end+1:], at+end+1
		}
	}
	if strings.HasPrefix(rest, "*") {
		rest, at = rest[1:], at+1
	}
	if rest == "" || rest[0] == ' ' || rest[0] >= 'a' && rest[0] <= 'z' || rest[0] >= 'A' && rest[0] <= 'Z' || rest[0] >= 0x80 || rest[0] == '\n' {
		return 0
	}
	shut := rest[0]
	if shut == '{' {
		shut = '}'
	}
	end := strings.IndexByte(rest[1:], shut)
	if end < 0 || strings.Contains(rest[1:1+end], "\n") {
		return 0
	}
	return at + end + 2
}

// lineAt is the line of the file on which a byte stands. Asked front to back,
// it counts each line once.
func (s *source) lineAt(at int) int {
	if s.fixed {
		return s.line
	}
	if at < s.seen {
		return s.line + s.lines - strings.Count(s.text[at:s.seen], "\n")
	}
	s.lines += strings.Count(s.text[s.seen:at], "\n")
	s.seen = at
	return s.line + s.lines
}
