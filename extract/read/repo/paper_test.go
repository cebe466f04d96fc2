package repo_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/repo"
)

const paper = `-- main.tex --
\documentclass{article}
\title{On Sums}
\begin{document}\maketitle
\section{One}\input{two}
\end{document}
-- two.tex --
Second.
-- main.bbl --
\begin{thebibliography}{1}\end{thebibliography}
-- 00README.json --
{}
`

// The sources of a paper are one document, not a repository of files.
func TestPaper(t *testing.T) {
	for name, c := range map[string]struct{ src, kind, title string }{
		"paper":         {paper, extract.Paper, "On Sums"},
		"in a folder":   {strings.ReplaceAll(paper, "-- ", "-- sub/"), extract.Paper, "On Sums"},
		"with code":     {paper + "-- a.go --\npackage a\n", extract.Repository, "x"},
		"several":       {paper + "-- b/other.tex --\n\\documentclass{article}\n\\begin{document}x\\end{document}\n", extract.Repository, "x"},
		"with a letter": {paper + "-- letter.tex --\n\\documentclass{letter}\n\\begin{document}x\\end{document}\n", extract.Paper, "On Sums"},
	} {
		data := readtest.Pack(t, c.src)
		d, err := repo.Zip(t.Context(), bytes.NewReader(data), int64(len(data)), "x.zip", repo.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		readtest.Check(t, d)
		if d.Kind != c.kind || d.Title != c.title || !strings.Contains(d.Text, "Second.") {
			t.Errorf("%s: kind %q, title %q, text %q; want %q, %q and the second file", name, d.Kind, d.Title, d.Text, c.kind, c.title)
		}
	}
}

// In a repository a paper stands with the parts that it takes in, once, and
// every block names the file it is from.
func TestPaperInRepository(t *testing.T) {
	data := readtest.Pack(t, `-- thing/README.md --
# Thing
-- thing/a.go --
package a
-- thing/b.go --
package a
-- thing/doc/paper.tex --
\documentclass{article}
\begin{document}First.

\input{two}

\input{figure}
\end{document}
-- thing/doc/two.tex --
Second.
-- thing/doc/figure.tex --
\documentclass{standalone}
\begin{document}drawn\end{document}
-- thing/doc/loose.tex --
Loose.
`)
	d, err := repo.Zip(t.Context(), bytes.NewReader(data), int64(len(data)), "x.zip", repo.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	files := map[string]string{}
	for _, b := range d.Blocks {
		if b.Kind == extract.Paragraph {
			files[b.Text] += b.File
		}
	}
	want := map[string]string{"First.": "doc/paper.tex", "Second.": "doc/two.tex", "drawn": "doc/figure.tex", "Loose.": "doc/loose.tex"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("paragraphs and the files they are from (-want +got):\n%s", diff)
	}
	wantSkipped := []extract.SkippedFile{{File: "doc/figure.tex", Reason: "a part of doc/paper.tex"}, {File: "doc/two.tex", Reason: "a part of doc/paper.tex"}}
	if diff := cmp.Diff(wantSkipped, d.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if len(d.Warnings) > 0 {
		t.Errorf("warnings: %q; want none", d.Warnings)
	}
}
