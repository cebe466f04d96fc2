package stage

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"

	"github.com/invopop/jsonschema"

	"seedbed/extract"
)

// Each stage that asks a model has two templates: NAME.system.md, which never
// changes within a run, so that servers can reuse what they computed for it,
// and NAME.user.md with the passage.
//
//go:embed prompts/*.md
var promptFiles embed.FS

var prompts = template.Must(template.New("").Option("missingkey=error").
	Funcs(template.FuncMap{"inc": func(i int) int { return i + 1 }}).
	ParseFS(promptFiles, "prompts/*.md"))

// A prompt is what the templates are filled with. Nothing in it is trusted:
// the templates only place it, and the passage keeps its closing tag to
// itself.
type prompt struct {
	Title   string
	Path    string
	Passage string
	Limit   int      // how many pairs at most
	Hard    bool     // only what is difficult
	Known   []string // questions that are there already
}

func promptOf(p extract.Passage) prompt {
	out := prompt{Path: oneLine(strings.Join(p.Path, " › ")), Passage: disarm(p.Text)}
	if p.Doc != nil {
		out.Title = oneLine(p.Doc.Title)
	}
	return out
}

// passageTag matches what a passage could end itself with.
var passageTag = regexp.MustCompile(`(?i)<(\s*/?\s*passage\s*)>`)

// disarm keeps a passage from closing its own tag: ‹/passage› looks the same
// to a reader and is no tag.
func disarm(s string) string { return passageTag.ReplaceAllString(s, "‹$1›") }

// oneLine keeps a title from looking like several lines of the prompt.
func oneLine(s string) string { return disarm(squeeze(s)) }

// messages fills the templates of a stage.
func messages(stage string, p any) []extract.Message {
	fill := func(name string) string {
		var w bytes.Buffer
		if err := prompts.ExecuteTemplate(&w, name, p); err != nil {
			panic(err) // the templates are compiled in, and tests fill them all
		}
		return strings.TrimSpace(w.String())
	}
	return []extract.Message{
		{Role: "system", Content: fill(stage + ".system.md")},
		{Role: "user", Content: fill(stage + ".user.md")},
	}
}

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
