package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	"golang.org/x/sync/errgroup"

	"seedbed/extract"
	"seedbed/extract/llm"
)

// A sheet is what the templates about one seed are filled with. As in a
// prompt, nothing in it is trusted and everything is disarmed.
type sheet struct {
	Title   string
	Path    string
	Passage string

	Question  string
	Key       string   // the seed's own answer
	Reasoning []string // the seed's own
	Answer    string   // the one to judge
	Answers   []string // those to sort
	Quotes    []string
	Type      string
	Faults    []string
}

// sheetOf is a sheet about a seed, without the passage.
func sheetOf(s *extract.Seed) sheet {
	out := sheet{Question: guard(s.Question), Key: guard(keyOf(s)), Type: s.Type}
	for _, r := range s.Reasoning {
		out.Reasoning = append(out.Reasoning, guard(squeeze(r)))
	}
	return out
}

// with adds the passage, and what else the seed rests on.
func (s sheet) with(p extract.Passage, about *extract.Seed) sheet {
	p.Text = withEvidence(p, about)
	of := promptOf(p)
	s.Title, s.Path, s.Passage = of.Title, of.Path, of.Passage
	return s
}

// keyOf is a seed's answer with its short form, where that says more.
func keyOf(s *extract.Seed) string {
	if s.ShortAnswer == "" || strings.Contains(s.Answer, s.ShortAnswer) {
		return s.Answer
	}
	return s.Answer + "\n(In short: " + s.ShortAnswer + ")"
}

// shown is as much of an answer or a question as a judge is shown. Nobody
// needs more to see whether two answers mean the same.
const shown = 8000

var sheetTag = lazily(`(?i)<(\s*/?\s*(?:passage|question|key|answers?|reasoning|quotes?|faults?)\s*)>`)

// guard shortens a text and keeps it from closing any of the sheet's tags.
func guard(s string) string {
	return sheetTag.ReplaceAllString(strings.TrimSpace(cutText(s, shown)), "‹$1›")
}

// cutText is s, cut to about n bytes.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + " […]"
}

// asked is what a model said about a seed: a value read from its reply, or
// why there is none. A model that refuses, breaks off or answers something
// else says nothing about the seed, and would not the next time. All other
// errors are the server's and are left to whoever runs the stage.
type asked[T any] struct {
	said     T
	why      string // there is no answer
	overflow bool   // because it was longer than the model takes
	tokens   extract.Tokens
	model    string
}

func ask[T any](ctx context.Context, a *Asking, prompt string, about any, n int) (asked[T], error) {
	var out asked[T]
	reply, err := a.complete(ctx, prompt, about, n)
	if err != nil {
		e, ok := errors.AsType[*llm.Error](err)
		if !ok {
			return out, err
		}
		switch e.Kind {
		case llm.Refusal, llm.Malformed, llm.Truncated, llm.TooLong:
			out.overflow = llm.Overflow(err)
			out.why, out.tokens = clip(e.Message, 300), extract.Tokens{In: e.Usage.In, Out: e.Usage.Out}
			return out, nil
		}
		return out, err
	}
	out.tokens, out.model = extract.Tokens{In: reply.Usage.In, Out: reply.Usage.Out}, reply.Model
	if err := decodeReply(reply.Text, &out.said); err != nil {
		out.why = clip(err.Error(), 300)
	}
	return out, nil
}

// pay adds what was spent on a seed.
func pay(s *extract.Seed, t extract.Tokens) {
	s.Tokens.In += t.In
	s.Tokens.Out += t.Out
}

// together calls do for each number below n, all at once: the model's client
// limits what is under way. An error of the model's server stops the others,
// which would only meet it again. Any other error does not: who pauses a run
// wants the replies that are on their way, and paid, to arrive.
func together(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group errgroup.Group
	panics := make([]any, n)
	for i := range n {
		group.Go(func() error {
			defer func() {
				if v := recover(); v != nil {
					panics[i] = fmt.Sprintf("%v\n%s", v, debug.Stack())
				}
			}()
			err := do(ctx, i)
			if llm.Kind(err) != "" {
				stop(err)
			}
			return err
		})
	}
	err := group.Wait()
	for _, v := range panics {
		if v != nil {
			panic(v) // where the runner turns it into the passage's error
		}
	}
	if cause := context.Cause(ctx); err != nil && llm.Kind(cause) != "" {
		return cause // and not what it did to the others
	}
	return err
}

// live are the places of the seeds that are still to be looked at.
func live(seeds []extract.Seed) []int {
	var out []int
	for i := range seeds {
		if seeds[i].Live() {
			out = append(out, i)
		}
	}
	return out
}

// What a judge says of an answer.
const (
	judgedTrue      = "True"
	judgedFalse     = "False"
	judgedUncertain = "Uncertain"
)

// A ruling is what a judge thinks of an answer and why.
type ruling struct {
	Reason  string  `json:"reason" jsonschema:"description=One sentence: what the two answers share or where they differ."`
	Verdict verdict `json:"verdict"`
}

type verdict string

// JSONSchema lists the verdicts.
func (verdict) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "string", Enum: []any{judgedTrue, judgedFalse, judgedUncertain},
		Description: "True: the answer means the same as the key. False: it does not. Uncertain: it cannot be told.",
	}
}

var rulingSchema = schemaOf(&ruling{})

// judge says whether an answer to a seed's question means the same as the
// seed's own. Numbers and short answers that are equal, or plainly are not,
// need no model. What the judge does not say clearly is Uncertain.
func (a *Asking) judge(ctx context.Context, s *extract.Seed, given attempt) (ruling, extract.Tokens, error) {
	if same, sure := given.equals(s.ShortAnswer, s.Answer); sure {
		if same {
			return ruling{"the answers are equal", judgedTrue}, extract.Tokens{}, nil
		}
		return ruling{"the results differ", judgedFalse}, extract.Tokens{}, nil
	}
	about := sheetOf(s)
	about.Answer = guard(given.whole())
	said, err := ask[ruling](ctx, a, "roundtrip_judge", about, judged)
	if err != nil {
		return ruling{}, extract.Tokens{}, err
	}
	r := said.said
	r.Reason = clip(r.Reason, 300)
	if said.why != "" {
		r = ruling{"the judge said nothing that can be used: " + said.why, judgedUncertain}
	}
	switch r.Verdict {
	case judgedTrue, judgedFalse:
	default:
		r.Verdict, r.Reason = judgedUncertain, cmp.Or(r.Reason, "the judge could not tell")
	}
	return r, said.tokens, nil
}

// An attempt is a model's answer to a question. An empty one means that it
// does not know.
type attempt struct {
	Reasoning   string `json:"reasoning" jsonschema:"description=The steps to the answer\\, briefly."`
	Answer      string `json:"answer" jsonschema:"description=The complete answer. An empty string where it cannot be given."`
	ShortAnswer string `json:"short_answer" jsonschema:"description=The bare result: a number\\, a name\\, an expression\\, yes or no. Empty where there is none."`
}

var attemptSchema = schemaOf(&attempt{})

// gives reports whether there is an answer.
func (a attempt) gives() bool { return strings.TrimSpace(a.Answer+a.ShortAnswer) != "" }

// whole is the answer with its short form.
func (a attempt) whole() string {
	return keyOf(&extract.Seed{Answer: a.Answer, ShortAnswer: a.ShortAnswer})
}

// equals compares an answer with another one, first in short, then whole.
func (a attempt) equals(short, answer string) (same, sure bool) {
	if same, sure := compare(short, a.ShortAnswer); sure {
		return same, true
	}
	if same, sure := compare(answer, a.Answer); sure && same {
		return true, true
	}
	// One may have answered in short only.
	for _, other := range [][2]string{{short, a.Answer}, {answer, a.ShortAnswer}} {
		if same, sure := compare(other[0], other[1]); sure && same {
			return true, true
		}
	}
	return false, false
}
