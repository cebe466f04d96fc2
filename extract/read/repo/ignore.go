package repo

import (
	"path"
	"regexp"
	"strings"
)

// ignore holds the rules of all .gitignore files that were seen.
type ignore struct {
	rules []ignoreRule
	dirs  map[string]bool // verdicts on directories, valid for the present rules
}

type ignoreRule struct {
	base   string // directory of its .gitignore, "." at the root
	match  *regexp.Regexp
	negate bool
	dir    bool // for directories only
}

const (
	maxIgnoreRules = 5000
	maxIgnoreRule  = 500 // bytes
)

// add takes the .gitignore file of a directory.
func (g *ignore) add(dir, text string) {
	g.dirs = map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' || len(line) > maxIgnoreRule || len(g.rules) >= maxIgnoreRules {
			continue
		}
		r := ignoreRule{base: dir}
		line, r.negate = cutPrefix(line, "!")
		line = strings.TrimPrefix(line, `\`)
		if strings.HasSuffix(line, "/") {
			r.dir, line = true, strings.TrimRight(line, "/")
		}
		if re := compile(line); re != nil {
			r.match = re
			g.rules = append(g.rules, r)
		}
	}
}

// compile turns a pattern into an expression for whole paths, nil if it is
// none. One without a slash holds in every directory below.
func compile(pattern string) *regexp.Regexp {
	anchored := strings.Contains(pattern, "/")
	if pattern = strings.TrimPrefix(pattern, "/"); pattern == "" {
		return nil
	}
	expr := glob(pattern)
	if !anchored {
		expr = `(?:.*/)?` + expr
	}
	re, err := regexp.Compile(`^(?:` + expr + `)$`)
	if err != nil {
		return nil
	}
	return re
}

func cutPrefix(s, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	return rest, ok
}

// glob turns a pattern of .gitignore into a regular expression.
func glob(p string) string {
	var s strings.Builder
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case strings.HasPrefix(p[i:], "**/"):
			s.WriteString(`(?:.*/)?`)
			i += 2
		case strings.HasPrefix(p[i:], "/**") && i+3 == len(p):
			s.WriteString(`/.*`)
			i += 2
		case c == '*':
			s.WriteString(`[^/]*`)
		case c == '?':
			s.WriteString(`[^/]`)
		case c == '[':
			end := strings.IndexByte(p[i+1:], ']')
			if end < 1 {
				s.WriteString(`\[`)
				continue
			}
			class := p[i+1 : i+1+end]
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			s.WriteString("[" + strings.ReplaceAll(class, `\`, `\\`) + "]")
			i += end + 1
		case c == '\\' && i+1 < len(p):
			i++
			s.WriteString(regexp.QuoteMeta(p[i : i+1]))
		default:
			s.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	return s.String()
}

// match reports whether a file is ignored, by itself or with a directory
// around it.
func (g *ignore) match(name string) bool {
	if len(g.rules) == 0 {
		return false
	}
	if dir := path.Dir(name); dir != "." && g.directory(dir) {
		return true
	}
	return g.verdict(name, false)
}

func (g *ignore) directory(dir string) bool {
	if v, ok := g.dirs[dir]; ok {
		return v
	}
	up := path.Dir(dir)
	v := up != "." && g.directory(up) || g.verdict(dir, true)
	g.dirs[dir] = v
	return v
}

// verdict is that of the last rule that matches.
func (g *ignore) verdict(name string, dir bool) bool {
	ignored := false
	for _, r := range g.rules {
		rel := name
		if r.base != "." {
			var ok bool
			if rel, ok = strings.CutPrefix(name, r.base+"/"); !ok {
				continue
			}
		}
		if r.dir && !dir || !r.match.MatchString(rel) {
			continue
		}
		ignored = !r.negate
	}
	return ignored
}
