package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
	"seedbed/web/view"
)

// fixedEndpoint is the id of the model server that the environment names. It
// cannot be changed in the browser.
const fixedEndpoint = "env"

var presets = []view.Preset{
	{Key: "ollama", Name: "Ollama", URL: "http://127.0.0.1:11434/v1", About: "on this computer"},
	{Key: "llamacpp", Name: "llama.cpp", URL: "http://127.0.0.1:8080/v1", About: "on this computer"},
	{Key: "lmstudio", Name: "LM Studio", URL: "http://127.0.0.1:1234/v1", About: "on this computer"},
	{Key: "vllm", Name: "vLLM", URL: "http://127.0.0.1:8000/v1", About: "your own server"},
	{Key: "openai", Name: "OpenAI", URL: "https://api.openai.com/v1", About: "needs a key", NeedsKey: true},
	{Key: "openrouter", Name: "OpenRouter", URL: "https://openrouter.ai/api/v1", About: "needs a key", NeedsKey: true},
}

func (s *Server) settings(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "preset"); err != nil {
		return err
	}
	fresh := view.EndpointForm{}
	if key := c.QueryParam("preset"); key != "" {
		i := slices.IndexFunc(presets, func(p view.Preset) bool { return p.Key == key })
		if i < 0 {
			return query.Wrong("preset", "there is no preset %q", key)
		}
		fresh.Name, fresh.URL = presets[i].Name, presets[i].URL
	}
	return s.settingsWith(c, http.StatusOK, fresh, view.Account{})
}

// settingsWith shows the settings, with one endpoint's form as given: the new
// one's when it has no id. Of accounts it adds what is there to what was done.
func (s *Server) settingsWith(c echo.Context, status int, form view.EndpointForm, account view.Account) error {
	ctx := c.Request().Context()
	list, err := s.lib.Endpoints(ctx)
	if err != nil {
		return err
	}
	p := view.Settings{Page: s.base("Settings", "settings"), Presets: slices.Clone(presets), Sandbox: s.opts.Sandbox, Account: account}
	if err := s.account(ctx, &p.Account); err != nil {
		return err
	}
	if p.Index, err = s.lib.IndexState(ctx); err != nil {
		return err
	}
	if p.Recipes, err = s.lib.Recipes(ctx); err != nil {
		return err
	}
	if form.ID == "" {
		p.New = form
		if p.New.Concurrency == 0 {
			p.New.Concurrency = 4
		}
		p.New.Default = p.New.Default || len(list) == 0
	}
	for _, e := range list {
		f := view.EndpointForm{Endpoint: e, Fixed: e.ID == fixedEndpoint}
		if e.ID == form.ID {
			form.HasKey = e.HasKey
			f = form
		}
		p.Endpoints = append(p.Endpoints, f)
	}
	for i := range p.Presets {
		p.Presets[i].On = p.Presets[i].URL == p.New.URL
	}
	return s.show(c, status, view.SettingsPage(p))
}

// endpointForm reads the form of a model server.
func endpointForm(c echo.Context) view.EndpointForm {
	f := view.EndpointForm{Open: true}
	f.ID = c.Param("id")
	f.Name = strings.TrimSpace(c.FormValue("name"))
	f.URL = strings.TrimSpace(c.FormValue("url"))
	f.Key = strings.TrimSpace(c.FormValue("key"))
	f.Model = strings.TrimSpace(c.FormValue("model"))
	f.Concurrency = max(1, atoi(c.FormValue("concurrency")))
	f.RPM, f.TPM = atoi(c.FormValue("rpm")), atoi(c.FormValue("tpm"))
	f.PriceIn, _ = strconv.ParseFloat(c.FormValue("price_in"), 64) // empty, or no number: not known
	f.PriceOut, _ = strconv.ParseFloat(c.FormValue("price_out"), 64)
	f.Default = c.FormValue("default") == "true"
	if f.Name == "" {
		f.Name = f.URL
	}
	return f
}

func (s *Server) saveEndpoint(c echo.Context) error {
	f := endpointForm(c)
	if f.ID == fixedEndpoint {
		return seedbed.Errorf(seedbed.Conflict, "this model server is set by the environment and cannot be changed here")
	}
	_, err := s.lib.SaveEndpoint(c.Request().Context(), f.Endpoint)
	if seedbed.CodeOf(err) == seedbed.Invalid && err != nil {
		a, _, detail := explain(err)
		f.Error = detail
		return s.settingsWith(c, a.status, f, view.Account{})
	}
	if err != nil {
		return err
	}
	return redirect(c, "/settings")
}

func (s *Server) deleteEndpoint(c echo.Context) error {
	if c.Param("id") == fixedEndpoint {
		return seedbed.Errorf(seedbed.Conflict, "this model server is set by the environment and cannot be removed here")
	}
	if err := s.lib.DeleteEndpoint(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return redirect(c, "/settings")
}

// listModels asks the server in the form which models it has. A stored key is
// used only for the address it was stored with.
func (s *Server) listModels(c echo.Context) error {
	ctx := c.Request().Context()
	f := endpointForm(c)
	models, err := s.modelsOf(ctx, f)
	if err != nil {
		_, _, f.Problem = explain(err)
	} else if len(models) == 0 {
		f.Problem = "The server answers, but lists no model."
	}
	f.Models = models
	if f.Model != "" && len(models) > 0 && !slices.Contains(models, f.Model) {
		f.Models = append([]string{f.Model}, models...)
	}
	if partial(c) {
		return s.show(c, http.StatusOK, view.ModelField(f))
	}
	return s.settingsWith(c, http.StatusOK, f, view.Account{})
}

func (s *Server) modelsOf(ctx context.Context, f view.EndpointForm) ([]string, error) {
	if f.ID == "" || f.Key != "" {
		return s.lib.ListModels(ctx, f.URL, f.Key)
	}
	list, err := s.lib.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(list, func(e seedbed.Endpoint) bool { return e.ID == f.ID && e.URL == f.URL }) {
		return s.lib.EndpointModels(ctx, f.ID)
	}
	return s.lib.ListModels(ctx, f.URL, "")
}

func (s *Server) testEndpoint(c echo.Context) error {
	id := c.Param("id")
	good, err := s.lib.TestEndpoint(c.Request().Context(), id)
	bad := ""
	if err != nil {
		_, _, bad = explain(err)
	}
	if partial(c) {
		return s.show(c, http.StatusOK, view.TestResult(id, good, bad))
	}
	if err != nil {
		return err
	}
	return redirect(c, "/settings")
}
