package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"
	"os"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

type exportCmd struct {
	dataThere
	Format    string `help:"seedbed, messages, prompt-completion, alpaca, sharegpt or csv." default:"seedbed"`
	System    string `help:"A system prompt for every example."`
	Reasoning bool   `help:"Put a seed's reasoning before its answer."`
	Output    string `short:"o" help:"Write to this file instead of stdout." type:"path"`

	// The filters of the seeds page, by the same names.
	Query         string   `short:"q" help:"Only what this search finds."`
	Verdict       []string `help:"draft, accepted, rejected or any; accepted when absent."`
	Type          []string `help:"Only these types of question."`
	Origin        []string `help:"Only seeds of these origins."`
	Source        []string `help:"Only seeds of these sources, by id."`
	Collection    []string `help:"Only seeds of these collections."`
	Runs          []string `name:"run" help:"Only seeds of these runs, by id."`
	Tag           []string `help:"Only seeds with one of these tags."`
	Language      []string `help:"Only seeds in these languages."`
	MinDifficulty string   `help:"Only seeds at least this hard, 1 to 10."`
	Check         string   `help:"Only seeds that passed a check, or failed it: ground, ground:fail."`
}

func (c exportCmd) Run(ctx context.Context, s *streams) (err error) {
	filter, err := query.Filter(url.Values{
		"q": {c.Query}, "verdict": c.Verdict, "type": c.Type, "origin": c.Origin, "source": c.Source,
		"collection": c.Collection, "run": c.Runs, "tag": c.Tag, "language": c.Language,
		"min_difficulty": {c.MinDifficulty}, "check": {c.Check},
	})
	if err != nil {
		return misuseError{err}
	}
	o, err := open(ctx, c.Data, s.log, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return writeTo(c.Output, s.out, func(w io.Writer) error {
		return o.exporter.Export(ctx, w, seedbed.ExportOptions{Format: c.Format, Reasoning: c.Reasoning, System: c.System}, filter)
	})
}

// writeTo calls do with a file of that name, or with out where there is none.
func writeTo(name string, out io.Writer, do func(io.Writer) error) (err error) {
	if name != "" {
		f, failed := os.Create(name)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	w := bufio.NewWriter(out)
	return errors.Join(do(w), w.Flush())
}
