package stage

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"seedbed/extract/read/repo"
)

// TestHarvestRepository reads each small repository as an archive and compares
// the pairs found in it: documented functions, and tests of what they test.
func TestHarvestRepository(t *testing.T) {
	files, err := filepath.Glob("testdata/harvest/repositories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var packed bytes.Buffer
			z := zip.NewWriter(&packed)
			for _, f := range ar.Files {
				if f.Name == "pairs" {
					continue
				}
				w, err := z.Create(f.Name)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write(f.Data); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			doc, err := repo.Zip(t.Context(), bytes.NewReader(packed.Bytes()), int64(packed.Len()), "x.zip", repo.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := listPairs(t, doc, harvestAll(t, doc))
			if *update {
				setFile(ar, "pairs", got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(fileOf(ar, "pairs"), got); diff != "" {
				t.Errorf("pairs of %s (-want +got):\n%s", file, diff)
			}
		})
	}
}
