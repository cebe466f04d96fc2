package search

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// atOnce is how many changes make one transaction.
const atOnce = 1000

// Apply implements [Index].
func (e *Embedded) Apply(ctx context.Context, changes []Change) error {
	done, err := e.use()
	if err != nil {
		return err
	}
	defer done()
	for batch := range slices.Chunk(changes, atOnce) {
		if err := e.apply(ctx, batch); err != nil {
			return fmt.Errorf("apply %d changes to the search index: %w", len(changes), marked(err))
		}
	}
	return nil
}

func (e *Embedded) apply(ctx context.Context, changes []Change) error {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	d, err := e.dictionary(ctx, tx)
	if err != nil {
		return err
	}
	if err := e.change(ctx, tx, d, changes); err != nil {
		return err
	}
	return tx.Commit()
}

// change takes over changes in a transaction.
func (t *tables) change(ctx context.Context, tx *sql.Tx, d *dictionary, changes []Change) error {
	b := newBatch(t.engine, tx, d)
	defer b.close()
	if err := b.load(ctx, changes); err != nil {
		return err
	}
	for _, c := range changes {
		if c.ID == "" {
			return seedbed.Errorf(seedbed.Invalid, "a change has no seed id")
		}
		if err := b.change(ctx, c); err != nil {
			return fmt.Errorf("seed %s version %d: %w", c.ID, c.Version, err)
		}
	}
	return b.flush(ctx)
}

// Rebuild implements [Index]. It is one transaction, which other processes
// that write wait for, and readers do not notice.
func (e *Embedded) Rebuild(ctx context.Context, seeds iter.Seq2[Change, error]) error {
	err := e.rebuild(ctx, seeds)
	if errors.Is(marked(err), ErrDamaged) {
		if err = e.Reset(ctx); err == nil {
			err = e.rebuild(ctx, seeds)
		}
	}
	if err != nil {
		return fmt.Errorf("rebuild the search index: %w", marked(err))
	}
	return nil
}

func (e *Embedded) rebuild(ctx context.Context, seeds iter.Seq2[Change, error]) error {
	done, err := e.use()
	if err != nil {
		return err
	}
	defer done()
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := e.refill(ctx, tx, seeds); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	// The log has grown by the whole index; if somebody reads just now, it is
	// taken over later.
	_, _ = e.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return nil
}

// refill puts seeds in the place of all there is.
func (t *tables) refill(ctx context.Context, tx *sql.Tx, seeds iter.Seq2[Change, error]) error {
	if _, err := tx.ExecContext(ctx, t.engine.empty()); err != nil {
		return err
	}
	var d *dictionary // of its own: searches go on with the words there were
	for batch, err := range batches(seeds, atOnce) {
		if err != nil {
			return err
		}
		if d, err = d.grown(ctx, tx); err != nil {
			return err
		}
		if err := t.change(ctx, tx, d, batch); err != nil {
			return err
		}
	}
	return nil
}

// batches collects up to size changes at a time. An error comes with none.
func batches(seeds iter.Seq2[Change, error], size int) iter.Seq2[[]Change, error] {
	return func(yield func([]Change, error) bool) {
		batch := make([]Change, 0, size)
		for c, err := range seeds {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, c); len(batch) == size {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// A batch is the changes of one transaction. Which seeds there are is asked
// once; seeds, texts, blocks and word counts are gathered and written once,
// and then, with no other statement in between, the engine's index: SQLite
// opens a savepoint for some statements, and for each savepoint the engine
// writes out what it has gathered, which makes indexing several times slower.
type batch struct {
	engine engine
	tx     *sql.Tx
	words  *dictionary
	new    map[fieldValue]uint32 // words that are not in the dictionary yet
	labels map[uint32]string     // titles by the source's word
	counts map[string]int        // changes to the vocabulary
	stems  map[string]string
	blocks map[int64][]byte
	seeds  map[string]indexed // that are in the index, by id
	last   int64              // number of a seed
	texts  map[int64][]string // that changed, by field; nil is gone
	found  []foundChange
	stmts  map[string]*sql.Stmt
}

// An indexed seed is number n in the tables.
type indexed struct {
	n, version int64
	gone       bool
	changed    bool // by the batch
}

// A foundChange exchanges the terms of seed n.
type foundChange struct {
	n     int64
	had   bool
	stems []string // by field, nil removes them
}

func newBatch(e engine, tx *sql.Tx, d *dictionary) *batch {
	return &batch{
		engine: e, tx: tx, words: d,
		new: map[fieldValue]uint32{}, labels: map[uint32]string{}, counts: map[string]int{},
		stems: map[string]string{}, blocks: map[int64][]byte{}, stmts: map[string]*sql.Stmt{},
		seeds: map[string]indexed{}, texts: map[int64][]string{},
	}
}

func (b *batch) close() {
	for _, s := range b.stmts {
		_ = s.Close()
	}
}

// stmt prepares a statement once a batch.
func (b *batch) stmt(ctx context.Context, q string) (*sql.Stmt, error) {
	if s, ok := b.stmts[q]; ok {
		return s, nil
	}
	s, err := b.tx.PrepareContext(ctx, q)
	if err == nil {
		b.stmts[q] = s
	}
	return s, err
}

func (b *batch) exec(ctx context.Context, q string, args ...any) error {
	s, err := b.stmt(ctx, q) //nolint:sqlclosecheck // kept for the next row, closed by close
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx, args...)
	return err
}

// get scans the only row of q. No row is sql.ErrNoRows.
func (b *batch) get(ctx context.Context, q string, args []any, dest ...any) error {
	s, err := b.stmt(ctx, q) //nolint:sqlclosecheck // kept for the next row, closed by close
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(dest...)
}

// load finds which of the seeds are in the index.
func (b *batch) load(ctx context.Context, changes []Change) error {
	if err := b.tx.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM seeds`).Scan(&b.last); err != nil {
		return err
	}
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rows, err := b.tx.QueryContext(ctx, `SELECT id, n, version, gone FROM seeds WHERE id IN `+b.engine.strings(), string(list))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var s indexed
		if err := rows.Scan(&id, &s.n, &s.version, &s.gone); err != nil {
			return err
		}
		b.seeds[id] = s
	}
	return rows.Err()
}

func (b *batch) change(ctx context.Context, c Change) error {
	s, known := b.seeds[c.ID]
	if known && (s.version > c.Version || s.version == c.Version && (c.Seed != nil || s.gone)) {
		return nil
	}
	n, live := s.n, known && !s.gone
	if !known {
		b.last++
		n = b.last
	}
	b.seeds[c.ID] = indexed{n: n, version: c.Version, gone: c.Seed == nil, changed: true}
	if c.Seed == nil {
		if !live {
			return nil
		}
		if err := b.setText(ctx, n, true, nil); err != nil {
			return err
		}
		return b.setRecord(ctx, n, record{})
	}
	if err := b.setText(ctx, n, live, texts(c.Seed)); err != nil {
		return err
	}
	r, err := b.record(ctx, c)
	if err != nil {
		return err
	}
	return b.setRecord(ctx, n, r)
}

// texts are the searched fields of a seed, in the order of Fields.
func texts(s *extract.Seed) []string {
	quotes := make([]string, len(s.Evidence))
	for i, e := range s.Evidence {
		quotes[i] = e.Quote
	}
	out := []string{
		s.Question, s.Answer, strings.Join(s.Reasoning, "\n"), strings.Join(quotes, "\n"),
		s.Source.Title, strings.Join(s.Source.Section, " › "), strings.Join(s.Tags, "\n"),
	}
	for i := range out {
		out[i] = plain(out[i])
	}
	return out
}

// plain is a text that every database takes.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// setText exchanges what is searched of seed n; nil removes it. Most changes
// are verdicts and change no word: they end here.
func (b *batch) setText(ctx context.Context, n int64, had bool, now []string) error {
	if had {
		old := b.texts[n]
		if old == nil {
			old = make([]string, len(Fields))
			if err := b.get(ctx, `SELECT question, answer, reasoning, evidence, title, section, tags FROM texts WHERE n = $1`, []any{n},
				&old[0], &old[1], &old[2], &old[3], &old[4], &old[5], &old[6]); err != nil {
				return err
			}
		}
		if slices.Equal(old, now) {
			return nil
		}
		b.analyze(old, -1)
		if err := b.exec(ctx, `DELETE FROM texts WHERE n = $1`, n); err != nil {
			return err
		}
	}
	b.texts[n] = now
	if now == nil {
		b.found = append(b.found, foundChange{n: n, had: true})
		return nil
	}
	b.found = append(b.found, foundChange{n: n, had: had, stems: b.analyze(now, 1)})
	return nil
}

// analyze turns fields into terms with spaces between them, and counts each
// word once, add times.
func (b *batch) analyze(fields []string, add int) []string {
	out := make([]string, len(fields))
	seen := map[string]bool{}
	for i, text := range fields {
		var line strings.Builder
		line.Grow(len(text))
		for _, t := range terms(text) {
			line.WriteString(t.stem)
			line.WriteByte(' ')
			if correctable(t) && !seen[t.word] {
				seen[t.word] = true
				b.counts[t.word] += add
				b.stems[t.word] = t.stem
			}
		}
		out[i] = line.String()
	}
	return out
}

func (b *batch) record(ctx context.Context, c Change) (record, error) {
	s := c.Seed
	r := record{
		live:       true,
		difficulty: clamp(s.Difficulty.Estimated, maxDifficulty),
		created:    s.Created.UnixMilli(),
		group:      groupNumber(s),
	}
	if len(s.Evidence) > 0 {
		r.position = clamp(s.Evidence[0].Start, maxPosition)
	}
	checks := make([]string, len(s.Checks))
	for i, c := range s.Checks {
		checks[i] = c.Name + ":" + c.Verdict
	}
	for i, v := range [fields]string{
		verdictField:    s.Verdict,
		typeField:       s.Type,
		originField:     s.Origin,
		sourceField:     s.Source.ID,
		languageField:   s.Language,
		tagField:        set(s.Tags),
		kindField:       s.Source.Kind,
		checkField:      set(checks),
		collectionField: c.Collection,
		runField:        s.Run,
	} {
		id, err := b.word(ctx, fieldValue{fieldNames[i], plain(v)})
		if err != nil {
			return record{}, err
		}
		r.values[i] = id
	}
	if id := r.values[sourceField]; id != 0 {
		b.labels[id] = s.Source.Title
	}
	return r, nil
}

// groupNumber tells groups of duplicates apart.
func groupNumber(s *extract.Seed) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Group()))
	return h.Sum64()
}

// set is a list of values as one value: the same values give the same set.
func set(values []string) string {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	if len(values) == 0 {
		return ""
	}
	data, err := json.Marshal(values)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return string(data)
}

// word is the id of a value, 0 for none.
func (b *batch) word(ctx context.Context, v fieldValue) (uint32, error) {
	if v.value == "" {
		return 0, nil
	}
	if id := b.words.id(v); id != 0 {
		return id, nil
	}
	if id := b.new[v]; id != 0 {
		return id, nil
	}
	var id uint32
	if err := b.get(ctx, `INSERT INTO words(field, value) VALUES($1, $2) RETURNING id`, []any{v.field, v.value}, &id); err != nil {
		return 0, err
	}
	b.new[v] = id
	return id, nil
}

func (b *batch) setRecord(ctx context.Context, n int64, r record) error {
	block := b.blocks[n/blockSize]
	if block == nil {
		err := b.get(ctx, `SELECT data FROM blocks WHERE b = $1`, []any{n / blockSize}, &block)
		if errors.Is(err, sql.ErrNoRows) {
			block, err = make([]byte, blockSize*recordSize), nil
		}
		if err != nil {
			return err
		}
		b.blocks[n/blockSize] = block
	}
	r.put(block[n%blockSize*recordSize:])
	return nil
}

// changed are the ids of the seeds that the batch changed, by their numbers.
func (b *batch) changed() []string {
	var ids []string
	for id, s := range b.seeds {
		if s.changed {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y string) int { return cmp.Compare(b.seeds[x].n, b.seeds[y].n) })
	return ids
}

func (b *batch) flush(ctx context.Context) error {
	for n, data := range b.blocks {
		if err := b.exec(ctx, `INSERT INTO blocks(b, version, data) VALUES($1, 1, $2) ON CONFLICT(b) DO UPDATE SET version = blocks.version + 1, data = excluded.data`, n, data); err != nil {
			return err
		}
	}
	for id, label := range b.labels {
		if err := b.exec(ctx, `UPDATE words SET label = $1 WHERE id = $2 AND label <> $1`, label, id); err != nil {
			return err
		}
	}
	return b.engine.flush(ctx, b)
}
