// Package export writes seeds in the formats that training and evaluation
// tools read. docs/exports.md shows each of them and how to load it.
package export

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

const (
	jsonl     = "application/jsonl"
	jsonArray = "application/json"
)

// A format is how seeds become a file.
type format struct {
	seedbed.Format
	create func(w io.Writer, o seedbed.ExportOptions) (file, error)
	with   func(ctx context.Context, from Source, some []example) error // adds what it needs beside seeds
	hub    bool                                                         // a data set: always a zip, in files of some seeds each, with a card
}

// A file takes seeds, and is whole once it is closed.
type file interface {
	// add writes a seed, or says why there is no place for it.
	add(e example) (why string, err error)
	close() error
}

// An example is a seed on its way into a file.
type example struct {
	extract.Seed
	passage string        // the text of its passage
	worse   *extract.Seed // the rejected version that it replaced
}

var formats = []format{
	{
		Format: seedbed.Format{Name: "seedbed", Title: "Seedbed", Extension: ".jsonl", MediaType: jsonl,
			About: "Everything there is to know of each seed, evidence and checks included, as JSON Lines."},
		create: jsonLines(record),
	},
	{
		Format: seedbed.Format{Name: "messages", Title: "Messages", Extension: ".jsonl", MediaType: jsonl,
			About: "Chats for fine-tuning with OpenAI, TRL, Axolotl and most others, as JSON Lines."},
		create: jsonLines(messages),
	},
	{
		Format: seedbed.Format{Name: "prompt-completion", Title: "Prompt and completion", Extension: ".jsonl", MediaType: jsonl,
			About: "Chats cut into prompt and completion, so that TRL trains on the answers alone, as JSON Lines."},
		create: jsonLines(promptCompletion),
	},
	{
		Format: seedbed.Format{Name: "alpaca", Title: "Alpaca", Extension: ".json", MediaType: jsonArray,
			About: "Instruction, input and output for LLaMA-Factory, Axolotl and others, as one JSON array."},
		create: jsonList(alpaca),
	},
	{
		Format: seedbed.Format{Name: "sharegpt", Title: "ShareGPT", Extension: ".json", MediaType: jsonArray,
			About: "Conversations of human and gpt for LLaMA-Factory, Axolotl and others, as one JSON array."},
		create: jsonList(shareGPT),
	},
	{
		Format: seedbed.Format{Name: "csv", Title: "CSV", Extension: ".csv", MediaType: "text/csv; charset=utf-8",
			About: "A table with a row for each seed, for spreadsheets and data frames."},
		create: newTable,
	},
	{
		Format: seedbed.Format{Name: "squad", Title: "SQuAD", Extension: ".json", MediaType: jsonArray,
			About: "Passages, questions and where the answer stands, for extractive readers: only seeds whose answer is in their passage word for word."},
		create: newSquad, with: withPassages,
	},
	{
		Format: seedbed.Format{Name: "preference", Title: "Preference", Extension: ".jsonl", MediaType: jsonl,
			About: "Better and worse answers for TRL’s DPO and reward trainers, as JSON Lines: only seeds that replaced a rejected answer to the same question."},
		create: jsonLinesUnless(noPair, preference), with: withWorse,
	},
	{
		Format: seedbed.Format{Name: "parquet", Title: "Parquet", Extension: ".parquet", MediaType: "application/vnd.apache.parquet", Binary: true,
			About: "Everything there is to know of each seed, and its chat, as a typed table for DuckDB, Polars, pandas and Spark."},
		create: newParquet,
	},
	{
		Format: seedbed.Format{Name: "huggingface", Title: "Hugging Face", Extension: ".zip", MediaType: seedbed.Archive, Binary: true,
			About: "A data set to load with datasets or to put on the Hub: Parquet for each part, a card, and the manifest, in a zip."},
		create: newParquet, hub: true,
	},
}

// Formats are the formats there are, the first of which is the default.
var Formats = func() []seedbed.Format {
	out := make([]seedbed.Format, len(formats))
	for i, f := range formats {
		out[i] = f.Format
	}
	return out
}()

// Find is the format of that name, the first where there is none. One there is
// not is a [seedbed.Invalid] error that names those there are.
func Find(name string) (seedbed.Format, error) {
	f, err := find(name)
	return f.Format, err
}

func find(name string) (format, error) {
	if name == "" {
		return formats[0], nil
	}
	i := slices.IndexFunc(formats, func(f format) bool { return f.Name == name })
	if i < 0 {
		var names []string
		for _, f := range formats {
			names = append(names, f.Name)
		}
		return format{}, seedbed.Errorf(seedbed.Invalid, "there is no format %.40q: choose %s", name, strings.Join(names, ", "))
	}
	return formats[i], nil
}

// A Source has the seeds. Verdict nil is any verdict.
type Source interface {
	Each(ctx context.Context, f seedbed.Filter, do func(extract.Seed) error) error
	// CountBySource lists the sources of the seeds that f chooses, in the
	// order in which Each comes to them.
	CountBySource(ctx context.Context, f seedbed.Filter) ([]seedbed.SourceCount, error)
	// PassageTexts are the texts of the passages of seeds, by the seeds' ids.
	PassageTexts(ctx context.Context, seeds []string) (map[string]string, error)
	// SeedsByID are seeds by their ids. Those that are gone are left out.
	SeedsByID(ctx context.Context, ids []string) (map[string]extract.Seed, error)
}

// An Exporter writes the seeds of a source.
type Exporter struct {
	Seeds   Source
	Program string // with its version, for manifests
	Shard   int    // seeds in a file of a data set, 0 is 50,000
}

const shard = 50_000

// Formats are those of the package.
func (e *Exporter) Formats() []seedbed.Format { return slices.Clone(Formats) }

// Shares are what the parts of a split come to, of the seeds that f chooses;
// Verdict nil is accepted.
func (e *Exporter) Shares(ctx context.Context, o seedbed.ExportOptions, f seedbed.Filter) ([]seedbed.Share, error) {
	x, err := e.begin(o)
	if err != nil || len(o.Split) == 0 {
		return nil, err
	}
	parts, err := e.parts(ctx, x, chosen(f))
	if err != nil {
		return nil, err
	}
	var out []seedbed.Share
	for _, p := range parts {
		out = append(out, p.Share)
	}
	return out, nil
}

// Export writes the seeds that f chooses; Verdict nil is accepted. Without a
// split that is one file, and with one a zip of a file for each part and of
// the manifest; a data set is always a zip. No seeds make a valid file without
// examples. A format there is not is a [seedbed.Invalid] error that names those
// there are. After any other error what has been written is not whole and must
// not pass for it.
func (e *Exporter) Export(ctx context.Context, w io.Writer, o seedbed.ExportOptions, f seedbed.Filter) (seedbed.Manifest, error) {
	x, err := e.begin(o)
	if err != nil {
		return seedbed.Manifest{}, err
	}
	f = chosen(f)
	x.Filter = f.Values()
	if len(o.Split) == 0 && !x.format.hub {
		name, _ := x.format.File(o)
		err = x.write(ctx, e.each(ctx, f, nil), "", 0, func(int) (string, io.Writer, error) { return name, w, nil })
	} else {
		err = e.archive(ctx, w, x, f)
	}
	if err != nil {
		return seedbed.Manifest{}, fmt.Errorf("export %s after %d seeds: %w", x.format.Name, x.Seeds, err)
	}
	return x.Manifest, nil
}

// chosen is a filter as an export takes it: all pages, in its own order.
func chosen(f seedbed.Filter) seedbed.Filter {
	f.Sort, f.Page, f.Size = "", 0, 0
	if f.Verdict == nil {
		f.Verdict = []string{extract.Accepted}
	}
	return f
}

// begin is an export of which nothing is written yet.
func (e *Exporter) begin(o seedbed.ExportOptions) (*export, error) {
	format, err := find(o.Format)
	o.Format = format.Name
	return &export{from: e.Seeds, format: format, options: o, tally: newTally(e.Program, o)}, err
}

// parts deals the sources, none where there is no split. Of a format that has
// no place for some seeds, only the others count: no part is to be empty.
func (e *Exporter) parts(ctx context.Context, x *export, f seedbed.Filter) ([]part, error) {
	if len(x.options.Split) == 0 {
		return nil, nil
	}
	var sources []seedbed.SourceCount
	var err error
	if x.format.with == nil {
		sources, err = e.Seeds.CountBySource(ctx, f)
	} else {
		sources, x.LeftOut, err = e.written(ctx, x.options, f)
	}
	if err != nil {
		return nil, err
	}
	return deal(sources, x.options.Split, x.options.SplitSeed)
}

// written are the sources of the seeds that a format has a place for, and the
// number of the others, by writing them to nowhere.
func (e *Exporter) written(ctx context.Context, o seedbed.ExportOptions, f seedbed.Filter) ([]seedbed.SourceCount, map[string]int, error) {
	x, err := e.begin(o)
	if err != nil {
		return nil, nil, err
	}
	err = x.write(ctx, e.each(ctx, f, nil), "", 0, func(int) (string, io.Writer, error) { return "", io.Discard, nil })
	if err != nil {
		return nil, nil, err
	}
	var out []seedbed.SourceCount
	for _, s := range x.Sources {
		out = append(out, seedbed.SourceCount{ID: s.ID, SHA256: s.SHA256, Seeds: s.Seeds})
	}
	return out, x.LeftOut, nil
}

// archive writes the files of each part, the manifest, and the card of a data
// set, whose one part is train where there is no split.
func (e *Exporter) archive(ctx context.Context, w io.Writer, x *export, f seedbed.Filter) error {
	parts, err := e.parts(ctx, x, f)
	if err != nil {
		return err
	}
	left := maps.Clone(x.LeftOut) // of all sources, also of those with no other seeds
	each := parts
	if len(parts) == 0 {
		each = []part{{Share: seedbed.Share{Name: "train"}}}
	}
	z := zip.NewWriter(w)
	create := func(name string, method uint16) (io.Writer, error) {
		// The same seeds give the same bytes: the date is the first that a zip
		// can have.
		return z.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	}
	for _, p := range each {
		most := 0
		if x.format.hub {
			most = cmp.Or(e.Shard, shard)
		}
		err := x.write(ctx, e.each(ctx, f, p.sources), p.Name, most, func(n int) (string, io.Writer, error) {
			if x.format.hub {
				name := fmt.Sprintf("data/%s-%05d.parquet", p.Name, n)
				to, err := create(name, zip.Store) // it is compressed
				return name, to, err
			}
			name := p.Name + x.format.Extension
			to, err := create(name, zip.Deflate)
			return name, to, err
		})
		if err != nil {
			return err
		}
	}
	if left != nil {
		x.LeftOut = left
	}
	x.split(parts)
	if x.format.hub {
		to, err := create("README.md", zip.Deflate)
		if err == nil {
			err = writeCard(to, x.Manifest)
		}
		if err != nil {
			return err
		}
	}
	to, err := create("manifest.json", zip.Deflate)
	if err == nil {
		err = writeJSON(to, x.Manifest)
	}
	if err != nil {
		return err
	}
	return z.Close()
}

// An export is under way.
type export struct {
	from    Source
	format  format
	options seedbed.ExportOptions
	*tally
}

// write writes the seeds of a part: into one file, or into files of at most so
// many seeds. There is one also where there are no seeds.
func (x *export) write(ctx context.Context, seeds iter.Seq2[extract.Seed, error], part string, most int,
	open func(n int) (string, io.Writer, error),
) error {
	var out *digest
	var to file
	files := 0
	next := func() error {
		name, w, err := open(files)
		if err != nil {
			return err
		}
		files++
		out = newDigest(w, name, part)
		to, err = x.format.create(out, x.options)
		return err
	}
	end := func() error {
		if err := to.close(); err != nil {
			return err
		}
		x.Files = append(x.Files, out.done())
		return nil
	}
	if err := next(); err != nil {
		return err
	}
	for s, err := range x.examples(ctx, seeds) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && most > 0 && out.Seeds == most {
			if err = end(); err == nil {
				err = next()
			}
		}
		if err != nil {
			return err
		}
		why, err := to.add(s)
		if err != nil {
			return err
		}
		if why != "" {
			x.leave(why)
			continue
		}
		x.add(part, s.Seed)
		out.Seeds++
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return end()
}

// atOnce is how many seeds are kept back to look up what they need.
const atOnce = 100

// examples are seeds with what the format needs beside them.
func (x *export) examples(ctx context.Context, seeds iter.Seq2[extract.Seed, error]) iter.Seq2[example, error] {
	return func(yield func(example, error) bool) {
		var some []example
		flush := func() bool {
			if x.format.with != nil && len(some) > 0 {
				if err := x.format.with(ctx, x.from, some); err != nil {
					yield(example{}, err)
					return false
				}
			}
			for _, e := range some {
				if !yield(e, nil) {
					return false
				}
			}
			some = some[:0]
			return true
		}
		for s, err := range seeds {
			if err != nil {
				yield(example{}, err)
				return
			}
			some = append(some, example{Seed: s})
			if (x.format.with == nil || len(some) == atOnce) && !flush() {
				return
			}
		}
		flush()
	}
}

var errStop = errors.New("stop")

// sourcesAtOnce is how many sources are asked for by their ids in one query.
const sourcesAtOnce = 200

// each are the seeds of some sources, nil for all, in order.
func (e *Exporter) each(ctx context.Context, f seedbed.Filter, sources []string) iter.Seq2[extract.Seed, error] {
	return func(yield func(extract.Seed, error) bool) {
		some := func(f seedbed.Filter) bool {
			err := e.Seeds.Each(ctx, f, func(s extract.Seed) error {
				if !yield(s, nil) {
					return errStop
				}
				return nil
			})
			if err != nil && !errors.Is(err, errStop) {
				yield(extract.Seed{}, err)
			}
			return err == nil
		}
		if sources == nil {
			some(f)
			return
		}
		for ids := range slices.Chunk(sources, sourcesAtOnce) {
			f.Source = ids
			if !some(f) {
				return
			}
		}
	}
}
