package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Options say what all seeds of a run have in common and how it is run.
// The zero value works.
type Options struct {
	Run    string // the run's id, part of every seed's id
	Recipe string // name@hash

	Source SourceRef // a seed's Section is its passage's Path; Title, Kind and License come from the document where empty

	Now func() time.Time // the clock, nil is time.Now

	Count int // live seeds at most: those beyond are rejected and no passage is begun any more; 0 is no limit

	Concurrency int // passages worked on at once, 0 is DefaultConcurrency
	Ahead       int // passages begun before the first unfinished one is yielded, 0 is 16 × Concurrency and at least 256
}

// DefaultConcurrency is how many passages [Run] works on at once.
const DefaultConcurrency = 4

// A Result is what became of one passage. Err is a [Skip] where the passage
// was screened out; any other error means that it failed and may be tried
// again. A passage with an error has no seeds.
type Result struct {
	Passage Passage
	Seeds   []Seed
	Spent   Spent    // by models wrapped in [Metered]
	Notes   []string // what stages said of it, see [Note]
	Err     error
}

// A Serial stage judges a passage by the passages before it. [Run] does the
// stages from the first serial one on in document order, one passage at a
// time, so that the same document gives the same verdicts in every run.
type Serial interface {
	Stage
	Serial()
}

// A PanicError is the error of a passage at which a stage panicked.
type PanicError struct {
	Stage string
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("stage %s panicked: %v", e.Stage, e.Value) }

// Run runs the stages over all passages and yields one result a passage, in
// document order. Up to Concurrency passages are worked on at once, and a
// slow one holds nobody up until Ahead others wait behind it.
//
// When ctx ends, passages not yet begun are left out, those in work are
// yielded with the context's error if it stopped them, and the sequence ends.
// When the caller stops early, Run cancels what is in work and waits for it.
// The passages are drawn in a goroutine of Run's own.
func Run(ctx context.Context, passages iter.Seq[Passage], stages []Stage, o Options) iter.Seq[Result] {
	atOnce := o.Concurrency
	if atOnce <= 0 {
		atOnce = DefaultConcurrency
	}
	ahead := o.Ahead
	if ahead <= 0 {
		ahead = max(256, 16*atOnce)
	}
	together, inOrder := split(stages)

	type slot struct {
		Result
		done chan struct{}
	}
	return func(yield func(Result) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()

		// Every passage waits in line, where the results are taken from in
		// order, and at the same time lies ready for the next free worker.
		line := make(chan *slot, ahead)
		ready := make(chan *slot)
		workers.Go(func() {
			defer close(line)
			defer close(ready)
			for p := range passages {
				s := &slot{Result: Result{Passage: p}, done: make(chan struct{})}
				select {
				case line <- s:
				case <-ctx.Done():
					return
				}
				select {
				case ready <- s:
				case <-ctx.Done():
					s.Err = context.Cause(ctx)
					close(s.done)
					return
				}
			}
		})
		for range atOnce {
			workers.Go(func() {
				for s := range ready {
					var m Meter
					s.Seeds, s.Err = o.do(m.Context(ctx), together, s.Passage, nil)
					s.Spent, s.Notes = m.Spent(), m.Notes()
					close(s.done)
				}
			})
		}
		found := 0
		for s := range line {
			<-s.done
			if s.Err == nil && len(inOrder) > 0 {
				var m Meter
				s.Seeds, s.Err = o.do(m.Context(ctx), inOrder, s.Passage, s.Seeds)
				s.Spent, s.Notes = s.Spent.Add(m.Spent()), append(s.Notes, m.Notes()...)
			}
			if o.Count > 0 {
				found += Ceiling(s.Seeds, o.Count-found)
			}
			if !yield(s.Result) {
				return
			}
			if o.Count > 0 && found >= o.Count {
				return
			}
		}
	}
}

// split cuts the stages before the first serial one.
func split(stages []Stage) (together, inOrder []Stage) {
	i := slices.IndexFunc(stages, func(s Stage) bool {
		_, serial := s.(Serial)
		return serial
	})
	if i < 0 {
		return stages, nil
	}
	return stages[:i], stages[i:]
}

// Do runs the stages over one passage and returns its seeds, rejected ones
// too, with everything filled in that the stages left open: ids, passage,
// source, language, verdict, run, recipe, model and time. A seed whose ID was
// there before it is the same seed again and is dropped.
//
// The error of a stage names the stage; a [Skip] comes back as it is, and so
// does a passage's own Skip, for which no stage is asked.
func Do(ctx context.Context, stages []Stage, p Passage, o Options) ([]Seed, error) {
	return o.do(ctx, stages, p, nil)
}

func (o Options) do(ctx context.Context, stages []Stage, p Passage, seeds []Seed) ([]Seed, error) {
	if p.Skip != "" {
		return nil, Skip(p.Skip)
	}
	for _, stage := range stages {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		next, err := guarded(ctx, stage, p, seeds)
		var skip Skip
		switch {
		case errors.As(err, &skip):
			return nil, skip
		case err != nil:
			return nil, err
		}
		seeds = o.sign(p, next)
	}
	return seeds, nil
}

// guarded turns a panic of the stage into an error.
func guarded(ctx context.Context, stage Stage, p Passage, seeds []Seed) (out []Seed, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, &PanicError{Stage: stage.Name(), Value: v, Stack: debug.Stack()}
		}
	}()
	out, err = stage.Do(context.WithValue(ctx, stageKey{}, stage.Name()), p, seeds)
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", stage.Name(), err)
	}
	return out, nil
}

type stageKey struct{}

// stageOf is the name of the stage that works with ctx.
func stageOf(ctx context.Context) string {
	name, _ := ctx.Value(stageKey{}).(string)
	return name
}

// sign fills in what the stages leave open, for later stages to see, and
// drops seeds that are there already.
func (o Options) sign(p Passage, seeds []Seed) []Seed {
	seen := make(map[string]bool, len(seeds))
	kept := seeds[:0]
	for _, s := range seeds {
		if s.ID == "" {
			s.ID = SeedID(o.Run, p.ID, s.Question, s.Answer)
		}
		if seen[s.ID] {
			continue
		}
		seen[s.ID] = true
		kept = append(kept, o.fill(p, s))
	}
	return kept
}

func (o Options) fill(p Passage, s Seed) Seed {
	if s.Source.ID == "" {
		section := s.Source.Section
		s.Source = o.Source
		s.Source.Section = section
	}
	s.Source.Section = or(s.Source.Section, p.Path)
	if p.Doc != nil {
		s.Source.Title = cmp.Or(s.Source.Title, p.Doc.Title)
		s.Source.Kind = cmp.Or(s.Source.Kind, p.Doc.Kind)
		s.Source.License = cmp.Or(s.Source.License, p.Doc.License)
		s.Language = cmp.Or(s.Language, p.Doc.Language)
	}
	s.Passage = cmp.Or(s.Passage, p.ID)
	s.Run = cmp.Or(s.Run, o.Run)
	s.Recipe = cmp.Or(s.Recipe, o.Recipe)
	s.Verdict = cmp.Or(s.Verdict, Draft)
	if s.Created.IsZero() {
		now := time.Now
		if o.Now != nil {
			now = o.Now
		}
		s.Created = now().UTC()
	}

	// Lists are never null in a record.
	s.Source.Section = or(s.Source.Section, []string{})
	s.Reasoning = or(s.Reasoning, []string{})
	s.Evidence = or(s.Evidence, []Evidence{})
	s.Checks = or(s.Checks, []Check{})
	s.Tags = or(s.Tags, []string{})
	s.Difficulty.Votes = or(s.Difficulty.Votes, []int{})
	return s
}

// Ceiling keeps the first left of the live seeds and rejects the others. It
// returns how many it kept.
func Ceiling(seeds []Seed, left int) (kept int) {
	for i := range seeds {
		s := &seeds[i]
		if !s.Live() {
			continue
		}
		if kept < left {
			kept++
			continue
		}
		s.Record(Check{Name: "count", Verdict: Fail, Reason: "there are as many seeds as were asked for", Version: "1"})
	}
	return kept
}

// or is list, or other where list is nil.
func or[T any](list, other []T) []T {
	if list == nil {
		return other
	}
	return list
}
