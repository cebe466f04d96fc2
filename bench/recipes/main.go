// Command recipes runs each recipe that comes with the program over the
// examples, against a scripted model, and prints the scorecard of what came
// out:
//
//	go run ./bench/recipes [--execute] [FILE…]
//
// The scripted model answers in words of the passage and is no measure of any
// real one: what the figures show is what the stages let through.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/measure"
	"seedbed/extract/read"
	"seedbed/extract/stage"
	"seedbed/internal/sandbox/jail"
)

func main() {
	execute := flag.Bool("execute", false, "run code, in a sandbox made with bubblewrap")
	flag.Parse()
	files := flag.Args()
	if len(files) == 0 {
		files = []string{"examples/chapter.md", "examples/paper.pdf", "examples/stack"}
	}
	if err := run(context.Background(), files, *execute); err != nil {
		fmt.Fprintln(os.Stderr, "recipes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, files []string, execute bool) error {
	var runner stage.Runner
	if execute {
		// A folder that the jail's users can read, whoever runs this.
		j, err := jail.Open(ctx, jail.Options{CacheDir: filepath.Join(os.TempDir(), "seedbed-jail")})
		if err != nil {
			return err
		}
		runner = j
	}
	var sources []measure.Source
	for _, path := range files {
		doc, err := read.File(ctx, path, read.Options{})
		if err != nil {
			return err
		}
		sources = append(sources, measure.Source{Name: path, ID: path, SHA256: path, Doc: doc})
	}
	server := httptest.NewServer(llmtest.Handler(llmtest.Script{}))
	defer server.Close()
	client := llm.New(llm.Options{URL: server.URL + "/v1", Model: "scripted", Concurrency: 8})
	defer client.Close()
	for _, recipe := range stage.Builtin() {
		stages, err := stage.Build(recipe, stage.Tools{Model: extract.Metered(client), Runner: runner})
		if err != nil {
			return err
		}
		var seeds []extract.Seed
		var spent extract.Spent
		passages, skipped, failed := 0, 0, 0
		for _, s := range sources {
			for r := range extract.Run(ctx, chunk.Split(s.Doc, chunk.Options{}), stages, extract.Options{
				Recipe: recipe.Name, Concurrency: 8,
				Source: extract.SourceRef{ID: s.ID, SHA256: s.SHA256, Title: s.Doc.Title, Kind: s.Doc.Kind, License: s.Doc.License},
			}) {
				passages++
				spent = spent.Add(r.Spent)
				seeds = append(seeds, r.Seeds...)
				switch {
				case errors.As(r.Err, new(extract.Skip)):
					skipped++
				case r.Err != nil:
					failed++
					fmt.Fprintf(os.Stderr, "%s, %s: %v\n", recipe.Name, s.Name, r.Err)
				}
			}
		}
		fmt.Printf("\n== %s: %d passages, %d of them left out, %d failed; %d calls\n\n", recipe.Name, passages, skipped, failed, spent.Calls)
		if err := measure.Of(slices.Values(seeds), measure.Options{Sources: sources}).Table(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}
