package jobs

import (
	"context"
	"time"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// A blob is written before the row that names it, and removed after the last
// that did, here or in another process. So that nobody takes the bytes for
// unused that somebody has just put, both meet in the table of garbage: who
// names a blob claims it there, and who removes one marks it there first.

// claim is called in the transaction that names a blob which was put before.
// The blob stays from then on. Until then it may have been removed by somebody
// who had found the same bytes unused: the error is [seedbed.Unavailable], and
// they have to be put again.
func (s *Service) claim(ctx context.Context, tx *store.Tx, sum string) error {
	if err := tx.ClaimBlob(ctx, sum); err != nil {
		return err
	}
	_, err := s.Blobs.Stat(ctx, sum)
	if seedbed.CodeOf(err) == seedbed.NotFound {
		return seedbed.Errorf(seedbed.Unavailable, "the same bytes were removed just now: send them again")
	}
	return err
}

// tidyEvery is how often garbage is looked for that was left: by a process
// that was killed, or because the blob store was away.
const tidyEvery = time.Minute

// discard notes blobs as garbage that were written in vain.
func (s *Service) discard(ctx context.Context, sums ...string) {
	ctx = context.WithoutCancel(ctx)
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.AddGarbage(ctx, sums...) })
	if err != nil {
		s.Log.Warn("blobs that nothing needs stay", "err", err)
	}
}

// tidy sweeps now and then until ctx ends.
func (s *Service) tidy(ctx context.Context) {
	often := time.NewTicker(tidyEvery)
	defer often.Stop()
	for {
		s.sweep(ctx)
		select {
		case <-ctx.Done():
			return
		case <-often.C:
		}
	}
}

// sweep removes garbage. One process at a time does.
func (s *Service) sweep(ctx context.Context) {
	s.trash.Lock()
	defer s.trash.Unlock()
	_, err := s.DB.Alone(ctx, store.Garbage, func() error {
		for {
			n, err := s.sweepSome(ctx)
			if err != nil || n == 0 {
				return err
			}
		}
	})
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("blobs that nothing needs stay for now", "err", err)
	}
}

func (s *Service) sweepSome(ctx context.Context) (int, error) {
	some, err := s.DB.Garbage(ctx)
	if err != nil || len(some) == 0 {
		return 0, err
	}
	var unused []string
	err = s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		unused, err = tx.MarkGarbage(ctx, some)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, sum := range unused {
		if err := s.Blobs.Delete(ctx, sum); err != nil {
			return 0, err
		}
	}
	return len(some), s.DB.Update(ctx, func(tx *store.Tx) error { return tx.ForgetGarbage(ctx, unused) })
}
