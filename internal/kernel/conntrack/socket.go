package conntrack

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

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

// socket is a netlink socket that waits in Go's poller, so that waiting costs no thread and a context ends it.
type socket struct {
	file *os.File
	raw  syscall.RawConn
}

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
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
	// Answers need not repeat the request.
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1); err != nil {
		return fmt.Errorf("preparing netfilter socket: %w", err)
	}
	return nil
}

func (s *socket) join(group int) error {
	var joined error
	err := s.raw.Control(func(fd uintptr) {
		joined = unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	})
	return errors.Join(err, joined)
}

func (s *socket) send(b []byte) error {
	var sent error
	err := s.raw.Write(func(fd uintptr) bool {
		_, sent = unix.Write(int(fd), b)
		return !errors.Is(sent, unix.EAGAIN)
	})
	return errors.Join(err, sent)
}

// deadline ends waiting, now and later, from the moment on; the zero time takes it away.
func (s *socket) deadline(at time.Time) error { return s.file.SetReadDeadline(at) }

func (s *socket) close() error { return s.file.Close() }
