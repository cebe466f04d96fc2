package pdf

import "testing"

func TestSane(t *testing.T) {
	for title, want := range map[string]bool{
		"Advanced Methods for Record Linkage":         true,
		`C:\wp\FILE94\ASA\MT_r1.wpd [PFP#1181003885]`: false,
		`D:\theses\final`:                             false,
		"minutes.wpd":                                 false,
		"Microsoft Word - thesis":                     false,
		"Été: a novel":                                true,
		"Go":                                          false,
		"1994":                                        false,
		"document":                                    false,
	} {
		if got := sane(title); got != want {
			t.Errorf("sane(%q) = %v", title, got)
		}
	}
}
