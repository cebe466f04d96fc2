package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/stage"
	"seedbed/internal/fetch"
	"seedbed/internal/sandbox"
)

type extractCmd struct {
	localURLs
	Paths       []string `arg:"" help:"Files, folders, archives, or https addresses of files and git repositories."`
	Output      string   `short:"o" help:"Write to this file instead of stdout." type:"path"`
	Recipe      string   `help:"A recipe's name, or the path of its YAML file; quick where a model is set, else explicit."`
	Model       string   `help:"The model's name at its server." env:"SEEDBED_LLM_MODEL"`
	URL         string   `name:"url" help:"The model server's base URL, ending in /v1." env:"SEEDBED_LLM_URL"`
	Key         string   `hidden:"" env:"SEEDBED_LLM_KEY"`
	Epoch       string   `hidden:"" env:"SOURCE_DATE_EPOCH"`
	Concurrency int      `help:"Calls at once." default:"4" env:"SEEDBED_LLM_CONCURRENCY"`
	Cache       string   `help:"Keep the model's replies in this folder: the next time pays only for what is new." type:"path"`
	Count       int      `help:"Seeds at most of each path, spread over it; 0 is as many as there are."`
	LimitCost   float64  `help:"Begin no more passages once this much is spent; needs the prices."`
	Execute     bool     `help:"Run code, the model's too, to check it: in a sandbox without network, made with bubblewrap." env:"SEEDBED_EXECUTE"`
	LimitTokens int      `help:"Begin no more passages once so many tokens were sent and received."`
	Estimate    bool     `help:"Only say what it would take: passages, calls, tokens and cost by stage. Asks no model."`
	modelLimits
	readFlags
	Rejected bool `help:"Print rejected pairs too, each with its reason."`

	children *sandbox.Pool // that read
}

func (c extractCmd) Run(ctx context.Context, s *streams) error {
	for _, path := range c.Paths {
		if _, err := os.Stat(path); err != nil && !fetch.IsURL(path) {
			return misuse("%w", err)
		}
	}
	recipe, err := c.recipe()
	if err != nil {
		return err
	}
	if c.LimitCost > 0 && c.PriceIn == 0 && c.PriceOut == 0 {
		return misuse("--limit-cost needs --price-in and --price-out")
	}
	if c.Count != 0 {
		if recipe, err = recipe.WithCount(c.Count); err != nil {
			return misuse("--count: %v", err)
		}
	}
	c.children = &sandbox.Pool{}
	defer c.children.Close()
	if c.Estimate {
		return writeTo(c.Output, s.out, func(w io.Writer) error { return c.estimate(ctx, w, recipe) })
	}
	runner, _ := openJail(ctx, c.Execute, s.log)
	tools := stage.Tools{Runner: runner}
	if recipe.NeedsModel() {
		if tools.Model, err = c.model(ctx, s); err != nil {
			return err
		}
	}
	// Built once for all paths, so that a pair that two files share is found.
	stages, err := stage.Build(recipe, tools)
	if err != nil {
		return err
	}

	return writeTo(c.Output, s.out, func(w io.Writer) error {
		return c.extract(ctx, s, w, recipe, stages)
	})
}

// extract writes the seeds of all paths to w. A path that fails does not
// stop the others.
func (c extractCmd) extract(ctx context.Context, s *streams, w io.Writer, recipe stage.Recipe, stages []extract.Stage) error {
	now, err := c.clock()
	if err != nil {
		return err
	}
	x := extraction{cmd: c, recipe: recipe, stages: stages, streams: s, out: json.NewEncoder(w), now: now}
	x.out.SetEscapeHTML(false)
	var failed int
	for _, path := range c.Paths {
		if err := x.path(ctx, path); err != nil {
			failed++
			_, _ = fmt.Fprintf(s.err, "seedbed: %v\n", err)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		}
	}
	if x.overspent() {
		return fmt.Errorf("stopped at the limit: %.4f and %d tokens spent; with --cache, a higher limit goes on where this ended", x.spent.Cost, x.spent.Tokens.In+x.spent.Tokens.Out)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d could not be done whole", failed, len(c.Paths))
	}
	return nil
}

func (c extractCmd) recipe() (stage.Recipe, error) {
	name := c.Recipe
	if name == "" {
		name = "explicit"
		if c.URL != "" {
			name = "quick"
		}
	}
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		body, err := os.ReadFile(name)
		if err != nil {
			return stage.Recipe{}, err
		}
		return stage.Parse(body)
	}
	if r, ok := stage.Lookup(name); ok {
		return r, nil
	}
	var known []string
	for _, r := range stage.Builtin() {
		known = append(known, r.Name)
	}
	return stage.Recipe{}, misuse("no recipe is called %q; there are %s, or the path of a YAML file", name, strings.Join(known, ", "))
}

func (c extractCmd) model(ctx context.Context, s *streams) (extract.Model, error) {
	if c.URL == "" {
		return nil, misuse("this recipe asks a model: give its server with --url or SEEDBED_LLM_URL")
	}
	probe := llm.New(llm.Options{URL: c.URL, Key: c.Key, Model: c.Model})
	defer probe.Close()
	if c.Model == "" {
		var err error
		if c.Model, err = probe.OnlyModel(ctx); errors.Is(err, llm.ErrUnchosen) {
			return nil, misuse("%v; name one by --model or SEEDBED_LLM_MODEL", err)
		} else if err != nil {
			return nil, err
		}
	}
	server := probe.Learn(ctx)
	limits := llm.Limits{Concurrency: c.Concurrency, RPM: c.RPM, TPM: c.TPM}
	if server.Slots > 0 { // more would only wait there
		limits.Concurrency = min(limits.Concurrency, server.Slots)
	}
	var model extract.Model = llm.New(llm.Options{
		URL: c.URL, Key: c.Key, Model: c.Model, Concurrency: c.Concurrency,
		Limiter: llm.NewLimiter(limits, llm.Options{}), Server: server,
		PriceIn: c.PriceIn, PriceOut: c.PriceOut, Log: s.log,
	})
	if c.Cache != "" {
		model = llm.Cached(model, llm.Dir(c.Cache))
	}
	return extract.Metered(model), nil
}

// clock tells when seeds are made: at SOURCE_DATE_EPOCH, where it is set, so
// that the same input gives the same bytes.
func (c extractCmd) clock() (func() time.Time, error) {
	if c.Epoch == "" {
		return time.Now, nil
	}
	seconds, err := strconv.ParseInt(c.Epoch, 10, 64)
	if err != nil {
		return nil, misuse("SOURCE_DATE_EPOCH: %q is no number of seconds since 1970", c.Epoch)
	}
	return func() time.Time { return time.Unix(seconds, 0) }, nil
}

// An extraction is one call of the command, over all its paths.
type extraction struct {
	cmd     extractCmd
	recipe  stage.Recipe
	stages  []extract.Stage
	streams *streams
	out     *json.Encoder
	now     func() time.Time

	mu    sync.Mutex // passages are drawn in a goroutine of the runner's
	spent extract.Spent
}

func (x *extraction) add(s extract.Spent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.spent = x.spent.Add(s)
}

func (x *extraction) overspent() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cmd.LimitCost > 0 && x.spent.Cost >= x.cmd.LimitCost ||
		x.cmd.LimitTokens > 0 && x.spent.Tokens.In+x.spent.Tokens.Out >= x.cmd.LimitTokens
}

// estimate writes what the paths would take, a line a stage.
func (c extractCmd) estimate(ctx context.Context, w io.Writer, recipe stage.Recipe) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "path\tstage\tcalls\ttokens in\ttokens out\tcost")
	line := func(path, name string, calls int, t extract.Tokens) {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%.4f\n", path, name, calls, t.In, t.Out, t.Cost(c.PriceIn, c.PriceOut))
	}
	for _, arg := range c.Paths {
		path, e, err := c.expect(ctx, arg, recipe)
		if err != nil {
			return err
		}
		for _, s := range e.Stages {
			line(path, s.Stage, s.Calls, s.Tokens)
		}
		calls, t := e.Total()
		line(path, fmt.Sprintf("all: %d passages, %d left out", e.Passages, e.Skipped), calls, t)
	}
	return out.Flush()
}

// path extracts one file or folder. Passages that fail are counted and told;
// the seeds of all others are written.
func (x *extraction) path(ctx context.Context, arg string) error {
	if x.overspent() {
		return fmt.Errorf("%s: not begun: the limit is reached", fetch.Show(arg))
	}
	file, path, done, err := x.cmd.local(ctx, arg)
	if err != nil {
		return err
	}
	defer done()
	doc, err := x.cmd.document(ctx, x.cmd.children, file, path)
	if err != nil {
		return err
	}
	for _, w := range doc.Warnings {
		_, _ = fmt.Fprintf(x.streams.err, "%s: %s\n", path, w)
	}
	for _, f := range doc.Skipped {
		_, _ = fmt.Fprintf(x.streams.err, "%s: left out %s: %s\n", path, f.File, f.Reason)
	}
	sum, err := contentHash(file)
	if err != nil {
		return err
	}
	passages := slices.Collect(chunk.Split(doc, chunk.Options{}))
	progress := newProgress(x.streams.err, filepath.Base(path), len(passages))
	var made, rejected, skipped, failed int
	results := extract.Run(ctx, x.affordable(passages), x.stages, extract.Options{
		Recipe:      x.recipe.Name + "@" + x.recipe.Hash(),
		Source:      extract.SourceRef{ID: sum[:24], SHA256: sum, Title: cmp.Or(doc.Title, filepath.Base(path)), Kind: doc.Kind, License: doc.License},
		Now:         x.now,
		Count:       x.recipe.Count,
		Concurrency: x.cmd.Concurrency,
	})
	var ledger []extract.Entry
	for r := range results {
		x.add(r.Spent)
		progress.step()
		ledger = append(ledger, r.Entry())
		switch {
		case errors.As(r.Err, new(extract.Skip)):
			skipped++
			continue
		case ctx.Err() != nil:
			continue
		case r.Err != nil:
			failed++
			progress.clear()
			_, _ = fmt.Fprintf(x.streams.err, "%s: passage at %d–%d failed: %v\n", path, r.Passage.Start, r.Passage.End, r.Err)
			continue
		}
		for _, seed := range r.Seeds {
			if !seed.Live() {
				rejected++
				if !x.cmd.Rejected {
					continue
				}
			} else {
				made++
			}
			if err := x.out.Encode(seed); err != nil {
				return err
			}
		}
	}
	progress.clear()
	_, _ = fmt.Fprintf(x.streams.err, "%s: %d seeds from %d passages, %d rejected, %d passages skipped, %d failed",
		path, made, len(passages), rejected, skipped, failed)
	if x.recipe.NeedsModel() {
		_, _ = fmt.Fprintf(x.streams.err, "; %d calls, %d from the cache, %d tokens in, %d out",
			x.spent.Calls, x.spent.Cached, x.spent.Tokens.In, x.spent.Tokens.Out)
		if x.spent.Prefix > 0 {
			_, _ = fmt.Fprintf(x.streams.err, ", %d of those in from the server's prompt cache", x.spent.Prefix)
		}
	}
	_, _ = fmt.Fprintln(x.streams.err)
	x.coverage(path, ledger)
	if failed > 0 {
		return fmt.Errorf("%s: %d of %d passages failed", path, failed, len(passages))
	}
	return nil
}

// expect estimates one path, and names it.
func (c extractCmd) expect(ctx context.Context, arg string, recipe stage.Recipe) (string, stage.Estimate, error) {
	file, path, done, err := c.local(ctx, arg)
	if err != nil {
		return "", stage.Estimate{}, err
	}
	defer done()
	doc, err := c.document(ctx, c.children, file, path)
	if err != nil {
		return path, stage.Estimate{}, err
	}
	e, err := stage.Expect(ctx, recipe, chunk.Split(doc, chunk.Options{}))
	return path, e, err
}

// sectionsTold is how many sections without seeds are named.
const sectionsTold = 8

// coverage tells which sections gave no seed, and why.
func (x *extraction) coverage(path string, ledger []extract.Entry) {
	sections := extract.Sections(ledger, 2)
	var without []extract.Coverage
	for _, c := range sections {
		if c.Covered == 0 {
			without = append(without, c)
		}
	}
	_, _ = fmt.Fprintf(x.streams.err, "%s: %d of %d sections gave seeds\n", path, len(sections)-len(without), len(sections))
	for _, e := range ledger {
		if e.Note != "" {
			_, _ = fmt.Fprintf(x.streams.err, "  %s, %d–%d: %s\n", cmp.Or(strings.Join(e.Section, " › "), "without a heading"), e.Start, e.End, e.Note)
		}
	}
	for i, c := range without {
		if i == sectionsTold {
			_, _ = fmt.Fprintf(x.streams.err, "  and %d more without\n", len(without)-i)
			break
		}
		var why []string
		for _, w := range c.Without {
			why = append(why, w.Why())
		}
		_, _ = fmt.Fprintf(x.streams.err, "  %s: %s\n", cmp.Or(strings.Join(c.Section, " › "), "without a heading"), strings.Join(why, "; "))
	}
}

// affordable yields the passages for as long as the limit is not reached.
func (x *extraction) affordable(passages []extract.Passage) iter.Seq[extract.Passage] {
	return func(yield func(extract.Passage) bool) {
		for _, p := range passages {
			if x.overspent() || !yield(p) {
				return
			}
		}
	}
}

// contentHash is the SHA-256 of a file's bytes, or of the names and bytes of
// a folder's files in their order.
func contentHash(path string) (string, error) {
	h := sha256.New()
	add := func(name string) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		_, err = io.Copy(h, f)
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		err = add(path)
		return hex.EncodeToString(h.Sum(nil)), err
	}
	err = filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(path, name)
		if err != nil {
			return err
		}
		h.Write([]byte(filepath.ToSlash(rel) + "\x00"))
		return add(name)
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// A progress is one line on a terminal, and nothing anywhere else.
type progress struct {
	w           io.Writer
	name        string
	done, total int
}

func newProgress(w io.Writer, name string, total int) *progress {
	p := &progress{name: name, total: total}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
	}
	return p
}

func (p *progress) step() {
	p.done++
	if p.w != nil {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s  %d of %d passages", p.name, p.done, p.total)
	}
}

func (p *progress) clear() {
	if p.w != nil {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
