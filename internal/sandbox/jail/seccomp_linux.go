package jail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// refused are system calls that no program here needs: those that have led
// out of name spaces, look into other processes, or take memory that belongs
// to no process and therefore counts for none.
var refused = []string{
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	"unshare", "setns", "mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"pivot_root", "chroot", "quotactl", "quotactl_fd", "swapon", "swapoff", "acct", "open_by_handle_at", "name_to_handle_at", "fanotify_init",
	"bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "lookup_dcookie", "syslog", "uselib", "ustat", "sysfs", "nfsservctl",
	"init_module", "finit_module", "delete_module", "create_module", "kexec_load", "kexec_file_load", "reboot", "iopl", "ioperm", "modify_ldt", "vm86", "vm86old",
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname", "setdomainname", "vhangup", "personality",
	"shmget", "shmat", "shmctl", "msgget", "semget", "mq_open", "memfd_create", "memfd_secret", "remap_file_pages",
	"move_pages", "migrate_pages", "mbind", "set_mempolicy", "mlock", "mlock2", "mlockall",
}

// unknown are system calls that programs try first and do without where the
// kernel does not know them.
var unknown = []string{"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"}

// filter is the seccomp program that bubblewrap puts in force, as the kernel
// takes it.
func filter() ([]byte, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	known := func(names []string) []string {
		var out []string
		for _, n := range names {
			if _, ok := machine.SyscallNames[n]; ok { // each machine lacks some
				out = append(out, n)
			}
		}
		return out
	}
	// A condition is on the low half of what may be a 64-bit word, which is
	// all that the kernel looks at here.
	var conditional []seccomp.NameWithConditions
	for _, flag := range []uint64{
		unix.CLONE_NEWUSER, unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWNET,
		unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWCGROUP,
	} {
		conditional = append(conditional, seccomp.NameWithConditions{
			Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: flag}},
		})
	}
	conditional = append(conditional,
		seccomp.NameWithConditions{Name: "ioctl", Conditions: seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.Equal, Value: unix.TIOCSTI}}},
		seccomp.NameWithConditions{Name: "ioctl", Conditions: seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.Equal, Value: unix.TIOCLINUX}}},
		// Other families, as AF_VSOCK and AF_NETLINK, are no part of the
		// network's name space or need not be there.
		seccomp.NameWithConditions{Name: "socket", Conditions: seccomp.ArgumentConditions{
			{Argument: 0, Operation: seccomp.NotEqual, Value: unix.AF_UNIX},
			{Argument: 0, Operation: seccomp.NotEqual, Value: unix.AF_INET},
			{Argument: 0, Operation: seccomp.NotEqual, Value: unix.AF_INET6},
		}},
	)
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{
			{Names: known(unknown), Action: seccomp.ActionErrno | seccomp.Action(syscall.ENOSYS)},
			{Names: known(refused), NamesWithCondtions: conditional, Action: seccomp.ActionErrno | seccomp.Action(syscall.EPERM)},
		},
	}
	program, err := policy.Assemble()
	if err != nil {
		return nil, err
	}
	// The library lets calls of another machine's kind pass by the default:
	// 32-bit calls on a 64-bit kernel would pass the whole list.
	program = append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(machine.ID), SkipTrue: 1},
		bpf.RetConstant{Val: uint32(seccomp.ActionKillProcess)},
	}, program...)
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, err
	}
	var w bytes.Buffer
	for _, r := range raw {
		if err := binary.Write(&w, binary.NativeEndian, r); err != nil {
			return nil, err
		}
	}
	return w.Bytes(), nil
}

// memory is a file in memory with this content, to be handed to a child.
func memory(name string, content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(content); err != nil {
		return nil, err
	}
	_, err = f.Seek(0, 0)
	return f, err
}
