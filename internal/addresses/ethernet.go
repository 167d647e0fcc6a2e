package addresses

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Ethernet is the real wire: one packet socket for all interfaces of the network namespace in which it was opened. It
// needs NET_RAW.
//
// It stays open and is bound to no interface. Closing a packet socket takes the kernel some 15 ms, and the neighbours
// on the next interface would wait for their announcement. An interface that was replaced under its name needs no new
// socket.
type Ethernet struct{ socket int }

// sendBuffer bounds the frames that wait in the queues of interfaces, in bytes with the kernel's own overhead of some
// 800 bytes a frame. A round has up to three frames for each two virtual addresses, of which a network has up to 64.
const sendBuffer = 2 << 20

// OpenEthernet opens the socket. It is bound to no protocol, and so receives nothing.
func OpenEthernet() (*Ethernet, error) {
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer); err != nil {
		return nil, errors.Join(fmt.Errorf("sizing the buffer of a packet socket: %w", err), unix.Close(socket))
	}
	return &Ethernet{socket: socket}, nil
}

// Close closes the socket.
func (e *Ethernet) Close() error { return unix.Close(e.socket) }

// Send sends the frames on the interface. A frame fails if the interface's queue is full; it does not wait.
func (e *Ethernet) Send(link rtnetlink.Link, frames [][]byte) error {
	for _, f := range frames {
		to := &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6, Addr: [8]byte(append(f[0:6:6], 0, 0))}
		if err := unix.Sendto(e.socket, f, unix.MSG_DONTWAIT, to); err != nil {
			return fmt.Errorf("sending a frame: %w", err)
		}
	}
	return nil
}
