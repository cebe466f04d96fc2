package blobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// An S3 is a real S3 server, versitygw over a folder, behind a proxy that can
// make trouble.
type S3 struct {
	URL string // of the proxy
	dir string

	mu     sync.Mutex
	faults []*Fault
}

// Keys of the server.
const (
	S3User     = "tester"
	S3Password = "do/not+log"
)

// A Fault is trouble that requests meet.
type Fault struct {
	Method string // "" is any
	Path   string // part of the path and query; "" is any
	Status int    // answered instead of passing the request on
	Cut    int64  // else: bytes of the body, sent or answered, after which the connection is reset
	Times  int    // how many requests meet it; 0 is all until [S3.Heal]
}

// StartS3 starts a server for the test. Without versitygw the test is skipped,
// or fails where CI is set.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		const how = "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0"
		if os.Getenv("CI") != "" {
			t.Fatalf("the S3 server of the tests is missing: %s", how)
		}
		t.Skipf("no S3 server: %s", how)
	}
	base, err := short()
	if err != nil {
		t.Fatal(err)
	}
	s := &S3{dir: filepath.Join(base, "data")}
	sidecar, socket := filepath.Join(base, "meta"), filepath.Join(base, "socket")
	for _, dir := range []string{s.dir, sidecar} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, program, "--quiet", "--port", socket, "--access", S3User, "--secret", S3Password,
		"posix", "--sidecar", sidecar, s.dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = base, t.Output(), t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableCompression: true,
	}
	proxy := httptest.NewServer(s.proxy(transport))
	s.URL = proxy.URL
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
		transport.CloseIdleConnections()
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			_ = conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("versitygw does not listen: %v", err)
		}
	}
}

// A shell stands between us and the server, and ends it when we end in
// whatever way: its standard input is closed then.
const keeper = `"$0" "$@" </dev/null & server=$!
exec >/dev/null 2>&1
read -r end
kill -KILL $server
wait $server
rm -rf "$PWD"`

// short makes a folder for a socket, whose name has to be short: a test's own
// folder may be too long.
func short() (string, error) { return os.MkdirTemp("", "s3-") }

// Bucket makes a bucket and gives its address, with the keys.
func (s *S3) Bucket(t testing.TB, name string) string {
	t.Helper()
	if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	return (&url.URL{
		Scheme: "s3", User: url.UserPassword(S3User, S3Password), Host: name,
		RawQuery: url.Values{"endpoint": {s.URL}}.Encode(),
	}).String()
}

// Path is the file in which the server keeps an object.
func (s *S3) Path(bucket, key string) string {
	return filepath.Join(s.dir, bucket, filepath.FromSlash(key))
}

// Break makes requests meet faults, the first that fits.
func (s *S3) Break(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// Heal ends all faults.
func (s *S3) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// meets is the fault that a request meets, if any.
func (s *S3) meets(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.RequestURI(), f.Path) {
			continue
		}
		if f.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		f.Times--
		return f
	}
	return nil
}

func (s *S3) proxy(to http.RoundTripper) http.Handler {
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: r.In.Host}) // the signature covers it
			r.Out.Host = r.In.Host
		},
		Transport:    to,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.meets(r)
		switch {
		case f == nil:
			pass.ServeHTTP(w, r)
		case f.Status != 0:
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(f.Status)
			if r.Method != http.MethodHead {
				_, _ = fmt.Fprintf(w, "<Error><Code>InternalError</Code><Message>made up by a test</Message></Error>")
			}
		default:
			r.Body = &cut{ReadCloser: r.Body, left: f.Cut}
			pass.ServeHTTP(&cutWriter{ResponseWriter: w, left: f.Cut}, r)
		}
	})
}

var errCut = errors.New("cut by the test")

// A cut body breaks off.
type cut struct {
	io.ReadCloser
	left int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errCut
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// A cutWriter resets the connection in the middle of an answer.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == nil && n < len(p) {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}
