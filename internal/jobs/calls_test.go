package jobs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
)

// TestCallsCanBeRead: what was asked and answered is there to be read, from
// the seed and from the failure, and the key is nowhere in it.
func TestCallsCanBeRead(t *testing.T) {
	const key = "sk-secret-0123456789"
	s := llmtest.New(t, llmtest.Script{Key: key, CachedTokens: 7, Rules: []llmtest.Rule{
		{Fault: llmtest.Prose, Text: "## Machine 2\n"},
		{Fault: llmtest.WrongSchema, Text: "## Machine 3\n", Times: 1},
		{Fault: llmtest.ServerError, Text: "## Machine 4\n"},
	}})
	o := impatient(s, 4)
	o.Env.Key = key
	b := start(t, t.TempDir(), o)
	up := b.upload("machines.md", book(5), seedbed.RunOptions{})
	run := b.ended(up.Run.ID)
	if run.Passages.Done != 3 || run.Passages.Failed != 2 || run.Prefix == 0 {
		t.Fatalf("the run ends as %+v; want 3 passages done, 2 failed, some tokens from the server's cache", run)
	}

	whole := func(list []seedbed.Call) []seedbed.Call {
		t.Helper()
		for i, c := range list {
			full, err := b.Call(t.Context(), c.ID)
			if err != nil {
				t.Fatal(err)
			}
			list[i] = full
			data, _ := json.Marshal([]any{full, full.Request, full.Answer, full.Raw})
			if strings.Contains(string(data), key) {
				t.Errorf("the key is in call %s: %s", c.ID, data)
			}
		}
		return list
	}
	text := func(c seedbed.Call) (s string) {
		if c.Request == nil {
			t.Fatalf("call %s of stage %s is kept without its request", c.ID, c.Stage)
		}
		for _, m := range c.Request.Messages {
			s += m.Content
		}
		return s
	}

	seeds := b.all(seedbed.Filter{})
	if len(seeds) == 0 {
		t.Fatal("no seeds")
	}
	for _, seed := range seeds {
		list, err := b.SeedCalls(t.Context(), seed.ID)
		if err != nil || len(list) == 0 {
			t.Fatalf("SeedCalls gives %d, %v", len(list), err)
		}
		found := false
		for _, c := range whole(list) {
			if c.Answer == nil || c.Answer.Raw == "" || len(c.Request.Schema) == 0 || c.Stage == "" || c.Model != "scripted" {
				t.Errorf("call %+v is not whole", c)
			}
			if llm.Key(*c.Request) != c.Reply {
				t.Errorf("call %s is kept under %s; its request's key is %s", c.ID, c.Reply, llm.Key(*c.Request))
			}
			found = found || strings.Contains(text(c), seed.Evidence[0].Quote) && strings.Contains(c.Answer.Text, seed.Evidence[0].Quote)
		}
		if !found {
			t.Errorf("no call about seed %q has its quote in prompt and reply", seed.Question)
		}
	}

	failures, err := b.Failures(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		list, err := b.Calls(t.Context(), run.ID, f.Ordinal)
		if err != nil || len(list) != f.Attempts {
			t.Fatalf("Calls of a passage tried %d times gives %d, %v", f.Attempts, len(list), err)
		}
		for _, c := range whole(list) {
			if c.Code != f.Code || c.Error == "" || !strings.Contains(text(c), fmt.Sprintf("Machine %d\n", f.Ordinal+1)) {
				t.Errorf("call %+v says nothing of the failure %+v", c, f)
			}
			if f.Code == llm.Malformed && c.Raw == "" {
				t.Errorf("call %+v lacks the reply that could not be used", c)
			}
		}
	}

	// The model corrected itself about the third machine.
	list, err := b.Calls(t.Context(), run.ID, 2)
	if err != nil {
		t.Fatal(err)
	}
	if c := whole(list)[0]; c.Answer == nil || !strings.Contains(c.Answer.Rejected, "unexpected") || c.Answer.Mistake == "" {
		t.Errorf("the first reply of %+v is not there: %+v", c, c.Answer)
	}

	// The same run again is answered from the cache, and that can be read too.
	again, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{Recipe: "quick"})
	if err != nil {
		t.Fatal(err)
	}
	b.ended(again.ID)
	list, err = b.Calls(t.Context(), again.ID, 0)
	if err != nil || len(list) == 0 {
		t.Fatalf("Calls gives %d, %v", len(list), err)
	}
	for _, c := range whole(list) {
		if !c.Cached || c.Answer == nil {
			t.Errorf("call %+v of the second run; want it from the cache, with its reply", c)
		}
	}

	if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := b.db.Get(t.Context(), list[0].Reply); ok || err != nil {
		t.Errorf("after its source was deleted a reply is still there: %v, %v", ok, err)
	}
}
