package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// drawn is the reply with an answer, as the cases write it.
func drawn(t testing.TB, words string) string {
	t.Helper()
	answer, short, _ := strings.Cut(words, "|")
	switch answer {
	case "none":
		answer = ""
	case "refuses":
		return "I cannot help with that."
	}
	data, err := json.Marshal(attempt{"Thought.", answer, short})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestVote gives each case's answers to vote and compares what came of it and
// how many calls it took.
func TestVote(t *testing.T) {
	file := filepath.Join("testdata", "vote", "cases.txtar")
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for c := range strings.SplitSeq(strings.TrimSpace(fileOf(ar, "cases")), "\n\n") {
		in, _, _ := strings.Cut(c, "\n  ")
		field := map[string]string{}
		for line := range strings.Lines(in) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
			field[k] = v
		}
		s := extract.Seed{Question: field["question"], Answer: field["answer"], ShortAnswer: field["short"], Origin: extract.Derived, Verdict: extract.Draft}
		draws := strings.Split(field["draws"], ", ")
		lines := make([]string, len(draws))
		for i, words := range draws {
			lines[(i+1)%len(lines)] = "| " + drawn(t, words)
		}
		client, server := byForm(t, map[string]string{
			"You answer one question of an exam": strings.Join(lines, "\n"),
			"You sort answers to one question":   field["groups"],
			"You compare an answer with a key":   field["judge"],
		})
		v := &Vote{Samples: len(draws), Drop: field["drop"] == "true", Asking: Asking{Temperature: 0.7, Model: client}}
		seeds, err := v.Do(t.Context(), extract.Passage{Text: "Nobody sees this passage."}, []extract.Seed{s})
		if err != nil {
			t.Fatalf("%s: %v", field["case"], err)
		}
		out := strings.TrimPrefix(listChecks(seeds), s.Question+": ")
		got = append(got, fmt.Sprintf("%s\n  %s  %d calls", strings.TrimRight(in, "\n"), out, len(server.Requests())))
		for _, r := range server.Requests() {
			if strings.Contains(r.Text(), "Nobody sees") {
				t.Errorf("%s: request %d shows the passage", field["case"], r.N)
			}
		}
		if seeds[0].Tokens.In == 0 || seeds[0].Tokens.Out == 0 {
			t.Errorf("%s: the seed cost %+v", field["case"], seeds[0].Tokens)
		}
	}
	text := strings.Join(got, "\n\n") + "\n"
	if *update {
		setFile(ar, "cases", text)
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(fileOf(ar, "cases"), text); diff != "" {
		t.Errorf("votes (-want +got):\n%s", diff)
	}
}

// TestVoteDraws checks that the draws of a question are told apart, so that a
// cache keeps each, and that doing the passage again buys none twice.
func TestVoteDraws(t *testing.T) {
	client, server := byForm(t, map[string]string{"You answer one": drawn(t, "a|7")})
	v := &Vote{Samples: 5, Asking: Asking{Temperature: 0.7, Model: llm.Cached(client, llm.Dir(t.TempDir()))}}
	for range 2 {
		seeds := []extract.Seed{{Question: "How many?", Answer: "7", Verdict: extract.Draft}, {Question: "And now?", Answer: "7", Verdict: extract.Draft}, {Question: "Not me.", Verdict: extract.Rejected}}
		seeds, err := v.Do(t.Context(), extract.Passage{}, seeds)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{5}, seeds[1].Difficulty.Votes); diff != "" || seeds[2].Checks != nil {
			t.Errorf("votes (-want +got):\n%s", diff)
		}
	}
	if s := server.Stats(); s.Requests != 10 || s.Prompts != 10 {
		t.Errorf("%d requests for %d prompts, want 10 for 10", s.Requests, s.Prompts)
	}
}

// TestVoteAtOnce checks that all draws of all seeds of a passage are under
// way together, as far as the client goes: the server answers none before it
// has them all.
func TestVoteAtOnce(t *testing.T) {
	const draws, questions = 4, 3
	all := make(chan struct{})
	arrived := make(chan struct{}, draws*questions)
	server := llmtest.New(t, llmtest.Script{Answer: func(llmtest.Request) string {
		arrived <- struct{}{}
		if len(arrived) == cap(arrived) {
			close(all)
		}
		select {
		case <-all:
		case <-t.Context().Done():
		}
		return `{"reasoning": "", "answer": "7", "short_answer": ""}`
	}})
	client := llm.New(llm.Options{URL: server.URL, Model: "scripted", Limiter: open{}})
	var seeds []extract.Seed
	for i := range questions {
		seeds = append(seeds, extract.Seed{Question: fmt.Sprint("Question ", i), Answer: "7", Verdict: extract.Draft})
	}
	seeds, err := (&Vote{Samples: draws, Asking: Asking{Model: client}}).Do(t.Context(), extract.Passage{}, seeds)
	if err != nil || seeds[2].Checks[0].Verdict != extract.Pass {
		t.Errorf("Do = %v, %v", seeds, err)
	}
}

// open lets every request go at once.
type open struct{}

func (open) Acquire(context.Context, int) (func(llm.Outcome), error) {
	return func(llm.Outcome) {}, nil
}

// TestVoteHuge has every answer be a megabyte.
func TestVoteHuge(t *testing.T) {
	huge := strings.Repeat("deep ", 200_000)
	client, server := byForm(t, map[string]string{
		"You answer one question": "| " + drawn(t, huge+"a") + "\n| " + drawn(t, huge+"b") + "\n| " + drawn(t, huge+"c"),
		"You sort answers":        `{"reason": "` + huge + `", "groups": [[1, 2, 3]]}`,
		"You compare":             `{"reason": "` + huge + `", "verdict": "False"}`,
	})
	seeds, err := (&Vote{Samples: 3, Asking: Asking{Model: client}}).Do(t.Context(), extract.Passage{}, []extract.Seed{{Question: "How deep?", Answer: "Deep.", Verdict: extract.Draft}})
	if err != nil {
		t.Fatal(err)
	}
	if c := seeds[0].Checks[0]; c.Verdict != extract.Uncertain || len(c.Reason) > 2000 || !cmp.Equal(seeds[0].Difficulty.Votes, []int{3}) {
		t.Errorf("check %s with a reason of %d bytes, votes %v", c.Verdict, len(c.Reason), seeds[0].Difficulty.Votes)
	}
	for _, r := range server.Requests() {
		if len(r.Body) > 40_000 {
			t.Errorf("request %d has %d bytes", r.N, len(r.Body))
		}
	}
}

func TestVoteParameters(t *testing.T) {
	for params, want := range map[string]string{
		"samples: 2":        "samples is 2 and has to be from 3 to 64",
		"samples: 100":      "samples is 100",
		"top_p: 1.5":        "top_p is 1.5 and has to be above 0 and at most 1",
		"temperature: 3":    "temperature is 3 and has to be from 0 to 2",
		"temperature: .nan": "temperature is NaN",
		"max_tokens: -1":    "max_tokens is -1",
	} {
		_, err := Parse([]byte("name: x\nstages:\n  - vote:\n      " + params + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse with %q: %v, want “%s”", params, err, want)
		}
	}
}
