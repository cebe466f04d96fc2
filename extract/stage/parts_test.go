package stage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// longPassage is a document's second section, of about a thousand tokens, with
// letters of several bytes before and in it.
func longPassage(t *testing.T) extract.Passage {
	t.Helper()
	var w extract.Builder
	w.Title = "Of stones"
	w.Add("", extract.Block{Kind: extract.Heading, Level: 1, Title: "Stones", Text: "# Stones"})
	w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 2, Title: "Before", Text: "## Befòre"})
	w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: strings.Repeat("Nothing of this is asked about, naïve as it is. ", 78) + "The end."})
	w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 2, Title: "Beds", Text: "## Beds"})
	for i := range 12 {
		var b strings.Builder
		for j := range 5 {
			fmt.Fprintf(&b, "Bed %d·%d cooled over %d years, because it lay %d métres deep, and so its crystals are large. ", i, j, 10*i+j+3, 40+i*j)
		}
		w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: strings.TrimSpace(b.String())})
	}
	doc := w.Done()
	for p := range chunk.Split(doc, chunk.Options{Max: 2000}) {
		if strings.HasPrefix(p.Text, "## Beds") {
			return p
		}
	}
	t.Fatal("no passage with beds")
	return extract.Passage{}
}

// room is a context that the prompt about p fits in with so much of p.
func room(t *testing.T, p extract.Passage, share float64) int {
	t.Helper()
	ask := promptOf(p)
	ask.Limit = 9
	messages, err := builtinPrompt("derive").fill(ask)
	if err != nil {
		t.Fatal(err)
	}
	all := len(messages[0].Content) + len(messages[1].Content)
	return (all - int(float64(len(p.Text))*(1-share))) / 4
}

// What a model has no room for is asked about in parts; seeds of all parts
// are the passage's, and their quotes stand where they say.
func TestOverflow(t *testing.T) {
	p := longPassage(t)
	for _, tc := range []struct {
		name  string
		share float64
		parts int
	}{
		{"halves", 0.7, 2},
		{"quarters", 0.4, 4},
		{"eighths", 0.24, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := llmtest.New(t, llmtest.Script{Context: room(t, p, tc.share)})
			client := extract.Metered(llm.New(llm.Options{URL: server.URL, Model: "scripted"}))
			stages := []extract.Stage{
				&Screen{Rate: true, Asking: Asking{Model: client}}, &Derive{Asking: Asking{Model: client}}, &Ground{},
				&Revise{Rounds: 1, Threshold: 4, Asking: Asking{Model: client}}, &Roundtrip{Asking: Asking{Model: client}},
			}
			var results []extract.Result
			for r := range extract.Run(t.Context(), slices.Values([]extract.Passage{p}), stages, extract.Options{Run: "r"}) {
				results = append(results, r)
			}
			r := results[0]
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			e := r.Entry()
			if want := fmt.Sprintf("derive: in %d parts, as the passage is longer than the model takes", tc.parts); e.Outcome != extract.GaveSeeds || !strings.HasSuffix(e.Note, want) {
				t.Errorf("the ledger says %q, %q; want %q, …%q", e.Outcome, e.Note, extract.GaveSeeds, want)
			}
			if got := extract.Sections([]extract.Entry{e, e}, 1)[0].Notes; len(got) != 1 || got[0] != e.Note {
				t.Errorf("its section says %q, want %q once", got, e.Note)
			}
			from := map[int]bool{} // the parts that gave a seed
			for _, s := range r.Seeds {
				if s.Passage != p.ID {
					t.Errorf("seed %q is of passage %s, want %s", s.Question, s.Passage, p.ID)
				}
				for _, c := range s.Checks {
					if c.Verdict == extract.Uncertain && strings.Contains(c.Reason, "longer than") {
						t.Errorf("%s of %q: %s", c.Name, s.Question, c.Reason)
					}
				}
				for _, q := range s.Evidence {
					if got := p.Doc.Slice(q.Start, q.End); got != q.Quote || q.Match != extract.MatchExact {
						t.Errorf("the quote %q is %s, and %q stands there", q.Quote, q.Match, got)
					}
					from[(q.Start-p.Start)*tc.parts/(p.End-p.Start)] = true
				}
			}
			if len(from) < tc.parts/2+1 {
				t.Errorf("seeds come of %d of %d parts", len(from), tc.parts)
			}
		})
	}
}

// A passage that does not fit in eighths fails, after four tries.
func TestOverflowIsBounded(t *testing.T) {
	p := longPassage(t)
	server := llmtest.New(t, llmtest.Script{Context: room(t, p, 0.05)})
	d := &Derive{Asking: Asking{Model: llm.New(llm.Options{URL: server.URL, Model: "scripted"})}}
	_, err := d.Do(t.Context(), p, nil)
	if llm.Kind(err) != llm.TooLong {
		t.Errorf("Do gives %v, want an error of the kind %s", err, llm.TooLong)
	}
	if n := len(server.Requests()); n != 1+maxHalvings {
		t.Errorf("%d requests, want %d", n, 1+maxHalvings)
	}
	if e := (extract.Result{Passage: p, Err: err}).Entry(); e.Outcome != extract.FailedOut || !strings.Contains(e.Reason, "longer than scripted takes") {
		t.Errorf("the ledger says %q: %q", e.Outcome, e.Reason)
	}
}

// Where the passages beside it are what is too much, the passage alone is
// asked about.
func TestOverflowByCompanions(t *testing.T) {
	p := longPassage(t)
	server := llmtest.New(t, llmtest.Script{Context: room(t, p, 1.15)})
	d := &Derive{Passages: 3, Asking: Asking{Model: llm.New(llm.Options{URL: server.URL, Model: "scripted"})}}
	if len(companions(p, 2)) == 0 {
		t.Fatal("the passage has no companions")
	}
	seeds, err := d.Do(t.Context(), p, nil)
	if err != nil || len(seeds) == 0 {
		t.Errorf("Do gives %d seeds, %v", len(seeds), err)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests, want 2: with companions, and without", n)
	}
}

// A reply that has no room beside its request is too much as well, one that
// never ends is not.
func TestOverflowOfReply(t *testing.T) {
	long := &llm.Error{Kind: llm.TooLong}
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("other"), false},
		{fmt.Errorf("stage derive: %w", long), true},
		{&llm.Error{Kind: llm.Truncated}, false},
		{&llm.Error{Kind: llm.Truncated, Err: long}, true},
		{&llm.Error{Kind: llm.Rate}, false},
	} {
		if got := llm.Overflow(tc.err); got != tc.want {
			t.Errorf("Overflow(%v) = %v, want %v", tc.err, got, tc.want)
		}
	}
}
