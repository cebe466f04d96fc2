package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/code"
)

// Execute runs the code of answers in the jail, with the tests there are for
// it, and says what came of it: how many tests passed, or the first words of
// what failed, with the interpreter's version. What is run is kept with the
// check.
//
// Code that stands in the document is run where it stands, with the tests
// that name it. Other code is compiled, with the examples in its
// documentation; with Tests, a model writes tests for it from the question
// and the code. Whoever wrote the tests, they are also run where the code does
// nothing, and have to fail there: tests that cannot fail prove nothing.
//
// Code that does not compile, or fails the tests written for it, rejects its
// seed, unless the text itself states the pair. Code that nothing tests is
// uncertain, and skipped where there is no jail, no interpreter, or something
// missing that it needs: nothing is ever run outside the jail.
type Execute struct {
	Tests  bool             `yaml:"tests"` // have a model write tests for code that has none
	Asking `yaml:",inline"` // its sampling is that of the tests

	Runner Runner `yaml:"-"`
}

// Name is "execute".
func (*Execute) Name() string { return "execute" }

func (e *Execute) needsModel() bool { return e.Tests }

func (*Execute) prompts() []string { return []string{"execute"} }

const executeVersion = "1"

// Do checks the live seeds whose answers hold code.
func (e *Execute) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	todo := live(seeds)
	checks := make([]extract.Check, len(seeds))
	err := together(ctx, len(todo), func(ctx context.Context, n int) (err error) {
		i := todo[n]
		checks[i], err = e.execute(ctx, p, &seeds[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, i := range todo {
		c := checks[i]
		c.Name, c.Version = "execute", executeVersion
		if c.Execution != nil {
			c.Version += " (" + c.Execution.Interpreter + ")"
		}
		seeds[i].Record(c)
	}
	return seeds, nil
}

func skipped(why string) extract.Check {
	return extract.Check{Verdict: extract.Skipped, Reason: why}
}

// execute runs one answer.
func (e *Execute) execute(ctx context.Context, p extract.Passage, s *extract.Seed) (extract.Check, error) {
	lang, source := codeOf(s.Answer)
	if source == "" || s.Type != extract.CodeType {
		return skipped("the answer is no code"), nil
	}
	run := runnable(lang)
	switch {
	case e.Runner == nil:
		return skipped(noSandbox), nil
	case run == "" || e.Runner.Interpreter(run) == "":
		return skipped("not run: nothing here runs " + language(lang)), nil
	}
	if block := standing(p.Doc, s, source); block >= 0 {
		return e.inPlace(ctx, p.Doc, block)
	}
	return e.alone(ctx, s, run, source)
}

var fences = lazily("(?ms)^(`{3,})([\\w+#-]*)[^\\n]*\\n(.*?)^`{3,}[ \\t]*$")

// codeOf is the code of an answer and its language: all of its fences in the
// first one's language.
func codeOf(answer string) (lang, source string) {
	var parts []string
	for _, m := range fences().FindAllStringSubmatch(answer, -1) {
		if lang == "" {
			lang = m[2]
		}
		if m[2] == lang {
			parts = append(parts, strings.TrimRight(m[3], "\n"))
		}
	}
	return lang, strings.Join(parts, "\n\n")
}

// standing is the block of the document that the code stands in, word for
// word, −1 if it does in none. The seed's evidence says where to look.
func standing(doc *extract.Document, s *extract.Seed, source string) int {
	if doc == nil {
		return -1
	}
	source = squeeze(source)
	for _, e := range s.Evidence {
		if i := blockAt(doc.Blocks, e.Start); e.Match != "" && i >= 0 && doc.Blocks[i].Symbol != nil && strings.HasSuffix(squeeze(doc.Blocks[i].Text), source) {
			return i
		}
	}
	return -1
}

// inPlace runs the tests of a declaration of the document, or, where it is a
// test itself, runs it on what it tests.
func (e *Execute) inPlace(ctx context.Context, doc *extract.Document, block int) (extract.Check, error) {
	t := trial{runner: e.Runner, doc: doc, block: block}
	if sym := doc.Blocks[block].Symbol; sym.Kind == "test" || sym.Kind == "example" {
		t.block = slices.IndexFunc(doc.Blocks, func(b extract.Block) bool {
			return b.Symbol != nil && slices.Contains(b.Symbol.Tests, sym.Name) && b.Symbol.Kind != "type"
		})
		if t.block < 0 {
			return skipped("not run: what it tests is not known"), nil
		}
	}
	w, tests, ran, why, err := t.sound(ctx)
	c := extract.Check{Verdict: extract.Uncertain, Score: 0.5, Reason: why}
	if err != nil {
		return c, err
	}
	if why == noTests {
		ran, err = e.Runner.Run(ctx, Program{Lang: w.lang, Files: w.files, Main: doc.Blocks[block].File})
		switch {
		case err != nil:
			return c, err
		case ran.Missing != "":
			return skipped("not run: it needs " + ran.Missing), nil
		case !ran.Passed:
			c.Reason = "it does not run here: " + ran.Reason
		case ran.Count > 0:
			c.Verdict, c.Score = extract.Pass, 1
			c.Reason = "the examples in its file's documentation hold: " + count(ran.Count, "example")
		default:
			c.Reason = "it compiles; nothing tests it"
		}
		c.Execution = &extract.Execution{Interpreter: e.Runner.Interpreter(w.lang), Output: clipCode(ran.Output)}
		return c, nil
	}
	if strings.HasPrefix(why, "not run: ") {
		return skipped(why), nil
	}
	c.Execution = &extract.Execution{Interpreter: e.Runner.Interpreter(w.lang), Test: clipCode(w.source(tests)), Output: clipCode(ran.Output)}
	if why == "" {
		c.Verdict, c.Score = extract.Pass, 1
		c.Reason = fmt.Sprintf("%s: %s", passed(ran.Count), strings.Join(w.titles(tests), ", "))
	}
	return c, nil
}

func passed(n int) string {
	if n == 1 {
		return "1 test passes"
	}
	return fmt.Sprintf("%d tests pass", n)
}

// testsWritten is what a model writes to test an answer.
type testsWritten struct {
	Tests string `json:"tests" jsonschema:"description=The tests as source that follows the answer's code. Empty where it cannot be tested."`
}

var testingSchema = schemaOf(&testsWritten{})

// alone runs code that is a program by itself.
func (e *Execute) alone(ctx context.Context, s *extract.Seed, lang, source string) (extract.Check, error) {
	c := extract.Check{Verdict: extract.Uncertain, Score: 0.5, Execution: &extract.Execution{Interpreter: e.Runner.Interpreter(lang)}}
	tests := ""
	if e.Tests && len(functionsOf(lang, source)) > 0 {
		about := codeSheet{Lang: language(lang), Instruction: guardCode(s.Question), Code: guardCode(source)}
		said, err := ask[testsWritten](ctx, &e.Asking, "execute", about, 0)
		if err != nil {
			return c, err
		}
		pay(s, said.tokens)
		tests = strings.TrimSpace(unfenced(said.said.Tests))
	}
	first, err := e.Runner.Run(ctx, single(lang, source, ""))
	if err != nil {
		return c, err
	}
	c.Execution.Output = clipCode(first.Output)
	switch {
	case first.Missing != "":
		return skipped("not run: it needs " + first.Missing), nil
	case !first.Passed && incomplete.MatchString(first.Output):
		c.Reason = "it needs what the answer does not hold: " + first.Reason
		return c, nil
	case !first.Passed:
		c.Reason = "it does not run: " + first.Reason
		e.fail(&c, s)
		return c, nil
	case tests == "" && first.Count > 0:
		c.Verdict, c.Score = extract.Pass, 1
		c.Reason = "the examples in its documentation hold: " + count(first.Count, "example")
		return c, nil
	case tests == "":
		c.Reason = "it compiles; nothing tests it"
		return c, nil
	}
	c.Execution.Test = clipCode(tests)
	ran, err := e.Runner.Run(ctx, single(lang, source, tests))
	if err != nil {
		return c, err
	}
	c.Execution.Output = clipCode(ran.Output)
	switch {
	case ran.Missing != "":
		return skipped("not run: its tests need " + ran.Missing), nil
	case !ran.Passed:
		c.Reason = "a test written for it fails: " + ran.Reason
		e.fail(&c, s)
		return c, nil
	}
	stubbed, err := e.Runner.Run(ctx, single(lang, stubbed(lang, source), tests))
	if err != nil {
		return c, err
	}
	if stubbed.Passed {
		c.Reason = "the tests written for it pass even where the code does nothing, and so prove nothing"
		return c, nil
	}
	c.Verdict, c.Score, c.Reason = extract.Pass, 1, passed(ran.Count)+", written for it by a model, and fail where the code does nothing"
	return c, nil
}

// fail rejects the seed, unless the text states the pair: then a model's test
// stands against a book.
func (e *Execute) fail(c *extract.Check, s *extract.Seed) {
	if s.Origin != extract.Explicit && s.Origin != extract.Manual {
		c.Verdict, c.Score = extract.Fail, 0
	}
}

// incomplete is what compilers say of code that is only a part.
var incomplete = lazily(`undefined: |is not in std|no required module|imported and not used|declared and not used|expected 'package'`)

// single is code that is a program by itself, followed by its tests.
func single(lang, source, tests string) Program {
	p := Program{Lang: lang, Test: tests != "", Files: map[string]string{}}
	switch lang {
	case "go":
		if !packageClause.MatchString(source) {
			source = "package answer\n\n" + source
		}
		name := packageName(source)
		p.Main = "answer.go"
		p.Files["go.mod"] = "module example.org/answer\n\ngo 1.24\n"
		p.Files["answer.go"] = source
		if tests != "" {
			if packageClause.MatchString(tests) {
				tests = packageClause.ReplaceAllString(tests, "package "+name)
			} else {
				tests = "package " + name + "\n\n" + tests
			}
			p.Main = "answer_test.go"
			p.Files[p.Main] = pruned(tests)
		}
		return p
	case "python":
		p.Main = "test_answer.py"
	default:
		p.Main = "answer.cjs"
		if module.MatchString(source + "\n" + tests) {
			p.Main = "answer.mjs"
		}
	}
	p.Files[p.Main] = source + "\n\n" + tests + "\n"
	return p
}

var module = lazily(`(?m)^(?:import\s|export\s)`)

// functionsOf are the functions that code declares.
func functionsOf(lang, source string) []extract.Block {
	var out []extract.Block
	for _, b := range code.Parse(source, "answer", lang).Blocks {
		if b.Symbol != nil && (b.Symbol.Kind == "function" || b.Symbol.Kind == "method") && b.Symbol.Signature != "" {
			out = append(out, b)
		}
	}
	return out
}

// stubbed is code in which every function does nothing but fail.
func stubbed(lang, source string) string {
	if lang == "go" {
		if !packageClause.MatchString(source) {
			source = "package answer\n\n" + source
		}
		out, _ := stubGo(source)
		return out
	}
	var w strings.Builder
	at := 0
	for _, b := range functionsOf(lang, source) {
		i := strings.Index(source[at:], b.Text)
		if i < 0 {
			continue
		}
		w.WriteString(source[at:at+i] + reindent(strings.TrimRight(stub(b), "\n"), indentOf(b.Text)))
		at += i + len(b.Text)
	}
	w.WriteString(source[at:])
	return w.String()
}
