package jobs

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// planArgs ask for jobs for all passages of a run that are to be done: when
// it begins, is resumed, or failures are retried.
type planArgs struct {
	Run    string `json:"run"`
	Source string `json:"source"`
}

func (planArgs) Kind() string                 { return "plan" }
func (planArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: planQueue} }

type planWorker struct {
	river.WorkerDefaults[planArgs]
	s *Service
}

// Passages of one job: a model takes long over one; rules are done in no time.
const (
	planStep  = 50 // planned in one transaction
	rulesStep = 25
)

func (w *planWorker) Work(ctx context.Context, job *river.Job[planArgs]) error {
	s := w.s
	for from := 0; from >= 0; {
		err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
			from, err = s.plan(ctx, tx, job, from)
			return err
		})
		switch {
		case err == nil:
			s.changes.tell(job.Args.Run)
		case ctx.Err() != nil:
			return river.JobSnooze(0)
		default:
			return ignoreNotFound(err) // it was deleted meanwhile
		}
	}
	return nil
}

// plan adds jobs for the next passages from an ordinal on, and returns where
// to go on, -1 at the end.
func (s *Service) plan(ctx context.Context, tx *store.Tx, job *river.Job[planArgs], from int) (next int, err error) {
	run, err := tx.Run(ctx, job.Args.Run)
	if err != nil {
		return 0, err
	}
	switch run.State {
	case seedbed.RunQueued, seedbed.RunReading:
		src, err := tx.Source(ctx, run.Source)
		if err != nil {
			return 0, err
		}
		run.State, run.Started, run.Passages.Total = seedbed.RunRunning, s.Now().UTC(), src.Passages
		if err := tx.SaveRun(ctx, run); err != nil {
			return 0, err
		}
	case seedbed.RunRunning:
	default: // whoever resumes it plans again
		return -1, complete(ctx, tx, job)
	}
	queued, next, err := tx.Plan(ctx, run.ID, run.Source, from, planStep)
	if err != nil {
		return 0, err
	}
	if run.Batch {
		if err := s.insert(ctx, tx, batchArgs{Run: run.ID, Source: run.Source}, nil); err != nil {
			return 0, err
		}
	} else if err := s.addPassages(ctx, tx, run, queued); err != nil {
		return 0, err
	}
	if next >= 0 {
		return next, nil
	}
	if err := s.endIfDone(ctx, tx, run.ID); err != nil {
		return 0, err
	}
	return -1, complete(ctx, tx, job)
}

// addPassages adds jobs for passages of a run.
func (s *Service) addPassages(ctx context.Context, tx *store.Tx, run seedbed.Run, queued []int) error {
	step := 1
	if run.Endpoint == "" {
		step = rulesStep
	}
	var jobs []river.InsertManyParams
	for len(queued) > 0 {
		n := min(step, len(queued))
		jobs = append(jobs, river.InsertManyParams{
			Args:       passageArgs{Run: run.ID, Source: run.Source, Ordinals: queued[:n]},
			InsertOpts: &river.InsertOpts{Queue: passageQueue(run), UniqueOpts: onceAtATime},
		})
		queued = queued[n:]
	}
	if len(jobs) > 0 {
		if _, err := s.river.InsertManyTx(ctx, tx.SQL(), jobs); err != nil {
			return fmt.Errorf("add passage jobs of run %s: %w", run.ID, err)
		}
	}
	return nil
}

// onceAtATime keeps a passage from being worked on twice at a time when a run
// is planned again.
var onceAtATime = river.UniqueOpts{
	ByArgs: true,
	ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
		rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	},
}

func passageQueue(run seedbed.Run) string {
	if run.Endpoint == "" {
		return rulesQueue
	}
	return modelQueue(run.Endpoint)
}

// endIfDone ends a run whose passages are all done, failed or skipped.
func (s *Service) endIfDone(ctx context.Context, tx *store.Tx, id string) error {
	run, err := tx.Run(ctx, id)
	if err != nil {
		return err
	}
	p := run.Passages
	if run.State != seedbed.RunRunning && run.State != seedbed.RunPaused || p.Done+p.Failed+p.Skipped < p.Total {
		return nil
	}
	run.State, run.Error, run.Finished = seedbed.RunDone, nil, s.Now().UTC()
	return tx.SaveRun(ctx, run)
}
