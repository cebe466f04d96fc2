package measure

import (
	"sort"
	"strings"
	"unicode/utf8"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/stage"
	"seedbed/extract/tokens"
)

// A Source is a document that seeds were made from, read as it was then.
type Source struct {
	Name   string // to be shown
	ID     string // as the seeds' source names it; "" is matched by SHA256 alone
	SHA256 string // of the bytes, in hexadecimal
	Doc    *extract.Document
}

// A document is a source as seeds are held against it. It grows with the
// text, never with the number of seeds.
type document struct {
	Source
	runes    int
	marks    []int // byte offset of each 256th code point
	numbers  map[string]bool
	normal   string // of the text; "" until it is needed
	sections []*section
	passages []span
	passage  map[string]int // by id

	seeds    int
	quoted   bitset // code points in grounded quotes
	reached  bitset // code points in passages that gave a seed
	unplaced int
}

type span struct{ start, end int }

// A section with content of its own.
type section struct {
	span
	path    []string
	tokens  int
	touched bool
	seeds   int
}

const markEvery = 256

func newDocument(s Source) *document {
	d := &document{Source: s, numbers: map[string]bool{}, passage: map[string]int{}}
	for i := range s.Doc.Text {
		if d.runes%markEvery == 0 {
			d.marks = append(d.marks, i)
		}
		d.runes++
	}
	d.quoted, d.reached = newBitset(d.runes), newBitset(d.runes)
	for n := range numbersIn(s.Doc.Text) {
		d.numbers[n] = true
	}
	for _, s := range s.Doc.Sections() {
		d.section(s)
	}
	for p := range chunk.Split(s.Doc, chunk.Options{}) {
		if _, known := d.passage[p.ID]; !known {
			d.passage[p.ID] = len(d.passages)
		}
		d.passages = append(d.passages, span{p.Start, p.End})
	}
	return d
}

func (d *document) section(s extract.Section) {
	out := section{span: span{s.Blocks[0].Start, s.Blocks[len(s.Blocks)-1].End}, path: append([]string{}, s.Path...)}
	content := false
	for _, b := range s.Blocks {
		if b.Skip == "" {
			content = content || b.Kind != extract.Heading && b.Kind != extract.Other
			out.tokens += tokens.Count(b.Text)
		}
	}
	if content {
		d.sections = append(d.sections, &out)
	}
}

// slice is the text from start to end, in code points within it.
func (d *document) slice(start, end int) string {
	return d.Doc.Text[d.byteAt(start):d.byteAt(end)]
}

func (d *document) byteAt(n int) int {
	if n >= d.runes {
		return len(d.Doc.Text)
	}
	at := d.marks[n/markEvery]
	for range n % markEvery {
		_, w := utf8.DecodeRuneInString(d.Doc.Text[at:])
		at += w
	}
	return at
}

// holds reports whether the quote stands where it says.
func (d *document) holds(e *extract.Evidence) bool {
	if strings.TrimSpace(e.Quote) == "" || e.Start < 0 || e.End <= e.Start || e.End > d.runes {
		return false
	}
	// Normalisation drops white space and hyphens but no more than that; what
	// is far longer than its quote need not be read.
	if n := utf8.RuneCountInString(e.Quote); e.End-e.Start > 4*n+64 {
		return false
	}
	there := d.slice(e.Start, e.End)
	if there == e.Quote {
		return true
	}
	if e.Match == extract.MatchExact {
		return false
	}
	quote := stage.Normal(e.Quote)
	return quote != "" && quote == stage.Normal(there)
}

// says reports whether the quote stands anywhere in the text.
func (d *document) says(quote string) bool {
	quote = stage.Normal(quote)
	if quote == "" {
		return false
	}
	if d.normal == "" {
		d.normal = stage.Normal(d.Doc.Text)
	}
	return strings.Contains(d.normal, quote)
}

// add counts a seed whose quotes at places are grounded.
func (d *document) add(passage string, places []span) {
	d.seeds++
	at := -1 // the seed's passage
	if i, known := d.passage[passage]; known {
		at = i
	} else if len(places) > 0 { // cut in another way
		at = within(len(d.passages), func(i int) span { return d.passages[i] }, places[0].start)
	}
	if at >= 0 {
		d.reached.fill(d.passages[at].start, d.passages[at].end)
	}
	for _, p := range places {
		d.quoted.fill(p.start, p.end)
	}
	if len(places) == 0 && at >= 0 {
		places = []span{d.passages[at]}
	}
	home := false // its first quote's section counts the seed
	for _, p := range places {
		i := sort.Search(len(d.sections), func(i int) bool { return d.sections[i].end > p.start })
		for ; i < len(d.sections) && d.sections[i].start < p.end; i++ {
			d.sections[i].touched = true
			if !home {
				d.sections[i].seeds++
				home = true
			}
		}
	}
	if !home {
		d.unplaced++
	}
}

// within is which of n spans in order holds the code point at, -1 if none.
func within(n int, get func(int) span, at int) int {
	i := sort.Search(n, func(i int) bool { return get(i).end > at })
	if i == n || get(i).start > at {
		return -1
	}
	return i
}

// reach is how far the seeds added so far reach, but for the Gini indexes.
func (d *document) reach() Reach {
	r := Reach{Seeds: d.seeds}
	for _, b := range d.Doc.Blocks {
		if b.Skip == "" {
			r.Tokens += tokens.Count(b.Text)
			r.Quoted.N += tokensIn(b, d.quoted)
			r.Passages.N += tokensIn(b, d.reached)
		}
	}
	// Parts of a text may come to more than the whole.
	r.Quoted = Share{min(r.Quoted.N, r.Tokens), r.Tokens}
	r.Passages = Share{min(r.Passages.N, r.Tokens), r.Tokens}
	for _, s := range d.sections {
		r.Sections.add(s.touched)
	}
	return r
}

// tokensIn is how many tokens of the block's text are in the set.
func tokensIn(b extract.Block, set bitset) int {
	sum, from, at := 0, -1, b.Start // where the run in the set begins, in bytes
	for i := range b.Text {
		in := set.has(at)
		if in && from < 0 {
			from = i
		}
		if !in && from >= 0 {
			sum += tokens.Count(b.Text[from:i])
			from = -1
		}
		at++
	}
	if from >= 0 {
		sum += tokens.Count(b.Text[from:])
	}
	return sum
}
