package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"go.yaml.in/yaml/v3"

	"seedbed/extract"
	"seedbed/internal/export"
	"seedbed/internal/seedbed"
)

func parquetFile(t *testing.T, data []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rows reads a table into T, by the names of its columns.
func rows[T any](t *testing.T, data []byte) []T {
	t.Helper()
	r := parquet.NewGenericReader[T](parquetFile(t, data))
	defer func() { _ = r.Close() }()
	out := make([]T, r.NumRows())
	if n, err := r.Read(out); n != len(out) || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%d of %d rows, %v", n, len(out), err)
	}
	return out
}

// shown is a binary file as text: of a table its columns and rows, of an
// archive its files without the hashes of tables, which are the library's.
func shown(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if bytes.HasPrefix(data, []byte("PAR1")) {
		schema := parquetFile(t, data).Schema()
		_, _ = fmt.Fprintln(&b, schema)
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		for _, r := range rows[tableRow](t, data) {
			if err := enc.Encode(r); err != nil {
				t.Fatal(err)
			}
		}
		return b.Bytes()
	}
	files, _ := unzip(t, data)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		_, _ = fmt.Fprintf(&b, "-- %s --\n", name)
		if strings.HasSuffix(name, ".parquet") {
			_, _ = fmt.Fprintf(&b, "%d rows\n", parquetFile(t, files[name]).NumRows())
			continue
		}
		text := regexp.MustCompile(`("sha256": ")[0-9a-f]{64}`).ReplaceAll(files[name], []byte("${1}…"))
		b.Write(regexp.MustCompile(`("?(num_)?bytes"?: )\d+`).ReplaceAll(text, []byte("${1}…")))
	}
	return b.Bytes()
}

// A tableRow has the columns of a table as a reader may want them.
type tableRow struct {
	ID          string   `parquet:"id"`
	Question    string   `parquet:"question"`
	Answer      string   `parquet:"answer"`
	ShortAnswer string   `parquet:"short_answer"`
	Reasoning   []string `parquet:"reasoning,list"`
	Messages    []struct {
		Role    string `parquet:"role"`
		Content string `parquet:"content"`
	} `parquet:"messages,list"`
	Difficulty struct {
		Estimated int64   `parquet:"estimated"`
		Votes     []int64 `parquet:"votes,list"`
		Agreement float64 `parquet:"agreement"`
	} `parquet:"difficulty"`
	Evidence []struct {
		Quote string  `parquet:"quote"`
		Lines []int64 `parquet:"lines,list"`
		Start int64   `parquet:"start"`
		End   int64   `parquet:"end"`
	} `parquet:"evidence,list"`
	Source struct {
		Title   string   `parquet:"title"`
		Section []string `parquet:"section,list"`
	} `parquet:"source"`
	Checks []struct {
		Name      string  `parquet:"name"`
		Score     float64 `parquet:"score"`
		Execution *struct {
			Test string `parquet:"test"`
		} `parquet:"execution,optional"`
	} `parquet:"checks,list"`
	DuplicateOf *string  `parquet:"duplicate_of,optional"`
	Tags        []string `parquet:"tags,list"`
	Created     int64    `parquet:"created,optional,timestamp(millisecond)"`
}

func TestParquet(t *testing.T) {
	seeds := samples()
	seeds[0].Checks = append(seeds[0].Checks, extract.Check{Name: "execute", Verdict: extract.Pass, Execution: &extract.Execution{Test: "assert f(1) == 2"}})
	seeds[1].Answer = "not \xff UTF-8"
	got := rows[tableRow](t, write(t, "parquet", seeds, full))
	if len(got) != len(seeds) {
		t.Fatalf("%d rows, want %d", len(got), len(seeds))
	}
	for i, s := range seeds {
		r := got[i]
		answer := strings.ToValidUTF8(s.Answer, "\uFFFD")
		if r.ID != s.ID || r.Question != s.Question || r.Answer != answer || r.ShortAnswer != s.ShortAnswer || r.Source.Title != s.Source.Title {
			t.Errorf("row %d is %+v, want the texts of %+v", i, r, s)
		}
		for what, diff := range map[string]string{
			"reasoning":    cmp.Diff(s.Reasoning, r.Reasoning, cmpopts.EquateEmpty()),
			"tags":         cmp.Diff(s.Tags, r.Tags, cmpopts.EquateEmpty()),
			"section":      cmp.Diff(s.Source.Section, r.Source.Section, cmpopts.EquateEmpty()),
			"duplicate_of": cmp.Diff(s.DuplicateOf, r.DuplicateOf),
		} {
			if diff != "" {
				t.Errorf("%s of row %d differs (-want +got):\n%s", what, i, diff)
			}
		}
		if len(r.Messages) != 3 || r.Messages[0].Content != full.System || r.Messages[1].Content != s.Question || !strings.HasSuffix(r.Messages[2].Content, answer) {
			t.Errorf("the chat of row %d is %+v", i, r.Messages)
		}
		if r.Created != 0 && !time.UnixMilli(r.Created).Equal(s.Created) || (r.Created == 0) != s.Created.IsZero() {
			t.Errorf("row %d was created %v, want %v", i, r.Created, s.Created)
		}
	}
	first := got[0]
	if e := first.Evidence; len(e) != 2 || e[0].Quote != "both are even" || e[0].Start != 1234 || e[0].End != 1247 || !slices.Equal(e[0].Lines, []int64{10, 14}) {
		t.Errorf("the evidence is %+v", e)
	}
	if d := first.Difficulty; d.Estimated != 6 || d.Agreement != 0.625 || !slices.Equal(d.Votes, []int64{5, 2, 1}) {
		t.Errorf("the difficulty is %+v", d)
	}
	if c := first.Checks; len(c) != 2 || c[0].Score != 1 || c[0].Execution != nil || c[1].Execution == nil || c[1].Execution.Test != "assert f(1) == 2" {
		t.Errorf("the checks are %+v", c)
	}
	if len(got[1].Evidence) != 0 || len(got[1].Checks) != 0 {
		t.Errorf("a bare seed has %+v", got[1])
	}

	// Rows stand in groups that a reader can take one at a time.
	groups := parquetFile(t, write(t, "parquet", slices.Repeat(seeds, 1000), full)).RowGroups()
	if len(groups) != 3 || groups[0].NumRows() != 1000 {
		t.Errorf("3000 rows are in %d groups", len(groups))
	}
	seeds[0].Answer = strings.Repeat("long ", 1<<20)
	if groups := parquetFile(t, write(t, "parquet", slices.Repeat(seeds[:1], 6), full)).RowGroups(); len(groups) < 3 {
		t.Errorf("60 MiB of text are in %d groups", len(groups))
	}
}

// A data set says in its card what is in its files.
func TestHuggingFace(t *testing.T) {
	seeds := library(rand.New(rand.NewPCG(7, 8)), 30)
	seeds[0].Source.Title = "---\nlicense: mit\n| x | <script>alert(1)</script> [here](http://evil.example)\u202e"
	for i := range seeds {
		seeds[i].Source.License = "CC-BY-4.0"
		seeds[i].Language = []string{"en", "no", "x\nfoo: bar"}[i%3]
	}
	parts, err := seedbed.ParseSplit("train:0.7,test:0.3")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	e := &export.Exporter{Seeds: &source{seeds: each(seeds)}, Program: "seedbed 1.2", Shard: 10}
	if _, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "huggingface", Split: parts}, seedbed.Filter{}); err != nil {
		t.Fatal(err)
	}
	files, m := unzip(t, b.Bytes())
	readme := string(files["README.md"])
	head, body, ok := strings.Cut(strings.TrimPrefix(readme, "---\n"), "\n---\n")
	if !ok {
		t.Fatalf("the card has no header:\n%s", readme)
	}
	var card struct {
		License  string
		Language []string
		Configs  []struct {
			DataFiles []struct{ Split, Path string } `yaml:"data_files"`
		}
		Info struct {
			Features []struct{ Name string }
			Splits   []struct {
				Name     string
				Examples int   `yaml:"num_examples"`
				Bytes    int64 `yaml:"num_bytes"`
			}
		} `yaml:"dataset_info"`
	}
	if err := yaml.Unmarshal([]byte(head), &card); err != nil {
		t.Fatal(err)
	}
	if card.License != "cc-by-4.0" || !slices.Equal(card.Language, []string{"en", "no"}) {
		t.Errorf("the card says license %q and language %q", card.License, card.Language)
	}
	if d := card.Configs[0].DataFiles; len(d) != 2 || d[0].Path != "data/train-*.parquet" || d[1].Path != "data/test-*.parquet" {
		t.Errorf("the card has the files %+v", d)
	}
	sides := map[string]string{}
	for i, s := range card.Info.Splits {
		n, shards := 0, 0
		for _, f := range m.Files {
			if f.Part != s.Name {
				continue
			}
			if want := fmt.Sprintf("data/%s-%05d.parquet", s.Name, shards); f.Name != want || f.Seeds > 10 {
				t.Errorf("a file is %+v, want %s with at most 10 seeds", f, want)
			}
			shards++
			found := rows[struct {
				Source struct {
					SHA256 string `parquet:"sha256"`
				} `parquet:"source"`
			}](t, files[f.Name])
			n += len(found)
			for _, r := range found {
				if was := sides[r.Source.SHA256]; was != "" && was != s.Name {
					t.Errorf("%s is in %s and in %s", r.Source.SHA256, was, s.Name)
				}
				sides[r.Source.SHA256] = s.Name
			}
		}
		if n == 0 || shards < 2 || s.Examples != n || m.Split[i].Seeds != n || s.Name != m.Split[i].Name {
			t.Errorf("%+v has %d rows in %d files; the manifest says %+v", s, n, shards, m.Split[i])
		}
	}
	columns := parquetFile(t, files["data/train-00000.parquet"]).Schema().Fields()
	if len(card.Info.Features) != len(columns) || len(columns) < 20 {
		t.Errorf("the card describes %d of %d columns", len(card.Info.Features), len(columns))
	}
	for _, bad := range []string{"<script>", "](http", "\u202e", "\nlicense: mit", "| x |", "foo: bar"} {
		if strings.Contains(readme, bad) {
			t.Errorf("the card holds %q of a source", bad)
		}
	}
	if !strings.Contains(body, `\<script\>alert\(1\)`) {
		t.Errorf("the card does not show the title:\n%s", body)
	}
}

func TestLicenseOfDataSet(t *testing.T) {
	for _, test := range []struct {
		sources []string
		want    string
	}{
		{nil, "unknown"},
		{[]string{"MIT", "MIT"}, "mit"},
		{[]string{"GPL-3.0-or-later"}, "gpl-3.0"},
		{[]string{"MIT", "Apache-2.0"}, "other"},
		{[]string{"All rights reserved"}, "other"},
		{[]string{"MIT", ""}, "unknown"},
		{[]string{"x: y\n- z"}, "other"},
	} {
		var seeds []extract.Seed
		for i, l := range test.sources {
			seeds = append(seeds, extract.Seed{Source: extract.SourceRef{ID: fmt.Sprint(i), License: l}})
		}
		files, _ := unzip(t, write(t, "huggingface", seeds, seedbed.ExportOptions{}))
		if !strings.Contains(string(files["README.md"]), "\nlicense: "+test.want+"\n") {
			t.Errorf("sources under %q make %s, want %s", test.sources, files["README.md"][:200], test.want)
		}
	}
}
