package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// A tally counts what is written, for the manifest.
type tally struct {
	seedbed.Manifest
	sources map[string]int // where they stand in Sources
}

func newTally(program string, o seedbed.ExportOptions) *tally {
	return &tally{sources: map[string]int{}, Manifest: seedbed.Manifest{
		Program: program, Format: o.Format,
		Reasoning: o.Reasoning, System: o.System, SplitSeed: o.SplitSeed,
		Counts:  map[string]seedbed.Counts{"verdict": {}, "type": {}, "origin": {}, "language": {}},
		Recipes: seedbed.Counts{}, Models: seedbed.Counts{},
		Sources: []seedbed.ManifestSource{}, Files: []seedbed.ManifestFile{},
	}}
}

// add counts a seed that was written into a part.
func (t *tally) add(part string, s extract.Seed) {
	t.Seeds++
	if len(s.Evidence) == 0 {
		t.Unquoted++
	}
	for _, c := range []struct {
		of    seedbed.Counts
		value string
	}{
		{t.Counts["verdict"], s.Verdict}, {t.Counts["type"], s.Type}, {t.Counts["origin"], s.Origin}, {t.Counts["language"], s.Language},
		{t.Recipes, s.Recipe}, {t.Models, s.Model},
	} {
		if c.value != "" {
			c.of[c.value]++
		}
	}
	id := cmp.Or(s.Source.ID, s.Source.SHA256)
	i, ok := t.sources[id]
	if !ok {
		i = len(t.Sources)
		t.sources[id] = i
		t.Sources = append(t.Sources, seedbed.ManifestSource{
			ID: s.Source.ID, SHA256: s.Source.SHA256, Title: s.Source.Title, Kind: s.Source.Kind, License: s.Source.License, Part: part,
		})
	}
	t.Sources[i].Seeds++
}

func (t *tally) leave(why string) {
	if t.LeftOut == nil {
		t.LeftOut = map[string]int{}
	}
	t.LeftOut[why]++
}

// split says what the parts came to, of what was written.
func (t *tally) split(parts []part) {
	seeds, sources := map[string]int{}, map[string]int{}
	for _, s := range t.Sources {
		seeds[s.Part] += s.Seeds
		sources[s.Part]++
	}
	for _, p := range parts {
		p.Seeds, p.Sources, p.Came = seeds[p.Name], sources[p.Name], ratio(seeds[p.Name], t.Seeds)
		t.Split = append(t.Split, p.Share)
	}
}

// A digest is a file on its way out.
type digest struct {
	seedbed.ManifestFile
	to   io.Writer
	hash hash.Hash
}

func newDigest(to io.Writer, name, part string) *digest {
	return &digest{ManifestFile: seedbed.ManifestFile{Name: name, Part: part}, to: to, hash: sha256.New()}
}

func (d *digest) Write(p []byte) (int, error) {
	n, err := d.to.Write(p)
	d.hash.Write(p[:n])
	d.Bytes += int64(n)
	return n, err
}

func (d *digest) done() seedbed.ManifestFile {
	d.SHA256 = hex.EncodeToString(d.hash.Sum(nil))
	return d.ManifestFile
}

// writeJSON writes a manifest for people to read, too.
func writeJSON(w io.Writer, m seedbed.Manifest) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(m)
}
