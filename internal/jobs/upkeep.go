package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// Each process that works says so once a beat. One that has not for three
// beats is taken for dead, and its jobs are given to others.
const beat = 10 * time.Second

// lease is how long a process counts as alive that says nothing.
func (s *Service) lease() time.Duration { return 3 * s.Beat }

// look is how often a process asks what others have done: which runs were
// paused, which model servers were added.
const look = time.Second

// atWork are the jobs this process works on, with their runs.
type atWork struct {
	mu   sync.Mutex
	jobs map[int64]string
}

// track is the middleware that keeps atWork.
func (a *atWork) track(ctx context.Context, job *rivertype.JobRow, do func(context.Context) error) error {
	a.mu.Lock()
	if a.jobs == nil {
		a.jobs = map[int64]string{}
	}
	a.jobs[job.ID] = runOf(job)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.jobs, job.ID)
		a.mu.Unlock()
	}()
	return do(ctx)
}

// runOf is the run that a job belongs to, "" where it belongs to none.
func runOf(job *rivertype.JobRow) string {
	var args struct{ Run string }
	_ = json.Unmarshal(job.EncodedArgs, &args) // which its worker will tell
	return args.Run
}

func (a *atWork) has(job int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.jobs[job]
	return ok
}

// runs are the runs whose jobs are worked on.
func (a *atWork) runs() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[string]bool{"": true}
	var out []string
	for _, run := range a.jobs {
		if !seen[run] {
			seen[run] = true
			out = append(out, run)
		}
	}
	return out
}

// keepUp does until ctx ends what has to be done again and again.
func (s *Service) keepUp(ctx context.Context) {
	looks, beats := time.NewTicker(look), time.NewTicker(s.Beat)
	defer looks.Stop()
	defer beats.Stop()
	astray := map[int64]bool{}
	told := map[string]bool{}
	err := s.tellWaiting(ctx, told)
	for {
		if err != nil && ctx.Err() == nil && seedbed.CodeOf(err) != seedbed.Unavailable {
			s.Log.Warn("upkeep of the job queue", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
			err = errors.Join(s.obey(ctx), s.subscribe(ctx))
		case <-beats.C:
			err = s.beat(ctx)
			if err == nil {
				astray, err = s.recover(ctx, astray)
			}
			if err == nil {
				err = s.tellWaiting(ctx, told)
			}
		}
	}
}

// beat says that this process lives, and gives the jobs of the dead to others.
func (s *Service) beat(ctx context.Context) error {
	if err := s.DB.SetClock(ctx); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Beat(ctx, s.id, s.Env != nil); err != nil {
			return err
		}
		n, err := tx.RescueJobs(ctx, s.lease())
		if n > 0 {
			s.Log.Warn("going on with the jobs of a process that died", "jobs", n)
		}
		return err
	})
}

// tellWaiting says once of each run that it waits, for no worker has a model
// server in its environment.
func (s *Service) tellWaiting(ctx context.Context, told map[string]bool) error {
	if s.Env != nil || s.DB.Pool() == nil { // there such runs are paused
		return nil
	}
	runs, err := s.DB.Running(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Endpoint != EnvEndpoint || told[run.ID] {
			continue
		}
		why, err := s.waits(ctx, run)
		if err != nil {
			return err
		}
		if why != "" {
			told[run.ID] = true
			s.Log.Warn("a run waits for a worker that has SEEDBED_LLM_URL set: this one has not, and there is no other", "run", run.ID)
		}
	}
	return nil
}

// recover puts jobs back that count as ours and that nobody works on, for the
// database was away when their end was to be noted. They have to look so for a
// whole beat: the end of a job is noted a little after it.
func (s *Service) recover(ctx context.Context, before map[int64]bool) (astray map[int64]bool, err error) {
	ids, err := s.DB.RunningJobs(ctx, s.id)
	if err != nil {
		return before, err
	}
	astray = map[int64]bool{}
	var back []int64
	for _, id := range ids {
		switch {
		case s.working.has(id):
		case before[id]:
			back = append(back, id)
		default:
			astray[id] = true
		}
	}
	if len(back) == 0 {
		return astray, nil
	}
	return astray, s.DB.Update(ctx, func(tx *store.Tx) error { return tx.ReturnJobs(ctx, back) })
}

// obey stops work on runs that another process has paused, cancelled or
// deleted.
func (s *Service) obey(ctx context.Context) error {
	ids := s.working.runs()
	if len(ids) == 0 {
		return nil
	}
	states, err := s.DB.RunStates(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		switch states[id] {
		case seedbed.RunRunning, seedbed.RunReading, seedbed.RunQueued, seedbed.RunDone:
		case seedbed.RunPaused:
			s.control(id).halt()
		default: // cancelled, failed or gone
			s.control(id).abort()
		}
	}
	return nil
}

// subscribe takes jobs of model servers that were added by another process,
// and more of those that may be asked more at once than before.
func (s *Service) subscribe(ctx context.Context) error {
	endpoints, err := s.endpoints(ctx)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if err := s.serve(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// serve takes the jobs of a model server. To take more at a time than before,
// those at work have to end first: that is tried at every look.
func (s *Service) serve(ctx context.Context, e seedbed.Endpoint) error {
	s.serving.Lock()
	defer s.serving.Unlock()
	if s.served[e.ID] >= slots(e) {
		return nil
	}
	queues := s.river.Queues()
	if s.served[e.ID] > 0 {
		s.served[e.ID] = 1 // for it takes no more until it is added again
		ctx, cancel := context.WithTimeout(ctx, look/2)
		defer cancel()
		if err := queues.Remove(ctx, modelQueue(e.ID)); errors.Is(err, context.DeadlineExceeded) {
			return nil
		} else if err != nil && !errors.As(err, new(*river.QueueNotFoundError)) {
			return err
		}
	}
	err := queues.Add(modelQueue(e.ID), river.QueueConfig{MaxWorkers: slots(e)})
	if err == nil || errors.As(err, new(*river.QueueAlreadyAddedError)) {
		s.served[e.ID] = slots(e)
		return nil
	}
	// One that could not begin is there all the same: make way for another try.
	return errors.Join(err, queues.Remove(ctx, modelQueue(e.ID)))
}
