package read

import (
	"slices"
	"strings"

	"github.com/abadojack/whatlanggo"
	"golang.org/x/text/language"

	"seedbed/extract"
)

// canonical is the shortest code that means the same, so that en, en-us and
// en-US are one language to whoever looks for it, and zh-TW another than zh.
// It is "" for what is no code.
func canonical(code string) string {
	tag, err := language.Parse(strings.TrimSpace(code))
	if err != nil || tag == language.Und {
		return ""
	}
	base, _ := tag.Base()
	short := language.Make(base.String())
	script, _ := tag.Script()
	region, _ := tag.Region()
	likelyScript, _ := short.Script()
	likelyRegion, _ := short.Region()
	if script == likelyScript && region == likelyRegion {
		return short.String()
	}
	return tag.String()
}

// What language a text is in is told by its prose, from about so many bytes of
// it: a block may be a hundred megabytes long.
const (
	leastProse = 120
	mostProse  = 8 << 10
	// The library ranks some hundred groups of three letters. A longer text has
	// more, and then it calls its best guess uncertain.
	sample = 400
)

// tongue is the language of a document that does not say, a BCP 47 code, or
// "" where its prose is too short or more than half of it could be of several.
// Code, formulas and what is left out of passages say nothing.
func tongue(d *extract.Document) string {
	var prose strings.Builder
	for i := range d.Blocks {
		b := &d.Blocks[i]
		switch b.Kind {
		case extract.Paragraph, extract.ListItem:
			if b.Skip == "" {
				prose.WriteString(b.Text[:min(len(b.Text), mostProse)])
				prose.WriteByte('\n')
			}
		}
		if prose.Len() > mostProse {
			break
		}
	}
	if prose.Len() < leastProse {
		return ""
	}
	votes, all := map[string]int{}, 0
	for part := range slices.Chunk([]byte(prose.String()), sample) {
		if all > 0 && len(part) < leastProse {
			break
		}
		all++
		if guess := whatlanggo.Detect(strings.ToValidUTF8(string(part), "")); guess.IsReliable() {
			votes[guess.Lang.Iso6391()]++
		}
	}
	for code, n := range votes {
		if 2*n > all {
			return code
		}
	}
	return ""
}
