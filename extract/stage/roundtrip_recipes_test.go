package stage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read/markdown"
)

// wells is a small book with something to ask in each chapter.
func wells() *extract.Document {
	var w strings.Builder
	w.WriteString("# On wells\n\n")
	for i, what := range []string{"granite", "chalk", "clay", "sand", "basalt", "gravel", "marl", "slate"} {
		fmt.Fprintf(&w, "## Digging in %s\n\nA shaft in %s of %d metres needs about %d days of work because the rock resists every tool. ", what, what, 20+i, 90-10*i)
		fmt.Fprintf(&w, "Walls of %s hold by themselves as long as the water table stays below the bottom of the shaft. ", what)
		fmt.Fprintf(&w, "Rain that falls on %s reaches the shaft after %d hours, and therefore the pump has to run at night.\n\n", what, 3+i)
	}
	return markdown.Parse(w.String())
}

// TestRecipesRun runs each recipe over a book, with a server that answers
// well, and with one that fails in every way a model can. Whatever it says,
// each passage ends with seeds or a reason, and every seed that is not
// rejected has passed what its recipe holds it to.
func TestRecipesRun(t *testing.T) {
	adverse := []llmtest.Rule{
		{Every: 7, Fault: llmtest.WrongSchema}, {Every: 11, Fault: llmtest.Refusal}, {Every: 13, Fault: llmtest.Prose},
		{Every: 5, Fault: llmtest.Invented}, {Every: 17, Fault: llmtest.Truncated}, {Every: 19, Fault: llmtest.Empty},
	}
	doc := wells()
	for _, recipe := range Builtin() {
		for name, rules := range map[string][]llmtest.Rule{"good": nil, "adverse": adverse} {
			t.Run(recipe.Name+"/"+name, func(t *testing.T) {
				client, _ := byForm(t, nil, rules...)
				stages, err := Build(recipe, Tools{Model: extract.Metered(client)})
				if err != nil {
					t.Fatal(err)
				}
				kept, spent, tokens := 0, extract.Spent{}, extract.Tokens{}
				for r := range extract.Run(t.Context(), chunk.Split(doc, chunk.Options{Min: 50, Target: 80, Max: 120}), stages, extract.Options{Recipe: recipe.ID()}) {
					spent = spent.Add(r.Spent)
					if _, skipped := errors.AsType[extract.Skip](r.Err); r.Err != nil && !skipped && (name == "good" || llm.Kind(r.Err) == "") {
						t.Errorf("passage %v: %v", r.Passage.Path, r.Err)
					}
					for _, s := range r.Seeds {
						tokens.In, tokens.Out = tokens.In+s.Tokens.In, tokens.Out+s.Tokens.Out
						if !s.Live() {
							continue
						}
						kept++
						for _, step := range recipe.Stages {
							if made, _ := step.make(Tools{}); !checks(made.Name()) {
								continue
							}
							if !slices.ContainsFunc(s.Checks, func(c extract.Check) bool {
								return c.Name == step.Name && c.Verdict != extract.Fail && c.Version != ""
							}) {
								t.Errorf("%q is kept without %s: %+v", s.Question, step.Name, s.Checks)
							}
						}
						for _, e := range s.Evidence {
							if !strings.Contains(doc.Text, e.Quote) {
								t.Errorf("%q is kept with a quote that is not there: %q", s.Question, e.Quote)
							}
						}
					}
				}
				if recipe.NeedsModel() && (kept == 0 || tokens.In == 0) && name == "good" {
					t.Errorf("%d seeds kept, %+v", kept, tokens)
				}
				// What screening cost is no seed's.
				screened := strings.Contains(string(recipe.Body), "rate: true")
				if name == "good" && (tokens.In > spent.Tokens.In || tokens != spent.Tokens && !screened) {
					t.Errorf("the seeds say they cost %+v, the meter %+v", tokens, spent.Tokens)
				}
				t.Logf("%d seeds kept, %d calls", kept, spent.Calls)
			})
		}
	}
}

// checks reports whether a stage leaves a check on the seeds it lets through.
func checks(stage string) bool {
	return !slices.Contains([]string{"screen", "harvest", "derive", "reverse", "rewrite"}, stage)
}

// BenchmarkRecipes runs the recipes that ask a model over a book of 40
// passages, with a server that takes 50 ms and is asked 16 at once. The ratio
// is the time taken over calls × 50 ms / 16, the least possible.
func BenchmarkRecipes(b *testing.B) {
	const atOnce, latency = 16, 50 * time.Millisecond
	server := llmtest.New(b, llmtest.Script{Latency: latency, NoStream: true})
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "## Bed %d\n\nBed %d cooled slowly because it lay %d metres deep, and so its crystals are large. Rain that falls on bed %d needs %d hours to reach the spring below it. ", i, i, i+9, i, i+2)
		fmt.Fprintf(&text, "Tools of iron last for %d days in bed %d, tools of bronze for half as long. Whoever digs in bed %d therefore brings iron.\n\n", i+4, i, i)
	}
	doc := markdown.Parse(text.String())
	for _, recipe := range Builtin() {
		if !recipe.NeedsModel() {
			continue
		}
		b.Run(recipe.Name, func(b *testing.B) {
			var calls, kept int
			for b.Loop() {
				client := llm.New(llm.Options{URL: server.URL, Model: "scripted", Concurrency: atOnce})
				stages, err := Build(recipe, Tools{Model: extract.Metered(client)})
				if err != nil {
					b.Fatal(err)
				}
				calls, kept = 0, 0
				for r := range extract.Run(b.Context(), chunk.Split(doc, chunk.Options{Min: 50, Target: 80, Max: 120}), stages, extract.Options{Concurrency: atOnce}) {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
					calls += r.Spent.Calls
					for _, s := range r.Seeds {
						if s.Live() {
							kept++
						}
					}
				}
			}
			least := float64(calls) / atOnce * latency.Seconds()
			b.ReportMetric(float64(calls), "calls")
			b.ReportMetric(float64(calls)/float64(max(1, kept)), "calls/seed")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/least, "ratio")
		})
	}
}
