package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// A program is seedbed running as a process of its own.
type program struct {
	t    testing.TB
	URL  string
	cmd  *exec.Cmd
	said *bytes.Buffer
	wait func() error
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// startProgram serves the data folder on a free port and waits until the
// program has said its address.
func startProgram(t testing.TB, data string, env ...string) *program {
	t.Helper()
	p, url := launch(t, address, env, "serve", "--addr", "127.0.0.1:0", "--data", data)
	p.URL = url
	return p
}

// launch starts the program and waits until it has said some words, which it
// returns.
func launch(t testing.TB, words *regexp.Regexp, env []string, args ...string) (p *program, found string) {
	t.Helper()
	p = &program{t: t, said: new(bytes.Buffer), cmd: self(t, env, args...)}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	said := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			_, _ = fmt.Fprintln(p.said, lines.Text())
			if u := words.FindString(lines.Text()); u != "" {
				select {
				case said <- u:
				default:
				}
			}
		}
	}()
	p.wait = sync.OnceValue(func() error {
		err := p.cmd.Wait()
		<-read
		_ = r.Close()
		return err
	})
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.wait()
		if t.Failed() {
			t.Logf("%v said:\n%s", args, p.said)
		}
	})
	select {
	case found = <-said:
	case <-read:
		t.Fatalf("%v ended and did not say %s: %v\n%s", args, words, p.wait(), p.said)
	case <-time.After(30 * time.Second):
		t.Fatalf("%v did not say %s in 30 s", args, words)
	}
	return p, found
}

// self is the program with arguments, yet to be started.
func self(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "XDG_CACHE_HOME="+cacheOf(t))
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// cacheOf is one folder for all tests, so that PDFium is compiled once.
func cacheOf(t testing.TB) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "seedbed-test")
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.wait()
}

// call asks the server and returns its answer, which has to be a 2xx.
func (p *program) call(method, path, mediaType string, body io.Reader) []byte {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.URL+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		p.t.Fatalf("%s %s: %s, %v: %s", method, path, resp.Status, err, answer)
	}
	return answer
}

// page is the answer to GET path, as it came.
func (p *program) page(path string) string {
	p.t.Helper()
	return string(p.call(http.MethodGet, path, "", nil))
}

// get decodes the answer to GET path into v.
func (p *program) get(path string, v any) {
	p.t.Helper()
	p.decode(path, p.call(http.MethodGet, path, "", nil), v)
}

// post sends in and decodes the answer into v, unless that is nil.
func (p *program) post(path string, in, v any) {
	p.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.t.Fatal(err)
	}
	answer := p.call(http.MethodPost, path, "application/json", bytes.NewReader(body))
	if v != nil {
		p.decode(path, answer, v)
	}
}

func (p *program) decode(path string, answer []byte, v any) {
	p.t.Helper()
	if err := json.Unmarshal(answer, v); err != nil {
		p.t.Fatalf("%s: %v in %.200s", path, err, answer)
	}
}

// A file is a name and what stands in it.
type file struct {
	Name string
	Body []byte
}

type uploaded struct {
	Sources []seedbed.Source `json:"sources"`
	Runs    []seedbed.Run    `json:"runs"`
}

// upload sends files in one request, with the given fields.
func (p *program) upload(fields url.Values, files ...file) uploaded {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range files {
		part, err := form.CreateFormFile("file", f.Name)
		if err != nil {
			p.t.Fatal(err)
		}
		_, _ = part.Write(f.Body)
	}
	_ = form.Close()
	path := "/api/v1/sources?" + fields.Encode()
	var up uploaded
	p.decode(path, p.call(http.MethodPost, path, form.FormDataContentType(), &body), &up)
	return up
}

// until asks for a run until ok says yes.
func (p *program) until(run string, ok func(seedbed.Run) bool) seedbed.Run {
	p.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		var r seedbed.Run
		p.get("/api/v1/runs/"+run, &r)
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("run %s did not get there in 2 minutes; it is %+v", run, r)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// text is a source's document as plain text.
func (p *program) text(source string) string {
	p.t.Helper()
	return p.page("/api/v1/sources/" + source + "/document?format=text")
}

func ended(r seedbed.Run) bool { return r.Ended() }

// seeds are all seeds the filter finds, whatever their verdict unless the
// filter names one, once the index has followed all changes.
func (p *program) seeds(filter string) []extract.Seed {
	p.t.Helper()
	if !strings.Contains(filter, "verdict=") {
		filter += "&verdict=any"
	}
	deadline := time.Now().Add(time.Minute)
	var all []extract.Seed
	for page := 1; ; page++ {
		var got struct {
			Behind int `json:"behind"`

			Hits []struct {
				Seed extract.Seed `json:"seed"`
			} `json:"hits"`
			Total int `json:"total"`
		}
		p.get(fmt.Sprintf("/api/v1/seeds?size=200&sort=oldest&page=%d&%s", page, filter), &got)
		if got.Behind > 0 {
			if time.Now().After(deadline) {
				p.t.Fatalf("the index is still behind after a minute: %d changes", got.Behind)
			}
			time.Sleep(20 * time.Millisecond)
			all, page = nil, 0
			continue
		}
		for _, h := range got.Hits {
			all = append(all, h.Seed)
		}
		if len(got.Hits) == 0 || len(all) >= got.Total {
			return all
		}
	}
}

// book is a Markdown book of n sections, each long enough for a passage of
// its own and none like another.
func book(n int) []byte {
	var b strings.Builder
	b.WriteString("# A book of wells\n\n")
	for i := range n {
		fmt.Fprintf(&b, "## Well number %d\n\n", i+1)
		for j := range 28 {
			fmt.Fprintf(&b, "Sounding %d of well %d found water at %d metres below the rim, because the layer of clay "+
				"marked %c%d keeps the rain of season %d from sinking further into the chalk. ",
				j+1, i+1, 3+(i*31+j*7)%97, 'A'+(i+j)%26, i*100+j, 1+(i*13+j)%60)
			if j%7 == 6 {
				b.WriteString("\n\n")
			}
		}
	}
	return []byte(b.String())
}

// examples reads files of the examples folder.
func examples(t *testing.T, names ...string) []file {
	t.Helper()
	var out []file
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, file{name, body})
	}
	return out
}
