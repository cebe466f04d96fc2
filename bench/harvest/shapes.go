package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	heading  = regexp.MustCompile(`(?m)^#{2,6} `) // one # is a comment in code
	asking   = regexp.MustCompile(`(?m)^#{1,6} (.*\?)\s*(?:\{#.*\})?$`)
	counting = regexp.MustCompile(`(?m)^#{1,6} \d+\. (.*?)(?: \([★☆]+\))?\s*$`)
	fence    = regexp.MustCompile("(?s)```\\w*\n(.*?)```")
)

// faq are the headings that ask, each with what stands below it.
func faq(path string) ([]pair, error) { return below(path, asking, begins) }

// numbered are numbered headings, each with its code.
func numbered(path string) ([]pair, error) {
	return below(path, counting, func(body string) string {
		if m := fence.FindStringSubmatch(body); m != nil {
			return begins(m[1])
		}
		return ""
	})
}

func below(path string, which *regexp.Regexp, answer func(string) string) ([]pair, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := string(data)
	var out []pair
	for _, m := range which.FindAllStringSubmatchIndex(text, -1) {
		body := text[m[1]:]
		if next := heading.FindStringIndex(body); next != nil {
			body = body[:next[0]]
		}
		if a := answer(body); a != "" {
			out = append(out, pair{question: begins(text[m[2]:m[3]]), answer: a})
		}
	}
	return out, nil
}

// pretext are the elements with a solution or an answer. What is commented
// out is not there, and neither is what has numbers that a program draws.
func pretext(folder string) ([]pair, error) {
	var out []pair
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".ptx" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		some, err := solved(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, some...)
		return nil
	})
	return out, err
}

// unsaid are elements whose words are none of a question or an answer.
var unsaid = map[string]bool{
	"hint": true, "title": true, "idx": true, "latex-image": true, "description": true, "shortdescription": true,
	"fn": true, "xref": true, "url": true, "response": true, "feedback": true, "pg-code": true,
}

// solved walks over the elements of a file. Each collects its own words,
// apart from those of its replies.
func solved(r io.Reader) ([]pair, error) {
	type element struct {
		name             string
		question, answer strings.Builder
		drawn            bool
	}
	var out []pair
	var open []*element
	d := xml.NewDecoder(r)
	d.Strict = false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			open = append(open, &element{name: t.Name.Local})
			if t.Name.Local == "var" {
				for _, e := range open {
					e.drawn = true
				}
			}
		case xml.EndElement:
			e := open[len(open)-1]
			open = open[:len(open)-1]
			p := pair{question: begins(e.question.String()), answer: begins(e.answer.String())}
			if p.question != "" && p.answer != "" && !e.drawn {
				out = append(out, p)
			}
		case xml.CharData:
			// Words in a reply are its owner's answer, others the question of
			// the exercise that they stand in.
			for i := len(open) - 1; i > 0 && !unsaid[open[i].name]; i-- {
				switch open[i].name {
				case "solution", "answer":
					open[i-1].answer.Write(t)
				case "example", "exercise", "task", "webwork":
					open[i].question.Write(t)
				default:
					continue
				}
				break
			}
		}
	}
}

// exercism are the exercises of a track: instructions, and an example of what
// solves them.
func exercism(folder string) ([]pair, error) {
	tasks, err := filepath.Glob(filepath.Join(folder, "*", ".docs", "instructions.md"))
	if err != nil {
		return nil, err
	}
	var out []pair
	for _, task := range tasks {
		root := filepath.Dir(filepath.Dir(task))
		examples, err := filepath.Glob(filepath.Join(root, ".meta", "example.*"))
		if err != nil || len(examples) == 0 {
			return nil, errors.Join(err, fmt.Errorf("%s has no example", root))
		}
		said, err := os.ReadFile(task)
		if err != nil {
			return nil, err
		}
		code, err := os.ReadFile(examples[0])
		if err != nil {
			return nil, err
		}
		_, words, _ := strings.Cut(string(said), "\n") // without its heading
		out = append(out, pair{question: begins(words), answer: begins(string(code))})
	}
	return out, nil
}

// given are the pairs that a file lists, one a line. What they are has to be
// found in the source by other means than ours.
func given(path string) ([]pair, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []pair
	for d := json.NewDecoder(f); ; {
		var p struct{ Question, Answer string }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("pair %d of %s: %w", len(out)+1, path, err)
		}
		out = append(out, pair{question: begins(p.Question), answer: begins(p.Answer), end: tail(letters(p.Answer), 20)})
	}
}
