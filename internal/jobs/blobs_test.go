package jobs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"seedbed/internal/blob"
	"seedbed/internal/blob/blobtest"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

// TestBlobStoreAway works on a bucket whose server is away for a while: an
// upload is refused and can be sent again, and what was taken in waits.
func TestBlobStoreAway(t *testing.T) {
	server := blobtest.StartS3(t)
	minio.DefaultRetryUnit = time.Millisecond
	blobs, err := blob.OpenS3(t.Context(), blob.S3Options{URL: server.Bucket(t, "books"), Incoming: t.TempDir(), Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	tries := make(chan struct{}, 100)
	b := start(t, t.TempDir(), jobs.Options{Blobs: blobs, Patience: func(int) time.Duration {
		tries <- struct{}{}
		return time.Millisecond
	}})

	server.Break(blobtest.Fault{Status: 503})
	_, err = b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq)})
	if seedbed.CodeOf(err) != seedbed.Unavailable {
		t.Errorf("Upload with the store away: %v (%s), want unavailable", err, seedbed.CodeOf(err))
	}
	server.Heal()

	server.Break(blobtest.Fault{Method: "GET", Status: 500})
	up := b.upload("bees.md", faq, seedbed.RunOptions{})
	if up.Existed {
		t.Error("the upload that was refused has left a source")
	}
	for range 5 { // more often than a file is read that fails by itself
		<-tries
	}
	server.Heal()
	run := b.ended(up.Run.ID)
	if run.State != seedbed.RunDone || run.Seeds != 3 || run.Passages.Failed != 0 {
		t.Errorf("after the store came back the run ends as %+v; want done with 3 seeds", run)
	}
	if got := len(b.all(seedbed.Filter{})); got != 3 {
		t.Errorf("%d seeds, want 3", got)
	}
}
