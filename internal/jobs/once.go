package jobs

import (
	"context"
	"crypto/rand"
	"time"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// How long an answer is kept, and a claim that nobody renews: its process was
// killed.
const (
	answerKept  = 24 * time.Hour
	answerClaim = time.Minute
)

// Once does the work of a request that has a key, unless it was done in the
// last 24 hours: then it gives the answer of that time, and first is false. Of
// several at once one does it and the others wait; where it fails the next
// tries. Nothing is kept of an error.
func (s *Service) Once(ctx context.Context, key string, do func() (seedbed.Answer, error)) (a seedbed.Answer, first bool, err error) {
	owner := rand.Text()
	for {
		var mine bool
		var before *seedbed.Answer
		err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
			now := s.Now()
			mine, before, err = tx.ClaimAnswer(ctx, key, owner, now, now.Add(answerClaim))
			return err
		})
		switch {
		case err != nil:
			return a, false, err
		case before != nil:
			return *before, false, nil
		case mine:
			a, err = s.firstAnswer(ctx, key, owner, do)
			return a, true, err
		}
		select {
		case <-ctx.Done():
			return a, false, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Service) firstAnswer(ctx context.Context, key, owner string, do func() (seedbed.Answer, error)) (a seedbed.Answer, err error) {
	// What was done is to be known, even if nobody waits for it any more.
	ctx = context.WithoutCancel(ctx)
	done := make(chan struct{})
	defer close(done)
	go func() {
		renew := time.NewTicker(answerClaim / 4)
		defer renew.Stop()
		for {
			select {
			case <-done:
				return
			case <-renew.C:
			}
			err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.HoldAnswer(ctx, key, owner, s.Now().Add(answerClaim)) })
			if err != nil {
				s.Log.Warn("a request with a key could not be held", "err", err)
			}
		}
	}()
	answered := false
	defer func() {
		if answered { // else do failed, or panicked
			return
		}
		if dropped := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.DropAnswer(ctx, key, owner) }); dropped != nil {
			s.Log.Warn("a request with a key could not be given up", "err", dropped)
		}
	}()
	if a, err = do(); err != nil || a.Passing {
		return a, err
	}
	if err = s.DB.Update(ctx, func(tx *store.Tx) error { return tx.SaveAnswer(ctx, key, owner, a, s.Now().Add(answerKept)) }); err != nil {
		return a, err
	}
	answered = true
	return a, nil
}
