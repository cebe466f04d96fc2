package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
)

// TestRewrite gives each case's replies to rewrite and lists the seeds that
// came of them.
func TestRewrite(t *testing.T) {
	file := filepath.Join("testdata", "rewrite", "cases.txtar")
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for c := range strings.SplitSeq(strings.TrimSpace(fileOf(ar, "cases")), "\n\n") {
		in, _, _ := strings.Cut(c, "\n  ")
		field := map[string]string{}
		for line := range strings.Lines(in) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
			field[k] = v
		}
		client, server := byForm(t, map[string]string{
			"into an exercise":                field["exercise"],
			"into a dialogue":                 field["dialogue"],
			"into a multiple choice question": field["choice"],
		})
		before := given{
			{ID: "first", Question: "How deep is it?", Answer: "45 m.", Origin: extract.Derived, Type: extract.Reasoning, Language: "en", Evidence: []extract.Evidence{{Quote: "A stone falls 3 s."}}},
			{ID: "second", Question: "Who asks?", Answer: "Nobody.", Origin: extract.Rewrite},
			{ID: "third", Question: "And who answers?", Answer: "Nobody.", Verdict: extract.Rejected, VerdictReason: "ground: no"},
		}
		p := extract.Passage{ID: "p", Text: "A stone falls 3 s."}
		seeds, err := extract.Do(t.Context(), []extract.Stage{before, &Rewrite{Asking: Asking{Model: client}}, &Ground{}, &Standalone{}}, p, extract.Options{Run: "r"})
		if err != nil {
			t.Fatalf("%s: %v", field["case"], err)
		}
		if n := len(seeds); seeds[n-2].ID != "second" || seeds[n-1].ID != "third" || len(server.Requests()) < 3 {
			t.Errorf("%s: what was not to be rewritten is not as it was", field["case"])
		}
		var w strings.Builder
		for _, s := range seeds[:len(seeds)-2] {
			if s.Parent != nil {
				fmt.Fprintf(&w, "  [%s %s of %s, %s]\n  ? %s\n  = %s\n", s.Origin, s.Type, *s.Parent, strings.Join(s.Tags, ", "),
					strings.ReplaceAll(s.Question, "\n", `\n`), strings.ReplaceAll(s.Answer, "\n", `\n`))
				if s.ShortAnswer != "" {
					fmt.Fprintf(&w, "  ~ %s\n", s.ShortAnswer)
				}
				if s.Tokens.In == 0 || s.Tokens.Out == 0 || s.Model != "scripted" {
					t.Errorf("%s: seed of %q, tokens %+v", field["case"], s.Model, s.Tokens)
				}
			}
			for _, c := range s.Checks {
				fmt.Fprintf(&w, "  %s %s %s\n", c.Name, c.Verdict, c.Reason)
			}
		}
		got = append(got, strings.TrimRight(in, "\n")+"\n"+strings.TrimRight(w.String(), "\n"))
	}
	text := strings.Join(got, "\n\n") + "\n"
	if *update {
		setFile(ar, "cases", text)
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(fileOf(ar, "cases"), text); diff != "" {
		t.Errorf("seeds (-want +got):\n%s", diff)
	}
}

// TestRewriteLetters checks that the right option is not always at the same
// place, and that the answer names the place where it is.
func TestRewriteLetters(t *testing.T) {
	seen := map[string]bool{}
	for i := range 40 {
		c := multipleChoice{Question: fmt.Sprint("Question ", i, "?"), Correct: "right", Wrong: []string{"wrong", "bad", "worse"}, Why: "So."}
		s, why := c.seed()
		if why != "" || !strings.Contains(s.Question, "\n"+s.ShortAnswer+") right") || !strings.HasPrefix(s.Answer, s.ShortAnswer+") right") {
			t.Fatalf("seed %+v, %s", s, why)
		}
		seen[s.ShortAnswer] = true
	}
	if len(seen) != 4 {
		t.Errorf("the right one is only ever under %v", seen)
	}
}

func TestRewriteParameters(t *testing.T) {
	for params, want := range map[string]string{
		"forms: [dialog]":             `there is no form "dialog", did you mean "dialogue"?; there are exercise, dialogue, choice`,
		"forms: [choice, choice]":     "the form choice is named twice",
		"temperature: 2.5":            "temperature is 2.5",
		"forms: [choice]\n      n: 1": `nothing called "n"`,
	} {
		_, err := Parse([]byte("name: x\nstages:\n  - rewrite:\n      " + params + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse with %q: %v, want “%s”", params, err, want)
		}
	}
}
