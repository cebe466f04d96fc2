package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

type uploader interface {
	Upload(ctx context.Context, u seedbed.Upload) (seedbed.Uploaded, error)
}

// A Received is what became of one file of an upload: stored, or an error.
type Received struct {
	Name string
	seedbed.Uploaded
	Err error
}

// uploadFields may be parts of the form or stand in the query. They choose what
// happens to the files.
var uploadFields = []string{"collection", "recipe", "model", "endpoint", "count", "limit_cost", "limit_tokens", "batch", "run", "ocr", "whole_page"}

// Receive hands each part named "file" of a multipart request to lib as it
// arrives: nothing is held in memory or written twice. A file that fails does
// not stop the others. Receive itself fails when the request makes no sense or
// breaks off; the files before that are stored, and returned.
//
// Where no field stands before the first file, fields may come behind it, and
// the files wait for them on disk: when Receive fails, none of them is stored.
func Receive(w http.ResponseWriter, r *http.Request, lib uploader, limit int64) ([]Received, error) {
	if err := query.Only(r.URL.Query(), uploadFields...); err != nil {
		return nil, err
	}
	if limit > 0 {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, seedbed.Errorf(seedbed.Invalid, "send the files as multipart/form-data, each as a part named file: %w", err)
	}
	print := fingerprintOf(r.Context())
	fields := r.URL.Query()
	var all []Received
	var waiting *waitingRoom
	to := lib
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return waiting.without(all), broken(err)
		}
		if part.FormName() != "file" {
			if err := field(fields, part, len(all) > 0 && waiting == nil); err != nil {
				return waiting.without(all), err
			}
			print.add("field", part.FormName(), fields.Get(part.FormName()))
			continue
		}
		name := part.FileName()
		through, end := print.body(part)
		body := &source{r: through}
		if name == "" {
			// A form sent without choosing a file has one empty part.
			if n, _ := io.Copy(io.Discard, body); n > 0 {
				return waiting.without(all), query.Wrong("file", "a file needs a name: filename=\"…\" in its part")
			}
			continue
		}
		if len(all) == 0 && len(fields) == 0 {
			if waiting, err = newWaitingRoom(); err != nil {
				return nil, err
			}
			defer waiting.close()
			to = waiting
		}
		u, err := Upload(fields)
		if err != nil {
			return waiting.without(all), err
		}
		u.Name, u.Body = name, body
		got := Received{Name: name}
		got.Uploaded, got.Err = to.Upload(r.Context(), u)
		if got.Err != nil { // it may have stopped before the end
			_, _ = io.Copy(io.Discard, body)
		}
		print.add("file", name)
		end()
		all = append(all, got)
		if body.err != nil {
			all[len(all)-1].Err = broken(body.err)
			return waiting.without(all), broken(body.err)
		}
	}
	if len(all) == 0 {
		return nil, query.Wrong("file", "choose at least one file")
	}
	if waiting != nil {
		u, err := Upload(fields)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if all[i].Err == nil {
				all[i].Uploaded, all[i].Err = waiting.leave(r.Context(), lib, u, i, all[i].Name)
			}
		}
	}
	return all, nil
}

// A waitingRoom is a folder in which files wait for the fields behind them.
type waitingRoom struct {
	dir string
	n   int // how many files came
}

func newWaitingRoom() (*waitingRoom, error) {
	dir, err := os.MkdirTemp("", "seedbed-upload-")
	return &waitingRoom{dir: dir}, err
}

func (w *waitingRoom) close() { _ = os.RemoveAll(w.dir) }

// without are the files that are stored when not all of them came.
func (w *waitingRoom) without(all []Received) []Received {
	if w != nil {
		return nil
	}
	return all
}

func (w *waitingRoom) file(i int) string { return filepath.Join(w.dir, strconv.Itoa(i)) }

// Upload has a file wait.
func (w *waitingRoom) Upload(_ context.Context, u seedbed.Upload) (seedbed.Uploaded, error) {
	f, err := os.Create(w.file(w.n))
	w.n++
	if err == nil {
		_, err = io.Copy(f, u.Body)
		err = errors.Join(err, f.Close())
	}
	return seedbed.Uploaded{}, err
}

// leave hands a file to lib.
func (w *waitingRoom) leave(ctx context.Context, lib uploader, u seedbed.Upload, i int, name string) (seedbed.Uploaded, error) {
	f, err := os.Open(w.file(i))
	if err != nil {
		return seedbed.Uploaded{}, err
	}
	defer func() { _ = f.Close() }()
	u.Name, u.Body = name, f
	return lib.Upload(ctx, u)
}

// An address is the request for what stands somewhere on the net.
type address struct {
	URL        string `json:"url"`
	Collection string `json:"collection"`
	Recipe     string `json:"recipe"`
	Model      string `json:"model"`
	Endpoint   string `json:"endpoint"`
	Run        *bool  `json:"run"`
	OCR        bool   `json:"ocr"`
	WholePage  bool   `json:"whole_page"`
}

// uploadURL stores the file or the repository at the address that a JSON
// request names.
func (s *server) uploadURL(c echo.Context) error {
	var a address
	if err := decode(c, &a); err != nil {
		return err
	}
	if a.URL == "" {
		return query.Wrong("url", "give the address of a file or a git repository")
	}
	got, err := s.lib.UploadURL(c.Request().Context(), a.URL, seedbed.Upload{
		Collection: a.Collection,
		NoRun:      a.Run != nil && !*a.Run,
		Reading:    seedbed.Reading{OCR: a.OCR, WholePage: a.WholePage},
		RunOptions: seedbed.RunOptions{Recipe: a.Recipe, Endpoint: a.Endpoint, Model: a.Model},
	})
	if err != nil {
		return err
	}
	out := uploaded{Sources: []seedbed.Source{got.Source}, Runs: []seedbed.Run{}}
	if got.Run != nil {
		out.Runs = append(out.Runs, *got.Run)
	}
	if got.Existed {
		return c.JSON(http.StatusOK, out)
	}
	return c.JSON(http.StatusCreated, out)
}

// field reads one field of the form.
func field(fields url.Values, part *multipart.Part, late bool) error {
	name := part.FormName()
	if !slices.Contains(uploadFields, name) {
		return query.Wrong(name, "there is no such field: files are parts named file")
	}
	value, err := io.ReadAll(io.LimitReader(part, 4096))
	if err != nil {
		return broken(err)
	}
	if late {
		return query.Wrong(name, "send it before the first file like the others: files are taken as they arrive")
	}
	fields.Set(name, string(value))
	return nil
}

// Upload reads the fields of a form that choose how a source is read and what
// a run makes of it.
func Upload(fields url.Values) (seedbed.Upload, error) {
	run, err := query.Bool("run", fields.Get("run"), true)
	if err != nil {
		return seedbed.Upload{}, err
	}
	var how seedbed.Reading
	if how.OCR, err = query.Bool("ocr", fields.Get("ocr"), false); err != nil {
		return seedbed.Upload{}, err
	}
	if how.WholePage, err = query.Bool("whole_page", fields.Get("whole_page"), false); err != nil {
		return seedbed.Upload{}, err
	}
	options, err := RunOptions(fields)
	return seedbed.Upload{
		Collection: fields.Get("collection"),
		NoRun:      !run,
		Reading:    how,
		RunOptions: options,
	}, err
}

// RunOptions reads the fields of a form that choose what a run does.
func RunOptions(fields url.Values) (seedbed.RunOptions, error) {
	o := seedbed.RunOptions{Recipe: fields.Get("recipe"), Endpoint: fields.Get("endpoint"), Model: fields.Get("model"), Batch: fields.Get("batch") == "true"}
	var err error
	if o.Count, err = wholeNumber(fields, "count"); err != nil {
		return o, err
	}
	o.Limits, err = Limits(fields)
	return o, err
}

// Limits reads the fields of a form that say what a run may spend.
func Limits(fields url.Values) (seedbed.Limits, error) {
	var l seedbed.Limits
	var err error
	if l.Tokens, err = wholeNumber(fields, "limit_tokens"); err != nil {
		return l, err
	}
	if v := fields.Get("limit_cost"); v != "" {
		if l.Cost, err = strconv.ParseFloat(v, 64); err != nil || !(l.Cost >= 0 && l.Cost < 1e12) {
			return l, query.Wrong("limit_cost", "%q is no amount: give a number such as 2.50, or nothing", v)
		}
	}
	return l, nil
}

func wholeNumber(fields url.Values, name string) (int, error) {
	v := fields.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, query.Wrong(name, "%q is no whole number from 0 on", v)
	}
	return n, nil
}

// broken says why a request could not be read to its end.
func broken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &seedbed.Error{
			Code:    seedbed.TooLarge,
			Message: fmt.Sprintf("the upload is larger than this server takes (%d MiB)", large.Limit>>20),
			Err:     err,
		}
	}
	return seedbed.Errorf(seedbed.Invalid, "the upload broke off: %w", err)
}

// A source remembers the error that ended a part, other than its end.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
