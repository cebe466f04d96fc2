package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/internal/search"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// The test binary plays the server that is killed: with these set it works on
// a data folder until every run has ended.
const (
	serveEnv = "SEEDBED_JOBS_TEST_SERVE"
	modelEnv = "SEEDBED_JOBS_TEST_MODEL"

	databaseEnv = "SEEDBED_JOBS_TEST_DATABASE"

	// writeEnv is the write to SQLite at which the process kills itself.
	writeEnv = "SEEDBED_JOBS_TEST_WRITE"
)

const (
	atOnce     = 8 // of which a job has two
	firstCalls = 4 // are made before any is answered
	testBeat   = 300 * time.Millisecond
)

// pause is between two looks at something that nothing tells of.
func pause() { time.Sleep(2 * time.Millisecond) }

func serve(dir string) {
	if err := serveUntilEnded(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveUntilEnded(ctx context.Context, dir string) error {
	if last, err := strconv.Atoi(os.Getenv(writeEnv)); err == nil {
		if _, err := storetest.FailWrites(dir, dieAt(last)); err != nil {
			return err
		}
	}
	db, err := store.Open(ctx, databaseOf(dir))
	if err != nil {
		return err
	}
	index, err := search.Open(filepath.Join(dir, "index.db"), search.Options{})
	if err != nil {
		return err
	}
	blobs, err := blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	s, err := jobs.New(ctx, jobs.Options{
		DB: db, Blobs: blobs, Index: index, Read: readMarkdown,
		Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Env:        &seedbed.Endpoint{URL: os.Getenv(modelEnv), Model: "scripted", Concurrency: atOnce},
		BatchPause: func(time.Duration) time.Duration { return 20 * time.Millisecond },
		Beat:       testBeat,
	})
	if err != nil {
		return err
	}
	changes := s.Watch(ctx, "")
	if err := s.Start(ctx); err != nil {
		return err
	}
	for {
		runs, err := s.Runs(ctx, "")
		if err != nil {
			return err
		}
		ended := len(runs) > 0
		for _, run := range runs {
			ended = ended && run.Ended()
		}
		if ended {
			return s.Stop(ctx)
		}
		<-changes
	}
}

// dieAt kills the process when it is about to make a write.
func dieAt(last int) func(write int) int {
	return func(write int) int {
		if write == last {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it is on its way
		}
		return 0
	}
}

// TestKilled kills a process in the middle of a run, three times, and sees
// that the next one ends it with nothing lost, doubled, or bought twice.
func TestKilled(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		if testing.Short() {
			t.Skip("starts processes")
		}
		const passages, kills = 60, 3
		s := llmtest.New(t, llmtest.Script{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})

		// Uploaded by a process that does not work: the run waits for one.
		b := open(t, dir, jobs.Options{Env: &seedbed.Endpoint{URL: s.URL, Model: "scripted", Concurrency: atOnce}})
		up := b.upload("machines.md", book(passages), seedbed.RunOptions{})
		b.close()

		for i := range kills {
			child := begin(t, dir, s.URL)
			b.eventually(func() bool { return s.Stats().Answered >= (i+1)*passages/(kills+2) })
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // killed
		}
		if err := begin(t, dir, s.URL).Wait(); err != nil {
			t.Fatalf("the last process: %v", err)
		}

		stats := s.Stats()
		t.Logf("%d passages, %d kills: %+v", passages, kills, stats)
		if stats.Prompts != passages || stats.Requests > passages+kills*atOnce || stats.Duplicates > kills*atOnce {
			t.Errorf("the server saw %+v; want %d prompts, asked again for no more than the %d in flight at a kill", stats, passages, kills*atOnce)
		}
		b = start(t, dir, jobs.Options{})
		run, err := b.Run(t.Context(), up.Run.ID)
		if err != nil || run.State != seedbed.RunDone || run.Passages.Done != passages || run.Passages.Total != passages {
			t.Errorf("the run ends as %+v, %v; want %d passages done", run, err, passages)
		}
		if run.Seeds == 0 {
			t.Error("the run made no seeds: the test shows nothing")
		}
		settled(t, b, s, kills*atOnce)
	})
}

// begin starts a process that works on a data folder.
func begin(t *testing.T, dir, url string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir, modelEnv+"="+url, databaseEnv+"="+databaseOf(dir).URL)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // for when the test fails
	return cmd
}
