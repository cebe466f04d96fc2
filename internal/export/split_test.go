package export_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/internal/export"
	"seedbed/internal/seedbed"
)

func TestParseSplit(t *testing.T) {
	for in, want := range map[string]string{
		"":                                       "",
		"train:0.9,test:0.1":                     "train:0.9,test:0.1",
		" train : .8, validation:1e-1,test:0.1 ": "train:0.8,validation:0.1,test:0.1",
		"all_of_it:1":                            "all_of_it:1",
		"train:0.9,test:0.2":                     "error: the shares have to add up to 1, and these add up to 1.1",
		"train:0.9":                              "error: the shares have to add up to 1, and these add up to 0.9",
		"train:0.5,Train:0.5":                    "error: the part Train is there twice",
		"train:0.5,train:0.5":                    "error: the part train is there twice",
		"train":                                  `error: "train" is no part: write its name and its share, as in train:0.9,test:0.1`,
		"train:0.9,":                             `error: "" is no part: write its name and its share, as in train:0.9,test:0.1`,
		"train:1.5,test:-0.5":                    `error: train has the share "1.5": write a number above 0 and up to 1, as in 0.9`,
		"train:1,test:0":                         `error: test has the share "0": write a number above 0 and up to 1, as in 0.9`,
		"train:NaN,test:1":                       `error: train has the share "NaN": write a number above 0 and up to 1, as in 0.9`,
		"train:90%,test:10%":                     `error: train has the share "90%": write a number above 0 and up to 1, as in 0.9`,
		"../../etc/x:1":                          "error: \"../../etc/x\" cannot name a part: take up to 32 letters a–z, digits and _, a letter first, and not “all”",
		"a.b:1":                                  "error: \"a.b\" cannot name a part: take up to 32 letters a–z, digits and _, a letter first, and not “all”",
		"all:1":                                  "error: \"all\" cannot name a part: take up to 32 letters a–z, digits and _, a letter first, and not “all”",
		"a:.1,b:.1,c:.1,d:.1,e:.1,f:.1,g:.1,h:.1,i:.1,j:.05,k:.05": "error: there are more than 10 parts",
	} {
		parts, err := seedbed.ParseSplit(in)
		got := seedbed.FormatSplit(parts)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("ParseSplit(%q) = %s, want %s", in, got, want)
		}
	}
}

// library makes n sources with some seeds each. Every fifth has the bytes of
// the one before it, in another collection.
func library(random *rand.Rand, n int) []extract.Seed {
	var out []extract.Seed
	for i := range n {
		original := i
		if i%5 == 4 {
			original--
		}
		for j := range 1 + random.IntN(4) {
			out = append(out, extract.Seed{
				ID: fmt.Sprintf("seed-%d-%d", i, j), Question: "Why?", Answer: "So.", Verdict: extract.Accepted, Type: extract.Factual, Origin: extract.Explicit,
				Source: extract.SourceRef{ID: fmt.Sprintf("source-%03d", i), SHA256: fmt.Sprintf("sum-%d", original), Title: fmt.Sprintf("Book %d", i)},
			})
		}
	}
	return out
}

// unzip reads an archive, and its manifest.
func unzip(t *testing.T, data []byte) (files map[string][]byte, m seedbed.Manifest) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name] != nil {
			t.Errorf("%s is there twice", f.Name)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	return files, m
}

func archive(t *testing.T, seeds []extract.Seed, split string, splitSeed int64) (files map[string][]byte, m seedbed.Manifest) {
	t.Helper()
	parts, err := seedbed.ParseSplit(split)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	e := &export.Exporter{Seeds: &source{seeds: each(seeds)}, Program: "seedbed test"}
	told, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Split: parts, SplitSeed: splitSeed}, seedbed.Filter{})
	if err != nil {
		t.Fatalf("Export(split %s of %d seeds): %v", split, len(seeds), err)
	}
	files, m = unzip(t, b.Bytes())
	if diff := cmp.Diff(told, m); diff != "" {
		t.Errorf("the manifest in the archive is not the one told (-told +archive):\n%s", diff)
	}
	return files, m
}

// Each original is on one side, each seed is there once and in its place, and
// the manifest tells the truth.
func TestSplitKeepsDocumentsWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		seeds := library(random, 4+random.IntN(40))
		split := []string{"train:0.9,test:0.1", "train:0.8,validation:0.1,test:0.1", "a:0.5,b:0.5", "only:1"}[round%4]
		files, m := archive(t, seeds, split, int64(round))
		side := map[string]string{}
		var all []string
		for _, p := range m.Split {
			var ids []string
			sources := map[string]bool{}
			for _, s := range lines[extract.Seed](t, files[p.Name+".jsonl"]) {
				if was := side[s.Source.SHA256]; was != "" && was != p.Name {
					t.Fatalf("round %d: %s stands in %s and in %s", round, s.Source.SHA256, was, p.Name)
				}
				side[s.Source.SHA256] = p.Name
				sources[s.Source.ID] = true
				ids = append(ids, s.ID)
			}
			if len(ids) == 0 || p.Seeds != len(ids) || p.Sources != len(sources) {
				t.Errorf("round %d: %s has %d seeds of %d sources, and is said to have %+v", round, p.Name, len(ids), len(sources), p)
			}
			// In order: a part is what is left of all seeds without the others.
			at := 0
			for _, s := range seeds {
				if at < len(ids) && s.ID == ids[at] {
					at++
				}
			}
			if at != len(ids) {
				t.Errorf("round %d: %s is out of order", round, p.Name)
			}
			all = append(all, ids...)
		}
		slices.Sort(all)
		if len(all) != len(seeds) || len(slices.Compact(all)) != len(seeds) {
			t.Errorf("round %d: the parts have %d seeds, want %d", round, len(all), len(seeds))
		}
		for _, f := range m.Files {
			if sum := sha256.Sum256(files[f.Name]); f.SHA256 != hex.EncodeToString(sum[:]) || f.Bytes != int64(len(files[f.Name])) {
				t.Errorf("round %d: %+v is not what is in the archive", round, f)
			}
		}
		again, _ := archive(t, seeds, split, int64(round))
		if diff := cmp.Diff(files, again); diff != "" {
			t.Fatalf("round %d: the second time differs:\n%s", round, diff)
		}
	}
}

// sides are the parts of originals, and which parts were filled.
func sides(m seedbed.Manifest) (side map[string]string, filled bool) {
	side = map[string]string{}
	for _, s := range m.Sources {
		side[s.SHA256] = s.Part
	}
	for _, p := range m.Split {
		filled = filled || p.Filled
	}
	return side, filled
}

// A source keeps its part when others come, unless a part had to be filled.
func TestSplitIsStable(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	seeds := library(random, 120)
	few := seeds[:len(seeds)/2]
	few = few[:len(few)-1-slices.IndexFunc(few[1:], func(s extract.Seed) bool { return s.Source.ID != few[0].Source.ID })]
	compared, moved := 0, 0
	for n := range int64(20) {
		_, before := archive(t, few, "train:0.8,test:0.2", n)
		_, after := archive(t, seeds, "train:0.8,test:0.2", n)
		was, filled := sides(before)
		if filled {
			continue
		}
		is, _ := sides(after)
		for sum, part := range was {
			compared++
			if is[sum] != part {
				moved++
			}
		}
	}
	if compared < 500 || moved > 0 {
		t.Errorf("%d of %d sources moved as others were added, want none of many", moved, compared)
	}
	_, one := archive(t, seeds, "train:0.8,test:0.2", 1)
	_, two := archive(t, seeds, "train:0.8,test:0.2", 2)
	if a, _ := sides(one); maps.Equal(a, func() map[string]string { b, _ := sides(two); return b }()) {
		t.Error("another seed of the split deals the sources the same")
	}
	// Of many sources the shares come near what was asked.
	_, m := archive(t, library(random, 2000), "train:0.8,test:0.2", 0)
	if test := m.Split[1]; test.Came < 0.16 || test.Came > 0.24 || test.Filled {
		t.Errorf("of 2000 sources test came to %+v", test)
	}
}

// No part is ever empty, and what cannot be divided is refused.
func TestSplitOfFewSources(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	filled := 0
	for n := range int64(40) {
		_, m := archive(t, library(random, 3), "train:0.9,test:0.1", n)
		for _, p := range m.Split {
			if p.Seeds == 0 || p.Sources == 0 {
				t.Errorf("split seed %d: %s is empty", n, p.Name)
			}
			if p.Filled {
				filled++
			}
		}
	}
	if filled == 0 || filled == 40 {
		t.Errorf("of 40 splits of 3 sources %d had to be filled, want some", filled)
	}

	parts := []seedbed.Part{{Name: "train", Share: 0.9}, {Name: "test", Share: 0.1}}
	twins := []extract.Seed{
		{ID: "a", Source: extract.SourceRef{ID: "here", SHA256: "same"}},
		{ID: "b", Source: extract.SourceRef{ID: "there", SHA256: "same"}},
	}
	for _, seeds := range [][]extract.Seed{nil, library(random, 1), twins} {
		var b bytes.Buffer
		e := &export.Exporter{Seeds: &source{seeds: each(seeds)}}
		_, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Split: parts}, seedbed.Filter{})
		if seedbed.CodeOf(err) != seedbed.Conflict || !strings.Contains(fmt.Sprint(err), "at least 2 sources") || b.Len() > 0 {
			t.Errorf("a split of %d seeds of one original: %v and %d bytes, want a conflict and nothing", len(seeds), err, b.Len())
		}
	}
}

func TestManifest(t *testing.T) {
	seeds := samples()
	seeds[1].Source = seeds[0].Source
	var b bytes.Buffer
	e := &export.Exporter{Seeds: &source{seeds: each(seeds)}, Program: "seedbed 1.2"}
	got, err := e.Export(t.Context(), &b, seedbed.ExportOptions{Format: "messages", Reasoning: true, System: "Be brief."},
		seedbed.Filter{Query: "even", Verdict: []string{"accepted", "draft"}, MinDifficulty: 3, Page: 2, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	want := seedbed.Manifest{
		Program: "seedbed 1.2", Format: "messages", Reasoning: true, System: "Be brief.", Seeds: 3, Unquoted: 2,
		Filter: map[string][]string{"q": {"even"}, "verdict": {"accepted", "draft"}, "min_difficulty": {"3"}},
		Counts: map[string]seedbed.Counts{
			"verdict": {"accepted": 1, "rejected": 1}, "type": {"proof": 1}, "origin": {"derived": 1}, "language": {"en": 1},
		},
		Recipes: seedbed.Counts{"quick@abc": 1}, Models: seedbed.Counts{"m-1": 1},
		Sources: []seedbed.ManifestSource{
			{ID: "s1", SHA256: "5e5e", Title: "A Course, with Exercises", Kind: extract.Book, License: "CC-BY-4.0", Seeds: 2},
			{Title: "+Title", Seeds: 1},
		},
		Files: []seedbed.ManifestFile{{Name: "seedbed-messages.jsonl", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(b.Len()), Seeds: 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the manifest differs (-want +got):\n%s", diff)
	}
}
