// Package pptx reads PowerPoint presentations: each slide as a page under its
// title, with its lists, tables and notes.
package pptx

import (
	"context"
	"fmt"
	"io"
	"path"
	"sort"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/table"
	"seedbed/extract/read/zipxml"
)

// Read reads a presentation. Each block's Page is the slide's number.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string) (*extract.Document, error) {
	a, err := zipxml.Open(r, size, name)
	if err != nil {
		return nil, err
	}
	k := reader{archive: a}
	k.w.Kind = extract.Page
	k.w.Title, k.w.Authors, k.w.Language = a.Properties()
	slides, err := k.slides()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	for i, file := range slides {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		k.page = i + 1
		if err := k.slide(file); err != nil {
			k.w.Warn("slide %d cannot be read: %v", i+1, err)
		}
	}
	d := k.w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: its slides are empty or have only pictures", name, readerr.ErrNoText)
	}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type reader struct {
	archive *zipxml.Archive
	w       extract.Builder
	page    int
	title   string // of the slide
	list    bool
}

const maxSlides = 5000

// slides are the files of the slides in the order they are shown in.
func (k *reader) slides() ([]string, error) {
	main := k.archive.Main("ppt/presentation.xml")
	rels := k.archive.Relations(main)
	var names []string
	n, err := k.archive.Tree(main)
	if err != nil {
		return nil, err
	}
	for _, id := range n.Kid("p:sldIdLst").Children() {
		for _, a := range id.Attr {
			if r, ok := rels[a.Value]; ok && a.Name.Local == "id" && k.archive.Has(r.Target) {
				names = append(names, r.Target)
			}
		}
	}
	if len(names) == 0 {
		for _, name := range k.archive.Names("ppt/slides/slide") {
			if strings.HasSuffix(name, ".xml") {
				names = append(names, name)
			}
		}
		number := func(s string) int {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(s, "ppt/slides/slide"), ".xml"))
			return n
		}
		sort.Slice(names, func(i, j int) bool { return number(names[i]) < number(names[j]) })
	}
	if len(names) > maxSlides {
		return nil, fmt.Errorf("%w: it has more than %d slides; split it", readerr.ErrTooLarge, maxSlides)
	}
	return names, nil
}

func (k *reader) add(gap string, b extract.Block) {
	b.Page = k.page
	k.w.Add(gap, b)
	k.list = b.Kind == extract.ListItem
}

func (k *reader) slide(file string) error {
	n, err := k.archive.Tree(file)
	if err != nil {
		return err
	}
	tree := n.Kid("p:cSld", "p:spTree")
	k.title = ""
	var titled *zipxml.Node
	tree.All(func(n *zipxml.Node) bool {
		if n.Name == "p:sp" && titled == nil {
			if t := holder(n); t == "title" || t == "ctrTitle" {
				if k.title = strings.Join(strings.Fields(words(n)), " "); k.title != "" {
					titled = n
				}
			}
		}
		return titled == nil
	})
	if titled != nil {
		k.add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: k.title, Text: k.title})
		if k.w.Title == "" {
			k.w.Title = k.title
		}
	}
	tree.All(func(n *zipxml.Node) bool {
		switch n.Name {
		case "p:sp":
			switch holder(n) {
			case "dt", "ftr", "sldNum", "hdr":
			default:
				if n != titled {
					k.shape(n)
				}
			}
			return false
		case "a:tbl":
			k.table(n)
			return false
		case "mc:Fallback":
			return false
		}
		return true
	})
	for _, r := range k.archive.Relations(file) {
		if r.Type == "notesSlide" {
			k.notes(r.Target)
		}
	}
	return nil
}

// holder is what a shape is the place of: title, body, dt, ftr, sldNum.
func holder(n *zipxml.Node) string {
	ph := n.Kid("p:nvSpPr", "p:nvPr", "p:ph")
	if ph == nil {
		return ""
	}
	if t := ph.Get("type"); t != "" {
		return t
	}
	return "body"
}

// shape adds the paragraphs of a shape: several of them are a list.
func (k *reader) shape(n *zipxml.Node) {
	var paras []*zipxml.Node
	for _, c := range n.Kid("p:txBody").Children() {
		if c.Name == "a:p" && strings.TrimSpace(words(c)) != "" {
			paras = append(paras, c)
		}
	}
	body := holder(n) == "body" || holder(n) == "obj"
	k.list = false
	number := map[int]int{}
	for _, p := range paras {
		text := strings.TrimSpace(words(p))
		ppr := p.Kid("a:pPr")
		level, _ := strconv.Atoi(ppr.Get("lvl"))
		level = min(max(level, 0), 8)
		auto := ppr.Kid("a:buAutoNum")
		bulleted := ppr.Kid("a:buChar") != nil || auto != nil || body && len(paras) > 1 && ppr.Kid("a:buNone") == nil
		if !bulleted {
			k.add("\n\n", extract.Block{Kind: extract.Paragraph, Text: text})
			continue
		}
		sign := "- "
		if auto != nil {
			number[level]++
			sign = strconv.Itoa(number[level]) + ". "
		}
		gap, margin := "\n", strings.Repeat("  ", level)
		if !k.list {
			gap = "\n\n"
		}
		text = strings.ReplaceAll(text, "\n", "\n"+margin+strings.Repeat(" ", len(sign)))
		k.add(gap, extract.Block{Kind: extract.ListItem, Level: level + 1, Text: margin + sign + text})
	}
}

func (k *reader) table(n *zipxml.Node) {
	var rows [][]string
	for _, tr := range n.Kids {
		if tr.Name != "a:tr" {
			continue
		}
		var row []string
		for _, tc := range tr.Kids {
			if tc.Name == "a:tc" {
				row = append(row, strings.Join(strings.Fields(words(tc)), " "))
			}
		}
		rows = append(rows, row)
	}
	k.add("\n\n", table.Block(rows))
}

// notes adds what the speaker has noted.
func (k *reader) notes(file string) {
	n, err := k.archive.Tree(file)
	if err != nil {
		return
	}
	n.All(func(n *zipxml.Node) bool {
		if n.Name != "p:sp" {
			return true
		}
		if holder(n) == "body" {
			for _, p := range n.Kid("p:txBody").Children() {
				if text := strings.TrimSpace(words(p)); text != "" {
					k.add("\n\n", extract.Block{Kind: extract.Paragraph, Text: text})
				}
			}
		}
		return false
	})
}

// words is the text under n, a paragraph a line.
func words(n *zipxml.Node) string {
	var s strings.Builder
	n.All(func(n *zipxml.Node) bool {
		switch n.Name {
		case "a:t", "m:t":
			s.WriteString(n.Words())
			return false
		case "a:br":
			s.WriteByte('\n')
		case "a:p":
			if s.Len() > 0 {
				s.WriteByte('\n')
			}
		}
		return n.Name != "mc:Fallback"
	})
	return s.String()
}
