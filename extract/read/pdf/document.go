package pdf

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"seedbed/extract"
)

// document makes blocks of the lines.
func (f *file) document(name string) *extract.Document {
	body := f.bodySize()
	furniture := f.furniture(body)
	bare := make([]page, len(f.pages))
	for i, p := range f.pages {
		bare[i] = f.bare(p, furniture[i])
	}
	f.overlays(bare)
	var gs []group
	col := 0
	for _, p := range bare {
		gs = append(gs, f.groups(p, body, &col)...)
	}
	title, shown := f.title(gs, body), ""
	if title >= 0 {
		shown = gs[title].title
	}
	f.headings(gs, body, title)
	gs = chapters(gs)
	apparatus(gs)
	gs = aside(f.across(gs))

	var w extract.Builder
	w.Title, w.Authors, w.Language = f.info.title, authors(f.info.author), f.info.language
	if shown != "" && (!sane(f.info.title) || strings.HasPrefix(key(shown), key(f.info.title))) {
		w.Title = shown
	}
	if !sane(w.Title) {
		w.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	for i, g := range gs {
		w.Add(gap(gs, i), f.block(g))
	}
	for _, p := range f.pages {
		w.Pages = append(w.Pages, p.PageReport)
	}
	f.warn(&w)
	w.Kind = f.kind(gs)
	return w.Done()
}

// bare leaves out the furniture of a page, and reports it.
func (f *file) bare(p page, furniture map[int]bool) page {
	var rest []line
	for i, l := range p.lines {
		if furniture[i] {
			r := &f.pages[p.Page-1].PageReport
			r.Dropped = append(r.Dropped, tidy(l.text))
		} else {
			rest = append(rest, l)
		}
	}
	p.lines = unnumbered(rest)
	return p
}

// overlays leaves out the slides that the next one shows again, whole, with
// more on it: a talk uncovers a slide line by line.
func (f *file) overlays(bare []page) {
	type spot struct {
		text string
		x, y float64
	}
	at := func(l line) spot { return spot{l.text, math.Round(l.box.X0), math.Round(l.base)} }
	for i := range len(bare) - 1 {
		p, next := &bare[i], bare[i+1]
		if !p.slide() || len(p.lines) == 0 || len(p.lines) > len(next.lines) {
			continue
		}
		shown := map[spot]bool{}
		for _, l := range next.lines {
			shown[at(l)] = true
		}
		if slices.ContainsFunc(p.lines, func(l line) bool { return !shown[at(l)] }) {
			continue
		}
		for _, l := range p.lines {
			r := &f.pages[i].PageReport
			r.Dropped = append(r.Dropped, tidy(l.text))
		}
		p.lines = nil
	}
}

// slide reports whether a page has the shape of a slide.
func (p page) slide() bool { return p.width > 1.2*p.height }

// unnumbered leaves out the numbers that stand before the lines of a listing:
// three at least, each one more than the last, right-aligned before code.
func unnumbered(ls []line) []line {
	number := func(l line) (int, float64, bool) { // its right edge
		n, err := strconv.Atoi(l.cells[0].text)
		first, _, _ := strings.Cut(l.text, " ")
		if err != nil {
			n, err = strconv.Atoi(first)
		}
		return n, l.box.X0 + l.size*0.5*float64(len(first)), err == nil && n < 10_000
	}
	var out []line
	for i := 0; i < len(ls); {
		n, x, ok := number(ls[i])
		code, full, run := 0, 0, []int{} // the places of numbered lines
		j := i
		for want := n; ok && j < len(ls) && j-i < 4*len(run)+3; j++ {
			m, y, numbered := number(ls[j])
			if !numbered || m != want || math.Abs(y-x) > 1.2*ls[i].size {
				if ls[j].style&mono == 0 {
					break
				}
				continue // a line of code that was broken
			}
			want++
			run = append(run, j)
			if strings.Contains(ls[j].text, " ") {
				full++ // the number of an empty line says nothing
			}
			if (ls[j].style|ls[j].tail)&mono != 0 {
				code++
			}
		}
		if len(run) < 3 || code == 0 || code*2 < full {
			out = append(out, ls[i])
			i++
			continue
		}
		end := run[len(run)-1] + 1
		for k := i; k < end; k++ {
			l := ls[k]
			if slices.Contains(run, k) {
				first, rest, _ := strings.Cut(l.text, " ")
				if rest == "" {
					continue // an empty line of code
				}
				width := 0.6 * l.size
				if l.cells[0].text == first && len(l.cells) > 1 {
					l.cells = l.cells[1:]
					l.box.X0 = l.cells[0].x0
				} else {
					l.cells = slices.Clone(l.cells)
					l.cells[0].text = strings.TrimPrefix(l.cells[0].text, first+" ")
					l.box.X0 += width * float64(len(first)+1)
					l.cells[0].x0 = l.box.X0
				}
				l.text = rest
				l.style |= mono
			}
			out = append(out, l)
		}
		i = end
	}
	return out
}

// aside puts what is printed around the text and is no part of it behind
// everything else. Where it stands on the page it would cut the text, and each
// passage of it, at the end of every page.
func aside(gs []group) []group {
	around := func(g group) bool {
		switch g.skip {
		case skipSideways, skipFigure:
			return true
		}
		return false
	}
	out := make([]group, 0, len(gs))
	for _, want := range []bool{false, true} {
		for _, g := range gs {
			if around(g) == want {
				out = append(out, g)
			}
		}
	}
	return out
}

// Why text around the text is no part of it.
const (
	skipSideways = "text set sideways"
	skipContents = "table of contents"
	skipIndex    = "index"
	skipGarbled  = "garbled: the page's fonts do not say which letters they show"
	skipFigure   = "text inside a figure"
)

// gap is the white space between a block and the one before it.
func gap(gs []group, i int) string {
	if i > 0 && gs[i].kind == extract.ListItem && gs[i-1].kind == extract.ListItem {
		return "\n"
	}
	return "\n\n"
}

func (f *file) block(g group) extract.Block {
	b := extract.Block{Kind: g.kind, Level: g.level, Title: g.title, Skip: g.skip, Rows: g.rows}
	switch g.kind {
	case extract.Code:
		b.Text = codeText(g.lines)
	case extract.Table:
		var rows []string
		for _, r := range g.rows {
			rows = append(rows, strings.TrimRight(strings.Join(r, "\t"), "\t"))
		}
		b.Text = strings.Join(rows, "\n")
	case extract.Formula:
		b.Text = formulaText(g.lines)
	case extract.Paragraph:
		b.Text = g.joined(f.words)
		if g.skip == skipContents || g.skip == skipIndex {
			b.Text = listed(g.lines)
		}
	default:
		b.Text = g.joined(f.words)
	}
	b.Text = strings.TrimSpace(b.Text)
	b.Page = g.page() + 1
	b.Label = f.pages[g.page()].Label
	// A block that goes on in another column has a box there too; a box on
	// another page would need its number, which a box has not.
	var box extract.Box
	for i, l := range g.lines {
		if l.page != g.page() {
			break
		}
		if i > 0 && (l.box.Y0 < g.lines[i-1].box.Y0-2*l.size) {
			b.Boxes = append(b.Boxes, box)
			box = extract.Box{}
		}
		box = union(box, l.box)
	}
	b.Boxes = append(b.Boxes, box)
	for i, box := range b.Boxes {
		if p := f.pages[g.page()]; p.leftward {
			box = mirrored(box, p.width)
		}
		b.Boxes[i] = round(box)
	}
	return b
}

func round(b extract.Box) extract.Box {
	return extract.Box{X0: round1(b.X0), Y0: round1(b.Y0), X1: round1(b.X1), Y1: round1(b.Y1)}
}

func round1(x float64) float64 { return math.Round(x*10) / 10 }

// codeText keeps lines and their indentation, measured in letters.
func codeText(ls []line) string {
	left, letter := math.Inf(1), 0.0
	for _, l := range ls {
		left = min(left, l.box.X0)
		if n := len([]rune(l.text)); n > 0 {
			letter = max(letter, l.width()/float64(n))
		}
	}
	var s strings.Builder
	for i, l := range ls {
		if i > 0 {
			s.WriteByte('\n')
			if step := l.base - ls[i-1].base; step > 1.8*l.size {
				s.WriteByte('\n')
			}
		}
		if letter > 0 {
			s.WriteString(strings.Repeat(" ", int(math.Round((l.box.X0-left)/letter))))
		}
		s.WriteString(tidy(l.text))
	}
	return s.String()
}

// listed keeps the lines of a table of contents or of an index.
func listed(ls []line) string {
	var s strings.Builder
	for i, l := range ls {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(dots.ReplaceAllString(tidy(l.text), " "))
	}
	return s.String()
}

// dots lead from a heading to the number of its page.
var dots = regexp.MustCompile(`\s*(\.\s*){4,}`)

// formulaText joins the pieces of a row with spaces and rows with line feeds.
func formulaText(ls []line) string {
	var s strings.Builder
	bottom := 0.0
	for i, l := range ls {
		switch {
		case i == 0:
		case l.box.Y0 < bottom:
			s.WriteByte(' ')
		default:
			s.WriteByte('\n')
		}
		bottom = max(bottom, l.box.Y1-0.2*l.size)
		s.WriteString(tidy(l.text))
	}
	return s.String()
}

var (
	digits     = regexp.MustCompile(`\d+`)
	pageNumber = regexp.MustCompile(`^[\s\-–—|•.]*(page\s+)?(\d{1,4}|[ivxlc]{1,7})(\s*(/|of)\s*\d+)?[\s\-–—|•.]*$`)
)

// furniture finds what is printed at the top and foot of pages and is no part
// of the text: for each page, the lines by their place. A line counts as a running
// head when the same words, numbers apart, stand at the same height on three
// pages, or on two of a short document.
func (f *file) furniture(body float64) []map[int]bool {
	type spot struct {
		text   string
		height int
	}
	seen := map[spot][]int{}
	at := func(p page, l line) []spot {
		text := digits.ReplaceAllString(strings.ToLower(l.text), "#")
		h := int(math.Round(l.base / 6))
		return []spot{{text, h - 1}, {text, h}, {text, h + 1}}
	}
	edges := make([][]int, len(f.pages))
	for i, p := range f.pages {
		edges[i] = p.edges()
		for _, j := range edges[i] {
			for _, s := range at(p, p.lines[j]) {
				if n := len(seen[s]); n == 0 || seen[s][n-1] != i {
					seen[s] = append(seen[s], i)
				}
			}
		}
	}
	need := 3
	if len(f.pages) < 6 {
		need = 2
	}
	larger := map[string]float64{} // how large a line is set at most
	for _, p := range f.pages {
		for _, l := range p.lines {
			for _, k := range []string{key(l.text), runningHead(l.text)} {
				larger[k] = max(larger[k], l.size)
			}
		}
	}
	out := make([]map[int]bool, len(f.pages))
	for i, p := range f.pages {
		out[i] = map[int]bool{}
		for _, j := range edges[i] {
			l := p.lines[j]
			need, on := need, seen[at(p, l)[1]]
			large := l.size > 1.12*body
			if large {
				need = max(need, len(f.pages)/2+1) // the title of a few slides
			}
			out[i][j] = pageNumber.MatchString(strings.ToLower(l.text)) ||
				len(on) >= need && (!large || on[0] != i) || // what is large is text, once
				!large && (f.headsPage(p, l) || larger[runningHead(l.text)] > 1.05*l.size && p.apart(j))
		}
	}
	return out
}

// runningHead is the key of the heading that a running head repeats, without
// the number of the page and that of the chapter.
func runningHead(s string) string {
	return key(ofChapter.ReplaceAllString(pageOf.ReplaceAllString(s, ""), ""))
}

var (
	pageOf    = regexp.MustCompile(`^\d{1,4}\s{1,}|\s+\d{1,4}$`)
	ofChapter = regexp.MustCompile(`(?i)^(` + parts + `)\s+([0-9]+|[ivxlc]+|[a-z])[.:]\s+`)
)

// apart reports whether a line is the first or the last of a page, with more
// white space towards the text than there is between two lines.
func (p page) apart(j int) bool {
	l := p.lines[j]
	for i, o := range p.lines {
		if i != j && math.Abs(o.base-l.base) < 1.5*l.size && math.Abs(o.base-l.base) > 0.5*l.size {
			return false
		}
	}
	return true
}

// headsPage reports whether a line is a title of the outline with the number of
// its page, which a short chapter prints but once.
func (f *file) headsPage(p page, l line) bool {
	number := p.Label
	if number == "" {
		number = fmt.Sprint(p.Page)
	}
	words := strings.Fields(l.text)
	switch {
	case len(words) < 2:
		return false
	case words[0] == number:
		words = words[1:]
	case words[len(words)-1] == number:
		words = words[:len(words)-1]
	default:
		return false
	}
	k := key(strings.Join(words, ""))
	return slices.ContainsFunc(f.info.outline, func(b bookmark) bool {
		return b.key != "" && strings.HasSuffix(k, b.key) && len(k)-len(b.key) < 14
	})
}

// edges are the lines near the top and the foot of a page.
func (p page) edges() []int {
	var out []int
	highest, lowest := math.Inf(1), 0.0
	for _, l := range p.lines {
		highest, lowest = min(highest, l.base), max(lowest, l.base)
	}
	for j, l := range p.lines {
		// The number of a page may stand nearer, by itself under or over the
		// text.
		last := l.base == lowest && l.base > 0.75*p.height || l.base == highest && l.base < 0.2*p.height
		own := last && (l.text == p.Label || l.text == strconv.Itoa(p.Page)) && p.apart(j)
		if l.box.Y1 < 0.12*p.height || l.box.Y0 > 0.88*p.height || own {
			out = append(out, j)
		}
	}
	return out
}

// key is a text as it is compared: letters and digits, in lower case.
func key(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// sane reports whether a title from the metadata is a title and not what some
// program left there.
func sane(s string) bool {
	low := strings.ToLower(strings.TrimSpace(s))
	if len(low) < 3 || len(low) > 400 || !strings.ContainsFunc(low, unicode.IsLetter) {
		return false
	}
	if containsAny(low, "untitled", "microsoft word", "powerpoint presentation", ".doc", ".tex", ".dvi", ".indd", ".qxd", ".pdf", ".rtf", ".wpd", "http://", "https://", "\ufffd") {
		return false
	}
	return low != "title" && low != "document" && low[1:3] != `:\` // a place on a disk
}

var between = regexp.MustCompile(`\s*;\s*|\s+and\s+|\s*,\s+and\s+`)

func authors(s string) []string {
	if !sane(s) {
		return nil
	}
	var out []string
	parts := between.Split(s, -1)
	if len(parts) == 1 && strings.Count(s, ",") > 1 {
		parts = strings.Split(s, ",")
	}
	for _, a := range parts {
		if a = strings.Trim(a, " ,"); a != "" {
			out = append(out, a)
		}
	}
	return out
}

// title makes a heading of the largest text on the first page with text, if it
// is larger than the rest, and returns its group, or -1.
func (f *file) title(gs []group, body float64) int {
	best := -1
	for i, g := range gs {
		if g.page() != gs[0].page() {
			break
		}
		if g.skip != "" || g.kind == extract.Formula || !strings.ContainsFunc(g.lines[0].text, unicode.IsLetter) || section.MatchString(g.lines[0].text) {
			continue
		}
		if best < 0 || g.size() > gs[best].size()+0.5 {
			best = i
		}
	}
	if best < 0 || gs[best].size() < 1.15*body || len(gs[best].lines) > 5 || utf8Len(gs[best].joined(f.words)) > 300 {
		return -1
	}
	g := &gs[best]
	g.kind, g.level = extract.Heading, 1
	g.title = g.joined(f.words)
	return best
}

func utf8Len(s string) int { return len([]rune(s)) }

// headings finds the headings and gives them levels: by the outline where it
// has them, by their numbers, and by their looks.
func (f *file) headings(gs []group, body float64, title int) {
	type look struct {
		size float64
		bold bool
	}
	looks := func(g group) look { return look{math.Round(g.size()*2) / 2, g.all(bold)} }
	known := map[look]map[float64]int{} // how often a look has a level that is known
	var found []int
	book := len(f.pages) > bookPages
	byline := title >= 0 && !f.oneOfMany(gs, title) // still among the authors
	numbers := map[string]bool{}                    // of the headings found
	seen := map[string]bool{}
	bolds := map[string]int{} // "Example" over each example heads nothing
	for _, g := range gs {
		if len(g.lines) == 1 && g.all(bold) {
			bolds[key(g.lines[0].text)]++
		}
	}
	for i := range gs {
		g := &gs[i]
		if i == title || g.skip != "" {
			continue
		}
		level, ok := f.heading(*g, body)
		if !ok && g.subsection(numbers) && (i+1 == len(gs) || !gs[i+1].subsection(numbers)) {
			level, ok = depth(g.lines[0].text), true
		}
		if !ok && i > title && (len(g.lines) > 3 || sentence.MatchString(g.lines[len(g.lines)-1].text) && len(strings.Fields(g.joined(f.words))) > 5 || g.kind == extract.ListItem || g.kind == extract.Code) {
			byline = false
		}
		if !ok || byline && level == 0 && i > title && g.page() == gs[title].page() {
			continue
		}
		k := key(g.joined(f.words))
		if bolds[k] > 3 && g.size() < 1.12*body {
			continue
		}
		if seen[k] && g.size() < 1.12*body && !g.all(bold) {
			continue // the head of one more page
		}
		seen[k] = true
		byline = byline && i < title
		g.kind, g.level, g.title = extract.Heading, level, g.joined(f.words)
		last := g.lines[len(g.lines)-1].cells
		if n := last[len(last)-1].text; g.size() > 1.3*body && len(last) > 1 && isNumber(n) {
			g.title = strings.TrimSpace(strings.TrimSuffix(g.title, n)) // the chapter's, at the right edge
		}
		if n := numbered.FindStringSubmatch(g.title); n != nil {
			numbers[strings.Trim(n[1], ".")] = true
		}
		found = append(found, i)
		book = book || chapter.MatchString(g.title)
		if l := looks(*g); level > 0 {
			if known[l] == nil {
				known[l] = map[float64]int{}
			}
			known[l][float64(level)]++
		}
	}
	// A look without a level of its own stands below the larger ones.
	level := func(l look) int {
		if known[l] != nil {
			return int(most(known[l]))
		}
		n := 0
		for k, levels := range known {
			if k.size > l.size || k.size == l.size && k.bold && !l.bold {
				n = max(n, int(most(levels)))
			}
		}
		return n + 1
	}
	// A heading in the middle of a section may count from 1 as well: none stands
	// above a larger one before it whose level is known.
	var above []group // the last of those, the last that is larger, and so on
	for _, i := range found {
		g := &gs[i]
		sure := g.level > 0
		if !sure {
			g.level = level(looks(*g))
		}
		for len(above) > 0 && above[len(above)-1].size() < 1.05*g.size() {
			above = above[:len(above)-1]
		}
		if n := len(above); n > 0 && f.outlined(*g, body) == 0 && !f.pages[g.page()].slide() {
			g.level = max(g.level, above[n-1].level+1)
		}
		if sure && !outermost[strings.ToLower(g.title)] {
			above = append(above, *g)
		}
	}
	for _, i := range found {
		g := &gs[i]
		if title >= 0 && !book { // the title of a paper stands above its sections
			g.level++
		}
		g.level = min(g.level, 6)
	}
}

// chapters joins "Chapter 3" with the words that stand under it.
func chapters(gs []group) []group {
	var out []group
	for i := 0; i < len(gs); i++ {
		g := gs[i]
		if i+1 < len(gs) && g.kind == extract.Heading && opening.MatchString(g.title) &&
			gs[i+1].kind == extract.Heading && gs[i+1].page() == g.page() && !opening.MatchString(gs[i+1].title) {
			next := gs[i+1]
			g.lines = append(slices.Clone(g.lines), next.lines...)
			g.title = strings.TrimRight(g.title, ".:") + ": " + next.title
			g.level = min(g.level, next.level)
			i++
		}
		out = append(out, g)
	}
	return out
}

// heading reports whether a block is a heading, and its level where something
// other than its looks says so.
func (f *file) heading(g group, body float64) (level int, ok bool) {
	if len(g.lines) > 4 || g.kind != extract.Paragraph && g.kind != extract.ListItem && g.kind != extract.Code {
		return 0, false
	}
	text := g.joined(f.words)
	if len(text) > 220 || !strings.ContainsFunc(text, unicode.IsLetter) || leaders.MatchString(text) {
		return 0, false
	}
	if level := f.outlined(g, body); level > 0 {
		return level, true
	}
	if g.kind == extract.Code || len(f.info.outline) > 0 && f.endsInPage(text) && !opening.MatchString(text) {
		return 0, false // code, an entry of the table of contents
	}
	if len(f.info.outline) == 0 || !opening.MatchString(text) {
		cells := g.lines[0].cells
		if len(cells) > 1 && marker.MatchString(cells[0].text) {
			cells = cells[1:] // a wide space behind the number
		}
		if n := len(cells); n > 1 && g.size() > 1.3*body && isNumber(cells[n-1].text) {
			cells = cells[:n-1] // the number of a chapter at the right edge
		}
		if len(cells) > 1 {
			return 0, false // heads of columns
		}
	}
	depth, number := depth(text), numbered.FindStringSubmatch(text)
	if depth == 0 {
		number = nil
	}
	words := text
	if number != nil {
		words = strings.TrimSpace(strings.TrimPrefix(text, number[1]))
	}
	large, strong := g.size() > 1.12*body, g.all(bold)
	if !large && (marked(g.lines[0]) && number == nil || signs(text) > 1 || proof[strings.ToLower(strings.TrimRight(text, ".:"))] || stated.MatchString(text) || keywords.MatchString(text)) || dated.MatchString(text) {
		return 0, false
	}
	if (large || strong) && len(g.lines) == 1 && g.above > 1.2 && len(strings.Fields(text)) <= 6 {
		text = strings.TrimSuffix(text, ":") // a short line by itself
	}
	first := []rune(strings.TrimSpace(words))[0]
	switch {
	case outermost[strings.ToLower(strings.TrimRight(words, ".:"))] && (large || strong || g.above > 1.2):
		return max(depth, 1), true
	case sentence.MatchString(text) && !strings.HasSuffix(text, "?"), statement.MatchString(text), unicode.IsLower(first) && number == nil && (g.size() < 1.25*body || len(g.lines) > 1 || len(key(text)) < 6):
		return 0, false
	case chapter.MatchString(text) && (large || strong):
		return 1, true
	case number != nil && !unicode.IsLetter(first), number != nil && unicode.IsLower(first) && !large:
		return 0, false // a line of code with its number
	case large && (g.above > 1.05 || g.above < 0):
		return depth, true
	case depth > 1 && g.size() > 1.05*body && len(g.lines) == 1 && g.above > 1.3:
		return depth, true
	case number != nil && len(g.lines) <= 2 && g.above > 1.3 && len(key(words)) > 3 && strings.ToUpper(words) == words && signs(words) == 0:
		return depth, true
	case strong && len(g.lines) <= 2 && (number != nil || g.above > 1.15):
		return depth, true
	case number != nil && (depth > 1 || unicode.IsUpper(rune(text[0]))) && len(g.lines) == 1 && g.above > 1.2 && unicode.IsUpper(first) && g.all(italic):
		return max(depth, 2), true
	}
	return 0, false
}

// outlined is a block's level in the outline, 0 where it is not in it.
func (f *file) outlined(g group, body float64) int {
	if len(f.info.outline) == 0 {
		return 0
	}
	k := key(g.joined(f.words))
	for _, b := range f.info.outline {
		if b.page >= 0 && b.page != g.page() {
			continue
		}
		switch t := b.key; {
		case t == "":
		case t == k, len(t) > 3 && strings.HasSuffix(k, t) && len(k)-len(t) <= 10, chapterAtEnd(k, t) && g.size() > 1.3*body:
			return b.level
		}
	}
	return 0
}

// depth is how many numbers a heading's number has, 0 where it has none. "A
// note" opens with a word.
func depth(text string) int {
	number := numbered.FindStringSubmatch(text)
	if number == nil {
		return 0
	}
	if r := []rune(text); unicode.IsUpper(r[0]) && r[1] == ' ' && unicode.IsLower([]rune(strings.TrimSpace(string(r[1:])))[0]) {
		return 0
	}
	return 1 + strings.Count(strings.Trim(number[1], "."), ".")
}

// subsection reports whether a block that does not look like a heading is one
// by its number, which continues that of a heading before it: 2.3.1 after 2.3.
func (g group) subsection(numbers map[string]bool) bool {
	l := g.lines[0]
	if len(g.lines) > 1 || g.kind != extract.Paragraph && g.kind != extract.ListItem || g.above < 1.2 || len(l.cells) > 2 || len(l.text) > 80 || l.width() > 0.75*(g.right-g.left) {
		return false
	}
	if depth(l.text) < 2 || sentence.MatchString(l.text) || endsInNumber.MatchString(l.text) || signs(l.text) > 0 {
		return false
	}
	number := strings.Trim(numbered.FindStringSubmatch(l.text)[1], ".")
	first := []rune(strings.TrimLeft(l.text, number+". "))
	if len(first) == 0 || !unicode.IsUpper(first[0]) {
		return false
	}
	for i := strings.LastIndexByte(number, '.'); i > 0; i = strings.LastIndexByte(number, '.') {
		if number = number[:i]; numbers[number] {
			return true
		}
	}
	return false
}

// oneOfMany reports whether another line of its page looks just like the
// title, so that both are headings.
func (f *file) oneOfMany(gs []group, title int) bool {
	t := gs[title]
	for i, g := range gs {
		if g.page() == t.page() && (i < title-1 || i > title+1) && g.kind == extract.Paragraph && len(g.lines) <= 2 &&
			math.Abs(g.size()-t.size()) < 0.3 && g.all(bold) == t.all(bold) {
			return true
		}
	}
	return false
}

// chapterAtEnd reports whether a key is a title with the chapter's number
// behind it.
func chapterAtEnd(k, title string) bool {
	title = strings.TrimLeft(title, "0123456789")
	rest, ok := strings.CutPrefix(k, title)
	return ok && len(title) > 3 && isNumber(rest)
}

// isNumber reports whether a text is the number of a chapter or of a page.
func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil && len(s) < 4
}

// endsInPage reports whether a text ends in what may be the number of a page.
func (f *file) endsInPage(text string) bool {
	n, err := strconv.Atoi(strings.TrimSpace(endsInNumber.FindString(text)))
	return err == nil && n < len(f.pages)+100
}

// proof are words that stand over a part that is none of its own: over a
// proof, in the corner of a box.
var proof = map[string]bool{"proof": true, "beweis": true, "preuve": true, "démonstration": true, "note": true, "tip": true, "hint": true,
	"important": true, "warning": true, "caution": true, "remark": true, "hinweis": true, "achtung": true, "bemerkung": true,
	"bemerkungen": true, "beachte": true, "behauptung": true, "voraussetzung": true, "hilfssatz": true, "satz": true, "folgerung": true, "folgerungen": true}

// signs counts the signs of mathematics.
func signs(s string) int {
	n := 0
	for _, r := range s {
		if unicode.Is(unicode.Sm, r) && r != '|' && r != '~' {
			n++
		}
	}
	return n
}

// bookPages is more pages than a paper has.
const bookPages = 60

func (f *file) kind(gs []group) string {
	if len(f.pages) > bookPages {
		return extract.Book
	}
	for _, g := range gs {
		if g.kind == extract.Heading && chapter.MatchString(g.title) {
			return extract.Book
		}
	}
	return extract.Paper
}

// apparatus marks the parts of a document that hold nothing to learn from.
func apparatus(gs []group) {
	level, reason := 0, ""
	for i := range gs {
		g := &gs[i]
		if g.kind == extract.Heading && level > 0 && reason == skipContents && endsInNumber.MatchString(g.title) && !opening.MatchString(g.title) {
			g.kind, g.level, g.title = extract.Paragraph, 0, ""
		}
		if g.kind == extract.Heading {
			if level > 0 && g.level <= level {
				level = 0
			}
			switch strings.TrimLeft(key(g.title), "0123456789") {
			case "references", "bibliography", "workscited", "literature", "literatur", "literaturverzeichnis", "références", "bibliographie":
				level, reason = g.level, "references"
			case "contents", "tableofcontents", "inhalt", "inhaltsverzeichnis", "tabledesmatières":
				level, reason = g.level, skipContents
			case "index", "stichwortverzeichnis", "register":
				level, reason = g.level, skipIndex
			}
			continue
		}
		if level > 0 && g.skip == "" {
			g.skip = reason
		}
		dotted := 0
		for _, l := range g.lines {
			if leaders.MatchString(l.text) {
				dotted++
			}
		}
		if g.skip == "" && dotted > 1 && dotted*2 >= len(g.lines) {
			g.skip = skipContents
		}
	}
}

// across joins paragraphs that go on in the next column or on the next page,
// past what stands between: running heads, figures, notes.
func (f *file) across(gs []group) []group {
	var out []group
	gone := make([]bool, len(gs))
	for i := range gs {
		if gone[i] {
			continue
		}
		g := gs[i]
		for {
			j := f.continuation(gs, gone, i, g)
			if j < 0 {
				break
			}
			g.lines = append(slices.Clone(g.lines), gs[j].lines...)
			g.column = gs[j].column
			gone[j] = true
		}
		out = append(out, g)
	}
	return out
}

// continuation is the group that g, which stands at i, goes on in, or -1.
func (f *file) continuation(gs []group, gone []bool, i int, g group) int {
	if g.kind != extract.Paragraph && g.kind != extract.ListItem && g.kind != extract.Code || g.skip != "" && g.skip != "references" {
		return -1
	}
	last := g.lines[len(g.lines)-1]
	if sentence.MatchString(last.text) && g.kind != extract.Code {
		return -1
	}
	for j := i + 1; j < len(gs) && j < i+20; j++ {
		n := gs[j]
		if gone[j] {
			continue
		}
		if n.skip != "" && n.skip != g.skip || n.kind == extract.Caption || n.kind == extract.Footnote || n.kind == extract.Table || n.kind == extract.Other {
			continue
		}
		if g.kind == extract.Code && n.kind == extract.Code && n.column != g.column {
			return j
		}
		if n.kind != extract.Paragraph || g.kind == extract.Code || n.column == g.column {
			return -1
		}
		first := []rune(n.lines[0].text)[0]
		full := last.box.X1 > g.right-0.15*(g.right-g.left)
		if unicode.IsLower(first) || endsInHyphen(last.text) || full && n.lines[0].box.X0 < n.left+0.7*last.size && n.lines[0].lead&bold == 0 && !statement.MatchString(n.lines[0].text) && !dialogue.MatchString(n.lines[0].text) {
			return j
		}
		return -1
	}
	return -1
}

// warn tells about pages that gave no text.
func (f *file) warn(w *extract.Builder) {
	if f.lost != "" {
		w.Warn("%s", f.lost)
	}
	by := map[string][]int{}
	for _, p := range f.pages {
		if p.err != nil {
			w.Warn("Page %d could not be read: %v.", p.Page, p.err)
		}
		by[p.Verdict] = append(by[p.Verdict], p.Page)
		if strings.HasPrefix(p.Note, noOCR) {
			w.Warn("Page %d: %s", p.Page, p.Note)
		}
	}
	if pp := by[verdictScan]; len(pp) > 0 {
		w.Warn("%s without text: %s. They need OCR.", plural(len(pp), "page is an image", "pages are images"), ranges(pp))
	}
	if pp := by[verdictGarbled]; len(pp) > 0 {
		w.Warn("%s: %s. Their fonts do not say which letters they show; they need OCR.", plural(len(pp), "page is garbled", "pages are garbled"), ranges(pp))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// ranges writes ascending numbers as "1–3, 7".
func ranges(ns []int) string {
	var parts []string
	for i := 0; i < len(ns); {
		j := i
		for j+1 < len(ns) && ns[j+1] == ns[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(ns[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d–%d", ns[i], ns[j]))
		}
		i = j + 1
	}
	if len(parts) > 12 {
		parts = append(parts[:12], "…")
	}
	return strings.Join(parts, ", ")
}
