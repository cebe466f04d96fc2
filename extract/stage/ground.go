package stage

import (
	"cmp"
	"context"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"seedbed/extract"
)

// Ground requires every quote of a seed's evidence to stand in the passage,
// and says where: it sets the offsets, file, page and lines of the quote.
//
// A quote is looked for as it is, then with what typesetting changes set
// aside: compatibility forms and ligatures, white space, kinds of quotation
// marks and dashes, soft hyphens and hyphens at line ends. Last it is aligned
// word by word, and repaired where enough of it is there. Whichever way it is
// found, the quote becomes the source's own words. A seed of which one quote
// is not found fails, as does one without evidence, unless a person wrote it.
//
// Evidence that says where it stands, as that of rules and of other passages
// does, may stand anywhere in the document; that it does is checked to the
// letter.
type Ground struct {
	// Similarity is how much of a quote's words must be there to repair it:
	// 1 − edits ÷ words. 0 is 0.85.
	Similarity float64 `yaml:"similarity"`
}

// Name is "ground".
func (*Ground) Name() string { return "ground" }

const groundVersion = "1"

// repairable is how much of a quote's words must be there, unless a recipe says
// otherwise, for the rest to be a slip.
const repairable = 0.85

// Do checks the live seeds.
func (g *Ground) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	in := searched{Passage: p, similarity: cmp.Or(g.Similarity, repairable)}
	for i := range seeds {
		if !seeds[i].Live() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seeds[i].Record(in.check(&seeds[i]))
	}
	return seeds, nil
}

// searched is a passage in which quotes are looked for. What the search needs
// beyond the text is made when it is first needed, once for all quotes.
type searched struct {
	extract.Passage
	similarity float64
	normal     *normal
	words      *wordList
}

func (in *searched) check(s *extract.Seed) extract.Check {
	c := extract.Check{Name: "ground", Verdict: extract.Pass, Score: 1, Version: groundVersion}
	if len(s.Evidence) == 0 {
		if s.Origin == extract.Manual {
			c.Verdict, c.Score, c.Reason = extract.Skipped, 0, "written by a person"
		} else {
			c.Verdict, c.Score, c.Reason = extract.Fail, 0, "no quote supports it"
		}
		return c
	}
	for i := range s.Evidence {
		e := &s.Evidence[i]
		score, reason := in.find(e)
		lost := score < in.similarity
		if lost {
			*e = extract.Evidence{Quote: e.Quote}
		}
		switch {
		case lost && c.Verdict == extract.Pass:
			c.Verdict, c.Score, c.Reason = extract.Fail, score, reason
		case lost == (c.Verdict == extract.Fail) && score < c.Score:
			c.Score, c.Reason = score, reason
		}
	}
	return c
}

// find looks for the quote and fills in where it is. The score is how much of
// the quote is there.
func (in *searched) find(e *extract.Evidence) (score float64, reason string) {
	if in.standsThere(e) {
		in.place(e)
		return 1, ""
	}
	quote := strings.TrimSpace(e.Quote)
	if !strings.ContainsFunc(quote, isWordRune) {
		return 0, "a quote is empty"
	}
	if from := strings.Index(in.Text, quote); from >= 0 {
		in.take(e, from, from+len(quote), extract.MatchExact)
		return 1, ""
	}
	if in.normal == nil {
		in.normal = normalize(in.Text)
	}
	if from, to, ok := in.normal.find(quote); ok {
		in.take(e, from, to, extract.MatchNormalized)
		return 1, ""
	}
	if in.words == nil {
		in.words = in.normal.words()
	}
	found := in.words.align(quote, in.similarity)
	if found.score < in.similarity {
		return found.score, fmt.Sprintf("quote not in the passage: “%s”", short(quote))
	}
	in.take(e, found.from, found.to, extract.MatchRepaired)
	return found.score, fmt.Sprintf("%d of %d words of a quote repaired: “%s”", found.edits, found.of, short(quote))
}

// take makes in.Text[from:to] the quote.
func (in *searched) take(e *extract.Evidence, from, to int, match string) {
	e.Quote = in.Text[from:to]
	e.Start = in.Start + utf8.RuneCountInString(in.Text[:from])
	e.End = e.Start + utf8.RuneCountInString(e.Quote)
	e.Match = match
	in.place(e)
}

// standsThere reports whether located evidence is where it says.
func (in *searched) standsThere(e *extract.Evidence) bool {
	if e.Match == "" || e.Quote == "" || e.End-e.Start != utf8.RuneCountInString(e.Quote) {
		return false
	}
	if in.Start <= e.Start && e.End <= in.End {
		return strings.HasPrefix(in.Text[byteAt(in.Text, in.End-in.Start, e.Start-in.Start):], e.Quote)
	}
	if in.Doc == nil || e.Start < 0 {
		return false
	}
	blocks := in.Doc.Blocks
	i := blockAt(blocks, e.Start)
	if i < 0 {
		return false
	}
	b := &blocks[i]
	if e.End <= b.End {
		return strings.HasPrefix(b.Text[byteAt(b.Text, b.End-b.Start, e.Start-b.Start):], e.Quote)
	}
	return strings.HasPrefix(in.Doc.Text[documentByte(in.Doc, i)+byteAt(b.Text, b.End-b.Start, e.Start-b.Start):], e.Quote)
}

// byteAt is the offset in bytes of the n-th code point of s, which has runes
// of them.
func byteAt(s string, runes, n int) int {
	if runes == len(s) {
		return n
	}
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return at
}

// documentByte is where block i begins in the document's text, in bytes.
func documentByte(doc *extract.Document, i int) int {
	at, end := 0, 0
	for _, b := range doc.Blocks[:i] {
		at += byteAt(doc.Text[at:], -1, b.Start-end) + len(b.Text)
		end = b.End
	}
	return at + byteAt(doc.Text[at:], -1, doc.Blocks[i].Start-end)
}

// blockAt is the block that holds the code point at, -1 if none does.
func blockAt(blocks []extract.Block, at int) int {
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].End > at })
	if i == len(blocks) || blocks[i].Start > at {
		return -1
	}
	return i
}

// place fills in file, page and lines of evidence whose offsets are set.
func (in *searched) place(e *extract.Evidence) {
	e.File, e.Page, e.Lines = in.File, in.Page, [2]int{}
	inside := in.Start <= e.Start && e.End <= in.End
	if in.Doc == nil {
		if inside {
			e.Lines = lines(e, in.Text, in.Locator)
		}
		return
	}
	first, last := blockAt(in.Doc.Blocks, e.Start), blockAt(in.Doc.Blocks, e.End-1)
	if first < 0 || last < 0 {
		return
	}
	from, to := &in.Doc.Blocks[first], &in.Doc.Blocks[last]
	e.File, e.Page = from.File, from.Page
	if from.File != to.File {
		return
	}
	// A block larger than its passage may be a hundred megabytes: count the
	// lines in the passage instead.
	if inside && (from.Start < in.Start || to.End > in.End) {
		e.Lines = lines(e, in.Text, in.Locator)
		return
	}
	if a, b := lines(e, from.Text, from.Locator), lines(e, to.Text, to.Locator); a[0] > 0 && b[1] > 0 {
		e.Lines = [2]int{a[0], b[1]}
	}
}

// lines are the file's lines on which e begins and ends, as far as they are
// in text, which stands at. Where the text is not the file's lines one for
// one, they are all of its lines.
func lines(e *extract.Evidence, text string, at extract.Locator) [2]int {
	out := at.Lines
	if out[0] == 0 || out[1] == out[0] || strings.Count(text, "\n") != out[1]-out[0] {
		return out
	}
	runes := at.End - at.Start
	if from := e.Start - at.Start; from > 0 && from < runes {
		out[0] += strings.Count(text[:byteAt(text, runes, from)], "\n")
	}
	if to := e.End - at.Start; to > 0 && to < runes {
		out[1] -= strings.Count(text[byteAt(text, runes, to):], "\n")
	}
	return out
}

// short is at most 80 characters of s, for a message.
func short(s string) string {
	s = squeeze(s)
	if utf8.RuneCountInString(s) <= 80 {
		return s
	}
	return strings.TrimSpace(s[:byteAt(s, -1, 79)]) + "…"
}
