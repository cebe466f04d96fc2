package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"seedbed/internal/sandbox"
)

// asProgram in the environment makes the test binary be seedbed itself, so
// that tests can start it, and kill it, as a process of its own.
const asProgram = "SEEDBED_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	// The children of either are this binary too.
	if os.Getenv(asProgram) != "" || sandbox.IsChild(os.Args[1:]) {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"seedbed": main})
}

// The scripts are the manual of the commands, held by tests.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CACHE_HOME", cacheOf(t))
			e.Setenv("XDG_DATA_HOME", e.WorkDir+"/.data")
			return nil
		},
	})
}
