package addresses

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/kernel/socketfilter"
)

// tapBuffer bounds the memory for claims that have not been read, in bytes with the kernel's own overhead.
const tapBuffer = 64 << 10

// Tap opens a packet socket on the interface. It is one for all protocols, since those are the first to see a frame. A
// socket for one protocol comes after the filters of tc, and sees nothing that the gate drops. The price is that the
// socket's filter runs on every incoming frame while the addresses are attached.
func (e *Ethernet) Tap(link rtnetlink.Link, addresses []netip.Addr) (Tap, error) {
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	if err := tapInto(socket, link.Index, addresses); err != nil {
		return nil, errors.Join(fmt.Errorf("listening on interface %s: %w", link.Name, err), unix.Close(socket))
	}
	return os.NewFile(uintptr(socket), "tap of "+link.Name), nil
}

// tapInto binds the socket last, so that it receives nothing that has not passed the filter.
func tapInto(socket, index int, addresses []netip.Addr) error {
	if err := socketfilter.AttachProgram(socket, frame.ClaimFilter(addresses)); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUF, tapBuffer); err != nil {
		return fmt.Errorf("bounding the buffer: %w", err)
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return fmt.Errorf("sparing what goes out: %w", err)
	}
	protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	if err := unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: index}); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	return nil
}
