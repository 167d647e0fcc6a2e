package failover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// powerSwitch sets all interfaces of a machine down at once. It prepares one message to the kernel for all of them, so
// that less than a millisecond passes between the first and the last.
type powerSwitch struct {
	socket  int
	message []byte
	cables  int
}

// newPowerSwitch returns a switch for interfaces of a namespace.
func newPowerSwitch(t testing.TB, n *testbed.Namespace, cables ...string) *powerSwitch {
	t.Helper()
	p := &powerSwitch{cables: len(cables)}
	for i, cable := range cables {
		p.message = appendLinkDown(p.message, n.Link(t, cable).Index(), uint32(i+1))
	}
	err := n.Do(func() (err error) {
		p.socket, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		t.Fatalf("Opening netlink in %s: %v", n.Name, err)
	}
	t.Cleanup(func() { _ = unix.Close(p.socket) })
	return p
}

// appendLinkDown appends the request that sets an interface down: struct nlmsghdr, struct ifinfomsg (rtnetlink(7)).
func appendLinkDown(b []byte, index int, sequence uint32) []byte {
	const size = unix.SizeofNlMsghdr + unix.SizeofIfInfomsg
	b = binary.NativeEndian.AppendUint32(b, size)
	b = binary.NativeEndian.AppendUint16(b, unix.RTM_NEWLINK)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 0) // to the kernel
	b = append(b, unix.AF_UNSPEC, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = binary.NativeEndian.AppendUint32(b, 0)              // flags: not up
	return binary.NativeEndian.AppendUint32(b, unix.IFF_UP) // the one flag that changes
}

// off sets the interfaces down. It returns the times before the first and after the last of them.
func (p *powerSwitch) off() (first, last time.Time, err error) {
	first = time.Now()
	if err := unix.Sendto(p.socket, p.message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return first, last, fmt.Errorf("setting interfaces down: %w", err)
	}
	last = time.Now()
	buffer := make([]byte, 4096)
	for answered := 0; answered < p.cables; {
		n, _, err := unix.Recvfrom(p.socket, buffer, 0)
		if err != nil {
			return first, last, fmt.Errorf("setting interfaces down: %w", err)
		}
		count, err := answers(buffer[:n])
		if err != nil {
			return first, last, fmt.Errorf("setting interfaces down: %w", err)
		}
		answered += count
	}
	return first, last, nil
}

var errAnswer = errors.New("malformed netlink answer")

// answers returns the number of acknowledgements: struct nlmsgerr with an error of 0.
func answers(b []byte) (int, error) {
	count := 0
	for len(b) > 0 {
		if len(b) < unix.SizeofNlMsghdr+4 {
			return 0, errAnswer
		}
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr+4 || size > len(b) || binary.NativeEndian.Uint16(b[4:]) != unix.NLMSG_ERROR {
			return 0, errAnswer
		}
		if code := int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:])); code != 0 {
			return 0, unix.Errno(-code)
		}
		count++
		b = b[min((size+3)&^3, len(b)):]
	}
	return count, nil
}
