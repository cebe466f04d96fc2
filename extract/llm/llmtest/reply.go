package llmtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// reply is what goes out.
type reply struct {
	content   string
	reasoning string
	refusal   string
	finish    string
	cutAt     int // bytes of content after which the connection ends, 0 is never
	errorAt   int // bytes of content after which an error is reported
	stallAt   int // bytes of content after which nothing comes
	drip      time.Duration
	endless   bool
}

// answer sends what the rule wants and reports whether it was a good reply,
// sent whole.
func (s *Server) answer(ctx context.Context, w http.ResponseWriter, req Request, rule Rule) bool {
	good := s.script.Answer(req)
	half := max(1, len(good)/2)
	out := reply{content: good, finish: "stop"}
	switch rule.Fault {
	case "":
	case RateLimit:
		after(w, rule)
		fail(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit reached for requests")
		return false
	case ServerError:
		fail(w, http.StatusInternalServerError, "server_error", "The server had an error while processing your request")
		return false
	case BadGateway:
		html(w, http.StatusBadGateway, "502 Bad Gateway")
		return false
	case Overloaded:
		after(w, rule)
		fail(w, http.StatusServiceUnavailable, "overloaded", "The model is overloaded")
		return false
	case Unauthorized:
		fail(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
		return false
	case NoModel:
		fail(w, http.StatusNotFound, "model_not_found", fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", req.Model))
		return false
	case NoQuota:
		fail(w, http.StatusTooManyRequests, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
		return false
	case TooLong:
		fail(w, http.StatusBadRequest, "context_length_exceeded", "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.")
		return false
	case Redirect:
		w.Header().Set("Location", "http://elsewhere.invalid/v1/chat/completions")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return false
	case NotJSON:
		html(w, http.StatusOK, "Welcome to the router")
		return false
	case Hang:
		<-ctx.Done()
		return false
	case Reset:
		reset(w)
		return false
	case Slow:
		if !wait(ctx, rule.Delay) {
			return false
		}
	case Drip:
		out.drip = rule.Delay
	case Stall:
		out.stallAt = half
	case Cut:
		out.cutAt = half
	case StreamError:
		out.errorAt = half
	case Endless:
		out.endless = true
	case Truncated:
		out.content = good[:half]
	case Length:
		out.content, out.finish = good[:half], "length"
	case Fences:
		out.content = "Here is the result:\n\n```json\n" + good + "\n```\n\nI hope this helps."
	case Think:
		out.content = "<think>\nThe user wants {\"something\": 1}.\n</think>\n\n" + good
	case ThinkUnclosed:
		out.content = "<think>\nThe user wants JSON, so here it is.\n" + good
	case ThinkUnopened:
		out.content = "The user wants JSON.\n</think>\n" + good
	case Reasoning:
		out.reasoning = "The user wants JSON."
	case WrongSchema:
		out.content = `{"unexpected": true}`
	case Prose:
		out.content = "I have read the passage, and it is interesting."
	case Broken:
		if i := strings.LastIndexByte(good, '}'); i > 0 {
			out.content = "// the result\n" + good[:i] + ",}"
		}
	case LaTeX:
		out.content = strings.ReplaceAll(good, `\\`, `\`)
	case Refusal:
		out.content, out.refusal = "", "I'm sorry, I cannot help with that."
	case Filtered:
		out.content, out.finish = "", "content_filter"
	case Empty:
		out.content = ""
	case Invented:
		out.content = invent(good)
	default:
		fail(w, http.StatusInternalServerError, "script", "the script has no fault "+string(rule.Fault))
		return false
	}
	whole := s.send(ctx, w, req, out)
	switch rule.Fault {
	case "", Slow, Drip, Fences, Think, ThinkUnclosed, ThinkUnopened, Reasoning, Broken, LaTeX, Invented:
		return whole
	}
	return false
}

// send writes a reply in one piece or in many.
func (s *Server) send(ctx context.Context, w http.ResponseWriter, req Request, out reply) bool {
	in := 0
	for _, m := range req.wants.Messages {
		in += len(m.Content)/4 + 4
	}
	usage := map[string]any{
		"prompt_tokens": in, "completion_tokens": len(out.content) / 4, "total_tokens": in + len(out.content)/4,
		"prompt_tokens_details": map[string]any{"cached_tokens": s.script.CachedTokens},
	}
	if !req.wants.Stream || s.script.NoStream {
		return sendWhole(ctx, w, req, out, usage)
	}

	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)
	event := func(v any) bool {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // made of plain values
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
			return false
		}
		return stream.Flush() == nil && ctx.Err() == nil
	}
	piece := func(delta map[string]any, finish any) bool {
		return event(map[string]any{
			"id": fmt.Sprintf("scripted-%d", req.N), "object": "chat.completion.chunk", "model": req.Model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
		})
	}
	if !piece(map[string]any{"role": "assistant", "content": ""}, nil) {
		return false
	}
	if out.reasoning != "" && !piece(map[string]any{"reasoning_content": out.reasoning}, nil) {
		return false
	}
	if out.refusal != "" && !piece(map[string]any{"refusal": out.refusal}, nil) {
		return false
	}
	for out.endless {
		if !piece(map[string]any{"content": strings.Repeat("and so on ", 100)}, nil) {
			return false
		}
	}
	sent := 0
	for _, text := range pieces(out.content) {
		if out.drip > 0 && !wait(ctx, out.drip) {
			return false
		}
		if !piece(map[string]any{"content": text}, nil) {
			return false
		}
		sent += len(text)
		switch {
		case out.stallAt > 0 && sent >= out.stallAt:
			<-ctx.Done()
			return false
		case out.cutAt > 0 && sent >= out.cutAt:
			reset(w)
			return false
		case out.errorAt > 0 && sent >= out.errorAt:
			event(map[string]any{"error": map[string]any{"message": "the backend went away", "code": 502}})
			return false
		}
	}
	if !piece(map[string]any{}, out.finish) {
		return false
	}
	if o := req.wants.Options; o != nil && o.IncludeUsage {
		if !event(map[string]any{"object": "chat.completion.chunk", "model": req.Model, "choices": []any{}, "usage": usage}) {
			return false
		}
	}
	_, err := fmt.Fprint(w, "data: [DONE]\n\n")
	return err == nil && ctx.Err() == nil
}

func sendWhole(ctx context.Context, w http.ResponseWriter, req Request, out reply, usage map[string]any) bool {
	message := map[string]any{"role": "assistant", "content": out.content}
	if out.reasoning != "" {
		message["reasoning_content"] = out.reasoning
	}
	if out.refusal != "" {
		message["refusal"], message["content"] = out.refusal, nil
	}
	data, err := json.Marshal(map[string]any{
		"id": fmt.Sprintf("scripted-%d", req.N), "object": "chat.completion", "model": req.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": out.finish}},
		"usage":   usage,
	})
	if err != nil {
		panic(err) // made of plain values
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case out.errorAt > 0:
		fail(w, http.StatusOK, "backend", "the backend went away")
		return false
	case out.cutAt > 0 || out.stallAt > 0:
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		if out.stallAt > 0 {
			<-ctx.Done()
		}
		reset(w)
		return false
	}
	_, err = w.Write(data)
	return err == nil && ctx.Err() == nil
}

// pieces cuts a text into short runs, at characters.
func pieces(s string) []string {
	var out []string
	runes := []rune(s)
	for len(runes) > 0 {
		n := min(len(runes), 40)
		out = append(out, string(runes[:n]))
		runes = runes[n:]
	}
	return out
}

// after tells the client when to come back.
func after(w http.ResponseWriter, r Rule) {
	if r.Delay <= 0 {
		return
	}
	switch r.RetryAfter {
	case "ms":
		w.Header().Set("Retry-After-Ms", fmt.Sprint(r.Delay.Milliseconds()))
	case "date":
		w.Header().Set("Retry-After", time.Now().Add(r.Delay).UTC().Format(http.TimeFormat))
	default:
		w.Header().Set("Retry-After", fmt.Sprint(r.Delay.Seconds()))
	}
}

func html(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><head><title>%s</title></head><body><h1>%s</h1></body></html>", title, title)
}

// reset ends the connection without a goodbye.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has no other way
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// invent replaces the quotes in a reply by sentences of no passage.
func invent(good string) string {
	var v any
	if json.Unmarshal([]byte(good), &v) != nil {
		return good
	}
	n := 0
	var walk func(v any, name string) any
	walk = func(v any, name string) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k], k)
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i], name)
			}
		case string:
			if isQuote(name) {
				n++
				return fmt.Sprintf("Zebras invented the quotation number %d, which stands in no book.", n)
			}
		}
		return v
	}
	data, err := json.Marshal(walk(v, ""))
	if err != nil {
		return good
	}
	return string(data)
}
