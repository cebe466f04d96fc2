package api

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// A hit's highlights are HTML: escaped text with <mark> around what matched.
type hit struct {
	Seed       extract.Seed      `json:"seed"`
	Highlights map[string]string `json:"highlights"`
}

func (s *server) search(c echo.Context) error {
	f, err := query.Filter(c.QueryParams())
	if err != nil {
		return err
	}
	res, err := s.seeds.Search(c.Request().Context(), f)
	if err != nil {
		return err
	}
	hits := make([]hit, len(res.Hits))
	for i, h := range res.Hits {
		hits[i] = hit{Seed: h.Seed, Highlights: map[string]string{}}
		for field, text := range h.Highlights {
			hits[i].Highlights[field] = markHTML(text)
		}
	}
	facets := map[string][]seedbed.Facet{}
	for name, list := range res.Facets {
		facets[name] = filled(list)
	}
	out := map[string]any{
		"hits":    hits,
		"total":   res.Total,
		"facets":  facets,
		"took_ms": float64(res.Took.Microseconds()) / 1000,
	}
	if res.Behind > 0 {
		out["behind"] = res.Behind
	}
	if res.Fallback {
		out["fallback"] = true
	}
	return c.JSON(http.StatusOK, out)
}

// markHTML escapes text and turns its marks into elements, which close even
// where a mark is missing.
func markHTML(text string) string {
	var b strings.Builder
	open := false
	for _, r := range text {
		switch string(r) {
		case seedbed.MarkStart:
			if !open {
				b.WriteString("<mark>")
			}
			open = true
		case seedbed.MarkEnd:
			if open {
				b.WriteString("</mark>")
			}
			open = false
		default:
			b.WriteString(html.EscapeString(string(r)))
		}
	}
	if open {
		b.WriteString("</mark>")
	}
	return b.String()
}

func (s *server) seed(c echo.Context) error {
	seed, version, err := s.seeds.Seed(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return sendSeed(c, seed, version)
}

// similar lists the seeds that ask nearly the same.
func (s *server) similar(c echo.Context) error {
	list, err := s.seeds.Similar(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"similar": list})
}

// history lists what was changed of a seed, the newest first; next is where the
// older ones begin.
func (s *server) history(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "before"); err != nil {
		return err
	}
	before, err := query.Version("before", c.QueryParam("before"))
	if err != nil {
		return err
	}
	list, more, err := s.seeds.History(c.Request().Context(), c.Param("id"), before)
	if err != nil {
		return err
	}
	out := struct {
		History []seedbed.Revision `json:"history"`
		Next    int64              `json:"next,omitempty"`
	}{History: filled(list)}
	if more {
		out.Next = list[len(list)-1].Version
	}
	return c.JSON(http.StatusOK, out)
}

func sendSeed(c echo.Context, seed extract.Seed, version int64) error {
	tag := etag(version)
	c.Response().Header().Set("ETag", tag)
	if c.Request().Method == http.MethodGet && c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSON(http.StatusOK, seed)
}

// patchSeed changes a seed that is still the one the client has seen.
func (s *server) patchSeed(c echo.Context) error {
	version, err := ifMatch(c.Request().Header.Get("If-Match"))
	if err != nil {
		return err
	}
	var change seedbed.SeedChange
	if err := decode(c, &change); err != nil {
		return err
	}
	if err := query.Change(change); err != nil {
		return err
	}
	seed, version, err := s.seeds.UpdateSeed(c.Request().Context(), c.Param("id"), version, change)
	if err != nil {
		return err
	}
	return sendSeed(c, seed, version)
}

// writeSeed keeps a seed that a person wrote.
func (s *server) writeSeed(c echo.Context) error {
	n, err := newSeed(c)
	if err != nil {
		return err
	}
	seed, version, err := s.seeds.WriteSeed(c.Request().Context(), n)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", Prefix+"/seeds/"+url.PathEscape(seed.ID))
	c.Response().Header().Set("ETag", etag(version))
	return c.JSON(http.StatusCreated, seed)
}

// readNewSeed reads a new seed as writeSeed does, for its fingerprint.
func (s *server) readNewSeed(c echo.Context) error {
	_, err := newSeed(c)
	return err
}

func newSeed(c echo.Context) (seedbed.NewSeed, error) {
	var n seedbed.NewSeed
	if err := decode(c, &n); err != nil {
		return n, err
	}
	return n, query.NewSeed(n)
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// deleteSeed removes a seed that is still the one the client has seen.
func (s *server) deleteSeed(c echo.Context) error {
	version, err := ifMatch(c.Request().Header.Get("If-Match"))
	if err != nil {
		return err
	}
	if err := s.seeds.DeleteSeed(c.Request().Context(), c.Param("id"), version); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ifMatch reads a version from an If-Match header; * is whatever it is now.
func ifMatch(header string) (int64, error) {
	if header == "" {
		return 0, echo.NewHTTPError(http.StatusPreconditionRequired,
			"send the seed's ETag as If-Match, so that no change of somebody else is lost")
	}
	if header == "*" {
		return 0, nil
	}
	v, err := strconv.ParseInt(strings.Trim(header, `"`), 10, 64)
	if err != nil || v < 1 || len(header) < 3 || header[0] != '"' {
		return 0, seedbed.Errorf(seedbed.Stale, "If-Match %s is no version of this seed", header)
	}
	return v, nil
}

// bulk gives many seeds one verdict, or deletes them, chosen by their ids or by
// a filter.
func (s *server) bulk(c echo.Context) error {
	var in struct {
		IDs     []string          `json:"ids"`
		Filter  map[string]values `json:"filter"`
		Verdict string            `json:"verdict"`
		Reason  string            `json:"reason"`
		Delete  bool              `json:"delete"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Delete && in.Verdict+in.Reason != "" {
		return query.Wrong("delete", "judge the seeds or delete them, not both")
	}
	ctx := c.Request().Context()
	ids := in.IDs
	var f seedbed.Filter
	switch {
	case len(ids) > 0 && in.Filter != nil:
		return query.Wrong("filter", "choose seeds by ids or by a filter, not both")
	case in.Filter != nil:
		var err error
		if f, err = bulkFilter(in.Filter); err != nil {
			return err
		}
		if ids, err = Matching(ctx, s.seeds, f); err != nil {
			return err
		}
	case len(ids) == 0:
		return query.Wrong("ids", "choose seeds by ids or by a filter")
	}
	if in.Delete {
		n, err := s.seeds.DeleteSeeds(ctx, ids, Still(f, in.Filter != nil))
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]any{"deleted": n})
	}
	change := seedbed.SeedChange{Verdict: &in.Verdict, VerdictReason: &in.Reason}
	if err := query.Change(change); err != nil {
		return err
	}
	n, err := Judge(ctx, s.seeds, ids, change)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"changed": n})
}

// Still is what seeds still have to be to be deleted, that a filter chose or
// that were named one by one: the index may be behind, and a filter is no word
// for what was accepted just now.
func Still(f seedbed.Filter, filtered bool) seedbed.Filter {
	if !filtered {
		return seedbed.Filter{}
	}
	if f.Verdict == nil { // as a search has it
		f.Verdict = []string{extract.Draft, extract.Accepted}
	}
	return f
}

// maxBulk is how many seeds one request may judge or delete.
const maxBulk = 10_000

// Matching lists the ids of all seeds a filter chooses.
func Matching(ctx context.Context, seeds Seeds, f seedbed.Filter) ([]string, error) {
	f.Size = seedbed.MaxPageSize
	if !f.Distinct { // else the order says which of each group
		f.Sort = "oldest" // stands still while pages are turned
	}
	var ids []string
	for f.Page = 1; ; f.Page++ {
		res, err := seeds.Search(ctx, f)
		if err != nil {
			return nil, err
		}
		if res.Total > maxBulk {
			return nil, seedbed.Errorf(seedbed.Invalid, "the filter chooses %d seeds; at most %d can be changed at once: narrow it", res.Total, maxBulk)
		}
		for _, h := range res.Hits {
			ids = append(ids, h.Seed.ID)
		}
		if f.Page*f.Size >= res.Total { // a page lacks those that were deleted just now
			return ids, nil
		}
	}
}

// Judge makes one change to many seeds, whatever their versions. Seeds that
// are gone are passed over. It returns how many were changed.
func Judge(ctx context.Context, seeds Seeds, ids []string, change seedbed.SeedChange) (int, error) {
	n := 0
	for _, id := range ids {
		_, _, err := seeds.UpdateSeed(ctx, id, 0, change)
		if seedbed.CodeOf(err) == seedbed.NotFound {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
