package markdown

import (
	"strings"

	"seedbed/extract"
)

// frontMatter is the length of the YAML or TOML head of src with its fences,
// 0 if it has none.
func frontMatter(src string) int {
	fence := ""
	switch {
	case strings.HasPrefix(src, "---\n"):
		fence = "---"
	case strings.HasPrefix(src, "+++\n"):
		fence = "+++"
	default:
		return 0
	}
	keys := false
	at := len(fence) + 1
	for at < len(src) {
		line, _, more := strings.Cut(src[at:], "\n")
		at += len(line)
		if more {
			at++
		}
		line = strings.TrimRight(line, " \t")
		if line == fence || fence == "---" && line == "..." {
			if !keys {
				return 0 // two rules
			}
			return at
		}
		if key, _, ok := strings.Cut(line, ":"); ok && isKey(key) {
			keys = true
		}
		if key, _, ok := strings.Cut(line, "="); ok && isKey(strings.TrimSpace(key)) {
			keys = true
		}
		// A line of prose before any key: a rule that opens a text.
		if !keys && line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "[") {
			return 0
		}
	}
	return 0
}

func isKey(s string) bool {
	return s != "" && len(s) < 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.\"'") == ""
}

// describe takes title, authors, language and licence from front matter. It
// reads the plain "key: value" lines and "- value" lists and passes over the
// rest, so that no YAML can do anything else.
func describe(d *extract.Document, front string) {
	list := ""
	for line := range strings.Lines(front) {
		line = strings.TrimRight(line, " \t\n")
		if item, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok && list == "author" {
			item = strings.TrimPrefix(strings.TrimSpace(item), "name:")
			d.Authors = append(d.Authors, value(item))
			continue
		}
		key, v, ok := strings.Cut(line, ":")
		if !ok {
			key, v, ok = strings.Cut(line, "=")
		}
		if !ok || strings.HasPrefix(line, " ") {
			continue
		}
		key, v = strings.ToLower(strings.TrimSpace(key)), value(v)
		list = ""
		switch key {
		case "title":
			d.Title = v
		case "author", "authors":
			list = "author"
			for a := range strings.SplitSeq(strings.Trim(v, "[]"), ",") {
				if a = value(a); a != "" {
					d.Authors = append(d.Authors, a)
				}
			}
		case "lang", "language":
			d.Language = v
		case "license", "licence":
			d.License = v
		}
	}
}

func value(s string) string {
	return strings.Trim(strings.TrimSpace(s), `"'`)
}
