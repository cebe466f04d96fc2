package read

import (
	"strings"

	"github.com/abadojack/whatlanggo"

	"seedbed/extract"
)

// What language a text is in is told by its prose, from about so many bytes of
// it: a block may be a hundred megabytes long.
const (
	leastProse = 120
	mostProse  = 8 << 10
)

// tongue is the language of a document that does not say, a BCP 47 code, or
// "" where its prose is too short or could be of several. Code, formulas and
// what is left out of passages say nothing.
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
	guess := whatlanggo.Detect(strings.ToValidUTF8(prose.String(), ""))
	if !guess.IsReliable() {
		return ""
	}
	return guess.Lang.Iso6391()
}
