package stage

import "seedbed/extract"

// Faults are the ways in which a seed fails to stand alone, each told by the
// words that show it; "" where there is none. [Standalone] rejects a seed for
// the first of them; a scorecard counts each for itself.
type Faults struct {
	Reference string // the question leans on unseen text: "the passage", "figure 3"
	Pointer   string // the answer only points elsewhere: "see chapter 4"
	Leak      string // the answer that stands in the question
	Void      bool   // the question or the answer has no content
}

// FaultsOf judges the seed by the rules of [Standalone], whatever its verdict.
func FaultsOf(s *extract.Seed) Faults {
	question := scan(s.Question)
	return Faults{
		Reference: reference(s.Question, question),
		Pointer:   points(s.Answer),
		Leak:      leaked(s),
		Void:      !question.says() || isPlaceholder(s.Answer),
	}
}

// Normal is s with what typesetting changes set aside, as [Ground] compares
// quotes: ligatures and compatibility forms, white space, kinds of quotation
// marks and dashes, soft hyphens and hyphens at line ends.
func Normal(s string) string { return string(normalize(s).text) }
