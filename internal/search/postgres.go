package search

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"seedbed/internal/seedbed"
)

// Postgres is an [Index] in a schema of its own in a PostgreSQL database, for
// when there is one anyway. Any number of processes may use it.
//
// Words are tsvectors of our own terms, so that a word is what it is in the
// embedded index, in every script. Misspelled words are looked up as there
// too, in a vocabulary by their first letter: trigrams would need an
// extension that not every owner of a database may install, and miss most
// slips in words of four or five letters.
type Postgres struct {
	db *sql.DB
	tables
}

var _ Index = (*Postgres)(nil)

// postgresSchema is named for the version of the tables in it.
const postgresSchema = "seedbed_search_v3"

// postgresTables are those of [schema]. texts has what found has there: so
// its rows are long enough for the server to keep what is long in them
// elsewhere, and those of 30 seeds fit a page. A common word is in most
// seeds, whose rows are all read. The epoch begins with the clock, since
// tables may be dropped and made again while others keep what was in them.
const postgresTables = `
CREATE TABLE meta(epoch BIGINT NOT NULL);
INSERT INTO meta VALUES(extract(epoch FROM clock_timestamp()) * 1000);
CREATE TABLE seeds(n BIGINT PRIMARY KEY, id TEXT COLLATE "C" NOT NULL UNIQUE, version BIGINT NOT NULL, gone INTEGER NOT NULL);
CREATE TABLE texts(n BIGINT PRIMARY KEY, question TEXT, answer TEXT, reasoning TEXT, evidence TEXT, title TEXT, section TEXT, tags TEXT,
	words TSVECTOR NOT NULL);
ALTER TABLE texts ALTER words SET STORAGE EXTERNAL;
ALTER TABLE texts SET (toast_tuple_target = 256);
CREATE INDEX texts_words ON texts USING gin (words);
CREATE TABLE vocabulary(word TEXT COLLATE "C" PRIMARY KEY, stem TEXT COLLATE "C" NOT NULL, n BIGINT NOT NULL) WITH (fillfactor = 50);
CREATE TABLE blocks(b BIGINT PRIMARY KEY, version BIGINT NOT NULL, data BYTEA NOT NULL);
ALTER TABLE blocks ALTER data SET STORAGE EXTERNAL;
CREATE TABLE words(id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, field TEXT NOT NULL, value TEXT NOT NULL, label TEXT NOT NULL DEFAULT '', UNIQUE(field, value));
`

// OpenPostgres opens the index in a database, and makes it if it is not there.
// The pool stays the caller's.
func OpenPostgres(ctx context.Context, db *sql.DB) (*Postgres, error) {
	p := &Postgres{db: db, tables: tables{engine: postgresEngine{}}}
	err := p.write(ctx, func(*sql.Tx) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	return p, nil
}

// Close implements [Index].
func (p *Postgres) Close() error { return nil }

// write calls do in a transaction that no other process writes during. It
// makes the tables where they are not there.
func (p *Postgres) write(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('`+postgresSchema+`', 0))`); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRowContext(ctx, `SELECT to_regclass('`+postgresSchema+`.meta') IS NOT NULL`).Scan(&there); err != nil {
		return err
	}
	if !there {
		// What former versions of this program made nobody else reads.
		if _, err := tx.ExecContext(ctx, `DROP SCHEMA IF EXISTS seedbed_search_v1, seedbed_search_v2 CASCADE; CREATE SCHEMA IF NOT EXISTS `+postgresSchema); err != nil {
			return err
		}
	}
	if err := enter(ctx, tx); err != nil {
		return err
	}
	if !there {
		if _, err := tx.ExecContext(ctx, postgresTables); err != nil {
			return err
		}
	}
	if err := do(tx); err != nil {
		return lost(err)
	}
	return tx.Commit()
}

// enter makes our tables the ones that names stand for.
func enter(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SET LOCAL search_path TO `+postgresSchema)
	return err
}

// read calls do with a transaction whose statements all see the same state.
func (p *Postgres) read(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// Every statement has an index to go by. The planner, which does not know
	// how frequent the words of a query are, may think that reading all rows,
	// or compiling the query, comes cheaper.
	if _, err := tx.ExecContext(ctx, `SET LOCAL search_path TO `+postgresSchema+`; SET LOCAL enable_seqscan TO off; SET LOCAL jit TO off`); err != nil {
		return err
	}
	return lost(do(tx))
}

// lost marks errors that say that a table or column of ours is not there.
func lost(err error) error {
	var said *pgconn.PgError
	if !errors.As(err, &said) || errors.Is(err, ErrDamaged) {
		return err
	}
	switch said.Code {
	case "42P01", "42703", "XX001", "XX002": // undefined table, undefined column, data corrupted, index corrupted
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Apply implements [Index].
func (p *Postgres) Apply(ctx context.Context, changes []Change) error {
	for batch := range slices.Chunk(changes, atOnce) {
		err := p.write(ctx, func(tx *sql.Tx) error {
			d, err := p.dictionary(ctx, tx)
			if err != nil {
				return err
			}
			return p.change(ctx, tx, d, batch)
		})
		if err != nil {
			return fmt.Errorf("apply %d changes to the search index: %w", len(changes), err)
		}
	}
	return nil
}

// Rebuild implements [Index]. It is one transaction: nobody reads what it
// writes before it ends.
func (p *Postgres) Rebuild(ctx context.Context, seeds iter.Seq2[Change, error]) error {
	again := func(tx *sql.Tx) error { return p.refill(ctx, tx, seeds) }
	err := p.write(ctx, again)
	if errors.Is(err, ErrDamaged) {
		if _, err = p.db.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+postgresSchema+` CASCADE`); err == nil {
			err = p.write(ctx, again)
		}
	}
	if err != nil {
		return fmt.Errorf("rebuild the search index: %w", err)
	}
	// What it is planned by changed with all rows.
	if _, err := p.db.ExecContext(ctx, `ANALYZE `+postgresSchema+`.texts`); err != nil {
		return fmt.Errorf("rebuild the search index: %w", err)
	}
	return nil
}

// Reset implements [Index].
func (p *Postgres) Reset(ctx context.Context) error {
	return p.Rebuild(ctx, func(func(Change, error) bool) {})
}

// Search implements [Index].
func (p *Postgres) Search(ctx context.Context, f seedbed.Filter) (page Page, err error) {
	err = p.read(ctx, func(tx *sql.Tx) (err error) {
		page, err = p.search(ctx, tx, f)
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("search: %w", err)
	}
	return page, nil
}

// Matches implements [Index].
func (p *Postgres) Matches(ctx context.Context, f seedbed.Filter) (ids []string, err error) {
	err = p.read(ctx, func(tx *sql.Tx) (err error) {
		ids, err = p.matches(ctx, tx, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return ids, nil
}

// Count implements [Index].
func (p *Postgres) Count(ctx context.Context) (n int, err error) {
	err = p.read(ctx, func(tx *sql.Tx) (err error) {
		n, err = countIn(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count the search index: %w", err)
	}
	return n, nil
}

// Versions implements [Index].
func (p *Postgres) Versions(ctx context.Context) iter.Seq2[Version, error] {
	return paged(func(after string) (page []Version, err error) {
		err = p.read(ctx, func(tx *sql.Tx) (err error) {
			page, err = versionsIn(ctx, tx, after)
			return err
		})
		return page, err
	})
}

// postgresEngine finds words by tsvectors.
type postgresEngine struct{}

func (postgresEngine) empty() string {
	return `DELETE FROM seeds; DELETE FROM texts; DELETE FROM vocabulary; DELETE FROM blocks; DELETE FROM words; UPDATE meta SET epoch = epoch + 1`
}

func (postgresEngine) numbers() string {
	return `(SELECT v::bigint FROM json_array_elements_text($1::text::json) v)`
}

func (postgresEngine) strings() string {
	return `(SELECT v FROM json_array_elements_text($1::text::json) v)`
}

func (postgresEngine) hits(ctx context.Context, tx *sql.Tx, q query) (bits, error) {
	// One value, each number eight bytes: a row for each hit takes longer.
	var list []byte
	err := tx.QueryRowContext(ctx, `SELECT string_agg(int8send(n), '') FROM texts WHERE words @@ $1::text::tsquery`, tsquery(q)).Scan(&list)
	if err != nil {
		return nil, err
	}
	set := bits{}
	for ; len(list) >= 8; list = list[8:] {
		set.add(int64(binary.BigEndian.Uint64(list)))
	}
	return set, nil
}

func (postgresEngine) occurs(ctx context.Context, tx *sql.Tx, c clause) (there bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM texts WHERE words @@ $1::text::tsquery)`, tsAnyOf([]clause{c})).Scan(&there)
	return there, err
}

// tsRanked is how many hits are put in order of relevance: for each of them
// the server has to unpack its words.
const tsRanked = 500

func (e postgresEngine) rank(ctx context.Context, tx *sql.Tx, q query, among []int64) ([]scored, error) {
	// The negative, for the best comes first.
	const score = `SELECT n, -ts_rank('{0.2, 0.3, 0.5, 1}', words, $2::text::tsquery) FROM texts WHERE `
	if among == nil {
		return scores(ctx, tx, score+`n IN (SELECT n FROM texts WHERE $1 = '' AND words @@ $2::text::tsquery ORDER BY n LIMIT $3)`, "", tsquery(q), tsRanked)
	}
	list, err := json.Marshal(among[:min(len(among), tsRanked)])
	if err != nil {
		return nil, err
	}
	return scores(ctx, tx, score+`n IN `+e.numbers(), string(list), tsquery(q))
}

// flush implements engine: a statement for each table.
func (postgresEngine) flush(ctx context.Context, b *batch) error {
	ids := b.changed()
	numbers, versions, gones := make([]int64, len(ids)), make([]int64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		s := b.seeds[id]
		numbers[i], versions[i], gones[i] = s.n, s.version, int64(flag(s.gone))
	}
	if err := b.exec(ctx, `INSERT INTO seeds(n, id, version, gone) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
		ON CONFLICT(n) DO UPDATE SET version = excluded.version, gone = excluded.gone`, numbers, ids, versions, gones); err != nil {
		return err
	}
	vectors := map[int64]string{} // of the seeds' last texts
	for _, f := range b.found {
		vectors[f.n] = tsvector(f.stems)
	}
	var ns []int64
	columns := make([][]string, len(Fields)+1)
	for _, n := range slices.Sorted(maps.Keys(b.texts)) {
		text := b.texts[n]
		if text == nil {
			continue
		}
		ns = append(ns, n)
		for i, s := range append(text, vectors[n]) {
			columns[i] = append(columns[i], s)
		}
	}
	if len(ns) > 0 {
		if err := b.exec(ctx, `INSERT INTO texts(n, question, answer, reasoning, evidence, title, section, tags, words)
			SELECT n, question, answer, reasoning, evidence, title, section, tags, words::tsvector
			FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
				AS u(n, question, answer, reasoning, evidence, title, section, tags, words)`,
			ns, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6], columns[7]); err != nil {
			return err
		}
		// Or every search reads through what waits for its place in the index.
		if err := b.exec(ctx, `SELECT gin_clean_pending_list('texts_words')`); err != nil {
			return err
		}
	}
	var words, stems []string
	var counts []int64
	for _, word := range slices.Sorted(maps.Keys(b.counts)) {
		if n := b.counts[word]; n != 0 {
			words, stems, counts = append(words, word), append(stems, b.stems[word]), append(counts, int64(n))
		}
	}
	if len(words) > 0 {
		if err := b.exec(ctx, `INSERT INTO vocabulary(word, stem, n) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
			ON CONFLICT(word) DO UPDATE SET n = vocabulary.n + excluded.n`, words, stems, counts); err != nil {
			return err
		}
		if slices.ContainsFunc(counts, func(n int64) bool { return n < 0 }) {
			if err := b.exec(ctx, `DELETE FROM vocabulary WHERE word = ANY($1::text[]) AND n <= 0`, words); err != nil {
				return err
			}
		}
	}
	return nil
}

// Limits of a tsvector.
const (
	tsPlaces = 255       // of one word
	tsLast   = 16_383    // place; words behind it stand there too
	tsBytes  = 900 << 10 // of all words
	tsApart  = 100       // places between two fields, which no phrase crosses
)

// fieldWeights are the weights of Fields, as a tsvector has four.
const fieldWeights = "ABDDCCC"

// tsvector writes the stems of the fields, with spaces between, as the server
// reads them. The words that come last give way where there are too many.
func tsvector(fields []string) string {
	places := map[string][]string{}
	var order []string
	size, at := 0, 0
	for i, line := range fields {
		for _, stem := range strings.Fields(line) {
			at++
			had := places[stem]
			if len(had) >= tsPlaces {
				continue
			}
			if had == nil {
				if size += len(stem) + 8; size > tsBytes {
					continue
				}
				order = append(order, stem)
			}
			size += 2
			places[stem] = append(had, strconv.Itoa(min(at, tsLast))+fieldWeights[i:i+1])
		}
		at += tsApart
	}
	var b strings.Builder
	for _, stem := range order {
		b.WriteString(tsQuote(stem))
		b.WriteByte(':')
		b.WriteString(strings.Join(places[stem], ","))
		b.WriteByte(' ')
	}
	return b.String()
}

// tsQuote writes a term so that nothing in it is syntax.
func tsQuote(term string) string { return `'` + tsEscape.Replace(term) + `'` }

var tsEscape = strings.NewReplacer(`'`, `''`, `\`, `\\`)

// tsquery is a query as the server reads it.
func tsquery(q query) string {
	var all []string
	for _, c := range q.must {
		all = append(all, tsAnyOf([]clause{c}))
	}
	switch {
	case len(q.must) == 0:
		return tsAnyOf(q.not)
	case len(q.not) > 0:
		all = append(all, "!"+tsAnyOf(q.not))
	}
	return strings.Join(all, " & ")
}

func tsAnyOf(cs []clause) string {
	var any []string
	for _, c := range cs {
		for _, p := range c.any {
			terms := make([]string, len(p.terms))
			for i, t := range p.terms {
				terms[i] = tsQuote(t)
			}
			if p.prefix {
				terms[len(terms)-1] += ":*"
			}
			any = append(any, "("+strings.Join(terms, " <-> ")+")")
		}
	}
	return "(" + strings.Join(any, " | ") + ")"
}
