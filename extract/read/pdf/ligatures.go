package pdf

import (
	"strings"
	"unicode"

	lib "github.com/ledongthuc/pdf"
)

// Fonts that come with TeX distributions draw "ffi" as one glyph of the name
// f_f_i, as the Adobe Glyph List's specification has it for several letters,
// and give it a code below the letters'. PDFium does not know such a name and
// hands over the code: "LibreOce". The names stand in the font's encoding,
// which the object layer reads.

// ligatures are the letters of such glyphs, by the whole font's name and the
// code.
type ligatures map[string]map[rune]string

// ligatures are those of a page.
func (o *objects) ligatures(i int) (ligatures, error) {
	out := ligatures{}
	err := o.within(func() error {
		fonts := inherited(o.list[i], "Resources").Key("Font")
		for _, key := range fonts.Keys() {
			font := fonts.Key(key)
			name := whole(font.Key("BaseFont").Name())
			for code, letters := range composedNames(font.Key("Encoding").Key("Differences")) {
				if out[name] == nil {
					out[name] = map[rune]string{}
				}
				if before, ok := out[name][code]; ok && before != letters {
					letters = "" // two fonts of one name: nobody knows which it is
				}
				out[name][code] = letters
			}
		}
		return nil
	})
	return out, err
}

// whole is a font's name without the mark of a subset, which PDFium leaves out
// where the font is embedded.
func whole(font string) string {
	if _, name, ok := strings.Cut(font, "+"); ok {
		return name
	}
	return font
}

// composedNames are the letters of the glyphs in a list of differences, codes
// and the names from there on, whose names are put together from letters.
func composedNames(differences lib.Value) map[rune]string {
	out := map[rune]string{}
	code := rune(0)
	for i := range differences.Len() {
		v := differences.Index(i)
		if v.Kind() == lib.Integer {
			code = rune(v.Int64())
			continue
		}
		if letters := composedName(v.Name()); letters != "" {
			out[code] = letters
		}
		code++
	}
	return out
}

func composedName(glyph string) string {
	glyph, _, _ = strings.Cut(glyph, ".") // how it is drawn
	parts := strings.Split(glyph, "_")
	if len(parts) < 2 {
		return ""
	}
	for _, p := range parts {
		if len(p) != 1 || !unicode.IsLetter(rune(p[0])) {
			return ""
		}
	}
	return strings.Join(parts, "")
}

// spelled are the letters of a glyph that draws several, side by side.
func spelled(g glyph, letters string) []glyph {
	out := make([]glyph, len(letters))
	width := (g.box.X1 - g.box.X0) / float64(len(letters))
	for i := range out {
		out[i] = g
		out[i].r, out[i].odd = rune(letters[i]), false
		out[i].box.X0 = g.box.X0 + float64(i)*width
		out[i].box.X1 = out[i].box.X0 + width
	}
	return out
}
