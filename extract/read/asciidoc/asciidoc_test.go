package asciidoc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract/read/asciidoc"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

const tides = `= On Tides
Ada Example <ada@example.org>
:toc:

The *sea* rises; see <<sun,the sun>> and https://example.org[a page].
It falls too. // no comment

[[sun]]
== Causes

* the _moon_
** full
. first

Spring tide:: both pull.

.A program
[source,go]
----
rise() // <1>
----

|===
|Port |Height

|Brest
|6 m
|===

NOTE: Mind the wind.

////
not told
////
include::/etc/passwd[]
`

func Example() {
	d, err := asciidoc.Read(context.Background(), strings.NewReader(tides), "tides.adoc")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Authors)
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Lines, b.Text)
	}
	// Output:
	// [Ada Example]
	// heading [1 1] On Tides
	// paragraph [5 6] The sea rises; see the sun and a page. It falls too. // no comment
	// heading [9 9] Causes
	// item [11 11] - the moon
	// item [12 12]   - full
	// item [13 13] 1. first
	// item [15 15] Spring tide: both pull.
	// caption [17 17] A program
	// code [20 20] rise()
	// table [24 27] | Port | Height |
	// | --- | --- |
	// | Brest | 6 m |
	// paragraph [30 30] NOTE: Mind the wind.
}

func TestBadInput(t *testing.T) {
	const n = 1 << 16
	for src, want := range map[string]error{
		"": readerr.ErrEmpty, "// only\n": readerr.ErrNoText, "|===\n": readerr.ErrNoText,
		strings.Repeat("----\n", n/5): readerr.ErrNoText, strings.Repeat("*a", n/2): nil, strings.Repeat("`", n): readerr.ErrNoText, strings.Repeat("* ", n/2) + "x": nil,
		strings.Repeat("|===\n|a\n", n/8): nil, strings.Repeat("a::\n", n/4): nil, strings.Repeat("[[", n/2) + "x": nil, strings.Repeat("<<a", n/3): nil, strings.Repeat("http://", n/7): nil, tides: nil,
	} {
		d, err := asciidoc.Read(t.Context(), strings.NewReader(src), "x.adoc")
		if !errors.Is(err, want) {
			t.Errorf("Read(%.20q): error %v, want %v", src, err, want)
		}
		if err == nil {
			readtest.Check(t, d)
		}
	}
}

// TestTwoLineTitles checks the older form of titles, whose underlines look
// like fences.
func TestTwoLineTitles(t *testing.T) {
	const src = "tides(7)\n========\n\nNAME\n----\ntides - when the sea rises\n\nCauses\n~~~~~~\nThe moon pulls.\n\n----\nrise()\n----\n\nA line that is much longer than its rule\n----\nfall()\n----\n"
	d, err := asciidoc.Read(t.Context(), strings.NewReader(src), "x.adoc")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range d.Blocks {
		got = append(got, fmt.Sprint(b.Kind, " ", b.Level, " ", b.Text))
	}
	want := []string{"heading 1 tides(7)", "heading 2 NAME", "paragraph 0 tides - when the sea rises", "heading 3 Causes", "paragraph 0 The moon pulls.", "code 0 rise()", "paragraph 0 A line that is much longer than its rule", "code 0 fall()"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
}
