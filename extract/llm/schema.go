package llm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// A form is a compiled schema. Servers accept schemas without enforcing them,
// so every reply is held to its own.
type form struct{ schema *jsonschema.Schema }

// form compiles a schema, once.
func (c *Client) form(schema []byte) (*form, error) {
	c.mu.Lock()
	f := c.forms[string(schema)]
	c.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := newForm(schema)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.forms[string(schema)] = f
	c.mu.Unlock()
	return f, nil
}

func newForm(schema []byte) (*form, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource("schema.json", allowMore(doc)); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	s, err := compiler.Compile("schema.json")
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	return &form{s}, nil
}

// noLoader keeps a schema from reading files.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema refers only to itself", url)
}

// allowMore drops "additionalProperties": false, which strict mode asks for:
// a field too many harms nobody and is no reason to pay for a second reply.
func allowMore(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["additionalProperties"] == false {
			delete(v, "additionalProperties")
		}
		for k := range v {
			allowMore(v[k])
		}
	case []any:
		for i := range v {
			allowMore(v[i])
		}
	}
	return v
}

// check holds JSON to the schema. The error is for the model to read.
func (f *form) check(text string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	err = f.schema.Validate(v)
	bad, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	var faults []string
	p := message.NewPrinter(language.English)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) == 0 && len(faults) < 8 {
			faults = append(faults, fmt.Sprintf("at /%s: %s", strings.Join(e.InstanceLocation, "/"), clip(e.ErrorKind.LocalizedString(p), 200)))
		}
	}
	walk(bad)
	return errors.New("it does not fit the schema: " + strings.Join(faults, "; "))
}
