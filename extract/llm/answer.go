package llm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"seedbed/extract"
)

// An answer collects what a server sends, in one piece or in many. Requests
// are streamed because only a stream tells a slow model from a dead one; a
// server that does not stream is understood as well.
type answer struct {
	content, reasoning, refused strings.Builder

	model  string
	finish string
	usage  extract.Usage
	max    int // bytes
}

// A faultError is a body that reports a failure in place of a reply.
type faultError []byte

func (e faultError) Error() string { return string(e) }

// completion is a chat completion, whole (Message) or a piece (Delta).
type completion struct {
	Model   string `json:"model"`
	Choices []struct {
		Delta        turn   `json:"delta"`
		Message      turn   `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		In      int `json:"prompt_tokens"`
		Out     int `json:"completion_tokens"`
		Details *struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		Hit  int `json:"prompt_cache_hit_tokens"` // DeepSeek
		Read int `json:"cache_read_input_tokens"` // Anthropic
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

type turn struct {
	Content          words  `json:"content"`
	Refusal          string `json:"refusal"`
	ReasoningContent string `json:"reasoning_content"` // DeepSeek, llama.cpp, older vLLM
	Reasoning        string `json:"reasoning"`         // Ollama, OpenRouter, vLLM
}

// words are a turn's content: a string, or a list of parts of which some may
// be thinking.
type words struct{ said, thought string }

func (w *words) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		var parts []struct {
			Text     string `json:"text"`
			Thinking words  `json:"thinking"`
		}
		if err := json.Unmarshal(data, &parts); err != nil {
			return err
		}
		for _, p := range parts {
			w.said += p.Text
			w.thought += p.Thinking.said
		}
		return nil
	}
	return json.Unmarshal(data, &w.said)
}

// body reads a reply sent in one piece.
func (a *answer) body(r io.Reader) error {
	limit := int64(a.max)*6 + 1<<20 // as JSON, with every character escaped
	data, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	if int64(len(data)) == limit {
		return &Error{Kind: Malformed, Message: fmt.Sprintf("sent more than %d bytes", limit)}
	}
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Offset >= int64(len(data)) && len(data) > 0 {
			return errors.New("the reply breaks off")
		}
		return &Error{Kind: Invalid, Message: "answered with something other than a chat completion (does the URL end in /v1?): " + clip(clean(string(data)), 200)}
	}
	if fails(c.Error) || len(c.Choices) == 0 {
		return faultError(data)
	}
	return a.take(c)
}

// stream reads a reply sent as server-sent events.
func (a *answer) stream(r io.Reader) error {
	lines := a.scanner(r)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		data = bytes.TrimSpace(data)
		if !ok || len(data) == 0 { // comments that keep the connection alive, event names
			continue
		}
		if string(data) == "[DONE]" {
			return nil
		}
		var c completion
		if err := json.Unmarshal(data, &c); err != nil {
			return fmt.Errorf("read the stream: %w in %s", err, clip(clean(string(data)), 100))
		}
		if fails(c.Error) {
			return faultError(bytes.Clone(data))
		}
		if err := a.take(c); err != nil {
			return err
		}
	}
	if a.finish != "" && lines.Err() == nil {
		return nil
	}
	return a.brokenOff(lines)
}

// scanner reads a stream line by line.
func (a *answer) scanner(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), a.max+1<<20)
	return lines
}

// brokenOff is why a stream ended that had not said its last.
func (a *answer) brokenOff(lines *bufio.Scanner) error {
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return a.tooMuch()
	case err != nil:
		return fmt.Errorf("read the stream: %w", err)
	}
	return errors.New("the stream breaks off")
}

func (a *answer) take(c completion) error {
	if c.Model != "" {
		a.model = c.Model
	}
	if u := c.Usage; u != nil {
		a.usage = extract.Usage{In: u.In, Out: u.Out, Cached: max(u.Hit, u.Read)}
		if u.Details != nil {
			a.usage.Cached = u.Details.Cached
		}
	}
	if len(c.Choices) == 0 { // a stream's last piece brings only the usage
		return nil
	}
	choice := c.Choices[0]
	for _, t := range []turn{choice.Delta, choice.Message} {
		a.content.WriteString(t.Content.said)
		a.reasoning.WriteString(t.Content.thought)
		a.refused.WriteString(t.Refusal)
		// A server that sends both fields sends the same words in them.
		if t.ReasoningContent != "" {
			a.reasoning.WriteString(t.ReasoningContent)
		} else {
			a.reasoning.WriteString(t.Reasoning)
		}
	}
	if choice.FinishReason != "" {
		a.finish = choice.FinishReason
	}
	if a.content.Len()+a.reasoning.Len()+a.refused.Len() > a.max {
		return a.tooMuch()
	}
	return nil
}

func (a *answer) tooMuch() error {
	return &Error{
		Kind:    Malformed,
		Message: fmt.Sprintf("went on for more than %d bytes", a.max),
		Raw:     clip(a.content.String(), 64<<10),
	}
}

func fails(v json.RawMessage) bool { return len(v) > 0 && string(v) != "null" }
