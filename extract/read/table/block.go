package table

import (
	"strings"

	"seedbed/extract"
)

// Block is a table as lines with "|", its first row as the header.
// It has no text where no cell has any.
func Block(rows [][]string) extract.Block {
	width, words := 0, false
	for _, r := range rows {
		width = max(width, len(r))
		for _, cell := range r {
			words = words || strings.TrimSpace(cell) != ""
		}
	}
	if !words {
		return extract.Block{Kind: extract.Table}
	}
	var s strings.Builder
	for i, r := range rows {
		s.WriteByte('|')
		for _, cell := range r {
			s.WriteString(" " + strings.ReplaceAll(strings.Join(strings.Fields(cell), " "), "|", `\|`) + " |")
		}
		s.WriteByte('\n')
		if i == 0 {
			s.WriteString("|" + strings.Repeat(" --- |", width) + "\n")
		}
	}
	return extract.Block{Kind: extract.Table, Rows: rows, Text: strings.TrimRight(s.String(), "\n")}
}
