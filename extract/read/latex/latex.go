// Package latex reads LaTeX sources without running them: sections, theorems
// and proofs, exercises and solutions under the labels they are printed with,
// lists, tables and code, and formulas as they are written. Files that a
// source takes in come from the same archive or not at all.
package latex

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
)

// Read reads one source by itself. What it takes in from other files is
// missing, with a warning.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	d, err := document(ctx, name, src, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	for i := range d.Blocks {
		d.Blocks[i].File = ""
	}
	d.Warnings = append(warnings, d.Warnings...)
	return d, nil
}

// Project reads a paper of several files, by their names in an archive, as
// the one document that main takes them into. Each block's File is the file
// it stands in. Taken are the names of the files that it looked into.
func Project(ctx context.Context, files map[string][]byte, main string) (d *extract.Document, taken []string, err error) {
	var warnings []string
	text := map[string]string{}
	file := func(name string) (string, bool) {
		if s, ok := text[name]; ok {
			return s, true
		}
		data, ok := files[name]
		if !ok {
			return "", false
		}
		s, ws, err := charset.Decode(data, "")
		if err != nil {
			return "", true // empty: nothing is missing
		}
		for _, w := range ws {
			warnings = append(warnings, name+": "+w)
		}
		text[name] = s
		return s, true
	}
	src, ok := file(main)
	if !ok {
		return nil, nil, fmt.Errorf("read %s: %w: the archive has no such file", main, readerr.ErrCorrupt)
	}
	d, err = document(ctx, main, src, file)
	if err != nil {
		return nil, nil, err
	}
	d.Warnings = append(warnings, d.Warnings...)
	return d, slices.Sorted(maps.Keys(text)), nil
}

// Main is the file of an archive that holds a whole document: the one with
// \documentclass that no other file takes in, the shallowest and longest
// where there are several. It is "" if none has one.
func Main(files map[string][]byte) string {
	var names []string
	for name, data := range files {
		if strings.EqualFold(path.Ext(name), ".tex") && IsDocument(data) {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		if x, y := strings.Count(a, "/"), strings.Count(b, "/"); x != y {
			return x < y
		}
		if x, y := favourite(a), favourite(b); x != y {
			return x
		}
		if x, y := len(files[a]), len(files[b]); x != y {
			return x > y
		}
		return a < b
	})
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func favourite(name string) bool {
	switch strings.ToLower(path.Base(name)) {
	case "main.tex", "ms.tex", "paper.tex", "book.tex", "thesis.tex":
		return true
	}
	return false
}

// IsDocument reports whether a source is a whole document, not a part of one.
func IsDocument(src []byte) bool {
	return (bytes.Contains(src, []byte(`\documentclass`)) || bytes.Contains(src, []byte(`\documentstyle`))) && bytes.Contains(src, []byte(`\begin{document}`))
}

// document reads a source twice: once for the numbers that references name,
// and once for the text.
func document(ctx context.Context, name, src string, file func(string) (string, bool)) (*extract.Document, error) {
	var labels map[string]string
	for range 2 {
		p := newParser(ctx, name, file, labels)
		p.root(src)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if labels == nil {
			labels = p.found
			continue
		}
		d := p.w.Done()
		if len(d.Blocks) == 0 {
			return nil, fmt.Errorf("read %s: %w: the source has no text of its own", name, readerr.ErrNoText)
		}
		if d.Title == "" {
			d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
		}
		return d, nil
	}
	return nil, nil // not reached
}
