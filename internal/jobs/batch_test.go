package jobs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
	"seedbed/internal/store/storetest"
)

// inBatches is for tests: a batch is looked at again at once.
func inBatches(s *llmtest.Server) jobs.Options {
	o := impatient(s, 4)
	o.Env.PriceIn, o.Env.PriceOut = 2e6, 2e6
	o.BatchPause = func(time.Duration) time.Duration { return time.Millisecond }
	return o
}

// batchRun uploads a book and starts a run in batches over it.
func (b *bench) batchRun(recipe, text string) seedbed.Run {
	b.t.Helper()
	src := b.ready(text)
	run, err := b.StartRun(b.t.Context(), src.ID, seedbed.RunOptions{Recipe: recipe, Batch: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return run
}

// TestBatchRun: one batch for what one stage asks, half the price, and what
// it could not answer is asked once more, directly.
func TestBatchRun(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{}, Rules: []llmtest.Rule{
		{Fault: llmtest.Prose, Text: "## Machine 2\n", Times: 1},
		{Fault: llmtest.ServerError, Text: "## Machine 4\n", Times: 1},
		{Fault: llmtest.Refusal, Text: "## Machine 6\n"},
	}})
	b := start(t, t.TempDir(), inBatches(s))
	run := b.ended(b.batchRun("quick", book(12)).ID)
	if run.State != seedbed.RunDone || run.Passages.Done != 11 || run.Passages.Failed != 1 || run.Seeds == 0 {
		t.Fatalf("the run ends as %+v; want 11 passages done and the refused one failed", run)
	}
	stats := s.Stats()
	if s.BatchesSent() != 1 || stats.Requests != 12+3 || stats.Duplicates != 0 {
		t.Errorf("%d batches were sent, the server saw %+v; want one of 12 and 3 asked again", s.BatchesSent(), stats)
	}
	if run.Calls != 15 || run.Tokens.In == 0 {
		t.Errorf("the run counts %d calls and %+v; want 15 and tokens", run.Calls, run.Tokens)
	}
	if full := 2 * float64(run.Tokens.In+run.Tokens.Out); run.Cost >= 0.75*full || run.Cost < 0.5*full {
		t.Errorf("the run cost %g; the full price is %g", run.Cost, full)
	}
	if len(run.Batches) != 1 || !run.Batches[0].Over || run.Batches[0].State != "completed" || run.Batches[0].Done != 11 {
		t.Errorf("the run's batches are %+v", run.Batches)
	}
	for _, seed := range b.all(seedbed.Filter{}) {
		calls, err := b.SeedCalls(t.Context(), seed.ID)
		if err != nil || len(calls) == 0 {
			t.Fatalf("SeedCalls gives %d, %v", len(calls), err)
		}
		c, err := b.Call(t.Context(), calls[0].ID)
		if err != nil || c.Request == nil || c.Answer == nil || llm.Key(*c.Request) != c.Reply {
			t.Errorf("Call gives %+v, %v; want what was asked in the batch and answered", c, err)
		}
	}
}

// TestBatchRounds: each stage's questions are a batch; nothing is asked twice.
func TestBatchRounds(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{}})
	b := start(t, t.TempDir(), inBatches(s))
	run := b.ended(b.batchRun("phi4", book(6)).ID)
	stats := s.Stats()
	t.Logf("%d passages, %d requests in %d batches", run.Passages.Done, stats.Requests, s.BatchesSent())
	if run.State != seedbed.RunDone || run.Passages.Done != 6 || run.Seeds == 0 {
		t.Fatalf("the run ends as %+v", run)
	}
	if stats.Duplicates != 0 || s.BatchesSent() < 3 || stats.Requests < 10*s.BatchesSent() {
		t.Errorf("%d batches, the server saw %+v; want few batches of many questions, and none twice", s.BatchesSent(), stats)
	}
}

// TestBatchSurvives a process that is killed while the server works on it.
func TestBatchSurvives(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{Looks: 40}})
	dir := t.TempDir()
	b := start(t, dir, jobs.Options{Env: &seedbed.Endpoint{URL: s.URL, Model: "scripted"}})
	id := b.batchRun("quick", book(8)).ID
	b.until(id, func(r seedbed.Run) bool { return r.State == seedbed.RunRunning })
	b.close()
	for range 2 {
		child := begin(t, dir, s.URL)
		b.eventually(func() bool { return s.BatchesSent() > 0 && s.BatchStatus(0) == "in_progress" })
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // killed
	}
	if err := begin(t, dir, s.URL).Wait(); err != nil {
		t.Fatalf("the last process: %v", err)
	}
	b = open(t, dir, jobs.Options{})
	defer b.close()
	run, err := b.Run(t.Context(), id)
	if err != nil || run.State != seedbed.RunDone || run.Passages.Done != 8 {
		t.Errorf("the run ends as %+v, %v", run, err)
	}
	if stats := s.Stats(); s.BatchesSent() != 1 || stats.Duplicates != 0 || stats.Requests != 8 {
		t.Errorf("%d batches, the server saw %+v; want the one batch, found again", s.BatchesSent(), stats)
	}
}

// TestBatchComesBackLate stops a process while it sends a batch, for so long
// that another one takes its job and sends its own. When it goes on, it gives
// up its batch and changes nothing.
func TestBatchComesBackLate(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const passages = 8
	s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{}})
	var files atomic.Int64
	sending, held := make(chan struct{}), make(chan struct{})
	front := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/files" && files.Add(1) == 1 {
			close(sending)
			<-held
		}
		s.ServeHTTP(w, r)
	})
	dir := inCluster(t, storetest.Postgres(t))
	reader := start(t, dir, jobs.Options{})
	src := reader.ready(book(passages))
	reader.close()
	b := open(t, dir, jobs.Options{Env: &seedbed.Endpoint{URL: front.URL, Model: "scripted"}})
	t.Cleanup(b.close)
	run, err := b.StartRun(t.Context(), src.ID, seedbed.RunOptions{Recipe: "quick", Batch: true})
	if err != nil {
		t.Fatal(err)
	}
	late := begin(t, dir, front.URL)
	<-sending
	if err := late.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, dir, front.URL).Wait(); err != nil {
		t.Fatalf("the process that went on: %v", err)
	}
	before, err := b.Run(t.Context(), run.ID)
	if err != nil || before.State != seedbed.RunDone || before.Passages.Done != passages || before.Calls != passages || len(before.Batches) != 1 {
		t.Fatalf("the run ends as %+v, %v; want it done with one batch of %d", before, err, passages)
	}
	close(held)
	if err := late.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := late.Wait(); err != nil {
		t.Fatalf("the process that came back: %v", err)
	}
	after, err := b.Run(t.Context(), run.ID)
	if err != nil || !cmp.Equal(before, after) {
		t.Errorf("a process that came back late changed the run: %v\n%s", err, cmp.Diff(before, after))
	}
	if n := s.BatchesSent(); n > 2 {
		t.Errorf("%d batches were sent, want two at most", n)
	}
	for n := 1; n < s.BatchesSent(); n++ {
		if got := s.BatchStatus(n); got != "cancelling" && got != "cancelled" {
			t.Errorf("the batch that nobody fetches is %s; want it cancelled", got)
		}
	}
}

func TestBatchThatIsLost(t *testing.T) {
	// The batch is made, and the answer that says so does not arrive.
	s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{}})
	lost := false
	front := serveHTTP(t, loseFirst(s, "/v1/batches", &lost))
	b := start(t, t.TempDir(), inBatches(front))
	run := b.ended(b.batchRun("quick", book(5)).ID)
	if run.State != seedbed.RunDone || run.Passages.Done != 5 || !lost || s.BatchesSent() != 1 || s.Stats().Requests != 5 {
		t.Errorf("the run ends as %+v after %d batches (lost: %v); want it to find its batch", run, s.BatchesSent(), lost)
	}
}

func TestBatchEndsBadly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script llmtest.Batches
		words  string
	}{
		{"expired", llmtest.Batches{Expire: 4}, "4 of its 10 requests were answered"},
		{"refused", llmtest.Batches{Invalid: "this model takes no batches"}, "this model takes no batches"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := tt.script
			s := llmtest.New(t, llmtest.Script{Batches: &script})
			b := start(t, t.TempDir(), inBatches(s))
			id := b.batchRun("quick", book(10)).ID
			run := b.until(id, func(r seedbed.Run) bool { return r.State == seedbed.RunPaused })
			if run.Error == nil || run.Error.Code != seedbed.BatchEnded || !strings.Contains(run.Error.Message, tt.words) {
				t.Fatalf("the run pauses with %+v; want %q", run.Error, tt.words)
			}
			script.Expire, script.Invalid = 0, ""
			if err := b.Resume(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			run = b.ended(id)
			if run.State != seedbed.RunDone || run.Passages.Done != 10 || s.BatchesSent() != 2 || s.Stats().Duplicates != 0 {
				t.Errorf("resumed, the run ends as %+v after %d batches", run, s.BatchesSent())
			}
		})
	}
}

func TestBatchIsCancelled(t *testing.T) {
	for name, end := range map[string]func(*bench, seedbed.Run) error{
		"with the run":    func(b *bench, r seedbed.Run) error { return b.Cancel(context.Background(), r.ID) },
		"with the source": func(b *bench, r seedbed.Run) error { return b.DeleteSource(context.Background(), r.Source) },
	} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{Looks: 1 << 30}})
			b := start(t, t.TempDir(), inBatches(s))
			run := b.batchRun("quick", book(3))
			b.eventually(func() bool { return s.BatchesSent() == 1 && s.BatchStatus(0) == "in_progress" })
			if err := end(b, run); err != nil {
				t.Fatal(err)
			}
			if got := s.BatchStatus(0); got != "cancelling" && got != "cancelled" {
				t.Errorf("the batch is %s; want it cancelled", got)
			}
		})
	}
}

func TestNoBatches(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{})
	b := start(t, t.TempDir(), inBatches(s))
	src := b.ready(book(2))
	_, err := b.StartRun(t.Context(), src.ID, seedbed.RunOptions{Recipe: "quick", Batch: true})
	if seedbed.CodeOf(err) != seedbed.Invalid || !strings.Contains(err.Error(), "has no batch interface") {
		t.Errorf("StartRun gives %v; want to be told at once", err)
	}
}

// loseFirst serves s, but of the first POST to path the answer is lost.
func loseFirst(s http.Handler, path string, lost *bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == path && !*lost {
			*lost = true
			s.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		s.ServeHTTP(w, r)
	}
}
