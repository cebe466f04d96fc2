package stage

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"seedbed/extract"
)

// Vote has each question answered several times over, independently and
// without the passage, and sorts the answers into groups that mean the same.
// The sizes of the groups, largest first, are Difficulty.Votes; the share of
// the largest is Difficulty.Agreement. An answer that is empty agrees with
// none.
//
// Answers with the same number or the same words are one group; unless all of
// them are numbers, a judge sorts what is left, in one call. A second judge compares the largest group
// with the seed's own answer. A question that every answer gets right teaches
// little, and one on which no two answers agree may have none; what is
// between is worth most. Phi-4's question–answer pairs were chosen so ("Phi-4
// Technical Report", Abdin et al., 2024, arXiv:2412.08905, on the filtering of
// questions by plurality). With n answers that could be used, of which t are
// in the largest group, a seed is tagged
//
//	too easy      t = n, and they give the seed's answer
//	inconsistent  t = 1
//	contested     1 < t ≤ n/2: no answer has a majority
//	hard          t > 1, and the largest group does not give the seed's answer
//
// The check passes where the largest group gives the seed's answer, and is
// uncertain where it does not, where no two answers agree, and where too few
// answers or no judge can be had. With Drop, seeds outside 2 ≤ t ≤ n−1 fail.
type Vote struct {
	Samples int  `yaml:"samples"` // answers drawn for each question
	Drop    bool `yaml:"drop"`    // reject what is too easy or inconsistent
	Asking  `yaml:",inline"`
}

// Tags that vote gives.
const (
	tagEasy         = "too easy"
	tagInconsistent = "inconsistent"
	tagContested    = "contested"
	tagHard         = "hard"
)

// Name is "vote".
func (*Vote) Name() string { return "vote" }

func (*Vote) prompts() []string { return []string{"vote", "vote_groups", "roundtrip_judge"} }

func (v *Vote) check() error {
	if v.Samples < 3 || v.Samples > 64 {
		return fmt.Errorf("samples is %d and has to be from 3 to 64", v.Samples)
	}
	return v.Asking.check()
}

const voteVersion = "1"

// Do draws all answers for all live seeds at once, and then has them sorted.
func (v *Vote) Do(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	todo := live(seeds)
	draws := make([]asked[attempt], len(todo)*v.Samples)
	left := make([]atomic.Int32, len(todo)) // answers still to come
	results := make([]poll, len(todo))
	for i := range left {
		left[i].Store(int32(v.Samples))
	}
	err := together(ctx, len(draws), func(ctx context.Context, n int) (err error) {
		i := n / v.Samples
		if draws[n], err = v.answer(ctx, &seeds[todo[i]], 1+n%v.Samples); err != nil {
			return err
		}
		// Whoever brings the last answer of a seed goes on with it.
		if left[i].Add(-1) == 0 {
			results[i], err = v.count(ctx, &seeds[todo[i]], draws[i*v.Samples:(i+1)*v.Samples])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, at := range todo {
		v.record(&seeds[at], results[i])
	}
	return seeds, nil
}

// answer answers the question for the n-th time, from 1.
func (v *Vote) answer(ctx context.Context, s *extract.Seed, n int) (asked[attempt], error) {
	return ask[attempt](ctx, &v.Asking, "vote", sheetOf(s), n)
}

// A poll is what came of the draws.
type poll struct {
	votes  []int  // sizes of the groups, nil where they could not be told
	of     int    // answers that could be used
	drawn  int    // and all
	key    ruling // on the largest group
	why    string // nothing can be said
	tokens extract.Tokens
}

// count sorts the answers to one question into groups.
func (v *Vote) count(ctx context.Context, s *extract.Seed, draws []asked[attempt]) (poll, error) {
	p := poll{drawn: len(draws)}
	var given []attempt
	unknown := 0
	for _, d := range draws {
		p.pay(d.tokens)
		switch {
		case d.why != "":
			p.why = d.why
		case d.said.gives():
			given = append(given, d.said)
		default:
			unknown++
		}
	}
	p.of = len(given) + unknown
	if p.of < max(2, (p.drawn+1)/2) {
		p.why = fmt.Sprintf("only %d of %d answers could be used: %s", p.of, p.drawn, p.why)
		return p, nil
	}
	p.why = ""
	groups := sameWords(given)
	if !allDiffer(given, groups) {
		sorted, paid, why, err := v.sort(ctx, s, given, groups)
		if err != nil {
			return poll{}, err
		}
		p.pay(paid)
		if why != "" {
			p.why = "the answers could not be sorted: " + why
			return p, nil
		}
		groups = sorted
	}
	slices.SortStableFunc(groups, func(a, b []int) int { return len(b) - len(a) })
	for _, g := range groups {
		p.votes = append(p.votes, len(g))
	}
	for range unknown {
		p.votes = append(p.votes, 1)
	}
	if p.votes[0] == 1 {
		return p, nil
	}
	var paid extract.Tokens
	var err error
	p.key, paid, err = v.judge(ctx, s, given[groups[0][0]])
	p.pay(paid)
	return p, err
}

func (p *poll) pay(t extract.Tokens) {
	p.tokens.In += t.In
	p.tokens.Out += t.Out
}

// record stores what the poll says.
func (v *Vote) record(s *extract.Seed, p poll) {
	pay(s, p.tokens)
	c := extract.Check{Name: "vote", Verdict: extract.Uncertain, Reason: p.why, Version: voteVersion}
	if p.why != "" {
		s.Record(c)
		return
	}
	top, n := p.votes[0], p.of
	s.Difficulty.Votes, s.Difficulty.Agreement = p.votes, float64(top)/float64(n)
	c.Score = s.Difficulty.Agreement
	c.Reason = fmt.Sprintf("%d of %d answers agree, and give the seed's", top, n)
	var tags []string
	switch {
	case top == 1:
		tags, c.Reason = append(tags, tagInconsistent), fmt.Sprintf("inconsistent: no two of %d answers agree", n)
	case p.key.Verdict == judgedTrue:
		c.Verdict = extract.Pass
		if top == n {
			tags, c.Reason = append(tags, tagEasy), fmt.Sprintf("too easy: all %d answers give the seed's", n)
		}
	case p.key.Verdict == judgedFalse:
		tags, c.Reason = append(tags, tagHard), fmt.Sprintf("%d of %d answers agree, on another answer than the seed's: %s", top, n, p.key.Reason)
	default:
		c.Reason = fmt.Sprintf("%d of %d answers agree, perhaps with the seed's: %s", top, n, p.key.Reason)
	}
	if top > 1 && 2*top <= n {
		tags = append(tags, tagContested)
	}
	for _, t := range tags {
		if !slices.Contains(s.Tags, t) {
			s.Tags = append(s.Tags, t)
		}
	}
	if v.Drop && (top == 1 || top == n) {
		c.Verdict = extract.Fail
	}
	s.Record(c)
}
