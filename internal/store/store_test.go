package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// update fails the test if the transaction fails.
func update(t testing.TB, db *store.DB, do func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// sourceAndRun stores a source and a running run of total passages.
func sourceAndRun(t testing.TB, db *store.DB, total int) (seedbed.Source, seedbed.Run) {
	t.Helper()
	now := time.UnixMilli(1_700_000_000_000).UTC()
	src := seedbed.Source{
		ID: store.NewID(now), Collection: "default", CollectionID: "default", SHA256: store.NewID(now), Name: "valves.md",
		State: seedbed.SourceReady, Passages: total, Created: now,
	}
	run := seedbed.Run{
		ID: store.NewID(now), Source: src.ID, Collection: src.Collection, CollectionID: src.CollectionID, SourceTitle: src.Name,
		Recipe: "explicit", RecipeHash: "h", RecipeBody: "b", State: seedbed.RunRunning, Created: now,
	}
	update(t, db, func(tx *store.Tx) error {
		if _, _, err := tx.AddCollection(t.Context(), "default"); err != nil {
			return err
		}
		if err := tx.AddSource(t.Context(), src); err != nil {
			return err
		}
		return tx.AddRun(t.Context(), run)
	})
	return src, run
}

// queue adds a passage and puts it into the run.
func queue(t testing.TB, db *store.DB, run seedbed.Run, src seedbed.Source, ordinal int) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		p := extract.Passage{ID: "p", Text: "text", Locator: extract.Locator{Start: ordinal, End: ordinal + 4}}
		if err := tx.AddPassages(t.Context(), src.ID, ordinal, []extract.Passage{p}); err != nil {
			return err
		}
		_, _, err := tx.Plan(t.Context(), run.ID, src.ID, ordinal, 1)
		return err
	})
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d.db")
	for range 2 {
		db, err := store.Open(t.Context(), store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database file is %v, %v; want it under its name with mode 600", info, err)
	}
	if _, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "no", "folder.db")}); err == nil {
		t.Error("Open in a folder that is not there gives no error")
	}
	if _, err := store.Open(t.Context(), store.Options{URL: "mysql://u:secret@host/db"}); seedbed.CodeOf(err) != seedbed.Invalid || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open of another database gives %v; want invalid, without the password", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open of a file that is no database gives %v; want an error that names it", err)
	}
}

// A database of a version to come is left as it is.
func TestOpenNewer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
			t.Fatal(err)
		}
		if again, err := store.Open(t.Context(), on); seedbed.CodeOf(err) != seedbed.Conflict || !strings.Contains(err.Error(), "9999") {
			t.Errorf("Open gives %v, %v; want a conflict that names the version", again, err)
		}
	})
}

func TestReadersCannotWrite(t *testing.T) {
	db := open(t, storetest.Fresh(t, "sqlite"))
	// Every write goes through the one writer, or readers would lock it out.
	if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO settings (name, value) VALUES ('a', 'b')`); err != nil {
		t.Fatal(err)
	}
	if v, err := db.Setting(t.Context(), "a"); v != "b" || err != nil {
		t.Errorf("Setting gives %q, %v; want b", v, err)
	}
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetSetting(t.Context(), "a", "c"); err != nil {
			return err
		}
		return errors.New("changed my mind")
	}); err == nil {
		t.Error("Update gives no error where its function does")
	}
	if v, err := db.Setting(t.Context(), "a"); v != "b" || err != nil {
		t.Errorf("after a rollback Setting gives %q, %v; want b", v, err)
	}
}

func TestNewIDsSortByTime(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	last := ""
	for range 1000 {
		id := store.NewID(at)
		if id <= last || len(id) != 20 {
			t.Fatalf("NewID gives %s after %s; want 20 characters that sort by time", id, last)
		}
		last = id
		at = at.Add(time.Millisecond)
	}
}

func TestOutcomeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 2)
		queue(t, db, run, src, 0)
		o := store.Outcome{Found: []extract.Seed{seed(run, 0, 0), seed(run, 0, 1)}, Spent: extract.Spent{Calls: 2, Cached: 1, Tokens: extract.Tokens{In: 10, Out: 5}, Cost: 0.5}}
		o.Found[1].Record(extract.Check{Name: "ground", Verdict: extract.Fail, Reason: "not there"})
		o.State = seedbed.PassageDone
		for i, want := range []bool{true, false} {
			update(t, db, func(tx *store.Tx) error {
				saved, err := tx.SaveOutcome(t.Context(), run, o)
				if saved != want {
					t.Errorf("SaveOutcome, time %d, gives %v; want %v", i+1, saved, want)
				}
				return err
			})
		}
		got, err := db.Run(t.Context(), run.ID)
		want := run
		want.RecipeBody = "" // is asked for by itself
		want.Passages = seedbed.PassageCounts{Done: 1}
		want.Seeds, want.Rejected, want.Calls, want.Cached, want.Cost = 1, 1, 2, 1, 0.5
		want.Tokens = extract.Tokens{In: 10, Out: 5}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("the run is counted wrong, %v (-want +got):\n%s", err, diff)
		}
		if n, err := db.OutboxCount(t.Context()); n != 2 || err != nil {
			t.Errorf("the outbox has %d changes, %v; want 2", n, err)
		}
	})
}

// A seed that is found again after it was changed is noted at no older a
// version: who brought that to the index has not brought the change.
func TestOutboxKeepsNewest(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 2)
		found := seed(run, 0, 0)
		queue(t, db, run, src, 0)
		save := func() {
			update(t, db, func(tx *store.Tx) error {
				o := store.Outcome{Found: []extract.Seed{found}}
				o.State = seedbed.PassageFailed
				_, err := tx.SaveOutcome(t.Context(), run, o)
				return err
			})
		}
		save()
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.SaveSeed(t.Context(), store.Seed{Seed: found, Version: 1}, found, seedbed.ByPerson)
			return err
		})
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.Requeue(t.Context(), run.ID, "")
			return err
		})
		save()
		update(t, db, func(tx *store.Tx) error {
			return tx.Applied(t.Context(), []store.Pending{{Seed: found.ID, Version: 1}})
		})
		got, err := db.Outbox(t.Context(), time.Now(), 10)
		if diff := cmp.Diff([]store.Pending{{Seed: found.ID, Version: 2}}, got); err != nil || diff != "" {
			t.Errorf("the outbox is another, %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestSeedRoundTrip(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 1)
		queue(t, db, run, src, 0)
		want := seed(run, 0, 0)
		want.Question = "Is <b> & \"quoted\" \u2028 'text' kept? 漢字 \x00"
		parent := "someone"
		want.Parent = &parent
		want.Difficulty = extract.Difficulty{Estimated: 7, Votes: []int{5, 3}, Agreement: 0.625, ClosedBook: true}
		update(t, db, func(tx *store.Tx) error {
			o := store.Outcome{Found: []extract.Seed{want}}
			o.State = seedbed.PassageDone
			_, err := tx.SaveOutcome(t.Context(), run, o)
			return err
		})
		got, err := db.Seed(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Seed); diff != "" {
			t.Errorf("a seed comes back changed (-want +got):\n%s", diff)
		}
		if got.Version != 1 || got.Collection != "default" {
			t.Errorf("it has version %d in %s; want 1 in default", got.Version, got.Collection)
		}
	})
}

// TestFilters compares what the database chooses with what a plain loop does.
func TestFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		random := rand.New(rand.NewPCG(3, 4))
		pick := func(list ...string) string { return list[random.IntN(len(list))] }
		all := map[string]extract.Seed{}
		sums := map[string]string{} // of the sources
		for range 3 {
			src, run := sourceAndRun(t, db, 300)
			sums[src.ID] = src.SHA256
			for n := range 120 {
				queue(t, db, run, src, n)
				var o store.Outcome
				o.Ordinal, o.State = n, seedbed.PassageDone
				for i := range random.IntN(4) {
					s := seed(run, n, i)
					s.Verdict = pick(extract.Draft, extract.Accepted, extract.Rejected)
					s.Type = pick(extract.Factual, extract.Proof)
					s.Origin = pick(extract.Explicit, extract.Derived)
					s.Language = pick("en", "de", "")
					s.Source.Kind = pick(extract.Book, extract.Paper)
					s.Difficulty.Estimated = random.IntN(10)
					s.Tags = []string{pick("Water", "water works", "50%_off", `back\slash`)}
					s.Checks[0].Verdict = pick(extract.Pass, extract.Fail)
					s.Answer = pick("It opens.", "It CLOSES by 50%.", "Es öffnet sich.")
					o.Found = append(o.Found, s)
					all[s.ID] = s
				}
				update(t, db, func(tx *store.Tx) error {
					_, err := tx.SaveOutcome(t.Context(), run, o)
					return err
				})
			}
		}
		for _, tt := range []struct {
			filter seedbed.Filter
			chosen func(extract.Seed) bool
		}{
			{seedbed.Filter{}, func(extract.Seed) bool { return true }},
			{seedbed.Filter{Verdict: []string{"draft", "accepted"}}, func(s extract.Seed) bool { return s.Verdict != "rejected" }},
			{seedbed.Filter{Type: []string{"proof"}, Origin: []string{"derived"}}, func(s extract.Seed) bool { return s.Type == "proof" && s.Origin == "derived" }},
			{seedbed.Filter{Language: []string{"de"}, Kind: []string{"paper"}}, func(s extract.Seed) bool { return s.Language == "de" && s.Source.Kind == "paper" }},
			{seedbed.Filter{MinDifficulty: 7}, func(s extract.Seed) bool { return s.Difficulty.Estimated >= 7 }},
			{seedbed.Filter{Tag: []string{"water"}}, func(s extract.Seed) bool { return s.Tags[0] == "Water" }},
			{seedbed.Filter{Tag: []string{"50%_off", `back\slash`}}, func(s extract.Seed) bool { return s.Tags[0] == "50%_off" || s.Tags[0] == `back\slash` }},
			{seedbed.Filter{Tag: []string{"wat"}}, func(extract.Seed) bool { return false }},
			{seedbed.Filter{Check: "ground"}, func(s extract.Seed) bool { return s.Checks[0].Verdict == "pass" }},
			{seedbed.Filter{Check: "ground:fail"}, func(s extract.Seed) bool { return s.Checks[0].Verdict == "fail" }},
			{seedbed.Filter{Query: "closes 50%"}, func(s extract.Seed) bool { return strings.Contains(s.Answer, "CLOSES") }},
			{seedbed.Filter{Query: "ÖFFNET"}, func(s extract.Seed) bool { return strings.Contains(s.Answer, "öffnet") }},
			{seedbed.Filter{Query: "valve -closes"}, func(s extract.Seed) bool { return !strings.Contains(s.Answer, "CLOSES") }},
			{seedbed.Filter{Collection: []string{"default"}}, func(extract.Seed) bool { return true }},
			{seedbed.Filter{Collection: []string{"other"}}, func(extract.Seed) bool { return false }},
		} {
			want := map[string]bool{}
			for id, s := range all {
				if tt.chosen(s) {
					want[id] = true
				}
			}
			got := map[string]bool{}
			if err := db.Each(t.Context(), tt.filter, func(s extract.Seed) error {
				got[s.ID] = true
				return nil
			}); err != nil {
				t.Fatalf("Each(%+v): %v", tt.filter, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Each(%+v) chooses others (-want +got):\n%s", tt.filter, diff)
			}
			var counted []seedbed.SourceCount
			if err := db.Each(t.Context(), tt.filter, func(s extract.Seed) error {
				if n := len(counted); n == 0 || counted[n-1].ID != s.Source.ID {
					counted = append(counted, seedbed.SourceCount{ID: s.Source.ID, SHA256: sums[s.Source.ID]})
				}
				counted[len(counted)-1].Seeds++
				return nil
			}); err != nil {
				t.Fatalf("Each(%+v): %v", tt.filter, err)
			}
			counts, err := db.CountBySource(t.Context(), tt.filter)
			if err != nil {
				t.Fatalf("CountBySource(%+v): %v", tt.filter, err)
			}
			if diff := cmp.Diff(counted, counts); diff != "" {
				t.Errorf("CountBySource(%+v) and Each differ (-Each +CountBySource):\n%s", tt.filter, diff)
			}
			found := map[string]bool{}
			for page := 1; ; page++ {
				f := tt.filter
				f.Page, f.Size = page, 50
				r, err := db.Search(t.Context(), f)
				if err != nil {
					t.Fatalf("Search(%+v): %v", f, err)
				}
				if r.Total != len(want) {
					t.Errorf("Search(%+v) counts %d; want %d", f, r.Total, len(want))
				}
				for _, h := range r.Hits {
					found[h.Seed.ID] = true
				}
				if len(r.Hits) < 50 {
					break
				}
			}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("Search(%+v) finds others (-want +got):\n%s", tt.filter, diff)
			}
		}
	})
}

// Of each group of duplicates the first in the order asked for is found,
// among those that the filter leaves.
func TestDistinct(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		_, run := sourceAndRun(t, db, 1)
		queue(t, db, run, seedbed.Source{ID: run.Source}, 0)
		var found []extract.Seed
		for i, group := range []int{0, 1, 0, 3, 0, 1} {
			s := seed(run, 0, i)
			s.Created = s.Created.Add(time.Duration(i) * time.Hour)
			s.Tags, s.Verdict = []string{fmt.Sprint(i)}, extract.Draft
			if group != i {
				s.DuplicateOf, s.Verdict = &found[group].ID, extract.Rejected
			}
			found = append(found, s)
		}
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.SaveOutcome(t.Context(), run, store.Outcome{RunPassage: seedbed.RunPassage{State: seedbed.PassageDone}, Found: found})
			return err
		})
		for _, tt := range []struct {
			filter seedbed.Filter
			search string // in its order
			each   string // in the document's
		}{
			{seedbed.Filter{Sort: "oldest"}, "0 1 3", "0 1 3"},
			{seedbed.Filter{Sort: "newest"}, "5 4 3", "0 1 3"},
			{seedbed.Filter{Verdict: []string{extract.Rejected}, Sort: "oldest"}, "2 5", "2 5"},
			{seedbed.Filter{Sort: "newest", Page: 2, Size: 2}, "3", "0 1 3"},
		} {
			tt.filter.Distinct = true
			r, err := db.Search(t.Context(), tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			var searched, each []string
			for _, h := range r.Hits {
				searched = append(searched, h.Seed.Tags[0])
			}
			if err := db.Each(t.Context(), tt.filter, func(s extract.Seed) error {
				each = append(each, s.Tags[0])
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(searched, " "); got != tt.search || r.Total != len(each) {
				t.Errorf("Search(%+v) finds %s of %d; want %s of %d", tt.filter, got, r.Total, tt.search, len(each))
			}
			if got := strings.Join(each, " "); got != tt.each {
				t.Errorf("Each(%+v) comes to %s; want %s", tt.filter, got, tt.each)
			}
		}
	})
}

// Duplicates of a database that was made before they had a column are found
// as before, whatever their texts say.
func TestDistinctAfterMigration(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db, err := store.Open(t.Context(), on)
		if err != nil {
			t.Fatal(err)
		}
		_, run := sourceAndRun(t, db, 1)
		queue(t, db, run, seedbed.Source{ID: run.Source}, 0)
		found := []extract.Seed{seed(run, 0, 0), seed(run, 0, 1), seed(run, 0, 2)}
		for i := range found {
			found[i].Created = found[i].Created.Add(time.Duration(i) * time.Hour)
		}
		found[1].DuplicateOf = &found[0].ID
		found[1].Answer = "a \x00 in it"
		found[2].Question = `What does "duplicate_of":"x" say?`
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.SaveOutcome(t.Context(), run, store.Outcome{RunPassage: seedbed.RunPassage{State: seedbed.PassageDone}, Found: found})
			return err
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.MigrateTo(t.Context(), on, 16); err != nil {
			t.Fatal(err)
		}
		r, err := open(t, on).Search(t.Context(), seedbed.Filter{Distinct: true, Sort: "oldest"})
		if err != nil || r.Total != 2 || len(r.Hits) != 2 || r.Hits[0].Seed.ID != found[0].ID || r.Hits[1].Seed.ID != found[2].ID {
			t.Errorf("Search finds %d: %+v, %v; want the first and the third", r.Total, r.Hits, err)
		}
	})
}

// The history of what people wrote begins with that, also of what they wrote
// before it was kept.
func TestMigrateWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 1)
		queue(t, db, run, src, 0)
		found, old, fresh := seed(run, 0, 0), seed(run, 0, 1), seed(run, 0, 2)
		old.Origin, fresh.Origin = extract.Manual, extract.Manual
		ada := seedbed.WithUser(t.Context(), seedbed.User{Name: "ada"})
		update(t, db, func(tx *store.Tx) error {
			o := store.Outcome{RunPassage: seedbed.RunPassage{State: seedbed.PassageDone}, Found: []extract.Seed{found, old}}
			_, err := tx.SaveOutcome(t.Context(), run, o)
			return err
		})
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.AddSeed(ada, src.CollectionID, -1, fresh, nil)
			return err
		})
		changed := old
		changed.Answer = "another"
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.SaveSeed(t.Context(), store.Seed{Seed: old, Version: 1}, changed, seedbed.ByPerson)
			return err
		})
		history := func(db *store.DB, id string) (out []string) {
			t.Helper()
			list, err := db.History(t.Context(), id, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				out = append(out, fmt.Sprintf("%d %s %s %d", r.Version, r.Who, r.User, len(r.Changes)))
			}
			return out
		}
		if got, want := history(db, fresh.ID), []string{"1 person ada 0"}; !slices.Equal(got, want) {
			t.Errorf("the history of a new one is %q, want %q", got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.MigrateTo(t.Context(), on, 18); err != nil {
			t.Fatal(err)
		}
		db = open(t, on)
		for id, want := range map[string][]string{found.ID: nil, old.ID: {"2 person  1", "1 person  0"}, fresh.ID: {"1 person  0"}} {
			if got := history(db, id); !slices.Equal(got, want) {
				t.Errorf("the history of %s is %q, want %q", id, got, want)
			}
		}
		list, err := db.History(t.Context(), old.ID, 2, 10)
		if err != nil || len(list) != 1 || !list[0].Time.Equal(old.Created) {
			t.Errorf("it was written %+v, %v; want %v", list, err, old.Created)
		}
	})
}

// A seed's passage is that of its place in its source, whichever others have
// the same.
func TestPassageTexts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		want := map[string]string{}
		var ids []string
		for range 2 {
			src, run := sourceAndRun(t, db, 40)
			for n := range 40 {
				text := fmt.Sprintf("passage %d of %s", n, src.ID)
				update(t, db, func(tx *store.Tx) error {
					return tx.AddPassages(t.Context(), src.ID, n, []extract.Passage{{ID: fmt.Sprint("p", n), Text: text}})
				})
				queue(t, db, run, src, n)
				found := []extract.Seed{seed(run, n, 0), seed(run, n, 1)}
				update(t, db, func(tx *store.Tx) error {
					_, err := tx.SaveOutcome(t.Context(), run, store.Outcome{RunPassage: seedbed.RunPassage{Ordinal: n, State: seedbed.PassageDone}, Found: found})
					return err
				})
				for _, s := range found {
					ids = append(ids, s.ID)
					want[s.ID] = text
				}
			}
		}
		got, err := db.PassageTexts(t.Context(), append(ids, "gone"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != 160 {
			t.Errorf("PassageTexts differs (-want +got):\n%s", diff)
		}
	})
}

func TestAlikeByCollection(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 1)
		queue(t, db, run, src, 0)
		s := seed(run, 0, 0)
		update(t, db, func(tx *store.Tx) error {
			o := store.Outcome{Found: []extract.Seed{s}, Bands: map[string][]uint64{s.ID: {1, 2, 1 << 63}}}
			o.State = seedbed.PassageDone
			_, err := tx.SaveOutcome(t.Context(), run, o)
			return err
		})
		for _, tt := range []struct {
			collection string
			keys       []uint64
			want       int
		}{
			{"default", []uint64{2, 9}, 1},
			{"default", []uint64{1 << 63}, 1},
			{"default", []uint64{9}, 0},
			{"default", nil, 0},
			{"other", []uint64{1, 2}, 0},
		} {
			got, err := db.Alike(t.Context(), tt.collection, tt.keys)
			if err != nil || len(got) != tt.want {
				t.Errorf("Alike(%s, %v) gives %v, %v; want %d", tt.collection, tt.keys, got, err, tt.want)
			}
		}
	})
}

// A deleted seed is gone from where it was counted and found by, and the index
// is told.
func TestDeleteSeed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 1)
		queue(t, db, run, src, 0)
		kept, last, failed := seed(run, 0, 0), seed(run, 0, 1), seed(run, 0, 2)
		failed.Record(extract.Check{Name: "ground", Verdict: extract.Fail, Reason: "not there"})
		update(t, db, func(tx *store.Tx) error {
			o := store.Outcome{Found: []extract.Seed{kept, last, failed}, Bands: map[string][]uint64{kept.ID: stage.Keys(kept.Question), last.ID: stage.Keys(last.Question)}}
			o.State = seedbed.PassageDone
			_, err := tx.SaveOutcome(t.Context(), run, o)
			return err
		})
		// A person's verdict is not what the run counts.
		rejected := kept
		rejected.Verdict = extract.Rejected
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.SaveSeed(t.Context(), store.Seed{Seed: kept, Version: 1}, rejected, seedbed.ByPerson)
			return err
		})
		remove := func(id string, version int64) error {
			return db.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteSeed(t.Context(), id, version) })
		}
		if err := remove(kept.ID, 1); seedbed.CodeOf(err) != seedbed.Stale {
			t.Errorf("DeleteSeed of an old version gives %v; want stale", err)
		}
		for _, step := range []struct {
			id             string
			version        int64
			seeds, refused int
			outcome        string
		}{
			{kept.ID, 2, 1, 1, extract.GaveSeeds},
			{last.ID, 0, 0, 1, extract.AllRejected},
			{failed.ID, 1, 0, 0, extract.AllRejected},
		} {
			if err := remove(step.id, step.version); err != nil {
				t.Fatal(err)
			}
			if err := remove(step.id, 0); seedbed.CodeOf(err) != seedbed.NotFound {
				t.Errorf("DeleteSeed of what is gone gives %v; want not found", err)
			}
			r, err := db.Run(t.Context(), run.ID)
			if err != nil || r.Seeds != step.seeds || r.Rejected != step.refused {
				t.Errorf("the run counts %d seeds and %d rejected, %v; want %d and %d", r.Seeds, r.Rejected, err, step.seeds, step.refused)
			}
			ledger, err := db.Ledger(t.Context(), run)
			if err != nil || len(ledger) != 1 || ledger[0].Seeds != step.seeds || ledger[0].Rejected != step.refused || ledger[0].Outcome != step.outcome {
				t.Errorf("the ledger is %+v, %v; want %+v", ledger, err, step)
			}
		}
		for _, q := range []string{kept.Question, last.Question} {
			if alike, err := db.Alike(t.Context(), "default", stage.Keys(q)); len(alike) > 0 || err != nil {
				t.Errorf("Alike still gives %v, %v", alike, err)
			}
		}
		var left int
		if err := db.Writer().QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM bands) + (SELECT count(*) FROM history)`).Scan(&left); left > 0 || err != nil {
			t.Errorf("%d bands and revisions are left, %v", left, err)
		}
		got, err := db.Outbox(t.Context(), time.Now(), 10)
		slices.SortFunc(got, func(a, b store.Pending) int { return strings.Compare(a.Seed, b.Seed) })
		want := []store.Pending{{Seed: kept.ID, Version: 3, Deleted: true}, {Seed: last.ID, Version: 2, Deleted: true}, {Seed: failed.ID, Version: 2, Deleted: true}}
		slices.SortFunc(want, func(a, b store.Pending) int { return strings.Compare(a.Seed, b.Seed) })
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("the outbox is another, %v (-want +got):\n%s", err, diff)
		}
	})
}

// What was changed is kept, a revision a version, as long as its seed is there.
func TestHistory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		at := time.UnixMilli(1_750_000_000_000).UTC()
		on.Now = func() time.Time { return at }
		db := open(t, on)
		src, run := sourceAndRun(t, db, 1)
		queue(t, db, run, src, 0)
		first := seed(run, 0, 0)
		update(t, db, func(tx *store.Tx) error {
			o := store.Outcome{Found: []extract.Seed{first}}
			o.State = seedbed.PassageDone
			_, err := tx.SaveOutcome(t.Context(), run, o)
			return err
		})
		second, fourth := first, first
		second.Answer, second.Tags, second.Verdict = "漢字 \x00 <b>", []string{}, extract.Accepted
		other := "other"
		fourth.DuplicateOf = &other
		before := store.Seed{Seed: first, Version: 1}
		for _, step := range []struct {
			after     extract.Seed
			who, user string
		}{{second, seedbed.ByPerson, "ada"}, {second, seedbed.ByPerson, "ada"}, {fourth, seedbed.ByDedupe, ""}} {
			update(t, db, func(tx *store.Tx) (err error) {
				ctx := seedbed.WithUser(t.Context(), seedbed.User{Name: step.user})
				before.Version, err = tx.SaveSeed(ctx, before, step.after, step.who)
				return err
			})
			before.Seed = step.after
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.SaveSeed(t.Context(), store.Seed{Seed: second, Version: 2}, first, seedbed.ByPerson)
			return err
		}); seedbed.CodeOf(err) != seedbed.Stale {
			t.Errorf("SaveSeed of an old version gives %v; want stale", err)
		}
		tags := []any{"valves"}
		want := []seedbed.Revision{
			{Version: 4, Time: at, Who: seedbed.ByDedupe, Changes: []seedbed.FieldChange{
				{Field: "answer", Before: second.Answer, After: first.Answer}, {Field: "duplicate_of", Before: nil, After: "other"},
				{Field: "verdict", Before: "accepted", After: "draft"}, {Field: "tags", Before: []any{}, After: tags},
			}},
			{Version: 2, Time: at, Who: seedbed.ByPerson, User: "ada", Changes: []seedbed.FieldChange{
				{Field: "answer", Before: first.Answer, After: second.Answer},
				{Field: "verdict", Before: "draft", After: "accepted"}, {Field: "tags", Before: tags, After: []any{}},
			}},
		}
		got, err := db.History(t.Context(), first.ID, 0, 10)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("the history is another, %v (-want +got):\n%s", err, diff)
		}
		for _, tt := range []struct {
			before int64
			limit  int
			want   []seedbed.Revision
		}{{0, 1, want[:1]}, {4, 10, want[1:]}, {2, 10, nil}} {
			got, err := db.History(t.Context(), first.ID, tt.before, tt.limit)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%d from before %d, %v (-want +got):\n%s", tt.limit, tt.before, err, diff)
			}
		}
		update(t, db, func(tx *store.Tx) error { return tx.DeleteSeed(t.Context(), first.ID, 4) })
		if got, err := db.History(t.Context(), first.ID, 0, 10); len(got) > 0 || err != nil {
			t.Errorf("after DeleteSeed there are %d revisions, %v", len(got), err)
		}
	})
}

// Under a key that many seeds have, the newest are looked at.
func TestAlikeCrowded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		src, run := sourceAndRun(t, db, 1)
		queue(t, db, run, src, 0)
		o := store.Outcome{Bands: map[string][]uint64{}}
		o.State = seedbed.PassageDone
		for i := range 40 {
			s := seed(run, 0, i)
			o.Found = append(o.Found, s)
			o.Bands[s.ID] = []uint64{uint64(100 + i), 7}
		}
		update(t, db, func(tx *store.Tx) error {
			_, err := tx.SaveOutcome(t.Context(), run, o)
			return err
		})
		got, err := db.Alike(t.Context(), run.CollectionID, []uint64{7, 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(got[7]) != 16 || len(got[100]) != 1 || got[100][0].ID != o.Found[0].ID {
			t.Errorf("Alike gives %d seeds under a key that 40 have and %v under another, want 16 and the oldest", len(got[7]), got[100])
		}
		for _, a := range got[7] {
			if !slices.ContainsFunc(o.Found[24:], func(s extract.Seed) bool { return s.ID == a.ID }) {
				t.Errorf("Alike gives %v, which is not among the newest", a)
			}
		}
	})
}

func TestReplies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		ctx := t.Context()
		if _, ok, err := db.Get(ctx, "k"); ok || err != nil {
			t.Errorf("Get of no reply gives %v, %v", ok, err)
		}
		for reply, request := range map[string][]byte{"one": []byte("{}"), "another": db.Pack([]byte("{}"))} { // a damaged one is asked for again
			if err := db.Put(ctx, "k", request, []byte(reply)); err != nil {
				t.Fatal(err)
			}
			if got, ok, err := db.Asked(ctx, "k"); string(got) != "{}" || !ok || err != nil {
				t.Errorf("Asked gives %q, %v, %v", got, ok, err)
			}
			if got, ok, err := db.Get(ctx, "k"); string(got) != reply || !ok || err != nil {
				t.Errorf("Get gives %q, %v, %v; want %s", got, ok, err, reply)
			}
		}
	})
}

// TestDeletedCalls: with a source go its calls, and the replies that no other
// source was answered with.
func TestDeletedCalls(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		ctx := t.Context()
		update(t, db, func(tx *store.Tx) error { // the queue's, which deleting looks into
			return store.Exec(ctx, tx, `CREATE TABLE river_job (state TEXT, args JSON)`)
		})
		var sources []seedbed.Source
		var runs []seedbed.Run
		for i, replies := range [][]string{{"own", "shared"}, {"shared", "other"}} {
			src, run := sourceAndRun(t, db, 1)
			queue(t, db, run, src, 0)
			o := store.Outcome{}
			o.State = seedbed.PassageDone
			for _, id := range replies {
				if err := db.Put(ctx, id, []byte(`{"model":"m","messages":[{"role":"user","content":"`+id+`?"}]}`), []byte(`{"raw":"`+id+`!"}`)); err != nil {
					t.Fatal(err)
				}
				o.Calls = append(o.Calls, seedbed.Call{Stage: "derive", Model: "m", Reply: id})
			}
			failed := seedbed.Call{Stage: "vote", Code: "malformed", Error: "bad", Raw: "no JSON", Request: &extract.Request{Model: "m"}}
			o.Calls = append(o.Calls, failed)
			update(t, db, func(tx *store.Tx) error {
				_, err := tx.SaveOutcome(ctx, run, o)
				return err
			})
			calls, err := db.Calls(ctx, run.ID, 0)
			if err != nil || len(calls) != 3 {
				t.Fatalf("run %d has %d calls, %v; want 3", i, len(calls), err)
			}
			sources, runs = append(sources, src), append(runs, run)
		}
		calls, err := db.Calls(ctx, runs[1].ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"before", "after"} {
			first, err := db.Call(ctx, calls[0].ID)
			if err != nil || first.Raw != "shared!" || first.Request == nil || first.Request.Messages[0].Content != "shared?" {
				t.Errorf("%s the other source is deleted, Call gives %+v, %v", want, first, err)
			}
			failed, err := db.Call(ctx, calls[2].ID)
			if err != nil || failed.Raw != "no JSON" || failed.Request == nil || failed.Answer != nil {
				t.Errorf("Call of a failed one gives %+v, %v", failed, err)
			}
			if want == "before" {
				update(t, db, func(tx *store.Tx) error { return tx.DeleteSource(ctx, sources[0].ID) })
			}
		}
		for id, want := range map[string]bool{"own": false, "shared": true, "other": true} {
			if _, ok, err := db.Get(ctx, id); ok != want || err != nil {
				t.Errorf("the reply %q is there: %v, %v; want %v", id, ok, err, want)
			}
		}
		if left, err := db.Calls(ctx, runs[0].ID, 0); len(left) != 0 || err != nil {
			t.Errorf("of the deleted source %d calls are left, %v", len(left), err)
		}
		for _, id := range []string{"", "x", "a-b-c", runs[1].ID + "-0-9", calls[0].ID + "-1"} {
			if _, err := db.Call(ctx, id); seedbed.CodeOf(err) != seedbed.NotFound {
				t.Errorf("Call of %q gives %v; want not found", id, err)
			}
		}
	})
}

// namesIn counts the rows of a query that somebody is in the middle of.
func namesIn(ctx context.Context, tx *store.Tx) (n int, err error) {
	rows, err := tx.SQL().QueryContext(ctx, `SELECT name FROM settings ORDER BY name LIMIT 3`)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

// TestManyAtOnce reads and writes from many sides: nobody is locked out, and
// a statement whose rows are being read is not run a second time.
func TestManyAtOnce(t *testing.T) {
	db := open(t, storetest.Fresh(t, "sqlite"))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 30 {
				name := fmt.Sprintf("%d-%d", w, i)
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					if err := tx.SetSetting(t.Context(), name, "x"); err != nil {
						return err
					}
					outer, err := tx.SQL().QueryContext(t.Context(), `SELECT name FROM settings ORDER BY name LIMIT 3`)
					if err != nil {
						return err
					}
					defer func() { _ = outer.Close() }()
					for outer.Next() {
						if n, err := namesIn(t.Context(), tx); err != nil || n == 0 {
							return fmt.Errorf("the same query within itself gives %d rows: %w", n, err)
						}
					}
					return outer.Err()
				})
				if err != nil {
					t.Error(err)
				}
				if v, err := db.Setting(t.Context(), name); v != "x" || err != nil {
					t.Errorf("what was committed reads as %q, %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestManyStatements runs more different statements than are kept.
func TestManyStatements(t *testing.T) {
	db := open(t, storetest.Fresh(t, "sqlite"))
	for i := range 1000 {
		var n int
		if err := db.Writer().QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d + $1", i), 1).Scan(&n); err != nil || n != i+1 {
			t.Fatalf("statement %d gives %d, %v", i, n, err)
		}
	}
}

// Questions that dedupe kept are found under the keys of today.
func TestNewKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		source, run := sourceAndRun(t, db, 2)
		kept, other := seed(run, 0, 0), seed(run, 1, 0)
		for i, s := range []extract.Seed{kept, other} {
			queue(t, db, run, source, i)
			o := store.Outcome{Found: []extract.Seed{s}}
			o.Ordinal, o.State = i, seedbed.PassageDone
			if s.ID == kept.ID { // the other was never compared with any
				o.Bands = map[string][]uint64{s.ID: {1, 2, 3}}
			}
			update(t, db, func(tx *store.Tx) error {
				_, err := tx.SaveOutcome(t.Context(), run, o)
				return err
			})
		}
		alike := func(keys []uint64) []store.Alike {
			byKey, err := db.Alike(t.Context(), run.CollectionID, keys)
			if err != nil {
				t.Fatal(err)
			}
			var found []store.Alike
			for _, some := range byKey {
				for _, a := range some {
					a.N = 0
					if !slices.Contains(found, a) {
						found = append(found, a)
					}
				}
			}
			return found
		}
		update(t, db, func(tx *store.Tx) error { return store.Rekey(t.Context(), tx) })
		if d := cmp.Diff([]store.Alike{{ID: kept.ID, Question: kept.Question}}, alike(stage.Keys(kept.Question))); d != "" {
			t.Errorf("Alike under new keys (-want +got):\n%s", d)
		}
		if found := alike([]uint64{1, 2, 3}); len(found) != 0 {
			t.Errorf("Alike finds %v under the keys of before", found)
		}
		if found := alike(stage.Keys(other.Question)); len(found) != 0 {
			t.Errorf("Alike finds %v, which dedupe never kept", found)
		}
	})
}
