package stage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A role is what a label says of the words that follow it.
type role uint8

const (
	roleNone role = iota
	roleAsk
	roleReply
	roleHint
	roleProof
	roleClaim    // a theorem
	roleDefine   // a definition
	roleStop     // a remark, an axiom: neither, and the end of what came before
	roleNumbered // "3." where exercises or solutions stand
	roleEnd      // </details>, \end{solution}: nothing but an end
)

// A label is the beginning of a line that names what follows.
type label struct {
	role   role
	word   string // in lower case: exercise, solution, q, a, …
	number string // "2.3", "4a", "" without one
	name   string // in parentheses: "Connected graph"
	of     string // "Solution to Problem 3": problem
	style  byte   // numbered: how it is written, '.', ')' or '('
	sealed bool   // its end is marked: <details>, \begin{…}
	fenced bool   // by ":::" or its like, which may hold headings
	closed bool   // fenced, and its end is the piece's
	since  int    // of a fence: the first piece in it
	quoted bool   // its lines open with ">"
	target string // what links a solution to its exercise
	xml    bool   // it is an element of an exercise book in XML
}

var labelRoles = map[string]role{
	"exercise": roleAsk, "problem": roleAsk, "question": roleAsk, "task": roleAsk, "puzzle": roleAsk, "challenge": roleAsk,
	"drill": roleAsk, "example": roleAsk, "quiz": roleAsk, "q": roleAsk, "ex": roleAsk, "prob": roleAsk, "aufgabe": roleAsk,
	"übung": roleAsk, "frage": roleAsk, "exercice": roleAsk, "problème": roleAsk, "ejercicio": roleAsk, "problema": roleAsk,
	"opgave": roleAsk, "oefening": roleAsk, "oplossing": roleReply, "uitwerking": roleReply,
	"pregunta": roleAsk, "esercizio": roleAsk, "domanda": roleAsk, "exercício": roleAsk, "beispiel": roleAsk,
	"solution": roleReply, "answer": roleReply, "ans": roleReply, "soln": roleReply, "a": roleReply, "lösung": roleReply, "antwort": roleReply,
	"réponse": roleReply, "corrigé": roleReply, "solución": roleReply, "respuesta": roleReply, "soluzione": roleReply,
	"pergunta": roleAsk, "vraag": roleAsk, "antwoord": roleReply,
	"risposta": roleReply, "solução": roleReply, "resposta": roleReply,
	"hint": roleHint, "hints": roleHint, "hinweis": roleHint, "indication": roleHint, "pista": roleHint,
	"proof": roleProof, "beweis": roleProof, "preuve": roleProof, "démonstration": roleProof, "demostración": roleProof,
	"dimostrazione": roleProof, "demonstração": roleProof, "bewijs": roleProof,
	"theorem": roleClaim, "lemma": roleClaim, "proposition": roleClaim, "corollary": roleClaim, "satz": roleClaim,
	"théorème": roleClaim, "lemme": roleClaim, "corollaire": roleClaim, "teorema": roleClaim,
	"korollar": roleClaim, "folgerung": roleClaim, "hilfssatz": roleClaim, "lema": roleClaim, "proposición": roleClaim, "corolario": roleClaim,
	"proposizione": roleClaim, "corollario": roleClaim, "proposição": roleClaim, "corolário": roleClaim, "stelling": roleClaim, "hulpstelling": roleClaim, "gevolg": roleClaim,
	"definition": roleDefine, "définition": roleDefine, "definición": roleDefine,
	"definizione": roleDefine, "definição": roleDefine, "definitie": roleDefine, //nolint:misspell // Dutch
	"f": roleAsk, "r": roleReply, // Frage, réponse
	"问": roleAsk, "问题": roleAsk, "习题": roleAsk, "练习": roleAsk, "例题": roleAsk, "問": roleAsk, "問題": roleAsk,
	"答": roleReply, "答案": roleReply, "解": roleReply, "解答": roleReply, "回答": roleReply, "参考答案": roleReply,
	"提示": roleHint, "证明": roleProof, "定理": roleClaim, "引理": roleClaim, "命题": roleClaim, "推论": roleClaim, "定义": roleDefine,
	"вопрос": roleAsk, "задача": roleAsk, "упражнение": roleAsk, "ответ": roleReply, "решение": roleReply,
	"доказательство": roleProof, "теорема": roleClaim, "лемма": roleClaim, "определение": roleDefine,
	"remark": roleStop, "conjecture": roleStop, "axiom": roleStop, "notation": roleStop, "algorithm": roleStop,
}

// asking are the labels of questions that wait for an answer rather than a
// solution.
var asking = map[string]bool{
	"q": true, "f": true, "question": true, "frage": true, "pregunta": true, "domanda": true, "pergunta": true, "vraag": true,
	"问": true, "问题": true, "問": true, "問題": true, "вопрос": true,
}

// leads are the words that may stand before "solution" or "answer".
var leads = map[string]bool{
	"show": true, "view": true, "see": true, "click": true, "reveal": true, "worked": true, "sample": true, "model": true,
	"full": true, "suggested": true, "possible": true, "short": true, "correct": true, "example": true, "official": true,
	"our": true, "one": true, "my": true, "expand": true, "detailed": true, "complete": true, "hidden": true, "reference": true,
}

// maxLabel bounds how much of a line is looked at.
const maxLabel = 160

// parseLabel reads the label that opens a line and returns where the words
// after it begin. Prose is not taken for a label: "Solution of the heat
// equation", "Exercise 4 shows that…" and "Question your assumptions" have
// none.
func parseLabel(line string, heading bool) (label, int, bool) {
	c := scanner{s: line[:min(len(line), maxLabel)]}
	c.skip(" \t>")
	if c.eof() {
		return label{}, 0, false
	}
	l := label{}
	switch c.s[c.i] {
	case '\\':
		return latexLabel(c)
	case '<':
		if l, n, ok := tagLabel(c); ok {
			return l, n, ok
		}
	}
	if quoted := strings.Contains(c.s[:c.i], ">"); heading || quoted && c.s[c.i] == '#' {
		c.skip("#")
		c.space()
		heading, l.quoted = true, quoted
	}
	if rest := c.rest(); strings.HasPrefix(rest, "<a ") {
		if end := strings.Index(rest, "></a>"); end > 0 {
			c.i += end + len("></a>")
			c.space()
		}
	}
	c.bullet()
	c.open()
	c.skip("[")
	if num, style, ok := c.ordinal(heading || c.bold > 0); ok {
		l.number, l.style = num, style
	} else if num, ok := c.code(); ok && !heading {
		// "C20 Find all solutions": the letter sorts the exercises.
		l.number, l.style = num, styleCode
	}
	if l.number != "" {
		c.close()
		c.space()
		c.open()
	}
	mark := c
	w := c.word()
	r, ok := labelRoles[w]
	if lead := leads[w]; lead && (!ok || r == roleAsk) {
		if next, nw, found := c.leadsTo(); found {
			c, w, r, ok = next, nw, roleReply, true
		}
	}
	if !ok || w == "a" && l.number != "" {
		return mark.numbered(l)
	}
	l.role, l.word = r, w
	glued := c.i // "Q1", "A2"
	c.close()
	c.space()
	gap := utf8.RuneCountInString(c.s[glued:c.i]) > 1 && strings.Contains(c.s[glued:c.i], nbsp)
	if (r == roleReply || r == roleProof || r == roleHint) && !gap {
		l.of = c.referent()
	}
	coded := false
	if n, ok := c.number(); ok {
		if l.number == "" {
			l.number = n
		}
	} else if n, ok := c.acronym(); ok && len(w) > 1 {
		l.number, coded = n, !strings.ContainsFunc(n, unicode.IsDigit)
	} else if glued != c.i && len(w) == 1 {
		c.i = glued
		c.close()
	}
	numbered := l.number != ""
	if r != roleProof { // "(⇐) Suppose…" is its first half
		l.name = c.parens()
	}
	delim, closed := c.delimiter()
	rest := strings.TrimSpace(c.rest())
	if gap && delim == 0 && !numbered {
		delim = '-' // the gap is meant
	}
	if coded && rest != "" && delim == 0 {
		return label{}, 0, false // "Theorem NMUS tells us that…"
	}
	if !c.accepts(l, heading, numbered, delim, closed, rest) {
		return mark.numbered(l)
	}
	return l, c.i, true
}

// accepts tells a label from prose that happens to begin with its word.
func (c *scanner) accepts(l label, heading, numbered bool, delim byte, closed bool, rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	fresh := rest == "" || unicode.IsLetter(next) && !unicode.IsLower(next) || unicode.IsDigit(next) || strings.ContainsRune("$\\`*_(\"“[", next)
	switch {
	case l.word == "f":
		return c.large && delim == ':' && (questions(rest) || strings.Contains(rest, "? "))
	case l.word == "r":
		return c.large && delim == ':'
	case len(l.word) == 1: // Q and A: only large, with a sign of their own
		return c.large && (delim == ':' || delim == '.' || delim == ')' && numbered || closed && fresh || heading && numbered)
	case rest == "" && l.name == "" && delim == 0 && !numbered && !heading:
		return true // alone on its line
	case delim == ':' || delim == '.':
		return true
	case heading:
		return rest == "" || numbered || delim != 0
	case delim == '-':
		return fresh
	case delim == ')':
		return numbered
	case closed && c.bold >= 2:
		return fresh
	case numbered:
		return fresh
	case l.name != "" && (l.role == roleClaim || l.role == roleDefine):
		return fresh
	}
	return false
}

// A scanner walks over the beginning of a line.
type scanner struct {
	s    string
	i    int
	bold int // open signs of emphasis

	large bool // the last word began with a capital
}

func (c *scanner) eof() bool    { return c.i >= len(c.s) }
func (c *scanner) rest() string { return c.s[c.i:] }

func (c *scanner) skip(set string) {
	for !c.eof() && strings.IndexByte(set, c.s[c.i]) >= 0 {
		c.i++
	}
}

// space skips white space, the kind that does not break included.
func (c *scanner) space() {
	for {
		c.skip(" \t")
		if !strings.HasPrefix(c.rest(), nbsp) {
			return
		}
		c.i += len(nbsp)
	}
}

const nbsp = "\u00a0"

// bullet skips the sign of a list item.
func (c *scanner) bullet() {
	rest := c.rest()
	for _, b := range []string{"- ", "* ", "+ ", "• ", "– "} {
		if strings.HasPrefix(rest, b) {
			c.i += len(b)
			c.space()
			return
		}
	}
}

// open skips signs that open emphasis, and remembers how many.
func (c *scanner) open() {
	for _, tag := range []string{"<b>", "<strong>", "<em>", "<i>"} {
		if strings.HasPrefix(c.rest(), tag) {
			c.i += len(tag)
			c.bold += 2
		}
	}
	for !c.eof() && (c.s[c.i] == '*' || c.s[c.i] == '_') {
		c.i++
		c.bold++
	}
}

// close skips signs that close emphasis and reports whether there were any.
func (c *scanner) close() bool {
	was := c.i
	for _, tag := range []string{"</b>", "</strong>", "</em>", "</i>"} {
		if strings.HasPrefix(c.rest(), tag) {
			c.i += len(tag)
		}
	}
	if c.bold > 0 {
		// "__[Q1]{.exercise}__" has its class between the words and the sign.
		if rest := strings.TrimPrefix(c.rest(), "]"); strings.HasPrefix(rest, "{.") || strings.HasPrefix(rest, "{#") {
			if end := strings.IndexByte(rest, '}'); end > 0 {
				c.i += len(c.rest()) - len(rest) + end + 1
			}
		}
		c.skip("*_")
	}
	return c.i > was
}

// word reads letters, in lower case. It allocates nothing for words too long
// to be a label.
func (c *scanner) word() string {
	start := c.i
	for !c.eof() {
		r, n := utf8.DecodeRuneInString(c.rest())
		if !unicode.IsLetter(r) {
			break
		}
		c.i += n
	}
	if n := c.i - start; n == 0 || n > 16 {
		return ""
	}
	c.large = c.s[start] >= 'A' && c.s[start] <= 'Z'
	return strings.ToLower(c.s[start:c.i])
}

// ordinal reads the number that opens a numbered line: "3.", "2.3)", "(4)".
// Where loose, the sign after it may be missing: "**3** Show that…".
func (c *scanner) ordinal(loose bool) (string, byte, bool) {
	k := *c
	paren := !k.eof() && k.s[k.i] == '('
	if paren {
		k.i++
	}
	start := k.i
	for !k.eof() && (isDigit(k.s[k.i]) || k.s[k.i] == '.' && k.i+1 < len(k.s) && isDigit(k.s[k.i+1]) && k.i > start) {
		k.i++
	}
	num := k.s[start:k.i]
	if num == "" || len(num) > 9 {
		return "", 0, false
	}
	style := byte(' ')
	switch {
	case paren:
		if k.eof() || k.s[k.i] != ')' {
			return "", 0, false
		}
		k.i++
		style = '('
	case !k.eof() && (k.s[k.i] == '.' || k.s[k.i] == ')' || k.s[k.i] == ':'):
		style = k.s[k.i]
		k.i++
	case !loose:
		return "", 0, false
	}
	if next, _ := utf8.DecodeRuneInString(k.rest()); unicode.Is(unicode.Han, next) {
		*c = k
		return num, style, true
	}
	if !k.eof() && k.s[k.i] != ' ' && k.s[k.i] != '\t' && k.s[k.i] != '\n' && k.s[k.i] != '\r' && (k.s[k.i] != '*' || c.bold == 0) {
		return "", 0, false
	}
	*c = k
	return num, style, true
}

// styleCode is the style of a line numbered by a letter and digits.
const styleCode = 'C'

// code reads the number of an exercise that sorts it by a letter: "C20" or
// "SSLE.C20" where words of their own follow.
func (c *scanner) code() (string, bool) {
	k := *c
	n, ok := k.acronym()
	// "S3" and "EC2" are names.
	if !ok || !strings.Contains(n, ".") && (len(n) < 3 || len(n) > 4 || !isDigit(n[1])) {
		return "", false
	}
	k.close()
	at := k.i
	k.space()
	next, _ := utf8.DecodeRuneInString(strings.TrimSpace(k.rest()))
	if k.i == at && strings.TrimSpace(k.rest()) != "" || unicode.IsLower(next) || next == '.' || next == ',' || next == '=' {
		return "", false
	}
	k.i = at
	*c = k
	return n, true
}

// acronym reads a name in the place of a number: "NMUS", "NME1", "SSLE.C20".
func (c *scanner) acronym() (string, bool) {
	k := *c
	start, large, digits, dots := k.i, 0, 0, 0
	for ; !k.eof(); k.i++ {
		b := k.s[k.i]
		switch {
		case b >= 'A' && b <= 'Z' && digits == 0:
			large++
			continue
		case isDigit(b) && large > 0:
			digits++
			continue
		case b == '.' && dots == 0 && k.i+1 < len(k.s) && (isDigit(k.s[k.i+1]) || k.s[k.i+1] >= 'A' && k.s[k.i+1] <= 'Z'):
			dots, digits = 1, 0
			continue
		}
		break
	}
	n := k.s[start:k.i]
	r, _ := utf8.DecodeRuneInString(k.rest())
	if large == 0 || large+digits < 2 || len(n) > 12 || dots > 0 && digits == 0 || isWord(r) || r == '-' || r == '\'' {
		return "", false
	}
	*c = k
	return n, true
}

// numbered ends parseLabel for a line whose only label is its number.
func (c *scanner) numbered(l label) (label, int, bool) {
	if l.number == "" || l.style == 0 {
		return label{}, 0, false
	}
	return label{role: roleNumbered, number: l.number, style: l.style}, c.i - c.reopened(), true
}

// reopened is how many signs of emphasis stand right before the scanner:
// they belong to the words, "1. **Trees** are…".
func (c *scanner) reopened() int {
	n := 0
	for c.i-n > 0 && (c.s[c.i-n-1] == '*' || c.s[c.i-n-1] == '_') {
		n++
	}
	return n
}

// leadsTo reads on from a lead such as "Show" or "Click to reveal the" to
// the word solution or answer.
func (c *scanner) leadsTo() (scanner, string, bool) {
	k := *c
	for range 5 {
		k.space()
		w := k.word()
		if labelRoles[w] == roleReply && len(w) > 1 {
			return k, w, true
		}
		if w == "" {
			break
		}
	}
	return *c, "", false
}

// referent reads "to Exercise" or "of the theorem" and returns its noun.
func (c *scanner) referent() string {
	k := *c
	w := k.word()
	switch w {
	case "to", "of", "for", "zu", "de":
		k.space()
		if !k.eof() && isDigit(k.s[k.i]) {
			*c = k
			return ""
		}
		if w = k.word(); w == "the" {
			k.space()
			w = k.word()
		}
	}
	if r := labelRoles[w]; len(w) < 2 || r != roleAsk && r != roleClaim {
		return ""
	}
	k.skip(" \t*_")
	*c = k
	return w
}

// number reads a number after the label's word: "2.3", "4a", "#7", "A.2".
func (c *scanner) number() (string, bool) {
	k := *c
	k.skip("#[")
	start := k.i
	if k.i+1 < len(k.s) && k.s[k.i] >= 'A' && k.s[k.i] <= 'Z' && (isDigit(k.s[k.i+1]) || k.s[k.i+1] == '.' && k.i+2 < len(k.s) && isDigit(k.s[k.i+2])) {
		k.i++
	}
	digits := false
	for !k.eof() {
		b := k.s[k.i]
		if isDigit(b) {
			digits = true
		} else if (b != '.' && b != '-') || k.i+1 >= len(k.s) || !isDigit(k.s[k.i+1]) {
			break
		}
		k.i++
	}
	if !digits {
		return "", false
	}
	if !k.eof() && k.s[k.i] >= 'a' && k.s[k.i] <= 'z' && (k.i+1 >= len(k.s) || !isLetterByte(k.s[k.i+1])) {
		k.i++
	}
	num := k.s[start:k.i]
	if k.i+2 < len(k.s) && k.s[k.i] == '(' && k.s[k.i+2] == ')' && k.s[k.i+1] >= 'a' && k.s[k.i+1] <= 'z' {
		num += k.s[k.i+1 : k.i+2]
		k.i += 3
	}
	k.skip("]")
	*c = k
	return strings.ReplaceAll(num, "-", "."), true
}

// parens reads a name in parentheses, a rating or points after the number.
func (c *scanner) parens() string {
	name := ""
	for range 2 {
		k := *c
		k.close()
		k.space()
		if k.eof() || k.s[k.i] != '(' && k.s[k.i] != '[' {
			break
		}
		shut := byte(')')
		if k.s[k.i] == '[' {
			shut = ']'
		}
		end := matching(k.s[k.i:], k.s[k.i], shut)
		if end < 0 || end > 100 {
			break
		}
		inner := strings.TrimSpace(k.s[k.i+1 : k.i+end])
		// "(a) Show that…" is the first part of the exercise.
		if shut == ')' && len(inner) <= 2 && !strings.ContainsAny(inner, "*★") {
			break
		}
		if name == "" {
			name = inner
		}
		k.i += end + 1
		*c = k
	}
	return name
}

// delimiter reads the sign that ends a label, and the end of its emphasis on
// either side of it.
func (c *scanner) delimiter() (byte, bool) {
	closed := c.close()
	k := *c
	k.space()
	var sign byte
	rest := k.rest()
	switch {
	case rest == "":
	case rest[0] == ':' || rest[0] == '.' || rest[0] == ')':
		sign = rest[0]
		k.i++
	case strings.HasPrefix(rest, "—"), strings.HasPrefix(rest, "–"):
		sign = '-'
		k.i += len("—")
	case strings.HasPrefix(rest, "- ") && k.i > c.i:
		sign = '-'
		k.i++
	case strings.HasPrefix(rest, "\uff1a"): // the wide colon of Chinese and Japanese
		sign = ':'
		k.i += len("\uff1a")
	}
	if sign != 0 {
		*c = k
	}
	if c.close() {
		closed = true
	}
	at := *c
	at.space()
	*c = at
	return sign, closed
}

// latexLabel reads \begin{solution}, \end{…}, \question[8].
func latexLabel(c scanner) (label, int, bool) {
	rest := c.rest()
	switch {
	case strings.HasPrefix(rest, `\begin{`), strings.HasPrefix(rest, `\end{`):
		from := strings.IndexByte(rest, '{') + 1
		to := strings.IndexByte(rest, '}')
		if to < 0 {
			return label{}, 0, false
		}
		env := strings.ToLower(strings.TrimRight(rest[from:to], "*"))
		short := map[string]string{"thm": "theorem", "lem": "lemma", "prop": "proposition", "cor": "corollary", "defn": "definition", "ex": "exercise", "pf": "proof", "sol": "solution", "exer": "exercise"}
		if full, ok := short[env]; ok {
			env = full
		}
		r, ok := labelRoles[env]
		if !ok || len(env) == 1 || env == "algorithm" {
			return label{}, 0, false
		}
		c.i += to + 1
		if strings.HasPrefix(rest, `\end{`) {
			return label{role: roleEnd, word: env}, c.i, true
		}
		l := label{role: r, word: env, sealed: true}
		l.name = c.parens()
		c.space()
		if strings.HasPrefix(c.rest(), `\label{`) {
			if end := strings.IndexByte(c.rest(), '}'); end > 0 {
				c.i += end + 1
			}
		}
		c.space()
		return l, c.i, true
	case strings.HasPrefix(rest, `\question`), strings.HasPrefix(rest, `\bonusquestion`):
		c.i += strings.Index(rest, "question") + len("question")
		c.parens()
		c.space()
		return label{role: roleAsk, word: "question"}, c.i, true
	}
	return label{}, 0, false
}

// tagLabel reads <summary>Solution</summary> with or without <details>, and
// the elements of exercise books in XML: <exercise>, <statement>, <solution>.
func tagLabel(c scanner) (label, int, bool) {
	for {
		rest := c.rest()
		end := strings.IndexByte(rest, '>')
		if len(rest) == 0 || rest[0] != '<' || end < 0 {
			break
		}
		tag := strings.ToLower(strings.Trim(rest[1:end], "/ "))
		tag, _, _ = strings.Cut(tag, " ")
		shut := strings.HasPrefix(rest, "</")
		switch tag {
		case "details":
			if shut {
				return label{role: roleEnd, word: "details"}, c.i + end + 1, true
			}
		case "summary":
			if shut {
				return label{}, 0, false
			}
			c.i += end + 1
			closing := strings.Index(c.rest(), "</summary>")
			if closing < 0 {
				return label{}, 0, false
			}
			l, _, ok := parseLabel(c.rest()[:closing], true)
			if !ok || l.role == roleNumbered {
				return label{}, 0, false
			}
			l.sealed = true
			return l, c.i + closing + len("</summary>"), true
		case "exercise", "solution", "answer", "hint", "proof", "theorem", "lemma", "proposition", "corollary", "definition", "problem", "question", "example":
			if shut {
				return label{role: roleEnd, word: tag}, c.i + end + 1, true
			}
			return label{role: labelRoles[tag], word: tag, sealed: true, xml: true}, c.i + end + 1, true
		default:
			return label{}, 0, false
		}
		c.i += end + 1
		c.skip(" \t\r\n")
	}
	return label{}, 0, false
}

// inlineReply finds a solution in the midst of an exercise's line.
func inlineReply(s string) (at int, l label, n int, ok bool) {
	for _, word := range []string{"Solution", "Answer", "A:", "A.", "R:", "R :", "Lösung", "Antwort", "Réponse", "Solución", "Respuesta", "答", "解"} {
		for from := 0; ; {
			i := strings.Index(s[from:], word)
			if i < 0 {
				break
			}
			i += from
			from = i + len(word)
			open := i
			for open > 0 && (s[open-1] == '*' || s[open-1] == '_') {
				open--
			}
			before := strings.TrimRight(s[:open], " \t\r\n")
			wide := word[0] >= utf8.RuneSelf && word != "Lösung"
			if before == "" || open == len(before) && !wide {
				continue
			}
			bold := i - open
			last, _ := utf8.DecodeLastRuneInString(before)
			if len(word) <= 3 && !wide && bold == 0 && (word == "A." || last != '?') {
				continue
			}
			if !strings.ContainsRune(".?!:)*_$`\uff1f。！", last) {
				continue
			}
			line := s[open:]
			l, n, ok := parseLabel(line, false)
			if ok && l.role == roleReply && (bold > 0 || hasDelimiter(line)) {
				return open, l, n, true
			}
		}
	}
	return 0, label{}, 0, false
}

// hasDelimiter reports whether a colon or full stop stands right after the
// first word or its number.
func hasDelimiter(line string) bool {
	i := strings.IndexAny(line, ":.\uff1a")
	return i > 0 && i < 16 && !strings.Contains(strings.TrimSpace(line[:i]), "  ") && strings.Count(strings.TrimSpace(line[:i]), " ") <= 1
}

// matching is the place of the sign that closes the one s begins with.
func matching(s string, open, shut byte) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i
			}
		case '\n':
			return -1
		}
	}
	return -1
}

// number is w where it is a section number such as "3" or "2.1", else "".
func number(w string) string {
	w = strings.Trim(w, ".:,;()")
	if w == "" || len(w) > 9 {
		return ""
	}
	for i := range len(w) {
		if !isDigit(w[i]) && w[i] != '.' {
			return ""
		}
	}
	return w
}

func isDigit(b byte) bool      { return b >= '0' && b <= '9' }
func isLetterByte(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }
func isWord(r rune) bool       { return unicode.IsLetter(r) || unicode.IsDigit(r) }
