package jobs

import (
	"fmt"
	"strings"
	"testing"

	"seedbed/extract"
)

// Documents are held as long as there is room.
func TestDocumentsHeld(t *testing.T) {
	var d documents
	loaded := map[string]int{}
	get := func(sum string, size int) {
		t.Helper()
		doc, err := d.get(sum, func() (*extract.Document, error) {
			loaded[sum]++
			if size < 0 {
				return nil, fmt.Errorf("there is no %s", sum)
			}
			return &extract.Document{Text: strings.Repeat("x", size)}, nil
		})
		if (err != nil) != (size < 0) || err == nil && len(doc.Text) != size {
			t.Errorf("get %s gives a document of %d bytes, %v; want %d", sum, len(doc.Text), err, size)
		}
	}
	room := func() (sum int) {
		for _, h := range d.held {
			sum += len(h.doc.Text)
		}
		return sum
	}
	for range 2 {
		for i := range 10 {
			get(fmt.Sprint(i), documentsHeld/10)
		}
		get("gone", -1)
	}
	for sum, n := range loaded {
		if want := map[bool]int{true: 2, false: 1}[sum == "gone"]; n != want {
			t.Errorf("%s is loaded %d times; want %d", sum, n, want)
		}
	}
	get("half", documentsHeld/2)
	if n := room(); n > documentsHeld || n < documentsHeld*9/10 {
		t.Errorf("with one of half the room %d bytes are held; want nearly %d", n, documentsHeld)
	}
	get("huge", 2*documentsHeld)
	get("huge", 2*documentsHeld)
	if n := room(); n != 2*documentsHeld || loaded["huge"] != 1 {
		t.Errorf("with one larger than the room %d bytes are held, and it is loaded %d times; want it alone, and once", n, loaded["huge"])
	}
}
