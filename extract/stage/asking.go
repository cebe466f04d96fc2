package stage

import (
	"fmt"

	"seedbed/extract"
)

// Asking is what a recipe may say of every stage that asks a model: which
// one, and how it draws its replies. The zero value asks the run's model and
// leaves the rest to its server.
type Asking struct {
	ModelName   string  `yaml:"model"`       // a name at the run's server, "" is the run's own model
	Temperature float64 `yaml:"temperature"` // 0–2
	TopP        float64 `yaml:"top_p"`       // above 0, at most 1; 0 leaves it to the server
	MaxTokens   int     `yaml:"max_tokens"`  // room for a reply, 0 leaves it to the server

	Model extract.Model `yaml:"-"`
}

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

// request asks a judge, whose reply is not to vary: the stage's sampling is
// for what it makes.
func (a *Asking) request(prompt string, about any, schemaName string, schema []byte) extract.Request {
	return extract.Request{
		Model:      a.ModelName,
		Messages:   messages(prompt, about),
		SchemaName: schemaName,
		Schema:     schema,
	}
}

// draw asks for a reply by the stage's sampling.
func (a *Asking) draw(prompt string, about any, schemaName string, schema []byte) extract.Request {
	r := a.request(prompt, about, schemaName, schema)
	r.Temperature, r.TopP, r.MaxTokens = a.Temperature, a.TopP, a.MaxTokens
	return r
}
