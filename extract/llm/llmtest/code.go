package llmtest

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// knownCode is what the scripted model can write: a file each function, named
// as it is, and NAME.test.EXT for its tests. Whatever else it is asked to
// write, it gives up on in so many words.
//
//go:embed code
var knownCode embed.FS

// gaveUp stands in code that the scripted model could not write.
const gaveUp = "I do not know how"

// aboutCode answers what is asked of code: for an instruction that would
// produce it, for code by an instruction, for tests, or to compare two codes.
// It is "" where nothing of the kind is asked.
func aboutCode(r Request, root node) string {
	asks := func(field string) bool { _, ok := root.Properties[field]; return ok }
	source, instruction := between(r.message, "code"), between(r.message, "instruction")
	var reply map[string]any
	switch {
	case source != "" && asks("instruction"):
		reply = map[string]any{"instruction": instructionFor(r.Text(), source, between(r.message, "around")), "difficulty": 1 + hash(source)%10}
	case instruction != "" && asks("code"):
		reply = map[string]any{"code": codeFor(instruction)}
	case source != "" && asks("tests"):
		reply = map[string]any{"tests": testsFor(source)}
	case source != "" && asks("verdict") && strings.Contains(between(r.message, "written"), gaveUp):
		reply = map[string]any{"reason": "One of the two does nothing.", "verdict": "False"}
	default:
		return ""
	}
	data, err := json.Marshal(reply)
	if err != nil {
		panic(err) // made of plain values
	}
	return string(data)
}

var (
	declaresLine = regexp.MustCompile(`(?m)^Declares: (\S+)$`)
	languageLine = regexp.MustCompile(`(?m)^Language: (.+)$`)
	signatures   = regexp.MustCompile(`(?m)^[ \t]*((?:func|(?:async )?def|(?:export )?(?:async )?function|(?:export )?const)\b.*?)[ \t]*(?:\{|:|=> ?\{)[ \t]*$`)
	comments     = regexp.MustCompile(`(?m)^[ \t]*(?://|#|/\*\*|\*)[ \t]?(.*?)(?:\*/)?$`)
	docstrings   = regexp.MustCompile(`(?s)"""(.+?)(?:>>>.*)?"""`)
	quotedName   = regexp.MustCompile("(?m)^Write .*? `([\\w.]+)`")
	signedAs     = regexp.MustCompile("(?s)signature\n\n```(\\w+)\n(.+?)\n```")
)

// instructionFor asks for code by its name, its signature and the words of its
// comment.
func instructionFor(prompt, source, around string) string {
	name, lang := first(declaresLine, prompt), first(languageLine, prompt)
	var words []string
	for _, m := range comments.FindAllStringSubmatch(source, -1) {
		words = append(words, m[1])
	}
	if doc := first(docstrings, source); doc != "" {
		words = []string{doc}
	}
	fence := strings.ToLower(lang)
	var w strings.Builder
	fmt.Fprintf(&w, "Write %s code that declares `%s`. It has the signature\n\n```%s\n%s\n```\n", lang, name, fence, first(signatures, source))
	if around != "" {
		fmt.Fprintf(&w, "\nIt belongs to this declaration:\n\n```%s\n%s\n```\n", fence, around)
	}
	if doc := strings.Join(strings.Fields(strings.Join(words, " ")), " "); doc != "" {
		fmt.Fprintf(&w, "\nWhat it does: %s\n", doc)
	}
	return strings.TrimSpace(w.String())
}

func first(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

// codeFor is known code, or a declaration that gives up.
func codeFor(instruction string) string {
	name := first(quotedName, instruction)
	if known := knownFile(name, false); known != "" {
		return known
	}
	sig := ""
	if m := signedAs.FindStringSubmatch(instruction); m != nil {
		sig = m[2]
	}
	switch {
	case strings.HasPrefix(sig, "func "):
		return fmt.Sprintf("package answer\n\n%s {\n\tpanic(%q)\n}\n", sig, gaveUp)
	case strings.Contains(sig, "def "):
		return fmt.Sprintf("%s:\n    raise NotImplementedError(%q)\n", sig, gaveUp)
	}
	return fmt.Sprintf("%s {\n  throw new Error(%q);\n}\n", sig, gaveUp)
}

var declaredName = regexp.MustCompile(`(?m)^[ \t]*(?:func (?:\([^)]*\) )?|(?:async )?def |(?:export )?function |(?:export )?const )(\w+)`)

// testsFor are known tests, or one that cannot fail.
func testsFor(source string) string {
	name := first(declaredName, source)
	if known := knownFile(name, true); known != "" {
		return known
	}
	switch {
	case strings.Contains(source, "func "):
		return "func TestThere(t *testing.T) {}\n"
	case strings.Contains(source, "def "):
		return "def test_there():\n    assert callable(" + name + ")\n"
	}
	return "test(\"there\", () => expect(typeof " + name + ").toBe(\"function\"));\n"
}

func knownFile(name string, test bool) string {
	files, err := knownCode.ReadDir("code")
	if err != nil {
		panic(err) // it is compiled in
	}
	for _, f := range files {
		base := strings.TrimSuffix(strings.TrimSuffix(f.Name(), ".txt"), path.Ext(strings.TrimSuffix(f.Name(), ".txt")))
		of, isTest := strings.CutSuffix(base, ".test")
		if name != "" && of == name && isTest == test {
			text, err := knownCode.ReadFile("code/" + f.Name())
			if err != nil {
				panic(err)
			}
			return string(text)
		}
	}
	return ""
}
