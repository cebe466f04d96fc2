package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"seedbed/extract"
)

// A readStats is what reading a document found.
type readStats struct {
	Title    string               `json:"title"`
	Kind     string               `json:"kind"`
	Language string               `json:"language,omitempty"`
	Words    int                  `json:"words"`
	Blocks   map[string]int       `json:"blocks"`            // by kind
	LeftOut  map[string]int       `json:"left_out"`          // blocks by reason
	Pages    []extract.PageReport `json:"pages,omitempty"`   // PDF
	Glued    float64              `json:"glued_per_mille"`   // words run together, PDF
	Unmapped int                  `json:"unmapped_letters"`  // PDF
	Dropped  int                  `json:"dropped_lines"`     // running heads, feet and page numbers, PDF
	Skipped  int                  `json:"skipped_files"`     // archives and folders
	Warnings []string             `json:"warnings,omitzero"` // as on stderr
}

func countUp(doc *extract.Document) readStats {
	s := readStats{Title: doc.Title, Kind: doc.Kind, Language: doc.Language, Blocks: map[string]int{}, LeftOut: map[string]int{},
		Pages: doc.Pages, Skipped: len(doc.Skipped), Warnings: doc.Warnings}
	for _, b := range doc.Blocks {
		s.Blocks[string(b.Kind)]++
		for w := range strings.FieldsSeq(b.Text) {
			if strings.ContainsFunc(w, isWordy) {
				s.Words++
			}
		}
		if b.Skip != "" {
			s.LeftOut[b.Skip]++
		}
	}
	glued, words := 0, 0
	for _, p := range doc.Pages {
		glued += p.Glued
		words += p.Words
		s.Unmapped += p.Unmapped
		s.Dropped += len(p.Dropped)
	}
	if words > 0 {
		s.Glued = 1000 * float64(glued) / float64(words)
	}
	return s
}

func isWordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// stats prints what reading found, for people or as JSON.
func stats(w io.Writer, doc *extract.Document, asJSON bool) error {
	s := countUp(doc)
	if asJSON {
		return printJSON(w, s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("title", "%s", s.Title)
	row("kind", "%s", strings.TrimSpace(s.Kind+" "+s.Language))
	row("words", "%d", s.Words)
	row("blocks", "%s", tally(s.Blocks))
	if len(s.LeftOut) > 0 {
		row("left out", "%s", tally(s.LeftOut))
	}
	if s.Skipped > 0 {
		row("skipped", "%d files", s.Skipped)
	}
	if len(s.Pages) > 0 {
		row("pages", "%d", len(s.Pages))
		row("dropped", "%d running heads, feet and page numbers", s.Dropped)
		row("glued", "%.2f words in a thousand", s.Glued)
		row("unmapped", "%d letters", s.Unmapped)
	}
	if err := t.Flush(); err != nil || len(s.Pages) == 0 {
		return err
	}
	return pageTable(w, s.Pages)
}

// tally writes counts, the largest first: "paragraph 12, heading 3".
func tally(counts map[string]int) string {
	var parts []string
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", k, counts[k]))
	}
	return strings.Join(parts, ", ")
}

// pageTable prints a row for each page; pages in a row that were read alike
// and give nothing to look at share one.
func pageTable(w io.Writer, pages []extract.PageReport) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "page\tengine\tverdict\twords\tglued\tunmapped\t")
	for i := 0; i < len(pages); {
		p := pages[i]
		j := i + 1
		plain := func(q extract.PageReport) bool {
			return q.Engine == p.Engine && q.Verdict == p.Verdict && q.Note == "" && q.Glued == 0 && q.Unmapped == 0
		}
		words := p.Words
		for plain(p) && j < len(pages) && plain(pages[j]) {
			words += pages[j].Words
			j++
		}
		which := fmt.Sprint(p.Page)
		if j > i+1 {
			which = fmt.Sprintf("%d–%d", p.Page, pages[j-1].Page)
		} else if p.Label != "" {
			which += " (" + p.Label + ")"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", which, p.Engine, p.Verdict, words, p.Glued, p.Unmapped, p.Note)
		i = j
	}
	_ = t.Flush() // into memory
	_, _ = fmt.Fprintln(w)
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
