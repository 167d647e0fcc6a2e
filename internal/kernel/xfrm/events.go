package xfrm

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Events reports that SAs of a network namespace were added, changed or removed.
type Events struct {
	file *os.File
	raw  syscall.RawConn
}

// OpenEvents starts to receive events of the network namespace of the calling thread.
func OpenEvents() (*Events, error) {
	// Non-blocking, so that Go's poller watches the socket.
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_XFRM)
	if err != nil {
		return nil, fmt.Errorf("subscribing to changes of SAs: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (groupSA - 1)}); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribing to changes of SAs: %w", err), unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "xfrm")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("subscribing to changes of SAs: %w", err), file.Close())
	}
	return &Events{file: file, raw: raw}, nil
}

// Wait waits for a change until the given time, and reports whether it found one. It fails once the receiver is closed.
func (e *Events) Wait(until time.Time) (changed bool, err error) {
	if err := e.file.SetReadDeadline(until); err != nil {
		return false, err
	}
	err = e.raw.Read(func(fd uintptr) bool { return discard(int(fd)) })
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return err == nil, err
}

// discard reads all events that wait, and reports whether there were any. An event has the keys of its SA, which are
// not copied: the buffer is too small. Events that the kernel could not deliver (ENOBUFS) are a change as well.
func discard(fd int) (found bool) {
	var buffer [1]byte
	for {
		_, _, err := unix.Recvfrom(fd, buffer[:], unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return found
		case err == nil, errors.Is(err, unix.ENOBUFS):
			found = true
		default: // Reading again would fail again. The caller looks at the SAs.
			return true
		}
	}
}

// Close ends the receiver.
func (e *Events) Close() error { return e.file.Close() }
