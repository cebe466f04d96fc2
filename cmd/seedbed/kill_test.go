package main

import (
	"net/url"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
)

// A run that the machine loses power in goes on by itself when the server is
// back: no passage is lost, no seed is there twice, and no reply that had
// arrived is bought again.
func TestKilledServerFinishesItsRun(t *testing.T) {
	const atOnce, sections = 8, 60
	model := llmtest.New(t, llmtest.Script{Latency: 60 * time.Millisecond, Jitter: 30 * time.Millisecond})
	env := []string{
		"SEEDBED_LLM_URL=" + model.URL,
		"SEEDBED_LLM_MODEL=scripted",
		"SEEDBED_LLM_CONCURRENCY=8",
	}
	data := t.TempDir()

	p := startProgram(t, data, env...)
	up := p.upload(url.Values{"recipe": {"quick"}}, file{"wells.md", book(sections)})
	if len(up.Runs) != 1 {
		t.Fatalf("upload: got %d runs, want 1", len(up.Runs))
	}
	run := up.Runs[0].ID
	kills := 0
	for _, share := range []int{4, 2} { // at a quarter and at a half
		p.until(run, func(r seedbed.Run) bool {
			if r.Ended() {
				t.Fatalf("the run ended before it could be killed: %+v", r)
			}
			return r.Passages.Total > 0 && r.Passages.Done >= r.Passages.Total/share
		})
		p.kill()
		kills++
		p = startProgram(t, data, env...)
	}
	r := p.until(run, ended)

	if r.State != seedbed.RunDone || r.Passages.Failed > 0 || r.Passages.Done != r.Passages.Total {
		t.Errorf("run after %d kills: %s, passages %+v, error %v; want all done", kills, r.State, r.Passages, r.Error)
	}
	stats := model.Stats()
	if most := kills * atOnce; stats.Duplicates > most {
		t.Errorf("%d replies were bought twice, more than the %d in flight at %d kills: %+v", stats.Duplicates, most, kills, stats)
	}
	if stats.Prompts != r.Passages.Total {
		t.Errorf("%d different prompts for %d passages", stats.Prompts, r.Passages.Total)
	}

	seeds := p.seeds("run=" + run)
	if len(seeds) != r.Seeds+r.Rejected {
		t.Errorf("search finds %d seeds, the run counts %d and %d rejected", len(seeds), r.Seeds, r.Rejected)
	}
	type pair struct{ question, answer string }
	ids, pairs := map[string]bool{}, map[pair]bool{}
	for _, s := range seeds {
		if ids[s.ID] {
			t.Errorf("seed %s is there twice", s.ID)
		}
		ids[s.ID] = true
		if s.Verdict == extract.Rejected {
			continue
		}
		if pairs[pair{s.Question, s.Answer}] {
			t.Errorf("two seeds ask %q", s.Question)
		}
		pairs[pair{s.Question, s.Answer}] = true
	}
	if r.Seeds == 0 {
		t.Error("the run made no seeds: the test shows nothing")
	}
}

// What is wrong with a model is told passage by passage, costs only those
// passages, and is mended by trying again.
func TestFailuresAreToldAndRetried(t *testing.T) {
	model := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{
		{Fault: llmtest.Refusal, Text: "Sounding 3 of well 2 ", Times: 1},
		{Fault: llmtest.ServerError, Every: 9},
	}})
	p := startProgram(t, t.TempDir(), "SEEDBED_LLM_URL="+model.URL, "SEEDBED_LLM_MODEL=scripted")
	up := p.upload(nil, file{"wells.md", book(12)})
	run := up.Runs[0].ID
	r := p.until(run, ended)
	if r.State != seedbed.RunDone || r.Passages.Failed != 1 {
		t.Fatalf("run: %s with %+v, want done with 1 failure", r.State, r.Passages)
	}
	var told struct {
		Failures []seedbed.RunPassage `json:"failures"`
	}
	p.get("/api/v1/runs/"+run+"/failures", &told)
	if len(told.Failures) != 1 || told.Failures[0].Code != "refusal" || told.Failures[0].Reason == "" {
		t.Fatalf("failures: %+v, want one refusal with its reason", told.Failures)
	}
	before := len(p.seeds("run=" + run))

	p.post("/api/v1/runs/"+run+"/retry", struct{}{}, nil)
	r = p.until(run, ended)
	if r.State != seedbed.RunDone || r.Passages.Failed != 0 {
		t.Errorf("after retry: %s with %+v, want no failures", r.State, r.Passages)
	}
	if after := len(p.seeds("run=" + run)); after <= before {
		t.Errorf("after retry: %d seeds, before %d; want more", after, before)
	}
}

// A model server that is out of money stops the run at once, in its own
// words, and the run goes on when it is told to.
func TestQuotaPausesTheRun(t *testing.T) {
	model := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.NoQuota, Times: 4}}})
	p := startProgram(t, t.TempDir(),
		"SEEDBED_LLM_URL="+model.URL, "SEEDBED_LLM_MODEL=scripted", "SEEDBED_LLM_CONCURRENCY=4")
	up := p.upload(nil, file{"wells.md", book(12)})
	run := up.Runs[0].ID
	r := p.until(run, func(r seedbed.Run) bool { return r.Ended() || r.State == seedbed.RunPaused })
	if r.State != seedbed.RunPaused || r.Error == nil {
		t.Fatalf("run: %s, error %v; want paused with the server's words", r.State, r.Error)
	}
	for range 5 { // at most 4 calls were in flight, each of which may be refused
		p.post("/api/v1/runs/"+run+"/resume", struct{}{}, nil)
		r = p.until(run, func(r seedbed.Run) bool { return r.Ended() || r.State == seedbed.RunPaused })
		if r.Ended() {
			break
		}
	}
	if r.State != seedbed.RunDone || r.Passages.Done != r.Passages.Total {
		t.Errorf("after resume: %s with %+v, want all done", r.State, r.Passages)
	}
}
