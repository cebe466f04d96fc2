package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
)

// command runs the program to its end.
func command(t *testing.T, env []string, args ...string) (code int, out, said string) {
	t.Helper()
	cmd := self(t, env, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// A backup that is made while a run is at work is whole: restored, the folder
// is clean and has the same seeds, and the run waits, asks nothing, and goes
// on to its end when it is resumed, without paying again for what the backup
// has.
func TestBackupWhileARunIsAtWork(t *testing.T) {
	const sections = 40
	const key = "sk-very-secret-0123456789"
	// The last passages are not answered before the backup is made.
	var asked atomic.Int32
	backedUp := make(chan struct{})
	model := llmtest.New(t, llmtest.Script{Latency: 40 * time.Millisecond, Jitter: 20 * time.Millisecond, Before: func(ctx context.Context, _ llmtest.Request) {
		if asked.Add(1) > sections*3/4 {
			select {
			case <-backedUp:
			case <-ctx.Done():
			}
		}
	}})
	data := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(data, "benchmarks"), 0o700),
		os.WriteFile(filepath.Join(data, "benchmarks", "known.jsonl"), []byte("{}\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, data, modelEnv(model)...)
	p.call(http.MethodPost, "/settings/endpoints", "application/x-www-form-urlencoded",
		strings.NewReader(url.Values{"name": {"other"}, "url": {"http://127.0.0.1:9/v1"}, "key": {key}, "concurrency": {"2"}}.Encode()))
	done := p.upload(url.Values{"recipe": {"explicit"}}, examples(t, "chapter.md")...).Runs[0].ID
	if r := p.until(done, ended); r.State != seedbed.RunDone || r.Seeds == 0 {
		t.Fatalf("the first run ends as %+v; want it done, with seeds", r)
	}
	run := p.upload(url.Values{"recipe": {"quick"}}, file{"wells.md", book(sections)}).Runs[0].ID
	p.until(run, func(r seedbed.Run) bool { return r.Passages.Total > 0 && r.Passages.Done >= r.Passages.Total/4 })

	name := filepath.Join(t.TempDir(), "backup.zip")
	code, out, said := command(t, nil, "backup", "--data", data, name)
	if code != 0 || out != "" || !strings.Contains(said, "under way: 1 run") || !strings.Contains(said, "left out: 1 API key") {
		t.Fatalf("backup: %d, stdout %q, stderr %q; want that it tells of 1 run and 1 key", code, out, said)
	}
	var r seedbed.Run
	if p.get("/api/v1/runs/"+run, &r); r.State != seedbed.RunRunning {
		t.Fatalf("after the backup the run is %s: the test shows nothing", r.State)
	}
	close(backedUp)
	if r = p.until(run, ended); r.State != seedbed.RunDone || r.Passages.Done != r.Passages.Total {
		t.Errorf("the run that was backed up ends as %+v, want all passages done", r)
	}
	want := plain(t, p.seeds("run="+run))
	paid := model.Stats()
	p.terminate()
	checkIsClean(t, data)
	if bytes.Contains(databaseOf(t, name), []byte("very-secret")) {
		t.Error("the key is in the backup")
	}

	to := filepath.Join(t.TempDir(), "restored")
	code, out, said = command(t, nil, "restore", "--data", to, name)
	if code != 0 || out != "" || !strings.Contains(said, "paused: 1 run") || !strings.Contains(said, "not in the backup: 1 API key") {
		t.Fatalf("restore: %d, stdout %q, stderr %q; want that it tells of 1 run and 1 key", code, out, said)
	}
	checkIsClean(t, to)
	if body, err := os.ReadFile(filepath.Join(to, "benchmarks", "known.jsonl")); string(body) != "{}\n" {
		t.Errorf("the restored benchmark is %q, %v", body, err)
	}
	export := func(data string, filter ...string) string {
		t.Helper()
		code, out, said := command(t, nil, append([]string{"export", "--data", data, "--verdict", "any"}, filter...)...)
		if code != 0 || out == "" {
			t.Fatalf("export of %s: %d, %d bytes, %s", data, code, len(out), said)
		}
		return out
	}
	if was, is := export(data, "--run", done), export(to, "--run", done); was != is {
		t.Errorf("the seeds of the run that was done are %d bytes in the restored folder, and were %d", len(is), len(was))
	}

	p = startProgram(t, to, modelEnv(model)...)
	// Another run shows that this server works.
	quick := p.upload(url.Values{"recipe": {"explicit"}}, file{"faq.md", []byte("# FAQ\n\n## Why is the well deep?\n\nBecause the clay keeps the rain from sinking into the chalk.\n")}).Runs[0].ID
	if r := p.until(quick, ended); r.State != seedbed.RunDone {
		t.Errorf("beside the paused run, another ends as %+v", r)
	}
	p.get("/api/v1/runs/"+run, &r)
	if r.State != seedbed.RunPaused || r.Error == nil || r.Error.Code != seedbed.Restored || !strings.Contains(r.Error.Message, "resume it") {
		t.Fatalf("the restored run is %s with %+v; want it paused with a reason", r.State, r.Error)
	}
	if n := model.Stats().Requests; n != paid.Requests {
		t.Errorf("the restored run asked %d times before it was resumed", n-paid.Requests)
	}
	had := r.Passages.Done
	if had == 0 || had == r.Passages.Total {
		t.Fatalf("the restored run has done %d of %d passages: the test shows nothing", had, r.Passages.Total)
	}
	p.post("/api/v1/runs/"+run+"/resume", struct{}{}, nil)
	if r = p.until(run, ended); r.State != seedbed.RunDone || r.Passages.Done != r.Passages.Total || r.Error != nil {
		t.Errorf("resumed, the restored run ends as %+v, want all passages done", r)
	}
	if s := model.Stats(); s.Prompts != paid.Prompts || s.Requests-paid.Requests > r.Passages.Total-had {
		t.Errorf("resumed, the run asked %d times, %d of it anew; want no more than the %d passages that the backup did not have",
			s.Requests-paid.Requests, s.Prompts-paid.Prompts, r.Passages.Total-had)
	}
	if diff := cmp.Diff(want, plain(t, p.seeds("run="+run))); diff != "" {
		t.Errorf("resumed, the run has other seeds than the one that was backed up (-was +is):\n%s", diff)
	}
	p.terminate()
	checkIsClean(t, to)
}

// A source that was not read when it was backed up is read where it is
// restored; its run waits to be resumed all the same.
func TestBackupOfWhatIsNotRead(t *testing.T) {
	data := t.TempDir()
	p, at := launch(t, address, nil, "serve", "--no-worker", "--addr", "127.0.0.1:0", "--data", data)
	p.URL = at
	up := p.upload(nil, file{"faq.md", []byte("# FAQ\n\n## Why is the well deep?\n\nBecause the clay keeps the rain from sinking into the chalk.\n")})
	name, to := filepath.Join(t.TempDir(), "backup.zip"), filepath.Join(t.TempDir(), "restored")
	if code, _, said := command(t, nil, "backup", "--data", data, name); code != 0 {
		t.Fatalf("backup: %d, %s", code, said)
	}
	if code, _, said := command(t, nil, "restore", "--data", to, name); code != 0 {
		t.Fatalf("restore: %d, %s", code, said)
	}
	checkIsClean(t, to)
	p = startProgram(t, to)
	if src := p.settled(up.Sources[0].ID); src.State != seedbed.SourceReady {
		t.Errorf("the restored source is %s with %v; want it read", src.State, src.Error)
	}
	run := up.Runs[0].ID
	var r seedbed.Run
	if p.get("/api/v1/runs/"+run, &r); r.State != seedbed.RunPaused {
		t.Errorf("the restored run is %s; want it paused", r.State)
	}
	p.post("/api/v1/runs/"+run+"/resume", struct{}{}, nil)
	if r := p.until(run, ended); r.State != seedbed.RunDone || r.Seeds != 1 {
		t.Errorf("resumed, the restored run ends as %+v; want it done with a seed", r)
	}
}

// databaseOf is the database in a backup.
func databaseOf(t *testing.T, name string) []byte {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	f, err := z.Open("seedbed.db")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return body
}

// What cannot be done is refused with the code for it and with words.
func TestBackupRefuses(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	startProgram(t, data).terminate()
	whole, torn := filepath.Join(dir, "whole.zip"), filepath.Join(dir, "torn.zip")
	code, _, said := command(t, nil, "backup", "--data", data, whole)
	if code != 0 {
		t.Fatalf("backup: %d, %s", code, said)
	}
	body, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, body[:len(body)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, said := command(t, nil, "backup", "--data", data, "-")
	if code != 0 || !strings.HasPrefix(out, "PK") {
		t.Errorf("backup to stdout: %d, %.20q, %s", code, out, said)
	}

	to := filepath.Join(dir, "restored")
	postgres := []string{"SEEDBED_DATABASE_URL=postgres://127.0.0.1:9/none"}
	for _, c := range []struct {
		env  []string
		args []string
		code int
		says string
	}{
		{nil, []string{"backup", "-h"}, 0, ""},
		{nil, []string{"restore", "-h"}, 0, ""},
		{nil, []string{"backup", "--data", data}, 2, "<file>"},
		{nil, []string{"backup", "--data", data, whole}, 2, "--force"},
		{nil, []string{"backup", "--data", data, "--force", whole}, 0, "backed up"},
		{nil, []string{"backup", "--data", dir, filepath.Join(dir, "a.zip")}, 2, "no database in " + dir},
		{nil, []string{"backup", "--data", to, filepath.Join(dir, "a.zip")}, 2, "there is no folder " + to},
		{nil, []string{"backup", "--data", data, filepath.Join(dir, "none", "a.zip")}, 1, "there is no folder " + filepath.Join(dir, "none")},
		{postgres, []string{"backup", "--data", data, filepath.Join(dir, "a.zip")}, 2, "pg_dump"},
		{postgres, []string{"restore", "--data", to, whole}, 2, "pg_restore"},
		{nil, []string{"restore", "--data", to}, 2, "<file>"},
		{nil, []string{"restore", "--data", to, filepath.Join(dir, "none.zip")}, 2, "none.zip"},
		{nil, []string{"restore", "--data", data, whole}, 2, filepath.Join(data, "seedbed.db") + " is there already: choose another folder with --data"},
		{nil, []string{"restore", "--data", to, torn}, 1, "damaged"},
	} {
		code, out, said := command(t, c.env, c.args...)
		if code != c.code || !strings.Contains(said, c.says) || out != "" && c.args[1] != "-h" {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want %d and %q", c.args, code, out, said, c.code, c.says)
		}
	}
	has, err := os.ReadDir(dir)
	if err != nil || len(has) != 2 {
		t.Errorf("what was refused leaves %v, %v; want the two backups", has, err)
	}
}
