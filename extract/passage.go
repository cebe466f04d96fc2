package extract

import (
	"crypto/sha256"
	"encoding/hex"
)

// A Passage is the run of text shown to a model at once: whole blocks under
// one heading path. The same text under the same headings keeps its ID.
type Passage struct {
	ID     string   `json:"id"`
	Path   []string `json:"path,omitempty"` // headings, outermost first
	Text   string   `json:"text"`           // the document's text from Start to End
	Tokens int      `json:"tokens"`         // as tokens.Count has them, or a few more
	Skip   string   `json:"skip,omitempty"` // why no stage should see it; "" is a normal passage
	Locator

	// First and Last are the document's blocks this passage covers, Last
	// excluded. A block over the limit is covered by several passages.
	First int `json:"first"`
	Last  int `json:"last"`

	// Doc is the document the passage was cut from. Stages look things up in
	// it (the title, a solution that stands chapters later) and never change it.
	Doc *Document `json:"-"`
}

// PassageID is the hash of a heading path and a text: 32 hexadecimal digits.
func PassageID(path []string, text string) string {
	h := sha256.New()
	for _, p := range path {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	h.Write([]byte{1})
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Blocks are the document's blocks the passage covers.
func (p Passage) Blocks() []Block {
	if p.Doc == nil {
		return nil
	}
	return p.Doc.Blocks[p.First:p.Last]
}
