package stage

import "context"

// A Runner runs code that nobody vouches for where it can harm nothing:
// without a network, without our files, within limits of time and memory.
// Implementations are safe for concurrent use.
type Runner interface {
	// Interpreter names what runs a language, with its version: "Python
	// 3.11.2". It is "" where nothing does.
	Interpreter(lang string) string

	// Run runs a program and waits until all of it has ended. An error means
	// that it could not be run, which says nothing about the program.
	Run(ctx context.Context, p Program) (Ran, error)
}

// A Program is some source files and what to do with one of them.
type Program struct {
	Lang  string            // as code blocks name it: "go", "python", "javascript"
	Files map[string]string // by slash-separated path
	Main  string            // the file to compile, or whose tests to run; in Go, those of its package

	// Test runs tests: those of the names in Tests, or all there are. Without
	// it, Main is only compiled, and the examples in its documentation are run
	// where the language knows such a thing.
	Test  bool
	Tests []string
}

// Ran is what became of a program. The same program, run again, gives the
// same: nothing in it tells the time.
type Ran struct {
	Passed  bool
	Count   int    // tests and examples that were run
	Output  string // the first and the last of what it printed
	Reason  string // why it did not pass
	Missing string // what it needs and is not here; it has then not been run
}
