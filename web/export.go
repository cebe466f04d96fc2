package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/api"
	"seedbed/web/query"
	"seedbed/web/view"
)

// sampleSize is how much of an export its page shows, in bytes.
const sampleSize = 4000

func (s *Server) export(c echo.Context) error {
	f, err := query.Filter(c.QueryParams(), query.ExportNames...)
	if err != nil {
		return err
	}
	// A split is typed by hand: what is wrong with it is told beside it.
	o, wrong := query.Export(c.QueryParams())
	var param *query.ParamError
	if errors.As(wrong, &param) && (param.Name == "split" || param.Name == "split_seed") {
		wrong = seedbed.Errorf(seedbed.Invalid, "%s", param.Message)
	} else if wrong != nil {
		return wrong
	}
	format, err := api.Format(s.exporter.Formats(), o.Format)
	if err != nil {
		return err
	}
	o.Format = format.Name
	ctx := c.Request().Context()
	p := view.Export{
		Page: s.base("Export", "export"), Formats: s.exporter.Formats(), Format: format, Query: f.Query, MinDiff: f.MinDifficulty, Distinct: f.Distinct,
		Reasoning: o.Reasoning, System: o.System, Split: c.QueryParam("split"), SplitSeed: c.QueryParam("split_seed"),
	}
	_, mediaType := format.File(o)
	p.Archive = mediaType == seedbed.Archive
	if p.Filters, err = s.exportFilters(ctx, f); err != nil {
		return err
	}
	p.Hidden = hiddenInExport(f)

	count := f
	count.Size, count.Page = 1, 1
	if len(count.Verdict) == 0 {
		count.Verdict = []string{extract.Accepted}
	}
	res, err := s.seeds.Search(ctx, count)
	if err != nil {
		return err
	}
	p.Total = res.Total
	if p.Total > 0 {
		err := wrong
		if err == nil {
			sample := o
			if format.Binary {
				sample.Format = p.Formats[0].Name // as text, what its rows hold
			}
			var m seedbed.Manifest
			p.Sample, p.Cut, m, err = s.sample(ctx, sample, f)
			p.LeftOut, p.None = m.LeftOut, !p.Cut && m.Seeds == 0
		}
		if err == nil && !p.None {
			p.Shares, err = s.exporter.Shares(ctx, o, f)
		}
		if err != nil {
			s.log.Warn("no sample of an export", "format", o.Format, "err", err)
			_, _, p.Problem = explain(err)
		}
	}
	v := query.ExportValues(o, f)
	p.Download = api.Prefix + "/export?" + v.Encode()
	p.Manifest = api.Prefix + "/export/manifest?" + v.Encode()
	if partial(c) {
		c.Response().Header().Set("HX-Replace-Url", "/export?"+v.Encode())
		return s.show(c, http.StatusOK, view.Preview(p))
	}
	return s.show(c, http.StatusOK, view.ExportPage(p))
}

// exportFilters are the lists to choose from, with the values there are.
func (s *Server) exportFilters(ctx context.Context, f seedbed.Filter) ([]view.ExportFilter, error) {
	all, err := s.seeds.Search(ctx, seedbed.Filter{Verdict: query.Verdicts, Size: 1})
	if err != nil {
		return nil, err
	}
	sources, err := s.lib.Sources(ctx, "")
	if err != nil {
		return nil, err
	}
	var collections []seedbed.Facet
	in := map[string]string{} // which collection a source is in
	for _, src := range sources {
		in[src.ID] = src.Collection
		if !slices.ContainsFunc(collections, func(x seedbed.Facet) bool { return x.Value == src.Collection }) {
			collections = append(collections, seedbed.Facet{Value: src.Collection})
		}
	}
	named := slices.Clone(all.Facets["source"])
	for i, x := range named {
		if len(collections) > 1 && in[x.Value] != "" { // the same book may be in two
			named[i].Label = cmp.Or(x.Label, x.Value) + " · " + in[x.Value]
		}
	}
	v := query.Values(f)
	list := func(name, title, every string, found []seedbed.Facet) view.ExportFilter {
		out := view.ExportFilter{Name: name, Title: title, All: every}
		g := facets(name, title, found, v[name])
		for _, o := range append(g.Options, g.More...) {
			out.Options = append(out.Options, view.Option{Value: o.Value, Label: o.Label, On: o.On})
		}
		return out
	}
	verdict := view.ExportFilter{Name: "verdict", Title: "Verdict", All: "Accepted only", Options: []view.Option{
		{Value: "accepted,draft", Label: "Accepted and drafts"},
		{Value: extract.Draft, Label: "Drafts only"},
		{Value: extract.Rejected, Label: "Rejected only"},
		{Value: query.Any, Label: "All, rejected too"},
	}}
	for i, o := range verdict.Options {
		verdict.Options[i].On = strings.Join(f.Verdict, ",") == o.Value || o.Value == query.Any && len(f.Verdict) == len(query.Verdicts)
	}
	return []view.ExportFilter{
		verdict,
		list("collection", "Collection", "All collections", collections),
		list("source", "Source", "All sources", named),
		list("type", "Kind of question", "All kinds", all.Facets["type"]),
		list("origin", "Where from", "Wherever from", all.Facets["origin"]),
		list("language", "Language", "All languages", all.Facets["language"]),
	}, nil
}

// hiddenInExport are the filters that the page of exports has no field for.
func hiddenInExport(f seedbed.Filter) []view.Hidden {
	v := query.Values(f)
	var out []view.Hidden
	for _, name := range []string{"run", "tag", "kind", "check"} {
		for _, value := range v[name] {
			out = append(out, view.Hidden{Name: name, Value: value})
		}
	}
	return out
}

var errEnough = errors.New("enough for a sample")

// A sampler keeps the first bytes and then asks to stop.
type sampler struct{ bytes.Buffer }

func (s *sampler) Write(p []byte) (int, error) {
	n := min(len(p), sampleSize-s.Len())
	s.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errEnough
	}
	return n, nil
}

// sample is the beginning of an export, or of a file in it, in whole lines
// where it has lines. It has a manifest only where that is all of it.
func (s *Server) sample(ctx context.Context, o seedbed.ExportOptions, f seedbed.Filter) (text string, cut bool, m seedbed.Manifest, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var out sampler
	o.Split = nil
	m, err = s.exporter.Export(ctx, &out, o, f)
	cut = out.Len() == sampleSize
	if err != nil && !cut {
		return "", false, m, err
	}
	text = out.String()
	if cut {
		if i := strings.LastIndexByte(text, '\n'); i > 0 {
			text = text[:i]
		}
		for !utf8.ValidString(text) && text != "" {
			text = text[:len(text)-1]
		}
	}
	return text, cut, m, nil
}
