package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seedbed/static"
	"seedbed/web/api"
)

// isPage reports whether a path is one that people look at: not the API, a
// file, an event stream.
func isPage(path string) bool {
	return !strings.HasPrefix(path, api.Prefix+"/") &&
		!strings.HasPrefix(path, static.Prefix) &&
		!strings.HasSuffix(path, "/events")
}

// guard refuses requests that are addressed to another computer.
func (s *Server) guard(next http.Handler) http.Handler {
	public := ""
	if u := s.publicURL(); u != nil {
		public = u.Host
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.opts.LocalOnly && r.Host != public && !localHost(r) {
			s.fail(echo.NewHTTPError(http.StatusForbidden, fmt.Sprintf("this server answers only on this computer, not as %q", r.Host)), s.echo.NewContext(r, w))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localHost reports whether a request names this computer, and the port that
// it came in on.
func localHost(r *http.Request) bool {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = strings.Trim(r.Host, "[]"), "80"
	}
	if host != "127.0.0.1" && host != "::1" && !strings.EqualFold(host, "localhost") {
		return false
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true // no connection: a handler called directly
	}
	_, bound, err := net.SplitHostPort(addr.String())
	return err != nil || port == bound
}

// policy lets a page load what this server serves, and nothing else.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

func headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		secure(c.Response().Header())
		return next(c)
	}
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// limited bounds the bodies of forms. Uploads and API calls bound their own.
func (s *Server) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodPost && isPage(r.URL.Path) && r.URL.Path != "/sources" {
			r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
			if err := r.ParseForm(); err != nil {
				return badForm(err)
			}
		}
		return next(c)
	}
}

// logged writes a line for each request: errors always, looking around only
// when the log is asked for everything.
func (s *Server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err) // sends the answer, so that its status is known here
		}
		r, w := c.Request(), c.Response()
		args := []any{"method", r.Method, "path", r.URL.Path, "status", w.Status, "bytes", w.Size, "took", time.Since(start).Round(time.Microsecond), "from", c.RealIP()}
		switch {
		case w.Status >= 500:
			s.log.Error("request failed", append(args, "err", err)...)
		case r.Method == http.MethodGet:
			s.log.Debug("request", args...)
		default:
			s.log.Info("request", args...)
		}
		return nil
	}
}

// recovered turns a panic into an error, with its stack in the log. A handler
// that aborts on purpose goes on to do so.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				s.log.Warn("request broken off", "path", c.Request().URL.Path)
				panic(v)
			}
			err = fmt.Errorf("panic: %v", v)
			s.log.Error("panic", "path", c.Request().URL.Path, "err", err, "stack", string(debug.Stack()))
		}()
		return next(c)
	}
}
