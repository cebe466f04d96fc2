// Command harvest measures what harvest takes of a text against pairs that
// this program derives from the source itself, by the rule of its shape and
// without any of our readers:
//
//	faq FILE.md         headings that end in a question mark, with what follows
//	numbered FILE.md    numbered headings, each with the code block that follows
//	pretext FOLDER      statements with solutions, in the XML of PreTeXt
//	exercism FOLDER     instructions with the example that solves them
//	given FILE FOLDER   pairs that FILE lists, {"question", "answer"} a line
//
// It prints precision and recall of harvest alone, and how many of the pairs
// the whole recipe accepts. A pair counts as found where the question and the
// answer have the letters and digits that the source's begin with; of those the
// line also says how many end where the source's answer ends. With -v it names
// what was missed and what was wrong.
//
//	go run ./bench/harvest faq website/_content/doc/faq.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/read"
	"seedbed/extract/stage"
)

func main() {
	verbose := flag.Bool("v", false, "name what was missed and what was wrong")
	tags := flag.String("tags", "exercise,question,faq,interview,task,quiz", "given: the kinds of seeds that are such pairs")
	flag.Parse()
	if flag.NArg() != 2 && (flag.NArg() != 3 || flag.Arg(0) != "given") {
		fmt.Fprintln(os.Stderr, "usage: harvest [-v] faq|numbered|pretext|exercism PATH\n       harvest [-v] [-tags KINDS] given PAIRS.jsonl PATH")
		os.Exit(2)
	}
	if flag.Arg(0) == "given" {
		shapes["given"] = shape{func(string) ([]pair, error) { return given(flag.Arg(1)) }, strings.Split(*tags, ",")}
	}
	if err := run(flag.Arg(0), flag.Arg(flag.NArg()-1), *verbose); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A pair is the beginnings of a question and its answer, as letters, and the
// end of the answer where it is known.
type pair struct{ question, answer, end string }

// A shape is how a kind of text states its pairs.
type shape struct {
	gold func(path string) ([]pair, error)
	tags []string // of the seeds that are such pairs
}

var shapes = map[string]shape{
	"faq":      {faq, []string{"question", "faq"}},
	"numbered": {numbered, []string{"task"}},
	"pretext":  {pretext, []string{"exercise", "question"}},
	"exercism": {exercism, []string{"exercise"}},
}

func run(name, path string, verbose bool) error {
	s, ok := shapes[name]
	if !ok {
		return fmt.Errorf("shape %q: there are faq, numbered, pretext and exercism", name)
	}
	gold, err := s.gold(path)
	if err != nil {
		return err
	}
	if len(gold) == 0 {
		return errors.New("no pairs of that shape are there")
	}
	doc, err := read.File(context.Background(), path, read.Options{})
	if err != nil {
		return err
	}
	recipe, _ := stage.Lookup("explicit")
	stages, err := stage.Build(recipe, stage.Tools{})
	if err != nil {
		return err
	}
	met := make([]bool, len(gold))
	found, right, ended, others, accepted, rejected := 0, 0, 0, 0, 0, map[string]int{}
	for r := range extract.Run(context.Background(), chunk.Split(doc, chunk.Options{}), stages, extract.Options{}) {
		for _, seed := range r.Seeds {
			if !slices.ContainsFunc(seed.Tags, func(t string) bool { return slices.Contains(s.tags, t) }) {
				others++
				continue
			}
			found++
			i := index(gold, met, seed)
			if i < 0 {
				if verbose {
					fmt.Printf("not in the source: %.100q = %.80q\n", seed.Question, seed.Answer)
				}
				continue
			}
			right++
			met[i] = true
			if ends(seed.Answer, gold[i].end) {
				ended++
			} else if verbose {
				fmt.Printf("ends elsewhere: %.100q = … %q, want %q\n", seed.Question, tail(seed.Answer, 80), gold[i].end)
			}
			if seed.Live() {
				accepted++
				continue
			}
			check, _, _ := strings.Cut(seed.VerdictReason, ":")
			rejected[check]++
			if verbose {
				fmt.Printf("rejected: %.100q: %.100s\n", seed.Question, seed.VerdictReason)
			}
		}
	}
	for i, g := range gold {
		if !met[i] && verbose {
			fmt.Printf("missed: %s = %s\n", g.question, g.answer)
		}
	}
	fmt.Printf("%s: %d pairs in the source; %d found, %d of them right (%d whole): precision %.3f, recall %.3f; %d accepted, rejected %v; %d seeds of other kinds\n",
		name, len(gold), found, right, ended, float64(right)/float64(max(1, found)), float64(right)/float64(len(gold)), accepted, rejected, others)
	return nil
}

// index is the pair that a seed is, of those that none was yet.
func index(gold []pair, met []bool, s extract.Seed) int {
	question, answer := letters(s.Question), letters(s.Answer)
	for i, g := range gold {
		if !met[i] && strings.Contains(question, g.question) && strings.Contains(answer, g.answer) {
			return i
		}
	}
	return -1
}

// begins are the first letters and digits of a text, enough to know it by.
func begins(s string) string {
	s = letters(s)
	return strings.ToValidUTF8(s[:min(len(s), 30)], "")
}

// written is what the same words may be written with, or without: numbers of
// list items, commands of LaTeX, references.
var written = regexp.MustCompile(`(?m)^(?:\d+\.|\([a-z]\)) |\\(?:begin|end)\{\w+\}|\\[a-zA-Z]+|\[[\w-]+\]`)

// ends reports whether an answer ends as the source's does, give or take a sign
// or a reference.
func ends(answer, end string) bool {
	return strings.Contains(tail(letters(answer), len(end)+24), end)
}

// tail is the end of s, at most n bytes of it.
func tail(s string, n int) string {
	return strings.ToValidUTF8(s[max(0, len(s)-n):], "")
}

// letters are the letters and digits of languages. Those of formulas are
// written in too many ways.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && !unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, written.ReplaceAllString(s, ""))
}
