package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"seedbed/extract"
	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
	"seedbed/internal/store/storetest"
)

var working = regexp.MustCompile(`is working`)

// startWorker works off the jobs of a data folder and its database.
func startWorker(t testing.TB, data string, env ...string) *program {
	t.Helper()
	p, _ := launch(t, working, env, "worker", "--data", data)
	return p
}

// terminate asks the program to end, and waits until it has.
func (p *program) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		p.t.Errorf("the program was asked to end, and gave %v", err)
	}
}

// plain are seeds without what is another's in every run: its id, that of the
// source, and times. Their ids have to be what the rest says.
func plain(t testing.TB, seeds []extract.Seed) []extract.Seed {
	t.Helper()
	ids := map[string]string{}
	for _, s := range seeds {
		if want := extract.SeedID(s.Run, s.Passage, s.Question, s.Answer); s.ID != want {
			t.Errorf("the seed %q has the id %s, want %s", s.Question, s.ID, want)
		}
		if ids[s.ID] != "" {
			t.Errorf("the seed %s is there twice", s.ID)
		}
		ids[s.ID] = extract.SeedID("", s.Passage, s.Question, s.Answer)
	}
	for i := range seeds {
		s := &seeds[i]
		s.ID, s.Run, s.Source.ID, s.Created = ids[s.ID], "", "", time.Time{}
		for _, other := range []*string{s.Parent, s.DuplicateOf} {
			if other != nil {
				*other = ids[*other]
			}
		}
	}
	slices.SortFunc(seeds, func(a, b extract.Seed) int { return cmp.Compare(a.ID, b.ID) })
	return seeds
}

// TestWorkersShareARun has a server that does no work and two workers on
// PostgreSQL, one of which is killed midway: the seeds are those of a single
// server on SQLite, and all that is kept fits.
func TestWorkersShareARun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const atOnce, sections = 4, 40
	script := llmtest.Script{Latency: 40 * time.Millisecond, Jitter: 20 * time.Millisecond}
	fields := url.Values{"recipe": {"quick"}}

	model := llmtest.New(t, script)
	alone := startProgram(t, t.TempDir(), modelEnv(model)...)
	run := alone.until(alone.upload(fields, file{"words.md", unlike(sections)}).Runs[0].ID, ended)
	want := plain(t, alone.seeds("run="+run.ID))
	if run.State != seedbed.RunDone || len(want) < sections {
		t.Fatalf("on SQLite the run ends as %+v with %d seeds: too few to show anything", run, len(want))
	}

	model = llmtest.New(t, script)
	data := t.TempDir()
	env := append(modelEnv(model), "SEEDBED_DATABASE_URL="+storetest.Postgres(t), "SEEDBED_BEAT=1s")
	server, where := launch(t, address, env, "serve", "--no-worker", "--addr", "127.0.0.1:0", "--data", data)
	server.URL = where
	up := server.upload(fields, file{"words.md", unlike(sections)})
	killed, left := startWorker(t, data, env...), startWorker(t, data, env...)
	server.until(up.Runs[0].ID, func(r seedbed.Run) bool {
		if r.Ended() {
			t.Fatalf("the run ended before a worker could be killed: %+v", r)
		}
		return r.Passages.Total > 0 && r.Passages.Done >= r.Passages.Total/3
	})
	killed.kill()
	run = server.until(up.Runs[0].ID, ended)

	if run.State != seedbed.RunDone || run.Passages.Failed > 0 || run.Passages.Done != run.Passages.Total {
		t.Errorf("the run ends as %+v, want all passages done", run)
	}
	if d := diff.Diff(want, plain(t, server.seeds("run="+run.ID))); d != "" {
		t.Errorf("the seeds differ from those on SQLite (-sqlite +postgres):\n%s", d)
	}
	if s := model.Stats(); s.Prompts != run.Passages.Total || s.Duplicates > atOnce || s.MaxConcurrent > atOnce {
		t.Errorf("the model saw %+v; want %d prompts, no more than the %d in flight twice, and %d at once", s, run.Passages.Total, atOnce, atOnce)
	}

	// The server, which does no work itself, counts beats as the workers do.
	left.kill()
	waiting := server.upload(fields, file{"more.md", []byte("# More\n\nThere is more to read.\n")}).Runs[0].ID
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var run seedbed.Run
		if server.get("/api/v1/runs/"+waiting, &run); strings.Contains(run.Waits, "none is running") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("20 s after the last worker was killed, with a beat of 1 s, the run is %+v; want it to wait for a worker", run)
		}
	}
	server.terminate()
	checkIsClean(t, data, env...)
}

// unlike is a book in which no two sentences have more than a few words in
// common: nothing in it is taken for a duplicate, whatever comes first.
func unlike(sections int) []byte {
	random := rand.New(rand.NewPCG(7, 7))
	word := func() string {
		var w strings.Builder
		for range 2 + random.IntN(3) {
			w.WriteString(string("bdfgklmnprstvz"[random.IntN(14)]) + string("aeiou"[random.IntN(5)]))
		}
		return w.String()
	}
	var b strings.Builder
	b.WriteString("# A book of words\n\n")
	for i := range sections {
		fmt.Fprintf(&b, "## Chapter %d\n\n", i+1)
		for j := range 28 {
			fmt.Fprintf(&b, "Because %s %s %s the %s %s, every %s %s %s %s of %s. ",
				word(), word(), word(), word(), word(), word(), word(), word(), word(), word())
			if j%7 == 6 {
				b.WriteString("\n\n")
			}
		}
	}
	return []byte(b.String())
}

// modelEnv names a scripted model in the environment of a program.
func modelEnv(model *llmtest.Server) []string {
	return []string{"SEEDBED_LLM_URL=" + model.URL, "SEEDBED_LLM_MODEL=scripted", "SEEDBED_LLM_CONCURRENCY=4"}
}
