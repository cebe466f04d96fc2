package jobs

import (
	"context"
	"errors"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"seedbed/internal/queue"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// planArgs ask for jobs for the next passages of a run that are to be done,
// from an ordinal on: from the first when it begins, is resumed, or failures
// are retried.
//
// A run has few jobs at a time. The first of them to begin asks for the next
// ones: so runs take turns, a short document does not wait behind a library,
// and a long run takes no more room in the queue than a short one.
type planArgs struct {
	Run    string `json:"run"`
	Source string `json:"source"`
	From   int    `json:"from,omitempty"`
}

func (planArgs) Kind() string                 { return "plan" }
func (planArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: planQueue} }

type planWorker struct {
	river.WorkerDefaults[planArgs]
	s *Service
}

// Passages of one job: a model takes long over one; rules are done in no time.
const (
	planStep  = 50 // looked at, and planned at most, in one transaction
	rulesStep = 3 * commitStep
)

func (w *planWorker) Work(ctx context.Context, job *river.Job[planArgs]) error {
	s := w.s
	if job.Args.From == 0 {
		s.prepare(ctx, job.Args)
	}
	for from := job.Args.From; from >= 0; {
		err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
			from, err = s.plan(ctx, tx, job, from)
			return err
		})
		switch {
		case err == nil:
			s.changes.tell(job.Args.Run)
		case errors.Is(err, queue.ErrLost):
			return nil
		case ctx.Err() != nil:
			return river.JobSnooze(0)
		case seedbed.CodeOf(err) == seedbed.Unavailable:
			return river.JobSnooze(s.Patience(1))
		default:
			return ignoreNotFound(err) // it was deleted meanwhile
		}
	}
	return nil
}

// prepare builds the stages of a run and loads its document before the first
// passages are planned: they all begin at once, and would wait for it. They
// also find out what is wrong with either.
func (s *Service) prepare(ctx context.Context, args planArgs) {
	run, err := s.DB.Run(ctx, args.Run)
	if err != nil || run.Ended() || run.State == seedbed.RunPaused {
		return
	}
	if _, err := s.steps(ctx, run); err != nil {
		return
	}
	if src, err := s.DB.Uncounted(ctx, args.Source); err == nil {
		_, _ = s.document(ctx, src)
	}
}

// plan adds jobs for the next passages from an ordinal on, and returns where
// to go on, -1 at the end.
func (s *Service) plan(ctx context.Context, tx *store.Tx, job *river.Job[planArgs], from int) (next int, err error) {
	if err := queue.Holds(ctx, tx, job); err != nil {
		return 0, err
	}
	src, err := tx.Uncounted(ctx, job.Args.Source)
	if err != nil {
		return 0, err
	}
	run, err := tx.Run(ctx, job.Args.Run)
	if err != nil {
		return 0, err
	}
	resumed := run.State == seedbed.RunRunning && run.Started.IsZero() // that was paused before it had begun
	switch {
	case resumed && src.State != seedbed.SourceReady:
		run.State = seedbed.RunQueued // it goes on when its source is read
		if src.State == seedbed.SourceFailed {
			run.State, run.Error, run.Finished = seedbed.RunFailed, src.Error, s.Now().UTC()
		}
		if err := tx.SaveRun(ctx, run); err != nil {
			return 0, err
		}
		return -1, queue.Complete(ctx, tx, job)
	case resumed || run.State == seedbed.RunQueued || run.State == seedbed.RunReading:
		run.State, run.Started, run.Passages.Total = seedbed.RunRunning, s.Now().UTC(), src.Passages
		if err := tx.SaveRun(ctx, run); err != nil {
			return 0, err
		}
	case run.State == seedbed.RunRunning:
	default: // whoever resumes it plans again
		return -1, queue.Complete(ctx, tx, job)
	}
	mates, err := tx.Mates(ctx, run.CollectionID, run.Endpoint)
	if err != nil {
		return 0, err
	}
	turn, step := planStep, 1
	if !run.Batch {
		turn, step = s.turn(ctx, run, mates)
	}
	queued, next, err := tx.Plan(ctx, run.ID, run.Source, from, turn)
	if err != nil {
		return 0, err
	}
	if run.Batch {
		if err := s.insert(ctx, tx, batchArgs{Run: run.ID, Source: run.Source}, &river.InsertOpts{Queue: modelQueue(run.Endpoint)}); err != nil {
			return 0, err
		}
	} else {
		goesOn, err := s.addPassages(ctx, tx, run, step, queued, next)
		if err != nil {
			return 0, err
		}
		if goesOn { // the first of them plans the next ones
			return -1, queue.Complete(ctx, tx, job)
		}
	}
	if next >= 0 { // all of these are done, or planned already
		return next, nil
	}
	if err := tx.EndRun(ctx, run.ID); err != nil {
		return 0, err
	}
	return -1, queue.Complete(ctx, tx, job)
}

// addPassages adds jobs for passages of a run, step in each. The first of them
// plans from next on when it begins, unless that is nowhere; goesOn reports
// whether it was added and will.
func (s *Service) addPassages(ctx context.Context, tx *store.Tx, run seedbed.Run, step int, queued []int, next int) (goesOn bool, err error) {
	var jobs []river.InsertManyParams
	for i := 0; len(queued) > 0; i++ {
		n := min(step, len(queued))
		args := passageArgs{Run: run.ID, Source: run.Source, Ordinals: queued[:n]}
		if i == 0 && next > 0 {
			args.Next = next
		}
		jobs = append(jobs, river.InsertManyParams{
			Args:       args,
			InsertOpts: &river.InsertOpts{Queue: passageQueue(run), UniqueOpts: onceAtATime},
		})
		queued = queued[n:]
	}
	if len(jobs) == 0 {
		return false, nil
	}
	added, err := s.river.Insert(ctx, tx, jobs)
	if err != nil {
		return false, err
	}
	return added[0] && next > 0, nil
}

// turn is how many passages of a run are planned at once: enough that no place
// at its model server stays empty. The runs of a collection share its turn, so
// that collections take turns and not their documents. Step is how many of them
// are one job.
func (s *Service) turn(ctx context.Context, run seedbed.Run, mates int) (n, step int) {
	if run.Endpoint == "" {
		return planStep, rulesStep
	}
	calls := defaultConcurrency
	if e, err := s.endpoint(ctx, s.DB, run.Endpoint); err == nil {
		calls = s.models.calls(e)
	}
	all, mates := min(2*calls, planStep), max(1, mates)
	return (all + mates - 1) / mates, jobSize(calls)
}

// planNext asks for the jobs that come after one that has begun. It may ask
// twice where a job is begun again: then there is nothing left to plan, or it
// is planned already.
func (s *Service) planNext(ctx context.Context, job *river.Job[passageArgs]) error {
	if job.Args.Next == 0 {
		return nil
	}
	args := planArgs{Run: job.Args.Run, Source: job.Args.Source, From: job.Args.Next}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := queue.Holds(ctx, tx, job); err != nil {
			return err
		}
		return s.insert(ctx, tx, args, &river.InsertOpts{UniqueOpts: onceAtATime})
	})
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
