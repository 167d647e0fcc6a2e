package traffic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pollTimeout bounds how long the end of a connection is overlooked by whoever waits on it.
const pollTimeout = 100 * time.Millisecond

// socket is one that blocks. The runtime's own sockets wake a reader by way of other threads, which wait for a
// processor like everybody else.
type socket int

// open opens a socket in the network namespace of the calling thread.
func open(kind int) (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening a socket: %w", err)
	}
	s := socket(fd)
	timeout := unix.NsecToTimeval(int64(pollTimeout))
	err = errors.Join(
		os.NewSyscallError("SO_RCVTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)),
		os.NewSyscallError("SO_REUSEADDR", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)),
		// The kernel says when it received each datagram: that this process was late to read it is not the network's
		// silence. Of a stream it does not.
		os.NewSyscallError("SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)),
	)
	if err != nil {
		return -1, errors.Join(err, s.close())
	}
	return s, nil
}

// listen opens a server's socket.
func listen(kind int, at netip.AddrPort) (socket, error) {
	s, err := open(kind)
	if err != nil {
		return s, err
	}
	if err := unix.Bind(int(s), address(at)); err != nil {
		return -1, errors.Join(fmt.Errorf("binding to %s: %w", at, err), s.close())
	}
	if kind == unix.SOCK_STREAM {
		if err := unix.Listen(int(s), 1); err != nil {
			return -1, errors.Join(fmt.Errorf("listening on %s: %w", at, err), s.close())
		}
	}
	return s, nil
}

// dial opens a client's socket.
func dial(kind int, to netip.AddrPort) (socket, error) {
	s, err := open(kind)
	if err != nil {
		return s, err
	}
	if kind == unix.SOCK_STREAM {
		err = s.withoutDelay()
	}
	if err == nil {
		err = unix.Connect(int(s), address(to))
	}
	if err != nil {
		return -1, errors.Join(fmt.Errorf("connecting to %s: %w", to, err), s.close())
	}
	return s, nil
}

// accept waits for the one client of a server, for as long as the socket's time-out allows.
func (s socket) accept() (socket, netip.AddrPort, error) {
	fd, from, err := unix.Accept4(int(s), unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, netip.AddrPort{}, fmt.Errorf("accepting: %w", err)
	}
	accepted := socket(fd)
	timeout := unix.NsecToTimeval(int64(pollTimeout))
	err = errors.Join(accepted.withoutDelay(),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
	if err != nil {
		return -1, netip.AddrPort{}, errors.Join(fmt.Errorf("accepting: %w", err), accepted.close())
	}
	return accepted, addressOf(from), nil
}

// withoutDelay sends each number at once, also while others are not acknowledged.
func (s socket) withoutDelay() error {
	return os.NewSyscallError("TCP_NODELAY", unix.SetsockoptInt(int(s), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
}

func address(a netip.AddrPort) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

func addressOf(a unix.Sockaddr) netip.AddrPort {
	if v4, ok := a.(*unix.SockaddrInet4); ok {
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port))
	}
	return netip.AddrPort{}
}

// received is one read of a socket.
type received struct {
	size int
	from netip.AddrPort
	at   time.Time
}

// receive reads once. Where the kernel does not tell the time, it is that of the reading.
func (s socket) receive(frame, control []byte) (received, error) {
	n, oob, _, from, err := unix.Recvmsg(int(s), frame, control, 0)
	if err != nil {
		return received{}, err
	}
	return received{size: n, from: addressOf(from), at: stamped(control[:oob])}, nil
}

// stamped is when the kernel received what came with these control messages, see socket(7), SO_TIMESTAMPNS.
func stamped(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range messages {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
				seconds := int64(binary.NativeEndian.Uint64(m.Data))
				return time.Unix(seconds, int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now().Round(0)
}

// send sends without a signal when nobody is there to read any more.
func (s socket) send(frame []byte, to *unix.SockaddrInet4) error {
	if to == nil {
		_, err := unix.SendmsgN(int(s), frame, nil, nil, unix.MSG_NOSIGNAL)
		return err
	}
	return unix.Sendto(int(s), frame, unix.MSG_NOSIGNAL, to)
}

func (s socket) close() error { return unix.Close(int(s)) }

// isTimeout says whether nothing came, and one may wait again.
func isTimeout(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) }
