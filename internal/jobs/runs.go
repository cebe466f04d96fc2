package jobs

import (
	"context"
	"slices"
	"time"

	"seedbed/extract"
	"seedbed/extract/measure"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// newRun chooses recipe, endpoint and model for a run.
func (s *Service) newRun(ctx context.Context, o seedbed.RunOptions) (seedbed.Run, error) {
	var run seedbed.Run
	endpoint, err := s.choose(ctx, o.Endpoint)
	if err != nil && (o.Endpoint != "" || seedbed.CodeOf(err) != seedbed.NotFound) {
		return run, err
	}
	connected := err == nil
	name := o.Recipe
	if name == "" {
		name = "explicit"
		if connected {
			name = "quick"
		}
	}
	recipe, err := s.recipe(ctx, name)
	if err != nil {
		return run, err
	}
	if o.Count != 0 {
		if recipe, err = recipe.WithCount(o.Count); err != nil {
			return run, seedbed.Errorf(seedbed.Invalid, "%w", err)
		}
	}
	if o.Limits.Cost < 0 || o.Limits.Tokens < 0 {
		return run, seedbed.Errorf(seedbed.Invalid, "a limit cannot be negative; 0 is none")
	}
	run = seedbed.Run{
		ID:         store.NewID(s.Now()),
		Recipe:     recipe.Name,
		RecipeHash: recipe.Hash(),
		RecipeBody: string(recipe.Resolved),
		State:      seedbed.RunQueued,
		Limits:     o.Limits,
		Created:    s.Now().UTC(),
	}
	if !recipe.NeedsModel() {
		return run, nil
	}
	if !connected {
		return run, seedbed.Errorf(seedbed.Invalid, "the recipe %s needs a model and none is connected: connect one in the settings, or use the recipe explicit", name)
	}
	if err := s.priced(endpoint, o.Limits); err != nil {
		return run, err
	}
	run.Batch = o.Batch
	run.Endpoint, run.Model = endpoint.ID, o.Model
	if run.Model == "" {
		run.Model, err = s.model(ctx, endpoint)
	}
	return run, err
}

// addRun stores a run of a source with the job that makes it go on: its plan
// where the source is ready; else the run waits for the one that reads.
func (s *Service) addRun(ctx context.Context, tx *store.Tx, run *seedbed.Run, src seedbed.Source) error {
	run.Source, run.Collection, run.CollectionID, run.SourceTitle = src.ID, src.Collection, src.CollectionID, src.Title
	if run.SourceTitle == "" {
		run.SourceTitle = src.Name
	}
	if src.State == seedbed.SourceReading {
		run.State = seedbed.RunReading
	}
	if err := tx.AddRun(ctx, *run); err != nil {
		return err
	}
	switch src.State {
	case seedbed.SourceReady:
		return s.insert(ctx, tx, planArgs{Run: run.ID, Source: src.ID}, nil)
	case seedbed.SourceFailed:
		run.State, run.Error, run.Finished = seedbed.RunFailed, src.Error, s.Now().UTC()
		return tx.SaveRun(ctx, *run)
	}
	return nil
}

// StartRun begins a run. A source that could not be read is tried again.
func (s *Service) StartRun(ctx context.Context, source string, o seedbed.RunOptions) (seedbed.Run, error) {
	run, err := s.newRun(ctx, o)
	if err != nil {
		return run, err
	}
	if err := s.canBatch(ctx, run); err != nil {
		return run, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		src, err := tx.Source(ctx, source)
		if err != nil {
			return err
		}
		if src.State == seedbed.SourceFailed && src.Size > 0 {
			src.State, src.Error = seedbed.SourceQueued, nil
			if err := tx.SaveSource(ctx, src); err != nil {
				return err
			}
			if err := s.insert(ctx, tx, readArgs{Source: source}, nil); err != nil {
				return err
			}
		}
		return s.addRun(ctx, tx, &run, src)
	})
	if err != nil {
		return run, err
	}
	s.changes.tell(run.ID)
	return run, nil
}

// Runs lists the runs of a source, "" for all: the 200 newest, newest first.
func (s *Service) Runs(ctx context.Context, source string) ([]seedbed.Run, error) {
	return s.DB.Runs(ctx, source)
}

// Run is one run.
func (s *Service) Run(ctx context.Context, id string) (seedbed.Run, error) {
	run, err := s.DB.Run(ctx, id)
	if err == nil && run.Batch {
		run.Batches, err = s.DB.Batches(ctx, id)
	}
	if err == nil && !run.Ended() && run.State != seedbed.RunPaused {
		run.Waits, err = s.waits(ctx, run)
	}
	return run, err
}

// waits is why no process works on a run, "" where one does or will.
func (s *Service) waits(ctx context.Context, run seedbed.Run) (string, error) {
	all, environment, err := s.DB.Workers(ctx, s.lease())
	switch {
	case err != nil:
		return "", err
	case all == 0:
		return "It waits for a worker, and none is running: start one with seedbed worker, or serve without --no-worker.", nil
	case run.Endpoint == EnvEndpoint && environment == 0:
		return "It waits for a worker that knows its model server: start one with SEEDBED_LLM_URL set as it is for this server.", nil
	}
	return "", nil
}

// Failures lists the failed passages of a run in document order.
func (s *Service) Failures(ctx context.Context, run string) ([]seedbed.RunPassage, error) {
	if _, err := s.DB.Run(ctx, run); err != nil {
		return nil, err
	}
	return s.DB.Failures(ctx, run)
}

// Ledger says what became of each passage of a run, in document order.
func (s *Service) Ledger(ctx context.Context, run string) ([]extract.Entry, error) {
	r, err := s.DB.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	return s.DB.Ledger(ctx, r)
}

// Scorecard measures the seeds of a run against its source.
func (s *Service) Scorecard(ctx context.Context, run string) (*measure.Card, error) {
	r, err := s.DB.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	src, doc, err := s.readSource(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	m := measure.New(measure.Options{Sources: []measure.Source{{Name: src.Name, ID: src.ID, SHA256: src.SHA256, Doc: doc}}})
	err = s.DB.Each(ctx, seedbed.Filter{Run: []string{run}}, func(seed extract.Seed) error {
		m.Add(&seed)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	ledger, err := s.DB.Ledger(ctx, r)
	if err != nil {
		return nil, err
	}
	m.Run(extract.Spent{Calls: r.Calls, Cached: r.Cached, Tokens: r.Tokens, Prefix: r.Prefix, Cost: r.Cost}, ledger)
	return m.Card(), nil
}

// Pause keeps a run from making calls until Resume. Passages in flight are
// finished and kept.
func (s *Service) Pause(ctx context.Context, id string) error {
	return s.pause(ctx, id, nil)
}

// pause also says why, where nobody asked for it.
func (s *Service) pause(ctx context.Context, id string, why *seedbed.Error) error {
	err := s.change(ctx, id, func(tx *store.Tx, run *seedbed.Run) error {
		if run.State == seedbed.RunPaused {
			return nil
		}
		if run.State != seedbed.RunRunning {
			return seedbed.Errorf(seedbed.Conflict, "a run that is %s cannot be paused", run.State)
		}
		run.State, run.Error = seedbed.RunPaused, why
		s.control(id).halt()
		return tx.DropJobs(ctx, id)
	})
	if err != nil {
		s.renew(id)
	}
	return err
}

// Resume goes on with a run that was paused.
func (s *Service) Resume(ctx context.Context, id string) error {
	defer s.renew(id)
	return s.change(ctx, id, func(tx *store.Tx, run *seedbed.Run) error {
		if run.State == seedbed.RunRunning {
			return nil
		}
		if run.State != seedbed.RunPaused {
			return seedbed.Errorf(seedbed.Conflict, "a run that is %s cannot be resumed", run.State)
		}
		if run.Overspent() {
			return errLimit(*run)
		}
		return s.goOn(ctx, tx, run)
	})
}

// priced says why a limit of cost would never be reached, if it would not.
func (s *Service) priced(e seedbed.Endpoint, l seedbed.Limits) error {
	if in, out := s.prices(e); l.Cost > 0 && in == 0 && out == 0 {
		return seedbed.Errorf(seedbed.Invalid, "a limit of cost needs the prices of %s: enter them in the settings, or limit the tokens", e.Name)
	}
	return nil
}

// LimitRun changes what a run may spend. One that was paused because it
// reached a limit goes on with Resume.
func (s *Service) LimitRun(ctx context.Context, id string, l seedbed.Limits) error {
	if l.Cost < 0 || l.Tokens < 0 {
		return seedbed.Errorf(seedbed.Invalid, "a limit cannot be negative; 0 is none")
	}
	return s.change(ctx, id, func(tx *store.Tx, run *seedbed.Run) error {
		if run.Ended() {
			return seedbed.Errorf(seedbed.Conflict, "a run that is %s spends nothing any more", run.State)
		}
		// Where the server was removed, the run does not go on anyway.
		if e, err := s.endpoint(ctx, tx, run.Endpoint); err == nil {
			if err := s.priced(e, l); err != nil {
				return err
			}
		} else if seedbed.CodeOf(err) != seedbed.NotFound {
			return err
		}
		run.Limits = l
		s.control(id).saw(*run)
		return nil
	})
}

// goOn sets a run to work off what is queued.
func (s *Service) goOn(ctx context.Context, tx *store.Tx, run *seedbed.Run) error {
	if run.Endpoint != "" {
		_, err := s.endpoint(ctx, tx, run.Endpoint)
		if seedbed.CodeOf(err) == seedbed.NotFound {
			return errNoEndpoint
		}
		if err != nil {
			return err
		}
	}
	run.State, run.Error = seedbed.RunRunning, nil
	run.Finished = time.Time{}
	return s.insert(ctx, tx, planArgs{Run: run.ID, Source: run.Source}, nil)
}

// Cancel ends a run for good. What it has found stays; calls in flight are
// broken off.
func (s *Service) Cancel(ctx context.Context, id string) error {
	var cancelled seedbed.Run
	err := s.change(ctx, id, func(tx *store.Tx, run *seedbed.Run) error {
		if run.State == seedbed.RunCancelled {
			return nil
		}
		if run.Ended() {
			return seedbed.Errorf(seedbed.Conflict, "a run that is %s cannot be cancelled", run.State)
		}
		cancelled = *run
		run.State, run.Error, run.Finished = seedbed.RunCancelled, nil, s.Now().UTC()
		return tx.DropJobs(ctx, id)
	})
	if err == nil {
		s.control(id).abort()
		s.cancelBatches(ctx, cancelled)
	}
	return err
}

// Retry puts failed passages back, all or those with a code, and returns how
// many. A run that was done goes on.
func (s *Service) Retry(ctx context.Context, id, code string) (int, error) {
	defer s.renew(id)
	n := 0
	err := s.change(ctx, id, func(tx *store.Tx, run *seedbed.Run) (err error) {
		if !slices.Contains([]string{seedbed.RunRunning, seedbed.RunPaused, seedbed.RunDone}, run.State) {
			return seedbed.Errorf(seedbed.Conflict, "a run that is %s cannot be retried", run.State)
		}
		if n, err = tx.Requeue(ctx, id, code); err != nil || n == 0 {
			return err
		}
		if run.State == seedbed.RunPaused {
			return nil
		}
		return s.goOn(ctx, tx, run)
	})
	return n, err
}

// change changes a run in a transaction, and tells who watches it.
func (s *Service) change(ctx context.Context, id string, do func(*store.Tx, *seedbed.Run) error) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, id)
		if err != nil {
			return err
		}
		if err := do(tx, &run); err != nil {
			return err
		}
		return tx.SaveRun(ctx, run)
	})
	if err == nil {
		s.changes.tell(id)
	}
	return err
}
