package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/api"
	"seedbed/web/query"
	"seedbed/web/view"
)

// facetGroups are the filters that the page of seeds shows, in this order.
var facetGroups = []struct{ name, title string }{
	{"verdict", "Verdict"},
	{"type", "Kind of question"},
	{"origin", "Where from"},
	{"source", "Source"},
	{"kind", "Kind of source"},
	{"language", "Language"},
	{"tag", "Tag"},
}

// optionsShown is how many values of a filter are shown without asking.
const optionsShown = 8

func (s *Server) search(c echo.Context) error {
	f, err := query.Filter(c.QueryParams(), "deleted")
	if err != nil {
		return err
	}
	p, err := s.searchView(c.Request().Context(), f)
	if err != nil {
		return err
	}
	p.Message = deleted(atoi(c.QueryParam("deleted")))
	if partial(c) {
		c.Response().Header().Set("HX-Replace-Url", p.Here)
		return s.show(c, http.StatusOK, view.SeedsFragment(p))
	}
	return s.show(c, http.StatusOK, view.SeedsPage(p))
}

func (s *Server) searchView(ctx context.Context, f seedbed.Filter) (view.Seeds, error) {
	res, err := s.seeds.Search(ctx, f)
	if err != nil {
		return view.Seeds{}, err
	}
	p := view.Seeds{
		Page:   s.base("Seeds", "seeds"),
		Query:  f.Query,
		Sort:   sorts(f),
		Total:  res.Total,
		Took:   res.Took,
		Behind: res.Behind,
		Away:   res.Fallback,
		Here:   seedsURL(f),

		Duplicates: f.Distinct || slices.Contains(f.Verdict, extract.Rejected),
		Distinct:   f.Distinct,
	}
	for _, h := range res.Hits {
		p.Rows = append(p.Rows, row(h, p.Here))
	}
	labels := map[string]string{}
	for _, g := range facetGroups {
		group := facets(g.name, g.title, res.Facets[g.name], query.Values(f)[g.name])
		for _, o := range append(group.Options, group.More...) {
			labels[g.name+"\x00"+o.Value] = o.Label
		}
		if len(group.Options) > 0 {
			p.Facets = append(p.Facets, group)
		}
	}
	p.Active, p.Hidden = active(f, labels)
	p.Any = len(p.Active) > 0
	size := cmp.Or(f.Size, seedbed.DefaultPageSize)
	p.Pager = pages(max(f.Page, 1), (res.Total+size-1)/size, func(n int) string {
		g := f
		g.Page = n
		return seedsURL(g)
	})
	return p, nil
}

func seedsURL(f seedbed.Filter) string {
	if q := query.Values(f).Encode(); q != "" {
		return "/seeds?" + q
	}
	return "/seeds"
}

func sorts(f seedbed.Filter) []view.Option {
	out := []view.Option{{Value: "", Label: "Newest"}}
	if f.Query != "" {
		out = []view.Option{{Value: "", Label: "Best match"}, {Value: "newest", Label: "Newest"}}
	}
	out = append(out,
		view.Option{Value: "oldest", Label: "Oldest"},
		view.Option{Value: "difficulty", Label: "Hardest"},
		view.Option{Value: "source", Label: "Source"},
	)
	for i := range out {
		out[i].On = out[i].Value == f.Sort
	}
	return out
}

// facets are a filter's values: those chosen and those there are.
func facets(name, title string, found []seedbed.Facet, chosen []string) view.FacetGroup {
	g := view.FacetGroup{Name: name, Title: title}
	add := func(f seedbed.Facet) {
		o := view.FacetOption{
			Value: f.Value,
			Label: cmp.Or(f.Label, facetLabel(name, f.Value)),
			Count: f.Count,
			On:    slices.Contains(chosen, f.Value),
		}
		if len(g.Options) < optionsShown || o.On {
			g.Options = append(g.Options, o)
		} else {
			g.More = append(g.More, o)
		}
	}
	for _, f := range found {
		if f.Value != "" {
			add(f)
		}
	}
	for _, v := range chosen {
		if !slices.ContainsFunc(found, func(f seedbed.Facet) bool { return f.Value == v }) {
			add(seedbed.Facet{Value: v})
		}
	}
	if name == "verdict" {
		slices.SortFunc(g.Options, func(a, b view.FacetOption) int {
			return slices.Index(query.Verdicts, a.Value) - slices.Index(query.Verdicts, b.Value)
		})
	}
	return g
}

func facetLabel(name, value string) string {
	switch name {
	case "origin":
		return view.Origin(value)
	case "verdict", "type", "kind":
		return strings.ToUpper(value[:1]) + value[1:]
	}
	return value
}

// active lists what is filtered, each with the search without it; hidden are
// the filters that have no box on the page and must be carried along.
func active(f seedbed.Filter, labels map[string]string) (links []view.Link, hidden []view.Hidden) {
	v := query.Values(f)
	v.Del("page")
	for _, name := range []string{"q", "verdict", "type", "origin", "kind", "source", "collection", "run", "tag", "language", "min_difficulty", "check", "distinct"} {
		for _, value := range v[name] {
			label := cmp.Or(labels[name+"\x00"+value], value)
			switch name {
			case "q":
				label = "“" + value + "”"
			case "collection", "tag", "language":
				label = name + ": " + value
			case "run":
				label = "one run"
			case "min_difficulty":
				label = "difficulty from " + value
			case "check":
				label = "check " + value
			case "distinct":
				label = "one of each group of duplicates"
			}
			rest := url.Values{}
			for k, list := range v {
				rest[k] = slices.DeleteFunc(slices.Clone(list), func(x string) bool { return k == name && x == value })
			}
			u := "/seeds"
			if q := rest.Encode(); q != "" {
				u += "?" + q
			}
			links = append(links, view.Link{Label: label, URL: u})
			if slices.Contains([]string{"collection", "run", "min_difficulty", "check"}, name) {
				hidden = append(hidden, view.Hidden{Name: name, Value: value})
			}
		}
	}
	if f.Size > 0 {
		hidden = append(hidden, view.Hidden{Name: "size", Value: strconv.Itoa(f.Size)})
	}
	return links, hidden
}

// row is a hit as a list shows it.
func row(h seedbed.Hit, back string) view.Row {
	return view.Row{
		Seed:     h.Seed,
		Question: cmp.Or(h.Highlights["question"], h.Seed.Question),
		Answer:   cmp.Or(h.Highlights["answer"], h.Seed.Answer),
		Back:     back,
	}
}

// deleted says how many seeds were deleted, and nothing of none.
func deleted(n int) string {
	switch {
	case n <= 0:
		return ""
	case n == 1:
		return "The seed was deleted."
	}
	return view.Count(n, "seed") + " were deleted."
}

// changeMany gives the selected seeds one verdict, or deletes them.
func (s *Server) changeMany(c echo.Context) error {
	form := c.Request().PostForm
	ids, verdict, reason := form["id"], form.Get("verdict"), strings.TrimSpace(form.Get("reason"))
	change := seedbed.SeedChange{Verdict: &verdict, VerdictReason: &reason}
	away := form.Get("delete") == "true"
	if !away {
		if err := query.Change(change); err != nil {
			return err
		}
	}
	back := local(form.Get("back"), "/seeds")
	u, err := url.Parse(back)
	if err != nil {
		return query.Wrong("back", "%q is no address", back)
	}
	f, err := query.Filter(u.Query())
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	all := form.Get("all") == "true" // on the other pages too
	if all {
		if ids, err = api.Matching(ctx, s.seeds, f); err != nil {
			return err
		}
	}
	var n int
	switch found := atoi(form.Get("found")); {
	case away && all && len(ids) > found:
		return seedbed.Errorf(seedbed.Stale, "the search found %s, and now it finds %s: nothing was deleted", view.Count(found, "seed"), view.Number(len(ids)))
	case away:
		n, err = s.seeds.DeleteSeeds(ctx, ids, api.Still(f, all))
	default:
		n, err = api.Judge(ctx, s.seeds, ids, change)
	}
	if err == nil && n > 0 {
		err = s.seeds.Indexed(ctx)
	}
	if err != nil {
		return err
	}
	if !partial(c) {
		if away {
			back = "/seeds?" + withParam(u.Query(), "deleted", strconv.Itoa(n)).Encode()
		}
		return redirect(c, back)
	}
	p, err := s.searchView(ctx, f)
	if err != nil {
		return err
	}
	switch {
	case n == 0:
		p.Message = "No seed was selected."
	case away:
		p.Message = deleted(n)
	default:
		p.Message = fmt.Sprintf("%s %s.", view.Count(n, "seed"), verdict)
	}
	return s.show(c, http.StatusOK, view.SeedsFragment(p))
}

// local is a path of this server, or otherwise another.
func local(path, otherwise string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return otherwise
	}
	return path
}

func (s *Server) seed(c echo.Context) error {
	seed, version, err := s.seeds.Seed(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	p, err := s.seedView(c, seed, version)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.SeedPage(p))
}

func (s *Server) seedView(c echo.Context, seed extract.Seed, version int64) (view.Seed, error) {
	p := view.Seed{
		Page:    s.base(seed.Question, "seeds"),
		Seed:    seed,
		Version: version,
		Edit:    view.FormOf(seed),
	}
	var err error
	if p.Others, err = s.others(c.Request().Context(), seed); err != nil {
		return p, err
	}
	if p.Similar, err = s.seeds.Similar(c.Request().Context(), seed.ID); err != nil {
		return p, err
	}
	if p.History, p.Older, err = s.historyOf(c.Request().Context(), seed, 0); err != nil {
		return p, err
	}
	p.Quotes, err = s.evidenceOf(c, seed)
	return p, err
}

// others are those of the seeds that a seed names which are still there.
func (s *Server) others(ctx context.Context, seed extract.Seed) (map[string]bool, error) {
	there := map[string]bool{}
	for _, id := range []*string{seed.DuplicateOf, seed.Parent} {
		if id == nil {
			continue
		}
		_, _, err := s.seeds.Seed(ctx, *id)
		if err != nil && seedbed.CodeOf(err) != seedbed.NotFound {
			return nil, err
		}
		there[*id] = err == nil
	}
	return there, nil
}

// judge changes the verdict of one seed, as it is now.
func (s *Server) judge(c echo.Context) error {
	form := c.Request().PostForm
	verdict := form.Get("verdict")
	reason := strings.TrimSpace(cmp.Or(form.Get("reason"), form.Get("preset")))
	if verdict != extract.Rejected {
		reason = ""
	}
	change := seedbed.SeedChange{Verdict: &verdict, VerdictReason: &reason}
	if err := query.Change(change); err != nil {
		return err
	}
	seed, version, err := s.seeds.UpdateSeed(c.Request().Context(), c.Param("id"), 0, change)
	if err != nil {
		return err
	}
	back := local(form.Get("back"), "/seeds/"+url.PathEscape(seed.ID))
	switch {
	case !partial(c):
		return redirect(c, back)
	case form.Get("in") == "page":
		p, err := s.seedView(c, seed, version)
		if err != nil {
			return err
		}
		return s.show(c, http.StatusOK, view.SeedArticle(p))
	}
	r := row(seedbed.Hit{Seed: seed}, back)
	r.NoPick = !strings.HasPrefix(back, "/seeds")
	return s.show(c, http.StatusOK, view.SeedRow(r))
}

// editSeed saves the form of a seed. What a person typed is never lost: when
// somebody changed the seed meanwhile, the form comes back with it.
func (s *Server) editSeed(c echo.Context) error {
	ctx, id, form := c.Request().Context(), c.Param("id"), c.Request().PostForm
	version, err := versionOf(form)
	if err != nil {
		return err
	}
	typed := typed(form)
	steps, tags := paragraphs(typed.Steps), commas(typed.Tags)
	change := seedbed.SeedChange{
		Question: &typed.Question, Answer: &typed.Answer, ShortAnswer: &typed.Short,
		Reasoning: &steps, Type: &typed.Type, Tags: &tags,
	}
	err = query.Change(change)
	if err == nil {
		_, _, err = s.seeds.UpdateSeed(ctx, id, version, change)
	}
	if err == nil {
		return redirect(c, "/seeds/"+url.PathEscape(id)+"#seed") // not where the form is
	}
	if code := seedbed.CodeOf(err); code != seedbed.Stale && code != seedbed.Invalid {
		return err
	}
	seed, now, errSeed := s.seeds.Seed(ctx, id)
	if errSeed != nil {
		return errSeed
	}
	p, errView := s.seedView(c, seed, now)
	if errView != nil {
		return errView
	}
	a, _, detail := explain(err)
	typed.Error = detail
	if a.status == http.StatusPreconditionFailed {
		typed.Error = "Somebody changed this seed while you edited it. Above is how it stands now; below is what you typed. Save again to keep yours."
	}
	p.Edit = typed
	return s.show(c, a.status, view.SeedPage(p))
}

// versionOf is the version of a seed that a form was made for.
func versionOf(form url.Values) (int64, error) {
	version, err := query.Version("version", form.Get("version"))
	if err == nil && version == 0 {
		err = query.Wrong("version", "the form names none")
	}
	return version, err
}

// deleteSeed deletes a seed that is still as the page showed it.
func (s *Server) deleteSeed(c echo.Context) error {
	version, err := versionOf(c.Request().PostForm)
	if err != nil {
		return err
	}
	if err := s.seeds.DeleteSeed(c.Request().Context(), c.Param("id"), version); err != nil {
		return s.meanwhile(c, err)
	}
	if err := s.seeds.Indexed(c.Request().Context()); err != nil {
		return err
	}
	return redirect(c, "/seeds?deleted=1")
}

// meanwhile shows a seed as it is now where somebody changed it since the page
// was loaded: what was asked may no longer be wanted.
func (s *Server) meanwhile(c echo.Context, why error) error {
	if seedbed.CodeOf(why) != seedbed.Stale {
		return why
	}
	seed, version, err := s.seeds.Seed(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	p, err := s.seedView(c, seed, version)
	if err != nil {
		return err
	}
	p.Error = "Somebody changed this seed meanwhile, so nothing was done. This is how it stands now: ask again if you still want it."
	return s.show(c, http.StatusPreconditionFailed, view.SeedPage(p))
}

// lines is text of a form with the line ends that are stored.
func lines(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

// emptyLine is one on which nothing is to be seen.
var emptyLine = regexp.MustCompile(`\n\s*\n`)

// paragraphs are the parts of a text between empty lines.
func paragraphs(s string) []string {
	out := []string{}
	for _, p := range emptyLine.Split(s, -1) {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// commas are the parts of a text between commas, each once.
func commas(s string) []string {
	out := []string{}
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
