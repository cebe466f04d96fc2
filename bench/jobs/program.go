package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"seedbed/extract/llm/llmtest"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// scripted serves a scripted model and returns its base URL.
func scripted(s llmtest.Script) (url string, stop func()) {
	model := llmtest.Handler(s)
	srv := httptest.NewServer(model)
	return srv.URL + "/v1", func() {
		model.Close()
		srv.Close()
	}
}

// A program is a seedbed process.
type program struct {
	cmd *exec.Cmd
	URL string // of a server
}

// start starts the binary on a data folder and waits until it says on stderr
// that it is there.
func (b *bench) start(dir string, o store.Options, model string, concurrency int, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(b.binary, append(args, "--data", dir)...)}
	p.cmd.Env = append(os.Environ(), "SEEDBED_DATABASE_URL="+o.URL,
		"SEEDBED_LLM_URL="+model, "SEEDBED_LLM_MODEL=scripted", "SEEDBED_LLM_CONCURRENCY="+strconv.Itoa(concurrency))
	said, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var all []byte
	for buf := make([]byte, 4096); ; {
		n, err := said.Read(buf)
		all = append(all, buf[:n]...)
		if i := bytes.Index(all, []byte("http://")); i >= 0 && bytes.Contains(all[i:], []byte("/ ")) {
			p.URL = strings.Fields(string(all[i:]))[0]
			break
		}
		if bytes.Contains(all, []byte("is working")) {
			break
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%v ended: %s", args, all), p.stop())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // until it ends
	return p, nil
}

func (p *program) stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended
	return p.cmd.Wait()
}

// peak is the most memory that it took so far, in megabytes.
func (p *program) peak() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(value)[0])
			return float64(kb) / 1000, err
		}
	}
	return 0, errors.New("the system does not tell")
}

func (p *program) call(method, path, mediaType string, body io.Reader, out any) error {
	req, err := http.NewRequest(method, strings.TrimSuffix(p.URL, "/")+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s, %w: %s", method, path, resp.Status, err, answer)
	}
	return json.Unmarshal(answer, out)
}

// read uploads texts without a run and waits until they are read.
func (p *program) read(texts []string) (sources []string, err error) {
	for i, text := range texts {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("file", fmt.Sprintf("book-%d.md", i+1))
		if err != nil {
			return nil, err
		}
		_, _ = io.WriteString(part, text)
		_ = w.Close()
		var up struct{ Sources []seedbed.Source }
		if err := p.call(http.MethodPost, "/api/v1/sources?run=false", w.FormDataContentType(), &form, &up); err != nil {
			return nil, err
		}
		sources = append(sources, up.Sources[0].ID)
	}
	for _, id := range sources {
		var src seedbed.Source
		for src.State != seedbed.SourceReady {
			time.Sleep(20 * time.Millisecond)
			if err := p.call(http.MethodGet, "/api/v1/sources/"+id, "", nil, &src); err != nil {
				return nil, err
			}
			if src.State == seedbed.SourceFailed {
				return nil, src.Error
			}
		}
	}
	return sources, nil
}

// work runs quick over sources, and calls look now and then with what is done
// of all passages. The times are those of the first to start and of the last
// to finish.
func (p *program) work(sources []string, look func(all seedbed.Run) error) (all seedbed.Run, err error) {
	runs := make([]seedbed.Run, len(sources))
	for i, source := range sources {
		body := strings.NewReader(fmt.Sprintf(`{"source":%q,"recipe":"quick"}`, source))
		if err := p.call(http.MethodPost, "/api/v1/runs", "application/json", body, &runs[i]); err != nil {
			return all, err
		}
	}
	for ended := false; !ended; {
		time.Sleep(50 * time.Millisecond)
		all, ended = seedbed.Run{}, true
		for i, run := range runs {
			if !run.Ended() {
				if err := p.call(http.MethodGet, "/api/v1/runs/"+run.ID, "", nil, &run); err != nil {
					return all, err
				}
				runs[i] = run
			}
			ended = ended && run.Ended()
			all.Passages.Done += run.Passages.Done
			all.Passages.Total += run.Passages.Total
			all.Seeds += run.Seeds
			all.Rejected += run.Rejected
			if all.Started.IsZero() || run.Started.Before(all.Started) {
				all.Started = run.Started
			}
			if run.Finished.After(all.Finished) {
				all.Finished = run.Finished
			}
		}
		if err := look(all); err != nil {
			return all, err
		}
	}
	for _, run := range runs {
		if run.State != seedbed.RunDone || run.Passages.Done != run.Passages.Total {
			return all, fmt.Errorf("the run ends as %+v", run)
		}
	}
	return all, nil
}

// workers gives the same run to one worker, to two and to four, each with a
// model of its own that takes four requests at once.
func (b *bench) workers(ctx context.Context) error {
	const passages, atOnce, latency = 320, 4, 250 * time.Millisecond
	var one float64
	for _, n := range []int{1, 2, 4} {
		err := b.on(ctx, "postgres", func(dir string, o store.Options) error {
			took, shares, err := b.together(dir, o, n, passages, atOnce, latency)
			if err != nil {
				return err
			}
			what := fmt.Sprintf("postgres: %d passages, %d of %v at once a worker, %d workers", passages, atOnce, latency, n)
			switch n {
			case 1:
				one = took
				fmt.Printf("%-58s %14.2f s  %.2f of what the model takes\n", what, took, took/(float64(passages)*latency.Seconds()/atOnce))
			case 2:
				row(what+fmt.Sprintf(" %v", shares), fmt.Sprintf("%.2f of one", took/one), took/one/barTwo)
			default:
				row(what+fmt.Sprintf(" %v", shares), fmt.Sprintf("%.2f of one", took/one), took/one/barFour)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// together is the seconds that n workers take for a run, and the passages that
// each had.
func (b *bench) together(dir string, o store.Options, n, passages, atOnce int, latency time.Duration) (took float64, shares []int, err error) {
	var models []*llmtest.Server
	for range n {
		model := llmtest.Handler(llmtest.Script{Latency: latency})
		srv := httptest.NewServer(model)
		defer srv.Close()
		defer model.Close()
		models = append(models, model)
		p, err := b.start(dir, o, srv.URL+"/v1", atOnce, "worker")
		if err != nil {
			return 0, nil, err
		}
		defer func() { err = errors.Join(err, p.stop()) }()
	}
	server, err := b.start(dir, o, "http://127.0.0.1:9/v1", atOnce, "serve", "--no-worker", "--addr", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	sources, err := server.read(shelf(passages))
	if err != nil {
		return 0, nil, err
	}
	run, err := server.work(sources, func(seedbed.Run) error { return nil })
	if err != nil {
		return 0, nil, err
	}
	for _, m := range models {
		shares = append(shares, m.Stats().Answered)
	}
	return run.Finished.Sub(run.Started).Seconds(), shares, nil
}

// memory takes a long run through one server on SQLite, and through two
// workers on PostgreSQL.
func (b *bench) memory(ctx context.Context) error {
	for _, engine := range b.engines {
		if err := b.on(ctx, engine, func(dir string, o store.Options) error { return b.long(dir, o, engine) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) long(dir string, o store.Options, engine string) (err error) {
	model, stop := scripted(llmtest.Script{})
	defer stop()
	processes := map[string]*program{}
	launch := func(name string, args ...string) error {
		p, err := b.start(dir, o, model, 16, args...)
		if err == nil {
			processes[name] = p
		}
		return err
	}
	defer func() {
		for _, p := range processes {
			err = errors.Join(err, p.stop())
		}
	}()
	serve := []string{"serve", "--addr", "127.0.0.1:0"}
	if engine == "postgres" {
		serve = append(serve, "--no-worker")
		if err := errors.Join(launch("worker 1", "worker"), launch("worker 2", "worker")); err != nil {
			return err
		}
	}
	if err := launch("server", serve...); err != nil {
		return err
	}
	server := processes["server"]
	sources, err := server.read(shelf(b.passages))
	if err != nil {
		return err
	}
	size := func() (float64, error) { return sizeOf(dir, o) }
	first, err := size()
	if err != nil {
		return err
	}
	began := time.Now()
	sizes := []float64{0}
	run, err := server.work(sources, func(run seedbed.Run) error {
		if run.Passages.Done < len(sizes)*run.Passages.Total/10 {
			return nil
		}
		now, err := size()
		sizes = append(sizes, now-first)
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	for len(sizes) < 11 { // the last tenth went by between two looks
		sizes = append(sizes, sizes[len(sizes)-1])
	}
	steps := make([]string, 0, 10)
	for i := range 10 {
		steps = append(steps, fmt.Sprintf("%.1f", sizes[i+1]-sizes[i]))
	}
	last, mean := (sizes[10]-sizes[5])/5, sizes[10]/10
	fmt.Printf("%s: %d passages and %d seeds in %.0f s, %.0f passages/s\n", engine, run.Passages.Total, run.Seeds+run.Rejected, took.Seconds(), float64(run.Passages.Total)/took.Seconds())
	for _, name := range slices.Sorted(maps.Keys(processes)) {
		peak, err := processes[name].peak()
		if err != nil {
			return err
		}
		row(engine+": most memory of the "+name, fmt.Sprintf("%.0f MB", peak), peak/barMemory)
	}
	fmt.Printf("%s: the database grows by %.1f MB, a tenth of the run by %s\n", engine, sizes[10], strings.Join(steps, " "))
	row(engine+": growth of the second half over the mean", fmt.Sprintf("%.2f", last/mean), last/mean/barLinear)
	return nil
}

// sizeOf is what the database takes, in megabytes.
func sizeOf(dir string, o store.Options) (float64, error) {
	if o.URL != "" {
		return postgresSize(context.Background(), o.URL)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		sum += info.Size()
	}
	return float64(sum) / 1e6, nil
}
