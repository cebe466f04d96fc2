package measure

import (
	"compress/gzip"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordsOf yields the words of s in small letters: runs of letters and digits,
// and each character by itself in scripts that do not part words.
func wordsOf(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		s := strings.ToLower(s)
		from := -1 // where the open word begins
		for i, r := range s {
			single := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
			inside := !single && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
			if inside && from < 0 {
				from = i
			}
			if !inside && from >= 0 {
				if !yield(s[from:i]) {
					return
				}
				from = -1
			}
			if single && !yield(s[i:i+utf8.RuneLen(r)]) {
				return
			}
		}
		if from >= 0 {
			yield(s[from:])
		}
	}
}

// numbersIn yields the numbers written in digits in s: 7, 3.14, 1,024 as
// 1024, 2.50 as 2.5. Digits right after a letter or underline are part of a
// name. Signs are not looked at.
func numbersIn(s string) iter.Seq[string] {
	digit := func(i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	return func(yield func(string) bool) {
		for i := 0; i < len(s); {
			if !digit(i) {
				i++
				continue
			}
			end := i + 1
			for digit(end) || end < len(s) && (s[end] == '.' || s[end] == ',') && digit(end+1) {
				end++
			}
			before, _ := utf8.DecodeLastRuneInString(s[:i])
			if !unicode.IsLetter(before) && before != '_' {
				if !eachNumber(s[i:end], yield) {
					return
				}
			}
			i = end
		}
	}
}

// eachNumber yields the numbers of a run of digits, dots and commas. Commas
// part thousands where all after the first stand before three digits; else
// they part numbers, as in a list without spaces.
func eachNumber(run string, yield func(string) bool) bool {
	parts := strings.Split(run, ",")
	thousands := len(parts) > 1 && len(parts[0]) <= 3 && !strings.Contains(parts[0], ".") && parts[0] != "0"
	for i, p := range parts[1:] {
		whole, _, dot := strings.Cut(p, ".")
		thousands = thousands && len(whole) == 3 && (!dot || i == len(parts)-2)
	}
	if thousands {
		parts = []string{strings.Join(parts, "")}
	}
	for _, p := range parts {
		if strings.Count(p, ".") == 1 {
			p = strings.TrimSuffix(strings.TrimRight(p, "0"), ".")
		}
		if !yield(p) {
			return false
		}
	}
	return true
}

// distinct2 counts the different and all pairs of neighbouring words, within
// each text.
func distinct2(texts iter.Seq[string]) Share {
	var s Share
	seen := map[string]struct{}{}
	for text := range texts {
		last := ""
		for w := range wordsOf(text) {
			if last != "" {
				s.Of++
				seen[last+" "+w] = struct{}{}
			}
			last = w
		}
	}
	s.N = len(seen)
	return s
}

// compression is how many times smaller gzip makes the texts, one a line.
func compression(texts iter.Seq[string]) *float64 {
	var packed counter
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a valid one
	plain := 0
	for t := range texts {
		n, _ := io.WriteString(z, t+"\n") // a counter takes everything
		plain += n
	}
	_ = z.Close()
	if plain == 0 {
		return nil
	}
	return pointer(float64(plain) / float64(packed))
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// entropy is that of the counts. most is how many kinds there could be; 0
// takes as many as there are seeds.
func entropy(t Tally, most int) Entropy {
	e := Entropy{Kinds: len(t), Of: t.Sum()}
	// In one order, so that the sum is the same each time.
	for _, c := range t.Counts() {
		p := float64(c.N) / float64(e.Of)
		e.Bits -= p * math.Log2(p)
	}
	e.Bits = max(0, e.Bits) // no −0
	if most == 0 {
		most = e.Of
	}
	if most > 1 {
		e.Evenness = min(1, e.Bits/math.Log2(float64(most)))
	}
	return e
}

// A portion is a section's seeds and its weight: 1, or its tokens.
type portion struct {
	seeds  int
	weight int
}

// gini is twice the area between the Lorenz curve of the seeds over the
// weights, and the line on which each unit of weight has as many seeds.
func gini(portions []portion) *float64 {
	seeds, weight := 0, 0
	for _, p := range portions {
		seeds += p.seeds
		weight += p.weight
	}
	if seeds == 0 || weight == 0 {
		return nil
	}
	slices.SortFunc(portions, func(a, b portion) int { return a.seeds*b.weight - b.seeds*a.weight })
	area, passed := 0.0, 0 // twice the area under the curve; seeds passed
	for _, p := range portions {
		area += float64(p.weight) / float64(weight) * float64(2*passed+p.seeds) / float64(seeds)
		passed += p.seeds
	}
	return pointer(max(0, 1-area))
}

// A bitset is a set of code points of a document.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// fill adds from to to, to excluded.
func (b bitset) fill(from, to int) {
	for from < to {
		if from%64 == 0 && to-from >= 64 {
			b[from/64] = math.MaxUint64
			from += 64
			continue
		}
		b[from/64] |= 1 << (from % 64)
		from++
	}
}

func pointer(f float64) *float64 { return &f }

// ratio is a over b, nil where b is 0.
func ratio(a, b float64) *float64 {
	if b == 0 {
		return nil
	}
	return pointer(a / b)
}
