package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seedbed/internal/seedbed"
)

// Whatever is uploaded, the server stays up, the other files go on, and the
// source says in words what is wrong.
func TestBadInput(t *testing.T) {
	big := 100 << 20
	if raceDetector || testing.Short() {
		big = 4 << 20
	}
	server := startProgram(t, t.TempDir())
	for _, c := range []struct {
		name string
		body []byte
		code string // "" where it can be read after all
		says string // part of the reason, of a warning, or of a skipped passage's
	}{
		{name: "empty.md", code: seedbed.Invalid, says: "empty"},
		{name: "book.pdf", body: []byte("# Not a PDF\n\nIt only has the name of one, and is read as what it is.\n")},
		{name: "photo.jpg", body: jpeg(), code: seedbed.Unreadable, says: "can be read"},
		{name: "locked.pdf", body: testdata(t, "aes256.pdf"), code: seedbed.Encrypted, says: "password"},
		{name: "locked-old.pdf", body: testdata(t, "rc4.pdf"), code: seedbed.Encrypted, says: "password"},
		{name: "scan.pdf", body: scan(), code: seedbed.NoText, says: "OCR"},
		{name: "torn.zip", body: zipped(t, "README.md", "# Torn\n\nThe end of this archive is missing.\n")[:60], code: seedbed.Unreadable, says: "torn.zip"},
		{name: "escape.zip", body: zipped(t, "../evil.md", "# Evil\n\nOut of the folder.\n", "/etc/evil.md", "# Evil\n\nAbsolute.\n", "README.md", "# Good\n\nThis one may stay.\n")},
		{name: "links.tar.gz", body: linked(t)},
		{name: "line.txt", body: bytes.Repeat([]byte("word after word and never an end of line "), big/41)},
		{name: "latin1.txt", body: []byte("Caf\xe9 au lait, gar\xe7on: une phrase enti\xe8re en fran\xe7ais, d\xe9j\xe0 vue.\n")},
		{name: "broken.md", body: []byte("# Broken \xff\xfe bytes\n\nStill a text \xc3\x28 that has to be kept.\n")},
		{name: "hex.pdf", body: pdfOf("BT /F1 12 Tf 10 100 Td <48656C6C6F Tj ET"), code: seedbed.NoText, says: "empty"},
		{name: "cycle.pdf", body: kidsCycle(), code: seedbed.Unreadable, says: "damaged"},
		{name: "huge-xref.pdf", body: hugeXref(), code: seedbed.Unreadable, says: "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := server.as(t)
			up := p.upload(url.Values{"collection": {t.Name()}}, file{c.name, c.body})
			if len(up.Sources) != 1 {
				t.Fatalf("upload: %d sources, want 1", len(up.Sources))
			}
			s := p.settled(up.Sources[0].ID)
			switch {
			case s.State == seedbed.SourceFailed:
				if s.Error.Code != c.code {
					t.Errorf("failed with %s, want %q: %s", s.Error.Code, c.code, s.Error.Message)
				}
				if !strings.Contains(s.Error.Message, c.name) || !strings.Contains(s.Error.Message, c.says) {
					t.Errorf("the reason %q does not name %s or say %q", s.Error.Message, c.name, c.says)
				}
				if page := p.page("/sources/" + s.ID); !strings.Contains(page, html.EscapeString(s.Error.Message)) {
					t.Errorf("the source's page does not say %q", s.Error.Message)
				}
			case c.code != "":
				t.Errorf("%s, want failed with %s", s.State, c.code)
			case s.Passages+s.Skipped == 0:
				t.Errorf("ready with no passages: an empty success")
			}
			if strings.Contains(c.name, ".zip") || strings.Contains(c.name, ".tar") {
				if s.State != seedbed.SourceReady {
					return
				}
				text := p.text(s.ID)
				if strings.Contains(text, "Evil") || strings.Contains(text, "root:") {
					t.Error("a file from outside the archive's folder was read")
				}
				if !strings.Contains(text, "This one may stay.") {
					t.Error("the archive's good file was lost")
				}
			}
		})
	}

	up := server.upload(nil, examples(t, "chapter.md")...)
	if r := server.until(up.Runs[0].ID, ended); r.State != seedbed.RunDone || r.Seeds == 0 {
		t.Errorf("a good file after all the bad ones: %s with %d seeds", r.State, r.Seeds)
	}
}

// settled waits until a source is read, or cannot be.
func (p *program) settled(id string) seedbed.Source {
	p.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		var s seedbed.Source
		p.get("/api/v1/sources/"+id, &s)
		if s.State == seedbed.SourceReady || s.State == seedbed.SourceFailed {
			return s
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("source %s is still %s after 3 minutes", s.Name, s.State)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// as is the same program with its failures told to t.
func (p *program) as(t *testing.T) *program {
	q := *p
	q.t = t
	return &q
}

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "extract", "read", "pdf", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func zipped(t *testing.T, namesAndTexts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(namesAndTexts); i += 2 {
		f, err := w.Create(namesAndTexts[i])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte(namesAndTexts[i+1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// linked is an archive with a link out of it, one to itself, and a file.
func linked(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	text := "# Good\n\nThis one may stay.\n"
	for _, h := range []*tar.Header{
		{Name: "secret.md", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
		{Name: "README.md", Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o644},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpeg() []byte {
	return append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"), bytes.Repeat([]byte{0x80, 0, 0x7f}, 500)...)
}

// pdfOf is a PDF of one page with the given content stream.
func pdfOf(content string) []byte {
	return objects(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
	)
}

// scan is a page with a picture and no text.
func scan() []byte {
	draw := "q 200 0 0 200 0 0 cm /Im Do Q"
	return objects(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << /XObject << /Im 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(draw), draw),
		"<< /Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 4 >>\nstream\n\x00\x7f\x7f\x00\nendstream",
	)
}

// kidsCycle is a page tree that is its own child.
func kidsCycle() []byte {
	return objects(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [2 0 R] /Count 1 >>",
	)
}

func objects(bodies ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	at := make([]int, len(bodies))
	for i, body := range bodies {
		at[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(bodies)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(bodies)+1, table)
	return b.Bytes()
}

// hugeXref says, in less than 150 bytes, that it has a milliard objects.
func hugeXref() []byte {
	return []byte("%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1000000000 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n")
}
