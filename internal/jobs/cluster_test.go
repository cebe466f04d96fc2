package jobs_test

import (
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// inCluster makes a data folder beside a PostgreSQL database, both to be
// shared by several processes.
func inCluster(t *testing.T, address string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	databases.Store(dir, store.Options{URL: address})
	return dir
}

// questions are the seeds by what they say. Which of several alike ones is kept
// depends on which passage was first, here as on one machine.
func (b *bench) questions() map[string]int {
	b.t.Helper()
	out := map[string]int{}
	for _, s := range b.all(seedbed.Filter{}) {
		out[strings.Join([]string{s.Passage, s.Question, s.Answer}, "\x00")]++
	}
	return out
}

// TestSameOnBoth has the same run on SQLite, and on PostgreSQL with two
// processes of which one is killed midway: the seeds are the same.
func TestSameOnBoth(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const passages = 40
	s := llmtest.New(t, llmtest.Script{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})
	alone := start(t, t.TempDir(), impatient(s, atOnce))
	alone.ended(alone.upload("machines.md", book(passages), seedbed.RunOptions{}).Run.ID)
	want := alone.questions()
	if len(want) < passages {
		t.Fatalf("on SQLite there are %d seeds: too few to show anything", len(want))
	}

	s = llmtest.New(t, llmtest.Script{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})
	dir := inCluster(t, storetest.Postgres(t))
	b := open(t, dir, jobs.Options{Env: &seedbed.Endpoint{URL: s.URL, Model: "scripted"}})
	t.Cleanup(b.close)
	run := b.upload("machines.md", book(passages), seedbed.RunOptions{}).Run.ID
	killed, other := begin(t, dir, s.URL), begin(t, dir, s.URL)
	b.eventually(func() bool { return s.Stats().Answered >= passages/3 })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if err := other.Wait(); err != nil {
		t.Fatalf("the process that was left: %v", err)
	}
	r, err := b.Run(t.Context(), run)
	if err != nil || r.State != seedbed.RunDone || r.Passages.Done != passages || r.Passages.Failed != 0 {
		t.Errorf("the run ends as %+v, %v; want %d passages done", r, err, passages)
	}
	if diff := cmp.Diff(want, b.questions()); diff != "" {
		t.Errorf("the seeds differ from those on SQLite (-sqlite +postgres):\n%s", diff)
	}
	if stats := s.Stats(); stats.Prompts != passages || stats.Duplicates > atOnce || stats.MaxConcurrent > atOnce {
		t.Errorf("the server saw %+v; want %d prompts, no more than the %d in flight twice, and %d at once", stats, passages, atOnce, atOnce)
	}
}

// TestLimitsAreShared has two processes ask one server that takes a few
// requests at once: together they send no more, alone each may send as many,
// and the part of one that is killed comes back to the other.
func TestLimitsAreShared(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	var mu sync.Mutex
	now, most, asked := map[string]int{}, map[string]int{}, map[string]int{}
	ours := func(count map[string]int) int {
		mu.Lock()
		defer mu.Unlock()
		return count["Bearer ours"]
	}
	s := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, r llmtest.Request) {
		who := r.Header.Get("Authorization")
		mu.Lock()
		now[who]++
		asked[who]++
		most[who] = max(most[who], now[who])
		mu.Unlock()
		time.Sleep(60 * time.Millisecond)
		mu.Lock()
		now[who]--
		mu.Unlock()
	}})
	dir := inCluster(t, storetest.Postgres(t))
	o := impatient(s, atOnce)
	o.Beat, o.Env.Key = testBeat, "ours"
	b := start(t, dir, o)
	run := b.upload("machines.md", book(1500), seedbed.RunOptions{}).Run.ID
	b.eventually(func() bool { return ours(most) == atOnce })

	other := begin(t, dir, s.URL)
	b.eventually(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return asked[""] > 2*atOnce && asked["Bearer ours"] > 0
	})
	before := ours(asked)
	b.eventually(func() bool { return ours(asked) > before }) // we are not starved
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	mu.Lock()
	clear(most)
	mu.Unlock()
	b.eventually(func() bool { return ours(most) == atOnce })
	if err := b.Cancel(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.MaxConcurrent != atOnce {
		t.Errorf("the server saw %d requests at once; want %d", stats.MaxConcurrent, atOnce)
	}
}

// TestMoreAtOnce lets a server be asked more at once in the middle of a run,
// by a process that does not work.
func TestMoreAtOnce(t *testing.T) {
	// So slow that the machine, not the server, always has time to spare.
	s := llmtest.New(t, llmtest.Script{Latency: 400 * time.Millisecond})
	dir := inCluster(t, storetest.Postgres(t))
	server := open(t, dir, jobs.Options{})
	t.Cleanup(server.close)
	e, err := server.SaveEndpoint(t.Context(), seedbed.Endpoint{URL: s.URL, Model: "scripted", Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := impatient(s, 0)
	o.Env, o.Beat = nil, testBeat
	start(t, dir, o)
	run := server.upload("machines.md", book(600), seedbed.RunOptions{}).Run.ID
	server.eventually(func() bool { return s.Stats().Answered >= 3 })
	if n := s.Stats().MaxConcurrent; n != 1 {
		t.Errorf("a server that may be asked one thing at once was asked %d", n)
	}
	const more = 12
	e.Concurrency = more
	if _, err := server.SaveEndpoint(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	server.eventually(func() bool { return s.Stats().MaxConcurrent >= more })
	if n := s.Stats().MaxConcurrent; n != more {
		t.Errorf("a server that may be asked %d things at once was asked %d", more, n)
	}
	if err := server.Cancel(t.Context(), run); err != nil {
		t.Fatal(err)
	}
}

// TestWaitsForAWorker has runs that no worker can go on with, for none is
// there, or none has the model server in its environment: they say so, and so
// does the worker that is there, and they are not touched.
func TestWaitsForAWorker(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{}})
	dir := inCluster(t, storetest.Postgres(t))
	o := inBatches(s)
	o.Beat = testBeat
	server := open(t, dir, o)
	t.Cleanup(server.close)
	direct := server.upload("machines.md", book(6), seedbed.RunOptions{}).Run.ID
	says := func(run, words string) {
		t.Helper()
		if r, err := server.Run(t.Context(), run); err != nil || !strings.Contains(r.Waits, words) || r.Error != nil {
			t.Errorf("the run is %+v, %v; want it to wait: %s", r, err, words)
		}
	}
	says(direct, "none is running")

	var said said
	other := start(t, dir, jobs.Options{Beat: testBeat, Log: slog.New(slog.NewTextHandler(&said, nil))})
	src := server.ready(book(7))
	batched, err := server.StartRun(t.Context(), src.ID, seedbed.RunOptions{Recipe: "quick", Batch: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range []string{direct, batched.ID} {
		server.until(run, func(r seedbed.Run) bool { return r.State == seedbed.RunRunning })
	}
	// It works, and is done with all it can do.
	quick := server.upload("bees.md", faq, seedbed.RunOptions{Recipe: "explicit"}).Run.ID
	other.ended(quick)
	for _, run := range []string{direct, batched.ID} {
		says(run, "SEEDBED_LLM_URL")
		server.eventually(func() bool { return said.has("a run waits for a worker", run) })
	}

	start(t, dir, o)
	for run, passages := range map[string]int{direct: 6, batched.ID: 7} {
		r := server.ended(run)
		if r.State != seedbed.RunDone || r.Passages.Done != passages || r.Waits != "" {
			t.Errorf("with a worker that knows the model the run ends as %+v; want %d passages done", r, passages)
		}
	}
}

// said is what a log was told.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// has reports whether a line has all of some words.
func (s *said) has(words ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(s.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return true
		}
	}
	return false
}

// TestComesBackLate stops a process in the middle of its passages for so long
// that another one takes its jobs. When it goes on, it can save nothing.
func TestComesBackLate(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const passages = 12
	b, _, run, late, next := heldUp(t, passages, llmtest.Script{})
	if err := next.Wait(); err != nil {
		t.Fatalf("the process that went on: %v", err)
	}
	before := b.questions()
	counted, err := b.Run(t.Context(), run)
	if err != nil || counted.State != seedbed.RunDone || counted.Passages.Done != passages {
		t.Fatalf("the run ends as %+v, %v; want it done", counted, err)
	}
	if err := late.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := late.Wait(); err != nil {
		t.Fatalf("the process that came back: %v", err)
	}
	if diff := cmp.Diff(before, b.questions()); diff != "" {
		t.Errorf("a process that came back late changed seeds (-before +after):\n%s", diff)
	}
	after, err := b.Run(t.Context(), run)
	if err != nil || !cmp.Equal(counted, after) {
		t.Errorf("it changed the run: %v\n%s", err, cmp.Diff(counted, after))
	}
}

// heldUp has a process stopped in the midst of its calls, and another go on
// with the run.
func heldUp(t *testing.T, passages int, script llmtest.Script) (b *bench, s *llmtest.Server, run string, late, next *exec.Cmd) {
	t.Helper()
	held := make(chan struct{})
	first := make(chan struct{}, 10*passages)
	script.Before = func(ctx context.Context, _ llmtest.Request) {
		first <- struct{}{}
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	s = llmtest.New(t, script)
	dir := inCluster(t, storetest.Postgres(t))
	b = open(t, dir, jobs.Options{Env: &seedbed.Endpoint{URL: s.URL, Model: "scripted"}})
	t.Cleanup(b.close)
	run = b.upload("machines.md", book(passages), seedbed.RunOptions{}).Run.ID
	late = begin(t, dir, s.URL)
	for range firstCalls {
		<-first
	}
	// Not in the midst of a transaction, which would keep the other waiting for
	// half a minute.
	time.Sleep(2 * testBeat)
	if err := late.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	next = begin(t, dir, s.URL)
	<-first // the other one has taken a job that was taken before
	close(held)
	return b, s, run, late, next
}

// TestComesBackMidway is TestComesBackLate while the run goes on: what it was
// about to ask when it was held up, the other has asked.
func TestComesBackMidway(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const passages = 80
	b, s, run, late, next := heldUp(t, passages, llmtest.Script{Latency: 100 * time.Millisecond})
	b.until(run, func(r seedbed.Run) bool { return r.Passages.Done >= passages/4 })
	if err := late.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*exec.Cmd{next, late} {
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := b.Run(t.Context(), run); err != nil || r.State != seedbed.RunDone || r.Passages.Done != passages {
		t.Errorf("the run ends as %+v, %v; want it done", r, err)
	}
	if n := s.Stats().Duplicates; n > firstCalls {
		t.Errorf("%d replies were bought twice; want at most the %d that were in flight when it was held up", n, firstCalls)
	}
}

// TestClocksApart has one process whose clock is a day ahead, and one whose
// is a day behind: each takes the other for alive, and jobs that wait do not
// wait for a day.
func TestClocksApart(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.ServerError, Every: 5}}})
	address := storetest.Postgres(t)
	blobs, err := blob.Folder(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	var all []*bench
	for _, off := range []time.Duration{day, -day} {
		dir := t.TempDir()
		databases.Store(dir, store.Options{URL: address, Now: func() time.Time { return time.Now().Add(off) }})
		o := impatient(s, 2)
		o.Beat, o.Blobs = testBeat, blobs
		o.Patience = func(int) time.Duration { return 10 * time.Millisecond }
		all = append(all, start(t, dir, o))
	}
	b := all[0]
	run := b.ended(b.upload("machines.md", book(20), seedbed.RunOptions{}).Run.ID)
	if run.State != seedbed.RunDone || run.Passages.Done+run.Passages.Failed != 20 {
		t.Errorf("the run ends as %+v; want it done", run)
	}
	if d := time.Since(run.Created).Abs(); d > time.Hour {
		t.Errorf("the run says that it was made at %v", run.Created)
	}
	if stats := s.Stats(); stats.Duplicates > stats.Requests/3 {
		t.Errorf("the server saw %+v: jobs were taken from processes that live", stats)
	}
}

// TestDatabaseRestarts stops PostgreSQL in the middle of a run and starts it
// again: the run goes on by itself, and no reply that had arrived is bought
// again.
func TestDatabaseRestarts(t *testing.T) {
	const passages = 30
	s := llmtest.New(t, llmtest.Script{Latency: 20 * time.Millisecond})
	server := storetest.New(t)
	dir := inCluster(t, server.Database(t))
	o := impatient(s, atOnce)
	o.Beat = testBeat
	o.Patience = func(int) time.Duration { return 50 * time.Millisecond }
	b := start(t, dir, o)
	run := b.upload("machines.md", book(passages), seedbed.RunOptions{}).Run.ID
	b.eventually(func() bool { return s.Stats().Answered >= passages/3 })
	server.Halt()
	if _, err := b.Run(t.Context(), run); seedbed.CodeOf(err) != seedbed.Unavailable {
		t.Errorf("Run while the database is away gives %v; want unavailable", err)
	}
	server.Go(t)
	var r seedbed.Run
	b.eventually(func() bool {
		var err error
		// The first to use a connection that was lost is told so.
		if r, err = b.Run(t.Context(), run); err != nil && seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Fatal(err)
		}
		return err == nil && r.Ended()
	})
	if r.State != seedbed.RunDone || r.Passages.Done != passages {
		t.Errorf("the run ends as %+v; want %d passages done", r, passages)
	}
	if stats := s.Stats(); stats.Prompts != passages || stats.Duplicates > atOnce {
		t.Errorf("the server saw %+v; want %d prompts and no more than the %d in flight twice", stats, passages, atOnce)
	}
	settled(t, b, s, atOnce)
}

// TestObeysOthers pauses and cancels a run in one process that another one
// works on.
func TestObeysOthers(t *testing.T) {
	inFlight := make(chan struct{}, 100)
	gate := make(chan struct{})
	s := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
		inFlight <- struct{}{}
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}})
	dir := inCluster(t, storetest.Postgres(t))
	server := open(t, dir, jobs.Options{Env: &seedbed.Endpoint{URL: s.URL, Model: "scripted"}})
	t.Cleanup(server.close)
	start(t, dir, impatient(s, 2))
	run := server.upload("machines.md", book(20), seedbed.RunOptions{}).Run.ID
	for range 2 {
		<-inFlight
	}
	// Cancelled elsewhere, the calls in flight are broken off: else the worker
	// could not stop within its grace time and the test would not end.
	if err := server.Cancel(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	quick := server.ended(server.upload("bees.md", faq, seedbed.RunOptions{Recipe: "explicit"}).Run.ID)
	if quick.State != seedbed.RunDone || quick.Seeds != 3 {
		t.Errorf("a run that another process works on ends as %+v; want done with 3 seeds", quick)
	}
	close(gate)
	if n := s.Stats().Requests; n != 2 {
		t.Errorf("a cancelled run made %d calls; want the 2 in flight", n)
	}
}
