package stage

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Lengths of the runs of words that are compared.
const (
	longRun  = 13
	shortRun = 7
)

// Limits of what is read of benchmarks: words of all files, and bytes of one
// line.
const (
	maxBenchmarkWords = 4 << 20
	maxBenchmarkLine  = 16 << 20
)

// A benchmark is what must not be repeated: the hashes of its runs of words
// and where each stands.
type benchmark struct {
	long, short []run // by hash
	items       []item
}

type run struct {
	hash uint64
	item int32
}

type item struct {
	file string
	line int // from 1
}

// readBenchmark reads files of at most so many words.
func readBenchmark(files []string, open func(string) (fs.File, error), most int) (*benchmark, error) {
	b := &benchmark{}
	left := most
	for _, name := range files {
		err := itemsOf(name, open, func(line int, text string) error {
			words := wordsOf(text)
			if left -= len(words); left < 0 {
				return fmt.Errorf("line %d: the benchmarks have more than %d words in all, which is as much as is kept in memory: name fewer files", line, most)
			}
			b.add(item{filepath.Base(name), line}, words)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read benchmark %s: %w", name, err)
		}
	}
	byHash := func(a, b run) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.item, b.item)) }
	slices.SortFunc(b.long, byHash)
	slices.SortFunc(b.short, byHash)
	// Of a long run one place is enough.
	b.long = slices.CompactFunc(b.long, func(a, b run) bool { return a.hash == b.hash })
	b.short = slices.Compact(b.short)
	return b, nil
}

func (b *benchmark) add(at item, words []string) {
	if len(words) == 0 {
		return
	}
	n := int32(len(b.items))
	b.items = append(b.items, at)
	for _, h := range runsOf(words, longRun) {
		b.long = append(b.long, run{h, n})
	}
	for _, h := range shortRuns(words) {
		b.short = append(b.short, run{h, n})
	}
}

// longest is the first item that has thirteen of the words in a row, and
// where in the words they begin.
func (b *benchmark) longest(words []string) (item int32, at int, ok bool) {
	for i, h := range runsOf(words, longRun) {
		if in := under(b.long, h); len(in) > 0 {
			return in[0].item, i, true
		}
	}
	return 0, 0, false
}

// overlap is the item that has the most runs of seven of the words, and the
// share of them that it has.
func (b *benchmark) overlap(words []string) (best int32, share float64) {
	runs := shortRuns(words)
	slices.Sort(runs)
	runs = slices.Compact(runs)
	count := map[int32]int{}
	for _, h := range runs {
		for _, r := range under(b.short, h) {
			count[r.item]++
		}
	}
	most := 0
	for item, n := range count {
		if n > most || n == most && item < best {
			best, most = item, n
		}
	}
	return best, float64(most) / float64(max(1, len(runs)))
}

func (b *benchmark) place(n int32) string {
	return fmt.Sprintf("%s line %d", b.items[n].file, b.items[n].line)
}

// under are the runs of a hash.
func under(runs []run, hash uint64) []run {
	from, _ := slices.BinarySearchFunc(runs, hash, func(r run, h uint64) int { return cmp.Compare(r.hash, h) })
	to := from
	for to < len(runs) && runs[to].hash == hash {
		to++
	}
	return runs[from:to]
}

// runsOf are the hashes of each n words in a row.
func runsOf(words []string, n int) []uint64 {
	var out []uint64
	for i := 0; i+n <= len(words); i++ {
		out = append(out, hashOf(words[i:i+n]))
	}
	return out
}

// shortRuns are the hashes of each seven words in a row, or of all words
// where they are fewer.
func shortRuns(words []string) []uint64 {
	if n := len(words); n > 0 && n < shortRun {
		return []uint64{hashOf(words)}
	}
	return runsOf(words, shortRun)
}

// hashOf is a hash of the words.
func hashOf(words []string) uint64 {
	h := newHash()
	for _, w := range words {
		h.add(w)
	}
	return scatter(uint64(h))
}

// wordsOf are the words and numbers of a text, in small letters. Ideographs
// and kana are a word each.
func wordsOf(text string) []string {
	var out []string
	start := -1
	text = strings.ToLower(norm.NFKC.String(text))
	end := func(i int) {
		if start >= 0 {
			out = append(out, text[start:i])
		}
		start = -1
	}
	for i, r := range text {
		switch {
		case isIdeograph(r):
			end(i)
			out = append(out, string(r))
		case !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
			end(i)
		case start < 0:
			start = i
		}
	}
	end(len(text))
	return out
}

func joined(words []string) string { return strings.Join(words, " ") }

// itemsOf calls each with the items of a file, and the lines at which they
// begin.
func itemsOf(name string, open func(string) (fs.File, error), each func(line int, text string) error) error {
	f, err := open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// A line too long to be one ends the scan, not the memory.
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxBenchmarkLine)
	parse := itemParser(nil)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if parse == nil {
			if len(line) == 0 {
				continue
			}
			if line[0] == '{' {
				parse = jsonItem
			} else {
				parse = (&paragraphs{}).add
			}
		}
		if err := parse(n, line, each); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d is longer than %d MiB", n+1, maxBenchmarkLine>>20)
	case err != nil:
		return err
	case parse == nil:
		return errors.New("there is nothing in it")
	}
	return parse(n+1, nil, each)
}

// An itemParser takes a file line by line. An empty line ends a paragraph,
// and so does the file.
type itemParser func(line int, text []byte, each func(int, string) error) error

func jsonItem(n int, line []byte, each func(int, string) error) error {
	if len(line) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return fmt.Errorf("line %d is no JSON object of its own, as each line of JSON Lines is: %w", n, err)
	}
	found := false
	for _, name := range []string{"question", "prompt", "text"} {
		var text string
		if raw, ok := fields[name]; ok && json.Unmarshal(raw, &text) == nil {
			found = true
			if err := each(n, text); err != nil {
				return err
			}
		}
	}
	if !found {
		return fmt.Errorf("line %d has no text in any of the fields question, prompt and text", n)
	}
	return nil
}

type paragraphs struct {
	text  strings.Builder
	start int
}

func (p *paragraphs) add(n int, line []byte, each func(int, string) error) error {
	if len(line) > 0 && p.text.Len()+len(line) < maxBenchmarkLine {
		if p.text.Len() == 0 {
			p.start = n
		}
		p.text.Write(line)
		p.text.WriteByte('\n')
		return nil
	}
	if p.text.Len() == 0 {
		return nil
	}
	text := p.text.String()
	p.text.Reset()
	if err := each(p.start, text); err != nil || len(line) == 0 {
		return err
	}
	return p.add(n, line, each)
}
