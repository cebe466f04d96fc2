package stage

import (
	"path/filepath"
	"testing"

	"seedbed/extract"
)

// What the stage rejects has a fault, and what it passes has none.
func TestFaultsOfAreThoseOfStandalone(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "standalone", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	seeds := []extract.Seed{
		{Question: "What is granite?", Answer: "See Chapter 4."},
		{Question: "Which rock is plutonic granite?", Answer: "Granite."},
		{Question: "Which rock is plutonic?", Answer: "Granite."},
		{Question: "Which rock is plutonic?", Answer: "n/a"},
		{Question: "Granite?", Answer: "A rock."},
	}
	for _, f := range files {
		for _, question := range cases(t, f) {
			seeds = append(seeds, extract.Seed{Question: question, Answer: "It is a rock."})
		}
	}
	for _, s := range seeds {
		faults := FaultsOf(&s)
		rejected := standaloneReason(t, s) != ""
		if (faults != Faults{}) != rejected {
			t.Errorf("FaultsOf(%q, %q) = %+v, and rejected: %v", s.Question, s.Answer, faults, rejected)
		}
	}
}

func TestFaultsOf(t *testing.T) {
	got := FaultsOf(&extract.Seed{Question: "Why does Figure 3 show granite?", Answer: "Granite"})
	if want := (Faults{Reference: "figure 3", Leak: "Granite"}); got != want {
		t.Errorf("FaultsOf = %+v, want all faults at once: %+v", got, want)
	}
}

func TestNormal(t *testing.T) {
	for in, want := range map[string]string{
		"The ﬁrst “knot”\nwas un-\ntied.": `The first "knot" was untied.`,
		" a \u00ad\u200b b ":              "a b",
		"pp. 3 – 5":                       "pp. 3-5",
	} {
		if got := Normal(in); got != want {
			t.Errorf("Normal(%q) = %q, want %q", in, got, want)
		}
	}
}
