package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wrapWidth is how long a text's lines are at least where they were wrapped to
// fit a window. Shorter ones are verses, addresses, steps.
const wrapWidth = 60

// width is the length in code points of the longest line that the spans touch.
func (o *outline) width(spans []span) int {
	most := 0
	for _, s := range spans {
		start := strings.LastIndexByte(o.text[:s.start], '\n') + 1
		for line := range strings.SplitSeq(o.text[start:s.end], "\n") {
			most = max(most, utf8.RuneCountInString(line))
		}
	}
	return most
}

// unwrap puts paragraphs of lines that were wrapped at a width on one line
// each. A line that had room for the next one's first word was ended on
// purpose, unless it is the first, of which a label may have been cut. Code,
// lists, tables and formulas of their own stay as they are.
func unwrap(text string, width int) string {
	if width < wrapWidth || !strings.Contains(text, "\n") {
		return text
	}
	lines := strings.Split(text, "\n")
	var b strings.Builder
	b.Grow(len(text))
	kept := "" // what ends the region whose lines are kept
	for i, line := range lines {
		b.WriteString(line)
		if i == len(lines)-1 {
			break
		}
		within := kept != ""
		kept = keptUntil(kept, line)
		next := lines[i+1]
		if within || kept != "" || !proseLine(line) || !continues(next) ||
			i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(leadingWord(next)) < width*3/5 {
			b.WriteByte('\n')
			continue
		}
		b.WriteString(between(line, next))
	}
	return b.String()
}

// keptUntil follows fences and formulas of their own through lines: it is what
// ends the one that line is in, "" for none.
func keptUntil(kept, line string) string {
	line = strings.TrimSpace(line)
	if kept != "" {
		if strings.HasPrefix(line, kept) || kept != "```" && kept != "~~~" && strings.HasSuffix(line, kept) {
			return ""
		}
		return kept
	}
	for _, fence := range []string{"```", "~~~"} {
		if strings.HasPrefix(line, fence) {
			return fence
		}
	}
	for open, end := range map[string]string{"$$": "$$", `\[`: `\]`} {
		if strings.HasPrefix(line, open) && (len(line) == 2 || !strings.HasSuffix(line, end)) {
			return end
		}
	}
	if rest, ok := strings.CutPrefix(line, `\begin{`); ok {
		if name, _, ok := strings.Cut(rest, "}"); ok && !strings.Contains(line, `\end{`+name+"}") {
			return `\end{` + name + "}"
		}
	}
	return ""
}

// structure matches how lines begin that are no prose: items, options, tables,
// quotes, headings, indented code, commands.
var structure = lazily(`^(?:\s*(?:[-*+•–]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})[.)])\s|\s*[|>#:]|\s{2,}|\t|\s*\\(?:begin|end|item|\[|\])|\s*\$\$|\s*(?:` + "```" + `|~~~)|@\w|[=~-]{3,}\s*$|\.\.\s)`)

// proseLine reports whether a line is words that may go on in the next one.
func proseLine(line string) bool {
	return strings.TrimSpace(line) != "" && !strings.HasSuffix(line, "  ") && !strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, ">") &&
		!strings.HasPrefix(strings.TrimSpace(line), "|") && !strings.HasPrefix(strings.TrimSpace(line), "#") && keptUntil("", line) == "" &&
		!strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "\t")
}

// continues reports whether a line may go on with the one before it.
func continues(line string) bool {
	return strings.TrimSpace(line) != "" && !structure.MatchString(line)
}

func leadingWord(line string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return word
}

// between is what stands between two lines that become one: nothing after a
// hyphen, nor in a script without spaces.
func between(line, next string) string {
	last, n := utf8.DecodeLastRuneInString(line)
	before, _ := utf8.DecodeLastRuneInString(line[:len(line)-n])
	first, _ := utf8.DecodeRuneInString(next)
	if last == '-' && unicode.IsLetter(before) && unicode.IsLower(first) || spaceless(last) && spaceless(first) {
		return ""
	}
	return " "
}

func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF
}
