package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"seedbed/extract/measure"
	"seedbed/internal/seedbed"
)

// answered is the group of metrics that has a panel of its own.
const answered = "Answered again"

// ScorecardOf is the page of a run's card.
func ScorecardOf(p Page, run seedbed.Run, card *measure.Card) Scorecard {
	out := Scorecard{Page: p, Run: run, Card: card, Checks: card.Checks}
	for i := range measure.Metrics {
		m := &measure.Metrics[i]
		if m.Group == answered || card.Omits(m.Group) {
			continue
		}
		value, note, _ := m.Show(card)
		if value == "" {
			continue
		}
		if n := len(out.Groups); n == 0 || out.Groups[n-1].Title != m.Group {
			out.Groups = append(out.Groups, ScoreGroup{Title: m.Group})
		}
		g := &out.Groups[len(out.Groups)-1]
		g.Scores = append(g.Scores, Score{Name: m.Name, Value: value, About: strings.TrimSpace(m.Meaning + " " + note)})
	}
	for _, kinds := range []struct {
		into  *[]ScoreGroup
		title string
		tally measure.Tally
	}{{&out.Groups, "Types", card.Seeds.Types}, {&out.Groups, "Rejected by", card.Seeds.RejectedBy}, {&out.Groups, "Rejected because", card.Seeds.Reasons}} {
		g := ScoreGroup{Title: kinds.title}
		for _, c := range kinds.tally.Counts() {
			g.Scores = append(g.Scores, Score{Name: Plain(c.Name), Value: Number(c.N)})
		}
		if len(g.Scores) > 0 {
			*kinds.into = append(*kinds.into, g)
		}
	}
	// "5/8" before "6/8": a histogram is in the order of its axis.
	votes := card.Answers.Votes.Counts()
	top := func(c measure.Count) int {
		n, _, _ := strings.Cut(c.Name, "/")
		size, _ := strconv.Atoi(n)
		return size
	}
	slices.SortStableFunc(votes, func(a, b measure.Count) int { return cmp.Compare(top(a), top(b)) })
	for i := range votes {
		votes[i].Name = strings.Replace(votes[i].Name, "/", " of ", 1)
	}
	out.Votes, out.Labels = barsOf(votes), barsOf(card.Answers.Labels.Counts())
	return out
}

func barsOf(counts []measure.Count) []Bar {
	most := 0
	for _, c := range counts {
		most = max(most, c.N)
	}
	var out []Bar
	for _, c := range counts {
		out = append(out, Bar{Label: c.Name, Count: c.N, Share: float64(c.N) / float64(most)})
	}
	return out
}

// Share is a share in percent: "96 %".
func Share(s measure.Share) string {
	v, ok := s.Value()
	if !ok {
		return "–"
	}
	return strconv.Itoa(int(v*100+.5)) + " %"
}
