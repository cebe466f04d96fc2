package stage

import (
	"reflect"
	"strings"
	"testing"

	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// Servers reuse what they computed for the beginning of a prompt. In every
// kind of call all instructions stand before what the call is about: two calls
// about different things share them whole, and nothing of them comes later.
func TestInstructionsComeFirst(t *testing.T) {
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			server := llmtest.New(t, llmtest.Script{})
			a := &Asking{Model: llm.New(llm.Options{URL: server.URL, Model: "scripted"})}
			for _, about := range []any{relabelled(c.full, "one"), relabelled(c.full, "another")} {
				// What comes of it does not matter here.
				if _, err := a.complete(t.Context(), name, about, 0); err != nil && llm.Kind(err) == "" {
					t.Fatal(err)
				}
			}
			var sent []string
			for _, r := range server.Requests() {
				if r.Try == 1 && !strings.Contains(r.Text(), "cannot be used") {
					sent = append(sent, r.Text())
				}
			}
			if len(sent) != 2 {
				t.Fatalf("%d different requests, want 2", len(sent))
			}
			system := filled(t, name, c.full)[0].Content
			if n := commonPrefix(sent[0], sent[1]); n < len(system) {
				t.Errorf("two requests share their first %d bytes, and the instructions have %d", n, len(system))
			}
			for _, line := range strings.Split(rest(sent[0], system), "\n") {
				// Tags, labels and the tail of a list are no instructions.
				if words := strings.Fields(line); len(words) > 14 && strings.Contains(sent[1], line) {
					t.Errorf("an instruction stands behind what the call is about: %s", line)
				}
			}
		})
	}
}

// relabelled is a value of the templates with other words in every field.
func relabelled(full any, word string) any {
	v := reflect.New(reflect.TypeOf(full)).Elem()
	v.Set(reflect.ValueOf(full))
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(word + " " + f.String())
		case reflect.Slice:
			if f.Type().Elem().Kind() == reflect.String {
				f.Set(reflect.ValueOf([]string{word + " first", word + " second"}))
			}
		}
	}
	return v.Interface()
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// rest is what stands behind the instructions.
func rest(text, system string) string {
	_, after, _ := strings.Cut(text, system)
	return after
}
