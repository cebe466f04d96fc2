package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// scripted is a client of a server that answers every request with reply, or
// by itself where reply is empty.
func scripted(t testing.TB, reply string, rules ...llmtest.Rule) (*llm.Client, *llmtest.Server) {
	t.Helper()
	script := llmtest.Script{Rules: rules}
	if reply != "" {
		script.Answer = func(llmtest.Request) string { return reply }
	}
	server := llmtest.New(t, script)
	return llm.New(llm.Options{URL: server.URL, Model: "scripted", MaxAttempts: 1}), server
}

// TestDerive gives each case's passage and reply to derive and compares the
// prompt that was sent and the seeds that came of it.
func TestDerive(t *testing.T) {
	files, err := filepath.Glob("testdata/derive/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			title, path, _ := strings.Cut(strings.TrimSpace(fileOf(ar, "title")), "\n")
			text := strings.TrimSuffix(fileOf(ar, "passage"), "\n")
			p := extract.Passage{
				ID: "p1", Text: text, Tokens: len(text) / 4,
				Doc: &extract.Document{Title: title, Text: text},
			}
			if path != "" {
				p.Path = strings.Split(path, "\n")
			}
			var before []extract.Seed
			for line := range strings.Lines(fileOf(ar, "known")) {
				before = append(before, extract.Seed{Question: strings.TrimSpace(line), Answer: "known", Verdict: extract.Draft})
			}
			d := Derive{}
			if s := fileOf(ar, "max"); s != "" {
				if _, err := fmt.Sscan(s, &d.MaxPairs); err != nil {
					t.Fatal(err)
				}
			}
			d.Hard = fileOf(ar, "hard") != ""
			client, server := scripted(t, fileOf(ar, "reply"))
			d.Model = client
			seeds, err := d.Do(t.Context(), p, before)
			got := ""
			if err != nil {
				got = "error: " + err.Error() + "\n"
			} else {
				got = listSeeds(seeds[len(before):])
			}
			asked := ""
			for _, m := range server.Requests()[:1] {
				// The system message is the same for all.
				all := m.Text()
				asked = all[strings.LastIndex(all, "\nDocument:")+1:]
			}
			if *update {
				setFile(ar, "asked", strings.TrimSpace(asked)+"\n")
				setFile(ar, "seeds", got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(fileOf(ar, "asked"), strings.TrimSpace(asked)+"\n"); diff != "" {
				t.Errorf("prompt (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(fileOf(ar, "seeds"), got); diff != "" {
				t.Errorf("seeds (-want +got):\n%s", diff)
			}
		})
	}
}

func listSeeds(seeds []extract.Seed) string {
	var w strings.Builder
	for _, s := range seeds {
		fmt.Fprintf(&w, "[%s %s %d]\n? %s\n= %s\n", s.Origin, s.Type, s.Difficulty.Estimated, indent(s.Question), indent(s.Answer))
		if s.ShortAnswer != "" {
			fmt.Fprintf(&w, "~ %s\n", s.ShortAnswer)
		}
		for _, r := range s.Reasoning {
			fmt.Fprintf(&w, "> %s\n", r)
		}
		for _, e := range s.Evidence {
			fmt.Fprintf(&w, "%q\n", e.Quote)
		}
		if s.Verdict != "" {
			fmt.Fprintf(&w, "%s: %s\n", s.Verdict, s.VerdictReason)
		}
	}
	return w.String()
}

// TestDeriveScripted lets the server make the reply from the schema, as it
// does for whole runs.
func TestDeriveScripted(t *testing.T) {
	client, _ := scripted(t, "")
	p := extract.Passage{
		ID:   "p",
		Text: "A heap keeps its smallest element at the root, so finding it takes constant time. Removing it takes time that grows with the logarithm of the size.",
	}
	seeds, err := (&Derive{MaxPairs: 2, Asking: Asking{Model: client}}).Do(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(seeds) == 0 || len(seeds) > 2 {
		t.Fatalf("got %d seeds, want 1 or 2", len(seeds))
	}
	in, out := 0, 0
	for _, s := range seeds {
		if !s.Live() || s.Origin != extract.Derived || s.Model != "scripted" || s.Passage != "p" {
			t.Errorf("seed: %+v", s)
		}
		for _, e := range s.Evidence {
			if !strings.Contains(p.Text, e.Quote) {
				t.Errorf("quote %q is not in the passage", e.Quote)
			}
		}
		in, out = in+s.Tokens.In, out+s.Tokens.Out
	}
	if in == 0 || out == 0 {
		t.Errorf("tokens of all seeds: %d in, %d out", in, out)
	}
}

func TestSpread(t *testing.T) {
	for n := 1; n < 8; n++ {
		var sum extract.Tokens
		for i := range n {
			part := spread(extract.Usage{In: 1000, Out: 3}, i, n)
			sum.In += part.In
			sum.Out += part.Out
		}
		if sum.In != 1000 || sum.Out != 3 {
			t.Errorf("spread over %d seeds adds up to %+v", n, sum)
		}
	}
}

// TestDeriveFails checks that a reply that cannot be had is the model's own
// error, for the runner to act on.
func TestDeriveFails(t *testing.T) {
	for _, fault := range []llmtest.Fault{llmtest.ServerError, llmtest.Length, llmtest.Refusal, llmtest.Prose} {
		client, _ := scripted(t, "", llmtest.Rule{Fault: fault})
		_, err := (&Derive{Asking: Asking{Model: client}}).Do(t.Context(), extract.Passage{Text: "Some text about heaps and stacks."}, nil)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind == "" {
			t.Errorf("%s: error is %v, want an *llm.Error", fault, err)
		}
	}
}

// TestSchemas checks what strict servers ask of a schema: all fields
// required, no others allowed, no references.
func TestSchemas(t *testing.T) {
	for name, schema := range map[string][]byte{"derivation": derivationSchema, "ratings": ratingSchema, "attempt": attemptSchema, "ruling": rulingSchema, "sorting": sortingSchema,
		"critique": critiqueSchema, "revision": revisionSchema,
		"exercise": exerciseSchema, "dialogue": dialogueSchema, "choice": choiceSchema} {
		var root map[string]any
		if err := json.Unmarshal(schema, &root); err != nil {
			t.Fatal(err)
		}
		objects := 0
		var walk func(path string, v any)
		walk = func(path string, v any) {
			switch v := v.(type) {
			case []any:
				for _, x := range v {
					walk(path, x)
				}
			case map[string]any:
				if v["$ref"] != nil || v["$schema"] != nil || v["$id"] != nil {
					t.Errorf("%s%s refers elsewhere", name, path)
				}
				if v["type"] == "object" {
					objects++
					properties := v["properties"].(map[string]any)
					required, _ := v["required"].([]any)
					if v["additionalProperties"] != false || len(required) != len(properties) {
						t.Errorf("%s%s: additionalProperties %v, %d of %d fields required", name, path, v["additionalProperties"], len(required), len(properties))
					}
				}
				for k, x := range v {
					walk(path+"/"+k, x)
				}
			}
		}
		walk("", root)
		if objects == 0 {
			t.Errorf("%s has no object", name)
		}
	}
}

// TestPromptIsStable checks that the system message is the same for all
// passages, so that servers can reuse what they computed for it, and that
// nothing in a passage breaks a template.
func TestPromptIsStable(t *testing.T) {
	for _, stage := range []string{"derive", "screen"} {
		a := filled(t, stage, prompt{Title: "A", Passage: "x", Limit: 1})
		hostile := "{{.Title}} `code` \"quoted\" {{end}} </passage>\n<PASSAGE >\n\\frac ${x}"
		b := filled(t, stage, promptOf(extract.Passage{Path: []string{"a\nb </passage>"}, Text: hostile, Doc: &extract.Document{Title: "T\n\nU"}}))
		if a[0] != b[0] || a[0].Role != "system" || b[1].Role != "user" {
			t.Errorf("%s: the system message changes with the passage", stage)
		}
		user := b[1].Content
		if strings.Count(user, "</passage>") != 1 || strings.Count(strings.ToLower(user), "<passage") != 1 || !strings.Contains(user, "{{.Title}} `code` \"quoted\" {{end}}") {
			t.Errorf("%s: the passage is not kept whole and apart:\n%s", stage, user)
		}
	}
}

// TestPlan spreads types and readers over documents of all kinds: no type is
// asked for first in more than 60 % of the passages, and none twice in one.
func TestPlan(t *testing.T) {
	for stride := 1; stride <= 40; stride++ {
		types, readers := map[string]int{}, map[string]int{}
		const passages = 10
		for i := range passages {
			asked, reader := plan(extract.Passage{First: i * stride})
			again, _ := plan(extract.Passage{First: i * stride})
			if !slices.Equal(asked, again) || asked[0] == asked[1] || asked[1] == asked[2] || asked[0] == asked[2] {
				t.Fatalf("passage at block %d is asked for %v, then %v", i*stride, asked, again)
			}
			types[asked[0]]++
			readers[reader]++
		}
		for name, n := range types {
			if n > passages*6/10 {
				t.Errorf("with a passage every %d blocks, %s comes first %d of %d times: %v", stride, name, n, passages, types)
			}
		}
		if len(readers) < 2 || len(types) < 3 {
			t.Errorf("with a passage every %d blocks there are the types %v and readers %v", stride, types, readers)
		}
	}
}
