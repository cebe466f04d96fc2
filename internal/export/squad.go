package export

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"unicode"

	"seedbed/internal/seedbed"
)

// A squadFile is JSON as SQuAD 2.0 has it: sources, their passages, and
// questions whose answer stands in the passage (Rajpurkar et al., 2018,
// arXiv:1806.03822).
type squadFile struct {
	w               *bufio.Writer
	n               int
	source, context string   // being written
	text            haystack // of the passage asked for last
}

type squadQuestion struct {
	ID         string        `json:"id"`
	Question   string        `json:"question"`
	Answers    []squadAnswer `json:"answers"`
	Impossible bool          `json:"is_impossible"`
}

type squadAnswer struct {
	Text  string `json:"text"`
	Start int    `json:"answer_start"` // in code points
}

func newSquad(w io.Writer, _ seedbed.ExportOptions) (file, error) {
	f := &squadFile{w: bufio.NewWriterSize(w, bufferSize)}
	_, err := f.w.WriteString(`{"version":"v2.0","data":[` + "\n")
	return f, err
}

// withPassages adds the texts of their passages to seeds.
func withPassages(ctx context.Context, from Source, some []example) error {
	ids := make([]string, len(some))
	for i, e := range some {
		ids[i] = e.ID
	}
	texts, err := from.PassageTexts(ctx, ids)
	for i, id := range ids {
		some[i].passage = texts[id]
	}
	return err
}

// add leaves out what has no answer in the passage. Such a question is not
// marked as impossible: that would say that the passage does not answer it.
func (f *squadFile) add(e example) (string, error) {
	if e.passage == "" {
		return "the text of the passage is not there", nil
	}
	if text := valid(e.passage); f.text.original != text {
		f.text = newHaystack(text)
	}
	a, ok := f.text.answer(e)
	if !ok {
		return "the answer does not stand in the passage word for word", nil
	}
	first := f.n == 0
	source := first || e.Source.ID != f.source
	passage := source || f.text.original != f.context
	f.n++
	f.source, f.context = e.Source.ID, f.text.original
	var b bytes.Buffer
	switch {
	case first:
	case source:
		b.WriteString("\n]}]},\n")
	case passage:
		b.WriteString("\n]},\n")
	default:
		b.WriteString(",\n")
	}
	if source {
		b.WriteString(`{"title":`)
		if err := encode(&b, e.Source.Title); err != nil {
			return "", err
		}
		b.WriteString(`,"paragraphs":[` + "\n")
	}
	if passage {
		b.WriteString(`{"context":`)
		if err := encode(&b, f.text.original); err != nil {
			return "", err
		}
		b.WriteString(`,"qas":[` + "\n")
	}
	if err := encode(&b, squadQuestion{ID: e.ID, Question: e.Question, Answers: []squadAnswer{a}}); err != nil {
		return "", err
	}
	_, err := f.w.Write(b.Bytes())
	return "", err
}

func (f *squadFile) close() error {
	end := "]}\n"
	if f.n > 0 {
		end = "\n]}]}\n]}\n"
	}
	if _, err := f.w.WriteString(end); err != nil {
		return err
	}
	return f.w.Flush()
}

// A haystack is a text in which words are found whatever their case and the
// white space between them.
type haystack struct {
	original string
	runes    []rune
	folded   string
	at       []int // where each byte of folded comes from, and its end, in runes
}

func newHaystack(text string) haystack {
	h := haystack{original: text, runes: []rune(text)}
	var b strings.Builder
	space := false
	for i, r := range h.runes {
		if unicode.IsSpace(r) {
			if space {
				continue
			}
			r = ' '
		}
		space = r == ' '
		b.WriteRune(unicode.ToLower(r))
		for len(h.at) < b.Len() {
			h.at = append(h.at, i)
		}
	}
	h.at = append(h.at, len(h.runes))
	h.folded = b.String()
	return h
}

// A span is a stretch of the text, in runes.
type span struct{ start, end int }

// find are the places where words stand whole.
func (h *haystack) find(words string) []span {
	words = strings.Map(unicode.ToLower, strings.Join(strings.Fields(words), " "))
	var out []span
	for from := 0; words != ""; {
		i := strings.Index(h.folded[from:], words)
		if i < 0 {
			break
		}
		s := span{h.at[from+i], h.at[from+i+len(words)]}
		if h.cut(s.start) || h.cut(s.end) {
			from += i + 1
			continue
		}
		out = append(out, s)
		from += i + len(words)
	}
	return out
}

// cut reports whether a word or a number goes on across a place.
func (h *haystack) cut(at int) bool {
	sign := func(i int) rune {
		if i < 0 || i >= len(h.runes) {
			return ' '
		}
		return h.runes[i]
	}
	word := func(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }
	point := func(r rune) bool { return r == '.' || r == ',' }
	before, after := sign(at-1), sign(at)
	return word(before) && word(after) ||
		unicode.IsDigit(before) && point(after) && unicode.IsDigit(sign(at+1)) ||
		unicode.IsDigit(sign(at-2)) && point(before) && unicode.IsDigit(after)
}

// answer is where the passage answers a seed: the short answer within the
// evidence, or anywhere where there is no evidence; or else the whole answer.
func (h *haystack) answer(e example) (squadAnswer, bool) {
	var quotes []span
	for _, q := range e.Evidence {
		quotes = append(quotes, h.find(q.Quote)...)
	}
	for _, words := range []string{e.ShortAnswer, strings.TrimRight(e.ShortAnswer, ".")} {
		for _, s := range h.find(words) {
			if len(e.Evidence) == 0 || within(s, quotes) {
				return h.said(s), true
			}
		}
	}
	found := h.find(e.Answer)
	for _, s := range found {
		if within(s, quotes) {
			return h.said(s), true
		}
	}
	if len(found) > 0 {
		return h.said(found[0]), true
	}
	return squadAnswer{}, false
}

func (h *haystack) said(s span) squadAnswer {
	return squadAnswer{string(h.runes[s.start:s.end]), s.start}
}

func within(s span, of []span) bool {
	for _, o := range of {
		if o.start <= s.start && s.end <= o.end {
			return true
		}
	}
	return false
}
