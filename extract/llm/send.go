package llm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"seedbed/extract"
)

// send sends a request until it is answered, refused for good, or not worth
// waiting for any longer.
func (c *Client) send(ctx context.Context, r extract.Request) (extract.Reply, error) {
	var waited time.Duration
	late := 0
	for attempt := 1; ; attempt++ {
		reply, err := c.adapted(ctx, r)
		if err == nil {
			return reply, nil
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.Retryable() || attempt == c.opts.MaxAttempts {
			return extract.Reply{}, err
		}
		// Each timeout is a long wait of its own: a second chance, no third.
		if e.Kind == Timeout {
			if late++; late == 2 {
				return extract.Reply{}, err
			}
		}
		wait := backoff(attempt)
		if e.RetryAfter > 0 {
			wait = jittered(e.RetryAfter)
		}
		if waited+wait > c.opts.MaxWait {
			return extract.Reply{}, err
		}
		c.opts.Log.Warn("model server failed, trying again",
			"server", c.host, "model", r.Model, "attempt", attempt, "wait", wait.Round(time.Millisecond), "error", err)
		if err := c.opts.Sleep(ctx, wait); err != nil {
			return extract.Reply{}, fmt.Errorf("ask %s: %w", r.Model, err)
		}
		waited += wait
	}
}

// backoff is how long to wait after the n-th failure: a quarter of a second,
// doubled each time up to 30 seconds, of which a random half is kept.
func backoff(n int) time.Duration {
	d := 250 * time.Millisecond << min(n-1, 7)
	d = min(d, 30*time.Second)
	return d/2 + rand.N(d/2)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sizes are what requests come to at this server, as far as is known.
type sizes struct {
	perByte float64 // tokens of a request's byte
	reply   float64 // tokens
}

// tokens guesses what a request will use, its reply with it.
func (s sizes) tokens(bytes int) int { return int(float64(bytes)*s.perByte + s.reply) }

// learn moves a tenth of the way to what the server counted.
func (s *sizes) learn(bytes int, u extract.Usage) {
	if u.In > 0 && bytes > 0 {
		s.perByte += (float64(u.In)/float64(bytes) - s.perByte) / 10
	}
	if u.Out > 0 {
		s.reply += (float64(u.Out) - s.reply) / 10
	}
}

// A plan is what a request may hold for a server and model to take it. It
// starts with everything and only ever loses.
type plan struct {
	format       format
	noStream     bool
	noUsage      bool // stream_options
	noMaxTokens  bool // max_completion_tokens in its place
	noTemper     bool
	noTopP       bool
	noRandomSeed bool
}

// Ways to ask for JSON, best first.
type format int

const (
	strict format = iota // json_schema, held to strictly
	loose                // json_schema
	object               // json_object, the schema in the prompt
	text                 // the schema in the prompt
)

// adapted sends a request once, and again without whatever the server says it
// does not take. What it took is remembered.
func (c *Client) adapted(ctx context.Context, r extract.Request) (extract.Reply, error) {
	for {
		p := c.plan(r)
		reply, err := c.once(ctx, r, p)
		said, ok := errors.AsType[complaint](err)
		if !ok {
			return reply, err
		}
		e, _ := errors.AsType[*Error](err)
		next := p.without(said, e, r)
		if next == p {
			return reply, err
		}
		c.opts.Log.Info("model server does not take part of the request, leaving it out",
			"server", c.host, "model", r.Model, "schema", r.SchemaName, "error", err)
		c.mu.Lock()
		if key := planKey(r); c.plans[key] == p { // else somebody found out at the same time
			c.plans[key] = next
		}
		c.mu.Unlock()
	}
}

// plan is what the server took so far of a request like r.
func (c *Client) plan(r extract.Request) plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plans[planKey(r)]
}

func planKey(r extract.Request) string { return r.Model + "\x00" + string(r.Schema) }

// without is the plan after a complaint, the same plan where the complaint is
// about something else.
func (p plan) without(said complaint, e *Error, r extract.Request) plan {
	switch e.Status {
	case http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity,
		http.StatusInternalServerError, http.StatusNotImplemented:
	default:
		return p
	}
	if e.Kind == TooLong || e.Kind == Quota || e.Kind == Refusal || e.Kind == Auth {
		return p
	}
	if r.Schema != nil && p.format < text && said.has("response_format", "response format", "json_schema", "json schema",
		"json_object", "structured output", "structured_output", "guided", "grammar", "invalid schema") {
		aboutSchema := said.has("invalid schema", "additionalproperties", "'strict'", "\"strict\"")
		switch {
		case p.format == strict && aboutSchema:
			p.format = loose
		case p.format <= loose:
			p.format = object
		default:
			p.format = text
		}
		return p
	}
	switch {
	case !p.noUsage && !p.noStream && said.about("stream_options"):
		p.noUsage = true
	case !p.noStream && said.about("stream"):
		p.noStream = true
	case r.MaxTokens > 0 && !p.noMaxTokens && said.about("max_tokens"):
		p.noMaxTokens = true
	case !p.noTemper && said.about("temperature"):
		p.noTemper = true
	case r.TopP > 0 && !p.noTopP && said.about("top_p"):
		p.noTopP = true
	case (r.Seed != nil || r.Sample > 0) && !p.noRandomSeed && said.about("seed"):
		p.noRandomSeed = true
	case e.Status == http.StatusNotImplemented && r.Schema != nil && p.format < text:
		p.format = max(p.format+1, object)
	}
	return p
}

// about reports whether the complaint is that a field is not taken.
func (c complaint) about(field string) bool {
	if !c.has("support", "unknown", "unrecognized", "unexpected", "not permitted", "not allowed", "extra", "does not take", "not available") {
		return false
	}
	if c.param == field {
		return true
	}
	for _, quote := range []string{"'", "`", `"`, `\"`} {
		if strings.Contains(c.all, quote+field+quote) {
			return true
		}
	}
	return false
}

// body is the request as JSON.
func (p plan) body(r extract.Request) ([]byte, error) {
	messages := r.Messages
	m := map[string]any{"model": r.Model}
	if r.Schema != nil {
		switch p.format {
		case strict, loose:
			name := r.SchemaName
			if name == "" {
				name = "reply"
			}
			m["response_format"] = map[string]any{
				"type":        "json_schema",
				"json_schema": map[string]any{"name": name, "strict": p.format == strict, "schema": json.RawMessage(r.Schema)},
			}
		case object:
			m["response_format"] = map[string]any{"type": "json_object"}
			messages = withSchema(messages, r.Schema)
		case text:
			messages = withSchema(messages, r.Schema)
		}
	}
	m["messages"] = messages
	if !p.noStream {
		m["stream"] = true
		if !p.noUsage {
			m["stream_options"] = map[string]any{"include_usage": true}
		}
	}
	if r.MaxTokens > 0 {
		name := "max_tokens"
		if p.noMaxTokens {
			name = "max_completion_tokens"
		}
		m[name] = r.MaxTokens
	}
	if !p.noTemper {
		m["temperature"] = r.Temperature
	}
	if r.TopP > 0 && !p.noTopP {
		m["top_p"] = r.TopP
	}
	if !p.noRandomSeed {
		switch {
		case r.Seed != nil:
			m["seed"] = *r.Seed
		case r.Sample > 0:
			// Servers that draw from a fixed seed would repeat themselves.
			m["seed"] = r.Sample
		}
	}
	return json.Marshal(m)
}

// withSchema puts the schema at the end of the last message that is the
// user's, unless it is there.
func withSchema(messages []extract.Message, schema []byte) []extract.Message {
	out := slices.Clone(messages)
	for i, m := range slices.Backward(out) {
		if m.Role != "user" {
			continue
		}
		if !strings.HasSuffix(m.Content, inPrompt(schema)) {
			out[i].Content += inPrompt(schema)
		}
		return out
	}
	return append(out, extract.Message{Role: "user", Content: strings.TrimSpace(inPrompt(schema))})
}

// inPrompt asks for JSON in words.
func inPrompt(schema []byte) string {
	return "\n\nReply with one JSON value that satisfies this JSON Schema, and with nothing else:\n<schema>\n" + string(schema) + "\n</schema>"
}

// once sends a request one time, when the limiter lets it through.
func (c *Client) once(ctx context.Context, r extract.Request, p plan) (extract.Reply, error) {
	body, err := p.body(r)
	if err != nil {
		return extract.Reply{}, &Error{Kind: Invalid, Message: fmt.Sprintf("schema %s is not JSON: %v", r.SchemaName, err), Err: err}
	}
	c.mu.Lock()
	tokens, prompt := c.sizes.tokens(len(body)), int(float64(len(body))*c.sizes.perByte)
	c.mu.Unlock()
	native, err := c.native(r, prompt)
	if err != nil {
		return extract.Reply{}, err
	}
	release, err := c.opts.Limiter.Acquire(ctx, tokens)
	if err != nil {
		return extract.Reply{}, fmt.Errorf("ask %s at %s: %w", r.Model, c.host, err)
	}
	start := c.opts.Now()
	reply, err := c.timed(ctx, r, body, native)
	took := c.opts.Now().Sub(start)
	o := Outcome{Answered: err == nil, Tokens: reply.Usage.In + reply.Usage.Out, Reply: reply.Usage.Out, Took: took}
	if e, ok := errors.AsType[*Error](err); ok {
		o.Tokens = e.Usage.In + e.Usage.Out
		if o.Refused = e.overloaded(); o.Refused {
			o.RetryAfter = e.RetryAfter
		}
	}
	release(o)
	if err != nil {
		return extract.Reply{}, err
	}
	c.mu.Lock()
	c.sizes.learn(len(body), reply.Usage)
	c.mu.Unlock()
	c.opts.Log.Debug("model answered", "server", c.host, "model", r.Model, "schema", r.SchemaName,
		"took", took, "in", reply.Usage.In, "out", reply.Usage.Out, "finish", reply.FinishReason)
	return reply, nil
}

// timed sends a request and says, where it fails, whether it took too long.
func (c *Client) timed(ctx context.Context, r extract.Request, body, native []byte) (extract.Reply, error) {
	w := newWatch(ctx, c.opts.Timeouts)
	defer w.stop()
	reply, err := c.post(w, r, body, native)
	if err == nil {
		return reply, nil
	}
	if ctx.Err() != nil {
		return extract.Reply{}, fmt.Errorf("ask %s: %w", r.Model, context.Cause(ctx))
	}
	if late, ok := errors.AsType[lateError](context.Cause(w.ctx)); ok {
		return extract.Reply{}, &Error{Kind: Timeout, Message: fmt.Sprintf("%s at %s %s", r.Model, c.host, late), Err: late}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return extract.Reply{}, e
	}
	return extract.Reply{}, c.unreachable(err)
}

// unreachable is the error for a server that there is no speaking to.
func (c *Client) unreachable(err error) *Error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL, which may hold a password
	}
	return &Error{Kind: Unavailable, Message: c.redact(fmt.Sprintf("cannot reach %s: %s", c.host, clip(clean(err.Error()), 300))), Err: err}
}

// post does the round trip and reads the reply. Native is the request for the
// server's own interface, where it has one that is better.
func (c *Client) post(w *watch, r extract.Request, body, native []byte) (extract.Reply, error) {
	address := c.base + "/chat/completions"
	if native != nil {
		address, body = c.root()+"/api/chat", native
	}
	req, err := c.requestTo(w.ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return extract.Reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return extract.Reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(w.reader(res.Body), 64<<10))
		return extract.Reply{}, c.fault(r.Model, res.StatusCode, res.Header, said)
	}
	a := answer{max: c.opts.MaxReply}
	reader := bufio.NewReader(w.reader(res.Body))
	start, _ := reader.Peek(5) // an error shows again in the reading
	switch {
	case native != nil:
		err = a.lines(reader)
	case strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") || string(start) == "data:":
		err = a.stream(reader)
		if err == nil {
			w.settle(reader)
		}
	default:
		err = a.body(reader)
	}
	a.usage.Cost = a.usage.Tokens().Cost(c.opts.PriceIn, c.opts.PriceOut)
	if f, ok := errors.AsType[faultError](err); ok {
		return extract.Reply{}, c.fault(r.Model, res.StatusCode, res.Header, f)
	}
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Message = fmt.Sprintf("%s at %s %s", r.Model, c.host, e.Message)
			e.Raw, e.Usage = c.redact(e.Raw), a.usage
		}
		return extract.Reply{}, err
	}
	return c.judge(r, &a)
}

// judge makes a reply of what came, unless it says nothing.
func (c *Client) judge(r extract.Request, a *answer) (extract.Reply, error) {
	raw := c.redact(a.content.String()) // a server may repeat what it was sent
	reply := extract.Reply{Raw: raw, Model: clip(clean(a.model), 200), FinishReason: a.finish, Usage: a.usage}
	if reply.Model == "" {
		reply.Model = r.Model
	}
	var thought string
	reply.Text, thought = unthink(raw)
	reply.Reasoning = c.redact(strings.TrimSpace(a.reasoning.String() + "\n" + thought))
	if r.Schema == nil {
		reply.Text = unfence(reply.Text)
	}
	switch {
	case a.refused.Len() > 0:
		return extract.Reply{}, c.refusal(r, reply, clip(a.refused.String(), 300))
	case a.finish == "content_filter":
		return extract.Reply{}, c.refusal(r, reply, "the server's content filter stopped it")
	case a.finish == "length":
		return reply, nil // for whole to deal with
	case strings.TrimSpace(raw) == "" && reply.Reasoning != "":
		return extract.Reply{}, c.refusal(r, reply, "it thought, and then said nothing")
	case strings.TrimSpace(raw) == "":
		return extract.Reply{}, c.refusal(r, reply, "the reply is empty (some servers say this of a request that does not fit)")
	}
	return reply, nil
}

// request makes a request that carries the key to the base URL's host.
func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	return c.requestTo(ctx, method, c.base+path, body)
}

func (c *Client) requestTo(ctx context.Context, method, address string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, &Error{Kind: Invalid, Message: "the model server's URL is not usable", Err: err}
	}
	if c.opts.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.opts.Key)
	}
	req.Header.Set("User-Agent", "seedbed")
	return req, nil
}
