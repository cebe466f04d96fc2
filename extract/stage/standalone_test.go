package stage

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"seedbed/extract"
)

func ExampleStandalone() {
	seeds := []extract.Seed{
		{Question: "Why does granite cool slowly?", Answer: "It lies deep."},
		{Question: "What does Figure 3 show?", Answer: "Granite."},
		{Question: "What is granite?", Answer: "See Chapter 4."},
		{Question: "Which rock is plutonic granite?", Answer: "Granite.", ShortAnswer: "granite"},
	}
	seeds, err := new(Standalone).Do(context.Background(), extract.Passage{}, seeds)
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range seeds {
		fmt.Println(strings.TrimSpace(s.Checks[0].Verdict + " " + s.Checks[0].Reason))
	}
	// Output:
	// pass
	// fail the question leans on unseen text: “figure 3”
	// fail the answer only points elsewhere: “see chapter 4”
	// fail the question gives the answer away: “granite”
}

// cases reads lines that are not comments.
func cases(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for l := range strings.Lines(string(data)) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			out = append(out, strings.ReplaceAll(l, `\n`, "\n"))
		}
	}
	return out
}

func standaloneReason(t *testing.T, s extract.Seed) string {
	t.Helper()
	seeds, err := new(Standalone).Do(t.Context(), extract.Passage{}, []extract.Seed{s})
	if err != nil {
		t.Fatal(err)
	}
	c := seeds[0].Checks[0]
	if (c.Verdict == extract.Pass) != seeds[0].Live() || (c.Reason == "") != seeds[0].Live() {
		t.Errorf("%q: check %+v, verdict %s", s.Question, c, seeds[0].Verdict)
	}
	return c.Reason
}

func TestStandaloneQuestions(t *testing.T) {
	for _, line := range cases(t, "testdata/standalone/questions.txt") {
		verdict, question, _ := strings.Cut(line, " ")
		reason := standaloneReason(t, extract.Seed{Question: question, Answer: "Nobody knows for sure."})
		if want := verdict == "lean"; strings.HasPrefix(reason, "the question leans") != want || !want && reason != "" {
			t.Errorf("%q: %q, want %s", question, reason, verdict)
		}
	}
}

func TestStandaloneAnswers(t *testing.T) {
	begins := map[string]string{
		"pass": "", "point": "the answer only points", "empty": "the answer has no", "none": "the question has no", "leak": "the question gives",
	}
	for _, line := range cases(t, "testdata/standalone/answers.txt") {
		f := strings.Split(line+"||", "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		reason := standaloneReason(t, extract.Seed{Question: f[1], Answer: f[2], ShortAnswer: f[3]})
		if want, ok := begins[f[0]]; !ok || !strings.HasPrefix(reason, want) || want == "" && reason != "" {
			t.Errorf("%q, %q: %q, want %s", f[1], f[2], reason, f[0])
		}
	}
}

func TestStandaloneCode(t *testing.T) {
	for _, s := range []extract.Seed{
		{Question: "Write a function Reverse that returns its list reversed.", Answer: "func Reverse()", ShortAnswer: "Reverse", Type: extract.CodeType},
		{Question: "What does it print?\n```\nprint('hello')\n```", Answer: "hello"},
	} {
		if reason := standaloneReason(t, s); reason != "" {
			t.Errorf("%q: %s", s.Question, reason)
		}
	}
	seeds, err := new(Standalone).Do(t.Context(), extract.Passage{}, []extract.Seed{{Question: "?", Verdict: extract.Rejected}})
	if err != nil || seeds[0].Checks != nil {
		t.Errorf("a rejected seed was checked: %v, %v", seeds[0].Checks, err)
	}
}

func FuzzStandalone(f *testing.F) {
	f.Add("What does 'it' say in “this” ```text", "see (3")
	f.Add("图(三", "“")
	f.Add("$x$ `", "‘a’ 'b'")
	f.Fuzz(func(t *testing.T, question, answer string) {
		reliance(&extract.Seed{Question: question, Answer: answer})
	})
}

func BenchmarkStandalone(b *testing.B) {
	seeds := []extract.Seed{{
		Question: "Why does the water in a closed kettle on the stove of a mountain hut boil sooner than it does at home by the sea?",
		Answer:   strings.Repeat("Because the pressure of the air is lower there, the vapour needs less heat to leave. ", 4),
	}}
	b.ReportAllocs()
	for b.Loop() {
		seeds[0].Checks = seeds[0].Checks[:0]
		if _, err := new(Standalone).Do(b.Context(), extract.Passage{}, seeds); err != nil {
			b.Fatal(err)
		}
	}
}
