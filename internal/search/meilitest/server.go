// Package meilitest is a small Meilisearch in memory, for tests.
//
// It has the part of the server's interface that the search index uses, and
// answers as the documentation says: tasks are carried out later, facet
// values that differ in case only are one, an index that is written to comes
// into being by itself. What is asked and what is answered well is held
// against the makers' OpenAPI document. It can also do all that goes wrong
// with a real server, when it is told to.
package meilitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key is the only one the server knows.
const Key = "aTestsMasterKey"

// A Server answers at URL until the test ends.
type Server struct {
	URL string

	t    testing.TB
	http *httptest.Server

	mu       sync.Mutex
	version  string
	indexes  map[string]*index
	tasks    map[int]*task
	next     int
	requests []string

	down    bool
	busy    int
	cut     int
	fail    map[string]int
	prune   int
	waiting chan struct{} // not nil: nothing is answered until it is closed
}

// A task is carried out when it was asked about three times, and with it all
// before it: who does not wait for it, does not see it done.
type task struct {
	uid    int
	index  string
	kind   string
	do     func() *refusal
	asked  int
	status string
	err    *refusal
	forget bool
}

// A refusal is an error in the server's words.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) json() map[string]any {
	return map[string]any{"message": r.message, "code": r.code, "type": "invalid_request", "link": "https://docs.meilisearch.com/errors#" + r.code}
}

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// New starts a server without indexes.
func New(t testing.TB) *Server {
	t.Helper()
	if _, err := official(); err != nil {
		t.Fatalf("read the OpenAPI document: %v", err)
	}
	s := &Server{t: t, version: "1.53.0", indexes: map[string]*index{}, tasks: map[int]*task{}, fail: map[string]int{}}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	t.Cleanup(func() {
		s.Hang(false)
		s.http.Close()
	})
	return s
}

func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// SetVersion changes the version it says it has.
func (s *Server) SetVersion(v string) { s.locked(func() { s.version = v }) }

// Down makes it close every connection without an answer, or end that.
func (s *Server) Down(down bool) { s.locked(func() { s.down = down }) }

// Busy answers the next n requests with 503.
func (s *Server) Busy(n int) { s.locked(func() { s.busy = n }) }

// Cut does what the next n requests ask and breaks off in the middle of the answer.
func (s *Server) Cut(n int) { s.locked(func() { s.cut = n }) }

// FailTasks makes the next n tasks of a kind fail.
func (s *Server) FailTasks(kind string, n int) { s.locked(func() { s.fail[kind] = n }) }

// PruneTasks forgets the next n tasks when they are done.
func (s *Server) PruneTasks(n int) { s.locked(func() { s.prune = n }) }

// Wipe forgets everything.
func (s *Server) Wipe() {
	s.locked(func() { clear(s.indexes); clear(s.tasks) })
}

// Forget resets the settings of an index.
func (s *Server) Forget(name string) { s.locked(func() { s.indexes[name].settings = defaults() }) }

// Hang answers nothing from now on, or everything again.
func (s *Server) Hang(hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hang && s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	if !hang && s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}

// Settle carries out all tasks that wait.
func (s *Server) Settle() { s.locked(func() { s.work(s.next) }) }

// Requests are those that came since the last call, as "GET /version".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// Indexes are the names of those there are.
func (s *Server) Indexes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.indexes))
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	s.mu.Lock()
	wait := s.waiting
	s.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-r.Context().Done():
			return
		}
	}
	if err := check(r, body); err != nil {
		s.t.Errorf("%s %s %.2000s\nis not as the OpenAPI document has it: %v", r.Method, r.URL, body, err)
	}
	if r.Header.Get("Accept-Encoding") != "" {
		s.t.Errorf("%s %s asks for a compressed answer, which the real server sends in pieces, 40 ms apart", r.Method, r.URL)
	}
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	down, busy, cut := s.down, s.busy > 0, false
	status, reply := 0, any(nil)
	switch {
	case down:
	case busy:
		s.busy--
		status, reply = 503, refuse(503, "too_many_search_requests", "Too many search requests running at the same time").json()
	default:
		if cut = s.cut > 0; cut {
			s.cut--
		}
		status, reply = s.answer(r, body)
	}
	s.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	data, err := json.Marshal(reply)
	if err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	if status < 300 {
		if err := checkReply(r, body, status, data); err != nil {
			s.t.Errorf("the answer %.2000s to %s %s\nis not as the OpenAPI document has it: %v", data, r.Method, r.URL, err)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if cut {
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(data)
}

func (s *Server) answer(r *http.Request, body []byte) (int, any) {
	status, reply, no := s.route(r, body)
	if no != nil {
		return no.status, no.json()
	}
	return status, reply
}

func (s *Server) route(r *http.Request, body []byte) (int, any, *refusal) {
	switch r.Header.Get("Authorization") {
	case "Bearer " + Key:
	case "":
		return 0, nil, refuse(401, "missing_authorization_header", "The Authorization header is missing.")
	default:
		return 0, nil, refuse(403, "invalid_api_key", "The provided API key is invalid.")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	name := ""
	if len(parts) > 1 {
		name = parts[1]
		parts[1] = "*"
	}
	switch call := r.Method + " " + strings.Join(parts, "/"); call {
	case "GET version":
		return 200, map[string]any{"commitSha": "unknown", "commitDate": "unknown", "pkgVersion": s.version}, nil
	case "GET tasks/*":
		return s.task(name)
	case "POST indexes":
		return s.createIndex(body)
	case "DELETE indexes/*":
		return s.enqueue(name, "indexDeletion", func() *refusal {
			if s.indexes[name] == nil {
				return notFound(name)
			}
			delete(s.indexes, name)
			return nil
		})
	case "POST swap-indexes":
		return s.swap(body)
	case "PATCH indexes/*/settings":
		var change map[string]any
		if err := json.Unmarshal(body, &change); err != nil {
			return 0, nil, refuse(400, "malformed_payload", "%v", err)
		}
		return s.enqueue(name, "settingsUpdate", func() *refusal {
			maps.Copy(s.index(name).settings, change)
			return nil
		})
	case "POST indexes/*/documents":
		return s.addDocuments(name, r.URL.Query().Get("primaryKey"), body)
	case "POST multi-search":
		return s.multiSearch(body)
	case "GET indexes/*/settings":
		if ix := s.indexes[name]; ix != nil {
			return 200, ix.settings, nil
		}
		return 0, nil, notFound(name)
	case "POST indexes/*/documents/fetch":
		if ix := s.indexes[name]; ix != nil {
			return ix.fetch(body)
		}
		return 0, nil, notFound(name)
	default:
		return 0, nil, refuse(404, "not_found", "%s is not a call this server knows", call)
	}
}

func notFound(name string) *refusal {
	return refuse(404, "index_not_found", "Index `%s` not found.", name)
}

// index is that of a name, made if it is not there.
func (s *Server) index(name string) *index {
	if s.indexes[name] == nil {
		s.indexes[name] = newIndex(name)
	}
	return s.indexes[name]
}

func (s *Server) enqueue(index, kind string, do func() *refusal) (int, any, *refusal) {
	t := &task{uid: s.next, index: index, kind: kind, do: do, status: "enqueued"}
	s.tasks[t.uid] = t
	s.next++
	if s.fail[kind] > 0 {
		s.fail[kind]--
		t.do = func() *refusal { return refuse(200, "internal", "the disk said no") }
	}
	if s.prune > 0 {
		s.prune--
		t.forget = true
	}
	out := map[string]any{"taskUid": t.uid, "indexUid": nil, "status": t.status, "type": kind, "enqueuedAt": time.Unix(0, 0).UTC()}
	if index != "" {
		out["indexUid"] = index
	}
	return 202, out, nil
}

// work carries out the tasks up to the last.
func (s *Server) work(last int) {
	for uid := range last + 1 {
		t := s.tasks[uid]
		if t == nil || t.status != "enqueued" && t.status != "processing" {
			continue
		}
		t.status = "succeeded"
		if t.err = t.do(); t.err != nil {
			t.status = "failed"
		}
		if t.forget {
			delete(s.tasks, uid)
		}
	}
}

func (s *Server) task(name string) (int, any, *refusal) {
	uid, err := strconv.Atoi(name)
	if t := s.tasks[uid]; t != nil {
		t.asked++
		switch {
		case t.asked == 2 && t.status == "enqueued":
			t.status = "processing"
		case t.asked > 2:
			s.work(uid)
		}
	}
	t := s.tasks[uid]
	if err != nil || t == nil {
		return 0, nil, refuse(404, "task_not_found", "Task `%s` not found.", name)
	}
	out := map[string]any{"uid": t.uid, "batchUid": t.uid, "status": t.status, "type": t.kind, "indexUid": nil, "enqueuedAt": time.Unix(0, 0).UTC(), "error": nil}
	if t.index != "" {
		out["indexUid"] = t.index
	}
	if t.err != nil {
		out["error"] = t.err.json()
	}
	return 200, out, nil
}

func (s *Server) createIndex(body []byte) (int, any, *refusal) {
	var q struct{ UID, PrimaryKey string }
	if err := json.Unmarshal(body, &q); err != nil || q.UID == "" {
		return 0, nil, refuse(400, "bad_request", "an index needs a name: %v", err)
	}
	return s.enqueue(q.UID, "indexCreation", func() *refusal {
		if s.indexes[q.UID] != nil {
			return refuse(409, "index_already_exists", "Index `%s` already exists.", q.UID)
		}
		s.index(q.UID).primary = q.PrimaryKey
		return nil
	})
}

func (s *Server) swap(body []byte) (int, any, *refusal) {
	var q []struct{ Indexes []string }
	if err := json.Unmarshal(body, &q); err != nil || len(q) != 1 || len(q[0].Indexes) != 2 {
		return 0, nil, refuse(400, "bad_request", "two indexes are to be exchanged: %v", err)
	}
	a, b := q[0].Indexes[0], q[0].Indexes[1]
	return s.enqueue("", "indexSwap", func() *refusal {
		for _, name := range q[0].Indexes {
			if s.indexes[name] == nil {
				return notFound(name)
			}
		}
		s.indexes[a], s.indexes[b] = s.indexes[b], s.indexes[a]
		return nil
	})
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,511}$`)

func (s *Server) addDocuments(name, primary string, body []byte) (int, any, *refusal) {
	var docs []map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&docs); err != nil {
		return 0, nil, refuse(400, "malformed_payload", "%v", err)
	}
	return s.enqueue(name, "documentAdditionOrUpdate", func() *refusal {
		ix := s.index(name)
		if ix.primary == "" {
			ix.primary = primary
		}
		for _, doc := range docs {
			if id, ok := doc[ix.primary].(string); !ok || !goodID.MatchString(id) {
				return refuse(400, "invalid_document_id", "Document identifier `%v` is invalid.", doc[ix.primary])
			}
		}
		for _, doc := range docs {
			ix.add(doc)
		}
		return nil
	})
}

func (s *Server) multiSearch(body []byte) (int, any, *refusal) {
	var q struct{ Queries []searchQuery }
	if err := json.Unmarshal(body, &q); err != nil {
		return 0, nil, refuse(400, "bad_request", "%v", err)
	}
	results := []any{}
	for i, query := range q.Queries {
		ix := s.indexes[query.IndexUID]
		if ix == nil {
			return 0, nil, notFound(query.IndexUID)
		}
		r, no := ix.search(query)
		if no != nil {
			no.message = fmt.Sprintf("Inside `.queries[%d]`: %s", i, no.message)
			return 0, nil, no
		}
		results = append(results, r)
	}
	return 200, map[string]any{"results": results}, nil
}
