package latex

import (
	"regexp"
	"strings"

	"seedbed/extract"
)

// dollars reads a formula between dollar signs.
func (p *parser) dollars(c *cursor) {
	double := strings.HasPrefix(c.text[c.at:c.end], "$$")
	sign := "$"
	if double {
		sign = "$$"
	}
	from := c.at + len(sign)
	for i := from; i < min(c.end, from+20_000); i++ {
		switch c.text[i] {
		case '\\':
			i++
		case '$':
			if double && !strings.HasPrefix(c.text[i:c.end], "$$") {
				continue
			}
			start := c.at
			body := p.math(c.clean(from, i))
			c.at = i + len(sign)
			if double {
				p.formula(c, start, sign+body+sign)
			} else if body != "" {
				p.write(c, "$"+strings.ReplaceAll(strings.TrimSpace(body), "\n", " ")+"$")
			}
			return
		case '\n':
			// A formula has no empty line.
			if !double && i+1 < c.end && strings.TrimLeft(c.text[i+1:min(c.end, i+40)], " \t") != "" && strings.TrimLeft(c.text[i+1:min(c.end, i+40)], " \t")[0] == '\n' {
				c.at += len(sign)
				p.write(c, sign)
				return
			}
		}
	}
	c.at += len(sign)
	p.write(c, sign)
}

// formula adds a displayed formula that began at start.
func (p *parser) formula(c *cursor, start int, text string) {
	text = emptyLines.ReplaceAllString(strings.TrimSpace(text), "\n")
	if p.inline > 0 || len(p.lists) > 0 {
		if p.text.Len() > 0 {
			text = "\n" + text
		}
		p.write(c, text+"\n")
		return
	}
	p.block(c, start, c.at, extract.Block{Kind: extract.Formula, Text: text})
}

var emptyLines = regexp.MustCompile(`\s*\n\s*`)

var (
	labelled = regexp.MustCompile(`\s*\\label\s*\{([^{}]*)\}`)
	name     = regexp.MustCompile(`^\\[A-Za-z@]+`)
)

// numbered turns the labels of a formula into the numbers they stand for.
func (p *parser) numbered(text string, lines bool) string {
	text = labelled.ReplaceAllStringFunc(text, func(m string) string {
		key := labelled.FindStringSubmatch(m)[1]
		n := p.step("equation")
		p.found[key] = n
		return `\tag{` + n + "}"
	})
	return text
}

// math replaces the source's own macros in a formula.
func (p *parser) math(s string) string {
	for range 8 {
		changed := false
		var out strings.Builder
		for i := 0; i < len(s); {
			j := strings.IndexByte(s[i:], '\\')
			if j < 0 {
				out.WriteString(s[i:])
				break
			}
			out.WriteString(s[i : i+j])
			i += j
			word := name.FindString(s[i:])
			if !strings.HasPrefix(s[i:], word) || word == "" {
				n := min(2, len(s)-i)
				out.WriteString(s[i : i+n])
				i += n
				continue
			}
			m, ok := p.macros[word[1:]]
			if !ok || !p.afford(len(m.body)) || out.Len() > 100_000 {
				out.WriteString(word)
				i += len(word)
				continue
			}
			body, n, ok := m.apply(s[i+len(word) : min(len(s), i+len(word)+4_000)])
			if !ok {
				out.WriteString(word)
				i += len(word)
				continue
			}
			changed = true
			out.WriteString(body)
			i += len(word) + n
			if endsInLetters(body) && i < len(s) && letter(s[i]) {
				out.WriteByte(' ')
			}
		}
		s = out.String()
		if !changed {
			break
		}
	}
	return s
}

func endsInLetters(s string) bool {
	i := len(s)
	for i > 0 && letter(s[i-1]) {
		i--
	}
	return i > 0 && i < len(s) && s[i-1] == '\\'
}

// apply puts the arguments that follow into the macro's body. It returns how
// much of rest they are.
func (m macro) apply(rest string) (string, int, bool) {
	at := 0
	var args []string
	if m.optional {
		value := m.first
		if t := strings.TrimLeft(rest, " "); strings.HasPrefix(t, "[") {
			if end := strings.IndexByte(t, ']'); end > 0 {
				value = t[1:end]
				at = len(rest) - len(t) + end + 1
			}
		}
		args = append(args, value)
	}
	for len(args) < m.args {
		for at < len(rest) && (rest[at] == ' ' || rest[at] == '\n') {
			at++
		}
		if at >= len(rest) {
			return "", 0, false
		}
		end := at + 1
		switch rest[at] {
		case '{':
			depth := 0
			for end = at; end < len(rest); end++ {
				if rest[end] == '\\' {
					end++
				} else if rest[end] == '{' {
					depth++
				} else if rest[end] == '}' {
					if depth--; depth == 0 {
						break
					}
				}
			}
			if end >= len(rest) {
				return "", 0, false
			}
			args = append(args, rest[at+1:end])
			end++
		case '\\':
			if w := name.FindString(rest[at:]); w != "" && strings.HasPrefix(rest[at:], w) {
				end = at + len(w)
			} else {
				end = min(at+2, len(rest))
			}
			args = append(args, rest[at:end])
		default:
			args = append(args, rest[at:end])
		}
		at = end
	}
	return m.fill(args), at, true
}

func (m macro) fill(args []string) string {
	if len(args) == 0 {
		return m.body
	}
	var s strings.Builder
	for i := 0; i < len(m.body); i++ {
		if m.body[i] == '#' && i+1 < len(m.body) {
			if n := int(m.body[i+1] - '1'); n >= 0 && n < len(args) {
				s.WriteString(args[n])
				i++
				continue
			}
		}
		s.WriteByte(m.body[i])
	}
	return s.String()
}
