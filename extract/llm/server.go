package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"seedbed/extract"
)

// A Server is what a model server says of itself, as far as it does.
type Server struct {
	Kind    string // "ollama", "llama.cpp", "" for any other
	Slots   int    // requests it works on at once, 0 where it does not say
	Context int    // tokens that prompt and reply share, 0 where it does not say
}

// Learn asks the server what it is, once; later calls remember. It takes a
// few seconds at most and never fails: what does not answer is any other.
//
// llama-server tells its slots and its context in /props. Ollama's
// OpenAI-compatible endpoint takes no num_ctx and cuts what is longer than
// its own without a word, so that once it is known Complete speaks to
// /api/chat instead, with room for the whole request.
func (c *Client) Learn(ctx context.Context) Server {
	c.learning.Lock()
	defer c.learning.Unlock()
	if c.learned || c.bad != nil {
		return c.server.Server
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var found knownServer
	var props struct {
		Slots    int `json:"total_slots"`
		Settings struct {
			Context int `json:"n_ctx"`
		} `json:"default_generation_settings"`
	}
	var version struct {
		Version string `json:"version"`
	}
	switch {
	case c.peek(ctx, http.MethodGet, c.root()+"/api/version", nil, &version) && version.Version != "":
		found.Kind = "ollama"
		found.Context = c.ollamaContext(ctx)
	case c.peek(ctx, http.MethodGet, c.root()+"/props", nil, &props) && props.Settings.Context > 0:
		found.Kind, found.Slots, found.Context = "llama.cpp", props.Slots, props.Settings.Context
	}
	if ctx.Err() == nil { // else it may answer next time
		c.learned = true
	}
	c.mu.Lock()
	c.server = found
	c.mu.Unlock()
	return found.Server
}

// A knownServer is a Server with what the client keeps of it.
type knownServer struct {
	Server
	numCtx int // asked of Ollama: it only grows, for each change loads the model anew
}

// root is the server's URL without the /v1.
func (c *Client) root() string { return strings.TrimSuffix(c.base, "/v1") }

// ollamaContext is the longest context of the client's model, 0 where the
// server does not know.
func (c *Client) ollamaContext(ctx context.Context) int {
	ask, err := json.Marshal(map[string]string{"model": c.opts.Model})
	if err != nil {
		return 0
	}
	var show struct {
		Info map[string]json.RawMessage `json:"model_info"`
	}
	if !c.peek(ctx, http.MethodPost, c.root()+"/api/show", ask, &show) {
		return 0
	}
	for name, v := range show.Info { // "llama.context_length", by architecture
		var n int
		if strings.HasSuffix(name, ".context_length") && json.Unmarshal(v, &n) == nil {
			return n
		}
	}
	return 0
}

// peek asks for some JSON and reports whether it came.
func (c *Client) peek(ctx context.Context, method, url string, body []byte, into any) bool {
	req, err := c.requestTo(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	res, err := c.http.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return err == nil && res.StatusCode == http.StatusOK && json.Unmarshal(data, into) == nil
}

// leastContext is what Ollama is asked for at least: enough for a passage,
// its prompt and a long reply.
const leastContext = 8192

// native makes a request for Ollama's own interface, nil where the server is
// another. The error is one of the kind TooLong where the model has no room
// for it.
func (c *Client) native(r extract.Request, tokens int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.server
	if s.Kind != "ollama" {
		return nil, nil
	}
	need := tokens + max(r.MaxTokens, 2048)
	if s.Context > 0 && need > s.Context {
		if tokens >= s.Context {
			return nil, &Error{Kind: TooLong, Message: fmt.Sprintf("the request is longer than %s takes: about %d tokens, and its context has %d", r.Model, tokens, s.Context)}
		}
		need = s.Context
	}
	s.numCtx = max(s.numCtx, leastContext)
	for s.numCtx < need {
		s.numCtx *= 2
	}
	if s.Context > 0 {
		s.numCtx = min(s.numCtx, s.Context)
	}
	options := map[string]any{"num_ctx": s.numCtx, "temperature": r.Temperature}
	if r.TopP > 0 {
		options["top_p"] = r.TopP
	}
	if r.MaxTokens > 0 {
		options["num_predict"] = r.MaxTokens
	}
	switch {
	case r.Seed != nil:
		options["seed"] = *r.Seed
	case r.Sample > 0:
		options["seed"] = r.Sample
	}
	m := map[string]any{"model": r.Model, "messages": r.Messages, "stream": true, "options": options}
	if r.Schema != nil {
		m["format"] = json.RawMessage(r.Schema)
	}
	return json.Marshal(m)
}

// lines reads what Ollama's own interface sends: a piece of JSON a line.
func (a *answer) lines(r io.Reader) error {
	lines := a.scanner(r)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var piece struct {
			Model   string `json:"model"`
			Message struct {
				Content  string `json:"content"`
				Thinking string `json:"thinking"`
			} `json:"message"`
			Done   bool            `json:"done"`
			Reason string          `json:"done_reason"`
			In     int             `json:"prompt_eval_count"`
			Out    int             `json:"eval_count"`
			Error  json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &piece); err != nil {
			return fmt.Errorf("read the stream: %w in %s", err, clip(clean(lines.Text()), 100))
		}
		if fails(piece.Error) {
			return faultError(bytes.Clone(lines.Bytes()))
		}
		a.model = piece.Model
		a.content.WriteString(piece.Message.Content)
		a.reasoning.WriteString(piece.Message.Thinking)
		if a.content.Len()+a.reasoning.Len() > a.max {
			return a.tooMuch()
		}
		if piece.Done {
			a.finish, a.usage = piece.Reason, extract.Usage{In: piece.In, Out: piece.Out}
			return nil
		}
	}
	return a.brokenOff(lines)
}
