package transport

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nowait is a TCP connection that makes its system calls without Go's scheduler. The calls never block, since the
// socket is in Go's poller. For a call that may block, the scheduler wakes a monitor thread, which then polls every 20
// µs until the program is idle. The record docs/decisions/0016-system-calls-without-the-scheduler.md has the gain.
type nowait struct {
	net.Conn
	raw    syscall.RawConn
	buffer sendBuffer
	// read is buffer.read. It is created once, since a method value for each call would be garbage.
	read func(fd uintptr)
}

// withoutWait returns a TCP connection as nowait, and other connections as they are.
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
	n.read = n.buffer.read
	return n, nil
}

// Read reads what has arrived. It waits only if nothing has.
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

// Write writes all of b.
func (c *nowait) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		var n int
		n, err = transfer(c.raw.Write, unix.SYS_WRITE, b[written:])
		written += n
	}
	return written, err
}

// transfer makes one system call as soon as it does not block. Until is the method of RawConn that waits for that.
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

// freeBytesOf returns how many bytes a connection takes without blocking; 0 if that is unknown. Calls must not overlap.
func freeBytesOf(connection net.Conn) int {
	c, ok := connection.(*nowait)
	if !ok || c.raw.Control(c.read) != nil {
		return 0
	}
	return c.buffer.free
}
