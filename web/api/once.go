package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// keyHeader names a request, so that it can be sent again when its answer was
// lost: the work is done once, and every sending gets the same answer.
const keyHeader = "Idempotency-Key"

const maxKey = 255 // bytes

// once wraps a handler that does work. read reads the body as the handler
// does, and does nothing.
func (s *server) once(do, read echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		keys := c.Request().Header.Values(keyHeader)
		if len(keys) == 0 {
			return do(c)
		}
		key := keys[0]
		if len(keys) > 1 || key == "" || len(key) > maxKey {
			return query.Wrong(keyHeader, "send one key of at most %d bytes", maxKey)
		}
		print := &fingerprint{hash: sha256.New()}
		print.add(c.QueryString())
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), printed{}, print)))
		// Keys are an account's own: two people may choose the same.
		name := seedbed.UserOf(c.Request().Context()).ID + c.Path() + "\n" + key
		answer, first, err := s.lib.Once(c.Request().Context(), name, func() (seedbed.Answer, error) {
			kept := &recorder{ResponseWriter: c.Response().Writer, status: http.StatusOK}
			c.Response().Writer = kept
			err := do(c)
			c.Response().Writer = kept.ResponseWriter
			c.Response().Committed = false
			return seedbed.Answer{Print: print.sum(), Status: kept.status, Location: kept.Header().Get("Location"), Body: kept.body.Bytes(), Passing: print.passing}, err
		})
		if err != nil {
			return err
		}
		if !first {
			if err := read(c); err != nil {
				return err
			}
			if print.sum() != answer.Print {
				return seedbed.Errorf(seedbed.Reused, "the %s %.40q was sent before with another request: choose a new one", keyHeader, key)
			}
		}
		h := c.Response().Header()
		if answer.Location != "" {
			h.Set("Location", answer.Location)
		}
		h.Set("Content-Type", echo.MIMEApplicationJSON)
		h.Set("Content-Length", strconv.Itoa(len(answer.Body)))
		c.Response().WriteHeader(answer.Status)
		_, err = c.Response().Write(answer.Body)
		return err
	}
}

// A recorder keeps an answer instead of sending it.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int)            { r.status = status }
func (r *recorder) Write(p []byte) (int, error)       { return r.body.Write(p) }
func (r *recorder) WriteString(s string) (int, error) { return r.body.WriteString(s) }

// A fingerprint tells requests apart by what they say, not by how it is
// written: the boundaries of a form are new each time it is sent.
type fingerprint struct {
	hash    hash.Hash
	passing bool // the request may be answered otherwise another time
}

type printed struct{}

// fingerprintOf is that of a request which has a key, else one that counts for
// nothing.
func fingerprintOf(ctx context.Context) *fingerprint {
	if p, ok := ctx.Value(printed{}).(*fingerprint); ok {
		return p
	}
	return &fingerprint{}
}

// add takes in some words, each told apart from the next.
func (p *fingerprint) add(words ...string) {
	for _, w := range words {
		if p.hash != nil {
			_, _ = io.WriteString(p.hash, strconv.Itoa(len(w))+":"+w)
		}
	}
}

// json takes in a value that was decoded.
func (p *fingerprint) json(v any) error {
	if p.hash == nil {
		return nil
	}
	said, err := json.Marshal(v)
	p.add(string(said))
	return err
}

// body takes in what is read through it, up to the end that close marks.
func (p *fingerprint) body(r io.Reader) (through io.Reader, end func()) {
	if p.hash == nil {
		return r, func() {}
	}
	h := sha256.New()
	return io.TeeReader(r, h), func() { p.add(string(h.Sum(nil))) }
}

func (p *fingerprint) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// nowhere takes uploads and keeps nothing.
type nowhere struct{}

func (nowhere) Upload(_ context.Context, u seedbed.Upload) (seedbed.Uploaded, error) {
	_, err := io.Copy(io.Discard, u.Body)
	return seedbed.Uploaded{}, err
}
