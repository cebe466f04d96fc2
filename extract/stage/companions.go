package stage

import (
	"slices"
	"strings"

	"seedbed/extract"
)

// Bounds of what is shown beside a passage, in bytes: less says too little,
// and more is read by nobody.
const (
	leastCompanion = 200
	mostCompanion  = 4000
)

// companions are up to n stretches of the document that belong together with
// a passage: first the sections that it refers to, by number or by name, then
// what follows and what precedes it under the same headings. They depend on
// the document and the passage alone, and the first of them are the same
// whatever n is.
func companions(p extract.Passage, n int) []extract.Passage {
	if p.Doc == nil || n <= 0 {
		return nil
	}
	var out []extract.Passage
	paths := headingPaths(p.Doc)
	add := func(block int) {
		if len(out) == n || block < 0 || block >= len(p.Doc.Blocks) {
			return
		}
		s := stretch(p.Doc, paths, block)
		overlaps := func(q extract.Passage) bool { return s.Start < q.End && q.Start < s.End }
		if len(s.Text) >= leastCompanion && !overlaps(p) && !slices.ContainsFunc(out, overlaps) {
			out = append(out, s)
		}
	}
	for _, h := range referred(p) {
		add(h)
	}
	related := func(block int) bool {
		return block >= 0 && block < len(paths) && shared(paths[block], p.Path) >= max(1, len(p.Path)-1)
	}
	next, before := p.Last, p.First
	for range n {
		if related(next) {
			add(next)
			next = stretch(p.Doc, paths, next).Last
		}
		if before = sectionBefore(p.Doc, before); related(before) {
			add(before)
		}
	}
	return out
}

// stretch is what stands from a block on under its heading, as far as a
// passage reaches.
func stretch(doc *extract.Document, paths [][]string, first int) extract.Passage {
	last, size, body := first, 0, false
	for ; last < len(doc.Blocks); last++ {
		b := doc.Blocks[last]
		if last > first && (b.Kind == extract.Heading && body || b.File != doc.Blocks[first].File || b.Skip != "" || size+len(b.Text) > mostCompanion) {
			break
		}
		if b.Skip != "" || len(b.Text) > mostCompanion {
			break
		}
		size += len(b.Text)
		body = body || b.Kind != extract.Heading
	}
	if last == first {
		return extract.Passage{Doc: doc, First: first, Last: first + 1}
	}
	from, to := doc.Blocks[first], doc.Blocks[last-1]
	start := documentByte(doc, first)
	text := doc.Text[start:]
	p := extract.Passage{
		Path: paths[last-1], Text: text[:byteAt(text, -1, to.End-from.Start)],
		First: first, Last: last, Doc: doc,
		Locator: extract.Locator{Start: from.Start, End: to.End, File: from.File, Page: from.Page, Label: from.Label},
	}
	if from.Lines[0] > 0 && to.Lines[1] > 0 {
		p.Lines = [2]int{from.Lines[0], to.Lines[1]}
	}
	return p
}

// sectionBefore is the heading of the section before the one that a block
// stands in, −1 if there is none.
func sectionBefore(doc *extract.Document, block int) int {
	i := min(block, len(doc.Blocks)) - 1
	for i >= 0 && doc.Blocks[i].Kind == extract.Heading { // those above the block's own
		i--
	}
	for i >= 0 && doc.Blocks[i].Kind != extract.Heading {
		i--
	}
	return i
}

// headingPaths are the titles above each block, outermost first.
func headingPaths(doc *extract.Document) [][]string {
	out := make([][]string, len(doc.Blocks))
	var open []extract.Block
	var path []string
	for i, b := range doc.Blocks {
		if b.Kind == extract.Heading {
			for len(open) > 0 && open[len(open)-1].Level >= b.Level {
				open = open[:len(open)-1]
			}
			open = append(open, b)
			path = make([]string, len(open))
			for j, h := range open {
				path[j] = h.Title
			}
		}
		out[i] = path
	}
	return out
}

func shared(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

var (
	byNumber = lazily(`(?i)(?:\b(?:sections?|sect?\.|chapters?|chap\.|appendix|kapitel|abschnitt|chapitre|section)|§)\s*(\d+(?:\.\d+)*)`)
	numbered = lazily(`^(?i)(?:[#=\s]*)(?:chapter|section|appendix|kapitel|abschnitt|chapitre)?\s*(\d+(?:\.\d+)*)[.:)\s]`)
)

// referred are the headings of the sections that a passage refers to, in the
// order in which it does.
func referred(p extract.Passage) []int {
	numbers, titles := map[string]int{}, map[int]string{}
	for i, b := range p.Doc.Blocks {
		if b.Kind != extract.Heading || i >= p.First && i < p.Last {
			continue
		}
		if m := numbered.FindStringSubmatch(b.Text + " "); m != nil {
			if _, ok := numbers[m[1]]; !ok {
				numbers[m[1]] = i
			}
		}
		// A title of one word is said everywhere without being meant.
		if len(strings.Fields(b.Title)) >= 2 && len(b.Title) >= 10 {
			titles[i] = b.Title
		}
	}
	type mention struct{ at, block int }
	var found []mention
	for _, m := range byNumber().FindAllStringSubmatchIndex(p.Text, -1) {
		if block, ok := numbers[p.Text[m[2]:m[3]]]; ok {
			found = append(found, mention{m[0], block})
		}
	}
	for block, title := range titles {
		if at := strings.Index(p.Text, title); at >= 0 {
			found = append(found, mention{at, block})
		}
	}
	slices.SortFunc(found, func(a, b mention) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return a.block - b.block
	})
	var out []int
	for _, m := range found {
		if !slices.Contains(out, m.block) {
			out = append(out, m.block)
		}
	}
	return out
}

// A besidePassage is what the templates show of a companion.
type besidePassage struct {
	Path string
	Text string
}

func besides(list []extract.Passage) []besidePassage {
	var out []besidePassage
	for _, c := range list {
		out = append(out, besidePassage{Path: oneLine(strings.Join(c.Path, " › ")), Text: disarm(c.Text)})
	}
	return out
}

// tagSeveral marks seeds whose evidence stands in several passages.
const tagSeveral = "several passages"

// locate says where quotes stand that stand in no more than a companion of
// the passage. What stands in the passage itself is left to ground.
func locate(s *extract.Seed, p extract.Passage, also []extract.Passage) {
	in := make([]searched, 1+len(also))
	for i := range in {
		in[i] = searched{Passage: p, similarity: 1}
		if i > 0 {
			in[i].Passage = also[i-1]
		}
	}
	stands := map[int]bool{}
	for i := range s.Evidence {
		stands[locateQuote(&s.Evidence[i], in)] = true
	}
	delete(stands, -1)
	if len(stands) > 1 {
		s.Tags = append(s.Tags, tagSeveral)
	}
}

// locateQuote looks for a quote, first as it is in each, then for what is
// nearly it in the companions; it returns where it stands, −1 for nowhere.
func locateQuote(e *extract.Evidence, in []searched) int {
	for _, enough := range []float64{1, repairable} {
		for i := range in {
			found := *e
			in[i].similarity = enough
			if score, _ := in[i].find(&found); score >= enough {
				if i > 0 {
					*e = found
				}
				return i
			}
		}
	}
	return -1
}

// withEvidence is the passage with those of its companions that a seed's
// evidence stands in, for whoever is to answer from it.
func withEvidence(p extract.Passage, s *extract.Seed) string {
	text := p.Text
	outside := func(e extract.Evidence) bool { return e.Match != "" && (e.Start < p.Start || e.End > p.End) }
	if !slices.ContainsFunc(s.Evidence, outside) {
		return text
	}
	for _, c := range companions(p, maxPassages-1) {
		if slices.ContainsFunc(s.Evidence, func(e extract.Evidence) bool { return outside(e) && c.Start <= e.Start && e.End <= c.End }) {
			text += "\n\n" + c.Text
		}
	}
	return text
}

// maxPassages is how many are looked at together, the seed's own included.
const maxPassages = 5
