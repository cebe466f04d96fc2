package search

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"sync"
)

// A dictionary is the table words in memory: it only grows, until the index
// is emptied and the epoch with it changes.
type dictionary struct {
	epoch int64

	mu      sync.RWMutex
	entries []entry // by id; ids have no gaps to speak of
	known   map[fieldValue]uint32
}

type fieldValue struct{ field, value string }

type entry struct {
	field string
	value string
	set   []string // of a tag or check value
}

// dictionary brings the words in memory up to what tx sees.
func (t *tables) dictionary(ctx context.Context, tx *sql.Tx) (*dictionary, error) {
	t.words.Lock()
	defer t.words.Unlock()
	d, err := t.words.grown(ctx, tx)
	if err == nil {
		t.words.dictionary = d
	}
	return d, err
}

// grown is the dictionary with what tx sees, or a new one where d, which may
// be nil, is of another epoch.
func (d *dictionary) grown(ctx context.Context, tx *sql.Tx) (*dictionary, error) {
	var epoch int64
	if err := tx.QueryRowContext(ctx, `SELECT epoch FROM meta`).Scan(&epoch); err != nil {
		return nil, err
	}
	if d == nil || d.epoch != epoch {
		d = &dictionary{epoch: epoch, entries: make([]entry, 1), known: map[fieldValue]uint32{}}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, err := tx.QueryContext(ctx, `SELECT id, field, value FROM words WHERE id >= $1 ORDER BY id`, len(d.entries))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int
		var w entry
		if err := rows.Scan(&id, &w.field, &w.value); err != nil {
			return nil, err
		}
		if w.field == fieldNames[tagField] || w.field == fieldNames[checkField] {
			if err := json.Unmarshal([]byte(w.value), &w.set); err != nil {
				return nil, err
			}
		}
		for len(d.entries) < id {
			d.entries = append(d.entries, entry{})
		}
		d.entries = append(d.entries, w)
		d.known[fieldValue{w.field, w.value}] = uint32(id)
	}
	return d, rows.Err()
}

func (d *dictionary) size() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.entries)
}

func (d *dictionary) entry(id uint32) entry {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.entries[id]
}

// id is that of a value, 0 if it has none yet.
func (d *dictionary) id(v fieldValue) uint32 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[v]
}

// ids are the words of a field that are one of values, or for a set have one
// of them in it.
func (d *dictionary) ids(field string, values []string) bits {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := bits{}
	for id, w := range d.entries {
		if w.field != field {
			continue
		}
		if w.set == nil && slices.Contains(values, w.value) ||
			slices.ContainsFunc(w.set, func(v string) bool { return slices.Contains(values, v) }) {
			out.add(int64(id))
		}
	}
	return out
}
