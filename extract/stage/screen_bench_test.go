package stage

import (
	"strings"
	"testing"

	"seedbed/extract"
)

// BenchmarkScreen screens prose that is kept, as most of a book is.
func BenchmarkScreen(b *testing.B) {
	sentence := "Water that stands in the lower fields of the valley is led to the river by ditches, which the villages of both banks have kept for two centuries. "
	p := extract.Passage{Text: strings.Repeat(strings.Repeat(sentence, 6)+"\n\n", 4)}
	b.SetBytes(int64(len(p.Text)))
	for b.Loop() {
		if _, err := (&Screen{}).Do(b.Context(), p, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrompt fills the prompt that a passage is shown with.
func BenchmarkPrompt(b *testing.B) {
	about := promptOf(extract.Passage{Text: strings.Repeat("The river falls in spring. ", 150)})
	for b.Loop() {
		if _, err := builtinPrompt("derive").fill(about); err != nil {
			b.Fatal(err)
		}
	}
}
