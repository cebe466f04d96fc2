package read_test

import (
	"path/filepath"
	"strings"
	"testing"

	"seedbed/extract/read"
)

// A document's own word counts first; prose says it where there is none, and
// code and scraps do not.
func TestLanguageOfText(t *testing.T) {
	const (
		english = "The harbour has a lane of its own for cars that have waited longer than a day, and nobody minds that it is empty for most of the year.\n"
		german  = "Der Hafen hat eine eigene Spur für Wagen, die länger als einen Tag gewartet haben, und niemand stört sich daran, dass sie meistens leer ist.\n"
		french  = "Le port a une voie réservée aux voitures qui ont attendu plus d'une journée, et personne ne se plaint qu'elle soit vide presque toute l'année.\n"
		russian = "В порту есть отдельная полоса для машин, которые ждали больше суток, и никого не беспокоит, что она почти весь год стоит пустой.\n"
		chinese = "港口为等待超过一天的车辆设有专用车道，尽管它一年中大部分时间都是空的，但没有人在意这件事，因为大家都知道等待有多么漫长，也知道海上的风有多么冷，船什么时候才会回来。\n"
	)
	for _, c := range []struct{ name, text, want string }{
		{"a.md", english, "en"},
		{"a.txt", german, "de"},
		{"a.md", french, "fr"},
		{"a.md", russian, "ru"},
		{"a.md", chinese, "zh"},
		{"a.md", "---\nlang: nl\n---\n\n" + english, "nl"},
		{"a.md", "---\nlang: en-us\n---\n\n" + english, "en"},
		{"a.md", "---\nlang: zh-Hant-TW\n---\n\n" + chinese, "zh-Hant-TW"},
		{"a.md", "---\nlang: en_GB\n---\n\n" + english, "en-GB"},
		{"a.md", "---\nlang: German, mostly\n---\n\n" + german, "de"},
		{"a.md", "# The harbour\n", ""},
		{"a.md", "```\n" + german + "```\n", ""},
		{"a.go", "package a\n\n// F is the lane of its own for cars that have waited longer than a day.\nfunc F() {}\n", ""},
	} {
		d, err := read.Document(t.Context(), strings.NewReader(c.text), int64(len(c.text)), c.name, read.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Language != c.want {
			t.Errorf("%s %.30q is in %q, want %q", c.name, c.text, d.Language, c.want)
		}
	}
}

// A long text is no less certain than a short one.
func TestLanguageOfLongText(t *testing.T) {
	for _, name := range []string{"paper.pdf", "chapter.md"} {
		d, err := read.File(t.Context(), filepath.Join("../../examples", name), read.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Language != "en" {
			t.Errorf("%s is in %q, want en", name, d.Language)
		}
	}
}
