package chunk

import (
	"strings"

	"seedbed/extract"
)

// A section is a heading's own blocks and the sections below it, within one
// stretch. A stretch may begin in the middle of a section.
type section struct {
	head        *heading // nil before the first heading
	first, last int      // its own blocks
	end         int      // of the last section below it
	bare        bool     // its own blocks are nothing but headings
	below       []*section
}

func (s *section) level() int {
	if s.head == nil {
		return 0
	}
	return s.head.level
}

// up is the heading above the section.
func (s *section) up() *heading {
	if s.head == nil {
		return nil
	}
	return s.head.up
}

// A group is a part that became whole sections side by side, which may be
// joined by their neighbours under the same heading.
type group struct {
	part
	up    *heading
	whole bool
}

// cut makes the parts of a stretch.
func (c *cutter) cut(first, last int) []part {
	if c.doc.Blocks[first].Skip != "" {
		return []part{c.blocks(first, last)}
	}
	var list []group
	for _, s := range nest(c.sections(first, last)) {
		list = append(list, c.groups(s, s.first)...)
	}
	list = c.join(list)
	parts := make([]part, len(list))
	for i, g := range list {
		parts[i] = g.part
	}
	return parts
}

// sections cuts the blocks at the headings. A heading without text is put
// with the next section where that stands on its own level, and at the end of
// the one before where the next stands higher.
func (c *cutter) sections(first, last int) []*section {
	var flat []*section
	for i := first; i < last; i++ {
		heading := c.doc.Blocks[i].Kind == extract.Heading
		if i == first || heading {
			flat = append(flat, &section{head: c.under[i], first: i, bare: true})
		}
		s := flat[len(flat)-1]
		s.last = i + 1
		s.bare = s.bare && heading
	}
	kept := flat[:0]
	for i, s := range flat {
		var next *section
		if i+1 < len(flat) {
			next = flat[i+1]
		}
		switch {
		case !s.bare:
		case next != nil && next.level() == s.level():
			next.first = s.first
			continue
		case len(kept) > 0 && (next == nil || next.level() < s.level()):
			kept[len(kept)-1].last = s.last
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// nest puts each section below the last one before it that has a higher
// heading, and returns those that have none.
func nest(flat []*section) []*section {
	var top, open []*section
	for _, s := range flat {
		for len(open) > 0 && open[len(open)-1].level() >= s.level() {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			top = append(top, s)
		} else {
			up := open[len(open)-1]
			up.below = append(up.below, s)
		}
		open = append(open, s)
		for _, o := range open {
			o.end = s.last
		}
	}
	return top
}

// groups makes the groups of a section with the headings from block lead on
// that lead to it.
func (c *cutter) groups(s *section, lead int) []group {
	if all := c.blocks(lead, s.end); all.tokens <= c.Max {
		return []group{{all, s.up(), true}}
	}
	var list []group
	if len(s.below) == 0 || !s.bare {
		own := c.fill(c.atoms(lead, s.last))
		for _, p := range own {
			list = append(list, group{p, s.head, len(own) == 1})
		}
		lead = s.last
	}
	for _, b := range s.below {
		list = append(list, c.groups(b, lead)...)
		lead = b.end
	}
	return c.join(list)
}

// join joins small neighbours.
func (c *cutter) join(list []group) []group {
	out := list[:0]
	for _, g := range list {
		if len(out) > 0 {
			last := &out[len(out)-1]
			sum, small := last.tokens+g.tokens, min(last.tokens, g.tokens) < c.Min
			if last.whole && g.whole && last.up == g.up && (sum <= c.Target || sum <= c.Max && small) {
				last.part = last.and(g.part)
				continue
			}
		}
		out = append(out, g)
	}
	return out
}

// atoms cuts blocks that are too long for one passage into what is not cut
// further. A heading stays with what follows, a caption with what it is
// about, and a line that ends in a colon with what it announces.
func (c *cutter) atoms(first, last int) []part {
	var out []part
	lead := 0 // tokens of the headings just before
	for i := first; i < last; i++ {
		block := c.blocks(i, i+1)
		heading := c.doc.Blocks[i].Kind == extract.Heading
		if heading && lead+block.tokens > c.Max/2 {
			lead = 0 // so many cannot all lead to one text
		}
		pieces := []part{block}
		if block.tokens > c.Max-lead && (block.tokens > ceiling*c.Max || !keptWhole(&c.doc.Blocks[i])) {
			pieces = c.pieces(block, c.Max-lead)
		}
		if n := len(out); n > 0 && (lead > 0 || !heading && out[n-1].tokens+pieces[0].tokens <= c.Max && c.belong(i-1, i)) {
			out[n-1] = out[n-1].and(pieces[0])
			pieces = pieces[1:]
		}
		out = append(out, pieces...)
		switch {
		case !heading:
			lead = 0
		case lead+block.tokens <= c.Max/2:
			lead += block.tokens
		}
	}
	return out
}

// keptWhole reports whether a block must not be cut.
func keptWhole(b *extract.Block) bool {
	switch b.Kind {
	case extract.ListItem, extract.Table, extract.Formula:
		return true
	case extract.Code:
		return b.Symbol != nil
	}
	return false
}

// belong reports whether block j, right after block i, should stay with it.
func (c *cutter) belong(i, j int) bool {
	a, b := &c.doc.Blocks[i], &c.doc.Blocks[j]
	switch {
	case b.Kind == extract.Caption:
		return shown(a.Kind)
	case a.Kind == extract.Caption:
		return shown(b.Kind)
	}
	return strings.HasSuffix(a.Text, ":") || strings.HasSuffix(a.Text, "：")
}

// shown reports whether blocks of the kind have captions.
func shown(k extract.BlockKind) bool {
	return k == extract.Table || k == extract.Code || k == extract.Formula || k == extract.Other
}

// fill puts atoms together to parts of about equal length near Target, none
// longer than Max unless a single atom is.
func (c *cutter) fill(atoms []part) []part {
	left := 0
	for _, a := range atoms {
		left += a.tokens
	}
	if left <= c.Max {
		whole := atoms[0]
		for _, a := range atoms[1:] {
			whole = whole.and(a)
		}
		return []part{whole}
	}
	var out []part
	goal := 0
	for _, a := range atoms {
		if n := len(out); n > 0 && out[n-1].tokens+a.tokens <= c.Max && out[n-1].tokens+a.tokens/2 <= goal {
			out[n-1] = out[n-1].and(a)
		} else {
			n := max((left+c.Target/2)/c.Target, (left+c.Max-1)/c.Max) // parts still to come
			goal = left / n
			out = append(out, a)
		}
		left -= a.tokens
	}
	return out
}
