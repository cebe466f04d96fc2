package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/api"
	"seedbed/web/query"
	"seedbed/web/view"
)

// failuresShown is how many failed passages of one kind a page lists.
const failuresShown = 20

func (s *Server) runs(c echo.Context) error {
	list, err := s.lib.Runs(c.Request().Context(), "")
	if err != nil {
		return err
	}
	p := view.Runs{Page: s.base("Runs", "runs"), Runs: list}
	p.Reload = slices.ContainsFunc(list, func(r seedbed.Run) bool { return !r.Ended() })
	return s.show(c, http.StatusOK, view.RunsPage(p))
}

func (s *Server) run(c echo.Context) error {
	p, err := s.runView(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.RunPage(p))
}

// sectionDepth is how many headings down the coverage of a run is shown.
const sectionDepth = 2

func (s *Server) runView(ctx context.Context, id string) (view.Run, error) {
	run, err := s.lib.Run(ctx, id)
	if err != nil {
		return view.Run{}, err
	}
	p := view.Run{Page: s.base("Run: "+run.SourceTitle, "runs"), Run: run}
	p.Reload = !run.Ended() && run.State != seedbed.RunPaused
	p.Left = timeLeft(run, p.Now)
	if run.Passages.Total > 0 {
		entries, err := s.lib.Ledger(ctx, id)
		if err != nil {
			return p, err
		}
		p.Ledger = extract.Sections(entries, sectionDepth)
	}
	if run.Passages.Failed > 0 {
		failed, err := s.lib.Failures(ctx, id)
		if err != nil {
			return p, err
		}
		p.Groups = groups(failed)
	}
	return p, nil
}

// groups are the failures by their code, the most frequent first.
func groups(failed []seedbed.RunPassage) []view.FailureGroup {
	var out []view.FailureGroup
	for _, x := range failed {
		code := cmp.Or(x.Code, seedbed.Internal)
		i := slices.IndexFunc(out, func(g view.FailureGroup) bool { return g.Code == code })
		if i < 0 {
			i = len(out)
			out = append(out, view.FailureGroup{Code: code})
		}
		out[i].Count++
		if len(out[i].Passages) < failuresShown {
			out[i].Passages = append(out[i].Passages, x)
		}
	}
	slices.SortStableFunc(out, func(a, b view.FailureGroup) int { return b.Count - a.Count })
	return out
}

// timeLeft is how long a run will go on if it goes on as it did. It is not
// told before the first few passages.
func timeLeft(r seedbed.Run, now time.Time) time.Duration {
	done := r.Passages.Done + r.Passages.Failed
	rest := r.Passages.Total - r.Passages.Skipped - done
	took := now.Sub(r.Started)
	if r.State != seedbed.RunRunning || r.Started.IsZero() || done < 3 || rest <= 0 || took <= 0 {
		return 0
	}
	return max(time.Second, took/time.Duration(done)*time.Duration(rest))
}

// runEvents sends the state of a run again whenever it changes.
func (s *Server) runEvents(c echo.Context) error {
	ctx := c.Request().Context()
	id := c.Param("id")
	return api.Stream(c, s.stopping, "", s.lib.Watch(ctx, id), func(ctx context.Context) (string, bool, error) {
		p, err := s.runView(ctx, id)
		if err != nil {
			return "", false, err
		}
		var b strings.Builder
		err = view.RunState(p).Render(ctx, &b)
		return b.String(), p.Run.Ended(), err
	})
}

func (s *Server) controlRun(c echo.Context) error {
	ctx, id := c.Request().Context(), c.Param("id")
	var err error
	switch do := c.FormValue("do"); do {
	case "pause":
		err = s.lib.Pause(ctx, id)
	case "resume":
		if err = s.raiseLimits(c, id); err == nil {
			err = s.lib.Resume(ctx, id)
		}
	case "cancel":
		err = s.lib.Cancel(ctx, id)
	default:
		err = query.Wrong("do", "%q is none of pause, resume, cancel", do)
	}
	if err != nil {
		return err
	}
	if !partial(c) {
		return redirect(c, "/runs/"+url.PathEscape(id))
	}
	p, err := s.runView(ctx, id)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.RunState(p))
}

// raiseLimits takes over the limits that stand beside the button to resume,
// where the form has them.
func (s *Server) raiseLimits(c echo.Context, id string) error {
	form, err := c.FormParams()
	if err != nil || !form.Has("limit_tokens") {
		return err
	}
	limits, err := api.Limits(form)
	if err != nil {
		return err
	}
	return s.lib.LimitRun(c.Request().Context(), id, limits)
}

// scorecard measures the seeds of a run.
func (s *Server) scorecard(c echo.Context) error {
	ctx, id := c.Request().Context(), c.Param("id")
	run, err := s.lib.Run(ctx, id)
	if err != nil {
		return err
	}
	card, err := s.lib.Scorecard(ctx, id)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.ScorecardPage(view.ScorecardOf(s.base("Scorecard: "+run.SourceTitle, "runs"), run, card)))
}

func (s *Server) retryRun(c echo.Context) error {
	id := c.Param("id")
	if _, err := s.lib.Retry(c.Request().Context(), id, c.FormValue("code")); err != nil {
		return err
	}
	return redirect(c, "/runs/"+url.PathEscape(id))
}
