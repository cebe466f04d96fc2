package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"seedbed/extract/llm/llmtest"
)

// Rules are tried in order, so a later one's share is of what is left.
func TestParse(t *testing.T) {
	got, err := parse("429:20%, 500:40%,hang:40", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{0.2, 0.5, 1}
	for i, r := range got {
		if math.Abs(r.Share-want[i]) > 1e-9 || r.Delay != time.Second {
			t.Errorf("rule %d is %+v, want share %v", i, r, want[i])
		}
	}
	if len(got) != 3 || got[2].Fault != llmtest.Hang {
		t.Errorf("parse = %+v, want 3 rules", got)
	}
	if got, err := parse("", 0); err != nil || len(got) != 0 {
		t.Errorf("parse of nothing = %+v, %v", got, err)
	}
	for in, words := range map[string]string{
		"429":             "has to look like",
		"429:x%":          "has to look like",
		"429:0%":          "has to look like",
		"429:101%":        "has to look like",
		"cold:5%":         "unknown",
		"429:60%,500:50%": "more than 100%",
	} {
		if _, err := parse(in, 0); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("parse(%q): %v, want %q", in, err, words)
		}
	}
}
