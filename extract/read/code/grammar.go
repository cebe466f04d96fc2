package code

import "strings"

// A grammar is what the scanner knows of a language with braces.
type grammar struct {
	// Comments beside // and /* */.
	hash      bool // # to the end of the line
	nested    bool // /* /* */ */
	directive bool // a line that opens with # is the preprocessor's

	// Strings beside "…" and '…'.
	multiline bool // "…" may hold line feeds
	long      bool // """…"""
	backtick  bool // `… ${code} …`
	regex     bool // /…/ where a value may stand
	rawC      bool // R"x(…)x"
	rawRust   bool // r#"…"#, and 'a without a second quote
	verbatim  bool // @"…" and $"… {code} …"
	heredoc   bool // <<<END, and code only between <?php and ?>

	script     bool   // functions are values and stand anywhere
	angles     bool   // a type may have parentheses between < and >
	function   string // the word before a function's name, "" if there is none
	types      words  // words before the name of a type
	leaves     words  // those of them that hold no functions
	scopes     words  // words before a block that holds declarations
	blocks     bool   // functions may be declared inside if and else
	structFunc bool   // struct s f() { is a function
	attributes string // what an attribute opens with: "@", "[", "#["
	tests      words  // attributes of a test
}

type words map[string]bool

func wordsOf(s string) words {
	w := words{}
	for _, f := range strings.Fields(s) {
		w[f] = true
	}
	return w
}

var (
	c = grammar{
		directive: true, rawC: true, structFunc: true, attributes: "[[",
		types: wordsOf("struct union enum"), leaves: wordsOf("struct union enum"), scopes: wordsOf("extern"),
	}
	cpp = grammar{
		directive: true, rawC: true, structFunc: true, angles: true, attributes: "[[",
		types: wordsOf("class struct union enum"), leaves: wordsOf("enum"), scopes: wordsOf("namespace extern"),
	}
	csharp = grammar{
		directive: true, verbatim: true, long: true, angles: true, attributes: "[",
		types: wordsOf("class struct interface enum record"), leaves: wordsOf("enum"), scopes: wordsOf("namespace"),
		tests: wordsOf("Test TestMethod TestCase TestCaseSource Fact Theory DataTestMethod"),
	}
	java = grammar{
		long: true, angles: true, attributes: "@",
		types: wordsOf("class interface enum record"),
		tests: wordsOf("Test ParameterizedTest RepeatedTest TestFactory"),
	}
	php = grammar{
		hash: true, multiline: true, heredoc: true, blocks: true, function: "function", attributes: "#[",
		types: wordsOf("class interface trait enum"), scopes: wordsOf("namespace"),
		tests: wordsOf("Test"),
	}
	rust = grammar{
		nested: true, multiline: true, rawRust: true, function: "fn", attributes: "#[",
		types: wordsOf("struct enum union trait"), leaves: wordsOf("struct enum union"), scopes: wordsOf("mod impl extern"),
		tests: wordsOf("test rstest quickcheck"),
	}
	javascript = grammar{
		regex: true, backtick: true, script: true, attributes: "@",
		types: wordsOf("class"),
	}
	typescript = grammar{
		regex: true, backtick: true, script: true, attributes: "@",
		types: wordsOf("class interface enum"), scopes: wordsOf("namespace module"),
	}
)

// grammars are the languages with braces, by their names in blocks.
var grammars = map[string]*grammar{
	"c": &c, "c++": &cpp, "cpp": &cpp, "c#": &csharp, "csharp": &csharp, "java": &java, "php": &php, "rust": &rust,
	"javascript": &javascript, "jsx": &javascript, "typescript": &typescript, "tsx": &typescript,
}
