package llm_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seedbed/extract/llm"
)

// Times in these tests are those of a bubble, where nobody waits.

// TestRateLimits: however many want to, no minute sees more than the limit,
// and what the limit allows is used.
func TestRateLimits(t *testing.T) {
	for _, tt := range []struct {
		name         string
		limits       llm.Limits
		guess, takes int // tokens of a request
		atLeast      int // requests in ten minutes
	}{
		{"requests", llm.Limits{Concurrency: 8, RPM: 60}, 100, 100, 550},
		{"few requests", llm.Limits{Concurrency: 8, RPM: 3}, 100, 100, 20},
		{"tokens", llm.Limits{Concurrency: 8, TPM: 10_000}, 1000, 1000, 90},
		{"guessed too low", llm.Limits{Concurrency: 8, TPM: 10_000}, 250, 1000, 85},
		{"guessed too high", llm.Limits{Concurrency: 8, TPM: 10_000}, 4000, 1000, 85},
		{"one is more than a minute's", llm.Limits{Concurrency: 8, TPM: 10_000}, 20_000, 20_000, 4},
		{"both", llm.Limits{Concurrency: 8, RPM: 60, TPM: 10_000}, 1000, 1000, 90},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := llm.NewLimiter(tt.limits, llm.Options{})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				var mu sync.Mutex
				var at []time.Time
				var all sync.WaitGroup
				for range 30 {
					all.Go(func() {
						for {
							release, err := l.Acquire(ctx, tt.guess)
							if err != nil {
								return
							}
							mu.Lock()
							at = append(at, time.Now())
							mu.Unlock()
							time.Sleep(time.Second)
							release(llm.Outcome{Answered: true, Tokens: tt.takes, Took: time.Second})
						}
					})
				}
				all.Wait()
				if len(at) < tt.atLeast {
					t.Errorf("%d requests in ten minutes, want at least %d", len(at), tt.atLeast)
				}
				for i := range at {
					n := 0
					for j := i; j < len(at) && at[j].Sub(at[i]) < time.Minute; j++ {
						n++
					}
					if tt.limits.RPM > 0 && n > tt.limits.RPM {
						t.Fatalf("%d requests in a minute, want %d at most", n, tt.limits.RPM)
					}
					// Guesses that are too low show with the first replies.
					if tpm := tt.limits.TPM; tpm > 0 && i > 0 && n > 1 && n*tt.takes > tpm+tpm/10 {
						t.Fatalf("%d tokens in a minute, want %d at most", n*tt.takes, tpm)
					}
				}
			})
		})
	}
}

// flight keeps a limiter busy and returns how many requests were in flight
// at once at most in each of some rounds of a second.
func flight(t *testing.T, l llm.Limiter, rounds int, outcome func(round, inFlight int) llm.Outcome) []int {
	t.Helper()
	var mu sync.Mutex
	inFlight := 0
	most := make([]int, rounds)
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*time.Second)
	defer cancel()
	round := func() int { return min(int(time.Since(start)/time.Second), rounds-1) }
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			for {
				release, err := l.Acquire(ctx, 0)
				if err != nil {
					return
				}
				mu.Lock()
				inFlight++
				most[round()] = max(most[round()], inFlight)
				o := outcome(round(), inFlight)
				mu.Unlock()
				time.Sleep(max(o.Took, 10*time.Millisecond))
				mu.Lock()
				inFlight--
				mu.Unlock()
				release(o)
			}
		})
	}
	all.Wait()
	return most
}

func good(took time.Duration) llm.Outcome { return llm.Outcome{Answered: true, Took: took} }

func TestConcurrencyAdapts(t *testing.T) {
	const limit = 32
	for _, tt := range []struct {
		name      string
		outcome   func(round, inFlight int) llm.Outcome
		low, high int // the most in flight in the last of 30 rounds
	}{
		{"a server that answers", func(_, _ int) llm.Outcome { return good(100 * time.Millisecond) }, limit, limit},
		{"a server for ten", func(_, n int) llm.Outcome {
			if n > 10 {
				return llm.Outcome{Refused: true}
			}
			return good(100 * time.Millisecond)
		}, 5, 15},
		{"a server that has recovered", func(round, n int) llm.Outcome {
			if round < 5 && n > 2 {
				return llm.Outcome{Refused: true}
			}
			return good(100 * time.Millisecond)
		}, limit, limit},
		{"a server that answers one after another", func(_, n int) llm.Outcome {
			return good(time.Duration(n) * 100 * time.Millisecond)
		}, 1, limit - 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := llm.NewLimiter(llm.Limits{Concurrency: limit}, llm.Options{})
				most := flight(t, l, 30, tt.outcome)
				if got := most[len(most)-1]; got < tt.low || got > tt.high {
					t.Errorf("in flight by the second: %v; want it to end with %d–%d", most, tt.low, tt.high)
				}
				for _, n := range most {
					if n > limit {
						t.Fatalf("in flight by the second: %v; want never more than %d", most, limit)
					}
				}
			})
		})
	}
}

// TestConcurrencyHalves: a burst of refusals is one reason, not many.
func TestConcurrencyHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(llm.Limits{Concurrency: 16}, llm.Options{})
		free := func() (n int) { // places there are now
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var all []func(llm.Outcome)
			for {
				release, err := l.Acquire(ctx, 0)
				if err != nil {
					for _, release := range all {
						release(llm.Outcome{})
					}
					return len(all)
				}
				all = append(all, release)
			}
		}
		use := func(n int, o llm.Outcome) {
			var all []func(llm.Outcome)
			for range n {
				release, err := l.Acquire(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, release)
			}
			for _, release := range all {
				release(o)
			}
		}
		for n := free(); n < 16; n = free() {
			use(n, good(time.Second))
		}
		for _, want := range []int{8, 4, 2, 1, 1} {
			use(free(), llm.Outcome{Refused: true})
			if got := free(); got != want {
				t.Fatalf("%d places after another round of refusals, want %d", got, want)
			}
		}
	})
}

// TestQuiet: what the server asks of one it asks of all.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(llm.Limits{}, llm.Options{MaxWait: time.Minute})
		ask := func(after time.Duration) {
			release, err := l.Acquire(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			release(llm.Outcome{Refused: true, RetryAfter: after})
		}
		ask(20 * time.Second)
		start := time.Now()
		ask(time.Hour)
		if waited := time.Since(start); waited != 20*time.Second {
			t.Errorf("the next request waited %v, want 20 s", waited)
		}
		_, err := l.Acquire(t.Context(), 0)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind != llm.Rate || e.RetryAfter != time.Hour {
			t.Errorf("Acquire in a quiet of an hour: %v, want it handed back", err)
		}
		time.Sleep(time.Hour)
		for range 10 { // whoever was handed back holds no place
			ask(0)
		}
	})
}

// TestGivingUpLeavesThePlace: who stops waiting takes nothing with him.
func TestGivingUpLeavesThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(llm.Limits{Concurrency: 1, RPM: 1}, llm.Options{})
		release, err := l.Acquire(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		gone := errors.New("gone")
		try := func() {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, gone)
			defer cancel()
			if _, err := l.Acquire(ctx, 0); !errors.Is(err, gone) {
				t.Errorf("Acquire: %v, want the context's cause", err)
			}
		}
		try() // waits for the place
		release(llm.Outcome{})
		try() // waits for the minute to be over
		start := time.Now()
		if _, err := l.Acquire(t.Context(), 0); err != nil || time.Since(start) > time.Minute {
			t.Errorf("Acquire after those who gave up took %v: %v; want less than a minute", time.Since(start), err)
		}
	})
}
