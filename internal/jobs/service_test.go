package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

func TestUnreadable(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		var mu sync.Mutex
		why := error(seedbed.Errorf(seedbed.Encrypted, "locked.pdf asks for a password"))
		b := start(t, dir, jobs.Options{Read: func(ctx context.Context, path, name string, how seedbed.Reading) (*extract.Document, error) {
			mu.Lock()
			defer mu.Unlock()
			if why != nil {
				return nil, why
			}
			return readMarkdown(ctx, path, name, how)
		}})
		up := b.upload("locked.pdf", faq, seedbed.RunOptions{})
		run := b.ended(up.Run.ID)
		want := &seedbed.Error{Code: seedbed.Encrypted, Message: "locked.pdf asks for a password"}
		if run.State != seedbed.RunFailed || !cmp.Equal(run.Error, want) {
			t.Errorf("the run of a file that cannot be read is %s with %v; want failed with %v", run.State, run.Error, want)
		}
		src, err := b.Source(t.Context(), up.Source.ID)
		if err != nil || src.State != seedbed.SourceFailed || !cmp.Equal(src.Error, want) {
			t.Errorf("its source is %+v, %v; want failed with %v", src, err, want)
		}
		if _, err := b.Document(t.Context(), src.ID); seedbed.CodeOf(err) != seedbed.Conflict || !strings.Contains(err.Error(), "password") {
			t.Errorf("Document gives %v; want a conflict with the reason", err)
		}

		// A new run tries to read it again.
		mu.Lock()
		why = nil
		mu.Unlock()
		again, err := b.StartRun(t.Context(), src.ID, seedbed.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if again = b.ended(again.ID); again.State != seedbed.RunDone || again.Seeds != 3 {
			t.Errorf("a new run, now that the file can be read, ends as %+v; want done with 3 seeds", again)
		}
	})
}

// TestResumedBeforeItsSourceIsRead: a run that was paused before it had begun,
// as those of a backup are, waits when it is resumed until its source is read,
// and fails if that cannot be.
func TestResumedBeforeItsSourceIsRead(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		why := error(nil)
		read := make(chan struct{})
		b := start(t, dir, jobs.Options{Read: func(ctx context.Context, path, name string, how seedbed.Reading) (*extract.Document, error) {
			<-read
			if why != nil {
				return nil, why
			}
			return readMarkdown(ctx, path, name, how)
		}})
		paused := func(name string) string {
			t.Helper()
			run := b.upload(name, faq, seedbed.RunOptions{}).Run.ID
			b.until(run, func(r seedbed.Run) bool { return r.State == seedbed.RunReading })
			err := b.db.Update(t.Context(), func(tx *store.Tx) error {
				r, err := tx.Run(t.Context(), run)
				if err != nil {
					return err
				}
				r.State, r.Error = seedbed.RunPaused, seedbed.Errorf(seedbed.Restored, "it was backed up")
				return tx.SaveRun(t.Context(), r)
			})
			if err != nil {
				t.Fatal(err)
			}
			return run
		}
		resume := func(run string) {
			t.Helper()
			if err := b.Resume(t.Context(), run); err != nil {
				t.Fatal(err)
			}
		}
		remove := func(run string) { // so that the same bytes are read again
			t.Helper()
			r, err := b.Run(t.Context(), run)
			if err == nil {
				err = b.DeleteSource(t.Context(), r.Source)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		source := func(run, state string) {
			t.Helper()
			b.eventually(func() bool {
				r, err := b.Run(t.Context(), run)
				if err != nil {
					t.Fatal(err)
				}
				src, err := b.Source(t.Context(), r.Source)
				return err == nil && src.State == state
			})
		}

		run := paused("early.md")
		resume(run)
		b.until(run, func(r seedbed.Run) bool { return r.State == seedbed.RunQueued })
		read <- struct{}{}
		if r := b.ended(run); r.State != seedbed.RunDone || r.Seeds != 3 || r.Error != nil {
			t.Errorf("resumed before its source was read, the run ends as %+v, %v; want done with 3 seeds", r, r.Error)
		}
		remove(run)

		run = paused("late.md")
		read <- struct{}{}
		source(run, seedbed.SourceReady)
		resume(run)
		if r := b.ended(run); r.State != seedbed.RunDone || r.Seeds != 3 {
			t.Errorf("resumed when its source was read, the run ends as %+v; want done with 3 seeds", r)
		}
		remove(run)

		why = seedbed.Errorf(seedbed.Encrypted, "locked.md asks for a password")
		run = paused("locked.md")
		read <- struct{}{}
		source(run, seedbed.SourceFailed)
		resume(run)
		if r := b.ended(run); r.State != seedbed.RunFailed || r.Error == nil || r.Error.Code != seedbed.Encrypted {
			t.Errorf("resumed when its source could not be read, the run ends as %+v, %v; want failed for that", r, r.Error)
		}
	})
}

func TestEmptyFile(t *testing.T) {
	b := start(t, t.TempDir(), jobs.Options{})
	up := b.upload("empty.md", "", seedbed.RunOptions{})
	if up.Source.State != seedbed.SourceFailed || up.Source.Error == nil || up.Run == nil || up.Run.State != seedbed.RunFailed {
		t.Errorf("an empty file gives %+v with run %+v; want both failed with a reason", up.Source, up.Run)
	}
	if _, err := b.StartRun(t.Context(), up.Source.ID, seedbed.RunOptions{}); err != nil {
		t.Errorf("StartRun of an empty file: %v; want a run that failed", err)
	}
}

func TestNotThere(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"Source":         func() error { _, err := b.Source(ctx, "x"); return err },
			"Document":       func() error { _, err := b.Document(ctx, "x"); return err },
			"Passages":       func() error { _, err := b.Passages(ctx, "x"); return err },
			"Original":       func() error { _, err := b.Original(ctx, "x"); return err },
			"DeleteSource":   func() error { return b.DeleteSource(ctx, "x") },
			"StartRun":       func() error { _, err := b.StartRun(ctx, "x", seedbed.RunOptions{}); return err },
			"Run":            func() error { _, err := b.Run(ctx, "x"); return err },
			"Failures":       func() error { _, err := b.Failures(ctx, "x"); return err },
			"Retry":          func() error { _, err := b.Retry(ctx, "x", ""); return err },
			"Cancel":         func() error { return b.Cancel(ctx, "x") },
			"Seed":           func() error { _, _, err := b.Seed(ctx, "x"); return err },
			"WriteSeed":      func() error { _, _, err := b.WriteSeed(ctx, seedbed.NewSeed{Source: "x"}); return err },
			"DeleteSeed":     func() error { return b.DeleteSeed(ctx, "x", 0) },
			"UpdateSeed":     func() error { _, _, err := b.UpdateSeed(ctx, "x", 0, seedbed.SeedChange{}); return err },
			"EndpointModels": func() error { _, err := b.EndpointModels(ctx, "x"); return err },
			"TestEndpoint":   func() error { _, err := b.TestEndpoint(ctx, "env"); return err },
			"DeleteEndpoint": func() error { return b.DeleteEndpoint(ctx, "x") },
		} {
			if err := call(); seedbed.CodeOf(err) != seedbed.NotFound {
				t.Errorf("%s of what is not there gives %v; want not found", name, err)
			}
		}
		_, err := b.Upload(ctx, seedbed.Upload{Name: "a.md", Body: strings.NewReader("x"), RunOptions: seedbed.RunOptions{Recipe: "nosuch"}})
		if seedbed.CodeOf(err) != seedbed.Invalid {
			t.Errorf("Upload with an unknown recipe gives %v; want invalid", err)
		}
		_, err = b.Upload(ctx, seedbed.Upload{Name: "a.md", Body: strings.NewReader("x"), RunOptions: seedbed.RunOptions{Recipe: "quick"}})
		if seedbed.CodeOf(err) != seedbed.Invalid || !strings.Contains(err.Error(), "settings") {
			t.Errorf("Upload with quick and no model gives %v; want invalid, and where to connect one", err)
		}
	})
}

func TestCollections(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), Collection: " hives "})
		if err != nil {
			t.Fatal(err)
		}
		b.ended(up.Run.ID)
		verdicts := []string{extract.Accepted, extract.Rejected}
		for id := range b.all(seedbed.Filter{}) {
			if len(verdicts) == 0 {
				break
			}
			if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: &verdicts[0]}); err != nil {
				t.Fatal(err)
			}
			verdicts = verdicts[1:]
		}
		for i, want := range []bool{true, false} {
			made, added, err := b.AddCollection(t.Context(), " 漢字 \t")
			if err != nil || added != want || made.Name != "漢字" || made.Created.IsZero() || made.Sources != 0 {
				t.Errorf("AddCollection, time %d, gives %+v, %v, %v; want it empty, added %v", i+1, made, added, err, want)
			}
		}
		if made, added, err := b.AddCollection(t.Context(), "hives"); err != nil || added || made.Sources != 1 {
			t.Errorf("AddCollection of one that is there gives %+v, %v, %v", made, added, err)
		}
		list, err := b.Collections(t.Context())
		for i := range list {
			list[i].Created = time.Time{}
		}
		want := []seedbed.Collection{{Name: "hives", Sources: 1, Seeds: seedbed.SeedCounts{Draft: 1, Accepted: 1, Rejected: 1}}, {Name: "漢字"}}
		if diff := cmp.Diff(want, list); err != nil || diff != "" {
			t.Errorf("Collections, %v (-want +got):\n%s", err, diff)
		}
		if names, err := b.CollectionNames(t.Context()); err != nil || !slices.Equal(names, []string{"hives", "漢字"}) {
			t.Errorf("CollectionNames gives %q, %v", names, err)
		}
		for _, name := range []string{"", " \n", "a\nb", "a\x00", "\xff", strings.Repeat("ä", 81)} {
			if _, _, err := b.AddCollection(t.Context(), name); seedbed.CodeOf(err) != seedbed.Invalid {
				t.Errorf("AddCollection(%q) gives %v; want invalid", name, err)
			}
		}
		if _, err := b.Upload(t.Context(), seedbed.Upload{Name: "b.md", Body: strings.NewReader("b"), Collection: "a\nb"}); seedbed.CodeOf(err) != seedbed.Invalid {
			t.Errorf("Upload to a collection of two lines gives %v; want invalid", err)
		}
	})
}

func TestRenameCollection(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		into := func(name, text, collection string) seedbed.Source {
			t.Helper()
			up, err := b.Upload(t.Context(), seedbed.Upload{Name: name, Body: strings.NewReader(text), Collection: collection})
			if err != nil {
				t.Fatal(err)
			}
			b.ended(up.Run.ID)
			return up.Source
		}
		bees := into("bees.md", faq, "hives")
		into("wasps.md", strings.ReplaceAll(faq, "bee", "wasp"), "nests")
		rename := func(name, to string) error {
			_, err := b.RenameCollection(t.Context(), name, to)
			return err
		}
		for _, wrong := range []struct{ name, to, code string }{
			{"hives", "", seedbed.Invalid},
			{"hives", "a\nb", seedbed.Invalid},
			{"hives", "nests", seedbed.Conflict},
			{"hive", "apiary", seedbed.NotFound},
			{"default", "apiary", seedbed.Conflict},
		} {
			if err := rename(wrong.name, wrong.to); seedbed.CodeOf(err) != wrong.code {
				t.Errorf("RenameCollection(%q, %q) gives %v; want %s", wrong.name, wrong.to, err, wrong.code)
			}
		}
		got, err := b.RenameCollection(t.Context(), "hives", " apiary ")
		if err != nil || got.Name != "apiary" || got.Sources != 1 || got.Seeds.Draft != 3 {
			t.Fatalf("RenameCollection gives %+v, %v; want apiary with one source and 3 drafts", got, err)
		}
		if src, err := b.Source(t.Context(), bees.ID); err != nil || src.Collection != "apiary" {
			t.Errorf("its source is in %q, %v; want apiary", src.Collection, err)
		}
		if runs, err := b.Runs(t.Context(), bees.ID); err != nil || len(runs) != 1 || runs[0].Collection != "apiary" {
			t.Errorf("its run is %+v, %v; want it in apiary", runs, err)
		}

		// Who goes on using the old name gets another collection.
		again := into("bees.md", faq, "hives")
		if again.ID == bees.ID {
			t.Error("an upload to the old name gives the source of the renamed one")
		}
		b.indexed()
		for name, want := range map[string]string{"apiary": bees.ID, "hives": again.ID, "nowhere": ""} {
			f := seedbed.Filter{Collection: []string{name}}
			found, err := b.Search(t.Context(), f)
			if err != nil || (want == "") != (found.Total == 0) {
				t.Errorf("a search in %s finds %d seeds, %v", name, found.Total, err)
			}
			for _, h := range found.Hits {
				if h.Seed.Source.ID != want {
					t.Errorf("a search in %s finds a seed of source %s; want those of %s", name, h.Seed.Source.ID, want)
				}
			}
			if n := len(b.all(f)); n != found.Total {
				t.Errorf("in %s there are %d seeds, and a search finds %d", name, n, found.Total)
			}
			f.Query = "bees"
			worded := 0
			if err := b.Each(t.Context(), f, func(extract.Seed) error { worded++; return nil }); err != nil || (want == "") != (worded == 0) {
				t.Errorf("with words, Each comes to %d seeds in %s, %v", worded, name, err)
			}
			if list, err := b.Sources(t.Context(), name); err != nil || want != "" && (len(list) != 1 || list[0].ID != want) {
				t.Errorf("Sources lists %+v of %s, %v; want %s", list, name, err, want)
			}
		}

		// Duplicates are found as before.
		into("more.md", faq+"\nAnd that is all there is to say of them.\n", "apiary")
		for _, s := range b.all(seedbed.Filter{Collection: []string{"apiary"}}) {
			if s.Source.ID != bees.ID && s.DuplicateOf == nil {
				t.Errorf("“%s” was asked before in the renamed collection, and is no duplicate", s.Question)
			}
		}
	})
}

func TestDeleteCollection(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), Collection: "hives"})
		if err != nil {
			t.Fatal(err)
		}
		b.ended(up.Run.ID)
		err = b.DeleteCollection(t.Context(), "hives")
		if seedbed.CodeOf(err) != seedbed.Conflict || !strings.Contains(err.Error(), "1 source with 3 seeds") {
			t.Errorf("DeleteCollection of a full one gives %v; want a conflict that says what is in it", err)
		}
		if err := b.DeleteCollection(t.Context(), seedbed.DefaultCollection); seedbed.CodeOf(err) != seedbed.Conflict {
			t.Errorf("DeleteCollection of the default one gives %v; want a conflict", err)
		}
		if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteCollection(t.Context(), "hives"); err != nil {
			t.Errorf("DeleteCollection of an empty one gives %v", err)
		}
		if err := b.DeleteCollection(t.Context(), "hives"); seedbed.CodeOf(err) != seedbed.NotFound {
			t.Errorf("DeleteCollection of one that is gone gives %v; want not found", err)
		}
		if names, err := b.CollectionNames(t.Context()); err != nil || len(names) != 0 {
			t.Errorf("there are still %q, %v", names, err)
		}
	})
}

// TestDeleteCollectionMeanwhile: no upload fails because its collection is
// removed just then.
func TestDeleteCollectionMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		const many = 30
		var group sync.WaitGroup
		stop := make(chan struct{})
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, f := range []func() error{
					func() error { return b.DeleteCollection(t.Context(), "hives") },
					func() error { _, _, err := b.AddCollection(t.Context(), "hives"); return err },
				} {
					err := f()
					if code := seedbed.CodeOf(err); err != nil && code != seedbed.Conflict && code != seedbed.NotFound {
						t.Error(err)
					}
				}
			}
		})
		for i := range many {
			up, err := b.Upload(t.Context(), seedbed.Upload{Name: "a.md", Body: strings.NewReader(fmt.Sprint(i)), Collection: "hives", NoRun: true})
			if err != nil {
				t.Errorf("upload %d fails: %v", i, err)
				continue
			}
			if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		group.Wait()
	})
}

func TestFileNames(t *testing.T) {
	b := start(t, t.TempDir(), jobs.Options{})
	for name, want := range map[string]string{
		"../../etc/passwd":               "passwd",
		`C:\Users\me\book.md`:            "book.md",
		"a\x00b\n.md":                    "ab.md",
		"":                               "unnamed",
		"..":                             "unnamed",
		strings.Repeat("ü", 200) + ".md": strings.Repeat("ü", 98) + ".md",
		"\xff\xfe.md":                    "\uFFFD.md",
	} {
		up, err := b.Upload(t.Context(), seedbed.Upload{Name: name, Body: strings.NewReader("# " + name), NoRun: true})
		if err != nil || up.Source.Name != want {
			t.Errorf("Upload of %q is called %q, %v; want %q", name, up.Source.Name, err, want)
		}
	}
}

// brokenReader fails in the middle of a file.
type brokenReader struct{ left int }

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errors.New("the connection was lost")
	}
	n := min(len(p), r.left)
	r.left -= n
	return n, nil
}

func TestUploadBreaksOff(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		if _, err := b.Upload(t.Context(), seedbed.Upload{Name: "a.bin", Body: &brokenReader{100_000}}); err == nil {
			t.Error("an upload that breaks off gives no error")
		}
		if list, err := b.Sources(t.Context(), ""); len(list) != 0 || err != nil {
			t.Errorf("it leaves %d sources, %v; want none", len(list), err)
		}
	})
}

func TestDeleteSource(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		keep := b.upload("keep.md", strings.ReplaceAll(faq, "bee", "wasp"), seedbed.RunOptions{})
		gone := b.upload("gone.md", faq, seedbed.RunOptions{})
		elsewhere, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), Collection: "hives"})
		if err != nil {
			t.Fatal(err)
		}
		for _, up := range []seedbed.Uploaded{keep, gone, elsewhere} {
			b.ended(up.Run.ID)
		}
		b.indexed()
		blobs := countBlobs(t, dir)

		if err := b.DeleteSource(t.Context(), gone.Source.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Run(t.Context(), gone.Run.ID); seedbed.CodeOf(err) != seedbed.NotFound {
			t.Errorf("after DeleteSource its run gives %v; want not found", err)
		}
		if n := len(b.all(seedbed.Filter{Source: []string{gone.Source.ID}})); n != 0 {
			t.Errorf("after DeleteSource there are %d of its seeds; want none", n)
		}
		b.indexed()
		if found, err := b.Search(t.Context(), seedbed.Filter{Source: []string{gone.Source.ID}}); err != nil || found.Total != 0 {
			t.Errorf("after DeleteSource a search finds %d of its seeds, %v; want none", found.Total, err)
		}
		if n := countBlobs(t, dir); n != blobs {
			t.Errorf("%d blobs are left of %d; want all, for another collection has the same bytes", n, blobs)
		}
		if err := b.DeleteSource(t.Context(), elsewhere.Source.ID); err != nil {
			t.Fatal(err)
		}
		if n := countBlobs(t, dir); n != blobs-2 {
			t.Errorf("%d blobs are left of %d; want original and document gone with their last source", n, blobs)
		}
		if got := len(b.all(seedbed.Filter{})); got != 3 {
			t.Errorf("%d seeds are left; want the 3 of the source that stays", got)
		}
		// The same bytes are a new source now, and no duplicates of what is gone.
		again := b.upload("gone.md", faq, seedbed.RunOptions{})
		if run := b.ended(again.Run.ID); again.Existed || run.Seeds != 3 {
			t.Errorf("the same bytes once more give %+v ending as %+v; want a new source with 3 seeds", again.Source, run)
		}
	})
}

func TestDeleteSourceInWork(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		inFlight := make(chan struct{}, 100)
		s := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
			inFlight <- struct{}{}
			<-ctx.Done()
		}})
		b := start(t, dir, impatient(s, 2))
		up := b.upload("machines.md", book(10), seedbed.RunOptions{})
		<-inFlight
		<-inFlight
		if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
			t.Fatal(err)
		}
		next := b.ended(b.upload("bees.md", faq, seedbed.RunOptions{Recipe: "explicit"}).Run.ID)
		if next.State != seedbed.RunDone {
			t.Errorf("after a source was deleted in work, the next run ends as %+v; want done", next)
		}
	})
}

// TestDeleteSeeds: many are deleted at once, but for those that are no more
// what they were chosen for.
func TestDeleteSeeds(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		run := b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		accepted := extract.Accepted
		var ids []string
		for id := range b.all(seedbed.Filter{}) {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if _, _, err := b.UpdateSeed(t.Context(), ids[0], 0, seedbed.SeedChange{Verdict: &accepted}); err != nil {
			t.Fatal(err)
		}
		b.indexed()
		draft := seedbed.Filter{Query: "bees", Verdict: []string{extract.Draft}, Collection: []string{"default"}}
		if n, err := b.DeleteSeeds(t.Context(), append(ids[:2:2], "gone"), draft); n != 1 || err != nil {
			t.Errorf("DeleteSeeds of a draft, and of one that was accepted meanwhile, gives %d, %v; want 1", n, err)
		}
		left := b.all(seedbed.Filter{})
		if _, ok := left[ids[0]]; !ok || len(left) != 2 {
			t.Errorf("%d seeds are left; want 2, that which was accepted among them", len(left))
		}
		if n, err := b.DeleteSeeds(t.Context(), ids, seedbed.Filter{}); n != 2 || err != nil {
			t.Errorf("DeleteSeeds of all gives %d, %v; want 2", n, err)
		}
		if run = b.ended(run.ID); run.Seeds != 0 {
			t.Errorf("the run counts %d seeds; want none", run.Seeds)
		}
		b.indexed()
		if found, err := b.Search(t.Context(), seedbed.Filter{}); err != nil || found.Total != 0 {
			t.Errorf("a search finds %d, %v; want none", found.Total, err)
		}
		if n, err := b.DeleteSeeds(t.Context(), nil, seedbed.Filter{}); n != 0 || err != nil {
			t.Errorf("DeleteSeeds of none gives %d, %v", n, err)
		}
	})
}

func countBlobs(t *testing.T, dir string) int {
	t.Helper()
	blobs, err := blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range blobs.Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestUpdateSeed(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		var id string
		for id = range b.all(seedbed.Filter{}) {
			break
		}
		before, version, err := b.Seed(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		ptr := func(s string) *string { return &s }

		after, next, err := b.UpdateSeed(t.Context(), id, version, seedbed.SeedChange{Verdict: ptr(extract.Accepted), Tags: &[]string{" insects ", "insects", ""}})
		if err != nil || next != version+1 || after.Verdict != extract.Accepted || !slices.Equal(after.Tags, []string{"insects"}) {
			t.Fatalf("UpdateSeed gives %+v, %d, %v; want it accepted with one tag and version %d", after, next, err, version+1)
		}
		if diff := cmp.Diff(before.Checks, after.Checks); diff != "" {
			t.Errorf("a person's verdict changes what the checks found (-before +after):\n%s", diff)
		}
		// Of other words nothing has been checked but where their evidence stands.
		changed, next, err := b.UpdateSeed(t.Context(), id, next, seedbed.SeedChange{Answer: ptr("As many as they like.")})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changed.Checks {
			if want := map[bool]string{true: extract.Pass, false: extract.Skipped}[c.Name == "ground"]; c.Verdict != want {
				t.Errorf("after another answer the check %s is %s (%s); want %s", c.Name, c.Verdict, c.Reason, want)
			}
		}
		if len(changed.Checks) < 2 {
			t.Errorf("the seed has the checks %+v; want more than one", changed.Checks)
		}
		if changed, _, err = b.UpdateSeed(t.Context(), id, next, seedbed.SeedChange{Answer: &before.Answer}); err != nil || changed.Answer != before.Answer {
			t.Fatalf("UpdateSeed gives %+v, %v; want the answer as it was", changed, err)
		}
		if _, _, err := b.UpdateSeed(t.Context(), id, version, seedbed.SeedChange{Verdict: ptr(extract.Rejected)}); seedbed.CodeOf(err) != seedbed.Stale {
			t.Errorf("UpdateSeed of an old version gives %v; want stale", err)
		}
		for name, c := range map[string]seedbed.SeedChange{
			"an empty question":  {Question: ptr(" ")},
			"an unknown verdict": {Verdict: ptr("maybe")},
			"an unknown type":    {Type: ptr("riddle")},
		} {
			if _, _, err := b.UpdateSeed(t.Context(), id, 0, c); seedbed.CodeOf(err) != seedbed.Invalid {
				t.Errorf("UpdateSeed with %s gives %v; want invalid", name, err)
			}
		}
		b.indexed()
		found, err := b.Search(t.Context(), seedbed.Filter{Verdict: []string{extract.Accepted}, Tag: []string{"insects"}})
		if err != nil || found.Total != 1 || found.Hits[0].Seed.ID != id {
			t.Errorf("a search for accepted seeds finds %+v, %v; want the one that was accepted", found.Hits, err)
		}

		rejected, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: ptr(extract.Rejected), VerdictReason: ptr("trivial")})
		if err != nil || rejected.VerdictReason != "trivial" {
			t.Errorf("UpdateSeed with a reason gives %q, %v; want trivial", rejected.VerdictReason, err)
		}
		rejected, _, err = b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: ptr(extract.Draft)})
		if err != nil || rejected.VerdictReason != "" {
			t.Errorf("UpdateSeed back to draft leaves the reason %q, %v; want none", rejected.VerdictReason, err)
		}
		rejected, _, err = b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: ptr(extract.Rejected)})
		if err != nil || rejected.VerdictReason == "" {
			t.Errorf("UpdateSeed to rejected without a reason gives none, %v", err)
		}

		// Each of these changes is known, with what was before it.
		list, more, err := b.History(t.Context(), id, 0)
		if err != nil || more || len(list) != 6 {
			t.Fatalf("History gives %+v, %v, %v; want the 6 changes", list, more, err)
		}
		was := list[4].Back() // the other answer
		if was.Answer == nil || *was.Answer != before.Answer || was.Question != nil || list[4].Version != 3 || list[4].Who != seedbed.ByPerson {
			t.Errorf("the change of the answer is kept as %+v", list[4])
		}
		older, _, err := b.History(t.Context(), id, 3)
		if diff := cmp.Diff(list[5:], older); err != nil || diff != "" {
			t.Errorf("from before version 3 there is another history, %v (-want +got):\n%s", err, diff)
		}
		last := list[0].Back()
		back, _, err := b.UpdateSeed(t.Context(), id, list[0].Version, last)
		if err != nil || back.Verdict != extract.Draft || back.VerdictReason != "" {
			t.Errorf("what the last change took brought back is %s (%s), %v; want a draft", back.Verdict, back.VerdictReason, err)
		}
		if _, _, err := b.History(t.Context(), "x", 0); seedbed.CodeOf(err) != seedbed.NotFound {
			t.Errorf("History of what is not there gives %v; want not found", err)
		}
	})
}

// A deleted seed is found nowhere any more, and may be found anew.
func TestDeleteSeed(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		up := b.upload("bees.md", faq, seedbed.RunOptions{})
		b.ended(up.Run.ID)
		b.indexed()
		found, err := b.Search(t.Context(), seedbed.Filter{Query: "queen"})
		if err != nil || found.Total != 1 {
			t.Fatalf("Search(queen) gives %+v, %v; want one hit", found, err)
		}
		gone := found.Hits[0].Seed
		if err := b.DeleteSeed(t.Context(), gone.ID, 7); seedbed.CodeOf(err) != seedbed.Stale {
			t.Errorf("DeleteSeed of another version gives %v; want stale", err)
		}
		if err := b.DeleteSeed(t.Context(), gone.ID, 1); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Seed(t.Context(), gone.ID); seedbed.CodeOf(err) != seedbed.NotFound {
			t.Errorf("a deleted seed gives %v; want not found", err)
		}
		b.indexed()
		if found, err := b.Search(t.Context(), seedbed.Filter{Query: "queen"}); err != nil || found.Total != 0 {
			t.Errorf("Search(queen) gives %d hits, %v; want none", found.Total, err)
		}
		if run, err := b.Run(t.Context(), up.Run.ID); err != nil || run.Seeds != 2 {
			t.Errorf("the run counts %d seeds, %v; want 2", run.Seeds, err)
		}
		b.clean()

		// Only what is still there is a duplicate.
		again := b.upload("again.md", faq+"\nThat is all.\n", seedbed.RunOptions{})
		if run := b.ended(again.Run.ID); run.Seeds != 1 || run.Rejected != 2 {
			t.Errorf("the same questions again leave %d seeds and %d rejected; want the deleted one and 2 duplicates", run.Seeds, run.Rejected)
		}
		b.indexed()
		b.clean()
	})
}

// clean fails the test if Check finds a fault.
func (b *bench) clean() {
	b.t.Helper()
	if _, err := b.Check(b.t.Context(), false, func(f jobs.Fault) { b.t.Errorf("Check finds %s", f) }); err != nil {
		b.t.Errorf("Check: %v", err)
	}
}

// TestManyEditors changes one seed from many sides at once: each change is
// told that it came too late, or is not lost.
func TestManyEditors(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		var id string
		for id = range b.all(seedbed.Filter{}) {
			break
		}
		before, _, err := b.Seed(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		const editors, edits = 8, 10
		var wg sync.WaitGroup
		for e := range editors {
			wg.Go(func() {
				for i := range edits {
					for {
						seed, version, err := b.Seed(t.Context(), id)
						if err != nil {
							t.Error(err)
							return
						}
						tags := append(seed.Tags, fmt.Sprintf("%d-%d", e, i))
						_, _, err = b.UpdateSeed(t.Context(), id, version, seedbed.SeedChange{Tags: &tags})
						if err == nil {
							break
						}
						if seedbed.CodeOf(err) != seedbed.Stale {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		seed, version, err := b.Seed(t.Context(), id)
		if err != nil || len(seed.Tags) != len(before.Tags)+editors*edits || version != editors*edits+1 {
			t.Errorf("after %d changes there are %d tags more and version %d, %v", editors*edits, len(seed.Tags)-len(before.Tags), version, err)
		}
	})
}

// TestManyUploads uploads the same and different bytes from many sides.
func TestManyUploads(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		first := 0
		sources := map[string]bool{}
		for i := range 24 {
			wg.Go(func() {
				up, err := b.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(fmt.Sprintf("%s\n\nEdition %d.\n", faq, i%4))})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				sources[up.Source.ID] = true
				if !up.Existed {
					first++
				}
			})
		}
		wg.Wait()
		if len(sources) != 4 || first != 4 {
			t.Errorf("24 uploads of 4 texts give %d sources, %d of them new; want 4 and 4", len(sources), first)
		}
		runs, err := b.Runs(t.Context(), "")
		if err != nil || len(runs) != 4 {
			t.Fatalf("they give %d runs, %v; want 4", len(runs), err)
		}
		for _, run := range runs {
			if run = b.ended(run.ID); run.State != seedbed.RunDone || run.Seeds+run.Rejected != 3 {
				t.Errorf("a run ends as %+v; want done with 3 seeds", run)
			}
		}
	})
}

// flaky is an index that fails at random, and always for a seed it hates.
type flaky struct {
	search.Index
	mu     sync.Mutex
	random *rand.Rand
	down   bool
	hates  string // a word in the question
}

var errFlaky = errors.New("the index is out of sorts")

func (f *flaky) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *flaky) Apply(ctx context.Context, changes []search.Change) error {
	f.mu.Lock()
	fails := f.down || f.random != nil && f.random.IntN(3) == 0
	for _, c := range changes {
		fails = fails || f.hates != "" && c.Seed != nil && strings.Contains(c.Seed.Question, f.hates)
	}
	part := 0
	if fails && f.random != nil {
		part = f.random.IntN(len(changes) + 1)
	}
	f.mu.Unlock()
	if fails { // some of them may have been applied
		return errors.Join(errFlaky, f.Index.Apply(ctx, changes[:part]))
	}
	return f.Index.Apply(ctx, changes)
}

func (f *flaky) Search(ctx context.Context, filter seedbed.Filter) (search.Page, error) {
	f.mu.Lock()
	down := f.down
	f.mu.Unlock()
	if down {
		return search.Page{}, errFlaky
	}
	return f.Index.Search(ctx, filter)
}

func openFlaky(t *testing.T) *flaky {
	t.Helper()
	index, err := search.Open(filepath.Join(t.TempDir(), "index.db"), search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() })
	return &flaky{Index: index}
}

func TestOutboxLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		index := openFlaky(t)
		index.random = rand.New(rand.NewPCG(1, 2))
		b := start(t, dir, jobs.Options{Index: index})
		for i := range 6 {
			b.upload("bees.md", strings.ReplaceAll(faq, "bee", fmt.Sprintf("bee%d", i)), seedbed.RunOptions{})
		}
		runs, err := b.Runs(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			b.ended(run.ID)
		}
		for id := range b.all(seedbed.Filter{}) {
			tags := []string{"seen"}
			if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Tags: &tags}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.DeleteSource(t.Context(), runs[0].Source); err != nil {
			t.Fatal(err)
		}
		index.set(func() { index.random = nil })
		b.indexed()
		sameAsIndex(t, b, index)
		found, err := b.Search(t.Context(), seedbed.Filter{Tag: []string{"seen"}, Verdict: []string{extract.Draft, extract.Rejected}})
		if want := len(b.all(seedbed.Filter{})); err != nil || found.Total != want {
			t.Errorf("the index knows the last change of %d seeds, %v; want all %d", found.Total, err, want)
		}
	})
}

// sameAsIndex compares ids and versions.
func sameAsIndex(t *testing.T, b *bench, index search.Index) {
	t.Helper()
	want := map[string]int64{}
	for id := range b.all(seedbed.Filter{}) {
		_, version, err := b.Seed(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		want[id] = version
	}
	held, err := versions(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, v := range held {
		got[v.ID] = v.Version
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("database and index differ (-database +index):\n%s", diff)
	}
}

func TestIndexDoesNotTakeOne(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		index := openFlaky(t)
		index.hates = "dance"
		b := start(t, dir, jobs.Options{Index: index})
		b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		b.eventually(func() bool {
			n, err := b.db.OutboxCount(t.Context())
			return err == nil && n == 1
		})
		found, err := b.Search(t.Context(), seedbed.Filter{})
		if err != nil || found.Total != 2 || found.Behind != 1 {
			t.Errorf("with one seed the index does not take, Search gives %d seeds and %d behind, %v; want 2 and 1", found.Total, found.Behind, err)
		}
		// Changing the seed tries again at once.
		index.set(func() { index.hates = "" })
		for id, s := range b.all(seedbed.Filter{}) {
			if strings.Contains(s.Question, "dance") {
				if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Tags: &[]string{"again"}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.indexed()
		sameAsIndex(t, b, index)
	})
}

// What is changed where no worker runs is found all the same.
func TestFollow(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		worker := start(t, dir, jobs.Options{})
		worker.ended(worker.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		worker.indexed()
		if err := worker.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := open(t, dir, jobs.Options{})
		t.Cleanup(b.close)
		stop := b.Follow(t.Context())
		defer stop()
		for id := range b.all(seedbed.Filter{}) {
			if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Tags: &[]string{"seen"}}); err != nil {
				t.Fatal(err)
			}
		}
		b.indexed()
		if found, err := b.Search(t.Context(), seedbed.Filter{Tag: []string{"seen"}}); err != nil || found.Total != 3 {
			t.Errorf("a search finds %d changed seeds, %v; want all 3", found.Total, err)
		}
	})
}

// Who changes many seeds and then looks again finds what they are now.
func TestIndexed(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		index := openFlaky(t)
		b := start(t, dir, jobs.Options{Index: index})
		b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		var ids []string
		for id := range b.all(seedbed.Filter{}) {
			ids = append(ids, id)
		}
		if n, err := b.DeleteSeeds(t.Context(), ids[1:], seedbed.Filter{}); err != nil || n != 2 {
			t.Fatalf("DeleteSeeds deletes %d, %v; want 2", n, err)
		}
		if err := b.Indexed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found, err := b.Search(t.Context(), seedbed.Filter{}); err != nil || found.Total != 1 || found.Behind != 0 {
			t.Errorf("a search finds %d seeds, %d changes behind, %v; want 1", found.Total, found.Behind, err)
		}
		// It waits for no index that is away.
		index.set(func() { index.down = true })
		accepted := extract.Accepted
		if _, _, err := b.UpdateSeed(t.Context(), ids[0], 0, seedbed.SeedChange{Verdict: &accepted}); err != nil {
			t.Fatal(err)
		}
		if err := b.Indexed(t.Context()); err != nil {
			t.Errorf("Indexed with the index away: %v", err)
		}
	})
}

func TestSearchWithoutIndex(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		index := openFlaky(t)
		b := start(t, dir, jobs.Options{Index: index})
		b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		b.indexed()
		index.set(func() { index.down = true })
		for query, want := range map[string]int{"": 3, "queen": 1, "BEE": 3, `"worker bee"`: 1, "bee -queen": 2, "100%": 0, "a_b": 0, "unheard": 0} {
			found, err := b.Search(t.Context(), seedbed.Filter{Query: query})
			if err != nil || found.Total != want || len(found.Hits) != want {
				t.Errorf("without the index, Search(%s) gives %d hits of %d, %v; want %d", query, len(found.Hits), found.Total, err, want)
			}
		}
		found, err := b.Search(t.Context(), seedbed.Filter{Query: "queen"})
		if err != nil || len(found.Facets["source"]) != 1 || found.Facets["source"][0].Label != "Keeping bees" {
			t.Errorf("without the index, Search gives the facets %+v, %v; want the source with its title", found.Facets, err)
		}
		if n := len(b.all(seedbed.Filter{Query: "queen"})); n != 1 {
			t.Errorf("without the index, Each(queen) gives %d seeds; want 1", n)
		}
	})
}

func TestIndexLostOrOld(t *testing.T) {
	dir := t.TempDir()
	// seedbed.db changes while index.db does not, or is gone, or knows more.
	b := open(t, dir, jobs.Options{})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := b.upload("bees.md", faq, seedbed.RunOptions{})
	second := b.upload("wasps.md", strings.ReplaceAll(faq, "bee", "wasp"), seedbed.RunOptions{})
	b.ended(first.Run.ID)
	b.ended(second.Run.ID)
	b.indexed()
	b.close()
	old := readFile(t, filepath.Join(dir, "index.db"))

	b = open(t, dir, jobs.Options{})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id := range b.all(seedbed.Filter{Source: []string{first.Source.ID}}) {
		if _, _, err := b.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Tags: &[]string{"new"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteSource(t.Context(), second.Source.ID); err != nil {
		t.Fatal(err)
	}
	b.ended(b.upload("ants.md", strings.ReplaceAll(faq, "bee", "ant"), seedbed.RunOptions{}).Run.ID)
	b.indexed()
	b.close()

	for name, change := range map[string]func(){
		"an old index": func() { removeIndex(t, dir); writeFile(t, filepath.Join(dir, "index.db"), old) },
		"no index":     func() { removeIndex(t, dir) },
		"a broken file": func() {
			removeIndex(t, dir)
			writeFile(t, filepath.Join(dir, "index.db"), []byte("not a database, whatever it says"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			change()
			b := open(t, dir, jobs.Options{})
			defer b.close()
			if err := b.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.eventually(func() bool {
				found, err := b.Search(t.Context(), seedbed.Filter{Tag: []string{"new"}})
				return err == nil && found.Total == 3 && found.Behind == 0
			})
			sameAsIndex(t, b, b.index)
		})
	}
}

func TestReindex(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
		b.indexed()
		if err := b.Reindex(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.indexed()
		sameAsIndex(t, b, b.index)
	})
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func removeIndex(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "index.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.RemoveAll(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEndpoints(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		s := llmtest.New(t, llmtest.Script{Key: "sk-right", Models: []string{"small", "large"}})
		b := start(t, dir, jobs.Options{})
		ctx := t.Context()
		if list, err := b.Endpoints(ctx); len(list) != 0 || err != nil {
			t.Errorf("Endpoints gives %v, %v; want none", list, err)
		}
		for _, e := range []seedbed.Endpoint{{URL: "not a url"}, {URL: "ftp://x/v1"}, {URL: s.URL, Concurrency: -1}, {ID: jobs.EnvEndpoint, URL: s.URL}} {
			if _, err := b.SaveEndpoint(ctx, e); seedbed.CodeOf(err) != seedbed.Invalid {
				t.Errorf("SaveEndpoint(%+v) gives %v; want invalid", e, err)
			}
		}
		names, err := b.ListModels(ctx, s.URL, "sk-right")
		if err != nil || !slices.Equal(names, []string{"large", "small"}) {
			t.Errorf("ListModels gives %v, %v; want large and small", names, err)
		}
		e, err := b.SaveEndpoint(ctx, seedbed.Endpoint{Name: "mine", URL: s.URL, Key: "sk-right", Model: "small"})
		if err != nil || e.Key != "" || !e.HasKey || e.ID == "" || e.Concurrency == 0 {
			t.Fatalf("SaveEndpoint gives %+v, %v; want an id, a concurrency and no key", e, err)
		}
		if words, err := b.TestEndpoint(ctx, e.ID); err != nil || !strings.Contains(words, "small") {
			t.Errorf("TestEndpoint gives %q, %v; want the model's name", words, err)
		}
		e.Model = "large" // the key stays
		if e, err = b.SaveEndpoint(ctx, e); err != nil || !e.HasKey {
			t.Errorf("SaveEndpoint without a key gives %+v, %v; want the key kept", e, err)
		}
		if names, err = b.EndpointModels(ctx, e.ID); err != nil || len(names) != 2 {
			t.Errorf("EndpointModels gives %v, %v; want both models", names, err)
		}
		other := e
		other.URL = s.URL + "/" // perhaps somebody else's
		if other, err = b.SaveEndpoint(ctx, other); err != nil || other.HasKey {
			t.Errorf("SaveEndpoint with another URL gives %+v, %v; want the key gone", other, err)
		}
		if _, err = b.EndpointModels(ctx, e.ID); seedbed.CodeOf(err) != seedbed.Invalid {
			t.Errorf("EndpointModels without the key gives %v; want invalid", err)
		}
		list, err := b.Endpoints(ctx)
		if err != nil || len(list) != 1 || list[0].Key != "" || !list[0].Default {
			t.Errorf("Endpoints gives %+v, %v; want the only one as the default, without its key", list, err)
		}

		// A server that was added while we run is worked with at once.
		e.Key, e.URL = "sk-right", s.URL
		if e, err = b.SaveEndpoint(ctx, e); err != nil {
			t.Fatal(err)
		}
		run := b.ended(b.upload("machines.md", book(3), seedbed.RunOptions{Endpoint: e.ID, Model: "small"}).Run.ID)
		if run.State != seedbed.RunDone || run.Model != "small" || run.Passages.Done != 3 {
			t.Errorf("a run with a server added just now ends as %+v; want done with the model small", run)
		}

		// Without a model chosen, which of the two is not for us to say.
		e.Model = ""
		if e, err = b.SaveEndpoint(ctx, e); err != nil {
			t.Fatal(err)
		}
		src := b.upload("bees.md", faq, seedbed.RunOptions{Recipe: "explicit"}).Source.ID
		_, err = b.StartRun(ctx, src, seedbed.RunOptions{Recipe: "quick"})
		if seedbed.CodeOf(err) != seedbed.Invalid || !strings.Contains(err.Error(), "large, small; choose one in the settings") {
			t.Errorf("a run with no model chosen gives %v; want the models and where to choose one", err)
		}
		if err := b.DeleteEndpoint(ctx, e.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestOnlyModel: llama-server has one model, so nobody has to say which.
func TestOnlyModel(t *testing.T) {
	s := llmtest.New(t, llmtest.Script{Models: []string{"qwen.gguf"}})
	o := impatient(s, 2)
	o.Env.Model = ""
	b := start(t, t.TempDir(), o)
	if words, err := b.TestEndpoint(t.Context(), jobs.EnvEndpoint); err != nil || !strings.Contains(words, "qwen.gguf") {
		t.Errorf("TestEndpoint gives %q, %v; want the server's only model", words, err)
	}
	run := b.ended(b.upload("machines.md", book(3), seedbed.RunOptions{}).Run.ID)
	if run.State != seedbed.RunDone || run.Model != "qwen.gguf" {
		t.Errorf("the run ends as %+v; want done by the server's only model", run)
	}
}

func TestEndpointRemovedInWork(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		inFlight := make(chan struct{}, 100)
		s := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) { inFlight <- struct{}{} }, Latency: 5 * time.Millisecond})
		b := start(t, dir, jobs.Options{})
		e, err := b.SaveEndpoint(t.Context(), seedbed.Endpoint{URL: s.URL, Model: "scripted", Concurrency: 2})
		if err != nil {
			t.Fatal(err)
		}
		run := b.upload("machines.md", book(40), seedbed.RunOptions{}).Run
		<-inFlight
		if err := b.DeleteEndpoint(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		paused := b.until(run.ID, func(r seedbed.Run) bool { return r.State == seedbed.RunPaused })
		if paused.Error == nil || !strings.Contains(paused.Error.Message, "removed") {
			t.Errorf("a run whose server is removed pauses with %v; want it said", paused.Error)
		}
		if err := b.Resume(t.Context(), run.ID); seedbed.CodeOf(err) != seedbed.Conflict {
			t.Errorf("Resume without the server gives %v; want a conflict", err)
		}
	})
}

func TestOneWorker(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, jobs.Options{})
	other := open(t, dir, jobs.Options{})
	defer other.close()
	if err := other.Start(t.Context()); seedbed.CodeOf(err) != seedbed.Conflict {
		t.Errorf("a second process that works on the folder gets %v; want a conflict", err)
	}
}

// TestStop ends a service in the middle of calls: those in flight are waited
// for, nobody makes new ones, and the next service goes on.
func TestStop(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		inFlight := make(chan struct{}, 100)
		s := llmtest.New(t, llmtest.Script{Latency: 50 * time.Millisecond, Before: func(context.Context, llmtest.Request) { inFlight <- struct{}{} }})
		b := open(t, dir, impatient(s, 4))
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		run := b.upload("machines.md", book(20), seedbed.RunOptions{}).Run
		for range 4 {
			<-inFlight
		}
		b.close()
		asked := s.Stats().Requests
		b = start(t, dir, impatient(s, 4))
		done := b.ended(run.ID)
		if done.State != seedbed.RunDone || done.Passages.Done != 20 || done.Calls != 20 {
			t.Errorf("after Stop and Start the run ends as %+v; want 20 passages by 20 calls", done)
		}
		if stats := s.Stats(); stats.Requests != 20 || asked > 8 {
			t.Errorf("the server was asked %d times, %d before Stop had ended; want 20, and about 4", stats.Requests, asked)
		}
	})
}

// TestStopWithoutPatience ends a service whose calls do not end.
func TestStopWithoutPatience(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		inFlight := make(chan struct{}, 100)
		hang := make(chan struct{})
		s := llmtest.New(t, llmtest.Script{Before: func(ctx context.Context, _ llmtest.Request) {
			inFlight <- struct{}{}
			select {
			case <-hang:
			case <-ctx.Done():
			}
		}})
		o := impatient(s, 2)
		o.Grace = time.Millisecond
		b := open(t, dir, o)
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		run := b.upload("machines.md", book(5), seedbed.RunOptions{}).Run
		<-inFlight
		b.close()
		close(hang)
		b = start(t, dir, o)
		if done := b.ended(run.ID); done.State != seedbed.RunDone || done.Passages.Done != 5 || done.Passages.Failed != 0 {
			t.Errorf("after a hard Stop and Start the run ends as %+v; want all 5 passages done", done)
		}
	})
}

// TestDocumentLost: what is wrong with our own files ends a run, too.
func TestDocumentLost(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		o := jobs.Options{Patience: func(int) time.Duration { return 0 }}
		b := open(t, dir, o)
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		src := b.ready(faq)
		b.close()
		if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
		b = start(t, dir, o)
		run, err := b.StartRun(t.Context(), src.ID, seedbed.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		run = b.ended(run.ID)
		if run.State != seedbed.RunDone || run.Passages.Failed != run.Passages.Total {
			t.Errorf("a run whose document is lost ends as %+v; want done with every passage failed", run)
		}
		failures, err := b.Failures(t.Context(), run.ID)
		if err != nil || len(failures) == 0 || failures[0].Code != seedbed.Internal || !strings.Contains(failures[0].Reason, "document") {
			t.Errorf("its failures are %+v, %v; want them to name the document", failures, err)
		}
	})
}

func TestWatch(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		any := b.Watch(ctx, "")
		run := b.upload("bees.md", faq, seedbed.RunOptions{}).Run
		if _, ok := <-any; !ok {
			t.Error("Watch of any run ends before its context")
		}
		b.ended(run.ID)
		cancel()
		for range any { // it is closed
		}
	})
}

func TestEachInDocumentOrder(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		b := start(t, dir, jobs.Options{})
		var sources []string
		for i := range 3 {
			up := b.upload("bees.md", strings.ReplaceAll(faq, "bee", fmt.Sprintf("bee%d", i)), seedbed.RunOptions{})
			b.ended(up.Run.ID)
			sources = append(sources, up.Source.ID)
		}
		var got []string
		last := map[string]int{}
		err := b.Each(t.Context(), seedbed.Filter{}, func(s extract.Seed) error {
			if len(got) == 0 || got[len(got)-1] != s.Source.ID {
				got = append(got, s.Source.ID)
			}
			if s.Evidence[0].Start < last[s.Source.ID] {
				t.Errorf("seed %q comes behind one that stands after it in the text", s.Question)
			}
			last[s.Source.ID] = s.Evidence[0].Start
			return nil
		})
		if err != nil || !slices.Equal(got, sources) {
			t.Errorf("Each goes through the sources %v, %v; want %v", got, err, sources)
		}
		b.indexed()
		for query, want := range map[string][]string{"": sources, "bee1": sources[1:2]} {
			counts, err := b.CountBySource(t.Context(), seedbed.Filter{Query: query})
			var ids []string
			for _, c := range counts {
				ids = append(ids, c.ID)
				if src, err := b.Source(t.Context(), c.ID); err != nil || c.SHA256 != src.SHA256 || c.Seeds == 0 {
					t.Errorf("CountBySource(%q) counts %+v; want seeds of %s, %v", query, c, src.SHA256, err)
				}
			}
			if err != nil || !slices.Equal(ids, want) {
				t.Errorf("CountBySource(%q) lists the sources %v, %v; want %v", query, ids, err, want)
			}
		}
		stop := errors.New("enough")
		if err := b.Each(t.Context(), seedbed.Filter{}, func(extract.Seed) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("Each gives %v; want the error of its function", err)
		}
	})
}
