//go:build unix

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// computed is the computing time of the processes that this one started and
// that have ended.
func computed() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
