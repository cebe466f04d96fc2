package jobs

import (
	"context"

	"seedbed/internal/store"
)

// A blob is written before the row that names it. In between nobody may take
// it for unused and remove it, which could happen where the same bytes were
// there before and have just been deleted. So garbage is removed only while
// no blob is being written.

// take announces that a blob will be written; done says that its row is
// there, or that it is not wanted after all.
func (s *Service) take() (done func()) {
	s.trash.Lock()
	s.taking++
	s.trash.Unlock()
	return func() {
		s.trash.Lock()
		s.taking--
		s.trash.Unlock()
	}
}

// discard notes blobs as garbage that were written in vain.
func (s *Service) discard(ctx context.Context, sums ...string) {
	ctx = context.WithoutCancel(ctx)
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.AddGarbage(ctx, sums...) })
	if err != nil {
		s.Log.Warn("blobs that nothing needs stay", "err", err)
	}
}

// sweep removes garbage, unless a blob is being written: then it is left for
// next time.
func (s *Service) sweep(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	s.trash.Lock()
	defer s.trash.Unlock()
	if s.taking > 0 {
		return
	}
	all, unused, err := s.DB.Garbage(ctx)
	if err == nil && len(all) == 0 {
		return
	}
	for _, sum := range unused {
		if err == nil {
			err = s.Blobs.Delete(ctx, sum)
		}
	}
	if err == nil {
		err = s.DB.Update(ctx, func(tx *store.Tx) error { return tx.ForgetGarbage(ctx, all) })
	}
	if err != nil {
		s.Log.Warn("blobs that nothing needs stay for now", "err", err)
	}
}
