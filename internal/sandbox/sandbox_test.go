package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"seedbed/extract"
	"seedbed/extract/read"
	"seedbed/extract/read/readerr"
	"seedbed/internal/seedbed"
)

// The test binary is its own child: the file's name says what goes wrong.
func TestMain(m *testing.M) {
	if IsChild(os.Args[1:]) {
		os.Exit(child(context.Background(), os.Args[1:], os.Stdin, os.Stdout, misbehave))
	}
	os.Exit(m.Run())
}

func misbehave(ctx context.Context, path, name string, opts read.Options) (*extract.Document, error) {
	switch name {
	case "hang":
		for {
			runtime.Gosched()
		}
	case "sleep":
		select {}
	case "gulp":
		return say(string(make([]byte, 32<<30))), nil
	case "creep":
		for {
			b := make([]byte, 8<<20)
			for i := range b {
				b[i] = byte(i)
			}
			held = append(held, b)
		}
	case "flood":
		for {
			fmt.Print(`"`, strings.Repeat("x", 1<<20), `",`)
		}
	case "long":
		return say(strings.Repeat("word ", 2<<20)), nil
	case "recurse":
		return say(strconv.Itoa(recurse(1))), nil
	case "panic":
		panic("a reader's mistake")
	case "exit":
		os.Exit(0)
	case "half":
		fmt.Print(`{"document":{"title":"half`)
		os.Exit(0)
	case "refuse":
		return nil, readerr.ErrCorrupt
	case "pid":
		return say(strconv.Itoa(os.Getpid())), nil
	case "once": // what an earlier file left behind makes the next one fail
		if again {
			panic("used before")
		}
		again = true
		return say("done"), nil
	case "grow":
		b := make([]byte, idleMemory)
		for i := range b {
			b[i] = byte(i)
		}
		held = append(held, b)
		return say("grown"), nil
	case "environment":
		return say(strings.Join(os.Environ(), "\n")), nil
	case "grandchild":
		c := exec.Command("/bin/sleep", "600")
		if err := c.Start(); err != nil {
			return nil, err
		}
		pids, err := os.ReadFile(path) // the file says where the test looks for the process
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(string(pids), []byte(strconv.Itoa(c.Process.Pid)), 0o600); err != nil {
			return nil, err
		}
		select {}
	case "broken":
		return &extract.Document{Text: "no block covers this"}, nil
	}
	return document(ctx, path, name, opts)
}

// held keeps what creep and grow take, and again that once was read.
var (
	held  [][]byte
	again bool
)

func recurse(n int) int {
	if n < 0 {
		return 0
	}
	return recurse(n+1) + n
}

func say(text string) *extract.Document {
	var w extract.Builder
	w.Title, w.Kind = "said", extract.Page
	w.Add("", extract.Block{Kind: extract.Paragraph, Text: text})
	return w.Done()
}

func options(t *testing.T) Options {
	t.Helper()
	o := Options{WallTime: 20 * time.Second, Memory: 512 << 20, MaxOutput: 8 << 20}
	if dir, err := os.UserCacheDir(); err == nil {
		o.CacheDir = filepath.Join(dir, "seedbed-test")
	}
	return o
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	d, err := Read(t.Context(), options(t), file(t, "# Hello\n\nA page.\n"), "hello.md")
	if err != nil {
		t.Fatal(err)
	}
	if d.Blocks[0].Title != "Hello" || !strings.Contains(d.Text, "A page.") {
		t.Errorf("read %q", d.Text)
	}
}

// Nothing that a reader does takes more down than the reading of its file.
func TestMisbehaviour(t *testing.T) {
	linux := runtime.GOOS == "linux"
	for _, c := range []struct {
		name, code, says string
		skip             bool
	}{
		{name: "hang", code: seedbed.Limit, says: "longer than 2s"},
		{name: "sleep", code: seedbed.Limit, says: "longer than 2s"},
		{name: "gulp", code: seedbed.Limit, says: "more than 512 MiB of memory", skip: !linux},
		{name: "creep", code: seedbed.Limit, says: "more than 512 MiB of memory", skip: !linux},
		{name: "flood", code: seedbed.Limit, says: "more than 8 MiB of text"},
		{name: "long", code: seedbed.Limit, says: "more than 8 MiB of text"},
		{name: "recurse", code: seedbed.Unreadable, says: "the reader failed"},
		{name: "panic", code: seedbed.Unreadable, says: "the reader failed"},
		{name: "exit", code: seedbed.Unreadable, says: "the reader failed"},
		{name: "half", code: seedbed.Unreadable, says: "the reader failed"},
		{name: "broken", code: seedbed.Internal, says: "belongs to no block"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.skip {
				t.Skip("memory is limited on Linux only")
			}
			o := options(t)
			if c.says == "longer than 2s" {
				o.WallTime = 2 * time.Second
			}
			d, err := Read(t.Context(), o, file(t, "some text"), c.name)
			if err == nil {
				t.Fatalf("read %.60q, want an error", d.Text)
			}
			if got := seedbed.CodeOf(err); got != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %s: %v (%v)\nwant %s: … %s …", got, err, errors.Unwrap(err), c.code, c.says)
			}
			if !strings.HasPrefix(err.Error(), c.name+": ") {
				t.Errorf("error %q does not open with the file's name", err)
			}
		})
	}
}

// pooled reads with the children of a pool.
func pooled(t *testing.T) (Options, func(name string) (string, error)) {
	t.Helper()
	o, path := options(t), file(t, "some text")
	o.Pool, o.Memory = &Pool{}, 2<<30 // the race detector takes several times as much
	t.Cleanup(o.Pool.Close)
	return o, func(name string) (string, error) {
		d, err := Read(t.Context(), o, path, name)
		if err != nil {
			return "", err
		}
		return d.Text, nil
	}
}

// A child reads one file after the other, until something is wrong with it.
func TestPool(t *testing.T) {
	_, read := pooled(t)
	must := func(name string) string {
		t.Helper()
		text, err := read(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := must("pid")
	if again := must("pid"); again != first {
		t.Errorf("child %s read the first file, %s the second", first, again)
	}
	if _, err := read("refuse"); seedbed.CodeOf(err) != seedbed.Unreadable {
		t.Errorf("a damaged file gave %v", err)
	}
	if again := must("pid"); again != first {
		t.Errorf("child %s was not used again after a file that cannot be read", first)
	}
	for _, fault := range []string{"panic", "exit", "half", "recurse", "long"} {
		if _, err := read(fault); err == nil {
			t.Errorf("%s is no error", fault)
		}
		if second := must("pid"); second == first {
			t.Errorf("child %s goes on after %s", first, fault)
		} else {
			first = second
		}
	}
	if runtime.GOOS == "linux" {
		must("grow")
		if second := must("pid"); second == first {
			t.Errorf("child %s goes on after it has grown", first)
		}
	}
}

// A file is not made to pay for the one before it.
func TestPoolTriesAnew(t *testing.T) {
	_, read := pooled(t)
	for range 3 {
		if _, err := read("once"); err != nil {
			t.Error(err)
		}
	}
}

// What hangs in one child does not hold up the others, nor does it stay.
func TestPoolAtOnce(t *testing.T) {
	o, read := pooled(t)
	pids := filepath.Join(t.TempDir(), "pid")
	path := file(t, pids)
	ctx, cancel := context.WithCancel(t.Context())
	hung := make(chan error, 1)
	go func() {
		_, err := Read(ctx, o, path, "grandchild")
		hung <- err
	}()
	pid := waitPID(t, pids)
	for range 2 {
		if _, err := read("pid"); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := <-hung; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	gone(t, pid)
	if _, err := read("pid"); err != nil {
		t.Error(err)
	}
}

// Children that are idle end with their pool, and are replaced when they die.
func TestPoolCloses(t *testing.T) {
	o, read := pooled(t)
	pid := func() int {
		t.Helper()
		text, err := read("pid")
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := pid()
	dead, err := os.FindProcess(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Kill(); err != nil {
		t.Fatal(err)
	}
	second := pid()
	if second == first {
		t.Errorf("child %d reads on after it was killed", first)
	}
	o.Pool.Close()
	gone(t, second)
	third := pid() // a closed pool keeps none
	gone(t, third)
}

// The log gets to know how a child died.
func TestCrashKeepsWords(t *testing.T) {
	_, err := Read(t.Context(), options(t), file(t, "x"), "panic")
	var crash *CrashError
	if !errors.As(err, &crash) {
		t.Fatalf("error %v has no CrashError", err)
	}
	if !strings.Contains(crash.Stderr, "a reader's mistake") {
		t.Errorf("its words are %q", crash.Stderr)
	}
}

func TestReadersErrors(t *testing.T) {
	for _, c := range []struct{ name, text, code, says string }{
		{"empty.pdf", "", seedbed.Invalid, "empty.pdf: the file is empty"},
		{"noise.pdf", "%PDF-1.7\n\x00\x01\x02\xff", seedbed.Unreadable, "noise.pdf: the file is damaged"},
		{"hex.pdf", "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages <41424", seedbed.Unreadable, "hex.pdf: the file is damaged"},
		{"billion.pdf", "%PDF-1.5\n1 0 obj\n<</Type/XRef/Size 1000000000/W[1 2 1]/Root 2 0 R/Length 4>>stream\nabcd\nendstream\nendobj\nstartxref\n9\n%%EOF\n", seedbed.Unreadable, "billion.pdf: the file is damaged"},
		{"circle.pdf", "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>\nendobj\ntrailer\n<</Root 1 0 R/Size 3>>\nstartxref\n9\n%%EOF\n", seedbed.Unreadable, "circle.pdf: the file is damaged"},
		{"blank.pdf", "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\ntrailer\n<</Root 1 0 R/Size 4>>\nstartxref\n9\n%%EOF\n", seedbed.NoText, "blank.pdf: no text found"},
	} {
		_, err := Read(t.Context(), options(t), file(t, c.text), c.name)
		if seedbed.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Read(%s) = %s: %v; want %s: … %s …", c.name, seedbed.CodeOf(err), err, c.code, c.says)
		}
	}
}

// A password is asked for in words, and the path stays out of them.
func TestEncrypted(t *testing.T) {
	for _, path := range []string{"../../extract/read/pdf/testdata/rc4.pdf", "../../extract/read/pdf/testdata/aes256.pdf"} {
		_, err := Read(t.Context(), options(t), path, "secret.pdf")
		want := "secret.pdf: the file is encrypted. Save a copy without its password and upload that."
		if seedbed.CodeOf(err) != seedbed.Encrypted || err.Error() != want {
			t.Errorf("Read(%s) = %s: %v; want %s: %s", path, seedbed.CodeOf(err), err, seedbed.Encrypted, want)
		}
	}
}

func TestEnvironmentDoesNotPass(t *testing.T) {
	t.Setenv("SEEDBED_LLM_KEY", "sk-secret")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("HTTPS_PROXY", "http://user:secret@proxy")
	d, err := Read(t.Context(), options(t), file(t, "x"), "environment")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(d.Text, "secret") {
		t.Errorf("the child sees\n%s", d.Text)
	}
	if !strings.Contains(d.Text, "GOMEMLIMIT=") {
		t.Errorf("the child has no GOMEMLIMIT:\n%s", d.Text)
	}
}

func TestCancelKillsChild(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	path, o := file(t, pids), options(t)
	done := make(chan error, 1)
	go func() {
		_, err := Read(ctx, o, path, "grandchild")
		done <- err
	}()
	pid := waitPID(t, pids)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	gone(t, pid)
}

// What a child started is gone with it.
func TestGrandchildrenAreKilled(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pid")
	o := options(t)
	o.WallTime = 2 * time.Second
	if _, err := Read(t.Context(), o, file(t, pids), "grandchild"); seedbed.CodeOf(err) != seedbed.Limit {
		t.Fatalf("error %v, want a limit", err)
	}
	gone(t, waitPID(t, pids))
}

// waitPID polls for the process number that a child writes.
func waitPID(t *testing.T, path string) int {
	t.Helper()
	for range 4000 {
		if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
			pid, err := strconv.Atoi(string(data))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatal("the child never wrote its number")
	return 0
}

// gone waits until a process has ended; a zombie has.
func gone(t *testing.T, pid int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("looks in /proc")
	}
	for range 500 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

func TestWarm(t *testing.T) {
	o := options(t)
	o.CacheDir = t.TempDir()
	o.WallTime = 5 * time.Minute
	o.Memory = 1 << 30
	if err := Warm(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(o.CacheDir); err != nil || len(entries) == 0 {
		t.Errorf("the cache holds %v, %v", entries, err)
	}
}
