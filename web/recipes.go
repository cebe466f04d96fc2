package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
	"seedbed/web/view"
)

// firstRecipe is what the field for a new recipe begins with.
const firstRecipe = `name: mine
version: 1
description: What it is good for.
stages:
  - screen
  - harvest
  - derive:
      temperature: 0.2
  - ground
  - standalone
  - dedupe
`

// recipe shows one recipe.
func (s *Server) recipe(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "full", "saved"); err != nil {
		return err
	}
	p, err := s.recipeView(c)
	if err != nil {
		return err
	}
	p.Body, p.Saved = p.Recipe.Body, c.QueryParam("saved") != ""
	if c.QueryParam("full") != "" {
		p.Body, p.Resolved = p.Recipe.Resolved, true
	}
	return s.show(c, http.StatusOK, view.RecipePage(p))
}

// newRecipe begins a recipe, from another one or from nothing.
func (s *Server) newRecipe(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "from"); err != nil {
		return err
	}
	p, err := s.recipeView(c)
	if err != nil {
		return err
	}
	p.Body = firstRecipe
	if from := c.QueryParam("from"); from != "" {
		r, err := s.lib.Recipe(c.Request().Context(), from)
		if err != nil {
			return err
		}
		p.Body = strings.Replace(r.Body, "name: "+from, "name: "+from+"-mine", 1)
	}
	return s.show(c, http.StatusOK, view.RecipePage(p))
}

// recipeView is the page of the recipe in the path, or of a new one.
func (s *Server) recipeView(c echo.Context) (view.RecipeEditor, error) {
	ctx := c.Request().Context()
	p := view.RecipeEditor{Page: s.base("A new recipe", "settings"), Passage: 1}
	if name := c.Param("name"); name != "" {
		r, err := s.lib.Recipe(ctx, name)
		if err != nil {
			return p, err
		}
		p.Recipe, p.Title = r, "Recipe "+r.Name
	}
	sources, err := s.lib.Sources(ctx, "")
	for _, src := range sources {
		if src.State == seedbed.SourceReady {
			p.Sources = append(p.Sources, src)
		}
	}
	return p, err
}

// written takes over what the form says.
func written(c echo.Context, p *view.RecipeEditor) {
	p.Body = strings.ReplaceAll(c.FormValue("body"), "\r\n", "\n")
	p.Source = c.FormValue("source")
	p.Passage = max(1, atoi(c.FormValue("passage")))
}

func (s *Server) saveRecipe(c echo.Context) error {
	p, err := s.recipeView(c)
	if err != nil {
		return err
	}
	written(c, &p)
	r, err := s.lib.SaveRecipe(c.Request().Context(), c.Param("name"), p.Body)
	if code := seedbed.CodeOf(err); err != nil && (code == seedbed.Invalid || code == seedbed.Conflict) {
		a, _, detail := explain(err)
		p.Error, p.Excerpt = detail, excerpt(p.Body, detail)
		return s.show(c, a.status, view.RecipePage(p))
	}
	if err != nil {
		return err
	}
	return redirect(c, "/recipes/"+url.PathEscape(r.Name)+"?saved=1")
}

// previewRecipe shows what the recipe in the form asks about a passage, and
// sends one call if a button of one was pressed.
func (s *Server) previewRecipe(c echo.Context) error {
	p, err := s.recipeView(c)
	if err != nil {
		return err
	}
	written(c, &p)
	o := seedbed.PreviewOptions{Body: p.Body, Source: p.Source, Ordinal: p.Passage - 1}
	if n, err := strconv.Atoi(c.FormValue("send")); err == nil {
		o.Send, p.Sent = &n, n
	}
	status := http.StatusOK
	seen, err := s.lib.PreviewRecipe(c.Request().Context(), o)
	if err != nil {
		a, _, detail := explain(err)
		status = a.status
		if p.Excerpt = excerpt(p.Body, detail); p.Excerpt != nil {
			p.Error = detail
		} else {
			p.Problem = detail
		}
	} else {
		p.Preview = &seen
	}
	return s.show(c, status, view.RecipePage(p))
}

func (s *Server) deleteRecipe(c echo.Context) error {
	if err := s.lib.DeleteRecipe(c.Request().Context(), c.Param("name")); err != nil {
		return err
	}
	return redirect(c, "/settings")
}

var lineOf = regexp.MustCompile(`\bline (\d+)`)

// excerpt is the lines around the one that an error names, nil where it names
// none.
func excerpt(body, problem string) []view.NumberedLine {
	m := lineOf.FindStringSubmatch(problem)
	if m == nil {
		return nil
	}
	at := atoi(m[1])
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	var out []view.NumberedLine
	for n := max(1, at-2); n <= min(at+2, len(lines)); n++ {
		out = append(out, view.NumberedLine{Number: n, Text: lines[n-1], Wrong: n == at})
	}
	return out
}
