// Package jobs takes in what people upload and moves it along: sources are
// read, cut into passages, and runs work the passages off into seeds.
//
// A job exists if and only if the rows that ask for it were committed, and it
// is done if and only if its results were: both stand in one transaction. A
// process that is killed loses the calls it had in flight and nothing else.
//
//	Upload ─ read ─ plan ─ passages …  each arrow is a job added by the one before
//	                          └─ seeds + outbox ─ the search index follows
package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/stage"
	"seedbed/internal/blob"
	"seedbed/internal/queue"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// Options are what a service works with. DB, Blobs, Index and Read have to be
// there; the zero value of every other field works.
type Options struct {
	DB    *store.DB
	Blobs blob.Store
	Index search.Index

	// Read makes a document of a file. It is trusted to come back whatever the
	// file holds, and to say why it could not be read as a *seedbed.Error.
	Read func(ctx context.Context, path, name string, how seedbed.Reading) (*extract.Document, error)

	// Draw draws a page of a PDF, counted from 1; nil draws none. Pictures is
	// the folder that keeps the drawings, "" keeps none.
	Draw     func(ctx context.Context, path, name string, page int) ([]byte, error)
	Pictures string

	// Benchmarks opens the files that recipes compare seeds with. Recipes come
	// from a browser, so it says where such files may lie; nil opens none.
	Benchmarks func(name string) (fs.File, error)

	// Fetch brings what stands at an address into a folder and says where and
	// what it is called; nil fetches nothing. Errors are *seedbed.Error.
	Fetch func(ctx context.Context, address, dir string) (path, name string, err error)

	Runner stage.Runner // where code is run, nil runs none

	Log *slog.Logger
	Env *seedbed.Endpoint // the model server from the environment, if there is one

	Concurrency int                                   // passages worked on at once without a model, 0 is one a CPU
	Grace       time.Duration                         // what Stop gives to calls in flight, 0 is 10 s
	Client      llm.Options                           // how model servers are asked; URL, Key, Model and Concurrency are the endpoint's
	Patience    func(attempt int) time.Duration       // how long waits what failed in passing, nil is 10 s, 20 s, …
	Reconcile   time.Duration                         // how often the search index is compared with the database, 0 is 15 min
	BatchPause  func(age time.Duration) time.Duration // between two looks at a batch sent so long ago, nil is 10 s at first and up to 5 minutes
	Beat        time.Duration                         // how often a process says that it lives, 0 is 10 s
	Booked      func(Books)                           // told what each passage took beside its stages, nil is nobody
	Now         func() time.Time                      // nil is the clock of the database
}

// A Service is the work of Seedbed: what pages and the API ask for, and,
// between Start and Stop, the workers. All methods are safe for concurrent
// use.
type Service struct {
	Options
	id      string // of this process among those that work
	river   queue.Queue
	working atWork
	changes hub
	docs    documents
	drawing chan struct{} // holds as many as may draw at once
	models  models

	trash    sync.Mutex // held by who removes garbage
	fed      chan struct{}
	wanting  chan struct{} // a limiter could use more than it has
	fetches  chan struct{} // holds one value for each that goes on
	halting  chan struct{} // closed when Stop begins
	release  func() error
	feeding  sync.WaitGroup
	unfeed   context.CancelFunc
	mu       sync.Mutex
	started  bool
	controls map[string]*control
	compared map[difference]bool // what the index differed in when it was last compared
	serving  sync.Mutex
	served   map[string]int // how many jobs at a time are taken of each model server
}

// Queues. Each model server has one more, see modelQueue.
const (
	readQueue  = "read"
	planQueue  = "plan"
	rulesQueue = "rules" // passages for recipes that ask no model
)

// New makes a service. It does no work before Start.
func New(ctx context.Context, o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Concurrency <= 0 {
		o.Concurrency = runtime.GOMAXPROCS(0)
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Second
	}
	if o.Reconcile <= 0 {
		o.Reconcile = 15 * time.Minute
	}
	if o.Now == nil {
		o.Now = o.DB.Now
	}
	if o.Beat <= 0 {
		o.Beat = beat
	}
	if o.Benchmarks == nil {
		o.Benchmarks = func(name string) (fs.File, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
	}
	if o.Booked == nil {
		o.Booked = func(Books) {}
	}
	if o.BatchPause == nil {
		o.BatchPause = batchPause
	}
	if o.Patience == nil {
		o.Patience = func(attempt int) time.Duration { return time.Duration(attempt) * 10 * time.Second }
	}
	if o.Env != nil {
		env := *o.Env
		env.ID, env.HasKey = EnvEndpoint, env.Key != ""
		if env.Name == "" {
			env.Name = "from the environment"
		}
		if env.Concurrency <= 0 {
			env.Concurrency = defaultConcurrency
		}
		o.Env = &env
	}
	s := &Service{
		Options:  o,
		id:       store.NewID(time.Now()),
		fed:      make(chan struct{}, 1),
		wanting:  make(chan struct{}, 1),
		fetches:  make(chan struct{}, maxFetches),
		halting:  make(chan struct{}),
		drawing:  make(chan struct{}, 2),
		controls: map[string]*control{},
		served:   map[string]int{},
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &readWorker{s: s})
	river.AddWorker(workers, &planWorker{s: s})
	river.AddWorker(workers, &passageWorker{s: s})
	river.AddWorker(workers, &batchWorker{s: s})
	queues := map[string]river.QueueConfig{
		readQueue:  {MaxWorkers: 2},
		planQueue:  {MaxWorkers: 2},
		rulesQueue: {MaxWorkers: o.Concurrency},
	}
	endpoints, err := s.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		s.served[e.ID] = slots(e)
		queues[modelQueue(e.ID)] = river.QueueConfig{MaxWorkers: slots(e)}
	}
	config := queue.Config(o.DB, s.id, o.Log)
	config.Workers, config.Queues = workers, queues
	config.SoftStopTimeout = o.Grace
	config.RetryPolicy = retries{s}
	config.Middleware = []rivertype.Middleware{river.WorkerMiddlewareFunc(s.working.track)}
	s.river, err = queue.New(ctx, o.DB, config)
	return s, err
}

// retries say when a job that failed is tried again.
type retries struct{ s *Service }

func (r retries) NextRetry(job *rivertype.JobRow) time.Time {
	return r.s.Now().Add(r.s.Patience(len(job.Errors) + 1))
}

// Start begins to work, with what an earlier process left undone first. Any
// number of processes may work on one PostgreSQL database; on SQLite there is
// one, and the error is [seedbed.Conflict] while there is another. A service
// is started once.
func (s *Service) Start(ctx context.Context) error {
	release, err := s.DB.Claim()
	if err != nil {
		return err
	}
	s.release = release
	if err := s.begin(ctx); err != nil {
		return errors.Join(err, release())
	}
	return nil
}

func (s *Service) begin(ctx context.Context) error {
	if err := s.beat(ctx); err != nil {
		return err
	}
	if err := s.pauseOrphans(ctx); err != nil {
		return err
	}
	// The workers live until Stop, not until whoever started them is done.
	live := context.WithoutCancel(ctx)
	if err := s.river.Start(live); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	live, s.unfeed = context.WithCancel(live)
	s.feeding.Go(func() { s.feed(live) })
	s.feeding.Go(func() { s.tidy(live) })
	s.feeding.Go(func() { s.keepUp(live) })
	s.feeding.Go(func() { s.share(live) })
	s.mu.Lock()
	s.started = true
	s.mu.Unlock()
	return nil
}

// Follow has a service that is not started keep the search index up with the
// database, until stop is called: what people change in this process is found
// at once, and not when a worker looks next.
func (s *Service) Follow(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.feeding.Go(func() { s.feed(ctx) })
	return func() {
		cancel()
		s.feeding.Wait()
	}
}

// Stop ends the work. No new call to a model is made; those in flight are
// given Grace, and what is not done by then goes back into the queue. Without
// Start it does nothing.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	started := s.started
	s.started = false
	s.mu.Unlock()
	if !started {
		return nil
	}
	close(s.halting)
	err := s.river.Stop(ctx)
	s.unfeed()
	s.feeding.Wait()
	s.models.close()
	// What did not come to its end is for others now.
	left := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.Leave(ctx, s.id) })
	return errors.Join(err, left, s.release())
}

// stopping reports whether Stop has begun.
func (s *Service) stopping() bool { return isClosed(s.halting) }

func (s *Service) isStarted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

// insert adds a job in a transaction.
func (s *Service) insert(ctx context.Context, tx *store.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := s.river.Insert(ctx, tx, []river.InsertManyParams{{Args: args, InsertOpts: opts}})
	return err
}

// A control stops the work on a run from outside.
type control struct {
	once   sync.Once
	halted chan struct{} // closed when the run is paused: no new calls
	at     time.Time     // when that was
	ctx    context.Context
	cancel context.CancelFunc // for when its results are not wanted any more

	mu  sync.Mutex
	run seedbed.Run // its limits, and what it has spent as far as this process knows
}

// saw takes over what is stored of the run: another process may work on it
// too, and here calls may have been made that are not stored yet.
func (c *control) saw(run seedbed.Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run.Limits = run.Limits
	c.run.Cost = max(c.run.Cost, run.Cost)
	c.run.Tokens.In = max(c.run.Tokens.In, run.Tokens.In)
	c.run.Tokens.Out = max(c.run.Tokens.Out, run.Tokens.Out)
}

// spend counts a call.
func (c *control) spend(u extract.Usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run.Cost += u.Cost
	c.run.Tokens.In += u.In
	c.run.Tokens.Out += u.Out
}

// overspent is why the run may make no more calls, nil while it may.
func (c *control) overspent() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.run.Overspent() {
		return nil
	}
	return errLimit(c.run)
}

// errLimit is why a run was paused that has reached a limit.
func errLimit(run seedbed.Run) *seedbed.Error {
	if l := run.Limits.Cost; l > 0 && run.Cost >= l {
		return seedbed.Errorf(seedbed.Spent, "the run has spent %.4g, and its limit is %.4g: raise the limit and resume", run.Cost, l)
	}
	return seedbed.Errorf(seedbed.Spent, "the run has spent %d tokens, and its limit is %d: raise the limit and resume", run.Tokens.In+run.Tokens.Out, run.Limits.Tokens)
}

// halt keeps the run from making calls, and reports whether it was the first
// to do so.
func (c *control) halt() (first bool) {
	c.once.Do(func() {
		c.at = time.Now()
		close(c.halted)
		first = true
	})
	return first
}

// abort also breaks off calls in flight.
func (c *control) abort() {
	c.halt()
	c.cancel()
}

func (c *control) isHalted() bool { return isClosed(c.halted) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// control is the handle on a run's work. Take it before looking at the run's
// state, and renew it only after that has changed.
func (s *Service) control(run string) *control {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.controls[run]
	if c == nil {
		c = &control{halted: make(chan struct{})}
		c.ctx, c.cancel = context.WithCancel(context.Background())
		s.controls[run] = c
	}
	return c
}

// renewed is how long a job waits that was halted while its run may go on.
// Another process may have let it go on, or somebody here is about to pause
// it: that is known soon.
func (s *Service) renewed(run string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	const soon = 2 * time.Second
	if c := s.controls[run]; c != nil && c.isHalted() && time.Since(c.at) > soon {
		delete(s.controls, run)
	}
	return look / 10
}

// renew lets a run make calls again that may, by its state.
func (s *Service) renew(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.controls[run]; c != nil && c.isHalted() {
		delete(s.controls, run)
	}
}
