package stage_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/stage"
)

// basalt is a passage that a model can ask about.
var basalt = extract.Passage{ID: "p", Tokens: 600, Text: strings.Repeat("Basalt cools fast at the surface, and so its crystals are small. ", 8) +
	"Granite cools slowly in the deep, and so its crystals are large."}

// phi4 gives the passage to the recipe phi4, whose model answers derive as told
// and the other stages by their schema, or as fault has it.
func phi4(t *testing.T, derived string, rules ...llmtest.Rule) (extract.Result, *llmtest.Server) {
	t.Helper()
	server := llmtest.New(t, llmtest.Script{Rules: rules, Answer: func(r llmtest.Request) string {
		if derived != "" && strings.Contains(string(r.Body), `"name":"derivation"`) {
			return derived
		}
		return llmtest.Answer(r)
	}})
	recipe, _ := stage.Lookup("phi4")
	model := extract.Metered(llm.New(llm.Options{URL: server.URL, Model: "scripted", MaxAttempts: 1, MaxReply: 8 << 20}))
	stages, err := stage.Build(recipe, stage.Tools{Model: model})
	if err != nil {
		t.Fatal(err)
	}
	p := basalt
	for r := range extract.Run(t.Context(), func(yield func(extract.Passage) bool) { yield(p) }, stages, extract.Options{Run: "r"}) {
		return r, server
	}
	t.Fatal("no result")
	return extract.Result{}, nil
}

func honest() pair {
	return pair{Question: "Why are the crystals of basalt small?", Quotes: []string{"Basalt cools fast at the surface, and so its crystals are small."},
		Reasoning: []string{"What cools fast has small crystals."}, Answer: "They are small because basalt cools fast at the surface.", ShortAnswer: "it cools fast", Type: "reasoning", Difficulty: 3}
}

// An answer of a megabyte is no answer: it is rejected, its record is small,
// and the good pair beside it is kept.
func TestAnswerOfAMegabyte(t *testing.T) {
	huge, good := honest(), honest()
	huge.Question, huge.Answer = "What does all of it say of basalt and of granite?", strings.Repeat("It cools fast. ", 1<<20/15)
	r, _ := phi4(t, derivation(huge, good))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if len(r.Seeds) != 2 || r.Seeds[0].Live() || !strings.Contains(r.Seeds[0].VerdictReason, "too long") || !r.Seeds[1].Live() {
		t.Errorf("seeds %+v; want the huge one rejected and the good one kept", verdictsOf(r.Seeds))
	}
	data, err := json.Marshal(r.Seeds)
	if err != nil || len(data) > 100_000 {
		t.Errorf("the record has %d bytes, %v; want few", len(data), err)
	}
}

// A reply that never ends is cut off at the limit and fails the passage, or
// leaves the check that it was for uncertain.
func TestReplyThatNeverEnds(t *testing.T) {
	r, server := phi4(t, "", llmtest.Rule{Fault: llmtest.Endless, Text: "You turn passages of books"})
	if k := llm.Kind(r.Err); k != llm.Truncated && k != llm.Malformed {
		t.Errorf("derive ends with %v; want that the reply is too long", r.Err)
	}
	if n := len(server.Requests()); n > 4 {
		t.Errorf("%d requests, want that nobody goes on asking", n)
	}
	r, _ = phi4(t, derivation(honest()), llmtest.Rule{Fault: llmtest.Endless, Text: "You answer one question from one passage"})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if c := checkOf(r.Seeds, "roundtrip"); c.Verdict != extract.Uncertain {
		t.Errorf("roundtrip is %s: %s; want uncertain", c.Verdict, c.Reason)
	}
}

// A judge that says neither yes nor no leaves its check uncertain, in every
// stage that judges, and rejects nothing.
func TestJudgeSaysNeither(t *testing.T) {
	for _, says := range []string{`{"reason": "Hard to say.", "verdict": "Maybe"}`, `{"reason": "", "verdict": "Uncertain"}`, `{"reason": "Both.", "verdict": ""}`, `"yes and no"`} {
		server := llmtest.New(t, llmtest.Script{NoStream: true, Answer: func(r llmtest.Request) string {
			switch {
			case strings.Contains(string(r.Body), `"name":"derivation"`):
				return derivation(honest())
			case strings.Contains(r.Text(), "You compare an answer with a key"):
				return says
			case strings.Contains(r.Text(), "You answer one question from one passage"):
				return `{"reasoning": "It is in the text.", "answer": "Nobody knows anything of it at all.", "short_answer": "unknown"}`
			}
			return llmtest.Answer(r)
		}})
		recipe, _ := stage.Lookup("phi4")
		stages, err := stage.Build(recipe, stage.Tools{Model: llm.New(llm.Options{URL: server.URL, Model: "scripted", MaxAttempts: 1})})
		if err != nil {
			t.Fatal(err)
		}
		seeds, err := extract.Do(t.Context(), stages, basalt, extract.Options{Run: "r"})
		if err != nil {
			t.Fatal(err)
		}
		if c := checkOf(seeds, "roundtrip"); c.Verdict != extract.Uncertain || c.Reason == "" {
			t.Errorf("a judge that says %s: roundtrip is %s: %q; want uncertain with a reason", says, c.Verdict, c.Reason)
		}
	}
}

// A refusal is counted once and shown; nobody asks again.
func TestRefusalIsNotLooped(t *testing.T) {
	r, server := phi4(t, "", llmtest.Rule{Fault: llmtest.Refusal})
	if llm.Kind(r.Err) != llm.Refusal || len(server.Requests()) != 1 {
		t.Errorf("%v after %d requests; want a refusal after one", r.Err, len(server.Requests()))
	}
	if e := r.Entry(); e.Outcome != extract.FailedOut || e.Reason == "" || r.Spent.Calls != 1 {
		t.Errorf("the ledger says %q: %q, %d calls", e.Outcome, e.Reason, r.Spent.Calls)
	}
	r, _ = phi4(t, derivation(honest()), llmtest.Rule{Fault: llmtest.Refusal, Text: "You answer one question"})
	if c := checkOf(r.Seeds, "roundtrip"); r.Err != nil || c.Verdict != extract.Uncertain {
		t.Errorf("%v, roundtrip is %s: %s; want uncertain", r.Err, c.Verdict, c.Reason)
	}
}

func checkOf(seeds []extract.Seed, name string) extract.Check {
	for _, s := range seeds {
		for _, c := range s.Checks {
			if c.Name == name {
				return c
			}
		}
	}
	return extract.Check{}
}

func verdictsOf(seeds []extract.Seed) []string {
	var out []string
	for _, s := range seeds {
		out = append(out, fmt.Sprintf("%.60q %s %.100s", s.Question, s.Verdict, s.VerdictReason))
	}
	return out
}
