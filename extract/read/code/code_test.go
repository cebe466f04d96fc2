package code_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/code"
	"seedbed/extract/read/readtest"
)

func Example() {
	src := "package pile\n\n// Push puts v on top.\nfunc (p *Pile) Push(v int) {\n\t*p = append(*p, v)\n}\n"
	d, err := code.Read(context.Background(), strings.NewReader(src), "pile.go", "go")
	if err != nil {
		fmt.Println(err)
		return
	}
	b := d.Blocks[1]
	fmt.Printf("%s %s, lines %v: %s\n%s\n", b.Symbol.Kind, b.Symbol.Name, b.Lines, b.Symbol.Doc, b.Symbol.Signature)
	// Output:
	// method Pile.Push, lines [3 6]: Push puts v on top.
	// func (p *Pile) Push(v int)
}

func TestGolden(t *testing.T) {
	for file, lang := range map[string]string{
		"shapes.py": "python", "test_shapes.py": "python", "stack.go.txt": "go", "queue.lua": "lua",
		"shelf.js": "javascript", "shelf.ts": "typescript", "shelf.test.ts": "typescript", "Shelf.java": "java", "shelf.c": "c", "shelf.cpp": "c++",
		"shelf.rs": "rust", "Shelf.cs": "c#", "shelf.rb": "ruby", "shelf_test.rb": "ruby", "Shelf.php": "php",
	} {
		src, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := code.Read(t.Context(), strings.NewReader(string(src)), strings.TrimSuffix(file, ".txt"), lang)
		if err != nil {
			t.Fatal(err)
		}
		readtest.Check(t, d)
		readtest.Same(t, string(src), readtest.Blocks(d))
		readtest.Golden(t, file+".golden", readtest.Outline(d))
	}
}

func TestDocstrings(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"def f():\n    'One line.'\n", "One line."},
		{"def f():\n    \"\"\"First.\n\n    Second\n      deeper.\n    \"\"\"\n    pass\n", "First.\n\nSecond\n  deeper."},
		{"def f():\n    # comment\n    u\"\"\"Text \\\"\"\" more.\"\"\"\n", `Text \""" more.`},
		{"def f():\n    'a' + b\n", ""},
		{"def f():\n    x = '''not doc'''\n", ""},
		{"def f(): 'same line'\n", ""},
		{"def f():\n\t\"\"\"Tabs\n\there.\"\"\"\n", "Tabs\nhere."},
	} {
		d := code.Parse(c.src, "f.py", "python")
		if got := d.Blocks[0].Symbol.Doc; got != c.want {
			t.Errorf("Parse(%q): doc %q, want %q", c.src, got, c.want)
		}
	}
}

func TestBrokenGo(t *testing.T) {
	src := "package x\n\nfunc f( {\n}\n"
	d := code.Parse(src, "x.go", "go")
	readtest.Check(t, d)
	readtest.Same(t, src, readtest.Blocks(d))
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "not valid Go") {
		t.Errorf("Parse(%q): warnings %q", src, d.Warnings)
	}
}

// languages are all that are read by their declarations.
var languages = []string{"go", "python", "ruby", "javascript", "typescript", "java", "c", "c++", "c#", "rust", "php"}

func TestNothingLost(t *testing.T) {
	pieces := []string{
		"def f(", "):\n", "class A", ":\n", "    ", "\t", "\n", "\n\n", "'''", `"""`, "'", "\"", "#", "\\", "(", ")", "[", "]", "@d\n", "async def g(): pass\n",
		"x = 1", ":", "é", "\f", "func f() {\n", "{", "}", "}\n", "package p\n", "// c\n", "type T struct{}\n", "var x = 1\n", "/*", "*/", "`", "import \"x\"\n", ";",
		"function f() {", "fn f() ", "impl X for Y", "=>", "->", "::", "<", ">", "= ", "${", "$\"{", "@\"", "R\"x(", "r#\"", "<?php ", "?>", "<<<A\n", "A\n", "<<~A\n",
		"template ", "namespace n ", "#if x\n", "#else\n", "#endif\n", "#define x {\\\n", "/** Says what it does. */\n", "int f(int a) ", "public ", "operator", "~", "new ", "/x/",
		"def g\n", "end\n", "  end\n", "=begin\n", "=end\n", "__END__\n", "it('x', ", "TEST(a, b) ", "enum E ", "trait T ", "interface I ", "static ", "where ", ",", "extends B ",
	}
	for seed := range 44000 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		var s strings.Builder
		lang := languages[seed%len(languages)]
		if lang == "go" {
			s.WriteString("package p\n")
		}
		for range r.IntN(40) {
			s.WriteString(pieces[r.IntN(len(pieces))])
		}
		src := s.String()
		d := code.Parse(src, "test_x", lang)
		if err := d.Check(); err != nil {
			t.Fatalf("Parse(%q, %s): %v", src, lang, err)
		}
		readtest.Same(t, src, readtest.Blocks(d))
	}
}

// Whatever a file holds, it is read in time that grows with its size.
func TestHostile(t *testing.T) {
	const size = 64 << 10
	for _, piece := range []string{
		"(", "{", "[", "}", ")", "<", "a<", "f(", "f(){", "class A{", "/*", "//", "/** x */", "'", "\"", "`", "`${", "${", "<<<A", "<<<A\n", "<<A\n", "#if a\n", "#if a\n{\n#else\n", "\\\n",
		"r#", "r\"", "R\"(", "$\"{", "@\"", "\"\"\"", "=>", "x=>", "a=(", "a=function(){", "a=b=", "a.b.", "operator", "template<", "a::", "a:{", "\n/* a */\nf", "def f\n", "def f\n end\n", "class A\n",
		"#[", "@a(", "[[", "if(a){", "x=/a", "é", "\n\n", " \n", "a,", "a;", "function f(a:{", "mod a{", "impl A for ", "namespace a{", "enum{", "A(x)\n\n", "a ",
	} {
		src := strings.Repeat(piece, size/len(piece))
		for _, lang := range []string{"python", "ruby", "typescript", "c++", "c#", "rust", "php"} {
			if lang == "php" {
				src = "<?php " + src
			}
			d := code.Parse(src, "x", lang)
			readtest.Same(t, src, readtest.Blocks(d))
		}
	}
}

// Every declaration of a Go file is found, and its block is the source that
// declares it.
func TestOwnSource(t *testing.T) {
	src, err := os.ReadFile("python.go")
	if err != nil {
		t.Fatal(err)
	}
	d := code.Parse(string(src), "python.go", "go")
	var got []string
	for _, b := range d.Blocks {
		if b.Symbol == nil || b.Symbol.Kind != "method" {
			continue
		}
		_, method, _ := strings.Cut(b.Symbol.Name, ".")
		if !strings.Contains(b.Text, ") "+method+"(") {
			t.Errorf("block of %s is %q", b.Symbol.Name, b.Text)
		}
		got = append(got, b.Symbol.Name)
	}
	want := strings.Count("\n"+string(src), "\nfunc (")
	if len(got) != want {
		t.Errorf("%d methods %q, want %d", len(got), got, want)
	}
}

func BenchmarkPython(b *testing.B) { bench(b, "testdata/shapes.py", "python") }
func BenchmarkRust(b *testing.B)   { bench(b, "testdata/shelf.rs", "rust") }
func BenchmarkScript(b *testing.B) { bench(b, "testdata/shelf.ts", "typescript") }
func BenchmarkJava(b *testing.B)   { bench(b, "testdata/Shelf.java", "java") }
func BenchmarkGo(b *testing.B)     { bench(b, "code.go", "go") }

func bench(b *testing.B, file, lang string) {
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if d := code.Parse(string(data), file, lang); len(d.Blocks) == 0 {
			b.Fatal("no blocks")
		}
	}
}

func TestLang(t *testing.T) {
	d := code.Parse("x <- 1\n", "x.R", "r")
	if diff := cmp.Diff([]extract.Block{{Kind: extract.Code, Text: "x <- 1", Lang: "r", Locator: extract.Locator{End: 6, Lines: [2]int{1, 1}}}}, d.Blocks); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
}
