package stage

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"seedbed/extract"
)

// Rewrite makes further seeds of each seed, in other forms: an exercise with
// a case of its own, a dialogue between a student and a tutor, a multiple
// choice question. Much of Phi-4's synthetic data was such rewriting of seeds
// ("Phi-4 Technical Report", Abdin et al., 2024, arXiv:2412.08905, on rewrite
// and augment).
//
// What is made has the origin rewrite, the seed as its Parent, its evidence,
// and the form as a tag. No check has seen it: a recipe puts rewrite before
// the stages that are to judge its seeds, too. Seeds that were rewritten are
// not rewritten again. Of a form that the model does not give in a usable
// shape there is no seed, and the parent's check, skipped, says why.
type Rewrite struct {
	Forms  []string `yaml:"forms"` // of exercise, dialogue and choice; none is all
	Asking `yaml:",inline"`
}

// Name is "rewrite".
func (*Rewrite) Name() string { return "rewrite" }

func (r *Rewrite) prompts() []string {
	var names []string
	for _, f := range r.forms() {
		names = append(names, "rewrite_"+f)
	}
	return names
}

// forms are those asked for.
func (r *Rewrite) forms() []string {
	if len(r.Forms) == 0 {
		return allForms
	}
	return r.Forms
}

func (r *Rewrite) check() error {
	for i, f := range r.Forms {
		if !slices.Contains(allForms, f) {
			return fmt.Errorf("there is no form %q%s; there are %s", f, nearest(f, allForms), strings.Join(allForms, ", "))
		}
		if slices.Contains(r.Forms[:i], f) {
			return fmt.Errorf("the form %s is named twice", f)
		}
	}
	return r.Asking.check()
}

const rewriteVersion = "1"

// Forms of a rewritten seed.
const (
	formExercise = "exercise"
	formDialogue = "dialogue"
	formChoice   = "choice"
)

var allForms = []string{formExercise, formDialogue, formChoice}

// Do rewrites the live seeds, all at once. What is made of a seed stands
// behind it.
func (r *Rewrite) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	forms := r.forms()
	todo := slices.DeleteFunc(live(seeds), func(i int) bool { return seeds[i].Origin == extract.Rewrite })
	made := make([]rewritten, len(todo)*len(forms))
	err := together(ctx, len(made), func(ctx context.Context, n int) (err error) {
		made[n], err = r.rewrite(ctx, p, &seeds[todo[n/len(forms)]], forms[n%len(forms)])
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []extract.Seed
	for i := range seeds {
		s := seeds[i]
		n := slices.Index(todo, i)
		if n < 0 {
			out = append(out, s)
			continue
		}
		var children []extract.Seed
		var missing []string
		for f, m := range made[n*len(forms) : (n+1)*len(forms)] {
			if m.why != "" {
				missing = append(missing, "no "+forms[f]+": "+m.why)
				pay(&s, m.tokens)
				continue
			}
			child := descend(&s, m.seed)
			child.Tokens = m.tokens
			children = append(children, *child)
		}
		if missing != nil {
			s.Record(extract.Check{Name: "rewrite", Verdict: extract.Skipped, Reason: clip(strings.Join(missing, "; "), 600), Version: rewriteVersion})
		}
		out = append(append(out, s), children...)
	}
	return out, nil
}

// A rewritten is a seed in another form, or why there is none.
type rewritten struct {
	seed   extract.Seed
	why    string
	tokens extract.Tokens
}

func (r *Rewrite) rewrite(ctx context.Context, p extract.Passage, s *extract.Seed, form string) (rewritten, error) {
	switch form {
	case formExercise:
		return rewriteAs(ctx, r, p, s, form, exercise.seed)
	case formDialogue:
		return rewriteAs(ctx, r, p, s, form, dialogue.seed)
	default:
		return rewriteAs(ctx, r, p, s, form, multipleChoice.seed)
	}
}

// rewriteAs asks for a form and makes a seed of the reply.
func rewriteAs[T any](ctx context.Context, r *Rewrite, p extract.Passage, s *extract.Seed, form string, seed func(T) (extract.Seed, string)) (rewritten, error) {
	a, err := askBeside[T](ctx, &r.Asking, "rewrite_"+form, p, s, func(p extract.Passage) sheet { return aboutSeed(s, p) }, 0)
	if err != nil {
		return rewritten{}, err
	}
	out := rewritten{why: a.why, tokens: a.tokens}
	if out.why != "" {
		return out, nil
	}
	out.seed, out.why = seed(a.said)
	if out.why == "" {
		out.why = unfit(&out.seed)
	}
	if out.why == "" && out.seed.Question == s.Question {
		out.why = "it asks the same again"
	}
	out.seed.Origin, out.seed.Model = extract.Rewrite, a.model
	return out, nil
}

// An exercise applies what a seed asks about to a case of its own.
type exercise struct {
	Question    string   `json:"question" jsonschema:"description=The exercise\\, with everything that is given."`
	Reasoning   []string `json:"reasoning" jsonschema:"description=The solution\\, step by step."`
	Answer      string   `json:"answer" jsonschema:"description=The complete solution in sentences."`
	ShortAnswer string   `json:"short_answer" jsonschema:"description=The bare result. Empty where there is none."`
}

var exerciseSchema = schemaOf(&exercise{})

func (e exercise) seed() (extract.Seed, string) {
	s := extract.Seed{
		Question: strings.TrimSpace(e.Question), Answer: strings.TrimSpace(e.Answer), ShortAnswer: strings.TrimSpace(e.ShortAnswer),
		Reasoning: trimmed(e.Reasoning), Tags: []string{formExercise},
	}
	return s, ""
}

// A dialogue is what a student and a tutor say in turn.
type dialogue struct {
	Turns []spoken `json:"turns" jsonschema:"description=Four to ten turns. The student begins and the tutor has the last word."`
}

type spoken struct {
	Speaker string `json:"speaker" jsonschema:"enum=student,enum=tutor"`
	Text    string `json:"text"`
}

var dialogueSchema = schemaOf(&dialogue{})

// seed has the tutor's last word for its answer and all before for its
// question.
func (d dialogue) seed() (extract.Seed, string) {
	if n := len(d.Turns); n < 4 || n > 12 || n%2 != 0 {
		return extract.Seed{}, fmt.Sprintf("a dialogue of %d turns", n)
	}
	var w strings.Builder
	for i, t := range d.Turns {
		text := strings.TrimSpace(t.Text)
		if text == "" || t.Speaker != []string{"student", "tutor"}[i%2] {
			return extract.Seed{}, fmt.Sprintf("its turn %d is out of turn", i+1)
		}
		if i == len(d.Turns)-1 {
			return extract.Seed{Question: strings.TrimSpace(w.String()), Answer: text, Tags: []string{formDialogue}}, ""
		}
		fmt.Fprintf(&w, "%s: %s\n\n", []string{"Student", "Tutor"}[i%2], text)
	}
	return extract.Seed{}, "a dialogue without turns"
}

// A multipleChoice is a question with answers to choose from.
type multipleChoice struct {
	Question string   `json:"question" jsonschema:"description=The question\\, without the options."`
	Correct  string   `json:"correct" jsonschema:"description=The right option\\, without a letter."`
	Wrong    []string `json:"wrong" jsonschema:"description=Three wrong options\\, each the result of a likely mistake\\, without letters."`
	Why      string   `json:"why" jsonschema:"description=Why the right option is right\\, and what is wrong with the others."`
}

var choiceSchema = schemaOf(&multipleChoice{})

// seed puts the right option among the wrong ones, at a place that the
// question decides, so that no letter is right more often than others.
func (c multipleChoice) seed() (extract.Seed, string) {
	question, correct, why := strings.TrimSpace(c.Question), squeeze(c.Correct), strings.TrimSpace(c.Why)
	options := trimmed(c.Wrong)
	for i := range options {
		options[i] = squeeze(options[i])
	}
	switch {
	case question == "" || correct == "" || why == "":
		return extract.Seed{}, "its question, right option or reason is empty"
	case len(options) < 2 || len(options) > 5:
		return extract.Seed{}, fmt.Sprintf("it has %d wrong options", len(options))
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(question + correct))
	at := int(h.Sum32() % uint32(len(options)+1))
	options = slices.Insert(options, at, correct)
	var w strings.Builder
	w.WriteString(question)
	w.WriteString("\n")
	for i, o := range options {
		for _, other := range options[:i] {
			if same, sure := compare(o, other); same && sure {
				return extract.Seed{}, "two of its options are the same: " + clip(o, 60)
			}
		}
		fmt.Fprintf(&w, "\n%c) %s", 'A'+i, o)
	}
	letter := string(rune('A' + at))
	return extract.Seed{
		Question: w.String(), Answer: letter + ") " + correct + "\n\n" + why, ShortAnswer: letter,
		Tags: []string{"multiple choice"},
	}, ""
}

// trimmed are the texts that say something.
func trimmed(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
