package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
	"seedbed/internal/store/storetest"
)

// A run that a person has paused stays so when the server is killed, and when
// it ends and begins again in good order: it asks nothing until it is resumed.
func TestPausedRunStaysPaused(t *testing.T) {
	const atOnce, sections = 4, 30
	model := llmtest.New(t, llmtest.Script{Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond})
	data := t.TempDir()
	p := startProgram(t, data, modelEnv(model)...)
	run := p.upload(url.Values{"recipe": {"quick"}}, file{"wells.md", book(sections)}).Runs[0].ID
	p.until(run, func(r seedbed.Run) bool { return r.Passages.Total > 0 && r.Passages.Done >= r.Passages.Total/4 })
	p.post("/api/v1/runs/"+run+"/pause", struct{}{}, nil)

	asked := 0
	for i, end := range []func(*program){(*program).kill, (*program).terminate} {
		end(p)
		if i == 0 {
			asked = model.Stats().Requests // with those that were in flight
		}
		p = startProgram(t, data, modelEnv(model)...)
		// Another run shows that this server works.
		quick := p.upload(url.Values{"recipe": {"explicit"}}, file{fmt.Sprintf("faq%d.md", i), fmt.Appendf(nil, "# FAQ\n\n## Why is well %d deep?\n\nBecause the clay keeps the rain of %d seasons from sinking into the chalk.\n", i, i+3)}).Runs[0].ID
		if r := p.until(quick, ended); r.State != seedbed.RunDone {
			t.Errorf("beside the paused run, another ends as %+v", r)
		}
		var r seedbed.Run
		if p.get("/api/v1/runs/"+run, &r); r.State != seedbed.RunPaused {
			t.Fatalf("after %d restarts the run is %s, want paused", i+1, r.State)
		}
		if n := model.Stats().Requests; n != asked {
			t.Errorf("after %d restarts the paused run asked %d times more", i+1, n-asked)
		}
	}
	p.post("/api/v1/runs/"+run+"/resume", struct{}{}, nil)
	r := p.until(run, ended)
	if r.State != seedbed.RunDone || r.Passages.Done != r.Passages.Total {
		t.Errorf("after it was resumed the run ends as %+v, want all passages done", r)
	}
	if s := model.Stats(); s.Prompts != r.Passages.Total || s.Duplicates > atOnce {
		t.Errorf("the model saw %+v; want %d prompts, no more than the %d in flight twice", s, r.Passages.Total, atOnce)
	}
	p.terminate()
	checkIsClean(t, data)
}

// checkIsClean has the command look at a data folder.
func checkIsClean(t testing.TB, data string, env ...string) {
	t.Helper()
	if said, err := self(t, env, "check", "--data", data).CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, said)
	}
}

// A reader that is killed in the middle of a file, as a machine does that is
// short of memory, costs that file alone, which says so and can be read again.
func TestKilledReaderFailsItsFileAlone(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("finds the reader in /proc")
	}
	data := t.TempDir()
	p := startProgram(t, data)
	slow := bytes.Repeat(book(30), 20) // so that it is read for a while
	up := p.upload(url.Values{"recipe": {"explicit"}}, file{"slow.md", slow})
	source, run := up.Sources[0].ID, up.Runs[0].ID
	kills := 0
	r := p.until(run, func(r seedbed.Run) bool {
		for _, child := range children(t, p.cmd.Process.Pid) {
			if err := syscall.Kill(child, syscall.SIGKILL); err == nil {
				kills++
			}
		}
		return r.Ended()
	})
	if kills == 0 || r.State != seedbed.RunFailed || r.Error == nil || r.Error.Message == "" {
		t.Fatalf("after %d kills of the reader the run ends as %+v with %v; want it failed with a reason", kills, r, r.Error)
	}
	quick := p.upload(url.Values{"recipe": {"explicit"}}, file{"faq.md", []byte("# FAQ\n\n## Why is the well deep?\n\nBecause the clay keeps the rain from sinking into the chalk.\n")})
	if r := p.until(quick.Runs[0].ID, ended); r.State != seedbed.RunDone || r.Seeds != 1 {
		t.Errorf("the next file's run ends as %+v; want it done with a seed", r)
	}
	var again seedbed.Run
	p.post("/api/v1/runs", map[string]string{"source": source, "recipe": "explicit"}, &again)
	if r := p.until(again.ID, ended); r.State != seedbed.RunDone || r.Passages.Total == 0 {
		t.Errorf("begun again the run ends as %+v, %v; want it done", r, r.Error)
	}
	p.terminate()
	checkIsClean(t, data)
}

// children are the processes that a process has started and that still run.
func children(t testing.TB, of int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// The name stands in parentheses and may hold anything.
		_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
		fields := strings.Fields(rest) // state, parent, …
		if len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(of) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// While the database is away every page and call says so with the status
// 503, and all is well once it is back.
func TestDatabaseAwayIsSaid(t *testing.T) {
	database := storetest.New(t)
	p := startProgram(t, t.TempDir(), "SEEDBED_DATABASE_URL="+database.Database(t))
	up := p.upload(url.Values{"recipe": {"explicit"}}, file{"faq.md", []byte("# FAQ\n\n## Why?\n\nBecause the clay keeps the rain.\n")})
	run := p.until(up.Runs[0].ID, ended).ID
	database.Halt()
	for _, tt := range []struct{ path, media string }{
		{"/", "text/html"},
		{"/runs/" + run, "text/html"},
		{"/seeds", "text/html"},
		{"/api/v1/runs/" + run, "application/problem+json"},
		{"/api/v1/sources", "application/problem+json"},
		{"/api/v1/seeds", "application/problem+json"},
		{"/readyz", "application/problem+json"},
	} {
		status, media, body := p.ask(tt.path)
		if status != http.StatusServiceUnavailable || !strings.HasPrefix(media, tt.media) || !strings.Contains(body, "the database cannot be reached") {
			t.Errorf("GET %s while the database is away: %d %s %.300s; want 503 %s that says why", tt.path, status, media, body, tt.media)
		}
	}
	if status, _, _ := p.ask("/healthz"); status != http.StatusOK {
		t.Errorf("GET /healthz while the database is away: %d; want 200, for this process is well", status)
	}
	database.Go(t)
	for _, path := range []string{"/", "/runs/" + run, "/api/v1/runs/" + run, "/readyz"} {
		if status, _, body := p.ask(path); status != http.StatusOK {
			t.Errorf("GET %s when the database is back: %d %.300s", path, status, body)
		}
	}
}

// ask is GET path, whatever comes.
func (p *program) ask(path string) (status int, media, body string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(answer)
}
