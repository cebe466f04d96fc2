package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"seedbed/extract"
	"seedbed/internal/sandbox"
)

type readCmd struct {
	Path   string `arg:"" help:"A file, an archive or a folder." type:"existingpath"`
	Format string `help:"text, as offsets count it; markdown; json, with every block; or outline, a line a block." enum:"text,markdown,json,outline" default:"text"`
	Stats  bool   `help:"Print what was found in place of the text: blocks by kind, words, what was left out, and how each page was read."`
	OCR    bool   `name:"ocr" help:"Read pages that are images with tesseract, which has to be installed."`
}

func (c readCmd) Run(ctx context.Context, s *streams) error {
	doc, err := readDocument(ctx, c.Path, c.OCR)
	if err != nil {
		return err
	}
	for _, w := range doc.Warnings {
		_, _ = fmt.Fprintf(s.err, "%s: %s\n", c.Path, w)
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

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// readDocument reads in a child process, as the server does.
func readDocument(ctx context.Context, path string, ocr bool) (*extract.Document, error) {
	o := sandbox.Options{CacheDir: cacheFolder()}
	if ocr {
		var err error
		if o.OCR, err = sandbox.FindOCR(); err != nil {
			return nil, err
		}
	}
	return sandbox.Read(ctx, o, path, filepath.Base(path))
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
