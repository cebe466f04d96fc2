package stage

import (
	"os"
	"testing"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read/markdown"
)

// chapter is the chapter among the examples.
func chapter(t testing.TB) *extract.Document {
	t.Helper()
	text, err := os.ReadFile("../../examples/chapter.md")
	if err != nil {
		t.Fatal(err)
	}
	return markdown.Parse(string(text))
}

// TestExpect compares what is expected of each recipe with what a run then
// takes. The prompts are known and are to be met closely; replies are not.
func TestExpect(t *testing.T) {
	doc := chapter(t)
	for _, r := range Builtin() {
		t.Run(r.Name, func(t *testing.T) {
			e, err := Expect(t.Context(), r, chunk.Split(doc, chunk.Options{}))
			if err != nil {
				t.Fatal(err)
			}
			server := llmtest.New(t, llmtest.Script{NoStream: true})
			stages, err := Build(r, Tools{Model: extract.Metered(llm.New(llm.Options{URL: server.URL, Model: "scripted", Concurrency: 16}))})
			if err != nil {
				t.Fatal(err)
			}
			var spent extract.Spent
			passages, skipped := 0, 0
			for res := range extract.Run(t.Context(), chunk.Split(doc, chunk.Options{}), stages, extract.Options{}) {
				if res.Err != nil {
					skipped++
				} else {
					passages++
				}
				spent = spent.Add(res.Spent)
			}
			calls, tokens := e.Total()
			if e.Passages != passages || e.Skipped != skipped {
				t.Errorf("%d passages and %d left out were expected; there were %d and %d", e.Passages, e.Skipped, passages, skipped)
			}
			if !r.NeedsModel() {
				if calls != 0 {
					t.Errorf("%d calls are expected of no model", calls)
				}
				return
			}
			if ratio := float64(calls) / float64(spent.Calls); ratio < 0.5 || ratio > 2 {
				t.Errorf("%d calls were expected, %d made", calls, spent.Calls)
			}
			if ratio := float64(tokens.In) / float64(spent.Tokens.In); ratio < 0.5 || ratio > 2 {
				t.Errorf("%d tokens were expected to go in, %d did", tokens.In, spent.Tokens.In)
			}
			t.Logf("expected %d calls, %d tokens in, %d out; taken %d, %d, %d", calls, tokens.In, tokens.Out, spent.Calls, spent.Tokens.In, spent.Tokens.Out)
		})
	}
}

// TestPreview shows what would be asked about a passage, sends nothing unless
// told to, and then that one call.
func TestPreview(t *testing.T) {
	r, err := Parse([]byte("name: x\nstages:\n  - screen: {rate: true, model: small}\n  - derive: {max_pairs: 3}\n  - ground\n  - roundtrip\n"))
	if err != nil {
		t.Fatal(err)
	}
	server := llmtest.New(t, llmtest.Script{})
	model := llm.New(llm.Options{URL: server.URL, Model: "scripted"})
	p := extract.Passage{Text: "Granite cools slowly deep in the earth, and so its crystals are large. Basalt cools fast at the surface, and so its crystals are small."}
	seen, err := Preview(t.Context(), r, p, model, -1)
	if err != nil || len(seen.Calls) != 2 || seen.Calls[0].Stage != "screen" || seen.Calls[0].Request.Model != "small" || seen.Calls[1].Stage != "derive" {
		t.Fatalf("Preview = %+v, %v", seen, err)
	}
	if n := server.Stats().Requests; n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	sent, err := Preview(t.Context(), r, p, model, 1)
	if err != nil || sent.Reply == nil || len(sent.Seeds) == 0 {
		t.Fatalf("Preview with the second call sent = %+v, %v", sent, err)
	}
	requests := server.Requests()
	if len(requests) != 1 || requests[0].Text() != seen.Calls[1].Request.Messages[0].Content+"\n"+seen.Calls[1].Request.Messages[1].Content {
		t.Errorf("sent %d requests, and not the one shown", len(requests))
	}
	for _, s := range sent.Seeds {
		if len(s.Checks) == 0 || s.Checks[0].Name != "ground" {
			t.Errorf("%q was not judged by the rules: %+v", s.Question, s.Checks)
		}
	}
	if _, err := Preview(t.Context(), r, p, model, 7); err == nil {
		t.Error("a call that is not there was sent")
	}
	if skip, err := Preview(t.Context(), r, extract.Passage{Text: "*** 12 34 ***"}, model, -1); err != nil || skip.Skip == "" || len(skip.Calls) != 0 {
		t.Errorf("Preview of nothing = %+v, %v", skip, err)
	}
}
