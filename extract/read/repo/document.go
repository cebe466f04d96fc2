package repo

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/asciidoc"
	"seedbed/extract/read/code"
	"seedbed/extract/read/html"
	"seedbed/extract/read/language"
	"seedbed/extract/read/latex"
	"seedbed/extract/read/markdown"
	"seedbed/extract/read/notebook"
	"seedbed/extract/read/pretext"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/rst"
	"seedbed/extract/read/text"
)

// document reads the collected files into one document. root is taken off
// their names.
func (c *collector) document(ctx context.Context, name, root string) (*extract.Document, error) {
	if d, ok, err := c.paper(ctx, name); ok {
		return d, err
	}
	var w extract.Builder
	w.Kind, w.Commit = extract.Repository, c.commit
	var parts []part
	papers, taken := c.papers(ctx)
	for _, f := range c.files {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if c.ignore.match(f.name) { // a tar archive may give its rules last
			c.skips.add(f.name, "ignored by .gitignore")
			continue
		}
		p := part{name: strings.TrimPrefix(f.name, root)}
		attrs := c.attrs.of(f.name)
		if own, asked := attrs["linguist-vendored"]; asked && !own {
			// The repository says it is its own.
		} else if dir := vendored(p.name); dir != "" {
			c.skips.add(root+dir, "vendored")
			continue
		}
		p.lang = language.Of(p.name, f.data[:min(len(f.data), 64<<10)])
		if reason := byContent(p.name, p.lang, f.data, attrs); reason != "" {
			c.skips.add(f.name, reason)
			continue
		}
		if main, ok := taken[f.name]; ok && taken[main] != f.name {
			c.skips.add(f.name, "a part of "+strings.TrimPrefix(main, root))
			continue
		}
		var d *extract.Document
		var err error
		if d, p.paper = papers[f.name]; !p.paper {
			d, err = p.read(ctx, f.data)
		}
		if err != nil {
			c.skips.add(f.name, err.Error())
			continue
		}
		for i, warning := range d.Warnings {
			d.Warnings[i] = p.name + ": " + warning
		}
		p.doc = d
		parts = append(parts, p)
	}
	w.Skipped = c.skips.list(root)
	if len(parts) == 0 {
		return nil, fmt.Errorf("read %s: %w: none of its files can be read%s", name, readerr.ErrNoText, some(w.Skipped))
	}
	order(parts)
	link(parts)
	w.Title = strings.TrimSuffix(root, "/")
	if w.Title == "" {
		w.Title = archiveExt.ReplaceAllString(path.Base(name), "")
	}
	for _, p := range parts {
		w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: p.name, Text: p.name, Locator: extract.Locator{File: p.name}})
		p.deepen()
		file := p.name
		if p.paper { // of several files, which its blocks name
			for i := range p.doc.Blocks {
				p.doc.Blocks[i].File = strings.TrimPrefix(p.doc.Blocks[i].File, root)
			}
			file = ""
		}
		w.Append("\n\n", p.doc, file)
		if licenceName.MatchString(path.Base(p.name)) && !strings.Contains(p.name, "/") && w.License == "" {
			w.License = licence(p.doc.Text)
		}
	}
	return w.Done(), nil
}

// some names up to three of the skipped files.
func some(skipped []extract.SkippedFile) string {
	var s []string
	for _, f := range skipped[:min(len(skipped), 3)] {
		s = append(s, f.File+": "+f.Reason)
	}
	if s == nil {
		return ""
	}
	return " (" + strings.Join(s, "; ") + ")"
}

// A part is one file of the document.
type part struct {
	name  string
	lang  string // as linguist names it
	doc   *extract.Document
	paper bool // LaTeX with the files it takes in
}

// read reads the file by the reader of its format.
func (p *part) read(ctx context.Context, data []byte) (*extract.Document, error) {
	r := bytes.NewReader(data)
	base := path.Base(p.name)
	switch {
	case licenceName.MatchString(base):
		d, err := text.Read(ctx, r, p.name)
		if err == nil {
			for i := range d.Blocks {
				b := &d.Blocks[i]
				*b = extract.Block{Kind: extract.Other, Text: b.Text, Locator: b.Locator, Skip: "licence"}
			}
		}
		return d, err
	case p.lang == "Markdown" || p.lang == "RMarkdown" || p.lang == "MDX":
		return markdown.Read(ctx, r, p.name)
	case pretext.Is(data, strings.ToLower(path.Ext(base))):
		return pretext.Read(ctx, r, p.name)
	case strings.EqualFold(path.Ext(base), ".tex"):
		return latex.Read(ctx, r, p.name)
	case p.lang == "AsciiDoc":
		return asciidoc.Read(ctx, r, p.name)
	case p.lang == "reStructuredText":
		return rst.Read(ctx, r, p.name)
	case p.lang == "HTML":
		return html.Read(ctx, r, p.name)
	case p.lang == "Jupyter Notebook":
		return notebook.Read(ctx, r, p.name)
	case p.lang == "" || p.lang == "Text" || language.KindOf(p.lang) == language.Prose:
		return text.Read(ctx, r, p.name)
	}
	return code.Read(ctx, r, p.name, Lang(p.lang))
}

// Lang is a language's name as blocks show it.
func Lang(name string) string {
	switch name {
	case "Shell":
		return "bash"
	case "Go Module":
		return "gomod"
	}
	return strings.ReplaceAll(strings.ToLower(name), " ", "-")
}

// deepen puts the file's own headings under the one with its path.
func (p *part) deepen() {
	for i := range p.doc.Blocks {
		if b := &p.doc.Blocks[i]; b.Kind == extract.Heading {
			b.Level++
		}
	}
}

// rank puts the README first, then the documents, then the source.
func (p *part) rank() int {
	prose := p.lang == "" || p.lang == "Text" || p.lang == "HTML" || language.KindOf(p.lang) == language.Prose
	top, _, deep := strings.Cut(p.name, "/")
	switch {
	case !deep && isReadme(p.name):
		return 0
	case prose && (!deep || top == "docs" || top == "doc"):
		return 1
	}
	return 2
}

// place is a file's rank within its directory.
func (p *part) place() int {
	switch base := path.Base(p.name); {
	case isReadme(base):
		return 0
	case base == "doc.go" || base == "__init__.py" || manifests.MatchString(base):
		return 1
	}
	return 2
}
