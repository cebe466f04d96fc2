package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// inTurn answers each kind of request with its replies, one after the other;
// the last one stays. A kind is what its system message begins with.
func inTurn(t testing.TB, replies map[string][]string) (*llm.Client, *llmtest.Server) {
	t.Helper()
	next := map[string]*atomic.Int32{}
	for kind := range replies {
		next[kind] = &atomic.Int32{}
	}
	server := llmtest.New(t, llmtest.Script{NoStream: true, Answer: func(r llmtest.Request) string {
		for kind, list := range replies {
			if strings.Contains(string(r.Body), kind) && len(list) > 0 {
				// A second request for the same is for a repair.
				n := int(next[kind].Load())
				if !strings.Contains(string(r.Body), "That reply cannot be used") {
					n = int(next[kind].Add(1)) - 1
				} else {
					n--
				}
				return list[min(max(n, 0), len(list)-1)]
			}
		}
		return llmtest.Answer(r)
	}})
	return llm.New(llm.Options{URL: server.URL, Model: "scripted", MaxAttempts: 1}), server
}

// TestRevise gives each case's replies to revise and lists the seeds that
// came of it.
func TestRevise(t *testing.T) {
	file := filepath.Join("testdata", "revise", "cases.txtar")
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for c := range strings.SplitSeq(strings.TrimSpace(fileOf(ar, "cases")), "\n\n") {
		in, _, _ := strings.Cut(c, "\n  ")
		field := map[string][]string{}
		for line := range strings.Lines(in) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
			field[k] = append(field[k], v)
		}
		client, server := inTurn(t, map[string][]string{
			"You are the critic of": field["critic"],
			"You mend question":     field["again"],
		})
		s := extract.Seed{
			ID: "first", Question: "How deep is it?", Answer: "It is deep.", Origin: extract.Derived, Type: extract.Factual, Language: "en",
			Difficulty: extract.Difficulty{Estimated: 3}, Evidence: []extract.Evidence{{Quote: "The well of Orvieto is 54 m deep."}}, Tags: []string{"water"},
		}
		if o := field["origin"]; o != nil {
			s.Origin = o[0]
		}
		r := &Revise{Rounds: 2, Threshold: 4, Asking: Asking{Model: client}}
		p := extract.Passage{ID: "p", Text: "The well of Orvieto is 54 m deep."}
		seeds, err := extract.Do(t.Context(), []extract.Stage{given{s}, r}, p, extract.Options{Run: "r"})
		if err != nil {
			t.Fatalf("%s: %v", field["case"], err)
		}
		var w strings.Builder
		in2, out2 := 0, 0
		for _, s := range seeds {
			parent := "none"
			if s.Parent != nil {
				parent = *s.Parent
			}
			fmt.Fprintf(&w, "  %s, parent %s, %d quotes, %s %s %d %v, steps %q\n  = %s\n  %s\n", s.Question, parent, len(s.Evidence), s.Origin, s.Type, s.Difficulty.Estimated, s.Tags, s.Reasoning, s.Answer, s.Verdict)
			for _, c := range s.Checks {
				fmt.Fprintf(&w, "  %s %s %.2f %s\n", c.Name, c.Verdict, c.Score, c.Reason)
			}
			in2, out2 = in2+s.Tokens.In, out2+s.Tokens.Out
		}
		calls := len(server.Requests())
		fmt.Fprintf(&w, "  %d calls", calls)
		if (in2 > 0) != (calls > 0) || (out2 > 0) != (calls > 0) {
			t.Errorf("%s: %d calls, and the seeds cost %d and %d", field["case"], calls, in2, out2)
		}
		got = append(got, strings.TrimRight(in, "\n")+"\n"+w.String())
	}
	text := strings.Join(got, "\n\n") + "\n"
	if *update {
		setFile(ar, "cases", text)
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(fileOf(ar, "cases"), text); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
}

// given is a stage that begins with seeds made before.
type given []extract.Seed

func (given) Name() string { return "given" }

func (g given) Do(ctx context.Context, _ extract.Passage, _ []extract.Seed) ([]extract.Seed, error) {
	return append([]extract.Seed(nil), g...), ctx.Err()
}

// TestReviseHuge has everything be a megabyte: what is written anew is too
// long to be a seed.
func TestReviseHuge(t *testing.T) {
	huge := strings.Repeat("deep ", 200_000)
	client, server := inTurn(t, map[string][]string{
		"You are the critic of": {`{"faults": ["` + huge + `"], "reasoning": 1, "accuracy": 3, "completeness": 1, "standalone": 1}`},
		"You mend question":     {`{"question": "How deep?", "reasoning": [], "answer": "` + huge + `", "short_answer": ""}`},
	})
	r := &Revise{Rounds: 2, Threshold: 4, Asking: Asking{Model: client}}
	seeds, err := r.Do(t.Context(), extract.Passage{Text: "Deep."}, []extract.Seed{
		{ID: "a", Question: "How deep?", Answer: "Deep.", Origin: extract.Derived, Verdict: extract.Draft},
		{ID: "b", Question: "How?", Answer: "Deep.", Origin: extract.Derived, Verdict: extract.Rejected},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seeds) != 2 || len(seeds[1].Checks) != 0 || seeds[0].Checks[0].Verdict != extract.Uncertain || len(seeds[0].Checks[0].Reason) > 2000 {
		t.Errorf("seeds: %+v", seeds)
	}
	for _, r := range server.Requests() {
		if len(r.Body) > 40_000 {
			t.Errorf("request %d has %d bytes", r.N, len(r.Body))
		}
	}
}

func TestReviseParameters(t *testing.T) {
	for params, want := range map[string]string{
		"rounds: 6":       "rounds is 6 and has to be from 0 to 5",
		"threshold: 0":    "threshold is 0 and has to be from 1 to 5",
		"temperature: -1": "temperature is -1",
	} {
		_, err := Parse([]byte("name: x\nstages:\n  - revise:\n      " + params + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse with %q: %v, want “%s”", params, err, want)
		}
	}
}
