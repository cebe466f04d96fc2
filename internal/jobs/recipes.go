package jobs

import (
	"cmp"
	"context"
	"regexp"
	"strings"

	"seedbed/extract"
	"seedbed/extract/stage"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// recipeName is what a person may call a recipe: it stands in addresses, file
// names and seeds.
var recipeName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// listed describes a recipe.
func listed(r stage.Recipe) seedbed.Recipe {
	out := seedbed.Recipe{Name: r.Name, Hash: r.Hash(), Description: r.Description, NeedsModel: r.NeedsModel()}
	for _, step := range r.Stages {
		out.Stages = append(out.Stages, step.Name)
	}
	return out
}

// Recipes lists the recipes there are, those that come with the program
// first. Of one that cannot be used any more the description says why.
func (s *Service) Recipes(ctx context.Context) ([]seedbed.Recipe, error) {
	var out []seedbed.Recipe
	for _, r := range stage.Builtin() {
		out = append(out, listed(r))
	}
	own, err := s.DB.Recipes(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range own {
		one := seedbed.Recipe{Name: r.Name}
		if parsed, err := stage.Parse([]byte(r.Body)); err == nil {
			one = listed(parsed)
		} else {
			one.Description = "This recipe cannot be used any more: " + err.Error()
		}
		one.Own, one.Changed = true, r.Changed
		out = append(out, one)
	}
	return out, nil
}

// Recipe is one recipe with its text. One that cannot be used any more has a
// text and no hash.
func (s *Service) Recipe(ctx context.Context, name string) (seedbed.Recipe, error) {
	if r, ok := stage.Lookup(name); ok {
		out := listed(r)
		out.Body, out.Resolved = string(r.Body), string(r.Resolved)
		return out, nil
	}
	own, err := s.DB.Recipe(ctx, name)
	if err != nil {
		return seedbed.Recipe{}, err
	}
	out := seedbed.Recipe{Name: own.Name}
	if r, err := stage.Parse([]byte(own.Body)); err == nil {
		out = listed(r)
		out.Resolved = string(r.Resolved)
	}
	out.Own, out.Body, out.Changed = true, own.Body, own.Changed
	return out, nil
}

// recipe is the recipe of a name, to be run.
func (s *Service) recipe(ctx context.Context, name string) (stage.Recipe, error) {
	if r, ok := stage.Lookup(name); ok {
		return r, nil
	}
	own, err := s.DB.Recipe(ctx, name)
	if seedbed.CodeOf(err) == seedbed.NotFound {
		return stage.Recipe{}, s.unknown(ctx, name)
	}
	if err != nil {
		return stage.Recipe{}, err
	}
	return parseRecipe(own.Body)
}

// unknown says that there is no such recipe, and which there are.
func (s *Service) unknown(ctx context.Context, name string) error {
	list, err := s.Recipes(ctx)
	if err != nil {
		return err
	}
	var known []string
	for _, r := range list {
		known = append(known, r.Name)
	}
	return seedbed.Errorf(seedbed.Invalid, "there is no recipe %q: there are %s", name, strings.Join(known, ", "))
}

// parseRecipe reads a recipe that somebody wrote. The error names the line.
func parseRecipe(body string) (stage.Recipe, error) {
	r, err := stage.Parse([]byte(body))
	if err != nil {
		return r, seedbed.Errorf(seedbed.Invalid, "%w", err)
	}
	return r, nil
}

// SaveRecipe adds a recipe, or, with the name of one of one's own, changes
// that: a new name in the text renames it. Runs that were started keep theirs.
func (s *Service) SaveRecipe(ctx context.Context, name, body string) (seedbed.Recipe, error) {
	r, err := parseRecipe(body)
	if err != nil {
		return seedbed.Recipe{}, err
	}
	if !recipeName.MatchString(r.Name) {
		return seedbed.Recipe{}, seedbed.Errorf(seedbed.Invalid, "the recipe's name, %q, has to be of small letters, digits, dots, dashes and underscores, 64 at most", r.Name)
	}
	taken := seedbed.Errorf(seedbed.Conflict, "there is a recipe %q already: give yours another name", r.Name)
	if _, ok := stage.Lookup(r.Name); ok {
		return seedbed.Recipe{}, taken
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if name != "" {
			if _, err := tx.Recipe(ctx, name); err != nil {
				return err
			}
		}
		if r.Name != name {
			if _, err := tx.Recipe(ctx, r.Name); seedbed.CodeOf(err) != seedbed.NotFound {
				if err == nil {
					err = taken
				}
				return err
			}
			if name != "" {
				if err := tx.DeleteRecipe(ctx, name); err != nil {
					return err
				}
			}
		}
		return tx.SaveRecipe(ctx, store.Recipe{Name: r.Name, Body: body, Changed: s.Now()})
	})
	if err != nil {
		return seedbed.Recipe{}, err
	}
	return s.Recipe(ctx, r.Name)
}

// Estimate says what a run would take. The source has to be read.
func (s *Service) Estimate(ctx context.Context, source string, o seedbed.RunOptions) (seedbed.Estimate, error) {
	var out seedbed.Estimate
	run, err := s.newRun(ctx, o)
	if err != nil {
		return out, err
	}
	recipe, err := parseRecipe(run.RecipeBody)
	if err != nil {
		return out, err
	}
	src, doc, err := s.readSource(ctx, source)
	if err != nil {
		return out, err
	}
	var failed error
	e, err := stage.Expect(ctx, recipe, func(yield func(extract.Passage) bool) {
		for from := 0; ; from += planStep {
			ordinals := make([]int, planStep)
			for i := range ordinals {
				ordinals[i] = from + i
			}
			cuts, err := s.DB.Cuts(ctx, src.ID, ordinals)
			if failed = err; err != nil || len(cuts) == 0 {
				return
			}
			for _, c := range cuts {
				c.Doc = doc
				if !yield(c.Passage) {
					return
				}
			}
		}
	})
	if err := cmp.Or(failed, err); err != nil {
		return out, err
	}
	price := s.price(ctx, run)
	out.Passages, out.Skipped = e.Passages, e.Skipped
	out.Calls, out.Tokens = e.Total()
	out.Cost = price(out.Tokens)
	for _, st := range e.Stages {
		out.Stages = append(out.Stages, seedbed.StageEstimate{
			Stage: st.Stage, Model: cmp.Or(st.Model, run.Model), Calls: st.Calls, Tokens: st.Tokens, Cost: price(st.Tokens),
		})
	}
	return out, nil
}

// price is what tokens cost at a run's endpoint.
func (s *Service) price(ctx context.Context, run seedbed.Run) func(extract.Tokens) float64 {
	var in, out float64
	if e, err := s.endpoint(ctx, s.DB, run.Endpoint); err == nil { // without one nothing is asked
		in, out = s.prices(e)
	}
	return func(t extract.Tokens) float64 { return t.Cost(in, out) }
}

// readSource is a source that was read, with its document.
func (s *Service) readSource(ctx context.Context, id string) (seedbed.Source, *extract.Document, error) {
	src, err := s.DB.Source(ctx, id)
	if err != nil {
		return src, nil, err
	}
	if src.State != seedbed.SourceReady {
		return src, nil, seedbed.Errorf(seedbed.Conflict, "the source is not read yet")
	}
	doc, err := s.document(ctx, src)
	return src, doc, err
}

// PreviewRecipe shows what a recipe asks about a passage, and sends one call
// if it is told to. The reply is kept: a run that asks the same has it free.
func (s *Service) PreviewRecipe(ctx context.Context, o seedbed.PreviewOptions) (seedbed.Preview, error) {
	var out seedbed.Preview
	var recipe stage.Recipe
	var err error
	if o.Body != "" {
		recipe, err = parseRecipe(o.Body)
	} else {
		recipe, err = s.recipe(ctx, cmp.Or(o.Recipe, "quick"))
	}
	if err != nil {
		return out, err
	}
	src, doc, err := s.readSource(ctx, o.Source)
	if err != nil {
		return out, err
	}
	cuts, err := s.DB.Cuts(ctx, src.ID, []int{o.Ordinal})
	if err != nil {
		return out, err
	}
	if len(cuts) == 0 {
		return out, seedbed.Errorf(seedbed.NotFound, "the source has no passage %d", o.Ordinal+1)
	}
	p := cuts[0].Passage
	p.Doc = doc
	out.Passage = seedbed.RunPassage{Ordinal: o.Ordinal, Passage: p.ID, Path: p.Path, Start: p.Start, End: p.End, Page: p.Page, File: p.File, Tokens: p.Tokens}

	// Nothing has to be connected to look at prompts.
	var model extract.Model
	name, send := o.Model, -1
	if o.Send != nil {
		send = *o.Send
	}
	endpoint, err := s.choose(ctx, o.Endpoint)
	switch {
	case err == nil:
		name = cmp.Or(name, endpoint.Model)
		c, _ := s.models.client(s, endpoint, name)
		model = c.model
	case send >= 0 || o.Endpoint != "":
		return out, err
	}
	quiet := &control{halted: make(chan struct{})}
	var stop context.CancelFunc
	quiet.ctx, stop = context.WithCancel(ctx)
	defer stop()
	watched, done := withControl(ctx, quiet)
	defer done()
	seen, err := stage.Preview(watched, recipe, p, model, send)
	if err != nil {
		return out, inWords(err)
	}
	out.Skip, out.Reply, out.Seeds = seen.Skip, seen.Reply, seen.Seeds
	for _, c := range seen.Calls {
		out.Calls = append(out.Calls, seedbed.PreviewCall{Stage: c.Stage, Model: cmp.Or(c.Request.Model, name), Messages: c.Request.Messages, Tokens: c.Tokens})
	}
	return out, nil
}

// DeleteRecipe removes a recipe of one's own. Runs keep theirs.
func (s *Service) DeleteRecipe(ctx context.Context, name string) error {
	if _, ok := stage.Lookup(name); ok {
		return seedbed.Errorf(seedbed.Conflict, "the recipe %s comes with the program and cannot be removed", name)
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRecipe(ctx, name) })
}
