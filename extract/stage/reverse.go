package stage

import (
	"context"
	"fmt"
	"strings"

	"seedbed/extract"
)

// Reverse turns functions into the instructions that would produce them, the
// way Phi-4's seeds from code were made ("Phi-4 Technical Report", Abdin et
// al., 2024, arXiv:2412.08905, on instruction reversal). A model sees a
// documented or tested function and writes the instruction; another call sees
// the instruction alone and writes the code again.
//
// The instruction is kept where the code written from it is faithful: put in
// the place of the original, it passes the original's tests, which the
// original passes too and which fail where the function does nothing. Without
// such tests, or without a jail to run them in, a judge compares the two and
// says whether the instruction alone suffices; the check says which it was.
//
// The answer is the original's code, and the evidence is the original.
type Reverse struct {
	MaxFunctions int              `yaml:"max_functions"` // of a passage, at most
	Asking       `yaml:",inline"` // its sampling is that of the instruction and of the code

	Runner Runner `yaml:"-"`
}

// Name is "reverse".
func (*Reverse) Name() string { return "reverse" }

func (*Reverse) prompts() []string { return []string{"reverse", "reverse_write", "reverse_judge"} }

const reverseVersion = "1"

func (r *Reverse) check() error {
	if r.MaxFunctions < 1 || r.MaxFunctions > 50 {
		return fmt.Errorf("max_functions is %d and has to be from 1 to 50", r.MaxFunctions)
	}
	return r.Asking.check()
}

// A reversal is the instruction for a function.
type reversal struct {
	Instruction string `json:"instruction" jsonschema:"description=What to write\\, complete for somebody who sees nothing else. Empty where the code is not worth writing."`
	Difficulty  int    `json:"difficulty" jsonschema:"description=1 (a few obvious lines) to 10 (hard for an expert)."`
}

// A writing is code written from an instruction.
type writing struct {
	Code string `json:"code" jsonschema:"description=The whole source\\, with its imports. No fences."`
}

var (
	reversalSchema = schemaOf(&reversal{})
	writingSchema  = schemaOf(&writing{})
)

// A codeSheet is what the templates about code are filled with. As in a
// prompt, nothing in it is trusted.
type codeSheet struct {
	Title       string
	Lang        string // as people write it
	Name        string // what is to be declared
	Code        string
	Around      string // declarations the code works with
	Instruction string
	Written     string
}

var codeTag = lazily(`(?i)<(\s*/?\s*(?:code|around|instruction|written|passage)\s*)>`)

func guardCode(s string) string {
	return codeTag.ReplaceAllString(strings.Trim(cutText(s, 4*shown), "\n"), "‹$1›")
}

// Do adds an instruction for each function of the passage that is worth one,
// all at once.
func (r *Reverse) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	todo := r.functions(p)
	made := make([]extract.Seed, len(todo))
	err := together(ctx, len(todo), func(ctx context.Context, i int) (err error) {
		made[i], err = r.reverse(ctx, p, todo[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range made {
		if s.Question != "" {
			seeds = append(seeds, s)
		}
	}
	return seeds, nil
}

// functions are the blocks that begin in the passage and declare a function
// that somebody has documented or tested.
func (r *Reverse) functions(p extract.Passage) []int {
	var out []int
	for i := p.First; p.Doc != nil && i < p.Last && len(out) < r.MaxFunctions; i++ {
		b := p.Doc.Blocks[i]
		if b.Symbol == nil || b.Kind != extract.Code || b.Skip != "" || b.Start < p.Start || b.Start >= p.End {
			continue
		}
		if b.Symbol.Kind != "function" && b.Symbol.Kind != "method" || testFile(b.File) || lastName(b.Symbol.Name) == "main" {
			continue
		}
		if len(strings.Fields(b.Symbol.Doc)) < minDocWords && len(b.Symbol.Tests) == 0 {
			continue
		}
		if n := codeLines(b.Text); n >= minReversed && n <= maxCodeLines {
			out = append(out, i)
		}
	}
	return out
}

// minReversed is the least that is worth an instruction, in lines of code.
const minReversed = 3

// reverse makes the seed of one function. It has no question where the model
// gave none.
func (r *Reverse) reverse(ctx context.Context, p extract.Passage, block int) (extract.Seed, error) {
	b := p.Doc.Blocks[block]
	about := codeSheet{Title: oneLine(p.Doc.Title), Lang: language(b.Lang), Name: oneLine(b.Symbol.Name), Code: guardCode(b.Text), Around: guardCode(around(p.Doc, block))}
	said, err := ask[reversal](ctx, &r.Asking, "reverse", about, 0)
	if err != nil {
		return extract.Seed{}, err
	}
	s := extract.Seed{
		Question:   strings.TrimSpace(said.said.Instruction),
		Answer:     fence(b.Lang, withoutDoc(b)),
		Origin:     extract.Reversal,
		Type:       extract.CodeType,
		Difficulty: extract.Difficulty{Estimated: min(max(said.said.Difficulty, 0), 10)},
		Passage:    p.ID,
		Model:      said.model,
		Tokens:     said.tokens,
		Evidence: []extract.Evidence{{
			Quote: b.Text, File: b.File, Page: b.Page, Lines: b.Lines, Start: b.Start, End: b.End, Match: extract.MatchExact,
		}},
	}
	c := extract.Check{Name: "reverse", Verdict: extract.Fail, Version: reverseVersion}
	reason := ""
	switch {
	case said.why != "":
		s.Question, reason = "Write "+b.Symbol.Name+".", "no instruction was given: "+said.why
	case s.Question == "": // it is not worth one
		return s, nil
	default:
		reason = dependsOn(s.Question, b)
	}
	if reason != "" {
		c.Reason = reason
		s.Record(c)
		return s, nil
	}
	about.Instruction = guardCode(s.Question)
	written, err := ask[writing](ctx, &r.Asking, "reverse_write", codeSheet{Instruction: about.Instruction}, 0)
	if err != nil {
		return s, err
	}
	pay(&s, written.tokens)
	about.Written = guardCode(unfenced(written.said.Code))
	if written.why != "" || strings.TrimSpace(written.said.Code) == "" {
		c.Verdict, c.Reason = extract.Uncertain, "no code was written from the instruction: "+written.why
		s.Record(c)
		return s, nil
	}
	t := trial{runner: r.Runner, doc: p.Doc, block: block}
	tested, why, err := t.holds(ctx, unfenced(written.said.Code))
	if err != nil {
		return s, err
	}
	if why == "" {
		tested.Name, tested.Version = c.Name, reverseVersion+" ("+tested.Execution.Interpreter+")"
		s.Record(tested)
		return s, nil
	}
	ruled, err := ask[ruling](ctx, &r.Asking, "reverse_judge", about, judged)
	if err != nil {
		return s, err
	}
	pay(&s, ruled.tokens)
	s.Record(r.ruled(ruled, why))
	return s, nil
}

// ruled is the check of a judge who was asked because of why.
func (r *Reverse) ruled(a asked[ruling], why string) extract.Check {
	c := extract.Check{Name: "reverse", Version: reverseVersion}
	switch said := clip(a.said.Reason, 300); {
	case a.why != "":
		c.Verdict, c.Score, c.Reason = extract.Uncertain, 0.5, "the judge said nothing that can be used: "+a.why
	case a.said.Verdict == judgedTrue:
		c.Verdict, c.Score, c.Reason = extract.Pass, 1, "a judge says that the instruction alone suffices: "+said
	case a.said.Verdict == judgedFalse:
		c.Verdict, c.Reason = extract.Fail, "a judge says that the instruction alone does not lead to this code: "+said
	default:
		c.Verdict, c.Score, c.Reason = extract.Uncertain, 0.5, "a judge cannot tell whether the instruction suffices: "+said
	}
	c.Reason += " (" + why + ")"
	return c
}

var (
	fileName   = lazily(`\b[\w/-]+\.(?:go|py|js|mjs|ts|rs|java|cpp|cc|c|h|hpp|cs|rb|php)\b`)
	leaningOut = lazily(`(?i)\b(?:the|this|that) (?:above |below |given |following |provided |original |existing )?(?:function|method|code|snippet|implementation|source|file|repository)(?:'s)? (?:above|below|shown|given|provided|in the (?:file|repository|source|passage))|\b(?:above|provided|original) (?:function|method|code|snippet|implementation)\b|\bas (?:shown|given|seen) (?:above|below|in the)\b|\bthe (?:passage|document|repository|source file)\b`)
)

// dependsOn is why an instruction does not stand alone, or gives the code away,
// "" where it does neither.
func dependsOn(instruction string, b extract.Block) string {
	if m := fileName.FindString(instruction); m != "" && b.File != "" && strings.HasSuffix(b.File, m) {
		return fmt.Sprintf("the instruction names a file: “%s”", m)
	}
	if m := leaningOut.FindString(instruction); m != "" {
		return fmt.Sprintf("the instruction leans on unseen code: “%s”", m)
	}
	// An instruction may give a signature and examples, not the body.
	copied, lines := 0, 0
	for line := range strings.Lines(withoutDoc(b)) {
		if line = strings.TrimSpace(line); len(line) < 12 || strings.Contains(b.Symbol.Signature, line) || strings.Contains(line, b.Symbol.Signature) && b.Symbol.Signature != "" {
			continue
		}
		if lines++; strings.Contains(instruction, line) {
			copied++
		}
	}
	if lines >= 2 && 2*copied > lines {
		return "the instruction gives the code away"
	}
	return ""
}

// around are the types that a method belongs to, which code from an
// instruction can only fit if the instruction tells of them.
func around(doc *extract.Document, block int) string {
	b := doc.Blocks[block]
	owner, _, ok := cutLast(b.Symbol.Name, ".")
	if !ok {
		return ""
	}
	for _, t := range doc.Blocks {
		if t.Symbol != nil && t.Symbol.Name == owner && t.File == b.File && strings.Count(t.Text, "\n") < 40 && t.Start != b.Start {
			return t.Text
		}
	}
	return ""
}

// withoutDoc is a declaration without the comment before it.
func withoutDoc(b extract.Block) string {
	o := outline{doc: &extract.Document{Text: b.Text, Blocks: []extract.Block{b}}, text: b.Text, starts: []int{0}}
	s := o.withoutComment(0)
	if s.start >= s.end {
		return b.Text
	}
	return reindent(strings.TrimRight(b.Text[s.start:s.end], "\n"), "")
}

var codeFence = lazily("(?s)^\\s*```[\\w+#-]*\\n(.*?)\\n?```\\s*$")

// unfenced is code without the fence that a model may put around it.
func unfenced(s string) string {
	if m := codeFence.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return s
}
