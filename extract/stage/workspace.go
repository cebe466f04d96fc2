package stage

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"seedbed/extract"
	"seedbed/extract/read/code"
)

// A workspace is the source files of a document that one language's tests
// need, as they were before they were cut into blocks.
type workspace struct {
	doc   *extract.Document
	lang  string
	files map[string]string
	at    map[int]int // by block: where it begins in its file, in bytes
}

// belongs are the files of each language that can be run.
var belongs = map[string]pattern{
	"go":         lazily(`\.go$|(^|/)go\.(mod|sum)$`),
	"python":     lazily(`\.py$`),
	"javascript": lazily(`\.(js|mjs|cjs)$|(^|/)package\.json$`),
}

// runnable is the name under which a language is run, "" where it is not.
func runnable(lang string) string {
	switch strings.ToLower(lang) {
	case "go", "golang":
		return "go"
	case "python", "py", "python3":
		return "python"
	case "javascript", "js", "mjs", "node":
		return "javascript"
	}
	return ""
}

// workspaceOf puts the files of a language together again.
func workspaceOf(doc *extract.Document, lang string) *workspace {
	w := &workspace{doc: doc, lang: lang, files: map[string]string{}, at: map[int]int{}}
	at, end := 0, 0 // in the document's text, in bytes and in code points
	var text strings.Builder
	file := "" // that text is of
	for i, b := range doc.Blocks {
		gap := byteAt(doc.Text[at:], -1, b.Start-end)
		between := doc.Text[at : at+gap]
		at, end = at+gap+len(b.Text), b.End
		if b.File == "" || b.Kind == extract.Heading || !belongs[lang].MatchString(b.File) {
			continue
		}
		if file != b.File { // a heading with its name may stand before it
			text.Reset()
			file = b.File
		} else {
			text.WriteString(between)
		}
		w.at[i] = text.Len()
		text.WriteString(b.Text)
		if i+1 == len(doc.Blocks) || doc.Blocks[i+1].File != b.File {
			w.files[b.File] = text.String() + "\n"
		}
	}
	if lang == "go" && !slices.ContainsFunc(names(w.files), func(f string) bool { return path.Base(f) == "go.mod" }) {
		w.files["go.mod"] = "module example.org/code\n\ngo 1.24\n"
	}
	return w
}

// names are those of the files, in order.
func names(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }

// tests are the blocks of the tests that name a block's symbol, all in one
// file, in document order.
func (w *workspace) tests(block int) []int {
	b := w.doc.Blocks[block]
	if b.Symbol == nil {
		return nil
	}
	byFile := map[string][]int{}
	for i, t := range w.doc.Blocks {
		if t.Symbol == nil || t.Symbol.Kind != "test" && t.Symbol.Kind != "example" || w.files[t.File] == "" {
			continue
		}
		switch w.lang {
		case "go":
			if path.Dir(t.File) == path.Dir(b.File) && slices.Contains(b.Symbol.Tests, t.Symbol.Name) {
				byFile[path.Dir(t.File)] = append(byFile[path.Dir(t.File)], i) // they run together
			}
		case "python":
			if slices.Contains(b.Symbol.Tests, t.Symbol.Name) {
				byFile[t.File] = append(byFile[t.File], i)
			}
		case "javascript":
			// Tests have titles instead of names: the file is what names code.
			if whole := w.files[t.File]; mentions(whole, lastName(b.Symbol.Name)) && mentions(whole, strings.TrimSuffix(path.Base(b.File), path.Ext(b.File))) {
				byFile[t.File] = append(byFile[t.File], i)
			}
		}
	}
	var best []int
	for _, list := range byFile {
		if len(list) > len(best) || len(list) == len(best) && len(list) > 0 && list[0] < best[0] {
			best = list
		}
	}
	return best
}

func mentions(text, word string) bool {
	return word != "" && regexp.MustCompile(`(^|[^\pL\pN_])`+regexp.QuoteMeta(word)+`($|[^\pL\pN_])`).MatchString(text)
}

func lastName(symbol string) string { return symbol[strings.LastIndexByte(symbol, '.')+1:] }

// program runs these tests, on these files.
func (w *workspace) program(files map[string]string, tests []int) Program {
	p := Program{Lang: w.lang, Files: files, Main: w.doc.Blocks[tests[0]].File, Test: true}
	for _, t := range tests {
		if w.lang != "javascript" { // there a whole file is run
			p.Tests = append(p.Tests, w.doc.Blocks[t].Symbol.Name)
		}
	}
	return p
}

// replaced are the files with other code in the place of a block, and why
// there are none, for a person.
func (w *workspace) replaced(block int, source string) (map[string]string, string) {
	b := w.doc.Blocks[block]
	files := maps.Clone(w.files)
	from := w.at[block]
	text := files[b.File]
	before, after := text[:from], text[from+len(b.Text):]
	if w.lang == "go" {
		why := replaceGo(files, b.File, before+strings.Repeat("\n", strings.Count(b.Text, "\n"))+after, b.Symbol.Name, source)
		return files, why
	}
	own, rest := pick(source, b)
	if own == "" {
		return nil, "it does not declare " + b.Symbol.Name
	}
	if strings.Contains(b.Symbol.Name, ".") {
		// What a method calls is looked up when it is called.
		files[b.File] = before + own + after + "\n\n" + rest + "\n"
		if w.lang == "javascript" {
			files[b.File] = rest + "\n\n" + before + own + after
		}
	} else {
		files[b.File] = before + rest + "\n\n" + own + after
	}
	return files, ""
}

// exporting matches how JavaScript exports, which is up to the file.
var exporting = lazily(`(?m)^(?:module\.exports\s*=.*|exports\.\w+\s*=\s*\w+;?|export\s*\{[^}]*\};?|export\s+default\s+\w+;?)\s*$`)

// pick is the declaration in source that takes the place of block b, indented
// as it is, and everything else there.
func pick(source string, b extract.Block) (own, rest string) {
	found := code.Parse(source, "source"+path.Ext(b.File), b.Lang)
	name := lastName(b.Symbol.Name)
	var others []string
	for _, s := range found.Blocks {
		switch {
		case own == "" && s.Symbol != nil && (s.Symbol.Name == b.Symbol.Name || s.Symbol.Name == name) && s.Symbol.Kind != "type":
			own = s.Text
		case s.Symbol != nil && s.Symbol.Kind == "type" && strings.HasPrefix(b.Symbol.Name, s.Symbol.Name+"."):
			// The class around the method is there already, and so are its others.
		case s.Symbol != nil && strings.Contains(s.Symbol.Name, "."), strings.Trim(s.Text, "} \n\t;") == "":
		default:
			others = append(others, s.Text)
		}
	}
	if own == "" {
		return "", ""
	}
	rest = strings.Join(others, "\n\n")
	if runnable(b.Lang) == "javascript" {
		rest = exporting.ReplaceAllString(rest, "")
		plain := strings.TrimPrefix(strings.TrimSpace(own), "export ")
		plain = strings.TrimPrefix(plain, "default ")
		if at := strings.Index(b.Text, "export "); at >= 0 && strings.HasPrefix(b.Symbol.Signature, "export ") {
			plain = "export " + plain
		}
		if strings.HasPrefix(b.Symbol.Signature, "exports.") && !strings.HasPrefix(plain, "exports.") {
			plain += "\nexports." + name + " = " + name + ";"
		}
		if strings.Contains(b.Symbol.Name, ".") {
			plain = strings.TrimPrefix(plain, "function ")
		}
		own = plain
	}
	return reindent(own, indentOf(b.Text)), rest
}

func indentOf(s string) string { return s[:len(s)-len(strings.TrimLeft(s, " \t"))] }

// reindent moves code so that its first line begins with indent.
func reindent(s, indent string) string {
	was := indentOf(s)
	var w strings.Builder
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) == "" {
			w.WriteString("\n")
			continue
		}
		w.WriteString(indent + strings.TrimPrefix(line, was))
	}
	return w.String()
}

// stub is a declaration of the block's symbol that does nothing but fail.
func stub(b extract.Block) string {
	sig := b.Symbol.Signature
	switch runnable(b.Lang) {
	case "go":
		return sig + " {\n\tpanic(\"not implemented\")\n}"
	case "python":
		return strings.TrimSuffix(sig, ":") + ":\n    raise NotImplementedError\n"
	}
	return sig + " {\n  throw new Error(\"not implemented\");\n}"
}

// remembered runs each program once, however many stages ask for it.
type remembered struct {
	Runner
	mu   sync.Mutex
	last []string
	rans map[string]Ran
}

const mostRemembered = 200

// Remember is a runner that gives the same program's result without running
// it again, for the last few hundred programs.
func Remember(r Runner) Runner {
	if r == nil {
		return nil
	}
	if m, ok := r.(*remembered); ok {
		return m
	}
	return &remembered{Runner: r, rans: map[string]Ran{}}
}

func (m *remembered) Run(ctx context.Context, p Program) (Ran, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return Ran{}, err
	}
	sum := sha256.Sum256(data)
	key := string(sum[:])
	m.mu.Lock()
	ran, ok := m.rans[key]
	m.mu.Unlock()
	if ok {
		return ran, nil
	}
	if ran, err = m.Runner.Run(ctx, p); err != nil {
		return ran, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.rans[key]; !ok {
		m.rans[key] = ran
		if m.last = append(m.last, key); len(m.last) > mostRemembered {
			delete(m.rans, m.last[0])
			m.last = m.last[1:]
		}
	}
	return ran, nil
}
