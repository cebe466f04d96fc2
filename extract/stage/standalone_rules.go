package stage

import (
	"strconv"
	"strings"
)

// A phrase is one by which a text leans on another. Its items are words,
// alternatives joined by a bar, and these signs:
//
//	#     a number, also in brackets
//	$     the end, or punctuation
//	!a|b  neither a nor b comes next
//	@     last: the rule does not hold where the text brings along what it speaks of
//
// so that "the author !of" is broken by "Who is the author of Faust?".
type phrase struct {
	items []phraseItem
	weak  bool
}

type phraseItem struct {
	words  map[string]bool
	number bool
	end    bool
	not    map[string]bool
}

// rules by their first word.
type rules struct {
	byWord map[string][]phrase
	// Phrases of scripts without spaces.
	within []string
}

func makeRules(phrases string, within string) *rules {
	rs := &rules{byWord: map[string][]phrase{}, within: strings.Fields(within)}
	for l := range strings.Lines(phrases) {
		fields := strings.Fields(l)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "//") {
			continue
		}
		var r phrase
		for _, f := range fields {
			switch {
			case f == "#":
				r.items = append(r.items, phraseItem{number: true})
			case f == "$":
				r.items = append(r.items, phraseItem{end: true})
			case f == "@":
				r.weak = true
			case f[0] == '!':
				r.items = append(r.items, phraseItem{not: wordSet(f[1:])})
			default:
				r.items = append(r.items, phraseItem{words: wordSet(f)})
			}
		}
		for word := range r.items[0].words {
			rs.byWord[word] = append(rs.byWord[word], r)
		}
	}
	return rs
}

// wordSet is a set of words. A name in capitals stands for a list.
func wordSet(alternatives string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.SplitSeq(alternatives, "|") {
		if list, ok := lists[word]; ok {
			for _, w := range strings.Fields(list) {
				m[w] = true
			}
			continue
		}
		m[word] = true
	}
	return m
}

// match is the first phrase of the text that a rule is about.
func (t *scanned) match(rs *rules) string {
	for i, tok := range t.tokens {
		if tok.kind != aWord {
			continue
		}
		for _, r := range rs.byWord[tok.text] {
			if n := t.matches(i, r); n > 0 && (!r.weak || !t.brings(i+n-1)) {
				return t.words(i, i+n)
			}
		}
	}
	if len(rs.within) > 0 && strings.ContainsFunc(t.text, isIdeograph) {
		return t.matchWithin(rs.within)
	}
	return ""
}

// matches is how many tokens from i on the rule matches, 0 if it does not.
func (t *scanned) matches(i int, r phrase) int {
	at := i
	for _, it := range r.items {
		var next token
		if at < len(t.tokens) {
			next = t.tokens[at]
		}
		switch {
		case it.end:
			if at < len(t.tokens) && next.kind == aWord {
				return 0
			}
		case it.not != nil:
			if it.not[next.text] {
				return 0
			}
		case it.number:
			for skip := 0; skip < 2 && (next.text == "." || next.text == "(" || next.text == "（") && at+1 < len(t.tokens); skip++ {
				at++
				next = t.tokens[at]
			}
			if next.kind != aWord || !isNumber(next.text) || t.isLaw(i, at) {
				return 0
			}
			at++
		case next.kind != aWord || !it.words[next.text]:
			return 0
		default:
			at++
		}
	}
	return at - i
}

// isLaw reports whether the reference from i to its number at is one to a
// law, which everybody can look up: Section 230, Section 5 of the Copyright
// Act.
func (t *scanned) isLaw(i, at int) bool {
	if !strings.HasPrefix(t.tokens[i].text, "sec") {
		return false
	}
	if n, err := strconv.Atoi(t.tokens[at].text); err == nil && n >= 100 {
		return true
	}
	for _, tok := range t.tokens[at:] {
		switch tok.text {
		case "act", "code", "constitution", "amendment", "treaty", "statute", "law":
			return true
		}
	}
	return false
}

func (t *scanned) words(i, j int) string {
	var words []string
	for _, tok := range t.tokens[i:min(j, len(t.tokens))] {
		if tok.kind == aWord {
			words = append(words, tok.text)
		}
	}
	return strings.Join(words, " ")
}

// matchWithin looks for phrases in a text without spaces. A # stands for a
// number, and what must not stand before a phrase follows it after a !.
func (t *scanned) matchWithin(phrases []string) string {
	for _, p := range phrases {
		p, before, _ := strings.Cut(p, "!")
		p, after, numbered := strings.Cut(p, "#")
		for at := 0; ; {
			i := strings.Index(t.text[at:], p)
			if i < 0 {
				break
			}
			from, end := at+i, at+i+len(p)
			at = end
			if before != "" && strings.HasSuffix(t.text[:from], before) {
				continue
			}
			if numbered {
				number := strings.TrimLeft(t.text[end:], " (（")
				rest := strings.TrimLeft(number, "0123456789.-一二三四五六七八九十百")
				if number == rest || !strings.HasPrefix(rest, after) {
					continue
				}
				end = len(t.text) - len(rest) + len(after)
			}
			return t.text[from:end]
		}
	}
	return ""
}

//nolint:misspell // French has its own spelling
var lists = map[string]string{
	"WRITING": `passage text excerpt section chapter paragraph article paper document book lecture tutorial lesson manual guide
		thesis essay reading story poem page subsection appendix handout`,
	"NUMBERED": `figure figures fig figs table tables equation equations eq eqs eqn exercise exercises problem problems example examples
		listing listings chapter chapters section sections sec theorem lemma proposition corollary definition appendix page pages
		algorithm question diagram
		abbildung abb tabelle gleichung aufgabe kapitel abschnitt beispiel satz seite übung
		tableau équation exercice chapitre exemple théorème lemme
		figura tabla ecuación ejercicio capítulo sección ejemplo teorema página`,
	"SAYS": `say says said mention mentions mentioned describe describes described state states stated suggest suggests explain explains
		explained discuss discusses discussed claim claims argue argues define defines identify present presents propose proposes imply
		implies conclude concludes recommend recommends emphasize emphasizes highlight highlights list lists give gives above below`,
	"THINGS": `example examples code program function figure figures table tables diagram graph chart equation equations theorem lemma
		proof definition statement statements paragraph passage text list algorithm method data image picture problem exercise question
		procedure expression expressions sentence sentences formula listing snippet result results discussion information argument
		mentioned described`,
	"TOLD": `mentioned described discussed shown given listed defined stated introduced presented outlined explained provided noted
		derived proved depicted illustrated pictured`,
	// The second half of words such as text editor and page table.
	"COMPOUND": `editor box field fields file files mode node string strings color colour size area message messages format processing
		view input output style alignment layout direction cell block segment break number table fault title header heading editing
		encoding mining modulus processor processing classification generation data frame object type`,
	"TIME": "day days year years week weeks month months morning night evening afternoon century decade season spring summer autumn winter",
}

//nolint:misspell // German and Spanish have their own spelling
var questionRules = makeRules(`
	// What stands in front of the reader.
	this|these|our WRITING !COMPOUND|of @
	this|these figure|figures|diagram|diagrams|illustration|picture|listing|exercise|exercises|example|problem|theorem|equation|proof|snippet|code|program|plot @
	that passage|excerpt|chapter|paragraph @
	the passage|excerpt|snippet !of|to|through|between|from|into|COMPOUND @
	in|from|within|throughout|by the text|chapter|section|paragraph|reading|lecture|story !of|on|COMPOUND @
	according to the|this|our WRITING|author|authors|figure|table|diagram|graph|chart|context|material|code|speaker|narrator @
	based on the|this WRITING|information|context|data @
	does|did|do|is the text|document|article|paper|book|chapter|section|paragraph|story|lecture SAYS
	the text|document|article|paper|book|chapter|section|paragraph|story SAYS
	from|in the context !of|in|switch|manager|menu|COMPOUND
	in|on|by|from the figure|figures|diagram|illustration|picture|exercise !of
	in the|our example|examples $ @
	the figure|diagram|illustration|picture|graph|chart|plot|table shows|show|above|below|illustrates|depicts|shown
	in|of this|our study|work|experiment|survey $
	this|our study !of
	the|these author|authors|author's|narrator|narrator's !of|name|names|field|fields|tag|email|date|line|list|information|keyword|and

	// References by number.
	NUMBERED # !knot|knots|bankruptcy|bytes|kb
	line|lines # of|in the|this code|program|function|listing|snippet @
	appendix a|b|c|d|e
	by|from|using|in|derive|of|see|with eqs|eq|equation #

	// References by place.
	the above !average|ground|zero|sea|freezing|water|the
	above THINGS !of @
	as mentioned|discussed|noted|outlined|illustrated|seen !by|in|through|from|with
	as described|shown|stated|defined|explained|given|indicated|derived above|below|earlier|previously|before|here
	TOLD above|below !the|a|an|zero|sea|average|ground
	mentioned|described|discussed|defined|introduced|stated earlier|previously|before !than
	aforementioned
	abovementioned
	see|code|function|example|program|text|equation|expression|statement|definition above|below @
	the following !TIME @
	which of these|those @
	the given|provided data|graph|table|figure|text|passage|information|context|diagram|code|example|excerpt|snippet|sentence|program|scenario @
	the previous|preceding|last|next|earlier section|chapter|exercise|problem|question|theorem|paragraph|lecture|lesson|example|figure|equation|subsection !of
	previous|preceding exercise|problem|section|chapter|question|example
	we saw|discussed|derived|proved|introduced|covered
	have|had we|you seen|discussed|derived|proved|introduced|covered|read
	we|you have seen|discussed|derived|proved|introduced|covered|read
	you just read|saw|learned

	// German
	im|laut text|kapitel|abschnitt|artikel|absatz !des|der|von
	im obigen|vorherigen|vorigen|nächsten|folgenden
	in|aus diesem|dieser text|kapitel|abschnitt|artikel|beispiel|absatz|buch|abbildung|tabelle|aufgabe|studie|arbeit
	dieses|dieser kapitels|abschnitts|textes|artikels|kapitel|abschnitt|text|artikel|absatz @
	der|des|die|dem|den autor|autors|autoren|verfasser|verfassers|verfasserin|autorin !von|des|der|dieses
	wie|siehe oben|unten
	oben|zuvor|vorher genannt|genannte|genannten|erwähnt|erwähnte|erwähnten|beschrieben|beschriebene|beschriebenen|gezeigt|gezeigte
	obige|obigen|obiger|obiges
	der|die|das|den|dem|des folgende|folgenden|folgender|folgendes !tag|tage|tagen|jahr|jahre|jahren|woche @

	// French
	dans|selon|d'après le|ce|cette texte|chapitre|passage|article|paragraphe|document|section|extrait !de|du|des
	ce|cette texte|chapitre|passage|extrait|paragraphe|section @
	l'auteur !de|du|des|d'un|d'une
	dit|pense|affirme|écrit|montre l'auteur
	les auteurs !de|du|des
	ci dessus|dessous|après

	// Spanish
	en|según el|este|esta texto|capítulo|pasaje|artículo|párrafo|documento|sección !de|del
	este|esta texto|capítulo|pasaje|párrafo|sección|fragmento @
	el|los autor|autores !de|del
	mencionado|mencionada|descrito|descrita arriba|anteriormente|abajo
`, `本文 文中 上文 下文 本章 本节 本書 本节 作者!的 该作者 上述 如上 如图 如表 这段话 这段文字 该段 根据文章 根据短文 文章中
	图# 表# 式# 公式( 公式（ 第#章 习题# 例题# 练习#
	筆者 著者!の この章 この節 この文章 本節 上記 下記 前述 図# 練習問題#`)

var answerRules = makeRules(`
	see|refer|consult|cf|compare|recall NUMBERED #
	see|cf above|below|text|section|chapter|appendix|figure|table|page|solution|exercise|answer|previous|next|notes|book|p|pp|ch|back
	see the|your|our|also text|section|chapter|appendix|figure|figures|table|page|solution|exercise|answer|answers|previous|next|notes|book|discussion|proof|example|above|below|back|lecture|textbook
	refer|refers to the|your|our|section|chapter|appendix|figure|table|page|text|previous
	left to|for the|you reader|student|readers
	left as|for an|the exercise
	left to you
	exercise for the reader|student
	similar|analogous|identical|similarly|same to|as|as|in NUMBERED #
	similar|analogous|identical|same to|as in NUMBERED #
	similar|analogous|identical|same to|as the|that previous|preceding|last|above|one|exercise|problem|proof|of
	same as above|before
	as above|before $
	figure|figures|fig|table|diagram|listing # shows|show|illustrates|depicts|gives|lists|contains
	the figure|table|diagram above|below
	answers|solutions|answer|solution in|on|at the|page back|appendix|end
	answers may|will|can vary
	siehe oben|unten|text|abschnitt|kapitel|seite|abbildung|tabelle|aufgabe|lösung
	wie in|bei NUMBERED #
	voir ci|chapitre|section|page|figure|tableau|exercice|le|la
	véase|ver capítulo|sección|página|figura|tabla|el|la
	similar al|a ejercicio
`, `见第 参见 见图 见表 见上 同上 参照 を参照 上記の通り`)
