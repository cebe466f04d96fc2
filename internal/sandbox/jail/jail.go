// Package jail runs code that nobody vouches for: what a model wrote, or what
// stood in a document.
//
// A program runs under bubblewrap, in name spaces of its own: it has no
// network, sees /usr and its interpreter read-only and nothing else of this
// machine, may write into a folder in memory that is capped and gone
// afterwards, and learns nothing of our environment. System calls that have
// led out of such places are refused. Time, memory, processes, open files and
// output are limited, and when a program ends, or is ended, everything it
// started ends with it.
//
// A verdict is as good as the program lets it be: code that sets out to
// deceive the tests which run in its own process can do so. It cannot do more.
package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"seedbed/extract/stage"
)

// Options limit a program. Zero fields take the defaults.
type Options struct {
	Slots     int           // programs at once, 0 is 2
	WallTime  time.Duration // 0 is a minute
	CPU       time.Duration // computing time of one process, 0 is half a minute
	Memory    int64         // resident bytes of all its processes, 0 is 1 GiB
	Disk      int64         // bytes it may write, 0 is 256 MiB
	FileSize  int64         // bytes of one file, 0 is 64 MiB
	Processes int           // processes and threads, 0 is 256
	OpenFiles int           // of one process, 0 is 256
	Output    int64         // bytes it may print before it is ended, 0 is 4 MiB

	// CacheDir keeps Go's standard library compiled; without it, and where the
	// jail's users cannot read it, Go is not offered.
	CacheDir   string
	GoPackages []string // what is kept compiled, nil is most of what code without dependencies imports

	Log *slog.Logger // nil is silent
}

func (o Options) withDefaults() Options {
	def := func(n *int64, to int64) {
		if *n == 0 {
			*n = to
		}
	}
	def(&o.Memory, 1<<30)
	def(&o.Disk, 256<<20)
	def(&o.FileSize, 64<<20)
	def(&o.Output, 4<<20)
	if o.Slots <= 0 {
		o.Slots = 2
	}
	if o.WallTime == 0 {
		o.WallTime = time.Minute
	}
	if o.CPU == 0 {
		o.CPU = 30 * time.Second
	}
	if o.Processes == 0 {
		o.Processes = 256
	}
	if o.OpenFiles == 0 {
		o.OpenFiles = 256
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// ErrNone is the error of Open where there can be no jail.
var ErrNone = errors.New("code cannot be run here")

// A Jail runs programs. It is a [stage.Runner].
type Jail struct {
	Options
	slots     chan int // their numbers
	languages map[string]language
}

// A language knows how to run programs in it.
type language interface {
	// interpreter is its name and version.
	interpreter() string
	// needs are the folders outside /usr that it is made of.
	needs() []string
	// command prepares a program.
	command(ctx context.Context, p stage.Program) (command, error)
	// judge says what became of it.
	judge(p stage.Program, e ended) stage.Ran
}

// A command is what is done in the jail.
type command struct {
	args    []string
	env     []string
	files   map[string]string // by path under the working folder
	folders []string          // of this machine, to be seen read-only
}

// Ended is how a command ended.
type ended struct {
	output  string
	exit    int    // −1 where it was killed
	stopped string // the limit that ended it, in words
}

// Open finds bubblewrap and the interpreters, and tries out that they work.
// What is not found is logged. The error is an [ErrNone] that says what is
// missing.
func Open(ctx context.Context, o Options) (*Jail, error) {
	o = o.withDefaults()
	j := &Jail{Options: o, slots: make(chan int, o.Slots), languages: map[string]language{}}
	for i := range o.Slots {
		j.slots <- i
	}
	if err := j.prepare(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	for _, find := range []struct {
		names []string
		open  func(context.Context, *Jail) (language, error)
	}{
		{[]string{"python", "py"}, openPython},
		{[]string{"go"}, openGo},
		{[]string{"javascript", "js"}, openJavaScript},
	} {
		l, err := find.open(ctx, j)
		if err != nil {
			o.Log.Info("code in a language is not run", "language", find.names[0], "why", err)
			continue
		}
		for _, n := range find.names {
			j.languages[n] = l
		}
	}
	return j, nil
}

// Interpreter names what runs a language, "" where nothing does.
func (j *Jail) Interpreter(lang string) string {
	if l, ok := j.languages[strings.ToLower(lang)]; ok {
		return l.interpreter()
	}
	return ""
}

// Interpreters are the names and versions of all that were found.
func (j *Jail) Interpreters() []string {
	var out []string
	for _, lang := range []string{"python", "go", "javascript"} {
		if name := j.Interpreter(lang); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// Bounds of a program's source.
const (
	maxFiles  = 2000
	maxSource = 16 << 20
)

// Run waits for a free slot and runs the program there.
func (j *Jail) Run(ctx context.Context, p stage.Program) (stage.Ran, error) {
	l, ok := j.languages[strings.ToLower(p.Lang)]
	if !ok {
		return stage.Ran{Missing: "an interpreter for " + p.Lang}, nil
	}
	size := 0
	for name, body := range p.Files {
		if !isFile(name) {
			return stage.Ran{}, fmt.Errorf("run %s: %q is no file's name", p.Main, name)
		}
		size += len(body)
	}
	if len(p.Files) > maxFiles || size > maxSource {
		return stage.Ran{Missing: fmt.Sprintf("a jail for more than %d files or %d MiB of source", maxFiles, maxSource>>20)}, nil
	}
	c, err := l.command(ctx, p)
	if err != nil {
		return stage.Ran{}, fmt.Errorf("run %s: %w", p.Main, err)
	}
	c.folders = append(c.folders, l.needs()...)
	e, err := j.run(ctx, c)
	if err != nil {
		return stage.Ran{}, fmt.Errorf("run %s: %w", p.Main, err)
	}
	e.output = passing.ReplaceAllString(e.output, "")
	r := l.judge(p, e)
	r.Output = strings.TrimSpace(mark.ReplaceAllString(e.output, ""))
	if e.stopped != "" {
		r.Passed, r.Reason, r.Missing = false, e.stopped, ""
	}
	if r.Missing != "" {
		r.Passed, r.Reason = false, ""
	}
	return r, nil
}

// passing is what differs from run to run: times and addresses.
var passing = regexp.MustCompile(`(?m) \(\d+\.\d+s\)$|\t\d+\.\d+s$|^[ #]*duration_ms:? [\d.]+\n|\b0x[0-9a-f]{6,}\b`)

// isFile reports whether a path can be a file's and stays in its folder.
func isFile(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\x00\\")
}

// failing is the first thing in a program's output that tells why it failed:
// the first line that a pattern finds, with the two after it, else its last
// lines.
func failing(output string, isFirst func(line string) bool) string {
	var lines []string
	for line := range strings.Lines(output) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	from := max(0, len(lines)-3)
	for i, line := range lines {
		if isFirst(line) {
			from = i
			break
		}
	}
	out := strings.Join(lines[from:min(len(lines), from+3)], "\n")
	if r := []rune(out); len(r) > maxReason {
		out = string(r[:maxReason]) + "…"
	}
	return out
}

const maxReason = 400

// printed keeps the first and the last of what is written to it, and says
// when it was too much.
type printed struct {
	first, last []byte
	total       int64
	limit       int64
	tooMuch     func()
}

const printedKept = 16 << 10 // of each

func (w *printed) Write(p []byte) (int, error) {
	if w.total += int64(len(p)); w.total > w.limit {
		w.tooMuch()
	}
	n := min(len(p), printedKept-len(w.first))
	w.first = append(w.first, p[:n]...)
	w.last = append(w.last, p[n:]...)
	if extra := len(w.last) - printedKept; extra > 0 {
		w.last = append(w.last[:0], w.last[extra:]...)
	}
	return len(p), nil
}

func (w *printed) String() string {
	first, last := string(w.first), string(w.last)
	if left := w.total - int64(len(first)+len(last)); left > 0 {
		first += "\n[…]\n"
	}
	return strings.ToValidUTF8(first+last, "\uFFFD")
}

// readable reports whether a slot's user can read a folder.
func readable(dir string) bool {
	if os.Geteuid() != 0 {
		_, err := os.ReadDir(dir)
		return err == nil
	}
	for at := dir; ; {
		info, err := os.Stat(at)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		i := strings.LastIndexByte(at, '/')
		if i <= 0 {
			return true
		}
		at = at[:i]
	}
}
