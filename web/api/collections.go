package api

import (
	"net/http"
	"net/url"
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
	name, err := collectionName(c)
	if err != nil {
		return err
	}
	made, added, err := s.lib.AddCollection(c.Request().Context(), name)
	if err != nil {
		return err
	}
	if !added {
		return c.JSON(http.StatusOK, made)
	}
	return c.JSON(http.StatusCreated, made)
}

// collectionName reads the name that a collection is to have.
func collectionName(c echo.Context) (string, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := decode(c, &in); err != nil {
		return "", err
	}
	if strings.TrimSpace(in.Name) == "" {
		return "", query.Wrong("name", "a collection needs a name")
	}
	return in.Name, nil
}

func (s *server) renameCollection(c echo.Context) error {
	name, err := collectionName(c)
	if err != nil {
		return err
	}
	at, err := collectionAt(c)
	if err != nil {
		return err
	}
	made, err := s.lib.RenameCollection(c.Request().Context(), at, name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, made)
}

// deleteCollection removes an empty collection.
func (s *server) deleteCollection(c echo.Context) error {
	name, err := collectionAt(c)
	if err != nil {
		return err
	}
	if err := s.lib.DeleteCollection(c.Request().Context(), name); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// collectionAt is the collection whose address is asked. Any sign may be in its
// name: the router hands over some addresses as they were written.
func collectionAt(c echo.Context) (string, error) {
	if c.Request().URL.RawPath == "" {
		return c.Param("name"), nil
	}
	name, err := url.PathUnescape(c.Param("name"))
	if err != nil {
		return "", query.Wrong("name", "%q is no part of an address", c.Param("name"))
	}
	return name, nil
}
