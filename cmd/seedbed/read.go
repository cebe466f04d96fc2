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
	Format string `help:"text, as offsets count it; json, with every block; or outline, a line a block." enum:"text,json,outline" default:"text"`
}

func (c readCmd) Run(ctx context.Context, s *streams) error {
	doc, err := readDocument(ctx, c.Path)
	if err != nil {
		return err
	}
	for _, w := range doc.Warnings {
		_, _ = fmt.Fprintf(s.err, "%s: %s\n", c.Path, w)
	}
	switch c.Format {
	case "json":
		out := json.NewEncoder(s.out)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(doc)
	case "outline":
		return outline(s.out, doc)
	default:
		_, err = io.WriteString(s.out, doc.Text)
		return err
	}
}

// readDocument reads in a child process, as the server does.
func readDocument(ctx context.Context, path string) (*extract.Document, error) {
	return sandbox.Read(ctx, sandbox.Options{CacheDir: cacheFolder()}, path, filepath.Base(path))
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
