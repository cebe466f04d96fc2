package jobs_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
	"seedbed/internal/store/storetest"
)

// settled holds what has to be true of a data folder at rest, whatever
// happened before: every run has ended, and every passage of it, those that
// failed with a reason; no seed is there twice; no reply was bought twice
// beyond those that were in flight; the index equals the database; and Check
// finds nothing.
func settled(t *testing.T, b *bench, model *llmtest.Server, inFlight int) {
	t.Helper()
	runs, err := b.Runs(t.Context(), "")
	if err != nil || len(runs) == 0 {
		t.Fatalf("Runs gives %d, %v; want some", len(runs), err)
	}
	passages := map[string]int{}
	for _, run := range runs {
		p := run.Passages
		switch {
		case !run.Ended():
			t.Errorf("run %s is %s: %+v, want it ended", run.ID, run.State, p)
		case run.State == seedbed.RunFailed && (run.Error == nil || run.Error.Message == ""):
			t.Errorf("run %s failed without a reason", run.ID)
		case run.State == seedbed.RunDone && p.Done+p.Failed+p.Skipped != p.Total:
			t.Errorf("run %s is done, its passages are %+v", run.ID, p)
		}
		failures, err := b.Failures(t.Context(), run.ID)
		if err != nil || len(failures) != p.Failed {
			t.Errorf("run %s has %d failures, %v; it counts %d", run.ID, len(failures), err, p.Failed)
		}
		for _, f := range failures {
			if f.Reason == "" || f.Code == "" {
				t.Errorf("passage %d of run %s failed without a reason: %+v", f.Ordinal, run.ID, f)
			}
		}
		n := len(b.all(seedbed.Filter{Run: []string{run.ID}, Verdict: anyVerdict}))
		if n != run.Seeds+run.Rejected {
			t.Errorf("run %s has %d seeds; it counts %d and %d rejected", run.ID, n, run.Seeds, run.Rejected)
		}
		passages[run.Source] = max(passages[run.Source], p.Total)
	}
	type pair struct{ run, passage, question, answer string }
	seen := map[pair]bool{}
	for _, s := range b.all(seedbed.Filter{Verdict: anyVerdict}) {
		p := pair{s.Run, s.Passage, s.Question, s.Answer}
		if seen[p] {
			t.Errorf("the seed %q is there twice", s.Question)
		}
		seen[p] = true
	}
	if s := model.Stats(); s.Duplicates > inFlight {
		t.Errorf("the model saw %+v; want no more than the %d in flight asked for twice", s, inFlight)
	}
	b.indexed()
	sameAsIndex(t, b, b.index)
	for _, f := range b.check(false) {
		t.Errorf("Check finds %s", f)
	}
}

var anyVerdict = []string{extract.Draft, extract.Accepted, extract.Rejected}

// TestWriteFails has the storage of database and index fail at the Nth write,
// for one write or for some, with N from the first that makes the database to
// the last that ends a run. The service rides it out, and what was not
// acknowledged can be done again.
func TestWriteFails(t *testing.T) {
	if testing.Short() {
		t.Skip("runs many times")
	}
	all := runThrough(t, 0, 0, 0)
	if all < 100 {
		t.Fatalf("a run takes %d writes: too few to show anything", all)
	}
	t.Logf("a run takes %d writes", all)
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	type fault struct{ write, times, code int }
	faults := make(chan fault)
	var wait sync.WaitGroup
	for range 8 { // they wait more than they work
		wait.Go(func() {
			for f := range faults {
				t.Run(fmt.Sprintf("write %d, %d times, code %d", f.write, f.times, f.code), func(t *testing.T) {
					runThrough(t, f.write, f.times, f.code)
				})
			}
		})
	}
	const early = 20 // writes that make the database; it is made anew with patience
	for n := 1; n < all; {
		f := fault{n, 1 + 2*random.IntN(2), []int{storetest.DiskFull, storetest.DiskBroken}[random.IntN(2)]}
		n++
		if f.write > early {
			n += random.IntN(all / 16)
			f.times = []int{1, 3, 20}[random.IntN(3)]
		}
		faults <- f
	}
	close(faults)
	wait.Wait()
}

// runThrough makes a data folder and has a run in it from beginning to end,
// with some writes in a row that fail, and returns how many there were.
func runThrough(t *testing.T, write, times, code int) int {
	t.Helper()
	const passages, atOnce = 4, 2
	dir := t.TempDir()
	disk := storetest.NewDisk(t, dir, func(n int) int {
		if n >= write && n < write+times {
			return code
		}
		return 0
	})
	model := llmtest.New(t, llmtest.Script{})
	o := impatient(model, atOnce)
	o.Beat = testBeat
	o.Patience = func(int) time.Duration { return 10 * time.Millisecond }

	var b *bench
	for try := 0; ; try++ {
		var err error
		if b, err = tryOpen(t, dir, o); err == nil {
			if err = b.Start(t.Context()); err == nil {
				break
			}
			b.close()
		}
		if !strings.Contains(err.Error(), "disk") || try > times {
			t.Fatalf("opened for the %dth time: %v", try, err)
		}
	}
	var up seedbed.Uploaded
	for try := 0; ; try++ {
		var err error
		up, err = b.Upload(t.Context(), seedbed.Upload{Name: "machines.md", Body: strings.NewReader(book(passages))})
		if err == nil {
			break
		}
		if seedbed.CodeOf(err) != seedbed.Unavailable || try > times {
			t.Fatalf("uploaded for the %dth time: %v", try, err)
		}
	}
	run := b.ended(up.Run.ID)
	if run.State != seedbed.RunDone || run.Passages.Done != passages {
		t.Errorf("the run ends as %+v, %v; want it done", run, run.Error)
	}
	b.eventually(func() bool {
		refused, err := b.db.Refused(t.Context(), 1)
		if err != nil || len(refused) > 0 {
			t.Fatalf("Refused gives %+v, %v; no seed is to blame for the disk", refused, err)
		}
		n, err := b.db.OutboxCount(t.Context())
		return err == nil && n == 0
	})
	b.close()
	writes := disk.Writes()
	disk.Heal()

	b = start(t, dir, jobs.Options{})
	settled(t, b, model, atOnce)
	return writes
}
