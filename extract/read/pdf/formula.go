package pdf

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// A row gathers the pieces that stand beside, above and under each other in
// one row of a page: a line with its exponents, or a formula with fractions
// and with limits on its sums.
type row struct {
	glyphs []glyph
	line   line
	bars   []extract.Box // of its fractions
	stack  bool          // it has fractions or limits, so its glyphs want sorting
}

// pieces cuts a page's glyphs at the line feeds and puts together those that
// stand in one row. Rules are the thin lines on the page.
func pieces(s sheet) []row {
	var out []row
	left := rightToLeft(s.glyphs)
	add := func(glyphs []glyph) {
		if left && rightToLeft(glyphs) {
			glyphs = logical(glyphs)
		}
		l, ok := newLine(glyphs)
		if !ok {
			return
		}
		n := len(out)
		switch {
		case left || n == 0:
		case out[n-1].take(glyphs, l, s.rules):
			// A fraction, or a sum that opened with its limit, may have begun
			// a row that belongs to the one before it.
			if n > 1 && out[n-1].stack && !out[n-2].far(out[n-1].line) && out[n-2].goesOn(out[n-1].line) {
				out[n-2].append(out[n-1].glyphs, out[n-1].line)
				out[n-2].bars, out[n-2].stack = append(out[n-2].bars, out[n-1].bars...), true
				out = out[:n-1]
			}
			return
		}
		r := row{glyphs: slices.Clone(glyphs), line: l}
		if g := glyphs[0]; len(glyphs) == 1 && g.style&formula != 0 && (operator(g) || stretched(g)) {
			r.line.base, r.stack = centre(g.box)+0.25*g.size, true
		}
		out = append(out, r)
	}
	from := 0
	for i, g := range s.glyphs {
		if g.r == '\n' {
			add(s.glyphs[from:i])
			from = i + 1
		}
	}
	add(s.glyphs[from:])
	for i := range out {
		out[i].small(s.rules)
	}
	return out
}

// small finds the fractions in the line of a row, which came in one piece with
// what stands around them.
func (r *row) small(rules []extract.Box) {
	for _, bar := range rules {
		y := centre(bar)
		if y < r.line.box.Y0 || y > r.line.box.Y1 || bar.X0 < r.line.box.X0-1 || bar.X1 > r.line.box.X1+1 || slices.Contains(r.bars, bar) {
			continue
		}
		over := extent(above(r.glyphs, bar))
		var under []glyph
		for _, g := range r.glyphs {
			if x := (g.box.X0 + g.box.X1) / 2; visible(g) && x > bar.X0 && x < bar.X1 && g.base > y+0.3*g.size {
				under = append(under, g)
			}
		}
		b := extent(under)
		slack := 0.15 * r.line.size
		if over != (extract.Box{}) && len(under) > 0 && math.Abs(max(over.X1-over.X0, b.X1-b.X0)-(bar.X1-bar.X0)) < 2*slack &&
			math.Abs(over.X0+over.X1-b.X0-b.X1) < 2*slack {
			r.bars, r.stack = append(r.bars, bar), true
		}
	}
}

// take adds a piece to the row if it belongs there.
func (r *row) take(glyphs []glyph, l line, rules []extract.Box) bool {
	bar, over := r.fraction(l, rules)
	limit := r.limit(glyphs, l)
	switch {
	case over:
		r.bars = append(r.bars, bar)
	case r.inside(l):
		r.stack = true
	case limit, r.under(l), r.stack && r.goesOn(l), r.both(glyphs), r.tall(glyphs, l), beside(r.line, l):
	default:
		return false
	}
	r.stack = r.stack || over || limit
	whole := over && len(above(r.glyphs, bar)) == len(r.glyphs)
	base := r.line.base
	r.append(glyphs, l)
	switch {
	case whole:
		r.line.base = axis(bar, r.line.size)
	case limit && operator(glyphs[0]): // the row was no more than the limit
		r.line.base = centre(glyphs[0].box) + 0.25*r.line.size
	case r.stack && math.Abs(l.base-base) > 0.2*r.line.size:
		r.line.base = base
	}
	return true
}

func (r *row) append(glyphs []glyph, l line) {
	if l.box.X0-r.line.box.X1 > 0.15*max(l.size, r.line.size) {
		r.glyphs = append(r.glyphs, glyph{r: ' '})
	}
	r.glyphs = append(r.glyphs, glyphs...)
	was := r.line
	r.line, _ = newLine(r.glyphs)
	if r.stack {
		r.line.base, r.line.size = was.base, was.size
		if len(was.text) < 5 && math.Abs(l.base-was.base) < 0.3*l.size {
			r.line.size = l.size // the row was an operator so far
		}
	}
}

// far reports whether a piece begins too far to the left to go on in the row.
func (r *row) far(l line) bool { return l.box.X0 < r.line.box.X1-0.3*r.line.size }

// both reports whether a piece opens with an index that stands under the
// exponent at the end of the row.
func (r *row) both(glyphs []glyph) bool {
	last, g := tail(r.glyphs), glyphs[0]
	return g.size < 0.85*r.line.size && last[0].size < 0.85*r.line.size && last[0].base < r.line.base &&
		g.base > last[0].base && g.base < r.line.base+0.5*r.line.size && math.Abs(g.box.X0-last[0].box.X0) < 0.4*r.line.size
}

// tall reports whether a piece is a tall sign that stands in the middle of the
// row, whatever its font takes for its baseline.
func (r *row) tall(glyphs []glyph, l line) bool {
	g, size := glyphs[0], r.line.size
	gap := l.box.X0 - r.line.box.X1
	return len(glyphs) == 1 && (g.style&formula != 0 || operator(g)) && gap > -0.3*size && gap < 2*size &&
		math.Abs(centre(g.box)-(r.line.base-0.25*size)) < max(0.4*size, 0.2*(g.box.Y1-g.box.Y0))
}

// centre is the height of the middle of a box.
func centre(b extract.Box) float64 { return (b.Y0 + b.Y1) / 2 }

// stretched reports whether a sign is taller than a line.
func stretched(g glyph) bool { return visible(g) && g.box.Y1-g.box.Y0 > 1.6*g.size }

// inside reports whether a piece stands between tall brackets that the row
// opens and has not closed: an entry of a matrix.
func (r *row) inside(l line) bool {
	open := -1
	for i, g := range r.glyphs {
		switch {
		case !stretched(g) || g.style&formula == 0:
		case strings.ContainsRune("([{⟨", g.r):
			open = i
		case strings.ContainsRune(")]}⟩", g.r):
			open = -1
		}
	}
	if open < 0 {
		return false
	}
	b := r.glyphs[open].box
	mid := l.base - 0.25*l.size
	return mid > b.Y0 && mid < b.Y1 && l.box.X0 > b.X1-0.3*l.size && l.box.X0 < r.line.box.X1+4*l.size
}

// axis is the baseline of a row whose fractions have this bar.
func axis(bar extract.Box, size float64) float64 { return (bar.Y0+bar.Y1)/2 + 0.25*size }

// fraction finds the rule that has a part of the row above it, alone, and the
// piece under it.
func (r *row) fraction(l line, rules []extract.Box) (extract.Box, bool) {
	for _, bar := range rules {
		y, slack := (bar.Y0+bar.Y1)/2, 0.3*l.size
		if l.box.X0 < bar.X0-slack || l.box.X1 > bar.X1+slack || l.base < y || l.base > y+1.4*l.size {
			continue
		}
		over := extent(above(r.glyphs, bar))
		if over == (extract.Box{}) || y-over.Y1 > 0.7*l.size {
			continue
		}
		// A bar is as long as the longer of the two; a rule of a table is
		// longer, and so is the line under a word.
		if math.Abs(max(over.X1-over.X0, l.width())-(bar.X1-bar.X0)) < slack &&
			math.Abs(over.X0+over.X1-l.box.X0-l.box.X1) < 2*slack {
			return bar, true
		}
		// What is under the bar may come in pieces, beginning where it does.
		if math.Abs(over.X0+over.X1-bar.X0-bar.X1) < slack && math.Abs(l.box.X0-bar.X0) < slack && bar.X1-bar.X0 < 15*l.size {
			return bar, true
		}
	}
	return extract.Box{}, false
}

// under reports whether a piece goes on under the bar of the row's last
// fraction.
func (r *row) under(l line) bool {
	if len(r.bars) == 0 {
		return false
	}
	bar, slack := r.bars[len(r.bars)-1], 0.3*l.size
	return l.box.X0 > bar.X0-slack && l.box.X1 < bar.X1+slack && l.base > bar.Y0+0.3*l.size && l.base < bar.Y0+1.6*l.size
}

// above are the glyphs over a bar.
func above(glyphs []glyph, bar extract.Box) []glyph {
	var out []glyph
	for _, g := range glyphs {
		x := (g.box.X0 + g.box.X1) / 2
		if visible(g) && x > bar.X0 && x < bar.X1 && g.base < bar.Y1+0.1*g.size && g.base > bar.Y0-1.5*g.size {
			out = append(out, g)
		}
	}
	return out
}

// limit reports whether the piece is what a sum runs over, or a sum under what
// it runs to.
func (r *row) limit(glyphs []glyph, l line) bool {
	for _, op := range r.glyphs {
		if operator(op) && l.size < 0.85*r.line.size && on(op.box, l.box, l.size) {
			return true
		}
	}
	op := glyphs[0]
	if !operator(op) {
		return false
	}
	last := tail(r.glyphs)
	return last[0].base < op.base && last[0].size < 0.85*op.size && on(op.box, extent(last), last[0].size)
}

// tail is the end of a row that stands on one baseline in one size.
func tail(glyphs []glyph) []glyph {
	i := len(glyphs) - 1
	for i > 0 && (!visible(glyphs[i-1]) || math.Abs(glyphs[i-1].base-glyphs[i].base) < 0.1*glyphs[i].size) && visible(glyphs[i]) {
		i--
	}
	for i < len(glyphs)-1 && !visible(glyphs[i]) {
		i++
	}
	return glyphs[i:]
}

// on reports whether b stands over or under op.
func on(op, b extract.Box, size float64) bool {
	gap := max(op.Y0-b.Y1, b.Y0-op.Y1)
	return math.Abs(op.X0+op.X1-b.X0-b.X1) < 1.2*size && gap < 0.6*size && gap > -0.7*size
}

// operator reports whether a sign takes limits.
func operator(g glyph) bool {
	return strings.ContainsRune("∑∏∐∫∮⋃⋂⋁⋀⨁⨂⨆⨅", g.r)
}

// goesOn reports whether a piece stands on the row's baseline, behind it.
func (r *row) goesOn(l line) bool {
	size := max(l.size, r.line.size)
	gap := l.box.X0 - r.line.box.X1
	return gap > -0.3*size && gap < 2*size && math.Abs(l.base-r.line.base) < 0.3*size ||
		gap > -0.3*size && equationNumber.MatchString(l.text)
}

// typeset writes a row with fractions and limits in one line: a/b, ∑_{k=1}^{n}.
func (r *row) typeset() {
	if !r.stack {
		return
	}
	glyphs := inLine(r.glyphs, r.bars, r.line.size, r.line.base)
	if l, ok := newLine(glyphs); ok {
		l.box, l.base = r.line.box, r.line.base
		l.style |= formula
		r.line, r.glyphs = l, glyphs
	}
}

// An item is a part of a row that is written at one go.
type item struct {
	glyphs []glyph
	x0, x1 float64
}

// inLine sorts glyphs from left to right. What stands over and under a bar, or
// on an operator, is written behind it. What it returns stands on one line.
func inLine(glyphs []glyph, bars []extract.Box, size, base float64) []glyph {
	var rest []glyph
	for i, g := range glyphs {
		switch {
		case visible(g):
			rest = append(rest, g)
		case isSpace(g.r) && len(rest) > 0 && i > 0:
			rest = append(rest, glyph{r: ' ', box: extract.Box{X0: rest[len(rest)-1].box.X0 + 0.001}})
		}
	}
	take := func(in func(glyph) bool) []glyph {
		var taken, others []glyph
		for _, g := range rest {
			if in(g) {
				taken = append(taken, g)
			} else {
				others = append(others, g)
			}
		}
		rest = others
		return taken
	}
	var items []item
	for _, open := range rest {
		if !stretched(open) || !strings.ContainsRune("([{⟨", open.r) {
			continue
		}
		end := math.Inf(1)
		for _, g := range rest {
			if stretched(g) && strings.ContainsRune(")]}⟩", g.r) && g.box.X0 > open.box.X0 {
				end = min(end, g.box.X0)
			}
		}
		between := func(g glyph) bool {
			x := (g.box.X0 + g.box.X1) / 2
			return (!stretched(g) || !strings.ContainsRune("()[]{}⟨⟩", g.r)) && x > open.box.X0+0.2*size && x < end
		}
		if rows := entries(rest, between, bars, size); len(rows) > 1 {
			it := item{x0: open.box.X1, x1: extent(take(between)).X1}
			for i, r := range rows {
				if i > 0 {
					it.glyphs = append(it.glyphs, sign(';', size, base, it.x0), glyph{r: ' '})
				}
				l, _ := newLine(r)
				for _, g := range inLine(r, inside(bars, extent(r)), l.size, l.base) {
					it.glyphs = append(it.glyphs, onLine(g, size, base))
				}
			}
			items = append(items, it)
			bars = slices.DeleteFunc(slices.Clone(bars), func(b extract.Box) bool { return b.X0 > it.x0-1 && b.X1 < it.x1+1 })
		}
	}
	slices.SortStableFunc(bars, func(a, b extract.Box) int { return cmp.Compare(b.X1-b.X0, a.X1-a.X0) })
	for i, bar := range bars {
		y := (bar.Y0 + bar.Y1) / 2
		n := take(func(g glyph) bool { return across(g, bar) && g.base < y+0.1*g.size })
		d := take(func(g glyph) bool { return across(g, bar) })
		it := item{x0: bar.X0, x1: bar.X1}
		it.glyphs = append(bracketed(n, bars[i+1:]), sign('/', size, base, bar.X0))
		it.glyphs = append(it.glyphs, bracketed(d, bars[i+1:])...)
		items = append(items, it)
	}
	for _, op := range take(operator) {
		small := func(g glyph) bool { return visible(g) && g.size < 0.85*size }
		it := item{x0: op.box.X0, x1: op.box.X1, glyphs: []glyph{onLine(op, size, base)}}
		for _, at := range []struct {
			mark rune
			in   func(glyph) bool
		}{
			{'_', func(g glyph) bool { return small(g) && g.base > base+0.5*size }},
			{'^', func(g glyph) bool { return small(g) && g.base < base-0.5*size }},
		} {
			run := centred(rest, at.in, op.box, size)
			if len(run) == 0 {
				continue
			}
			b := extent(run)
			take(func(g glyph) bool { return slices.Contains(run, g) })
			it.x0, it.x1 = min(it.x0, b.X0), max(it.x1, b.X1)
			it.glyphs = append(it.glyphs, sign(at.mark, size, base, op.box.X1), sign('{', size, base, op.box.X1))
			for _, g := range inLine(run, nil, run[0].size, run[0].base) {
				it.glyphs = append(it.glyphs, onLine(g, size, base))
			}
			it.glyphs = append(it.glyphs, sign('}', size, base, op.box.X1))
		}
		items = append(items, it)
	}
	shifted := shifts(rest, line{size: size, base: base})
	places := behind(rest, shifted)
	for i, g := range rest {
		it := item{x0: places[i].X0, x1: places[i].X1}
		for _, r := range shifted[i].before {
			it.glyphs = append(it.glyphs, sign(r, size, base, g.box.X0))
		}
		if shifted[i].r != 0 {
			g.r = shifted[i].r
		}
		if shifted[i].off {
			g = onLine(g, size, base)
		}
		it.glyphs = append(it.glyphs, g)
		for _, r := range shifted[i].after {
			it.glyphs = append(it.glyphs, sign(r, size, base, g.box.X1))
		}
		items = append(items, it)
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.x0, b.x0) })
	var out []glyph
	end := math.Inf(1)
	for _, it := range items {
		room := 0.2 * size
		upright := func(g glyph) bool { return g.style&(italic|formula) == 0 }
		if n, g := len(out), it.glyphs[0]; n > 0 && unicode.IsLetter(g.r) && (upright(g) || unicode.IsLetter(out[n-1].r) && upright(out[n-1])) {
			room = 0.1 * size // before and behind the name of a function
		}
		if it.x0-end > room {
			out = append(out, glyph{r: ' '})
		}
		if visible(it.glyphs[0]) {
			end = it.x1
			if n := len(out); n > 0 && strings.ContainsRune(",.;", it.glyphs[0].r) && !visible(out[n-1]) {
				out = out[:n-1]
			}
		}
		out = append(out, it.glyphs...)
	}
	return out
}

// behind is where glyphs are written from left to right. What stands under or
// over a word, as under a limit, is written behind the word.
func behind(glyphs []glyph, shifted []shift) []extract.Box {
	places := make([]extract.Box, len(glyphs))
	for i, g := range glyphs {
		places[i] = g.box
	}
	for i := 0; i < len(glyphs); {
		j := i + 1
		for shifted[i].off && j < len(glyphs) && shifted[j].off && math.Abs(glyphs[j].base-glyphs[i].base) < 0.1*glyphs[i].size {
			j++
		}
		run := extent(glyphs[i:j])
		end := math.Inf(-1)
		for k, g := range glyphs {
			if x := (g.box.X0 + g.box.X1) / 2; shifted[i].off && !shifted[k].off && visible(g) && unicode.IsLetter(g.r) && x > run.X0 && x < run.X1 {
				end = max(end, g.box.X1)
			}
		}
		for k := i; k < j && !math.IsInf(end, -1); k++ {
			places[k] = extract.Box{X0: end + 0.001*float64(k-i), X1: end}
		}
		i = j
	}
	return places
}

// entries cuts what stands between two brackets into the rows that its letters
// of full size stand on.
func entries(glyphs []glyph, between func(glyph) bool, bars []extract.Box, size float64) [][]glyph {
	var bases []float64
	var all []glyph
	stand := func(base float64) {
		if !slices.ContainsFunc(bases, func(b float64) bool { return math.Abs(b-base) < 0.7*size }) {
			bases = append(bases, base)
		}
	}
	for _, g := range glyphs {
		if !between(g) {
			continue
		}
		all = append(all, g)
		if bar := slices.IndexFunc(bars, func(b extract.Box) bool { return across(g, b) && math.Abs(centre(g.box)-centre(b)) < 1.2*size }); bar >= 0 {
			stand(axis(bars[bar], size)) // part of a fraction
		} else if visible(g) && g.size > 0.85*size && !operator(g) {
			stand(g.base)
		}
	}
	slices.Sort(bases)
	rows := make([][]glyph, len(bases))
	at := 0
	for _, g := range all {
		if visible(g) {
			for i, b := range bases {
				if math.Abs(b-g.base) < math.Abs(bases[at]-g.base) {
					at = i
				}
			}
		}
		if len(rows) > 0 {
			rows[at] = append(rows[at], g)
		}
	}
	return rows
}

// centred are the glyphs, of those asked for, that stand on a common centre
// with the operator, in one run.
func centred(glyphs []glyph, in func(glyph) bool, op extract.Box, size float64) []glyph {
	var all []glyph
	for _, g := range glyphs {
		if in(g) {
			all = append(all, g)
		}
	}
	slices.SortStableFunc(all, func(a, b glyph) int { return cmp.Compare(a.box.X0, b.box.X0) })
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].box.X0-all[j-1].box.X1 < 0.4*size {
			j++
		}
		if b := extent(all[i:j]); math.Abs(b.X0+b.X1-op.X0-op.X1) < size {
			return all[i:j]
		}
		i = j
	}
	return nil
}

// bracketed writes one side of a fraction, in brackets where it has more than
// one term.
func bracketed(side []glyph, bars []extract.Box) []glyph {
	if len(side) == 0 {
		return nil
	}
	l, _ := newLine(side)
	b := extent(side)
	out := inLine(side, inside(bars, b), l.size, l.base)
	size, base := l.size, l.base
	text := ""
	for i, g := range out {
		out[i] = onLine(g, size, base)
		text += string(g.r)
	}
	if simple(text) {
		return out
	}
	first, last := b.X0, b.X1
	return slices.Concat([]glyph{sign('(', size, base, first)}, out, []glyph{sign(')', size, base, last)})
}

// inside are the bars that lie in a box.
func inside(bars []extract.Box, b extract.Box) []extract.Box {
	var out []extract.Box
	for _, bar := range bars {
		if bar.X0 > b.X0-1 && bar.X1 < b.X1+1 && bar.Y0 > b.Y0 && bar.Y1 < b.Y1 {
			out = append(out, bar)
		}
	}
	return out
}

// across reports whether a sign stands over or under a bar.
func across(g glyph, bar extract.Box) bool {
	x := (g.box.X0 + g.box.X1) / 2
	return visible(g) && x > bar.X0 && x < bar.X1
}

// simple reports whether a term needs no brackets beside a stroke: one word,
// one number, what stands in brackets already.
func simple(s string) bool {
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") && strings.Count(s, "(") == 1 {
		return true
	}
	if utf8.RuneCountInString(s) == 1 {
		return true
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) || r > 0x2000 }) < 0 ||
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' && r != ',' }) < 0
}

// sign is a sign that stands for a place.
func sign(r rune, size, base, x float64) glyph {
	return glyph{r: r, size: size, base: base, box: extract.Box{X0: x, Y0: base - 0.7*size, X1: x, Y1: base}}
}

// onLine is a glyph as if it stood on the line, in its size.
func onLine(g glyph, size, base float64) glyph {
	if visible(g) {
		g.size, g.base = size, base
	}
	return g
}
