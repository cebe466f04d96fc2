// Package language tells which language a file is written in, by its name and,
// where names clash, its content. What is known of languages comes from
// GitHub's linguist by way of go-enry. Its tables are read when they are first
// asked for: go-enry reads its own, with a classifier, at the start of every
// program that it is part of, which took longer than reading most files.
package language

import (
	"bytes"
	_ "embed"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Kind is what a language is for.
type Kind byte

// The kinds, as the table writes them.
const (
	Unknown     Kind = 0
	Data        Kind = 'd'
	Programming Kind = 'p'
	Markup      Kind = 'm'
	Prose       Kind = 't'
)

// A line a language: name, kind, endings, whole names, interpreters, with tabs
// between them and bars within. go test -update writes it.
//
//go:embed languages.txt
var languages string

// What the path of foreign code holds, one expression.
//
//go:embed vendored.txt
var vendored string

type tables struct {
	kinds                        map[string]Kind
	endings, names, interpreters map[string][]string
}

var known = sync.OnceValue(func() *tables {
	t := &tables{
		kinds:   map[string]Kind{},
		endings: map[string][]string{}, names: map[string][]string{}, interpreters: map[string][]string{},
	}
	for l := range strings.Lines(languages) {
		f := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		t.kinds[f[0]] = Kind(f[1][0])
		for i, m := range []map[string][]string{t.endings, t.names, t.interpreters} {
			for key := range strings.SplitSeq(f[2+i], "|") {
				if key != "" {
					m[key] = append(m[key], f[0])
				}
			}
		}
	}
	return t
})

// KindOf is what a language is for, Unknown for a name that is none.
func KindOf(language string) Kind { return known().kinds[language] }

// Of is the language of the file that has this name and starts with head, ""
// where it cannot be told.
func Of(name string, head []byte) string {
	t := known()
	name = path.Base(name)
	if l := t.names[name]; len(l) > 0 {
		return choose(l, name, head)
	}
	if l := t.interpreters[interpreter(head)]; len(l) > 0 {
		return choose(l, name, head)
	}
	for low, i := strings.ToLower(name), 0; i < len(low); i++ {
		if low[i] != '.' {
			continue
		}
		if l := t.endings[low[i:]]; len(l) > 0 { // the longest first: .blade.php
			return choose(l, low, head)
		}
	}
	if bytes.HasPrefix(head, []byte("<?xml")) {
		return "XML"
	}
	return ""
}

var shebang = regexp.MustCompile(`^#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+|\w+=\S+\s+)*)?(?:\S*/)?([\w.+-]+)`)

// interpreter is the program that a script asks for, without its version.
func interpreter(head []byte) string {
	m := shebang.FindSubmatch(head[:min(len(head), 200)])
	if m == nil {
		return ""
	}
	name := string(m[1])
	if len(known().interpreters[name]) == 0 {
		name = strings.TrimRight(name, "0123456789.")
	}
	return name
}

// clues decide between languages whose files end alike.
var clues = sync.OnceValue(func() map[string][]clue {
	c := func(language, expr string) clue { return clue{language, regexp.MustCompile(`(?m)` + expr)} }
	return map[string][]clue{
		".h": {
			c("Objective-C", `^\s*(@(interface|class|protocol|property|end|implementation)\b|#import\s)`),
			c("C++", `^\s*#\s*include\s*<(c?std\w+|string|vector|map|set|list|array|memory|algorithm|functional|utility|type_traits|unordered_\w+|[io]?stream)>|^\s*template\s*<|^\s*(constexpr|class|namespace|using)\s+\w|^\s*(private|public|protected)\s*:|\bstd::\w`),
			c("C", ``),
		},
		".m": {
			c("Objective-C", `^\s*(@(interface|class|protocol|property|end|implementation)\b|#import\s)`),
			c("Mercury", `:- module`),
			c("Wolfram Language", `\(\*|^\s*\w+\[.*\]\s*:?=`),
			c("MATLAB", `^\s*(%|function\b|classdef\b)|\bend\b`),
		},
		".pl": {
			c("Prolog", `^[^#\n]*:-`),
			c("Raku", `^\s*(use v6\b|(my )?class\s+[\w:]+\s*\{)`),
			c("Perl", ``),
		},
		".pm":         {c("Raku", `^\s*(use v6\b|unit (module|class))`), c("X PixMap", `^\s*/\* XPM \*/`), c("Perl", ``)},
		".t":          {c("Raku", `^\s*use v6\b`), c("Perl", `^\s*(use|my|package)\b|Test::`)},
		".ts":         {c("XML", `<TS\b`), c("TypeScript", ``)},
		".tsx":        {c("XML", `<tileset\b`), c("TSX", ``)},
		".cs":         {c("Smalltalk", `![\w\s]+methodsFor: `), c("C#", ``)},
		".hh":         {c("Hack", `<\?hh`), c("C++", ``)},
		".php":        {c("Hack", `<\?hh`), c("PHP", ``)},
		".rs":         {c("RenderScript", `^#(include|pragma\s+(rs|version))`), c("XML", `^\s*<\?xml`), c("Rust", ``)},
		".inc":        {c("PHP", `^<\?(php)?`), c("C++", `^\s*#\s*(include|define|ifn?def)\b`), c("Pascal", `(?i)^\s*(procedure|begin|\{\$)`), c("HTML", `(?i)^\s*<(html|head|body|div|table)\b`)},
		".d":          {c("D", `^\s*(module|import)\s+[\w.]+.*;|^\s*(class|struct|void|alias)\b`), c("Makefile", `^[\w./-]+\s*:.*\\?$`)},
		".fs":         {c("F#", `^\s*(#light|import|let|module|namespace|open|type)\b`), c("GLSL", `^\s*(#version|precision|uniform|varying|vec[234])\b`), c("Forth", `^(: |new-device)`)},
		".ml":         {c("Standard ML", `=> |case\s+(\S+\s)+of`), c("OCaml", ``)},
		".v":          {c("Rocq Prover", `^\s*(Require|Proof|Theorem|Lemma|Definition|Inductive|Qed)\b`), c("Verilog", `^\s*(module\s+\w+\s*[#(;]|endmodule|always\b|`+"`"+`(define|include|timescale))`), c("V", ``)},
		".r":          {c("Rebol", `(?i)\bRebol\b`), c("R", ``)},
		".re":         {c("C++", `^\s*#\s*(include|define|pragma)\b`), c("Reason", ``)},
		".sc":         {c("SuperCollider", `\^(this|super)\.|^\s*~\w+\s*=`), c("Scala", ``)},
		".ex":         {c("Euphoria", `^\s*(procedure|with|without)\b`), c("Elixir", ``)},
		".es":         {c("Erlang", `^\s*(%|-module)`), c("JavaScript", ``)},
		".gs":         {c("GLSL", `^#version\b`), c("JavaScript", ``)},
		".jq":         {c("jq", ``)},
		".lean":       {c("Lean 4", ``)},
		".md":         {c("GCC Machine Description", `^;;|^\(define_`), c("Markdown", ``)},
		".html":       {c("HTML", ``)},
		".json":       {c("JSON", ``)},
		".yaml":       {c("YAML", ``)},
		".yml":        {c("YAML", ``)},
		".txt":        {c("Text", ``)},
		".sql":        {c("SQL", ``)},
		".cls":        {c("TeX", `^\s*\\\w`), c("Apex", `(?i)^\s*(public|private|global|@isTest)\b`), c("VBA", `^Attribute VB_|^VERSION `)},
		".asc":        {c("Public Key", `^-----BEGIN`), c("AsciiDoc", ``)},
		".bas":        {c("BASIC", ``)},
		".asm":        {c("Assembly", ``)},
		".s":          {c("Assembly", ``)},
		".properties": {c("Java Properties", ``)},
		".cfg":        {c("INI", ``)},
		".cgi":        {c("Perl", ``)},
		".f":          {c("Fortran", ``)},
		".for":        {c("Fortran", ``)},
		".pp":         {c("Puppet", `=>|^\s*(class|define|node)\s`), c("Pascal", ``)},
	}
})

// A clue gives a language to files whose content matches.
type clue struct {
	language string
	expr     *regexp.Regexp
}

// choose is the language of a file among those that its name allows.
func choose(candidates []string, name string, head []byte) string {
	if len(candidates) == 1 {
		return candidates[0]
	}
	for _, c := range clues()[path.Ext(name)] {
		if slices.Contains(candidates, c.language) && c.expr.Match(head) {
			return c.language
		}
	}
	// Languages are sorted by name; a program is more likely than data, and
	// its kin more than neither.
	for _, c := range candidates {
		if KindOf(c) == Programming {
			return c
		}
	}
	return candidates[0]
}

var foreign = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(strings.TrimSpace(vendored)) })

// Vendored reports whether a path is where people keep foreign code.
func Vendored(path string) bool { return foreign().MatchString(path) }

var (
	madeName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(^|/)(__generated__|Godeps|htmlcov|Carthage/Build)/|\.(designer\.(cs|vb)|feature\.cs|g\.dart|freezed\.dart|pb\.go|pb\.(cc|h)|zep\.(c|h|php)|nib|xcuserstate|xcworkspacedata)$|_pb2(_grpc)?\.pyi?$|_tlb\.pas$|Cargo\.toml\.orig$`)
	})
	madeComment = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?im)^\s*(//|#|/?\*|--|;|%|<!--|'''|""").*(code generated by|generated code\W{1,4}do not (edit|modify)|do not edit\b.*generated|generated (by|from|using|with)\b.*do not edit|generated by (the protocol buffer compiler|cython|peg\.js|the grpc|haxe|roxygen2|javadoc|pkgdown)|autogenerated by thrift|(automatically|auto-?) ?generated (by|file|from)|file is (auto(matically)?[- ]?)?generated\b|was generated by jflex|generated by jison|@generated\b|[#@] source(mapping)?url=)`)
	})
	madeMeta = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)<meta\s+name="?generator"?\s+content="[^"]*(latex2html|groff|makeinfo|texi2html|ronn|org mode)`)
	})
)

// Generated reports whether nobody wrote the file that has this path and
// starts with head: a program did, or took out its line breaks.
func Generated(name string, head []byte) bool {
	if madeName().MatchString(name) {
		return true
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".js", ".css", ".mjs":
		if lines := bytes.Count(head, []byte("\n")) + 1; len(head)/lines > 110 {
			return true
		}
	case ".html", ".htm":
		if madeMeta().Match(head[:min(len(head), 4<<10)]) {
			return true
		}
	case ".md", ".txt", ".rst", ".adoc", "":
		return false // it may speak of generated files
	}
	return madeComment().Match(opening(head, 40))
}

// opening is the first n lines of a text, 8 KB at most.
func opening(head []byte, n int) []byte {
	head = head[:min(len(head), 8<<10)]
	for i, c := range head {
		if c == '\n' {
			if n--; n == 0 {
				return head[:i]
			}
		}
	}
	return head
}
