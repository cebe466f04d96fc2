// Package notebook reads Jupyter notebooks: the Markdown cells and the code
// cells in their order. What the cells printed is left out.
package notebook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
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
		text := strings.ToValidUTF8(c.text(), "\uFFFD")
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\x00", "\uFFFD")
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
}

// text is the cell's source: a string, or a list of lines.
func (c cell) text() string {
	raw := c.Source
	if len(raw) == 0 {
		raw = c.Input
	}
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
