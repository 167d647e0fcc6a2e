package rtnetlink

import (
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ParseMAC reads an Ethernet address as it is written, such as 02:00:5e:10:00:01. The zero address and groups are no
// addresses of an interface.
func ParseMAC(text string) (MAC, error) {
	parsed, err := net.ParseMAC(text)
	switch {
	case err != nil:
		return MAC{}, fmt.Errorf("%q is no MAC address, as 02:00:5e:10:00:01 is: %w", text, err)
	case len(parsed) != len(MAC{}):
		return MAC{}, fmt.Errorf("MAC address %s has %d bytes instead of six", text, len(parsed))
	case MAC(parsed) == MAC{} || parsed[0]&1 != 0:
		return MAC{}, fmt.Errorf("MAC address %s is not that of a single station", text)
	}
	return MAC(parsed), nil
}

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// MarshalText writes the address as ParseMAC reads it.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMAC.
func (m *MAC) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMAC(string(text))
	return err
}

// SetMAC gives an interface its address, also while the interface is up. The kernel forgets the neighbours that it
// knows on the interface, those that were set by hand too, and keeps IP addresses and routes.
//
// For a macvlan that is up the kernel waits for an RCU grace period meanwhile, some 8 ms on an idle machine and up to
// 40 ms on a busy one; where rcupdate.rcu_expedited is set, a tenth of a millisecond. Others take that much anyway.
func (c *Conn) SetMAC(index int, mac MAC) error {
	_, err := c.execute(request{
		kind:   unix.RTM_SETLINK,
		flags:  netlink.Acknowledge,
		header: linkHeader(index),
		encode: func(ae *netlink.AttributeEncoder) { ae.Bytes(unix.IFLA_ADDRESS, mac[:]) },
	})
	if err != nil {
		return fmt.Errorf("setting MAC address %s of interface %d: %w", mac, index, explainMAC(err))
	}
	return nil
}

// explainMAC adds to the kernel's few words what a person can do.
func explainMAC(err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w; another macvlan on the same parent has it: place the two units on different nodes", err)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w; this kind of interface keeps its address: use another attachment, or no virtual MAC", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w; the container needs the capability NET_ADMIN, and an SR-IOV function must be trusted", err)
	default:
		return err
	}
}
