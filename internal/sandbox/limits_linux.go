package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// group gives a child a process group of its own that dies with us, and
// returns the function that kills the group.
func group(cmd *exec.Cmd) func() error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if err == syscall.ESRCH {
			return os.ErrProcessDone
		}
		return err
	}
}

// confine limits the running process, and the files it writes to size bytes.
// Address space is limited as a first fence that stops one huge request at
// once; what Go and WebAssembly only reserve counts too, so the fence stands
// well above memory, and the parent watches what is really used.
func confine(memory, size int64) {
	limit(unix.RLIMIT_CORE, 0, true)
	limit(unix.RLIMIT_FSIZE, uint64(size), true)
	if memory > 0 {
		reserved, _ := pages(os.Getpid(), 0)
		limit(unix.RLIMIT_AS, uint64(reserved+2*memory+1<<30), true)
	}
}

// confineTime limits the computing time from now on to what goes with a wall
// time.
func confineTime(wall time.Duration) {
	var used unix.Rusage
	if wall > 0 && unix.Getrusage(unix.RUSAGE_SELF, &used) == nil {
		limit(unix.RLIMIT_CPU, uint64(used.Utime.Sec+used.Stime.Sec)+cpuSeconds(wall), false)
	}
}

// limit sets a limit of the running process; one that is final cannot be
// lifted.
func limit(what int, n uint64, final bool) {
	var now unix.Rlimit
	if err := unix.Getrlimit(what, &now); err != nil {
		now.Max = unix.RLIM_INFINITY
	}
	now.Cur = min(n, now.Max)
	if final {
		now.Max = now.Cur
	}
	if err := unix.Setrlimit(what, &now); err != nil {
		fmt.Fprintln(os.Stderr, "limit", what, "to", n, err)
	}
}

// watch calls stop when a process, with those it started if it may start any,
// holds more than limit bytes of memory.
func watch(pid int, family bool, limit int64, ended <-chan struct{}, stop func()) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			used, err := pages(pid, 1)
			if err != nil {
				continue
			}
			if family {
				for _, child := range children(pid) {
					more, _ := pages(child, 1) // it may be gone
					used += more
				}
			}
			if used > limit {
				stop()
				return
			}
		}
	}
}

// resident is how much memory a process holds in bytes, 0 where it is gone.
func resident(pid int) int64 {
	n, _ := pages(pid, 1)
	return n
}

// children are the processes that a process started and that still run.
func children(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var out []int
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, f := range strings.Fields(string(data)) {
			if n, err := strconv.Atoi(f); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// pages reads a column of /proc/pid/statm, in bytes: 0 is the address space,
// 1 the resident memory.
func pages(pid, column int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) <= column {
		return 0, fmt.Errorf("/proc/%d/statm is %q", pid, data)
	}
	n, err := strconv.ParseInt(fields[column], 10, 64)
	return n * int64(os.Getpagesize()), err
}
