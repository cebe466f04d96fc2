package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web"
	"seedbed/web/webtest"
)

func server(t testing.TB, f *webtest.Fake, change ...func(*web.Options)) *web.Server {
	t.Helper()
	o := web.Options{Library: f, Seeds: f, Exporter: f, Now: f.Now, Version: "test"}
	for _, c := range change {
		c(&o)
	}
	return web.New(slog.New(slog.DiscardHandler), o)
}

// do sends a request with pairs of header names and values.
func do(s http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

var fragment = []string{"HX-Request", "true", "HX-Request-Type", "partial"}

// matches says whether an address is one of a route's, as in /runs/:id.
func matches(route, to string) bool {
	to, _, _ = strings.Cut(to, "#")
	is, have := strings.Split(route, "/"), strings.Split(to, "/")
	return slices.EqualFunc(is, have, func(is, have string) bool {
		return is == have || strings.HasPrefix(is, ":") && have != ""
	})
}

// samplePages is every page, in every state the sample has.
var samplePages = []string{
	"/", "/?collection=code", "/?collection=nothing",
	"/sources/book", "/sources/book?at=300-420", "/sources/book/passages", "/sources/book/passages?state=skipped", "/sources/book/seeds", "/sources/book/runs",
	"/sources/book/pages/3", "/sources/book/pages/17?at=0-400", "/sources/scanned",
	"/sources/book/write", "/sources/reading/write", "/sources/locked", "/sources/locked/passages", "/sources/locked/seeds", "/sources/reading", "/sources/stack",
	"/runs/live/calls?passage=17", "/calls/live-17-1", "/calls/live-17-2",
	"/runs", "/runs/live", "/runs/failures", "/runs/done", "/runs/paused", "/runs/waiting", "/runs/unread", "/runs/live/scorecard", "/runs/done/scorecard",
	"/recipes/quick", "/recipes/quick?full=1", "/recipes/mine", "/recipes/mine?saved=1", "/recipes/new", "/recipes/new?from=quick",
	"/seeds", "/seeds?q=comparisons", "/seeds?q=nothing+has+these+words", "/seeds?verdict=any&type=code&run=live&min_difficulty=3", "/seeds?page=2",
	"/seeds/merge", "/seeds/merge/history", "/seeds/hostile/history?before=9", "/seeds/lean", "/seeds/hostile", "/seeds/bound",
	"/export", "/export?format=csv&verdict=draft", "/settings", "/settings?preset=openai",
}

// Every page is whole, safe and accessible as far as a program can tell.
func TestPages(t *testing.T) {
	s := server(t, webtest.Sample())
	links, forms := map[string]string{}, map[string]string{}
	for _, path := range samplePages {
		w := do(s, "GET", path, "")
		if w.Code != http.StatusOK {
			t.Errorf("GET %s: %d: %s", path, w.Code, w.Body)
			continue
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("GET %s: Content-Security-Policy %q", path, csp)
		}
		page := webtest.Parse(t, w.Body)
		for _, sel := range []string{`html[lang]`, "h1", "main#main", "header nav", "a.skip[href='#main']", "title", "meta[name=viewport]", "#notice[role=alert]"} {
			page.Want(sel, 1)
		}
		seen := safeAndNamed(t, path, page)
		for _, n := range page.All("[href], [src], [hx-get]") {
			for _, name := range []string{"href", "src", "hx-get"} {
				to := webtest.Attr(n, name)
				to, at, _ := strings.Cut(to, "#")
				if to == "" && at != "" && !seen[at] {
					t.Errorf("GET %s: a link leads to #%s, which is not there", path, at)
				}
				if to != "" {
					links[to] = path
				}
			}
		}
		for _, n := range page.All("form[method=post], [hx-post], [formaction]:not([formmethod=get])") {
			for _, name := range []string{"action", "hx-post", "formaction"} {
				if to := webtest.Attr(n, name); to != "" {
					forms[to] = path
				}
			}
		}
	}
	for to, from := range forms {
		if !slices.ContainsFunc(s.Routes(), func(r *echo.Route) bool { return r.Method == "POST" && matches(r.Path, to) }) {
			t.Errorf("GET %s: a form is sent to %s, where nothing takes it", from, to)
		}
	}
	// No link is dead, and none leads away.
	for to, from := range links {
		if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			t.Errorf("GET %s links to %s, which is elsewhere", from, to)
		} else if w := do(s, "GET", to, ""); w.Code != http.StatusOK {
			t.Errorf("GET %s, linked from %s: %d", to, from, w.Code)
		}
	}
	if len(links) < 60 {
		t.Errorf("only %d links were followed", len(links))
	}
}

// safeAndNamed fails the test if a page could run what a stranger wrote, or has
// a field, a button or a link that does not say what it is. It returns the ids
// in it.
func safeAndNamed(t *testing.T, path string, page webtest.Page) map[string]bool {
	t.Helper()
	if got := page.Active(); len(got) > 0 {
		t.Errorf("GET %s: could run a stranger's words: %q", path, got)
	}
	seen := map[string]bool{}
	for _, n := range page.All("[id]") {
		id := webtest.Attr(n, "id")
		if seen[id] {
			t.Errorf("GET %s: two elements have the id %s", path, id)
		}
		seen[id] = true
	}
	for _, n := range page.All("input:not([type=hidden]), select, textarea") {
		named := webtest.Attr(n, "aria-label") != ""
		for p := n.Parent; p != nil && !named; p = p.Parent {
			named = p.Data == "label" && strings.TrimSpace(webtest.Text(p)) != ""
		}
		if !named {
			t.Errorf("GET %s: a field named %q has no label", path, webtest.Attr(n, "name"))
		}
	}
	for _, n := range page.All("button, a") {
		if strings.TrimSpace(webtest.Text(n)) == "" && webtest.Attr(n, "aria-label") == "" {
			t.Errorf("GET %s: a %s without words: %v", path, n.Data, n.Attr)
		}
	}
	told(t, path, page, seen)
	for _, n := range page.All("[aria-labelledby]") {
		if id := webtest.Attr(n, "aria-labelledby"); !seen[id] && len(page.All("#sources li")) > 0 {
			t.Errorf("GET %s: aria-labelledby names %s, which is not there", path, id)
		}
	}
	return seen
}

// told fails the test if who hears a page, or goes through it by keys, is told
// less than who sees it, or more than one can listen to.
func told(t *testing.T, path string, page webtest.Page, ids map[string]bool) {
	t.Helper()
	level := 0
	ofBook := page.All(".text *") // whose headings are as they are
	for _, n := range page.All("h1, h2, h3, h4, h5, h6") {
		if slices.Contains(ofBook, n) {
			continue
		}
		at := int(n.Data[1] - '0')
		if at > level+1 {
			t.Errorf("GET %s: the heading %q is an h%d below an h%d", path, strings.TrimSpace(webtest.Text(n)), at, level)
		}
		level = at
	}
	labels := map[string]bool{}
	for _, n := range page.All("nav, [role=region]") {
		label := webtest.Attr(n, "aria-label")
		if label == "" || labels[label] {
			t.Errorf("GET %s: two parts to jump to are called %q, or one is called nothing", path, label)
		}
		labels[label] = true
	}
	for _, n := range page.All("[aria-describedby]") {
		if id := webtest.Attr(n, "aria-describedby"); !ids[id] {
			t.Errorf("GET %s: aria-describedby names %s, which is not there", path, id)
		}
	}
	for selector, why := range map[string]string{
		"[role=status] progress, [aria-live] progress, [aria-live] .queue, .queue[aria-live]": "progress is read out at every step",
		"h1[role], h2[role], h3[role]":                       "a heading is no heading any more",
		"th:not([scope]), table:not(:has(th))":               "a table has columns without a name",
		"pre:not([tabindex]), blockquote:not([tabindex])":    "what may scroll cannot be reached by keys",
		"form:has([role=alert][id]):not([aria-describedby])": "a form is not tied to what is wrong with it",
		".scores [title]":                                    "an explanation is shown to the mouse alone",
	} {
		for _, n := range page.All(selector) {
			t.Errorf("GET %s: %s: <%s> %v", path, why, n.Data, n.Attr)
		}
	}
}

// blamed fails the test if what is wrong with a form is not said by the page
// that answers it, cannot take the focus, or is tied to no form and no field.
func blamed(t *testing.T, what string, page webtest.Page) {
	t.Helper()
	ids := map[string]bool{}
	for _, n := range page.All("main [role=alert][id][tabindex='-1']") {
		ids[webtest.Attr(n, "id")] = true
	}
	for _, n := range page.All("form, textarea") {
		if ids[webtest.Attr(n, "aria-describedby")] {
			return
		}
	}
	t.Errorf("%s: no form is tied to what is wrong with it; the page has %d alerts", what, len(ids))
}

// What is wrong with a form is tied to it.
func TestMistakesAreTied(t *testing.T) {
	s := server(t, webtest.Sample())
	page := webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body)
	version := webtest.Attr(page.All("#edit input[name=version]")[0], "value")
	for _, x := range []struct{ to, form string }{
		{"/seeds/merge", "type=factual&question=&answer=a&version=" + version},
		{"/sources/book/write", "type=factual&question=q&answer=a&quotes=it+is+not+in+there"},
		{"/settings/endpoints", "name=x&url=ftp://x"},
		{"/settings/endpoints/e1", "name=x&url=ftp://x"},
		{"/recipes", "body=name:+club"},
	} {
		w := do(s, "POST", x.to, x.form)
		if w.Code/100 != 4 {
			t.Errorf("POST %s: %d", x.to, w.Code)
		}
		page := webtest.Parse(t, w.Body)
		blamed(t, "POST "+x.to, page)
		safeAndNamed(t, x.to, page)
	}
}

func TestEmptyLibrary(t *testing.T) {
	s := server(t, webtest.New())
	page := webtest.Parse(t, do(s, "GET", "/", "").Body)
	page.Want(".steps li", 3)
	page.Want("#sources li", 0)
	if got := webtest.Parse(t, do(s, "GET", "/seeds", "").Body).Text("#results .empty p"); !strings.HasPrefix(got, "There are no seeds yet") {
		t.Errorf("the empty page of seeds says %q", got)
	}
	if got := webtest.Parse(t, do(s, "GET", "/export", "").Body).Text("#preview p + p, #preview > p"); !strings.HasPrefix(got, "Nothing to take away yet") {
		t.Errorf("the empty export says %q", got)
	}
	for _, path := range []string{"/runs", "/settings"} {
		if w := do(s, "GET", path, ""); w.Code != http.StatusOK {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
}

// The first page with everything it loads stays small.
func TestFirstPageIsLight(t *testing.T) {
	s := server(t, webtest.Sample())
	w := do(s, "GET", "/", "", "Accept-Encoding", "gzip")
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Error("the page is not compressed")
	}
	total := w.Body.Len()
	unzipped, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, n := range webtest.Parse(t, unzipped).All("script[src], link[href]") {
		file := webtest.Attr(n, "src") + webtest.Attr(n, "href")
		w := do(s, "GET", file, "", "Accept-Encoding", "gzip")
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Encoding") != "gzip" || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %d %v", file, w.Code, h)
		}
		if again := do(s, "GET", file, "", "If-None-Match", h.Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("GET %s again: %d, want 304", file, again.Code)
		}
		total += w.Body.Len()
		files++
	}
	t.Logf("%d bytes in %d files and the page", total, files)
	if files != 6 || total > 150_000 {
		t.Errorf("the first page takes %d bytes in %d files", total, files)
	}
	if w := do(s, "GET", "/static/../server.go", ""); w.Code == http.StatusOK {
		t.Error("a file outside static is served")
	}
}

// A book of five million characters is shown a page at a time.
func TestLongDocument(t *testing.T) {
	f := webtest.New()
	s := server(t, f)
	text := "# Long\n\n" + strings.Repeat(strings.Repeat("many words <b> ", 40)+"\n\n", 9000)
	w := upload(t, s, "/api/v1/sources", part{"file", "long.txt", text})
	if w.Code != http.StatusCreated {
		t.Fatalf("upload: %d %s", w.Code, w.Body)
	}
	w = do(s, "GET", "/sources/s1?part=7", "")
	if w.Code != http.StatusOK || w.Body.Len() > 150_000 {
		t.Errorf("GET part 7: %d, %d bytes", w.Code, w.Body.Len())
	}
	page := webtest.Parse(t, w.Body)
	if got := page.Text(".pager"); got != "Previous Page 7 of 137 Next" {
		t.Errorf("the pager says %q", got)
	}
	page = webtest.Parse(t, do(s, "GET", "/sources/s1?at=4000000-4000010", "").Body)
	page.Want("mark#at", 1)
	for _, bad := range []string{"part=138", "part=0", "part=x", "at=5", "at=9-3", "at=-1-3", "page=1"} {
		if w := do(s, "GET", "/sources/s1?"+bad, ""); w.Code != http.StatusBadRequest {
			t.Errorf("GET ?%s: %d, want 400", bad, w.Code)
		}
	}
}

// What strangers wrote never becomes markup, wherever it is shown.
func TestHostileWords(t *testing.T) {
	f := webtest.New()
	s := server(t, f)
	evil := `"'><script>alert(1)</script><img src=x onerror=alert(2)>` + "\u202E"
	name := `<svg onload=alert(3)>` + "\u2066" + `.md`
	w := upload(t, s, "/sources", part{"collection", "", evil}, part{"file", name, "# " + evil + "\n\n[x](javascript:alert(4)) </pre><style>*{display:none}</style>\n\n" + evil})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("upload: %d %s", w.Code, w.Body)
	}
	f.Change("r1", func(r *seedbed.Run) {
		r.State, r.Error, r.Model = seedbed.RunFailed, &seedbed.Error{Code: seedbed.Unreadable, Message: evil}, evil
	})
	f.AddSeed(extract.Seed{
		ID: "x", Question: evil, Answer: evil, ShortAnswer: evil, Reasoning: []string{evil}, Type: evil, Language: evil, Tags: []string{evil},
		Source: extract.SourceRef{ID: "s1", Title: evil, Section: []string{evil}, License: evil}, Model: evil, Recipe: evil, Verdict: extract.Draft,
		Evidence: []extract.Evidence{{Quote: evil, File: evil, Match: evil}}, Checks: []extract.Check{{Name: evil, Verdict: evil, Reason: evil}}, VerdictReason: evil,
	})
	f.AddSeed(extract.Seed{ID: "alike", Question: evil, Verdict: evil}) // is shown on the other's page
	if _, err := f.SaveEndpoint(t.Context(), seedbed.Endpoint{Name: evil, URL: "http://x/" + evil, Model: evil}); err != nil {
		t.Fatal(err)
	}
	f.AddCall(seedbed.Call{
		ID: "r1-0-1", Run: "r1", N: 1, Stage: evil, Model: evil, Code: evil, Error: evil, Raw: evil,
		Request: &extract.Request{Messages: []extract.Message{{Role: evil, Content: evil}}, SchemaName: evil, Schema: []byte(evil)},
		Answer:  &extract.Reply{Raw: evil, Text: evil + "x", Reasoning: evil, Mistake: evil, Rejected: evil},
	})
	f.Models = []string{evil}
	q := url.QueryEscape(evil)
	for _, path := range []string{
		"/", "/?collection=" + q, "/sources/s1", "/sources/s1?at=2-20", "/sources/s1/passages", "/sources/s1/seeds", "/sources/s1/runs", "/runs", "/runs/r1", "/runs/r1/calls?passage=0", "/calls/r1-0-1",
		"/seeds", "/seeds?q=alert", "/seeds?tag=" + q + "&run=" + q + "&check=" + q, "/seeds/x", "/export?q=" + q + "&verdict=draft", "/settings",
		"/sources/" + url.PathEscape(evil), "/seeds?type=" + q,
	} {
		w := do(s, "GET", path, "")
		page := webtest.Parse(t, w.Body)
		if got := page.Active(); len(got) > 0 {
			t.Errorf("GET %s: could run a stranger's words: %q", path, got)
		}
		if got := page.Turned(); len(got) > 0 {
			t.Errorf("GET %s shows characters that turn the text around: %q", path, got)
		}
	}
	for _, c := range []struct{ path, form string }{
		{"/settings/endpoints/models", "url=http://x&model=" + q},
		{"/settings/endpoints", "name=" + q + "&url=" + q},
		{"/seeds/x/verdict", "verdict=rejected&in=page&reason=" + q},
		{"/seeds/x", "version=1&question=" + q + "&answer=" + q + "&type=code&tags=" + q},
	} {
		body := do(s, "POST", c.path, c.form, fragment...).Body
		if got := webtest.Parse(t, body).Active(); len(got) > 0 {
			t.Errorf("POST %s: could run a stranger's words: %q", c.path, got)
		}
	}
	w = do(s, "GET", "/api/v1/seeds?q=alert", "")
	if strings.Contains(w.Body.String(), "<script") || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("the API answers as %s with markup", w.Header().Get("Content-Type"))
	}
	w = do(s, "GET", "/api/v1/sources/s1/original", "")
	h := w.Header()
	if h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("an original is sent with %v", h)
	}
}

// A page is drawn for those who ask, with the evidence marked; a page that is
// not there is not found.
func TestPageImages(t *testing.T) {
	s := server(t, webtest.Sample())
	w := do(s, "GET", "/api/v1/sources/book/pages/3/image", "")
	if h := w.Header(); w.Code != 200 || h.Get("Content-Type") != "image/png" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || !strings.Contains(h.Get("Cache-Control"), "private") {
		t.Errorf("a page image is sent with %d %v", w.Code, h)
	}
	for path, want := range map[string]int{
		"/api/v1/sources/book/pages/215/image": 404, "/api/v1/sources/book/pages/x/image": 404, "/api/v1/sources/none/pages/1/image": 404,
		"/sources/book/pages/0": 404, "/sources/book/pages/215": 404, "/sources/locked/pages/1": 409,
	} {
		if got := do(s, "GET", path, "").Code; got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
	page := webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body)
	page.Want(".quote a.sheet[href^='/sources/book/pages/'] svg image[href$='/image']", 1)
	page.Want(".quote .sheet rect", 1)
}

// A source without text is read again with OCR, and no other source is.
func TestReadOCR(t *testing.T) {
	s := server(t, webtest.Sample())
	page := webtest.Parse(t, do(s, "GET", "/sources/scanned", "").Body)
	page.Want("form[action='/sources/scanned/ocr'] button", 1)
	if w := do(s, "POST", "/sources/scanned/ocr", ""); w.Code != http.StatusSeeOther {
		t.Errorf("POST …/ocr: %d", w.Code)
	}
	for path, want := range map[string]int{"/api/v1/sources/scanned/ocr": 409, "/api/v1/sources/book/ocr": 409, "/api/v1/sources/none/ocr": 404} {
		if got := do(s, "POST", path, "").Code; got != want {
			t.Errorf("POST %s: %d, want %d", path, got, want)
		}
	}
}

type part struct{ field, file, content string }

func form(t testing.TB, parts ...part) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	m := multipart.NewWriter(body)
	for _, p := range parts {
		w, err := m.CreateFormField(p.field)
		if p.file != "" || p.field == "file" {
			w, err = m.CreateFormFile(p.field, p.file)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, p.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return body, m.FormDataContentType()
}

func upload(t testing.TB, s http.Handler, path string, parts ...part) *httptest.ResponseRecorder {
	t.Helper()
	body, kind := form(t, parts...)
	return do(s, "POST", path, body.String(), "Content-Type", kind)
}

// The plain form works as a browser without JavaScript sends it.
func TestUploadForm(t *testing.T) {
	f := webtest.New()
	s := server(t, f)
	page := webtest.Parse(t, do(s, "GET", "/", "").Body)
	page.Want("form#upload[method=post][action='/sources'][enctype='multipart/form-data'] input[type=file][name=file][multiple]", 1)

	w := upload(t, s, "/sources", part{"collection", "", ""}, part{"recipe", "", ""}, part{"file", "one.md", "# One\n\ntext"})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sources/s1" {
		t.Errorf("one file: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w = upload(t, s, "/sources", part{"file", "two.md", "two"}, part{"file", "three.md", "three"})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("two files: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w = upload(t, s, "/sources", part{"file", "empty.md", ""}, part{"file", "four.md", "four"})
	page = webtest.Parse(t, w.Body)
	if got := page.Text(".queue .failed"); w.Code != http.StatusBadRequest || got != "empty.md empty.md is empty" {
		t.Errorf("a bad file among good ones: %d %q", w.Code, got)
	}
	page.Want(".source", 4)
	w = upload(t, s, "/sources", part{"file", "", ""})
	if got := webtest.Parse(t, w.Body).Text(".lead"); w.Code != http.StatusBadRequest || got != "file: choose at least one file" {
		t.Errorf("no file: %d %q", w.Code, got)
	}
}

// An address is sent by a form of its own.
func TestURLForm(t *testing.T) {
	f := webtest.New()
	s := server(t, f)
	page := webtest.Parse(t, do(s, "GET", "/?collection=code", "").Body)
	page.Want("form.address[method=post][action='/sources/url'] input[type=url][name=url]", 1)
	const kind = "application/x-www-form-urlencoded"
	w := do(s, "POST", "/sources/url", "url="+url.QueryEscape("https://example.com/pile.git")+"&collection=code", "Content-Type", kind)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sources/s1" {
		t.Errorf("an address: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w = do(s, "POST", "/sources/url", "url="+url.QueryEscape("https://example.com/page.html")+"&run=false&whole_page=true&ocr=perhaps", "Content-Type", kind)
	if w.Code != http.StatusBadRequest {
		t.Errorf("an option that makes no sense: %d", w.Code)
	}
	do(s, "POST", "/sources/url", "url="+url.QueryEscape("https://example.com/page.html")+"&run=false&whole_page=true", "Content-Type", kind)
	if how := f.Asked(); !how.WholePage || how.OCR {
		t.Errorf("the reader was asked for %+v", how)
	}
	w = do(s, "POST", "/sources/url", "url=ftp://example.com/", "Content-Type", kind)
	if got := webtest.Parse(t, w.Body).Text(".queue .failed"); w.Code != http.StatusBadRequest || got != "only https addresses are fetched" {
		t.Errorf("a bad address: %d %q", w.Code, got)
	}
	w = do(s, "POST", "/sources/url", "url=", "Content-Type", kind)
	if w.Code != http.StatusBadRequest {
		t.Errorf("no address: %d", w.Code)
	}
}

func TestRunPage(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	page := webtest.Parse(t, do(s, "GET", "/runs/live", "").Body)
	page.Want(`[hx-sse\:connect="/runs/live/events"][hx-sse\:close=end][hx-target="#run"] #run`, 1)
	page.Want("progress[value='155'][max='400']", 1)
	page.Want(".group", 2)
	if got := page.Text(".progress-head p"); got != "Running 38 % about 6 min 51 s left" {
		t.Errorf("the head says %q", got)
	}
	page.Want("noscript", 1)

	// A run that has ended needs no stream; its failures are grouped.
	if body := do(s, "GET", "/runs/waiting", "").Body.String(); !strings.Contains(body, "It waits for a worker, and none is running.") {
		t.Error("the page of a run that waits does not say what for")
	}
	page = webtest.Parse(t, do(s, "GET", "/runs/failures", "").Body)
	page.Want(`[hx-sse\:connect]`, 0)
	if got := page.Text(".progress-head p"); got != "Done with 8 failures" {
		t.Errorf("the head says %q", got)
	}
	if got := page.Text("#failed-rate summary"); got != "The model server asked to slow down 6 passages" {
		t.Errorf("the first group says %q", got)
	}
	if w := do(s, "POST", "/runs/failures/retry", "code=rate"); w.Code != http.StatusSeeOther {
		t.Errorf("retry: %d", w.Code)
	}
	page = webtest.Parse(t, do(s, "GET", "/runs/failures", "").Body)
	page.Want(".group", 1)
	page.Want("form[action='/runs/failures/retry']", 1)

	// The buttons, with and without htmx.
	if w := do(s, "POST", "/runs/live/control", "do=pause"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs/live" {
		t.Errorf("pause: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w := do(s, "POST", "/runs/live/control", "do=cancel", fragment...)
	page = webtest.Parse(t, w.Body)
	page.Want("#run[data-state=cancelled]", 1)
	page.Want("header", 0)
	page.Want(".group", 2)
	page.Want("form[action$=retry]", 0) // it has ended for good
	if got := page.Text(".ledger"); strings.Contains(got, "still to come") || !strings.Contains(got, "not reached") {
		t.Errorf("the passages that a cancelled run has not come to: %q", got)
	}
	w = do(s, "POST", "/runs/live/control", "do=resume", fragment...)
	if w.Code != http.StatusConflict || w.Header().Get("HX-Retarget") != "#notice" {
		t.Errorf("resume of what has ended: %d %v", w.Code, w.Header())
	}
	if w := do(s, "POST", "/runs/live/control", "do=dance"); w.Code != http.StatusBadRequest {
		t.Errorf("dance: %d", w.Code)
	}
	w = do(s, "POST", "/sources/book/runs", "recipe=explicit")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs/r7" {
		t.Errorf("start a run: %d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestSearchPage(t *testing.T) {
	s := server(t, webtest.Sample())
	page := webtest.Parse(t, do(s, "GET", "/seeds?q=stable+sorting&type=definition", "").Body)
	page.Want("[data-seed]", 1)
	page.Want("#results h3 mark", 2)
	page.Want("input[name=type][value=definition][checked]", 1)
	if got := page.Text(".active"); got != "“stable sorting” × Definition × Clear all" {
		t.Errorf("the active filters are %q", got)
	}
	page.Want(`.active a[href="/seeds?type=definition"]`, 1)

	// htmx gets the results and the facets, and the address of the search.
	w := do(s, "GET", "/seeds?q=&sort=&verdict=rejected", "", fragment...)
	if got := w.Header().Get("HX-Replace-Url"); got != "/seeds?verdict=rejected" {
		t.Errorf("HX-Replace-Url %q", got)
	}
	page = webtest.Parse(t, w.Body)
	page.Want("header.top", 0)
	page.Want("section#results [data-verdict=rejected]", 1)
	page.Want("#facets[hx-swap-oob=outerMorph]", 1)
	for query, first := range map[string]string{"": "Newest", "stable": "Best match"} {
		page = webtest.Parse(t, do(s, "GET", "/seeds?sort=&q="+query, "", fragment...).Body)
		if got := page.Text("#sort[hx-swap-oob] option[selected]"); got != first {
			t.Errorf("a search for %q is said to be in the order %q; want %q", query, got, first)
		}
	}
	if !strings.Contains(strings.Join(w.Header().Values("Vary"), " "), "HX-Request") {
		t.Errorf("Vary %q", w.Header().Get("Vary"))
	}

	// Pages and filters without a box go along.
	page = webtest.Parse(t, do(s, "GET", "/seeds?run=live&size=10", "").Body)
	page.Want("#filter input[type=hidden][name=run][value=live]", 1)
	page.Want(".pager a[rel=next]", 1)
	if got := webtest.Attr(page.All(".pager a[rel=next]")[0], "href"); got != "/seeds?page=2&run=live&size=10" {
		t.Errorf("the next page is %q", got)
	}
	w = do(s, "GET", "/seeds?verdict=perhaps", "")
	if got := webtest.Parse(t, w.Body).Text(".lead"); w.Code != http.StatusBadRequest || !strings.Contains(got, `verdict: "perhaps" is none of`) {
		t.Errorf("an unknown verdict: %d %q", w.Code, got)
	}
}

func TestJudge(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	verdict := func(id string) string {
		seed, _, err := f.Seed(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return seed.Verdict + " " + seed.VerdictReason
	}
	w := do(s, "POST", "/seeds/merge/verdict", "verdict=accepted&back=%2Fseeds%3Fq%3Dmerging")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/seeds?q=merging" || verdict("merge") != "accepted " {
		t.Errorf("accept: %d to %q, now %s", w.Code, w.Header().Get("Location"), verdict("merge"))
	}
	for _, back := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "/\t/evil.example", ""} {
		w := do(s, "POST", "/seeds/merge/verdict", url.Values{"verdict": {"draft"}, "back": {back}}.Encode())
		if got := w.Header().Get("Location"); got != "/seeds/merge" {
			t.Errorf("back=%q leads to %q", back, got)
		}
	}
	w = do(s, "POST", "/seeds/merge/verdict", "in=row&back=%2Fseeds&verdict=rejected&preset=Too+trivial", fragment...)
	page := webtest.Parse(t, w.Body)
	page.Want("#seed-merge[data-verdict=rejected]", 1)
	page.Want("input[name=id][form=bulk]", 1)
	if verdict("merge") != "rejected Too trivial" {
		t.Errorf("reject: now %s", verdict("merge"))
	}
	w = do(s, "POST", "/seeds/merge/verdict", "in=page&verdict=draft", fragment...)
	webtest.Parse(t, w.Body).Want("article#seed[data-verdict=draft] .quote mark", 2)
	if verdict("merge") != "draft " {
		t.Errorf("back to draft keeps a reason: %s", verdict("merge"))
	}
	if w := do(s, "POST", "/seeds/merge/verdict", "verdict=perhaps"); w.Code != http.StatusBadRequest {
		t.Errorf("perhaps: %d", w.Code)
	}
	if w := do(s, "POST", "/seeds/nothing/verdict", "verdict=draft"); w.Code != http.StatusNotFound {
		t.Errorf("no such seed: %d", w.Code)
	}

	w = do(s, "POST", "/seeds/bulk", "id=merge&id=bound&id=gone&verdict=accepted&back=%2Fseeds%3Fverdict%3Daccepted", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#results [role=status]"); !strings.HasPrefix(got, "2 seeds accepted. 12 seeds") {
		t.Errorf("bulk says %q", got)
	}
	w = do(s, "POST", "/seeds/bulk", "id=merge&verdict=rejected&back=%2Fseeds")
	if w.Code != http.StatusSeeOther || verdict("merge") != "rejected " {
		t.Errorf("bulk without htmx: %d, now %s", w.Code, verdict("merge"))
	}
}

// All that a search finds can be judged at once, on the other pages too.
func TestJudgeAll(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	count := func(verdicts ...string) int {
		res, err := f.Search(t.Context(), seedbed.Filter{Verdict: verdicts})
		if err != nil {
			t.Fatal(err)
		}
		return res.Total
	}
	found, rejected := count(extract.Draft, extract.Accepted), count(extract.Rejected)
	page := webtest.Parse(t, do(s, "GET", "/seeds", "").Body)
	page.Want("#bulk input[name=all]", 1)
	if shown := len(page.All("[data-seed]")); shown >= found {
		t.Fatalf("all %d seeds are on one page of %d", found, shown)
	}
	w := do(s, "POST", "/seeds/bulk", "all=true&verdict=rejected&back=%2Fseeds", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#results [role=status]"); !strings.HasPrefix(got, fmt.Sprintf("%d seeds rejected.", found)) {
		t.Errorf("the page says %q", got)
	}
	if left, r := count(extract.Draft, extract.Accepted), count(extract.Rejected); left != 0 || r != found+rejected {
		t.Errorf("%d are left of %d, and %d are rejected", left, found, r)
	}
	webtest.Parse(t, do(s, "GET", "/seeds?q=nothing+has+these+words", "").Body).Want("#bulk input[name=all]", 0)
}

// What is selected can be deleted; all that a search finds only while it is as
// much as the page said.
func TestDeleteMany(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	count := func() int {
		res, err := f.Search(t.Context(), seedbed.Filter{Verdict: []string{extract.Draft, extract.Accepted}})
		if err != nil {
			t.Fatal(err)
		}
		return res.Total
	}
	before := count()
	page := webtest.Parse(t, do(s, "GET", "/seeds", "").Body)
	page.Want("#bulk details button.danger[name=delete][value=true]", 1)
	page.Want(fmt.Sprintf("#bulk input[name=found][value='%d']", before), 1)
	if got := page.Text("#bulk .pop"); !strings.Contains(got, "for good") || !strings.Contains(got, "no run finds them anew") {
		t.Errorf("who deletes is told %q", got)
	}
	w := do(s, "POST", "/seeds/bulk", "id=merge&id=bound&id=gone&delete=true&back=%2Fseeds%3Fsort%3Doldest", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#results [role=status]"); !strings.HasPrefix(got, fmt.Sprintf("2 seeds were deleted. %d seeds", before-2)) {
		t.Errorf("the list says %q", got)
	}
	if w := do(s, "GET", "/seeds/merge", ""); w.Code != http.StatusNotFound {
		t.Errorf("a deleted seed: %d", w.Code)
	}
	w = do(s, "POST", "/seeds/bulk", "id=stable&delete=true&back=%2Fseeds%3Fsort%3Doldest")
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || to != "/seeds?deleted=1&sort=oldest" || count() != before-3 {
		t.Errorf("without htmx: %d on to %s, %d are left of %d", w.Code, to, count(), before)
	}
	if got := webtest.Parse(t, do(s, "GET", to, "").Body).Text("#results [role=status]"); !strings.HasPrefix(got, "The seed was deleted.") {
		t.Errorf("the list says %q", got)
	}
	for _, what := range []string{"", "&found=1", fmt.Sprintf("&found=%d", before-4)} {
		w = do(s, "POST", "/seeds/bulk", "all=true&delete=true&back=%2Fseeds"+what, fragment...)
		if w.Code != http.StatusPreconditionFailed || count() != before-3 {
			t.Errorf("more were found than the page said, %q: %d, %d are left", what, w.Code, count())
		}
	}
	w = do(s, "POST", "/seeds/bulk", "delete=true&back=%2Fseeds", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#results [role=status]"); !strings.HasPrefix(got, "No seed was selected.") || count() != before-3 {
		t.Errorf("none selected: %q", got)
	}
	w = do(s, "POST", "/seeds/bulk", fmt.Sprintf("all=true&delete=true&back=%%2Fseeds&found=%d", before-3), fragment...)
	if w.Code != http.StatusOK || count() != 0 {
		t.Errorf("all that were found: %d, %d are left", w.Code, count())
	}
}

func TestEditSeed(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	page := webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body)
	version := webtest.Attr(page.All("#edit input[name=version]")[0], "value")
	typed := url.Values{
		"version": {version}, "question": {"Why?\r\n"}, "answer": {"Because.\r\n\r\nSo."}, "short_answer": {" yes "},
		"reasoning": {"one\r\n\r\n\r\ntwo\r\nmore"}, "type": {"proof"}, "tags": {"a, b,,a"},
	}
	if w := do(s, "POST", "/seeds/merge", typed.Encode()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/seeds/merge#seed" {
		t.Fatalf("edit: %d %s", w.Code, w.Body)
	}
	seed, _, err := f.Seed(t.Context(), "merge")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{seed.Question, seed.Answer, seed.ShortAnswer, seed.Reasoning, seed.Type, seed.Tags}
	want := []any{"Why?", "Because.\n\nSo.", "yes", []string{"one", "two\nmore"}, "proof", []string{"a", "b"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the seed after editing (-want +got):\n%s", d)
	}

	// The same form again is stale: what was typed comes back, and can be saved.
	typed.Set("question", "Mine?")
	w := do(s, "POST", "/seeds/merge", typed.Encode())
	page = webtest.Parse(t, w.Body)
	if w.Code != http.StatusPreconditionFailed || page.Text("#edit[open] textarea[name=question]") != "Mine?" || page.Text("h1") != "Why?" {
		t.Errorf("a stale form: %d, %q typed, %q stored", w.Code, page.Text("#edit textarea[name=question]"), page.Text("h1"))
	}
	typed.Set("version", webtest.Attr(page.All("#edit input[name=version]")[0], "value"))
	if w := do(s, "POST", "/seeds/merge", typed.Encode()); w.Code != http.StatusSeeOther {
		t.Errorf("saving again: %d", w.Code)
	}
	typed.Set("question", "  ")
	w = do(s, "POST", "/seeds/merge", typed.Encode())
	if got := webtest.Parse(t, w.Body).Text("#edit [role=alert]"); w.Code != http.StatusBadRequest && got != "question: a seed needs a question" {
		t.Errorf("an empty question: %d %q", w.Code, got)
	}
}

// A seed is deleted as its page showed it, or not at all.
func TestDeleteSeed(t *testing.T) {
	s := server(t, webtest.Sample())
	version := webtest.Attr(webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body).All("form[action='/seeds/merge/delete'] input[name=version]")[0], "value")
	if w := do(s, "POST", "/seeds/merge/delete", ""); w.Code != http.StatusBadRequest {
		t.Errorf("without a version: %d, want 400", w.Code)
	}
	do(s, "POST", "/seeds/merge/verdict", "verdict=accepted")
	if w := do(s, "POST", "/seeds/merge/delete", "version="+version); w.Code != http.StatusPreconditionFailed || webtest.Parse(t, w.Body).Text("#seed > [role=alert]") == "" {
		t.Errorf("what was changed since: %d, want 412", w.Code)
	}
	w := do(s, "POST", "/seeds/merge/delete", "version=2")
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || do(s, "GET", "/seeds/merge", "").Code != http.StatusNotFound {
		t.Fatalf("delete: %d to %q", w.Code, to)
	}
	page := webtest.Parse(t, do(s, "GET", to, "").Body)
	if got := page.Text("#results [role=status]"); !strings.HasPrefix(got, "The seed was deleted.") {
		t.Errorf("the list says %q", got)
	}
	for _, n := range page.All("a[rel=next], #bulk input[name=back]") { // it is said once
		if at := webtest.Attr(n, "href") + webtest.Attr(n, "value"); strings.Contains(at, "deleted") {
			t.Errorf("the list leads on to %s", at)
		}
	}
}

// What was changed is shown before and after, and can be brought back.
func TestHistory(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	was, _, err := f.Seed(t.Context(), "merge")
	if err != nil {
		t.Fatal(err)
	}
	webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body).Want("#history", 0)
	evil := `</p><script>alert(1)</script>`
	accepted, tags := extract.Accepted, []string{evil}
	for _, c := range []seedbed.SeedChange{{Tags: &tags}, {Answer: &evil}, {Verdict: &accepted}} {
		if _, _, err := f.UpdateSeed(t.Context(), "merge", 0, c); err != nil {
			t.Fatal(err)
		}
	}
	page := webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body)
	page.Want("#history li", 2) // the fake gives so many at once
	page.Want(`#history a[href="/seeds/merge/history?before=3"]`, 1)
	older := webtest.Parse(t, do(s, "GET", "/seeds/merge/history?before=3", "").Body)
	older.Want(".history li", 1)
	older.Want(".history form[action='/seeds/merge/history'] input[name=version][value='4']", 1)
	older.Want("a[href='/seeds/merge/history']", 1) // the newest
	older.Want(".page-head a[href='/seeds/merge']", 1)
	older.Want("a[href*=before]", 0)
	if got := older.Text(".history li"); !strings.Contains(got, evil) || len(older.Active()) > 0 {
		t.Errorf("the older change reads %q, and could run %q", got, older.Active())
	}
	newest := webtest.Parse(t, do(s, "GET", "/seeds/merge/history", "").Body)
	newest.Want(".history li", 2)
	newest.Want("a[href='/seeds/merge/history']", 0)
	newest.Want("a[href='/seeds/merge/history?before=3']", 1)
	for path, code := range map[string]int{"merge/history?before=1": 200, "merge/history?before=x": 400, "merge/history?page=2": 400, "nothing/history": 404} {
		if w := do(s, "GET", "/seeds/"+path, ""); w.Code != code {
			t.Errorf("%s: %d, want %d", path, w.Code, code)
		}
	}
	if got := page.Text("#history li:first-child .change"); got != "Verdict draft → accepted" {
		t.Errorf("the last change reads %q", got)
	}
	if got := page.Text("#history details"); !strings.Contains(got, "Each comparison moves exactly one item") || !strings.Contains(got, evil) {
		t.Errorf("the change of the answer reads %q", got)
	}
	if got := page.Active(); len(got) > 0 {
		t.Errorf("the history could run a stranger's words: %q", got)
	}

	post := func(body string) *httptest.ResponseRecorder { return do(s, "POST", "/seeds/merge/history", body) }
	w := post("version=3&revision=3")
	if w.Code != http.StatusPreconditionFailed {
		t.Errorf("a seed that was changed since: %d, want 412", w.Code)
	}
	page = webtest.Parse(t, w.Body) // how it is now, with the way to go on
	page.Want("#seed > [role=alert]", 1)
	page.Want("#history input[name=version][value='4']", 2)
	if w := post("version=4&revision=9"); w.Code != http.StatusNotFound {
		t.Errorf("a change that was not made: %d, want 404", w.Code)
	}
	if w := post("version=4&revision=3"); w.Code != http.StatusSeeOther {
		t.Fatalf("bring back the answer: %d %s", w.Code, w.Body)
	}
	now, _, err := f.Seed(t.Context(), "merge")
	if err != nil || now.Answer != was.Answer || now.Verdict != accepted || !slices.Equal(now.Tags, tags) {
		t.Errorf("only the answer was to come back: %q, %s, %q, %v", now.Answer, now.Verdict, now.Tags, err)
	}
	// What is there again needs no button.
	page = webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body)
	page.Want("#history li", 2)
	page.Want("#history button[value='5']", 1)
	page.Want("#history button[value='4']", 1)
	if _, _, err := f.UpdateSeed(t.Context(), "merge", 0, seedbed.SeedChange{Answer: &evil}); err != nil {
		t.Fatal(err)
	}
	webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body).Want("#history button[value='5']", 0)
}

// A seed is written beside its source. What was typed is not lost when it
// cannot be kept.
func TestWriteSeed(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	webtest.Parse(t, do(s, "GET", "/sources/book", "").Body).Want("a[href='/sources/book/write']", 1)
	webtest.Parse(t, do(s, "GET", "/sources/reading", "").Body).Want("a[href='/sources/reading/write']", 0)
	form := url.Values{
		"question": {"Who should read the book?"}, "answer": {"Students.\r\n\r\nAll of them."}, "type": {"conceptual"}, "tags": {"a, b"},
		"quotes": {"the second week of a course\r\n\r\nIt asks for <b>money</b>."},
	}
	post := func() (*httptest.ResponseRecorder, webtest.Page) {
		w := do(s, "POST", "/sources/book/write", form.Encode())
		return w, webtest.Parse(t, bytes.NewReader(w.Body.Bytes()))
	}
	w, page := post()
	if got := page.Text(".write [role=alert]"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(got, "It asks for <b>money</b>.") {
		t.Errorf("a quote from elsewhere: %d, %q", w.Code, got)
	}
	if got := page.Text(".write [role=alert]"); !strings.Contains(got, "or leave the quote out") {
		t.Errorf("a quote from elsewhere: %q does not say what to do", got)
	}
	for name, want := range map[string]string{"question": form.Get("question"), "answer": "Students.\n\nAll of them.", "quotes": "the second week of a course\n\nIt asks for <b>money</b>."} {
		if got := webtest.Text(page.All(".write textarea[name=" + name + "]")[0]); got != want {
			t.Errorf("%s comes back as %q, want %q", name, got, want)
		}
	}
	page.Want(".write details[open] input[name=tags][value='a, b']", 1)
	page.Want(".write option[value=conceptual][selected]", 1)

	form.Set("quotes", "the second week of a course\r\n \t\r\nthe second week") // a line that only looks empty is
	form.Set("question", " ")
	if w, page := post(); w.Code != http.StatusBadRequest || !strings.Contains(page.Text(".write [role=alert]"), "a seed needs a question") {
		t.Errorf("no question: %d, %q", w.Code, page.Text(".write [role=alert]"))
	}
	form.Set("question", "When is a sorting algorithm called stable?")
	w, page = post()
	page.Want(".write [role=alert] a[href='/seeds/stable']", 1)
	page.Want(".write input[name=duplicate]:not([checked])", 1)
	if w.Code != http.StatusConflict {
		t.Errorf("a question that is there: %d, want 409", w.Code)
	}
	form.Set("duplicate", "true")
	w, _ = post()
	at := w.Header().Get("Location")
	made, _, err := f.Seed(t.Context(), strings.TrimPrefix(at, "/seeds/"))
	if w.Code != http.StatusSeeOther || err != nil || made.Source.ID != "book" || made.Type != extract.Conceptual || len(made.Evidence) != 2 || !slices.Equal(made.Tags, []string{"a", "b"}) {
		t.Errorf("the seed: %d at %q, %+v, %v", w.Code, at, made, err)
	}
	w = do(s, "GET", at, "")
	page = webtest.Parse(t, w.Body)
	if w.Code != http.StatusOK || !strings.HasPrefix(page.Text("#history li"), "Written by hand") {
		t.Errorf("GET %s: %d, its history is %q", at, w.Code, page.Text("#history li"))
	}
	page.Want("#history form", 0) // there is nothing to go back to
	if w := do(s, "POST", at+"/history", "version=1&revision=1"); w.Code != http.StatusNotFound {
		t.Errorf("bring back what was before it was written: %d", w.Code)
	}
	if w := do(s, "POST", "/sources/nothing/write", form.Encode()); w.Code != http.StatusNotFound {
		t.Errorf("no such source: %d", w.Code)
	}
}

// Where a seed is written stands the text that the person came from, with what
// was marked there, and stays there whatever becomes of the form.
func TestWriteBesideText(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	source := func(path string) string {
		t.Helper()
		return webtest.Attr(webtest.Parse(t, do(s, "GET", path, "").Body).All("a[data-selected-text]")[0], "href")
	}
	seed, _, err := f.Seed(t.Context(), "merge")
	if err != nil {
		t.Fatal(err)
	}
	e := seed.Evidence[0]
	at := fmt.Sprintf("%d-%d", e.Start, e.End)
	to := source("/sources/book?at=" + at)
	if want := "/sources/book/write?at=" + at; to != want {
		t.Fatalf("from a marked place the way leads to %s, want %s", to, want)
	}
	page := webtest.Parse(t, do(s, "GET", to, "").Body)
	page.Want(".beside[open] .text .b", len(page.All(".beside .b")))
	if got := page.Raw(".beside mark#at"); got == "" || !strings.Contains(e.Quote, got) {
		t.Errorf("beside the form %q is marked, want %q", got, e.Quote)
	}
	if got := page.Text("textarea[name=quotes]"); got != strings.Join(strings.Fields(e.Quote), " ") {
		t.Errorf("%q is quoted, want %q", got, e.Quote)
	}
	if got := page.Active(); len(got) > 0 {
		t.Errorf("it could run a stranger's words: %q", got)
	}

	// Who looks at other text loses nothing, and the mark is there when he
	// comes back. It works without JavaScript.
	form := url.Values{"question": {"Why <b>?"}, "quotes": {"mine"}, "short_answer": {"so"}, "at": {at}, "from": {webtest.Attr(page.All("#write input[name=from]")[0], "value")}}
	marked := page.Raw(".beside mark#at")
	send := func(name, value string) webtest.Page {
		t.Helper()
		next := maps.Clone(form)
		next.Set(name, value)
		w := do(s, "POST", "/sources/book/write", next.Encode())
		page := webtest.Parse(t, bytes.NewReader(w.Body.Bytes()))
		if got := page.Text("textarea[name=question]") + page.Text("textarea[name=quotes]"); got != "Why <b>?mine" {
			t.Errorf("%s=%s: %d, %q comes back", name, value, w.Code, got)
		}
		page.Want("#write details[open] input[name=short_answer][value=so]", 1)
		return page
	}
	page = send("look", "0")
	page.Want("#write input[name=at][value='"+at+"']", 1)
	form.Set("from", "0")
	page = send("answer", "") // which is wrong
	page.Want(".write [role=alert]", 1)
	page.Want("#write input[name=from][value='0']", 1)
	for range 100 {
		if page.Raw(".beside mark#at") == marked {
			break
		}
		later := page.All("button[form=write][name=look]:not([value='0'])")
		if len(later) == 0 {
			t.Fatal("the marked text is not found again")
		}
		page = send("look", webtest.Attr(later[len(later)-1], "value"))
	}

	if to := source("/sources/book/pages/2"); !strings.HasPrefix(to, "/sources/book/write?from=") {
		t.Errorf("from a page the way leads to %s", to)
	}
	page = webtest.Parse(t, do(s, "GET", "/sources/book/write?from=3&quote=%3Cscript%3E", "").Body)
	if got := page.Text("textarea[name=quotes]"); got != "<script>" {
		t.Errorf("what was selected is quoted as %q", got)
	}
	for _, wrong := range []string{"at=x", "at=9-3", "at=0-99999999", "from=x", "from=-1", "look=3"} {
		if w := do(s, "GET", "/sources/book/write?"+wrong, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", wrong, w.Code)
		}
	}
	if w := do(s, "GET", "/sources/book/write?from=99999999", ""); w.Code != http.StatusOK {
		t.Errorf("behind the end: %d", w.Code)
	}
}

// From a collection the way leads to its seeds.
func TestCollectionSeeds(t *testing.T) {
	s := server(t, webtest.Sample())
	webtest.Parse(t, do(s, "GET", "/?collection=code", "").Body).Want("#sources a[href='/seeds?collection=code']", 1)
	webtest.Parse(t, do(s, "GET", "/", "").Body).Want("#sources a[href^='/seeds']", 0)
	// Where there are several, the sources of an export say which is theirs.
	options := webtest.Parse(t, do(s, "GET", "/export", "").Body).Text("select[name=source]")
	if !strings.Contains(options, " · code") {
		t.Errorf("the sources to export are %q; want their collections with them", options)
	}
}

// A collection is renamed, and removed once it is empty, where it is looked at.
func TestChangeCollection(t *testing.T) {
	f := webtest.Sample()
	if _, _, err := f.AddCollection(t.Context(), "a <b> & c"); err != nil {
		t.Fatal(err)
	}
	s := server(t, f)
	at := func(name string) string { return "/?" + url.Values{"collection": {name}}.Encode() }
	post := func(what string, form url.Values) *httptest.ResponseRecorder {
		return do(s, "POST", "/collections/"+what, form.Encode())
	}
	page := webtest.Parse(t, do(s, "GET", at("default"), "").Body)
	page.Want("form[action^='/collections']", 0) // it keeps its name, and stays
	page = webtest.Parse(t, do(s, "GET", at("code"), "").Body)
	page.Want("form[action='/collections/rename'] input[name=name][value=code]", 1)
	page.Want("form[action='/collections/delete']", 0)
	if got := page.Text("#sources .pop p"); !strings.Contains(got, "1 source") {
		t.Errorf("the page says %q of why it cannot be removed", got)
	}
	page = webtest.Parse(t, do(s, "GET", "/", "").Body) // empty ones can be looked at
	page.Want("a[href='"+at("a <b> & c")+"']", 1)
	page = webtest.Parse(t, do(s, "GET", at("a <b> & c"), "").Body)
	page.Want("form[action='/collections/delete'] input[name=collection][value='a <b> & c']", 1)
	page.Want("#sources a[href^='/seeds']", 0)

	w := post("rename", url.Values{"collection": {"code"}, "name": {"default"}})
	page = webtest.Parse(t, w.Body)
	if w.Code != http.StatusConflict || !strings.Contains(page.Text("[role=alert].panel"), "here is a collection “default” already") {
		t.Errorf("a name that is taken: %d, %q", w.Code, page.Text("[role=alert].panel"))
	}
	page.Want("details[open] form[action='/collections/rename'] input[name=name][value=default]", 1) // what was typed
	page.Want("form[action='/collections/rename'] input[name=collection][value=code]", 1)
	w = post("delete", url.Values{"collection": {"code"}})
	if text := webtest.Parse(t, w.Body).Text("[role=alert].panel"); w.Code != http.StatusConflict || !strings.Contains(text, "still holds 1 source") {
		t.Errorf("removed while it holds something: %d, %q", w.Code, text)
	}

	if w := post("rename", url.Values{"collection": {"code"}, "name": {"Go & C"}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != at("Go & C") {
		t.Errorf("renamed: %d, on to %s", w.Code, w.Header().Get("Location"))
	}
	webtest.Parse(t, do(s, "GET", at("Go & C"), "").Body).Want("#sources .source", 1)
	page = webtest.Parse(t, do(s, "GET", at("code"), "").Body) // which an upload would make anew
	page.Want("#sources .source, #sources form", 0)
	page.Want("input[name=collection][value=code]", 2)
	if w := post("delete", url.Values{"collection": {"a <b> & c"}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("removed: %d, on to %s", w.Code, w.Header().Get("Location"))
	}
	webtest.Parse(t, do(s, "GET", "/", "").Body).Want("a[href='"+at("a <b> & c")+"']", 0)
}

func TestSeedPage(t *testing.T) {
	s := server(t, webtest.Sample())
	page := webtest.Parse(t, do(s, "GET", "/seeds/merge", "").Body)
	page.Want("form[action='/seeds/merge#edit']", 1) // so that what is wrong with it is in view
	page.Want(".quote", 1)                           // two pieces that stand side by side
	page.Want(".quote mark", 2)
	page.Want(".checks li", 4)
	page.Want(".prose pre code", 1)
	// The way to the source ends at the quote.
	to := webtest.Attr(page.All(".quote figcaption a")[0], "href")
	to, at, _ := strings.Cut(to, "#")
	if at != "at" {
		t.Errorf("the way to the source ends at #%s", at)
	}
	source := webtest.Parse(t, do(s, "GET", to, "").Body)
	if got, want := source.Raw("mark#at"), page.Raw(".quote mark"); got != want {
		t.Errorf("%s marks %q, want %q", to, got, want)
	}
}

// A seed does not lead to what was deleted, and says so.
func TestDuplicateOfDeleted(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	gone, merge := "gone", "merge"
	deduped := []extract.Check{{Name: "dedupe", Verdict: extract.Fail}}
	for _, seed := range []extract.Seed{
		{ID: "second", DuplicateOf: &merge, Parent: &merge, Checks: deduped},
		{ID: "astray", DuplicateOf: &gone, Parent: &gone, Checks: deduped},
		{ID: "widow", Checks: deduped},
		{ID: "alone"},
	} {
		seed.Question, seed.Answer, seed.Verdict, seed.Origin = "Why "+seed.ID+"?", "So.", extract.Rejected, extract.Manual
		f.AddSeed(seed)
	}
	for id, want := range map[string]struct {
		links int
		words string
	}{
		"second": {2, "A duplicate of another seed."},
		"astray": {0, "A duplicate of a seed that has been deleted since."},
		"widow":  {0, "A duplicate of a seed that has been deleted since."},
		"alone":  {0, ""},
	} {
		page := webtest.Parse(t, do(s, "GET", "/seeds/"+id, "").Body)
		page.Want("main a[href='/seeds/merge']", want.links)
		page.Want("main a[href='/seeds/gone']", 0)
		said := ""
		for _, n := range page.All(".seed-main .reason") {
			said += webtest.Text(n)
		}
		if said != want.words {
			t.Errorf("%s says %q, want %q", id, said, want.words)
		}
		// Where it comes from is said in the same words everywhere.
		if got := page.Text(".facts"); !strings.Contains(got, "Written by hand") {
			t.Errorf("%s is said to come from %q", id, got)
		}
	}
	if got := webtest.Parse(t, do(s, "GET", "/seeds/astray", "").Body).Text(".facts"); !strings.Contains(got, "a seed that has been deleted since") {
		t.Errorf("what it was made from is %q", got)
	}
	for path, where := range map[string]string{"/seeds?verdict=any": "#facet-origin", "/export": "select[name=origin]"} {
		if got := webtest.Parse(t, do(s, "GET", path, "").Body).Text(where); !strings.Contains(got, "Derived by a model") || strings.Contains(got, "Manual") {
			t.Errorf("%s lets one choose from %q", path, got)
		}
	}
}

func TestSimilar(t *testing.T) {
	f := webtest.Sample()
	for id, q := range map[string]string{
		"ice": "Why does ice float on the water of a pond?", "ice2": "Why does ice float on the water of a large pond?", "fire": "How is a fire put out with sand alone?",
	} {
		f.AddSeed(extract.Seed{ID: id, Question: q, Verdict: extract.Draft})
	}
	s := server(t, f)
	webtest.Parse(t, do(s, "GET", "/seeds/ice", "").Body).Want(".alike a[href='/seeds/ice2']", 1)
	webtest.Parse(t, do(s, "GET", "/seeds/fire", "").Body).Want(".alike", 0)
	got := decode[struct{ Similar []seedbed.Similar }](t, do(s, "GET", "/api/v1/seeds/ice/similar", ""))
	if len(got.Similar) != 1 || got.Similar[0].Seed.ID != "ice2" || got.Similar[0].Similarity < 0.6 {
		t.Errorf("similar to ice: %+v", got.Similar)
	}
	if w := do(s, "GET", "/api/v1/seeds/none/similar", ""); w.Code != http.StatusNotFound {
		t.Errorf("similar to a seed that is not there: %d", w.Code)
	}
}

func TestSettings(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	page := do(s, "GET", "/settings", "").Body.String()
	if strings.Contains(page, "sk-secret") {
		t.Error("the settings show a key")
	}
	p := webtest.Parse(t, strings.NewReader(page))
	p.Want("#endpoint-env form[action$=delete]", 0)
	p.Want("#endpoint-e1 form[action$=delete]", 1)
	p.Want(".presets a", 6)
	p = webtest.Parse(t, do(s, "GET", "/settings?preset=ollama", "").Body)
	p.Want("#connect input[name=url][value='http://127.0.0.1:11434/v1']", 1)

	w := do(s, "POST", "/settings/endpoints", url.Values{"name": {"Mine"}, "url": {"http://10.0.0.7:8000/v1"}, "key": {"sk-new"}, "model": {"m"}, "concurrency": {"8"}}.Encode())
	if w.Code != http.StatusSeeOther || f.Key("e3") != "sk-new" {
		t.Errorf("connect: %d, key %q", w.Code, f.Key("e3"))
	}
	// An empty key field keeps the key.
	w = do(s, "POST", "/settings/endpoints/e3", url.Values{"name": {"Mine"}, "url": {"http://10.0.0.7:8000/v1"}, "concurrency": {"2"}}.Encode())
	if w.Code != http.StatusSeeOther || f.Key("e3") != "sk-new" {
		t.Errorf("change: %d, key %q", w.Code, f.Key("e3"))
	}
	w = do(s, "POST", "/settings/endpoints", "name=x&url=ftp://x&key=sk-typed")
	if body := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(body, "is no address of a model server") || strings.Contains(body, "sk-typed") {
		t.Errorf("a bad address: %d, or the key comes back", w.Code)
	}
	if w := do(s, "POST", "/settings/endpoints/env", "name=x&url=http://x"); w.Code != http.StatusConflict {
		t.Errorf("changing the environment's server: %d", w.Code)
	}
	if w := do(s, "POST", "/settings/endpoints/env/delete", ""); w.Code != http.StatusConflict {
		t.Errorf("removing the environment's server: %d", w.Code)
	}

	w = do(s, "POST", "/settings/endpoints/models", "url=http://x&model=gemma3:12b", fragment...)
	p = webtest.Parse(t, w.Body)
	p.Want("#model-new select[name=model] option", 3)
	p.Want("option[value='gemma3:12b'][selected]", 1)
	w = do(s, "POST", "/settings/endpoints/e1/test", "", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#test-e1 .good"); !strings.Contains(got, "answered in 412 ms") {
		t.Errorf("the test says %q", got)
	}
	f.Models = nil
	w = do(s, "POST", "/settings/endpoints/models", "url=http://x", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#model-new [role=alert]"); got != "no model server answers at http://x" {
		t.Errorf("a silent server: %q", got)
	}
	w = do(s, "POST", "/settings/endpoints/e1/test", "", fragment...)
	if got := webtest.Parse(t, w.Body).Text("#test-e1 .bad"); !strings.Contains(got, "connection refused") {
		t.Errorf("the test says %q", got)
	}
}

// recorded remembers which keys were sent where.
type recorded struct {
	*webtest.Fake
	asked []string
}

func (r *recorded) ListModels(_ context.Context, url, key string) ([]string, error) {
	r.asked = append(r.asked, url+" "+key)
	return []string{"m"}, nil
}

func (r *recorded) EndpointModels(_ context.Context, id string) ([]string, error) {
	r.asked = append(r.asked, "stored key of "+id)
	return []string{"m"}, nil
}

// A stored key goes only to the address it was stored with.
func TestStoredKeyStaysWhereItBelongs(t *testing.T) {
	r := &recorded{Fake: webtest.Sample()}
	s := server(t, r.Fake, func(o *web.Options) { o.Library = r })
	for _, form := range []string{
		"url=https://openrouter.ai/api/v1",
		"url=https://evil.example/v1",
		"url=https://evil.example/v1&key=sk-typed",
	} {
		if w := do(s, "POST", "/settings/endpoints/e1/models", form, fragment...); w.Code != http.StatusOK {
			t.Fatalf("models of %s: %d", form, w.Code)
		}
	}
	want := []string{"stored key of e1", "https://evil.example/v1 ", "https://evil.example/v1 sk-typed"}
	if d := cmp.Diff(want, r.asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
}

func TestExportPage(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	w := do(s, "GET", "/export?format=csv&q=&min_difficulty=0&verdict=accepted%2Cdraft", "", fragment...)
	page := webtest.Parse(t, w.Body)
	if got := page.Text("#preview h2"); got != "31 seeds" {
		t.Errorf("the preview counts %q", got)
	}
	page.Want("#preview a[download][href='/api/v1/export?format=csv&verdict=accepted&verdict=draft']", 1)
	sample := page.Raw(".sample")
	if !strings.HasPrefix(sample, `"<script>alert(""question"")</script>`) || len(sample) > 4000 {
		t.Errorf("the sample begins with %.80q", sample)
	}
	// The form sends what the API takes.
	form := webtest.Parse(t, do(s, "GET", "/export?format=csv", "").Body)
	v := url.Values{}
	for _, n := range form.All("#export [name]") {
		if webtest.Attr(n, "type") != "radio" {
			v.Add(webtest.Attr(n, "name"), webtest.Attr(n, "value"))
		}
	}
	v.Set("format", "csv")
	if w := do(s, "GET", "/api/v1/export?"+v.Encode(), ""); w.Code != http.StatusOK || strings.Count(w.Body.String(), "\n") != 10 {
		t.Errorf("GET /api/v1/export?%s: %d, %d lines", v.Encode(), w.Code, strings.Count(w.Body.String(), "\n"))
	}
	// The parts are shown with what they come to, and a split that cannot be
	// keeps what was typed, says why, and gives no download.
	page = webtest.Parse(t, do(s, "GET", "/export?verdict=any&split=train:0.75,test:0.25&split_seed=3", "").Body)
	if got := page.Text("#preview tbody"); !strings.Contains(got, "train 75 % 81.2 % 26 1 test 25 %") {
		t.Errorf("the parts are shown as %q", got)
	}
	page.Want("#preview a[download][href='/api/v1/export?format=seedbed&split=train%3A0.75%2Ctest%3A0.25&split_seed=3&verdict=accepted&verdict=draft&verdict=rejected']", 1)
	page.Want("#export input[name=split][value='train:0.75,test:0.25']", 1)
	for split, want := range map[string]string{"train:0.9,test:0.2": "add up to 1", "a:.1,b:.1,c:.1,d:.1,e:.1,f:.5": "6 parts need 6 sources", "train": "no part"} {
		w := do(s, "GET", "/export?verdict=any&split="+url.QueryEscape(split), "")
		page := webtest.Parse(t, w.Body)
		if got := page.Text("#preview .bad"); w.Code != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("the split %s: %d %q, want %q", split, w.Code, got, want)
		}
		page.Want("#preview a[download]", 0)
		page.Want("#export input[name=split][value='"+split+"']", 1)
	}

	// What is not text is shown as text.
	page = webtest.Parse(t, do(s, "GET", "/export?format=huggingface", "").Body)
	if got := page.Raw(".sample"); !strings.HasPrefix(got, `{"id":`) || page.Text(".eyebrow") != "What its rows hold, as JSON" {
		t.Errorf("the sample of a data set is %.80q", got)
	}

	f.ExportLeaves = map[string]int{"it is not there": 3}
	page = webtest.Parse(t, do(s, "GET", "/export?q=stable", "").Body)
	if got := page.Text("#preview .reason"); got != "3 seeds left out: it is not there." {
		t.Errorf("what is left out is told as %q", got)
	}

	f.ExportNone = true
	page = webtest.Parse(t, do(s, "GET", "/export?q=stable&split=a:0.5,b:0.5", "").Body)
	if got := page.Text("#preview > p"); got != "This format has a place for none of these seeds." {
		t.Errorf("where nothing has a place the page says %q", got)
	}
	page.Want("#preview a[download]", 0)
	f.ExportNone = false

	f.ExportFails = fmt.Errorf("disk on fire")
	w = do(s, "GET", "/export?q=stable", "")
	if got := webtest.Parse(t, w.Body).Text("#preview .bad"); w.Code != http.StatusOK || got != "The server could not finish this." {
		t.Errorf("an export that fails: %d %q", w.Code, got)
	}
}

func TestDeleteSource(t *testing.T) {
	s := server(t, webtest.Sample())
	if w := do(s, "POST", "/sources/stack/delete", ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("delete: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := do(s, "GET", "/sources/stack", ""); w.Code != http.StatusNotFound {
		t.Errorf("after deleting: %d", w.Code)
	}
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

func ids(list []seedbed.Source) []string {
	var out []string
	for _, s := range list {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return out
}

// What a check ran is shown with its interpreter, tests and output, and the
// groups of a vote as a histogram.
func TestSeedShowsWhatWasRun(t *testing.T) {
	page := html.UnescapeString(do(server(t, webtest.Sample()), "GET", "/seeds/bound", "").Body.String())
	for _, want := range []string{"What was run, with Python 3.11.2", "def test_bound():", "AssertionError: 4 comparisons are too few", `aria-label="Groups of 5, 2, 1: 63 % agree"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}
