package meilitest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A condition is a parsed filter: one of "field = value", "field IN [values]"
// and "field >= number". A list of filters has to hold as a whole.
type condition struct {
	field  string
	op     string // =, >=
	values []string
}

func parseFilters(raw json.RawMessage) ([]condition, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var list []string
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	} else {
		var one string
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, err
		}
		list = []string{one}
	}
	var out []condition
	for _, s := range list {
		c, err := parseFilter(s)
		if err != nil {
			return nil, fmt.Errorf("%w in %.200s", err, s)
		}
		out = append(out, c)
	}
	return out, nil
}

func parseFilter(s string) (c condition, err error) {
	p := &filterText{rest: s}
	c.field = p.word()
	switch op := p.word(); op {
	case "=", ">=":
		c.op = op
		c.values = []string{p.value()}
	case "IN":
		c.op = "="
		p.take("[")
		for p.err == nil && !p.try("]") {
			c.values = append(c.values, p.value())
			if !p.try(",") {
				p.take("]")
				break
			}
		}
	default:
		return c, fmt.Errorf("unknown operator %q", op)
	}
	if p.err == nil && strings.TrimSpace(p.rest) != "" {
		p.err = fmt.Errorf("unexpected characters at the end: %.40q", p.rest)
	}
	if p.err == nil && c.field == "" {
		p.err = fmt.Errorf("no attribute")
	}
	return c, p.err
}

// filterText is what is still to be read.
type filterText struct {
	rest string
	err  error
}

func (p *filterText) try(sign string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(p.rest), sign)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *filterText) take(sign string) {
	if !p.try(sign) && p.err == nil {
		p.err = fmt.Errorf("%q expected at %.40q", sign, p.rest)
	}
}

// word goes to the next space, bracket or comma.
func (p *filterText) word() string {
	p.rest = strings.TrimSpace(p.rest)
	end := strings.IndexAny(p.rest, " [],"+"\t\n")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

// value is a word, or what stands in double quotes, where \ makes a sign
// after it a letter.
func (p *filterText) value() string {
	p.rest = strings.TrimSpace(p.rest)
	if !strings.HasPrefix(p.rest, `"`) {
		w := p.word()
		if w == "" && p.err == nil {
			p.err = fmt.Errorf("a value expected at %.40q", p.rest)
		}
		return w
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	if p.err == nil {
		p.err = fmt.Errorf("quotes are not closed")
	}
	return ""
}

func (c condition) holds(doc map[string]any) bool {
	for _, have := range values(doc[c.field]) {
		for _, want := range c.values {
			if c.op == "=" && normal(have) == normal(want) {
				return true
			}
			if c.op == ">=" {
				a, err1 := strconv.ParseFloat(have, 64)
				b, err2 := strconv.ParseFloat(want, 64)
				if err1 == nil && err2 == nil && a >= b {
					return true
				}
			}
		}
	}
	return false
}

// values are those of a field, as text.
func values(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, values(x)...)
		}
		return out
	}
	return []string{fmt.Sprint(v)}
}
