// Package tokens counts how many tokens a text is to a language model.
//
// Each family of models has a vocabulary of its own. The count is that of
// o200k, which OpenAI published for its models; others differ from it by some
// percent.
package tokens

import (
	_ "embed"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Count is how many tokens s is in the o200k vocabulary, to the token. Only
// what goes on for more than 256 bytes without a gap is counted in stretches,
// each of which may come to one too many, and letters of ASCII that do, which
// are no word, count as a token each.
//
// The first call takes ten milliseconds to prepare the vocabulary and three
// megabytes to hold it. English is counted at 130 MB/s, Chinese at 30.
func Count(s string) int {
	v := vocabulary()
	total := 0
	for s != "" {
		n := v.piece(s)
		total += v.tokens(s[:n])
		s = s[n:]
	}
	return total
}

// o200k are the 199,998 tokens by rank, each after a byte that is its length:
// the vocabulary that OpenAI published with tiktoken under the MIT licence.
//
//go:embed o200k.bin
var o200k string

// A table finds a token's rank by its bytes. The vocabulary itself stays
// where the program was loaded.
type table struct {
	start []uint32        // by rank: where in o200k
	slots []uint32        // a rank below and some bits of the hash above, or free
	twos  [1 << 16]uint32 // ranks of two bytes, the first below
	kind  [1 << 16]uint8  // of the characters of the first plane
}

const (
	slotBits = 19
	rankBits = 18
	free     = 1<<32 - 1
	none     = free // the rank of what is no token
)

var vocabulary = sync.OnceValue(func() *table {
	t := &table{start: make([]uint32, 0, 200_000), slots: make([]uint32, 1<<slotBits)}
	for i := range t.slots {
		t.slots[i] = free
	}
	for i := range t.twos {
		t.twos[i] = none
	}
	for at := 0; at < len(o200k); at += 1 + int(o200k[at]) {
		rank := uint32(len(t.start))
		t.start = append(t.start, uint32(at))
		token := o200k[at+1 : at+1+int(o200k[at])]
		if len(token) == 2 {
			t.twos[int(token[0])|int(token[1])<<8] = rank
		}
		h := hash(token)
		i := h >> (64 - slotBits)
		for t.slots[i] != free {
			i = (i + 1) % (1 << slotBits)
		}
		t.slots[i] = rank | tag(h)
	}
	for r := range t.kind {
		t.kind[r] = kindOf(rune(r))
	}
	return t
})

func tag(h uint64) uint32 { return uint32(h) &^ (1<<rankBits - 1) }

// rank is how late s was made a token, or none.
func (t *table) rank(s string) uint32 {
	h := hash(s)
	want := tag(h)
	for i := h >> (64 - slotBits); t.slots[i] != free; i = (i + 1) % (1 << slotBits) {
		if slot := t.slots[i]; slot&^(1<<rankBits-1) == want {
			rank := slot & (1<<rankBits - 1)
			at := t.start[rank]
			if n := int(o200k[at]); n == len(s) && o200k[at+1:int(at)+1+n] == s {
				return rank
			}
		}
	}
	return none
}

// hash mixes the first and the last bytes of s with its length.
func hash(s string) uint64 {
	var a, b uint64
	switch n := len(s); {
	case n >= 8:
		a, b = eight(s), eight(s[n-8:])
	case n >= 4:
		a, b = four(s), four(s[n-4:])
	case n > 0:
		a = uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
	}
	h := (a ^ uint64(len(s))*0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
	h ^= h >> 32
	h = (h ^ b) * 0xC2B2AE3D27D4EB4F
	return h ^ h>>29
}

func four(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

func eight(s string) uint64 { return four(s) | four(s[4:])<<32 }

// What the vocabulary's rules tell apart in a character.
const (
	isUpper  = 1 << iota // may stand in the first part of a word: capitals, and letters without case
	isLower              // may stand in its second part: small letters, and letters without case
	isLetter             // marks, such as accents, are in both parts of a word but no letters
	isNumber
	isSpace
	isBreak // ends a line
)

func kindOf(r rune) (k uint8) {
	switch {
	case r == '\n' || r == '\r':
		return isSpace | isBreak
	case unicode.IsSpace(r):
		return isSpace
	case unicode.IsNumber(r):
		return isNumber
	case unicode.IsMark(r):
		return isUpper | isLower
	case !unicode.IsLetter(r):
		return 0
	case unicode.IsUpper(r), unicode.IsTitle(r):
		return isLetter | isUpper
	case unicode.IsLower(r):
		return isLetter | isLower
	}
	return isLetter | isUpper | isLower
}

// at is the kind and the width of the character that s begins with at i; past
// the end it is of no kind.
func (t *table) at(s string, i int) (kind uint8, width int) {
	if i >= len(s) {
		return 0, 0
	}
	if s[i] < utf8.RuneSelf {
		return t.kind[s[i]], 1
	}
	r, width := utf8.DecodeRuneInString(s[i:])
	if int(r) < len(t.kind) {
		return t.kind[r], width
	}
	return kindOf(r), width
}

// run is the end of the run of characters from i on that are of one of the
// kinds and of none of the others.
func (t *table) run(s string, i int, of, not uint8) int {
	for i < len(s) {
		k, w := t.at(s, i)
		if k&of == 0 && of != 0 || k&not != 0 {
			break
		}
		i += w
	}
	return i
}

// piece is the length of what s begins with that no token reaches beyond:
//
//	a word with the sign or the space before it, and with 's, 'll or the like behind it
//	up to three digits
//	punctuation with the space before it and the line breaks behind it
//	white space up to the last line break in it, or up to the space before the next word
func (t *table) piece(s string) int {
	first, w := t.at(s, 0)
	lead := 0
	if first&(isLetter|isNumber|isBreak) == 0 {
		lead = w
	}
	if n := t.word(s, lead); n > 0 {
		return n
	}
	switch {
	case first&isNumber != 0:
		i := w
		for range 2 {
			k, w := t.at(s, i)
			if k&isNumber == 0 {
				break
			}
			i += w
		}
		return i
	case first&isSpace == 0 || s[0] == ' ':
		i := 0
		if s[0] == ' ' {
			i = 1
		}
		if end := t.run(s, i, 0, isSpace|isLetter|isNumber); end > i {
			for end < len(s) && (s[end] == '\n' || s[end] == '\r' || s[end] == '/') {
				end++
			}
			return end
		}
	}
	end, before, broken := 0, 0, 0
	for end < len(s) {
		k, w := t.at(s, end)
		if k&isSpace == 0 {
			break
		}
		before = end
		end += w
		if k&isBreak != 0 {
			broken = end
		}
	}
	switch {
	case broken > 0:
		return broken
	case end < len(s) && before > 0:
		return before
	}
	return end
}

// word is the end of the word that s begins with after lead bytes, which need
// not be taken, or 0.
func (t *table) word(s string, lead int) int {
	if k, _ := t.at(s, lead); k&(isUpper|isLower) == 0 {
		if lead == 0 {
			return 0
		}
		if k, _ := t.at(s, 0); k&(isUpper|isLower) == 0 {
			return 0
		}
	}
	for _, from := range [2]int{lead, 0} {
		if n := t.lower(s, from); n > 0 {
			return t.contraction(s, n)
		}
		if lead == 0 {
			break
		}
	}
	for _, from := range [2]int{lead, 0} {
		if n := t.run(s, from, isUpper, 0); n > from {
			return t.contraction(s, n)
		}
	}
	return 0
}

// lower is the end of the capitals from i on with the small letters behind
// them, at least one of them, or 0. What has no case counts as either.
func (t *table) lower(s string, i int) int {
	either := 0 // the end of the last that has no case
	for {
		k, w := t.at(s, i)
		if k&isUpper == 0 {
			break
		}
		i += w
		if k&isLower != 0 {
			either = i
		}
	}
	if k, _ := t.at(s, i); k&isLower != 0 {
		return t.run(s, i, isLower, 0)
	}
	return either
}

// contraction is the end of 's, 't, 're, 've, 'm, 'll or 'd at i, or i.
func (t *table) contraction(s string, i int) int {
	if i+1 >= len(s) || s[i] != '\'' {
		return i
	}
	switch s[i+1] | 0x20 {
	case 's', 't', 'm', 'd':
		return i + 2
	case 'r', 'v':
		if i+2 < len(s) && s[i+2]|0x20 == 'e' {
			return i + 3
		}
	case 'l':
		if i+2 < len(s) && s[i+2]|0x20 == 'l' {
			return i + 3
		}
	}
	if len(s) >= i+3 && s[i+1:i+3] == "ſ" {
		return i + 3
	}
	return i
}

// The longest piece whose pairs are joined all at once, in bytes: the time it
// takes grows with the square.
const stretch = 256

// tokens is how many tokens a piece is: pairs of neighbours are joined, the
// one of the lowest rank first, until no two together are a token.
func (t *table) tokens(s string) int {
	if len(s) == 1 || t.rank(s) != none {
		return 1
	}
	if len(s) > stretch {
		if c := s[stretch/2]; c < utf8.RuneSelf && t.kind[c]&isLetter != 0 {
			return len(s)
		}
	}
	total := 0
	for len(s) > stretch {
		n := stretch
		for n > stretch-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		total += t.merge(s[:n])
		s = s[n:]
	}
	return total + t.merge(s)
}

func (t *table) merge(s string) int {
	// Of each part where it begins and the rank that it has with the next.
	var starts [stretch + 1]uint16
	var ranks [stretch + 1]uint32
	n := len(s) // parts
	for i := range n + 1 {
		starts[i] = uint16(i)
	}
	pair := func(i int) uint32 {
		if i < 0 || i+2 > n {
			return none
		}
		return t.rank(s[starts[i]:starts[i+2]])
	}
	for i := range n {
		ranks[i] = none
		if i+1 < n {
			ranks[i] = t.twos[int(s[i])|int(s[i+1])<<8]
		}
	}
	for {
		best, at := uint32(none), 0
		for i, r := range ranks[:n] {
			if r < best {
				best, at = r, i
			}
		}
		if best == none {
			return n
		}
		copy(starts[at+1:n], starts[at+2:n+1])
		copy(ranks[at+1:n-1], ranks[at+2:n])
		n--
		ranks[at] = pair(at)
		if at > 0 {
			ranks[at-1] = pair(at - 1)
		}
	}
}
