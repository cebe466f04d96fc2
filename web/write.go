package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
	"seedbed/web/view"
)

// newSeed is the form to write a seed.
func (s *Server) newSeed(c echo.Context) error {
	src, err := s.source(c, "")
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, view.WriteSeedPage(view.WriteSeed{Source: src}))
}

// writeSeed keeps what was written; where that does not work, the form comes
// back with it.
func (s *Server) writeSeed(c echo.Context) error {
	src, err := s.source(c, "")
	if err != nil {
		return err
	}
	form := c.Request().PostForm
	p := view.WriteSeed{Source: src, SeedForm: typed(form), Quotes: lines(form.Get("quotes")), Both: form.Get("duplicate") == "true"}
	n := seedbed.NewSeed{
		Source: src.Source.ID, Question: p.Question, Answer: p.Answer, ShortAnswer: p.Short,
		Reasoning: paragraphs(p.Steps), Type: p.Type, Tags: commas(p.Tags), Duplicate: p.Both,
	}
	for _, q := range paragraphs(p.Quotes) {
		n.Evidence = append(n.Evidence, seedbed.Quoted{Quote: q})
	}
	if err := query.NewSeed(n); err != nil {
		return s.notWritten(c, p, err)
	}
	made, _, err := s.seeds.WriteSeed(c.Request().Context(), n)
	if err != nil {
		return s.notWritten(c, p, err)
	}
	return redirect(c, "/seeds/"+url.PathEscape(made.ID))
}

func (s *Server) notWritten(c echo.Context, p view.WriteSeed, why error) error {
	switch seedbed.CodeOf(why) {
	case seedbed.Invalid, seedbed.Conflict, seedbed.Duplicate, seedbed.Ungrounded:
	default:
		return why
	}
	a, code, detail := explain(why)
	p.Error = detail
	if code == seedbed.Ungrounded {
		p.Error = joined(detail, a.advice)
	}
	p.Open = p.Short+p.Steps+p.Tags != ""
	errors.As(why, &p.Same)
	return s.show(c, a.status, view.WriteSeedPage(p))
}

// typed is what a person typed into the form of a seed.
func typed(form url.Values) view.SeedForm {
	return view.SeedForm{
		Open:     true,
		Question: lines(form.Get("question")),
		Answer:   lines(form.Get("answer")),
		Short:    strings.TrimSpace(form.Get("short_answer")),
		Steps:    lines(form.Get("reasoning")),
		Type:     form.Get("type"),
		Tags:     form.Get("tags"),
	}
}
