// Package llmtest is an OpenAI-compatible server for tests. It answers over
// real HTTP, plausibly and always the same, and fails on purpose where its
// script says so.
//
// The passage a prompt is about stands between the lines <passage> and
// </passage>; without them the last user message is the passage. The reply to
// a request with a JSON schema is made by walking the schema, see [Answer].
package llmtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Script says how a server behaves. The zero value answers every request
// well and at once.
type Script struct {
	Rules   []Rule        // the first that matches a request decides what goes wrong
	Latency time.Duration // before every answer
	Jitter  time.Duration // up to so much more or less
	Seed    uint64        // of everything random
	Key     string        // other keys are refused; "" takes any
	Models  []string      // others are not found; nil takes any and lists "scripted"

	NoSchema bool     // refuses response_format json_schema
	NoObject bool     // refuses response_format json_object
	NoStream bool     // sends every reply in one piece
	Refuses  []string // other request fields that are refused: "temperature", "stream_options", …

	Batches *Batches // nil is a server without a Batch API
	Ollama  *Ollama  // nil is another server
	Props   *Props   // of llama-server; nil is another server

	Context int // tokens of prompt that are taken, as four bytes each; longer ones are refused; 0 is no limit

	CachedTokens int // reported as read from the server's prefix cache

	Answer func(Request) string           // the content of a good reply, nil is Answer
	Before func(context.Context, Request) // called while a request is in flight, before it is answered
}

// A Rule lets requests fail. All its conditions have to hold; without any it
// matches every request.
type Rule struct {
	Fault Fault

	Nth   int     // only the n-th request to the server, from 1
	Every int     // only each k-th
	Text  string  // only requests with this in a message
	Share float64 // only this share of them, drawn with the script's seed
	First int     // only the first n requests of the same prompt
	Times int     // only so often in all

	Delay      time.Duration // Slow, Drip: how long; 429 and 503: their Retry-After
	RetryAfter string        // how 429 and 503 say Delay: "seconds" (the default), "ms" or "date"
}

// A Fault is one way to fail.
type Fault string

// What can go wrong.
const (
	RateLimit     Fault = "429"            // with Retry-After where the rule has a Delay
	ServerError   Fault = "500"            //
	BadGateway    Fault = "502"            // with a page of HTML
	Overloaded    Fault = "503"            //
	Unauthorized  Fault = "401"            //
	NoModel       Fault = "404"            //
	NoQuota       Fault = "quota"          // 429 with insufficient_quota
	TooLong       Fault = "too-long"       // 400 with context_length_exceeded
	Redirect      Fault = "redirect"       // 307 to another host
	Hang          Fault = "hang"           // says nothing until the client gives up
	Stall         Fault = "stall"          // begins, then says nothing until the client gives up
	Slow          Fault = "slow"           // waits Delay before the first byte
	Drip          Fault = "drip"           // waits Delay between pieces
	Reset         Fault = "reset"          // resets the connection
	Cut           Fault = "cut"            // ends the connection in the middle of the reply
	StreamError   Fault = "stream-error"   // reports an error in the middle of the stream
	NotJSON       Fault = "html"           // 200 with a page of HTML
	Truncated     Fault = "truncated"      // half of the JSON, finish_reason stop
	Length        Fault = "length"         // half of the JSON, finish_reason length
	Fences        Fault = "fences"         // the JSON in a code fence, with words around it
	Think         Fault = "think"          // a <think> block before the reply
	ThinkUnclosed Fault = "think-unclosed" // a <think> that never ends, the reply in it
	ThinkUnopened Fault = "think-unopened" // only the </think>
	Reasoning     Fault = "reasoning"      // reasoning_content beside the reply
	WrongSchema   Fault = "wrong-schema"   // JSON of another shape
	Prose         Fault = "prose"          // no JSON at all
	Broken        Fault = "broken"         // JSON with a trailing comma and comments
	LaTeX         Fault = "latex"          // JSON in which backslashes are not escaped
	Refusal       Fault = "refusal"        // the refusal field
	Filtered      Fault = "filtered"       // finish_reason content_filter
	Empty         Fault = "empty"          // no content
	Invented      Fault = "invented"       // quotes that are not in the passage
	Endless       Fault = "endless"        // a reply that never ends
)

// Faults are all of them.
var Faults = []Fault{
	RateLimit, ServerError, BadGateway, Overloaded, Unauthorized, NoModel, NoQuota,
	TooLong, Redirect, Hang, Stall, Slow, Drip, Reset,
	Cut, StreamError, NotJSON, Truncated, Length, Fences, Think,
	ThinkUnclosed, ThinkUnopened, Reasoning, WrongSchema, Prose, Broken, LaTeX,
	Refusal, Filtered, Empty, Invented, Endless,
}

// Known reports whether there is such a fault.
func Known(f Fault) bool { return slices.Contains(Faults, f) }

// A Request is what a client sent.
type Request struct {
	N       int // from 1, in the order of arrival
	Header  http.Header
	Body    []byte
	Model   string
	Prompt  string // hash of what makes the prompt itself: model, messages and sampling
	Try     int    // of the same prompt, from 1
	Fault   Fault  // what the script did to it
	message []message
	wants   wants
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type wants struct {
	Model       string          `json:"model"`
	Messages    []message       `json:"messages"`
	Stream      bool            `json:"stream"`
	Temperature *float64        `json:"temperature"`
	TopP        *float64        `json:"top_p"`
	Seed        *int64          `json:"seed"`
	MaxTokens   int             `json:"max_tokens"`
	Format      *responseFormat `json:"response_format"`
	Options     *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

type responseFormat struct {
	Type       string `json:"type"`
	JSONSchema struct {
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// Text is all messages, one below the other.
func (r Request) Text() string { return joined(r.message) }

func joined(messages []message) string {
	var parts []string
	for _, m := range messages {
		parts = append(parts, m.Content)
	}
	return strings.Join(parts, "\n")
}

// Seed is the seed of the sampling that was asked for, 0 without one. Draws
// of one question differ in it alone.
func (r Request) Seed() int64 {
	if r.wants.Seed == nil {
		return 0
	}
	return *r.wants.Seed
}

// Stats are a server's counts.
type Stats struct {
	Requests      int `json:"requests"`       // chat completions asked for
	Prompts       int `json:"prompts"`        // different ones
	Answered      int `json:"answered"`       // good replies sent whole
	Duplicates    int `json:"duplicates"`     // of those, to a prompt that had one already: bought twice
	Failed        int `json:"failed"`         // by the script
	MaxConcurrent int `json:"max_concurrent"` // requests in flight at once
}

// A Server answers by its script and records what it was asked. It is an
// http.Handler for /v1/chat/completions and /v1/models.
type Server struct {
	URL string // the base URL, ending in /v1; "" for a handler

	script Script
	http   *httptest.Server
	done   chan struct{}

	mu       sync.Mutex
	random   *rand.Rand
	requests []Request
	tries    map[string]int // by prompt
	answers  map[string]int // good replies by prompt
	used     []int          // by rule
	stats    Stats
	inFlight int
	files    map[string][]byte
	batches  []*batch
}

// TB is what New needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
}

// New starts a server that stops with the test. Without a test, call Close.
func New(t TB, s Script) *Server {
	srv := Handler(s)
	srv.http = httptest.NewServer(srv)
	srv.URL = srv.http.URL + "/v1"
	if t != nil {
		t.Helper()
		t.Cleanup(srv.Close)
	}
	return srv
}

// Handler makes a server that somebody else serves.
func Handler(s Script) *Server {
	if s.Answer == nil {
		s.Answer = Answer
	}
	return &Server{
		script:  s,
		done:    make(chan struct{}),
		random:  rand.New(rand.NewPCG(s.Seed, 0)),
		tries:   map[string]int{},
		answers: map[string]int{},
		files:   map[string][]byte{},
		used:    make([]int, len(s.Rules)),
	}
}

// Close lets hanging requests go and stops the server. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	closed := s.done == nil
	if !closed {
		close(s.done)
		s.done = nil
	}
	s.mu.Unlock()
	if !closed && s.http != nil {
		s.http.Close()
	}
}

// Requests are the chat completions asked for, in order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Stats are the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Requests = len(s.requests)
	stats.Prompts = len(s.tries)
	for _, n := range s.answers {
		stats.Duplicates += n - 1
	}
	return stats
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.script.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.script.Key {
		fail(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return
	}
	switch {
	case s.serveBatches(w, r), s.serveOllama(w, r), s.serveProps(w, r):
	case r.Method == http.MethodGet && r.URL.Path == "/v1/models":
		s.models(w)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/chat/completions":
		s.chat(w, r)
	default:
		fail(w, http.StatusNotFound, "not_found", "Unknown request URL: "+r.Method+" "+r.URL.Path)
	}
}

func (s *Server) models(w http.ResponseWriter) {
	names := s.script.Models
	if names == nil {
		names = []string{"scripted"}
	}
	data := []map[string]string{}
	for _, n := range names {
		data = append(data, map[string]string{"id": n, "object": "model"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	req := Request{Header: r.Header.Clone(), Body: body}
	if err := json.Unmarshal(body, &req.wants); err != nil {
		fail(w, http.StatusBadRequest, "invalid_request_error", "We could not parse the JSON body of your request: "+err.Error())
		return
	}
	if s.script.Ollama != nil && r.URL.Path == "/v1/chat/completions" {
		req.wants.Messages = cut(req.wants.Messages, 4*2048)
	}
	req.Model, req.message = req.wants.Model, req.wants.Messages
	req.Prompt = req.wants.hash()

	s.mu.Lock()
	done := s.done
	s.inFlight++
	s.stats.MaxConcurrent = max(s.stats.MaxConcurrent, s.inFlight)
	s.tries[req.Prompt]++
	req.Try = s.tries[req.Prompt]
	req.N = len(s.requests) + 1
	rule := s.rule(req)
	req.Fault = rule.Fault
	if rule.Fault != "" {
		s.stats.Failed++
	}
	s.requests = append(s.requests, req)
	latency := s.script.Latency
	if s.script.Jitter > 0 {
		latency += time.Duration((2*s.random.Float64() - 1) * float64(s.script.Jitter))
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if done == nil {
		return
	}

	// A request ends with its client or with the server.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-done:
			cancel()
		case <-stop:
		}
	}()

	if s.script.Before != nil {
		s.script.Before(ctx, req)
	}
	if !wait(ctx, latency) {
		return
	}
	if code, words := s.refuses(body, req.wants); words != "" {
		fail(w, http.StatusBadRequest, code, words)
		return
	}
	if s.answer(ctx, w, req, rule) {
		s.mu.Lock()
		s.stats.Answered++
		s.answers[req.Prompt]++
		s.mu.Unlock()
	}
}

// rule is the first rule that matches a request. The caller holds the lock.
func (s *Server) rule(r Request) Rule {
	for i, rule := range s.script.Rules {
		switch {
		case rule.Nth > 0 && r.N != rule.Nth,
			rule.Every > 0 && r.N%rule.Every != 0,
			rule.Text != "" && !strings.Contains(r.Text(), rule.Text),
			rule.First > 0 && r.Try > rule.First,
			rule.Times > 0 && s.used[i] >= rule.Times,
			rule.Share > 0 && s.random.Float64() >= rule.Share:
			continue
		}
		s.used[i]++
		return rule
	}
	return Rule{}
}

// refuses says what the server does not take, in the words servers use.
func (s *Server) refuses(body []byte, w wants) (code, words string) {
	if f := w.Format; f != nil {
		if f.Type == "json_schema" && s.script.NoSchema {
			return "invalid_request_error", "This response_format type is unavailable now"
		}
		if f.Type == "json_object" && s.script.NoObject {
			return "invalid_request_error", "'response_format.type' must be 'text'"
		}
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields) // it was read before
	for _, name := range s.script.Refuses {
		if _, ok := fields[name]; ok {
			return "unsupported_parameter", "Unsupported parameter: '" + name + "' is not supported with this model."
		}
	}
	if n := len(joined(w.Messages)) / 4; s.script.Context > 0 && n > s.script.Context {
		return "context_length_exceeded", fmt.Sprintf("This model's maximum context length is %d tokens. However, your messages resulted in %d tokens.", s.script.Context, n)
	}
	if len(s.script.Models) > 0 && !slices.Contains(s.script.Models, w.Model) {
		return "model_not_found", "The model '" + w.Model + "' does not exist"
	}
	return "", ""
}

// hash tells prompts apart. How the reply is to be formatted and how much
// room it has is no part of it.
func (w wants) hash() string {
	data, err := json.Marshal([]any{w.Model, w.Messages, w.Temperature, w.TopP, w.Seed})
	if err != nil {
		panic(err) // it was JSON a moment ago
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

func fail(w http.ResponseWriter, status int, code, words string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": words, "type": code, "code": code, "param": nil}})
}
