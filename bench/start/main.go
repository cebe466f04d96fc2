// Command start measures what a person waits for: the time from the start of
// a built seedbed to its first page, the memory it takes while idle, the
// weight of the first page with all its assets as they cross the wire, and the
// time that seedbed read takes for a megabyte of Markdown.
//
//	go build -o /tmp/seedbed ./cmd/seedbed && go run ./bench/start /tmp/seedbed
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	times := flag.Int("n", 9, "starts, each on an empty data folder")
	idle := flag.Duration("idle", 5*time.Second, "how long to rest before memory is read")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: start [-n 9] [-idle 5s] path/to/seedbed")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *times, *idle); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func run(binary string, times int, idle time.Duration) error {
	var took []time.Duration
	for i := range times {
		last := i == times-1
		d, err := start(binary, func(base string, pid int) error {
			if !last {
				return nil
			}
			return report(base, pid, idle)
		})
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	fmt.Printf("start to page   median %v, worst %v of %d starts\n",
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), len(took))
	return read(binary, times)
}

// read times seedbed read on a megabyte of Markdown.
func read(binary string, times int) error {
	dir, err := os.MkdirTemp("", "seedbed-start-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var text strings.Builder
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(&text, "## Section %d\n\n%sSee `f(%d)` and [the rest](rest.md).\n\n- one\n- two\n\n", i, strings.Repeat("The ferry waits for nobody in the *harbour* of the island. ", 8), i)
	}
	file := filepath.Join(dir, "book.md")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return err
	}
	var took []time.Duration
	for range times {
		began := time.Now()
		if out, err := exec.Command(binary, "read", file).Output(); err != nil || len(out) < 1<<20-1<<10 {
			return fmt.Errorf("read %s: %d bytes, %w", file, len(out), err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	fmt.Printf("read 1 MB of .md median %v, worst %v of %d\n",
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), len(took))
	return nil
}

// start runs the binary on an empty folder, waits for its page, calls then,
// and stops it. It returns the time from the start to the page's last byte.
func start(binary string, then func(base string, pid int) error) (time.Duration, error) {
	data, err := os.MkdirTemp("", "seedbed-start-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(data) }()
	addr, err := freeAddress()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "serve", "--addr", addr, "--data", data)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	base := "http://" + addr
	for {
		if _, _, err := get(base + "/"); err == nil {
			break
		}
		if time.Since(began) > 30*time.Second {
			return 0, fmt.Errorf("no page from %s after 30 s", base)
		}
		time.Sleep(2 * time.Millisecond)
	}
	took := time.Since(began)
	return took, then(base, cmd.Process.Pid)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

var asset = regexp.MustCompile(`(?:src|href)="(/[^"]+\.(?:css|js|svg|png|ico|woff2)(?:\?[^"]*)?)"`)

func report(base string, pid int, idle time.Duration) error {
	body, total, err := get(base + "/")
	if err != nil {
		return err
	}
	fmt.Printf("%7.1f KB  /\n", float64(total)/1000)
	seen := map[string]bool{}
	for _, m := range asset.FindAllStringSubmatch(string(body), -1) {
		if seen[m[1]] {
			continue
		}
		seen[m[1]] = true
		_, n, err := get(base + m[1])
		if err != nil {
			return err
		}
		fmt.Printf("%7.1f KB  %s\n", float64(n)/1000, path.Base(strings.SplitN(m[1], "?", 2)[0]))
		total += n
	}
	fmt.Printf("first page      %.1f KB as sent\n", float64(total)/1000)
	time.Sleep(idle)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if name, value, ok := strings.Cut(line, ":"); ok && (name == "VmRSS" || name == "VmHWM") {
			fmt.Printf("%-15s %s\n", map[string]string{"VmRSS": "idle memory", "VmHWM": "peak memory"}[name], strings.TrimSpace(value))
		}
	}
	return nil
}

// get fetches a page as a browser would, and returns its bytes as they were
// sent (compressed where the server compresses) and decoded.
func get(url string) (body []byte, sent int64, err error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	plain, err := fetch(req)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	packed, err := fetch(req)
	return plain, int64(len(packed)), err
}

func fetch(req *http.Request) ([]byte, error) {
	client := http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", req.URL, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
