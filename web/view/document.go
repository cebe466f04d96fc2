package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"seedbed/extract"
)

// partSize is how much of a document one page shows, in characters. A book of
// five million characters is some hundred pages of this.
const partSize = 40_000

// outlineSize is how many headings an outline lists.
const outlineSize = 400

// A Part is a stretch of a document that one page shows.
type Part struct {
	Start, End int // characters
	First      int // block
	Title      string
}

// Parts cuts a document into stretches of about partSize characters, at
// blocks where it can and inside a block where one is longer than that.
func Parts(doc *extract.Document) []Part {
	var parts []Part
	for i, b := range doc.Blocks {
		for start := b.Start; start < b.End; start += partSize {
			end := min(start+partSize, b.End)
			if n := len(parts); n > 0 && end-parts[n-1].Start <= partSize {
				parts[n-1].End = end
				continue
			}
			parts = append(parts, Part{Start: start, End: end, First: i})
		}
	}
	return parts
}

// PartAt is the part in which a character stands, from 0.
func PartAt(parts []Part, char int) int {
	for i, p := range parts {
		if char < p.End {
			return i
		}
	}
	return max(0, len(parts)-1)
}

// besideSize is how much text stands beside a form, in characters, and
// leadIn how much of it before the place that it is about.
const (
	besideSize = 6_000
	leadIn     = 400
)

// Beside is the stretch of a document from a character on: whole blocks, but
// for long ones.
func Beside(doc *extract.Document, from int) Part {
	var p Part
	if n := len(doc.Blocks); n > 0 {
		from = min(from, doc.Blocks[n-1].End-1)
	}
	for i, b := range doc.Blocks {
		switch {
		case b.End <= from:
		case p.End == 0:
			p = Part{Start: max(b.Start, from), First: i}
			p.End = min(b.End, p.Start+besideSize)
		case b.End > p.Start+besideSize:
			if p.End < p.Start+besideSize/2 { // else little would stand before a long one
				p.End = p.Start + besideSize
			}
			return p
		default:
			p.End = b.End
		}
	}
	return p
}

// Around is the stretch around a character: from the block on that stands a
// little before it.
func Around(doc *extract.Document, char int) Part {
	for _, b := range doc.Blocks {
		if b.End > char-leadIn {
			return Beside(doc, max(b.Start, char-leadIn*5)) // a block may be long
		}
	}
	return Beside(doc, char)
}

// Before is a stretch that ends where another begins.
func Before(doc *extract.Document, p Part) Part {
	end := 0
	for _, b := range doc.Blocks {
		if b.Start < p.Start {
			end = min(b.End, p.Start)
		}
	}
	from := max(0, end-besideSize)
	for _, b := range doc.Blocks {
		if b.Start >= from && b.Start < p.Start {
			if q := Beside(doc, b.Start); q.End >= end {
				return q
			}
		}
	}
	return Beside(doc, from)
}

// A Span is text that is marked or not.
type Span struct {
	Text string
	Mark bool
	At   bool // the first marked one
}

// A Block is a block of the document, or the stretch of it that one page shows.
type Block struct {
	extract.Block
	ID    string // anchor
	Spans []Span
	Hit   bool   // some of it is marked
	Break string // a page or file begins here
}

// Blocks are the blocks of a part, with the characters from start to end
// marked.
func Blocks(doc *extract.Document, p Part, start, end int) []Block {
	var out []Block
	page, file := 0, ""
	if p.First > 0 {
		page, file = doc.Blocks[p.First-1].Page, doc.Blocks[p.First-1].File
	}
	at := true
	for _, b := range doc.Blocks[p.First:] {
		if b.Start >= p.End {
			break
		}
		from, to := max(b.Start, p.Start), min(b.End, p.End)
		v := Block{Block: b, ID: "c" + strconv.Itoa(from)}
		text := b.Text
		switch b.Kind {
		case extract.Paragraph, extract.ListItem, extract.Caption, extract.Footnote:
			text = unwrap(text)
		}
		if from > b.Start || to < b.End {
			text = string([]rune(text)[from-b.Start : to-b.Start])
			v.Title, v.Rows = "", nil
		}
		v.Spans, v.Hit = spans(text, start-from, end-from, to-from)
		for i := range v.Spans {
			if v.Spans[i].Mark && at {
				v.Spans[i].At, at = true, false
			}
		}
		if b.File != file {
			page = 0
			if b.Title != b.File { // which would say it twice
				v.Break = b.File
			}
		} else if b.Page > page {
			v.Break = "Page " + strconv.Itoa(b.Page)
			if b.Label != "" && b.Label != strconv.Itoa(b.Page) {
				v.Break = fmt.Sprintf("Page %s (%d)", b.Label, b.Page)
			}
		}
		// What was printed around the text stands behind it, and is not a page
		// of its own.
		page, file = max(page, b.Page), b.File
		out = append(out, v)
	}
	return out
}

// spans cuts text, of n characters, around those from start to end.
func spans(text string, start, end, n int) ([]Span, bool) {
	start, end = max(start, 0), min(end, n)
	if start >= end {
		return []Span{{Text: text}}, false
	}
	i := offset(text, start)
	j := i + offset(text[i:], end-start)
	var out []Span
	if i > 0 {
		out = append(out, Span{Text: text[:i]})
	}
	out = append(out, Span{Text: text[i:j], Mark: true})
	if j < len(text) {
		out = append(out, Span{Text: text[j:]})
	}
	return out, true
}

// offset is the byte in s at which its n-th character begins.
func offset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// A Chapter is a line of a document's outline.
type Chapter struct {
	Title string
	Level int // from 1
	Part  int // from 1
	ID    string
}

// Outline lists a document's headings. Where there are too many, the deep ones
// are left out first; left says how many are not listed.
func Outline(doc *extract.Document, parts []Part) (list []Chapter, left int) {
	perLevel := map[int]int{}
	total := 0
	for _, b := range doc.Blocks {
		if b.Kind == extract.Heading {
			perLevel[b.Level]++
			total++
		}
	}
	deepest, n := 1, perLevel[0]+perLevel[1]
	for deepest < 9 && n+perLevel[deepest+1] <= outlineSize {
		deepest++
		n += perLevel[deepest]
	}
	part := 0
	for _, b := range doc.Blocks {
		if b.Kind != extract.Heading || b.Level > deepest || len(list) == outlineSize {
			continue
		}
		for part < len(parts)-1 && b.Start >= parts[part].End {
			part++
		}
		title := b.Title
		if title == "" {
			title = b.Text
		}
		list = append(list, Chapter{
			Title: excerpt(title, 90), Level: min(max(b.Level, 1), 6),
			Part: part + 1, ID: "c" + strconv.Itoa(b.Start),
		})
	}
	return list, total - len(list)
}

// A Quote is evidence with the text around it. Pieces that stand close
// together are marked in one text.
type Quote struct {
	Evidence []extract.Evidence
	Spans    []Span
	Found    bool // in the document, so that there is a place to go to
	Code     bool // its white space means something
	Sheets   []Sheet
}

// How much of the text is shown on either side of a quote: characters, and
// lines, so that code and lists do not push the quote away.
const (
	contextSize  = 320
	contextLines = 5
)

// InContext looks pieces of evidence up in their document, in its order.
// What is not found there stands alone, at the end.
func InContext(doc *extract.Document, list []extract.Evidence) []Quote {
	var found, lost []extract.Evidence
	for _, e := range list {
		if doc != nil && e.Start >= 0 && e.Start < e.End && offset(doc.Text, e.End-1) < len(doc.Text) {
			found = append(found, e)
		} else {
			lost = append(lost, e)
		}
	}
	slices.SortStableFunc(found, func(a, b extract.Evidence) int { return a.Start - b.Start })
	var out []Quote
	for first := 0; first < len(found); {
		last, end := first+1, found[first].End
		for last < len(found) && found[last].Start-end < contextSize {
			end = max(end, found[last].End)
			last++
		}
		out = append(out, Quote{Evidence: found[first:last], Spans: around(doc, found[first:last]), Found: true, Code: isCode(doc, found[first])})
		first = last
	}
	for _, e := range lost {
		out = append(out, Quote{Evidence: []extract.Evidence{e}, Spans: []Span{{Text: e.Quote, Mark: true}}})
	}
	return out
}

// isCode reports whether a piece of evidence stands in code.
func isCode(doc *extract.Document, e extract.Evidence) bool {
	i := slices.IndexFunc(doc.Blocks, func(b extract.Block) bool { return e.Start < b.End })
	return i >= 0 && doc.Blocks[i].Kind == extract.Code
}

// around is the text around pieces of evidence that follow each other, with
// each of them marked.
func around(doc *extract.Document, list []extract.Evidence) []Span {
	from := list[0].Start
	at := offset(doc.Text, from)
	before := tail(doc.Text[:at])
	last := 0
	for _, e := range list {
		last = max(last, e.End)
	}
	end := at + offset(doc.Text[at:], last-from)
	after := head(doc.Text[end:])

	// Lines are joined over the whole, so that a quote's edge changes nothing.
	text := before + doc.Text[at:end] + after
	if !isCode(doc, list[0]) {
		text = unwrap(text)
	}
	at = len(before) // unwrap keeps bytes too: it trades white space for white space
	char := from
	spans := []Span{{Text: text[:at]}}
	next := func(to int, mark bool) {
		if to <= char {
			return // two pieces overlap
		}
		end := at + offset(text[at:], to-char)
		spans = append(spans, Span{Text: text[at:end], Mark: mark})
		at, char = end, to
	}
	for _, e := range list {
		next(e.Start, false)
		next(e.End, true)
	}
	return append(spans, Span{Text: text[at:]})
}

// head is the beginning of s, of a few lines and characters, cut between words.
func head(s string) string {
	end, chars, lines := len(s), 0, 0
	for i, r := range s {
		if r == '\n' {
			lines++
		}
		if chars == contextSize || lines > contextLines {
			end = i
			break
		}
		chars++
	}
	if end == len(s) {
		return s
	}
	if k := strings.LastIndexAny(s[:end], " \n"); k > 0 && lines <= contextLines {
		end = k
	}
	return s[:end] + " …"
}

// tail is the end of s, of a few lines and characters, cut between words.
func tail(s string) string {
	start, lines := len(s), 0
	for range contextSize {
		r, size := utf8.DecodeLastRuneInString(s[:start])
		if r == '\n' {
			lines++
		}
		if start == 0 || lines > contextLines {
			break
		}
		start -= size
	}
	if start == 0 {
		return s
	}
	if k := strings.IndexAny(s[start:], " \n"); k >= 0 && start+k+1 < len(s) && lines <= contextLines {
		start += k + 1
	}
	return "… " + s[start:]
}
