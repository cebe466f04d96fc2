package export

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

var columns = []string{
	"id", "question", "answer", "short_answer", "reasoning", "type", "origin", "language", "difficulty",
	"evidence", "evidence_at", "source", "source_title", "section", "license", "verdict", "verdict_reason",
	"tags", "recipe", "model", "run", "created",
}

// A table is a file of CSV.
type table struct{ w *bufio.Writer }

func newTable(w io.Writer, _ seedbed.ExportOptions) (file, error) {
	t := &table{bufio.NewWriterSize(w, bufferSize)}
	return t, writeRow(t.w, columns)
}

func (t *table) close() error { return t.w.Flush() }

func (t *table) add(s example) (string, error) {
	quotes := make([]string, len(s.Evidence))
	places := make([]string, len(s.Evidence))
	for i, e := range s.Evidence {
		quotes[i], places[i] = e.Quote, standing(e)
	}
	difficulty, created := "", ""
	if s.Difficulty.Estimated != 0 {
		difficulty = strconv.Itoa(s.Difficulty.Estimated)
	}
	if !s.Created.IsZero() {
		created = s.Created.UTC().Format(time.RFC3339)
	}
	return "", writeRow(t.w, []string{
		s.ID, s.Question, s.Answer, s.ShortAnswer, strings.Join(s.Reasoning, "\n"), s.Type, s.Origin, s.Language, difficulty,
		strings.Join(quotes, "\n\n"), strings.Join(places, "\n"), s.Source.ID, s.Source.Title, strings.Join(s.Source.Section, " › "), s.Source.License, s.Verdict, s.VerdictReason,
		strings.Join(s.Tags, "; "), s.Recipe, s.Model, s.Run, created,
	})
}

// standing says where a quote stands: "book/ch2.md, page 4, lines 10–14,
// characters 1234–1290", as far as it is known.
func standing(e extract.Evidence) string {
	var parts []string
	if e.File != "" {
		parts = append(parts, e.File)
	}
	if e.Page != 0 {
		parts = append(parts, fmt.Sprintf("page %d", e.Page))
	}
	if e.Lines[0] != 0 && e.Lines[1] > e.Lines[0] {
		parts = append(parts, fmt.Sprintf("lines %d–%d", e.Lines[0], e.Lines[1]))
	} else if e.Lines[0] != 0 {
		parts = append(parts, fmt.Sprintf("line %d", e.Lines[0]))
	}
	return strings.Join(append(parts, fmt.Sprintf("characters %d–%d", e.Start, e.End)), ", ")
}

// writeRow writes a record of RFC 4180. encoding/csv cannot end records with
// CR LF without changing the line ends within cells.
func writeRow(w *bufio.Writer, cells []string) error {
	for i, c := range cells {
		if i > 0 {
			if err := w.WriteByte(','); err != nil {
				return err
			}
		}
		c = inert(c)
		if c == "" || !strings.ContainsAny(c, "\",;\t\r\n") && strings.TrimSpace(c) == c {
			if _, err := w.WriteString(c); err != nil {
				return err
			}
			continue
		}
		if _, err := w.WriteString(`"` + strings.ReplaceAll(c, `"`, `""`) + `"`); err != nil {
			return err
		}
	}
	_, err := w.WriteString("\r\n")
	return err
}

// inert keeps a spreadsheet from running a cell that begins like a formula:
// an apostrophe before it makes it text. One more goes before apostrophes
// that stand before such a beginning already, so that taking one away always
// gives the text back. NUL, which many readers take for the end, is dropped.
func inert(c string) string {
	c = strings.ToValidUTF8(strings.ReplaceAll(c, "\x00", ""), "\uFFFD")
	if isFormula(strings.TrimLeft(c, "'")) {
		return "'" + c
	}
	return c
}

func isFormula(c string) bool {
	for _, r := range c {
		return strings.ContainsRune("=+-@\t\r\n＝＋－＠", r)
	}
	return false
}
