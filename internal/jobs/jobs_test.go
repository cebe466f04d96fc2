package jobs_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		serve(dir)
	}
	goleak.VerifyTestMain(m)
}

// A bench is a service over a data folder, with all its parts real.
type bench struct {
	*jobs.Service
	t     testing.TB
	db    *store.DB
	index *search.Embedded
	path  string // of the database
}

// each runs a test with an empty data folder beside each kind of database.
func each(t *testing.T, do func(t *testing.T, dir string)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, on store.Options) {
		dir := t.TempDir()
		if on.URL != "" {
			databases.Store(dir, on)
		}
		do(t, dir)
	})
}

// databases are the databases of data folders that are not in them:
// store.Options by the folder.
var databases sync.Map

func databaseOf(dir string) store.Options {
	if on, ok := databases.Load(dir); ok {
		return on.(store.Options)
	}
	return store.Options{Path: filepath.Join(dir, "seedbed.db"), URL: os.Getenv(databaseEnv)}
}

// open opens the parts of a data folder. Nothing works yet.
func open(t testing.TB, dir string, o jobs.Options) *bench {
	t.Helper()
	b, err := tryOpen(t, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tryOpen is open where that may fail.
func tryOpen(t testing.TB, dir string, o jobs.Options) (_ *bench, err error) {
	t.Helper()
	on := databaseOf(dir)
	b := &bench{t: t, path: on.Path}
	if b.db, err = store.Open(t.Context(), on); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = b.db.Close()
		}
	}()
	if b.index, err = search.Open(filepath.Join(dir, "index.db"), search.Options{}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = b.index.Close()
		}
	}()
	o.DB = b.db
	if o.Index == nil {
		o.Index = b.index
	}
	if o.Blobs == nil {
		if o.Blobs, err = blob.Folder(filepath.Join(dir, "blobs")); err != nil {
			return nil, err
		}
	}
	if o.Read == nil {
		o.Read = readMarkdown
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	if o.Client.HTTP == nil {
		transport := &http.Transport{}
		o.Client.HTTP = &http.Client{Transport: transport}
		t.Cleanup(transport.CloseIdleConnections)
	}
	if b.Service, err = jobs.New(t.Context(), o); err != nil {
		return nil, err
	}
	return b, nil
}

// close ends what is still running.
func (b *bench) close() {
	b.t.Helper()
	// The test's own context has ended by now.
	if err := b.Stop(context.WithoutCancel(b.t.Context())); err != nil {
		b.t.Errorf("Stop: %v", err)
	}
	if err := b.index.Close(); err != nil {
		b.t.Errorf("close the index: %v", err)
	}
	if err := b.db.Close(); err != nil {
		b.t.Errorf("close the database: %v", err)
	}
}

// start opens a data folder and begins to work.
func start(t testing.TB, dir string, o jobs.Options) *bench {
	t.Helper()
	b := open(t, dir, o)
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

func readMarkdown(ctx context.Context, path, name string, _ seedbed.Reading) (*extract.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return markdown.Read(ctx, f, name)
}

// upload takes a text in and fails the test if that fails.
func (b *bench) upload(name, text string, o seedbed.RunOptions) seedbed.Uploaded {
	b.t.Helper()
	up, err := b.Upload(b.t.Context(), seedbed.Upload{Name: name, Body: strings.NewReader(text), RunOptions: o})
	if err != nil {
		b.t.Fatalf("Upload(%s): %v", name, err)
	}
	return up
}

// hangs is when what is waited for is taken never to come: many times what the
// slowest machine needs.
const hangs = 4 * time.Minute

// until waits for a run to come to a state that is.
func (b *bench) until(run string, is func(seedbed.Run) bool) seedbed.Run {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), hangs)
	defer cancel()
	changes := b.Watch(ctx, run)
	for {
		r, err := b.Run(ctx, run)
		if err != nil {
			b.t.Fatalf("Run(%s): %v", run, err)
		}
		if is(r) {
			return r
		}
		if _, ok := <-changes; !ok {
			b.t.Fatalf("run is still %+v", r)
		}
	}
}

func (b *bench) ended(run string) seedbed.Run {
	b.t.Helper()
	return b.until(run, seedbed.Run.Ended)
}

// indexed waits until the index has seen everything.
func (b *bench) indexed() {
	b.t.Helper()
	b.eventually(func() bool {
		n, err := b.db.OutboxCount(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		return n == 0
	})
}

// eventually polls for what nothing tells of.
func (b *bench) eventually(is func() bool) {
	b.t.Helper()
	for since := time.Now(); !is(); {
		if b.t.Context().Err() != nil {
			b.t.Fatal("the test ended first")
		}
		if time.Since(since) > hangs {
			b.t.Fatalf("nothing came of it in %v", hangs)
		}
		pause()
	}
}

// all are the seeds a filter chooses, by id.
func (b *bench) all(f seedbed.Filter) map[string]extract.Seed {
	b.t.Helper()
	out := map[string]extract.Seed{}
	err := b.Each(b.t.Context(), f, func(s extract.Seed) error {
		if _, ok := out[s.ID]; ok {
			b.t.Errorf("Each gives seed %s twice", s.ID)
		}
		out[s.ID] = s
		return nil
	})
	if err != nil {
		b.t.Fatalf("Each: %v", err)
	}
	return out
}

const faq = `# Keeping bees

## Questions

**Q: What does a queen bee do all day?**

A: She lays eggs, up to two thousand of them in a day, and by her scent keeps the colony together.

**Q: How long does a worker bee live in summer?**

A: A worker that hatches in June lives about six weeks; one that hatches in autumn lives through the winter.

**Q: Why do bees dance?**

A: A forager that has found nectar dances on the comb to tell the others in which direction it lies and how far.
`

func TestUploadToSeeds(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up := b.upload(`C:\books\bees.md`, faq, seedbed.RunOptions{})
		if up.Existed || up.Run == nil || up.Run.Recipe != "explicit" || up.Source.Name != "bees.md" {
			t.Fatalf("Upload gives %+v with run %+v; want a new source bees.md with a run of explicit", up.Source, up.Run)
		}
		run := b.ended(up.Run.ID)
		if run.State != seedbed.RunDone || run.Seeds != 3 || run.Passages.Done != run.Passages.Total || run.Passages.Total == 0 {
			t.Fatalf("the run ends as %+v; want done with 3 seeds and every passage done", run)
		}
		src, err := b.Source(t.Context(), up.Source.ID)
		if err != nil || src.State != seedbed.SourceReady || src.Title != "Keeping bees" || src.Seeds != 3 || src.Passages != run.Passages.Total {
			t.Fatalf("Source gives %+v, %v; want it ready with its title, its seeds and passages", src, err)
		}
		doc, err := b.Document(t.Context(), src.ID)
		if err != nil {
			t.Fatal(err)
		}
		for id, s := range b.all(seedbed.Filter{Verdict: []string{extract.Draft}}) {
			if got, version, err := b.Seed(t.Context(), id); err != nil || version != 1 || got.Question != s.Question {
				t.Errorf("Seed(%s) gives %q, version %d, %v; want %q, version 1", id, got.Question, version, err, s.Question)
			}
			if s.Source.ID != src.ID || s.Run != run.ID || len(s.Evidence) == 0 {
				t.Errorf("seed %s lacks its source, run or evidence: %+v", id, s)
			}
			for _, e := range s.Evidence {
				if e.Match == extract.MatchExact && doc.Slice(e.Start, e.End) != e.Quote {
					t.Errorf("seed %s quotes %q; the document has %q there", id, e.Quote, doc.Slice(e.Start, e.End))
				}
			}
		}
		b.indexed()
		found, err := b.Search(t.Context(), seedbed.Filter{Query: "queen"})
		if err != nil || found.Total != 1 || len(found.Hits) != 1 || found.Behind != 0 {
			t.Fatalf("Search(queen) gives %+v, %v; want one hit", found, err)
		}
		if f := found.Facets["source"]; len(f) != 1 || f[0].Label != "Keeping bees" {
			t.Errorf("Search's source facet is %+v; want the title as its label", f)
		}

		original, err := b.Original(t.Context(), src.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = original.Close() }()
		if data, err := io.ReadAll(original); err != nil || string(data) != faq {
			t.Errorf("Original gives %d bytes, %v; want what was uploaded", len(data), err)
		}
		passages, err := b.Passages(t.Context(), src.ID)
		if err != nil || len(passages) != src.Passages+src.Skipped {
			t.Errorf("Passages gives %d, %v; want %d", len(passages), err, src.Passages+src.Skipped)
		}
	})
}

func TestSameBytesTwice(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		first := b.upload("bees.md", faq, seedbed.RunOptions{})
		again := b.upload("other.md", faq, seedbed.RunOptions{})
		if !again.Existed || again.Source.ID != first.Source.ID || again.Run == nil || again.Run.ID != first.Run.ID {
			t.Errorf("the same bytes again give %+v; want the source %s and run %s of the first time", again, first.Source.ID, first.Run.ID)
		}
		elsewhere, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), Collection: "hives", NoRun: true})
		if err != nil || elsewhere.Existed || elsewhere.Source.ID == first.Source.ID || elsewhere.Run != nil {
			t.Errorf("the same bytes in another collection give %+v, %v; want a new source without a run", elsewhere, err)
		}
		list, err := b.Sources(t.Context(), "")
		if err != nil || len(list) != 2 {
			t.Errorf("Sources gives %d, %v; want 2", len(list), err)
		}
		b.ended(first.Run.ID)
	})
}

// newServer serves handle and returns its URL.
func newServer(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}
