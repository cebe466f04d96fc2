// Package readscore compares a text that was read with the true one.
package readscore

import (
	"math/bits"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Words are the runs of letters and digits of a text, in lower case.
func Words(text string) []string {
	text = strings.ReplaceAll(text, "\u00ad", "")
	text = strings.ToLower(norm.NFKC.String(text))
	return strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

var (
	counter = regexp.MustCompile(`(?i)^((chapter|part|appendix|kapitel|teil)\s+)?(\d+|[ivx]+|[a-z])(\.\d+)*[.:]\s+`)
	bare    = regexp.MustCompile(`^(§\s*)?\d+(\.\d+)*\s+`)
)

// heading is a heading as headings are compared: without its number.
func heading(s string) string {
	s = strings.TrimSpace(s)
	s = bare.ReplaceAllString(counter.ReplaceAllString(s, ""), "")
	return strings.Join(Words(s), " ")
}

// Headings scores the headings found against the true ones. A true one that
// opens with a question mark may be missing: the title, which is set like a
// heading, or the head that a program gives its table of contents.
func Headings(got, want []string) float64 {
	must, may := map[string]int{}, map[string]int{}
	n := 0
	for _, h := range want {
		if rest, ok := strings.CutPrefix(h, "?"); ok {
			may[heading(rest)]++
		} else {
			must[heading(h)]++
			n++
		}
	}
	both, counted := 0, 0
	for _, h := range got {
		switch h = heading(h); {
		case must[h] > 0:
			must[h]--
			both++
			counted++
		case may[h] > 0:
		default:
			counted++
		}
	}
	return F1(both, counted, n)
}

// F1 is the harmonic mean of the shares of got and want that are in both.
func F1(both, got, want int) float64 {
	if got+want == 0 {
		return 0
	}
	return 2 * float64(both) / float64(got+want)
}

// Common is how many words two bags share.
func Common(a, b []string) int {
	counts := map[string]int{}
	for _, w := range a {
		counts[w]++
	}
	n := 0
	for _, w := range b {
		if counts[w] > 0 {
			counts[w]--
			n++
		}
	}
	return n
}

// InOrder is the length of the longest common subsequence of two texts. The
// rows of the usual table are kept as bits (Hyyrö 2004), 64 words at a time.
func InOrder(a, b []string) int {
	at := map[string][]int{}
	for i, w := range a {
		at[w] = append(at[w], i)
	}
	row := make([]uint64, (len(a)+63)/64)
	for i := range row {
		row[i] = ^uint64(0)
	}
	match := make([]uint64, len(row))
	for _, w := range b {
		places := at[w]
		if places == nil {
			continue
		}
		for _, i := range places {
			match[i/64] |= 1 << (i % 64)
		}
		carry := uint64(0)
		for i, v := range row {
			u := v & match[i]
			sum, c := bits.Add64(v, u, carry)
			row[i], carry = sum|(v&^match[i]), c
		}
		for _, i := range places {
			match[i/64] = 0
		}
	}
	n := 0
	for i := range a {
		if row[i/64]&(1<<(i%64)) == 0 {
			n++
		}
	}
	return n
}
