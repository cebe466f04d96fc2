package pretext

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"seedbed/extract/read/readerr"
)

// Limits on a file: more is no book.
const (
	maxDepth = 200
	maxNodes = 2_000_000
)

// A node is an element, or text where it has no name.
type node struct {
	name  string
	attr  map[string]string
	kids  []*node
	text  string
	lines [2]int
}

// parse reads XML into a tree. Entities that are not XML's own stay as they
// are written; nothing outside the file is ever looked at.
func parse(src, name string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(src))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	root := &node{name: "", lines: [2]int{1, 1}}
	open := []*node{root}
	for n := 0; ; n++ {
		line, _ := d.InputPos()
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w: it is no well-formed XML: %w", name, readerr.ErrCorrupt, err)
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			if len(open) > maxDepth || n > maxNodes {
				return nil, fmt.Errorf("read %s: %w: its elements are nested too deep or are too many", name, readerr.ErrTooLarge)
			}
			k := &node{name: t.Name.Local, attr: map[string]string{}, lines: [2]int{line, line}}
			for _, a := range t.Attr {
				k.attr[a.Name.Local] = a.Value
			}
			top.kids = append(top.kids, k)
			open = append(open, k)
		case xml.EndElement:
			top.lines[1], _ = d.InputPos()
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			top.kids = append(top.kids, &node{text: string(t), lines: [2]int{line, line}})
		}
	}
}

// first is the first child with one of the names, nil without one.
func (n *node) first(names ...string) *node {
	for _, k := range n.kids {
		for _, name := range names {
			if k.name == name {
				return k
			}
		}
	}
	return nil
}

// has reports whether an element of the name stands anywhere within.
func (n *node) has(name string) bool {
	for _, k := range n.kids {
		if k.name == name || k.has(name) {
			return true
		}
	}
	return false
}

// verbatim is all text within, as it is.
func (n *node) verbatim() string {
	if n.name == "" && n.kids == nil {
		return n.text
	}
	var w strings.Builder
	for _, k := range n.kids {
		w.WriteString(k.verbatim())
	}
	return w.String()
}
