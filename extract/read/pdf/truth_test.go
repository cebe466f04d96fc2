package pdf_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/pdf"
	"seedbed/extract/read/readscore"
)

// Papers whose true text is known: columns.tex and skript.tex (LaTeX), and
// letters.html, which runs from right to left (printed by a browser). Running
// heads, page numbers and hyphens at line ends are no part of the true text.
func TestTruth(t *testing.T) {
	files, err := filepath.Glob("testdata/truth/*.pdf")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			stem := strings.TrimSuffix(path, ".pdf")
			d := read(t, path)
			got, want := readscore.Words(d.Text), readscore.Words(text0(t, stem+".txt"))
			f1 := readscore.F1(readscore.Common(got, want), len(got), len(want))
			order := readscore.F1(readscore.InOrder(got, want), len(got), len(want))
			if f1 < 0.98 || order < 0.97 {
				t.Errorf("F1 %.3f and in order %.3f, want 0.98 and 0.97: %s", f1, order, cmp.Diff(want, got))
			}
			if h := readscore.Headings(headings(d), strings.Split(strings.TrimSpace(text0(t, stem+".headings")), "\n")); h < 1 {
				t.Errorf("headings %.3f: %q", h, headings(d))
			}
		})
	}
}

func text0(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What the true texts do not say: the kinds of blocks, and how formulas and
// code are written.
func TestStructure(t *testing.T) {
	for path, want := range map[string][]extract.Block{
		"testdata/truth/columns.pdf": {
			{Kind: extract.Heading, Level: 3, Text: "2.1 Two Rules"},
			{Kind: extract.Formula, Text: "E(T) = n/λ, (1)"},
			{Kind: extract.Formula, Text: "L = ∑_{k=n+1}^{∞}(k −n) ((λT)ᵏ)/(k!) e^{−λT}. (2)"},
			{Kind: extract.Footnote, Text: "¹The harbour master called it “a matter of feeling”."},
			{Kind: extract.Table, Text: "Month\tFull deck\tTimetable\tMixed\nJune\t31.5\t24.0\t19.2\nJuly\t18.7\t26.3\t15.8\nAugust\t12.4\t29.9\t11.6"},
			{Kind: extract.Caption, Text: "Table 1: Mean waiting times in minutes."},
			{Kind: extract.ListItem, Text: "2. the harbour has a lane of its own for them;"},
			{Kind: extract.Paragraph, Text: "Theorem 1. Under a mixed rule no car waits longer than under the timetable alone."},
		},
		"testdata/truth/skript.pdf": {
			{Kind: extract.Heading, Level: 2, Text: "1 Zählen von Wegen"},
			{Kind: extract.Heading, Level: 3, Text: "1.1 Gitter und Schritte"},
			{Kind: extract.Paragraph, Skip: "table of contents", Text: "1 Zählen von Wegen 3\n1.1 Gitter und Schritte 3\n1.2 Ein Programm 3"},
			{Kind: extract.Formula, Text: "(m+n; m) = ((m+n)!)/(m!n!) (1.1)"},
			{Kind: extract.Formula, Text: "E(Sₙ²) = ∑_{i=1}^{n}E(Xᵢ²) +2∑_{i<j}E(XᵢXⱼ) = n."},
			{Kind: extract.Code, Text: `def wege(m, n):
    if m == 0 or n == 0:
        return 1
    summe = 0
    for letzter in ("rechts", "oben"):
        if letzter == "rechts":
            summe += wege(m - 1, n)
        else:
            summe += wege(m, n - 1)
    return summe`},
			{Kind: extract.Table, Text: "Schritte\tMittlerer Abstand\tGrößter Abstand\n100\t10,2\t31\n400\t19,7\t58\n900\t30,4\t96"},
			{Kind: extract.Paragraph, Text: "Beispiel 1.3. Von (0,0) nach (2,2) führen sechs Wege. Keiner von ihnen ist kürzer als vier Schritte."},
			{Kind: extract.Paragraph, Skip: "index", Text: "Gitter, 3\nIrrfahrt, 5\nWeg, 3"},
		},
		"testdata/truth/letters.pdf": {
			{Kind: extract.Heading, Level: 2, Text: "הדרך אל האי"},
			{Kind: extract.Paragraph, Text: "כרטיס לכיוון אחד עולה 12 שקלים."},
		},
	} {
		d := read(t, path)
		for _, w := range want {
			if pdf.OnlyEngine && w.Kind == extract.Formula {
				continue // the rules of fractions are PDFium's to find
			}
			i := slices.IndexFunc(d.Blocks, func(b extract.Block) bool { return b.Text == w.Text })
			if i < 0 {
				t.Errorf("%s: no block %q", path, w.Text)
				continue
			}
			b := d.Blocks[i]
			if got := (extract.Block{Kind: b.Kind, Level: b.Level, Skip: b.Skip, Text: b.Text}); !cmp.Equal(w, got) {
				t.Errorf("%s: %s", path, cmp.Diff(w, got))
			}
		}
	}
}
