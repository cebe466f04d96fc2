package web

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/static"
	"seedbed/web/query"
	"seedbed/web/view"
)

// Accounts let people and programs in.
type Accounts interface {
	Any(ctx context.Context) (bool, error)
	Users(ctx context.Context) ([]seedbed.User, error)
	Login(ctx context.Context, name, password, from string) (session string, err error)
	Logout(ctx context.Context, session string) error
	Session(ctx context.Context, session string) (seedbed.User, error)
	Token(ctx context.Context, token string) (seedbed.User, error)
	ChangePassword(ctx context.Context, u seedbed.User, session, old, password, from string) error
	Tokens(ctx context.Context, user string) ([]seedbed.Token, error)
	NewToken(ctx context.Context, user, name string) (seedbed.Token, error)
	RevokeToken(ctx context.Context, user, id string) error
	Invite(ctx context.Context, inviter string) (code string, err error)
	Invited(ctx context.Context, code string) error
	Join(ctx context.Context, code, name, password string) (session string, err error)
}

// public are the routes that answer everybody: what is not named here asks who
// it is, also a route that is added tomorrow.
var public = map[string]bool{
	"/healthz": true, "/readyz": true, static.Prefix + "*": true,
	"/login": true, "/join": true,
}

// admitted lets in who has a session or a token. While there is no account it
// lets in everybody where the server is open, and else nobody. It also refuses
// requests that another site makes a browser send: a browser adds the cookie to
// them, but never a token.
func (s *Server) admitted(next echo.HandlerFunc) echo.HandlerFunc {
	cross := http.NewCrossOriginProtection()
	if u := s.publicURL(); u != nil {
		if err := cross.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			s.log.Warn("the public URL is no origin", "url", s.opts.PublicURL, "err", err)
		}
	}
	return func(c echo.Context) error {
		r := c.Request()
		byToken := false
		// Strangers cannot hold a connection by sending a body without end, nor by
		// never taking what they asked for; those who are let in may take any time.
		conn := http.NewResponseController(c.Response())
		if r.ContentLength != 0 {
			_ = conn.SetReadDeadline(time.Now().Add(s.patience)) // fails only where there is no connection
		}
		_ = conn.SetWriteDeadline(time.Now().Add(4 * s.patience))
		if !public[c.Path()] {
			user, token, err := s.visitor(r)
			if seedbed.CodeOf(err) == seedbed.Unknown && err != nil && isPage(r.URL.Path) && r.URL.Path != "/metrics" {
				if sendsForm(r) && cross.Check(r) == nil {
					return s.loggedOut(c)
				}
				return redirect(c, "/login?"+url.Values{"next": {wanted(r)}}.Encode())
			}
			if err != nil {
				return err
			}
			byToken = token
			c.Set(insideKey, true)
			if r.ContentLength != 0 {
				_ = conn.SetReadDeadline(time.Time{})
			}
			_ = conn.SetWriteDeadline(time.Time{})
			ctx := r.Context()
			if strings.HasSuffix(r.URL.Path, "/events") {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
				go s.watch(r.WithContext(ctx), cancel)
			}
			if user.ID != "" {
				ctx = seedbed.WithUser(ctx, user)
				keep := "private, no-cache"
				if isPage(r.URL.Path) {
					keep = "no-store" // or it is there again by going back after a log-out
				}
				c.Response().Header().Set("Cache-Control", keep)
			}
			c.SetRequest(r.WithContext(ctx))
		}
		if err := cross.Check(r); err != nil && !byToken {
			return echo.NewHTTPError(http.StatusForbidden, "the request comes from another site")
		}
		return next(c)
	}
}

// watch ends an event stream once who listens would not be let in any more: it
// may go on for days after a log-out.
func (s *Server) watch(r *http.Request, end func()) {
	tick := time.NewTicker(s.doubt)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
		_, _, err := s.visitor(r)
		if code := seedbed.CodeOf(err); err != nil && (code == seedbed.Unknown || code == seedbed.SetUp) {
			end()
			return
		}
	}
}

// insideKey is set in the context of requests that were let in.
const insideKey = "inside"

// visitor is who sends a request: nobody, without an error, where everybody is
// let in.
func (s *Server) visitor(r *http.Request) (u seedbed.User, byToken bool, err error) {
	if s.opts.Accounts == nil {
		return seedbed.User{}, false, nil
	}
	token, byToken := bearer(r)
	if session := s.sessionOf(r); byToken {
		u, err = s.opts.Accounts.Token(r.Context(), token)
	} else if session != "" {
		u, err = s.opts.Accounts.Session(r.Context(), session)
	} else {
		err = seedbed.Errorf(seedbed.Unknown, "the request does not say who sends it")
	}
	if err == nil || seedbed.CodeOf(err) != seedbed.Unknown {
		return u, byToken, err
	}
	if begun, missing := s.begun(r); missing != nil || !begun {
		return seedbed.User{}, false, missing
	}
	return seedbed.User{}, false, err
}

// begun reports whether there is an account. Where there has to be one first
// it is an error that there is none.
func (s *Server) begun(r *http.Request) (bool, error) {
	if s.opts.Accounts == nil {
		return false, nil
	}
	any, err := s.opts.Accounts.Any(r.Context())
	if err == nil && !any && (!s.Open() || forwarded(r)) {
		err = seedbed.Errorf(seedbed.SetUp, "nobody has made the first account of this server yet")
	}
	return any, err
}

// Open reports whether the server answers everybody while it has no account:
// only where nobody else can reach it.
func (s *Server) Open() bool {
	u := s.publicURL()
	return s.opts.Accounts == nil || s.opts.LocalOnly && (u == nil || loopback(u.Hostname()))
}

// forwarded reports whether a proxy sends a request for somebody, who may be
// anywhere: some name this computer as the host that they ask.
func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// publicURL is where people reach the server, nil if that was not said.
func (s *Server) publicURL() *url.URL {
	u, err := url.Parse(s.opts.PublicURL)
	if err != nil || u.Host == "" {
		return nil
	}
	return u
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// secured reports whether the browser's connection is encrypted.
func (s *Server) secured(r *http.Request) bool {
	u := s.publicURL()
	return r.TLS != nil || u != nil && u.Scheme == "https"
}

// sessionCookie is the cookie of a session, "" to forget it. How long it lasts
// is for the database to say.
func (s *Server) sessionCookie(r *http.Request, session string) *http.Cookie {
	c := &http.Cookie{Name: "seedbed", Value: session, Path: "/", MaxAge: 400 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if s.secured(r) {
		c.Name, c.Secure = "__Host-seedbed", true
	}
	if session == "" {
		c.MaxAge = -1
	}
	return c
}

// sessionOf is the session of the request's cookie, "" without one.
func (s *Server) sessionOf(r *http.Request) string {
	c, err := r.Cookie(s.sessionCookie(r, "").Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// begin gives the browser its new session, and ends the one it had.
func (s *Server) begin(c echo.Context, session, to string) error {
	if old := s.sessionOf(c.Request()); old != "" {
		if err := s.opts.Accounts.Logout(c.Request().Context(), old); err != nil {
			return err
		}
	}
	c.SetCookie(s.sessionCookie(c.Request(), session))
	return redirect(c, to)
}

// wanted is the page to go to after a login.
func wanted(r *http.Request) string {
	switch {
	case r.Header.Get("HX-Request") == "true":
		if u, err := url.Parse(r.Header.Get("HX-Current-URL")); err == nil {
			return within(u.RequestURI())
		}
		return "/"
	case r.Method == http.MethodGet:
		return within(r.URL.RequestURI())
	}
	return "/"
}

// sendsForm reports whether a request has what somebody typed, which a redirect
// to the login would lose.
func sendsForm(r *http.Request) bool {
	return r.Method == http.MethodPost && r.Header.Get("HX-Request") != "true" && r.URL.Path != "/logout"
}

// loggedOut answers a form whose session is over. The browser keeps what was
// sent, and sends it again when the page is loaded again.
func (s *Server) loggedOut(c echo.Context) error {
	p := s.base("You are logged out", "")
	p.Bare = true
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("WWW-Authenticate", "Bearer")
	return s.show(c, http.StatusUnauthorized, view.LoggedOutPage(p))
}

// within is an address if it is one of a page of this server, else the first
// page: no link to the login leads to another site.
func within(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(to+u.Path, `\`) {
		return "/"
	}
	return u.String()
}

func (s *Server) loginPage(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "next"); err != nil {
		return err
	}
	next := within(c.QueryParam("next"))
	begun, err := s.begun(c.Request())
	if err != nil {
		return err
	}
	if begun {
		_, err = s.opts.Accounts.Session(c.Request().Context(), s.sessionOf(c.Request()))
	}
	switch {
	case err == nil: // also where nobody has to log in
		return redirect(c, next)
	case seedbed.CodeOf(err) != seedbed.Unknown:
		return err
	}
	return s.showLogin(c, http.StatusOK, view.Login{Next: next})
}

func (s *Server) showLogin(c echo.Context, status int, l view.Login) error {
	l.Page = s.base("Log in", "")
	l.Bare = true
	return s.show(c, status, view.LoginPage(l))
}

func (s *Server) login(c echo.Context) error {
	begun, err := s.begun(c.Request())
	if err != nil {
		return err
	}
	next := within(c.FormValue("next"))
	if !begun {
		return redirect(c, next)
	}
	name := c.FormValue("name")
	session, err := s.opts.Accounts.Login(c.Request().Context(), name, c.FormValue("password"), c.RealIP())
	switch seedbed.CodeOf(err) {
	case seedbed.Unknown, seedbed.TooMany:
		a, _, detail := explain(err)
		retryAfter(c, err)
		return s.showLogin(c, a.status, view.Login{Next: next, Name: name, Error: sentence(detail)})
	}
	if err != nil {
		return err
	}
	return s.begin(c, session, next)
}

// retryAfter tells a program how long to wait, where an error says so.
func retryAfter(c echo.Context, err error) {
	var wait seedbed.WaitError
	if errors.As(err, &wait) {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(time.Duration(wait).Seconds()))))
	}
}

func (s *Server) logout(c echo.Context) error {
	if session := s.sessionOf(c.Request()); session != "" && s.opts.Accounts != nil {
		if err := s.opts.Accounts.Logout(c.Request().Context(), session); err != nil {
			return err
		}
		c.SetCookie(s.sessionCookie(c.Request(), ""))
	}
	return redirect(c, "/login")
}

// joinPath is where a link leads that makes an account. The code is no part of
// the path, which the log tells.
func joinPath(code string) string { return "/join?code=" + url.QueryEscape(code) }

// JoinLink is the link of a code, at an address such as http://127.0.0.1:7333
// unless it is known where people reach the server.
func (s *Server) JoinLink(address, code string) string {
	if u := s.publicURL(); u != nil {
		address = u.Scheme + "://" + u.Host
	}
	return address + joinPath(code)
}

func (s *Server) joinPage(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "code"); err != nil {
		return err
	}
	return s.showJoin(c, http.StatusOK, view.Join{Code: c.QueryParam("code")})
}

// showJoin shows the page of a link that still holds.
func (s *Server) showJoin(c echo.Context, status int, j view.Join) error {
	if s.opts.Accounts == nil {
		return echo.ErrNotFound
	}
	ctx := c.Request().Context()
	if err := s.opts.Accounts.Invited(ctx, j.Code); err != nil {
		return err
	}
	any, err := s.opts.Accounts.Any(ctx)
	if err != nil {
		return err
	}
	j.Page = s.base("Make your account", "")
	if j.First = !any; j.First {
		j.Title = "Make the first account"
	}
	j.Bare = true
	c.Response().Header().Set("Cache-Control", "no-store")
	return s.show(c, status, view.JoinPage(j))
}

func (s *Server) join(c echo.Context) error {
	if s.opts.Accounts == nil {
		return echo.ErrNotFound
	}
	j := view.Join{Code: c.FormValue("code"), Name: c.FormValue("name")}
	if c.FormValue("password") != c.FormValue("again") {
		j.Error = twice
		return s.showJoin(c, http.StatusBadRequest, j)
	}
	session, err := s.opts.Accounts.Join(c.Request().Context(), j.Code, j.Name, c.FormValue("password"))
	switch code := seedbed.CodeOf(err); {
	case err == nil:
		return s.begin(c, session, "/")
	case code == seedbed.Invalid || code == seedbed.Conflict:
		a, _, detail := explain(err)
		j.Error = sentence(detail)
		return s.showJoin(c, a.status, j)
	}
	return err
}

const twice = "The two passwords differ: type the same twice."

// sentence is an error's words as a sentence of a page.
func sentence(words string) string {
	first, n := utf8.DecodeRuneInString(words)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(words[n:], ".") + "."
}
