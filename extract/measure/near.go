package measure

import (
	"context"

	"seedbed/extract/stage"
)

// near keeps the first questions only.
type near struct {
	*stage.Memory
	bytes int  // of the questions
	full  bool // some question was not kept
}

func (n *near) Add(ctx context.Context, id, question string, keys []uint64) error {
	if n.Len() >= maxCompared || n.bytes+len(question) > maxKept {
		n.full = true
		return nil
	}
	n.bytes += len(question)
	return n.Memory.Add(ctx, id, question, keys)
}
