// Package static holds the files that pages load: the style sheet, the scripts
// and the icon. Nothing is fetched from elsewhere.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed *.css *.js *.svg
var files embed.FS

// An asset is one file, ready to send.
type asset struct {
	name      string
	mediaType string
	etag      string
	body      []byte
	gzipped   func() []byte // made at the first request: starting stays fast
}

// Prefix is where [Handler] is to be mounted.
const Prefix = "/static/"

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assets holds every file twice: by its name, and by its name with the hash of
// its content, whose answer never changes.
var assets = sync.OnceValue(func() map[string]*asset {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the binary
	}
	out := map[string]*asset{}
	for _, e := range entries {
		body, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(e.Name())
		a := &asset{
			name:      strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext,
			mediaType: mediaTypes[ext],
			etag:      `"` + hex.EncodeToString(sum[:6]) + `"`,
			body:      body,
			gzipped:   sync.OnceValue(func() []byte { return compress(body) }),
		}
		out[e.Name()] = a
		out[a.name] = a
	}
	return out
})

func compress(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(body)                                  // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// URL is the address of a file. It changes with the file's content, so that
// browsers may keep what they have for ever. An unknown name panics.
func URL(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("static: there is no " + name)
	}
	return Prefix + a.name
}

// Handler serves the files below [Prefix], compressed where the client takes it.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, Prefix)
		a, ok := assets()[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.mediaType)
		h.Set("Vary", "Accept-Encoding")
		h.Set("ETag", a.etag)
		if name == a.name {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			h.Set("Cache-Control", "no-cache")
		}
		if r.Header.Get("If-None-Match") == a.etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body := a.body
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.gzipped()
		}
		_, _ = w.Write(body) // the client may have gone
	})
}
