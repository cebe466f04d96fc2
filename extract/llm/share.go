package llm

import (
	"context"
	"time"
)

// A Part is what one of several processes may use of limits that they share.
type Part struct {
	Places int       // of the requests in flight
	Rate   float64   // of the requests and tokens of a minute, from 0 to 1
	Until  time.Time // by the process's own clock: from then on nothing new is sent
}

// share is the part of a limiter that shares its limits.
type share struct {
	Part
	wanted func()
	asked  int           // what Wants last said
	peak   int           // the most requests in flight and waiting since then
	given  chan struct{} // closed when there is another part
}

// Share makes l keep to a part of its limits. It sends nothing before Give has
// given it one, and calls wanted when more requests wait than Wants last told
// of. Call it before l is used.
func (l *LocalLimiter) Share(wanted func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share = &share{wanted: wanted, given: make(chan struct{})}
	// What is there at first, somebody else may just have used.
	l.requests.at, l.tokens.at = l.now(), l.now()
	l.spread()
}

// Wants is how many places l could have used since it was last asked.
func (l *LocalLimiter) Wants() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.share
	s.asked = min(s.peak, l.window.places())
	s.peak = l.inFlight + len(l.line)
	return s.asked
}

// Narrow keeps l to so many places, if that is fewer than it has, and returns
// how many requests are in flight all the same.
func (l *LocalLimiter) Narrow(places int) (inFlight int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share.Places = min(l.share.Places, places)
	return l.inFlight
}

// Give gives l another part.
func (l *LocalLimiter) Give(p Part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share.Part = p
	close(l.share.given)
	l.share.given = make(chan struct{})
	l.spread()
	l.admit()
}

// Limit changes the limits.
func (l *LocalLimiter) Limit(to Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == l.limits {
		return
	}
	l.limits = to
	l.window.limit = to.Concurrency
	l.window.size = min(l.window.size, float64(to.Concurrency))
	l.spread()
	l.admit()
}

// spread sets the pace of requests and tokens. The caller holds the lock.
func (l *LocalLimiter) spread() {
	rate, now := 1.0, l.now()
	if l.share != nil {
		rate = l.share.Rate
	}
	l.requests.widen(now, float64(l.limits.RPM)*rate)
	l.tokens.widen(now, float64(l.limits.TPM)*rate)
}

// open waits while the limiter's part is over, or has no rate where there is a
// limit.
func (l *LocalLimiter) open(ctx context.Context) error {
	for {
		l.mu.Lock()
		s := l.share
		if s == nil || !s.over(l.now()) && (s.Rate > 0 || l.limits.RPM == 0 && l.limits.TPM == 0) {
			l.mu.Unlock()
			return nil
		}
		given := s.given
		l.mu.Unlock()
		select {
		case <-given:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *share) over(now time.Time) bool { return s != nil && !now.Before(s.Until) }

// want notes that there are so many requests, and that the server is asked
// that many at once at most.
func (s *share) want(requests, places int) {
	if s == nil {
		return
	}
	s.peak = max(s.peak, requests)
	if min(requests, places) > s.asked {
		s.wanted()
	}
}
