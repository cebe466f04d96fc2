package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/riverqueue/river"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/internal/seedbed"
)

// modelQueue is the queue of the passages that one model server answers, so
// that a slow one holds up nobody else.
func modelQueue(endpoint string) string { return "model-" + endpoint }

// Workers wait at their endpoint's gate, which lets as many through as the
// server is asked at once: there are enough of them for any server.
var modelQueueConfig = river.QueueConfig{MaxWorkers: 2 * maxConcurrency}

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
	built   map[string]steps
}

type modelClient struct {
	llm   *llm.Client
	model extract.Model
}

// model is the model of an endpoint, with every reply kept in the database
// and every call counted, and the gate its calls go through. Key tells apart
// what it was made with.
func (m *models) model(s *Service, e seedbed.Endpoint, name string) (model extract.Model, at *gate, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.gates[e.ID]
	if g == nil || cap(g.slots) != e.Concurrency {
		g = &gate{
			slots:    make(chan struct{}, e.Concurrency),
			seats:    make(chan struct{}, 2*e.Concurrency),
			stopping: s.halting,
		}
		if m.gates == nil {
			m.gates = map[string]*gate{}
		}
		m.gates[e.ID] = g
	}
	key = fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%d", e.ID, e.URL, e.Key, name, e.Concurrency)
	if c := m.clients[key]; c != nil {
		return c.model, g, key
	}
	o := s.Client
	o.URL, o.Key, o.Model, o.Concurrency = e.URL, e.Key, name, e.Concurrency
	if o.Log == nil {
		o.Log = s.Log
	}
	c := &modelClient{llm: llm.New(o)}
	c.model = extract.Metered(&gated{gate: g, Model: llm.Cached(c.llm, s.DB)})
	if m.clients == nil || len(m.clients) > 64 { // of servers long changed
		m.clients, m.built = map[string]*modelClient{}, nil
	}
	m.clients[key] = c
	return c.model, g, key
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

// withControl ends with the job or when its run is aborted.
func withControl(ctx context.Context, c *control) context.Context {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, controlKey{}, c))
	context.AfterFunc(c.ctx, cancel)
	return ctx
}

// A gate lets calls to one server through, as many at a time as it has slots.
// Before it are seats for the passages at work: as many again are ready for
// the next free slot, and the others wait without having loaded anything.
type gate struct {
	slots    chan struct{}
	seats    chan struct{}
	stopping <-chan struct{}
}

// take takes a place in one of the two, or ends with errHalted once the run
// of ctx is stopped.
func (g *gate) take(ctx context.Context, places chan struct{}) error {
	halted := controlOf(ctx).halted
	select {
	case places <- struct{}{}:
	case <-halted:
		return errHalted
	case <-g.stopping:
		return errHalted
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// With several channels ready, any may have been chosen.
	select {
	case <-halted:
	case <-g.stopping:
	default:
		return nil
	}
	<-places
	return errHalted
}

// enter takes a seat until leave is called. A nil gate has seats for all.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	if err := g.take(ctx, g.seats); err != nil {
		return nil, err
	}
	return func() { <-g.seats }, nil
}

// gated is a model whose calls wait at a gate. A call whose run is stopped
// while it waits is not made. A slot is free again when the reply is kept, not
// before: what a killed process has paid for in vain is one call a slot.
type gated struct {
	extract.Model
	gate *gate
}

func (g *gated) Complete(ctx context.Context, r extract.Request) (extract.Reply, error) {
	if err := g.gate.take(ctx, g.gate.slots); err != nil {
		return extract.Reply{}, err
	}
	defer func() { <-g.gate.slots }()
	return g.Model.Complete(ctx, r)
}
