package code

import (
	"html"
	"regexp"
	"strings"
)

// uncomment is what a comment says, without the signs around it.
func uncomment(comment, lang string) string {
	lines := strings.Split(comment, "\n")
	gutter := true // each line of the comment opens with a star
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
		if l = strings.TrimSpace(l); i > 0 && l != "" && !strings.HasPrefix(l, "*") && !strings.HasPrefix(l, "//") && !strings.HasPrefix(l, "/*") {
			gutter = false
		}
	}
	var out []string
	for _, l := range lines {
		l = strings.TrimSpace(strings.TrimSuffix(l, "*/"))
		for _, sign := range []string{"/**", "/*!", "/*", "///", "//!", "//", "#"} {
			if rest, ok := strings.CutPrefix(l, sign); ok {
				l = strings.TrimLeft(rest, strings.Repeat(sign[len(sign)-1:], 1))
				break
			}
		}
		if gutter {
			l = strings.TrimPrefix(l, "*")
		}
		if t := strings.TrimSpace(l); len(t) > 2 && strings.Trim(t, "-=*#/~_+ ") == "" || forTools.MatchString(t) {
			continue
		}
		out = append(out, strings.TrimPrefix(l, " "))
	}
	text := strings.TrimSpace(strings.Join(out, "\n"))
	if lang == "c#" && strings.Contains(text, "<") {
		text = fromXML(text)
	}
	return text
}

// forTools are comments that no reader is meant by.
var forTools = regexp.MustCompile(`^(eslint-|@ts-|prettier-ignore|istanbul |c8 |v8 |NOLINT|rubocop:|clang-format|noinspection|phpcs:|@phpstan-|@psalm-|jshint |jslint )`)

var (
	xmlReference = regexp.MustCompile(`<(?:see|seealso|paramref|typeparamref)\s+(?:cref|name|langword|href)="(?:[A-Z]:)?([^"]*)"\s*/>`)
	xmlParameter = regexp.MustCompile(`<(?:param|typeparam|exception)\s+(?:name|cref)="(?:[A-Z]:)?([^"]*)"\s*>`)
	xmlReturns   = regexp.MustCompile(`<returns>\s*`)
	xmlTag       = regexp.MustCompile(`</?[a-zA-Z][^<>]*>`)
)

// fromXML gives the words of a documentation comment in C#.
func fromXML(s string) string {
	s = xmlReference.ReplaceAllString(s, "$1")
	s = xmlParameter.ReplaceAllString(s, "$1: ")
	s = xmlReturns.ReplaceAllString(s, "Returns: ")
	s = html.UnescapeString(xmlTag.ReplaceAllString(s, ""))
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimRight(line, " \t"); strings.TrimSpace(line) != "" {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}
