package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/stage"
	"seedbed/internal/export"
	"seedbed/internal/seedbed"
)

type squadFile struct {
	Version string
	Data    json.RawMessage
}

type squadSource struct {
	Title      string
	Paragraphs []struct {
		Context string
		QAs     []struct {
			ID       string
			Question string
			Answers  []struct {
				Text  string
				Start int `json:"answer_start"`
			}
			Impossible *bool `json:"is_impossible"`
		}
	}
}

func squad(t *testing.T, data []byte) squadFile {
	t.Helper()
	var f squadFile
	if err := json.Unmarshal(data, &f); err != nil || f.Version != "v2.0" {
		t.Fatalf("%.80q: version %q, %v", data, f.Version, err)
	}
	return f
}

func TestSquadAnswers(t *testing.T) {
	for _, test := range []struct {
		passage, short, answer string
		evidence               []string
		want                   string // the answer's text and start; "" is none
	}{
		// The short answer, where the evidence has it.
		{"In 1927 and again in 1929.", "1929", "It was 1929.", []string{"again in 1929"}, "1929 at 21"},
		{"7 bees. A hive of 7 bees sleeps.", "7", "Seven.", []string{"A hive of 7 bees"}, "7 at 18"},
		{"7 bees. A hive sleeps.", "7", "Seven.", []string{"A hive sleeps"}, ""},
		{"7 bees. A hive sleeps.", "7", "Seven.", nil, "7 at 0"},
		// In the passage's own words, whatever its case and its lines.
		{"Bees dance:\n the Waggle\n  dance.", "the waggle dance", "…", nil, "the Waggle\n  dance at 13"},
		{"It is the waggle dance, they say.", "The waggle dance.", "…", nil, "the waggle dance at 6"},
		// Whole words and whole numbers only.
		{"Part 2.1 has 12 of 3,200 hives.", "2", "…", nil, ""},
		{"Part 2.1 has 12 of 3,200 hives.", "200", "…", nil, ""},
		{"Part 2.1 has 12 of 3,200 hives.", "3,200", "…", nil, "3,200 at 19"},
		{"Beeswax, then a bee.", "bee", "…", nil, "bee at 16"},
		// Else the answer.
		{"A: It has four wings.", "", "It has four wings.", nil, "It has four wings. at 3"},
		{"A: It has four wings.", "4", "It has four wings.", []string{"four wings"}, "It has four wings. at 3"},
		{"A: It has four wings.", "", "It has 4 wings.", []string{"four wings"}, ""},
		// Offsets count code points.
		{"𝔹 naïve 机器学习 field", "field", "…", nil, "field at 13"},
		{"ÅNGSTRÖM", "ångström", "…", nil, "ÅNGSTRÖM at 0"},
		{"İstanbul is x", "is", "…", nil, "is at 9"},
		{"", "x", "x", nil, ""},
		{"x", "", " ", nil, ""},
	} {
		s := extract.Seed{ID: "s", Question: "Q?", ShortAnswer: test.short, Answer: test.answer}
		for _, q := range test.evidence {
			s.Evidence = append(s.Evidence, extract.Evidence{Quote: q})
		}
		var b bytes.Buffer
		e := &export.Exporter{Seeds: &source{seeds: each([]extract.Seed{s}), passages: map[string]string{"s": test.passage}}}
		m, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "squad"}, seedbed.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var sources []squadSource
		if err := json.Unmarshal(squad(t, b.Bytes()).Data, &sources); err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(sources) > 0 {
			p := sources[0].Paragraphs[0]
			a := p.QAs[0].Answers[0]
			got = fmt.Sprintf("%s at %d", a.Text, a.Start)
			if r := []rune(p.Context); string(r[a.Start:a.Start+len([]rune(a.Text))]) != a.Text || p.Context != test.passage || *p.QAs[0].Impossible {
				t.Errorf("%q does not stand at %d of %q", a.Text, a.Start, p.Context)
			}
		}
		left := 0
		for _, n := range m.LeftOut {
			left += n
		}
		if got != test.want || m.Seeds+left != 1 || (left == 1) != (test.want == "") {
			t.Errorf("of %q, %q and %q in %q the answer is %q, want %q; the manifest counts %d and leaves out %v",
				test.short, test.answer, test.evidence, test.passage, got, test.want, m.Seeds, m.LeftOut)
		}
	}
}

// Sources hold passages, and passages hold questions, in their order.
func TestSquadNests(t *testing.T) {
	var seeds []extract.Seed
	texts := map[string]string{}
	for i, at := range []string{"a p1", "a p1", "a p2", "b p2", "b p3", "b p3", "b p4"} {
		source, passage, _ := strings.Cut(at, " ")
		id := fmt.Sprint("s", i)
		texts[id] = "The text of " + at
		answer := "text"
		if i == 3 { // the first of its source has no answer
			answer = "none"
		}
		seeds = append(seeds, extract.Seed{ID: id, Question: "Q?", Answer: answer, Passage: passage, Source: extract.SourceRef{ID: source, Title: "Book " + source}})
	}
	var b bytes.Buffer
	e := &export.Exporter{Seeds: &source{seeds: each(seeds), passages: texts}}
	m, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "squad"}, seedbed.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var sources []squadSource
	if err := json.Unmarshal(squad(t, b.Bytes()).Data, &sources); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		for _, p := range s.Paragraphs {
			for _, q := range p.QAs {
				got = append(got, s.Title+", "+p.Context+": "+q.ID)
			}
		}
	}
	want := []string{
		"Book a, The text of a p1: s0", "Book a, The text of a p1: s1", "Book a, The text of a p2: s2",
		"Book b, The text of b p3: s4", "Book b, The text of b p3: s5", "Book b, The text of b p4: s6",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(sources) != 2 || len(sources[0].Paragraphs) != 2 {
		t.Errorf("%d sources; the questions differ (-want +got):\n%s", len(sources), diff)
	}
	if m.Seeds != 6 || m.Files[0].Seeds != 6 || m.LeftOut["the answer does not stand in the passage word for word"] != 1 {
		t.Errorf("the manifest is %+v", m)
	}
}

// Where a format has no place for some seeds, sources of the others alone are
// dealt to parts: none is empty, and all that is left out is counted.
func TestSplitOfWhatIsWritten(t *testing.T) {
	parts, err := seedbed.ParseSplit("train:0.5,test:0.5")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	var seeds []extract.Seed
	for i := range 12 {
		id := fmt.Sprint("s", i)
		texts[id] = []string{"The answer is here.", "It is not."}[min(i, 2)/2]
		seeds = append(seeds, extract.Seed{ID: id, Question: "Q?", Answer: "The answer", Source: extract.SourceRef{ID: id, SHA256: id}})
	}
	e := &export.Exporter{Seeds: &source{seeds: each(seeds), passages: texts}}
	o := seedbed.ExportOptions{Format: "squad", Split: parts}
	var b bytes.Buffer
	m, err := e.Export(t.Context(), &b, o, seedbed.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	shares, err := e.Shares(t.Context(), o, seedbed.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.Split, shares); diff != "" || shares[0].Seeds != 1 || shares[1].Seeds != 1 {
		t.Errorf("the shares are %+v, want a seed each (-manifest +Shares):\n%s", shares, diff)
	}
	left := 0
	for _, n := range m.LeftOut {
		left += n
	}
	if left != 10 {
		t.Errorf("%v are left out, want 10", m.LeftOut)
	}
	texts["s1"] = "Nothing."
	if _, err := e.Export(t.Context(), &b, o, seedbed.Filter{}); seedbed.CodeOf(err) != seedbed.Conflict {
		t.Errorf("a split of one source that is written: %v, want a conflict", err)
	}
}

func TestPreference(t *testing.T) {
	id := func(s string) *string { return &s }
	twin := "twin"
	rejected := map[string]extract.Seed{
		"bad":       {Question: "Why?", Answer: "No idea.", Reasoning: []string{"Hm."}, Verdict: extract.Rejected},
		"other":     {Question: "How?", Answer: "No idea.", Verdict: extract.Rejected},
		"same":      {Question: "Why?", Answer: "So. ", Verdict: extract.Rejected},
		"accepted":  {Question: "Why?", Answer: "Because.", Verdict: extract.Accepted},
		"duplicate": {Question: "Why?", Answer: "Because.", Verdict: extract.Rejected, DuplicateOf: &twin},
		"widowed": {Question: "Why?", Answer: "Because.", Verdict: extract.Rejected, // its twin was deleted
			Checks: []extract.Check{{Name: "dedupe", Verdict: extract.Fail}}},
	}
	var seeds []extract.Seed
	for _, parent := range []*string{nil, id("bad"), id("other"), id("same"), id("accepted"), id("duplicate"), id("widowed"), id("gone")} {
		seeds = append(seeds, extract.Seed{ID: "s", Question: "Why?", Answer: "So.", Reasoning: []string{"Step."}, Parent: parent, Verdict: extract.Accepted})
	}
	var b bytes.Buffer
	e := &export.Exporter{Seeds: &source{seeds: each(slices.Repeat(seeds, 50)), rejected: rejected}}
	m, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "preference", System: "Be brief.", Reasoning: true}, seedbed.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"prompt":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why?"}],` +
		`"chosen":[{"role":"assistant","content":"<think>\nStep.\n</think>\n\nSo."}],` +
		`"rejected":[{"role":"assistant","content":"<think>\nHm.\n</think>\n\nNo idea."}]}` + "\n"
	if diff := cmp.Diff(strings.Repeat(want, 50), b.String()); diff != "" {
		t.Errorf("the pairs differ (-want +got):\n%s", diff)
	}
	if m.Seeds != 50 || m.LeftOut["no rejected answer to the same question was replaced"] != 350 {
		t.Errorf("the manifest counts %d and leaves out %v", m.Seeds, m.LeftOut)
	}
}

// found is a stage that finds a seed.
type found extract.Seed

func (found) Name() string { return "found" }

func (f found) Do(context.Context, extract.Passage, []extract.Seed) ([]extract.Seed, error) {
	return []extract.Seed{extract.Seed(f)}, nil
}

// What the stage revise leaves behind is a pair.
func TestPreferenceOfRevise(t *testing.T) {
	rated := 0
	server := llmtest.New(t, llmtest.Script{NoStream: true, Answer: func(r llmtest.Request) string {
		if strings.Contains(string(r.Body), "You mend question") {
			return `{"question": "How deep is it?", "reasoning": [], "answer": "It is 54 m deep.", "short_answer": "54 m"}`
		}
		if rated++; rated == 1 {
			return `{"faults": ["Vague."], "reasoning": 5, "accuracy": 3, "completeness": 2, "standalone": 4}`
		}
		return `{"faults": [], "reasoning": 5, "accuracy": 5, "completeness": 5, "standalone": 5}`
	}})
	revise := &stage.Revise{Rounds: 1, Threshold: 4, Asking: stage.Asking{Model: llm.New(llm.Options{URL: server.URL, Model: "scripted", MaxAttempts: 1})}}
	first := found{Question: "How deep is it?", Answer: "It is deep.", Origin: extract.Derived, Type: extract.Factual}
	p := extract.Passage{ID: "p", Text: "The well of Orvieto is 54 m deep."}
	seeds, err := extract.Do(t.Context(), []extract.Stage{first, revise}, p, extract.Options{Run: "r"})
	if err != nil || len(seeds) != 2 {
		t.Fatalf("revise gives %d seeds, %v; want both versions", len(seeds), err)
	}
	var b bytes.Buffer
	e := &export.Exporter{Seeds: &source{seeds: each(seeds[1:]), rejected: map[string]extract.Seed{seeds[0].ID: seeds[0]}}}
	if _, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "preference"}, seedbed.Filter{Verdict: []string{extract.Draft}}); err != nil {
		t.Fatal(err)
	}
	want := `{"prompt":[{"role":"user","content":"How deep is it?"}],"chosen":[{"role":"assistant","content":"It is 54 m deep."}],` +
		`"rejected":[{"role":"assistant","content":"It is deep."}]}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("the pair differs (-want +got):\n%s", diff)
	}
}
