// Package man reads manual pages written with the macros man and mdoc.
package man

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
)

var opening = regexp.MustCompile(`(?m)^[.'](TH|Dd|Sh|SH) +\S`)

// Is reports whether a text is a manual page.
func Is(head []byte) bool { return opening.Match(head) }

// Read reads a manual page. No other file is ever taken in.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	k := reader{}
	k.w.Kind = extract.Page
	k.w.Warnings = warnings
	for l := range strings.Lines(src) {
		k.n++
		if k.n&0xfff == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("read %s: %w", name, ctx.Err())
		}
		k.line(strings.TrimRight(l, "\r\n"))
	}
	k.flush()
	d := k.w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: it only names other pages", name, readerr.ErrNoText)
	}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type reader struct {
	w      extract.Builder
	n      int
	from   int
	to     int
	text   []string
	code   bool
	tag    string // of the item at hand
	tagged bool   // the next line is a tag
	name   string
}

func (k *reader) flush() {
	sep := " "
	b := extract.Block{Kind: extract.Paragraph}
	if k.code {
		sep, b.Kind = "\n", extract.Code
	}
	text := strings.Join(k.text, sep)
	k.text = nil
	if k.tag != "" && !k.code {
		b.Kind, b.Level = extract.ListItem, 1
		text = strings.TrimSpace(k.tag + " " + text)
		k.tag = ""
	}
	b.Lines = [2]int{k.from, max(k.from, k.to)}
	b.Text = strings.Trim(text, "\n")
	if !k.code {
		b.Text = strings.TrimSpace(b.Text)
	}
	k.w.Add("\n\n", b)
}

func (k *reader) words(s string) {
	if k.tagged && strings.TrimSpace(s) != "" {
		k.tagged = false
		k.from = k.n
		k.tag = strings.TrimSuffix(strings.TrimSpace(s), ":") + ":"
		return
	}
	if len(k.text) == 0 && k.tag == "" {
		k.from = k.n
	}
	if s != "" || k.code {
		k.to = k.n
		k.text = append(k.text, s)
	}
}

func (k *reader) line(l string) {
	if !strings.HasPrefix(l, ".") && !strings.HasPrefix(l, "'") {
		if strings.TrimSpace(l) == "" && !k.code {
			k.flush()
			return
		}
		k.words(escapes(l))
		return
	}
	request, rest, _ := strings.Cut(strings.TrimLeft(l[1:], " \t"), " ")
	if strings.HasPrefix(request, `\"`) || request == "" {
		return
	}
	args := arguments(rest)
	switch request {
	case "TH", "Dt":
		if len(args) > 0 && k.w.Title == "" {
			k.w.Title = strings.ToLower(args[0])
			if len(args) > 1 {
				k.w.Title += "(" + args[1] + ")"
			}
		}
	case "SH", "Sh", "SS", "Ss":
		k.flush()
		k.tag, k.tagged, k.code = "", false, false
		level := 1
		if request[1] == 'S' || request[1] == 's' {
			level = 2
		}
		title := strings.Join(strings.Fields(strings.Join(args, " ")), " ")
		if title != "" {
			k.w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: level, Title: title, Text: title, Locator: extract.Locator{Lines: [2]int{k.n, k.n}}})
		}
	case "PP", "P", "LP", "Pp", "HP", "sp", "RS", "RE", "El", "Bl":
		if k.code && (request == "PP" || request == "P" || request == "LP" || request == "sp") {
			k.words("")
			return
		}
		k.flush()
	case "TP", "TQ":
		k.flush()
		k.tagged = true
	case "IP":
		k.flush()
		if len(args) > 0 && strings.TrimSpace(args[0]) != "" {
			k.from = k.n
			k.tag = strings.TrimSpace(args[0])
			if strings.ContainsAny(k.tag, "•·-*") && len([]rune(k.tag)) == 1 {
				k.tag = "-"
			} else {
				k.tag = strings.TrimSuffix(k.tag, ":") + ":"
			}
		}
	case "It":
		k.flush()
		if s := mdoc(args); s != "" {
			k.from = k.n
			k.tag = s + ":"
		} else {
			k.tag = "-"
		}
	case "nf", "EX", "Bd":
		if request == "Bd" && !strings.Contains(rest, "literal") && !strings.Contains(rest, "unfilled") {
			k.flush()
			return
		}
		k.flush()
		k.code = true
	case "fi", "EE", "Ed":
		k.flush()
		k.code = false
	case "B", "I", "SM", "SB", "R":
		k.words(strings.Join(args, " "))
	case "BR", "RB", "BI", "IB", "IR", "RI":
		k.words(strings.Join(args, ""))
	case "UR", "MT":
		if len(args) > 0 {
			k.words(args[0])
		}
	case "Nm":
		if len(args) > 0 && k.name == "" {
			k.name = args[0]
		}
		if len(args) == 0 {
			args = []string{k.name}
		}
		k.words(mdoc(args))
	case "Nd":
		k.words("— " + mdoc(args))
	case "Fl", "Op", "Ar", "Xr", "Pa", "Em", "Sy", "Ic", "Cm", "Va", "Dq", "Sq", "Ql", "Qq", "Li", "Ev", "Dv", "Er", "Fn", "Ft", "Fa", "In", "Vt", "An", "Lk", "Aq", "Pq", "Bq", "D1", "Dl", "No", "Tn", "Ux", "St", "Ns", "Cd", "Sx", "Ms", "Brq":
		k.words(mdoc(append([]string{request}, args...)))
	}
}

// arguments divides the rest of a line at blanks outside of quotes.
func arguments(s string) []string {
	var out []string
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		if strings.HasPrefix(s, `\"`) {
			break
		}
		if s[0] == '"' {
			end := strings.IndexByte(s[1:], '"')
			if end < 0 {
				end = len(s) - 1
			}
			out = append(out, escapes(s[1:1+end]))
			s = s[min(len(s), end+2):]
			continue
		}
		i := 0
		for i < len(s) && s[i] != ' ' && s[i] != '\t' {
			if s[i] == '\\' {
				i++
			}
			i++
		}
		i = min(i, len(s))
		out = append(out, escapes(s[:i]))
		s = s[i:]
	}
	return out
}

// mdoc joins the arguments of a macro that may hold other macros.
func mdoc(args []string) string {
	var s strings.Builder
	shut := ""
	glue := true
	put := func(t string) {
		if !glue && t != "" && (len(t) != 1 || !strings.ContainsAny(t, ".,;:)]")) {
			s.WriteByte(' ')
		}
		s.WriteString(t)
		glue = false
	}
	for i, a := range args {
		switch a {
		case "Fl":
			if i+1 >= len(args) {
				put("-")
			} else {
				put("-")
				glue = true
			}
		case "Op", "Oo", "Bq":
			put("[")
			glue, shut = true, "]"+shut
		case "Pq":
			put("(")
			glue, shut = true, ")"+shut
		case "Dq", "Qq", "Ql", "Sq":
			put("“")
			glue, shut = true, "”"+shut
		case "Aq":
			put("<")
			glue, shut = true, ">"+shut
		case "Ns":
			glue = true
		case "Ar", "Xr", "Pa", "Em", "Sy", "Ic", "Cm", "Va", "Li", "Ev", "Dv", "Er", "Fn", "Ft", "Fa", "In", "Vt", "An", "Lk", "No", "Nm", "Oc", "D1", "Dl", "Tn", "Ux", "St", "Cd", "Sx", "Ms", "Brq":
		default:
			put(a)
		}
	}
	return s.String() + shut
}

var (
	escape = regexp.MustCompile(`\\(f\(..|f\[[^\]]*\]|f.|s[-+]?\d{1,2}|\((..)|\[([^\]]{1,12})\]|\*\(..|\*\[[^\]]*\]|\*.|[hvm]'[^']*'|m\[[^\]]*\]|.|$)`)
	signs  = map[string]string{"em": "—", "en": "–", "aq": "'", "dq": `"`, "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "bu": "•", "co": "©", "rs": `\`, "ha": "^", "ti": "~", "->": "→", "<-": "←", "mu": "×", "hy": "-", "mi": "-", "ga": "`", "de": "°", "<=": "≤", ">=": "≥", "lB": "[", "rB": "]", "at": "@", "sh": "#", "ua": "↑", "da": "↓", ":a": "ä", ":o": "ö", ":u": "ü", "ss": "ß", "'e": "é"}
)

// escapes replaces what begins with a backslash.
func escapes(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return escape.ReplaceAllStringFunc(s, func(m string) string {
		switch g := escape.FindStringSubmatch(m); {
		case g[2] != "":
			return signs[g[2]]
		case g[3] != "":
			return signs[g[3]]
		case m == `\-`:
			return "-"
		case m == `\e` || m == `\\`:
			return `\`
		case m == `\ ` || m == `\~` || m == `\0`:
			return " "
		case m == `\.` || m == `\'`:
			return m[1:]
		}
		return ""
	})
}
