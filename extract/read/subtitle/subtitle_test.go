package subtitle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
	"seedbed/extract/read/subtitle"
)

func Example() {
	src := `WEBVTT

NOTE not said

1
00:01.000 --> 00:02.500 align:start
<v Ada>The <i>tide</i>
rises

2
00:02.600 --> 00:04.000
<v Ada>twice &amp; falls.

3
00:09.000 --> 00:10.000
<v Bo>Why?
`
	d, err := subtitle.Read(context.Background(), strings.NewReader(src), "talk.vtt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range d.Blocks {
		fmt.Println(b.Lines, b.Text)
	}
	// Output:
	// [7 12] Ada: The tide rises twice & falls.
	// [16 16] Bo: Why?
}

func TestRead(t *testing.T) {
	for src, want := range map[string]string{
		"1\r\n00:00:01,000 --> 00:00:02,000\r\nOne\r\ntwo.\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n{\\an8}Three.\r\n": "One two. Three.\n",
		"1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n2\n00:01:03,000 --> 00:01:04,000\nTwo.\n":                               "One.\nTwo.\n",
		"1\n00:00:01,000 --> 00:00:02,000\nsame\n\n2\n00:00:02,000 --> 00:00:03,000\nsame\nnew 3 < 4\n":                    "same new 3 < 4\n",
		"1\n00:00:01,000 --> 00:00:02,000\n- Who?\n- Me.\n":                                                                "Who?\nMe.\n",
	} {
		d, err := subtitle.Read(t.Context(), strings.NewReader(src), "x.srt")
		if err != nil {
			t.Errorf("Read(%q): %v", src, err)
			continue
		}
		readtest.Check(t, d)
		if got := readtest.Blocks(d); got != want || !subtitle.Is(src) {
			t.Errorf("Read(%q) = %q, want %q; Is = %v", src, got, want, subtitle.Is(src))
		}
	}
}

func TestBadInput(t *testing.T) {
	for src, want := range map[string]error{"": readerr.ErrEmpty, "words": readerr.ErrNoText, "WEBVTT\n\n99:99:99.999 --> x\n": readerr.ErrNoText, strings.Repeat("1 --> ", 50_000): readerr.ErrNoText} {
		if _, err := subtitle.Read(t.Context(), strings.NewReader(src), "x.srt"); !errors.Is(err, want) {
			t.Errorf("Read(%.40q): error %v, want %v", src, err, want)
		}
	}
}
