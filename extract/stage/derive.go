package stage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"seedbed/extract"
	"seedbed/extract/llm"
)

// Derive asks a model, in one call a passage, for the pairs that the passage
// itself states and for pairs that its reasoning supports. The model first
// writes down the steps of the argument, each from an assumption to a
// conclusion, and then turns the steps worth knowing into questions: the way
// the seeds of Phi-4 were made (Abdin et al., 2024, arXiv:2412.08905).
//
// A pair that is not usable becomes a rejected seed with the reason; the
// others stay. What the passage says is data: the prompt says so, and no
// reply can do more than add seeds, which later stages check.
type Derive struct {
	MaxPairs int  `yaml:"max_pairs"` // at most so many pairs a passage, 0 is one for every 150 tokens
	Vary     bool `yaml:"vary"`      // spread types of question and readers over the document
	Hard     bool `yaml:"hard"`      // ask for questions that need several steps, for tests; vote finds out which are
	Passages int  `yaml:"passages"`  // asked about together, 2–5: with the passage, others that it refers to or that stand beside it
	Asking   `yaml:",inline"`

	Count int `yaml:"-"` // pairs that the whole document is to give at most, 0 is no limit
}

// Name is "derive".
func (*Derive) Name() string { return "derive" }

func (*Derive) prompts() []string { return []string{"derive"} }

func (d *Derive) check() error {
	if d.MaxPairs < 0 {
		return fmt.Errorf("max_pairs is %d and cannot be negative", d.MaxPairs)
	}
	if d.Passages < 0 || d.Passages > maxPassages {
		return fmt.Errorf("passages is %d and has to be from 1 to %d", d.Passages, maxPassages)
	}
	return d.Asking.check()
}

// tokensPerPair is how much text one pair is made of, at least.
const tokensPerPair = 150

// limit is how many pairs a passage may give.
func (d *Derive) limit(p extract.Passage) int {
	if d.MaxPairs > 0 {
		return d.MaxPairs
	}
	tokens := p.Tokens
	if tokens == 0 {
		tokens = len(p.Text) / 4
	}
	return max(1, (tokens+tokensPerPair/2)/tokensPerPair)
}

// share is how many of the count fall to the passage, by its place in the
// document: the shares of all passages add up to the count, and every section
// has its part.
func (d *Derive) share(p extract.Passage) int {
	if p.Doc == nil || len(p.Doc.Blocks) == 0 {
		return d.Count
	}
	total := p.Doc.Blocks[len(p.Doc.Blocks)-1].End
	until := func(at int) int { return int(int64(d.Count) * int64(min(at, total)) / int64(max(total, 1))) }
	return until(p.End) - until(p.Start)
}

// A derivation is the reply that is asked for. The steps are for the model's
// own use: pairs made from a chain that stands written down are better.
type derivation struct {
	Explicit []statedPair  `json:"explicit" jsonschema:"description=Question and answer pairs that the passage itself states as such. Usually empty."`
	Steps    []step        `json:"steps" jsonschema:"description=The steps of the passage's reasoning in order. Empty where it does not reason."`
	Pairs    []derivedPair `json:"pairs" jsonschema:"description=Question and answer pairs made from the steps and from what the passage states. May be empty."`
}

type step struct {
	Assumption  string   `json:"assumption" jsonschema:"description=What the step starts from."`
	Conclusion  string   `json:"conclusion" jsonschema:"description=What follows."`
	Description string   `json:"description" jsonschema:"description=Why it follows."`
	Quotes      []string `json:"quotes" jsonschema:"description=The words of the passage that state the step\\, copied exactly."`
}

type statedPair struct {
	Question string   `json:"question" jsonschema:"description=The question as the passage asks it\\, made to stand alone."`
	Answer   string   `json:"answer" jsonschema:"description=The answer as the passage gives it."`
	Type     seedType `json:"type"`
	Quotes   []string `json:"quotes" jsonschema:"description=The words of the passage that ask and answer\\, copied exactly."`
}

type derivedPair struct {
	Question    string   `json:"question" jsonschema:"description=Complete without the passage: names every object and every condition it needs."`
	Quotes      []string `json:"quotes" jsonschema:"description=One to three stretches of the passage that support the answer\\, copied exactly."`
	Reasoning   []string `json:"reasoning" jsonschema:"description=The steps from the question to the answer\\, one sentence each."`
	Answer      string   `json:"answer" jsonschema:"description=The complete answer in sentences that stand alone."`
	ShortAnswer string   `json:"short_answer" jsonschema:"description=The result in a few words\\, number or expression. Empty where the answer cannot be shortened."`
	Type        seedType `json:"type"`
	Difficulty  int      `json:"difficulty" jsonschema:"description=1 (recall) to 10 (needs an expert and several steps)."`
}

// A seedType is one of extract.SeedTypes.
type seedType string

// JSONSchema lists the types.
func (seedType) JSONSchema() *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string", Description: "What kind of question it is."}
	for _, t := range extract.SeedTypes {
		s.Enum = append(s.Enum, t)
	}
	return s
}

var derivationSchema = schemaOf(&derivation{})

// Do adds what the model makes of the passage. Where passage and companions
// are longer than the model takes it is asked about the passage alone, and
// where that is too long, about its halves.
func (d *Derive) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	if also := companions(p, d.Passages-1); len(also) > 0 {
		made, err := d.ask(ctx, p, also, seeds)
		if !llm.Overflow(err) {
			return append(seeds, made...), err
		}
	}
	var made []extract.Seed
	err := inParts(ctx, p, func(part extract.Passage) error {
		some, err := d.ask(ctx, part, nil, seedsOf(seeds, p, part))
		made = append(made, some...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range made {
		made[i].Passage = p.ID
	}
	return append(seeds, made...), nil
}

// seedsOf are the seeds that were made of a part of the passage.
func seedsOf(seeds []extract.Seed, p, part extract.Passage) []extract.Seed {
	if part.Start == p.Start && part.End == p.End {
		return seeds
	}
	var out []extract.Seed
	for _, s := range seeds {
		if slices.ContainsFunc(s.Evidence, func(e extract.Evidence) bool { return part.Start <= e.Start && e.Start < part.End }) {
			out = append(out, s)
		}
	}
	return out
}

// ask asks once. The seeds are those that are there.
func (d *Derive) ask(ctx context.Context, p extract.Passage, also []extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	limit := d.limit(p)
	if d.Count > 0 {
		if limit = min(limit, d.share(p)); limit == 0 {
			return nil, nil // other passages have what was asked for
		}
	}
	ask := promptOf(p)
	ask.Limit, ask.Hard, ask.Several, ask.Vary = limit, d.Hard, d.Passages > 1, d.Vary
	ask.Also = besides(also)
	if d.Vary {
		ask.Types, ask.Audience = plan(p)
	}
	for _, s := range seeds {
		if s.Live() && len(ask.Known) < 40 {
			ask.Known = append(ask.Known, clip(disarm(s.Question), 300))
		}
	}
	reply, err := d.complete(ctx, "derive", ask, 0)
	if err != nil {
		// One bad pair makes a reply malformed as a whole: the good ones in
		// it were paid for.
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Kind != llm.Malformed {
			return nil, err
		}
		reply = extract.Reply{Text: object(e.Raw), Usage: e.Usage}
	}
	made, wrong := d.read(reply.Text, limit)
	if err != nil && (wrong != nil || !slices.ContainsFunc(made, func(s extract.Seed) bool { return s.Live() })) {
		return nil, err
	}
	if wrong != nil {
		return nil, wrong
	}
	for i := range made {
		made[i].Passage = p.ID
		if len(also) > 0 {
			locate(&made[i], p, also)
		}
		made[i].Model = reply.Model
		made[i].Tokens = spread(reply.Usage, i, len(made))
	}
	return made, nil
}

// object is what stands between the first and the last brace of a reply that
// nobody has tidied up.
func object(s string) string {
	from, to := strings.Index(s, "{"), strings.LastIndex(s, "}")
	if from < 0 || to < from {
		return s
	}
	return s[from : to+1]
}

// spread is the i-th of n parts of what a call cost; the parts' sum is the
// whole.
func spread(u extract.Usage, i, n int) extract.Tokens {
	part := func(total int) int {
		if i < total%n {
			return total/n + 1
		}
		return total / n
	}
	return extract.Tokens{In: part(u.In), Out: part(u.Out)}
}

// read makes seeds of a reply: at most limit pairs, the stated ones first,
// and all that cannot be used, rejected.
func (d *Derive) read(text string, limit int) ([]extract.Seed, error) {
	// Pairs are decoded one by one: a bad one must not take the others along.
	var r struct {
		Explicit []json.RawMessage `json:"explicit"`
		Pairs    []json.RawMessage `json:"pairs"`
	}
	if err := decodeReply(text, &r); err != nil {
		return nil, err
	}
	if r.Pairs == nil && r.Explicit == nil {
		return nil, errors.New("the reply has neither a list of explicit nor of derived pairs")
	}
	var seeds []extract.Seed
	kept, rejected := 0, 0
	add := func(s extract.Seed, reason string) {
		if reason != "" {
			if rejected++; rejected <= limit {
				s.Record(extract.Check{Name: "derive", Verdict: extract.Fail, Reason: reason, Version: deriveVersion})
				seeds = append(seeds, s)
			}
			return
		}
		if kept < limit {
			kept++
			seeds = append(seeds, s)
		}
	}
	for _, raw := range r.Explicit {
		add(readPair(raw, extract.Explicit))
	}
	for _, raw := range r.Pairs {
		add(readPair(raw, extract.Derived))
	}
	return seeds, nil
}

// deriveVersion changes with the rules that pairs are held to.
const deriveVersion = "1"

// readPair makes a seed of one pair and says what is wrong with it, if
// anything is.
func readPair(raw json.RawMessage, origin string) (extract.Seed, string) {
	var p derivedPair
	if err := json.Unmarshal(raw, &p); err != nil {
		s := extract.Seed{Origin: origin, Question: p.Question, Answer: p.Answer}
		abridge(&s)
		return s, "it is not the pair that was asked for: " + err.Error()
	}
	s := extract.Seed{
		Question:    strings.TrimSpace(p.Question),
		Answer:      strings.TrimSpace(p.Answer),
		ShortAnswer: strings.TrimSpace(p.ShortAnswer),
		Origin:      origin,
		Type:        strings.ToLower(strings.TrimSpace(string(p.Type))),
		Difficulty:  extract.Difficulty{Estimated: p.Difficulty},
	}
	for _, r := range p.Reasoning {
		if r = strings.TrimSpace(r); r != "" {
			s.Reasoning = append(s.Reasoning, r)
		}
	}
	for _, q := range p.Quotes {
		if q = strings.TrimSpace(q); q != "" {
			s.Evidence = append(s.Evidence, extract.Evidence{Quote: q})
		}
	}
	switch {
	case abridge(&s):
		return s, "it is far too long"
	case s.Question == "":
		return s, "it has no question"
	case s.Answer == "":
		return s, "it has no answer"
	case !slices.Contains(extract.SeedTypes, s.Type):
		s.Type = ""
		return s, fmt.Sprintf("its type %q is none of %s", clip(string(p.Type), 40), strings.Join(extract.SeedTypes, ", "))
	case origin == extract.Derived && (p.Difficulty < 1 || p.Difficulty > 10):
		s.Difficulty.Estimated = 0
		return s, fmt.Sprintf("its difficulty is %d and has to be from 1 to 10", p.Difficulty)
	case len(s.Evidence) == 0:
		return s, "it quotes nothing"
	case strings.EqualFold(s.Question, s.Answer):
		return s, "its answer is the question"
	}
	return s, ""
}

// abridge cuts a seed that is far too long down to its beginning, and reports
// whether it was.
func abridge(s *extract.Seed) bool {
	quotes := 0
	for _, e := range s.Evidence {
		quotes += len(e.Quote)
	}
	whole := *s
	whole.Question, whole.Answer = cmp.Or(s.Question, "?"), cmp.Or(s.Answer, "?")
	if unfit(&whole) == "" && quotes <= maxAnswer && len(s.Evidence) <= mostQuotes {
		return false
	}
	s.Question, s.Answer, s.ShortAnswer = cutText(s.Question, 2000), cutText(s.Answer, 2000), cutText(s.ShortAnswer, 200)
	s.Reasoning, s.Evidence = nil, nil
	return true
}

// mostQuotes is how many quotes a pair may rest on.
const mostQuotes = 50
