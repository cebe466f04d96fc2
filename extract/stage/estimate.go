package stage

import (
	"context"
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"

	"seedbed/extract"
	"seedbed/extract/tokens"
)

// An Estimate is what a run is expected to take.
type Estimate struct {
	Passages int // to be worked on
	Skipped  int // that the rules leave out
	Stages   []StageEstimate
}

// A StageEstimate is the part of one stage that asks a model.
type StageEstimate struct {
	Stage  string
	Model  string // "" is the run's own
	Calls  int
	Tokens extract.Tokens
}

// Total is all stages together.
func (e Estimate) Total() (calls int, t extract.Tokens) {
	for _, s := range e.Stages {
		calls += s.Calls
		t.In += s.Tokens.In
		t.Out += s.Tokens.Out
	}
	return calls, t
}

// Of what models reply nothing is known before, but its usual size in tokens,
// and how many pairs come of it.
const (
	perPair = 260 // of a derivation, with its share of the steps
	yield   = 0.8 // pairs that derive makes of those it may
	passing = 0.9 // of the pairs, by the rules of one check
	revised = 0.4 // of the pairs, that revise writes anew
	unequal = 0.6 // of the answers, that a judge has to compare
	pairIn  = 180 // tokens of a pair that is shown

	judgedCode  = 0.6 // of the functions, that have no tests that can be run
	writtenCode = 0.1 // of the answers, that are code of a model's
)

// replies are about how many tokens replies have, by their prompt.
var replies = map[string]float64{
	"screen": 60, "revise": 120, "revise_again": 260, "roundtrip": 180, "roundtrip_judge": 50, "vote": 180, "vote_groups": 70,
	"rewrite_exercise": 300, "rewrite_dialogue": 500, "rewrite_choice": 250,
	"reverse": 250, "reverse_write": 300, "reverse_judge": 50, "execute": 300,
}

// asks are how often a prompt is sent about a passage, with how much in reply.
type asks struct {
	prompt     string
	times, out float64
}

// expecter is a stage that can tell what it will ask about a passage that has
// so many seeds, and how many it leaves. Of others that ask, each prompt is
// counted once a seed.
type expecter interface {
	expect(p extract.Passage, seeds float64) (calls []asks, left float64)
}

func (s *Screen) expect(_ extract.Passage, seeds float64) ([]asks, float64) {
	return []asks{{"screen", 1, replies["screen"]}}, seeds
}

func (d *Derive) expect(p extract.Passage, seeds float64) ([]asks, float64) {
	limit := d.limit(p)
	if d.Count > 0 {
		limit = min(limit, d.share(p))
	}
	if limit == 0 {
		return nil, seeds
	}
	made := yield * float64(limit)
	return []asks{{"derive", 1, perPair * (1 + made)}}, seeds + made
}

func (r *Revise) expect(_ extract.Passage, seeds float64) ([]asks, float64) {
	again := revised * float64(min(r.Rounds, 1)) * seeds
	return []asks{{"revise", seeds + again, replies["revise"]}, {"revise_again", again, replies["revise_again"]}}, seeds
}

func (r *Roundtrip) expect(_ extract.Passage, seeds float64) ([]asks, float64) {
	out := []asks{{"roundtrip", seeds, replies["roundtrip"]}, {"roundtrip_judge", unequal * seeds, replies["roundtrip_judge"]}}
	if r.ClosedBook {
		out[1].times *= 2
		out = append(out, asks{"vote", seeds, replies["vote"]})
	}
	return out, passing * seeds
}

func (v *Vote) expect(_ extract.Passage, seeds float64) ([]asks, float64) {
	return []asks{
		{"vote", seeds * float64(v.Samples), replies["vote"]},
		{"vote_groups", unequal * seeds, replies["vote_groups"]},
		{"roundtrip_judge", unequal * seeds, replies["roundtrip_judge"]},
	}, seeds
}

func (r *Reverse) expect(p extract.Passage, seeds float64) ([]asks, float64) {
	n := float64(len(r.functions(p)))
	return []asks{{"reverse", n, replies["reverse"]}, {"reverse_write", n, replies["reverse_write"]}, {"reverse_judge", judgedCode * n, replies["reverse_judge"]}}, seeds + n
}

func (e *Execute) expect(_ extract.Passage, seeds float64) ([]asks, float64) {
	return []asks{{"execute", writtenCode * seeds, replies["execute"]}}, passing * seeds
}

func (r *Rewrite) expect(_ extract.Passage, seeds float64) ([]asks, float64) {
	var out []asks
	for _, name := range r.prompts() {
		out = append(out, asks{name, seeds, replies[name]})
	}
	return out, seeds * float64(1+len(out))
}

// Expect says what a run of the recipe over the passages will take. The rules
// are applied, so that what they leave out and find is known; prompts are
// counted as they stand. What models will reply is taken from experience.
func Expect(ctx context.Context, r Recipe, passages iter.Seq[extract.Passage]) (Estimate, error) {
	var out Estimate
	stages, err := Build(r, Tools{Model: nobody{}})
	if err != nil {
		return out, err
	}
	fixed := map[string]float64{} // tokens of a prompt without what it is about
	sums := make([]struct{ calls, in, out float64 }, len(stages))
	for p := range passages {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if p.Skip != "" {
			out.Skipped++
			continue
		}
		var found []extract.Seed // by the rules
		exact := true            // no model has a part in the seeds so far
		seeds, skipped := 0.0, false
		for i, s := range stages {
			a, isAsker := s.(asker)
			_, screens := s.(*Screen)
			if screens && screened(p) != "" { // its rules go before its model
				skipped = true
				break
			}
			if !isAsker || !a.needsModel() {
				if exact {
					found, err = extract.Do(ctx, []extract.Stage{begin(found), s}, p, extract.Options{})
					if errors.As(err, new(extract.Skip)) {
						skipped = true
						break
					}
					if err != nil {
						return out, err
					}
					seeds = float64(len(live(found)))
				} else if isCheck(s) {
					seeds *= passing
				}
				continue
			}
			exact = exact && screens
			var calls []asks
			if e, ok := s.(expecter); ok {
				calls, seeds = e.expect(p, seeds)
			} else {
				for _, name := range a.prompts() {
					calls = append(calls, asks{name, seeds, perPair})
				}
			}
			for _, c := range calls {
				base, ok := fixed[c.prompt]
				if !ok {
					base = fixedTokens(a, c.prompt)
					fixed[c.prompt] = base
				}
				sums[i].calls += c.times
				sums[i].in += c.times * (base + aboutTokens(c.prompt, p))
				sums[i].out += c.times * c.out
			}
		}
		if skipped {
			out.Skipped++
		} else {
			out.Passages++
		}
	}
	up := func(f float64) int { return int(math.Ceil(f)) }
	for i, s := range stages {
		if a, ok := s.(asker); ok && a.needsModel() {
			out.Stages = append(out.Stages, StageEstimate{
				Stage: s.Name(), Model: a.asking().ModelName,
				Calls: up(sums[i].calls), Tokens: extract.Tokens{In: up(sums[i].in), Out: up(sums[i].out)},
			})
		}
	}
	return out, nil
}

// isCheck reports whether a stage is one of rules that rejects seeds.
func isCheck(s extract.Stage) bool {
	switch s.(type) {
	case *Ground, *Standalone, *Dedupe, *Decontaminate:
		return true
	}
	return false
}

// fixedTokens are those of a prompt that are the same in each call.
func fixedTokens(a asker, name string) float64 {
	c := calls[name]
	empty := reflect.Zero(reflect.TypeOf(c.full)).Interface()
	n := tokens.Count(string(c.schema))
	messages, err := a.asking().Prompts[name].or(builtinPrompt(name)).fill(empty)
	if err != nil {
		return float64(n) // it was filled when the recipe was read
	}
	for _, m := range messages {
		n += tokens.Count(m.Content) + perMessage
	}
	return float64(n)
}

// aboutTokens are those of what a prompt is about.
func aboutTokens(name string, p extract.Passage) float64 {
	n := 0
	needs := calls[name].needs
	if slices.Contains(needs, "Passage") {
		if n = p.Tokens; n == 0 {
			n = tokens.Count(p.Text)
		}
	}
	if slices.Contains(needs, "Question") {
		n += pairIn
	}
	if slices.Contains(needs, "Code") {
		n += pairIn
	}
	if slices.Contains(needs, "Instruction") {
		n += pairIn
	}
	if slices.Contains(needs, "Answers") {
		n += 4 * pairIn
	}
	return float64(n)
}

// nobody is a model that is not asked.
type nobody struct{}

func (nobody) Complete(context.Context, extract.Request) (extract.Reply, error) {
	return extract.Reply{}, errNotSent
}
