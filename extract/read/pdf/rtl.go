package pdf

import (
	"math"
	"slices"
	"unicode"

	"golang.org/x/text/unicode/bidi"

	"seedbed/extract"
)

// rightToLeft reports whether most letters are of a script that runs so.
func rightToLeft(glyphs []glyph) bool {
	n := 0
	for _, g := range glyphs {
		switch {
		case !visible(g):
		case leftward(g.r):
			n++
		case unicode.IsLetter(g.r):
			n--
		}
	}
	return n > 0
}

// leftward reports whether a letter belongs to a script that runs to the left.
func leftward(r rune) bool {
	if r < 0x590 {
		return false
	}
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// logical puts the glyphs of a line that runs to the left in the order in
// which they are read. An engine may give the words from left to right, the
// letters of each in either order. Where a number or a foreign word stands in
// the line, it runs to the right. Spaces are put where there is room for them.
func logical(glyphs []glyph) []glyph {
	var runs [][]glyph // that stand together and in their order
	for _, g := range glyphs {
		if !visible(g) {
			continue
		}
		if n := len(runs); n > 0 && follows(runs[n-1], g) {
			runs[n-1] = append(runs[n-1], g)
		} else {
			runs = append(runs, []glyph{g})
		}
	}
	slices.SortStableFunc(runs, func(a, b []glyph) int {
		return int(math.Copysign(1, middle(b)-middle(a)))
	})
	var out []glyph
	put := func(run []glyph) {
		if n := len(out); n > 0 {
			a, b := extent(out[n-1:]), extent(run)
			if max(a.X0-b.X1, b.X0-a.X1) > 0.12*run[0].size {
				out = append(out, glyph{r: ' '})
			}
		}
		out = append(out, run...)
	}
	for i := 0; i < len(runs); {
		j := i // the end of what runs to the right
		for k := i; k < len(runs) && !leftward(runs[k][0].r); k++ {
			if strong(runs[k]) {
				j = k + 1
			}
		}
		if j == i || !strong(runs[i]) {
			put(runs[i])
			i++
			continue
		}
		for k := j - 1; k >= i; k-- {
			put(runs[k])
		}
		i = j
	}
	return out
}

// follows reports whether g is the next letter of a run.
func follows(run []glyph, g glyph) bool {
	last := run[len(run)-1]
	near := 0.1 * g.size
	if unicode.IsMark(g.r) || g.box.X0 >= last.box.X0-near && g.box.X1 <= last.box.X1+near {
		return true // a sign on the last letter, or the rest of a ligature
	}
	if leftward(run[0].r) {
		return leftward(g.r) && math.Abs(last.box.X0-g.box.X1) < near
	}
	return !leftward(g.r) && (strong(run) || len(run) == 0) && math.Abs(g.box.X0-last.box.X1) < near
}

// strong reports whether a run has a letter or a digit that runs to the right.
func strong(run []glyph) bool {
	return slices.ContainsFunc(run, func(g glyph) bool {
		return !leftward(g.r) && (unicode.IsLetter(g.r) || unicode.IsDigit(g.r))
	})
}

func middle(run []glyph) float64 { b := extent(run); return b.X0 + b.X1 }

func extent(run []glyph) extract.Box {
	var b extract.Box
	for _, g := range run {
		b = union(b, g.box)
	}
	return b
}

// mirror turns lines over, so that they begin at the left and can be analysed
// like any others.
func mirror(ls []line, width float64) {
	for i := range ls {
		ls[i].box = mirrored(ls[i].box, width)
		for j, c := range ls[i].cells {
			ls[i].cells[j].x0, ls[i].cells[j].x1 = width-c.x1, width-c.x0
		}
	}
}

func mirrored(b extract.Box, width float64) extract.Box {
	b.X0, b.X1 = width-b.X1, width-b.X0
	return b
}
