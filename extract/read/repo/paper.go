package repo

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/latex"
)

// paperFiles are what the sources of a paper consist of, by ending.
var paperFiles = map[string]bool{
	".tex": true, ".ltx": true, ".bbl": true, ".bib": true, ".bst": true, ".sty": true, ".cls": true, ".clo": true, ".def": true, ".cfg": true, ".fd": true, ".tikz": true,
	".eps": true, ".ps": true, ".pdf_tex": true, ".pdf_t": true, ".pstex_t": true, ".pgf": true, ".aux": true, ".out": true, ".toc": true, ".log": true, ".ind": true, ".nls": true, ".gls": true,
	".txt": true, ".md": true, ".dat": true, ".csv": true, ".json": true, ".xml": true, ".yml": true, ".yaml": true, "": true,
}

// paper reads an archive that holds the LaTeX sources of one paper, as
// preprint servers hand them out. It reports false for any other archive.
func (c *collector) paper(ctx context.Context, name string) (*extract.Document, bool, error) {
	files := map[string][]byte{}
	for _, f := range c.files {
		if strings.HasPrefix(f.name, "anc/") || strings.Contains(f.name, "/anc/") || c.ignore.match(f.name) {
			continue
		}
		files[f.name] = f.data
	}
	main := latex.Main(files)
	if main == "" || strings.Count(main, "/") > 2 {
		return nil, false, nil
	}
	sources, foreign := 0, 0
	var tex strings.Builder
	for f, data := range files {
		if strings.EqualFold(path.Ext(f), ".tex") {
			tex.Write(data)
		}
	}
	for f := range files {
		ext := strings.ToLower(path.Ext(f))
		switch shown := strings.Contains(tex.String(), path.Base(f)); { // as a listing
		case ext == ".tex" || shown:
			sources++
		case !paperFiles[ext] && path.Base(f) != "Makefile":
			foreign++
		}
	}
	if foreign*4 > sources {
		return nil, false, nil // code: the repository is more than a paper
	}
	d, taken, err := latex.Project(ctx, files, main)
	if err != nil {
		return nil, true, fmt.Errorf("%s: %w", name, err)
	}
	for f := range files {
		if path.Ext(f) != ".tex" || !latex.IsDocument(files[f]) || slices.Contains(taken, f) {
			continue
		}
		if path.Dir(f) != path.Dir(main) {
			return nil, false, nil // several papers
		}
		c.skips.add(f, "a document of its own: upload it by itself")
	}
	d.Skipped = c.skips.list("")
	return d, true, nil
}

// papers reads the LaTeX documents of a repository, by their files' names, and
// finds the files that are a part of one: taken tells of which.
func (c *collector) papers(ctx context.Context) (read map[string]*extract.Document, taken map[string]string) {
	read, taken = map[string]*extract.Document{}, map[string]string{}
	files := map[string][]byte{}
	for _, f := range c.files {
		files[f.name] = f.data
	}
	for _, f := range c.files {
		if strings.EqualFold(path.Ext(f.name), ".tex") && latex.IsDocument(f.data) {
			d, parts, err := latex.Project(ctx, files, f.name)
			if err != nil {
				continue // it is read again by itself, and says why not
			}
			read[f.name] = d
			for _, p := range parts {
				if p != f.name && strings.EqualFold(path.Ext(p), ".tex") {
					taken[p] = f.name
				}
			}
		}
	}
	return read, taken
}
