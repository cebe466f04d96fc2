// Package heap keeps the memory of a process small without having garbage
// collected all the time.
package heap

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// rare is how much may come on top of what is in use before garbage is
	// collected, in percent of it, as long as the memory limit allows it.
	rare = 200
	// small is the limit for a process that has little in use.
	small = 72 << 20
	// Of more, a fifth of what is in use may be garbage.
	spare = 5
)

// Keep has garbage collected less often until ctx ends, within a memory limit:
// low, so that a process that has little in use takes little, and never so low
// that one that has much in use would collect without end. It does nothing where
// the environment says how garbage is to be collected.
func Keep(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetGCPercent(rare)
	now := limit()
	debug.SetMemoryLimit(now)
	go func() {
		defer func() {
			debug.SetGCPercent(before)
			debug.SetMemoryLimit(math.MaxInt64)
		}()
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if next := limit(); next != now { // to set it stops everything for a moment
				now = next
				debug.SetMemoryLimit(now)
			}
		}
	}()
}

// limit is the limit for what is in use by now, in bytes.
func limit() int64 {
	value := func(name string) int64 {
		s := []metrics.Sample{{Name: name}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	live := value("/gc/heap/live:bytes")
	// Stacks, what lies between objects, and what the runtime needs itself
	// count towards the limit too.
	rest := value("/memory/classes/total:bytes") - value("/memory/classes/heap/objects:bytes") -
		value("/memory/classes/heap/free:bytes") - value("/memory/classes/heap/released:bytes")
	return max(small, live+live/spare+rest)
}
