package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/kaptinlin/jsonrepair"

	"seedbed/extract"
)

var (
	opens  = regexp.MustCompile(`(?im)^[ \t]*<(think|thinking|thought|reasoning)>`)
	closes = regexp.MustCompile(`(?i)</(think|thinking|thought|reasoning)>`)
)

// unthink parts what a model says from what it thinks aloud. A block that is
// never closed is thinking to its end; one that is never opened (the server's
// template did) from its beginning. Tags within JSON or behind a fence belong
// to the reply.
func unthink(s string) (said, thought string) {
	var thoughts []string
	for range 100 { // nobody thinks in more pieces, and each costs a search
		start := len(s)
		if i := strings.IndexAny(s, "{["); i >= 0 {
			start = i
		}
		if i := strings.Index(s, "```"); i >= 0 && i < start {
			start = i
		}
		open, shut := opens.FindStringIndex(s), closes.FindStringIndex(s)
		switch {
		case open != nil && open[0] <= start && (shut == nil || open[0] < shut[0]):
			if shut == nil {
				thoughts = append(thoughts, s[open[1]:])
				return strings.TrimSpace(s[:open[0]]), join(thoughts)
			}
			thoughts = append(thoughts, s[open[1]:shut[0]])
			s = s[:open[0]] + s[shut[1]:]
		case shut != nil && len(thoughts) == 0 && !strings.HasPrefix(strings.TrimSpace(s), "{") &&
			!strings.HasPrefix(strings.TrimSpace(s), "[") && !strings.HasPrefix(strings.TrimSpace(s), "```"):
			thoughts = append(thoughts, s[:shut[0]])
			s = s[shut[1]:]
		default:
			return strings.TrimSpace(s), join(thoughts)
		}
	}
	return strings.TrimSpace(s), join(thoughts)
}

func join(thoughts []string) string {
	for i, t := range thoughts {
		thoughts[i] = strings.TrimSpace(t)
	}
	return strings.Join(thoughts, "\n")
}

// unfence takes the fence off a text that stands in one as a whole.
func unfence(s string) string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "```") || !strings.HasSuffix(s, "```") {
		return s
	}
	_, inner, ok := strings.Cut(s, "\n")
	inner = strings.TrimSuffix(inner, "```")
	if !ok || strings.Contains(inner, "```") {
		return s
	}
	return strings.TrimSpace(inner)
}

var (
	errNoJSON   = errors.New("it holds no JSON")
	errBreakOff = errors.New("the JSON breaks off before its end")
)

// read finds the JSON in a reply and holds it to the schema. A reply that
// never left its thinking may still end in the JSON: the last that fits counts.
func (f *form) read(r extract.Reply) (string, error) {
	if r.Text != "" || r.Raw == "" {
		return f.find(r.Text)
	}
	found, err := "", errNoJSON
	for rest := r.Raw; ; {
		start := strings.IndexAny(rest, "{[")
		if start < 0 {
			break
		}
		rest = rest[start:]
		end := balanced(rest)
		if end < 0 {
			break
		}
		if s, wrong := f.fit(rest[:end], false); wrong == nil {
			found, err = s, nil
		}
		rest = rest[end:]
	}
	return found, err
}

// find is the first JSON value in s that fits. Its error is about the longest
// that does not.
func (f *form) find(s string) (string, error) {
	longest, err := -1, errNoJSON
	for tries := 0; ; tries++ {
		start := strings.IndexAny(s, "{[")
		if start < 0 {
			return "", err
		}
		s = s[start:]
		end := balanced(s)
		if end < 0 {
			// Closing what is open would turn half an answer into data.
			if longest < 0 || len(s) > longest {
				err = errBreakOff
			}
			return "", err
		}
		text, wrong := f.fit(s[:end], tries < 5)
		if wrong == nil {
			return text, nil
		}
		if end > longest {
			longest, err = end, wrong
		}
		s = s[end:]
	}
}

// fit makes valid JSON of a value, repairing it where it is slightly broken
// and that is wanted, and checks it.
func (f *form) fit(s string, mayRepair bool) (string, error) {
	text := mend(s)
	err := syntax(text)
	if err != nil && mayRepair {
		text, err = repair(text)
	}
	if err != nil {
		return "", fmt.Errorf("it is not JSON: %w", err)
	}
	return text, f.check(text)
}

// repair mends small breaks: quotes of the wrong kind, commas too many,
// comments. Its time grows with the cube of the quotes left open (40 seconds
// for 3,000), so what is large or full of quotes is left to the model.
func repair(text string) (string, error) {
	if len(text) <= 64<<10 && quotes(text) <= 400 {
		repaired, err := jsonrepair.Repair(text)
		if err == nil && json.Valid([]byte(repaired)) {
			return repaired, nil
		}
	}
	return "", syntax(text)
}

// quotes counts everything that may be taken for one.
func quotes(s string) (n int) {
	for _, r := range s {
		if r == '"' || r == '\'' || r == '`' || r == '´' || r >= '\u2018' && r <= '\u201f' {
			n++
		}
	}
	return n
}

// syntax is what the decoder has against a text.
func syntax(s string) error {
	var v json.RawMessage
	err := json.Unmarshal([]byte(s), &v)
	if at, ok := errors.AsType[*json.SyntaxError](err); ok {
		from := max(0, int(at.Offset)-30)
		return fmt.Errorf("%w, after %q", err, clip(s[from:], 30))
	}
	return err
}

// balanced is where the bracket that opens s is closed, -1 if nowhere.
func balanced(s string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
