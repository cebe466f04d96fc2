package stage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"seedbed/extract"
)

// A Near keeps the questions of one collection where those that are alike
// can be found. What is added is seen by the next call.
type Near interface {
	// Candidates are the questions added under at least one of keys, the
	// oldest first. An implementation may leave some out where a key has
	// very many; it must not under the first key.
	Candidates(ctx context.Context, keys []uint64) ([]Candidate, error)
	// Add keeps a question under its [Keys]. Adding an id again changes
	// nothing.
	Add(ctx context.Context, id, question string, keys []uint64) error
}

// A Candidate is a question that may be a duplicate.
type Candidate struct {
	ID       string // of its seed
	Question string
}

// Dedupe rejects a question that was asked before, in nearly the same words:
// with a Jaccard similarity of 0.6 or more between their sets of three words
// in a row. Of several the first is kept.
//
// Two questions that differ in a number, a symbol, an identifier, a name or a
// negation are two, however much of the rest is the same: "Compute 3+4" and
// "Compute 3+5". Answers do not count: who asks the same twice wants one
// answer.
//
// Candidates are found by MinHash (Broder 1997) with 128 hashes in 18 bands
// of 7, so that questions at the threshold meet two times in five, those at
// 0.8 nearly always.
type Dedupe struct {
	Similarity float64 `yaml:"similarity"` // from which two questions are one, 0 is 0.6

	Near Near `yaml:"-"` // nil keeps them in memory

	once   sync.Once
	memory *Memory
}

// Name is "dedupe".
func (*Dedupe) Name() string { return "dedupe" }

func (d *Dedupe) check() error {
	if !(d.Similarity >= 0.4 && d.Similarity <= 1) {
		return fmt.Errorf("similarity is %g and has to be from 0.4 to 1: less alike questions are not found", d.Similarity)
	}
	return nil
}

// Serial has the passages judged in document order: which of two duplicates
// comes first must not depend on which is done first.
func (*Dedupe) Serial() {}

const (
	dedupeVersion = "1"
	alike         = 0.6
)

// Do checks the live seeds and adds those that pass.
func (d *Dedupe) Do(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	near := d.Near
	if near == nil {
		d.once.Do(func() { d.memory = NewMemory() })
		near = d.memory
	}
	for i := range seeds {
		s := &seeds[i]
		if !s.Live() {
			continue
		}
		q := read(s.Question)
		keys := q.keys()
		if keys == nil {
			s.Record(extract.Check{Name: "dedupe", Verdict: extract.Skipped, Reason: "the question has no words", Version: dedupeVersion})
			continue
		}
		candidates, err := near.Candidates(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("look for questions like that of seed %s: %w", s.ID, err)
		}
		best, most := Candidate{}, 0.0
		for _, c := range candidates {
			if c.ID == s.ID {
				continue // the passage is done again
			}
			if same := q.similarity(read(c.Question)); same > most {
				best, most = c, same
			}
		}
		if most >= cmp.Or(d.Similarity, alike) {
			s.DuplicateOf = &best.ID
			s.Record(extract.Check{Name: "dedupe", Verdict: extract.Fail, Score: 1 - most, Version: dedupeVersion,
				Reason: fmt.Sprintf("duplicate of %s: “%s”", best.ID, short(best.Question))})
			continue
		}
		if err := near.Add(ctx, s.ID, s.Question, keys); err != nil {
			return nil, fmt.Errorf("keep the question of seed %s: %w", s.ID, err)
		}
		s.Record(extract.Check{Name: "dedupe", Verdict: extract.Pass, Score: 1 - most, Version: dedupeVersion})
	}
	return seeds, nil
}

// A Memory is a Near in memory, safe for concurrent use.
type Memory struct {
	mu        sync.Mutex
	questions []Candidate
	ids       map[string]bool
	under     map[uint64][]int32 // questions by key
}

// NewMemory is a Memory with no questions.
func NewMemory() *Memory {
	return &Memory{ids: map[string]bool{}, under: map[uint64][]int32{}}
}

// A key that more questions than this share says nothing. The first key is
// one question's own: its duplicates are not added.
const crowded = 64

// Candidates implements [Near].
func (m *Memory) Candidates(_ context.Context, keys []uint64) ([]Candidate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []int32
	for _, k := range keys {
		found = append(found, m.under[k]...)
	}
	slices.Sort(found)
	var out []Candidate
	for _, i := range slices.Compact(found) {
		out = append(out, m.questions[i])
	}
	return out, nil
}

// Add implements [Near].
func (m *Memory) Add(_ context.Context, id, question string, keys []uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids[id] {
		return nil
	}
	m.ids[id] = true
	i := int32(len(m.questions))
	m.questions = append(m.questions, Candidate{id, question})
	for _, k := range keys {
		if len(m.under[k]) < crowded {
			m.under[k] = append(m.under[k], i)
		}
	}
	return nil
}
