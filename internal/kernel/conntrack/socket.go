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

// receiveBuffer is what the kernel may keep for a socket. Events beyond it are lost, so it is sized for a burst: some
// 40,000 new entries at the 770 bytes that each costs.
const receiveBuffer = 32 << 20

// Room for what the kernel sends at once: it fills up to 32 KiB of a dump, and tells of an event, or answers, in some
// hundred bytes.
const (
	largeDatagram = 64 << 10
	smallDatagram = 4 << 10
)

// answerTimeout bounds the wait for an answer. The kernel answers within the request itself, so that only a kernel that
// lost an answer lets it pass.
const answerTimeout = 10 * time.Second

// socket is a netlink socket. It is not in Go's poller, for whom every datagram that the kernel queues would be a
// reason to wake a thread, whether anybody waits for it or not: an answer is there when the request returns, and who
// waits for events does so at a gate.
type socket struct {
	file *os.File // blocking, so that it stays out of the poller
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
	// The forced size needs CAP_NET_ADMIN in the initial user namespace, the other one is bounded by net.core.rmem_max:
	// a smaller buffer overruns sooner, and an overrun is repaired.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return fmt.Errorf("sizing netfilter socket: %w", err)
		}
	}
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return fmt.Errorf("preparing netfilter socket: %w", err)
	}
	// Answers need not repeat the request.
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1); err != nil {
		return fmt.Errorf("preparing netfilter socket: %w", err)
	}
	return nil
}

// fd is the socket's descriptor, valid until close.
func (s *socket) fd() int { return int(s.file.Fd()) }

func (s *socket) join(group int) error {
	var joined error
	err := s.raw.Control(func(fd uintptr) {
		joined = unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	})
	return errors.Join(err, joined)
}

// send has the kernel carry out requests. It does so within the call, and waits for nobody but another request that
// changes some namespace's table at that moment.
func (s *socket) send(b []byte) error {
	var sent error
	err := s.raw.Write(func(fd uintptr) bool {
		_, sent = nowait(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
		return true
	})
	return errors.Join(err, sent)
}

func (s *socket) close() error { return s.file.Close() }
