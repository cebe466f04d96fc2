// Command code measures how well declarations are found in source code.
//
//	go run ./bench/code [-tags FILE] [-v] FOLDER...
//
// What is expected are the functions and methods with a comment above them that
// universal-ctags finds in the folders, in languages where documentation opens
// with /** with such a one; in Python those with a docstring that Python's own
// parser finds. Found is one whose block has its name, starts with
// its comment and ends on its last line. Some of ctags' parsers give no last line: there only the first
// counts. -tags takes what is expected from a file in the format of
// ctags --output-format=json, as another parser may write it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"seedbed/extract"
	"seedbed/extract/read/code"
	"seedbed/extract/read/language"
	"seedbed/extract/read/repo"
)

func main() {
	tags := flag.String("tags", "", "`file` with what is expected, as ctags writes it in JSON")
	verbose := flag.Bool("v", false, "print what was not found")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Args(), *tags, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A score counts for one language in one folder.
type score struct {
	files, bytes    int
	expected, found int
	name            int // of those not found: how many but for their lines
	ends            int // how many of expected have a last line
	all             int // functions with a comment or without
	allFound        int
	took            time.Duration
}

func (s *score) add(o score) {
	s.files += o.files
	s.bytes += o.bytes
	s.expected += o.expected
	s.found += o.found
	s.name += o.name
	s.ends += o.ends
	s.all += o.all
	s.allFound += o.allFound
	s.took += o.took
}

func run(folders []string, tagFile string, verbose bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "language\tfolder\tfiles\tdocumented\tfound\tratio\twrong lines\twith end\tall functions\tnamed\tratio\tMB/s\t")
	total := map[string]*score{}
	for _, folder := range folders {
		expected, err := expect(folder, tagFile)
		if err != nil {
			return err
		}
		scores, err := measure(folder, expected, verbose)
		if err != nil {
			return err
		}
		for _, lang := range sorted(scores) {
			print(w, lang, filepath.Base(folder), *scores[lang])
			if total[lang] == nil {
				total[lang] = &score{}
			}
			total[lang].add(*scores[lang])
		}
	}
	for _, lang := range sorted(total) {
		print(w, lang, "all", *total[lang])
	}
	return w.Flush()
}

func sorted(m map[string]*score) []string {
	var keys []string
	for k, s := range m {
		if s.all > 0 {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func print(w *tabwriter.Writer, lang, folder string, s score) {
	ratio := func(a, b int) float64 { return float64(a) / float64(max(1, b)) }
	_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%.3f\t%d\t%d\t%d\t%d\t%.3f\t%.1f\t\n", lang, folder, s.files, s.expected, s.found, ratio(s.found, s.expected),
		s.name, s.ends, s.all, s.allFound, ratio(s.allFound, s.all), float64(s.bytes)/1e6/max(s.took.Seconds(), 1e-9))
}

// A tag is a function as ctags reports it.
type tag struct {
	Name string `json:"name"`
	Path string `json:"path"`
	Kind string `json:"kind"`
	Line int    `json:"line"`
	End  int    `json:"end"`
	Doc  bool   `json:"doc"` // Python: it has a docstring
}

// expect lists the functions of a folder by file.
func expect(folder, tagFile string) (map[string][]tag, error) {
	var data []byte
	var err error
	if tagFile != "" {
		data, err = os.ReadFile(tagFile)
	} else {
		var stderr bytes.Buffer
		cmd := exec.Command("ctags", "--output-format=json", "--fields=+ne", "--links=no", "-R", "-o", "-", folder)
		cmd.Stderr = &stderr
		if data, err = cmd.Output(); errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("ctags is not on PATH: install universal-ctags, or name a file with -tags")
		} else if err != nil {
			err = fmt.Errorf("ctags %s: %w: %s", folder, err, stderr.Bytes())
		}
	}
	if err != nil {
		return nil, err
	}
	if tagFile == "" {
		python, err := exec.Command("python3", "-c", pythonTags, folder).Output()
		if err != nil && !errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("python3 over %s: %w", folder, err)
		}
		data = append(data, python...)
	}
	out := map[string][]tag{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var t tag
		if json.Unmarshal(lines.Bytes(), &t) != nil {
			continue
		}
		if strings.HasSuffix(t.Path, ".py") != (t.Kind == "def") {
			continue
		}
		switch t.Kind {
		case "def", "function", "method", "singletonMethod", "func":
			if !strings.HasPrefix(t.Name, "AnonymousFunction") && !strings.HasPrefix(t.Name, "anonymousFunction") && !strings.HasPrefix(t.Name, "__anon") {
				out[t.Path] = append(out[t.Path], t)
			}
		}
	}
	return out, lines.Err()
}

// pythonTags prints what ctags would of the Python files in a folder.
const pythonTags = `
import ast, json, os, sys, warnings
warnings.simplefilter("ignore")
def visit(node, path):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            print(json.dumps({"name": child.name, "path": path, "kind": "def", "line": child.lineno, "end": child.end_lineno, "doc": ast.get_docstring(child) is not None}))
        elif not isinstance(child, ast.Lambda):
            visit(child, path)
for folder, _, files in os.walk(sys.argv[1]):
    for name in files:
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            try:
                visit(ast.parse(open(path, "rb").read()), path)
            except (SyntaxError, ValueError):
                pass
`

func measure(folder string, expected map[string][]tag, verbose bool) (map[string]*score, error) {
	scores := map[string]*score{}
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(folder, name)
		lang := repo.Lang(language.Of(name, data))
		if !measured[lang] || language.Generated(rel, data) || language.Vendored(rel) {
			return nil
		}
		s := scores[lang]
		if s == nil {
			s = &score{}
			scores[lang] = s
		}
		s.files++
		s.bytes += len(data)
		start := time.Now()
		doc := code.Parse(string(data), rel, lang)
		s.took += time.Since(start)
		lines := strings.Split(string(data), "\n")
		for _, t := range expected[name] {
			s.all++
			documented, first := t.Doc, t.Line
			if lang != "python" {
				documented, first = comment(lines, t.Line, lang)
				if starred[lang] && documented {
					documented = strings.HasPrefix(strings.TrimSpace(lines[first-1]), "/**")
				}
			}
			got := best(doc.Blocks, t, first)
			if got != nil {
				s.allFound++
			}
			if !documented {
				continue
			}
			s.expected++
			if t.End > 0 {
				s.ends++
			}
			right := got != nil && got.Symbol.Doc != "" && (got.Lines[0] == first || lang == "python") && (t.End == 0 || got.Lines[1] == t.End)
			switch {
			case right:
				s.found++
			case got != nil:
				s.name++
			}
			if verbose && !right {
				at := "not found"
				if got != nil {
					at = fmt.Sprintf("found at %v, doc %.20q", got.Lines, got.Symbol.Doc)
				}
				fmt.Printf("%s:%d: %s: lines %d–%d: %s\n", name, t.Line, t.Name, first, t.End, at)
			}
		}
		return nil
	})
	return scores, err
}

var measured = map[string]bool{"go": true, "python": true, "javascript": true, "typescript": true, "tsx": true, "java": true, "c": true, "c++": true, "rust": true, "c#": true, "ruby": true, "php": true}

// best is the block of the function that a tag means: the one with its name
// and line, best with the same lines.
func best(blocks []extract.Block, t tag, first int) *extract.Block {
	var found *extract.Block
	for i := range blocks {
		b := &blocks[i]
		if b.Symbol == nil || t.Line < b.Lines[0] || t.Line > b.Lines[1] {
			continue
		}
		last := b.Symbol.Name[strings.LastIndexByte(b.Symbol.Name, '.')+1:]
		if strings.ReplaceAll(last, " ", "") != strings.ReplaceAll(t.Name, " ", "") && b.Symbol.Kind != "test" {
			continue
		}
		if found == nil || b.Lines[0] == first && found.Lines[0] != first {
			found = b
		}
	}
	return found
}

// comment reports whether the function whose name stands on a line has a
// comment right above it, and on which line that starts.
func comment(lines []string, line int, lang string) (bool, int) {
	at := func(i int) string {
		if i < 1 || i > len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[i-1])
	}
	i := line - 1
	for ; lang != "ruby" && i > line-15; i-- { // attributes, types and modifiers on lines of their own
		l := at(i)
		if l == "" || isComment(l, lang) || strings.HasSuffix(l, "*/") {
			break
		}
		if last := l[len(l)-1]; strings.IndexByte(";{}:", last) >= 0 || strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "#[") {
			return false, 0
		}
	}
	first := 0
	for ; i > 0; i-- {
		l := at(i)
		switch {
		case strings.HasSuffix(l, "*/") && !strings.HasPrefix(l, "/*") && !strings.HasPrefix(l, "//"):
			if strings.Contains(l, "/*") {
				return first > 0, first // behind code
			}
			for i > 1 && !strings.Contains(at(i), "/*") {
				i--
			}
			if !strings.HasPrefix(at(i), "/*") {
				return first > 0, first
			}
		case isComment(l, lang):
		default:
			return first > 0, first
		}
		first = i
	}
	return first > 0, first
}

// starred are the languages whose documentation opens with /**.
var starred = map[string]bool{"javascript": true, "typescript": true, "tsx": true, "java": true, "php": true}

func isComment(l, lang string) bool {
	if lang == "ruby" {
		return strings.HasPrefix(l, "#")
	}
	return strings.HasPrefix(l, "//") || strings.HasPrefix(l, "/*") && strings.HasSuffix(l, "*/") ||
		lang == "php" && strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "#[")
}
