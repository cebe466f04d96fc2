package jobs

import (
	"context"
	"errors"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
)

// steps are a recipe's stages, ready to run: first those that run by
// themselves, then those that compare a seed with all others and therefore
// run in the transaction that saves it.
type steps struct {
	first []extract.Stage
	last  []extract.Stage
	count int // seeds of the run at most, 0 is any number
}

// steps builds the stages of a run. A *seedbed.Error is one for the run: it
// cannot go on until a person does something about it.
func (s *Service) steps(ctx context.Context, run seedbed.Run) (steps, error) {
	tools := stage.Tools{Near: sharedNear{}, Runner: s.Runner, Benchmarks: s.Benchmarks}
	key := run.RecipeHash
	if run.Endpoint != "" {
		e, err := s.endpoint(ctx, s.DB, run.Endpoint)
		if seedbed.CodeOf(err) == seedbed.NotFound {
			return steps{}, errNoEndpoint
		}
		if err != nil {
			return steps{}, err
		}
		s.models.learn(ctx, s, e, run.Model)
		c, made := s.models.client(s, e, run.Model)
		tools.Model = c.model
		key += "\x00" + made
	}
	return s.models.steps(key, func() (steps, error) {
		body, err := s.DB.RecipeBody(ctx, run.ID)
		if err != nil {
			return steps{}, err
		}
		recipe, err := stage.Parse([]byte(body))
		if err != nil {
			return steps{}, seedbed.Errorf(seedbed.Invalid, "the recipe of this run cannot be used any more: %w", err)
		}
		stages, err := stage.Build(recipe, tools)
		if err != nil {
			return steps{}, seedbed.Errorf(seedbed.Invalid, "the recipe of this run cannot be used any more: %w", err)
		}
		made := divide(stages)
		made.count = recipe.Count
		return made, nil
	})
}

// stepsOrPause are the stages of a run, which is paused where it cannot go on
// until a person does something about it. A database that is away is no reason.
func (s *Service) stepsOrPause(ctx context.Context, run seedbed.Run) (steps, error) {
	made, err := s.steps(ctx, run)
	if why, ok := errors.AsType[*seedbed.Error](err); ok && why.Code != seedbed.Unavailable {
		return made, s.giveUp(ctx, run, why)
	}
	return made, err
}

var errNoEndpoint = seedbed.Errorf(seedbed.Conflict, "the model server of this run was removed: start a new run with another")

// divide puts serial stages last. Where others follow them, they also run in
// their place, so that what follows is not wasted on duplicates already known.
func divide(stages []extract.Stage) steps {
	isSerial := func(s extract.Stage) bool { _, ok := s.(extract.Serial); return ok }
	var out steps
	for _, stage := range stages {
		if isSerial(stage) {
			out.last = append(out.last, stage)
		}
	}
	out.first = stages
	for len(out.first) > 0 && isSerial(out.first[len(out.first)-1]) {
		out.first = out.first[:len(out.first)-1]
	}
	return out
}

// given is a stage that begins with seeds made before.
type given []extract.Seed

func (given) Name() string { return "given" }

func (g given) Do(context.Context, extract.Passage, []extract.Seed) ([]extract.Seed, error) {
	return g, nil
}
