package conntrack

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inbox receives the datagrams of a socket, many with one system call, and costs no allocation: the kernel tells of
// each event in a datagram of its own.
type inbox struct {
	socket *socket
	// size is the room for one datagram.
	size    int
	room    []byte
	headers []messageHeader
	vectors []unix.Iovec
	senders []unix.RawSockaddrNetlink
	// received is how many datagrams the last call received, and failed why it received none.
	received int
	failed   unix.Errno
	flags    uintptr
	// read is made once: a closure made for each call would be garbage.
	read func(fd uintptr) bool
}

// messageHeader is struct mmsghdr, see recvmmsg(2).
type messageHeader struct {
	unix.Msghdr
	length uint32
}

// newInbox makes room for so many datagrams of so many bytes each.
func newInbox(s *socket, count, size int) *inbox {
	i := &inbox{
		socket: s, size: size, room: make([]byte, count*size),
		headers: make([]messageHeader, count), vectors: make([]unix.Iovec, count),
		senders: make([]unix.RawSockaddrNetlink, count),
	}
	for k := range i.headers {
		i.vectors[k].Base = &i.room[k*size]
		i.vectors[k].SetLen(size)
		i.headers[k].Iov = &i.vectors[k]
		i.headers[k].SetIovlen(1)
		i.headers[k].Name = (*byte)(unsafe.Pointer(&i.senders[k]))
	}
	i.read = i.readOnce
	return i
}

// receive takes in what has come, as many datagrams as there is room for. With wait it waits for the first one as long
// as the socket does; it fails with EAGAIN when there is none.
func (i *inbox) receive(wait bool) error {
	i.received = 0
	err := i.look(unix.MSG_DONTWAIT) // what the kernel answers is there already
	if wait && errors.Is(err, unix.EAGAIN) {
		err = i.look(unix.MSG_WAITFORONE)
	}
	return err
}

func (i *inbox) look(flags uintptr) error {
	i.flags = flags
	if err := i.socket.raw.Read(i.read); err != nil {
		return err
	}
	if i.failed != 0 {
		return i.failed
	}
	return nil
}

// full says whether there may be more than was received.
func (i *inbox) full() bool { return i.received == len(i.headers) }

// readOnce leaves nothing to wait for.
func (i *inbox) readOnce(fd uintptr) bool {
	for k := range i.headers {
		i.headers[k].Namelen = unix.SizeofSockaddrNetlink
	}
	call := unix.Syscall6
	if i.flags == unix.MSG_DONTWAIT {
		call = unix.RawSyscall6 // see nowait
	}
	for i.failed = unix.EINTR; i.failed == unix.EINTR; {
		n, _, errno := call(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&i.headers[0])), uintptr(len(i.headers)),
			i.flags, 0, 0)
		if i.failed = errno; errno == 0 {
			i.received = int(n)
		}
	}
	return true
}

// nowait makes a system call that never waits behind the back of Go's scheduler. For one that might wait the scheduler
// wakes a thread to watch over it, and lets that look every 20 µs until the program is idle again: of a program that
// does a moment's work at a time, as often as something changes, that is the larger part of what it costs.
func nowait(call, a, b, c, d uintptr) (int, error) {
	n, _, errno := unix.RawSyscall6(call, a, b, c, d, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// datagram is one of those received, valid until the next call of receive; empty when it came from another process,
// which is nobody to believe.
func (i *inbox) datagram(number int) ([]byte, error) {
	h := &i.headers[number]
	if i.senders[number].Pid != 0 {
		return nil, nil
	}
	if h.Flags&unix.MSG_TRUNC != 0 {
		return nil, fmt.Errorf("%w: a datagram larger than %d bytes", ErrMalformed, i.size)
	}
	return i.room[number*i.size:][:h.length], nil
}
