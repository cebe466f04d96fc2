package extract

import (
	"context"
	"sync"
)

// Spent is what a passage or a run cost: calls that went out, calls that our
// own cache answered, and the tokens of those that went out.
type Spent struct {
	Calls  int    `json:"calls"`
	Cached int    `json:"cached"`
	Tokens Tokens `json:"tokens"`
}

// Add is the sum of both.
func (s Spent) Add(t Spent) Spent {
	return Spent{
		Calls:  s.Calls + t.Calls,
		Cached: s.Cached + t.Cached,
		Tokens: Tokens{In: s.Tokens.In + t.Tokens.In, Out: s.Tokens.Out + t.Tokens.Out},
	}
}

// A Meter counts what the calls of [Metered] models cost that were given its
// context. It is safe for concurrent use; the zero value is ready.
type Meter struct {
	mu    sync.Mutex
	spent Spent
}

type meterKey struct{}

// Context carries the meter to the models that are called with it.
func (m *Meter) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// Spent is what the meter has counted so far.
func (m *Meter) Spent() Spent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spent
}

func (m *Meter) count(r Reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Cached {
		m.spent.Cached++
		return
	}
	m.spent.Calls++
	m.spent.Tokens.In += r.Usage.In
	m.spent.Tokens.Out += r.Usage.Out
}

// Metered is the model with every call counted by its context's [Meter].
// A call that failed counts too: it may have been paid for.
func Metered(model Model) Model { return metered{model} }

type metered struct{ Model }

func (m metered) Complete(ctx context.Context, r Request) (Reply, error) {
	reply, err := m.Model.Complete(ctx, r)
	if meter, ok := ctx.Value(meterKey{}).(*Meter); ok {
		meter.count(reply)
	}
	return reply, err
}
