package jail

import (
	"context"
	_ "embed"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract/stage"
)

//go:embed harness.py
var pythonHarness string

// python runs tests as pytest and unittest write them, by pytest where they
// import it and it is there.
type python struct {
	name    string
	path    string
	folders []string
}

// openPython takes the first Python that works in the jail: the one on the
// path may be root's own.
func openPython(ctx context.Context, j *Jail) (language, error) {
	var why error
	for _, candidate := range []string{"python3", "/usr/local/bin/python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(candidate)
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		// What is on the path may be a script that looks for the real one.
		out, err := exec.CommandContext(ctx, path, "-I", "-c", "import sys; print(sys.executable); print(sys.base_prefix); print(sys.version.split()[0])").Output()
		said := strings.Fields(string(out))
		if err != nil || len(said) != 3 {
			why = errors.Join(why, err)
			continue
		}
		p := &python{path: said[0], name: "Python " + said[2]}
		if real, err := filepath.EvalSymlinks(said[0]); err == nil {
			p.path = real
		}
		if !strings.HasPrefix(p.path, "/usr/bin/") {
			p.folders = []string{said[1]}
			if !readable(said[1]) {
				why = errors.Join(why, errors.New(said[1]+" cannot be read by the jail's users"))
				continue
			}
		}
		e, err := j.run(ctx, command{args: []string{p.path, "-I", "-c", "print(6*7)"}, folders: p.folders})
		if err == nil && strings.TrimSpace(e.output) == "42" {
			return p, nil
		}
		why = errors.Join(why, err, errors.New(p.path+" does not run in the jail: "+strings.TrimSpace(e.output+e.stopped)))
	}
	return nil, why
}

func (p *python) interpreter() string { return p.name }
func (p *python) needs() []string     { return p.folders }

func (p *python) command(_ context.Context, in stage.Program) (command, error) {
	c := command{files: in.Files, env: []string{"PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0"}}
	what := "check"
	if in.Test {
		what = "test"
	}
	// -P, or the folder of what is run would shadow the library.
	c.args = append([]string{p.path, "-c", pythonHarness, what, in.Main}, in.Tests...)
	return c, nil
}

var (
	mark        = regexp.MustCompile(`(?m)^seedbed: (?:(\d+) ran, (\d+) failed|missing (.+))$`)
	pythonError = regexp.MustCompile(`^(?:E  |[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning)\b|FAILED )`)
)

func (p *python) judge(in stage.Program, e ended) stage.Ran {
	all := mark.FindAllStringSubmatch(e.output, -1)
	if len(all) == 0 {
		return stage.Ran{Reason: "it ended before its tests did" + colon(failing(e.output, pythonError.MatchString))}
	}
	last := all[len(all)-1]
	if last[3] != "" {
		return stage.Ran{Missing: last[3]}
	}
	count, _ := strconv.Atoi(last[1])
	r := stage.Ran{Count: count, Passed: e.exit == 0 && last[2] == "0"}
	switch {
	case !r.Passed:
		r.Reason = failing(e.output, pythonError.MatchString)
	case in.Test && count == 0:
		r.Passed, r.Reason = false, "no test ran"
	}
	return r
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}
