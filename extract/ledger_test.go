package extract_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
)

func TestLedger(t *testing.T) {
	kept, turned := extract.Seed{Verdict: extract.Draft}, extract.Seed{Verdict: extract.Rejected, VerdictReason: "ground: no quote"}
	at := func(start int, path ...string) extract.Passage {
		return extract.Passage{Path: path, Tokens: 10, Locator: extract.Locator{Start: start, End: start + 5}}
	}
	var entries []extract.Entry
	for _, r := range []extract.Result{
		{Passage: at(0, "A"), Err: extract.Skip("front matter")},
		{Passage: at(5, "A", "1"), Seeds: []extract.Seed{kept, turned}},
		{Passage: at(10, "A", "1", "deep"), Seeds: []extract.Seed{turned}},
		{Passage: at(15, "A", "2")},
		{Passage: at(20, "A", "2"), Err: errors.New("the model is away")},
		{Passage: at(25, "A", "2")},
	} {
		entries = append(entries, r.Entry())
	}
	want := []extract.Coverage{
		{Section: []string{"A"}, Passages: 1, Tokens: 10, Start: 0, End: 5, Without: []extract.Without{{Outcome: extract.ScreenedOut, Reason: "front matter", Count: 1}}},
		{Section: []string{"A", "1"}, Passages: 2, Covered: 1, Seeds: 1, Rejected: 2, Tokens: 20, Start: 5, End: 15,
			Without: []extract.Without{{Outcome: extract.AllRejected, Reason: "its one pair: ground: no quote", Count: 1}}},
		{Section: []string{"A", "2"}, Passages: 3, Tokens: 30, Start: 15, End: 30,
			Without: []extract.Without{{Outcome: extract.NothingMade, Count: 2}, {Outcome: extract.FailedOut, Reason: "the model is away", Count: 1}}},
	}
	if diff := cmp.Diff(want, extract.Sections(entries, 2)); diff != "" {
		t.Errorf("Sections (-want +got):\n%s", diff)
	}
}
