package stage

import (
	"context"
	"fmt"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
)

// maxHalvings is how often a passage is cut in two for a model that has no
// room for it: down to eighths.
const maxHalvings = 3

// inParts has a passage asked about, and where that is longer than the model
// takes, its halves in turn. It leaves a note in the ledger.
func inParts(ctx context.Context, p extract.Passage, ask func(extract.Passage) error) error {
	parts := 0
	err := halving(p, maxHalvings, func(part extract.Passage) error {
		err := ask(part)
		if err == nil {
			parts++
		}
		return err
	})
	if err == nil && parts > 1 {
		extract.Note(ctx, fmt.Sprintf("in %d parts, as the passage is longer than the model takes", parts))
	}
	return err
}

func halving(p extract.Passage, more int, ask func(extract.Passage) error) error {
	err := ask(p)
	if !llm.Overflow(err) || more == 0 {
		return err
	}
	first, second, ok := chunk.Halve(p)
	if !ok {
		return err
	}
	if err := halving(first, more-1, ask); err != nil {
		return err
	}
	return halving(second, more-1, ask)
}

// askBeside asks about a seed and shows the passage, or where that is longer
// than the model takes, the half of it that the seed's quotes stand in.
func askBeside[T any](ctx context.Context, a *Asking, prompt string, p extract.Passage, s *extract.Seed, about func(extract.Passage) sheet, n int) (asked[T], error) {
	var spent extract.Tokens
	for more := maxHalvings; ; more-- {
		out, err := ask[T](ctx, a, prompt, about(p), n)
		spent.In += out.tokens.In
		spent.Out += out.tokens.Out
		out.tokens = spent
		if err != nil || !out.overflow || more == 0 {
			return out, err
		}
		half, ok := halfOf(p, s)
		if !ok {
			return out, nil
		}
		p = half
	}
}

// halfOf is the half of a passage that has all of a seed's quotes.
func halfOf(p extract.Passage, s *extract.Seed) (extract.Passage, bool) {
	first, second, ok := chunk.Halve(p)
	if !ok || len(s.Evidence) == 0 {
		return p, false
	}
	for _, half := range []extract.Passage{first, second} {
		in := searched{Passage: half, similarity: repairable}
		all := true
		for _, e := range s.Evidence {
			e = extract.Evidence{Quote: e.Quote}
			score, _ := in.find(&e)
			all = all && score >= in.similarity
		}
		if all {
			return half, true
		}
	}
	return p, false
}
