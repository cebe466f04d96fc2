package seedbed

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// ExportOptions say how seeds are exported. The zero value is the first
// format, with answers alone, in one file.
type ExportOptions struct {
	Format string

	// What goes into a training example besides question and answer. The
	// formats that hold everything pass over both.
	Reasoning bool   // the seed's steps before its answer, between <think> and </think>
	System    string // a system prompt for every example; "" is none

	// The parts that the sources are dealt to, none for all in one. Another
	// SplitSeed deals them otherwise.
	Split     []Part
	SplitSeed int64
}

// A Part is a share of an export: train, 0.9.
type Part struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"` // asked for; those of all parts add up to 1
}

// MaxParts is how many parts an export may have.
const MaxParts = 10

// Part names become names of files, and of splits where data sets are shared.
var partName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,31}$`)

// ParseSplit reads parts as people write them: "train:0.9,test:0.1". Nothing
// is no parts.
func ParseSplit(s string) ([]Part, error) {
	if s = strings.TrimSpace(s); s == "" {
		return nil, nil
	}
	var parts []Part
	var sum float64
	seen := map[string]bool{}
	for piece := range strings.SplitSeq(s, ",") {
		name, number, ok := strings.Cut(piece, ":")
		name = strings.TrimSpace(name)
		share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		switch folded := strings.ToLower(name); {
		case !ok:
			return nil, fmt.Errorf("%.40q is no part: write its name and its share, as in train:0.9,test:0.1", piece)
		case !partName.MatchString(name) || folded == "all":
			return nil, fmt.Errorf("%.40q cannot name a part: take up to 32 letters a–z, digits and _, a letter first, and not “all”", name)
		case seen[folded]:
			return nil, fmt.Errorf("the part %s is there twice", name)
		case err != nil || !(share > 0 && share <= 1):
			return nil, fmt.Errorf("%s has the share %.40q: write a number above 0 and up to 1, as in 0.9", name, strings.TrimSpace(number))
		case len(parts) == MaxParts:
			return nil, fmt.Errorf("there are more than %d parts", MaxParts)
		default:
			seen[folded] = true
		}
		parts = append(parts, Part{name, share})
		sum += share
	}
	if math.Abs(sum-1) > 1e-6 {
		return nil, fmt.Errorf("the shares have to add up to 1, and these add up to %s", strconv.FormatFloat(math.Round(sum*1e6)/1e6, 'f', -1, 64))
	}
	return parts, nil
}

// FormatSplit writes parts as [ParseSplit] reads them.
func FormatSplit(parts []Part) string {
	var out []string
	for _, p := range parts {
		out = append(out, p.Name+":"+strconv.FormatFloat(p.Share, 'f', -1, 64))
	}
	return strings.Join(out, ",")
}

// A Format is a shape that seeds are exported in.
type Format struct {
	Name      string `json:"name"` // as in format=…
	Title     string `json:"title"`
	Extension string `json:"extension"` // with its dot: ".jsonl"
	MediaType string `json:"media_type"`
	About     string `json:"about"`  // one sentence: who reads it
	Binary    bool   `json:"binary"` // it is not text
}

// Archive is the media type of exports that are many files in one.
const Archive = "application/zip"

// File is what an export in the format is called, and its media type.
func (f Format) File(o ExportOptions) (name, mediaType string) {
	if len(o.Split) > 0 {
		return "seedbed-" + f.Name + ".zip", Archive
	}
	return "seedbed-" + f.Name + f.Extension, f.MediaType
}

// SourceCount is how many seeds of a source a filter chooses.
type SourceCount struct {
	ID     string
	SHA256 string // of the original
	Seeds  int
}

// A Share is what a part asked for and what it came to.
type Share struct {
	Name    string  `json:"name"`
	Asked   float64 `json:"asked"`
	Came    float64 `json:"came_to"` // of all seeds
	Seeds   int     `json:"seeds"`
	Sources int     `json:"sources"`
	Filled  bool    `json:"filled"` // no source fell to it, so the nearest was given to it
}

// A Manifest says what an export holds and where it comes from. The same
// seeds, options and program make the same manifest.
type Manifest struct {
	Program   string              `json:"program"` // with its version
	Format    string              `json:"format"`
	Filter    map[string][]string `json:"filter"` // as the API's parameters
	Reasoning bool                `json:"reasoning"`
	System    string              `json:"system"`
	Seeds     int                 `json:"seeds"`              // written
	Unquoted  int                 `json:"unquoted,omitempty"` // of them without a quote, as a person may have written them
	LeftOut   map[string]int      `json:"left_out,omitempty"` // seeds by why the format has no place for them
	Split     []Share             `json:"split,omitempty"`
	SplitSeed int64               `json:"split_seed"`
	Counts    map[string]Counts   `json:"counts"`  // of verdict, type, origin and language
	Recipes   Counts              `json:"recipes"` // seeds by name@hash
	Models    Counts              `json:"models"`  // seeds by the model's name
	Sources   []ManifestSource    `json:"sources"` // in the order of their seeds
	Files     []ManifestFile      `json:"files"`
}

// Counts are numbers of seeds by a value they share.
type Counts map[string]int

// A ManifestSource is a source of the seeds in an export.
type ManifestSource struct {
	ID      string `json:"id"`
	SHA256  string `json:"sha256"` // of the original
	Title   string `json:"title"`
	Kind    string `json:"kind"`
	License string `json:"license"` // "" where the source names none
	Part    string `json:"part,omitempty"`
	Seeds   int    `json:"seeds"`
}

// A ManifestFile is a file of an export.
type ManifestFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Part   string `json:"part,omitempty"`
	Seeds  int    `json:"seeds"`
}
