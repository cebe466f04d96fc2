package extract_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"seedbed/extract"
)

// BenchmarkRunLatency runs 400 passages through a stage that takes 200 ms,
// 16 at once. The ratio is the time taken over 400 × 0.2 / 16 s, the least
// possible; 1.15 is the most we allow.
func BenchmarkRunLatency(b *testing.B) {
	const n, atOnce, latency = 400, 16, 200 * time.Millisecond
	ask := stage{"ask", func(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		select {
		case <-time.After(latency):
			return seeds, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	tail := serial{stage{"tail", func(_ context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		return seeds, nil
	}}}
	for b.Loop() {
		for r := range extract.Run(b.Context(), slices.Values(passages(n)), []extract.Stage{ask, tail}, extract.Options{Concurrency: atOnce}) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
	least := latency * n / atOnce
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(least), "ratio")
}
