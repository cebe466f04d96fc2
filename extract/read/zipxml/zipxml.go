// Package zipxml reads the XML files inside a zip archive, which is what
// office documents are: piece by piece, within limits, and without ever
// following an entity or a reference to the outside.
package zipxml

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"seedbed/extract/read/readerr"
)

// Limits on what an office document unpacks to.
const (
	maxFile  = 128 << 20
	maxTotal = 256 << 20
	maxDepth = 200     // elements inside each other
	maxNodes = 500_000 // elements of one paragraph, table or slide
)

// An Archive is an open office document.
type Archive struct {
	files map[string]*zip.File
	total int64
}

// Open opens a zip archive. The name is used in errors.
func Open(r io.ReaderAt, size int64, name string) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("read %s: %w: the document is cut off or its directory is broken; save it again: %w", name, readerr.ErrCorrupt, err)
	}
	a := &Archive{files: map[string]*zip.File{}}
	for _, f := range z.File {
		if _, ok := a.files[f.Name]; !ok {
			a.files[f.Name] = f
		}
	}
	return a, nil
}

// Has reports whether the archive has a file of that name.
func (a *Archive) Has(name string) bool { return a.files[name] != nil }

// Names are the files that begin with prefix, in no order.
func (a *Archive) Names(prefix string) []string {
	var names []string
	for name := range a.files {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

// Open gives a file's content, which ends with an error at the limits.
func (a *Archive) Open(name string) (io.ReadCloser, error) {
	f := a.files[name]
	if f == nil {
		return nil, fmt.Errorf("%w: it has no %s", readerr.ErrCorrupt, name)
	}
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("%w: save it without password", readerr.ErrEncrypted)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", readerr.ErrCorrupt, name, err)
	}
	return &limited{ReadCloser: r, a: a, name: name}, nil
}

// A limited file counts what it unpacks to.
type limited struct {
	io.ReadCloser
	a    *Archive
	name string
	n    int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.n += int64(n)
	l.a.total += int64(n)
	if l.n > maxFile || l.a.total > maxTotal {
		return n, fmt.Errorf("%w: %s unpacks to more than %d MB", readerr.ErrTooLarge, l.name, maxFile>>20)
	}
	return n, err
}

// A Node is an element, or text where Name is "".
type Node struct {
	Name string // with the usual prefix of its name space: "w:p", "text:h"
	Attr []xml.Attr
	Kids []*Node
	Text string
}

// Get is the value of the attribute with this local name, "" without one.
func (n *Node) Get(key string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Name.Local == key {
			return a.Value
		}
	}
	return ""
}

// Kid is the first child of this name at the end of a path of names, nil
// without one.
func (n *Node) Kid(names ...string) *Node {
	for _, name := range names {
		var next *Node
		if n != nil {
			for _, k := range n.Kids {
				if k.Name == name {
					next = k
					break
				}
			}
		}
		n = next
	}
	return n
}

// Val is the attribute "val" of the child at the end of a path.
func (n *Node) Val(names ...string) string { return n.Kid(names...).Get("val") }

// All calls f with n and what stands under it, until f returns false for an
// element whose children are to be left out.
func (n *Node) All(f func(*Node) bool) {
	if n == nil || !f(n) {
		return
	}
	for _, k := range n.Kids {
		k.All(f)
	}
}

// Words is the text under n.
func (n *Node) Words() string {
	var s strings.Builder
	n.All(func(n *Node) bool { s.WriteString(n.Text); return true })
	return s.String()
}

// prefixes are name spaces by a part of their address. Strict and transitional
// documents differ in the rest of it.
var prefixes = []struct{ part, prefix string }{
	{"wordprocessingml", "w"}, {"officeDocument/2006/math", "m"}, {"officeDocument/math", "m"}, {"presentationml", "p"},
	{"drawingml/2006/chart", "c"}, {"drawingml/2006/diagram", "dgm"}, {"drawingml/2006/main", "a"}, {"drawingml/main", "a"},
	{"markup-compatibility", "mc"}, {"schemas-microsoft-com:vml", "v"}, {"wordprocessingShape", "wps"},
	{"package/2006/relationships", "rel"}, {"core-properties", "cp"}, {"purl.org/dc/elements", "dc"},
	{"Math/MathML", "math"},
}

func qualified(n xml.Name) string {
	if rest, ok := strings.CutPrefix(n.Space, "urn:oasis:names:tc:opendocument:xmlns:"); ok {
		prefix, _, _ := strings.Cut(rest, ":")
		if prefix == "drawing" {
			prefix = "draw"
		}
		return prefix + ":" + n.Local
	}
	for _, p := range prefixes {
		if strings.Contains(n.Space, p.part) {
			return p.prefix + ":" + n.Local
		}
	}
	return n.Local
}

// Each reads a file and calls f with each child of the element named by
// parent, whole, as it comes: a book is never in memory at once. Children of
// an element that through names are taken for the parent's own.
func (a *Archive) Each(name, parent string, through []string, f func(*Node) error) error {
	r, err := a.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	inner := map[string]bool{}
	for _, t := range through {
		inner[t] = true
	}
	d := decoder(r)
	open, depth := 0, 0 // elements entered since the parent, and in all
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return broken(name, err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch q := qualified(t.Name); {
			case open == 0 && q == parent, open > 0 && inner[q]:
				open++
			case open > 0:
				left := maxNodes
				n, err := tree(d, t, 0, &left)
				if err != nil {
					return broken(name, err)
				}
				if err := f(n); err != nil {
					return err
				}
				continue
			}
			if depth++; depth > maxDepth {
				return broken(name, errDeep)
			}
		case xml.EndElement:
			depth--
			if open > 0 {
				open--
			}
		}
	}
}

// Tree reads a whole file.
func (a *Archive) Tree(name string) (*Node, error) {
	r, err := a.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	d := decoder(r)
	for {
		t, err := d.Token()
		if err != nil {
			return nil, broken(name, err)
		}
		if t, ok := t.(xml.StartElement); ok {
			left := maxNodes
			n, err := tree(d, t, 0, &left)
			if err != nil {
				return nil, broken(name, err)
			}
			return n, nil
		}
	}
}

func decoder(r io.Reader) *xml.Decoder {
	d := xml.NewDecoder(r)
	// An entity that the document defines itself stays unknown to the
	// decoder, and ends the reading: nothing outside is ever opened.
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("it is in %s, not in UTF-8", label)
	}
	return d
}

var (
	errDeep = fmt.Errorf("%w: elements stand more than %d deep inside each other", readerr.ErrTooLarge, maxDepth)
	errMany = fmt.Errorf("%w: one part of it has more than %d elements", readerr.ErrTooLarge, maxNodes)
)

func broken(name string, err error) error {
	if errors.Is(err, readerr.ErrTooLarge) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("%w: %s: %w; save the document again", readerr.ErrCorrupt, name, err)
}

func tree(d *xml.Decoder, start xml.StartElement, depth int, left *int) (*Node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	n := &Node{Name: qualified(start.Name), Attr: start.Attr}
	for {
		if *left--; *left < 0 {
			return nil, errMany
		}
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			kid, err := tree(d, t, depth+1, left)
			if err != nil {
				return nil, err
			}
			n.Kids = append(n.Kids, kid)
		case xml.CharData:
			n.Kids = append(n.Kids, &Node{Text: string(t)})
		case xml.EndElement:
			return n, nil
		}
	}
}

// Relations are the targets of a file's references, by their id: what
// "word/document.xml" refers to stands in "word/_rels/document.xml.rels".
// Targets outside the archive are left out.
func (a *Archive) Relations(name string) map[string]Relation {
	out := map[string]Relation{}
	rels := path.Join(path.Dir(name), "_rels", path.Base(name)+".rels")
	if name == "" {
		rels = "_rels/.rels"
	}
	if !a.Has(rels) {
		return out
	}
	n, err := a.Tree(rels)
	if err != nil {
		return out
	}
	for _, r := range n.Kids {
		if r.Get("TargetMode") == "External" || r.Get("Id") == "" {
			continue
		}
		target := r.Get("Target")
		if strings.HasPrefix(target, "/") {
			target = strings.TrimPrefix(target, "/")
		} else {
			target = path.Join(path.Dir(name), target)
		}
		out[r.Get("Id")] = Relation{Type: path.Base(r.Get("Type")), Target: target}
	}
	return out
}

// A Relation is a reference from one file of an archive to another.
type Relation struct {
	Type   string // the last word of its address: "slide", "footnotes"
	Target string // a name in the archive
}

// Main is the file that the package says is the document, otherwise if it
// says nothing usable.
func (a *Archive) Main(otherwise string) string {
	for _, r := range a.Relations("") {
		if r.Type == "officeDocument" && a.Has(r.Target) {
			return r.Target
		}
	}
	return otherwise
}

// Properties are the title and the authors that an Office document states.
func (a *Archive) Properties() (title string, authors []string, language string) {
	n, err := a.Tree("docProps/core.xml")
	if err != nil {
		return "", nil, ""
	}
	title = strings.Join(strings.Fields(n.Kid("dc:title").Words()), " ")
	for _, s := range strings.Split(n.Kid("dc:creator").Words(), ";") {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			authors = append(authors, s)
		}
	}
	return title, authors, strings.TrimSpace(n.Kid("dc:language").Words())
}

// Children are n's children, none where n is nil.
func (n *Node) Children() []*Node {
	if n == nil {
		return nil
	}
	return n.Kids
}
