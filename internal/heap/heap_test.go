package heap

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestKeep(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	until := func(what string, ok func(limit int64) bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			now := debug.SetMemoryLimit(-1)
			if ok(now) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s the limit is %d", what, now)
			}
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	Keep(ctx)
	until("with little in use", func(l int64) bool { return l == small })
	if p := percent(); p != rare {
		t.Errorf("garbage is collected when %d %% have come on top; want %d", p, rare)
	}
	const much = 200 << 20
	held := make([]byte, much)
	runtime.GC()
	until("with much in use", func(l int64) bool { return l > much*11/10 && l < much*2 })
	runtime.KeepAlive(held)
	runtime.GC()
	until("with little in use again", func(l int64) bool { return l == small })
	stop()
	until("in the end", func(l int64) bool { return l == math.MaxInt64 && percent() == 100 })
}

func percent() uint64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// TestKeepAsked: what the environment says stands.
func TestKeepAsked(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "100")
			Keep(t.Context())
			if now := debug.SetMemoryLimit(-1); now != before {
				t.Errorf("the limit is %d; it was %d", now, before)
			}
		})
	}
}
