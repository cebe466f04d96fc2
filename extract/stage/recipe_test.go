package stage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

func TestBuiltin(t *testing.T) {
	for _, r := range Builtin() {
		if r.Version < 1 || r.Description == "" || len(r.Hash()) != 12 {
			t.Errorf("recipe %q: version %d, description %q, hash %q", r.Name, r.Version, r.Description, r.Hash())
		}
		again, ok := Lookup(r.Name)
		if !ok || again.ID() != r.ID() {
			t.Errorf("Lookup(%q) = %q, %v, want %q", r.Name, again.ID(), ok, r.ID())
		}
		if _, err := Build(r, Tools{}); (err != nil) != r.NeedsModel() {
			t.Errorf("Build(%s) without a model: %v, though it needs one is %v", r.Name, err, r.NeedsModel())
		}
	}
	explicit, _ := Lookup("explicit")
	if explicit.NeedsModel() {
		t.Error("explicit needs a model")
	}
}

// TestParseErrors reads wrong recipes; each has the words of its error beside
// it.
func TestParseErrors(t *testing.T) {
	ar, err := txtar.ParseFile(filepath.Join("testdata", "recipe.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range ar.Files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		got := ""
		if _, err := Parse(f.Data); err != nil {
			got = err.Error() + "\n"
		}
		if got == "" {
			t.Errorf("Parse(%s) took it", f.Name)
		}
		if *update {
			setFile(ar, name+".error", got)
		} else if want := fileOf(ar, name+".error"); got != want {
			t.Errorf("Parse(%s): %q, want %q", f.Name, got, want)
		}
		_ = i
	}
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", "recipe.txtar"), txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseParameters(t *testing.T) {
	r, err := Parse([]byte("name: x\nversion: 1\nstages:\n  - harvest:\n  - dedupe\n"))
	if err != nil {
		t.Fatal(err)
	}
	stages, err := Build(r, Tools{})
	if err != nil || len(stages) != 2 || stages[0].Name() != "harvest" || stages[1].Name() != "dedupe" {
		t.Errorf("Build = %v, %v", stages, err)
	}
}

// TestStepModel has one step ask a model of its own: at the same server, and
// by its own sampling.
func TestStepModel(t *testing.T) {
	r, err := Parse([]byte("name: x\nstages:\n  - screen:\n      rate: true\n      model: small\n      top_p: 0.5\n  - derive\n"))
	if err != nil {
		t.Fatal(err)
	}
	server := llmtest.New(t, llmtest.Script{Models: []string{"small", "strong"}})
	stages, err := Build(r, Tools{Model: llm.New(llm.Options{URL: server.URL, Model: "strong"})})
	if err != nil {
		t.Fatal(err)
	}
	p := extract.Passage{Text: "Granite cools slowly deep in the earth, and so its crystals are large. Basalt cools fast."}
	seeds, err := extract.Do(t.Context(), stages, p, extract.Options{})
	if err != nil || len(seeds) == 0 || seeds[0].Model != "strong" {
		t.Errorf("Do = %+v, %v", seeds, err)
	}
	var asked []string
	for _, r := range server.Requests() {
		topP := ""
		if strings.Contains(string(r.Body), `"top_p":0.5`) {
			topP = " top_p 0.5"
		}
		asked = append(asked, r.Model+topP)
	}
	if diff := cmp.Diff([]string{"small top_p 0.5", "strong"}, asked); diff != "" {
		t.Errorf("models asked (-want +got):\n%s", diff)
	}
	if _, err := Parse([]byte("name: x\nstages:\n  - screen:\n      model: small\n")); err == nil || !strings.Contains(err.Error(), "line 3: stage screen: it says how to ask a model and asks none") {
		t.Errorf("a model that is not asked: %v", err)
	}
}
