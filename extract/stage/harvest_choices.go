package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// A quiz is a question with options to choose from, where the text marks the
// right ones:
//
//	#### Q1. Which command starts a branch?
//	- [ ] `git stash`
//	- [x] `git branch`
//
// or names them below: "Answer: B". The options belong to the question; the
// right one with its explanation is the answer.
type quiz struct {
	stem    []int    // pieces of the question, without options
	inline  span     // or the words before the options of one paragraph
	options []option // in order
	right   []int    // of the options
	more    []int    // pieces of the explanation
	key     []int    // pieces that name the right ones
	sure    bool     // the stem asks
}

// An option is one of the things to choose from.
type option struct {
	key    byte // 'A', 0 where it has none
	words  span
	marked bool // by [x], or by + among -
	boxed  bool // it has a box, checked or not
	pieces []int
}

// choices pairs questions of multiple choice with what the text marks as right.
func (o *outline) choices() {
	o.quizzed = make([]bool, len(o.pieces))
	var all []*quiz
	for i := 0; i < len(o.pieces); i++ {
		if q, next := o.inlineQuiz(i); q != nil {
			all = append(all, q)
			i = next - 1
			continue
		}
		if !o.optionAt(i) || i > 0 && o.pieces[i-1].section == o.pieces[i].section && o.optionAt(i-1) {
			continue
		}
		q, next := o.quizAt(i)
		if q != nil {
			all = append(all, q)
		}
		i = max(i, next-1)
	}
	for _, q := range all {
		// Boxes are checked in lists of what is done, too.
		if q.sure || len(all) > 2 {
			o.emitQuiz(q)
		}
	}
}

// inlineQuiz reads a paragraph that has its question and its options, one a
// line, and is followed by the key.
func (o *outline) inlineQuiz(i int) (*quiz, int) {
	p := o.pieces[i]
	if p.kind != extract.Paragraph && p.kind != extract.ListItem {
		return nil, 0
	}
	words := o.text[p.body:p.end]
	m := firstOption.FindStringIndex(words)
	if m == nil || m[0] == 0 || !wordy(words[:m[0]]) {
		return nil, 0
	}
	at := p.body + m[0] + 1
	mark := optionMark.FindStringSubmatchIndex(o.text[at:p.end])
	q := &quiz{inline: o.trim(span{p.body, at}), sure: true}
	q.options = o.lettered(option{key: 'A', words: span{at + mark[1], p.end}, pieces: []int{i}})
	if len(q.options) < 2 {
		return nil, 0
	}
	if next := o.key(q, i+1); len(q.right) > 0 && len(q.right) < len(q.options) {
		return q, next
	}
	return nil, 0
}

var firstOption = lazily(`\n[ \t]*(?:[-*+][ \t]+)?\**\(?[Aa][.):：]\**[ \t]+\S`)

// optionAt reports whether a piece may be an option.
func (o *outline) optionAt(i int) bool {
	_, ok := o.option(i)
	return ok
}

var optionMark = lazily(`^[ \t>]*(?:([-*+])[ \t]+)?(?:\[([ xX✓✔])\][ \t]+|([☐⬜☒☑✅])[ \t]+)?(?:\**\(?([A-Ha-h])[.):：]\**[ \t]+)?`)

// option reads an option at the beginning of a piece.
func (o *outline) option(i int) (option, bool) {
	p := o.pieces[i]
	if p.kind != extract.ListItem && p.kind != extract.Paragraph {
		return option{}, false
	}
	text := o.text[p.start:p.end]
	m := optionMark.FindStringSubmatchIndex(text)
	if m == nil || m[1] == 0 {
		return option{}, false
	}
	op := option{words: span{p.start + m[1], p.end}, pieces: []int{i}}
	if m[4] >= 0 {
		op.boxed, op.marked = true, text[m[4]] != ' '
	}
	if m[6] >= 0 {
		op.boxed, op.marked = true, !strings.Contains("☐⬜", text[m[6]:m[7]])
	}
	if m[8] >= 0 {
		op.key = byte(unicode.ToUpper(rune(text[m[8]])))
	}
	if m[2] >= 0 && text[m[2]] == '+' {
		op.marked = true
	}
	return op, op.boxed || op.key != 0 || m[2] >= 0 && p.kind == extract.ListItem
}

// quizAt reads the options that begin at piece i, the question before them
// and the key behind them. next is the piece after all of it.
func (o *outline) quizAt(i int) (q *quiz, next int) {
	q = &quiz{}
	sec := o.pieces[i].section
	boxed, keyed, plus, minus := 0, 0, 0, 0
	for next = i; next < len(o.pieces) && o.pieces[next].section == sec; next++ {
		op, ok := o.option(next)
		if n := len(q.options); !ok {
			// A picture or code that an option shows belongs to it.
			if n > 0 && o.pieces[next].kind == extract.Code && q.options[n-1].boxed && o.column(o.pieces[next].start) >= 0 && o.endsEmpty(q.options[n-1]) {
				q.options[n-1].pieces = append(q.options[n-1].pieces, next)
				q.options[n-1].words.end = o.pieces[next].end
				continue
			}
			break
		}
		if op.key != 0 && len(q.options) > 0 && op.key != byte('A'+len(q.options)) {
			return nil, next + 1 // not one list
		}
		for _, split := range o.lettered(op) {
			q.options = append(q.options, split)
			switch {
			case split.boxed:
				boxed++
			case split.key != 0:
				keyed++
			case split.marked:
				plus++
			default:
				minus++
			}
		}
	}
	n := len(q.options)
	switch {
	case n < 2 || n > 10:
		return nil, next
	case boxed == n:
	case keyed == n && q.options[0].key == 'A':
	case plus+minus == n && plus > 0 && minus > 0 && o.answersBelow(sec):
	default:
		return nil, next
	}
	for k, op := range q.options {
		if op.marked {
			q.right = append(q.right, k)
		}
	}
	if !o.stem(q, i) {
		return nil, next
	}
	if next = o.key(q, next); len(q.right) == 0 || len(q.right) == n {
		return nil, next
	}
	return q, next
}

// endsEmpty reports whether an option has no words yet.
func (o *outline) endsEmpty(op option) bool {
	return !wordy(strings.ReplaceAll(o.text[op.words.start:op.words.end], "&shy;", ""))
}

// lettered cuts a paragraph that holds all of its options, one a line.
func (o *outline) lettered(op option) []option {
	if op.key == 0 || op.boxed {
		return []option{op}
	}
	out := []option{op}
	for at := op.words.start; at < op.words.end; {
		n := strings.IndexByte(o.text[at:op.words.end], '\n')
		if n < 0 {
			break
		}
		at += n + 1
		m := optionMark.FindStringSubmatchIndex(o.text[at:op.words.end])
		last := &out[len(out)-1]
		if m == nil || m[8] < 0 || byte(unicode.ToUpper(rune(o.text[at+m[8]]))) != last.key+1 {
			continue
		}
		end := last.words.end
		last.words.end = at
		out = append(out, option{key: last.key + 1, words: span{at + m[1], end}, pieces: op.pieces})
	}
	return out
}

// answersBelow reports whether a section is the answers of the question above
// it: "## Question Answers".
func (o *outline) answersBelow(sec int) bool {
	s := o.sections[sec]
	return s.piece > 0 && s.topic == topicSolutions || s.topic == topicMixed || s.topic == topicExercises && strings.Contains(strings.ToLower(s.title), "answer")
}

// stem finds the question before its options: what stands between them and
// the heading, label or bold line that opens it.
func (o *outline) stem(q *quiz, first int) bool {
	sec := o.pieces[first].section
	from := first
	if o.answersBelow(sec) && from-1 == o.sections[sec].piece {
		from-- // the heading of the answers; the section above asks
		sec = o.pieces[max(0, from-1)].section
		for from > 0 && o.pieces[from-1].section == sec && o.pieces[from-1].kind != extract.Heading {
			from--
		}
		for j := from; j < first-1; j++ {
			q.stem = append(q.stem, j)
		}
		q.sure = true
		return len(q.stem) > 0 && len(q.stem) < 12
	}
	for from > 0 && first-from < 8 {
		p := o.pieces[from-1]
		if p.section != sec && p.kind != extract.Heading || p.role == roleReply || p.role == roleEnd || rule(o.text[p.start:p.end]) || o.optionAt(from-1) {
			break
		}
		if p.kind == extract.Heading && p.section != sec {
			break
		}
		from--
		_, _, _, bold := o.boldQuestion(p)
		item := p.kind == extract.ListItem
		if p.kind == extract.Heading || p.role == roleAsk || p.role == roleNumbered || bold || item {
			head := from
			if p.kind == extract.Heading && p.role == roleNone && !questions(headingTitle(o.words(p))) && strings.ContainsAny(o.text[p.end:o.pieces[first].start], "?\uff1f") {
				head++ // it names the section
			}
			for j := head; j < first; j++ {
				q.stem = append(q.stem, j)
			}
			words, _ := o.gather(q.stem)
			asked := strings.ContainsAny(words, "?\uff1f")
			q.sure = asked || p.role == roleAsk
			return q.sure || p.role == roleNumbered && !item
		}
	}
	// Without a label only the paragraph right before can ask.
	if first > 0 && o.pieces[first-1].kind == extract.Paragraph && o.pieces[first-1].section == sec && questions(o.words(o.pieces[first-1])) {
		q.stem, q.sure = []int{first - 1}, true
		return true
	}
	return false
}

var sourced = lazily(`^(?:\W*\b(?i:references?|sources?|docs|documentation|quelle|referenz|référence|参考)\b\W*)+$`)

var keyed = lazily(`^[\s*_#>]*(?:\[)?([A-Ha-h](?:\s*(?:,|and|&|und|et|y|、|和)\s*[A-Ha-h])*)\b[.):]?`)

// key reads what follows the options: which of them is right, where no box
// says so, and the explanation. It returns the piece after it.
func (o *outline) key(q *quiz, next int) int {
	if o.feedback(q, next) {
		return next
	}
	sec := o.pieces[q.options[0].pieces[0]].section
	told := false // what follows explains
	for ; next < len(o.pieces); next++ {
		p := o.pieces[next]
		words := strings.TrimSpace(o.words(p))
		switch {
		case p.role == roleReply && len(q.more) == 0:
			m := keyed.FindStringSubmatch(words)
			if m != nil && len(q.right) == 0 {
				for k, op := range q.options {
					if op.key != 0 && strings.ContainsRune(strings.ToUpper(choiceLetters(m[1])), rune(op.key)) {
						q.right = append(q.right, k)
					}
				}
				sec, told = p.section, told || p.kind == extract.Heading
				rest := strings.TrimSpace(words[len(m[0]):])
				switch r, _ := utf8.DecodeRuneInString(rest); {
				case !wordy(rest) || o.repeats(q, rest):
					q.key = append(q.key, next)
				case unicode.IsUpper(r) || unicode.Is(unicode.Han, r):
					o.pieces[next].body = p.end - len(strings.TrimLeft(o.text[p.body:p.end], " \t\n")) + len(m[0])
					q.more = append(q.more, next)
				default: // "C, because…"
					q.more = append(q.more, next)
				}
				continue
			}
			if words == "" || m == nil && !wordy(o.text[p.body:p.end]) || p.sealed {
				q.key, told = append(q.key, next), true
				continue // the label of hidden words, the key is in them
			}
			if len(q.right) == 0 {
				return next
			}
			q.more = append(q.more, next)
		case p.role == roleNone && !wordy(htmlTag.ReplaceAllString(words, "")):
			continue // </p>, ---
		case p.role == roleEnd:
			if len(q.right) > 0 {
				return next + 1
			}
		case p.kind == extract.Heading || p.role != roleNone || o.optionAt(next) && p.level < 2 && q.options[0].boxed && len(q.more) == 0:
			return next
		case len(q.right) == 0:
			return next
		case explains.MatchString(words) && p.section == sec:
			told = true
			q.more = append(q.more, next)
		case o.linksOnly([]int{next}) && !wordy(textLink.ReplaceAllString(words, "")):
			// where it was read
		case !told:
			return next
		case p.section != sec && !o.under(p.section, sec) || rule(words):
			return next
		case sourced.MatchString(words):
			// where it was read
		default:
			if _, _, _, asks := o.boldQuestion(p); asks {
				return next
			}
			q.more = append(q.more, next)
		}
	}
	return next
}

// feedback adds what a section of its own explains: "## Feedback".
func (o *outline) feedback(q *quiz, next int) bool {
	if next >= len(o.pieces) || o.pieces[next].kind != extract.Heading || len(q.right) == 0 {
		return false
	}
	s := o.sections[o.pieces[next].section]
	switch strings.ToLower(strings.Trim(s.title, ": ")) {
	case "feedback", "explanation", "explanations", "rationale", "why":
	default:
		return false
	}
	for j := s.first; j < s.last; j++ {
		if o.pieces[j].kind != extract.Heading {
			q.more = append(q.more, j)
		}
	}
	return true
}

// choiceLetters drops the words between the letters of a key.
func choiceLetters(s string) string {
	var w strings.Builder
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(f) == 1 {
			w.WriteString(f)
		}
	}
	return w.String()
}

// chosen is the answer to an exercise that is one letter of several options:
// the option. Without them a letter says nothing.
func chosen(question, answer string) (string, bool) {
	m := lone.FindStringSubmatch(answer)
	if m == nil {
		return answer, true
	}
	found := ""
	for line := range strings.Lines(question) {
		k := optionMark.FindStringSubmatch(line)
		if k == nil || !strings.EqualFold(k[4], m[1]) {
			continue
		}
		if found != "" {
			return "", false
		}
		found = strings.TrimSpace(line)
	}
	return strings.TrimSpace(found + "\n\n" + strings.TrimSpace(answer[len(m[0]):])), found != ""
}

var lone = lazily(`^\W{0,3}([A-Ha-h])\W{0,3}(?:\n|$)`)

// repeats reports whether the words after the key's letter are the option's.
func (o *outline) repeats(q *quiz, rest string) bool {
	for _, k := range q.right {
		if s := q.options[k].words; squeeze(strings.Trim(rest, "*_ .")) == squeeze(strings.Trim(o.text[s.start:s.end], "*_ .")) {
			return true
		}
	}
	return false
}

// under reports whether a section is another one or stands below it.
func (o *outline) under(sec, top int) bool {
	for s := sec; s >= 0; s = o.sections[s].parent {
		if s == top {
			return true
		}
	}
	return false
}

func (o *outline) emitQuiz(q *quiz) {
	stem, spans := o.gather(q.stem)
	at := q.inline.start
	if len(q.stem) > 0 {
		at = o.pieces[q.stem[0]].start
	} else {
		stem, spans = o.text[q.inline.start:q.inline.end], []span{q.inline}
	}
	stem = cleanQuestion(withoutStep(listNumber.ReplaceAllString(strings.TrimSpace(stem), "")))
	if len(q.stem) > 0 && o.pieces[q.stem[0]].kind == extract.Heading {
		first, rest, _ := strings.Cut(stem, "\n")
		stem = strings.TrimSpace(plain(first) + "\n" + rest)
	}
	if !says(stem) || strings.Contains(stem, "![") || len(strings.Fields(stem)) < 2 && !questions(stem) {
		return
	}
	var list, answer strings.Builder
	for k, op := range q.options {
		words := o.optionWords(op)
		if words == "" || strings.Contains(words, "![") {
			return // a picture
		}
		spans = append(spans, op.words)
		list.WriteString("\n" + string(rune('A'+k)) + ") " + hanging(words))
	}
	for n, k := range q.right {
		if n > 0 {
			answer.WriteByte('\n')
		}
		answer.WriteString(string(rune('A'+k)) + ") " + hanging(o.optionWords(q.options[k])))
	}
	short := answer.String()
	more, ms := o.gather(q.more)
	more = withoutHeads(cleanAnswer(more))
	if more != "" {
		answer.WriteString("\n\n" + more)
	}
	for _, op := range q.options {
		q.stem = append(q.stem, op.pieces...)
	}
	for _, pieces := range [][]int{q.stem, q.key, q.more} {
		for _, i := range pieces {
			o.taken[i], o.quizzed[i] = true, true
		}
	}
	f := found{at: o.runes(at), short: short, tag: "quiz", kind: typeOf(stem, short)}
	if short == answer.String() {
		f.short = ""
	}
	o.add(stem+"\n"+list.String(), answer.String(), f, append(spans, ms...)...)
}

var explains = lazily(`(?i)^\W*(?:explanation|explication|erklärung|erläuterung|explicación|解释|解析|说明)\W*?[:：]\W*?(?:\n|\s|$)`)

// withoutHeads takes "Explanation:" off an explanation.
func withoutHeads(s string) string {
	return strings.TrimSpace(explains.ReplaceAllString(s, ""))
}

func (o *outline) optionWords(op option) string {
	s := o.trimTags(o.trim(op.words))
	if at := s.start + strings.LastIndexByte(o.text[s.start:s.end], '\n'); at > s.start && textLink.ReplaceAllString(strings.TrimSpace(o.text[at:s.end]), "") == "" {
		s.end = at // where it was read
	}
	return strings.TrimSpace(strings.ReplaceAll(dedent(o.text[s.start:s.end], 4), "&shy;", ""))
}

var listNumber = lazily(`^\(?\d{1,3}[.)][ \t]+`)

// hanging keeps the lines of an option together.
func hanging(s string) string { return strings.ReplaceAll(s, "\n", "\n   ") }

// options reports whether a body begins with code or a choice and goes on with
// things to choose from.
func (o *outline) options(body []int) bool {
	n, first := 0, true
	for _, i := range body {
		op, ok := o.option(i)
		chosen := ok && (op.boxed || op.key != 0)
		if first && !chosen && o.pieces[i].kind != extract.Code && o.pieces[i].kind != extract.Formula {
			return false
		}
		first = false
		if chosen {
			n += len(o.lettered(op))
		}
	}
	return n >= 2
}
