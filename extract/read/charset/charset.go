// Package charset turns bytes in whatever encoding into text.
package charset

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"seedbed/extract/read/readerr"
)

// MaxSize is how many bytes of a text file are read.
const MaxSize = 256 << 20

// ReadAll reads r to its end and decodes it, see [Decode].
func ReadAll(r io.Reader, name string) (string, []string, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > MaxSize {
		return "", nil, fmt.Errorf("read %s: %w: a text file may have %d MB; split it and upload the parts", name, readerr.ErrTooLarge, MaxSize>>20)
	}
	s, warnings, err := Decode(data, "")
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", name, err)
	}
	return s, warnings, nil
}

// Decode returns data as valid UTF-8 without a byte order mark, with "\n" for
// every line end. A byte order mark decides the encoding, then UTF-8 if the
// bytes are that, then declared (the name of an encoding, "" if the file
// states none), then the frequencies of the bytes. The warnings say what was
// guessed and what had to be replaced by U+FFFD.
//
// Data that is no text, or only white space, is an error.
func Decode(data []byte, declared string) (string, []string, error) {
	if len(data) == 0 {
		return "", nil, readerr.ErrEmpty
	}
	s, warnings, err := decode(data, declared)
	if err != nil {
		return "", nil, err
	}
	if strings.TrimSpace(s) == "" {
		return "", nil, fmt.Errorf("%w: it has only white space", readerr.ErrEmpty)
	}
	return lineFeeds(s), warnings, nil
}

// IsText reports whether data, perhaps only the start of a file, can be
// decoded to text.
func IsText(data []byte) bool {
	return marked(data) != nil || utf16Without(data) != nil || !binary(data)
}

func decode(data []byte, declared string) (string, []string, error) {
	if enc := marked(data); enc != nil {
		return convert(data, enc)
	}
	if enc := utf16Without(data); enc != nil {
		return convert(data, enc)
	}
	if binary(data) {
		return "", nil, fmt.Errorf("%w: it has control bytes that no text has; %s can be read", readerr.ErrUnsupported, readerr.Formats)
	}
	if utf8.Valid(data) {
		return clean(string(data), nil)
	}
	if bad, multi := countUTF8(data); multi > 10*bad {
		return clean(string(data), []string{fmt.Sprintf("%d places are not UTF-8 and were replaced by U+FFFD", bad)})
	}
	if enc, err := htmlindex.Get(declared); err == nil {
		return convert(data, enc)
	}
	name, enc := guess(data)
	s, warnings, err := convert(data, enc)
	return s, append([]string{"encoding guessed: " + name}, warnings...), err
}

// marked is the encoding that data's byte order mark names, nil without one.
func marked(data []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return unicode.UTF8BOM
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}):
		return utf32.UTF32(utf32.BigEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	}
	return nil
}

// utf16Without recognises UTF-16 without a mark by its zero bytes: Latin
// letters have one at every second place and none at the others.
func utf16Without(data []byte) encoding.Encoding {
	head := data[:min(len(data), 64<<10)&^1]
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	switch pairs := len(head) / 2; {
	case pairs < 8: // too short to tell
	case zeros[1] > pairs/3 && zeros[0] <= pairs/100:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros[0] > pairs/3 && zeros[1] <= pairs/100:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// binary reports whether more than one byte in 500 is a control that text
// does not use.
func binary(data []byte) bool {
	n := 0
	for _, c := range data {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' && c != '\f' && c != '\v' && c != 0x1b && c != 0x08 && c != 0x1a {
			n++
		}
	}
	return n*500 > len(data)
}

// countUTF8 counts the places in data that are not UTF-8 and the characters of
// several bytes.
func countUTF8(data []byte) (bad, multi int) {
	good := true
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			if good {
				bad++
			}
			good = false
		} else {
			good = true
			if n > 1 {
				multi++
			}
		}
		data = data[n:]
	}
	return bad, multi
}

// guess names the likeliest encoding of data, Windows-1252 if nothing is
// likely.
func guess(data []byte) (string, encoding.Encoding) {
	sample := data
	if i := bytes.IndexFunc(data, func(r rune) bool { return r >= utf8.RuneSelf }); i > 0 {
		sample = data[max(0, i-1024):]
	}
	sample = sample[:min(len(sample), 128<<10)]
	results, err := chardet.NewTextDetector().DetectAll(sample)
	if err != nil {
		results = nil
	}
	for _, r := range results {
		name := strings.ToLower(r.Charset)
		if name == "gb-18030" { // a spelling only the detector uses
			name = "gb18030"
		}
		enc, err := htmlindex.Get(name)
		if err != nil || strings.HasPrefix(name, "utf") || r.Confidence < 10 {
			continue
		}
		out, err := enc.NewDecoder().Bytes(sample)
		// A sample may end within a character.
		if err == nil && bytes.Count(out, []byte("\uFFFD")) <= 1 {
			return name, enc
		}
	}
	return "windows-1252", charmap.Windows1252
}

func convert(data []byte, enc encoding.Encoding) (string, []string, error) {
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return "", nil, fmt.Errorf("%w: decode text: %w", readerr.ErrCorrupt, err)
	}
	var warnings []string
	if n := bytes.Count(out, []byte("\uFFFD")) - bytes.Count(data, []byte("\uFFFD")); n > 0 {
		warnings = append(warnings, fmt.Sprintf("%d characters could not be decoded and were replaced by U+FFFD", n))
	}
	return clean(string(out), warnings)
}

// clean replaces what is not UTF-8, and zero bytes, which databases refuse.
func clean(s string, warnings []string) (string, []string, error) {
	s = strings.TrimPrefix(s, "\uFEFF")
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if n := strings.Count(s, "\x00"); n > 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
		warnings = append(warnings, fmt.Sprintf("%d zero bytes were replaced by U+FFFD", n))
	}
	return s, warnings, nil
}

// lineFeeds turns "\r\n" into "\n", and "\r" too where a file knows no other
// line end, so that one line of the file is one line of the text.
func lineFeeds(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	if !strings.Contains(s, "\n") {
		return strings.ReplaceAll(s, "\r", "\n")
	}
	return strings.ReplaceAll(s, "\r\n", "\n")
}
