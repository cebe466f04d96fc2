package llm_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seedbed/extract/llm"
)

// TestShare: a limiter that shares sends nothing before it has a part, no more
// than that, and nothing once its time is over.
func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(llm.Limits{Concurrency: 8, RPM: 120}, llm.Options{})
		wanted := 0
		l.Share(func() { wanted++ })
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		inFlight, most, sent := 0, 0, 0
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for {
					release, err := l.Acquire(ctx, 0)
					if err != nil {
						return
					}
					mu.Lock()
					inFlight++
					sent++
					most = max(most, inFlight)
					mu.Unlock()
					time.Sleep(2 * time.Second)
					mu.Lock()
					inFlight--
					mu.Unlock()
					release(llm.Outcome{Answered: true, Took: 2 * time.Second})
				}
			})
		}
		// during is how many are sent in a while, and at once.
		during := func(d time.Duration) (int, int) {
			mu.Lock()
			most, sent = 0, 0
			mu.Unlock()
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return sent, most
		}
		if n, _ := during(time.Minute); n != 0 || wanted == 0 {
			t.Errorf("without a part %d are sent, and wanted is called %d times; want none, and some calls", n, wanted)
		}
		if n := l.Wants(); n < 4 || n > 8 {
			t.Errorf("Wants gives %d; want what the server is asked at once", n)
		}
		l.Give(llm.Part{Places: 2, Rate: 1, Until: time.Now().Add(time.Minute)})
		if n, most := during(time.Minute); most != 2 || n < 55 || n > 60 {
			t.Errorf("with two places %d are sent, %d at once; want about 60, 2 at once", n, most)
		}
		if n, _ := during(time.Minute); n != 0 {
			t.Errorf("after the part's time %d are sent; want none", n)
		}
		l.Give(llm.Part{Places: 8, Rate: 0.25, Until: time.Now().Add(10 * time.Minute)})
		if n, _ := during(5 * time.Minute); n < 140 || n > 152 {
			t.Errorf("with a quarter of the rate %d are sent in 5 minutes; want nearly 150", n)
		}
		l.Limit(llm.Limits{Concurrency: 3})
		l.Give(llm.Part{Places: 8, Until: time.Now().Add(time.Hour)})
		time.Sleep(2 * time.Second) // those that have a place already
		if n, most := during(time.Minute); most != 3 || n < 85 {
			t.Errorf("without a rate to keep to %d are sent, %d at once; want about 90, 3 at once", n, most)
		}
		if n := l.Narrow(0); n == 0 {
			t.Errorf("nothing is in flight when the places are taken; want some")
		}
		time.Sleep(2 * time.Second)
		if n, _ := during(time.Minute); n != 0 || l.Narrow(8) != 0 {
			t.Errorf("after Narrow %d are sent; want none", n)
		}
		cancel()
		all.Wait()
		if l.Wants(); l.Wants() != 0 {
			t.Errorf("Wants gives %d when all is over; want none", l.Wants())
		}
	})
}
