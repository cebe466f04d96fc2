package html

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
)

// IsArchive reports whether head begins a page saved with its pictures in one
// file, as browsers and Word do (.mhtml, .mht).
func IsArchive(head []byte) bool {
	m, err := mail.ReadMessage(afterEmpty(bytes.NewReader(head)))
	return err == nil && strings.HasPrefix(strings.ToLower(m.Header.Get("Content-Type")), "multipart/related")
}

// Archive reads the page of such a file: the first of its parts that is one.
// Whole reads it with everything around its article.
func Archive(ctx context.Context, r io.Reader, name string, whole bool) (*extract.Document, error) {
	page, err := pageOf(io.LimitReader(r, maxArchive))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: the saved page cannot be unpacked (%v); save it again, or as HTML or PDF", name, readerr.ErrCorrupt, err)
	}
	return document(bytes.NewReader(page), name, whole)
}

// maxArchive bounds a page with its pictures.
const maxArchive = 256 << 20

var errNoPage = errors.New("it has no page")

func pageOf(r io.Reader) ([]byte, error) {
	m, err := mail.ReadMessage(afterEmpty(r))
	if err != nil {
		return nil, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, errNoPage
		}
		if err != nil {
			return nil, err
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/html", "application/xhtml+xml":
			var body io.Reader = part // quoted-printable is undone already
			if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
				body = base64.NewDecoder(base64.StdEncoding, part)
			}
			return io.ReadAll(io.LimitReader(body, maxSize+1))
		}
	}
}

// afterEmpty skips the empty lines that some begin with, and a byte order mark.
func afterEmpty(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	for {
		c, err := b.ReadByte()
		if err != nil {
			return b
		}
		if !bytes.Contains([]byte("\r\n\xef\xbb\xbf"), []byte{c}) {
			_ = b.UnreadByte()
			return b
		}
	}
}
