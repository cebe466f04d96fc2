package webtest

import (
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// A Page is HTML that a test looks into.
type Page struct {
	t    testing.TB
	root *html.Node
}

// Parse reads HTML as a browser would.
func Parse(t testing.TB, r io.Reader) Page {
	t.Helper()
	root, err := html.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	return Page{t, root}
}

// All are the elements that a selector matches.
func (p Page) All(selector string) []*html.Node {
	p.t.Helper()
	s, err := cascadia.ParseGroup(selector)
	if err != nil {
		p.t.Fatalf("selector %s: %v", selector, err)
	}
	return cascadia.QueryAll(p.root, s)
}

// Text is the text of the first element that a selector matches, with one
// space between words and between elements. No such element ends the test.
func (p Page) Text(selector string) string {
	p.t.Helper()
	var words []string
	for n := range p.first(selector).Descendants() {
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// Raw is the text of the first element that a selector matches, as it stands.
func (p Page) Raw(selector string) string {
	p.t.Helper()
	return Text(p.first(selector))
}

func (p Page) first(selector string) *html.Node {
	p.t.Helper()
	all := p.All(selector)
	if len(all) == 0 {
		p.t.Fatalf("the page has no %s", selector)
	}
	return all[0]
}

// Want fails the test if the selector does not match n elements.
func (p Page) Want(selector string, n int) {
	p.t.Helper()
	if got := len(p.All(selector)); got != n {
		p.t.Errorf("%d elements match %s, want %d", got, selector, n)
	}
}

// Text is all text within n.
func Text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// Attr is an attribute of n, "" without it.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Active lists what in a page could run what a stranger wrote: scripts other
// than our files, handlers in attributes, addresses that are code, styles and
// frames.
func (p Page) Active() []string {
	var out []string
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			if !strings.HasPrefix(Attr(n, "src"), "/static/") || n.FirstChild != nil {
				out = append(out, "<script>"+Text(n))
			}
		case "style", "iframe", "object", "embed", "base", "img", "math", "b", "template":
			out = append(out, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", strings.HasPrefix(a.Key, "hx-on"):
				out = append(out, a.Key+"="+a.Val)
			case strings.HasPrefix(value, "javascript:"), strings.HasPrefix(value, "data:"), strings.HasPrefix(value, "vbscript:"), strings.HasPrefix(value, "js:"):
				if a.Key != "value" && a.Key != "placeholder" {
					out = append(out, a.Key+"="+a.Val)
				}
			}
		}
	}
	return out
}

// Turned lists the texts that hold characters which turn the direction of what
// follows. What a person can edit is left alone: there, every character counts.
func (p Page) Turned() []string {
	const marks = "\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069"
	var out []string
	for n := range p.root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "textarea" && strings.ContainsAny(n.Data, marks) {
			out = append(out, n.Data)
		}
		for _, a := range n.Attr {
			if a.Key != "value" && strings.ContainsAny(a.Val, marks) {
				out = append(out, a.Key+"="+a.Val)
			}
		}
	}
	return out
}
