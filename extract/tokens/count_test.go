package tokens_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tiktoken-go/tokenizer/codec"

	"seedbed/extract/tokens"
)

var update = flag.Bool("update", false, "write o200k.bin from the library's vocabulary")

// TestVocabulary holds o200k.bin against the library that has it as a program.
func TestVocabulary(t *testing.T) {
	library := codec.NewO200kBase()
	var want bytes.Buffer
	for rank := range uint(199_998) {
		token, err := library.Decode([]uint{rank})
		if err != nil {
			t.Fatal(err)
		}
		want.WriteByte(byte(len(token)))
		want.WriteString(token)
	}
	if *update {
		if err := os.WriteFile("o200k.bin", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("o200k.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("o200k.bin has %d bytes, the library's vocabulary %d that differ; run the test with -update", len(got), want.Len())
	}
}

func ExampleCount() {
	fmt.Println(tokens.Count("Water boils at a hundred degrees."))
	fmt.Println(tokens.Count(""))
	// Output:
	// 7
	// 0
}

func TestCount(t *testing.T) {
	library := codec.NewO200kBase()
	check := func(text string) {
		t.Helper()
		want, err := library.Count(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokens.Count(text); got != want {
			t.Fatalf("Count(%q) = %d, the library says %d", text, got, want)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("samples: %v, %v", files, err)
	}
	var samples []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check(string(data))
		samples = append(samples, string(data))
	}
	// Bits of everything that the rules tell apart, in any order.
	bits := []string{
		" ", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "\u200b", "\u2028",
		"a", "the", "Ab", "ABC", "Ǆ", "ǅ", "ʰ", "ª", "漢字", "かな", "한국어", "ก็", "न", "\u0301", "\u0903",
		"'s", "'S", "'ll", "'LL", "'Re", "'ve", "'m", "'d", "'ſ", "'", "l", "e",
		"1", "42", "²", "Ⅷ", "٣", "½", ".", ",", "/", "//", "...", "—", "€", "👍🏽", "𝔄", "𒀀", "\x00",
	}
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		var s strings.Builder
		for range 1 + r.IntN(12) {
			if r.IntN(8) > 0 {
				s.WriteString(bits[r.IntN(len(bits))])
				continue
			}
			runes := []rune(samples[r.IntN(len(samples))])
			from := r.IntN(len(runes))
			s.WriteString(string(runes[from:min(len(runes), from+r.IntN(20))]))
		}
		check(s.String())
	}
}

// Words without end cost no more than others, and hardly count as more.
func TestCountEndless(t *testing.T) {
	library := codec.NewO200kBase()
	for _, bit := range []string{"a", "acgattc", "QmFzZTY0", "漢", "=", " ", "0"} {
		text := strings.Repeat(bit, 3000/len(bit))
		want, err := library.Count(text)
		if err != nil {
			t.Fatal(err)
		}
		most := want + 3000/256
		if bit == "a" || bit == "acgattc" {
			most = 3000
		}
		if got := tokens.Count(text); got < want || got > most {
			t.Errorf("Count(%q times %d) = %d, want %d to %d", bit, 3000/len(bit), got, want, most)
		}
	}
	if got := tokens.Count(strings.Repeat("x", 10<<20)); got < 1<<20 {
		t.Errorf("Count of ten million letters = %d", got)
	}
}

func TestCountAnything(t *testing.T) {
	for text, want := range map[string]int{"": 0, "\xff": 1, "a\xff\xfe": 3, "\xe2\x82": 1} {
		if got := tokens.Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	for _, name := range []string{"en", "go", "latex", "ru", "zh"} {
		b.Run(name, func(b *testing.B) {
			data, err := os.ReadFile("testdata/" + name + ".txt")
			if err != nil {
				b.Fatal(err)
			}
			text := strings.Repeat(string(data), 100)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tokens.Count(text)
			}
		})
	}
}
