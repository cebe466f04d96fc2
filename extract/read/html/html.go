// Package html reads HTML pages. The text is made of what a reader of the page
// would see: headings, paragraphs, lists, tables, code and formulas, without
// scripts, styles and navigation.
package html

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"seedbed/extract"
	decode "seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
)

// Read reads a page. Of an article among menus and advertisements only the
// article is kept, with a warning that says so; of any other page the whole
// body.
//
// The text is not the source: markup is gone, white space is collapsed, items
// have "- " or their number, a table stands in lines with "|", TeX that the
// page carries for a formula stands between dollar signs.
func Read(_ context.Context, r io.Reader, name string) (*extract.Document, error) {
	return document(r, name, false)
}

// Whole reads a page with everything around its article, menus, headers,
// footers and asides, and what it hides at first.
func Whole(_ context.Context, r io.Reader, name string) (*extract.Document, error) {
	return document(r, name, true)
}

func document(r io.Reader, name string, whole bool) (*extract.Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("read %s: %w: a page may have %d MB; split it and upload the parts", name, readerr.ErrTooLarge, maxSize>>20)
	}
	src, warnings, err := decode.Decode(data, declared(data))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var w extract.Builder
	w.Kind = extract.Page
	w.Warnings = warnings
	root, err := html.Parse(strings.NewReader(src))
	if err != nil {
		w.Warn("the page's markup cannot be parsed (%v): only its words were read", err)
		root = flat(src)
	}
	describe(&w.Document, root)
	formulas(root)
	body, title := bodyOf(root), ""
	if !whole {
		body, title = mainContent(root, body)
	}
	if title != "" {
		w.Warn("only the article was read: menus, comments and advertisements around it were left out")
		w.Title = title
		if start := Key(text(body)); !strings.Contains(start[:min(len(start), 400)], Key(title)) {
			w.Add("", extract.Block{Kind: extract.Heading, Level: 1, Title: title, Text: title})
		}
	}
	Blocks(&w, body, Options{Whole: whole})
	if len(w.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: the page has no text of its own (perhaps scripts make it); save it from the browser as a complete page or as PDF", name, readerr.ErrNoText)
	}
	d := w.Done()
	if d.Title == "" {
		for _, b := range d.Blocks {
			if b.Kind == extract.Heading {
				d.Title = b.Title
				break
			}
		}
	}
	if d.Title == "" {
		base := path.Base(name)
		d.Title = strings.TrimSuffix(base, path.Ext(base))
	}
	return d, nil
}

// maxSize bounds a page: its tree takes many times its size in memory.
const maxSize = 64 << 20

// declared is the encoding that the page's head names.
func declared(data []byte) string {
	_, name, certain := charset.DetermineEncoding(data[:min(len(data), 1024)], "")
	if !certain && name == "windows-1252" {
		return "" // what it says when the page says nothing
	}
	return name
}

// describe takes title, authors, language and licence from the head.
func describe(d *extract.Document, root *html.Node) {
	each(root, func(n *html.Node) bool {
		switch n.DataAtom {
		case atom.Html:
			d.Language = attr(n, "lang")
			if d.Language == "" {
				d.Language = attr(n, "xml:lang")
			}
		case atom.Title:
			if d.Title == "" && n.Parent != nil && n.Parent.DataAtom == atom.Head {
				d.Title = squeeze(text(n))
			}
		case atom.Meta:
			switch name := strings.ToLower(attr(n, "name")); name {
			case "author", "citation_author", "dc.creator":
				if a := squeeze(attr(n, "content")); a != "" {
					d.Authors = append(d.Authors, a)
				}
			case "citation_title":
				d.Title = squeeze(attr(n, "content"))
			}
			if attr(n, "property") == "og:title" && d.Title == "" {
				d.Title = squeeze(attr(n, "content"))
			}
		case atom.A, atom.Link:
			if rel := strings.Fields(strings.ToLower(attr(n, "rel"))); d.License == "" {
				for _, r := range rel {
					if r == "license" {
						d.License = licence(attr(n, "href"), text(n))
					}
				}
			}
		}
		return true
	})
}

// licence is the SPDX identifier of a licence's address, or its words.
func licence(href, words string) string {
	u, err := url.Parse(href)
	if err == nil && strings.HasSuffix(u.Host, "creativecommons.org") {
		parts := strings.Split(strings.Trim(u.Path, "/"), "/")
		if len(parts) >= 3 && parts[0] == "licenses" {
			return "CC-" + strings.ToUpper(parts[1]) + "-" + parts[2]
		}
		if len(parts) >= 3 && parts[0] == "publicdomain" && parts[1] == "zero" {
			return "CC0-" + parts[2]
		}
	}
	if words = squeeze(words); words != "" {
		return words
	}
	return href
}

// flat is a tree of the words of src, each run of text between two tags a
// paragraph: for markup nested so deep that the parser refuses it.
func flat(src string) *html.Node {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	tok := html.NewTokenizer(strings.NewReader(src))
	raw := false
	for {
		switch tok.Next() {
		case html.ErrorToken:
			return body
		case html.StartTagToken:
			name, _ := tok.TagName()
			raw = string(name) == "script" || string(name) == "style"
		case html.EndTagToken:
			raw = false
		case html.TextToken:
			if raw {
				continue
			}
			p := &html.Node{Type: html.ElementNode, Data: "p", DataAtom: atom.P}
			p.AppendChild(&html.Node{Type: html.TextNode, Data: string(tok.Text())})
			body.AppendChild(p)
		}
	}
}

// bodyOf is the page without its head.
func bodyOf(root *html.Node) *html.Node {
	body := root
	each(root, func(n *html.Node) bool {
		if n.DataAtom == atom.Body {
			body = n
		}
		return body == root
	})
	return body
}

// mainContent is the part of the page to read, and the title of the article
// if it is one. An article is cut out only where that keeps most of the page's
// own text: a book on one page has many parts, of which it would take the
// longest.
func mainContent(root, whole *html.Node) (body *html.Node, title string) {
	all := weight(whole, false)
	if all < 500 || !readability.CheckDocument(root) {
		return whole, ""
	}
	parser := readability.NewParser()
	parser.KeepClasses = true
	parser.DisableJSONLD = true
	article, err := parser.ParseDocument(root, nil)
	if err != nil || article.Node == nil {
		return whole, ""
	}
	if weight(article.Node, false)*10 < all*6 || weight(article.Node, true)*100 > weight(whole, true)*95 {
		return whole, "" // too much would go, or next to nothing
	}
	return article.Node, squeeze(article.Title())
}

// weight counts the characters of a part's text outside navigation, with or
// without those of links.
func weight(n *html.Node, links bool) int {
	total := 0
	each(n, func(n *html.Node) bool {
		if n.Type == html.TextNode {
			total += utf8.RuneCountInString(squeeze(n.Data))
		}
		return (links || n.DataAtom != atom.A) && !dropped(n)
	})
	return total
}

// each visits n and what is under it; where visit returns false it does not
// go deeper.
func each(n *html.Node, visit func(*html.Node) bool) {
	if !visit(n) {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, visit)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key || a.Namespace+":"+a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var s strings.Builder
	each(n, func(n *html.Node) bool {
		if n.Type == html.TextNode {
			s.WriteString(n.Data)
		}
		return true
	})
	return s.String()
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
