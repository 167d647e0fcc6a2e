// Package descriptors makes room for file descriptors before a program needs them.
package descriptors

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Reserve makes the kernel enlarge the table of file descriptors to at least n places. It stays that large.
//
// Otherwise the kernel enlarges a full table at the next file. In a process with threads, the one that opens it waits
// for an RCU grace period, and so do all others that open a file meanwhile: about ten milliseconds, and more on a busy
// machine. A sidecar opens most of its files while it becomes active.
func Reserve(n int) error {
	file, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making room for %d file descriptors: %w", n, err)
	}
	last, err := unix.FcntlInt(uintptr(file), unix.F_DUPFD_CLOEXEC, n-1)
	if err != nil {
		return errors.Join(fmt.Errorf("making room for %d file descriptors: %w", n, err), unix.Close(file))
	}
	return errors.Join(unix.Close(last), unix.Close(file))
}
