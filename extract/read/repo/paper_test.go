package repo_test

import (
	"bytes"
	"strings"
	"testing"

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
