package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// Tokens let programs in as a user.
type Tokens interface {
	Tokens(ctx context.Context, user string) ([]seedbed.Token, error)
	NewToken(ctx context.Context, user, name string) (seedbed.Token, error)
	RevokeToken(ctx context.Context, user, id string) error
}

func (s *server) listTokens(c echo.Context) error {
	if err := query.Only(c.QueryParams()); err != nil {
		return err
	}
	var list []seedbed.Token
	if u := seedbed.UserOf(c.Request().Context()); u.ID != "" {
		var err error
		if list, err = s.tokens.Tokens(c.Request().Context(), u.ID); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, map[string]any{"tokens": filled(list)})
}

// newToken answers with the token's value, this once: it must not be kept as
// the answer to a request that is sent again.
func (s *server) newToken(c echo.Context) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	u := seedbed.UserOf(c.Request().Context())
	if u.ID == "" {
		return seedbed.Errorf(seedbed.Conflict, "a token belongs to an account, and there is none yet: make one with seedbed user add NAME")
	}
	t, err := s.tokens.NewToken(c.Request().Context(), u.ID, in.Name)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().Header().Set("Location", Prefix+"/tokens/"+t.ID)
	return c.JSON(http.StatusCreated, t)
}

func (s *server) revokeToken(c echo.Context) error {
	u := seedbed.UserOf(c.Request().Context())
	if u.ID == "" {
		return seedbed.Errorf(seedbed.NotFound, "there is no token %s", c.Param("id"))
	}
	if err := s.tokens.RevokeToken(c.Request().Context(), u.ID, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
