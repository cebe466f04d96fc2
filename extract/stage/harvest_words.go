package stage

import (
	"strings"
	"unicode"

	"seedbed/extract"
)

// rating matches marks of difficulty and points, which are no part of a
// question: (★☆☆), [5 points], (*).
var rating = lazily(`(?i)\s*[(\[](?:[★☆*✩✭⭐]+|\d+\s*(?:points?|pts?|marks?)|easy|medium|hard|optional|advanced)[)\]]`)

// cleanQuestion takes off what is not the question's own words.
func cleanQuestion(s string) string {
	s = unquotes(strings.TrimSpace(s))
	if strings.ContainsAny(s, "([") {
		s = rating.ReplaceAllString(s, "")
	}
	s = strings.TrimSpace(unquote(withoutComments(withoutCredits(s))))
	s = unbroken(unbalanced(s))
	if strings.HasPrefix(s, "[") {
		s = bracketed.ReplaceAllString(s, "$1")
	}
	return strings.TrimSpace(s)
}

// credit matches a line that says who wrote an exercise.
var credit = lazily(`(?im)^(?:contributed|submitted|suggested|proposed)[\s\x{a0}]+by\b.{0,90}$`)

// withoutCredits takes the lines out that name authors.
func withoutCredits(s string) string {
	if !strings.Contains(s, "by") {
		return s
	}
	return strings.TrimSpace(credit.ReplaceAllString(s, ""))
}

// says reports whether a question has words outside of its formulas: the rest
// of an exercise whose task stands elsewhere has none.
func says(question string) bool {
	inside, n := false, 0
	for w := range strings.FieldsSeq(question) {
		dollars := strings.Count(w, "$") - strings.Count(w, "\\$")
		if !inside && dollars == 0 && wordy(w) && !strings.HasPrefix(w, "\\") {
			n++
		}
		if (dollars-2*strings.Count(w, "$$"))%2 != 0 || strings.Count(w, "$$")%2 != 0 {
			inside = !inside
		}
	}
	return n > 0 || strings.Count(question, "$") < 2
}

// withoutLinks takes off what an answer ends with where it has said all of it:
// a list of links under "Useful resources:", "Read more [here](…)".
func withoutLinks(s string) string {
	if !strings.Contains(s, "](") && !strings.Contains(s, "http") {
		return s
	}
	s = strings.TrimSpace(moreLinks.ReplaceAllString(s, ""))
	return strings.TrimSpace(readMore.ReplaceAllString(s, ""))
}

var (
	moreLinks = lazily(`(?i)(?:^|\n)[#*_ ]*(?:(?:useful|additional|other|further) )?(?:resources|references?|sources|links|further reading|see also|read more|learn more|more info(?:rmation)?)[*_ ]*:[*_ ]*\n(?:\s*(?:[-*+]|\d+\.)?[ \t]*(?:\[[^\]\n]+\]\([^)\n]*\)+|<?https?://\S+>?)[^\n]{0,40})+\s*$`)
	readMore  = lazily(`(?i)\n+\W*(?:(?:you can )?(?:read|learn|find|see|know) (?:more|out more)\b|(?:more|further) (?:info|information|details|reading)\b)[^\n]{0,80}\[[^\]\n]+\]\([^)\n]*\)[.)]*\s*$`)
)

// unbroken takes off what only sets the text: emphasis around the whole of it,
// breaks where a line ends anyway, names of equations.
func unbroken(s string) string {
	if inner, ok := strings.CutPrefix(s, "<b>"); ok && strings.Count(s, "<b>") == 1 {
		if inner, ok = strings.CutSuffix(strings.TrimSpace(inner), "</b>"); ok {
			s = strings.TrimSpace(inner)
		}
	}
	if strings.Contains(s, "<br") {
		s = strings.TrimSpace(lineBreak.ReplaceAllString(s, "\n"))
	}
	if strings.Contains(s, "$$ (") {
		s = equationName.ReplaceAllString(s, "$$$$")
	}
	return s
}

var (
	lineBreak    = lazily(`[ \t]*(?:<br ?/?>[ \t]*)+(?:\n|$)`)
	equationName = lazily(`(?m)^\$\$ \([\w:.-]+\)$`)
)

// bracketed matches the name of a problem before its words: "[Cayley] Let…".
var bracketed = lazily(`^\[[^\]\n$]{3,60}\]\s+(\p{Lu})`)

// withoutComments takes HTML comments out.
func withoutComments(s string) string {
	for {
		from := strings.Index(s, "<!--")
		if from < 0 {
			return s
		}
		to := strings.Index(s[from:], "-->")
		if to < 0 {
			return s
		}
		s = strings.TrimRight(s[:from], " \t") + s[from+to+3:]
	}
}

// cleanAnswer takes off quotation signs that run through the whole answer,
// and the way back to the top of the page.
func cleanAnswer(s string) string {
	s = unquotes(s)
	s = strings.TrimSpace(unbalanced(strings.TrimSpace(unquote(strings.TrimSpace(withoutComments(withoutCredits(s)))))))
	s = withoutLinks(unbroken(s))
	if before, last, ok := cutLast(s, "\n"); ok && backLink.MatchString(strings.TrimSpace(last)) {
		s = strings.TrimSpace(before)
	}
	return s
}

// markup turns the elements of exercise books in XML into Markdown. What it
// cannot turn into words (pictures, programs that draw the numbers) makes the
// text unusable: "".
func markup(s string) string {
	for _, tag := range []string{"<webwork", "<image", "<tabular", "<sidebyside", "<var ", "<xref"} {
		if strings.Contains(s, tag) {
			return ""
		}
	}
	s = xmlWords.Replace(s)
	s = htmlTag.ReplaceAllString(s, "")
	s = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line == "-" || line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

var xmlWords = strings.NewReplacer("<m>", "$", "</m>", "$", "<me>", "$$", "</me>", "$$", "<men>", "$$", "</men>", "$$", "<md>", "$$", "</md>", "$$",
	"<mrow>", "", "</mrow>", " \\\\", "<c>", "`", "</c>", "`", "<em>", "*", "</em>", "*", "<term>", "*", "</term>", "*",
	"<q>", "\"", "</q>", "\"", "<ndash/>", "–", "<mdash/>", "—", "<ellipsis/>", "…", "\\lt", "<", "\\gt", ">", "\\amp", "&")

// unbalanced takes off a sign of emphasis whose other half went with the
// label: "**Q: What is a tree?**".
func unbalanced(s string) string {
	for _, sign := range []string{"**", "__"} {
		first, rest, _ := strings.Cut(s, "\n")
		if strings.Count(first, sign)%2 == 1 {
			if before, ok := strings.CutSuffix(strings.TrimRight(first, " \t\r"), sign); ok {
				s = strings.TrimSpace(before + "\n" + rest)
			} else if !strings.HasPrefix(first, sign) && strings.Contains(first, "? "+sign) {
				s = strings.Replace(s, " "+sign, " ", 1)
			} else if i := strings.Index(first, sign); i > 0 && strings.Count(first, sign) == 1 {
				s = s[:i] + s[i+len(sign):]
			}
		}
	}
	return s
}

// unquotes takes the quotation signs and classes of a lesson in quotes off.
func unquotes(s string) string {
	if !strings.HasPrefix(s, ">") && !strings.Contains(s, "\n>") || !strings.Contains(s, "{:") {
		return s
	}
	s = strings.TrimSpace(attribute.ReplaceAllString(s, ""))
	for range 3 {
		next := strings.TrimSpace(unquote(s))
		if next == s {
			break
		}
		s = next
	}
	return s
}

// unquote takes ">" off where every line begins with it. The first line may
// have lost its sign with the label.
func unquote(s string) string {
	lines := strings.Split(s, "\n")
	if len(lines) < 2 && !strings.HasPrefix(s, ">") {
		return s
	}
	for i, line := range lines {
		if i > 0 && !strings.HasPrefix(strings.TrimSpace(line), ">") {
			return s
		}
	}
	for i, line := range lines {
		line = strings.TrimSpace(line)
		line = strings.TrimPrefix(line, ">")
		lines[i] = strings.TrimPrefix(line, " ")
	}
	return strings.Join(lines, "\n")
}

// dedent takes the indentation that all lines but the first share off them,
// at most width columns.
func dedent(s string, width int) string {
	if width == 0 || !strings.Contains(s, "\n ") && !strings.Contains(s, "\n\t") {
		return s
	}
	lines := strings.Split(s, "\n")
	indent := width
	for _, line := range lines[1:] {
		if strings.TrimSpace(line) == "" {
			continue
		}
		indent = min(indent, len(line)-len(strings.TrimLeft(line, " ")))
	}
	for i, line := range lines[1:] {
		lines[i+1] = line[min(indent, len(line)-len(strings.TrimLeft(line, " "))):]
	}
	return strings.Join(lines, "\n")
}

// pointers match answers that only point elsewhere or promise nothing.
var pointers = lazily(`(?i)^\W*(see\b|refer to|left (as|to|for)|n?needs (a )?solution|omitted|exercise\b|similar\b|obvious|trivial|immediate|clear\b|straightforward|todo|tbd|coming soon|n/a\b|same as|as above|to be (done|written|added)|not (yet )?(available|answered)|your (answer|code|solution) here|none)`)

// pointer reports whether an answer says nothing itself.
func pointer(s string) bool {
	return strings.Count(s, " ") < 12 && !strings.Contains(s, "\n") && pointers.MatchString(s) && !strings.EqualFold(strings.Trim(s, ". "), "none")
}

// unanswered reports whether what stands under a question is no answer: boxes
// to tick or lines to fill in, another question, or what somebody says in a
// story whose chapter is called by a question.
func unanswered(s string) bool {
	return boxes.MatchString(s) || asksBack.MatchString(s) || speech.MatchString(s)
}

var (
	boxes    = lazily(`[□☐❏❑❒✷] ?\S[^□☐❏❑❒✷]*[□☐❏❑❒✷]|(\. ?){8}`)
	asksBack = lazily(`^[^.?!。？！؟\n]+[?？؟]\s*$`)
	speech   = lazily(`^["“„«][^"”“»\n]+[,!?]["”“»] \p{Ll}`)
)

// plain is a line of Markdown without links, emphasis and signs; code spans
// stay.
func plain(s string) string {
	if strings.Contains(s, "[") {
		s = imageLink.ReplaceAllString(s, "")
		s = textLink.ReplaceAllString(s, "$1")
	}
	if strings.ContainsAny(s, "*_") {
		s = emphasis.ReplaceAllString(s, "$2$3$4$5")
	}
	return squeeze(s)
}

var (
	imageLink = lazily(`!\[[^\]]*\]\([^)]*\)`)
	textLink  = lazily(`\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])`)
	emphasis  = lazily(`(\*\*([^*]+)\*\*)|\b__([^_]+)__\b|\*([^*\s][^*]*)\*|\b_([^_]+)_\b`)
)

// typeOf guesses the type of a question from its words.
func typeOf(question, answer string) string {
	q := strings.ToLower(question)
	first, _, _ := strings.Cut(q, "\n")
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(q, w) {
				return true
			}
		}
		return false
	}
	begins := func(words ...string) bool {
		for _, w := range words {
			if strings.HasPrefix(first, w) {
				return true
			}
		}
		return false
	}
	code := strings.Contains(answer, "```") || strings.HasPrefix(answer, "    ")
	switch {
	case begins("prove", "show that", "disprove") || has(" prove that", " prove or disprove", ". show that"):
		return extract.Proof
	case has("difference between", "differ from", " versus ", " vs ", " vs. ", "compare ", "compared to", "compared with", "advantages of", "better than"):
		return extract.Comparison
	case has("what would happen", "what happens if", "what if ", "would have been"):
		return extract.Counterfactual
	case code && (begins("write", "implement", "create", "print", "make", "build", "define a f", "reverse", "find", "sort", "convert", "given", "how ") || codeShare(answer) > 0.6):
		return extract.CodeType
	case begins("how do", "how can", "how to", "how should", "where do i", "where can i"):
		return extract.Procedural
	case begins("how many", "how much", "compute", "calculate", "find", "solve", "evaluate", "determine", "simplify", "suppose", "let ", "consider", "given", "in how many"):
		return extract.Reasoning
	case begins("what is a", "what is an", "what are", "what is meant", "define", "what is the meaning", "what is the definition") || begins("what does") && has(" mean"):
		return extract.Definition
	case begins("why", "how does", "how is", "how are", "what does", "explain", "describe", "discuss"):
		return extract.Conceptual
	case begins("analyse", "analyze", "evaluate", "assess"):
		return extract.Analytical
	case begins("what", "who", "how ", "when", "where", "which", "is ", "are ", "does ", "do ", "can ", "has ", "will ", "should "):
		return extract.Factual
	}
	return extract.Reasoning
}

// codeShare is the share of an answer that stands in fences.
func codeShare(s string) float64 {
	inside, n := false, 0
	for line := range strings.Lines(s) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inside = !inside
			n += len(line)
		} else if inside {
			n += len(line)
		}
	}
	return float64(n) / float64(max(1, len(s)))
}

// questions reports whether a text ends with a question mark.
func questions(s string) bool {
	s = strings.TrimRight(s, " \t\r\n*_\"”")
	return strings.HasSuffix(s, "?") || strings.HasSuffix(s, "\uff1f") || strings.HasSuffix(s, "؟")
}

// squeeze makes one space of every run of white space.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// lowerFirst makes the first letter small, unless the word is a name, an
// abbreviation or a symbol.
func lowerFirst(s string) string {
	r := []rune(s)
	if len(r) < 2 || !unicode.IsUpper(r[0]) || !unicode.IsLower(r[1]) && r[1] != ' ' {
		return s
	}
	word, _, _ := strings.Cut(s, " ")
	if !lowerable[word] {
		return s
	}
	r[0] = unicode.ToLower(r[0])
	return string(r)
}

// lowerable are the words that open a sentence without being a name.
var lowerable = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("A An The Every Each All Any If There For Two Three No Some When Whenever In On Given Both Exactly At Suppose It Only Not Between Among With Its One Let Assume Adding Removing") {
		m[w] = true
	}
	return m
}()
