package jail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"seedbed/internal/seedbed"
)

const (
	bwrap   = "/usr/bin/bwrap"
	prlimit = "/usr/bin/prlimit"
	choom   = "/usr/bin/choom"
)

// Where a program finds itself.
const (
	workFolder = "/tmp/work"
	homeFolder = "/tmp/home"
)

// prepare finds what the jail is made of and runs nothing in it, once.
func (j *Jail) prepare(ctx context.Context) error {
	for tool, from := range map[string]string{bwrap: "bubblewrap", prlimit: "util-linux", choom: "util-linux"} {
		if _, err := os.Stat(tool); err != nil {
			return fmt.Errorf("there is no %s; install %s", tool, from)
		}
	}
	e, err := j.run(ctx, command{args: []string{"/usr/bin/true"}})
	if err != nil {
		return err
	}
	if e.exit != 0 || e.stopped != "" {
		return fmt.Errorf("bubblewrap does not work here, as inside most containers: %s", strings.TrimSpace(e.output+" "+e.stopped))
	}
	return nil
}

// firstUser is far above the users that a machine has. Each slot of each
// process has one of its own where we are root: limits on processes do not
// hold for root, and count what a user runs everywhere.
const firstUser = 2_000_000_000

// run runs a command and waits until it, and all that it started, is gone.
func (j *Jail) run(ctx context.Context, c command) (ended, error) {
	var slot int
	select {
	case slot = <-j.slots:
	case <-ctx.Done():
		return ended{}, context.Cause(ctx)
	}
	defer func() { j.slots <- slot }()
	// The kernel kills the child when the thread that started it ends, not
	// the process: hold the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	args, handed, err := j.arguments(c)
	defer func() {
		for _, f := range handed {
			_ = f.Close()
		}
	}()
	if err != nil {
		return ended{}, err
	}
	timed, stop := context.WithTimeout(ctx, j.WallTime)
	defer stop()
	cmd := exec.CommandContext(timed, bwrap, args...)
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.ExtraFiles = handed
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		id := uint32(firstUser + os.Getpid()*64 + slot)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id}
	}

	var once sync.Once
	var why string
	kill := func(reason string) {
		once.Do(func() { why = reason })
		// Bubblewrap's own child, the first process of the name space, dies
		// with it, and with that one all others.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	cmd.Cancel = func() error {
		reason := ""
		if ctx.Err() == nil {
			reason = fmt.Sprintf("it took longer than %v", j.WallTime)
		}
		kill(reason)
		return nil
	}
	out := &printed{limit: j.Output, tooMuch: func() { kill("it printed more than " + seedbed.Size(j.Output)) }}
	cmd.Stdout, cmd.Stderr = out, out // one pipe for both
	if err := cmd.Start(); err != nil {
		return ended{}, fmt.Errorf("start bubblewrap: %w", err)
	}
	gone := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		j.watch(cmd.Process.Pid, gone, kill)
	}()
	waited := cmd.Wait()
	close(gone)
	<-watched
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)

	if ctx.Err() != nil {
		return ended{}, context.Cause(ctx)
	}
	once.Do(func() {}) // whoever kills from now on is too late
	e := ended{output: out.String(), exit: cmd.ProcessState.ExitCode(), stopped: why}
	var exit *exec.ExitError
	if waited != nil && !errors.As(waited, &exit) && why == "" {
		return ended{}, fmt.Errorf("wait for bubblewrap: %w", waited)
	}
	if e.stopped == "" {
		e.stopped = j.limit(e)
	}
	return e, nil
}

// limit is the limit that a command seems to have met by itself.
func (j *Jail) limit(e ended) string {
	if e.exit == 0 {
		return ""
	}
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(e.output, w) })
	}
	const signalled = 128
	switch {
	case e.exit == signalled+int(syscall.SIGXCPU):
		return fmt.Sprintf("it computed for longer than %v", j.CPU)
	case e.exit == signalled+int(syscall.SIGXFSZ):
		return "it wrote a file larger than " + seedbed.Size(j.FileSize)
	case e.exit == signalled+int(syscall.SIGSYS):
		return "it made a system call that is refused"
	case e.exit == signalled+int(syscall.SIGKILL):
		// Of the hard limits, that on computing time kills.
		return fmt.Sprintf("it was killed, as is what computes for longer than %v", j.CPU)
	case says("MemoryError", "out of memory", "Cannot allocate memory", "cannot allocate memory"):
		return "it needed more than " + seedbed.Size(j.Memory) + " of memory"
	case says("No space left on device", "no space left on device", "ENOSPC"):
		return "it wrote more than " + seedbed.Size(j.Disk)
	case says("File too large", "file too large", "EFBIG"):
		return "it wrote a file larger than " + seedbed.Size(j.FileSize)
	}
	return ""
}

// arguments are those of bubblewrap, and the files it is handed.
func (j *Jail) arguments(c command) ([]string, []*os.File, error) {
	args := []string{
		"--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
		"--hostname", "jail", "--clearenv",
		"--ro-bind", "/usr", "/usr",
	}
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		if to, err := os.Readlink(dir); err == nil {
			args = append(args, "--symlink", to, dir)
		} else if _, err := os.Stat(dir); err == nil {
			args = append(args, "--ro-bind", dir, dir)
		}
	}
	// Debian leads to some libraries through here.
	if _, err := os.Stat("/etc/alternatives"); err == nil {
		args = append(args, "--ro-bind", "/etc/alternatives", "/etc/alternatives")
	}
	args = append(args,
		"--proc", "/proc", "--dev", "/dev", "--size", strconv.Itoa(16<<20), "--tmpfs", "/dev/shm",
		"--size", strconv.FormatInt(j.Disk, 10), "--tmpfs", "/tmp", "--dir", workFolder, "--dir", homeFolder,
	)
	for _, dir := range c.folders {
		if !strings.HasPrefix(dir, "/usr/") {
			args = append(args, "--ro-bind", dir, dir)
		}
	}

	var handed []*os.File
	hand := func(name string, content []byte) (string, error) {
		f, err := memory(name, content)
		if err != nil {
			return "", err
		}
		handed = append(handed, f)
		return strconv.Itoa(2 + len(handed)), nil // after standard input, output and error
	}
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fd, err := hand("source", []byte(c.files[name]))
		if err != nil {
			return nil, handed, err
		}
		args = append(args, "--file", fd, workFolder+"/"+name)
	}
	rules, err := filter()
	if err != nil {
		return nil, handed, fmt.Errorf("make the filter of system calls: %w", err)
	}
	fd, err := hand("seccomp", rules)
	if err != nil {
		return nil, handed, err
	}
	args = append(args,
		// What is left of the root and of /dev lies in memory, uncapped.
		"--remount-ro", "/dev", "--remount-ro", "/",
		"--seccomp", fd, "--chdir", workFolder,
	)
	for _, v := range append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + homeFolder, "TMPDIR=/tmp", "LANG=C.UTF-8", "TZ=UTC"}, c.env...) {
		name, value, _ := strings.Cut(v, "=")
		args = append(args, "--setenv", name, value)
	}
	limit := func(name string, n int64) string { return fmt.Sprintf("--%s=%d:%d", name, n, n) }
	args = append(args, "--",
		// Where the machine itself runs out of memory, this goes first.
		choom, "-n", "1000", "--",
		prlimit,
		// The soft limit sends a signal that names it, a second before the
		// hard one kills.
		fmt.Sprintf("--cpu=%d:%d", seconds(j.CPU), seconds(j.CPU)+1),
		limit("data", 2*j.Memory), limit("fsize", j.FileSize), limit("nproc", int64(j.Processes)),
		limit("nofile", int64(j.OpenFiles)), limit("core", 0), limit("memlock", 0), limit("msgqueue", 0), limit("sigpending", 1024), "--",
	)
	return append(args, c.args...), handed, nil
}

func seconds(d time.Duration) int64 { return max(1, int64(d.Seconds())) }

// watch ends a command that holds more memory than it may, all its processes
// taken together, or makes more files than any needs: a file without content
// takes none of what the folder is capped to, but memory all the same.
func (j *Jail) watch(pid int, gone <-chan struct{}, kill func(string)) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
		}
		var used int64
		processes := descendants(pid)
		for _, p := range processes {
			used += number(fmt.Sprintf("/proc/%d/statm", p), 1) * int64(os.Getpagesize())
		}
		if used > j.Memory && shared(processes) > j.Memory {
			kill("it needed more than " + seedbed.Size(j.Memory) + " of memory")
			return
		}
		if len(processes) == 0 {
			continue
		}
		var disk unix.Statfs_t
		root := fmt.Sprintf("/proc/%d/root/tmp", processes[len(processes)-1])
		if unix.Statfs(root, &disk) == nil && disk.Type == unix.TMPFS_MAGIC && int64(disk.Blocks)*disk.Bsize <= j.Disk && disk.Files-disk.Ffree > maxInodes {
			kill(fmt.Sprintf("it made more than %d files", maxInodes))
			return
		}
	}
}

const maxInodes = 50_000

// descendants are the processes that pid started, and those that they did.
func descendants(pid int) []int {
	var out []int
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(f); err == nil {
				out = append(out, child)
				out = append(out, descendants(child)...)
			}
		}
	}
	return out
}

// shared is the memory that processes hold, in bytes, with what several of
// them share counted once. It takes much longer to tell than what each holds.
func shared(pids []int) int64 {
	var sum int64
	for _, p := range pids {
		list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		_, after, _ := strings.Cut(string(list), "\nPss:")
		if f := strings.Fields(after); len(f) > 0 {
			kilo, _ := strconv.ParseInt(f[0], 10, 64)
			sum += kilo << 10
		}
	}
	return sum
}

// number is the n-th number in a file of /proc, 0 where there is none.
func number(name string, n int) int64 {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) <= n {
		return 0
	}
	value, _ := strconv.ParseInt(fields[n], 10, 64)
	return value
}
