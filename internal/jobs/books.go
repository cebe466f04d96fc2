package jobs

import (
	"context"
	"sync"
	"time"
)

// Books are what a passage took beside its stages and its turn at the model:
// loading what it needs, looking up and keeping replies, saving what was made.
// What a job did for several passages is divided among them.
type Books struct {
	Took   time.Duration
	Waited time.Duration // of Took, until others let go of a connection or of a lock
}

// A stopwatch adds up the books of a job.
type stopwatch struct {
	mu      sync.Mutex
	sum     Books
	started time.Time
}

type booksKey struct{}

func (w *stopwatch) start() { w.started = time.Now() }
func (w *stopwatch) stop()  { w.add(Books{Took: time.Since(w.started)}) }

func (w *stopwatch) add(b Books) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum.Took += b.Took
	w.sum.Waited += b.Waited
}

func (w *stopwatch) waited(d time.Duration) { w.add(Books{Waited: d}) }

// booking counts for the job that ctx belongs to until it is told to stop.
// Others may count at the same time.
func booking(ctx context.Context) (stop func()) {
	began := time.Now()
	return func() {
		if w, ok := ctx.Value(booksKey{}).(*stopwatch); ok {
			w.add(Books{Took: time.Since(began)})
		}
	}
}

// aside does not count what is done until it is told to go on: the work of a
// stage, in the midst of what counts.
func aside(ctx context.Context) (goOn func()) {
	w, ok := ctx.Value(booksKey{}).(*stopwatch)
	if !ok {
		return func() {}
	}
	w.stop()
	return w.start
}

// books is what was spent since it was last asked.
func (w *stopwatch) books() Books {
	w.stop()
	defer w.start()
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := w.sum
	w.sum = Books{}
	return sum
}
