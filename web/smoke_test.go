package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"seedbed/web"
	"seedbed/web/webtest"
)

func TestSmoke(t *testing.T) {
	f := webtest.Sample()
	s := web.New(slog.New(slog.DiscardHandler), web.Options{Library: f, Seeds: f, Exporter: f, Now: f.Now, Version: "test"})
	for _, p := range []string{"/", "/sources/book", "/sources/book/passages", "/sources/book/seeds", "/sources/book/runs", "/sources/locked", "/sources/reading", "/runs", "/runs/live", "/runs/failures", "/seeds", "/seeds?q=merge", "/seeds/merge", "/seeds/hostile", "/export", "/settings", "/settings?preset=ollama", "/api/v1/sources", "/api/v1/export"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", p, nil))
		if w.Code != http.StatusOK {
			t.Errorf("GET %s: %d %s", p, w.Code, w.Body)
		}
	}
}
