package api

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

func (s *server) recipes(c echo.Context) error {
	if err := query.Only(c.QueryParams()); err != nil {
		return err
	}
	list, err := s.lib.Recipes(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"recipes": filled(list)})
}

func (s *server) recipe(c echo.Context) error {
	r, err := s.lib.Recipe(c.Request().Context(), c.Param("name"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// written is a recipe in a request: its YAML.
type written struct {
	Body string `json:"body"`
}

func (s *server) addRecipe(c echo.Context) error {
	var in written
	if err := decode(c, &in); err != nil {
		return err
	}
	r, err := s.lib.SaveRecipe(c.Request().Context(), "", in.Body)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", Prefix+"/recipes/"+url.PathEscape(r.Name))
	return c.JSON(http.StatusCreated, r)
}

func (s *server) saveRecipe(c echo.Context) error {
	var in written
	if err := decode(c, &in); err != nil {
		return err
	}
	r, err := s.lib.SaveRecipe(c.Request().Context(), c.Param("name"), in.Body)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

func (s *server) deleteRecipe(c echo.Context) error {
	if err := s.lib.DeleteRecipe(c.Request().Context(), c.Param("name")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) previewRecipe(c echo.Context) error {
	var in struct {
		Source   string `json:"source"`
		Passage  int    `json:"passage"`
		Recipe   string `json:"recipe"`
		Body     string `json:"body"`
		Endpoint string `json:"endpoint"`
		Model    string `json:"model"`
		Send     *int   `json:"send"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Source == "" {
		return query.Wrong("source", "name the source whose passage is to be tried")
	}
	p, err := s.lib.PreviewRecipe(c.Request().Context(), seedbed.PreviewOptions{
		Body: in.Body, RunOptions: seedbed.RunOptions{Recipe: in.Recipe, Endpoint: in.Endpoint, Model: in.Model},
		Source: in.Source, Ordinal: in.Passage, Send: in.Send,
	})
	if err != nil {
		return err
	}
	p.Calls = filled(p.Calls)
	return c.JSON(http.StatusOK, p)
}
