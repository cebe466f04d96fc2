package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/internal/queue"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// A run in batches goes in rounds. A round runs the stages over all passages
// with the replies there are; what they would ask beyond that is sent as a
// batch, and the replies it brings are kept, for the next round to find. A
// passage that asks nothing more becomes an ordinary job, which finds all
// replies kept. What a batch could not answer, it asks itself.

// batchArgs ask for a run's batches to be looked at, and for the next round
// once all have ended.
type batchArgs struct {
	Run    string `json:"run"`
	Source string `json:"source"`
}

func (batchArgs) Kind() string { return "batch" }
func (batchArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: onceAtATime} // its queue is the model server's
}

type batchWorker struct {
	river.WorkerDefaults[batchArgs]
	s *Service
}

func (w *batchWorker) Work(ctx context.Context, job *river.Job[batchArgs]) error {
	s := w.s
	control := s.control(job.Args.Run)
	controlled, done := withControl(ctx, control)
	defer done()
	wait, err := s.batches(controlled, job)
	switch {
	case errors.Is(err, queue.ErrLost):
		return nil
	case ctx.Err() != nil || s.stopping():
		return river.JobSnooze(0)
	case errors.Is(err, errHalted) || control.ctx.Err() != nil || seedbed.CodeOf(err) == seedbed.NotFound:
		return stepAside(ctx, s, job.Args.Run, job)
	case err != nil:
		return err // it is tried again
	case wait > 0:
		return river.JobSnooze(wait)
	}
	return s.endBatches(ctx, job)
}

// endBatches ends a job that has left the rest to the passages' own, unless
// some were put back meanwhile: a second job for the run was not taken.
func (s *Service) endBatches(ctx context.Context, job *river.Job[batchArgs]) error {
	more := false
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Run(ctx, job.Args.Run); err != nil {
			return err
		}
		queued, err := tx.QueuedCount(ctx, job.Args.Run)
		if err != nil {
			return err
		}
		atWork, err := tx.PassagesAtWork(ctx, job.Args.Run)
		if err != nil {
			return err
		}
		if more = queued > len(atWork); more {
			return nil
		}
		return queue.Complete(ctx, tx, job)
	})
	switch {
	case err == nil && more:
		return river.JobSnooze(0)
	case errors.Is(err, queue.ErrLost):
		return nil
	}
	return ignoreNotFound(err)
}

// batchPause is how long a batch is left alone after it was sent so long ago:
// a tenth of that time, a short while at first and never more than minutes.
func batchPause(age time.Duration) time.Duration {
	return min(max(age/10, 10*time.Second), 5*time.Minute)
}

// holding is a transaction that changes something for a job, as long as it is
// ours.
func (s *Service) holding(ctx context.Context, job *river.Job[batchArgs], do func(*store.Tx) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := queue.Holds(ctx, tx, job); err != nil {
			return err
		}
		return do(tx)
	})
}

// batches brings a run on as far as it goes, and returns how long to wait
// before the next look; 0 means that no batch is under way any more.
func (s *Service) batches(ctx context.Context, job *river.Job[batchArgs]) (wait time.Duration, err error) {
	id := job.Args.Run
	run, err := s.DB.Run(ctx, id)
	if err != nil {
		return 0, err
	}
	if run.State != seedbed.RunRunning {
		return 0, errHalted
	}
	steps, err := s.stepsOrPause(ctx, run)
	if err != nil {
		return 0, err
	}
	client, err := s.client(ctx, run)
	if err != nil {
		return 0, err
	}
	list, err := s.DB.Batches(ctx, id)
	if err != nil {
		return 0, err
	}
	var over *seedbed.Error
	open := false
	for _, b := range list {
		if b.Over {
			continue
		}
		b, why, err := s.lookAt(ctx, job, client, b)
		if err != nil {
			return s.batchFailed(ctx, run, err)
		}
		if why != nil {
			over = why
		}
		open = open || !b.Over
	}
	s.changes.tell(id)
	if over != nil {
		return 0, s.giveUp(ctx, run, over)
	}
	if !open {
		if open, err = s.round(ctx, job, client, run, steps); err != nil {
			return s.batchFailed(ctx, run, err)
		}
		s.changes.tell(id)
	}
	if !open {
		return 0, nil
	}
	list, err = s.DB.Batches(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, b := range list {
		if pause := s.BatchPause(s.Now().Sub(b.Sent)); !b.Over && (wait == 0 || pause < wait) {
			wait = max(pause, time.Millisecond)
		}
	}
	return wait, nil
}

// batchFailed pauses the run for a person to look at, unless the server may
// be well again in a while.
func (s *Service) batchFailed(ctx context.Context, run seedbed.Run, err error) (time.Duration, error) {
	e, ok := errors.AsType[*llm.Error](err)
	switch {
	case !ok || ctx.Err() != nil:
		return 0, err
	case e.Retryable():
		s.Log.Warn("a batch could not be looked at", "run", run.ID, "err", err)
		return max(e.RetryAfter, s.BatchPause(0)), nil
	}
	return 0, s.giveUp(ctx, run, &seedbed.Error{Code: e.Kind, Message: e.Message})
}

// lookAt asks how far a batch has come and keeps its replies once it has
// ended. Why says that it did not end well.
func (s *Service) lookAt(ctx context.Context, job *river.Job[batchArgs], client *llm.Client, b seedbed.Batch) (seedbed.Batch, *seedbed.Error, error) {
	var now llm.Batch
	var err error
	if b.Remote == "" { // the process ended while it was being sent
		found := false
		if now, found, err = client.FindBatch(ctx, b.ID); err == nil && !found {
			b.Over = true
			return b, nil, s.holding(ctx, job, func(tx *store.Tx) error { return tx.DeleteBatch(ctx, b.ID) })
		}
	} else {
		now, err = client.Batch(ctx, b.Remote)
	}
	if err != nil {
		return b, nil, err
	}
	b.Remote, b.State, b.Done, b.Failed = now.ID, now.Status, now.Done, now.Failed
	var spent extract.Spent
	if now.Ended() {
		if spent, err = s.keepReplies(ctx, client, now, &b); err != nil {
			return b, nil, err
		}
		b.Over = true
	}
	err = s.holding(context.WithoutCancel(ctx), job, func(tx *store.Tx) error {
		if err := tx.SaveBatch(ctx, b); err != nil {
			return err
		}
		return tx.Spend(ctx, b.Run, spent)
	})
	return b, endedBadly(b, now), err
}

func endedBadly(b seedbed.Batch, now llm.Batch) *seedbed.Error {
	rest := fmt.Sprintf("%d of its %d requests were answered, and those replies are kept: resume to send the others again", b.Done, b.Total)
	switch now.Status {
	case "failed":
		return seedbed.Errorf(seedbed.BatchEnded, "the server refused the batch: %s", now.Problem)
	case "expired":
		return seedbed.Errorf(seedbed.BatchEnded, "the batch expired before the server was done with it. %s", rest)
	case "cancelled":
		return seedbed.Errorf(seedbed.BatchEnded, "the batch was cancelled at the server. %s", rest)
	}
	return nil
}

// keepReplies keeps what a batch has brought and notes in b what it has not.
func (s *Service) keepReplies(ctx context.Context, client *llm.Client, now llm.Batch, b *seedbed.Batch) (extract.Spent, error) {
	var spent extract.Spent
	err := client.Replies(ctx, now, func(key string) (r extract.Request, ok bool, err error) {
		data, ok, err := s.DB.Asked(ctx, key)
		if err == nil && ok {
			err = json.Unmarshal(data, &r)
		}
		return r, ok, err
	}, func(key string, reply extract.Reply, err error) error {
		if e, ok := errors.AsType[*llm.Error](err); ok {
			b.Failures = append(b.Failures, key)
			spent = spent.Add(e.Usage.Spent())
			return nil
		}
		if err != nil {
			return err
		}
		spent = spent.Add(reply.Usage.Spent())
		data, err := json.Marshal(reply)
		if err != nil {
			return err
		}
		return s.DB.Put(ctx, key, nil, data)
	})
	return spent, err
}

// errAwaited ends the work on a passage for now: its reply is to come.
var errAwaited = errors.New("the reply comes with a batch")

// A collector is the model of a round: what is kept it answers, what is not
// it notes.
type collector struct {
	model  string
	failed map[string]bool // what a batch could not answer: nobody asks it again

	mu      sync.Mutex
	missing []extract.Request // of the passage at work
}

func (c *collector) Model() string { return c.model }

func (c *collector) Complete(_ context.Context, r extract.Request) (extract.Reply, error) {
	if !c.failed[llm.Key(r)] {
		c.mu.Lock()
		c.missing = append(c.missing, r)
		c.mu.Unlock()
	}
	return extract.Reply{}, errAwaited
}

type collectorKey struct{}

// round runs the stages over the passages that are queued, sends what they
// ask, and adds jobs for those that ask nothing more. It reports whether a
// batch is under way.
func (s *Service) round(ctx context.Context, job *river.Job[batchArgs], client *llm.Client, run seedbed.Run, steps steps) (sent bool, err error) {
	earlier, err := s.DB.Batches(ctx, run.ID)
	if err != nil {
		return false, err
	}
	src, err := s.DB.Source(ctx, run.Source)
	if err != nil {
		return false, err
	}
	doc, err := s.document(ctx, src)
	if err != nil {
		return false, err
	}
	c := &collector{model: run.Model, failed: map[string]bool{}}
	for _, b := range earlier {
		for _, key := range b.Failures {
			c.failed[key] = true
		}
	}
	ctx = context.WithValue(ctx, collectorKey{}, llm.Cached(c, s.DB))
	out := outgoing{s: s, job: job, client: client, run: run, files: map[string]*llm.BatchFile{}, seen: map[string]bool{}}
	defer out.close()
	// Those of an earlier round may still be asking for what a batch could not
	// answer, and go on by themselves.
	atWork, err := s.DB.PassagesAtWork(ctx, run.ID)
	if err != nil {
		return false, err
	}
	o := s.options(run, src)
	for from := 0; from >= 0; {
		var queued []int
		err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
			queued, from, err = tx.Plan(ctx, run.ID, run.Source, from, planStep)
			return err
		})
		if err != nil {
			return false, err
		}
		queued = slices.DeleteFunc(queued, func(ordinal int) bool { return atWork[ordinal] })
		cuts, err := s.DB.Cuts(ctx, run.Source, queued)
		if err != nil {
			return false, err
		}
		var ready []int
		for _, cut := range cuts {
			if controlOf(ctx).isHalted() || s.stopping() {
				return false, errHalted
			}
			cut.Doc = doc
			c.missing = nil
			near := &near{db: s.DB, seeds: s.DB.SeedsByID, collection: run.CollectionID}
			_, _ = extract.Do(near.with(ctx), steps.first, cut.Passage, o) // the passage's job tells of errors
			if len(c.missing) == 0 {
				ready = append(ready, cut.Ordinal)
			}
			for _, r := range c.missing {
				if err := out.add(ctx, r); err != nil {
					return false, err
				}
			}
		}
		err = s.holding(ctx, job, func(tx *store.Tx) error {
			_, err := s.addPassages(ctx, tx, run, 1, ready, -1)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	err = out.send(ctx)
	return out.sent, err
}

// outgoing are the batches that a round sends: one a model, and another
// where one is full.
type outgoing struct {
	s      *Service
	job    *river.Job[batchArgs]
	client *llm.Client
	run    seedbed.Run
	files  map[string]*llm.BatchFile // by model
	seen   map[string]bool
	sent   bool
}

func (o *outgoing) add(ctx context.Context, r extract.Request) error {
	key := llm.Key(r)
	if o.seen[key] {
		return nil
	}
	o.seen[key] = true
	request, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := o.s.DB.Ask(ctx, key, request); err != nil {
		return err
	}
	for {
		file := o.files[r.Model]
		if file == nil {
			if file, err = o.client.NewBatch(); err != nil {
				return err
			}
			o.files[r.Model] = file
		}
		if ok, err := file.Add(r); ok || err != nil {
			return err
		}
		if file.Len() == 0 {
			return seedbed.Errorf(seedbed.TooLarge, "a request is larger than a batch may be")
		}
		if err := o.sendFile(ctx, r.Model); err != nil {
			return err
		}
	}
}

// send sends what is left.
func (o *outgoing) send(ctx context.Context) error {
	for model := range o.files {
		if err := o.sendFile(ctx, model); err != nil {
			return err
		}
	}
	return nil
}

func (o *outgoing) sendFile(ctx context.Context, model string) error {
	file := o.files[model]
	b := seedbed.Batch{ID: store.NewID(o.s.Now()), Run: o.run.ID, State: "sending", Total: file.Len(), Sent: o.s.Now().UTC()}
	save := func(tx *store.Tx) error { return tx.SaveBatch(ctx, b) }
	// Kept first: should we end before the answer comes, it can be found.
	if err := o.s.holding(ctx, o.job, save); err != nil {
		return err
	}
	o.sent = true
	now, err := file.Send(ctx, b.ID)
	if err != nil {
		return err
	}
	delete(o.files, model)
	b.Remote, b.State = now.ID, now.Status
	o.s.Log.Info("batch sent", "run", o.run.ID, "batch", now.ID, "requests", b.Total)
	err = o.s.holding(context.WithoutCancel(ctx), o.job, save)
	if errors.Is(err, queue.ErrLost) { // whoever has the job now has sent another
		err = errors.Join(err, o.client.CancelBatch(context.WithoutCancel(ctx), now.ID))
	}
	return errors.Join(err, file.Close())
}

func (o *outgoing) close() {
	for _, file := range o.files {
		_ = file.Close() // nothing of it is wanted
	}
}

// client is the client of a run's server.
func (s *Service) client(ctx context.Context, run seedbed.Run) (*llm.Client, error) {
	e, err := s.endpoint(ctx, s.DB, run.Endpoint)
	if err != nil {
		return nil, err
	}
	c, _ := s.models.client(s, e, run.Model)
	return c.llm, nil
}

// canBatch is an error where a run is to go in batches and its server takes
// none.
func (s *Service) canBatch(ctx context.Context, run seedbed.Run) error {
	if !run.Batch {
		return nil
	}
	client, err := s.client(ctx, run)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return inWords(client.CanBatch(ctx))
}

// cancelBatches gives up the batches of a run that is not wanted any more.
func (s *Service) cancelBatches(ctx context.Context, run seedbed.Run) {
	if !run.Batch {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	list, err := s.DB.Batches(ctx, run.ID)
	client, failed := s.client(ctx, run)
	for _, b := range list {
		if b.Over || err != nil || failed != nil {
			continue
		}
		if b.Remote != "" {
			failed = errors.Join(failed, client.CancelBatch(ctx, b.Remote))
		}
		b.State, b.Over = "cancelled", true
		err = s.DB.Update(ctx, func(tx *store.Tx) error {
			return errors.Join(tx.SaveBatch(ctx, b), tx.ForgetAsked(ctx))
		})
	}
	if err := errors.Join(err, failed); err != nil {
		s.Log.Warn("a batch could not be cancelled at its server", "run", run.ID, "err", err)
	}
}
