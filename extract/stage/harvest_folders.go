package stage

import (
	"path"
	"strings"

	"seedbed/extract"
)

// A folder of an exercise has a file that says what to do and one that does
// it: instructions.md beside solution.py, or .docs/instructions.md and
// .meta/example.go as the tracks of Exercism have them.
var (
	tellsTask  = lazily(`(?i)^(?:instructions|exercise|problem|task|assignment|aufgabe)\.(?:md|markdown|rst|adoc|txt)$`)
	tellsMore  = lazily(`(?i)^instructions\.append\.(?:md|markdown|rst|adoc|txt)$`)
	solvesTask = lazily(`(?i)^(?:example|exemplar|solution|reference|loesung)\.\w+$`)
	// Where they may stand in the exercise's folder.
	taskFolders = []string{".docs", "docs"}
	doneFolders = []string{".meta", "solution", "solutions", "reference"}
	bareTitle   = lazily(`(?i)^(?:instructions|description|exercise|problem|task|assignment|instructions append)$`)
)

// A filed is the blocks of one file.
type filed struct{ first, last int }

// folders pairs what a folder's instructions ask for with the file that does
// it. Of several that do, none is known to be the answer.
func (o *outline) folders() {
	if o.doc.Kind != extract.Repository {
		return
	}
	files := map[string]filed{}
	var tasks []string
	more, done := map[string]string{}, map[string][]string{} // by the exercise's folder
	for i, b := range o.doc.Blocks {
		f, known := files[b.File]
		if !known {
			f.first = i
			folder, base := path.Split(b.File)
			folder = path.Clean(folder)
			switch {
			case tellsTask.MatchString(base):
				tasks = append(tasks, b.File)
			case tellsMore.MatchString(base):
				more[without(folder, taskFolders)] = b.File
			case solvesTask.MatchString(base):
				at := without(folder, doneFolders)
				done[at] = append(done[at], b.File)
			}
		}
		f.last = i + 1
		files[b.File] = f
	}
	for _, task := range tasks {
		folder := without(path.Dir(task), taskFolders)
		if len(done[folder]) == 1 {
			o.folder(files[task], files[more[folder]], files[done[folder][0]])
		}
	}
}

// without is a folder without its last part, where that is one of some.
func without(folder string, parts []string) string {
	for _, p := range parts {
		if path.Base(folder) == p {
			return path.Dir(folder)
		}
	}
	return folder
}

func (o *outline) folder(task, more, done filed) {
	code, lang, ok := o.program(done)
	said := o.instructions(task)
	if !ok || said.empty() || unwritten(o.text[code.start:code.end]) {
		return
	}
	spans := []span{said}
	question := "Solve this exercise in " + language(lang) + ".\n\n" + o.text[said.start:said.end]
	if rest := o.instructions(more); !rest.empty() {
		spans = append(spans, rest)
		question += "\n\n" + o.text[rest.start:rest.end]
	}
	f := found{at: o.runes(said.start), kind: extract.CodeType, tag: "exercise"}
	o.add(question, fence(lang, o.text[code.start:code.end]), f, append(spans, code)...)
}

// instructions are what a file says below headings that say nothing.
func (o *outline) instructions(f filed) span {
	first := f.first
	for first < f.last {
		b := o.doc.Blocks[first]
		if b.Kind != extract.Heading || b.Title != b.File && !bareTitle.MatchString(b.Title) {
			break
		}
		first++
	}
	if first >= f.last {
		return span{}
	}
	return o.trim(span{o.starts[first], o.starts[f.last-1] + len(o.doc.Blocks[f.last-1].Text)})
}

// program is a file that is nothing but code.
func (o *outline) program(f filed) (code span, lang string, ok bool) {
	first := f.first
	for first < f.last && o.doc.Blocks[first].Kind == extract.Heading {
		first++
	}
	lines := 0
	for _, b := range o.doc.Blocks[first:f.last] {
		if b.Kind != extract.Code || b.Skip != "" || lang != "" && b.Lang != lang {
			return span{}, "", false
		}
		lang = b.Lang
		lines += strings.Count(b.Text, "\n") + 1
	}
	if lang == "" || lines > 4*maxCodeLines {
		return span{}, "", false
	}
	return span{o.starts[first], o.starts[f.last-1] + len(o.doc.Blocks[f.last-1].Text)}, lang, true
}

var notWritten = lazily(`(?i)panic\("(?:please )?implement|NotImplementedError|NotImplementedException|todo!\(|unimplemented!\(|(?:throw new|raise) [\w:.]*\(?["'](?:please |remove this (?:statement|line) and )?implement|please implement|UnsupportedOperationException`)

// unwritten reports whether code only says that somebody is to write it.
func unwritten(code string) bool {
	return codeLines(code) <= 4 && notWritten.MatchString(code)
}
