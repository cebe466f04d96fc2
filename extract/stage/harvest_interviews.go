package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// A turn is what one speaker says until another one speaks.
type turn struct {
	who   string
	piece int
	words span // in the first piece, after the name
	more  []int
}

// interviews pairs the questions of one named speaker with what another one
// answers: "**Ada:** Why Go?" "**Rob:** …".
func (o *outline) interviews() {
	for _, s := range o.sections {
		turns := o.turns(s)
		asker := askerOf(o, turns)
		if asker == "" {
			continue
		}
		for i := 0; i+1 < len(turns); i++ {
			q, a := turns[i], turns[i+1]
			if q.who != asker || a.who == asker || o.taken[q.piece] || !o.asking(q) {
				continue
			}
			question, qs := o.said(q)
			answer, as := o.said(a)
			// A second guest may go on.
			if strings.Count(answer, " ") < 2 || idle(question) {
				continue
			}
			o.taken[q.piece] = true
			f := found{at: o.runes(o.pieces[q.piece].start), tag: "interview"}
			o.add(cleanQuestion(question), cleanAnswer(answer), f, append(qs, as...)...)
		}
	}
}

// turns are the speeches of a section, in order.
func (o *outline) turns(s section) []turn {
	var turns []turn
	for i := max(s.first, s.piece+1); i < s.last; i++ {
		p := o.pieces[i]
		if p.kind == extract.Paragraph || p.kind == extract.ListItem || p.kind == extract.Other {
			if found := o.speeches(p, i); len(found) > 0 {
				turns = append(turns, found...)
				continue
			}
		}
		if n := len(turns); n > 0 && p.kind != extract.Footnote && p.kind != extract.Caption && !rule(o.text[p.start:p.end]) {
			turns[n-1].more = append(turns[n-1].more, i)
		}
	}
	return turns
}

// speeches cuts a paragraph at the lines that open with a name.
func (o *outline) speeches(p piece, i int) []turn {
	var turns []turn
	for at := p.start; at < p.end; {
		end := p.end
		if n := strings.IndexByte(o.text[at:p.end], '\n'); n >= 0 {
			end = at + n + 1
		}
		if who, n, ok := speaker(o.text[at:end]); ok && (at == p.start || len(turns) > 0) {
			if len(turns) > 0 {
				turns[len(turns)-1].words.end = at
			}
			turns = append(turns, turn{who: who, piece: i, words: span{at + n, p.end}})
		} else if at == p.start {
			return nil
		}
		at = end
	}
	return turns
}

// speaker reads the name that opens a speech: "**Ada Lovelace:**", "ADA:",
// "Interviewer:".
func speaker(line string) (string, int, bool) {
	s := strings.TrimLeft(line, " >-")
	lead := len(line) - len(s)
	bold := 0
	for bold < len(s) && bold < 3 && (s[bold] == '*' || s[bold] == '_') {
		bold++
	}
	colon := strings.IndexByte(s, ':')
	if colon < 0 || colon > 48 {
		return "", 0, false
	}
	name := strings.Trim(s[bold:max(bold, colon)], "*_ ")
	r, _ := utf8.DecodeRuneInString(name)
	if name == "" || !unicode.IsUpper(r) || strings.ContainsAny(name, "`?!;,[](){}<>=/\\\"0123456789") || strings.Count(name, " ") > 3 {
		return "", 0, false
	}
	for _, w := range strings.Fields(name) {
		if r, _ := utf8.DecodeRuneInString(w); !unicode.IsUpper(r) && w != "&" && w != "and" && w != "de" && w != "van" && w != "von" && w != "der" && w != "of" {
			return "", 0, false
		}
	}
	n := colon + 1
	for n < len(s) && (s[n] == '*' || s[n] == '_') {
		n++
	}
	if n < len(s) && s[n] != ' ' && s[n] != '\n' && s[n] != '\t' {
		return "", 0, false
	}
	return name, lead + n, true
}

// askerOf is the speaker who interviews: of two to four who take turns, the
// one who asks most of the questions. "" is no interview.
func askerOf(o *outline, turns []turn) string {
	if len(turns) < 4 {
		return ""
	}
	spoke, asked := map[string]int{}, map[string]int{}
	changes := 0
	for i, t := range turns {
		spoke[t.who]++
		if o.asking(t) {
			asked[t.who]++
		}
		if i > 0 && turns[i-1].who != t.who {
			changes++
		}
	}
	if len(spoke) < 2 || len(spoke) > 4 || changes*4 < len(turns)*3 {
		return ""
	}
	best, total := "", 0
	for who, n := range asked {
		total += n
		if best == "" || n > asked[best] || n == asked[best] && who < best {
			best = who
		}
	}
	if asked[best] < 2 || asked[best]*2 < spoke[best] || asked[best]*3 < total*2 {
		return ""
	}
	return best
}

// asking reports whether a speech ends with a question.
func (o *outline) asking(t turn) bool {
	end := t.words
	if n := len(t.more); n > 0 {
		p := o.pieces[t.more[n-1]]
		end = p.span
	}
	return questions(o.text[end.start:end.end])
}

// said is the text of a speech.
func (o *outline) said(t turn) (string, []span) {
	s := o.trim(t.words)
	text, spans := "", []span(nil)
	if !s.empty() {
		text, spans = o.text[s.start:s.end], []span{s}
	}
	more, ms := o.gather(t.more)
	if more != "" {
		text = strings.TrimSpace(text + "\n\n" + more)
	}
	return text, append(spans, ms...)
}
