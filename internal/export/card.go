package export

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/parquet-go/parquet-go"
	"go.yaml.in/yaml/v3"

	"seedbed/internal/seedbed"
)

// A card is the YAML that a data set's README begins with, as the Hub and the
// library datasets read it:
// https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
type card struct {
	PrettyName string   `yaml:"pretty_name"`
	Language   []string `yaml:"language,omitempty"`
	License    string   `yaml:"license"`
	Tasks      []string `yaml:"task_categories"`
	Size       []string `yaml:"size_categories"`
	Tags       []string `yaml:"tags"`
	Configs    []config `yaml:"configs"`
	Info       struct {
		Features []feature   `yaml:"features"`
		Splits   []splitInfo `yaml:"splits"`
	} `yaml:"dataset_info"`
}

type config struct {
	Name string      `yaml:"config_name"`
	Data []dataFiles `yaml:"data_files"`
}

type dataFiles struct {
	Split string `yaml:"split"`
	Path  string `yaml:"path"`
}

type splitInfo struct {
	Name     string `yaml:"name"`
	Bytes    int64  `yaml:"num_bytes"` // of the files; datasets has its own once it has loaded them
	Examples int    `yaml:"num_examples"`
}

// A feature is a column, with one of DType, Struct and List.
type feature struct {
	Name   string    `yaml:"name"`
	DType  string    `yaml:"dtype,omitempty"`
	Struct []feature `yaml:"struct,omitempty"`
	List   any       `yaml:"list,omitempty"` // a type, or the features of its elements
}

// writeCard writes the README of a data set. All that comes from sources is
// data: YAML quotes it, and no sign of it is Markdown.
func writeCard(w io.Writer, m seedbed.Manifest) error {
	c := card{
		PrettyName: title(m), License: license(m.Sources), Language: languages(m.Counts["language"]),
		Tasks: []string{"question-answering", "text-generation"}, Size: []string{size(m.Seeds)}, Tags: []string{"seedbed"},
		Configs: []config{{Name: "default"}},
	}
	c.Info.Features = features(parquet.SchemaOf(row{}))
	examples, bytes := map[string]int{}, map[string]int64{}
	var parts []string
	for _, f := range m.Files {
		if _, ok := examples[f.Part]; !ok {
			parts = append(parts, f.Part)
		}
		examples[f.Part] += f.Seeds
		bytes[f.Part] += f.Bytes
	}
	for _, p := range parts {
		c.Configs[0].Data = append(c.Configs[0].Data, dataFiles{p, "data/" + p + "-*.parquet"})
		c.Info.Splits = append(c.Info.Splits, splitInfo{p, bytes[p], examples[p]})
	}
	head, err := yaml.Marshal(c)
	if err != nil {
		return err
	}

	var b strings.Builder
	fmt.Fprintf(&b, "---\n%s---\n\n# %s\n\n", head, markdown(c.PrettyName))
	fmt.Fprintf(&b, "%d questions with answers, reasoning and the verbatim quotes that support them, extracted by %s.\n\n", m.Seeds, markdown(m.Program))
	if m.Unquoted > 0 {
		fmt.Fprintf(&b, "Without a quote, so that nothing in the source vouches for them: %d.\n\n", m.Unquoted)
	}
	b.WriteString("```python\nfrom datasets import load_dataset\n\nseeds = load_dataset(\"path/to/this/folder\")\n```\n\n")

	b.WriteString("## Parts\n\n| part | seeds | of all | sources |\n|---|--:|--:|--:|\n")
	sources := map[string]int{}
	for _, s := range m.Sources {
		sources[s.Part]++
	}
	for _, p := range parts {
		fmt.Fprintf(&b, "| %s | %d | %.1f %% | %d |\n", p, examples[p], 100*ratio(examples[p], m.Seeds), sources[p])
	}
	if len(m.Split) > 0 {
		var asked []seedbed.Part
		for _, s := range m.Split {
			asked = append(asked, seedbed.Part{Name: s.Name, Share: s.Asked})
		}
		fmt.Fprintf(&b, "\nAsked for was `%s`, with the split seed %d. No source stands in two parts.\n", seedbed.FormatSplit(asked), m.SplitSeed)
		for _, s := range m.Split {
			if s.Filled {
				fmt.Fprintf(&b, "`%s` would have been empty and was given the nearest source.\n", s.Name)
			}
		}
	}

	b.WriteString("\n## Columns\n\n`messages` is the question and its answer as a chat. `evidence` are quotes that stand word for word in the source; `start` and\n" +
		"`end` count characters of the document as Seedbed reads it. `checks` are what each check found. The rest is what its name says.\n")

	b.WriteString("\n## Sources\n\nA licence is what the source says of itself. Whether its text may be passed on is for the publisher of this data set to find out.\n\n" +
		"| part | source | kind | licence | seeds | SHA-256 |\n|---|---|---|---|--:|---|\n")
	for i, s := range m.Sources {
		if i == maxListed {
			fmt.Fprintf(&b, "\nand %d more, in `manifest.json`\n", len(m.Sources)-i)
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %.12s |\n", s.Part, cmp.Or(markdown(s.Title), "–"), cmp.Or(markdown(s.Kind), "–"), cmp.Or(markdown(s.License), "none named"), s.Seeds, cmp.Or(digits(s.SHA256), "–"))
	}

	b.WriteString("\n## How it was made\n\n")
	for _, c := range []struct {
		what   string
		counts seedbed.Counts
	}{{"recipe", m.Recipes}, {"model", m.Models}, {"type", m.Counts["type"]}, {"origin", m.Counts["origin"]}, {"verdict", m.Counts["verdict"]}} {
		for _, name := range slices.Sorted(maps.Keys(c.counts)) {
			fmt.Fprintf(&b, "- %s %s: %d\n", c.what, markdown(name), c.counts[name])
		}
	}
	b.WriteString("\n`manifest.json` has the filter, the sources and the SHA-256 of every file.\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// maxListed is how many sources a card lists.
const maxListed = 200

func title(m seedbed.Manifest) string {
	if len(m.Sources) == 1 && m.Sources[0].Title != "" {
		return "Seeds of " + clip(m.Sources[0].Title)
	}
	return "Seeds of " + strconv.Itoa(len(m.Sources)) + " sources"
}

// clip is a text on one line, of a length to read, without signs that cannot
// be seen.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, valid(s))
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 200 {
		return string(r[:199]) + "…"
	}
	return string(r)
}

// markdown is a text that Markdown shows as it is.
func markdown(s string) string { return special.ReplaceAllString(clip(s), `\$0`) }

var special = regexp.MustCompile("[!-/:-@\\[-`{-~]")

// digits are the hexadecimal digits of a hash.
func digits(sum string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return -1
	}, sum)
}

var code = regexp.MustCompile(`^[a-z]{2,3}$`)

// languages are ISO 639 codes, the most frequent first.
func languages(counts seedbed.Counts) []string {
	seeds := seedbed.Counts{}
	for tag, n := range counts {
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if code.MatchString(base) {
			seeds[base] += n
		}
	}
	out := slices.Sorted(maps.Keys(seeds))
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(seeds[b], seeds[a]) })
	return out
}

func size(n int) string {
	steps := []struct {
		below int
		name  string
	}{{1_000, "n<1K"}, {10_000, "1K<n<10K"}, {100_000, "10K<n<100K"}, {1_000_000, "100K<n<1M"}, {10_000_000, "1M<n<10M"}}
	for _, s := range steps {
		if n < s.below {
			return s.name
		}
	}
	return "10M<n<100M"
}

// licenses are those of SPDX that the Hub knows, too, in small letters.
var licenses = strings.Fields(`apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear
	cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0
	cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2
	agpl-3.0 gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 isc mpl-2.0 osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib`)

// license is the Hub's name of the licence of all sources: unknown where one
// of them names none, other where they are not the same.
func license(sources []seedbed.ManifestSource) string {
	out := ""
	for _, s := range sources {
		id := strings.ToLower(strings.TrimSpace(s.License))
		if id == "" {
			return "unknown"
		}
		id = strings.TrimSuffix(strings.TrimSuffix(id, "-only"), "-or-later")
		if !slices.Contains(licenses, id) || out != "" && out != id {
			id = "other"
		}
		out = id
	}
	return cmp.Or(out, "unknown")
}

// features describe the columns of a table to datasets.
func features(n parquet.Node) []feature {
	var out []feature
	for _, field := range n.Fields() {
		f := feature{Name: field.Name()}
		switch {
		case field.Leaf():
			f.DType = dtype(field)
		case isList(field):
			f.List = elements(field)
		default:
			f.Struct = features(field)
		}
		out = append(out, f)
	}
	return out
}

func isList(n parquet.Node) bool {
	t := n.Type().LogicalType()
	return t != nil && t.List != nil
}

// elements are what a list is made of.
func elements(n parquet.Node) any {
	element := n.Fields()[0].Fields()[0]
	if element.Leaf() {
		return dtype(element)
	}
	return features(element)
}

func dtype(n parquet.Node) string {
	if t := n.Type().LogicalType(); t != nil && t.Timestamp != nil {
		return "timestamp[ms, tz=UTC]"
	}
	switch n.Type().Kind() {
	case parquet.ByteArray:
		return "string"
	case parquet.Double:
		return "float64"
	case parquet.Boolean:
		return "bool"
	default:
		return "int64"
	}
}
