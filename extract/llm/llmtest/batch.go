package llmtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// Batches say how a server's Batch API behaves. It is held to what OpenAI
// publishes of theirs: files, batches, statuses, one model a file, unique
// ids, results in any order, refused requests in a file of their own. Each
// request of a batch is answered by the script's rules.
type Batches struct {
	Looks   int    // at a batch before it has ended, 2 when 0: validating, in_progress, …
	Expire  int    // a batch expires when so many of its requests are answered, 0 never
	Invalid string // every batch fails with this
}

// A batch is one that the server was given.
type batch struct {
	ID        string            `json:"id"`
	Object    string            `json:"object"`
	Endpoint  string            `json:"endpoint"`
	Errors    *batchErrors      `json:"errors"`
	Input     string            `json:"input_file_id"`
	Window    string            `json:"completion_window"`
	Status    string            `json:"status"`
	Output    *string           `json:"output_file_id"`
	Error     *string           `json:"error_file_id"`
	Created   int64             `json:"created_at"`
	Expires   int64             `json:"expires_at"`
	Completed *int64            `json:"completed_at"`
	Counts    batchCounts       `json:"request_counts"`
	Metadata  map[string]string `json:"metadata"`

	looks int
	lines []batchRequest
}

type batchErrors struct {
	Object string       `json:"object"`
	Data   []batchError `json:"data"`
}

type batchError struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
	Line    *int    `json:"line"`
}

type batchCounts struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

type batchRequest struct {
	ID     string          `json:"custom_id"`
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Body   json.RawMessage `json:"body"`
}

// BatchesSent is how many batches the server was given.
func (s *Server) BatchesSent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.batches)
}

// BatchStatus is how far the n-th batch has come, from 0.
func (s *Server) BatchStatus(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches[n].Status
}

// serveBatches answers calls of the Batch API and reports whether it was one.
func (s *Server) serveBatches(w http.ResponseWriter, r *http.Request) bool {
	if s.script.Batches == nil {
		return false
	}
	path, isFile := strings.CutPrefix(r.URL.Path, "/v1/files")
	if isFile {
		switch id, content := strings.CutSuffix(strings.TrimPrefix(path, "/"), "/content"); {
		case r.Method == http.MethodPost && path == "":
			s.upload(w, r)
		case r.Method == http.MethodGet && content:
			s.content(w, id)
		default:
			return false
		}
		return true
	}
	path, isBatch := strings.CutPrefix(r.URL.Path, "/v1/batches")
	if !isBatch {
		return false
	}
	id, cancel := strings.CutSuffix(strings.TrimPrefix(path, "/"), "/cancel")
	switch {
	case r.Method == http.MethodPost && path == "":
		s.createBatch(w, r)
	case r.Method == http.MethodGet && path == "":
		s.listBatches(w)
	case r.Method == http.MethodPost && cancel:
		s.lookAt(w, r, id, true)
	case r.Method == http.MethodGet && id != "":
		s.lookAt(w, r, id, false)
	default:
		return false
	}
	return true
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength <= 0 {
		fail(w, http.StatusLengthRequired, "invalid_request_error", "the length of the upload is not known")
		return
	}
	f, _, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "batch" {
		fail(w, http.StatusBadRequest, "invalid_request_error", "'file' and 'purpose' are required properties")
		return
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return
	}
	s.mu.Lock()
	id := s.keep(data)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{
		"id": id, "object": "file", "bytes": len(data), "created_at": time.Now().Unix(), "filename": "seedbed.jsonl", "purpose": "batch", "status": "processed",
	})
}

// keep makes a file. The caller holds the lock.
func (s *Server) keep(data []byte) string {
	id := fmt.Sprintf("file-%d", len(s.files)+1)
	s.files[id] = data
	return id
}

func (s *Server) content(w http.ResponseWriter, id string) {
	s.mu.Lock()
	data, ok := s.files[id]
	s.mu.Unlock()
	if !ok {
		fail(w, http.StatusNotFound, "not_found", "No such File object: "+id)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}

func (s *Server) createBatch(w http.ResponseWriter, r *http.Request) {
	b := &batch{Object: "batch", Status: "validating", Created: time.Now().Unix(), Expires: time.Now().Add(24 * time.Hour).Unix()}
	if err := json.NewDecoder(r.Body).Decode(b); err != nil || b.Endpoint != "/v1/chat/completions" || b.Window != "24h" {
		fail(w, http.StatusBadRequest, "invalid_request_error", "endpoint and completion_window have to be '/v1/chat/completions' and '24h'")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.files[b.Input]
	if !ok {
		fail(w, http.StatusBadRequest, "invalid_request_error", "No such File object: "+b.Input)
		return
	}
	b.ID = fmt.Sprintf("batch_%d", len(s.batches)+1)
	b.validate(data)
	if s.script.Batches.Invalid != "" {
		b.wrong(1, s.script.Batches.Invalid)
	}
	s.batches = append(s.batches, b)
	writeJSON(w, http.StatusOK, b)
}

func (b *batch) wrong(line int, message string) {
	if b.Errors == nil {
		b.Errors = &batchErrors{Object: "list"}
	}
	b.Errors.Data = append(b.Errors.Data, batchError{Code: "invalid_request", Message: message, Line: &line})
}

func (b *batch) validate(data []byte) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	seen, model := map[string]bool{}, ""
	for n := 1; lines.Scan(); n++ {
		var line batchRequest
		var body wants
		switch {
		case json.Unmarshal(lines.Bytes(), &line) != nil || json.Unmarshal(line.Body, &body) != nil:
			b.wrong(n, "This line is not parseable as valid JSON.")
		case line.ID == "" || seen[line.ID]:
			b.wrong(n, "The custom_id for this request is missing or a duplicate of another request.")
		case line.Method != http.MethodPost || line.URL != b.Endpoint:
			b.wrong(n, "The URL provided for this request does not match the batch endpoint.")
		case body.Stream:
			b.wrong(n, "Streaming is not supported in the Batch API.")
		case model != "" && body.Model != model:
			b.wrong(n, "The provided model is not the one of the other requests.")
		}
		seen[line.ID], model = true, body.Model
		b.lines = append(b.lines, line)
	}
	if len(b.lines) == 0 {
		b.wrong(1, "The batch file is empty.")
	}
}

func (s *Server) listBatches(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.batches)
	slices.Reverse(list)
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list, "has_more": false})
}

// lookAt brings a batch one step on.
func (s *Server) lookAt(w http.ResponseWriter, r *http.Request, id string, cancel bool) {
	s.mu.Lock()
	i := slices.IndexFunc(s.batches, func(b *batch) bool { return b.ID == id })
	if i < 0 {
		s.mu.Unlock()
		fail(w, http.StatusNotFound, "not_found", "No batch found with id '"+id+"'.")
		return
	}
	b := s.batches[i]
	b.looks++
	looks := max(s.script.Batches.Looks, 0)
	if looks == 0 {
		looks = 2
	}
	run := -1 // how many requests are to be answered now
	switch {
	case cancel && slices.Contains([]string{"validating", "in_progress"}, b.Status):
		b.Status = "cancelling"
	case cancel:
		s.mu.Unlock()
		fail(w, http.StatusConflict, "invalid_request_error", "Cannot cancel a batch with status '"+b.Status+"'.")
		return
	case b.Status == "cancelling":
		b.Status = "cancelled"
	case b.Status == "validating" && b.Errors != nil:
		b.Status = "failed"
	case b.Status == "validating":
		b.Status, b.Counts.Total = "in_progress", len(b.lines)
	case b.Status == "in_progress" && b.looks >= looks:
		b.Status, run = "finalizing", len(b.lines)
		if n := s.script.Batches.Expire; n > 0 && n < run {
			run = n
		}
	}
	s.mu.Unlock()
	if run >= 0 {
		s.process(r, b, run)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, b)
}

// process answers the first n requests of a batch and ends it.
func (s *Server) process(r *http.Request, b *batch, n int) {
	type result struct {
		ID       string `json:"id"`
		CustomID string `json:"custom_id"`
		Response any    `json:"response"`
		Error    any    `json:"error"`
	}
	var answered, refused []result
	for i, line := range b.lines {
		out := result{ID: fmt.Sprintf("batch_req_%d", i), CustomID: line.ID}
		if i >= n {
			out.Error = map[string]string{"code": "batch_expired", "message": "This request could not be executed before the completion window expired."}
			refused = append(refused, out)
			continue
		}
		req := r.Clone(r.Context())
		req.Body = io.NopCloser(bytes.NewReader(line.Body))
		w := httptest.NewRecorder()
		s.chat(w, req)
		out.Response = map[string]any{"status_code": w.Code, "request_id": fmt.Sprint("req_", i), "body": json.RawMessage(bytes.TrimSpace(w.Body.Bytes()))}
		if w.Code == http.StatusOK {
			answered = append(answered, out)
		} else {
			refused = append(refused, out)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Nobody promises an order.
	file := func(list []result) *string {
		if len(list) == 0 {
			return nil
		}
		s.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		var data bytes.Buffer
		for _, x := range list {
			_ = json.NewEncoder(&data).Encode(x) // made of JSON
		}
		id := s.keep(data.Bytes())
		return &id
	}
	b.Output, b.Error = file(answered), file(refused)
	now := time.Now().Unix()
	b.Completed, b.Counts.Completed, b.Counts.Failed = &now, len(answered), len(refused)
	b.Status = "completed"
	if n < len(b.lines) {
		b.Status = "expired"
	}
}
