package stage

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
)

// BenchmarkHarvest looks through about a megabyte of Markdown, half of it
// prose without any pair.
func BenchmarkHarvest(b *testing.B) {
	doc := manyChapters(b, 1<<20)
	b.SetBytes(int64(len(doc.Text)))
	for b.Loop() {
		if len(harvest(doc)) == 0 {
			b.Fatal("nothing found")
		}
	}
}

func manyChapters(b testing.TB, size int) *extract.Document {
	b.Helper()
	var chapter strings.Builder
	files, err := filepath.Glob("testdata/gold/*.txtar")
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range ar.Files {
			if strings.HasSuffix(f.Name, ".md") {
				chapter.Write(f.Data)
				chapter.WriteString("\n\n")
			}
		}
	}
	chapter.WriteString("# Prose\n\n")
	for half := chapter.Len(); chapter.Len() < 2*half; {
		chapter.WriteString("The wind turned in the night, and the boat that had been on the sand was in the water again. " +
			"Nobody had seen it, but it was there, and it is said that they were glad of it for once.\n\n")
	}
	var w strings.Builder
	for w.Len() < size {
		w.WriteString(chapter.String())
	}
	return markdown.Parse(w.String())
}
