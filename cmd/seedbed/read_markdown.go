package main

import (
	"bufio"
	"io"
	"strings"

	"seedbed/extract"
)

// writeMarkdown writes a document's blocks as Markdown, without what was left
// out. It is for looking at: offsets count the text, not this.
func writeMarkdown(w io.Writer, doc *extract.Document) error {
	out := bufio.NewWriter(w)
	var last extract.BlockKind
	for _, b := range doc.Blocks {
		text := strings.TrimSpace(b.Text)
		if b.Skip != "" || text == "" {
			continue
		}
		if last != "" {
			_, _ = out.WriteString("\n")
			if last != extract.ListItem || b.Kind != extract.ListItem {
				_, _ = out.WriteString("\n")
			}
		}
		last = b.Kind
		_, _ = out.WriteString(markdownOf(b, text))
	}
	if last != "" {
		_, _ = out.WriteString("\n")
	}
	return out.Flush()
}

func markdownOf(b extract.Block, text string) string {
	switch b.Kind {
	case extract.Heading:
		title := b.Title
		if title == "" {
			title = text
		}
		return strings.Repeat("#", min(max(b.Level, 1), 6)) + " " + oneLine(title)
	case extract.ListItem:
		indent := strings.Repeat("  ", max(b.Level-1, 0))
		mark, rest, ok := strings.Cut(text, " ")
		if !ok || !strings.ContainsAny(mark[len(mark)-1:], ".)-*+") {
			mark, rest = "-", strings.TrimSpace(strings.TrimLeft(text, "•‣▪◦∙·●○■□–—"))
		}
		return indent + mark + " " + strings.ReplaceAll(rest, "\n", "\n"+indent+"  ")
	case extract.Code:
		fence := "```"
		for strings.Contains(text, fence) {
			fence += "`"
		}
		if strings.HasPrefix(text, "```") || strings.HasPrefix(text, "~~~") {
			return text
		}
		return fence + b.Lang + "\n" + strings.Trim(b.Text, "\n") + "\n" + fence
	case extract.Formula:
		if strings.HasPrefix(text, "$") || strings.HasPrefix(text, `\`) {
			return text
		}
		return "$$\n" + text + "\n$$"
	case extract.Table:
		if len(b.Rows) > 0 {
			return markdownTable(b.Rows)
		}
	case extract.Caption:
		return "*" + oneLine(text) + "*"
	}
	return text
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func markdownTable(rows [][]string) string {
	widest := 0
	for _, r := range rows {
		widest = max(widest, len(r))
	}
	var out []string
	for i, r := range rows {
		cells := make([]string, widest)
		for j, c := range r {
			cells[j] = strings.ReplaceAll(oneLine(c), "|", `\|`)
		}
		out = append(out, "| "+strings.Join(cells, " | ")+" |")
		if i == 0 {
			out = append(out, "|"+strings.Repeat(" --- |", widest))
		}
	}
	return strings.Join(out, "\n")
}
