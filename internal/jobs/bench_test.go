package jobs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

// BenchmarkSlots runs passages whose calls take 200 ms, 16 at once, and
// prints how much longer that takes than calls alone would.
func BenchmarkSlots(b *testing.B) {
	const passages, latency, atOnce = 400, 200 * time.Millisecond, 16
	text := book(passages)
	for b.Loop() {
		s := llmtest.New(b, llmtest.Script{Latency: latency})
		w := start(b, b.TempDir(), impatient(s, atOnce))
		src := w.ready(text)
		begun := time.Now()
		run, err := w.StartRun(b.Context(), src.ID, seedbed.RunOptions{})
		if err != nil {
			b.Fatal(err)
		}
		run = w.ended(run.ID)
		took := time.Since(begun)
		if run.Passages.Done != passages {
			b.Fatalf("the run ends as %+v; want %d passages done", run, passages)
		}
		ideal := time.Duration(passages) * latency / atOnce
		b.ReportMetric(float64(took)/float64(ideal), "of-ideal")
		b.ReportMetric(float64(s.Stats().MaxConcurrent), "at-once")
		w.indexed()
	}
}

// BenchmarkJobs runs passages whose replies are all kept already: what is
// left is our own work, one job a passage.
func BenchmarkJobs(b *testing.B) {
	const passages = 400
	s := llmtest.New(b, llmtest.Script{})
	w := start(b, b.TempDir(), impatient(s, 16))
	src := w.ready(book(passages))
	run, err := w.StartRun(b.Context(), src.ID, seedbed.RunOptions{})
	if err != nil {
		b.Fatal(err)
	}
	w.ended(run.ID)
	for b.Loop() {
		if run, err = w.StartRun(b.Context(), src.ID, seedbed.RunOptions{}); err != nil {
			b.Fatal(err)
		}
		if run = w.ended(run.ID); run.Cached != passages {
			b.Fatalf("the run ends as %+v; want every reply from the cache", run)
		}
	}
	b.ReportMetric(float64(passages*b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkExplicit takes a text of a megabyte from upload to seeds.
func BenchmarkExplicit(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(&text, "## Part %d\n\n%s\n", i, strings.ReplaceAll(faq, "bee", fmt.Sprintf("bee%d", i)))
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		w := start(b, b.TempDir(), jobs.Options{})
		run := w.ended(w.upload("bees.md", text.String(), seedbed.RunOptions{Recipe: "explicit"}).Run.ID)
		b.ReportMetric(float64(run.Seeds), "seeds")
		w.indexed()
	}
}

// ready uploads a text and waits until it is read.
func (b *bench) ready(text string) seedbed.Source {
	b.t.Helper()
	up, err := b.Upload(b.t.Context(), seedbed.Upload{Name: "machines.md", Body: strings.NewReader(text), NoRun: true})
	if err != nil {
		b.t.Fatal(err)
	}
	src := up.Source
	b.eventually(func() bool {
		src, err = b.Source(b.t.Context(), src.ID)
		return err == nil && src.State == seedbed.SourceReady
	})
	return src
}
