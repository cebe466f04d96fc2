package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"seedbed/internal/seedbed"
)

// A part is some of the sources.
type part struct {
	seedbed.Share
	sources []string // their ids, in order
}

// deal gives each source to a part, by a hash of its original and the split's
// seed. So the same document in two collections is on one side, and a source
// keeps its part whatever others come and go. Where a part would be empty, the
// source whose hash is nearest to its range is given to it, of a part that has
// more than one; that may change as sources come. Fewer sources than parts are
// a [seedbed.Conflict].
func deal(sources []seedbed.SourceCount, parts []seedbed.Part, seed int64) ([]part, error) {
	type original struct {
		sum string
		at  float64 // from 0 to 1
		in  int
	}
	of := map[string]*original{}
	var originals []*original
	for _, s := range sources {
		sum := cmp.Or(s.SHA256, s.ID)
		if of[sum] == nil {
			of[sum] = &original{sum: sum, at: place(sum, seed)}
			originals = append(originals, of[sum])
		}
	}
	if len(originals) < len(parts) {
		return nil, seedbed.Errorf(seedbed.Conflict, "%d parts need at least %d sources, for no source is ever divided, and the seeds to be written come from %d: "+
			"choose more seeds, or export them without a split", len(parts), len(parts), len(originals))
	}
	slices.SortFunc(originals, func(a, b *original) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.sum, b.sum)) })

	out := make([]part, len(parts))
	many := make([]int, len(parts))
	ends := make([]float64, len(parts)+1)
	for i, p := range parts {
		out[i].Name, out[i].Asked = p.Name, p.Share
		ends[i+1] = ends[i] + p.Share
	}
	ends[len(parts)] = 1
	for _, o := range originals {
		for o.at >= ends[o.in+1] {
			o.in++
		}
		many[o.in]++
	}
	for i := range out {
		if many[i] > 0 {
			continue
		}
		var nearest *original
		far := math.Inf(1)
		for _, o := range originals {
			if d := max(ends[i]-o.at, o.at-ends[i+1]); many[o.in] > 1 && d < far {
				nearest, far = o, d
			}
		}
		many[nearest.in]--
		many[i]++
		nearest.in = i
		out[i].Filled = true
	}

	all := 0
	for _, s := range sources {
		p := &out[of[cmp.Or(s.SHA256, s.ID)].in]
		p.sources = append(p.sources, s.ID)
		p.Sources++
		p.Seeds += s.Seeds
		all += s.Seeds
	}
	for i := range out {
		out[i].Came = ratio(out[i].Seeds, all)
	}
	return out, nil
}

// place is where an original falls, at least 0 and below 1.
func place(sum string, seed int64) float64 {
	h := sha256.Sum256(fmt.Appendf(nil, "split %d %s", seed, sum))
	return float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53)
}

// ratio is n of all, to four digits, 0 where there are none.
func ratio(n, all int) float64 {
	if all == 0 {
		return 0
	}
	return math.Round(float64(n)/float64(all)*1e4) / 1e4
}
