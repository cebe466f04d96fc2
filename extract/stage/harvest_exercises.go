package stage

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// An entry is an exercise or a solution with the pieces that belong to it.
type entry struct {
	label
	piece   int   // the one with the label
	body    []int // pieces, the first one included where it has words
	section int
	level   int // of its heading, 0 where the label is in a line
	replies []*entry
	far     []*entry // solutions found elsewhere by number
	lead    *common  // the task it shares with its neighbours
	shut    bool     // its end was there: what follows does not belong to it
}

// exercises pairs exercises with their solutions and Q lines with A lines.
func (o *outline) exercises() {
	asks, loose := o.entries()
	o.join(asks, loose)
	for _, e := range asks {
		o.emitExercise(e)
	}
}

// entries walks over the pieces and gathers exercises, each with the
// solutions that follow it at once, and the solutions that stand alone.
func (o *outline) entries() (asks, loose []*entry) {
	var (
		ask   *entry // the exercise that a solution without a number answers
		cur   *entry // where plain pieces go, nil is nowhere
		last  string // number of the last numbered line
		style label  // how it is written
		depth int
	)
	byTarget := map[string]*entry{}
	begin := func(i int, l label) *entry {
		p := o.pieces[i]
		e := &entry{label: l, piece: i, section: p.section}
		if p.kind == extract.Heading {
			e.level = p.level
		}
		if p.kind == extract.Heading || strings.TrimSpace(o.words(p)) != "" {
			e.body = append(e.body, i)
		}
		return e
	}
	where := -1
	lead := &common{}
	for i := range o.pieces {
		p := o.pieces[i]
		topic := o.sections[p.section].within
		if o.quizzed[i] {
			ask, cur = nil, nil
			continue
		}
		if unclosed(cur) || unclosed(ask) {
			switch {
			case o.lone(p, cur):
				where = p.section
				continue
			case p.kind == extract.Heading && cur != nil && p.role != roleReply && p.role != roleHint:
				where, o.taken[i] = p.section, true
				cur.body = append(cur.body, i)
				continue
			case p.kind == extract.Heading && p.role == roleNone:
				where, o.taken[i] = p.section, true
				continue
			}
			where = p.section
		}
		if p.kind == extract.Heading || p.section != where {
			if p.section != where && p.role == roleNone && (p.kind != extract.Heading || !inside(p, cur, ask)) {
				ask, cur = nil, nil
			}
			where, last = p.section, ""
		}
		l := p.label
		if words := o.text[p.start:p.end]; cur != nil && cur.quoted && (!strings.HasPrefix(words, ">") || strings.HasPrefix(words, "> #")) {
			ask, cur = nil, nil
		}
		if cur != nil && cur.role == roleReply && !cur.sealed && !cur.fenced && o.boldLine(p) && questions(o.text[p.start:p.end]) {
			ask, cur = nil, nil // the next one asks in another way
		}
		switch {
		case l.role == roleNumbered && strings.HasPrefix(o.words(p), "#"):
			ask, cur = nil, nil
			continue // a heading that a list keeps to itself
		case l.role == roleNumbered && p.kind == extract.Heading && topic.numbered():
			l = o.numberedLabel(l, topic)
		case l.role == roleNumbered && p.kind == extract.Heading:
			// A section's number is no exercise's.
			l.role = roleNone
		case l.role == roleNumbered:
			// A list inside an exercise is part of it.
			nested := cur != nil && (cur.style == 0 || cur.level > 0)
			if nested && cur.role == roleReply && cur.level == 0 && !cur.fenced && ask != nil && l.style == ask.style && p.level <= depth && follows(last, l.number) && o.answered(i) {
				nested = false // the next one, with an answer of its own
			}
			if last != "" && !nested && l.style != styleCode {
				nested = l.style != style.style || p.level > depth || !follows(last, l.number)
				if nested && canonical(l.number) == "1" && o.answered(i) {
					nested = false // another list
				}
			}
			if nested {
				l.role = roleNone
				break
			}
			last, style, depth = l.number, l, p.level
			l = o.numberedLabel(l, topic)
		case l.role == roleAsk && topic == topicSolutions && l.number != "" && !o.answered(i):
			l.role, l.of = roleReply, l.word
		case l.role == roleAsk && l.word == "example" && l.number == "" && p.kind != extract.Heading && cur != nil && cur.role == roleReply:
			l.role = roleNone
		case l.role == roleReply && len(l.word) == 1 && (ask == nil || !asking[ask.word] && !o.questioning(ask)):
			l.role = roleNone
		case l.role == roleReply && l.word == "a" && o.enumerates(i):
			l.role = roleNone
		case l.role == roleReply && topic == topicHints:
			l.role = roleHint
		}
		if l.role == roleNone && p.role != roleNone && p.kind != extract.Heading {
			// No label after all: its words belong to the text.
			o.pieces[i].label, o.pieces[i].body = label{}, p.start
		}
		switch l.role {
		case roleAsk:
			ask = begin(i, l)
			if lead.covers(l.number) && lead.section == p.section {
				ask.lead = lead
			}
			cur = ask
			asks = append(asks, ask)
			if l.target != "" {
				byTarget[l.target] = ask
			}
			if l.closed {
				cur = nil
			}
		case roleReply:
			e := begin(i, l)
			cur = e
			if ask == nil && l.quoted {
				if ask = o.quoted(i); ask != nil {
					asks = append(asks, ask)
				}
			}
			if ask == nil && p.kind == extract.Heading && l.number == "" && l.of == "" && len(l.word) > 1 {
				if ask = o.titled(i); ask != nil {
					asks = append(asks, ask)
				}
			}
			if l.target != "" {
				ask = byTarget[l.target]
			}
			if l.closed {
				cur = nil
			}
			if ask != nil && (l.number == "" || sameNumber(l.number, ask.number)) && (l.of == "" || l.of == ask.word || l.number == "") {
				ask.replies = append(ask.replies, e)
			} else if l.number != "" {
				loose = append(loose, e)
			} else {
				cur = nil
			}
		case roleHint:
			if p.kind == extract.Heading && !inside(p, ask) {
				ask = nil
			}
			cur = &entry{label: l, piece: i, section: p.section}
		case roleProof:
			switch {
			case cur != nil && cur.role == roleReply && !cur.shut:
				cur.body = append(cur.body, i)
			// What follows an example and is proved is a claim of its own.
			case ask != nil && ask.word != "example" && ask.word != "beispiel" && len(ask.replies) == 0 && l.of == "" && l.number == "":
				e := begin(i, l)
				ask.replies = append(ask.replies, e)
				cur = e
			default:
				ask, cur = nil, nil
			}
		case roleClaim, roleDefine:
			if l.number == "" && cur != nil && (cur.role == roleReply || cur.role == roleAsk) && p.kind != extract.Heading && !l.sealed {
				cur.body = append(cur.body, i) // a solution may cite a theorem
				continue
			}
			ask, cur = nil, nil
		case roleStop:
			if l.number != "" || p.kind == extract.Heading {
				ask, cur = nil, nil
			} else if cur != nil {
				cur.body = append(cur.body, i)
			}
		case roleEnd:
			if l.fenced && l.word == "" {
				// It held what its own heading named.
				if cur != nil && cur.piece >= l.since {
					cur.shut, cur = true, nil
				}
				continue
			}
			if l.fenced {
				if cur != nil && cur.fenced && cur.word == l.word {
					cur.shut, cur = true, nil
				}
				if ask != nil && ask.fenced && ask.word == l.word && labelRoles[l.word] == roleAsk {
					ask.shut, cur = true, nil // its solution may still follow
				}
				continue
			}
			if cur != nil && cur.role == roleAsk && (l.word == "details" || labelRoles[l.word] != roleAsk) {
				continue
			}
			if cur != nil && cur.role == roleReply && l.word == "proof" {
				continue
			}
			if cur != nil && labelRoles[l.word] != roleAsk {
				if cur.role != roleReply || cur.sealed || cur.word == l.word {
					if cur.role == roleReply && ask != nil {
						ask.shut = true
					}
					cur = nil
				}
			}
			switch {
			case labelRoles[l.word] != roleAsk:
			case cur != nil && cur.role == roleAsk:
				cur.shut, cur = true, nil // the solution may still follow
			case l.word != "example":
				ask, cur = nil, nil // it held its solution
			}
		default:
			if p.kind == extract.Heading {
				if !inside(p, cur, nil) {
					if !inside(p, nil, ask) {
						ask = nil
					}
					cur = nil
				}
			}
			if cur != nil && rule(o.text[p.start:p.end]) {
				if cur.role == roleReply {
					cur = nil
				}
				continue
			}
			if cur != nil && cur.role == roleReply && (cur.level == 0 && !topic.numbered() && o.startsAnew(p) || cur.level > 0 && leaves(o.words(p))) && !cur.sealed {
				ask, cur = nil, nil
			}
			if in, ok := o.sharedBy(i); ok {
				lead, ask, cur = &in, nil, nil
				continue
			}
			if cur == nil && ask != nil && (ask.sealed || ask.shut) && ask.level == 0 && p.kind != extract.Footnote && p.kind != extract.Heading && !ask.fenced {
				ask = nil // what follows its end is another matter
			}
			if cur != nil && p.kind != extract.Footnote {
				cur.body = append(cur.body, i)
			}
		}
	}
	return asks, loose
}

// A common is the task that exercises of a range have in common: "In Exercises
// 3–6, find the inverse." What stands under each of them is only its matrix.
type common struct {
	piece       int
	words       int // where the task begins
	section     int
	first, last string
}

var sharing = lazily(`(?i)^\W*(?:in|for|exercises?|problems?|questions?)\W*(?:each of )?(?:the )?(?:exercises?|problems?|questions?)?[\s\x{a0}]*\(?([A-Z]*\.?[A-Z]?\d[\d.]*)\)?[\s\x{a0}]*(?:-|–|—|to|through|and)+[\s\x{a0}]*(?:exercise |problem )?\(?([A-Z]*\.?[A-Z]?\d[\d.]*)\b`)

func (o *outline) sharedBy(i int) (common, bool) {
	p := o.pieces[i]
	if p.kind != extract.Paragraph || !o.sections[p.section].within.numbered() {
		return common{}, false
	}
	words := o.text[p.start:p.end]
	m := sharing.FindStringSubmatch(words[:min(len(words), 120)])
	if m == nil || !strings.Contains(strings.ToLower(m[0]), "exercise") && !strings.Contains(strings.ToLower(m[0]), "problem") && !strings.Contains(strings.ToLower(m[0]), "question") {
		return common{}, false
	}
	at := p.start + len(m[0])
	at += len(words[len(m[0]):]) - len(strings.TrimLeft(words[len(m[0]):], ",.:;) \n"))
	s := common{i, at, p.section, strings.Trim(m[1], "."), strings.Trim(m[2], ".")}
	return s, compareNumbers(s.first, s.last) < 0
}

func (s *common) covers(number string) bool {
	return s.first != "" && number != "" && compareNumbers(s.first, number) <= 0 && compareNumbers(number, s.last) <= 0
}

// startsAnew reports whether a paragraph after a solution in the midst of a
// chapter is the chapter going on.
func (o *outline) startsAnew(p piece) bool {
	if p.kind != extract.Paragraph {
		return false
	}
	words := o.text[p.start:p.end]
	for _, opening := range []string{"In this section", "In the next", "We next", "The next", "Next we ", "This section", "This chapter", "So far"} {
		if strings.HasPrefix(words, opening) {
			return true
		}
	}
	first := sentences(words[:min(len(words), 600)])[0]
	return o.definingQuestion(first, p.start) != "" || openingQuestion(first) != ""
}

// unclosed reports whether the end of an entry is still to come, whatever
// headings it holds.
func unclosed(e *entry) bool { return e != nil && e.fenced && !e.shut && !e.closed }

// leaves reports whether a paragraph speaks of the text as a whole, which no
// solution does.
func leaves(s string) bool {
	for _, opening := range []string{"In this section", "In this chapter", "In the next section", "In the next chapter", "The next section", "The next chapter", "This section", "This chapter"} {
		if strings.HasPrefix(s, opening) {
			return true
		}
	}
	return false
}

// titled is the section right before a heading "Solution" that sets a task
// under a title of its own, as an exercise: "## Swapping values", "Fill the
// table…", "### Solution".
func (o *outline) titled(i int) *entry {
	s := o.sections[o.pieces[i].section]
	before := o.sections[o.pieces[max(0, i-1)].section]
	if i == 0 || before.piece < 0 || before.level > s.level || before.topic != topicNone && before.topic != topicExercises || o.taken[before.piece] || o.pieces[before.piece].role != roleNone {
		return nil
	}
	e := &entry{label: label{role: roleAsk, word: "task"}, piece: before.piece, section: o.pieces[before.piece].section, level: before.level}
	for j := before.piece + 1; j < i; j++ {
		p := o.pieces[j]
		if p.role != roleNone && p.role != roleNumbered || p.kind == extract.Heading {
			return nil
		}
		e.body = append(e.body, j)
	}
	words, _ := o.gather(e.body)
	first, _, _ := strings.Cut(words, "\n")
	if len(e.body) == 0 || len(words) > 3000 || !questions(first) && !strings.ContainsAny(first, "?\uff1f") && !commands(first) {
		return nil
	}
	o.taken[before.piece] = true
	return e
}

// inside reports whether a heading without a label stands under the heading
// of one of the entries.
func inside(p piece, entries ...*entry) bool {
	for _, e := range entries {
		if e != nil && e.level > 0 && p.level > e.level {
			return true
		}
	}
	return false
}

// numberedLabel says what "3." means in a section.
func (o *outline) numberedLabel(l label, t topic) label {
	switch t {
	case topicSolutions:
		l.role = roleReply
	case topicHints:
		l.role = roleHint
	default:
		l.role = roleAsk
	}
	return l
}

// follows reports whether the numbered line next may come after last in one
// list. Lists of answers leave numbers out.
func follows(last, next string) bool {
	return compareNumbers(last, next) < 0
}

// compareNumbers orders "2.9" before "2.10".
func compareNumbers(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(x, y, func(a, b string) int {
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}

func sameNumber(a, b string) bool { return b != "" && compareNumbers(a, b) == 0 }

// answered reports whether the exercise at i is followed by a solution of its
// own before the next exercise: in a chapter of solutions that repeats the
// exercises.
func (o *outline) answered(i int) bool {
	for _, p := range o.pieces[i+1:] {
		switch p.role {
		case roleReply:
			return p.number == "" || sameNumber(p.number, o.pieces[i].number)
		case roleAsk, roleNumbered:
			return false
		}
		if p.kind == extract.Heading && p.role == roleNone {
			return false
		}
	}
	return false
}

// questioning reports whether an exercise is a line of questions and answers.
func (o *outline) questioning(e *entry) bool {
	return questions(o.words(o.pieces[e.piece]))
}

// enumerates reports whether the "A." at i is the first choice of several.
func (o *outline) enumerates(i int) bool {
	words := o.words(o.pieces[i])
	for _, b := range []string{"\nB.", "\nB)", "\nB:", " B) ", " B. "} {
		if strings.Contains(words, b) {
			return true
		}
	}
	if i+1 >= len(o.pieces) {
		return false
	}
	next := strings.TrimLeft(o.text[o.pieces[i+1].start:o.pieces[i+1].end], "*_- >")
	return strings.HasPrefix(next, "B.") || strings.HasPrefix(next, "B)") || strings.HasPrefix(next, "B:")
}

// rule reports whether s is a horizontal rule.
func rule(s string) bool {
	s = strings.ReplaceAll(strings.TrimSpace(s), " ", "")
	return len(s) >= 3 && (strings.Trim(s, "-") == "" || strings.Trim(s, "*") == "" || strings.Trim(s, "_") == "")
}

// join gives each solution that stands alone to the one exercise it can
// belong to. Where two exercises share the number, the sections have to tell
// them apart; otherwise neither gets it.
func (o *outline) join(asks, loose []*entry) {
	if len(loose) == 0 {
		return
	}
	m := matcher{o: o, under: map[scope][]*entry{}, keyed: map[keyScope][]*entry{}, keys: map[string]bool{}, sectionKeys: map[int][]key{}}
	for _, e := range asks {
		if e.number != "" {
			m.index(e)
		}
	}
	// Solutions of one section stand or fall together: where one of its
	// numbers could mean two exercises, the others may as well.
	matches := map[*entry]*entry{}
	doubtful := map[int]bool{}
	for _, s := range loose {
		e, sure := m.find(s)
		switch {
		case e == nil && !sure:
			doubtful[s.section] = true
		case e != nil:
			matches[s] = e
		}
	}
	for _, s := range loose {
		e := matches[s]
		if e == nil || doubtful[s.section] && !m.named(s, e) || len(e.replies) > 0 {
			continue
		}
		e.far = append(e.far, s)
	}
	for _, e := range asks {
		e.far = unambiguous(e.far)
		e.replies = append(e.replies, e.far...)
	}
}

// unambiguous keeps what can answer one exercise: a single entry, or an
// answer and a solution.
func unambiguous(far []*entry) []*entry {
	if len(far) <= 1 {
		return far
	}
	byWord := map[string]int{}
	for _, e := range far {
		byWord[e.word]++
	}
	if len(far) == 2 && len(byWord) == 2 && byWord["answer"] == 1 && byWord["solution"] == 1 {
		return far
	}
	return nil
}

// A matcher finds exercises by number, section and what sections are called.
type matcher struct {
	o           *outline
	under       map[scope][]*entry    // exercises of a number anywhere under a section
	keyed       map[keyScope][]*entry // … whose sections have a name or number in common
	keys        map[string]bool       // of all sections that hold exercises
	sectionKeys map[int][]key
}

type scope struct {
	number  string
	section int
}

type keyScope struct{ number, key string }

// A key is what a section may be called elsewhere: "chapter 2", "trees". A
// hard one says that it is another section if it differs.
type key struct {
	name string
	hard bool
}

// maxAlike is how many exercises of one number and one section name are
// looked at: where there are more, nothing tells them apart.
const maxAlike = 16

func (m *matcher) index(e *entry) {
	for _, n := range numbers(e) {
		for s := e.section; s >= 0; s = m.o.sections[s].parent {
			at := scope{n, s}
			if len(m.under[at]) < 2 { // one is sure, two are not
				m.under[at] = append(m.under[at], e)
			}
			if s == 0 {
				break // everything is in the document
			}
			for _, k := range m.keysOf(s) {
				m.keys[k.name] = true
				at := keyScope{n, k.name}
				if same := m.keyed[at]; len(same) < maxAlike && (len(same) == 0 || same[len(same)-1] != e) {
					m.keyed[at] = append(m.keyed[at], e)
				}
			}
		}
	}
}

// numbers are the words under which an exercise is looked up: its number
// alone, and with its noun.
func numbers(e *entry) []string {
	n := canonical(e.number)
	if e.word == "" {
		return []string{n}
	}
	return []string{n, e.word + " " + n}
}

// canonical drops leading zeros: "02" is 2.
func canonical(number string) string {
	parts := strings.Split(number, ".")
	for i, p := range parts {
		if t := strings.TrimLeft(p, "0"); t != "" {
			parts[i] = t
		}
	}
	return strings.Join(parts, ".")
}

// find is the exercise that solution s answers. It is nil and unsure where
// there are several; nil and sure where there is none.
func (m *matcher) find(s *entry) (e *entry, sure bool) {
	n := canonical(s.number)
	if s.of != "" {
		if e, sure := m.search(s, s.of+" "+n); e != nil || !sure {
			return e, sure
		}
		// "Exercise 3" among the solutions may answer a plain "3."
		e, sure := m.search(s, n)
		if e != nil && e.word != "" {
			return nil, true
		}
		return e, sure
	}
	return m.search(s, n)
}

func (m *matcher) search(s *entry, n string) (*entry, bool) {
	for top := s.section; top >= 0; top = m.o.sections[top].parent {
		found := m.under[scope{n, top}]
		switch len(found) {
		case 0:
			continue
		case 1:
			if m.conflict(s, found[0], top) {
				return nil, true
			}
			return found[0], true
		}
		return m.choose(s, n, top)
	}
	return nil, true
}

// choose tells exercises of the same number apart by what the sections of
// the solution are called.
func (m *matcher) choose(s *entry, n string, top int) (*entry, bool) {
	votes := map[*entry]bool{}
	for _, k := range m.keysBelow(s.section, top) {
		var here []*entry
		for _, e := range m.keyed[keyScope{n, k.name}] {
			if m.has(e.section, top, k.name) {
				here = append(here, e)
			}
		}
		if len(here) == 1 {
			votes[here[0]] = true
		}
	}
	if len(votes) == 1 {
		for e := range maps.Keys(votes) {
			if !m.conflict(s, e, top) {
				return e, true
			}
		}
	}
	return nil, false
}

// conflict reports whether s names another section than e's.
func (m *matcher) conflict(s, e *entry, top int) bool {
	mine := m.keysBelow(s.section, top)
	names := false
	for _, k := range mine {
		if m.has(e.section, top, k.name) {
			return false
		}
		if k.hard || m.keys[k.name] && !m.has(top, -1, k.name) {
			names = true
		}
	}
	return names
}

// named reports whether s and e stand under sections of the same name.
func (m *matcher) named(s, e *entry) bool {
	for _, k := range m.keysBelow(s.section, 0) {
		if m.has(e.section, 0, k.name) {
			return true
		}
	}
	return m.o.sections[s.section].parent >= 0 && m.o.sections[s.section].parent == m.o.sections[e.section].parent
}

// has reports whether a section between sec and top, top excluded, has the
// key.
func (m *matcher) has(sec, top int, name string) bool {
	for s := sec; s >= 0 && s != top; s = m.o.sections[s].parent {
		for _, k := range m.keysOf(s) {
			if k.name == name {
				return true
			}
		}
	}
	return false
}

func (m *matcher) keysBelow(sec, top int) []key {
	var out []key
	for s := sec; s >= 0 && s != top; s = m.o.sections[s].parent {
		out = append(out, m.keysOf(s)...)
	}
	return out
}

func (m *matcher) keysOf(sec int) []key {
	if k, ok := m.sectionKeys[sec]; ok {
		return k
	}
	s := m.o.sections[sec]
	var out []key
	if s.piece < 0 || m.o.pieces[s.piece].role != roleAsk && m.o.pieces[s.piece].role != roleReply {
		out = titleKeys(s.title)
	}
	if s.level == 0 && s.file != "" {
		if dir, _, ok := cutLast(s.file, "/"); ok {
			out = append(out, key{"folder " + dir, true})
		}
	}
	m.sectionKeys[sec] = out
	return out
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// titleKeys are the names of a section: "Solutions to Chapter 2" is "2",
// "2.1 Trees" is "2.1" and "trees".
func titleKeys(title string) []key {
	title = strings.ToLower(title)
	var out []key
	var rest []string
	words := strings.FieldsFunc(title, func(r rune) bool { return !isWord(r) && r != '.' && r != '\'' })
	for i, w := range words {
		w = strings.Trim(w, ".'")
		if n := number(w); n != "" {
			// The number of "7 Solutions" counts the section itself.
			soft := i == 0 && len(words) > 1 && topicOf(title) != topicNone && !strings.Contains(n, ".")
			out = append(out, key{"§" + canonical(n), !soft})
			continue
		}
		if _, generic := topicWords[w]; generic || headingFiller[w] || w == "" || w == "appendix" || w == "part" || w == "in" || w == "from" {
			continue
		}
		rest = append(rest, w)
	}
	if len(rest) > 0 {
		out = append(out, key{strings.Join(rest, " "), false})
	}
	return out
}

// emitExercise adds the pair of an exercise and its solution.
func (o *outline) emitExercise(e *entry) {
	if len(e.replies) == 0 {
		return
	}
	question, qs := o.statement(e)
	if question == "" {
		return
	}
	best, short := e.replies[0], ""
	if len(e.replies) > 1 {
		for _, r := range e.replies[1:] {
			if r.word == "solution" && best.word == "answer" {
				s, _ := o.reply(best)
				if strings.Count(s, " ") < 40 {
					short = s
				}
				best = r
				break
			}
		}
	}
	answer, as := o.reply(best)
	if e.xml {
		question, answer = markup(question), markup(answer)
	}
	if question == "" || answer == "" || pointer(answer) || !says(question) || unseen.MatchString(question) {
		return
	}
	answer, ok := chosen(question, answer)
	if !ok {
		return
	}
	f := found{at: o.runes(o.pieces[e.piece].start), short: short, tag: "exercise"}
	if e.word == "q" || asking[e.word] && questions(question) {
		f.tag = "question"
	}
	answer = withoutQED(answer)
	f.kind = typeOf(question, answer)
	switch {
	case best.role == roleProof:
		f.kind = extract.Proof
	case f.kind == extract.Factual && f.tag == "exercise":
		f.kind = extract.Reasoning // it wants to be worked out
	}
	o.taken[e.piece] = true
	o.add(question, answer, f, append(qs, as...)...)
}

// unseen matches a picture that nobody has put into words.
var unseen = lazily(`!\[\s*\]\([^)\n]*\)(?:[^{]|\{[^}a]*\}|$)`)

// statement is an exercise's text without label, hints and ratings.
func (o *outline) statement(e *entry) (string, []span) {
	body := e.body
	// The title of a fenced exercise is no part of it.
	if e.fenced && len(body) > 1 && o.pieces[body[0]].kind == extract.Heading {
		body = body[1:]
	}
	text, spans := o.gather(body)
	if e.lead != nil {
		p := o.pieces[e.lead.piece]
		task := o.trim(span{e.lead.words, p.end})
		first, n := utf8.DecodeRuneInString(o.text[task.start:])
		text = string(unicode.ToUpper(first)) + o.text[task.start+n:task.end] + "\n\n" + text
		spans = append([]span{task}, spans...)
	}
	return cleanQuestion(text), spans
}

// reply is a solution's text without its label.
func (o *outline) reply(e *entry) (string, []span) {
	body := e.body
	// A heading "Solution" says nothing, "Solution 3: by induction" little.
	if len(body) > 0 && o.pieces[body[0]].kind == extract.Heading && len(body) > 1 {
		body = body[1:]
	}
	text, spans := o.gather(body)
	return cleanAnswer(text), spans
}

// gather joins pieces with the white space that the text has between them,
// and returns their spans, neighbours as one.
func (o *outline) gather(body []int) (string, []span) {
	var w strings.Builder
	var spans []span
	last, items := -1, 0
	for _, i := range body {
		p := o.pieces[i]
		s := o.trimTags(o.trim(span{p.body, p.end}))
		if s.empty() {
			continue
		}
		words := o.text[s.start:s.end]
		if p.kind == extract.Heading {
			words = headingTitle(words)
		} else {
			words = dedent(words, o.column(s.start))
		}
		if p.kind == extract.Code {
			words = cell(words)
		}
		if p.kind == extract.ListItem && p.opens && words != "" {
			if items == 0 || p.level < items {
				items = p.level
			}
			in := strings.Repeat("   ", p.level-items)
			words = in + strings.ReplaceAll(words, "\n", "\n"+in)
		}
		if words == "" {
			continue
		}
		if w.Len() > 0 {
			w.WriteString(o.gap(last, i))
		}
		w.WriteString(words)
		if n := len(spans); n > 0 && i == last+1 && o.pieces[i].body == o.pieces[i].start {
			spans[n-1].end = s.end
		} else {
			spans = append(spans, s)
		}
		last = i
	}
	return w.String(), spans
}

// gap is what stands between two pieces that are joined: a line break inside
// a block or a list, an empty line elsewhere.
func (o *outline) gap(a, b int) string {
	if b == a+1 {
		between := o.text[o.pieces[a].end:o.pieces[b].start]
		if o.pieces[a].block == o.pieces[b].block || strings.Count(between, "\n") == 1 {
			return "\n"
		}
	}
	return "\n\n"
}

// column is how far a byte stands from the beginning of its line.
func (o *outline) column(at int) int {
	start := at
	for start > 0 && at-start < 64 && o.text[start-1] != '\n' {
		start--
	}
	return at - start
}

// trimTags takes </details> and its like off the end.
func (o *outline) trimTags(s span) span {
	for {
		words := o.text[s.start:s.end]
		cut := false
		for _, tag := range []string{"</details>", "</summary>", "</p>", "</div>", "<p>", "</statement>", "<statement>", "</exercise>", "</answer>", "</solution>",
			"<br>", "<br/>", "<br />", "<b>", "</b>", "<blockquote>", "</blockquote>"} {
			if (tag == "<b>" || tag == "</b>") && strings.Count(words, "<b>") == strings.Count(words, "</b>") {
				continue // it marks some of the words
			}
			if strings.HasSuffix(words, tag) {
				s.end -= len(tag)
				cut = true
			} else if strings.HasPrefix(words, tag) {
				s.start += len(tag)
				cut = true
			}
			if cut {
				break
			}
		}
		if !cut {
			for _, tag := range []string{"<details>", "<details open>"} {
				if words == tag {
					s.end = s.start
				}
			}
			return s
		}
		s = o.trim(s)
		if s.empty() {
			return s
		}
	}
}
