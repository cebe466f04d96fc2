package jobs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

// book writes a text of n sections, each long enough to be a passage of its
// own and unlike the others.
func book(n int) string {
	things := strings.Fields("valve rotor prism lever spring mirror gauge piston magnet crystal funnel bearing turbine lantern compass pendulum")
	verbs := strings.Fields("turns warms presses lifts slows bends cools releases measures guides")
	random := rand.New(rand.NewPCG(1, uint64(n)))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	var b strings.Builder
	b.WriteString("# A book of machines\n\n")
	for i := range n {
		fmt.Fprintf(&b, "## Machine %d\n\n", i+1)
		for range 4 {
			for range 6 {
				fmt.Fprintf(&b, "Because the %s number %d %s the %s, the %s %s the %s within %d seconds, and therefore the %s has to be %d millimetres wide. ",
					pick(things), random.IntN(9000), pick(verbs), pick(things), pick(things), pick(verbs), pick(things),
					random.IntN(900)+10, pick(things), random.IntN(90000))
			}
			b.WriteString("\n\n")
		}
	}
	return b.String()
}

// impatient is for tests: passages that failed in passing wait for nothing.
func impatient(s *llmtest.Server, concurrency int) jobs.Options {
	return jobs.Options{
		Env:      &seedbed.Endpoint{URL: s.URL, Model: "scripted", Concurrency: concurrency},
		Patience: func(int) time.Duration { return 0 },
		Client: llm.Options{
			MaxAttempts: 2,
			Sleep:       func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		},
	}
}

func TestQuick(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		s := llmtest.New(t, llmtest.Script{})
		b := start(t, dir, impatient(s, 8))
		up := b.upload("machines.md", book(12), seedbed.RunOptions{})
		if up.Run.Recipe != "quick" || up.Run.Endpoint != jobs.EnvEndpoint || up.Run.Model != "scripted" {
			t.Fatalf("Upload with a model connected runs %+v; want quick with the environment's model", up.Run)
		}
		run := b.ended(up.Run.ID)
		if run.State != seedbed.RunDone || run.Passages.Done != 12 || run.Seeds == 0 || run.Calls != 12 || run.Tokens.In == 0 {
			t.Errorf("the run ends as %+v; want 12 passages done by 12 calls, with seeds and tokens", run)
		}
		if got := len(b.all(seedbed.Filter{})); got != run.Seeds+run.Rejected {
			t.Errorf("there are %d seeds; the run counts %d and %d rejected", got, run.Seeds, run.Rejected)
		}

		again, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{Recipe: "quick"})
		if err != nil {
			t.Fatal(err)
		}
		again = b.ended(again.ID)
		if again.Calls != 0 || again.Cached != 12 || s.Stats().Requests != 12 {
			t.Errorf("the same run again made %d calls and took %d from the cache, the server saw %d; want 0, 12, 12", again.Calls, again.Cached, s.Stats().Requests)
		}
	})
}

func TestModelFaults(t *testing.T) {
	for _, tt := range []struct {
		fault llmtest.Fault
		code  string
	}{
		{llmtest.ServerError, llm.Unavailable},
		{llmtest.Reset, llm.Unavailable},
		{llmtest.RateLimit, llm.Rate},
		{llmtest.WrongSchema, llm.Malformed},
		{llmtest.Prose, llm.Malformed},
		{llmtest.Refusal, llm.Refusal},
		{llmtest.TooLong, llm.TooLong},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			var healed atomic.Bool
			broken := llmtest.Handler(llmtest.Script{Rules: []llmtest.Rule{
				{Fault: tt.fault, Text: "## Machine 2\n"}, {Fault: tt.fault, Text: "## Machine 5\n"},
			}})
			well := llmtest.Handler(llmtest.Script{})
			s := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				if healed.Load() {
					well.ServeHTTP(w, r)
				} else {
					broken.ServeHTTP(w, r)
				}
			})
			b := start(t, t.TempDir(), impatient(s, atOnce))
			run := b.ended(b.upload("machines.md", book(6), seedbed.RunOptions{}).Run.ID)
			if run.State != seedbed.RunDone || run.Passages.Failed != 2 || run.Passages.Done != 4 {
				t.Fatalf("the run ends as %+v; want done, 4 passages done and 2 failed", run)
			}
			failures, err := b.Failures(t.Context(), run.ID)
			if err != nil || len(failures) != 2 {
				t.Fatalf("Failures gives %d, %v; want 2", len(failures), err)
			}
			for _, f := range failures {
				if f.Code != tt.code || f.Reason == "" || len(f.Path) == 0 {
					t.Errorf("failure is %+v; want the code %s, a reason and the passage's path", f, tt.code)
				}
			}
			if n, err := b.Retry(t.Context(), run.ID, "another"); n != 0 || err != nil {
				t.Errorf("Retry of a code that no passage has gives %d, %v; want 0", n, err)
			}
			healed.Store(true)
			if n, err := b.Retry(t.Context(), run.ID, tt.code); n != 2 || err != nil {
				t.Fatalf("Retry gives %d, %v; want 2", n, err)
			}
			run = b.ended(run.ID)
			if run.State != seedbed.RunDone || run.Passages.Failed != 0 || run.Passages.Done != 6 {
				t.Errorf("after Retry the run ends as %+v; want all 6 passages done", run)
			}
		})
	}
}

func TestPausesForAPerson(t *testing.T) {
	for fault, code := range map[llmtest.Fault]string{
		llmtest.NoQuota:      llm.Quota,
		llmtest.Unauthorized: llm.Auth,
		llmtest.NoModel:      llm.NotFound,
	} {
		t.Run(string(fault), func(t *testing.T) {
			var paid atomic.Bool
			broke := llmtest.Handler(llmtest.Script{Rules: []llmtest.Rule{{Fault: fault}}})
			well := llmtest.Handler(llmtest.Script{})
			s := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				if paid.Load() {
					well.ServeHTTP(w, r)
				} else {
					broke.ServeHTTP(w, r)
				}
			})
			b := start(t, t.TempDir(), impatient(s, atOnce))
			run := b.upload("machines.md", book(30), seedbed.RunOptions{}).Run
			paused := b.until(run.ID, func(r seedbed.Run) bool { return r.State == seedbed.RunPaused })
			if paused.Error == nil || paused.Error.Code != code || paused.Error.Message == "" || paused.Passages.Failed != 0 {
				t.Errorf("the run pauses as %+v with %+v; want no failure and an error with the code %s", paused, paused.Error, code)
			}
			if n := broke.Stats().Requests; n > 2*atOnce {
				t.Errorf("the server was asked %d times; want it left alone after the first refusals", n)
			}
			paid.Store(true)
			if err := b.Resume(t.Context(), run.ID); err != nil {
				t.Fatal(err)
			}
			done := b.ended(run.ID)
			if done.State != seedbed.RunDone || done.Passages.Done != 30 || done.Error != nil {
				t.Errorf("after Resume the run ends as %+v; want 30 passages done", done)
			}
		})
	}
}

func TestPauseResumeCancel(t *testing.T) {
	for _, atOnce := range []int{4, 16} { // a passage a job, and four
		t.Run(fmt.Sprint(atOnce), func(t *testing.T) {
			each(t, func(t *testing.T, dir string) { pauseResumeCancel(t, dir, atOnce) })
		})
	}
}

func pauseResumeCancel(t *testing.T, dir string, atOnce int) {
	var mu sync.Mutex
	inFlight := make(chan struct{}, 100)
	gate := make(chan struct{})
	s := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
		inFlight <- struct{}{}
		mu.Lock()
		g := gate
		mu.Unlock()
		select {
		case <-g:
		case <-ctx.Done():
		}
	}})
	b := start(t, dir, impatient(s, atOnce))
	run := b.upload("machines.md", book(40), seedbed.RunOptions{}).Run.ID
	for range firstCalls {
		<-inFlight
	}
	if err := b.Pause(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	close(gate)
	mu.Unlock()
	r := b.until(run, func(r seedbed.Run) bool { return r.Passages.Done == firstCalls })
	if r.State != seedbed.RunPaused {
		t.Errorf("after Pause the run is %s; want paused", r.State)
	}
	if n := s.Stats().Requests; n != firstCalls {
		t.Errorf("a paused run made %d calls; want the %d that were in flight", n, firstCalls)
	}
	if err := b.Pause(t.Context(), run); err != nil {
		t.Errorf("Pause of a paused run: %v", err)
	}

	mu.Lock()
	gate = make(chan struct{})
	mu.Unlock()
	if err := b.Resume(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	<-inFlight
	if err := b.Cancel(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if r := b.ended(run); r.State != seedbed.RunCancelled || r.Passages.Done != firstCalls {
		t.Errorf("after Cancel the run is %+v; want it cancelled with the %d passages done before", r, firstCalls)
	}
	for name, do := range map[string]func(context.Context, string) error{"Pause": b.Pause, "Resume": b.Resume} {
		if err := do(t.Context(), run); seedbed.CodeOf(err) != seedbed.Conflict {
			t.Errorf("%s of a cancelled run gives %v; want a conflict", name, err)
		}
	}
	if _, err := b.Retry(t.Context(), run, ""); seedbed.CodeOf(err) != seedbed.Conflict {
		t.Errorf("Retry of a cancelled run gives %v; want a conflict", err)
	}
	if err := b.Pause(t.Context(), "nosuchrun"); seedbed.CodeOf(err) != seedbed.NotFound {
		t.Errorf("Pause of no run gives %v; want not found", err)
	}
}

// TestRulesDoNotWaitForModels: a model that hangs holds up its own runs only.
func TestRulesDoNotWaitForModels(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		s := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Hang}}})
		b := start(t, dir, impatient(s, 2))
		stuck := b.upload("machines.md", book(30), seedbed.RunOptions{}).Run.ID
		b.until(stuck, func(r seedbed.Run) bool { return r.State == seedbed.RunRunning })
		quick := b.ended(b.upload("bees.md", faq, seedbed.RunOptions{Recipe: "explicit"}).Run.ID)
		if quick.State != seedbed.RunDone || quick.Seeds != 3 {
			t.Errorf("beside a model that hangs, explicit ends as %+v; want done", quick)
		}
		if err := b.Cancel(t.Context(), stuck); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSlots: a server that works on two requests at a time is not sent more.
func TestSlots(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Latency: time.Millisecond, Props: &llmtest.Props{Slots: 2, Context: 8192}})
	b := start(t, t.TempDir(), impatient(s, 8))
	run := b.ended(b.upload("machines.md", book(12), seedbed.RunOptions{}).Run.ID)
	if run.State != seedbed.RunDone || s.Stats().MaxConcurrent > 2 {
		t.Errorf("the run ends as %+v, with %d requests at once; want 2", run, s.Stats().MaxConcurrent)
	}
	words, err := b.TestEndpoint(t.Context(), jobs.EnvEndpoint)
	if err != nil || !strings.Contains(words, "2 requests at once, with a context of 8192 tokens") {
		t.Errorf("TestEndpoint gives %q, %v", words, err)
	}
}

// serveHTTP is a server whose answers come from handle.
func serveHTTP(t *testing.T, handle http.HandlerFunc) *llmtest.Server {
	t.Helper()
	s := llmtest.New(t, llmtest.Script{})
	proxy := newServer(t, handle)
	s.URL = proxy + "/v1"
	return s
}

// A passage that the model has no room for is asked about in parts, and the
// ledger says so.
func TestLedgerNotesParts(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{})
	b := start(t, t.TempDir(), impatient(s, 4))
	b.ended(b.upload("machines.md", book(2), seedbed.RunOptions{}).Run.ID)
	longest := 0
	for _, r := range s.Requests() {
		longest = max(longest, len(r.Text())/4)
	}
	narrow := llmtest.New(t, llmtest.Script{Context: longest - 100})
	b = start(t, t.TempDir(), impatient(narrow, 4))
	run := b.ended(b.upload("machines.md", book(2), seedbed.RunOptions{}).Run.ID)
	ledger, err := b.Ledger(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	noted := 0
	for _, e := range ledger {
		if e.Outcome != extract.GaveSeeds || e.Seeds == 0 || e.Reason != "" {
			t.Errorf("the ledger has %+v, want seeds of every passage", e)
		}
		if e.Note == "derive: in 2 parts, as the passage is longer than the model takes" {
			noted++
		}
	}
	if noted == 0 {
		t.Errorf("the ledger notes no parts: %+v", ledger)
	}
}

// TestSamePassagesAtOnce: passages that ask the same, in a job, in two jobs and
// in two runs, wait for one reply, and nobody for them.
func TestSamePassagesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		s := llmtest.New(t, llmtest.Script{Latency: 20 * time.Millisecond})
		b := start(t, dir, impatient(s, 16))
		title, section, _ := strings.Cut(book(1), "## ")
		same := title + strings.Repeat("## "+section, 60)
		first := b.upload("machines.md", same, seedbed.RunOptions{})
		second, err := b.StartRun(t.Context(), first.Source.ID, seedbed.RunOptions{Recipe: "quick"})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{first.Run.ID, second.ID} {
			if run := b.ended(id); run.State != seedbed.RunDone || run.Passages.Done != 60 {
				t.Errorf("the run ends as %+v; want 60 passages done", run)
			}
		}
		if n := s.Stats(); n.Prompts > 50 || n.Duplicates > 0 {
			t.Errorf("the model was asked %+v; want fewer prompts than passages, and each once", n)
		}
	})
}
