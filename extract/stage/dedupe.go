package stage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"seedbed/extract"
)

// A Near keeps the questions of one collection where those that are alike
// can be found. What is added is seen by the next call.
type Near interface {
	// Candidates are the questions added under at least one of keys, the
	// oldest first. An implementation may pass over the older ones under a
	// key that many have.
	Candidates(ctx context.Context, keys []uint64) ([]Candidate, error)
	// Add keeps a question under its [Keys]. Adding an id again changes
	// nothing.
	Add(ctx context.Context, id, question string, keys []uint64) error
}

// A Yielding Near also has a say over the seeds whose questions it keeps: one
// may give way to a better duplicate.
type Yielding interface {
	Near
	// Yield asks the seeds with ids to give way to one that asks the same. If
	// each of them would by [Better], and nobody has decided about any, they
	// do, all of them: they are rejected, as [GiveWay] does it, and are no
	// candidates any more. Otherwise nothing changes and it reports false.
	Yield(ctx context.Context, ids []string, to extract.Seed) (bool, error)
}

// A Candidate is a question that may be a duplicate.
type Candidate struct {
	ID       string // of its seed
	Question string
}

// Dedupe rejects a question that was asked before, in nearly the same words:
// with a Jaccard similarity of 0.6 or more between their sets of three words
// in a row. Of several from one passage the better is kept, see [Better], and
// of those from two passages the one that came first: it was handed on. Only
// where Near is [Yielding] does that one give way to a better one, too.
//
// Two questions that differ in a number, a symbol, an identifier, a name or a
// negation are two, however much of the rest is the same: "Compute 3+4" and
// "Compute 3+5". So are short ones with another word in the place of one: the
// melting points of iron and of zinc. And so are long ones where the short
// sentence that asks has another word, or that are to be proved and have one
// anywhere. Answers do not count: who asks the same twice wants one answer.
//
// Candidates are found by their [Keys]: of questions at the threshold some
// ninety-eight in a hundred meet, of those at 0.7 all but a few in a thousand.
type Dedupe struct {
	Similarity float64 `yaml:"similarity"` // from which two questions are one, 0 is 0.6

	Near Near `yaml:"-"` // nil keeps them in memory

	once   sync.Once
	memory *Memory
}

// Name is "dedupe".
func (*Dedupe) Name() string { return dedupe }

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
	dedupe        = "dedupe" // its checks' name
	dedupeVersion = "3"
	alike         = 0.6
)

// Do checks the live seeds and adds those that pass.
func (d *Dedupe) Do(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	near := d.Near
	if near == nil {
		d.once.Do(func() { d.memory = NewMemory() })
		near = d.memory
	}
	ours := map[string]bool{}
	for _, i := range bestFirst(seeds) {
		s := &seeds[i]
		if !s.Live() {
			continue
		}
		q := read(s.Question)
		keys := q.keys()
		if keys == nil {
			s.Record(extract.Check{Name: dedupe, Verdict: extract.Skipped, Reason: "the question has no words", Version: dedupeVersion})
			continue
		}
		candidates, err := near.Candidates(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("look for questions like that of seed %s: %w", s.ID, err)
		}
		best, most := Candidate{}, 0.0
		var same []string
		open := true // whether all of them may give way
		for _, c := range candidates {
			if c.ID == s.ID {
				continue // the passage is done again
			}
			how := q.similarity(read(c.Question))
			if how > most {
				best, most = c, how
			}
			if how >= cmp.Or(d.Similarity, alike) {
				same = append(same, c.ID)
				open = open && !ours[c.ID]
			}
		}
		check := extract.Check{Name: dedupe, Verdict: extract.Pass, Score: 1 - most, Version: dedupeVersion}
		if len(same) > 0 {
			yielding, ok := near.(Yielding)
			if ok = ok && open; ok {
				if ok, err = yielding.Yield(ctx, same, *s); err != nil {
					return nil, fmt.Errorf("put seed %s in the place of %s: %w", s.ID, strings.Join(same, ", "), err)
				}
			}
			if !ok {
				s.DuplicateOf = &best.ID
				check.Verdict, check.Reason = extract.Fail, fmt.Sprintf("duplicate of %s: “%s”", best.ID, short(best.Question))
				s.Record(check)
				continue
			}
			check.Reason = "kept in place of " + strings.Join(same, ", ")
		}
		if err := near.Add(ctx, s.ID, s.Question, keys); err != nil {
			return nil, fmt.Errorf("keep the question of seed %s: %w", s.ID, err)
		}
		ours[s.ID] = true
		s.Record(check)
	}
	return seeds, nil
}

// bestFirst are the places of seeds, the better ones first.
func bestFirst(seeds []extract.Seed) []int {
	order := make([]int, len(seeds))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case Better(seeds[i], seeds[j]):
			return -1
		case Better(seeds[j], seeds[i]):
			return 1
		}
		return 0
	})
	return order
}

// Better reports whether a is to be kept rather than b if they ask the same:
// what the text itself states rather than what a model made of it, and then
// what passed more checks, less those that ended uncertain. Of equals none is
// better.
func Better(a, b extract.Seed) bool {
	if a, b := a.Origin == extract.Explicit, b.Origin == extract.Explicit; a != b {
		return a
	}
	return vouched(a) > vouched(b)
}

func vouched(s extract.Seed) (n int) {
	for _, c := range s.Checks {
		switch {
		case c.Name == dedupe: // says nothing of its quality
		case c.Verdict == extract.Pass:
			n++
		case c.Verdict == extract.Uncertain:
			n--
		}
	}
	return n
}

// GiveWay rejects a seed as a duplicate of a better one.
func GiveWay(s *extract.Seed, to extract.Seed) {
	why := "which passed more checks"
	if to.Origin != s.Origin && to.Origin == extract.Explicit {
		why = "which the text itself states"
	}
	s.DuplicateOf = &to.ID
	s.Record(extract.Check{Name: dedupe, Verdict: extract.Fail, Score: 1 - read(s.Question).similarity(read(to.Question)), Version: dedupeVersion,
		Reason: fmt.Sprintf("duplicate of %s, %s: “%s”", to.ID, why, short(to.Question))})
}

// A Memory is a Near in memory, safe for concurrent use. It takes some 150
// bytes a question beside the words.
type Memory struct {
	mu        sync.Mutex
	questions []Candidate
	ids       map[string]struct{}
	newest    []uint32       // by the first bits of a key: the number of the link added last, 0 is none
	links     [][]memoryLink // in blocks, so that growing moves none; numbered from 1
	count     uint32         // of links
}

// A memoryLink leads from a key of a question to the links added before under
// keys with the same first bits.
type memoryLink struct {
	key      uint32 // its first bits
	older    uint32 // the number of the link before, 0 is none
	question uint32
}

const (
	memoryBlock = 1 << 14 // links
	memoryLeast = 1 << 12 // length of newest at first
)

// NewMemory is a Memory with no questions.
func NewMemory() *Memory {
	return &Memory{ids: map[string]struct{}{}, newest: make([]uint32, memoryLeast)}
}

// A key that more questions than this share says little: the newest of them
// are enough. The first key is one question's own: its duplicates are not
// added.
const crowded = 16

// Len is how many questions there are.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.questions)
}

// Candidates implements [Near].
func (m *Memory) Candidates(_ context.Context, keys []uint64) ([]Candidate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []uint32
	for _, k := range keys {
		key, many := uint32(k>>32), 0
		for n := *m.head(key); n != 0 && many < crowded; {
			l := m.link(n)
			if l.key == key {
				found = append(found, l.question)
				many++
			}
			n = l.older
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	out := make([]Candidate, len(found))
	for i, n := range found {
		out[i] = m.questions[n]
	}
	return out, nil
}

// Add implements [Near].
func (m *Memory) Add(_ context.Context, id, question string, keys []uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.ids[id]; known {
		return nil
	}
	if uint64(m.count)+uint64(len(keys)) > math.MaxUint32 {
		return fmt.Errorf("there are %d questions already: no more are kept in memory", len(m.questions))
	}
	m.ids[id] = struct{}{}
	m.questions = append(m.questions, Candidate{id, question})
	for _, k := range keys {
		if m.count%memoryBlock == 0 {
			m.links = append(m.links, make([]memoryLink, memoryBlock))
		}
		if int(m.count) == len(m.newest) {
			m.grow()
		}
		m.count++
		*m.link(m.count) = memoryLink{key: uint32(k >> 32), question: uint32(len(m.questions) - 1)}
		m.join(m.count)
	}
	return nil
}

// grow doubles the chains.
func (m *Memory) grow() {
	m.newest = make([]uint32, 2*len(m.newest))
	for i := range m.count {
		m.join(i + 1)
	}
}

// join puts link n before those with the same first bits.
func (m *Memory) join(n uint32) {
	l := m.link(n)
	head := m.head(l.key)
	l.older, *head = *head, n
}

func (m *Memory) head(key uint32) *uint32 {
	return &m.newest[key>>(33-bits.Len(uint(len(m.newest))))]
}

func (m *Memory) link(n uint32) *memoryLink {
	return &m.links[(n-1)/memoryBlock][(n-1)%memoryBlock]
}
