package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Where a seed comes from.
const (
	Explicit = "explicit" // the text itself states question and answer
	Derived  = "derived"  // a model found it in the text's reasoning
	Reversal = "reversal" // the instruction that would produce given code
	Rewrite  = "rewrite"  // made from another seed
	Manual   = "manual"   // a person wrote it
)

// Types of question. [SeedTypes] lists them all.
const (
	Factual        = "factual"
	Definition     = "definition"
	Conceptual     = "conceptual"
	Reasoning      = "reasoning"
	Procedural     = "procedural"
	Comparison     = "comparison"
	Counterfactual = "counterfactual"
	Analytical     = "analytical"
	CodeType       = "code"
	Proof          = "proof"
)

// SeedTypes are the types of question, in the order they are shown.
var SeedTypes = []string{
	Factual, Definition, Conceptual, Reasoning, Procedural,
	Comparison, Counterfactual, Analytical, CodeType, Proof,
}

// What was decided of a seed. A check that fails rejects a seed at once, with
// the check's name and reason; everything else starts as a draft.
const (
	Draft    = "draft"
	Accepted = "accepted"
	Rejected = "rejected"
)

// A Seed is a question, its answer, the steps between them, and the evidence
// that supports it. Its JSON form is the record of the API and of exports.
type Seed struct {
	ID            string     `json:"id"`
	Question      string     `json:"question"`
	Answer        string     `json:"answer"`
	ShortAnswer   string     `json:"short_answer"`
	Reasoning     []string   `json:"reasoning"`
	Origin        string     `json:"origin"`
	Type          string     `json:"type"`
	Language      string     `json:"language"`
	Difficulty    Difficulty `json:"difficulty"`
	Evidence      []Evidence `json:"evidence"`
	Source        SourceRef  `json:"source"`
	Passage       string     `json:"passage"`
	Checks        []Check    `json:"checks"`
	DuplicateOf   *string    `json:"duplicate_of"`
	Verdict       string     `json:"verdict"`
	VerdictReason string     `json:"verdict_reason"`
	Tags          []string   `json:"tags"`
	Run           string     `json:"run"`
	Recipe        string     `json:"recipe"` // name@hash
	Model         string     `json:"model"`
	Parent        *string    `json:"parent"`
	Tokens        Tokens     `json:"tokens"`
	Created       time.Time  `json:"created"`
}

// WasDuplicate reports whether it was found to ask what another seed asked,
// which may have been deleted since.
func (s *Seed) WasDuplicate() bool {
	return s.DuplicateOf != nil || slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Name == "dedupe" && c.Verdict == Fail })
}

// Group is the id of the seed that stands for all that ask the same: the one
// that this is a duplicate of, or this one.
func (s *Seed) Group() string {
	if s.DuplicateOf != nil {
		return *s.DuplicateOf
	}
	return s.ID
}

// Difficulty says how hard a question is, as a model guessed and as
// independent answers showed. Zero values mean "not measured".
type Difficulty struct {
	Estimated  int     `json:"estimated"` // 1–10
	Votes      []int   `json:"votes"`     // sizes of the groups of equal answers, largest first
	Agreement  float64 `json:"agreement"` // share of the largest group
	ClosedBook bool    `json:"closed_book"`
}

// Evidence is a verbatim quote and where it stands.
type Evidence struct {
	Quote string `json:"quote"`
	File  string `json:"file"`
	Page  int    `json:"page"`
	Lines [2]int `json:"lines"` // first and last line in the file, 0 when not known
	Start int    `json:"start"` // offsets in the document's text, in code points
	End   int    `json:"end"`
	Match string `json:"match"` // exact, normalized or repaired; "" until ground has seen it
}

// How a quote was found.
const (
	MatchExact      = "exact"
	MatchNormalized = "normalized"
	MatchRepaired   = "repaired"
)

// SourceRef names the source of a seed.
type SourceRef struct {
	ID      string   `json:"id"`
	SHA256  string   `json:"sha256"`
	Title   string   `json:"title"`
	Kind    string   `json:"kind"`
	Section []string `json:"section"`
	License string   `json:"license"`
}

// Verdicts of a check.
const (
	Pass      = "pass"
	Fail      = "fail"
	Uncertain = "uncertain"
	Skipped   = "skipped"
)

// A Check is what one stage found out about a seed.
type Check struct {
	Name    string  `json:"name"`
	Verdict string  `json:"verdict"`
	Score   float64 `json:"score"` // 0–1
	Reason  string  `json:"reason"`
	Version string  `json:"version"`

	Execution *Execution `json:"execution,omitempty"` // what was run to find out
}

// An Execution is what a check ran and what came of it.
type Execution struct {
	Interpreter string `json:"interpreter"`    // with its version: "Python 3.11.2"
	Code        string `json:"code,omitempty"` // what was run, where it is not the seed's answer
	Test        string `json:"test,omitempty"` // the tests that it was held to
	Output      string `json:"output"`         // the first and the last of what was printed
}

// Tokens counts what a seed cost.
type Tokens struct {
	In  int `json:"in"`
	Out int `json:"out"`
}

// Cost is what the tokens cost at these prices of a million.
func (t Tokens) Cost(in, out float64) float64 {
	return (float64(t.In)*in + float64(t.Out)*out) / 1e6
}

// Record stores the check, in place of an earlier one of the same name. A
// failed check rejects the seed.
func (s *Seed) Record(c Check) {
	if c.Verdict == Fail && s.Verdict != Rejected {
		s.Verdict = Rejected
		s.VerdictReason = c.Name + ": " + c.Reason
	}
	for i := range s.Checks {
		if s.Checks[i].Name == c.Name {
			s.Checks[i] = c
			return
		}
	}
	s.Checks = append(s.Checks, c)
}

// Live reports whether later stages should still look at the seed.
func (s *Seed) Live() bool { return s.Verdict != Rejected }

// SeedID is a hash of what makes a seed itself: 24 hexadecimal digits.
// The same run finding the same pair in the same passage finds the same ID.
func SeedID(run, passage, question, answer string) string {
	h := sha256.New()
	for _, s := range []string{run, passage, question, answer} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
