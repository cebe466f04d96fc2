package jobs_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
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
	onDisk := func(t *testing.T, write, times, code int) int {
		dir := t.TempDir()
		disk := storetest.NewDisk(t, dir, func(n int) int {
			if n >= write && n < write+times {
				return code
			}
			return 0
		})
		return runThrough(t, dir, times, "disk", disk.Writes, disk.Heal)
	}
	all := onDisk(t, 0, 0, 0)
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
					onDisk(t, f.write, f.times, f.code)
				})
			}
		})
	}
	const early = 20 // writes that make the database; it is made anew with patience
	steps := [2]int{1, all / 16}
	if raceDetector {
		steps = [2]int{early / 2, all / 4}
	}
	for n := 1; n < all; {
		f := fault{n, 1 + 2*random.IntN(2), []int{storetest.DiskFull, storetest.DiskBroken}[random.IntN(2)]}
		if f.write <= early {
			n += steps[0]
		} else {
			n += 1 + random.IntN(steps[1])
			f.times = []int{1, 3, 20}[random.IntN(3)]
		}
		faults <- f
	}
	close(faults)
	wait.Wait()
}

// TestLineBreaks has the line to PostgreSQL break at the Nth message, once or
// for some in a row, before it arrives or before its answer does, with N from
// the first that makes the database to the last that ends a run. The service
// rides it out as it does a disk that fails.
func TestLineBreaks(t *testing.T) {
	if testing.Short() {
		t.Skip("runs many times")
	}
	onLine := func(t *testing.T, message, times int, cut storetest.Cut) int {
		line := storetest.NewLine(t, storetest.Postgres(t), func(n int) storetest.Cut {
			if n >= message && n < message+times {
				return cut
			}
			return storetest.Whole
		})
		return runThrough(t, inCluster(t, line.Address), times, "", line.Sent, line.Heal)
	}
	all := onLine(t, 0, 0, storetest.Whole)
	if all < 100 {
		t.Fatalf("a run takes %d messages: too few to show anything", all)
	}
	t.Logf("a run takes %d messages", all)
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	type fault struct {
		message, times int
		cut            storetest.Cut
	}
	faults := make(chan fault)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for f := range faults {
				t.Run(fmt.Sprintf("message %d, %d times, cut %d", f.message, f.times, f.cut), func(t *testing.T) {
					onLine(t, f.message, f.times, f.cut)
				})
			}
		})
	}
	for n := 1; n < all; n += 1 + random.IntN(all/16) {
		faults <- fault{n, []int{1, 1, 3}[random.IntN(3)], []storetest.Cut{storetest.Before, storetest.After}[random.IntN(2)]}
	}
	close(faults)
	wait.Wait()
}

// runThrough has a run in a data folder from beginning to end, while its
// database fails some times in a row, with an error that says so when it is
// opened. It returns how many times it could have failed, and heals it.
func runThrough(t *testing.T, dir string, times int, says string, count func() int, heal func()) int {
	t.Helper()
	const passages = 4
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
		if !strings.Contains(err.Error(), says) || try > times {
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
	var run seedbed.Run
	b.eventually(func() (ended bool) {
		var err error
		run, err = b.Run(t.Context(), up.Run.ID)
		if err != nil && seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Fatal(err)
		}
		return err == nil && run.Ended()
	})
	if run.State != seedbed.RunDone || run.Passages.Done != passages {
		t.Errorf("the run ends as %+v, %v; want it done", run, run.Error)
	}
	b.eventually(func() bool {
		refused, err := b.db.Refused(t.Context(), 1)
		if err != nil && seedbed.CodeOf(err) != seedbed.Unavailable || len(refused) > 0 {
			t.Fatalf("Refused gives %+v, %v; no seed is to blame", refused, err)
		}
		n, err := b.db.OutboxCount(t.Context())
		return err == nil && n == 0
	})
	all := count()
	heal()
	b.close()

	b = start(t, dir, jobs.Options{})
	settled(t, b, model, atOnce)
	return all
}

// TestKilledAtWrite kills a process when it is about to make its Nth write,
// and the next one at another, until a run has ended.
func TestKilledAtWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const passages = 8
	dir := t.TempDir()
	model := llmtest.New(t, llmtest.Script{})
	b := open(t, dir, impatient(model, atOnce))
	run := b.upload("machines.md", book(passages), seedbed.RunOptions{}).Run.ID
	b.close()
	kills := 0
	// It gets further and further, and so fast that it does not die in the
	// reading as often as condemns a file.
	for write := 1; ; write += 1 + write/2 {
		err := begin(t, dir, model.URL, fmt.Sprintf("%s=%d", writeEnv, write)).Wait()
		if err == nil {
			break
		}
		if err.Error() != "signal: killed" {
			t.Fatalf("the process that was to be killed ended with %v", err)
		}
		kills++
	}
	b = start(t, dir, jobs.Options{})
	r, err := b.Run(t.Context(), run)
	if err != nil || r.State != seedbed.RunDone || r.Passages.Done != passages || kills < 10 {
		t.Errorf("after %d kills the run ends as %+v, %v; want %d passages done", kills, r, err, passages)
	}
	t.Logf("%d kills, %+v", kills, model.Stats())
	settled(t, b, model, kills*atOnce)
}

// A gate holds a model's answers back while it is shut.
type gate struct {
	mu   sync.Mutex
	open chan struct{}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) lift() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

// before is for a script.
func (g *gate) before(ctx context.Context, _ llmtest.Request) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
	case <-ctx.Done():
	}
}

// TestDatabaseCannotBeWritten has a run meet a database that takes nothing
// any more: it fails no passage, buys no reply again, says what is wrong to
// those who ask for something, and goes on by itself.
func TestDatabaseCannotBeWritten(t *testing.T) {
	for _, tt := range []struct {
		name string
		// damage gives a service of the same database to ask for something.
		damage func(t *testing.T, b *bench, dir string) (asked *bench, mend func())
		says   string
	}{
		{"full", func(t *testing.T, b *bench, _ string) (*bench, func()) {
			pages := func(n int) {
				if _, err := b.db.Writer().ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
					t.Fatal(err)
				}
			}
			pages(1) // which is as many as there are
			return b, func() { pages(1 << 30) }
		}, "the disk of the database is full"},
		{"locked by another process", func(t *testing.T, b *bench, dir string) (*bench, func()) {
			other := open(t, dir, jobs.Options{})
			t.Cleanup(other.close)
			// It is not as patient as we are.
			if _, err := other.db.Writer().ExecContext(t.Context(), `PRAGMA busy_timeout = 20`); err != nil {
				t.Fatal(err)
			}
			return other, lock(t, b.path)
		}, "the database is locked by another program"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// So many that some are left when the first are saved.
			const passages = 100
			var g gate
			g.shut()
			g.lift()
			model := llmtest.New(t, llmtest.Script{Before: g.before, Latency: 10 * time.Millisecond})
			dir := t.TempDir()
			o := impatient(model, atOnce)
			o.Beat = testBeat
			o.Patience = func(int) time.Duration { return 20 * time.Millisecond }
			b := start(t, dir, o)
			run := b.upload("machines.md", book(passages), seedbed.RunOptions{}).Run.ID
			b.until(run, func(r seedbed.Run) bool {
				if r.Passages.Done > 0 {
					g.shut()
				}
				return r.Passages.Done > 0
			})
			// What was answered before can be kept; the next are in flight, as many
			// as the limiter lets through: fewer on a busy machine.
			since, flying := time.Now(), 0
			b.eventually(func() bool {
				s := model.Stats()
				if n := s.Requests - s.Answered; n != flying {
					since, flying = time.Now(), n
				}
				return flying > 0 && time.Since(since) > 300*time.Millisecond
			})
			asked, mend := tt.damage(t, b, dir)
			var err error
			for n := 0; err == nil; n++ { // until what was left is used up
				_, err = asked.Upload(t.Context(), seedbed.Upload{Name: "more.md", Body: strings.NewReader(fmt.Sprintf("# Note %d", n)), NoRun: true})
			}
			if seedbed.CodeOf(err) != seedbed.Unavailable || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Upload gives %v, want unavailable, as %s", err, tt.says)
			}
			before := model.Stats().Answered
			g.lift()
			b.eventually(func() bool { return model.Stats().Answered > before })
			if r, err := b.Run(t.Context(), run); err != nil || r.State != seedbed.RunRunning || r.Passages.Failed > 0 {
				t.Errorf("meanwhile the run is %+v, %v; want it running and nothing failed", r, err)
			}
			mend()
			r := b.ended(run)
			if r.State != seedbed.RunDone || r.Passages.Done != passages {
				t.Errorf("the run ends as %+v; want %d passages done", r, passages)
			}
			settled(t, b, model, 0)
		})
	}
}

// lockEnv is the SQLite database that the test binary is to lock.
const lockEnv = "SEEDBED_JOBS_TEST_LOCK"

// TestLocker is no test but the process that holds a database's lock.
func TestLocker(t *testing.T) {
	path := os.Getenv(lockEnv)
	if path == "" {
		t.Skip("for other tests")
	}
	db, err := sql.Open("sqlite", path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Begin(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
}

// lock has another process lock a database until mend kills it.
func lock(t *testing.T, path string) (mend func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLocker$")
	cmd.Env = append(os.Environ(), lockEnv+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	mend = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	})
	t.Cleanup(mend)
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if lines.Text() == "locked" {
			return mend
		}
	}
	t.Fatal("the database could not be locked")
	return nil
}
