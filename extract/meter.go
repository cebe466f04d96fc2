package extract

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Spent is what a passage or a run cost: calls that went out, calls that our
// own cache answered, and the tokens and cost of those that went out.
type Spent struct {
	Calls  int     `json:"calls"`
	Cached int     `json:"cached"`
	Tokens Tokens  `json:"tokens"`
	Prefix int     `json:"prefix"` // of Tokens.In, read from the server's own prompt cache
	Cost   float64 `json:"cost"`   // 0 where the client knows no prices
}

// Add is the sum of both.
func (s Spent) Add(t Spent) Spent {
	return Spent{
		Calls:  s.Calls + t.Calls,
		Cached: s.Cached + t.Cached,
		Tokens: Tokens{In: s.Tokens.In + t.Tokens.In, Out: s.Tokens.Out + t.Tokens.Out},
		Prefix: s.Prefix + t.Prefix,
		Cost:   s.Cost + t.Cost,
	}
}

// A Meter counts what the calls of [Metered] models cost that were given its
// context. It is safe for concurrent use; the zero value is ready.
type Meter struct {
	Each func(Call) // told of every call, nil where nobody wants to know; calls may end at the same time

	mu    sync.Mutex
	spent Spent
	notes []string
}

// A Call is one question to a model and what came of it.
type Call struct {
	Stage   string // that asked, "" where none did
	Request Request
	Reply   Reply
	Err     error
	Began   time.Time
	Took    time.Duration
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

// Notes are what stages said of the passage, in the order in which they did.
func (m *Meter) Notes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.notes)
}

// Note leaves a note about the passage that ctx is about, for the ledger; it
// opens with the stage's name. Saying the same again adds nothing.
func Note(ctx context.Context, words string) {
	m, ok := ctx.Value(meterKey{}).(*Meter)
	if !ok {
		return
	}
	if stage := stageOf(ctx); stage != "" {
		words = stage + ": " + words
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.notes, words) {
		m.notes = append(m.notes, words)
	}
}

func (m *Meter) count(used Usage, cached bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cached {
		m.spent.Cached++
		return
	}
	m.spent = m.spent.Add(used.Spent())
}

// Metered is the model with every call counted by its context's [Meter]. A
// call that failed counts too, if its error says what was spent: a reply that
// cannot be used is paid for all the same. One that was never made does not.
func Metered(model Model) Model { return metered{model} }

type metered struct{ Model }

func (m metered) Complete(ctx context.Context, r Request) (Reply, error) {
	began := time.Now()
	reply, err := m.Model.Complete(ctx, r)
	meter, ok := ctx.Value(meterKey{}).(*Meter)
	if !ok {
		return reply, err
	}
	var failed interface{ Spent() Usage }
	switch {
	case errors.As(err, &failed):
		meter.count(failed.Spent(), false)
	case err == nil:
		meter.count(reply.Usage, reply.Cached)
	}
	if meter.Each != nil {
		meter.Each(Call{stageOf(ctx), r, reply, err, began, time.Since(began)})
	}
	return reply, err
}
