package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// faq takes headings that are questions with what stands under them, bold
// questions with the paragraphs after them, and numbered tasks whose only
// body is code.
func (o *outline) faq() {
	for i := range o.sections {
		o.headingQuestion(i)
	}
	o.boldQuestions()
}

// headingQuestion adds the pair of a section whose heading asks.
func (o *outline) headingQuestion(sec int) {
	s := o.sections[sec]
	if s.piece < 0 || o.taken[s.piece] {
		return
	}
	h := o.pieces[s.piece]
	if h.role != roleNone && h.role != roleNumbered && h.word != "q" {
		return
	}
	title := o.text[h.start:h.end]
	if h.role != roleNone {
		title = o.words(h)
	}
	question := withoutStep(plain(cleanQuestion(headingTitle(title))))
	tasks := h.role == roleNumbered && o.listOfTasks(s)
	asks := questions(question)
	switch {
	case asks && !idle(question):
	case s.faq && interrogative(question):
		question = strings.TrimRight(question, ".:") + "?"
	case tasks && strings.Count(question, " ") >= 1:
	default:
		return
	}
	body := o.ownBody(s)
	if len(body) == 0 || s.kids > 0 && !s.faq {
		return
	}
	if s.kids > 0 && o.asksBelow(sec) {
		return
	}
	var asked []int
	codeOnly := true
	for _, i := range body {
		if o.pieces[i].kind != extract.Code {
			codeOnly = false
		}
	}
	if o.options(body) {
		return // the question goes on with what to choose from
	}
	if codeOnly && len(body) > 1 && showsFirst(question) {
		asked, body = body[:1], body[1:]
	} else if codeOnly && showsFirst(question) {
		return // the code is the question's
	}
	if tasks && !asks && !codeOnly {
		// The prose may go on with the task: only its code is an answer, and
		// only when the task stands whole in the heading.
		return
	}
	if !codeOnly && o.within(s, topicExercises) {
		return
	}
	if !codeOnly && (o.selects(body) || o.linksOnly(body)) {
		return
	}
	answer, as := o.gather(body)
	answer = cleanAnswer(answer)
	if pointer(answer) || unanswered(answer) || strings.HasSuffix(answer, ":") || strings.Count(answer, " ") > 1500 {
		return
	}
	var qs []span
	if len(asked) > 0 {
		text, spans := o.gather(asked)
		question += "\n\n" + text
		qs = spans
	}
	o.taken[s.piece] = true
	f := found{at: o.runes(h.start), tag: "faq"}
	if codeOnly {
		f.kind, f.tag = extract.CodeType, "task"
	}
	o.add(question, answer, f, append(append([]span{{h.body, h.end}}, qs...), as...)...)
}

// ownBody are the pieces right under a heading, up to the next one, without
// hints, notes and the label of an answer.
func (o *outline) ownBody(s section) []int {
	var body []int
	hint := false
	for i := s.piece + 1; i < s.last; i++ {
		p := o.pieces[i]
		words := strings.TrimSpace(o.words(p))
		switch {
		case p.role == roleHint || hinted.MatchString(words):
			hint = true
			continue
		case p.role == roleAsk && (p.number != "" || p.word == "q"):
			return nil // exercises stand here
		case p.kind == extract.Footnote || p.kind == extract.Caption || words == "" || rule(words) || p.role == roleEnd:
			continue
		case backLink.MatchString(words):
			continue
		case hint && p.role == roleNone && !p.opens:
			continue
		case s.faq && len(body) > 0 && o.plainQuestion(p) != "":
			return body
		}
		hint = false
		o.unlabel(i)
		body = append(body, i)
	}
	return body
}

// unlabel gives a piece its label back that is one of the words of an answer:
// "Example: …".
func (o *outline) unlabel(i int) {
	switch p := &o.pieces[i]; p.role {
	case roleAsk, roleClaim, roleDefine, roleStop, roleProof:
		if !p.sealed {
			p.body = p.start
		}
	}
}

var hinted = lazily("(?i)^[`*_( ]*(hint|no hint)")

var backLink = lazily(`(?i)^\W*\[?\W*(back to|go to|return to|↑|⬆)[^\n]{0,40}$|^<a [^>]*>\s*(</a>)?$`)

// asksBelow reports whether a subsection asks, too.
func (o *outline) asksBelow(sec int) bool {
	for i := sec + 1; i < len(o.sections); i++ {
		s := o.sections[i]
		if s.level <= o.sections[sec].level {
			return false
		}
		if questions(s.title) {
			return true
		}
	}
	return false
}

// within reports whether the nearest section with a topic has this one,
// unless the title also speaks of questions: interview questions are
// answered on the spot.
func (o *outline) within(s section, t topic) bool {
	if s.within != t {
		return false
	}
	for at := s.parent; at >= 0; at = o.sections[at].parent {
		if o.sections[at].topic == t {
			lower := strings.ToLower(o.sections[at].title)
			return !strings.Contains(lower, "questions") || strings.Contains(lower, "review") || strings.Contains(lower, "exercises")
		}
	}
	return true
}

// listOfTasks reports whether a numbered heading is one of a list of tasks:
// its section or document says so, and its neighbours are numbered as well.
func (o *outline) listOfTasks(s section) bool {
	if s.within != topicExercises && s.within != topicMixed {
		return false
	}
	n := 0
	for i := s.piece - 1; i >= 0 && i > s.piece-40 && n < 1; i-- {
		if o.pieces[i].kind == extract.Heading && o.pieces[i].role == roleNumbered && o.pieces[i].level == o.pieces[s.piece].level {
			n++
		}
	}
	for i := s.piece + 1; i < len(o.pieces) && i < s.piece+40 && n < 2; i++ {
		if o.pieces[i].kind == extract.Heading && o.pieces[i].role == roleNumbered && o.pieces[i].level == o.pieces[s.piece].level {
			n++
		}
	}
	return n >= 1
}

// selects reports whether a body is a list to choose from.
func (o *outline) selects(body []int) bool {
	n := 0
	for _, i := range body {
		p := o.pieces[i]
		if p.kind != extract.ListItem {
			return false
		}
		if choice.MatchString(o.words(p)) {
			n++
		}
	}
	return n >= 2
}

var choice = lazily(`^\s*(?:[-*+]\s*)?(?:\[[ xX]\]|[\[(]?[A-Ea-e][.)\]])\s`)

// linksOnly reports whether a body is nothing but links.
func (o *outline) linksOnly(body []int) bool {
	for _, i := range body {
		p := o.pieces[i]
		words := imageLink.ReplaceAllString(o.words(p), "")
		words = textLink.ReplaceAllString(words, "")
		words = bareLink.ReplaceAllString(words, "")
		if strings.Count(words, " ") > 3 || p.kind == extract.Code {
			return false
		}
		if words == o.words(p) && wordy(words) {
			return false
		}
	}
	return true
}

var bareLink = lazily(`<?https?://\S+>?`)

// showsFirst reports whether a question speaks of code that follows it.
func showsFirst(question string) bool {
	q := strings.ToLower(question)
	return strings.Contains(q, "following") || strings.Contains(q, "this code") || strings.Contains(q, "these expressions") ||
		strings.Contains(q, "this program") || strings.Contains(q, "this expression") || strings.Contains(q, "this function") ||
		strings.Contains(q, "code below") || strings.Contains(q, "this snippet") || strings.Contains(q, "this script")
}

// idle reports whether a heading with a question mark is not a question one
// can answer without the page: "Questions?", "Why?", "How does it work?",
// "What's next?".
func idle(q string) bool {
	if r, _ := utf8.DecodeRuneInString(q); unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || strings.HasSuffix(q, "\uff1f") {
		return utf8.RuneCountInString(q) < 5 // it has no spaces between its words
	}
	words := strings.Fields(strings.ToLower(strings.Trim(q, "? ")))
	if len(words) < 2 || len(words) == 2 && (len(words[1]) < 4 || words[0] != "why" && words[0] != "what's") {
		return true
	}
	rest := strings.Join(words, " ")
	return idleQuestion.MatchString(rest)
}

var idleQuestion = lazily(`^(what'?s|what is|what comes|where to go|where do we go) (next|new|this|that|inside|covered|here|the problem|the point)$|^(so )?(what|why|how|when|where|who|is|are|does|do|can|should|will|was) (does|do|did|is|are|was|were|should|can|will|would|has|have)? ?(it|this|that|they|these|those|he|she)( (work|works|mean|do|matter|look like|happen|important|useful|free|safe|all|different|possible|so|help|it|about|for))*$|^(need|want|still have|have|got|any|more) .*(help|questions?|more|problems?|feedback|ideas?)$|^who (is|should) (this|read)|^what (you|will you|you'll|we|we'll) |^(ready|interested|confused|stuck)|^(did|do) you know|^how to (use|read) this`)

// remark reports whether an item's bold words with a question mark are one of
// the cases of a list: "**No cache?** Then…".
func remark(q string) bool {
	first, rest, _ := strings.Cut(strings.ToLower(q), " ")
	return strings.Count(rest, " ") < 3 && (first == "no" || first == "not" || strings.HasSuffix(q, "needed?") || strings.HasSuffix(q, "required?"))
}

// interrogative reports whether a title without a question mark asks.
func interrogative(s string) bool {
	first, rest, ok := strings.Cut(strings.ToLower(s), " ")
	if !ok || strings.Count(rest, " ") < 1 {
		return false
	}
	switch first {
	case "how", "what", "why", "when", "where", "who", "which", "can", "do", "does", "is", "are", "should", "will", "may", "must", "what's", "where's", "i", "my":
		return first != "i" && first != "my"
	}
	return false
}

// boldQuestions takes "**What is a tree?**" with what follows it in the line
// or in the paragraphs up to the next question or heading, and questions in
// the summary of <details>.
func (o *outline) boldQuestions() {
	o.folded()
	for i, p := range o.pieces {
		if o.taken[i] || p.kind == extract.Heading || p.kind == extract.Code || p.kind == extract.Table || !p.opens {
			continue
		}
		if p.role != roleNone && p.role != roleNumbered {
			continue
		}
		question, rest, sealed, ok := o.boldQuestion(p)
		if !ok || idle(question) || p.kind == extract.ListItem && remark(question) || !sealed && o.within(o.sections[p.section], topicExercises) {
			continue
		}
		var body []int
		last := o.sections[p.section].last
		many := o.manyTerms(p)
		for j := i + 1; j < last && (rest.empty() || p.kind == extract.ListItem); j++ {
			next := o.pieces[j]
			if sealed {
				// Whatever it holds, it ends where it says.
				if next.role == roleEnd && next.word == "details" || strings.Contains(o.text[next.start:next.end], "<summary>") {
					break
				}
				o.unlabel(j)
				body = append(body, j)
				if strings.HasSuffix(strings.TrimSpace(o.text[next.start:next.end]), "</details>") {
					break
				}
				continue
			}
			if _, _, _, asks := o.boldQuestion(next); asks && next.kind != extract.Code {
				break
			}
			if next.kind == extract.Caption && p.kind == extract.ListItem || next.role == roleAsk || rule(o.text[next.start:next.end]) || o.boldLine(next) {
				break
			}
			loose := many || rest.empty() && strings.Contains(o.text[p.start:p.end], "# ") // a heading ends at the next one
			within := o.indented(next)
			if next.kind == extract.ListItem {
				within = next.level > p.level
			}
			if p.kind == extract.ListItem && !loose && !within {
				break
			}
			if next.kind != extract.Footnote && next.kind != extract.Caption {
				body = append(body, j)
			}
		}
		answer, as := o.gather(body)
		if !rest.empty() {
			answer = strings.TrimSpace(dedent(o.text[rest.start:rest.end], 8) + "\n\n" + answer)
			as = append([]span{rest}, as...)
		}
		answer = strings.TrimSpace(strings.TrimPrefix(cleanAnswer(answer), "A: "))
		if answer == "" || pointer(answer) || unanswered(answer) || strings.HasSuffix(answer, ":") || strings.Count(answer, " ") > 1500 || !rest.empty() && !sealed && strings.Count(answer, " ") < 3 && len(answer) < 40 {
			continue
		}
		if len(body) > 0 && (o.selects(body) || o.options(body) || o.linksOnly(body)) {
			continue
		}
		o.taken[i] = true
		f := found{at: o.runes(p.start), tag: "faq"}
		o.add(question, answer, f, append([]span{{p.body, p.end}}, as...)...)
	}
}

// folded takes the summaries of <details> that fill more than a line: a task
// with its code or its list.
func (o *outline) folded() {
	for i, p := range o.pieces {
		open := strings.Index(o.text[p.start:p.end], "<summary>")
		if open < 0 || p.kind == extract.Code || strings.Contains(o.text[p.start+open:p.end], "</summary>") || o.taken[i] {
			continue
		}
		const reach = 8000
		start := p.start + open + len("<summary>")
		around := o.text[start:min(len(o.text), start+reach)]
		shut := strings.Index(around, "</summary>")
		if shut < 0 || strings.Contains(around[:shut], "<summary>") {
			continue
		}
		end := strings.Index(around[shut:], "</details>")
		if end < 0 || strings.Contains(around[shut:shut+end], "<summary>") {
			continue
		}
		q := o.trim(span{start, start + shut})
		a := o.trimTags(o.trim(span{start + shut + len("</summary>"), start + shut + end}))
		question, answer := unmark(o.text[q.start:q.end]), cleanAnswer(o.text[a.start:a.end])
		first, _, _ := strings.Cut(question, "\n")
		if a.empty() || pointer(answer) || !questions(first) && !instructs(first) && !strings.HasSuffix(first, ":") {
			continue
		}
		o.taken[i] = true
		o.add(cleanQuestion(question), answer, found{at: o.runes(q.start), tag: "faq"}, q, a)
	}
}

// plainQuestion is a paragraph of an FAQ that is nothing but a question, in
// formats that lost its emphasis.
func (o *outline) plainQuestion(p piece) string {
	if p.kind != extract.Paragraph || p.role != roleNone || !p.opens || p.end-p.start > 240 || !o.sections[p.section].faq {
		return ""
	}
	s := squeeze(o.words(p))
	r, _ := utf8.DecodeRuneInString(s)
	if !questions(s) || !unicode.IsLetter(r) || unicode.IsLower(r) || strings.ContainsAny(s[:len(s)-1], ".?!。") {
		return ""
	}
	return s
}

// indented reports whether a piece stands further in than its margin.
func (o *outline) indented(p piece) bool {
	return o.column(p.start) > 0 || o.text[p.start] == ' ' || o.text[p.start] == '\t'
}

// manyTerms reports whether a list item that asks is one of several in its
// section: what stands between them answers the one before.
func (o *outline) manyTerms(p piece) bool {
	return p.kind == extract.ListItem && termAsks.MatchString(o.text[p.body:p.end]) && o.terming(p) > 2
}

// terming is how many terms of p's section ask, 3 for more than two.
func (o *outline) terming(p piece) int {
	if n, ok := o.termed[p.section]; ok {
		return n
	}
	s, n := o.sections[p.section], 0
	for j := max(0, s.first); j < s.last && n < 3; j++ {
		if o.pieces[j].kind == extract.ListItem && termAsks.MatchString(strings.TrimLeft(o.text[o.pieces[j].body:o.pieces[j].end], "-*+ ")) {
			n++
		}
	}
	o.termed[p.section] = n
	return n
}

// boldLine reports whether a piece is one bold line, a heading of sorts.
func (o *outline) boldLine(p piece) bool {
	s := strings.TrimSpace(o.text[p.start:p.end])
	return p.kind == extract.Paragraph && len(s) > 4 && len(s) < 160 && strings.HasPrefix(s, "**") && strings.HasSuffix(s, "**") && strings.Count(s, "**") == 2
}

// boldQuestion reads the question at the beginning of a piece and returns
// the rest of the piece.
func (o *outline) boldQuestion(p piece) (question string, rest span, sealed, ok bool) {
	s := o.trim(span{p.body, p.end})
	words := o.text[s.start:s.end]
	if lead := strings.TrimLeft(words, "-*+•> 0123456789."); p.kind == extract.ListItem {
		// a list item's own sign, but not the emphasis after it
		cut := len(words) - len(lead)
		for cut > 0 && words[cut-1] == '*' {
			cut--
		}
		if strings.HasPrefix(words, "* ") && cut < 2 {
			cut = 2
		}
		s.start += cut
		words = words[cut:]
	}
	if title := strings.TrimLeft(words, "#"); title != words && p.kind == extract.ListItem && strings.HasPrefix(title, " ") {
		// "1. ### What is a tree?": a heading that the list keeps to itself.
		title, _, _ = strings.Cut(title, "\n")
		s.start += len(words) - len(strings.TrimLeft(words, "#")) + len(title)
		question = strings.TrimRight(plain(title), ".: ")
		if !strings.HasSuffix(question, "?") {
			if !interrogative(question) {
				return "", span{}, false, false
			}
			question += "?"
		}
		return strings.TrimSuffix(strings.TrimSuffix(question, "?"), " ") + "?", o.trim(s), false, true
	}
	if question = o.plainQuestion(p); question != "" {
		return question, span{s.end, s.end}, false, true
	}
	if p.kind == extract.ListItem {
		// The term of a definition list.
		if m := termAsks.FindStringSubmatchIndex(words); m != nil && !idle(words[m[2]:m[3]]) && (o.sections[p.section].faq || o.terming(p) > 2 || o.terming(p) > 1 && !strings.Contains(words[:m[3]], ". ")) {
			s.start += m[1]
			return plain(words[m[2]:m[3]]), o.trim(s), false, true
		}
	}
	for _, m := range [][2]string{{"**", "**"}, {"__", "__"}, {"<summary>", "</summary>"}, {"<strong>", "</strong>"}, {"<b>", "</b>"}} {
		at := 0
		if m[0] == "<summary>" {
			if at = strings.Index(words, m[0]); at < 0 || at > 40 || !strings.HasPrefix(words, "<") {
				continue
			}
		} else if !strings.HasPrefix(words, m[0]) {
			continue
		}
		inner, _, found := strings.Cut(words[at+len(m[0]):], m[1])
		if !found {
			continue
		}
		question = strings.TrimSpace(plain(unmark(inner)))
		if !questions(question) && (m[0] != "<summary>" || !instructs(question)) || len(question) > 400 {
			continue
		}
		if l, n, labelled := parseLabel(question, false); labelled && l.style != styleCode {
			question = strings.TrimSpace(question[n:])
		}
		s.start += at + len(m[0]) + len(inner) + len(m[1])
		return question, o.trimTags(o.trim(s)), m[0] == "<summary>", len(question) > 4
	}
	return "", span{}, false, false
}

// instructs reports whether the summary of hidden words sets a task: "Explain
// how…", "True or false: …".
func instructs(s string) bool {
	if interrogative(s) {
		return true
	}
	first, rest, _ := strings.Cut(strings.ToLower(s), " ")
	return strings.Count(rest, " ") >= 1 && instructing[strings.Trim(first, ",:.")]
}

var instructing = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`explain describe define name list give write compare contrast discuss true given fix modify identify state outline
		mention show find calculate compute convert create demonstrate differentiate distinguish elaborate implement match order print prove rewrite
		select sketch solve suppose summarize tell translate use you your in for`) {
		m[w] = true
	}
	return m
}()

// stepped matches what counts the tasks of a sheet and is no part of them.
var stepped = lazily(`^(?:(?:Step|Task|Schritt|Étape|Paso|Aufgabe)\s+|[A-Z])\d{1,3}[.:)]\s+`)

// withoutStep takes a leading "Step 3." and ornaments off a heading.
func withoutStep(s string) string {
	s = strings.TrimLeftFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.So, unicode.Mn) || r == '\u200d' || r == ' '
	})
	return stepped.ReplaceAllString(s, "")
}

// commands reports whether a sentence tells its reader to do something.
func commands(s string) bool {
	first, rest, _ := strings.Cut(strings.ToLower(strings.TrimLeft(s, "*_ ")), " ")
	switch first = strings.Trim(first, ",:."); first {
	case "for", "in", "you", "your", "use", "true", "suppose", "given", "state", "order", "match", "name", "list":
		return false // prose begins so, too
	}
	return strings.Count(rest, " ") >= 2 && (instructing[first] || tasking[first])
}

var tasking = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`fill add build complete correct count draw estimate evaluate expand extend generate plot predict rank read rearrange replace
		reverse run simplify sort trace try verify add make determine differentiate integrate factor schreiben berechnen bestimmen zeigen beweisen finden
		calculez montrez trouvez écrivez calcule escriba demuestre`) {
		m[w] = true
	}
	return m
}()

// termAsks matches "Where do I moor?: At the quay.", as readers of documents
// write an entry of a definition list.
var termAsks = lazily(`^(\p{Lu}[^\n]{6,240}?[?\x{ff1f}])[*_]*\s?:+(?:\s|$)`)

// unmark takes the tags of emphasis out of a summary.
func unmark(s string) string {
	return strings.NewReplacer("<b>", "", "</b>", "", "<strong>", "", "</strong>", "", "<em>", "", "</em>", "", "<i>", "", "</i>", "", "<code>", "`", "</code>", "`").Replace(s)
}
