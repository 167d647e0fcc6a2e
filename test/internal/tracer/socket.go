package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/arrival"
	"github.com/hapair-io/hapair/test/namespace"
)

const (
	// socketBuffer holds several seconds of all traffic, while this process waits for a processor.
	socketBuffer = 64 << 20
	// snap is how many bytes of a frame are read: all headers and a stamp.
	snap = 256
)

// socket is a packet socket on one interface. The kernel records when each frame arrived, so this process may read it
// late.
type socket struct {
	file *os.File
	conn syscall.RawConn
	// station of the interface.
	station Station
	control []byte
}

// openSocket opens a packet socket on an interface in the network namespace at a path. With protocol 0 it receives
// nothing and can only send.
func openSocket(path, ifname string, protocol uint16) (*socket, error) {
	var s *socket
	err := namespace.Do(path, func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		if len(ifi.HardwareAddr) != len(Station{}) {
			return fmt.Errorf("interface %s has no Ethernet address", ifname)
		}
		s, err = bindSocket(ifi, protocol)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket on %s: %w", ifname, err)
	}
	return s, nil
}

func bindSocket(ifi *net.Interface, protocol uint16) (*socket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "packet socket on "+ifi.Name)
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		// Frames arrive only from here on, so that the options above apply to the first of them.
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(protocol), Ifindex: ifi.Index}),
	)
	conn, connErr := file.SyscallConn()
	if err := errors.Join(err, connErr); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &socket{
		file: file, conn: conn, station: Station(ifi.HardwareAddr),
		control: make([]byte, arrival.ControlSize),
	}, nil
}

// received is one frame that was received.
type received struct {
	size int
	at   time.Time
	// outgoing is set for a frame that this host sent.
	outgoing bool
}

// receive waits for one frame and reads it into buffer. It returns os.ErrClosed after close. Only one goroutine may
// call it.
func (s *socket) receive(buffer []byte) (received, error) {
	var a received
	var controls int
	var from unix.Sockaddr
	var err error
	waitErr := s.conn.Read(func(fd uintptr) bool {
		a.size, controls, _, from, err = unix.Recvmsg(int(fd), buffer, s.control, 0)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	})
	if waitErr != nil {
		return received{}, os.ErrClosed // nothing else ends a wait without a deadline
	}
	if err != nil {
		return received{}, err
	}
	link, isLink := from.(*unix.SockaddrLinklayer)
	a.outgoing = isLink && link.Pkttype == unix.PACKET_OUTGOING
	at, ok := arrival.Time(s.control[:controls])
	if !ok {
		return received{}, errors.New("a frame came without its time")
	}
	a.at = at
	return a, nil
}

// each calls handle for every frame until close, which is no error. A link that goes down may come up again.
func (s *socket) each(handle func(f frame, a received)) error {
	buffer := make([]byte, snap)
	for {
		a, err := s.receive(buffer)
		switch {
		case errors.Is(err, unix.ENETDOWN): // reported once
		case errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return err
		default:
			if f, ok := parseFrame(buffer[:a.size]); ok {
				handle(f, a)
			}
		}
	}
}

// dropped returns how many frames the kernel dropped since the last call, because the buffer was full.
func (s *socket) dropped() (uint32, error) {
	var stats *unix.TpacketStats
	var err error
	if ctlErr := s.conn.Control(func(fd uintptr) {
		stats, err = unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	}); ctlErr != nil {
		return 0, ctlErr
	}
	if err != nil {
		return 0, fmt.Errorf("reading the statistics of a packet socket: %w", err)
	}
	return stats.Drops, nil
}

// send sends one frame. A full queue or a link that is down loses it, as it would lose a frame of any program.
func (s *socket) send(b []byte) error {
	_, err := s.file.Write(b)
	if errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.EAGAIN) {
		return nil
	}
	return err
}

func (s *socket) close() error { return s.file.Close() }

func bigEndian(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
