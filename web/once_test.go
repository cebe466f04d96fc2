package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/internal/seedbed"
	"seedbed/web/webtest"
)

func TestIdempotencyKey(t *testing.T) {
	f := webtest.New()
	s := server(t, f)
	post := func(key string, parts ...part) *httptest.ResponseRecorder {
		t.Helper()
		body, kind := form(t, parts...) // with a boundary of its own each time
		return do(s, "POST", "/api/v1/sources", body.String(), "Content-Type", kind, "Idempotency-Key", key)
	}
	same := func(name string, got, want *httptest.ResponseRecorder) {
		t.Helper()
		if got.Code != want.Code || got.Header().Get("Location") != want.Header().Get("Location") {
			t.Errorf("%s: %d at %q, want %d at %q", name, got.Code, got.Header().Get("Location"), want.Code, want.Header().Get("Location"))
		}
		if diff := cmp.Diff(want.Body.String(), got.Body.String()); diff != "" {
			t.Errorf("%s: the answer differs (-want +got):\n%s", name, diff)
		}
	}

	upload := []part{{"collection", "", "physics"}, {"file", "a.md", "# A"}, {"file", "b.md", "# B"}}
	first := post("k1", upload...)
	if first.Code != http.StatusCreated {
		t.Fatalf("the first upload: %d %s", first.Code, first.Body)
	}
	same("the same upload again", post("k1", upload...), first) // not 200, as without a key
	for name, other := range map[string][]part{
		"another byte":  {{"collection", "", "physics"}, {"file", "a.md", "# A"}, {"file", "b.md", "# b"}},
		"another name":  {{"collection", "", "physics"}, {"file", "a.md", "# A"}, {"file", "c.md", "# B"}},
		"another field": {{"collection", "", "chemistry"}, {"file", "a.md", "# A"}, {"file", "b.md", "# B"}},
		"fewer files":   {{"collection", "", "physics"}, {"file", "a.md", "# A"}},
		"another cut":   {{"collection", "", "physics"}, {"file", "a.md", "# A# B"}},
	} {
		wantProblem(t, name, post("k1", other...), 422, seedbed.Reused, "")
	}
	same("after all that", post("k1", upload...), first)
	if w := post("k2", upload...); w.Code != http.StatusOK {
		t.Errorf("the same bytes with another key: %d, want 200", w.Code)
	}
	// An error is not kept: the same key may try again.
	wantProblem(t, "an empty file", post("k3", part{"file", "c.md", ""}), 400, "invalid", "")
	if w := post("k3", part{"file", "c.md", "# C"}); w.Code != http.StatusCreated {
		t.Errorf("after an error, the key answers %d %s", w.Code, w.Body)
	}

	run := func(key, body string) *httptest.ResponseRecorder {
		return do(s, "POST", "/api/v1/runs", body, "Content-Type", "application/json", "Idempotency-Key", key)
	}
	one := run("k1", `{"source":"s1","recipe":"explicit"}`) // keys of runs are others
	if one.Code != http.StatusCreated || one.Header().Get("Location") == "" {
		t.Fatalf("the first run: %d %s", one.Code, one.Body)
	}
	same("the same run, written otherwise", run("k1", `{"recipe": "explicit", "source": "s1"}`), one)
	wantProblem(t, "another run", run("k1", `{"source":"s2","recipe":"explicit"}`), 422, seedbed.Reused, "")
	if two := run("k9", `{"source":"s1","recipe":"explicit"}`); two.Body.String() == one.Body.String() {
		t.Error("another key gives the same run")
	}
	wantProblem(t, "an empty key", run("", `{"source":"s1"}`), 400, "invalid", "Idempotency-Key")
}

// What the search index does not do is told where people look.
func TestIndexTroubleIsTold(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	webtest.Parse(t, do(s, "GET", "/seeds", "").Body).Want("p.notice", 0)
	webtest.Parse(t, do(s, "GET", "/settings", "").Body).Want("#index", 0)

	f.Away = true
	f.Index = seedbed.IndexState{Behind: 3, Refused: []seedbed.Refusal{{Seed: "abc", Error: "no <b>such</b> word", Attempts: 2}}}
	page := webtest.Parse(t, do(s, "GET", "/seeds", "").Body)
	page.Want("p.notice[role=status]", 1)
	if got := page.Text("p.notice"); !strings.Contains(got, "3 changes behind") {
		t.Errorf("the seeds page says %q", got)
	}
	page = webtest.Parse(t, do(s, "GET", "/settings", "").Body)
	page.Want("#index a[href='/seeds/abc']", 1)
	page.Want("#index b", 0)
	if got := page.Text("#index"); !strings.Contains(got, "after 2 attempts: no <b>such</b> word") {
		t.Errorf("the settings say %q", got)
	}
	if w := do(s, "GET", "/api/v1/seeds", ""); !strings.Contains(w.Body.String(), `"fallback":true`) {
		t.Errorf("the API does not say that the index is away: %s", w.Body)
	}
}
