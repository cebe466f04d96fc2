package export

import (
	"context"
	"strings"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// A pair is what trainers of preferences read: two answers to a prompt, of
// which one is known to be better.
type pair struct {
	Prompt   []extract.Message `json:"prompt"`
	Chosen   []extract.Message `json:"chosen"`
	Rejected []extract.Message `json:"rejected"`
}

func preference(e example, o seedbed.ExportOptions) any {
	said := func(s extract.Seed) []extract.Message {
		return []extract.Message{{Role: "assistant", Content: answer(s, o)}}
	}
	return pair{prompt(e.Seed, o), said(e.Seed), said(*e.worse)}
}

// withWorse adds to seeds the rejected versions that they replaced: their
// parents, where these answered the same question otherwise and were rejected
// for what they said, and not as duplicates.
func withWorse(ctx context.Context, from Source, some []example) error {
	var ids []string
	for _, e := range some {
		if e.Parent != nil {
			ids = append(ids, *e.Parent)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	parents, err := from.SeedsByID(ctx, ids)
	if err != nil {
		return err
	}
	for i, e := range some {
		if e.Parent == nil {
			continue
		}
		p, ok := parents[*e.Parent]
		same := strings.TrimSpace(p.Question) == strings.TrimSpace(e.Question) && strings.TrimSpace(p.Answer) != strings.TrimSpace(e.Answer)
		if ok && same && p.Verdict == extract.Rejected && !p.WasDuplicate() {
			some[i].worse = &p
		}
	}
	return nil
}

func noPair(e example) string {
	if e.worse == nil {
		return "no rejected answer to the same question was replaced"
	}
	return ""
}
