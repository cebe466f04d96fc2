package search

import (
	"encoding/binary"
	"math"
	"slices"
)

// The facets of a seed are a record of fixed size; the records of a block of
// seeds are kept together. Counting 100,000 seeds then means reading two
// hundred rows, not a hundred thousand.
const (
	blockSize  = 512 // seeds
	recordSize = 16 + 4*fields
)

// Fields of a record: facets first, in the order of Facets.
const (
	verdictField = iota
	typeField
	originField
	sourceField
	languageField
	tagField // a set
	kindField
	checkField // a set
	collectionField
	runField
	fields
)

var fieldNames = [fields]string{"verdict", "type", "origin", "source", "language", "tag", "kind", "check", "collection", "run"}

// A record is what a seed is filtered, counted and ordered by. Its values are
// ids of words; 0 is none.
type record struct {
	live       bool
	difficulty uint8
	position   uint32 // of its first quote in the document
	created    int64  // ms since 1970
	values     [fields]uint32
}

func (r record) put(data []byte) {
	data[0], data[1] = 0, r.difficulty
	if r.live {
		data[0] = 1
	}
	binary.LittleEndian.PutUint32(data[4:], r.position)
	binary.LittleEndian.PutUint64(data[8:], uint64(r.created))
	for i, v := range r.values {
		binary.LittleEndian.PutUint32(data[16+4*i:], v)
	}
}

func (r *record) get(data []byte) {
	r.live, r.difficulty = data[0] == 1, data[1]
	r.position = binary.LittleEndian.Uint32(data[4:])
	r.created = int64(binary.LittleEndian.Uint64(data[8:]))
	for i := range r.values {
		r.values[i] = binary.LittleEndian.Uint32(data[16+4*i:])
	}
}

func clamp[T uint8 | uint32](n int, most T) T {
	return T(min(max(n, 0), int(most)))
}

const (
	maxDifficulty = uint8(math.MaxUint8)
	maxPosition   = uint32(math.MaxInt32)
)

// bits is a set of numbers.
type bits []uint64

func (b bits) has(n int64) bool {
	i := n >> 6
	return i < int64(len(b)) && b[i]&(1<<(n&63)) != 0
}

func (b *bits) add(n int64) {
	i := int(n >> 6)
	if i >= len(*b) {
		*b = append(*b, make([]uint64, i+1-len(*b))...)
	}
	(*b)[i] |= 1 << (n & 63)
}

// blocks are the numbers of the blocks that have members of the set.
func (b bits) blocks() []int64 {
	const words = blockSize / 64
	out := []int64{}
	for i := 0; i < len(b); i += words {
		if slices.ContainsFunc(b[i:min(i+words, len(b))], func(w uint64) bool { return w != 0 }) {
			out = append(out, int64(i/words))
		}
	}
	return out
}
