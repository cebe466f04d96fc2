package jobs_test

import (
	"context"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
)

func TestCheck(t *testing.T) {
	type library struct {
		*bench
		blobs *blob.Dir
		src   seedbed.Source
		seeds []string
	}
	exec := func(l library, statement string) {
		if _, err := l.db.Writer().ExecContext(t.Context(), statement, l.src.ID); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, test := range []struct {
		name   string
		damage func(l library)
		kinds  string // of the faults found, those that cannot be mended with a star
	}{
		{"nothing", func(library) {}, ""},
		{"original removed", func(l library) { remove(t, l.blobs.Path(l.src.SHA256)) }, "original missing*"},
		{"original cut", func(l library) { overwrite(t, l.blobs.Path(l.src.SHA256), "half") }, "original altered*"},
		{"document removed", func(l library) { remove(t, l.blobs.Path(l.src.Document)) }, "document missing"},
		{"document altered", func(l library) { overwrite(t, l.blobs.Path(l.src.Document), "not it") }, "document altered"},
		{"both gone", func(l library) {
			remove(t, l.blobs.Path(l.src.SHA256))
			remove(t, l.blobs.Path(l.src.Document))
		}, "original missing* document missing*"},
		{"a document that is none", func(l library) {
			sum, _, err := l.blobs.Put(t.Context(), strings.NewReader("no document"))
			if err != nil {
				t.Fatal(err)
			}
			exec(l, `UPDATE sources SET document = '`+sum+`' WHERE id = $1`)
		}, "document unreadable* blob orphaned"},
		{"blobs that nothing names", func(l library) {
			old, _, err := l.blobs.Put(t.Context(), strings.NewReader("left by a killed upload"))
			if err != nil {
				t.Fatal(err)
			}
			age(t, l.blobs.Path(old))
			if _, _, err := l.blobs.Put(t.Context(), strings.NewReader("being uploaded just now")); err != nil {
				t.Fatal(err)
			}
		}, "blob orphaned"},
		{"source gone", func(l library) {
			exec(l, `DELETE FROM runs WHERE source = $1`)
			exec(l, `DELETE FROM sources WHERE id = $1`)
		}, "blob orphaned blob orphaned rows left over rows left over rows left over"},
		{"source of a changed seed gone", func(l library) {
			tags := []string{"bees"}
			if _, _, err := l.UpdateSeed(t.Context(), l.seeds[0], 0, seedbed.SeedChange{Tags: &tags}); err != nil {
				t.Fatal(err)
			}
			l.indexed()
			exec(l, `DELETE FROM runs WHERE source = $1`)
			exec(l, `DELETE FROM sources WHERE id = $1`)
		}, "blob orphaned blob orphaned rows left over rows left over rows left over"},
		{"a history without a seed", func(l library) {
			exec(l, `INSERT INTO history (seed, version, who, at, changes) VALUES ('gone', 2, $1, 0, '[]')`)
		}, "rows left over"},
		{"a source without a job", func(l library) { exec(l, `UPDATE sources SET state = 'reading' WHERE id = $1`) }, "source stuck"},
		{"a run without a job", func(l library) { exec(l, `UPDATE runs SET state = 'running' WHERE source = $1`) }, "run stuck"},
		{"index lacks a seed", func(l library) {
			l.apply(search.Change{ID: l.seeds[0], Version: 1})
		}, "index differs"},
		{"index has too much", func(l library) {
			l.apply(search.Change{ID: "zzz", Version: 3, Seed: &extract.Seed{ID: "zzz", Question: "Who am I?"}})
		}, "index differs"},
		{"index is ahead", func(l library) {
			l.apply(search.Change{ID: l.seeds[1], Version: 7, Seed: &extract.Seed{ID: l.seeds[1], Question: "From the future?"}})
		}, "index differs"},
		{"index is behind", func(l library) {
			exec(l, `UPDATE seeds SET version = version + 1 WHERE source = $1`)
		}, "index differs index differs index differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l := library{bench: start(t, dir, jobs.Options{Read: readWhole})}
			up, err := l.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(faq), Reading: seedbed.Reading{WholePage: true}})
			if err != nil {
				t.Fatal(err)
			}
			l.ended(up.Run.ID)
			l.indexed()
			if l.blobs, err = blob.Folder(filepath.Join(dir, "blobs")); err != nil {
				t.Fatal(err)
			}
			if l.src, err = l.Source(t.Context(), up.Source.ID); err != nil {
				t.Fatal(err)
			}
			for _, sum := range []string{l.src.SHA256, l.src.Document} {
				age(t, l.blobs.Path(sum))
			}
			for id := range l.all(seedbed.Filter{}) {
				l.seeds = append(l.seeds, id)
			}
			exec(l, `DELETE FROM garbage WHERE $1 <> ''`) // as the next sweep would
			test.damage(l)

			want, left := strings.ReplaceAll(test.kinds, "*", ""), ""
			if got := kinds(l.check(false)); got != want {
				t.Errorf("Check finds %q, want %q", got, want)
			}
			found := l.check(true)
			if got := kinds(found); got != want {
				t.Errorf("Check with mending finds %q, want %q", got, want)
			}
			for _, f := range found {
				if !f.Mended {
					left = strings.TrimSpace(left + " " + f.Kind + "*")
				}
			}
			if got := starred(test.kinds); got != left {
				t.Errorf("Check could not mend %q, want %q", left, got)
			}
			l.indexed()
			if got := kinds(l.check(false)); got != strings.ReplaceAll(left, "*", "") {
				t.Errorf("after mending, Check finds %q, want %q", got, left)
			}
			if left == "" {
				sameAsIndex(t, l.bench, l.index)
			}
		})
	}
}

// slowlyRead is an index in which something is done between the first listing
// of what it holds and what is made of that.
type slowlyRead struct {
	search.Index
	then atomic.Pointer[func()]
}

func (s *slowlyRead) Versions(ctx context.Context) iter.Seq2[search.Version, error] {
	then := s.then.Swap(nil)
	if then == nil {
		return s.Index.Versions(ctx)
	}
	held, err := versions(ctx, s.Index)
	(*then)()
	return func(yield func(search.Version, error) bool) {
		for _, v := range held {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			yield(search.Version{}, err)
		}
	}
}

func versions(ctx context.Context, index search.Index) (out []search.Version, err error) {
	for v, err := range index.Versions(ctx) {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

// TestCheckWhileTheIndexFollows has changes reach the index after Check has
// listed what it holds: that is no fault.
func TestCheckWhileTheIndexFollows(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		index := &slowlyRead{Index: openFlaky(t)}
		b := start(t, dir, jobs.Options{Index: index, Reconcile: time.Hour})
		up := b.upload("bees.md", faq, seedbed.RunOptions{})
		b.ended(up.Run.ID)
		b.indexed()
		meanwhile := func() {
			if err := b.DeleteSource(t.Context(), up.Source.ID); err != nil {
				t.Error(err)
			}
			b.ended(b.upload("wasps.md", strings.ReplaceAll(faq, "bee", "wasp"), seedbed.RunOptions{}).Run.ID)
			b.indexed()
		}
		index.then.Store(&meanwhile)
		if found := b.check(false); len(found) > 0 {
			t.Errorf("Check finds %v", found)
		}
		held, err := versions(t.Context(), index)
		if err != nil || len(held) != 3 {
			t.Fatalf("the index holds %v, %v; want 3 seeds", held, err)
		}
		if err := index.Apply(t.Context(), []search.Change{{ID: held[0].ID, Version: 2}}); err != nil {
			t.Fatal(err)
		}
		if found := b.check(false); kinds(found) != "index differs" {
			t.Errorf("Check finds %v; want the seed that the index has lost", found)
		}
	})
}

// readWhole reads the first line only unless the whole page is asked for, as
// somebody did for the source of TestCheck.
func readWhole(ctx context.Context, path, name string, how seedbed.Reading) (*extract.Document, error) {
	doc, err := readMarkdown(ctx, path, name, how)
	if err == nil && !how.WholePage {
		doc, err = markdown.Read(ctx, strings.NewReader(doc.Blocks[0].Text), name)
	}
	return doc, err
}

func (b *bench) apply(changes ...search.Change) {
	b.t.Helper()
	if err := b.index.Apply(b.t.Context(), changes); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) check(mend bool) (found []jobs.Fault) {
	b.t.Helper()
	if _, err := b.Check(b.t.Context(), mend, func(f jobs.Fault) { found = append(found, f) }); err != nil {
		b.t.Fatalf("Check: %v", err)
	}
	return found
}

// kinds are the kinds of faults, in the order of Check.
func kinds(found []jobs.Fault) string {
	var out []string
	for _, f := range found {
		out = append(out, f.Kind)
	}
	return strings.Join(out, " ")
}

// starred are the kinds with a star.
func starred(kinds string) string {
	var out []string
	for _, k := range []string{"original missing", "original altered", "document missing", "document unreadable"} {
		if strings.Contains(kinds, k+"*") {
			out = append(out, k+"*")
		}
	}
	return strings.Join(out, " ")
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, name, data string) {
	t.Helper()
	remove(t, name)
	writeFile(t, name, []byte(data))
}

// age makes a file older than any blob that is being uploaded.
func age(t *testing.T, name string) {
	t.Helper()
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
}

// TestReconcile: an index that lost what it had is compared with the database
// again and again, and an index that followed a newer state of the database,
// of which a backup was put back, is built anew.
func TestReconcile(t *testing.T) {
	b := start(t, t.TempDir(), jobs.Options{Reconcile: 20 * time.Millisecond})
	b.ended(b.upload("bees.md", faq, seedbed.RunOptions{}).Run.ID)
	b.indexed()
	ids := slices.Sorted(maps.Keys(b.all(seedbed.Filter{})))
	for name, change := range map[string]search.Change{
		"lost":                     {ID: ids[0], Version: 1},
		"deleted in a later state": {ID: ids[1], Version: 9},
		"changed in a later state": {ID: ids[2], Version: 9, Seed: &extract.Seed{ID: ids[2], Question: "Later?"}},
	} {
		b.apply(change)
		b.eventually(func() bool {
			got, err := versions(t.Context(), b.index)
			if err != nil {
				t.Fatal(err)
			}
			return cmp.Equal(got, []search.Version{{ID: ids[0], Version: 1}, {ID: ids[1], Version: 1}, {ID: ids[2], Version: 1}})
		})
		sameAsIndex(t, b, b.index)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
