package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// A group is the lines of one block.
type group struct {
	kind   extract.BlockKind
	level  int
	title  string // headings
	skip   string
	lines  []line
	rows   [][]string
	column int     // counted through the document
	above  float64 // white space above, in units of the column's leading
	left   float64 // of its column
	right  float64
}

func (g group) page() int { return g.lines[0].page }

// joined is the group's text in one line, hyphens at line ends undone.
func (g group) joined(v vocabulary) string {
	text := ""
	for _, l := range g.lines {
		text = v.link(text, l.text)
	}
	return tidy(text)
}

func (g group) size() float64 { return g.lines[0].size }

// all reports whether every line is mostly in a style.
func (g group) all(s style) bool {
	for _, l := range g.lines {
		if l.style&s == 0 {
			return false
		}
	}
	return true
}

// bodySize is the font size of most of the text. What stands at the edge of
// page after page counts once: on slides it may be most of the letters.
func (f *file) bodySize() float64 {
	sizes := map[float64]int{}
	edge := map[string]bool{}
	for _, p := range f.pages {
		again := map[int]bool{}
		for _, i := range p.edges() {
			text := digits.ReplaceAllString(p.lines[i].text, "#")
			again[i] = edge[text]
			edge[text] = true
		}
		for i, l := range p.lines {
			if !again[i] {
				sizes[l.size] += len(l.text)
			}
		}
	}
	return most(sizes)
}

// A column is a run of lines down a page.
type column struct {
	lines       []line
	left, right float64 // of its running text
	leading     float64 // usual distance of two baselines
	body        float64 // size of the document's text
	ragged      bool    // lines end where they like
}

// columns cuts a page where the text jumps back up.
func columns(ls []line, body float64) []column {
	var out []column
	from := 0
	for i := 1; i <= len(ls); i++ {
		if i < len(ls) && ls[i].base > ls[i-1].base-1.5*max(ls[i-1].size, ls[i].size) {
			continue
		}
		out = append(out, newColumn(ls[from:i], body))
		from = i
	}
	return out
}

func newColumn(ls []line, body float64) column {
	c := column{lines: ls, body: body}
	lefts, rights, steps := map[float64]int{}, map[float64]int{}, map[float64]int{}
	for i, l := range ls {
		if math.Abs(l.size-body) > 0.1*body {
			continue
		}
		lefts[math.Round(l.box.X0)]++
		rights[math.Round(l.box.X1)]++
		if i > 0 {
			d := l.base - ls[i-1].base
			if d > 0.8*l.size && d < 3*l.size && l.style&mono == 0 && math.Abs(l.size-ls[i-1].size) < 0.02*body {
				steps[math.Round(d*2)/2]++
			}
		}
	}
	if len(lefts) == 0 {
		for _, l := range ls {
			lefts[math.Round(l.box.X0)]++
			rights[math.Round(l.box.X1)]++
		}
	}
	c.left = most(lefts)
	c.right = most(rights)
	if rights[c.right]*4 < len(ls) { // no common right edge
		c.ragged = true
		for _, l := range ls {
			if l.box.X0 < c.left+4*body {
				c.right = max(c.right, l.box.X1)
			}
		}
	}
	c.leading = mostNear(steps, 0.5)
	if c.leading == 0 {
		c.leading = 1.2 * ls[0].size
	}
	return c
}

// mostNear is the key that is counted most often together with its neighbours,
// a step apart.
func mostNear(counts map[float64]int, step float64) float64 {
	sums := map[float64]int{}
	for k, n := range counts {
		sums[k] = 2*n + counts[k-step] + counts[k+step]
	}
	return most(sums)
}

// parts are what the largest parts of a book are called.
const parts = "chapter|part|appendix|kapitel|teil|anhang|chapitre|partie|annexe|capítulo|capitolo"

var (
	bullet       = regexp.MustCompile(`^[•‣▪◦∙·●○■□✓➢➡➞►▶▸❖✔◆–—*-]\s+\S`)
	enumerate    = regexp.MustCompile(`^(\(?\d{1,3}[.)]|\(?[a-z][.)]|\([ivx]+\)|\[\d{1,3}\])\s+\S`)
	caption      = regexp.MustCompile(`^(Figure|Fig\.|Table|Tab\.|Algorithm|Listing|Scheme|Plate|Abbildung|Tabelle|Figura|Tableau)\s*[A-Z]?\d+([.-]\d+)*[a-z]?\s*([.:|–—]|\p{Lu}|$)`)
	statement    = regexp.MustCompile(`^(Theorem|Lemma|Corollary|Proposition|Definition|Claim|Conjecture|Axiom|Example|Remark|Note|Exercise|Problem|Solution|Question|Answer|Algorithm|Observation|Fact|Proof|Satz|Beweis|Beispiel|Aufgabe|Lösung)(\s+\d+(\.\d+)*)?\s*[.:(]`)
	dialogue     = regexp.MustCompile(`^(Q|A|Question|Answer)\s?\d*[.:]\s`)
	numbered     = regexp.MustCompile(`^(((\d{1,2}|[A-Z])(\.\d{1,2})*\.?)|[IVX]+\.)\s+\S`)
	section      = regexp.MustCompile(`^\d{1,2}(\.\d{1,2})*\.?\s+\p{Lu}`)
	marker       = regexp.MustCompile(`^(\(?[\d.]+\)?|[A-Z]\.?|[IVX]+\.?)$`)
	chapter      = regexp.MustCompile(`(?i)^(section|` + parts + `)\s+([0-9]+|[ivxlc]+|[a-z])\b`)
	sentence     = regexp.MustCompile(`[.!?:;][”’"')\]]*$`)
	opening      = regexp.MustCompile(`(?i)^(` + parts + `)\s+([0-9]+|[ivxlc]+|[a-z])[.:]?$`)
	endsInNumber = regexp.MustCompile(`\s\d{1,4}$`)
	// stated is a theorem or the like, named and numbered in a line of its own.
	stated = regexp.MustCompile(`^(Theorem|Lemma|Corollary|Proposition|Definition|Claim|Conjecture|Axiom|Example|Remark|Note|Observation|Fact|Proof|` +
		`(Haupt|Hilfs)?[Ss]atz|Folgerung(en)?|Korollar|Bemerkung(en)?|Beispiele?|Behauptung|Beweis|Théorème|Lemme|Corollaire|Définition|Exemple|Remarque|` + //nolint:misspell // French
		`Teorema|Lema|Corolario|Definición|Ejemplo|Definizione|Esempio|Osservazione)` +
		`(\s+(and|und|et|y|e)\s+\p{Lu}\p{L}+)?\s+\d+(\.\d+)*\s*(\(.*\))?[.:]?$`)
	dated    = regexp.MustCompile(`^(\d{1,2}\.?\s+\p{L}+\.?,?\s+\d{4}|\p{Lu}\p{L}+\.?\s+\d{1,2}(st|nd|rd|th)?,?\s+\d{4})$`)
	keywords = regexp.MustCompile(`(?i)^(key\s?words|index terms|schlüsselwörter|schlagwörter|mots[- ]clés)\s*[:—–-]\s*\S`)
	leaders  = regexp.MustCompile(`(\.\s*){4,}\d*\s*$`)
)

// outermost are the words that head a part of the whole document.
var outermost = map[string]bool{}

func init() {
	for _, w := range []string{"abstract", "introduction", "preface", "foreword", "contents", "table of contents",
		"related work", "conclusion", "conclusions", "acknowledgements", "acknowledgments", "acknowledgement",
		"acknowledgment", "references", "bibliography", "works cited", "literature", "index", "glossary",
		"zusammenfassung", "einleitung", "literatur", "literaturverzeichnis", "inhalt", "inhaltsverzeichnis",
		"anhang", "résumé", "références", "bibliographie", "table des matières"} {
		outermost[w] = true
	}
}

// groups cuts one page into blocks.
func (f *file) groups(p page, body float64, col *int) []group {
	if p.Verdict == verdictGarbled {
		if len(p.lines) == 0 {
			return nil
		}
		return []group{{kind: extract.Other, skip: skipGarbled, lines: p.lines, column: *col}}
	}
	var out []group
	var rest []line
	for _, l := range p.lines {
		if l.style&sideways != 0 {
			out = append(out, group{kind: extract.Other, skip: skipSideways, lines: []line{l}, column: *col})
		} else {
			rest = append(rest, l)
		}
	}
	for _, c := range columns(rest, body) {
		*col++
		gs := c.groups(body)
		for i := range gs {
			gs[i].column, gs[i].left, gs[i].right = *col, c.left, c.right
		}
		out = append(out, gs...)
	}
	figureText(out)
	return out
}

// groups cuts a column where a new block begins and says what each one is.
func (c column) groups(body float64) []group {
	notes := c.footnotes(body)
	var out []group
	for i := 0; i < len(c.lines); {
		if n := c.table(i); n > 0 {
			rows := c.lines[i : i+n]
			out = append(out, group{kind: extract.Table, lines: rows, rows: tableRows(rows), above: c.above(i)})
			i += n
			continue
		}
		g := group{lines: []line{c.lines[i]}, above: c.above(i)}
		j := i + 1
		for j < len(c.lines) && j != notes && c.table(j) == 0 && !c.begins(g, j) {
			g.lines = append(g.lines, c.lines[j])
			j++
		}
		g.kind = c.kind(g, body)
		if notes >= 0 && i >= notes {
			g.kind = extract.Footnote
		}
		out = append(out, g)
		i = j
	}
	return out
}

func (c column) above(i int) float64 {
	if i == 0 {
		return 9
	}
	return (c.lines[i].base - c.lines[i-1].base) / c.leading
}

// footnotes is the first line of the footnotes at the foot of the column, -1
// where there are none: small print that opens with a mark.
func (c column) footnotes(body float64) int {
	found := -1
	for i := len(c.lines) - 1; i > 0; i-- {
		l := c.lines[i]
		if l.size > 0.93*body {
			break
		}
		if r, _ := utf8.DecodeRuneInString(l.text); strings.ContainsRune("⁰¹²³⁴⁵⁶⁷⁸⁹*∗†‡§¶", r) {
			found = i
		}
	}
	return found
}

// begins reports whether line i opens a new block after the lines of g.
func (c column) begins(g group, i int) bool {
	p, l := c.lines[i-1], c.lines[i]
	first := g.lines[0]
	size := max(p.size, l.size)
	step := l.base - p.base

	if c.formula(l) != c.formula(p) && (c.displayed(l) || c.displayed(p)) {
		return true
	}
	if c.displayed(p) && c.formula(l) {
		return step > 2.5*c.leading
	}
	ended := sentence.MatchString(p.text)
	if code := g.all(mono); l.style&mono != 0 && !code {
		// A paragraph may end in a row of code; a block of code stands apart.
		if ended || !c.full(p) || step > 1.2*c.leading || math.Abs(l.box.X0-c.left) > 0.5*size {
			return true
		}
	} else if code {
		return l.style&mono == 0 || step > 2.6*c.leading
	}
	if step < -0.5*size || step > 1.3*c.leading*max(1, size/c.body) && step > 1.35*size {
		return true
	}
	if math.Abs(l.size-p.size) > 0.08*size && len(l.text) > 3 && len(p.text) > 3 {
		return true
	}
	if g.all(italic) && l.style&italic == 0 && len(g.lines) <= 2 && numbered.MatchString(first.text) && !c.full(p) {
		return true // a heading in italics
	}
	if section.MatchString(l.text) && (l.style&p.style&bold != 0 || min(l.size, p.size) > 1.05*c.body) {
		return true // a heading under a heading
	}
	if section.MatchString(p.text) && len(g.lines) == 1 && p.size > 1.05*l.size && p.size > 1.05*c.body && len(l.text) > 3 {
		return true
	}
	if l.style&bold != p.style&bold && (l.style&bold != 0 || g.all(bold)) && !c.full(p) {
		return true
	}
	indent := l.box.X0 - c.left
	switch {
	case caption.MatchString(l.text) && ended,
		dialogue.MatchString(l.text),
		statement.MatchString(l.text) && (ended || l.lead&(bold|italic) != 0):
		return true
	case marked(l) && (ended || indent > 0.5*size || marked(first)):
		return true
	case marked(first): // a list item hangs: a line back at its mark is not part of it
		return l.box.X0 < first.box.X0+0.3*size && (ended || l.box.X0 < first.box.X0-0.5*size) && !c.full(p)
	case strings.HasPrefix(l.text, "¹") || l.size < 0.93*p.size && footnoteMark(l.text):
		return true
	}
	hanging := len(g.lines) == 1 && indent > 0.7*size && first.box.X0 < c.left+0.3*size && !ended
	if indent > 0.7*size && p.box.X0 < l.box.X0-0.7*size && !hanging && (ended || c.full(p)) && indent < 4*size {
		return true
	}
	return ended && !c.full(p) || c.room(g, l)
}

// room reports whether the first word of l had found room in the line before
// it, so that whoever wrote it began a new line: the items of a list whose
// bullets are drawn, a heading, an address. Text beside a figure is narrow too,
// line after line.
func (c column) room(g group, l line) bool {
	p := g.lines[len(g.lines)-1]
	free, width := c.right-p.box.X1, c.right-c.left
	if math.Abs(p.box.X0-l.box.X0) > 0.3*l.size || math.Abs(p.size-l.size) > 0.05*l.size || len(p.cells) > 1 {
		return false
	}
	word, _, _ := strings.Cut(l.text, " ")
	if free < 0.35*width || free < l.width()*float64(len(word))/float64(len(l.text))+2*l.size {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(l.text); unicode.IsLower(r) && free < 0.6*width || endsInHyphen(p.text) {
		return false
	}
	n := len(g.lines)
	narrow := math.Abs(l.box.X1-p.box.X1) < l.size || n > 1 && math.Abs(g.lines[n-2].box.X1-p.box.X1) < l.size
	return !narrow
}

func footnoteMark(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("⁰¹²³⁴⁵⁶⁷⁸⁹†‡§", r)
}

// full reports whether a line reaches the right edge of the column.
func (c column) full(l line) bool {
	slack := 0.12
	if c.ragged {
		slack = 0.3
	}
	return l.box.X1 > c.right-slack*(c.right-c.left)
}

// marked reports whether a line opens with the sign of a list item.
func marked(l line) bool {
	return bullet.MatchString(l.text) || enumerate.MatchString(l.text)
}

// kind says what a group of lines is; headings are found later.
func (c column) kind(g group, body float64) extract.BlockKind {
	first := g.lines[0]
	switch {
	case g.all(mono):
		return extract.Code
	case caption.MatchString(first.text):
		return extract.Caption
	case c.displayed(first) && c.formula(first):
		return extract.Formula
	case marked(first):
		return extract.ListItem
	}
	return extract.Paragraph
}

// formula reports whether a line reads as a formula: signs, and hardly a word.
func (c column) formula(l line) bool {
	if l.style&mono != 0 {
		return false
	}
	signs, words := 0, 0
	for _, r := range l.text {
		if unicode.Is(unicode.Sm, r) || unicode.Is(unicode.Greek, r) || r == '−' {
			signs++
		}
	}
	for _, w := range strings.FieldsFunc(l.text, func(r rune) bool {
		return !unicode.IsLetter(r) || unicode.Is(unicode.Greek, r) || unicode.Is(unicode.Lm, r)
	}) {
		if utf8.RuneCountInString(w) >= 3 && !functions[w] {
			words++
		}
	}
	if words > 1 || strings.Contains(l.text, "•") {
		return false
	}
	return signs > 0 && words <= signs/2 || l.style&formula != 0 && words == 0 || words == 0 && c.displayed(l) && !marked(l)
}

var functions = map[string]bool{"log": true, "exp": true, "sin": true, "cos": true, "tan": true, "max": true, "min": true, "lim": true,
	"inf": true, "sup": true, "det": true, "dim": true, "ker": true, "mod": true, "arg": true, "Var": true, "Cov": true}

// displayed reports whether a line stands by itself, off the left edge: in a
// narrow column a long formula is hardly more than indented, but it is centred
// or has its number at the right edge.
func (c column) displayed(l line) bool {
	indent := l.box.X0 - c.left
	if n := len(l.cells); n > 1 && equationNumber.MatchString(l.cells[n-1].text) {
		return indent > 0.6*l.size
	}
	return indent > 1.8*l.size || indent > l.size && math.Abs(indent-(c.right-l.box.X1)) < 0.5*l.size
}

// table is the number of lines from i on that make up one table, 0 where none
// begins: cells that stand in columns under each other, and the lines that the
// text of a cell goes on in.
func (c column) table(i int) int {
	if n := c.rows(i); n >= 3 || n == 2 && len(c.lines[i].cells) > 2 {
		return max(n, c.wrapped(i))
	}
	return c.wrapped(i)
}

// rows is the number of lines from i on with cells under each other.
func (c column) rows(i int) int {
	n := 0
	for n < len(c.lines)-i && c.row(c.lines[i+n]) && (n == 0 || aligned(c.lines[i+n-1], c.lines[i+n]) && !c.apart(i+n)) {
		n++
	}
	return n
}

// row reports whether a line may be a row of a table.
func (c column) row(l line) bool {
	n := len(l.cells)
	return n > 1 && !leaders.MatchString(l.text) && !equationNumber.MatchString(l.cells[n-1].text) && !bullet.MatchString(l.text) && (n > 2 || !enumerate.MatchString(l.text))
}

// apart reports whether line i stands too far from the one before it to be of
// the same table.
func (c column) apart(i int) bool {
	return c.lines[i].base-c.lines[i-1].base > 2.5*max(c.leading, c.lines[i].size)
}

// wrapped is the number of lines from i on of a table with at least three
// columns whose cells take several lines, 0 where it has no three rows with a
// word in each column. Of two columns, text that is set so cannot be told from
// a table.
func (c column) wrapped(i int) int {
	if !c.row(c.lines[i]) {
		return 0
	}
	end, widest := i, c.lines[i]
	for end < len(c.lines) && (end == i || !c.apart(end)) {
		l := c.lines[end]
		if len(l.cells) == 1 && l.width() > 0.7*(c.right-c.left) {
			break // prose
		}
		if c.row(l) && len(l.cells) > len(widest.cells) {
			widest = l
		}
		end++
	}
	if len(widest.cells) < 3 {
		return 0
	}
	n, whole := 0, 0
	for j := i; j < end; j++ {
		l := c.lines[j]
		at := inColumns(l, widest.cells)
		// A line under the first column alone may be a heading, or what follows
		// the table: it is taken in with the next row, where it is close.
		alone := len(at) == 1 && at[0] == 0
		if at == nil || alone && l.base-c.lines[j-1].base > 1.5*l.size {
			break
		}
		if !alone {
			n = j - i + 1
		}
		if len(at) == len(widest.cells) {
			whole++
		}
	}
	if whole < 3 {
		return 0
	}
	return n
}

// inColumns is the column of each cell of a line, nil where one stands in none
// or across two.
func inColumns(l line, columns []cell) []int {
	var out []int
	k := 0
	for _, x := range l.cells {
		for k < len(columns) && !under(x, columns, k) {
			k++
		}
		if k == len(columns) {
			return nil
		}
		out = append(out, k)
		k++
	}
	return out
}

// under reports whether a cell stands under column k.
func under(x cell, columns []cell, k int) bool {
	if k+1 < len(columns) && x.x1 > columns[k+1].x0-1 || k > 0 && x.x0 < columns[k-1].x1-3 {
		return false
	}
	y := columns[k]
	return math.Abs(x.x0-y.x0) < 3 || math.Abs(x.x1-y.x1) < 3 || math.Abs(x.x0+x.x1-y.x0-y.x1) < 6 || x.x0 < y.x1 && x.x1 > y.x0
}

// aligned reports whether at least two cells of b stand under cells of a.
func aligned(a, b line) bool {
	n := 0
	for _, x := range a.cells {
		for _, y := range b.cells {
			if math.Abs(x.x0-y.x0) < 3 || math.Abs(x.x1-y.x1) < 3 || math.Abs(x.x0+x.x1-y.x0-y.x1) < 6 {
				n++
				break
			}
		}
	}
	return n >= 2
}

// tableRows sorts the cells of each row under those of the longest one. A line
// with nothing in the first column and in most others goes on with the row
// before it, and so does one that stands beside it.
func tableRows(ls []line) [][]string {
	widest := slices.MaxFunc(ls, func(a, b line) int { return len(a.cells) - len(b.cells) }).cells
	var rows [][]string
	base := 0.0 // of the row's first line
	for _, l := range ls {
		at := inColumns(l, widest)
		if at == nil {
			at = inOrder(l, widest)
		}
		goesOn := len(widest) > 2 && len(rows) > 0 && (at[0] > 0 && 2*len(at) <= len(widest)+1 || l.base < base+0.5*l.size)
		if !goesOn {
			rows, base = append(rows, make([]string, len(widest))), l.base
		}
		row := rows[len(rows)-1]
		for i, c := range l.cells {
			row[at[i]] = strings.TrimSpace(row[at[i]] + " " + tidy(c.text))
		}
	}
	return rows
}

// inOrder is the column of each cell of a line by its order, where the cells do
// not stand under the columns.
func inOrder(l line, columns []cell) []int {
	out := make([]int, len(l.cells))
	at := 0
	for i, c := range l.cells {
		for at < len(columns)-(len(l.cells)-i) && c.x0 > columns[at].x1 {
			at++
		}
		out[i] = at
		at++
	}
	return out
}

// figureText marks the scraps of text above a figure's caption.
func figureText(gs []group) {
	for i, g := range gs {
		if g.kind != extract.Caption || !strings.HasPrefix(g.lines[0].text, "Fig") {
			continue
		}
		for j := i - 1; j >= 0 && scrap(gs[j]); j-- {
			gs[j].kind, gs[j].skip = extract.Other, skipFigure
		}
	}
}

func scrap(g group) bool {
	if g.kind == extract.Caption || g.kind == extract.Code || g.kind == extract.ListItem {
		return false
	}
	words := 0
	for _, l := range g.lines {
		if l.style&bold != 0 {
			return false
		}
		words += len(strings.Fields(l.text))
	}
	last := g.lines[len(g.lines)-1].text
	return words <= 4*len(g.lines) && g.lines[0].width() < 0.6*(g.right-g.left+1) && !sentence.MatchString(last) ||
		words <= 2*len(g.lines)
}
