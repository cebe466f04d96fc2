package sandbox

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"seedbed/internal/seedbed"
)

// A process is a child that carries out one order after the other.
type process struct {
	kind   kind
	pid    int
	kill   func() error // it, and all that it started
	orders *gob.Encoder
	in     io.Closer
	answer *gob.Decoder
	out    *os.File          // its standard output
	rest   *io.LimitedReader // of out, as much as may still be read
	stderr *words

	used    bool          // it has carried out an order
	stopped atomic.Int32  // why, 0 while it is of use
	ended   chan struct{} // closed when it and all that it started are gone
	waited  error         // how it ended, after that
	tired   *time.Timer   // ends it while it is idle
}

// A kind is what children that can stand in for each other have in common.
type kind struct {
	self, cache string
	memory      int64
	fileSize    int64 // that it may write
}

func (o Options) kind() kind {
	return kind{o.Self, o.CacheDir, o.Memory, o.fileSize}
}

// start starts a child.
func start(k kind) (*process, error) {
	self := k.self
	if self == "" {
		var err error
		if self, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program to start it as a reader: %w", err)
		}
	}
	cmd := exec.Command(self, childArgs(k)...)
	cmd.Env = environment(k)
	cmd.Dir = os.TempDir()
	cmd.WaitDelay = 2 * time.Second // for pipes that grandchildren hold open
	p := &process{kind: k, stderr: &words{}, ended: make(chan struct{}), kill: group(cmd)}
	cmd.Stderr = p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the reading process: %w", err)
	}
	var w *os.File
	if p.out, w, err = os.Pipe(); err != nil { // of our own: Wait closes cmd's before all is read
		return nil, fmt.Errorf("start the reading process: %w", err)
	}
	cmd.Stdout = w
	started := make(chan error)
	go func() {
		// The kernel kills the child when the thread that started it ends,
		// not the process: hold the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = w.Close()
		started <- err
		if err == nil {
			p.waited = cmd.Wait()
			_ = p.kill()                                             // what it left behind,
			_ = p.out.SetReadDeadline(time.Now().Add(cmd.WaitDelay)) // or what fled and holds the pipe
		}
		close(p.ended)
	}()
	if err := <-started; err != nil {
		_ = p.out.Close()
		return nil, fmt.Errorf("start the reading process: %w", err)
	}
	p.pid, p.in = cmd.Process.Pid, in
	p.orders = gob.NewEncoder(in)
	p.rest = &io.LimitedReader{R: p.out}
	p.answer = gob.NewDecoder(p.rest)
	return p, nil
}

// stop ends a child, and waits until it and all that it started are gone.
func (p *process) stop() {
	if !p.gone() {
		_ = p.kill()
	}
	<-p.ended
	_ = p.out.Close()
}

// gone reports whether a child has ended.
func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Why a child was stopped.
const (
	_ int32 = iota
	tookTooLong
	tookTooMuchMemory
	wroteTooMuch
	unwanted // the context ended
)

// do carries out an order within the limits of opts. After an error the child
// is gone.
func (p *process) do(ctx context.Context, opts Options, o order) (reply, error) {
	halt := func(why int32) {
		if p.stopped.CompareAndSwap(0, why) {
			_ = p.kill()
		}
	}
	defer time.AfterFunc(opts.WallTime, func() { halt(tookTooLong) }).Stop()
	defer context.AfterFunc(ctx, func() { halt(unwanted) })()
	read := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		watch(p.pid, o.OCR != "", opts.Memory, read, func() { halt(tookTooMuchMemory) })
	})

	p.rest.N = opts.MaxOutput + 1
	var r reply
	err := p.orders.Encode(o)
	if err == nil {
		err = p.answer.Decode(&r)
	}
	if err != nil {
		_, _ = io.Copy(io.Discard, p.rest) // until it ends or is too much
	}
	if p.rest.N <= 0 {
		halt(wroteTooMuch)
	}
	close(read)
	watcher.Wait()
	p.used = true
	if err == nil {
		return r, nil
	}
	p.stop()
	switch p.stopped.Load() {
	case tookTooLong:
		return reply{}, seedbed.Errorf(seedbed.Limit, "%s: reading took longer than %s. %s", o.Name, opts.WallTime, smaller)
	case tookTooMuchMemory:
		return reply{}, seedbed.Errorf(seedbed.Limit, "%s: reading needed more than %s of memory. %s", o.Name, seedbed.Size(opts.Memory), smaller)
	case wroteTooMuch:
		return reply{}, seedbed.Errorf(seedbed.Limit, "%s: it holds more than %s of text. Split it and upload the parts.", o.Name, seedbed.Size(opts.MaxOutput))
	case unwanted:
		return reply{}, fmt.Errorf("read %s: %w", o.Name, context.Cause(ctx))
	}
	return reply{}, crash(o.Name, opts, p.waited, p.stderr.String(), err)
}

const smaller = "Split it into smaller files, or, if it is not large, save it anew with the program it came from: it may be damaged."

// crash says why a child ended without a reply.
func crash(name string, opts Options, waited error, stderr string, failed error) error {
	state := "a broken answer: " + failed.Error()
	var exit *exec.ExitError
	if errors.As(waited, &exit) {
		state = exit.String()
	} else if waited != nil {
		state = waited.Error()
	}
	e := seedbed.Errorf(seedbed.Unreadable, "%s: the reader failed on it. It may be damaged: save it anew with the program it came from.", name)
	switch {
	case strings.Contains(stderr, "out of memory"), strings.Contains(stderr, "cannot allocate memory"), strings.Contains(stderr, "too many address space collisions"), strings.Contains(state, "signal: killed"):
		e = seedbed.Errorf(seedbed.Limit, "%s: reading needed more than %s of memory. %s", name, seedbed.Size(opts.Memory), smaller)
	case strings.Contains(state, "CPU time limit exceeded"), strings.Contains(stderr, "SIGXCPU"):
		e = seedbed.Errorf(seedbed.Limit, "%s: reading took too much computing time. %s", name, smaller)
	}
	e.Err = &CrashError{State: state, Stderr: stderr}
	return e
}

// environment is all that a child learns of ours: nothing that may hold a key.
func environment(k kind) []string {
	env := []string{
		fmt.Sprintf("GOMEMLIMIT=%d", k.memory*3/4),
		"GOGC=off", // until child says otherwise: starting needs no collection
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
type words struct {
	mu          sync.Mutex
	first, last []byte
}

const wordsKept = 2 << 10 // of each

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(p), wordsKept-len(w.first))
	w.first = append(w.first, p[:n]...)
	w.last = append(w.last, p[n:]...)
	if over := len(w.last) - wordsKept; over > 0 {
		w.last = append(w.last[:0], w.last[over:]...)
	}
	return len(p), nil
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(w.first) + string(w.last))
}
