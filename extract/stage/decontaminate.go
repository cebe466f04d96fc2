package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"

	"seedbed/extract"
)

// Decontaminate rejects seeds that repeat a benchmark: a model trained on
// them would be tested on what it has seen. It asks no model.
//
// The benchmarks are files that the recipe names. A file whose first character
// is a brace is JSON Lines, of which the fields question, prompt and text are
// read; any other is plain text, of which each paragraph is an item. The files
// are read once and kept as hashes of 32 bytes a word; more than four million
// words are an error.
//
// A seed's question, and its answer where that has seven words or more, are
// compared word by word, with case, punctuation and kinds of characters set
// aside. Thirteen words in a row that stand in a benchmark reject the seed. So
// does a text of which half or more of all runs of seven words stand in one
// item; from a fifth on the check is uncertain. A question of fewer than seven
// words is compared as a whole. The two lengths are those with which Phi-4's
// training data was kept apart from its tests ("Phi-4 Technical Report", Abdin
// et al., 2024, arXiv:2412.08905, appendix B).
//
// Without files the check is skipped.
type Decontaminate struct {
	Files  []string `yaml:"files"`  // names for Open
	Reject float64  `yaml:"reject"` // share of runs of seven words in one item from which a seed is rejected
	Flag   float64  `yaml:"flag"`   // and from which it is uncertain

	// Open opens a benchmark file; nil takes paths as seen from where the
	// program runs.
	Open func(name string) (fs.File, error) `yaml:"-"`

	mu    sync.Mutex
	known *benchmark // nil until it is read
}

// Name is "decontaminate".
func (*Decontaminate) Name() string { return "decontaminate" }

func (d *Decontaminate) check() error {
	for _, share := range []struct {
		name  string
		value float64
	}{{"reject", d.Reject}, {"flag", d.Flag}} {
		// Written so that it also turns away what is no number.
		if !(share.value > 0 && share.value <= 1) {
			return fmt.Errorf("%s is %g and has to be above 0 and at most 1", share.name, share.value)
		}
	}
	if d.Flag > d.Reject {
		return fmt.Errorf("flag is %g, above reject, which is %g", d.Flag, d.Reject)
	}
	return nil
}

// ready says whether the files are there. Reading a recipe asks nothing of
// them, for its writer may not be allowed to know.
func (d *Decontaminate) ready() error {
	for _, name := range d.Files {
		f, err := d.open(name)
		if err != nil {
			return fmt.Errorf("benchmark file: %w", err)
		}
		_ = f.Close()
	}
	return nil
}

func (d *Decontaminate) open(name string) (fs.File, error) {
	open := d.Open
	if open == nil {
		// A device would be waited for when it is opened.
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no file", name)
		}
		open = func(name string) (fs.File, error) { return os.Open(name) }
	}
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no file", name), err, f.Close())
	}
	return f, nil
}

const decontaminateVersion = "1"

// Do checks the live seeds.
func (d *Decontaminate) Do(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	known, err := d.benchmark()
	if err != nil {
		return nil, err
	}
	for i := range seeds {
		if s := &seeds[i]; s.Live() {
			s.Record(d.compare(known, s))
		}
	}
	return seeds, ctx.Err()
}

// benchmark reads the files, once. A file that cannot be read is tried again
// with the next passage: somebody may have mended it.
func (d *Decontaminate) benchmark() (*benchmark, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		known, err := readBenchmark(d.Files, d.open, maxBenchmarkWords)
		if err != nil {
			return nil, err
		}
		d.known = known
	}
	return d.known, nil
}

// compare looks a seed's question and answer up in the benchmarks.
func (d *Decontaminate) compare(known *benchmark, s *extract.Seed) extract.Check {
	c := extract.Check{Name: "decontaminate", Verdict: extract.Pass, Score: 1, Version: decontaminateVersion}
	if len(d.Files) == 0 {
		c.Verdict, c.Score, c.Reason = extract.Skipped, 0, "the recipe names no benchmark files"
		return c
	}
	for _, side := range []struct{ name, text string }{{"question", s.Question}, {"answer", s.Answer}} {
		words := wordsOf(side.text)
		if side.name == "answer" && len(words) < shortRun {
			continue // "yes" and "Paris" stand everywhere
		}
		if item, at, ok := known.longest(words); ok {
			c.Verdict, c.Score = extract.Fail, 0
			c.Reason = fmt.Sprintf("%d words in a row of the %s stand in %s: “%s”", longRun, side.name, known.place(item), joined(words[at:at+longRun]))
			return c
		}
		item, share := known.overlap(words)
		score := 1 - share
		switch {
		case share >= d.Reject:
			c.Verdict, c.Score = extract.Fail, score
			c.Reason = fmt.Sprintf("%.0f %% of the %s stands in %s", math.Floor(100*share), side.name, known.place(item))
			return c
		case share >= d.Flag && (c.Verdict == extract.Pass || score < c.Score):
			c.Verdict, c.Score = extract.Uncertain, score
			c.Reason = fmt.Sprintf("%.0f %% of the %s stands in %s", math.Floor(100*share), side.name, known.place(item))
		case c.Verdict == extract.Pass:
			c.Score = min(c.Score, score)
		}
	}
	return c
}
