package jail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"seedbed/extract/stage"
)

// golang runs go test with the standard library compiled beforehand: without
// it, each program would take a minute.
type golang struct {
	name    string
	root    string // GOROOT
	cache   string
	prepare func() error // compiles the library, once
}

// library is what code without dependencies imports, by and large.
var library = strings.Fields(`bufio bytes cmp container/heap container/list container/ring context
	crypto/md5 crypto/rand crypto/sha1 crypto/sha256 encoding/base64 encoding/binary encoding/csv encoding/hex encoding/json encoding/xml
	errors flag fmt hash/crc32 hash/fnv html io io/fs iter log log/slog maps math math/big math/bits math/cmplx math/rand math/rand/v2
	net/http net/http/httptest net/url os os/exec path path/filepath reflect regexp runtime runtime/debug slices sort strconv strings
	sync sync/atomic testing testing/fstest testing/iotest testing/quick text/tabwriter text/template time unicode unicode/utf16 unicode/utf8 unique`)

func openGo(ctx context.Context, j *Jail) (language, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	env := exec.CommandContext(ctx, tool, "env", "GOROOT", "GOVERSION")
	env.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=")
	env.Dir = "/"
	out, err := env.Output()
	said := strings.Fields(string(out))
	if err != nil || len(said) != 2 {
		return nil, errors.Join(err, errors.New("go does not say what it is"))
	}
	g := &golang{root: said[0], name: "Go " + strings.TrimPrefix(said[1], "go")}
	if j.CacheDir == "" {
		return nil, errors.New("there is no folder to keep its library compiled in")
	}
	for _, dir := range []string{g.root, j.CacheDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if !readable(dir) {
			return nil, errors.New(dir + " cannot be read by the jail's users")
		}
	}
	packages := j.GoPackages
	if packages == nil {
		packages = library
	}
	g.cache = filepath.Join(j.CacheDir, said[1])
	g.prepare = sync.OnceValue(func() error {
		return g.compile(context.WithoutCancel(ctx), packages, j.Log)
	})
	e, err := j.run(ctx, command{args: []string{g.root + "/bin/go", "version"}, folders: []string{g.root}, env: []string{"GOTOOLCHAIN=local"}})
	if err != nil || !strings.HasPrefix(e.output, "go version") {
		return nil, errors.Join(err, errors.New("go does not run in the jail: "+strings.TrimSpace(e.output+e.stopped)))
	}
	return g, nil
}

// compile fills the cache, unless it is there.
func (g *golang) compile(ctx context.Context, packages []string, log *slog.Logger) error {
	if _, err := os.Stat(g.cache); err == nil {
		return nil
	}
	log.Info("compiling Go's standard library for the sandbox, once; it may take minutes")
	dir, err := os.MkdirTemp(filepath.Dir(g.cache), "part-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var w strings.Builder
	w.WriteString("package library\n\nimport (\n\t\"testing\"\n")
	for _, p := range packages {
		fmt.Fprintf(&w, "\t_ %q\n", p)
	}
	w.WriteString(")\n\nfunc TestNothing(*testing.T) {}\n")
	for name, body := range map[string]string{"go.mod": "module library\n", "library_test.go": w.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			return err
		}
	}
	cache := filepath.Join(dir, "cache")
	cmd := exec.CommandContext(ctx, filepath.Join(g.root, "bin", "go"), "test", "-vet=off", "-c", "-o", "library.test", ".")
	cmd.Dir = dir
	cmd.Env = append(goEnvironment(cache), "PATH="+os.Getenv("PATH"), "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile Go's standard library for the jail: %w: %s", err, out)
	}
	err = filepath.WalkDir(cache, func(name string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.Chmod(name, 0o755) //nolint:gosec // for the jail's users to read
		}
		return os.Chmod(name, 0o644)
	})
	if err != nil {
		return err
	}
	if err := os.Rename(cache, g.cache); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(g.cache); there != nil {
			return err
		}
	}
	return nil
}

// goEnvironment keeps the go command to what it has.
func goEnvironment(cache string) []string {
	return []string{
		"GOCACHE=" + cache, "GOTOOLCHAIN=local", "GOPROXY=off", "GOFLAGS=-mod=mod", "GOENV=off", "GOSUMDB=off", "GOTELEMETRY=off",
		"CGO_ENABLED=0", "GOWORK=off", "GOMAXPROCS=2",
	}
}

func (g *golang) interpreter() string { return g.name }
func (g *golang) needs() []string     { return []string{g.root, g.cache} }

// Exit status of a program that was not compiled.
const notCompiled = 3

func (g *golang) command(_ context.Context, in stage.Program) (command, error) {
	if err := g.prepare(); err != nil {
		return command{}, err
	}
	c := command{files: in.Files, env: append(goEnvironment(homeFolder+"/cache"), "GOPATH="+homeFolder+"/go")}
	dir := "./" + path.Dir(in.Main)
	tool := g.root + "/bin/go"
	// The go command must be able to add to its cache: it gets one of its own,
	// in which what we have compiled are links.
	script := `cp -rs "$1" "$GOCACHE" || exit; `
	if !in.Test {
		c.args = []string{"/bin/sh", "-c", script + `exec "$2" build -o /dev/null "$3"`, "sh", g.cache, tool, dir}
		return c, nil
	}
	names := "."
	if len(in.Tests) > 0 {
		quoted := make([]string, len(in.Tests))
		for i, n := range in.Tests {
			quoted[i] = regexp.QuoteMeta(n)
		}
		names = "^(" + strings.Join(quoted, "|") + ")$"
	}
	script += fmt.Sprintf(`"$2" test -vet=off -c -o /tmp/run.test "$3" || exit %d; cd "$3" && exec /tmp/run.test -test.v -test.run "$4"`, notCompiled)
	c.args = []string{"/bin/sh", "-c", script, "sh", g.cache, tool, dir, names}
	return c, nil
}

var (
	goRan     = regexp.MustCompile(`(?m)^--- (PASS|FAIL): `)
	goError   = regexp.MustCompile(`^(?:\s+\S+\.go:\d+: |\S+\.go:\d+:\d+: |panic: |--- FAIL|got:)`)
	goMissing = regexp.MustCompile(`no required module provides package ([^\s;:]+)|cannot find module providing package ([^\s;:]+)|missing go\.sum entry for (?:module providing package |go\.mod file;? ?)?([^\s;:]*)|(?:package|module) (\S+): (?:module lookup disabled|cannot find module)|(go\.mod requires go >= [\d.]+)`)
)

func (g *golang) judge(in stage.Program, e ended) stage.Ran {
	if m := goMissing.FindStringSubmatch(e.output); m != nil && e.exit != 0 {
		return stage.Ran{Missing: cmp.Or(m[1], m[2], m[3], m[4], m[5], "a module")}
	}
	r := stage.Ran{Count: len(goRan.FindAllString(e.output, -1)), Passed: e.exit == 0}
	switch {
	case !r.Passed && (e.exit == notCompiled || !in.Test):
		r.Reason = "it does not compile" + colon(failing(e.output, goError.MatchString))
	case !r.Passed:
		r.Reason = failing(e.output, goError.MatchString)
	case in.Test && r.Count == 0:
		r.Passed, r.Reason = false, "no test ran"
	case in.Test && !strings.HasSuffix(strings.TrimSpace(e.output), "PASS"):
		r.Passed, r.Reason = false, "it ended before its tests did"
	}
	return r
}
