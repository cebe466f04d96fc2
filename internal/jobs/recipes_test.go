package jobs_test

import (
	"strings"
	"testing"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
)

const mine = `name: mine
description: A short one.
stages:
  - derive:
      prompt: |
        MINE {{.Limit}}
        <passage>
        {{.Passage}}
        </passage>
  - ground
  - dedupe
`

// TestOwnRecipes keeps recipes that people write, and runs by them.
func TestOwnRecipes(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{})
	b := start(t, t.TempDir(), impatient(s, 2))
	ctx := t.Context()
	made, err := b.SaveRecipe(ctx, "", mine)
	if err != nil || made.Name != "mine" || !made.Own || made.Body != mine || !strings.Contains(made.Resolved, "temperature: 0.2") {
		t.Fatalf("SaveRecipe = %+v, %v", made, err)
	}
	_, err = b.Upload(ctx, seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), RunOptions: seedbed.RunOptions{Recipe: "quik"}})
	if seedbed.CodeOf(err) != seedbed.Invalid || !strings.Contains(err.Error(), "explicit") || !strings.Contains(err.Error(), "mine") {
		t.Errorf("a run by a recipe that is not there gives %v; want those there are, their own too", err)
	}
	for _, c := range []struct{ what, name, body, code, words string }{
		{"the same name again", "", mine, seedbed.Conflict, "another name"},
		{"a built-in's name", "", strings.Replace(mine, "mine", "quick", 1), seedbed.Conflict, "another name"},
		{"a name for no address", "", strings.Replace(mine, "name: mine", "name: a/b", 1), seedbed.Invalid, "small letters"},
		{"a mistake", "mine", strings.Replace(mine, "{{.Limit}}", "{{.Limits}}", 1), seedbed.Invalid, "line 6: stage derive: prompt: there is no {{.Limits}} here, did you mean \"Limit\"?"},
		{"one that is not there", "other", mine, seedbed.NotFound, "other"},
	} {
		if _, err := b.SaveRecipe(ctx, c.name, c.body); seedbed.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("SaveRecipe of %s: %v, want %s: … %s …", c.what, err, c.code, c.words)
		}
	}

	run := b.ended(b.upload("machines.md", book(3), seedbed.RunOptions{Recipe: "mine"}).Run.ID)
	if run.State != seedbed.RunDone || run.Seeds == 0 || run.RecipeHash != made.Hash {
		t.Errorf("the run is %+v", run)
	}
	for _, r := range s.Requests() {
		if !strings.Contains(r.Text(), "MINE ") {
			t.Errorf("asked:\n%s", r.Text())
		}
	}

	// A new name in the text renames it, and the run keeps its own.
	if _, err := b.SaveRecipe(ctx, "mine", strings.Replace(mine, "name: mine", "name: ours", 1)); err != nil {
		t.Fatal(err)
	}
	list, err := b.Recipes(ctx)
	if err != nil || list[len(list)-1].Name != "ours" || list[len(list)-1].Body != "" {
		t.Errorf("Recipes = %+v, %v", list, err)
	}
	if _, err := b.Recipe(ctx, "mine"); seedbed.CodeOf(err) != seedbed.NotFound {
		t.Errorf("the old name is still there: %v", err)
	}
	if err := b.DeleteRecipe(ctx, "ours"); err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]string{"ours": seedbed.NotFound, "quick": seedbed.Conflict} {
		if err := b.DeleteRecipe(ctx, name); seedbed.CodeOf(err) != code {
			t.Errorf("DeleteRecipe(%s): %v, want %s", name, err, code)
		}
	}
	if body, err := b.DB.RecipeBody(ctx, run.ID); err != nil || body != made.Resolved {
		t.Errorf("the run has lost its recipe: %v", err)
	}
}

// TestLimit pauses a run that has spent what it may, and goes on when that is
// raised; no call is made twice.
func TestLimit(t *testing.T) {
	for name, limits := range map[string][2]seedbed.Limits{
		"tokens": {{Tokens: 12_000}, {Tokens: 1_000_000}},
		"cost":   {{Cost: 0.02}, {Cost: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.New(t, llmtest.Script{})
			o := impatient(s, 2)
			o.Client.PriceIn, o.Client.PriceOut = 1, 4
			b := start(t, t.TempDir(), o)
			id := b.upload("machines.md", book(20), seedbed.RunOptions{Limits: limits[0]}).Run.ID
			run := b.until(id, func(r seedbed.Run) bool {
				// What the call under way has cost is counted a moment after the pause.
				return r.State == seedbed.RunPaused && r.Overspent() || r.Ended()
			})
			if run.State != seedbed.RunPaused || run.Error == nil || run.Error.Code != seedbed.Spent || !run.Overspent() {
				t.Fatalf("the run is %s after %d calls: %+v", run.State, run.Calls, run.Error)
			}
			asked := s.Stats().Requests
			if asked >= 20 {
				t.Errorf("%d calls were made", asked)
			}
			if err := b.Resume(t.Context(), id); seedbed.CodeOf(err) != seedbed.Spent {
				t.Errorf("Resume at the limit: %v", err)
			}
			if err := b.LimitRun(t.Context(), id, limits[1]); err != nil {
				t.Fatal(err)
			}
			if err := b.Resume(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			run = b.ended(id)
			if run.State != seedbed.RunDone || run.Passages.Done != 20 || run.Error != nil {
				t.Errorf("resumed, the run ends as %+v", run)
			}
			if stats := s.Stats(); stats.Duplicates != 0 || run.Calls != stats.Requests {
				t.Errorf("%d calls counted, the server says %+v", run.Calls, stats)
			}
		})
	}
}

// TestLimitWithoutPrices refuses a cap that would never be reached, at the
// beginning and later.
func TestLimitWithoutPrices(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Rules: []llmtest.Rule{{Fault: llmtest.Hang}}})
	b := start(t, t.TempDir(), impatient(s, 2))
	ctx, capped := t.Context(), seedbed.Limits{Cost: 1}
	_, err := b.Upload(ctx, seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), RunOptions: seedbed.RunOptions{Limits: capped}})
	if seedbed.CodeOf(err) != seedbed.Invalid {
		t.Errorf("a run with a limit of cost and no prices: %v", err)
	}
	id := b.upload("machines.md", book(5), seedbed.RunOptions{}).Run.ID
	b.until(id, func(r seedbed.Run) bool { return r.State == seedbed.RunRunning })
	if err := b.LimitRun(ctx, id, capped); seedbed.CodeOf(err) != seedbed.Invalid || !strings.Contains(err.Error(), "prices") {
		t.Errorf("LimitRun with no prices gives %v; want what is missing", err)
	}
	if err := b.LimitRun(ctx, id, seedbed.Limits{Tokens: 9_000_000}); err != nil {
		t.Errorf("LimitRun of tokens: %v", err)
	}
	if err := b.Cancel(ctx, id); err != nil {
		t.Error(err)
	}
}

// TestCount keeps a requested count as a ceiling for the whole run, spread
// over the document.
func TestCount(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{})
	b := start(t, t.TempDir(), impatient(s, 4))
	run := b.ended(b.upload("machines.md", book(20), seedbed.RunOptions{Count: 7}).Run.ID)
	if run.State != seedbed.RunDone || run.Seeds > 7 || run.Seeds < 4 || run.Calls > 7 {
		t.Errorf("with a count of 7 the run has %d seeds by %d calls, state %s", run.Seeds, run.Calls, run.State)
	}
	sections := map[string]bool{}
	for _, seed := range b.all(seedbed.Filter{Run: []string{run.ID}}) {
		sections[strings.Join(seed.Source.Section, " ")] = true
	}
	if len(sections) != run.Seeds {
		t.Errorf("the %d seeds stand in %d sections", run.Seeds, len(sections))
	}

	explicit := b.ended(b.upload("more.md", "More.\n\n"+book(20), seedbed.RunOptions{Recipe: "explicit", Count: 2}).Run.ID)
	if explicit.State != seedbed.RunDone || explicit.Seeds > 2 {
		t.Errorf("with a count of 2, without a model, the run is %+v", explicit)
	}
	if _, err := b.StartRun(t.Context(), run.Source, seedbed.RunOptions{Count: -1}); seedbed.CodeOf(err) != seedbed.Invalid {
		t.Errorf("a count of -1: %v", err)
	}
}
