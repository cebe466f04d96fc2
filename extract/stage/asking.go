package stage

import (
	"context"
	"errors"
	"fmt"

	"seedbed/extract"
)

// Asking is what a recipe may say of every stage that asks a model: which
// one, how it draws its replies, and with what prompts. The zero value asks
// the run's model with the built-in prompts and leaves the rest to the server.
//
// In a recipe, system and prompt are short for the prompt that has the
// stage's own name:
//
//	derive:
//	  model: strong
//	  temperature: 0.3
//	  prompt: |
//	    {{.Passage}}
//	vote:
//	  prompts:
//	    vote_groups:
//	      system: |
//	        Which of these answers agree?
type Asking struct {
	ModelName   string            `yaml:"model"`       // a name at the run's server, "" is the run's own model
	Temperature float64           `yaml:"temperature"` // 0–2
	TopP        float64           `yaml:"top_p"`       // above 0, at most 1; 0 leaves it to the server
	MaxTokens   int               `yaml:"max_tokens"`  // room for a reply, 0 leaves it to the server
	Prompts     map[string]Prompt `yaml:"prompts,omitempty"`

	Model extract.Model `yaml:"-"`
}

// An asker is a stage that asks a model.
type asker interface {
	asking() *Asking
	needsModel() bool  // depends on its parameters for some
	prompts() []string // the names of those it fills
}

func (a *Asking) asking() *Asking { return a }

func (*Asking) needsModel() bool { return true }

func (a *Asking) check() error {
	switch {
	case !(a.Temperature >= 0 && a.Temperature <= 2): // so written, NaN is wrong too
		return fmt.Errorf("temperature is %g and has to be from 0 to 2", a.Temperature)
	case !(a.TopP >= 0 && a.TopP <= 1):
		return fmt.Errorf("top_p is %g and has to be above 0 and at most 1", a.TopP)
	case a.MaxTokens < 0:
		return fmt.Errorf("max_tokens is %d and cannot be negative", a.MaxTokens)
	}
	return nil
}

// judged is in place of a sample's number: the reply is not to vary. A
// stage's sampling is for what it makes, not for what it judges.
const judged = -1

// complete asks for a reply to a prompt, the n-th draw from 0.
func (a *Asking) complete(ctx context.Context, name string, about any, n int) (extract.Reply, error) {
	if a.Model == nil {
		return extract.Reply{}, errors.New("it is to ask a model and has none")
	}
	messages, err := a.Prompts[name].or(builtinPrompt(name)).fill(about)
	if err != nil {
		return extract.Reply{}, fmt.Errorf("fill the prompt %s: %w", name, err)
	}
	c := calls[name]
	r := extract.Request{Model: a.ModelName, Messages: messages, SchemaName: c.schemaName, Schema: c.schema}
	if n != judged {
		r.Temperature, r.TopP, r.MaxTokens, r.Sample = a.Temperature, a.TopP, a.MaxTokens, n
	}
	return a.Model.Complete(ctx, r)
}
