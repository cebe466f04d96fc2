package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/api"
	"seedbed/web/query"
	"seedbed/web/view"
)

// pageOfPassages is how many passages are listed at once.
const pageOfPassages = 100

// source is what all views of a source show.
func (s *Server) source(c echo.Context, tab string) (view.Source, error) {
	ctx := c.Request().Context()
	src, err := s.lib.Source(ctx, c.Param("id"))
	if err != nil {
		return view.Source{}, err
	}
	runs, err := s.lib.Runs(ctx, src.ID)
	if err != nil {
		return view.Source{}, err
	}
	title := src.Title
	if title == "" {
		title = src.Name
	}
	base := "/sources/" + url.PathEscape(src.ID)
	p := view.Source{Page: s.base(title, "library"), Source: src, Tabs: []view.Link{
		{Label: "Text", URL: base, On: tab == "text"},
		{Label: "Passages", URL: base + "/passages", Count: src.Passages + src.Skipped, On: tab == "passages"},
		{Label: "Seeds", URL: base + "/seeds", Count: src.Seeds, On: tab == "seeds"},
		{Label: "Runs", URL: base + "/runs", Count: len(runs), On: tab == "runs"},
	}}
	p.Write = base + "/write"
	if src.Pages > 0 && src.State == seedbed.SourceReady {
		p.Tabs = slices.Insert(p.Tabs, 1, view.Link{Label: "Pages", URL: base + "/pages/1", Count: src.Pages, On: tab == "pages"})
	}
	p.Reload = src.State == seedbed.SourceQueued || src.State == seedbed.SourceReading
	return p, nil
}

// sourceText shows the document a part at a time: part=3, or the part in which
// the characters at=120-180 stand, with those marked.
func (s *Server) sourceText(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "part", "at"); err != nil {
		return err
	}
	src, err := s.source(c, "text")
	if err != nil {
		return err
	}
	p := view.SourceText{Source: src}
	start, end, err := span(c.QueryParam("at"))
	if err != nil {
		return err
	}
	doc, err := s.lib.Document(c.Request().Context(), src.Source.ID)
	if seedbed.CodeOf(err) == seedbed.Conflict {
		return s.show(c, http.StatusOK, view.SourceTextPage(p))
	}
	if err != nil {
		return err
	}
	p.Document = doc
	parts := view.Parts(doc)
	part := 0
	if q := c.QueryParam("part"); q != "" {
		n, err := strconv.Atoi(q)
		if err != nil || n < 1 || n > max(len(parts), 1) {
			return query.Wrong("part", "the text has parts 1 to %d", max(len(parts), 1))
		}
		part = n - 1
	} else if end > 0 {
		part = view.PartAt(parts, start)
	}
	p.Outline, p.Left = view.Outline(doc, parts)
	p.Part = part + 1
	p.Pager = pages(p.Part, len(parts), func(n int) string {
		return "/sources/" + url.PathEscape(src.Source.ID) + "?part=" + strconv.Itoa(n)
	})
	switch {
	case end > 0:
		p.Write += "?at=" + c.QueryParam("at")
	case part > 0:
		p.Write += "?from=" + strconv.Itoa(parts[part].Start)
	}
	if len(parts) > 0 {
		p.Blocks = view.Blocks(doc, parts[part], start, end)
	}
	return s.show(c, http.StatusOK, view.SourceTextPage(p))
}

// span reads "120-180".
func span(at string) (start, end int, err error) {
	if at == "" {
		return 0, 0, nil
	}
	from, to, _ := strings.Cut(at, "-")
	start, err1 := strconv.Atoi(from)
	end, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || start < 0 || end < start {
		return 0, 0, query.Wrong("at", "%q is not like 120-180", at)
	}
	return start, end, nil
}

// pages is a pager over the pages 1 to last.
func pages(page, last int, address func(int) string) view.Pager {
	p := view.Pager{Page: page, Last: last}
	if page > 1 {
		p.Prev = address(page - 1)
	}
	if page < last {
		p.Next = address(page + 1)
	}
	return p
}

func (s *Server) sourcePassages(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "state", "page"); err != nil {
		return err
	}
	src, err := s.source(c, "passages")
	if err != nil {
		return err
	}
	list, err := s.lib.Passages(c.Request().Context(), src.Source.ID)
	if err != nil && seedbed.CodeOf(err) != seedbed.Conflict {
		return err
	}
	state := c.QueryParam("state")
	base := "/sources/" + url.PathEscape(src.Source.ID) + "/passages"
	p := view.SourcePassages{Source: src}
	skipped := 0
	for _, x := range list {
		out := x.State == seedbed.PassageSkipped
		if out {
			skipped++
		}
		if state == "" || out == (state == seedbed.PassageSkipped) {
			p.Passages = append(p.Passages, x)
		}
	}
	if skipped > 0 {
		p.Filters = []view.Link{
			{Label: "All", URL: base, Count: len(list), On: state == ""},
			{Label: "Used", URL: base + "?state=used", Count: len(list) - skipped, On: state == "used"},
			{Label: "Left out", URL: base + "?state=skipped", Count: skipped, On: state == seedbed.PassageSkipped},
		}
	}
	page := max(1, atoi(c.QueryParam("page")))
	last := max(1, (len(p.Passages)+pageOfPassages-1)/pageOfPassages)
	page = min(page, last)
	p.Passages = p.Passages[(page-1)*pageOfPassages : min(page*pageOfPassages, len(p.Passages))]
	p.Pager = pages(page, last, func(n int) string {
		return base + "?" + withParam(c.QueryParams(), "page", strconv.Itoa(n)).Encode()
	})
	return s.show(c, http.StatusOK, view.SourcePassagesPage(p))
}

// atoi is a number, 0 for anything else.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (s *Server) sourceSeeds(c echo.Context) error {
	src, err := s.source(c, "seeds")
	if err != nil {
		return err
	}
	f := seedbed.Filter{Source: []string{src.Source.ID}}
	res, err := s.seeds.Search(c.Request().Context(), f)
	if err != nil {
		return err
	}
	p := view.SourceSeeds{Source: src, Total: res.Total}
	for _, h := range res.Hits {
		r := row(h, c.Request().URL.Path)
		r.NoPick = true
		p.Rows = append(p.Rows, r)
	}
	return s.show(c, http.StatusOK, view.SourceSeedsPage(p))
}

func (s *Server) sourceRuns(c echo.Context) error {
	p, err := s.runsView(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.SourceRunsPage(p))
}

func (s *Server) runsView(c echo.Context) (view.SourceRuns, error) {
	src, err := s.source(c, "runs")
	p := view.SourceRuns{Source: src}
	if err != nil {
		return p, err
	}
	ctx := c.Request().Context()
	if p.Runs, err = s.lib.Runs(ctx, src.Source.ID); err != nil {
		return p, err
	}
	if p.Recipes, err = s.lib.Recipes(ctx); err != nil {
		return p, err
	}
	p.Endpoints, err = s.lib.Endpoints(ctx)
	return p, err
}

// runOptions reads the form that starts a run.
func runOptions(c echo.Context) (seedbed.RunOptions, error) {
	form, err := c.FormParams()
	if err != nil {
		return seedbed.RunOptions{}, seedbed.Errorf(seedbed.Invalid, "read the form: %w", err)
	}
	o, err := api.RunOptions(form)
	o.Model = strings.TrimSpace(o.Model)
	return o, err
}

// estimateRun says what a run would take, beside the form that starts it.
func (s *Server) estimateRun(c echo.Context) error {
	p, err := s.runsView(c)
	if err != nil {
		return err
	}
	status := http.StatusOK
	p.Options, err = runOptions(c)
	var e seedbed.Estimate
	if err == nil {
		e, err = s.lib.Estimate(c.Request().Context(), p.Source.Source.ID, p.Options)
	}
	if err != nil {
		a, _, detail := explain(err)
		p.Problem, status = detail, a.status
	} else {
		p.Estimate = &e
	}
	if partial(c) {
		return s.show(c, status, view.EstimatePanel(p))
	}
	return s.show(c, status, view.SourceRunsPage(p))
}

func (s *Server) startRun(c echo.Context) error {
	o, err := runOptions(c)
	if err != nil {
		return err
	}
	run, err := s.lib.StartRun(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return err
	}
	return redirect(c, "/runs/"+url.PathEscape(run.ID))
}

// readOCR has a source without text read from the images of its pages.
func (s *Server) readOCR(c echo.Context) error {
	if err := s.lib.ReadOCR(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return redirect(c, "/sources/"+url.PathEscape(c.Param("id")))
}

// sourcePage shows one page of a PDF as it looks, beside what was read from it;
// with at=120-180 the blocks of that text are marked.
func (s *Server) sourcePage(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "at"); err != nil {
		return err
	}
	start, end, err := span(c.QueryParam("at"))
	if err != nil {
		return err
	}
	src, err := s.source(c, "pages")
	if err != nil {
		return err
	}
	doc, err := s.lib.Document(c.Request().Context(), src.Source.ID)
	if err != nil {
		return err
	}
	n := atoi(c.Param("page"))
	if n < 1 || n > len(doc.Pages) {
		return seedbed.Errorf(seedbed.NotFound, "%s has pages 1 to %d", src.Source.Name, len(doc.Pages))
	}
	base := "/sources/" + url.PathEscape(src.Source.ID) + "/pages/"
	p := view.SourcePages{Source: src, Report: doc.Pages[n-1], Blocks: view.OnPage(doc, n), Reports: view.Alike(doc.Pages)}
	switch {
	case end > 0:
		p.Write += "?at=" + c.QueryParam("at")
	case len(p.Blocks) > 0:
		p.Write += "?from=" + strconv.Itoa(p.Blocks[0].Start)
	}
	p.Sheet = view.SheetOf(doc, src.Source.ID, n, view.BoxesAt(doc, n, start, end))
	p.Pager = pages(n, len(doc.Pages), func(n int) string { return base + strconv.Itoa(n) })
	return s.show(c, http.StatusOK, view.SourcePagesPage(p))
}

func (s *Server) deleteSource(c echo.Context) error {
	if err := s.lib.DeleteSource(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return redirect(c, "/")
}

// evidenceOf is a seed's evidence in its context. A source that is gone, or
// being read again, leaves the quotes alone.
func (s *Server) evidenceOf(c echo.Context, seed extract.Seed) ([]view.Quote, error) {
	if len(seed.Evidence) == 0 {
		return nil, nil
	}
	doc, err := s.lib.Document(c.Request().Context(), seed.Source.ID)
	if code := seedbed.CodeOf(err); err != nil && code != seedbed.NotFound && code != seedbed.Conflict {
		return nil, err
	}
	quotes := view.InContext(doc, seed.Evidence)
	for i := range quotes {
		if doc != nil && quotes[i].Found {
			quotes[i].Sheets = view.SheetsOf(doc, seed.Source.ID, quotes[i].Evidence)
		}
	}
	return quotes, nil
}
