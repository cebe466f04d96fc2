package measure_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/measure"
	"seedbed/extract/stage"
	"seedbed/extract/tokens"
)

var update = flag.Bool("update", false, "accept what is printed now")

func Example() {
	var doc extract.Builder
	doc.Add("", extract.Block{Kind: extract.Heading, Level: 1, Title: "Trees", Text: "# Trees"})
	doc.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "A tree with 12 vertices has 11 edges."})
	doc.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: "Paths", Text: "# Paths"})
	doc.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "Two vertices of a tree are joined by one path."})

	seed := extract.Seed{
		ID: "1", Question: "How many edges has a tree with 12 vertices?", Answer: "It has 11.",
		Origin: extract.Explicit, Type: extract.Factual, Verdict: extract.Draft,
		Evidence: []extract.Evidence{{Quote: "12 vertices has 11 edges", Start: 21, End: 45, Match: extract.MatchExact}},
	}
	card := measure.Of(slices.Values([]extract.Seed{seed}), measure.Options{
		Sources: []measure.Source{{Name: "trees.md", Doc: doc.Done()}},
	})
	fmt.Println("quotes grounded:", card.Evidence.Grounded)
	fmt.Println("numbers in quotes:", card.Evidence.NumbersInQuotes)
	fmt.Println("sections reached:", card.Coverage.Sections)
	fmt.Println("not reached:", card.Coverage.Missed[0].Section)
	// Output:
	// quotes grounded: {1 1}
	// numbers in quotes: {1 1}
	// sections reached: {1 2}
	// not reached: [Paths]
}

// book is a document of three sections, one with a ligature and a hyphen at
// the end of a line, and a list of references that readers skip.
func book() *extract.Document {
	var b extract.Builder
	heading := func(gap, title string) {
		b.Add(gap, extract.Block{Kind: extract.Heading, Level: 1, Title: title, Text: "# " + title})
	}
	heading("", "One")
	b.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "alpha beta gamma delta epsilon."})
	heading("\n\n", "Two")
	b.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "The ﬁrst of 42 “knots” was un-\ntied."})
	heading("\n\n", "Three")
	b.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "Nobody asks about this."})
	b.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: "References", Text: "# References", Skip: "references"})
	b.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: "A. Author, 1999.", Skip: "references"})
	return b.Done()
}

// at is the evidence of a quote that stands in the book.
func at(quote, match string) extract.Evidence {
	text := book().Text
	before, _, ok := strings.Cut(text, quote)
	if !ok {
		panic(quote + " is not in the book")
	}
	start := len([]rune(before))
	return extract.Evidence{Quote: quote, Start: start, End: start + len([]rune(quote)), Match: match}
}

func seed(question, answer string, evidence ...extract.Evidence) extract.Seed {
	return extract.Seed{ID: question, Question: question, Answer: answer, Origin: extract.Derived, Type: extract.Factual,
		Verdict: extract.Draft, Evidence: evidence}
}

func of(seeds ...extract.Seed) *measure.Card {
	return measure.Of(slices.Values(seeds), measure.Options{Sources: []measure.Source{{Name: "book", Doc: book()}}})
}

func TestGrounding(t *testing.T) {
	two := at("The ﬁrst of 42 “knots” was un-\ntied.", extract.MatchExact)
	moved := func(e extract.Evidence, by int) extract.Evidence {
		e.Start, e.End = e.Start+by, e.End+by
		return e
	}
	words := func(e extract.Evidence, quote, match string) extract.Evidence {
		e.Quote, e.Match = quote, match
		return e
	}
	type counts struct{ Grounded, Elsewhere, Missing int }
	tests := []struct {
		name string
		e    extract.Evidence
		want counts
	}{
		{"exact", at("beta gamma", extract.MatchExact), counts{1, 0, 0}},
		{"exact after wide characters", two, counts{1, 0, 0}},
		{"exact, one off", moved(at("beta gamma", extract.MatchExact), 1), counts{0, 1, 0}},
		{"exact, before the text", moved(at("beta gamma", extract.MatchExact), -100), counts{0, 1, 0}},
		{"exact, after the text", moved(at("beta gamma", extract.MatchExact), 1000), counts{0, 1, 0}},
		{"normalized, the source's words", words(two, two.Quote, extract.MatchNormalized), counts{1, 0, 0}},
		{"normalized, other marks", words(two, `The first of 42 "knots" was untied.`, extract.MatchNormalized), counts{1, 0, 0}},
		{"the same called exact", words(two, `The first of 42 "knots" was untied.`, extract.MatchExact), counts{0, 1, 0}},
		{"repaired, other words", words(two, "The first of 43 knots was untied.", extract.MatchRepaired), counts{0, 0, 1}},
		{"invented", extract.Evidence{Quote: "zeta eta", Start: 7, End: 15, Match: extract.MatchExact}, counts{0, 0, 1}},
		{"without a place", extract.Evidence{Quote: "beta gamma"}, counts{0, 1, 0}},
		{"empty", extract.Evidence{Match: extract.MatchNormalized, Start: 3, End: 3}, counts{0, 0, 1}},
		{"a space for the whole text", extract.Evidence{Quote: " ", Start: 0, End: 150, Match: extract.MatchNormalized}, counts{0, 0, 1}},
		{"a sign of no width", extract.Evidence{Quote: "\u200b", Start: 5, End: 6, Match: extract.MatchNormalized}, counts{0, 0, 1}},
	}
	for _, test := range tests {
		e := of(seed("Which letters are there?", "Greek ones.", test.e)).Evidence
		got := counts{e.Grounded.N, e.Elsewhere, e.Missing}
		if got != test.want || e.Grounded.Of != 1 {
			t.Errorf("%s: got %+v of %d, want %+v of 1", test.name, got, e.Grounded.Of, test.want)
		}
		if e.GroundedSeeds != (measure.Share{N: test.want.Grounded, Of: 1}) {
			t.Errorf("%s: %v seeds grounded, want as their quote", test.name, e.GroundedSeeds)
		}
	}
}

func TestCoverage(t *testing.T) {
	// Tokens as extract/tokens estimates them, of blocks that are not skipped.
	card := of(
		seed("Which letter comes first?", "alpha", at("alpha beta", extract.MatchExact)),
		seed("Which letter comes second?", "beta", at("beta gamma", extract.MatchExact)),
		seed("What was untied?", "a knot", at("The ﬁrst of 42", extract.MatchExact), at("delta", extract.MatchExact)),
		seed("What is invented?", "this", extract.Evidence{Quote: "zeta", Start: 7, End: 11, Match: extract.MatchExact}),
	)
	c := card.Coverage
	if c.Sections != (measure.Share{N: 2, Of: 3}) {
		t.Errorf("sections reached = %v, want One and Two of three: References is skipped", c.Sections)
	}
	if want := []measure.Missed{{Source: "book", Section: []string{"Three"}, Tokens: c.Missed[0].Tokens}}; !reflect.DeepEqual(c.Missed, want) {
		t.Errorf("missed = %v, want %v", c.Missed, want)
	}
	if c.Unplaced != 1 || c.Seeds != 4 {
		t.Errorf("%d of %d seeds unplaced, want 1 of 4", c.Unplaced, c.Seeds)
	}
	// Two in One, one in Two, none in Three: mean difference 8 ÷ 9, mean 1.
	if want := 4.0 / 9; c.GiniSections == nil || abs(*c.GiniSections-want) > 1e-9 {
		t.Errorf("Gini over sections = %v, want %v", c.GiniSections, want)
	}
	if got, want := *c.Pairs, 4000/float64(c.Tokens); abs(got-want) > 1e-9 {
		t.Errorf("pairs per 1,000 tokens = %v, want %v", got, want)
	}
	// The whole book is one passage; nobody's quote is counted twice.
	if c.Passages.N != c.Passages.Of || c.Quoted.N <= 0 || c.Quoted.N >= c.Quoted.Of {
		t.Errorf("tokens in passages %v and quoted %v, want all and some", c.Passages, c.Quoted)
	}
	all := of(seed("All?", "yes", at("alpha beta gamma delta epsilon.", extract.MatchExact))).Coverage
	once := of(
		seed("All?", "yes", at("alpha beta gamma delta epsilon.", extract.MatchExact)),
		seed("Some?", "yes", at("beta gamma", extract.MatchExact)),
	).Coverage
	if all.Quoted != once.Quoted {
		t.Errorf("tokens quoted = %v, and %v with a part quoted again", all.Quoted, once.Quoted)
	}
}

func abs(f float64) float64 { return max(f, -f) }

// Whatever is quoted, coverage is what one finds by looking at each character
// and each section anew.
func TestCoverageIsWhatIsQuoted(t *testing.T) {
	doc := book()
	text := []rune(doc.Text)
	r := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		var seeds []extract.Seed
		quoted := make([]bool, len(text))
		counts := map[string]int{}
		for range r.IntN(5) {
			start := r.IntN(len(text) - 1)
			end := min(len(text), start+1+r.IntN(20))
			quote := string(text[start:end])
			if strings.TrimSpace(quote) == "" {
				continue
			}
			seeds = append(seeds, seed("What is there?", "A text.", extract.Evidence{Quote: quote, Start: start, End: end, Match: extract.MatchExact}))
			for i := start; i < end; i++ {
				quoted[i] = true
			}
			for _, s := range doc.Sections() { // the first it touches counts it
				if name := s.Path[0]; name != "References" && s.Blocks[0].Start < end && s.Blocks[len(s.Blocks)-1].End > start {
					counts[name]++
					break
				}
			}
		}
		touched, tokensQuoted := 0, 0
		for _, s := range doc.Sections() {
			hit := false
			for _, b := range s.Blocks {
				run := ""
				for i := b.Start; i <= b.End; i++ {
					if i < b.End && quoted[i] {
						run += string(text[i])
						hit = true
						continue
					}
					if b.Skip == "" {
						tokensQuoted += tokens.Count(run)
					}
					run = ""
				}
			}
			for i := s.Blocks[0].Start; i < s.Blocks[len(s.Blocks)-1].End; i++ {
				hit = hit || quoted[i] // the line between two blocks
			}
			if hit && s.Path[0] != "References" {
				touched++
			}
		}
		c := of(seeds...).Coverage
		if want := (measure.Share{N: touched, Of: 3}); c.Sections != want {
			t.Errorf("sections reached = %v, want %v", c.Sections, want)
		}
		if got := c.Quoted.N; got != min(tokensQuoted, c.Tokens) {
			t.Errorf("tokens quoted = %d, want %d", got, tokensQuoted)
		}
		sum, difference := 0, 0
		for _, a := range []string{"One", "Two", "Three"} {
			sum += counts[a]
			for _, b := range []string{"One", "Two", "Three"} {
				difference += max(counts[a]-counts[b], counts[b]-counts[a])
			}
		}
		if sum == 0 {
			continue
		}
		if want := float64(difference) / float64(6*sum); abs(*c.GiniSections-want) > 1e-9 {
			t.Errorf("Gini over sections = %v, want %v of %v", *c.GiniSections, want, counts)
		}
	}
}

func TestSourcesAreMatched(t *testing.T) {
	from := func(id, sum string) extract.Seed {
		s := seed("Which letters are there?", "Greek ones.", at("alpha", extract.MatchExact))
		s.Source = extract.SourceRef{ID: id, SHA256: sum}
		return s
	}
	tests := []struct {
		name    string
		sources int
		s       extract.Seed
		want    string // the source, "" for none
	}{
		{"by sum", 2, from("", "sum-1"), "1"},
		{"by sum, under another id", 2, from("server", "sum-2"), "2"},
		{"by id", 2, from("id-2", ""), "2"},
		{"changed since", 2, from("id-2", "other"), ""},
		{"another", 1, from("id-9", "sum-9"), ""},
		{"the only one", 1, from("", ""), "1"},
		{"one of two", 2, from("", ""), ""},
	}
	for _, test := range tests {
		var sources []measure.Source
		for i := range test.sources {
			n := fmt.Sprint(i + 1)
			sources = append(sources, measure.Source{Name: n, ID: "id-" + n, SHA256: "sum-" + n, Doc: book()})
		}
		card := measure.Of(slices.Values([]extract.Seed{test.s}), measure.Options{Sources: sources})
		got := ""
		for _, s := range card.Coverage.Sources {
			if s.Seeds > 0 {
				got += s.Name
			}
		}
		if got != test.want {
			t.Errorf("%s: counted in %q, want %q", test.name, got, test.want)
		}
		if elsewhere := card.Coverage.Elsewhere == 1; elsewhere != (test.want == "") {
			t.Errorf("%s: %d elsewhere", test.name, card.Coverage.Elsewhere)
		}
	}
}

func TestStandalone(t *testing.T) {
	c := of(
		seed("What does the passage say about trees?", "They are green."),
		seed("What is shown in Figure 3?", "See chapter 4."),
		seed("Is it true that Paris is the capital of France?", "Paris"),
		seed("What is a leaf?", "n/a"),
		seed("What is a tree?", "A connected graph without cycles."),
	).Standalone
	want := measure.Standalone{
		References: measure.Share{N: 2, Of: 5}, Leaks: measure.Share{N: 1, Of: 5},
		Pointers: measure.Share{N: 1, Of: 5}, Void: measure.Share{N: 1, Of: 5},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("Standalone, −want +got:\n%s", diff)
	}
}

func TestNumbers(t *testing.T) {
	e := of(
		// 5 is given; 42 is quoted; 1999 stands in the source, 7 nowhere.
		seed("What is 5 more than the knots?", "42 + 5 is 47, not 7, and not 1999.", at("of 42", extract.MatchExact)),
	).Evidence
	if want := (measure.Share{N: 1, Of: 4}); e.NumbersInQuotes != want {
		t.Errorf("numbers in quotes = %v, want %v", e.NumbersInQuotes, want)
	}
	if want := (measure.Share{N: 2, Of: 4}); e.NumbersInSource != want {
		t.Errorf("numbers in source = %v, want %v", e.NumbersInSource, want)
	}
}

func TestNearDuplicates(t *testing.T) {
	d := of(
		seed("How many edges has a tree with n vertices?", "n − 1"),
		seed("How many edges has a tree with n vertices?", "One fewer."),    // the same
		seed("How many edges has a tree with n vertices exactly?", "n − 1"), // nearly
		seed("How many edges has a tree with 12 vertices?", "11"),           // a number apart
		seed("Why is every path between two vertices of a tree one?", "…1"), // another
	).Diversity
	if want := (measure.Share{N: 2, Of: 5}); d.NearDuplicates != want {
		t.Errorf("near duplicates = %v, want %v", d.NearDuplicates, want)
	}
	// 5 seeds, all with one type; first words How ×4, Why ×1.
	if d.LargestType != (measure.Share{N: 5, Of: 5}) || d.FirstWords.Kinds != 2 || abs(d.FirstWords.Bits-0.7219280948873623) > 1e-9 {
		t.Errorf("largest type %v, first words %+v; want all, and 0.72 bit", d.LargestType, d.FirstWords)
	}
}

// The same questions are duplicates as where the stage itself remembers them.
func TestNearDuplicatesAreDedupes(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	words := strings.Fields("tree path edge leaf graph vertex cycle root 2 3 not")
	var seeds []extract.Seed
	for range 400 {
		q := "Which of these"
		for range 3 + r.IntN(4) {
			q += " " + words[r.IntN(len(words))]
		}
		seeds = append(seeds, seed(q+"?", "That one."))
	}
	for i := range seeds {
		seeds[i].ID = fmt.Sprint(i)
	}
	got := of(seeds...).Diversity.NearDuplicates
	judged, err := new(stage.Dedupe).Do(t.Context(), extract.Passage{}, slices.Clone(seeds))
	if err != nil {
		t.Fatal(err)
	}
	want := measure.Share{Of: len(seeds)}
	for _, s := range judged {
		if !s.Live() {
			want.N++
		}
	}
	if got != want || got.N < 20 {
		t.Errorf("near duplicates = %v, want %v, and some", got, want)
	}
}

func TestVerdictsAndCost(t *testing.T) {
	accepted, rejected, judged := seed("A?", "a b"), seed("B?", "b c"), seed("C?", "c d")
	accepted.Verdict, accepted.Tokens = extract.Accepted, extract.Tokens{In: 900, Out: 100}
	rejected.Tokens = extract.Tokens{In: 400, Out: 600}
	rejected.Verdict = extract.Draft
	rejected.Record(extract.Check{Name: "ground", Verdict: extract.Fail, Reason: "no quote supports it"})
	judged.Verdict, judged.VerdictReason = extract.Rejected, "wrong"
	all := slices.Values([]extract.Seed{accepted, rejected, judged, seed("D?", "d e")})

	card := measure.Of(all, measure.Options{PriceIn: 1, PriceOut: 10})
	if diff := cmp.Diff(measure.Tally{"accepted": 1, "rejected": 2, "draft": 1}, card.Seeds.Verdicts); diff != "" {
		t.Errorf("verdicts, −want +got:\n%s", diff)
	}
	if diff := cmp.Diff(measure.Tally{"ground": 1, "a person": 1}, card.Seeds.RejectedBy); diff != "" {
		t.Errorf("rejected by, −want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]measure.CheckCard{{Name: "ground", Fail: 1}}, card.Checks); diff != "" {
		t.Errorf("checks, −want +got:\n%s", diff)
	}
	c := card.Cost
	if card.Seeds.Measured != 2 || *c.TokensPerMeasured != 1000 || *c.TokensPerAccepted != 2000 {
		t.Errorf("%d measured at %v tokens, accepted at %v; want 2 at 1000, 2000", card.Seeds.Measured, *c.TokensPerMeasured, *c.TokensPerAccepted)
	}
	// 1,300 in at 1 and 700 out at 10 a million.
	if abs(*c.Money-0.0083) > 1e-12 || abs(*c.PerAccepted-0.0083) > 1e-12 {
		t.Errorf("cost %v, %v for one accepted; want 0.0083", *c.Money, *c.PerAccepted)
	}

	only := measure.Of(all, measure.Options{Verdicts: []string{extract.Accepted}})
	if only.Seeds.Measured != 1 || only.Seeds.Total != 4 || only.Cost.Money != nil {
		t.Errorf("accepted only: %d of %d measured, cost %v; want 1 of 4, none known", only.Seeds.Measured, only.Seeds.Total, only.Cost.Money)
	}
}

func TestDifficulty(t *testing.T) {
	with := func(level int, votes ...int) extract.Seed {
		s := seed(fmt.Sprintf("Level %d %v?", level, votes), "so")
		s.Difficulty = extract.Difficulty{Estimated: level, Votes: votes}
		return s
	}
	card := of(with(3, 8), with(5, 1, 4, 3), with(5, 1, 1, 1, 1), with(0), with(11, -1, 1<<40))
	d, a := card.Difficulty, card.Answers
	if diff := cmp.Diff(measure.Tally{"8/8": 1, "4/8": 1, "1/4": 1}, a.Votes); diff != "" || a.Voted != 3 {
		t.Errorf("votes of %d seeds, −want +got:\n%s", a.Voted, diff)
	}
	if want := (1 + 0.5 + 0.25) / 3; abs(*a.Agreement-want) > 1e-9 {
		t.Errorf("agreement = %v, want %v", *a.Agreement, want)
	}
	if diff := cmp.Diff(measure.Tally{"3": 1, "5": 2}, d.Estimated); diff != "" || abs(*d.Mean-13.0/3) > 1e-9 {
		t.Errorf("levels, mean %v, −want +got:\n%s", *d.Mean, diff)
	}
}

func TestAnswers(t *testing.T) {
	voted := func(agreement float64, votes []int, tags ...string) extract.Seed {
		s := seed("What is asked again?", "The same.")
		s.Difficulty, s.Tags = extract.Difficulty{Votes: votes, Agreement: agreement}, tags
		return s
	}
	asked := func(verdict string, closed bool) extract.Seed {
		s := seed("What is asked again?", "The same.")
		s.Difficulty.ClosedBook = closed
		s.Record(extract.Check{Name: "roundtrip", Verdict: verdict})
		return s
	}
	a := of(
		asked(extract.Pass, true), asked(extract.Pass, false), asked(extract.Fail, false), asked(extract.Uncertain, false), asked(extract.Skipped, true),
		voted(0.5, []int{4, 1}, "hard", "contested", "algebra"), // three of eight answers were empty
		voted(1, []int{8}, "too easy"),
	).Answers
	want := measure.Answers{
		Roundtrip: measure.Share{N: 2, Of: 4}, ClosedBook: measure.Share{N: 1, Of: 4},
		Voted: 2, Agreement: a.Agreement, Votes: measure.Tally{"4/8": 1, "8/8": 1},
		Labels: measure.Tally{"hard": 1, "contested": 1, "too easy": 1},
	}
	if diff := cmp.Diff(want, a); diff != "" || a.Agreement == nil || abs(*a.Agreement-0.75) > 1e-9 {
		t.Errorf("answers, −want +got:\n%s", diff)
	}
}

func TestRecords(t *testing.T) {
	good := `{"question":"Q?","answer":"A","verdict":"draft"}`
	tests := []struct {
		name, in string
		want     []string // "seed", or what the error says
	}{
		{"nothing", "", nil},
		{"empty lines", "\n\r\n  \n", nil},
		{"two", good + "\n" + good + "\n", []string{"seed", "seed"}},
		{"no last line break", good + "\r\n" + good, []string{"seed", "seed"}},
		{"byte order mark", "\ufeff" + good, []string{"seed"}},
		{"unknown fields", `{"question":"Q?","extra":[1]}`, []string{"seed"}},
		{"cut off", good + "\n" + good[:20] + "\n" + good, []string{"seed", "line 2: not JSON: unexpected end of JSON input, after 20 bytes", "seed"}},
		{"not JSON", "id,question", []string{"line 1: not JSON: invalid character 'i' looking for beginning of value, after 1 bytes"}},
		{"two on a line", good + good, []string{"line 1: not JSON: invalid character '{' after top-level value, after 49 bytes"}},
		{"an array", "[]\n\n" + good, []string{"line 1: a JSON array where a seed record should be", "seed"}},
		{"wrong type", `{"question":7}`, []string{`line 1: field "question" cannot be a JSON number`}},
		{"wrong type within", `{"question":"Q","tokens":{"in":1.5}}`, []string{`line 1: field "tokens.in" cannot be a JSON number 1.5`}},
		{"wrong time", `{"question":"Q","created":"yesterday"}`, []string{`line 1: not a seed record: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`}},
		{"another format", `{"messages":[]}`, []string{"line 1: neither question nor answer: this is no seed record; export with --format seedbed"}},
		{"null", "null", []string{"line 1: neither question nor answer: this is no seed record; export with --format seedbed"}},
		{"too long", `{"question":"` + strings.Repeat("x", 17<<20) + "\"}\n" + good, []string{"line 1: longer than 16 MiB", "seed"}},
	}
	for _, test := range tests {
		var got []string
		for s, err := range measure.Records(strings.NewReader(test.in)) {
			switch {
			case err != nil:
				got = append(got, err.Error())
			case s.Question == "":
				t.Errorf("%s: an empty seed", test.name)
			default:
				got = append(got, "seed")
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s, −want +got:\n%s", test.name, diff)
		}
	}
}

func TestReadFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	in := io.MultiReader(strings.NewReader("{\"question\":\"Q?\"}\n{"), iotest.ErrReader(broken))
	card, err := measure.Read(t.Context(), in, measure.Options{}, nil)
	if !errors.Is(err, broken) || err.Error() != "read line 2: the disk is gone" {
		t.Errorf("Read = %v, want that line 2 could not be read", err)
	}
	if card.Lines != (measure.Lines{Read: 1}) || card.Seeds.Total != 1 {
		t.Errorf("Read counted %+v and %d seeds before it, want one of each", card.Lines, card.Seeds.Total)
	}
}

func TestInvalid(t *testing.T) {
	valid := func() extract.Seed { return seed("What is there?", "A text.", at("alpha", extract.MatchExact)) }
	tests := []struct {
		want   string
		change func(*extract.Seed)
	}{
		{"no question", func(s *extract.Seed) { s.Question = " " }},
		{"no answer", func(s *extract.Seed) { s.Answer = "" }},
		{"no id", func(s *extract.Seed) { s.ID = "" }},
		{"unknown origin", func(s *extract.Seed) { s.Origin = "found" }},
		{"unknown type", func(s *extract.Seed) { s.Type = "" }},
		{"unknown verdict", func(s *extract.Seed) { s.Verdict = "fine" }},
		{"difficulty out of range", func(s *extract.Seed) { s.Difficulty.Estimated = 11 }},
		{"difficulty out of range", func(s *extract.Seed) { s.Difficulty.Agreement = 1.1 }},
		{"difficulty out of range", func(s *extract.Seed) { s.Difficulty.Votes = []int{-1} }},
		{"tokens out of range", func(s *extract.Seed) { s.Tokens.Out = -1 }},
		{"evidence without quote", func(s *extract.Seed) { s.Evidence[0].Quote = "" }},
		{"evidence out of range", func(s *extract.Seed) { s.Evidence[0].End = 1 }},
		{"evidence out of range", func(s *extract.Seed) { s.Evidence[0].Match = "close" }},
		{"check out of range", func(s *extract.Seed) { s.Checks = []extract.Check{{Name: "ground", Verdict: "ok"}} }},
		{"check out of range", func(s *extract.Seed) { s.Checks = []extract.Check{{Name: "ground", Verdict: "pass", Score: 2}} }},
	}
	if card := of(valid()); card.Seeds.Valid != (measure.Share{N: 1, Of: 1}) {
		t.Fatalf("a valid seed: %v valid, %v", card.Seeds.Valid, card.Seeds.Invalid)
	}
	for _, test := range tests {
		s := valid()
		test.change(&s)
		card := of(valid(), s)
		if diff := cmp.Diff(measure.Tally{test.want: 1}, card.Seeds.Invalid); diff != "" || card.Seeds.Valid != (measure.Share{N: 1, Of: 2}) {
			t.Errorf("%s: %v valid, −want +got:\n%s", test.want, card.Seeds.Valid, diff)
		}
	}
}

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s, −want +got:\n%s", name, diff)
	}
}

// The set has some of everything that can be wrong with a seed.
func TestCardGoldens(t *testing.T) {
	set, err := os.ReadFile(filepath.Join("testdata", "set.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	card, err := measure.Read(t.Context(), bytes.NewReader(set), measure.Options{
		Sources: []measure.Source{{Name: "book.md", ID: "book", Doc: book()}, {Name: "other.md", ID: "other", Doc: book()}},
		PriceIn: 0.25, PriceOut: 2,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "card.json", append(asJSON, '\n'))

	var table, explained bytes.Buffer
	if err := card.Table(&table); err != nil {
		t.Fatal(err)
	}
	if err := card.Explain(&explained); err != nil {
		t.Fatal(err)
	}
	golden(t, "card.txt", table.Bytes())
	golden(t, "explained.txt", explained.Bytes())

	for line := range strings.Lines(explained.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 110 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
		if strings.ContainsRune(line, '\x1b') {
			t.Errorf("a control character of the file reaches the terminal: %q", line)
		}
	}
}

// An empty set divides by nothing.
func TestEmptyCard(t *testing.T) {
	for _, o := range []measure.Options{{}, {Sources: []measure.Source{{Name: "empty", Doc: &extract.Document{}}}}} {
		card := measure.Of(slices.Values[[]extract.Seed](nil), o)
		if _, err := json.Marshal(card); err != nil {
			t.Errorf("an empty card: %v", err)
		}
		if err := card.Explain(io.Discard); err != nil {
			t.Errorf("an empty card: %v", err)
		}
	}
}

// Every metric is where it says in the JSON, and told of in the manual.
func TestMetricsAreDescribed(t *testing.T) {
	m := measure.New(measure.Options{Sources: []measure.Source{{Name: "book.md", ID: "book", Doc: book()}}})
	s := seed("What is there?", "A text.", at("alpha", extract.MatchExact))
	m.Add(&s)
	m.Run(extract.Spent{}, nil)
	card, err := json.Marshal(m.Card())
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(card, &tree); err != nil {
		t.Fatal(err)
	}
	for _, m := range measure.Metrics {
		at := tree
		for name := range strings.SplitSeq(m.Key, ".") {
			object, _ := at.(map[string]any)
			next, there := object[name]
			if !there {
				t.Errorf("%s: the card has no %q", m.Key, name)
			}
			at = next
		}
		if m.Name == "" || m.Group == "" || m.Unit == "" || m.Range == "" || m.Meaning == "" {
			t.Errorf("%s: not all of it is described: %+v", m.Key, m)
		}
	}
}

// A run's card has what it spent in all, and its ledger.
func TestRun(t *testing.T) {
	m := measure.New(measure.Options{})
	for i, why := range []string{
		"standalone: the question leans on unseen text: “the passage”", "standalone: the question leans on unseen text: “figure 3”",
		"dedupe: duplicate of 0123456789abcdef01234567: “What is a tree?”", "ground: quote not in the passage: “a leaf”; 2 of 3", "boring",
	} {
		s := seed(fmt.Sprintf("What is number %d?", i), "This.")
		s.Verdict, s.VerdictReason = extract.Rejected, why
		m.Add(&s)
	}
	entry := func(section, outcome, reason, note string, seeds int) extract.Entry {
		return extract.Entry{Section: []string{"Book", section}, Outcome: outcome, Reason: reason, Note: note, Seeds: seeds}
	}
	m.Run(extract.Spent{Calls: 6, Cached: 2, Tokens: extract.Tokens{In: 900, Out: 100}, Prefix: 300, Cost: 0.5}, []extract.Entry{
		entry("Preface", extract.ScreenedOut, "front matter", "", 0),
		entry("Trees", extract.GaveSeeds, "", "derive: in 2 parts", 3),
		entry("Trees", extract.NothingMade, "", "", 0),
		entry("Leaves", extract.FailedOut, "refused", "", 0),
		entry("Roots", extract.GaveSeeds, "", "derive: in 2 parts", 1),
		entry("Roots", extract.FailedOut, "refused", "", 0),
	})
	card := m.Card()
	reasons := measure.Tally{"standalone: the question leans on unseen text": 2, "dedupe: duplicate of …": 1, "ground: quote not in the passage": 1, "boring": 1}
	if d := cmp.Diff(reasons, card.Seeds.Reasons); d != "" {
		t.Errorf("reasons (-want +got):\n%s", d)
	}
	calls, tokens, money := 1.5, 250.0, 0.125
	want := &measure.RunCard{
		Calls: 6, Cached: 2, In: 900, Out: 100, Money: 0.5, Prefix: measure.Share{N: 300, Of: 900},
		CallsPerSeed: &calls, TokensPerSeed: &tokens, MoneyPerSeed: &money,
		Passages: measure.Tally{extract.ScreenedOut: 1, extract.GaveSeeds: 2, extract.NothingMade: 1, extract.FailedOut: 2},
		Covered:  measure.Share{N: 2, Of: 5}, Sections: measure.Share{N: 2, Of: 3},
		Without: []extract.Without{
			{Outcome: extract.FailedOut, Reason: "refused", Count: 2}, {Outcome: extract.ScreenedOut, Reason: "front matter", Count: 1}, {Outcome: extract.NothingMade, Count: 1},
		},
		Notes: []string{"derive: in 2 parts"},
	}
	if d := cmp.Diff(want, card.Run); d != "" {
		t.Errorf("the run's card (-want +got):\n%s", d)
	}
	var table bytes.Buffer
	if err := card.Table(&table); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"tokens in cached", "33.3 %", "2 × failed: refused", "derive: in 2 parts", "6 calls, and 2 replies from the cache"} {
		if !strings.Contains(table.String(), line) {
			t.Errorf("the table has no %q:\n%s", line, table.String())
		}
	}
}

// The manual's table of metrics is written from [measure.Metrics].
func TestManual(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "measure.md")
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- metrics -->\n", "<!-- end of metrics -->\n"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s: the marks %q and %q are missing", name, begin, end)
	}
	want := before + begin + manual() + end + after
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("%s is not up to date (go test ./extract/measure -update), −want +got:\n%s", name, diff)
	}
}

func manual() string {
	var b strings.Builder
	group := ""
	for _, m := range measure.Metrics {
		if m.Group != group {
			group = m.Group
			fmt.Fprintf(&b, "\n### %s\n\n| in the table | in JSON | unit, range | better | aim | meaning |\n|---|---|---|---|---|---|\n", group)
		}
		meaning := m.Meaning
		if m.Source != "" {
			meaning += " After " + m.Source + "."
		}
		better := m.Better
		if better == "" {
			better = "–"
		}
		aim := m.Aim
		if aim == "" {
			aim = "–"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s, %s | %s | %s | %s |\n", m.Name, m.Key, m.Unit, m.Range, better, aim, meaning)
	}
	return b.String() + "\n"
}

func FuzzRecords(f *testing.F) {
	set, err := os.ReadFile(filepath.Join("testdata", "set.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set)
	f.Add([]byte("\ufeff\r\n{}\n[]\nnull\n{\"question\":\"\\u0000\",\"evidence\":[{\"start\":-1,\"end\":99}]}"))
	f.Add([]byte(`{"answer":"1,000,000.0.0,","difficulty":{"estimated":-5,"votes":[9223372036854775807,1]},"tokens":{"in":9223372036854775807}}`))
	o := measure.Options{Verdicts: []string{"", extract.Draft, extract.Accepted, extract.Rejected}, Sources: []measure.Source{{Name: "book", Doc: book()}}, PriceIn: 1}
	f.Fuzz(func(t *testing.T, in []byte) {
		lines := 0
		for _, l := range bytes.Split(in, []byte("\n")) {
			if len(bytes.TrimSpace(l)) > 0 {
				lines++
			}
		}
		bad := 0
		card, err := measure.Read(t.Context(), bytes.NewReader(in), o, func(e *measure.LineError) {
			if bad++; e.Line < 1 || e.Line > bytes.Count(in, []byte("\n"))+1 {
				t.Errorf("line %d of %d", e.Line, lines)
			}
		})
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		if card.Lines.Bad != bad || card.Lines.Read-bad != card.Seeds.Total || card.Lines.Read > lines {
			t.Errorf("%+v and %d seeds of %d lines, %d told", card.Lines, card.Seeds.Total, lines, bad)
		}
		out, err := json.Marshal(card)
		if err != nil {
			t.Fatalf("the card has no JSON: %v", err)
		}
		var again measure.Card
		if err := json.Unmarshal(out, &again); err != nil {
			t.Errorf("the card's JSON cannot be read: %v", err)
		}
		checkShares(t, "card", reflect.ValueOf(card))
		if err := card.Explain(io.Discard); err != nil {
			t.Error(err)
		}
	})
}

// checkShares sees that no share is below 0 or over 1.
func checkShares(t *testing.T, at string, v reflect.Value) {
	if s, ok := v.Interface().(measure.Share); ok {
		if s.N < 0 || s.N > s.Of {
			t.Errorf("%s is %+v", at, s)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			checkShares(t, at, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			checkShares(t, at+"."+v.Type().Field(i).Name, v.Field(i))
		}
	}
}
