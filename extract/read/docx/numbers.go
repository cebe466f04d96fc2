package docx

import (
	"strconv"
	"strings"

	"seedbed/extract/read/zipxml"
)

// A numbering says how lists are numbered.
type numbering struct {
	kinds  map[string]string        // by list: its abstract list
	levels map[string]map[int]level // by abstract list
	starts map[string]map[int]int   // by list: where a level begins instead
}

type level struct {
	format string // decimal, bullet, lowerLetter, …
	text   string // "%1.%2)"
	start  int
}

func readNumbering(n *zipxml.Node) numbering {
	out := numbering{kinds: map[string]string{}, levels: map[string]map[int]level{}, starts: map[string]map[int]int{}}
	for _, c := range n.Kids {
		switch c.Name {
		case "w:abstractNum":
			levels := map[int]level{}
			for _, l := range c.Kids {
				if i, err := strconv.Atoi(l.Get("ilvl")); l.Name == "w:lvl" && err == nil {
					start, err := strconv.Atoi(l.Val("w:start"))
					if err != nil {
						start = 1
					}
					levels[i] = level{l.Val("w:numFmt"), l.Val("w:lvlText"), start}
				}
			}
			out.levels[c.Get("abstractNumId")] = levels
		case "w:num":
			id := c.Get("numId")
			out.kinds[id] = c.Val("w:abstractNumId")
			for _, o := range c.Kids {
				i, err := strconv.Atoi(o.Get("ilvl"))
				start, err2 := strconv.Atoi(o.Val("w:startOverride"))
				if o.Name == "w:lvlOverride" && err == nil && err2 == nil {
					if out.starts[id] == nil {
						out.starts[id] = map[int]int{}
					}
					out.starts[id][i] = start
				}
			}
		}
	}
	return out
}

const bullet = "- "

// sign counts on in a list and returns the sign of its next item: "2. ".
func (k *reader) sign(list string, ilvl int) string {
	abstract := k.numbers.kinds[list]
	levels := k.numbers.levels[abstract]
	l, ok := levels[ilvl]
	if !ok || l.format == "bullet" || l.format == "none" || l.format == "" || !strings.Contains(l.text, "%") {
		return bullet
	}
	key := abstract
	if k.numbers.starts[list] != nil {
		key = "list " + list // it begins anew
	}
	counts := k.counts[key]
	if counts == nil {
		counts = make([]int, 9)
		for i := range counts {
			counts[i] = levels[i].start - 1
			if s, ok := k.numbers.starts[list][i]; ok {
				counts[i] = s - 1
			}
		}
		k.counts[key] = counts
	}
	counts[ilvl]++
	for i := ilvl + 1; i < len(counts); i++ {
		counts[i] = levels[i].start - 1
	}
	text := l.text
	for i := range ilvl + 1 {
		text = strings.ReplaceAll(text, "%"+strconv.Itoa(i+1), numeral(max(counts[i], levels[i].start), levels[i].format))
	}
	return text + " "
}

// numeral writes a number as a list's format has it.
func numeral(n int, format string) string {
	switch format {
	case "lowerLetter", "upperLetter":
		if n < 1 || n > 26*20 {
			break
		}
		s := strings.Repeat(string(rune('a'+(n-1)%26)), (n-1)/26+1)
		if format == "upperLetter" {
			return strings.ToUpper(s)
		}
		return s
	case "lowerRoman", "upperRoman":
		if n < 1 || n > 3999 {
			break
		}
		s := roman(n)
		if format == "upperRoman" {
			return strings.ToUpper(s)
		}
		return s
	case "decimalZero":
		if n >= 0 && n < 10 {
			return "0" + strconv.Itoa(n)
		}
	}
	return strconv.Itoa(n)
}

func roman(n int) string {
	var s strings.Builder
	for _, r := range []struct {
		value int
		sign  string
	}{{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}} {
		for ; n >= r.value; n -= r.value {
			s.WriteString(r.sign)
		}
	}
	return s.String()
}

// symbol is a character of a font of symbols.
func symbol(font, char string) string {
	v, err := strconv.ParseUint(char, 16, 32)
	if err != nil {
		return ""
	}
	if v >= 0xF000 && v < 0xF100 {
		v -= 0xF000
	}
	if r, ok := symbols[strings.ToLower(font)][rune(v)]; ok {
		return string(r)
	}
	if v < 0x20 || v >= 0xD800 && v < 0xF900 || strings.HasPrefix(strings.ToLower(font), "wingdings") || v > 0x10FFFF {
		return ""
	}
	return string(rune(v))
}

var symbols = map[string]map[rune]rune{
	"symbol": {
		'a': 'α', 'b': 'β', 'g': 'γ', 'd': 'δ', 'e': 'ε', 'z': 'ζ', 'h': 'η', 'q': 'θ', 'i': 'ι', 'k': 'κ', 'l': 'λ', 'm': 'μ',
		'n': 'ν', 'x': 'ξ', 'p': 'π', 'r': 'ρ', 's': 'σ', 't': 'τ', 'u': 'υ', 'f': 'φ', 'c': 'χ', 'y': 'ψ', 'w': 'ω',
		'G': 'Γ', 'D': 'Δ', 'Q': 'Θ', 'L': 'Λ', 'X': 'Ξ', 'P': 'Π', 'S': 'Σ', 'F': 'Φ', 'Y': 'Ψ', 'W': 'Ω',
		0xA3: '≤', 0xB3: '≥', 0xB9: '≠', 0xBB: '≈', 0xB1: '±', 0xB4: '×', 0xA5: '∞', 0xAE: '→', 0xAC: '←', 0xDE: '⇒', 0xDB: '⇔',
		0xB7: '•', 0xCE: '∈', 0xC5: '⊕', 0xC7: '∩', 0xC8: '∪', 0xCC: '⊂', 0xCD: '⊆', 0xD6: '√', 0xE5: '∑', 0xF2: '∫', 0xB6: '∂', 0xB0: '°',
	},
	"wingdings": {0xE0: '→', 0xDF: '←', 0xFC: '✓', 0xFB: '✗', 0xA7: '▪', 0x4A: '☺', 0xA8: '☐', 0xFE: '☑'},
}
