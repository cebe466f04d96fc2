package main

import (
	"testing"

	"seedbed/extract/read/readscore"
)

func TestGluedAndBroken(t *testing.T) {
	truth := newLexicon(readscore.Words("In the morning we write notebook pages and the rain falls"))
	rough := lexicon{words: map[string]bool{"rain": true, "falls": true, "notebook": true, "book": true}}
	for _, c := range []struct {
		lex    lexicon
		word   string
		glued  bool
		a, b   string
		broken bool
	}{
		{truth, "themorning", true, "note", "book", true},
		{truth, "notebook", false, "we", "write", false},
		{truth, "rainthe", false, "fal", "ling", false},
		{rough, "rainfalls", true, "note", "book", true},
		{rough, "notebook", false, "rain", "falls", false},
	} {
		if got := c.lex.glued(c.word); got != c.glued {
			t.Errorf("glued(%q) = %t", c.word, got)
		}
		if got := c.lex.broken(c.a, c.b); got != c.broken {
			t.Errorf("broken(%q, %q) = %t", c.a, c.b, got)
		}
	}
}
