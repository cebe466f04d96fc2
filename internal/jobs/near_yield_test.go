package jobs

import (
	"context"
	"testing"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/store"
)

// Seeds of one transaction are not in the database yet: they give way to each
// other as they are, and who gave way to one of them gives way to the best.
func TestYieldUnsaved(t *testing.T) {
	seed := func(id string, passes int) extract.Seed {
		s := extract.Seed{ID: id, Question: "Why does ice float on a pond?", Origin: extract.Derived, Verdict: extract.Draft}
		for i := range passes {
			s.Record(extract.Check{Name: string(rune('a' + i)), Verdict: extract.Pass})
		}
		return s
	}
	stored := map[string]store.Seed{"old": {Seed: seed("old", 1), Version: 1}}
	n := &near{seeds: func(_ context.Context, ids []string) (map[string]store.Seed, error) {
		for _, id := range ids {
			if _, ok := stored[id]; !ok {
				t.Errorf("seed %s is asked of the database; it is not there", id)
			}
		}
		return stored, nil
	}}
	var made []store.Outcome
	keys := stage.Keys("Why does ice float on a pond?")
	n.known = map[uint64][]store.Alike{}
	for _, k := range keys {
		n.known[k] = []store.Alike{{N: 1, ID: "old", Question: "Why does ice float on a pond?"}}
	}
	d := &stage.Dedupe{Near: sharedNear{}}
	for i, id := range []string{"one", "two", "weak"} {
		n.unsaved = made
		passes := []int{2, 3, 1}[i]
		got, err := d.Do(n.with(t.Context()), extract.Passage{}, []extract.Seed{seed(id, passes)})
		if err != nil {
			t.Fatal(err)
		}
		var out store.Outcome
		out.Found = got
		made = append(made, out)
	}
	for i, want := range []string{"two", "", "two"} {
		s := made[i].Found[0]
		if want == "" && (!s.Live() || n.added[s.ID] == nil) {
			t.Errorf("seed %s ends as %s (%s); want it kept", s.ID, s.Verdict, s.VerdictReason)
		}
		if want != "" && (s.DuplicateOf == nil || *s.DuplicateOf != want || s.Live() || n.added[s.ID] != nil) {
			t.Errorf("seed %s ends as %s (%s); want a duplicate of %s", s.ID, s.Verdict, s.VerdictReason, want)
		}
	}
	if len(n.yielding) != 1 || n.yielding[0].seed.ID != "old" || n.yielding[0].to.ID != "two" {
		t.Errorf("of the database there gives way %+v; want old, to two", n.yielding)
	}
}
