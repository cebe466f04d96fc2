package readtest

import (
	"archive/zip"
	"bytes"
	"testing"

	"golang.org/x/tools/txtar"
)

// Pack makes a zip archive of the files of a txtar archive.
func Pack(t testing.TB, src string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range txtar.Parse([]byte(src)).Files {
		w, err := z.Create(f.Name)
		if err == nil {
			_, err = w.Write(bytes.TrimSuffix(f.Data, []byte("\n")))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
