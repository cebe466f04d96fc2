package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meilisearch/meilisearch-go"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// meiliCut stands where the server has cut a text: no text has it.
const meiliCut = "\uE002"

// maxMeiliQuery is how many runes of a query are sent. The server looks at
// its first ten words.
const maxMeiliQuery = 500

// Search implements [Index]. Sources among the facets have no label: the
// database knows their titles. A page beyond the first thousand hits is
// [ErrTooDeep]. The server tells words apart, and takes one for another, in
// its own way: it knows no stems, allows a typo in words from five letters
// on, and cuts Chinese, Japanese and Thai by dictionaries.
func (m *Meili) Search(ctx context.Context, f seedbed.Filter) (Page, error) {
	if err := m.rested(); err != nil {
		return Page{}, fmt.Errorf("search: %w", err)
	}
	limited, cancel := deadline(ctx, m.opts.Timeout)
	defer cancel()
	page, err := m.search(limited, f)
	m.note(ctx, err)
	if err != nil {
		return Page{}, fmt.Errorf("search: %w", err)
	}
	return page, nil
}

// Matches implements [Index], for up to a thousand hits.
func (m *Meili) Matches(ctx context.Context, f seedbed.Filter) ([]string, error) {
	f.Size = seedbed.MaxPageSize
	if !f.Distinct { // else the order says which of each group
		f.Sort = byOldest
	}
	var ids []string
	for f.Page = 1; ; f.Page++ {
		page, err := m.Search(ctx, f)
		if err != nil {
			return nil, err
		}
		if page.Total > meiliDepth {
			return nil, ErrTooDeep
		}
		ids = append(ids, page.IDs...)
		if len(page.IDs) < f.Size || len(ids) >= page.Total {
			return ids, nil
		}
	}
}

// A meiliFilter is one condition, and the facet it chooses from, if any.
type meiliFilter struct{ facet, condition string }

func meiliFilters(f seedbed.Filter) []meiliFilter {
	out := []meiliFilter{{"", stillThere}}
	for name, values := range facetFilters(f) {
		if len(values) > 0 {
			out = append(out, meiliFilter{name, oneOf(name, values)})
		}
	}
	if len(f.Collection) > 0 {
		out = append(out, meiliFilter{"", oneOf("collection", f.Collection)})
	}
	if len(f.Run) > 0 {
		out = append(out, meiliFilter{"", oneOf("run", f.Run)})
	}
	if f.Check != "" {
		name, verdict, ok := strings.Cut(f.Check, ":")
		if !ok {
			verdict = extract.Pass
		}
		out = append(out, meiliFilter{"", oneOf("check", []string{name + ":" + verdict})})
	}
	if f.MinDifficulty > 0 {
		out = append(out, meiliFilter{"", fmt.Sprintf("difficulty >= %d", f.MinDifficulty)})
	}
	return out
}

// facetFilters are the values chosen, by facet.
func facetFilters(f seedbed.Filter) map[string][]string {
	return map[string][]string{
		"verdict": f.Verdict, "type": f.Type, "origin": f.Origin, "source": f.Source,
		"language": f.Language, "tag": f.Tag, "kind": f.Kind,
	}
}

// except are the conditions on all but one facet.
func except(filters []meiliFilter, facet string) []string {
	var out []string
	for _, f := range filters {
		if facet == "" || f.facet != facet {
			out = append(out, f.condition)
		}
	}
	return out
}

func (m *Meili) search(ctx context.Context, f seedbed.Filter) (Page, error) {
	order, err := orderOf(f.Sort, len(parse(f.Query).must) > 0)
	if err != nil {
		return Page{}, err
	}
	if err := m.prepare(ctx, false); err != nil {
		return Page{}, err
	}
	first, size := bounds(f)
	filters := meiliFilters(f)
	chosen := facetFilters(f)
	q := meiliQuery(f.Query)

	// One query for the hits and the facets that are not filtered, and one
	// more for each that is, as if it were not. With distinct the server counts
	// groups where it counts anything: then only the total is asked for with
	// the hits. The client changes the requests it is given: they are made anew
	// for each attempt.
	var open, closed []string
	for _, name := range Facets {
		if len(chosen[name]) > 0 {
			closed = append(closed, name)
		} else {
			open = append(open, name)
		}
	}
	results, err := m.ask(ctx, func() []*meilisearch.SearchRequest {
		hits := m.request(q, except(filters, ""), append(slices.Clone(open), "gone"))
		var more []*meilisearch.SearchRequest
		if f.Distinct {
			hits.Distinct, hits.Facets = "group", []string{"gone"}
			more = append(more, m.request(q, except(filters, ""), open))
		}
		n := int64(size)
		hits.HitsPerPage, hits.Page, hits.Sort = &n, int64(first/size)+1, meiliSort[order]
		if strings.TrimSpace(q) != "" {
			hits.AttributesToHighlight, hits.HighlightPreTag, hits.HighlightPostTag = Fields, seedbed.MarkStart, seedbed.MarkEnd
			hits.AttributesToCrop, hits.CropLength, hits.CropMarker = meiliCrop, 60, meiliCut
		}
		out := append([]*meilisearch.SearchRequest{hits}, more...)
		for _, name := range closed {
			out = append(out, m.request(q, except(filters, name), []string{name}))
		}
		return out
	})
	if err != nil {
		return Page{}, err
	}
	counts := map[string]map[string]int{}
	for _, r := range results {
		if err := json.Unmarshal(r.FacetDistribution, &counts); err != nil {
			return Page{}, fmt.Errorf("facets: %w", err)
		}
	}
	page := Page{Total: counts["gone"]["false"], Facets: map[string][]seedbed.Facet{}}
	if page.Total > meiliDepth && first+size > meiliDepth {
		return Page{}, ErrTooDeep
	}
	if err := m.countMissing(ctx, q, filters, chosen, counts); err != nil {
		return Page{}, err
	}
	for _, name := range Facets {
		page.Facets[name] = meiliFacet(counts[name], chosen[name])
	}
	return page, page.fillMeili(results[0].Hits)
}

// meiliSort is what the server is asked for. Relevance is what its ranking
// rules make of it when nothing is asked, the newest first among equals.
var meiliSort = map[string][]string{
	byNewest:     {"created:desc"},
	byOldest:     {"created:asc"},
	byDifficulty: {"difficulty:desc", "created:desc"},
	bySource:     {"order:asc", "source:asc", "place:asc"},
}

// meiliCrop are the fields of which a part is shown: about 60 words of each,
// and of a question more than anyone asks.
var meiliCrop = func() []string {
	out := []string{Fields[0] + ":300"}
	for _, name := range Fields[1:] {
		out = append(out, name+":60")
	}
	return out
}()

func (m *Meili) request(q string, filter, facets []string) *meilisearch.SearchRequest {
	none := int64(0)
	return &meilisearch.SearchRequest{
		IndexUID: m.opts.Index, Query: q, Filter: filter, Facets: facets, MatchingStrategy: meilisearch.All,
		AttributesToRetrieve: []string{"id"}, HitsPerPage: &none, Page: 1, // exact counts come with pages only
	}
}

func (m *Meili) ask(ctx context.Context, requests func() []*meilisearch.SearchRequest) ([]meilisearch.SearchResponse, error) {
	var reply *meilisearch.MultiSearchResponse
	wanted := 0
	err := m.try(ctx, func(ctx context.Context) (err error) {
		queries := requests()
		wanted = len(queries)
		reply, err = m.server.MultiSearchWithContext(ctx, &meilisearch.MultiSearchRequest{Queries: queries})
		return err
	})
	if err == nil && len(reply.Results) != wanted {
		err = fmt.Errorf("the Meilisearch server answers %d of %d queries", len(reply.Results), wanted)
	}
	if err != nil {
		return nil, err
	}
	return reply.Results, nil
}

// countMissing counts the values that are filtered for and that the server
// has not listed: it lists the most frequent.
func (m *Meili) countMissing(ctx context.Context, q string, filters []meiliFilter, chosen map[string][]string, counts map[string]map[string]int) error {
	type missing struct{ facet, value string }
	var all []missing
	for _, name := range Facets {
		if len(counts[name]) < MaxFacetValues {
			continue
		}
		for _, v := range chosen[name] {
			if _, ok := counts[name][key(v)]; !ok {
				all = append(all, missing{name, v})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	results, err := m.ask(ctx, func() []*meilisearch.SearchRequest {
		var out []*meilisearch.SearchRequest
		for _, x := range all {
			out = append(out, m.request(q, append(except(filters, x.facet), oneOf(x.facet, []string{x.value})), []string{"gone"}))
		}
		return out
	})
	if err != nil {
		return err
	}
	for i, r := range results {
		var n struct{ Gone struct{ False int } }
		if err := json.Unmarshal(r.FacetDistribution, &n); err != nil {
			return fmt.Errorf("facets: %w", err)
		}
		counts[all[i].facet][key(all[i].value)] = n.Gone.False
	}
	return nil
}

func meiliFacet(counts map[string]int, chosen []string) []seedbed.Facet {
	out := []seedbed.Facet{}
	for k, n := range counts {
		if v, ok := value(k); ok && !slices.Contains(chosen, v) {
			out = append(out, seedbed.Facet{Value: v, Count: n})
		}
	}
	for i, v := range chosen {
		if !slices.Contains(chosen[:i], v) {
			out = append(out, seedbed.Facet{Value: v, Count: counts[key(v)]})
		}
	}
	slices.SortFunc(out, func(a, b seedbed.Facet) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return out
}

// meiliQuery is a query in the server's words: it knows one kind of quotes.
func meiliQuery(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case isQuote(r):
			return '"'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, clean(s))
	return cutRunes(s, maxMeiliQuery)
}

func (p *Page) fillMeili(hits meilisearch.Hits) error {
	for _, hit := range hits {
		var d meiliDocument
		if err := json.Unmarshal(hit["id"], &d.ID); err != nil || d.ID == "" {
			return errors.New("the Meilisearch server found a document without an id")
		}
		id := d.seedID()
		p.IDs = append(p.IDs, id)
		var formatted map[string]json.RawMessage
		if raw, ok := hit["_formatted"]; ok {
			if err := json.Unmarshal(raw, &formatted); err != nil {
				return fmt.Errorf("highlights of seed %s: %w", id, err)
			}
		}
		for i, field := range Fields {
			var text string
			if json.Unmarshal(formatted[field], &text) != nil {
				continue
			}
			size := window
			if i == 0 {
				size = wholeText
			}
			marked, ok := meiliHighlight(text, size)
			if !ok {
				continue
			}
			if p.Highlights == nil {
				p.Highlights = map[string]map[string]string{}
			}
			if p.Highlights[id] == nil {
				p.Highlights[id] = map[string]string{}
			}
			p.Highlights[id][field] = marked
		}
	}
	return nil
}

// meiliHighlight cuts a text that the server has marked, and perhaps cut,
// to size. The server marks the typed beginning of a word; here the mark goes
// to the word's end.
func meiliHighlight(marked string, size int) (string, bool) {
	before := strings.HasPrefix(marked, meiliCut)
	after := strings.HasSuffix(marked, meiliCut)
	marked = strings.ReplaceAll(marked, meiliCut, "")
	var text strings.Builder
	var spans []span
	for start := -1; marked != ""; {
		r, n := utf8.DecodeRuneInString(marked)
		switch string(r) {
		case seedbed.MarkStart:
			start = text.Len()
		case seedbed.MarkEnd:
			if start >= 0 && text.Len() > start {
				spans = append(spans, span{start, text.Len()})
			}
			start = -1
		default:
			text.WriteString(marked[:n])
		}
		marked = marked[n:]
	}
	if len(spans) == 0 {
		return "", false
	}
	whole := text.String()
	for i, s := range spans {
		s.end = wordEnd(whole, s.end)
		if i+1 < len(spans) {
			s.end = min(s.end, spans[i+1].start)
		}
		spans[i] = s
	}
	return show(whole, spans, size, before, after), true
}

// wordEnd is where the word around byte at ends, in scripts with spaces.
func wordEnd(text string, at int) int {
	last, _ := utf8.DecodeLastRuneInString(text[:at])
	if !spaced(last) {
		return at
	}
	for at < len(text) {
		r, n := utf8.DecodeRuneInString(text[at:])
		if !spaced(r) {
			break
		}
		at += n
	}
	return at
}

func spaced(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)) &&
		!unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
