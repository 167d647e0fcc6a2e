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

// socket is a netlink socket outside Go's poller. Within the poller every queued datagram would wake a thread, even if
// nothing waits for it. The answer to a request has arrived when the request returns. A Listener waits for events with
// a waiter.
type socket struct {
	file *os.File // in blocking mode, so that Go does not add it to the poller
	raw  syscall.RawConn
}

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
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
	return &socket{file: file, raw: raw}, nil
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

// fd returns the descriptor of the socket, valid until close.
func (s *socket) fd() int { return int(s.file.Fd()) }

func (s *socket) join(group int) error {
	var joined error
	err := s.raw.Control(func(fd uintptr) {
		joined = unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	})
	return errors.Join(err, joined)
}

// send makes the kernel execute requests within this call. It may wait for a request that changes the table of another
// namespace at that moment, and for nothing else.
func (s *socket) send(b []byte) error {
	var sent error
	err := s.raw.Write(func(fd uintptr) bool {
		_, sent = nonblocking(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
		return true
	})
	return errors.Join(err, sent)
}

func (s *socket) close() error { return s.file.Close() }
