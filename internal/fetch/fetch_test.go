package fetch

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/internal/fetch/fetchtest"
	"seedbed/internal/seedbed"
)

func entries(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeXGlobalHeader:
			out["commit"] = h.PAXRecords["comment"]
		case tar.TypeSymlink:
			out[h.Name] = "-> " + h.Linkname
		default:
			out[h.Name] = string(data)
		}
	}
}

func TestRepository(t *testing.T) {
	root := fetchtest.Project(t)
	work := filepath.Join(root, "pile")
	srv, sent := fetchtest.Serve(t, root)
	newest := map[string]string{
		"commit": fetchtest.Git(t, work, "rev-parse", "main"), "pile/README.md": "# Pile\n", "pile/src/pile.go": "package pile\n", "pile/link": "-> ../../etc/passwd",
	}
	oldest := map[string]string{"commit": fetchtest.Git(t, work, "rev-parse", "v1^{}"), "pile/README.md": "# Old\n"}
	bytesOf := map[string][]byte{}
	for _, c := range []struct {
		path string
		want map[string]string
	}{
		{"/pile.git", newest}, {"/pile.git/", newest}, {"/pile.git#other", newest}, {"/pile.git#v1", oldest}, {"/pile.git?x=y#main", newest},
	} {
		got, err := To(t.Context(), Options{Local: true}, srv.URL+c.path, t.TempDir())
		if err != nil {
			t.Errorf("To(%s): %v", c.path, err)
			continue
		}
		if want := "pile-" + c.want["commit"][:12] + ".tar"; got.Name != want || got.Commit != c.want["commit"] {
			t.Errorf("To(%s) = %+v, want name %s, commit %s", c.path, got, want, c.want["commit"])
		}
		if diff := cmp.Diff(c.want, entries(t, got.Path)); diff != "" {
			t.Errorf("To(%s) (-want +got):\n%s", c.path, diff)
		}
		data, err := os.ReadFile(got.Path)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := bytesOf[got.Commit]; ok && !bytes.Equal(before, data) {
			t.Errorf("To(%s): other bytes for the same commit", c.path)
		}
		bytesOf[got.Commit] = data
	}

	*sent = nil
	dir := t.TempDir()
	got, err := To(t.Context(), Options{Local: true}, strings.Replace(srv.URL, "//", "//me:secret@", 1)+"/pile.git", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret"))
	for _, h := range *sent {
		if h != want {
			t.Errorf("the host was sent %q, want %q", h, want)
		}
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("secret")) {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil || strings.Contains(got.Name, "secret") {
		t.Errorf("To = %+v, %v", got, err)
	}

	fetchtest.Git(t, root, "init", "-q", "--bare", "empty.git")
	for path, opts := range map[string]Options{
		"/empty.git": {Local: true}, "/none.git": {Local: true}, "/pile.git#none": {Local: true},
	} {
		if _, err := To(t.Context(), opts, srv.URL+path, t.TempDir()); seedbed.CodeOf(err) != seedbed.Invalid {
			t.Errorf("To(%s): %v, want code %s", path, err, seedbed.Invalid)
		}
	}
	if _, err := To(t.Context(), Options{Local: true, MaxBytes: 200}, srv.URL+"/pile.git", t.TempDir()); seedbed.CodeOf(err) != seedbed.TooLarge {
		t.Errorf("To with a limit of 200 bytes: %v, want code %s", err, seedbed.TooLarge)
	}
}

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fc00::1": false, "224.0.0.1": false, "ff02::1": false, "100.64.0.1": false, "255.255.255.255": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "198.18.0.1": false,
		"8.8.8.8": true, "2606:4700::1111": true, "172.32.0.1": true, "::ffff:8.8.8.8": true,
	} {
		if got := public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("public(%s) = %t, want %t", addr, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	secret := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the local server was asked") }))
	defer secret.Close()
	port := secret.URL[strings.LastIndex(secret.URL, ":"):]
	for _, address := range []string{
		"", "x", "/etc/passwd", "file:///etc/passwd", "git@host:a/b.git", "ssh://host/a", "git://host/a", "ftp://host/a", "http://host/a", "https://", "https:///a", "gopher://x/",
		"https://127.0.0.1" + port, "https://localhost" + port, "https://[::1]" + port, "https://user:secret@127.0.0.1" + port + "/a.git", "https://0.0.0.0" + port, "https://2130706433" + port,
	} {
		_, err := To(t.Context(), Options{}, address, t.TempDir())
		if code := seedbed.CodeOf(err); code != seedbed.Invalid && code != seedbed.Unavailable {
			t.Errorf("To(%q): %v, code %s, want it refused", address, err, code)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("To(%q): the error tells the password: %v", address, err)
		}
	}
}

// An https address that leads to one that is not is not followed.
func TestRedirect(t *testing.T) {
	b := &bounded{next: http.DefaultTransport}
	req := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
	res, err := b.RoundTrip(req)
	if seedbed.CodeOf(err) != seedbed.Invalid {
		t.Errorf("RoundTrip(%s): %v, want code %s", req.URL, err, seedbed.Invalid)
	}
	if err == nil {
		_ = res.Body.Close()
	}
}

func TestFile(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch r.URL.Path {
		case "/paper.pdf":
			_, _ = io.WriteString(w, "%PDF-")
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="../../a book.epub"`)
			_, _ = io.WriteString(w, "PK")
		case "/page", "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<p>words")
		case "/moved":
			http.Redirect(w, r, "/paper.pdf", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/locked":
			if user != "me" || password != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, "in")
		case "/large":
			_, _ = w.Write(make([]byte, 2<<20))
		case "/slow":
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	for _, c := range []struct {
		address, name, data, code string
	}{
		{srv.URL + "/paper.pdf", "paper.pdf", "%PDF-", ""},
		{srv.URL + "/moved", "paper.pdf", "%PDF-", ""},
		{srv.URL + "/named", "a book.epub", "PK", ""},
		{srv.URL + "/page?x=1", "page.html", "<p>words", ""},
		{srv.URL, "127.0.0.1.html", "<p>words", ""},
		{"http://me:secret@" + host + "/locked", "locked", "in", ""},
		{"http://me:wrong@" + host + "/locked", "", "", seedbed.Invalid},
		{srv.URL + "/locked", "", "", seedbed.Invalid},
		{srv.URL + "/none", "", "", seedbed.Invalid},
		{srv.URL + "/none.git", "", "", seedbed.Invalid},
		{srv.URL + "/round", "", "", seedbed.Unavailable},
		{srv.URL + "/large", "", "", seedbed.TooLarge},
		{srv.URL + "/slow", "", "", seedbed.Limit},
	} {
		o := Options{Local: true, MaxBytes: 1 << 20}
		if strings.HasSuffix(c.address, "/slow") {
			o.Time = 50 * time.Millisecond
		}
		got, err := To(t.Context(), o, c.address, t.TempDir())
		if c.code != "" {
			if err == nil || seedbed.CodeOf(err) != c.code {
				t.Errorf("To(%s): %v, want code %s", c.address, err, c.code)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "wrong")) {
				t.Errorf("To(%s): the error tells the password: %v", c.address, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("To(%s): %v", c.address, err)
			continue
		}
		data, err := os.ReadFile(got.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != c.name || string(data) != c.data || got.Commit != "" {
			t.Errorf("To(%s) = %+v with %q, want %s with %q", c.address, got, data, c.name, c.data)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := To(ctx, Options{Local: true}, "http://127.0.0.1:1/x", t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("To after cancel: %v, want %v", err, context.Canceled)
	}
}
