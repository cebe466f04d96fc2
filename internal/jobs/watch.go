package jobs

import (
	"context"
	"sync"
	"time"
)

// A hub tells watchers that a run has changed. The zero value is ready.
type hub struct {
	mu       sync.Mutex
	watchers map[*watcher]bool
}

type watcher struct {
	run string // "" is any
	hit chan struct{}
}

func (h *hub) tell(runs ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		for _, run := range runs {
			if w.run == "" || w.run == run {
				select {
				case w.hit <- struct{}{}:
				default: // it has yet to look at an earlier change
				}
			}
		}
	}
}

// Watch gives a value after each change of a run, "" for any; changes that
// come faster than they are taken become one. It ends with ctx.
func (s *Service) Watch(ctx context.Context, run string) <-chan struct{} {
	w := &watcher{run: run, hit: make(chan struct{}, 1)}
	h := &s.changes
	h.mu.Lock()
	if h.watchers == nil {
		h.watchers = map[*watcher]bool{}
	}
	h.watchers[w] = true
	h.mu.Unlock()

	out := make(chan struct{}, 1)
	go func() {
		defer close(out)
		defer func() {
			h.mu.Lock()
			delete(h.watchers, w)
			h.mu.Unlock()
		}()
		// Where another process may do the work, only looking tells.
		var looks <-chan time.Time
		if !s.isStarted() || s.DB.Pool() != nil {
			t := time.NewTicker(look)
			defer t.Stop()
			looks = t.C
		}
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.hit:
			case <-looks:
			}
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out
}
