package stage

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read/markdown"
)

// TestScreenRules gives each case, a document of one section, to the rules.
// A case is named for the reason it is skipped for, or kept.
func TestScreenRules(t *testing.T) {
	ar, err := txtar.ParseFile(filepath.Join("testdata", "screen.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range ar.Files {
		_, want, _ := strings.Cut(f.Name, ": ")
		if want == "kept" {
			want = ""
		}
		doc := markdown.Parse(string(f.Data))
		p := wholePassage(doc)
		_, err := (&Screen{}).Do(t.Context(), p, nil)
		got := ""
		if skip, ok := errors.AsType[extract.Skip](err); ok {
			got = string(skip)
		} else if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if got != want {
			t.Errorf("%s: skipped for %q, want %q", f.Name, got, want)
		}
	}
}

// wholePassage is a document as one passage under its last heading.
func wholePassage(doc *extract.Document) extract.Passage {
	sections := doc.Sections()
	return extract.Passage{
		Path:    sections[len(sections)-1].Path,
		Text:    doc.Text,
		Locator: extract.Locator{Start: 0, End: doc.Blocks[len(doc.Blocks)-1].End},
		Last:    len(doc.Blocks),
		Doc:     doc,
	}
}

func TestScreenModel(t *testing.T) {
	p := extract.Passage{Text: "The library opens at nine on most days of the week and closes at five."}
	for _, c := range []struct {
		name, reply string
		want        string // "" is kept, "error" any error but a skip
	}{
		{"good", `{"reason": "It explains.", "educational_value": 4, "factual_content": 1, "reasoning_content": 0}`, ""},
		{"facts are enough", `{"reason": "Dense.", "educational_value": 0, "factual_content": 2, "reasoning_content": 0}`, ""},
		{"poor", `{"reason": "Opening\nhours.", "educational_value": 1, "factual_content": 1, "reasoning_content": 0}`, "rated too low: educational value 1, facts 1, reasoning 0 of 5 (Opening hours.)"},
		{"beyond the scale", `{"reason": "!", "educational_value": 9, "factual_content": 1, "reasoning_content": 0}`, "error"},
		{"half a rating", `{"reason": "!"}`, "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := scripted(t, c.reply)
			_, err := (&Screen{Rate: true, Threshold: 2, Asking: Asking{Model: client}}).Do(t.Context(), p, nil)
			skip, skipped := errors.AsType[extract.Skip](err)
			switch {
			case c.want == "error" && (err == nil || skipped), c.want != "error" && err != nil && !skipped, c.want != "error" && string(skip) != c.want:
				t.Errorf("Do: %v, want %q", err, c.want)
			}
			if len(server.Requests()) == 0 {
				t.Error("the model was not asked")
			}
		})
	}
	// What the rules turn away costs nothing.
	client, server := scripted(t, "", llmtest.Rule{Fault: llmtest.ServerError})
	_, err := (&Screen{Rate: true, Asking: Asking{Model: client}}).Do(t.Context(), extract.Passage{Text: "*** 12 34 ***"}, nil)
	if _, ok := errors.AsType[extract.Skip](err); !ok || len(server.Requests()) > 0 {
		t.Errorf("error %v after %d requests, want a skip after none", err, len(server.Requests()))
	}
}

// TestLinesAtFirstSight: no line is left out that the pattern would match.
func TestLinesAtFirstSight(t *testing.T) {
	ar, err := txtar.ParseFile(filepath.Join("testdata", "screen.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range ar.Files {
		lines = append(lines, nonEmptyLines(string(f.Data))...)
	}
	// And what no person would write.
	parts := []string{"a", "Bayes, ", "see ", "see also ", "12", "3–4", ", ", ".", ";", "....", ". . . . ", "…", " ", "\t", "\f", "xii", "ü", "?", "\u00a0", "(", ")", "1987", "(2004)", "et al", "p. 7", "pp. 12", "vol. 3", "doi", "arxiv"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		lines = append(lines, nonEmptyLines(b.String())...)
	}
	for _, of := range []struct {
		name string
		fast func(string) bool
		slow pattern
	}{{"leader", isLeader, leader}, {"index", isIndexed, indexed}, {"citation", isCitation, citation}} {
		matched := 0
		for _, line := range lines {
			want := of.slow.MatchString(line)
			matched += map[bool]int{true: 1}[want]
			if got := of.fast(line); got != want {
				t.Errorf("%s: %q is %v, want %v", of.name, line, got, want)
			}
		}
		if matched < 100 {
			t.Errorf("%s: %d lines match: too few to tell", of.name, matched)
		}
	}
}
