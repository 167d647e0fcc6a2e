package traffic

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/arrival"
)

const (
	// pollTimeout bounds how long a blocked read takes to notice that its connection was ended.
	pollTimeout = 100 * time.Millisecond
	// connectTimeout bounds the setup of a connection.
	connectTimeout = 10 * time.Second
)

// controlSize is the size of a buffer for control messages.
const controlSize = arrival.ControlSize

// Kind is the kind of a connection: TCP or UDP.
type Kind int

// The kinds of connections.
const (
	TCP Kind = unix.SOCK_STREAM
	UDP Kind = unix.SOCK_DGRAM
)

// socket is a blocking socket. The Go runtime's sockets wake a reader through other threads, which wait for a processor
// like everybody else.
type socket int

// open opens a socket in the network namespace of the calling thread.
func open(kind Kind, family int) (socket, error) {
	fd, err := unix.Socket(family, int(kind)|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening a socket: %w", err)
	}
	s := socket(fd)
	receive, send := unix.NsecToTimeval(int64(pollTimeout)), unix.NsecToTimeval(int64(connectTimeout))
	err = errors.Join(
		os.NewSyscallError("SO_RCVTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &receive)),
		os.NewSyscallError("SO_SNDTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &send)),
		os.NewSyscallError("SO_REUSEADDR", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)),
		// The kernel records when it received each datagram. If this process reads it late, the network was not silent.
		// For a stream the kernel records nothing.
		os.NewSyscallError("SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)),
	)
	if err != nil {
		return -1, errors.Join(err, s.close())
	}
	return s, nil
}

// backlog is how many connections may wait to be accepted.
const backlog = 128

// listen opens a server's socket.
func listen(kind Kind, at netip.AddrPort) (socket, error) {
	s, err := open(kind, familyOf(at))
	if err != nil {
		return s, err
	}
	if err := unix.Bind(int(s), sockaddr(at)); err != nil {
		return -1, errors.Join(fmt.Errorf("binding to %s: %w", at, err), s.close())
	}
	if kind == TCP {
		if err := unix.Listen(int(s), backlog); err != nil {
			return -1, errors.Join(fmt.Errorf("listening on %s: %w", at, err), s.close())
		}
	}
	return s, nil
}

// dial opens a client's socket.
func dial(kind Kind, to netip.AddrPort) (socket, error) {
	s, err := open(kind, familyOf(to))
	if err != nil {
		return s, err
	}
	if kind == TCP {
		err = s.withoutDelay()
	}
	if err == nil {
		err = unix.Connect(int(s), sockaddr(to))
	}
	if err == nil {
		// A send waits without a limit from here on, as TCP repeats it.
		err = unix.SetsockoptTimeval(int(s), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{})
	}
	if err != nil {
		return -1, errors.Join(fmt.Errorf("connecting to %s: %w", to, err), s.close())
	}
	return s, nil
}

// listener is the listening socket of a server.
type listener struct{ socket }

// accept waits for a client, for at most the timeout of the socket.
func (l listener) accept() (end, netip.AddrPort, error) {
	fd, from, err := unix.Accept4(int(l.socket), unix.SOCK_CLOEXEC)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("accepting: %w", err)
	}
	accepted := socket(fd)
	timeout := unix.NsecToTimeval(int64(pollTimeout))
	err = errors.Join(accepted.withoutDelay(),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{}))
	if err != nil {
		return nil, netip.AddrPort{}, errors.Join(fmt.Errorf("accepting: %w", err), accepted.close())
	}
	return accepted, addressOf(from), nil
}

// withoutDelay makes the kernel send each number at once, also while others are not acknowledged.
func (s socket) withoutDelay() error {
	return os.NewSyscallError("TCP_NODELAY", unix.SetsockoptInt(int(s), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
}

// local returns the socket's own address and port.
func (s socket) local() (netip.AddrPort, error) {
	address, err := unix.Getsockname(int(s))
	return addressOf(address), os.NewSyscallError("getsockname", err)
}

func familyOf(a netip.AddrPort) int {
	if a.Addr().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func addressOf(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	default:
		return netip.AddrPort{}
	}
}

// received is the result of one read.
type received struct {
	size int
	from netip.AddrPort
	at   time.Time
}

// receive reads once. Without a time from the kernel, the time of arrival is that of the read.
func (s socket) receive(frame, control []byte) (received, error) {
	n, oob, _, from, err := unix.Recvmsg(int(s), frame, control, 0)
	if err != nil {
		return received{}, err
	}
	at, ok := arrival.Time(control[:oob])
	if !ok {
		at = time.Now().Round(0)
	}
	return received{size: n, from: addressOf(from), at: at}, nil
}

// send sends a frame. A peer that is gone causes an error and no signal.
func (s socket) send(frame []byte, to unix.Sockaddr) error {
	if to == nil {
		_, err := unix.SendmsgN(int(s), frame, nil, nil, unix.MSG_NOSIGNAL)
		return err
	}
	return unix.Sendto(int(s), frame, unix.MSG_NOSIGNAL, to)
}

// shutdown ends a send that waits for an acknowledgement, and every read.
func (s socket) shutdown() { _ = unix.Shutdown(int(s), unix.SHUT_RDWR) }

func (s socket) close() error { return unix.Close(int(s)) }

// isTimeout reports whether nothing arrived in time and the caller may try again.
func isTimeout(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) }
