package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// A grouped library holds seeds by letters: of those before a colon the first
// stands for the others.
type grouped struct {
	*testing.T
	db      *store.DB
	sources []seedbed.Source
	runs    []seedbed.Run
	ids     map[string]string
	letters map[string]string // by id
	places  map[string]int    // of the next seed, by run
}

func newGrouped(t *testing.T, db *store.DB, sources int) *grouped {
	g := &grouped{T: t, db: db, ids: map[string]string{}, letters: map[string]string{}, places: map[string]int{}}
	for range sources {
		src, run := sourceAndRun(t, db, 1)
		g.sources, g.runs = append(g.sources, src), append(g.runs, run)
	}
	return g
}

// made is a seed of a source, a duplicate of another unless that is "".
func (g *grouped) made(source int, letter, of, verdict string) extract.Seed {
	run := g.runs[source]
	s := seed(run, 0, g.places[run.ID])
	g.places[run.ID]++
	s.ID, s.Source.ID, s.Verdict = "seed-"+letter, g.sources[source].ID, verdict
	g.ids[letter], g.letters[s.ID] = s.ID, letter
	if of != "" {
		id := g.ids[of]
		s.DuplicateOf = &id
	}
	return s
}

// save adds what a run found in one transaction.
func (g *grouped) save(source int, found ...extract.Seed) {
	g.Helper()
	run := g.runs[source]
	ordinal := g.places["ordinal"]
	g.places["ordinal"]++
	queue(g, g.db, run, g.sources[source], ordinal)
	update(g, g.db, func(tx *store.Tx) error {
		o := store.Outcome{RunPassage: seedbed.RunPassage{Ordinal: ordinal, State: seedbed.PassageDone}, Found: found}
		_, err := tx.SaveOutcome(g.Context(), run, o)
		return err
	})
}

// want checks which seeds are duplicates of which: "a:bc d" are a, which stands
// for b and c, and d.
func (g *grouped) want(what, groups string) {
	g.Helper()
	got := map[string][]string{}
	for _, s := range g.all() {
		root := g.letters[s.Group()]
		if root == "" {
			g.Errorf("after %s, %s is a duplicate of %s, which is not there", what, g.letters[s.ID], s.Group())
		}
		if s.DuplicateOf == nil {
			got[root] = append([]string{}, got[root]...)
			continue
		}
		got[root] = append(got[root], g.letters[s.ID])
	}
	var words []string
	for _, root := range slices.Sorted(maps.Keys(got)) {
		slices.Sort(got[root])
		if words = append(words, root); len(got[root]) > 0 {
			words[len(words)-1] += ":" + strings.Join(got[root], "")
		}
	}
	if got := strings.Join(words, " "); got != groups {
		g.Errorf("after %s the groups are %s; want %s", what, got, groups)
	}
	astray, err := g.db.Astray(g.Context())
	if err != nil || len(astray) > 0 {
		g.Errorf("after %s there are %d astray, %v", what, len(astray), err)
	}
	// The column says what the record does.
	found, err := g.db.Search(g.Context(), seedbed.Filter{Distinct: true})
	if err != nil || found.Total != len(got) {
		g.Errorf("after %s a search finds %d groups, %v; want %d", what, found.Total, err, len(got))
	}
}

func (g *grouped) all() []store.Seed {
	g.Helper()
	all, err := g.db.SeedsAfter(g.Context(), "", 1000)
	if err != nil {
		g.Fatal(err)
	}
	return all
}

func (g *grouped) seed(letter string) store.Seed {
	g.Helper()
	s, err := g.db.Seed(g.Context(), g.ids[letter])
	if err != nil {
		g.Fatal(err)
	}
	return s
}

// displace has a seed give way to another that is about to be added.
func (g *grouped) displace(tx *store.Tx, letter string, to extract.Seed) error {
	before, err := tx.Seed(g.Context(), g.ids[letter])
	if err != nil {
		return err
	}
	after := before.Seed
	after.DuplicateOf, after.Verdict = &to.ID, extract.Rejected
	return tx.Displace(g.Context(), before, after)
}

// Whatever is added, gives way or is deleted, one seed of a group stands for
// the others, which know it.
func TestGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		g := newGrouped(t, open(t, on), 2)
		a := g.made(0, "a", "", extract.Draft)
		b := g.made(0, "b", "a", extract.Rejected)
		c := g.made(0, "c", "b", extract.Rejected) // compared with one that is a duplicate
		g.save(0, c, b, a)
		g.want("seeds of one passage", "a:bc")
		g.save(0, g.made(0, "d", "c", extract.Rejected), g.made(0, "e", "", extract.Draft))
		g.want("a duplicate of a duplicate", "a:bcd e")

		// f takes the place of a, which takes its duplicates along; g was
		// compared with a before.
		f, later := g.made(1, "f", "", extract.Draft), g.made(1, "g", "a", extract.Rejected)
		queue(t, g.db, g.runs[1], g.sources[1], 90)
		update(t, g.db, func(tx *store.Tx) error {
			if err := g.displace(tx, "a", f); err != nil {
				return err
			}
			o := store.Outcome{RunPassage: seedbed.RunPassage{Ordinal: 90, State: seedbed.PassageDone}, Found: []extract.Seed{later, f}}
			_, err := tx.SaveOutcome(t.Context(), g.runs[1], o)
			return err
		})
		g.want("one that gave way", "e f:abcdg")
		history, err := g.db.History(t.Context(), g.ids["b"], 0, 10)
		if err != nil || len(history) != 1 || history[0].Who != seedbed.ByGroup || len(history[0].Changes) != 1 || history[0].Changes[0].After != g.ids["f"] {
			t.Errorf("its duplicate’s history is %+v, %v; want that it is one of f now", history, err)
		}
		if s := g.seed("b"); s.Version != 2 {
			t.Errorf("it has version %d; want 2, for the index to take it", s.Version)
		}

		// What a person writes and wants all the same.
		update(t, g.db, func(tx *store.Tx) error {
			written, err := tx.AddSeed(t.Context(), "default", -1, g.made(0, "h", "d", extract.Accepted), nil)
			if err == nil && written.Group() != g.ids["f"] {
				t.Errorf("AddSeed gives a duplicate of %s; want one of f", g.letters[written.Group()])
			}
			return err
		})
		g.want("a duplicate of a duplicate that is wanted", "e f:abcdgh")

		// Once it is deleted, what a person accepted stands for the others.
		remove := func(letters ...string) {
			t.Helper()
			var ids []string
			for _, l := range letters {
				ids = append(ids, g.ids[l])
			}
			update(t, g.db, func(tx *store.Tx) error {
				if len(ids) == 1 {
					return tx.DeleteSeed(t.Context(), ids[0], 0)
				}
				_, err := tx.DeleteSeeds(t.Context(), ids, seedbed.Filter{})
				return err
			})
		}
		remove("b")
		g.want("a duplicate that is deleted", "e f:acdgh")
		remove("f")
		g.want("the first of a group that is deleted", "e h:acdg")
		if s := g.seed("a"); s.Verdict != extract.Rejected {
			t.Errorf("its duplicate is %s now; want no verdict changed", s.Verdict)
		}
		noted, err := g.db.Noted(t.Context(), slices.Collect(maps.Values(g.ids)))
		if err != nil || noted[g.ids["a"]] == 0 || noted[g.ids["h"]] == 0 {
			t.Errorf("the index is not told of it, %v", err)
		}
		remove("h", "a", "e")
		g.want("several that are deleted, the first among them", "c:dg")
	})
}

// What groups were like before they were kept in order is mended: when the
// database is opened, and by a check.
func TestMendGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, on store.Options) {
		db := open(t, on)
		g := newGrouped(t, db, 1)
		for _, l := range "abcdefghijkl" {
			verdict := extract.Rejected
			if l == 'j' {
				verdict = extract.Draft
			}
			g.save(0, g.made(0, string(l), "", verdict))
		}
		tangle := func() {
			t.Helper()
			update(t, g.db, func(tx *store.Tx) error {
				for _, link := range strings.Fields("ba cb dc ef fe gf ix jx kj") { // a chain, a circle, and what leads to nothing
					s, err := tx.Seed(t.Context(), g.ids[link[:1]])
					if err != nil {
						return err
					}
					to := "gone"
					if id := g.ids[link[1:]]; id != "" {
						to = id
					}
					after := s.Seed
					after.DuplicateOf = &to
					if _, err := tx.SaveSeed(t.Context(), s, after, seedbed.ByDedupe); err != nil {
						return err
					}
				}
				return nil
			})
			if astray, err := g.db.Astray(t.Context()); err != nil || len(astray) != 8 {
				t.Fatalf("%d are astray, %v", len(astray), err)
			}
		}
		const mended = "a:bcd e:fg h j:ik l"
		tangle()
		update(t, g.db, func(tx *store.Tx) error { return tx.MendGroups(t.Context()) })
		g.want("mending", mended)
		if s := g.seed("b"); s.Version != 2 {
			t.Errorf("what was in order has version %d; want it left alone", s.Version)
		}
		before := g.all()
		update(t, g.db, func(tx *store.Tx) error { return tx.MendGroups(t.Context()) })
		if diff := cmp.Diff(before, g.all()); diff != "" {
			t.Errorf("mending what is in order changes something (-was +is):\n%s", diff)
		}

		tangle()
		if err := g.db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.MigrateTo(t.Context(), on, 19); err != nil {
			t.Fatal(err)
		}
		g.db = open(t, on)
		g.want("the migration", mended)
	})
}
