package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"seedbed/extract"
	"seedbed/internal/auth"
	"seedbed/internal/blob"
	"seedbed/internal/export"
	"seedbed/internal/fetch"
	"seedbed/internal/heap"
	"seedbed/internal/jobs"
	"seedbed/internal/sandbox"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/web"
)

type serveCmd struct {
	Addr      string        `help:"Where to listen; on other addresses than this computer's an account is needed." default:"127.0.0.1:7333" env:"SEEDBED_ADDR"`
	Data      string        `help:"The data folder." default:"${data}" env:"SEEDBED_DATA" type:"path"`
	NoWorker  bool          `help:"Serve pages only and leave the work to another process."`
	MaxUpload string        `help:"The largest upload taken at once." default:"2GiB" env:"SEEDBED_MAX_UPLOAD"`
	PublicURL string        `name:"public-url" help:"Where people reach the server, if not where it listens." env:"SEEDBED_PUBLIC_URL"`
	Reconcile time.Duration `help:"How often the search index is compared with the database." default:"15m" env:"SEEDBED_RECONCILE"`
	workFlags
}

// workFlags say how jobs are worked off, and name a model server.
type workFlags struct {
	localURLs
	Execute     bool   `help:"Run code, the model's too, to check it: in a sandbox without network, made with bubblewrap." env:"SEEDBED_EXECUTE"`
	URL         string `name:"url" help:"A model server's base URL, ending in /v1." env:"SEEDBED_LLM_URL"`
	Key         string `hidden:"" env:"SEEDBED_LLM_KEY"`
	Model       string `help:"The model's name at its server." env:"SEEDBED_LLM_MODEL"`
	Concurrency int    `help:"Calls to the model at once, of all processes on one database together." default:"4" env:"SEEDBED_LLM_CONCURRENCY"`
	modelLimits

	// All processes on one database have to have the same.
	Beat time.Duration `hidden:"" help:"How often a process says that it lives; the jobs of one that has not for three beats are given to others." default:"10s" env:"SEEDBED_BEAT"`
}

// options are what a service is to know of the flags, whether it works or not.
func (m workFlags) options() jobs.Options {
	o := jobs.Options{Beat: m.Beat}
	if m.URL != "" {
		o.Env = &seedbed.Endpoint{
			URL: m.URL, Key: m.Key, Model: m.Model, Concurrency: m.Concurrency,
			RPM: m.RPM, TPM: m.TPM, PriceIn: m.PriceIn, PriceOut: m.PriceOut,
		}
	}
	return o
}

// modelLimits are what a model server may be asked for, and what it costs.
type modelLimits struct {
	RPM      int     `name:"rpm" help:"Calls to the model in a minute, at most."`
	TPM      int     `name:"tpm" help:"Tokens to and from the model in a minute, at most."`
	PriceIn  float64 `help:"What a million prompt tokens cost."`
	PriceOut float64 `help:"What a million reply tokens cost."`
}

func (c serveCmd) Run(ctx context.Context, s *streams) (err error) {
	maxUpload, err := humanize.ParseBytes(c.MaxUpload)
	if err != nil || maxUpload > math.MaxInt64 {
		return misuse("--max-upload %q: give a size such as 500MB or 2GiB", c.MaxUpload)
	}
	listener, local, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()

	options := c.options()
	options.Reconcile = c.Reconcile
	o, err := open(ctx, c.Data, s.log, options)
	if err != nil {
		return err
	}
	o.fetching = c.fetching()
	defer func() { err = errors.Join(err, o.close()) }()
	if c.NoWorker {
		defer o.service.Follow(ctx)()
	} else {
		if err := o.work(ctx, c.workFlags, s.log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop(o.service)) }()
	}
	accounts := auth.New(o.db, s.log, o.db.Now)
	server := web.New(s.log, web.Options{
		Library:   o.service,
		Seeds:     o.service,
		Exporter:  o.exporter,
		Accounts:  accounts,
		MaxUpload: int64(maxUpload),
		PublicURL: c.PublicURL,
		Version:   version(),
		Sandbox:   o.sandbox,
		LocalOnly: local,
		Ready:     o.db.Ready,
		Totals:    o.service.Totals,
	})
	address, everywhere := reach(listener.Addr())
	_, _ = fmt.Fprintf(s.err, "Seedbed is at %s/  (data in %s)\n", address, c.Data)
	if everywhere {
		_, _ = fmt.Fprintln(s.err, "From another computer, put this one's name in place of 127.0.0.1")
	}
	if err := c.begin(ctx, s.err, server, accounts, address); err != nil {
		return err
	}
	return server.Serve(ctx, listener)
}

// begin says what others than the people at this computer need to know before
// they can come in, and prints the link that makes the first account.
func (c serveCmd) begin(ctx context.Context, w io.Writer, server *web.Server, accounts *auth.Accounts, address string) error {
	if server.Open() {
		return nil
	}
	if !strings.HasPrefix(c.PublicURL, "https://") {
		_, _ = fmt.Fprintln(w, "Passwords can be read on the way to it: on a network that is not yours, put a proxy with TLS in front and name it with --public-url")
	}
	any, err := accounts.Any(ctx)
	if any || err != nil {
		return err
	}
	code, err := accounts.Invite(ctx, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `There is no account yet, and it answers nobody until one is made: open this link, once, within a day.

    %s

Or run: seedbed user add NAME
`, server.JoinLink(address, code))
	return err
}

// reach is where this computer reaches the server. It has no name of its own
// where it listens on every address.
func reach(addr net.Addr) (address string, everywhere bool) {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", tcp.Port), true
	}
	return "http://" + addr.String(), false
}

// listen listens, and reports whether only this computer can reach it.
func listen(ctx context.Context, addr string) (l net.Listener, local bool, err error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, false, misuse("--addr %q: give a host and a port, such as 127.0.0.1:7333", addr)
	}
	l, err = new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, false, fmt.Errorf("%w: is another seedbed running? Choose another port with --addr", err)
	}
	tcp, ok := l.Addr().(*net.TCPAddr)
	return l, ok && tcp.IP.IsLoopback(), nil
}

func stop(service *jobs.Service) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return service.Stop(ctx)
}

// opened is a data folder in use, with the database and the index that the
// environment names or that are in it.
type opened struct {
	db       *store.DB
	index    search.Index
	service  *jobs.Service
	exporter *export.Exporter
	reader   sandbox.Options
	fetching fetch.Options
	sandbox  string // what code is run with, in words

	settling sync.WaitGroup
	unsettle context.CancelFunc // nil where nothing settles
}

// dataThere is the data folder of commands that work with what is there.
type dataThere struct {
	Data string `help:"The data folder." default:"${data}" env:"SEEDBED_DATA" type:"path"`
}

// Validate refuses a folder that is not there, unless the database is elsewhere.
func (d dataThere) Validate() error {
	if info, err := os.Stat(d.Data); os.Getenv("SEEDBED_DATABASE_URL") == "" && (err != nil || !info.IsDir()) {
		return fmt.Errorf("--data: there is no folder %s: name the one that a server made", d.Data)
	}
	return nil
}

// pageWidth is how wide pages are drawn, in pixels: sharp in a column of text.
const pageWidth = 1100

// open opens, or makes, the data folder. Options are those of its service that
// flags say.
func open(ctx context.Context, data string, log *slog.Logger, options jobs.Options) (*opened, error) {
	heap.Keep(ctx)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	blobs, err := openBlobs(ctx, data)
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, data)
	if err != nil {
		return nil, err
	}
	index, err := openIndex(ctx, data, db, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	o := &opened{db: db, index: index, reader: sandbox.Options{CacheDir: cacheFolder(), Pool: &sandbox.Pool{}}}
	options.DB, options.Blobs, options.Index, options.Log = db, blobs, index, log
	options.Read = func(ctx context.Context, path, name string, how seedbed.Reading) (*extract.Document, error) {
		return readAs(ctx, o.reader, path, name, how)
	}
	options.Draw = func(ctx context.Context, path, name string, page int) ([]byte, error) {
		return sandbox.Draw(ctx, o.reader, path, name, page, pageWidth)
	}
	options.Pictures = filepath.Join(data, "pages")
	options.Benchmarks = func(name string) (fs.File, error) {
		return os.OpenInRoot(filepath.Join(data, "benchmarks"), name)
	}
	options.Fetch = func(ctx context.Context, address, dir string) (path, name string, err error) {
		got, err := sandbox.Fetch(ctx, o.reader, o.fetching, address, dir)
		return got.Path, got.Name, err
	}
	if o.service, err = jobs.New(ctx, options); err != nil {
		return nil, errors.Join(err, o.close())
	}
	o.exporter = &export.Exporter{Seeds: o.service, Program: "seedbed " + version()}
	return o, nil
}

// openBlobs opens the bucket that the environment names, or else the folder.
func openBlobs(ctx context.Context, data string) (blob.Store, error) {
	if url := os.Getenv("SEEDBED_BLOB_URL"); url != "" {
		store, err := blob.OpenS3(ctx, blob.S3Options{URL: url, Incoming: filepath.Join(data, "incoming")})
		if err != nil {
			return nil, fmt.Errorf("SEEDBED_BLOB_URL: %w", err)
		}
		return store, nil
	}
	folder, err := blob.Folder(filepath.Join(data, "blobs"))
	if err != nil {
		return nil, err
	}
	return folder, nil
}

// openIndex opens that of a Meilisearch server when there is one, which may be
// away now; else that in the database, or, for SQLite, in the data folder.
func openIndex(ctx context.Context, data string, db *store.DB, log *slog.Logger) (search.Index, error) {
	if url := os.Getenv("SEEDBED_MEILI_URL"); url != "" {
		index, err := search.OpenMeili(search.MeiliOptions{URL: url, Key: os.Getenv("SEEDBED_MEILI_KEY"), Log: log})
		if err != nil {
			return nil, fmt.Errorf("SEEDBED_MEILI_URL: %w", err)
		}
		return index, nil
	}
	if db.Pool() != nil {
		index, err := search.OpenPostgres(ctx, db.Writer())
		if err != nil {
			return nil, err
		}
		return index, nil
	}
	index, err := search.Open(filepath.Join(data, "index.db"), search.Options{Log: log})
	if err != nil {
		return nil, err
	}
	return index, nil
}

func (o *opened) close() error {
	if o.unsettle != nil {
		o.unsettle()
		o.settling.Wait()
	}
	o.reader.Pool.Close()
	return errors.Join(o.index.Close(), o.db.Close())
}

// work begins to work off jobs.
func (o *opened) work(ctx context.Context, f workFlags, log *slog.Logger) error {
	o.fetching = f.fetching()
	o.service.Runner, o.sandbox = openJail(ctx, f.Execute, log)
	if err := o.service.Start(ctx); err != nil {
		return err
	}
	ctx, o.unsettle = context.WithCancel(ctx)
	o.settling.Go(func() { o.settle(ctx, log) })
	return nil
}

// settle does in the background what the first page need not wait for: it
// compiles the PDF reader, for which the first PDF would wait seconds, and
// gives back the memory that starting took.
func (o *opened) settle(ctx context.Context, log *slog.Logger) {
	if err := sandbox.Warm(ctx, o.reader); err != nil && ctx.Err() == nil {
		log.Warn("the PDF reader could not be prepared; PDFs may fail", "error", err)
	}
	debug.FreeOSMemory()
}
