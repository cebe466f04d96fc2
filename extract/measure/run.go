package measure

import (
	"regexp"
	"slices"
	"strings"

	"seedbed/extract"
)

// A RunCard is what a run says of itself: what all its calls took, those that
// gave no seed too, and what became of each passage.
type RunCard struct {
	Calls  int     `json:"calls"`
	Cached int     `json:"cached"` // replies of our own cache, which cost nothing
	In     int     `json:"in"`     // tokens
	Out    int     `json:"out"`
	Money  float64 `json:"money"` // 0 where no prices are known

	// Prefix is the share of the tokens in that the server read from its own
	// cache of prompts. 0–1, higher is cheaper.
	Prefix Share `json:"prefix"`

	// By live seed: neither is known where there is none.
	CallsPerSeed  *float64 `json:"calls_per_seed"`
	TokensPerSeed *float64 `json:"tokens_per_seed"`
	MoneyPerSeed  *float64 `json:"money_per_seed"`

	Passages Tally `json:"passages"` // by what became of them
	// Covered is the share of passages that gave a seed, and Sections that of
	// sections, two headings down; both without what was screened out. 0–1.
	Covered  Share `json:"covered"`
	Sections Share `json:"sections"`
	// Without says why the others gave none, the most frequent reason first.
	Without []extract.Without `json:"without"`
	Notes   []string          `json:"notes"` // what else was said of passages
}

// maxReasons is how many reasons are listed.
const maxReasons = 20

// Run adds what a run spent and its coverage ledger.
func (m *Meter) Run(spent extract.Spent, ledger []extract.Entry) {
	r := &RunCard{
		Calls: spent.Calls, Cached: spent.Cached, In: spent.Tokens.In, Out: spent.Tokens.Out, Money: spent.Cost,
		Prefix: Share{spent.Prefix, spent.Tokens.In}, Passages: Tally{}, Without: []extract.Without{}, Notes: []string{},
	}
	seeds := 0
	for _, e := range ledger {
		r.Passages.add(e.Outcome)
		seeds += e.Seeds
		if e.Outcome != extract.ScreenedOut {
			r.Covered.add(e.Outcome == extract.GaveSeeds)
		}
	}
	for _, s := range extract.Sections(ledger, 2) {
		screened := 0
		for _, w := range s.Without {
			if w.Outcome == extract.ScreenedOut {
				screened += w.Count
			}
			i := slices.IndexFunc(r.Without, func(k extract.Without) bool { return k.Outcome == w.Outcome && k.Reason == w.Reason })
			if i < 0 {
				i = len(r.Without)
				r.Without = append(r.Without, extract.Without{Outcome: w.Outcome, Reason: w.Reason})
			}
			r.Without[i].Count += w.Count
		}
		if screened < s.Passages {
			r.Sections.add(s.Covered > 0)
		}
		for _, n := range s.Notes {
			if !slices.Contains(r.Notes, n) && len(r.Notes) < maxReasons {
				r.Notes = append(r.Notes, n)
			}
		}
	}
	slices.SortStableFunc(r.Without, func(a, b extract.Without) int { return b.Count - a.Count })
	r.Without = r.Without[:min(len(r.Without), maxReasons)]
	if spent.Calls > 0 {
		r.CallsPerSeed = ratio(float64(spent.Calls), float64(seeds))
		r.TokensPerSeed = ratio(float64(r.In+r.Out), float64(seeds))
	}
	if r.Money > 0 {
		r.MoneyPerSeed = ratio(r.Money, float64(seeds))
	}
	m.card.Run = r
}

var (
	quoted     = regexp.MustCompile(`“[^”]*”?|"[^"]*"?|‘[^’]*’?`)
	identifier = regexp.MustCompile(`\b[0-9a-f]{16,}\b`)
	figures    = regexp.MustCompile(`\d+(?:[.,]\d+)*`)
)

// reasonOf is why a seed was rejected, without what is of this seed alone.
func reasonOf(s *extract.Seed) string {
	why := strings.Join(strings.Fields(figures.ReplaceAllString(identifier.ReplaceAllString(quoted.ReplaceAllString(s.VerdictReason, ""), "…"), "n")), " ")
	name, rest, ok := strings.Cut(why, ": ")
	if !ok {
		return strings.TrimRight(why, " :;,")
	}
	rest, _, _ = strings.Cut(rest, ": ")
	rest, _, _ = strings.Cut(rest, "; ")
	return strings.TrimRight(name+": "+rest, " :;,()")
}
