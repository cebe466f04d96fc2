package code

import (
	"regexp"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/verbatim"
)

var (
	rubyDef   = regexp.MustCompile(`^(?:(?:private|protected|public|module_function|private_class_method|memoize)\s+)*def\s+((?:self|[A-Za-z_]\w*)\s*\.\s*)?([A-Za-z_]\w*[?!=]?|\[\]=?|[-+*/%<>=!~^&|]+@?|` + "`" + `)`)
	rubyClass = regexp.MustCompile(`^(class|module)\s+((?:::)?[A-Z]\w*(?:::[A-Z]\w*)*)`)
	rubySelf  = regexp.MustCompile(`^class\s*<<`)
	rubyTest  = regexp.MustCompile(`^(?:it|test|specify|should|scenario)\s*\(?\s*("[^"]*"|'[^']*').*\bdo\b`)
	rubyGroup = regexp.MustCompile(`^(?:(?:RSpec\.)?describe|context|feature|shared_examples(?:_for)?)\b.*\bdo\b`)
	heredoc   = regexp.MustCompile(`<<([~-]?)(["'` + "`" + `]?)([A-Z_]\w*)`)
	label     = regexp.MustCompile(`^[A-Z_]\w*$`)
	rubyOne   = regexp.MustCompile(`;\s*end\b|\bend\s*$`)
	endless   = regexp.MustCompile(`^[^(=]*(\([^)]*\))?\s+=\s`)
)

// ruby adds a block for each method, test, class and module, from the comment
// above it to its end. That is where a line with the word end is indented like
// its first; nobody writes Ruby otherwise. A class is the block up to its first
// method.
func ruby(w *verbatim.Writer, src, name string) {
	s := scanner{src: src, lang: "ruby"}
	s.emit(w, rubyDecls(src, IsTest(name)))
	if s.at < len(src) {
		plain(w, src, s.at, len(src))
	}
}

// An opened declaration waits for its end.
type opened struct {
	decl
	indent int
	scope  bool
}

func rubyDecls(src string, test bool) []decl {
	var top []decl
	var open []opened
	add := func(d decl) {
		for i := len(open) - 1; i >= 0; i-- {
			if open[i].scope {
				open[i].members = append(open[i].members, d)
				return
			}
		}
		top = append(top, d)
	}
	comment := -1 // where the comment above starts
	ends := labels(src)
	until := "" // the line that ends a heredoc or a long comment
	for at := 0; at < len(src); {
		next := lineEnd(src, at)
		line := src[at:next]
		words := strings.TrimSpace(line)
		start := at
		at = next
		switch {
		case until != "":
			if words == until {
				until = ""
			}
			continue
		case strings.HasPrefix(line, "=begin"):
			until = "=end"
			comment = -1
			continue
		case words == "__END__":
			at = len(src)
			continue
		case strings.HasPrefix(words, "#"):
			if comment < 0 {
				comment = start
			}
			continue
		case words == "":
			comment = -1
			continue
		}
		if m := heredoc.FindStringSubmatch(words); m != nil && ends[m[3]] >= at {
			until = m[3]
		}
		indent := width(line)
		if isEnd(words) {
			for len(open) > 0 && open[len(open)-1].indent > indent {
				open = open[:len(open)-1] // it never ended
			}
			if n := len(open) - 1; n >= 0 && open[n].indent == indent {
				d := open[n].decl
				d.to = next
				open = open[:n]
				add(d)
			}
			comment = -1
			continue
		}
		from := start
		if comment >= 0 {
			from = comment
		}
		o, ok := rubyOpen(words, owner(open), test)
		if ok {
			o.from, o.indent = from, indent
			if o.sym != nil {
				if comment >= 0 {
					o.sym.Doc = uncomment(strings.TrimSpace(src[comment:start]), "ruby")
				}
				def := strings.Contains(words, "def ")
				if def && endless.MatchString(words[strings.Index(words, "def ")+4:]) || rubyOne.MatchString(words) {
					o.to = next
					add(o.decl)
					comment = -1
					continue
				}
			}
			if len(open) < maxDepth {
				open = append(open, o)
			}
		}
		comment = -1
	}
	for len(open) > 0 { // what was cut off: keep the methods that ended
		d := open[len(open)-1]
		open = open[:len(open)-1]
		for _, m := range d.members {
			add(m)
		}
	}
	return top
}

// labels says of each line that is one word in capitals where the last such
// line starts.
func labels(src string) map[string]int {
	out := map[string]int{}
	at := 0
	for line := range strings.Lines(src) {
		if w := strings.TrimSpace(line); label.MatchString(w) {
			out[w] = at
		}
		at += len(line)
	}
	return out
}

// rubyOpen reads the first line of a declaration.
func rubyOpen(words, owner string, test bool) (opened, bool) {
	sym := &extract.Symbol{Signature: words}
	if m := rubyDef.FindStringSubmatch(words); m != nil {
		sym.Name, sym.Kind = m[2], "function"
		if owner != "" {
			sym.Name, sym.Kind = owner+"."+m[2], "method"
		}
		if test && strings.HasPrefix(m[2], "test_") {
			sym.Kind = "test"
		}
		return opened{decl: decl{sym: sym}}, true
	}
	if m := rubyClass.FindStringSubmatch(words); m != nil {
		sym.Name, sym.Kind = m[2][strings.LastIndex(m[2], ":")+1:], "type"
		return opened{decl: decl{sym: sym}, scope: true}, true
	}
	if rubySelf.MatchString(words) {
		return opened{scope: true}, true
	}
	if test {
		if m := rubyTest.FindStringSubmatch(words); m != nil {
			sym.Name, sym.Kind, sym.Signature = strings.Trim(m[1], `"'`), "test", ""
			return opened{decl: decl{sym: sym}}, true
		}
		if rubyGroup.MatchString(words) {
			return opened{scope: true}, true
		}
	}
	return opened{}, false
}

// owner is the class that is open, "" without one.
func owner(open []opened) string {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i].sym != nil && open[i].sym.Kind == "type" {
			return open[i].sym.Name
		}
	}
	return ""
}

func isEnd(words string) bool {
	rest, ok := strings.CutPrefix(words, "end")
	return ok && (rest == "" || !isWord(rest[0]) && rest[0] != ':' && rest[0] != '=' && rest[0] != '?')
}

// width is the indentation of a line in columns.
func width(line string) int {
	n := 0
	for i := range len(line) {
		switch line[i] {
		case ' ':
			n++
		case '\t':
			n = (n/8 + 1) * 8
		default:
			return n
		}
	}
	return n
}
