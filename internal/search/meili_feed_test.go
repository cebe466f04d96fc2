package search_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/search"
	"seedbed/internal/search/meilitest"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

const beeQuestions = `# Bees

Q: Why do bees dance in the hive?

A: A bee that has found food dances to tell the others the direction and the distance.

Q: How does a colony keep warm in winter?

A: The bees gather in a cluster and shiver with their flight muscles.
`

// TestMeiliFollowsTheDatabase runs the whole program's feed against a server
// that is empty, then away, then wiped.
func TestMeiliFollowsTheDatabase(t *testing.T) {
	s := meilitest.New(t)
	index := openMeili(t, search.MeiliOptions{URL: s.URL})
	db, service := startService(t, index)

	up, err := service.Upload(t.Context(), seedbed.Upload{Name: "bees.md", Body: strings.NewReader(beeQuestions)})
	if err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		run, err := service.Run(t.Context(), up.Run.ID)
		return err == nil && run.Ended()
	})
	sameSoon(t, db, index)
	found, err := service.Search(t.Context(), seedbed.Filter{Query: "shiver"})
	if err != nil || found.Total != 1 || !strings.Contains(found.Hits[0].Highlights["answer"], seedbed.MarkStart+"shiver"+seedbed.MarkEnd) {
		t.Fatalf("Search(shiver) = %+v, %v, want one marked hit", found, err)
	}
	id := found.Hits[0].Seed.ID
	accepted, rejected := extract.Accepted, extract.Rejected

	s.Down(true)
	if _, _, err := service.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: &accepted}); err != nil {
		t.Fatal(err)
	}
	found, err = service.Search(t.Context(), seedbed.Filter{Query: "shiver", Verdict: []string{extract.Accepted}})
	if err != nil || found.Total != 1 || found.Behind != 1 || !found.Fallback {
		t.Errorf("with the server away, Search finds %d, %d changes behind, %v; want 1, 1", found.Total, found.Behind, err)
	}
	s.Down(false)
	sameSoon(t, db, index)

	s.Wipe()
	if _, _, err := service.UpdateSeed(t.Context(), id, 0, seedbed.SeedChange{Verdict: &rejected}); err != nil {
		t.Fatal(err)
	}
	sameSoon(t, db, index)
	found, err = service.Search(t.Context(), seedbed.Filter{Query: "bees"})
	if err != nil || found.Total == 0 {
		t.Errorf("after the server was wiped, Search(bees) finds %d, %v", found.Total, err)
	}
}

func startService(t *testing.T, index search.Index) (*store.DB, *jobs.Service) {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "seedbed.db")})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	service, err := jobs.New(t.Context(), jobs.Options{
		DB: db, Blobs: blobs, Index: index, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Read: func(ctx context.Context, path, name string, _ seedbed.Reading) (*extract.Document, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer func() { _ = f.Close() }()
			return markdown.Read(ctx, f, name)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, service
}

// until polls for what nothing tells of; the test binary's own timeout ends
// it where it never comes.
func until(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-t.Context().Done():
			t.Fatal("the test ended first")
		case <-tick.C:
		}
	}
}

// sameSoon waits for the outbox to be empty and compares what the database
// and the index have.
func sameSoon(t *testing.T, db *store.DB, index search.Index) {
	t.Helper()
	until(t, func() bool {
		n, err := db.OutboxCount(t.Context())
		return err == nil && n == 0
	})
	want, got := map[string]int64{}, map[string]int64{}
	all, err := db.Versions(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		want[v.Seed] = v.Version
	}
	for v, err := range index.Versions(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[v.ID] = v.Version
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("of %d seeds, database and index differ (-database +index):\n%s", len(want), diff)
	}
}
