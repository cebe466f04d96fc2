package jail

import (
	"context"
	_ "embed"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract/stage"
)

//go:embed harness.cjs
var nodeHarness string

// harnessFile is where the harness stands, beside the program's own files.
const harnessFile = ".seedbed-harness.cjs"

// javascript runs tests by Node's own runner, which also gives the names that
// mocha and jest do.
type javascript struct {
	name    string
	path    string
	folders []string
}

func openJavaScript(ctx context.Context, j *Jail) (language, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, path, "-p", "process.execPath + ' ' + process.versions.node").Output()
	said := strings.Fields(string(out))
	if err != nil || len(said) != 2 {
		return nil, errors.Join(err, errors.New("node does not say what it is"))
	}
	n := &javascript{path: said[0], name: "Node.js " + said[1]}
	major, _, _ := strings.Cut(said[1], ".")
	if number, err := strconv.Atoi(major); err != nil || number < 20 {
		return nil, errors.New(n.name + " is too old: its test runner came with 20")
	}
	if !strings.HasPrefix(n.path, "/usr/bin/") {
		dir := filepath.Dir(filepath.Dir(n.path))
		n.folders = []string{dir}
		if !readable(dir) {
			return nil, errors.New(dir + " cannot be read by the jail's users")
		}
	}
	e, err := j.run(ctx, command{args: n.node("-p", "6*7"), folders: n.folders})
	if err != nil || strings.TrimSpace(e.output) != "42" {
		return nil, errors.Join(err, errors.New(n.path+" does not run in the jail: "+strings.TrimSpace(e.output+e.stopped)))
	}
	return n, nil
}

func (n *javascript) interpreter() string { return n.name }
func (n *javascript) needs() []string     { return n.folders }

// node is a command line. Its threads are few, so that they count for little
// among the processes.
func (n *javascript) node(args ...string) []string {
	return append([]string{n.path, "--v8-pool-size=2"}, args...)
}

func (n *javascript) command(_ context.Context, in stage.Program) (command, error) {
	c := command{files: map[string]string{harnessFile: nodeHarness}, env: []string{"NO_COLOR=1", "UV_THREADPOOL_SIZE=2"}}
	maps.Copy(c.files, in.Files)
	if in.Test {
		c.args = n.node("--require", "./"+harnessFile, "--test-reporter=tap", in.Main)
	} else {
		c.args = n.node("--check", in.Main)
	}
	return c, nil
}

var (
	tapCount   = regexp.MustCompile(`(?m)^# (tests|pass|fail|cancelled) (\d+)$`)
	nodeError  = regexp.MustCompile(`^\s*(?:not ok |(?:\w*Error|error)\b)`)
	nodeModule = regexp.MustCompile(`Cannot find (?:module|package) '([^'./][^']*)'`)
)

func (n *javascript) judge(in stage.Program, e ended) stage.Ran {
	if m := nodeModule.FindStringSubmatch(e.output); m != nil {
		return stage.Ran{Missing: "the JavaScript module " + m[1]}
	}
	counts := map[string]int{}
	for _, m := range tapCount.FindAllStringSubmatch(e.output, -1) {
		counts[m[1]], _ = strconv.Atoi(m[2])
	}
	r := stage.Ran{Count: counts["pass"] + counts["fail"], Passed: e.exit == 0 && counts["fail"]+counts["cancelled"] == 0}
	switch {
	case !r.Passed:
		r.Reason = failing(e.output, nodeError.MatchString)
	case in.Test && counts["tests"] == 0:
		// A file that only asserts is a test itself.
		r.Count = 1
	}
	return r
}
