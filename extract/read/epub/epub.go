// Package epub reads EPUB books: the chapters in the order of the spine, with
// the titles of the table of contents where a chapter has none.
package epub

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	page "seedbed/extract/read/html"
	"seedbed/extract/read/readerr"
)

// Limits on what a book unpacks to.
const (
	maxFile  = 32 << 20
	maxTotal = 256 << 20
)

// Is reports whether a zip archive is an EPUB.
func Is(z *zip.Reader) bool {
	for _, f := range z.File {
		if f.Name == "META-INF/container.xml" {
			return true
		}
		if f.Name == "mimetype" {
			data, err := unpack(f, 100)
			if err == nil && strings.TrimSpace(string(data)) == "application/epub+zip" {
				return true
			}
		}
	}
	return false
}

// Read reads a book. Each block's File is the chapter's name in the archive.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string) (*extract.Document, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("read %s: %w: the EPUB is cut off or its directory is broken; download it again: %w", name, readerr.ErrCorrupt, err)
	}
	b := book{files: map[string]*zip.File{}}
	for _, f := range z.File {
		if _, ok := b.files[f.Name]; !ok {
			b.files[f.Name] = f
		}
	}
	d, err := b.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	return d, nil
}

type book struct {
	files map[string]*zip.File
	total int64
	w     extract.Builder
}

func (b *book) read(ctx context.Context) (*extract.Document, error) {
	b.w.Kind = extract.Book
	opfName, opf, err := b.packageFile()
	if err != nil {
		return nil, err
	}
	b.describe(opf)
	chapters := b.chapters(opf, path.Dir(opfName))
	if err := b.locked(chapters); err != nil {
		return nil, err
	}
	titles := b.contents(opf, path.Dir(opfName))
	for _, name := range chapters {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := b.chapter(name, titles[name]); err != nil {
			if errors.Is(err, readerr.ErrTooLarge) {
				return nil, err
			}
			b.w.Warn("%s was left out: %v", name, err)
		}
	}
	if len(b.w.Blocks) == 0 {
		return nil, b.empty(chapters)
	}
	return b.w.Done(), nil
}

// empty says why a book has no text.
func (b *book) empty(chapters []string) error {
	missing := 0
	for _, name := range chapters {
		if b.files[name] == nil {
			missing++
		}
	}
	switch {
	case len(chapters) == 0:
		return fmt.Errorf("%w: the EPUB lists no chapters", readerr.ErrNoText)
	case missing > 0:
		return fmt.Errorf("%w: %d of the EPUB's %d chapters are not in the file", readerr.ErrCorrupt, missing, len(chapters))
	}
	return fmt.Errorf("%w: none of its %d chapters has any; a book of pictures needs text recognition first", readerr.ErrNoText, len(chapters))
}

// file unpacks a file of the book.
func (b *book) file(name string) ([]byte, error) {
	f, ok := b.files[name]
	if !ok {
		return nil, fmt.Errorf("%s is not in the archive", name)
	}
	data, err := unpack(f, maxFile)
	if err != nil {
		return nil, err
	}
	if b.total += int64(len(data)); b.total > maxTotal {
		return nil, fmt.Errorf("%w: the book unpacks to more than %d MB", readerr.ErrTooLarge, maxTotal>>20)
	}
	return data, nil
}

func unpack(f *zip.File, limit int64) ([]byte, error) {
	if f.Flags&1 != 0 {
		return nil, readerr.ErrEncrypted
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", f.Name, err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", f.Name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("unpack %s: %w: over %d MB", f.Name, readerr.ErrTooLarge, limit>>20)
	}
	return data, nil
}

var version = regexp.MustCompile(`^(\s*<\?xml\s+version\s*=\s*["'])1\.1\b`)

func (b *book) xml(name string, v any) error {
	data, err := b.file(name)
	if err != nil {
		return err
	}
	s, _, err := charset.Decode(data, "")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// What version 1.1 of XML allows beside 1.0 no book needs.
	dec := xml.NewDecoder(strings.NewReader(version.ReplaceAllString(s, "${1}1.0")))
	dec.Strict = false
	dec.Entity = xml.HTMLEntity
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // decoded above
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// opf is the package file: what the book is and in which order it is read.
type opf struct {
	Titles    []string `xml:"metadata>title"`
	Creators  []string `xml:"metadata>creator"`
	Languages []string `xml:"metadata>language"`
	Rights    []string `xml:"metadata>rights"`
	Items     []item   `xml:"manifest>item"`
	Spine     struct {
		Toc  string `xml:"toc,attr"`
		Refs []struct {
			ID     string `xml:"idref,attr"`
			Linear string `xml:"linear,attr"`
		} `xml:"itemref"`
	} `xml:"spine"`
}

type item struct {
	ID         string `xml:"id,attr"`
	Href       string `xml:"href,attr"`
	Type       string `xml:"media-type,attr"`
	Properties string `xml:"properties,attr"`
}

func (i item) page() bool {
	return i.Type == "application/xhtml+xml" || i.Type == "text/html" || i.Type == "application/x-dtbook+xml"
}

// packageFile finds the package file by the container, or by its ending.
func (b *book) packageFile() (string, opf, error) {
	var container struct {
		Roots []struct {
			Path string `xml:"full-path,attr"`
		} `xml:"rootfiles>rootfile"`
	}
	var p opf
	names := []string{}
	cause := b.xml("META-INF/container.xml", &container)
	if errors.Is(cause, readerr.ErrEncrypted) {
		return "", p, fmt.Errorf("%w: upload the book without password or copy protection", readerr.ErrEncrypted)
	}
	for _, r := range container.Roots {
		names = append(names, path.Clean(r.Path))
	}
	for name := range b.files {
		if strings.HasSuffix(name, ".opf") {
			names = append(names, name)
		}
	}
	for _, name := range names {
		p = opf{}
		if cause = b.xml(name, &p); cause == nil {
			if len(p.Items) > 0 {
				return name, p, nil
			}
			cause = fmt.Errorf("%s is empty", name)
		}
	}
	if cause == nil {
		cause = errors.New("it names no package file")
	}
	return "", p, fmt.Errorf("%w: the EPUB has no readable list of its pages; download it again (%v)", readerr.ErrCorrupt, cause)
}

func (b *book) describe(p opf) {
	b.w.Title = first(p.Titles)
	for _, c := range p.Creators {
		if c = squeeze(c); c != "" {
			b.w.Authors = append(b.w.Authors, c)
		}
	}
	b.w.Language = first(p.Languages)
	b.w.License = first(p.Rights)
}

// chapters are the pages of the book in reading order.
func (b *book) chapters(p opf, dir string) []string {
	byID := map[string]item{}
	for _, i := range p.Items {
		byID[i.ID] = i
	}
	var names []string
	seen := map[string]bool{}
	add := func(i item) {
		name := resolve(dir, i.Href)
		if i.page() && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, ref := range p.Spine.Refs {
		add(byID[ref.ID])
	}
	if len(names) == 0 {
		for _, i := range p.Items {
			add(i)
		}
		b.w.Warn("the book states no reading order: its pages stand in the order of its list of files")
	}
	return names
}

// resolve is the name in the archive of a reference from a file in dir.
func resolve(dir, href string) string {
	href, _, _ = strings.Cut(href, "#")
	if u, err := url.PathUnescape(href); err == nil {
		href = u
	}
	return path.Join(dir, href)
}

// fonts are the two ways to obscure a font, which hide no text.
var fonts = map[string]bool{
	"http://www.idpf.org/2008/embedding": true,
	"http://ns.adobe.com/pdf/enc#RC":     true,
}

// locked reports copy protection: chapters that are encrypted.
func (b *book) locked(chapters []string) error {
	const advice = "it is copy-protected (DRM); upload a book without protection"
	for _, name := range []string{"META-INF/rights.xml", "META-INF/license.lcpl", "META-INF/sinf.xml"} {
		if _, ok := b.files[name]; ok {
			if _, encrypted := b.files["META-INF/encryption.xml"]; encrypted {
				return fmt.Errorf("%w: %s", readerr.ErrEncrypted, advice)
			}
		}
	}
	var e struct {
		Data []struct {
			Method struct {
				Algorithm string `xml:"Algorithm,attr"`
			} `xml:"EncryptionMethod"`
			Ref struct {
				URI string `xml:"URI,attr"`
			} `xml:"CipherData>CipherReference"`
		} `xml:"EncryptedData"`
	}
	if _, ok := b.files["META-INF/encryption.xml"]; ok {
		if err := b.xml("META-INF/encryption.xml", &e); err != nil {
			return fmt.Errorf("%w: %w", readerr.ErrCorrupt, err)
		}
	}
	is := map[string]bool{}
	for _, d := range e.Data {
		if !fonts[d.Method.Algorithm] {
			is[resolve("", d.Ref.URI)] = true
		}
	}
	for _, name := range chapters {
		if f := b.files[name]; is[name] || f != nil && f.Flags&1 != 0 {
			return fmt.Errorf("%w: %s", readerr.ErrEncrypted, advice)
		}
	}
	return nil
}

// A place is one line of the table of contents.
type place struct {
	title string
	level int
}

// contents are the lines of the table of contents by file, from the
// navigation page or from the older NCX file.
func (b *book) contents(p opf, dir string) map[string][]place {
	out := map[string][]place{}
	for _, i := range p.Items {
		if strings.Contains(" "+i.Properties+" ", " nav ") {
			name := resolve(dir, i.Href)
			if data, err := b.file(name); err == nil {
				navigation(data, path.Dir(name), out)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, i := range p.Items {
		if i.Type == "application/x-dtbncx+xml" || i.ID == p.Spine.Toc && i.ID != "" {
			name := resolve(dir, i.Href)
			var ncx struct {
				Points []navPoint `xml:"navMap>navPoint"`
			}
			if err := b.xml(name, &ncx); err == nil {
				points(ncx.Points, path.Dir(name), 1, out)
			}
		}
	}
	return out
}

type navPoint struct {
	Label   string `xml:"navLabel>text"`
	Content struct {
		Src string `xml:"src,attr"`
	} `xml:"content"`
	Points []navPoint `xml:"navPoint"`
}

func points(ps []navPoint, dir string, level int, out map[string][]place) {
	for _, p := range ps {
		name := resolve(dir, p.Content.Src)
		if title := squeeze(p.Label); title != "" {
			out[name] = append(out[name], place{title, level})
		}
		if level < 6 {
			points(p.Points, dir, level+1, out)
		}
	}
}

// navigation reads the links of the element whose type is "toc".
func navigation(data []byte, dir string, out map[string][]place) {
	root, err := html.Parse(strings.NewReader(selfClosed(string(data))))
	if err != nil {
		return
	}
	var walk func(n *html.Node, toc bool, level int)
	walk = func(n *html.Node, toc bool, level int) {
		if n.Data == "nav" {
			kind := attr(n, "epub:type")
			toc = kind == "toc" || kind == ""
		}
		if n.Data == "ol" {
			level++
		}
		if href := attr(n, "href"); toc && n.Data == "a" && href != "" && level > 0 {
			if title := squeeze(text(n)); title != "" {
				name := resolve(dir, href)
				out[name] = append(out[name], place{title, min(level, 6)})
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, toc, level)
		}
	}
	walk(root, false, 0)
}

// chapter adds one page of the book.
func (b *book) chapter(name string, titles []place) error {
	data, err := b.file(name)
	if err != nil {
		return err
	}
	src, warnings, err := charset.Decode(data, "")
	if errors.Is(err, readerr.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := html.Parse(strings.NewReader(selfClosed(src)))
	if err != nil {
		return err
	}
	page.Formulas(root)
	opts := page.Options{Keep: true, Headings: map[string]int{}}
	for _, t := range titles {
		opts.Headings[page.Key(t.title)] = t.level
	}
	var part extract.Builder
	page.Blocks(&part, root, opts)
	if len(part.Blocks) == 0 {
		return nil // a cover
	}
	if len(titles) > 0 && !headed(part.Blocks) {
		b.w.Add("\n\n", extract.Block{Kind: extract.Heading, Level: titles[0].level, Title: titles[0].title, Text: titles[0].title, Locator: extract.Locator{File: name}})
	}
	part.Warnings = warnings
	b.w.Append("\n\n", part.Done(), name)
	return nil
}

// headed reports whether a heading stands among the first blocks.
func headed(blocks []extract.Block) bool {
	for _, b := range blocks[:min(len(blocks), 4)] {
		if b.Kind == extract.Heading {
			return true
		}
	}
	return false
}

var selfClosing = regexp.MustCompile(`<(title|script|style|a|span|p|div|i|b|em|td|th|textarea|iframe)(\s[^<>]*)?/>`)

// selfClosed opens the elements that XHTML may close in their own tag and
// HTML may not: a parser of HTML would take the rest of the page for a title,
// a script or a link.
func selfClosed(src string) string {
	return selfClosing.ReplaceAllString(src, "<$1$2></$1>")
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var s strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s.WriteString(text(c))
	}
	return s.String()
}

func first(list []string) string {
	for _, s := range list {
		if s = squeeze(s); s != "" {
			return s
		}
	}
	return ""
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
