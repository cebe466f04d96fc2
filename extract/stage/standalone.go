package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"seedbed/extract"
)

// Standalone rejects seeds that cannot be understood away from their source:
// questions that lean on unseen text ("the passage", "Figure 3", "as mentioned
// above"), questions that give the answer away, answers that only point
// elsewhere ("See Chapter 4"), and questions or answers without content.
//
// A question may speak of "the following code" where it brings the code along.
// The rules are for English first and know the commonest words of German,
// French, Spanish, Chinese and Japanese; see standalone_rules.go.
type Standalone struct{}

// Name is "standalone".
func (*Standalone) Name() string { return "standalone" }

const standaloneVersion = "1"

// Do checks the live seeds.
func (*Standalone) Do(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	for i := range seeds {
		s := &seeds[i]
		if !s.Live() {
			continue
		}
		c := extract.Check{Name: "standalone", Verdict: extract.Pass, Score: 1, Version: standaloneVersion}
		if reason := reliance(s); reason != "" {
			c.Verdict, c.Score, c.Reason = extract.Fail, 0, reason
		}
		s.Record(c)
	}
	return seeds, ctx.Err()
}

// reliance is why the seed cannot stand alone, "" if it can.
func reliance(s *extract.Seed) string {
	question := scan(s.Question)
	if !question.says() {
		return "the question has no content"
	}
	if phrase := reference(s.Question, question); phrase != "" {
		return fmt.Sprintf("the question leans on unseen text: “%s”", phrase)
	}
	if isPlaceholder(s.Answer) {
		return "the answer has no content"
	}
	if phrase := points(s.Answer); phrase != "" {
		return fmt.Sprintf("the answer only points elsewhere: “%s”", phrase)
	}
	if leak := leaked(s); leak != "" {
		return fmt.Sprintf("the question gives the answer away: “%s”", short(leak))
	}
	return ""
}

// reference is what a question points to that its reader does not see, "" if
// nothing.
func reference(text string, question *scanned) string {
	if phrase := question.match(questionRules); phrase != "" {
		return phrase
	}
	if m := acronymed.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// acronymed matches what a book numbers by letters: "Theorem NMUS". In
// parentheses it only says where more is to be found.
var acronymed = lazily(`(?:^|[^(\s\x{a0}])[\s\x{a0}]*\b((?:Theorem|Lemma|Corollary|Proposition|Definition|Exercise|Example|Section|Archetype)[ \x{a0}]+[A-Z]{2,6}\d?)\b`)

// says reports whether a question is more than one word.
func (t *scanned) says() bool {
	words, ideographs := 0, 0
	for _, tok := range t.tokens {
		switch tok.kind {
		case aQuote:
			words += max(1, tok.words)
		case aWord:
			words++
			for _, r := range tok.text {
				if isIdeograph(r) {
					ideographs++
				}
			}
		}
	}
	return words > 1 || ideographs > 2
}

var placeholders = map[string]bool{
	"": true, "n/a": true, "na": true, "todo": true, "tbd": true, "tba": true, "xxx": true, "fixme": true, "answer": true, "solution": true,
	"no answer": true, "no solution": true, "no answer given": true, "not available": true, "not applicable": true, "coming soon": true,
	"omitted": true, "answer omitted": true, "solution omitted": true, "answers vary": true, "answers will vary": true, "lorem ipsum": true,
	"keine": true, "entfällt": true, "略": true, "省略": true, "解略": true, "证略": true, "null": true,
}

func isPlaceholder(answer string) bool {
	answer = strings.TrimSpace(answer)
	if len(answer) > 200 {
		answer = answer[:200] + "~"
	}
	trimmed := strings.ToLower(strings.TrimFunc(answer, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(".…-–—_*?!()[]<>{}\"'。、", r)
	}))
	if trimmed == "" { // an answer may be an operator, or a pair of brackets in code
		return !strings.ContainsFunc(answer, isOperator) && !strings.Contains(answer, "`")
	}
	return placeholders[trimmed] || strings.HasPrefix(trimmed, "lorem ipsum dolor")
}

// An answer longer than this says something itself, even where it points
// elsewhere.
const (
	pointerWords = 14
	pointerBytes = 40 * pointerWords
)

// points is the phrase by which an answer only points elsewhere.
func points(answer string) string {
	if len(answer) > pointerBytes {
		return ""
	}
	t := scan(answer)
	words := 0
	for _, tok := range t.tokens {
		switch tok.kind {
		case aQuote:
			return ""
		case aWord:
			words++
		}
	}
	if words > pointerWords {
		return ""
	}
	return t.match(answerRules)
}

// leaked is the answer that stands in the question.
func leaked(s *extract.Seed) string {
	if s.Type == extract.CodeType || strings.Contains(s.Question, "```") {
		return "" // code is asked about by naming it
	}
	var question *question
	for _, a := range []string{s.ShortAnswer, s.Answer} {
		if a == "" || len(a) > len(s.Question)+2 || strings.Contains(a, "`") || offered(s.Question, a) {
			continue
		}
		answer := read(a)
		if isTrivial(answer.terms) {
			continue
		}
		if question == nil {
			question = read(s.Question)
		}
		if at := within(question.terms, answer.terms); at >= 0 && !isChoice(question.terms, at, at+len(answer.terms)) {
			return a
		}
	}
	return ""
}

// offered reports whether an answer is one of the lettered choices that the
// question lists: "B) Paris".
func offered(question, answer string) bool {
	first, _, _ := strings.Cut(answer, "\n")
	if len(first) < 4 || first[0] < 'A' || first[0] > 'J' || first[1] != ')' && first[1] != '.' {
		return false
	}
	for line := range strings.Lines(question) {
		if strings.TrimSpace(line) == strings.TrimSpace(first) {
			return true
		}
	}
	return false
}

// isTrivial reports whether an answer may stand in its question by chance:
// yes and no, a short word, a number.
func isTrivial(answer []term) bool {
	if len(answer) > 1 {
		return false
	}
	return len(answer) == 0 || answer[0].mark || len([]rune(answer[0].text)) < 4 ||
		slices.Contains([]string{"true", "false", "none", "both", "neither", "nein", "never", "always", "right", "wrong", "wahr", "falsch", "vrai", "faux"}, answer[0].text)
}

// within is where the terms of an answer stand in those of a question.
func within(question, answer []term) int {
	for i := 0; i+len(answer) <= len(question); i++ {
		if slices.EqualFunc(question[i:i+len(answer)], answer, func(a, b term) bool { return a.text == b.text }) {
			return i
		}
	}
	return -1
}

// isChoice reports whether the question offers its terms from i to j to
// choose from: "is it A or B", "which of A and B".
func isChoice(q []term, i, j int) bool {
	joins := func(t term) bool {
		return slices.Contains([]string{"or", "and", "oder", "und", "ou", "et", "o", "y", "between", "zwischen", "vs", "versus"}, t.text)
	}
	if i > 0 && joins(q[i-1]) || j < len(q) && joins(q[j]) {
		return true
	}
	// The first of three: "A, B or C". Commas are no terms.
	return slices.ContainsFunc(q, func(t term) bool { return t.text == "or" || t.text == "oder" || t.text == "ou" })
}
