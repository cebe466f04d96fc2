package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
	"seedbed/web/view"
)

// maxPrefilled is how long text is that is taken over as a quote, in
// characters: who looks at a whole passage quotes some of it.
const maxPrefilled = 1_000

// newSeed is the form to write a seed, with the text beside it that a person
// came from: at=120-180 is marked there and quoted, from=4200 begins it, and
// quote=… is quoted.
func (s *Server) newSeed(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "at", "from", "quote"); err != nil {
		return err
	}
	src, err := s.source(c, "")
	if err != nil {
		return err
	}
	p := view.WriteSeed{Source: src, Quotes: lines(c.QueryParam("quote"))}
	doc, err := s.beside(c, &p, c.QueryParams())
	if err != nil {
		return err
	}
	if start, end, _ := span(c.QueryParam("at")); doc != nil && p.Quotes == "" && end-start <= maxPrefilled {
		if text := lines(doc.Slice(start, end)); len(paragraphs(text)) == 1 {
			p.Quotes = text
		}
	}
	return s.show(c, http.StatusOK, view.WriteSeedPage(p))
}

// beside puts the text beside the form that v asks for, and returns the
// document, nil where there is none yet.
func (s *Server) beside(c echo.Context, p *view.WriteSeed, v url.Values) (*extract.Document, error) {
	start, end, err := span(v.Get("at"))
	if err != nil {
		return nil, err
	}
	doc, err := s.lib.Document(c.Request().Context(), p.Source.Source.ID)
	if seedbed.CodeOf(err) == seedbed.Conflict {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(doc.Text); end > n {
		return nil, query.Wrong("at", "the text has %d characters", n)
	}
	part := view.Around(doc, start)
	if from := v.Get("from"); from != "" {
		n, err := strconv.Atoi(from)
		if err != nil || n < 0 {
			return nil, query.Wrong("from", "%q is no place in the text", from)
		}
		part = view.Beside(doc, n)
	}
	t := view.TextBeside{Blocks: view.Blocks(doc, part, start, end), From: part.Start, At: v.Get("at")}
	if len(t.Blocks) == 0 {
		return doc, nil
	}
	if part.Start > doc.Blocks[0].Start {
		t.Before = strconv.Itoa(view.Before(doc, part).Start)
	}
	if part.End < doc.Blocks[len(doc.Blocks)-1].End {
		t.After = strconv.Itoa(part.End)
	}
	p.Beside = &t
	return doc, nil
}

// writeSeed keeps what was written; where that does not work, the form comes
// back with it, and so it does where other text is looked at.
func (s *Server) writeSeed(c echo.Context) error {
	src, err := s.source(c, "")
	if err != nil {
		return err
	}
	form := c.Request().PostForm
	p := view.WriteSeed{Source: src, SeedForm: typed(form), Quotes: lines(form.Get("quotes")), Both: form.Get("duplicate") == "true"}
	p.Open = p.Short+p.Steps+p.Tags != ""
	place := url.Values{"at": form["at"], "from": form["from"]}
	if look := form.Get("look"); look != "" {
		place.Set("from", look)
		if _, err := s.beside(c, &p, place); err != nil {
			return err
		}
		return s.show(c, http.StatusOK, view.WriteSeedPage(p))
	}
	n := seedbed.NewSeed{
		Source: src.Source.ID, Question: p.Question, Answer: p.Answer, ShortAnswer: p.Short,
		Reasoning: paragraphs(p.Steps), Type: p.Type, Tags: commas(p.Tags), Duplicate: p.Both,
	}
	for _, q := range paragraphs(p.Quotes) {
		n.Evidence = append(n.Evidence, seedbed.Quoted{Quote: q})
	}
	err = query.NewSeed(n)
	var made extract.Seed
	if err == nil {
		made, _, err = s.seeds.WriteSeed(c.Request().Context(), n)
	}
	if err == nil {
		return redirect(c, "/seeds/"+url.PathEscape(made.ID))
	}
	if _, errText := s.beside(c, &p, place); errText != nil && seedbed.CodeOf(errText) != seedbed.Invalid {
		return errText
	}
	return s.notWritten(c, p, err)
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
