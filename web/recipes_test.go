package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"seedbed/internal/seedbed"
	"seedbed/web/webtest"
)

// TestRecipeEditor writes a recipe as a person without JavaScript does: with
// a mistake first, then tried on a passage, one prompt sent, and saved.
func TestRecipeEditor(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	send := func(to, body string, more ...string) (int, webtest.Page, string) {
		form := url.Values{"body": {strings.ReplaceAll(body, "\n", "\r\n")}, "source": {"book"}, "passage": {"1"}}
		for i := 0; i+1 < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		w := do(s, "POST", to, form.Encode())
		return w.Code, webtest.Parse(t, w.Body), w.Header().Get("Location")
	}
	const good = "name: club\nstages:\n  - derive:\n      prompt: |\n        Ask about {{.Passage}} in \"quotes\"\n  - ground\n"
	bad := strings.Replace(good, "{{.Passage}}", "{{.Pasage}}", 1)

	code, page, _ := send("/recipes", bad)
	if code != http.StatusUnprocessableEntity && code != http.StatusBadRequest {
		t.Errorf("saving a mistake: %d", code)
	}
	if got := page.Text("[role=alert] .strong"); !strings.Contains(got, `line 5: stage derive: prompt: there is no {{.Pasage}} here, did you mean "Passage"?`) {
		t.Errorf("the mistake is told as %q", got)
	}
	if got := page.Text(".excerpt .wrong"); !strings.HasPrefix(got, "5") || !strings.Contains(got, "{{.Pasage}}") {
		t.Errorf("the line shown is %q", got)
	}
	if got := page.Raw("textarea[name=body]"); got != bad {
		t.Errorf("what was written is lost: %q", got)
	}

	code, page, _ = send("/recipes/new/preview", good)
	if code != http.StatusOK || !strings.Contains(page.Text(".previewed .message:nth-of-type(2) pre"), "Ask about # A Short Course in Sorting") {
		t.Errorf("the preview, %d: %s", code, page.Text(".previewed"))
	}
	page.Want(".previewed .answered", 0)
	code, page, _ = send("/recipes/new/preview", good, "send", "0")
	if code != http.StatusOK || !strings.Contains(page.Text(".answered"), "What is <b>asked</b>?") || !strings.Contains(page.Text(".answered .made .reason"), "quote not in the passage") {
		t.Errorf("one prompt sent, %d: %s", code, page.Text(".previewed"))
	}
	if got := page.Active(); len(got) > 0 {
		t.Errorf("the reply could run: %q", got)
	}

	if code, _, to := send("/recipes", good); code != http.StatusSeeOther || to != "/recipes/club?saved=1" {
		t.Errorf("saving it: %d to %q", code, to)
	}
	if r, err := f.Recipe(t.Context(), "club"); err != nil || r.Body != good {
		t.Errorf("saved %q, %v", r.Body, err)
	}
	if w := do(s, "POST", "/recipes/club/delete", ""); w.Code != http.StatusSeeOther {
		t.Errorf("deleting it: %d", w.Code)
	}
	if _, err := f.Recipe(t.Context(), "club"); seedbed.CodeOf(err) != seedbed.NotFound {
		t.Errorf("it is still there: %v", err)
	}
}

// TestEstimate shows what a run would take beside the form, which keeps what
// was chosen; limits of a paused run are raised where it is resumed.
func TestEstimate(t *testing.T) {
	f := webtest.Sample()
	s := server(t, f)
	form := url.Values{"recipe": {"quick"}, "count": {"30"}, "limit_tokens": {"5000"}}
	w := do(s, "POST", "/sources/book/runs/estimate", form.Encode())
	page := webtest.Parse(t, w.Body)
	if w.Code != http.StatusOK || !strings.Contains(page.Text("#estimate tfoot"), "together") {
		t.Errorf("estimate: %d: %s", w.Code, page.Text("#estimate"))
	}
	for sel, want := range map[string]string{"input[name=count]": "30", "input[name=limit_tokens]": "5000"} {
		if got := webtest.Attr(page.All(sel)[0], "value"); got != want {
			t.Errorf("%s has %q, want %q", sel, got, want)
		}
	}
	w = do(s, "POST", "/sources/book/runs/estimate", url.Values{"limit_cost": {"lots"}}.Encode(), fragment...)
	if !strings.Contains(w.Body.String(), "no amount") || strings.Contains(w.Body.String(), "<html") {
		t.Errorf("a wrong limit: %d %s", w.Code, w.Body)
	}

	w = do(s, "POST", "/runs/paused/control", url.Values{"do": {"resume"}, "limit_cost": {""}, "limit_tokens": {"90000"}}.Encode())
	if run, err := f.Run(t.Context(), "paused"); err != nil || run.Limits.Tokens != 90_000 || run.State != seedbed.RunRunning {
		t.Errorf("resumed with a higher limit (%d): %+v, %v", w.Code, run, err)
	}
}
