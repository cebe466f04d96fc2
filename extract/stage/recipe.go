package stage

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"seedbed/extract"
)

// makers are the stages that recipes may name. A stage's fields with a yaml
// tag are its parameters, and their values here are the defaults.
var makers = map[string]func(Tools) extract.Stage{
	"screen":  func(t Tools) extract.Stage { return &Screen{Threshold: 2, Asking: Asking{Model: t.Model}} },
	"harvest": func(Tools) extract.Stage { return &Harvest{} },
	"derive": func(t Tools) extract.Stage {
		return &Derive{Vary: true, Count: t.count, Asking: Asking{Temperature: 0.2, Model: t.Model}}
	},
	"ground":        func(Tools) extract.Stage { return &Ground{Similarity: repairable} },
	"standalone":    func(Tools) extract.Stage { return &Standalone{} },
	"decontaminate": func(t Tools) extract.Stage { return &Decontaminate{Reject: 0.5, Flag: 0.2, Open: t.Benchmarks} },
	"revise": func(t Tools) extract.Stage {
		return &Revise{Rounds: 2, Threshold: 4, Asking: Asking{Temperature: 0.3, Model: t.Model}}
	},
	"rewrite":   func(t Tools) extract.Stage { return &Rewrite{Asking: Asking{Temperature: 0.7, Model: t.Model}} },
	"roundtrip": func(t Tools) extract.Stage { return &Roundtrip{ClosedBook: true, Asking: Asking{Model: t.Model}} },
	"vote": func(t Tools) extract.Stage {
		return &Vote{Samples: 8, Asking: Asking{Temperature: 0.7, Model: t.Model}}
	},
	"reverse": func(t Tools) extract.Stage {
		return &Reverse{MaxFunctions: 6, Runner: t.Runner, Asking: Asking{Temperature: 0.2, Model: t.Model}}
	},
	"execute": func(t Tools) extract.Stage { return &Execute{Runner: t.Runner, Asking: Asking{Model: t.Model}} },
	"dedupe":  func(t Tools) extract.Stage { return &Dedupe{Similarity: 0.6, Near: t.Near} },
}

// Tools are what stages work with. A nil Near stands for one in memory, and
// without a Runner no code is run.
type Tools struct {
	Model  extract.Model
	Near   Near
	Runner Runner

	// Benchmarks opens the files that decontaminate compares with; nil takes
	// paths as seen from where the program runs.
	Benchmarks func(name string) (fs.File, error)

	count int // the recipe's
}

// A Recipe is a named, versioned list of stages with their parameters. It is
// written in YAML:
//
//	name: short
//	version: 1
//	description: What it is good for.
//	stages:
//	  - harvest
//	  - derive:
//	      max_pairs: 4
//	      model: strong # at the run's server
//	      prompt: |
//	        Make at most {{.Limit}} pairs of this:
//	        {{.Passage}}
//	  - ground
//
// What it does not say is as in the stages' own defaults and prompts.
type Recipe struct {
	Name        string
	Version     int
	Description string
	Count       int // seeds of a run at most, 0 is as many as there are
	Stages      []Step
	Body        []byte // as it was written

	// Resolved is the recipe with everything said that it leaves open: every
	// parameter, and every prompt in full. It is a recipe that does the same
	// whatever becomes of the defaults.
	Resolved []byte
	hash     string
}

// A Step is one stage of a recipe.
type Step struct {
	Name   string
	Line   int // in the recipe's body, from 1
	params *yaml.Node
}

// Hash is 12 hexadecimal digits that tell apart what recipes do, however they
// are written: it covers the resolved recipe and the form of the replies.
func (r Recipe) Hash() string { return r.hash }

// ID is how seeds name the recipe they were made with: name@hash.
func (r Recipe) ID() string { return r.Name + "@" + r.Hash() }

// NeedsModel reports whether one of the stages asks a model.
func (r Recipe) NeedsModel() bool {
	for _, s := range r.Stages {
		made, err := s.make(Tools{})
		if a, ok := made.(asker); err == nil && ok && a.needsModel() {
			return true
		}
	}
	return false
}

//go:embed recipes/*.yaml
var recipes embed.FS

// Builtin are the recipes that come with the program, by name.
func Builtin() []Recipe { return slices.Clone(builtin()) }

var builtin = sync.OnceValue(func() []Recipe {
	files, err := recipes.ReadDir("recipes")
	if err != nil {
		panic(err) // they are compiled in
	}
	var out []Recipe
	for _, f := range files {
		body, err := recipes.ReadFile("recipes/" + f.Name())
		if err != nil {
			panic(err)
		}
		r, err := Parse(body)
		if err != nil {
			panic(fmt.Sprintf("recipes/%s: %v", f.Name(), err))
		}
		out = append(out, r)
	}
	return out
})

// Lookup is the builtin recipe of a name.
func Lookup(name string) (Recipe, bool) {
	for _, r := range Builtin() {
		if r.Name == name {
			return r, true
		}
	}
	return Recipe{}, false
}

// Parse reads a recipe. Its errors name the line and, where a word is
// unknown, the nearest known one.
func Parse(body []byte) (Recipe, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return Recipe{}, errors.New("recipe: it is empty; a recipe has a name and stages")
	} else if err != nil {
		return Recipe{}, fmt.Errorf("recipe: %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Recipe{}, errors.New("recipe: there is more than one document in it")
	}
	var head struct {
		Name        string      `yaml:"name"`
		Version     int         `yaml:"version"`
		Description string      `yaml:"description"`
		Count       int         `yaml:"count"`
		Stages      []yaml.Node `yaml:"stages"`
	}
	if err := decode(doc.Content[0], &head, "a recipe"); err != nil {
		return Recipe{}, fmt.Errorf("recipe %w", err)
	}
	r := Recipe{Name: head.Name, Version: head.Version, Description: head.Description, Count: head.Count, Body: bytes.Clone(body)}
	if r.Name == "" {
		return Recipe{}, fmt.Errorf("recipe line %d: it has no name", doc.Content[0].Line)
	}
	if r.Count < 0 {
		return Recipe{}, fmt.Errorf("recipe %s: count is %d and cannot be negative; 0 is as many as there are", r.Name, r.Count)
	}
	if len(head.Stages) == 0 {
		return Recipe{}, fmt.Errorf("recipe %s: it has no stages; there are %s", r.Name, strings.Join(stageNames(), ", "))
	}
	for _, n := range head.Stages {
		step := Step{Name: n.Value, Line: n.Line}
		if n.Kind == yaml.MappingNode {
			if len(n.Content) != 2 {
				return Recipe{}, fmt.Errorf("recipe %s line %d: a stage is one name with its parameters indented under it, here are %d names", r.Name, n.Line, len(n.Content)/2)
			}
			step.Name, step.Line = n.Content[0].Value, n.Content[0].Line
			if n.Content[1].Tag != "!!null" {
				step.params = n.Content[1]
			}
		} else if n.Kind != yaml.ScalarNode {
			return Recipe{}, fmt.Errorf("recipe %s line %d: a stage is a name", r.Name, n.Line)
		}
		if _, ok := makers[step.Name]; !ok {
			return Recipe{}, fmt.Errorf("recipe %s line %d: there is no stage %q%s; there are %s", r.Name, step.Line, step.Name, nearest(step.Name, stageNames()), strings.Join(stageNames(), ", "))
		}
		if _, err := step.make(Tools{}); err != nil {
			return Recipe{}, fmt.Errorf("recipe %s %w", r.Name, err)
		}
		r.Stages = append(r.Stages, step)
	}
	return r, r.resolve()
}

// WithCount is the recipe with another Count.
func (r Recipe) WithCount(n int) (Recipe, error) {
	if n < 0 {
		return r, fmt.Errorf("the count is %d and cannot be negative", n)
	}
	r.Count = n
	err := r.resolve()
	r.Body = r.Resolved
	return r, err
}

// Build makes the stages of a recipe.
func Build(r Recipe, t Tools) ([]extract.Stage, error) {
	t.count = r.Count
	t.Runner = Remember(t.Runner) // reverse and execute run the same tests
	if t.Model == nil && r.NeedsModel() {
		return nil, fmt.Errorf("recipe %s needs a model and none is connected", r.Name)
	}
	var out []extract.Stage
	for _, step := range r.Stages {
		s, err := step.make(t)
		if err != nil {
			return nil, fmt.Errorf("recipe %s %w", r.Name, err)
		}
		if s, ok := s.(interface{ ready() error }); ok {
			if err := s.ready(); err != nil {
				return nil, fmt.Errorf("recipe %s line %d: stage %s: %w", r.Name, step.Line, step.Name, err)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// checker is a stage whose parameters can be wrong in value.
type checker interface{ check() error }

func (s Step) make(t Tools) (extract.Stage, error) {
	stage := makers[s.Name](t)
	asks, isAsker := stage.(asker)
	params := s.params
	if isAsker && params != nil {
		params = spelledOut(params, s.Name)
	}
	if params != nil {
		if err := decode(params, stage, "stage "+s.Name); err != nil {
			return nil, err
		}
	}
	if isAsker {
		if err := checkPrompts(asks, params); err != nil {
			return nil, fmt.Errorf("line %d: stage %s: %w", err.line, s.Name, err)
		}
	}
	if c, ok := stage.(checker); ok {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("line %d: stage %s: %w", s.Line, s.Name, err)
		}
	}
	return stage, nil
}

// decode fills the fields of the struct that into points to, and only those
// with a yaml tag.
func decode(n *yaml.Node, into any, what string) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s is written as names with their values", n.Line, what)
	}
	known := keysOf(reflect.TypeOf(into).Elem())
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if slices.Contains(known, key.Value) {
			continue
		}
		if len(known) == 0 {
			return fmt.Errorf("line %d: %s has no parameters, so none called %q", key.Line, what, key.Value)
		}
		return fmt.Errorf("line %d: %s has nothing called %q%s; it has %s", key.Line, what, key.Value, nearest(key.Value, known), strings.Join(known, ", "))
	}
	if err := n.Decode(into); err != nil {
		return errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n  "), "\n  ", "; "))
	}
	return nil
}

// keysOf are the names of a struct's fields with a yaml tag.
func keysOf(t reflect.Type) []string {
	var keys []string
	if t == reflect.TypeFor[Asking]() {
		keys = []string{"system", "prompt"}
	}
	for i := range t.NumField() {
		switch name, rest, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); {
		case rest == "inline":
			keys = append(keys, keysOf(t.Field(i).Type)...)
		case name != "" && name != "-":
			keys = append(keys, name)
		}
	}
	return keys
}

func stageNames() []string {
	names := make([]string, 0, len(makers))
	for name := range makers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// nearest suggests the known word that a wrong one was meant to be, if one is
// near enough.
func nearest(word string, known []string) string {
	best, distance := "", 1+max(2, len(word)/3)
	for _, k := range known {
		if d := edits(strings.ToLower(word), k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// edits is how many letters have to change to turn a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
