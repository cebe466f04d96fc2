package search

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meilisearch/meilisearch-go"
)

// MeiliOptions say which Meilisearch server to use. Only the URL is needed.
type MeiliOptions struct {
	URL string // http://localhost:7700
	Key string // needs search, documents.*, indexes.*, settings.*, tasks.get and version

	Index    string        // its name on the server; DefaultMeiliIndex
	Timeout  time.Duration // for a search, and for taking over a batch 12 times it; 5 s
	Attempts int           // for a request that found the server busy or away; 4
	Pause    time.Duration // before the second attempt, doubling; 100 ms
	Rest     time.Duration // how long a server that was away is left alone; 3 s
	Client   *http.Client
	Log      *slog.Logger // nil is silent
}

// DefaultMeiliIndex is the name of the index. Its number grows when what is
// stored there changes its form, so that two versions of the program can work
// side by side with one server.
const DefaultMeiliIndex = "seedbed_v2_seeds"

// ErrTooDeep says that the server does not count out that many hits: the
// database has to be asked for this page.
var ErrTooDeep = fmt.Errorf("the search index shows the first %d hits only", meiliDepth)

const (
	meiliDepth  = 1000 // the server's maxTotalHits, which is left as it is
	meiliOldest = "1.50.0"
)

// Meili is an [Index] on a Meilisearch server, 1.50 or newer.
//
// The server has no conditional writes. Apply therefore asks which versions
// it has, leaves out what is not newer, and waits until the server is done,
// one batch after the other; a deleted seed stays as a document without words
// that remembers the version. Of several processes that share an index, only
// one may call Apply at a time. Where two do all the same, the older state of
// a seed can win for as long as Versions is not compared with the database.
//
// An index that is not there is [ErrDamaged], also at the first use: Rebuild
// makes it, and until it does nothing is written, because the server would
// make an index of its own, without our settings.
type Meili struct {
	opts   MeiliOptions
	server meilisearch.ServiceManager
	log    *slog.Logger

	applying sync.Mutex // one batch at a time

	mu     sync.Mutex
	ready  bool // the server and the index's settings were looked at
	closed bool
	away   error // why it was away when it was last asked
	since  time.Time
}

var _ Index = (*Meili)(nil)

// OpenMeili makes an index of a server's address. The server is not asked
// before it is needed: it may be away now.
func OpenMeili(opts MeiliOptions) (*Meili, error) {
	u, err := url.Parse(opts.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the address of the Meilisearch server is to be like http://localhost:7700, not %q", opts.URL)
	}
	opts.URL = strings.TrimRight(opts.URL, "/")
	if opts.Index == "" {
		opts.Index = DefaultMeiliIndex
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 5 * time.Second
	}
	if opts.Attempts <= 0 {
		opts.Attempts = 4
	}
	if opts.Pause <= 0 {
		opts.Pause = 100 * time.Millisecond
	}
	if opts.Rest <= 0 {
		opts.Rest = 3 * time.Second
	}
	if opts.Client == nil {
		// The server sends what it compresses in several pieces, and waits with
		// the last for word that the first has come: 40 ms for each search.
		plain := http.DefaultTransport.(*http.Transport).Clone()
		plain.DisableCompression = true
		opts.Client = &http.Client{Transport: plain}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	// The client's own retries send an empty body the second time.
	server := meilisearch.New(opts.URL, meilisearch.WithAPIKey(opts.Key), meilisearch.WithCustomClient(opts.Client), meilisearch.DisableRetries())
	return &Meili{opts: opts, server: server, log: opts.Log}, nil
}

// Close implements [Index].
func (m *Meili) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.opts.Client.CloseIdleConnections()
	return nil
}

// A meiliError is what the server, or the way to it, answered.
type meiliError struct {
	status  int    // 0 if there was no answer
	code    string // in the server's words
	message string
	cause   error
}

func (e *meiliError) Error() string {
	switch {
	case e.status == 0:
		return "Meilisearch does not answer: " + e.message
	case e.status == http.StatusUnauthorized || e.status == http.StatusForbidden:
		return "Meilisearch refuses the key: " + e.message
	case e.code != "":
		return fmt.Sprintf("Meilisearch says %s: %s", e.code, e.message)
	}
	return fmt.Sprintf("Meilisearch answers with status %d", e.status)
}

func (e *meiliError) Unwrap() error { return e.cause }

// Is says of a server that is away that it is. One that takes too long may do
// so for what it was given.
func (e *meiliError) Is(target error) bool {
	return target == ErrAway && e.again() && !errors.Is(e.cause, context.DeadlineExceeded)
}

// again reports whether the same request may go through later.
func (e *meiliError) again() bool {
	switch e.status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// understand turns the client's errors, which show whole requests and hide
// their cause, into ours.
func understand(err error) error {
	if err == nil {
		return nil
	}
	out := &meiliError{message: err.Error(), cause: err}
	var api *meilisearch.Error
	switch own := (*meiliError)(nil); {
	case errors.As(err, &own):
		out = own
	case errors.As(err, &api) && api.ErrCode == meilisearch.ErrCodeResponseUnmarshalBody && api.StatusCode < 300:
		out = &meiliError{message: "its answer broke off or is no JSON", cause: api.OriginError}
	case errors.As(err, &api) && api.StatusCode != 0:
		out = &meiliError{status: api.StatusCode, code: api.MeilisearchApiError.Code, message: api.MeilisearchApiError.Message}
	case errors.As(err, &api) && api.OriginError != nil:
		out = &meiliError{message: api.OriginError.Error(), cause: api.OriginError}
	}
	switch out.code {
	case "index_not_found", "invalid_search_filter", "invalid_search_facets", "invalid_search_sort", "invalid_document_filter":
		// Our filters are right: the index is gone, or not ours any more.
		return fmt.Errorf("%w: %w", ErrDamaged, out)
	}
	return out
}

// rested is an error while the server is left alone. Callers that try again
// in smaller steps, or ask something else instead, do not wait each time.
func (m *Meili) rested() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil && time.Since(m.since) < m.opts.Rest {
		return fmt.Errorf("not asked again so soon: %w", m.away)
	}
	return nil
}

// note remembers whether the server was away. The caller's own giving up
// says nothing.
func (m *Meili) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var e *meiliError
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.again() {
		m.away, m.since = err, time.Now()
		return
	}
	m.away = nil
}

// try calls until there is an answer, with our own deadline. Every request
// may be sent twice: adding the same documents again changes nothing.
func (m *Meili) try(ctx context.Context, call func(ctx context.Context) error) error {
	pause := m.opts.Pause
	for n := 1; ; n++ {
		err := understand(call(ctx))
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		var e *meiliError
		if n >= m.opts.Attempts || !errors.As(err, &e) || !e.again() {
			return err
		}
		if err := sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return fmt.Errorf("%w: %w", err, e)
		}
		pause *= 2
	}
}

// sleep returns early with the reason if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// deadline is one of ours, told apart from the caller's by its words.
func deadline(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("nothing came of it within %s: %w", limit, context.DeadlineExceeded))
}

func (m *Meili) long(ctx context.Context) (context.Context, context.CancelFunc) {
	return deadline(ctx, 12*m.opts.Timeout)
}

// A task is what the server will do later.
type task struct {
	what string
	uid  int64
}

type sender func(ctx context.Context) (*meilisearch.TaskInfo, error)

// begin has the server take over a task.
func (m *Meili) begin(ctx context.Context, what string, send sender) (task, error) {
	var sent *meilisearch.TaskInfo
	err := m.try(ctx, func(ctx context.Context) (err error) {
		sent, err = send(ctx)
		return err
	})
	if err != nil {
		return task{}, fmt.Errorf("%s: %w", what, err)
	}
	return task{what, sent.TaskUID}, nil
}

// wait returns when the server has done a task. The client's own waiting takes
// a failed task for a good one.
func (m *Meili) wait(ctx context.Context, sent task) error {
	for pause := m.opts.Pause / 20; ; pause = min(2*pause, 500*time.Millisecond) {
		var t *meilisearch.Task
		err := m.try(ctx, func(ctx context.Context) (err error) {
			t, err = m.server.GetTaskWithContext(ctx, sent.uid)
			return err
		})
		var e *meiliError
		switch {
		case errors.As(err, &e) && e.code == "task_not_found":
			return fmt.Errorf("%s: Meilisearch forgot task %d before it could be asked how it ended", sent.what, sent.uid)
		case err != nil:
			return fmt.Errorf("%s: task %d: %w", sent.what, sent.uid, err)
		case t.Status == meilisearch.TaskStatusSucceeded:
			return nil
		case t.Status == meilisearch.TaskStatusFailed:
			return fmt.Errorf("%s: task %d failed: %w", sent.what, sent.uid,
				&meiliError{status: http.StatusOK, code: t.Error.Code, message: t.Error.Message})
		case t.Status == meilisearch.TaskStatusCanceled:
			return fmt.Errorf("%s: task %d was cancelled on the server", sent.what, sent.uid)
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("%s: task %d is %s: %w", sent.what, sent.uid, t.Status, err)
		}
	}
}

// task has the server do something, and waits until it has done it.
func (m *Meili) task(ctx context.Context, what string, send sender) error {
	sent, err := m.begin(ctx, what, send)
	if err != nil {
		return err
	}
	return m.wait(ctx, sent)
}

// meiliSettings are sent as they stand here. The client's own type leaves out
// what is false or empty, which turns off the tolerance for typos.
//
//go:embed meili_settings.json
var meiliSettings []byte

// raw sends JSON that the client has no true type for.
func (m *Meili) raw(ctx context.Context, method, path string, body []byte, reply any) error {
	req, err := http.NewRequestWithContext(ctx, method, m.opts.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if m.opts.Key != "" {
		req.Header.Set("Authorization", "Bearer "+m.opts.Key)
	}
	resp, err := m.opts.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		e := &meiliError{status: resp.StatusCode}
		var said struct{ Code, Message string }
		if json.Unmarshal(data, &said) == nil {
			e.code, e.message = said.Code, said.Message
		}
		return e
	}
	return json.Unmarshal(data, reply)
}

func (m *Meili) set(ctx context.Context, index string) error {
	return m.task(ctx, "set up the index", func(ctx context.Context) (*meilisearch.TaskInfo, error) {
		info := &meilisearch.TaskInfo{}
		return info, m.raw(ctx, http.MethodPatch, "/indexes/"+index+"/settings", meiliSettings, info)
	})
}

// prepare looks once at the server and at the settings of the index. Only who
// has the time mends them: the server goes through all documents again.
func (m *Meili) prepare(ctx context.Context, mend bool) error {
	m.mu.Lock()
	ready, closed := m.ready, m.closed
	m.mu.Unlock()
	if closed {
		return errClosed
	}
	if ready {
		return nil
	}
	if err := m.checkVersion(ctx); err != nil {
		return err
	}
	var has map[string]any
	if err := m.try(ctx, func(ctx context.Context) error {
		return m.raw(ctx, http.MethodGet, "/indexes/"+m.opts.Index+"/settings", nil, &has)
	}); err != nil {
		return err
	}
	var wants map[string]any
	if err := json.Unmarshal(meiliSettings, &wants); err != nil {
		return err
	}
	for name, want := range wants {
		if !reflect.DeepEqual(has[name], want) {
			if !mend {
				return nil
			}
			m.log.Info("search index set up again", "setting", name)
			if err := m.set(ctx, m.opts.Index); err != nil {
				return err
			}
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ready = true
	return nil
}

func (m *Meili) checkVersion(ctx context.Context) error {
	var v *meilisearch.Version
	if err := m.try(ctx, func(ctx context.Context) (err error) {
		v, err = m.server.VersionWithContext(ctx)
		return err
	}); err != nil {
		return err
	}
	if olderThan(v.PkgVersion, meiliOldest) {
		return fmt.Errorf("the Meilisearch server has version %s: %s or a newer one is needed", v.PkgVersion, meiliOldest)
	}
	return nil
}

// olderThan compares versions like 1.50.2 or 1.50.0-rc.1.
func olderThan(v, limit string) bool {
	numbers := func(s string) []int {
		s, _, _ = strings.Cut(s, "-")
		var out []int
		for part := range strings.SplitSeq(s, ".") {
			n, _ := strconv.Atoi(part)
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(v), numbers(limit)) < 0
}

// Rebuild implements [Index]. A new index is made beside the old one and takes
// its place in one step.
func (m *Meili) Rebuild(ctx context.Context, seeds iter.Seq2[Change, error]) error {
	m.applying.Lock()
	defer m.applying.Unlock()
	if err := m.rebuild(ctx, seeds); err != nil {
		return fmt.Errorf("make the search index anew: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ready, m.away = true, nil
	return nil
}

// Reset implements [Index]. No search meets an index without settings.
func (m *Meili) Reset(ctx context.Context) error {
	return m.Rebuild(ctx, func(func(Change, error) bool) {})
}

func (m *Meili) rebuild(ctx context.Context, seeds iter.Seq2[Change, error]) error {
	m.mu.Lock()
	closed := m.closed
	m.mu.Unlock()
	if closed {
		return errClosed
	}
	next := m.opts.Index + "_next"
	if err := m.empty(ctx, next); err != nil {
		return err
	}
	var ahead []task // the server does several in the time of one
	for batch, err := range batches(seeds, meiliAtOnce) {
		if err != nil {
			return err
		}
		sent, err := m.fill(ctx, next, batch)
		if err != nil {
			return err
		}
		ahead = append(ahead, sent...)
		for ; len(ahead) > meiliAhead; ahead = ahead[1:] {
			if err := m.await(ctx, ahead[0]); err != nil {
				return err
			}
		}
	}
	for _, sent := range ahead {
		if err := m.await(ctx, sent); err != nil {
			return err
		}
	}
	return m.exchange(ctx, next)
}

// await waits for a task that the server may do together with all that were
// sent ahead.
func (m *Meili) await(ctx context.Context, sent task) error {
	ctx, cancel := deadline(ctx, 12*m.opts.Timeout*meiliAhead)
	defer cancel()
	return m.wait(ctx, sent)
}

// empty makes the index that is to take the place of ours.
func (m *Meili) empty(ctx context.Context, next string) error {
	ctx, cancel := m.long(ctx)
	defer cancel()
	if err := m.checkVersion(ctx); err != nil {
		return err
	}
	if err := m.drop(ctx, next); err != nil { // left by a Rebuild that did not end
		return err
	}
	if err := m.create(ctx, next); err != nil {
		return err
	}
	return m.set(ctx, next)
}

// fill hands over seeds for an index that has none of them.
func (m *Meili) fill(ctx context.Context, index string, seeds []Change) ([]task, error) {
	ctx, cancel := m.long(ctx)
	defer cancel()
	docs := make([]meiliDocument, len(seeds))
	for i, c := range seeds {
		if err := checkID(c); err != nil {
			return nil, err
		}
		docs[i] = newMeiliDocument(c)
	}
	return m.send(ctx, index, docs)
}

func (m *Meili) exchange(ctx context.Context, next string) error {
	ctx, cancel := m.long(ctx)
	defer cancel()
	err := m.create(ctx, m.opts.Index) // two indexes are needed to exchange them
	var e *meiliError
	if err != nil && (!errors.As(err, &e) || e.code != "index_already_exists") {
		return err
	}
	if err := m.task(ctx, "exchange the indexes", func(ctx context.Context) (*meilisearch.TaskInfo, error) {
		return m.server.SwapIndexesWithContext(ctx, []*meilisearch.SwapIndexesParams{{Indexes: []string{m.opts.Index, next}}})
	}); err != nil {
		return err
	}
	return m.drop(ctx, next)
}

// Drop deletes the index on the server.
func (m *Meili) Drop(ctx context.Context) error {
	ctx, cancel := m.long(ctx)
	defer cancel()
	return errors.Join(m.drop(ctx, m.opts.Index), m.drop(ctx, m.opts.Index+"_next"))
}

func (m *Meili) create(ctx context.Context, index string) error {
	return m.task(ctx, "make index "+index, func(ctx context.Context) (*meilisearch.TaskInfo, error) {
		return m.server.CreateIndexWithContext(ctx, &meilisearch.IndexConfig{Uid: index, PrimaryKey: "id"})
	})
}

// drop deletes an index, if it is there.
func (m *Meili) drop(ctx context.Context, index string) error {
	err := m.task(ctx, "delete index "+index, func(ctx context.Context) (*meilisearch.TaskInfo, error) {
		return m.server.DeleteIndexWithContext(ctx, index)
	})
	var e *meiliError
	if errors.As(err, &e) && e.code == "index_not_found" {
		return nil
	}
	return err
}

// Count implements [Index].
func (m *Meili) Count(ctx context.Context) (int, error) {
	ctx, cancel := deadline(ctx, m.opts.Timeout)
	defer cancel()
	if err := m.prepare(ctx, false); err != nil {
		return 0, fmt.Errorf("count the search index: %w", err)
	}
	_, n, err := m.fetch(ctx, meilisearch.DocumentsQuery{Limit: 1, Fields: []string{"id"}, Filter: stillThere})
	if err != nil {
		return 0, fmt.Errorf("count the search index: %w", err)
	}
	return n, nil
}

// Versions implements [Index]. The list is complete before its first element
// is handed out: it is then a copy, and the index may be changed.
func (m *Meili) Versions(ctx context.Context) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		all, err := m.versions(ctx)
		if err != nil {
			yield(Version{}, fmt.Errorf("list the search index: %w", err))
			return
		}
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (m *Meili) versions(ctx context.Context) ([]Version, error) {
	const page = 5000
	var all []Version
	for first := int64(0); ; first += page {
		docs, err := m.versionsFrom(ctx, first, page)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			all = append(all, Version{d.seedID(), d.Version})
		}
		if len(docs) < page {
			break
		}
	}
	slices.SortFunc(all, func(a, b Version) int { return strings.Compare(a.ID, b.ID) })
	// What was written while we read may have come twice.
	return slices.CompactFunc(all, func(a, b Version) bool { return a.ID == b.ID }), nil
}

func (m *Meili) versionsFrom(ctx context.Context, first, most int64) ([]meiliDocument, error) {
	ctx, cancel := m.long(ctx)
	defer cancel()
	if err := m.prepare(ctx, true); err != nil {
		return nil, err
	}
	docs, _, err := m.fetch(ctx, meilisearch.DocumentsQuery{Offset: first, Limit: most, Fields: []string{"id", "version"}, Filter: stillThere})
	return docs, err
}

// fetch gets documents as they are stored, and how many there are in all.
func (m *Meili) fetch(ctx context.Context, q meilisearch.DocumentsQuery) (docs []meiliDocument, total int, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, 0, err
	}
	var reply struct {
		Results []meiliDocument `json:"results"`
		Total   int             `json:"total"`
	}
	err = m.try(ctx, func(ctx context.Context) error {
		reply.Results = nil
		return m.raw(ctx, http.MethodPost, "/indexes/"+m.opts.Index+"/documents/fetch", body, &reply)
	})
	return reply.Results, reply.Total, err
}
