package stage

import (
	"testing"

	"seedbed/extract"
)

// What the document says of its language counts more than its words.
func TestTongue(t *testing.T) {
	for _, tc := range []struct{ language, text, want string }{
		{"", "Der Baum ist ein Graph, und die Blätter sind Knoten.", tongues["de"].meaning},
		{"de-AT", "$a = b$", tongues["de"].meaning},
		{"en", "Der Baum ist ein Graph, und die Blätter sind Knoten.", ""},
		{"pl", "$a = b$", ""},
		{"", "$a = b$", ""},
		{"", "The word “und” is for and, and “die” is the article.", ""},
		{"", "L'arbre est un graphe, et les feuilles sont des sommets.", tongues["fr"].meaning},
	} {
		o := &outline{doc: &extract.Document{Language: tc.language}}
		got, ok := o.tongue(tc.text)
		if got.meaning != tc.want || ok != (tc.want != "") {
			t.Errorf("tongue of %q in a document in %q asks %q, want %q", tc.text, tc.language, got.meaning, tc.want)
		}
	}
	for code, words := range tongues {
		for _, kind := range []string{"theorem", "lemma", "proposition", "corollary", ""} {
			if words.prove[kind] == "" {
				t.Errorf("%s has no words for a %q", code, kind)
			}
		}
	}
}
