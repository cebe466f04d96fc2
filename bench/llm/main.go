// Command llm runs the quick recipe against a scripted server that answers
// after 200 ms ± 50 %, refuses one request in twenty and fails at another,
// 32 at once. It prints the time taken over the least possible, which is the
// latency of all answers shared by 32, once of the good ones alone and once
// with those that were refused or failed, and the peak memory of the process
// that asks.
//
//	go run ./bench/llm -n 1000,10000
package main

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/stage"
)

const atOnce = 32

func main() {
	sizes := flag.String("n", "1000,10000", "numbers of passages")
	latency := flag.Duration("latency", 200*time.Millisecond, "`time` until an answer, half of it more or less")
	url := flag.String("url", "", "ask this server, in this process")
	flag.Parse()
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err == nil && *url != "" {
			err = ask(*url, n, *latency)
		} else if err == nil {
			err = serve(n, *latency)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// serve answers a process of its own, so that its memory is its own.
func serve(n int, latency time.Duration) error {
	server := llmtest.New(nil, llmtest.Script{Latency: latency, Jitter: latency / 2, Rules: []llmtest.Rule{
		{Fault: llmtest.RateLimit, Share: 0.05}, {Fault: llmtest.ServerError, Share: 0.05},
	}})
	defer server.Close()
	cmd := exec.Command(os.Args[0], "-url", server.URL, "-n", strconv.Itoa(n), "-latency", latency.String())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	stats := server.Stats()
	fmt.Printf("  the server: %d requests, %d refused or failed, %d answered twice, %d at once\n",
		stats.Requests, stats.Failed, stats.Duplicates, stats.MaxConcurrent)
	return nil
}

func ask(url string, n int, latency time.Duration) error {
	recipe, ok := stage.Lookup("quick")
	if !ok {
		return fmt.Errorf("there is no recipe quick")
	}
	sent := &counted{RoundTripper: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	client := llm.New(llm.Options{URL: url, Model: "scripted", Concurrency: atOnce, HTTP: &http.Client{Transport: sent}})
	stages, err := stage.Build(recipe, stage.Tools{Model: extract.Metered(client)})
	if err != nil {
		return err
	}
	var spent extract.Spent
	var seeds, failed int
	start := time.Now()
	// Twice as many passages as calls: some wait for their next try.
	for r := range extract.Run(context.Background(), shelf(n), stages, extract.Options{Concurrency: 2 * atOnce}) {
		spent = spent.Add(r.Spent)
		seeds += len(r.Seeds)
		if r.Err != nil {
			failed++
		}
	}
	took := time.Since(start)
	over := func(requests int64) float64 {
		return took.Seconds() / (time.Duration(requests) * latency / atOnce).Seconds()
	}
	fmt.Printf("%d passages: %d calls, %d seeds, %d failed, %.1f s, %.2f of the least possible (%.2f with what was refused), peak memory %s\n",
		n, spent.Calls, seeds, failed, took.Seconds(), over(int64(spent.Calls)), over(sent.n.Load()), peak())
	return nil
}

// shelf yields n passages of books of a hundred each. A book is made when it
// is begun: what the memory grows by is not the books'.
func shelf(n int) iter.Seq[extract.Passage] {
	return func(yield func(extract.Passage) bool) {
		for first := 0; first < n; first += 100 {
			var doc extract.Builder
			for i := first; i < min(n, first+100); i++ {
				doc.Add("\n\n", extract.Block{Kind: extract.Heading, Level: 1, Title: fmt.Sprint("Bed ", i), Text: fmt.Sprint("# Bed ", i)})
				doc.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: strings.Repeat(fmt.Sprintf("Bed %d cooled slowly because it lay deep, and so its crystals are large. ", i), 40)})
			}
			for p := range chunk.Split(doc.Done(), chunk.Options{}) {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// counted counts the requests that go out.
type counted struct {
	http.RoundTripper
	n atomic.Int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// peak is the most memory this process had, where the system says.
func peak() string {
	status, _ := os.ReadFile("/proc/self/status") // not everywhere
	_, after, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return "not known"
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}
