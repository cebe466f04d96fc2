package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// TestDeleteSourceFailsAnywhere has each table refuse a write in turn while a
// source is deleted: everything stays as it was, and then everything goes.
func TestDeleteSourceFailsAnywhere(t *testing.T) {
	model := llmtest.New(t, llmtest.Script{})
	dir := t.TempDir()
	b := start(t, dir, impatient(model, 2))
	up := b.upload("machines.md", book(3), seedbed.RunOptions{})
	b.ended(up.Run.ID)
	for id := range b.all(seedbed.Filter{}) { // gives it a history
		if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Tags: &[]string{"machine"}}); err != nil {
			t.Fatal(err)
		}
	}
	b.ended(b.upload("bees.md", faq, seedbed.RunOptions{Recipe: "explicit"}).Run.ID)
	b.indexed()
	exec := func(statement string) {
		t.Helper()
		if _, err := b.db.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	tables := []string{"seeds", "bands", "history", "replies", "calls", "run_passages", "runs", "passages", "sources"}
	count := func() (counts []int) {
		t.Helper()
		for _, table := range append(tables, "garbage", "outbox") {
			n := 0
			if err := b.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			counts = append(counts, n)
		}
		return counts
	}
	before := fmt.Sprint(count())
	for _, write := range []string{
		"DELETE ON seeds", "DELETE ON bands", "DELETE ON history", "DELETE ON replies", "DELETE ON calls", "DELETE ON run_passages",
		"DELETE ON runs", "DELETE ON passages", "DELETE ON sources", "INSERT ON outbox", "INSERT ON garbage",
	} {
		exec(`CREATE TRIGGER fault BEFORE ` + write + ` BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
		if err := b.DeleteSource(t.Context(), up.Source.ID); err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("DeleteSource that fails at %s: %v, want the disk's words", write, err)
		}
		exec(`DROP TRIGGER fault`)
		if after := fmt.Sprint(count()); after != before {
			t.Errorf("DeleteSource that fails at %s leaves %s rows, want %s as before", write, after, before)
		}
		if found := b.check(false); len(found) > 0 {
			t.Errorf("after DeleteSource failed at %s, Check finds %v", write, found)
		}
	}
	if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
		t.Fatal(err)
	}
	b.indexed()
	if found := b.check(false); len(found) > 0 || countBlobs(t, dir) != 2 {
		t.Errorf("after DeleteSource, Check finds %v and there are %d blobs; want nothing and the 2 of the other source", found, countBlobs(t, dir))
	}
	sameAsIndex(t, b, b.index)
	for _, table := range []string{"history", "replies", "calls", "garbage", "outbox"} {
		n := 0
		if err := b.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("after DeleteSource there are %d %s, %v; want none", n, table, err)
		}
	}
}

// A stubborn store refuses to delete, after so many times.
type stubborn struct {
	blob.Store
	mu   sync.Mutex
	left int // deletions it still does; below 0 it does all
}

var errStubborn = errors.New("the blob store is away")

func (s *stubborn) Delete(ctx context.Context, sum string) error {
	s.mu.Lock()
	refuses := s.left == 0
	s.left--
	s.mu.Unlock()
	if refuses {
		return errStubborn
	}
	return s.Store.Delete(ctx, sum)
}

// TestGarbageIsRemovedLater: a source's deletion does not wait for the blob
// store. What could not be removed, or was not because the process was killed
// first, goes when the next one begins.
func TestGarbageIsRemovedLater(t *testing.T) {
	for after := range 2 {
		dir := t.TempDir()
		folder, err := blob.Folder(filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		b := open(t, dir, jobs.Options{Blobs: &stubborn{Store: folder, left: after}})
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		up := b.upload("bees.md", faq, seedbed.RunOptions{})
		b.ended(up.Run.ID)
		b.indexed()
		if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
			t.Errorf("DeleteSource: %v, want no error", err)
		}
		if n := countBlobs(t, dir); n != 2-after {
			t.Errorf("%d blobs are left, want %d: the test shows nothing", n, 2-after)
		}
		// Marked as it is, the same bytes cannot be taken in: they might go.
		if _, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq)}); after == 0 && seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Errorf("Upload of bytes that are being removed: %v (%s), want unavailable", err, seedbed.CodeOf(err))
		}
		b.close()
		b = start(t, dir, jobs.Options{})
		b.eventually(func() bool { // the bytes go first, then the mark
			marked, err := b.db.Garbage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(marked) == 0 && countBlobs(t, dir) == 0
		})
		again := b.upload("bees.md", faq, seedbed.RunOptions{})
		if run := b.ended(again.Run.ID); run.Seeds != 3 {
			t.Errorf("the same bytes once more end as %+v; want 3 seeds", run)
		}
	}
}

// TestBlobsStay: as long as somebody wants all blobs to stay no process removes
// any, and then they go.
func TestBlobsStay(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, jobs.Options{})
	up := b.upload("bees.md", faq, seedbed.RunOptions{})
	b.ended(up.Run.ID)
	err := store.WhileBlobsStay(t.Context(), b.path, func() error {
		if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
			return err
		}
		b.check(true)
		if n := countBlobs(t, dir); n != 2 {
			t.Errorf("of the source that was deleted meanwhile %d blobs are there, want both", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.check(true)
	if n := countBlobs(t, dir); n != 0 {
		t.Errorf("in the end %d blobs are left", n)
	}
}

// TestGarbageThatIsNeeded: many upload and delete the same bytes at once, and
// whatever source there is has its bytes.
func TestGarbageThatIsNeeded(t *testing.T) {
	b := start(t, t.TempDir(), jobs.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 6 {
				up, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), NoRun: true})
				if seedbed.CodeOf(err) == seedbed.Unavailable && err != nil {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil && seedbed.CodeOf(err) != seedbed.NotFound {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.eventually(func() bool {
		up, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq)})
		if err != nil {
			return false
		}
		b.ended(up.Run.ID)
		return true
	})
	b.indexed()
	if found := b.check(false); len(found) > 0 {
		t.Errorf("Check finds %v", found)
	}
}

// putThen is a store in which something happens after a blob was put.
type putThen struct {
	blob.Store
	then func()
}

func (p *putThen) Put(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	sum, size, err = p.Store.Put(ctx, r)
	if then := p.then; then != nil {
		p.then = nil
		then()
	}
	return sum, size, err
}

// TestUploadWhileTheSameIsRemoved: between the moment that the bytes of an
// upload are put and that in which they are claimed, the only source that has
// the same is deleted, with its blob.
func TestUploadWhileTheSameIsRemoved(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		folder, err := blob.Folder(filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		blobs := &putThen{Store: folder}
		b := start(t, dir, jobs.Options{Blobs: blobs})
		first := b.upload("bees.md", faq, seedbed.RunOptions{})
		b.ended(first.Run.ID)
		blobs.then = func() {
			if err := b.DeleteSource(t.Context(), first.Source.ID); err != nil {
				t.Error(err)
			}
		}
		again := seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq)}
		if up, err := b.Upload(t.Context(), again); seedbed.CodeOf(err) != seedbed.Unavailable || !strings.Contains(err.Error(), "send them again") {
			t.Errorf("Upload gives %+v, %v; want that the bytes are to be sent again", up.Source, err)
		}
		run := b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		if run.State != seedbed.RunDone || run.Seeds != 3 {
			t.Errorf("the run of the upload after that ends as %+v; want 3 seeds", run)
		}
		if found := b.check(false); len(found) > 0 {
			t.Errorf("Check finds %v", found)
		}
	})
}
