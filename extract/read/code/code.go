// Package code reads source code: a block for each declaration, with its
// comment, its signature and the words of its documentation. Go is parsed.
// Python and Ruby are scanned by their indentation, C, C++, C#, Java,
// JavaScript, PHP, Rust and TypeScript by their brackets: grammars has what is
// known of each, and no more is needed to find declarations, in code that does
// not compile too. Every other language is cut where a line without indentation
// follows a blank one.
package code

import (
	"context"
	"io"
	"math"
	"path"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/verbatim"
)

// Read reads one source file. lang is its language as the blocks show it
// ("go", "python", "c++"), "" when not known. The document's text is the
// file's, with "\n" line ends, and the blocks cover it.
//
// A file that does not parse is cut like a language we do not know, with a
// warning.
func Read(_ context.Context, r io.Reader, name, lang string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	d := Parse(src, name, lang)
	d.Warnings = append(warnings, d.Warnings...)
	return d, nil
}

// Parse is Read for text that has been decoded.
func Parse(src, name, lang string) *extract.Document {
	w := verbatim.New(src, extract.Code)
	w.Kind = extract.Repository
	w.Title = path.Base(name)
	switch lang {
	case "go":
		if err := golang(w, src, name); err != nil {
			w.Warn("not valid Go, cut at blank lines: %v", err)
			plain(w, src, 0, len(src))
		}
	case "python":
		python(w, src, name)
	case "ruby":
		ruby(w, src, name)
	default:
		if g := grammars[lang]; g != nil && len(src) < math.MaxInt32 {
			scanned(w, src, name, lang, g)
		} else {
			plain(w, src, 0, len(src))
		}
	}
	d := w.Done()
	for i := range d.Blocks {
		d.Blocks[i].Lang = lang
	}
	return d
}

// minBlock is the length in bytes below which plain does not cut: a line of
// its own says little.
const minBlock = 200

// plain cuts src[start:end] before each line without indentation that follows
// a blank line and does not close what came before.
func plain(w *verbatim.Writer, src string, start, end int) {
	blank := false
	for at := start; at < end; {
		next := end
		if i := strings.IndexByte(src[at:end], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := src[at:next]
		switch {
		case strings.TrimSpace(line) == "":
			blank = true
		case blank && at-start >= minBlock && !strings.ContainsAny(line[:1], " \t}])") && !strings.HasPrefix(line, "end"):
			w.Add(start, at, extract.Block{Kind: extract.Code})
			start, blank = at, false
		default:
			blank = false
		}
		at = next
	}
	w.Add(start, end, extract.Block{Kind: extract.Code})
}
