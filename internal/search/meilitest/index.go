package meilitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// An index holds documents in the order of their coming.
type index struct {
	name     string
	primary  string
	settings map[string]any
	order    []string
	docs     map[string]map[string]any
	words    map[string]map[string][]word // by document and field
}

func newIndex(name string) *index {
	return &index{name: name, settings: defaults(), docs: map[string]map[string]any{}, words: map[string]map[string][]word{}}
}

func defaults() map[string]any {
	return map[string]any{
		"displayedAttributes": []any{"*"}, "searchableAttributes": []any{"*"}, "filterableAttributes": []any{}, "sortableAttributes": []any{},
		"rankingRules":    []any{"words", "typo", "proximity", "attributeRank", "sort", "wordPosition", "exactness"},
		"separatorTokens": []any{}, "stopWords": []any{}, "synonyms": map[string]any{}, "distinctAttribute": nil, "proximityPrecision": "byWord",
		"typoTolerance": map[string]any{
			"enabled": true, "minWordSizeForTypos": map[string]any{"oneTypo": 5.0, "twoTypos": 9.0},
			"disableOnWords": []any{}, "disableOnAttributes": []any{}, "disableOnNumbers": false,
		},
		"faceting":   map[string]any{"maxValuesPerFacet": 100.0, "sortFacetValuesBy": map[string]any{"*": "alpha"}},
		"pagination": map[string]any{"maxTotalHits": 1000.0}, "facetSearch": true, "searchCutoffMs": nil,
	}
}

func (ix *index) add(doc map[string]any) {
	id := doc[ix.primary].(string)
	if ix.docs[id] == nil {
		ix.order = append(ix.order, id)
	}
	ix.docs[id] = doc
	fields := map[string][]word{}
	for _, field := range ix.searchable() {
		if text, ok := doc[field].(string); ok {
			fields[field] = ix.split(text)
		}
	}
	ix.words[id] = fields
}

func texts(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (ix *index) searchable() []string { return texts(ix.settings["searchableAttributes"]) }

// filterable reports whether a field can be compared, for order or equality.
func (ix *index) filterable(field, op string) bool {
	list, _ := ix.settings["filterableAttributes"].([]any)
	for _, rule := range list {
		switch rule := rule.(type) {
		case string:
			if rule == field {
				return true
			}
		case map[string]any:
			if !slices.Contains(texts(rule["attributePatterns"]), field) {
				continue
			}
			features, _ := rule["features"].(map[string]any)
			filter, _ := features["filter"].(map[string]any)
			if op == "=" {
				return filter["equality"] != false
			}
			return filter["comparison"] == true
		}
	}
	return false
}

// chosen are the documents that pass the filter.
func (ix *index) chosen(raw json.RawMessage, code string) ([]string, *refusal) {
	conditions, err := parseFilters(raw)
	if err != nil {
		return nil, refuse(400, code, "%v", err)
	}
	for _, c := range conditions {
		if !ix.filterable(c.field, c.op) {
			return nil, refuse(400, code, "Attribute `%s` is not filterable with `%s`.", c.field, c.op)
		}
	}
	var out []string
next:
	for _, id := range ix.order {
		for _, c := range conditions {
			if !c.holds(ix.docs[id]) {
				continue next
			}
		}
		out = append(out, id)
	}
	return out, nil
}

func (ix *index) fetch(body []byte) (int, any, *refusal) {
	q := struct {
		Offset, Limit int
		Fields, IDs   []string
		Filter        json.RawMessage
	}{Limit: 20}
	if err := json.Unmarshal(body, &q); err != nil {
		return 0, nil, refuse(400, "bad_request", "%v", err)
	}
	ids, no := ix.chosen(q.Filter, "invalid_document_filter")
	if no != nil {
		return 0, nil, no
	}
	if q.IDs != nil {
		wanted := map[string]bool{}
		for _, id := range q.IDs {
			wanted[id] = true
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return !wanted[id] })
	}
	results := []any{}
	for _, id := range ids[min(q.Offset, len(ids)):min(q.Offset+q.Limit, len(ids))] {
		results = append(results, ix.only(id, q.Fields))
	}
	return 200, map[string]any{"results": results, "offset": q.Offset, "limit": q.Limit, "total": len(ids)}, nil
}

func (ix *index) only(id string, fields []string) map[string]any {
	out := map[string]any{}
	for name, v := range ix.docs[id] {
		if fields == nil || slices.Contains(fields, name) {
			out[name] = v
		}
	}
	return out
}

type searchQuery struct {
	IndexUID              string
	Q                     string
	Filter                json.RawMessage
	Facets                []string
	Sort                  []string
	Page                  *int
	HitsPerPage           *int
	AttributesToRetrieve  []string
	AttributesToHighlight []string
	AttributesToCrop      []string
	CropLength            int
	CropMarker            string
	HighlightPreTag       string
	HighlightPostTag      string
	MatchingStrategy      string
	Distinct              string
}

// A match is a document that was found.
type match struct {
	id     string
	typos  int
	fields int
}

func (ix *index) search(q searchQuery) (any, *refusal) {
	if q.HitsPerPage == nil || q.Page == nil || q.MatchingStrategy != "all" {
		return nil, refuse(400, "bad_request", "this server knows pages and matchingStrategy all only")
	}
	ids, no := ix.chosen(q.Filter, "invalid_search_filter")
	if no != nil {
		return nil, no
	}
	terms := ix.parseQuery(q.Q)
	var found []match
	for _, id := range ids {
		if m, ok := ix.match(id, terms); ok {
			found = append(found, m)
		}
	}
	orders := q.Sort
	for _, o := range orders {
		if field, _, _ := strings.Cut(o, ":"); !slices.Contains(texts(ix.settings["sortableAttributes"]), field) {
			return nil, refuse(400, "invalid_search_sort", "Attribute `%s` is not sortable.", field)
		}
	}
	var last []string
	for _, rule := range texts(ix.settings["rankingRules"]) {
		if strings.Contains(rule, ":") {
			last = append(last, rule)
		}
	}
	slices.SortStableFunc(found, func(a, b match) int {
		return cmp.Or(ix.compare(a, b, orders), cmp.Compare(a.typos, b.typos), cmp.Compare(a.fields, b.fields), ix.compare(a, b, last))
	})
	if q.Distinct != "" { // of hits and facets alike
		if !ix.filterable(q.Distinct, "=") {
			return nil, refuse(400, "invalid_search_distinct", "Attribute `%s` is not filterable and thus, cannot be used as distinct attribute.", q.Distinct)
		}
		seen := map[string]bool{}
		found = slices.DeleteFunc(found, func(m match) bool {
			v, ok := ix.docs[m.id][q.Distinct].(string)
			again := ok && seen[v]
			seen[v] = true
			return again
		})
	}
	facets := map[string]any{}
	for _, name := range q.Facets {
		if !ix.filterable(name, "=") {
			return nil, refuse(400, "invalid_search_facets", "Attribute `%s` is not filterable.", name)
		}
		facets[name] = ix.count(found, name)
	}
	depth := int(ix.settings["pagination"].(map[string]any)["maxTotalHits"].(float64))
	total := min(len(found), depth)
	from, to := 0, 0
	if *q.Page > 0 {
		from = min((*q.Page-1)**q.HitsPerPage, total)
		to = min(from+*q.HitsPerPage, total)
	}
	hits := []any{}
	for _, m := range found[from:to] {
		hit := ix.only(m.id, q.AttributesToRetrieve)
		if q.AttributesToHighlight != nil {
			hit["_formatted"] = ix.format(m.id, q, terms)
		}
		hits = append(hits, hit)
	}
	pages := 0
	if *q.HitsPerPage > 0 {
		pages = (total + *q.HitsPerPage - 1) / *q.HitsPerPage
	}
	out := map[string]any{
		"indexUid": ix.name, "hits": hits, "query": q.Q, "processingTimeMs": 0,
		"hitsPerPage": *q.HitsPerPage, "page": *q.Page, "totalPages": pages, "totalHits": total,
	}
	if q.Facets != nil {
		out["facetDistribution"], out["facetStats"] = facets, map[string]any{}
	}
	return out, nil
}

// compare puts numbers before text, and what has no value last.
func (ix *index) compare(a, b match, orders []string) int {
	for _, o := range orders {
		field, way, _ := strings.Cut(o, ":")
		x, y := values(ix.docs[a.id][field]), values(ix.docs[b.id][field])
		if len(x) == 0 || len(y) == 0 {
			if c := cmp.Compare(len(y), len(x)); c != 0 {
				return c
			}
			continue
		}
		c := cmp.Compare(normal(x[0]), normal(y[0]))
		m, err1 := strconv.ParseFloat(x[0], 64)
		n, err2 := strconv.ParseFloat(y[0], 64)
		if err1 == nil && err2 == nil {
			c = cmp.Compare(m, n)
		}
		if way == "desc" {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// count takes values for one that differ in case and accents only.
func (ix *index) count(found []match, field string) map[string]int {
	shown, counts := map[string]string{}, map[string]int{}
	for _, m := range found {
		for _, v := range values(ix.docs[m.id][field]) {
			n := normal(v)
			if _, ok := shown[n]; !ok {
				shown[n] = v
			}
			counts[n]++
		}
	}
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	faceting := ix.settings["faceting"].(map[string]any)
	byCount := faceting["sortFacetValuesBy"].(map[string]any)["*"] == "count"
	slices.SortFunc(keys, func(a, b string) int {
		if byCount {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
		}
		return cmp.Compare(a, b)
	})
	out := map[string]int{}
	for _, k := range keys[:min(len(keys), int(faceting["maxValuesPerFacet"].(float64)))] {
		out[shown[k]] = counts[k]
	}
	return out
}

// A word stands at bytes from start to end of its text.
type word struct {
	text       string
	start, end int
}

// normal is text without case and accents.
func normal(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == 'ς':
			return 'σ'
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
}

// joins are signs that part no words unless the settings say so.
const joins = "$<=>^|~¬←→↔↦⇐⇒⇔∀∂∃∅∆∇∈∉∋∎∏∑"

// split takes text apart into words; a Chinese character is one.
func (ix *index) split(s string) []word {
	between := texts(ix.settings["separatorTokens"])
	var out []word
	start := -1
	flush := func(end int) {
		if start >= 0 {
			out = append(out, word{normal(s[start:end]), start, end})
		}
		start = -1
	}
	for i, r := range s {
		switch {
		case unicode.Is(unicode.Han, r):
			flush(i)
			start = i
			flush(i + utf8.RuneLen(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) || strings.ContainsRune(joins, r) && !slices.Contains(between, string(r)):
			if start < 0 {
				start = i
			}
		default:
			flush(i)
		}
	}
	flush(len(s))
	return slices.DeleteFunc(out, func(w word) bool { return w.text == "" })
}

// A term is a word of a query, or several that follow one another.
type term struct {
	words  []string
	phrase bool
	prefix bool
	not    bool
}

func (ix *index) parseQuery(s string) []term {
	var out []term
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		if s == "" {
			break
		}
		rest, not := strings.CutPrefix(s, "-")
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			inside, after, _ := strings.Cut(quoted, `"`)
			t := term{phrase: true, not: not}
			for _, w := range ix.split(inside) {
				t.words = append(t.words, w.text)
			}
			if t.words != nil {
				out = append(out, t)
			}
			s = after
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
		if end < 0 {
			end = len(rest)
		}
		ws := ix.split(rest[:end])
		for i, w := range ws {
			out = append(out, term{words: []string{w.text}, not: not, prefix: !not && end == len(rest) && i == len(ws)-1 && w.end == end})
		}
		s = rest[end:]
	}
	// The server does not look further.
	kept, n := out[:0], 0
	for _, t := range out {
		if n += len(t.words); n <= 10 || t.not {
			kept = append(kept, t)
		}
	}
	return kept
}

// at reports whether the term is at the first of words, with how many typos,
// and how many words and runes of the last it covers.
func (t term) at(words []word) (typos, n, runes int, ok bool) {
	if len(words) < len(t.words) {
		return 0, 0, 0, false
	}
	if t.phrase || t.not {
		for i, w := range t.words {
			if words[i].text != w {
				return 0, 0, 0, false
			}
		}
		return 0, len(t.words), -1, true
	}
	want, have := t.words[0], words[0].text
	switch {
	case have == want:
		return 0, 1, -1, true
	case t.prefix && strings.HasPrefix(have, want):
		return 0, 1, utf8.RuneCountInString(want), true
	}
	most := 0
	if size := utf8.RuneCountInString(want); size >= 9 {
		most = 2
	} else if size >= 5 {
		most = 1
	}
	if most == 0 || strings.ContainsFunc(want, unicode.IsDigit) {
		return 0, 0, 0, false
	}
	typos, whole := distance([]rune(want), []rune(have), t.prefix)
	if want[0] != have[0] {
		typos++
	}
	if !whole {
		return typos, 1, utf8.RuneCountInString(want), typos <= most
	}
	return typos, 1, -1, typos <= most
}

// distance is how many letters are missing, added, other or swapped; with
// prefix, to the beginning of b that is nearest.
func distance(a, b []rune, prefix bool) (n int, whole bool) {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0:
				rows[i][j] = j
			case j == 0:
				rows[i][j] = i
			default:
				same := 1
				if a[i-1] == b[j-1] {
					same = 0
				}
				rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+same)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
				}
			}
		}
	}
	n = rows[len(a)][len(b)]
	if prefix {
		if least := slices.Min(rows[len(a)]); least < n {
			return least, false
		}
	}
	return n, true
}

func (ix *index) match(id string, terms []term) (match, bool) {
	m := match{id: id}
	for _, t := range terms {
		found, typos, field := false, 0, 0
		for i, name := range ix.searchable() {
			words := ix.words[id][name]
			for j := range words {
				if n, _, _, ok := t.at(words[j:]); ok && (!found || n < typos) {
					if !found {
						field = i
					}
					found, typos = true, n
				}
			}
		}
		if found == t.not {
			return m, false
		}
		if !t.not {
			m.typos += typos
			m.fields += field
		}
	}
	return m, true
}

// format marks and crops the fields that are asked for.
func (ix *index) format(id string, q searchQuery, terms []term) map[string]any {
	out := map[string]any{}
	crops := map[string]int{}
	for _, c := range q.AttributesToCrop {
		name, n, ok := strings.Cut(c, ":")
		crops[name] = q.CropLength
		if ok {
			crops[name], _ = strconv.Atoi(n)
		}
	}
	for _, name := range append(slices.Clone(q.AttributesToRetrieve), q.AttributesToHighlight...) {
		v, ok := ix.docs[id][name]
		if !ok {
			continue
		}
		text, isText := v.(string)
		if !isText {
			out[name] = fmt.Sprint(v)
			continue
		}
		out[name] = mark(text, ix.words[id][name], terms, crops[name], q)
	}
	return out
}

func mark(text string, words []word, terms []term, crop int, q searchQuery) string {
	type stretch struct{ start, end int }
	var marks []stretch
	first := 0
	for i := 0; i < len(words); i++ {
		for _, t := range terms {
			_, n, runes, ok := t.at(words[i:])
			if !ok || t.not {
				continue
			}
			last := words[i+n-1]
			end := last.end
			if runes >= 0 {
				end = last.start
				for ; runes > 0 && end < last.end; runes-- {
					_, size := utf8.DecodeRuneInString(text[end:])
					end += size
				}
			}
			if marks == nil {
				first = i
			}
			marks = append(marks, stretch{words[i].start, end})
			i += n - 1
			break
		}
	}
	from, to := 0, len(text)
	if crop > 0 && len(words) > crop {
		begin := min(max(first-crop/2, 0), len(words)-crop)
		if begin > 0 {
			from = words[begin].start
		}
		if begin+crop < len(words) {
			to = words[begin+crop-1].end
		}
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString(q.CropMarker)
	}
	at := from
	for _, m := range marks {
		if m.start < from || m.end > to {
			continue
		}
		b.WriteString(text[at:m.start] + q.HighlightPreTag + text[m.start:m.end] + q.HighlightPostTag)
		at = m.end
	}
	b.WriteString(text[at:to])
	if to < len(text) {
		b.WriteString(q.CropMarker)
	}
	return b.String()
}
