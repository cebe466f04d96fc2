package stage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// In a step, system and prompt are short for those of the prompt with the
// stage's own name.
var shorthand = []string{"system", "prompt"}

// spelledOut is a step's parameters without the short forms.
func spelledOut(params *yaml.Node, stage string) *yaml.Node {
	if params.Kind != yaml.MappingNode {
		return params
	}
	out := *params
	out.Content = nil
	var own []*yaml.Node
	for i := 0; i < len(params.Content); i += 2 {
		key, value := params.Content[i], params.Content[i+1]
		if slices.Contains(shorthand, key.Value) {
			own = append(own, key, value)
		} else {
			out.Content = append(out.Content, key, value)
		}
	}
	if own == nil {
		return params
	}
	prompts := member(&out, "prompts", own[0].Line)
	prompt := member(prompts, stage, own[0].Line)
	prompt.Content = append(prompt.Content, own...)
	return &out
}

// member is the value of a key, a mapping, which is added where it is missing.
// The mapping is a copy: what a person wrote stays as it is.
func member(mapping *yaml.Node, key string, line int) *yaml.Node {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			value := *mapping.Content[i+1]
			value.Content = slices.Clone(value.Content)
			mapping.Content = slices.Clone(mapping.Content)
			mapping.Content[i+1] = &value
			return &value
		}
	}
	value := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: line}, value)
	return value
}

// A lineError is an error in a recipe's line.
type lineError struct {
	line int
	why  string
}

func (e *lineError) Error() string { return e.why }

// checkPrompts checks the prompts that a recipe brings along.
func checkPrompts(a asker, params *yaml.Node) *lineError {
	written := valueOf(params, "prompts")
	if written == nil {
		return nil
	}
	known := a.prompts()
	for i := 0; i < len(written.Content); i += 2 {
		name, texts := written.Content[i], written.Content[i+1]
		if !slices.Contains(known, name.Value) {
			return &lineError{name.Line, fmt.Sprintf("it has no prompt %s%s; it has %s, each under prompts", name.Value, nearest(name.Value, known), strings.Join(known, ", "))}
		}
		for j := 0; j < len(texts.Content); j += 2 {
			if key := texts.Content[j]; !slices.Contains(shorthand, key.Value) {
				return &lineError{key.Line, fmt.Sprintf("a prompt has nothing called %q; it has system and prompt", key.Value)}
			}
		}
		wrong := a.asking().Prompts[name.Value].or(builtinPrompt(name.Value)).check(name.Value)
		if wrong == nil {
			continue
		}
		at := valueOf(texts, wrong.part)
		switch {
		case at == nil: // the built-in one is right, so it is the other that hides something
			return &lineError{name.Line, wrong.Error()}
		case wrong.line > 0 && at.Style&yaml.LiteralStyle != 0:
			return &lineError{at.Line + wrong.line, wrong.part + ": " + wrong.why}
		}
		return &lineError{at.Line, wrong.Error()}
	}
	return nil
}

// valueOf is the value of a key in a mapping, nil where it has none.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// resolve writes the recipe out in full, and its hash.
func (r *Recipe) resolve() error {
	sum := sha256.New()
	stages := &yaml.Node{Kind: yaml.SequenceNode}
	for _, step := range r.Stages {
		made, err := step.make(Tools{})
		if err != nil {
			return err
		}
		if a, ok := made.(asker); ok && a.needsModel() {
			all := maps.Clone(a.asking().Prompts)
			if all == nil {
				all = map[string]Prompt{}
			}
			for _, name := range a.prompts() {
				all[name] = all[name].or(builtinPrompt(name))
				sum.Write(calls[name].schema)
			}
			a.asking().Prompts = all
		}
		params := new(yaml.Node)
		if err := params.Encode(made); err != nil {
			return fmt.Errorf("recipe %s: write stage %s: %w", r.Name, step.Name, err)
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: step.Name}
		if len(params.Content) > 0 {
			name = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{name, params}}
		}
		stages.Content = append(stages.Content, name)
	}
	var w bytes.Buffer
	enc := yaml.NewEncoder(&w)
	enc.SetIndent(2)
	err := enc.Encode(struct {
		Name        string     `yaml:"name"`
		Version     int        `yaml:"version"`
		Description string     `yaml:"description,omitempty"`
		Count       int        `yaml:"count,omitempty"`
		Stages      *yaml.Node `yaml:"stages"`
	}{r.Name, r.Version, r.Description, r.Count, stages})
	if err != nil {
		return fmt.Errorf("recipe %s: write it in full: %w", r.Name, err)
	}
	r.Resolved = w.Bytes()
	sum.Write(r.Resolved)
	r.hash = hex.EncodeToString(sum.Sum(nil)[:6])
	return nil
}
