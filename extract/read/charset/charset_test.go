package charset_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
)

func Example() {
	text, warnings, err := charset.Decode([]byte("caf\xe9 au lait, d\xe9j\xe0 vu, na\xefve et tr\xe8s fran\xe7ais\r\n"), "iso-8859-1")
	fmt.Printf("%q %v %v\n", text, warnings, err)
	// Output: "café au lait, déjà vu, naïve et très français\n" [] <nil>
}

func TestDecode(t *testing.T) {
	long := strings.Repeat("a line of text\n", 1000)
	for _, c := range []struct {
		name, data, declared string
		want                 string
		warnings             int
	}{
		{"mark beats declared", "\xef\xbb\xbfü", "windows-1252", "ü", 0},
		{"UTF-8 beats declared", "ü", "windows-1252", "ü", 0},
		{"declared", "\xcf\xf0\xe8", "windows-1251", "При", 0},
		{"UTF-32", "\xff\xfe\x00\x00\x61\x00\x00\x00", "", "a", 0},
		{"line ends", "a\r\nb\nc\rd", "", "a\nb\nc\rd", 0},
		{"old line ends", "a\rb", "", "a\nb", 0},
		{"stray zero", long + "\x00", "", long + "\uFFFD", 1},
		{"odd UTF-16", "\xff\xfea\x00b", "", "a\uFFFD", 1},
		{"lone surrogate", "\xfe\xff\xd8\x00\x00a", "", "\uFFFDa", 1},
	} {
		got, warnings, err := charset.Decode([]byte(c.data), c.declared)
		if err != nil || got != c.want || len(warnings) != c.warnings {
			t.Errorf("%s: Decode = %.40q, %q, %v; want %.40q and %d warnings", c.name, got, warnings, err, c.want, c.warnings)
		}
	}
	for data, want := range map[string]error{"": readerr.ErrEmpty, "\xff\xfe": readerr.ErrEmpty, "a\x00\x01": readerr.ErrUnsupported} {
		if _, _, err := charset.Decode([]byte(data), ""); !errors.Is(err, want) {
			t.Errorf("Decode(%q): error %v, want %v", data, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("text"), "")
	f.Add([]byte("\xff\xfea\x00"), "utf-16")
	f.Add([]byte("\x82\xa0\x82\xa2"), "shift_jis")
	f.Fuzz(func(t *testing.T, data []byte, declared string) {
		s, _, err := charset.Decode(data, declared)
		if err == nil && (s != strings.ToValidUTF8(s, "") || strings.Contains(s, "\x00") || strings.Contains(s, "\r\n")) {
			t.Fatalf("Decode(%q, %q) = %q", data, declared, s)
		}
	})
}
