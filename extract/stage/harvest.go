package stage

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
	"weak"

	"seedbed/extract"
)

// Harvest takes the question–answer pairs that the text itself states:
// exercises with solutions, FAQ headings, Q and A lines, interviews,
// glossaries and definitions, theorems with proofs, documented functions,
// tests with the code they test, and folders with instructions and what solves
// them. It asks no model and is right or silent: a
// number that two exercises share, or a label that may be prose, yields
// nothing.
//
// The pairs are found once for the whole document, so that an exercise meets
// its solution chapters later, and each is yielded by the passage that holds
// its question. An answer is the text's own words; its evidence is exact.
type Harvest struct{}

// Name is "harvest".
func (Harvest) Name() string { return "harvest" }

// Do adds the pairs whose question begins in p.
func (Harvest) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	if p.Doc == nil {
		return seeds, nil
	}
	all := harvested(p.Doc)
	first := sort.Search(len(all), func(i int) bool { return all[i].at >= p.Start })
	for _, f := range all[first:] {
		if f.at >= p.End {
			break
		}
		seeds = append(seeds, f.seed(p))
	}
	return seeds, ctx.Err()
}

// A found is a pair somewhere in a document.
type found struct {
	at       int // where its question begins, in code points
	question string
	answer   string
	short    string
	kind     string // of extract.SeedTypes
	evidence []extract.Evidence
	tag      string
}

func (f found) seed(p extract.Passage) extract.Seed {
	return extract.Seed{
		Question:    f.question,
		Answer:      f.answer,
		ShortAnswer: f.short,
		Origin:      extract.Explicit,
		Type:        f.kind,
		Language:    p.Doc.Language,
		Evidence:    slices.Clone(f.evidence),
		Passage:     p.ID,
		Tags:        []string{f.tag},
	}
}

// harvests keeps what was found in a document for as long as somebody holds
// the document, so that its thousand passages look it through once.
var harvests sync.Map // weak.Pointer[extract.Document] → func() []found

func harvested(doc *extract.Document) []found {
	key := weak.Make(doc)
	if once, ok := harvests.Load(key); ok {
		return once.(func() []found)()
	}
	// The closure must not keep the document alive once it has run.
	held := doc
	once, loaded := harvests.LoadOrStore(key, sync.OnceValue(func() []found {
		defer func() { held = nil }()
		return harvest(held)
	}))
	if !loaded {
		runtime.AddCleanup(doc, func(key weak.Pointer[extract.Document]) { harvests.Delete(key) }, key)
	}
	return once.(func() []found)()
}

// harvest finds all pairs of a document, in the order of their questions.
func harvest(doc *extract.Document) []found {
	o := newOutline(doc)
	if o == nil {
		return nil
	}
	// The order matters: a question that one shape has taken is not offered
	// to the next.
	o.choices()
	o.exercises()
	o.proofs()
	o.faq()
	o.interviews()
	o.terms()
	o.folders()
	o.code()
	slices.SortStableFunc(o.found, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	return o.found
}

// A span is a stretch of the document's text, in bytes.
type span struct{ start, end int }

func (s span) empty() bool { return s.end <= s.start }

// add keeps a pair, unless one of its sides has no words.
func (o *outline) add(question, answer string, f found, spans ...span) {
	width := o.width(spans)
	f.question, f.answer = unwrap(strings.TrimSpace(question), width), unwrap(strings.TrimSpace(answer), width)
	if !wordy(f.question) || !wordy(f.answer) || bareTags.MatchString(f.answer) || len(f.answer) > maxAnswer || len(f.question) > maxQuestion {
		return
	}
	for _, s := range spans {
		if e, ok := o.evidence(s); ok {
			f.evidence = append(f.evidence, e)
		}
	}
	if len(f.evidence) == 0 {
		return
	}
	if f.kind == "" {
		f.kind = typeOf(f.question, f.answer)
	}
	o.found = append(o.found, f)
}

// Longer ones are chapters that a missing heading has run together, not
// questions and answers.
const (
	maxQuestion = 20_000 // bytes
	maxAnswer   = 40_000
)

// bareTags match an answer that nobody has written yet.
var bareTags = lazily(`^(?:\s*</?[a-z]{1,10}/?>\s*)+$`)

// wordy reports whether s has a letter or a digit.
func wordy(s string) bool { return strings.ContainsFunc(s, isWord) }

// evidence is the exact quote of a span and where it stands.
func (o *outline) evidence(s span) (extract.Evidence, bool) {
	s = o.trim(s)
	if s.empty() {
		return extract.Evidence{}, false
	}
	first, last := o.blockAt(s.start), o.blockAt(s.end-1)
	from, to := o.doc.Blocks[first], o.doc.Blocks[last]
	e := extract.Evidence{
		Quote: o.text[s.start:s.end],
		File:  from.File,
		Page:  from.Page,
		Start: o.runes(s.start),
		End:   o.runes(s.end),
		Match: extract.MatchExact,
	}
	if from.Lines[0] > 0 && to.Lines[0] > 0 && from.File == to.File {
		e.Lines[0] = from.Lines[0] + o.newlines(s.start) - o.newlines(o.starts[first])
		e.Lines[1] = to.Lines[0] + o.newlines(s.end) - o.newlines(o.starts[last])
	}
	return e, true
}

// trim takes white space off both ends.
func (o *outline) trim(s span) span {
	if s.empty() {
		return span{s.start, s.start}
	}
	text := o.text[s.start:s.end]
	s.start += len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	s.end -= len(text) - len(strings.TrimRight(text, " \t\r\n"))
	s.end = max(s.end, s.start)
	return s
}

// blockAt is the last block that begins at or before the byte offset.
func (o *outline) blockAt(at int) int {
	return max(0, sort.SearchInts(o.starts, at+1)-1)
}

// stride is how far apart, in bytes, code points are counted in advance.
const stride = 2048

// runes turns a byte offset into one in code points.
func (o *outline) runes(at int) int {
	if o.counts == nil {
		return at // ASCII
	}
	return o.counts[at/stride] + utf8.RuneCountInString(o.text[o.marks[at/stride]:at])
}

// newlines is how many lines end before the byte offset.
func (o *outline) newlines(at int) int {
	for len(o.lines) <= at/stride {
		n := len(o.lines)
		if n == 0 {
			o.lines = append(o.lines, 0)
			continue
		}
		o.lines = append(o.lines, o.lines[n-1]+strings.Count(o.text[(n-1)*stride:n*stride], "\n"))
	}
	return o.lines[at/stride] + strings.Count(o.text[at/stride*stride:at], "\n")
}

// countRunes prepares runes: one walk over the text.
func (o *outline) countRunes() {
	ascii := true
	for i := range len(o.text) {
		if o.text[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return
	}
	n, last := 0, 0
	for at := 0; at <= len(o.text); at += stride {
		mark := at
		for mark > last && mark < len(o.text) && !utf8.RuneStart(o.text[mark]) {
			mark--
		}
		n += utf8.RuneCountInString(o.text[last:mark])
		o.marks = append(o.marks, mark)
		o.counts = append(o.counts, n)
		last = mark
	}
}
