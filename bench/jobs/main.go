// Command jobs measures what work costs beside the work itself, on SQLite and
// on PostgreSQL: how many jobs that do nothing end in a second, how long the
// bookkeeping of a passage takes, how much faster a run is with two workers
// and with four, and what memory and disk a run of many passages needs.
//
//	go build -o /tmp/seedbed ./cmd/seedbed && go run ./bench/jobs /tmp/seedbed
//
// Each row ends with its ratio to the bar; more than 1 misses it. PostgreSQL
// is a server of its own on a socket, without fsync, unless -postgres names
// one: databases are made there, and dropped again.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/read/markdown"
	"seedbed/internal/blob"
	"seedbed/internal/heap"
	"seedbed/internal/jobs"
	"seedbed/internal/queue"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// The bars that figures are held to.
const (
	barSQLite   = 1500.0 // jobs a second
	barPostgres = 5000.0
	barBooks    = 5 * time.Millisecond // 95 of 100 passages
	barPlaces   = 14.0                 // of sixteen at the model
	barTwo      = 0.55                 // of the time of one worker
	barFour     = 0.30
	barMemory   = 150.0 // megabytes
	barLinear   = 1.25  // what the last tenth of a run adds to the database, of what an average tenth does
)

type bench struct {
	binary   string
	engines  []string
	address  string // of PostgreSQL, "" for a server of its own
	model    string // address, "" for one served here
	passages int
	server   *storetest.Server
}

func main() {
	var b bench
	flag.StringVar(&b.address, "postgres", "", "`address` of a PostgreSQL server to make databases on, as postgres://user:password@host:5432/postgres")
	flag.IntVar(&b.passages, "passages", 10_000, "passages of the long run")
	flag.StringVar(&b.model, "model", "", "`address` of the model that the books are measured with; one is served without it")
	engines := flag.String("engines", "sqlite,postgres", "databases to measure on")
	only := flag.String("only", "idle,books,places,workers,memory", "what to measure")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: jobs [-only idle,books,places,workers,memory] [-engines sqlite,postgres] [-passages 10000] [-postgres address] path/to/seedbed")
		os.Exit(2)
	}
	b.binary, b.engines = flag.Arg(0), strings.Split(*engines, ",")
	if err := b.run(context.Background(), strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, only []string) error {
	defer func() {
		if b.server != nil {
			b.server.Stop()
		}
	}()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"idle", b.idle}, {"books", b.books}, {"places", b.places}, {"workers", b.workers}, {"memory", b.memory}} {
		if !slices.Contains(only, part.name) {
			continue
		}
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// row prints a figure with its bar.
func row(what, figure string, ratio float64) {
	fmt.Printf("%-58s %16s  %5.2f of the bar\n", what, figure, ratio)
}

// on calls do with an empty data folder and a database of a kind.
func (b *bench) on(ctx context.Context, engine string, do func(dir string, o store.Options) error) error {
	dir, err := os.MkdirTemp("", "seedbed-jobs-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	o := store.Options{Path: filepath.Join(dir, "seedbed.db")}
	switch engine {
	case "sqlite":
	case "postgres":
		address, drop, err := b.database(ctx)
		if err != nil {
			return err
		}
		defer drop()
		o.URL = address
	default:
		return fmt.Errorf("there is no engine %q: sqlite or postgres", engine)
	}
	return do(dir, o)
}

func (b *bench) database(ctx context.Context) (address string, drop func(), err error) {
	if b.address != "" {
		return storetest.Create(ctx, b.address)
	}
	if b.server == nil {
		if b.server, err = storetest.Start(); err != nil {
			return "", nil, err
		}
	}
	return storetest.Create(ctx, b.server.Address("postgres"))
}

// idleArgs ask for nothing.
type idleArgs struct {
	N int `json:"n"`
}

func (idleArgs) Kind() string { return "idle" }

// idle works off jobs that do nothing, by the queue as it is set up for all
// work.
func (b *bench) idle(ctx context.Context) error {
	for _, engine := range b.engines {
		err := b.on(ctx, engine, func(_ string, o store.Options) error {
			bar, n := barSQLite, 10_000
			if engine == "postgres" {
				bar, n = barPostgres, 40_000
			}
			rate, err := idleRate(ctx, o, n)
			if err == nil {
				row(fmt.Sprintf("%s: %d jobs that do nothing", engine, n), fmt.Sprintf("%.0f jobs/s", rate), bar/rate)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func idleRate(ctx context.Context, o store.Options, n int) (rate float64, err error) {
	db, err := store.Open(ctx, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	workers := river.NewWorkers()
	left := make(chan struct{}, n)
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[idleArgs]) error {
		left <- struct{}{}
		return nil
	}))
	config := queue.Config(db, "bench", slog.New(slog.DiscardHandler))
	config.Workers, config.Queues = workers, map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 100}}
	q, err := queue.New(ctx, db, config)
	if err != nil {
		return 0, err
	}
	for from := 0; from < n; from += 1000 {
		some := make([]river.InsertManyParams, 1000)
		for i := range some {
			some[i].Args = idleArgs{from + i}
		}
		err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := q.Insert(ctx, tx, some)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	began := time.Now()
	if err := q.Start(ctx); err != nil {
		return 0, err
	}
	for range n {
		<-left
	}
	// Stop notes the ends of the last jobs.
	if err := q.Stop(ctx); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// books measures the bookkeeping of passages while a model takes half a
// second for each of sixteen at once. It does so in a process of its own, for
// garbage is collected as often as there is little room beside what is in use,
// and the model has all its requests in use.
func (b *bench) books(ctx context.Context) error {
	if b.model == "" {
		model, stop := scripted(llmtest.Script{Latency: 300 * time.Millisecond, Jitter: 300 * time.Millisecond})
		defer stop()
		cmd := exec.CommandContext(ctx, os.Args[0], "-only", "books", "-model", model, "-postgres", b.address, "-engines", strings.Join(b.engines, ","), b.binary)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Run()
	}
	for _, engine := range b.engines {
		err := b.on(ctx, engine, func(dir string, o store.Options) error {
			took, empty, err := b.bookTimes(ctx, dir, o)
			if err != nil {
				return err
			}
			if n := len(empty); n > 0 {
				slices.Sort(empty)
				fmt.Printf("%s: a statement that asks for nothing, meanwhile: p50 %.2f ms, p95 %.2f ms\n", engine, ms(empty[n/2]), ms(empty[n*95/100]))
			}
			for _, of := range []struct {
				what string
				time func(jobs.Books) time.Duration
			}{
				{"bookkeeping", func(b jobs.Books) time.Duration { return b.Took }},
				{"of it waiting for others", func(b jobs.Books) time.Duration { return b.Waited }},
				{"without the waiting", func(b jobs.Books) time.Duration { return b.Took - b.Waited }},
			} {
				slices.SortFunc(took, func(a, b jobs.Books) int { return cmp.Compare(of.time(a), of.time(b)) })
				p50, p95 := of.time(took[len(took)/2]), of.time(took[len(took)*95/100])
				row(fmt.Sprintf("%s: %d passages, %s, p50 %.2f ms, p95", engine, len(took), of.what, ms(p50)), fmt.Sprintf("%.2f ms", ms(p95)), float64(p95)/float64(barBooks))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// places measures how many of a model's places are in use on average, of
// sixteen, where its answers take unequally long: half of them less than a third
// of a second, two in a hundred more than 1.7 seconds.
func (b *bench) places(ctx context.Context) error {
	var mu sync.Mutex
	var busy time.Duration
	random := rand.New(rand.NewPCG(1, 2))
	model, stop := scripted(llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
		mu.Lock()
		takes := min(time.Duration(random.ExpFloat64()*float64(450*time.Millisecond)), 10*time.Second)
		busy += takes
		mu.Unlock()
		time.Sleep(takes)
	}})
	defer stop()
	b.model = model
	defer func() { b.model = "" }()
	for _, engine := range b.engines {
		err := b.on(ctx, engine, func(dir string, o store.Options) error {
			mu.Lock()
			busy = 0
			mu.Unlock()
			began := time.Now()
			if _, _, err := b.bookTimes(ctx, dir, o); err != nil {
				return err
			}
			n := busy.Seconds() / time.Since(began).Seconds()
			row(fmt.Sprintf("%s: places at the model in use, of 16", engine), fmt.Sprintf("%.1f", n), barPlaces/n)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bookTimes are the books of all passages, and what statements took meanwhile
// that ask PostgreSQL for nothing: a passage needs five answers of it, so they
// tell how much of its time is the machine's.
func (b *bench) bookTimes(ctx context.Context, dir string, o store.Options) (took []jobs.Books, empty []time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heap.Keep(ctx) // as servers and workers do
	db, err := store.Open(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	index, err := openIndex(ctx, dir, db)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	blobs, err := blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	service, err := jobs.New(ctx, jobs.Options{
		DB: db, Blobs: blobs, Index: index,
		Read: func(ctx context.Context, path, name string, _ seedbed.Reading) (*extract.Document, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer func() { _ = f.Close() }()
			return markdown.Read(ctx, f, name)
		},
		Env: &seedbed.Endpoint{URL: b.model, Model: "scripted", Concurrency: 16},
		Booked: func(b jobs.Books) {
			mu.Lock()
			took = append(took, b)
			mu.Unlock()
		},
	})
	if err != nil {
		return nil, nil, err
	}
	if err := service.Start(ctx); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, service.Stop(ctx)) }()
	var runs []string
	for i, text := range shelf(2000) {
		up, err := service.Upload(ctx, seedbed.Upload{Name: fmt.Sprintf("book-%d.md", i+1), Body: strings.NewReader(text)})
		if err != nil {
			return nil, nil, err
		}
		runs = append(runs, up.Run.ID)
	}
	for len(runs) > 0 {
		run, err := service.Run(ctx, runs[0])
		switch {
		case err != nil:
			return nil, nil, err
		case !run.Ended():
			time.Sleep(100 * time.Millisecond) // as a page that is looked at
			if db.Pool() == nil {
				continue
			}
			began := time.Now()
			if _, err := db.Pool().Exec(ctx, "SELECT 1"); err != nil {
				return nil, nil, err
			}
			empty = append(empty, time.Since(began))
		case run.Passages.Done != run.Passages.Total:
			return nil, nil, fmt.Errorf("the run ends as %+v", run)
		default:
			runs = runs[1:]
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return took, empty, nil
}

func openIndex(ctx context.Context, dir string, db *store.DB) (search.Index, error) {
	if db.Pool() != nil {
		return search.OpenPostgres(ctx, db.Writer())
	}
	return search.Open(filepath.Join(dir, "index.db"), search.Options{})
}
