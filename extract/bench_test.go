package extract_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read/markdown"
	"seedbed/extract/stage"
)

// BenchmarkRunLatency runs 400 passages through a stage that takes 200 ms,
// 16 at once. The ratio is the time taken over 400 × 0.2 / 16 s, the least
// possible; 1.15 is the most we allow.
func BenchmarkRunLatency(b *testing.B) {
	const n, atOnce, latency = 400, 16, 200 * time.Millisecond
	ask := step{"ask", func(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		select {
		case <-time.After(latency):
			return seeds, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	tail := serial{step{"tail", func(_ context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
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

// BenchmarkQuick is the same with the quick recipe, its client, and a server
// that answers after 200 ms.
func BenchmarkQuick(b *testing.B) {
	const n, atOnce, latency = 400, 16, 200 * time.Millisecond
	server := llmtest.New(b, llmtest.Script{Latency: latency})
	recipe, ok := stage.Lookup("quick")
	if !ok {
		b.Fatal("no recipe quick")
	}
	var doc extract.Builder
	for i := range n {
		doc.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: fmt.Sprint("Bed ", i), Text: fmt.Sprint("# Bed ", i)})
		doc.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: strings.Repeat(fmt.Sprintf("Bed %d cooled slowly because it lay deep, and so its crystals are large. ", i), 40)})
	}
	book := doc.Done()
	b.ResetTimer()
	var calls int
	for b.Loop() {
		client := llm.New(llm.Options{URL: server.URL, Model: "scripted", Concurrency: atOnce})
		stages, err := stage.Build(recipe, stage.Tools{Model: extract.Metered(client)})
		if err != nil {
			b.Fatal(err)
		}
		calls = 0
		for r := range extract.Run(b.Context(), chunk.Split(book, chunk.Options{}), stages, extract.Options{Concurrency: atOnce}) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
			calls += r.Spent.Calls
		}
	}
	least := float64(calls) / atOnce * latency.Seconds()
	b.ReportMetric(float64(calls), "calls")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/least, "ratio")
}

// BenchmarkExplicit takes a megabyte of Markdown from text to seeds: read,
// cut, and the explicit recipe. We want more than 3 MB/s.
func BenchmarkExplicit(b *testing.B) {
	book := markdownBook(1 << 20)
	recipe, ok := stage.Lookup("explicit")
	if !ok {
		b.Fatal("no recipe explicit")
	}
	b.SetBytes(int64(len(book)))
	var passages, kept, rejected int
	for b.Loop() {
		passages, kept, rejected = 0, 0, 0
		stages, err := stage.Build(recipe, stage.Tools{})
		if err != nil {
			b.Fatal(err)
		}
		doc := markdown.Parse(book)
		for r := range extract.Run(b.Context(), chunk.Split(doc, chunk.Options{}), stages, extract.Options{}) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
			passages++
			for _, s := range r.Seeds {
				if s.Live() {
					kept++
				} else {
					rejected++
				}
			}
		}
	}
	if kept == 0 {
		b.Fatal("no seeds")
	}
	b.ReportMetric(float64(passages), "passages")
	b.ReportMetric(float64(kept), "kept")
	b.ReportMetric(float64(rejected), "rejected")
}

// markdownBook is a book of chapters with prose, definitions, exercises with
// solutions and questions with answers, at least size bytes long.
func markdownBook(size int) string {
	things := []string{"granite", "basalt", "obsidian", "marble", "slate", "chalk", "flint", "gneiss", "gabbro", "pumice", "quartz", "felsite", "dolomite"}
	places := []string{"on the coast", "in the deep", "under the ice", "by the river", "on the ridge", "in the old quarry", "near the road"}
	var w strings.Builder
	n := 0
	pick := func(list []string) string { n++; return list[(n*n+n/7)%len(list)] }
	for chapter := 1; w.Len() < size; chapter++ {
		fmt.Fprintf(&w, "# Chapter %d: Of %s\n\n", chapter, pick(things))
		for section := 1; section <= 4; section++ {
			fmt.Fprintf(&w, "## The %s %s\n\n", pick(things), pick(places))
			for range 4 {
				for range 5 {
					fmt.Fprintf(&w, "Nobody who has seen %s %s will doubt that it is older than the %s\nabove it, and that it cooled before the %s %s did. ", pick(things), pick(places), pick(things), pick(things), pick(places))
				}
				w.WriteString("\n\n")
			}
			fmt.Fprintf(&w, "**Definition.** A *%s bed of order %d* is a layer of %s that lies %s and holds %d crystals.\n\n", pick(things), n, pick(things), pick(places), n)
			fmt.Fprintf(&w, "**Q:** How much does the %s of bed %d weigh?\n\n**A:** It weighs %d tonnes, as much as the %s %s.\n\n", pick(things), n, n*3, pick(things), pick(places))
		}
		w.WriteString("## Exercises\n\n")
		for i := 1; i <= 5; i++ {
			fmt.Fprintf(&w, "%d. Compute the weight of %d stones of %d kg each that were found %s.\n", i, n, n%91+2, pick(places))
		}
		w.WriteString("\n## Solutions\n\n")
		for i := 1; i <= 5; i++ {
			fmt.Fprintf(&w, "%d. Multiply the number of stones by their weight: the sum is %d kg, whatever the %s weighs.\n", i, n*i, pick(things))
		}
		w.WriteString("\n")
	}
	return w.String()
}
