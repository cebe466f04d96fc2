package auth

import (
	"sync"
	"time"
)

// The first tries are free; each one more has to wait twice as long as the one
// before, up to a minute. That leaves who guesses some 1,500 tries a day. It
// also lets who goes on guessing keep the owner of a name from logging in,
// though not from the sessions that there are.
const (
	freeTries = 5
	maxWait   = time.Minute
	forgotten = time.Hour // after the last try
	maxKeys   = 10_000
)

// A limiter counts tries by key: a name, an address. It remembers a bounded
// number of them.
type limiter struct {
	now func() time.Time

	mu   sync.Mutex
	keys map[string]*tries
}

type tries struct {
	n    int
	last time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, keys: map[string]*tries{}}
}

// begin counts a try for each key, before it is known how it ends: a thousand
// that come at once are a thousand tries. If one of the keys has to wait first
// nothing is counted, and it says how long.
func (l *limiter) begin(keys ...string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, key := range keys {
		if t := l.keys[key]; t != nil {
			wait = max(wait, t.last.Add(pause(t.n)).Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, key := range keys {
		t := l.keys[key]
		if t == nil || now.Sub(t.last) > forgotten {
			l.makeRoom(now)
			t = &tries{}
			l.keys[key] = t
		}
		t.n++
		t.last = now
	}
	return 0
}

// pause is how long to wait after n tries.
func pause(n int) time.Duration {
	if n < freeTries {
		return 0
	}
	return min(time.Second<<min(n-freeTries, 10), maxWait)
}

// undo takes a try back that did not fail.
func (l *limiter) undo(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		if t := l.keys[key]; t != nil && t.n > 0 {
			t.n--
		}
	}
}

// forget forgets all tries of a key.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}

// makeRoom forgets what is old, and if that is not enough the oldest.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.keys) < maxKeys {
		return
	}
	var oldest string
	for key, t := range l.keys {
		if now.Sub(t.last) > forgotten {
			delete(l.keys, key)
		} else if oldest == "" || t.last.Before(l.keys[oldest].last) {
			oldest = key
		}
	}
	if len(l.keys) >= maxKeys {
		delete(l.keys, oldest)
	}
}
