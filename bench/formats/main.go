// Formats holds what our readers find in EPUB, HTML, Markdown, Word and LaTeX
// files against what pandoc finds in them:
//
//	go run ./bench/formats FOLDER…
//
// A line a file: the share of pandoc's words that we have too (mathematics and
// raw markup left out, for pandoc writes them its own way), the share of its
// headings, and how long both took. The closing lines are means by format.
// With -words the words that are missing follow each file.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/unicode/norm"

	"seedbed/extract"
	"seedbed/extract/read"
	"seedbed/extract/read/html"
	"seedbed/extract/read/latex"
)

// formats are pandoc's names for what it reads, by the end of a file's name.
var formats = map[string]string{
	".docx": "docx", ".epub": "epub", ".html": "html", ".htm": "html",
	".md": "gfm+tex_math_dollars+footnotes+yaml_metadata_block", ".tex": "latex", ".odt": "odt", ".rst": "rst",
}

func main() {
	only := flag.String("only", "", "one ending, such as .docx")
	least := flag.Int("least", 200, "words below which a file is left out")
	most := flag.Int("most", 0, "files of an ending at most, 0 for all")
	missing := flag.Bool("words", false, "print the words and headings that are missing")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Args(), *only, *least, *most, *missing); err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}

// A result is how much of what pandoc found in a file we found too.
type result struct {
	words, headings    float64
	ours, pandoc       time.Duration
	lost, lostHeadings []string
}

func run(folders []string, only string, least, most int, missing bool) error {
	files := map[string][]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			end := strings.ToLower(filepath.Ext(path))
			if err == nil && d.Type().IsRegular() && formats[end] != "" && (only == "" || only == end) {
				files[end] = append(files[end], path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	means := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "words\theadings\tours\tpandoc\tfile")
	_, _ = fmt.Fprintln(means, "\nformat\tfiles\twords\theadings\tour time / pandoc's")
	for _, end := range slices.Sorted(maps.Keys(files)) {
		var sum result
		n, headed := 0, 0
		for _, path := range files[end] {
			if most > 0 && n == most {
				break
			}
			r, ok, err := compare(path, formats[end], least)
			if err != nil {
				_, _ = fmt.Fprintf(out, "\t\t\t\t%s: %v\n", path, err)
			}
			if !ok {
				continue
			}
			n++
			sum.words += r.words
			sum.ours += r.ours
			sum.pandoc += r.pandoc
			shown := "–"
			if r.headings >= 0 {
				headed++
				sum.headings += r.headings
				shown = fmt.Sprintf("%.3f", r.headings)
			}
			_, _ = fmt.Fprintf(out, "%.3f\t%s\t%v\t%v\t%s\n", r.words, shown, r.ours.Round(time.Millisecond), r.pandoc.Round(time.Millisecond), path)
			if missing {
				for _, h := range r.lostHeadings {
					_, _ = fmt.Fprintf(out, "\t\t\t\t  # %.100s\n", h)
				}
				for line := range slices.Chunk(r.lost, 12) {
					_, _ = fmt.Fprintf(out, "\t\t\t\t  %s\n", strings.Join(line, " "))
				}
			}
		}
		if n > 0 {
			_, _ = fmt.Fprintf(means, "%s\t%d\t%.4f\t%.4f\t%.2f\n", end, n, sum.words/float64(n), sum.headings/float64(max(headed, 1)), float64(sum.ours)/float64(sum.pandoc))
		}
	}
	return cmp.Or(out.Flush(), means.Flush())
}

// compare reads one file with both. It is not ok where pandoc cannot read it
// or finds fewer words than least.
func compare(path, format string, least int) (r result, ok bool, err error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "pandoc", "-f", format, "-t", "json", filepath.Base(path))
	cmd.Dir = filepath.Dir(path)
	if format == "html" {
		data, err := os.ReadFile(path)
		if err != nil {
			return r, false, err
		}
		if !utf8.Valid(data) { // all that pandoc reads
			if cmd.Stdin, err = charset.NewReader(bytes.NewReader(data), ""); err != nil {
				return r, false, err
			}
			cmd.Args = cmd.Args[:len(cmd.Args)-1]
		}
	}
	tree, err := cmd.Output()
	if err != nil {
		return r, false, nil // nothing to compare with
	}
	r.pandoc = time.Since(begin)
	var theirs pandoc
	if err := theirs.read(tree); err != nil {
		return r, false, err
	}
	want := words(theirs.text.String())
	if len(want) < least {
		return r, false, nil
	}
	begin = time.Now()
	doc, err := document(ctx, path)
	r.ours = time.Since(begin)
	if err != nil {
		r.headings = 0
		return r, true, err
	}
	r.words, r.lost = share(words(doc.Text), want)
	r.headings = -1
	if len(theirs.headings) > 0 {
		r.headings, r.lostHeadings = headed(doc, theirs.headings)
	}
	return r, true, nil
}

// document reads a file. LaTeX takes in what stands in its folder, as pandoc does.
func document(ctx context.Context, path string) (*extract.Document, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".html", ".htm": // pandoc knows no article
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return html.Whole(ctx, f, filepath.Base(path))
	case ".tex":
	default:
		return read.File(ctx, path, read.Options{})
	}
	folder := filepath.Dir(path)
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() > 1<<20 {
			return err
		}
		rel, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	doc, _, err := latex.Project(ctx, files, filepath.Base(path))
	return doc, err
}

// headed is how much of want stands in headings of the document, in order and
// perhaps with a formula or a number among its words, and what does not.
func headed(doc *extract.Document, want []string) (float64, []string) {
	var got [][]string
	for _, b := range doc.Blocks {
		if b.Kind == extract.Heading {
			got = append(got, words(b.Text))
		}
	}
	var lost []string
	for _, h := range want {
		i := slices.IndexFunc(got, func(g []string) bool { return within(strings.Fields(h), g) })
		if i < 0 {
			lost = append(lost, h)
			continue
		}
		got = slices.Delete(got, i, i+1)
	}
	return 1 - float64(len(lost))/float64(len(want)), lost
}

// within reports whether all words stand in text, in their order.
func within(words, text []string) bool {
	for _, w := range text {
		if len(words) > 0 && words[0] == w {
			words = words[1:]
		}
	}
	return len(words) == 0
}

// share is how much of want is in got, and what is not.
func share(got, want []string) (float64, []string) {
	have := map[string]int{}
	for _, w := range got {
		have[w]++
	}
	var lost []string
	for _, w := range want {
		if have[w] > 0 {
			have[w]--
		} else {
			lost = append(lost, w)
		}
	}
	return 1 - float64(len(lost))/float64(len(want)), lost
}

// words are the runs of letters and digits of a text, in lower case.
func words(text string) []string {
	text = strings.ToLower(norm.NFKC.String(strings.ReplaceAll(text, "\u00ad", "")))
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
}

// heading is a heading's words.
func heading(s string) string { return strings.Join(words(s), " ") }

// pandoc is what pandoc's document tree holds.
type pandoc struct {
	text     strings.Builder
	headings []string
}

func (p *pandoc) read(tree []byte) error {
	var doc struct {
		Blocks json.RawMessage `json:"blocks"`
	}
	if err := json.Unmarshal(tree, &doc); err != nil {
		return err
	}
	var blocks any
	if err := json.NewDecoder(bytes.NewReader(doc.Blocks)).Decode(&blocks); err != nil {
		return err
	}
	p.walk(blocks)
	return nil
}

// walk collects the text of a node: an element is {"t": name, "c": content}.
func (p *pandoc) walk(node any) {
	switch v := node.(type) {
	case []any:
		for _, n := range v {
			p.walk(n)
		}
	case map[string]any:
		content, _ := v["c"].([]any)
		switch v["t"] {
		case "Str":
			s, _ := v["c"].(string)
			p.text.WriteString(s)
		case "Space", "SoftBreak", "LineBreak":
			p.text.WriteByte(' ')
		case "Math", "RawInline", "RawBlock", "Image":
			p.text.WriteByte(' ')
		case "Code", "CodeBlock":
			s, _ := content[1].(string)
			p.text.WriteString(s)
			if v["t"] == "CodeBlock" {
				p.text.WriteByte('\n')
			}
		case "Header":
			before := p.text.Len()
			p.walk(content[2])
			if h := heading(p.text.String()[before:]); h != "" {
				p.headings = append(p.headings, h)
			}
			p.text.WriteByte('\n')
		case "Link", "Span", "Div", "Cite":
			// A reference to a label is shown as the label's name.
			if attrs, _ := json.Marshal(content[0]); !bytes.Contains(attrs, []byte("reference-type")) {
				p.walk(content[1])
			}
		case "DefinitionList": // pairs of a term and what is said of it
			for _, pair := range content {
				for _, part := range pair.([]any) {
					p.walk(part)
					p.text.WriteByte('\n')
				}
			}
		case "Note":
			p.text.WriteByte(' ')
			p.walk(v["c"])
		default:
			p.walk(v["c"])
		}
		switch v["t"] {
		case "Para", "Plain", "LineBlock", "Div", "Note", "Figure":
			p.text.WriteByte('\n')
		}
	}
}
