package jobs

import (
	"context"
	"errors"
	"slices"
	"sync"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/internal/seedbed"
)

// calls are those made about a passage.
type calls struct {
	run seedbed.Run

	mu   sync.Mutex
	made []seedbed.Call
}

func (c *calls) add(made extract.Call) {
	if errors.Is(made.Err, errHalted) || errors.Is(made.Err, context.Canceled) {
		return // it was not made, or nobody waited for what it brings
	}
	if made.Request.Model == "" {
		made.Request.Model = c.run.Model
	}
	call := seedbed.Call{
		Stage: made.Stage, Model: made.Request.Model, Cached: made.Reply.Cached,
		Usage: made.Reply.Usage, Began: made.Began, Took: made.Took.Milliseconds(),
	}
	if made.Err == nil {
		call.Reply = llm.Key(made.Request)
	} else {
		call.Code, call.Error = seedbed.Internal, made.Err.Error()
		call.Request = &made.Request
		if e, ok := errors.AsType[*llm.Error](made.Err); ok {
			call.Code, call.Raw, call.Usage = e.Kind, cut(e.Raw, maxReply), e.Usage
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, call)
}

// inOrder are the calls as they were begun; they ended in another order.
func (c *calls) inOrder() []seedbed.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortStableFunc(c.made, func(a, b seedbed.Call) int { return a.Began.Compare(b.Began) })
	return c.made
}

// Calls lists the calls that were made about a passage of a run, without what
// was asked and answered.
func (s *Service) Calls(ctx context.Context, run string, ordinal int) ([]seedbed.Call, error) {
	if _, err := s.DB.Run(ctx, run); err != nil {
		return nil, err
	}
	return s.DB.Calls(ctx, run, ordinal)
}

// SeedCalls lists the calls that were made about the passage a seed was found
// in. A seed that a person wrote has none.
func (s *Service) SeedCalls(ctx context.Context, seed string) ([]seedbed.Call, error) {
	run, ordinal, err := s.DB.SeedPassage(ctx, seed)
	if err != nil {
		return nil, err
	}
	return s.DB.Calls(ctx, run, ordinal)
}

// Call is one call with what was asked and answered.
func (s *Service) Call(ctx context.Context, id string) (seedbed.Call, error) {
	return s.DB.Call(ctx, id)
}
