package jobs

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// Search finds seeds. Verdict nil is draft and accepted. While the index
// cannot be asked, the database is, which finds less well.
func (s *Service) Search(ctx context.Context, f seedbed.Filter) (seedbed.Results, error) {
	begun := time.Now()
	if f.Verdict == nil {
		f.Verdict = []string{extract.Draft, extract.Accepted}
	}
	// Counted first: what the index takes over meanwhile may be found or not.
	behind := s.behind(ctx)
	out, err := s.searchIndex(ctx, f)
	if err != nil && seedbed.CodeOf(err) != seedbed.Invalid && ctx.Err() == nil {
		s.Log.Warn("the search index cannot be asked; the database is", "err", err)
		out, err = s.DB.Search(ctx, f)
		out.Fallback = true
	}
	if err != nil {
		return out, err
	}
	out.Behind = behind
	out.Took = time.Since(begun)
	return out, s.label(ctx, out.Facets["source"])
}

// indexWait is how long a person waits at most for a search to find what they
// have changed.
const indexWait = time.Second

// Indexed waits until searches find what was changed before, but not for long:
// the index may be away, or far behind.
func (s *Service) Indexed(ctx context.Context) error {
	end, err := s.DB.OutboxEnd(ctx)
	if err != nil {
		return err
	}
	enough := time.After(indexWait)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if n, err := s.DB.OutboxUpTo(ctx, end); n == 0 || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-enough:
			return nil
		case <-tick.C:
		}
	}
}

func (s *Service) searchIndex(ctx context.Context, f seedbed.Filter) (seedbed.Results, error) {
	out := seedbed.Results{Hits: []seedbed.Hit{}}
	f, none, err := s.indexed(ctx, f)
	if err != nil || none {
		return out, err
	}
	page, err := s.Index.Search(ctx, f)
	if err != nil {
		return out, err
	}
	out.Total, out.Facets = page.Total, page.Facets
	seeds, err := s.DB.SeedsByID(ctx, page.IDs)
	if err != nil {
		return out, err
	}
	for _, id := range page.IDs {
		if seed, ok := seeds[id]; ok { // else it was deleted just now
			out.Hits = append(out.Hits, seedbed.Hit{Seed: seed.Seed, Highlights: page.Highlights[id]})
		}
	}
	return out, nil
}

// indexed is a filter as the index takes it, which knows collections by their
// ids. None means that there is no collection of the names that it wants.
func (s *Service) indexed(ctx context.Context, f seedbed.Filter) (_ seedbed.Filter, none bool, err error) {
	wanted := len(f.Collection) > 0
	f.Collection, err = s.DB.CollectionIDs(ctx, f.Collection)
	return f, wanted && len(f.Collection) == 0, err
}

// label gives the sources among the facets their titles.
func (s *Service) label(ctx context.Context, sources []seedbed.Facet) error {
	ids := make([]string, len(sources))
	for i, f := range sources {
		ids[i] = f.Value
	}
	titles, err := s.DB.Titles(ctx, ids)
	for i := range sources {
		sources[i].Label = titles[sources[i].Value]
	}
	return err
}

// Each calls do for every seed that Search would find, all pages of it, but
// in document order. Verdict nil is any.
func (s *Service) Each(ctx context.Context, f seedbed.Filter, do func(extract.Seed) error) error {
	if f.Query == "" {
		return s.DB.Each(ctx, f, do)
	}
	found, err := s.found(ctx, f)
	if err != nil {
		s.Log.Warn("the search index cannot be asked; the database is", "err", err)
		return s.DB.Each(ctx, f, do)
	}
	f.Query, f.Distinct = "", false
	return s.DB.Each(ctx, f, func(seed extract.Seed) error {
		if !found[seed.ID] {
			return nil
		}
		return do(seed)
	})
}

// CountBySource lists the sources of the seeds that Each comes to, in order.
func (s *Service) CountBySource(ctx context.Context, f seedbed.Filter) ([]seedbed.SourceCount, error) {
	if f.Query == "" && !f.Distinct {
		return s.DB.CountBySource(ctx, f)
	}
	var out []seedbed.SourceCount
	err := s.Each(ctx, f, func(seed extract.Seed) error {
		if n := len(out); n == 0 || out[n-1].ID != seed.Source.ID {
			out = append(out, seedbed.SourceCount{ID: seed.Source.ID, SHA256: seed.Source.SHA256})
		}
		out[len(out)-1].Seeds++
		return nil
	})
	return out, err
}

// PassageTexts are the texts of the passages that seeds were found in, by the
// seeds' ids.
func (s *Service) PassageTexts(ctx context.Context, seeds []string) (map[string]string, error) {
	return s.DB.PassageTexts(ctx, seeds)
}

// SeedsByID are seeds by their ids. Those that are gone are left out.
func (s *Service) SeedsByID(ctx context.Context, ids []string) (map[string]extract.Seed, error) {
	found, err := s.DB.SeedsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]extract.Seed, len(found))
	for id, seed := range found {
		out[id] = seed.Seed
	}
	return out, nil
}

// found are the ids of all seeds that a search finds.
func (s *Service) found(ctx context.Context, f seedbed.Filter) (map[string]bool, error) {
	f, none, err := s.indexed(ctx, f)
	if err != nil || none {
		return nil, err
	}
	matches, err := s.Index.Matches(ctx, f)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]bool, len(matches))
	for _, id := range matches {
		ids[id] = true
	}
	return ids, nil
}

// IndexState is how far the search index follows the database, and which
// changes it does not take.
func (s *Service) IndexState(ctx context.Context) (seedbed.IndexState, error) {
	refused, err := s.DB.Refused(ctx, 100)
	if err != nil {
		return seedbed.IndexState{}, err
	}
	out := seedbed.IndexState{Behind: s.behind(ctx)}
	for _, r := range refused {
		out.Refused = append(out.Refused, seedbed.Refusal{Seed: r.Seed, Error: r.Error, Attempts: r.Attempts, Due: r.Due})
	}
	return out, nil
}

// Totals are how much there is of everything, and how far it has come.
func (s *Service) Totals(ctx context.Context) (seedbed.Totals, error) { return s.DB.Totals(ctx) }

// Seed is one seed and its version.
func (s *Service) Seed(ctx context.Context, id string) (extract.Seed, int64, error) {
	seed, err := s.DB.Seed(ctx, id)
	return seed.Seed, seed.Version, err
}

// Similar are the seeds of the same collection that ask nearly what a seed
// asks, the most similar first, the one that it is a duplicate of among them.
// Found are those that dedupe compares with, by the questions that they have
// now: it finds nearly all from a similarity of 0.6 on, and fewer below.
func (s *Service) Similar(ctx context.Context, id string) ([]seedbed.Similar, error) {
	seed, err := s.DB.Seed(ctx, id)
	if err != nil {
		return nil, err
	}
	byKey, err := s.DB.Alike(ctx, seed.Collection, stage.Keys(seed.Question))
	if err != nil {
		return nil, err
	}
	how := map[string]float64{}
	if seed.DuplicateOf != nil {
		how[*seed.DuplicateOf] = 0
	}
	for _, alike := range byKey {
		for _, a := range alike {
			how[a.ID] = 0
		}
	}
	delete(how, id)
	seeds, err := s.DB.SeedsByID(ctx, slices.Collect(maps.Keys(how)))
	if err != nil {
		return nil, err
	}
	out := []seedbed.Similar{}
	for _, other := range seeds {
		if same := stage.Similarity(seed.Question, other.Question); same > 0 {
			out = append(out, seedbed.Similar{Seed: other.Seed, Similarity: same})
		}
	}
	slices.SortFunc(out, func(a, b seedbed.Similar) int {
		return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), cmp.Compare(a.Seed.ID, b.Seed.ID))
	})
	return out[:min(len(out), seedbed.MaxSimilar)], nil
}

// UpdateSeed changes a seed if it still has that version, 0 for whatever it
// has now. The error is [seedbed.Stale] if somebody else was faster. What the
// checks found stays, whatever a person decides.
func (s *Service) UpdateSeed(ctx context.Context, id string, version int64, c seedbed.SeedChange) (extract.Seed, int64, error) {
	var seed store.Seed
	err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if seed, err = tx.Seed(ctx, id); err != nil {
			return err
		}
		before := seed
		if version != 0 { // else whatever it is
			before.Version = version
		}
		if err := change(&seed.Seed, c); err != nil {
			return err
		}
		if seed.Version, err = tx.SaveSeed(ctx, before, seed.Seed, seedbed.ByPerson); err != nil {
			return err
		}
		if seed.Question != before.Question || seed.Live() && !before.Live() {
			return tx.Rekey(ctx, seed, before.Question)
		}
		return nil
	})
	if err != nil {
		return extract.Seed{}, 0, err
	}
	s.wake()
	return seed.Seed, seed.Version, nil
}

// historyPage is how many revisions are listed at once.
const historyPage = 50

// History lists what was changed of a seed since it was made, the newest first:
// some revisions from before a version, 0 for the newest of all. More reports
// whether there are older ones. The first of a seed that a person wrote says so
// and has no changes.
func (s *Service) History(ctx context.Context, id string, before int64) (list []seedbed.Revision, more bool, err error) {
	if _, err := s.DB.Seed(ctx, id); err != nil {
		return nil, false, err
	}
	list, err = s.DB.History(ctx, id, before, historyPage+1)
	if more = len(list) > historyPage; more {
		list = list[:historyPage]
	}
	return list, more, err
}

// DeleteSeed removes a seed if it still has that version, 0 for whatever it
// has now. The error is [seedbed.Stale] if somebody changed it since.
func (s *Service) DeleteSeed(ctx context.Context, id string, version int64) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSeed(ctx, id, version) })
	if err == nil {
		s.wake()
	}
	return err
}

// deletedAtOnce is how many seeds are deleted in one transaction.
const deletedAtOnce = 50

// DeleteSeeds removes those of some seeds that a filter still chooses, its Query
// aside, whatever their versions, and returns how many they were. Verdict nil
// is any.
func (s *Service) DeleteSeeds(ctx context.Context, ids []string, still seedbed.Filter) (n int, err error) {
	defer s.wake()
	for some := range slices.Chunk(ids, deletedAtOnce) {
		deleted := 0
		err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
			deleted, err = tx.DeleteSeeds(ctx, some, still)
			return err
		})
		if err != nil {
			return n, err
		}
		n += deleted
	}
	return n, nil
}

func change(s *extract.Seed, c seedbed.SeedChange) error {
	question, answer, short := s.Question, s.Answer, s.ShortAnswer
	for _, text := range []struct {
		name     string
		to, from *string
		needed   bool
	}{
		{"question", &s.Question, c.Question, true},
		{"answer", &s.Answer, c.Answer, true},
		{"short answer", &s.ShortAnswer, c.ShortAnswer, false},
	} {
		if text.from == nil {
			continue
		}
		if text.needed && strings.TrimSpace(*text.from) == "" {
			return seedbed.Errorf(seedbed.Invalid, "the %s cannot be empty", text.name)
		}
		*text.to = strings.ToValidUTF8(*text.from, "\uFFFD")
	}
	if s.Question != question || s.Answer != answer || s.ShortAnswer != short {
		s.Checks = outdated(s.Checks)
	}
	if c.Reasoning != nil {
		s.Reasoning = append([]string{}, *c.Reasoning...)
	}
	if c.Type != nil {
		if !slices.Contains(extract.SeedTypes, *c.Type) {
			return seedbed.Errorf(seedbed.Invalid, "there is no type %q: it is one of %s", *c.Type, strings.Join(extract.SeedTypes, ", "))
		}
		s.Type = *c.Type
	}
	if c.Tags != nil {
		s.Tags = tags(*c.Tags)
	}
	if c.Verdict != nil {
		switch *c.Verdict {
		case extract.Draft, extract.Accepted:
			s.VerdictReason = ""
		case extract.Rejected:
			if s.Verdict != extract.Rejected {
				s.VerdictReason = "rejected by hand"
			}
		default:
			return seedbed.Errorf(seedbed.Invalid, "there is no verdict %q: it is draft, accepted or rejected", *c.Verdict)
		}
		s.Verdict = *c.Verdict
	}
	if c.VerdictReason != nil && (*c.VerdictReason != "" || s.Verdict != extract.Rejected) {
		s.VerdictReason = strings.TrimSpace(*c.VerdictReason)
	}
	return nil
}

// outdated is what checks are worth once a person has changed what they looked
// at: nothing, but that the quotes stand in the source holds all the same.
func outdated(checks []extract.Check) []extract.Check {
	out := slices.Clone(checks)
	for i, c := range out {
		if c.Name != "ground" && c.Verdict != extract.Skipped {
			out[i] = extract.Check{Name: c.Name, Verdict: extract.Skipped, Version: c.Version,
				Reason: "changed by hand since; before, it was " + c.Verdict}
		}
	}
	return out
}

// tags are trimmed, none is empty or there twice.
func tags(list []string) []string {
	out := []string{}
	for _, t := range list {
		t = strings.Join(strings.Fields(strings.ToValidUTF8(t, "")), " ")
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}
