package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"seedbed/internal/seedbed"
)

// S3Options say which bucket to use. The zero value of all but URL and
// Incoming works.
type S3Options struct {
	// URL is s3://bucket or s3://bucket/folder, with these parameters:
	// endpoint, the server's address, such as https://s3.example.org or
	// http://localhost:9000, Amazon's when absent; region, from AWS_REGION
	// when absent; path=false where a server wants the bucket in its host
	// name. Keys come from the URL's user and password, the AWS_ variables,
	// the AWS files, or the machine's role, whatever is there first.
	URL string

	Incoming string // a folder for files on their way in and out
	Attempts int    // of each request that found the server busy or away; 10
	PartSize int64  // of a large upload in bytes, at least 5 MiB; 16 MiB
}

// An S3 keeps blobs in a bucket, as folder/ab/abcd…: a folder of a [Dir] can
// be copied into a bucket and back.
//
// A blob's name is known only when its last byte has come, so Put first writes
// it to a file of its own. The other way, an upload under another key and a
// copy on the server, needs a second pass for what is larger than 5 GB, leaves
// keys behind where it is killed, and cannot send a part again whose bytes
// have gone by. An object appears whole or not at all, however many parts it
// was sent in.
type S3 struct {
	core     minio.Core
	bucket   string
	folder   string // "" or ends in a slash
	incoming incoming
	attempts int
	partSize int64
}

var _ Store = (*S3)(nil)

// OpenS3 opens the store in a bucket, which has to be there. A server that
// does not answer now is no error: it may later.
func OpenS3(ctx context.Context, o S3Options) (*S3, error) {
	s, err := newS3(o)
	if err != nil {
		return nil, seedbed.Errorf(seedbed.Invalid, "the address of the blob store is to be like s3://bucket?endpoint=https://s3.example.org: %w", err)
	}
	if err := s.incoming.open(); err != nil {
		return nil, fmt.Errorf("open the blob store: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.folder, MaxKeys: 1}) {
		err = s.understand(o.Err)
		break
	}
	if err != nil && seedbed.CodeOf(err) != seedbed.Unavailable {
		return nil, fmt.Errorf("open the blob store: %w", err)
	}
	// Where this fails there is nothing to sweep, or next time will do.
	_ = s.Sweep(ctx, time.Now().Add(-leftover))
	return s, nil
}

// newS3 reads the options. No error shows the URL, which may hold a key.
func newS3(o S3Options) (*S3, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if u.Scheme != "s3" || u.Host == "" {
		return nil, errors.New("it names no bucket")
	}
	q := u.Query()
	for name := range q {
		switch name {
		case "endpoint", "region", "path":
		default:
			return nil, fmt.Errorf("there is no parameter %q: endpoint, region and path are known", name)
		}
	}
	endpoint := &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}
	lookup := minio.BucketLookupAuto
	if given := q.Get("endpoint"); given != "" {
		endpoint, err = url.Parse(given)
		if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" || strings.Trim(endpoint.Path, "/") != "" || endpoint.User != nil {
			return nil, errors.New("its endpoint is not like https://s3.example.org")
		}
		lookup = minio.BucketLookupPath
	}
	switch q.Get("path") {
	case "", "true":
	case "false":
		lookup = minio.BucketLookupDNS
	default:
		return nil, errors.New("path is true or false")
	}
	region := q.Get("region")
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = os.Getenv(name)
		}
	}
	if region == "" && q.Get("endpoint") != "" {
		region = "us-east-1" // what servers other than Amazon's take
	}
	keys := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
	if u.User != nil {
		secret, _ := u.User.Password()
		keys = credentials.NewStaticV4(u.User.Username(), secret, "")
	}
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds: keys, Secure: endpoint.Scheme == "https", Region: region, BucketLookup: lookup,
		MaxRetries: o.Attempts,
	})
	if err != nil {
		return nil, err
	}
	core.SetAppInfo("seedbed", "1")
	s := &S3{core: *core, bucket: u.Host, incoming: incoming(o.Incoming), attempts: o.Attempts, partSize: o.PartSize}
	if s.attempts <= 0 {
		s.attempts = minio.MaxRetry
	}
	if s.partSize <= 0 {
		s.partSize = 16 << 20
	}
	if folder := strings.Trim(u.Path, "/"); folder != "" {
		s.folder = folder + "/"
	}
	return s, nil
}

func (s *S3) key(sum string) string { return s.folder + sum[:2] + "/" + sum }

// understand turns what the client says into our errors.
func (s *S3) understand(err error) error {
	if err == nil {
		return nil
	}
	var said minio.ErrorResponse
	var away net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &said):
		switch {
		case said.Code == minio.NoSuchBucket:
			return seedbed.Errorf(seedbed.Internal, "the blob store has no bucket %s: make it first", s.bucket)
		case said.StatusCode >= 500 || said.StatusCode == http.StatusTooManyRequests || said.StatusCode == http.StatusRequestTimeout:
			return seedbed.Errorf(seedbed.Unavailable, "the blob store answers %s: %w", said.Code, err)
		}
		return fmt.Errorf("the blob store refuses (%s): %w", said.Code, err)
	case errors.As(err, &away), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, context.DeadlineExceeded):
		return seedbed.Errorf(seedbed.Unavailable, "the blob store cannot be reached: %w", err)
	}
	return err
}

// understandBlob also knows that a blob may be missing.
func (s *S3) understandBlob(err error, sum, doing string) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return missing(sum)
	}
	if err = s.understand(err); err != nil {
		return fmt.Errorf("%s blob %s: %w", doing, sum, err)
	}
	return nil
}

// Put implements [Store]. Bytes that are there already are sent all the same:
// that mends a damaged blob and renews its date.
func (s *S3) Put(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	f, sum, size, err := s.incoming.receive(ctx, r)
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	defer func() { _ = discard(f) }()
	// Every request carries the hash of its body: what arrives otherwise, or
	// not whole, the server refuses.
	whole := io.NewSectionReader(f, 0, size)
	if size <= s.partSize {
		_, err = s.core.PutObject(ctx, s.bucket, s.key(sum), whole, size, "", sum, putOptions)
	} else {
		err = s.putParts(ctx, sum, whole)
	}
	if err != nil {
		return "", 0, s.understandBlob(err, sum, "put")
	}
	return sum, size, nil
}

var putOptions = minio.PutObjectOptions{ContentType: "application/octet-stream"}

// maxParts is how many parts an upload may have.
const maxParts = 10_000

func (s *S3) putParts(ctx context.Context, sum string, whole *io.SectionReader) (err error) {
	upload, err := s.core.NewMultipartUpload(ctx, s.bucket, s.key(sum), putOptions)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // if this fails too, Sweep removes it
			_ = s.core.AbortMultipartUpload(context.WithoutCancel(ctx), s.bucket, s.key(sum), upload)
		}
	}()
	step := max(s.partSize, (whole.Size()+maxParts-1)/maxParts)
	var parts []minio.CompletePart
	for at := int64(0); at < whole.Size(); at += step {
		size := min(step, whole.Size()-at)
		part := io.NewSectionReader(whole, at, size)
		h := sha256.New()
		if _, err := io.Copy(h, UntilDone(ctx, part)); err != nil {
			return err
		}
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return err
		}
		done, err := s.core.PutObjectPart(ctx, s.bucket, s.key(sum), upload, len(parts)+1, part, size,
			minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(h.Sum(nil))})
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: done.PartNumber, ETag: done.ETag})
	}
	_, err = s.core.CompleteMultipartUpload(ctx, s.bucket, s.key(sum), upload, parts, putOptions)
	if minio.ToErrorResponse(err).Code == "NoSuchUpload" {
		// The answer to an earlier attempt was lost, if all is there.
		if info, gone := s.Stat(ctx, sum); gone == nil && info.Size == whole.Size() {
			return nil
		}
	}
	return err
}

// Open implements [Store]. A connection that breaks off is made again.
func (s *S3) Open(ctx context.Context, sum string) (io.ReadSeekCloser, error) {
	info, err := s.Stat(ctx, sum)
	if err != nil {
		return nil, err
	}
	return &object{s: s, ctx: ctx, sum: sum, size: info.Size}, nil
}

// File implements [Store]: a copy whose bytes are what they should be.
func (s *S3) File(ctx context.Context, sum string) (path string, done func(), err error) {
	r, err := s.Open(ctx, sum)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = r.Close() }()
	f, got, _, err := s.incoming.receive(ctx, r)
	if err != nil {
		return "", nil, fmt.Errorf("fetch blob %s: %w", sum, err)
	}
	if err := f.Close(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("fetch blob %s: %w", sum, err), os.Remove(f.Name()))
	}
	done = func() { _ = os.Remove(f.Name()) }
	if got != sum {
		done()
		return "", nil, fmt.Errorf("fetch blob %s: its bytes have the hash %s: %w", sum, got, ErrAltered)
	}
	return f.Name(), done, nil
}

// Stat implements [Store].
func (s *S3) Stat(ctx context.Context, sum string) (Info, error) {
	if err := checkName(sum); err != nil {
		return Info{}, err
	}
	info, err := s.core.StatObject(ctx, s.bucket, s.key(sum), minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.understandBlob(err, sum, "stat")
	}
	return Info{Sum: sum, Size: info.Size, Put: info.LastModified}, nil
}

// Delete implements [Store].
func (s *S3) Delete(ctx context.Context, sum string) error {
	if err := checkName(sum); err != nil {
		return err
	}
	err := s.core.RemoveObject(ctx, s.bucket, s.key(sum), minio.RemoveObjectOptions{})
	if err = s.understandBlob(err, sum, "delete"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Each implements [Store]. Objects that are no blobs are passed over.
func (s *S3) Each(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends the listing where the loop is left
		defer cancel()
		for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.folder, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, fmt.Errorf("list blobs: %w", s.understand(o.Err)))
				return
			}
			sum := path.Base(o.Key)
			if Valid(sum) && o.Key == s.key(sum) && !yield(Info{Sum: sum, Size: o.Size, Put: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}

// Sweep removes the parts of uploads that were begun before a time and never
// ended: whoever sent them was killed. They are no blobs, but are paid for.
// OpenS3 sweeps what is older than a day.
func (s *S3) Sweep(ctx context.Context, before time.Time) error {
	listing, cancel := context.WithCancel(ctx)
	uploads := s.core.ListIncompleteUploads(listing, s.bucket, s.folder, true)
	defer func() { // where it is left in the middle, it ends once all is taken
		cancel()
		for range uploads {
		}
	}()
	for u := range uploads {
		if u.Err != nil {
			return fmt.Errorf("list uploads that broke off: %w", s.understand(u.Err))
		}
		if u.Initiated.Before(before) {
			if err := s.core.AbortMultipartUpload(ctx, s.bucket, u.Key, u.UploadID); err != nil {
				return fmt.Errorf("remove an upload that broke off: %w", s.understand(err))
			}
		}
	}
	return nil
}

// An object reads a blob from where it stands.
type object struct {
	s    *S3
	ctx  context.Context
	sum  string
	size int64
	at   int64
	body io.ReadCloser // from at on, nil is not asked for yet
}

func (o *object) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for attempt := 1; ; attempt++ {
		if o.at >= o.size {
			return 0, io.EOF
		}
		n, err := o.read(p)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		_ = o.Close()
		err = o.s.understandBlob(err, o.sum, "read")
		if attempt >= o.s.attempts || seedbed.CodeOf(err) != seedbed.Unavailable || o.ctx.Err() != nil {
			return 0, err
		}
		select {
		case <-o.ctx.Done():
			return 0, o.ctx.Err()
		case <-time.After(min(minio.DefaultRetryUnit<<attempt, minio.DefaultRetryCap)):
		}
	}
}

// read reads once. An end that comes too early is unexpected.
func (o *object) read(p []byte) (int, error) {
	if o.body == nil {
		var which minio.GetObjectOptions
		if err := which.SetRange(o.at, o.size-1); err != nil {
			return 0, err
		}
		body, _, _, err := o.s.core.GetObject(o.ctx, o.s.bucket, o.s.key(o.sum), which)
		if err != nil {
			return 0, err
		}
		o.body = body
	}
	n, err := o.body.Read(p)
	o.at += int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("read blob %s: seek before its start", o.sum)
	}
	if offset != o.at {
		_ = o.Close()
		o.at = offset
	}
	return offset, nil
}

func (o *object) Close() error {
	body := o.body
	if o.body = nil; body == nil {
		return nil
	}
	return body.Close()
}
