package jobs

import (
	"context"
	"sync"
	"sync/atomic"

	"seedbed/internal/store"
)

// lookups are the passages of a job that wait until it is looked up whether the
// replies are kept that they want first. All are looked up at once: one by one,
// each would be a way to the database and back.
type lookups struct {
	db *store.DB

	mu      sync.Mutex
	waiting []*lookup
}

// A lookup is the first of a passage. Those after it find the passages at
// different points, and each goes its own way.
type lookup struct {
	of    *lookups
	next  func() // lets the passage begin that comes after it
	begun atomic.Bool

	key   string
	done  chan struct{}
	reply []byte
	ok    bool
	err   error
}

type lookupKey struct{}

// begin makes a context for a passage. Next is called once, when the passage
// waits for its lookup or needs none.
func (l *lookups) begin(ctx context.Context, next func()) context.Context {
	return context.WithValue(ctx, lookupKey{}, &lookup{of: l, next: next, done: make(chan struct{})})
}

// firstLookup is the lookup of the passage of ctx, nil where that is over.
func firstLookup(ctx context.Context) *lookup {
	l, ok := ctx.Value(lookupKey{}).(*lookup)
	if !ok || l.begun.Swap(true) {
		return nil
	}
	return l
}

// get waits until somebody sends the lookups.
func (l *lookup) get(ctx context.Context, key string) (reply []byte, ok bool, err error) {
	l.key = key
	l.of.mu.Lock()
	l.of.waiting = append(l.of.waiting, l)
	l.of.mu.Unlock()
	l.next()
	select {
	case <-l.done:
		return l.reply, l.ok, l.err
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

// send looks up what is waited for.
func (l *lookups) send(ctx context.Context) {
	l.mu.Lock()
	some := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	if len(some) == 0 {
		return
	}
	defer booking(ctx)()
	keys := make([]string, len(some))
	for i, w := range some {
		keys[i] = w.key
	}
	kept, err := l.db.Replies(ctx, keys)
	for _, w := range some {
		w.reply, w.ok = kept[w.key]
		w.err = err
		close(w.done)
	}
}
