package conntrack

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiver receives many datagrams of a socket with one system call and without allocations. The kernel sends each
// event in a datagram of its own.
type receiver struct {
	socket *socket
	// size is the capacity for one datagram, in bytes.
	size    int
	buffer  []byte
	headers []messageHeader
	vectors []unix.Iovec
	senders []unix.RawSockaddrNetlink
	// received is the number of datagrams of the last call. failed is the error of a call without datagrams.
	received int
	failed   unix.Errno
	// now and first are the bound methods readNow and readFirst. They are created once, because a closure for each call
	// would be garbage.
	now   func(fd uintptr)
	first func(fd uintptr) bool
}

// messageHeader is struct mmsghdr of recvmmsg(2).
type messageHeader struct {
	unix.Msghdr
	length uint32
}

// newReceiver returns a receiver with capacity for count datagrams of size bytes each.
func newReceiver(s *socket, count, size int) *receiver {
	r := &receiver{
		socket: s, size: size, buffer: make([]byte, count*size),
		headers: make([]messageHeader, count), vectors: make([]unix.Iovec, count),
		senders: make([]unix.RawSockaddrNetlink, count),
	}
	for k := range r.headers {
		r.vectors[k].Base = &r.buffer[k*size]
		r.vectors[k].SetLen(size)
		r.headers[k].Iov = &r.vectors[k]
		r.headers[k].SetIovlen(1)
		r.headers[k].Name = (*byte)(unsafe.Pointer(&r.senders[k]))
	}
	r.now, r.first = r.readNow, r.readFirst
	return r
}

// receive reads the datagrams that have arrived, up to the capacity. It fails with EAGAIN if there is no datagram.
func (r *receiver) receive() error {
	r.received = 0
	return r.result(r.socket.raw.Control(r.now)) // unlike Read, Control ignores the deadline
}

// wait waits for a datagram, and reads those that have arrived, up to the capacity. It waits until the deadline of a
// polled socket. With another socket it fails with EAGAIN after the receive timeout.
func (r *receiver) wait() error {
	r.received = 0
	return r.result(r.socket.raw.Read(r.first))
}

// receiveAnswer reads datagrams like receive, and waits if nothing has arrived yet.
func (r *receiver) receiveAnswer() error {
	err := r.receive() // the answer to a request has already arrived
	if errors.Is(err, unix.EAGAIN) {
		err = r.wait()
	}
	return err
}

// result returns the error of a call, or else that of its last system call.
func (r *receiver) result(err error) error {
	if err == nil && r.failed != 0 {
		err = r.failed
	}
	return err
}

// full reports whether the last call used the whole capacity, so that more datagrams may be waiting.
func (r *receiver) full() bool { return r.received == len(r.headers) }

// readNow receives datagrams without waiting.
func (r *receiver) readNow(fd uintptr) {
	r.read(unix.RawSyscall6, fd, unix.MSG_DONTWAIT) // see nonblocking
}

// readFirst receives datagrams, and reports whether it is done. With a polled socket it is done only if it received a
// datagram. Otherwise the system call waits for one.
func (r *receiver) readFirst(fd uintptr) (done bool) {
	if !r.socket.polled {
		r.read(unix.Syscall6, fd, unix.MSG_WAITFORONE)
		return true
	}
	r.readNow(fd)
	return r.failed != unix.EAGAIN
}

// systemCall is unix.Syscall6 or unix.RawSyscall6.
type systemCall func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err unix.Errno)

// read receives datagrams with recvmmsg(2).
func (r *receiver) read(call systemCall, fd, flags uintptr) {
	for k := range r.headers {
		r.headers[k].Namelen = unix.SizeofSockaddrNetlink
	}
	for r.failed = unix.EINTR; r.failed == unix.EINTR; {
		n, _, errno := call(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), uintptr(len(r.headers)),
			flags, 0, 0)
		if r.failed = errno; errno == 0 {
			r.received = int(n)
		}
	}
}

// nonblocking makes a system call that never waits, without informing Go's scheduler. For a call that may wait, the
// scheduler wakes a monitor thread, which then runs every 20 µs until the program is idle. A program that works briefly
// and often would spend much of its time on that thread (docs/decisions/0016-system-calls-without-the-scheduler.md).
func nonblocking(call, a, b, c, d uintptr) error {
	if _, _, errno := unix.RawSyscall6(call, a, b, c, d, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// datagram returns a received datagram, valid until the next call of receive. It returns nothing for a datagram that
// another process sent, since only the kernel is trusted.
func (r *receiver) datagram(number int) ([]byte, error) {
	h := &r.headers[number]
	if r.senders[number].Pid != 0 {
		return nil, nil
	}
	if h.Flags&unix.MSG_TRUNC != 0 {
		return nil, fmt.Errorf("%w: a datagram larger than %d bytes", ErrMalformed, r.size)
	}
	return r.buffer[number*r.size:][:h.length], nil
}
