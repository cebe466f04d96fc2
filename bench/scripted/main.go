// Command scripted serves a scripted model on an address, to try Seedbed
// against a model that is always there, costs nothing and fails on purpose:
//
//	go run ./bench/scripted --addr 127.0.0.1:9999 --latency 200ms --faults 429:5%,500:5%
//
// It prints its base URL on stdout. At the end (an interrupt), and at any time
// at GET /stats, it says what it was asked: requests, different prompts,
// duplicates (prompts that got a good reply more than once), and how many
// requests were in flight at once.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"seedbed/extract/llm/llmtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "scripted:", err)
		os.Exit(1)
	}
}

func run() error {
	var script llmtest.Script
	addr := flag.String("addr", "127.0.0.1:9999", "`address` to serve on")
	flag.DurationVar(&script.Latency, "latency", 0, "`time` before every answer")
	flag.DurationVar(&script.Jitter, "jitter", 0, "up to so much `time` more or less")
	flag.Uint64Var(&script.Seed, "seed", 1, "`number` that everything random follows from")
	flag.StringVar(&script.Key, "key", "", "the only `key` to accept; empty accepts any")
	flag.BoolVar(&script.NoSchema, "no-schema", false, "refuse response_format json_schema")
	flag.BoolVar(&script.NoObject, "no-object", false, "refuse response_format json_object")
	flag.BoolVar(&script.NoStream, "no-stream", false, "send every reply in one piece")
	faults := flag.String("faults", "", "what goes wrong how often, as in `429:5%,500:5%`; see the faults of extract/llm/llmtest")
	wait := flag.Duration("fault-delay", time.Second, "`time` of slow and drip, and Retry-After of 429 and 503")
	flag.Parse()

	rules, err := parse(*faults, *wait)
	if err != nil {
		return err
	}
	script.Rules = rules
	model := llmtest.Handler(script)

	mux := http.NewServeMux()
	mux.Handle("/v1/", model)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(model.Stats()) // who asked may have gone
	})
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/v1\n", listener.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() {
		model.Close() // lets requests go that hang on purpose
		soon, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(soon) // what is still open then is cut off by the exit
	})
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(model.Stats())
}

// parse reads rules such as 429:5%,hang:1%. Each share is of all requests.
func parse(s string, delay time.Duration) ([]llmtest.Rule, error) {
	var rules []llmtest.Rule
	left := 1.0 // of the requests, for the rules that come after
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, percent, ok := strings.Cut(part, ":")
		n, err := strconv.ParseFloat(strings.TrimSuffix(percent, "%"), 64)
		if !ok || err != nil || n <= 0 || n > 100 {
			return nil, fmt.Errorf("fault %q: it has to look like 429:5%%", part)
		}
		if !llmtest.Known(llmtest.Fault(name)) {
			return nil, fmt.Errorf("fault %q: unknown; there are %v", name, llmtest.Faults)
		}
		share := n / 100
		if share > left+1e-9 {
			return nil, fmt.Errorf("faults %q: more than 100%% in all", s)
		}
		// A rule is asked only where those before it did not match.
		rules = append(rules, llmtest.Rule{Fault: llmtest.Fault(name), Share: min(1, share/left), Delay: delay})
		left -= share
	}
	return rules, nil
}
