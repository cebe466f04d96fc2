package query_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

func ExampleFilter() {
	v, _ := url.ParseQuery("q=binary+tree&verdict=accepted&type=code&type=proof&page=2")
	f, err := query.Filter(v)
	fmt.Println(f.Query, f.Verdict, f.Type, f.Page, err)
	_, err = query.Filter(url.Values{"verdict": {"maybe"}})
	fmt.Println(err)
	// Output:
	// binary tree [accepted] [code proof] 2 <nil>
	// verdict: "maybe" is none of draft, accepted, rejected, any
}

func TestFilter(t *testing.T) {
	for _, tt := range []struct {
		query string
		want  seedbed.Filter
	}{
		{"", seedbed.Filter{}},
		{"q=+&verdict=&min_difficulty=&page=", seedbed.Filter{}},
		{"verdict=any", seedbed.Filter{Verdict: []string{"accepted", "draft", "rejected"}}},
		{"verdict=rejected&verdict=any", seedbed.Filter{Verdict: []string{"accepted", "draft", "rejected"}}},
		{"verdict=draft,any", seedbed.Filter{Verdict: []string{"accepted", "draft", "rejected"}}},
		{"verdict=draft,accepted", seedbed.Filter{Verdict: []string{"accepted", "draft"}}},
		{"origin=derived&kind=book&source=s1&source=s2", seedbed.Filter{Origin: []string{"derived"}, Kind: []string{"book"}, Source: []string{"s1", "s2"}}},
		{"collection=physics&run=r&tag=a,b&language=de", seedbed.Filter{Collection: []string{"physics"}, Run: []string{"r"}, Tag: []string{"a,b"}, Language: []string{"de"}}},
		{"min_difficulty=7&check=ground:fail&sort=newest&page=3&size=200", seedbed.Filter{MinDifficulty: 7, Check: "ground:fail", Sort: "newest", Page: 3, Size: 200}},
		{"distinct=on", seedbed.Filter{Distinct: true}},
		{"distinct=false", seedbed.Filter{}},
		{"format=csv&q=x", seedbed.Filter{Query: "x"}},
	} {
		v, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := query.Filter(v, "format")
		if err != nil {
			t.Errorf("Filter(%q): %v", tt.query, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Filter(%q) (-want +got):\n%s", tt.query, d)
		}
		again, err := query.Filter(query.Values(got))
		if d := cmp.Diff(got, again); err != nil || d != "" {
			t.Errorf("Filter(Values(Filter(%q))): %v (-first +again):\n%s", tt.query, err, d)
		}
	}
}

func TestFilterNamesTheParameter(t *testing.T) {
	for in, name := range map[string]string{
		"verdict=maybe":      "verdict",
		"verdct=accepted":    "verdct",
		"type=essay":         "type",
		"origin=heaven":      "origin",
		"kind=scroll":        "kind",
		"sort=random":        "sort",
		"page=0":             "page",
		"page=one":           "page",
		"size=201":           "size",
		"min_difficulty=11":  "min_difficulty",
		"min_difficulty=1.5": "min_difficulty",
		"check=:fail":        "check",
		"check=ground:maybe": "check",
		"format=csv":         "format",
	} {
		v, err := url.ParseQuery(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = query.Filter(v)
		var p *query.ParamError
		if !errors.As(err, &p) || p.Name != name {
			t.Errorf("Filter(%q) = %v, want an error about %s", in, err, name)
		}
		if seedbed.CodeOf(err) != seedbed.Invalid {
			t.Errorf("Filter(%q): code %s, want %s", in, seedbed.CodeOf(err), seedbed.Invalid)
		}
	}
}

// A mistyped name is answered with those there are, each of which is taken.
func TestFilterNamesWhatThereIs(t *testing.T) {
	_, err := query.Filter(url.Values{"verdct": {"accepted"}}, "format")
	_, list, ok := strings.Cut(fmt.Sprint(err), "there are ")
	names := strings.Split(list, ", ")
	if !ok || !slices.Contains(names, "verdict") || !slices.Contains(names, "format") {
		t.Fatalf("Filter = %v, want the names there are", err)
	}
	for _, name := range names {
		if _, err := query.Filter(url.Values{name: {"?"}}, "format"); err != nil && strings.Contains(err.Error(), "no such parameter") {
			t.Errorf("%s is said to be taken: %v", name, err)
		}
	}
	full := query.Values(seedbed.Filter{Query: "x", Verdict: []string{"draft"}, Type: []string{"code"}, Origin: []string{"derived"}, Kind: []string{"book"},
		Source: []string{"s"}, Collection: []string{"c"}, Run: []string{"r"}, Tag: []string{"t"}, Language: []string{"en"}, MinDifficulty: 2, Check: "ground", Distinct: true, Sort: "newest", Page: 2, Size: 7})
	for name := range full {
		if !slices.Contains(names, name) {
			t.Errorf("%s is taken and not named", name)
		}
	}
}

func TestChange(t *testing.T) {
	empty, verdict, kind, fine := " ", "perhaps", "essay", "accepted"
	for _, tt := range []struct {
		change seedbed.SeedChange
		wrong  string
	}{
		{seedbed.SeedChange{}, ""},
		{seedbed.SeedChange{Verdict: &fine}, ""},
		{seedbed.SeedChange{Question: &empty}, "question"},
		{seedbed.SeedChange{Answer: &empty}, "answer"},
		{seedbed.SeedChange{Verdict: &verdict}, "verdict"},
		{seedbed.SeedChange{Type: &kind}, "type"},
	} {
		err := query.Change(tt.change)
		var p *query.ParamError
		errors.As(err, &p)
		if (tt.wrong == "") != (err == nil) || p != nil && p.Name != tt.wrong {
			t.Errorf("Change(%+v) = %v, want an error about %q", tt.change, err, tt.wrong)
		}
	}
}

func TestExport(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "format=",
		"format=csv&reasoning=on&q=x": "format=csv&q=x&reasoning=true",
		"format=messages&system=+Be+brief.+&split=train:0.9,+test:.1&split_seed=7&verdict=any": "format=messages&split=train:0.9,test:0.1&split_seed=7&system=Be brief.&verdict=accepted&verdict=draft&verdict=rejected",
		"split_seed=7":      "format=", // there is nothing to deal
		"split=a:1,b:1":     "split: the shares have to add up to 1, and these add up to 2",
		"split_seed=0.5":    `split_seed: "0.5" is no whole number`,
		"reasoning=perhaps": `reasoning: "perhaps" is neither true nor false`,
	} {
		v, err := url.ParseQuery(in)
		if err != nil {
			t.Fatal(err)
		}
		f, err := query.Filter(v, query.ExportNames...)
		if err != nil {
			t.Fatal(err)
		}
		o, err := query.Export(v)
		got, _ := url.QueryUnescape(query.ExportValues(o, f).Encode())
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Export(%q) = %s, want %s", in, got, want)
		}
	}
}
