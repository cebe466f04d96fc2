package jobs

import (
	"context"
	"fmt"
	"strings"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// WriteSeed keeps a pair that a person wrote. It is accepted, for who wrote it
// has decided, and so never gives way to one that a run makes.
//
// Its quotes have to stand in the source, else the error is
// [seedbed.Ungrounded] and says which does not and what comes closest. Where
// another seed of the collection asks the same, the error is
// [seedbed.Duplicate] unless both are wanted.
func (s *Service) WriteSeed(ctx context.Context, n seedbed.NewSeed) (extract.Seed, int64, error) {
	src, err := s.DB.Uncounted(ctx, n.Source)
	if err != nil {
		return extract.Seed{}, 0, err
	}
	seed, err := written(n)
	if err != nil {
		return extract.Seed{}, 0, err
	}
	doc, err := s.Document(ctx, src.ID)
	if err != nil {
		return extract.Seed{}, 0, err
	}
	if seed.Evidence, err = quoted(ctx, doc, n.Evidence); err != nil {
		return extract.Seed{}, 0, err
	}
	seed.ID = store.NewID(s.Now())
	in, ordinal, err := s.passageOf(ctx, src, seed.Evidence)
	if err != nil {
		return extract.Seed{}, 0, err
	}
	in.Doc = doc

	// Who has this to compare with may not ask others to give way.
	stages := []extract.Stage{given{seed}, &stage.Ground{}, &stage.Dedupe{Near: struct{ stage.Near }{sharedNear{}}}}
	o := extract.Options{Source: sourceRef(src), Now: s.Now}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Uncounted(ctx, src.ID); err != nil { // deleted meanwhile
			return err
		}
		if err := tx.LockSeeds(ctx, src.CollectionID); err != nil {
			return err
		}
		near := &near{db: tx, seeds: tx.HoldSeeds, collection: src.CollectionID}
		made, err := extract.Do(near.with(ctx), stages, in, o)
		if err != nil {
			return err
		}
		seed = made[0]
		keys := near.added[seed.ID]
		switch {
		case seed.DuplicateOf != nil && n.Duplicate:
			seed.Verdict, seed.VerdictReason = extract.Accepted, ""
			keys = stage.Keys(seed.Question)
		case seed.DuplicateOf != nil:
			other, err := tx.Seed(ctx, *seed.DuplicateOf)
			if err != nil {
				return err
			}
			same := &seedbed.DuplicateError{Seed: other.ID, Question: other.Question}
			return &seedbed.Error{Code: seedbed.Duplicate, Message: same.Error(), Err: same}
		case !seed.Live():
			return seedbed.Errorf(seedbed.Ungrounded, "%s", seed.VerdictReason)
		}
		seed, err = tx.AddSeed(ctx, src.CollectionID, ordinal, seed, keys)
		return err
	})
	if err != nil {
		return extract.Seed{}, 0, err
	}
	s.wake()
	return seed, 1, nil
}

// written is what a person wrote, as a seed.
func written(n seedbed.NewSeed) (extract.Seed, error) {
	s := extract.Seed{Origin: extract.Manual, Type: extract.Factual, Verdict: extract.Accepted, Language: strings.TrimSpace(strings.ToValidUTF8(n.Language, ""))}
	c := seedbed.SeedChange{Question: &n.Question, Answer: &n.Answer, ShortAnswer: &n.ShortAnswer, Reasoning: &n.Reasoning, Tags: &n.Tags}
	if n.Type != "" {
		c.Type = &n.Type
	}
	if n.Difficulty < 0 || n.Difficulty > 10 {
		return s, seedbed.Errorf(seedbed.Invalid, "the difficulty is from 1 to 10, or 0 where it is not said")
	}
	s.Difficulty.Estimated = n.Difficulty
	return s, change(&s, c)
}

// maxQuotes is how many quotes a person may give: each is looked for in all of
// the document, which takes a second where that is a large one.
const maxQuotes = 20

// quoted is where quotes stand in a document.
func quoted(ctx context.Context, doc *extract.Document, quotes []seedbed.Quoted) ([]extract.Evidence, error) {
	if len(quotes) > maxQuotes {
		return nil, seedbed.Errorf(seedbed.Invalid, "a seed has %d quotes at most, and this one has %d", maxQuotes, len(quotes))
	}
	var out []extract.Evidence
	for i, q := range quotes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if strings.TrimSpace(q.Quote) == "" {
			return nil, seedbed.Errorf(seedbed.Invalid, "quote %d is empty: leave it out", i+1)
		}
		e, closest := stage.Locate(doc, q.Quote)
		if e.Match == "" {
			near := ""
			if closest != "" {
				near = fmt.Sprintf("; the closest there is “%s”", closest)
			}
			return nil, seedbed.Errorf(seedbed.Ungrounded, "quote %d does not stand in the source: “%s”%s", i+1, strings.TrimSpace(q.Quote), near)
		}
		out = append(out, e)
	}
	return out, nil
}

// passageOf is the passage in which the first quote begins, without its text,
// and its ordinal; -1 where there is none.
func (s *Service) passageOf(ctx context.Context, src seedbed.Source, evidence []extract.Evidence) (in extract.Passage, ordinal int, err error) {
	ordinal = -1
	if len(evidence) == 0 {
		return in, ordinal, nil
	}
	all, err := s.DB.Passages(ctx, src.ID)
	for _, p := range all {
		if p.Start <= evidence[0].Start {
			in.ID, in.Path, ordinal = p.Passage, p.Path, p.Ordinal
		}
	}
	return in, ordinal, err
}
