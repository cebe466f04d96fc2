// Package measure makes the scorecard of a set of seeds: how well they are
// grounded, whether they stand alone, how varied they are, how much of their
// sources they reach, and what they cost.
//
// Seeds are looked at one by one and forgotten. What has to be remembered is
// limited: questions are compared with the first 100,000 for near duplicates,
// and 10,000 drawn by chance, the same ones each time, stand for all where
// words are counted. The card says how many it was.
package measure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/stage"
)

// Options say what is measured. The zero value works.
type Options struct {
	// Verdicts of the seeds to measure; nil is draft and accepted.
	Verdicts []string
	// Sources the seeds were made from, for grounding and coverage. Seeds are
	// matched by their source's SHA256, or its ID; a seed that names neither
	// is taken to be of the only source there is.
	Sources []Source
	// PriceIn and PriceOut are what a million tokens cost; both 0 is unknown.
	PriceIn, PriceOut float64
}

const (
	maxCompared = 100_000  // questions kept to be compared with
	maxSampled  = 10_000   // questions of which words are counted
	maxKept     = 64 << 20 // bytes of them
	maxSearched = 1_000    // quotes out of place that are looked for in the whole text
	maxMissed   = 20       // sections not reached that are named
	maxQuestion = 8 << 10  // bytes of a question that are judged: more is no question
	maxAnswer   = 64 << 10 // bytes of an answer that are judged
)

// Of is the scorecard of the seeds.
func Of(seeds iter.Seq[extract.Seed], o Options) *Card {
	m := New(o)
	for s := range seeds {
		m.Add(&s)
	}
	return m.Card()
}

// Read is the scorecard of a file of JSON Lines, see [Records]. Each line
// that holds no seed is told to bad, which may be nil, and counted. The error
// is r's or the context's; the card is then that of what was read before.
func Read(ctx context.Context, r io.Reader, o Options, bad func(*LineError)) (*Card, error) {
	m := New(o)
	for s, err := range Records(r) {
		var line *LineError
		switch {
		case ctx.Err() != nil:
			return m.Card(), context.Cause(ctx)
		case errors.As(err, &line):
			m.card.Lines.Read++
			m.card.Lines.Bad++
			if bad != nil {
				bad(line)
			}
		case err != nil:
			return m.Card(), err
		default:
			m.card.Lines.Read++
			m.Add(&s)
		}
	}
	return m.Card(), nil
}

// A Meter takes seeds one by one. It is not safe for concurrent use.
type Meter struct {
	o        Options
	card     Card
	sources  []*document
	bySource map[string]*document
	checks   map[string]int // place in card.Checks

	dedupe    stage.Dedupe
	near      near
	sample    []sampled
	random    *rand.Rand
	firstWord Tally
	searched  int
	levels    int     // the sum of estimated levels
	agreement float64 // the sum over seeds voted on
	elsewhere int
}

type sampled struct {
	n    int // which of the measured seeds
	text string
}

// New is a Meter without seeds.
func New(o Options) *Meter {
	if o.Verdicts == nil {
		o.Verdicts = []string{extract.Draft, extract.Accepted}
	}
	m := &Meter{o: o, bySource: map[string]*document{}, checks: map[string]int{}, firstWord: Tally{},
		// The same questions are drawn each time.
		random: rand.New(rand.NewPCG(1, 2)), near: near{Memory: stage.NewMemory()}}
	m.card.Seeds = Seeds{Verdicts: Tally{}, Invalid: Tally{}, RejectedBy: Tally{}, Reasons: Tally{},
		Origins: Tally{}, Types: Tally{}, Languages: Tally{}, Recipes: Tally{}, Models: Tally{}}
	m.card.Evidence.Matches = Tally{}
	m.card.Difficulty = Difficulty{Estimated: Tally{}}
	m.card.Answers = Answers{Votes: Tally{}, Labels: Tally{}}
	m.card.Checks = []CheckCard{}
	m.dedupe.Near = &m.near
	for _, s := range o.Sources {
		d := newDocument(s)
		m.sources = append(m.sources, d)
		for _, key := range []string{s.ID, s.SHA256} {
			if key != "" {
				m.bySource[key] = d
			}
		}
	}
	return m
}

// Add counts a seed.
func (m *Meter) Add(s *extract.Seed) {
	c := &m.card
	c.Seeds.Total++
	c.Seeds.Verdicts.add(s.Verdict)
	if why := invalid(s); why != "" {
		c.Seeds.Invalid.add(why)
	}
	c.Seeds.Rejected.add(s.Verdict == extract.Rejected)
	if s.Verdict == extract.Rejected {
		c.Seeds.RejectedBy.add(rejectedBy(s))
		c.Seeds.Reasons.add(reasonOf(s))
	}
	for _, check := range s.Checks {
		m.check(check)
	}
	m.answers(s)
	if t := s.Tokens; t != (extract.Tokens{}) && inRange(t.In) && inRange(t.Out) {
		c.Cost.Known++
		c.Cost.In += t.In
		c.Cost.Out += t.Out
	}
	if s.Verdict == extract.Accepted {
		c.Cost.Accepted++
	}
	if slices.Contains(m.o.Verdicts, s.Verdict) {
		m.measure(s)
	}
}

func (m *Meter) check(c extract.Check) {
	c.Name = cut(c.Name, maxName)
	i, known := m.checks[c.Name]
	if !known {
		if len(m.card.Checks) >= maxNames {
			return
		}
		i = len(m.card.Checks)
		m.checks[c.Name] = i
		m.card.Checks = append(m.card.Checks, CheckCard{Name: c.Name})
	}
	card := &m.card.Checks[i]
	switch c.Verdict {
	case extract.Pass:
		card.Pass++
	case extract.Fail:
		card.Fail++
	case extract.Uncertain:
		card.Uncertain++
	case extract.Skipped:
		card.Skipped++
	}
}

// measure counts a seed with a wanted verdict.
func (m *Meter) measure(s *extract.Seed) {
	c := &m.card
	c.Seeds.Measured++
	c.Seeds.Origins.add(s.Origin)
	c.Seeds.Types.add(s.Type)
	c.Seeds.Languages.add(s.Language)
	c.Seeds.Recipes.add(s.Recipe)
	c.Seeds.Models.add(s.Model)

	short := *s
	short.Question, short.Answer, short.ShortAnswer = cut(s.Question, maxQuestion), cut(s.Answer, maxAnswer), cut(s.ShortAnswer, maxAnswer)
	faults := stage.FaultsOf(&short)
	c.Standalone.References.add(faults.Reference != "")
	c.Standalone.Leaks.add(faults.Leak != "")
	c.Standalone.Pointers.add(faults.Pointer != "")
	c.Standalone.Void.add(faults.Void)

	m.evidence(s)
	m.variety(short.Question)
	m.difficulty(s.Difficulty.Estimated)
}

func (m *Meter) evidence(s *extract.Seed) {
	c := &m.card.Evidence
	c.Quotes += len(s.Evidence)
	c.Without.add(len(s.Evidence) == 0)
	for _, e := range s.Evidence {
		c.Matches.add(cmp.Or(e.Match, "not looked for"))
	}
	doc := m.source(s)
	m.numbers(s, doc)
	if doc == nil {
		m.elsewhere++
		return
	}
	var places []span
	for i := range s.Evidence {
		e := &s.Evidence[i]
		there := doc.holds(e)
		c.Grounded.add(there)
		switch {
		case there:
			places = append(places, span{e.Start, e.End})
		case m.searched >= maxSearched:
			c.Unsearched++
		default:
			m.searched++
			if doc.says(e.Quote) {
				c.Elsewhere++
			} else {
				c.Missing++
			}
		}
	}
	c.GroundedSeeds.add(len(places) > 0 && len(places) == len(s.Evidence))
	doc.add(s.Passage, places)
}

// source is the document the seed was made from, nil if it was not given.
func (m *Meter) source(s *extract.Seed) *document {
	ref := s.Source
	if ref.SHA256 != "" {
		if d := m.bySource[ref.SHA256]; d != nil {
			return d
		}
	}
	if ref.ID != "" {
		// The same id with other bytes is another version.
		if d := m.bySource[ref.ID]; d != nil && (ref.SHA256 == "" || d.SHA256 == "") {
			return d
		}
	}
	if len(m.sources) == 1 && ref.SHA256 == "" && ref.ID == "" {
		return m.sources[0]
	}
	return nil
}

func (m *Meter) numbers(s *extract.Seed, doc *document) {
	given, quoted := map[string]bool{}, map[string]bool{}
	for n := range numbersIn(s.Question) {
		given[n] = true
	}
	for _, e := range s.Evidence {
		for n := range numbersIn(e.Quote) {
			quoted[n] = true
		}
	}
	for n := range numbersIn(s.Answer) {
		if given[n] {
			continue
		}
		m.card.Evidence.NumbersInQuotes.add(quoted[n])
		if doc != nil {
			m.card.Evidence.NumbersInSource.add(doc.numbers[n])
		}
	}
}

func (m *Meter) variety(question string) {
	c := &m.card
	n := c.Seeds.Measured

	// A copy under an id of our own: files may be joined from others, and hold
	// the same seed twice.
	asked := []extract.Seed{{ID: strconv.Itoa(n), Question: question, Verdict: extract.Draft}}
	// Memory gives no errors and the context never ends.
	asked, _ = m.dedupe.Do(context.Background(), extract.Passage{}, asked)
	c.Diversity.NearDuplicates.add(!asked[0].Live())

	for w := range wordsOf(question) {
		m.firstWord.add(w)
		break
	}

	// Vitter's reservoir: each question is as likely to be in the sample.
	if len(m.sample) < maxSampled {
		m.sample = append(m.sample, sampled{n, question})
	} else if i := m.random.IntN(n); i < maxSampled {
		m.sample[i] = sampled{n, question}
	}
}

// cut is s without what is beyond n bytes, and without a hold on it in memory.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:n], ""))
}

func (m *Meter) difficulty(level int) {
	if level >= 1 && level <= 10 {
		m.card.Difficulty.Estimated.add(strconv.Itoa(level))
		m.levels += level
	}
}

func (m *Meter) answers(s *extract.Seed) {
	c := &m.card.Answers
	for _, check := range s.Checks {
		if check.Name == "roundtrip" && check.Verdict != extract.Skipped {
			c.Roundtrip.add(check.Verdict == extract.Pass)
			c.ClosedBook.add(s.Difficulty.ClosedBook)
			break
		}
	}
	votes, top := 0, 0
	for _, v := range s.Difficulty.Votes {
		if !inRange(v) {
			return
		}
		votes += v
		top = max(top, v)
	}
	if votes == 0 {
		return
	}
	// Empty answers are in no group, but count for the agreement.
	agreement := float64(top) / float64(votes)
	if a := s.Difficulty.Agreement; a > 1e-6 && a <= agreement {
		agreement = a
		votes = int(math.Round(float64(top) / a))
	}
	c.Voted++
	m.agreement += agreement
	c.Votes.add(fmt.Sprintf("%d/%d", top, votes))
	for _, tag := range s.Tags {
		if slices.Contains(voteLabels, tag) {
			c.Labels.add(tag)
		}
	}
}

// The tags that the stage vote gives.
var voteLabels = []string{"too easy", "inconsistent", "contested", "hard"}

// Card is the scorecard of the seeds added. Add none after it.
func (m *Meter) Card() *Card {
	c := m.card
	s := &c.Seeds
	lines := c.Lines.Read
	if lines == 0 {
		lines = s.Total
	}
	s.Valid = Share{s.Total - s.Invalid.Sum(), lines}

	slices.SortFunc(m.sample, func(a, b sampled) int { return a.n - b.n })
	questions := func(yield func(string) bool) {
		for _, q := range m.sample {
			if !yield(q.text) {
				return
			}
		}
	}
	c.Diversity.Compared, c.Diversity.Partial = m.near.Len(), m.near.full
	c.Diversity.Sampled = len(m.sample)
	c.Diversity.Distinct2 = distinct2(questions)
	c.Diversity.Compression = compression(questions)
	c.Diversity.FirstWords = entropy(m.firstWord, 0)
	c.Diversity.Types = entropy(s.Types, len(extract.SeedTypes))
	if counts := s.Types.Counts(); len(counts) > 0 {
		c.Diversity.LargestType = Share{counts[0].N, s.Measured}
	}

	c.Difficulty.Entropy = entropy(c.Difficulty.Estimated, 10)
	c.Difficulty.Mean = ratio(float64(m.levels), float64(c.Difficulty.Entropy.Of))
	c.Answers.Agreement = ratio(m.agreement, float64(c.Answers.Voted))

	m.cost(&c)
	if len(m.sources) > 0 {
		c.Coverage = m.coverage()
	}
	return &c
}

func (m *Meter) cost(c *Card) {
	if c.Cost.Known == 0 {
		return
	}
	sum := float64(c.Cost.In + c.Cost.Out)
	c.Cost.TokensPerMeasured = ratio(sum, float64(c.Seeds.Measured))
	c.Cost.TokensPerAccepted = ratio(sum, float64(c.Cost.Accepted))
	if m.o.PriceIn == 0 && m.o.PriceOut == 0 {
		return
	}
	money := extract.Tokens{In: c.Cost.In, Out: c.Cost.Out}.Cost(m.o.PriceIn, m.o.PriceOut)
	c.Cost.Money = &money
	c.Cost.PerMeasured = ratio(money, float64(c.Seeds.Measured))
	c.Cost.PerAccepted = ratio(money, float64(c.Cost.Accepted))
}

func (m *Meter) coverage() *Coverage {
	c := &Coverage{Elsewhere: m.elsewhere, Missed: []Missed{}}
	var all []*section
	for _, d := range m.sources {
		r := d.reach()
		r.spread(d.sections)
		c.Sources = append(c.Sources, SourceCard{Name: d.Name, Reach: r})
		c.Unplaced += d.unplaced
		c.Seeds += r.Seeds
		c.Tokens += r.Tokens
		c.Sections = c.Sections.plus(r.Sections)
		c.Quoted = c.Quoted.plus(r.Quoted)
		c.Passages = c.Passages.plus(r.Passages)
		all = append(all, d.sections...)
		for _, s := range d.sections {
			if !s.touched {
				c.Missed = append(c.Missed, Missed{d.Name, s.path, s.tokens})
			}
		}
	}
	c.spread(all)
	slices.SortStableFunc(c.Missed, func(a, b Missed) int { return cmp.Compare(b.Tokens, a.Tokens) })
	c.Missed = c.Missed[:min(len(c.Missed), maxMissed)]
	return c
}

// spread computes what is spread over sections.
func (r *Reach) spread(sections []*section) {
	r.Pairs = ratio(1000*float64(r.Seeds), float64(r.Tokens))
	var equal, long []portion
	for _, s := range sections {
		equal = append(equal, portion{s.seeds, 1})
		long = append(long, portion{s.seeds, s.tokens})
	}
	r.GiniSections, r.GiniTokens = gini(equal), gini(long)
}

// rejectedBy is the name of the check that rejected the seed.
func rejectedBy(s *extract.Seed) string {
	for _, c := range s.Checks {
		if c.Verdict == extract.Fail && (s.VerdictReason == "" || strings.HasPrefix(s.VerdictReason, c.Name+": ")) {
			return c.Name
		}
	}
	return "a person"
}

var (
	origins  = []string{extract.Explicit, extract.Derived, extract.Reversal, extract.Rewrite, extract.Manual}
	verdicts = []string{extract.Draft, extract.Accepted, extract.Rejected}
	matches  = []string{"", extract.MatchExact, extract.MatchNormalized, extract.MatchRepaired}
	judged   = []string{extract.Pass, extract.Fail, extract.Uncertain, extract.Skipped}
)

// inRange reports whether n counts something; sums of such do not overflow.
func inRange(n int) bool { return 0 <= n && n <= 1e9 }

// invalid is the first fault of a record's form, "" if it has none.
func invalid(s *extract.Seed) string {
	switch d := s.Difficulty; {
	case strings.TrimSpace(s.Question) == "":
		return "no question"
	case strings.TrimSpace(s.Answer) == "":
		return "no answer"
	case s.ID == "":
		return "no id"
	case !slices.Contains(origins, s.Origin):
		return "unknown origin"
	case !slices.Contains(extract.SeedTypes, s.Type):
		return "unknown type"
	case !slices.Contains(verdicts, s.Verdict):
		return "unknown verdict"
	case d.Estimated < 0 || d.Estimated > 10 || d.Agreement < 0 || d.Agreement > 1:
		return "difficulty out of range"
	case slices.ContainsFunc(d.Votes, func(v int) bool { return !inRange(v) }):
		return "difficulty out of range"
	case !inRange(s.Tokens.In) || !inRange(s.Tokens.Out):
		return "tokens out of range"
	}
	for _, e := range s.Evidence {
		switch {
		case e.Quote == "":
			return "evidence without quote"
		case e.Start < 0 || e.End < e.Start || !slices.Contains(matches, e.Match):
			return "evidence out of range"
		}
	}
	for _, c := range s.Checks {
		if c.Name == "" || !slices.Contains(judged, c.Verdict) || c.Score < 0 || c.Score > 1 {
			return "check out of range"
		}
	}
	return ""
}
