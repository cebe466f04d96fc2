package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// modelQueue is the queue of the passages that one model server answers, so
// that a slow one holds up nobody else.
func modelQueue(endpoint string) string { return "model-" + endpoint }

// slots is how many jobs of a model server this process takes at a time: few
// more than it has places for, so that some are ready for the next place, the
// rest is for other processes, and who comes with a short document waits for few
// passages. Where jobs have several passages, they have four times as many
// together as there are calls: most of a job has ended while it waits for its
// last passage, and the more the times differ that replies take, the longer it
// waits.
func slots(e seedbed.Endpoint) int {
	if n := jobSize(e.Concurrency); n > 1 {
		return (4*e.Concurrency + n - 1) / n
	}
	return e.Concurrency + max(2, e.Concurrency/4)
}

const (
	defaultConcurrency = 4
	maxConcurrency     = 128
)

// models keeps one client for each model of each server, and the stages built
// with it. The zero value is ready.
type models struct {
	mu      sync.Mutex
	clients map[string]*modelClient
	gates   map[string]*gate
	sharers map[string]*sharer // by serverKey
	built   map[string]steps
	servers map[string]learned // by URL and model

	learning sync.Mutex // held while a server is asked what it is
}

// learned is what a server said of itself, and when.
type learned struct {
	llm.Server
	at time.Time
}

// learnAgain is when a server is asked again what it is: it may be another by
// then, or have been away.
const learnAgain = 5 * time.Minute

// learn asks a server what it is, unless it did a while ago.
func (m *models) learn(ctx context.Context, s *Service, e seedbed.Endpoint, name string) {
	m.learning.Lock()
	defer m.learning.Unlock()
	key := e.URL + "\x00" + name
	m.mu.Lock()
	known, ok := m.servers[key]
	m.mu.Unlock()
	if ok && s.Now().Sub(known.at) < learnAgain {
		return
	}
	o := s.Client
	o.URL, o.Key, o.Model = e.URL, e.Key, name
	c := llm.New(o)
	defer c.Close()
	now := c.Learn(ctx)
	if now.Kind == "" {
		now = known.Server // away for a moment, or any other
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.servers == nil {
		m.servers = map[string]learned{}
	}
	m.servers[key] = learned{now, s.Now()}
}

// calls is how many calls an endpoint takes at once, as far as is known.
func (m *models) calls(e seedbed.Endpoint) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.gates[e.ID]; g != nil {
		return g.limits.Concurrency
	}
	return e.Concurrency
}

// A modelClient asks one model of a server.
type modelClient struct {
	llm   *llm.Client
	model extract.Model // with every reply kept in the database and every call counted
}

// client is the client of a model of an endpoint. Key tells apart what it was
// made with.
func (m *models) client(s *Service, e seedbed.Endpoint, name string) (c *modelClient, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := s.Client
	if o.Log == nil {
		o.Log = s.Log
	}
	server := m.servers[e.URL+"\x00"+name].Server
	limits := llm.Limits{Concurrency: e.Concurrency, RPM: e.RPM, TPM: e.TPM}
	if server.Slots > 0 { // more would only wait there
		limits.Concurrency = min(limits.Concurrency, server.Slots)
	}
	g := m.gates[e.ID]
	if g == nil || g.limits != limits || g.url != e.URL {
		g = &gate{
			limits:   limits,
			url:      e.URL,
			limiter:  m.limiter(s, e, limits, o),
			beat:     s.Beat,
			stopping: s.halting,
		}
		if m.gates == nil {
			m.gates = map[string]*gate{}
		}
		m.gates[e.ID] = g
	}
	key = fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%+v\x00%+v\x00%g\x00%g", e.ID, e.URL, e.Key, name, limits, server, e.PriceIn, e.PriceOut)
	if c := m.clients[key]; c != nil {
		return c, key
	}
	o.URL, o.Key, o.Model, o.Concurrency, o.Limiter = e.URL, e.Key, name, e.Concurrency, g
	o.Server = server
	o.PriceIn, o.PriceOut = s.prices(e)
	c = &modelClient{llm: llm.New(o)}
	c.model = &gated{gate: g, Model: extract.Metered(llm.Cached(c.llm, keeper{s.DB, s.halting}))}
	if m.clients == nil || len(m.clients) > 64 { // of servers long changed
		m.clients, m.built = map[string]*modelClient{}, nil
	}
	m.clients[key] = c
	return c, key
}

// prices are what a million tokens cost at an endpoint.
func (s *Service) prices(e seedbed.Endpoint) (in, out float64) {
	if e.PriceIn == 0 && e.PriceOut == 0 {
		return s.Client.PriceIn, s.Client.PriceOut
	}
	return e.PriceIn, e.PriceOut
}

// keeper keeps replies in the database, and waits for it where it is away: a
// reply in hand is paid for.
type keeper struct {
	*store.DB
	stopping <-chan struct{}
}

const keeperWaits = 30 * time.Second

func (k keeper) Get(ctx context.Context, key string) (reply []byte, ok bool, err error) {
	if first := firstLookup(ctx); first != nil {
		return first.get(ctx, key)
	}
	defer booking(ctx)()
	return k.DB.Get(ctx, key)
}

// Shared implements [llm.Sharing]: a passage whose first reply comes with that
// of another keeps nobody waiting.
func (k keeper) Shared(ctx context.Context) {
	if first := firstLookup(ctx); first != nil {
		first.next()
	}
}

func (k keeper) Put(ctx context.Context, key string, request, reply []byte) error {
	defer booking(ctx)()
	for end := time.Now().Add(keeperWaits); ; {
		err := k.DB.Put(ctx, key, request, reply)
		if err == nil || seedbed.CodeOf(err) != seedbed.Unavailable || time.Now().After(end) {
			return err
		}
		select {
		case <-k.stopping:
			return err
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// steps are the stages built for a key, made by build the first time.
func (m *models) steps(key string, build func() (steps, error)) (steps, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if st, ok := m.built[key]; ok {
		return st, nil
	}
	st, err := build()
	if err != nil {
		return st, err
	}
	if m.built == nil || len(m.built) > 64 {
		m.built = map[string]steps{}
	}
	m.built[key] = st
	return st, nil
}

func (m *models) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.clients {
		c.llm.Close()
	}
}

// errHalted is how a call ends that was not made because its run was stopped.
var errHalted = errors.New("the run was stopped")

type controlKey struct{}

// controlOf is the control of the job that ctx belongs to.
func controlOf(ctx context.Context) *control {
	c, _ := ctx.Value(controlKey{}).(*control)
	return c
}

// withControl ends with done, with ctx, or when the run is aborted. Whoever is
// through with it calls done: the control, which lives as long as the run, would
// keep it.
func withControl(ctx context.Context, c *control) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, controlKey{}, c))
	stop := context.AfterFunc(c.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// A gate stands before one server. Its limiter decides when a call may go
// there.
type gate struct {
	limits   llm.Limits
	url      string
	limiter  llm.Limiter
	beat     time.Duration // of this process
	stopping <-chan struct{}
}

// halted reports whether no new call may be made for the run of ctx.
func (g *gate) halted(ctx context.Context) bool {
	return isClosed(g.stopping) || controlOf(ctx).isHalted()
}

// Acquire is the gate as an [llm.Limiter]: a call whose run is stopped while
// it waits, or has spent what it may, is not made.
func (g *gate) Acquire(ctx context.Context, tokens int) (func(llm.Outcome), error) {
	call, _ := ctx.Value(callKey{}).(*call)
	call.free() // of a reply that has to be asked for again
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-controlOf(ctx).halted:
			stop(errHalted)
		case <-g.stopping:
			stop(errHalted)
		case <-waiting.Done():
		}
	}()
	since := time.Now()
	release, err := g.limiter.Acquire(waiting, tokens)
	if err != nil {
		return nil, err
	}
	if err := g.refused(ctx, time.Since(since)); err != nil {
		release(llm.Outcome{})
		return nil, err
	}
	return func(o llm.Outcome) {
		if o.Answered {
			call.release = func() { release(o) }
		} else {
			release(o)
		}
	}, nil
}

// refused is why a call is not made after it has waited so long for its place.
// Where that was longer than a beat, the process may have been stopped and its
// job given to another one, which has asked since.
func (g *gate) refused(ctx context.Context, waited time.Duration) error {
	if g.halted(ctx) {
		return errHalted
	}
	if ours, ok := ctx.Value(oursKey{}).(func() error); ok && waited > g.beat {
		if err := ours(); err != nil {
			return err
		}
	}
	return controlOf(ctx).overspent()
}

// oursKey is under which the context of a job has a function whose error says
// that the job is another process's.
type oursKey struct{}

// A call holds its place at the limiter until the reply is kept, not only
// until it is there: what a killed process has paid for in vain is one call a
// place.
type call struct{ release func() }

type callKey struct{}

func (c *call) free() {
	if c.release != nil {
		c.release()
		c.release = nil
	}
}

// gated is a model whose calls go through a gate.
type gated struct {
	extract.Model
	gate *gate
}

func (g *gated) Complete(ctx context.Context, r extract.Request) (extract.Reply, error) {
	if round, ok := ctx.Value(collectorKey{}).(extract.Model); ok {
		return round.Complete(ctx, r)
	}
	if g.gate.halted(ctx) {
		return extract.Reply{}, errHalted
	}
	var c call
	defer c.free()
	reply, err := g.Model.Complete(context.WithValue(ctx, callKey{}, &c), r)
	var paid interface{ Spent() extract.Usage }
	switch {
	case errors.As(err, &paid):
		controlOf(ctx).spend(paid.Spent())
	case !reply.Cached:
		controlOf(ctx).spend(reply.Usage)
	}
	return reply, err
}
