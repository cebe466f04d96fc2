package search_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
)

var benchSeeds = flag.Int("seeds", 100_000, "how many seeds the benchmark indexes")

// A generator writes seeds in made-up words, as frequent as words are: few
// very common ones and many that occur once.
type generator struct {
	from  *rand.PCG
	r     *rand.Rand
	zipf  *rand.Zipf
	words []string
}

func newGenerator() *generator {
	from := rand.NewPCG(7, 7)
	g := &generator{from: from, r: rand.New(from)}
	g.words = strings.Fields("the of a to and in is that for it as with be are by this on which from an or at we can has not if one have but its all where when how")
	syllables := strings.Fields("con pro re in de ter men tion al ic er ing ma ta ra lo si ve ne mi pre com ex ul ar is ab ment")
	known := map[string]bool{}
	for len(g.words) < 60_000 {
		var w strings.Builder
		for range 1 + g.r.IntN(4) {
			w.WriteString(syllables[g.r.IntN(len(syllables))])
		}
		if !known[w.String()] {
			known[w.String()] = true
			g.words = append(g.words, w.String())
		}
	}
	g.zipf = rand.NewZipf(g.r, 1.12, 8, uint64(len(g.words)-1))
	return g
}

func (g *generator) text(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(g.words[g.zipf.Uint64()])
	}
	return b.String()
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// seed writes the same whenever it is asked for number i.
func (g *generator) seed(i int) search.Change {
	g.from.Seed(7, uint64(i))
	source := i / 250
	return search.Change{ID: fmt.Sprintf("%024x", i), Version: 1, Collection: pick(g.r, "default", "physics"), Seed: &extract.Seed{
		Question: g.text(12) + "?", Answer: g.text(60) + ".", Reasoning: []string{g.text(15), g.text(15)},
		Origin: pick(g.r, extract.Explicit, extract.Derived, extract.Derived), Type: pick(g.r, extract.SeedTypes...), Language: pick(g.r, "en", "en", "en", "de"),
		Difficulty: extract.Difficulty{Estimated: g.r.IntN(10)},
		Evidence:   []extract.Evidence{{Quote: g.text(25), Start: i % 250 * 400}},
		Source:     extract.SourceRef{ID: fmt.Sprintf("s%04d", source), Title: fmt.Sprintf("Book %d", source), Kind: pick(g.r, extract.Book, extract.Paper), Section: []string{g.text(2), g.text(3)}},
		Checks:     []extract.Check{{Name: "ground", Verdict: extract.Pass}, {Name: "standalone", Verdict: pick(g.r, extract.Pass, extract.Fail)}},
		Verdict:    pick(g.r, extract.Draft, extract.Draft, extract.Accepted, extract.Rejected),
		Tags:       []string{pick(g.r, "algebra", "optics", "logic", "trees")}, Run: fmt.Sprintf("r%04d", source),
		Created: time.Unix(1_700_000_000+int64(i), 0),
	}}
}

// word gives a word that stands in about one of n seeds' places.
func (g *generator) word(from, to int) string { return g.words[from+g.r.IntN(to-from)] }

func (g *generator) typo(w string) string {
	i := 1 + g.r.IntN(len(w)-2)
	return w[:i] + "q" + w[i+1:]
}

func BenchmarkEmbedded(b *testing.B) {
	path := filepath.Join(b.TempDir(), "index.db")
	e, err := search.Open(path, search.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	bench(b, e, func() (size int64) {
		for _, suffix := range []string{"", "-wal"} {
			if fi, err := os.Stat(path + suffix); err == nil {
				size += fi.Size()
			}
		}
		return size
	})
}

func BenchmarkPostgres(b *testing.B) {
	p, db := openPostgres(b)
	bench(b, p, func() (size int64) {
		err := db.QueryRowContext(b.Context(), `SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
			JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = 'seedbed_search_v3' AND c.relkind = 'r'`).Scan(&size)
		if err != nil {
			b.Fatal(err)
		}
		return size
	})
}

// BenchmarkMeili needs a real server. Its size is the server's own affair.
func BenchmarkMeili(b *testing.B) {
	bench(b, rebuilt{realMeili(b)}, func() int64 { return 0 })
}

// rebuilt is an index that is filled by Rebuild: one batch after the other
// takes a server several times as long.
type rebuilt struct{ search.Index }

// fill indexes seeds and says how long that took.
func fill(b *testing.B, e search.Index, g *generator) (spent time.Duration) {
	if r, ok := e.(rebuilt); ok {
		start := time.Now()
		if err := r.Rebuild(b.Context(), func(yield func(search.Change, error) bool) {
			for i := range *benchSeeds {
				if !yield(g.seed(i), nil) {
					return
				}
			}
		}); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	for i := 0; i < *benchSeeds; i += 1000 {
		batch := make([]search.Change, 0, 1000)
		for j := i; j < min(i+1000, *benchSeeds); j++ {
			batch = append(batch, g.seed(j))
		}
		start := time.Now()
		if err := e.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(start)
	}
	return spent
}

// bench fills an index and asks it in many ways.
func bench(b *testing.B, e search.Index, sizeOf func() int64) {
	g := newGenerator()
	spent := fill(b, e, g)
	b.Logf("indexed %d seeds in %.1f s: %.0f a second, %d MB", *benchSeeds, spent.Seconds(), float64(*benchSeeds)/spent.Seconds(), sizeOf()>>20)

	live := []string{extract.Draft, extract.Accepted}
	kinds := []struct {
		name string
		make func() seedbed.Filter
	}{
		{"browse", func() seedbed.Filter { return seedbed.Filter{Verdict: live} }},
		{"common word", func() seedbed.Filter { return seedbed.Filter{Verdict: live, Query: g.word(0, 40) + " "} }},
		{"word", func() seedbed.Filter { return seedbed.Filter{Verdict: live, Query: g.word(100, 3000) + " "} }},
		{"two words", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Query: g.word(40, 400) + " " + g.word(100, 3000) + " "}
		}},
		{"question", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Query: "how " + g.word(40, 300) + " is the " + g.word(40, 300) + " "}
		}},
		{"as you type", func() seedbed.Filter {
			w := g.word(40, 3000)
			return seedbed.Filter{Verdict: live, Query: g.word(40, 400) + " " + w[:1+g.r.IntN(len(w))]}
		}},
		{"one letter", func() seedbed.Filter { return seedbed.Filter{Verdict: live, Query: g.word(40, 3000)[:1]} }},
		{"three letters", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Query: (g.word(40, 3000) + "xx")[:3]}
		}},
		{"typo", func() seedbed.Filter {
			w := g.word(100, 3000)
			for len(w) < 5 {
				w = g.word(100, 3000)
			}
			return seedbed.Filter{Verdict: live, Query: g.typo(w) + " "}
		}},
		{"phrase", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Query: `"` + g.word(0, 40) + " " + g.word(40, 300) + `"`}
		}},
		{"exclusion", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Query: g.word(40, 400) + " -" + g.word(40, 400)}
		}},
		{"five facets", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Query: g.word(40, 1000) + " ", Type: []string{extract.Factual, extract.Proof}, Origin: []string{extract.Derived},
				Language: []string{"en"}, Kind: []string{extract.Book}, Tag: []string{"optics", "logic"}}
		}},
		{"one source", func() seedbed.Filter {
			return seedbed.Filter{Verdict: live, Source: []string{"s0003"}, Sort: "source"}
		}},
	}
	verdicts(b, e, g)
	b.Run("list versions", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range e.Versions(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != *benchSeeds {
				b.Fatalf("%d versions of %d seeds", n, *benchSeeds)
			}
		}
	})
	var all []time.Duration
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			var took []time.Duration
			hits := 0
			for b.Loop() {
				f := k.make()
				start := time.Now()
				page, err := e.Search(b.Context(), f)
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
				hits += page.Total
			}
			all = append(all, took[:min(len(took), 200)]...)
			report(b, took)
			b.ReportMetric(float64(hits)/float64(len(took)), "hits")
		})
	}
	if len(all) == 0 { // none was asked for
		return
	}
	slices.Sort(all)
	b.Logf("all kinds in equal parts: p50 %v, p95 %v, p99 %v", all[len(all)/2], all[len(all)*95/100], all[len(all)*99/100])
}

// verdicts says how long a changed verdict takes to be found.
func verdicts(b *testing.B, e search.Index, g *generator) {
	b.Run("changed verdict", func(b *testing.B) {
		var took []time.Duration
		version := int64(1)
		for b.Loop() {
			version++
			c := g.seed(int(version) * 7919 % *benchSeeds)
			c.Version, c.Seed.Verdict, c.Seed.Tags = version, extract.Accepted, []string{fmt.Sprintf("changed-%d", version)}
			start := time.Now()
			if err := e.Apply(b.Context(), []search.Change{c}); err != nil {
				b.Fatal(err)
			}
			page, err := e.Search(b.Context(), seedbed.Filter{Verdict: []string{extract.Accepted}, Tag: c.Seed.Tags})
			if err != nil || page.Total != 1 {
				b.Fatalf("found %d, %v", page.Total, err)
			}
			took = append(took, time.Since(start))
		}
		report(b, took)
	})
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(took[len(took)*p/100])/1e6, fmt.Sprintf("p%d-ms", p))
	}
}
