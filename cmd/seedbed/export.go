package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"seedbed/internal/export"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
	"seedbed/web/view"
)

type exportCmd struct {
	dataThere
	Format    string `help:"${formats}." default:"seedbed"`
	System    string `help:"A system prompt for every example."`
	Reasoning bool   `help:"Put a seed's reasoning before its answer."`
	Split     string `help:"Parts by source, as in train:0.9,test:0.1; makes a zip."`
	SplitSeed int64  `help:"Another number deals the sources to the parts anew."`
	Output    string `short:"o" help:"Write to this file instead of stdout, and FILE.manifest.json beside it." type:"path"`

	// The filters of the seeds page, by the same names.
	Query         string   `short:"q" help:"Only what this search finds."`
	Verdict       []string `help:"draft, accepted, rejected or any; accepted when absent."`
	Type          []string `help:"Only these types of question."`
	Origin        []string `help:"Only seeds of these origins."`
	Kind          []string `help:"Only seeds of these kinds of source: book, paper, page, repository."`
	Source        []string `help:"Only seeds of these sources, by id."`
	Collection    []string `help:"Only seeds of these collections."`
	Runs          []string `name:"run" help:"Only seeds of these runs, by id."`
	Tag           []string `help:"Only seeds with one of these tags."`
	Language      []string `help:"Only seeds in these languages."`
	MinDifficulty string   `help:"Only seeds at least this hard, 1 to 10."`
	Check         string   `help:"Only seeds that passed a check, or failed it: ground, ground:fail."`
	Distinct      bool     `help:"Only the first seed of each group of duplicates."`
}

func (c exportCmd) Run(ctx context.Context, s *streams) (err error) {
	filter, err := query.Filter(url.Values{
		"q": {c.Query}, "verdict": c.Verdict, "type": c.Type, "origin": c.Origin, "kind": c.Kind, "source": c.Source,
		"collection": c.Collection, "run": c.Runs, "tag": c.Tag, "language": c.Language,
		"min_difficulty": {c.MinDifficulty}, "check": {c.Check}, "distinct": {strconv.FormatBool(c.Distinct)},
	})
	if err != nil {
		return misuseError{err}
	}
	format, err := export.Find(c.Format)
	if err != nil {
		return misuseError{err}
	}
	options := seedbed.ExportOptions{Format: c.Format, Reasoning: c.Reasoning, System: c.System, SplitSeed: c.SplitSeed}
	if options.Split, err = seedbed.ParseSplit(c.Split); err != nil {
		return misuse("--split: %w", err)
	}
	_, mediaType := format.File(options)
	archive := mediaType == seedbed.Archive
	if archive && isFile(c.Output) && filepath.Ext(c.Output) != ".zip" {
		return misuse("-o %s: it becomes a zip of several files: give it a name that ends in .zip", filepath.Base(c.Output))
	}
	o, err := open(ctx, c.Data, s.log, jobs.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	var manifest seedbed.Manifest
	err = replace(c.Output, s.out, func(w io.Writer) error {
		manifest, err = o.exporter.Export(ctx, w, options, filter)
		return err
	})
	if err != nil {
		return err
	}
	c.tell(s.err, manifest)
	if archive || !isFile(c.Output) {
		return nil // a zip holds its own
	}
	manifest.Files[0].Name = filepath.Base(c.Output)
	return replace(c.Output+".manifest.json", nil, func(w io.Writer) error { return printJSON(w, manifest) })
}

// tell says what one would not see from the files alone.
func (c exportCmd) tell(w io.Writer, m seedbed.Manifest) {
	for _, p := range m.Split {
		_, _ = fmt.Fprintf(w, "%s: %s of %s, %.1f%% of all (asked for %.1f%%)\n", p.Name, view.Count(p.Seeds, "seed"), view.Count(p.Sources, "source"), 100*p.Came, 100*p.Asked)
		if p.Filled {
			_, _ = fmt.Fprintf(w, "%s would have been empty and was given the nearest source: that may change as sources are added\n", p.Name)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(m.LeftOut)) {
		_, _ = fmt.Fprintf(w, "left out: %s: %s\n", view.Count(m.LeftOut[why], "seed"), why)
	}
}

// isFile reports whether something of that name is, or could become, a file,
// and no device or pipe.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return name != "" && (errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular())
}

// replace is writeTo, but a file takes its name once it is whole: an export
// that fails leaves the one before it as it was.
func replace(name string, out io.Writer, do func(io.Writer) error) error {
	if !isFile(name) {
		return writeTo(name, out, do)
	}
	temporary := name + ".part"
	err := writeTo(temporary, nil, do)
	if err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
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

// formatNames are the formats, for help.
func formatNames() string {
	var names []string
	for _, f := range export.Formats {
		names = append(names, f.Name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
