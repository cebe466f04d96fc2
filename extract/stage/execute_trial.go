package stage

import (
	"context"
	"fmt"
	"strings"

	"seedbed/extract"
)

// A trial holds code to the tests that stand beside it in its document.
type trial struct {
	runner Runner
	doc    *extract.Document
	block  int // that declares what is tested
}

// Reasons that nothing was run.
const (
	noSandbox = "not run: no sandbox"
	noTests   = "not run: it has no tests"
)

// able is the workspace and the tests of a trial that can be held, or why it
// cannot.
func (t trial) able() (*workspace, []int, string) {
	lang := runnable(t.doc.Blocks[t.block].Lang)
	switch {
	case t.runner == nil:
		return nil, nil, noSandbox
	case lang == "" || t.runner.Interpreter(lang) == "":
		return nil, nil, "not run: nothing here runs " + language(t.doc.Blocks[t.block].Lang)
	}
	w := workspaceOf(t.doc, lang)
	tests := w.tests(t.block)
	if len(tests) == 0 {
		return w, nil, noTests
	}
	return w, tests, ""
}

// sound runs the tests on the original, which has to pass them, and on a stub
// in its place, which has to fail: tests that cannot fail prove nothing. It
// returns why they prove nothing, if they do.
func (t trial) sound(ctx context.Context) (w *workspace, tests []int, ran Ran, why string, err error) {
	w, tests, why = t.able()
	if why != "" {
		return w, tests, ran, why, nil
	}
	ran, err = t.runner.Run(ctx, w.program(w.files, tests))
	switch {
	case err != nil:
		return w, tests, ran, "", err
	case ran.Missing != "":
		return w, tests, ran, "not run: it needs " + ran.Missing, nil
	case !ran.Passed:
		return w, tests, ran, "its own tests do not pass here: " + ran.Reason, nil
	}
	broken, cannot := w.replaced(t.block, stub(t.doc.Blocks[t.block]))
	if cannot != "" {
		return w, tests, ran, "its tests could not be tried on a stub: " + cannot, nil
	}
	stubbed, err := t.runner.Run(ctx, w.program(broken, tests))
	switch {
	case err != nil:
		return w, tests, ran, "", err
	case stubbed.Passed:
		return w, tests, ran, "its tests pass even where the code does nothing, and so prove nothing", nil
	}
	return w, tests, ran, "", nil
}

// holds puts source in the place of the original and runs the original's
// tests. It returns why that proves nothing, if it does not.
func (t trial) holds(ctx context.Context, source string) (extract.Check, string, error) {
	w, tests, _, why, err := t.sound(ctx)
	if why != "" || err != nil {
		return extract.Check{}, why, err
	}
	c := extract.Check{Verdict: extract.Fail, Execution: &extract.Execution{
		Interpreter: t.runner.Interpreter(w.lang), Code: clipCode(source), Test: clipCode(w.source(tests)),
	}}
	files, cannot := w.replaced(t.block, source)
	if cannot != "" {
		c.Reason = "code written from the instruction alone cannot take the original's place: " + cannot
		return c, "", nil
	}
	ran, err := t.runner.Run(ctx, w.program(files, tests))
	switch {
	case err != nil:
		return c, "", err
	case ran.Missing != "": // which the original does not need
		c.Reason = "code written from the instruction alone needs " + ran.Missing
	case !ran.Passed:
		c.Reason = "code written from the instruction alone fails the original's tests: " + ran.Reason
	default:
		c.Verdict, c.Score = extract.Pass, 1
		c.Reason = fmt.Sprintf("code written from the instruction alone passes the original's tests: %s", strings.Join(w.titles(tests), ", "))
	}
	c.Execution.Output = clipCode(ran.Output)
	return c, "", nil
}

// source is the text of these tests.
func (w *workspace) source(tests []int) string {
	var parts []string
	for _, t := range tests {
		parts = append(parts, w.doc.Blocks[t].Text)
	}
	return strings.Join(parts, "\n\n")
}

func (w *workspace) titles(tests []int) []string {
	var out []string
	for _, t := range tests {
		out = append(out, w.doc.Blocks[t].Symbol.Name)
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// clipCode is as much code or output as is kept with a check.
func clipCode(s string) string { return cutText(strings.Trim(s, "\n"), 12<<10) }
