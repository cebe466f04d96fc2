package llm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// A Limiter decides when a request may go to a server. All clients of a
// server share one; an implementation may share its counts among processes.
type Limiter interface {
	// Acquire waits until a request of about so many tokens, prompt and reply
	// together, may be sent. The caller says what became of it by calling
	// release once. The error is the context's cause, or an *Error of the kind
	// Rate where the server wants to be left alone for longer than is waited.
	Acquire(ctx context.Context, tokens int) (release func(Outcome), err error)
}

// An Outcome is what became of a request that a [Limiter] let through.
type Outcome struct {
	Answered   bool          // there is a reply
	Refused    bool          // the server has too much to do: 429, 503
	RetryAfter time.Duration // what it asked for, of all of us; 0 where it did not
	Tokens     int           // prompt and reply, 0 where the server did not count
	Reply      int           // tokens of the reply alone
	Took       time.Duration // until the reply was whole
}

// Limits are what a server is asked for at most.
type Limits struct {
	Concurrency int // requests in flight, 4 when 0
	RPM         int // requests in any minute, 0 is no limit
	TPM         int // tokens of prompts and replies in any minute, 0 is no limit
}

// NewLimiter makes a limiter for one process. It keeps to the limits, and to
// less where the server shows that it has enough: see window. Of the options
// it uses Concurrency, MaxWait and the clock.
func NewLimiter(l Limits, o Options) *LocalLimiter {
	o.fill()
	if l.Concurrency <= 0 {
		l.Concurrency = o.Concurrency
	}
	return &LocalLimiter{
		now: o.Now, sleep: o.Sleep, maxWait: o.MaxWait, turn: make(chan struct{}, 1),
		limits:   l,
		window:   newWindow(l.Concurrency),
		requests: bucket{perMinute: float64(l.RPM)},
		tokens:   bucket{perMinute: float64(l.TPM)},
	}
}

// A LocalLimiter is the [Limiter] of one process. Where several processes ask
// one server, each may use a part of what all may together: see Share.
type LocalLimiter struct {
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
	maxWait time.Duration
	turn    chan struct{} // holds one: who has a place and waits for the time to use it

	mu       sync.Mutex
	limits   Limits
	share    *share // nil where nobody else asks the server
	window   window
	inFlight int
	line     []chan struct{} // who waits for a place, the first to come first
	requests bucket
	tokens   bucket
	quiet    time.Time // the server asked for no requests before this
}

func (l *LocalLimiter) Acquire(ctx context.Context, tokens int) (func(Outcome), error) {
	if err := l.place(ctx); err != nil {
		return nil, err
	}
	round, err := l.time(ctx, float64(tokens))
	if err != nil {
		l.mu.Lock()
		l.leave()
		l.mu.Unlock()
		return nil, err
	}
	var once sync.Once
	return func(o Outcome) {
		once.Do(func() { l.release(o, tokens, round) })
	}, nil
}

// time waits until a request of so many tokens may be sent, by the limits and
// by what the server asked for, and returns the window's round.
func (l *LocalLimiter) time(ctx context.Context, tokens float64) (round int, err error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	var slept time.Time // the quiet that is over
	for {
		if err := l.open(ctx); err != nil {
			return 0, err
		}
		l.mu.Lock()
		now := l.now()
		wait := max(l.requests.wait(now, 1), l.tokens.wait(now, tokens))
		if wait > 0 {
			wait = min(wait, time.Second) // what others turn out to have used may shorten it
		}
		if quiet := l.quiet.Sub(now); quiet > wait && l.quiet.After(slept) {
			wait, slept = quiet, l.quiet
		}
		if wait <= 0 && !l.share.over(now) {
			l.requests.level--
			l.tokens.level -= tokens
			round = l.window.round
			l.mu.Unlock()
			return round, nil
		}
		l.mu.Unlock()
		if !slept.IsZero() && wait > l.maxWait {
			return 0, &Error{Kind: Rate, Message: fmt.Sprintf("the server asked for no requests in the next %v", wait.Round(time.Second)), RetryAfter: wait}
		}
		if err := l.sleep(ctx, wait); err != nil {
			return 0, err
		}
	}
}

// place waits for a place among the requests in flight.
func (l *LocalLimiter) place(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	l.share.want(l.inFlight+len(l.line)+1, l.window.places())
	if l.inFlight < l.places() && len(l.line) == 0 {
		l.inFlight++
		l.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	l.line = append(l.line, mine)
	l.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.line {
		if other == mine {
			l.line = append(l.line[:i], l.line[i+1:]...)
			return context.Cause(ctx)
		}
	}
	l.leave() // the place came at the same moment
	return context.Cause(ctx)
}

// leave gives a place back. The caller holds the lock.
func (l *LocalLimiter) leave() {
	l.inFlight--
	l.admit()
}

// places are how many requests may be in flight. The caller holds the lock.
func (l *LocalLimiter) places() int {
	if l.share == nil {
		return l.window.places()
	}
	if l.share.over(l.now()) {
		return 0
	}
	return min(l.window.places(), l.share.Places)
}

// admit gives places to who waits for them. The caller holds the lock.
func (l *LocalLimiter) admit() {
	for len(l.line) > 0 && l.inFlight < l.places() {
		close(l.line[0])
		l.line = l.line[1:]
		l.inFlight++
	}
}

func (l *LocalLimiter) release(o Outcome, tokens, round int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.Tokens > 0 {
		l.tokens.level += float64(tokens - o.Tokens)
	}
	if until := l.now().Add(o.RetryAfter); o.RetryAfter > 0 && until.After(l.quiet) {
		l.quiet = until
	}
	if round == l.window.round { // else it was sent before the window shrank, and says nothing new
		l.window.learn(o, l.inFlight)
	}
	l.leave()
}

// A window is how many requests may be in flight: additive increase,
// multiplicative decrease. It begins with a quarter of the limit and doubles
// every time that many were answered, until for the first time the server
// refuses or takes twice as long; from then on it grows by one, while the
// time that replies take holds. It is halved when a quarter of a window's
// requests are refused, and three at least of a small one's: a server that
// refuses one now and then has not too much to do.
type window struct {
	size  float64
	limit int
	round int  // counts the halvings
	eager bool // still doubling

	// Of the last few requests, as many as there were places when they began.
	few, seen, answered, refused int
	took                         time.Duration // for a token, the sum of all that were answered

	quickest time.Duration // what a token took on average when the server was at its quickest
	slow     bool          // it takes so much longer now that more requests would only wait there
}

func newWindow(limit int) window {
	w := window{size: float64(min(limit, max(4, limit/4))), limit: limit, eager: true}
	w.begin()
	return w
}

func (w *window) places() int { return int(w.size) }

func (w *window) learn(o Outcome, inFlight int) {
	w.seen++
	switch {
	case o.Refused:
		w.refused++
		if float64(w.refused) >= max(min(3, w.size), w.size/4) {
			w.size = max(1, math.Floor(w.size/2))
			w.round++
			w.eager = false
			w.begin()
			return
		}
	case o.Answered:
		w.answered++
		// By the token, for stages ask for replies of all lengths; short ones
		// take the time that their prompts do.
		w.took += o.Took / time.Duration(max(o.Reply, 64))
		if inFlight >= w.places() && !w.slow {
			step := 1 / w.size
			if w.eager {
				step = 1
			}
			w.size = min(w.size+step, float64(w.limit))
		}
	}
	if w.seen < w.few {
		return
	}
	if w.answered > 0 {
		mean := w.took / time.Duration(w.answered)
		if w.quickest == 0 || mean < w.quickest {
			w.quickest = mean
		}
		w.slow = mean > 2*w.quickest
		if w.slow && w.eager {
			w.size, w.eager = float64(w.few), false
		}
		w.quickest += w.quickest / 20 // what was once is forgotten
	}
	w.begin()
}

func (w *window) begin() { w.few, w.seen, w.answered, w.refused, w.took = w.places(), 0, 0, 0, 0 }

// A bucket holds what may be used of something at once, a twentieth of a
// minute's worth, and fills at the pace that makes no minute exceed its
// limit. It may be overdrawn, by a request larger than it or by what a
// correction takes; who comes next waits for that. (golang.org/x/time/rate
// can neither be overdrawn nor corrected.)
type bucket struct {
	perMinute float64 // 0 is no limit
	level     float64
	at        time.Time // when level was right
}

// fill brings the level up to date, and returns what there is room for and
// what comes in a second.
func (b *bucket) fill(now time.Time) (room, rate float64) {
	room = max(1, math.Floor(b.perMinute/20))
	rate = max(1, b.perMinute-room) / 60
	if b.at.IsZero() {
		b.level, b.at = room, now
	}
	if now.After(b.at) {
		b.level = min(room, b.level+now.Sub(b.at).Seconds()*rate)
		b.at = now
	}
	return room, rate
}

// widen changes the limit. What is in the bucket stays, as far as there is
// room.
func (b *bucket) widen(now time.Time, perMinute float64) {
	if b.perMinute > 0 {
		b.fill(now)
	}
	b.perMinute, b.at = perMinute, now
	if perMinute > 0 {
		b.fill(now)
		b.level = min(b.level, max(1, math.Floor(perMinute/20)))
	}
}

// wait is how long it takes until n may be taken.
func (b *bucket) wait(now time.Time, n float64) time.Duration {
	if b.perMinute == 0 {
		return 0
	}
	room, rate := b.fill(now)
	lacking := min(n, room) - b.level
	if lacking <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(lacking / rate * float64(time.Second)))
}

// jittered is d and up to a tenth more: not all at the same moment when a
// quiet is over.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/10+time.Millisecond) }
