package stage

import (
	"context"
	"fmt"

	"seedbed/extract"
)

// sameWords groups answers that need no judge to be the same. Groups are
// lists of places in given, in order.
func sameWords(given []attempt) [][]int {
	var groups [][]int
next:
	for i, a := range given {
		for g := range groups {
			first := given[groups[g][0]]
			if same, sure := a.equals(first.ShortAnswer, first.Answer); same && sure {
				groups[g] = append(groups[g], i)
				continue next
			}
		}
		groups = append(groups, []int{i})
	}
	return groups
}

// allDiffer reports whether no two groups can mean the same: they are numbers.
func allDiffer(given []attempt, groups [][]int) bool {
	for i, g := range groups {
		for _, h := range groups[:i] {
			a, b := given[g[0]], given[h[0]]
			if same, sure := a.equals(b.ShortAnswer, b.Answer); same || !sure {
				return false
			}
		}
	}
	return true
}

// A sorting is a judge's groups of the answers that it was shown, by their
// numbers from 1.
type sorting struct {
	Reason string  `json:"reason" jsonschema:"description=One sentence: what sets the groups apart."`
	Groups [][]int `json:"groups" jsonschema:"description=Lists of the numbers of answers that mean the same. Every number stands in exactly one list."`
}

var sortingSchema = schemaOf(&sorting{})

// sort joins groups of which a judge finds that they mean the same. Why is
// set where its reply does not tell.
func (v *Vote) sort(ctx context.Context, s *extract.Seed, given []attempt, groups [][]int) (sorted [][]int, paid extract.Tokens, why string, err error) {
	about := sheetOf(s)
	for _, g := range groups {
		// Shorter than for one judgement: there are many.
		about.Answers = append(about.Answers, guard(cutText(given[g[0]].whole(), shown/4)))
	}
	a, err := ask[sorting](ctx, &v.Asking, "vote_groups", about, judged)
	if err != nil || a.why != "" {
		return nil, a.tokens, a.why, err
	}
	seen := make([]bool, len(groups))
	count := 0
	for _, numbers := range a.said.Groups {
		var joined []int
		for _, n := range numbers {
			if n < 1 || n > len(groups) || seen[n-1] {
				return nil, a.tokens, fmt.Sprintf("the judge speaks of answer %d, which is not there or was sorted before", n), nil
			}
			seen[n-1] = true
			count++
			joined = append(joined, groups[n-1]...)
		}
		if len(joined) > 0 {
			sorted = append(sorted, joined)
		}
	}
	if count < len(groups) {
		return nil, a.tokens, fmt.Sprintf("the judge left out %d of %d answers", len(groups)-count, len(groups)), nil
	}
	return sorted, a.tokens, "", nil
}
