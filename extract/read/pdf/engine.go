package pdf

import "seedbed/extract"

// maxGlyphs is the most glyphs that are taken from one page.
const maxGlyphs = 1 << 20

// An engine opens one PDF and hands out its pages one at a time.
type engine interface {
	name() string
	pages() int
	page(i int) (sheet, error) // i from 0
	info() info
	close()
}

// A sheet is one page as an engine sees it: glyphs in the engine's reading
// order, a line feed between two lines.
type sheet struct {
	width, height float64
	label         string // the printed page label, "" where it is the page number
	glyphs        []glyph
	pictures      bool          // something is drawn that may be a picture of text
	inked         bool          // something is drawn; set where there are no glyphs
	rules         []extract.Box // thin lines across, where fractions may be
}

// A glyph is one character and where it stands, in points from the top left
// corner of the page as it is shown.
type glyph struct {
	r     rune
	box   extract.Box
	base  float64 // the baseline
	size  float64 // of the font, as shown
	style style
	odd   bool // the font does not say which letter this is
}

// style is what a font's name and flags say of it.
type style uint8

const (
	bold style = 1 << iota
	italic
	mono
	formula // a font of mathematical signs
	sideways
	dingbat // a font of bullets and arrows
)

// An info is what a PDF says of itself.
type info struct {
	title, author, language string
	outline                 []bookmark
}

// A bookmark is one entry of the outline, in its order.
type bookmark struct {
	title string
	key   string // the title as titles are compared
	level int    // from 1
	page  int    // from 0, -1 when it points nowhere
}
