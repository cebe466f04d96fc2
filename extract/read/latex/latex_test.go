package latex_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/latex"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	src := `\documentclass{article}
\newtheorem{thm}{Theorem}
\newcommand{\N}{\mathbb{N}}
\begin{document}
\section{Sums} % a comment
\begin{thm}[Gauss]For $n\in\N$ we have $1+\dots+n=n(n+1)/2$.\end{thm}
\begin{proof}By induction.\end{proof}
\end{document}`
	d, err := latex.Read(context.Background(), strings.NewReader(src), "sums.tex")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Lines[0], b.Text)
	}
	// Output:
	// heading 5 1 Sums
	// paragraph 6 Theorem 1 (Gauss). For $n\in\mathbb{N}$ we have $1+\dots+n=n(n+1)/2$.
	// paragraph 7 Proof. By induction. ∎
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"paper"} {
		f, err := os.Open("testdata/" + name + ".tex")
		if err != nil {
			t.Fatal(err)
		}
		d, err := latex.Read(t.Context(), f, name+".tex")
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		readtest.Check(t, d)
		readtest.Golden(t, name+".golden", readtest.Outline(d))
	}
}

func read(t *testing.T, src string) *extract.Document {
	t.Helper()
	d, err := latex.Read(t.Context(), strings.NewReader(src), "x.tex")
	if err != nil {
		t.Fatalf("Read(%.60q): %v", src, err)
	}
	readtest.Check(t, d)
	return d
}

func TestText(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`na\"{\i}ve \'e \c{c} \v s \ss{} \o`, "naïve é ç š ß ø"},
		{"one% comment\ntwo", "onetwo"},
		{"one\n% comment\ntwo", "one two"},
		{`100\% of \$5 \& more\_x`, "100% of $5 & more_x"},
		{"``quoted'' -- a---b", "“quoted” – a—b"},
		{`\verb|a%b\c| x`, `a%b\c x`},
		{`\textbf{bold \emph{and} so} \unknown{kept}`, "bold and so kept"},
		{`\href{http://example.org}{a link} \url{http://example.org/a_b}`, "a link http://example.org/a_b"},
		{`\newcommand{\x}[2][one]{#1-#2}\x{two} \x[a]{b}`, "one-two a-b"},
		{`\def\y#1{<#1>}\y{z}`, "<z>"},
		{`$a_1 < b$ and \(c\)`, `$a_1 < b$ and \(c\)`},
		{`line\\[2pt] next`, "line\nnext"},
		{`\SI{3}{\meter\per\second}`, "3 m/s"},
		{`\SI{8}{\milli\second} \si{\kilo\own}`, "8 ms kown"},
		{`\tikzstyle{v}=[draw,circle] \tikzstyle{w} = [red] \pgfdeclarelayer{back}x`, "x"},
		{`one\xindex{Term!first} \glspl{CNN}`, "one CNNs"},
		{`\newtheorem{exX}{Examples}\newenvironment{examples}{\begin{exX}}{\end{exX}}\begin{examples}Two.\end{examples}`, "Examples 1. Two."},
		{`\iffalse no \fi yes`, "yes"},
		{`a\footnote{Note.} b`, "a[1] b\n[1] Note."},
		{`\usepackage[ngerman]{babel} x`, "x"},
	} {
		if got := strings.TrimSpace(readtest.Blocks(read(t, c.src))); got != c.want {
			t.Errorf("Read(%q) = %q, want %q", c.src, got, c.want)
		}
	}
}

// TestPackage: a package of the source's own names its theorems, and a
// picture that is a document by itself does not end the one that shows it.
func TestPackage(t *testing.T) {
	d, _, err := latex.Project(t.Context(), map[string][]byte{
		"main.tex":    []byte(`\documentclass{article}\usepackage{own,amsmath}\begin{document}\begin{satz}Eins.\end{satz}` + "\n\n" + `\adjustbox{max size=1cm}{\input{pic/one}}` + "\n\n" + `\own{} after.\end{document}`),
		"own.sty":     []byte(`\ProvidesPackage{own}\newframedtheorem{satz}{Satz}\newcommand{\own}{Words} text that is set nowhere`),
		"pic/one.tex": []byte(`\documentclass{standalone}settings\begin{document}picture\end{document}`),
	}, "main.tex")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if got, want := readtest.Blocks(d), "Satz 1. Eins.\n\\end{theorem}\npicture\nWords after.\n"; got != want {
		t.Errorf("Project reads %q; want %q", got, want)
	}
	if len(d.Warnings) > 0 {
		t.Errorf("Project warns %q; want none: amsmath is no file of the source", d.Warnings)
	}
}

func TestProject(t *testing.T) {
	files := map[string][]byte{
		"paper/main.tex":        []byte(`\documentclass{article}\begin{document}\section{One}\input{parts/two}\input{/etc/passwd}\input{../../secret}\include{main}\bibliography{refs}\end{document}`),
		"paper/parts/two.tex":   []byte("Second.\n\\input{three}\n\\lstinputlisting[language=C]{parts/code.c}"),
		"paper/parts/three.tex": []byte("Third, \\cite{a}."),
		"paper/parts/code.c":    []byte("int x;\n"),
		"paper/main.bbl":        []byte(`\begin{thebibliography}{1}\bibitem{a} A. Author. Work.\end{thebibliography}`),
		"secret.tex":            []byte("Secret."),
	}
	main := latex.Main(files)
	if main != "paper/main.tex" {
		t.Fatalf("Main = %q", main)
	}
	d, _, err := latex.Project(t.Context(), files, main)
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	readtest.Golden(t, "project.golden", readtest.Outline(d))
	if len(d.Warnings) != 2 {
		t.Errorf("warnings %q, want two", d.Warnings)
	}
}

func TestBadInput(t *testing.T) {
	for src, want := range map[string]error{
		"": readerr.ErrEmpty, " \n": readerr.ErrEmpty, `\documentclass{article}\begin{document}\end{document}`: readerr.ErrNoText, "% only\n": readerr.ErrNoText,
	} {
		if _, err := latex.Read(t.Context(), strings.NewReader(src), "x.tex"); !errors.Is(err, want) {
			t.Errorf("Read(%q): error %v, want %v", src, err, want)
		}
	}
}

// Sources that a careless reader never finishes. The test's own time limit
// tells.
func TestHostile(t *testing.T) {
	const n = 1 << 17
	for name, src := range map[string]string{
		"braces":        strings.Repeat("{", n),
		"closed":        strings.Repeat("}", n),
		"nested":        strings.Repeat("{", 5000) + "x" + strings.Repeat("}", 5000),
		"dollars":       strings.Repeat("$ a\n", n/4),
		"double":        strings.Repeat("$$$", n/3),
		"begins":        strings.Repeat(`\begin{a}`, n/9),
		"verbatims":     strings.Repeat(`\begin{verbatim}`, n/16),
		"ends":          strings.Repeat(`\end{a}`, n/7),
		"proofs":        strings.Repeat(`\begin{proof}`, 3000) + "x" + strings.Repeat(`\end{proof}`, 3000),
		"lists":         strings.Repeat(`\begin{itemize}\item a `, 3000) + strings.Repeat(`\end{itemize}`, 3000),
		"items":         strings.Repeat(`\item `, n/6) + "x",
		"options":       strings.Repeat(`\x[`, n/3) + "x",
		"macro itself":  `\newcommand{\a}{x\a}\a`,
		"macro doubles": `\def\a{ha}\def\b{\a\a\a\a\a\a\a\a\a\a}\def\c{\b\b\b\b\b\b\b\b\b\b}\def\d{\c\c\c\c\c\c\c\c\c\c}\def\e{\d\d\d\d\d\d\d\d\d\d}\def\f{\e\e\e\e\e\e\e\e\e\e}\f`,
		"math macros":   `\newcommand{\a}{\b\b}\newcommand{\b}{\a\a}x $\a$`,
		"comments":      strings.Repeat("%\n", n/2) + "x",
		"footnotes":     strings.Repeat(`\footnote{`, 2000) + "x" + strings.Repeat("}", 2000),
		"cells":         `\begin{tabular}{l}` + strings.Repeat("&", n) + `x\end{tabular}`,
		"verbs":         strings.Repeat(`\verb|`, n/6),
		"brackets":      strings.Repeat(`\[`, n/2) + "x",
		"accents":       strings.Repeat(`\'`, n/2) + "x",
		"sections":      strings.Repeat(`\section{a}`, n/11),
		"theorems":      strings.Repeat(`\newtheorem{a}[b]{A}\newtheorem{b}[a]{B}`, 100) + `\begin{a}x\end{a}`,
		"within":        `\newtheorem{a}{A}[b]\newtheorem{b}{B}[a]\begin{a}x\end{a}`,
		"controls":      "a\x01\x02\x03b",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := latex.Read(t.Context(), strings.NewReader(src), "x.tex")
			if err != nil {
				if !errors.Is(err, readerr.ErrNoText) && !errors.Is(err, readerr.ErrUnsupported) {
					t.Fatal(err)
				}
				return
			}
			readtest.Check(t, d)
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`\section{a}\begin{thm}[b] $c$ \end{thm}\verb|x|%`)
	f.Add("\\begin{tabular}{l}a&b\\\\c\\end{tabular}\\footnote{x}\\item[")
	f.Fuzz(func(t *testing.T, src string) {
		d, err := latex.Read(t.Context(), strings.NewReader(src), "x.tex")
		if err == nil {
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestVarieties checks environments that the author's own package declares.
func TestVarieties(t *testing.T) {
	d := read(t, `\documentclass{book}
\begin{document}
\begin{problem}Find a prime.\begin{sol}It is 7.\end{sol}\end{problem}
\begin{sproblem}Find the divisors of 9.\begin{sol}They are 1, 3 and 9.\end{sol}\end{sproblem}
\begin{exercisebox}Add 2 and 3.\end{exercisebox}
\begin{subquestions}None of these.\end{subquestions}
\end{document}`)
	for _, want := range []string{"Problem 1. Find a prime.", "Problem 2. Find the divisors of 9.", "Solution. They are 1, 3 and 9.", "Exercise 1. Add 2 and 3.", "\nNone of these."} {
		if !strings.Contains(d.Text, want) {
			t.Errorf("%q lacks %q", d.Text, want)
		}
	}
}
