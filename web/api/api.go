// Package api is the JSON API below /api/v1. Its handlers return errors; the
// web package around it turns them into problem documents.
package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// A Library keeps sources and runs.
type Library interface {
	uploader
	UploadURL(ctx context.Context, address string, u seedbed.Upload) (seedbed.Uploaded, error)
	Once(ctx context.Context, key string, do func() (seedbed.Answer, error)) (a seedbed.Answer, first bool, err error)
	Sources(ctx context.Context, collection string) ([]seedbed.Source, error)
	Source(ctx context.Context, id string) (seedbed.Source, error)
	Document(ctx context.Context, source string) (*extract.Document, error)
	Original(ctx context.Context, source string) (io.ReadSeekCloser, error)
	PageImage(ctx context.Context, source string, page int) ([]byte, error)
	ReadOCR(ctx context.Context, source string) error
	DeleteSource(ctx context.Context, id string) error
	Collections(ctx context.Context) ([]seedbed.Collection, error)
	AddCollection(ctx context.Context, name string) (c seedbed.Collection, added bool, err error)
	RenameCollection(ctx context.Context, name, to string) (seedbed.Collection, error)
	DeleteCollection(ctx context.Context, name string) error
	StartRun(ctx context.Context, source string, o seedbed.RunOptions) (seedbed.Run, error)
	Runs(ctx context.Context, source string) ([]seedbed.Run, error)
	Run(ctx context.Context, id string) (seedbed.Run, error)
	Failures(ctx context.Context, run string) ([]seedbed.RunPassage, error)
	Calls(ctx context.Context, run string, ordinal int) ([]seedbed.Call, error)
	SeedCalls(ctx context.Context, seed string) ([]seedbed.Call, error)
	Call(ctx context.Context, id string) (seedbed.Call, error)
	Pause(ctx context.Context, run string) error
	Resume(ctx context.Context, run string) error
	Cancel(ctx context.Context, run string) error
	Retry(ctx context.Context, run, code string) (int, error)
	Watch(ctx context.Context, run string) <-chan struct{}
	LimitRun(ctx context.Context, run string, l seedbed.Limits) error
	Ledger(ctx context.Context, run string) ([]extract.Entry, error)
	Estimate(ctx context.Context, source string, o seedbed.RunOptions) (seedbed.Estimate, error)
	Recipes(ctx context.Context) ([]seedbed.Recipe, error)
	Recipe(ctx context.Context, name string) (seedbed.Recipe, error)
	SaveRecipe(ctx context.Context, name, body string) (seedbed.Recipe, error)
	DeleteRecipe(ctx context.Context, name string) error
	PreviewRecipe(ctx context.Context, o seedbed.PreviewOptions) (seedbed.Preview, error)
	Endpoints(ctx context.Context) ([]seedbed.Endpoint, error)
}

// Seeds finds, reads and changes seeds.
type Seeds interface {
	Search(ctx context.Context, f seedbed.Filter) (seedbed.Results, error)
	Seed(ctx context.Context, id string) (extract.Seed, int64, error)
	Similar(ctx context.Context, id string) ([]seedbed.Similar, error)
	UpdateSeed(ctx context.Context, id string, version int64, c seedbed.SeedChange) (extract.Seed, int64, error)
	DeleteSeed(ctx context.Context, id string, version int64) error
	DeleteSeeds(ctx context.Context, ids []string, still seedbed.Filter) (int, error)
	History(ctx context.Context, id string, before int64) (list []seedbed.Revision, more bool, err error)
	WriteSeed(ctx context.Context, n seedbed.NewSeed) (extract.Seed, int64, error)
}

// An Exporter writes seeds in many formats.
type Exporter interface {
	Export(ctx context.Context, w io.Writer, o seedbed.ExportOptions, f seedbed.Filter) (seedbed.Manifest, error)
	Formats() []seedbed.Format
}

// Options are what the API works on.
type Options struct {
	Library   Library
	Seeds     Seeds
	Exporter  Exporter
	Tokens    Tokens // needed where requests have a user
	MaxUpload int64  // bytes of one upload request

	Stopping <-chan struct{} // closed when event streams are to end; nil is never
}

// maxBody is the most that a JSON body may hold.
const maxBody = 1 << 20

//go:embed openapi.json
var openAPI []byte

type server struct {
	lib       Library
	seeds     Seeds
	exporter  Exporter
	tokens    Tokens
	maxUpload int64
	stopping  <-chan struct{}
}

// Mount adds the API's routes to e.
func Mount(e *echo.Echo, o Options) {
	s := &server{lib: o.Library, seeds: o.Seeds, exporter: o.Exporter, tokens: o.Tokens, maxUpload: o.MaxUpload, stopping: o.Stopping}
	g := e.Group(Prefix)
	g.GET("/openapi.json", s.openAPI)

	g.GET("/sources", s.sources)
	g.POST("/sources", s.once(s.upload, s.readUpload))
	g.GET("/sources/:id", s.source)
	g.DELETE("/sources/:id", s.deleteSource)
	g.GET("/sources/:id/document", s.document)
	g.GET("/sources/:id/original", s.original)
	g.GET("/sources/:id/pages/:page/image", s.pageImage)
	g.POST("/sources/:id/ocr", s.readOCR)

	g.GET("/collections", s.collections)
	g.POST("/collections", s.addCollection)
	g.PATCH("/collections/:name", s.renameCollection)
	g.DELETE("/collections/:name", s.deleteCollection)

	g.GET("/runs", s.runs)
	g.POST("/runs", s.once(s.startRun, s.readWanted))
	g.GET("/runs/:id", s.run)
	g.POST("/runs/:id/pause", s.command(s.lib.Pause))
	g.POST("/runs/:id/resume", s.command(s.lib.Resume))
	g.POST("/runs/:id/cancel", s.command(s.lib.Cancel))
	g.POST("/runs/:id/retry", s.retry)
	g.GET("/runs/:id/failures", s.failures)
	g.GET("/runs/:id/calls", s.runCalls)
	g.GET("/runs/:id/events", s.events)
	g.GET("/calls/:id", s.call)

	g.GET("/seeds", s.search)
	g.POST("/seeds", s.once(s.writeSeed, s.readNewSeed))
	g.GET("/seeds/:id", s.seed)
	g.GET("/seeds/:id/calls", s.seedCalls)
	g.GET("/seeds/:id/similar", s.similar)
	g.GET("/seeds/:id/history", s.history)
	g.PATCH("/seeds/:id", s.patchSeed)
	g.DELETE("/seeds/:id", s.deleteSeed)
	g.POST("/seeds/bulk", s.bulk)
	g.GET("/export", s.export)
	g.GET("/export/manifest", s.exportManifest)

	g.POST("/runs/estimate", s.estimate)
	g.PUT("/runs/:id/limits", s.limit)
	g.GET("/runs/:id/ledger", s.ledger)

	g.GET("/recipes", s.recipes)
	g.POST("/recipes", s.addRecipe)
	g.POST("/recipes/preview", s.previewRecipe)
	g.GET("/recipes/:name", s.recipe)
	g.PUT("/recipes/:name", s.saveRecipe)
	g.DELETE("/recipes/:name", s.deleteRecipe)
	g.GET("/models", s.models)

	g.GET("/tokens", s.listTokens)
	g.POST("/tokens", s.newToken)
	g.DELETE("/tokens/:id", s.revokeToken)
}

func (s *server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, openAPI)
}

// models lists the connected model servers. An Endpoint never encodes its key.
func (s *server) models(c echo.Context) error {
	if err := query.Only(c.QueryParams()); err != nil {
		return err
	}
	list, err := s.lib.Endpoints(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"models": filled(list)})
}

// filled is list, and an empty list where it is nil: JSON clients loop over it.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// decode reads the JSON body into v. Unknown fields are errors.
func decode(c echo.Context, v any) error {
	body := http.MaxBytesReader(c.Response(), c.Request().Body, maxBody)
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return fingerprintOf(c.Request().Context()).json(v)
		}
		if err == nil {
			err = errors.New("something follows the JSON value")
		}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return seedbed.Errorf(seedbed.TooLarge, "the request body is larger than %d bytes", large.Limit)
	}
	if errors.Is(err, io.EOF) {
		return seedbed.Errorf(seedbed.Invalid, "the request has no JSON body")
	}
	return seedbed.Errorf(seedbed.Invalid, "read the JSON body: %w", err)
}
