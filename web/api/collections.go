package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/web/query"
)

func (s *server) collections(c echo.Context) error {
	if err := query.Only(c.QueryParams()); err != nil {
		return err
	}
	list, err := s.lib.Collections(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"collections": filled(list)})
}

// addCollection makes an empty collection: 201, or 200 where it was there.
func (s *server) addCollection(c echo.Context) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	if strings.TrimSpace(in.Name) == "" {
		return query.Wrong("name", "a collection needs a name")
	}
	made, added, err := s.lib.AddCollection(c.Request().Context(), in.Name)
	if err != nil {
		return err
	}
	if !added {
		return c.JSON(http.StatusOK, made)
	}
	return c.JSON(http.StatusCreated, made)
}
