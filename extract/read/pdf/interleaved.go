package pdf

import (
	"cmp"
	"math"
	"slices"

	"seedbed/extract"
)

// A run is a stretch of glyphs between line feeds, wide gaps and leaps.
type run struct {
	glyphs []glyph
	box    extract.Box
	base   float64
	size   float64
	column int // -1 reaches across a gutter
}

func (r run) width() float64 { return r.box.X1 - r.box.X0 }

// uninterleaved puts the columns of a page one after the other that its file
// draws line by line across all of them, which engines follow. It wants proof
// that they are columns of prose, and that they are drawn so; any other page
// stays as it is.
func uninterleaved(glyphs []glyph) []glyph {
	runs := runsOf(glyphs)
	const leastRuns = 12 // of a column
	if len(runs) < 2*leastRuns || rightToLeft(glyphs) {
		return glyphs
	}
	columns := inkColumns(runs)
	if len(columns) < 2 {
		return glyphs
	}
	runs = cutAt(runs, columns)
	for k, c := range columns {
		n, full := 0, 0
		for _, r := range runs {
			if r.column != k {
				continue
			}
			if n++; r.width() > 0.7*(c.to-c.from) {
				full++
			}
		}
		if n < leastRuns || full*2 < n { // of prose most lines are full; the cells of a table are not
			return glyphs
		}
	}
	leaps := 0
	for i := range runs[1:] {
		if a, b := runs[i].column, runs[i+1].column; a >= 0 && b >= 0 && a != b {
			leaps++
		}
	}
	if leaps*4 < len(runs) {
		return glyphs
	}
	return inColumnOrder(runs, len(columns))
}

// runsOf cuts a page's glyphs into runs, in their order.
func runsOf(glyphs []glyph) []run {
	var out []run
	from := 0
	var prev glyph
	end := func(to int) {
		if r := newRun(glyphs[from:to]); r.size > 0 {
			out = append(out, r)
		}
		from, prev = to, glyph{}
	}
	for i, g := range glyphs {
		switch {
		case g.r == '\n':
			end(i)
			from = i + 1
		case !visible(g):
		case prev.size > 0 && (g.box.X0-prev.box.X1 > 1.2*g.size || g.box.X1 < prev.box.X0-2*g.size):
			end(i)
			prev = g
		default:
			prev = g
		}
	}
	end(len(glyphs))
	return out
}

// cutAt cuts runs where they have white across the middle of a gutter, and says
// in which column each one is.
func cutAt(runs []run, columns []span) []run {
	var middles []float64
	for i := range columns[1:] {
		middles = append(middles, (columns[i].to+columns[i+1].from)/2)
	}
	column := func(x float64) int { k, _ := slices.BinarySearch(middles, x); return k }
	var out []run
	for _, r := range runs {
		from := 0
		var prev glyph
		for i, g := range r.glyphs {
			if !visible(g) {
				continue
			}
			if prev.size > 0 && column(prev.box.X1) < column(g.box.X0) && g.box.X0-prev.box.X1 > 0.5*g.size {
				out, from = append(out, newRun(r.glyphs[from:i])), i
			}
			prev = g
		}
		out = append(out, newRun(r.glyphs[from:]))
	}
	for i := range out {
		out[i].column = column(out[i].box.X0)
		if column(out[i].box.X1) != out[i].column {
			out[i].column = -1
		}
	}
	return out
}

func newRun(glyphs []glyph) run {
	r := run{glyphs: glyphs, box: extent(glyphs)}
	for _, g := range glyphs {
		if visible(g) {
			r.size, r.base = max(r.size, g.size), max(r.base, g.base)
		}
	}
	return r
}

// A span is a stretch across the page.
type span struct{ from, to float64 }

// inkColumns are the columns between gutters: stretches across the page that
// hardly a run reaches into.
func inkColumns(runs []run) []span {
	left, right, size := math.Inf(1), math.Inf(-1), 0.0
	for _, r := range runs {
		left, right, size = min(left, r.box.X0), max(right, r.box.X1), size+r.size/float64(len(runs))
	}
	if width := right - left; width <= 0 || width > 10_000 {
		return nil
	}
	ink := make([]int, int(right-left)+2)
	for _, r := range runs {
		for x := int(r.box.X0 - left); x <= int(r.box.X1-left); x++ {
			ink[x]++
		}
	}
	few := max(2, len(runs)/30)
	var out []span
	at := 0
	for x := 0; x <= len(ink); x++ {
		if x < len(ink) && ink[x] <= few {
			continue
		}
		// Ink again at x, after white from at on.
		if n := len(out); n > 0 && float64(x-at) < 0.6*size {
			out[n-1].to = left + float64(min(x+1, len(ink)))
		} else if x < len(ink) {
			out = append(out, span{left + float64(x), left + float64(x+1)})
		}
		at = x + 1
	}
	return slices.DeleteFunc(out, func(s span) bool { return s.to-s.from < 3*size })
}

// inColumnOrder puts runs together column by column, between the runs that
// reach across.
func inColumnOrder(runs []run, columns int) []glyph {
	var across []float64
	for _, r := range runs {
		if r.column < 0 {
			across = append(across, r.base)
		}
	}
	slices.Sort(across)
	// place is the band of a run, between two that reach across, and its column
	// there; what reaches across comes last in its band.
	place := func(r run) (band, column int) {
		band, _ = slices.BinarySearch(across, r.base)
		if r.column < 0 {
			return band, columns
		}
		return band, r.column
	}
	sorted := slices.Clone(runs)
	slices.SortStableFunc(sorted, func(a, b run) int {
		bandA, columnA := place(a)
		bandB, columnB := place(b)
		return cmp.Or(bandA-bandB, columnA-columnB, cmp.Compare(a.base, b.base))
	})
	var out []glyph
	for i := 0; i < len(sorted); {
		j := i + 1
		for j < len(sorted) && sorted[j].column == sorted[i].column && sorted[j].base < sorted[i].base+0.4*sorted[i].size && sorted[j].base >= sorted[i].base {
			j++
		}
		row := sorted[i:j]
		slices.SortStableFunc(row, func(a, b run) int { return cmp.Compare(a.box.X0, b.box.X0) })
		for k, r := range row {
			if k > 0 {
				out = append(out, glyph{r: ' '})
			}
			out = append(out, r.glyphs...)
		}
		out = append(out, glyph{r: '\n'})
		i = j
	}
	return out
}
