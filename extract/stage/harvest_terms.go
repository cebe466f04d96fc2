package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// terms takes definitions: glossaries, definition lists, tables of terms,
// "Definition 2.1 (Tree)." and sentences that define a marked word.
func (o *outline) terms() {
	asked := map[string]bool{} // one definition of a term a section is enough
	for i := range o.pieces {
		p := o.pieces[i]
		if o.taken[i] {
			continue
		}
		switch p.kind {
		case extract.Code, extract.Formula, extract.Caption, extract.Footnote:
			continue
		case extract.Table:
			o.tableTerms(p)
			continue
		case extract.Heading:
			if o.sections[p.section].within == topicGlossary && p.role == roleNone {
				o.headingTerm(i)
			}
			continue
		}
		switch {
		case p.role == roleDefine:
			o.labelledDefinition(i, asked)
		case o.listTerms(p):
		case o.sections[p.section].within == topicGlossary && p.role == roleNone:
			o.glossaryTerms(i)
		case p.role == roleNone:
			o.definingSentences(p, asked)
		}
	}
}

// define adds the pair of a term.
func (o *outline) define(question, answer string, spans ...span) {
	if strings.Count(answer, " ") < 2 || pointer(answer) || len(spans) == 0 {
		return
	}
	s := o.trim(spans[0])
	f := found{at: o.runes(s.start), kind: extract.Definition, tag: "definition"}
	o.add(question, answer, f, spans...)
}

// headingTerm takes a term that is a heading in a glossary.
func (o *outline) headingTerm(i int) {
	p := o.pieces[i]
	s := o.sections[p.section]
	term := plain(headingTitle(o.text[p.start:p.end]))
	if s.topic == topicGlossary || utf8.RuneCountInString(term) < 2 || strings.Count(term, " ") > 5 || strings.HasSuffix(term, "?") || s.kids > 0 || sectionNumber.MatchString(term) {
		return
	}
	body := o.ownBody(s)
	for _, j := range body {
		if o.glossaryEntry(o.pieces[j].span).term != "" {
			return // a letter or a group of terms
		}
	}
	def, spans := o.gather(body)
	o.define(o.whatIs(term, def, p.start), cleanAnswer(def), append([]span{p.span}, spans...)...)
}

// sectionNumber matches the heading of a section that is about something:
// "4.3.1 Overview".
var sectionNumber = lazily(`^[^\pL]*\d`)

// A definition is a term and where its explanation stands.
type definition struct {
	term   string
	marked bool // the term is bold or code
	at     span // the whole entry
	def    span
}

// glossaryTerms takes the entries of a paragraph or list item in a glossary:
// one, or one a line.
func (o *outline) glossaryTerms(i int) {
	p := o.pieces[i]
	var entries []definition
	for at := p.start; at < p.end; {
		end := p.end
		if n := strings.IndexByte(o.text[at:p.end], '\n'); n >= 0 {
			end = at + n + 1
		}
		d := o.glossaryEntry(span{at, end})
		switch {
		case d.term != "":
			entries = append(entries, d)
		case len(entries) > 0:
			last := &entries[len(entries)-1]
			last.at.end, last.def.end = end, end
			if last.def.empty() {
				last.def.start = at
			}
		default:
			return // running text
		}
		at = end
	}
	if len(entries) == 1 && !entries[0].marked && !o.entryBeside(i) {
		return // a sentence with a dash or a colon
	}
	// An entry may go on in the blocks after it.
	if n := len(entries); n > 0 {
		last := &entries[n-1]
		if o.trim(last.def).empty() && i+1 < o.sections[p.section].last && o.pieces[i+1].kind == extract.Paragraph {
			next := o.pieces[i+1]
			if o.glossaryEntry(next.span).term == "" {
				last.def = next.span
			}
		}
	}
	for _, d := range entries {
		def := o.trim(d.def)
		if def.empty() {
			continue
		}
		answer := dedent(o.text[def.start:def.end], 4)
		spans := []span{{d.at.start, max(def.end, d.at.start)}}
		if def.start > p.end {
			spans = []span{d.at, def}
		}
		o.define(o.whatIs(d.term, answer, p.start), answer, spans...)
	}
}

// entryBeside reports whether one of the next pieces before or after a piece,
// in its section, is the entry of a glossary too.
func (o *outline) entryBeside(i int) bool {
	const near = 2 // an entry may go on in a second paragraph
	s := o.sections[o.pieces[i].section]
	for j := max(i-near, s.first); j <= min(i+near, s.last-1); j++ {
		if j != i && o.glossaryEntry(o.pieces[j].span).term != "" {
			return true
		}
	}
	return false
}

// glossaryEntry reads "**Term**: words", "Term — words" or "- `term` - words"
// at the beginning of s.
func (o *outline) glossaryEntry(s span) definition {
	line := o.text[s.start:s.end]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	c := scanner{s: line}
	c.skip(" \t>")
	c.bullet()
	from := c.i
	c.open()
	code := !c.eof() && c.s[c.i] == '`'
	term := ""
	switch {
	case c.bold > 0:
		sign := line[from : from+c.bold]
		end := strings.Index(line[c.i:], sign)
		if end < 0 {
			return definition{}
		}
		term = line[c.i : c.i+end]
		c.i += end + len(sign)
	case code:
		end := strings.IndexByte(line[c.i+1:], '`')
		if end < 0 {
			return definition{}
		}
		term = line[c.i : c.i+end+2]
		c.i += end + 2
	default:
		end := -1
		for _, sep := range []string{": ", " — ", " – ", " - ", "—"} {
			if n := strings.Index(line, sep); n > 0 && (end < 0 || n < end) {
				end = n
			}
		}
		if end < from {
			return definition{}
		}
		term = line[from:end]
		c.i = end
	}
	inside := strings.TrimRight(term, " ")
	term = strings.TrimRight(inside, ":.—–- ")
	ended := term != inside
	if c.i < len(line) && line[c.i] == ' ' && c.i+1 < len(line) && line[c.i+1] == '(' {
		if n := matching(line[c.i+1:], '(', ')'); n > 0 && n < 60 {
			c.i += n + 2
		}
	}
	rest := line[c.i:]
	trimmed := strings.TrimLeft(rest, " \t")
	sep := 0
	switch {
	case strings.HasPrefix(trimmed, ":"):
		sep = 1
	case strings.HasPrefix(trimmed, "—"), strings.HasPrefix(trimmed, "–"):
		sep = len("—")
	case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "= "):
		sep = 1
	case ended, strings.TrimSpace(rest) == "" && c.bold >= 2:
	default:
		return definition{}
	}
	if !nounPhrase(term) {
		return definition{}
	}
	start := s.start + c.i + len(rest) - len(trimmed) + sep
	return definition{term: plain(term), marked: c.bold > 0 || code, at: s, def: span{start, s.end}}
}

// nounPhrase reports whether a term can be one: short, and no label or
// sentence.
func nounPhrase(term string) bool {
	t := strings.Trim(term, "*_` ")
	if t == "" || strings.Count(t, " ") > 5 || utf8.RuneCountInString(t) > 60 || strings.ContainsAny(t, ".?!;:") && !strings.Contains(term, "`") && !abbreviation.MatchString(t) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(t)
	if !unicode.IsLetter(r) && r != '`' && r != '.' {
		return false
	}
	lower := strings.ToLower(t)
	first, _, _ := strings.Cut(lower, " ")
	return !notTerms[first] && !clause.MatchString(lower)
}

// clause matches a term that is half a sentence: "Definitions are like
// two-way streets — we can replace…".
var clause = lazily(` (?:is|are|was|were|has|have|can|will|must|should|does|do|means) `)

var abbreviation = lazily(`^(\pL\.)+$|^\.?\pL+\.\pL+$`)

// notTerms open labels and sentences, not terms.
var notTerms = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`this that these those it they he she we you i there here note notes warning tip example examples see also
		important caution remark hint step input output returns return parameters usage todo pros cons advantages disadvantages and or but
		if when what why how where who which not only all some many most each every any its their our your my his her such one another
		first second third next last finally however source author date updated figure table
		as since because although though`) {
		m[w] = true
	}
	return m
}()

// listTerms takes the entries of Markdown definition lists:
//
//	Term
//	: what it means
func (o *outline) listTerms(p piece) bool {
	text := o.text[p.start:p.end]
	if !strings.Contains(text, "\n:") {
		return false
	}
	any := false
	term, at := "", p.start
	for pos := p.start; pos < p.end; {
		end := p.end
		if n := strings.IndexByte(o.text[pos:p.end], '\n'); n >= 0 {
			end = pos + n + 1
		}
		line := strings.TrimSpace(o.text[pos:end])
		switch {
		case strings.HasPrefix(line, ": ") || strings.HasPrefix(line, ":\t"):
			if term == "" {
				break
			}
			// The words reach to the next term: a line before another ":".
			stop := end
			for stop < p.end {
				n := strings.IndexByte(o.text[stop:p.end], '\n')
				lineEnd := p.end
				if n >= 0 {
					lineEnd = stop + n + 1
				}
				next := strings.TrimSpace(o.text[stop:lineEnd])
				if next == "" || next[0] == ':' || strings.HasPrefix(strings.TrimSpace(o.text[lineEnd:min(p.end, lineEnd+3)]), ":") {
					break
				}
				stop = lineEnd
			}
			def := o.trim(span{pos + strings.IndexByte(o.text[pos:end], ':') + 1, stop})
			if nounPhrase(term) && !def.empty() {
				answer := dedent(o.text[def.start:def.end], 4)
				o.define(o.whatIs(plain(term), answer, p.start), answer, span{at, def.end})
				any = true
			}
			term = ""
			end = stop
		case line != "":
			term, at = line, pos
		}
		pos = end
	}
	return any
}

// tableTerms takes the rows of a table whose header names terms and their
// meaning.
func (o *outline) tableTerms(p piece) {
	b := o.doc.Blocks[p.block]
	if len(b.Rows) < 3 {
		return
	}
	term, def := -1, -1
	for i, cell := range b.Rows[0] {
		switch strings.ToLower(strings.Trim(cell, " *_:")) {
		case "term", "word", "concept", "terms", "begriff", "terme", "término", "acronym", "abbreviation", "terminology":
			if term < 0 {
				term = i
			}
		case "definition", "meaning", "explanation", "definitions", "bedeutung", "définition", "definición", "stands for", "expansion", "description":
			if def < 0 {
				def = i
			}
		}
	}
	if term < 0 || def < 0 {
		return
	}
	at := p.start
	for _, row := range b.Rows[1:] {
		if term >= len(row) || def >= len(row) || row[term] == "" {
			continue
		}
		// Each row is looked for after the one before it.
		probe := firstWords(row[term])
		n := strings.Index(o.text[at:p.end], probe)
		if n < 0 || !nounPhrase(row[term]) {
			continue
		}
		start := at + n
		if nl := strings.LastIndexByte(o.text[at:start], '\n'); nl >= 0 {
			start = at + nl + 1
		} else {
			start = at
		}
		end := p.end
		if nl := strings.IndexByte(o.text[at+n:p.end], '\n'); nl >= 0 {
			end = at + n + nl
		}
		o.define(o.whatIs(row[term], row[def], p.start), row[def], span{start, end})
		at = end
	}
}

func firstWords(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

// labelledDefinition takes "Definition 2.1 (Tree). A tree is …".
func (o *outline) labelledDefinition(i int, asked map[string]bool) {
	p := o.pieces[i]
	body := []int{i}
	if p.kind == extract.Heading || strings.TrimSpace(o.words(p)) == "" {
		body = nil
	}
	for j := i + 1; j < o.sections[p.section].last; j++ {
		next := o.pieces[j]
		if next.role != roleNone || next.kind == extract.Heading || next.kind == extract.Table || next.kind == extract.Code || next.kind == extract.Caption || next.kind == extract.Footnote {
			break
		}
		if !wordy(imageLink.ReplaceAllString(o.words(next), "")) && strings.Contains(o.words(next), "![") {
			break
		}
		// Without an end mark the definition is its first paragraph with the
		// formulas and items that belong to it.
		if next.kind == extract.Paragraph && len(body) > 0 && !p.sealed && o.pieces[j-1].kind != extract.Formula && o.complete(o.pieces[j-1]) {
			break
		}
		body = append(body, j)
	}
	if n := len(body); n > 0 && !p.sealed && !o.complete(o.pieces[body[n-1]]) && o.pieces[body[n-1]].kind == extract.Paragraph {
		return // the rest is in a picture, or nowhere
	}
	text, spans := o.gather(body)
	text = cleanAnswer(withoutQED(text))
	if len(body) == 0 || strings.Count(text, " ") < 4 || leans(text) {
		return
	}
	if len(spans) > 0 && spans[0].start == p.body {
		spans[0].start = p.start
	}
	question := ""
	p.name = o.untitled(p.name, text, p.start)
	if p.name != "" && nounPhrase(p.name) && !strings.ContainsAny(p.name, "[0123456789") {
		question = o.whatIs(plain(p.name), text, p.start)
		name := lowerTerm(plain(p.name))
		_, head, ok := cutLast(name, " ")
		if _, foreign := o.tongue(p.name + " " + text); foreign {
			// It has no English articles.
		} else if a := articleIn(text, p.name); a != "" {
			question = "What is " + a + " " + name + "?"
		} else if a := articleIn(text, head); ok && (a == "a" || a == "an") {
			question = "What is " + indefinite(name) + " " + name + "?"
		} else if adjective := adjectiveOf(text, p.name); adjective != "" {
			question = adjective
		}
	} else {
		for _, s := range sentences(text) {
			if question = o.definingQuestion(s, p.start); question != "" {
				break
			}
		}
	}
	if question == "" || asked[question] {
		return
	}
	asked[question] = true
	o.define(question, text, spans...)
}

// complete reports whether a piece ends where a sentence does.
func (o *outline) complete(p piece) bool {
	if o.ends(p) {
		return true
	}
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(o.text[p.start:p.end], " \n\t\u00a0*_)”\"$"))
	return strings.ContainsRune(".!?。}]", last)
}

// untitled writes the words of a title small that the text around writes
// small: "Upper Triangular Matrix", but "Hermitian Matrix".
func (o *outline) untitled(name, text string, at int) string {
	words := strings.Fields(name)
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		if !unicode.IsUpper(r) && !smallWord[w] {
			return name
		}
	}
	for i, w := range words {
		// "Row-Equivalent" too, but no abbreviation.
		if small := strings.ToLower(w); strings.ToUpper(w) != w && !named(w, text) && (o.near(small, at) || o.near(small+"s", at)) {
			words[i] = small
		}
	}
	return strings.Join(words, " ")
}

// named reports whether a word keeps its capital in the midst of a sentence:
// "the Jordan block".
func named(w, text string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], " "+w)
		if i < 0 {
			return false
		}
		if i += from; i > 0 && (text[i-1] >= 'a' && text[i-1] <= 'z' || text[i-1] == ',') {
			return true
		}
		from = i + 1
	}
}

// articleIn is the article that stands before the term in the text, "" where
// none does.
func articleIn(text, term string) string {
	lower, term := strings.ToLower(strings.NewReplacer("*", "", "_", "", "\n", " ").Replace(text)), strings.ToLower(plain(term))
	for _, a := range []string{"an", "a", "the"} {
		if strings.Contains(" "+lower, " "+a+" "+term) {
			return a
		}
	}
	return ""
}

// adjectiveOf asks for the meaning of an adjective that is defined: "A graph
// is called connected if …".
func adjectiveOf(text, name string) string {
	m := adjective.FindStringSubmatch(squeeze(text))
	if m == nil || !strings.EqualFold(strings.Trim(m[3], "*_"), name) {
		return ""
	}
	return "What does it mean for " + strings.ToLower(m[1]) + " " + m[2] + " to be " + strings.Trim(m[3], "*_") + "?"
}

// adjective matches "A graph G is called connected if".
var adjective = lazily(`^(An?) ([a-z][a-z -]*?)(?: \$?[A-Za-z]\w?\$?)?(?: with [^.]*?| on [^.]*?)? (?:is|are) (?:said to be |called )?((?:\*\*?|_)?[a-z-]+(?:\*\*?|_)?) (?:if|when|provided|whenever)\b`)

// definingSentences takes the sentences of a paragraph that define a term.
func (o *outline) definingSentences(p piece, asked map[string]bool) {
	words := o.text[p.body:p.end]
	if !strings.Contains(words, " is ") && !strings.Contains(words, " are ") && !strings.Contains(words, " defined") &&
		!strings.Contains(words, " called") && !strings.Contains(words, "\nis ") && !strings.Contains(words, " refers to") {
		return
	}
	marked := strings.ContainsAny(words, "*_")
	opening := strings.HasPrefix(words, "A ") || strings.HasPrefix(words, "An ")
	if !marked && !opening && !strings.Contains(words, " defined ") && !strings.Contains(words, " called ") {
		return
	}
	at := 0
	for _, s := range sentences(words) {
		n := strings.Index(words[at:], s)
		if n < 0 {
			return
		}
		from := p.body + at + n
		at += n + len(s)
		if len(s) < 24 || len(s) > 600 {
			continue
		}
		question := o.definingQuestion(s, from)
		if question == "" && opening && from == p.body && p.kind == extract.Paragraph {
			question = openingQuestion(s)
		}
		if question == "" || asked[question] {
			continue
		}
		asked[question] = true
		o.define(question, squeeze(s), span{from, from + len(s)})
	}
}

// The ways a sentence defines. What is defined is marked by emphasis, or
// stands before "is defined as" or after "is called a".
var (
	markedSubject = lazily(`^(?:(An?|The) )?(?:\*\*|\*|__|_)([^*_\n]{2,50}?)(?:\*\*|\*|__|_)((?: (?:of|in|for|between) (?:an?|the|two|its)?(?: ?[a-zA-Z$-]+){1,4}?)?)(?: \((?:or )?[^)]{1,40}\))? (is|are|refers to|means|denotes|describes) (.+)$`)
	definedAs     = lazily(`^((?:An?|The) )?([A-Za-z][A-Za-z' -]{2,60}?) (is|are) (?:formally |usually |commonly )?defined (?:as|to be) (.+)$`)
	calledMarked  = lazily(`^(An?|The|Any|Every|Two|If) .+ (?:is|are) (?:called|known as|termed|referred to as|said to be) (?:(an?|the) )?(?:\*\*|\*|__|_)([^*_\n]{2,40}?)(?:\*\*|\*|__|_)(\.|,| if\b| when\b| of\b| for\b|;)`)
	calledPlain   = lazily(`^(An?|Any) .+ is (?:called|known as|termed) (an?) ([a-z][a-z -]{2,30}?)(?:\.| if\b| provided\b| whenever\b)`)
	predicate     = lazily(`^(?:a|an|the|any|one|that|simply|just|when|where) `)
	restricted    = lazily(`\b(that|which|whose|used to|with|without|of|who|where|in|between|for|to)\b`)
	subjectPlain  = lazily(`^(An?) ([a-z][a-z-]+(?: [a-z-]+){0,2}?)(?: \$?[A-Z]\$?)? (?:that|which|with|without|whose|in which|where|is|all|having|on|of|from)\b`)
)

// generic matches "A keel is a fin that …": formats without emphasis define
// their terms where a paragraph opens.
var generic = lazily(`^An? ([a-z][a-z-]+(?: [a-z-]+){0,2}?) is (?:an?) [a-z-]+(?: [a-z-]+){0,8}? (?:that|which|whose|in which|for which|used to|used for) .{12,}\.$`)

// openingQuestion asks for what the first sentence of a paragraph defines.
func openingQuestion(sentence string) string {
	s := squeeze(sentence)
	m := generic.FindStringSubmatch(s)
	if m == nil || strings.Count(s, " ") < 8 || vague[firstWord(m[1])] || !nounPhrase(m[1]) || personal.MatchString(s) || dangling.MatchString(s) || leans(s) {
		return ""
	}
	return askFor(strings.ToLower(firstWord(s)), m[1], "", "is")
}

var personal = lazily(`(?i)\b(i|we|you|your|our|my|us|me|here|today|now)\b`)

// definingQuestion is the question that a sentence answers by defining
// something, "" where it does not.
func (o *outline) definingQuestion(sentence string, at int) string {
	s := squeeze(sentence)
	if !strings.HasSuffix(s, ".") || strings.Count(s, " ") < 5 {
		return ""
	}
	question := o.definedIn(s, at)
	if question == "" || dangling.MatchString(s) || leans(s) {
		return ""
	}
	return question
}

// definedIn asks for what a sentence seems to define.
func (o *outline) definedIn(s string, at int) string {
	if strings.ContainsAny(s[:1], "*_ATEI") || strings.Contains(s, " defined ") || strings.Contains(s, " called ") {
		if m := markedSubject.FindStringSubmatch(s); m != nil {
			return o.markedQuestion(m, at)
		}
	}
	if strings.Contains(s, " defined ") {
		if m := definedAs.FindStringSubmatch(s); m != nil && nounPhrase(m[2]) && !vague[firstWord(m[2])] && !strings.Contains(m[2], " it") {
			return askFor(strings.ToLower(strings.TrimSpace(m[1])), o.natural(m[2], m[1] == "", at), "", m[3])
		}
	}
	if !strings.Contains(s, " called ") && !strings.Contains(s, " said to be ") && !strings.Contains(s, " termed ") && !strings.Contains(s, " known as ") && !strings.Contains(s, " referred to ") {
		return ""
	}
	if m := adjective.FindStringSubmatch(s); m != nil && strings.Contains(s[:strings.Index(s, m[3])], " called ") || m != nil && strings.Contains(s, " said to be ") {
		return "What does it mean for " + strings.ToLower(m[1]) + " " + m[2] + " to be " + strings.Trim(m[3], "*_") + "?"
	}
	if m := calledMarked.FindStringSubmatch(s); m != nil && nounPhrase(m[3]) {
		if m[2] == "" {
			return adjectiveAsked(s, m[3])
		}
		if m[4] == " of" || m[4] == " for" {
			return ""
		}
		return askFor(m[2], m[3], "", "is")
	}
	if m := calledPlain.FindStringSubmatch(s); m != nil && nounPhrase(m[3]) && !vague[firstWord(m[3])] {
		return askFor(m[2], m[3], "", "is")
	}
	return ""
}

// adjectiveAsked asks for an adjective whose subject can be read off the
// beginning of the sentence.
func adjectiveAsked(s, term string) string {
	m := subjectPlain.FindStringSubmatch(s)
	if m == nil || strings.Contains(term, " ") {
		return ""
	}
	return "What does it mean for " + strings.ToLower(m[1]) + " " + m[2] + " to be " + term + "?"
}

func (o *outline) markedQuestion(m []string, at int) string {
	article, term, of, verb, rest := strings.ToLower(m[1]), m[2], m[3], m[4], m[5]
	if !nounPhrase(term) || vague[firstWord(term)] {
		return ""
	}
	if verb == "is" && !predicate.MatchString(rest) || verb == "are" && (strings.HasPrefix(rest, "not ") || !restricted.MatchString(rest) || strings.Count(rest, " ") < 4) {
		return ""
	}
	if notDefining[firstWord(rest)] || strings.HasPrefix(rest, "a term that") || strings.HasSuffix(of, " our") || strings.Contains(of, " our ") || strings.Contains(of, " your ") {
		return ""
	}
	if strings.HasPrefix(rest, "that ") || strings.HasPrefix(rest, "the same") || strings.HasPrefix(rest, "one of the most ") || strings.HasPrefix(rest, "the only ") || strings.HasPrefix(rest, "the best ") {
		return ""
	}
	if verb == "describes" && article == "" {
		return ""
	}
	if verb != "are" {
		verb = "is"
	}
	term = o.natural(term, article == "", at)
	if article == "" && verb == "is" && of == "" && !mass.MatchString(term) && term == lowerTerm(term) && (o.near("a "+term, at) || o.near("an "+term, at)) {
		article = indefinite(term)
	}
	return askFor(article, term, of, verb)
}

// notDefining open predicates that say something else about the subject.
var notDefining = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("always often usually also never small large entirely still sometimes typically generally not very more less most only") {
		m[w] = true
	}
	return m
}()

// dangling matches sentences that lean on those before them.
var dangling = lazily(`(?i)^\W*(this|that|these|those|it|they|he|she|we|then|here|there|such|thus|hence|so|but|and|or|also|however)\b|\b(this|these|those) (case|way|sense|example|chapter|section|book|article|paper|approach|method|property)\b|\b(as follows|following):?\.?$|:$`)

// vague words are stressed, not defined: "The *problem* is the price."
var vague = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`only not very must can cannot all same first second third last lot point problem idea reason goal difference key trick thing
		question answer result solution best worst most real main advantage disadvantage purpose way aim rest other former latter next previous
		important good bad new old right wrong second few time time's number end beginning whole part fact truth cost catch downside upside
		common typical simple possible useful big small great nice final single similar related recent general special certain particular
		function's method's code program both either neither your my our their his her its`) {
		m[w] = true
	}
	return m
}()

func firstWord(s string) string {
	w, _, _ := strings.Cut(strings.ToLower(strings.Trim(s, "*_` ")), " ")
	return w
}

// askFor asks for a term with the article and the number it is used with.
func askFor(article, term, of, verb string) string {
	if verb != "are" {
		verb = "is"
	}
	if article != "" {
		term = article + " " + lowerTerm(term)
		switch {
		case article == "a" || article == "an":
			verb = "is"
		case of == "" && plural(term):
			verb = "are"
		}
	}
	return "What " + verb + " " + term + of + "?"
}

// natural is a term in the middle of a sentence: the capital of its
// beginning goes where the text also writes it small.
func (o *outline) natural(term string, opened bool, at int) string {
	if !opened {
		return term
	}
	small := lowerTerm(term)
	if small == term || o.near(small, at) {
		return small
	}
	// "Apparent wind" opened its sentence; "Boolean algebra" is a name.
	first, rest, ok := strings.Cut(term, " ")
	if ok && rest == strings.ToLower(rest) && !strings.HasSuffix(first, "an") {
		return small
	}
	return term
}

// near reports whether the text around a place has s at the beginning of a
// word.
func (o *outline) near(s string, at int) bool {
	const reach = 8 << 10
	around := o.text[max(0, at-reach):min(len(o.text), at+reach)]
	for from := 0; ; {
		i := strings.Index(around[from:], s)
		if i < 0 {
			return false
		}
		i += from
		if i > 0 && !isLetterByte(around[i-1]) && around[i-1] < utf8.RuneSelf {
			return true
		}
		from = i + len(s)
	}
}

// lowerTerm writes a term's first letter small, unless it is an abbreviation
// or a name of several capitals.
func lowerTerm(s string) string {
	word, rest, _ := strings.Cut(s, " ")
	r, n := utf8.DecodeRuneInString(word)
	if !unicode.IsUpper(r) || word[n:] != strings.ToLower(word[n:]) || n == len(word) {
		return s
	}
	// "Cauchy Sequence" in a glossary, but "Dijkstra's algorithm".
	if strings.Contains(word, "'s") || strings.Contains(word, "’s") {
		return s
	}
	out := string(unicode.ToLower(r)) + word[n:]
	if rest != "" {
		out += " " + rest
	}
	return out
}

// whatIs asks for a term of a glossary. Whether it wants an article shows in
// how its explanation begins and whether the text uses it as a common noun;
// where neither tells, the question does without.
func (o *outline) whatIs(term, def string, at int) string {
	if t, ok := o.tongue(term + " " + def); ok {
		return t.whatIs(term)
	}
	if expands(term, def) {
		return `What does "` + term + `" stand for?`
	}
	if strings.Contains(term, "`") {
		return "What is " + term + "?"
	}
	small := lowerTerm(term)
	common := small == term && strings.ToUpper(term) != term
	if !common && small != term {
		common = o.near(small, at)
	}
	if !common {
		return `What does "` + term + `" mean?`
	}
	first := firstWord(def)
	one := first == "a" || first == "an" || first == "any" || first == "one"
	// "The axiom of invariance" is no invariance, "the law of large numbers" no numbers.
	head, _, of := strings.Cut(small, " of ")
	switch {
	case o.near("a "+small, at), o.near("an "+small, at):
		return "What is " + indefinite(small) + " " + small + "?"
	case of && plural(head):
		return "What are the " + small + "?"
	case of && !one && !mass.MatchString(head):
		return "What is the " + small + "?"
	case plural(head):
		return "What are " + small + "?"
	case mass.MatchString(head):
		return "What is " + small + "?"
	case one:
		return "What is " + indefinite(small) + " " + small + "?"
	}
	return `What does "` + small + `" mean?`
}

var mass = lazily(`(?:ity|ness|ism|ics|ing|ance|ence|tion|sion|ment|ware|cy|sis)$`)

func plural(s string) bool {
	return strings.HasSuffix(s, "s") && !strings.HasSuffix(s, "ss") && !strings.HasSuffix(s, "us") && !strings.HasSuffix(s, "is") && !strings.HasSuffix(s, "ics")
}

// indefinite is a or an.
func indefinite(s string) string {
	if s == "" {
		return "a"
	}
	lower := strings.ToLower(s)
	for _, odd := range []string{"uni", "use", "usu", "eu", "one", "once", "ubi", "ut"} {
		if strings.HasPrefix(lower, odd) && !strings.HasPrefix(lower, "unin") && !strings.HasPrefix(lower, "unim") {
			return "a"
		}
	}
	if strings.HasPrefix(lower, "hour") || strings.HasPrefix(lower, "honest") || strings.HasPrefix(lower, "heir") {
		return "an"
	}
	if strings.IndexByte("aeiou", lower[0]) >= 0 {
		return "an"
	}
	return "a"
}

// expands reports whether the explanation spells an abbreviation out.
func expands(term, def string) bool {
	if len(term) < 2 || len(term) > 8 || strings.ToUpper(term) != term || strings.Contains(term, " ") {
		return false
	}
	i := 0
	for w := range strings.FieldsSeq(def) {
		w = strings.Trim(w, "*_\"(),.")
		if w == "" {
			continue
		}
		if strings.EqualFold(w[:1], term[i:i+1]) {
			if i++; i == len(term) {
				return true
			}
		} else if i == 0 || !smallWord[strings.ToLower(w)] {
			return false
		}
	}
	return false
}

var smallWord = map[string]bool{"of": true, "the": true, "for": true, "and": true, "in": true, "to": true, "a": true}

// sentences cuts a paragraph after full stops that end one.
func sentences(s string) []string {
	var out []string
	start := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '.' && s[i] != '?' && s[i] != '!' {
			continue
		}
		j := i + 1
		for j < len(s) && strings.IndexByte(`*_)"'`, s[j]) >= 0 {
			j++
		}
		if j < len(s) && s[j] != ' ' && s[j] != '\n' {
			continue
		}
		next := strings.TrimLeft(s[j:], " \n")
		r, _ := utf8.DecodeRuneInString(next)
		if next != "" && !unicode.IsUpper(r) && strings.IndexByte("*_`$\"(", next[0]) < 0 {
			continue
		}
		if s[i] == '.' && abbreviated(s[start:i]) {
			continue
		}
		out = append(out, strings.TrimSpace(s[start:j]))
		start = j
		i = j - 1
	}
	if rest := strings.TrimSpace(s[start:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// abbreviated reports whether the word before a full stop is an abbreviation.
func abbreviated(s string) bool {
	i := strings.LastIndexAny(s, " \n(")
	w := strings.ToLower(s[i+1:])
	switch w {
	case "e.g", "i.e", "cf", "etc", "vs", "fig", "eq", "sec", "dr", "mr", "mrs", "prof", "st", "resp", "approx", "no", "vol", "pp", "ch", "def", "thm":
		return true
	}
	return len(w) == 1 && w >= "a" && w <= "z" && s[len(s)-1] >= 'A' && s[len(s)-1] <= 'Z'
}
