package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"seedbed/extract"
	"seedbed/internal/export"
	"seedbed/internal/seedbed"
)

// A data set that the API gives is the one that the command writes; its
// manifest names its files, and no source is on both sides.
func TestExportOfDataSet(t *testing.T) {
	data := t.TempDir()
	p := startProgram(t, data)
	for i := range 6 {
		text := fmt.Sprintf("# Questions about bee %d\n\n## How many wings does bee %d have?\n\nIt has four wings, which is two more than a fly, and %d stripes.\n", i, i, i)
		for _, r := range p.upload(nil, file{fmt.Sprintf("bee%d.md", i), []byte(text)}).Runs {
			p.until(r.ID, ended)
		}
	}
	seeds := p.seeds("")
	if len(seeds) < 6 {
		t.Fatalf("%d seeds were found, want one a file", len(seeds))
	}
	const query = "?format=huggingface&split=train:0.7,test:0.3&verdict=any"
	got := []byte(p.page("/api/v1/export" + query))
	name := filepath.Join(t.TempDir(), "bees.zip")
	out, err := self(t, nil, "export", "--data", data, "--format", "huggingface", "--split", "train:0.7,test:0.3", "--verdict", "any", "-o", name).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "asked for 30.0%") {
		t.Fatalf("seedbed export: %v\n%s", err, out)
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the API gives %d bytes and the command %d, or others", len(got), len(want))
	}

	var m seedbed.Manifest
	p.get("/api/v1/export/manifest"+query, &m)
	z, err := zip.NewReader(bytes.NewReader(got), int64(len(got)))
	if err != nil {
		t.Fatal(err)
	}
	side := map[string]string{}
	var ids []string
	for _, f := range m.Files {
		in, err := z.Open(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); f.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is not what the manifest says", f.Name)
		}
		type row struct {
			ID     string `parquet:"id"`
			Source struct {
				ID string `parquet:"id"`
			} `parquet:"source"`
		}
		rows, err := parquet.Read[row](bytes.NewReader(body), int64(len(body)))
		if err != nil || len(rows) == 0 || len(rows) != f.Seeds {
			t.Fatalf("%s has %d rows, %v; want %d", f.Name, len(rows), err, f.Seeds)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
			if was := side[r.Source.ID]; was != "" && was != f.Part {
				t.Errorf("source %s is in %s and in %s", r.Source.ID, was, f.Part)
			}
			side[r.Source.ID] = f.Part
		}
	}
	var all []string
	for _, s := range seeds {
		all = append(all, s.ID)
	}
	slices.Sort(all)
	if slices.Sort(ids); !slices.Equal(all, ids) {
		t.Errorf("the data set has the seeds %v, want %v", ids, all)
	}
}

// Every format can be had of a server, the same as the command writes.
func TestExportFormats(t *testing.T) {
	data := t.TempDir()
	p := startProgram(t, data)
	for _, r := range p.upload(nil, file{"faq.md", []byte("# Bees\n\n## How many wings does a bee have?\n\nIt has four wings, which is two more than a fly.\n")}).Runs {
		p.until(r.ID, ended)
	}
	for _, f := range export.Formats {
		seeds, left := 1, 0
		if f.Name == "preference" { // it replaced no other
			seeds, left = 0, 1
		}
		query := url.Values{"format": {f.Name}, "verdict": {extract.Draft}}.Encode()
		got := p.page("/api/v1/export?" + query)
		var said bytes.Buffer
		cmd := self(t, nil, "export", "--data", data, "--format", f.Name, "--verdict", extract.Draft)
		cmd.Stderr = &said
		want, err := cmd.Output()
		if err != nil || len(want) == 0 && seeds > 0 || got != string(want) {
			t.Errorf("%s: the API gives %d bytes and the command %d, or others; %v %s", f.Name, len(got), len(want), err, &said)
		}
		var m seedbed.Manifest
		if err := json.Unmarshal([]byte(p.page("/api/v1/export/manifest?"+query)), &m); err != nil || m.Seeds != seeds || m.Counts["verdict"][extract.Draft] != seeds || len(m.LeftOut) != left {
			t.Errorf("%s: the manifest is %+v, %v", f.Name, m, err)
		}
	}
}

// TestExportHasAllFilters: the command knows each filter of the pages and the
// API, by the same name.
func TestExportHasAllFilters(t *testing.T) {
	one := []string{"x"}
	all := seedbed.Filter{
		Query: "x", Verdict: one, Type: one, Origin: one, Source: one, Collection: one, Run: one, Tag: one,
		Language: one, Kind: one, MinDifficulty: 1, Check: "x", Distinct: true,
	}.Values()
	var help bytes.Buffer
	if code := run(t.Context(), []string{"export", "-h"}, &help, io.Discard); code != 0 {
		t.Fatalf("seedbed export -h exits with %d", code)
	}
	for name := range all {
		flag := "--" + strings.ReplaceAll(name, "_", "-")
		if name == "q" {
			flag = "--query"
		}
		if !strings.Contains(help.String(), flag+"=") && !strings.Contains(help.String(), flag+" ") {
			t.Errorf("seedbed export -h does not show %s", flag)
		}
	}
}
