package llmtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
)

// Props are what llama-server says of itself in /props.
type Props struct {
	Slots   int
	Context int
}

func (s *Server) serveProps(w http.ResponseWriter, r *http.Request) bool {
	p := s.script.Props
	if p == nil || r.Method != http.MethodGet || r.URL.Path != "/props" {
		return false
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"total_slots": p.Slots, "default_generation_settings": map[string]any{"n_ctx": p.Context}, "model_path": "scripted.gguf",
	})
	return true
}

// Ollama lets a server speak Ollama's own interface as it is published:
// /api/version, /api/show and /api/chat. What is longer than the context,
// 2,048 tokens where num_ctx says nothing else, is cut from the front without
// a word, on /v1/chat/completions as well, which takes no num_ctx.
type Ollama struct {
	Context int // the longest context of the model
}

func (s *Server) serveOllama(w http.ResponseWriter, r *http.Request) bool {
	o := s.script.Ollama
	if o == nil {
		return false
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /api/version":
		writeJSON(w, http.StatusOK, map[string]string{"version": "0.12.3"})
	case "POST /api/show":
		writeJSON(w, http.StatusOK, map[string]any{"model_info": map[string]any{"general.architecture": "scripted", "scripted.context_length": o.Context}})
	case "POST /api/chat":
		s.ollamaChat(w, r)
	default:
		return false
	}
	return true
}

func (s *Server) ollamaChat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model    string          `json:"model"`
		Messages []message       `json:"messages"`
		Format   json.RawMessage `json:"format"`
		Options  struct {
			Context     int      `json:"num_ctx"`
			Predict     int      `json:"num_predict"`
			Temperature *float64 `json:"temperature"`
			TopP        *float64 `json:"top_p"`
			Seed        *int64   `json:"seed"`
		} `json:"options"`
	}
	data, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(data, &in) != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid JSON"})
		return
	}
	if in.Options.Context == 0 {
		in.Options.Context = 2048
	}
	body := map[string]any{"model": in.Model, "messages": cut(in.Messages, 4*in.Options.Context), "temperature": in.Options.Temperature}
	if len(in.Format) > 0 {
		body["response_format"] = map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "reply", "schema": in.Format}}
	}
	if in.Options.Seed != nil {
		body["seed"] = *in.Options.Seed
	}
	// The same script answers, in other words.
	data, err = json.Marshal(body)
	if err != nil {
		panic(err) // it was JSON a moment ago
	}
	inner := r.Clone(r.Context())
	inner.Body = io.NopCloser(bytes.NewReader(data))
	rec := httptest.NewRecorder()
	s.chat(rec, inner)
	if rec.Code != http.StatusOK {
		var said struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		_ = json.Unmarshal(rec.Body.Bytes(), &said) // else there are no words
		writeJSON(w, rec.Code, map[string]string{"error": said.Error.Message})
		return
	}
	var out struct {
		Choices []struct {
			Message      message `json:"message"`
			FinishReason string  `json:"finish_reason"`
		} `json:"choices"`
		Usage struct {
			In  int `json:"prompt_tokens"`
			Out int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if json.Unmarshal(rec.Body.Bytes(), &out) != nil || len(out.Choices) == 0 {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "model runner has unexpectedly stopped"})
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	text := []rune(out.Choices[0].Message.Content)
	half := len(text) / 2
	for _, part := range []string{string(text[:half]), string(text[half:])} {
		_ = enc.Encode(map[string]any{"model": in.Model, "message": message{"assistant", part}, "done": false}) // the client may have gone
	}
	_ = enc.Encode(map[string]any{
		"model": in.Model, "message": message{"assistant", ""}, "done": true, "done_reason": out.Choices[0].FinishReason,
		"prompt_eval_count": out.Usage.In, "eval_count": out.Usage.Out,
	})
}

// cut keeps the last n bytes of a chat, as a server that says nothing does.
func cut(messages []message, n int) []message {
	var out []message
	for i := len(messages) - 1; i >= 0 && n > 0; i-- {
		m := messages[i]
		if len(m.Content) > n {
			m.Content = m.Content[len(m.Content)-n:]
		}
		n -= len(m.Content)
		out = append([]message{m}, out...)
	}
	return out
}
