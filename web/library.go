package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/api"
	"seedbed/web/query"
	"seedbed/web/view"
)

// shelf is how many sources the first page lists.
const shelf = 100

func (s *Server) library(c echo.Context) error {
	p, err := s.libraryView(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if p.Upload, err = s.uploadForm(ctx, p.Collection); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.LibraryPage(p))
}

// libraryEvents sends the list of sources again whenever it changes.
func (s *Server) libraryEvents(c echo.Context) error {
	return api.Stream(c, s.stopping, "", s.lib.Watch(c.Request().Context(), ""), func(ctx context.Context) (string, bool, error) {
		p, err := s.libraryView(c)
		if err != nil {
			return "", false, err
		}
		var b strings.Builder
		err = view.SourceList(p).Render(ctx, &b)
		return b.String(), false, err
	})
}

func (s *Server) libraryView(c echo.Context) (view.Library, error) {
	return s.libraryOf(c.Request().Context(), c.QueryParams())
}

// libraryOf is what the library shows where v is asked for.
func (s *Server) libraryOf(ctx context.Context, v url.Values) (view.Library, error) {
	p := view.Library{Page: s.base("Library", "library")}
	if err := query.Only(v, "collection", "all"); err != nil {
		return p, err
	}
	all, err := s.lib.Sources(ctx, "")
	if err != nil {
		return p, err
	}
	runs, err := s.lib.Runs(ctx, "")
	if err != nil {
		return p, err
	}
	newest := map[string]*seedbed.Run{}
	for _, r := range slices.Backward(runs) {
		newest[r.Source] = &r
	}
	p.Collection = v.Get("collection")
	p.Typed = p.Collection
	names, err := s.lib.CollectionNames(ctx)
	if err != nil {
		return p, err
	}
	counts := map[string]int{}
	for _, name := range names {
		counts[name] = 0
	}
	for _, src := range all {
		counts[src.Collection]++
		if p.Collection == "" || src.Collection == p.Collection {
			p.Sources = append(p.Sources, view.Shelved{Source: src, Run: newest[src.ID]})
		}
	}
	p.Holds, p.There = counts[p.Collection], slices.Contains(names, p.Collection)
	p.EventsURL = "/events"
	if q := v.Encode(); q != "" {
		p.EventsURL += "?" + q
	}
	if v.Get("all") == "" && len(p.Sources) > shelf {
		p.More = len(p.Sources) - shelf
		p.Sources = p.Sources[:shelf]
		p.AllURL = "/?" + withParam(v, "all", "1").Encode()
	}
	p.Collections = collectionLinks(counts, p.Collection, len(all))
	return p, nil
}

func collectionLinks(counts map[string]int, current string, total int) []view.Link {
	links := []view.Link{{Label: "All", URL: "/", Count: total, On: current == ""}}
	for name, n := range counts {
		links = append(links, view.Link{Label: name, URL: collectionURL(name), Count: n, On: name == current})
	}
	slices.SortFunc(links[1:], func(a, b view.Link) int { return cmp.Compare(a.Label, b.Label) })
	if len(links) == 2 && current == "" {
		return nil
	}
	return links
}

func (s *Server) uploadForm(ctx context.Context, collection string) (view.UploadForm, error) {
	f := view.UploadForm{Collection: collection, MaxUpload: s.opts.MaxUpload}
	var err error
	if f.Collections, err = s.lib.CollectionNames(ctx); err != nil {
		return f, err
	}
	if f.Recipes, err = s.lib.Recipes(ctx); err != nil {
		return f, err
	}
	f.Endpoints, err = s.lib.Endpoints(ctx)
	return f, err
}

// upload takes the plain form. With JavaScript the files go to the API, one
// request each.
func (s *Server) upload(c echo.Context) error {
	all, err := api.Receive(c.Response(), c.Request(), s.lib, s.opts.MaxUpload)
	if err != nil {
		return err
	}
	var failed []view.Failed
	var first error
	for _, r := range all {
		if r.Err != nil {
			_, _, detail := explain(r.Err)
			failed = append(failed, view.Failed{Name: r.Name, Reason: detail})
			first = cmp.Or(first, r.Err)
		}
	}
	switch {
	case len(failed) > 0:
		return s.uploadFailed(c, failed, first)
	case len(all) == 1:
		return redirect(c, "/sources/"+url.PathEscape(all[0].Source.ID))
	}
	return redirect(c, "/")
}

// uploadURL takes the form with an address.
func (s *Server) uploadURL(c echo.Context) error {
	address := strings.TrimSpace(c.FormValue("url"))
	if address == "" {
		return query.Wrong("url", "give the address of a file or a git repository")
	}
	fields, err := c.FormParams()
	if err != nil {
		return seedbed.Errorf(seedbed.Invalid, "the form cannot be read: %w", err)
	}
	options, err := api.Upload(fields)
	if err != nil {
		return err
	}
	got, err := s.lib.UploadURL(c.Request().Context(), address, options)
	if err != nil {
		_, _, detail := explain(err)
		return s.uploadFailed(c, []view.Failed{{Reason: detail}}, err)
	}
	return redirect(c, "/sources/"+url.PathEscape(got.Source.ID))
}

// uploadFailed shows the library with what could not be stored.
func (s *Server) uploadFailed(c echo.Context, failed []view.Failed, first error) error {
	p, err := s.libraryView(c)
	if err != nil {
		return err
	}
	if p.Upload, err = s.uploadForm(c.Request().Context(), ""); err != nil {
		return err
	}
	p.Failed = failed
	a, _, _ := explain(first)
	return s.show(c, a.status, view.LibraryPage(p))
}

// renameCollection gives a collection another name.
func (s *Server) renameCollection(c echo.Context) error {
	form := c.Request().PostForm
	name, to := form.Get("collection"), form.Get("name")
	made, err := s.lib.RenameCollection(c.Request().Context(), name, to)
	if err != nil {
		return s.collectionStays(c, name, err, to)
	}
	return redirect(c, collectionURL(made.Name))
}

// deleteCollection removes a collection that is empty.
func (s *Server) deleteCollection(c echo.Context) error {
	name := c.Request().PostForm.Get("collection")
	if err := s.lib.DeleteCollection(c.Request().Context(), name); err != nil {
		return s.collectionStays(c, name, err, name)
	}
	return redirect(c, "/")
}

// collectionStays shows a collection that was not changed, and why.
func (s *Server) collectionStays(c echo.Context, name string, why error, typed string) error {
	if code := seedbed.CodeOf(why); code != seedbed.Invalid && code != seedbed.Conflict {
		return why
	}
	p, err := s.libraryOf(c.Request().Context(), url.Values{"collection": {name}})
	if err != nil {
		return err
	}
	if p.Upload, err = s.uploadForm(c.Request().Context(), name); err != nil {
		return err
	}
	a, _, detail := explain(why)
	p.Error, p.Typed = detail, typed
	return s.show(c, a.status, view.LibraryPage(p))
}

func collectionURL(name string) string { return "/?" + url.Values{"collection": {name}}.Encode() }

// withParam is v with one parameter set.
func withParam(v url.Values, name, value string) url.Values {
	out := url.Values{}
	for k, list := range v {
		out[k] = slices.Clone(list)
	}
	out.Set(name, value)
	return out
}
