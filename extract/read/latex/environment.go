package latex

import (
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/table"
)

// mathEnvs are displayed formulas.
var mathEnvs = map[string]bool{
	"equation": true, "align": true, "gather": true, "multline": true, "eqnarray": true, "displaymath": true, "math": true, "alignat": true, "flalign": true, "dmath": true, "xalignat": true, "subequations": false,
}

// tables are the environments that & divides.
var tables = map[string]int{ // arguments before the cells
	"tabular": 1, "tabular*": 2, "tabularx": 2, "tabulary": 2, "longtable": 1, "tabu": 1, "supertabular": 1, "xltabular": 2, "longtabu": 1, "tblr": 1, "NiceTabular": 1,
}

// pictures are drawn, not read.
var pictures = map[string]bool{
	"tikzpicture": true, "pgfpicture": true, "picture": true, "comment": true, "filecontents": true, "CCSXML": true, "pspicture": true, "axis": true, "tikzcd": true, "asy": true, "forest": true, "filecontents*": true, "feynman": true, "circuitikz": true, "luacode": true, "animateinline": true,
}

// known are theorems and exercises that a class or package declares, by the
// names of their environments.
var known = map[string]string{
	"theorem": "Theorem", "thm": "Theorem", "lemma": "Lemma", "lem": "Lemma", "proposition": "Proposition", "prop": "Proposition", "corollary": "Corollary", "cor": "Corollary", "coro": "Corollary",
	"definition": "Definition", "defn": "Definition", "defi": "Definition", "remark": "Remark", "rem": "Remark", "rmk": "Remark", "example": "Example", "exa": "Example", "claim": "Claim", "conjecture": "Conjecture", "axiom": "Axiom", "notation": "Notation", "fact": "Fact", "observation": "Observation",
	"exercise": "Exercise", "exer": "Exercise", "ex": "Exercise", "problem": "Problem", "prob": "Problem", "question": "Question", "aufgabe": "Aufgabe", "task": "Task",
	"satz": "Satz", "bemerkung": "Bemerkung", "beispiel": "Beispiel", "korollar": "Korollar", "folgerung": "Folgerung",
}

// replies are what follows a theorem or an exercise. They have no number.
var replies = map[string]string{
	"proof": "Proof", "pf": "Proof", "beweis": "Beweis", "solution": "Solution", "sol": "Solution", "soln": "Solution", "answer": "Answer", "ans": "Answer", "loesung": "Lösung", "lösung": "Lösung", "hint": "Hint", "sketch": "Proof sketch",
}

// has reports whether the source says itself what an environment is.
func (p *parser) has(env string) bool {
	_, ok := p.envs[env]
	return ok
}

// kindOf is what a package of the author's own makes a variety of: "sproblem"
// and "exercisebox" are a problem and an exercise.
func kindOf(env string) string {
	env = strings.ToLower(env)
	for _, kind := range []string{"problem", "exercise", "question", "theorem", "lemma", "proposition", "corollary", "definition"} {
		if before, ok := strings.CutSuffix(strings.TrimSuffix(env, "box"), kind); ok && len(before) <= 3 {
			return kind
		}
	}
	return ""
}

var codeEnvs = map[string]bool{"verbatim": true, "Verbatim": true, "lstlisting": true, "minted": true, "alltt": true, "BVerbatim": true, "LVerbatim": true, "lstcode": true, "semiverbatim": true, "pyconsole": true, "pycode": true, "verbatim*": true}

// environment reads what stands between \begin and \end.
func (p *parser) environment(c *cursor, start int) {
	m := beginEnd.FindStringSubmatch(c.text[start:min(len(c.text), start+80)])
	if m == nil {
		return
	}
	env := strings.TrimSpace(m[2])
	c.at = min(start+len(m[0]), c.end)
	shut, ok := c.env[start]
	if !ok || shut > c.end || shut < c.at {
		return // without an end, its words are read like any other
	}
	body := cursor{c.source, c.at, shut}
	after := shut
	if m := beginEnd.FindString(c.text[shut:min(len(c.text), shut+80)]); m != "" {
		after = min(shut+len(m), c.end)
	}
	c.at = after
	if p.depth >= maxNest {
		return
	}
	p.depth++
	p.inside(c, &body, env, start)
	p.depth--
}

// inside reads the body of an environment.
func (p *parser) inside(c, body *cursor, env string, start int) {
	plain := strings.TrimRight(env, "*")
	switch {
	case env == "document":
		p.body = true
		p.lang = ""
		p.parse(body)
		if p.inline == 0 {
			p.flush()
		}
		p.body = false
	case !p.body:
		if codeEnvs[env] || pictures[env] {
			return
		}
		p.parse(body)
	case mathEnvs[plain]:
		text := c.clean(start, c.at)
		p.formula(c, start, p.numbered(p.math(text), true))
	case codeEnvs[env]:
		p.code(c, body, env, start)
	case pictures[plain]:
	case tables[env] > 0:
		p.table(c, body, env, start)
	case env == "array":
		p.write(c, "$"+c.clean(start, c.at)+"$")
	case env == "itemize" || env == "enumerate" || env == "description" || env == "compactitem" || env == "compactenum" || env == "inparaenum" || env == "asparaenum" || env == "questions" && !p.exam || env == "parts" && !p.exam || env == "list" || env == "trivlist" || env == "labeling" || env == "tasks" || env == "dingautolist" || env == "acronym":
		p.list(body, env)
	case p.theorems[env] != nil:
		t := p.theorems[env]
		word := strings.ToLower(t.name)
		if known[word] == "" && replies[word] != "" {
			p.claim(c, body, env, t.name, "", replies[word] != "")
			return
		}
		p.claim(c, body, env, t.name, t.counter, false)
	case replies[strings.ToLower(plain)] != "":
		p.claim(c, body, env, replies[strings.ToLower(plain)], "", true)
	case known[strings.ToLower(plain)] != "":
		counter := plain
		if env != plain {
			counter = ""
		}
		p.claim(c, body, env, known[strings.ToLower(plain)], counter, false)
	case kindOf(plain) != "" && !p.has(env):
		kind := kindOf(plain)
		p.claim(c, body, env, known[kind], kind, false)
	case env == "abstract":
		p.head(c, start, abstractTitle(p.w.Language), "", p.level("section"))
		p.parse(body)
		p.flush()
	case env == "thebibliography":
		body.arg()
		title := "References"
		if p.german {
			title = "Literatur"
		}
		p.skip = ""
		if n := len(p.w.Blocks); n == 0 || p.w.Blocks[n-1].Kind != extract.Heading || !references.MatchString(p.w.Blocks[n-1].Title) {
			p.head(c, start, title, "", p.level("section"))
		}
		p.flush()
		p.skip = "references"
		p.counts["bibitem"] = 0
		p.parse(body)
		p.flush()
		p.skip, p.prefix = "", ""
	case plain == "figure" || plain == "table" || plain == "algorithm" || plain == "wrapfigure" || plain == "wraptable" || plain == "listing" || plain == "sidewaystable" || plain == "sidewaysfigure" || plain == "longlisting":
		held := p.float
		p.float = "figure"
		for _, kind := range []string{"table", "algorithm", "listing"} {
			if strings.HasSuffix(plain, kind) {
				p.float = kind
			}
		}
		body.option()
		if strings.HasPrefix(plain, "wrap") {
			body.arg()
			body.option()
			body.arg()
		}
		p.own(body)
		p.float = held
	case plain == "frame":
		if p.beamer && strings.HasPrefix(body.text[body.at:body.end], "<") {
			if end := strings.IndexByte(body.text[body.at:body.end], '>'); end >= 0 {
				body.at += end + 1
			}
		}
		body.option()
		if body.at < body.end && body.text[body.at] == '{' {
			from, to, ok := body.arg()
			if ok {
				p.head(c, start, p.words(c.source, from, to), "", p.level("subsection"))
			}
		}
		p.own(body)
	case plain == "block" || plain == "alertblock" || plain == "exampleblock" || env == "tcolorbox" || env == "mdframed":
		body.option()
		if strings.HasSuffix(plain, "block") {
			if from, to, ok := body.arg(); ok {
				p.flush()
				if title := p.words(c.source, from, to); title != "" {
					p.label(title + ": ")
				}
			}
		}
		p.own(body)
	case env == "minipage" || env == "multicols" || env == "column" || env == "adjustwidth" || env == "spacing" || env == "subfigure" || env == "subtable" || env == "otherlanguage" || env == "scope" || env == "addmargin" || env == "textblock":
		for {
			if _, _, ok := body.option(); !ok {
				break
			}
		}
		body.arg()
		body.option()
		if env == "adjustwidth" {
			body.arg()
		}
		p.own(body)
	case env == "appendices":
		p.named(&cursor{c.source, c.at, c.at}, "appendix", start)
		p.parse(body)
	default:
		if e, ok := p.envs[env]; ok {
			begin, n, ok := e.apply(body.clean(body.at, min(body.end, body.at+10_000)))
			if ok {
				body.at = min(body.at+n, body.end)
				// One that opens a theorem is that theorem.
				if m := beginEnd.FindStringSubmatch(begin); m != nil && p.theorems[strings.TrimSpace(m[2])] != nil && strings.HasPrefix(begin, m[0]) {
					p.inside(c, body, strings.TrimSpace(m[2]), start)
					return
				}
				p.expand(body, begin)
				p.parse(body)
				p.expand(body, e.end)
				return
			}
		}
		body.option()
		if plain == "quote" || plain == "quotation" || plain == "center" || plain == "flushleft" || plain == "flushright" || plain == "verse" || plain == "titlepage" || plain == "columns" || plain == "quoting" || plain == "abstract" {
			p.own(body)
			return
		}
		p.parse(body)
	}
}

func abstractTitle(language string) string {
	if language == "de" {
		return "Zusammenfassung"
	}
	return "Abstract"
}

// own reads a body as paragraphs of its own.
func (p *parser) own(body *cursor) {
	p.paragraph()
	p.parse(body)
	p.paragraph()
}

// claim reads a theorem, a proof, an exercise or a solution under the label
// it is printed with: "Theorem 2 (Name). …".
func (p *parser) claim(c, body *cursor, env, name, counter string, reply bool) {
	if p.inline == 0 {
		p.flush()
	}
	label := name
	if counter != "" {
		p.current = p.step(counter)
		label += " " + p.current
	}
	if from, to, ok := body.option(); ok {
		if title := strings.Join(strings.Fields(p.words(c.source, from, to)), " "); title != "" {
			if reply && known[strings.ToLower(firstWord(title))] == "" && replies[strings.ToLower(firstWord(title))] != "" {
				label = title // "Proof of Theorem 2"
			} else {
				label += " (" + title + ")"
			}
		}
	}
	label = strings.TrimRight(label, ".: ") + ". "
	if p.inline > 0 {
		p.write(c, label)
		p.parse(body)
		return
	}
	held := p.lists
	p.lists = nil // a formula in it stands by itself
	p.label(label)
	blocks := len(p.w.Blocks)
	p.parse(body)
	proof := reply && (strings.HasPrefix(name, "Proof") || name == "Beweis")
	if proof && !strings.HasSuffix(strings.TrimSpace(p.text.String()), "∎") && (p.text.Len() > 0 && strings.TrimSpace(p.text.String()) != "" || len(p.w.Blocks) > blocks) {
		end := *body
		end.at = body.end
		if strings.TrimSpace(p.text.String()) == "" && len(p.w.Blocks) > blocks && strings.HasSuffix(p.w.Blocks[len(p.w.Blocks)-1].Text, "∎") {
			end.at = -1
		}
		if end.at >= 0 {
			p.write(&end, " ∎")
		}
	}
	p.flush()
	p.prefix, p.next = "", extract.Block{}
	p.lists = held
	if !proof && len(p.w.Blocks) > blocks {
		if word := sealedWord(name); word != "" {
			p.lastEnd = word
		}
	}
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return strings.TrimRight(w, ".:")
}

// sealedWord is the English word whose \end closes what a label opened.
func sealedWord(name string) string {
	name = strings.ToLower(firstWord(name))
	switch name {
	case "theorem", "lemma", "proposition", "corollary", "definition", "exercise", "problem", "question", "example", "solution", "answer", "hint", "task":
		return name
	case "satz", "théorème", "teorema":
		return "theorem"
	case "aufgabe", "übung", "exercice", "ejercicio":
		return "exercise"
	case "lösung", "solución":
		return "solution"
	}
	return ""
}

// list reads the items of a list.
func (p *parser) list(body *cursor, env string) {
	kind := "itemize"
	switch {
	case strings.Contains(env, "enum") || env == "questions" || env == "parts" || env == "tasks" || env == "dingautolist":
		kind = "enumerate"
	case env == "description" || env == "labeling" || env == "acronym":
		kind = "description"
	}
	body.option()
	if env == "list" {
		body.arg()
		body.arg()
	}
	if env == "labeling" || env == "dingautolist" {
		body.arg()
	}
	if p.inline == 0 {
		p.flush()
	}
	p.lists = append(p.lists, list{kind: kind})
	next, prefix := p.next, p.prefix
	if p.inline == 0 && prefix != "" && next.Kind != extract.ListItem { // "Proof." straight before a list
		p.text.WriteString(strings.TrimRight(prefix, " "))
		p.prefix = ""
		p.from = body.lineAt(body.at)
		p.next.File = body.file
		p.flush()
	}
	p.parse(body)
	if p.inline == 0 {
		p.flush()
		p.next, p.prefix = extract.Block{}, ""
	}
	p.lists = p.lists[:len(p.lists)-1]
}

// item begins an item.
func (p *parser) item(c *cursor) {
	n := len(p.lists)
	term := ""
	from, to, ok := c.option()
	if ok {
		term = strings.Join(strings.Fields(p.words(c.source, from, to)), " ")
	}
	if n == 0 {
		p.paragraph()
		return
	}
	l := &p.lists[n-1]
	l.n++
	if p.inline > 0 {
		p.write(c, "\n")
	} else {
		p.flush()
	}
	sign := "- "
	switch {
	case l.kind == "description" && term != "":
		sign = term + " "
		if !strings.HasSuffix(term, ":") && !strings.HasSuffix(term, ".") {
			sign = term + ": "
		}
	case ok && term != "":
		sign = term + " "
	case l.kind == "enumerate":
		depth := 0
		for _, o := range p.lists {
			if o.kind == "enumerate" {
				depth++
			}
		}
		number := strconv.Itoa(l.n) + "."
		if depth == 2 {
			number = "(" + string(rune('a'+min(l.n-1, 25))) + ")"
		}
		p.current = strings.Trim(number, ".()")
		sign = number + " "
	}
	if p.inline > 0 {
		p.write(c, sign)
		return
	}
	p.lastEnd = ""
	p.next = extract.Block{Kind: extract.ListItem, Level: n}
	p.prefix = strings.Repeat("  ", n-1) + sign
}

// code adds an environment of code as it is written.
func (p *parser) code(c, body *cursor, env string, start int) {
	lang := p.lang
	switch env {
	case "minted":
		body.option()
		lang, _ = body.braced()
	case "lstlisting", "Verbatim", "BVerbatim", "LVerbatim", "lstcode":
		rest := body.text[body.at:body.end]
		if strings.HasPrefix(rest, "[") {
			opts := body.optionText()
			lang = p.codeLang(opts)
			if m := captionOption.FindStringSubmatch(opts); m != nil && p.inline == 0 {
				held := p.float
				p.float = "listing"
				p.current = p.step("listing")
				text := p.wordsOf(c, m[1]+m[2])
				p.block(c, start, start, extract.Block{Kind: extract.Caption, Text: "Listing " + p.current + ": " + strings.Join(strings.Fields(text), " ")})
				p.float = held
			}
		}
	case "pycode", "pyconsole":
		lang = "python"
	case "verbatim", "verbatim*", "alltt", "semiverbatim":
		lang = ""
	}
	text := strings.TrimRight(strings.TrimLeft(body.text[body.at:body.end], "\r\n"), " \t\r\n")
	if i := strings.IndexByte(body.text[body.at:body.end], '\n'); i >= 0 && strings.TrimSpace(body.text[body.at:body.at+i]) == "" {
		text = strings.TrimRight(body.text[body.at+i+1:body.end], " \t\r\n")
	}
	text = strings.ReplaceAll(text, string(gone), "%")
	if p.inline > 0 {
		p.write(c, "\n"+text+"\n")
		return
	}
	p.block(c, body.at, c.at, extract.Block{Kind: extract.Code, Lang: strings.ToLower(lang), Text: text})
}

var captionOption = regexp.MustCompile(`caption\s*=\s*(?:\{([^{}]*)\}|([^,{}\]]*))`)

// table adds a table.
func (p *parser) table(c, body *cursor, env string, start int) {
	body.option()
	for range tables[env] {
		body.arg()
		body.option()
	}
	p.cells++
	lists := p.lists
	p.lists = nil
	text := p.words(body.source, body.at, body.end)
	p.lists = lists
	p.cells--
	var rows [][]string
	wide := 0
	for _, line := range strings.Split(text, "\x03") {
		row := strings.Split(line, "\x02")
		empty := true
		for i, cell := range row {
			row[i] = strings.Join(strings.Fields(cell), " ")
			empty = empty && row[i] == ""
		}
		if !empty {
			rows = append(rows, row)
			wide = max(wide, len(row))
		}
	}
	switch {
	case p.inline > 0:
		for _, row := range rows {
			p.write(c, strings.Join(row, " ")+"\n")
		}
	case wide < 2: // a frame
		p.paragraph()
		for _, row := range rows {
			p.write(c, row[0])
			p.paragraph()
		}
	default:
		p.block(c, start, c.at, table.Block(rows))
	}
}
