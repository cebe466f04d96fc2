package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"seedbed/extract"
	"seedbed/extract/measure"
	"seedbed/internal/sandbox"
)

type measureCmd struct {
	File     string   `arg:"" help:"Seeds as JSON Lines, the format seedbed; - is stdin."`
	Source   []string `help:"A file, folder or archive the seeds are from, for grounding and coverage. May be given several times." type:"existingpath" placeholder:"PATH" sep:"none"`
	Format   string   `help:"table or json." enum:"table,json" default:"table"`
	Verdict  []string `help:"Measure seeds with this verdict: draft, accepted, rejected or any; draft and accepted when absent."`
	PriceIn  float64  `help:"What a million prompt tokens cost."`
	PriceOut float64  `help:"What a million reply tokens cost."`
	Verbose  bool     `short:"v" help:"Say under each number what it means."`
}

// Run writes the scorecard. Lines that hold no seed are told and counted, and
// do not stop the others; a file in which no line holds one fails.
func (c measureCmd) Run(ctx context.Context, s *streams) error {
	o := measure.Options{PriceIn: c.PriceIn, PriceOut: c.PriceOut}
	for _, v := range c.Verdict {
		switch v {
		case extract.Draft, extract.Accepted, extract.Rejected:
			o.Verdicts = append(o.Verdicts, v)
		case "any":
			o.Verdicts = append(o.Verdicts, extract.Draft, extract.Accepted, extract.Rejected)
		default:
			return misuse("--verdict is draft, accepted, rejected or any, not %q", v)
		}
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	var err error
	if o.Sources, err = c.sources(ctx, s); err != nil {
		return err
	}

	const told = 10
	bad := 0
	card, err := measure.Read(ctx, in, o, func(line *measure.LineError) {
		if bad++; bad <= told {
			_, _ = fmt.Fprintf(s.err, "%s: %v\n", c.File, line)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if bad > told {
		_, _ = fmt.Fprintf(s.err, "%s: and %d more lines\n", c.File, bad-told)
	}
	if card.Seeds.Total == 0 {
		return fmt.Errorf("%s: no seeds in it", c.File)
	}
	c.warn(s, card)
	return c.write(s.out, card)
}

func (c measureCmd) write(w io.Writer, card *measure.Card) error {
	switch {
	case c.Format == "json":
		return printJSON(w, card)
	case c.Verbose:
		return card.Explain(w)
	}
	return card.Table(w)
}

func (c measureCmd) sources(ctx context.Context, s *streams) ([]measure.Source, error) {
	var out []measure.Source
	var children sandbox.Pool
	defer children.Close()
	for _, path := range c.Source {
		doc, err := readFlags{}.document(ctx, &children, path, path)
		if err != nil {
			return nil, err
		}
		sum, err := contentHash(path)
		if err != nil {
			return nil, err
		}
		for _, w := range doc.Warnings {
			_, _ = fmt.Fprintf(s.err, "%s: %s\n", path, w)
		}
		out = append(out, measure.Source{Name: path, ID: sum[:24], SHA256: sum, Doc: doc})
	}
	return out, nil
}

// warn tells of sources that no seed is of: most often they were changed.
func (c measureCmd) warn(s *streams, card *measure.Card) {
	if card.Coverage == nil || card.Seeds.Measured == 0 {
		return
	}
	for _, d := range card.Coverage.Sources {
		if d.Seeds == 0 {
			_, _ = fmt.Fprintf(s.err, "%s: no seed is of this source; seeds name their source by its SHA-256, so a file changed since is another\n", d.Name)
		}
	}
}
