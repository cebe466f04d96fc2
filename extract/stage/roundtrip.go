package stage

import (
	"context"
	"fmt"

	"seedbed/extract"
)

// Roundtrip has each question answered again by somebody who has only the
// passage, and compares the answer with the seed's. An answer that the passage
// does not lead to, or a question that asks for something else than its answer
// says, shows as a difference.
//
// Numbers and short answers are compared as they are; where that decides
// nothing, a judge that sees question, key and answer says True, False or
// Uncertain. False rejects the seed, unless the text itself states the pair:
// then a model stands against a book, and the check is uncertain. So it is
// where the model refuses or says nothing that can be used.
//
// With ClosedBook the question is also answered without the passage. Whether
// that gives the seed's answer is a label, Difficulty.ClosedBook, and no
// judgement: what a model knows by heart may still be worth asking.
//
// Phi-4's seeds were kept where an independent answer agreed with the key
// ("Phi-4 Technical Report", Abdin et al., 2024, arXiv:2412.08905, on the
// curation of seeds and answer pairs).
type Roundtrip struct {
	ClosedBook bool             `yaml:"closed_book"` // answer without the passage, too
	Asking     `yaml:",inline"` // its sampling is that of the answers
}

// Name is "roundtrip".
func (*Roundtrip) Name() string { return "roundtrip" }

func (r *Roundtrip) prompts() []string {
	if r.ClosedBook {
		return []string{"roundtrip", "vote", "roundtrip_judge"}
	}
	return []string{"roundtrip", "roundtrip_judge"}
}

const roundtripVersion = "1"

// Do checks the live seeds, all at once.
func (r *Roundtrip) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	todo := live(seeds)
	ways := 1
	if r.ClosedBook {
		ways = 2
	}
	open, closed := make([]outcome, len(seeds)), make([]outcome, len(seeds))
	err := together(ctx, ways*len(todo), func(ctx context.Context, n int) (err error) {
		i := todo[n/ways]
		if n%ways == 0 {
			open[i], err = r.try(ctx, p, &seeds[i], "roundtrip", func(p extract.Passage) sheet { return sheetOf(&seeds[i]).with(p, &seeds[i]) })
		} else {
			closed[i], err = r.try(ctx, p, &seeds[i], "vote", func(extract.Passage) sheet { return sheetOf(&seeds[i]) })
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, i := range todo {
		s := &seeds[i]
		pay(s, open[i].tokens)
		pay(s, closed[i].tokens)
		s.Difficulty.ClosedBook = closed[i].Verdict == judgedTrue
		s.Record(open[i].check(s.Origin))
	}
	return seeds, nil
}

// An outcome is an answer and what was made of it.
type outcome struct {
	ruling
	given  attempt
	tokens extract.Tokens
}

// try answers the question and has the answer judged.
func (r *Roundtrip) try(ctx context.Context, p extract.Passage, s *extract.Seed, prompt string, about func(extract.Passage) sheet) (outcome, error) {
	a, err := askBeside[attempt](ctx, &r.Asking, prompt, p, s, about, 0)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{given: a.said, tokens: a.tokens}
	switch {
	case a.why != "":
		out.ruling = ruling{"the question was not answered: " + a.why, judgedUncertain}
		return out, nil
	case !a.said.gives():
		out.ruling = ruling{"the passage does not lead to an answer", judgedFalse}
		return out, nil
	}
	var paid extract.Tokens
	out.ruling, paid, err = r.judge(ctx, s, a.said)
	out.tokens.In += paid.In
	out.tokens.Out += paid.Out
	return out, err
}

func (o outcome) check(origin string) extract.Check {
	c := extract.Check{Name: "roundtrip", Reason: o.Reason, Version: roundtripVersion}
	switch o.Verdict {
	case judgedTrue:
		c.Verdict, c.Score = extract.Pass, 1
	case judgedFalse:
		c.Verdict = extract.Fail
		if o.given.gives() {
			c.Reason = fmt.Sprintf("the passage leads to another answer: “%s” (%s)", clip(o.given.best(), 200), o.Reason)
		}
		if origin == extract.Explicit || origin == extract.Manual {
			c.Verdict = extract.Uncertain
		}
	default:
		c.Verdict, c.Score = extract.Uncertain, 0.5
	}
	return c
}

// best is the shortest form of an answer that says it.
func (a attempt) best() string {
	if a.ShortAnswer != "" {
		return a.ShortAnswer
	}
	return a.Answer
}
