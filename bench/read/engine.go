package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/extract/read/readscore"
	"seedbed/internal/sandbox"
	"seedbed/internal/seedbed"
)

// cleanedPDFium is the reader that ours is built on.
const cleanedPDFium = "pdfium"

// An engine reads PDFs.
type engine struct {
	name     string
	atOnce   int                                               // files that it reads at a time
	read     func(ctx context.Context, path string, r *result) // fills text, pages, headings, peak and failed
	headings bool                                              // it says what is a heading
	done     func()                                            // called after the last file, if there is anything to do
	computed time.Duration                                     // computing time over all files
}

// A result is what one engine made of one file.
type result struct {
	text     string
	words    []string
	headings []string
	pages    int
	took     time.Duration
	peak     int64  // bytes, 0 where unknown
	failed   string // why there is no text

	f1, order, heads float64
	glued, broken    int
}

func (r result) opened() bool { return len(r.words) > 0 }

// readers are ours and those on PATH. Ours reads as the server does, two files
// at a time in children that it keeps from file to file, the others one file
// after the other in a process for each.
func (b bench) readers() ([]engine, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	children := &sandbox.Pool{}
	all := []engine{
		{name: "seedbed", atOnce: 2, read: b.ours(children), headings: true, done: children.Close},
		command(cleanedPDFium, func(path string) []string { return []string{self, pdfiumChild, b.cache, path} }),
		command("pdftotext", func(path string) []string { return []string{"pdftotext", "-enc", "UTF-8", path, "-"} }),
		command("mutool", func(path string) []string { return []string{"mutool", "draw", "-q", "-F", "txt", path} }),
	}
	var out []engine
	for _, e := range all {
		if b.only != "" && !slices.Contains(strings.Split(b.only, ","), e.name) {
			continue
		}
		if e.name == "pdftotext" || e.name == "mutool" {
			if _, err := exec.LookPath(e.name); err != nil {
				fmt.Fprintf(os.Stderr, "%s is not on PATH and is left out\n", e.name)
				continue
			}
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no reader is named %q", b.only)
	}
	return out, nil
}

// ours is the product's reader.
func (b bench) ours(children *sandbox.Pool) func(context.Context, string, *result) {
	return func(ctx context.Context, path string, r *result) {
		stop := make(chan struct{})
		peak := make(chan int64)
		go func() { peak <- watch(stop, offspring) }()
		d, err := sandbox.Read(ctx, sandbox.Options{CacheDir: b.cache, WallTime: b.limit, Pool: children}, path, filepath.Base(path))
		close(stop)
		r.peak = <-peak
		if err != nil {
			r.failed = seedbed.CodeOf(err) + ": " + err.Error()
			return
		}
		r.text, r.pages = d.Text, len(d.Pages)
		for _, b := range d.Blocks {
			if b.Kind == extract.Heading {
				r.headings = append(r.headings, b.Title)
			}
		}
	}
}

// command is a program that writes a file's text, a form feed after each page.
func command(name string, args func(path string) []string) engine {
	return engine{name: name, atOnce: 1, read: func(ctx context.Context, path string, r *result) {
		args := args(path)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		var out, says bytes.Buffer
		cmd.Env = append(os.Environ(), "GOGC=40", "GOMAXPROCS=2") // as the product starts its reader
		cmd.Stdout, cmd.Stderr = &out, &says
		cmd.WaitDelay = time.Second
		if err := cmd.Start(); err != nil {
			r.failed = err.Error()
			return
		}
		stop := make(chan struct{})
		peak := make(chan int64)
		go func() { peak <- watch(stop, func() []int { return []int{cmd.Process.Pid} }) }()
		err := cmd.Wait()
		close(stop)
		r.peak = <-peak
		// A program may complain of a damaged file and read most of it.
		r.text = string(bytes.ToValidUTF8(out.Bytes(), nil))
		r.pages = strings.Count(r.text, "\f")
		if err != nil && strings.TrimSpace(r.text) == "" {
			line, _, _ := strings.Cut(says.String(), "\n")
			r.failed = fmt.Sprintf("%v: %s", err, line)
		}
	}}
}

// time reads a file, in bounded time.
func (e engine) time(ctx context.Context, path string, limit time.Duration) result {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var r result
	start := time.Now()
	e.read(ctx, path, &r)
	r.took = time.Since(start)
	r.words = readscore.Words(r.text)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		r = result{took: r.took, peak: r.peak, failed: fmt.Sprintf("took longer than %s", limit)}
	case r.failed == "" && !r.opened():
		r.failed = "no words"
	}
	return r
}

// watch is the most memory that one of some processes was seen to hold until
// stop. The kernel's own account of an ended process counts in what its parent
// held.
func watch(stop <-chan struct{}, pids func() []int) int64 {
	var most int64
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return most
		case <-tick.C:
			for _, pid := range pids() {
				most = max(most, resident(pid))
			}
		}
	}
}

// offspring are the processes that this one started, on Linux.
func offspring() []int {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	var out []int
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, f := range strings.Fields(string(data)) {
			if n, err := strconv.Atoi(f); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// resident is the peak of a running process's resident memory in bytes, 0
// where the system does not tell.
func resident(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for l := range bytes.Lines(data) {
		var kb int64
		if _, err := fmt.Sscanf(string(l), "VmHWM: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}
