package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

func (s *server) runs(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "source"); err != nil {
		return err
	}
	list, err := s.lib.Runs(c.Request().Context(), c.QueryParam("source"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"runs": filled(list)})
}

// wanted is a run in a request.
type wanted struct {
	Source   string         `json:"source"`
	Recipe   string         `json:"recipe"`
	Model    string         `json:"model"`
	Endpoint string         `json:"endpoint"`
	Count    int            `json:"count"`
	Limits   seedbed.Limits `json:"limits"`
	Batch    bool           `json:"batch"`
}

func decodeWanted(c echo.Context) (wanted, seedbed.RunOptions, error) {
	var in wanted
	if err := decode(c, &in); err != nil {
		return in, seedbed.RunOptions{}, err
	}
	if in.Source == "" {
		return in, seedbed.RunOptions{}, query.Wrong("source", "name the source to work on")
	}
	return in, seedbed.RunOptions{Recipe: in.Recipe, Endpoint: in.Endpoint, Model: in.Model, Count: in.Count, Limits: in.Limits, Batch: in.Batch}, nil
}

// readWanted reads what startRun does, for its fingerprint.
func (s *server) readWanted(c echo.Context) error {
	_, _, err := decodeWanted(c)
	return err
}

func (s *server) estimate(c echo.Context) error {
	in, o, err := decodeWanted(c)
	if err != nil {
		return err
	}
	e, err := s.lib.Estimate(c.Request().Context(), in.Source, o)
	if err != nil {
		return err
	}
	e.Stages = filled(e.Stages)
	return c.JSON(http.StatusOK, e)
}

func (s *server) startRun(c echo.Context) error {
	in, o, err := decodeWanted(c)
	if err != nil {
		return err
	}
	run, err := s.lib.StartRun(c.Request().Context(), in.Source, o)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", Prefix+"/runs/"+run.ID)
	return c.JSON(http.StatusCreated, run)
}

func (s *server) run(c echo.Context) error {
	run, err := s.lib.Run(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, run)
}

// command handles what is done to a run, and answers with the run after it.
func (s *server) command(do func(ctx context.Context, run string) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := do(c.Request().Context(), c.Param("id")); err != nil {
			return err
		}
		return s.run(c)
	}
}

// limit changes what a run may spend, and answers with the run after it.
func (s *server) limit(c echo.Context) error {
	var in seedbed.Limits
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := s.lib.LimitRun(c.Request().Context(), c.Param("id"), in); err != nil {
		return err
	}
	return s.run(c)
}

// ledgerDepth is how many headings down the ledger is added up.
const ledgerDepth = 2

// ledger says what became of each passage, and adds it up by section.
func (s *server) ledger(c echo.Context) error {
	list, err := s.lib.Ledger(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"sections": extract.Sections(list, ledgerDepth), "passages": filled(list)})
}

func (s *server) retry(c echo.Context) error {
	var in struct {
		Code string `json:"code"`
	}
	if c.Request().ContentLength != 0 {
		if err := decode(c, &in); err != nil {
			return err
		}
	}
	ctx := c.Request().Context()
	n, err := s.lib.Retry(ctx, c.Param("id"), in.Code)
	if err != nil {
		return err
	}
	run, err := s.lib.Run(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"retried": n, "run": run})
}

func (s *server) failures(c echo.Context) error {
	list, err := s.lib.Failures(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	out := make([]failure, len(list))
	for i, p := range list {
		out[i] = failed(p)
	}
	return c.JSON(http.StatusOK, map[string]any{"failures": out})
}

// events sends the run as it is and after each change, and ends with the run.
func (s *server) events(c echo.Context) error {
	ctx := c.Request().Context()
	id := c.Param("id")
	if _, err := s.lib.Run(ctx, id); err != nil {
		return err
	}
	return Stream(c, s.stopping, "run", s.lib.Watch(ctx, id), func(ctx context.Context) (string, bool, error) {
		run, err := s.lib.Run(ctx, id)
		if err != nil {
			return "", false, err
		}
		data, err := json.Marshal(run)
		return string(data), run.Ended(), err
	})
}
