package transport

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nowait is a TCP connection whose system calls are made behind the back of Go's scheduler. They never wait, since the
// socket is in Go's poller. For a call that might wait the scheduler wakes a thread that watches over it, and lets it
// look every 20 µs until the program is idle again: of a program that does a moment's work at a time, as often as
// something changes, that is the larger part of what it costs.
type nowait struct {
	net.Conn
	raw    syscall.RawConn
	buffer sendBuffer
	look   func(fd uintptr) // the buffer's, made once: one made for each call would be garbage
}

// withoutWait makes a TCP connection one, and leaves others as they are.
func withoutWait(c net.Conn) (net.Conn, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("preparing connection: %w", err)
	}
	n := &nowait{Conn: c, raw: raw}
	n.look = n.buffer.look
	return n, nil
}

// Read reads what there is, and waits only when there is nothing.
func (c *nowait) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := transfer(c.raw.Read, unix.SYS_READ, b)
	if err == nil && n == 0 {
		return 0, io.EOF
	}
	return n, err
}

// Write writes all of it.
func (c *nowait) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		var n int
		n, err = transfer(c.raw.Write, unix.SYS_WRITE, b[written:])
		written += n
	}
	return written, err
}

// transfer makes one system call as soon as it need not wait. Until is RawConn's method that waits for that.
func transfer(until func(func(uintptr) bool) error, call uintptr, b []byte) (int, error) {
	var n uintptr
	var errno unix.Errno
	err := until(func(fd uintptr) (done bool) {
		for errno = unix.EINTR; errno == unix.EINTR; {
			n, _, errno = unix.RawSyscall(call, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		}
		return errno != unix.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, fmt.Errorf("replication connection: %w", errno)
	default:
		return int(n), nil
	}
}
