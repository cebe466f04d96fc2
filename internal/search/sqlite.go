package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"modernc.org/sqlite"
)

// sqliteEngine finds words by FTS5.
type sqliteEngine struct{}

func (sqliteEngine) empty() string   { return empty }
func (sqliteEngine) numbers() string { return `(SELECT value FROM json_each($1))` }
func (sqliteEngine) strings() string { return `(SELECT value FROM json_each($1))` }

// hits are the seeds that match.
func (sqliteEngine) hits(ctx context.Context, tx *sql.Tx, q query) (bits, error) {
	var data []byte
	if err := tx.QueryRowContext(ctx, `SELECT `+collect+`(rowid) FROM found WHERE found MATCH $1`, match(q)).Scan(&data); err != nil {
		return nil, err
	}
	set := make(bits, len(data)/8)
	for i := range set {
		set[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	return set, nil
}

func (sqliteEngine) occurs(ctx context.Context, tx *sql.Tx, c clause) (bool, error) {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM found WHERE found MATCH $1 LIMIT 1`, anyOf([]clause{c})).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (sqliteEngine) rank(ctx context.Context, tx *sql.Tx, q query, among []int64) ([]scored, error) {
	text, args := `SELECT rowid, bm25(found, `+weights+`) FROM found WHERE found MATCH $1 LIMIT $2`, []any{match(q), ranked}
	if among != nil {
		list, err := json.Marshal(among)
		if err != nil {
			return nil, err
		}
		// The plus keeps the engine from asking the index once for each id.
		text = `SELECT rowid, bm25(found, ` + weights + `) FROM found WHERE found MATCH $1 AND +rowid IN (SELECT value FROM json_each($3)) LIMIT $2`
		args = append(args, string(list))
	}
	return scores(ctx, tx, text, args...)
}

// match is a query in the engine's words. All terms are quoted and have
// only letters, digits and marks, so nothing in them is syntax.
func match(q query) string {
	var b strings.Builder
	for i, c := range q.must {
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(anyOf([]clause{c}))
	}
	if len(q.must) > 0 && len(q.not) > 0 {
		b.WriteString(" NOT ")
	}
	if len(q.not) > 0 {
		b.WriteString(anyOf(q.not))
	}
	return b.String()
}

func anyOf(cs []clause) string {
	var b strings.Builder
	for _, c := range cs {
		for _, p := range c.any {
			if b.Len() > 0 {
				b.WriteString(" OR ")
			}
			b.WriteString(`"` + strings.Join(p.terms, " ") + `"`)
			if p.prefix {
				b.WriteString("*")
			}
		}
	}
	return "(" + b.String() + ")"
}

// collect is an SQL aggregate: the set of its arguments as a blob. Handing
// over a set at the end is three times faster than a row for each hit.
const collect = "seedbed_collect"

func init() {
	sqlite.MustRegisterFunction(collect, &sqlite.FunctionImpl{
		NArgs: 1,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) {
			return &collector{}, nil
		},
	})
}

type collector struct{ bits }

func (c *collector) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	n, ok := args[0].(int64)
	if !ok || n < 0 {
		return fmt.Errorf("%s wants row numbers, not %v", collect, args[0])
	}
	c.add(n)
	return nil
}

func (c *collector) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	return fmt.Errorf("%s is no window function", collect)
}

func (c *collector) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	out := make([]byte, 0, 8*len(c.bits))
	for _, w := range c.bits {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return out, nil
}

func (c *collector) Final(*sqlite.FunctionContext) {}

// flush writes what is gathered: seeds, texts, the vocabulary, and then, with nothing
// in between, the terms.
func (sqliteEngine) flush(ctx context.Context, b *batch) error {
	for _, id := range b.changed() {
		s := b.seeds[id]
		if err := b.exec(ctx, `INSERT INTO seeds(n, id, version, gone) VALUES($1, $2, $3, $4) ON CONFLICT(n) DO UPDATE SET version = excluded.version, gone = excluded.gone`,
			s.n, id, s.version, flag(s.gone)); err != nil {
			return err
		}
	}
	for n, text := range b.texts {
		if text == nil {
			continue
		}
		if err := b.exec(ctx, `INSERT INTO texts(n, question, answer, reasoning, evidence, title, section, tags) VALUES($1, $2, $3, $4, $5, $6, $7, $8)`,
			n, text[0], text[1], text[2], text[3], text[4], text[5], text[6]); err != nil {
			return err
		}
	}
	// In order, so that neighbours in the table are written together.
	for _, word := range slices.Sorted(maps.Keys(b.counts)) {
		n := b.counts[word]
		if n == 0 {
			continue
		}
		if err := b.exec(ctx, `INSERT INTO vocabulary(word, stem, n) VALUES($1, $2, $3) ON CONFLICT(word) DO UPDATE SET n = vocabulary.n + excluded.n`,
			word, b.stems[word], n); err != nil {
			return err
		}
		if n < 0 {
			if err := b.exec(ctx, `DELETE FROM vocabulary WHERE word = $1 AND n <= 0`, word); err != nil {
				return err
			}
		}
	}
	for _, f := range b.found {
		if f.had {
			if err := b.exec(ctx, `DELETE FROM found WHERE rowid = $1`, f.n); err != nil {
				return err
			}
		}
		if f.stems == nil {
			continue
		}
		if err := b.exec(ctx, `INSERT INTO found(rowid, question, answer, reasoning, evidence, title, section, tags) VALUES($1, $2, $3, $4, $5, $6, $7, $8)`,
			f.n, f.stems[0], f.stems[1], f.stems[2], f.stems[3], f.stems[4], f.stems[5], f.stems[6]); err != nil {
			return err
		}
	}
	return nil
}
