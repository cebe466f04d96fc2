package llmtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"seedbed/extract/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is as wild as recipes get.
const schema = `{
  "type": "object",
  "$defs": {"step": {"type": "object", "properties": {
    "assumption": {"type": "string"}, "conclusion": {"type": "string"}, "description": {"type": "string"}}}},
  "properties": {
    "explicit": {"type": "array", "items": {"type": "object", "properties": {
      "question": {"type": "string"}, "answer": {"type": "string"}}}},
    "pairs": {"type": "array", "items": {"type": "object", "properties": {
      "question": {"type": "string"},
      "answer": {"type": "string"},
      "short_answer": {"anyOf": [{"type": "null"}, {"type": "string"}]},
      "reasoning": {"type": "array", "items": {"$ref": "#/$defs/step"}},
      "type": {"enum": ["factual", "definition"]},
      "difficulty": {"type": "integer", "minimum": 1, "maximum": 10},
      "quotes": {"type": "array", "minItems": 2, "items": {"type": "string"}}}}},
    "verdict": {"enum": ["fail", "pass"]},
    "score": {"type": ["integer", "null"], "maximum": 7},
    "skip": {"type": "boolean"},
    "useful": {"type": "boolean"},
    "kind": {"const": "prose"}
  }
}`

const passage = `# Bees

What do bees see? Bees see ultraviolet light, and many flowers
show them patterns in it. It is not so with red. Figure 3 shows a flower.

A hive is kept at about thirty-five degrees by its workers.`

type pair struct {
	Question    string           `json:"question"`
	Answer      string           `json:"answer"`
	ShortAnswer *string          `json:"short_answer"`
	Reasoning   []map[string]any `json:"reasoning"`
	Type        string           `json:"type"`
	Difficulty  int              `json:"difficulty"`
	Quotes      []string         `json:"quotes"`
}

func ask(t *testing.T, srv *llmtest.Server, body map[string]any) (content string) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post(srv.URL+"/chat/completions", "application/json", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err = io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reply struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal(data, &reply); err != nil || len(reply.Choices) == 0 {
		t.Fatalf("reply %d %s: %v", res.StatusCode, data, err)
	}
	return reply.Choices[0].Message.Content
}

func prompt(format bool) map[string]any {
	text := "Make pairs of the text between the lines <passage> and </passage>.\n<passage>\n" + passage + "\n</passage>\nThank you."
	body := map[string]any{"model": "m"}
	if format {
		body["response_format"] = map[string]any{"type": "json_schema", "json_schema": map[string]any{"schema": json.RawMessage(schema)}}
	} else {
		text += "\n<schema>\n" + schema + "\n</schema>"
	}
	body["messages"] = []map[string]string{{"role": "user", "content": text}}
	return body
}

func TestAnswerFillsTheSchema(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{})
	content := ask(t, srv, prompt(true))
	if again := ask(t, srv, prompt(false)); again != content {
		t.Errorf("schema in the prompt gives another reply:\n%s\n%s", content, again)
	}
	var got struct {
		Explicit []pair
		Pairs    []pair
		Verdict  string
		Score    int
		Skip     bool
		Useful   bool
		Kind     string
	}
	if err := json.Unmarshal([]byte(content), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Explicit) != 1 || got.Explicit[0].Question != "What do bees see?" {
		t.Errorf("explicit = %+v, want the question in the passage", got.Explicit)
	}
	if len(got.Pairs) != 2 {
		t.Fatalf("pairs = %+v, want 2: the others lean on something", got.Pairs)
	}
	for _, p := range got.Pairs {
		if len(p.Quotes) != 2 || !strings.Contains(passage, p.Quotes[0]) || p.Answer != p.Quotes[0] {
			t.Errorf("pair %+v does not quote the passage", p)
		}
		if p.ShortAnswer == nil || *p.ShortAnswer == "" || p.Type == "" || p.Difficulty < 1 || p.Difficulty > 10 || len(p.Reasoning) != 1 || len(p.Reasoning[0]) != 3 {
			t.Errorf("pair %+v has gaps", p)
		}
	}
	if got.Pairs[0].Question == got.Pairs[1].Question {
		t.Errorf("both pairs ask %q", got.Pairs[0].Question)
	}
	if got.Verdict != "pass" || got.Score != 7 || got.Skip || !got.Useful || got.Kind != "prose" {
		t.Errorf("verdict %q, score %d, skip %v, useful %v, kind %q", got.Verdict, got.Score, got.Skip, got.Useful, got.Kind)
	}
}

func TestAnswerOfNothing(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{})
	for _, text := range []string{"", "x", "<passage>\n</passage>", "<passage>\n\n</passage>"} {
		body := prompt(true)
		body["messages"] = []map[string]string{{"role": "user", "content": text}}
		if content := ask(t, srv, body); !json.Valid([]byte(content)) {
			t.Errorf("passage %q: reply %s", text, content)
		}
	}
}

func TestInventedQuotes(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Invented}}})
	var got struct{ Pairs []pair }
	if err := json.Unmarshal([]byte(ask(t, srv, prompt(true))), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Pairs) != 2 {
		t.Fatalf("pairs = %+v, want 2", got.Pairs)
	}
	for _, p := range got.Pairs {
		if len(p.Quotes) != 2 || strings.Contains(passage, p.Quotes[0]) || !strings.Contains(passage, p.Answer) {
			t.Errorf("pair %+v: want the answer, and quotes that are not in the passage", p)
		}
	}
}

// Rules count requests, prompts and uses, and leave the rest alone.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule llmtest.Rule
		want string // faults of three requests a, b, a, b, a, b
	}{
		{"always", llmtest.Rule{}, "xxxxxx"},
		{"nth", llmtest.Rule{Nth: 2}, ".x...."},
		{"every", llmtest.Rule{Every: 3}, "..x..x"},
		{"text", llmtest.Rule{Text: "b"}, ".x.x.x"},
		{"first of each prompt", llmtest.Rule{First: 1}, "xx...."},
		{"times", llmtest.Rule{Times: 4}, "xxxx.."},
		{"never", llmtest.Rule{Share: 1e-12}, "......"},
		{"both conditions", llmtest.Rule{Text: "b", Times: 1}, ".x...."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Fault = llmtest.Fences
			srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{tt.rule}})
			for _, text := range []string{"a", "b", "a", "b", "a", "b"} {
				ask(t, srv, map[string]any{"model": "m", "messages": []map[string]string{{"role": "user", "content": text}}})
			}
			got := ""
			for _, r := range srv.Requests() {
				if r.Fault == "" {
					got += "."
				} else {
					got += "x"
				}
			}
			if got != tt.want {
				t.Errorf("faults %s, want %s", got, tt.want)
			}
			want := llmtest.Stats{Requests: 6, Prompts: 2, Answered: 6, Duplicates: 4, Failed: strings.Count(tt.want, "x"), MaxConcurrent: 1}
			if d := cmp.Diff(want, srv.Stats()); d != "" {
				t.Errorf("stats (-want +got):\n%s", d)
			}
		})
	}
}

// The same seed fails the same requests.
func TestShareIsRepeatable(t *testing.T) {
	run := func(seed uint64) (faults []llmtest.Fault) {
		srv := llmtest.New(t, llmtest.Script{Seed: seed, Rules: []llmtest.Rule{{Fault: llmtest.Fences, Share: 0.5}}})
		for range 40 {
			ask(t, srv, map[string]any{"model": "m", "messages": []map[string]string{}})
		}
		for _, r := range srv.Requests() {
			faults = append(faults, r.Fault)
		}
		return faults
	}
	if d := cmp.Diff(run(1), run(1)); d != "" {
		t.Errorf("the same seed differs:\n%s", d)
	}
	if cmp.Equal(run(1), run(2)) {
		t.Error("another seed gives the same faults")
	}
}

// A server that hangs on purpose still stops, and stops twice.
func TestCloseEndsHanging(t *testing.T) {
	arrived := make(chan struct{})
	srv := llmtest.New(nil, llmtest.Script{
		Rules:  []llmtest.Rule{{Fault: llmtest.Hang}},
		Before: func(context.Context, llmtest.Request) { close(arrived) },
	})
	gone := make(chan error)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Post(srv.URL+"/chat/completions", "application/json", strings.NewReader(`{"messages":[]}`))
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	<-arrived
	srv.Close()
	srv.Close()
	if err := <-gone; err == nil {
		t.Log("the client got an empty reply") // as good as a broken connection
	}
}
