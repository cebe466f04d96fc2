package measure_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/measure"
)

// BenchmarkRead reads lines of about 600 bytes; questions are of nine words,
// all different. b.SetBytes makes it megabytes a second.
func BenchmarkRead(b *testing.B) {
	const seeds = 5000
	r := rand.New(rand.NewPCG(11, 12))
	var in bytes.Buffer
	out := json.NewEncoder(&in)
	for i := range seeds {
		words := make([]string, 9)
		for j := range words {
			words[j] = fmt.Sprintf("%c%c%c", 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)))
		}
		s := seed("What is "+strings.Join(words, " ")+"?", "The first of 42 is "+words[0]+".", at("alpha beta gamma", extract.MatchExact))
		s.ID = fmt.Sprint(i)
		if err := out.Encode(s); err != nil {
			b.Fatal(err)
		}
	}
	o := measure.Options{Sources: []measure.Source{{Name: "book", Doc: book()}}}
	b.SetBytes(int64(in.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := measure.Read(b.Context(), bytes.NewReader(in.Bytes()), o, nil); err != nil {
			b.Fatal(err)
		}
	}
}
