package latex

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"seedbed/extract"
)

// sectionNames are the commands of headings, from the outermost in.
var sectionNames = []string{"part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph"}

func sectionLevel(name string) int { return slices.Index(sectionNames, name) }

// level is a heading's level in this document.
func (p *parser) level(name string) int {
	l := sectionLevel(name) - 1
	if p.chapters {
		l++
	}
	if p.parts {
		l++
	}
	if name == "part" {
		return 1
	}
	return max(l, 1)
}

// command reads what stands behind a backslash.
func (p *parser) command(c *cursor) {
	start := c.at
	t := c.text
	c.at++
	if c.at >= c.end {
		return
	}
	if n := verbEnd(t[:c.end], start); n > 0 {
		code := t[start:n]
		i := strings.LastIndexByte(code[:len(code)-1], code[len(code)-1])
		if code[len(code)-1] == '}' {
			i = strings.IndexByte(code, '{')
		}
		p.write(c, code[i+1:len(code)-1])
		c.at = n
		return
	}
	if !letter(t[c.at]) {
		p.sign(c, start)
		return
	}
	for c.at < c.end && letter(t[c.at]) {
		c.at++
	}
	name := t[start+1 : c.at]
	if c.at < c.end && t[c.at] == '*' {
		c.at++
	}
	if p.beamer && c.at < c.end && t[c.at] == '<' {
		if end := strings.IndexByte(t[c.at:min(c.end, c.at+40)], '>'); end > 0 {
			c.at += end + 1
		}
	}
	p.named(c, name, start)
}

// sign reads a command of one character.
func (p *parser) sign(c *cursor, start int) {
	b := c.text[c.at]
	c.at++
	switch b {
	case '\\':
		if c.at < c.end && c.text[c.at] == '*' {
			c.at++
		}
		c.option()
		if p.cells > 0 {
			p.write(c, "\x03")
		} else {
			p.write(c, "\n")
		}
	case '%', '$', '&', '#', '_', '{', '}':
		p.write(c, string(b))
	case ' ', '\n', '\t', ',', ';', ':', '~', '!':
		if b != '!' {
			p.write(c, " ")
		}
	case '[', '(':
		shut := map[byte]string{'[': `\]`, '(': `\)`}[b]
		end := strings.Index(c.text[c.at:min(c.end, c.at+20_000)], shut)
		if end < 0 {
			return
		}
		body := p.math(c.clean(c.at, c.at+end))
		c.at += end + 2
		if b == '[' {
			p.formula(c, start, `\[`+p.numbered(body, false)+`\]`)
		} else {
			p.write(c, `\(`+strings.ReplaceAll(strings.TrimSpace(body), "\n", " ")+`\)`)
		}
	case '"', '\'', '`', '^', '=', '.':
		p.accent(c, string(b))
	case gone:
		c.at--
	default: // \-, \/, \@
	}
}

var accents = map[string]string{
	`"`: "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "=": "\u0304", ".": "\u0307",
	"c": "\u0327", "v": "\u030C", "u": "\u0306", "H": "\u030B", "k": "\u0328", "r": "\u030A", "b": "\u0331", "d": "\u0323", "tilde": "\u0303",
}

// accent puts a mark over the letter that follows.
func (p *parser) accent(c *cursor, mark string) {
	was := c.at
	from, to, ok := c.arg()
	if !ok {
		c.at = was
		return
	}
	base := strings.Trim(c.clean(from, to), "{} ")
	switch base {
	case `\i`:
		base = "i"
	case `\j`:
		base = "j"
	case "":
		return
	}
	if strings.HasPrefix(base, `\`) {
		p.sub(c.source, from, to)
		return
	}
	r := []rune(base)
	p.write(c, string(r[0])+accents[mark]+string(r[1:]))
}

// symbols are commands that stand for characters.
var symbols = map[string]string{
	"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł", "i": "ı", "j": "ȷ", "dh": "ð", "th": "þ",
	"ldots": "…", "dots": "…", "textellipsis": "…", "S": "§", "P": "¶", "pounds": "£", "copyright": "©", "textcopyright": "©", "textregistered": "®", "texttrademark": "™", "euro": "€", "texteuro": "€", "EUR": "€",
	"textbackslash": `\`, "textasciitilde": "~", "textasciicircum": "^", "textunderscore": "_", "textbar": "|", "textless": "<", "textgreater": ">", "textdollar": "$",
	"textbraceleft": "{", "textbraceright": "}", "textquotedblleft": "“", "textquotedblright": "”", "textquoteleft": "‘", "textquoteright": "’", "textquotesingle": "'", "quotedblbase": "„", "glqq": "„", "grqq": "“", "flqq": "«", "frqq": "»", "guillemotleft": "«", "guillemotright": "»", "glq": "‚", "grq": "‘",
	"textendash": "–", "textemdash": "—", "textbullet": "•", "textperiodcentered": "·", "textdegree": "°", "degree": "°", "textmu": "µ", "texttimes": "×", "textonehalf": "½", "textordmasculine": "º",
	"LaTeX": "LaTeX", "LaTeXe": "LaTeX2ε", "TeX": "TeX", "BibTeX": "BibTeX", "XeLaTeX": "XeLaTeX", "LuaLaTeX": "LuaLaTeX", "XeTeX": "XeTeX", "slash": "/", "and": ", ",
	"qed": "∎", "qedhere": "", "qedsymbol": "∎", "quad": " ", "qquad": " ", "enspace": " ", "thinspace": " ", "space": " ", "newline": "\n", "linebreak": "\n", "tab": " ", "nobreakspace": " ",
	"checkmark": "✓", "dag": "†", "ddag": "‡", "textdagger": "†", "rightarrow": "→", "textrightarrow": "→", "Rightarrow": "⇒", "leftarrow": "←", "ding": "",
	"zB": "z. B.", "dh.": "d. h.", "ie": "i.e.", "eg": "e.g.",
}

// dropped are commands of which nothing is told, with the number of their
// arguments.
var dropped = map[string]int{
	"vspace": 1, "hspace": 1, "bibliographystyle": 1, "pagestyle": 1, "thispagestyle": 1, "pagenumbering": 1, "setlength": 2, "addtolength": 2, "setcounter": 2, "addtocounter": 2,
	"documentclass": 1, "documentstyle": 1, "hypersetup": 1, "usetikzlibrary": 1, "definecolor": 3, "colorlet": 2, "color": 1, "fontsize": 2, "rule": 2, "hyphenation": 1,
	"newcounter": 1, "newlength": 1, "refstepcounter": 1, "stepcounter": 1, "index": 1, "todo": 1, "nocite": 1, "includegraphics": 1, "graphicspath": 1, "pgfplotsset": 1, "tikzset": 1, "pgfdeclarelayer": 1, "pgfsetlayers": 1, "theorembodyfont": 1, "theoremheaderfont": 1, "theoremsymbol": 1, "theoremseparator": 1, "usetheme": 1, "usecolortheme": 1, "usefonttheme": 1, "setbeamertemplate": 2, "setbeamercolor": 2, "setbeamerfont": 2,
	"theoremstyle": 1, "numberwithin": 2, "allowdisplaybreaks": 0, "geometry": 1, "sisetup": 1, "captionsetup": 1, "lstset": -1, "addbibresource": 1, "bibliographystyle*": 1, "selectlanguage": 1, "newglossaryentry": 2, "newacronym": 3, "makeglossaries": 0,
	"phantom": 1, "hphantom": 1, "vphantom": 1, "addcontentsline": 3, "markboth": 2, "markright": 1, "fancyhead": 1, "fancyfoot": 1, "lhead": 1, "rhead": 1, "chead": 1, "lfoot": 1, "rfoot": 1, "cfoot": 1, "titleformat": 5, "titlespacing": 4, "institute": 1, "date": 1, "subject": 1, "keywords": 0, "pdfinfo": 1, "animategraphics": 4, "logo": 1, "titlegraphic": 1,
	"DeclareGraphicsExtensions": 1, "DeclareOption": 2, "ProcessOptions": 0, "ProvidesPackage": 1, "ProvidesClass": 1, "NeedsTeXFormat": 1, "newif": 1, "newsavebox": 1, "sbox": 2, "savebox": 2, "usebox": 1, "settowidth": 2, "cline": 1, "cmidrule": 1, "specialrule": 3, "arrayrulecolor": 1, "rowcolor": 1, "cellcolor": 1, "columncolor": 1, "crefname": 3, "Crefname": 3, "enlargethispage": 1, "AtBeginSection": 1, "AtBeginDocument": 1, "AtEndDocument": 1, "lstdefinestyle": 2, "lstdefinelanguage": 2, "DeclareRobustCommand": 2, "setdefaultlanguage": 1, "setmainfont": 1, "setsansfont": 1, "setmonofont": 1, "PassOptionsToPackage": 2, "input@path": 1, "vskip": -2, "hskip": -2, "kern": -2, "penalty": -2, "parindent": -2, "parskip": -2, "baselineskip": -2, "looseness": -2, "label*": 1, "newfloat": 3, "floatname": 2, "floatstyle": 1, "restylefloat": 1, "fontfamily": 1, "fontseries": 1, "fontshape": 1, "setstretch": 1, "linespread": 1, "bibitemsep": -2,
	"multicolumn": -3, "multirow": -4, "hline": 0, "toprule": 0, "midrule": 0, "bottomrule": 0, "tableofcontents": 0, "listoffigures": 0, "listoftables": 0, "setbox": -2, "let": -5, "futurelet": -5, "subtitle": 0, "printindex": 0, "glsaddall": 0,
}

// kept are commands of which one argument is told: how many go before it.
var kept = map[string]int{
	"textcolor": 1, "colorbox": 1, "fcolorbox": 2, "rotatebox": 1, "resizebox": 2, "scalebox": 1, "raisebox": 1, "parbox": 1, "href": 1, "foreignlanguage": 1, "hyperref": 0, "hyperlink": 1, "hypertarget": 1, "texorpdfstring": 0,
	"adjustbox": 1, "fontsize": 0, "tooltip": 0, "textattachfile": 1, "ifthenelse": 1, "subfloat": 0, "subcaptionbox": 0,
}

var length = regexp.MustCompile(`^\s*=?\s*-?[0-9.,]*\s*(\\[a-zA-Z]+|pt|cm|mm|em|ex|in|bp|pc|sp|dd|cc)?(\s*(plus|minus)\s*[0-9.]+\s*(pt|cm|mm|em|ex|fil+))*`)

var language = regexp.MustCompile(`(?i)language\s*=\s*(?:\{?\[[^\]]*\])?\{?([A-Za-z0-9+#]+)`)

// named reads a command by its name.
func (p *parser) named(c *cursor, name string, start int) {
	if s, ok := symbols[name]; ok {
		if _, own := p.macros[name]; !own {
			c.eat()
			p.write(c, s)
			return
		}
	}
	if l := sectionLevel(name); l >= 0 && (name != "part" || !p.exam) {
		p.heading(c, name, start, c.text[c.at-1] == '*')
		return
	}
	switch name {
	case "begin":
		p.environment(c, start)
	case "end":
		if m := beginEnd.FindString(c.text[start:min(len(c.text), start+80)]); m != "" { // of nothing that was begun here
			c.at = min(start+len(m), c.end)
		}
	case "par", "newpage", "clearpage", "cleardoublepage", "pagebreak", "medskip", "bigskip", "smallskip", "noindent", "hrule", "hrulefill", "frontmatter", "mainmatter", "backmatter", "centering", "maketitle", "indent":
		c.eat()
		switch name {
		case "maketitle":
			p.heads(c, start)
		case "noindent", "hrulefill", "centering", "indent":
		default:
			p.paragraph()
		}
	case "item":
		p.item(c)
	case "title", "author":
		c.option()
		from, to, ok := c.arg()
		if !ok {
			return
		}
		p.titles(c, name, from, to)
	case "frametitle", "framesubtitle":
		from, to, ok := c.arg()
		if ok && p.body {
			p.head(c, start, p.words(c.source, from, to), "", p.level("subsection"))
		}
	case "frame":
		c.option()
		c.eat()
	case "newcommand", "renewcommand", "providecommand", "newcommandx", "DeclareMathOperator", "newrobustcmd", "def", "gdef", "edef", "newenvironment", "renewenvironment", "newtheorem", "renewtheorem", "newframedtheorem", "newshadedtheorem", "declaretheorem", "spnewtheorem":
		p.define(c, name)
	case "footnote", "footnotetext", "thanks":
		c.option()
		if from, to, ok := c.arg(); ok && name != "thanks" {
			text := p.words(c.source, from, to)
			p.noted++
			sign := "[" + strconv.Itoa(p.noted) + "]"
			if name == "footnote" {
				p.write(c, sign)
			}
			if text != "" && p.body {
				p.notes = append(p.notes, extract.Block{Kind: extract.Footnote, Text: sign + " " + text})
				if p.inline == 0 && p.text.Len() == 0 {
					p.text.WriteString(" ")
				}
			}
		}
	case "caption", "captionof":
		if name == "captionof" {
			c.arg()
		}
		c.option()
		if from, to, ok := c.arg(); ok {
			p.caption(c, start, from, to)
		}
	case "label":
		if key, ok := c.braced(); ok && p.current != "" {
			p.found[key] = p.current
		}
	case "ref", "pageref", "autoref", "cref", "Cref", "eqref", "vref", "nameref", "fref", "Fref":
		if keys, ok := c.braced(); ok {
			p.reference(c, name, keys)
		}
	case "cite", "citep", "citet", "citealp", "citealt", "citeauthor", "citeyear", "parencite", "textcite", "autocite", "footcite", "Cite", "citeyearpar", "fullcite", "supercite", "shortcite", "citenum":
		var opts []string
		for range 2 {
			if from, to, ok := c.option(); ok {
				if s := p.words(c.source, from, to); s != "" {
					opts = append(opts, s)
				}
			}
		}
		if keys, ok := c.braced(); ok {
			p.cite(c, keys, opts)
		}
	case "bibitem":
		p.flush()
		c.option()
		key, _ := c.braced()
		p.prefix = "[" + p.step("bibitem") + "] "
		p.found["cite:"+key] = strconv.Itoa(p.counts["bibitem"])
	case "bibliography", "printbibliography":
		names, _ := c.braced()
		if name == "printbibliography" {
			c.option()
		}
		base := strings.TrimSuffix(p.main, ".tex")
		if i := strings.LastIndexByte(base, '/'); i >= 0 {
			base = base[i+1:]
		}
		for _, n := range append([]string{base}, strings.Split(names, ",")...) {
			if _, src, ok := p.lookup(c.file, strings.TrimSpace(n), ".bbl"); ok && strings.Contains(src, "thebibliography") {
				p.input(c, n, ".bbl")
				break
			}
		}
	case "usepackage", "RequirePackage":
		c.option()
		if names, ok := c.braced(); ok {
			p.packages(c, names)
			c.option()
		}
	case "tikzstyle":
		c.arg()
		c.space()
		if c.at < c.end && c.text[c.at] == '=' {
			c.at++
			c.option()
		}
	case "input", "include", "subfile", "InputIfFileExists", "subimport", "import":
		dir := ""
		if name == "import" || name == "subimport" {
			dir, _ = c.braced()
		}
		file, ok := c.braced()
		if !ok { // \input file
			c.space()
			from := c.at
			for c.at < c.end && !strings.ContainsRune(" \t\n\\{}\x01", rune(c.text[c.at])) {
				c.at++
			}
			file = c.text[from:c.at]
		}
		p.input(c, dir+file, ".tex", "", ".tikz", ".ltx")
	case "lstinputlisting", "verbatiminput", "inputminted", "VerbatimInput":
		opts := c.optionText()
		lang := p.codeLang(opts)
		if name == "inputminted" {
			lang, _ = c.braced()
		}
		if file, ok := c.braced(); ok {
			got, src, ok := p.lookup(c.file, strings.TrimSpace(file), "", ".txt")
			if ok && p.body && p.files < maxFiles && p.afford(len(src)) {
				p.files++
				p.block(c, start, start, extract.Block{Kind: extract.Code, Lang: strings.ToLower(lang), Text: strings.Trim(src, "\n")})
				if n := len(p.w.Blocks); n > 0 {
					p.w.Blocks[n-1].File, p.w.Blocks[n-1].Lines = got, [2]int{1, strings.Count(strings.Trim(src, "\n"), "\n") + 1}
				}
			} else if !p.missing[file] {
				p.missing[file] = true
				p.w.Warn("%s shows %q, which is not in the archive", c.file, file)
			}
		}
	case "mintinline":
		c.option()
		c.arg()
		if s, ok := c.braced(); ok {
			p.write(c, s)
		}
	case "url", "nolinkurl", "path":
		if s, ok := c.braced(); ok {
			p.write(c, strings.ReplaceAll(s, `\_`, "_"))
		}
	case "glspl", "Glspl", "acp", "acp*":
		c.option()
		if s, ok := c.braced(); ok {
			p.write(c, s+"s")
		}
	case "enquote", "textquote":
		if from, to, ok := c.arg(); ok {
			p.write(c, "“")
			p.sub(c.source, from, to)
			p.write(c, "”")
		}
	case "SI", "qty", "SIrange":
		c.option()
		n, _ := c.braced()
		unit, _ := c.braced()
		p.write(c, n+" "+units(unit))
	case "si", "unit":
		c.option()
		unit, _ := c.braced()
		p.write(c, units(unit))
	case "num", "numprint":
		c.option()
		n, _ := c.braced()
		p.write(c, n)
	case "ensuremath":
		if s, ok := c.braced(); ok {
			p.write(c, "$"+p.math(s)+"$")
		}
	case "multicolumn":
		n, _ := c.braced()
		c.arg()
		if from, to, ok := c.arg(); ok {
			p.sub(c.source, from, to)
		}
		if v, err := strconv.Atoi(strings.TrimSpace(n)); err == nil && p.cells > 0 {
			for range min(v, 50) - 1 {
				p.write(c, "\x02")
			}
		}
	case "multirow":
		c.option()
		c.arg()
		c.option()
		c.arg()
		if from, to, ok := c.arg(); ok {
			p.sub(c.source, from, to)
		}
	case "tabularnewline", "cr":
		if p.cells > 0 {
			p.write(c, "\x03")
		}
	case "appendix":
		p.appendix = true
		first := "section"
		if p.chapters {
			first = "chapter"
		}
		p.reset(first, 0)
	case "iffalse":
		if end := strings.Index(c.text[c.at:c.end], `\fi`); end >= 0 {
			c.at += end + 3
		}
	case "lstset":
		if s, ok := c.braced(); ok {
			if m := language.FindStringSubmatch(s); m != nil {
				p.lang = strings.ToLower(m[1])
			}
		}
	case "let", "futurelet":
		for range 2 {
			c.space()
			if c.at < c.end && c.text[c.at] == '=' {
				c.at++
			}
			c.arg()
		}
	case "c", "v", "u", "H", "k", "r", "b", "d":
		p.accent(c, name)
	case "question", "bonusquestion":
		if !p.exam {
			return
		}
		c.option()
		p.flush()
		p.label("Question " + p.step("question") + ". ")
	case "part":
		c.option()
		p.flush()
		p.label("(" + string(rune('a'+min(p.counts["exampart"], 25))) + ") ")
		p.counts["exampart"]++
	case "endinput":
		c.at = c.end
	case "opt", "string", "noexpand", "protect", "expandafter", "relax", "leavevmode":
	default:
		p.other(c, name)
	}
}

// other reads a command that is the source's own, or one of which only the
// arguments matter.
func (p *parser) other(c *cursor, name string) {
	n, ok := dropped[name]
	if !ok && strings.HasSuffix(name, "index") && name != "index" { // a source's own \index
		n, ok = 1, p.macros[name].body == ""
	}
	if ok {
		switch {
		case n == -2:
			if m := length.FindString(c.text[c.at:min(c.end, c.at+80)]); m != "" {
				c.at += len(m)
			}
		case n >= 0:
			if n == 0 {
				c.eat()
			}
			for range n {
				c.option()
				c.arg()
			}
			if n > 0 {
				c.option()
			}
		}
		return
	}
	if m, ok := p.macros[name]; ok {
		if p.depth >= maxNest {
			return
		}
		body, n, ok := m.body, 0, true
		if m.args > 0 || m.optional {
			if body, n, ok = m.apply(c.clean(c.at, min(c.end, c.at+2_000))); !ok && c.end-c.at > 2_000 && p.afford(100_000) {
				body, n, ok = m.apply(c.clean(c.at, min(c.end, c.at+100_000)))
			}
		}
		if !ok {
			c.eat()
			return
		}
		// The length counted is without the signs of comments.
		for ; n > 0 && c.at < c.end; c.at++ {
			if c.text[c.at] == gone {
				loc := comments.FindStringIndex(c.text[c.at:c.end])
				c.at += loc[1] - 1
				continue
			}
			n--
		}
		if m.args == 0 {
			c.eat()
		}
		p.expand(c, body)
		return
	}
	if n, ok := kept[name]; ok {
		c.option()
		for range n {
			c.arg()
			c.option()
		}
		if from, to, ok := c.arg(); ok {
			p.sub(c.source, from, to)
		}
		if name == "texorpdfstring" {
			c.arg()
		}
		return
	}
	if strings.HasPrefix(c.text[c.at:c.end], "[") {
		c.option()
	}
	if !strings.HasPrefix(c.text[c.at:c.end], "{") {
		c.eat()
	}
}

// eat skips the blanks after a command.
func (c *cursor) eat() {
	for c.at < c.end && (c.text[c.at] == ' ' || c.text[c.at] == '\t') {
		c.at++
	}
	if strings.HasPrefix(c.text[c.at:c.end], "{}") {
		c.at += 2
	}
}

// units writes siunitx's names of units as they are printed.
func units(s string) string {
	s = unit.ReplaceAllStringFunc(s, func(name string) string {
		if sign, ok := signs[name[1:]]; ok {
			return sign
		}
		return name
	})
	s = strings.NewReplacer(`\per`, "/", `\`, "", "{", "", "}", "", "~", " ").Replace(s)
	return strings.TrimSpace(s)
}

var (
	unit  = regexp.MustCompile(`\\[a-zA-Z]+`)
	signs = map[string]string{
		"metre": "m", "meter": "m", "second": "s", "kilogram": "kg", "gram": "g", "ampere": "A", "kelvin": "K", "mole": "mol", "candela": "cd",
		"hertz": "Hz", "newton": "N", "pascal": "Pa", "joule": "J", "watt": "W", "coulomb": "C", "volt": "V", "farad": "F", "ohm": "Ω", "tesla": "T", "henry": "H", "siemens": "S",
		"minute": "min", "hour": "h", "day": "d", "litre": "l", "liter": "l", "tonne": "t", "degree": "°", "celsius": "°C", "degreeCelsius": "°C", "percent": "%", "electronvolt": "eV", "byte": "B", "bit": "bit", "decibel": "dB",
		"pico": "p", "nano": "n", "micro": "µ", "milli": "m", "centi": "c", "deci": "d", "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "peta": "P", "kibi": "Ki", "mebi": "Mi", "gibi": "Gi",
		"square": "²", "squared": "²", "cubed": "³",
	}
)

// heading reads \section and its kin.
func (p *parser) heading(c *cursor, name string, start int, starred bool) {
	c.option()
	from, to, ok := c.arg()
	if !ok {
		return
	}
	if !p.body {
		return
	}
	number := ""
	if !starred {
		number = p.step(name)
		p.current = number
	}
	if l := p.level(name); l > 3 || name == "paragraph" || name == "subparagraph" || name == "part" || p.beamer {
		number = ""
	}
	if p.inline == 0 {
		p.skip = ""
	}
	p.head(c, start, p.words(c.source, from, to), number, p.level(name))
	if p.inline == 0 && references.MatchString(strings.TrimSpace(c.clean(from, to))) {
		p.skip = "references"
	}
}

var references = regexp.MustCompile(`(?i)^(references|bibliography|literatur(verzeichnis)?|works cited|références|bibliograf[ií]a)$`)

// head adds a heading.
func (p *parser) head(c *cursor, start int, title, number string, level int) {
	title = strings.Join(strings.Fields(title), " ")
	if p.inline > 0 {
		p.write(c, "\n"+title+"\n")
		return
	}
	p.lastEnd = ""
	p.flush()
	p.prefix, p.next = "", extract.Block{}
	if title == "" || !p.body {
		return
	}
	text := title
	if number != "" {
		text = number + " " + title
	}
	p.block(c, start, start, extract.Block{Kind: extract.Heading, Level: level, Title: title, Text: text})
}

// titles keeps what \title and \author state.
func (p *parser) titles(c *cursor, name string, from, to int) {
	body := p.body
	p.body = true
	text := p.words(c.source, from, to)
	p.body = body
	if name == "title" {
		if text = strings.Join(strings.Fields(text), " "); text != "" {
			p.title = text
			p.w.Title = text
		}
		return
	}
	if len(p.w.Authors) > 40 {
		return
	}
	for _, a := range authors.Split(text, -1) {
		a, _, _ = strings.Cut(strings.TrimSpace(a), "\n")
		a = strings.Trim(mark.ReplaceAllString(a, ""), " ,;")
		if a != "" && len(a) < 80 && !slices.Contains(p.w.Authors, a) && !strings.Contains(a, "@") {
			p.w.Authors = append(p.w.Authors, a)
		}
	}
}

var (
	authors = regexp.MustCompile(` , |\band\b|, and `)
	mark    = regexp.MustCompile(`\[\d+\]|\$[^$]*\$`)
)

// heads adds the title where the source prints it.
func (p *parser) heads(c *cursor, start int) {
	if p.title != "" {
		p.head(c, start, p.title, "", 1)
	}
}

// label begins a block that opens with words of its own.
func (p *parser) label(s string) {
	p.flush()
	p.lastEnd = ""
	p.prefix = strings.TrimLeft(p.prefix+s, " ")
}

var counterNames = map[string]string{"figure": "Figure", "table": "Table", "algorithm": "Algorithm", "listing": "Listing"}

// caption adds the words under a figure or over a table.
func (p *parser) caption(c *cursor, start, from, to int) {
	text := strings.Join(strings.Fields(p.words(c.source, from, to)), " ")
	if text == "" || !p.body {
		return
	}
	kind := p.float
	if kind == "" {
		kind = "figure"
	}
	n := p.step(kind)
	p.current = n
	text = counterNames[kind] + " " + n + ": " + text
	if p.inline > 0 {
		p.write(c, "\n"+text+"\n")
		return
	}
	p.block(c, start, to, extract.Block{Kind: extract.Caption, Text: text})
}

// reference writes the number that a label stands for.
func (p *parser) reference(c *cursor, name, keys string) {
	var out []string
	for _, key := range strings.Split(keys, ",") {
		key = strings.TrimSpace(key)
		n, ok := p.labels[key]
		switch {
		case name == "pageref" || name == "vref" && !ok:
			n = "??"
		case !ok:
			n = key
		case name == "eqref":
			n = "(" + n + ")"
		}
		out = append(out, n)
	}
	p.write(c, strings.Join(out, ", "))
}

func (p *parser) cite(c *cursor, keys string, opts []string) {
	var out []string
	for _, key := range strings.Split(keys, ",") {
		key = strings.TrimSpace(key)
		if n, ok := p.labels["cite:"+key]; ok {
			key = n
		}
		if key != "" && key != "*" {
			out = append(out, key)
		}
	}
	if out != nil {
		p.write(c, "["+strings.Join(append(out, opts...), ", ")+"]")
	}
}

func (p *parser) codeLang(opts string) string {
	if m := language.FindStringSubmatch(opts); m != nil {
		return strings.ToLower(m[1])
	}
	return p.lang
}

// define keeps a macro, an environment or a theorem of the source's own.
func (p *parser) define(c *cursor, kind string) {
	star := c.text[c.at-1] == '*'
	switch kind {
	case "newtheorem", "renewtheorem", "newframedtheorem", "newshadedtheorem", "spnewtheorem", "declaretheorem":
		p.defineTheorem(c, kind, star)
		return
	case "def", "gdef", "edef":
		c.space()
		if c.at >= c.end || c.text[c.at] != '\\' {
			return
		}
		from, to, _ := c.arg()
		name := c.text[from+1 : to]
		open := c.at
		for open < min(c.end, c.at+200) && c.text[open] != '{' && c.text[open] != '\n' {
			open++
		}
		args := strings.Count(c.text[c.at:open], "#")
		simple := strings.Trim(c.text[c.at:open], "#123456789 ") == ""
		c.at = open
		if body, ok := c.braced(); ok && simple && name != "" {
			p.macros[name] = macro{args: args, body: body}
		}
		return
	}
	from, to, ok := c.arg()
	if !ok {
		return
	}
	name := strings.Trim(c.clean(from, to), `\{} `)
	m := macro{}
	if kind == "DeclareMathOperator" {
		body, _ := c.braced()
		m.body = `\operatorname{` + body + "}"
		if star {
			m.body = `\operatorname*{` + body + "}"
		}
		p.macros[name] = m
		return
	}
	if n := c.optionText(); n != "" {
		m.args, _ = strconv.Atoi(strings.TrimSpace(n))
		m.args = min(max(m.args, 0), 9)
		if from, to, ok := c.option(); ok {
			m.optional, m.first = true, c.clean(from, to)
		}
	}
	if from, to, ok = c.arg(); !ok {
		return
	}
	m.body = c.clean(from, to)
	if strings.HasSuffix(kind, "environment") {
		end, _ := c.braced()
		if name != "" {
			p.envs[name] = environment{m, end}
		}
		return
	}
	if name != "" && !strings.Contains(m.body, `\`+name+"{") {
		p.macros[name] = m
	}
}

func (p *parser) defineTheorem(c *cursor, kind string, star bool) {
	if kind == "declaretheorem" {
		opts := c.optionText()
		name, _ := c.braced()
		printed := strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
		if m := regexp.MustCompile(`(?:^|,)\s*(?:name|title)\s*=\s*\{?([^,}]*)`).FindStringSubmatch(opts); m != nil {
			printed = m[1]
		}
		p.theorems[name] = &theorem{printed, name}
		return
	}
	name, _ := c.braced()
	shared := strings.TrimSpace(c.optionText())
	from, to, ok := c.arg()
	if !ok || name == "" {
		return
	}
	body := p.body
	p.body = true
	t := &theorem{name: p.words(c.source, from, to), counter: name}
	p.body = body
	within := strings.TrimSpace(c.optionText())
	if kind == "spnewtheorem" {
		c.arg()
		c.arg()
	}
	switch {
	case star:
		t.counter = ""
	case shared != "":
		t.counter = shared
		if s := p.theorems[shared]; s != nil {
			t.counter = s.counter
		}
	case within != "":
		p.count(name, within)
	}
	p.theorems[name] = t
}
