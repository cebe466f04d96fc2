package stage

import (
	"math/big"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// compare says whether two short answers are the same, and whether that is
// sure. Sure are answers of the same words, two of yes and no, and two
// numbers with the same unit. Numbers that differ by rounding, by a power of
// ten (a percentage, another unit), or whose units differ are left to a judge.
func compare(a, b string) (same, sure bool) {
	if len(a) > shown || len(b) > shown {
		return false, false
	}
	a, b = bare(a), bare(b)
	switch {
	case a == "" || b == "":
		return false, false
	case a == b:
		return true, true
	case strings.EqualFold(a, b):
		// Two names for one thing, unless case may be what tells them apart:
		// N and n, nil and Nil in code.
		prose := strings.Contains(a, " ") || utf8.RuneCountInString(a) > 3
		return prose && !strings.ContainsAny(a, "_()[]{}\\$=`/"), prose && !strings.ContainsAny(a, "_()[]{}\\$=`/")
	}
	if x, y := truth[strings.ToLower(a)], truth[strings.ToLower(b)]; x != "" && y != "" {
		return x == y, true
	}
	x, ok := readFigure(a)
	if !ok {
		return false, false
	}
	y, ok := readFigure(b)
	if !ok || x.unit != y.unit || x.name != y.name && x.name != "" && y.name != "" {
		return false, false
	}
	switch {
	case x.value.Cmp(y.value) == 0:
		return true, true
	case x.near(y):
		return false, false
	}
	return false, true
}

var truth = map[string]string{
	"yes": "yes", "true": "yes", "correct": "yes", "no": "no", "false": "no", "incorrect": "no",
	"ja": "yes", "nein": "no", "oui": "yes", "non": "no", "sí": "yes", "是": "yes", "否": "no", "はい": "yes", "いいえ": "no",
}

// bare is an answer without what is put around it.
func bare(s string) string {
	s = strings.ReplaceAll(string(normalize(s).text), "\u2044", "/") // of ½
	for {
		before := s
		s = strings.TrimRight(strings.TrimLeft(s, " \"'*"), " \"'.,;:!*")
		for _, around := range [][2]string{{"$", "$"}, {`\(`, `\)`}, {`\boxed{`, "}"}, {`\text{`, "}"}} {
			in, ok := strings.CutPrefix(s, around[0])
			in, closed := strings.CutSuffix(in, around[1])
			if ok && closed && !strings.Contains(in, "$") && strings.Count(in, "{") == strings.Count(in, "}") {
				s = in
			}
		}
		for _, article := range []string{"the ", "The ", "a ", "A ", "an ", "An "} {
			// “A or B” and “a = 3” are no nouns with an article.
			if rest, ok := strings.CutPrefix(s, article); ok && len(rest) > 3 && !strings.ContainsAny(rest, "=<>+") && !strings.HasPrefix(rest, "or ") && !strings.HasPrefix(rest, "and ") {
				s = rest
			}
		}
		if s == before {
			return s
		}
	}
}

// A figure is a number with what it is a number of.
type figure struct {
	name     string // before an equals sign
	value    *big.Rat
	decimals int // after the point
	unit     string
}

var (
	figureForm = lazily(`^(?:([A-Za-z]\w{0,15}) ?= ?)?([-+]?)(\d{1,3}(?:,\d{3})+|\d{1,30})?(?:\.(\d{1,30}))?(?:[eE]([-+]?\d{1,2}))?(?: ?/ ?(\d{1,30}))?( ?[^\d].{0,30})?$`)
	fraction   = lazily(`\\[dt]?frac\{(\d{1,30})\}\{(\d{1,30})\}`)
)

func readFigure(s string) (figure, bool) {
	if len(s) > 100 {
		return figure{}, false
	}
	s = fraction.ReplaceAllString(s, "$1/$2")
	m := figureForm.FindStringSubmatch(s)
	if m == nil || m[3] == "" && m[4] == "" {
		return figure{}, false
	}
	f := figure{name: m[1], decimals: len(m[4]), unit: strings.ToLower(strings.TrimSpace(m[7]))}
	if strings.ContainsFunc(f.unit, unicode.IsNumber) || strings.ContainsAny(f.unit, "+-*=<>±≈") || len(strings.Fields(f.unit)) > 3 {
		return figure{}, false // “3 of 4”, “2 + x”, a sentence
	}
	text := m[2] + strings.ReplaceAll(m[3], ",", "")
	if m[3] == "" {
		text += "0"
	}
	if m[4] != "" {
		text += "." + m[4]
	}
	if m[5] != "" {
		text += "e" + m[5]
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return figure{}, false
	}
	if m[6] != "" {
		by, ok := new(big.Rat).SetString(m[6])
		if !ok || by.Sign() == 0 {
			return figure{}, false
		}
		value.Quo(value, by)
	}
	f.value = value
	return f, true
}

// near reports whether one number may be the other, rounded or scaled.
func (f figure) near(g figure) bool {
	// A fraction has no decimals, and never is the rounded one.
	for _, d := range []int{f.decimals, g.decimals} {
		if f.value.FloatString(d) == g.value.FloatString(d) {
			return true
		}
	}
	if f.value.Sign() == 0 || g.value.Sign() == 0 {
		return false
	}
	ratio := new(big.Rat).Quo(f.value, g.value)
	ten := big.NewRat(10, 1)
	powers := []*big.Rat{}
	for p, n := big.NewRat(1, 1), 0; n < 12; n++ {
		p = new(big.Rat).Mul(p, ten)
		powers = append(powers, p, new(big.Rat).Inv(p))
	}
	return slices.ContainsFunc(powers, func(p *big.Rat) bool { return p.Cmp(ratio) == 0 })
}
