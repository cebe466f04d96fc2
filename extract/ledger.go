package extract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Outcomes of a passage.
const (
	GaveSeeds   = "seeds"
	NothingMade = "nothing to ask"
	AllRejected = "all rejected"
	ScreenedOut = "screened out"
	FailedOut   = "failed"
	NotYet      = "open" // the run is not through with it
)

// An Entry of the coverage ledger says what became of one passage: it gave
// seeds, or there is a reason why not.
type Entry struct {
	Passage  string   `json:"passage"`
	Section  []string `json:"section"`
	Start    int      `json:"start"` // in the document's text, in code points
	End      int      `json:"end"`
	Tokens   int      `json:"tokens"`
	Outcome  string   `json:"outcome"`
	Reason   string   `json:"reason,omitempty"`
	Seeds    int      `json:"seeds"`
	Rejected int      `json:"rejected"`
	Note     string   `json:"note,omitempty"` // what else stages said of it
}

// Entry is the result's line in the coverage ledger.
func (r Result) Entry() Entry {
	e := Entry{Passage: r.Passage.ID, Note: strings.Join(r.Notes, "; "), Section: or(r.Passage.Path, []string{}), Start: r.Passage.Start, End: r.Passage.End, Tokens: r.Passage.Tokens}
	var skip Skip
	switch {
	case errors.As(r.Err, &skip):
		e.Outcome, e.Reason = ScreenedOut, string(skip)
	case r.Err != nil:
		e.Outcome, e.Reason = FailedOut, r.Err.Error()
	default:
		e.Outcome, e.Reason, e.Seeds, e.Rejected = Made(r.Seeds)
	}
	return e
}

// Made is the outcome of a passage from which these seeds were made.
func Made(seeds []Seed) (outcome, reason string, live, rejected int) {
	first := ""
	for i := range seeds {
		if seeds[i].Live() {
			live++
			continue
		}
		if rejected++; first == "" {
			first = seeds[i].VerdictReason
		}
	}
	switch {
	case live > 0:
		return GaveSeeds, "", live, rejected
	case rejected == 0:
		return NothingMade, "", 0, 0
	case rejected == 1:
		return AllRejected, "its one pair: " + first, 0, 1
	}
	return AllRejected, fmt.Sprintf("%d pairs, the first: %s", rejected, first), 0, rejected
}

// A Coverage is the part of the ledger that one section has.
type Coverage struct {
	Section  []string  `json:"section"`
	Passages int       `json:"passages"`
	Covered  int       `json:"covered"` // passages that gave seeds
	Open     int       `json:"open"`    // that are not done yet
	Seeds    int       `json:"seeds"`
	Rejected int       `json:"rejected"`
	Tokens   int       `json:"tokens"`
	Start    int       `json:"start"` // where it begins, in code points
	End      int       `json:"end"`
	Without  []Without `json:"without"`         // why the other passages gave none, the most frequent reason first
	Notes    []string  `json:"notes,omitempty"` // what else was said of its passages
}

// Without counts the passages of a section that gave no seed for one reason.
type Without struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Count   int    `json:"count"`
}

// Why is the outcome with its reason.
func (w Without) Why() string {
	if w.Reason == "" {
		return w.Outcome
	}
	return w.Outcome + ": " + w.Reason
}

// Sections adds a ledger up by section, the headings down to a depth, in the
// order of the document.
func Sections(entries []Entry, depth int) []Coverage {
	out := []Coverage{}
	for _, e := range entries {
		section := e.Section[:min(depth, len(e.Section))]
		if n := len(out); n == 0 || !slices.Equal(out[n-1].Section, section) {
			out = append(out, Coverage{Section: section, Start: e.Start, Without: []Without{}})
		}
		c := &out[len(out)-1]
		c.Passages++
		c.Seeds += e.Seeds
		c.Rejected += e.Rejected
		c.Tokens += e.Tokens
		c.End = e.End
		if e.Note != "" && !slices.Contains(c.Notes, e.Note) {
			c.Notes = append(c.Notes, e.Note)
		}
		switch e.Outcome {
		case GaveSeeds:
			c.Covered++
		case NotYet:
			c.Open++
		default:
			i := slices.IndexFunc(c.Without, func(w Without) bool { return w.Outcome == e.Outcome && w.Reason == e.Reason })
			if i < 0 {
				i = len(c.Without)
				c.Without = append(c.Without, Without{Outcome: e.Outcome, Reason: e.Reason})
			}
			c.Without[i].Count++
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i].Without, func(a, b Without) int { return b.Count - a.Count })
	}
	return out
}
