package conntrack

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiveBuffer is the size of the socket's queue in the kernel, which drops events beyond it. It holds a burst of some
// 40,000 new entries, at 770 bytes each.
const receiveBuffer = 32 << 20

// The largest datagrams that the kernel sends: up to 32 KiB for a part of a dump, and some hundred bytes for an event
// or an answer.
const (
	largeDatagram = 64 << 10
	smallDatagram = 4 << 10
)

// answerTimeout bounds the wait for an answer. The kernel answers within the request itself. The timeout therefore only
// passes if the answer was lost.
const answerTimeout = 10 * time.Second

// socket is a netlink socket.
type socket struct {
	file *os.File
	raw  syscall.RawConn
	// polled reports whether Go's poller watches the socket. Otherwise, waiting for a datagram occupies a thread.
	polled bool
}

// openSocket opens a socket for requests. Go's poller does not watch it, because the answer to a request has arrived
// when the request returns. The poller would wake a thread for it.
func openSocket() (*socket, error) { return open(false) }

// openPolledSocket opens a socket for events, which waits in Go's poller.
func openPolledSocket() (*socket, error) { return open(true) }

func open(polled bool) (*socket, error) {
	kind := unix.SOCK_RAW | unix.SOCK_CLOEXEC
	if polled {
		kind |= unix.SOCK_NONBLOCK // os.NewFile adds only non-blocking files to the poller
	}
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("opening netfilter socket: %w", err)
	}
	if err := prepare(fd); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "netfilter")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing netfilter socket: %w", err), file.Close())
	}
	return &socket{file: file, raw: raw, polled: polled}, nil
}

func prepare(fd int) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("binding netfilter socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("connecting netfilter socket: %w", err)
	}
	// The forced size needs CAP_NET_ADMIN in the initial user namespace. The other one is limited by
	// net.core.rmem_max: a smaller buffer overruns sooner, which only costs a repair.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return fmt.Errorf("sizing netfilter socket: %w", err)
		}
	}
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return fmt.Errorf("preparing netfilter socket: %w", err)
	}
	// Without this option, an answer would repeat its request.
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1); err != nil {
		return fmt.Errorf("preparing netfilter socket: %w", err)
	}
	return nil
}

func (s *socket) join(group int) error {
	return s.set(func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	})
}

// set calls a function that sets an option of the socket's descriptor.
func (s *socket) set(option func(fd int) error) error {
	var failed error
	err := s.raw.Control(func(fd uintptr) { failed = option(int(fd)) })
	return errors.Join(err, failed)
}

// setDeadline makes current and later waits of a polled socket fail from the given time on. The zero time removes the
// deadline.
func (s *socket) setDeadline(at time.Time) error { return s.file.SetReadDeadline(at) }

// send makes the kernel execute requests within this call. It may wait for a request that changes the table of another
// namespace at that moment, and for nothing else.
func (s *socket) send(b []byte) error {
	var sent error
	err := s.raw.Write(func(fd uintptr) bool {
		sent = nonblocking(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
		return true
	})
	return errors.Join(err, sent)
}

func (s *socket) close() error { return s.file.Close() }
