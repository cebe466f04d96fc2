package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/api"
	"seedbed/web/query"
	"seedbed/web/view"
)

// An answer is an error as it is told: a status, a title and what to do.
type answer struct {
	status        int
	title, advice string
}

var answers = map[string]answer{
	seedbed.Invalid:     {http.StatusBadRequest, "That request does not work", "Go back, mend it and send it again."},
	seedbed.NotFound:    {http.StatusNotFound, "There is nothing here", "It may have been deleted, or the address is mistyped."},
	seedbed.Spent:       {http.StatusConflict, "The run has spent what it may", ""},
	seedbed.Conflict:    {http.StatusConflict, "That cannot be done now", "Look at its state, and try again when it has changed."},
	seedbed.Stale:       {http.StatusPreconditionFailed, "Somebody changed it meanwhile", "Load the page again and make your change anew."},
	seedbed.Duplicate:   {http.StatusConflict, "Another seed asks the same", "Change that one, or say that you want both."},
	seedbed.Ungrounded:  {http.StatusUnprocessableEntity, "A quote does not stand in the source", "Quote the source’s own words, or leave the quote out."},
	seedbed.Reused:      {http.StatusUnprocessableEntity, "That key was used before", "Send the request as it was, or with a new key."},
	seedbed.TooLarge:    {http.StatusRequestEntityTooLarge, "That is too large", "Split it, or start the server with a higher SEEDBED_MAX_UPLOAD."},
	seedbed.Unreadable:  {http.StatusUnprocessableEntity, "The file cannot be read", "See whether it opens elsewhere, and save it again."},
	seedbed.NoText:      {http.StatusUnprocessableEntity, "The file has no text", "Run it through text recognition (OCR) first."},
	seedbed.Encrypted:   {http.StatusUnprocessableEntity, "The file asks for a password", "Save a copy without the password."},
	seedbed.Limit:       {http.StatusUnprocessableEntity, "The file needs more than it is given", "Split it into smaller parts."},
	seedbed.Unknown:     {http.StatusUnauthorized, "Log in first", "Load the page again to log in; a program sends a token, as Authorization: Bearer sb_…"},
	seedbed.TooMany:     {http.StatusTooManyRequests, "Too many tries", "Wait as long, and try again."},
	seedbed.SetUp:       {http.StatusForbidden, "Set-up is not finished", "Open the link that the server printed on its terminal when it started, or add an account there with “seedbed user add”."},
	seedbed.Unavailable: {http.StatusServiceUnavailable, "Something needed is not reachable", "Wait a moment and try again."},
	seedbed.Internal:    {http.StatusInternalServerError, "Something went wrong here", "Try again. If it fails again, the server’s log says more."},
}

// explain says which status an error has, and in which words it is told. What
// is not meant for people is not told.
func explain(err error) (a answer, code, detail string) {
	var known *seedbed.Error
	var protocol *echo.HTTPError
	switch {
	case errors.As(err, &known):
		a, ok := answers[known.Code]
		if !ok || known.Code == seedbed.Internal {
			return answers[seedbed.Internal], seedbed.Internal, "The server could not finish this."
		}
		return a, known.Code, known.Message
	case errors.As(err, &protocol):
		a = answer{status: protocol.Code, title: http.StatusText(protocol.Code)}
		detail, _ = protocol.Message.(string)
		switch protocol.Code {
		case http.StatusNotFound:
			return answers[seedbed.NotFound], seedbed.NotFound, "No page has this address."
		case http.StatusMethodNotAllowed:
			detail = "This address does not take such a request."
		case http.StatusForbidden:
			a.title = "Not from there"
			a.advice = "Open the address that the server printed when it started."
		}
		return a, strings.ReplaceAll(strings.ToLower(http.StatusText(protocol.Code)), " ", "_"), detail
	}
	return answers[seedbed.Internal], seedbed.Internal, "The server could not finish this."
}

// A problem is an error of the API, as RFC 9457 has it.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      string `json:"code"`
	Parameter string `json:"parameter,omitempty"`

	DuplicateOf string `json:"duplicate_of,omitempty"` // the seed that asks the same
}

// fail answers a request that ended in an error: with a page, with a notice on
// the page where htmx asked, or with a problem document.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	a, code, detail := explain(err)
	h := c.Response().Header()
	secure(h)
	h.Set("Cache-Control", "no-store")
	retryAfter(c, err)
	if a.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	path := c.Request().URL.Path
	switch {
	case strings.HasPrefix(path, api.Prefix+"/"), path == "/readyz", path == "/metrics":
		p := problem{Type: "about:blank", Title: a.title, Status: a.status, Detail: detail, Code: code}
		var param *query.ParamError
		if errors.As(err, &param) {
			p.Parameter = param.Name
		}
		var same *seedbed.DuplicateError
		if errors.As(err, &same) {
			p.DuplicateOf = same.Seed
			p.Detail += "; \"duplicate\": true keeps both"
		}
		h.Set("Content-Type", "application/problem+json")
		c.Response().WriteHeader(a.status)
		err = json.NewEncoder(c.Response()).Encode(p)
	case c.Request().Header.Get("HX-Request") == "true":
		h.Set("HX-Retarget", "#notice")
		h.Set("HX-Reswap", "innerHTML show:top")
		h.Set("HX-Replace-Url", "false")
		err = s.show(c, a.status, view.Notice(a.title, joined(detail, a.advice)))
	default:
		p := view.Problem{Page: s.base(a.title, ""), Status: a.status, Detail: detail, Advice: a.advice}
		p.Bare = c.Get(insideKey) == nil
		err = s.show(c, a.status, view.ProblemPage(p))
	}
	if err != nil {
		s.log.Debug("could not send an error", "path", path, "err", err)
	}
}

func joined(detail, advice string) string {
	if detail != "" && !strings.HasSuffix(detail, ".") {
		detail += "."
	}
	return strings.TrimSpace(detail + " " + advice)
}

// badForm is the error of a form that cannot be read.
func badForm(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return seedbed.Errorf(seedbed.TooLarge, "the form is larger than %d MiB", large.Limit>>20)
	}
	return seedbed.Errorf(seedbed.Invalid, "the form cannot be read: %w", err)
}
