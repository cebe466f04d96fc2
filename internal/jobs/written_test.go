package jobs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

// What a person writes stands where its words do, is accepted, and is not
// asked twice.
func TestWriteSeed(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), NoRun: true})
		if err != nil {
			t.Fatal(err)
		}
		b.eventually(func() bool {
			src, err := b.Source(t.Context(), up.Source.ID)
			return err != nil || src.State == seedbed.SourceReady
		})
		doc, err := b.Document(t.Context(), up.Source.ID)
		if err != nil {
			t.Fatal(err)
		}
		write := func(n seedbed.NewSeed) (extract.Seed, error) {
			n.Source = up.Source.ID
			s, version, err := b.WriteSeed(seedbed.WithUser(t.Context(), seedbed.User{Name: "ada"}), n)
			if err == nil && version != 1 {
				t.Errorf("WriteSeed gives version %d; want 1", version)
			}
			return s, err
		}
		seed, err := write(seedbed.NewSeed{
			Question: "How many eggs does a queen lay in a day?", Answer: "Up to two thousand.", Tags: []string{" eggs", "eggs"}, Difficulty: 2,
			Evidence: []seedbed.Quoted{{Quote: "up to two  thousand of them in a day"}, {Quote: "dances on the comb"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if seed.Origin != extract.Manual || seed.Verdict != extract.Accepted || seed.Type != extract.Factual || seed.Run != "" || seed.Recipe != "" || seed.Passage == "" ||
			!slices.Equal(seed.Tags, []string{"eggs"}) || !slices.Contains(seed.Source.Section, "Questions") || seed.Source.SHA256 != up.Source.SHA256 {
			t.Errorf("WriteSeed gives %+v; want it manual and accepted, in its section", seed)
		}
		for i, e := range seed.Evidence {
			if want := []string{extract.MatchNormalized, extract.MatchExact}[i]; doc.Slice(e.Start, e.End) != e.Quote || e.Match != want {
				t.Errorf("quote %d is %q, %s; the document has %q there; want it %s", i, e.Quote, e.Match, doc.Slice(e.Start, e.End), want)
			}
		}
		if c := seed.Checks; len(c) != 2 || c[0].Name != "ground" || c[0].Verdict != extract.Pass || c[1].Name != "dedupe" || c[1].Verdict != extract.Pass {
			t.Errorf("its checks are %+v; want ground and dedupe to pass", seed.Checks)
		}
		if texts, err := b.PassageTexts(t.Context(), []string{seed.ID}); err != nil || !strings.Contains(texts[seed.ID], seed.Evidence[0].Quote) {
			t.Errorf("its passage is %q, %v; want the one with its first quote", texts[seed.ID], err)
		}
		stored, version, err := b.Seed(t.Context(), seed.ID)
		if diff := cmp.Diff(seed, stored); err != nil || version != 1 || diff != "" {
			t.Errorf("it is stored otherwise, version %d, %v (-want +got):\n%s", version, err, diff)
		}
		history, _, err := b.History(t.Context(), seed.ID, 0)
		wrote := []seedbed.Revision{{Version: 1, Time: seed.Created, Who: seedbed.ByPerson, User: "ada", Changes: []seedbed.FieldChange{}}}
		for i := range history {
			if d := history[i].Time.Sub(seed.Created).Abs(); d > time.Minute {
				t.Errorf("it was written at %v; want %v", history[i].Time, seed.Created)
			}
			history[i].Time = seed.Created
		}
		if diff := cmp.Diff(wrote, history); err != nil || diff != "" {
			t.Errorf("its history is another, %v (-want +got):\n%s", err, diff)
		}

		// Nothing supports this one, and that is said.
		bare, err := write(seedbed.NewSeed{Question: "Is honey kept warm?", Answer: "No.", Type: extract.Conceptual, Language: "en-GB"})
		if err != nil || len(bare.Checks) == 0 || bare.Checks[0].Verdict != extract.Skipped || bare.Language != "en-GB" || bare.Type != extract.Conceptual {
			t.Errorf("WriteSeed without a quote gives %+v, %v; want ground skipped", bare, err)
		}
		for _, tt := range []struct {
			what, code, says string
			seed             seedbed.NewSeed
		}{
			{"a quote that is not there", seedbed.Ungrounded, "quote 2", seedbed.NewSeed{Question: "Why?", Answer: "So.", Evidence: []seedbed.Quoted{{Quote: "on the comb"}, {Quote: "bees hate winter"}}}},
			{"a quote that is nearly there", seedbed.Ungrounded, "lives about six weeks; one that hatches in autumn", seedbed.NewSeed{Question: "Why?", Answer: "So.", Evidence: []seedbed.Quoted{{Quote: "she lives about two weeks; and one who hatches in autumn lives longer"}}}},
			{"an empty quote", seedbed.Invalid, "quote 1 is empty", seedbed.NewSeed{Question: "Why?", Answer: "So.", Evidence: []seedbed.Quoted{{}}}},
			{"too many quotes", seedbed.Invalid, "20 quotes at most", seedbed.NewSeed{Question: "Why?", Answer: "So.", Evidence: make([]seedbed.Quoted, 21)}},
			{"no answer", seedbed.Invalid, "answer", seedbed.NewSeed{Question: "Why?"}},
			{"no such type", seedbed.Invalid, "riddle", seedbed.NewSeed{Question: "Why?", Answer: "So.", Type: "riddle"}},
			{"the same question", seedbed.Duplicate, "How many eggs", seedbed.NewSeed{Question: "how many eggs does a queen lay in a day", Answer: "2000"}},
		} {
			if _, err := write(tt.seed); seedbed.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("WriteSeed of %s gives %v; want %s with %q", tt.what, err, tt.code, tt.says)
			}
		}
		var same *seedbed.DuplicateError
		if _, err := write(seedbed.NewSeed{Question: seed.Question, Answer: "2000"}); !errors.As(err, &same) || same.Seed != seed.ID {
			t.Errorf("WriteSeed of a question that is there gives %v; want it to name %s", err, seed.ID)
		}
		twin, err := write(seedbed.NewSeed{Question: seed.Question, Answer: "2000", Duplicate: true})
		if err != nil || !twin.Live() || twin.DuplicateOf == nil || *twin.DuplicateOf != seed.ID {
			t.Errorf("WriteSeed of a duplicate on purpose gives %+v, %v; want it kept, and known for one", twin, err)
		}

		// What a run finds later is the duplicate, however well it is checked.
		own, err := write(seedbed.NewSeed{Question: "What does a queen bee do all day?", Answer: "She lays eggs."})
		if err != nil {
			t.Fatal(err)
		}
		run, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{Recipe: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		if run = b.ended(run.ID); run.Seeds != 2 || run.Rejected != 1 {
			t.Errorf("the run ends with %d seeds and %d rejected; want 2 and a duplicate", run.Seeds, run.Rejected)
		}
		if now, _, err := b.Seed(t.Context(), own.ID); err != nil || !now.Live() {
			t.Errorf("what a person wrote has given way: %+v, %v", now, err)
		}
		b.indexed()
		b.clean()
		f := seedbed.Filter{Origin: []string{extract.Manual}}
		found, err := b.Search(t.Context(), f)
		if err != nil || found.Total != 4 || len(b.all(f)) != 4 {
			t.Errorf("Search finds %d written by hand and Each %d, %v; want 4", found.Total, len(b.all(f)), err)
		}
		if src, err := b.Source(t.Context(), up.Source.ID); err != nil || src.Seeds != 6 {
			t.Errorf("the source has %d seeds, %v; want 6", src.Seeds, err)
		}
		if err := b.DeleteSeed(t.Context(), bare.ID, 1); err != nil {
			t.Errorf("DeleteSeed of one that stands in no passage: %v", err)
		}
		if _, _, err := b.UpdateSeed(t.Context(), own.ID, 1, seedbed.SeedChange{Tags: &[]string{"bees"}}); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil || len(b.all(seedbed.Filter{})) > 0 {
			t.Errorf("after DeleteSource there are %d seeds, %v; want none", len(b.all(seedbed.Filter{})), err)
		}
		b.indexed()
		b.clean()
	})
}

// Of many who write the same at once one is first, and the others are told.
func TestManyWriters(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up := b.upload("bees.md", faq, seedbed.RunOptions{})
		b.ended(up.Run.ID)
		const writers, questions = 6, 5
		first := make([]string, questions)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for i := range questions {
					s, _, err := b.WriteSeed(t.Context(), seedbed.NewSeed{
						Source: up.Source.ID, Question: fmt.Sprintf("How heavy is the hive number %d when winter comes?", i), Answer: "Heavy.",
						Evidence: []seedbed.Quoted{{Quote: "dances on the comb"}},
					})
					mu.Lock()
					switch {
					case err == nil && first[i] == "":
						first[i] = s.ID
					case err == nil:
						t.Errorf("question %d is written twice", i)
					case seedbed.CodeOf(err) != seedbed.Duplicate:
						t.Errorf("WriteSeed: %v; want a duplicate", err)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if got := len(b.all(seedbed.Filter{Origin: []string{extract.Manual}})); got != questions {
			t.Errorf("%d writers of %d questions leave %d seeds", writers, questions, got)
		}
		b.indexed()
		b.clean()
	})
}

// Seeds may be deleted while runs find more, look for duplicates among them,
// and have them give way to better ones.
func TestDeleteSeedsInWork(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		s := llmtest.New(t, llmtest.Script{})
		b := start(t, dir, impatient(s, 4))
		up := b.upload("machines.md", book(12), seedbed.RunOptions{Recipe: "quick"})
		b.ended(up.Run.ID)
		other, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{Recipe: "phi4"})
		if err != nil {
			t.Fatal(err)
		}
		gone := 0
		for over := false; !over; {
			run, err := b.Run(t.Context(), other.ID)
			if err != nil {
				t.Fatal(err)
			}
			over = run.Ended()
			for id := range b.all(seedbed.Filter{}) {
				if gone++; gone%3 == 0 {
					if err := b.DeleteSeed(t.Context(), id, 0); err != nil {
						t.Errorf("DeleteSeed: %v", err)
					}
				}
			}
		}
		t.Logf("%d seeds seen, a third deleted", gone)
		for _, id := range []string{up.Run.ID, other.ID} {
			run := b.ended(id)
			live, rejected := 0, 0
			for _, seed := range b.all(seedbed.Filter{Run: []string{id}}) {
				if seed.Live() {
					live++
				} else {
					rejected++
				}
			}
			if run.State != seedbed.RunDone || run.Passages.Failed > 0 || run.Seeds != live || run.Rejected != rejected {
				t.Errorf("the run ends as %s with %d passages failed, %d seeds and %d rejected; there are %d and %d", run.State, run.Passages.Failed, run.Seeds, run.Rejected, live, rejected)
			}
			ledger, err := b.Ledger(t.Context(), id)
			for _, e := range ledger {
				live, rejected = live-e.Seeds, rejected-e.Rejected
			}
			if err != nil || live != 0 || rejected != 0 {
				t.Errorf("its ledger differs by %d seeds and %d rejected, %v", live, rejected, err)
			}
		}
		b.indexed()
		b.clean()
		sameAsIndex(t, b, b.index)
	})
}

// TestSeedFailsAnywhere has each table refuse a write in turn while a seed is
// written, changed and deleted: everything stays as it was.
func TestSeedFailsAnywhere(t *testing.T) {
	b := start(t, t.TempDir(), jobs.Options{})
	up := b.upload("bees.md", faq, seedbed.RunOptions{})
	b.ended(up.Run.ID)
	b.indexed()
	found := b.all(seedbed.Filter{})
	var id string
	for id = range found {
		break
	}
	other := "Who keeps the colony together?"
	if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Answer: &other}); err != nil {
		t.Fatal(err)
	}
	b.indexed()
	exec := func(statement string) {
		t.Helper()
		if _, err := b.db.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	state := func() (all []string) {
		t.Helper()
		for _, table := range []string{"seeds", "bands", "history", "outbox"} {
			n := 0
			if err := b.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(table, n))
		}
		seed, version, err := b.Seed(t.Context(), id)
		run, err2 := b.Run(t.Context(), up.Run.ID)
		ledger, err3 := b.Ledger(t.Context(), up.Run.ID)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		return append(all, fmt.Sprint(seed.Question, version, run.Seeds, ledger))
	}
	before := state()
	for _, step := range []struct {
		what   string
		do     func() error
		writes []string
	}{
		{"WriteSeed", func() error {
			_, _, err := b.WriteSeed(t.Context(), seedbed.NewSeed{Source: up.Source.ID, Question: other, Answer: "The queen."})
			return err
		}, []string{"INSERT ON seeds", "INSERT ON bands", "INSERT ON outbox"}},
		{"UpdateSeed", func() error {
			_, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Question: &other})
			return err
		}, []string{"UPDATE ON seeds", "DELETE ON bands", "INSERT ON bands", "INSERT ON history", "INSERT ON outbox"}},
		{"DeleteSeed", func() error { return b.DeleteSeed(t.Context(), id, 0) },
			[]string{"DELETE ON seeds", "DELETE ON bands", "DELETE ON history", "UPDATE ON runs", "UPDATE ON run_passages", "INSERT ON outbox"}},
	} {
		for _, write := range step.writes {
			exec(`CREATE TRIGGER fault BEFORE ` + write + ` BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
			if err := step.do(); err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("%s that fails at %s: %v, want the disk's words", step.what, write, err)
			}
			exec(`DROP TRIGGER fault`)
			if diff := cmp.Diff(before, state()); diff != "" {
				t.Errorf("%s that fails at %s leaves something else (-before +after):\n%s", step.what, write, diff)
			}
		}
	}
	b.clean()
	if err := b.DeleteSeed(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	b.indexed()
	b.clean()
	sameAsIndex(t, b, b.index)
}
