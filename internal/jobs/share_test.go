package jobs

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"seedbed/extract/llm"
	"seedbed/internal/store"
)

// TestPartsNeverExceedTheLimits has workers come, go, want more and less, and
// take their parts in any order.
func TestPartsNeverExceedTheLimits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		l := llm.Limits{Concurrency: 1 + random.IntN(12), RPM: random.IntN(3) * random.IntN(40)}
		has := map[string]store.Share{}
		inFlight := map[string]int{}
		for step := range 200 {
			me := store.Share{Worker: string(rune('a' + random.IntN(5)))}
			if random.IntN(4) > 0 {
				me.Wants = random.IntN(2*l.Concurrency) + 1
			}
			places, rate := partOf(l, slices.Collect(maps.Values(has)), me, step/20)
			me.Places, me.Rate = max(places, inFlight[me.Worker]), rate
			has[me.Worker] = me
			inFlight[me.Worker] = random.IntN(me.Places + 1)
			sum, rates := 0, 0.0
			for _, s := range has {
				sum += s.Places
				rates += s.Rate
			}
			if sum > l.Concurrency || rates > 1+1e-6 {
				t.Fatalf("with limits %+v the workers have %+v: %d places and %v of the rate", l, has, sum, rates)
			}
		}
	}
}

func TestPartsAreFair(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits llm.Limits
		wants  []int
		places []int // after all had a few turns to take theirs
		rates  []float64
	}{
		{"alone", llm.Limits{Concurrency: 8}, []int{20}, []int{8}, []float64{1}},
		{"two alike", llm.Limits{Concurrency: 8}, []int{8, 8}, []int{4, 4}, []float64{0.5, 0.5}},
		{"one wants little", llm.Limits{Concurrency: 8}, []int{1, 8}, []int{1, 7}, []float64{0.5, 0.5}},
		{"one wants nothing", llm.Limits{Concurrency: 8}, []int{0, 8}, []int{0, 8}, []float64{0, 1}},
		{"one left over", llm.Limits{Concurrency: 7}, []int{9, 9}, []int{4, 3}, []float64{0.5, 0.5}},
		{"more workers than places", llm.Limits{Concurrency: 2}, []int{3, 3, 3}, []int{1, 1, 0}, []float64{0.5, 0.5, 0}},
		{"few requests a minute", llm.Limits{Concurrency: 8, RPM: 9}, []int{8, 8, 8}, []int{4, 4, 0}, []float64{0.5, 0.5, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The first has all of it when the others come.
			all := make([]store.Share, len(tt.wants))
			for i := range all {
				all[i].Worker = string(rune('a' + i))
			}
			all[0].Places, all[0].Rate = tt.limits.Concurrency, 1
			for range 3 {
				for i := range all {
					all[i].Wants = tt.wants[i]
					all[i].Places, all[i].Rate = partOf(tt.limits, all, all[i], 0)
				}
			}
			for i, s := range all {
				if s.Places != tt.places[i] || math.Abs(s.Rate-tt.rates[i]) > 1e-6 {
					t.Errorf("worker %d has %d places and %v of the rate; want %d and %v", i, s.Places, s.Rate, tt.places[i], tt.rates[i])
				}
			}
			// All have their turn.
			had := make([]int, len(all))
			for turn := range len(all) * 2 {
				for range 3 {
					for i := range all {
						all[i].Places, all[i].Rate = partOf(tt.limits, all, all[i], turn)
					}
				}
				for i, s := range all {
					had[i] += s.Places
				}
			}
			for i, s := range all {
				if s.Wants > 0 && had[i] == 0 {
					t.Errorf("worker %d never has a place", i)
				}
			}
		})
	}
}
