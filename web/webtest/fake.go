// Package webtest holds a library in memory, for tests of the pages and the
// API, and for looking at them. It keeps the promises of web.Library,
// web.Seeds and web.Exporter in the simplest way; nothing outlives it.
package webtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"seedbed/extract"
	"seedbed/extract/measure"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// A Fake is everything a web server needs.
type Fake struct {
	Now func() time.Time

	Index seedbed.IndexState // as IndexState gives it
	Away  bool               // the index cannot be asked

	once    sync.Mutex
	answers map[string]seedbed.Answer

	mu        sync.Mutex
	asked     seedbed.Reading  // of the reader, by the last upload
	sources   []seedbed.Source // oldest first, as all lists
	empty     []string         // names of collections that were made without a source
	documents map[string]*extract.Document
	originals map[string][]byte
	passages  map[string][]seedbed.RunPassage
	runs      []seedbed.Run
	failures  map[string][]seedbed.RunPassage
	calls     []seedbed.Call
	endpoints []seedbed.Endpoint
	ledgers   map[string][]extract.Entry
	recipes   map[string]string // those of one's own, by name
	seeds     []stored
	watchers  map[chan struct{}]string

	// Models is what every model server lists; nil makes it unreachable.
	Models []string
	// ExportFails is the error that an export ends with after its seeds.
	ExportFails error
	// ExportLeaves are the seeds that every export leaves out.
	ExportLeaves map[string]int
	// ExportNone makes exports empty.
	ExportNone bool
}

type stored struct {
	seed    extract.Seed
	version int64
	history []seedbed.Revision // the newest first
}

// New is an empty library.
func New() *Fake {
	return &Fake{
		Now:       time.Now,
		answers:   map[string]seedbed.Answer{},
		documents: map[string]*extract.Document{},
		originals: map[string][]byte{},
		passages:  map[string][]seedbed.RunPassage{},
		failures:  map[string][]seedbed.RunPassage{},
		ledgers:   map[string][]extract.Entry{},
		recipes:   map[string]string{},
		watchers:  map[chan struct{}]string{},
	}
}

func missing(what, id string) error {
	return seedbed.Errorf(seedbed.NotFound, "there is no %s %q", what, id)
}

func find[T any](list []T, id string, of func(T) string) int {
	return slices.IndexFunc(list, func(x T) bool { return of(x) == id })
}

func (f *Fake) source(id string) (*seedbed.Source, error) {
	i := find(f.sources, id, func(s seedbed.Source) string { return s.ID })
	if i < 0 {
		return nil, missing("source", id)
	}
	return &f.sources[i], nil
}

func (f *Fake) run(id string) (*seedbed.Run, error) {
	i := find(f.runs, id, func(r seedbed.Run) string { return r.ID })
	if i < 0 {
		return nil, missing("run", id)
	}
	return &f.runs[i], nil
}

// Change changes a run and tells those who watch it.
func (f *Fake) Change(run string, change func(*seedbed.Run)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, err := f.run(run); err == nil {
		change(r)
	}
	f.tell(run)
}

func (f *Fake) tell(run string) {
	for c, id := range f.watchers {
		if id != "" && id != run {
			continue
		}
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (f *Fake) Sources(_ context.Context, collection string) ([]seedbed.Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []seedbed.Source
	for _, s := range slices.Backward(f.sources) {
		if collection == "" || s.Collection == collection {
			out = append(out, f.counted(s))
		}
	}
	return out, nil
}

// counted is s with the number of its seeds.
func (f *Fake) counted(s seedbed.Source) seedbed.Source {
	for _, x := range f.seeds {
		if x.seed.Source.ID == s.ID && x.seed.Live() {
			s.Seeds++
		}
	}
	return s
}

func (f *Fake) Source(_ context.Context, id string) (seedbed.Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.source(id)
	if err != nil {
		return seedbed.Source{}, err
	}
	return f.counted(*s), nil
}

func (f *Fake) Document(_ context.Context, source string) (*extract.Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.source(source); err != nil {
		return nil, err
	}
	if d := f.documents[source]; d != nil {
		return d, nil
	}
	return nil, seedbed.Errorf(seedbed.Conflict, "the source is not read yet")
}

func (f *Fake) Passages(_ context.Context, source string) ([]seedbed.RunPassage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.source(source); err != nil {
		return nil, err
	}
	return f.passages[source], nil
}

func (f *Fake) Original(_ context.Context, source string) (io.ReadSeekCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.source(source); err != nil {
		return nil, err
	}
	return closer{bytes.NewReader(f.originals[source])}, nil
}

// PageImage is one point for each page there is.
func (f *Fake) PageImage(_ context.Context, source string, page int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	src, err := f.source(source)
	if err != nil {
		return nil, err
	}
	if page < 1 || page > src.Pages {
		return nil, seedbed.Errorf(seedbed.NotFound, "%s has no page %d", src.Name, page)
	}
	var b bytes.Buffer
	err = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1)))
	return b.Bytes(), err
}

// ReadOCR reads what has no text as if OCR had found some.
func (f *Fake) ReadOCR(_ context.Context, source string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.sources {
		if s := &f.sources[i]; s.ID == source {
			if s.Error == nil || s.Error.Code != seedbed.NoText {
				return seedbed.Errorf(seedbed.Conflict, "%s is not waiting for OCR", s.Name)
			}
			s.State, s.Error = seedbed.SourceQueued, nil
			return nil
		}
	}
	return seedbed.Errorf(seedbed.NotFound, "there is no source %s", source)
}

type closer struct{ io.ReadSeeker }

func (closer) Close() error { return nil }

// IndexState is that of the field Index.
func (f *Fake) IndexState(context.Context) (seedbed.IndexState, error) { return f.Index, nil }

// Once keeps answers for ever.
func (f *Fake) Once(_ context.Context, key string, do func() (seedbed.Answer, error)) (seedbed.Answer, bool, error) {
	f.once.Lock()
	defer f.once.Unlock()
	if a, ok := f.answers[key]; ok {
		return a, false, nil
	}
	a, err := do()
	if err == nil && !a.Passing {
		f.answers[key] = a
	}
	return a, true, err
}

// Upload stores text files: each paragraph is a block, a line that begins with
// # is a heading. A file without text cannot be stored.
func (f *Fake) Upload(_ context.Context, u seedbed.Upload) (seedbed.Uploaded, error) {
	data, err := io.ReadAll(u.Body)
	if err != nil {
		return seedbed.Uploaded{}, fmt.Errorf("store %s: %w", u.Name, err)
	}
	if len(data) == 0 {
		return seedbed.Uploaded{}, seedbed.Errorf(seedbed.Invalid, "%s is empty", u.Name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	collection := cmp.Or(u.Collection, seedbed.DefaultCollection)
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	for _, s := range f.sources {
		if s.SHA256 == hash && s.Collection == collection {
			return seedbed.Uploaded{Source: s, Existed: true}, nil
		}
	}
	doc := document(string(data))
	src := seedbed.Source{
		ID: fmt.Sprintf("s%d", len(f.sources)+1), Collection: collection, SHA256: hash,
		Name: path.Base(u.Name), Size: int64(len(data)), Kind: extract.Page, Title: cmp.Or(doc.Title, u.Name),
		State: seedbed.SourceReady, Passages: 1, Created: f.Now(),
	}
	f.sources = append(f.sources, src)
	f.asked = u.Reading
	f.documents[src.ID] = doc
	f.originals[src.ID] = data
	out := seedbed.Uploaded{Source: src}
	if !u.NoRun {
		run := f.start(src, u.RunOptions)
		out.Run = &run
	}
	f.tell("")
	return out, nil
}

// Asked is what the last upload asked of the reader.
func (f *Fake) Asked() seedbed.Reading {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// UploadURL stores the address as the file's only words.
func (f *Fake) UploadURL(ctx context.Context, address string, u seedbed.Upload) (seedbed.Uploaded, error) {
	if !strings.HasPrefix(address, "https://") {
		return seedbed.Uploaded{}, seedbed.Errorf(seedbed.Invalid, "only https addresses are fetched")
	}
	u.Name, u.Body = path.Base(address), strings.NewReader("from "+address)
	return f.Upload(ctx, u)
}

func document(text string) *extract.Document {
	var w extract.Builder
	w.Kind = extract.Page
	for p := range strings.SplitSeq(text, "\n\n") {
		b := extract.Block{Kind: extract.Paragraph, Text: strings.TrimSpace(p)}
		if title, ok := strings.CutPrefix(b.Text, "# "); ok {
			b.Kind, b.Level, b.Title = extract.Heading, 1, title
			w.Title = cmp.Or(w.Title, title)
		}
		w.Add("\n\n", b)
	}
	return w.Done()
}

func (f *Fake) start(s seedbed.Source, o seedbed.RunOptions) seedbed.Run {
	r := seedbed.Run{
		ID: fmt.Sprintf("r%d", len(f.runs)+1), Source: s.ID, SourceTitle: s.Title, Collection: s.Collection,
		Recipe: cmp.Or(o.Recipe, "explicit"), Endpoint: o.Endpoint, Model: o.Model,
		State: seedbed.RunRunning, Passages: seedbed.PassageCounts{Total: s.Passages}, Created: f.Now(), Started: f.Now(),
	}
	f.runs = append(f.runs, r)
	return r
}

func (f *Fake) DeleteSource(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.source(id); err != nil {
		return err
	}
	f.sources = slices.DeleteFunc(f.sources, func(s seedbed.Source) bool { return s.ID == id })
	f.runs = slices.DeleteFunc(f.runs, func(r seedbed.Run) bool { return r.Source == id })
	f.seeds = slices.DeleteFunc(f.seeds, func(s stored) bool { return s.seed.Source.ID == id })
	f.tell("")
	return nil
}

// Collections are those of the sources, and those that were added.
func (f *Fake) Collections(context.Context) ([]seedbed.Collection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := map[string]*seedbed.Collection{}
	for _, name := range f.empty {
		at[name] = &seedbed.Collection{Name: name}
	}
	for _, s := range f.sources {
		if at[s.Collection] == nil {
			at[s.Collection] = &seedbed.Collection{Name: s.Collection}
		}
		at[s.Collection].Sources++
	}
	for _, x := range f.seeds {
		for _, name := range f.field("collection", x.seed) {
			n := &at[name].Seeds
			*map[string]*int{extract.Draft: &n.Draft, extract.Accepted: &n.Accepted, extract.Rejected: &n.Rejected}[x.seed.Verdict]++
		}
	}
	var out []seedbed.Collection
	for _, name := range slices.Sorted(maps.Keys(at)) {
		out = append(out, *at[name])
	}
	return out, nil
}

// CollectionNames are the names of Collections.
func (f *Fake) CollectionNames(ctx context.Context) ([]string, error) {
	list, err := f.Collections(ctx)
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names, err
}

// AddCollection remembers an empty one.
func (f *Fake) AddCollection(ctx context.Context, name string) (seedbed.Collection, bool, error) {
	list, err := f.Collections(ctx)
	for _, c := range list {
		if c.Name == name {
			return c, false, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.empty = append(f.empty, name)
	return seedbed.Collection{Name: name}, true, err
}

// RenameCollection has what is in a collection, and runs over it, say so.
func (f *Fake) RenameCollection(ctx context.Context, name, to string) (seedbed.Collection, error) {
	list, err := f.Collections(ctx)
	at := func(name string) int {
		return slices.IndexFunc(list, func(c seedbed.Collection) bool { return c.Name == name })
	}
	to = strings.TrimSpace(to)
	switch i := at(name); {
	case err != nil:
		return seedbed.Collection{}, err
	case i < 0:
		return seedbed.Collection{}, missing("collection", name)
	case name == seedbed.DefaultCollection:
		return seedbed.Collection{}, seedbed.Errorf(seedbed.Conflict, "the default collection keeps its name")
	case name != to && at(to) >= 0:
		return seedbed.Collection{}, seedbed.Errorf(seedbed.Conflict, "there is a collection “%s” already", to)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.empty {
		if f.empty[i] == name {
			f.empty[i] = to
		}
	}
	for i := range f.sources {
		if f.sources[i].Collection == name {
			f.sources[i].Collection = to
		}
	}
	for i := range f.runs {
		if f.runs[i].Collection == name {
			f.runs[i].Collection = to
		}
	}
	list[at(name)].Name = to
	return list[at(to)], nil
}

// DeleteCollection forgets an empty one.
func (f *Fake) DeleteCollection(ctx context.Context, name string) error {
	list, err := f.Collections(ctx)
	i := slices.IndexFunc(list, func(c seedbed.Collection) bool { return c.Name == name })
	switch {
	case err != nil:
		return err
	case name == seedbed.DefaultCollection:
		return seedbed.Errorf(seedbed.Conflict, "the default collection stays")
	case i < 0:
		return missing("collection", name)
	case list[i].Sources > 0:
		return seedbed.Errorf(seedbed.Conflict, "the collection “%s” still holds %d sources", name, list[i].Sources)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.empty = slices.DeleteFunc(f.empty, func(s string) bool { return s == name })
	return nil
}

func (f *Fake) StartRun(_ context.Context, source string, o seedbed.RunOptions) (seedbed.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.source(source)
	if err != nil {
		return seedbed.Run{}, err
	}
	if o.Recipe == "quick" && len(f.endpoints) == 0 {
		return seedbed.Run{}, seedbed.Errorf(seedbed.Invalid, "the recipe quick needs a model: connect one in the settings")
	}
	return f.start(*s, o), nil
}

func (f *Fake) Runs(_ context.Context, source string) ([]seedbed.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []seedbed.Run
	for _, r := range slices.Backward(f.runs) {
		if source == "" || r.Source == source {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *Fake) Run(_ context.Context, id string) (seedbed.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.run(id)
	if err != nil {
		return seedbed.Run{}, err
	}
	return *r, nil
}

func (f *Fake) Failures(_ context.Context, run string) ([]seedbed.RunPassage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.run(run); err != nil {
		return nil, err
	}
	return f.failures[run], nil
}

func (f *Fake) Calls(_ context.Context, run string, ordinal int) ([]seedbed.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.run(run); err != nil {
		return nil, err
	}
	var out []seedbed.Call
	for _, c := range f.calls {
		if c.Run == run && c.Ordinal == ordinal {
			c.Request, c.Answer, c.Raw = nil, nil, ""
			out = append(out, c)
		}
	}
	return out, nil
}

// AddCall adds a call as it is.
func (f *Fake) AddCall(c seedbed.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
}

// SeedCalls takes a seed's passage for the first of its run.
func (f *Fake) SeedCalls(ctx context.Context, seed string) ([]seedbed.Call, error) {
	s, _, err := f.Seed(ctx, seed)
	if err != nil {
		return nil, err
	}
	return f.Calls(ctx, s.Run, 0)
}

func (f *Fake) Call(_ context.Context, id string) (seedbed.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := find(f.calls, id, func(c seedbed.Call) string { return c.ID })
	if i < 0 {
		return seedbed.Call{}, missing("call", id)
	}
	return f.calls[i], nil
}

func (f *Fake) set(run, state string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.run(run)
	if err != nil {
		return err
	}
	if r.Ended() {
		return seedbed.Errorf(seedbed.Conflict, "the run has ended")
	}
	r.State = state
	f.tell(run)
	return nil
}

func (f *Fake) Pause(_ context.Context, run string) error  { return f.set(run, seedbed.RunPaused) }
func (f *Fake) Resume(_ context.Context, run string) error { return f.set(run, seedbed.RunRunning) }
func (f *Fake) Cancel(_ context.Context, run string) error { return f.set(run, seedbed.RunCancelled) }

func (f *Fake) Retry(_ context.Context, run, code string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.run(run)
	if err != nil {
		return 0, err
	}
	before := len(f.failures[run])
	f.failures[run] = slices.DeleteFunc(f.failures[run], func(x seedbed.RunPassage) bool { return code == "" || x.Code == code })
	n := before - len(f.failures[run])
	r.Passages.Failed -= n
	if n > 0 {
		r.State = seedbed.RunRunning
	}
	f.tell(run)
	return n, nil
}

func (f *Fake) Watch(ctx context.Context, run string) <-chan struct{} {
	c := make(chan struct{}, 1)
	f.mu.Lock()
	f.watchers[c] = run
	f.mu.Unlock()
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watchers, c)
		close(c)
	})
	return c
}

// LimitRun changes a run's limits.
func (f *Fake) LimitRun(_ context.Context, run string, l seedbed.Limits) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.run(run)
	if err != nil {
		return err
	}
	r.Limits = l
	f.tell(run)
	return nil
}

// Ledger is what became of the passages; the runs of the sample have one.
func (f *Fake) Ledger(_ context.Context, run string) ([]extract.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.run(run); err != nil {
		return nil, err
	}
	return f.ledgers[run], nil
}

// Scorecard measures a run's seeds.
func (f *Fake) Scorecard(_ context.Context, run string) (*measure.Card, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.run(run)
	if err != nil {
		return nil, err
	}
	m := measure.New(measure.Options{Sources: []measure.Source{{Name: r.SourceTitle, ID: r.Source, Doc: f.documents[r.Source]}}})
	for i := range f.seeds {
		if f.seeds[i].seed.Run == run {
			m.Add(&f.seeds[i].seed)
		}
	}
	return m.Card(), nil
}

// Estimate counts one call a passage and stage.
func (f *Fake) Estimate(_ context.Context, source string, o seedbed.RunOptions) (seedbed.Estimate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.source(source)
	if err != nil {
		return seedbed.Estimate{}, err
	}
	e := seedbed.Estimate{Passages: s.Passages, Skipped: s.Skipped}
	if o.Recipe == "explicit" || o.Recipe == "" && len(f.endpoints) == 0 {
		return e, nil
	}
	e.Calls, e.Tokens, e.Cost = s.Passages, extract.Tokens{In: 2400 * s.Passages, Out: 900 * s.Passages}, 0.004*float64(s.Passages)
	e.Stages = []seedbed.StageEstimate{{Stage: "derive", Model: cmp.Or(o.Model, "llama3.1:8b"), Calls: e.Calls, Tokens: e.Tokens, Cost: e.Cost}}
	return e, nil
}

// Recipe is one recipe with its text.
func (f *Fake) Recipe(ctx context.Context, name string) (seedbed.Recipe, error) {
	list, err := f.Recipes(ctx)
	if err != nil {
		return seedbed.Recipe{}, err
	}
	for _, r := range list {
		if r.Name != name {
			continue
		}
		if r.Body = f.recipe(name); r.Body == "" {
			r.Body = "name: " + name + "\nstages:\n  - " + strings.Join(r.Stages, "\n  - ") + "\n"
		}
		r.Resolved = r.Body + "# and all the rest\n"
		return r, nil
	}
	return seedbed.Recipe{}, missing("recipe", name)
}

func (f *Fake) recipe(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recipes[name]
}

// SaveRecipe takes what the real parser takes.
func (f *Fake) SaveRecipe(ctx context.Context, name, body string) (seedbed.Recipe, error) {
	r, err := stage.Parse([]byte(body))
	if err != nil {
		return seedbed.Recipe{}, seedbed.Errorf(seedbed.Invalid, "%w", err)
	}
	f.mu.Lock()
	delete(f.recipes, name)
	f.recipes[r.Name] = body
	f.mu.Unlock()
	return f.Recipe(ctx, r.Name)
}

// DeleteRecipe forgets a recipe.
func (f *Fake) DeleteRecipe(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recipes[name] == "" {
		return missing("recipe", name)
	}
	delete(f.recipes, name)
	return nil
}

// PreviewRecipe shows the prompts of the real stages for the first words of
// the source.
func (f *Fake) PreviewRecipe(ctx context.Context, o seedbed.PreviewOptions) (seedbed.Preview, error) {
	f.mu.Lock()
	s, err := f.source(o.Source)
	doc := f.documents[o.Source]
	f.mu.Unlock()
	if err != nil {
		return seedbed.Preview{}, err
	}
	if doc == nil {
		return seedbed.Preview{}, seedbed.Errorf(seedbed.Conflict, "the source is not read yet")
	}
	r, _ := stage.Lookup("quick")
	if o.Body != "" {
		if r, err = stage.Parse([]byte(o.Body)); err != nil {
			return seedbed.Preview{}, seedbed.Errorf(seedbed.Invalid, "%w", err)
		}
	}
	p := extract.Passage{ID: s.ID, Text: doc.Text, Locator: extract.Locator{End: len([]rune(doc.Text))}, Path: []string{s.Title}}
	send := -1
	if o.Send != nil {
		send = *o.Send
	}
	seen, err := stage.Preview(ctx, r, p, answering{}, send)
	if err != nil {
		return seedbed.Preview{}, err
	}
	out := seedbed.Preview{Passage: seedbed.RunPassage{Ordinal: o.Ordinal, Passage: p.ID, Path: p.Path, End: p.End}, Skip: seen.Skip, Reply: seen.Reply, Seeds: seen.Seeds}
	for _, c := range seen.Calls {
		out.Calls = append(out.Calls, seedbed.PreviewCall{Stage: c.Stage, Model: "llama3.1:8b", Messages: c.Request.Messages, Tokens: c.Tokens})
	}
	return out, nil
}

// answering is a model with one answer.
type answering struct{}

func (answering) Complete(context.Context, extract.Request) (extract.Reply, error) {
	return extract.Reply{
		Text:  `{"explicit":[],"steps":[],"pairs":[{"question":"What is <b>asked</b>?","quotes":["nothing"],"reasoning":[],"answer":"An answer of one sentence.","short_answer":"","type":"factual","difficulty":1}]}`,
		Model: "llama3.1:8b", Usage: extract.Usage{In: 1800, Out: 90},
	}, nil
}

func (f *Fake) Recipes(context.Context) ([]seedbed.Recipe, error) {
	list, err := f.builtin()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(f.recipes)) {
		r := seedbed.Recipe{Name: name, Own: true, Changed: f.Now(), Hash: "0a1b"}
		if parsed, err := stage.Parse([]byte(f.recipes[name])); err == nil {
			r.Description, r.NeedsModel, r.Hash = parsed.Description, parsed.NeedsModel(), parsed.Hash()
			for _, s := range parsed.Stages {
				r.Stages = append(r.Stages, s.Name)
			}
		}
		list = append(list, r)
	}
	return list, err
}

func (f *Fake) builtin() ([]seedbed.Recipe, error) {
	return []seedbed.Recipe{
		{Name: "explicit", Hash: "1f3a", Description: "The pairs of question and answer that the text itself states. Needs no model.", Stages: []string{"harvest", "ground", "standalone", "dedupe"}},
		{Name: "quick", Hash: "9c2e", Description: "Stated pairs, and questions derived from the text’s reasoning, in one model call a passage.", NeedsModel: true, Stages: []string{"screen", "harvest", "derive", "ground", "standalone", "dedupe"}},
	}, nil
}

func (f *Fake) Endpoints(context.Context) ([]seedbed.Endpoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(f.endpoints)
	for i := range out {
		out[i].HasKey, out[i].Key = out[i].Key != "", ""
	}
	return out, nil
}

func (f *Fake) SaveEndpoint(_ context.Context, e seedbed.Endpoint) (seedbed.Endpoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(e.URL, "http") {
		return e, seedbed.Errorf(seedbed.Invalid, "%q is no address of a model server: it begins with http:// or https:// and ends in /v1", e.URL)
	}
	if e.Default {
		for i := range f.endpoints {
			f.endpoints[i].Default = false
		}
	}
	if i := find(f.endpoints, e.ID, func(e seedbed.Endpoint) string { return e.ID }); i >= 0 {
		if e.Key == "" && e.URL == f.endpoints[i].URL {
			e.Key = f.endpoints[i].Key
		}
		f.endpoints[i] = e
		return e, nil
	}
	e.ID = fmt.Sprintf("e%d", len(f.endpoints)+1)
	f.endpoints = append(f.endpoints, e)
	return e, nil
}

func (f *Fake) DeleteEndpoint(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endpoints = slices.DeleteFunc(f.endpoints, func(e seedbed.Endpoint) bool { return e.ID == id })
	return nil
}

// Key is the key that an endpoint was saved with.
func (f *Fake) Key(id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.endpoints {
		if e.ID == id {
			return e.Key
		}
	}
	return ""
}

func (f *Fake) EndpointModels(ctx context.Context, _ string) ([]string, error) {
	return f.ListModels(ctx, "", "")
}

func (f *Fake) ListModels(_ context.Context, url, _ string) ([]string, error) {
	if f.Models == nil {
		return nil, seedbed.Errorf(seedbed.Unavailable, "no model server answers at %s", url)
	}
	return f.Models, nil
}

func (f *Fake) TestEndpoint(context.Context, string) (string, error) {
	if f.Models == nil {
		return "", seedbed.Errorf(seedbed.Unavailable, "connection refused: is the model server running?")
	}
	return f.Models[0] + " answered in 412 ms, and follows a JSON schema.", nil
}

// AddSeed stores a seed as it is.
func (f *Fake) AddSeed(s extract.Seed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seeds = append(f.seeds, stored{seed: s, version: 1})
}

// field is a seed's values of a filter.
func (f *Fake) field(name string, s extract.Seed) []string {
	switch name {
	case "verdict":
		return []string{s.Verdict}
	case "type":
		return []string{s.Type}
	case "origin":
		return []string{s.Origin}
	case "source":
		return []string{s.Source.ID}
	case "kind":
		return []string{s.Source.Kind}
	case "language":
		return []string{s.Language}
	case "tag":
		return s.Tags
	case "run":
		return []string{s.Run}
	case "collection":
		if src, err := f.source(s.Source.ID); err == nil {
			return []string{src.Collection}
		}
	}
	return nil
}

// Search looks for seeds that hold every word of the query.
func (f *Fake) Search(_ context.Context, q seedbed.Filter) (seedbed.Results, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	verdict := q.Verdict
	if verdict == nil {
		verdict = []string{extract.Draft, extract.Accepted}
	}
	wanted := map[string][]string{
		"verdict": verdict, "type": q.Type, "origin": q.Origin, "source": q.Source, "kind": q.Kind,
		"language": q.Language, "tag": q.Tag, "run": q.Run, "collection": q.Collection,
	}
	words := strings.Fields(strings.ToLower(q.Query))
	match := func(s extract.Seed, except string) bool {
		text := strings.ToLower(s.Question + " " + s.Answer)
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		for name, want := range wanted {
			if name != except && len(want) > 0 && !slices.ContainsFunc(f.field(name, s), func(v string) bool { return slices.Contains(want, v) }) {
				return false
			}
		}
		return s.Difficulty.Estimated >= q.MinDifficulty
	}
	var found []extract.Seed
	for _, x := range slices.Backward(f.seeds) {
		if match(x.seed, "") {
			found = append(found, x.seed)
		}
	}
	if q.Sort == "oldest" {
		slices.Reverse(found)
	}
	res := seedbed.Results{Fallback: f.Away, Behind: f.Index.Behind, Total: len(found), Facets: map[string][]seedbed.Facet{}, Took: 3 * time.Millisecond}
	for _, name := range []string{"verdict", "type", "origin", "source", "language", "tag", "kind"} {
		res.Facets[name] = f.count(name, match)
	}
	size := cmp.Or(q.Size, seedbed.DefaultPageSize)
	from := min((max(q.Page, 1)-1)*size, len(found))
	for _, s := range found[from:min(from+size, len(found))] {
		h := seedbed.Hit{Seed: s}
		if len(words) > 0 {
			h.Highlights = map[string]string{"question": marked(s.Question, words), "answer": marked(s.Answer, words)}
		}
		res.Hits = append(res.Hits, h)
	}
	return res, nil
}

func (f *Fake) count(name string, match func(extract.Seed, string) bool) []seedbed.Facet {
	var out []seedbed.Facet
	for _, x := range f.seeds {
		if !match(x.seed, name) {
			continue
		}
		for _, v := range f.field(name, x.seed) {
			i := find(out, v, func(f seedbed.Facet) string { return f.Value })
			if i < 0 {
				i = len(out)
				out = append(out, seedbed.Facet{Value: v})
				if name == "source" {
					out[i].Label = x.seed.Source.Title
				}
			}
			out[i].Count++
		}
	}
	slices.SortStableFunc(out, func(a, b seedbed.Facet) int { return b.Count - a.Count })
	return out
}

func marked(text string, words []string) string {
	for _, w := range words {
		if i := strings.Index(strings.ToLower(text), w); i >= 0 {
			text = text[:i] + seedbed.MarkStart + text[i:i+len(w)] + seedbed.MarkEnd + text[i+len(w):]
		}
	}
	return text
}

func (f *Fake) Seed(_ context.Context, id string) (extract.Seed, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := find(f.seeds, id, func(s stored) string { return s.seed.ID })
	if i < 0 {
		return extract.Seed{}, 0, missing("seed", id)
	}
	return f.seeds[i].seed, f.seeds[i].version, nil
}

// Similar compares with all seeds.
func (f *Fake) Similar(ctx context.Context, id string) ([]seedbed.Similar, error) {
	seed, _, err := f.Seed(ctx, id)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []seedbed.Similar{}
	for _, s := range f.seeds {
		if same := stage.Similarity(seed.Question, s.seed.Question); same > 0 && s.seed.ID != id {
			out = append(out, seedbed.Similar{Seed: s.seed, Similarity: same})
		}
	}
	slices.SortFunc(out, func(a, b seedbed.Similar) int { return cmp.Compare(b.Similarity, a.Similarity) })
	return out, nil
}

func (f *Fake) UpdateSeed(ctx context.Context, id string, version int64, c seedbed.SeedChange) (extract.Seed, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := find(f.seeds, id, func(s stored) string { return s.seed.ID })
	if i < 0 {
		return extract.Seed{}, 0, missing("seed", id)
	}
	x := &f.seeds[i]
	if version != 0 && version != x.version {
		return extract.Seed{}, 0, seedbed.Errorf(seedbed.Stale, "the seed has been changed since")
	}
	before := x.seed
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&x.seed.Question, c.Question)
	set(&x.seed.Answer, c.Answer)
	set(&x.seed.ShortAnswer, c.ShortAnswer)
	set(&x.seed.Type, c.Type)
	set(&x.seed.Verdict, c.Verdict)
	set(&x.seed.VerdictReason, c.VerdictReason)
	if c.Reasoning != nil {
		x.seed.Reasoning = *c.Reasoning
	}
	if c.Tags != nil {
		x.seed.Tags = *c.Tags
	}
	x.version++
	if changes := seedbed.Changes(before, x.seed); len(changes) > 0 {
		x.history = append([]seedbed.Revision{{Version: x.version, Time: f.Now(), Who: seedbed.ByPerson, User: seedbed.UserOf(ctx).Name, Changes: changes}}, x.history...)
	}
	return x.seed, x.version, nil
}

// History gives two revisions at once.
func (f *Fake) History(_ context.Context, id string, before int64) (list []seedbed.Revision, more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := find(f.seeds, id, func(s stored) string { return s.seed.ID })
	if i < 0 {
		return nil, false, missing("seed", id)
	}
	for _, v := range f.seeds[i].history {
		if before == 0 || v.Version < before {
			list = append(list, v)
		}
	}
	const most = 2
	return list[:min(len(list), most)], len(list) > most, nil
}

// WriteSeed compares with all seeds, and knows nothing of passages.
func (f *Fake) WriteSeed(ctx context.Context, n seedbed.NewSeed) (extract.Seed, int64, error) {
	doc, err := f.Document(ctx, n.Source)
	if err != nil {
		return extract.Seed{}, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	src, err := f.source(n.Source)
	if err != nil {
		return extract.Seed{}, 0, err
	}
	s := extract.Seed{
		ID: fmt.Sprintf("written%d", len(f.seeds)), Question: n.Question, Answer: n.Answer, ShortAnswer: n.ShortAnswer, Reasoning: n.Reasoning,
		Type: cmp.Or(n.Type, extract.Factual), Tags: n.Tags, Language: n.Language, Origin: extract.Manual, Verdict: extract.Accepted,
		Source: extract.SourceRef{ID: src.ID, Title: src.Title, Kind: src.Kind}, Created: f.Now(),
	}
	s.Difficulty.Estimated = n.Difficulty
	for _, q := range n.Evidence {
		e, closest := stage.Locate(doc, q.Quote)
		if e.Match == "" {
			return s, 0, seedbed.Errorf(seedbed.Ungrounded, "“%s” does not stand in the source; the closest is “%s”", q.Quote, closest)
		}
		s.Evidence = append(s.Evidence, e)
	}
	for _, x := range f.seeds {
		if !n.Duplicate && stage.Similarity(x.seed.Question, s.Question) >= 0.6 {
			same := &seedbed.DuplicateError{Seed: x.seed.ID, Question: x.seed.Question}
			return s, 0, &seedbed.Error{Code: seedbed.Duplicate, Message: same.Error(), Err: same}
		}
	}
	written := seedbed.Revision{Version: 1, Time: f.Now(), Who: seedbed.ByPerson, User: seedbed.UserOf(ctx).Name, Changes: []seedbed.FieldChange{}}
	f.seeds = append(f.seeds, stored{seed: s, version: 1, history: []seedbed.Revision{written}})
	return s, 1, nil
}

// DeleteSeed forgets a seed.
func (f *Fake) DeleteSeed(_ context.Context, id string, version int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := find(f.seeds, id, func(s stored) string { return s.seed.ID })
	if i < 0 {
		return missing("seed", id)
	}
	if version != 0 && version != f.seeds[i].version {
		return seedbed.Errorf(seedbed.Stale, "the seed has been changed since")
	}
	f.seeds = slices.Delete(f.seeds, i, i+1)
	return nil
}

// Indexed implements web.Seeds: what is changed is found at once.
func (f *Fake) Indexed(context.Context) error { return nil }

// DeleteSeeds forgets those that a search finds.
func (f *Fake) DeleteSeeds(ctx context.Context, ids []string, still seedbed.Filter) (n int, err error) {
	if still.Verdict == nil {
		still.Verdict = query.Verdicts
	}
	still.Query, still.Page, still.Size = "", 1, math.MaxInt
	res, err := f.Search(ctx, still)
	for _, h := range res.Hits {
		if slices.Contains(ids, h.Seed.ID) && f.DeleteSeed(ctx, h.Seed.ID, 0) == nil {
			n++
		}
	}
	return n, err
}

func (f *Fake) Formats() []seedbed.Format {
	return []seedbed.Format{
		{Name: "seedbed", Title: "Seedbed", Extension: ".jsonl", MediaType: "application/jsonl", About: "Everything there is to know of each seed, evidence and checks included."},
		{Name: "messages", Title: "Messages", Extension: ".jsonl", MediaType: "application/jsonl", About: "Chats for fine-tuning with OpenAI or TRL."},
		{Name: "alpaca", Title: "Alpaca", Extension: ".json", MediaType: "application/json", About: "Instruction, input and output."},
		{Name: "sharegpt", Title: "ShareGPT", Extension: ".json", MediaType: "application/json", About: "Conversations for Axolotl and LLaMA-Factory."},
		{Name: "csv", Title: "CSV", Extension: ".csv", MediaType: "text/csv", About: "A table for spreadsheets."},
		{Name: "huggingface", Title: "Hugging Face", Extension: ".zip", MediaType: seedbed.Archive, Binary: true, About: "A data set for the Hub."},
	}
}

// Shares deals the sources in turns.
func (f *Fake) Shares(ctx context.Context, o seedbed.ExportOptions, q seedbed.Filter) ([]seedbed.Share, error) {
	if len(o.Split) == 0 {
		return nil, nil
	}
	if q.Verdict == nil {
		q.Verdict = []string{extract.Accepted}
	}
	res, err := f.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	from := slices.DeleteFunc(res.Facets["source"], func(x seedbed.Facet) bool { return x.Count == 0 })
	if len(from) < len(o.Split) {
		return nil, seedbed.Errorf(seedbed.Conflict, "%d parts need %d sources", len(o.Split), len(o.Split))
	}
	out := make([]seedbed.Share, len(o.Split))
	for i, p := range o.Split {
		out[i] = seedbed.Share{Name: p.Name, Asked: p.Share, Filled: i > 0}
	}
	for i, x := range from {
		s := &out[i%len(out)]
		s.Sources++
		s.Seeds += x.Count
		s.Came += float64(x.Count) / float64(res.Total)
	}
	return out, nil
}

// Export writes records as JSON Lines, or question and answer as CSV, all in
// one file.
func (f *Fake) Export(ctx context.Context, w io.Writer, o seedbed.ExportOptions, q seedbed.Filter) (seedbed.Manifest, error) {
	if q.Verdict == nil {
		q.Verdict = []string{extract.Accepted}
	}
	q.Size, q.Sort = seedbed.MaxPageSize, "oldest"
	m := seedbed.Manifest{Program: "fake", Format: o.Format, Filter: map[string][]string{"verdict": q.Verdict}, LeftOut: f.ExportLeaves}
	table := csv.NewWriter(w)
	for q.Page = 1; ; q.Page++ {
		res, err := f.Search(ctx, q)
		if err != nil {
			return m, err
		}
		for _, h := range res.Hits {
			if f.ExportNone {
				continue
			}
			if o.Format == "csv" {
				err = table.Write([]string{h.Seed.Question, h.Seed.Answer})
			} else {
				err = json.NewEncoder(w).Encode(h.Seed)
			}
			if err != nil {
				return m, fmt.Errorf("export seed %s: %w", h.Seed.ID, err)
			}
			m.Seeds++
		}
		if len(res.Hits) < q.Size {
			table.Flush()
			return m, cmp.Or(f.ExportFails, table.Error())
		}
	}
}
