package view

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/internal/seedbed"
)

// maxFormula is how long a formula is at most, in bytes. What begins like one
// and does not end within that is text.
const maxFormula = 4 << 10

// prose writes text between code. Formulas in TeX are marked as such; a script
// draws them where it can.
func prose(b *strings.Builder, s string) {
	from := 0
	for at := 0; at < len(s); {
		n := formula(s[at:])
		switch {
		case n > 0:
			b.WriteString(escaped(s[from:at]))
			b.WriteString(`<span class="tex">` + escaped(s[at:at+n]) + `</span>`)
			at += n
			from = at
		case s[at] == '\\' && at+1 < len(s):
			at += 2 // an escaped sign begins nothing
		default:
			at++
		}
	}
	b.WriteString(escaped(s[from:]))
}

// unmarkedFormulas takes the marks off that begin and end within a formula.
func unmarkedFormulas(s string) string {
	if !strings.Contains(s, seedbed.MarkStart) {
		return s
	}
	var b strings.Builder
	for at := 0; at < len(s); {
		n := max(1, formula(s[at:]))
		part := s[at : at+n]
		if strings.Count(part, seedbed.MarkStart) == strings.Count(part, seedbed.MarkEnd) {
			part = strings.NewReplacer(seedbed.MarkStart, "", seedbed.MarkEnd, "").Replace(part)
		}
		b.WriteString(part)
		at += n
	}
	return b.String()
}

// formula is the length of the formula that s begins with, with its signs, 0 if
// it begins with none.
func formula(s string) int {
	for _, sign := range [][2]string{{"$$", "$$"}, {`\[`, `\]`}, {`\(`, `\)`}, {"$", "$"}} {
		if !strings.HasPrefix(s, sign[0]) {
			continue
		}
		inside := s[len(sign[0]):min(len(s), maxFormula)]
		end := strings.Index(inside, sign[1])
		for sign[1] == "$" && end > 0 && inside[end-1] == '\\' { // \$ is a dollar
			next := strings.Index(inside[end+1:], sign[1])
			if next < 0 {
				return 0
			}
			end += 1 + next
		}
		if end <= 0 {
			return 0
		}
		tex, after := inside[:end], inside[end+len(sign[1]):]
		if strings.Contains(tex, "\n\n") || strings.TrimSpace(tex) == "" || sign[0] == "$" && !isTeX(tex, after) {
			return 0
		}
		return len(sign[0]) + end + len(sign[1])
	}
	return 0
}

// isTeX tells a formula between dollars from text between two prices: no space
// stands inside of its signs and no digit behind it, and words in it are
// commands.
func isTeX(tex, after string) bool {
	first, _ := utf8.DecodeRuneInString(tex)
	last, _ := utf8.DecodeLastRuneInString(tex)
	next, _ := utf8.DecodeRuneInString(after)
	if unicode.IsSpace(first) || unicode.IsSpace(last) || unicode.IsDigit(next) {
		return false
	}
	if strings.ContainsAny(tex, `\^_{`) {
		return true
	}
	longest, letters := 0, 0
	for _, r := range tex {
		if letters++; !unicode.IsLetter(r) {
			letters = 0
		}
		longest = max(longest, letters)
	}
	return longest <= 1 || longest <= 3 && !strings.Contains(tex, " ")
}
