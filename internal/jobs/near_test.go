package jobs_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

// A group of duplicates is one across sources, and stays one when that source is
// deleted in which the first of it stands.
func TestGroupsOutliveSources(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		var sources []string
		for i := range 4 {
			up := b.upload("bees.md", faq+strings.Repeat("\nMore of them.\n", i+1), seedbed.RunOptions{})
			b.ended(up.Run.ID)
			sources = append(sources, up.Source.ID)
		}
		roots := func() map[string]string { // the source of what stands for each, by seed
			t.Helper()
			all, out := b.all(seedbed.Filter{}), map[string]string{}
			for id, s := range all {
				out[id] = all[s.Group()].Source.ID
			}
			return out
		}
		for id, of := range roots() {
			if of != sources[0] {
				t.Errorf("%s belongs to a seed of source %q; want the first", id, of)
			}
		}
		var third string
		for id := range b.all(seedbed.Filter{Source: sources[2:3]}) {
			third = max(third, id)
		}
		accepted := extract.Accepted
		if _, _, err := b.UpdateSeed(t.Context(), third, 0, seedbed.SeedChange{Verdict: &accepted}); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteSource(t.Context(), sources[0]); err != nil {
			t.Fatal(err)
		}
		fromThird := 0
		for id, of := range roots() {
			switch of {
			case sources[1]:
			case sources[2]:
				fromThird++ // the group of what was accepted
			default:
				t.Errorf("%s belongs to a seed of source %q", id, of)
			}
		}
		if all := b.all(seedbed.Filter{}); fromThird != 3 || len(all) != 9 || all[third].DuplicateOf != nil {
			t.Errorf("of %d seeds %d belong to one of the third source; want 3 of 9", len(all), fromThird)
		}
		for _, s := range sources[1:] {
			if err := b.DeleteSource(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			b.clean()
		}
	})
}

// Nobody's duplicate is left astray where it is written while that is deleted
// which it is a duplicate of.
func TestDeleteWhileWritten(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up := b.upload("bees.md", faq, seedbed.RunOptions{})
		b.ended(up.Run.ID)
		var group sync.WaitGroup
		done := make(chan struct{})
		for range 3 {
			group.Go(func() {
				for range 40 {
					n := seedbed.NewSeed{Source: up.Source.ID, Question: "What does a queen bee do all day?", Answer: "She lays eggs.", Duplicate: true}
					if _, _, err := b.WriteSeed(t.Context(), n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		go func() {
			group.Wait()
			close(done)
		}()
		for over := false; !over; {
			select {
			case <-done:
				over = true
			default:
			}
			for _, s := range b.all(seedbed.Filter{}) {
				if s.DuplicateOf == nil {
					if err := b.DeleteSeed(t.Context(), s.ID, 0); err != nil {
						t.Error(err)
					}
				}
			}
		}
		b.indexed()
		b.clean()
	})
}

// What a cheap recipe found gives way to the same pairs where a thorough one
// has checked them, but for what a person has decided about.
func TestBetterDuplicates(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		s := llmtest.New(t, llmtest.Script{})
		b := start(t, dir, impatient(s, 8))
		up := b.upload("machines.md", book(8), seedbed.RunOptions{Recipe: "quick"})
		quick := b.ended(up.Run.ID)
		drafts := slices.Sorted(maps.Keys(b.all(seedbed.Filter{Run: []string{quick.ID}, Verdict: []string{extract.Draft}})))
		if len(drafts) < 8 {
			t.Fatalf("quick finds %d pairs; want one a passage and more", len(drafts))
		}
		accepted := extract.Accepted
		if _, _, err := b.UpdateSeed(t.Context(), drafts[0], 0, seedbed.SeedChange{Verdict: &accepted}); err != nil {
			t.Fatal(err)
		}
		tags := []string{"mine"}
		if _, _, err := b.UpdateSeed(t.Context(), drafts[1], 0, seedbed.SeedChange{Tags: &tags}); err != nil {
			t.Fatal(err)
		}

		run, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{Recipe: "phi4"})
		if err != nil {
			t.Fatal(err)
		}
		phi4 := b.ended(run.ID)
		var gave, stayed, lost int
		after := b.all(seedbed.Filter{Run: []string{quick.ID}})
		for _, id := range drafts {
			seed := after[id]
			touched := seed.ID == drafts[0] || seed.ID == drafts[1]
			switch {
			case touched && seed.Live():
				stayed++
			case touched:
				t.Errorf("seed %s, which a person has looked at, was rejected: %s", seed.ID, seed.VerdictReason)
			case seed.Live() || seed.DuplicateOf == nil:
			default:
				gave++
				kept, _, err := b.Seed(t.Context(), *seed.DuplicateOf)
				if err != nil || !kept.Live() || kept.Run != phi4.ID {
					lost++
				}
				history, _, err := b.History(t.Context(), seed.ID, 0)
				if err != nil || len(history) != 1 || history[0].Who != seedbed.ByDedupe || *history[0].Back().Verdict != extract.Draft {
					t.Errorf("the history of seed %s is %+v, %v; want that it gave way", seed.ID, history, err)
				}
				if !strings.Contains(seed.VerdictReason, "which passed more checks") {
					t.Errorf("seed %s gave way because of %q", seed.ID, seed.VerdictReason)
				}
			}
		}
		if gave < len(drafts)/2 || stayed != 2 || lost > 0 {
			t.Errorf("of %d drafts of quick, %d gave way, %d of them to none that is kept; want most and none, and 2 that a person looked at to stay, %d do",
				len(drafts), gave, lost, stayed)
		}
		for _, seed := range b.all(seedbed.Filter{Run: []string{phi4.ID}}) {
			if seed.DuplicateOf != nil && (*seed.DuplicateOf == drafts[0] || *seed.DuplicateOf == drafts[1]) && seed.Live() {
				t.Errorf("seed %s repeats one that a person has looked at, and was kept", seed.ID)
			}
		}

		// Runs, passages and the index count as the seeds are.
		for _, id := range []string{quick.ID, phi4.ID} {
			run, err := b.Run(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			live := len(b.all(seedbed.Filter{Run: []string{id}, Verdict: []string{extract.Draft, extract.Accepted}}))
			all := len(b.all(seedbed.Filter{Run: []string{id}}))
			if run.Seeds != live || run.Rejected != all-live {
				t.Errorf("run %s counts %d seeds and %d rejected; there are %d and %d", run.Recipe, run.Seeds, run.Rejected, live, all-live)
			}
			ledger, err := b.DB.Ledger(t.Context(), run)
			if err != nil {
				t.Fatal(err)
			}
			seeds := 0
			for _, e := range ledger {
				seeds += e.Seeds
				if e.Seeds == 0 && e.Outcome == extract.GaveSeeds || e.Outcome == "" {
					t.Errorf("passage %s of %s has the outcome %q (%s) with no seed left", e.Passage, run.Recipe, e.Outcome, e.Reason)
				}
			}
			if seeds != live {
				t.Errorf("the ledger of %s counts %d seeds; there are %d", run.Recipe, seeds, live)
			}
			b.eventually(func() bool {
				found, err := b.Search(t.Context(), seedbed.Filter{Run: []string{id}})
				return err == nil && found.Behind == 0 && found.Total == live
			})
		}

		totals, err := b.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		quick, err = b.Run(t.Context(), quick.ID)
		if err != nil {
			t.Fatal(err)
		}
		phi4, err = b.Run(t.Context(), phi4.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := seedbed.Totals{
			Sources: []seedbed.Facet{{Value: seedbed.SourceReady, Count: 1}}, Runs: []seedbed.Facet{{Value: seedbed.RunDone, Count: 2}},
			Passages: seedbed.PassageCounts{Done: 16, Total: 16},
			Seeds:    quick.Seeds + phi4.Seeds, Rejected: quick.Rejected + phi4.Rejected, Calls: quick.Calls + phi4.Calls, Cached: quick.Cached + phi4.Cached,
			Tokens: extract.Tokens{In: quick.Tokens.In + phi4.Tokens.In, Out: quick.Tokens.Out + phi4.Tokens.Out},
		}
		totals.Jobs = nil // of upkeep
		if d := cmp.Diff(want, totals); d != "" {
			t.Errorf("Totals (-want +got):\n%s", d)
		}

		// Done again, nothing is better than what is there.
		again, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{Recipe: "quick"})
		if err != nil {
			t.Fatal(err)
		}
		if again = b.ended(again.ID); again.Seeds != 0 {
			t.Errorf("quick after phi4 keeps %d seeds; want none", again.Seeds)
		}
	})
}

// Duplicates are found by what a seed asks now.
func TestEditedQuestion(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		first := b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		var dance extract.Seed
		for _, s := range b.all(seedbed.Filter{Run: []string{first.ID}}) {
			if s.Question == "Why do bees dance?" {
				dance = s
			}
		}
		asked := "Which colour do drones have in spring?"
		if _, _, err := b.UpdateSeed(t.Context(), dance.ID, 0, seedbed.SeedChange{Question: &asked}); err != nil {
			t.Fatal(err)
		}
		text := faq + "\n**Q: " + asked + "**\n\nA: They are brown, and larger than workers, whatever the season may be.\n"
		second := b.ended(b.upload("more bees.md", text, seedbed.RunOptions{}).Run.ID)
		live := map[string]bool{}
		var again extract.Seed
		for _, s := range b.all(seedbed.Filter{Run: []string{second.ID}}) {
			live[s.Question] = s.Live()
			if s.Question == asked {
				again = s
			}
		}
		want := map[string]bool{
			"What does a queen bee do all day?": false, "How long does a worker bee live in summer?": false,
			"Why do bees dance?": true, asked: false,
		}
		if d := cmp.Diff(want, live); d != "" {
			t.Errorf("kept of the second text (-want +got):\n%s", d)
		}

		// A duplicate shows the one that was kept.
		for id, other := range map[string]string{again.ID: dance.ID, dance.ID: ""} {
			got, err := b.Similar(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if other == "" && len(got) != 0 || other != "" && (len(got) != 1 || got[0].Seed.ID != other || got[0].Similarity != 1) {
				t.Errorf("similar to %s are %+v; want %q", id, got, other)
			}
		}

		// A person takes the later of the two, and is asked no third time.
		accepted, rejected := extract.Accepted, extract.Rejected
		for id, verdict := range map[string]*string{again.ID: &accepted, dance.ID: &rejected} {
			if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: verdict}); err != nil {
				t.Fatal(err)
			}
		}
		third := b.ended(b.upload("bees again.md", text+"\nThe end.\n", seedbed.RunOptions{}).Run.ID)
		for _, s := range b.all(seedbed.Filter{Run: []string{third.ID}}) {
			if s.Live() || s.DuplicateOf == nil {
				t.Errorf("%q was kept a third time", s.Question)
			}
		}
	})
}
