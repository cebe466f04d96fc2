package stage

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/invopop/jsonschema"

	"seedbed/extract"
)

// A Prompt is the two templates of one kind of call, of Go's text/template.
// System never changes within a run, so that servers can reuse what they
// computed for it; the other has what the call is about. What they are filled
// with is data: template actions in it are text like any other.
//
// An empty one is the built-in template, NAME.system.md or NAME.user.md.
type Prompt struct {
	System string `yaml:"system,omitempty"`
	User   string `yaml:"prompt,omitempty"`
}

//go:embed prompts/*.md
var promptFiles embed.FS

// builtinPrompt is the prompt of a kind of call as it comes with the program.
func builtinPrompt(name string) Prompt {
	read := func(file string) string {
		text, err := promptFiles.ReadFile("prompts/" + name + file)
		if err != nil {
			panic(err) // it is compiled in, and tests ask for all
		}
		return string(text)
	}
	return Prompt{System: read(".system.md"), User: read(".user.md")}
}

// or fills what p leaves empty from q.
func (p Prompt) or(q Prompt) Prompt {
	return Prompt{System: cmp.Or(p.System, q.System), User: cmp.Or(p.User, q.User)}
}

// maxPrompt bounds what templates of a user's own may grow to, in bytes.
const maxPrompt = 4 << 20

// fill fills both templates.
func (p Prompt) fill(about any) ([]extract.Message, error) {
	system, err := fill("system", p.System, about)
	if err != nil {
		return nil, err
	}
	user, err := fill("prompt", p.User, about)
	if err != nil {
		return nil, err
	}
	return []extract.Message{{Role: "system", Content: system}, {Role: "user", Content: user}}, nil
}

func fill(part, text string, about any) (string, error) {
	t := builtins()[text]
	if t == nil {
		var err error
		if t, err = parsed(part, text); err != nil {
			return "", err
		}
	}
	t, err := t.Clone() // with a count of its own
	if err != nil {
		return "", err
	}
	t.Funcs(promptFuncs(new(int)))
	w := bounded{left: maxPrompt}
	if err := t.Execute(&w, about); err != nil {
		if errors.Is(err, errSteps) {
			err = &promptError{part: part, why: errSteps.Error()}
		}
		return "", err
	}
	return strings.TrimSpace(w.String()), nil
}

// parsed is a template that is ready to be filled, once promptFuncs has given
// it a count for its steps.
func parsed(part, text string) (*template.Template, error) {
	t, err := template.New(part).Funcs(promptFuncs(new(int))).Parse(text)
	if err != nil {
		return nil, err
	}
	countSteps(t)
	return t, nil
}

// builtins are the templates that come with the program, by their text. They
// are filled for every passage, and to parse one takes longer than to fill it.
var builtins = sync.OnceValue(func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for name := range calls {
		p := builtinPrompt(name)
		all[p.System] = template.Must(parsed("system", p.System))
		all[p.User] = template.Must(parsed("prompt", p.User))
	}
	return all
})

// maxSteps bounds how often a template may go around its loops and call
// others, which it can do for ever without writing a word.
const maxSteps = 100_000

var errSteps = fmt.Errorf("it repeats itself more than %d times", maxSteps)

// promptFuncs are what templates can call, and a count of their steps. What
// Go's own functions give is bounded too: a variable could grow in a loop.
func promptFuncs(steps *int) template.FuncMap {
	return template.FuncMap{
		"inc": func(i int) int { return i + 1 },
		stepFunc: func() (string, error) {
			if *steps++; *steps > maxSteps {
				return "", errSteps
			}
			return "", nil
		},
		"print":    func(args ...any) (string, error) { return fits(fmt.Sprint(args...)) },
		"printf":   func(format string, args ...any) (string, error) { return fits(fmt.Sprintf(format, args...)) },
		"println":  func(args ...any) (string, error) { return fits(fmt.Sprintln(args...)) },
		"html":     func(args ...any) (string, error) { return fits(template.HTMLEscaper(args...)) },
		"js":       func(args ...any) (string, error) { return fits(template.JSEscaper(args...)) },
		"urlquery": func(args ...any) (string, error) { return fits(template.URLQueryEscaper(args...)) },
	}
}

func fits(s string) (string, error) {
	if len(s) > maxPrompt {
		return "", fmt.Errorf("a value grows beyond %d bytes", maxPrompt)
	}
	return s, nil
}

const stepFunc = "step"

// countSteps has every template and the body of every loop begin with a step.
func countSteps(t *template.Template) {
	step := template.Must(template.New("").Funcs(promptFuncs(new(int))).Parse("{{" + stepFunc + "}}")).Root.Nodes[0]
	begin := func(list *parse.ListNode) { list.Nodes = slices.Insert(list.Nodes, 0, step.Copy()) }
	var walk func(list *parse.ListNode)
	walk = func(list *parse.ListNode) {
		if list == nil {
			return
		}
		for _, n := range list.Nodes {
			switch n := n.(type) {
			case *parse.RangeNode:
				walk(n.List)
				walk(n.ElseList)
				begin(n.List)
			case *parse.IfNode:
				walk(n.List)
				walk(n.ElseList)
			case *parse.WithNode:
				walk(n.List)
				walk(n.ElseList)
			}
		}
	}
	for _, t := range t.Templates() {
		if t.Tree != nil && t.Root != nil {
			walk(t.Root)
			begin(t.Root)
		}
	}
}

// bounded is a buffer that takes only so much.
type bounded struct {
	strings.Builder
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("it grows beyond %d bytes", maxPrompt)
	}
	return b.Builder.Write(p)
}

// A call is one kind of question to a model.
type call struct {
	schemaName string
	schema     []byte
	full       any      // what the templates are filled with, everything there
	needs      []string // the fields without which the model cannot tell what is asked
}

// calls are all kinds, by the name of their prompt.
var calls = map[string]call{
	"screen":           {"rating", ratingSchema, fullPrompt, []string{"Passage"}},
	"derive":           {"derivation", derivationSchema, fullPrompt, []string{"Passage"}},
	"revise":           {"critique", critiqueSchema, fullSheet, []string{"Passage", "Question", "Key"}},
	"revise_again":     {"revision", revisionSchema, fullSheet, []string{"Passage", "Question", "Key", "Faults"}},
	"roundtrip":        {"attempt", attemptSchema, fullSheet, []string{"Passage", "Question"}},
	"roundtrip_judge":  {"ruling", rulingSchema, fullSheet, []string{"Question", "Key", "Answer"}},
	"vote":             {"attempt", attemptSchema, fullSheet, []string{"Question"}},
	"vote_groups":      {"sorting", sortingSchema, fullSheet, []string{"Question", "Answers"}},
	"rewrite_exercise": {formExercise, exerciseSchema, fullSheet, []string{"Passage", "Question", "Key"}},
	"rewrite_dialogue": {formDialogue, dialogueSchema, fullSheet, []string{"Passage", "Question", "Key"}},
	"reverse":          {"reversal", reversalSchema, fullCode, []string{"Code"}},
	"reverse_write":    {"writing", writingSchema, fullCode, []string{"Instruction"}},
	"reverse_judge":    {"ruling", rulingSchema, fullCode, []string{"Instruction", "Code", "Written"}},
	"execute":          {"testing", testingSchema, fullCode, []string{"Instruction", "Code"}},
	"rewrite_choice":   {formChoice, choiceSchema, fullSheet, []string{"Passage", "Question", "Key"}},
}

// Fields filled so that a template that shows one can be told.
var (
	fullPrompt = prompt{
		Title: marked("Title"), Path: marked("Path"), Passage: marked("Passage"), Also: []besidePassage{{marked("AlsoPath"), marked("Also")}}, Limit: 2, Hard: true, Several: true, Vary: true, Known: []string{marked("Known")},
		Types: []string{marked("Types")}, Audience: marked("Audience"),
	}
	fullSheet = sheet{
		Title: marked("Title"), Path: marked("Path"), Passage: marked("Passage"), Question: marked("Question"), Key: marked("Key"),
		Reasoning: []string{marked("Reasoning")}, Answer: marked("Answer"), Answers: []string{marked("Answers"), "b"},
		Quotes: []string{marked("Quotes")}, Type: marked("Type"), Faults: []string{marked("Faults")},
	}
	fullCode = codeSheet{
		Title: marked("Title"), Lang: marked("Lang"), Name: marked("Name"), Code: marked("Code"), Around: marked("Around"),
		Instruction: marked("Instruction"), Written: marked("Written"),
	}
)

// marked is a value that no template has in its own words.
func marked(field string) string { return "\uE000" + field + "\uE001" }

// A promptError is what is wrong with a prompt, and where in its text.
type promptError struct {
	part string // system or prompt
	line int    // of the part, from 1; 0 is the whole
	why  string
}

func (e *promptError) Error() string {
	if e.line == 0 {
		return e.part + ": " + e.why
	}
	return fmt.Sprintf("%s, its line %d: %s", e.part, e.line, e.why)
}

// check fills the prompt of a kind of call, to see that it can be filled and
// shows what it has to.
func (p Prompt) check(name string) *promptError {
	c := calls[name]
	// Without anything too: other branches are taken then.
	if _, err := p.fill(reflect.Zero(reflect.TypeOf(c.full)).Interface()); err != nil {
		return c.wrong(err)
	}
	filled, err := p.fill(c.full)
	if err != nil {
		return c.wrong(err)
	}
	for _, field := range c.needs {
		if text := filled[0].Content + filled[1].Content; !strings.Contains(text, marked(field)) {
			how := "{{." + field + "}}"
			if kind := reflect.ValueOf(c.full).FieldByName(field).Kind(); kind == reflect.Slice {
				how = "{{range ." + field + "}}- {{.}}{{end}}"
			}
			return &promptError{part: "prompt", why: fmt.Sprintf("it does not show the %s: put %s where it is to stand", cmp.Or(fieldWords[field], strings.ToLower(field)), how)}
		}
	}
	return nil
}

var fieldWords = map[string]string{
	"Passage": "passage", "Question": "question", "Key": "answer", "Answer": "answer that is to be judged",
	"Answers": "answers that are to be sorted", "Faults": "faults that the critic found",
	"Written": "code that was written from the instruction",
}

// complaintOf takes a template's error apart:
// template: prompt:3:7: executing "prompt" at <.Pasage>: can't evaluate …
var complaintOf = lazily(`^template: (system|prompt):(\d+):(?:\d+:)? (?:executing "[^"]*" )?(.*)$`)

var noField = lazily(`at <\.?(\w+)[^>]*>: can't evaluate field (\w+) in type .*`)

// wrong says in words why templates could not be filled.
func (c call) wrong(err error) *promptError {
	if e, ok := errors.AsType[*promptError](err); ok {
		return e
	}
	m := complaintOf.FindStringSubmatch(squeeze(err.Error()))
	if m == nil {
		return &promptError{part: "prompt", why: err.Error()}
	}
	line, _ := strconv.Atoi(m[2])
	e := &promptError{part: m[1], line: line, why: m[3]}
	if f := noField.FindStringSubmatch(m[3]); f != nil {
		var known []string
		for t, i := reflect.TypeOf(c.full), 0; i < t.NumField(); i++ {
			known = append(known, t.Field(i).Name)
		}
		e.why = fmt.Sprintf("there is no {{.%s}} here%s; there are %s", f[2], nearest(f[2], known), strings.Join(known, ", "))
	}
	return e
}

// A prompt is what the templates are filled with. Nothing in it is trusted:
// the templates only place it, and the passage keeps its closing tag to
// itself.
type prompt struct {
	Title   string
	Path    string
	Passage string
	Also    []besidePassage // what is shown with it
	Limit   int             // how many pairs at most
	Hard    bool            // only what is difficult
	Several bool            // some passages are shown with others
	Vary    bool            // types and readers are asked for
	Known   []string        // questions that are there already

	Types    []string // of questions, to prefer
	Audience string   // whom to write for
}

func promptOf(p extract.Passage) prompt {
	out := prompt{Path: oneLine(strings.Join(p.Path, " › ")), Passage: disarm(p.Text)}
	if p.Doc != nil {
		out.Title = oneLine(p.Doc.Title)
	}
	return out
}

// passageTag matches what a passage could end itself with.
var passageTag = lazily(`(?i)<(\s*/?\s*passage\s*)>`)

// disarm keeps a passage from closing its own tag: ‹/passage› looks the same
// to a reader and is no tag.
func disarm(s string) string { return passageTag.ReplaceAllString(s, "‹$1›") }

// oneLine keeps a title from looking like several lines of the prompt.
func oneLine(s string) string { return disarm(squeeze(s)) }

// schemaOf is the JSON Schema of a reply, in the form that strict servers
// take: every field required, no others, no references.
func schemaOf(v any) []byte {
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true, ExpandedStruct: true}
	s := r.Reflect(v)
	s.Version, s.ID = "", ""
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is made of our own types
	}
	return data
}

// decodeReply reads a reply that is one JSON value.
func decodeReply(text string, into any) error {
	dec := json.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the reply is not the JSON that was asked for: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the reply goes on after its JSON")
	}
	return nil
}
