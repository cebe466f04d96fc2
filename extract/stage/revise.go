package stage

import (
	"context"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"

	"seedbed/extract"
)

// Revise has each seed rated by a critic who sees the passage, on four scales
// from 1 to 5: reasoning, factual accuracy, completeness, and whether it
// stands alone. A seed of which one rating is below the threshold is written
// anew with the critic's faults in view, and rated again, until it passes or
// the rounds are spent. Of all versions the best rated one goes on: by its
// worst rating, then by the sum, then the earlier. Phi-4's synthetic data was
// improved so, by critique and revision in several rounds ("Phi-4 Technical
// Report", Abdin et al., 2024, arXiv:2412.08905, on self-revision).
//
// The first version stays as a rejected seed whose reason says what was wrong,
// and the one that goes on is a new seed with the first as its Parent: two
// answers of which one is known to be better. Where both ask the same question
// they are a preference pair. If only reasoning or short answer changed, the
// seed itself is changed and has no sibling. The evidence is kept as it is:
// ground, further on, says whether it stands.
//
// The check passes where the best version does, fails where it is still
// factually wrong (2 or less), and is uncertain otherwise, or where the critic
// says nothing that can be used. Seeds in the text's own words and those that
// a person wrote are left as they are; their check is skipped.
type Revise struct {
	Rounds    int              `yaml:"rounds"`    // of writing anew, at most
	Threshold int              `yaml:"threshold"` // 1–5: what every rating has to reach
	Asking    `yaml:",inline"` // its sampling is that of writing anew
}

// Name is "revise".
func (*Revise) Name() string { return "revise" }

func (*Revise) prompts() []string { return []string{"revise", "revise_again"} }

func (r *Revise) check() error {
	switch {
	case r.Rounds < 0 || r.Rounds > 5:
		return fmt.Errorf("rounds is %d and has to be from 0 to 5", r.Rounds)
	case r.Threshold < 1 || r.Threshold > 5:
		return fmt.Errorf("threshold is %d and has to be from 1 to 5", r.Threshold)
	}
	return r.Asking.check()
}

const reviseVersion = "1"

// A critique is what is wrong with a seed, and how much.
type critique struct {
	Faults       []string `json:"faults" jsonschema:"description=What is wrong and how to mend it\\, one sentence each. Empty where nothing is."`
	Reasoning    grade    `json:"reasoning"`
	Accuracy     grade    `json:"accuracy"`
	Completeness grade    `json:"completeness"`
	Standalone   grade    `json:"standalone"`
}

type grade int

// JSONSchema is the scale.
func (grade) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: "5", Description: "1 (bad) to 5 (faultless)."}
}

var critiqueSchema = schemaOf(&critique{})

func (c critique) worst() int {
	return int(min(c.Reasoning, c.Accuracy, c.Completeness, c.Standalone))
}

func (c critique) sum() int {
	return int(c.Reasoning + c.Accuracy + c.Completeness + c.Standalone)
}

func (c critique) better(than critique) bool {
	return c.worst() > than.worst() || c.worst() == than.worst() && c.sum() > than.sum()
}

func (c critique) words() string {
	text := fmt.Sprintf("reasoning %d, accuracy %d, completeness %d, standalone %d of 5", c.Reasoning, c.Accuracy, c.Completeness, c.Standalone)
	if len(c.Faults) > 0 {
		text += ": " + clip(strings.Join(c.Faults, " "), 400)
	}
	return text
}

// A revision is a seed written anew.
type revision struct {
	Question    string   `json:"question" jsonschema:"description=The question\\, unchanged unless it is at fault itself."`
	Reasoning   []string `json:"reasoning" jsonschema:"description=The steps from the question to the answer\\, one sentence each."`
	Answer      string   `json:"answer" jsonschema:"description=The complete answer in sentences that stand alone."`
	ShortAnswer string   `json:"short_answer" jsonschema:"description=The result in a few words\\, number or expression. Empty where the answer cannot be shortened."`
}

var revisionSchema = schemaOf(&revision{})

// Do revises the live seeds, all at once. A new version stands behind the one
// it replaces.
func (r *Revise) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	todo := live(seeds)
	better := make([]*extract.Seed, len(seeds))
	err := together(ctx, len(todo), func(ctx context.Context, n int) (err error) {
		better[todo[n]], err = r.revise(ctx, p, &seeds[todo[n]])
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []extract.Seed
	for i := range seeds {
		out = append(out, seeds[i])
		if better[i] != nil {
			out = append(out, *better[i])
		}
	}
	return out, nil
}

// revise rates the seed and returns a better version, nil where there is none
// or it is no seed of its own.
func (r *Revise) revise(ctx context.Context, p extract.Passage, s *extract.Seed) (*extract.Seed, error) {
	check := extract.Check{Name: "revise", Version: reviseVersion}
	if s.Origin == extract.Explicit || s.Origin == extract.Manual {
		check.Verdict, check.Reason = extract.Skipped, "it is kept in its own words"
		s.Record(check)
		return nil, nil
	}
	first, why, err := r.rate(ctx, p, s, s)
	if err != nil {
		return nil, err
	}
	if why != "" {
		check.Verdict, check.Reason = extract.Uncertain, "it was not rated: "+why
		s.Record(check)
		return nil, nil
	}
	best, most := s, first
	var spent extract.Seed // what the new versions cost
	for round := range r.Rounds {
		if most.worst() >= r.Threshold {
			break
		}
		next, why, err := r.rewrite(ctx, p, best, most, round, &spent)
		if err != nil {
			return nil, err
		}
		if why != "" {
			continue // another draw may be better
		}
		rated, why, err := r.rate(ctx, p, next, &spent)
		if err != nil {
			return nil, err
		}
		if why == "" && rated.better(most) {
			best, most = next, rated
		}
	}
	check.Verdict, check.Score, check.Reason = extract.Pass, float64(most.sum()-4)/16, most.words()
	switch {
	case most.worst() >= r.Threshold:
	case most.Accuracy <= 2:
		check.Verdict = extract.Fail
	default:
		check.Verdict = extract.Uncertain
	}
	if best == s {
		pay(s, spent.Tokens)
		s.Record(check)
		return nil, nil
	}
	if best.Question == s.Question && best.Answer == s.Answer {
		s.Reasoning, s.ShortAnswer, s.Model = best.Reasoning, best.ShortAnswer, best.Model
		pay(s, spent.Tokens)
		s.Record(check)
		return nil, nil
	}
	best.Tokens = spent.Tokens
	best.Record(check)
	s.Record(extract.Check{Name: "revise", Verdict: extract.Fail, Score: float64(first.sum()-4) / 16, Version: reviseVersion,
		Reason: "replaced by a better version; " + first.words()})
	return best, nil
}

// rate asks the critic. Why is set where that says nothing; payer pays.
func (r *Revise) rate(ctx context.Context, p extract.Passage, s, payer *extract.Seed) (c critique, why string, err error) {
	a, err := askBeside[critique](ctx, &r.Asking, "revise", p, s, func(p extract.Passage) sheet { return aboutSeed(s, p) }, judged)
	pay(payer, a.tokens)
	if err != nil || a.why != "" {
		return critique{}, a.why, err
	}
	c = a.said
	if c.worst() < 1 || max(c.Reasoning, c.Accuracy, c.Completeness, c.Standalone) > 5 {
		return critique{}, "its ratings are not from 1 to 5", nil
	}
	var faults []string
	for _, f := range c.Faults {
		if f = clip(f, 300); f != "" && len(faults) < 8 {
			faults = append(faults, f)
		}
	}
	c.Faults = faults
	return c, "", nil
}

// rewrite has a seed written anew. Why is set where nothing came of it.
func (r *Revise) rewrite(ctx context.Context, p extract.Passage, s *extract.Seed, c critique, round int, payer *extract.Seed) (next *extract.Seed, why string, err error) {
	var faults []string
	for _, f := range append([]string{c.words()}, c.Faults...) {
		faults = append(faults, guard(f))
	}
	// Where the last version was no better, the same is asked again.
	a, err := askBeside[revision](ctx, &r.Asking, "revise_again", p, s, func(p extract.Passage) sheet {
		about := aboutSeed(s, p)
		about.Faults = faults
		return about
	}, round)
	pay(payer, a.tokens)
	if err != nil || a.why != "" {
		return nil, a.why, err
	}
	made := extract.Seed{
		Question: strings.TrimSpace(a.said.Question), Answer: strings.TrimSpace(a.said.Answer), ShortAnswer: strings.TrimSpace(a.said.ShortAnswer),
		Reasoning: trimmed(a.said.Reasoning), Model: a.model,
	}
	if why := unfit(&made); why != "" {
		return nil, why, nil
	}
	return descend(s, made), "", nil
}

// unfit says what makes a seed no seed: there is nothing to it, or far too
// much.
func unfit(s *extract.Seed) string {
	switch {
	case s.Question == "" || s.Answer == "":
		return "it has no question or no answer"
	case len(s.Question) > maxQuestion || len(s.Answer) > maxAnswer || len(s.ShortAnswer) > maxQuestion || len(strings.Join(s.Reasoning, "")) > maxAnswer:
		return "it is far too long"
	}
	return ""
}

// descend gives what was made of a seed all that it shares with it. Of a seed
// that is not signed yet, its own parent is the parent.
func descend(from *extract.Seed, made extract.Seed) *extract.Seed {
	made.Parent = from.Parent
	if id := from.ID; id != "" {
		made.Parent = &id
	}
	if made.Origin == "" {
		made.Origin = from.Origin
	}
	if made.Type == "" {
		made.Type = from.Type
	}
	made.Language, made.Passage, made.Source = from.Language, from.Passage, from.Source
	if made.Difficulty.Estimated == 0 {
		made.Difficulty.Estimated = from.Difficulty.Estimated
	}
	made.Evidence = append([]extract.Evidence(nil), from.Evidence...)
	made.Tags = append(append([]string(nil), from.Tags...), made.Tags...)
	made.Run, made.Recipe, made.Verdict = from.Run, from.Recipe, extract.Draft
	return &made
}

// aboutSeed is a sheet of a seed with its quotes and the passage.
func aboutSeed(s *extract.Seed, p extract.Passage) sheet {
	about := sheetOf(s).with(p, s)
	for _, e := range s.Evidence {
		about.Quotes = append(about.Quotes, guard(e.Quote))
	}
	return about
}
