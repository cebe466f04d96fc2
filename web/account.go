package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/view"
)

// account fills in what the settings show of accounts.
func (s *Server) account(ctx context.Context, a *view.Account) (err error) {
	if a.On = s.opts.Accounts != nil; !a.On {
		return nil
	}
	a.User = seedbed.UserOf(ctx)
	if a.User.ID == "" {
		return nil
	}
	if a.Users, err = s.opts.Accounts.Users(ctx); err != nil {
		return err
	}
	a.Tokens, err = s.opts.Accounts.Tokens(ctx, a.User.ID)
	return err
}

// member is who is logged in. Where nobody is asked who they are, there is
// nobody to have a password or tokens.
func member(c echo.Context) (seedbed.User, error) {
	u := seedbed.UserOf(c.Request().Context())
	if u.ID == "" {
		return u, seedbed.Errorf(seedbed.Conflict, "there is no account yet: make one with seedbed user add NAME")
	}
	return u, nil
}

// settingsOf shows the settings with what came of a form about accounts. They
// may hold what is shown once.
func (s *Server) settingsOf(c echo.Context, err error, a view.Account) error {
	status := http.StatusOK
	if err != nil {
		code := seedbed.CodeOf(err)
		if code != seedbed.Invalid && code != seedbed.TooMany {
			return err
		}
		why, _, detail := explain(err)
		retryAfter(c, err)
		status, a.Error = why.status, sentence(detail)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return s.settingsWith(c, status, view.EndpointForm{}, a)
}

func (s *Server) changePassword(c echo.Context) error {
	u, err := member(c)
	if err != nil {
		return err
	}
	a := view.Account{Asked: view.AskedPassword}
	if c.FormValue("password") != c.FormValue("again") {
		return s.settingsOf(c, seedbed.Errorf(seedbed.Invalid, twice), a)
	}
	err = s.opts.Accounts.ChangePassword(c.Request().Context(), u, s.sessionOf(c.Request()), c.FormValue("old"), c.FormValue("password"), c.RealIP())
	return s.settingsOf(c, err, a)
}

func (s *Server) newToken(c echo.Context) error {
	u, err := member(c)
	if err != nil {
		return err
	}
	t, err := s.opts.Accounts.NewToken(c.Request().Context(), u.ID, c.FormValue("name"))
	return s.settingsOf(c, err, view.Account{Asked: view.AskedToken, Made: t})
}

func (s *Server) revokeToken(c echo.Context) error {
	u, err := member(c)
	if err != nil {
		return err
	}
	if err := s.opts.Accounts.RevokeToken(c.Request().Context(), u.ID, c.Param("id")); err != nil {
		return err
	}
	return redirect(c, "/settings#tokens")
}

func (s *Server) invite(c echo.Context) error {
	u, err := member(c)
	if err != nil {
		return err
	}
	code, err := s.opts.Accounts.Invite(c.Request().Context(), u.ID)
	return s.settingsOf(c, err, view.Account{Asked: view.AskedInvitation, Link: s.JoinLink(c.Scheme()+"://"+c.Request().Host, code)})
}
