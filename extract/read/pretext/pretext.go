// Package pretext reads PreTeXt, the XML that open textbooks are written in.
// Exercises, examples, theorems and definitions open with their name and
// number, solutions and proofs with theirs, as in the printed book. What a
// program makes when the book is printed (drawings, exercises with random
// numbers) and what other files hold is left out.
package pretext

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
)

var roots = regexp.MustCompile(`<(?:pretext|mathbook)[\s>]`)

// Is reports whether the file is PreTeXt: by its ending, or as a whole book.
func Is(head []byte, ext string) bool {
	if ext == ".ptx" || ext == ".mbx" {
		return bytes.Contains(head, []byte("<"))
	}
	return ext == ".xml" && roots.Match(head)
}

// Read reads a PreTeXt file. The files that it includes are not read.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	root, err := parse(src, name)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("read %s: %w", name, ctx.Err())
	}
	b := &reader{counts: map[string]int{}}
	b.w.Kind = extract.Book
	b.w.Warnings = warnings
	b.all(root)
	if b.includes {
		b.w.Warn("it includes other files, which are not part of it: read the folder for the whole book")
	}
	d := b.w.Done()
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type reader struct {
	w        extract.Builder
	level    int            // of the open division
	counts   map[string]int // of exercises and theorems, by what they are called
	label    string         // to stand before the next paragraph
	depth    int            // of lists
	includes bool           // other files
	part     bool           // of a question or a solution: a proof in it has no name of its own
}

// divisions are headed parts of a book.
var divisions = map[string]string{ // with a title for those that need none of their own
	"pretext": "", "mathbook": "", "book": "", "article": "", "part": "", "chapter": "", "section": "", "subsection": "", "subsubsection": "", "appendix": "Appendix", "paragraphs": "",
	"preface": "Preface", "exercises": "Exercises", "reading-questions": "Reading questions", "worksheet": "Worksheet", "solutions": "Solutions", "references": "References",
	"glossary": "Glossary", "biography": "", "acknowledgement": "Acknowledgements", "colophon": "Colophon", "dedication": "Dedication", "handout": "",
}

// claims are blocks that open with a name and a number of their own.
var claims = map[string]string{
	"exercise": "Exercise", "question": "Question", "problem": "Problem", "example": "Example", "investigation": "Investigation", "activity": "Activity", "exploration": "Exploration", "project": "Project",
	"theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary", "claim": "Claim", "fact": "Fact", "identity": "Identity", "algorithm": "Algorithm",
	"definition": "Definition", "axiom": "Axiom", "conjecture": "Conjecture", "principle": "Principle", "remark": "Remark", "note": "Note", "observation": "Observation", "warning": "Warning",
	"insight": "Insight", "convention": "Convention", "task": "Exercise",
}

// replies follow a claim and have no number.
var replies = map[string]string{"hint": "Hint", "answer": "Answer", "solution": "Solution", "proof": "Proof"}

// left are elements that a program reads, or a printer.
var left = map[string]bool{
	"docinfo": true, "image": true, "latex-image": true, "sageplot": true, "asymptote": true, "interactive": true, "video": true, "audio": true, "sage": true, "idx": true, "index": true,
	"title": true, "subtitle": true, "shorttitle": true, "pg-code": true, "setup": true, "matches": true, "blocks": true, "response": true, "feedback": true, "condition": true, "notation": true, "frontmatter-info": true, "titlepage": true,
	"description": true, "shortdescription": true, "rename": true, "objectives": true, "outcomes": true, "creator": true, "evaluation": true, "cardsort": true, "areas": true, "list-of": true, "notation-list": true, "index-list": true,
}

func (b *reader) all(n *node) {
	for _, k := range n.kids {
		b.block(k)
	}
}

// block reads an element that stands by itself.
func (b *reader) block(n *node) {
	standard, division := divisions[n.name]
	_, claim := claims[n.name]
	switch {
	case n.name == "" && n.kids == nil:
		if text := squeeze(n.text); text != "" {
			b.paragraph(n, text)
		}
	case left[n.name]:
	case n.name == "include":
		b.includes = true
	case division:
		b.division(n, standard)
	case claim:
		b.claim(n)
	case replies[n.name] != "":
		b.reply(n)
	case n.name == "statement":
		b.statement(n)
	case n.name == "p" || n.name == "line" || n.name == "premise" || n.name == "choice" && n.first("statement", "p") == nil:
		b.text(n)
	case n.name == "choice":
		b.item(n.first("statement"), "- ", n)
	case n.name == "ol" || n.name == "ul" || n.name == "choices":
		b.list(n)
	case n.name == "dl":
		for _, li := range n.kids {
			if li.name == "li" {
				b.label += "**" + b.inline(li.first("title")) + "** "
				b.all(li)
			}
		}
	case n.name == "me" || n.name == "men" || n.name == "md" || n.name == "mdn":
		b.add(n, extract.Block{Kind: extract.Formula, Text: "$$" + formula(n) + "$$"})
	case n.name == "tabular":
		b.table(n)
	case n.name == "program" || n.name == "pre" || n.name == "console" || n.name == "cd":
		code := n
		if in := n.first("input", "code"); in != nil {
			code = in
		}
		b.add(n, extract.Block{Kind: extract.Code, Lang: n.attr["language"], Text: undent(code.verbatim())})
	case n.name == "caption":
		b.add(n, extract.Block{Kind: extract.Caption, Text: b.inline(n)})
	case n.name == "fn":
		b.add(n, extract.Block{Kind: extract.Footnote, Text: b.inline(n)})
	case n.name == "webwork" && n.has("var"):
		// Its numbers are drawn when it is printed.
	case n.name == "assemblage" || n.name == "aside" || n.name == "biographical" || n.name == "historical":
		if t := n.first("title"); t != nil {
			b.label += "**" + b.inline(t) + "** "
		}
		b.all(n)
	default:
		b.all(n)
	}
}

// division reads a part of the book with its heading.
func (b *reader) division(n *node, standard string) {
	title := standard
	if t := n.first("title"); t != nil {
		title = b.inline(t)
	}
	if title == "" { // a file's outermost element, or one without a name
		b.all(n)
		return
	}
	if b.w.Title == "" {
		b.w.Title = title
	}
	b.level++
	b.add(n, extract.Block{Kind: extract.Heading, Level: b.level, Title: title, Text: title})
	b.all(n)
	b.level--
}

// claim reads a block with a name and a number. Where its parts have
// solutions of their own, each part is one.
func (b *reader) claim(n *node) {
	if n.name == "exercise" && n.first("webwork") != nil && n.has("var") {
		return
	}
	name := claims[n.name]
	b.counts[name]++
	number := strconv.Itoa(b.counts[name])
	title := ""
	if t := n.first("title"); t != nil {
		title = b.inline(t)
	}
	b.open(name, number, title)
	var tasks []*node
	for _, k := range n.kids {
		if k.name == "task" {
			tasks = append(tasks, k)
		}
	}
	if len(tasks) == 0 || !solved(tasks) {
		b.body(n)
		return
	}
	for _, k := range n.kids {
		if k.name != "task" {
			b.block(k)
		}
	}
	for i, k := range tasks {
		b.open(name, number+string(rune('a'+i%26)), "")
		b.body(k)
	}
}

// body reads what a claim says; tasks without solutions are its items.
func (b *reader) body(n *node) {
	letter := 'a'
	for _, k := range n.kids {
		if k.name == "task" {
			b.item(k, "("+string(letter)+") ", k)
			letter++
			continue
		}
		b.block(k)
	}
	b.label = ""
}

func solved(tasks []*node) bool {
	for _, t := range tasks {
		if t.first("solution", "answer") != nil {
			return true
		}
	}
	return false
}

// open puts a claim's name before its first paragraph.
func (b *reader) open(name, number, title string) {
	b.label = name + " " + number
	if title != "" {
		b.label += " (" + title + ")"
	}
	b.label += ". "
}

// reply reads what follows a claim. A proof that a question quotes, or that is
// all of a solution, is part of it.
func (b *reader) reply(n *node) {
	if b.part {
		b.all(n)
		return
	}
	b.label = replies[n.name] + ". "
	b.part = n.name != "proof"
	b.all(n)
	b.label, b.part = "", false
}

func (b *reader) statement(n *node) {
	was := b.part
	b.part = true
	b.all(n)
	b.part = was
}

// text reads a paragraph, with the lists and formulas that stand in it.
func (b *reader) text(n *node) {
	var run []*node
	flush := func() {
		if text := b.spans(run); text != "" {
			b.paragraph(n, text)
		}
		run = nil
	}
	var notes []*node
	for _, k := range n.kids {
		switch k.name {
		case "ol", "ul", "dl", "me", "men", "md", "mdn", "cd", "tabular", "sidebyside", "figure", "image":
			flush()
			b.block(k)
		case "fn":
			notes = append(notes, k)
		default:
			run = append(run, k)
		}
	}
	flush()
	for _, k := range notes {
		b.block(k)
	}
}

func (b *reader) paragraph(n *node, text string) {
	b.add(n, extract.Block{Kind: extract.Paragraph, Text: b.label + text})
}

func (b *reader) list(n *node) {
	b.depth++
	i := 0
	for _, li := range n.kids {
		switch li.name {
		case "li":
			mark := "- "
			if n.name == "ol" {
				mark = strconv.Itoa(i+1) + ". "
				if b.depth > 1 || strings.HasPrefix(strings.TrimLeft(n.attr["label"]+n.attr["marker"], "("), "a") {
					mark = "(" + string(rune('a'+i%26)) + ") "
				}
			}
			i++
			b.item(li, mark, li)
		case "choice":
			b.item(li.first("statement", "p"), "- ", li)
		}
	}
	b.depth--
}

// item reads a list item: its first paragraph has the mark.
func (b *reader) item(n *node, mark string, whole *node) {
	if n == nil {
		n = whole
	}
	at := len(b.w.Blocks)
	label := b.label
	b.label = ""
	if n.first("p", "statement", "ol", "ul", "me", "md") == nil {
		if text := b.inline(n); text != "" {
			b.add(whole, extract.Block{Kind: extract.ListItem, Level: max(1, b.depth), Text: label + mark + text})
		}
		return
	}
	b.label = label + mark
	b.all(n)
	b.label = ""
	for i := at; i < len(b.w.Blocks); i++ {
		if k := &b.w.Blocks[i]; k.Kind == extract.Paragraph && i == at {
			k.Kind, k.Level = extract.ListItem, max(1, b.depth)
		}
	}
}

func (b *reader) table(n *node) {
	var rows [][]string
	var w strings.Builder
	for _, row := range n.kids {
		if row.name != "row" {
			continue
		}
		var cells []string
		for _, c := range row.kids {
			if c.name == "cell" {
				cells = append(cells, b.inline(c))
			}
		}
		rows = append(rows, cells)
		w.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	b.add(n, extract.Block{Kind: extract.Table, Rows: rows, Text: strings.TrimSuffix(w.String(), "\n")})
}

func (b *reader) add(n *node, block extract.Block) {
	if block.Kind == extract.Paragraph || block.Kind == extract.ListItem {
		b.label = ""
	} else if b.label != "" && block.Kind != extract.Heading { // a claim that begins with a formula
		label := strings.TrimSpace(b.label)
		b.label = ""
		b.add(n, extract.Block{Kind: extract.Paragraph, Text: label})
	}
	block.Lines = n.lines
	b.w.Add("\n\n", block)
}

// undent takes off the white space that all lines begin with.
func undent(s string) string {
	lines := strings.Split(strings.Trim(strings.ReplaceAll(s, "\t", "    "), "\n"), "\n")
	least := -1
	for _, l := range lines {
		if in := len(l) - len(strings.TrimLeft(l, " ")); strings.TrimSpace(l) != "" && (least < 0 || in < least) {
			least = in
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l[min(len(l), max(least, 0)):], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n ")
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
