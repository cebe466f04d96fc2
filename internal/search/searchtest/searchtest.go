// Package searchtest is the suite that every search index passes.
package searchtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
)

// Differences are what an engine may do otherwise.
type Differences struct {
	Queries []string // that it understands in its own way: not asked
	Scripts bool     // it has its own words in scripts without spaces
	Labels  bool     // its facets have none
}

// Run runs the suite; open gives each test an empty index and closes it.
func Run(t *testing.T, open func(t *testing.T) search.Index) {
	RunWith(t, Differences{}, open)
}

// RunWith runs the suite but for what differs.
func RunWith(t *testing.T, d Differences, open func(t *testing.T) search.Index) {
	tests := []struct {
		name string
		do   func(t *testing.T, ix search.Index)
	}{
		{"an empty index finds nothing", emptyIndex},
		{"words are found in every field", everyField},
		{"words", d.words},
		{"scripts without spaces", d.scripts},
		{"the question counts most", ranking},
		{"highlights", d.highlights},
		{"highlights are cut around the match", windows},
		{"marks in the text are no marks", forgedMarks},
		{"filters", filters},
		{"facets", d.facets},
		{"one of each group of duplicates", groups},
		{"sorting", sorting},
		{"pages", pages},
		{"a change replaces the seed", changes},
		{"older changes are passed over", versions},
		{"deletions are remembered", deletions},
		{"the order within a batch counts", batches},
		{"what it holds can be listed", listing},
		{"reset", reset},
		{"rebuild", rebuild},
		{"a rebuild that fails", rebuildFails},
		{"queries are never errors", queries},
		{"many at once", many},
		{"a cancelled search ends", cancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.do(t, open(t)) })
	}
}

var day = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// seed is a change that adds a seed with this id and question.
func seed(id, question string, more ...func(*search.Change)) search.Change {
	c := search.Change{ID: id, Version: 1, Collection: seedbed.DefaultCollection, Seed: &extract.Seed{
		ID: id, Question: question, Answer: "Yes.", Verdict: extract.Draft, Type: extract.Factual, Origin: extract.Derived,
		Language: "en", Source: extract.SourceRef{ID: "s1", Title: "Untitled", Kind: extract.Book}, Run: "r1", Created: day,
	}}
	for _, f := range more {
		f(&c)
	}
	return c
}

func apply(t *testing.T, ix search.Index, changes ...search.Change) {
	t.Helper()
	if err := ix.Apply(t.Context(), changes); err != nil {
		t.Fatalf("Apply(%d changes): %v", len(changes), err)
	}
}

func find(t *testing.T, ix search.Index, f seedbed.Filter) search.Page {
	t.Helper()
	page, err := ix.Search(t.Context(), f)
	if err != nil {
		t.Fatalf("Search(%+v): %v", f, err)
	}
	return page
}

// ids are those found, sorted and with spaces between.
func ids(page search.Page) string {
	return strings.Join(slices.Sorted(slices.Values(page.IDs)), " ")
}

func wantIDs(t *testing.T, ix search.Index, f seedbed.Filter, want string) {
	t.Helper()
	page := find(t, ix, f)
	if got := ids(page); got != want {
		t.Errorf("Search(%+v) finds %q, want %q", f, got, want)
	}
	matches, err := ix.Matches(t.Context(), f)
	slices.Sort(matches)
	if got := strings.Join(matches, " "); err != nil || got != want {
		t.Errorf("Matches(%+v) finds %q, %v, want %q", f, got, err, want)
	}
	if n := len(strings.Fields(want)); page.Total != n {
		t.Errorf("Search(%+v) has total %d, want %d", f, page.Total, n)
	}
}

func emptyIndex(t *testing.T, ix search.Index) {
	for _, f := range []seedbed.Filter{{}, {Query: "word"}, {Query: "-word"}, {Sort: "source"}, {Tag: []string{"x"}}} {
		wantIDs(t, ix, f, "")
	}
	page := find(t, ix, seedbed.Filter{})
	for _, name := range search.Facets {
		if got, ok := page.Facets[name]; !ok || len(got) > 0 {
			t.Errorf("facet %s is %v, want an empty one", name, got)
		}
	}
	if n, err := ix.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("Count() = %d, %v, want 0", n, err)
	}
}

func everyField(t *testing.T, ix search.Index) {
	apply(t, ix, seed("a", "quintessence", func(c *search.Change) {
		c.Seed.Answer = "ambergris"
		c.Seed.Reasoning = []string{"first rhubarb", "then rutabaga"}
		c.Seed.Evidence = []extract.Evidence{{Quote: "some elderberry"}, {Quote: "some eucalyptus"}}
		c.Seed.Source.Title = "The Tamarisk"
		c.Seed.Source.Section = []string{"Part sassafras", "Chapter saxifrage"}
		c.Seed.Tags = []string{"gooseberry"}
	}), seed("b", "something else"))
	for word, field := range map[string]string{
		"quintessence": "question", "ambergris": "answer", "rhubarb": "reasoning", "rutabaga": "reasoning",
		"elderberry": "evidence", "eucalyptus": "evidence", "tamarisk": "title", "sassafras": "section",
		"saxifrage": "section", "gooseberry": "tags",
	} {
		page := find(t, ix, seedbed.Filter{Query: word})
		if ids(page) != "a" {
			t.Errorf("Search(%s) finds %q, want a", word, ids(page))
			continue
		}
		marked := strings.ToLower(page.Highlights["a"][field])
		if !strings.Contains(marked, seedbed.MarkStart+word+seedbed.MarkEnd) || len(page.Highlights["a"]) != 1 {
			t.Errorf("Search(%s) highlights %q, want the word in %s", word, page.Highlights["a"], field)
		}
	}
}

func (d Differences) words(t *testing.T, ix search.Index) {
	apply(t, ix,
		seed("derivative", "What is the derivative of a product?"),
		seed("integral", "What is the integral of a sum of Functions?"),
		seed("cafe", "Is a Café in Zürich? The naïve answer."),
		seed("theorems", "Which theorems did Gauß and Émilie prove?"),
		seed("newton", "What does Newton’s second law say, and Newton's third?"),
		seed("code", "What does read_file(path) return in C++ for x86-64?"),
		seed("signs", `Is vector<int> better than depth=3, $\lambda^mu$, fork|knife or from→into?`),
		seed("greek", "Τι είναι ο Λόγος;"),
		seed("russian", "Что такое производная функции?"),
		seed("hindi", "गणित क्या है?"),
		seed("arabic", "ما هي الرِّياضيات؟"),
	)
	for query, want := range map[string]string{
		"derivative":         "derivative",
		"DERIVATIVE":         "derivative",
		"what product":       "derivative",
		"product what ":      "derivative",
		"derivative sum":     "",
		"deriv":              "derivative", // unfinished
		"integ ":             "",           // finished
		"integ sum":          "",           // only the last word is unfinished
		"what is the inte":   "integral",
		"function ":          "integral", // plural
		"cafe":               "cafe",
		"CAFÉ":               "cafe",
		"cafe\u0301 ":        "cafe", // the accent as a mark of its own
		"zurich naive ":      "cafe",
		"theorem ":           "theorems",
		"gauss ":             "theorems",
		"emilie ":            "theorems",
		"newton":             "newton",
		"newton law":         "newton",
		`"newton's third"`:   "newton",
		"read_file":          "code",
		"x86-64":             "code",
		"x86-63 ":            "",
		"vector int ":        "signs",
		"depth ":             "signs",
		"lambda mu ":         "signs",
		"knife ":             "signs",
		"from into ":         "signs",
		"λογος ":             "greek",
		"ΛΌΓΟΣ":              "greek",
		"производная":        "russian",
		"गणित":               "hindi",
		"الرياضيات":          "arabic",
		"derivatvie ":        "derivative", // swapped
		"derivatve ":         "derivative", // missing
		"deriivative ":       "derivative", // doubled
		"derivatixe ":        "derivative", // other
		"derivatixe product": "derivative",
		"derixat":            "derivative", // unfinished and wrong
		"zerivative ":        "",           // the first letter is taken to be right
		`"derivatixe"`:       "",           // quoted words are not corrected
		`"of a product"`:     "derivative",
		`"of a sum of"`:      "integral",
		`"of a"`:             "derivative integral",
		`"product a of"`:     "",
		`"a product" what`:   "derivative",
		`"integral of a su`:  "integral", // left open: its last word is unfinished
		`“integral of”`:      "integral",
		"what -product":      "code integral newton",
		"what -sum -newton":  "code derivative",
		`what -"a product"`:  "code integral newton",
		`-"what" -"τι"`:      "arabic cafe hindi russian signs theorems",
		"what -nowhere":      "code derivative integral newton",
	} {
		if !slices.Contains(d.Queries, query) {
			wantIDs(t, ix, seedbed.Filter{Query: query}, want)
		}
	}
}

func (d Differences) scripts(t *testing.T, ix search.Index) {
	if d.Scripts {
		t.Skip("this engine has its own words there")
	}
	apply(t, ix,
		seed("zh", "什么是机器学习算法？"),
		seed("zh2", "学校里有几台机器？"),
		seed("ja", "機械学習とは何ですか。データベースの索引"),
		seed("ja2", "ﾃﾞｰﾀ構造"), // half width
		seed("ko", "기계학습이란 무엇인가?"),
		seed("ko2", "기계학습이란 무엇인가?", func(c *search.Change) {
			c.Seed.Question = "\u1112\u1161\u11a8\u1109\u1173\u11b8" // 학습, letter by letter
		}),
		seed("th", "การเรียนรู้ของเครื่องคืออะไร"),
		seed("mixed", "用Go语言写HTTP服务器"),
	)
	for query, want := range map[string]string{
		"机器学习":     "zh",
		"机器":       "zh zh2",
		"学习":       "zh",
		"学校":       "zh2",
		"算":        "zh", // one character, within a run
		"法":        "zh", // and at its end
		"器 学":      "zh zh2",
		"机学":       "",
		"機械学習":     "ja",
		"データ":      "ja ja2",
		"学習":       "ja",
		"학습":       "ko ko2",
		"เรียนรู้": "th",
		"Go语言":     "mixed",
		"语言 http":  "mixed",
		"HTTP服务器":  "mixed",
		`"机器学习算法"`: "zh",
		"机器 -学习":   "zh2",
		"学習 -データ":  "",
	} {
		wantIDs(t, ix, seedbed.Filter{Query: query}, want)
	}
	for query, want := range map[string]string{
		"机器学习": "什么是[机器学习]算法？",
		"学":    "什么是机器[学]习算法？",
		"机器 算": "什么是[机器]学习[算]法？",
	} {
		page := find(t, ix, seedbed.Filter{Query: query})
		if got := brackets(page.Highlights["zh"]["question"]); got != want {
			t.Errorf("Search(%s) highlights %q, want %q", query, got, want)
		}
	}
}

func ranking(t *testing.T, ix search.Index) {
	apply(t, ix,
		seed("evidence", "What is shown?", func(c *search.Change) { c.Seed.Evidence = []extract.Evidence{{Quote: "An entropy."}} }),
		seed("question", "What is entropy?"),
		seed("neither", "What is energy?"),
	)
	page := find(t, ix, seedbed.Filter{Query: "entropy"})
	if diff := gocmp.Diff([]string{"question", "evidence"}, page.IDs); diff != "" {
		t.Errorf("Search(entropy) differs (-want +got):\n%s", diff)
	}
	if asked := find(t, ix, seedbed.Filter{Query: "entropy", Sort: "relevance"}); !slices.Equal(asked.IDs, page.IDs) {
		t.Errorf("relevance orders %v, no order given %v", asked.IDs, page.IDs)
	}
}

// brackets shows marks as brackets.
func brackets(s string) string {
	return strings.NewReplacer(seedbed.MarkStart, "[", seedbed.MarkEnd, "]").Replace(s)
}

func (d Differences) highlights(t *testing.T, ix search.Index) {
	apply(t, ix, seed("a", "Does a <b>theorem</b> & its proof fill theorems?", func(c *search.Change) {
		c.Seed.Answer = "No theorem here, but a “Fußnote”."
	}), seed("b", "Nothing"))
	for _, test := range []struct{ query, question, answer string }{
		{"theorem", "Does a <b>[theorem]</b> & its proof fill [theorems]?", "No [theorem] here, but a “Fußnote”."},
		{"theorem fil", "Does a <b>[theorem]</b> & its proof [fill] [theorems]?", "No [theorem] here, but a “Fußnote”."},
		{"theorrm ", "Does a <b>[theorem]</b> & its proof fill [theorems]?", "No [theorem] here, but a “Fußnote”."},
		{`"its proof"`, "Does a <b>theorem</b> & [its] [proof] fill theorems?", ""},
		{"fussnote ", "", "No theorem here, but a “[Fußnote]”."},
		{"theorem -nothing", "Does a <b>[theorem]</b> & its proof fill [theorems]?", "No [theorem] here, but a “Fußnote”."},
	} {
		if slices.Contains(d.Queries, test.query) {
			continue
		}
		got := find(t, ix, seedbed.Filter{Query: test.query}).Highlights["a"]
		question := strings.ReplaceAll(test.question, "[its] [proof]", "[its proof]")
		// Words of a phrase may be marked together or one by one.
		have := strings.ReplaceAll(brackets(got["question"]), "[its] [proof]", "[its proof]")
		if have != question || brackets(got["answer"]) != test.answer {
			t.Errorf("Search(%s) highlights\nquestion %q\nwant     %q\nanswer   %q\nwant     %q",
				test.query, have, question, brackets(got["answer"]), test.answer)
		}
	}
	if page := find(t, ix, seedbed.Filter{}); len(page.Highlights) > 0 {
		t.Errorf("without a query there are highlights: %q", page.Highlights)
	}
}

func windows(t *testing.T, ix search.Index) {
	filler := strings.Repeat("Müßige Wörter stehen überall. ", 40)
	apply(t, ix, seed("a", "Where?", func(c *search.Change) {
		c.Seed.Answer = filler + "Here is the needle in it. " + filler
	}))
	got := find(t, ix, seedbed.Filter{Query: "needle"}).Highlights["a"]["answer"]
	if !strings.Contains(got, seedbed.MarkStart+"needle"+seedbed.MarkEnd) {
		t.Errorf("the highlight %q has no needle", got)
	}
	if n := len([]rune(got)); n < 150 || n > 300 {
		t.Errorf("the highlight has %d characters, want about 240: %q", n, got)
	}
	if !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "…") {
		t.Errorf("the highlight %q does not show that it was cut", got)
	}
}

func forgedMarks(t *testing.T, ix search.Index) {
	apply(t, ix, seed("a", "Is \uE000this\uE001 a \uE001forged\uE000 mark\uE000, \xff\xfe\x00 or what?"))
	got := find(t, ix, seedbed.Filter{Query: "forged"}).Highlights["a"]["question"]
	if !strings.HasPrefix(brackets(got), "Is this a [forged] mark, ") || strings.Count(got, seedbed.MarkStart) != 1 || strings.Count(got, seedbed.MarkEnd) != 1 {
		t.Errorf("the highlight is %q, want only one pair of marks", got)
	}
}

// library is a small one with every kind of difference.
func library() []search.Change {
	check := func(name, verdict string) func(*search.Change) {
		return func(c *search.Change) {
			c.Seed.Checks = append(c.Seed.Checks, extract.Check{Name: name, Verdict: verdict})
		}
	}
	return []search.Change{
		seed("a", "apples and oranges", check("ground", extract.Pass), check("standalone", extract.Fail), func(c *search.Change) {
			c.Seed.Verdict, c.Seed.Tags, c.Seed.Difficulty.Estimated = extract.Rejected, []string{"fruit", "round"}, 2
			c.Seed.Source.Title = "Zoology"
			c.Seed.Evidence = []extract.Evidence{{Start: 300}}
		}),
		seed("b", "apples and pears", check("ground", extract.Pass), func(c *search.Change) {
			c.Seed.Verdict, c.Seed.Tags, c.Seed.Difficulty.Estimated = extract.Accepted, []string{"fruit"}, 5
			c.Seed.Type, c.Seed.Origin = extract.Proof, extract.Explicit
			c.Seed.Source.Title = "Zoology"
			c.Seed.Evidence = []extract.Evidence{{Start: 20}}
			c.Seed.Created = day.Add(time.Hour)
		}),
		seed("c", "wolves and bears", check("ground", extract.Fail), func(c *search.Change) {
			c.Seed.Source = extract.SourceRef{ID: "s2", Title: "algebra", Kind: extract.Paper}
			c.Seed.Run, c.Seed.Language, c.Seed.Difficulty.Estimated = "r2", "de", 9
			c.Seed.Created = day.Add(2 * time.Hour)
		}),
		seed("d", "apples and wolves", func(c *search.Change) {
			c.Collection = "other"
			c.Seed.Language = ""
			c.Seed.Source = extract.SourceRef{ID: "s3", Title: "Botany", Kind: extract.Page}
			c.Seed.Created = day.Add(-time.Hour)
		}),
	}
}

func filters(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	for _, test := range []struct {
		f    seedbed.Filter
		want string
	}{
		{seedbed.Filter{}, "a b c d"},
		{seedbed.Filter{Verdict: []string{extract.Draft}}, "c d"},
		{seedbed.Filter{Verdict: []string{extract.Draft, extract.Accepted}}, "b c d"},
		{seedbed.Filter{Verdict: []string{"no such"}}, ""},
		{seedbed.Filter{Type: []string{extract.Proof}}, "b"},
		{seedbed.Filter{Origin: []string{extract.Derived}}, "a c d"},
		{seedbed.Filter{Source: []string{"s1"}}, "a b"},
		{seedbed.Filter{Source: []string{"s2", "s3"}}, "c d"},
		{seedbed.Filter{Collection: []string{seedbed.DefaultCollection}}, "a b c"},
		{seedbed.Filter{Collection: []string{"other"}}, "d"},
		{seedbed.Filter{Run: []string{"r2"}}, "c"},
		{seedbed.Filter{Tag: []string{"fruit"}}, "a b"},
		{seedbed.Filter{Tag: []string{"round", "square"}}, "a"},
		{seedbed.Filter{Language: []string{"de"}}, "c"},
		{seedbed.Filter{Kind: []string{extract.Book, extract.Page}}, "a b d"},
		{seedbed.Filter{MinDifficulty: 5}, "b c"},
		{seedbed.Filter{MinDifficulty: 10}, ""},
		{seedbed.Filter{Check: "ground"}, "a b"},
		{seedbed.Filter{Check: "ground:pass"}, "a b"},
		{seedbed.Filter{Check: "ground:fail"}, "c"},
		{seedbed.Filter{Check: "standalone:fail"}, "a"},
		{seedbed.Filter{Check: "pass"}, ""},
		{seedbed.Filter{Query: "apples"}, "a b d"},
		{seedbed.Filter{Query: "apples", Tag: []string{"fruit"}, Verdict: []string{extract.Accepted}}, "b"},
		{seedbed.Filter{Query: "-apples", Verdict: []string{extract.Draft}}, "c"},
		{seedbed.Filter{Query: "apples", Source: []string{"s2"}}, ""},
		{seedbed.Filter{Tag: []string{`fru"it`, `'; DROP TABLE seeds; --`}}, ""},
		{seedbed.Filter{Query: "?! ..."}, "a b c d"}, // no words, no query
	} {
		wantIDs(t, ix, test.f, test.want)
	}
}

// facet shows a facet as "value:count …", in order of value.
func facet(page search.Page, name string) string {
	list := slices.Clone(page.Facets[name])
	slices.SortFunc(list, func(a, b seedbed.Facet) int { return cmp.Compare(a.Value, b.Value) })
	var out []string
	for _, f := range list {
		out = append(out, fmt.Sprintf("%s:%d", f.Value, f.Count))
	}
	return strings.Join(out, " ")
}

// groups has two groups of duplicates and a seed alone. Which one is shown is
// the first in the order asked for among those that the filters leave.
func groups(t *testing.T, ix search.Index) {
	of := func(root string, days int, verdict string) func(*search.Change) {
		return func(c *search.Change) {
			c.Seed.DuplicateOf, c.Seed.Verdict = &root, verdict
			c.Seed.Created = day.AddDate(0, 0, days)
		}
	}
	apply(t, ix,
		seed("a", "How are apples stored?"),
		seed("b", "How are apples stored well?", of("a", 1, extract.Rejected)),
		seed("c", "How are apples being stored?", of("a", 2, extract.Accepted)),
		seed("d", "Who grows pears?", of("gone", 3, extract.Draft)),
		seed("e", "Who grows pears here?", of("gone", 4, extract.Draft)),
		seed("f", "Where do apples grow?"),
	)
	for _, test := range []struct {
		f    seedbed.Filter
		want string
	}{
		{seedbed.Filter{Sort: "oldest"}, "a d f"},
		{seedbed.Filter{Sort: "newest"}, "c e f"},
		{seedbed.Filter{Query: "apples", Sort: "newest"}, "c f"},
		{seedbed.Filter{Query: "apples stored well"}, "b"},
		{seedbed.Filter{Query: "pears -here"}, "d"},
		{seedbed.Filter{Verdict: []string{extract.Rejected, extract.Accepted}, Sort: "oldest"}, "b"},
	} {
		test.f.Distinct = true
		wantIDs(t, ix, test.f, test.want)
	}
	page := find(t, ix, seedbed.Filter{Distinct: true, Size: 2, Page: 2, Sort: "newest"})
	if ids(page) != "a" && ids(page) != "f" || page.Total != 3 {
		t.Errorf("the second page of two has %q of %d, want one of 3", ids(page), page.Total)
	}
	if got, want := facet(page, "verdict"), "accepted:1 draft:4 rejected:1"; got != want {
		t.Errorf("the facets count %s, want every seed: %s", got, want)
	}
	apply(t, ix, seed("c", "How are apples being stored?", func(c *search.Change) { c.Version = 2 }))
	wantIDs(t, ix, seedbed.Filter{Query: "apples", Sort: "oldest", Distinct: true}, "a c f")
}

func (d Differences) facets(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	for _, test := range []struct {
		f    seedbed.Filter
		want map[string]string
	}{
		{seedbed.Filter{}, map[string]string{
			"verdict": "accepted:1 draft:2 rejected:1", "type": "factual:3 proof:1", "origin": "derived:3 explicit:1",
			"source": "s1:2 s2:1 s3:1", "language": "de:1 en:2", "tag": "fruit:2 round:1", "kind": "book:2 page:1 paper:1",
		}},
		{seedbed.Filter{Query: "apples"}, map[string]string{
			"verdict": "accepted:1 draft:1 rejected:1", "type": "factual:2 proof:1", "origin": "derived:2 explicit:1",
			"source": "s1:2 s3:1", "language": "en:2", "tag": "fruit:2 round:1", "kind": "book:2 page:1",
		}},
		// Its own field is not filtered, the other fields are.
		{seedbed.Filter{Verdict: []string{extract.Draft}}, map[string]string{
			"verdict": "accepted:1 draft:2 rejected:1", "type": "factual:2", "origin": "derived:2",
			"source": "s2:1 s3:1", "language": "de:1", "tag": "", "kind": "page:1 paper:1",
		}},
		{seedbed.Filter{Verdict: []string{extract.Draft}, Source: []string{"s1", "s3"}}, map[string]string{
			"verdict": "accepted:1 draft:1 rejected:1", "type": "factual:1", "origin": "derived:1",
			"source": "s1:0 s2:1 s3:1", "language": "", "tag": "", "kind": "page:1",
		}},
		{seedbed.Filter{Tag: []string{"round"}}, map[string]string{
			"verdict": "rejected:1", "type": "factual:1", "origin": "derived:1",
			"source": "s1:1", "language": "en:1", "tag": "fruit:2 round:1", "kind": "book:1",
		}},
		{seedbed.Filter{Collection: []string{"other"}, MinDifficulty: 0}, map[string]string{
			"verdict": "draft:1", "type": "factual:1", "origin": "derived:1",
			"source": "s3:1", "language": "", "tag": "", "kind": "page:1",
		}},
	} {
		page := find(t, ix, test.f)
		got := map[string]string{}
		for name := range page.Facets {
			got[name] = facet(page, name)
		}
		if diff := gocmp.Diff(test.want, got); diff != "" {
			t.Errorf("facets of %+v differ (-want +got):\n%s", test.f, diff)
		}
	}
	page := find(t, ix, seedbed.Filter{})
	want := seedbed.Facet{Value: "s1", Label: "Zoology", Count: 2}
	if d.Labels {
		want.Label = ""
	}
	if first := page.Facets["source"][0]; first != want {
		t.Errorf("the first source is %+v, want the most frequent with its title", first)
	}
}

func sorting(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	for sort, want := range map[string][]string{
		"":           {"c", "b", "a", "d"},
		"newest":     {"c", "b", "a", "d"},
		"relevance":  {"c", "b", "a", "d"}, // nothing to be relevant to
		"oldest":     {"d", "a", "b", "c"},
		"difficulty": {"c", "b", "a", "d"},
		"source":     {"c", "d", "b", "a"}, // algebra, Botany, Zoology by place
	} {
		if diff := gocmp.Diff(want, find(t, ix, seedbed.Filter{Sort: sort}).IDs); diff != "" {
			t.Errorf("sorted by %q differs (-want +got):\n%s", sort, diff)
		}
	}
	if got := find(t, ix, seedbed.Filter{Query: "apples", Sort: "newest"}).IDs; !slices.Equal(got, []string{"b", "a", "d"}) {
		t.Errorf("apples, newest first: %v, want b a d", got)
	}
	_, err := ix.Search(t.Context(), seedbed.Filter{Sort: "beauty; DROP TABLE seeds"})
	if e := (*seedbed.Error)(nil); !errors.As(err, &e) || e.Code != seedbed.Invalid {
		t.Errorf("sorting by beauty: %v, want an invalid error", err)
	}
}

func pages(t *testing.T, ix search.Index) {
	var batch []search.Change
	for i := range 260 {
		batch = append(batch, seed(fmt.Sprintf("%03d", i), "the same words", func(c *search.Change) {
			c.Seed.Created = day.Add(time.Duration(i) * time.Second)
		}))
	}
	apply(t, ix, batch...)
	for _, query := range []string{"", "words", "-nowhere"} {
		for _, sort := range []string{"", "newest", "oldest", "source"} {
			seen := map[string]bool{}
			for page := 1; page <= 6; page++ {
				got := find(t, ix, seedbed.Filter{Query: query, Sort: sort, Page: page, Size: 60})
				want := []int{60, 60, 60, 60, 20, 0}[page-1]
				if len(got.IDs) != want || got.Total != 260 {
					t.Errorf("query %q sort %q page %d has %d of %d, want %d of 260", query, sort, page, len(got.IDs), got.Total, want)
				}
				for _, id := range got.IDs {
					if seen[id] {
						t.Errorf("query %q sort %q: %s is on two pages", query, sort, id)
					}
					seen[id] = true
				}
			}
		}
	}
	for _, test := range []struct{ page, size, want int }{
		{0, 0, seedbed.DefaultPageSize}, {-3, -3, seedbed.DefaultPageSize}, {1, 100_000, seedbed.MaxPageSize}, {2, 100_000, 60}, {1 << 62, 1 << 62, 0},
	} {
		if got := find(t, ix, seedbed.Filter{Page: test.page, Size: test.size}); len(got.IDs) != test.want {
			t.Errorf("page %d of size %d has %d seeds, want %d", test.page, test.size, len(got.IDs), test.want)
		}
	}
}

func changes(t *testing.T, ix search.Index) {
	apply(t, ix, seed("a", "the old question"), seed("b", "the other question"))
	apply(t, ix, seed("a", "the new answer", func(c *search.Change) {
		c.Version = 2
		c.Collection = "moved"
		c.Seed.Verdict = extract.Accepted
		c.Seed.Tags = []string{"changed"}
		c.Seed.Source.Title = "Renamed"
	}))
	wantIDs(t, ix, seedbed.Filter{Query: "old"}, "")
	wantIDs(t, ix, seedbed.Filter{Query: "new"}, "a")
	wantIDs(t, ix, seedbed.Filter{Query: "question"}, "b")
	wantIDs(t, ix, seedbed.Filter{Collection: []string{"moved"}}, "a")
	wantIDs(t, ix, seedbed.Filter{Verdict: []string{extract.Accepted}}, "a")
	// Only the verdict.
	apply(t, ix, seed("b", "the other question", func(c *search.Change) { c.Version, c.Seed.Verdict = 2, extract.Rejected }))
	wantIDs(t, ix, seedbed.Filter{Query: "question", Verdict: []string{extract.Rejected}}, "b")
	if got := facet(find(t, ix, seedbed.Filter{}), "verdict"); got != "accepted:1 rejected:1" {
		t.Errorf("verdicts are %s", got)
	}
	if n, err := ix.Count(t.Context()); n != 2 || err != nil {
		t.Errorf("Count() = %d, %v, want 2", n, err)
	}
}

func versions(t *testing.T, ix search.Index) {
	at := func(version int64, question string) search.Change {
		return seed("a", question, func(c *search.Change) { c.Version = version })
	}
	apply(t, ix, at(5, "fifth"))
	apply(t, ix, at(5, "again"), at(4, "fourth"))
	wantIDs(t, ix, seedbed.Filter{Query: "fifth"}, "a")
	apply(t, ix, search.Change{ID: "a", Version: 4})
	wantIDs(t, ix, seedbed.Filter{Query: "fifth"}, "a")
	apply(t, ix, at(6, "sixth"))
	wantIDs(t, ix, seedbed.Filter{Query: "fifth"}, "")
	wantIDs(t, ix, seedbed.Filter{Query: "sixth"}, "a")
}

func deletions(t *testing.T, ix search.Index) {
	apply(t, ix, seed("a", "short lived"), seed("b", "long lived"))
	apply(t, ix, search.Change{ID: "a", Version: 1}) // the version it has: enough to delete
	wantIDs(t, ix, seedbed.Filter{}, "b")
	wantIDs(t, ix, seedbed.Filter{Query: "lived"}, "b")
	wantIDs(t, ix, seedbed.Filter{Query: "-long"}, "")
	if got := facet(find(t, ix, seedbed.Filter{}), "type"); got != "factual:1" {
		t.Errorf("types are %s, want factual:1", got)
	}
	apply(t, ix, seed("a", "short lived"), search.Change{ID: "a", Version: 1}, search.Change{ID: "never", Version: 7})
	wantIDs(t, ix, seedbed.Filter{}, "b")
	apply(t, ix, seed("never", "late", func(c *search.Change) { c.Version = 6 }))
	wantIDs(t, ix, seedbed.Filter{}, "b")
	apply(t, ix, seed("a", "short lived", func(c *search.Change) { c.Version = 2 }))
	wantIDs(t, ix, seedbed.Filter{Query: "short"}, "a")
}

func batches(t *testing.T, ix search.Index) {
	apply(t, ix,
		seed("a", "first"),
		seed("a", "second", func(c *search.Change) { c.Version = 2 }),
		seed("b", "gone"),
		search.Change{ID: "b", Version: 2},
		search.Change{ID: "c", Version: 1},
		seed("c", "back", func(c *search.Change) { c.Version = 2 }),
	)
	wantIDs(t, ix, seedbed.Filter{}, "a c")
	wantIDs(t, ix, seedbed.Filter{Query: "first"}, "")
	wantIDs(t, ix, seedbed.Filter{Query: "second"}, "a")
	wantIDs(t, ix, seedbed.Filter{Query: "gone"}, "")
	apply(t, ix)
	if err := ix.Apply(t.Context(), []search.Change{{Version: 1}}); err == nil {
		t.Error("a change without an id was taken")
	}
}

func held(t *testing.T, ix search.Index) []search.Version {
	t.Helper()
	var out []search.Version
	for v, err := range ix.Versions(t.Context()) {
		if err != nil {
			t.Fatalf("Versions: %v", err)
		}
		out = append(out, v)
	}
	return out
}

func listing(t *testing.T, ix search.Index) {
	var batch []search.Change
	var want []search.Version
	for i := range 2500 {
		id := fmt.Sprintf("%05d", i)
		batch = append(batch, seed(id, "words", func(c *search.Change) { c.Version = int64(i) + 1 }))
		if i > 0 {
			want = append(want, search.Version{ID: id, Version: int64(i) + 1})
		}
	}
	slices.Reverse(batch)
	apply(t, ix, append(batch, search.Change{ID: "00000", Version: 9})...)
	if diff := gocmp.Diff(want, held(t, ix)); diff != "" {
		t.Errorf("Versions differs (-want +got):\n%s", diff)
	}
	for v, err := range ix.Versions(t.Context()) { // deleting while listing, and stopping
		if err != nil {
			t.Fatalf("Versions: %v", err)
		}
		apply(t, ix, search.Change{ID: v.ID, Version: v.Version})
		if v.ID == "00003" {
			break
		}
	}
	if n, err := ix.Count(t.Context()); n != 2496 || err != nil {
		t.Errorf("Count() = %d, %v, want 2496", n, err)
	}
}

func reset(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	apply(t, ix, search.Change{ID: "a", Version: 5})
	if err := ix.Reset(t.Context()); err != nil {
		t.Fatalf("Reset: %v", err)
	}
	emptyIndex(t, ix)
	apply(t, ix, library()...) // a too: its deletion is forgotten
	wantIDs(t, ix, seedbed.Filter{Query: "apples"}, "a b d")
	wantIDs(t, ix, seedbed.Filter{Tag: []string{"fruit"}}, "a b")
	if got := facet(find(t, ix, seedbed.Filter{}), "kind"); got != "book:2 page:1 paper:1" {
		t.Errorf("kinds are %s", got)
	}
}

// rebuilt goes through changes and looks into the index before each.
func rebuilt(t *testing.T, ix search.Index, meanwhile string, changes ...search.Change) iter.Seq2[search.Change, error] {
	return func(yield func(search.Change, error) bool) {
		for _, c := range changes {
			wantIDs(t, ix, seedbed.Filter{}, meanwhile)
			if !yield(c, nil) {
				return
			}
		}
	}
}

func rebuild(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	apply(t, ix, search.Change{ID: "a", Version: 5}, seed("x", "not in the database any more"))
	if err := ix.Rebuild(t.Context(), rebuilt(t, ix, "b c d x", library()...)); err != nil {
		t.Fatalf("Rebuild: %v", err)
	}
	wantIDs(t, ix, seedbed.Filter{}, "a b c d") // a too: its deletion is forgotten
	wantIDs(t, ix, seedbed.Filter{Query: "apples"}, "a b d")
	if got := facet(find(t, ix, seedbed.Filter{}), "kind"); got != "book:2 page:1 paper:1" {
		t.Errorf("kinds are %s", got)
	}
	apply(t, ix, search.Change{ID: "b", Version: 2})
	wantIDs(t, ix, seedbed.Filter{}, "a c d")
	if err := ix.Rebuild(t.Context(), rebuilt(t, ix, "")); err != nil {
		t.Fatalf("Rebuild from nothing: %v", err)
	}
	emptyIndex(t, ix)
}

func rebuildFails(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	broken := errors.New("the database went away")
	err := ix.Rebuild(t.Context(), func(yield func(search.Change, error) bool) {
		if yield(seed("x", "apples"), nil) {
			yield(search.Change{}, broken)
		}
	})
	if !errors.Is(err, broken) {
		t.Errorf("Rebuild: %v, want %v", err, broken)
	}
	wantIDs(t, ix, seedbed.Filter{Query: "apples"}, "a b d")
	apply(t, ix, seed("y", "apples"))
	wantIDs(t, ix, seedbed.Filter{Query: "apples"}, "a b d y")
}

// Queries have meant something to some engine.
var Queries = []string{
	`"`, `""`, `"""`, `'`, `-`, `--`, `- -`, `-"`, `-""`, `*`, `a*`, `*a`, `^a`, `a^2`, `(`, `)`, `(a`, `a)`, `()`, `((((((((((`, `{`, `}`, `{question}`,
	`question:apples`, `question : apples`, `- question : apples`, `AND`, `OR`, `NOT`, `NEAR`, `apples AND`, `AND apples`, `NOT apples`, `apples OR`, `NEAR(apples pears, 2)`,
	`apples + pears`, `a;b`, `; DROP TABLE seeds; --`, `\`, `\"`, "\x00", "a\x00b", "\xff\xfe", "\uE000", "\uFFFD", "𐍈", "👩‍👩‍👧", "½ ² Ⅳ ﬁ", "İ ß ς", `%`, `_`, `?1`, `:a`, `@a`, `$a`,
	`"unclosed -"minus`, `-"a b`, `“a„b”`, "\u00AD", "a\u00ADb", "\u0301", "e\u0301\u0301\u0301", "\u202E", "\t\n\r\v", strings.Repeat("(", 5000), strings.Repeat(`"`, 5001), strings.Repeat("a", 100_000),
	strings.Repeat("a b ", 5000), strings.Repeat("-a ", 5000), `"` + strings.Repeat("a b ", 5000), strings.Repeat("学", 5000), strings.Repeat("\u0301", 5000), "rank:match", "fts5", "<script>", "1=1", "0x", "१२३",
}

func queries(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	for _, q := range Queries {
		for _, more := range []string{"", " apples", " -apples"} {
			page, err := ix.Search(t.Context(), seedbed.Filter{Query: q + more, Verdict: []string{q}, Tag: nil, Check: ""})
			if err != nil {
				t.Errorf("Search(%.60q): %v", q+more, err)
			}
			if page.Total != 0 {
				t.Errorf("Search(%.60q) finds %d seeds with that verdict", q+more, page.Total)
			}
			if _, err := ix.Search(t.Context(), seedbed.Filter{Query: q + more, Tag: []string{q}, Check: q, Source: []string{q}, Language: []string{q}}); err != nil {
				t.Errorf("Search(%.60q) with filters: %v", q+more, err)
			}
		}
	}
}

func many(t *testing.T, ix search.Index) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("%d-%d", w, i)
				if err := ix.Apply(t.Context(), []search.Change{seed(id, "apples "+id, func(c *search.Change) { c.Seed.Tags = []string{id} })}); err != nil {
					t.Errorf("Apply: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				page, err := ix.Search(t.Context(), seedbed.Filter{Query: "apples", Size: 200})
				if err != nil {
					t.Errorf("Search: %v", err)
				}
				if page.Total != len(page.IDs) || page.Total != len(page.Facets["tag"]) {
					t.Errorf("%d seeds in all, %d on the page, %d tags: not one state", page.Total, len(page.IDs), len(page.Facets["tag"]))
				}
			}
		})
	}
	wg.Wait()
	if n, err := ix.Count(t.Context()); n != 40 || err != nil {
		t.Errorf("Count() = %d, %v, want 40", n, err)
	}
}

func cancelled(t *testing.T, ix search.Index) {
	apply(t, ix, library()...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Search(ctx, seedbed.Filter{Query: "apples"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Search with a cancelled context: %v, want %v", err, context.Canceled)
	}
	if err := ix.Apply(ctx, []search.Change{seed("x", "x")}); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply with a cancelled context: %v, want %v", err, context.Canceled)
	}
	wantIDs(t, ix, seedbed.Filter{}, "a b c d")
}
