package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
)

// metrics says how much there is and how far it has come, in the text format
// of Prometheus. Deleting a source lowers what is counted, so that all are
// gauges.
func (s *Server) metrics(c echo.Context) error {
	totals, err := s.opts.Totals(c.Request().Context())
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", []byte(exposition(totals)))
}

func exposition(t seedbed.Totals) string {
	var b strings.Builder
	metric := func(name, help string) func(value float64, labels ...string) {
		fmt.Fprintf(&b, "# HELP seedbed_%s %s\n# TYPE seedbed_%[1]s gauge\n", name, help)
		return func(value float64, labels ...string) {
			b.WriteString("seedbed_" + name)
			for i := 0; i < len(labels); i += 2 {
				fmt.Fprintf(&b, "%c%s=%s", "{,"[min(i, 1)], labels[i], strconv.Quote(labels[i+1]))
			}
			if len(labels) > 0 {
				b.WriteByte('}')
			}
			b.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
		}
	}
	sources := metric("sources", "Sources by state.")
	for _, n := range t.Sources {
		sources(float64(n.Count), "state", n.Value)
	}
	runs := metric("runs", "Runs by state.")
	for _, n := range t.Runs {
		runs(float64(n.Count), "state", n.Value)
	}
	passages := metric("passages", "Passages of all runs by what became of them.")
	passages(float64(t.Passages.Done), "outcome", "done")
	passages(float64(t.Passages.Failed), "outcome", "failed")
	passages(float64(t.Passages.Skipped), "outcome", "skipped")
	passages(float64(t.Passages.Left()), "outcome", "open")
	seeds := metric("seeds", "Pairs that runs found, by whether the checks kept them.")
	seeds(float64(t.Seeds), "kept", "true")
	seeds(float64(t.Rejected), "kept", "false")
	calls := metric("model_calls", "Model calls of all runs, by whether the reply was kept already.")
	calls(float64(t.Calls), "cached", "false")
	calls(float64(t.Cached), "cached", "true")
	tokens := metric("model_tokens", "Tokens of all runs, by direction.")
	tokens(float64(t.Tokens.In), "direction", "in")
	tokens(float64(t.Tokens.Out), "direction", "out")
	metric("model_cost", "What all runs cost, in the currency of the prices.")(t.Cost)
	jobs := metric("jobs", "Jobs that are not done, by kind and state.")
	for _, j := range t.Jobs {
		jobs(float64(j.Count), "kind", j.Kind, "state", j.State)
	}
	metric("index_behind", "Changes that the search index has not seen.")(float64(t.Behind))
	return b.String()
}
