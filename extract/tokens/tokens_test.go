package tokens_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tiktoken-go/tokenizer/codec"

	"seedbed/extract/tokens"
)

func ExampleEstimate() {
	fmt.Println(tokens.Estimate("Water boils at a hundred degrees."))
	fmt.Println(tokens.Estimate(" "))
	// Output:
	// 7
	// 0
}

// The error of each sample is logged with -v.
func TestEstimateIsNearTheVocabulary(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("samples: %v, %v", files, err)
	}
	vocabulary := codec.NewO200kBase()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := vocabulary.Count(string(data))
		if err != nil {
			t.Fatal(err)
		}
		got := tokens.Estimate(string(data))
		off := float64(got-want) / float64(want)
		t.Logf("%-12s %4d bytes: %3d tokens, estimate %3d, %+.1f %%", filepath.Base(file), len(data), want, got, 100*off)
		if off < -.2 || off > .2 {
			t.Errorf("Estimate(%s) = %d, the vocabulary says %d: %+.0f %%, want within 20 %%", file, got, want, 100*off)
		}
	}
}

func TestEstimateAnything(t *testing.T) {
	for _, tc := range []struct {
		text     string
		min, max int
	}{
		{"", 0, 0},
		{" ", 0, 0},
		{"\n\n\t\n", 1, 2},
		{"a", 1, 1},
		{"I", 1, 1},
		{"\xff\xfe", 1, 4},
		{"HTTPServer", 2, 3},
		{"été", 1, 3},
		{"naïve", 1, 4},
		{"e\u0301", 1, 3},
		{strings.Repeat("9", 300), 100, 120},
		{strings.Repeat("acgattc", 100), 150, 400},
		{strings.Repeat("ACGATTC", 100), 150, 400},
		{strings.Repeat("漢", 100), 60, 110},
		{strings.Repeat("👍", 100), 80, 320},
	} {
		if got := tokens.Estimate(tc.text); got < tc.min || got > tc.max {
			t.Errorf("Estimate(%.20q) = %d, want %d–%d", tc.text, got, tc.min, tc.max)
		}
	}
}

func BenchmarkEstimate(b *testing.B) {
	for _, name := range []string{"en", "go", "ru", "zh"} {
		b.Run(name, func(b *testing.B) {
			data, err := os.ReadFile("testdata/" + name + ".txt")
			if err != nil {
				b.Fatal(err)
			}
			text := strings.Repeat(string(data), 100)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tokens.Estimate(text)
			}
		})
	}
}
