package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// Kinds of Error.
const (
	Auth        = "auth"        // the key is wrong or missing
	NotFound    = "not_found"   // no such model, or no such address
	Quota       = "quota"       // nothing left to spend
	Rate        = "rate"        // too many requests; RetryAfter says when to come back
	Unavailable = "unavailable" // the server is down, or the connection broke
	Timeout     = "timeout"     //
	Refusal     = "refusal"     // the model will not answer, or says nothing
	Truncated   = "truncated"   // the reply does not fit in the room there is
	Malformed   = "malformed"   // the reply is not what was asked for; Raw has it
	TooLong     = "too_long"    // the request does not fit
	Invalid     = "invalid"     // the server does not understand the request, or is none
)

// An Error is why there is no reply. Message is for people, with the server's
// own words where it has any, and never holds the key.
type Error struct {
	Kind       string
	Status     int // of HTTP, 0 where there was no response
	Message    string
	RetryAfter time.Duration // what the server asked for, 0 where it did not
	Raw        string        // the model's reply as it came, where there was one
	Usage      extract.Usage // what was spent all the same
	Err        error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// Spent is Usage, for [extract.Metered].
func (e *Error) Spent() extract.Usage { return e.Usage }

// Retryable reports whether the same request may succeed later. The client
// has tried by then; it is the job that comes back.
func (e *Error) Retryable() bool {
	return e.Kind == Rate || e.Kind == Unavailable || e.Kind == Timeout
}

// overloaded reports whether the server refused because it has too much to do.
func (e *Error) overloaded() bool {
	return e.Kind == Rate || e.Status == http.StatusServiceUnavailable || e.Status == 529 // Anthropic's own
}

// Kind is the Kind of the first Error in err's chain, "" without one.
func Kind(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// Overflow reports whether there is no reply because the request, with room
// for its reply, is longer than the model takes: a shorter one may fit.
func Overflow(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == TooLong || e.Kind == Truncated && Overflow(e.Err))
}

// spend adds what earlier attempts cost to an error.
func spend(err error, u extract.Usage) error {
	if e, ok := errors.AsType[*Error](err); ok {
		with := *e
		with.Usage = plus(e.Usage, u)
		return &with
	}
	return err
}

// complaint is what a server says is wrong, in the shapes servers use.
type complaint struct {
	words string // Message, or the best there is
	code  string // code and type, in lower case
	param string
	inner int    // an HTTP status inside the body, 0 without one
	all   string // everything, in lower case, to look for words in
}

func readComplaint(body []byte) complaint {
	c := complaint{all: strings.ToLower(clip(string(body), 8<<10))}
	var top map[string]json.RawMessage
	if json.Unmarshal(body, &top) != nil {
		c.words = string(body)
		if _, title, ok := strings.Cut(c.words, "<title>"); ok {
			c.words, _, _ = strings.Cut(title, "</title>")
		}
		return c
	}
	at := top
	var inner map[string]json.RawMessage
	if json.Unmarshal(top["error"], &inner) == nil && inner != nil {
		at = inner
	}
	c.words = firstText(at["message"], top["error"], top["message"], top["detail"])
	if c.words == "" {
		c.words = string(body)
	}
	c.code = strings.ToLower(firstText(at["code"]) + " " + firstText(at["type"]))
	c.param = firstText(at["param"])
	c.inner, _ = strconv.Atoi(strings.TrimSpace(firstText(at["code"])))
	return c
}

// firstText is the first of some JSON values that says something: a string's
// words, or any other value as it is written.
func firstText(values ...json.RawMessage) string {
	for _, v := range values {
		var s string
		if json.Unmarshal(v, &s) == nil {
			if s != "" {
				return s
			}
			continue
		}
		if len(v) > 0 && string(v) != "null" && string(v) != "{}" {
			return string(v)
		}
	}
	return ""
}

func (c complaint) has(words ...string) bool {
	for _, w := range words {
		if strings.Contains(c.all, w) {
			return true
		}
	}
	return false
}

func (c complaint) tooLong() bool {
	return c.has("context_length_exceeded", "exceed_context_size", "context length", "context size",
		"context window", "maximum context", "too many tokens", "prompt is too long", "input is too long",
		"context the overflows", "reduce the length of")
}

func (c complaint) broke() bool {
	return c.has("insufficient_quota", "exceeded your current quota", "billing_hard_limit", "insufficient credits",
		"insufficient balance", "insufficient_balance", "credit balance")
}

func (c complaint) filtered() bool {
	return c.has("content_filter", "content_policy", "content management policy", "responsibleaipolicy", "input was flagged")
}

// fault turns an answer that is not a reply into an Error.
func (c *Client) fault(model string, status int, h http.Header, body []byte) *Error {
	said := readComplaint([]byte(c.redact(string(body))))
	e := &Error{Status: status, Err: said}
	// Some servers wrap another's failure in a 200 or a 400.
	if said.inner >= 400 && said.inner < 600 && (status == http.StatusOK || status == http.StatusBadRequest) {
		status = said.inner
	}
	var what string
	switch {
	case said.broke() || status == http.StatusPaymentRequired:
		e.Kind, what = Quota, "nothing is left to spend at "+c.host
	case said.filtered():
		e.Kind, what = Refusal, c.host+" will not pass this request on to "+model
	case status == http.StatusTooManyRequests:
		e.Kind, what = Rate, c.host+" asks for fewer requests"
		e.RetryAfter = retryAfter(h, c.opts.Now())
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Kind, what = Auth, c.host+" does not accept the key"
		if c.opts.Key == "" {
			what = c.host + " asks for a key"
		}
	case said.tooLong() || status == http.StatusRequestEntityTooLarge:
		e.Kind, what = TooLong, "the request is longer than "+model+" takes"
	case status == http.StatusNotFound:
		e.Kind, what = NotFound, fmt.Sprintf("%s has no model %q, or its base URL is another", c.host, model)
		if model == "" {
			what = c.host + " has no list of models there: does the base URL end in /v1?"
		}
	case status == http.StatusRequestTimeout:
		e.Kind, what = Timeout, c.host+" gave up"
	case status == http.StatusNotImplemented:
		e.Kind, what = Invalid, c.host+" cannot do this"
	case status >= 500 || status == http.StatusOK || status == http.StatusConflict || status == http.StatusTooEarly:
		e.Kind, what = Unavailable, c.host+" fails"
		e.RetryAfter = retryAfter(h, c.opts.Now())
	case status >= 300 && status < 400:
		e.Kind, what = Invalid, c.host+" redirects: is the URL right?"
		if to := h.Get("Location"); to != "" {
			what = c.host + " redirects to " + clip(clean(to), 200) + ": use that address"
		}
	default:
		e.Kind, what = Invalid, c.host+" does not understand the request"
	}
	e.Message = fmt.Sprintf("%s (%d)", c.redact(what), status)
	if words := c.redact(clip(clean(said.words), 300)); words != "" {
		e.Message += ": " + words
	}
	return e
}

// Error lets a complaint travel in an Error, for whoever adapts to it.
func (c complaint) Error() string { return clip(clean(c.words), 300) }

// retryAfter reads how long a server asks to be left alone.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get("Retry-After-Ms")), 64); err == nil && ms > 0 {
		return seconds(ms / 1000)
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return seconds(s)
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// seconds is s as a duration, a year at most.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, 365*24*3600) * float64(time.Second))
}

// redact takes the key out of a text.
func (c *Client) redact(s string) string {
	if len(c.opts.Key) < 4 { // no secret, and too likely to be part of a word
		return s
	}
	return strings.ReplaceAll(s, c.opts.Key, "[key]")
}

// clean makes one line of printable text.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// clip shortens s to about n bytes, at a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
