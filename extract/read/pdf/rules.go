//go:build !nowasm

package pdf

import (
	"math"

	"seedbed/extract"
)

// maxObjects is how many of a page's objects are looked at for rules.
const maxObjects = 4000

// rules are the thin lines that are drawn across a page: those of fractions,
// of roots, of tables.
func (w *wasm) rules(page uint64, place placement) []extract.Box {
	const path = 2
	var out []extract.Box
	n := int32(w.call("FPDFPage_CountObjects", page))
	for i := range min(n, maxObjects) {
		o := w.call("FPDFPage_GetObject", page, uint64(i))
		if o == 0 || w.call("FPDFPageObj_GetType", o) != path ||
			w.call("FPDFPageObj_GetBounds", o, w.room, w.room+4, w.room+8, w.room+12) == 0 {
			continue
		}
		b := w.floats(4) // left, bottom, right, top
		box := place.box(b[0], b[1], b[2], b[3])
		if box.Y1-box.Y0 < maxRule && box.X1-box.X0 > 2*maxRule {
			out = append(out, box)
		}
	}
	return out
}

// maxRule is how thick a rule may be.
const maxRule = 2

// stacked reports whether a page has something that stands under something
// else as the parts of a fraction do, so that its rules are worth asking for.
func stacked(glyphs []glyph) bool {
	var runs []line // the last ones
	from := 0
	for i, g := range glyphs {
		if g.r != '\n' {
			continue
		}
		run := glyphs[from:i]
		from = i + 1
		l := line{box: extent(run)}
		for j, g := range run {
			l.base, l.size = max(l.base, g.base), max(l.size, g.size)
			if j > 0 && visible(g) && visible(run[j-1]) && g.base > run[j-1].base+0.4*g.size && g.box.X0 < run[j-1].box.X1-0.2*g.size {
				return true
			}
		}
		for j := range runs {
			over := runs[len(runs)-1]
			for _, r := range runs[j:] {
				over.box, over.base = union(over.box, r.box), max(over.base, r.base)
			}
			if step := l.base - over.base; step > 0.5*l.size && step < 1.7*l.size && over.width() < 20*l.size &&
				math.Abs(over.box.X0+over.box.X1-l.box.X0-l.box.X1) < 0.6*l.size {
				return true
			}
		}
		if runs = append(runs, l); len(runs) > 3 {
			runs = runs[1:]
		}
	}
	return false
}
