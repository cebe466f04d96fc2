package measure

import (
	"context"
	"slices"

	"seedbed/extract/stage"
)

// near is a [stage.Near] that keeps the first questions only, and those in a
// third of the memory that [stage.Memory] takes: a key leads to a chain of
// links in one slice.
type near struct {
	questions []stage.Candidate
	newest    map[uint64]int32 // by key: the link of the question added last
	links     []link
	bytes     int  // of the questions
	full      bool // some question was not kept
}

type link struct {
	question int32
	older    int32 // link, −1 at the end
}

// A key that more questions than this share says nothing, see [stage.Memory].
const crowded = 64

func (n *near) Candidates(_ context.Context, keys []uint64) ([]stage.Candidate, error) {
	var found []int32
	for _, k := range keys {
		at, known := n.newest[k]
		for i := 0; known && at >= 0 && i < crowded; i++ {
			found = append(found, n.links[at].question)
			at = n.links[at].older
		}
	}
	slices.Sort(found)
	var out []stage.Candidate
	for _, i := range slices.Compact(found) {
		out = append(out, n.questions[i])
	}
	return out, nil
}

func (n *near) Add(_ context.Context, id, question string, keys []uint64) error {
	if len(n.questions) >= maxCompared || n.bytes+len(question) > maxKept {
		n.full = true
		return nil
	}
	n.bytes += len(question)
	n.questions = append(n.questions, stage.Candidate{ID: id, Question: question})
	for _, k := range keys {
		older, known := n.newest[k]
		if !known {
			older = -1
		}
		n.newest[k] = int32(len(n.links))
		n.links = append(n.links, link{int32(len(n.questions) - 1), older})
	}
	return nil
}
