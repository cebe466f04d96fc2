package pdf

import (
	"strings"
	"testing"
)

// A font that does not say which letters it shows may show them all the same.
func TestIsGarbledWhereFontsAreSilent(t *testing.T) {
	shift := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == ' ' {
				return r
			}
			return r - 29
		}, s)
	}
	for _, c := range []struct {
		text    string
		garbled bool
	}{
		{"Termin płatności: 2021-05-03 Metoda płatności: przelew", false},
		{"01/14/2016 Transfer 1,406,164.00 1,406,246.50", false},
		{"0.15 0.30 0.45 0.60 0.75 0.90 1.00 64 128 192 256", false},
		{shift("Termin of the payment and the method of transfer"), true},
		{shift("the method of transfer is a matter of the payer alone"), true},
		{"3HQČåQtSURVWĜHGN QD~þWHFK XNi]NRYê", true},
	} {
		var gs []glyph
		for _, r := range c.text {
			gs = append(gs, glyph{r: r, size: 10, odd: r != ' '})
		}
		if got := isGarbled(gs); got != c.garbled {
			t.Errorf("isGarbled(%q) = %t, want %t", c.text, got, c.garbled)
		}
	}
}
