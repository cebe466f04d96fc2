package export

import (
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// A row is a seed in a Parquet table: all that its record has, under the same
// names, and the chat that trainers take as it is.
type row struct {
	ID            string        `parquet:"id"`
	Question      string        `parquet:"question"`
	Answer        string        `parquet:"answer"`
	ShortAnswer   string        `parquet:"short_answer"`
	Reasoning     []string      `parquet:"reasoning,list"`
	Messages      []messageRow  `parquet:"messages,list"`
	Origin        string        `parquet:"origin,dict"`
	Type          string        `parquet:"type,dict"`
	Language      string        `parquet:"language,dict"`
	Difficulty    difficultyRow `parquet:"difficulty"`
	Evidence      []evidenceRow `parquet:"evidence,list"`
	Source        sourceRow     `parquet:"source"`
	Passage       string        `parquet:"passage"`
	Checks        []checkRow    `parquet:"checks,list"`
	DuplicateOf   *string       `parquet:"duplicate_of,optional"`
	Verdict       string        `parquet:"verdict,dict"`
	VerdictReason string        `parquet:"verdict_reason"`
	Tags          []string      `parquet:"tags,list"`
	Run           string        `parquet:"run,dict"`
	Recipe        string        `parquet:"recipe,dict"`
	Model         string        `parquet:"model,dict"`
	Parent        *string       `parquet:"parent,optional"`
	Tokens        tokensRow     `parquet:"tokens"`
	Created       int64         `parquet:"created,optional,timestamp(millisecond)"` // 0 is none
}

type messageRow struct {
	Role    string `parquet:"role,dict"`
	Content string `parquet:"content"`
}

type difficultyRow struct {
	Estimated  int64   `parquet:"estimated"`
	Votes      []int64 `parquet:"votes,list"`
	Agreement  float64 `parquet:"agreement"`
	ClosedBook bool    `parquet:"closed_book"`
}

type evidenceRow struct {
	Quote string  `parquet:"quote"`
	File  string  `parquet:"file,dict"`
	Page  int64   `parquet:"page"`
	Lines []int64 `parquet:"lines,list"`
	Start int64   `parquet:"start"`
	End   int64   `parquet:"end"`
	Match string  `parquet:"match,dict"`
}

type sourceRow struct {
	ID      string   `parquet:"id,dict"`
	SHA256  string   `parquet:"sha256,dict"`
	Title   string   `parquet:"title,dict"`
	Kind    string   `parquet:"kind,dict"`
	Section []string `parquet:"section,list"`
	License string   `parquet:"license,dict"`
}

type checkRow struct {
	Name      string        `parquet:"name,dict"`
	Verdict   string        `parquet:"verdict,dict"`
	Score     float64       `parquet:"score"`
	Reason    string        `parquet:"reason"`
	Version   string        `parquet:"version,dict"`
	Execution *executionRow `parquet:"execution,optional"`
}

type executionRow struct {
	Interpreter string `parquet:"interpreter"`
	Code        string `parquet:"code"`
	Test        string `parquet:"test"`
	Output      string `parquet:"output"`
}

type tokensRow struct {
	In  int64 `parquet:"in"`
	Out int64 `parquet:"out"`
}

// rowOf is a seed as a row. Texts are made valid: readers refuse a column with
// a text that is not UTF-8.
func rowOf(s extract.Seed, o seedbed.ExportOptions) row {
	r := row{
		ID: valid(s.ID), Question: valid(s.Question), Answer: valid(s.Answer), ShortAnswer: valid(s.ShortAnswer),
		Reasoning: all(s.Reasoning, valid), Origin: valid(s.Origin), Type: valid(s.Type), Language: valid(s.Language),
		Difficulty: difficultyRow{int64(s.Difficulty.Estimated), all(s.Difficulty.Votes, whole), s.Difficulty.Agreement, s.Difficulty.ClosedBook},
		Source: sourceRow{
			valid(s.Source.ID), valid(s.Source.SHA256), valid(s.Source.Title), valid(s.Source.Kind), all(s.Source.Section, valid), valid(s.Source.License),
		},
		Passage: valid(s.Passage), DuplicateOf: s.DuplicateOf, Verdict: valid(s.Verdict), VerdictReason: valid(s.VerdictReason),
		Tags: all(s.Tags, valid), Run: valid(s.Run), Recipe: valid(s.Recipe), Model: valid(s.Model), Parent: s.Parent,
		Tokens: tokensRow{int64(s.Tokens.In), int64(s.Tokens.Out)},
	}
	for _, m := range chat(s, o) {
		r.Messages = append(r.Messages, messageRow{m.Role, valid(m.Content)})
	}
	for _, e := range s.Evidence {
		r.Evidence = append(r.Evidence, evidenceRow{
			valid(e.Quote), valid(e.File), int64(e.Page), []int64{int64(e.Lines[0]), int64(e.Lines[1])}, int64(e.Start), int64(e.End), valid(e.Match),
		})
	}
	for _, c := range s.Checks {
		check := checkRow{valid(c.Name), valid(c.Verdict), c.Score, valid(c.Reason), valid(c.Version), nil}
		if x := c.Execution; x != nil {
			check.Execution = &executionRow{valid(x.Interpreter), valid(x.Code), valid(x.Test), valid(x.Output)}
		}
		r.Checks = append(r.Checks, check)
	}
	if !s.Created.IsZero() {
		r.Created = s.Created.UnixMilli()
	}
	return r
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func whole(n int) int64 { return int64(n) }

func all[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

// A parquetFile keeps a group of rows back at a time: as many as the viewer of
// Hugging Face reads at once, or fewer where they are long.
type parquetFile struct {
	o      seedbed.ExportOptions
	w      *parquet.GenericWriter[row]
	rows   int
	weight int // of the rows kept back, in bytes of text
}

const (
	groupRows   = 1000
	groupWeight = 8 << 20
)

func newParquet(w io.Writer, o seedbed.ExportOptions) (file, error) {
	return &parquetFile{o: o, w: parquet.NewGenericWriter[row](w,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		// The least and the greatest of long texts would fill the footer.
		parquet.SkipPageBounds("question"), parquet.SkipPageBounds("answer"),
	)}, nil
}

func (f *parquetFile) add(e example) (string, error) {
	r := rowOf(e.Seed, f.o)
	f.rows++
	f.weight += r.weight()
	if _, err := f.w.Write([]row{r}); err != nil {
		return "", err
	}
	if f.rows < groupRows && f.weight < groupWeight {
		return "", nil
	}
	f.rows, f.weight = 0, 0
	return "", f.w.Flush()
}

func (f *parquetFile) close() error { return f.w.Close() }

// weight is about how much text there is in a row.
func (r row) weight() int {
	n := len(r.Question) + len(r.Answer) + len(r.VerdictReason)
	for _, s := range r.Reasoning {
		n += len(s)
	}
	for _, m := range r.Messages {
		n += len(m.Content)
	}
	for _, e := range r.Evidence {
		n += len(e.Quote)
	}
	for _, c := range r.Checks {
		n += len(c.Reason)
		if c.Execution != nil {
			n += len(c.Execution.Code) + len(c.Execution.Test) + len(c.Execution.Output)
		}
	}
	return n
}
