package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/extract/read/readscore"
	"seedbed/internal/seedbed"
)

// cleanedPDFium is the reader that ours is built on.
const cleanedPDFium = "pdfium"

// An engine is a program that reads PDFs.
type engine struct {
	name     string
	command  func(path string) []string
	parse    func(out []byte, r *result) // fills text, pages and headings
	headings bool                        // it says what is a heading
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

// readers are ours and those on PATH.
func (b bench) readers() ([]engine, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := []engine{{
		name: "seedbed",
		command: func(path string) []string {
			return []string{self, "read", "--child", "--memory", "1073741824", "--wall", b.limit.String(), "--cache", b.cache, "--name", path, "--", path}
		},
		parse:    parseOurs,
		headings: true,
	}, {
		name:    cleanedPDFium,
		command: func(path string) []string { return []string{self, pdfiumChild, b.cache, path} },
		parse:   parsePlain,
	}, {
		name:    "pdftotext",
		command: func(path string) []string { return []string{"pdftotext", "-enc", "UTF-8", path, "-"} },
		parse:   parsePlain,
	}, {
		name:    "mutool",
		command: func(path string) []string { return []string{"mutool", "draw", "-q", "-F", "txt", path} },
		parse:   parsePlain,
	}}
	var out []engine
	for _, e := range all {
		if b.only != "" && !slices.Contains(strings.Split(b.only, ","), e.name) {
			continue
		}
		if _, err := exec.LookPath(e.command("")[0]); err != nil {
			fmt.Fprintf(os.Stderr, "%s is not on PATH and is left out\n", e.name)
			continue
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no reader is named %q", b.only)
	}
	return out, nil
}

func parseOurs(out []byte, r *result) {
	var reply struct {
		Document *extract.Document
		Error    *seedbed.Error
	}
	if err := json.Unmarshal(out, &reply); err != nil {
		r.failed = "no reply: " + err.Error()
		return
	}
	if reply.Error != nil {
		r.failed = reply.Error.Code + ": " + reply.Error.Message
		return
	}
	d := reply.Document
	r.text, r.pages = d.Text, len(d.Pages)
	for _, b := range d.Blocks {
		if b.Kind == extract.Heading {
			r.headings = append(r.headings, b.Title)
		}
	}
}

func parsePlain(out []byte, r *result) {
	r.text = string(bytes.ToValidUTF8(out, nil))
	r.pages = strings.Count(r.text, "\f")
}

// read runs the engine on a file.
func (e engine) read(ctx context.Context, path string, limit time.Duration) result {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	args := e.command(path)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out, says bytes.Buffer
	cmd.Env = append(os.Environ(), "GOGC=40", "GOMAXPROCS=2") // as the product starts its reader
	cmd.Stdout, cmd.Stderr = &out, &says
	cmd.WaitDelay = time.Second
	var r result
	start := time.Now()
	if err := cmd.Start(); err != nil {
		r.failed = err.Error()
		return r
	}
	ended, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watch(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	r.took = time.Since(start)
	close(ended)
	r.peak = <-peak
	// A program may complain of a damaged file and read most of it.
	e.parse(out.Bytes(), &r)
	r.words = readscore.Words(r.text)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		r = result{took: r.took, peak: r.peak, failed: fmt.Sprintf("took longer than %s", limit)}
	case r.failed != "" || r.opened():
	case err != nil:
		line, _, _ := strings.Cut(says.String(), "\n")
		r.failed = fmt.Sprintf("%v: %s", err, line)
	default:
		r.failed = "no words"
	}
	return r
}

// watch is the most memory that a process was seen to hold until it ended. The
// kernel's own account of an ended process counts in what its parent held.
func watch(pid int, ended <-chan struct{}) int64 {
	var most int64
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return most
		case <-tick.C:
			most = max(most, resident(pid))
		}
	}
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
