package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"go.uber.org/goleak"

	"seedbed/internal/blob"
	"seedbed/internal/blob/blobtest"
	"seedbed/internal/seedbed"
)

func TestMain(m *testing.M) {
	minio.DefaultRetryUnit = time.Millisecond
	os.Exit(m.Run())
}

// openS3 opens a bucket of its own; attempts 2 keeps tests short in which the
// server stays away.
func openS3(t *testing.T, server *blobtest.S3, attempts int) (s *blob.S3, bucket, incoming string) {
	t.Helper()
	bucket = strings.ToLower(fmt.Sprintf("b%x", rand.Uint64()))
	incoming = filepath.Join(t.TempDir(), "incoming")
	s, err := blob.OpenS3(t.Context(), blob.S3Options{URL: server.Bucket(t, bucket), Incoming: incoming, Attempts: attempts, PartSize: 5 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s, bucket, incoming
}

func TestS3(t *testing.T) {
	server := blobtest.StartS3(t)
	blobtest.Run(t, func(t *testing.T) blobtest.Bench {
		s, bucket, _ := openS3(t, server, 0)
		return blobtest.Bench{Store: s, Alter: func(sum string, data []byte) {
			if err := os.WriteFile(server.Path(bucket, sum[:2]+"/"+sum), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

// noise is n bytes that nothing compresses.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func TestS3Faults(t *testing.T) {
	server := blobtest.StartS3(t)
	large := noise(11 << 20) // three parts
	for _, test := range []struct {
		name  string
		fault blobtest.Fault
		heals bool // by trying again
	}{
		{"500 when asked to take a small blob", blobtest.Fault{Method: "PUT", Status: 500, Times: 2}, true},
		{"503 when asked to begin a large one", blobtest.Fault{Method: "POST", Path: "uploads", Status: 503, Times: 2}, true},
		{"500 at one part", blobtest.Fault{Method: "PUT", Path: "partNumber=2", Status: 500, Times: 2}, true},
		{"reset in the middle of a part", blobtest.Fault{Method: "PUT", Path: "partNumber=2", Cut: 1 << 20, Times: 2}, true},
		{"reset in the middle of a small blob", blobtest.Fault{Method: "PUT", Cut: 100, Times: 2}, true},
		{"500 when asked to put the parts together", blobtest.Fault{Method: "POST", Path: "uploadId", Status: 500, Times: 2}, true},
		{"500 when asked for a blob", blobtest.Fault{Method: "GET", Status: 500, Times: 2}, true},
		{"reset in the middle of an answer", blobtest.Fault{Method: "GET", Cut: 1 << 20, Times: 2}, true},
		{"a part that never gets through", blobtest.Fault{Method: "PUT", Path: "partNumber=3", Cut: 1 << 20}, false},
		{"500 whatever is put", blobtest.Fault{Method: "PUT", Status: 500}, false},
		{"parts that are never put together", blobtest.Fault{Method: "POST", Path: "uploadId", Status: 500}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			attempts := 0
			if !test.heals {
				attempts = 2
			}
			s, _, incoming := openS3(t, server, attempts)
			small := []byte(strings.Repeat(test.name, 100))
			server.Break(test.fault)
			defer server.Heal()
			broken := 0
			for _, data := range [][]byte{small, large} {
				sum, _, err := s.Put(t.Context(), bytes.NewReader(data))
				if err != nil {
					broken++
					if seedbed.CodeOf(err) != seedbed.Unavailable {
						t.Errorf("Put of %d bytes: %v (%s), want unavailable", len(data), err, seedbed.CodeOf(err))
					}
					if strings.Contains(err.Error(), blobtest.S3Password) {
						t.Errorf("the error shows the key: %v", err)
					}
					continue
				}
				r, err := s.Open(t.Context(), sum)
				if err != nil {
					t.Fatalf("Open: %v", err)
				}
				got, err := io.ReadAll(r)
				_ = r.Close()
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("Open gives %d bytes, %v; want the %d that were put", len(got), err, len(data))
				}
			}
			if (broken > 0) == test.heals {
				t.Errorf("%d of 2 blobs were not taken; heals: %v", broken, test.heals)
			}
			server.Heal()
			// Whatever is visible is whole, and nothing is left here.
			n := 0
			for info, err := range s.Each(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				if err := blob.Check(t.Context(), s, info.Sum); err != nil {
					t.Error(err)
				}
			}
			if n != 2-broken {
				t.Errorf("%d blobs are there, want %d", n, 2-broken)
			}
			if left := files(t, incoming); len(left) > 0 {
				t.Errorf("files left: %v", left)
			}
			for _, data := range [][]byte{small, large} { // well again
				if _, _, err := s.Put(t.Context(), bytes.NewReader(data)); err != nil {
					t.Errorf("Put once the server is well: %v", err)
				}
			}
		})
	}
}

// TestS3KilledUpload leaves an upload half done, as a killed program does.
func TestS3KilledUpload(t *testing.T) {
	server := blobtest.StartS3(t)
	s, bucket, _ := openS3(t, server, 1)
	// What aborts the upload does not get through either.
	server.Break(blobtest.Fault{Method: "PUT", Path: "partNumber=3", Status: 500}, blobtest.Fault{Method: "DELETE", Status: 500})
	for range 4 { // so many that Sweep may stop in the middle
		if _, _, err := s.Put(t.Context(), bytes.NewReader(noise(11<<20))); err == nil {
			t.Fatal("Put succeeded without its last part")
		}
	}
	server.Heal()
	for info, err := range s.Each(t.Context()) {
		t.Errorf("half a blob is visible: %+v, %v", info, err)
	}
	parts := func() (n int) {
		for _, name := range files(t, server.Path(bucket, "")) {
			if strings.Contains(name, "multipart") {
				n++
			}
		}
		return n
	}
	if parts() == 0 {
		t.Fatal("no parts are left: the test shows nothing")
	}
	if err := s.Sweep(t.Context(), time.Now().Add(-time.Hour)); err != nil || parts() == 0 {
		t.Errorf("Sweep of old uploads: %v, %d parts are left of an upload just begun, want them kept", err, parts())
	}
	server.Break(blobtest.Fault{Method: "DELETE", Status: 500})
	if err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err == nil {
		t.Error("Sweep succeeded though no upload could be removed")
	}
	server.Heal()
	if err := goleak.Find(); err != nil && strings.Contains(err.Error(), "listIncompleteUploads") {
		t.Errorf("Sweep leaves its listing behind: %v", err)
	}
	if err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil || parts() != 0 {
		t.Errorf("Sweep: %v, %d parts are left, want none", err, parts())
	}
}

func TestS3File(t *testing.T) {
	server := blobtest.StartS3(t)
	s, bucket, incoming := openS3(t, server, 0)
	sum, _, err := s.Put(t.Context(), strings.NewReader("to be read by a child"))
	if err != nil {
		t.Fatal(err)
	}
	path, done, err := s.File(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "to be read by a child" || err != nil {
		t.Errorf("File has %q, %v", got, err)
	}
	done()
	if left := files(t, incoming); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
	if err := os.WriteFile(server.Path(bucket, sum[:2]+"/"+sum), []byte("to be read by a chill"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.File(t.Context(), sum); err == nil || len(files(t, incoming)) > 0 {
		t.Errorf("File of altered bytes: %v, files left: %v", err, files(t, incoming))
	}
}

func TestS3Address(t *testing.T) {
	server := blobtest.StartS3(t)
	good := server.Bucket(t, "books")
	for name, test := range map[string]struct{ url, want string }{
		"no bucket of that name": {strings.Replace(good, "books", "nosuch", 1), "no bucket nosuch"},
		"a wrong key":            {strings.Replace(good, "tester", "nobody", 1), "refuses"},
		"no bucket":              {"s3://?endpoint=" + server.URL, "names no bucket"},
		"another scheme":         {"gs://books", "names no bucket"},
		"an unknown parameter":   {good + "&pathstyle=1", `no parameter "pathstyle"`},
		"a wrong endpoint":       {"s3://u:" + blobtest.S3Password + "@books?endpoint=localhost", "endpoint"},
		"broken":                 {"s3://u:do%2fnot+log%zz@books", "invalid URL escape"},
		"path":                   {good + "&path=perhaps", "path is true or false"},
	} {
		_, err := blob.OpenS3(t.Context(), blob.S3Options{URL: test.url, Incoming: t.TempDir(), Attempts: 1})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: OpenS3 says %v, want %q", name, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), "not+log") || strings.Contains(err.Error(), "not%2Blog")) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}

	t.Setenv("AWS_ACCESS_KEY_ID", blobtest.S3User)
	t.Setenv("AWS_SECRET_ACCESS_KEY", blobtest.S3Password)
	s, err := blob.OpenS3(t.Context(), blob.S3Options{URL: "s3://books/of/mine/?endpoint=" + server.URL, Incoming: t.TempDir()})
	if err != nil {
		t.Fatalf("OpenS3 with keys of the environment: %v", err)
	}
	sum, _, err := s.Put(t.Context(), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(server.Path("books", "of/mine/"+sum[:2]+"/"+sum)); err != nil {
		t.Errorf("the blob is not in its folder: %v", err)
	}

	server.Break(blobtest.Fault{Status: 503})
	if _, err := blob.OpenS3(context.WithoutCancel(t.Context()), blob.S3Options{URL: good, Incoming: t.TempDir(), Attempts: 1}); err != nil {
		t.Errorf("OpenS3 while the server is away: %v, want no error", err)
	}
}
