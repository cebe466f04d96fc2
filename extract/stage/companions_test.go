package stage

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read/markdown"
)

// tides is a book of chapters that refer to each other, and its passages.
func tides() (*extract.Document, []extract.Passage) {
	var w strings.Builder
	w.WriteString("# On tides\n\n")
	for i, what := range []string{"The pull of the moon", "The pull of the sun", "Shallow water", "Harbours"} {
		fmt.Fprintf(&w, "## %d. %s\n\n", i+1, what)
		fmt.Fprintf(&w, "Chapter number %d is about %s, and it says so in its first line. ", i+1, strings.ToLower(what))
		for j := range 6 {
			fmt.Fprintf(&w, "Fact %d of chapter %d is that the water rises by %d centimetres – “slowly” – because it is so. ", j+1, i+1, 10*i+j)
		}
		if i == 0 {
			w.WriteString("What happens in bays is told in chapter 4. ")
		}
		w.WriteString("\n\n")
	}
	doc := markdown.Parse(w.String())
	return doc, slices.Collect(chunk.Split(doc, chunk.Options{Min: 50, Target: 200, Max: 300}))
}

func TestCompanions(t *testing.T) {
	doc, passages := tides()
	if len(passages) != 4 {
		t.Fatalf("%d passages", len(passages))
	}
	for i, want := range [][]string{
		{"4. Harbours", "2. The pull of the sun", "3. Shallow water"}, // what it refers to comes first
		{"3. Shallow water", "1. The pull of the moon", "4. Harbours"},
		{"4. Harbours", "2. The pull of the sun", "1. The pull of the moon"},
		{"3. Shallow water", "2. The pull of the sun", "1. The pull of the moon"},
	} {
		var got []string
		for _, c := range companions(passages[i], 4) {
			title, _, _ := strings.Cut(strings.TrimLeft(c.Text, "# "), "\n")
			got = append(got, title)
			if doc.Slice(c.Start, c.End) != c.Text {
				t.Errorf("companion %q does not stand at %d–%d", title, c.Start, c.End)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("companions of passage %d: %q, want %q", i, got, want)
		}
		if some := companions(passages[i], 1); len(some) != 1 || !strings.Contains(some[0].Text, want[0]) {
			t.Errorf("the first companion of passage %d is another one of fewer: %+v", i, some)
		}
	}
	if got := companions(extract.Passage{Text: "alone"}, 4); got != nil {
		t.Errorf("a passage without a document has companions: %v", got)
	}
}

// TestDerivePassages has a model quote what it likes: every quote that is
// kept stands in the document where it says, word for word.
func TestDerivePassages(t *testing.T) {
	doc, passages := tides()
	const own = "Fact 2 of chapter 1 is that the water rises by 1 centimetres – “slowly” – because it is so."
	for _, c := range []struct {
		name     string
		passages int
		quotes   []string
		kept     bool
		several  bool
		match    string // of the last
	}{
		{"own words", 3, []string{own}, true, false, extract.MatchExact},
		{"words of two", 3, []string{own, "Fact 3 of chapter 4 is that the water rises by 32 centimetres – “slowly” – because it is so."}, true, true, extract.MatchExact},
		{"other marks", 3, []string{own, "Fact 3 of chapter 4 is that the water\nrises by 32 centimetres - \"slowly\" - because it is so."}, true, true, extract.MatchNormalized},
		{"a word wrong", 3, []string{own, "Fact 3 of chapter 4 is that all water rises by 32 centimetres – “slowly” – because it is so."}, true, true, extract.MatchRepaired},
		{"words of a passage not shown", 2, []string{own, "Chapter number 3 is about shallow water, and it says so in its first line."}, false, false, ""},
		{"not asked about together", 0, []string{own, "Chapter number 4 is about harbours, and it says so in its first line."}, false, false, ""},
		{"one quote that runs over two", 3, []string{"What happens in bays is told in chapter 4. Chapter number 4 is about harbours, and it says so in its first line."}, false, false, ""},
		{"an invention", 3, []string{own, "Zebras raise the water in the harbours of the north."}, false, false, ""},
		{"the line between", 3, []string{own, "[ On tides › 4. Harbours ]"}, false, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			prompt := ""
			server := llmtest.New(t, llmtest.Script{Answer: func(r llmtest.Request) string {
				prompt = r.Text()
				data, err := json.Marshal(map[string]any{"explicit": []any{}, "steps": []any{}, "pairs": []any{map[string]any{
					"question": "By how much does the water rise?", "answer": "By both together.", "short_answer": "", "reasoning": []string{"So."},
					"type": extract.Reasoning, "difficulty": 6, "quotes": c.quotes,
				}}})
				if err != nil {
					t.Fatal(err)
				}
				return string(data)
			}})
			client := llm.New(llm.Options{URL: server.URL, Model: "scripted"})
			defer client.Close()
			stages := []extract.Stage{&Derive{Passages: c.passages, Asking: Asking{Model: client}}, &Ground{}}
			seeds, err := extract.Do(t.Context(), stages, passages[0], extract.Options{})
			if err != nil || len(seeds) != 1 {
				t.Fatalf("%d seeds, %v", len(seeds), err)
			}
			s := seeds[0]
			if s.Live() != c.kept || slices.Contains(s.Tags, tagSeveral) != c.several {
				t.Errorf("kept %v, tags %q, want %v and several: %v (%s)", s.Live(), s.Tags, c.kept, c.several, s.VerdictReason)
			}
			if n := server.Stats().Requests; n != 1 {
				t.Errorf("%d calls", n)
			}
			if c.kept {
				for _, e := range s.Evidence {
					if doc.Slice(e.Start, e.End) != e.Quote || e.Lines[0] == 0 {
						t.Errorf("evidence %+v does not stand where it says: %q", e, doc.Slice(e.Start, e.End))
					}
				}
				if last := s.Evidence[len(s.Evidence)-1]; last.Match != c.match {
					t.Errorf("match %q, want %q", last.Match, c.match)
				}
				if text := withEvidence(passages[0], &s); strings.Contains(text, "Chapter number 4") != c.several {
					t.Errorf("who answers again is shown:\n%s", text)
				}
			}
			if shown := strings.Contains(prompt, "Fact 3 of chapter 4"); shown != (c.passages > 1) {
				t.Errorf("the other passage is shown: %v", shown)
			}
		})
	}
}
