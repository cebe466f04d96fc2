package zipxml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func open(t testing.TB, src string) *Archive {
	t.Helper()
	data := readtest.Pack(t, src)
	a, err := Open(bytes.NewReader(data), int64(len(data)), "x.zip")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// blank is more than a decoder reads at once.
var blank = strings.Repeat(" ", 10_000)

var small = "-- a.xml --\n<w:a xmlns:w=\"http://example.org/wordprocessingml\"><w:b k=\"1\">x<w:c>y</w:c></w:b><w:wrap><w:d>z</w:d></w:wrap>" + blank + "</w:a>\n" +
	"-- _rels/a.xml.rels --\n<R><R Id=\"1\" Type=\"x/y/notes\" Target=\"b/../n.xml\"/><R Id=\"2\" Type=\"x\" TargetMode=\"External\" Target=\"http://example.org\"/></R>"

func TestEach(t *testing.T) {
	a := open(t, small)
	var got []string
	err := a.Each("a.xml", "w:a", []string{"w:wrap"}, func(n *Node) error {
		got = append(got, strings.TrimSpace(n.Name+" "+n.Get("k")+" "+n.Words()))
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[w:b 1 xy w:d  z]" {
		t.Errorf("Each gives %q, %v", got, err)
	}
	if r := a.Relations("a.xml"); len(r) != 1 || r["1"] != (Relation{"notes", "n.xml"}) {
		t.Errorf("Relations = %v", r)
	}
}

// What all files together unpack to is bounded, whatever each one has.
func TestLimit(t *testing.T) {
	a := open(t, small)
	a.total = maxTotal - 10
	if _, err := a.Tree("a.xml"); !errors.Is(err, readerr.ErrTooLarge) {
		t.Errorf("error %v, want %v", err, readerr.ErrTooLarge)
	}
}
