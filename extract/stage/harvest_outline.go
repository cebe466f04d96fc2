package stage

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// An outline is a document as harvest sees it: its sections, and its blocks
// cut into pieces wherever a line opens with a label such as "Exercise 2.3",
// "Solution." or "A:".
type outline struct {
	doc      *extract.Document
	text     string
	fences   []label // that ":::" has opened
	starts   []int   // of the blocks, in bytes
	marks    []int   // see runes
	counts   []int
	lines    []int
	sections []section
	pieces   []piece
	taken    []bool      // pieces that are the question of a pair
	quizzed  []bool      // pieces of a quiz
	termed   map[int]int // see terming
	found    []found
}

// A piece is a block, or the part of one that begins with a label.
type piece struct {
	span
	label
	body    int // where its words begin, after the label
	block   int
	section int
	kind    extract.BlockKind
	level   int  // headings and list items
	opens   bool // it begins its block
}

// A section is a heading and what stands under it.
type section struct {
	parent int // -1 for the root
	level  int
	title  string
	piece  int // its heading, -1 without one
	first  int // its own pieces, those of its subsections left out
	last   int
	kids   int
	topic  topic // its own, by its title
	within topic // its own or the nearest one above it
	faq    bool  // it or one above it is an FAQ
	file   string
}

// pseudo is the level of a line of plain text that can only be a heading.
const (
	pseudoChapter = 50
	pseudoHeading = 60
)

func newOutline(doc *extract.Document) *outline {
	o := &outline{doc: doc, text: doc.Text, termed: map[int]int{}}
	if !o.place() {
		return nil
	}
	o.countRunes()
	o.sections = append(o.sections, section{parent: -1, piece: -1, title: doc.Title, topic: topicOf(doc.Title)})
	root := &o.sections[0]
	root.within, root.faq = root.topic, root.topic == topicFAQ
	at, file := 0, ""
	lv := o.levels()
	for i, b := range doc.Blocks {
		if b.File != file {
			file = b.File
			at = o.open(0, section{level: 0, title: fileTitle(file), piece: -1, file: file})
		}
		if b.Skip != "" {
			continue
		}
		s := span{o.starts[i], o.starts[i] + len(b.Text)}
		if level, title := headingOf(b); level > 0 {
			level = lv.of(level, title, b.Text, at > 0 && o.sections[at].piece == len(o.pieces)-1)
			parent := at
			for parent > 0 && o.sections[parent].level >= level {
				parent = o.sections[parent].parent
			}
			at = o.open(parent, section{level: level, title: title, piece: len(o.pieces), file: file})
			o.sections[at].first++
			o.heading(i, s, at, level)
			continue
		}
		o.cut(i, b, s, at)
	}
	for i := range o.sections {
		if i+1 < len(o.sections) {
			o.sections[i].last = o.sections[i+1].first
			if o.sections[i+1].piece >= 0 {
				o.sections[i].last--
			}
		} else {
			o.sections[i].last = len(o.pieces)
		}
	}
	o.taken = make([]bool, len(o.pieces))
	o.uncode()
	return o
}

// uncode takes back the labels of lines that begin with a letter and digits
// where a section has but one: "R12 cools the engine."
func (o *outline) uncode() {
	n := map[int]int{}
	for _, p := range o.pieces {
		if p.style == styleCode {
			n[p.section]++
		}
	}
	for i := range o.pieces {
		if p := &o.pieces[i]; p.style == styleCode && n[p.section] < 2 && len(n) < 3 {
			p.label, p.body = label{}, p.start
		}
	}
}

// place finds the blocks in the text. It fails for a document whose blocks
// do not cover its text, see [extract.Document.Check].
func (o *outline) place() bool {
	at, runes := 0, 0
	for _, b := range o.doc.Blocks {
		for runes < b.Start && at < len(o.text) {
			_, n := utf8.DecodeRuneInString(o.text[at:])
			at += n
			runes++
		}
		if !strings.HasPrefix(o.text[at:], b.Text) {
			return false
		}
		o.starts = append(o.starts, at)
		at += len(b.Text)
		runes = b.End
	}
	return true
}

// open begins a section under parent and returns its index.
func (o *outline) open(parent int, s section) int {
	up := o.sections[parent]
	s.parent, s.first = parent, len(o.pieces)
	s.topic = topicOf(s.title)
	s.within = s.topic
	if s.topic == topicNone {
		s.within = up.within
	}
	s.faq = up.faq || s.topic == topicFAQ
	if s.piece >= 0 {
		o.sections[parent].kids++
	}
	o.sections = append(o.sections, s)
	return len(o.sections) - 1
}

// heading adds the piece of a heading.
func (o *outline) heading(block int, s span, sec, level int) {
	p := piece{span: s, body: s.start, block: block, section: sec, kind: extract.Heading, level: level, opens: true}
	line := o.text[s.start:s.end]
	if l, n, ok := parseLabel(line, true); ok {
		p.label, p.body = l, s.start+n
	}
	o.pieces = append(o.pieces, p)
}

// cut adds the pieces of a block that is no heading.
func (o *outline) cut(block int, b extract.Block, s span, sec int) {
	p := piece{span: s, body: s.start, block: block, section: sec, kind: b.Kind, level: b.Level, opens: true}
	switch b.Kind {
	case extract.Code:
		if l, words, ok := directive(b.Text); ok {
			p.label, p.body, p.kind = l, s.start+words.start, extract.Paragraph
			p.end = s.start + words.end
		}
		o.pieces = append(o.pieces, p)
		return
	case extract.Table, extract.Formula, extract.Caption, extract.Footnote:
		o.pieces = append(o.pieces, p)
		return
	}
	numbered := o.sections[sec].within.numbered()
	fenced := false // list items hold their code
	for at := s.start; at < s.end; {
		end := s.end
		if i := strings.IndexByte(o.text[at:s.end], '\n'); i >= 0 {
			end = at + i + 1
		}
		if t := strings.TrimLeft(o.text[at:end], " \t>"); strings.HasPrefix(t, "```") || strings.HasPrefix(t, "~~~") {
			fenced = !fenced
			at = end
			continue
		} else if fenced {
			at = end
			continue
		}
		l, n, ok := parseLabel(o.text[at:end], false)
		if ok && l.role == roleNumbered && !numbered {
			ok = false
		}
		if ok && at+n >= end-1 && l.number != "" && (l.role == roleClaim || l.role == roleDefine) {
			if next := titleLine(o.text[end:s.end]); next != "" {
				l.name = next
				end += len(next)
				n = end - at
			}
		}
		if fl, mark := o.fence(o.text[at:end]); mark {
			// The line is no words of anybody.
			if at > s.start {
				p.end = at
				o.push(p)
			}
			p = piece{span: span{at, s.end}, label: fl, body: end, block: block, section: sec, kind: b.Kind, level: b.Level, opens: at == s.start}
			if fl.role == roleNone {
				p.start = end
			}
			at = end
			continue
		}
		if ok {
			if at > s.start {
				p.end = at
				o.push(p)
			}
			p = piece{span: span{at, s.end}, label: l, body: at + n, block: block, section: sec, kind: b.Kind, level: b.Level, opens: at == s.start}
		}
		at = end
	}
	p.end = s.end
	o.push(p)
}

// titleLine is the line below a label that stands alone, where it names what
// was labelled and the words come after it:
//
//	Theorem NMUS
//	Nonsingular Matrices and Unique Solutions
//	Suppose that…
func titleLine(s string) string {
	line, rest, ok := strings.Cut(s, "\n")
	first, _ := utf8.DecodeRuneInString(line)
	last, _ := utf8.DecodeLastRuneInString(strings.TrimSpace(line))
	if !ok || strings.TrimSpace(rest) == "" || len(line) > 90 || !unicode.IsUpper(first) || strings.ContainsRune(".:;,?!", last) {
		return ""
	}
	return line
}

// push adds a piece, and a second one where an exercise has its solution in
// the same line: "**Exercise 1.** Add 2 and 2. **Solution.** 4."
func (o *outline) push(p piece) {
	if p.fenced {
		o.pieces = append(o.pieces, p)
		return
	}
	if strings.TrimSpace(o.text[p.start:p.end]) == "" {
		return
	}
	if p.role == roleAsk || p.role == roleNumbered {
		if at, l, n, ok := inlineReply(o.text[p.body:p.end]); ok {
			rest := p
			p.end = p.body + at
			rest.start, rest.label, rest.opens = p.end, l, false
			rest.body = p.end + n
			o.pieces = append(o.pieces, p, rest)
			return
		}
	}
	o.pieces = append(o.pieces, p)
}

// words are the words of a piece, without its label.
func (o *outline) words(p piece) string { return o.text[p.body:p.end] }

// headingOf is the level and title of a block that is a heading, or can only
// be one; the level is 0 for all others.
func headingOf(b extract.Block) (int, string) {
	switch b.Kind {
	case extract.Heading:
		return max(1, b.Level), headingTitle(b.Text)
	case extract.Paragraph:
		return pseudoLevel(b.Text)
	}
	return 0, ""
}

// levels gives the headings of plain text the levels that their reader could
// not know: all of them look alike there.
type levels struct {
	flat      bool
	exercises int // headings of each kind
	solutions int
	back      int // level of the chapters under "Solutions", 0 outside
	last      string
	before    topic // of the heading before
	was       int   // and its level
}

func (o *outline) levels() *levels {
	lv := &levels{}
	real, one := 0, 0
	for _, b := range o.doc.Blocks {
		level, title := headingOf(b)
		if level == 0 || b.Skip != "" {
			continue
		}
		switch topicOf(title) {
		case topicExercises, topicMixed:
			lv.exercises++
		case topicSolutions:
			lv.solutions++
		}
		if b.Kind == extract.Heading {
			if real == 0 {
				one = level
			} else if level != one {
				one = 0
			}
			real++
		}
	}
	lv.flat = real == 0 || real > 1 && one > 0
	return lv
}

// of is a heading's level. empty says that nothing stands between it and the
// heading before.
func (lv *levels) of(level int, title, text string, empty bool) int {
	t := topicOf(title)
	chapter := chapterNumber(title)
	if lv.flat {
		l, _, labelled := parseLabel(text, true)
		switch {
		case labelled && l.role != roleNumbered:
			level = 4
		case t == topicSolutions && lv.exercises > 1 && lv.solutions < lv.exercises, t == topicHints && lv.exercises > 1:
			level = 1 // of the whole book
		case t.numbered():
			level = 3
		case chapter != "":
			level = 1
		default:
			level = 2
		}
	}
	switch {
	case chapter != "" && (lv.before == topicSolutions || lv.before == topicHints) && empty:
		lv.back = lv.was + 1
	case chapter != "" && lv.back > 0 && compareNumbers(lv.last, chapter) < 0:
	case chapter != "" || t != topicNone:
		lv.back = 0
	}
	if chapter != "" && lv.back > 0 {
		level, lv.last = max(level, lv.back), chapter
	}
	lv.before, lv.was = t, level
	return level
}

// chapterNumber is the number in "Chapter 3" or "Chapter 3: Trees".
func chapterNumber(title string) string {
	first, rest, ok := strings.Cut(strings.Trim(title, "*_ "), " ")
	if !ok || !strings.EqualFold(first, "chapter") && !strings.EqualFold(first, "kapitel") && !strings.EqualFold(first, "chapitre") && !strings.EqualFold(first, "capítulo") {
		return ""
	}
	return number(firstWords(rest))
}

// fileTitle makes a title of a file's name: "ch2/solutions.md" says what
// stands in it.
func fileTitle(file string) string {
	name := strings.TrimSuffix(path.Base(file), path.Ext(file))
	return strings.NewReplacer("_", " ", "-", " ").Replace(name)
}

// A topic is what a section holds, as far as its title says.
type topic int

const (
	topicNone topic = iota
	topicExercises
	topicMixed // exercises and their solutions
	topicSolutions
	topicHints
	topicFAQ
	topicGlossary
	topicPlain // a topic of its own that ends an inherited one: "Summary"
)

// numbered reports whether "3." opens an exercise or a solution there.
func (t topic) numbered() bool {
	return t == topicExercises || t == topicMixed || t == topicSolutions || t == topicHints
}

var topicWords = map[string]topic{
	"exercises": topicExercises, "problems": topicExercises, "questions": topicExercises, "homework": topicExercises,
	"drills": topicExercises, "puzzles": topicExercises, "quiz": topicExercises, "quizzes": topicExercises,
	"katas": topicExercises, "challenges": topicExercises, "tasks": topicExercises, "assignments": topicExercises,
	"aufgaben": topicExercises, "übungen": topicExercises, "übungsaufgaben": topicExercises, "fragen": topicExercises,
	"exercices": topicExercises, //nolint:misspell // French
	"problèmes": topicExercises, "ejercicios": topicExercises,
	"problemas": topicExercises, //nolint:misspell // Spanish
	"esercizi":  topicExercises, "exercícios": topicExercises,

	"solutions": topicSolutions, "answers": topicSolutions, "lösungen": topicSolutions, "antworten": topicSolutions,
	"corrigés": topicSolutions, "réponses": topicSolutions, "soluciones": topicSolutions, "respuestas": topicSolutions,
	"soluzioni": topicSolutions, "soluções": topicSolutions,

	"hints": topicHints, "hinweise": topicHints, "indications": topicHints, "pistas": topicHints,

	"faq": topicFAQ, "faqs": topicFAQ, "glossary": topicGlossary, "terminology": topicGlossary,
	"definitions": topicGlossary, "vocabulary": topicGlossary, "nomenclature": topicGlossary, "glossar": topicGlossary,
	"glossaire": topicGlossary, "glosario": topicGlossary, "glossario": topicGlossary,

	"summary": topicPlain, "references": topicPlain, "bibliography": topicPlain, "index": topicPlain,
	"notes": topicPlain, "introduction": topicPlain, "overview": topicPlain, "appendix": topicNone,
}

// topicOf reads a title such as "Exercises 2.1", "Answers to selected
// problems" or "Questions and answers".
func topicOf(title string) topic {
	lower := strings.ToLower(title)
	for _, w := range []string{"常见问题", "常見問題", "よくある質問", "자주 묻는", "часто задаваемые"} {
		if strings.Contains(lower, w) {
			return topicFAQ
		}
	}
	if strings.Contains(lower, "frequently asked") || strings.Contains(lower, "häufig gestellte") || strings.Contains(lower, "preguntas frecuentes") || strings.Contains(lower, "foire aux questions") {
		return topicFAQ
	}
	if strings.Contains(lower, "key terms") || strings.Contains(lower, "key concepts") || strings.Contains(lower, "list of terms") {
		return topicGlossary
	}
	if strings.Contains(lower, "answer key") {
		return topicSolutions
	}
	if questions(lower) {
		return topicNone
	}
	words := strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) > 8 {
		return topicNone
	}
	t := topicNone
	for _, w := range words {
		is, ok := topicWords[w]
		if !ok || is == topicNone {
			continue
		}
		switch {
		case t == topicNone:
			t = is
		case t == topicExercises && is == topicSolutions && !strings.Contains(lower, " for ") && !strings.Contains(lower, " to "):
			return topicMixed
		}
	}
	if t == topicPlain && len(words) > 2 {
		return topicNone
	}
	return t
}

// pseudoLevel is the level and the title of a paragraph that can only be a
// heading which the format could not mark: a line "EXERCISES 2.1" or
// "Chapter 3" on its own. 0 is an ordinary paragraph.
func pseudoLevel(text string) (int, string) {
	if len(text) > 80 || strings.ContainsRune(strings.TrimSpace(text), '\n') {
		return 0, ""
	}
	line := strings.Trim(text, "*_ \t\r\n")
	title := strings.TrimRight(line, ":")
	if title == "" || strings.HasSuffix(title, ".") || strings.HasSuffix(title, "?") {
		return 0, ""
	}
	words := strings.Fields(strings.ToLower(title))
	if len(words) > 6 {
		return 0, ""
	}
	if words[0] == "chapter" && len(words) >= 2 && number(words[1]) != "" {
		return pseudoChapter, title
	}
	switch topicOf(title) {
	case topicNone, topicPlain:
		return 0, ""
	}
	// Every word has to belong to such a heading: "Problems remain" is prose.
	for _, w := range words {
		w = strings.Trim(w, ".,()")
		if _, ok := topicWords[w]; !ok && !headingFiller[w] && number(w) == "" {
			return 0, ""
		}
	}
	return pseudoHeading, title
}

var headingFiller = map[string]bool{
	"to": true, "for": true, "of": true, "the": true, "and": true, "with": true, "section": true, "chapter": true,
	"selected": true, "odd": true, "numbered": true, "odd-numbered": true, "review": true, "practice": true,
	"key": true, "terms": true, "frequently": true, "asked": true, "answer": true, "additional": true, "end": true, "-": true, "–": true, "—": true,
	"exercise": true, "problem": true, "supplementary": true, "concepts": true, "self-test": true, "more": true,
}

var htmlTag = lazily(`<[^>]*>`)

// headingTitle is the first line of a heading without Markdown's signs.
func headingTitle(text string) string {
	line := strings.TrimSpace(text)
	if i := strings.IndexByte(line, '\n'); i >= 0 && strings.Trim(line[i:], "=- \r\n\t") == "" {
		line = line[:i]
	}
	line = squeeze(line)
	if strings.HasPrefix(line, "<h") {
		line = htmlTag.ReplaceAllString(line, "")
	}
	line = strings.TrimLeft(line, "#")
	line = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(line), "#"))
	if i := strings.LastIndex(line, "{#"); i > 0 && strings.HasSuffix(line, "}") {
		line = strings.TrimSpace(line[:i])
	}
	return line
}
