package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// BenchmarkOutcome saves what became of a passage, with three seeds and the
// bands of each, and prints the slowest of twenty.
func BenchmarkOutcome(b *testing.B) {
	for _, engine := range storetest.Engines {
		b.Run(engine, func(b *testing.B) {
			db := open(b, storetest.Fresh(b, engine))
			source, run := sourceAndRun(b, db, 1<<20)
			random := rand.New(rand.NewPCG(1, 2))
			n := 0
			var took []time.Duration
			for b.Loop() {
				o := store.Outcome{Bands: map[string][]uint64{}}
				o.Ordinal, o.State = n, seedbed.PassageDone
				for i := range 3 {
					s := seed(run, n, i)
					o.Found = append(o.Found, s)
					for range 26 {
						o.Bands[s.ID] = append(o.Bands[s.ID], random.Uint64())
					}
				}
				queue(b, db, run, source, n)
				begun := time.Now()
				err := db.Update(b.Context(), func(tx *store.Tx) error {
					for _, s := range o.Found {
						if _, err := tx.Alike(b.Context(), run.CollectionID, o.Bands[s.ID]); err != nil {
							return err
						}
					}
					saved, err := tx.SaveOutcome(b.Context(), run, o)
					if err == nil && !saved {
						return fmt.Errorf("passage %d was not queued", n)
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
				n++
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
		})
	}
}

// seed is the i-th seed of a passage.
func seed(run seedbed.Run, ordinal, i int) extract.Seed {
	question := fmt.Sprintf("What happens to the valve number %d when it is turned for the time number %d?", ordinal, i)
	passage := fmt.Sprintf("passage %d", ordinal)
	return extract.Seed{
		ID: extract.SeedID(run.ID, passage, question, ""), Question: question,
		Answer:    "It opens by a quarter and lets the water through, which cools the bearing below it within a minute.",
		Reasoning: []string{"The valve is turned.", "What is turned opens.", "Water flows where something is open."},
		Evidence:  []extract.Evidence{{Quote: "the valve opens by a quarter", Start: ordinal, End: ordinal + 28, Match: extract.MatchExact}},
		Checks:    []extract.Check{{Name: "ground", Verdict: extract.Pass, Score: 1}, {Name: "standalone", Verdict: extract.Pass, Score: 1}},
		Source:    extract.SourceRef{ID: run.Source, Title: "Valves", Section: []string{"Water"}},
		Tags:      []string{"valves"}, Passage: passage, Run: run.ID, Verdict: extract.Draft,
		Type: extract.Factual, Origin: extract.Explicit, Language: "en", Created: time.UnixMilli(1_700_000_000_000).UTC(),
	}
}
