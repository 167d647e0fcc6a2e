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
	flags    uintptr
	// read is the bound method readOnce. It is created once, because a closure for each call would be garbage.
	read func(fd uintptr) bool
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
	r.read = r.readOnce
	return r
}

// receive reads the datagrams that have arrived, up to the capacity. With wait it waits for the first one up to the
// receive timeout of the socket. It fails with EAGAIN if there is no datagram.
func (r *receiver) receive(wait bool) error {
	r.received = 0
	err := r.receiveNow(unix.MSG_DONTWAIT) // the answer to a request has already arrived
	if wait && errors.Is(err, unix.EAGAIN) {
		err = r.receiveNow(unix.MSG_WAITFORONE)
	}
	return err
}

func (r *receiver) receiveNow(flags uintptr) error {
	r.flags = flags
	if err := r.socket.raw.Read(r.read); err != nil {
		return err
	}
	if r.failed != 0 {
		return r.failed
	}
	return nil
}

// full reports whether the last call used the whole capacity, so that more datagrams may be waiting.
func (r *receiver) full() bool { return r.received == len(r.headers) }

// readOnce receives datagrams. It always returns true, since there is nothing to wait for.
func (r *receiver) readOnce(fd uintptr) bool {
	for k := range r.headers {
		r.headers[k].Namelen = unix.SizeofSockaddrNetlink
	}
	call := unix.Syscall6
	if r.flags == unix.MSG_DONTWAIT {
		call = unix.RawSyscall6 // see nonblocking
	}
	for r.failed = unix.EINTR; r.failed == unix.EINTR; {
		n, _, errno := call(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), uintptr(len(r.headers)),
			r.flags, 0, 0)
		if r.failed = errno; errno == 0 {
			r.received = int(n)
		}
	}
	return true
}

// nonblocking makes a system call that never waits, without informing Go's scheduler. For a call that may wait, the
// scheduler wakes a monitor thread, which then runs every 20 µs until the program is idle. A program that works briefly
// and often would spend most of its time on that thread.
func nonblocking(call, a, b, c, d uintptr) (int, error) {
	n, _, errno := unix.RawSyscall6(call, a, b, c, d, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
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
