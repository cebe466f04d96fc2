package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"seedbed/extract"
	"seedbed/internal/fetch"
	"seedbed/internal/sandbox"
	"seedbed/internal/seedbed"
)

type readCmd struct {
	Path string `arg:"" help:"A file, an archive, a folder, or the https address of a file or a git repository."`
	localURLs
	Format string `help:"text, as offsets count it; markdown; json, with every block; or outline, a line a block." enum:"text,markdown,json,outline" default:"text"`
	Stats  bool   `help:"Print what was found in place of the text: blocks by kind, words, what was left out, and how each page was read."`
	readFlags
}

func (c readCmd) Run(ctx context.Context, s *streams) error {
	debug.SetGCPercent(400) // one document is read and printed, and that is all
	path, name, done, err := c.local(ctx, c.Path)
	if err != nil {
		return err
	}
	defer done()
	doc, err := c.document(ctx, &sandbox.Pool{}, path, name) // the child ends with us: none waits for it
	if err != nil {
		return err
	}
	for _, w := range doc.Warnings {
		_, _ = fmt.Fprintf(s.err, "%s: %s\n", name, w)
	}
	switch {
	case c.Stats:
		return stats(s.out, doc, c.Format == "json")
	case c.Format == "json":
		return printJSON(s.out, doc)
	case c.Format == "outline":
		return outline(s.out, doc)
	case c.Format == "markdown":
		return writeMarkdown(s.out, doc)
	}
	_, err = io.WriteString(s.out, doc.Text)
	return err
}

// printJSON prints JSON for people to read, too.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// readFlags say how files are read.
type readFlags struct {
	OCR       bool `name:"ocr" help:"Read pages that are images with tesseract, which has to be installed."`
	WholePage bool `help:"Read whole web pages, with menus and what else stands around an article."`
}

// document reads in a child process, as the server does.
func (f readFlags) document(ctx context.Context, children *sandbox.Pool, path, name string) (*extract.Document, error) {
	return readAs(ctx, sandbox.Options{CacheDir: cacheFolder(), Pool: children}, path, filepath.Base(name), seedbed.Reading(f))
}

// readAs reads in a child process, as a person asked.
func readAs(ctx context.Context, o sandbox.Options, path, name string, how seedbed.Reading) (*extract.Document, error) {
	o.WholePage = how.WholePage
	if how.OCR {
		var err error
		if o.OCR, err = sandbox.FindOCR(); err != nil {
			return nil, err
		}
	}
	return sandbox.Read(ctx, o, path, name)
}

// localURLs is the flag of all commands that fetch addresses.
type localURLs struct {
	LocalURLs bool `name:"local-urls" help:"Fetch addresses of this computer and its network too, and over http." env:"SEEDBED_LOCAL_URLS"`
}

func (l localURLs) fetching() fetch.Options { return fetch.Options{Local: l.LocalURLs} }

// local is the path that an argument names, fetched first if it is an address,
// with what to call it. done removes what was fetched.
func (l localURLs) local(ctx context.Context, arg string) (path, name string, done func(), err error) {
	if !fetch.IsURL(arg) {
		if _, err := os.Stat(arg); err != nil {
			return "", "", nil, misuse("%w", err)
		}
		return arg, arg, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "seedbed-fetch-")
	if err != nil {
		return "", "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	got, err := sandbox.Fetch(ctx, sandbox.Options{}, l.fetching(), arg, dir)
	if err != nil {
		done()
		return "", "", nil, err
	}
	return got.Path, got.Name, done, nil
}

// outline prints where each block stands, what it is, and how it begins.
func outline(w io.Writer, doc *extract.Document) error {
	for _, b := range doc.Blocks {
		kind := string(b.Kind)
		if b.Level > 0 {
			kind += fmt.Sprint(" ", b.Level)
		}
		if b.Skip != "" {
			kind += " (" + b.Skip + ")"
		}
		begins := []rune(strings.Join(strings.Fields(b.Text), " "))
		if len(begins) > 72 {
			begins = append(begins[:71], '…')
		}
		if _, err := fmt.Fprintf(w, "%7d %7d  p%-3d %-22s %s\n", b.Start, b.End, b.Page, kind, string(begins)); err != nil {
			return err
		}
	}
	for _, f := range doc.Skipped {
		if _, err := fmt.Fprintf(w, "%16s  skipped %s: %s\n", "", f.File, f.Reason); err != nil {
			return err
		}
	}
	return nil
}
