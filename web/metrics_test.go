package web_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web"
	"seedbed/web/webtest"
)

func TestMetrics(t *testing.T) {
	totals := seedbed.Totals{
		Sources:  []seedbed.Facet{{Value: "ready", Count: 3}},
		Runs:     []seedbed.Facet{{Value: "done", Count: 2}, {Value: "running", Count: 1}},
		Passages: seedbed.PassageCounts{Done: 5, Failed: 1, Skipped: 2, Total: 10},
		Seeds:    7, Rejected: 4, Calls: 6, Cached: 1, Tokens: extract.Tokens{In: 12_345_678, Out: 90}, Cost: 0.25,
		Jobs: []seedbed.JobCount{{Kind: "passage", State: "running", Count: 16}}, Behind: 9,
	}
	s := server(t, webtest.New(), func(o *web.Options) {
		o.Totals = func(context.Context) (seedbed.Totals, error) { return totals, nil }
	})
	w := do(s, "GET", "/metrics", "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("metrics: %d %v", w.Code, w.Header())
	}
	text := w.Body.String()
	for _, want := range []string{
		`seedbed_sources{state="ready"} 3`, `seedbed_runs{state="running"} 1`, `seedbed_passages{outcome="open"} 2`,
		`seedbed_seeds{kept="true"} 7`, `seedbed_model_calls{cached="true"} 1`, `seedbed_model_tokens{direction="in"} 12345678`,
		`seedbed_model_cost 0.25`, `seedbed_jobs{kind="passage",state="running"} 16`, `seedbed_index_behind 9`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
	// Each line is a comment or a sample, and each sample's type stands above it.
	line := regexp.MustCompile(`^(# HELP \w+ [^\n]+|# TYPE \w+ gauge|(\w+)(\{\w+="[^"\\]*"(,\w+="[^"\\]*")*\})? [0-9.]+)$`)
	kind := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("not in the format: %q", l)
			continue
		}
		if name, ok := strings.CutPrefix(l, "# TYPE "); ok {
			kind, _, _ = strings.Cut(name, " ")
		}
		if m[2] != "" && m[2] != kind {
			t.Errorf("%s stands under %s", m[2], kind)
		}
	}
	if w := do(server(t, webtest.New()), "GET", "/metrics", ""); w.Code != http.StatusNotFound {
		t.Errorf("metrics of a server that has none: %d", w.Code)
	}
}
