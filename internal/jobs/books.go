package jobs

import (
	"sync"
	"time"
)

// A stopwatch adds up the time that a job spends on bookkeeping: loading what
// it needs, keeping replies, saving what it has made.
type stopwatch struct {
	mu      sync.Mutex
	sum     time.Duration
	started time.Time
}

type booksKey struct{}

func (w *stopwatch) start() { w.started = time.Now() }
func (w *stopwatch) stop()  { w.add(time.Since(w.started)) }

func (w *stopwatch) add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum += d
}

// during counts until it is told to stop. Others may count at the same time.
func (w *stopwatch) during() (stop func()) {
	began := time.Now()
	return func() { w.add(time.Since(began)) }
}

// took is what was spent since it was last asked.
func (w *stopwatch) took() time.Duration {
	w.stop()
	defer w.start()
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := w.sum
	w.sum = 0
	return sum
}
