package llm_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// long is a request of so many sentences, the first of which the server is
// asked about.
func long(sentences int) extract.Request {
	r := request("")
	r.Messages[1].Content = "<passage>\n" + passage + "\n" + strings.Repeat("and again\n", sentences) + "</passage>\n"
	return r
}

// TestOllama: nothing is cut silently at the server's own small context.
func TestOllama(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Key: key, Ollama: &llmtest.Ollama{Context: 32768}})
	c, _ := newClient(t, srv, nil)
	if got := c.Learn(t.Context()); got != (llm.Server{Kind: "ollama", Context: 32768}) {
		t.Errorf("Learn gives %+v", got)
	}
	for _, sentences := range []int{10, 2000, 8000} { // about 200, 5,000 and 20,000 tokens
		got, err := c.Complete(t.Context(), long(sentences))
		if err != nil {
			t.Fatal(err)
		}
		var v reply
		if err := json.Unmarshal([]byte(got.Text), &v); err != nil || len(v.Pairs) == 0 || !strings.Contains(passage, v.Pairs[0].Quotes[0]) {
			t.Errorf("of %d sentences the reply is %s, %v; want a quote from the first", sentences, got.Text, err)
		}
		if got.Usage.In < 2*sentences || got.Usage.Out == 0 || got.FinishReason != "stop" {
			t.Errorf("the reply to %d sentences has the usage %+v, finish %q", sentences, got.Usage, got.FinishReason)
		}
	}
	_, err := c.Complete(t.Context(), long(40_000))
	if llm.Kind(err) != llm.TooLong || !strings.Contains(err.Error(), "its context has 32768") {
		t.Errorf("Complete of more than the context holds: %v", err)
	}
}

// TestOllamaFaults: its errors are understood like all others.
func TestOllamaFaults(t *testing.T) {
	for fault, kind := range map[llmtest.Fault]string{
		llmtest.NoModel: llm.NotFound, llmtest.Prose: llm.Malformed, llmtest.ServerError: llm.Unavailable,
	} {
		srv := llmtest.New(t, llmtest.Script{Ollama: &llmtest.Ollama{Context: 8192}, Rules: []llmtest.Rule{{Fault: fault}}})
		c, _ := newClient(t, srv, nil)
		c.Learn(t.Context())
		if _, err := c.Complete(t.Context(), request("")); llm.Kind(err) != kind {
			t.Errorf("%s: %v, want the kind %s", fault, err, kind)
		}
	}
}

func TestLearn(t *testing.T) {
	for _, tt := range []struct {
		script llmtest.Script
		want   llm.Server
	}{
		{llmtest.Script{}, llm.Server{}},
		{llmtest.Script{Props: &llmtest.Props{Slots: 2, Context: 4096}}, llm.Server{Kind: "llama.cpp", Slots: 2, Context: 4096}},
	} {
		srv := llmtest.New(t, tt.script)
		c, _ := newClient(t, srv, nil)
		for range 2 {
			if d := cmp.Diff(tt.want, c.Learn(t.Context())); d != "" {
				t.Errorf("Learn (-want +got):\n%s", d)
			}
		}
		if _, err := c.Complete(t.Context(), request("")); err != nil {
			t.Error(err)
		}
	}
}

// TestPrefixTokens: servers say in three ways what they had cached.
func TestPrefixTokens(t *testing.T) {
	for _, usage := range []string{
		`{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":7}}`,
		`{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":7,"prompt_cache_miss_tokens":2}`,
		`{"prompt_tokens":9,"completion_tokens":1,"cache_read_input_tokens":7}`,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],"usage":` + usage + `}`))
		}))
		t.Cleanup(srv.Close)
		c := llm.New(llm.Options{URL: srv.URL, Model: "m"})
		t.Cleanup(c.Close)
		got, err := c.Complete(t.Context(), extract.Request{Messages: []extract.Message{{Role: "user", Content: "?"}}})
		if want := (extract.Usage{In: 9, Out: 1, Cached: 7}); err != nil || got.Usage != want {
			t.Errorf("%s is read as %+v, %v; want %+v", usage, got.Usage, err, want)
		}
	}
}
