package api

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// export streams seeds as a download. Once bytes have gone out an error can
// only be shown by breaking off, so that nobody takes a part for the whole.
func (s *server) export(c echo.Context) error {
	o, f, format, err := s.readExport(c)
	if err != nil {
		return err
	}
	name, mediaType := format.File(o)
	w := c.Response()
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Disposition", Attachment(name))
	w.Header().Set("Cache-Control", "no-store")
	out := bufio.NewWriterSize(w, 64<<10)
	// Hidden in a struct, the buffer is not taken for the exporter's own by
	// bufio, and flushed early.
	_, err = s.exporter.Export(c.Request().Context(), struct{ io.Writer }{out}, o, f)
	if err == nil {
		err = out.Flush()
	}
	if err != nil && w.Committed {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
		return err
	}
	if !w.Committed { // no seeds at all: an empty file
		w.WriteHeader(http.StatusOK)
	}
	return nil
}

// exportManifest tells what an export holds, by writing it to nowhere: the
// same parameters name the same bytes until a seed changes.
func (s *server) exportManifest(c echo.Context) error {
	o, f, _, err := s.readExport(c)
	if err != nil {
		return err
	}
	m, err := s.exporter.Export(c.Request().Context(), io.Discard, o, f)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSONPretty(http.StatusOK, m, "  ")
}

func (s *server) readExport(c echo.Context) (o seedbed.ExportOptions, f seedbed.Filter, format seedbed.Format, err error) {
	if f, err = query.Filter(c.QueryParams(), query.ExportNames...); err != nil {
		return o, f, format, err
	}
	if o, err = query.Export(c.QueryParams()); err != nil {
		return o, f, format, err
	}
	format, err = Format(s.exporter.Formats(), o.Format)
	o.Format = format.Name
	return o, f, format, err
}

// Format finds a format by its name; "" is the first.
func Format(formats []seedbed.Format, name string) (seedbed.Format, error) {
	i := slices.IndexFunc(formats, func(f seedbed.Format) bool { return f.Name == name })
	if name == "" && len(formats) > 0 {
		i = 0
	}
	if i < 0 {
		var names []string
		for _, f := range formats {
			names = append(names, f.Name)
		}
		return seedbed.Format{}, query.Wrong("format", "%q is none of %s", name, strings.Join(names, ", "))
	}
	return formats[i], nil
}
