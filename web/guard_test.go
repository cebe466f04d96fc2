package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seedbed/internal/seedbed"
	"seedbed/web"
	"seedbed/web/webtest"
)

// A page on the web that has its name point to this computer gets nothing.
func TestHostCheck(t *testing.T) {
	f := webtest.Sample()
	srv := httptest.NewServer(server(t, f, func(o *web.Options) {
		o.LocalOnly, o.PublicURL = true, "https://seeds.example"
	}))
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:" + port: 200, "localhost:" + port: 200, "LOCALHOST:" + port: 200, "[::1]:" + port: 200, "seeds.example": 200,
		"127.0.0.1:1": 403, "localhost": 403, "evil.example:" + port: 403, "127.0.0.1.evil.example:" + port: 403,
		"localhost.evil.example:" + port: 403, "192.168.0.7:" + port: 403, "seeds.example:" + port: 403, "evil.example": 403,
	} {
		for _, path := range []string{"/", "/api/v1/sources", "/static/app.css", "/healthz"} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("GET %s of %s: %d, want %d", path, host, res.StatusCode, want)
			}
		}
	}
	// Behind other addresses, any name will do.
	if w := do(server(t, f), "GET", "/", ""); w.Code != http.StatusOK {
		t.Errorf("without LocalOnly: %d", w.Code)
	}
}

func TestCrossOrigin(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f, func(o *web.Options) { o.PublicURL = "https://seeds.example" })
	for _, tt := range []struct {
		headers []string
		allowed bool
	}{
		{nil, true}, // curl
		{[]string{"Sec-Fetch-Site", "same-origin"}, true},
		{[]string{"Sec-Fetch-Site", "none"}, true},
		{[]string{"Origin", "http://localhost"}, true},
		{[]string{"Origin", "https://seeds.example", "Sec-Fetch-Site", "cross-site"}, true},
		{[]string{"Sec-Fetch-Site", "cross-site"}, false},
		{[]string{"Sec-Fetch-Site", "same-site"}, false},
		{[]string{"Origin", "https://evil.example"}, false},
		{[]string{"Origin", "null"}, false},
	} {
		for _, call := range [][2]string{{"POST", "/seeds/merge/verdict"}, {"POST", "/sources/nothing/delete"}, {"DELETE", "/api/v1/sources/nothing"}, {"PATCH", "/api/v1/seeds/nothing"}, {"POST", "/api/v1/sources"}} {
			w := do(s, call[0], call[1], "verdict=draft", tt.headers...)
			if (w.Code != http.StatusForbidden) != tt.allowed {
				t.Errorf("%s %s with %v: %d", call[0], call[1], tt.headers, w.Code)
			}
		}
		if w := do(s, "GET", "/", "", tt.headers...); w.Code != http.StatusOK {
			t.Errorf("GET / with %v: %d", tt.headers, w.Code)
		}
	}
	wantProblem(t, "from another site", do(s, "DELETE", "/api/v1/sources/book", "", "Sec-Fetch-Site", "cross-site"), 403, "forbidden", "")
	if got := do(s, "GET", "/sources/book", "").Code; got != http.StatusOK {
		t.Errorf("after all that, the book: %d", got)
	}
}

func TestHeaders(t *testing.T) {
	s := server(t, webtest.Sample())
	for _, path := range []string{"/", "/nothing", "/api/v1/sources", "/api/v1/nothing", "/static/app.css", "/healthz"} {
		h := do(s, "GET", path, "").Header()
		for name, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("GET %s: %s %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestErrorPages(t *testing.T) {
	s := server(t, webtest.Sample())
	for path, status := range map[string]int{"/nothing": 404, "/sources/nothing": 404, "/runs/nothing": 404, "/seeds/nothing": 404, "/?colour=red": 400} {
		w := do(s, "GET", path, "")
		page := webtest.Parse(t, w.Body)
		if w.Code != status {
			t.Errorf("GET %s: %d, want %d", path, w.Code, status)
		}
		page.Want(".problem h1", 1)
		page.Want(".problem a[href='/']", 1)
	}
	// htmx puts an error above the page, and leaves page and address alone.
	w := do(s, "GET", "/seeds?page=0", "", fragment...)
	h := w.Header()
	if w.Code != 400 || h.Get("HX-Retarget") != "#notice" || h.Get("HX-Replace-Url") != "false" {
		t.Errorf("a fragment's error: %d %v", w.Code, h)
	}
	page := webtest.Parse(t, w.Body)
	page.Want("header", 0)
	if got := page.Text(".panel"); !strings.Contains(got, `page: "0" is no number from 1`) {
		t.Errorf("the notice says %q", got)
	}
	w = do(s, "POST", "/seeds/merge", "answer="+strings.Repeat("x", 3<<20))
	if got := webtest.Parse(t, w.Body).Text(".problem h1"); w.Code != 413 || got != "That is too large" {
		t.Errorf("a large form: %d %q", w.Code, got)
	}
}

// broken fails as no library should.
type broken struct{ *webtest.Fake }

func (broken) Source(_ context.Context, id string) (seedbed.Source, error) {
	if id == "panic" {
		panic("the sky fell")
	}
	return seedbed.Source{}, errors.New("open /secret/path: permission denied")
}

// What went wrong inside is for the log, not for the page.
func TestInnerErrorsStayInside(t *testing.T) {
	f := broken{webtest.Sample()}
	var out bytes.Buffer
	s := web.New(slog.New(slog.NewTextHandler(&out, nil)), web.Options{Library: f, Seeds: f, Exporter: f})
	for id, logged := range map[string]string{"panic": "the sky fell", "disk": "permission denied"} {
		out.Reset()
		w := do(s, "GET", "/sources/"+id, "")
		if w.Code != 500 || strings.Contains(w.Body.String(), logged) {
			t.Errorf("GET /sources/%s: %d, or the page tells too much", id, w.Code)
		}
		if !strings.Contains(out.String(), logged) {
			t.Errorf("the log does not say %q: %s", logged, out.String())
		}
		w = do(s, "GET", "/api/v1/sources/"+id, "")
		wantProblem(t, id, w, 500, "internal", "")
		if strings.Contains(w.Body.String(), logged) {
			t.Errorf("the API tells too much: %s", w.Body)
		}
	}
}

func TestReady(t *testing.T) {
	f := webtest.New()
	var err error
	s := server(t, f, func(o *web.Options) { o.Ready = func(context.Context) error { return err } })
	if w := do(s, "GET", "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("ready: %d", w.Code)
	}
	err = errors.New("the database db.internal is locked")
	w := do(s, "GET", "/readyz", "")
	if strings.Contains(w.Body.String(), "db.internal") {
		t.Errorf("it tells everybody %s", w.Body)
	}
	wantProblem(t, "not ready", w, 503, "unavailable", "")
	if w := do(s, "GET", "/healthz", ""); w.Code != http.StatusOK {
		t.Errorf("alive: %d", w.Code)
	}
}

// The server stops although somebody watches a run.
func TestServeStops(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := webtest.Sample()
	s := server(t, f, func(o *web.Options) { o.LocalOnly = true })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	next, _ := events(t, "http://"+l.Addr().String(), "/runs/live/events")
	if _, ok := next(); !ok {
		t.Fatal("the stream gives nothing")
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
