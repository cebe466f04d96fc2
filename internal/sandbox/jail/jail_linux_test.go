package jail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"seedbed/extract/stage"
)

// open is a jail with limits that a test meets soon. It skips where there can
// be no jail, except where the machine is meant to have one.
func open(t *testing.T) *Jail {
	t.Helper()
	j, err := Open(t.Context(), Options{
		Slots: 4, WallTime: 20 * time.Second, CPU: time.Second, Memory: 256 << 20, Disk: 32 << 20, FileSize: 16 << 20, Processes: 64, OpenFiles: 64, Output: 1 << 20,
	})
	if errors.Is(err, ErrNone) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func runPython(t *testing.T, j *Jail, body string) stage.Ran {
	t.Helper()
	if j.Interpreter("python") == "" {
		t.Skip("no Python works in the jail")
	}
	r, err := j.Run(t.Context(), stage.Program{
		Lang: "python", Main: "test_it.py", Test: true,
		Files: map[string]string{"test_it.py": "import os, sys, time, socket, ctypes\ndef test_it():\n    " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ") + "\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHostile runs programs that want out, or all there is. Each either
// finds that it cannot, and passes because that is what it asserts, or is
// ended with a reason that names its limit.
func TestHostile(t *testing.T) {
	j := open(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Chmod(filepath.Dir(outside), 0o777); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	t.Setenv("SEEDBED_LLM_KEY", "a secret")

	denied := func(do string) string {
		return "try:\n    " + strings.ReplaceAll(do, "\n", "\n    ") + "\nexcept OSError as e:\n    print('refused:', e)\nelse:\n    raise SystemExit('it could')"
	}
	call := func(number int, args string) string {
		return fmt.Sprintf("libc = ctypes.CDLL(None, use_errno=True)\nr = libc.syscall(%d, %s)\ne = ctypes.get_errno()\nprint('returned', r, os.strerror(e))\nassert r == -1 and e in (1, 38), (r, e)", number, args)
	}
	for _, c := range []struct{ name, body, reason string }{
		{"endless loop", "while True: pass", "computed for longer than 1s"},
		{"endless sleep", "time.sleep(1000)", "took longer than 3s"},
		{"memory hog at once", "x = bytearray(8 << 30)", "256 MiB of memory"},
		{"memory hog by and by", "x = []\nwhile True: x.append(bytearray(1 << 20))", "256 MiB of memory"},
		{"memory hog of many processes", "for i in range(8):\n    if os.fork() == 0: break\nx = []\nfor i in range(60): x.append(b'x' * (1 << 20))\ntime.sleep(1000)", "256 MiB of memory"},
		{"a gigabyte of output", "for i in range(1024): sys.stdout.write('x' * (1 << 20))", "printed more than 1 MiB"},
		{"disk filler", "for i in range(1000):\n    with open(f'/tmp/f{i}', 'wb') as f: f.write(b'x' * (1 << 20))", "wrote more than 32 MiB"},
		{"one large file", "with open('/tmp/f', 'wb') as f:\n    while True: f.write(b'x' * (1 << 20))", "larger than 16 MiB"},
		{"files without end", "for i in range(1 << 30): open(f'/tmp/f{i}', 'w').close()", "more than 50000 files"},
		{"fork bomb", "n = 0\ntry:\n    while True:\n        if os.fork() == 0: time.sleep(1000)\n        n += 1\nexcept OSError as e:\n    print(n, e)\nassert 0 < n < 64, n", ""},
		{"fork bomb that doubles", "while True:\n    try: os.fork()\n    except OSError: pass", "longer than"},
		{"open files", "f = []\ntry:\n    while True: f.append(open('/dev/null'))\nexcept OSError as e: print(e)\nassert len(f) < 64", ""},
		{"memory in the kernel", denied("os.memfd_create('x')"), ""},
		{"memory in /dev", denied("open('/dev/x', 'w')"), ""},
		{"memory in the root", denied("open('/x', 'w')"), ""},
		{"network: this machine", denied(fmt.Sprintf("socket.create_connection(('127.0.0.1', %d), timeout=2)", listener.Addr().(*net.TCPAddr).Port)), ""},
		{"network: another machine", denied("socket.create_connection(('1.1.1.1', 53), timeout=2)"), ""},
		{"network: a name", denied("socket.getaddrinfo('example.org', 80)"), ""},
		{"network: the machine beneath", denied("socket.socket(40, socket.SOCK_STREAM)"), ""},
		{"network: raw", denied("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"), ""},
		{"reading /etc/shadow", denied("open('/etc/shadow').read()"), ""},
		{"reading /root", denied("os.listdir('/root')"), ""},
		{"reading our folder", denied(fmt.Sprintf("os.listdir(%q)", filepath.Dir(outside))), ""},
		{"reading our environment", "assert 'SEEDBED_LLM_KEY' not in os.environ and 'secret' not in open('/proc/1/environ').read(), os.environ", ""},
		{"writing outside", denied(fmt.Sprintf("open(%q, 'w')", outside)), ""},
		{"writing to /usr", denied("open('/usr/bin/evil', 'w')"), ""},
		{"writing to the interpreter", denied("open(os.path.realpath(sys.executable), 'r+')"), ""},
		{"being another user", denied("os.setuid(0)"), ""},
		{"setuid programs", "import subprocess\nr = subprocess.run(['/usr/bin/su', '-c', 'id'], capture_output=True, text=True)\nassert r.returncode != 0 and 'uid=0' not in r.stdout, r", ""},
		{"other processes", "pids = [int(p) for p in os.listdir('/proc') if p.isdigit()]\nassert len(pids) < 8, pids", ""},
		{"killing the parent", fmt.Sprintf("for p in (os.getppid(), 1, %d):\n    try: os.kill(p, 9)\n    except OSError as e: print(p, e)\nopen('/tmp/alive', 'w')", os.Getpid()), ""},
		{"killing everybody", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntry: os.kill(-1, 15)\nexcept OSError as e: print(e)", ""},
		{"a child that stays", "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(1000)", ""},
		{"/proc: the kernel's settings", denied("open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x')"), ""},
		{"/proc: name spaces", denied("os.open('/proc/1/ns/user', 0); open('/proc/sys/user/max_user_namespaces', 'w').write('100')"), ""},
		{"/proc: the first process' memory", denied("open('/proc/1/mem', 'rb').read(1)"), ""},
		{"/proc: a root beyond", "assert not os.path.exists('/proc/1/root/etc/shadow')", ""},
		{"/proc: sysrq", denied("open('/proc/sysrq-trigger', 'w').write('b')"), ""},
		{"user name space", call(272, "0x10000000"), ""},
		{"user name space by clone", call(56, "0x10000000 | 17, 0, 0, 0, 0"), ""},
		{"clone3", call(435, "0, 0"), ""},
		{"mount", call(165, "b'none', b'/tmp', b'tmpfs', 0, 0"), ""},
		{"ptrace", call(101, "16, 1, 0, 0"), ""},
		{"reading another process", call(310, "1, 0, 0, 0, 0, 0"), ""},
		{"keys", call(250, "0, 0, 0, 0, 0"), ""},
		{"bpf", call(321, "0, 0, 0"), ""},
		{"io_uring", call(425, "1, 0"), ""},
		{"typing on the terminal", denied("import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSTI, b'x')"), ""},
		{"leaving by the door", "os._exit(0)", "ended before its tests did"},
		{"a signal to itself", "os.kill(os.getpid(), 11)", "ended before its tests did"},
	} {
		t.Run(c.name, func(t *testing.T) {
			jail := j
			if strings.HasPrefix(c.reason, "took") || c.name == "fork bomb that doubles" {
				short := *j
				short.WallTime = 3 * time.Second
				jail = &short
			}
			if strings.HasPrefix(c.body, "libc") && runtime.GOARCH != "amd64" {
				t.Skip("the numbers of its system calls are those of x86-64")
			}
			r := runPython(t, jail, c.body)
			if c.reason == "" && !r.Passed {
				t.Errorf("it did not end as it should: %s\n%s", r.Reason, r.Output)
			}
			if c.reason != "" && (r.Passed || !strings.Contains(r.Reason, c.reason)) {
				t.Errorf("passed %v, reason %q, want one with %q\n%s", r.Passed, r.Reason, c.reason, r.Output)
			}
			if len(r.Output) > 3*printedKept {
				t.Errorf("%d bytes of output are kept", len(r.Output))
			}
		})
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("a program wrote outside")
	}
	if left := descendants(os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	// And after all that, the jail still works.
	if r := runPython(t, j, "assert 6 * 7 == 42"); !r.Passed || r.Count != 1 {
		t.Errorf("an honest program: %+v", r)
	}
}

// Programs in the jail at the same time know nothing of each other.
func TestSlotsAreApart(t *testing.T) {
	j := open(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			r := runPython(t, j, fmt.Sprintf("open('/tmp/mine', 'x').write('%d')\ntime.sleep(0.1)\nassert open('/tmp/mine').read() == '%d' and os.listdir('/tmp/work') == ['test_it.py']\nassert len([p for p in os.listdir('/proc') if p.isdigit()]) < 8", i, i))
			if !r.Passed {
				t.Errorf("program %d: %s", i, r.Reason)
			}
		})
	}
	group.Wait()
}

func TestCancel(t *testing.T) {
	j := open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(200*time.Millisecond, func() { cancel(enough) })
	_, err := j.Run(ctx, stage.Program{Lang: "python", Main: "test_x.py", Test: true, Files: map[string]string{"test_x.py": "def test_x():\n    import time\n    time.sleep(1000)\n"}})
	if j.Interpreter("python") != "" && !errors.Is(err, enough) {
		t.Errorf("a cancelled run ends with %v", err)
	}
}

func TestNamesStayInTheirFolder(t *testing.T) {
	j := open(t)
	for _, name := range []string{"../x.py", "/etc/x.py", "a/../../x.py", "", "a//b.py", "a\x00b"} {
		if _, err := j.Run(t.Context(), stage.Program{Lang: "python", Main: name, Files: map[string]string{name: ""}}); err == nil && j.Interpreter("python") != "" {
			t.Errorf("Run took a file called %q", name)
		}
	}
}

func TestSame(t *testing.T) {
	j := open(t)
	body := "print(object())\nprint(hash('x'), {'a', 'b', 'c'})\nassert 1 == 2"
	if a, b := runPython(t, j, body), runPython(t, j, body); a.Output != b.Output || a.Reason != b.Reason || a.Passed {
		t.Errorf("twice the same program: %+v and %+v", a, b)
	}
}
