package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// A failedFile is one file of an upload that was not stored.
type failedFile struct {
	Name    string `json:"name"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

type uploaded struct {
	Sources []seedbed.Source `json:"sources"`
	Runs    []seedbed.Run    `json:"runs"`
	Failed  []failedFile     `json:"failed,omitempty"`
}

// upload stores the files of a multipart request, or what stands at the address
// that a JSON request names: 201 when one of them was
// new, 200 when all were here already. Only when none could be stored is the
// answer an error.
func (s *server) upload(c echo.Context) error {
	if namesURL(c) {
		return s.uploadURL(c)
	}
	all, err := Receive(c.Response(), c.Request(), s.lib, s.maxUpload)
	if err != nil {
		return err
	}
	out := uploaded{Sources: []seedbed.Source{}, Runs: []seedbed.Run{}}
	status := http.StatusOK
	var failed error
	for _, r := range all {
		if r.Err != nil {
			if failed == nil {
				failed = r.Err
			}
			f := failedFile{Name: r.Name, Code: seedbed.CodeOf(r.Err), Message: r.Err.Error()}
			if f.Code == seedbed.Internal || f.Code == seedbed.Unavailable {
				fingerprintOf(c.Request().Context()).passing = true
			}
			if f.Code == seedbed.Internal {
				f.Message = "something went wrong on the server while this file was stored"
			}
			out.Failed = append(out.Failed, f)
			continue
		}
		if !r.Existed {
			status = http.StatusCreated
		}
		out.Sources = append(out.Sources, r.Source)
		if r.Run != nil {
			out.Runs = append(out.Runs, *r.Run)
		}
	}
	if len(out.Sources) == 0 {
		return failed
	}
	return c.JSON(status, out)
}

// namesURL reports whether an upload is the address of one.
func namesURL(c echo.Context) bool {
	kind, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	return kind == "application/json"
}

// readUpload reads an upload as upload does, for its fingerprint.
func (s *server) readUpload(c echo.Context) error {
	if namesURL(c) {
		return decode(c, new(address))
	}
	_, err := Receive(c.Response(), c.Request(), nowhere{}, s.maxUpload)
	return err
}

func (s *server) sources(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "collection"); err != nil {
		return err
	}
	list, err := s.lib.Sources(c.Request().Context(), c.QueryParam("collection"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"sources": filled(list)})
}

func (s *server) source(c echo.Context) error {
	src, err := s.lib.Source(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, src)
}

func (s *server) deleteSource(c echo.Context) error {
	if err := s.lib.DeleteSource(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) document(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "format"); err != nil {
		return err
	}
	format := c.QueryParam("format")
	if format != "" && format != "json" && format != "text" {
		return query.Wrong("format", "%q is neither json nor text", format)
	}
	doc, err := s.lib.Document(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	if format == "text" {
		return c.String(http.StatusOK, doc.Text)
	}
	return c.JSON(http.StatusOK, doc)
}

// original sends the bytes that were uploaded, to be saved and never shown:
// what a stranger wrote does not run in this site's name.
func (s *server) original(c echo.Context) error {
	ctx := c.Request().Context()
	src, err := s.lib.Source(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	f, err := s.lib.Original(ctx, src.ID)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	h := c.Response().Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", Attachment(src.Name))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("ETag", `"`+src.SHA256+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, f)
	return nil
}

// pageImage sends a page of a PDF as it looks. The same page of the same source
// never changes.
func (s *server) pageImage(c echo.Context) error {
	page, err := strconv.Atoi(c.Param("page"))
	if err != nil {
		return seedbed.Errorf(seedbed.NotFound, "pages have numbers from 1, and %q is none", c.Param("page"))
	}
	img, err := s.lib.PageImage(c.Request().Context(), c.Param("id"), page)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	return c.Blob(http.StatusOK, http.DetectContentType(img), img)
}

// readOCR has a source without text read again, from the images of its pages.
func (s *server) readOCR(c echo.Context) error {
	if err := s.lib.ReadOCR(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	src, err := s.lib.Source(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, src)
}

// Attachment is the Content-Disposition of a download under a name that a
// stranger may have chosen.
func Attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\`, r) {
			return '_'
		}
		return r
	}, name)
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": name}); d != "" {
		return d
	}
	return "attachment"
}
