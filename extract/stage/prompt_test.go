package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// filled is a built-in prompt, filled.
func filled(t *testing.T, name string, about any) []extract.Message {
	t.Helper()
	m, err := builtinPrompt(name).fill(about)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBuiltinPrompts holds the prompts that come with the program to what is
// asked of a user's own, and finds those that nothing asks with.
func TestBuiltinPrompts(t *testing.T) {
	for name := range calls {
		if wrong := builtinPrompt(name).check(name); wrong != nil {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	files, err := os.ReadDir("prompts")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, _, _ := strings.Cut(f.Name(), ".")
		if _, ok := calls[name]; !ok {
			t.Errorf("no call has the prompt %s", f.Name())
		}
	}
}

// TestResolved checks that a resolved recipe is the same recipe, and that its
// hash follows what is asked, however it is written.
func TestResolved(t *testing.T) {
	parse := func(body string) Recipe {
		t.Helper()
		r, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, r := range Builtin() {
		again := parse(string(r.Resolved))
		if diff := cmp.Diff(string(r.Resolved), string(again.Resolved)); diff != "" || again.ID() != r.ID() {
			t.Errorf("%s resolved is %s (-want +got):\n%s", r.ID(), again.ID(), diff)
		}
	}
	base := parse("name: x\nstages:\n  - derive\n")
	for name, same := range map[string]string{
		"its default said":    "# a remark\nname: x\nstages: [{derive: {temperature: 0.2}}]\n",
		"its own prompt said": "name: x\nstages:\n  - derive:\n      prompt: |\n" + indented(builtinPrompt("derive").User),
	} {
		if r := parse(same); r.Hash() != base.Hash() {
			t.Errorf("with %s the hash is %s, want %s", name, r.Hash(), base.Hash())
		}
	}
	for name, other := range map[string]string{
		"temperature": "name: x\nstages:\n  - derive:\n      temperature: 0.3\n",
		"model":       "name: x\nstages:\n  - derive:\n      model: m\n",
		"prompt":      "name: x\nstages:\n  - derive:\n      prompt: \"{{.Passage}}\"\n",
		"system":      "name: x\nstages:\n  - derive:\n      system: Be brief.\n",
	} {
		if parse(other).Hash() == base.Hash() {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if !strings.Contains(string(base.Resolved), "You turn passages of books") {
		t.Errorf("the resolved recipe lacks its prompt:\n%s", base.Resolved)
	}
}

// A prompt that would run for ever, or fill the memory, is refused.
func TestEndlessPrompt(t *testing.T) {
	doubling := ""
	for i := range 60 {
		doubling += fmt.Sprintf(`{{define "t%d"}}{{template "t%d"}}{{template "t%d"}}{{end}}`, i, i+1, i+1)
	}
	for name, text := range map[string]string{
		"a loop without end":     "{{.Passage}}{{range 9223372036854775807}}{{end}}",
		"a loop that writes":     "{{.Passage}}{{range 9223372036854775807}}word {{end}}",
		"a loop over a variable": "{{.Passage}}{{$n := 9223372036854775807}}{{if .Passage}}{{with .Passage}}{{range $n}}{{end}}{{end}}{{end}}",
		"loops in loops":         "{{.Passage}}{{range 5000}}{{range 5000}}{{range 5000}}{{end}}{{end}}{{end}}",
		"a template of itself":   `{{.Passage}}{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`,
		"templates that double":  `{{.Passage}}` + doubling + `{{define "t60"}}{{end}}{{template "t0"}}`,
		"a value that doubles":   `{{.Passage}}{{$x := "word"}}{{range 60}}{{$x = print $x $x}}{{end}}`,
		"wide formats":           `{{.Passage}}{{$x := ""}}{{range 60}}{{$x = printf "%999999s%s" "a" $x}}{{end}}`,
	} {
		wrong := Prompt{User: text, System: "s"}.check("derive")
		if wrong == nil {
			t.Errorf("%s: the prompt is taken", name)
			continue
		}
		if why := wrong.Error(); !strings.Contains(why, "it repeats itself") && !strings.Contains(why, "grows beyond") || strings.Contains(why, "template:") {
			t.Errorf("%s: %v; want that it repeats itself or grows, in plain words", name, wrong)
		}
	}
	fine := `{{.Passage}}{{range .Types}}{{.}}, {{end}}{{range 100}}{{if false}}x{{end}}{{end}}{{print .Limit}} {{printf "%d" .Limit}} {{html "<"}}`
	if wrong := (Prompt{User: fine, System: "s"}).check("derive"); wrong != nil {
		t.Errorf("a prompt with loops: %v", wrong)
	}
}

func indented(s string) string {
	return "        " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n        ") + "\n"
}

// TestOwnPrompt sends what a recipe's own prompts say, with braces, quotes
// and backticks in the recipe and in the passage.
func TestOwnPrompt(t *testing.T) {
	body, err := os.ReadFile(filepath.Join("testdata", "own-prompt.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	server := llmtest.New(t, llmtest.Script{})
	stages, err := Build(r, Tools{Model: llm.New(llm.Options{URL: server.URL, Model: "scripted"})})
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "{{.Limit}} {{template \"x\"}} `{{` \"}}\" ${y} %s </passage> \\frac{1}{2}"
	if _, err := extract.Do(t.Context(), stages, extract.Passage{Text: "Basalt cools fast. " + hostile}, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	want := `Make "pairs" of {this}, as ` + "`json`" + ` {"explicit": [], "steps": [], "pairs": []}; {{ no action }}.
At most 1, please:
<passage>
Basalt cools fast. ` + strings.Replace(hostile, "</passage>", "‹/passage›", 1) + `
</passage>`
	if got := server.Requests()[0].Text(); got != want {
		t.Errorf("sent:\n%s\nwant:\n%s", got, want)
	}
}
