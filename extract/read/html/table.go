package html

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"seedbed/extract"
)

// maxSpan bounds colspan and rowspan, which a page may set to anything, and
// maxCells what they make of a table.
const (
	maxSpan  = 50
	maxCells = 200_000
)

// table adds a table as lines with "|". A table that only places things on
// the page is walked like the page.
func (k *walker) table(n *html.Node) {
	if layoutTable(n) {
		k.children(n)
		k.flush()
		return
	}
	var rows [][]string
	pending := map[int]pendingCell{} // by column: cells from above that reach down
	cells := 0
	each(n, func(c *html.Node) bool {
		switch c.DataAtom {
		case atom.Caption:
			k.as(extract.Caption, c)
			return false
		case atom.Tr:
			if cells < maxCells {
				row := k.row(c, pending)
				cells += len(row)
				rows = append(rows, row)
			}
			return false
		}
		return c == n || !k.drop(c)
	})
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	var s strings.Builder
	for i, r := range rows {
		s.WriteByte('|')
		for _, cell := range r {
			s.WriteString(" " + strings.ReplaceAll(cell, "|", `\|`) + " |")
		}
		s.WriteByte('\n')
		if i == 0 {
			s.WriteString("|" + strings.Repeat(" --- |", width) + "\n")
		}
	}
	if width > 0 {
		k.add("\n\n", extract.Block{Kind: extract.Table, Rows: rows, Text: strings.TrimRight(s.String(), "\n")})
	}
}

type pendingCell struct {
	text string
	rows int
}

func (k *walker) row(tr *html.Node, pending map[int]pendingCell) []string {
	var row []string
	above := func() {
		for {
			p, ok := pending[len(row)]
			if !ok {
				return
			}
			if p.rows--; p.rows == 0 {
				delete(pending, len(row))
			} else {
				pending[len(row)] = p
			}
			row = append(row, p.text)
		}
	}
	for c := tr.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
			continue
		}
		above()
		cell := squeeze(k.inline(c))
		down := span(c, "rowspan")
		for i := range span(c, "colspan") {
			if i > 0 {
				cell = ""
			}
			if down > 1 {
				pending[len(row)] = pendingCell{cell, down - 1}
			}
			row = append(row, cell)
		}
	}
	above()
	return row
}

func span(n *html.Node, key string) int {
	v, err := strconv.Atoi(strings.TrimSpace(attr(n, key)))
	if err != nil || v < 1 {
		return 1
	}
	return min(v, maxSpan)
}

// layoutTable reports whether a table holds what no table of data does, or
// has a single row or column.
func layoutTable(n *html.Node) bool {
	rows, wide, layout := 0, false, attr(n, "role") == "presentation"
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, func(c *html.Node) bool {
			switch c.DataAtom {
			case atom.Table, atom.H1, atom.H2, atom.H3, atom.H4, atom.Pre, atom.Form:
				layout = true
			case atom.Tr:
				rows++
				cells := 0
				for d := c.FirstChild; d != nil; d = d.NextSibling {
					if d.DataAtom == atom.Td || d.DataAtom == atom.Th {
						cells++
					}
				}
				wide = wide || cells > 1
			}
			return !layout
		})
	}
	return layout || rows < 2 || !wide
}
