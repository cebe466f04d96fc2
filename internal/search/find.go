package search

import (
	"cmp"
	"container/heap"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// ranked is how many of the hits are put in order of relevance, the oldest
// first. A query that finds more is too vague for the order to mean much, and
// ranking is what costs most.
const ranked = 5000

// Sort is the value of Filter.Sort.
const (
	byRelevance  = "relevance" // and newest without a query
	byNewest     = "newest"
	byOldest     = "oldest"
	byDifficulty = "difficulty" // hardest first
	bySource     = "source"     // by title, in the order of the document
)

// weights of Fields.
const weights = "10, 5, 2, 2, 3, 3, 4"

// Search implements [Index].
func (e *Embedded) Search(ctx context.Context, f seedbed.Filter) (Page, error) {
	done, err := e.use()
	if err != nil {
		return Page{}, err
	}
	defer done()
	tx, err := e.read.BeginTx(ctx, nil)
	if err != nil {
		return Page{}, fmt.Errorf("search: %w", marked(err))
	}
	defer func() { _ = tx.Rollback() }()
	page, err := e.search(ctx, tx, f)
	if err != nil {
		return Page{}, fmt.Errorf("search: %w", marked(err))
	}
	return page, nil
}

// choose looks up the words of a filter.
func (t *tables) choose(ctx context.Context, tx *sql.Tx, f seedbed.Filter) (query, *choice, error) {
	q := parse(f.Query)
	d, err := t.dictionary(ctx, tx)
	if err != nil {
		return q, nil, err
	}
	if err := expand(ctx, t.engine, tx, &q); err != nil {
		return q, nil, err
	}
	c := newChoice(f, d)
	c.tables = t
	if len(q.must) > 0 || len(q.not) > 0 {
		c.inverse = len(q.must) == 0
		c.hits, err = t.engine.hits(ctx, tx, q)
	}
	return q, c, err
}

// Matches implements [Index].
func (e *Embedded) Matches(ctx context.Context, f seedbed.Filter) ([]string, error) {
	done, err := e.use()
	if err != nil {
		return nil, err
	}
	defer done()
	tx, err := e.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("search: %w", marked(err))
	}
	defer func() { _ = tx.Rollback() }()
	ids, err := e.matches(ctx, tx, f)
	if err != nil {
		return nil, fmt.Errorf("search: %w", marked(err))
	}
	return ids, nil
}

// matches goes through the records once, and once through the ids.
func (t *tables) matches(ctx context.Context, tx *sql.Tx, f seedbed.Filter) ([]string, error) {
	if !f.Distinct {
		f.Sort = byOldest // as good as any, and no ranking
	}
	o, err := t.find(ctx, tx, f, math.MaxInt)
	if err != nil {
		return nil, err
	}
	var found bits
	for _, h := range o.hits {
		found.add(h.n)
	}
	rows, err := tx.QueryContext(ctx, `SELECT n, id FROM seeds WHERE gone = 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	ids := make([]string, 0, len(o.hits))
	for rows.Next() {
		var n int64
		var id string
		if err := rows.Scan(&n, &id); err != nil {
			return nil, err
		}
		if found.has(n) {
			ids = append(ids, id)
		}
	}
	return ids, rows.Err()
}

// search answers from what one transaction sees.
func (t *tables) search(ctx context.Context, tx *sql.Tx, f seedbed.Filter) (Page, error) {
	first, size := bounds(f)
	found, err := t.find(ctx, tx, f, first+size)
	if err != nil {
		return Page{}, err
	}
	page := Page{Total: found.total}
	if page.Facets, err = found.choice.facets(ctx, tx, f); err != nil {
		return Page{}, err
	}
	hits := found.hits
	if first >= len(hits) {
		return page, nil
	}
	return page, page.fill(ctx, t.engine, tx, hits[first:min(first+size, len(hits))], found.query)
}

// found is what a filter chooses.
type found struct {
	query  query
	choice *choice
	hits   []hit // the first, in order
	total  int
}

// find finds at least the first keep hits, if there are as many.
func (t *tables) find(ctx context.Context, tx *sql.Tx, f seedbed.Filter, keep int) (found, error) {
	order, err := orderOf(f.Sort, len(parse(f.Query).must) > 0)
	if err != nil {
		return found{}, err
	}
	q, c, err := t.choose(ctx, tx, f)
	if err != nil {
		return found{}, err
	}
	if c.rank, err = orderRank(ctx, tx, order, c.words); err != nil {
		return found{}, err
	}
	c.order, c.keep = order, keep
	if order == byRelevance || f.Distinct { // what comes first is not known yet
		c.keep = math.MaxInt
	}
	if err := c.run(ctx, tx); err != nil {
		return found{}, err
	}
	out := found{query: q, choice: c, hits: c.top(), total: c.total}
	if order == byRelevance {
		if out.hits, err = relevance(ctx, t.engine, tx, q, out.hits, c.total == c.matched); err != nil {
			return found{}, err
		}
	}
	if f.Distinct {
		out.hits = distinct(out.hits)
		out.total = len(out.hits)
	}
	return out, nil
}

// distinct keeps the first hit of each group of duplicates.
func distinct(hits []hit) []hit {
	seen := make(map[uint64]bool, len(hits))
	return slices.DeleteFunc(hits, func(h hit) bool {
		again := seen[h.group]
		seen[h.group] = true
		return again
	})
}

func orderOf(sort string, query bool) (string, error) {
	switch sort {
	case "", byRelevance:
		if !query {
			return byNewest, nil
		}
		return byRelevance, nil
	case byNewest, byOldest, byDifficulty, bySource:
		return sort, nil
	}
	return "", seedbed.Errorf(seedbed.Invalid, "cannot sort by %.40q: choose %s", sort,
		strings.Join([]string{byRelevance, byNewest, byOldest, byDifficulty, bySource}, ", "))
}

// bounds are the place of the page's first seed, from 0, and its length.
func bounds(f seedbed.Filter) (first, size int) {
	size = f.Size
	if size <= 0 {
		size = seedbed.DefaultPageSize
	}
	size = min(size, seedbed.MaxPageSize)
	page := min(max(f.Page, 1), 1<<24) // no index has more
	return (page - 1) * size, size
}

// A hit is a seed that was found and what it is ordered by, smallest first.
type hit struct {
	n     int64
	a, b  int64
	group uint64
}

func compare(x, y hit) int {
	return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), cmp.Compare(x.n, y.n))
}

// A choice goes through the records, counts and keeps the first hits.
type choice struct {
	tables        *tables
	words         *dictionary
	allowed       [fields]bits // nil allows all
	minDifficulty uint8
	hits          bits
	inverse       bool // hits are what does not match
	order         string
	rank          map[uint32]int64 // of sources, by title
	keep          int

	counts  []int // by word
	total   int
	matched int // before filters
	best    hitHeap
}

func newChoice(f seedbed.Filter, d *dictionary) *choice {
	c := &choice{words: d, counts: make([]int, d.size()), minDifficulty: clamp(f.MinDifficulty, maxDifficulty)}
	var checks []string
	if f.Check != "" {
		name, verdict, ok := strings.Cut(f.Check, ":")
		if !ok {
			verdict = extract.Pass
		}
		checks = []string{name + ":" + verdict}
	}
	for i, values := range [fields][]string{
		verdictField:    f.Verdict,
		typeField:       f.Type,
		originField:     f.Origin,
		sourceField:     f.Source,
		languageField:   f.Language,
		tagField:        f.Tag,
		kindField:       f.Kind,
		checkField:      checks,
		collectionField: f.Collection,
		runField:        f.Run,
	} {
		if len(values) > 0 {
			c.allowed[i] = d.ids(fieldNames[i], values)
		}
	}
	return c
}

// run reads the blocks that have hits.
func (c *choice) run(ctx context.Context, tx *sql.Tx) error {
	var numbers []int64
	if c.hits != nil && !c.inverse {
		numbers = c.hits.blocks()
	}
	return c.tables.eachBlock(ctx, tx, c.words.epoch, numbers, func(b int64, data []byte) {
		// Newest first, so that most of those that follow need no place.
		for i := int64(len(data)/recordSize) - 1; i >= 0; i-- {
			n := b*blockSize + i
			if c.hits == nil || c.hits.has(n) != c.inverse {
				c.see(n, data[i*recordSize:])
			}
		}
	})
}

func (c *choice) see(n int64, data []byte) {
	var r record
	if r.get(data); !r.live {
		return
	}
	c.matched++
	if r.difficulty < c.minDifficulty {
		return
	}
	failed := -1
	for i, allowed := range c.allowed {
		if allowed != nil && !allowed.has(int64(r.values[i])) {
			if failed >= 0 {
				return
			}
			failed = i
		}
	}
	if failed >= len(Facets) {
		return
	}
	if failed >= 0 { // it would be found but for this field
		c.counts[r.values[failed]]++
		return
	}
	for _, v := range r.values[:len(Facets)] {
		c.counts[v]++
	}
	c.total++
	c.best.keep(c.hit(n, r), c.keep)
}

func (c *choice) hit(n int64, r record) hit {
	h := hit{n: n, group: r.group}
	switch c.order {
	case byNewest:
		h.a = -r.created
	case byOldest:
		h.a = r.created
	case byDifficulty:
		h.a, h.b = -int64(r.difficulty), -r.created
	case bySource:
		h.a, h.b = c.rank[r.values[sourceField]], int64(r.position)
	}
	return h
}

// A hitHeap has the last of the hits that are kept on top.
type hitHeap []hit

func (h hitHeap) Len() int           { return len(h) }
func (h hitHeap) Less(i, j int) bool { return compare(h[i], h[j]) > 0 }
func (h hitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *hitHeap) Push(x any)        { *h = append(*h, x.(hit)) }
func (h *hitHeap) Pop() any {
	x := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return x
}

func (h *hitHeap) keep(x hit, most int) {
	switch {
	case most == math.MaxInt:
		*h = append(*h, x)
	case len(*h) < most:
		heap.Push(h, x)
	case compare(x, (*h)[0]) < 0:
		(*h)[0] = x
		heap.Fix(h, 0)
	}
}

// top are the kept hits in order.
func (c *choice) top() []hit {
	slices.SortFunc(c.best, compare)
	return c.best
}

// orderRank numbers the sources by title, where they are the order.
func orderRank(ctx context.Context, tx *sql.Tx, order string, d *dictionary) (map[uint32]int64, error) {
	if order != bySource {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, label, value FROM words WHERE field = 'source'`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	type source struct {
		id           uint32
		title, value string
	}
	var all []source
	for rows.Next() {
		var s source
		if err := rows.Scan(&s.id, &s.title, &s.value); err != nil {
			return nil, err
		}
		s.title = fold(s.title)
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b source) int {
		return cmp.Or(strings.Compare(a.title, b.title), strings.Compare(a.value, b.value))
	})
	rank := make(map[uint32]int64, len(all))
	for i, s := range all {
		rank[s.id] = int64(i)
	}
	return rank, nil
}

// A scored hit says how well it matches, the best least.
type scored struct {
	n     int64
	score float64
}

// relevance orders the first hits by how well they match; the others follow.
// With all, the filters kept every seed that the query found.
func relevance(ctx context.Context, e engine, tx *sql.Tx, q query, found []hit, all bool) ([]hit, error) {
	n := min(len(found), ranked)
	if n < 2 {
		return found, nil
	}
	var among []int64 // nil is every seed that matches
	if !all {
		for _, h := range found[:n] {
			among = append(among, h.n)
		}
	}
	best, err := e.rank(ctx, tx, q, among)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(best, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	before := slices.Clone(found[:n]) // ordered by number
	for i, s := range best[:min(len(best), n)] {
		at, _ := slices.BinarySearchFunc(before, s.n, func(h hit, n int64) int { return cmp.Compare(h.n, n) })
		found[i] = before[at]
	}
	return found, nil
}

func (c *choice) facets(ctx context.Context, tx *sql.Tx, f seedbed.Filter) (map[string][]seedbed.Facet, error) {
	counts := map[string]map[string]int{}
	for _, name := range Facets {
		counts[name] = map[string]int{}
	}
	for id, n := range c.counts {
		if n == 0 || id == 0 {
			continue
		}
		w := c.words.entry(uint32(id))
		if w.set == nil {
			counts[w.field][w.value] += n
		}
		for _, v := range w.set {
			counts[w.field][v] += n
		}
	}
	chosen := map[string][]string{"verdict": f.Verdict, "type": f.Type, "origin": f.Origin, "source": f.Source, "language": f.Language, "tag": f.Tag, "kind": f.Kind}
	out := make(map[string][]seedbed.Facet, len(Facets))
	for _, name := range Facets {
		list := []seedbed.Facet{}
		for v, n := range counts[name] {
			list = append(list, seedbed.Facet{Value: v, Count: n})
		}
		slices.SortFunc(list, func(a, b seedbed.Facet) int {
			return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value))
		})
		shown := list[:min(len(list), MaxFacetValues)]
		for _, v := range chosen[name] {
			if v != "" && !slices.ContainsFunc(shown, func(f seedbed.Facet) bool { return f.Value == v }) {
				shown = append(slices.Clip(shown), seedbed.Facet{Value: v, Count: counts[name][v]})
			}
		}
		out[name] = shown
	}
	return out, labels(ctx, c.tables.engine, tx, out["source"])
}

// labels sets the titles of sources.
func labels(ctx context.Context, e engine, tx *sql.Tx, sources []seedbed.Facet) error {
	ids := make([]string, len(sources))
	for i, s := range sources {
		ids[i] = plain(s.Value)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT value, label FROM words WHERE field = 'source' AND value IN `+e.strings(), string(list))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	titles := map[string]string{}
	for rows.Next() {
		var id, title string
		if err := rows.Scan(&id, &title); err != nil {
			return err
		}
		titles[id] = title
	}
	for i := range sources {
		sources[i].Label = titles[sources[i].Value]
	}
	return rows.Err()
}

// fill reads the ids of the page's seeds and highlights what matched.
func (p *Page) fill(ctx context.Context, e engine, tx *sql.Tx, found []hit, q query) error {
	numbers := make([]int64, len(found))
	for i, h := range found {
		numbers[i] = h.n
	}
	list, err := json.Marshal(numbers)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT n, id, question, answer, reasoning, evidence, title, section, tags FROM seeds JOIN texts USING(n) WHERE n IN `+e.numbers(), string(list))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if len(q.must) > 0 {
		p.Highlights = make(map[string]map[string]string, len(found))
	}
	p.IDs = make([]string, len(found))
	for rows.Next() {
		var n int64
		var id string
		var t [7]string
		if err := rows.Scan(&n, &id, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6]); err != nil {
			return err
		}
		p.IDs[slices.Index(numbers, n)] = id
		if len(q.must) == 0 {
			continue
		}
		marked := map[string]string{}
		for i, name := range Fields {
			size := window
			if name == "question" {
				size = wholeText
			}
			if text, ok := highlight(t[i], q.must, size); ok {
				marked[name] = text
			}
		}
		p.Highlights[id] = marked
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if slices.Contains(p.IDs, "") {
		return fmt.Errorf("%w: there is no text of some seeds", ErrDamaged)
	}
	return nil
}
