package stage

import (
	"path"
	"slices"
	"strings"

	"seedbed/extract"
)

// Bounds of what is asked for: shorter functions teach nothing, longer ones
// are programs.
const (
	minCodeLines = 4
	maxCodeLines = 150
	minDocWords  = 6
)

// code takes documented functions, and tests with the code they test.
func (o *outline) code() {
	c := codebase{o: o, types: map[string]int{}, tested: map[string][]int{}, generated: map[string]bool{}, asked: map[int]bool{}}
	for i, b := range o.doc.Blocks {
		if b.Kind != extract.Code || b.Skip != "" {
			if b.File != "" && generatedMark(b.Text) {
				c.generated[b.File] = true
			}
			continue
		}
		if generatedMark(b.Text) {
			c.generated[b.File] = true
		}
		if b.Symbol == nil {
			continue
		}
		c.symbols = append(c.symbols, i)
		switch b.Symbol.Kind {
		case "type", "class", "struct":
			c.types[c.key(b, b.Symbol.Name)] = i
		}
		for _, t := range b.Symbol.Tests {
			c.tested[c.key(b, t)] = append(c.tested[c.key(b, t)], i)
			c.tested[t] = append(c.tested[t], i)
		}
	}
	for _, i := range c.symbols {
		b := o.doc.Blocks[i]
		if c.generated[b.File] {
			continue
		}
		switch b.Symbol.Kind {
		case "function", "method":
			c.function(i)
		}
	}
	// One test for each piece of code, best the one that is named after it.
	for _, named := range []bool{true, false} {
		for _, i := range c.symbols {
			if b := o.doc.Blocks[i]; b.Symbol.Kind == "test" && !c.generated[b.File] {
				c.test(i, named)
			}
		}
	}
}

// A codebase is the declarations of a document, by folder and name.
type codebase struct {
	o         *outline
	symbols   []int
	types     map[string]int
	tested    map[string][]int // by test: the blocks it names
	generated map[string]bool
	asked     map[int]bool // blocks that a test was asked for
}

func (c *codebase) key(b extract.Block, name string) string {
	return path.Dir(b.File) + "\x00" + name
}

func generatedMark(s string) bool {
	head := s[:min(len(s), 2000)]
	return strings.Contains(head, "Code generated") && strings.Contains(head, "DO NOT EDIT") || strings.Contains(head, "@generated")
}

// function asks for a documented function.
func (c *codebase) function(i int) {
	b := c.o.doc.Blocks[i]
	doc := strings.TrimSpace(b.Symbol.Doc)
	if len(strings.Fields(doc)) < minDocWords || testFile(b.File) || strings.HasPrefix(strings.ToLower(doc), "todo") || strings.HasPrefix(doc, "Deprecated") {
		return
	}
	body := c.o.withoutComment(i)
	text := c.o.text[body.start:body.end]
	if n := codeLines(text); n < minCodeLines || n > maxCodeLines || unwritten(text) {
		return
	}
	name := b.Symbol.Name
	var w strings.Builder
	w.WriteString("Write a " + language(b.Lang) + " " + b.Symbol.Kind + " `" + name + "`")
	if b.Symbol.Signature != "" {
		w.WriteString(" with this signature:\n\n" + fence(b.Lang, b.Symbol.Signature))
	} else {
		w.WriteString(".")
	}
	w.WriteString("\n\nIts documentation says: " + doc)
	spans := []span{{c.o.starts[i], c.o.starts[i] + len(b.Text)}}
	if owner, _, ok := cutLast(name, "."); ok {
		if t, ok := c.types[c.key(b, owner)]; ok {
			decl := c.o.withoutComment(t)
			text := c.o.text[decl.start:decl.end]
			if strings.Count(text, "\n") < 40 && t != i && codeLines(text) > 1 && !strings.Contains(text, b.Symbol.Signature) {
				w.WriteString("\n\nIt belongs to this type:\n\n" + fence(b.Lang, closed(text)))
				spans = append(spans, decl)
			}
		}
	}
	f := found{at: b.Start, kind: extract.CodeType, tag: "function"}
	c.o.add(w.String(), fence(b.Lang, outdent(text)), f, spans...)
}

// test asks for a test of the code it tests.
func (c *codebase) test(i int, named bool) {
	b := c.o.doc.Blocks[i]
	name := b.Symbol.Name
	under := c.tested[c.key(b, name)]
	if len(under) == 0 {
		// Tests that stand in a folder of their own.
		under = c.tested[name]
		if len(under) > 0 && !sameFolder(c.o.doc, under) {
			return
		}
	}
	under = slices.Compact(slices.Clone(under))
	under = slices.DeleteFunc(under, func(j int) bool {
		t := c.o.doc.Blocks[j]
		return j == i || testFile(t.File) || c.generated[t.File] || unwritten(t.Text) || t.Symbol.Kind == "type" && codeLines(t.Text) < 2
	})
	if len(under) > 3 {
		under = slices.DeleteFunc(under, func(j int) bool { return !c.names(name, c.o.doc.Blocks[j].Symbol.Name) })
	}
	if len(under) == 0 || len(under) > 3 {
		return
	}
	main := slices.IndexFunc(under, func(j int) bool { return c.names(name, c.o.doc.Blocks[j].Symbol.Name) })
	if named && main < 0 || c.asked[under[max(0, main)]] {
		return
	}
	main = under[max(0, main)]
	text := outdent(b.Text)
	if n := codeLines(text); n < 3 || n > maxCodeLines {
		return
	}
	lines := 0
	var w strings.Builder
	w.WriteString("Write a " + language(b.Lang) + " test `" + name + "` for the following code.")
	spans := []span{{c.o.starts[i], c.o.starts[i] + len(b.Text)}}
	for _, j := range under {
		t := c.o.doc.Blocks[j]
		lines += strings.Count(t.Text, "\n")
		code := outdent(t.Text)
		if t.Symbol.Kind == "type" {
			code = closed(code)
		}
		w.WriteString("\n\n" + fence(t.Lang, code))
		spans = append(spans, span{c.o.starts[j], c.o.starts[j] + len(t.Text)})
	}
	if lines > maxCodeLines {
		return
	}
	c.asked[main] = true
	f := found{at: b.Start, kind: extract.CodeType, tag: "test"}
	c.o.add(w.String(), fence(b.Lang, text), f, spans...)
}

// names reports whether a test is named after a symbol: TestStackPush and
// test_push after Stack.Push.
func (c *codebase) names(test, symbol string) bool {
	flat := func(s string) string { return strings.ToLower(strings.NewReplacer("_", "", ".", "").Replace(s)) }
	_, last, _ := cutLast(symbol, ".")
	if last == "" {
		last = symbol
	}
	return strings.Contains(flat(test), flat(last))
}

func sameFolder(doc *extract.Document, blocks []int) bool {
	for _, j := range blocks[1:] {
		if path.Dir(doc.Blocks[j].File) != path.Dir(doc.Blocks[blocks[0]].File) {
			return false
		}
	}
	return true
}

func testFile(file string) bool {
	base := path.Base(file)
	return strings.Contains(base, "_test.") || strings.HasPrefix(base, "test_") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") ||
		strings.Contains("/"+file, "/tests/") || strings.Contains("/"+file, "/testdata/") || strings.Contains("/"+file, "/vendor/") || strings.Contains("/"+file, "/node_modules/")
}

// withoutComment is a declaration without the comment before it.
func (o *outline) withoutComment(block int) span {
	b := o.doc.Blocks[block]
	s := span{o.starts[block], o.starts[block] + len(b.Text)}
	starred := false
	for s.start < s.end {
		line := o.text[s.start:s.end]
		next := s.end
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line, next = line[:i], s.start+i+1
		}
		t := strings.TrimSpace(line)
		switch {
		case starred:
			starred = !strings.Contains(t, "*/")
		case t == "", strings.HasPrefix(t, "//") && !strings.HasPrefix(t, "//go:"), strings.HasPrefix(t, "--"), strings.HasPrefix(t, ";;"):
		case strings.HasPrefix(t, "#") && !strings.HasPrefix(t, "#[") && !strings.HasPrefix(t, "#include") && !strings.HasPrefix(t, "#define") && !strings.HasPrefix(t, "#if"):
		case strings.HasPrefix(t, "/*"):
			starred = !strings.Contains(t, "*/")
		default:
			return s
		}
		s.start = next
	}
	return s
}

// outdent takes from code the indentation that all its lines share.
func outdent(code string) string {
	lines := strings.Split(strings.Trim(code, "\r\n"), "\n")
	shared := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " \t")); strings.TrimSpace(l) != "" && (shared < 0 || n < shared) {
			shared = n
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l[min(len(l), max(shared, 0)):], " \t\r")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// closed ends the head of a type whose methods stand elsewhere.
func closed(head string) string {
	head = outdent(head)
	if strings.Count(head, "{") > strings.Count(head, "}") {
		head += "\n    // …\n}"
	}
	return head
}

// codeLines counts lines that are neither empty nor comments nor brackets.
func codeLines(s string) int {
	n := 0
	for line := range strings.Lines(s) {
		t := strings.TrimSpace(line)
		if strings.Trim(t, "{}()[];,") == "" || strings.HasPrefix(t, "//") || strings.HasPrefix(t, "#") || strings.HasPrefix(t, "*") || strings.HasPrefix(t, "/*") {
			continue
		}
		n++
	}
	return n
}

// fence puts code between fences longer than any run of backticks in it.
func fence(lang, code string) string {
	marks := "```"
	for strings.Contains(code, marks) {
		marks += "`"
	}
	return marks + lang + "\n" + strings.Trim(code, "\r\n") + "\n" + marks
}

// language is a programming language as it is written.
func language(lang string) string {
	if name, ok := languages[lang]; ok {
		return name
	}
	if lang == "" {
		return "code"
	}
	return strings.ToUpper(lang[:1]) + lang[1:]
}

var languages = map[string]string{
	"javascript": "JavaScript", "typescript": "TypeScript", "js": "JavaScript", "ts": "TypeScript", "tsx": "TypeScript", "jsx": "JavaScript",
	"cpp": "C++", "c++": "C++", "csharp": "C#", "c#": "C#", "php": "PHP", "sql": "SQL", "objc": "Objective-C", "ocaml": "OCaml", "fsharp": "F#",
	"py": "Python", "rb": "Ruby", "rs": "Rust", "sh": "shell", "bash": "Bash", "shell": "shell",
}
