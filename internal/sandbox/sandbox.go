// Package sandbox reads files, and fetches them from the net, in a child
// process of the same program, with limits on time, memory and output, so that
// no file can take the server down.
//
// The parent calls [Read] or [Fetch]. The program's main function hands over to [Child]
// where [IsChild] says so, before it does anything else.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"seedbed/extract"
	"seedbed/internal/fetch"
	"seedbed/internal/seedbed"
)

// Options limit a child. Zero fields take the defaults, which let a few
// children run at once on a laptop.
type Options struct {
	Self      string        // the program to start; "" is the running one
	CacheDir  string        // for what readers compile, see pdf.Options; "" keeps nothing
	OCR       string        // tesseract, to read pages that are images; see FindOCR
	WholePage bool          // of web pages, not the article alone
	WallTime  time.Duration // 0 is two minutes, with OCR twenty
	Memory    int64         // resident bytes, 0 is 1 GiB
	MaxOutput int64         // bytes of the document as JSON, 0 is 256 MiB
}

func (o Options) withDefaults() Options {
	if o.WallTime == 0 && o.OCR != "" {
		o.WallTime = 20 * time.Minute
	}
	if o.WallTime == 0 {
		o.WallTime = 2 * time.Minute
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.MaxOutput == 0 {
		o.MaxOutput = 256 << 20
	}
	return o
}

// A CrashError is how a child ended that neither gave a document nor said why.
// It is the Err of the error that Read returns, for the log.
type CrashError struct {
	State  string // "exit status 2", "signal: killed"
	Stderr string // its first and last words
}

func (e *CrashError) Error() string {
	if e.Stderr == "" {
		return "the reading process ended with " + e.State
	}
	return fmt.Sprintf("the reading process ended with %s: %s", e.State, e.Stderr)
}

// A reply is what a child writes to its standard output.
type reply struct {
	Document *extract.Document `json:"document,omitempty"`
	Image    []byte            `json:"image,omitempty"`
	Fetched  *fetch.Fetched    `json:"fetched,omitempty"`
	Error    *seedbed.Error    `json:"error,omitempty"`
}

// Read reads the file or folder at path in a child process. Name is what the file is
// called in messages and what its format is guessed from.
//
// A file that cannot be read gives a *seedbed.Error: limit where it needed
// more time, memory or output than it is given, else what the reader said. A
// cancelled ctx gives its error.
func Read(ctx context.Context, opts Options, path, name string) (*extract.Document, error) {
	opts = opts.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	r, err := run(ctx, opts, name, "", "--name", name, "--", path)
	if err != nil {
		return nil, err
	}
	if r.Error != nil {
		if r.Error.Code == seedbed.NoText && opts.OCR == "" && strings.Contains(r.Error.Message, "needs OCR") {
			r.Error.Message += " " + adviceOCR()
		}
		return nil, r.Error
	}
	if r.Document == nil {
		return nil, seedbed.Errorf(seedbed.Internal, "%s: the reading process gave no document", name)
	}
	if err := r.Document.Check(); err != nil {
		return nil, seedbed.Errorf(seedbed.Internal, "%s: %w", name, err)
	}
	return r.Document, nil
}

// Draw draws a page of the PDF at path, counted from 1, width pixels wide, as
// PNG or JPEG.
func Draw(ctx context.Context, opts Options, path, name string, page, width int) ([]byte, error) {
	opts = opts.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", name, err)
	}
	r, err := run(ctx, opts, name, "", "--name", name, "--page", strconv.Itoa(page), "--width", strconv.Itoa(width), "--", path)
	if err != nil {
		return nil, err
	}
	if r.Error != nil {
		return nil, r.Error
	}
	return r.Image, nil
}

const installOCR = "Install tesseract (Debian and Ubuntu: apt install tesseract-ocr; macOS: brew install tesseract; languages other than English are packages of their own)"

// adviceOCR says how to get at the text of page images.
func adviceOCR() string {
	const ask = "have it read with OCR (an option of uploading, and of seedbed read --ocr)."
	if _, err := FindOCR(); err != nil {
		return installOCR + " and " + ask
	}
	return "Tesseract is installed: " + ask
}

// FindOCR is the tesseract program on PATH. The error says how to install it.
func FindOCR() (string, error) {
	path, err := exec.LookPath("tesseract")
	if err != nil {
		return "", seedbed.Errorf(seedbed.NoText, "OCR needs tesseract, which is not installed. %s, and try again.", installOCR)
	}
	return filepath.Abs(path)
}

// Warm fills the cache in opts.CacheDir in a child process, which takes
// seconds and 300 MB the first time and next to nothing after it.
func Warm(ctx context.Context, opts Options) error {
	opts = opts.withDefaults()
	r, err := run(ctx, opts, "the reader's cache", "", "--warm")
	if err != nil {
		return err
	}
	if r.Error != nil {
		return r.Error
	}
	return nil
}

// Fetch brings what stands at an address into the folder dir in a child
// process; see [fetch.To]. Errors are those of Read.
func Fetch(ctx context.Context, opts Options, o fetch.Options, address, dir string) (fetch.Fetched, error) {
	if err := fetch.Check(address, o); err != nil {
		return fetch.Fetched{}, err
	}
	if o.Time == 0 {
		o.Time = 2 * time.Minute
	}
	opts.WallTime = o.Time + 10*time.Second // it gives up by itself before that
	opts = opts.withDefaults()
	asked, err := json.Marshal(order{Address: address, Dir: dir, Options: o})
	if err != nil {
		return fetch.Fetched{}, err
	}
	// The address may hold a password: it is not for the process list.
	r, err := run(ctx, opts, fetch.Show(address), string(asked), "--fetch")
	switch {
	case err != nil:
		return fetch.Fetched{}, err
	case r.Error != nil:
		return fetch.Fetched{}, r.Error
	case r.Fetched == nil:
		return fetch.Fetched{}, seedbed.Errorf(seedbed.Internal, "%s: the fetching process gave nothing", fetch.Show(address))
	}
	return *r.Fetched, nil
}

// An order is what a child that fetches is told on its standard input.
type order struct {
	Address string
	Dir     string
	Options fetch.Options
}

// Why a child was stopped.
const (
	_ int32 = iota
	tookTooLong
	tookTooMuchMemory
	wroteTooMuch
)

// run starts a child and waits until it and all that it started are gone.
func run(ctx context.Context, opts Options, name, input string, args ...string) (reply, error) {
	// The kernel kills the child when the thread that started it ends, not
	// the process: hold the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	self := opts.Self
	if self == "" {
		var err error
		if self, err = os.Executable(); err != nil {
			return reply{}, fmt.Errorf("find this program to start it as a reader: %w", err)
		}
	}
	timed, stop := context.WithTimeout(ctx, opts.WallTime)
	defer stop()
	cmd := exec.CommandContext(timed, self, append(childArgs(opts), args...)...)
	cmd.Env = environment(opts)
	cmd.Dir = os.TempDir()
	cmd.Stdin = strings.NewReader(input)
	cmd.WaitDelay = 2 * time.Second // for pipes that grandchildren hold open
	var stderr words
	cmd.Stderr = &stderr
	var stopped atomic.Int32
	kill := group(cmd)
	cmd.Cancel = func() error {
		if ctx.Err() == nil {
			stopped.CompareAndSwap(0, tookTooLong)
		}
		return kill()
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return reply{}, fmt.Errorf("start the reading process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return reply{}, fmt.Errorf("start the reading process: %w", err)
	}

	ended := make(chan struct{})
	go watch(cmd.Process.Pid, opts.OCR != "", opts.Memory, ended, func() {
		stopped.CompareAndSwap(0, tookTooMuchMemory)
		_ = kill()
	})
	var r reply
	limited := &io.LimitedReader{R: out, N: opts.MaxOutput + 1}
	decoded := json.NewDecoder(limited).Decode(&r)
	if decoded != nil {
		_, _ = io.Copy(io.Discard, limited) // until it ends or is too much
	}
	if limited.N <= 0 {
		stopped.CompareAndSwap(0, wroteTooMuch)
	}
	if decoded == nil || limited.N <= 0 {
		_ = kill() // there is nothing more to wait for
	}
	waited := cmd.Wait()
	close(ended)
	_ = kill() // what a crashed child left behind

	switch stopped.Load() {
	case tookTooLong:
		return reply{}, seedbed.Errorf(seedbed.Limit, "%s: reading took longer than %s. %s", name, opts.WallTime, smaller)
	case tookTooMuchMemory:
		return reply{}, seedbed.Errorf(seedbed.Limit, "%s: reading needed more than %s of memory. %s", name, bytes(opts.Memory), smaller)
	case wroteTooMuch:
		return reply{}, seedbed.Errorf(seedbed.Limit, "%s: it holds more than %s of text. Split it and upload the parts.", name, bytes(opts.MaxOutput))
	}
	if decoded == nil {
		return r, nil
	}
	if ctx.Err() != nil {
		return reply{}, fmt.Errorf("read %s: %w", name, context.Cause(ctx))
	}
	return reply{}, crash(name, opts, waited, stderr.String(), decoded)
}

const smaller = "Split it into smaller files, or, if it is not large, save it anew with the program it came from: it may be damaged."

// crash says why a child ended without a reply.
func crash(name string, opts Options, waited error, stderr string, decoded error) error {
	state := "a broken answer: " + decoded.Error()
	var exit *exec.ExitError
	if errors.As(waited, &exit) {
		state = exit.String()
	} else if waited != nil {
		state = waited.Error()
	}
	e := seedbed.Errorf(seedbed.Unreadable, "%s: the reader failed on it. It may be damaged: save it anew with the program it came from.", name)
	switch {
	case strings.Contains(stderr, "out of memory"), strings.Contains(stderr, "cannot allocate memory"), strings.Contains(stderr, "too many address space collisions"), strings.Contains(state, "signal: killed"):
		e = seedbed.Errorf(seedbed.Limit, "%s: reading needed more than %s of memory. %s", name, bytes(opts.Memory), smaller)
	case strings.Contains(state, "CPU time limit exceeded"):
		e = seedbed.Errorf(seedbed.Limit, "%s: reading took too much computing time. %s", name, smaller)
	}
	e.Err = &CrashError{State: state, Stderr: stderr}
	return e
}

// bytes writes a size as people do: 1 GiB, 256 MiB.
func bytes(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(u.size)), ".0") + " " + u.name
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// environment is all that a child learns of ours: nothing that may hold a key.
func environment(opts Options) []string {
	env := []string{
		fmt.Sprintf("GOMEMLIMIT=%d", opts.Memory*3/4),
		"GOGC=40", // a fifth less memory for next to no time
		"GOMAXPROCS=2",
		"GOTRACEBACK=single",
	}
	for _, k := range []string{"TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LANG", "TZ", "TESSDATA_PREFIX", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// words keeps the first and the last of what is written to it: a crash says
// first what happened and then, at length, where.
type words struct{ first, last []byte }

const wordsKept = 2 << 10 // of each

func (w *words) Write(p []byte) (int, error) {
	n := min(len(p), wordsKept-len(w.first))
	w.first = append(w.first, p[:n]...)
	w.last = append(w.last, p[n:]...)
	if over := len(w.last) - wordsKept; over > 0 {
		w.last = append(w.last[:0], w.last[over:]...)
	}
	return len(p), nil
}

func (w *words) String() string {
	return strings.TrimSpace(string(w.first) + string(w.last))
}
