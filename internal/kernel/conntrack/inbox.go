package conntrack

import (
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
	waits    bool
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

// receive takes in what has come, as many datagrams as there is room for. With wait it waits for the first one until
// the socket's deadline; without, it fails with EAGAIN when there is none.
func (i *inbox) receive(wait bool) error {
	i.received, i.failed, i.waits = 0, 0, wait
	if err := i.socket.raw.Read(i.read); err != nil {
		return err
	}
	if i.failed != 0 {
		return i.failed
	}
	return nil
}

// readOnce tells whether waiting for the socket would be of no use.
func (i *inbox) readOnce(fd uintptr) bool {
	for k := range i.headers {
		i.headers[k].Namelen = unix.SizeofSockaddrNetlink
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&i.headers[0])),
			uintptr(len(i.headers)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case 0:
			i.received, i.failed = int(n), 0
			return true
		default:
			i.received, i.failed = 0, errno
			return !i.waits || errno != unix.EAGAIN
		}
	}
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
