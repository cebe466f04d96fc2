package search

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"sync"
)

// The facets of a seed are a record of fixed size; the records of a block of
// seeds are kept together. Counting 100,000 seeds then means reading two
// hundred rows, not a hundred thousand.
const (
	blockSize  = 512 // seeds
	recordSize = 24 + 4*fields
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
	group      uint64 // of duplicates
	values     [fields]uint32
}

func (r record) put(data []byte) {
	data[0], data[1] = 0, r.difficulty
	if r.live {
		data[0] = 1
	}
	binary.LittleEndian.PutUint32(data[4:], r.position)
	binary.LittleEndian.PutUint64(data[8:], uint64(r.created))
	binary.LittleEndian.PutUint64(data[16:], r.group)
	for i, v := range r.values {
		binary.LittleEndian.PutUint32(data[24+4*i:], v)
	}
}

func (r *record) get(data []byte) {
	r.live, r.difficulty = data[0] == 1, data[1]
	r.position = binary.LittleEndian.Uint32(data[4:])
	r.created = int64(binary.LittleEndian.Uint64(data[8:]))
	r.group = binary.LittleEndian.Uint64(data[16:])
	for i := range r.values {
		r.values[i] = binary.LittleEndian.Uint32(data[24+4*i:])
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

// cachedBlocks is how many blocks are kept in memory: 56 MB, of a million seeds.
const cachedBlocks = 2048

// A blockCache keeps blocks as they were read, for the next search to read
// only those that were written since.
type blockCache struct {
	mu     sync.Mutex
	epoch  int64
	blocks map[int64]cachedBlock
}

// A block's version counts its changes in an epoch.
type cachedBlock struct {
	version int64
	data    []byte // is not changed
}

// look finds a block as a transaction of an epoch sees it, nil if it is not
// kept so.
func (c *blockCache) look(epoch, b, version int64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if had := c.blocks[b]; c.epoch == epoch && had.version == version {
		return had.data
	}
	return nil
}

// keep keeps a newer block, if there is room.
func (c *blockCache) keep(epoch, b, version int64, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocks == nil || c.epoch != epoch {
		c.epoch, c.blocks = epoch, map[int64]cachedBlock{}
	}
	had, there := c.blocks[b]
	if had.version < version && (there || len(c.blocks) < cachedBlocks) {
		c.blocks[b] = cachedBlock{version, slices.Clone(data)}
	}
}

// eachBlock calls do with the blocks numbered, nil is all, the last first but
// for those that have to be read. What it is given is good until it returns.
func (t *tables) eachBlock(ctx context.Context, tx *sql.Tx, epoch int64, numbers []int64, do func(b int64, data []byte)) error {
	missing := []int64{}
	err := t.blockRows(ctx, tx, `b, version`, numbers, func(rows *sql.Rows) error {
		var b, version int64
		if err := rows.Scan(&b, &version); err != nil {
			return err
		}
		if data := t.blocks.look(epoch, b, version); data != nil {
			do(b, data)
		} else {
			missing = append(missing, b)
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	return t.blockRows(ctx, tx, `b, version, data`, missing, func(rows *sql.Rows) error {
		var b, version int64
		var data sql.RawBytes
		if err := rows.Scan(&b, &version, &data); err != nil {
			return err
		}
		do(b, data)
		t.blocks.keep(epoch, b, version, data)
		return nil
	})
}

func (t *tables) blockRows(ctx context.Context, tx *sql.Tx, columns string, numbers []int64, do func(*sql.Rows) error) error {
	where, args := "", []any(nil)
	if numbers != nil {
		list, err := json.Marshal(numbers)
		if err != nil {
			return err
		}
		where, args = ` WHERE b IN `+t.engine.numbers(), []any{string(list)}
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+` FROM blocks`+where+` ORDER BY b DESC`, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
