package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// A jsonFile has an example a line, within one array or not.
type jsonFile struct {
	w      *bufio.Writer
	o      seedbed.ExportOptions
	unless func(example) string
	of     func(example, seedbed.ExportOptions) any
	array  bool
	n      int
}

// jsonLines makes files of JSON Lines.
func jsonLines(of func(extract.Seed, seedbed.ExportOptions) any) func(io.Writer, seedbed.ExportOptions) (file, error) {
	return jsonLinesUnless(nil, ofSeed(of))
}

// jsonLinesUnless leaves out examples for which unless gives a reason.
func jsonLinesUnless(unless func(example) string, of func(example, seedbed.ExportOptions) any) func(io.Writer, seedbed.ExportOptions) (file, error) {
	return func(w io.Writer, o seedbed.ExportOptions) (file, error) {
		return &jsonFile{w: bufio.NewWriterSize(w, bufferSize), o: o, unless: unless, of: of}, nil
	}
}

// jsonList makes files of one array, each element on a line of its own.
func jsonList(of func(extract.Seed, seedbed.ExportOptions) any) func(io.Writer, seedbed.ExportOptions) (file, error) {
	return func(w io.Writer, o seedbed.ExportOptions) (file, error) {
		f := &jsonFile{w: bufio.NewWriterSize(w, bufferSize), o: o, of: ofSeed(of), array: true}
		_, err := f.w.WriteString("[\n")
		return f, err
	}
}

func ofSeed(of func(extract.Seed, seedbed.ExportOptions) any) func(example, seedbed.ExportOptions) any {
	return func(e example, o seedbed.ExportOptions) any { return of(e.Seed, o) }
}

// bufferSize is how much of a text is kept back, in bytes.
const bufferSize = 64 << 10

func (f *jsonFile) add(e example) (string, error) {
	if f.unless != nil {
		if why := f.unless(e); why != "" {
			return why, nil
		}
	}
	if f.n++; f.array && f.n > 1 {
		if _, err := f.w.WriteString(",\n"); err != nil {
			return "", err
		}
	}
	if err := encode(f.w, f.of(e, f.o)); err != nil || f.array {
		return "", err
	}
	return "", f.w.WriteByte('\n')
}

func (f *jsonFile) close() error {
	if f.array {
		if _, err := f.w.WriteString("\n]\n"); err != nil {
			return err
		}
	}
	return f.w.Flush()
}

// encode writes v without a line end.
func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // <think> stays readable
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return err
}

// record is the seed itself, with lists where it has none, so that a column
// is a list in every row.
func record(s extract.Seed, _ seedbed.ExportOptions) any {
	s.Reasoning = list(s.Reasoning)
	s.Evidence = list(s.Evidence)
	s.Checks = list(s.Checks)
	s.Tags = list(s.Tags)
	s.Source.Section = list(s.Source.Section)
	s.Difficulty.Votes = list(s.Difficulty.Votes)
	return s
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

type conversation struct {
	Messages []extract.Message `json:"messages"`
}

func messages(s extract.Seed, o seedbed.ExportOptions) any {
	return conversation{chat(s, o)}
}

func chat(s extract.Seed, o seedbed.ExportOptions) []extract.Message {
	return append(prompt(s, o), extract.Message{Role: "assistant", Content: answer(s, o)})
}

type completion struct {
	Prompt     []extract.Message `json:"prompt"`
	Completion []extract.Message `json:"completion"`
}

func promptCompletion(s extract.Seed, o seedbed.ExportOptions) any {
	return completion{prompt(s, o), []extract.Message{{Role: "assistant", Content: answer(s, o)}}}
}

func prompt(s extract.Seed, o seedbed.ExportOptions) []extract.Message {
	var out []extract.Message
	if o.System != "" {
		out = append(out, extract.Message{Role: "system", Content: o.System})
	}
	return append(out, extract.Message{Role: "user", Content: s.Question})
}

type instruction struct {
	Instruction string `json:"instruction"`
	Input       string `json:"input"`
	Output      string `json:"output"`
	System      string `json:"system,omitempty"`
}

func alpaca(s extract.Seed, o seedbed.ExportOptions) any {
	return instruction{Instruction: s.Question, Output: answer(s, o), System: o.System}
}

type shared struct {
	Conversations []turn `json:"conversations"`
}

type turn struct {
	From  string `json:"from"`
	Value string `json:"value"`
}

func shareGPT(s extract.Seed, o seedbed.ExportOptions) any {
	var out shared
	if o.System != "" {
		out.Conversations = append(out.Conversations, turn{"system", o.System})
	}
	out.Conversations = append(out.Conversations, turn{"human", s.Question}, turn{"gpt", answer(s, o)})
	return out
}

// answer is what the model is to say.
func answer(s extract.Seed, o seedbed.ExportOptions) string {
	if !o.Reasoning || len(s.Reasoning) == 0 {
		return s.Answer
	}
	// A step that speaks of the tags must not end the thinking.
	steps := thinkTags.Replace(strings.Join(s.Reasoning, "\n"))
	return "<think>\n" + steps + "\n</think>\n\n" + s.Answer
}

var thinkTags = strings.NewReplacer("<think>", "‹think›", "</think>", "‹/think›")
