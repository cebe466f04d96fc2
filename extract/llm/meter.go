package llm

import (
	"context"
	"errors"
	"sync"

	"seedbed/extract"
)

// A Meter counts what is asked of a model through it. It is a Model itself,
// so that a job can put one around a model that many jobs share.
type Meter struct {
	model extract.Model

	mu    sync.Mutex
	spent Spent
}

// Spent is what a Meter counted. Failed calls count, and so do the tokens they
// cost.
type Spent struct {
	Calls  int // to the model, without those a cache answered
	Cached int // answered by our cache
	Tokens extract.Tokens
	Cost   float64 // by the client's prices; 0 without
}

// Metered puts a meter around a model.
func Metered(model extract.Model) *Meter { return &Meter{model: model} }

// Complete passes a request on and counts it.
func (m *Meter) Complete(ctx context.Context, r extract.Request) (extract.Reply, error) {
	reply, err := m.model.Complete(ctx, r)
	used := reply.Usage
	if e, ok := errors.AsType[*Error](err); ok {
		used = e.Usage
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil && reply.Cached {
		m.spent.Cached++
		return reply, nil
	}
	m.spent.Calls++
	m.spent.Tokens.In += used.In
	m.spent.Tokens.Out += used.Out
	in, out := pricesOf(m.model)
	m.spent.Cost += (float64(used.In)*in + float64(used.Out)*out) / 1e6
	return reply, err
}

// Spent is what was counted so far.
func (m *Meter) Spent() Spent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spent
}

// Model is the model that requests without one are sent to.
func (m *Meter) Model() string { return modelOf(m.model) }

// Prices are what a million tokens cost, in and out.
func (m *Meter) Prices() (in, out float64) { return pricesOf(m.model) }

// modelOf and pricesOf ask a model, or the model it wraps, about itself.
func modelOf(m extract.Model) string {
	if m, ok := m.(interface{ Model() string }); ok {
		return m.Model()
	}
	return ""
}

func pricesOf(m extract.Model) (in, out float64) {
	if m, ok := m.(interface{ Prices() (in, out float64) }); ok {
		return m.Prices()
	}
	return 0, 0
}
