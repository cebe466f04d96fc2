package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
)

// A Seed is a seed with its version, which grows with every change.
type Seed struct {
	extract.Seed
	Version    int64
	Collection string // its id
}

func scanSeed(row scanner) (Seed, error) {
	var s Seed
	err := row.Scan(&s.Version, &s.Collection, fromJSON{&s.Seed})
	return s, err
}

// Seed is one seed.
func (r reads) Seed(ctx context.Context, id string) (Seed, error) {
	s, err := scanSeed(r.q.QueryRowContext(ctx, `SELECT version, collection, body FROM seeds WHERE id = $1`, id))
	return s, found(err, "seed", id)
}

// SeedsByID are seeds by their ids. Those that are gone are left out.
func (r reads) SeedsByID(ctx context.Context, ids []string) (map[string]Seed, error) {
	return r.seedsByID(ctx, ids, "")
}

// HoldSeeds is SeedsByID of seeds that nobody else changes until the
// transaction ends.
func (tx *Tx) HoldSeeds(ctx context.Context, ids []string) (map[string]Seed, error) {
	return tx.seedsByID(ctx, ids, tx.q.locked("seeds"))
}

func (r reads) seedsByID(ctx context.Context, ids []string, held string) (map[string]Seed, error) {
	out := make(map[string]Seed, len(ids))
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := anys(padded(some))
		err := each(ctx, r.q, func(row scanner) error {
			s, err := scanSeed(row)
			out[s.ID] = s
			return err
		}, `SELECT version, collection, body FROM seeds WHERE id IN (`+marks(1, len(args))+`)`+held, args...)
		if err != nil {
			return nil, fmt.Errorf("load seeds: %w", err)
		}
	}
	return out, nil
}

// SeedsAfter lists seeds in the order of their ids: up to limit of those
// behind after.
func (r reads) SeedsAfter(ctx context.Context, after string, limit int) ([]Seed, error) {
	out, err := list(ctx, r.q, scanSeed, `SELECT version, collection, body FROM seeds WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list seeds: %w", err)
	}
	return out, nil
}

// addSeeds adds what was found in passages of a run, unless it is there, with
// what its duplicates are found by, and tells the index.
func (s *script) addSeeds(e *engine, run seedbed.Run, made []Outcome) {
	var rows [][]any
	var news []Pending
	bands := map[string][]uint64{}
	added := map[string]bool{}
	for _, o := range made {
		for i, seed := range o.Found {
			if added[seed.ID] {
				continue
			}
			added[seed.ID] = true
			row := append([]any{seed.ID, 1, run.CollectionID, run.Source, o.Ordinal, run.ID, i}, columns(seed)...)
			rows = append(rows, append(row, millis(seed.Created)))
			news = append(news, Pending{Seed: seed.ID, Version: 1})
			if keys := o.Bands[seed.ID]; len(keys) > 0 {
				bands[seed.ID] = keys
			}
		}
	}
	s.insert("add seeds of run "+run.ID, `seeds (id, version, collection, source, ordinal, run, place, verdict, type, origin, language, kind,
		difficulty, labels, question, words, duplicate_of, body, created)`, rows, `ON CONFLICT (id) DO NOTHING`)
	s.addBands(e, run.CollectionID, bands)
	s.tellIndex(news)
}

// AddSeed adds a seed that a person made, with the keys that its duplicates are
// found by, and begins its history. Ordinal is that of the passage it belongs
// to, -1 for none. It returns the seed as it is kept.
func (tx *Tx) AddSeed(ctx context.Context, collection string, ordinal int, seed extract.Seed, keys []uint64) (extract.Seed, error) {
	o := Outcome{Found: []extract.Seed{seed}, Bands: map[string][]uint64{seed.ID: keys}}
	o.Ordinal = ordinal
	if err := tx.level(ctx, []Outcome{o}); err != nil {
		return seed, err
	}
	seed = o.Found[0]
	var todo script
	todo.addSeeds(tx.q.engine, seedbed.Run{CollectionID: collection, Source: seed.Source.ID}, []Outcome{o})
	todo.keepRevision(seed.ID, 1, seedbed.ByPerson, seedbed.UserOf(ctx).Name, millis(tx.now()), []seedbed.FieldChange{})
	if err := todo.run(ctx, tx.q); err != nil {
		return seed, fmt.Errorf("add seed %s: %w", seed.ID, err)
	}
	return seed, nil
}

// columns are the columns from verdict to body.
func columns(s extract.Seed) []any {
	var labels strings.Builder
	labels.WriteByte('\n')
	for _, t := range s.Tags {
		fmt.Fprintf(&labels, "tag=%s\n", strings.ToLower(t))
	}
	for _, c := range s.Checks {
		fmt.Fprintf(&labels, "check=%s:%s\n", strings.ToLower(c.Name), c.Verdict)
	}
	words := append([]string{s.Question, s.Answer, s.Source.Title}, s.Reasoning...)
	words = append(words, s.Tags...)
	return []any{
		s.Verdict, s.Type, s.Origin, s.Language, s.Source.Kind, s.Difficulty.Estimated,
		labels.String(), s.Question, strings.ToLower(strings.Join(words, "\n")), duplicateOf(s), asJSON(s),
	}
}

// duplicateOf is a column: what a seed is a duplicate of, "" for none.
func duplicateOf(s extract.Seed) string {
	if s.DuplicateOf == nil {
		return ""
	}
	return *s.DuplicateOf
}

// SaveSeed stores a seed that somebody has changed, if it still has the version
// it was read in, with what was changed, and returns the new version. The error
// is [seedbed.Stale] otherwise.
func (tx *Tx) SaveSeed(ctx context.Context, before Seed, s extract.Seed, who string) (int64, error) {
	args := append([]any{s.ID, before.Version}, columns(s)...)
	n, err := tx.exec(ctx, `UPDATE seeds SET version = version + 1, verdict = $3, type = $4, origin = $5, language = $6, kind = $7,
		difficulty = $8, labels = $9, question = $10, words = $11, duplicate_of = $12, body = $13 WHERE id = $1 AND version = $2`, args...)
	if err != nil {
		return 0, fmt.Errorf("save seed %s: %w", s.ID, err)
	}
	if n == 0 {
		return 0, stale(s.ID)
	}
	version := before.Version + 1
	var todo script
	todo.addRevision(before, s, who, seedbed.UserOf(ctx).Name, millis(tx.now()))
	todo.tellIndex([]Pending{{Seed: s.ID, Version: version}})
	return version, todo.run(ctx, tx.q)
}

func stale(seed string) error {
	return seedbed.Errorf(seedbed.Stale, "seed %s was changed by somebody else since you read it: load it again", seed)
}

// Displace saves a seed that was rejected in favour of a duplicate, of which its
// own duplicates are duplicates from then on. No more are found by it, and its
// run and passage count it as rejected.
func (tx *Tx) Displace(ctx context.Context, before Seed, s extract.Seed) error {
	stored, err := tx.roots(ctx, []string{*s.DuplicateOf})
	if err != nil {
		return err
	}
	if root := stored[*s.DuplicateOf]; root != "" && root != s.ID { // else it is about to be added
		s.DuplicateOf = &root
	}
	if _, err := tx.SaveSeed(ctx, before, s, seedbed.ByDedupe); err != nil {
		return err
	}
	followers, err := tx.followers(ctx, []string{s.ID})
	if err != nil {
		return err
	}
	if err := tx.follow(ctx, followers, *s.DuplicateOf); err != nil {
		return err
	}
	var todo script
	todo.dropBands(before.Collection, s.ID, stage.Keys(s.Question))
	todo.add("count a seed as rejected", nil, `UPDATE run_passages SET code = CASE WHEN seeds = 1 THEN $3 ELSE code END,
		reason = CASE WHEN seeds = 1 THEN $4 ELSE reason END, seeds = seeds - 1, rejected = rejected + 1
		WHERE run = $1 AND ordinal = (SELECT ordinal FROM seeds WHERE id = $2)`, s.Run, s.ID, extract.AllRejected, "the last pair: "+s.VerdictReason)
	todo.add("count a seed as rejected", nil, `UPDATE runs SET seeds = seeds - 1, rejected = rejected + 1 WHERE id = $1`, s.Run)
	if err := todo.run(ctx, tx.q); err != nil {
		return fmt.Errorf("displace seed %s: %w", s.ID, err)
	}
	return nil
}

// DeleteSeed removes a seed if it still has that version, 0 for whatever it
// has now, and has the index forget it. Its run and passage do not count it
// any more, and of its duplicates the best stands for the others. The error is
// [seedbed.Stale] if it was changed since.
func (tx *Tx) DeleteSeed(ctx context.Context, id string, version int64) error {
	if err := tx.lockSeeds(ctx, []string{id}); err != nil {
		return err
	}
	held, err := tx.HoldSeeds(ctx, []string{id})
	if err != nil {
		return err
	}
	s, ok := held[id]
	switch {
	case !ok:
		return found(sql.ErrNoRows, "seed", id)
	case version != 0 && version != s.Version:
		return stale(id)
	}
	return tx.deleteSeeds(ctx, []Seed{s})
}

// DeleteSeeds is DeleteSeed of those of some seeds that a filter still chooses,
// whatever their versions, and returns how many they were. The filter's Query
// does not count: which seeds have its words the index has said.
func (tx *Tx) DeleteSeeds(ctx context.Context, ids []string, still seedbed.Filter) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	if err := tx.lockSeeds(ctx, ids); err != nil {
		return 0, err
	}
	still.Query = ""
	c := filter(still, "")
	c.in("id", padded(ids))
	seeds, err := list(ctx, tx.q, scanSeed, `SELECT version, collection, body FROM seeds`+c.sql()+` ORDER BY id`+tx.q.locked("seeds"), c.args...)
	if err != nil {
		return 0, fmt.Errorf("load seeds: %w", err)
	}
	return len(seeds), tx.deleteSeeds(ctx, seeds)
}

func (tx *Tx) deleteSeeds(ctx context.Context, seeds []Seed) error {
	ids := make([]string, len(seeds))
	for i, s := range seeds {
		ids[i] = s.ID
		kept, err := tx.asMade(ctx, s)
		if err != nil {
			return err
		}
		var todo script
		todo.dropBands(s.Collection, s.ID, stage.Keys(s.Question))
		todo.uncount(s, kept)
		todo.add("delete a seed", nil, `DELETE FROM history WHERE seed = $1`, s.ID)
		todo.add("delete a seed", nil, `DELETE FROM seeds WHERE id = $1`, s.ID)
		todo.tellIndex([]Pending{{Seed: s.ID, Version: s.Version + 1, Deleted: true}})
		if err := todo.run(ctx, tx.q); err != nil {
			return fmt.Errorf("delete seed %s: %w", s.ID, err)
		}
	}
	orphans, err := tx.followers(ctx, ids)
	if err != nil {
		return err
	}
	return tx.regroup(ctx, orphans)
}

// uncount takes a seed off the counts of its run and passage, where it was
// counted among the kept or among the rejected.
func (s *script) uncount(seed Seed, kept bool) {
	const what = "count a seed no more"
	const passage = ` WHERE run = $1 AND ordinal = (SELECT ordinal FROM seeds WHERE id = $2)`
	if !kept {
		s.add(what, nil, `UPDATE run_passages SET rejected = rejected - 1`+passage+` AND rejected > 0`, seed.Run, seed.ID)
		s.add(what, nil, `UPDATE runs SET rejected = rejected - 1 WHERE id = $1 AND rejected > 0`, seed.Run)
		return
	}
	s.add(what, nil, `UPDATE run_passages SET code = CASE WHEN seeds = 1 THEN $3 ELSE code END,
		reason = CASE WHEN seeds = 1 THEN $4 ELSE reason END, seeds = seeds - 1`+passage+` AND seeds > 0`,
		seed.Run, seed.ID, extract.AllRejected, "the last pair: deleted by hand")
	s.add(what, nil, `UPDATE runs SET seeds = seeds - 1 WHERE id = $1 AND seeds > 0`, seed.Run)
}

// Rekey has a seed found by its question if it is live, and no more by the one
// that it had before.
func (tx *Tx) Rekey(ctx context.Context, s Seed, before string) error {
	var todo script
	todo.dropBands(s.Collection, s.ID, stage.Keys(before))
	if s.Live() {
		todo.addBands(tx.q.engine, s.Collection, map[string][]uint64{s.ID: stage.Keys(s.Question)})
	}
	if err := todo.run(ctx, tx.q); err != nil {
		return fmt.Errorf("keep the question of seed %s: %w", s.ID, err)
	}
	return nil
}

// A key of a collection is told apart from another's by mixing its id in.
func bandOf(collection string, key uint64) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(collection))
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, key))
	return int64(h.Sum64())
}

// addBands adds the keys that duplicates of seeds are found by, given by the
// seeds' ids.
func (s *script) addBands(e *engine, collection string, keys map[string][]uint64) {
	ids := slices.Sorted(maps.Keys(keys))
	bandsOf := func(id string) []int64 {
		bands := make([]int64, len(keys[id]))
		for i, key := range keys[id] {
			bands[i] = bandOf(collection, key)
		}
		return bands
	}
	const what = "add bands of seeds"
	if e != postgres {
		for _, id := range ids {
			s.add(what, nil, `INSERT INTO bands (band, seed) SELECT k.value, s.n FROM seeds s, json_each($2) k WHERE s.id = $1
				ON CONFLICT (band, seed) DO NOTHING`, id, asJSON(bandsOf(id)))
		}
		return
	}
	if len(ids) == 0 {
		return
	}
	var bands, of []int64
	for i, id := range ids {
		for _, band := range bandsOf(id) {
			bands, of = append(bands, band), append(of, int64(i+1))
		}
	}
	s.add(what, nil, `WITH s AS MATERIALIZED (SELECT i.at, (SELECT n FROM seeds WHERE id = i.id) AS n FROM unnest($1::text[]) WITH ORDINALITY AS i (id, at))
		INSERT INTO bands (band, seed) SELECT k.band, s.n FROM unnest($2::bigint[], $3::bigint[]) AS k (band, at) JOIN s ON s.at = k.at
		ON CONFLICT (band, seed) DO NOTHING`, ids, bands, of)
}

// dropBands removes those keys of a seed.
func (s *script) dropBands(collection, seed string, keys []uint64) {
	if len(keys) == 0 {
		return
	}
	args := []any{seed}
	for _, key := range keys {
		args = append(args, bandOf(collection, key))
	}
	s.add("remove bands of a seed", nil, `DELETE FROM bands WHERE seed = (SELECT n FROM seeds WHERE id = $1) AND band IN (`+marks(2, len(keys))+`)`, args...)
}

// An Alike is a seed that may be a duplicate.
type Alike struct {
	N            int64 // grows with each seed that is added
	ID, Question string
}

// Alike are the seeds of a collection by the keys that they have of some.
// Of those under a key that many have, they are the newest.
func (r reads) Alike(ctx context.Context, collection string, keys []uint64) (map[uint64][]Alike, error) {
	out := map[uint64][]Alike{}
	for some := range slices.Chunk(keys, mostKeys) {
		query, args, scan := r.q.alike(out, collection, some)
		if err := each(ctx, r.q, scan, query, args...); err != nil {
			return nil, fmt.Errorf("look for duplicates: %w", err)
		}
	}
	return out, nil
}

// alike adds the lookup of [reads.Alike], whose answers go into out.
func (s *script) alike(e *engine, out map[uint64][]Alike, collection string, keys []uint64) {
	for some := range slices.Chunk(keys, mostKeys) {
		query, args, scan := e.alike(out, collection, some)
		s.add("look for duplicates", scan, query, args...)
	}
}

const (
	mostKeys = 500 // in one statement
	crowded  = 16  // seeds that are looked at under one key, the newest
)

func (e *engine) alike(out map[uint64][]Alike, collection string, keys []uint64) (query string, args []any, scan func(scanner) error) {
	of := make(map[int64]uint64, len(keys))
	seen := make([]int64, len(keys))
	for i, key := range keys {
		seen[i] = bandOf(collection, key)
		of[seen[i]] = key
	}
	scan = func(row scanner) error {
		var band int64
		var a Alike
		err := row.Scan(&band, &a.N, &a.ID, &a.Question)
		out[of[band]] = append(out[of[band]], a)
		return err
	}
	if e == postgres {
		// Left the choice, it reads all bands and all seeds where the tables
		// have grown since they were last analyzed.
		return `SELECT b.band, s.n, s.id, s.question FROM unnest($2::bigint[]) AS k (band)
			CROSS JOIN LATERAL (SELECT b.band, b.seed FROM bands b WHERE b.band = k.band ORDER BY b.seed DESC LIMIT ` + fmt.Sprint(crowded) + `) b
			CROSS JOIN LATERAL (SELECT s.n, s.id, s.question FROM seeds s WHERE s.n = b.seed AND s.collection = $1 OFFSET 0) s`,
			[]any{collection, seen}, scan
	}
	return `SELECT b.band, s.n, s.id, s.question FROM json_each($2) k CROSS JOIN bands b CROSS JOIN seeds s
		WHERE b.band = k.value AND b.seed >= coalesce((SELECT seed FROM bands WHERE band = k.value ORDER BY seed DESC LIMIT 1 OFFSET ` + fmt.Sprint(crowded-1) + `), 0)
			AND s.n = b.seed AND s.collection = $1`, []any{collection, asJSON(seen)}, scan
}

// conditions write a filter as SQL.
type conditions struct {
	where []string
	args  []any
}

// arg adds a parameter and returns its name.
func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = c.arg(v)
	}
	c.where = append(c.where, column+" IN ("+strings.Join(names, ",")+")")
}

// contains wants one of the values in a column, as they are written.
func (c *conditions) contains(column string, values ...string) {
	var any []string
	for _, v := range values {
		any = append(any, column+" LIKE "+c.arg("%"+escapeLike.Replace(v)+"%")+` ESCAPE '\'`)
	}
	if len(any) > 0 {
		c.where = append(c.where, "("+strings.Join(any, " OR ")+")")
	}
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// filter writes f, without the field named.
func filter(f seedbed.Filter, without string) *conditions {
	c := &conditions{where: []string{"1 = 1"}}
	for _, in := range []struct {
		column string
		values []string
	}{
		{"verdict", f.Verdict}, {"type", f.Type}, {"origin", f.Origin}, {"source", f.Source},
		{"run", f.Run}, {"language", f.Language}, {"kind", f.Kind},
	} {
		if in.column != without {
			c.in(in.column, in.values)
		}
	}
	if len(f.Collection) > 0 {
		named := &conditions{args: c.args}
		named.in("name", f.Collection)
		c.where, c.args = append(c.where, "collection IN (SELECT id FROM collections"+named.sql()+")"), named.args
	}
	if f.MinDifficulty > 0 {
		c.where = append(c.where, "difficulty >= "+c.arg(f.MinDifficulty))
	}
	if without != "tag" {
		var tags []string
		for _, t := range f.Tag {
			tags = append(tags, "\ntag="+strings.ToLower(t)+"\n")
		}
		c.contains("labels", tags...)
	}
	if f.Check != "" {
		name, verdict, ok := strings.Cut(f.Check, ":")
		if !ok {
			verdict = extract.Pass
		}
		c.contains("labels", "\ncheck="+strings.ToLower(name)+":"+verdict+"\n")
	}
	for _, word := range strings.Fields(strings.ToLower(f.Query)) {
		if not, ok := strings.CutPrefix(word, "-"); ok && not != "" {
			c.where = append(c.where, "words NOT LIKE "+c.arg("%"+escapeLike.Replace(not)+"%")+` ESCAPE '\'`)
			continue
		}
		if word = strings.Trim(word, `"`); word != "" {
			c.contains("words", word)
		}
	}
	return c
}

func (c *conditions) sql() string { return " WHERE " + strings.Join(c.where, " AND ") }

// pageOf is how many seeds of each page are loaded at once by Each.
const pageOf = 200

// Each calls do for every seed a filter chooses, in document order: source by
// source from the oldest on, and there as the text goes. Verdict nil is any.
// Nothing is locked and memory does not grow; a seed that is changed
// meanwhile comes as it was or as it is. A Query wants every one of its words
// to occur somewhere in the seed. Each ends with the first error of do.
func (r reads) Each(ctx context.Context, f seedbed.Filter, do func(extract.Seed) error) error {
	if f.Distinct {
		do = firsts(do)
	}
	type placed struct {
		source, run, id string
		ordinal, place  int
		seed            extract.Seed
	}
	var last placed
	last.ordinal = -1
	for {
		c := filter(f, "")
		after := fmt.Sprintf(" AND (source, ordinal, run, place, id) > (%s, %s, %s, %s, %s)",
			c.arg(last.source), c.arg(last.ordinal), c.arg(last.run), c.arg(last.place), c.arg(last.id))
		page, err := list(ctx, r.q, func(row scanner) (placed, error) {
			var p placed
			err := row.Scan(&p.source, &p.ordinal, &p.run, &p.place, &p.id, fromJSON{&p.seed})
			return p, err
		}, `SELECT source, ordinal, run, place, id, body FROM seeds`+c.sql()+after+
			fmt.Sprintf(` ORDER BY source, ordinal, run, place, id LIMIT %d`, pageOf), c.args...)
		if err != nil {
			return fmt.Errorf("list seeds: %w", err)
		}
		for _, p := range page {
			if err := do(p.seed); err != nil {
				return err
			}
		}
		if len(page) < pageOf {
			return nil
		}
		last = page[len(page)-1]
	}
}

// firsts passes on the first seed of each group of duplicates.
func firsts(do func(extract.Seed) error) func(extract.Seed) error {
	seen := map[string]bool{}
	return func(s extract.Seed) error {
		if seen[s.Group()] {
			return nil
		}
		seen[s.Group()] = true
		return do(s)
	}
}

// CountBySource lists the sources of the seeds that a filter chooses, in the
// order of [reads.Each]. It knows nothing of groups of duplicates.
func (r reads) CountBySource(ctx context.Context, f seedbed.Filter) ([]seedbed.SourceCount, error) {
	c := filter(f, "")
	out, err := list(ctx, r.q, func(row scanner) (seedbed.SourceCount, error) {
		var n seedbed.SourceCount
		err := row.Scan(&n.ID, &n.SHA256, &n.Seeds)
		return n, err
	}, `SELECT c.source, s.sha256, c.seeds FROM (SELECT source, count(*) AS seeds FROM seeds`+c.sql()+` GROUP BY source) c
		JOIN sources s ON s.id = c.source ORDER BY c.source`, c.args...)
	if err != nil {
		return nil, fmt.Errorf("count seeds by source: %w", err)
	}
	return out, nil
}

// Search finds seeds without the index, for when that is away: slower, by
// parts of words, without ranking or marks. Verdict nil is any.
func (r reads) Search(ctx context.Context, f seedbed.Filter) (seedbed.Results, error) {
	out := seedbed.Results{Hits: []seedbed.Hit{}, Facets: map[string][]seedbed.Facet{}}
	const group = "COALESCE(NULLIF(duplicate_of, ''), id)"
	counted := "*"
	if f.Distinct {
		counted = "DISTINCT " + group
	}
	c := filter(f, "")
	var err error
	if out.Total, err = r.number(ctx, `SELECT count(`+counted+`) FROM seeds`+c.sql(), c.args...); err != nil {
		return out, fmt.Errorf("count seeds: %w", err)
	}
	order := map[string]string{
		"oldest":     "created, id",
		"difficulty": "difficulty DESC, created DESC, id DESC",
		"source":     "source, ordinal, run, place, id",
	}[f.Sort]
	if order == "" {
		order = "created DESC, id DESC"
	}
	size := f.Size
	if size <= 0 {
		size = seedbed.DefaultPageSize
	}
	size = min(size, seedbed.MaxPageSize)
	from := `seeds` + c.sql()
	if f.Distinct {
		from = `(SELECT *, row_number() OVER (PARTITION BY ` + group + ` ORDER BY ` + order + `) AS nth FROM ` + from + `) numbered WHERE nth = 1`
	}
	seeds, err := list(ctx, r.q, scanSeed, `SELECT version, collection, body FROM `+from+
		fmt.Sprintf(` ORDER BY %s LIMIT %d OFFSET %d`, order, size, (max(f.Page, 1)-1)*size), c.args...)
	if err != nil {
		return out, fmt.Errorf("search seeds: %w", err)
	}
	for _, s := range seeds {
		out.Hits = append(out.Hits, seedbed.Hit{Seed: s.Seed})
	}
	for _, field := range []string{"verdict", "type", "origin", "source", "language", "kind"} {
		c := filter(f, field)
		facets, err := list(ctx, r.q, func(row scanner) (seedbed.Facet, error) {
			var f seedbed.Facet
			err := row.Scan(&f.Value, &f.Count)
			return f, err
		}, `SELECT `+field+`, count(*) FROM seeds`+c.sql()+` AND `+field+` <> '' GROUP BY `+field+` ORDER BY count(*) DESC, `+field+` LIMIT 100`, c.args...)
		if err != nil {
			return out, fmt.Errorf("count seeds by %s: %w", field, err)
		}
		out.Facets[field] = facets
	}
	return out, nil
}

// SeedCount is how many seeds there are.
func (r reads) SeedCount(ctx context.Context) (int, error) {
	n, err := r.number(ctx, `SELECT count(*) FROM seeds`)
	if err != nil {
		return 0, fmt.Errorf("count seeds: %w", err)
	}
	return n, nil
}

// Titles are the titles, or else the names, of sources by their ids.
func (r reads) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	out, err := byID[string](ctx, r.q, ids, `SELECT id, CASE WHEN title <> '' THEN title ELSE name END FROM sources WHERE id`)
	if err != nil {
		return nil, fmt.Errorf("load titles: %w", err)
	}
	return out, nil
}
