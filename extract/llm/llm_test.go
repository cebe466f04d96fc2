package llm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-secret-0123456789"

const schema = `{
  "type": "object",
  "properties": {
    "pairs": {"type": "array", "items": {
      "type": "object",
      "properties": {
        "question": {"type": "string"},
        "answer": {"type": "string"},
        "quotes": {"type": "array", "items": {"type": "string"}}
      },
      "required": ["question", "answer", "quotes"],
      "additionalProperties": false
    }}
  },
  "required": ["pairs"],
  "additionalProperties": false
}`

const passage = `Water boils at a hundred degrees where the air presses as it does by the sea.
Salt raises the boiling point by about half a degree for each mole dissolved in a kilogram.
On a mountain the kettle sings sooner, because thinner air lets vapour escape at less heat.`

type reply struct {
	Pairs []struct {
		Question string   `json:"question"`
		Answer   string   `json:"answer"`
		Quotes   []string `json:"quotes"`
	} `json:"pairs"`
}

func request(extra string) extract.Request {
	return extract.Request{
		Messages: []extract.Message{
			{Role: "system", Content: "Make questions of the passage."},
			{Role: "user", Content: extra + "\n<passage>\n" + passage + "\n</passage>\n"},
		},
		SchemaName: "pairs",
		Schema:     []byte(schema),
	}
}

// sleeper is a clock that waits for nobody and notes how long it should have.
type sleeper struct {
	mu    sync.Mutex
	slept []time.Duration
}

func (s *sleeper) sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slept = append(s.slept, d)
	return ctx.Err()
}

func (s *sleeper) all() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.slept)
}

// newClient is a client of srv that does not really wait.
func newClient(t *testing.T, srv *llmtest.Server, change func(*llm.Options)) (*llm.Client, *sleeper) {
	t.Helper()
	var s sleeper
	o := llm.Options{URL: srv.URL, Key: key, Model: "scripted", Sleep: s.sleep}
	if change != nil {
		change(&o)
	}
	c := llm.New(o)
	t.Cleanup(c.Close)
	return c, &s
}

// checkReply holds a reply to what a good one promises.
func checkReply(t *testing.T, r extract.Reply) {
	t.Helper()
	var got reply
	if err := json.Unmarshal([]byte(r.Text), &got); err != nil {
		t.Fatalf("reply is not JSON: %v\n%s", err, r.Text)
	}
	if len(got.Pairs) != 3 {
		t.Errorf("reply has %d pairs, want 3: %s", len(got.Pairs), r.Text)
	}
	for _, p := range got.Pairs {
		if len(p.Quotes) != 1 || !strings.Contains(passage, p.Quotes[0]) || p.Question == "" {
			t.Errorf("pair %+v does not quote the passage", p)
		}
	}
}

// Faults a client gets over by itself.
func TestFaultsOvercome(t *testing.T) {
	once := func(f llmtest.Fault) []llmtest.Rule { return []llmtest.Rule{{Fault: f, Times: 1}} }
	always := func(f llmtest.Fault) []llmtest.Rule { return []llmtest.Rule{{Fault: f}} }
	short := func(o *llm.Options) {
		o.Timeouts = llm.Timeouts{FirstByte: 200 * time.Millisecond, Idle: 200 * time.Millisecond}
	}
	for _, tt := range []struct {
		name     string
		script   llmtest.Script
		options  func(*llm.Options)
		requests int
		waits    int
	}{
		{name: "none", requests: 1},
		{name: "429", script: llmtest.Script{Rules: once(llmtest.RateLimit)}, requests: 2, waits: 1},
		{name: "429 three times", script: llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.RateLimit, Times: 3}}}, requests: 4, waits: 3},
		{name: "500", script: llmtest.Script{Rules: once(llmtest.ServerError)}, requests: 2, waits: 1},
		{name: "502 with a page of HTML", script: llmtest.Script{Rules: once(llmtest.BadGateway)}, requests: 2, waits: 1},
		{name: "503", script: llmtest.Script{Rules: once(llmtest.Overloaded)}, requests: 2, waits: 1},
		{name: "hang", script: llmtest.Script{Rules: once(llmtest.Hang)}, options: short, requests: 2, waits: 1},
		{name: "stall in the stream", script: llmtest.Script{Rules: once(llmtest.Stall)}, options: short, requests: 2, waits: 1},
		{name: "stall in a whole reply", script: llmtest.Script{NoStream: true, Rules: once(llmtest.Stall)}, options: short, requests: 2, waits: 1},
		{name: "slow first byte", script: llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Slow, Delay: 50 * time.Millisecond}}}, requests: 1},
		{name: "slow drip", script: llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Drip, Delay: time.Millisecond}}}, requests: 1},
		{name: "connection reset", script: llmtest.Script{Rules: once(llmtest.Reset)}, requests: 2, waits: 1},
		{name: "stream cut", script: llmtest.Script{Rules: once(llmtest.Cut)}, requests: 2, waits: 1},
		{name: "whole reply cut", script: llmtest.Script{NoStream: true, Rules: once(llmtest.Cut)}, requests: 2, waits: 1},
		{name: "error in the stream", script: llmtest.Script{Rules: once(llmtest.StreamError)}, requests: 2, waits: 1},
		{name: "error in a 200", script: llmtest.Script{NoStream: true, Rules: once(llmtest.StreamError)}, requests: 2, waits: 1},
		{name: "no streaming", script: llmtest.Script{NoStream: true}, requests: 1},
		{name: "code fences", script: llmtest.Script{Rules: always(llmtest.Fences)}, requests: 1},
		{name: "think block", script: llmtest.Script{Rules: always(llmtest.Think)}, requests: 1},
		{name: "think block unclosed", script: llmtest.Script{Rules: always(llmtest.ThinkUnclosed)}, requests: 1},
		{name: "think block unopened", script: llmtest.Script{Rules: always(llmtest.ThinkUnopened)}, requests: 1},
		{name: "reasoning_content", script: llmtest.Script{Rules: always(llmtest.Reasoning)}, requests: 1},
		{name: "trailing comma and comments", script: llmtest.Script{Rules: always(llmtest.Broken)}, requests: 1},
		{name: "finish_reason length", script: llmtest.Script{Rules: once(llmtest.Length)}, requests: 2},
		{name: "truncated JSON", script: llmtest.Script{Rules: once(llmtest.Truncated)}, requests: 2},
		{name: "wrong schema", script: llmtest.Script{Rules: once(llmtest.WrongSchema)}, requests: 2},
		{name: "prose", script: llmtest.Script{Rules: once(llmtest.Prose)}, requests: 2},
		{name: "refuses json_schema", script: llmtest.Script{NoSchema: true}, requests: 2},
		{name: "refuses json_schema and json_object", script: llmtest.Script{NoSchema: true, NoObject: true}, requests: 3},
		{name: "refuses stream_options", script: llmtest.Script{Refuses: []string{"stream_options"}}, requests: 2},
		{name: "refuses stream", script: llmtest.Script{NoStream: true, Refuses: []string{"stream"}}, requests: 2},
		{name: "refuses temperature and max_tokens", script: llmtest.Script{Refuses: []string{"temperature", "max_tokens"}},
			options: nil, requests: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.script.Key = key
			srv := llmtest.New(t, tt.script)
			c, clock := newClient(t, srv, tt.options)
			r := request("")
			r.MaxTokens = 1000
			got, err := c.Complete(t.Context(), r)
			if err != nil {
				t.Fatalf("Complete: %v", err)
			}
			checkReply(t, got)
			if n := srv.Stats().Requests; n != tt.requests {
				t.Errorf("server was asked %d times, want %d", n, tt.requests)
			}
			if s := clock.all(); len(s) != tt.waits {
				t.Errorf("client waited %v, want %d waits", s, tt.waits)
			}
			if strings.Contains(tt.name, "think") || tt.name == "reasoning_content" {
				if !strings.Contains(got.Reasoning, "The user wants") {
					t.Errorf("Reasoning = %q, want what the model thought", got.Reasoning)
				}
			}
			if got.Usage.Out == 0 && !slices.Contains(tt.script.Refuses, "stream_options") {
				t.Errorf("Usage = %+v, want tokens", got.Usage)
			}
		})
	}
}

// Faults that end in an error, and what the error says.
func TestFaultsReported(t *testing.T) {
	always := func(f llmtest.Fault) []llmtest.Rule { return []llmtest.Rule{{Fault: f}} }
	short := func(o *llm.Options) {
		o.Timeouts = llm.Timeouts{FirstByte: 50 * time.Millisecond, Idle: 50 * time.Millisecond}
		o.MaxAttempts = 2
	}
	for _, tt := range []struct {
		name      string
		rules     []llmtest.Rule
		options   func(*llm.Options)
		kind      string
		status    int
		retryable bool
		requests  int
		words     string // in the message
		raw       string // in Raw
		plain     bool   // ask without a schema
	}{
		{name: "401", rules: always(llmtest.Unauthorized), kind: llm.Auth, status: 401, requests: 1, words: "[key]"},
		{name: "404", rules: always(llmtest.NoModel), kind: llm.NotFound, status: 404, requests: 1, words: `no model "scripted"`},
		{name: "quota", rules: always(llmtest.NoQuota), kind: llm.Quota, status: 429, requests: 1, words: "plan and billing"},
		{name: "context too long", rules: always(llmtest.TooLong), kind: llm.TooLong, status: 400, requests: 1, words: "4096 tokens"},
		{name: "429 without end", rules: always(llmtest.RateLimit), kind: llm.Rate, status: 429, retryable: true, requests: 6},
		{name: "500 without end", rules: always(llmtest.ServerError), kind: llm.Unavailable, status: 500, retryable: true, requests: 6},
		{name: "502 without end", rules: always(llmtest.BadGateway), kind: llm.Unavailable, status: 502, retryable: true, requests: 6, words: "502 Bad Gateway"},
		{name: "503 without end", rules: always(llmtest.Overloaded), kind: llm.Unavailable, status: 503, retryable: true, requests: 6},
		{name: "reset without end", rules: always(llmtest.Reset), kind: llm.Unavailable, retryable: true, requests: 6, words: "cannot reach 127.0.0.1"},
		{name: "cut without end", rules: always(llmtest.Cut), kind: llm.Unavailable, retryable: true, requests: 6},
		{name: "hang without end", rules: always(llmtest.Hang), options: short, kind: llm.Timeout, retryable: true, requests: 2, words: "did not begin to reply within 50ms"},
		{name: "stall without end", rules: always(llmtest.Stall), options: short, kind: llm.Timeout, retryable: true, requests: 2, words: "fell silent"},
		{name: "drip past the total", rules: []llmtest.Rule{{Fault: llmtest.Drip, Delay: 20 * time.Millisecond}},
			options: func(o *llm.Options) { o.Timeouts.Total = 60 * time.Millisecond; o.MaxAttempts = 1 },
			kind:    llm.Timeout, retryable: true, requests: 1, words: "did not finish"},
		{name: "endless reply", rules: always(llmtest.Endless), options: func(o *llm.Options) { o.MaxReply = 100_000 },
			kind: llm.Malformed, requests: 1, words: "more than 100000 bytes", raw: "and so on"},
		{name: "redirect", rules: always(llmtest.Redirect), kind: llm.Invalid, status: 307, requests: 1, words: "redirects to http://elsewhere.invalid"},
		{name: "page of HTML", rules: always(llmtest.NotJSON), kind: llm.Invalid, requests: 1, words: "does the URL end in /v1?"},
		{name: "refusal", rules: always(llmtest.Refusal), kind: llm.Refusal, requests: 1, words: "I cannot help with that"},
		{name: "content filter", rules: always(llmtest.Filtered), kind: llm.Refusal, requests: 1, words: "content filter"},
		{name: "empty content", rules: always(llmtest.Empty), kind: llm.Refusal, requests: 1, words: "empty"},
		{name: "only thinking, plain text", plain: true, rules: always(llmtest.ThinkUnclosed), kind: llm.Refusal, requests: 1, words: "said nothing"},
		{name: "length without end", rules: always(llmtest.Length), options: func(o *llm.Options) { o.MaxTokens = 4000 },
			kind: llm.Truncated, requests: 3, words: "after 4000 tokens", raw: `{"pairs"`},
		{name: "truncated JSON twice", rules: always(llmtest.Truncated), kind: llm.Malformed, requests: 2, words: "breaks off", raw: `{"pairs"`},
		{name: "wrong schema twice", rules: always(llmtest.WrongSchema), kind: llm.Malformed, requests: 2, words: "pairs", raw: `{"unexpected": true}`},
		{name: "prose twice", rules: always(llmtest.Prose), kind: llm.Malformed, requests: 2, words: "no JSON", raw: "I have read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := llmtest.New(t, llmtest.Script{Rules: tt.rules, Key: key})
			c, _ := newClient(t, srv, tt.options)
			r := request("")
			r.MaxTokens = 1000
			if tt.plain {
				r.Schema = nil
			}
			got, err := c.Complete(t.Context(), r)
			if err == nil {
				t.Fatalf("Complete = %+v, want an error", got)
			}
			e, ok := errors.AsType[*llm.Error](err)
			if !ok {
				t.Fatalf("Complete: %v (%T), want an *llm.Error", err, err)
			}
			if e.Kind != tt.kind || e.Status != tt.status || e.Retryable() != tt.retryable || llm.Kind(fmt.Errorf("x: %w", err)) != tt.kind {
				t.Errorf("Complete: kind %q, status %d, retryable %v; want %q, %d, %v (%v)", e.Kind, e.Status, e.Retryable(), tt.kind, tt.status, tt.retryable, err)
			}
			if !strings.Contains(err.Error(), tt.words) {
				t.Errorf("Complete: %v, want %q in it", err, tt.words)
			}
			if !strings.Contains(e.Raw, tt.raw) {
				t.Errorf("Raw = %.80q, want %q in it", e.Raw, tt.raw)
			}
			if all := fmt.Sprintf("%v %+v %v", err, *e, e.Err); strings.Contains(all, key) {
				t.Errorf("the error holds the key: %s", all)
			}
			if n := srv.Stats().Requests; n != tt.requests {
				t.Errorf("server was asked %d times, want %d", n, tt.requests)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, header, value string
		want                time.Duration
	}{
		{"seconds", "Retry-After", "7", 7 * time.Second},
		{"a fraction", "Retry-After", "0.25", 250 * time.Millisecond},
		{"milliseconds", "Retry-After-Ms", "1500", 1500 * time.Millisecond},
		{"a date", "Retry-After", now.Add(9 * time.Second).Format(http.TimeFormat), 9 * time.Second},
		{"a date gone by", "Retry-After", now.Add(-time.Hour).Format(http.TimeFormat), 0},
		{"nonsense", "Retry-After", "soon", 0},
		{"negative", "Retry-After", "-3", 0},
		{"forever", "Retry-After", "1e300", 365 * 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(tt.header, tt.value)
				w.WriteHeader(http.StatusTooManyRequests)
			}))
			t.Cleanup(srv.Close)
			c := llm.New(llm.Options{URL: srv.URL + "/v1", Model: "m", MaxAttempts: 1, Now: func() time.Time { return now }})
			t.Cleanup(c.Close)
			_, err := c.Complete(t.Context(), extract.Request{})
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Kind != llm.Rate || e.RetryAfter != tt.want {
				t.Errorf("%s: %s gives %v, want RetryAfter %v", tt.header, tt.value, err, tt.want)
			}
		})
	}
}

// The waits: what the server asks for, and otherwise longer each time.
func TestWaits(t *testing.T) {
	for _, as := range []string{"seconds", "ms", "date"} {
		t.Run("Retry-After in "+as, func(t *testing.T) {
			srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.RateLimit, Delay: 20 * time.Second, RetryAfter: as, Times: 1}}})
			c, clock := newClient(t, srv, nil)
			if _, err := c.Complete(t.Context(), request("")); err != nil {
				t.Fatal(err)
			}
			// The second wait is the quiet that all of the client's users keep:
			// the test's clock has not moved.
			for _, d := range clock.all() {
				if d < 18*time.Second || d > 22*time.Second+time.Millisecond {
					t.Errorf("waited %v, want about 20 s", d)
				}
			}
			if len(clock.all()) == 0 {
				t.Error("did not wait")
			}
		})
	}
	t.Run("backoff", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.ServerError}}})
		c, clock := newClient(t, srv, func(o *llm.Options) { o.MaxAttempts = 6 })
		_, err := c.Complete(t.Context(), request(""))
		if llm.Kind(err) != llm.Unavailable {
			t.Fatalf("Complete: %v", err)
		}
		got := clock.all()
		if len(got) != 5 {
			t.Fatalf("waited %v, want 5 waits", got)
		}
		for i, d := range got {
			full := 250 * time.Millisecond << i
			if d < full/2 || d > full {
				t.Errorf("wait %d is %v, want between %v and %v", i, d, full/2, full)
			}
		}
	})
	t.Run("longer than we wait", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.RateLimit, Delay: time.Hour}}})
		c, clock := newClient(t, srv, nil)
		for range 2 {
			_, err := c.Complete(t.Context(), request(""))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Kind != llm.Rate || !e.Retryable() || e.RetryAfter < 59*time.Minute {
				t.Fatalf("Complete: %#v, want the job handed back for an hour", err)
			}
		}
		if len(clock.all()) > 0 || srv.Stats().Requests != 1 {
			t.Errorf("waited %v and asked %d times, want no wait and one request", clock.all(), srv.Stats().Requests)
		}
	})
	t.Run("bounded in all", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.ServerError}}})
		c, clock := newClient(t, srv, func(o *llm.Options) { o.MaxAttempts = 1000; o.MaxWait = time.Minute })
		_, err := c.Complete(t.Context(), request(""))
		var sum time.Duration
		for _, d := range clock.all() {
			sum += d
		}
		if llm.Kind(err) != llm.Unavailable || sum > time.Minute || sum < 20*time.Second {
			t.Errorf("waited %v in all: %v", sum, err)
		}
	})
}

// TestNoConnection: a server that takes the line and never says a word, as
// one behind a dead proxy does.
func TestNoConnection(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	c := llm.New(llm.Options{
		URL: "https://" + mute.Addr().String() + "/v1", Model: "m", MaxAttempts: 1,
		Timeouts: llm.Timeouts{Connect: 50 * time.Millisecond},
	})
	t.Cleanup(c.Close)
	_, err = c.Complete(t.Context(), request(""))
	if llm.Kind(err) != llm.Timeout || !strings.Contains(err.Error(), "did not accept a connection within 50ms") {
		t.Errorf("Complete: %v, want to hear that there was no connection", err)
	}
}

func TestGivingUpEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the run was cancelled")
	srv := llmtest.New(t, llmtest.Script{
		Rules:  []llmtest.Rule{{Fault: llmtest.Hang}},
		Before: func(context.Context, llmtest.Request) { cancel(gone) },
	})
	c, _ := newClient(t, srv, nil)
	_, err := c.Complete(ctx, request(""))
	if !errors.Is(err, gone) || llm.Kind(err) != "" {
		t.Errorf("Complete: %v, want the context's cause", err)
	}
}

// What an endpoint took is remembered: one refusal, however many requests.
func TestFormatIsRemembered(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{NoSchema: true, NoObject: true})
	c, _ := newClient(t, srv, nil)
	for i := range 5 {
		if _, err := c.Complete(t.Context(), request(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if n := srv.Stats().Requests; n != 7 {
		t.Errorf("server was asked %d times, want 5 and 2 refusals", n)
	}
	last := string(srv.Requests()[6].Body)
	if strings.Contains(last, "response_format") || !strings.Contains(last, "JSON Schema") {
		t.Errorf("the last request does not carry the schema in its prompt: %s", last)
	}
}

// Other complaints about a request are no reason to leave the schema out.
func TestFormatStaysForOtherComplaints(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":{"message":"messages: roles must alternate"}}`))
	}))
	t.Cleanup(srv.Close)
	c := llm.New(llm.Options{URL: srv.URL + "/v1", Model: "m"})
	t.Cleanup(c.Close)
	_, err := c.Complete(t.Context(), request(""))
	if llm.Kind(err) != llm.Invalid || !strings.Contains(err.Error(), "roles must alternate") {
		t.Errorf("Complete: %v, want the server's words", err)
	}
}

// Ways in which servers say that they do not take a schema.
func TestFormatRefusals(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
	}{
		{400, `{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error"}}`},
		{400, `{"error":"'response_format.type' must be 'json_object' or 'text'"}`},
		{404, `{"error":{"message":"No endpoints found that support structured outputs","code":404}}`},
		{422, `{"detail":[{"loc":["body","response_format","type"],"msg":"unexpected value"}]}`},
		{500, `{"error":{"message":"failed to parse grammar","code":500}}`},
		{501, `not implemented`},
	} {
		t.Run(fmt.Sprint(tt.status, " ", tt.body), func(t *testing.T) {
			good := llmtest.Handler(llmtest.Script{})
			refused := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if refused++; refused == 1 {
					w.WriteHeader(tt.status)
					_, _ = w.Write([]byte(tt.body))
					return
				}
				good.ServeHTTP(w, r)
			}))
			t.Cleanup(srv.Close)
			c := llm.New(llm.Options{URL: srv.URL + "/v1", Model: "m"})
			t.Cleanup(c.Close)
			got, err := c.Complete(t.Context(), request(""))
			if err != nil {
				t.Fatal(err)
			}
			checkReply(t, got)
			if body := string(good.Requests()[0].Body); !strings.Contains(body, "json_object") {
				t.Errorf("after the refusal the client sent %s", body)
			}
		})
	}
}

// The mistake is shown to the model, and its own reply with it.
func TestRepairRound(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.WrongSchema, Times: 1}}})
	c, _ := newClient(t, srv, func(o *llm.Options) { o.PriceIn, o.PriceOut = 1e6, 2e6 })
	got, err := c.Complete(t.Context(), request(""))
	if err != nil {
		t.Fatal(err)
	}
	text := srv.Requests()[1].Text()
	for _, want := range []string{`{"unexpected": true}`, "cannot be used", "missing property 'pairs'", passage} {
		if !strings.Contains(text, want) {
			t.Errorf("second request lacks %q:\n%s", want, text)
		}
	}
	first, second := usage(srv, 0), got.Usage.In
	if second <= first {
		t.Errorf("Usage.In = %d, want both rounds in it (the first alone is %d)", second, first)
	}
	if want := float64(got.Usage.In) + 2*float64(got.Usage.Out); got.Usage.Cost != want {
		t.Errorf("Usage.Cost = %v, want %v", got.Usage.Cost, want)
	}
}

// usage is what the scripted server counts for its i-th prompt.
func usage(srv *llmtest.Server, i int) int { return len(srv.Requests()[i].Text()) / 4 }

// A server may take a schema and never show it to the model: the second
// round has it in words, once, in whatever format.
func TestRepairRoundHasTheSchema(t *testing.T) {
	for _, noSchema := range []bool{false, true} {
		srv := llmtest.New(t, llmtest.Script{NoSchema: noSchema, Rules: []llmtest.Rule{{Fault: llmtest.Prose}}})
		c, _ := newClient(t, srv, nil)
		if _, err := c.Complete(t.Context(), request("")); llm.Kind(err) != llm.Malformed {
			t.Fatalf("Complete: %v, want a malformed reply", err)
		}
		requests := srv.Requests()
		text := requests[len(requests)-1].Text()
		_, last, _ := strings.Cut(text, "cannot be used")
		if n := strings.Count(last, "<schema>"); n != 1 {
			t.Errorf("refusing json_schema %v: the schema stands %d times in the last message:\n%s", noSchema, n, last)
		}
	}
}

// A model that does not escape its backslashes still means the formula.
func TestLaTeX(t *testing.T) {
	const formula = `The rate is $\beta \times \frac{\nu}{\tau}$ by $\rho \neq \theta$ and $\sum_i \vec{x}_i$ alone.`
	srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.LaTeX}}})
	c, _ := newClient(t, srv, nil)
	r := request("")
	r.Messages[1].Content = "<passage>\n" + formula + "\n</passage>"
	got, err := c.Complete(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var v reply
	if err := json.Unmarshal([]byte(got.Text), &v); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Raw, `$\beta \times`) {
		t.Fatalf("Raw = %s, want bare backslashes", got.Raw)
	}
	if d := cmp.Diff(formula, v.Pairs[0].Quotes[0]); d != "" {
		t.Errorf("quote (-want +got):\n%s", d)
	}
}

// A reply that was cut off is asked for with twice the room.
func TestMoreRoom(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Length, Times: 2}}})
	c, _ := newClient(t, srv, nil)
	r := request("")
	r.MaxTokens = 800
	if _, err := c.Complete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, r := range srv.Requests() {
		var body struct {
			MaxTokens int `json:"max_tokens"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		got = append(got, body.MaxTokens)
	}
	if d := cmp.Diff([]int{800, 1600, 3200}, got); d != "" {
		t.Errorf("max_tokens (-want +got):\n%s", d)
	}
}

// The limit holds, and every slot is used: no request is answered before as
// many as the limit are in flight.
func TestConcurrency(t *testing.T) {
	const limit, requests = 4, 12
	var mu sync.Mutex
	waiting, full := 0, make(chan struct{})
	srv := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
		mu.Lock()
		waiting++
		mine := full
		if waiting == limit {
			waiting, full = 0, make(chan struct{})
			close(mine)
		}
		mu.Unlock()
		select {
		case <-mine:
		case <-ctx.Done():
		}
	}})
	c, _ := newClient(t, srv, func(o *llm.Options) { o.Concurrency = limit })
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			if _, err := c.Complete(t.Context(), request(fmt.Sprint(i))); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if got := srv.Stats(); got.MaxConcurrent != limit || got.Answered != requests {
		t.Errorf("%d at once and %d answers, want %d and %d", got.MaxConcurrent, got.Answered, limit, requests)
	}
}

func TestWhatIsSent(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Key: key, CachedTokens: 12})
	c, _ := newClient(t, srv, nil)
	seed := int64(7)
	r := request("")
	r.Temperature, r.TopP, r.Seed, r.MaxTokens = 0, 0.9, &seed, 500
	got, err := c.Complete(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got.Usage.Cached != 12 || got.Model != "scripted" || got.FinishReason != "stop" {
		t.Errorf("reply %+v lacks what the server said", got)
	}
	sent := srv.Requests()[0]
	var body map[string]any
	if err := json.Unmarshal(sent.Body, &body); err != nil {
		t.Fatal(err)
	}
	delete(body, "messages")
	format := body["response_format"].(map[string]any)["json_schema"].(map[string]any)
	delete(format, "schema")
	want := map[string]any{
		"model": "scripted", "temperature": 0.0, "top_p": 0.9, "seed": 7.0, "max_tokens": 500.0,
		"stream": true, "stream_options": map[string]any{"include_usage": true},
		"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "pairs", "strict": true}},
	}
	if d := cmp.Diff(want, body); d != "" {
		t.Errorf("request body (-want +got):\n%s", d)
	}
	if h := sent.Header.Get("Authorization"); h != "Bearer "+key {
		t.Errorf("Authorization = %q", h)
	}
}

func TestURL(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{})
	for _, url := range []string{srv.URL, srv.URL + "/", " " + srv.URL + "// ", srv.URL + "/chat/completions"} {
		c := llm.New(llm.Options{URL: url, Model: "m"})
		if _, err := c.Complete(t.Context(), request("")); err != nil {
			t.Errorf("URL %q: %v", url, err)
		}
		c.Close()
	}
	for _, url := range []string{"", "localhost:11434/v1", "ftp://x/v1", "http://", "http://user:hunter2@%zz/v1"} {
		_, err := llm.New(llm.Options{URL: url}).Complete(t.Context(), request(""))
		if llm.Kind(err) != llm.Invalid || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("URL %q: %v, want an error of kind invalid", url, err)
		}
	}
}

func TestModelsAndTest(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Key: key, Models: []string{"small", "large"}})
	models := func(url, key string) ([]string, error) {
		c := llm.New(llm.Options{URL: url, Key: key})
		t.Cleanup(c.Close)
		return c.Models(t.Context())
	}
	names, err := models(srv.URL, key)
	if d := cmp.Diff([]string{"large", "small"}, names); d != "" || err != nil {
		t.Errorf("Models: %v (-want +got):\n%s", err, d)
	}
	if _, err := models(srv.URL, "wrong"); llm.Kind(err) != llm.Auth {
		t.Errorf("Models with a wrong key: %v", err)
	}
	if _, err := models(strings.TrimSuffix(srv.URL, "/v1"), key); llm.Kind(err) != llm.NotFound {
		t.Errorf("Models of a URL without /v1: %v", err)
	}
	c, _ := newClient(t, srv, func(o *llm.Options) { o.Model = "small" })
	if words, err := c.Test(t.Context()); err != nil || !strings.HasPrefix(words, "small at 127.0.0.1") {
		t.Errorf("Test = %q, %v", words, err)
	}
	if name, err := c.OnlyModel(t.Context()); !errors.Is(err, llm.ErrUnchosen) || !strings.Contains(err.Error(), "of the 2 at 127.0.0.1") || !strings.HasSuffix(err.Error(), ": large, small") {
		t.Errorf("OnlyModel of two = %q, %v", name, err)
	}
	c, _ = newClient(t, srv, func(o *llm.Options) { o.Model = "none" })
	if words, err := c.Test(t.Context()); err == nil {
		t.Errorf("Test of a model that is not there = %q", words)
	}
	c, _ = newClient(t, llmtest.New(t, llmtest.Script{Models: []string{"qwen.gguf"}}), func(*llm.Options) {})
	if name, err := c.OnlyModel(t.Context()); name != "qwen.gguf" || err != nil {
		t.Errorf("OnlyModel = %q, %v", name, err)
	}
}

func TestCached(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.NoQuota, Text: "poor"}}})
	c, _ := newClient(t, srv, func(o *llm.Options) { o.PriceOut = 1 })
	dir := filepath.Join(t.TempDir(), "replies")
	model := extract.Metered(llm.Cached(c, llm.Dir(dir)))
	var meter extract.Meter
	ctx := meter.Context(t.Context())

	first, err := model.Complete(ctx, request("a"))
	if err != nil || first.Cached {
		t.Fatalf("first: %+v, %v", first, err)
	}
	// A new process, with more room: the same question.
	again := extract.Metered(llm.Cached(c, llm.Dir(dir)))
	r := request("a")
	r.MaxTokens = 9999
	second, err := again.Complete(ctx, r)
	if err != nil || !second.Cached {
		t.Fatalf("second: %+v, %v", second, err)
	}
	second.Cached = false
	if d := cmp.Diff(first, second); d != "" {
		t.Errorf("kept reply differs (-first +second):\n%s", d)
	}
	// What was asked lies beside it, and is what the key was made of.
	r.Model = "scripted"
	kept := llm.Key(r)
	data, err := os.ReadFile(filepath.Join(dir, kept[:2], kept+".request.json"))
	var asked extract.Request
	if err == nil {
		err = json.Unmarshal(data, &asked)
	}
	if d := cmp.Diff(r.Messages, asked.Messages); err != nil || d != "" {
		t.Errorf("the kept request: %v (-want +got):\n%s", err, d)
	}
	// Another draw is another question.
	r.Sample = 1
	if third, err := again.Complete(ctx, r); err != nil || third.Cached {
		t.Errorf("another sample: %+v, %v", third, err)
	}
	// Failures are not kept.
	for range 2 {
		if _, err := again.Complete(ctx, request("poor")); llm.Kind(err) != llm.Quota {
			t.Errorf("without quota: %v", err)
		}
	}
	if got := srv.Stats(); got.Requests != 4 || got.Duplicates != 0 {
		t.Errorf("stats %+v, want 4 requests and no duplicate", got)
	}
	spent := meter.Spent()
	if spent.Calls != 4 || spent.Cached != 1 || spent.Cost != float64(spent.Tokens.Out)/1e6 || spent.Tokens.In == 0 {
		t.Errorf("spent %+v, want 4 calls and 1 from the cache", spent)
	}
}

// The same request at the same time is sent once, and who gives up does so
// alone.
func TestCachedTogether(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	srv := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
	}})
	c, _ := newClient(t, srv, nil)
	model := llm.Cached(c, llm.Dir(t.TempDir()))

	first, giveUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := model.Complete(first, request(""))
		gone <- err
	}()
	<-arrived // the first is in flight
	var wg sync.WaitGroup
	var mu sync.Mutex
	paid, free := 0, 0
	for range 8 {
		wg.Go(func() {
			r, err := model.Complete(t.Context(), request(""))
			if err != nil {
				t.Errorf("Complete: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if r.Cached {
				free++
			} else {
				paid++
			}
		})
	}
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who gave up: %v", err)
	}
	<-arrived // another took over
	close(release)
	wg.Wait()
	if paid != 1 || free != 7 {
		t.Errorf("%d paid and %d free, want 1 and 7", paid, free)
	}
	if n := srv.Stats().Requests; n != 2 {
		t.Errorf("server was asked %d times, want 2", n)
	}
}

// brokenCache cannot keep anything.
type brokenCache struct{}

func (brokenCache) Get(context.Context, string) ([]byte, bool, error) { return []byte("{"), true, nil }
func (brokenCache) Put(context.Context, string, []byte, []byte) error { return errors.New("disk full") }

func TestCacheThatFails(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{})
	c, _ := newClient(t, srv, nil)
	_, err := llm.Cached(c, brokenCache{}).Complete(t.Context(), request(""))
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("Complete: %v, want the cache's error", err)
	}
}

// packingCache packs requests, but not before the model is being asked.
type packingCache struct {
	llm.Cache
	asked chan struct{}
	kept  []byte
}

func (c *packingCache) Pack(request []byte) []byte {
	<-c.asked
	return append([]byte("packed "), request...)
}

func (c *packingCache) Put(_ context.Context, _ string, request, _ []byte) error {
	c.kept = request
	return nil
}

type modelFunc func() (extract.Reply, error)

func (f modelFunc) Complete(context.Context, extract.Request) (extract.Reply, error) { return f() }

func TestCacheThatPacks(t *testing.T) {
	cache := &packingCache{Cache: llm.Dir(t.TempDir()), asked: make(chan struct{})}
	reply, err := llm.Cached(modelFunc(func() (extract.Reply, error) {
		close(cache.asked)
		return extract.Reply{Text: "yes"}, nil
	}), cache).Complete(t.Context(), request("why?"))
	if err != nil || reply.Text != "yes" {
		t.Fatalf("Complete = %+v, %v", reply, err)
	}
	if !bytes.HasPrefix(cache.kept, []byte("packed {")) || !bytes.Contains(cache.kept, []byte("why?")) {
		t.Errorf("the request is kept as %q", cache.kept)
	}
}

func TestKey(t *testing.T) {
	base := request("")
	seed := int64(1)
	change := map[string]func(*extract.Request){
		"model":       func(r *extract.Request) { r.Model = "other" },
		"schema":      func(r *extract.Request) { r.Schema = []byte("{}") },
		"messages":    func(r *extract.Request) { r.Messages = r.Messages[1:] },
		"temperature": func(r *extract.Request) { r.Temperature = 0.1 },
		"top_p":       func(r *extract.Request) { r.TopP = 0.1 },
		"seed":        func(r *extract.Request) { r.Seed = &seed },
		"sample":      func(r *extract.Request) { r.Sample = 1 },
	}
	for name, f := range change {
		r := base
		f(&r)
		if llm.Key(r) == llm.Key(base) {
			t.Errorf("another %s has the same key", name)
		}
	}
	r := base
	r.MaxTokens = 5
	if llm.Key(r) != llm.Key(base) {
		t.Error("room for the reply changes the key")
	}
}

// How full the slots are kept: 160 requests of 200 ms, 16 at once. The ratio
// to the best possible time is what to look at.
func BenchmarkSlots(b *testing.B) {
	const requests, atOnce, latency = 160, 16, 200 * time.Millisecond
	srv := llmtest.New(b, llmtest.Script{Latency: latency})
	c := llm.New(llm.Options{URL: srv.URL, Model: "scripted", Concurrency: atOnce})
	b.Cleanup(c.Close)
	for b.Loop() {
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				if _, err := c.Complete(b.Context(), request(fmt.Sprint(i))); err != nil {
					b.Errorf("request %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	}
	best := float64(requests) / atOnce * latency.Seconds()
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/best, "×best")
}

// TestReread reads a reply again that could not be read when it came, before
// the model is asked again.
func TestReread(t *testing.T) {
	server := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Prose}}})
	kept := llm.Dir(t.TempDir())
	model := llm.Cached(llm.New(llm.Options{URL: server.URL, Model: "scripted"}), kept)
	r := extract.Request{Messages: []extract.Message{{Role: "user", Content: "Basalt cools fast."}}, SchemaName: "s",
		Schema: []byte(`{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"],"additionalProperties":false}`)}
	if _, err := model.Complete(t.Context(), r); llm.Kind(err) != llm.Malformed {
		t.Fatalf("Complete = %v", err)
	}
	asked := server.Stats().Requests
	// As if the reader had been too strict: what was kept is now readable.
	key := r
	key.Model = "scripted"
	name := llm.Key(key)
	if data, ok, err := kept.Get(t.Context(), name); err != nil || !ok || !strings.Contains(string(data), "interesting") {
		t.Fatalf("the reply is not kept: %s, %v", data, err)
	}
	if err := kept.Put(t.Context(), name, nil, []byte(`{"raw":"<think>so</think>Here: {\"answer\": \"yes\"}"}`)); err != nil {
		t.Fatal(err)
	}
	reply, err := model.Complete(t.Context(), r)
	if err != nil || !reply.Cached || !strings.Contains(reply.Text, "yes") || server.Stats().Requests != asked {
		t.Errorf("Complete again = %+v, %v, after %d more requests", reply, err, server.Stats().Requests-asked)
	}
	if again, err := model.Complete(t.Context(), r); err != nil || again.Text != reply.Text {
		t.Errorf("Complete once more = %+v, %v", again, err)
	}
}
