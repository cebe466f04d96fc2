package man_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"seedbed/extract/read/man"
	"seedbed/extract/read/readerr"
	"seedbed/extract/read/readtest"
)

func Example() {
	src := `.\" a comment
.TH TIDE 1
.SH NAME
tide \- tell the tide
.SH OPTIONS
.TP
.BR \-p ", " \-\-port
The
.I port
to tell it for.
.EX
$ tide \-p Brest
.EE
`
	d, err := man.Read(context.Background(), strings.NewReader(src), "tide.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Title)
	for _, b := range d.Blocks {
		fmt.Println(b.Kind, b.Lines, b.Text)
	}
	// Output:
	// tide(1)
	// heading [3 3] NAME
	// paragraph [4 4] tide - tell the tide
	// heading [5 5] OPTIONS
	// item [7 10] -p, --port: The port to tell it for.
	// code [12 12] $ tide -p Brest
}

func TestMdoc(t *testing.T) {
	src := ".Dd today\n.Dt TIDE 1\n.Sh NAME\n.Nm tide\n.Nd tell the tide\n.Sh SYNOPSIS\n.Nm\n.Op Fl p Ar port\n.Bl -tag\n.It Fl p\nThe port.\n.El\n"
	d, err := man.Read(t.Context(), strings.NewReader(src), "x.1")
	if err != nil {
		t.Fatal(err)
	}
	readtest.Check(t, d)
	if got, want := readtest.Blocks(d), "NAME\ntide — tell the tide\nSYNOPSIS\ntide [-p port]\n-p: The port.\n"; got != want {
		t.Errorf("blocks %q, want %q", got, want)
	}
}

func TestBadInput(t *testing.T) {
	for src, want := range map[string]error{"": readerr.ErrEmpty, ".so man1/other.1\n": readerr.ErrNoText, strings.Repeat(".TP\n", 10_000): readerr.ErrNoText, strings.Repeat(`.B "`, 10_000): nil, strings.Repeat(`\`, 10_001): nil} {
		d, err := man.Read(t.Context(), strings.NewReader(src), "x.1")
		if !errors.Is(err, want) {
			t.Errorf("Read(%.20q): error %v, want %v", src, err, want)
		}
		if err == nil {
			readtest.Check(t, d)
		}
	}
}
