package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/internal/queue"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// passageArgs ask for some passages of a run to be worked off.
type passageArgs struct {
	Run      string `json:"run" river:"unique"`
	Source   string `json:"source"`
	Ordinals []int  `json:"ordinals" river:"unique"`
	Next     int    `json:"next,omitempty"` // from where to plan when this begins, 0 for nowhere
}

func (passageArgs) Kind() string { return "passage" }

type passageWorker struct {
	river.WorkerDefaults[passageArgs]
	s *Service
}

// commitStep is how many passages are saved in one transaction, at most.
const commitStep = 8

// jobSize is how many passages a job has for a model that takes so many calls
// at once. They are worked on at the same time and saved in one transaction,
// for which they wait for the slowest of them. It costs half of what it costs
// to save each by itself. Where few calls are made that is no matter, and each
// is saved when it is done.
func jobSize(calls int) int {
	if calls < 2*defaultConcurrency {
		return 1
	}
	return min(calls/2, commitStep)
}

func (w *passageWorker) Work(ctx context.Context, job *river.Job[passageArgs]) error {
	s := w.s
	if job.Attempt > maxTries {
		return s.failAll(ctx, job, fmt.Errorf("it was begun %d times and never ended", maxTries))
	}
	control := s.control(job.Args.Run)
	controlled, done := withControl(ctx, control)
	defer done()
	err := s.passages(controlled, job)
	var later laterError
	switch {
	case err == nil || errors.Is(err, queue.ErrLost):
		return nil
	case ctx.Err() != nil || s.stopping(): // Stop wants us to end
		return river.JobSnooze(0)
	case seedbed.CodeOf(err) == seedbed.Unavailable: // the database or the blob store is away
		return river.JobSnooze(s.Patience(1))
	case errors.Is(err, errHalted) || control.ctx.Err() != nil:
		return stepAside(ctx, s, job.Args.Run, job)
	case errors.As(err, &later):
		return river.JobSnooze(time.Duration(later))
	}
	if _, gone := s.DB.Run(ctx, job.Args.Run); seedbed.CodeOf(gone) == seedbed.NotFound {
		return nil // deleted meanwhile
	}
	if len(job.Errors)+1 < maxFailures {
		return err
	}
	return s.failAll(ctx, job, err)
}

// A job is tried again that fails for reasons of ours, a blob that is gone, a
// disk that is full; and one in the middle of which the program ended. That
// may be chance, for all jobs in work are then tried again, but not so often.
const (
	maxFailures = 3
	maxTries    = 20
)

// failAll gives up on a job's passages, so that their run can end and tell
// why.
func (s *Service) failAll(ctx context.Context, job *river.Job[passageArgs], why error) error {
	s.Log.Error("passages failed", "run", job.Args.Run, "passages", job.Args.Ordinals, "err", why)
	run, err := s.DB.Run(ctx, job.Args.Run)
	if err != nil {
		return ignoreNotFound(err)
	}
	var made []outcome
	for _, ordinal := range job.Args.Ordinals {
		var out outcome
		out.Run, out.Ordinal, out.State = run.ID, ordinal, seedbed.PassageFailed
		out.Code, out.Reason = seedbed.Internal, why.Error()
		made = append(made, out)
	}
	return s.commit(ctx, job, run, steps{}, made, extract.Options{}, true)
}

// stepAside ends a job whose run was stopped. Going on with the run makes
// jobs for what is left, unless it went on already: then this one stays.
func stepAside[A river.JobArgs](ctx context.Context, s *Service, id string, job *river.Job[A]) error {
	running := false
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, id)
		if err != nil {
			return err
		}
		if running = run.State == seedbed.RunRunning; running {
			return nil
		}
		return queue.Complete(ctx, tx, job)
	})
	switch {
	case err == nil && running:
		return river.JobSnooze(s.renewed(id))
	case errors.Is(err, queue.ErrLost):
		return nil
	case seedbed.CodeOf(err) == seedbed.Unavailable:
		return river.JobSnooze(s.Patience(1))
	}
	return ignoreNotFound(err)
}

func (s *Service) passages(ctx context.Context, job *river.Job[passageArgs]) error {
	outer := ctx // what is done in it does not count among the books
	books := new(stopwatch)
	books.start()
	ctx = store.CountWaits(context.WithValue(ctx, booksKey{}, books), books.waited)
	ctx = context.WithValue(ctx, oursKey{}, func() error {
		return s.DB.Update(outer, func(tx *store.Tx) error { return queue.Holds(outer, tx, job) })
	})
	run, src, cuts, err := s.DB.Work(ctx, job.Args.Run, job.Args.Source, job.Args.Ordinals)
	if err != nil {
		return err
	}
	if run.State != seedbed.RunRunning {
		return errHalted
	}
	controlOf(ctx).saw(run)
	var ahead errgroup.Group // beside the work: the model is not kept waiting for it
	ahead.Go(func() error { return s.planNext(outer, job) })
	defer func() { _ = ahead.Wait() }()
	steps, err := s.stepsOrPause(ctx, run)
	if err != nil {
		return err
	}
	doc, err := s.document(ctx, src)
	if err != nil {
		return err
	}
	o := s.options(run, src)
	for {
		some := cuts[:min(commitStep, len(cuts))]
		cuts = cuts[len(some):]
		for i := range some {
			some[i].Doc = doc
		}
		books.stop()
		made, stopped := s.together(ctx, run, steps, some, o)
		books.start()
		stopped = cmp.Or(ahead.Wait(), stopped)
		last := len(cuts) == 0 && stopped == nil
		if len(made) > 0 || last {
			if err := s.commit(ctx, job, run, steps, made, o, last); err != nil {
				return err
			}
		}
		if stopped != nil {
			return stopped
		}
		each := books.books()
		for range made {
			s.Booked(Books{each.Took / time.Duration(len(made)), each.Waited / time.Duration(len(made))})
		}
		if last {
			return nil
		}
	}
}

// together works on passages at the same time and returns those that came to an
// end. An error is why the others did not. Each begins when the one before it
// knows what to ask a model, and then it is looked up at once which replies are
// kept.
func (s *Service) together(ctx context.Context, run seedbed.Run, steps steps, some []store.Cut, o extract.Options) (ended []outcome, err error) {
	made, stopped := make([]outcome, len(some)), make([]error, len(some))
	var work errgroup.Group
	first := lookups{db: s.DB}
	turn := make(chan struct{}, 1)
	for i, c := range some {
		turn <- struct{}{}
		next := sync.OnceFunc(func() { <-turn })
		work.Go(func() error {
			defer next()
			made[i], stopped[i] = s.passage(first.begin(ctx, next), run, steps, c, o)
			return stopped[i]
		})
	}
	turn <- struct{}{}
	first.send(ctx)
	err = work.Wait()
	var spent extract.Spent
	for i, out := range made {
		if stopped[i] == nil {
			ended = append(ended, out)
		} else {
			spent = spent.Add(out.Spent)
		}
	}
	return ended, errors.Join(err, s.spend(ctx, run, spent))
}

// options are what all seeds of a run have in common.
func (s *Service) options(run seedbed.Run, src seedbed.Source) extract.Options {
	return extract.Options{
		Run:    run.ID,
		Recipe: run.Recipe + "@" + run.RecipeHash,
		Source: sourceRef(src),
		Now:    s.Now,
	}
}

func sourceRef(src seedbed.Source) extract.SourceRef {
	return extract.SourceRef{ID: src.ID, SHA256: src.SHA256, Title: src.Title, Kind: src.Kind, License: src.License}
}

// An outcome is what became of a passage, with what the last stages need.
type outcome struct {
	store.Outcome
	passage extract.Passage
	wait    time.Duration // where it is to be tried again
}

// passage runs the stages that need no transaction. An error is none of the
// passage's: the work was stopped, or the run cannot go on.
func (s *Service) passage(ctx context.Context, run seedbed.Run, steps steps, c store.Cut, o extract.Options) (outcome, error) {
	out := outcome{passage: c.Passage}
	out.Run, out.Ordinal, out.State = run.ID, c.Ordinal, seedbed.PassageDone

	if steps.count > 0 && run.Seeds >= steps.count {
		out.State, out.Reason = seedbed.PassageSkipped, fmt.Sprintf("the %d seeds asked for were found", steps.count)
		return out, nil
	}
	made := calls{run: run}
	meter := extract.Meter{Each: made.add}
	near := &near{db: s.DB, seeds: s.DB.SeedsByID, collection: run.CollectionID}
	seeds, err := extract.Do(near.with(meter.Context(ctx)), steps.first, c.Passage, o)
	out.Found, out.Spent, out.Calls = seeds, meter.Spent(), made.inOrder()

	var skip extract.Skip
	var asked *llm.Error
	switch {
	case err == nil:
		out.Reason = strings.Join(meter.Notes(), "; ")
	case errors.As(err, &skip):
		out.State, out.Reason = seedbed.PassageSkipped, string(skip)
	case seedbed.CodeOf(err) == seedbed.Spent:
		why, _ := errors.AsType[*seedbed.Error](err)
		return out, s.giveUp(ctx, run, why)
	case ctx.Err() != nil || errors.Is(err, errHalted) || errors.Is(err, queue.ErrLost) || seedbed.CodeOf(err) == seedbed.Unavailable:
		return out, err
	case errors.As(err, &asked):
		return s.unanswered(ctx, run, out, asked)
	default:
		out.State, out.Code, out.Reason = seedbed.PassageFailed, seedbed.Internal, err.Error()
		if p, ok := errors.AsType[*extract.PanicError](err); ok {
			out.Code = "panic"
			s.Log.Error("a stage panicked", "run", run.ID, "passage", c.ID, "err", p, "stack", string(p.Stack))
		}
	}
	return out, nil
}

// maxReply is how many bytes of a useless reply are kept with a failure.
const maxReply = 64 << 10

// unanswered decides what to do about a passage that the model did not answer.
func (s *Service) unanswered(ctx context.Context, run seedbed.Run, out outcome, why *llm.Error) (outcome, error) {
	out.State, out.Code, out.Reason, out.Reply = seedbed.PassageFailed, why.Kind, why.Message, cut(why.Raw, maxReply)
	attempts := 1
	switch why.Kind {
	case llm.Auth, llm.NotFound, llm.Quota:
		// No other passage would fare better: wait for a person.
		return out, s.giveUp(ctx, run, &seedbed.Error{Code: why.Kind, Message: why.Message})
	case llm.Rate, llm.Unavailable, llm.Timeout:
		attempts = 3
	case llm.Malformed:
		attempts, out.Parser = 2, llm.ParserVersion
	}
	tried, err := s.DB.Attempts(ctx, run.ID, out.Ordinal)
	if err != nil {
		return out, err
	}
	if tried+1 < attempts {
		out.State, out.wait = seedbed.PassageQueued, max(why.RetryAfter, s.Patience(tried+1))
	}
	return out, nil
}

// giveUp pauses a run for a person to look at. The first worker that has a
// reason does it; what others find out who began before that is old news, and
// may come after the run was resumed.
func (s *Service) giveUp(ctx context.Context, run seedbed.Run, why *seedbed.Error) error {
	if !controlOf(ctx).halt() {
		return errHalted
	}
	s.Log.Warn("run paused", "run", run.ID, "err", why.Message)
	err := s.pause(ctx, run.ID, why)
	if err != nil && seedbed.CodeOf(err) != seedbed.Conflict {
		return err
	}
	return errHalted
}

// spend counts what passages cost that were not finished: their replies are
// kept, so that nobody pays for them when the run goes on.
func (s *Service) spend(ctx context.Context, run seedbed.Run, spent extract.Spent) error {
	if spent == (extract.Spent{}) {
		return nil
	}
	err := s.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.Spend(ctx, run.ID, spent) })
	return ignoreNotFound(err)
}

// A laterError asks for a job to be tried again after that time.
type laterError time.Duration

func (l laterError) Error() string { return fmt.Sprintf("try again in %v", time.Duration(l)) }

// errUnwanted rolls back what was made for a run that was cancelled meanwhile.
var errUnwanted = errors.New("the run has ended")

// commit runs the stages that need a transaction, and saves in it what became
// of the passages, with the job's end if these are its last.
func (s *Service) commit(ctx context.Context, job *river.Job[passageArgs], run seedbed.Run, steps steps, made []outcome, o extract.Options, last bool) error {
	// What is in hand is saved, even if Stop has lost its patience.
	ctx = context.WithoutCancel(ctx)
	wait := time.Duration(-1) // until a passage is tried again
	var now seedbed.Run
	var keys []uint64
	if len(steps.last) > 0 {
		keys = keysOf(made)
	}
	ordinals := make([]int, len(made))
	for i, out := range made {
		ordinals[i] = out.Ordinal
		if out.State == seedbed.PassageQueued {
			wait = max(wait, out.wait)
		}
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		desk, err := tx.Desk(ctx, run, job.ID, last && wait < 0, ordinals, keys)
		if err != nil {
			return err
		}
		if desk == nil {
			return queue.ErrLost
		}
		if now = desk.Now; now.State != seedbed.RunRunning && now.State != seedbed.RunPaused {
			return errUnwanted
		}
		near := &near{db: tx, seeds: tx.HoldSeeds, collection: run.CollectionID}
		near.ahead(desk.Known, keys)
		saved := make([]store.Outcome, len(made)) // it may be done again
		for i, out := range made {
			if out.State == seedbed.PassageDone && len(steps.last) > 0 {
				stages := append([]extract.Stage{given(slices.Clone(out.Found))}, steps.last...)
				near.unsaved = saved[:i]
				goOn := aside(ctx)
				out.Found, err = extract.Do(near.with(ctx), stages, out.passage, o)
				if goOn(); err != nil {
					return err
				}
				out.Bands = near.added
			}
			saved[i] = out.Outcome
		}
		for i := range saved {
			out := &saved[i]
			if steps.count > 0 {
				now.Seeds += extract.Ceiling(out.Found, steps.count-now.Seeds)
			}
			if out.State == seedbed.PassageDone {
				if made, why, live, _ := extract.Made(out.Found); live == 0 {
					out.Code, out.Reason = made, strings.Join(slices.DeleteFunc([]string{why, out.Reason}, func(s string) bool { return s == "" }), "; ")
				}
			}
		}
		if err := near.settle(ctx, tx, saved); err != nil {
			return err
		}
		now, err = desk.Save(ctx, saved)
		return err
	})
	if errors.Is(err, errUnwanted) {
		return s.DB.Update(ctx, func(tx *store.Tx) error { return queue.Complete(ctx, tx, job) })
	}
	if err != nil {
		return err
	}
	s.changes.tell(run.ID)
	s.wake()
	if now.State == seedbed.RunRunning && now.Overspent() && now.Passages.Left() > 0 {
		if err := s.giveUp(ctx, now, errLimit(now)); !errors.Is(err, errHalted) {
			return err
		}
	}
	if wait >= 0 {
		return laterError(wait)
	}
	return nil
}
