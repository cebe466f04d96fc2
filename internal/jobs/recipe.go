package jobs

import (
	"cmp"
	"context"
	"slices"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// steps are a recipe's stages, ready to run: first those that run by
// themselves, then those that compare a seed with all others and therefore
// run in the transaction that saves it.
type steps struct {
	first []extract.Stage
	last  []extract.Stage
	gate  *gate // of the model's server, nil without a model
	count int   // seeds of the run at most, 0 is any number
}

// steps builds the stages of a run. A *seedbed.Error is one for the run: it
// cannot go on until a person does something about it.
func (s *Service) steps(ctx context.Context, run seedbed.Run) (steps, error) {
	tools := stage.Tools{Near: sharedNear{}, Runner: s.Runner, Benchmarks: s.Benchmarks}
	var at *gate
	key := run.RecipeHash
	if run.Endpoint != "" {
		e, err := s.endpoint(ctx, s.DB, run.Endpoint)
		if seedbed.CodeOf(err) == seedbed.NotFound {
			return steps{}, errNoEndpoint
		}
		if err != nil {
			return steps{}, err
		}
		var client string
		s.models.learn(ctx, s, e, run.Model)
		tools.Model, at, client = s.models.model(s, e, run.Model)
		key += "\x00" + client
	}
	return s.models.steps(key, func() (steps, error) {
		recipe, err := stage.Parse([]byte(run.RecipeBody))
		if err != nil {
			return steps{}, seedbed.Errorf(seedbed.Invalid, "the recipe of this run cannot be used any more: %w", err)
		}
		stages, err := stage.Build(recipe, tools)
		if err != nil {
			return steps{}, seedbed.Errorf(seedbed.Invalid, "the recipe of this run cannot be used any more: %w", err)
		}
		made := divide(stages)
		made.gate, made.count = at, recipe.Count
		return made, nil
	})
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

// near looks for alike questions among those of a collection and those added
// to it, and keeps what is added for the transaction's end.
type near struct {
	db interface {
		Alike(ctx context.Context, collection string, keys []uint64) (map[uint64][]store.Alike, error)
	}
	collection string
	known      map[uint64][]store.Alike // by key, of those looked up ahead
	questions  []stage.Candidate
	added      map[string][]uint64 // keys by id
}

// ahead takes over what was looked up under keys at once, of what will be asked
// about seeds one by one.
func (n *near) ahead(known map[uint64][]store.Alike, keys []uint64) {
	n.known = known
	for _, key := range keys {
		if n.known[key] == nil {
			n.known[key] = []store.Alike{}
		}
	}
}

// keysOf are those of the seeds that will be compared with others.
func keysOf(made []outcome) []uint64 {
	var keys []uint64
	for _, out := range made {
		for _, s := range out.Found {
			if s.Live() {
				keys = append(keys, stage.Keys(s.Question)...)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

type nearKey struct{}

func (n *near) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, nearKey{}, n)
}

// sharedNear hands over to its context's near: stages are built once and used
// by many transactions.
type sharedNear struct{}

func (sharedNear) Candidates(ctx context.Context, keys []uint64) ([]stage.Candidate, error) {
	n := ctx.Value(nearKey{}).(*near)
	known := n.known
	if slices.ContainsFunc(keys, func(k uint64) bool { return known[k] == nil }) {
		var err error
		if known, err = n.db.Alike(ctx, n.collection, keys); err != nil {
			return nil, err
		}
	}
	var alike []store.Alike
	for _, k := range keys {
		alike = append(alike, known[k]...)
	}
	slices.SortFunc(alike, func(a, b store.Alike) int { return cmp.Compare(a.N, b.N) })
	var out []stage.Candidate
	for _, a := range slices.Compact(alike) {
		out = append(out, stage.Candidate{ID: a.ID, Question: a.Question})
	}
	for _, q := range n.questions {
		if slices.ContainsFunc(n.added[q.ID], func(k uint64) bool { return slices.Contains(keys, k) }) {
			out = append(out, q)
		}
	}
	return out, nil
}

func (sharedNear) Add(ctx context.Context, id, question string, keys []uint64) error {
	n := ctx.Value(nearKey{}).(*near)
	if n.added == nil {
		n.added = map[string][]uint64{}
	}
	n.questions = append(n.questions, stage.Candidate{ID: id, Question: question})
	n.added[id] = slices.Clone(keys)
	return nil
}
