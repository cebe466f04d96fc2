package measure

import (
	"cmp"
	"encoding/json"
	"slices"
)

// A Card is the scorecard of a set of seeds. What each number means, its unit
// and which way is better, [Metrics] says; a number that cannot be known from
// what was given is null in JSON.
//
// Rates are over the seeds that were measured, those with a wanted verdict.
// Verdicts, checks, rejections, answers and tokens are counted over all seeds.
type Card struct {
	Lines      Lines       `json:"lines"`
	Seeds      Seeds       `json:"seeds"`
	Evidence   Evidence    `json:"evidence"`
	Standalone Standalone  `json:"standalone"`
	Diversity  Diversity   `json:"diversity"`
	Difficulty Difficulty  `json:"difficulty"`
	Answers    Answers     `json:"answers"`
	Coverage   *Coverage   `json:"coverage"` // null without sources
	Checks     []CheckCard `json:"checks"`   // in the order they were first seen
	Cost       Cost        `json:"cost"`
	Run        *RunCard    `json:"run"` // null where the seeds are those of a file
}

// Lines count what was read. They are 0 where the seeds came from elsewhere.
type Lines struct {
	Read int `json:"read"` // lines that hold something
	Bad  int `json:"bad"`  // of these, lines that hold no seed
}

// Seeds say what there is.
type Seeds struct {
	Total    int   `json:"total"`    // seeds, whatever their verdict
	Measured int   `json:"measured"` // of these, seeds with a wanted verdict
	Verdicts Tally `json:"verdicts"` // of all seeds

	// Valid is the share of lines, or of seeds where no lines were read, that
	// hold a seed with every field in its range. 0–1, higher is better.
	Valid   Share `json:"valid"`
	Invalid Tally `json:"invalid"` // of all seeds: the first fault of each

	// Rejected is the share of all seeds that are rejected, and RejectedBy the
	// check that did it, or "a person"; Reasons say why, without what is one
	// seed's alone. Files hold rejected seeds only where they were asked for.
	Rejected   Share `json:"rejected"`
	RejectedBy Tally `json:"rejected_by"`
	Reasons    Tally `json:"reasons"`

	Origins   Tally `json:"origins"` // this and the rest: of measured seeds
	Types     Tally `json:"types"`
	Languages Tally `json:"languages"`
	Recipes   Tally `json:"recipes"`
	Models    Tally `json:"models"`
}

// Evidence says whether what seeds claim is in their sources.
type Evidence struct {
	Quotes  int   `json:"quotes"`
	Matches Tally `json:"matches"` // how ground says it found them
	Without Share `json:"without"` // seeds without a quote; lower is better

	// Grounded is the share of quotes that stand in the document's text where
	// they say they do: text[start:end] equals an exact quote, and equals the
	// others after normalisation. Only quotes whose document was given count.
	// 0–1, higher is better.
	Grounded Share `json:"grounded"`
	// GroundedSeeds is the share of seeds that have quotes, all of them grounded.
	GroundedSeeds Share `json:"grounded_seeds"`
	Elsewhere     int   `json:"elsewhere"`  // quotes found, but at another place
	Missing       int   `json:"missing"`    // quotes found nowhere in the document
	Unsearched    int   `json:"unsearched"` // quotes not in place and, being too many, not looked for

	// NumbersInQuotes is the share of numbers in answers, without those that
	// the question gives, that stand in the seed's quotes; NumbersInSource, of
	// those in seeds whose document was given, that stand anywhere in it.
	// 0–1, higher is better; a number that is computed stands nowhere.
	NumbersInQuotes Share `json:"numbers_in_quotes"`
	NumbersInSource Share `json:"numbers_in_source"`
}

// Standalone says whether seeds can be understood away from their source, by
// the rules of the stage of that name. Lower is better for all.
type Standalone struct {
	References Share `json:"references"` // questions that lean on unseen text
	Leaks      Share `json:"leaks"`      // questions that give the answer away
	Pointers   Share `json:"pointers"`   // answers that only point elsewhere
	Void       Share `json:"void"`       // questions or answers without content
}

// Diversity says how different the questions are from each other.
type Diversity struct {
	// NearDuplicates is the share of questions that were asked before in nearly
	// the same words, by the rules of the stage dedupe. 0–1, lower is better.
	// Where the set is too large, and Partial true, questions are compared with
	// the first Compared only.
	NearDuplicates Share `json:"near_duplicates"`
	Compared       int   `json:"compared"`
	Partial        bool  `json:"partial"`

	// Sampled is how many questions the next two are computed from.
	Sampled int `json:"sampled"`
	// Distinct2 is the share of different ones among all pairs of neighbouring
	// words of a question. 0–1, higher is better; it falls as sets grow.
	Distinct2 Share `json:"distinct_2"`
	// Compression is how many times smaller gzip makes the questions. From 1
	// up, lower is better: what repeats itself compresses well.
	Compression *float64 `json:"compression"`

	FirstWords Entropy `json:"first_words"` // of questions; higher is better
	Types      Entropy `json:"types"`       // of the ten types; higher is better
	// LargestType is the share of the most frequent type, lower is better.
	LargestType Share `json:"largest_type"`
}

// Difficulty says how hard the questions are, as a model guessed.
type Difficulty struct {
	Estimated Tally   `json:"estimated"` // seeds by level, 1–10
	Entropy   Entropy `json:"entropy"`   // of the ten levels
	// Mean is the mean level, 1–10.
	Mean *float64 `json:"mean"`
}

// Answers say what models answered that were asked the questions again. They
// are counted over all seeds, since who answers otherwise may reject a seed.
type Answers struct {
	// Roundtrip is the share of seeds to which a model that reads the passage
	// gives the seed's answer, of those it was asked. 0–1, higher is better.
	Roundtrip Share `json:"roundtrip"`
	// ClosedBook is the share of the same seeds that are recorded to have been
	// answered without the passage too. 0 where nobody tried. 0–1.
	ClosedBook Share `json:"closed_book"`

	Voted int `json:"voted"` // seeds for which answers were counted
	// Agreement is the mean share of the largest group of equal answers, 0–1.
	Agreement *float64 `json:"agreement"`
	// Votes are seeds by the size of that group: "5/8".
	Votes Tally `json:"votes"`
	// Labels are the tags that the stage vote gave. A seed may have two.
	Labels Tally `json:"labels"`
}

// Coverage says how much of the sources the seeds reach. What readers marked
// to be skipped is no content: licences, indexes, lists of references.
type Coverage struct {
	Sources []SourceCard `json:"sources"`
	// Elsewhere are measured seeds of a source that was not given.
	Elsewhere int `json:"elsewhere"`
	// Unplaced are seeds of a given source of which neither a grounded quote nor
	// the passage stands in one of its sections.
	Unplaced int `json:"unplaced"`
	// Missed are sections that no seed reaches, the longest first, 20 at most.
	Missed []Missed `json:"missed"`
	Reach
}

// A Missed section is one that no seed reaches.
type Missed struct {
	Source  string   `json:"source"`
	Section []string `json:"section"` // its headings, outermost first; empty before the first heading
	Tokens  int      `json:"tokens"`
}

// A Reach is how much of a source, or of all together, the seeds reach.
type Reach struct {
	Seeds  int `json:"seeds"`
	Tokens int `json:"tokens"` // of content

	// Sections is the share of sections with content of their own in which a
	// grounded quote stands, or the passage of a seed without one. 0–1.
	Sections Share `json:"sections"`
	// Quoted and Passages are the shares of content tokens that stand in a
	// grounded quote, and in a passage that gave a seed. 0–1.
	Quoted   Share `json:"quoted"`
	Passages Share `json:"passages"`
	// Pairs is how many seeds there are for 1,000 tokens of content.
	Pairs *float64 `json:"pairs_per_1000"`

	// GiniSections tells how unevenly seeds are spread over sections, each
	// section being one; GiniTokens takes sections by their length, so that it
	// is 0 where a section twice as long has twice the seeds. 0–1, lower is
	// more even.
	GiniSections *float64 `json:"gini_sections"`
	GiniTokens   *float64 `json:"gini_tokens"`
}

// A SourceCard is the reach of the seeds into one source.
type SourceCard struct {
	Name string `json:"name"`
	Reach
}

// A CheckCard counts the verdicts of one check over all seeds.
type CheckCard struct {
	Name      string `json:"name"`
	Pass      int    `json:"pass"`
	Fail      int    `json:"fail"`
	Uncertain int    `json:"uncertain"`
	Skipped   int    `json:"skipped"`
}

// Cost is what models were asked for the seeds of the set, rejected ones too.
// Calls that gave no seed are not in it: a run's own counts are.
type Cost struct {
	Known    int `json:"known"` // seeds whose tokens are known
	In       int `json:"in"`
	Out      int `json:"out"`
	Accepted int `json:"accepted"` // of all seeds

	// TokensPerMeasured and TokensPerAccepted are all tokens over the seeds
	// measured and over the seeds a person accepted. Lower is better.
	TokensPerMeasured *float64 `json:"tokens_per_measured"`
	TokensPerAccepted *float64 `json:"tokens_per_accepted"`
	// The same in money, by the prices given.
	Money       *float64 `json:"money"`
	PerMeasured *float64 `json:"money_per_measured"`
	PerAccepted *float64 `json:"money_per_accepted"`
}

// A Share is N of Of. Its JSON has the quotient too, null where Of is 0.
type Share struct {
	N  int `json:"n"`
	Of int `json:"of"`
}

// Value is N ÷ Of, and whether there is such a number.
func (s Share) Value() (float64, bool) {
	if s.Of == 0 {
		return 0, false
	}
	return float64(s.N) / float64(s.Of), true
}

func (s *Share) add(hit bool) {
	s.Of++
	if hit {
		s.N++
	}
}

func (s Share) plus(t Share) Share { return Share{s.N + t.N, s.Of + t.Of} }

// MarshalJSON implements [json.Marshaler].
func (s Share) MarshalJSON() ([]byte, error) {
	type counts Share
	out := struct {
		counts
		Share *float64 `json:"share"`
	}{counts: counts(s)}
	if v, ok := s.Value(); ok {
		out.Share = &v
	}
	return json.Marshal(out)
}

// An Entropy is Shannon's, of how often each kind occurs.
type Entropy struct {
	Bits     float64 `json:"bits"`     // 0 where all are of one kind, log2(Kinds) where all are equally frequent
	Evenness float64 `json:"evenness"` // Bits ÷ the most there could be, 0–1
	Kinds    int     `json:"kinds"`    // that occur
	Of       int     `json:"of"`       // seeds counted
}

// A Tally counts by name. A set with very many names has the late ones
// counted together as "others".
type Tally map[string]int

const (
	others   = "others"
	maxNames = 1000
	maxName  = 100 // bytes of a name that are kept
)

func (t Tally) add(name string) {
	name = cut(name, maxName)
	if _, known := t[name]; !known && len(t) >= maxNames {
		name = others
	}
	t[name]++
}

// A Count is one name of a tally.
type Count struct {
	Name string
	N    int
}

// Counts are the names, the most frequent first.
func (t Tally) Counts() []Count {
	out := make([]Count, 0, len(t))
	for name, n := range t {
		out = append(out, Count{name, n})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Sum is how many were counted.
func (t Tally) Sum() int {
	sum := 0
	for _, n := range t {
		sum += n
	}
	return sum
}
