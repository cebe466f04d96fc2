// Package web owns HTTP: the pages, and around the JSON API of web/api the
// server with its guards, errors and log.
//
// A handler reads its request, asks for one thing and shows one page. What it
// asks is an interface declared here; web knows neither database nor index.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"seedbed/extract"
	"seedbed/extract/measure"
	"seedbed/internal/seedbed"
	"seedbed/static"
	"seedbed/web/api"
	"seedbed/web/view"
)

// A Library keeps sources, runs and model servers.
type Library interface {
	Sources(ctx context.Context, collection string) ([]seedbed.Source, error)
	Source(ctx context.Context, id string) (seedbed.Source, error)
	Document(ctx context.Context, source string) (*extract.Document, error)
	Passages(ctx context.Context, source string) ([]seedbed.RunPassage, error)
	Original(ctx context.Context, source string) (io.ReadSeekCloser, error)
	PageImage(ctx context.Context, source string, page int) ([]byte, error)
	ReadOCR(ctx context.Context, source string) error
	Upload(ctx context.Context, u seedbed.Upload) (seedbed.Uploaded, error)
	UploadURL(ctx context.Context, address string, u seedbed.Upload) (seedbed.Uploaded, error)
	IndexState(ctx context.Context) (seedbed.IndexState, error)
	Once(ctx context.Context, key string, do func() (seedbed.Answer, error)) (a seedbed.Answer, first bool, err error)
	DeleteSource(ctx context.Context, id string) error
	Collections(ctx context.Context) ([]seedbed.Collection, error)
	CollectionNames(ctx context.Context) ([]string, error)
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
	Scorecard(ctx context.Context, run string) (*measure.Card, error)
	Estimate(ctx context.Context, source string, o seedbed.RunOptions) (seedbed.Estimate, error)
	Recipes(ctx context.Context) ([]seedbed.Recipe, error)
	Recipe(ctx context.Context, name string) (seedbed.Recipe, error)
	SaveRecipe(ctx context.Context, name, body string) (seedbed.Recipe, error)
	DeleteRecipe(ctx context.Context, name string) error
	PreviewRecipe(ctx context.Context, o seedbed.PreviewOptions) (seedbed.Preview, error)
	Endpoints(ctx context.Context) ([]seedbed.Endpoint, error)
	SaveEndpoint(ctx context.Context, e seedbed.Endpoint) (seedbed.Endpoint, error)
	DeleteEndpoint(ctx context.Context, id string) error
	EndpointModels(ctx context.Context, id string) ([]string, error)
	ListModels(ctx context.Context, url, key string) ([]string, error)
	TestEndpoint(ctx context.Context, id string) (string, error)
}

// Seeds finds, reads and changes seeds.
type Seeds interface {
	Search(ctx context.Context, f seedbed.Filter) (seedbed.Results, error)
	Seed(ctx context.Context, id string) (extract.Seed, int64, error)
	Similar(ctx context.Context, id string) ([]seedbed.Similar, error)
	UpdateSeed(ctx context.Context, id string, version int64, c seedbed.SeedChange) (extract.Seed, int64, error)
	DeleteSeed(ctx context.Context, id string, version int64) error
	DeleteSeeds(ctx context.Context, ids []string, still seedbed.Filter) (int, error)
	Indexed(ctx context.Context) error
	History(ctx context.Context, id string, before int64) (list []seedbed.Revision, more bool, err error)
	WriteSeed(ctx context.Context, n seedbed.NewSeed) (extract.Seed, int64, error)
}

// An Exporter writes seeds in many formats.
type Exporter interface {
	Export(ctx context.Context, w io.Writer, o seedbed.ExportOptions, f seedbed.Filter) (seedbed.Manifest, error)
	Shares(ctx context.Context, o seedbed.ExportOptions, f seedbed.Filter) ([]seedbed.Share, error)
	Formats() []seedbed.Format
}

// Options are what the server works on. Library, Seeds and Exporter are needed.
type Options struct {
	Library  Library
	Seeds    Seeds
	Exporter Exporter
	Accounts Accounts // nil asks nobody who they are

	MaxUpload int64  // bytes of one upload request; 0 is 2 GiB
	PublicURL string // where people reach the server, if not where it listens
	Version   string // shown at the foot of each page
	Sandbox   string // what code is run with, or why none is

	// LocalOnly refuses requests that are addressed to another host than this
	// computer: a page on the web cannot reach the server through a name that
	// points here. See [Server.Open] for what else depends on it.
	LocalOnly bool

	Ready  func(context.Context) error                   // for /readyz; nil is always ready
	Totals func(context.Context) (seedbed.Totals, error) // for /metrics; nil for none
	Now    func() time.Time                              // nil is time.Now
}

// defaultMaxUpload is what one upload request may hold.
const defaultMaxUpload = 2 << 30

// maxForm is what a form other than an upload may hold, in bytes.
const maxForm = 2 << 20

// A Server answers the requests of browsers and API clients.
type Server struct {
	log      *slog.Logger
	lib      Library
	seeds    Seeds
	exporter Exporter
	opts     Options
	now      func() time.Time
	echo     *echo.Echo
	handler  http.Handler

	patience time.Duration // with the bodies of those who are not let in; they may take four times as long in all
	doubt    time.Duration // between two looks at whether who listens to events is still let in
	stopping chan struct{} // closed when event streams are to end
	stop     func()        // closes it
}

// New makes a server. It serves nothing until it is asked to.
func New(log *slog.Logger, o Options) *Server {
	if o.MaxUpload == 0 {
		o.MaxUpload = defaultMaxUpload
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{log: log, lib: o.Library, seeds: o.Seeds, exporter: o.Exporter, opts: o, now: o.Now, patience: time.Minute, doubt: 5 * time.Second, stopping: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.stopping) })

	e := echo.New()
	e.HideBanner = true
	e.HidePort = true
	// A proxy on this computer may say for whom it asks.
	e.IPExtractor = echo.ExtractIPFromXFFHeader(echo.TrustLinkLocal(false), echo.TrustPrivateNet(false))
	e.HTTPErrorHandler = s.fail
	e.Use(s.logged, s.recovered, headers, s.admitted, s.limited, compressed())
	s.echo = e
	s.routes()
	s.handler = s.guard(e)
	return s
}

func (s *Server) routes() {
	e := s.echo
	e.GET("/", s.library)
	e.GET("/events", s.libraryEvents)
	e.POST("/collections/rename", s.renameCollection)
	e.POST("/collections/delete", s.deleteCollection)
	e.POST("/sources", s.upload)
	e.POST("/sources/url", s.uploadURL)
	e.GET("/sources/:id", s.sourceText)
	e.GET("/sources/:id/passages", s.sourcePassages)
	e.GET("/sources/:id/seeds", s.sourceSeeds)
	e.GET("/sources/:id/runs", s.sourceRuns)
	e.POST("/sources/:id/runs", s.startRun)
	e.POST("/sources/:id/runs/estimate", s.estimateRun)
	e.GET("/sources/:id/pages/:page", s.sourcePage)
	e.POST("/sources/:id/ocr", s.readOCR)
	e.GET("/sources/:id/write", s.newSeed)
	e.POST("/sources/:id/write", s.writeSeed)
	e.POST("/sources/:id/delete", s.deleteSource)

	e.GET("/runs", s.runs)
	e.GET("/runs/:id", s.run)
	e.GET("/runs/:id/events", s.runEvents)
	e.GET("/runs/:id/scorecard", s.scorecard)
	e.POST("/runs/:id/control", s.controlRun)
	e.POST("/runs/:id/retry", s.retryRun)
	e.GET("/runs/:id/calls", s.calls)
	e.GET("/calls/:id", s.call)

	e.GET("/seeds", s.search)
	e.POST("/seeds/bulk", s.changeMany)
	e.GET("/seeds/:id", s.seed)
	e.GET("/seeds/:id/calls", s.seedCalls)
	e.POST("/seeds/:id", s.editSeed)
	e.POST("/seeds/:id/verdict", s.judge)
	e.GET("/seeds/:id/history", s.history)
	e.POST("/seeds/:id/history", s.bringBack)
	e.POST("/seeds/:id/delete", s.deleteSeed)

	e.GET("/export", s.export)

	e.GET("/recipes", func(c echo.Context) error { return redirect(c, "/settings#recipes") })
	e.POST("/recipes", s.saveRecipe)
	e.GET("/recipes/new", s.newRecipe)
	e.POST("/recipes/new/preview", s.previewRecipe)
	e.GET("/recipes/:name", s.recipe)
	e.POST("/recipes/:name", s.saveRecipe)
	e.POST("/recipes/:name/preview", s.previewRecipe)
	e.POST("/recipes/:name/delete", s.deleteRecipe)

	e.GET("/settings", s.settings)
	e.POST("/settings/endpoints", s.saveEndpoint)
	e.POST("/settings/endpoints/models", s.listModels)
	e.POST("/settings/endpoints/:id", s.saveEndpoint)
	e.POST("/settings/endpoints/:id/models", s.listModels)
	e.POST("/settings/endpoints/:id/test", s.testEndpoint)
	e.POST("/settings/endpoints/:id/delete", s.deleteEndpoint)

	e.POST("/settings/password", s.changePassword)
	e.POST("/settings/tokens", s.newToken)
	e.POST("/settings/tokens/:id/delete", s.revokeToken)
	e.POST("/settings/invitations", s.invite)

	e.GET("/login", s.loginPage)
	e.POST("/login", s.login)
	e.POST("/logout", s.logout)
	e.GET("/join", s.joinPage)
	e.POST("/join", s.join)

	e.GET(static.Prefix+"*", echo.WrapHandler(static.Handler()))
	e.GET("/healthz", s.healthy)
	e.GET("/readyz", s.ready)
	if s.opts.Totals != nil {
		e.GET("/metrics", s.metrics)
	}

	api.Mount(e, api.Options{Library: s.lib, Seeds: s.seeds, Exporter: s.exporter, Tokens: s.opts.Accounts, MaxUpload: s.opts.MaxUpload, Stopping: s.stopping})
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Routes are all calls that the server answers.
func (s *Server) Routes() []*echo.Route { return s.echo.Routes() }

// grace is how long requests may go on once the server is to stop.
const grace = 10 * time.Second

// Serve answers what comes in on l until ctx ends, and then lets the requests
// under way finish; event streams end at once. Uploads, exports and streams
// may take any time; what may not is sending a request's header. A server
// serves once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(s.stop)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	until, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := srv.Shutdown(until)
	if errors.Is(err, context.DeadlineExceeded) {
		return srv.Close()
	}
	return err
}

func (s *Server) healthy(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}

func (s *Server) ready(c echo.Context) error {
	if s.opts.Ready != nil {
		if err := s.opts.Ready(c.Request().Context()); err != nil {
			// Only the log says why: it names machines, and anybody may ask.
			return fmt.Errorf("%w: %w", seedbed.Errorf(seedbed.Unavailable, "the database cannot be reached"), err)
		}
	}
	return c.String(http.StatusOK, "ready\n")
}

// base is what every page shows around its content.
func (s *Server) base(title, section string) view.Page {
	return view.Page{Title: title, Section: section, Now: s.now(), Version: s.opts.Version}
}

// show sends a page or a fragment of one.
func (s *Server) show(c echo.Context, status int, page templ.Component) error {
	h := c.Response().Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") != "no-store" {
		h.Set("Cache-Control", "no-cache, private")
	}
	h.Add("Vary", "HX-Request, HX-Request-Type")
	c.Response().WriteHeader(status)
	return page.Render(c.Request().Context(), c.Response())
}

// partial reports whether htmx asks for a fragment of the page only.
func partial(c echo.Context) bool {
	h := c.Request().Header
	return h.Get("HX-Request") == "true" && h.Get("HX-Request-Type") == "partial"
}

// redirect sends a browser to another page after a form; htmx is told to load
// the whole page there.
func redirect(c echo.Context, to string) error {
	if c.Request().Header.Get("HX-Request") == "true" {
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

func compressed() echo.MiddlewareFunc {
	return middleware.GzipWithConfig(middleware.GzipConfig{
		MinLength: 1000,
		Skipper:   func(c echo.Context) bool { return !isPage(c.Request().URL.Path) },
	})
}
