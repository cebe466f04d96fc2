package main

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"seedbed/internal/fetch/fetchtest"
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
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"serve": serve, "upload": upload, "serve-git": serveGit, "login": login, "enter": enter},
		Setup: func(e *testscript.Env) error {
			e.Values["t"] = e.T()
			e.Setenv("XDG_CACHE_HOME", cacheOf(t))
			e.Setenv("XDG_DATA_HOME", e.WorkDir+"/.data")
			for name, path := range map[string]string{"SCAN": "testdata/scan.pdf", "PAPER": "../../examples/paper.pdf"} {
				abs, err := filepath.Abs(path)
				if err != nil {
					return err
				}
				e.Setenv(name, abs)
			}
			program, err := exec.LookPath("seedbed") // found by its path where a script empties PATH
			if err != nil {
				return err
			}
			e.Setenv("SEEDBED", program)
			return nil
		},
	})
}

// Who stops a command hears that, and not what it was about to do.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seedbed.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said bytes.Buffer
	if code := run(ctx, []string{"backup", filepath.Join(dir, "a.zip"), "--data", dir}, &said, &said); code != exitFailure || said.String() != "seedbed: interrupted\n" {
		t.Errorf("a backup that is stopped ends with %d and says %q; want %d", code, said.String(), exitFailure)
	}
}

// serve DIR starts the program on a data folder for the rest of the script.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	t := ts.Value("t").(testing.TB)
	ts.Setenv("SERVER", startProgram(t, ts.MkAbs(args[0])).URL)
}

// serve-git serves a repository named pile.git for the rest of the script.
func serveGit(ts *testscript.TestScript, _ bool, _ []string) {
	t := ts.Value("t").(testing.TB)
	srv, _ := fetchtest.Serve(t, fetchtest.Project(t))
	ts.Setenv("GIT_SERVER", srv.URL)
}

// upload FILE… sends files to the server and waits until their runs ended.
func upload(ts *testscript.TestScript, _ bool, args []string) {
	p := &program{t: ts.Value("t").(testing.TB), URL: ts.Getenv("SERVER")}
	for _, name := range args {
		for _, r := range p.upload(nil, file{name, []byte(ts.ReadFile(name))}).Runs {
			p.until(r.ID, ended)
		}
	}
}

// login NAME FILE logs in with the password in a file, for what enters next.
func login(ts *testscript.TestScript, neg bool, args []string) {
	form := url.Values{"name": {args[0]}, "password": {strings.TrimSpace(ts.ReadFile(args[1]))}}
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("SERVER")+"/login", strings.NewReader(form.Encode()))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	_ = resp.Body.Close()
	if in := resp.StatusCode == http.StatusSeeOther; in == neg {
		ts.Fatalf("login as %s: %s", args[0], resp.Status)
	}
	for _, c := range resp.Cookies() {
		ts.Setenv("COOKIE", c.Name+"="+c.Value)
	}
}

// enter asks for the first page.
func enter(ts *testscript.TestScript, neg bool, _ []string) {
	req, err := http.NewRequest(http.MethodGet, ts.Getenv("SERVER")+"/", nil)
	ts.Check(err)
	req.Header.Set("Cookie", ts.Getenv("COOKIE"))
	resp, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	_ = resp.Body.Close()
	if in := resp.StatusCode == http.StatusOK; in == neg {
		ts.Fatalf("the first page: %s", resp.Status)
	}
}
