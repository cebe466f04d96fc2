package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web"
	"seedbed/web/webtest"
)

type problem struct {
	Type, Title, Detail, Code, Parameter string
	Status                               int
}

// wantProblem fails the test unless w is a problem document.
func wantProblem(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code, parameter string) {
	t.Helper()
	if kind := w.Header().Get("Content-Type"); w.Code != status || kind != "application/problem+json" {
		t.Errorf("%s: %d %s, want %d as a problem: %s", what, w.Code, kind, status, w.Body)
		return
	}
	p := decode[problem](t, w)
	if p.Status != status || p.Code != code || p.Parameter != parameter || p.Title == "" || p.Type == "" {
		t.Errorf("%s: %+v, want code %q, parameter %q", what, p, code, parameter)
	}
}

func TestURLAPI(t *testing.T) {
	s := server(t, webtest.New())
	post := func(body string) *httptest.ResponseRecorder {
		return do(s, "POST", "/api/v1/sources", body, "Content-Type", "application/json")
	}
	type answer struct {
		Sources []seedbed.Source
		Runs    []seedbed.Run
	}
	w := post(`{"url":"https://example.com/pile.git","collection":"code"}`)
	if a := decode[answer](t, w); w.Code != http.StatusCreated || len(a.Runs) != 1 || !slices.Equal(ids(a.Sources), []string{"s1"}) || a.Sources[0].Collection != "code" {
		t.Errorf("a new address: %d %+v", w.Code, a)
	}
	w = post(`{"url":"https://example.com/pile.git","collection":"code","run":false}`)
	if a := decode[answer](t, w); w.Code != http.StatusOK || a.Runs == nil || !slices.Equal(ids(a.Sources), []string{"s1"}) {
		t.Errorf("the same again: %d %+v", w.Code, a)
	}
	wantProblem(t, "no address", post(`{}`), http.StatusBadRequest, seedbed.Invalid, "url")
	wantProblem(t, "another scheme", post(`{"url":"file:///etc/passwd"}`), http.StatusBadRequest, seedbed.Invalid, "")
	wantProblem(t, "an unknown field", post(`{"url":"https://example.com/","x":1}`), http.StatusBadRequest, seedbed.Invalid, "")
}

func TestUploadAPI(t *testing.T) {
	f := webtest.New()
	s := server(t, f, func(o *web.Options) { o.MaxUpload = 1 << 20 })
	type answer struct {
		Sources []seedbed.Source
		Runs    []seedbed.Run
		Failed  []struct{ Name, Code, Message string }
	}
	post := func(path string, parts ...part) (*httptest.ResponseRecorder, answer) {
		t.Helper()
		w := upload(t, s, path, parts...)
		var a answer
		if w.Code < 300 {
			a = decode[answer](t, w)
		}
		return w, a
	}

	w, a := post("/api/v1/sources", part{"collection", "", "physics"}, part{"recipe", "", "explicit"}, part{"file", "a.md", "# A"}, part{"file", `C:\books\b.md`, "# B"})
	if w.Code != http.StatusCreated || len(a.Runs) != 2 || !slices.Equal(ids(a.Sources), []string{"s1", "s2"}) || a.Sources[0].Collection != "physics" {
		t.Errorf("two new files: %d %+v", w.Code, a)
	}
	w, a = post("/api/v1/sources?collection=physics", part{"file", "again.md", "# A"}, part{"file", "b.md", "# B"})
	if w.Code != http.StatusOK || !slices.Equal(ids(a.Sources), []string{"s1", "s2"}) || len(a.Runs) != 0 || a.Runs == nil {
		t.Errorf("the same bytes: %d %+v", w.Code, a)
	}
	w, a = post("/api/v1/sources", part{"run", "", "false"}, part{"file", "empty.md", ""}, part{"file", "c.md", "# C"})
	if w.Code != http.StatusCreated || len(a.Sources) != 1 || len(a.Runs) != 0 || len(a.Failed) != 1 || a.Failed[0].Code != seedbed.Invalid || a.Failed[0].Name != "empty.md" {
		t.Errorf("a bad file before a good one: %d %+v", w.Code, a)
	}

	w, _ = post("/api/v1/sources", part{"file", "empty.md", ""})
	wantProblem(t, "an empty file", w, 400, "invalid", "")
	w, _ = post("/api/v1/sources", part{"file", "", ""})
	wantProblem(t, "no file", w, 400, "invalid", "file")
	w, _ = post("/api/v1/sources", part{"file", "", "text"})
	wantProblem(t, "a file without a name", w, 400, "invalid", "file")
	w, _ = post("/api/v1/sources", part{"colection", "", "x"}, part{"file", "d.md", "# D"})
	wantProblem(t, "an unknown field", w, 400, "invalid", "colection")
	w, _ = post("/api/v1/sources?rn=false", part{"file", "d.md", "# D"})
	wantProblem(t, "an unknown parameter", w, 400, "invalid", "rn")
	w, _ = post("/api/v1/sources", part{"run", "", "perhaps"}, part{"file", "d.md", "# D"})
	wantProblem(t, "run=perhaps", w, 400, "invalid", "run")
	w, _ = post("/api/v1/sources", part{"collection", "", "physics"}, part{"file", "a.md", "# A"}, part{"recipe", "", "quick"})
	wantProblem(t, "a field before a file and one after it", w, 400, "invalid", "recipe")
	w, _ = post("/api/v1/sources", part{"file", "d.md", "# D"}, part{"run", "", "perhaps"})
	wantProblem(t, "run=perhaps after a file", w, 400, "invalid", "run")
	w, _ = post("/api/v1/sources", part{"file", "large.md", strings.Repeat("x", 2<<20)})
	wantProblem(t, "too large", w, 413, "too_large", "")
	body, kind := form(t, part{"file", "cut.md", strings.Repeat("text ", 1000)})
	wantProblem(t, "broken off", do(s, "POST", "/api/v1/sources", body.String()[:2000], "Content-Type", kind), 400, "invalid", "")

	all := decode[answer](t, do(s, "GET", "/api/v1/sources?collection=physics", ""))
	if !slices.Equal(ids(all.Sources), []string{"s1", "s2"}) {
		t.Errorf("the collection has %v", ids(all.Sources))
	}
}

// Fields may come behind all files, as curl sends what it is given: then they
// hold for all, or nothing is stored.
func TestUploadFieldsLast(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := server(t, webtest.New())
	list := func() string { return do(s, "GET", "/api/v1/sources", "").Body.String() }
	none := list()
	parts := []part{{"file", "a.md", "# A"}, {"file", "empty.md", ""}, {"file", "b.md", "# B"}, {"collection", "", "physics"}, {"recipe", "", "explicit"}}
	body, kind := form(t, parts...)
	whole := body.String()
	for _, tt := range []struct{ what, body, parameter string }{
		{"cut in a file", whole[:strings.Index(whole, "# B")+1], ""},
		{"cut before the fields", whole[:strings.Index(whole, "physics")], ""},
		{"an unknown field", strings.Replace(whole, `"recipe"`, `"recype"`, 1), "recype"},
	} {
		wantProblem(t, tt.what, do(s, "POST", "/api/v1/sources", tt.body, "Content-Type", kind), 400, "invalid", tt.parameter)
		if got := list(); got != none {
			t.Errorf("%s: stored all the same: %s", tt.what, got)
		}
	}
	type answer struct {
		Sources []seedbed.Source
		Runs    []seedbed.Run
		Failed  []struct{ Name string }
	}
	got := decode[answer](t, do(s, "POST", "/api/v1/sources", whole, "Content-Type", kind))
	if len(got.Sources) != 2 || len(got.Runs) != 2 || len(got.Failed) != 1 || got.Failed[0].Name != "empty.md" {
		t.Fatalf("two files and an empty one: %+v", got)
	}
	for i, name := range []string{"a.md", "b.md"} {
		if src, run := got.Sources[i], got.Runs[i]; src.Name != name || src.Collection != "physics" || run.Recipe != "explicit" {
			t.Errorf("%s is stored as %+v and run as %+v", name, src, run)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("files that waited are left in %v, %v", left, err)
	}
}

// Files are handed on while they arrive: the library sees the first bytes
// before the last are sent.
func TestUploadStreams(t *testing.T) {
	in, out := io.Pipe()
	r := &reads{Fake: webtest.New(), first: make(chan struct{})}
	s := server(t, r.Fake, func(o *web.Options) { o.Library = r })
	req := httptest.NewRequest("POST", "/api/v1/sources", in)
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		done <- w
	}()
	send := func(text string) {
		if _, err := io.WriteString(out, text); err != nil {
			t.Error(err)
		}
	}
	send("--b\r\nContent-Disposition: form-data; name=\"run\"\r\n\r\ntrue\r\n")
	send("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n" + strings.Repeat("words ", 4000))
	<-r.first
	send("the end\r\n--b--\r\n")
	if w := <-done; w.Code != http.StatusCreated {
		t.Errorf("upload: %d %s", w.Code, w.Body)
	}
}

// reads tells when the first bytes of an upload have come.
type reads struct {
	*webtest.Fake
	first chan struct{}
}

func (r *reads) Upload(ctx context.Context, u seedbed.Upload) (seedbed.Uploaded, error) {
	head := make([]byte, 100)
	if _, err := io.ReadFull(u.Body, head); err != nil {
		return seedbed.Uploaded{}, err
	}
	close(r.first)
	u.Body = io.MultiReader(bytes.NewReader(head), u.Body)
	return r.Fake.Upload(ctx, u)
}

func TestSourcesAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	if src := decode[seedbed.Source](t, do(s, "GET", "/api/v1/sources/book", "")); src.Title != "A Short Course in Sorting" {
		t.Errorf("the source: %+v", src)
	}
	doc, err := extract.ReadDocument(do(s, "GET", "/api/v1/sources/book/document", "").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w := do(s, "GET", "/api/v1/sources/book/document?format=text", "")
	if w.Body.String() != doc.Text || w.Header().Get("Content-Type") != "text/plain; charset=UTF-8" {
		t.Errorf("the text comes as %s, or is another", w.Header().Get("Content-Type"))
	}
	wantProblem(t, "format=pdf", do(s, "GET", "/api/v1/sources/book/document?format=pdf", ""), 400, "invalid", "format")
	wantProblem(t, "not read yet", do(s, "GET", "/api/v1/sources/reading/document", ""), 409, "conflict", "")
	wantProblem(t, "no such source", do(s, "GET", "/api/v1/sources/nothing", ""), 404, "not_found", "")
	wantProblem(t, "no such call", do(s, "GET", "/api/v1/nothing", ""), 404, "not_found", "")
	wantProblem(t, "no such method", do(s, "PUT", "/api/v1/sources", ""), 405, "method_not_allowed", "")

	w = do(s, "GET", "/api/v1/sources/book/original", "", "Range", "bytes=4-8")
	if w.Code != http.StatusPartialContent || w.Body.String() != "bytes" {
		t.Errorf("a range: %d %q", w.Code, w.Body)
	}
	if _, p, err := mime.ParseMediaType(w.Header().Get("Content-Disposition")); err != nil || p["filename"] != "sorting.md" {
		t.Errorf("the original is called %v (%v)", p, err)
	}
	if w := do(s, "DELETE", "/api/v1/sources/book", ""); w.Code != http.StatusNoContent {
		t.Errorf("delete: %d", w.Code)
	}
	wantProblem(t, "deleted", do(s, "DELETE", "/api/v1/sources/book", ""), 404, "not_found", "")
}

func TestRunsAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	w := do(s, "POST", "/api/v1/runs", `{"source":"book","recipe":"explicit"}`, "Content-Type", "application/json")
	run := decode[seedbed.Run](t, w)
	if w.Code != http.StatusCreated || w.Header().Get("Location") != "/api/v1/runs/"+run.ID || run.Recipe != "explicit" {
		t.Errorf("start: %d %+v", w.Code, run)
	}
	for _, step := range []struct{ do, state string }{{"pause", "paused"}, {"resume", "running"}, {"cancel", "cancelled"}} {
		run = decode[seedbed.Run](t, do(s, "POST", "/api/v1/runs/"+run.ID+"/"+step.do, ""))
		if run.State != step.state {
			t.Errorf("%s: now %s", step.do, run.State)
		}
	}
	wantProblem(t, "pause what has ended", do(s, "POST", "/api/v1/runs/"+run.ID+"/pause", ""), 409, "conflict", "")
	failures := decode[struct{ Failures []seedbed.RunPassage }](t, do(s, "GET", "/api/v1/runs/failures/failures", ""))
	if len(failures.Failures) != 8 {
		t.Errorf("%d failures", len(failures.Failures))
	}
	retried := decode[struct {
		Retried int
		Run     seedbed.Run
	}](t, do(s, "POST", "/api/v1/runs/failures/retry", `{"code":"rate"}`))
	if retried.Retried != 6 || retried.Run.Passages.Failed != 2 {
		t.Errorf("retry: %+v", retried)
	}
	if got := decode[struct{ Retried int }](t, do(s, "POST", "/api/v1/runs/failures/retry", "")); got.Retried != 2 {
		t.Errorf("retry the rest: %+v", got)
	}
	for body, parameter := range map[string]string{`{}`: "source", ``: "", `{"source":"book","colour":"red"}`: "", `{"source":"book"} x`: "", `[`: ""} {
		wantProblem(t, "POST /runs "+body, do(s, "POST", "/api/v1/runs", body), 400, "invalid", parameter)
	}
	wantProblem(t, "a large body", do(s, "POST", "/api/v1/runs", `{"source":"`+strings.Repeat("x", 2<<20)+`"}`), 413, "too_large", "")
	list := decode[struct{ Runs []seedbed.Run }](t, do(s, "GET", "/api/v1/runs?source=book", ""))
	if len(list.Runs) != 2 {
		t.Errorf("%d runs of the book", len(list.Runs))
	}
}

// An event as it comes from the server.
type event struct{ name, id, data string }

// events reads a stream; next gives the events one by one, and false at its end.
func events(t *testing.T, base, path string) (next func() (event, bool), h http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	return func() (event, bool) {
		var e event
		var data []string
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case lines.Text() == "" && e.id != "":
				e.data = strings.Join(data, "\n")
				return e, true
			case name == "event":
				e.name = value
			case name == "id":
				e.id = value
			case name == "data":
				data = append(data, value)
			}
		}
		return e, false
	}, res.Header
}

func TestRunEventsAPI(t *testing.T) {
	f := webtest.Sample()
	srv := httptest.NewServer(server(t, f))
	t.Cleanup(srv.Close)
	next, h := events(t, srv.URL, "/api/v1/runs/live/events")
	if h.Get("Content-Type") != "text/event-stream" || h.Get("Content-Encoding") != "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("the stream comes with %v", h)
	}
	read := func() seedbed.Run {
		t.Helper()
		e, ok := next()
		if !ok || e.name != "run" {
			t.Fatalf("the stream gives %+v, %v", e, ok)
		}
		var r seedbed.Run
		if err := json.Unmarshal([]byte(e.data), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := read(); r.State != seedbed.RunRunning || r.Passages.Done != 141 {
		t.Errorf("the first event is not the state: %+v", r)
	}
	f.Change("live", func(r *seedbed.Run) { r.Passages.Done = 142 })
	if r := read(); r.Passages.Done != 142 {
		t.Errorf("after a change: %+v", r)
	}
	f.Change("live", func(r *seedbed.Run) { r.State = seedbed.RunDone })
	if r := read(); r.State != seedbed.RunDone {
		t.Errorf("after the end: %+v", r)
	}
	if e, ok := next(); !ok || e.name != "end" {
		t.Errorf("the last event is %+v", e)
	}
	if e, ok := next(); ok {
		t.Errorf("after the last event: %+v", e)
	}
	wantProblem(t, "no such run", do(server(t, f), "GET", "/api/v1/runs/nothing/events", ""), 404, "not_found", "")
}

func TestPageEvents(t *testing.T) {
	f := webtest.Sample()
	srv := httptest.NewServer(server(t, f))
	t.Cleanup(srv.Close)
	next, _ := events(t, srv.URL, "/runs/live/events")
	e, _ := next()
	page := webtest.Parse(t, strings.NewReader(e.data))
	page.Want("#run[data-state=running]", 1)
	if e.name != "" {
		t.Errorf("htmx swaps only events without a name; this is %q", e.name)
	}
	f.Change("live", func(r *seedbed.Run) { r.State, r.Passages.Done = seedbed.RunDone, 386 })
	e, _ = next()
	webtest.Parse(t, strings.NewReader(e.data)).Want("#run[data-state=done]", 1)
	if e, ok := next(); !ok || e.name != "end" {
		t.Errorf("the last event is %+v", e)
	}

	next, _ = events(t, srv.URL, "/events?collection=code")
	e, _ = next()
	page = webtest.Parse(t, strings.NewReader(e.data))
	page.Want("#sources .source", 1)
	page.Want("#source-stack .chip.warn", 1)
	f.Change("paused", func(r *seedbed.Run) { r.State = seedbed.RunRunning })
	e, _ = next()
	webtest.Parse(t, strings.NewReader(e.data)).Want("#source-stack .chip.busy", 1)
}

func TestSeedsAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	type results struct {
		Hits []struct {
			Seed       extract.Seed
			Highlights map[string]string
		}
		Total  int
		Facets map[string][]seedbed.Facet
		Took   *float64 `json:"took_ms"`
	}
	res := decode[results](t, do(s, "GET", "/api/v1/seeds?q=script&size=1", ""))
	if res.Total != 1 || res.Took == nil || len(res.Facets["verdict"]) == 0 {
		t.Fatalf("search: %+v", res)
	}
	if got, want := res.Hits[0].Highlights["question"], "&lt;<mark>script</mark>&gt;alert(&#34;question&#34;)&lt;/script&gt; What does &lt;img src=x onerror=alert(1)&gt; do?"; got != want {
		t.Errorf("highlight %q, want %q", got, want)
	}
	res = decode[results](t, do(s, "GET", "/api/v1/seeds?q=zebra", ""))
	if res.Hits == nil || res.Total != 0 {
		t.Errorf("nothing found: %+v", res)
	}
	for query, parameter := range map[string]string{"verdict=maybe": "verdict", "size=1000": "size", "sort=best": "sort", "quarry=x": "quarry", "check=ground:maybe": "check"} {
		wantProblem(t, query, do(s, "GET", "/api/v1/seeds?"+query, ""), 400, "invalid", parameter)
	}
	wantProblem(t, "no such seed", do(s, "GET", "/api/v1/seeds/nothing", ""), 404, "not_found", "")
}

func TestPatchSeed(t *testing.T) {
	s := server(t, webtest.Sample())
	const path = "/api/v1/seeds/merge"
	tag := do(s, "GET", path, "").Header().Get("ETag")
	if tag != `"1"` {
		t.Fatalf("ETag %q", tag)
	}
	if w := do(s, "GET", path, "", "If-None-Match", tag); w.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", w.Code)
	}
	wantProblem(t, "without If-Match", do(s, "PATCH", path, `{"verdict":"accepted"}`), 428, "precondition_required", "")
	w := do(s, "PATCH", path, `{"verdict":"accepted","tags":["x"]}`, "If-Match", tag)
	seed := decode[extract.Seed](t, w)
	if w.Code != http.StatusOK || w.Header().Get("ETag") != `"2"` || seed.Verdict != "accepted" || !slices.Equal(seed.Tags, []string{"x"}) || seed.Question == "" {
		t.Errorf("patch: %d %q %+v", w.Code, w.Header().Get("ETag"), seed)
	}
	wantProblem(t, "a stale tag", do(s, "PATCH", path, `{"verdict":"draft"}`, "If-Match", tag), 412, "stale", "")
	for _, odd := range []string{"2", `W/"2"`, `"two"`, `"0"`, `"-1"`, `"`} {
		wantProblem(t, "If-Match "+odd, do(s, "PATCH", path, `{"verdict":"draft"}`, "If-Match", odd), 412, "stale", "")
	}
	if w := do(s, "PATCH", path, `{"verdict":"draft"}`, "If-Match", "*"); w.Code != http.StatusOK {
		t.Errorf("If-Match *: %d", w.Code)
	}
	wantProblem(t, "a bad verdict", do(s, "PATCH", path, `{"verdict":"maybe"}`, "If-Match", "*"), 400, "invalid", "verdict")
	wantProblem(t, "an empty question", do(s, "PATCH", path, `{"question":""}`, "If-Match", "*"), 400, "invalid", "question")
	wantProblem(t, "an unknown field", do(s, "PATCH", path, `{"id":"other"}`, "If-Match", "*"), 400, "invalid", "")
}

func TestWriteSeedAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	post := func(body string, headers ...string) *httptest.ResponseRecorder {
		return do(s, "POST", "/api/v1/seeds", body, append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	const mine = `{"source":"book","question":"Who should read this?","answer":"Students.","type":"conceptual","difficulty":2,"evidence":[{"quote":"the second week of a course"}]}`
	w := post(mine, "Idempotency-Key", "k")
	seed := decode[extract.Seed](t, w)
	at := w.Header().Get("Location")
	if w.Code != http.StatusCreated || at != "/api/v1/seeds/"+seed.ID || w.Header().Get("ETag") != `"1"` || seed.Origin != extract.Manual || len(seed.Evidence) != 1 || seed.Evidence[0].Match != extract.MatchExact {
		t.Fatalf("a seed of one's own: %d at %q, %q: %s", w.Code, at, w.Header().Get("ETag"), w.Body)
	}
	if got := do(s, "GET", at, ""); got.Code != http.StatusOK || got.Header().Get("ETag") != `"1"` {
		t.Errorf("GET %s: %d %q", at, got.Code, got.Header().Get("ETag"))
	}
	if again := post(mine, "Idempotency-Key", "k"); again.Code != http.StatusCreated || again.Header().Get("Location") != at {
		t.Errorf("the same request again: %d at %q, want %q", again.Code, again.Header().Get("Location"), at)
	}
	w = post(mine)
	wantProblem(t, "the same question", w, 409, "duplicate", "")
	if got := decode[struct {
		DuplicateOf string `json:"duplicate_of"`
		Detail      string
	}](t, w); got.DuplicateOf != seed.ID || !strings.HasSuffix(got.Detail, `"duplicate": true keeps both`) {
		t.Errorf("it is a duplicate of %q, %q; want %q, and how to keep both", got.DuplicateOf, got.Detail, seed.ID)
	}
	if w := post(strings.Replace(mine, "{", `{"duplicate":true,`, 1)); w.Code != http.StatusCreated {
		t.Errorf("the same question, on purpose: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "a quote from elsewhere", post(`{"source":"book","question":"Who pays?","answer":"We.","evidence":[{"quote":"the bill is paid"}]}`), 422, "ungrounded", "")
	for body, parameter := range map[string]string{
		`{"question":"Who?","answer":"I."}`:                                   "source",
		`{"source":"book","answer":"I."}`:                                     "question",
		`{"source":"book","question":"Who?","answer":" "}`:                    "answer",
		`{"source":"book","question":"Who?","answer":"I.","type":"riddle"}`:   "type",
		`{"source":"book","question":"Who?","answer":"I.","difficulty":11}`:   "difficulty",
		`{"source":"book","question":"Who?","answer":"I.","verdict":"draft"}`: "",
	} {
		wantProblem(t, body, post(body), 400, "invalid", parameter)
	}
	wantProblem(t, "no such source", post(`{"source":"nothing","question":"Who?","answer":"I."}`), 404, "not_found", "")
	wantProblem(t, "a source that is being read", post(`{"source":"reading","question":"Who?","answer":"I."}`), 409, "conflict", "")
}

func TestHistoryAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	const path = "/api/v1/seeds/merge"
	type answer struct {
		History []seedbed.Revision
		Next    int64
	}
	if w := do(s, "GET", path+"/history", ""); strings.TrimSpace(w.Body.String()) != `{"history":[]}` {
		t.Errorf("nothing was changed: %d %s", w.Code, w.Body)
	}
	for _, body := range []string{`{"verdict":"accepted"}`, `{"tags":[]}`, `{"tags":[]}`, `{"answer":"So."}`} {
		if w := do(s, "PATCH", path, body, "If-Match", "*"); w.Code != http.StatusOK {
			t.Fatalf("PATCH %s: %d %s", body, w.Code, w.Body)
		}
	}
	got := decode[answer](t, do(s, "GET", path+"/history", ""))
	if len(got.History) != 2 || got.History[0].Version != 5 || got.History[0].Changes[0].After != "So." || got.History[1].Version != 3 || got.Next != 3 {
		t.Errorf("the newest: %+v", got)
	}
	got = decode[answer](t, do(s, "GET", path+"/history?before=3", ""))
	want := []seedbed.FieldChange{{Field: "verdict", Before: "draft", After: "accepted"}}
	if len(got.History) != 1 || !cmp.Equal(got.History[0].Changes, want) || got.Next != 0 {
		t.Errorf("the oldest: %+v", got)
	}
	wantProblem(t, "before=x", do(s, "GET", path+"/history?before=x", ""), 400, "invalid", "before")
	wantProblem(t, "page=2", do(s, "GET", path+"/history?page=2", ""), 400, "invalid", "page")
	wantProblem(t, "no such seed", do(s, "GET", "/api/v1/seeds/nothing/history", ""), 404, "not_found", "")
}

func TestCollectionsAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	post := func(body string) *httptest.ResponseRecorder {
		return do(s, "POST", "/api/v1/collections", body, "Content-Type", "application/json")
	}
	for i, want := range []int{http.StatusCreated, http.StatusOK} {
		if w := post(`{"name":"reading club"}`); w.Code != want || decode[seedbed.Collection](t, w).Name != "reading club" {
			t.Errorf("time %d: %d %s, want %d", i+1, w.Code, w.Body, want)
		}
	}
	all := decode[struct{ Collections []seedbed.Collection }](t, do(s, "GET", "/api/v1/collections", "")).Collections
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"code", "default", "reading club"}) || all[0].Sources != 1 || all[0].Seeds == (seedbed.SeedCounts{}) || all[1].Seeds.Rejected != 1 {
		t.Errorf("the collections are %+v", all)
	}
	page := webtest.Parse(t, do(s, "GET", "/", "").Body) // an upload may go there
	page.Want("input[list=collections][name=collection]", 2)
	page.Want("datalist#collections option[value='reading club']", 1)
	const clubs = "/api/v1/collections/reading%20club"
	w := do(s, "PATCH", clubs, `{"name":" a/b & ? "}`, "Content-Type", "application/json")
	if w.Code != http.StatusOK || decode[seedbed.Collection](t, w).Name != "a/b & ?" {
		t.Errorf("renamed: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "its old name", do(s, "PATCH", clubs, `{"name":"c"}`), 404, "not_found", "")
	const odd = "/api/v1/collections/a%2Fb%20&%20%3F"
	wantProblem(t, "to one that is there", do(s, "PATCH", odd, `{"name":"code"}`), 409, "conflict", "")
	wantProblem(t, "the default one", do(s, "PATCH", "/api/v1/collections/default", `{"name":"c"}`), 409, "conflict", "")
	wantProblem(t, "to no name", do(s, "PATCH", odd, `{"name":""}`), 400, "invalid", "name")
	wantProblem(t, "removed while it holds something", do(s, "DELETE", "/api/v1/collections/code", ""), 409, "conflict", "")
	wantProblem(t, "the default one removed", do(s, "DELETE", "/api/v1/collections/default", ""), 409, "conflict", "")
	if w := do(s, "DELETE", odd, ""); w.Code != http.StatusNoContent {
		t.Errorf("removed: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "removed twice", do(s, "DELETE", odd, ""), 404, "not_found", "")
	wantProblem(t, "no name", post(`{"name":" "}`), 400, "invalid", "name")
	wantProblem(t, "an unknown field", post(`{"name":"a","seeds":3}`), 400, "invalid", "")
	wantProblem(t, "an unknown parameter", do(s, "GET", "/api/v1/collections?page=2", ""), 400, "invalid", "page")
}

func TestDeleteSeedAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	const path = "/api/v1/seeds/merge"
	tag := do(s, "GET", path, "").Header().Get("ETag")
	wantProblem(t, "without If-Match", do(s, "DELETE", path, ""), 428, "precondition_required", "")
	now := do(s, "PATCH", path, `{"verdict":"accepted"}`, "If-Match", tag).Header().Get("ETag")
	wantProblem(t, "a stale tag", do(s, "DELETE", path, "", "If-Match", tag), 412, "stale", "")
	if w := do(s, "DELETE", path, "", "If-Match", now); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "what is gone", do(s, "GET", path, ""), 404, "not_found", "")
	wantProblem(t, "what is gone, again", do(s, "DELETE", path, "", "If-Match", "*"), 404, "not_found", "")
	if w := do(s, "DELETE", "/api/v1/seeds/stable", "", "If-Match", "*"); w.Code != http.StatusNoContent {
		t.Errorf("If-Match *: %d", w.Code)
	}
}

func TestBulkAPI(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	bulk := func(body string) int {
		t.Helper()
		w := do(s, "POST", "/api/v1/seeds/bulk", body)
		if w.Code != http.StatusOK {
			t.Errorf("bulk %s: %d %s", body, w.Code, w.Body)
			return -1
		}
		return decode[struct{ Changed int }](t, w).Changed
	}
	if n := bulk(`{"ids":["merge","gone"],"verdict":"accepted"}`); n != 1 {
		t.Errorf("by ids: %d", n)
	}
	// The filter stops matching as seeds are judged; all of them are judged.
	if n := bulk(`{"filter":{"verdict":"draft","type":["code","proof"],"min_difficulty":0},"verdict":"rejected","reason":"too hard"}`); n != 4 {
		t.Errorf("by filter: %d", n)
	}
	res, err := f.Search(t.Context(), seedbed.Filter{Verdict: []string{"rejected"}, Type: []string{"code", "proof"}})
	if err != nil || res.Total != 4 || res.Hits[0].Seed.VerdictReason != "too hard" {
		t.Errorf("after bulk: %d rejected, %v", res.Total, err)
	}
	for body, parameter := range map[string]string{
		`{"verdict":"accepted"}`:                                "ids",
		`{"ids":["a"],"filter":{"q":"x"},"verdict":"accepted"}`: "filter",
		`{"ids":["a"],"verdict":"maybe"}`:                       "verdict",
		`{"ids":["a"]}`:                                         "verdict",
		`{"ids":["merge"],"delete":true,"verdict":"rejected"}`:  "delete",
		`{"delete":true}`:                                       "ids",
		`{"filter":{"colour":"red"},"verdict":"draft"}`:         "colour",
		`{"filter":{"q":{"a":1}},"verdict":"draft"}`:            "",
	} {
		wantProblem(t, "bulk "+body, do(s, "POST", "/api/v1/seeds/bulk", body), 400, "invalid", parameter)
	}
}

func TestBulkDeleteAPI(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	total := func(q seedbed.Filter) int {
		res, err := f.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return res.Total
	}
	remove := func(body string) int {
		t.Helper()
		w := do(s, "POST", "/api/v1/seeds/bulk", body)
		if w.Code != http.StatusOK {
			t.Errorf("bulk %s: %d %s", body, w.Code, w.Body)
		}
		return decode[struct{ Deleted int }](t, w).Deleted
	}
	all := seedbed.Filter{Verdict: []string{extract.Draft, extract.Accepted, extract.Rejected}}
	before := total(all)
	if n := remove(`{"ids":["merge","gone","merge"],"delete":true}`); n != 1 || total(all) != before-1 {
		t.Errorf("by ids: %d, and %d are left of %d", n, total(all), before)
	}
	wantProblem(t, "what is gone", do(s, "GET", "/api/v1/seeds/merge", ""), 404, "not_found", "")
	rejected := total(seedbed.Filter{Verdict: []string{extract.Rejected}})
	if n := remove(`{"filter":{},"delete":true}`); n != before-1-rejected || total(all) != rejected {
		t.Errorf("by a filter that says nothing of verdicts: %d, and %d are left; want the %d rejected", n, total(all), rejected)
	}
}

func TestExportAPI(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	w := do(s, "GET", "/api/v1/export?format=seedbed&type=definition", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/jsonl" || w.Header().Get("Content-Disposition") != "attachment; filename=seedbed-seedbed.jsonl" {
		t.Errorf("export: %d %v", w.Code, w.Header())
	}
	for line := range strings.Lines(w.Body.String()) {
		var seed extract.Seed
		if err := json.Unmarshal([]byte(line), &seed); err != nil || seed.Verdict != extract.Accepted {
			t.Errorf("%v: %s", err, line)
		}
	}
	wantProblem(t, "format=docx", do(s, "GET", "/api/v1/export?format=docx", ""), 400, "invalid", "format")
	wantProblem(t, "verdct=any", do(s, "GET", "/api/v1/export?verdct=any", ""), 400, "invalid", "verdct")
	if w := do(s, "GET", "/api/v1/export?q=zebra", ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("an empty export: %d %q", w.Code, w.Body)
	}

	// With a split it is an archive; one that is mistyped, or that there are too
	// few sources for, is told.
	w = do(s, "GET", "/api/v1/export?format=messages&split=a:0.5,b:0.5&split_seed=7&verdict=any", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/zip" || w.Header().Get("Content-Disposition") != "attachment; filename=seedbed-messages.zip" {
		t.Errorf("a split export: %d %v", w.Code, w.Header())
	}
	wantProblem(t, "shares of 1.1", do(s, "GET", "/api/v1/export?split=a:0.5,b:0.6", ""), 400, "invalid", "split")
	wantProblem(t, "split_seed=x", do(s, "GET", "/api/v1/export/manifest?split_seed=x", ""), 400, "invalid", "split_seed")
	m := decode[seedbed.Manifest](t, do(s, "GET", "/api/v1/export/manifest?format=csv&type=definition", ""))
	if m.Format != "csv" || m.Seeds == 0 {
		t.Errorf("the manifest is %+v", m)
	}

	// An error before anything was sent is told; one after that breaks off.
	f.ExportFails = seedbed.Errorf(seedbed.Unavailable, "the database is busy")
	w = do(s, "GET", "/api/v1/export", "")
	wantProblem(t, "an early error", w, 503, "unavailable", "")
	if w.Header().Get("Content-Disposition") != "" {
		t.Error("a problem is sent as a download")
	}
	for i := range 200 {
		f.AddSeed(extract.Seed{ID: fmt.Sprint("big", i), Answer: strings.Repeat("long ", 200), Verdict: extract.Accepted})
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	res, err := http.Get(srv.URL + "/api/v1/export")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(io.Discard, res.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n == 0 {
		t.Errorf("a late error: %d bytes and %v, want the connection to break", n, err)
	}
}

func TestListsAPI(t *testing.T) {
	s := server(t, webtest.Sample())
	w := do(s, "GET", "/api/v1/models", "")
	if got := decode[struct{ Models []seedbed.Endpoint }](t, w); len(got.Models) != 2 || !got.Models[1].HasKey || strings.Contains(w.Body.String(), "sk-") {
		t.Errorf("models: %s", w.Body)
	}
	if got := decode[struct{ Recipes []seedbed.Recipe }](t, do(s, "GET", "/api/v1/recipes", "")); len(got.Recipes) != 3 || !got.Recipes[2].Own {
		t.Errorf("recipes: %+v", got)
	}
	empty := server(t, webtest.New())
	for path, want := range map[string]string{"/sources": `{"sources":[]}`, "/collections": `{"collections":[]}`, "/runs": `{"runs":[]}`, "/models": `{"models":[]}`} {
		if got := strings.TrimSpace(do(empty, "GET", "/api/v1"+path, "").Body.String()); got != want {
			t.Errorf("GET %s: %s, want %s", path, got, want)
		}
	}
}

// The description names every call of the API, every parameter that is taken,
// and nothing else.
func TestOpenAPI(t *testing.T) {
	s := server(t, webtest.New())
	type param struct{ Name, In, Ref string }
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Parameters map[string]param
			Schemas    map[string]struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	raw := do(s, "GET", "/api/v1/openapi.json", "").Body.Bytes()
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, calls := range doc.Paths {
		for method := range calls {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, r := range s.Routes() {
		if strings.HasPrefix(r.Path, "/api/") || strings.HasSuffix(r.Path, "z") {
			served = append(served, r.Method+" "+regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}"))
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	if d := cmp.Diff(served, described); d != "" {
		t.Errorf("the API (-served +described):\n%s", d)
	}

	// Every reference leads somewhere.
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				at := mustDecode(t, raw)
				for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					at = at.(map[string]any)[name]
					if at == nil {
						t.Fatalf("%s leads nowhere", ref)
					}
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(mustDecode(t, raw))

	// The filter's parameters are those that the search takes.
	for name, p := range doc.Components.Parameters {
		if p.In != "query" {
			continue
		}
		if w := do(s, "GET", "/api/v1/seeds?"+url.Values{name: {""}}.Encode(), ""); w.Code != http.StatusOK {
			t.Errorf("the described parameter %s: %d", name, w.Code)
		}
	}

	// Records have the fields that are described, and no others.
	sample := webtest.Sample()
	seed, _, err := sample.Seed(t.Context(), "merge")
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"Seed":       seed,
		"Source":     seedbed.Source{Authors: []string{"a"}, Language: "en", License: "l", Error: &seedbed.Error{}, Warnings: []string{"w"}},
		"Run":        seedbed.Run{Endpoint: "e", Model: "m", Error: &seedbed.Error{}, Waits: "w", Started: webtest.Noon, Finished: webtest.Noon, Batch: true, Batches: []seedbed.Batch{{}}},
		"RunPassage": seedbed.RunPassage{Run: "r", Path: []string{"p"}, Page: 1, File: "f", State: "s", Code: "c", Reason: "r", Reply: "r", Attempts: 1, Rejected: 1, Parser: 1},
		"Endpoint":   seedbed.Endpoint{},
		"Token":      seedbed.Token{Used: webtest.Noon, Value: "v"},
		"Manifest":   seedbed.Manifest{Unquoted: 1, LeftOut: map[string]int{"w": 1}, Split: []seedbed.Share{{}}},
		"Recipe":     seedbed.Recipe{Body: "b", Resolved: "r", Changed: webtest.Noon},
		"Estimate":   seedbed.Estimate{},
		"Preview":    seedbed.Preview{Skip: "s", Reply: &extract.Reply{}, Seeds: []extract.Seed{{}}},
		"Entry":      extract.Entry{Reason: "r", Note: "n"},
		"Coverage":   extract.Coverage{Notes: []string{"n"}},
		"SeedChange": seedbed.SeedChange{},
		"NewSeed":    seedbed.NewSeed{},
		"Collection": seedbed.Collection{},
		"Revision":   seedbed.Revision{User: "u"},
		"Document":   extract.Document{Authors: []string{"a"}, Language: "l", License: "l", Pages: []extract.PageReport{{}}, Skipped: []extract.SkippedFile{{}}, Warnings: []string{"w"}},
	} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for field := range mustDecode(t, data).(map[string]any) {
			got = append(got, field)
		}
		for field := range doc.Components.Schemas[name].Properties {
			want = append(want, field)
		}
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-described +sent):\n%s", name, d)
		}
	}
}

func mustDecode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
