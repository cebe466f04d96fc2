// Package verbatim writes documents whose text is the source itself: every
// block is a slice of it, and what no block claims becomes a block of its own,
// so that no character is lost.
package verbatim

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// A Writer marks stretches of a source as blocks, front to back.
type Writer struct {
	extract.Document
	src   string
	at    int // bytes passed
	runes int // code points in src[:at]
	lines int // line feeds in src[:at]
	rest  extract.BlockKind
}

// New returns a writer over src, which has to be valid UTF-8. Text that no
// Add covers becomes blocks of kind rest.
func New(src string, rest extract.BlockKind) *Writer {
	return &Writer{src: src, rest: rest}
}

// Grow makes room for n more blocks.
func (w *Writer) Grow(n int) { w.Blocks = slices.Grow(w.Blocks, n) }

// Add makes src[start:end] a block, without the blank lines before it and the
// white space after it. It sets b's Text, Start, End and Lines. A start before
// the end of the last block is moved there.
func (w *Writer) Add(start, end int, b extract.Block) {
	start = max(start, w.at)
	if start >= end {
		return
	}
	if from, to := trim(w.src, w.at, start); from < to {
		w.add(from, to, extract.Block{Kind: w.rest})
	}
	if from, to := trim(w.src, start, end); from < to {
		w.add(from, to, b)
	}
}

func (w *Writer) add(start, end int, b extract.Block) {
	w.pass(start)
	b.Start, b.Lines[0] = w.runes, w.lines+1
	w.pass(end)
	b.End, b.Lines[1] = w.runes, w.lines+1
	b.Text = w.src[start:end]
	w.Blocks = append(w.Blocks, b)
}

func (w *Writer) pass(to int) {
	w.runes += utf8.RuneCountInString(w.src[w.at:to])
	w.lines += strings.Count(w.src[w.at:to], "\n")
	w.at = to
}

// Done returns the document. The writer must not be used after it.
func (w *Writer) Done() *extract.Document {
	if from, to := trim(w.src, w.at, len(w.src)); from < to {
		w.add(from, to, extract.Block{Kind: w.rest})
	}
	w.Text = w.src
	return &w.Document
}

// trim narrows src[start:end] to what is not blank: from the start of its
// first line with text, so that indentation stays, to the last character that
// is not white space.
func trim(src string, start, end int) (int, int) {
	s := strings.TrimRightFunc(src[start:end], unicode.IsSpace)
	blank := len(s) - len(strings.TrimLeftFunc(s, unicode.IsSpace))
	if i := strings.LastIndexByte(s[:blank], '\n'); i >= 0 {
		start += i + 1
		s = s[i+1:]
	}
	return start, start + len(s)
}
