package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
	"seedbed/web/view"
)

// history shows what was changed of a seed before a version.
func (s *Server) history(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "before"); err != nil {
		return err
	}
	before, err := query.Version("before", c.QueryParam("before"))
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	seed, version, err := s.seeds.Seed(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	p := view.Seed{Page: s.base("History of "+seed.Question, "seeds"), Seed: seed, Version: version, Later: before > 0}
	if p.History, p.Older, err = s.historyOf(ctx, seed, before); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.HistoryPage(p))
}

// historyOf is what was changed of a seed before a version, 0 for of late, and
// where the rest is.
func (s *Server) historyOf(ctx context.Context, seed extract.Seed, before int64) (list []view.Revision, older string, err error) {
	all, more, err := s.seeds.History(ctx, seed.ID, before)
	for _, v := range all {
		list = append(list, view.Revision{Revision: v, Back: differs(v.Back(), seed)})
	}
	if more {
		older = fmt.Sprintf("/seeds/%s/history?before=%d", url.PathEscape(seed.ID), all[len(all)-1].Version)
	}
	return list, older, err
}

// differs reports whether a change would change anything.
func differs(c seedbed.SeedChange, s extract.Seed) bool {
	was := fields(s)
	for name, value := range fields(c) {
		if value != nil && !reflect.DeepEqual(value, was[name]) {
			return true
		}
	}
	return false
}

// fields are those of a record, as JSON has them.
func fields(v any) map[string]any {
	out := map[string]any{}
	if data, err := json.Marshal(v); err == nil {
		_ = json.Unmarshal(data, &out) // it is an object
	}
	return out
}

// bringBack gives a seed what it had before one of its changes, if it is still
// as the page showed it.
func (s *Server) bringBack(c echo.Context) error {
	ctx, id, form := c.Request().Context(), c.Param("id"), c.Request().PostForm
	version, err := versionOf(form)
	if err != nil {
		return err
	}
	revision, err := query.Version("revision", form.Get("revision"))
	if err != nil {
		return err
	}
	list, _, err := s.seeds.History(ctx, id, revision+1)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].Version != revision || len(list[0].Changes) == 0 {
		return seedbed.Errorf(seedbed.NotFound, "nothing was changed in version %d of seed %s", revision, id)
	}
	if _, _, err := s.seeds.UpdateSeed(ctx, id, version, list[0].Back()); err != nil {
		return s.meanwhile(c, err)
	}
	return redirect(c, "/seeds/"+url.PathEscape(id)+"#seed")
}
