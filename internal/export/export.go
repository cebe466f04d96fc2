// Package export writes seeds in the formats that training and evaluation
// tools read. docs/exports.md shows each of them and how to load it.
package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

const (
	jsonl     = "application/jsonl"
	jsonArray = "application/json"
)

// A writer is how a format is written: what stands before all seeds, each
// seed, between two of them, and at the end.
type writer struct {
	seedbed.Format
	open    func(w *bufio.Writer) error
	each    func(w *bufio.Writer, s extract.Seed, o seedbed.ExportOptions) error
	between string
	close   func(w *bufio.Writer) error
}

var writers = []writer{
	{
		Format: seedbed.Format{Name: "seedbed", Title: "Seedbed", Extension: ".jsonl", MediaType: jsonl,
			About: "Everything there is to know of each seed, evidence and checks included, as JSON Lines."},
		each: line(record),
	},
	{
		Format: seedbed.Format{Name: "messages", Title: "Messages", Extension: ".jsonl", MediaType: jsonl,
			About: "Chats for fine-tuning with OpenAI, TRL, Axolotl and most others, as JSON Lines."},
		each: line(messages),
	},
	{
		Format: seedbed.Format{Name: "prompt-completion", Title: "Prompt and completion", Extension: ".jsonl", MediaType: jsonl,
			About: "Chats cut into prompt and completion, so that TRL trains on the answers alone, as JSON Lines."},
		each: line(promptCompletion),
	},
	{
		Format: seedbed.Format{Name: "alpaca", Title: "Alpaca", Extension: ".json", MediaType: jsonArray,
			About: "Instruction, input and output for LLaMA-Factory, Axolotl and others, as one JSON array."},
		open: begin, each: item(alpaca), between: ",\n", close: end,
	},
	{
		Format: seedbed.Format{Name: "sharegpt", Title: "ShareGPT", Extension: ".json", MediaType: jsonArray,
			About: "Conversations of human and gpt for LLaMA-Factory, Axolotl and others, as one JSON array."},
		open: begin, each: item(shareGPT), between: ",\n", close: end,
	},
	{
		Format: seedbed.Format{Name: "csv", Title: "CSV", Extension: ".csv", MediaType: "text/csv; charset=utf-8",
			About: "A table with a row for each seed, for spreadsheets and data frames."},
		open: header, each: row,
	},
}

// Formats are the formats there are, the first of which is the default.
var Formats = func() []seedbed.Format {
	out := make([]seedbed.Format, len(writers))
	for i, f := range writers {
		out[i] = f.Format
	}
	return out
}()

// Write writes seeds to w in a format. No seeds
// make a valid file without examples. A format there is not is a
// [seedbed.Invalid] error that names those there are. After any other error
// what has been written is not a whole file and must not pass for one.
func Write(ctx context.Context, w io.Writer, seeds iter.Seq2[extract.Seed, error], o seedbed.ExportOptions) error {
	f, err := find(o.Format)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if f.open != nil {
		if err := f.open(out); err != nil {
			return fmt.Errorf("export %s: %w", f.Name, err)
		}
	}
	n := 0
	for s, err := range seeds {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && n > 0 {
			_, err = out.WriteString(f.between)
		}
		if err == nil {
			err = f.each(out, s, o)
		}
		if err != nil {
			return fmt.Errorf("export %s after %d seeds: %w", f.Name, n, err)
		}
		n++
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("export %s after %d seeds: %w", f.Name, n, err)
	}
	if f.close != nil {
		if err := f.close(out); err != nil {
			return fmt.Errorf("export %s: %w", f.Name, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("export %s: %w", f.Name, err)
	}
	return nil
}

func find(format string) (writer, error) {
	if format == "" {
		return writers[0], nil
	}
	i := slices.IndexFunc(writers, func(f writer) bool { return f.Name == format })
	if i < 0 {
		var names []string
		for _, f := range writers {
			names = append(names, f.Name)
		}
		return writer{}, seedbed.Errorf(seedbed.Invalid, "there is no format %.40q: choose %s", format, strings.Join(names, ", "))
	}
	return writers[i], nil
}

// A Source has the seeds. Verdict nil is any verdict.
type Source interface {
	Each(ctx context.Context, f seedbed.Filter, do func(extract.Seed) error) error
}

// An Exporter writes the seeds of a source.
type Exporter struct {
	Seeds Source
}

// Formats are those of the package.
func (e *Exporter) Formats() []seedbed.Format { return slices.Clone(Formats) }

// Export writes the seeds that f chooses, as Write does; Verdict nil is
// accepted.
func (e *Exporter) Export(ctx context.Context, w io.Writer, o seedbed.ExportOptions, f seedbed.Filter) error {
	if f.Verdict == nil {
		f.Verdict = []string{extract.Accepted}
	}
	return Write(ctx, w, e.each(ctx, f), o)
}

var errStop = errors.New("stop")

func (e *Exporter) each(ctx context.Context, f seedbed.Filter) iter.Seq2[extract.Seed, error] {
	return func(yield func(extract.Seed, error) bool) {
		err := e.Seeds.Each(ctx, f, func(s extract.Seed) error {
			if !yield(s, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(extract.Seed{}, err)
		}
	}
}
