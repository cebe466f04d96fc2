// Package notebook reads Jupyter notebooks: the Markdown cells and the code
// cells in their order, each with what it printed or gave.
package notebook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/html"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/readerr"
)

// Read reads a notebook. Lines of its blocks are not known: the file is JSON,
// and its lines are none that a reader of the notebook sees.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	var nb struct {
		Cells    []cell `json:"cells"`
		Metadata struct {
			Title    string `json:"title"`
			Language struct {
				Name string `json:"name"`
			} `json:"language_info"`
			Kernel struct {
				Language string `json:"language"`
			} `json:"kernelspec"`
			Authors []struct {
				Name string `json:"name"`
			} `json:"authors"`
		} `json:"metadata"`
		Worksheets []struct { // notebooks before version 4
			Cells []cell `json:"cells"`
		} `json:"worksheets"`
	}
	if err := json.Unmarshal([]byte(src), &nb); err != nil {
		return nil, fmt.Errorf("read %s: %w: not a notebook; save it again: %w", name, readerr.ErrCorrupt, err)
	}
	for _, s := range nb.Worksheets {
		nb.Cells = append(nb.Cells, s.Cells...)
	}
	lang := strings.ToLower(nb.Metadata.Language.Name)
	if lang == "" {
		lang = strings.ToLower(nb.Metadata.Kernel.Language)
	}

	var w extract.Builder
	w.Kind, w.Title, w.Warnings = extract.Page, nb.Metadata.Title, warnings
	for _, a := range nb.Metadata.Authors {
		if a.Name != "" {
			w.Authors = append(w.Authors, a.Name)
		}
	}
	for _, c := range nb.Cells {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		text := clean(c.text())
		switch c.Type {
		case "markdown", "heading":
			d := markdown.Parse(text)
			if w.Title == "" {
				w.Title = d.Title
			}
			for i := range d.Blocks {
				d.Blocks[i].Lines = [2]int{}
			}
			w.Append("\n\n", d, "")
		case "code":
			w.Add("\n\n", extract.Block{Kind: extract.Code, Lang: lang, Text: strings.TrimRight(text, " \t\n")})
			for _, o := range c.Outputs {
				o.add(&w)
			}
		default:
			w.Add("\n\n", extract.Block{Kind: extract.Other, Text: text})
		}
	}
	if len(w.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: no cell has any", name, readerr.ErrNoText)
	}
	if w.Title == "" {
		w.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return w.Done(), nil
}

type cell struct {
	Type   string          `json:"cell_type"`
	Source json.RawMessage `json:"source"`
	Input  json.RawMessage `json:"input"` // before version 4

	Outputs []output `json:"outputs"`
}

// text is the cell's source.
func (c cell) text() string {
	raw := c.Source
	if len(raw) == 0 {
		raw = c.Input
	}
	return joined(raw)
}

// joined is a text as notebooks keep it: a string, or a list of lines.
func joined(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		return strings.Join(lines, "")
	}
	return ""
}

// An output is what a code cell printed or gave: a stream, a value in several
// forms by media type, or an error.
type output struct {
	Type      string                     `json:"output_type"`
	Text      json.RawMessage            `json:"text"`
	Data      map[string]json.RawMessage `json:"data"`
	Name      string                     `json:"ename"`
	Value     string                     `json:"evalue"`
	Traceback []string                   `json:"traceback"`
}

// maxOutput bounds what is told of one output, in bytes: a training log says
// the same a thousand times.
const maxOutput = 16 << 10

// add adds what the output tells in words. Pictures tell nothing.
func (o output) add(w *extract.Builder) {
	switch {
	case o.Type == "error" || o.Type == "pyerr":
		printed(w, o.Name+": "+o.Value)
	case o.Data["text/markdown"] != nil:
		d := markdown.Parse(clean(joined(o.Data["text/markdown"])))
		for i := range d.Blocks {
			d.Blocks[i].Lines = [2]int{}
			if b := &d.Blocks[i]; b.Kind == extract.Heading { // it opens no section of the notebook
				b.Kind, b.Level, b.Title = extract.Paragraph, 0, ""
			}
		}
		w.Append("\n\n", d, "")
	case o.Data["text/html"] != nil && isTable(o.Data["text/html"]):
		d, err := html.Read(context.Background(), strings.NewReader(clean(joined(o.Data["text/html"]))), "output.html")
		if err == nil {
			w.Append("\n\n", d, "")
			return
		}
		printed(w, joined(o.Data["text/plain"]))
	case o.Data["text/latex"] != nil:
		w.Add("\n\n", extract.Block{Kind: extract.Formula, Text: strings.TrimSpace(clean(joined(o.Data["text/latex"])))})
	case o.Data["text/plain"] != nil:
		if plain := joined(o.Data["text/plain"]); o.Data["image/png"] == nil && o.Data["image/svg+xml"] == nil || !strings.HasPrefix(plain, "<") {
			printed(w, plain)
		}
	default: // a stream, or a value before version 4
		printed(w, joined(o.Text))
	}
}

// isTable reports whether HTML shows a table, such as a data frame: its plain
// form loses the columns.
func isTable(raw json.RawMessage) bool { return strings.Contains(joined(raw), "<table") }

// printed adds what stood on a terminal.
func printed(w *extract.Builder, s string) {
	s = strings.TrimRight(lasting(ansi.ReplaceAllString(clean(s), "")), " \t\n")
	if len(s) > maxOutput {
		cut := strings.LastIndexByte(s[:maxOutput], '\n')
		if cut <= 0 {
			cut = maxOutput
		}
		w.Warn("an output of %d KB was cut after %d KB", len(s)>>10, cut>>10)
		s = strings.ToValidUTF8(s[:cut], "")
	}
	w.Add("\n\n", extract.Block{Kind: extract.Code, Lang: "text", Text: s})
}

// ansi are the colours of terminals.
var ansi = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// lasting is what stays on a terminal of lines that were written over, as
// progress bars are.
func lasting(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, "\r")
		lines[i] = l[strings.LastIndexByte(l, '\r')+1:]
	}
	return strings.Join(lines, "\n")
}

// clean is text without what no document may hold.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\x00", "\uFFFD")
}
