package search

import (
	"slices"
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for value, want := range map[string]string{
		``: `""`, `a b`: `"a b"`, `it's`: `"it's"`, `"`: `"\""`, `\`: `"\\"`, `\"`: `"\\\""`, `"] OR gone = true`: `"\"] OR gone = true"`,
	} {
		if got := quote(value); got != want {
			t.Errorf("quote(%s) = %s, want %s", value, got, want)
		}
	}
	if got, want := oneOf("tag", []string{"go", `"] OR gone = true`}), `tag IN ["go", "_22_5d_20_4f_52_20gone_20_3d_20true"]`; got != want {
		t.Errorf("oneOf = %s, want %s", got, want)
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "go", "Go", "a_b", "_", "_5f", ".", "é", "e\u0301", "\xff", strings.Repeat("A", 101), strings.Repeat("a", 301)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k := key(s)
		if len(k) > maxKey || k != strings.ToLower(k) || strings.ContainsAny(k, "\" \\'[],") {
			t.Errorf("key(%q) = %q", s, k)
		}
		if back, ok := value(k); ok && back != s || !ok && len(s) <= maxKey/3 {
			t.Errorf("value(key(%q)) = %q, %v", s, back, ok)
		}
		if d := (meiliDocument{ID: documentID(s)}); d.seedID() != s {
			t.Errorf("the document of seed %q has the id %q", s, d.ID)
		}
	})
}

func TestMeiliHighlight(t *testing.T) {
	brackets := strings.NewReplacer("[", "\uE000", "]", "\uE001", "|", meiliCut)
	back := strings.NewReplacer("\uE000", "[", "\uE001", "]", meiliCut, "|")
	for marked, want := range map[string]string{
		"no mark":                   "",
		"":                          "",
		"the [deriv]ative":          "the [derivative]",
		"[deriv]ative, [int]egral":  "[derivative], [integral]",
		"[机器]学习":                    "[机器]学习",
		"[机][器]学习":                  "[机][器]学习",
		"|of the [word] here|":      "…of the [word] here…",
		"|of the [word]":            "…of the [word]",
		"[]empty, ]odd, [left open": "",
		"[read]_file":               "[read]_file",
		"[caf]e\u0301 x":            "[cafe\u0301] x",
		"[a][b]":                    "[a][b]",
	} {
		got, ok := meiliHighlight(brackets.Replace(marked), 240)
		if got = back.Replace(got); got != want || ok != (want != "") {
			t.Errorf("meiliHighlight(%s) = %q, %v, want %q", marked, got, ok, want)
		}
	}
}

func TestOlderThan(t *testing.T) {
	versions := []string{"0.30.5", "1.2.0", "1.9.9", "1.49.12", "1.50.0", "1.50.1", "1.53.0", "2.0.0"}
	for i, v := range versions {
		if got, want := olderThan(v, meiliOldest), i < slices.Index(versions, meiliOldest); got != want {
			t.Errorf("olderThan(%s, %s) = %v, want %v", v, meiliOldest, got, want)
		}
	}
}

func TestMeiliQuery(t *testing.T) {
	for query, want := range map[string]string{
		`“integral of” «x» -„y”`: `"integral of" "x" -"y"`,
		"a\x00b\nc ":             "a b c ",
		"\uE000a\uE002":          "a",
		"\xff":                   "\uFFFD",
		"word ":                  "word ", // finished
	} {
		if got := meiliQuery(query); got != want {
			t.Errorf("meiliQuery(%q) = %q, want %q", query, got, want)
		}
	}
	if got := meiliQuery(strings.Repeat("学", 5000)); len(got) != 3*maxMeiliQuery {
		t.Errorf("a long query is sent with %d bytes", len(got))
	}
}
