package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"seedbed/web/query"
	"seedbed/web/view"
)

// calls lists what models were asked about a passage of a run.
func (s *Server) calls(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "passage"); err != nil {
		return err
	}
	ordinal, err := strconv.Atoi(c.QueryParam("passage"))
	if err != nil {
		return query.Wrong("passage", "%q is not the number of a passage", c.QueryParam("passage"))
	}
	ctx := c.Request().Context()
	p := view.Calls{Page: s.base("Calls about passage "+view.Number(ordinal+1), "runs")}
	if p.Run, err = s.lib.Run(ctx, c.Param("id")); err != nil {
		return err
	}
	if p.Calls, err = s.lib.Calls(ctx, p.Run.ID, ordinal); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.CallsPage(p))
}

// call shows one of them whole.
func (s *Server) call(c echo.Context) error {
	ctx := c.Request().Context()
	call, err := s.lib.Call(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	p := view.Call{Page: s.base("A call to "+view.Plain(call.Model), "runs"), Call: call}
	if p.Run, err = s.lib.Run(ctx, call.Run); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.CallPage(p))
}

// seedCalls lists what models were asked about the passage a seed was found in.
func (s *Server) seedCalls(c echo.Context) error {
	ctx := c.Request().Context()
	seed, _, err := s.seeds.Seed(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	p := view.Calls{Page: s.base("Calls about the passage of this seed", "seeds")}
	if p.Run, err = s.lib.Run(ctx, seed.Run); err != nil {
		return err
	}
	if p.Calls, err = s.lib.SeedCalls(ctx, seed.ID); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.CallsPage(p))
}
